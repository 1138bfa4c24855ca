//! What was done to single things of a part for the sake of the printer, so that a person can count and see it.
//!
//! In: the places that were thickened, shaved or filled, as balls in the part's millimetres, and the classes of the city
//! under them. Out: one [`Change`] for each connected group of places, the largest first. Results do not depend on the
//! number of threads.

use super::Frame;
use super::judge::connected;
use super::level_set::Ball;
use super::nearest::Classes;
use crate::scene::SurfaceClass;
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A thin thing was made as thick as the thinnest wall.
    Thickened,
    /// Something too thin and too low to be kept was taken away.
    Shaved,
    /// A gap too narrow to stay open was filled.
    Filled,
}

impl Act {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Thickened => "thickened",
            Self::Shaved => "shaved",
            Self::Filled => "gap filled",
        }
    }
}

/// One thing that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What was done.
    pub act: Act,
    /// On what; absent where the city has no classes.
    pub class: Option<SurfaceClass>,
    /// Its middle, in millimetres from the lower left corner of the whole.
    pub at: [f64; 3],
    /// Its surface in square millimetres.
    pub area_mm2: f64,
}

/// Groups places that are closer than `side` or so, each of which stands for `square` of surface.
pub fn group(balls: &[Ball], act: Act, (classes, frame): (Classes, &Frame), side: f64, square: f64) -> Vec<Change> {
    let centres: Vec<Vector3<f64>> = balls.iter().map(|b| b.centre).collect();
    let change = |group: &Vec<u32>| {
        let places: Vec<Vector3<f64>> = group.iter().map(|&i| centres[i as usize]).collect();
        let middle = places.iter().sum::<Vector3<f64>>() / places.len() as f64;
        // The place of the group that is nearest to its middle, which may lie beside a bent thing.
        let near = |p: &Vector3<f64>| (p - middle).norm_squared();
        let at = places.iter().copied().reduce(|a, b| if near(&b) < near(&a) { b } else { a }).unwrap_or(middle);
        let class = classes.at(&frame.city_from_part(&at));
        Change { act, class, at: at.into(), area_mm2: places.len() as f64 * square }
    };
    let mut found: Vec<Change> = connected(&centres, side).iter().map(change).collect();
    found.sort_by(|a, b| b.area_mm2.total_cmp(&a.area_mm2));
    found
}

/// How many things of each class each act changed, and their surface in square millimetres.
pub fn counted(changes: &[Change]) -> Vec<(Act, Option<SurfaceClass>, usize, f64)> {
    let mut counts: BTreeMap<(Act, Option<SurfaceClass>), (usize, f64)> = BTreeMap::new();
    for change in changes {
        let slot = counts.entry((change.act, change.class)).or_default();
        *slot = (slot.0 + 1, slot.1 + change.area_mm2);
    }
    counts.into_iter().map(|((act, class), (n, area))| (act, class, n, area)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::nearest::Nearest;
    use crate::print::{Area, PartOptions, area::Rectangle};
    use crate::scene::City;
    use crate::scene::Mesh;
    use nalgebra::Vector2;

    /// Ground of 20 x 20 m with a car in one corner.
    fn city() -> City {
        let square = |x: f64, y: f64, s: f64, z: f64| {
            [[x, y], [x + s, y], [x + s, y + s], [x, y + s]].map(|[x, y]| Vector3::new(x, y, z)).to_vec()
        };
        let mut mesh = Mesh { vertices: square(-10.0, -10.0, 20.0, 0.0), triangles: vec![[0, 1, 2], [0, 2, 3]] };
        mesh.vertices.extend(square(4.0, 4.0, 2.0, 1.0));
        mesh.triangles.extend([[4, 5, 6], [4, 6, 7]]);
        let classes = [SurfaceClass::Ground, SurfaceClass::Ground, SurfaceClass::Car, SurfaceClass::Car];
        City { classes: classes.to_vec(), mesh, ..City::default() }
    }

    #[test]
    fn places_become_things_with_their_classes() {
        let city = city();
        let area =
            Area::Rectangle(Rectangle { centre: Vector2::zeros(), size: Vector2::new(20.0, 20.0), azimuth: 0.0 });
        let frame = Frame::new(&city, &area, &PartOptions { metric: true, ..PartOptions::default() }).expect("a frame");
        let ball = |x: f64, y: f64, z: f64| Ball { centre: frame.part_from_city(&Vector3::new(x, y, z)), radius: 0.1 };
        let row = |n: usize, x: f64, y: f64, z: f64| (0..n).map(move |i| (x + i as f64 * 0.02, y, z));
        let balls: Vec<Ball> =
            row(30, 4.5, 5.0, 0.9).chain(row(10, -5.0, -5.0, 0.1)).map(|(x, y, z)| ball(x, y, z)).collect();
        let nearest = Nearest::new(&city);
        let classes = nearest.classes();
        let found = group(&balls, Act::Thickened, (classes, &frame), 0.5, 0.25);
        let said: Vec<_> = found.iter().map(|c| (c.class, c.area_mm2)).collect();
        assert_eq!(said, [(Some(SurfaceClass::Car), 7.5), (Some(SurfaceClass::Ground), 2.5)]);
        assert!(balls.iter().any(|b| <[f64; 3]>::from(b.centre) == found[0].at));
        let all = [found.clone(), group(&balls[30..], Act::Shaved, (classes, &frame), 0.5, 0.25)].concat();
        let counts = counted(&all);
        assert_eq!(counts.len(), 3);
        assert_eq!(counts[2], (Act::Shaved, Some(SurfaceClass::Ground), 1, 2.5));
        assert_eq!(Nearest::new(&City { classes: Vec::new(), ..city.clone() }).classes().at(&Vector3::zeros()), None);
    }
}
