//! Adjusts the model, filters what does not fit, and completes what does, until nothing changes.
//!
//! In/out: a [`Model`]. The noise of observations is estimated from the data (robustly, from the median error), so that
//! reprojection and position priors are weighed honestly. Source: J. Schoenberger, J.-M. Frahm, CVPR 2016, section 4.4;
//! limits as OpenSfM's automatic ones (three times the mean error). Cost: a few adjustments of everything.

use super::complete::complete;
use super::georeference::{lean, weigh_positions};
use super::graph::ViewGraph;
use super::model::{Model, Sight, Track};
use super::{ALL, MAPPING, SfmError, SfmOptions};
use crate::base::{Ctx, stats};
use crate::bundle::{
    self, BundleObservation, BundleOptions, BundleProblem, BundleReport, LensBlock, LensPrior, Loss, PointBlock,
    PoseBlock,
};
use crate::camera::{Camera, FocalSource, PARAMETERS};
use crate::geometry::triangulation::{View, refine_point};
use crate::scene::Features;
use nalgebra::Vector3;
use rayon::prelude::*;

/// Which lens parameters an adjustment may change; each step includes those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Calibration {
    /// None.
    Fixed,
    /// f.
    Focal,
    /// f, k1.
    Radial1,
    /// f, k1, k2.
    Radial2,
    /// All.
    Full,
}

impl Calibration {
    pub fn free(self) -> [bool; PARAMETERS] {
        let at = |step| self >= step;
        let (focal, full) = (at(Self::Focal), at(Self::Full));
        [focal, full, full, at(Self::Radial1), at(Self::Radial2), full, full, full]
    }
}

/// One adjustment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub calibration: Calibration,
    pub max_iterations: usize,
    pub tolerance: f64,
    /// Adjusts a well spread part of the points only; the others follow with the poses held.
    pub sparse: bool,
}

/// Observations of one of the 64 cells of a photo from which on a track adds nothing to a sparse adjustment.
const PER_CELL: u8 = 6;

/// Cauchy's loss with this many standard deviations as its scale loses 5 % against least squares on normal errors.
pub(super) const CAUCHY: f64 = 2.385;
/// Standard deviation in pixels that observations have against priors. It stands for what all observations have in
/// common (rolling shutter, moving leaves, an imperfect lens model) and thousands of them do not average away: with
/// their random noise alone, they would bend weakly determined blocks and calibrations to any length.
pub(super) const SYSTEMATIC_PX: f64 = 4.0;

/// Photos of one camera group that its full calibration needs.
pub(super) const PHOTOS_FOR_FULL: usize = 6;

/// Standard deviations of the lens parameters before the adjustment.
pub(super) fn lens_sigma(camera: &Camera) -> [f64; PARAMETERS] {
    let focal = match camera.focal_source {
        FocalSource::Calibration => 0.005,
        FocalSource::Exif => 0.02,
        FocalSource::Guess => 0.3,
    };
    let centre = 0.01 * f64::from(camera.width.max(camera.height));
    [focal, centre, centre, 0.05, 0.05, 0.05, 0.003, 0.003]
}

/// Standard deviation in pixels of one axis of the observations, from the median error.
fn noise_px(model: &Model) -> f64 {
    // The median of a Rayleigh distribution is 1.1774 sigma.
    let median = stats::median(&model.errors()).unwrap_or(1.0);
    (median / 1.1774).clamp(0.2, 3.0 * model.pixel_scale)
}

