//! Dominant gradient directions around a keypoint.
//!
//! In: the Gaussian level nearest to the keypoint's scale. Out: up to `most` angles in radians from +x towards +y,
//! strongest first. Source: Lowe, IJCV 2004, section 5: 36 bins, Gaussian window of 1.5 sigma cut at 3 of these, peaks
//! of at least 0.8 of the highest, parabola through three bins. The histogram is smoothed six times by a box of three.
//! Cost: 64 sigma^2 samples. Failure modes: a keypoint at the very border uses the part of its surroundings inside.

use super::detect::Extremum;
use super::gradient::{MAX_ROW, PolarRow};
use super::scale_space::Octave;
use super::simd;
use std::f32::consts::TAU;

const BINS: usize = 36;
const PEAK: f32 = 0.8;

/// The dominant directions.
pub(super) fn dominant(octave: &Octave, keypoint: &Extremum, most: usize) -> Vec<f32> {
    let histogram = smoothed(histogram(octave, keypoint));
    let highest = histogram.iter().copied().fold(0.0, f32::max);
    if highest <= 0.0 {
        return Vec::new();
    }
    let mut peaks: Vec<(f32, f32)> = Vec::new();
    for i in 0..BINS {
        let (before, here, after) = (histogram[(i + BINS - 1) % BINS], histogram[i], histogram[(i + 1) % BINS]);
        if here >= PEAK * highest && here > before && here >= after {
            let shift = 0.5 * (before - after) / (before - 2.0 * here + after);
            peaks.push((here, (i as f32 + 0.5 + shift) * (TAU / BINS as f32)));
        }
    }
    peaks.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.total_cmp(&b.1)));
    peaks.truncate(most.max(1));
    peaks.into_iter().map(|(_, angle)| angle).collect()
}

/// Gradient directions, weighted by magnitude and window, shared between the two nearest bins.
fn histogram(octave: &Octave, keypoint: &Extremum) -> [f32; BINS] {
    let plane = octave.level(keypoint.level);
    let window = 1.5 * keypoint.sigma;
    let reach = 3.0 * window;
    let falloff = -0.5 / (window * window);
    let bound = |at: f32, size: usize| -> (usize, usize) {
        let (low, high) = ((at - reach).ceil().max(1.0), (at + reach).floor().min(size as f32 - 2.0));
        (low as usize, high.max(0.0) as usize)
    };
    let ((y0, y1), (xa, xb)) = (bound(keypoint.y, plane.height), bound(keypoint.x, plane.width));
    let mut weights = [0f32; MAX_ROW];
    let mut polar = PolarRow::new();
    // Bin b is histogram[b + 1]; the ends wrap around.
    let mut padded = [0f32; BINS + 2];
    for (w, x) in weights.iter_mut().zip(xa..=xb) {
        *w = ((x as f32 - keypoint.x).powi(2) * falloff).exp();
    }
    for y in y0..=y1 {
        let dy = y as f32 - keypoint.y;
        let half = (reach * reach - dy * dy).max(0.0).sqrt();
        let x0 = ((keypoint.x - half).ceil().max(1.0) as usize).max(xa);
        let x1 = ((keypoint.x + half).floor().max(0.0) as usize).min(xb).min(x0 + MAX_ROW - 1);
        if x1 < x0 || x0 - xa >= MAX_ROW {
            continue;
        }
        let n = (x1 + 1 - x0).min(MAX_ROW - (x0 - xa));
        let (above, here, below) = (plane.row(y - 1), plane.row(y), plane.row(y + 1));
        simd::polar_row(&above[x0..], &here[x0 - 1..], &below[x0..], &weights[x0 - xa..], n, 0.0, &mut polar);
        let wy = (dy * dy * falloff).exp();
        for (m, t) in polar.magnitude.iter().zip(&polar.turn).take(n) {
            let at = t * BINS as f32 + 0.5;
            let low = (at as usize).min(BINS);
            let part = at - low as f32;
            padded[low] += wy * m * (1.0 - part);
            padded[low + 1] += wy * m * part;
        }
    }
    std::array::from_fn(|i| match i {
        0 => padded[1] + padded[BINS + 1],
        i if i == BINS - 1 => padded[BINS] + padded[0],
        i => padded[i + 1],
    })
}

/// Six passes of a circular box filter of three bins.
fn smoothed(mut histogram: [f32; BINS]) -> [f32; BINS] {
    for _ in 0..6 {
        let before = histogram;
        for i in 0..BINS {
            histogram[i] = (before[(i + BINS - 1) % BINS] + before[i] + before[(i + 1) % BINS]) * (1.0 / 3.0);
        }
    }
    histogram
}
