//! What a cut costs at each place of the strip that it may run through.
//!
//! In: the top of the material over a place, the strip. Out: a [`Strip`] of cells with the cost of a millimetre of cut.
//! What counts is how far the material stands out of the ground around it: the ground is the morphological opening of the
//! heights with a square of a piece's size (J. Serra, "Image Analysis and Mathematical Morphology", 1982), so that
//! hills cost nothing and houses, trees and cars what they are high. A wall's thickness beside them costs a share of that,
//! and so does the border of the body, along which no cut should run. Cost: about a microsecond a cell.

use super::lines::{place, snapped};
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// Half the width of the square, in widths of half the strip: a little more than a piece, so that a block of houses which
/// fills one is no ground.
const AROUND: f64 = 4.0;
/// So little height is the roughness of streets.
const ROUGH: f64 = 0.4;
/// Cost of a millimetre of cut for each millimetre of height, where an empty one costs 1.
const HEIGHT: f64 = 2.0;
/// Share of the height that counts beside it.
const BESIDE: f64 = 0.5;
/// What a millimetre within two walls of the border costs more.
const BORDER: f64 = 2.0;
/// What a millimetre at the edge of the strip costs more than one in its middle: what decides between equal ways.
const PULL: f64 = 0.02;

/// A body seen from above.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    /// The top of the material over a place; `None` beside the body.
    pub top: &'a (dyn Fn(&Vector2<f64>) -> Option<f64> + Sync),
    /// Its box.
    pub low: Vector3<f64>,
    /// Its box.
    pub high: Vector3<f64>,
}

/// Cells around an even cut, in columns on the cut's axis and rows along it.
pub struct Strip {
    /// The axis that the cut divides.
    pub axis: usize,
    /// The place of the middle column.
    pub even: f64,
    /// Columns on each side of it.
    pub half: usize,
    /// Side of a cell on the axis.
    pub cell: f64,
    /// Where the strip begins and ends along the cut.
    pub ends: [f64; 2],
    rows: usize,
    /// Cost of a millimetre, by row.
    cost: Vec<f64>,
}

impl Strip {
    /// The strip of `half_mm` on both sides of an even cut.
    pub fn new(ground: &Ground, axis: usize, even: f64, half_mm: f64, wall_mm: f64) -> Self {
        let cell = snapped((half_mm / 40.0).clamp(0.5, 1.0));
        let half = (half_mm / cell) as usize;
        let ends = [ground.low[1 - axis], ground.high[1 - axis]];
        let rows = ((ends[1] - ends[0]) / cell).ceil().max(1.0) as usize;
        let long = (ends[1] - ends[0]) / rows as f64;
        let radius = (AROUND * half_mm / cell) as usize;
        let (wide, columns) = (2 * (half + radius) + 1, 2 * half + 1);
        let first = even - (half + radius) as f64 * cell;
        // Rows before and behind it have no material, but squares around them do.
        let of = |i: usize| {
            let along = (i / wide) as f64 - radius as f64 + 0.5;
            (ground.top)(&place(axis, first + (i % wide) as f64 * cell, ends[0] + along * long))
        };
        let tops: Vec<Option<f64>> = (0..(rows + 2 * radius) * wide).into_par_iter().map(of).collect();
        // What is beside the body is neither low nor high.
        let tops_or = |none: f64| tops.iter().map(|t| t.unwrap_or(none)).collect::<Vec<_>>();
        let lowest = window(&tops_or(f64::INFINITY), wide, radius, f64::min, f64::INFINITY);
        let lowest: Vec<f64> = lowest.iter().map(|z| if z.is_finite() { *z } else { f64::NEG_INFINITY }).collect();
        let bottom = window(&lowest, wide, radius, f64::max, f64::NEG_INFINITY);
        let relief: Vec<f64> =
            tops.iter().zip(&bottom).map(|(top, low)| top.map_or(0.0, |z| (z - low - ROUGH).max(0.0))).collect();
        let room = ((wall_mm / cell).ceil() as usize).max(1);
        let beside = window(&relief, wide, room, f64::max, 0.0);
        let outside = |yes: f64| tops.iter().map(|t| if t.is_none() { yes } else { 1.0 - yes }).collect::<Vec<_>>();
        let [near_out, near_in] = [1.0, 0.0].map(|yes| window(&outside(yes), wide, 2 * room, f64::max, 0.0));
        let cost = |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let k = (row + radius) * wide + radius + column;
            let aside = (column as f64 - half as f64).abs() / half.max(1) as f64;
            let border = if near_out[k] > 0.0 && near_in[k] > 0.0 { BORDER } else { 0.0 };
            1.0 + HEIGHT * (relief[k] + BESIDE * beside[k]) + border + PULL * aside
        };
        let cost = (0..rows * columns).map(cost).collect();
        Self { axis, even, half, cell, ends, rows, cost }
    }

    /// The place of a column.
    pub fn at(&self, column: usize) -> f64 {
        self.even + (column as f64 - self.half as f64) * self.cell
    }

    /// The cost of a straight piece of cut.
    pub fn cost(&self, a: &Vector2<f64>, b: &Vector2<f64>) -> f64 {
        let (length, along) = ((b - a).norm(), (b - a)[1 - self.axis]);
        let samples = (along.abs() / self.cell).ceil().max(1.0);
        let long = (self.ends[1] - self.ends[0]) / self.rows as f64;
        let columns = 2 * self.half + 1;
        let sum: f64 = (0..samples as usize)
            .map(|i| {
                let p = a + (b - a) * ((i as f64 + 0.5) / samples);
                let row = ((p[1 - self.axis] - self.ends[0]) / long).max(0.0) as usize;
                let column = ((p[self.axis] - self.even) / self.cell + self.half as f64).round().max(0.0) as usize;
                self.cost[row.min(self.rows - 1) * columns + column.min(columns - 1)]
            })
            .sum();
        sum / samples * length
    }
}

