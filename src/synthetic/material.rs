//! Procedural materials: colour, gloss and shading normal at a point of a surface.
//!
//! In: the surface, position and texture coordinates in metres, the pixel's footprint in metres. Out: linear albedo,
//! mirror share, normal. Patterns finer than the footprint fade to their mean, so photos have detail down to the pixel
//! and no aliasing. Cost: 0.1-0.5 us a point.

use super::noise::{cells, cover, fbm, hash, mix, rand, resolved, split, step, unit, value};
use super::plan::Plan;
use super::surface::{Facade, Material, Rgb, Surface, V3, Wall};

/// A point that a ray hit.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// Position in local metres.
    pub p: V3,
    /// Geometric unit normal towards the viewer.
    pub n: V3,
    /// Texture coordinates in metres.
    pub uv: [f32; 2],
    /// Size of the pixel on the surface in metres.
    pub footprint: f32,
    /// Unit direction of the ray.
    pub view: V3,
    /// Time in seconds, for water.
    pub time: f32,
}

/// What the light does at a point.
#[derive(Clone, Copy, Debug)]
pub struct Shade {
    /// Linear diffuse albedo.
    pub albedo: Rgb,
    /// Share of the sky's mirror image, before Fresnel's law; 0 = matt.
    pub gloss: f32,
    /// Unit shading normal.
    pub normal: V3,
    /// Share of light that comes through from behind (leaves).
    pub through: f32,
}

fn scaled(c: Rgb, s: f32) -> Rgb {
    c.map(|x| (x * s).clamp(0.0, 0.9))
}

fn blend(a: Rgb, b: Rgb, t: f32) -> Rgb {
    std::array::from_fn(|k| a[k] + (b[k] - a[k]) * t)
}

/// Fine mottling down to the pixel: relative brightness around zero.
fn grain(p: [f32; 2], wavelength: f32, footprint: f32, seed: u32) -> f32 {
    fbm(p, wavelength, 6, 0.85, footprint, seed)
}

