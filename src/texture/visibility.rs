//! Which views see which faces, how well, and in what colour.
//!
//! - In: mesh, views, pixels. Out: [`Candidates`]: for each face up to [`SLOTS`] views with a quality (the integral of
//!   the gradient magnitude over the face's pixels, in pixels times sRGB) and the mean colour in linear light.
//! - Method: a face-id raster of each view; one pass over its pixels adds up count, gradient and colour of each face;
//!   faces under [`SMALL_PX`] pixels that cover no pixel's centre are tested by the depth at their centroid. A face must
//!   be within the largest angle to the camera (its back may be: where it is seen, it is a sheet without an inside),
//!   project wholly into the image, and be seen to at least 20 %.
//! - Source: Waechter et al. 2014, section 4.1 (data term); rasters instead of rays are our change: O(pixels) a view.
//! - Cost: one raster and one photo a view; photos above [`RASTER_PX`] are halved for this.
//! - Failure modes: a photo that cannot be read is left out with a warning.

use super::{LoadPhoto, TextureError, TextureOptions, TextureView, load_checked};
use crate::base::{Ctx, Diagnostic, PhotoId, stats};
use crate::camera::Pinhole;
use crate::image::colour::linear_of_u8;
use crate::image::raster::{FaceBuffer, NO_FACE, View, rasterise};
use crate::image::{Mask, Plane, Rgb8};
use crate::scene::Mesh;
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

/// Views remembered for each face before the choice.
pub(super) const SLOTS: usize = 24;
/// Projected area in pixels under which a face counts as small.
const SMALL_PX: f64 = 6.0;
/// Views are rasterised with at most this many pixels.
const RASTER_PX: f64 = 5e6;
/// Least share of a face that must be seen.
const MIN_SHARE: f32 = 0.2;

/// A view with its matrix.
#[derive(Clone)]
pub(super) struct Projector {
    pub photo: PhotoId,
    pub camera: Pinhole,
    rotation: Matrix3<f64>,
    translation: Vector3<f64>,
    pub centre: Vector3<f64>,
}

impl Projector {
    pub fn new(view: &TextureView) -> Self {
        Self {
            photo: view.photo,
            camera: view.camera,
            rotation: view.pose.matrix(),
            translation: view.pose.translation,
            centre: view.pose.centre(),
        }
    }

    pub fn in_camera(&self, p: &Vector3<f64>) -> Vector3<f64> {
        self.rotation * p + self.translation
    }

    /// Pixel and depth; far outside where the point is behind the camera.
    pub fn pixel(&self, p: &Vector3<f64>) -> ([f64; 2], f64) {
        let x = self.in_camera(p);
        match self.camera.project(&x) {
            Some(u) => ([u.x, u.y], x.z),
            None => ([-1e6, -1e6], x.z),
        }
    }

    /// Factor by which its images are reduced for rasters.
    pub fn raster_scale(&self) -> f64 {
        let pixels = f64::from(self.camera.width) * f64::from(self.camera.height);
        let mut scale = 1.0;
        while pixels * scale * scale > RASTER_PX {
            scale *= 0.5;
        }
        scale
    }

    /// The faces it sees, at its raster's scale.
    pub fn raster(&self, mesh: &Mesh) -> (FaceBuffer, Vec<[f32; 3]>, Pinhole) {
        let camera = self.camera.scaled(self.raster_scale());
        let points: Vec<[f32; 3]> =
            mesh.vertices.par_iter().with_min_len(4096).map(|p| self.in_camera(p).map(|v| v as f32).into()).collect();
        // Nothing that a flight sees is nearer than a thousandth of the farthest point, or 5 cm.
        let far = points.iter().fold(0f32, |m, p| m.max(p[2]));
        let near = f64::from(far) * 1e-4;
        let buffer = rasterise(&points, &mesh.triangles, &View::of_pinhole(&camera, near.max(1e-9)));
        (buffer, points, camera)
    }
}

/// One view of one face.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Candidate {
    /// Index of the view.
    pub view: u32,
    /// Gradient magnitude integrated over the face in the photo.
    pub quality: f32,
    /// Mean colour: linear light times 65535.
    pub colour: [u16; 3],
}

/// The views of each face.
pub(super) struct Candidates {
    items: Vec<Candidate>,
    count: Vec<u8>,
}

impl Candidates {
    fn new(faces: usize) -> Self {
        Self { items: vec![Candidate::default(); faces * SLOTS], count: vec![0; faces] }
    }

    /// Number of faces.
    pub fn faces(&self) -> usize {
        self.count.len()
    }

    /// The views of a face.
    pub fn of(&self, face: usize) -> &[Candidate] {
        &self.items[face * SLOTS..face * SLOTS + self.count[face] as usize]
    }

