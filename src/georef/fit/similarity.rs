//! Robust similarity `world_from_model` between a reconstruction and the photos' position and rotation priors.
//!
//! In: centres and rotations of the registered photos in the model, priors in the local frame (metres, radians). Out:
//! the similarity, the photos that agree with it, and what determined its rotation and scale.
//!
//! Method: three-point and (with a known up or attitude) two-point samples scored by truncated squared Mahalanobis
//! distances (MSAC: P. Torr, A. Zisserman, "MLESAC", CVIU 78(1), 2000), then seven-parameter Gauss-Newton with
//! Cauchy's weights on all photos. The rotation priors enter as *one* observation, their consensus
//! ([`consensus()`]), because much of their errors (compass, mount) is common to the flight; on a single strip,
//! where positions leave the turn about the line free, that observation decides, and where positions spread over an
//! area and contradict it, it is dropped. Without attitudes, the photos' own level ([`super::level_rotation`]) stands in.
//! Cost: a few milliseconds for thousands of photos. Failure modes: `None` without priors or registered photos, or
//! where no scale makes at least a quarter of the photos agree.

use super::consensus::{Consensus, consensus};
use super::level::level_rotation;
use crate::base::{Rng, stats};
use crate::geometry::Sim3;
use crate::scene::{PositionPrior, RotationPrior};
use nalgebra::{Matrix3, SMatrix, SVector, UnitQuaternion, Vector3};

/// Squared Mahalanobis distance in three dimensions that 99.7 % of good positions stay below ("3 sigma").
const GATE: f64 = 14.16;
/// Standard deviations by which attitudes and positions may disagree.
const HINT_SIGMAS: f64 = 4.0;
/// Uncertainty in radians of the level found from the photos alone.
const LEVEL_SIGMA: f64 = 0.15;
/// A scale whose relative standard deviation is above this is not known.
const SCALE_LIMIT: f64 = 0.1;

/// What the fit reads; all slices have one entry for each photo of the flight, `None` = not registered or no prior.
#[derive(Clone, Copy, Debug)]
pub struct FitInput<'a> {
    /// Camera centres in the model.
    pub centres: &'a [Option<Vector3<f64>>],
    /// Rotations `cam_from_model` of the same photos.
    pub cam_from_model: &'a [Option<UnitQuaternion<f64>>],
    /// Position priors in the local frame.
    pub positions: &'a [Option<PositionPrior>],
    /// Rotation priors in the local frame.
    pub rotations: &'a [Option<RotationPrior>],
    /// Seed of the sampling.
    pub seed: u64,
}

/// What determined the rotation of a [`PriorFit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotationSource {
    /// The positions: they spread over an area.
    Positions,
    /// Positions along a line (or in one place) together with the photos' attitudes.
    Attitudes,
    /// Positions along a line (or in one place) together with the assumption that photos are level and look down.
    Level,
}

/// The fit of a reconstruction to its priors.
#[derive(Clone, Debug)]
pub struct PriorFit {
    /// The similarity.
    pub world_from_model: Sim3,
    /// Whether each photo's position agrees within 3 sigma; false for photos without a centre or a prior.
    pub inliers: Vec<bool>,
    /// Transformed minus measured centre in metres, where both exist.
    pub residuals: Vec<Option<Vector3<f64>>>,
    /// Factor by which the priors' sigmas had to be multiplied until most photos agreed; 1 for honest priors.
    pub sigma_factor: f64,
    /// Relative standard deviation of the scale.
    pub scale_sigma: f64,
    /// Whether the positions determine the scale (they spread far wider than their sigmas).
    pub scale_determined: bool,
    /// What determined the rotation.
    pub rotation_source: RotationSource,
    /// What the attitudes agree on, where the positions do not contradict it.
    pub attitudes: Option<Consensus>,
    /// Angle in radians by which the tilt of the positions contradicts that of the attitudes, where it was dropped.
    pub attitudes_off: Option<f64>,
}

/// A registered photo with a position prior.
struct Pair {
    photo: usize,
    model: Vector3<f64>,
    world: Vector3<f64>,
    sigma: Vector3<f64>,
}

impl Pair {
    fn distance2(&self, fit: &Sim3) -> f64 {
        (fit.apply(&self.model) - self.world).component_div(&self.sigma).norm_squared()
    }
}

/// The one observation of the rotation `world_from_model`.
#[derive(Clone, Copy)]
struct RotationHint {
    rotation: UnitQuaternion<f64>,
    /// Standard deviations about east, north, up in radians; the last is infinite when the heading is free.
    sigma: Vector3<f64>,
    source: RotationSource,
}

