//! The texels of charts: copied from the photos, without those where the photo shows something else.
//!
//! - In: charts, gains, photos. Out: one [`ChartImage`] a chart, sRGB after the gain, with a flag per texel. A texel is
//!   *clean* where the view's depth raster shows the chart's own surface there and no depth step beside it; so roof
//!   edges do not bleed onto streets. [`complete`] fills the others from clean ones near by.
//! - Source: own. Cost: each photo is loaded and rasterised once more; one photo per thread at a time.
//! - Failure modes: a chart of which less than a third is clean (thin things) keeps all its texels.

use super::charts::{Chart, Charts};
use super::visibility::Projector;
use super::{LoadPhoto, TextureError, load_checked};
use crate::base::Ctx;
use crate::image::colour::gain_table;
use crate::image::raster::FaceBuffer;
use crate::image::{Mask, Rgb8};
use crate::scene::Mesh;
use rayon::prelude::*;

/// The texel's centre lies in a face of the chart.
pub(super) const INSIDE: u8 = 1;
/// The texel touches a face of the chart, or its neighbour lies inside.
pub(super) const RING: u8 = 2;
/// The photo shows the chart's surface there.
pub(super) const CLEAN: u8 = 4;

/// Steps of depth of more pixels' width than this are edges of things.
const STEP_PX: f32 = 6.0;

/// Texels of a chart.
#[derive(Clone, Default)]
pub(super) struct ChartImage {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<[u8; 3]>,
    pub flags: Vec<u8>,
}

impl ChartImage {
    /// Whether the texel shows the chart's surface.
    pub fn is_clean(&self, i: usize) -> bool {
        self.flags[i] & CLEAN != 0
    }

    /// Bilinear sample (first texel's centre at 0.5); `None` where a texel under it is not clean.
    pub fn clean_sample(&self, [u, v]: [f32; 2]) -> Option<[f32; 3]> {
        let (x, y) = (u - 0.5, v - 0.5);
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        let (i, j) = (x as usize, y as usize);
        if i + 1 >= self.width || j + 1 >= self.height {
            return None;
        }
        let (a, b) = (x - i as f32, y - j as f32);
        let mut sum = [0.0; 3];
        for (k, w) in
            [(0, (1.0 - a) * (1.0 - b)), (1, a * (1.0 - b)), (self.width, (1.0 - a) * b), (self.width + 1, a * b)]
        {
            let at = j * self.width + i + k;
            if !self.is_clean(at) {
                return None;
            }
            for (s, c) in sum.iter_mut().zip(self.rgb[at]) {
                *s += w * f32::from(c);
            }
        }
        Some(sum)
    }
}

/// Calls `visit(index, barycentric)` for the texels whose centres lie in a triangle.
pub(super) fn for_texels(corners: &[[f32; 2]; 3], width: usize, height: usize, mut visit: impl FnMut(usize, [f32; 3])) {
    let [a, b, c] = corners;
    let cross = |p: &[f32; 2], q: &[f32; 2], x: f32, y: f32| (q[0] - p[0]) * (y - p[1]) - (q[1] - p[1]) * (x - p[0]);
    let area = cross(a, b, c[0], c[1]);
    if area.abs() < 1e-9 {
        return;
    }
    let span = |k: usize, limit: usize| {
        let low = a[k].min(b[k]).min(c[k]) - 0.5;
        let high = a[k].max(b[k]).max(c[k]) - 0.5;
        (low.ceil().max(0.0) as usize, (high.floor() + 1.0).clamp(0.0, limit as f32) as usize)
    };
    let ((x0, x1), (y0, y1)) = (span(0, width), span(1, height));
    for y in y0..y1 {
        for x in x0..x1 {
            let (px, py) = (x as f32 + 0.5, y as f32 + 0.5);
            let w = [cross(b, c, px, py) / area, cross(c, a, px, py) / area, cross(a, b, px, py) / area];
            if w.iter().all(|&v| v >= -1e-5) {
                visit(y * width + x, w);
            }
        }
    }
}

