//! The tiled search for the two most similar descriptors in both directions.
//!
//! In: descriptors of two photos, 128 bytes each. b is repacked into panels of [`WIDTH`] descriptors, interleaved so that
//! one vector register holds the same few bytes of all of them; a block of [`HEIGHT`] descriptors of a is multiplied
//! with a panel at a time, and best, second best and index are kept for every row and every column lane by lane. Which
//! instructions multiply a block is the only difference between the engines.
//! Source: the register tiling of K. Goto and R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication",
//! ACM TOMS 2008.

use super::{LENGTH, NearestTwo, ROWS_PER_TASK, merged, simd};
use rayon::prelude::*;

/// Descriptors of b in one panel.
pub(super) const WIDTH: usize = 16;
/// Descriptors of a multiplied with a panel at once.
pub(super) const HEIGHT: usize = 8;
/// Dot products of a block.
pub(super) type Block = [[i32; WIDTH]; HEIGHT];

/// How dot products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// Plain loops, for any processor.
    Portable,
    /// 16-bit multiply-add of pairs.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 8-bit dot products of four (VNNI).
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
}

impl Engine {
    /// The engines that this processor can run, slowest first.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "grows on some processors only")]
        let mut engines = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if simd::has_avx2() {
                engines.push(Self::Avx2);
            }
            if simd::has_avx512_vnni() {
                engines.push(Self::Avx512Vnni);
            }
        }
        engines
    }

    /// The fastest one for this processor.
    pub fn detect() -> Self {
        Self::available().last().copied().unwrap_or(Self::Portable)
    }

    /// The two most similar descriptors, for each of a among b and for each of b among a.
    pub fn nearest_two(self, a: &[u8], b: &[u8]) -> (Vec<NearestTwo>, Vec<NearestTwo>) {
        let (rows, columns) = (a.len() / LENGTH, b.len() / LENGTH);
        let panels = Panels::pack(self, b);
        let tasks: Vec<(Vec<NearestTwo>, Vec<NearestTwo>)> = (0..rows.div_ceil(ROWS_PER_TASK))
            .into_par_iter()
            .map(|task| {
                let from = task * ROWS_PER_TASK;
                let to = (from + ROWS_PER_TASK).min(rows);
                simd::search(&panels, &a[from * LENGTH..to * LENGTH], from)
            })
            .collect();
        let (row_parts, column_parts): (Vec<_>, Vec<_>) = tasks.into_iter().unzip();
        (row_parts.concat(), merged(&column_parts, columns))
    }
}

/// The descriptors of b, repacked.
pub(super) struct Panels {
    pub engine: Engine,
    pub count: usize,
    /// For VNNI, `[panel][k / 4][column][k % 4]`, as bytes.
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "VNNI is of x86-64"))]
    pub bytes: Vec<u8>,
    /// For AVX2, `[panel][k / 2][column][k % 2]`; portable, `[panel][k][column]`.
    pub words: Vec<i16>,
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "VNNI is of x86-64"))]
    /// 128 times the sum of each descriptor, which VNNI needs to undo its signed operand.
    pub offsets: Vec<i32>,
}

impl Panels {
    fn pack(engine: Engine, b: &[u8]) -> Self {
        let count = b.len() / LENGTH;
        let padded = count.div_ceil(WIDTH) * WIDTH;
        let group = match engine {
            Engine::Portable => 1,
            #[cfg(target_arch = "x86_64")]
            Engine::Avx2 => 2,
            #[cfg(target_arch = "x86_64")]
            Engine::Avx512Vnni => 4,
        };
        let mut bytes = vec![0u8; padded * LENGTH];
        let mut offsets = vec![0i32; padded];
        for (j, descriptor) in b.chunks_exact(LENGTH).enumerate() {
            let panel = &mut bytes[j / WIDTH * WIDTH * LENGTH..][..WIDTH * LENGTH];
            for (k, part) in descriptor.chunks_exact(group).enumerate() {
                panel[(k * WIDTH + j % WIDTH) * group..][..group].copy_from_slice(part);
            }
            offsets[j] = 128 * descriptor.iter().map(|v| i32::from(*v)).sum::<i32>();
        }
        if group == 4 {
            return Self { engine, count, bytes, words: Vec::new(), offsets };
        }
        let words = bytes.iter().map(|v| i16::from(*v)).collect();
        Self { engine, count, bytes: Vec::new(), words, offsets: vec![0; padded] }
    }
}

