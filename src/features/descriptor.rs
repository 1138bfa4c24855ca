//! The RootSIFT descriptor of an oriented keypoint.
//!
//! In: the Gaussian level nearest to the keypoint's scale. Out: 128 bytes, `[row][column][direction]` of 4 x 4 x 8 bins,
//! each `round(512 sqrt(v))` of the L1-normalised value, clamped to 255.
//! Source: Lowe, IJCV 2004, section 6: bins of 3 sigma, trilinear sharing, Gaussian window of 2 bins, values cut at 0.2
//! of the L2 norm; Arandjelovic and Zisserman, CVPR 2012 (square root of the L1-normalised histogram).
//! Cost: 225 sigma^2 samples. Failure modes: a patch over the border uses the part inside.

use super::detect::Extremum;
use super::gradient::{MAX_ROW, PolarRow, polar_row_body};
use super::scale_space::Octave;
use super::simd;
use crate::image::Plane;
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

/// Sums of gradient magnitude by (row, column, direction), with the border.
pub(super) type Histogram = [f32; PADDED * PADDED * STRIDE];
/// From the first of the eight cells that a sample is shared between to just behind the last.
const SPAN: usize = (PADDED + 1) * STRIDE + 2;

/// The descriptor of a keypoint with the given angle.
pub(super) fn describe(octave: &Octave, keypoint: &Extremum, angle: f32) -> [u8; LENGTH] {
    let mut padded: Histogram = [0.0; PADDED * PADDED * STRIDE];
    simd::descriptor_histogram(octave.level(keypoint.level), keypoint, angle, &mut padded);
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
    values.map(|v| (512.0 * (v * scale).sqrt()).round().min(255.0) as u8)
}

/// Gradients in the keypoint's frame, shared between neighbouring bins.
#[inline(always)]
pub(super) fn histogram_body(plane: &Plane, keypoint: &Extremum, angle: f32, padded: &mut Histogram) {
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
    for (w, x) in weights.iter_mut().zip(xa..).take(2 * reach as usize + 2) {
        *w = ((x as f32 - kx).powi(2) * falloff).exp();
    }
    let mut polar = PolarRow::new();
    let mut shares = Shares { part: [[0.0; MAX_ROW]; 3], cell: [0; MAX_ROW] };
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
        let n = x1 + 1 - x0;
        let (above, here, below) = (plane.row(y - 1), plane.row(y), plane.row(y + 1));
        polar_row_body(&above[x0..], &here[x0 - 1..], &below[x0..], &weights[x0 - xa..], n, turns, &mut polar);
        let wy = (dy * dy * falloff).exp();
        let dx = x0 as f32 - kx;
        // Bin coordinates shifted so that the padded cell's index is their integer part.
        let start = [(cos * dx + sin * dy) / bin + 2.5, (-sin * dx + cos * dy) / bin + 2.5];
        shares.fill(n, start, [cos / bin, -sin / bin], &polar.turn);
        for i in 0..n {
            let [a, b, c] = [0, 1, 2].map(|k| shares.part[k][i]);
            let Some(cells) = padded.get_mut(shares.cell[i] as usize..).and_then(|p| p.first_chunk_mut::<SPAN>())
            else {
                continue;
            };
            let m = polar.magnitude[i] * wy;
            let (lower, upper) = (m * (1.0 - b), m * b);
            for (at, m) in [(0, lower * (1.0 - a)), (STRIDE, lower * a)] {
                cells[at] += m * (1.0 - c);
                cells[at + 1] += m * c;
            }
            for (at, m) in [(PADDED * STRIDE, upper * (1.0 - a)), ((PADDED + 1) * STRIDE, upper * a)] {
                cells[at] += m * (1.0 - c);
                cells[at + 1] += m * c;
            }
        }
    }
}

/// How the samples of a row are shared: the first cell, and which part goes to the next column, row and direction.
struct Shares {
    part: [[f32; MAX_ROW]; 3],
    cell: [i32; MAX_ROW],
}

impl Shares {
    /// For samples at `start + i * step` in bins, with directions in turns.
    #[inline(always)]
    fn fill(&mut self, n: usize, start: [f32; 2], step: [f32; 2], turn: &[f32; MAX_ROW]) {
        let n = n.next_multiple_of(8).min(MAX_ROW);
        let limit = (PADDED - 1) as f32 - 1e-4;
        let [columns, rows, directions] = &mut self.part;
        let (columns, rows, directions) = (&mut columns[..n], &mut rows[..n], &mut directions[..n]);
        let (cell, turn) = (&mut self.cell[..n], &turn[..n]);
        for i in 0..n {
            let u = clamped(start[0] + i as f32 * step[0], limit);
            let v = clamped(start[1] + i as f32 * step[1], limit);
            let d = clamped(turn[i] * DIRECTIONS as f32, DIRECTIONS as f32 - 1e-4);
            let (iu, iv, id) = (u as i32, v as i32, d as i32);
            columns[i] = u - iu as f32;
            rows[i] = v - iv as f32;
            directions[i] = d - id as f32;
            cell[i] = (iv * PADDED as i32 + iu) * STRIDE as i32 + id;
        }
    }
}

#[inline(always)]
fn clamped(v: f32, limit: f32) -> f32 {
    let v = if v > 0.0 { v } else { 0.0 };
    if v < limit { v } else { limit }
}

/// Interval of dx in which `|slope * dx + offset| < limit`.
#[inline(always)]
fn crossing(slope: f32, offset: f32, limit: f32) -> (f32, f32) {
    if slope.abs() < 1e-6 {
        return if offset.abs() < limit { (-1e6, 1e6) } else { (1e6, -1e6) };
    }
    let (a, b) = ((-limit - offset) / slope, (limit - offset) / slope);
    (a.min(b), a.max(b))
}
