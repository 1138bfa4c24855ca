//! The bare ground under a city: a raster of heights without buildings, trees and cars.
//!
//! - In: the city's mesh (local metres, z up). Out: a [`Terrain`], the height of the ground everywhere in the mesh's
//!   bounds, and by it the height of each place above the ground.
//! - Method: the lowest surface of each cell; an opening with ever larger squares, where a cell that falls by more than
//!   the steepest ground allows for the square's size is no ground; the holes are filled by a membrane. Once for the
//!   trend of the terrain, and again, more strictly, for what differs from the trend.
//! - Source: T. Pingel, K. Clarke, W. McBride, "An improved simple morphological filter for the terrain classification
//!   of airborne LIDAR data", ISPRS Journal 77, 2013. The opening of a square is separable: M. van Herk, "A fast
//!   algorithm for local minimum and maximum filters on rectangular and octagonal kernels", 1992.
//! - Cost: linear in cells times the number of square sizes (about 20). Deterministic.
//! - Failure modes: a building larger than the largest square, or at the border of the mesh with no ground in sight, is
//!   taken for ground; so is a terrace higher than the slope allows, which is taken for a building.

use crate::base::{Cancelled, Ctx};
use crate::scene::Mesh;
use rayon::prelude::*;

/// Side of a cell in metres.
const CELL: f64 = 0.5;
/// Most cells; the cells of very large cities grow.
const MOST_CELLS: f64 = 16e6;
/// Half of the side of the largest square in metres: wider buildings are rare.
const WIDEST: f64 = 36.0;
/// Steepest ground, as rise over run, and steepest ground against its own trend.
const STEEP: f64 = 0.12;
const GENTLE: f64 = 0.06;
/// Half of the side of the square whose mean is the trend, in metres.
const SMOOTH: f64 = 6.0;
/// Steps that ground may have anywhere, in metres: kerbs, noise.
const STEP: f64 = 0.15;

/// Heights of the bare ground.
#[derive(Clone, Debug)]
pub struct Terrain {
    low: [f64; 2],
    cell: f64,
    width: usize,
    height: usize,
    z: Vec<f32>,
}

impl Terrain {
    /// Of a city's mesh.
    pub fn of(ctx: &Ctx, mesh: &Mesh) -> Result<Self, Cancelled> {
        let mut terrain = Self::lowest(mesh);
        let (w, h, cell) = (terrain.width, terrain.height, terrain.cell);
        if terrain.z.iter().all(|z| z.is_nan()) {
            terrain.z.fill(0.0);
            return Ok(terrain);
        }
        let known: Vec<bool> = terrain.z.iter().map(|z| !z.is_nan()).collect();
        membrane(&mut terrain.z, &known, w, h);
        // Pits of a cell or two are noise, and an opening would spread them.
        terrain.z = closing(&terrain.z, w, h, (1.0 / cell).round().max(1.0) as usize);
        let rough = Grid { w, h, cell };
        let first = rough.ground(ctx, &terrain.z, &known, STEEP)?;
        let mut trend = terrain.z.clone();
        membrane(&mut trend, &first, w, h);
        let trend = smoothed(&trend, w, h, (SMOOTH / cell).round() as usize);
        let residual: Vec<f32> = terrain.z.iter().zip(&trend).map(|(z, t)| z - t).collect();
        let mut ground = rough.ground(ctx, &residual, &known, GENTLE)?;
        rough.regain(&terrain.z, &known, &mut ground);
        membrane(&mut terrain.z, &ground, w, h);
        Ok(terrain)
    }

