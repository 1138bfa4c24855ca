//! LO-MSAC: random sampling with the truncated quadratic score and non-linear local optimisation.
//!
//! In: a [`Problem`] (data, minimal solver, score, refinement). Out: the best model with its cost and inlier count.
//! Source: O. Chum, J. Matas, J. Kittler, "Locally Optimized RANSAC", DAGM 2003; P. Torr, A. Zisserman, "MLESAC", CVIU
//! 78, 2000 (the MSAC score); the non-linear refinement as the local step as in V. Larsson's PoseLib.
//! Cost: each iteration one minimal solve and at most one pass over the data for each of its models; a pass stops as
//! soon as it costs more than the best model so far. Failure: `None` where no sample gave a model.

use crate::base::Rng;

/// What a model scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Sum of truncated squared residuals; lower is better.
    pub cost: f64,
    /// Data within the threshold.
    pub inliers: usize,
}

impl Score {
    /// Worse than any model.
    pub const WORST: Self = Self { cost: f64::INFINITY, inliers: 0 };
}

/// An estimation problem with outliers.
pub trait Problem {
    /// What is estimated.
    type Model: Clone;
    /// Number of data in a minimal sample.
    const SAMPLE: usize;

    /// Number of data.
    fn len(&self) -> usize;

    /// Whether there are no data.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Draws a minimal sample and appends its models to `out`.
    fn hypothesise(&self, rng: &mut Rng, out: &mut Vec<Self::Model>);

    /// Scores a model; may stop and return [`Score::WORST`] once the cost exceeds `bound`.
    fn score(&self, model: &Self::Model, bound: f64) -> Score;

    /// Improves a model on the data that agree with it.
    fn refine(&self, model: &Self::Model) -> Self::Model;
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RansacOptions {
    /// Samples drawn at least.
    pub min_iterations: usize,
    /// Samples drawn at most.
    pub max_iterations: usize,
    /// Wanted probability that one sample was free of outliers.
    pub confidence: f64,
}

/// The result of [`lo_msac`].
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate<M> {
    /// The best model.
    pub model: M,
    /// Its score.
    pub score: Score,
    /// Samples drawn.
    pub iterations: usize,
}

/// Three times the textbook number of samples, because samples of noisy inliers do not always give a good model.
const ITERATION_MARGIN: f64 = 3.0;

/// Samples needed to draw one without outliers with the wanted confidence.
fn needed_iterations(inliers: usize, total: usize, sample: usize, confidence: f64) -> usize {
    let good = (inliers as f64 / total.max(1) as f64).powi(sample as i32);
    if good <= 0.0 {
        return usize::MAX;
    }
    if good >= 1.0 {
        return 1;
    }
    let n = (1.0 - confidence).ln() / (-good).ln_1p() * ITERATION_MARGIN;
    if n.is_finite() { n.ceil() as usize } else { usize::MAX }
}

/// Estimates with `seeds` (models from elsewhere, for example from a homography or a prior) scored before any sample.
pub fn lo_msac<P: Problem>(
    problem: &P,
    seeds: &[P::Model],
    options: &RansacOptions,
    rng: &mut Rng,
) -> Option<Estimate<P::Model>> {
    let total = problem.len();
    let mut best: Option<Estimate<P::Model>> = None;
    let mut best_minimal = f64::INFINITY;
    let mut needed = options.max_iterations;
    let mut models = Vec::new();
    let mut iteration = 0;
    let mut consider = |model: &P::Model, best_minimal: &mut f64, iteration: usize, needed: &mut usize| {
        let score = problem.score(model, *best_minimal);
        if score.cost >= *best_minimal {
            return;
        }
        *best_minimal = score.cost;
        let bound = best.as_ref().map_or(f64::INFINITY, |b| b.score.cost);
        let refined = problem.refine(model);
        let refined_score = problem.score(&refined, bound);
        let (model, score) =
            if refined_score.cost < score.cost { (refined, refined_score) } else { (model.clone(), score) };
        if score.cost < bound {
            *needed = needed_iterations(score.inliers, total, P::SAMPLE, options.confidence);
            best = Some(Estimate { model, score, iterations: iteration });
        }
    };
    for model in seeds {
        consider(model, &mut best_minimal, 0, &mut needed);
    }
    if total >= P::SAMPLE {
        while iteration < options.max_iterations && (iteration < options.min_iterations || iteration < needed) {
            iteration += 1;
            models.clear();
            problem.hypothesise(rng, &mut models);
            for model in &models {
                consider(model, &mut best_minimal, iteration, &mut needed);
            }
        }
    }
    best.map(|b| Estimate { iterations: iteration, ..b })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needed_iterations_follow_the_formula() {
        // ln(1e-3) / ln(1 - 0.5^5) = 217.6
        assert_eq!(needed_iterations(50, 100, 5, 0.999), (217.57_f64 * 3.0).ceil() as usize);
        assert_eq!(needed_iterations(100, 100, 5, 0.999), 1);
        assert_eq!(needed_iterations(0, 100, 5, 0.999), usize::MAX);
    }
}
