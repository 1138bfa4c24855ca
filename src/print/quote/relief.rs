//! Heights over the area of a part, fast and coarse.
//!
//! In: the city, or the sparse points before there is one. Out: a [`Relief`]: the height of each cell over the lowest
//! level. A city is drawn from above, the highest surface in each cell's centre; of points each cell takes the median, and
//! cells without points the mean of their neighbours. Cost: linear in triangles or points.

use super::Making;
use crate::base::stats;
use crate::print::area::Area;
use crate::print::{PrintError, outline};
use crate::scene::City;
use nalgebra::{Vector2, Vector3};

/// Cells across the longer side of a city.
pub const CELLS: usize = 512;
/// The same for points, at most.
const CELLS_OF_POINTS: usize = 192;
/// Points that a cell should have.
const POINTS_IN_CELL: f64 = 3.0;
/// Share of heights below the lowest level, as in the part.
const LOWEST_SHARE: f64 = 0.002;
/// The same for points, among which are blunders.
const LOWEST_OF_POINTS: f64 = 0.02;
/// Share of points beyond the area on each side, where nobody gave one.
const BEYOND: f64 = 0.05;

/// Heights over an area.
#[derive(Clone, Debug)]
pub struct Relief {
    /// Width and depth of the area's box in the city's unit.
    pub size: Vector2<f64>,
    /// Highest place over the lowest level.
    pub highest: f64,
    /// Whether the unit is a metre.
    pub metric: bool,
    /// What is uncertain, in sentences.
    pub notes: Vec<String>,
    heights: Vec<f64>,
    inside: Vec<bool>,
    across: usize,
    down: usize,
    cell: f64,
    doubt: f64,
}

/// What a relief is as a body, in millimetres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bulk {
    /// Volume.
    pub volume: f64,
    /// What of it does not depend on the heights.
    pub certain: f64,
    /// Surface.
    pub area: f64,
}

impl Relief {
    /// Relative standard deviation of the volume that stands on the base.
    pub fn doubt(&self) -> f64 {
        self.doubt
    }

    /// Of a finished city.
    pub fn of_city(city: &City, area: &Area, metric: bool) -> Result<Self, PrintError> {
        let mut relief = Self::blank(area, CELLS, metric)?;
        let frame = area.frame();
        let own = |v: &Vector3<f64>| (frame.to_own(&v.xy()) + frame.size / 2.0) / relief.cell;
        let flat: Vec<Vector2<f64>> = city.mesh.vertices.iter().map(own).collect();
        for (t, triangle) in city.mesh.triangles.iter().enumerate() {
            let z = city.mesh.corners(t).map(|p| p.z);
            relief.draw(&triangle.map(|v| flat[v as usize]), &z);
        }
        let levels: Vec<f64> = city
            .mesh
            .vertices
            .iter()
            .zip(&flat)
            .filter(|(_, p)| relief.cell_at(p).is_some_and(|i| relief.inside[i]))
            .map(|(v, _)| v.z)
            .collect();
        relief.doubt = 0.03;
        relief.finish(&levels, LOWEST_SHARE)
    }

    /// Of sparse points; without an area, of the box that holds most of them.
    pub fn of_points(points: &[Vector3<f64>], area: Option<&Area>, metric: bool) -> Result<Self, PrintError> {
        let around = || {
            let at = |k: usize, q: f64| stats::quantile(&points.iter().map(|p| p[k]).collect::<Vec<_>>(), q);
            let (x0, x1) = (at(0, BEYOND)?, at(0, 1.0 - BEYOND)?);
            let (y0, y1) = (at(1, BEYOND)?, at(1, 1.0 - BEYOND)?);
            let centre = Vector2::new((x0 + x1) / 2.0, (y0 + y1) / 2.0);
            Some(Area::from(crate::print::Rectangle { centre, size: Vector2::new(x1 - x0, y1 - y0), azimuth: 0.0 }))
        };
        let guessed = area.is_none();
        let area = match area.cloned().or_else(around) {
            Some(area) => area,
            None => return Err(PrintError::NothingCovered),
        };
        let frame = area.frame();
        let own = |p: &Vector3<f64>| frame.to_own(&p.xy()) + frame.size / 2.0;
        let near = |p: &Vector2<f64>| p.x >= 0.0 && p.y >= 0.0 && p.x <= frame.size.x && p.y <= frame.size.y;
        let count = points.iter().filter(|p| near(&own(p))).count();
        // Square cells over the box: their number follows from how many points each should have.
        let ratio = frame.size.max() / frame.size.min();
        let cells = (count as f64 / POINTS_IN_CELL * ratio).sqrt().clamp(4.0, CELLS_OF_POINTS as f64) as usize;
        let mut relief = Self::blank(&area, cells, metric)?;
        let mut lists: Vec<Vec<f64>> = vec![Vec::new(); relief.heights.len()];
        for p in points {
            if let Some(i) = relief.cell_at(&(own(p) / relief.cell)) {
                lists[i].push(p.z);
            }
        }
        let levels: Vec<f64> = lists.iter().flatten().copied().collect();
        for (height, list) in relief.heights.iter_mut().zip(&lists) {
            *height = stats::quantile(list, 0.5).unwrap_or(f64::NEG_INFINITY);
        }
        relief.doubt = 0.2;
        relief.notes.push("estimated from the sparse points, before the surface is there".into());
        if guessed {
            relief.doubt = 0.3;
            relief.notes.push("the area is the box of most points; the part's own area may be smaller".into());
        }
        relief.finish(&levels, LOWEST_OF_POINTS)
    }