/// Copies the texels of all charts.
pub(super) fn sample(
    ctx: &Ctx,
    total: u64,
    mesh: &Mesh,
    views: &[Projector],
    charts: &Charts,
    gains: &[[f32; 3]],
    load: &LoadPhoto,
) -> Result<Vec<ChartImage>, TextureError> {
    let mut of_view = vec![Vec::new(); views.len()];
    for (c, chart) in charts.list.iter().enumerate() {
        of_view[chart.view as usize].push(c);
    }
    let mut images = vec![ChartImage::default(); charts.list.len()];
    let together = rayon::current_num_threads().clamp(1, 8);
    let order: Vec<usize> = (0..views.len()).collect();
    let mut done = views.len() as u64 + 4;
    for chunk in order.chunks(together) {
        let parts: Vec<Result<Vec<(usize, ChartImage)>, TextureError>> = chunk
            .par_iter()
            .map(|&v| {
                if of_view[v].is_empty() {
                    return Ok(Vec::new());
                }
                let (photo, mask) = load_checked(load, &views[v])?;
                let (buffer, points, _) = views[v].raster(mesh);
                let tables = gains[v].map(gain_table);
                let source = Source {
                    view: &views[v],
                    views,
                    mesh,
                    photo: &photo,
                    mask: &mask,
                    buffer: &buffer,
                    points: &points,
                };
                Ok(of_view[v].par_iter().map(|&c| (c, source.copy(&charts.list[c], &tables))).collect())
            })
            .collect();
        for part in parts {
            for (c, image) in part? {
                images[c] = image;
            }
        }
        done += chunk.len() as u64;
        ctx.tick(done, total)?;
    }
    Ok(images)
}

struct Source<'a> {
    view: &'a Projector,
    views: &'a [Projector],
    mesh: &'a Mesh,
    photo: &'a Rgb8,
    mask: &'a Mask,
    buffer: &'a FaceBuffer,
    points: &'a [[f32; 3]],
}

impl Source<'_> {
    fn copy(&self, chart: &Chart, tables: &[[f32; 256]; 3]) -> ChartImage {
        let (w, h) = (chart.width, chart.height);
        let mut image = ChartImage { width: w, height: h, rgb: vec![[0; 3]; w * h], flags: vec![0; w * h] };
        // 1/z of the surface at each texel; 0 outside.
        let mut inverse_depth = vec![0f32; w * h];
        for &f in &chart.faces {
            let corners = chart.corners(self.views, self.mesh, f);
            let z = self.mesh.triangles[f as usize].map(|v| 1.0 / self.points[v as usize][2]);
            for_texels(&corners, w, h, |i, b| {
                image.flags[i] |= INSIDE | RING;
                inverse_depth[i] = inverse_depth[i].max(b[0] * z[0] + b[1] * z[1] + b[2] * z[2]);
            });
            // Texels under the sides of faces too thin to hold a centre.
            for k in 0..3 {
                let (p, q) = (corners[k], corners[(k + 1) % 3]);
                let steps = (2.0 * (q[0] - p[0]).hypot(q[1] - p[1])).ceil().max(1.0) as usize;
                for s in 0..=steps {
                    let t = s as f32 / steps as f32;
                    let (x, y) = (p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1]));
                    if x >= 0.0 && y >= 0.0 && (x as usize) < w && (y as usize) < h {
                        let i = y as usize * w + x as usize;
                        image.flags[i] |= RING;
                        if inverse_depth[i] == 0.0 {
                            inverse_depth[i] = z[k] + t * (z[(k + 1) % 3] - z[k]);
                        }
                    }
                }
            }
        }
        grow_ring(&mut image, &mut inverse_depth);
        let (mut inside, mut clean) = (0usize, 0usize);
        for y in 0..h {
            for x in 0..w {
                let i = y * w + x;
                let (px, py) = self.photo_pixel(chart, x, y);
                image.rgb[i] = self.colour(chart, px, py, tables);
                if image.flags[i] & RING != 0 && self.is_clean(px, py, 1.0 / inverse_depth[i]) {
                    image.flags[i] |= CLEAN;
                }
                if image.flags[i] & INSIDE != 0 {
                    inside += 1;
                    clean += usize::from(image.flags[i] & CLEAN != 0);
                }
            }
        }
        if 3 * clean < inside || inside == 0 {
            for f in image.flags.iter_mut().filter(|f| **f & RING != 0) {
                *f |= CLEAN;
            }
        }
        image
    }

    fn photo_pixel(&self, chart: &Chart, x: usize, y: usize) -> (f64, f64) {
        let at = |i: usize, k: usize| (f64::from(chart.origin[k]) + i as f64 + 0.5) / chart.scale;
        (at(x, 0), at(y, 1))
    }

    /// The photo's colour after the gain; the mean over the texel where texels are larger than pixels.
    fn colour(&self, chart: &Chart, px: f64, py: f64, tables: &[[f32; 256]; 3]) -> [u8; 3] {
        if chart.scale == 1.0 {
            let c = self.photo.clamped(px.floor() as isize, py.floor() as isize);
            return std::array::from_fn(|k| (tables[k][c[k] as usize] + 0.5) as u8);
        }
        let size = 1.0 / chart.scale;
        let n = size.ceil().clamp(1.0, 8.0) as usize;
        let mut sum = [0f32; 3];
        for j in 0..n {
            for i in 0..n {
                let offset = |k: usize| ((k as f64 + 0.5) / n as f64 - 0.5) * size;
                let c = self.photo.bilinear((px + offset(i)) as f32, (py + offset(j)) as f32);
                for (s, v) in sum.iter_mut().zip(c) {
                    *s += v;
                }
            }
        }
        std::array::from_fn(|k| {
            let v = sum[k] / (n * n) as f32;
            let (low, part) = (v as usize, v.fract());
            let t = &tables[k];
            (t[low] * (1.0 - part) + t[(low + 1).min(255)] * part + 0.5) as u8
        })
    }

    /// Whether the photo shows a surface at depth `z` at and around a pixel.
    fn is_clean(&self, px: f64, py: f64, z: f32) -> bool {
        if px < 0.0 || py < 0.0 || px >= self.photo.width as f64 || py >= self.photo.height as f64 {
            return false;
        }
        if !self.mask.at(px as usize, py as usize) {
            return false;
        }
        let depth = &self.buffer.depth;
        let (sx, sy) = (depth.width as f64 / self.photo.width as f64, depth.height as f64 / self.photo.height as f64);
        let (i, j) = ((px * sx) as isize, (py * sy) as isize);
        let pixel = z / (self.view.camera.f * sx) as f32;
        let same = |di: isize, dj: isize| (depth.clamped(i + di, j + dj) - z).abs() <= STEP_PX * pixel;
        same(0, 0) && same(1, 0) && same(-1, 0) && same(0, 1) && same(0, -1)
    }
}

