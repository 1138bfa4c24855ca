//! Cameras: the lens model with its Jacobians, camera groups, and the ideal pinhole that undistorted images have.

mod lens;

pub use lens::{Lens, LensJacobians, PARAMETERS};

use crate::base::CameraId;
use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// A camera group: photos of one body, lens, focal setting and size share it and its calibration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Camera {
    /// Its id: the index in `Flight::cameras` and `Reconstruction::cameras`.
    pub id: CameraId,
    /// Make, model and lens for a person.
    pub label: String,
    /// Width of its photos in pixels, after EXIF orientation.
    pub width: u32,
    /// Height of its photos in pixels, after EXIF orientation.
    pub height: u32,
    /// The calibration: the prior after ingest, the adjusted one after the sparse stage.
    pub lens: Lens,
    /// Where the initial focal length came from.
    pub focal_source: FocalSource,
}

/// How the initial focal length was found; decides how far the adjustment may move it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FocalSource {
    /// Given by a calibration (XMP, user).
    Calibration,
    /// From EXIF: 35 mm equivalent, focal plane resolution, or sensor size.
    Exif,
    /// A guess (1.2 times the longer side).
    Guess,
}

/// An ideal pinhole camera, the camera of undistorted images: `u = f x/z + cx`, first pixel's centre at 0.5.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pinhole {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Focal length in pixels.
    pub f: f64,
    /// Principal point, x in pixels.
    pub cx: f64,
    /// Principal point, y in pixels.
    pub cy: f64,
}

impl Pinhole {
    /// Pixel of a point in the camera frame; `None` at or behind the camera.
    pub fn project(&self, x: &Vector3<f64>) -> Option<Vector2<f64>> {
        (x.z > 1e-12).then(|| Vector2::new(self.f * x.x / x.z + self.cx, self.f * x.y / x.z + self.cy))
    }

    /// The ray of a pixel, with z = 1.
    pub fn ray(&self, pixel: &Vector2<f64>) -> Vector3<f64> {
        Vector3::new((pixel.x - self.cx) / self.f, (pixel.y - self.cy) / self.f, 1.0)
    }

    /// The same camera with images scaled by `factor` (size rounded to whole pixels).
    pub fn scaled(&self, factor: f64) -> Self {
        let width = (f64::from(self.width) * factor).round().max(1.0);
        let height = (f64::from(self.height) * factor).round().max(1.0);
        // One factor for f keeps pixels square; the centre scales with the true ratios.
        Self {
            width: width as u32,
            height: height as u32,
            f: self.f * factor,
            cx: self.cx * factor,
            cy: self.cy * factor,
        }
    }
}
