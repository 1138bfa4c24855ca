//! Pose of a calibrated camera from matches between its rays and known points, many of which may be wrong.
//!
//! In: rays (camera frame, z = 1, lens distortion removed), points (world), the focal length that turns tangents into
//! pixels. Out: the pose `cam_from_world` and which matches agree with it.
//! Source: P3P inside LO-MSAC with non-linear local optimisation (see [`super::ransac`]), then a Cauchy-weighted fit with
//! half the threshold as its scale. Thresholds: 12 px, 30 inliers, ratio 0.25, confidence 0.99999, the values that
//! COLMAP's incremental mapper uses.
//! Cost: about 2 us a sample plus 10 ns a match and model. Returns `None` where too few matches agree.

use super::Rigid3;
use super::least_squares::{Loss, Normal, minimise};
use super::ransac::{Problem, RansacOptions, Score, lo_msac};
use super::solvers::p3p;
use crate::base::Rng;
use nalgebra::{SVector, UnitQuaternion, Vector3};

/// Thresholds of [`estimate_absolute_pose`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AbsolutePoseOptions {
    /// Largest reprojection error of an inlier in pixels.
    pub max_error_px: f64,
    /// Inliers needed.
    pub min_inliers: usize,
    /// Share of inliers needed.
    pub min_inlier_ratio: f64,
    /// Wanted probability of one sample without outliers.
    pub confidence: f64,
    /// Samples drawn at least.
    pub min_iterations: usize,
    /// Samples drawn at most.
    pub max_iterations: usize,
}

impl Default for AbsolutePoseOptions {
    fn default() -> Self {
        Self {
            max_error_px: 12.0,
            min_inliers: 30,
            min_inlier_ratio: 0.25,
            confidence: 0.99999,
            min_iterations: 50,
            max_iterations: 10_000,
        }
    }
}

/// The result of [`estimate_absolute_pose`].
#[derive(Clone, Debug, PartialEq)]
pub struct AbsolutePose {
    /// The pose.
    pub cam_from_world: Rigid3,
    /// For each match, whether it agrees with the pose.
    pub inliers: Vec<bool>,
}

/// Estimates the pose from matches with outliers.
pub fn estimate_absolute_pose(
    rays: &[Vector3<f64>],
    points: &[Vector3<f64>],
    focal_px: f64,
    options: &AbsolutePoseOptions,
    rng: &mut Rng,
) -> Option<AbsolutePose> {
    let n = rays.len().min(points.len());
    if n < options.min_inliers.max(4) {
        return None;
    }
    // Relative to a point of the data: map coordinates of millions of metres would cost the solver its digits.
    let origin = points[0];
    let local: Vec<_> = points.iter().map(|p| p - origin).collect();
    let max_error = options.max_error_px / focal_px;
    let problem = Resection { rays: &rays[..n], points: &local[..n], limit: max_error * max_error };
    let ransac = RansacOptions {
        min_iterations: options.min_iterations,
        max_iterations: options.max_iterations,
        confidence: options.confidence,
    };
    let best = lo_msac(&problem, &[], &ransac, rng)?;
    let refined = refine_on_inliers(&problem, &best.model);
    let pose = if problem.score(&refined, f64::INFINITY).cost <= best.score.cost * 1.05 { refined } else { best.model };
    let inliers: Vec<bool> = (0..n).map(|i| problem.squared_error(&pose, i) < problem.limit).collect();
    let count = inliers.iter().filter(|i| **i).count();
    let enough = count >= options.min_inliers && count as f64 >= options.min_inlier_ratio * n as f64;
    let cam_from_world = Rigid3::new(pose.rotation, pose.translation - pose.rotation * origin);
    enough.then_some(AbsolutePose { cam_from_world, inliers })
}

/// Improves a pose by a Cauchy-weighted fit to all matches; `scale_px` is the error at which a match counts half.
pub fn refine_absolute_pose(
    rays: &[Vector3<f64>],
    points: &[Vector3<f64>],
    focal_px: f64,
    initial: &Rigid3,
    scale_px: f64,
) -> Rigid3 {
    let Some(origin) = points.first() else { return *initial };
    let local: Vec<_> = points.iter().map(|p| p - origin).collect();
    let n = rays.len().min(points.len());
    let scale = scale_px / focal_px;
    // A match that is far off or behind the camera stays out: its pull means nothing.
    let problem = Resection { rays: &rays[..n], points: &local[..n], limit: 100.0 * scale * scale };
    let start = Rigid3::new(initial.rotation, initial.apply(origin));
    let pose = problem.fit(&start, Loss::Cauchy { scale: scale * scale }, 30);
    Rigid3::new(pose.rotation, pose.translation - pose.rotation * origin)
}

