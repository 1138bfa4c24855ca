//! Zero-mean normalised cross-correlation of a reference patch with its image in a source under a homography.
//!
//! In: the patch, the packed source image, the source's homogeneous position of the patch centre and its change for each
//! reference pixel to the right and below. Out: 1 - ZNCC in 0..=2. Cost: 32 bilinear samples, each one load.
//! Twin on the GPU: `patch_cost` in `shaders/dense/patch_cost.wgsl`.

use super::patch::{OFFSETS_F32, Patch, SAMPLES};
use super::{MAX_SOURCES, Plane, Source, WORST, zncc_x86};

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

/// One value for each source.
pub type PerView = [f32; MAX_SOURCES];

/// The sources' geometry, source by source in each row, so that all are worked on at once.
#[derive(Clone, Copy, Debug)]
pub struct Views<'a> {
    /// Number of sources.
    pub count: usize,
    /// Homogeneous position of the pixel at inverse depth 0.
    pub far: [PerView; 3],
    /// Its change for each pixel to the right.
    pub dx: [PerView; 3],
    /// Its change for each pixel downwards.
    pub dy: [PerView; 3],
    /// Its change by the inverse depth.
    pub dq: [PerView; 3],
    /// Largest index of a column.
    pub right: PerView,
    /// Largest index of a row.
    pub bottom: PerView,
    /// The images.
    pub images: [Image<'a>; MAX_SOURCES],
}

/// What a plane gives in all sources.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// 1 - ZNCC, or [`WORST`].
    pub cost: PerView,
    /// Where the pixel falls, as a pixel index; negative where it falls outside.
    pub u: PerView,
    /// See `u`.
    pub v: PerView,
}

impl<'a> Views<'a> {
    /// From the sources and their images.
    pub fn new(sources: &[Source], images: &'a [u32]) -> Self {
        let mut out = Self {
            count: sources.len(),
            far: [[0.0; MAX_SOURCES]; 3],
            dx: [[0.0; MAX_SOURCES]; 3],
            dy: [[0.0; MAX_SOURCES]; 3],
            dq: [[0.0; MAX_SOURCES]; 3],
            right: [0.0; MAX_SOURCES],
            bottom: [0.0; MAX_SOURCES],
            images: [Image { pixels: &[], width: 0, height: 0 }; MAX_SOURCES],
        };
        for (s, source) in sources.iter().enumerate() {
            for (r, row) in source.forward.iter().enumerate() {
                (out.dx[r][s], out.dy[r][s], out.far[r][s], out.dq[r][s]) = (row[0], row[1], row[2], row[3]);
            }
            out.right[s] = (source.width - 1) as f32;
            out.bottom[s] = (source.height - 1) as f32;
            let (from, count) = (source.image_offset as usize, source.width as usize * source.height as usize);
            out.images[s] = Image { pixels: &images[from..from + count], width: source.width, height: source.height };
        }
        out
    }

    /// The same as seen from a pixel: `far` is its position at infinity.
    pub fn at(&self, x: f32, y: f32) -> [PerView; 3] {
        std::array::from_fn(|r| std::array::from_fn(|s| self.dx[r][s] * x + self.dy[r][s] * y + self.far[r][s]))
    }

