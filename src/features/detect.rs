//! Keypoints of one octave: extrema of the difference of Gaussians in space and scale, refined to sub-pixel accuracy.
//!
//! In: the six Gaussian levels of an octave. Out: [`Extremum`]s in array coordinates of the octave, in a fixed order.
//! Source: Lowe, IJCV 2004, section 4 (quadratic refinement after M. Brown and D. Lowe, BMVC 2002).
//! Cost: about 60 operations a pixel, parallel over strips of rows; differences are never stored for the whole octave.
//! Failure modes: equal neighbours (synthetic images) count once, at the first of them.

use super::scale_space::{LEVELS, Pyramid, sigma_of};
use super::simd;
use crate::image::Plane;
use nalgebra::{Matrix2, Matrix3, Vector2, Vector3};
use rayon::prelude::*;

/// Rows that one task searches.
const ROWS_PER_TASK: usize = 32;
/// Steps of the refinement.
const MAX_STEPS: usize = 5;
/// Unrefined extrema must reach this part of the contrast threshold.
const COARSE: f32 = 0.8;

/// A refined extremum.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extremum {
    /// Column in array coordinates of the octave.
    pub x: f32,
    /// Row in array coordinates of the octave.
    pub y: f32,
    /// Gaussian level to read the surroundings from, `1..=LEVELS`.
    pub level: usize,
    /// Scale in pixels of the octave.
    pub sigma: f32,
}

/// All extrema of an octave with enough contrast that are not on edges, sorted by level, row and column.
pub(super) fn extrema(pyramid: &Pyramid, contrast: f32, edge_ratio: f32) -> Vec<Extremum> {
    let (width, height) = (pyramid.levels[0].width, pyramid.levels[0].height);
    if width < 3 || height < 3 {
        return Vec::new();
    }
    let tasks = (height - 2).div_ceil(ROWS_PER_TASK);
    let mut found: Vec<([usize; 3], Extremum)> = (0..tasks)
        .into_par_iter()
        .flat_map_iter(|task| {
            let from = 1 + task * ROWS_PER_TASK;
            strip(pyramid, from..(from + ROWS_PER_TASK).min(height - 1), contrast)
        })
        .filter_map(|at| refine(&pyramid.levels, at, contrast, edge_ratio))
        .collect();
    found.sort_unstable_by_key(|(at, _)| *at);
    found.dedup_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, e)| e).collect()
}

/// Unrefined extrema `[level, y, x]` of some rows.
fn strip(pyramid: &Pyramid, rows: std::ops::Range<usize>, contrast: f32) -> Vec<[usize; 3]> {
    let width = pyramid.levels[0].width;
    let n = LEVELS + 2;
    // Three rows of each difference, by row number modulo 3.
    let mut ring = vec![vec![0f32; width]; 3 * n];
    let (mut most, mut least) = (vec![vec![0f32; width]; n], vec![vec![0f32; width]; n]);
    let mut mark = vec![0u8; width];
    let mut out = Vec::new();
    for y in rows.start - 1..=rows.end {
        for k in 0..n {
            let row = &mut ring[k * 3 + y % 3];
            simd::difference(pyramid.levels[k + 1].row(y), pyramid.levels[k].row(y), row);
        }
        if y < rows.start + 1 {
            continue;
        }
        let centre = y - 1;
        for k in 0..n {
            let r = &ring[k * 3..k * 3 + 3];
            simd::spread(&r[0], &r[1], &r[2], &mut most[k], &mut least[k]);
        }
        for level in 1..=LEVELS {
            let most: [&[f32]; 3] = [&most[level - 1], &most[level], &most[level + 1]];
            let least: [&[f32]; 3] = [&least[level - 1], &least[level], &least[level + 1]];
            simd::mark_extrema(&ring[level * 3 + centre % 3], most, least, COARSE * contrast, &mut mark);
            for (block, marks) in mark.chunks(16).enumerate() {
                if marks.iter().fold(0, |a, b| a | b) == 0 {
                    continue;
                }
                for (i, _) in marks.iter().enumerate().filter(|(_, m)| **m != 0) {
                    let at = [level, centre, block * 16 + i];
                    if first_of_equals(&pyramid.levels, at) {
                        out.push(at);
                    }
                }
            }
        }
    }
    out
}

/// Difference of Gaussians at a pixel.
fn difference(levels: &[Plane], level: usize, y: usize, x: usize) -> f32 {
    levels[level + 1].at(x, y) - levels[level].at(x, y)
}

/// Whether no neighbour that comes earlier in (level, row, column) has the very same value.
fn first_of_equals(levels: &[Plane], [level, y, x]: [usize; 3]) -> bool {
    let value = difference(levels, level, y, x);
    (0..13).all(|i| difference(levels, level + i / 9 - 1, y + i / 3 % 3 - 1, x + i % 3 - 1) != value)
}

