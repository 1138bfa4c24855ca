//! Exposure and white balance: one gain per photo and channel, so that photos agree on the faces that they share.
//!
//! - In: mean colours of faces in their views (linear light). Out: for each view the factors that its linear light is
//!   to be multiplied by; their mean logarithm, weighted by how much each view sees, is 0.
//! - Method: minimises over gains g and face colours s the robust sum of `(ln c(f, v) + g(v) - s(f))^2`; s is eliminated,
//!   g solved by conjugate gradients, weights of Tukey's biweight renewed a few times. A weak pull to 0 holds views
//!   that share nothing. Source: in the spirit of M. Brown, D. Lowe, "Automatic panoramic image stitching using
//!   invariant features", IJCV 74(1), 2007, section 6, in logarithms and on surfaces.
//! - Cost: linear in the samples (at most about 150,000 faces). Failure modes: shine that follows the camera is taken
//!   for exposure where nothing else is seen.

use super::visibility::Candidates;
use rayon::prelude::*;

const FACES: usize = 150_000;
const ROUNDS: usize = 6;
/// Residuals beyond this (natural logarithm) count for nothing in the last rounds.
const CUT: f64 = 0.25;
/// Linear light below this is noise.
const DARK: f64 = 0.004;
const PULL: f64 = 1e-3;

/// One face: its views and the logarithm of its colour there.
struct Sample {
    views: Vec<u32>,
    log: Vec<[f64; 3]>,
}

/// Gains of all views.
pub(super) fn gains(seen: &Candidates, views: usize) -> Vec<[f32; 3]> {
    let step = seen.faces().div_ceil(FACES).max(1);
    let samples: Vec<Sample> =
        (0..seen.faces()).into_par_iter().step_by(step).filter_map(|f| sample(seen, f)).collect();
    let channels: Vec<Vec<f64>> = (0..3).into_par_iter().map(|c| solve(&samples, views, c)).collect();
    (0..views).map(|v| std::array::from_fn(|c| channels[c][v].exp() as f32)).collect()
}

fn sample(seen: &Candidates, face: usize) -> Option<Sample> {
    let mut out = Sample { views: Vec::new(), log: Vec::new() };
    for candidate in seen.of(face) {
        let c = candidate.colour.map(|v| f64::from(v) / 65535.0);
        if c.iter().all(|&v| v > DARK && v < 0.9) {
            out.views.push(candidate.view);
            out.log.push(c.map(f64::ln));
        }
    }
    (out.views.len() >= 2).then_some(out)
}

/// The logarithmic gains of one channel.
fn solve(samples: &[Sample], views: usize, channel: usize) -> Vec<f64> {
    let mut g = vec![0.0; views];
    let mut weights: Vec<Vec<f64>> = samples.iter().map(|s| vec![1.0; s.views.len()]).collect();
    for round in 0..ROUNDS {
        let cut = if round < 2 { 4.0 * CUT } else { CUT };
        if round > 0 {
            weights.par_iter_mut().zip(samples).for_each(|(w, s)| {
                let values: Vec<f64> = s.views.iter().zip(&s.log).map(|(&v, l)| l[channel] + g[v as usize]).collect();
                let centre = crate::base::stats::median(&values).unwrap_or(0.0);
                for (w, v) in w.iter_mut().zip(&values) {
                    let t = (v - centre) / cut;
                    *w = if t.abs() < 1.0 { (1.0 - t * t).powi(2) } else { 0.0 };
                }
            });
        }
        g = solve_weighted(samples, &weights, views, channel);
    }
    let mut weight_of = vec![0.0; views];
    for (s, w) in samples.iter().zip(&weights) {
        for (&v, w) in s.views.iter().zip(w) {
            weight_of[v as usize] += w;
        }
    }
    let total: f64 = weight_of.iter().sum();
    if total > 0.0 {
        let mean = g.iter().zip(&weight_of).map(|(g, w)| g * w).sum::<f64>() / total;
        for (g, w) in g.iter_mut().zip(&weight_of) {
            *g = if *w > 0.0 { *g - mean } else { 0.0 };
        }
    }
    g
}

