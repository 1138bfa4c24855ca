//! The area as something to take hold of: kinds, handles, and what dragging one of them makes of the area.
//!
//! In and out: [`Area`]s and points in the local frame (metres, or the city's unit). Nothing here draws.

use crate::print::{Area, Rectangle};
use nalgebra::{Rotation2, Vector2};
use std::f64::consts::{PI, TAU};

/// What an area may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The program takes the largest well-covered rectangle.
    Automatic,
    Rectangle,
    Circle,
    Polygon,
}

impl Kind {
    pub(super) const ALL: [(Self, &'static str); 4] = [
        (Self::Automatic, "Automatic"),
        (Self::Rectangle, "Rectangle"),
        (Self::Circle, "Circle"),
        (Self::Polygon, "Polygon"),
    ];

    pub(super) fn of(area: Option<&Area>) -> Self {
        match area {
            None => Self::Automatic,
            Some(Area::Rectangle(_)) => Self::Rectangle,
            Some(Area::Circle { .. }) => Self::Circle,
            Some(Area::Polygon(_)) => Self::Polygon,
        }
    }

    /// The area of this kind in the place of another one.
    pub(super) fn from(self, area: &Area) -> Option<Area> {
        let frame = area.frame();
        Some(match self {
            Self::Automatic => return None,
            Self::Rectangle => frame.into(),
            Self::Circle => Area::Circle { centre: frame.centre, radius: frame.size.min() / 2.0 },
            Self::Polygon => Area::Polygon(corners(&frame).into()),
        })
    }
}

/// Something of an area that can be dragged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handle {
    /// The whole.
    Body,
    /// Corner of a rectangle: signs along its own axes.
    Corner(i8, i8),
    /// Side of a rectangle.
    Side(i8, i8),
    /// Turns it about its middle.
    Turn,
    /// A point of a circle.
    Radius(u8),
    /// Corner of a polygon.
    Vertex(usize),
    /// Middle of the side of a polygon after this corner: becomes a corner when dragged.
    Middle(usize),
}

const CORNERS: [(i8, i8); 4] = [(-1, -1), (1, -1), (1, 1), (-1, 1)];
const SIDES: [(i8, i8); 4] = [(0, -1), (1, 0), (0, 1), (-1, 0)];

fn corners(r: &Rectangle) -> [Vector2<f64>; 4] {
    CORNERS.map(|s| place(r, s))
}

fn sign((x, y): (i8, i8)) -> Vector2<f64> {
    Vector2::new(f64::from(x), f64::from(y))
}

fn place(r: &Rectangle, s: (i8, i8)) -> Vector2<f64> {
    r.centre + Rotation2::new(r.azimuth) * (r.size / 2.0).component_mul(&sign(s))
}

/// The outline in the local frame.
pub(super) fn ring(area: &Area) -> Vec<Vector2<f64>> {
    match area {
        Area::Rectangle(r) => corners(r).into(),
        Area::Circle { centre, radius } => {
            let at = |i: i32| Rotation2::new(TAU * f64::from(i) / 96.0) * Vector2::new(*radius, 0.0) + centre;
            (0..96).map(at).collect()
        }
        Area::Polygon(ring) => ring.clone(),
    }
}

/// Whether a point is inside.
pub(super) fn contains(area: &Area, p: &Vector2<f64>) -> bool {
    match area {
        Area::Rectangle(r) => {
            let own = r.to_own(p);
            own.x.abs() <= r.size.x / 2.0 && own.y.abs() <= r.size.y / 2.0
        }
        Area::Circle { centre, radius } => (p - centre).norm() <= *radius,
        Area::Polygon(ring) => crate::print::outline::contains(ring, p),
    }
}

/// Square units of ground.
pub(super) fn ground(area: &Area) -> f64 {
    match area {
        Area::Rectangle(r) => r.size.x * r.size.y,
        Area::Circle { radius, .. } => PI * radius * radius,
        Area::Polygon(ring) => crate::print::outline::area(ring).abs(),
    }
}

/// The handles and where they are; that for turning is `gap` beyond the upper side.
pub(super) fn handles(area: &Area, gap: f64) -> Vec<(Handle, Vector2<f64>)> {
    match area {
        Area::Rectangle(r) => {
            let mut all: Vec<_> = SIDES.iter().map(|&s| (Handle::Side(s.0, s.1), place(r, s))).collect();
            all.extend(CORNERS.iter().map(|&s| (Handle::Corner(s.0, s.1), place(r, s))));
            let up = Vector2::new(0.0, r.size.y / 2.0 + gap);
            all.push((Handle::Turn, r.centre + Rotation2::new(r.azimuth) * up));
            all
        }
        Area::Circle { centre, radius } => {
            SIDES.iter().zip(0..).map(|(&s, i)| (Handle::Radius(i), centre + sign(s) * *radius)).collect()
        }
        Area::Polygon(ring) => {
            let next = |i: usize| ring[(i + 1) % ring.len()];
            let mut all: Vec<_> =
                ring.iter().enumerate().map(|(i, p)| (Handle::Middle(i), (p + next(i)) / 2.0)).collect();
            all.extend(ring.iter().enumerate().map(|(i, p)| (Handle::Vertex(i), *p)));
            let frame = area.frame();
            all.push((Handle::Turn, frame.centre + Vector2::new(0.0, frame.size.y / 2.0 + gap)));
            all
        }
    }
}

