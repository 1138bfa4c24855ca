//! PatchMatch stereo of one reference image against up to eight sources: hypotheses, parameters, the two twins.
//!
//! A hypothesis is a plane through the pixel, written as the inverse depth `q` there and its gradient `(gx, gy)` for each
//! pixel: the inverse depth of a plane is affine in pixel coordinates, so that a neighbour's plane moves to this pixel by
//! `q + gx dx + gy dy` and the plane-induced homography is linear in `(q, gx, gy)`.
//! Coordinates in here are pixel *indices* (first pixel's centre at 0), depth in world units.
//!
//! In: [`Problem`] (images as packed 2x2 neighbourhoods, so that one load gives the four taps of a bilinear sample),
//! [`State`]. Out: the state after a number of [`Pass`]es.
//! Source: Q. Xu and W. Tao, "Multi-Scale Geometric Consistency Guided Multi-View Stereo", CVPR 2019 (checkerboard
//! propagation from the best sample of eight regions, joint view selection, geometric term), with three changes: view
//! weights are the normalised probabilities instead of 15 draws from them; the forward-backward error follows the
//! source's plane to the sub-pixel position, so that slanted surfaces have none; a prior plane enters where the patch has
//! no texture (OpenMVS's low-resolution prior, and Q. Xu and W. Tao, "Planar Prior Assisted PatchMatch Multi-View
//! Stereo", AAAI 2020).
//! Cost: about 50 patch comparisons of 32 samples for each pixel and pass.
//! Twins: `shaders/dense/patch_match.wgsl` and [`cpu()`]. Both draw the same random numbers; sums differ in their last bits,
//! which decides ties between planes. Tested, on pixels with a cost below 0.5: after one sweep from a common state at
//! most 1 % have an inverse depth that differs by more than 0.1 %, the median difference of the costs is at most 2e-5,
//! and at most 0.2 % of the sets of sources differ; after six sweeps from random planes (15 %, 6e-5, 1 %), where the
//! shares of wrong depths against the truth differ by less than 1 %. Each twin by itself gives equal bits each time.
//! Failure modes: textureless or moving surface gets an arbitrary plane with a cost near 1: filter by consistency.

mod cpu;
mod gpu;
mod patch;
mod zncc;
mod zncc_x86;

pub use cpu::cpu;
pub use gpu::gpu;

use crate::camera::Pinhole;
use crate::geometry::Rigid3;
use bytemuck::{Pod, Zeroable};
use nalgebra::{Matrix3, Vector3};

/// Most sources of one problem.
pub const MAX_SOURCES: usize = 8;
/// Cost of a hypothesis that a source cannot see.
pub const WORST: f32 = 2.0;
/// Weight of the forward-backward error in pixels, and the error at which it saturates (ACMM: 0.2 and 3).
pub const GEOMETRIC_WEIGHT: f32 = 0.2;
/// See [`GEOMETRIC_WEIGHT`].
pub const GEOMETRIC_LIMIT: f32 = 3.0;

/// Uniform parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Params {
    /// Size of the reference image.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Number of sources.
    pub sources: u32,
    /// Pixels updated in this dispatch: (x + y) & 1.
    pub colour: u32,
    /// Counts passes, for the random numbers.
    pub iteration: u32,
    /// Seed of the random numbers.
    pub seed: u32,
    /// 1: the forward-backward error counts.
    pub geometric: u32,
    /// 1: the prior counts.
    pub prior: u32,
    /// Focal length in pixels.
    pub f: f32,
    /// Principal point as a pixel index.
    pub cx: f32,
    /// See `cx`.
    pub cy: f32,
    /// Smallest inverse depth.
    pub q_min: f32,
    /// Largest inverse depth.
    pub q_max: f32,
    /// Largest relative perturbation of the depth.
    pub depth_amplitude: f32,
    /// Largest perturbation of the normal.
    pub normal_amplitude: f32,
    /// Cost below which a neighbour's plane speaks for a source.
    pub good: f32,
    /// 1: every source is looked at, 0: only those that the pixel or a neighbour uses.
    pub explore: u32,
    /// Fills the last vector.
    pub padding: [u32; 3],
}

/// Geometry of one source.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Source {
    /// Rows of `source_from_reference`: pixel of the source ~ `a[0..3] (x, y, 1) + a[3] q`.
    pub forward: [[f32; 4]; 3],
    /// The same from the source's pixel and inverse depth back to the reference.
    pub backward: [[f32; 4]; 3],
    /// Size of the source image.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Where its image begins in [`Problem::images`].
    pub image_offset: u32,
    /// Where its planes begin in [`Problem::maps`].
    pub map_offset: u32,
}

/// One red-black sweep.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Counts passes, for the random numbers.
    pub iteration: u32,
    /// See [`Params::depth_amplitude`].
    pub depth_amplitude: f32,
    /// See [`Params::normal_amplitude`].
    pub normal_amplitude: f32,
    /// See [`Params::good`].
    pub good: f32,
    /// See [`Params::explore`].
    pub explore: u32,
}

impl Pass {
    /// The parameters of this pass.
    pub fn apply(&self, params: Params) -> Params {
        Params {
            iteration: self.iteration,
            depth_amplitude: self.depth_amplitude,
            normal_amplitude: self.normal_amplitude,
            good: self.good,
            explore: self.explore,
            ..params
        }
    }
}

/// Everything that a sweep reads and does not change.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Size, camera, flags. Colour, iteration, amplitudes are those of the pass.
    pub params: Params,
    /// The sources.
    pub sources: Vec<Source>,
    /// Packed images (see [`pack`]): the reference first, then the sources.
    pub images: Vec<u32>,
    /// Pixels of the reference to work on.
    pub mask: Vec<bool>,
    /// Planes (q, gx, gy) of the sources for the forward-backward error; empty without.
    pub maps: Vec<[f32; 3]>,
    /// Prior plane (q, gx, gy) of each pixel and its weight 0..=1; empty without.
    pub prior: Vec<[f32; 4]>,
}

