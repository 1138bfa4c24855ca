//! Rotation priors from gimbal angles, or from the aircraft's heading where there is no gimbal.
//!
//! In: the facts of the photos. Out: for each the attitude as stated (its yaw from north) and the prior `cam_from_local`
//! of the *upright* photo, with standard deviations in radians: gimbals are good to 2 degrees in tilt and 10 degrees in
//! yaw (compass); a heading alone means a camera fixed to the aircraft that looks down, good to 15 degrees.
//!
//! Small drones count the gimbal's yaw from the aircraft's nose, larger ones from north, under one name. Which one it is
//! shows where the nose points away from north: there the gimbal's yaw is either near 0 or near the aircraft's. Measured
//! on real flights of an FC7203: yaw from the nose, constant to 1.3 degrees when added to the heading, and wrong by 180
//! degrees on half of the photos when it is not.
//! Cost: linear. Failure modes: gimbal angles that are all zero are what firmware writes when it has none; mirrored
//! photos have no prior; a picture that a program turned by 180 degrees without saying so has a wrong yaw.

use super::shot::Shot;
use crate::base::Diagnostic;
use crate::formats::xmp::Angles;
use crate::georef::rotation_from_attitude;
use crate::scene::{Attitude, RotationPrior};
use nalgebra::{UnitQuaternion, Vector3};
use std::collections::BTreeMap;
use std::f64::consts::FRAC_PI_2;

const GIMBAL_SIGMA: (f64, f64) = (0.035, 0.175);
const AIRCRAFT_SIGMA: (f64, f64) = (0.26, 0.26);
/// A heading tells the two counts of yaw apart when it is this many degrees from north ...
const AWAY_FROM_NORTH: f64 = 40.0;
/// ... and the gimbal's yaw is within this many degrees of 0 or of the heading.
const NEAR: f64 = 20.0;

/// Attitude and prior of each photo, and notes.
pub struct Attitudes {
    /// As stated.
    pub stated: Vec<Option<Attitude>>,
    /// What follows.
    pub priors: Vec<Option<RotationPrior>>,
    /// What was found on the way.
    pub notes: Vec<Diagnostic>,
}

/// Reads the attitudes of a flight.
pub fn attitudes_of(shots: &[Shot]) -> Attitudes {
    let mut by_model: BTreeMap<Option<&str>, Vec<&Shot>> = BTreeMap::new();
    for shot in shots {
        by_model.entry(shot.exif.model.as_deref()).or_default().push(shot);
    }
    let mut notes = Vec::new();
    let mut from_nose = BTreeMap::new();
    for (model, group) in &by_model {
        let relative = counts_from_nose(group);
        if relative {
            let name = model.unwrap_or("the camera");
            let message = format!("The gimbal's yaw of {name} counts from the aircraft's nose; its heading is added");
            notes.push(Diagnostic::info("gimbal-yaw-relative", name, message));
        }
        from_nose.insert(*model, relative);
    }
    let (stated, priors) = shots.iter().map(|shot| attitude_of(shot, from_nose[&shot.exif.model.as_deref()])).unzip();
    Attitudes { stated, priors, notes }
}

/// Angles that are not the zeros of firmware without a gimbal.
fn is_stated(a: &Angles) -> bool {
    a.yaw != 0.0 || a.pitch != 0.0 || a.roll != 0.0
}

/// Degrees in -180..=180.
fn wrapped(degrees: f64) -> f64 {
    (degrees + 180.0).rem_euclid(360.0) - 180.0
}

/// Whether the gimbals' yaws count from the aircraft's nose instead of from north.
fn counts_from_nose(shots: &[&Shot]) -> bool {
    let (mut nose, mut north) = (0, 0);
    for shot in shots {
        let (Some(gimbal), Some(aircraft)) = (shot.xmp.camera.filter(is_stated), shot.xmp.aircraft) else { continue };
        let (g, a) = (wrapped(gimbal.yaw), wrapped(aircraft.yaw));
        if a.abs() > AWAY_FROM_NORTH {
            nose += usize::from(g.abs() < NEAR);
            north += usize::from(wrapped(g - a).abs() < NEAR);
        }
    }
    nose >= 2 && nose > 3 * north
}

/// The attitude that the metadata states, and the prior that follows.
fn attitude_of(shot: &Shot, from_nose: bool) -> (Option<Attitude>, Option<RotationPrior>) {
    let (attitude, (sigma_tilt, sigma_yaw)) = if let Some(a) = shot.xmp.camera.filter(is_stated) {
        let heading = shot.xmp.aircraft.filter(|_| from_nose).map_or(0.0, |a| a.yaw);
        (Attitude { yaw_deg: wrapped(a.yaw + heading), pitch_deg: a.pitch, roll_deg: a.roll }, GIMBAL_SIGMA)
    } else if let Some(a) = shot.xmp.aircraft.filter(is_stated) {
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
        let (attitude, prior) = attitude_of(&shot(Some(gimbal), Some(aircraft), 1), false);
        assert_eq!(attitude.map(|a| a.pitch_deg), Some(-60.0));
        assert_eq!(prior.map(|p| p.sigma_tilt), Some(0.035));
        let (attitude, prior) = attitude_of(&shot(Some(zero), Some(aircraft), 1), false);
        assert_eq!(attitude.map(|a| (a.yaw_deg, a.pitch_deg)), Some((45.0, -90.0)));
        assert_eq!(prior.map(|p| p.sigma_tilt), Some(0.26));
        assert_eq!(attitude_of(&shot(Some(zero), None, 1), false), (None, None));
    }

    #[test]
    fn upright_turning_moves_the_axes() {
        // Horizon, looking north, the camera held so that the stored picture must be turned clockwise (orientation 6):
        // the stored right side is the upright bottom, so upright down in the world is where stored x points.
        let level = Angles { yaw: 1e-9, pitch: 0.0, roll: 0.0 };
        let stored = attitude_of(&shot(Some(level), None, 1), false).1.expect("prior").cam_from_local;
        let upright = attitude_of(&shot(Some(level), None, 6), false).1.expect("prior").cam_from_local;
        let (x, y) = (stored.inverse() * Vector3::x(), upright.inverse() * Vector3::y());
        assert!((x - y).norm() < 1e-6, "{x} {y}");
        assert!((upright.inverse() * Vector3::z() - Vector3::y()).norm() < 1e-6);
    }

    #[test]
    fn yaw_from_the_nose_is_told_from_yaw_from_north() {
        let angles = |yaw: f64, pitch: f64| Some(Angles { yaw, pitch, roll: 0.0 });
        let fly = |gimbal: &dyn Fn(f64) -> f64| -> Vec<Shot> {
            let headings = (0..12).map(|i| if i % 2 == 0 { -10.0 } else { 170.0 });
            headings.map(|h| shot(angles(gimbal(h), -89.0), angles(h, 5.0), 1)).collect()
        };
        let nose = attitudes_of(&fly(&|_| 2.0));
        assert_eq!((nose.notes.len(), nose.stated[1].map(|a| a.yaw_deg)), (1, Some(172.0)));
        let north = attitudes_of(&fly(&|heading| heading + 1.0));
        assert_eq!((north.notes.len(), north.stated[1].map(|a| a.yaw_deg)), (0, Some(171.0)));
        // A rotating gimbal that looks anywhere else proves nothing.
        assert!(attitudes_of(&fly(&|heading| heading + 90.0)).notes.is_empty());
    }
}