/// The look of a surface at a hit.
pub fn shade(s: &Surface, h: &Hit, plan: &Plan) -> Shade {
    let fp = h.footprint;
    let g = [h.p.x, h.p.y];
    let (mut gloss, mut normal, mut through) = (0.0, h.n, 0.0);
    let albedo = match s.material {
        Material::Street => street(s, h, plan),
        Material::ParkingLot(depth) => parking(s, h, depth),
        Material::Paving => paving(s, h, 0.5),
        Material::Cobbles => cobbles(s, h),
        Material::Lawn => lawn(s.tint, g, fp, s.seed, 0.35),
        Material::Meadow => lawn(s.tint, g, fp, s.seed, 0.9),
        Material::Gravel | Material::RoofGravel => {
            let m = 1.0 + 0.16 * fbm(g, 5.0, 3, 0.7, fp, s.seed) + 0.22 * grain(g, 0.5, fp, s.seed);
            let weeds = step(fbm(g, 3.0, 4, 0.6, fp, s.seed ^ 5), 0.55, 0.95);
            blend(scaled(s.tint, m), [0.10, 0.12, 0.045], 0.6 * weeds)
        }
        Material::Soil => {
            let rows = (h.uv[1] * std::f32::consts::TAU / 0.5).sin() * resolved(0.5, fp);
            let m = 1.0 + 0.2 * grain(g, 1.0, fp, s.seed) + 0.15 * rows;
            let plant = step(rows + 1.2 * value(g[0] * 2.1, g[1] * 2.1, s.seed), 0.7, 1.2);
            blend(scaled(s.tint, m), [0.07, 0.13, 0.03], 0.8 * plant)
        }
        Material::Field => field(s, g, fp),
        Material::Tiles => tiles(s, h, [0.24, 0.34]),
        Material::Slate => tiles(s, h, [0.28, 0.22]),
        Material::Bitumen => bitumen(s, h),
        Material::SeamMetal => {
            let seam = cover((h.uv[0] / 0.6).rem_euclid(1.0) * 0.6, 0.0, 0.05, fp.max(0.02));
            let rust = step(fbm(h.uv, 4.0, 5, 0.65, fp, s.seed), 0.35, 1.1);
            gloss = 0.05;
            let m = 1.0 + 0.08 * grain(h.uv, 2.0, fp, s.seed) - 0.4 * seam;
            blend(scaled(s.tint, m), [0.16, 0.10, 0.06], 0.5 * rust)
        }
        Material::GreenRoof => {
            let dry = step(fbm(g, 3.5, 5, 0.7, fp, s.seed), -0.2, 0.8);
            let c = blend(s.tint, [0.24, 0.15, 0.08], dry * 0.8);
            scaled(c, 1.0 + 0.3 * grain(g, 0.7, fp, s.seed ^ 3))
        }
        Material::Facade(f) => {
            let (c, shine) = facade(&f, s, h);
            gloss = shine;
            c
        }
        Material::Brick => wall(Wall::Brick, s, h.uv, fp),
        Material::Stone => wall(Wall::Stone, s, h.uv, fp),
        Material::Plain => {
            scaled(s.tint, 1.0 + 0.10 * fbm(h.uv, 2.0, 4, 0.7, fp, s.seed) + 0.10 * grain(h.uv, 0.4, fp, s.seed))
        }
        Material::Wood => {
            let board = split(h.uv[1] / 0.18);
            let gap = cover(board.1 * 0.18, 0.0, 0.02, fp.max(0.01));
            let own = rand(board.0, 3, s.seed) - 0.5;
            scaled(s.tint, 1.0 + 0.5 * own * resolved(0.18, fp) + 0.14 * grain(h.uv, 0.9, fp, s.seed) - 0.5 * gap)
        }
        Material::Metal => {
            gloss = 0.12;
            scaled(s.tint, 1.0 + 0.12 * grain(h.uv, 1.0, fp, s.seed))
        }
        Material::Glass => {
            gloss = 0.9;
            scaled(s.tint, 1.0 + 0.3 * value(h.uv[0] * 1.7, h.uv[1] * 1.7, s.seed))
        }
        Material::Solar => {
            gloss = 0.5;
            let ((i, a), (j, b)) = (split(h.uv[0] / 1.0), split(h.uv[1] / 0.55));
            let frame = 1.0 - cover(a, 0.03, 0.97, fp) * cover(b * 0.55, 0.03, 0.52, fp);
            let own = 1.0 + 0.4 * (rand(i, j, s.seed) - 0.5);
            blend(scaled(s.tint, own), [0.4, 0.4, 0.4], frame * 0.8)
        }
        Material::Stripes => {
            let stripe = cover((h.uv[0] / 0.7).rem_euclid(1.0) * 0.7, 0.0, 0.35, fp.min(0.3));
            scaled(blend([0.6, 0.58, 0.54], s.tint, stripe), 1.0 + 0.12 * grain(h.uv, 0.8, fp, s.seed))
        }
        Material::CarPaint => {
            gloss = 1.0;
            scaled(s.tint, 1.0 + 0.05 * fbm(h.uv, 0.8, 4, 0.7, fp, s.seed))
        }
        Material::Rubber => scaled(s.tint, 1.0 + 0.2 * value(h.uv[0] * 5.0, h.uv[1] * 5.0, s.seed)),
        Material::Leaf(centre) => {
            let out = (h.p - V3::from(centre)).try_normalize(1e-4).unwrap_or(h.n);
            normal = (out + h.n * 0.65).try_normalize(1e-4).unwrap_or(h.n);
            through = 0.22;
            let m = 1.0
                + 0.35 * value(g[0] * 0.9 + h.p.z, g[1] * 0.9 - h.p.z, s.seed)
                + 0.35 * value(g[0] * 3.7 + h.p.z * 2.0, g[1] * 3.7, s.seed ^ 7);
            let yellow = 0.5 + 0.5 * value(g[0] * 0.35, g[1] * 0.35 + h.p.z * 0.3, s.seed ^ 1);
            blend(scaled(s.tint, m), scaled([0.19, 0.18, 0.05], m), 0.16 * yellow)
        }
        Material::Bark => scaled(s.tint, 1.0 + 0.4 * value(h.uv[0] * 6.0, h.uv[1] * 1.5, s.seed)),
        Material::Water => {
            let t = h.time * 0.7;
            let e = 0.12f32.max(fp);
            let wave = |x: f32, y: f32| {
                fbm([x + t, y + 0.4 * t], 2.4, 4, 0.6, fp, s.seed)
                    + 0.5 * fbm([x - 0.6 * t, y + t], 0.9, 3, 0.7, fp, s.seed ^ 2)
            };
            let (x, y) = (g[0], g[1]);
            let w = wave(x, y);
            normal = V3::new(-0.035 * (wave(x + e, y) - w) / e, -0.035 * (wave(x, y + e) - w) / e, 1.0).normalize();
            gloss = 1.0;
            let bottom = fbm(g, 9.0, 4, 0.6, fp, s.seed ^ 9);
            let algae = step(fbm(g, 5.0, 5, 0.7, fp, s.seed ^ 4), 0.75, 1.3);
            blend(scaled(s.tint, 1.0 + 0.35 * bottom), [0.07, 0.10, 0.025], 0.6 * algae)
        }
    };
    Shade { albedo, gloss, normal, through }
}

