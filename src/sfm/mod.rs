//! Structure from motion: poses, calibration and sparse points of a flight from its verified pairs.
//!
//! In: [`Flight`] (cameras, position and rotation priors in the local frame), [`Features`] (pixels of the full-size
//! photo), [`VerifiedPair`]s. Out: a [`Reconstruction`] in the local east-north-up frame where positions are known,
//! otherwise levelled and of unknown scale, with notes on everything that was left out.
//!
//! Method: tracks by union-find; mapping of all photos at once from GPS and the rotations of pairs ([`hybrid`]), and,
//! without GPS or where that fails its gates, in growing batches of photos ([`incremental`]), which needs nothing but
//! overlap; the fit to the priors; then robust adjustment of everything with filtering, completion by guided matching
//! ([`complete`]) and self-calibration, and gates that repair or report. Sources: J. Schoenberger, J.-M. Frahm,
//! "Structure-from-Motion Revisited", CVPR 2016; L. Pan et al., "Global Structure-from-Motion Revisited", ECCV 2024.
//! Cost: 4.5 s of one core for 48 photos and 120,000 observations, 31 s for 172 photos and 770,000. Fails only where no
//! two photos can be posed.

mod complete;
pub mod control;
mod gates;
mod georeference;
mod graph;
mod hybrid;
mod incremental;
mod initial_pair;
mod model;
mod refine;
mod register;
#[cfg(test)]
mod tests;
mod tracks;

use crate::base::{Cancelled, Ctx, Diagnostic};
use crate::bundle::BundleError;
use crate::scene::{Features, Flight, Georeference, Reconstruction, VerifiedPair};
use graph::ViewGraph;
use model::Model;

/// How to reconstruct. Thresholds in pixels hold for photos up to [`SfmOptions::reference_width`] wide and grow with wider ones.
#[derive(Clone, Debug, PartialEq)]
pub struct SfmOptions {
    /// Seed of all sampling.
    pub seed: u64,
    /// Width in pixels of photos for which the thresholds below are meant.
    pub reference_width: f64,
    /// Largest reprojection error of an observation, pixels; the actual limit adapts to the data below this.
    pub max_error_px: f64,
    /// Lower bound of the adaptive limit, pixels.
    pub min_error_limit_px: f64,
    /// Largest reprojection error of a match that supports a new photo's pose, pixels.
    pub resection_error_px: f64,
    /// Matches that must support a new photo's pose.
    pub resection_inliers: usize,
    /// Smallest angle between two rays of a point, radians.
    pub min_angle: f64,
    /// Two features of one photo in one track farther apart than this are a contradiction, pixels.
    pub track_conflict_px: f64,
    /// Rounds of adjusting, filtering and completing at the end, at most.
    pub refinements: usize,
    /// Whether the lens is calibrated from the photos; otherwise the flight's calibration is kept.
    pub calibrate: bool,
    /// Observations that a photo needs to stay.
    pub min_observations: usize,
}

impl Default for SfmOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            reference_width: 1600.0,
            max_error_px: 4.0,
            min_error_limit_px: 1.0,
            resection_error_px: 12.0,
            resection_inliers: 30,
            min_angle: 1.5f64.to_radians(),
            track_conflict_px: 10.0,
            refinements: 5,
            calibrate: true,
            min_observations: 30,
        }
    }
}

/// Why a flight could not be reconstructed.
#[derive(Debug, thiserror::Error)]
pub enum SfmError {
    /// The inputs do not belong together.
    #[error("the flight has {photos} photos but {features} sets of features were given")]
    Mismatch {
        /// Photos of the flight.
        photos: usize,
        /// Sets of features.
        features: usize,
    },
    /// No pair of photos overlaps.
    #[error("none of the {photos} photos shares matches with another ({pairs} verified pairs)")]
    NoPairs {
        /// Photos of the flight.
        photos: usize,
        /// Verified pairs.
        pairs: usize,
    },
    /// No pair could start the reconstruction.
    #[error("none of {tried} pairs of photos gave at least {needed} points to start from (best: {best})")]
    NoStart {
        /// Pairs tried.
        tried: usize,
        /// Most points that one of them gave.
        best: usize,
        /// Points needed.
        needed: usize,
    },
    /// The adjustment failed.
    #[error("adjusting {photos} photos failed: {source}")]
    Adjustment {
        /// Photos in the adjustment.
        photos: usize,
        /// Why.
        source: BundleError,
    },
    /// The control points are somewhere else.
    #[error("the control points lie {distance_km:.0} km from the photos (limit {limit_km:.0} km)")]
    ControlFarOff {
        /// Distance from the photos to the nearest point.
        distance_km: f64,
        /// Distance up to which they are believed.
        limit_km: f64,
    },
    /// The run was cancelled.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl SfmError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Mismatch { .. } => "Run the stages again from the features on.",
            Self::NoPairs { .. } => {
                "The photos must overlap by more than half. Check that they show one place, and that they are sharp."
            }
            Self::NoStart { .. } => {
                "The photos overlap but were taken from (nearly) one position, or show hardly any texture; a flight \
                 needs photos from different positions."
            }
            Self::Adjustment { source, .. } => source.hint(),
            Self::ControlFarOff { .. } => {
                "Check the reference system of the list, and that x is the easting (or the longitude) and y the northing."
            }
            Self::Cancelled(_) => "",
        }
    }
}