fn refine_on_inliers(problem: &Resection, pose: &Rigid3) -> Rigid3 {
    let (mut rays, mut points) = (Vec::new(), Vec::new());
    for i in 0..problem.rays.len() {
        if problem.squared_error(pose, i) < problem.limit {
            rays.push(problem.rays[i]);
            points.push(problem.points[i]);
        }
    }
    let inner = Resection { rays: &rays, points: &points, limit: f64::INFINITY };
    inner.fit(pose, Loss::Cauchy { scale: problem.limit / 4.0 }, 30)
}

struct Resection<'a> {
    rays: &'a [Vector3<f64>],
    points: &'a [Vector3<f64>],
    /// Squared threshold in the plane z = 1.
    limit: f64,
}

impl Resection<'_> {
    fn squared_error(&self, pose: &Rigid3, i: usize) -> f64 {
        let p = pose.apply(&self.points[i]);
        if p.z <= 1e-9 {
            return f64::INFINITY;
        }
        let (dx, dy) = (p.x / p.z - self.rays[i].x, p.y / p.z - self.rays[i].y);
        dx * dx + dy * dy
    }

    /// Levenberg-Marquardt from `start`; matches behind the camera cost a constant.
    fn fit(&self, start: &Rigid3, loss: Loss, iterations: usize) -> Rigid3 {
        let behind = loss.evaluate(self.limit.min(1.0)).0;
        let linearise = |pose: &Rigid3| {
            let mut normal = Normal::<6>::default();
            let rotation = pose.matrix();
            for (x, ray) in self.points.iter().zip(self.rays) {
                let rx = rotation * x;
                let p = rx + pose.translation;
                if p.z <= 1e-9 {
                    normal.cost += behind;
                    continue;
                }
                let iz = 1.0 / p.z;
                let (u, v) = (p.x * iz, p.y * iz);
                let (ex, ey) = (u - ray.x, v - ray.y);
                let r2 = ex * ex + ey * ey;
                if r2 >= self.limit {
                    normal.cost += loss.evaluate(self.limit).0;
                    continue;
                }
                let (cost, weight) = loss.evaluate(r2);
                normal.cost += cost;
                // d(u)/dp = (1, 0, -u)/z; dp/domega = -[R x]x, so the row is (R x) x du, dp/dt = I.
                let du = Vector3::new(iz, 0.0, -u * iz);
                let dv = Vector3::new(0.0, iz, -v * iz);
                let (ru, rv) = (rx.cross(&du), rx.cross(&dv));
                normal.add(ex, weight, &SVector::from([ru.x, ru.y, ru.z, du.x, du.y, du.z]));
                normal.add(ey, weight, &SVector::from([rv.x, rv.y, rv.z, dv.x, dv.y, dv.z]));
            }
            normal
        };
        let step = |pose: &Rigid3, d: &SVector<f64, 6>| {
            let turn = UnitQuaternion::from_scaled_axis(Vector3::new(d[0], d[1], d[2]));
            Rigid3::new(
                UnitQuaternion::new_normalize((turn * pose.rotation).into_inner()),
                pose.translation + Vector3::new(d[3], d[4], d[5]),
            )
        };
        minimise(start, iterations, linearise, step).0
    }
}