/// Worn asphalt without markings: relative brightness.
fn asphalt(uv: [f32; 2], fp: f32, seed: u32) -> f32 {
    let mut m = 1.0 + 0.13 * fbm(uv, 14.0, 4, 0.7, fp, seed) + 0.13 * grain(uv, 0.8, fp, seed ^ 1);
    // Mended rectangles: newer and darker, or older and lighter.
    let ((i, a), (j, b)) = (split(uv[0] / 8.0), split(uv[1] / 6.5));
    let k = hash(i, j, seed ^ 21);
    if k.is_multiple_of(3) {
        let x0 = 0.5 + 3.0 * unit(mix(k ^ 1));
        let y0 = 0.4 + 2.5 * unit(mix(k ^ 2));
        let (w, d) = (1.0 + 3.0 * unit(mix(k ^ 3)), 0.8 + 2.4 * unit(mix(k ^ 4)));
        let inside = cover(a * 8.0, x0, x0 + w, fp) * cover(b * 6.5, y0, y0 + d, fp);
        let edge = inside - cover(a * 8.0, x0 + 0.07, x0 + w - 0.07, fp) * cover(b * 6.5, y0 + 0.07, y0 + d - 0.07, fp);
        m *= 1.0 + inside * if k.is_multiple_of(2) { -0.26 } else { 0.22 } - 0.35 * edge;
    }
    // Cracks where the surface is old, tarred over here and there.
    let old = step(fbm(uv, 20.0, 2, 0.5, fp, seed ^ 31), -0.1, 0.5);
    if old > 0.0 {
        let bend = [
            uv[0] + 0.5 * value(uv[0] * 0.8, uv[1] * 0.8, seed),
            uv[1] + 0.5 * value(uv[1] * 0.8, uv[0] * 0.8, seed ^ 3),
        ];
        let (f1, f2, _) = cells(bend[0] / 3.2, bend[1] / 3.2, seed ^ 5);
        let width = 0.05f32;
        m *= 1.0 - 0.45 * old * (1.0 - step((f2 - f1) * 3.2, 0.0, (2.0 * width).max(fp))) * (2.0 * width / fp).min(1.0);
    }
    // Stains.
    let (f1, _, id) = cells(uv[0] / 4.5, uv[1] / 4.5, seed ^ 77);
    let size = 0.05 + 0.16 * unit(mix(id));
    m * (1.0 - 0.35 * (1.0 - step(f1, size * 0.3, size)) * unit(mix(id ^ 9)))
}

