//! Where the marks put a point, and how far that is from where it should be.
//!
//! In: adjusted photos, marks in pixels, given places in local metres. Out: measured places, residuals, what to warn
//! about. A point is measured from its marks alone; its own coordinates take no part. Source: robust triangulation of
//! [`crate::geometry::triangulation`]. Cost: microseconds a point. Failure modes: fewer than two marks in posed photos, or
//! marks that agree on no point, give no place.

use super::super::SfmOptions;
use super::{Goal, MARK_LIMIT, MARK_SIGMA_PX, POINT_LIMIT};
use crate::base::{Diagnostic, PhotoId, Rng};
use crate::geometry::least_squares::Loss;
use crate::geometry::triangulation::{View, refine_point, triangulate_robust};
use crate::scene::{ControlReport, ControlResult, ControlRole, ControlTarget, Flight, MarkResult, Reconstruction};
use nalgebra::{Matrix3, Vector2, Vector3};

/// Smallest angle in radians between two rays of a marked point.
const MIN_ANGLE: f64 = 0.01;
/// Marks that agree within this many pixels (times the photos' scale) start a triangulation.
const AGREE_PX: f64 = 12.0;

type Mark = (PhotoId, Vector2<f64>);

/// The point that the marks show, and which of the marks agree with it.
pub(super) fn triangulate(
    model: &Reconstruction,
    marks: &[Mark],
    scale: f64,
    options: &SfmOptions,
) -> Option<(Vector3<f64>, Vec<bool>)> {
    let mut views: Vec<View> = Vec::new();
    let (mut index, mut focal) = (Vec::new(), 0.0);
    for (i, (photo, pixel)) in marks.iter().enumerate() {
        let lens = &model.camera(*photo).lens;
        if let (Some(pose), Some(ray)) = (model.poses[photo.index()], lens.unproject(pixel)) {
            views.push((pose, ray));
            index.push(i);
            focal += lens.f;
        }
    }
    if views.len() < 2 {
        return None;
    }
    let f = focal / views.len() as f64;
    let mut rng = Rng::new(options.seed ^ 0x0063_6f6e_7472, marks.len() as u64);
    let (x, agree) = triangulate_robust(&views, AGREE_PX * scale / f, MIN_ANGLE, &mut rng)?;
    let loss = Loss::Cauchy { scale: (3.0 * MARK_SIGMA_PX * scale / f).powi(2) };
    let agreeing: Vec<View> = views.iter().zip(&agree).filter(|(_, a)| **a).map(|(v, _)| *v).collect();
    let x = refine_point(&agreeing, &x, loss).unwrap_or(x);
    let mut on = vec![false; marks.len()];
    index.iter().zip(agree).for_each(|(&i, a)| on[i] = a);
    Some((x, on))
}

/// Where each target's marks put it.
pub(super) fn triangulate_all(
    model: &Reconstruction,
    targets: &[ControlTarget],
    scale: f64,
    options: &SfmOptions,
) -> Vec<Option<Vector3<f64>>> {
    targets.iter().map(|t| triangulate(model, &t.marks, scale, options).map(|x| x.0)).collect()
}

fn mark_results(model: &Reconstruction, marks: &[Mark], place: Option<Vector3<f64>>) -> Vec<MarkResult> {
    let error = |photo: PhotoId, pixel: &Vector2<f64>| {
        let pose = model.poses[photo.index()]?;
        Some((model.camera(photo).lens.project(&pose.apply(&place?))? - pixel).norm())
    };
    marks.iter().map(|&(photo, pixel)| MarkResult { photo, pixel, error_px: error(photo, &pixel) }).collect()
}

/// What is known of the points of a model without place and scale: how their marks agree.
pub(super) fn unplaced(
    model: &Reconstruction,
    targets: &[ControlTarget],
    scale: f64,
    options: &SfmOptions,
) -> ControlReport {
    let measured = triangulate_all(model, targets, scale, options);
    let result = |(t, x): (&ControlTarget, Option<Vector3<f64>>)| ControlResult {
        name: t.name.clone(),
        role: t.role,
        target: Vector3::zeros(),
        measured: x,
        measured_sigma_m: None,
        residual_m: None,
        residual_up_m: None,
        marks: mark_results(model, &t.marks, x),
    };
    ControlReport { points: targets.iter().zip(measured).map(result).collect(), georeferenced: false }
}

