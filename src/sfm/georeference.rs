//! Brings the model into the local frame, or levels it where positions are missing or mean nothing.
//!
//! In: a mapped [`Model`], the photos' priors. Out: the model in east-north-up metres with position priors for the
//! adjustment, or levelled, its scale chosen so that photos are 50 units from the ground. Source: see
//! [`crate::georef::fit`]. Cost: milliseconds. Positions that do not fit are left out and noted; a fit that most
//! positions contradict is refused.

use super::SfmOptions;
use super::model::Model;
use crate::base::{Diagnostic, PhotoId, stats};
use crate::geometry::Sim3;
use crate::georef::{FitInput, PriorFit, RotationSource, consensus, doming, fit_to_priors, level_rotation};
use crate::scene::{Flight, Georeference, PriorResidual, RotationPrior};
use nalgebra::{UnitQuaternion, Vector3};

/// Median distance of photos from the points they see in a model without scale.
const UNSCALED_DISTANCE: f64 = 50.0;

/// Moves the model into the local frame and gives it position priors. `None` where it stays without scale.
pub(super) fn align(
    flight: &Flight,
    model: &mut Model,
    options: &SfmOptions,
    notes: &mut Vec<Diagnostic>,
) -> Option<PriorFit> {
    let centres: Vec<_> = model.poses.iter().map(|p| p.map(|p| p.centre())).collect();
    let rotations: Vec<_> = model.poses.iter().map(|p| p.map(|p| p.rotation)).collect();
    let positions: Vec<_> = flight.photos.iter().map(|p| p.position).collect();
    let attitudes: Vec<_> = flight.photos.iter().map(|p| p.rotation).collect();
    let input = FitInput {
        centres: &centres,
        cam_from_model: &rotations,
        positions: &positions,
        rotations: &attitudes,
        seed: options.seed,
    };
    let fit = if flight.frame.is_some() { fit_to_priors(&input) } else { None };
    let Some(fit) = fit.filter(|f| f.scale_determined) else {
        if positions.iter().flatten().count() > 0 {
            notes.push(Diagnostic::warning(
                "positions-unusable",
                "",
                "The photos' GPS positions do not determine the place and scale of the reconstruction.",
                "Give the true length of something when you print, or add control points.",
            ));
        }
        level(model, &rotations, &centres, &attitudes);
        return None;
    };
    model.transform(&fit.world_from_model);
    model.stated = positions
        .iter()
        .enumerate()
        .map(|(i, p)| {
            p.filter(|_| fit.inliers[i]).map(|p| crate::scene::PositionPrior { sigma: p.sigma * fit.sigma_factor, ..p })
        })
        .collect();
    if fit.attitudes.is_some() {
        model.stated_attitudes = attitudes;
    }
    weigh_positions(model);
    lean(model);
    if let Some(off) = fit.attitudes_off {
        notes.push(Diagnostic::warning(
            CONTRADICTED,
            "",
            format!("The photos' attitudes and their positions lean apart by {:.1} degrees.", off.to_degrees()),
            "The positions were believed. Gimbal angles of another convention, or altitudes that drift, cause this.",
        ));
    }
    for (i, photo) in flight.photos.iter().enumerate() {
        if let Some(residual) = fit.residuals[i].filter(|_| !fit.inliers[i]) {
            notes.push(outlier(&photo.name, &residual));
        }
    }
    if fit.sigma_factor > 1.0 {
        notes.push(Diagnostic::info(
            "positions-worse-than-stated",
            "",
            format!("GPS positions agree only within {:.0} times their stated accuracy.", fit.sigma_factor),
        ));
    }
    if fit.rotation_source != RotationSource::Positions {
        let by = if fit.rotation_source == RotationSource::Attitudes {
            "the photos' attitudes"
        } else {
            "the photos' level"
        };
        notes.push(Diagnostic::info(
            "rotation-from-attitudes",
            "",
            format!("The photos stand nearly on a line; {by} decided how the block leans about it."),
        ));
    }
    Some(fit)
}

/// Photos from which on the scatter of the positions is measured.
pub(super) const ENOUGH_POSITIONS: usize = 10;