/// The problem that belongs to a model, with the index of each track of its points and of each photo of its poses.
fn problem_of(model: &Model, calibration: Calibration, chosen: &[bool]) -> (BundleProblem, Vec<usize>, Vec<usize>) {
    let sigma = SYSTEMATIC_PX * model.pixel_scale;
    let mut photos_of_camera = vec![0usize; model.cameras.len()];
    let mut pose_of_photo = vec![u32::MAX; model.poses.len()];
    let (mut problem, mut photos, mut tracks) = (BundleProblem::default(), Vec::new(), Vec::new());
    for (photo, pose) in model.poses.iter().enumerate() {
        let Some(pose) = pose else { continue };
        pose_of_photo[photo] = photos.len() as u32;
        photos_of_camera[model.camera_of[photo]] += 1;
        photos.push(photo);
        problem.poses.push(PoseBlock {
            pose: *pose,
            lens: model.camera_of[photo] as u32,
            fixed: false,
            position: model.priors.get(photo).copied().flatten(),
            rotation: model.attitudes.get(photo).copied().flatten(),
        });
    }
    for (i, camera) in model.cameras.iter().enumerate() {
        let allowed = match photos_of_camera[i] {
            0 => Calibration::Fixed,
            n if n < PHOTOS_FOR_FULL => calibration.min(Calibration::Radial1),
            _ => calibration,
        };
        let initial = &model.initial[i];
        problem.lenses.push(LensBlock {
            lens: camera.lens,
            free: allowed.free(),
            prior: Some(LensPrior { mean: initial.lens, sigma: lens_sigma(initial) }),
        });
    }
    for (t, track) in model.tracks.iter().enumerate() {
        let Some(position) = track.point.filter(|_| chosen[t]) else { continue };
        let point = problem.points.len() as u32;
        tracks.push(t);
        problem.points.push(PointBlock { position, fixed: false, prior: None });
        problem.observations.extend(track.sights.iter().filter(|s| s.on).map(|s| BundleObservation {
            point,
            pose: pose_of_photo[s.photo as usize],
            pixel: s.pixel,
            sigma,
        }));
    }
    (problem, tracks, photos)
}

/// Adjusts poses, points and what the pass allows of the lenses.
pub(super) fn adjust(ctx: &Ctx, model: &mut Model, pass: &Pass) -> Result<BundleReport, SfmError> {
    let chosen = if pass.sparse { spread_tracks(model) } else { vec![true; model.tracks.len()] };
    let (mut problem, tracks, photos) = problem_of(model, pass.calibration, &chosen);
    let noise = noise_px(model);
    let options = BundleOptions {
        loss: Loss::Cauchy { scale: (CAUCHY * noise / problem.observations.first().map_or(1.0, |o| o.sigma)).powi(2) },
        max_iterations: pass.max_iterations,
        tolerance: pass.tolerance,
        ..Default::default()
    };
    let report = bundle::adjust(ctx, &mut problem, &options)?;
    for (block, t) in problem.points.iter().zip(tracks) {
        model.tracks[t].point = Some(block.position);
    }
    for (block, photo) in problem.poses.iter().zip(photos) {
        model.poses[photo] = Some(block.pose);
    }
    for (camera, block) in model.cameras.iter_mut().zip(&problem.lenses) {
        camera.lens = block.lens;
    }
    follow(model, &chosen, CAUCHY * noise);
    Ok(report)
}

/// Photos beyond which standard deviations cost more than they are worth: one solution of the equations for each.
pub(super) const MOST_WITH_SIGMAS: usize = 600;

/// Standard deviations of the camera centres, by photo, from the curvature of the adjustment at its end; empty where
/// they cannot be had. The observations count with their own scatter, not with the larger sigma that the adjustment
/// gives them to leave room for what the lens model misses.
pub(super) fn centre_sigmas(model: &Model, options: &SfmOptions) -> Vec<Option<Vector3<f64>>> {
    let calibration = if options.calibrate { Calibration::Full } else { Calibration::Fixed };
    let (mut problem, _, photos) = problem_of(model, calibration, &spread_tracks(model));
    if photos.len() > MOST_WITH_SIGMAS || problem.poses.iter().filter(|p| p.position.is_some()).count() < 3 {
        return Vec::new();
    }
    let noise = noise_px(model);
    problem.observations.iter_mut().for_each(|o| o.sigma = noise);
    let centres = sigmas_of(&problem);
    let mut sigmas = vec![None; model.poses.len()];
    for (photo, sigma) in photos.into_iter().zip(centres) {
        sigmas[photo] = sigma;
    }
    sigmas
}

/// Standard deviations of the centres of a problem's poses at its solution; none where its equations fix nothing.
pub(super) fn sigmas_of(problem: &BundleProblem) -> Vec<Option<Vector3<f64>>> {
    let options = BundleOptions { loss: Loss::Cauchy { scale: CAUCHY * CAUCHY }, ..Default::default() };
    let covariances = bundle::pose_covariances(problem, &options).unwrap_or_default();
    let sigma =
        |c: Option<nalgebra::Matrix6<f64>>| c.map(|c| Vector3::from_fn(|i, _| c[(3 + i, 3 + i)].max(0.0).sqrt()));
    covariances.into_iter().map(sigma).collect()
}

