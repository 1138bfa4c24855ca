//! Brings a block near its control points before everything is adjusted.
//!
//! In: the model, the control points' places, where the marks put them now. Out: the model moved; false where a block
//! without place and scale cannot be given them. Source: weighted similarity of S. Umeyama, PAMI 13(4), 1991, reweighted
//! by Cauchy's loss. Cost: microseconds. Failure modes: points on one line determine no similarity; then the block is
//! only shifted, or stays as it is when it has no scale.

use super::Goal;
use crate::base::stats;
use crate::geometry::Sim3;
use crate::scene::Reconstruction;
use nalgebra::{Matrix3, Vector3};

/// The second largest spread of points that fix a rotation, as a share of the block's own.
const WIDE: f64 = 0.15;

pub(super) fn bring_near(
    model: &mut Reconstruction,
    goals: &[Goal],
    measured: &[Option<Vector3<f64>>],
    placed_by_control: bool,
) -> bool {
    let pairs: Vec<(Vector3<f64>, &Goal)> =
        goals.iter().zip(measured).filter(|(g, _)| g.is_control()).filter_map(|(g, m)| Some(((*m)?, g))).collect();
    let whole: Vec<(Vector3<f64>, Vector3<f64>)> =
        pairs.iter().filter(|(_, g)| g.has_height()).map(|(m, g)| (*m, g.place)).collect();
    let centres: Vec<Vector3<f64>> = model.poses.iter().flatten().map(|p| p.centre()).collect();
    let points: Vec<Vector3<f64>> = whole.iter().map(|(m, _)| *m).collect();
    let wide = spread(&points) > if placed_by_control { 1e-3 } else { WIDE } * spread(&centres).max(1e-9);
    if whole.len() >= 3
        && wide
        && let Some(fit) = robust_similarity(&whole)
    {
        transform(model, &fit);
        return true;
    }
    if placed_by_control {
        return false;
    }
    let axis = |c: usize| {
        let of: Vec<f64> =
            pairs.iter().filter(|(_, g)| c < 2 || g.has_height()).map(|(m, g)| g.place[c] - m[c]).collect();
        stats::median(&of).unwrap_or(0.0)
    };
    let shift = Vector3::new(axis(0), axis(1), axis(2));
    transform(model, &Sim3 { translation: shift, ..Sim3::identity() });
    true
}

/// Second largest standard deviation along the principal axes.
fn spread(points: &[Vector3<f64>]) -> f64 {
    if points.len() < 3 {
        return 0.0;
    }
    let n = points.len() as f64;
    let mean = points.iter().sum::<Vector3<f64>>() / n;
    let covariance = points.iter().fold(Matrix3::zeros(), |s, p| s + (p - mean) * (p - mean).transpose() / n);
    let mut values: Vec<f64> = covariance.symmetric_eigenvalues().iter().map(|v| v.max(0.0).sqrt()).collect();
    values.sort_unstable_by(f64::total_cmp);
    values[1]
}

fn robust_similarity(pairs: &[(Vector3<f64>, Vector3<f64>)]) -> Option<Sim3> {
    let (from, to): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
    let mut weights = vec![1.0; pairs.len()];
    let mut fit = Sim3::fit(&from, &to, None)?;
    for _ in 0..10 {
        let errors: Vec<f64> = pairs.iter().map(|(f, t)| (fit.apply(f) - t).norm()).collect();
        let scale = (2.0 * stats::median(&errors)?).max(1e-6);
        weights.iter_mut().zip(&errors).for_each(|(w, e)| *w = 1.0 / (1.0 + (e / scale).powi(2)));
        fit = Sim3::fit(&from, &to, Some(&weights))?;
    }
    Some(fit)
}

fn transform(model: &mut Reconstruction, by: &Sim3) {
    model.poses.iter_mut().flatten().for_each(|p| *p = by.transform_pose(p));
    model.points.iter_mut().for_each(|p| p.position = by.apply(&p.position));
}
