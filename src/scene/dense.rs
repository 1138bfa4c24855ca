//! Depth maps and fused points.

use crate::base::PhotoId;
use crate::camera::Pinhole;
use crate::geometry::Rigid3;
use crate::image::Grid;
use serde::{Deserialize, Serialize};

/// Depth of one undistorted photo.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthMap {
    /// The photo.
    pub photo: PhotoId,
    /// The undistorted camera at the map's resolution.
    pub camera: Pinhole,
    /// Pose `cam_from_world`.
    pub pose: Rigid3,
    /// Depth along the camera's z axis in world units; 0 = none.
    pub depth: Grid<f32>,
    /// Unit normal in the camera frame, facing the camera (z < 0).
    pub normal: Grid<[f32; 3]>,
    /// Matching cost, 0 (perfect) to 2; lower is better.
    pub cost: Grid<f32>,
}

/// A point that several depth maps agree on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FusedPoint {
    /// Position in the local frame, metres.
    pub position: [f32; 3],
    /// Unit normal, outward.
    pub normal: [f32; 3],
    /// Colour (sRGB).
    pub colour: [u8; 3],
    /// 0..=1, from the number of views and their costs.
    pub confidence: f32,
    /// Photos that see it.
    pub views: Vec<PhotoId>,
}

/// Fused points of the whole flight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PointCloud {
    /// The points.
    pub points: Vec<FusedPoint>,
    /// Typical distance on the ground of one pixel of the depth maps, in world units.
    pub gsd: f64,
}
