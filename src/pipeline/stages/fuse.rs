//! Fused points.

use super::depth::{DepthSet, undistorted};
use super::lru::Lru;
use crate::base::{Fingerprint, PhotoId};
use crate::dense::fuse::{FuseOptions, fuse};
use crate::pipeline::{Handle, Job, Stage, StageError};
use crate::scene::{Flight, PointCloud, Reconstruction};

/// Fuses depth maps.
pub struct FuseStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Poses and lenses.
    pub reconstruction: &'a Reconstruction,
    /// The depth maps.
    pub maps: &'a DepthSet,
    /// Where the list of depth maps is stored.
    pub depth: Handle<DepthSet>,
}