    /// A raster of the lowest surface in each cell; NaN where there is none.
    fn lowest(mesh: &Mesh) -> Self {
        let (low, high) = mesh.bounds().unwrap_or_default();
        let size = [(high.x - low.x).max(1e-9), (high.y - low.y).max(1e-9)];
        let cell = CELL.max((size[0] * size[1] / MOST_CELLS).sqrt());
        let [width, height] = size.map(|s| (s / cell).floor() as usize + 1);
        let mut z = vec![f32::NAN; width * height];
        for t in 0..mesh.triangles.len() {
            if mesh.area_normal(t).z <= 0.0 {
                continue;
            }
            let [a, b, c] = mesh.corners(t);
            let longest = (b - a).norm().max((c - b).norm()).max((a - c).norm());
            let steps = (longest / (0.7 * cell)).ceil().clamp(1.0, 4096.0) as usize;
            for i in 0..=steps {
                for j in 0..=steps - i {
                    let (u, v) = (i as f64 / steps as f64, j as f64 / steps as f64);
                    let p = a + (b - a) * u + (c - a) * v;
                    let column = (((p.x - low.x) / cell) as usize).min(width - 1);
                    let row = (((p.y - low.y) / cell) as usize).min(height - 1);
                    let least = &mut z[row * width + column];
                    *least = least.min(p.z as f32);
                }
            }
        }
        Self { low: [low.x, low.y], cell, width, height, z }
    }

    /// Side of a cell in metres.
    pub fn cell(&self) -> f64 {
        self.cell
    }

    /// Columns and rows.
    pub fn size(&self) -> [usize; 2] {
        [self.width, self.height]
    }

    /// The south-west corner.
    pub fn low(&self) -> [f64; 2] {
        self.low
    }

    /// Height of the ground at a place, between the cells' centres bilinear.
    pub fn at(&self, x: f64, y: f64) -> f64 {
        let u = ((x - self.low[0]) / self.cell - 0.5).clamp(0.0, (self.width - 1) as f64);
        let v = ((y - self.low[1]) / self.cell - 0.5).clamp(0.0, (self.height - 1) as f64);
        let (i, j) = (u as usize, v as usize);
        let (k, l) = ((i + 1).min(self.width - 1), (j + 1).min(self.height - 1));
        let (a, b) = (u - i as f64, v - j as f64);
        let z = |i: usize, j: usize| f64::from(self.z[j * self.width + i]);
        (z(i, j) * (1.0 - a) + z(k, j) * a) * (1.0 - b) + (z(i, l) * (1.0 - a) + z(k, l) * a) * b
    }
}

/// How far ground must stay level to lead onto something, and how much it may rise there, in metres.
const AHEAD: f64 = 1.5;
const RISE: f64 = 0.3;
/// Least step down from ground that has ended, in metres.
const BANK: f64 = 1.2;

struct Grid {
    w: usize,
    h: usize,
    cell: f64,
}

impl Grid {
    /// Which of the known cells are ground: those that no opening lowers by more than the slope allows.
    fn ground(&self, ctx: &Ctx, z: &[f32], known: &[bool], slope: f64) -> Result<Vec<bool>, Cancelled> {
        let mut ground = known.to_vec();
        let mut opened = z.to_vec();
        let widest = (WIDEST / self.cell).round().max(1.0) as usize;
        let mut reach = 1;
        while reach <= widest {
            ctx.check()?;
            opened = opening(&opened, self.w, self.h, reach);
            let limit = (STEP + slope * reach as f64 * self.cell) as f32;
            ground.par_iter_mut().zip(z.par_iter().zip(&opened)).for_each(|(g, (a, b))| *g &= a - b <= limit);
            reach += (reach / 4).max(1);
        }
        Ok(ground)
    }