impl Problem for Resection<'_> {
    type Model = Rigid3;
    const SAMPLE: usize = 3;

    fn len(&self) -> usize {
        self.rays.len()
    }

    fn hypothesise(&self, rng: &mut Rng, out: &mut Vec<Rigid3>) {
        let sample: [usize; 3] = rng.sample(self.rays.len());
        p3p(&sample.map(|i| self.rays[i]), &sample.map(|i| self.points[i]), out);
    }

    fn score(&self, pose: &Rigid3, bound: f64) -> Score {
        let rotation = pose.matrix();
        let mut score = Score { cost: 0.0, inliers: 0 };
        for (x, ray) in self.points.iter().zip(self.rays) {
            let p = rotation * x + pose.translation;
            let iz = 1.0 / p.z;
            let (dx, dy) = (p.x * iz - ray.x, p.y * iz - ray.y);
            let r2 = dx * dx + dy * dy;
            if p.z > 1e-9 && r2 < self.limit {
                score.cost += r2;
                score.inliers += 1;
            } else {
                score.cost += self.limit;
                if score.cost > bound {
                    return Score::WORST;
                }
            }
        }
        score
    }

    fn refine(&self, pose: &Rigid3) -> Rigid3 {
        self.fit(pose, Loss::Truncated { limit: self.limit }, 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Scene {
        truth: Rigid3,
        rays: Vec<Vector3<f64>>,
        points: Vec<Vector3<f64>>,
    }

    /// `n` matches with 1 px noise at a focal length of 1000 px, a share of them wrong; flat or with relief.
    fn scene(n: usize, outliers: f64, relief: f64, rng: &mut Rng) -> Scene {
        let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
        let tilt = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| 0.2 * rng.normal()));
        let centre = Vector3::new(431_000.0, 5_412_000.0, 220.0);
        let truth = Rigid3::from_rotation_and_centre(tilt * down, centre);
        let (mut rays, mut points) = (Vec::new(), Vec::new());
        while rays.len() < n {
            let ground =
                Vector3::new(rng.uniform(-80.0, 80.0), rng.uniform(-60.0, 60.0), relief * rng.next_f64() - 100.0);
            let x = centre + ground;
            let p = truth.apply(&x);
            let mut ray = p / p.z + Vector3::new(rng.normal(), rng.normal(), 0.0) * 1e-3;
            if rng.next_f64() < outliers {
                ray = Vector3::new(rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6), 1.0);
            }
            rays.push(ray);
            points.push(x);
        }
        Scene { truth, rays, points }
    }

    #[test]
    fn finds_the_pose_among_outliers() {
        let mut rng = Rng::new(5, 0);
        let options = AbsolutePoseOptions::default();
        let (mut angles, mut distances) = (Vec::new(), Vec::new());
        for trial in 0..60 {
            let relief = if trial % 2 == 0 { 0.0 } else { 20.0 };
            let s = scene(200, 0.5, relief, &mut rng);
            let found = estimate_absolute_pose(&s.rays, &s.points, 1000.0, &options, &mut rng).expect("pose");
            angles.push(found.cam_from_world.rotation.angle_to(&s.truth.rotation).to_degrees());
            distances.push((found.cam_from_world.centre() - s.truth.centre()).norm());
            assert!(found.inliers.iter().filter(|i| **i).count() >= 75);
        }
        let (a, d) = (crate::base::stats::median(&angles), crate::base::stats::quantile(&distances, 1.0));
        // A hundred inliers of 1 mrad at 100 m.
        assert!(a.expect("some") < 0.03, "{a:?}");
        assert!(d.expect("some") < 0.3, "{d:?}");
    }

    #[test]
    fn refuses_noise() {
        let mut rng = Rng::new(6, 0);
        let s = scene(200, 1.0, 10.0, &mut rng);
        let options = AbsolutePoseOptions { max_iterations: 500, ..Default::default() };
        assert!(estimate_absolute_pose(&s.rays, &s.points, 1000.0, &options, &mut rng).is_none());
        assert!(estimate_absolute_pose(&s.rays[..3], &s.points[..3], 1000.0, &options, &mut rng).is_none());
    }

    #[test]
    fn refinement_moves_a_rough_pose_to_the_truth() {
        let mut rng = Rng::new(7, 0);
        let s = scene(300, 0.1, 10.0, &mut rng);
        let rough = Rigid3::from_rotation_and_centre(
            UnitQuaternion::from_scaled_axis(Vector3::new(0.01, -0.005, 0.01)) * s.truth.rotation,
            s.truth.centre() + Vector3::new(0.5, -0.5, 1.0),
        );
        let fine = refine_absolute_pose(&s.rays, &s.points, 1000.0, &rough, 6.0);
        assert!((fine.centre() - s.truth.centre()).norm() < 0.1);
        assert!(fine.rotation.angle_to(&s.truth.rotation) < 1e-3);
    }
}
