//! How alike two pictures are: PSNR, SSIM and colour difference, within a mask.
//!
//! - In: two sRGB pictures of one size, a mask. Out: numbers. [`fit_colour`] first takes away a difference of exposure.
//! - Source: Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error visibility to structural
//!   similarity", IEEE TIP 13(4), 2004 (Gaussian window, sigma 1.5, 11 pixels, K1 0.01, K2 0.03, on luma); dE00 after
//!   Sharma et al. 2005.
//! - Cost: a few passes over the pixels. Failure modes: an empty mask gives `None`.

use crate::image::colour::{delta_e_2000, lab_of_rgb8};
use crate::image::{Mask, Plane, Rgb8};
use nalgebra::{Matrix4, Vector4};
use rayon::prelude::*;

/// How alike two pictures are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Peak signal-to-noise ratio of sRGB values in dB.
    pub psnr: f64,
    /// Mean structural similarity of luma, at most 1.
    pub ssim: f64,
    /// Median colour difference dE00.
    pub median_delta_e: f64,
    /// Mean colour difference dE00.
    pub mean_delta_e: f64,
    /// Pixels compared.
    pub pixels: usize,
}

/// Compares two pictures of one size where the mask is true; `None` where it never is.
pub fn compare(a: &Rgb8, b: &Rgb8, mask: &Mask) -> Option<Similarity> {
    let same = a.width == b.width && a.height == b.height && mask.width == a.width && mask.height == a.height;
    let mut differences = delta_e_map(a, b, mask);
    differences.retain(|d| !d.is_nan());
    if !same || differences.is_empty() {
        return None;
    }
    let pixels = differences.len();
    let mean_delta_e = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / pixels as f64;
    let middle = pixels / 2;
    let (_, median, _) = differences.select_nth_unstable_by(middle, f32::total_cmp);
    Some(Similarity {
        psnr: psnr(a, b, mask)?,
        ssim: ssim(a, b, mask)?,
        median_delta_e: f64::from(*median),
        mean_delta_e,
        pixels,
    })
}

/// Peak signal-to-noise ratio in dB of all channels; infinite for equal pictures.
pub fn psnr(a: &Rgb8, b: &Rgb8, mask: &Mask) -> Option<f64> {
    let (mut sum, mut n) = (0u64, 0u64);
    for ((p, q), _) in a.data.iter().zip(&b.data).zip(&mask.data).filter(|(_, m)| **m) {
        n += 3;
        sum += p.iter().zip(q).map(|(x, y)| u64::from(x.abs_diff(*y)).pow(2)).sum::<u64>();
    }
    (n > 0).then(|| 10.0 * (255.0 * 255.0 * n as f64 / sum as f64).log10())
}

/// dE00 of each pixel; NaN outside the mask.
pub fn delta_e_map(a: &Rgb8, b: &Rgb8, mask: &Mask) -> Vec<f32> {
    a.data
        .par_iter()
        .zip(&b.data)
        .zip(&mask.data)
        .map(|((p, q), m)| if *m { delta_e_2000(lab_of_rgb8(*p), lab_of_rgb8(*q)) as f32 } else { f32::NAN })
        .collect()
}

/// Mean structural similarity of luma over windows centred in the mask; pixels outside the mask carry no weight.
pub fn ssim(a: &Rgb8, b: &Rgb8, mask: &Mask) -> Option<f64> {
    let (x, y) = (a.to_grey(), b.to_grey());
    let weight: Vec<f32> = mask.data.iter().map(|&m| f32::from(u8::from(m))).collect();
    let blur = |f: &(dyn Fn(usize) -> f32 + Sync)| {
        let data = (0..weight.len()).into_par_iter().map(|i| if mask.data[i] { f(i) } else { 0.0 }).collect();
        gaussian(&Plane { width: x.width, height: x.height, data })
    };
    let w = blur(&|_| 1.0);
    let (mx, my) = (blur(&|i| x.data[i]), blur(&|i| y.data[i]));
    let (xx, yy, xy) =
        (blur(&|i| x.data[i] * x.data[i]), blur(&|i| y.data[i] * y.data[i]), blur(&|i| x.data[i] * y.data[i]));
    let (c1, c2) = (0.01f64.powi(2), 0.03f64.powi(2));
    let (mut sum, mut n) = (0.0, 0usize);
    for i in (0..weight.len()).filter(|&i| mask.data[i]) {
        let s = f64::from(w.data[i]);
        let [mx, my, xx, yy, xy] = [&mx, &my, &xx, &yy, &xy].map(|p| f64::from(p.data[i]) / s);
        let (vx, vy, cov) = ((xx - mx * mx).max(0.0), (yy - my * my).max(0.0), xy - mx * my);
        sum += (2.0 * mx * my + c1) * (2.0 * cov + c2) / ((mx * mx + my * my + c1) * (vx + vy + c2));
        n += 1;
    }
    (n > 0).then(|| sum / n as f64)
}