/// What an area becomes when a handle of it is dragged from one point to another; no side becomes shorter than `least`.
pub(super) fn dragged(area: &Area, handle: Handle, from: &Vector2<f64>, to: &Vector2<f64>, least: f64) -> Area {
    let by = to - from;
    let mut area = area.clone();
    match (&mut area, handle) {
        (_, Handle::Body) => return shifted(&area, &by),
        (_, Handle::Turn) => {
            let centre = area.frame().centre;
            let angle = |p: &Vector2<f64>| (p.y - centre.y).atan2(p.x - centre.x);
            return turned(&area, angle(to) - angle(from));
        }
        (Area::Rectangle(r), Handle::Corner(x, y) | Handle::Side(x, y)) => {
            let s = sign((x, y));
            let turn = Rotation2::new(r.azimuth);
            // The opposite corner or side stays.
            let moved = turn.inverse() * by;
            let old = r.size;
            for k in 0..2 {
                if s[k] != 0.0 {
                    r.size[k] = (old[k] + s[k] * moved[k]).max(least);
                }
            }
            r.centre += turn * ((r.size - old) / 2.0).component_mul(&s);
        }
        (Area::Circle { centre, radius }, Handle::Radius(_)) => *radius = (to - *centre).norm().max(least / 2.0),
        (Area::Polygon(ring), Handle::Vertex(i)) if i < ring.len() => ring[i] += by,
        (Area::Polygon(ring), Handle::Middle(i)) if i < ring.len() => {
            let middle = (ring[i] + ring[(i + 1) % ring.len()]) / 2.0;
            ring.insert(i + 1, middle + by);
        }
        _ => {}
    }
    area
}

fn shifted(area: &Area, by: &Vector2<f64>) -> Area {
    match area {
        Area::Rectangle(r) => Rectangle { centre: r.centre + by, ..*r }.into(),
        Area::Circle { centre, radius } => Area::Circle { centre: centre + by, radius: *radius },
        Area::Polygon(ring) => Area::Polygon(ring.iter().map(|p| p + by).collect()),
    }
}

/// Turned about its middle, counter-clockwise.
pub(super) fn turned(area: &Area, angle: f64) -> Area {
    match area {
        Area::Rectangle(r) => Rectangle { azimuth: (r.azimuth + angle + PI).rem_euclid(TAU) - PI, ..*r }.into(),
        Area::Circle { .. } => area.clone(),
        Area::Polygon(ring) => {
            let centre = area.frame().centre;
            Area::Polygon(ring.iter().map(|p| Rotation2::new(angle) * (p - centre) + centre).collect())
        }
    }
}

/// As large times `by`, about its middle.
pub(super) fn scaled(area: &Area, by: f64) -> Area {
    match area {
        Area::Rectangle(r) => Rectangle { size: r.size * by, ..*r }.into(),
        Area::Circle { centre, radius } => Area::Circle { centre: *centre, radius: radius * by },
        Area::Polygon(ring) => {
            let centre = area.frame().centre;
            Area::Polygon(ring.iter().map(|p| (p - centre) * by + centre).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rectangle(azimuth: f64) -> Area {
        Rectangle { centre: Vector2::new(10.0, 5.0), size: Vector2::new(40.0, 20.0), azimuth }.into()
    }

    #[test]
    fn dragging_a_corner_keeps_the_opposite_one() {
        for azimuth in [0.0, 0.7, -2.0] {
            let before = rectangle(azimuth);
            for (handle, at) in handles(&before, 4.0) {
                let Handle::Corner(x, y) = handle else { continue };
                let to = at + Vector2::new(3.0, -2.0);
                let Area::Rectangle(after) = dragged(&before, handle, &at, &to, 0.5) else { panic!("a rectangle") };
                assert!((place(&after, (x, y)) - to).norm() < 1e-9);
                let opposite = place(&before.frame(), (-x, -y));
                assert!((place(&after, (-x, -y)) - opposite).norm() < 1e-9);
            }
        }
        let squeezed = dragged(&rectangle(0.0), Handle::Side(1, 0), &Vector2::zeros(), &Vector2::new(-900.0, 0.0), 0.5);
        assert_eq!(squeezed.frame().size, Vector2::new(0.5, 20.0));
    }

    #[test]
    fn turning_and_scaling_keep_the_middle() {
        let area = rectangle(0.0);
        let (_, at) = handles(&area, 4.0).into_iter().find(|h| h.0 == Handle::Turn).expect("a handle");
        assert_eq!(at, Vector2::new(10.0, 19.0));
        let quarter = dragged(&area, Handle::Turn, &at, &Vector2::new(-20.0, 5.0), 0.5);
        assert!((quarter.frame().azimuth - PI / 2.0).abs() < 1e-12 && quarter.frame().centre == area.frame().centre);
        assert!((ground(&scaled(&quarter, 0.5)) - 200.0).abs() < 1e-9);
        let polygon = Kind::Polygon.from(&area).expect("a polygon");
        assert!((ground(&turned(&polygon, 0.3)) - 800.0).abs() < 1e-9);
        assert!(
            contains(&polygon, &Vector2::new(29.0, 14.0))
                && !contains(&turned(&polygon, 0.3), &Vector2::new(29.0, 14.0))
        );
    }

    #[test]
    fn a_middle_of_a_side_becomes_a_corner() {
        let polygon = Kind::Polygon.from(&rectangle(0.0)).expect("a polygon");
        let (handle, at) = handles(&polygon, 1.0)[0];
        let Area::Polygon(ring) = dragged(&polygon, handle, &at, &(at - Vector2::y()), 0.5) else {
            panic!("a polygon")
        };
        assert_eq!((ring.len(), ring[1]), (5, Vector2::new(10.0, -6.0)));
        for (kind, _) in Kind::ALL {
            assert_eq!(Kind::of(kind.from(&polygon).as_ref()), kind);
        }
    }
}