/// Sets the sigmas of the position priors to what their residuals show, between a tenth of the stated accuracy and all of
/// it: that states how far off the whole flight may be, but within a flight, heights from a barometer hold to decimetres,
/// and such heights are what keeps a block from bending.
pub(super) fn weigh_positions(model: &mut Model) {
    let residuals: Vec<Vector3<f64>> = model
        .stated
        .iter()
        .zip(&model.poses)
        .filter_map(|(prior, pose)| Some((*pose)?.centre() - prior.as_ref()?.centre))
        .collect();
    model.priors.clone_from(&model.stated);
    if residuals.len() < ENOUGH_POSITIONS {
        return;
    }
    let spread =
        |f: &dyn Fn(&Vector3<f64>) -> f64| stats::rms(&residuals.iter().map(f).collect::<Vec<_>>()).unwrap_or(0.0);
    let mad = |f: &dyn Fn(&Vector3<f64>) -> f64| {
        stats::mad_sigma(&residuals.iter().map(f).collect::<Vec<_>>()).unwrap_or(0.0)
    };
    let of = |f: &dyn Fn(&Vector3<f64>) -> f64| 1.2 * mad(f).max(0.5 * spread(f));
    let (horizontal, vertical) = (of(&|r| r.x).max(of(&|r| r.y)), of(&|r| r.z));
    for prior in model.priors.iter_mut().flatten() {
        let measured = Vector3::new(horizontal, horizontal, vertical);
        prior.sigma = measured.zip_map(&prior.sigma, |m, stated| m.clamp(0.1 * stated, stated));
    }
}

/// Sets the rotation priors to what the attitudes agree on about the present rotations.
pub(super) fn lean(model: &mut Model) {
    let now: Vec<_> = model.poses.iter().map(|p| p.map(|p| p.rotation)).collect();
    let common = consensus(&now, &model.stated_attitudes);
    model.attitudes = common.map_or_else(Vec::new, |c| c.tilt_priors(&now));
}

/// Code of the note that the attitudes are not believed.
pub(super) const CONTRADICTED: &str = "attitudes-contradict-positions";
/// Code of the note about a position that does not fit.
pub(super) const OUTLIER: &str = "position-outlier";

pub(super) fn outlier(name: &str, residual: &Vector3<f64>) -> Diagnostic {
    Diagnostic::warning(
        OUTLIER,
        name,
        format!("Its GPS position is {:.1} m from where the photos put it, so it was not used.", residual.norm()),
        "",
    )
}

/// Up to +z, ground at z = 0 in the middle, photos 50 units from what they see.
fn level(
    model: &mut Model,
    rotations: &[Option<UnitQuaternion<f64>>],
    centres: &[Option<Vector3<f64>>],
    attitudes: &[Option<RotationPrior>],
) {
    let stated = consensus(rotations, attitudes).map(|c| c.rotation);
    let rotation = stated.or_else(|| level_rotation(rotations, centres)).unwrap_or_default();
    let mut depths = Vec::new();
    let mut points = Vec::new();
    for track in &model.tracks {
        let Some(x) = track.point else { continue };
        points.push(rotation * x);
        if let Some(centre) = track.sights.iter().find(|s| s.on).and_then(|s| centres[s.photo as usize]) {
            depths.push((x - centre).norm());
        }
    }
    let scale = UNSCALED_DISTANCE / stats::median(&depths).filter(|d| *d > 0.0).unwrap_or(UNSCALED_DISTANCE);
    let middle = |c: usize| stats::median(&points.iter().map(|p| p[c]).collect::<Vec<_>>()).unwrap_or(0.0);
    let translation = -scale * Vector3::new(middle(0), middle(1), middle(2));
    model.transform(&Sim3 { scale, rotation, translation });
}

/// Says how the result fits the priors.
pub(super) fn describe(
    flight: &Flight,
    model: &mut Model,
    fit: Option<PriorFit>,
    notes: &mut Vec<Diagnostic>,
) -> Georeference {
    let (Some(frame), Some(fit)) = (flight.frame, fit) else { return Georeference::Unscaled };
    let mut residuals = Vec::new();
    let (mut centres, mut vertical) = (Vec::new(), Vec::new());
    for (i, photo) in flight.photos.iter().enumerate() {
        let (Some(pose), Some(prior)) = (&model.poses[i], &photo.position) else { continue };
        let residual = pose.centre() - prior.centre;
        residuals.push(PriorResidual { photo: PhotoId::from(i), residual });
        if model.priors[i].is_some() {
            centres.push(pose.centre());
            vertical.push(residual.z);
        }
    }
    let doming_m = doming(&centres, &vertical).unwrap_or((0.0, f64::INFINITY));
    // On a single line a bowl and a lean of the line look alike.
    let area = fit.rotation_source == RotationSource::Positions;
    if area && doming_m.1.is_finite() && doming_m.0.abs() > 2.0 * doming_m.1 && doming_m.0.abs() > 0.5 {
        notes.push(Diagnostic::warning(
            "doming",
            "",
            format!(
                "The block may be bent like a bowl by {:.2} m at its edge (standard deviation {:.2} m, from GPS heights).",
                doming_m.0, doming_m.1
            ),
            "Oblique photos or a cross flight, or control points, fix this.",
        ));
    }
    Georeference::Local { frame, residuals, doming_m }
}