    /// Gives back what is no building because ground leads onto it without a step: banks, hilltops, terraces with a
    /// ramp. From ground cells to their neighbours, where the next cells in the same direction do not rise either.
    fn regain(&self, z: &[f32], known: &[bool], ground: &mut [bool]) {
        let ahead = (AHEAD / self.cell).round().max(1.0) as isize;
        let (w, h) = (self.w as isize, self.h as isize);
        // A high step down is the edge of a bank; a low one may be the far side of a car.
        let level = |from: usize, to: usize, limit: f64| {
            let rise = f64::from(z[to] - z[from]);
            rise.abs() < limit || rise < -BANK
        };
        let mut open: Vec<usize> = (0..ground.len()).filter(|&k| ground[k]).collect();
        while let Some(k) = open.pop() {
            let (x, y) = (k as isize % w, k as isize / w);
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
                let at = |r: isize| {
                    let (i, j) = (x + dx * r, y + dy * r);
                    (i >= 0 && j >= 0 && i < w && j < h).then_some((j * w + i) as usize)
                };
                let Some(next) = at(1).filter(|&n| known[n] && !ground[n]) else { continue };
                if level(k, next, RISE / 2.0) && (1..=ahead).filter_map(at).all(|n| level(k, n, RISE)) {
                    ground[next] = true;
                    open.push(next);
                }
            }
        }
    }
}

/// The least (or with `sign` -1 the greatest) value within `reach` along one row.
fn row_filter(row: &[f32], reach: usize, sign: f32, out: &mut [f32]) {
    let n = row.len();
    let span = 2 * reach + 1;
    let value = |i: isize| if i < 0 || i >= n as isize { f32::INFINITY } else { sign * row[i as usize] };
    // Running minima from the left and from the right within blocks of the window's size.
    let padded = (n + 2 * reach).div_ceil(span) * span;
    let (mut left, mut right) = (vec![0f32; padded], vec![0f32; padded]);
    for i in 0..padded {
        let v = value(i as isize - reach as isize);
        left[i] = if i % span == 0 { v } else { left[i - 1].min(v) };
    }
    for i in (0..padded).rev() {
        let v = value(i as isize - reach as isize);
        right[i] = if (i + 1) % span == 0 { v } else { right[i + 1].min(v) };
    }
    for (i, o) in out.iter_mut().enumerate() {
        *o = sign * right[i].min(left[i + span - 1]);
    }
}

/// Separable square filter: minimum for `sign` 1, maximum for -1.
fn square_filter(z: &[f32], w: usize, h: usize, reach: usize, sign: f32) -> Vec<f32> {
    let mut rows = vec![0f32; w * h];
    rows.par_chunks_mut(w).zip(z.par_chunks(w)).for_each(|(out, row)| row_filter(row, reach, sign, out));
    let mut turned = transposed(&rows, w, h);
    let copy = turned.clone();
    turned.par_chunks_mut(h).zip(copy.par_chunks(h)).for_each(|(out, row)| row_filter(row, reach, sign, out));
    transposed(&turned, h, w)
}

fn transposed(z: &[f32], w: usize, h: usize) -> Vec<f32> {
    let mut out = vec![0f32; w * h];
    out.par_chunks_mut(h).enumerate().for_each(|(x, column)| {
        for (y, o) in column.iter_mut().enumerate() {
            *o = z[y * w + x];
        }
    });
    out
}

fn opening(z: &[f32], w: usize, h: usize, reach: usize) -> Vec<f32> {
    square_filter(&square_filter(z, w, h, reach, 1.0), w, h, reach, -1.0)
}

fn closing(z: &[f32], w: usize, h: usize, reach: usize) -> Vec<f32> {
    square_filter(&square_filter(z, w, h, reach, -1.0), w, h, reach, 1.0)
}

/// Mean of a square around each cell, cut at the border.
fn smoothed(z: &[f32], w: usize, h: usize, reach: usize) -> Vec<f32> {
    let means = |z: &[f32], w: usize| -> Vec<f32> {
        let mut out = vec![0f32; z.len()];
        out.par_chunks_mut(w).zip(z.par_chunks(w)).for_each(|(out, row)| {
            let mut sums = vec![0f64; w + 1];
            for i in 0..w {
                sums[i + 1] = sums[i] + f64::from(row[i]);
            }
            for (i, o) in out.iter_mut().enumerate() {
                let (from, to) = (i.saturating_sub(reach), (i + reach + 1).min(w));
                *o = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
            }
        });
        out
    };
    transposed(&means(&transposed(&means(z, w), w, h), h), h, w)
}

