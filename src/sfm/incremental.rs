//! Incremental mapping: two photos, then those that see most of what is known, again and again.
//!
//! In: a model without poses, the view graph. Out: the model with poses and points. Photos are added in batches that
//! grow with the model (a fifth of it), each followed by an adjustment of everything, so that the number of
//! adjustments grows with the logarithm of the number of photos and no local adjustment is needed.
//! Source: J. Schoenberger, J.-M. Frahm, "Structure-from-Motion Revisited", CVPR 2016. Cost: about six adjustments of
//! the whole flight. Failure modes: a flight that hangs together by too few matches stays in parts; the part that is
//! kept is the one that explains most.

use super::graph::ViewGraph;
use super::initial_pair::{Start, starts};
use super::model::Model;
use super::refine::{Calibration, Pass, adjust, error_limit};
use super::register::{Candidate, candidates, resect};
use super::{ALL, MAPPING, SfmError, SfmOptions};
use crate::base::Ctx;
use crate::geometry::Rigid3;
use rayon::prelude::*;

/// Starts that are grown at most, when none registers nearly everything.
const ATTEMPTS: usize = 4;
/// Share of the largest component that ends the search for a better start.
const ENOUGH: f64 = 0.97;
/// (matches needed, share needed) of a new photo, relaxed when no photo fulfils it. In thirtieths of the option.
const STRICTNESS: [(f64, f64); 3] = [(1.0, 0.25), (0.6, 0.2), (0.5, 0.12)];

/// Maps the largest part of the flight.
pub(super) fn map(ctx: &Ctx, empty: &Model, graph: &ViewGraph, options: &SfmOptions) -> Result<Model, SfmError> {
    let reachable = graph.largest_component().len();
    let mut best: Option<Model> = None;
    let mut used: Vec<(usize, usize)> = Vec::new();
    for Start { mut model, a, b, .. } in starts(ctx, empty, graph, options)? {
        // Another start with one of the same photos rarely ends elsewhere; the other solution of the pair may.
        if used.len() >= ATTEMPTS {
            break;
        }
        used.push((a, b));
        grow(ctx, &mut model, graph, options)?;
        if best.as_ref().is_none_or(|b| model.quality().score() > b.quality().score()) {
            best = Some(model);
        }
        if best.as_ref().is_some_and(|b| b.registered() as f64 >= ENOUGH * reachable as f64) {
            break;
        }
    }
    best.ok_or(SfmError::NoStart { tried: used.len(), best: 0, needed: 1 })
}

/// What the lenses may do while so many photos are posed.
fn calibration(photos: usize, options: &SfmOptions) -> Calibration {
    match photos {
        _ if !options.calibrate => Calibration::Fixed,
        0..=4 => Calibration::Fixed,
        5..=9 => Calibration::Radial1,
        _ => Calibration::Radial2,
    }
}

/// Adds photos until no more can be posed.
pub(super) fn grow(ctx: &Ctx, model: &mut Model, graph: &ViewGraph, options: &SfmOptions) -> Result<(), SfmError> {
    let reachable = graph.largest_component().len().max(1);
    // Visible points at the last failure of each photo, by strictness.
    let mut failed = vec![[0usize; STRICTNESS.len()]; model.poses.len()];
    let mut level = 0;
    while level < STRICTNESS.len() {
        let registered = model.registered();
        ctx.tick(20 + (MAPPING - 20) * registered.min(reachable) as u64 / reachable as u64, ALL)?;
        ctx.preview(|| model.preview());
        let (share, ratio) = STRICTNESS[level];
        let needed = (options.resection_inliers as f64 * share) as usize;
        let mut open = candidates(model, needed);
        // A photo that failed is tried again once it sees a quarter more.
        open.retain(|c| c.visible.len() * 4 >= failed[c.photo][level] * 5);
        let Some(top) = open.first().map(|c| c.score) else {
            level += 1;
            continue;
        };
        let batch = if registered < 6 { 1 } else { registered.div_ceil(5) };
        open.retain(|c| c.score >= 0.4 * top);
        open.truncate(batch.max(2));
        let poses: Vec<Option<Rigid3>> = open.par_iter().map(|c| resect(model, c, needed, ratio, options)).collect();
        let added = accept(model, &open, poses, batch, &mut failed, level);
        if added == 0 {
            continue;
        }
        level = 0;
        settle(ctx, model, options)?;
    }
    Ok(())
}

fn accept(
    model: &mut Model,
    open: &[Candidate],
    poses: Vec<Option<Rigid3>>,
    batch: usize,
    failed: &mut [[usize; STRICTNESS.len()]],
    level: usize,
) -> usize {
    let mut added = 0;
    for (candidate, pose) in open.iter().zip(poses) {
        match pose {
            Some(pose) if added < batch => {
                model.poses[candidate.photo] = Some(pose);
                added += 1;
            }
            Some(_) => {}
            None => failed[candidate.photo][level] = candidate.visible.len(),
        }
    }
    added
}

/// Triangulates what new photos see, adjusts and filters; photos that keep too little lose their pose again.
fn settle(ctx: &Ctx, model: &mut Model, options: &SfmOptions) -> Result<(), SfmError> {
    let photos = model.registered();
    let pass = Pass { calibration: calibration(photos, options), max_iterations: 12, tolerance: 1e-3, sparse: true };
    model.triangulate(2.0 * options.max_error_px, options);
    for _ in 0..if photos < 12 { 2 } else { 1 } {
        adjust(ctx, model, &pass)?;
        model
            .filter(error_limit(model, options).max(0.5 * options.max_error_px * model.pixel_scale), options.min_angle);
        model.triangulate(options.max_error_px, options);
    }
    for (photo, count) in model.observations_by_photo(2).into_iter().enumerate() {
        if model.poses[photo].is_some() && count < 12 && photos > 2 {
            model.remove_photo(photo);
        }
    }
    Ok(())
}
