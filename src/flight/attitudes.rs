//! Rotation priors from gimbal angles, or from the aircraft's heading where there is no gimbal.
//!
//! In: the facts of one photo. Out: the attitude as stated and the prior `cam_from_local` of the *upright* photo, with
//! standard deviations in radians: gimbals are good to 2 degrees in tilt and 10 degrees in yaw (compass); a heading alone
//! means a camera fixed to the aircraft that looks down, good to 15 degrees. Cost: none. Failure modes: gimbal angles
//! that are all zero are what firmware writes when it has none; mirrored photos have no prior.

use super::shot::Shot;
use crate::formats::xmp::Angles;
use crate::georef::rotation_from_attitude;
use crate::scene::{Attitude, RotationPrior};
use nalgebra::{UnitQuaternion, Vector3};
use std::f64::consts::FRAC_PI_2;

const GIMBAL_SIGMA: (f64, f64) = (0.035, 0.175);
const AIRCRAFT_SIGMA: (f64, f64) = (0.26, 0.26);

/// The attitude that the metadata states, and the prior that follows.
pub fn attitude_of(shot: &Shot) -> (Option<Attitude>, Option<RotationPrior>) {
    let stated = |a: &Angles| a.yaw != 0.0 || a.pitch != 0.0 || a.roll != 0.0;
    let (attitude, (sigma_tilt, sigma_yaw)) = if let Some(a) = shot.xmp.camera.filter(stated) {
        (Attitude { yaw_deg: a.yaw, pitch_deg: a.pitch, roll_deg: a.roll }, GIMBAL_SIGMA)
    } else if let Some(a) = shot.xmp.aircraft.filter(stated) {
        (Attitude { yaw_deg: a.yaw, pitch_deg: -90.0, roll_deg: 0.0 }, AIRCRAFT_SIGMA)
    } else {
        return (None, None);
    };
    // Turning the stored picture upright turns the camera's axes about its viewing direction.
    let turn = match shot.orientation {
        1 => 0.0,
        3 => 2.0 * FRAC_PI_2,
        6 => FRAC_PI_2,
        8 => -FRAC_PI_2,
        _ => return (Some(attitude), None),
    };
    let upright_from_stored = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), turn);
    let cam_from_local = upright_from_stored * rotation_from_attitude(&attitude);
    (Some(attitude), Some(RotationPrior { cam_from_local, sigma_tilt, sigma_yaw }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::formats::exif::Exif;
    use crate::formats::xmp::Xmp;

    fn shot(camera: Option<Angles>, aircraft: Option<Angles>, orientation: u8) -> Shot {
        let xmp = Xmp { camera, aircraft, ..Xmp::default() };
        let content = Fingerprint::of_bytes(b"");
        let (path, name, exif) = ("a.jpg".into(), "a.jpg".into(), Exif::default());
        Shot { path, name, size: (100, 100), orientation, exif, xmp, content }
    }

    #[test]
    fn gimbal_then_aircraft_then_nothing() {
        let gimbal = Angles { yaw: 30.0, pitch: -60.0, roll: 0.0 };
        let zero = Angles { yaw: 0.0, pitch: 0.0, roll: 0.0 };
        let aircraft = Angles { yaw: 45.0, pitch: 3.0, roll: -2.0 };
        let (attitude, prior) = attitude_of(&shot(Some(gimbal), Some(aircraft), 1));
        assert_eq!(attitude.map(|a| a.pitch_deg), Some(-60.0));
        assert_eq!(prior.map(|p| p.sigma_tilt), Some(0.035));
        let (attitude, prior) = attitude_of(&shot(Some(zero), Some(aircraft), 1));
        assert_eq!(attitude.map(|a| (a.yaw_deg, a.pitch_deg)), Some((45.0, -90.0)));
        assert_eq!(prior.map(|p| p.sigma_tilt), Some(0.26));
        assert_eq!(attitude_of(&shot(Some(zero), None, 1)), (None, None));
    }

    #[test]
    fn upright_turning_moves_the_axes() {
        // Horizon, looking north, the camera held so that the stored picture must be turned clockwise (orientation 6):
        // the stored right side is the upright bottom, so upright down in the world is where stored x points.
        let level = Angles { yaw: 1e-9, pitch: 0.0, roll: 0.0 };
        let stored = attitude_of(&shot(Some(level), None, 1)).1.expect("prior").cam_from_local;
        let upright = attitude_of(&shot(Some(level), None, 6)).1.expect("prior").cam_from_local;
        let (x, y) = (stored.inverse() * Vector3::x(), upright.inverse() * Vector3::y());
        assert!((x - y).norm() < 1e-6, "{x} {y}");
        assert!((upright.inverse() * Vector3::z() - Vector3::y()).norm() < 1e-6);
    }
}