/// Residuals of all points.
pub(super) fn report(model: &Reconstruction, goals: &[Goal], scale: f64, options: &SfmOptions) -> ControlReport {
    let result = |goal: &Goal| {
        let measured = triangulate(model, &goal.target.marks, scale, options).map(|x| x.0);
        let residual = measured.map(|x| x - goal.place);
        let known = Some(goal.place).filter(|_| goal.has_height());
        ControlResult {
            name: goal.target.name.clone(),
            role: goal.target.role,
            target: goal.place,
            measured,
            measured_sigma_m: measured.and_then(|x| sigma_of(model, &goal.target.marks, &x, scale)),
            residual_m: residual.map(|r| [r.x, r.y]),
            residual_up_m: residual.map(|r| r.z).filter(|_| goal.has_height()),
            marks: mark_results(model, &goal.target.marks, measured.or(known)),
        }
    };
    ControlReport { points: goals.iter().map(result).collect(), georeferenced: false }
}

/// Warns about marks and points that are off, and about points that could not be used.
pub(super) fn explain(
    flight: &Flight,
    report: &ControlReport,
    goals: &[Goal],
    scale: f64,
    notes: &mut Vec<Diagnostic>,
) {
    let limit = MARK_LIMIT * MARK_SIGMA_PX * scale;
    for (point, goal) in report.points.iter().zip(goals) {
        if point.measured.is_none() {
            notes.push(Diagnostic::warning(
                "control-not-measured",
                point.name.clone(),
                format!("The point {} has fewer than two marks that agree in posed photos.", point.name),
                "Mark it in more photos.",
            ));
        }
        for mark in &point.marks {
            let Some(error) = mark.error_px.filter(|e| *e > limit) else { continue };
            let photo = &flight.photos[mark.photo.index()].name;
            notes.push(Diagnostic::warning(
                "control-mark-off",
                photo.clone(),
                format!("The mark of {} in {photo} is {error:.1} px off (limit {limit:.1} px).", point.name),
                "Look at the mark, correct it or delete it.",
            ));
        }
        let Some([e, n]) = point.residual_m.filter(|_| point.role == ControlRole::Control) else { continue };
        let u = point.residual_up_m.unwrap_or(0.0);
        let off = Vector3::new(e, n, u);
        // A point may also be off by what its marks cannot tell.
        let own = point.measured_sigma_m.unwrap_or_default();
        let whitened = Vector3::from_fn(|c, _| off[c] / goal.sigma[c].hypot(own[c])).norm();
        if whitened > POINT_LIMIT {
            notes.push(Diagnostic::warning(
                "control-point-off",
                point.name.clone(),
                format!(
                    "The photos put the control point {} {e:+.3} m east, {n:+.3} m north, {u:+.3} m up of its coordinates \
                     ({whitened:.0} standard deviations).",
                    point.name
                ),
                "Check its coordinates and the reference system, give it a larger sigma, or make it a check point.",
            ));
        }
    }
}

/// Standard deviations of a place from those of its marks.
fn sigma_of(model: &Reconstruction, marks: &[Mark], x: &Vector3<f64>, scale: f64) -> Option<Vector3<f64>> {
    let mut normal = Matrix3::zeros();
    for (photo, _) in marks {
        let Some(pose) = &model.poses[photo.index()] else { continue };
        let Some((_, j)) = model.camera(*photo).lens.project_with_jacobians(&pose.apply(x)) else { continue };
        let by_place = j.by_point * pose.matrix();
        normal += by_place.transpose() * by_place;
    }
    let covariance = normal.try_inverse()?;
    Some(covariance.diagonal().map(|v| v.max(0.0).sqrt() * MARK_SIGMA_PX * scale))
}