fn street(s: &Surface, h: &Hit, plan: &Plan) -> Rgb {
    let [u, v] = h.uv;
    let fp = h.footprint;
    let (i, du) = Plan::nearest(&plan.along_v, u);
    let (j, dv) = Plan::nearest(&plan.along_u, v);
    let (sv, su) = (&plan.along_v[i], &plan.along_u[j]);
    let mut m = asphalt(h.uv, fp, s.seed);
    let (in_v, in_u) = (du.abs() < sv.half, dv.abs() < su.half);
    let mut paint: f32 = 0.0;
    // The street that the point is on: its half width, the distance from its middle, along it, from the crossing.
    let on = match (in_v, in_u) {
        (true, false) => Some((sv.half, 0.0, du, v, dv.abs() - su.outer(), if dv > 0.0 { -1.0 } else { 1.0 }, i)),
        (false, true) => {
            Some((su.half, su.canal, dv, u, du.abs() - sv.outer(), if du > 0.0 { 1.0 } else { -1.0 }, j + 50))
        }
        _ => None,
    };
    if let Some((half, canal, across, along, gap, side, street)) = on {
        let away = step(gap, 5.0, 5.3);
        if canal == 0.0 {
            let dash = cover(along.rem_euclid(6.0), 0.0, 3.0, fp);
            paint += cover(across, -0.07, 0.07, fp) * dash * away;
            let park = half - 2.05;
            paint += 0.8
                * cover(across.abs(), park - 0.05, park + 0.05, fp)
                * away
                * cover(along.rem_euclid(5.7), 0.0, 4.9, fp);
            // Wheel tracks.
            for lane in [-0.45 * park, 0.45 * park] {
                let track = (1.0 - ((across - lane).abs() - 0.7).abs() / 0.4).max(0.0);
                m *= 1.0 - 0.07 * track;
            }
            m *= 1.0 - 0.10 * (1.0 - step(half - across.abs(), 0.0, 0.5));
            let h = hash(street as i32, (along / 400.0).floor() as i32 + if side > 0.0 { 1 } else { 7 }, 5);
            if !h.is_multiple_of(4) {
                let zebra = cover(gap, 0.5, 3.4, fp);
                let bar = cover((across + 20.25).rem_euclid(1.0), 0.0, 0.5, fp);
                paint += zebra * bar * step(half - across.abs(), 0.2, 0.25);
                paint += cover(gap, 4.2, 4.6, fp) * cover(across * side, 0.15, park.max(half - 0.3), fp);
            }
        }
        // Manholes and drains.
        let (k, a) = split(along / 23.0);
        let at = [23.0 * (a - 0.5), across - 1.2 * (rand(k, street as i32, 17) - 0.5)];
        let r = at[0].hypot(at[1]);
        m *= 1.0 - 0.45 * cover(r, 0.0, 0.34, fp) + 0.3 * cover(r, 0.34, 0.42, fp);
        m *= 1.0 - 0.6 * cover((along + 9.0).rem_euclid(19.0), 0.0, 0.5, fp) * cover(half - across.abs(), 0.0, 0.4, fp);
    }
    let worn = 0.72 + 0.25 * fbm(h.uv, 0.9, 4, 0.8, fp, s.seed ^ 3);
    blend(scaled(s.tint, m), [0.52, 0.52, 0.50], (paint * worn).clamp(0.0, 0.95))
}

fn parking(s: &Surface, h: &Hit, depth: f32) -> Rgb {
    let fp = h.footprint;
    let m = asphalt([h.p.x, h.p.y], fp, s.seed);
    let v = h.uv[1].min(depth - h.uv[1]);
    let line = cover((h.uv[0] + 1.25).rem_euclid(2.5) - 1.25, -0.06, 0.06, fp) * cover(v, 0.2, 5.0, fp);
    let oil = 1.0 - step(((h.uv[0] - 1.25).rem_euclid(2.5) - 1.25).hypot(v - 2.2), 0.2, 1.1);
    let worn = 0.7 + 0.25 * fbm(h.uv, 0.9, 4, 0.8, fp, s.seed ^ 3);
    let spot = rand((h.uv[0] / 2.5).floor() as i32, i32::from(h.uv[1] > depth / 2.0), s.seed);
    blend(scaled(s.tint, m * (1.0 - 0.4 * oil * spot)), [0.5, 0.5, 0.48], line * worn)
}

