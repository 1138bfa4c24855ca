//! Ray-cast views of the city: perspective photos through a real lens, and straight-down rasters.
//!
//! In: the scene, a lens and pose (pixel centres at 0.5, camera x right, y down, z forward), samples per pixel.
//! Out: linear radiance per pixel, white in the sun about 1. Rays of neighbouring samples go through the hierarchy in
//! packets of sixteen; samples of one pixel on one surface share one evaluation of its texture (as in multisampling:
//! K. Akeley, "RealityEngine graphics", SIGGRAPH 1993), because the textures are band-limited to the pixel.
//! Cost: about 1 us a pixel with four samples on one core, plus textures. Deterministic: jitter is a hash of the pixel.

use super::builder::Solid;
use super::bvh::{Bvh, NONE, Packet};
use super::city::City;
use super::light::{Light, SUN};
use super::material::{Hit, shade};
use super::noise::{mix, unit};
use super::surface::{Material, Rgb, V3};
use crate::camera::Lens;
use crate::geometry::Rigid3;
use crate::image::Grid;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

const LANES: usize = 16;
const FAR: f32 = 6000.0;

/// The city ready to be looked at.
#[derive(Debug)]
pub struct Scene {
    /// The city.
    pub city: City,
    /// Hierarchy of what stands still.
    pub bvh: Bvh,
    /// The light.
    pub light: Light,
}

/// What moves, at one moment.
#[derive(Debug, Default)]
pub struct Moving {
    /// Geometry.
    pub solid: Solid,
    /// Its hierarchy.
    pub bvh: Bvh,
}

impl Moving {
    /// Prepares geometry for rays.
    pub fn new(solid: Solid) -> Self {
        let bvh = hierarchy(&solid);
        Self { solid, bvh }
    }
}

/// The hierarchy of a solid's triangles.
pub fn hierarchy(solid: &Solid) -> Bvh {
    Bvh::new(solid.triangles.len(), |i| solid.triangles[i].v.map(|v| solid.vertices[v as usize]))
}

impl Scene {
    /// Prepares a city for rays.
    pub fn new(city: City, sun: V3) -> Self {
        let bvh = hierarchy(&city.solid);
        let half = city.plan.half;
        let reach = [(half[0].max(half[1]) + 60.0).min(420.0); 2];
        let light = Light::new(&bvh, reach.map(|r| -r), reach, sun);
        Self { city, bvh, light }
    }
}

/// Directions of a camera's pixel corners, so that samples need no inversion of the lens.
#[derive(Clone, Debug)]
pub struct RayTable {
    width: usize,
    height: usize,
    focal: f32,
    corners: Vec<[f32; 2]>,
}

impl RayTable {
    /// Inverts the lens at every pixel corner; `None` where the lens cannot image the whole frame.
    pub fn new(lens: &Lens, width: usize, height: usize) -> Option<Self> {
        let corners: Option<Vec<[f32; 2]>> = (0..(width + 1) * (height + 1))
            .into_par_iter()
            .map(|k| {
                let (i, j) = (k % (width + 1), k / (width + 1));
                let ray = lens.unproject(&Vector2::new(i as f64, j as f64))?;
                Some([ray.x as f32, ray.y as f32])
            })
            .collect();
        Some(Self { width, height, focal: lens.f as f32, corners: corners? })
    }

    /// The ray (z = 1) of a point in a pixel, by bilinear interpolation: exact to 1e-7 of a focal length.
    fn ray(&self, i: usize, j: usize, x: f32, y: f32) -> V3 {
        let at = |i: usize, j: usize| self.corners[j * (self.width + 1) + i];
        let (a, b, c, d) = (at(i, j), at(i + 1, j), at(i, j + 1), at(i + 1, j + 1));
        let f = |k: usize| (a[k] * (1.0 - x) + b[k] * x) * (1.0 - y) + (c[k] * (1.0 - x) + d[k] * x) * y;
        V3::new(f(0), f(1), 1.0)
    }
}

