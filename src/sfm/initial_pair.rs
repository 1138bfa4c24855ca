//! Chooses the two photos from which the incremental reconstruction starts.
//!
//! In: the view graph. Out: a model of two photos. Source: J. Schoenberger, J.-M. Frahm, CVPR 2016: many inliers, an
//! angle of at least 16 degrees, no forward motion; every preference gives way when nothing fulfils it. Both solutions
//! of a pair over flat ground are starts of their own. Cost: a triangulation of the pair's tracks for each start tried.

use super::graph::ViewGraph;
use super::model::Model;
use super::refine::{Calibration, Pass, adjust};
use super::{SfmError, SfmOptions};
use crate::base::{Ctx, stats};
use crate::geometry::Rigid3;
use crate::geometry::triangulation::triangulation_angle;
use crate::scene::PairKind;

/// Angle between the rays of a pair from which more is no better.
const GOOD_ANGLE: f64 = 16.0 * std::f64::consts::PI / 180.0;
/// Share of a baseline along the viewing direction from which a pair counts as forward motion.
const FORWARD: f64 = 0.95;
/// Pairs for which a start is computed.
const TRIED: usize = 24;
/// Points that a start needs.
const NEEDED: usize = 40;

/// A start: a model of two photos.
pub(super) struct Start {
    pub model: Model,
    pub a: usize,
    pub b: usize,
    score: f64,
}

/// The best starts, best first.
pub(super) fn starts(
    ctx: &Ctx,
    empty: &Model,
    graph: &ViewGraph,
    options: &SfmOptions,
) -> Result<Vec<Start>, SfmError> {
    let mut order: Vec<(f64, usize)> = graph
        .pairs
        .iter()
        .enumerate()
        .filter(|(_, p)| p.kind != PairKind::Panoramic && graph.component[p.a.index()] == 0)
        .map(|(i, p)| {
            let t = p.b_from_a.translation;
            let along = (t.z.abs() / t.norm().max(1e-12))
                .max((p.b_from_a.rotation.inverse() * t).z.abs() / t.norm().max(1e-12));
            let angle = (p.median_angle / GOOD_ANGLE).min(1.0);
            let kind = if p.alternative.is_some() { 0.25 } else { 1.0 } * if along > FORWARD { 0.2 } else { 1.0 };
            let reach = (graph.of_photo[p.a.index()].len().min(graph.of_photo[p.b.index()].len()) as f64).sqrt();
            ((p.inliers.len() as f64).min(1000.0) * angle * angle * kind * reach, i)
        })
        .collect();
    order.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
    let mut found: Vec<Start> = Vec::new();
    let (mut tried, mut best) = (0, 0);
    for &(_, i) in order.iter().take(TRIED) {
        ctx.check()?;
        let pair = &graph.pairs[i];
        for b_from_a in std::iter::once(pair.b_from_a).chain(pair.alternative) {
            tried += 1;
            let (a, b) = (pair.a.index(), pair.b.index());
            let (points, start) = start_from(ctx, empty, a, b, &b_from_a, options)?;
            best = best.max(points);
            found.extend(start);
        }
        if found.len() >= 6 {
            break;
        }
    }
    if found.is_empty() {
        return Err(SfmError::NoStart { tried, best, needed: NEEDED });
    }
    found.sort_by(|x, y| y.score.total_cmp(&x.score));
    Ok(found)
}

/// Poses two photos, triangulates their tracks and adjusts. Returns how many points hold, and the start if enough do.
fn start_from(
    ctx: &Ctx,
    empty: &Model,
    a: usize,
    b: usize,
    b_from_a: &Rigid3,
    options: &SfmOptions,
) -> Result<(usize, Option<Start>), SfmError> {
    let mut model = empty.clone();
    model.poses[a] = Some(Rigid3::identity());
    model.poses[b] = Some(*b_from_a);
    model.triangulate(options.max_error_px, options);
    if model.quality().points < NEEDED {
        return Ok((model.quality().points, None));
    }
    adjust(ctx, &mut model, &Pass { calibration: Calibration::Fixed, max_iterations: 20, tolerance: 1e-5 })?;
    model.filter(options.max_error_px * model.pixel_scale, options.min_angle);
    model.triangulate(options.max_error_px, options);
    let quality = model.quality();
    if quality.points < NEEDED {
        return Ok((quality.points, None));
    }
    let centres = [a, b].map(|p| model.poses[p].map(|p| p.centre()).unwrap_or_default());
    let angles: Vec<f64> = model
        .tracks
        .iter()
        .filter_map(|t| t.point)
        .map(|x| triangulation_angle(&centres[0], &centres[1], &x))
        .collect();
    let angle = (stats::median(&angles).unwrap_or(0.0) / GOOD_ANGLE).min(1.0);
    let score = (quality.points as f64).min(1000.0) * angle / (0.3 + quality.rms_px);
    Ok((quality.points, Some(Start { model, a, b, score })))
}