fn paving(s: &Surface, h: &Hit, size: f32) -> Rgb {
    let fp = h.footprint;
    let g = h.uv;
    let ((i, a), (j, b)) = (split(g[0] / size), split(g[1] / size));
    let fine = resolved(size, fp);
    let joint = 1.0 - cover(a * size, 0.012, size - 0.012, fp) * cover(b * size, 0.012, size - 0.012, fp);
    let own = (rand(i, j, s.seed) - 0.5) * fine;
    // Rows laid at different times, dirt, chewing gum.
    let field = rand((g[0] / 6.0).floor() as i32, (g[1] / 4.0).floor() as i32, s.seed ^ 2) - 0.5;
    let m =
        1.0 + 0.22 * own + 0.16 * field + 0.16 * fbm(g, 4.0, 4, 0.7, fp, s.seed) + 0.10 * grain(g, 0.5, fp, s.seed ^ 8)
            - 0.3 * joint * fine;
    let moss = step(fbm(g, 2.5, 5, 0.7, fp, s.seed ^ 6), 0.7, 1.3);
    let tone = rand(i, j, s.seed ^ 4) * fine;
    let c = blend(s.tint, [s.tint[0] * 1.05, s.tint[1] * 0.93, s.tint[2] * 0.85], tone);
    blend(scaled(c, m), [0.12, 0.12, 0.06], 0.5 * moss)
}

fn cobbles(s: &Surface, h: &Hit) -> Rgb {
    let fp = h.footprint;
    let g = [h.p.x, h.p.y];
    let fine = resolved(0.18, fp);
    let mut m = 1.0 + 0.18 * fbm(g, 6.0, 4, 0.7, fp, s.seed) + 0.16 * grain(g, 0.7, fp, s.seed);
    if fine > 0.0 {
        let (f1, f2, id) = cells(g[0] / 0.18, g[1] / 0.18, s.seed);
        m += fine * (0.3 * (unit(id) - 0.5) - 0.35 * (1.0 - step(f2 - f1, 0.05, 0.25)));
    }
    // Bands of another stone.
    let band = cover(h.uv[0].rem_euclid(7.0), 0.0, 0.5, fp).max(cover(h.uv[1].rem_euclid(7.0), 0.0, 0.5, fp));
    scaled(blend(s.tint, [0.40, 0.37, 0.33], 0.7 * band), m)
}

fn lawn(tint: Rgb, g: [f32; 2], fp: f32, seed: u32, wild: f32) -> Rgb {
    let dry = step(fbm(g, 9.0, 5, 0.7, fp, seed), 0.9 - 1.1 * wild, 1.7 - 0.6 * wild);
    let trodden = step(fbm(g, 5.0, 4, 0.6, fp, seed ^ 8), 0.85, 1.2);
    let m = 1.0 + 0.16 * fbm(g, 3.0, 3, 0.8, fp, seed ^ 1) + (0.20 + 0.12 * wild) * grain(g, 0.7, fp, seed ^ 2);
    let c = blend(tint, [0.23, 0.20, 0.09], 0.75 * dry);
    let c = blend(c, [0.19, 0.145, 0.095], 0.8 * trodden);
    let weeds = step(value(g[0] * 1.3, g[1] * 1.3, seed ^ 4), 0.45, 0.9) * resolved(0.8, fp);
    scaled(blend(c, [0.055, 0.11, 0.03], 0.5 * weeds), m)
}

fn field(s: &Surface, g: [f32; 2], fp: f32) -> Rgb {
    let ((i, a), (j, b)) = (split((g[0] + 0.3 * g[1]) / 70.0), split((g[1] - 0.2 * g[0]) / 55.0));
    let colours = [s.tint, [0.24, 0.22, 0.10], [0.10, 0.15, 0.04], [0.19, 0.14, 0.09], [0.13, 0.19, 0.05]];
    let c = colours[hash(i, j, s.seed) as usize % colours.len()];
    let edge = 1.0 - cover(a, 0.02, 0.98, 0.01) * cover(b, 0.025, 0.975, 0.01);
    let m = 1.0 + 0.2 * fbm(g, 20.0, 5, 0.7, fp, s.seed) + 0.2 * grain(g, 1.0, fp, s.seed ^ 2);
    scaled(blend(c, [0.06, 0.10, 0.03], edge), m)
}