/// How one view is sampled.
#[derive(Clone, Copy, Debug)]
pub struct Sampling {
    /// Samples along each side of a pixel.
    pub per_side: usize,
    /// Seconds, for the water.
    pub time: f32,
    /// Makes the jitter of views differ.
    pub seed: u32,
}

/// A perspective view: linear radiance.
pub fn perspective(scene: &Scene, moving: Option<&Moving>, rays: &RayTable, pose: &Rigid3, s: &Sampling) -> Grid<Rgb> {
    let centre = pose.centre().cast::<f32>();
    let turn = pose.rotation.inverse().to_rotation_matrix().matrix().cast::<f32>();
    let data = (0..rays.height)
        .into_par_iter()
        .flat_map_iter(|j| {
            let ray = |i: usize, x: f32, y: f32| {
                let d = turn * rays.ray(i, j, x, y);
                (centre, d.normalize())
            };
            row(scene, moving, j, rays.width, s, 1.0 / rays.focal, 0.0, ray)
        })
        .collect();
    Grid { width: rays.width, height: rays.height, data }
}

/// A view straight down: pixel (i, j) covers `x0 + i gsd`, `y1 - j gsd`. Radiance and height of the surface.
pub fn straight_down(scene: &Scene, x0: f64, y1: f64, gsd: f64, size: [usize; 2], s: &Sampling) -> Grid<Rgb> {
    let data = (0..size[1])
        .into_par_iter()
        .flat_map_iter(|j| {
            let ray = |i: usize, x: f32, y: f32| {
                let p = V3::new(
                    (x0 + (i as f64 + f64::from(x)) * gsd) as f32,
                    (y1 - (j as f64 + f64::from(y)) * gsd) as f32,
                    150.0,
                );
                (p, -V3::z())
            };
            row(scene, None, j, size[0], s, 0.0, gsd as f32, ray)
        })
        .collect();
    Grid { width: size[0], height: size[1], data }
}

/// Heights of the surface at pixel centres of a raster, in metres.
pub fn heights(scene: &Scene, x0: f64, y1: f64, gsd: f64, size: [usize; 2]) -> Grid<f32> {
    let data = (0..size[1])
        .into_par_iter()
        .flat_map_iter(|j| {
            (0..size[0]).map(move |i| {
                let p = V3::new((x0 + (i as f64 + 0.5) * gsd) as f32, (y1 - (j as f64 + 0.5) * gsd) as f32, 150.0);
                scene.bvh.cast(&p, &-V3::z(), FAR).map_or(0.0, |(t, _)| 150.0 - t)
            })
        })
        .collect();
    Grid { width: size[0], height: size[1], data }
}

/// One lane's hit.
#[derive(Clone, Copy)]
struct Lane {
    pixel: usize,
    surface: u32,
    moving: bool,
    p: V3,
    n: V3,
    uv: [f32; 2],
    distance: f32,
    direction: V3,
    lit: bool,
}

/// One row of pixels. `angle` is the footprint per metre of distance, `size` a fixed footprint.
#[allow(clippy::too_many_arguments, reason = "the two views differ only in these")]
fn row(
    scene: &Scene,
    moving: Option<&Moving>,
    j: usize,
    width: usize,
    s: &Sampling,
    angle: f32,
    size: f32,
    ray: impl Fn(usize, f32, f32) -> (V3, V3),
) -> Vec<Rgb> {
    let per_pixel = s.per_side * s.per_side;
    let total = width * per_pixel;
    let mut out = vec![[0.0f32; 3]; width];
    let cell = 1.0 / s.per_side as f32;
    for start in (0..total).step_by(LANES) {
        let mut origins = [V3::zeros(); LANES];
        let mut directions = [V3::z(); LANES];
        let mut pixels = [0; LANES];
        for k in 0..LANES {
            let index = (start + k).min(total - 1);
            let (i, sub) = (index / per_pixel, index % per_pixel);
            let h = mix((i as u32).wrapping_mul(0x9E37)
                ^ (j as u32).wrapping_mul(0x85EB_CA6B)
                ^ s.seed
                ^ (sub as u32) << 27);
            let (dx, dy) = (unit(h), unit(mix(h ^ 0x51ed_270b)));
            let x = ((sub % s.per_side) as f32 + 0.2 + 0.6 * dx) * cell;
            let y = ((sub / s.per_side) as f32 + 0.2 + 0.6 * dy) * cell;
            (origins[k], directions[k]) = ray(i, x, y);
            pixels[k] = i;
        }
        let count = LANES.min(total - start);
        let lanes = hits(scene, moving, &origins, &directions, &pixels);
        let sun = shadows(scene, moving, &lanes, s.seed ^ (j as u32) << 12 ^ start as u32);
        collect(scene, moving, &lanes[..count], &sun, s, angle, size, &mut out);
    }
    let share = 1.0 / per_pixel as f32;
    for c in &mut out {
        *c = c.map(|x| x * share);
    }
    out
}

