//! Similarity transforms and their least-squares fit.

use super::{Rigid3, nearest_rotation};
use nalgebra::{Matrix3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

/// `x_in_a = scale * rotation * x_in_b + translation`: a similarity `a_from_b`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sim3 {
    /// Metres of a per unit of b; positive.
    pub scale: f64,
    /// Rotation `a_from_b`.
    pub rotation: UnitQuaternion<f64>,
    /// Origin of b in a.
    pub translation: Vector3<f64>,
}

impl Sim3 {
    /// Leaves every point where it is.
    pub fn identity() -> Self {
        Self { scale: 1.0, rotation: UnitQuaternion::identity(), translation: Vector3::zeros() }
    }

    /// `x_in_a` of `x_in_b`.
    pub fn apply(&self, x: &Vector3<f64>) -> Vector3<f64> {
        self.scale * (self.rotation * x) + self.translation
    }

    /// `b_from_a`.
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.inverse();
        let scale = 1.0 / self.scale;
        Self { scale, rotation, translation: -scale * (rotation * self.translation) }
    }

    /// A pose `cam_from_b` in the frame a; the camera's own units take the scale of a.
    pub fn transform_pose(&self, cam_from_b: &Rigid3) -> Rigid3 {
        Rigid3::from_rotation_and_centre(
            cam_from_b.rotation * self.rotation.inverse(),
            self.apply(&cam_from_b.centre()),
        )
    }

    /// Weighted least-squares fit of `a ~ scale R b + t`; `None` for fewer than three pairs or all points in one place.
    ///
    /// Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
    /// PAMI 13(4), 1991, eq. 40-42. For collinear points the rotation about the line is arbitrary.
    pub fn fit(in_b: &[Vector3<f64>], in_a: &[Vector3<f64>], weights: Option<&[f64]>) -> Option<Self> {
        let n = in_b.len();
        if n < 3 || in_a.len() != n {
            return None;
        }
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let total: f64 = (0..n).map(weight).sum();
        let mean = |x: &[Vector3<f64>]| (0..n).fold(Vector3::zeros(), |s, i| s + x[i] * weight(i)) / total;
        let (mean_b, mean_a) = (mean(in_b), mean(in_a));
        let mut covariance = Matrix3::zeros();
        let mut variance = 0.0;
        for i in 0..n {
            let (b, a) = (in_b[i] - mean_b, in_a[i] - mean_a);
            covariance += weight(i) / total * a * b.transpose();
            variance += weight(i) / total * b.norm_squared();
        }
        if variance <= 0.0 || !variance.is_finite() {
            return None;
        }
        let svd = covariance.svd(true, true);
        let (u, v_t) = (svd.u?, svd.v_t?);
        let mut signs = Vector3::repeat(1.0);
        if (u * v_t).determinant() < 0.0 {
            signs.z = -1.0;
        }
        let rotation = nearest_rotation(&(u * Matrix3::from_diagonal(&signs) * v_t));
        let scale = svd.singular_values.component_mul(&signs).sum() / variance;
        (scale > 0.0 && scale.is_finite()).then(|| Self {
            scale,
            rotation,
            translation: mean_a - scale * (rotation * mean_b),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn fit_recovers_a_similarity() {
        let truth = Sim3 {
            scale: 3.7,
            rotation: UnitQuaternion::from_euler_angles(0.4, 1.1, -2.0),
            translation: Vector3::new(10.0, -20.0, 5.0),
        };
        let mut rng = Rng::new(1, 1);
        let b: Vec<_> = (0..20).map(|_| Vector3::new(rng.normal(), rng.normal(), rng.normal())).collect();
        let a: Vec<_> = b.iter().map(|x| truth.apply(x)).collect();
        let fit = Sim3::fit(&b, &a, None).expect("fit");
        for x in &b {
            assert!((fit.apply(x) - truth.apply(x)).norm() < 1e-10);
            assert!((fit.inverse().apply(&truth.apply(x)) - x).norm() < 1e-10);
        }
        let pose = Rigid3::new(UnitQuaternion::from_euler_angles(1.0, 0.2, 0.3), Vector3::new(1.0, 2.0, 3.0));
        let moved = truth.transform_pose(&pose);
        let (p, q) = (pose.apply(&b[0]), moved.apply(&a[0]));
        assert!((p * truth.scale - q).norm() < 1e-10);
    }
}