/// Adds the neighbours of inside texels to the ring, with their depth.
fn grow_ring(image: &mut ChartImage, inverse_depth: &mut [f32]) {
    let (w, h) = (image.width, image.height);
    let before: Vec<(u8, f32)> = image.flags.iter().copied().zip(inverse_depth.iter().copied()).collect();
    for y in 0..h {
        for x in 0..w {
            let i = y * w + x;
            if before[i].0 != 0 {
                continue;
            }
            for n in neighbours(x, y, w, h) {
                if before[n].0 != 0 {
                    image.flags[i] = RING;
                    inverse_depth[i] = before[n].1;
                    break;
                }
            }
        }
    }
}

/// Indices of the up to eight texels around one.
pub(super) fn neighbours(x: usize, y: usize, w: usize, h: usize) -> impl Iterator<Item = usize> {
    let (x0, x1, y0, y1) = (x.saturating_sub(1), (x + 1).min(w - 1), y.saturating_sub(1), (y + 1).min(h - 1));
    (y0..=y1)
        .flat_map(move |j| (x0..=x1).map(move |i| (i, j)))
        .filter(move |&p| p != (x, y))
        .map(move |(i, j)| j * w + i)
}

/// Fills texels that are not clean from clean ones: everything inside, and `padding` texels around.
pub(super) fn complete(images: &mut [ChartImage], padding: usize) {
    images.par_iter_mut().for_each(|image| {
        let (w, h) = (image.width, image.height);
        // 0 = open, 1 = in the front, 2 = known.
        let mut state: Vec<u8> = image.flags.iter().map(|f| if f & CLEAN != 0 { 2 } else { 0 }).collect();
        let beside = |i: usize| neighbours(i % w, i / w, w, h);
        let mut front: Vec<usize> =
            (0..state.len()).filter(|&i| state[i] == 0 && beside(i).any(|k| state[k] == 2)).collect();
        let mut level = 0;
        while !front.is_empty() {
            for &i in &front {
                state[i] = 1;
            }
            for &i in &front {
                let (mut sum, mut n) = ([0u32; 3], 0);
                for k in beside(i).filter(|&k| state[k] == 2) {
                    n += 1;
                    for (s, c) in sum.iter_mut().zip(image.rgb[k]) {
                        *s += u32::from(c);
                    }
                }
                image.rgb[i] = sum.map(|s| ((s + n / 2) / n.max(1)) as u8);
            }
            for &i in &front {
                state[i] = 2;
            }
            level += 1;
            let mut next = Vec::new();
            for &i in &front {
                for k in beside(i) {
                    if state[k] == 0 && (level < padding + 2 || image.flags[k] & RING != 0) {
                        state[k] = 1;
                        next.push(k);
                    }
                }
            }
            front = next;
        }
    });
}
