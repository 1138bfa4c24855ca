//! Zero-mean normalised cross-correlation of a reference patch with its image in a source under a homography.
//!
//! In: the patch, the packed source image, the source's homogeneous position of the patch centre and its change for each
//! reference pixel to the right and below. Out: 1 - ZNCC in 0..=2. Cost: 32 bilinear samples, each one load.
//! Twin on the GPU: `patch_cost` in `shaders/dense/patch_match.wgsl`.

use super::WORST;
use super::patch::{OFFSETS_F32, Patch, SAMPLES};
use super::zncc_x86;

/// Weighted variance (squared grey levels) below which a patch has no texture to compare.
pub const LEAST_VARIANCE: f32 = 0.2;

/// A source image as the sampler reads it.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Packed pixels.
    pub pixels: &'a [u32],
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Where a patch falls in a source: `base + i dx + j dy`, homogeneous.
#[derive(Clone, Copy, Debug)]
pub struct Warp {
    /// Of the centre.
    pub base: [f32; 3],
    /// For each reference pixel to the right.
    pub dx: [f32; 3],
    /// For each reference pixel downwards.
    pub dy: [f32; 3],
}

/// The instructions to use, found once at run time.
#[derive(Clone, Copy, Debug)]
pub enum Simd {
    /// Plain code.
    Portable,
    /// AVX-512 or AVX2 with FMA.
    X86(zncc_x86::Token),
}

impl Simd {
    /// The best that this processor has.
    pub fn detect() -> Self {
        zncc_x86::Token::detect().map_or(Self::Portable, Self::X86)
    }

    /// 1 - ZNCC of a patch.
    pub fn cost(self, patch: &Patch, image: Image<'_>, warp: &Warp) -> f32 {
        if patch.variance < LEAST_VARIANCE {
            return WORST;
        }
        let [mean, square, cross] = match self {
            Self::Portable => portable(patch, image, warp),
            Self::X86(token) => token.sums(patch, image, warp),
        };
        let variance = square - mean * mean;
        if !(variance >= LEAST_VARIANCE) {
            return WORST;
        }
        (1.0 - cross / (patch.variance * variance).sqrt()).clamp(0.0, WORST)
    }
}

/// Weighted sums of the samples `t`: of t, of t squared, of the reference's signed weights times t.
fn portable(patch: &Patch, image: Image<'_>, warp: &Warp) -> [f32; 3] {
    let (right, bottom) = ((image.width - 1) as f32, (image.height - 1) as f32);
    let mut sums = [0f32; 3];
    for k in 0..SAMPLES {
        let (i, j) = (OFFSETS_F32[0].0[k], OFFSETS_F32[1].0[k]);
        let at = |r: usize| warp.base[r] + warp.dx[r] * i + warp.dy[r] * j;
        let scale = 1.0 / at(2);
        let u = (at(0) * scale).max(0.0).min(right);
        let v = (at(1) * scale).max(0.0).min(bottom);
        let (x, y) = (u as u32, v as u32);
        let (a, b) = (u - x as f32, v - y as f32);
        let taps = image.pixels[(y * image.width + x) as usize].to_le_bytes().map(f32::from);
        let top = taps[0] + (taps[1] - taps[0]) * a;
        let low = taps[2] + (taps[3] - taps[2]) * a;
        let t = top + (low - top) * b;
        let wt = patch.weight.0[k] * t;
        sums[0] += wt;
        sums[1] += wt * t;
        sums[2] += patch.signed.0[k] * t;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::{pack, patch::WeightTable};
    use super::*;
    use crate::base::Rng;

    #[test]
    fn vector_code_equals_plain_code_and_a_wrong_warp_does_not() {
        let mut rng = Rng::new(4, 4);
        let (w, h) = (61usize, 47usize);
        let grey: Vec<u8> =
            (0..w * h).map(|i| (128.0 + 60.0 * ((i % w) as f64 * 0.4).sin() + 20.0 * rng.normal()) as u8).collect();
        let packed = pack(&grey, w, h);
        let image = Image { pixels: &packed, width: w as u32, height: h as u32 };
        let table = WeightTable::new();
        let mut differ = 0;
        for (x, y) in [(0, 0), (30, 20), (60, 46), (7, 44)] {
            let patch = Patch::new(&packed, w, h, x, y, &table);
            assert!((patch.weight.0.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(patch.signed.0.iter().sum::<f32>().abs() < 1e-3);
            let identity = Warp { base: [x as f32, y as f32, 1.0], dx: [1.0, 0.0, 0.0], dy: [0.0, 1.0, 0.0] };
            assert!(Simd::detect().cost(&patch, image, &identity) < 1e-4);
            let other =
                Warp { base: [x as f32 + 0.7, y as f32 - 0.4, 1.0], dx: [1.1, 0.1, 0.001], dy: [-0.1, 0.9, 0.0] };
            let (a, b) = (Simd::detect().cost(&patch, image, &other), Simd::Portable.cost(&patch, image, &other));
            assert!((a - b).abs() < 1e-4, "{a} {b}");
            if let Simd::X86(token) = Simd::detect() {
                assert!((Simd::X86(token.narrow()).cost(&patch, image, &other) - b).abs() < 1e-4);
            }
            differ += usize::from(b > 0.05);
            let nan = Warp { base: [f32::NAN; 3], ..other };
            assert!(Simd::detect().cost(&patch, image, &nan) <= WORST);
        }
        assert!(differ >= 3);
    }
}
