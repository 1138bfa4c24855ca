//! Surfaces: the visibility-based surface of a point cloud, cleaning, refinement, simplification, inspection.

pub mod bvh;
mod check;
mod clean;
pub mod delaunay;
pub mod maxflow;
mod refine;
mod simplify;
mod smooth;
mod spatial_order;
mod surface;
pub mod topology;

pub use check::{
    MeshReport, inspect, inspect_topology, self_intersections, self_intersections_of, self_intersections_up_to,
};
pub use clean::{CleanOptions, clean, make_manifold};
pub use refine::{RefineOptions, refine};
pub use simplify::{Simplified, SimplifyOptions, simplify, simplify_apart, simplify_textured};
pub use smooth::{SmoothOptions, smooth};
pub use surface::{SurfaceOptions, surface};
pub use topology::pieces;

use crate::base::Cancelled;

/// Why a surface could not be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MeshError {
    /// Too few points.
    #[error("the surface needs at least {needed} fused points, there are {points}")]
    TooFewPoints {
        /// Points given.
        points: usize,
        /// Points needed.
        needed: usize,
    },
    /// All points lie in one plane.
    #[error("all {points} fused points lie in one plane")]
    Flat {
        /// Points given.
        points: usize,
    },
    /// No point says which photos see it.
    #[error("none of the {points} fused points names a photo with a known camera")]
    NoVisibility {
        /// Points given.
        points: usize,
    },
    /// The cut found no solid space.
    #[error("the {points} fused points do not separate solid from free space")]
    EmptySurface {
        /// Vertices of the tetrahedralisation.
        points: usize,
    },
    /// A list does not have an entry for each triangle.
    #[error("there are {count} {what} for {triangles} triangles")]
    CountMismatch {
        /// What is listed.
        what: &'static str,
        /// Entries given.
        count: usize,
        /// Entries needed.
        triangles: usize,
    },
    /// The run was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl MeshError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooFewPoints { .. } | Self::Flat { .. } => {
                "check the depth maps: photos of the same place from different positions are needed"
            }
            Self::NoVisibility { .. } => "run the dense stage again on the same photos as the sparse stage",
            Self::EmptySurface { .. } => "check that the cameras stand above the points, with the same scale",
            Self::CountMismatch { .. } => "this is a mistake in the program; please report it with the project's log",
            Self::Cancelled(_) => "start the run again; it resumes where it stopped",
        }
    }
}