/// Fits the model to the priors; see the module's head.
pub fn fit_to_priors(input: &FitInput) -> Option<PriorFit> {
    let pairs = pairs_of(input);
    if pairs.len() < 2 {
        return None;
    }
    let attitudes = consensus(input.cam_from_model, input.rotations);
    let mut attitudes_off = None;
    let mut hint = rotation_hint(input, attitudes.as_ref());
    let spread = Spread::of(&pairs);
    let mut chosen = None;
    for sigma_factor in [1.0, 2.0, 4.0, 8.0] {
        let gate = GATE * sigma_factor * sigma_factor;
        let Some(start) = sample(&pairs, hint.as_ref(), &spread, gate, input.seed) else { continue };
        let free = polish(start, &pairs, None, sigma_factor);
        let kept = hint.as_ref().and_then(|h| judged(h, &free, &spread, sigma_factor));
        let fit = if kept.is_some() { polish(start, &pairs, kept.as_ref(), sigma_factor) } else { free };
        let count = pairs.iter().filter(|p| p.distance2(&fit) < gate).count();
        let enough = if sigma_factor < 8.0 { 0.6 } else { 0.25 };
        if count as f64 >= enough * pairs.len() as f64 {
            attitudes_off = match (&attitudes, &kept) {
                (Some(a), None) => Some(tilt_of(&fit.rotation, &a.rotation).norm()),
                _ => None,
            };
            hint = kept;
            chosen = Some((fit, sigma_factor));
            break;
        }
    }
    let (world_from_model, sigma_factor) = chosen?;
    let gate = GATE * sigma_factor * sigma_factor;
    let mut inliers = vec![false; input.centres.len()];
    let mut residuals = vec![None; input.centres.len()];
    for p in &pairs {
        inliers[p.photo] = p.distance2(&world_from_model) < gate;
        residuals[p.photo] = Some(world_from_model.apply(&p.model) - p.world);
    }
    let scale_sigma = sigma_factor * spread.scale_sigma;
    let free_turn = sigma_factor * spread.turn_sigma > 0.1;
    let rotation_source = match &hint {
        Some(h) if free_turn => h.source,
        _ => RotationSource::Positions,
    };
    Some(PriorFit {
        world_from_model,
        inliers,
        residuals,
        sigma_factor,
        scale_sigma,
        scale_determined: scale_sigma < SCALE_LIMIT && spread.along > 3.0 * sigma_factor * spread.sigma,
        rotation_source,
        attitudes: attitudes.filter(|_| attitudes_off.is_none()),
        attitudes_off,
    })
}

fn pairs_of(input: &FitInput) -> Vec<Pair> {
    let floor = Vector3::repeat(1e-3);
    input
        .centres
        .iter()
        .zip(input.positions)
        .enumerate()
        .filter_map(|(photo, (c, p))| {
            let (c, p) = ((*c)?, (*p)?);
            Some(Pair { photo, model: c, world: p.centre, sigma: p.sigma.sup(&floor) })
        })
        .collect()
}

/// How the priors spread, and what that determines.
struct Spread {
    /// Mean of the measured positions.
    mean: Vector3<f64>,
    /// Median horizontal sigma in metres.
    sigma: f64,
    /// RMS extent in metres along the widest axis.
    along: f64,
    /// Expected standard deviation in radians of the turn about the widest axis.
    turn_sigma: f64,
    /// Expected relative standard deviation of the scale.
    scale_sigma: f64,
}

impl Spread {
    fn of(pairs: &[Pair]) -> Self {
        let n = pairs.len() as f64;
        // The median position and clipped offsets keep a few wild fixes from counting as extent.
        let axis = |c: usize| stats::median(&pairs.iter().map(|p| p.world[c]).collect::<Vec<_>>()).unwrap_or(0.0);
        let mean = Vector3::new(axis(0), axis(1), axis(2));
        let radius: Vec<f64> = pairs.iter().map(|p| (p.world - mean).norm()).collect();
        let limit = 3.0 * stats::quantile(&radius, 0.75).unwrap_or(0.0);
        let median_of =
            |f: &dyn Fn(&Pair) -> f64| stats::median(&pairs.iter().map(f).collect::<Vec<_>>()).unwrap_or(1.0);
        let (sigma, vertical) = (median_of(&|p| p.sigma.x.max(p.sigma.y)), median_of(&|p| p.sigma.z));
        // Extent that the noise alone explains does not count.
        let mut scatter = Matrix3::from_diagonal(&Vector3::new(sigma, sigma, vertical).map(|s| -s * s));
        for (p, r) in pairs.iter().zip(&radius) {
            let d = (p.world - mean) * if *r > limit { 0.0 } else { 1.0 };
            scatter += d * d.transpose() / n;
        }
        let mut extents: Vec<f64> = scatter.symmetric_eigenvalues().iter().map(|v| v.max(0.0).sqrt()).collect();
        extents.sort_by(|a, b| b.total_cmp(a));
        let per = |s: f64, e: f64| if e > 0.0 { s / (e * n.sqrt()) } else { f64::INFINITY };
        Self {
            mean,
            sigma,
            along: extents[0],
            turn_sigma: if n < 3.0 { f64::INFINITY } else { per(vertical, extents[1]) },
            scale_sigma: per(sigma, extents[0]),
        }
    }
}

