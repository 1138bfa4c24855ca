//! The RootSIFT descriptor of an oriented keypoint.
//!
//! In: the Gaussian level nearest to the keypoint's scale. Out: 128 bytes, `[row][column][direction]` of 4 x 4 x 8 bins,
//! each `round(512 sqrt(v))` of the L1-normalised value, clamped to 255.
//! Source: Lowe, IJCV 2004, section 6: bins of 3 sigma, trilinear sharing, Gaussian window of 2 bins, values cut at 0.2
//! of the L2 norm; Arandjelovic and Zisserman, CVPR 2012 (square root of the L1-normalised histogram).
//! Cost: 225 sigma^2 samples. Failure modes: a patch over the border uses the part inside.

use super::detect::Extremum;
use super::gradient::{MAX_ROW, PolarRow};
use super::scale_space::Octave;
use super::simd;
use std::f32::consts::TAU;

/// Bytes of one descriptor.
pub(super) const LENGTH: usize = 128;
const SIDE: usize = 4;
const DIRECTIONS: usize = 8;
/// Side of a spatial bin in sigmas.
const BIN: f32 = 3.0;
/// Sigma of the window in bins.
const WINDOW: f32 = 2.0;
const CLAMP: f32 = 0.2;
/// Histogram cells in a row with a border of one bin; each has one more direction, which wraps around.
const PADDED: usize = SIDE + 2;
const STRIDE: usize = DIRECTIONS + 1;

type Histogram = [f32; PADDED * PADDED * STRIDE];

/// Writes the descriptor of a keypoint with the given angle.
pub(super) fn describe(octave: &Octave, keypoint: &Extremum, angle: f32, out: &mut [u8]) {
    let padded = histogram(octave, keypoint, angle);
    let mut values = [0f32; LENGTH];
    for row in 0..SIDE {
        for column in 0..SIDE {
            let cell = &padded[((row + 1) * PADDED + column + 1) * STRIDE..][..STRIDE];
            let to = &mut values[(row * SIDE + column) * DIRECTIONS..][..DIRECTIONS];
            to.copy_from_slice(&cell[..DIRECTIONS]);
            to[0] += cell[DIRECTIONS];
        }
    }
    let norm = values.iter().map(|v| v * v).sum::<f32>().sqrt();
    let limit = CLAMP * norm;
    values.iter_mut().for_each(|v| *v = v.min(limit));
    let sum: f32 = values.iter().sum();
    let scale = if sum > 0.0 { 1.0 / sum } else { 0.0 };
    for (o, v) in out.iter_mut().zip(&values) {
        *o = (512.0 * (v * scale).sqrt()).round().min(255.0) as u8;
    }
}

/// Gradients in the keypoint's frame, shared between neighbouring bins.
fn histogram(octave: &Octave, keypoint: &Extremum, angle: f32) -> Histogram {
    let plane = octave.level(keypoint.level);
    let bin = BIN * keypoint.sigma;
    let (sin, cos) = angle.sin_cos();
    let turns = (angle / TAU).rem_euclid(1.0);
    let half_side = 0.5 * (SIDE + 1) as f32 * bin;
    let reach = half_side * (sin.abs() + cos.abs());
    let falloff = -0.5 / (WINDOW * bin).powi(2);
    let (kx, ky) = (keypoint.x, keypoint.y);
    let y0 = (ky - reach).ceil().max(1.0) as usize;
    let y1 = (ky + reach).floor().min(plane.height as f32 - 2.0).max(0.0) as usize;
    let xa = (kx - reach).ceil().max(1.0) as usize;
    let mut weights = [0f32; MAX_ROW];
    for (w, x) in weights.iter_mut().zip(xa..) {
        *w = ((x as f32 - kx).powi(2) * falloff).exp();
    }
    let mut padded: Histogram = [0.0; PADDED * PADDED * STRIDE];
    let mut polar = PolarRow::new();
    for y in y0..=y1 {
        let dy = y as f32 - ky;
        // Where |cos dx + sin dy| and |-sin dx + cos dy| stay below half the side.
        let (u_low, u_high) = crossing(cos, sin * dy, half_side);
        let (v_low, v_high) = crossing(-sin, cos * dy, half_side);
        let low = (kx + u_low.max(v_low)).ceil().max(1.0);
        let high = (kx + u_high.min(v_high)).floor().min(plane.width as f32 - 2.0);
        if low > high {
            continue;
        }
        let x0 = (low as usize).max(xa);
        let x1 = (high as usize).min(xa + MAX_ROW - 1);
        if x1 < x0 {
            continue;
        }
        let weights = &weights[x0 - xa..=x1 - xa];
        let (above, here, below) = (plane.row(y - 1), plane.row(y), plane.row(y + 1));
        simd::polar_row(&above[x0..], &here[x0 - 1..], &below[x0..], weights, turns, &mut polar);
        let wy = (dy * dy * falloff).exp();
        let (du, dv) = (cos / bin, -sin / bin);
        // Bin coordinates shifted so that the padded cell's index is their integer part.
        let dx = x0 as f32 - kx;
        let (u0, v0) = ((cos * dx + sin * dy) / bin + 2.5, (-sin * dx + cos * dy) / bin + 2.5);
        for i in 0..weights.len() {
            let sample = Sample {
                u: u0 + i as f32 * du,
                v: v0 + i as f32 * dv,
                direction: polar.turn[i] * DIRECTIONS as f32,
                magnitude: polar.magnitude[i] * wy,
            };
            sample.share(&mut padded);
        }
    }
    padded
}

/// Interval of dx in which `|slope * dx + offset| < limit`.
fn crossing(slope: f32, offset: f32, limit: f32) -> (f32, f32) {
    if slope.abs() < 1e-6 {
        return if offset.abs() < limit { (-1e6, 1e6) } else { (1e6, -1e6) };
    }
    let (a, b) = ((-limit - offset) / slope, (limit - offset) / slope);
    (a.min(b), a.max(b))
}

struct Sample {
    u: f32,
    v: f32,
    direction: f32,
    magnitude: f32,
}

impl Sample {
    /// Adds the sample to the eight cells around it.
    #[inline(always)]
    fn share(&self, padded: &mut Histogram) {
        let limit = (PADDED - 1) as f32 - 1e-4;
        let (u, v) = (self.u.clamp(0.0, limit), self.v.clamp(0.0, limit));
        let (i, j) = (u as usize, v as usize);
        let k = (self.direction as usize).min(DIRECTIONS - 1);
        let (a, b, c) = (u - i as f32, v - j as f32, self.direction - k as f32);
        let (m1, m0) = (self.magnitude * b, self.magnitude * (1.0 - b));
        for (row, m) in [(j, m0), (j + 1, m1)] {
            for (column, w) in [(i, m * (1.0 - a)), (i + 1, m * a)] {
                let at = (row * PADDED + column) * STRIDE + k;
                padded[at] += w * (1.0 - c);
                padded[at + 1] += w * c;
            }
        }
    }
}
