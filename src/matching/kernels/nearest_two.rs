//! The two most similar descriptors of b for each of a, on the device; the CPU twin is [`descriptors::nearest_two`].
//!
//! In: descriptors of two photos, 128 bytes each. Out: [`NearestTwo`] in both directions, the very integers of the twin.
//! Twin: `shaders/matching/nearest_two.wgsl`. Cost: `2 * 128 |a| |b|` multiply-adds, because each direction is a pass of
//! its own: results by column would need atomics on pairs. Dispatches are cut to about 40 ms.
//! Failure modes: [`GpuError`]; [`GpuMatcher::match_features`] answers a recoverable one with the twin.

use crate::gpu::{Dispatch, Gpu, GpuError, Kernel, KernelSource};
use crate::matching::descriptors::{self, LENGTH, MatchOptions, NearestTwo};
use crate::scene::Features;
use bytemuck::{Pod, Zeroable};
use std::time::Instant;

/// Uniform parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    /// Descriptors of a.
    rows: u32,
    /// First descriptor of b that this dispatch looks at.
    begin: u32,
    /// The one behind the last.
    end: u32,
}

const SOURCE: KernelSource<'static> = KernelSource {
    label: "nearest_two",
    wgsl: include_str!("../../../shaders/matching/nearest_two.wgsl"),
    entry: "nearest_two",
    constants: &[],
    workgroup: [64, 1, 1],
};

/// A dispatch should take about this long.
const TARGET_MS: f64 = 40.0;
/// Pairs of descriptors in the first dispatch.
const FIRST_PAIRS: usize = 1 << 20;

/// A matcher with its kernel compiled, for many pairs of photos.
#[derive(Debug)]
pub struct GpuMatcher<'a> {
    gpu: &'a Gpu,
    kernel: Kernel,
}

impl<'a> GpuMatcher<'a> {
    /// Compiles the kernel.
    pub fn new(gpu: &'a Gpu) -> Result<Self, GpuError> {
        Ok(Self { gpu, kernel: gpu.kernel(&SOURCE)? })
    }

    /// For every descriptor of a the two most similar ones of b, and the other way round.
    pub fn nearest_two(&self, a: &[u8], b: &[u8]) -> Result<(Vec<NearestTwo>, Vec<NearestTwo>), GpuError> {
        let (rows, columns) = (a.len() / LENGTH, b.len() / LENGTH);
        if rows == 0 || columns == 0 {
            return Ok((vec![NearestTwo::NONE; rows], vec![NearestTwo::NONE; columns]));
        }
        let on_device = [self.gpu.upload("descriptors", a)?, self.gpu.upload("descriptors", b)?];
        let params = self.gpu.uniform("nearest_two", &Params::zeroed())?;
        let mut pairs = FIRST_PAIRS;
        let mut one_way = |from: usize, to: usize, rows: usize, columns: usize| {
            let nearest = self.gpu.upload("nearest", &vec![NearestTwo::NONE; rows])?;
            let bindings = [(0, &params), (1, &on_device[from]), (2, &on_device[to]), (3, &nearest)];
            // All rows at once, for as many columns as fit the time; at least one tile of them.
            let mut done = 0;
            while done < columns {
                let count = (pairs / rows).next_multiple_of(64).max(64).min(columns - done);
                let now = Params { rows: rows as u32, begin: done as u32, end: (done + count) as u32 };
                self.gpu.write(&params, &[now])?;
                let started = Instant::now();
                self.gpu.run(&[Dispatch { kernel: &self.kernel, bindings: &bindings, size: [rows as u32, 1, 1] }])?;
                let ms = started.elapsed().as_secs_f64() * 1e3;
                let factor = (TARGET_MS / ms.max(0.1)).clamp(0.25, 4.0);
                pairs = ((rows * count) as f64 * factor).max(64.0) as usize;
                done += count;
            }
            self.gpu.read::<NearestTwo>(&nearest, rows)
        };
        Ok((one_way(0, 1, rows, columns)?, one_way(1, 0, columns, rows)?))
    }