/// The consensus of the attitudes, else the photos' own level.
fn rotation_hint(input: &FitInput, attitudes: Option<&Consensus>) -> Option<RotationHint> {
    if let Some(c) = attitudes {
        return Some(RotationHint { rotation: c.rotation, sigma: c.sigma, source: RotationSource::Attitudes });
    }
    let rotation = level_rotation(input.cam_from_model, input.centres)?;
    let sigma = Vector3::new(LEVEL_SIGMA, LEVEL_SIGMA, f64::INFINITY);
    Some(RotationHint { rotation, sigma, source: RotationSource::Level })
}

/// What is left of a hint beside a fit to the positions alone: nothing where they contradict its tilt, a free heading
/// where they contradict that.
fn judged(hint: &RotationHint, free: &Sim3, spread: &Spread, sigma_factor: f64) -> Option<RotationHint> {
    let tilt = tilt_of(&free.rotation, &hint.rotation).norm();
    if tilt > HINT_SIGMAS * hint.sigma.x.hypot(sigma_factor * spread.turn_sigma) {
        return None;
    }
    let turn = (free.rotation * hint.rotation.inverse()).scaled_axis().norm();
    let heading = HINT_SIGMAS * hint.sigma.z.hypot(sigma_factor * spread.scale_sigma) + tilt;
    let z = if turn > heading { f64::INFINITY } else { hint.sigma.z };
    Some(RotationHint { sigma: Vector3::new(hint.sigma.x, hint.sigma.y, z), ..*hint })
}

/// The best similarity over random samples; `None` when no sample gives one.
fn sample(pairs: &[Pair], hint: Option<&RotationHint>, spread: &Spread, gate: f64, seed: u64) -> Option<Sim3> {
    let mut rng = Rng::new(seed, 0x9E0F17);
    let score = |fit: &Sim3| pairs.iter().map(|p| p.distance2(fit).min(gate)).sum::<f64>();
    let mut best: Option<(f64, Sim3)> = None;
    let mut consider = |fit: Option<Sim3>| {
        if let Some(fit) = fit {
            let s = score(&fit);
            if best.as_ref().is_none_or(|(b, _)| s < *b) {
                best = Some((s, fit));
            }
        }
    };
    // Without a hint, three points alone must determine the turn about their widest axis.
    let three = pairs.len() >= 3 && spread.turn_sigma < if hint.is_some() { 1.0 } else { 0.3 };
    for _ in 0..400 {
        if three {
            let s: [usize; 3] = rng.sample(pairs.len());
            consider(Sim3::fit(&s.map(|i| pairs[i].model), &s.map(|i| pairs[i].world), None));
        }
        if let Some(hint) = hint {
            let s: [usize; 2] = rng.sample(pairs.len());
            consider(from_two(&pairs[s[0]], &pairs[s[1]], hint));
        }
    }
    if three {
        let model: Vec<_> = pairs.iter().map(|p| p.model).collect();
        let world: Vec<_> = pairs.iter().map(|p| p.world).collect();
        let weights: Vec<_> = pairs.iter().map(|p| 1.0 / p.sigma.norm_squared()).collect();
        consider(Sim3::fit(&model, &world, Some(&weights)));
    }
    if let Some(hint) = hint {
        consider(in_one_place(pairs, hint, spread));
    }
    best.map(|(_, fit)| fit)
}

