//! Control points: places of known coordinates that photos show, as a person gives them, and what the adjustment made
//! of them.
//!
//! Coordinates are as given, in the system that the point names; marks are pixels of the full-size upright photo with
//! the centre of the first pixel at (0.5, 0.5). Residuals are metres east, north, up in the local frame.

use crate::base::PhotoId;
use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What a point is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ControlRole {
    /// The adjustment uses it.
    #[default]
    Control,
    /// It is only measured, to say how good the result is.
    Check,
    /// It is left out.
    Off,
}

impl ControlRole {
    /// All of them, in order.
    pub const ALL: [Self; 3] = [Self::Control, Self::Check, Self::Off];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Check => "check",
            Self::Off => "off",
        }
    }
}

/// Where a photo shows a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlMark {
    /// The photo's file.
    pub photo: PathBuf,
    /// Pixel of the full-size upright photo.
    pub pixel: Vector2<f64>,
}

/// A point of known coordinates, as a person gave it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlPoint {
    /// Its name, unique in the project.
    pub name: String,
    /// The reference system of `given`, for example `EPSG:32617`.
    pub crs: String,
    /// Easting, northing, height in metres; for geographic systems longitude and latitude in degrees, height in metres.
    pub given: Vector3<f64>,
    /// Standard deviations of east and north in metres.
    pub sigma_m: [f64; 2],
    /// Standard deviation of the height in metres; `None` where the height is not to be believed.
    pub sigma_up_m: Option<f64>,
    /// What it is for.
    pub role: ControlRole,
    /// Where photos show it, at most one for each photo.
    pub marks: Vec<ControlMark>,
}

/// A point as the adjustment takes it: on WGS84, its marks by photo id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlTarget {
    /// Its name.
    pub name: String,
    /// Control or check.
    pub role: ControlRole,
    /// Latitude and longitude in degrees, altitude in metres.
    pub geodetic: [f64; 3],
    /// Standard deviations of east and north in metres.
    pub sigma_m: [f64; 2],
    /// Standard deviation of the altitude in metres; `None` = unknown altitude.
    pub sigma_up_m: Option<f64>,
    /// Where photos show it, by ascending photo id.
    pub marks: Vec<(PhotoId, Vector2<f64>)>,
}

/// What the adjustment made of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkResult {
    /// The photo.
    pub photo: PhotoId,
    /// The mark.
    pub pixel: Vector2<f64>,
    /// From the mark to where the adjusted photo shows the point, in pixels; `None` without a pose or a place.
    pub error_px: Option<f64>,
}

/// What the adjustment made of a point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlResult {
    /// Its name.
    pub name: String,
    /// Control or check.
    pub role: ControlRole,
    /// The given place in the local frame; its height is a guess where none was given.
    pub target: Vector3<f64>,
    /// Where the marks alone put it with the adjusted photos; `None` with fewer than two usable marks.
    pub measured: Option<Vector3<f64>>,
    /// Standard deviation of `measured` in metres along east, north, up, from the marks' own.
    pub measured_sigma_m: Option<Vector3<f64>>,
    /// Measured minus given in metres, east and north.
    pub residual_m: Option<[f64; 2]>,
    /// Measured minus given in metres, up; `None` too where no height was given.
    pub residual_up_m: Option<f64>,
    /// Its marks.
    pub marks: Vec<MarkResult>,
}

/// What the adjustment made of all points.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ControlReport {
    /// The points, in the order given.
    pub points: Vec<ControlResult>,
    /// Whether the points alone gave the reconstruction its place and scale.
    pub georeferenced: bool,
}

/// Root mean squares over points of one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ControlRms {
    /// Points with a residual.
    pub points: usize,
    /// East, north, metres.
    pub horizontal_m: [f64; 2],
    /// Up, metres; `None` where no point had a height.
    pub up_m: Option<f64>,
    /// Marks in pixels.
    pub mark_px: f64,
}

impl ControlRms {
    /// Root mean square of the whole error vectors in metres (of the horizontal ones where no heights are known).
    pub fn total_m(&self) -> f64 {
        let [e, n] = self.horizontal_m;
        let u = self.up_m.unwrap_or(0.0);
        (e * e + n * n + u * u).sqrt()
    }
}

impl ControlReport {
    /// The figures of the points of one role; `None` where none has a residual.
    pub fn rms(&self, role: ControlRole) -> Option<ControlRms> {
        let mut sums = [(0usize, 0.0); 4];
        let mut add = |k: usize, v: f64| {
            sums[k].0 += 1;
            sums[k].1 += v * v;
        };
        for point in self.points.iter().filter(|p| p.role == role) {
            if let Some([e, n]) = point.residual_m {
                add(0, e);
                add(1, n);
            }
            if let Some(u) = point.residual_up_m {
                add(2, u);
            }
            point.marks.iter().filter_map(|m| m.error_px).for_each(|v| add(3, v));
        }
        let rms = |k: usize| (sums[k].1 / sums[k].0.max(1) as f64).sqrt();
        (sums[0].0 > 0).then(|| ControlRms {
            points: sums[0].0,
            horizontal_m: [rms(0), rms(1)],
            up_m: (sums[2].0 > 0).then(|| rms(2)),
            mark_px: rms(3),
        })
    }
}