/// Best, second best and index in every lane.
#[derive(Clone, Copy)]
struct Lanes {
    best: [i32; WIDTH],
    second: [i32; WIDTH],
    index: [i32; WIDTH],
}

impl Lanes {
    const NONE: Self = Self { best: [-1; WIDTH], second: [-1; WIDTH], index: [-1; WIDTH] };

    /// Takes in one value for each lane; indices must come in ascending order.
    #[inline(always)]
    fn offer(&mut self, dots: &[i32; WIDTH], index: &[i32; WIDTH]) {
        // Masks instead of branches, so that the loop becomes a few vector instructions.
        for l in 0..WIDTH {
            let (dot, best) = (dots[l], self.best[l]);
            let wins = -i32::from(dot > best);
            self.second[l] = self.second[l].max(dot.min(best));
            self.best[l] = dot.max(best);
            self.index[l] = (index[l] & wins) | (self.index[l] & !wins);
        }
    }

    fn lane(&self, l: usize) -> NearestTwo {
        NearestTwo { best: self.best[l], second: self.second[l], index: self.index[l] as u32 }
    }
}

/// Rows that stay in the first-level cache while all panels pass by.
const TILE: usize = 64;

/// Searches all panels for some rows of a (the first of which has the index `first`), with `multiply(block row, panel,
/// out)` computing the dot products of [`HEIGHT`] rows with a panel. `multiply` gets the number of the first row within
/// the tile.
#[inline(always)]
pub(super) fn search_body<P>(
    panels: &Panels,
    rows: &[u8],
    first: usize,
    mut prepare: impl FnMut(&[u8]) -> P,
    mut multiply: impl FnMut(&P, usize, usize, &mut Block),
) -> (Vec<NearestTwo>, Vec<NearestTwo>) {
    let count = rows.len() / LENGTH;
    let panel_count = panels.count.div_ceil(WIDTH);
    let mut columns = vec![Lanes::NONE; panel_count];
    let mut out = Vec::with_capacity(count);
    let mut block: Block = [[0; WIDTH]; HEIGHT];
    for tile in (0..count).step_by(TILE) {
        let height = TILE.min(count - tile);
        let mut padded = [0u8; TILE * LENGTH];
        padded[..height * LENGTH].copy_from_slice(&rows[tile * LENGTH..(tile + height) * LENGTH]);
        let prepared = prepare(&padded);
        let mut states = [Lanes::NONE; TILE];
        for (panel, column) in columns.iter_mut().enumerate() {
            let indices: [i32; WIDTH] = std::array::from_fn(|l| (panel * WIDTH + l) as i32);
            // Columns beyond the last are zero vectors; their dot products must not count.
            let missing = (panel + 1) * WIDTH > panels.count;
            for from in (0..height).step_by(HEIGHT) {
                multiply(&prepared, from, panel, &mut block);
                if missing {
                    for row in &mut block {
                        (panels.count - panel * WIDTH..WIDTH).for_each(|l| row[l] = -1);
                    }
                }
                for (r, dots) in block.iter().enumerate().take(height - from) {
                    states[from + r].offer(dots, &indices);
                    column.offer(dots, &[(first + tile + from + r) as i32; WIDTH]);
                }
            }
        }
        for state in &states[..height] {
            let mut all = NearestTwo::NONE;
            (0..WIDTH).for_each(|l| all.merge(state.lane(l)));
            out.push(all);
        }
    }
    let columns = (0..panels.count).map(|j| columns[j / WIDTH].lane(j % WIDTH)).collect();
    (out, columns)
}

/// Dot products of a block with plain loops.
#[inline(always)]
pub(super) fn multiply_portable(panels: &Panels, rows: &[i16], from: usize, panel: usize, out: &mut Block) {
    let panel = &panels.words[panel * WIDTH * LENGTH..][..WIDTH * LENGTH];
    for (r, sums) in out.iter_mut().enumerate() {
        let row = &rows[(from + r) * LENGTH..][..LENGTH];
        let mut sum = [0i32; WIDTH];
        for (a, b) in row.iter().zip(panel.chunks_exact(WIDTH)) {
            for l in 0..WIDTH {
                sum[l] += i32::from(*a) * i32::from(b[l]);
            }
        }
        *sums = sum;
    }
}
