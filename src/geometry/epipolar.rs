//! The geometry of two calibrated views: essential matrix, Sampson error, cheirality.
//!
//! In: a relative pose `b_from_a` (`x_b = R x_a + t`), rays with z = 1. `E = [t]x R`, `ray_b^T E ray_a = 0`.
//! Source: R. Hartley, A. Zisserman, "Multiple View Geometry", 2nd ed. 2004, sections 9.6 and 11.4.3; the decomposition
//! without SVD is B. Horn, "Recovering Baseline and Orientation from Essential Matrix", 1990.
//! Distortion is removed before (rays, not pixels); errors are in pixels through the size of a pixel in each photo.

use super::Rigid3;
use nalgebra::{Matrix3, UnitQuaternion, Vector3};

/// Matches between two photos as rays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RayPairs {
    /// Rays of the first photo, z = 1.
    pub a: Vec<Vector3<f64>>,
    /// Rays of the second photo, z = 1.
    pub b: Vec<Vector3<f64>>,
    /// Size of a pixel of the first photo in the plane z = 1: one over the focal length in pixels.
    pub pixel_a: f64,
    /// Size of a pixel of the second photo in the plane z = 1.
    pub pixel_b: f64,
}

impl RayPairs {
    /// Number of matches.
    pub fn len(&self) -> usize {
        self.a.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.a.is_empty()
    }

    /// The matches whose flag is set.
    pub fn select(&self, keep: &[bool]) -> Self {
        let pick = |v: &[Vector3<f64>]| v.iter().zip(keep).filter(|(_, k)| **k).map(|(x, _)| *x).collect();
        Self { a: pick(&self.a), b: pick(&self.b), ..*self }
    }
}

/// `E = [t]x R` of a pose `b_from_a`.
pub fn essential(b_from_a: &Rigid3) -> Matrix3<f64> {
    b_from_a.translation.cross_matrix() * b_from_a.matrix()
}

/// The four poses `b_from_a` (translation of length 1) of an essential matrix.
pub fn decompose_essential(e: &Matrix3<f64>) -> Option<[Rigid3; 4]> {
    let (c0, c1, c2) = (e.column(0).into_owned(), e.column(1).into_owned(), e.column(2).into_owned());
    // The columns of E are perpendicular to t; the longest cross product is the most exact.
    let crosses = [c1.cross(&c2), c2.cross(&c0), c0.cross(&c1)];
    let longest = crosses.iter().fold(crosses[0], |m, c| if c.norm_squared() > m.norm_squared() { *c } else { m });
    let size = (0.5 * e.norm_squared()).sqrt();
    let t = longest.try_normalize(1e-12 * size * size)? * size;
    let cofactors = Matrix3::from_columns(&crosses);
    let rotation = |t: &Vector3<f64>| -> UnitQuaternion<f64> {
        let r = (cofactors - t.cross_matrix() * e) / (size * size);
        let q = UnitQuaternion::from_rotation_matrix(&nalgebra::Rotation3::from_matrix_unchecked(r));
        UnitQuaternion::new_normalize(q.into_inner())
    };
    let (r1, r2, unit) = (rotation(&t), rotation(&-t), t / size);
    Some([Rigid3::new(r1, unit), Rigid3::new(r1, -unit), Rigid3::new(r2, unit), Rigid3::new(r2, -unit)])
}

/// Whether the match's point lies in front of both cameras (of the ray, not of the plane z = 0).
pub fn in_front(b_from_a: &Rigid3, ray_a: &Vector3<f64>, ray_b: &Vector3<f64>) -> bool {
    in_front_rotated(&(b_from_a.rotation * ray_a), &b_from_a.translation, ray_b)
}

fn in_front_rotated(a: &Vector3<f64>, t: &Vector3<f64>, b: &Vector3<f64>) -> bool {
    // la a + t = lb b.
    let normal = a.cross(b);
    normal.dot(&b.cross(t)) > 0.0 && normal.dot(&a.cross(t)) > 0.0
}

/// The pose of an essential matrix that puts most matches in front of both cameras, and how many.
pub fn pose_in_front(e: &Matrix3<f64>, a: &[Vector3<f64>], b: &[Vector3<f64>]) -> Option<(Rigid3, usize)> {
    let mut best: Option<(Rigid3, usize)> = None;
    for pose in decompose_essential(e)? {
        let count = a.iter().zip(b).filter(|(a, b)| in_front(&pose, a, b)).count();
        if best.is_none_or(|(_, c)| count > c) {
            best = Some((pose, count));
        }
    }
    best
}

/// Angle in radians between a match's two rays once the rotation is taken out.
pub fn parallax(b_from_a: &Rigid3, ray_a: &Vector3<f64>, ray_b: &Vector3<f64>) -> f64 {
    let a = b_from_a.rotation * ray_a;
    a.cross(ray_b).norm().atan2(a.dot(ray_b))
}

/// Squared Sampson error in square pixels.
#[inline]
pub fn sampson_squared(e: &Matrix3<f64>, ray_a: &Vector3<f64>, ray_b: &Vector3<f64>, pixels: [f64; 2]) -> f64 {
    let line_b = e * ray_a;
    let c = ray_b.dot(&line_b);
    let (la_x, la_y) = (e.column(0).dot(ray_b), e.column(1).dot(ray_b));
    let d = pixels[0] * pixels[0] * (la_x * la_x + la_y * la_y)
        + pixels[1] * pixels[1] * (line_b.x * line_b.x + line_b.y * line_b.y);
    if d > 0.0 { c * c / d } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn decomposition_contains_the_pose() {
        let mut rng = Rng::new(1, 0);
        for _ in 0..200 {
            let rotation = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| rng.normal()));
            let t = Vector3::new(rng.normal(), rng.normal(), rng.normal()).normalize();
            let truth = Rigid3::new(rotation, t);
            let e = essential(&truth) * rng.uniform(-3.0, 3.0);
            let poses = decompose_essential(&e).expect("rank 2");
            let closest =
                poses.iter().map(|p| p.rotation.angle_to(&rotation) + (p.translation - t).norm()).fold(9.0, f64::min);
            assert!(closest < 1e-6, "{closest}");
            // Cheirality picks it.
            let (mut a, mut b) = (Vec::new(), Vec::new());
            while a.len() < 10 {
                let x = Vector3::new(rng.normal(), rng.normal(), 5.0 + rng.normal());
                let y = truth.apply(&x);
                if y.z > 0.1 {
                    a.push(x / x.z);
                    b.push(y / y.z);
                    assert!(sampson_squared(&e, &a[a.len() - 1], &b[b.len() - 1], [1e-3, 1e-3]) < 1e-12);
                } else if rng.next_f64() < 0.05 {
                    break;
                }
            }
            if a.len() == 10 {
                let (pose, count) = pose_in_front(&e, &a, &b).expect("pose");
                assert_eq!(count, 10);
                assert!(pose.rotation.angle_to(&rotation) < 1e-6);
            }
        }
    }
}
