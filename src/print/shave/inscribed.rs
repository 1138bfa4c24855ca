//! Balls that fit into a body, found again by place.
//!
//! In: balls inscribed in a body when they were found. Out: which of them are near a place, how far it is from them, and
//! whether they show that it is the surface of something thick. A query looks into the cells within its reach.

use crate::print::level_set::Ball;
use crate::print::thickness::Gauge;
use nalgebra::Vector3;
use rustc_hash::FxHashMap;

/// Balls that fitted into a body when they were found.
#[derive(Debug)]
pub struct Inscribed {
    pub(super) balls: Vec<Ball>,
    pub(super) centres: Buckets,
    pub(super) largest: f64,
}

impl Inscribed {
    pub(super) fn new(balls: Vec<Ball>) -> Self {
        let largest = balls.iter().map(|b| b.radius).fold(0.0, f64::max);
        let centres = Buckets::new(balls.iter().map(|b| b.centre), largest);
        Self { balls, centres, largest }
    }

    /// The centre of a ball of `diameter` within `near` of a place that fits into what the body is now, if one of them
    /// shows it: then the place is the surface of something thick.
    pub fn near(&self, gauge: &Gauge, p: &Vector3<f64>, diameter: f64, near: f64) -> Option<Vector3<f64>> {
        let away = diameter / 2.0 + near * 0.9;
        self.centres.find(p, self.largest + near, |i| {
            let way = self.balls[i].centre - p;
            let distance = way.norm();
            let centre = p + way * (away / distance);
            let is_close = distance <= self.balls[i].radius + near && distance > 0.0;
            (is_close && gauge.fits(&centre, diameter / 2.0)).then_some(centre)
        })
    }

    /// How far a place is from the nearest of them, up to `most`; inside, below zero.
    pub(super) fn distance(&self, p: &Vector3<f64>, most: f64) -> f64 {
        let mut least = most;
        self.centres.close_in(p, self.largest + most, |i| {
            least = least.min((self.balls[i].centre - p).norm() - self.balls[i].radius);
            self.largest + least
        });
        least
    }
}

/// Points by the cell that they lie in.
#[derive(Debug)]
pub(super) struct Buckets {
    side: f64,
    points: Vec<Vector3<f64>>,
    cells: FxHashMap<Vector3<i32>, Vec<u32>>,
}

impl Buckets {
    pub(super) fn new(points: impl Iterator<Item = Vector3<f64>>, side: f64) -> Self {
        let points: Vec<_> = points.collect();
        let mut cells: FxHashMap<Vector3<i32>, Vec<u32>> = FxHashMap::default();
        for (i, p) in points.iter().enumerate() {
            cells.entry(p.map(|x| (x / side).floor() as i32)).or_default().push(i as u32);
        }
        Self { side, points, cells }
    }

    /// The first that `accepts` gives for a point in the cells within `reach`.
    pub(super) fn find<T>(
        &self,
        p: &Vector3<f64>,
        reach: f64,
        mut accepts: impl FnMut(usize) -> Option<T>,
    ) -> Option<T> {
        // Cells of no size would be without number.
        if self.points.is_empty() {
            return None;
        }
        let cell = |p: Vector3<f64>| p.map(|x| (x / self.side).floor() as i32);
        let r = Vector3::from_element(reach);
        let (own, low, high) = (cell(*p), cell(p - r), cell(p + r));
        let mut of = |c: &Vector3<i32>| self.cells.get(c).and_then(|all| all.iter().find_map(|&i| accepts(i as usize)));
        let found = of(&own);
        if found.is_some() {
            return found;
        }
        for x in low.x..=high.x {
            for y in low.y..=high.y {
                for z in low.z..=high.z {
                    let next = Vector3::new(x, y, z);
                    let found = if next == own { None } else { of(&next) };
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }

    /// Tells of points within `reach`, or a little farther, which `tell` may make shorter with each.
    fn close_in(&self, p: &Vector3<f64>, mut reach: f64, mut tell: impl FnMut(usize) -> f64) {
        if self.points.is_empty() {
            return;
        }
        let cell = |p: Vector3<f64>| p.map(|x| (x / self.side).floor() as i32);
        let r = Vector3::from_element(reach);
        let (own, low, high) = (cell(*p), cell(p - r), cell(p + r));
        let mut of = |c: &Vector3<i32>, reach: &mut f64| {
            self.cells.get(c).into_iter().flatten().for_each(|&i| *reach = tell(i as usize));
        };
        // The nearest mostly is in the place's own cell, and leaves few of the others to be looked into.
        of(&own, &mut reach);
        let beside = |k: usize, c: i32| {
            let from = f64::from(c) * self.side;
            (from - p[k]).max(p[k] - from - self.side).max(0.0).powi(2)
        };
        for x in low.x..=high.x {
            for y in low.y..=high.y {
                let across = beside(0, x) + beside(1, y);
                for z in low.z..=high.z {
                    let next = Vector3::new(x, y, z);
                    if next != own && reach > 0.0 && across + beside(2, z) <= reach * reach {
                        of(&next, &mut reach);
                    }
                }
            }
        }
    }

    /// Whether `accepts` holds for any point in the cells within `reach`.
    pub(super) fn any(&self, p: &Vector3<f64>, reach: f64, accepts: impl Fn(usize) -> bool) -> bool {
        self.find(p, reach, |i| accepts(i).then_some(())).is_some()
    }

    pub(super) fn any_within(&self, p: &Vector3<f64>, distance: f64) -> bool {
        self.any(p, distance, |i| (self.points[i] - p).norm() <= distance)
    }
}
