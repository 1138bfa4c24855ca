//! Homographies between rays of two calibrated photos: estimation with outliers, and the poses that they imply.
//!
//! In: matches as rays (z = 1). Out: `H` with `ray_b ~ H ray_a`, and up to two poses `b_from_a` with the plane's normal.
//! Source: four-point solution by projective bases (R. Hartley, A. Zisserman, "Multiple View Geometry", 2004, section
//! 4.1) in LO-MSAC with a limited budget; decomposition after Y. Ma, S. Soatto, J. Kosecka, S. Sastry, "An Invitation to
//! 3-D Vision", 2004, section 5.3.3 (the same solutions as E. Malis, M. Vargas, INRIA RR-6303, 2007).
//! Cost: about a microsecond a sample. On distorted pixels a homography means nothing, hence rays.

use super::epipolar::RayPairs;
use super::least_squares::{Loss, Normal, minimise};
use super::ransac::{Problem, RansacOptions, Score, lo_msac};
use super::{Rigid3, nearest_rotation};
use crate::base::Rng;
use nalgebra::{Matrix3, SMatrix, SVector, SymmetricEigen, Vector3};

/// A homography and which matches it explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Homography {
    /// `ray_b ~ matrix * ray_a`, Frobenius norm 1, positive on the matches.
    pub matrix: Matrix3<f64>,
    /// For each match, whether it is explained.
    pub inliers: Vec<bool>,
}

impl Homography {
    /// Number of inliers.
    pub fn count(&self) -> usize {
        self.inliers.iter().filter(|i| **i).count()
    }
}

/// A pose that a homography implies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanePose {
    /// Pose; the translation is in units of the first camera's distance to the plane.
    pub b_from_a: Rigid3,
    /// Unit normal of the plane in the first camera, pointing away from it.
    pub normal: Vector3<f64>,
}

/// Estimates a homography. The budget is small on purpose: it is asked only whether the scene is flat.
pub fn estimate_homography(
    pairs: &RayPairs,
    max_error_px: f64,
    options: &RansacOptions,
    rng: &mut Rng,
) -> Option<Homography> {
    if pairs.len() < 8 {
        return None;
    }
    let problem = Transfer { pairs, limit: (max_error_px * pairs.pixel_b).powi(2) };
    let best = lo_msac(&problem, &[], options, rng)?;
    let matrix = with_positive_depth(&best.model, pairs);
    let inliers = (0..pairs.len()).map(|i| problem.squared_error(&matrix, i) < problem.limit).collect();
    Some(Homography { matrix, inliers })
}

/// Fits a homography to the matches by least squares under the truncated loss.
pub fn refine_homography(pairs: &RayPairs, initial: &Matrix3<f64>, max_error_px: f64) -> Homography {
    let problem = Transfer { pairs, limit: (max_error_px * pairs.pixel_b).powi(2) };
    let matrix = with_positive_depth(&problem.refine(&(initial / initial.norm())), pairs);
    let inliers = (0..pairs.len()).map(|i| problem.squared_error(&matrix, i) < problem.limit).collect();
    Homography { matrix, inliers }
}

/// The sign that takes most rays to positive depths.
fn with_positive_depth(h: &Matrix3<f64>, pairs: &RayPairs) -> Matrix3<f64> {
    let row = h.row(2);
    let positive = pairs.a.iter().filter(|a| row.transpose().dot(a) > 0.0).count();
    if 2 * positive >= pairs.len() { *h } else { -h }
}