    fn blank(area: &Area, cells: usize, metric: bool) -> Result<Self, PrintError> {
        let ring = area.outline(1.0, 1e-3 * area.frame().size.max())?;
        let size = area.frame().size;
        let cell = size.max() / cells as f64;
        let (across, down) = ((size.x / cell).round().max(1.0) as usize, (size.y / cell).round().max(1.0) as usize);
        let centre = |i: usize| Vector2::new((i % across) as f64 + 0.5, (i / across) as f64 + 0.5) * cell;
        let inside = (0..across * down).map(|i| outline::contains(&ring, &centre(i))).collect();
        Ok(Self {
            size,
            highest: 0.0,
            metric,
            notes: Vec::new(),
            heights: vec![f64::NEG_INFINITY; across * down],
            inside,
            across,
            down,
            cell,
            doubt: 0.0,
        })
    }

    fn cell_at(&self, p: &Vector2<f64>) -> Option<usize> {
        let inside = p.x >= 0.0 && p.y >= 0.0 && p.x < self.across as f64 && p.y < self.down as f64;
        inside.then(|| p.y as usize * self.across + p.x as usize)
    }

    /// The highest surface in the centre of each cell.
    fn draw(&mut self, c: &[Vector2<f64>; 3], z: &[f64; 3]) {
        let low = c[0].inf(&c[1]).inf(&c[2]);
        let high = c[0].sup(&c[1]).sup(&c[2]);
        let twice = (c[1] - c[0]).perp(&(c[2] - c[0]));
        if twice == 0.0 || high.x < 0.0 || high.y < 0.0 || low.x > self.across as f64 || low.y > self.down as f64 {
            return;
        }
        let range = |low: f64, high: f64, n: usize| {
            (low - 0.5).ceil().max(0.0) as usize..((high + 0.5).floor().max(0.0) as usize).min(n)
        };
        for y in range(low.y, high.y, self.down) {
            for x in range(low.x, high.x, self.across) {
                let p = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
                let share: [f64; 3] =
                    std::array::from_fn(|k| (c[(k + 2) % 3] - c[(k + 1) % 3]).perp(&(p - c[(k + 1) % 3])) / twice);
                if share.iter().all(|&s| s >= 0.0) {
                    let height = (0..3).map(|k| share[k] * z[k]).sum();
                    let slot = &mut self.heights[y * self.across + x];
                    *slot = f64::max(*slot, height);
                }
            }
        }
    }

    /// Fills cells without a height, and makes heights those over the lowest level.
    fn finish(mut self, levels: &[f64], share: f64) -> Result<Self, PrintError> {
        let lowest =
            stats::quantile(levels, share).ok_or(PrintError::EmptyArea { width: self.size.x, height: self.size.y })?;
        let wanted = self.inside.iter().filter(|i| **i).count();
        let empty = (0..self.heights.len()).filter(|&i| self.inside[i] && self.heights[i] == f64::NEG_INFINITY).count();
        if wanted == 0 || empty == wanted {
            return Err(PrintError::EmptyArea { width: self.size.x, height: self.size.y });
        }
        let missing = empty as f64 / wanted as f64;
        self.doubt += 0.5 * missing;
        if missing > 0.02 {
            self.notes.push(format!("{:.0} % of the area has no height of its own", missing * 100.0));
        }
        self.fill();
        for h in &mut self.heights {
            *h = (*h - lowest).max(0.0);
        }
        let top = |(h, i): (&f64, &bool)| i.then_some(*h);
        self.highest = self.heights.iter().zip(&self.inside).filter_map(top).fold(0.0, f64::max);
        Ok(self)
    }