/// Gives unknown cells the heights of a membrane through the known ones: means of ever larger cells to begin with,
/// then relaxation at each level.
fn membrane(z: &mut [f32], known: &[bool], w: usize, h: usize) {
    if w.min(h) > 1 && known.iter().any(|k| !k) {
        let (cw, ch) = (w.div_ceil(2), h.div_ceil(2));
        let mut coarse = vec![0f32; cw * ch];
        let mut coarse_known = vec![false; cw * ch];
        for y in 0..ch {
            for x in 0..cw {
                let (mut sum, mut count) = (0f32, 0f32);
                for (i, j) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let (i, j) = (2 * x + i, 2 * y + j);
                    if i < w && j < h && known[j * w + i] {
                        sum += z[j * w + i];
                        count += 1.0;
                    }
                }
                if count > 0.0 {
                    coarse[y * cw + x] = sum / count;
                    coarse_known[y * cw + x] = true;
                }
            }
        }
        membrane(&mut coarse, &coarse_known, cw, ch);
        for y in 0..h {
            for x in 0..w {
                if !known[y * w + x] {
                    z[y * w + x] = coarse[y / 2 * cw + x / 2];
                }
            }
        }
    }
    let mut next = z.to_vec();
    for _ in 0..24 {
        next.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
            let (up, down) = (y.saturating_sub(1), (y + 1).min(h - 1));
            for (x, o) in row.iter_mut().enumerate() {
                if !known[y * w + x] {
                    let (left, right) = (x.saturating_sub(1), (x + 1).min(w - 1));
                    *o = 0.25 * (z[y * w + left] + z[y * w + right] + z[up * w + x] + z[down * w + x]);
                }
            }
        });
        z.copy_from_slice(&next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    /// A height field of 1 m squares.
    fn field(n: usize, height: impl Fn(f64, f64) -> f64) -> Mesh {
        let mut mesh = Mesh::default();
        for j in 0..=n {
            for i in 0..=n {
                let (x, y) = (i as f64, j as f64);
                mesh.vertices.push(Vector3::new(x, y, height(x, y)));
            }
        }
        for j in 0..n {
            for i in 0..n {
                let a = (j * (n + 1) + i) as u32;
                let (b, c, d) = (a + 1, a + n as u32 + 1, a + n as u32 + 2);
                mesh.triangles.extend([[a, b, d], [a, d, c]]);
            }
        }
        mesh
    }

    #[test]
    fn buildings_on_a_slope_leave_the_terrain() {
        let slope = |x: f64, y: f64| 0.06 * x - 0.03 * y;
        let on = |x: f64, y: f64| (30.0..=58.0).contains(&x) && (25.0..=60.0).contains(&y);
        let car = |x: f64, y: f64| (80.0..=84.0).contains(&x) && (40.0..=42.0).contains(&y);
        let mesh =
            field(100, |x, y| slope(x, y) + if on(x, y) { 9.0 } else { 0.0 } + if car(x, y) { 1.4 } else { 0.0 });
        let terrain = Terrain::of(&Ctx::silent(), &mesh).expect("terrain");
        for (x, y) in [(5.0, 5.0), (44.0, 40.0), (82.0, 41.0), (95.0, 90.0), (31.0, 26.0)] {
            assert!((terrain.at(x, y) - slope(x, y)).abs() < 0.6, "{x} {y} {} {}", terrain.at(x, y), slope(x, y));
        }
    }

    #[test]
    fn filters_are_those_of_the_definition() {
        let row = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0, 5.5];
        for reach in 1..6 {
            let (mut least, mut most) = ([0f32; 9], [0f32; 9]);
            row_filter(&row, reach, 1.0, &mut least);
            row_filter(&row, reach, -1.0, &mut most);
            for i in 0..9usize {
                let window = &row[i.saturating_sub(reach)..(i + reach + 1).min(9)];
                assert_eq!(least[i], window.iter().copied().fold(f32::INFINITY, f32::min));
                assert_eq!(most[i], window.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            }
        }
    }
}