/// Scale and translation (and heading, where it is free) from two photos and the hint.
fn from_two(a: &Pair, b: &Pair, hint: &RotationHint) -> Option<Sim3> {
    let in_world = b.world - a.world;
    let mut in_model = hint.rotation * (b.model - a.model);
    let mut rotation = hint.rotation;
    if hint.sigma.z.is_infinite() {
        let (p, q) = (in_model.xy(), in_world.xy());
        let heading = (p.x * q.y - p.y * q.x).atan2(p.dot(&q));
        rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), heading) * rotation;
        in_model = rotation * (b.model - a.model);
    }
    let scale = in_model.dot(&in_world) / in_model.norm_squared();
    (scale > 0.0 && scale.is_finite()).then(|| {
        let middle = (a.model + b.model) / 2.0;
        let translation = (a.world + b.world) / 2.0 - scale * (rotation * middle);
        Sim3 { scale, rotation, translation }
    })
}

/// The candidate for photos whose positions tell no scale: the ratio of the spreads, or 1.
fn in_one_place(pairs: &[Pair], hint: &RotationHint, spread: &Spread) -> Option<Sim3> {
    let n = pairs.len() as f64;
    let centre = pairs.iter().fold(Vector3::zeros(), |s, p| s + p.model) / n;
    let extent = (pairs.iter().map(|p| (p.model - centre).norm_squared()).sum::<f64>() / n).sqrt();
    let scale = if extent > 0.0 && spread.along > 0.0 { spread.along / extent } else { 1.0 };
    let rotation = hint.rotation;
    Some(Sim3 { scale, rotation, translation: spread.mean - scale * (rotation * centre) })
}

/// Gauss-Newton on (rotation about east, north, up; translation; logarithm of the scale) with Cauchy's weights.
fn polish(start: Sim3, pairs: &[Pair], hint: Option<&RotationHint>, sigma_factor: f64) -> Sim3 {
    type M7 = SMatrix<f64, 7, 7>;
    type V7 = SVector<f64, 7>;
    let mut fit = start;
    for _ in 0..50 {
        let pivot = pairs.iter().fold(Vector3::zeros(), |s, p| s + fit.apply(&p.model)) / pairs.len() as f64;
        let (mut normal, mut right) = (M7::identity() * 1e-9, V7::zeros());
        for p in pairs {
            let x = fit.apply(&p.model);
            let inverse = p.sigma.map(|s| 1.0 / (s * sigma_factor));
            let r = (x - p.world).component_mul(&inverse);
            let weight = 1.0 / (1.0 + r.norm_squared() / 5.7);
            let arm = x - pivot;
            let mut j = SMatrix::<f64, 3, 7>::zeros();
            j.fixed_view_mut::<3, 3>(0, 0).copy_from(&-arm.cross_matrix());
            j.fixed_view_mut::<3, 3>(0, 3).copy_from(&Matrix3::identity());
            j.fixed_view_mut::<3, 1>(0, 6).copy_from(&arm);
            let j = Matrix3::from_diagonal(&inverse) * j;
            normal += weight * j.transpose() * j;
            right -= weight * j.transpose() * r;
        }
        if let Some(hint) = hint {
            let r = (fit.rotation * hint.rotation.inverse()).scaled_axis();
            // A free heading couples with a large turn; only the tilt of the vertical counts then.
            let r = if hint.sigma.z.is_infinite() { tilt_of(&fit.rotation, &hint.rotation) } else { r };
            for c in 0..3 {
                if hint.sigma[c].is_finite() {
                    let w = 1.0 / (hint.sigma[c] * hint.sigma[c]);
                    normal[(c, c)] += w;
                    right[c] -= w * r[c];
                }
            }
        }
        let Some(step) = normal.cholesky().map(|c| c.solve(&right)) else { return fit };
        let turn = UnitQuaternion::from_scaled_axis(step.fixed_rows::<3>(0).into_owned());
        let grow = step[6].clamp(-0.7, 0.7).exp();
        let shift: Vector3<f64> = step.fixed_rows::<3>(3).into_owned();
        fit = Sim3 {
            scale: fit.scale * grow,
            rotation: turn * fit.rotation,
            translation: grow * (turn * (fit.translation - pivot)) + pivot + shift,
        };
        if step.norm() < 1e-10 {
            break;
        }
    }
    fit
}

/// Turn about east and north that separates the fit's vertical from the hint's.
fn tilt_of(fit: &UnitQuaternion<f64>, hint: &UnitQuaternion<f64>) -> Vector3<f64> {
    let up = fit * (hint.inverse() * Vector3::z());
    UnitQuaternion::rotation_between(&Vector3::z(), &up).map_or_else(Vector3::zeros, |q| q.scaled_axis())
}

#[cfg(test)]
#[path = "similarity_tests.rs"]
mod tests;
