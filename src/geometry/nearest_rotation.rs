//! Rotations from matrices.
//!
//! In: a matrix that is a rotation, or nearly one. Out: the rotation closest to it (least squares).
//!
//! Source: S. Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991
//! (the polar factor by singular values, with the sign that keeps it a rotation); S. W. Shepperd, "Quaternion from rotation
//! matrix", 1978. A search step by step, as `UnitQuaternion::from_matrix` makes one, may stop at half a turn from it.

use nalgebra::{Matrix3, Rotation3, UnitQuaternion};

/// Most steps of the decomposition; a few are usual.
const STEPS: usize = 100;

/// The rotation closest to a matrix; none for one that is not finite.
pub fn nearest_rotation(matrix: &Matrix3<f64>) -> UnitQuaternion<f64> {
    let finite = matrix.iter().all(|x| x.is_finite());
    let parts = finite.then(|| matrix.try_svd(true, true, f64::EPSILON, STEPS)).flatten();
    let Some((u, v_t)) = parts.and_then(|svd| svd.u.zip(svd.v_t)) else { return UnitQuaternion::identity() };
    let mut sign = Matrix3::identity();
    // The axis of the smallest singular value, which is the last, turns where the two would make a mirror.
    sign[(2, 2)] = (u * v_t).determinant().signum();
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(u * sign * v_t))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Unit, Vector3};
    use proptest::prelude::*;

    #[test]
    fn half_turns_are_found() {
        for axis in [Vector3::x(), Vector3::y(), Vector3::z(), Vector3::new(1.0, -2.0, 0.5)] {
            let axis = Unit::new_normalize(axis);
            for angle in [0.0, 1e-9, 1.0, 3.1, std::f64::consts::PI - 1e-6, std::f64::consts::PI, 3.2, 6.0] {
                let expected = UnitQuaternion::from_axis_angle(&axis, angle);
                let found = nearest_rotation(expected.to_rotation_matrix().matrix());
                assert!(found.angle_to(&expected) < 1e-7, "{axis:?} {angle}");
            }
        }
    }

    #[test]
    fn what_is_no_rotation_gives_one() {
        assert_eq!(nearest_rotation(&Matrix3::from_element(f64::NAN)), UnitQuaternion::identity());
        let mirror = Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, -1.0));
        assert!((nearest_rotation(&mirror).norm() - 1.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn noise_and_scale_hardly_turn_it(
            x in -3.2f64..3.2, y in -3.2f64..3.2, z in -3.2f64..3.2, scale in 0.1f64..10.0,
            noise in prop::array::uniform9(-1e-6f64..1e-6),
        ) {
            let expected = UnitQuaternion::from_scaled_axis(Vector3::new(x, y, z));
            let matrix = (expected.to_rotation_matrix().matrix() + Matrix3::from_row_slice(&noise)) * scale;
            prop_assert!(nearest_rotation(&matrix).angle_to(&expected) < 1e-5);
        }
    }
}
