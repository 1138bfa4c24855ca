//! Features of photos and what links them.

use crate::base::PhotoId;
use crate::geometry::Rigid3;
use nalgebra::Matrix3;
use serde::{Deserialize, Serialize};

/// A feature's place in its photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Keypoint {
    /// Pixel coordinate in the full-size upright photo (first pixel's centre at 0.5).
    pub x: f32,
    /// See `x`.
    pub y: f32,
    /// Scale (sigma of the blob) in pixels of the full-size photo.
    pub scale: f32,
    /// Orientation in radians, from +x towards +y.
    pub angle: f32,
    /// Colour of the photo there (sRGB).
    pub colour: [u8; 3],
}

/// The features of one photo; `descriptors[i]` belongs to `keypoints[i]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Places.
    pub keypoints: Vec<Keypoint>,
    /// RootSIFT descriptors, 128 bytes each, one after another (`keypoints.len() * 128` bytes), each value
    /// `round(512 sqrt(v))` clamped to 255, so that the squared L2 norm is about 512^2.
    pub descriptors: Vec<u8>,
}

impl Features {
    /// Number of features.
    pub fn len(&self) -> usize {
        self.keypoints.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keypoints.is_empty()
    }

    /// The descriptor of feature `i`.
    pub fn descriptor(&self, i: usize) -> &[u8] {
        &self.descriptors[i * 128..(i + 1) * 128]
    }
}

/// Putative matches between two photos, `a < b`, sorted by the feature in a.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairMatches {
    /// First photo.
    pub a: PhotoId,
    /// Second photo.
    pub b: PhotoId,
    /// Feature indices (in a, in b); each feature occurs at most once.
    pub matches: Vec<(u32, u32)>,
}

/// What kind of relative geometry a pair has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PairKind {
    /// A translation between the photos and structure that is not flat.
    General,
    /// A homography explains (nearly) as much as the essential matrix: a flat scene.
    Planar,
    /// No measurable baseline: only the rotation means anything.
    Panoramic,
}

/// Two photos whose matches agree with one relative pose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VerifiedPair {
    /// First photo.
    pub a: PhotoId,
    /// Second photo.
    pub b: PhotoId,
    /// Matches that agree, as feature indices (in a, in b).
    pub inliers: Vec<(u32, u32)>,
    /// Relative pose of the cameras with a translation of length 1 (or 0 when panoramic).
    pub b_from_a: Rigid3,
    /// The second solution of a planar pair that the priors could not rule out.
    pub alternative: Option<Rigid3>,
    /// Kind of geometry.
    pub kind: PairKind,
    /// Homography `b_from_a` between rays (z = 1), where one was fitted.
    pub homography: Option<Matrix3<f64>>,
    /// Median angle in radians between the two rays of an inlier.
    pub median_angle: f64,
}