    /// Costs of a plane in the sources of the bit set `which`; `far` from [`Views::at`].
    #[inline(always)]
    pub(super) fn costs(
        &self,
        far: &[PerView; 3],
        patch: &Patch,
        plane: Plane,
        which: u32,
        sums: impl Fn(&Patch, Image<'_>, &Warp) -> [f32; 3],
    ) -> Costs {
        let mut out = Costs { cost: [WORST; MAX_SOURCES], u: [-1.0; MAX_SOURCES], v: [-1.0; MAX_SOURCES] };
        let mut base = [[0f32; MAX_SOURCES]; 3];
        let mut dx = base;
        let mut dy = base;
        for r in 0..3 {
            for s in 0..MAX_SOURCES {
                base[r][s] = far[r][s] + self.dq[r][s] * plane.q;
                dx[r][s] = self.dx[r][s] + self.dq[r][s] * plane.gx;
                dy[r][s] = self.dy[r][s] + self.dq[r][s] * plane.gy;
            }
        }
        let mut inside = [false; MAX_SOURCES];
        for s in 0..MAX_SOURCES {
            let (u, v) = (base[0][s] / base[2][s], base[1][s] / base[2][s]);
            inside[s] = base[2][s] > 0.0 && u >= 0.0 && v >= 0.0 && u <= self.right[s] && v <= self.bottom[s];
            out.u[s] = if inside[s] { u } else { -1.0 };
            out.v[s] = v;
        }
        if patch.variance < LEAST_VARIANCE {
            return out;
        }
        let (mut mean, mut square, mut cross) = ([0f32; MAX_SOURCES], [0f32; MAX_SOURCES], [0f32; MAX_SOURCES]);
        for s in 0..self.count {
            if which >> s & 1 == 1 && inside[s] {
                let warp = Warp {
                    base: [base[0][s], base[1][s], base[2][s]],
                    dx: [dx[0][s], dx[1][s], dx[2][s]],
                    dy: [dy[0][s], dy[1][s], dy[2][s]],
                };
                [mean[s], square[s], cross[s]] = sums(patch, self.images[s], &warp);
            }
        }
        for s in 0..MAX_SOURCES {
            let variance = square[s] - mean[s] * mean[s];
            let cost = 1.0 - cross[s] / (patch.variance * variance.max(LEAST_VARIANCE)).sqrt();
            out.cost[s] = if variance >= LEAST_VARIANCE { cost.clamp(0.0, WORST) } else { WORST };
        }
        out
    }
}

/// The instructions to use, found once at run time.
#[derive(Clone, Copy, Debug)]
pub enum Simd {
    /// Plain code.
    Portable,
    /// AVX-512, or AVX2 and FMA.
    X86(zncc_x86::Token),
}

impl Simd {
    /// The best that this processor has.
    pub fn detect() -> Self {
        zncc_x86::Token::detect().map_or(Self::Portable, Self::X86)
    }

    /// Costs of a plane in the sources of the bit set `which` at the pixel of `far`.
    pub fn costs(self, views: &Views<'_>, far: &[PerView; 3], patch: &Patch, plane: Plane, which: u32) -> Costs {
        match self {
            Self::Portable => views.costs(far, patch, plane, which, portable),
            Self::X86(token) => token.costs(views, far, patch, plane, which),
        }
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
        // Two sources: the image itself, and a slanted, scaled look at it.
        let source = |forward: [[f32; 4]; 3]| Source {
            forward,
            backward: forward,
            width: w as u32,
            height: h as u32,
            image_offset: 0,
            map_offset: 0,
        };
        let same = source([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
        let other = source([[1.01, 0.02, 0.0, 0.7], [-0.01, 0.98, 0.0, -0.4], [0.0001, 0.0, 1.0, 0.0]]);
        let views = Views::new(&[same, other], image.pixels);
        let mut differ = 0;
        for (x, y) in [(1, 1), (30, 20), (50, 40), (7, 44)] {
            let patch = Patch::new(&packed, w, h, x, y, &table);
            assert!((patch.weight.0.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(patch.signed.0.iter().sum::<f32>().abs() < 1e-3);
            let far = views.at(x as f32, y as f32);
            let plane = Plane { q: 1.0, gx: 0.05, gy: -0.02 };
            let expected = Simd::Portable.costs(&views, &far, &patch, plane, 3).cost;
            assert!(expected[0] < 1e-4, "{expected:?}");
            differ += usize::from(expected[1] > 0.05);
            let mut ways = vec![Simd::detect()];
            if let Simd::X86(token) = Simd::detect() {
                ways.push(Simd::X86(token.narrow()));
            }
            for way in ways {
                let got = way.costs(&views, &far, &patch, plane, 3).cost;
                for s in 0..2 {
                    assert!((got[s] - expected[s]).abs() < 1e-4, "{got:?} {expected:?}");
                }
                assert_eq!(way.costs(&views, &far, &patch, plane, 2).cost[1], got[1]);
                let nan = Plane { q: f32::NAN, ..plane };
                assert!(way.costs(&views, &far, &patch, nan, 3).cost.iter().all(|&c| c <= WORST));
                let nan = Plane { gx: f32::NAN, ..plane };
                assert!(way.costs(&views, &far, &patch, nan, 3).cost[1].is_finite());
            }
        }
        assert!(differ >= 3);
    }
}