fn hits(
    scene: &Scene,
    moving: Option<&Moving>,
    origins: &[V3; LANES],
    directions: &[V3; LANES],
    pixels: &[usize; LANES],
) -> [Lane; LANES] {
    let mut p = Packet::new(origins, directions, FAR);
    scene.bvh.nearest(&mut p);
    let mut q = p.clone();
    if let Some(m) = moving {
        q.id = [NONE; LANES];
        m.bvh.nearest(&mut q);
    }
    std::array::from_fn(|k| {
        let mut lane = Lane {
            pixel: pixels[k],
            surface: NONE,
            moving: moving.is_some() && q.id[k] != NONE,
            p: origins[k] + directions[k] * q.t[k],
            n: V3::z(),
            uv: [0.0; 2],
            distance: q.t[k],
            direction: directions[k],
            lit: false,
        };
        let id = q.id[k];
        let (solid, id) = match moving {
            Some(m) if lane.moving => (&m.solid, id),
            _ if p.id[k] != NONE => (&scene.city.solid, p.id[k]),
            _ => return lane,
        };
        let t = &solid.triangles[id as usize];
        let [a, b, c] = t.v.map(|v| solid.vertices[v as usize]);
        let n = (b - a).cross(&(c - a)).normalize();
        lane.n = if n.dot(&directions[k]) > 0.0 { -n } else { n };
        let (u, v) = (q.u[k], q.v[k]);
        lane.uv = std::array::from_fn(|c| t.uv[0][c] * (1.0 - u - v) + t.uv[1][c] * u + t.uv[2][c] * v);
        lane.surface = t.surface;
        let leaf = matches!(solid.surfaces[t.surface as usize].material, Material::Leaf(_));
        lane.lit = leaf || lane.n.dot(&scene.light.sun) > 0.0;
        lane
    })
}

/// Share of the sun that each lane sees (0 or 1; the sun's disc makes soft edges over samples).
fn shadows(scene: &Scene, moving: Option<&Moving>, lanes: &[Lane; LANES], seed: u32) -> [f32; LANES] {
    if !lanes.iter().any(|l| l.lit) {
        return [0.0; LANES];
    }
    let sun = scene.light.sun;
    let side = sun.cross(&V3::x()).normalize();
    let up = sun.cross(&side);
    let origins: [V3; LANES] = std::array::from_fn(|k| {
        let l = &lanes[k];
        l.p + l.n * 0.012 + sun * 0.015 - l.direction * (l.distance * 2e-5)
    });
    let directions: [V3; LANES] = std::array::from_fn(|k| {
        let h = mix(seed.wrapping_add(k as u32 * 7919));
        let (a, r) = (unit(h) * std::f32::consts::TAU, 0.0065 * unit(mix(h ^ 99)).sqrt());
        (sun + side * (r * a.cos()) + up * (r * a.sin())).normalize()
    });
    let mut p = Packet::new(&origins, &directions, 300.0);
    for k in 0..LANES {
        if !lanes[k].lit {
            p.t[k] = -1.0;
        }
    }
    scene.bvh.occlude(&mut p);
    if let Some(m) = moving {
        m.bvh.occlude(&mut p);
    }
    std::array::from_fn(|k| f32::from(p.t[k] > 0.0))
}