fn tiles(s: &Surface, h: &Hit, size: [f32; 2]) -> Rgb {
    let fp = h.footprint;
    let (j, b) = split(h.uv[1] / size[1]);
    let (i, a) = split(h.uv[0] / size[0] + 0.5 * (j & 1) as f32);
    let fine = resolved(size[1], fp);
    // Single tiles, and groups of them where the roof was mended.
    let own = (rand(i, j, s.seed) - 0.5) * fine;
    let group = rand((h.uv[0] / 0.9).floor() as i32, (h.uv[1] / 0.7).floor() as i32, s.seed ^ 3) - 0.5;
    let mended = {
        let k = hash((h.uv[0] / 2.6).floor() as i32, (h.uv[1] / 1.7).floor() as i32, s.seed ^ 11);
        if k.is_multiple_of(11) {
            0.45
        } else if k % 11 == 1 {
            -0.3
        } else {
            0.0
        }
    };
    let row = cover(b * size[1], 0.0, 0.07, fp.max(0.03));
    let column = cover(a * size[0], 0.0, 0.045, fp.max(0.03)) * resolved(size[0], fp);
    let streak = fbm([h.uv[0] * 3.0, h.uv[1] * 0.5], 2.2, 4, 0.75, fp, s.seed ^ 5);
    let m = 1.0 + 0.42 * own + 0.16 * group + mended + 0.11 * streak + 0.14 * grain(h.uv, 1.3, fp, s.seed ^ 6)
        - (0.45 * row + 0.25 * column) * fine;
    let moss = step(fbm(h.uv, 2.2, 5, 0.75, fp, s.seed ^ 7), 0.55, 1.35);
    let warm = rand(i, j, s.seed ^ 9) * fine + (1.0 - fine) * 0.5;
    let c = blend(s.tint, [s.tint[0] * 0.8, s.tint[1] * 0.95, s.tint[2] * 1.05], warm);
    blend(scaled(c, m), [0.085, 0.085, 0.045], 0.55 * moss)
}

fn bitumen(s: &Surface, h: &Hit) -> Rgb {
    let fp = h.footprint;
    let (j, b) = split(h.uv[1] / 1.0);
    let seam =
        cover(b, 0.0, 0.07, fp) + 0.7 * cover((h.uv[0] + 3.1 * rand(j, 1, s.seed)).rem_euclid(5.0), 0.0, 0.08, fp);
    let sheet = rand(j, ((h.uv[0] + 3.1 * rand(j, 1, s.seed)) / 5.0).floor() as i32, s.seed ^ 1) - 0.5;
    // Where puddles dry, dirt stays in rings.
    let puddle = fbm(h.uv, 5.0, 5, 0.6, fp, s.seed ^ 2);
    let ring = 1.0 - step((puddle - 0.25).abs(), 0.02, 0.14);
    let m = 1.0 + 0.16 * sheet + 0.18 * puddle + 0.30 * ring + 0.14 * grain(h.uv, 0.7, fp, s.seed ^ 3) - 0.3 * seam;
    let patch = hash((h.uv[0] / 3.1).floor() as i32, (h.uv[1] / 2.3).floor() as i32, s.seed ^ 8);
    scaled(s.tint, m * if patch.is_multiple_of(13) { 0.62 } else { 1.0 })
}