/// The poses `b_from_a` of a homography between rays whose plane is visible along all `rays_a` (those of the inliers);
/// at most two. Without a baseline the translation is zero and there is one.
pub fn decompose_homography(h: &Matrix3<f64>, rays_a: &[Vector3<f64>], rays_b: &[Vector3<f64>]) -> Vec<PlanePose> {
    let mut out: Vec<PlanePose> = Vec::new();
    let middle = h.singular_values()[1];
    if middle <= 1e-12 {
        return out;
    }
    let agree = rays_a.iter().zip(rays_b).filter(|(a, b)| b.dot(&(h * **a)) > 0.0).count();
    let h = if 2 * agree >= rays_a.len() { h / middle } else { -h / middle };
    let eigen = SymmetricEigen::new(h.transpose() * h);
    let mut order = [0, 1, 2];
    order.sort_by(|&i, &j| eigen.eigenvalues[j].total_cmp(&eigen.eigenvalues[i]));
    let [s1, _, s3] = order.map(|i| eigen.eigenvalues[i]);
    if s1 - s3 < 1e-9 {
        let pose = Rigid3::new(nearest_rotation(&h), Vector3::zeros());
        out.push(PlanePose { b_from_a: pose, normal: Vector3::z() });
        return out;
    }
    let [v1, v2, v3] = order.map(|i| eigen.eigenvectors.column(i).into_owned());
    let (p, q) = ((1.0 - s3).max(0.0).sqrt(), (s1 - 1.0).max(0.0).sqrt());
    let across = (s1 - s3).sqrt();
    for sign in [1.0, -1.0] {
        let u = (v1 * p + v3 * (sign * q)) / across;
        let n = v2.cross(&u);
        let from = Matrix3::from_columns(&[v2, u, n]);
        let (hv, hu) = (h * v2, h * u);
        let rotation = nearest_rotation(&(Matrix3::from_columns(&[hv, hu, hv.cross(&hu)]) * from.transpose()));
        let t = (h - rotation.to_rotation_matrix().matrix()) * n;
        // The plane lies in front of the camera: n . x > 0 along the rays that see it.
        let front = rays_a.iter().filter(|a| n.dot(a) > 0.0).count();
        let (n, t) = if 2 * front >= rays_a.len() { (n, t) } else { (-n, -t) };
        let seen = front.max(rays_a.len() - front);
        if 10 * seen < 9 * rays_a.len() {
            continue;
        }
        let new = PlanePose { b_from_a: Rigid3::new(rotation, t), normal: n };
        let known = out
            .iter()
            .any(|o| o.b_from_a.rotation.angle_to(&rotation) < 1e-4 && (o.b_from_a.translation - t).norm() < 1e-4);
        if !known {
            out.push(new);
        }
    }
    out
}

/// The homography of four matches; `None` where three are collinear, or where it shows the plane's other side (a mirror
/// image), which no camera before an opaque surface can see.
fn from_four(a: &[Vector3<f64>; 4], b: &[Vector3<f64>; 4]) -> Option<Matrix3<f64>> {
    let basis = |p: &[Vector3<f64>; 4]| -> Option<Matrix3<f64>> {
        let m = Matrix3::from_columns(&[p[0], p[1], p[2]]);
        let scale = m.try_inverse()? * p[3];
        (scale.amin() > 1e-6).then(|| Matrix3::from_columns(&[p[0] * scale.x, p[1] * scale.y, p[2] * scale.z]))
    };
    let h = basis(b)? * basis(a)?.try_inverse()?;
    let size = h.norm();
    if !(size.is_finite() && size > 0.0) {
        return None;
    }
    let h = if (h * a[0]).z < 0.0 { -h / size } else { h / size };
    (h.determinant() > 0.0 && a.iter().all(|p| (h * p).z > 0.0)).then_some(h)
}

struct Transfer<'a> {
    pairs: &'a RayPairs,
    /// Squared threshold in the plane z = 1 of the second photo.
    limit: f64,
}

impl Transfer<'_> {
    fn squared_error(&self, h: &Matrix3<f64>, i: usize) -> f64 {
        let p = h * self.pairs.a[i];
        let (dx, dy) = (p.x / p.z - self.pairs.b[i].x, p.y / p.z - self.pairs.b[i].y);
        let r2 = dx * dx + dy * dy;
        if r2.is_finite() { r2 } else { f64::INFINITY }
    }
}

/// Columns: an orthonormal basis of the directions perpendicular to the unit vector `h` (a Householder reflection).
fn perpendicular_basis(h: &SVector<f64, 9>) -> SMatrix<f64, 9, 8> {
    let mut v = *h;
    v[8] += 1.0f64.copysign(h[8]);
    let scale = 2.0 / v.norm_squared();
    SMatrix::from_fn(|r, c| f64::from(u8::from(r == c)) - scale * v[r] * v[c])
}

fn vector_of(h: &Matrix3<f64>) -> SVector<f64, 9> {
    SVector::from_fn(|i, _| h[(i / 3, i % 3)])
}