/// Derivatives of a quadratic through 3 x 3 values: value, gradient, Hessian.
fn quadratic(p: &[f64; 9]) -> (f64, Vector2<f64>, Matrix2<f64>) {
    let gradient = Vector2::new(p[5] - p[3], p[7] - p[1]) * 0.5;
    let xy = 0.25 * (p[8] + p[0] - p[6] - p[2]);
    (p[4], gradient, Matrix2::new(p[5] + p[3] - 2.0 * p[4], xy, xy, p[7] + p[1] - 2.0 * p[4]))
}

/// Improves the offset of an extremum (x, y, scale) from its pixel. One step of the common quadratic in all three leaves
/// an error of the product of the offsets, a few hundredths of a pixel, because curvature changes with scale: here the
/// scale is found along the line through the place, then the place in the image interpolated to that scale.
fn settled(levels: &[Plane], [s, y, x]: [usize; 3], offset: Vector3<f64>) -> Option<Vector3<f64>> {
    let patch = |ds: usize| -> [f64; 9] {
        std::array::from_fn(|i| f64::from(difference(levels, s + ds - 1, y + i / 3 - 1, x + i % 3 - 1)))
    };
    let patches = [patch(0), patch(1), patch(2)];
    let place = offset.xy();
    let [low, here, high] = patches.each_ref().map(|p| {
        let (value, gradient, hessian) = quadratic(p);
        value + gradient.dot(&place) + 0.5 * place.dot(&(hessian * place))
    });
    let t = (0.5 * (low - high) / (low - 2.0 * here + high)).clamp(-1.0, 1.0);
    let weights = [0.5 * t * (t - 1.0), 1.0 - t * t, 0.5 * t * (t + 1.0)];
    let mixed = std::array::from_fn(|i| (0..3).map(|k| weights[k] * patches[k][i]).sum());
    let (_, gradient, hessian) = quadratic(&mixed);
    let place = -(hessian.try_inverse()? * gradient);
    let settled = Vector3::new(place.x, place.y, t);
    settled.iter().all(|v| v.is_finite()).then_some(settled)
}

/// Refines one extremum; `None` where it is weak, on an edge, or moves away. Also gives the pixel it ended at.
fn refine(levels: &[Plane], mut at: [usize; 3], contrast: f32, edge_ratio: f32) -> Option<([usize; 3], Extremum)> {
    let (width, height) = (levels[0].width, levels[0].height);
    let mut step = 0;
    let (offset, gradient, hessian, value) = loop {
        let [s, y, x] = at;
        let d = |ds: usize, dy: usize, dx: usize| f64::from(difference(levels, s + ds - 1, y + dy - 1, x + dx - 1));
        let centre = d(1, 1, 1);
        let gradient = Vector3::new(d(1, 1, 2) - d(1, 1, 0), d(1, 2, 1) - d(1, 0, 1), d(2, 1, 1) - d(0, 1, 1)) * 0.5;
        let xx = d(1, 1, 2) + d(1, 1, 0) - 2.0 * centre;
        let yy = d(1, 2, 1) + d(1, 0, 1) - 2.0 * centre;
        let ss = d(2, 1, 1) + d(0, 1, 1) - 2.0 * centre;
        let xy = 0.25 * (d(1, 2, 2) + d(1, 0, 0) - d(1, 2, 0) - d(1, 0, 2));
        let xs = 0.25 * (d(2, 1, 2) + d(0, 1, 0) - d(2, 1, 0) - d(0, 1, 2));
        let ys = 0.25 * (d(2, 2, 1) + d(0, 0, 1) - d(2, 0, 1) - d(0, 2, 1));
        let hessian = Matrix3::new(xx, xy, xs, xy, yy, ys, xs, ys, ss);
        let offset = -(hessian.try_inverse()? * gradient);
        let moves = |o: f64, at: usize, low: usize, high: usize| {
            let to = if o > 0.6 && at < high { at + 1 } else { at };
            if o < -0.6 && at > low { at - 1 } else { to }
        };
        let next = [moves(offset.z, s, 1, LEVELS), moves(offset.y, y, 1, height - 2), moves(offset.x, x, 1, width - 2)];
        step += 1;
        if next == at || step == MAX_STEPS {
            break (offset, gradient, hessian, centre);
        }
        at = next;
    };
    if offset.amax() > 1.0 {
        return None;
    }
    let response = (value + 0.5 * gradient.dot(&offset)).abs() as f32;
    let trace = hessian[(0, 0)] + hessian[(1, 1)];
    let determinant = hessian[(0, 0)] * hessian[(1, 1)] - hessian[(0, 1)].powi(2);
    let r = f64::from(edge_ratio);
    if response < contrast || determinant <= 0.0 || trace * trace * r >= (r + 1.0).powi(2) * determinant {
        return None;
    }
    let [s, y, x] = at;
    let offset = settled(levels, at, offset).filter(|o| (o - offset).amax() < 0.5).unwrap_or(offset);
    let (x, y) = (x as f64 + offset.x, y as f64 + offset.y);
    if x < 0.0 || y < 0.0 || x > (width - 1) as f64 || y > (height - 1) as f64 {
        return None;
    }
    let sigma = sigma_of((s as f64 + offset.z) as f32);
    Some((at, Extremum { x: x as f32, y: y as f32, level: s, sigma }))
}
