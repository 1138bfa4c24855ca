//! Resampling a photo through its lens model, one target pixel at a time.
//!
//! In: the photo packed as `0xAABBGGRR`, [`Params`]. Out: the target image packed alike, alpha 255 where the photo covers
//! the pixel's centre. Source of the lens model: `camera::Lens` (Brown-Conrady), here in f32: at 8000 pixels the
//! rounding is below 1e-3 pixel. Twin: `shaders/camera/undistort.wgsl`; tolerance one level, because the two differ in
//! the last bits of the source position.

use crate::camera::{Lens, Pinhole};
use crate::gpu::{Gpu, GpuError, KernelSource};
use crate::image::{Grid, Mask, Rgb8};
use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

/// Uniform parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    lens_f: f32,
    lens_cx: f32,
    lens_cy: f32,
    k1: f32,
    k2: f32,
    k3: f32,
    p1: f32,
    p2: f32,
    target_f: f32,
    target_cx: f32,
    target_cy: f32,
    /// Samples along each axis of a target pixel.
    samples: u32,
    width: u32,
    height: u32,
    source_width: u32,
    source_height: u32,
}

impl Params {
    /// For a photo, its lens and the wanted camera.
    pub fn new(image: &Rgb8, lens: &Lens, target: &Pinhole) -> Self {
        Self {
            lens_f: lens.f as f32,
            lens_cx: lens.cx as f32,
            lens_cy: lens.cy as f32,
            k1: lens.k[0] as f32,
            k2: lens.k[1] as f32,
            k3: lens.k[2] as f32,
            p1: lens.p[0] as f32,
            p2: lens.p[1] as f32,
            target_f: target.f as f32,
            target_cx: target.cx as f32,
            target_cy: target.cy as f32,
            // The small allowance keeps one sample where the scales are equal up to rounding.
            samples: ((lens.f / target.f - 0.1).ceil() as u32).clamp(1, 8),
            width: target.width,
            height: target.height,
            source_width: image.width as u32,
            source_height: image.height as u32,
        }
    }

    /// Position in the photo of a position in the target; `None` outside the photo or beyond the model's fold.
    fn source(&self, u: f32, v: f32) -> Option<(f32, f32)> {
        let (x, y) = ((u - self.target_cx) / self.target_f, (v - self.target_cy) / self.target_f);
        let r2 = x * x + y * y;
        if 1.0 + r2 * (3.0 * self.k1 + r2 * (5.0 * self.k2 + r2 * 7.0 * self.k3)) <= 0.05 {
            return None;
        }
        let d = 1.0 + r2 * (self.k1 + r2 * (self.k2 + r2 * self.k3));
        let xd = x * d + 2.0 * self.p1 * x * y + self.p2 * (r2 + 2.0 * x * x);
        let yd = y * d + self.p1 * (r2 + 2.0 * y * y) + 2.0 * self.p2 * x * y;
        let (px, py) = (self.lens_f * xd + self.lens_cx, self.lens_f * yd + self.lens_cy);
        let inside = px >= 0.0 && py >= 0.0 && px <= self.source_width as f32 && py <= self.source_height as f32;
        inside.then_some((px, py))
    }

    fn pixel(&self, image: &Rgb8, x: usize, y: usize) -> ([u8; 3], bool) {
        let n = self.samples;
        let (mut sum, mut count) = ([0f32; 3], 0f32);
        for j in 0..n {
            for i in 0..n {
                let u = x as f32 + (i as f32 + 0.5) / n as f32;
                let v = y as f32 + (j as f32 + 0.5) / n as f32;
                if let Some((px, py)) = self.source(u, v) {
                    let c = image.bilinear(px, py);
                    for (s, c) in sum.iter_mut().zip(c) {
                        *s += c;
                    }
                    count += 1.0;
                }
            }
        }
        let colour = sum.map(|s| (s / count.max(1.0) + 0.5).floor().clamp(0.0, 255.0) as u8);
        (colour, self.source(x as f32 + 0.5, y as f32 + 0.5).is_some())
    }
}