/// A wall without windows.
fn wall(kind: Wall, s: &Surface, uv: [f32; 2], fp: f32) -> Rgb {
    let weather = 0.13 * fbm([uv[0] * 2.2, uv[1] * 0.55], 2.5, 5, 0.75, fp, s.seed)
        + 0.09 * fbm(uv, 5.0, 3, 0.6, fp, s.seed ^ 2)
        + 0.07 * grain(uv, 0.5, fp, s.seed ^ 12);
    match kind {
        Wall::Brick => {
            let (j, b) = split(uv[1] / 0.077);
            let (i, a) = split(uv[0] / 0.24 + 0.5 * (j & 1) as f32);
            let fine = resolved(0.11, fp);
            let mortar = 1.0 - cover(a * 0.24, 0.01, 0.24, fp) * cover(b * 0.077, 0.01, 0.077, fp);
            let group = rand((uv[0] / 0.5).floor() as i32, (uv[1] / 0.31).floor() as i32, s.seed) - 0.5;
            let c = scaled(s.tint, 1.0 + weather + 0.5 * fine * (rand(i, j, s.seed) - 0.5) + 0.16 * group);
            blend(c, [0.36, 0.34, 0.31], 0.6 * mortar * fine)
        }
        Wall::Stone => {
            let (j, b) = split(uv[1] / 0.45);
            let (i, a) = split(uv[0] / 0.8 + 0.4 * (j & 1) as f32);
            let joint = 1.0 - cover(a * 0.8, 0.0, 0.77, fp) * cover(b * 0.45, 0.0, 0.42, fp);
            scaled(s.tint, 1.0 + 1.3 * weather + 0.28 * (rand(i, j, s.seed) - 0.5) - 0.35 * joint)
        }
        Wall::Panel => {
            let (j, b) = split(uv[1] / 3.0);
            let (i, a) = split(uv[0] / 3.2);
            let joint = 1.0 - cover(a * 3.2, 0.03, 3.17, fp) * cover(b * 3.0, 0.03, 2.97, fp);
            scaled(s.tint, 1.0 + weather + 0.10 * (rand(i, j, s.seed) - 0.5) - 0.4 * joint)
        }
        Wall::Plaster => {
            let off = step(fbm(uv, 3.0, 5, 0.7, fp, s.seed ^ 21), 0.8, 1.05);
            blend(scaled(s.tint, 1.0 + 1.2 * weather), [0.36, 0.31, 0.26], 0.5 * off)
        }
    }
}

