//! Dot products of descriptor blocks with AVX2 and AVX-512 VNNI, chosen at run time; portable loops elsewhere.
//!
//! All variants compute the same integers. VNNI multiplies unsigned by signed bytes, so 128 is subtracted from one side
//! and 128 times the other side's sum is added back.
#![allow(unsafe_code, reason = "vector instructions after checking that the processor has them")]

#[cfg(target_arch = "x86_64")]
use super::engines::{Engine, HEIGHT, WIDTH};
use super::engines::{Panels, multiply_portable, search_body};
use super::{LENGTH, NearestTwo};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// Whether the processor has AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Whether the processor has AVX-512 with VNNI.
#[cfg(target_arch = "x86_64")]
pub(super) fn has_avx512_vnni() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni")
}

/// Searches the panels for some rows of a, the first of which has the index `first`.
pub(super) fn search(panels: &Panels, rows: &[u8], first: usize) -> (Vec<NearestTwo>, Vec<NearestTwo>) {
    match panels.engine {
        // SAFETY: the engine is only chosen where the processor has the instructions; checked again here.
        #[cfg(target_arch = "x86_64")]
        Engine::Avx512Vnni if has_avx512_vnni() => unsafe { search_vnni(panels, rows, first) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Engine::Avx2 if has_avx2() => unsafe { search_avx2(panels, rows, first) },
        _ => {
            let widen = |tile: &[u8]| tile.iter().map(|v| i16::from(*v)).collect::<Vec<i16>>();
            search_body(panels, rows, first, widen, |rows, from, panel, out| {
                multiply_portable(panels, rows, from, panel, out)
            })
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
fn search_vnni(panels: &Panels, rows: &[u8], first: usize) -> (Vec<NearestTwo>, Vec<NearestTwo>) {
    // Four signed bytes of a row (each minus 128) in one integer.
    let prepare = |tile: &[u8]| -> Vec<i32> {
        let four = |c: &[u8]| i32::from_le_bytes([c[0] ^ 128, c[1] ^ 128, c[2] ^ 128, c[3] ^ 128]);
        tile.chunks_exact(4).map(four).collect()
    };
    search_body(panels, rows, first, prepare, |rows, from, panel, out| {
        const STEPS: usize = LENGTH / 4;
        let rows = &rows[from * STEPS..(from + HEIGHT) * STEPS];
        let offsets = &panels.offsets[panel * WIDTH..][..WIDTH];
        let panel = &panels.bytes[panel * WIDTH * LENGTH..][..WIDTH * LENGTH];
        // SAFETY: `offsets` holds 16 integers.
        let start = unsafe { _mm512_loadu_si512(offsets.as_ptr().cast()) };
        let mut sums = [start; HEIGHT];
        for k in 0..STEPS {
            // SAFETY: `panel` holds STEPS times 64 bytes.
            let b = unsafe { _mm512_loadu_si512(panel.as_ptr().add(k * 64).cast()) };
            for r in 0..HEIGHT {
                sums[r] = _mm512_dpbusd_epi32(sums[r], b, _mm512_set1_epi32(rows[r * STEPS + k]));
            }
        }
        for (o, s) in out.iter_mut().zip(sums) {
            // SAFETY: `o` holds 16 integers.
            unsafe { _mm512_storeu_si512(o.as_mut_ptr().cast(), s) };
        }
    })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn search_avx2(panels: &Panels, rows: &[u8], first: usize) -> (Vec<NearestTwo>, Vec<NearestTwo>) {
    // Two 16-bit values of a row in one integer.
    let prepare =
        |tile: &[u8]| -> Vec<i32> { tile.chunks_exact(2).map(|c| i32::from(c[0]) | (i32::from(c[1]) << 16)).collect() };
    search_body(panels, rows, first, prepare, |rows, from, panel, out| {
        const STEPS: usize = LENGTH / 2;
        const AT_ONCE: usize = 4;
        let rows = &rows[from * STEPS..(from + HEIGHT) * STEPS];
        let panel = &panels.words[panel * WIDTH * LENGTH..][..WIDTH * LENGTH];
        for (rows, out) in rows.chunks_exact(AT_ONCE * STEPS).zip(out.chunks_exact_mut(AT_ONCE)) {
            let mut sums = [[_mm256_setzero_si256(); 2]; AT_ONCE];
            for k in 0..STEPS {
                // SAFETY: `panel` holds STEPS times 32 words.
                let (b0, b1) = unsafe {
                    let at = panel.as_ptr().add(k * 2 * WIDTH);
                    (_mm256_loadu_si256(at.cast()), _mm256_loadu_si256(at.add(WIDTH).cast()))
                };
                for r in 0..AT_ONCE {
                    let a = _mm256_set1_epi32(rows[r * STEPS + k]);
                    sums[r][0] = _mm256_add_epi32(sums[r][0], _mm256_madd_epi16(a, b0));
                    sums[r][1] = _mm256_add_epi32(sums[r][1], _mm256_madd_epi16(a, b1));
                }
            }
            for (o, s) in out.iter_mut().zip(sums) {
                // SAFETY: `o` holds 16 integers.
                unsafe {
                    _mm256_storeu_si256(o.as_mut_ptr().cast(), s[0]);
                    _mm256_storeu_si256(o.as_mut_ptr().add(8).cast(), s[1]);
                }
            }
        }
    })
}

/// Dot product of two descriptors.
pub(super) fn dot(a: &[u8], b: &[u8]) -> i32 {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2")]
        fn with_avx2(a: &[u8], b: &[u8]) -> i32 {
            dot_body(a, b)
        }
        if has_avx2() {
            // SAFETY: the processor has AVX2, checked on the line above; the body is safe code.
            return unsafe { with_avx2(a, b) };
        }
    }
    dot_body(a, b)
}

#[inline(always)]
fn dot_body(a: &[u8], b: &[u8]) -> i32 {
    let mut sums = [0i32; 16];
    for (a, b) in a[..LENGTH].chunks_exact(16).zip(b[..LENGTH].chunks_exact(16)) {
        for l in 0..16 {
            sums[l] += i32::from(a[l]) * i32::from(b[l]);
        }
    }
    sums.iter().sum()
}