    /// Matches two photos as [`descriptors::match_features`] does, which takes over where the device fails but the
    /// request was sound.
    pub fn match_features(
        &self,
        a: &Features,
        b: &Features,
        options: &MatchOptions,
    ) -> Result<Vec<(u32, u32)>, GpuError> {
        match self.nearest_two(&a.descriptors, &b.descriptors) {
            Ok((rows, columns)) => Ok(descriptors::select(&rows, &columns, options)),
            Err(error) if error.is_recoverable() => Ok(descriptors::match_features(a, b, options)),
            Err(error) => Err(error),
        }
    }
}

/// Matches two photos on the device. For many pairs, [`GpuMatcher`] compiles the kernel only once.
pub fn match_on_gpu(
    gpu: &Gpu,
    a: &Features,
    b: &Features,
    options: &MatchOptions,
) -> Result<Vec<(u32, u32)>, GpuError> {
    GpuMatcher::new(gpu)?.match_features(a, b, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::gpu::testing;

    /// Random descriptors, a fifth of them copies of others, so that equal similarities occur.
    fn random(count: usize, seed: u64) -> Vec<u8> {
        let mut rng = Rng::new(seed, 0);
        let mut out: Vec<u8> = Vec::new();
        for i in 0..count {
            if i > 3 && rng.below(5) == 0 {
                let from = rng.below(i) * LENGTH;
                out.extend_from_within(from..from + LENGTH);
            } else {
                let top = [40, 90, 256][rng.below(3)];
                out.extend((0..LENGTH).map(|_| rng.below(top) as u8));
            }
        }
        out
    }

    #[test]
    fn layout() {
        crate::assert_layout!(&SOURCE, Params { rows, begin, end });
        crate::assert_layout!(&SOURCE, NearestTwo { best, second, index });
    }

    #[test]
    fn twins_give_the_same_integers() {
        let Some(device) = testing::gpu() else { return };
        let matcher = GpuMatcher::new(device).expect("compiles");
        for (m, n) in [(0, 0), (0, 3), (3, 0), (1, 1), (1, 65), (63, 64), (64, 63), (65, 1), (200, 257), (1500, 900)] {
            let (a, b) = (random(m, 1), random(n, 2));
            let on_gpu = matcher.nearest_two(&a, &b).expect("runs");
            assert_eq!(on_gpu, descriptors::nearest_two(&a, &b), "{m} x {n}");
            if m == 200 {
                // Negative control: one bit of one descriptor changes that row, and the comparison sees it.
                let mut changed = a.clone();
                changed[77 * LENGTH + 5] ^= 1;
                assert_ne!(on_gpu.0, descriptors::nearest_two(&changed, &b).0);
            }
        }
        let extreme = [vec![255u8; LENGTH], vec![0u8; LENGTH]].concat();
        assert_eq!(
            matcher.nearest_two(&extreme, &extreme).expect("runs"),
            descriptors::nearest_two(&extreme, &extreme)
        );
    }

    #[test]
    fn matches_are_those_of_the_twin() {
        let Some(device) = testing::gpu() else { return };
        // Descriptors of about the right norm; b has those of a in another order, slightly changed.
        let mut rng = Rng::new(6, 0);
        let a: Vec<u8> = (0..150 * LENGTH).map(|_| rng.below(80) as u8).collect();
        let changed = a.chunks_exact(LENGTH).rev().skip(20).flatten().map(|v| v ^ u8::from(rng.below(4) == 0));
        let b: Vec<u8> = changed.collect();
        let features = |descriptors: Vec<u8>| Features { keypoints: Vec::new(), descriptors };
        let (a, b) = (features(a), features(b));
        let options = MatchOptions::default();
        let matcher = GpuMatcher::new(device).expect("compiles");
        let got = matcher.match_features(&a, &b, &options).expect("runs");
        assert_eq!(match_on_gpu(device, &a, &b, &options).expect("runs"), got);
        assert!(got.len() > 120 && got.iter().all(|(i, j)| i + j == 129), "{got:?}");
        assert_eq!(got, descriptors::match_features(&a, &b, &options));
    }
}