/// A wall with its windows and doors: albedo and gloss.
fn facade(f: &Facade, s: &Surface, h: &Hit) -> (Rgb, f32) {
    let [u, v] = h.uv;
    let fp = h.footprint;
    let top = f.storeys as f32 * f.storey;
    let mut c = wall(f.wall, s, h.uv, fp);
    // Dirt near the ground and under the eaves, a plinth.
    let dirt = 1.0
        - 0.28 * (1.0 - step(v + 0.3 * value(u * 0.7, v, s.seed), 0.0, 1.6))
        - 0.18 * (1.0 - step(top - v, 0.0, 0.8));
    c = scaled(c, dirt);
    c = blend(c, scaled([0.24, 0.23, 0.215], dirt), cover(v, -2.0, 0.55, fp) * f32::from(f.wall != Wall::Panel));
    if f.bays == 0 || v < 0.0 || v > top {
        return (c, 0.0);
    }
    let bay = f.width / f.bays as f32;
    let (b, a) = split(u / bay);
    let (storey, _) = split(v / f.storey);
    let x = (a - 0.5) * bay;
    let y = v - storey as f32 * f.storey;
    let id = hash(b, storey, s.seed);
    let ground = storey == 0;
    let (half, low, high) = if ground && f.shop {
        (0.5 * bay - 0.25, 0.3, 2.75)
    } else if ground && b == f.door {
        (0.55, 0.0, 2.3)
    } else if f.ribbon {
        (0.5 * bay + 1.0, f.sill, f.sill + f.window[1])
    } else {
        (0.5 * f.window[0], f.sill, (f.sill + f.window[1]).min(f.storey - 0.3))
    };
    let inside = |grow: f32| cover(x, -half - grow, half + grow, fp) * cover(y, low - grow, high + grow, fp);
    // Surround, sill, and the run-off below the sill.
    let door = ground && b == f.door && !f.shop;
    if matches!(f.wall, Wall::Plaster | Wall::Brick) && !f.ribbon && !s.seed.is_multiple_of(3) {
        c = blend(c, scaled(f.trim, dirt), 0.85 * (inside(0.14) - inside(0.0)).max(0.0));
    }
    let sill = cover(x, -half - 0.12, half + 0.12, fp) * cover(y, low - 0.12, low, fp);
    let run = cover(x, -half, half, fp) * (1.0 - step(low - y, 0.0, 0.7)) * f32::from(y < low);
    c = scaled(c, 1.0 - 0.16 * run * (0.5 + 0.5 * value(u * 7.0, storey as f32, s.seed)));
    if !door {
        c = blend(c, [0.46, 0.45, 0.42], 0.8 * sill);
    }
    let whole = inside(0.0);
    if whole <= 0.0 {
        if ground && f.shop {
            let sign = cover(y, 2.8, 3.3f32.min(f.storey - 0.05), fp) * cover(x, -half, half, fp);
            let k = hash(b / 2, 77, s.seed);
            let tint = [unit(mix(k)), unit(mix(k ^ 5)), unit(mix(k ^ 8))].map(|t| 0.04 + 0.5 * t * t);
            c = blend(c, tint, sign);
        }
        return (c, 0.0);
    }
    // Frame with bars, glass with curtains or blinds, the lintel's shadow.
    let frame = 0.075;
    let mut pane = cover(x, -half + frame, half - frame, fp) * cover(y, low + frame, high - frame, fp);
    if f.ribbon {
        pane = cover(y, low + frame, high - frame, fp) * (1.0 - cover((u / 1.2).rem_euclid(1.0) * 1.2, 0.0, 0.07, fp));
    } else if half > 0.45 && !door {
        pane *= 1.0 - cover(x, -0.04, 0.04, fp);
        if f.window[1] > 1.5 && !(ground && f.shop) {
            let bar = low + 0.68 * (high - low);
            pane *= 1.0 - cover(y, bar - 0.03, bar + 0.03, fp);
        }
    }
    let light = unit(mix(id ^ 3));
    let mut glass = scaled([0.030, 0.034, 0.038], 0.6 + 0.9 * light);
    let mut shine = 0.85;
    if door {
        let k = s.seed % 4;
        glass = [[0.16, 0.09, 0.05], [0.05, 0.09, 0.06], [0.20, 0.05, 0.04], [0.06, 0.08, 0.14]][k as usize];
        shine = 0.05;
    } else if id.is_multiple_of(5) {
        // Curtains drawn to the sides.
        let open = 0.25 + 0.5 * light;
        let folds = 0.85 + 0.15 * value(u * 9.0, 1.0, s.seed);
        glass = blend([0.32 * folds, 0.31 * folds, 0.28 * folds], glass, cover(x.abs(), -1.0, half * open, fp));
        shine = 0.5;
    } else if id % 5 == 1 && !(ground && f.shop) {
        // A blind, partly down.
        let edge = high - (high - low) * light;
        let slats = 0.9 + 0.1 * (y * 40.0).sin() * resolved(0.16, fp);
        glass = blend(glass, [0.36 * slats, 0.35 * slats, 0.32 * slats], cover(y, edge, high, fp));
        shine = 0.35;
    } else if ground && f.shop {
        let goods =
            [value(u * 2.3, y * 2.0, s.seed), value(u * 2.9, y * 2.4, s.seed ^ 5), value(u * 2.1, y * 1.9, s.seed ^ 8)];
        glass = goods.map(|t| 0.05 + 0.10 * (t + 1.0));
    }
    let depth = cover(y, high - 0.22, high, fp).max(0.8 * cover(x, -half, -half + 0.10, fp));
    let framed = blend(scaled(f.trim, 1.0), glass, pane);
    let seen = scaled(framed, 1.0 - 0.6 * depth);
    (blend(c, seen, whole), whole * pane * shine * (1.0 - 0.6 * depth))
}
