//! Small thin facets on thick places: which thin places are the surface of something thick.
//!
//! In: places of a body's surface. Out: for each whether a ball of the wall's size that fits into the body comes close to
//! it. A ball that shows it for one place mostly does so for those around as well, so that places are asked cube by cube,
//! and each first for the balls that others of its cube had. Results do not depend on the number of threads.

use super::Gauge;
use nalgebra::Vector3;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Directions of even density around a place; in so many of them the ball is looked for at first.
const DIRECTIONS: usize = 96;
const QUICK: usize = 8;

/// How often the cube around a place is then parted, and from how many of its parts the ball is looked for.
const LEVELS: usize = 3;
const STARTS: usize = 16;

/// Steps from each towards the middle.
const STEPS: usize = 40;

/// How often a ball that fits is moved towards the place.
const SLIDES: usize = 4;

impl Gauge {
    /// For each place whether [`Gauge::is_surface_of_thick`]. `known` may name the centre of a ball of that size which fits
    /// and is near: it is asked before one is looked for.
    pub fn are_surface_of_thick(
        &self,
        places: &[Vector3<f64>],
        (diameter, near): (f64, f64),
        known: impl Fn(&Vector3<f64>) -> Option<Vector3<f64>> + Sync,
    ) -> Vec<bool> {
        let mut cubes: FxHashMap<Vector3<i32>, Vec<u32>> = FxHashMap::default();
        for (i, p) in places.iter().enumerate() {
            cubes.entry(p.map(|x| (x / diameter).floor() as i32)).or_default().push(i as u32);
        }
        let reach = diameter / 2.0 + near;
        let of_cube = |cube: Vec<u32>| {
            let mut balls: Vec<Vector3<f64>> = Vec::new();
            let mut thick = |&i: &u32| {
                let p = &places[i as usize];
                if balls.iter().any(|q| (q - p).norm_squared() <= reach * reach) {
                    return true;
                }
                let ball = known(p).or_else(|| self.ball_near(p, diameter, near));
                balls.extend(ball);
                ball.is_some()
            };
            let found: Vec<bool> = cube.iter().map(&mut thick).collect();
            cube.into_iter().zip(found)
        };
        let mut thick = vec![false; places.len()];
        let all: Vec<(u32, bool)> =
            cubes.into_values().collect::<Vec<_>>().into_par_iter().flat_map_iter(of_cube).collect();
        all.into_iter().for_each(|(i, is)| thick[i as usize] = is);
        thick
    }

    /// Whether a ball of `diameter` fits into the body within `near` of a place of its surface.
    pub fn is_surface_of_thick(&self, p: &Vector3<f64>, diameter: f64, near: f64) -> bool {
        self.ball_near(p, diameter, near).is_some()
    }

    /// The centre of such a ball.
    fn ball_near(&self, p: &Vector3<f64>, diameter: f64, near: f64) -> Option<Vector3<f64>> {
        let radius = diameter / 2.0;
        // From each towards the middle of the body, until the ball fits.
        let fits = |mut q: Vector3<f64>| {
            for _ in 0..STEPS {
                let Some(hit) = self.bvh.closest(&q, radius) else { return Some(q) };
                let way = q - hit.point;
                let depth = way.norm();
                if depth >= radius * 0.999 {
                    return Some(q);
                }
                q += way.try_normalize(1e-9)? * ((radius - depth) * 0.7).max(radius * 0.002);
                if (q - p).norm() > 3.0 * radius {
                    return None;
                }
            }
            None
        };
        // Then as close to the place as it still fits.
        let shows = |mut q: Vector3<f64>| {
            for _ in 0..SLIDES {
                let away = (q - p).norm() - radius;
                if away <= near {
                    return self.is_inside(&q).then_some(q);
                }
                q = fits(q + (p - q).normalize() * (away * 0.9))?;
            }
            None
        };
        // From below first: there the body mostly is.
        let mut below = directions().take(QUICK).map(|d| p - d * radius).filter(|q| self.is_inside(q));
        let ball = |q: Vector3<f64>| fits(q).and_then(shows);
        let further = || self.promising(p, radius, radius + near).into_iter().find_map(ball);
        below.find_map(ball).or_else(further)
    }

    /// Where the centre of a ball within `away` of a place may be, the most promising first; none where there can be no
    /// such ball: no point lies deeper than another by more than their distance, so that cubes with too shallow a middle
    /// hold none.
    fn promising(&self, p: &Vector3<f64>, radius: f64, away: f64) -> Vec<Vector3<f64>> {
        let mut half = away;
        let mut cubes = vec![(0.0, *p)];
        for _ in 0..LEVELS {
            half /= 2.0;
            let reach = half * 3.0f64.sqrt();
            let eighths = |(_, c): (f64, Vector3<f64>)| {
                (0..8).map(move |i| c + Vector3::new(i & 1, i >> 1 & 1, i >> 2).map(|k| f64::from(2 * k - 1) * half))
            };
            // What the middle lacks, in depth and in nearness.
            let lack = |c: Vector3<f64>| {
                let far = ((c - p).norm() - away).max(0.0);
                let shallow = if far < reach { radius * 0.999 - self.depth(&c, radius) } else { f64::INFINITY };
                (shallow < reach).then_some((far + shallow.max(0.0), c))
            };
            cubes = cubes.into_iter().flat_map(eighths).filter_map(lack).collect();
        }
        cubes.sort_by(|a, b| a.0.total_cmp(&b.0));
        cubes.into_iter().take(STARTS).map(|(_, c)| c).collect()
    }
}

/// Directions of even density.
pub(in crate::print) fn directions() -> impl Iterator<Item = Vector3<f64>> {
    (0..DIRECTIONS).map(|k| {
        let z = 1.0 - (2 * k + 1) as f64 / DIRECTIONS as f64;
        let (across, turn) = ((1.0 - z * z).sqrt(), k as f64 * 2.399_963_229_728_653);
        Vector3::new(across * turn.cos(), across * turn.sin(), z)
    })
}
