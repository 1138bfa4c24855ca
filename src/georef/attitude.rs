//! Attitude angles as metadata gives them <-> rotations `cam_from_local`.
//!
//! The angles turn a camera that looks north along the horizon, image top up: first roll about its viewing direction
//! (positive: right side down), then pitch (positive: up; -90 = nadir with the image top to north), then yaw
//! (clockwise from above). In aerospace terms: Z-Y-X Euler angles of a north-east-down frame, the camera looking along
//! body x, its image x along body y. Source: the gimbal angles of drone makers; the same order in ISO 1151-2. Failure
//! modes: near nadir yaw and roll turn about the same axis, only their sum means anything there.

use crate::scene::Attitude;
use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};

/// Local axes (east, north, up) of north-east-down ones; its own inverse.
fn local_from_ned() -> Matrix3<f64> {
    Matrix3::new(0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, -1.0)
}

/// Body axes (forward, right, down) of camera axes (right, down, forward).
fn body_from_cam() -> Matrix3<f64> {
    Matrix3::new(0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
}

/// Rotation `cam_from_local` of a camera with this attitude.
pub fn rotation_from_attitude(attitude: &Attitude) -> UnitQuaternion<f64> {
    let ned_from_body = Rotation3::from_euler_angles(
        attitude.roll_deg.to_radians(),
        attitude.pitch_deg.to_radians(),
        attitude.yaw_deg.to_radians(),
    );
    let local_from_cam = local_from_ned() * ned_from_body.matrix() * body_from_cam();
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(local_from_cam)).inverse()
}

/// Attitude of a camera with the rotation `cam_from_local`; at exact nadir the roll is 0.
pub fn attitude_from_rotation(cam_from_local: &UnitQuaternion<f64>) -> Attitude {
    let local_from_cam = cam_from_local.inverse().to_rotation_matrix();
    let m = local_from_ned().transpose() * local_from_cam.matrix() * body_from_cam().transpose();
    // Heading of the image top where the camera looks straight down or up, else of the viewing direction.
    let forward: Vector3<f64> = m.column(0).into_owned();
    let level = forward.xy().norm();
    let pitch = (-forward.z).atan2(level);
    let (yaw, roll) = if level > 1e-9 {
        (forward.y.atan2(forward.x), m[(2, 1)].atan2(m[(2, 2)]))
    } else {
        ((-m[(0, 1)]).atan2(m[(1, 1)]), 0.0)
    };
    Attitude { yaw_deg: yaw.to_degrees(), pitch_deg: pitch.to_degrees(), roll_deg: roll.to_degrees() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(yaw_deg: f64, pitch_deg: f64, roll_deg: f64) -> UnitQuaternion<f64> {
        rotation_from_attitude(&Attitude { yaw_deg, pitch_deg, roll_deg })
    }

    #[test]
    fn axes_of_plain_attitudes() {
        // Nadir, image top to north: x east, y (down in the image) south, z down.
        let r = look(0.0, -90.0, 0.0).inverse();
        assert!((r * Vector3::x() - Vector3::x()).norm() < 1e-12);
        assert!((r * Vector3::y() + Vector3::y()).norm() < 1e-12);
        assert!((r * Vector3::z() + Vector3::z()).norm() < 1e-12);
        // Nadir, yaw 90: the image top to the east.
        assert!((look(90.0, -90.0, 0.0).inverse() * -Vector3::y() - Vector3::x()).norm() < 1e-12);
        // Horizon, yaw 90: looks east, image top up.
        let r = look(90.0, 0.0, 0.0).inverse();
        assert!((r * Vector3::z() - Vector3::x()).norm() < 1e-12);
        assert!((r * -Vector3::y() - Vector3::z()).norm() < 1e-12);
        // Roll: the right side of the camera goes down.
        assert!((look(0.0, 0.0, 20.0).inverse() * Vector3::x()).z < -0.3);
    }

    proptest! {
        #[test]
        fn angles_survive_the_round_trip(yaw in -180f64..180.0, pitch in -89.9f64..89.9, roll in -170f64..170.0) {
            let r = look(yaw, pitch, roll);
            let back = rotation_from_attitude(&attitude_from_rotation(&r));
            prop_assert!(r.angle_to(&back) < 1e-6);
        }
    }
}
