//! Matching where each feature of a has a predicted place in b: only features of b near it are candidates.
//!
//! In: features, and for each feature of a a place and radius in b's full-size pixels. Out: as for ungated matching; the
//! ratio test compares with the second best *inside the gate*, so that repeated structure farther away does no harm.
//! Cost: 128 multiply-adds for each pair inside the gate. Failure modes: a prediction outside b gives no match.

use super::{MatchOptions, NearestTwo, ROWS_PER_TASK, merged, select, simd};
use crate::scene::Features;
use rayon::prelude::*;

/// Where a feature of a is expected in b.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// Pixel coordinate in b.
    pub x: f32,
    /// See `x`.
    pub y: f32,
    /// Features of b up to this many pixels away are candidates.
    pub radius: f32,
}

/// Matches two photos; `gate(i)` tells where feature `i` of a is expected in b, `None` = nowhere.
pub fn match_features_gated(
    a: &Features,
    b: &Features,
    options: &MatchOptions,
    gate: impl Fn(usize) -> Option<Gate> + Sync,
) -> Vec<(u32, u32)> {
    let cells = Cells::new(b);
    let tasks: Vec<(Vec<NearestTwo>, Vec<NearestTwo>)> = (0..a.len().div_ceil(ROWS_PER_TASK))
        .into_par_iter()
        .map(|task| {
            let rows = task * ROWS_PER_TASK..((task + 1) * ROWS_PER_TASK).min(a.len());
            let mut columns = vec![NearestTwo::NONE; b.len()];
            let nearest = rows.map(|i| {
                let mut best = NearestTwo::NONE;
                if let Some(gate) = gate(i) {
                    cells.for_each(&gate, |j| {
                        let dot = simd::dot(a.descriptor(i), b.descriptor(j as usize));
                        best.offer(dot, j);
                        columns[j as usize].offer(dot, i as u32);
                    });
                }
                best
            });
            (nearest.collect(), columns)
        })
        .collect();
    let (rows, columns): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
    select(&rows.concat(), &merged(&columns, b.len()), options)
}

/// Features of a photo by square cells of the image.
pub(super) struct Cells<'a> {
    features: &'a Features,
    side: f32,
    origin: [f32; 2],
    columns: usize,
    rows: usize,
    /// Features of cell `c` are `order[starts[c]..starts[c + 1]]`.
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl<'a> Cells<'a> {
    /// About two features in a cell.
    pub(super) fn new(features: &'a Features) -> Self {
        let fold = |f: fn(f32, f32) -> f32, start: f32| {
            features.keypoints.iter().fold([start; 2], |[x, y], k| [f(x, k.x), f(y, k.y)])
        };
        let (low, high) = (fold(f32::min, f32::INFINITY), fold(f32::max, f32::NEG_INFINITY));
        let extent = [0, 1].map(|i| if features.is_empty() { 1.0 } else { (high[i] - low[i]).max(1.0) });
        let side = (extent[0] * extent[1] * 2.0 / features.len().max(1) as f32).sqrt().max(1.0);
        let origin = if features.is_empty() { [0.0; 2] } else { low };
        let [columns, rows] = extent.map(|e| (e / side) as usize + 1);
        let mut cells =
            Self { features, side, origin, columns, rows, starts: vec![0; columns * rows + 1], order: Vec::new() };
        let of: Vec<usize> = features.keypoints.iter().map(|k| cells.cell(k.x, k.y)).collect();
        of.iter().for_each(|&c| cells.starts[c + 1] += 1);
        for c in 0..columns * rows {
            cells.starts[c + 1] += cells.starts[c];
        }
        cells.order = (0..features.len() as u32).collect();
        cells.order.sort_by_key(|&i| of[i as usize]);
        cells
    }

    fn clamped(v: f32, count: usize) -> usize {
        (v.max(0.0) as usize).min(count - 1)
    }

    fn cell(&self, x: f32, y: f32) -> usize {
        let column = Self::clamped((x - self.origin[0]) / self.side, self.columns);
        Self::clamped((y - self.origin[1]) / self.side, self.rows) * self.columns + column
    }

    /// Calls `visit` for every feature within the gate.
    pub(super) fn for_each(&self, gate: &Gate, mut visit: impl FnMut(u32)) {
        let Gate { x, y, radius } = *gate;
        if !(x.is_finite() && y.is_finite() && radius >= 0.0) {
            return;
        }
        let low = self.cell(x - radius, y - radius);
        let high = self.cell(x + radius, y + radius);
        for row in low / self.columns..=high / self.columns {
            let (from, to) = (row * self.columns + low % self.columns, row * self.columns + high % self.columns);
            for &j in &self.order[self.starts[from] as usize..self.starts[to + 1] as usize] {
                let k = &self.features.keypoints[j as usize];
                if (k.x - x).powi(2) + (k.y - y).powi(2) <= radius * radius {
                    visit(j);
                }
            }
        }
    }
}
