//! Volume and surface of a part before it is made, from the city's heights on a coarse grid.
//!
//! In: a [`Field`] (metres, or the city's unit), the area, the scale. Out: size in millimetres, volume, surface. Cost: one
//! pass over at most 256 x 256 cells. It knows no overhangs and rounds off edges: the volume is good to a few percent, the
//! surface, whose facades a coarse grid flattens, is too small. The exact figures are those of the made part.

use super::shape;
use crate::print::Area;
use crate::texture::render::Orthophoto;
use nalgebra::Vector2;

/// Cells along the longer side.
const CELLS: usize = 256;
/// Share of the heights that may lie below the lowest level, as in the part.
const LOWEST: f64 = 0.002;

/// Heights of the topmost surface; NaN where there is none.
#[derive(Clone, Debug, Default)]
pub(super) struct Field {
    north_west: Vector2<f64>,
    cell: f64,
    width: usize,
    heights: Vec<f32>,
}

/// What a part will be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Estimate {
    pub(super) size_mm: [f64; 3],
    pub(super) volume_cm3: f64,
    pub(super) area_cm2: f64,
    /// Share of the area that has a surface.
    pub(super) covered: f64,
}

impl Field {
    /// Means over the pixels of a finer grid.
    pub(super) fn of(ortho: &Orthophoto) -> Self {
        let grid = &ortho.height;
        let step = grid.width.max(grid.height).div_ceil(CELLS).max(1);
        let (width, height) = (grid.width.div_ceil(step), grid.height.div_ceil(step));
        let mean = |i: usize| {
            let (x0, y0) = (i % width * step, i / width * step);
            let (mut sum, mut count) = (0.0, 0u32);
            for y in y0..(y0 + step).min(grid.height) {
                for z in (x0..(x0 + step).min(grid.width)).map(|x| grid.at(x, y)).filter(|z| z.is_finite()) {
                    sum += f64::from(z);
                    count += 1;
                }
            }
            if count == 0 { f32::NAN } else { (sum / f64::from(count)) as f32 }
        };
        let heights = (0..width * height).map(mean).collect();
        Self { north_west: ortho.origin.into(), cell: ortho.gsd * step as f64, width, heights }
    }

    fn centre(&self, i: usize) -> Vector2<f64> {
        let (x, y) = ((i % self.width) as f64 + 0.5, (i / self.width) as f64 + 0.5);
        self.north_west + Vector2::new(x, -y) * self.cell
    }

    /// What a part of this area will be; `None` where the area has no surface.
    pub(super) fn estimate(&self, area: &Area, mm_per_unit: f64, z_scale: f64, base_mm: f64) -> Option<Estimate> {
        let inside: Vec<usize> = (0..self.heights.len()).filter(|&i| shape::contains(area, &self.centre(i))).collect();
        let mut levels: Vec<f64> =
            inside.iter().map(|&i| f64::from(self.heights[i])).filter(|z| z.is_finite()).collect();
        let covered = levels.len() as f64 / inside.len().max(1) as f64;
        let highest = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let place = (levels.len() as f64 * LOWEST) as usize;
        if levels.is_empty() {
            return None;
        }
        let lowest = *levels.select_nth_unstable_by(place, f64::total_cmp).1;
        let up = mm_per_unit * z_scale;
        let tall = |z: f64| (z - lowest).max(0.0) * up + base_mm;
        let mean = levels.iter().map(|&z| tall(z)).sum::<f64>() / levels.len() as f64;
        // The ground is known exactly; the cells only say how high it stands on the mean.
        let ground_mm2 = shape::ground(area) * mm_per_unit * mm_per_unit;
        let slope = |i: usize| {
            let z = f64::from(self.heights[i]);
            let step = |j: usize| {
                let d = self.heights.get(j).map_or(0.0, |h| f64::from(*h) - z) * z_scale / self.cell;
                if d.is_finite() { d } else { 0.0 }
            };
            (1.0 + step(i + 1).powi(2) + step(i + self.width).powi(2)).sqrt()
        };
        let known: Vec<f64> = inside.iter().filter(|&&i| self.heights[i].is_finite()).map(|&i| slope(i)).collect();
        let steep = known.iter().sum::<f64>() / known.len().max(1) as f64;
        let ring = shape::ring(area);
        let around: f64 = (0..ring.len()).map(|i| (ring[(i + 1) % ring.len()] - ring[i]).norm()).sum();
        let surface = ground_mm2 * (1.0 + steep) + around * mm_per_unit * mean;
        let flat = area.frame().size * mm_per_unit;
        Some(Estimate {
            size_mm: [flat.x, flat.y, tall(highest)],
            volume_cm3: ground_mm2 * mean / 1000.0,
            area_cm2: surface / 100.0,
            covered,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Grid, Rgb8};

    /// 40 x 20 m at 0.1 m, a block 5 m high on its western half, nothing on the last metre in the east.
    fn field() -> Field {
        let (width, height) = (400, 200);
        let z = |i: usize| match i % width {
            x if x >= 390 => f32::NAN,
            x if x < 200 => 5.0,
            _ => 0.0,
        };
        let data = (0..width * height).map(z).collect();
        Field::of(&Orthophoto {
            height: Grid { width, height, data },
            image: Rgb8::filled(width, height, [0; 3]),
            origin: [-20.0, 10.0],
            gsd: 0.1,
        })
    }

    #[test]
    fn a_block_has_its_volume() {
        let rectangle =
            crate::print::Rectangle { centre: Vector2::new(-5.0, 0.0), size: Vector2::new(20.0, 10.0), azimuth: 0.0 };
        let found = field().estimate(&rectangle.into(), 1.0, 2.0, 3.0).expect("an estimate");
        // 15 m of the block, 5 m of ground: 10 mm * 15/20 + 3 mm of base.
        let volume = 200.0 * (10.0 * 0.75 + 3.0) / 1000.0;
        assert!((found.volume_cm3 / volume - 1.0).abs() < 0.02, "{found:?} {volume}");
        assert!((found.size_mm[2] - 13.0).abs() < 0.01 && found.size_mm[0] == 20.0 && found.covered == 1.0);
        let outside = Area::Circle { centre: Vector2::new(400.0, 0.0), radius: 5.0 };
        assert_eq!(field().estimate(&outside, 1.0, 1.0, 3.0), None);
        let rim = Area::Circle { centre: Vector2::new(19.0, 0.0), radius: 2.0 };
        let rim = field().estimate(&rim, 1.0, 1.0, 3.0).expect("an estimate");
        assert!((0.4..0.9).contains(&rim.covered), "{rim:?}");
    }
}
