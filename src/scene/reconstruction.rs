//! The sparse stage's result: adjusted cameras, poses and points, and how well they fit.

use super::LocalFrame;
use crate::base::{Diagnostic, PhotoId};
use crate::camera::Camera;
use crate::geometry::Rigid3;
use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// One photo's sight of a point.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The photo.
    pub photo: PhotoId,
    /// The feature in that photo.
    pub feature: u32,
    /// Pixel coordinate in the full-size photo.
    pub pixel: Vector2<f64>,
}

/// A triangulated point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparsePoint {
    /// Position in the local frame.
    pub position: Vector3<f64>,
    /// Mean colour (sRGB).
    pub colour: [u8; 3],
    /// The photos that see it, by ascending photo id; each photo at most once.
    pub track: Vec<Observation>,
}

/// Where the reconstruction's frame comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Georeference {
    /// Local east-north-up metres at a place on earth.
    Local {
        /// The frame.
        frame: LocalFrame,
        /// For each photo with a prior: adjusted minus measured centre, in metres.
        residuals: Vec<PriorResidual>,
        /// Amplitude in metres of a bowl `d r^2` in the vertical residuals at the largest camera radius, and its
        /// standard deviation.
        doming_m: (f64, f64),
    },
    /// No usable positions: the scale is unknown; z is up as far as the photos tell.
    Unscaled,
}

/// The adjusted centre of one photo against its prior.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PriorResidual {
    /// The photo.
    pub photo: PhotoId,
    /// Adjusted minus measured in metres (east, north, up).
    pub residual: Vector3<f64>,
}

/// Adjusted cameras, poses and points. World = the local frame (or an arbitrary one when unscaled).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reconstruction {
    /// Camera groups with the adjusted calibration, by `CameraId`.
    pub cameras: Vec<Camera>,
    /// Camera group of every photo of the flight, by `PhotoId`.
    pub camera_of: Vec<crate::base::CameraId>,
    /// Pose `cam_from_world` of every photo of the flight, by `PhotoId`; `None` = not registered.
    pub poses: Vec<Option<Rigid3>>,
    /// The points.
    pub points: Vec<SparsePoint>,
    /// The frame and how well it fits.
    pub georeference: Georeference,
    /// Standard deviations of each camera centre east, north and up in metres, what all share included; empty where
    /// nothing ties the model to the earth or the flight is too large to work them out.
    pub centre_sigmas: Vec<Option<Vector3<f64>>>,
    /// What the quality gates found.
    pub notes: Vec<Diagnostic>,
}

impl Reconstruction {
    /// Registered photos in ascending order.
    pub fn registered(&self) -> impl Iterator<Item = PhotoId> + '_ {
        self.poses.iter().enumerate().filter(|(_, p)| p.is_some()).map(|(i, _)| PhotoId::from(i))
    }

    /// The adjusted camera of a photo.
    pub fn camera(&self, photo: PhotoId) -> &Camera {
        &self.cameras[self.camera_of[photo.index()].index()]
    }

    /// Reprojection error in pixels of one observation; `None` where the point is behind the camera or the photo is
    /// not registered.
    pub fn reprojection_error(&self, point: &SparsePoint, observation: &Observation) -> Option<f64> {
        let pose = self.poses[observation.photo.index()].as_ref()?;
        let pixel = self.camera(observation.photo).lens.project(&pose.apply(&point.position))?;
        Some((pixel - observation.pixel).norm())
    }

    /// For each photo how many sparse points it sees, and the RMS of their reprojection errors in pixels.
    pub fn photo_errors(&self) -> Vec<(usize, Option<f64>)> {
        let mut sums = vec![(0, 0.0); self.poses.len()];
        for point in &self.points {
            for observation in &point.track {
                if let Some(error) = self.reprojection_error(point, observation) {
                    let (count, squares) = &mut sums[observation.photo.index()];
                    *count += 1;
                    *squares += error * error;
                }
            }
        }
        sums.into_iter().map(|(n, squares)| (n, (n > 0).then(|| (squares / n as f64).sqrt()))).collect()
    }
}