    /// Whether no face has a view.
    pub fn is_empty(&self) -> bool {
        self.count.iter().all(|&c| c == 0)
    }

    fn insert(&mut self, found: &[Option<Candidate>]) {
        self.items.par_chunks_mut(SLOTS).zip(&mut self.count).zip(found).with_min_len(1024).for_each(
            |((slots, count), new)| {
                let Some(new) = new else { return };
                if (*count as usize) < SLOTS {
                    slots[*count as usize] = *new;
                    *count += 1;
                } else if let Some(worst) = slots.iter_mut().min_by(|a, b| a.quality.total_cmp(&b.quality))
                    && worst.quality < new.quality
                {
                    *worst = *new;
                }
            },
        );
    }
}

/// Median over the surface of the size of a pixel in metres in the photo that is nearest.
pub(super) fn median_pixel_size(mesh: &Mesh, views: &[TextureView]) -> f64 {
    let step = mesh.triangles.len().div_ceil(5000);
    let views: Vec<Projector> = views.iter().map(Projector::new).collect();
    let sizes: Vec<f64> = (0..mesh.triangles.len())
        .into_par_iter()
        .step_by(step)
        .filter_map(|t| {
            let [a, b, c] = mesh.corners(t);
            views
                .iter()
                .filter_map(|p| {
                    let ([u, v], z) = p.pixel(&((a + b + c) / 3.0));
                    let inside = u > 0.0 && v > 0.0 && u < f64::from(p.camera.width) && v < f64::from(p.camera.height);
                    inside.then_some(z / p.camera.f)
                })
                .min_by(f64::total_cmp)
        })
        .collect();
    stats::median(&sizes).unwrap_or(1.0)
}

/// Looks through every view.
pub(super) fn observe(
    ctx: &Ctx,
    total: u64,
    mesh: &Mesh,
    views: &[Projector],
    load: &LoadPhoto,
    options: &TextureOptions,
) -> Result<Candidates, TextureError> {
    let mut seen = Candidates::new(mesh.triangles.len());
    let normals: Vec<Vector3<f64>> =
        (0..mesh.triangles.len()).into_par_iter().with_min_len(4096).map(|t| mesh.area_normal(t)).collect();
    let together = rayon::current_num_threads().clamp(1, 8);
    for (c, chunk) in views.chunks(together).enumerate() {
        let found: Vec<Result<Vec<Option<Candidate>>, TextureError>> = chunk
            .par_iter()
            .enumerate()
            .map(|(i, view)| observe_one((c * together + i) as u32, view, mesh, &normals, load, options))
            .collect();
        for (view, found) in chunk.iter().zip(found) {
            match found {
                Ok(found) => seen.insert(&found),
                Err(TextureError::PhotoUnreadable { reason, .. }) => ctx.report(Diagnostic::warning(
                    "photo-unreadable",
                    view.photo.to_string(),
                    format!("photo {} gives no texture: {reason}", view.photo),
                    "Check that the photo is still where it was and opens in a viewer.",
                )),
                Err(other) => return Err(other),
            }
        }
        ctx.tick(((c + 1) * together).min(views.len()) as u64, total)?;
    }
    Ok(seen)
}

#[derive(Clone, Copy, Default)]
struct Sum {
    pixels: u32,
    gradient: f32,
    colour: [f32; 3],
}

fn observe_one(
    index: u32,
    view: &Projector,
    mesh: &Mesh,
    normals: &[Vector3<f64>],
    load: &LoadPhoto,
    options: &TextureOptions,
) -> Result<Vec<Option<Candidate>>, TextureError> {
    let (photo, mask) = load_checked(load, view)?;
    let (buffer, points, camera) = view.raster(mesh);
    let (width, height) = (camera.width as usize, camera.height as usize);
    let mask = reduced_mask(&mask, width, height);
    let photo = photo.reduced(width, height);
    let gradient = gradient_magnitude(&photo.to_grey());
    let mut sums = vec![Sum::default(); mesh.triangles.len()];
    for (i, &face) in buffer.face.data.iter().enumerate() {
        if face != NO_FACE && mask.data[i] {
            let s = &mut sums[face as usize];
            s.pixels += 1;
            s.gradient += gradient.data[i];
            for (sum, v) in s.colour.iter_mut().zip(photo.data[i]) {
                *sum += linear_of_u8(v);
            }
        }
    }
    let raster = View::of_pinhole(&camera, 1e-6);
    let f = camera.f as f32;
    let scene = Scene { raster, f, buffer: &buffer, points: &points, photo: &photo, gradient: &gradient, mask: &mask };
    let min_cos = options.max_angle.cos();
    Ok((0..mesh.triangles.len())
        .into_par_iter()
        .with_min_len(4096)
        .map(|f| {
            let [a, b, c] = mesh.corners(f);
            let to_camera = view.centre - (a + b + c) / 3.0;
            let cos = normals[f].dot(&to_camera).abs() / (normals[f].norm() * to_camera.norm());
            // NaN (a face without area) is not greater.
            if cos > min_cos { scene.candidate(index, &mesh.triangles[f], &sums[f], f as u32) } else { None }
        })
        .collect())
}