fn solve_weighted(samples: &[Sample], weights: &[Vec<f64>], views: usize, channel: usize) -> Vec<f64> {
    // The normal matrix is diag(sum w) - sum w w' / sum w over faces; it is applied face by face.
    let log = |s: &Sample, i: usize| s.log[i][channel];
    let rhs: Vec<f64> = differences(samples, weights, views, &log).iter().map(|v| -v).collect();
    let mut diagonal = vec![0.0; views];
    for (s, w) in samples.iter().zip(weights) {
        let sum: f64 = w.iter().sum::<f64>().max(1e-9);
        for (v, w) in s.views.iter().zip(w) {
            diagonal[*v as usize] += w * (1.0 - w / sum);
        }
    }
    let pull = PULL * (diagonal.iter().sum::<f64>() / views as f64).max(1.0);
    let apply = |x: &[f64]| {
        let value = |s: &Sample, i: usize| x[s.views[i] as usize];
        let mut y = differences(samples, weights, views, &value);
        for (y, x) in y.iter_mut().zip(x) {
            *y += pull * x;
        }
        y
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale: Vec<f64> = diagonal.iter().map(|d| 1.0 / (d + pull)).collect();
    let mut x = vec![0.0; views];
    let mut r = rhs;
    let mut z: Vec<f64> = r.iter().zip(&scale).map(|(r, s)| r * s).collect();
    let mut p = z.clone();
    let mut rz = dot(&r, &z);
    let goal = rz * 1e-10;
    for _ in 0..100 {
        if rz <= goal || rz <= 0.0 {
            break;
        }
        let q = apply(&p);
        let alpha = rz / dot(&p, &q);
        for i in 0..views {
            x[i] += alpha * p[i];
            r[i] -= alpha * q[i];
            z[i] = r[i] * scale[i];
        }
        let next = dot(&r, &z);
        let beta = next / rz;
        rz = next;
        for i in 0..views {
            p[i] = z[i] + beta * p[i];
        }
    }
    x
}

/// For each view the weighted sum, over its faces, of a value less its mean over the face's views. Partial sums are over
/// fixed blocks in a fixed order.
fn differences(
    samples: &[Sample],
    weights: &[Vec<f64>],
    views: usize,
    value: &(impl Fn(&Sample, usize) -> f64 + Sync),
) -> Vec<f64> {
    let block = 4096;
    let parts: Vec<Vec<f64>> = samples
        .par_chunks(block)
        .zip(weights.par_chunks(block))
        .map(|(samples, weights)| {
            let mut out = vec![0.0; views];
            for (s, w) in samples.iter().zip(weights) {
                let sum: f64 = w.iter().sum();
                if sum > 1e-9 {
                    let mean = (0..w.len()).map(|i| w[i] * value(s, i)).sum::<f64>() / sum;
                    for (i, w) in w.iter().enumerate() {
                        out[s.views[i] as usize] += w * (value(s, i) - mean);
                    }
                }
            }
            out
        })
        .collect();
    parts.into_iter().fold(vec![0.0; views], |sum, p| sum.iter().zip(p).map(|(s, v)| s + v).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn recovers_gains_despite_moved_cars() {
        let (views, mut rng) = (9, Rng::new(2, 0));
        let truth: Vec<f64> = (0..views).map(|v| 0.25 * (v as f64 * 1.7).sin()).collect();
        let samples: Vec<Sample> = (0..3000)
            .map(|i| {
                // Each face is seen by neighbours in a row of views only.
                let first = i % (views - 3);
                let albedo = rng.uniform(0.05, 0.5).ln();
                let log = (0..4)
                    .map(|k| {
                        let car = if rng.next_f64() < 0.08 { 1.0 } else { 0.0 };
                        [albedo - truth[first + k] + 0.03 * rng.normal() + car; 3]
                    })
                    .collect();
                Sample { views: (first as u32..first as u32 + 4).collect(), log }
            })
            .collect();
        let got = solve(&samples, views, 1);
        let shift = got[0] - truth[0];
        for (g, t) in got.iter().zip(&truth) {
            assert!((g - t - shift).abs() < 0.01, "{got:?} {truth:?}");
        }
    }
}