impl From<BundleError> for SfmError {
    fn from(source: BundleError) -> Self {
        match source {
            BundleError::Cancelled(c) => Self::Cancelled(c),
            source => Self::Adjustment { photos: 0, source },
        }
    }
}

/// Units of progress: mapping, then refinement.
const MAPPING: u64 = 600;
const ALL: u64 = 1000;

/// Reconstructs a flight.
pub fn reconstruct(
    ctx: &Ctx,
    flight: &Flight,
    features: &[Features],
    pairs: &[VerifiedPair],
    options: &SfmOptions,
) -> Result<Reconstruction, SfmError> {
    let photos = flight.photos.len();
    if features.len() != photos {
        return Err(SfmError::Mismatch { photos, features: features.len() });
    }
    ctx.tick(0, ALL)?;
    let graph = ViewGraph::new(photos, pairs);
    if graph.largest_component().len() < 2 {
        return Err(SfmError::NoPairs { photos, pairs: pairs.len() });
    }
    let mut notes: Vec<Diagnostic> = Vec::new();
    let tracks = tracks::build(features, &graph, options.track_conflict_px * scale_of(flight, options));
    let empty = Model::new(flight, features, tracks, options);
    ctx.tick(20, ALL)?;
    let mut model = map(ctx, flight, &empty, &graph, options, &mut notes)?;
    ctx.tick(MAPPING, ALL)?;
    let fit = georeference::align(flight, &mut model, options, &mut notes);
    refine::finish(ctx, &mut model, features, &graph, options)?;
    if gates::repair(flight, &mut model, options, &mut notes) {
        refine::finish(ctx, &mut model, features, &graph, options)?;
    }
    gates::explain_missing(flight, features, &graph, &model, &mut notes);
    model.drop_unchecked();
    let georeference = georeference::describe(flight, &mut model, fit, &mut notes);
    gates::report(&model, &georeference, &mut notes);
    let centre_sigmas = match &georeference {
        Georeference::Local { .. } => refine::centre_sigmas(&model, options),
        Georeference::Unscaled => Vec::new(),
    };
    ctx.tick(ALL, ALL)?;
    Ok(model.into_reconstruction(features, georeference, centre_sigmas, notes))
}

/// Maps at once where positions allow, otherwise, or where that does not hold, photo by photo; of two the better.
fn map(
    ctx: &Ctx,
    flight: &Flight,
    empty: &Model,
    graph: &ViewGraph,
    options: &SfmOptions,
    notes: &mut Vec<Diagnostic>,
) -> Result<Model, SfmError> {
    let mut note = |message: &str| notes.push(Diagnostic::info("mapper", "", message.to_string()));
    let Some(mut at_once) = hybrid::map(ctx, flight, empty, graph, options)? else {
        note("The photos were placed one after another, from overlap alone.");
        return incremental::map(ctx, empty, graph, options);
    };
    let holds = hybrid::holds(&at_once, graph);
    // From here on the fit to the positions decides anew what they are worth.
    at_once.priors.clear();
    if holds {
        note("All photos were placed at once, from the rotations of pairs and the GPS positions.");
        return Ok(at_once);
    }
    let scores =
        |a: &Model, b: &Model| format!("(score {:.0} against {:.0})", a.quality().score(), b.quality().score());
    match incremental::map(ctx, empty, graph, options) {
        Ok(grown) if grown.quality().score() > at_once.quality().score() => {
            note(&format!(
                "The photos were placed one after another, better than at once {}.",
                scores(&grown, &at_once)
            ));
            Ok(grown)
        }
        Ok(grown) => {
            note(&format!(
                "All photos were placed at once, better than one after another {}.",
                scores(&at_once, &grown)
            ));
            Ok(at_once)
        }
        Err(SfmError::NoStart { .. }) => {
            note("All photos were placed at once; no pair gave a start for placing them one after another.");
            Ok(at_once)
        }
        Err(e) => Err(e),
    }
}

/// Factor by which thresholds in pixels grow for photos wider than the reference.
fn scale_of(flight: &Flight, options: &SfmOptions) -> f64 {
    let widest = flight.cameras.iter().map(|c| f64::from(c.width.max(c.height))).fold(0.0, f64::max);
    (widest / options.reference_width).max(1.0)
}
