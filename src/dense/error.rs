//! What can go wrong between the sparse reconstruction and the fused points.

use crate::base::{Cancelled, PhotoId};
use crate::gpu::GpuError;

/// Why a dense method failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DenseError {
    /// The user cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The photo has no pose.
    #[error("photo {photo} was not registered, so it has no depth map")]
    NotRegistered {
        /// The photo.
        photo: PhotoId,
    },
    /// Too few other photos see the same surface.
    #[error("photo {photo} has {found} photos to compare with, {needed} are needed")]
    TooFewNeighbours {
        /// The photo.
        photo: PhotoId,
        /// Usable neighbours.
        found: usize,
        /// Least number.
        needed: usize,
    },
    /// Too few sparse points to know where the surface is.
    #[error("photo {photo} sees {found} sparse points, {needed} are needed for a depth range")]
    TooFewPoints {
        /// The photo.
        photo: PhotoId,
        /// Points in front of the camera.
        found: usize,
        /// Least number.
        needed: usize,
    },
    /// A photo has another size than its calibration says.
    #[error("photo {photo} has {found_width} x {found_height} pixels, its camera has {width} x {height}")]
    WrongSize {
        /// The photo.
        photo: PhotoId,
        /// Its width.
        found_width: usize,
        /// Its height.
        found_height: usize,
        /// Width of the camera.
        width: u32,
        /// Height of the camera.
        height: u32,
    },
    /// Inputs that belong together do not fit.
    #[error("{what}: {found} given, {expected} expected")]
    Mismatch {
        /// Which inputs.
        what: &'static str,
        /// Number given.
        found: usize,
        /// Number expected.
        expected: usize,
    },
    /// An image could not be loaded.
    #[error("photo {photo} could not be loaded: {message}")]
    Load {
        /// The photo.
        photo: PhotoId,
        /// The cause.
        message: String,
    },
    /// The device refused.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}

impl DenseError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => "",
            Self::NotRegistered { .. } => "See the report of the sparse stage for why the photo was left out.",
            Self::TooFewNeighbours { .. } | Self::TooFewPoints { .. } => {
                "Fly with more overlap (80 % forward, 60 % sideways); the other photos are still used."
            }
            Self::WrongSize { .. } | Self::Load { .. } => {
                "The photo changed since it was imported: import the flight again."
            }
            Self::Mismatch { .. } => "This is a bug: please report it.",
            Self::Gpu(e) => e.hint(),
        }
    }
}
