//! Positions of all photos at once from the directions of baselines and from GPS.
//!
//! In: directions between photos in the world, position priors in metres. Out: a centre for each photo that priors or at
//! least two directions hold. Method: linear least squares on the parts of the differences across the directions,
//! weighed by angle, with the priors; both with Cauchy's weights, so that a wrong pair or fix loses its pull (convex but
//! for these). Where GPS is good beside the baselines (RTK), its weight leaves the photos where it says; where it is not,
//! the directions smooth what neighbours share. The scale is that of GPS. Source: V. Govindu, "Combining two-view
//! constraints for motion estimation", CVPR 2001, with the priors in place of a gauge. Cost: milliseconds for hundreds
//! of photos. Failure modes: directions on one line hold nothing across it without priors.

use super::laplacian::{Difference, Value, solve};
use super::orientation::Direction;
use crate::base::stats;
use crate::scene::PositionPrior;
use nalgebra::{Matrix3, Vector3};

/// Rounds of reweighting.
const ROUNDS: usize = 15;
/// Squared standard deviations at which Cauchy's weight is a half: of directions, of positions.
const DIRECTION_SCALE: f64 = 5.7;
const POSITION_SCALE: f64 = 7.8;
/// Factor on the standard deviations of directions in the first round, and from round to round until it is 1: believing
/// all directions at once would shrink the block.
const WIDE: f64 = 30.0;
const NARROWING: f64 = 0.6;

/// Angle in radians within which a direction agrees with two priors, the share that must agree, and of how many.
const VOTE: (f64, f64, usize) = (0.35, 0.4, 3);

/// Priors without those that most directions of their photo contradict.
fn plausible(directions: &[Direction], priors: &[Option<PositionPrior>]) -> Vec<Option<PositionPrior>> {
    let mut kept = priors.to_vec();
    for _ in 0..2 {
        let mut votes = vec![(0usize, 0usize); priors.len()];
        for d in directions {
            let (Some(a), Some(b)) = (&kept[d.a], &kept[d.b]) else { continue };
            let off = a.centre - b.centre;
            if off.norm() < 2.0 * a.sigma.norm().hypot(b.sigma.norm()) {
                continue;
            }
            let agrees = usize::from(off.angle(&d.towards_a) < VOTE.0.max(3.0 * d.sigma));
            for p in [d.a, d.b] {
                votes[p] = (votes[p].0 + agrees, votes[p].1 + 1);
            }
        }
        for (prior, (agree, all)) in kept.iter_mut().zip(votes) {
            if all >= VOTE.2 && (agree as f64) < VOTE.1 * all as f64 {
                *prior = None;
            }
        }
    }
    kept
}