impl Problem for Transfer<'_> {
    type Model = Matrix3<f64>;
    const SAMPLE: usize = 4;

    fn len(&self) -> usize {
        self.pairs.len()
    }

    fn hypothesise(&self, rng: &mut Rng, out: &mut Vec<Matrix3<f64>>) {
        let sample: [usize; 4] = rng.sample(self.pairs.len());
        let Some(h) = from_four(&sample.map(|i| self.pairs.a[i]), &sample.map(|i| self.pairs.b[i])) else { return };
        // All four points must lie on one side of the line that maps to infinity.
        let depths = sample.map(|i| (h * self.pairs.a[i]).z);
        if depths.iter().all(|d| *d > 0.0) || depths.iter().all(|d| *d < 0.0) {
            out.push(h);
        }
    }

    fn score(&self, h: &Matrix3<f64>, bound: f64) -> Score {
        let mut score = Score { cost: 0.0, inliers: 0 };
        for i in 0..self.pairs.len() {
            let r2 = self.squared_error(h, i);
            if r2 < self.limit {
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

    fn refine(&self, h: &Matrix3<f64>) -> Matrix3<f64> {
        let loss = Loss::Truncated { limit: self.limit };
        let linearise = |h: &Matrix3<f64>| {
            let mut normal = Normal::<8>::default();
            let basis = perpendicular_basis(&vector_of(h));
            for (a, b) in self.pairs.a.iter().zip(&self.pairs.b) {
                let p = h * a;
                let iz = 1.0 / p.z;
                let (u, v) = (p.x * iz, p.y * iz);
                let (ex, ey) = (u - b.x, v - b.y);
                let r2 = ex * ex + ey * ey;
                let (cost, weight) = loss.evaluate(if r2.is_finite() { r2 } else { f64::MAX });
                normal.cost += cost;
                if weight == 0.0 {
                    continue;
                }
                let q = a * iz;
                let gx = SVector::<f64, 9>::from([q.x, q.y, q.z, 0.0, 0.0, 0.0, -u * q.x, -u * q.y, -u * q.z]);
                let gy = SVector::<f64, 9>::from([0.0, 0.0, 0.0, q.x, q.y, q.z, -v * q.x, -v * q.y, -v * q.z]);
                normal.add(ex, weight, &basis.tr_mul(&gx));
                normal.add(ey, weight, &basis.tr_mul(&gy));
            }
            normal
        };
        let step = |h: &Matrix3<f64>, d: &SVector<f64, 8>| {
            let next = vector_of(h) + perpendicular_basis(&vector_of(h)) * d;
            let next = next / next.norm();
            Matrix3::from_fn(|r, c| next[3 * r + c])
        };
        minimise(h, 10, linearise, step).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::relative_pose::tests::{Motion, Shape, scene};
    use nalgebra::UnitQuaternion;

    const BUDGET: RansacOptions = RansacOptions { min_iterations: 50, max_iterations: 500, confidence: 0.999 };

    #[test]
    fn a_flat_scene_gives_its_poses() {
        let mut rng = Rng::new(1, 0);
        for motion in [Motion::Sideways, Motion::Forward] {
            for _ in 0..20 {
                let (pairs, truth, _) = scene(400, Shape::Flat, motion, 0.5, 0.4, &mut rng);
                let h = estimate_homography(&pairs, 4.0, &BUDGET, &mut rng).expect("homography");
                assert!(h.count() > 200 && h.count() < 280, "{}", h.count());
                let inner = pairs.select(&h.inliers);
                let poses = decompose_homography(&h.matrix, &inner.a, &inner.b);
                assert!(!poses.is_empty() && poses.len() <= 2);
                let best = poses
                    .iter()
                    .map(|p| {
                        p.b_from_a.rotation.angle_to(&truth.rotation).to_degrees()
                            + 0.2 * p.b_from_a.translation.angle(&truth.translation).to_degrees()
                    })
                    .fold(99.0, f64::min);
                assert!(best < 1.5, "{motion:?} {best}");
            }
        }
    }

    #[test]
    fn exact_data_decompose_exactly() {
        let mut rng = Rng::new(2, 0);
        for _ in 0..50 {
            let (pairs, truth, _) = scene(30, Shape::Flat, Motion::Sideways, 0.0, 0.0, &mut rng);
            let h = estimate_homography(&pairs, 1.0, &BUDGET, &mut rng).expect("homography");
            let poses = decompose_homography(&h.matrix, &pairs.a, &pairs.b);
            let best = poses
                .iter()
                .map(|p| {
                    p.b_from_a.rotation.angle_to(&truth.rotation) + p.b_from_a.translation.angle(&truth.translation)
                })
                .fold(9.0, f64::min);
            assert!(best < 1e-5, "{best}");
            // Each solution reproduces the homography.
            for p in &poses {
                let back = p.b_from_a.matrix() + p.b_from_a.translation * p.normal.transpose();
                let h = h.matrix / h.matrix.singular_values()[1];
                assert!((back - h).norm() < 1e-6, "{back} {h}");
            }
        }
    }

    #[test]
    fn pure_rotation_decomposes_to_one_pose() {
        let rotation = UnitQuaternion::from_euler_angles(0.1, -0.2, 0.3);
        let h = *rotation.to_rotation_matrix().matrix() * -2.0;
        let rays = [Vector3::new(0.1, 0.0, 1.0), Vector3::new(-0.1, 0.2, 1.0)];
        let poses = decompose_homography(&h, &rays, &rays.map(|r| rotation * r));
        assert_eq!(poses.len(), 1);
        assert!(poses[0].b_from_a.rotation.angle_to(&rotation) < 1e-9);
        assert_eq!(poses[0].b_from_a.translation, Vector3::zeros());
    }
}
