//! Pictures of the city, of plain meshes and of points, on the CPU: for reports, thumbnails, orthophotos and evaluation.
//!
//! - In: [`City`], [`Mesh`] or [`PointCloud`] and a [`Camera`]. Out: sRGB pictures and a mask of what was drawn, heights.
//! - Method: the rasteriser of [`crate::image::raster`] at `supersample` times the size, bilinear texture samples, mean
//!   over each pixel. Cost: about 0.3 s for a megapixel, four samples each, on two cores.
//! - Failure modes: textures much finer than the pixels alias; raise `supersample`.

use crate::camera::Pinhole;
use crate::geometry::{Rigid3, nearest_rotation};
use crate::image::raster::{FaceBuffer, NO_FACE, Projection, View, rasterise};
use crate::image::{Grid, Mask, Rgb8};
use crate::scene::{City, Mesh, PointCloud};
use nalgebra::Vector3;
use rayon::prelude::*;

/// What a picture is taken with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Camera {
    /// A pinhole camera.
    Perspective {
        /// Size and calibration.
        camera: Pinhole,
        /// `cam_from_world`.
        pose: Rigid3,
    },
    /// Parallel rays.
    Parallel {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Pixels per metre.
        scale: f64,
        /// `cam_from_world`; the camera's z axis passes through the middle of the picture.
        pose: Rigid3,
    },
}

/// How to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenderOptions {
    /// Samples per pixel and axis, 1 to 8.
    pub supersample: u32,
    /// Colour where nothing is.
    pub background: [u8; 3],
    /// Share of the light that depends on the surface's direction, 0 (flat colours) to 1.
    pub shading: f32,
    /// How much darker narrow places are that lie behind those beside them (letters cut in, feet of walls), 0 to 1.
    pub cavities: f32,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { supersample: 2, background: [255; 3], shading: 0.0, cavities: 0.0 }
    }
}

/// Share of a picture that [`Camera::overview`] fills.
pub const FILLED: f64 = 0.98;
/// Pixels to either side that make a place a cavity.
const CAVITY: isize = 3;

impl Camera {
    /// Looks at everything between `low` and `high` along parallel rays: `azimuth` is the compass direction of the view
    /// (0 = to the north), `elevation` how far it looks down (both radians; pi/2 is a map with north up).
    pub fn overview(bounds: (Vector3<f64>, Vector3<f64>), azimuth: f64, elevation: f64, size: (u32, u32)) -> Self {
        let (low, high) = bounds;
        let forward = Vector3::new(azimuth.sin() * elevation.cos(), azimuth.cos() * elevation.cos(), -elevation.sin());
        let right = Vector3::new(azimuth.cos(), -azimuth.sin(), 0.0);
        let down = forward.cross(&right);
        let rotation = nearest_rotation(&nalgebra::Matrix3::from_rows(&[
            right.transpose(),
            down.transpose(),
            forward.transpose(),
        ]));
        let corner = |i: usize| Vector3::from_fn(|k, _| if i >> k & 1 == 0 { low[k] } else { high[k] });
        let mut extent = (Vector3::repeat(f64::INFINITY), Vector3::repeat(-f64::INFINITY));
        for i in 0..8 {
            let p = rotation * corner(i);
            extent = (extent.0.inf(&p), extent.1.sup(&p));
        }
        let span = (extent.1 - extent.0).map(|v| v.max(1e-9));
        let scale = (f64::from(size.0) / span.x).min(f64::from(size.1) / span.y) * FILLED;
        let middle = (extent.0 + extent.1) / 2.0;
        let translation = Vector3::new(-middle.x, -middle.y, span.z - extent.0.z);
        Self::Parallel { width: size.0, height: size.1, scale, pose: Rigid3::new(rotation, translation) }
    }

    fn pose(&self) -> &Rigid3 {
        match self {
            Self::Perspective { pose, .. } | Self::Parallel { pose, .. } => pose,
        }
    }

    /// The view with `k` samples per pixel and axis.
    fn view(&self, k: u32, far: f32) -> View {
        let k = f64::from(k);
        let near = (f64::from(far) * 1e-5).max(1e-9);
        let size = |v: u32| (f64::from(v) * k) as usize;
        match *self {
            Self::Perspective { camera: c, .. } => View {
                width: size(c.width),
                height: size(c.height),
                projection: Projection::Perspective { f: c.f * k, cx: c.cx * k, cy: c.cy * k },
                near,
            },
            Self::Parallel { width, height, scale, .. } => {
                let (cx, cy) = (f64::from(width) * k / 2.0, f64::from(height) * k / 2.0);
                let projection = Projection::Orthographic { scale: scale * k, cx, cy };
                View { width: size(width), height: size(height), projection, near }
            }
        }
    }
}

/// A mesh seen by a camera.
struct Sight<'a> {
    mesh: &'a Mesh,
    view: View,
    points: Vec<[f32; 3]>,
    buffer: FaceBuffer,
}