/// Gaussian of sigma 1.5 over 11 pixels, zero beyond the border.
fn gaussian(p: &Plane) -> Plane {
    let kernel: [f32; 11] = std::array::from_fn(|i| (-((i as f32 - 5.0) / 1.5).powi(2) / 2.0).exp());
    let total: f32 = kernel.iter().sum();
    let pass = |p: &Plane, dx: isize, dy: isize| {
        let mut out = Plane::filled(p.width, p.height, 0.0);
        out.data.par_chunks_mut(p.width.max(1)).enumerate().for_each(|(y, row)| {
            for (x, v) in row.iter_mut().enumerate() {
                for (k, weight) in kernel.iter().enumerate() {
                    let o = k as isize - 5;
                    let (i, j) = (x as isize + o * dx, y as isize + o * dy);
                    if i >= 0 && j >= 0 && (i as usize) < p.width && (j as usize) < p.height {
                        *v += weight / total * p.at(i as usize, j as usize);
                    }
                }
            }
        });
        out
    };
    pass(&pass(p, 1, 0), 0, 1)
}

/// `a` with the affine change of colour (each channel from all three and a constant) that brings it nearest to `b`
/// within the mask; `a` itself where the mask leaves too little to tell.
pub fn fit_colour(a: &Rgb8, b: &Rgb8, mask: &Mask) -> Rgb8 {
    let mut normal = Matrix4::zeros();
    let mut rhs = [Vector4::zeros(); 3];
    for ((p, q), _) in a.data.iter().zip(&b.data).zip(&mask.data).filter(|(_, m)| **m) {
        let x = Vector4::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]), 1.0);
        normal += x * x.transpose();
        for c in 0..3 {
            rhs[c] += x * f64::from(q[c]);
        }
    }
    let Some(inverse) = normal.try_inverse() else { return a.clone() };
    let rows = rhs.map(|r| inverse * r);
    let data = a
        .data
        .par_iter()
        .map(|p| {
            let x = Vector4::new(f64::from(p[0]), f64::from(p[1]), f64::from(p[2]), 1.0);
            std::array::from_fn(|c| (rows[c].dot(&x) + 0.5).clamp(0.0, 255.0) as u8)
        })
        .collect();
    Rgb8 { width: a.width, height: a.height, data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn noise(seed: u64, amplitude: f64) -> Rgb8 {
        let mut rng = Rng::new(seed, 0);
        let mut out = Rgb8::filled(60, 40, [0; 3]);
        for (i, p) in out.data.iter_mut().enumerate() {
            let base = 100.0 + 50.0 * ((i % 60) as f64 / 5.0).sin();
            *p = std::array::from_fn(|c| (base + 20.0 * c as f64 + amplitude * rng.normal()).clamp(0.0, 255.0) as u8);
        }
        out
    }

    #[test]
    fn psnr_of_a_known_difference() {
        let a = Rgb8::filled(8, 8, [100; 3]);
        let b = Rgb8::filled(8, 8, [110; 3]);
        let mut mask = Mask::filled(8, 8, true);
        let want = 20.0 * (255.0f64 / 10.0).log10();
        assert!((psnr(&a, &b, &mask).expect("pixels") - want).abs() < 1e-9);
        mask.data.fill(false);
        assert_eq!(compare(&a, &b, &mask), None);
    }

    #[test]
    fn ssim_is_one_for_equal_pictures_and_falls_with_noise() {
        let mask = Mask::filled(60, 40, true);
        let clean = noise(1, 0.0);
        let values: Vec<f64> =
            [0.0, 5.0, 20.0].iter().map(|&a| ssim(&clean, &noise(1, a), &mask).expect("pixels")).collect();
        assert!((values[0] - 1.0).abs() < 1e-6 && values[0] > values[1] && values[1] > values[2] + 0.1, "{values:?}");
    }

    #[test]
    fn an_affine_change_of_colour_is_taken_away() {
        let a = noise(3, 10.0);
        let mut b = a.clone();
        for p in &mut b.data {
            let [r, g, c] = p.map(f64::from);
            *p = [0.8 * r + 10.0, 0.7 * g + 0.1 * r, 0.9 * c + 5.0].map(|v| v.round() as u8);
        }
        let mask = Mask::filled(60, 40, true);
        assert!(psnr(&a, &b, &mask).expect("pixels") < 25.0);
        assert!(psnr(&fit_colour(&a, &b, &mask), &b, &mask).expect("pixels") > 50.0);
    }
}
