//! What a user may choose about depth maps.

use serde::{Deserialize, Serialize};

/// How depth maps are computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthOptions {
    /// Longer side of the undistorted images and depth maps in pixels.
    pub max_size: u32,
    /// Photos that each photo is compared with (2 to 8).
    pub sources: usize,
    /// Halvings of the images before the search at full size (0 to 4).
    pub halvings: u32,
    /// Sweeps at the smallest size.
    pub coarse_passes: u32,
    /// Sweeps at each larger size.
    pub fine_passes: u32,
    /// Rounds in which each map is improved and checked against its neighbours' maps.
    pub geometric_rounds: u32,
    /// Sweeps of each of these rounds.
    pub geometric_passes: u32,
    /// Fills surface without texture with planes through reliable points around it.
    pub planar_prior: bool,
}

impl Default for DepthOptions {
    fn default() -> Self {
        Self {
            max_size: 1600,
            sources: 5,
            halvings: 2,
            coarse_passes: 6,
            fine_passes: 3,
            geometric_rounds: 2,
            geometric_passes: 2,
            planar_prior: true,
        }
    }
}

impl DepthOptions {
    /// Quick, to see what a flight gives.
    pub fn draft() -> Self {
        Self { max_size: 800, sources: 4, fine_passes: 2, geometric_rounds: 1, ..Self::default() }
    }

    /// All details that the photos hold.
    pub fn high() -> Self {
        Self { max_size: 3200, sources: 8, halvings: 3, fine_passes: 4, geometric_passes: 3, ..Self::default() }
    }
}
