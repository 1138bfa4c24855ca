//! The loops over every pixel, compiled twice: once for AVX2, chosen at run time, and once for any processor.
//!
//! The bodies are plain loops that the compiler vectorises; they use no fused multiply-add, so that both give equal
//! bits. On AArch64 the portable variant is vectorised with NEON.
#![allow(unsafe_code, reason = "calls of AVX2 variants after checking that the processor has AVX2")]

use super::detect::Extremum;
use super::{descriptor, gradient};
use crate::image::Plane;

/// Defines a function that runs its body compiled for AVX2 where the processor has it, else compiled portably.
macro_rules! dispatched {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),* $(,)?) => $body:path) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "one call a row; the arguments are slices and sizes")]
        pub(super) fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn with_avx2($($arg: $ty),*) {
                    $body($($arg),*)
                }
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has AVX2, checked on the line above; the body is safe code.
                    return unsafe { with_avx2($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}

dispatched! {
    /// Column-wise blur of row `y` of an image of `width * height` values into `out` (`width` values).
    blur_columns(image: &[f32], width: usize, height: usize, y: usize, half: &[f32], out: &mut [f32])
        => blur_columns_body
}
dispatched! {
    /// Row-wise blur of `line` (`out.len() + 2 * (half.len() - 1)` values) into `out`.
    blur_line(line: &[f32], half: &[f32], out: &mut [f32]) => blur_line_body
}
dispatched! {
    /// `out = upper - lower`.
    difference(upper: &[f32], lower: &[f32], out: &mut [f32]) => difference_body
}
dispatched! {
    /// Greatest and least of three rows, element by element.
    spread(a: &[f32], b: &[f32], c: &[f32], most: &mut [f32], least: &mut [f32]) => spread_body
}
dispatched! {
    /// Marks with 1 the elements of `row` beyond `threshold` that no neighbour exceeds; `most[k]` and `least[k]` are
    /// [`spread`]s of the level below, this level and the level above.
    mark_extrema(row: &[f32], most: [&[f32]; 3], least: [&[f32]; 3], threshold: f32, mark: &mut [u8])
        => mark_extrema_body
}
dispatched! {
    /// See [`gradient::polar_row`].
    polar_row(
        above: &[f32], here: &[f32], below: &[f32], weight: &[f32], n: usize, turns: f32, out: &mut gradient::PolarRow,
    ) => gradient::polar_row_body
}
dispatched! {
    /// See `descriptor::histogram_body`.
    descriptor_histogram(plane: &Plane, keypoint: &Extremum, angle: f32, padded: &mut descriptor::Histogram)
        => descriptor::histogram_body
}

/// Values that the inner loops keep in registers.
const CHUNK: usize = 32;

#[inline(always)]
fn blur_columns_body(image: &[f32], width: usize, height: usize, y: usize, half: &[f32], out: &mut [f32]) {
    let row = |y: usize| &image[y * width..(y + 1) * width];
    let mut x = 0;
    while x < width {
        // The last chunk overlaps the one before, so that all are of full length.
        let full = width >= CHUNK;
        let from = if full { x.min(width - CHUNK) } else { 0 };
        let n = if full { CHUNK } else { width };
        let mut sum = [0f32; CHUNK];
        let centre = &row(y)[from..from + n];
        for (s, v) in sum.iter_mut().zip(centre) {
            *s = half[0] * v;
        }
        for (k, &w) in half.iter().enumerate().skip(1) {
            let up = &row(y.saturating_sub(k))[from..from + n];
            let down = &row((y + k).min(height - 1))[from..from + n];
            if let (Ok(up), Ok(down)) = (<&[f32; CHUNK]>::try_from(up), <&[f32; CHUNK]>::try_from(down)) {
                for i in 0..CHUNK {
                    sum[i] += w * (up[i] + down[i]);
                }
            } else {
                for (s, (u, d)) in sum.iter_mut().zip(up.iter().zip(down)) {
                    *s += w * (u + d);
                }
            }
        }
        store(&mut out[from..from + n], &sum);
        x += CHUNK;
    }
}

#[inline(always)]
fn blur_line_body(line: &[f32], half: &[f32], out: &mut [f32]) {
    let radius = half.len() - 1;
    let width = out.len();
    let mut x = 0;
    while x < width {
        let full = width >= CHUNK;
        let from = if full { x.min(width - CHUNK) } else { 0 };
        let n = if full { CHUNK } else { width };
        let mut sum = [0f32; CHUNK];
        for (s, v) in sum.iter_mut().zip(&line[from + radius..from + radius + n]) {
            *s = half[0] * v;
        }
        for (k, &w) in half.iter().enumerate().skip(1) {
            let left = &line[from + radius - k..from + radius - k + n];
            let right = &line[from + radius + k..from + radius + k + n];
            if let (Ok(left), Ok(right)) = (<&[f32; CHUNK]>::try_from(left), <&[f32; CHUNK]>::try_from(right)) {
                for i in 0..CHUNK {
                    sum[i] += w * (left[i] + right[i]);
                }
            } else {
                for (s, (l, r)) in sum.iter_mut().zip(left.iter().zip(right)) {
                    *s += w * (l + r);
                }
            }
        }
        store(&mut out[from..from + n], &sum);
        x += CHUNK;
    }
}

/// Copies as many values as `out` takes; a whole chunk without a call.
#[inline(always)]
fn store(out: &mut [f32], sum: &[f32; CHUNK]) {
    match <&mut [f32; CHUNK]>::try_from(&mut *out) {
        Ok(whole) => *whole = *sum,
        Err(_) => out.iter_mut().zip(sum).for_each(|(o, s)| *o = *s),
    }
}

#[inline(always)]
fn difference_body(upper: &[f32], lower: &[f32], out: &mut [f32]) {
    for ((o, u), l) in out.iter_mut().zip(upper).zip(lower) {
        *o = u - l;
    }
}

#[inline(always)]
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

#[inline(always)]
fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

#[inline(always)]
fn spread_body(a: &[f32], b: &[f32], c: &[f32], most: &mut [f32], least: &mut [f32]) {
    let n = a.len();
    let (b, c, most, least) = (&b[..n], &c[..n], &mut most[..n], &mut least[..n]);
    for i in 0..n {
        most[i] = max(max(a[i], b[i]), c[i]);
        least[i] = min(min(a[i], b[i]), c[i]);
    }
}

#[inline(always)]
fn mark_extrema_body(row: &[f32], most: [&[f32]; 3], least: [&[f32]; 3], threshold: f32, mark: &mut [u8]) {
    let n = row.len() - 2;
    let centre = &row[1..n + 1];
    let out = &mut mark[1..n + 1];
    let [m0, m1, m2] = most.map(|m| [&m[..n], &m[1..n + 1], &m[2..n + 2]]);
    let [l0, l1, l2] = least.map(|l| [&l[..n], &l[1..n + 1], &l[2..n + 2]]);
    for i in 0..n {
        let v = centre[i];
        let high = max(
            max(max(m0[0][i], m0[1][i]), max(m0[2][i], m1[0][i])),
            max(max(m1[1][i], m1[2][i]), max(max(m2[0][i], m2[1][i]), m2[2][i])),
        );
        let low = min(
            min(min(l0[0][i], l0[1][i]), min(l0[2][i], l1[0][i])),
            min(min(l1[1][i], l1[2][i]), min(min(l2[0][i], l2[1][i]), l2[2][i])),
        );
        let peak = (v > threshold) & (v >= high);
        let pit = (v < -threshold) & (v <= low);
        out[i] = u8::from(peak | pit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_variants_give_equal_bits() {
        let mut rng = crate::base::Rng::new(1, 2);
        let (w, h) = (77, 21);
        let image: Vec<f32> = (0..w * h).map(|_| rng.next_f64() as f32).collect();
        let half = [0.3, 0.2, 0.1, 0.05];
        let (mut a, mut b) = (vec![0.0; w], vec![0.0; w]);
        for y in [0, 1, 10, h - 1] {
            blur_columns(&image, w, h, y, &half, &mut a);
            blur_columns_body(&image, w, h, y, &half, &mut b);
            assert_eq!(a, b);
            blur_line(&image[..w + 6], &half, &mut a);
            blur_line_body(&image[..w + 6], &half, &mut b);
            assert_eq!(a, b);
        }
    }
}
