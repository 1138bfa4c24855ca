//! Texture pages with their smaller copies, made on the processor.
//!
//! In: a page of any size. Out: RGBA levels, each half as large as the one before; a page larger than the device takes
//! is halved first. Levels stop where texels of neighbouring charts would run into each other.

use crate::image::Rgb8;
use rayon::prelude::*;

/// Largest side of a page: the portable limit.
const LARGEST: usize = 8192;
/// Levels below the first; charts of an atlas keep a few texels of distance only.
const LEVELS: usize = 5;

/// A page and its smaller copies.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Width, height and RGBA bytes, largest first; at least one.
    pub levels: Vec<(u32, u32, Vec<u8>)>,
}

impl Page {
    pub fn new(image: &Rgb8) -> Self {
        if image.width == 0 || image.height == 0 {
            return Self::white();
        }
        let mut bytes = vec![255u8; image.data.len() * 4];
        bytes.par_chunks_exact_mut(4).zip(&image.data).for_each(|(to, from)| to[..3].copy_from_slice(from));
        let mut level = (image.width as u32, image.height as u32, bytes);
        while level.0.max(level.1) as usize > LARGEST {
            level = halved(&level);
        }
        let mut levels = vec![level];
        while levels.len() <= LEVELS && levels.last().is_some_and(|l| l.0.max(l.1) > 1) {
            levels.extend(levels.last().map(halved));
        }
        Self { levels }
    }

    /// A single white texel.
    pub fn white() -> Self {
        Self { levels: vec![(1, 1, vec![255; 4])] }
    }

    /// The colour at a texture coordinate, from the level `level` (or the smallest there is).
    pub fn at(&self, [u, v]: [f32; 2], level: usize) -> [u8; 3] {
        let (w, h, bytes) = &self.levels[level.min(self.levels.len() - 1)];
        let x = ((u * *w as f32) as usize).min(*w as usize - 1);
        let y = ((v * *h as f32) as usize).min(*h as usize - 1);
        let at = (y * *w as usize + x) * 4;
        [bytes[at], bytes[at + 1], bytes[at + 2]]
    }
}

fn halved((width, height, bytes): &(u32, u32, Vec<u8>)) -> (u32, u32, Vec<u8>) {
    let (w, h) = ((width / 2).max(1) as usize, (height / 2).max(1) as usize);
    let (old_w, old_h) = (*width as usize, *height as usize);
    let mut out = vec![0u8; w * h * 4];
    out.par_chunks_exact_mut(w * 4).enumerate().for_each(|(y, row)| {
        let rows = [2 * y, (2 * y + 1).min(old_h - 1)];
        for x in 0..w {
            let columns = [2 * x, (2 * x + 1).min(old_w - 1)];
            for c in 0..4 {
                let sum: u32 = rows
                    .iter()
                    .flat_map(|r| columns.iter().map(move |k| u32::from(bytes[(r * old_w + k) * 4 + c])))
                    .sum();
                row[x * 4 + c] = ((sum + 2) / 4) as u8;
            }
        }
    });
    (w as u32, h as u32, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_halve_and_keep_the_mean() {
        let data: Vec<[u8; 3]> = (0..64 * 32).map(|i| [(i % 64) as u8 * 4, (i / 64) as u8 * 8, 77]).collect();
        let page = Page::new(&Rgb8::from_data(64, 32, data).expect("size"));
        let sizes: Vec<(u32, u32)> = page.levels.iter().map(|l| (l.0, l.1)).collect();
        assert_eq!(sizes, [(64, 32), (32, 16), (16, 8), (8, 4), (4, 2), (2, 1)]);
        for (w, h, bytes) in &page.levels {
            let mean = |c: usize| bytes.chunks(4).map(|p| f64::from(p[c])).sum::<f64>() / f64::from(w * h);
            assert!((mean(0) - 126.0).abs() < 4.0 && (mean(2) - 77.0).abs() < 0.1 && mean(3) == 255.0);
        }
        assert_eq!(page.at([0.999, 0.0], 0), [252, 0, 77]);
        let odd = Page::new(&Rgb8::filled(5, 1, [9, 8, 7]));
        assert!(odd.levels.iter().all(|l| l.2.chunks(4).all(|p| p == [9, 8, 7, 255])));
        assert_eq!(Page::new(&Rgb8::filled(0, 0, [0; 3])).at([0.5, 0.5], 3), [255; 3]);
    }
}
