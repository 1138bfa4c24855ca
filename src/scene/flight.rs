//! Photos as they were taken: files, cameras, times, positions, attitudes.

use crate::base::{CameraId, Diagnostic, Fingerprint, PhotoId};
use crate::camera::Camera;
use nalgebra::{UnitQuaternion, Vector3};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A GNSS position as the photo's metadata gives it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpsFix {
    /// WGS84 latitude in degrees, north positive.
    pub latitude_deg: f64,
    /// WGS84 longitude in degrees, east positive.
    pub longitude_deg: f64,
    /// Altitude in metres in whatever datum the camera uses; `None` where it is absent or known to be meaningless.
    pub altitude_m: Option<f64>,
    /// Standard deviation of each horizontal axis in metres, where the metadata states it (RTK).
    pub sigma_horizontal_m: Option<f64>,
    /// Standard deviation of the altitude in metres, where the metadata states it (RTK).
    pub sigma_vertical_m: Option<f64>,
}

/// Attitude of the camera as the metadata gives it. Yaw 0 = image top to north, clockwise positive; pitch -90 = nadir,
/// 0 = horizon; roll 0 = level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attitude {
    /// Heading in degrees, clockwise from north.
    pub yaw_deg: f64,
    /// Pitch in degrees, -90 looking straight down.
    pub pitch_deg: f64,
    /// Roll in degrees.
    pub roll_deg: f64,
}

/// Prior of a camera centre in the local frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PositionPrior {
    /// East, north, up in metres.
    pub centre: Vector3<f64>,
    /// Standard deviation of each axis in metres.
    pub sigma: Vector3<f64>,
}

/// Prior of a camera rotation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RotationPrior {
    /// Rotation `cam_from_local`.
    pub cam_from_local: UnitQuaternion<f64>,
    /// Standard deviation in radians of tilt (roll and pitch).
    pub sigma_tilt: f64,
    /// Standard deviation in radians of yaw.
    pub sigma_yaw: f64,
}

/// One photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    /// Its id: the index in `Flight::photos`.
    pub id: PhotoId,
    /// Absolute path of the file.
    pub path: PathBuf,
    /// File name, unique in the flight (with its folder where two files share a name).
    pub name: String,
    /// Its camera group.
    pub camera: CameraId,
    /// EXIF orientation 1..=8; pixels are used upright, after it is applied.
    pub orientation: u8,
    /// Seconds since 1970 of the exposure, camera clock, with sub-seconds.
    pub time_s: Option<f64>,
    /// Exposure time in seconds.
    pub exposure_s: Option<f64>,
    /// GNSS position.
    pub gps: Option<GpsFix>,
    /// Camera attitude.
    pub attitude: Option<Attitude>,
    /// Height above the take-off point in metres, where the metadata has it.
    pub relative_altitude_m: Option<f64>,
    /// Prior of the centre in the local frame, from `gps`.
    pub position: Option<PositionPrior>,
    /// Prior of the rotation in the local frame, from `attitude`.
    pub rotation: Option<RotationPrior>,
    /// Fingerprint of the file's bytes.
    pub content: Fingerprint,
}

/// A file that was given but is not part of the flight, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SkippedPhoto {
    /// Path of the file.
    pub path: PathBuf,
    /// Why it was left out.
    pub reason: Diagnostic,
}

/// The local frame: east-north-up metres at an origin on the WGS84 ellipsoid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalFrame {
    /// WGS84 latitude of the origin in degrees.
    pub latitude_deg: f64,
    /// WGS84 longitude of the origin in degrees.
    pub longitude_deg: f64,
    /// Altitude of the origin in metres, in the datum of the photos' altitudes.
    pub altitude_m: f64,
    /// EPSG code of the UTM zone of the origin, used where a file needs projected coordinates.
    pub utm_epsg: u32,
}

/// The photographs of one flight (or of several over one place).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flight {
    /// The photos, sorted by time and name.
    pub photos: Vec<Photo>,
    /// The camera groups.
    pub cameras: Vec<Camera>,
    /// The local frame, where the photos have positions.
    pub frame: Option<LocalFrame>,
    /// Files that were left out.
    pub skipped: Vec<SkippedPhoto>,
    /// Notes about the flight as a whole (altitudes without meaning, positions all equal, ...).
    pub notes: Vec<Diagnostic>,
}

impl Flight {
    /// The camera group of a photo.
    pub fn camera_of(&self, photo: PhotoId) -> &Camera {
        &self.cameras[self.photos[photo.index()].camera.index()]
    }
}