/// Tracks that cover every photo evenly: long ones first, each taken while half of its sights lie in cells that still
/// want observations. Source: the idea is COLMAP's, which leaves out four fifths of the points without loss.
fn spread_tracks(model: &Model) -> Vec<bool> {
    let length = |t: &Track| t.sights.iter().filter(|s| s.on).count();
    let mut order: Vec<(usize, usize)> =
        model.tracks.iter().enumerate().filter(|(_, t)| t.point.is_some()).map(|(i, t)| (length(t), i)).collect();
    order.sort_unstable_by_key(|&(n, i)| (std::cmp::Reverse(n), i));
    let mut counts = vec![[0u8; 64]; model.poses.len()];
    let mut chosen = vec![false; model.tracks.len()];
    for (n, t) in order {
        let cell = |s: &Sight| {
            let camera = model.camera(s.photo);
            let at = |v: f64, size: u32| ((v / f64::from(size) * 8.0).max(0.0) as usize).min(7);
            at(s.pixel.y, camera.height) * 8 + at(s.pixel.x, camera.width)
        };
        let on = || model.tracks[t].sights.iter().filter(|s| s.on);
        let wanting = on().filter(|s| counts[s.photo as usize][cell(s)] < PER_CELL).count();
        if 2 * wanting >= n {
            chosen[t] = true;
            on().for_each(|s| counts[s.photo as usize][cell(s)] = counts[s.photo as usize][cell(s)].saturating_add(1));
        }
    }
    chosen
}

/// Moves the points that an adjustment left out to where the adjusted photos see them.
fn follow(model: &mut Model, chosen: &[bool], loss_px: f64) {
    let moved: Vec<Option<Vector3<f64>>> = (0..model.tracks.len())
        .into_par_iter()
        .with_min_len(256)
        .map(|t| {
            let start = model.tracks[t].point.filter(|_| !chosen[t])?;
            let mut f = 1.0;
            let views: Vec<View> = model.tracks[t]
                .sights
                .iter()
                .filter(|s| s.on)
                .filter_map(|s| {
                    f = model.camera(s.photo).lens.f;
                    Some((model.poses[s.photo as usize]?, model.ray(s.photo, &s.pixel)?))
                })
                .collect();
            refine_point(&views, &start, Loss::Cauchy { scale: (loss_px / f).powi(2) })
        })
        .collect();
    for (track, moved) in model.tracks.iter_mut().zip(moved) {
        if moved.is_some() {
            track.point = moved;
        }
    }
}

/// Limit in pixels above which an observation is an outlier: three times the mean error within bounds.
pub(super) fn error_limit(model: &Model, options: &SfmOptions) -> f64 {
    let errors = model.errors();
    let mean = errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    let (low, high) = (options.min_error_limit_px * model.pixel_scale, options.max_error_px * model.pixel_scale);
    (3.0 * mean).clamp(low, high)
}

/// Rounds of adjustment, filtering and completion with the full calibration, until less than 0.2 % of the observations
/// change; all but the last on a well spread part of the points.
pub(super) fn finish(
    ctx: &Ctx,
    model: &mut Model,
    features: &[Features],
    graph: &ViewGraph,
    options: &SfmOptions,
) -> Result<(), SfmError> {
    let full = if options.calibrate { Calibration::Full } else { Calibration::Fixed };
    let rounds = options.refinements.max(1);
    for round in 0..rounds {
        ctx.tick(MAPPING + (ALL - MAPPING) * round as u64 / (rounds as u64 + 1), ALL)?;
        weigh_positions(model);
        lean(model);
        let calibration = if round == 0 { full.min(Calibration::Radial2) } else { full };
        adjust(ctx, model, &Pass { calibration, max_iterations: 25, tolerance: 1e-4, sparse: true })?;
        let limit = error_limit(model, options);
        let lost = model.filter(limit, options.min_angle);
        let near = limit / model.pixel_scale;
        let gained = model.triangulate(near, options)
            + model.retriangulate(near, options)
            + complete(model, features, graph, limit).added;
        let all = model.errors().len().max(1);
        if round > 0 && ((lost + gained) as f64) < 2e-3 * all as f64 {
            break;
        }
    }
    adjust(ctx, model, &Pass { calibration: full, max_iterations: 50, tolerance: 1e-5, sparse: false })?;
    model.filter(error_limit(model, options), options.min_angle);
    Ok(())
}
