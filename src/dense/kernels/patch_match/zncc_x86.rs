//! The sums of `zncc.rs` with AVX-512 or AVX2 and FMA: sixteen or eight samples at a time, one gather for the four taps of
//! each.
//!
//! The only file of this module with `unsafe`: intrinsics behind a token that exists only where the processor has them.

use super::Plane;
use super::patch::Patch;
use super::zncc::{Costs, PerView, Views};
#[cfg(target_arch = "x86_64")]
use super::zncc::{Image, Warp};

/// Proof that the processor has AVX2 and FMA, and whether it has AVX-512.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    #[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "no token exists there"))]
    wide: bool,
}

impl Token {
    /// Asks the processor.
    pub fn detect() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Some(Self { wide: std::arch::is_x86_feature_detected!("avx512f") });
        }
        None
    }

    /// The same without AVX-512.
    #[cfg(test)]
    pub fn narrow(self) -> Self {
        Self { wide: false }
    }

    /// Costs of a plane: see `zncc::Simd::costs`.
    #[cfg(target_arch = "x86_64")]
    #[allow(unsafe_code, reason = "SIMD intrinsics")]
    pub fn costs(self, views: &Views<'_>, far: &[PerView; 3], patch: &Patch, plane: Plane, which: u32) -> Costs {
        if self.wide {
            // SAFETY: `wide` is set only where `detect` found AVX-512F besides AVX2 and FMA.
            unsafe { costs_avx512(views, far, patch, plane, which) }
        } else {
            // SAFETY: a token exists only where `detect` found AVX2 and FMA.
            unsafe { costs_avx2(views, far, patch, plane, which) }
        }
    }

    /// Never called: no token exists on other processors.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn costs(self, v: &Views<'_>, far: &[PerView; 3], p: &Patch, plane: Plane, which: u32) -> Costs {
        v.costs(far, p, plane, which, |_, _, _| [0.0; 3])
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn costs_avx2(v: &Views<'_>, far: &[PerView; 3], p: &Patch, plane: Plane, which: u32) -> Costs {
    v.costs(far, p, plane, which, |patch, image, warp| sums_avx2(patch, image, warp))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f")]
fn costs_avx512(v: &Views<'_>, far: &[PerView; 3], p: &Patch, plane: Plane, which: u32) -> Costs {
    v.costs(far, p, plane, which, |patch, image, warp| sums_avx512(patch, image, warp))
}

/// The gathers read pixels[y * width + x] for x < width and y < height.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn check(image: Image<'_>) {
    assert!(image.width > 0 && image.height > 0 && image.pixels.len() >= image.width as usize * image.height as usize);
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,fma")]
#[allow(unsafe_code, reason = "SIMD intrinsics")]
fn sums_avx2(patch: &Patch, image: Image<'_>, warp: &Warp) -> [f32; 3] {
    use super::patch::{OFFSETS_F32, SAMPLES};
    use std::arch::x86_64::*;
    check(image);
    let right = _mm256_set1_ps((image.width - 1) as f32);
    let bottom = _mm256_set1_ps((image.height - 1) as f32);
    let stride = _mm256_set1_epi32(image.width as i32);
    let low_byte = _mm256_set1_epi32(255);
    let zero = _mm256_setzero_ps();
    let one = _mm256_set1_ps(1.0);
    let spread = |v: [f32; 3]| v.map(|c| _mm256_set1_ps(c));
    let (base, dx, dy) = (spread(warp.base), spread(warp.dx), spread(warp.dy));
    let (mut mean, mut square, mut cross) = (zero, zero, zero);
    for k in (0..SAMPLES).step_by(8) {
        // SAFETY: `Lanes` holds SAMPLES floats aligned to 64 bytes; k + 8 <= SAMPLES.
        let load = |lanes: &super::patch::Lanes| unsafe { _mm256_load_ps(lanes.0.as_ptr().add(k)) };
        let (i, j) = (load(&OFFSETS_F32[0]), load(&OFFSETS_F32[1]));
        let at = |r: usize| _mm256_fmadd_ps(dx[r], i, _mm256_fmadd_ps(dy[r], j, base[r]));
        let scale = _mm256_div_ps(one, at(2));
        // max returns its second operand for NaN, so that u and v are numbers in the image whatever the warp.
        let u = _mm256_min_ps(_mm256_max_ps(_mm256_mul_ps(at(0), scale), zero), right);
        let v = _mm256_min_ps(_mm256_max_ps(_mm256_mul_ps(at(1), scale), zero), bottom);
        let (x, y) = (_mm256_cvttps_epi32(u), _mm256_cvttps_epi32(v));
        let a = _mm256_sub_ps(u, _mm256_cvtepi32_ps(x));
        let b = _mm256_sub_ps(v, _mm256_cvtepi32_ps(y));
        let index = _mm256_add_epi32(_mm256_mullo_epi32(y, stride), x);
        // SAFETY: 0 <= x <= width - 1 and 0 <= y <= height - 1, and `check` bounds the slice.
        let taps = unsafe { _mm256_i32gather_epi32::<4>(image.pixels.as_ptr().cast(), index) };
        let t0 = _mm256_cvtepi32_ps(_mm256_and_si256(taps, low_byte));
        let t1 = _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32::<8>(taps), low_byte));
        let t2 = _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32::<16>(taps), low_byte));
        let t3 = _mm256_cvtepi32_ps(_mm256_srli_epi32::<24>(taps));
        let top = _mm256_fmadd_ps(_mm256_sub_ps(t1, t0), a, t0);
        let low = _mm256_fmadd_ps(_mm256_sub_ps(t3, t2), a, t2);
        let t = _mm256_fmadd_ps(_mm256_sub_ps(low, top), b, top);
        let weighted = _mm256_mul_ps(load(&patch.weight), t);
        mean = _mm256_add_ps(mean, weighted);
        square = _mm256_fmadd_ps(weighted, t, square);
        cross = _mm256_fmadd_ps(load(&patch.signed), t, cross);
    }
    let total = |v: __m256| {
        let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    };
    [total(mean), total(square), total(cross)]
}