/// The hypothesis of each pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// `q, gx, gy`, cost.
    pub planes: Vec<[f32; 4]>,
    /// Bit set of the sources in use.
    pub views: Vec<u32>,
}

/// Packs each pixel with its right, lower and lower right neighbour (repeated at the border) into one word, first pixel in
/// the lowest byte.
pub fn pack(grey: &[u8], width: usize, height: usize) -> Vec<u32> {
    let mut packed = Vec::with_capacity(width * height);
    for y in 0..height {
        let below = if y + 1 < height { y + 1 } else { y };
        for x in 0..width {
            let right = if x + 1 < width { x + 1 } else { x };
            let at = |x: usize, y: usize| grey[y * width + x];
            packed.push(u32::from_le_bytes([at(x, y), at(right, y), at(x, below), at(right, below)]));
        }
    }
    packed
}

/// A plane hypothesis at a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// Inverse depth.
    pub q: f32,
    /// Its change to the next pixel on the right.
    pub gx: f32,
    /// Its change to the next pixel below.
    pub gy: f32,
}

impl Plane {
    /// The same plane seen from a pixel `(dx, dy)` further.
    pub fn moved(self, dx: f32, dy: f32) -> Self {
        Self { q: self.q + self.gx * dx + self.gy * dy, ..self }
    }

    /// Whether a patch cannot tell two planes through the same pixel apart: the relative inverse depths differ by less
    /// than [`SAME`] in the centre and at the patch's border.
    pub fn is_close(self, other: Self) -> bool {
        let limit = SAME * self.q;
        (self.q - other.q).abs() <= limit
            && (self.gx - other.gx).abs() * 5.0 <= limit
            && (self.gy - other.gy).abs() * 5.0 <= limit
    }
}

/// Relative difference of inverse depth that no patch resolves: 0.01 to 0.03 pixel for usual baselines.
pub const SAME: f32 = 2e-4;
/// Smallest cosine between the ray and the normal: 84 degrees.
const LEAST_COSINE: f32 = 0.1;

impl Params {
    /// Unit normal of a plane at a pixel, facing the camera.
    pub fn normal(&self, plane: Plane, x: f32, y: f32) -> [f32; 3] {
        let (nx, ny) = (self.f * plane.gx, self.f * plane.gy);
        let nz = plane.q - plane.gx * (x - self.cx) - plane.gy * (y - self.cy);
        let scale = -1.0 / (nx * nx + ny * ny + nz * nz).sqrt().max(1e-30);
        [nx * scale, ny * scale, nz * scale]
    }

    /// The plane with inverse depth `q` at a pixel and normal `n`; `n` must face the camera.
    pub fn plane(&self, q: f32, n: [f32; 3], x: f32, y: f32) -> Plane {
        let (rx, ry) = ((x - self.cx) / self.f, (y - self.cy) / self.f);
        let facing = (n[0] * rx + n[1] * ry + n[2]).min(-1e-6);
        let scale = q / (facing * self.f);
        Plane { q, gx: n[0] * scale, gy: n[1] * scale }
    }

    /// Whether a plane lies in the depth range and is not seen edge-on.
    pub fn is_valid(&self, plane: Plane, x: f32, y: f32) -> bool {
        if !(plane.q >= self.q_min && plane.q <= self.q_max) {
            return false;
        }
        let (rx, ry) = ((x - self.cx) / self.f, (y - self.cy) / self.f);
        let (nx, ny) = (self.f * plane.gx, self.f * plane.gy);
        let nz = plane.q - plane.gx * (x - self.cx) - plane.gy * (y - self.cy);
        // |N . ray| is exactly q.
        let norms = (nx * nx + ny * ny + nz * nz) * (rx * rx + ry * ry + 1.0);
        plane.q * plane.q >= LEAST_COSINE * LEAST_COSINE * norms
    }
}

impl Source {
    /// From the two cameras (pixel conventions of [`Pinhole`]) and poses `cam_from_world`.
    pub fn new(reference: (&Pinhole, &Rigid3), source: (&Pinhole, &Rigid3)) -> Self {
        let relative = *source.1 * reference.1.inverse();
        let forward = transfer(reference.0, source.0, &relative);
        let backward = transfer(source.0, reference.0, &relative.inverse());
        Self { forward, backward, width: source.0.width, height: source.0.height, image_offset: 0, map_offset: 0 }
    }
}

/// `K_b [R K_a^-1 | t]` in pixel indices.
fn transfer(a: &Pinhole, b: &Pinhole, b_from_a: &Rigid3) -> [[f32; 4]; 3] {
    let k = |c: &Pinhole| Matrix3::new(c.f, 0.0, c.cx - 0.5, 0.0, c.f, c.cy - 0.5, 0.0, 0.0, 1.0);
    let inverse = |c: &Pinhole| {
        Matrix3::new(1.0 / c.f, 0.0, (0.5 - c.cx) / c.f, 0.0, 1.0 / c.f, (0.5 - c.cy) / c.f, 0.0, 0.0, 1.0)
    };
    let h: Matrix3<f64> = k(b) * b_from_a.matrix() * inverse(a);
    let t: Vector3<f64> = k(b) * b_from_a.translation;
    std::array::from_fn(|r| [h[(r, 0)] as f32, h[(r, 1)] as f32, h[(r, 2)] as f32, t[r] as f32])
}

#[cfg(test)]
pub(in crate::dense) mod tests;
