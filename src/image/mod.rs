//! Pixel buffers. Rows top to bottom, no padding. Pixel (i, j) covers [i, i+1) x [j, j+1), its centre at +0.5.

pub mod colour;
pub mod decode;
pub mod raster;

use nalgebra::Vector2;
use serde::{Deserialize, Serialize};

/// A grid of values of one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grid<T> {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width * height` values, row by row.
    pub data: Vec<T>,
}

/// A grey or single-valued image.
pub type Plane = Grid<f32>;
/// An 8-bit sRGB image.
pub type Rgb8 = Grid<[u8; 3]>;
/// A mask: true keeps a pixel.
pub type Mask = Grid<bool>;

impl<T: Copy> Grid<T> {
    /// A grid filled with one value.
    pub fn filled(width: usize, height: usize, value: T) -> Self {
        Self { width, height, data: vec![value; width * height] }
    }

    /// A grid from its rows; `None` where the count does not fit.
    pub fn from_data(width: usize, height: usize, data: Vec<T>) -> Option<Self> {
        (data.len() == width * height).then_some(Self { width, height, data })
    }

    /// The value of a pixel; it must lie inside.
    pub fn at(&self, x: usize, y: usize) -> T {
        self.data[y * self.width + x]
    }

    /// A pixel to write to; it must lie inside.
    pub fn at_mut(&mut self, x: usize, y: usize) -> &mut T {
        &mut self.data[y * self.width + x]
    }

    /// The value of the nearest pixel inside.
    pub fn clamped(&self, x: isize, y: isize) -> T {
        let x = x.clamp(0, self.width as isize - 1) as usize;
        let y = y.clamp(0, self.height as isize - 1) as usize;
        self.at(x, y)
    }

    /// One row.
    pub fn row(&self, y: usize) -> &[T] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    /// Whether a pixel coordinate lies in the image, `margin` pixels from its border.
    pub fn contains(&self, p: &Vector2<f64>, margin: f64) -> bool {
        p.x >= margin && p.y >= margin && p.x < self.width as f64 - margin && p.y < self.height as f64 - margin
    }
}

impl Plane {
    /// Bilinear sample at a pixel coordinate (centres at 0.5), clamped to the border.
    pub fn bilinear(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x - 0.5, y - 0.5);
        let (x0, y0) = (x.floor(), y.floor());
        let (a, b) = (x - x0, y - y0);
        let (i, j) = (x0 as isize, y0 as isize);
        let top = self.clamped(i, j) * (1.0 - a) + self.clamped(i + 1, j) * a;
        let bottom = self.clamped(i, j + 1) * (1.0 - a) + self.clamped(i + 1, j + 1) * a;
        top * (1.0 - b) + bottom * b
    }
}

impl Rgb8 {
    /// Luma (BT.601 weights on sRGB values) in 0..=1.
    pub fn to_grey(&self) -> Plane {
        let data = self
            .data
            .iter()
            .map(|c| (0.299 * f32::from(c[0]) + 0.587 * f32::from(c[1]) + 0.114 * f32::from(c[2])) / 255.0)
            .collect();
        Plane { width: self.width, height: self.height, data }
    }

    /// Bilinear sample at a pixel coordinate (centres at 0.5), clamped to the border, per channel 0..=255.
    pub fn bilinear(&self, x: f32, y: f32) -> [f32; 3] {
        let (x, y) = (x - 0.5, y - 0.5);
        let (x0, y0) = (x.floor(), y.floor());
        let (a, b) = (x - x0, y - y0);
        let (i, j) = (x0 as isize, y0 as isize);
        let (p, q) = (self.clamped(i, j), self.clamped(i + 1, j));
        let (r, s) = (self.clamped(i, j + 1), self.clamped(i + 1, j + 1));
        std::array::from_fn(|c| {
            let top = f32::from(p[c]) * (1.0 - a) + f32::from(q[c]) * a;
            let bottom = f32::from(r[c]) * (1.0 - a) + f32::from(s[c]) * a;
            top * (1.0 - b) + bottom * b
        })
    }

    /// Area-averaging reduction to the given size (at most the present one).
    pub fn reduced(&self, width: usize, height: usize) -> Self {
        if width == self.width && height == self.height {
            return self.clone();
        }
        let (sx, sy) = (self.width as f64 / width as f64, self.height as f64 / height as f64);
        let spans = |n: usize, s: f64, limit: usize| -> Vec<Vec<(usize, f32)>> {
            (0..n)
                .map(|i| {
                    let (from, to) = (i as f64 * s, ((i + 1) as f64 * s).min(limit as f64));
                    (from.floor() as usize..(to.ceil() as usize).min(limit))
                        .map(|k| (k, ((to.min(k as f64 + 1.0) - from.max(k as f64)) / (to - from)) as f32))
                        .collect()
                })
                .collect()
        };
        let (columns, rows) = (spans(width, sx, self.width), spans(height, sy, self.height));
        let mut data = Vec::with_capacity(width * height);
        for row in &rows {
            for column in &columns {
                let mut sum = [0f32; 3];
                for &(y, wy) in row {
                    for &(x, wx) in column {
                        let c = self.at(x, y);
                        for (s, v) in sum.iter_mut().zip(c) {
                            *s += wx * wy * f32::from(v);
                        }
                    }
                }
                data.push(sum.map(|v| v.round().clamp(0.0, 255.0) as u8));
            }
        }
        Self { width, height, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bilinear_hits_pixel_centres() {
        let p = Plane::from_data(2, 2, vec![0.0, 1.0, 2.0, 3.0]).expect("size");
        assert_eq!(p.bilinear(0.5, 0.5), 0.0);
        assert_eq!(p.bilinear(1.5, 1.5), 3.0);
        assert_eq!(p.bilinear(1.0, 1.0), 1.5);
        assert_eq!(p.bilinear(-5.0, 0.5), 0.0);
    }

    #[test]
    fn reduction_keeps_the_mean() {
        let data: Vec<[u8; 3]> = (0..60).map(|i| [i as u8 * 4, 100, 255 - i as u8]).collect();
        let image = Rgb8::from_data(10, 6, data).expect("size");
        let small = image.reduced(5, 3);
        let mean = |g: &Rgb8, c: usize| g.data.iter().map(|p| f64::from(p[c])).sum::<f64>() / g.data.len() as f64;
        for c in 0..3 {
            assert!((mean(&image, c) - mean(&small, c)).abs() < 0.6);
        }
    }
}
