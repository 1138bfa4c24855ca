//! GPS-anchored mapping: the rotations of all photos at once, then all positions, then one adjustment in stages.
//!
//! In: the view graph, the photos' positions and attitudes. Out: a model in the local frame, or `None` where positions
//! are missing or say nothing. Steps: [`rotation_averaging`]; the turn into the world ([`orientation`]); the centres
//! ([`positions`]); tracks are triangulated with a limit that shrinks while everything is adjusted and the lens is
//! released; photos that are left out are added as in incremental mapping. Nothing drifts along a strip, and a wrong
//! photo early on cannot spoil the rest. [`holds`] says whether the result can be trusted; complete registration alone
//! is no sign of it. Source: the steps of L. Pan et al., "Global Structure-from-Motion Revisited", ECCV 2024, with the
//! positions in place of its global positioning. Cost: four adjustments of the whole flight. Failure modes: positions
//! without a meaning, and pairs that agree on something wrong; both fail the gates.

mod laplacian;
mod orientation;
mod positions;
mod rotation_averaging;

use super::graph::ViewGraph;
use super::incremental::grow;
use super::model::Model;
use super::refine::{Calibration, Pass, adjust, error_limit};
use super::{SfmError, SfmOptions};
use crate::base::{Ctx, stats};
use crate::geometry::Rigid3;
use crate::scene::{Flight, PairKind, PositionPrior};
use nalgebra::UnitQuaternion;
use orientation::{Direction, world_from_model};
use positions::solve_positions;
use rotation_averaging::{Relative, average};

/// Share of the connected photos that need a position.
const WITH_POSITION: f64 = 0.6;
/// Limits in pixels at which tracks are triangulated, and what the lens may do.
const STAGES: [(f64, Calibration); 4] =
    [(32.0, Calibration::Fixed), (16.0, Calibration::Fixed), (8.0, Calibration::Radial1), (4.0, Calibration::Radial2)];
/// Standard deviation of a baseline's direction of good parallax, and the parallax that is good, radians.
const DIRECTION: (f64, f64) = (0.02, 0.1);
/// Observations below which a photo is not placed.
const FEW: usize = 12;
/// Share of a photo's tracks of three photos and more that must agree with it.
const HELD: f64 = 0.25;
/// Share of the photos that a trusted result has placed, and that of their positions within four sigmas.
const PLACED: f64 = 0.97;
const NEAR_POSITION: f64 = 0.7;

/// Maps the largest part of the flight in the local frame.
pub(super) fn map(
    ctx: &Ctx,
    flight: &Flight,
    empty: &Model,
    graph: &ViewGraph,
    options: &SfmOptions,
) -> Result<Option<Model>, SfmError> {
    let reachable = graph.largest_component();
    let priors: Vec<Option<PositionPrior>> = flight.photos.iter().map(|p| p.position).collect();
    let known = reachable.iter().filter(|&&p| priors[p].is_some()).count();
    if flight.frame.is_none() || known < 4 || (known as f64) < WITH_POSITION * reachable.len() as f64 {
        return Ok(None);
    }
    let Some(poses) = initial_poses(flight, graph, &priors, options) else { return Ok(None) };
    let mut model = empty.clone();
    model.poses = poses;
    model.priors = priors;
    for (limit, calibration) in STAGES {
        ctx.check()?;
        stage(ctx, &mut model, limit, if options.calibrate { calibration } else { Calibration::Fixed }, options)?;
        ctx.preview(|| model.preview());
        if model.registered() < 3 {
            return Ok(None);
        }
    }
    for photo in loose(&model) {
        model.remove_photo(photo);
        model.priors[photo] = None;
    }
    grow(ctx, &mut model, graph, options)?;
    Ok(Some(model))
}

/// Photos that fit their neighbours only two by two: a wrong position slides a photo along its baselines, where pairs
/// do not object; tracks of three photos do.
fn loose(model: &Model) -> Vec<usize> {
    let mut held = vec![(0usize, 0usize); model.poses.len()];
    for track in &model.tracks {
        let posed = || track.sights.iter().filter(|s| model.poses[s.photo as usize].is_some());
        if posed().count() < 3 {
            continue;
        }
        let agreeing = if track.point.is_some() { posed().filter(|s| s.on).count() } else { 0 };
        for sight in posed() {
            let (does, could) = &mut held[sight.photo as usize];
            *could += 1;
            *does += usize::from(sight.on && agreeing >= 3);
        }
    }
    let is_loose = |(does, could): (usize, usize)| could >= FEW && (does as f64) < HELD * could as f64;
    (0..held.len()).filter(|&p| model.poses[p].is_some() && is_loose(held[p])).collect()
}

