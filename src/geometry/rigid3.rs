//! Rigid transforms of space.

use super::nearest_rotation;
use nalgebra::{Matrix3, UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};

/// `x_in_a = rotation * x_in_b + translation`: a rigid transform `a_from_b`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rigid3 {
    /// Rotation `a_from_b`.
    pub rotation: UnitQuaternion<f64>,
    /// Origin of b in a.
    pub translation: Vector3<f64>,
}

impl Default for Rigid3 {
    fn default() -> Self {
        Self::identity()
    }
}

impl Rigid3 {
    /// Leaves every point where it is.
    pub fn identity() -> Self {
        Self { rotation: UnitQuaternion::identity(), translation: Vector3::zeros() }
    }

    /// From its two parts.
    pub fn new(rotation: UnitQuaternion<f64>, translation: Vector3<f64>) -> Self {
        Self { rotation, translation }
    }

    /// The pose `cam_from_world` of a camera with the given rotation and centre in the world.
    pub fn from_rotation_and_centre(rotation: UnitQuaternion<f64>, centre: Vector3<f64>) -> Self {
        Self { rotation, translation: -(rotation * centre) }
    }

    /// From a rotation matrix (made orthonormal) and a translation.
    pub fn from_matrix(rotation: &Matrix3<f64>, translation: Vector3<f64>) -> Self {
        Self { rotation: nearest_rotation(rotation), translation }
    }

    /// `x_in_a` of `x_in_b`.
    pub fn apply(&self, x: &Vector3<f64>) -> Vector3<f64> {
        self.rotation * x + self.translation
    }

    /// `b_from_a`.
    pub fn inverse(&self) -> Self {
        let rotation = self.rotation.inverse();
        Self { rotation, translation: -(rotation * self.translation) }
    }

    /// `a_from_c` for `self = a_from_b` and `other = b_from_c`.
    pub fn then_from(&self, other: &Self) -> Self {
        Self {
            rotation: self.rotation * other.rotation,
            translation: self.rotation * other.translation + self.translation,
        }
    }

    /// For a pose `cam_from_world`: the camera's centre in the world.
    pub fn centre(&self) -> Vector3<f64> {
        -(self.rotation.inverse() * self.translation)
    }

    /// The rotation as a matrix.
    pub fn matrix(&self) -> Matrix3<f64> {
        *self.rotation.to_rotation_matrix().matrix()
    }

    /// For a pose `cam_from_world`: the viewing direction (camera z) in the world.
    pub fn view_direction(&self) -> Vector3<f64> {
        self.rotation.inverse() * Vector3::z()
    }
}

impl std::ops::Mul for Rigid3 {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        self.then_from(&other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_and_centre() {
        let a_from_b = Rigid3::new(UnitQuaternion::from_euler_angles(0.1, -0.7, 2.0), Vector3::new(1.0, -2.0, 3.0));
        let x = Vector3::new(0.3, 0.4, -5.0);
        assert!((a_from_b.inverse().apply(&a_from_b.apply(&x)) - x).norm() < 1e-12);
        assert!(a_from_b.apply(&a_from_b.centre()).norm() < 1e-12);
        let twice = a_from_b * a_from_b;
        assert!((twice.apply(&x) - a_from_b.apply(&a_from_b.apply(&x))).norm() < 1e-12);
    }
}
