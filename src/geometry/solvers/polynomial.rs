//! Real roots of a polynomial in an interval.
//!
//! In: coefficients in ascending order, an interval. Out: the real roots in it, ascending.
//! Source: Rolle's theorem: between two neighbouring critical points there is at most one root, so the roots of the
//! derivatives, from the linear one upwards, bracket those of the polynomial (J. McNamee, "Numerical Methods for Roots
//! of Polynomials", 2007, ch. 2); each bracket is closed by Newton's method guarded by bisection.
//! Cost: about 3 us at degree 10. Roots of even multiplicity may be missed.

/// Highest degree.
pub const MAX_DEGREE: usize = 10;

/// Appends the real roots within `low..=high` to `out`. `coefficients[i]` belongs to `x^i`; at most 11 of them.
pub fn real_roots(coefficients: &[f64], low: f64, high: f64, out: &mut Vec<f64>) {
    let mut degree = coefficients.len().saturating_sub(1).min(MAX_DEGREE);
    let largest = coefficients.iter().fold(0.0f64, |m, c| m.max(c.abs()));
    while degree > 0 && coefficients[degree].abs() <= 1e-30 * largest {
        degree -= 1;
    }
    if degree == 0 {
        return;
    }
    // Row d: the derivative of degree d.
    let mut rows = [[0.0; MAX_DEGREE + 1]; MAX_DEGREE + 1];
    rows[degree][..=degree].copy_from_slice(&coefficients[..=degree]);
    for d in (1..degree).rev() {
        for i in 0..=d {
            rows[d][i] = rows[d + 1][i + 1] * (i + 1) as f64;
        }
    }
    let mut critical = [0.0; MAX_DEGREE];
    let mut found = 0;
    for d in 1..=degree {
        let last = d == degree;
        let row = &rows[d][..=d];
        let mut next = [0.0; MAX_DEGREE];
        let mut count = 0;
        let (mut a, mut fa) = (low, evaluate(row, low));
        for b in critical[..found].iter().copied().chain([high]) {
            let fb = evaluate(row, b);
            if fa == 0.0 {
                next[count] = a;
                count += 1;
            } else if fa * fb < 0.0 {
                next[count] = close_bracket(row, a, b, fa, if last { 1e-15 } else { 1e-7 });
                count += 1;
            }
            if count == d {
                break;
            }
            (a, fa) = (b, fb);
        }
        critical = next;
        found = count;
    }
    out.extend_from_slice(&critical[..found]);
}

#[inline]
fn evaluate(row: &[f64], x: f64) -> f64 {
    row.iter().rev().fold(0.0, |s, c| s * x + c)
}

#[inline]
fn evaluate_with_slope(row: &[f64], x: f64) -> (f64, f64) {
    let (mut f, mut slope) = (0.0, 0.0);
    for c in row.iter().rev() {
        slope = slope * x + f;
        f = f * x + c;
    }
    (f, slope)
}

/// The root in a bracket with a change of sign.
fn close_bracket(row: &[f64], mut a: f64, mut b: f64, fa: f64, tolerance: f64) -> f64 {
    let mut x = 0.5 * (a + b);
    for _ in 0..100 {
        let (f, slope) = evaluate_with_slope(row, x);
        if f == 0.0 {
            return x;
        }
        if (f < 0.0) == (fa < 0.0) {
            a = x;
        } else {
            b = x;
        }
        let newton = x - f / slope;
        let next = if newton > a && newton < b { newton } else { 0.5 * (a + b) };
        let done = (next - x).abs() <= tolerance * (1.0 + x.abs());
        x = next;
        if done {
            break;
        }
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_a_product() {
        // (x + 3)(x + 1)(x - 0.5)(x - 0.51)(x - 7)(x^2 + 1)
        let mut p = vec![1.0];
        for factor in [&[3.0, 1.0][..], &[1.0, 1.0], &[-0.5, 1.0], &[-0.51, 1.0], &[-7.0, 1.0], &[1.0, 0.0, 1.0]] {
            let mut q = vec![0.0; p.len() + factor.len() - 1];
            for (i, a) in p.iter().enumerate() {
                for (j, b) in factor.iter().enumerate() {
                    q[i + j] += a * b;
                }
            }
            p = q;
        }
        let mut roots = Vec::new();
        real_roots(&p, -100.0, 100.0, &mut roots);
        let truth = [-3.0, -1.0, 0.5, 0.51, 7.0];
        assert_eq!(roots.len(), truth.len(), "{roots:?}");
        for (r, t) in roots.iter().zip(truth) {
            assert!((r - t).abs() < 1e-9, "{roots:?}");
        }
        let mut none = Vec::new();
        real_roots(&[1.0, 0.0, 1.0], -10.0, 10.0, &mut none);
        assert!(none.is_empty());
    }
}