struct Scene<'a> {
    raster: View,
    /// Focal length in pixels.
    f: f32,
    buffer: &'a FaceBuffer,
    points: &'a [[f32; 3]],
    photo: &'a Rgb8,
    gradient: &'a Plane,
    mask: &'a Mask,
}

impl Scene<'_> {
    fn candidate(&self, view: u32, t: &[u32; 3], sum: &Sum, face: u32) -> Option<Candidate> {
        let corners = t.map(|v| self.points[v as usize]);
        let mut p = [[0.0; 2]; 3];
        let (w, h) = (self.raster.width as f64, self.raster.height as f64);
        for (p, corner) in p.iter_mut().zip(&corners) {
            *p = self.raster.project(corner)?;
            if p[0] < 2.0 || p[1] < 2.0 || p[0] > w - 2.0 || p[1] > h - 2.0 {
                return None;
            }
        }
        let cross = (p[1][0] - p[0][0]) * (p[2][1] - p[0][1]) - (p[1][1] - p[0][1]) * (p[2][0] - p[0][0]);
        let area = (cross.abs() / 2.0) as f32;
        let share = sum.pixels as f32 / area;
        if f64::from(area) >= SMALL_PX && share < MIN_SHARE {
            return None;
        }
        let (gradient, colour) = if sum.pixels > 0 {
            (sum.gradient / sum.pixels as f32, sum.colour.map(|v| v / sum.pixels as f32))
        } else {
            self.centroid(&corners, &p, face)?
        };
        let share = if f64::from(area) >= SMALL_PX { share.min(1.0) } else { 1.0 };
        let quality = gradient * area * share * share;
        Some(Candidate { view, quality, colour: colour.map(|v| (v * 65535.0 + 0.5) as u16) })
    }

    /// Gradient and colour at the centroid of a face that covers no pixel's centre, if it is the nearest there.
    fn centroid(&self, corners: &[[f32; 3]; 3], p: &[[f64; 2]; 3], face: u32) -> Option<(f32, [f32; 3])> {
        let z = corners.iter().map(|c| c[2]).sum::<f32>() / 3.0;
        let (x, y) = ((p[0][0] + p[1][0] + p[2][0]) / 3.0, (p[0][1] + p[1][1] + p[2][1]) / 3.0);
        let (i, j) = (x as usize, y as usize);
        let tolerance = 3.0 * z / self.f;
        let near = self.buffer.face.at(i, j) == face || (self.buffer.depth.at(i, j) - z).abs() <= tolerance;
        (near && self.mask.at(i, j)).then(|| (self.gradient.at(i, j), self.photo.at(i, j).map(linear_of_u8)))
    }
}

/// Sobel gradient magnitude per pixel.
fn gradient_magnitude(grey: &Plane) -> Plane {
    let (w, h) = (grey.width, grey.height);
    let mut out = Plane::filled(w, h, 0.0);
    out.data.par_chunks_mut(w).enumerate().for_each(|(y, row)| {
        if y == 0 || y + 1 >= h {
            return;
        }
        let (a, b, c) = (grey.row(y - 1), grey.row(y), grey.row(y + 1));
        for x in 1..w.saturating_sub(1) {
            let gx = (a[x + 1] - a[x - 1]) + 2.0 * (b[x + 1] - b[x - 1]) + (c[x + 1] - c[x - 1]);
            let gy = (c[x - 1] - a[x - 1]) + 2.0 * (c[x] - a[x]) + (c[x + 1] - a[x + 1]);
            row[x] = (gx * gx + gy * gy).sqrt() / 8.0;
        }
    });
    out
}

/// A mask at a lower resolution: a pixel is kept where all of it is.
fn reduced_mask(mask: &Mask, width: usize, height: usize) -> Mask {
    if mask.width == width && mask.height == height {
        return mask.clone();
    }
    let mut out = Mask::filled(width, height, true);
    for y in 0..mask.height {
        for x in 0..mask.width {
            if !mask.at(x, y) {
                *out.at_mut((x * width / mask.width).min(width - 1), (y * height / mask.height).min(height - 1)) =
                    false;
            }
        }
    }
    out
}
