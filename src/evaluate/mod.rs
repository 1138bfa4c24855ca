//! How good a result is, measured against a flight whose truth is known.
//!
//! In: the truth (`truth.json`, `truth.ply`, extra views), the reconstruction, the city. Out: errors of poses in metres
//! and degrees, accuracy and completeness of the surface by class, colour differences of the texture. Works on what
//! [`crate::synthetic`] writes and on any truth in the same format. Pure: the caller reads the files.
//! Cost: some seconds; the surface takes the most (a ray per sample and photo). Failure modes: fewer than three photos
//! in common cannot be aligned.

mod colour;
mod pose;
mod surface;
mod texture;

pub use colour::{delta_e00, lab};
pub use pose::{Estimate, PointHeights, PoseErrors, PoseReport, estimates, frame_change, poses};
pub use surface::{LimitScore, SurfaceOptions, SurfaceReport, SurfaceScore, surface};
pub use texture::{TextureReport, texture};

use crate::base::{Cancelled, Ctx};
use crate::geometry::Sim3;
use crate::image::Rgb8;
use crate::scene::{City, Flight, Georeference, Mesh, Reconstruction};
use crate::synthetic::truth::{Truth, TruthMesh};
use serde::{Deserialize, Serialize};

/// Why a result cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The user stopped it.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The photos are not those of the truth.
    #[error(
        "{common} of the {total} photos of the truth are registered under the same file name; 3 are needed to align"
    )]
    TooFewPhotos {
        /// Photos in common.
        common: usize,
        /// Photos of the truth.
        total: usize,
    },
    /// All cameras in one place.
    #[error("the {common} photos in common have their centres in one place, so the result cannot be aligned")]
    NoExtent {
        /// Photos in common.
        common: usize,
    },
}

impl EvaluateError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            EvaluateError::Cancelled(_) => "Run it again.",
            EvaluateError::TooFewPhotos { .. } => "Give the truth of the flight that the project was made from.",
            EvaluateError::NoExtent { .. } => "Look at the report of the sparse stage: the reconstruction collapsed.",
        }
    }
}

/// What is measured: any part may be missing.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// The photos, for their names.
    pub flight: &'a Flight,
    /// Poses and sparse points.
    pub reconstruction: &'a Reconstruction,
    /// The surface, in the frame of the reconstruction.
    pub mesh: Option<&'a Mesh>,
    /// The textured city, in the frame of the reconstruction; its mesh is measured where `mesh` is missing.
    pub city: Option<&'a City>,
}

/// All measurements of one result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Poses.
    pub poses: PoseReport,
    /// Surface, after the alignment of the poses.
    pub surface: Option<SurfaceReport>,
    /// Texture, after the alignment of the poses.
    pub texture: Option<TextureReport>,
}

/// Measures everything there is. `views`: decoded pictures of `truth.extra_views`, in their order (may be empty).
pub fn evaluate(
    truth: &Truth,
    truth_surface: &TruthMesh,
    views: &[Rgb8],
    candidate: &Candidate,
    options: &SurfaceOptions,
    ctx: &Ctx,
) -> Result<Evaluation, EvaluateError> {
    let estimated = estimates(candidate.flight, candidate.reconstruction);
    let frame = match &candidate.reconstruction.georeference {
        Georeference::Local { frame, .. } => Some(frame),
        Georeference::Unscaled => None,
    };
    let points: Vec<_> = candidate.reconstruction.points.iter().map(|p| p.position).collect();
    let poses = poses(truth, truth_surface, &estimated, &points, frame)?;
    let align: Sim3 = poses.truth_from_model;
    let mesh = candidate.mesh.or(candidate.city.map(|c| &c.mesh));
    let surface = match mesh {
        Some(mesh) => Some(surface(truth, truth_surface, mesh, &align, options, ctx)?),
        None => None,
    };
    let texture = match candidate.city {
        Some(city) if !views.is_empty() => Some(texture(truth, truth_surface, views, city, &align, ctx)?),
        _ => None,
    };
    Ok(Evaluation { poses, surface, texture })
}

impl Evaluation {
    /// A table for a person.
    pub fn table(&self) -> String {
        let mut out = self.poses.table();
        if let Some(s) = &self.surface {
            out.push('\n');
            out.push_str(&s.table());
        }
        if let Some(t) = &self.texture {
            out.push('\n');
            out.push_str(&t.table());
        }
        out
    }
}