/// Shades the lanes, one texture evaluation for those of one pixel on one plane of one surface.
#[allow(clippy::too_many_arguments, reason = "private; the caller's state")]
fn collect(
    scene: &Scene,
    moving: Option<&Moving>,
    lanes: &[Lane],
    sun: &[f32; LANES],
    s: &Sampling,
    angle: f32,
    size: f32,
    out: &mut [Rgb],
) {
    let mut done = [false; LANES];
    for k in 0..lanes.len() {
        if done[k] {
            continue;
        }
        let first = &lanes[k];
        if first.surface == NONE {
            let sky = scene.light.sky(&first.direction);
            out[first.pixel] = std::array::from_fn(|c| out[first.pixel][c] + sky[c]);
            continue;
        }
        let (mut p, mut uv, mut visible, mut n) = (V3::zeros(), [0.0f32; 2], 0.0, 0.0);
        for l in k..lanes.len() {
            let x = &lanes[l];
            if x.pixel != first.pixel {
                break;
            }
            let same = x.surface == first.surface && x.moving == first.moving;
            if same && !done[l] && x.n.dot(&first.n) > 0.999 {
                done[l] = true;
                p += x.p;
                uv = [uv[0] + x.uv[0], uv[1] + x.uv[1]];
                visible += sun[l];
                n += 1.0;
            }
        }
        let solid = match moving {
            Some(m) if first.moving => &m.solid,
            _ => &scene.city.solid,
        };
        let cosine = first.n.dot(&first.direction).abs().max(0.12);
        let footprint = (first.distance * angle + size) / cosine.powf(0.7);
        let hit = Hit { p: p / n, n: first.n, uv: uv.map(|x| x / n), footprint, view: first.direction, time: s.time };
        let radiance = light_up(scene, solid, first.surface, &hit, visible / n);
        let pixel = &mut out[first.pixel];
        *pixel = std::array::from_fn(|c| pixel[c] + n * radiance[c]);
    }
}

/// Radiance from a point towards the viewer.
fn light_up(scene: &Scene, solid: &Solid, surface: u32, hit: &Hit, visible: f32) -> Rgb {
    let light = &scene.light;
    let look = shade(&solid.surfaces[surface as usize], hit, &scene.city.plan);
    let facing = look.normal.dot(&light.sun);
    let direct = visible * (facing.max(0.0) * (1.0 - look.through) + look.through * (0.35 + 0.65 * facing.abs()));
    let ambient = light.ambient(&hit.p, &look.normal);
    let mut c: Rgb = std::array::from_fn(|k| look.albedo[k] * (SUN[k] * direct + ambient[k]));
    if look.gloss > 0.0 {
        let cosine = (-hit.view.dot(&look.normal)).clamp(0.0, 1.0);
        let fresnel = look.gloss * (0.04 + 0.96 * (1.0 - cosine).powi(5));
        let mirrored = hit.view + look.normal * (2.0 * cosine);
        let sky = light.sky(&mirrored);
        let open = (ambient[2] / 0.8).min(1.0);
        let sun = visible * look.gloss * (light.glint(&mirrored, 220) * 2.5 + light.glint(&mirrored, 18) * 0.12);
        for k in 0..3 {
            c[k] += fresnel * sky[k] * (0.3 + 0.7 * open) + sun * SUN[k] * 0.5 * (0.1 + fresnel);
        }
    }
    c
}

/// Direction of the sun from azimuth (clockwise from north) and elevation in degrees.
pub fn sun_direction(azimuth_deg: f64, elevation_deg: f64) -> V3 {
    let (a, e) = (azimuth_deg.to_radians(), elevation_deg.to_radians());
    Vector3::new(a.sin() * e.cos(), a.cos() * e.cos(), e.sin()).cast()
}