    /// Gives cells without a height the mean of those beside them, ring by ring.
    fn fill(&mut self) {
        let (w, h) = (self.across as isize, self.down as isize);
        loop {
            let mut found = Vec::new();
            for i in (0..self.heights.len()).filter(|&i| self.heights[i] == f64::NEG_INFINITY) {
                let (x, y) = (i as isize % w, i as isize / w);
                let beside = (0..9).map(|k| (x + k % 3 - 1, y + k / 3 - 1));
                let near: Vec<f64> = beside
                    .filter(|(x, y)| (0..w).contains(x) && (0..h).contains(y))
                    .map(|(x, y)| self.heights[(y * w + x) as usize])
                    .filter(|z| z.is_finite())
                    .collect();
                if !near.is_empty() {
                    found.push((i, near.iter().sum::<f64>() / near.len() as f64));
                }
            }
            if found.is_empty() {
                return;
            }
            found.into_iter().for_each(|(i, z)| self.heights[i] = z);
        }
    }

    /// The body at `mm` millimetres for a unit.
    pub fn bulk(&self, mm: f64, making: &Making) -> Bulk {
        // Cells are round numbers along the box: their area is scaled to that of the box.
        let (dx, dy) = (self.size.x * mm / self.across as f64, self.size.y * mm / self.down as f64);
        let height = |i: usize| self.heights[i] * mm * making.z_scale + making.base_mm;
        let at = |x: usize, y: usize| {
            let i = y * self.across + x;
            self.inside[i].then(|| height(i))
        };
        let mut bulk = Bulk::default();
        for y in 0..self.down {
            for x in 0..self.across {
                let Some(own) = at(x, y) else { continue };
                bulk.volume += own * dx * dy;
                bulk.certain += making.base_mm * dx * dy;
                let east = if x + 1 < self.across { at(x + 1, y) } else { None };
                let north = if y + 1 < self.down { at(x, y + 1) } else { None };
                let slope = |other: Option<f64>, d: f64| other.map_or(0.0, |o| (o - own) / d);
                let (gx, gy) = (slope(east, dx), slope(north, dy));
                bulk.area += dx * dy * ((1.0 + gx * gx + gy * gy).sqrt() + 1.0);
                let west = if x > 0 { at(x - 1, y) } else { None };
                let south = if y > 0 { at(x, y - 1) } else { None };
                let sides = [(east, dy), (west, dy), (north, dx), (south, dx)];
                bulk.area += sides.iter().filter(|(o, _)| o.is_none()).map(|(_, d)| own * d).sum::<f64>();
            }
        }
        if let Some(wall) = making.hollow_mm {
            let (cavity, area) = self.cavity((dx, dy), wall, height);
            bulk.volume -= cavity;
            bulk.certain = bulk.certain.min(bulk.volume);
            bulk.area += area;
        }
        bulk
    }

    /// Volume and surface of what lies deeper than `wall` inside.
    fn cavity(&self, (dx, dy): (f64, f64), wall: f64, height: impl Fn(usize) -> f64) -> (f64, f64) {
        let (rx, ry) = ((wall / dx).ceil() as isize, (wall / dy).ceil() as isize);
        let mut ball: Vec<(isize, isize, f64)> = Vec::new();
        for j in -ry..=ry {
            for i in -rx..=rx {
                let square = (i as f64 * dx).powi(2) + (j as f64 * dy).powi(2);
                if square <= wall * wall {
                    ball.push((i, j, (wall * wall - square).sqrt()));
                }
            }
        }
        let (w, h) = (self.across as isize, self.down as isize);
        let (mut volume, mut cells) = (0.0, 0.0);
        for y in 0..h {
            for x in 0..w {
                let mut top = f64::INFINITY;
                for &(i, j, rise) in &ball {
                    let (cx, cy) = (x + i, y + j);
                    let inside = cx >= 0 && cy >= 0 && cx < w && cy < h && self.inside[(cy * w + cx) as usize];
                    if !inside {
                        top = 0.0;
                        break;
                    }
                    top = top.min(height((cy * w + cx) as usize) - rise);
                }
                if top > wall {
                    volume += (top - wall) * dx * dy;
                    cells += 1.0;
                }
            }
        }
        (volume, 2.0 * cells * dx * dy)
    }
}
