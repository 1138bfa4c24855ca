//! Flat shapes with holes: union, widening, and the prism over them.
//!
//! In: closed rings in millimetres, outer ones counter-clockwise and holes clockwise; they may overlap. Out: a [`Shape`],
//! whose rings neither cross nor overlap. Unions and offsets are computed on a grid of 1e-8 mm (Clipper's method:
//! B. R. Vatti, "A generic solution to polygon clipping", CACM 35(7), 1992), prisms have their corners on
//! [`GRID`], so that nothing is rounded later. Cost: some milliseconds for a line of text.

use crate::print::solid::Solid;
use crate::scene::Mesh;
use manifold_rust::cross_section::CrossSection;
use manifold_rust::linalg::Vec2;
use manifold_rust::polygon;
use nalgebra::{Vector2, Vector3};

/// Corners of prisms lie on multiples of this, in millimetres.
pub const GRID: f64 = 1.0 / 4096.0;
/// How far a rounded corner may be from its arc, in millimetres.
const ROUNDNESS: f64 = 0.01;

/// A ring, the last corner not repeated.
pub type Ring = Vec<Vector2<f64>>;

/// One or more polygons with holes, each an outer ring first and then its holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// The polygons.
    pub polygons: Vec<Vec<Ring>>,
}

impl Shape {
    /// The places around which the rings wind at least once.
    pub fn of(rings: &[Ring]) -> Self {
        Self::from_section(&CrossSection::new(rings.iter().map(to_engine).collect()))
    }

    /// Every border moved outwards by `by` with round corners.
    pub fn widened(&self, by: f64) -> Self {
        if by <= 0.0 {
            return self.clone();
        }
        Self::from_section(&offset(&self.section(), by))
    }

    /// What is not of the shape made at least `width` wide everywhere inside its box: notches end where they are narrower.
    /// The closing of mathematical morphology, by a disc.
    pub fn closed(&self, width: f64) -> Self {
        if width <= 0.0 {
            return self.clone();
        }
        let by = width / 2.0;
        Self::from_section(&offset(&offset(&self.section(), by), -by).simplify(ROUNDNESS / 2.0))
    }

    /// What is of the shape made at least `width` wide everywhere: tips end where they are narrower. The opening of
    /// mathematical morphology, by a disc.
    pub fn opened(&self, width: f64) -> Self {
        if width <= 0.0 {
            return self.clone();
        }
        let by = width / 2.0;
        Self::from_section(&offset(&offset(&self.section(), -by), by).simplify(ROUNDNESS / 2.0))
    }

    fn section(&self) -> CrossSection {
        CrossSection::new(self.rings().map(to_engine).collect())
    }

    /// All rings.
    pub fn rings(&self) -> impl Iterator<Item = &Ring> {
        self.polygons.iter().flatten()
    }

    /// Lower and upper corner of the box around it.
    pub fn bounds(&self) -> Option<(Vector2<f64>, Vector2<f64>)> {
        let mut points = self.rings().flatten();
        let first = *points.next()?;
        Some(points.fold((first, first), |(lo, hi), p| (lo.inf(p), hi.sup(p))))
    }

    /// How far the shape must move to the right so that, along x, none of it is left of the right border of `before`; zero
    /// where that is so.
    pub fn overlap(&self, before: &Self) -> f64 {
        // Both borders are linear between the heights of corners.
        let heights = self.rings().chain(before.rings()).flatten().map(|p| p.y);
        let room = |y: f64| Some(before.along(y)?.1 - self.along(y)?.0);
        heights.filter_map(room).fold(0.0, f64::max)
    }

    /// From where to where the shape reaches at this height.
    fn along(&self, y: f64) -> Option<(f64, f64)> {
        let sides = self.rings().flat_map(|r| (0..r.len()).map(|i| (r[i], r[(i + 1) % r.len()])));
        let crossed = sides.filter(|(a, b)| a.y.min(b.y) <= y && y <= a.y.max(b.y));
        let ends = crossed.map(|(a, b)| {
            if a.y == b.y {
                return (a.x.min(b.x), a.x.max(b.x));
            }
            let x = a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y);
            (x, x)
        });
        ends.reduce(|all, end| (all.0.min(end.0), all.1.max(end.1)))
    }

    /// Each corner moved by a map that keeps the turning sense.
    pub fn mapped(&self, map: impl Fn(&Vector2<f64>) -> Vector2<f64>) -> Self {
        let ring = |r: &Ring| r.iter().map(&map).collect();
        Self { polygons: self.polygons.iter().map(|p| p.iter().map(ring).collect()).collect() }
    }

    /// Area without the holes.
    pub fn area(&self) -> f64 {
        self.rings().map(|r| crate::print::outline::area(r)).sum()
    }

    /// The plain closed prism over it, from `low` to `high`, with its corners rounded to [`GRID`].
    pub fn prism(&self, low: f64, high: f64) -> Solid {
        let mut mesh = Mesh::default();
        for polygon in &self.polygons {
            let rings: Vec<Ring> = polygon.iter().map(on_grid).filter(|r| r.len() >= 3).collect();
            add_prism(&mut mesh, &rings, low, high);
        }
        Solid::plain(mesh)
    }

    fn from_section(section: &CrossSection) -> Self {
        let mut polygons = Vec::new();
        for piece in section.decompose() {
            let mut rings: Vec<Ring> = piece.to_polygons().iter().map(|r| from_engine(r)).collect();
            rings.retain(|r| r.len() >= 3);
            rings.sort_by(|a, b| crate::print::outline::area(b).total_cmp(&crate::print::outline::area(a)));
            if !rings.is_empty() {
                polygons.push(rings);
            }
        }
        Self { polygons }
    }
}

