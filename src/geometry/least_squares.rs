//! Robust Levenberg-Marquardt for problems with a handful of unknowns (poses, homographies, points).
//!
//! In: a model, a function that gives cost, `J^T W J` and `J^T W r` at a model, a function that applies a step.
//! Out: the model of the lowest cost reached and that cost. Units are those of the residuals.
//! Source: D. Marquardt, "An Algorithm for Least-Squares Estimation of Nonlinear Parameters", SIAM 11(2), 1963; damping
//! schedule of H. B. Nielsen, IMM-REP-1999-05; robust losses by iteratively reweighted least squares.
//! Cost: one pass over the data for each iteration. Fails softly: a step that cannot be solved ends the search.

use nalgebra::{SMatrix, SVector};

/// A robust loss on squared residuals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Plain least squares.
    Squared,
    /// `min(r^2, limit)`: the loss of MSAC.
    Truncated {
        /// Squared residual from which on a datum costs no more.
        limit: f64,
    },
    /// `scale ln(1 + r^2 / scale)`.
    Cauchy {
        /// Square of the residual at which the weight has fallen to one half.
        scale: f64,
    },
}

impl Loss {
    /// Cost and weight (the derivative of the cost by `r2`) of a squared residual.
    #[inline]
    pub fn evaluate(&self, r2: f64) -> (f64, f64) {
        match *self {
            Self::Squared => (r2, 1.0),
            Self::Truncated { limit } if r2 < limit => (r2, 1.0),
            Self::Truncated { limit } => (limit, 0.0),
            Self::Cauchy { scale } => (scale * (r2 / scale).ln_1p(), scale / (scale + r2)),
        }
    }
}

/// The normal equations at one model.
#[derive(Clone, Debug)]
pub struct Normal<const N: usize> {
    /// Robust cost.
    pub cost: f64,
    /// `J^T W J`; only the lower triangle is read.
    pub hessian: SMatrix<f64, N, N>,
    /// `J^T W r`.
    pub gradient: SVector<f64, N>,
}

impl<const N: usize> Default for Normal<N> {
    fn default() -> Self {
        Self { cost: 0.0, hessian: SMatrix::zeros(), gradient: SVector::zeros() }
    }
}

impl<const N: usize> Normal<N> {
    /// Adds one scalar residual with its Jacobian row.
    #[inline]
    pub fn add(&mut self, residual: f64, weight: f64, row: &SVector<f64, N>) {
        for c in 0..N {
            let w = weight * row[c];
            self.gradient[c] += w * residual;
            for r in c..N {
                self.hessian[(r, c)] += w * row[r];
            }
        }
    }
}

/// Minimises from `start`. `linearise` returns the normal equations at a model, `step` applies an increment.
pub fn minimise<M: Clone, const N: usize>(
    start: &M,
    iterations: usize,
    linearise: impl Fn(&M) -> Normal<N>,
    step: impl Fn(&M, &SVector<f64, N>) -> M,
) -> (M, f64) {
    let mut model = start.clone();
    let mut at = linearise(&model);
    let mut lambda = 1e-4;
    let mut growth = 2.0;
    for _ in 0..iterations {
        let mut damped = at.hessian;
        for i in 0..N {
            damped[(i, i)] += lambda * damped[(i, i)].clamp(1e-9, 1e32);
        }
        let Some(delta) = solve_cholesky(&damped, &-at.gradient) else {
            lambda *= growth;
            growth *= 2.0;
            if lambda > 1e12 {
                break;
            }
            continue;
        };
        let candidate = step(&model, &delta);
        let next = linearise(&candidate);
        // NaN compares false and counts as a failed step.
        if next.cost < at.cost {
            let small = at.cost - next.cost <= 1e-9 * at.cost;
            model = candidate;
            at = next;
            lambda = (lambda / 3.0).max(1e-12);
            growth = 2.0;
            if small {
                break;
            }
        } else {
            if delta.norm_squared() < 1e-24 {
                break;
            }
            lambda *= growth;
            growth *= 2.0;
            if lambda > 1e12 {
                break;
            }
        }
    }
    (model, at.cost)
}

/// Solves `A x = b` for a symmetric positive definite `A` (lower triangle read); `None` where it is not.
pub fn solve_cholesky<const N: usize>(a: &SMatrix<f64, N, N>, b: &SVector<f64, N>) -> Option<SVector<f64, N>> {
    let mut l = *a;
    for j in 0..N {
        let mut d = l[(j, j)];
        for k in 0..j {
            d -= l[(j, k)] * l[(j, k)];
        }
        if d.is_nan() || d <= f64::MIN_POSITIVE {
            return None;
        }
        let d = d.sqrt();
        l[(j, j)] = d;
        for i in j + 1..N {
            let mut s = l[(i, j)];
            for k in 0..j {
                s -= l[(i, k)] * l[(j, k)];
            }
            l[(i, j)] = s / d;
        }
    }
    let mut x = *b;
    for i in 0..N {
        for k in 0..i {
            x[i] -= l[(i, k)] * x[k];
        }
        x[i] /= l[(i, i)];
    }
    for i in (0..N).rev() {
        for k in i + 1..N {
            x[i] -= l[(k, i)] * x[k];
        }
        x[i] /= l[(i, i)];
    }
    x.iter().all(|v| v.is_finite()).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::{Vector2, Vector3};

    #[test]
    fn cholesky_solves() {
        let a = nalgebra::Matrix3::new(4.0, 1.0, 0.5, 1.0, 3.0, 0.2, 0.5, 0.2, 2.0);
        let b = Vector3::new(1.0, -2.0, 0.3);
        let x = solve_cholesky(&a, &b).expect("positive definite");
        assert!((a * x - b).norm() < 1e-12);
        assert!(solve_cholesky(&-a, &b).is_none());
    }

    #[test]
    fn truncated_loss_ignores_an_outlier() {
        // A line through y = 2 x + 1 with one gross outlier.
        let data: Vec<(f64, f64)> =
            (0..10).map(|i| (f64::from(i), 2.0 * f64::from(i) + 1.0)).chain([(5.0, 90.0)]).collect();
        let loss = Loss::Truncated { limit: 4.0 };
        let linearise = |m: &Vector2<f64>| {
            let mut n = Normal::default();
            for (x, y) in &data {
                let r = m.x * x + m.y - y;
                let (cost, weight) = loss.evaluate(r * r);
                n.cost += cost;
                n.add(r, weight, &Vector2::new(*x, 1.0));
            }
            n
        };
        let (m, cost) = minimise(&Vector2::new(1.9, 1.2), 20, linearise, |m, d| m + d);
        assert!((m - Vector2::new(2.0, 1.0)).norm() < 1e-6, "{m}");
        assert!((cost - 4.0).abs() < 1e-9);
    }
}
