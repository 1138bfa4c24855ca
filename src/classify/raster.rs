//! A raster over the city from above: the highest surface of each cell, and connected groups of cells.
//!
//! In: mesh, terrain. Out: a [`Raster`] and masks over its cells, row by row from the south-west. Distances by the
//! chamfer 3-4 metric: G. Borgefors, "Distance transformations in digital images", 1986. Cost: linear in cells.

use super::terrain::Terrain;
use crate::scene::Mesh;

/// Most cells of a raster; the cells of very large cities grow.
const MOST_CELLS: f64 = 64e6;

/// Cells over a city's extent, with what is highest in each.
pub struct Raster {
    low: [f64; 2],
    /// Side of a cell in metres.
    pub cell: f64,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The triangle of the highest surface in each cell, [`Raster::NONE`] where there is none.
    pub triangle: Vec<u32>,
    /// Its height in metres.
    pub z: Vec<f32>,
    /// Its height over the ground in metres.
    pub over_ground: Vec<f32>,
}

impl Raster {
    /// No triangle.
    pub const NONE: u32 = u32::MAX;

    /// Of a mesh, with cells of about the given side.
    pub fn of(mesh: &Mesh, terrain: &Terrain, cell: f64) -> Self {
        let low = terrain.low();
        let extent = terrain.size().map(|n| n as f64 * terrain.cell());
        let cell = cell.max((extent[0] * extent[1] / MOST_CELLS).sqrt());
        let [width, height] = extent.map(|e| (e / cell).ceil() as usize + 1);
        let n = width * height;
        let (triangle, z) = (vec![Self::NONE; n], vec![f32::NEG_INFINITY; n]);
        let mut raster = Self { low, cell, width, height, triangle, z, over_ground: vec![0.0; n] };
        for t in 0..mesh.triangles.len() {
            raster.draw(mesh, t);
        }
        for at in 0..n {
            if raster.triangle[at] != Self::NONE {
                raster.over_ground[at] = (f64::from(raster.z[at]) - raster.ground(terrain, at)) as f32;
            }
        }
        raster
    }

    fn draw(&mut self, mesh: &Mesh, t: usize) {
        let [a, b, c] = mesh.corners(t);
        let longest = (b - a).norm().max((c - b).norm()).max((a - c).norm());
        let steps = (longest / (0.7 * self.cell)).ceil().clamp(1.0, 4096.0) as usize;
        for i in 0..=steps {
            for j in 0..=steps - i {
                let p = a + (b - a) * (i as f64 / steps as f64) + (c - a) * (j as f64 / steps as f64);
                let at = self.cell_of(p.x, p.y);
                if p.z as f32 > self.z[at] {
                    (self.z[at], self.triangle[at]) = (p.z as f32, t as u32);
                }
            }
        }
    }

    /// Height of the ground in the middle of a cell.
    pub fn ground(&self, terrain: &Terrain, at: usize) -> f64 {
        let [x, y] = [at % self.width, at / self.width].map(|i| (i as f64 + 0.5) * self.cell);
        terrain.at(self.low[0] + x, self.low[1] + y)
    }

    /// The cell that holds a place.
    pub fn cell_of(&self, x: f64, y: f64) -> usize {
        let column = (((x - self.low[0]) / self.cell) as usize).min(self.width - 1);
        let row = (((y - self.low[1]) / self.cell) as usize).min(self.height - 1);
        row * self.width + column
    }

    /// Distance in metres from each wanted cell to the nearest that is not; beyond the border nothing is wanted.
    pub fn depth(&self, wanted: &[bool]) -> Vec<f32> {
        let (w, h, cell) = (self.width as isize, self.height as isize, self.cell as f32);
        let mut d: Vec<f32> = wanted.iter().map(|&m| if m { f32::MAX } else { 0.0 }).collect();
        let before = [(-1, 0, cell), (0, -1, cell), (-1, -1, cell * 4.0 / 3.0), (1, -1, cell * 4.0 / 3.0)];
        let mut visit = |k: usize, sign: isize| {
            let (x, y) = (k as isize % w, k as isize / w);
            for (dx, dy, step) in before {
                let (i, j) = (x + sign * dx, y + sign * dy);
                let there = if i >= 0 && j >= 0 && i < w && j < h { d[(j * w + i) as usize] } else { 0.0 };
                d[k] = d[k].min(there + step);
            }
        };
        (0..wanted.len()).for_each(|k| visit(k, 1));
        (0..wanted.len()).rev().for_each(|k| visit(k, -1));
        d
    }

    /// What an opening leaves of a mask whose depths are given: what lies within `radius` of a cell that deep.
    pub fn opened(&self, depth: &[f32], radius: f64) -> Vec<bool> {
        let radius = radius as f32;
        let outside: Vec<bool> = depth.iter().map(|&d| d < radius).collect();
        self.depth(&outside).iter().zip(depth).map(|(&d, &own)| own > 0.0 && d <= radius).collect()
    }

    /// The groups of wanted cells that touch at their sides, each as a list, in the order of their first cells.
    pub fn groups(&self, wanted: &[bool]) -> Vec<Vec<usize>> {
        let mut open = wanted.to_vec();
        let mut groups = Vec::new();
        for start in 0..wanted.len() {
            if !open[start] {
                continue;
            }
            open[start] = false;
            let mut group = vec![start];
            let mut next = 0;
            while let Some(&k) = group.get(next) {
                next += 1;
                for n in self.beside(k).into_iter().flatten() {
                    if open[n] {
                        open[n] = false;
                        group.push(n);
                    }
                }
            }
            groups.push(group);
        }
        groups
    }

    /// Area of a list of cells in square metres.
    pub fn area(&self, cells: &[usize]) -> f64 {
        cells.len() as f64 * self.cell * self.cell
    }

    /// The highest surface in a cell and the eight around it.
    pub fn top_near(&self, k: usize) -> f64 {
        let (x, y) = (k % self.width, k / self.width);
        let mut top = f32::NEG_INFINITY;
        for j in y.saturating_sub(1)..(y + 2).min(self.height) {
            for i in x.saturating_sub(1)..(x + 2).min(self.width) {
                top = top.max(self.z[j * self.width + i]);
            }
        }
        f64::from(top)
    }

    /// The cells at the four sides of a cell.
    pub fn beside(&self, k: usize) -> [Option<usize>; 4] {
        let (x, y, w) = (k % self.width, k / self.width, self.width);
        [
            (x > 0).then(|| k - 1),
            (x + 1 < w).then(|| k + 1),
            (y > 0).then(|| k.wrapping_sub(w)),
            (y + 1 < self.height).then(|| k + w),
        ]
    }
}
