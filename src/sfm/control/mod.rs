//! Adjusts a finished reconstruction to control points, and measures it against check points.
//!
//! In: a [`Reconstruction`], the flight (GPS and attitude priors), [`ControlTarget`]s on WGS84 with marks in pixels. Out:
//! the reconstruction in the local frame of the control points' system; a [`ControlReport`] of any points. The frame stays where it
//! was; without usable GPS, three or more control points off one line give place, turn and scale, and the origin is in
//! their middle.
//!
//! Method: the marked points are triangulated with the poses at hand and a similarity brings the block near them; then
//! everything is adjusted together, marked points with their coordinates as priors and their marks under a robust loss.
//! What all GPS positions are off by in common (datum, a receiver's bias) is taken from them first, where control points
//! determine it: what is left says how the block is bent. Residuals are measured from the marks alone, never from the
//! adjusted points, which their own priors hold. Source: B. Triggs et al., "Bundle Adjustment - A Modern Synthesis",
//! 2000, sections 4 and 10. Cost: two adjustments. Fails where the control points lie far from the flight or the
//! adjustment has no solution; points that cannot be used are noted.

mod align;
mod measure;
mod problem;
#[cfg(test)]
mod tests;

use super::gates::UNSCALED;
use super::{SfmError, SfmOptions};
use crate::base::{Ctx, Diagnostic, PhotoId};
use crate::bundle;
use crate::georef::{Enu, doming};
use crate::scene::{
    ControlReport, ControlRole, ControlTarget, Flight, Georeference, LocalFrame, PriorResidual, Reconstruction,
};
use nalgebra::Vector3;

/// Standard deviation of a mark in pixels, in photos up to [`SfmOptions::reference_width`] wide.
pub const MARK_SIGMA_PX: f64 = 1.0;
/// A mark farther off than this many standard deviations is named in a warning.
const MARK_LIMIT: f64 = 5.0;
/// A point farther off than this many of its standard deviations is named in a warning.
const POINT_LIMIT: f64 = 6.0;
/// Code of the note that control points placed a flight without GPS.
const PLACED: &str = "placed-by-control";
/// Rounds of adjusting and of taking the common offset from the GPS positions.
const ROUNDS: usize = 3;
/// Between GPS and control points more than this in metres is no error of a receiver.
const FAR_M: f64 = 20_000.0;

/// A target in the local frame.
#[derive(Clone, Debug)]
struct Goal<'a> {
    target: &'a ControlTarget,
    /// Its place; up is a guess where no height is known.
    place: Vector3<f64>,
    /// Sigmas in metres; infinite where unknown.
    sigma: Vector3<f64>,
}

impl Goal<'_> {
    fn is_control(&self) -> bool {
        self.target.role == ControlRole::Control
    }

    fn has_height(&self) -> bool {
        self.sigma.z.is_finite()
    }
}

/// Adjusts to the control points.
pub fn adjust_to_control(
    ctx: &Ctx,
    flight: &Flight,
    reconstruction: &Reconstruction,
    targets: &[ControlTarget],
    options: &SfmOptions,
) -> Result<Reconstruction, SfmError> {
    let mut model = reconstruction.clone();
    let mut notes = Vec::new();
    ctx.tick(0, 100)?;
    let (frame, placed_by_control) = match &reconstruction.georeference {
        Georeference::Local { frame, .. } => (Some(*frame), false),
        Georeference::Unscaled => (frame_of(targets), true),
    };
    let Some(frame) = frame else {
        model.notes.push(too_few(targets));
        return Ok(model);
    };
    let goals = goals_in(&frame, targets, &model, placed_by_control);
    if let Some(distance) = far_off(&goals, &model).filter(|_| !placed_by_control) {
        return Err(SfmError::ControlFarOff { distance_km: distance / 1000.0, limit_km: FAR_M / 1000.0 });
    }
    let scale = super::scale_of(flight, options);
    let measured = measure::triangulate_all(&model, targets, scale, options);
    if !align::bring_near(&mut model, &goals, &measured, placed_by_control) {
        model.notes.push(too_few(targets));
        return Ok(model);
    }
    if placed_by_control {
        model.notes.retain(|n| n.code != UNSCALED);
        model.georeference = Georeference::Local { frame, residuals: Vec::new(), doming_m: (0.0, f64::INFINITY) };
        notes.push(Diagnostic::info(
            PLACED,
            "",
            format!(
                "Control points gave the reconstruction its place and scale; its origin is at {:.6}, {:.6}.",
                frame.latitude_deg, frame.longitude_deg
            ),
        ));
    }
    ctx.tick(10, 100)?;
    if goals.iter().any(Goal::is_control) {
        adjust(ctx, flight, &mut model, &goals, placed_by_control, scale, options)?;
    }
    let report = measure::report(&model, &goals, scale, options);
    measure::explain(flight, &report, &goals, scale, &mut notes);
    if !placed_by_control {
        describe_positions(flight, &mut model, frame);
    }
    model.notes.extend(notes);
    ctx.tick(100, 100)?;
    Ok(model)
}