/// The least or the largest value in the square around each cell.
fn window(cells: &[f64], width: usize, radius: usize, pick: fn(f64, f64) -> f64, none: f64) -> Vec<f64> {
    let rows: Vec<Vec<f64>> =
        cells.par_chunks(width).map(|row| sliding(row.iter().copied(), radius, pick, none)).collect();
    let of = |c: usize| sliding(rows.iter().map(|row| row[c]), radius, pick, none);
    let columns: Vec<Vec<f64>> = (0..width).into_par_iter().map(of).collect();
    (0..cells.len()).map(|i| columns[i % width][i / width]).collect()
}

/// The same along a line, by doubling what each value stands for.
fn sliding(
    values: impl ExactSizeIterator<Item = f64>,
    radius: usize,
    pick: fn(f64, f64) -> f64,
    none: f64,
) -> Vec<f64> {
    let (n, whole) = (values.len(), 2 * radius + 1);
    let beyond = || std::iter::repeat_n(none, radius);
    let mut of: Vec<f64> = beyond().chain(values).chain(beyond()).collect();
    let mut size = 1;
    while 2 * size <= whole {
        for i in 0..of.len() - size {
            of[i] = pick(of[i], of[i + size]);
        }
        size *= 2;
    }
    (0..n).map(|i| pick(of[i], of[i + whole - size])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hills_cost_nothing_and_houses_what_they_are_high() {
        // A slope of one in five with a house of 10 mm on it.
        let house = |p: &Vector2<f64>| (40.0..60.0).contains(&p.x) && (30.0..50.0).contains(&p.y);
        let inside = |p: &Vector2<f64>| (0.0..=100.0).contains(&p.x) && (0.0..=100.0).contains(&p.y);
        let top = |p: &Vector2<f64>| inside(p).then(|| 5.0 + p.x / 5.0 + if house(p) { 10.0 } else { 0.0 });
        let ground = Ground { top: &top, low: Vector3::zeros(), high: Vector3::new(100.0, 100.0, 40.0) };
        let strip = Strip::new(&ground, 0, 50.0, 20.0, 1.0);
        let cost = |x: f64, y: f64| strip.cost(&Vector2::new(x, y), &Vector2::new(x, y + 0.5));
        assert!(cost(50.0, 80.0) == 0.5 && cost(32.0, 80.0) < 0.51, "{} {}", cost(50.0, 80.0), cost(32.0, 80.0));
        assert!(cost(50.0, 40.0) > 0.5 * 15.0, "{}", cost(50.0, 40.0));
        // Beside the house it costs a little.
        assert!(cost(60.5, 40.0) > 1.0 && cost(60.5, 40.0) < cost(58.0, 40.0) / 2.0);
        let row: Vec<f64> = [5.0, 1.0, 4.0, 9.0, 2.0, 6.0].to_vec();
        let least = sliding(row.iter().copied(), 2, f64::min, f64::INFINITY);
        assert_eq!(least, [1.0, 1.0, 1.0, 1.0, 2.0, 2.0]);
    }
}