/// Whether a model can be trusted without a look at the other way of mapping.
pub(super) fn holds(model: &Model, graph: &ViewGraph) -> bool {
    let quality = model.quality();
    let seen: Vec<f64> = model
        .observations_by_photo(3)
        .into_iter()
        .zip(&model.poses)
        .filter(|(_, pose)| pose.is_some())
        .map(|(n, _)| n as f64)
        .collect();
    let offs: Vec<bool> = model
        .poses
        .iter()
        .zip(&model.priors)
        .filter_map(|(pose, prior)| {
            let (pose, prior) = (pose.as_ref()?, prior.as_ref()?);
            Some((pose.centre() - prior.centre).component_div(&prior.sigma).amax() < 4.0)
        })
        .collect();
    let near = offs.iter().filter(|o| **o).count() as f64;
    quality.registered as f64 >= PLACED * graph.largest_component().len() as f64
        && quality.rms_px <= 1.2 * model.pixel_scale
        && stats::quantile(&seen, 0.1).is_some_and(|n| n >= 30.0)
        && near >= NEAR_POSITION * offs.len() as f64
}

/// Poses from pairs and positions alone.
fn initial_poses(
    flight: &Flight,
    graph: &ViewGraph,
    priors: &[Option<PositionPrior>],
    options: &SfmOptions,
) -> Option<Vec<Option<Rigid3>>> {
    let n = flight.photos.len();
    let counts: Vec<f64> = graph.pairs.iter().map(|p| p.inliers.len() as f64).collect();
    let usual = stats::median(&counts)?;
    let inside = |p: usize| p < n && graph.component[p] == 0;
    let (index, relatives): (Vec<usize>, Vec<Relative>) = graph
        .pairs
        .iter()
        .enumerate()
        .filter(|(_, p)| p.a != p.b && inside(p.a.index()) && inside(p.b.index()))
        .map(|(i, p)| {
            let solutions = [Some(p.b_from_a.rotation), p.alternative.map(|r| r.rotation)];
            let weight = (p.inliers.len() as f64 / usual).clamp(0.1, 3.0);
            (i, Relative { a: p.a.index(), b: p.b.index(), solutions, weight })
        })
        .unzip();
    let attitudes: Vec<_> = flight.photos.iter().map(|p| p.rotation).collect();
    let averaged = average(n, &relatives, &attitudes);
    let agreeing = index.iter().zip(&averaged.agrees).filter(|(_, a)| **a).map(|(i, _)| *i);
    let mut directions: Vec<Direction> = agreeing.filter_map(|i| direction(graph, i, &averaged.rotations)).collect();
    let turn = world_from_model(&directions, priors, averaged.anchored.0, options.seed)?;
    directions.iter_mut().for_each(|d| d.towards_a = turn * d.towards_a);
    let centres = solve_positions(&directions, priors);
    let pose = |(r, c): (&Option<UnitQuaternion<f64>>, &Option<nalgebra::Vector3<f64>>)| {
        Some(Rigid3::from_rotation_and_centre((*r)? * turn.inverse(), (*c)?))
    };
    Some(averaged.rotations.iter().zip(&centres).map(pose).collect())
}

/// The direction of a pair's baseline in the frame of the rotations, from the solution that fits these.
fn direction(graph: &ViewGraph, pair: usize, rotations: &[Option<UnitQuaternion<f64>>]) -> Option<Direction> {
    let p = &graph.pairs[pair];
    if p.kind == PairKind::Panoramic {
        return None;
    }
    let (a, b) = (rotations[p.a.index()]?, rotations[p.b.index()]?);
    let relative = b * a.inverse();
    let solution = [Some(p.b_from_a), p.alternative]
        .into_iter()
        .flatten()
        .min_by(|x, y| x.rotation.angle_to(&relative).total_cmp(&y.rotation.angle_to(&relative)))?;
    let towards_a = (b.inverse() * solution.translation).try_normalize(1e-9)?;
    let sigma = (DIRECTION.0 * (DIRECTION.1 / p.median_angle.max(1e-3)).max(1.0)).min(0.3);
    Some(Direction { a: p.a.index(), b: p.b.index(), towards_a, sigma })
}

/// Triangulates everything anew within a limit, adjusts, and filters.
fn stage(
    ctx: &Ctx,
    model: &mut Model,
    limit_px: f64,
    calibration: Calibration,
    options: &SfmOptions,
) -> Result<(), SfmError> {
    for track in &mut model.tracks {
        track.point = None;
        track.sights.iter_mut().for_each(|s| s.on = false);
    }
    model.triangulate(limit_px, options);
    adjust(ctx, model, &Pass { calibration, max_iterations: 15, tolerance: 1e-3, sparse: true })?;
    let limit = error_limit(model, options).max(0.5 * limit_px * model.pixel_scale);
    model.filter(limit, options.min_angle);
    if limit_px <= options.max_error_px {
        for (photo, count) in model.observations_by_photo(2).into_iter().enumerate() {
            if model.poses[photo].is_some() && count < FEW {
                model.remove_photo(photo);
            }
        }
    }
    Ok(())
}