/// Centres in the priors' frame.
pub(super) fn solve_positions(directions: &[Direction], priors: &[Option<PositionPrior>]) -> Vec<Option<Vector3<f64>>> {
    let n = priors.len();
    let priors = &plausible(directions, priors);
    let mut degree = vec![0usize; n];
    for d in directions {
        degree[d.a] += 1;
        degree[d.b] += 1;
    }
    let lengths: Vec<f64> = directions
        .iter()
        .filter_map(|d| Some((priors[d.a].as_ref()?.centre - priors[d.b].as_ref()?.centre).norm()))
        .collect();
    let Some(usual) = stats::median(&lengths).filter(|l| *l > 0.0) else {
        return priors.iter().map(|p| p.as_ref().map(|p| p.centre)).collect();
    };
    let known: Vec<Vector3<f64>> = priors.iter().flatten().map(|p| p.centre).collect();
    let middle = known.iter().sum::<Vector3<f64>>() / known.len().max(1) as f64;
    let mut centres: Vec<Option<Vector3<f64>>> = priors.iter().map(|p| p.as_ref().map(|p| p.centre)).collect();
    for round in 0..ROUNDS {
        let wide = (WIDE * NARROWING.powi(round as i32)).max(1.0);
        let edges: Vec<Difference> = directions
            .iter()
            .map(|d| {
                let across = Matrix3::identity() - d.towards_a * d.towards_a.transpose();
                let (length, weight) = match (centres[d.a], centres[d.b]) {
                    (Some(a), Some(b)) => {
                        let off = a - b;
                        let length = off.norm().max(0.1 * usual);
                        let angle = off.angle(&d.towards_a) / (wide * d.sigma);
                        (length, 1.0 / (1.0 + angle * angle / DIRECTION_SCALE))
                    }
                    _ => (usual, 1.0),
                };
                let weight = across * (weight / (wide * d.sigma * length).powi(2));
                Difference { a: d.a, b: d.b, weight, difference: Vector3::zeros() }
            })
            .collect();
        let values: Vec<Option<Value>> = priors
            .iter()
            .zip(&centres)
            .map(|(prior, centre)| {
                let prior = prior.as_ref()?;
                let off = centre.map_or(0.0, |c| (c - prior.centre).component_div(&prior.sigma).norm_squared());
                let weight = 1.0 / (1.0 + off / POSITION_SCALE);
                let weight = Matrix3::from_diagonal(&prior.sigma.map(|s| weight / (s * s)));
                Some(Value { weight, value: prior.centre - middle })
            })
            .collect();
        let next = solve(&edges, &values);
        for (i, x) in next.into_iter().enumerate() {
            let held = priors[i].is_some() || degree[i] >= 2;
            centres[i] = (held && x.iter().all(|v| v.is_finite())).then(|| x + middle);
        }
    }
    centres
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn directions_smooth_positions_and_outvote_wild_ones() {
        let mut rng = Rng::new(12, 1);
        let truth: Vec<Vector3<f64>> =
            (0..36).map(|i| Vector3::new((i % 6) as f64 * 12.0, (i / 6) as f64 * 18.0, 70.0)).collect();
        let mut directions = Vec::new();
        for a in 0..36 {
            for b in [a + 1, a + 2, a + 5, a + 6, a + 7, a + 12].into_iter().filter(|&b| b < 36) {
                let mut noise = |s: f64| Vector3::new(rng.normal(), rng.normal(), rng.normal()) * s;
                let (near, far) = (noise(0.02), noise(3.0));
                let off = if rng.next_f64() < 0.15 { far } else { near };
                let towards_a = ((truth[a] - truth[b]).normalize() + off).normalize();
                directions.push(Direction { a, b, towards_a, sigma: 0.02 });
            }
        }
        let sigma = Vector3::new(2.0, 2.0, 3.0);
        let mut priors: Vec<Option<PositionPrior>> = truth
            .iter()
            .map(|c| {
                let noise = Vector3::new(rng.normal(), rng.normal(), rng.normal()).component_mul(&sigma);
                Some(PositionPrior { centre: c + noise, sigma })
            })
            .collect();
        priors[7] = None;
        if let Some(p) = &mut priors[20] {
            p.centre += Vector3::new(60.0, -80.0, 5.0);
        }
        let found = solve_positions(&directions, &priors);
        // What all share (seven parameters from 35 positions) stays; what neighbours do not share goes.
        let off: Vec<Vector3<f64>> = found.iter().zip(&truth).map(|(f, t)| f.expect("held") - t).collect();
        let worst = off.iter().map(|o| o.norm()).fold(0.0, f64::max);
        assert!(worst < 3.0, "{worst}");
        let steps: Vec<f64> = off.windows(2).map(|w| (w[1] - w[0]).norm()).collect();
        let raw: Vec<f64> = (0..35)
            .filter_map(|i| {
                let (a, b) = (priors[i].as_ref()?, priors[i + 1].as_ref()?);
                Some(((b.centre - truth[i + 1]) - (a.centre - truth[i])).norm())
            })
            .collect();
        let (steps, raw) = (stats::median(&steps), stats::median(&raw));
        assert!(steps.zip(raw).is_some_and(|(s, r)| s < 0.35 * r), "{steps:?} {raw:?}");
    }
}