#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,fma,avx512f")]
#[allow(unsafe_code, reason = "SIMD intrinsics")]
fn sums_avx512(patch: &Patch, image: Image<'_>, warp: &Warp) -> [f32; 3] {
    use super::patch::{OFFSETS_F32, SAMPLES};
    use std::arch::x86_64::*;
    check(image);
    let right = _mm512_set1_ps((image.width - 1) as f32);
    let bottom = _mm512_set1_ps((image.height - 1) as f32);
    let stride = _mm512_set1_epi32(image.width as i32);
    let low_byte = _mm512_set1_epi32(255);
    let zero = _mm512_setzero_ps();
    let one = _mm512_set1_ps(1.0);
    let spread = |v: [f32; 3]| v.map(|c| _mm512_set1_ps(c));
    let (base, dx, dy) = (spread(warp.base), spread(warp.dx), spread(warp.dy));
    let (mut mean, mut square, mut cross) = (zero, zero, zero);
    for k in (0..SAMPLES).step_by(16) {
        // SAFETY: `Lanes` holds SAMPLES floats aligned to 64 bytes; k + 16 <= SAMPLES.
        let load = |lanes: &super::patch::Lanes| unsafe { _mm512_load_ps(lanes.0.as_ptr().add(k)) };
        let (i, j) = (load(&OFFSETS_F32[0]), load(&OFFSETS_F32[1]));
        let at = |r: usize| _mm512_fmadd_ps(dx[r], i, _mm512_fmadd_ps(dy[r], j, base[r]));
        let scale = _mm512_div_ps(one, at(2));
        // As above: max returns its second operand for NaN.
        let u = _mm512_min_ps(_mm512_max_ps(_mm512_mul_ps(at(0), scale), zero), right);
        let v = _mm512_min_ps(_mm512_max_ps(_mm512_mul_ps(at(1), scale), zero), bottom);
        let (x, y) = (_mm512_cvttps_epi32(u), _mm512_cvttps_epi32(v));
        let a = _mm512_sub_ps(u, _mm512_cvtepi32_ps(x));
        let b = _mm512_sub_ps(v, _mm512_cvtepi32_ps(y));
        let index = _mm512_add_epi32(_mm512_mullo_epi32(y, stride), x);
        // SAFETY: 0 <= x <= width - 1 and 0 <= y <= height - 1, and `check` bounds the slice.
        let taps = unsafe { _mm512_i32gather_epi32::<4>(index, image.pixels.as_ptr().cast()) };
        let t0 = _mm512_cvtepi32_ps(_mm512_and_si512(taps, low_byte));
        let t1 = _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32::<8>(taps), low_byte));
        let t2 = _mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32::<16>(taps), low_byte));
        let t3 = _mm512_cvtepi32_ps(_mm512_srli_epi32::<24>(taps));
        let top = _mm512_fmadd_ps(_mm512_sub_ps(t1, t0), a, t0);
        let low = _mm512_fmadd_ps(_mm512_sub_ps(t3, t2), a, t2);
        let t = _mm512_fmadd_ps(_mm512_sub_ps(low, top), b, top);
        let weighted = _mm512_mul_ps(load(&patch.weight), t);
        mean = _mm512_add_ps(mean, weighted);
        square = _mm512_fmadd_ps(weighted, t, square);
        cross = _mm512_fmadd_ps(load(&patch.signed), t, cross);
    }
    [_mm512_reduce_add_ps(mean), _mm512_reduce_add_ps(square), _mm512_reduce_add_ps(cross)]
}
