//! The camera behind the lens: exposure, vignetting, noise, tone curve, JPEG.
//!
//! In: linear radiance. Out: 8-bit sRGB pixels, JPEG bytes. Noise is that of a sensor: its variance grows with the light
//! (A. Foi et al., "Practical Poissonian-Gaussian noise modeling and fitting for single-image raw-data", TIP 2008).

use super::surface::Rgb;
use crate::base::Rng;
use crate::image::{Grid, Rgb8};
use rayon::prelude::*;

/// How the sensor sees one photo.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exposure {
    /// Factor on all light; drifts from photo to photo.
    pub gain: f32,
    /// Factors on red and blue (white balance).
    pub balance: [f32; 2],
    /// Loss of light in the corners, 0..1.
    pub vignetting: f32,
    /// Share of noise: 0 = none, 1 = a small drone camera at base sensitivity.
    pub noise: f32,
}

impl Exposure {
    /// Exposure 1 without vignetting or noise: the colours of the truth.
    pub fn plain() -> Self {
        Self { gain: 1.0, balance: [1.0; 2], vignetting: 0.0, noise: 0.0 }
    }
}

/// Radiance to which the shutter is set.
const KEY: f32 = 0.62;

/// The camera's tone curve: linear 0.. to sRGB 0..=1, a shoulder in the lights and a little more contrast.
fn tone(x: f32) -> f32 {
    let x = x.max(0.0);
    let y = if x < 0.55 { x } else { 0.55 + 0.45 * ((x - 0.55) / 0.45).tanh() };
    let s = if y <= 0.003_130_8 { 12.92 * y } else { 1.055 * y.powf(1.0 / 2.4) - 0.055 };
    // A gentle S around the middle.
    s + 0.10 * s * (1.0 - s) * (2.0 * s - 0.92)
}

/// Develops one photo; `stream` makes its noise its own.
pub fn develop(radiance: &Grid<Rgb>, e: &Exposure, seed: u64, stream: u64) -> Rgb8 {
    let (w, h) = (radiance.width, radiance.height);
    let table: Vec<f32> = (0..=4096).map(|k| tone((k as f32 / 4096.0).powi(2) * 4.0)).collect();
    let curve = |x: f32| {
        let t = (x.clamp(0.0, 3.99) / 4.0).sqrt() * 4096.0;
        let (k, part) = (t as usize, t.fract());
        table[k] + (table[k + 1] - table[k]) * part
    };
    let data = (0..h)
        .into_par_iter()
        .flat_map_iter(|j| {
            let mut rng = Rng::new(seed ^ 0x6e6f_6973, stream * 100_003 + j as u64);
            let curve = &curve;
            (0..w).map(move |i| {
                let (x, y) =
                    ((i as f32 + 0.5) / w as f32 - 0.5, (j as f32 + 0.5) / w as f32 - 0.5 * h as f32 / w as f32);
                let r2 = (x * x + y * y) / 0.36;
                let fall = 1.0 - e.vignetting * (0.8 * r2 + 0.2 * r2 * r2);
                let c = radiance.at(i, j);
                let linear: Rgb = [c[0] * e.balance[0], c[1], c[2] * e.balance[1]].map(|v| v * KEY * e.gain * fall);
                let shared = if e.noise > 0.0 { gauss(&mut rng) } else { 0.0 };
                let noisy: Rgb = std::array::from_fn(|k| {
                    if e.noise == 0.0 {
                        return linear[k];
                    }
                    // Demosaicing shares noise between channels.
                    let own = 0.6 * shared + 0.8 * gauss(&mut rng);
                    let sigma = e.noise * (1.6e-4 * linear[k] + 9e-6).sqrt();
                    linear[k] + sigma * own * if k == 1 { 1.0 } else { 1.3 }
                });
                let luma = 0.25 * noisy[0] + 0.6 * noisy[1] + 0.15 * noisy[2];
                noisy.map(|v| (curve(luma + 1.10 * (v - luma)) * 255.0 + 0.5).clamp(0.0, 255.0) as u8)
            })
        })
        .collect();
    Rgb8 { width: w, height: h, data }
}

/// Nearly normal with standard deviation 1: four uniform bytes, cheap enough for every channel of every pixel.
fn gauss(rng: &mut Rng) -> f32 {
    let b = rng.next_u32().to_le_bytes();
    let sum: i32 = b.iter().map(|&x| i32::from(x)).sum();
    (sum as f32 - 510.0) / 147.8
}

/// JPEG bytes of an image.
pub fn jpeg(image: &Rgb8, quality: u8) -> Result<Vec<u8>, image::ImageError> {
    let mut out = Vec::new();
    let bytes: &[u8] = bytemuck::cast_slice(&image.data);
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality);
    encoder.encode(bytes, image.width as u32, image.height as u32, image::ExtendedColorType::Rgb8)?;
    Ok(out)
}

/// PNG bytes of an image.
pub fn png(image: &Rgb8) -> Result<Vec<u8>, image::ImageError> {
    use image::ImageEncoder;
    let mut out = Vec::new();
    let bytes: &[u8] = bytemuck::cast_slice(&image.data);
    image::codecs::png::PngEncoder::new(&mut out).write_image(
        bytes,
        image.width as u32,
        image.height as u32,
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tone_rises_and_stays_in_range() {
        let values: Vec<f32> = (0..400).map(|k| tone(k as f32 * 0.01)).collect();
        assert!(values.windows(2).all(|w| w[1] >= w[0] - 1e-6));
        assert!(values[0].abs() < 1e-6 && *values.last().expect("some") <= 1.01);
    }

    #[test]
    fn noise_has_the_stated_size_and_no_bias() {
        // A ramp, so that rounding to whole values averages out.
        let mut flat = Grid::filled(256, 64, [0.3f32; 3]);
        for (k, c) in flat.data.iter_mut().enumerate() {
            *c = [0.25 + 0.1 * (k % 256) as f32 / 256.0; 3];
        }
        let mut e = Exposure::plain();
        let clean = develop(&flat, &e, 1, 1);
        e.noise = 1.0;
        let noisy = develop(&flat, &e, 1, 1);
        let d: Vec<f64> = clean.data.iter().zip(&noisy.data).map(|(a, b)| f64::from(b[1]) - f64::from(a[1])).collect();
        let mean = d.iter().sum::<f64>() / d.len() as f64;
        let sigma = (d.iter().map(|x| x * x).sum::<f64>() / d.len() as f64).sqrt();
        assert!(mean.abs() < 0.2 && (0.8..5.0).contains(&sigma), "{mean} {sigma}");
    }
}
