//! Gradients of rows of a Gaussian level as magnitude and direction.
//!
//! In: three neighbouring rows. Out: weighted magnitude and direction as a fraction of a full turn. Central differences.
//! The arc tangent is a polynomial (error below 2e-5 rad), the same on every machine and vectorisable.

/// Longest row that [`polar_row`] handles at once; patches are at most this wide.
pub(super) const MAX_ROW: usize = 128;

/// Magnitudes and directions along one row.
pub(super) struct PolarRow {
    /// Weighted gradient magnitude.
    pub magnitude: [f32; MAX_ROW],
    /// Direction in turns, 0..=1, from +x towards +y.
    pub turn: [f32; MAX_ROW],
}

impl PolarRow {
    /// An empty one to be filled.
    pub fn new() -> Self {
        Self { magnitude: [0.0; MAX_ROW], turn: [0.0; MAX_ROW] }
    }
}

/// Fills the first `n` of `out` with the gradient at `here[1..]`: `above` and `below` start at the first of these pixels,
/// `here` one pixel before; all reach beyond the last. `turns` (in 0..=1) is subtracted from the direction.
#[inline(always)]
pub(super) fn polar_row_body(
    above: &[f32],
    here: &[f32],
    below: &[f32],
    weight: &[f32],
    n: usize,
    turns: f32,
    out: &mut PolarRow,
) {
    // Whole vectors where the row goes on; what is behind `n` is not used.
    let n = n.next_multiple_of(8).min(above.len()).min(here.len() - 2).min(weight.len()).min(MAX_ROW);
    let (above, below, weight) = (&above[..n], &below[..n], &weight[..n]);
    let (left, right) = (&here[..n], &here[2..n + 2]);
    let (magnitude, turn) = (&mut out.magnitude[..n], &mut out.turn[..n]);
    for i in 0..n {
        let (gx, gy) = (0.5 * (right[i] - left[i]), 0.5 * (below[i] - above[i]));
        magnitude[i] = (gx * gx + gy * gy).sqrt() * weight[i];
        let t = turn_of(gx, gy) - turns;
        let t = if t < 0.0 { t + 1.0 } else { t };
        turn[i] = if t >= 1.0 { t - 1.0 } else { t };
    }
}

/// Direction of (x, y) in turns, 0..=1; 0 for the zero vector.
#[inline(always)]
pub(super) fn turn_of(x: f32, y: f32) -> f32 {
    let (ax, ay) = (x.abs(), y.abs());
    let (small, large) = if ax < ay { (ax, ay) } else { (ay, ax) };
    let r = small / (if large > 1e-30 { large } else { 1e-30 });
    let s = r * r;
    // Minimax polynomial of atan(r) / (2 pi) on 0..=1.
    let p = ((((-0.001_865_489 * s + 0.008_380_036) * s - 0.018_530_865) * s + 0.030_803_398) * s - 0.052_938_67) * s
        + 0.159_151_33;
    let eighth = p * r;
    let quarter = if ax < ay { 0.25 - eighth } else { eighth };
    let half = if x < 0.0 { 0.5 - quarter } else { quarter };
    if y < 0.0 { 1.0 - half } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn directions() {
        for i in 0..3600 {
            let a = (i as f32 + 0.5) / 3600.0;
            let got = turn_of(3.0 * (a * TAU).cos(), 3.0 * (a * TAU).sin());
            assert!(((got - a) * TAU).abs() < 2e-5, "{a}: {got}");
        }
        assert_eq!(turn_of(0.0, 0.0), 0.0);
    }
}
