//! Undistorted images: what the photo would look like through an ideal pinhole.
//!
//! In: a photo (sRGB 8 bit) and its calibrated lens. Out: the image of a [`Pinhole`] with the same viewing direction and
//! a mask of the pixels that the photo covers. Where the target is smaller than the photo, each of its pixels is the mean
//! of a grid of bilinear samples, so that fine texture does not alias.
//! Cost: about 25 operations of lens model and one bilinear sample for each photo pixel. GPU twin:
//! `shaders/camera/undistort.wgsl`. Failure modes: none; a lens whose model folds back inside the photo loses the part
//! beyond the fold (mask false).

use super::kernels::undistort as kernel;
use crate::camera::{Lens, Pinhole};
use crate::gpu::Gpu;
use crate::image::{Mask, Rgb8};
use nalgebra::Vector2;

/// Border points on each side of the photo that are looked at.
const BORDER_SAMPLES: u32 = 65;
/// Share of each side's border points that may fall outside the undistorted image: lets the far corners of a
/// barrel-shaped image go instead of paying black wedges along all sides for them.
const BORDER_LOSS: f64 = 0.1;

/// The pinhole camera whose image covers nearly all pixels of a photo of `width` x `height`, with the photo's own
/// resolution in the centre, or less where its longer side would exceed `max_size`.
pub fn undistorted_camera(lens: &Lens, width: u32, height: u32, max_size: u32) -> Pinhole {
    let (w, h) = (f64::from(width), f64::from(height));
    let ray = |x: f64, y: f64| lens.unproject(&Vector2::new(x, y));
    // Each side's border, as the coordinate across that side, counted outwards from the principal point.
    let outward = |sign: f64, horizontal: bool| -> f64 {
        let mut reach: Vec<f64> = (0..BORDER_SAMPLES)
            .filter_map(|i| {
                let s = f64::from(i) / f64::from(BORDER_SAMPLES - 1);
                let edge = if sign > 0.0 { 1.0 } else { 0.0 };
                let r = if horizontal { ray(edge * w, s * h) } else { ray(s * w, edge * h) }?;
                Some(sign * if horizontal { r.x } else { r.y })
            })
            .collect();
        reach.sort_unstable_by(f64::total_cmp);
        let ideal = match (horizontal, sign > 0.0) {
            (true, true) => (w - lens.cx) / lens.f,
            (true, false) => lens.cx / lens.f,
            (false, true) => (h - lens.cy) / lens.f,
            (false, false) => lens.cy / lens.f,
        };
        crate::base::stats::quantile(&reach, 1.0 - BORDER_LOSS).unwrap_or(ideal)
    };
    let (left, right) = (outward(-1.0, true), outward(1.0, true));
    let (top, bottom) = (outward(-1.0, false), outward(1.0, false));
    let full = lens.f * (left + right).max(top + bottom);
    let f = lens.f * (f64::from(max_size.max(1)) / full).min(1.0);
    let size = |extent: f64| (extent * f).round().clamp(1.0, f64::from(u32::MAX)) as u32;
    Pinhole { width: size(left + right), height: size(top + bottom), f, cx: left * f, cy: top * f }
}

/// The photo as the pinhole camera `target` would have taken it, and which of its pixels the photo covers.
pub fn undistort(image: &Rgb8, lens: &Lens, target: &Pinhole, gpu: Option<&Gpu>) -> (Rgb8, Mask) {
    let params = kernel::Params::new(image, lens, target);
    // A device that fails here costs nothing but time: the twin gives the same image.
    if let Some(result) = gpu.and_then(|gpu| kernel::gpu(gpu, &params, image).ok()) {
        return result;
    }
    kernel::cpu(&params, image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    fn lens() -> Lens {
        Lens { f: 94.4, cx: 64.5, cy: 42.3, k: [-0.06, 0.02, 0.0], p: [0.0005, -0.0004] }
    }

    /// A smooth pattern on the plane z = 1.
    fn pattern(ray: &Vector3<f64>) -> [f64; 3] {
        [
            128.0 + 100.0 * (ray.x * 9.0).sin() * (ray.y * 7.0).cos(),
            120.0 + 80.0 * ray.x,
            128.0 + 90.0 * (ray.y * 11.0).sin(),
        ]
    }

    fn photo() -> Rgb8 {
        let data = (0..128 * 85)
            .map(|i| {
                let pixel = Vector2::new(f64::from(i % 128) + 0.5, f64::from(i / 128) + 0.5);
                pattern(&lens().unproject(&pixel).expect("inside")).map(|v| v.round() as u8)
            })
            .collect();
        Rgb8::from_data(128, 85, data).expect("size")
    }

    fn mean_error(image: &Rgb8, mask: &Mask, camera: &Pinhole) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for y in 0..image.height {
            for x in 0..image.width {
                if mask.at(x, y) {
                    let expected = pattern(&camera.ray(&Vector2::new(x as f64 + 0.5, y as f64 + 0.5)));
                    for (e, got) in expected.iter().zip(image.at(x, y)) {
                        sum += (e - f64::from(got)).abs();
                        count += 1.0;
                    }
                }
            }
        }
        sum / count
    }

    #[test]
    fn straightens_a_known_pattern() {
        for max_size in [4000, 64] {
            let camera = undistorted_camera(&lens(), 128, 85, max_size);
            assert!(camera.width <= max_size.min(140) && camera.height > camera.width / 2);
            let (image, mask) = undistort(&photo(), &lens(), &camera, None);
            let valid = mask.data.iter().filter(|&&m| m).count() as f64 / mask.data.len() as f64;
            assert!(valid > 0.97, "{valid}");
            let error = mean_error(&image, &mask, &camera);
            assert!(error < 0.6, "{error}");
            // Negative control: a pixel of shift must show.
            let shifted = Pinhole { cx: camera.cx + 1.0, ..camera };
            assert!(mean_error(&image, &mask, &shifted) > 1.2);
        }
    }

    #[test]
    fn an_ideal_lens_changes_nothing() {
        let ideal = Lens::ideal(100.0, 128, 85);
        let camera = undistorted_camera(&ideal, 128, 85, 10_000);
        assert_eq!((camera.width, camera.height), (128, 85));
        let (image, mask) = undistort(&photo(), &ideal, &camera, None);
        assert!(mask.data.iter().all(|&m| m));
        assert_eq!(image, photo());
    }
}