impl<'a> Sight<'a> {
    fn of(mesh: &'a Mesh, camera: &Camera, supersample: u32) -> Self {
        let pose = *camera.pose();
        let points: Vec<[f32; 3]> =
            mesh.vertices.par_iter().with_min_len(4096).map(|p| pose.apply(p).map(|v| v as f32).into()).collect();
        let far = points.iter().fold(0f32, |m, p| m.max(p[2]));
        let view = camera.view(supersample.clamp(1, 8), far);
        let buffer = rasterise(&points, &mesh.triangles, &view);
        Self { mesh, view, points, buffer }
    }

    /// How far a sample lies behind those `reach` samples to both sides of it, 0 (a plane, an edge) to 1 (as far as wide).
    fn cavity(&self, x: usize, y: usize, reach: isize) -> f32 {
        let depth = &self.buffer.depth;
        let at = |dx: isize, dy: isize| {
            let (x, y) = (x.checked_add_signed(dx)?, y.checked_add_signed(dy)?);
            (x < depth.width && y < depth.height).then(|| depth.at(x, y)).filter(|z| z.is_finite())
        };
        let here = depth.at(x, y);
        let per_unit = match self.view.projection {
            Projection::Perspective { f, .. } => f as f32 / here,
            Projection::Orthographic { scale, .. } => scale as f32,
        };
        let behind = |(dx, dy): (isize, isize)| match (at(dx * reach, dy * reach), at(-dx * reach, -dy * reach)) {
            (Some(a), Some(b)) => ((here - (a + b) / 2.0) * per_unit / reach as f32).clamp(0.0, 1.0),
            _ => 0.0,
        };
        [(1, 0), (0, 1), (1, 1), (1, -1)].map(behind).iter().sum::<f32>() / 4.0
    }

    /// Draws with `colour(face, barycentric)` and averages.
    fn draw(&self, options: &RenderOptions, colour: impl Fn(usize, [f32; 3]) -> [f32; 3] + Sync) -> (Rgb8, Mask) {
        let RenderOptions { background, cavities, .. } = *options;
        let k = options.supersample.clamp(1, 8) as usize;
        let (w, h) = (self.view.width / k, self.view.height / k);
        let rows: Vec<(Vec<[u8; 3]>, Vec<bool>)> = (0..h)
            .into_par_iter()
            .map(|y| {
                (0..w)
                    .map(|x| {
                        let mut sum = [0f32; 3];
                        let mut hits = 0usize;
                        for (i, j) in (0..k * k).map(|s| (x * k + s % k, y * k + s / k)) {
                            let face = self.buffer.face.at(i, j);
                            let c = if face == NO_FACE {
                                background.map(f32::from)
                            } else {
                                hits += 1;
                                let corners = self.mesh.triangles[face as usize].map(|v| self.points[v as usize]);
                                let b = self.view.barycentric(&corners, i as f64 + 0.5, j as f64 + 0.5);
                                let c = colour(face as usize, b);
                                if cavities > 0.0 {
                                    let light = 1.0 - cavities * self.cavity(i, j, CAVITY * k as isize);
                                    c.map(|v| v * light)
                                } else {
                                    c
                                }
                            };
                            for (s, v) in sum.iter_mut().zip(c) {
                                *s += v;
                            }
                        }
                        (sum.map(|s| (s / (k * k) as f32 + 0.5).clamp(0.0, 255.0) as u8), hits == k * k)
                    })
                    .unzip()
            })
            .collect();
        let (mut image, mut mask) = (Vec::with_capacity(w * h), Vec::with_capacity(w * h));
        for (pixels, drawn) in rows {
            image.extend(pixels);
            mask.extend(drawn);
        }
        (Rgb8 { width: w, height: h, data: image }, Mask { width: w, height: h, data: mask })
    }

    /// Light on each face: 1 less `share` where it faces away from a light up and to the left behind the camera.
    fn light(&self, share: f32) -> Vec<f32> {
        let direction = Vector3::new(-0.45, -0.6, -0.66).normalize();
        self.mesh
            .triangles
            .par_iter()
            .with_min_len(4096)
            .map(|t| {
                let [a, b, c] = t.map(|v| Vector3::from(self.points[v as usize]));
                let normal = (b - a).cross(&(c - a)).try_normalize(0.0).unwrap_or_default();
                // Both sides are lit alike.
                1.0 - share * (1.0 - normal.dot(&direction).abs())
            })
            .collect()
    }
}

/// Colour of the city's texture at a point of a face (sRGB, 0..=255).
pub fn texture_at(city: &City, face: usize, barycentric: [f32; 3]) -> [f32; 3] {
    let Some(page) = city.pages.get(usize::from(city.page[face])) else { return [0.0; 3] };
    let uv = &city.uvs[face];
    let at = |k: usize| (0..3).map(|i| barycentric[i] * uv[i][k]).sum::<f32>();
    let image = &page.image;
    image.bilinear(at(0) * image.width as f32, at(1) * image.height as f32)
}