/// How well a reconstruction fits points, whether or not they took part in its adjustment.
pub fn measure_points(
    flight: &Flight,
    reconstruction: &Reconstruction,
    targets: &[ControlTarget],
    options: &SfmOptions,
) -> ControlReport {
    let scale = super::scale_of(flight, options);
    let placed_by_control = reconstruction.notes.iter().any(|n| n.code == PLACED);
    match &reconstruction.georeference {
        Georeference::Local { frame, .. } => {
            let goals = goals_in(frame, targets, reconstruction, placed_by_control);
            let report = measure::report(reconstruction, &goals, scale, options);
            ControlReport { georeferenced: placed_by_control, ..report }
        }
        Georeference::Unscaled => measure::unplaced(reconstruction, targets, scale, options),
    }
}

fn adjust(
    ctx: &Ctx,
    flight: &Flight,
    model: &mut Reconstruction,
    goals: &[Goal],
    placed_by_control: bool,
    scale: f64,
    options: &SfmOptions,
) -> Result<(), SfmError> {
    for round in 0..ROUNDS {
        ctx.tick(10 + 80 * round as u64 / ROUNDS as u64, 100)?;
        let priors = if placed_by_control { Vec::new() } else { problem::shifted_positions(flight, model, goals) };
        let before: Vec<_> = model.poses.iter().map(|p| p.map(|p| p.centre())).collect();
        let (mut problem, solver) = problem::build(flight, model, goals, &priors, scale, options);
        bundle::adjust(ctx, &mut problem.bundle, &solver)?;
        problem.store(model);
        let moved = |(a, b): (&Option<Vector3<f64>>, &Option<crate::geometry::Rigid3>)| {
            a.zip(*b).map_or(0.0, |(a, b)| (b.centre() - a).norm())
        };
        let largest = before.iter().zip(&model.poses).map(moved).fold(0.0, f64::max);
        if (round > 0 && largest < 2e-3) || round + 1 == ROUNDS {
            model.centre_sigmas = problem.centre_sigmas(model, scale);
            break;
        }
    }
    Ok(())
}

/// The frame in the middle of the control points, where there are enough for one.
fn frame_of(targets: &[ControlTarget]) -> Option<LocalFrame> {
    let of: Vec<&ControlTarget> =
        targets.iter().filter(|t| t.role == ControlRole::Control && t.sigma_up_m.is_some()).collect();
    let n = of.len() as f64;
    let mean = |c: usize| of.iter().map(|t| t.geodetic[c]).sum::<f64>() / n;
    (of.len() >= 3).then(|| crate::georef::local_frame(mean(0), mean(1), mean(2)))
}

fn goals_in<'a>(
    frame: &LocalFrame,
    targets: &'a [ControlTarget],
    model: &Reconstruction,
    placed_by_control: bool,
) -> Vec<Goal<'a>> {
    let enu = Enu::new(frame);
    // Only the earth's curvature depends on the guess: a tenth of a millimetre for each metre of height.
    let heights: Vec<f64> = model.points.iter().map(|p| p.position.z).collect();
    let ground = crate::base::stats::median(&heights).filter(|_| !placed_by_control).unwrap_or(0.0);
    targets
        .iter()
        .map(|target| {
            let [latitude, longitude, height] = target.geodetic;
            let altitude = if target.sigma_up_m.is_some() { height } else { frame.altitude_m + ground };
            let [e, n] = target.sigma_m;
            Goal {
                target,
                place: enu.local_from_geodetic(latitude, longitude, altitude),
                sigma: Vector3::new(e, n, target.sigma_up_m.unwrap_or(f64::INFINITY)),
            }
        })
        .collect()
}

/// How far in metres the points lie from the photos, where that is too far.
fn far_off(goals: &[Goal], model: &Reconstruction) -> Option<f64> {
    let centre = model.poses.iter().flatten().next()?.centre();
    let nearest = goals.iter().map(|g| (g.place - centre).xy().norm()).min_by(f64::total_cmp)?;
    (nearest > FAR_M).then_some(nearest)
}

fn too_few(targets: &[ControlTarget]) -> Diagnostic {
    let usable = targets
        .iter()
        .filter(|t| t.role == ControlRole::Control && t.sigma_up_m.is_some() && t.marks.len() >= 2)
        .count();
    Diagnostic::warning(
        "control-too-few",
        "",
        format!(
            "The photos have no usable GPS, and {usable} control points with height and two marks or more, three of \
             them off one line are needed, do not give place and scale."
        ),
        "Mark more points in more photos, and give their heights.",
    )
}

/// The residuals of the GPS positions, anew.
fn describe_positions(flight: &Flight, model: &mut Reconstruction, frame: LocalFrame) {
    let (mut residuals, mut centres, mut vertical) = (Vec::new(), Vec::new(), Vec::new());
    for (i, photo) in flight.photos.iter().enumerate() {
        let (Some(pose), Some(prior)) = (&model.poses[i], &photo.position) else { continue };
        let residual = pose.centre() - prior.centre;
        residuals.push(PriorResidual { photo: PhotoId::from(i), residual });
        centres.push(pose.centre());
        vertical.push(residual.z);
    }
    let doming_m = doming(&centres, &vertical).unwrap_or((0.0, f64::INFINITY));
    model.georeference = Georeference::Local { frame, residuals, doming_m };
}
