//! The grey image that detection works on: luma of the photo in 0..=1, reduced by area averaging.
//!
//! In: sRGB photo of any size. Out: a [`Plane`] of at most `max_size` pixels on its longer side; corner coordinates
//! scale by `photo width / plane width` and `photo height / plane height` exactly. Averages in floating point, so that
//! reduction does not add the steps of 8-bit values. Cost: one pass over the photo.

use crate::image::{Plane, Rgb8};
use rayon::prelude::*;

/// Grey image at working size.
pub(super) fn grey(image: &Rgb8, max_size: usize) -> Plane {
    let longer = image.width.max(image.height);
    if longer <= max_size.max(1) || longer == 0 {
        let mut plane = Plane::filled(image.width, image.height, 0.0);
        if image.width > 0 {
            let rows = plane.data.par_chunks_mut(image.width).enumerate();
            rows.with_min_len(16).for_each(|(y, out)| luma(image.row(y), out));
        }
        return plane;
    }
    let shrink = max_size.max(1) as f64 / longer as f64;
    let side = |n: usize| ((n as f64 * shrink).round() as usize).max(1);
    let (width, height) = (side(image.width), side(image.height));
    let (columns, rows) = (Spans::new(image.width, width), Spans::new(image.height, height));
    let mut plane = Plane::filled(width, height, 0.0);
    plane.data.par_chunks_mut(width).enumerate().with_min_len(4).for_each_init(
        || (vec![0f32; image.width], vec![0f32; image.width]),
        |(line, sum), (y, out)| {
            sum.fill(0.0);
            for (k, w) in rows.of(y) {
                luma(image.row(k), line);
                sum.iter_mut().zip(line.iter()).for_each(|(s, v)| *s += w * v);
            }
            for (x, o) in out.iter_mut().enumerate() {
                *o = columns.of(x).map(|(k, w)| w * sum[k]).sum();
            }
        },
    );
    plane
}

/// BT.601 luma of one row.
fn luma(row: &[[u8; 3]], out: &mut [f32]) {
    for (o, c) in out.iter_mut().zip(row) {
        *o = (0.299 * f32::from(c[0]) + 0.587 * f32::from(c[1]) + 0.114 * f32::from(c[2])) * (1.0 / 255.0);
    }
}

/// Which input pixels each output pixel covers, and how much of it.
struct Spans {
    step: f64,
    limit: usize,
}

impl Spans {
    fn new(from: usize, to: usize) -> Self {
        Self { step: from as f64 / to as f64, limit: from }
    }

    /// (input index, weight) of output pixel `i`; weights add up to 1.
    fn of(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let (from, to) = (i as f64 * self.step, ((i + 1) as f64 * self.step).min(self.limit as f64));
        let (first, last) = (from.floor() as usize, (to.ceil() as usize).min(self.limit));
        (first..last).map(move |k| (k, ((to.min(k as f64 + 1.0) - from.max(k as f64)) / (to - from)) as f32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reduction_keeps_corner_coordinates() {
        // A ramp in x: the reduced value must be the ramp at the output pixel's centre.
        let (w, h) = (230, 100);
        let data = (0..w * h).map(|i| [(i % w) as u8; 3]).collect();
        let image = Rgb8::from_data(w, h, data).expect("size");
        let small = grey(&image, 100);
        assert_eq!((small.width, small.height), (100, 43));
        for x in 0..100 {
            let want = ((x as f32 + 0.5) * 2.3 - 0.5) / 255.0;
            assert!((small.at(x, 20) - want).abs() < 1e-3, "{x}: {} {want}", small.at(x, 20));
        }
    }
}