/// On the CPU, rows in parallel.
pub fn cpu(params: &Params, image: &Rgb8) -> (Rgb8, Mask) {
    let (width, height) = (params.width as usize, params.height as usize);
    let rows: Vec<Vec<([u8; 3], bool)>> =
        (0..height).into_par_iter().map(|y| (0..width).map(|x| params.pixel(image, x, y)).collect()).collect();
    let (colour, mask) = rows.into_iter().flatten().unzip();
    (Grid { width, height, data: colour }, Grid { width, height, data: mask })
}

const SOURCE: KernelSource<'static> = KernelSource {
    label: "undistort",
    wgsl: include_str!("../../../shaders/camera/undistort.wgsl"),
    entry: "undistort",
    constants: &[],
    workgroup: [16, 8, 1],
};

/// On the device.
pub fn gpu(gpu: &Gpu, params: &Params, image: &Rgb8) -> Result<(Rgb8, Mask), GpuError> {
    let (width, height) = (params.width as usize, params.height as usize);
    let packed: Vec<u32> = image.data.iter().map(|c| u32::from_le_bytes([c[0], c[1], c[2], 255])).collect();
    let uniform = gpu.uniform("undistort", params)?;
    let source = gpu.upload("photo", &packed)?;
    let target = gpu.zeroed::<u32>("undistorted", width * height)?;
    let kernel = gpu.kernel(&SOURCE)?;
    gpu.run_tiled(&kernel, &[(0, &uniform), (1, &source), (2, &target)], params.width, params.height)?;
    let packed: Vec<u32> = gpu.read(&target, width * height)?;
    let (colour, mask) = packed
        .iter()
        .map(|p| {
            let [r, g, b, a] = p.to_le_bytes();
            ([r, g, b], a > 0)
        })
        .unzip();
    Ok((Grid { width, height, data: colour }, Grid { width, height, data: mask }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::dense::undistort::undistorted_camera;
    use crate::gpu::testing;

    fn case(width: usize, height: usize, max_size: u32) -> (Params, Rgb8) {
        let mut rng = Rng::new(3, 1);
        let data = (0..width * height).map(|_| std::array::from_fn(|_| rng.below(256) as u8)).collect();
        let image = Rgb8::from_data(width, height, data).expect("size");
        let lens = Lens {
            f: 0.8 * width as f64,
            cx: 0.51 * width as f64,
            cy: 0.49 * height as f64,
            k: [-0.08, 0.02, 0.001],
            p: [0.0005, -0.0004],
        };
        let camera = undistorted_camera(&lens, width as u32, height as u32, max_size);
        (Params::new(&image, &lens, &camera), image)
    }

    fn flat(result: &(Rgb8, Mask)) -> Vec<f32> {
        let colours = result.0.data.iter().flatten().map(|&v| f32::from(v));
        colours.chain(result.1.data.iter().map(|&m| if m { 255.0 } else { 0.0 })).collect()
    }

    #[test]
    fn layout() {
        crate::assert_layout!(
            &SOURCE,
            Params {
                lens_f,
                lens_cx,
                lens_cy,
                k1,
                k2,
                k3,
                p1,
                p2,
                target_f,
                target_cx,
                target_cy,
                samples,
                width,
                height,
                source_width,
                source_height
            }
        );
    }

    #[test]
    fn twins_agree_within_one_level() {
        let Some(device) = testing::gpu() else { return };
        for (width, height, max_size) in [(1, 1, 100), (15, 9, 100), (17, 8, 100), (120, 80, 100), (120, 80, 50)] {
            let (params, image) = case(width, height, max_size);
            let on_cpu = flat(&cpu(&params, &image));
            let on_gpu = flat(&gpu(device, &params, &image).expect("runs"));
            // A border pixel may fall on either side of the photo's edge: one in a thousand.
            testing::assert_close("undistort", &on_gpu, &on_cpu, 1.0, 0.001);
            if width == 120 {
                let moved = Params { lens_cx: params.lens_cx + 0.5, ..params };
                assert!(testing::differing(&on_gpu, &flat(&cpu(&moved, &image)), 1.0) > 0.5);
            }
        }
    }
}