/// Draws the textured city. The mask is true where it covers a pixel wholly.
pub fn render_city(city: &City, camera: &Camera, options: &RenderOptions) -> (Rgb8, Mask) {
    let sight = Sight::of(&city.mesh, camera, options.supersample);
    let light = (options.shading > 0.0).then(|| sight.light(options.shading));
    sight.draw(options, |face, b| {
        let c = texture_at(city, face, b);
        light.as_ref().map_or(c, |l| c.map(|v| v * l[face]))
    })
}

/// For each pixel of a camera without supersampling: whether it sees a face that a photo textures.
pub fn seen_mask(city: &City, camera: &Camera) -> Mask {
    let buffer = Sight::of(&city.mesh, camera, 1).buffer.face;
    let data = buffer.data.iter().map(|&f| f != NO_FACE && city.views[f as usize] > 0).collect();
    Mask { width: buffer.width, height: buffer.height, data }
}

/// Draws a mesh without colours, as if of clay.
pub fn render_mesh(mesh: &Mesh, camera: &Camera, options: &RenderOptions) -> (Rgb8, Mask) {
    let sight = Sight::of(mesh, camera, options.supersample);
    let light = sight.light(if options.shading > 0.0 { options.shading } else { 0.75 });
    sight.draw(options, |face, _| [214.0, 208.0, 198.0].map(|v| v * light[face]))
}

/// Draws points as squares of `radius` pixels around them; nearer ones hide others.
pub fn render_points(cloud: &PointCloud, camera: &Camera, radius: f64, background: [u8; 3]) -> (Rgb8, Mask) {
    let pose = *camera.pose();
    let points: Vec<[f32; 3]> = cloud
        .points
        .par_iter()
        .map(|p| pose.apply(&Vector3::from(p.position).cast()).map(|v| v as f32).into())
        .collect();
    let far = points.iter().fold(0f32, |m, p| m.max(p[2]));
    let view = camera.view(1, far);
    let mut image = Rgb8::filled(view.width, view.height, background);
    let mut depth = Grid::filled(view.width, view.height, f32::INFINITY);
    let mut mask = Mask::filled(view.width, view.height, false);
    for (p, point) in points.iter().zip(&cloud.points) {
        let Some([u, v]) = view.project(p) else { continue };
        let range = |c: f64, n: usize| {
            let first = (c - radius).ceil().max(0.0) as usize;
            first..((c + radius).ceil().clamp(0.0, n as f64) as usize).max(first)
        };
        for y in range(v - 0.5, view.height) {
            for x in range(u - 0.5, view.width) {
                if p[2] < depth.at(x, y) {
                    *depth.at_mut(x, y) = p[2];
                    *image.at_mut(x, y) = point.colour;
                    *mask.at_mut(x, y) = true;
                }
            }
        }
    }
    (image, mask)
}

/// Heights and a true orthophoto.
#[derive(Clone, Debug, PartialEq)]
pub struct Orthophoto {
    /// Height of the topmost surface in metres; NaN where there is none.
    pub height: Grid<f32>,
    /// Its colour.
    pub image: Rgb8,
    /// East of the left edge, north of the top edge (local metres).
    pub origin: [f64; 2],
    /// Size of a pixel in metres.
    pub gsd: f64,
}

/// Heights and orthophoto of the area `bounds` = (west, south, east, north) in local metres; rows from north to south.
/// The centre of pixel (i, j) is at east `origin[0] + (i + 0.5) gsd`, north `origin[1] - (j + 0.5) gsd`.
pub fn dsm_and_ortho(city: &City, bounds: [f64; 4], gsd: f64, options: &RenderOptions) -> Orthophoto {
    let [west, south, east, north] = bounds;
    let pixels = |span: f64| ((span / gsd).round().max(1.0)) as u32;
    let (width, height) = (pixels(east - west), pixels(north - south));
    let top = city.mesh.bounds().map_or(0.0, |b| b.1.z) + 1.0;
    // x right = east, y down = south, z forward = down.
    let rotation = nearest_rotation(&nalgebra::Matrix3::new(1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0));
    let middle = Vector3::new(west + f64::from(width) * gsd / 2.0, north - f64::from(height) * gsd / 2.0, top);
    let pose = Rigid3::from_rotation_and_centre(rotation, middle);
    let camera = Camera::Parallel { width, height, scale: 1.0 / gsd, pose };
    let (image, _) = render_city(city, &camera, options);
    let depth = Sight::of(&city.mesh, &camera, 1).buffer.depth;
    let data = depth.data.iter().map(|&z| if z.is_finite() { top as f32 - z } else { f32::NAN }).collect();
    let height = Grid { width: depth.width, height: depth.height, data };
    Orthophoto { height, image, origin: [west, north], gsd }
}