/// With round corners.
fn offset(section: &CrossSection, by: f64) -> CrossSection {
    let step = (1.0 - (ROUNDNESS / by.abs()).min(0.5)).acos();
    let corners = (std::f64::consts::PI / step).ceil().clamp(8.0, 256.0) as i32;
    section.offset_with_params(by, 1, 2.0, corners)
}

fn to_engine(ring: &Ring) -> Vec<Vec2> {
    ring.iter().map(|p| Vec2::new(p.x, p.y)).collect()
}

fn from_engine(ring: &[Vec2]) -> Ring {
    ring.iter().map(|p| Vector2::new(p.x, p.y)).collect()
}

fn on_grid(ring: &Ring) -> Ring {
    let mut ring: Ring = ring.iter().map(|p| p.map(|x| (x / GRID).round() * GRID + 0.0)).collect();
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring
}

fn add_prism(mesh: &mut Mesh, rings: &[Ring], low: f64, high: f64) {
    let first = mesh.vertices.len() as u32;
    let n = rings.iter().map(Vec::len).sum::<usize>() as u32;
    for z in [low, high] {
        mesh.vertices.extend(rings.iter().flatten().map(|p| Vector3::new(p.x, p.y, z)));
    }
    let contours = rings.iter().map(to_engine).collect();
    for t in polygon::triangulate(&contours, 0.0, true) {
        let [a, b, c] = [t.x, t.y, t.z].map(|v| first + v as u32);
        mesh.triangles.extend([[a, c, b], [n + a, n + b, n + c]]);
    }
    let mut start = first;
    for ring in rings {
        let m = ring.len() as u32;
        for i in 0..m {
            let (a, b) = (start + i, start + (i + 1) % m);
            mesh.triangles.extend([[a, b, n + b], [a, n + b, n + a]]);
        }
        start += m;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;

    fn square(low: f64, high: f64) -> Ring {
        [(low, low), (high, low), (high, high), (low, high)].map(|(x, y)| Vector2::new(x, y)).to_vec()
    }

    #[test]
    fn a_shape_moves_right_until_it_clears_the_one_before_in_every_row() {
        let before = Shape::of(&[square(0.0, 4.0)]);
        // Triangles that point left: tips inside of the square, on it, above it, and such that a side meets its corner.
        for (x, y, expected) in [(3.5, 2.0, 0.5), (4.0, 2.0, 0.0), (9.0, 2.0, 0.0), (3.5, 5.0, 0.0), (2.0, 4.5, 1.0)] {
            let corners = [(x, y), (x + 2.0, y - 1.0), (x + 2.0, y + 1.0)].map(|(x, y)| Vector2::new(x, y));
            let overlap = Shape::of(&[corners.to_vec()]).overlap(&before);
            assert!((overlap - expected).abs() < 1e-7, "{x} {y}: {overlap}");
        }
    }

    #[test]
    fn a_frame_has_its_area_and_its_volume_before_and_after_it_is_widened() {
        let mut hole = square(1.0, 3.0);
        hole.reverse();
        let frame = Shape::of(&[square(0.0, 3.5), square(0.5, 4.0), hole.clone()]);
        assert!(frame.polygons.len() == 1 && (frame.area() - 15.5).abs() < 1e-9, "a second layer fills nothing twice");
        let frame = Shape::of(&[square(0.0, 4.0), hole]);
        assert_eq!(frame.area(), 12.0);
        let wide = frame.widened(0.5);
        let expected = 16.0 + 4.0 * 4.0 * 0.5 + std::f64::consts::PI * 0.25 - 1.0;
        // Chords of the round corners lie inside of their arcs.
        assert!((wide.area() - expected).abs() < 0.03, "{} {expected}", wide.area());
        // A wedge is filled as far as it is narrower, and nothing else changes.
        let notched =
            Shape::of(&[[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.4, 4.0), (2.0, 1.0), (1.6, 4.0), (0.0, 4.0)]
                .map(|(x, y)| Vector2::new(x, y))
                .to_vec()]);
        let closed = notched.closed(0.4);
        let slope: f64 = 0.4 / 3.0;
        // The disc rests on both sides of the wedge.
        let (half, deep) = (slope.atan(), 0.2 / slope.atan().sin());
        let filled = 0.2 * (deep * half.cos()) - 0.04 * (std::f64::consts::FRAC_PI_2 - half);
        assert!((closed.area() - notched.area() - filled).abs() < 0.02, "{} {filled}", closed.area() - notched.area());
        let (low, high) = closed.bounds().expect("a shape");
        assert!(low.amax() < 0.01 && (high - Vector2::new(4.0, 4.0)).amax() < 0.01, "{low} {high}");
        // The same of a tooth.
        let toothed =
            Shape::of(&[[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.4, 4.0), (2.0, 7.0), (1.6, 4.0), (0.0, 4.0)]
                .map(|(x, y)| Vector2::new(x, y))
                .to_vec()]);
        let opened = toothed.opened(0.4);
        let corners = 5.0 * (1.0 - std::f64::consts::FRAC_PI_4) * 0.04;
        assert!((toothed.area() - opened.area() - filled - corners).abs() < 0.02, "{}", toothed.area() - opened.area());
        let (low, high) = opened.bounds().expect("a shape");
        assert!(low.amax() < 0.01 && (high - Vector2::new(4.0, 7.2 - deep)).amax() < 0.02, "{low} {high}");
        for shape in [frame, wide, closed, opened] {
            let report = inspect(&shape.prism(1.0, 3.0).mesh);
            assert!(report.is_solid() && report.euler % 2 == 0, "{report:?}");
            assert!((report.volume / 2.0 - shape.area()).abs() < 0.01);
        }
    }
}
