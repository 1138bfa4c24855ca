//! Roofs: gable, hip, mansard and flat, with chimneys, dormers, roof windows, solar panels, air conditioners.
//!
//! In: the house's ground corners, the height of its eaves, its style. Out: triangles of class roof.

use super::house::{RoofShape, Style, directions, inset, raised};
use crate::base::Rng;
use crate::scene::SurfaceClass;
use crate::synthetic::builder::{Frame, Solid};
use crate::synthetic::surface::{Material, Rgb, Surface, V3};

const UP: V3 = V3::new(0.0, 0.0, 1.0);
const THICKNESS: f32 = 0.18;

/// A pitched plane: a point at its eave, the directions along the eave and horizontally towards the ridge.
struct Slope {
    origin: V3,
    along: V3,
    inward: V3,
    pitch: f32,
    length: f32,
    run: f32,
}

impl Slope {
    /// The point `s` along the eave, `t` metres horizontally inwards, `lift` above the plane.
    fn at(&self, s: f32, t: f32, lift: f32) -> V3 {
        self.origin + self.along * s + self.inward * t + UP * (self.pitch * t + lift)
    }
}

fn part(solid: &mut Solid, material: Material, tint: Rgb, seed: u32) -> u32 {
    solid.surface(Surface { class: SurfaceClass::Roof, material, tint, seed })
}

/// Builds the roof of a house; `walls` are the surfaces of its walls.
pub fn build(
    solid: &mut Solid,
    ground: &[V3; 4],
    eave: f32,
    parapet: f32,
    style: &Style,
    walls: &[u32; 4],
    rng: &mut Rng,
) {
    let p = raised(ground, eave);
    let cover = part(solid, style.roof, style.roof_tint, style.seed);
    let edge = part(solid, Material::Wood, style.trim.map(|c| c * 0.6), style.seed);
    match style.shape {
        RoofShape::Gable => gable(solid, &p, eave, style, walls, cover, edge, rng),
        RoofShape::Hip => hip(solid, &p, style.pitch, 0.45, cover, edge, style, rng),
        RoofShape::Mansard => mansard(solid, &p, style, cover, edge, walls, rng),
        RoofShape::Flat => flat(solid, &p, parapet, style, cover, rng),
    }
}

#[allow(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
fn gable(
    solid: &mut Solid,
    p: &[V3; 4],
    eave: f32,
    style: &Style,
    walls: &[u32; 4],
    cover: u32,
    edge: u32,
    rng: &mut Rng,
) {
    let (a, d) = directions(p);
    let run = 0.25 * ((p[3] - p[0]).norm() + (p[2] - p[1]).norm());
    let (k, over) = (style.pitch, 0.4);
    let rise = UP * (k * run);
    let (r0, r1) = ((p[0] + p[3]) / 2.0 + rise, (p[1] + p[2]) / 2.0 + rise);
    let side = |free: bool| if free { 0.25 } else { 0.0 };
    let (left, right) = (a * side(style.free[3]), a * side(style.free[1]));
    let lift = UP * THICKNESS;
    let drop = UP * (k * over);
    let (q0, q1) = (r0 - left + lift, r1 + right + lift);
    let e = [
        p[0] - d * over - left - drop + lift,
        p[1] - d * over + right - drop + lift,
        p[2] + d * over + right - drop + lift,
        p[3] + d * over - left - drop + lift,
    ];
    solid.slab([e[0], e[1], q1, q0], THICKNESS, cover, edge);
    solid.slab([e[2], e[3], q0, q1], THICKNESS, cover, edge);
    // Ridge tiles.
    let ridge = part(solid, Material::Tiles, style.roof_tint.map(|c| c * 0.85), style.seed ^ 9);
    let w = 0.16;
    solid.quad(
        [q0 - d * w - UP * (k * w - 0.07), q1 - d * w - UP * (k * w - 0.07), q1 + UP * 0.09, q0 + UP * 0.09],
        ridge,
    );
    solid.quad(
        [q1 + d * w - UP * (k * w - 0.07), q0 + d * w - UP * (k * w - 0.07), q0 + UP * 0.09, q1 + UP * 0.09],
        ridge,
    );
    for (from, to, top, wall) in [(p[1], p[2], r1, walls[1]), (p[3], p[0], r0, walls[3])] {
        let width = (to - from).norm();
        let uv = [[0.0, eave], [width, eave], [width / 2.0, eave + k * run]];
        solid.triangle([from, to, top], uv, wall);
    }
    let length = (p[1] - p[0]).norm();
    let front = Slope { origin: p[0] + lift, along: a, inward: d, pitch: k, length, run };
    let back = Slope { origin: p[2] + lift, along: -a, inward: -d, pitch: k, length, run };
    for slope in [&front, &back] {
        slope_fittings(solid, slope, style, cover, rng);
    }
    chimneys(solid, &front, style, rng);
}

#[allow(clippy::too_many_arguments, reason = "one call site; a struct would only rename them")]
fn hip(solid: &mut Solid, p: &[V3; 4], pitch: f32, over: f32, cover: u32, edge: u32, style: &Style, rng: &mut Rng) {
    let (a, d) = directions(p);
    let run = 0.25 * ((p[3] - p[0]).norm() + (p[2] - p[1]).norm());
    let length = 0.5 * ((p[1] - p[0]).norm() + (p[2] - p[3]).norm());
    let run = run.min(length / 2.0);
    let e = inset(p, [-over; 4]).map(|x| x + UP * (THICKNESS - pitch * over));
    let lift = UP * (pitch * run + THICKNESS);
    let inwards = a * run.min(length / 2.0 - 0.01);
    let (r0, r1) = ((p[0] + p[3]) / 2.0 + inwards + lift, (p[1] + p[2]) / 2.0 - inwards + lift);
    solid.quad([e[0], e[1], r1, r0], cover);
    solid.quad([e[2], e[3], r0, r1], cover);
    for (x, y, top) in [(e[1], e[2], r1), (e[3], e[0], r0)] {
        let w = (y - x).norm();
        let h = ((x + y) / 2.0 - top).norm();
        solid.triangle([x, y, top], [[0.0, 0.0], [w, 0.0], [w / 2.0, h]], cover);
    }
    let low = raised(&e, -THICKNESS);
    solid.ring(&low, &e, edge);
    solid.quad([low[3], low[2], low[1], low[0]], edge);
    let slope = Slope { origin: p[0] + UP * THICKNESS, along: a, inward: d, pitch, length, run };
    if length > 2.0 * run + 3.0 {
        chimneys(solid, &slope, style, rng);
    }
    if over > 0.3 && length > 2.5 * run && rng.next_f64() < 0.7 {
        let middle = Slope { origin: slope.at(run * 0.8, 0.0, 0.0), length: length - 1.6 * run, along: a, ..slope };
        slope_fittings(solid, &middle, style, cover, rng);
    }
}

fn mansard(solid: &mut Solid, p: &[V3; 4], style: &Style, cover: u32, edge: u32, walls: &[u32; 4], rng: &mut Rng) {
    let by = style.free.map(|f| if f { 0.95 } else { 0.0 });
    let over = style.free.map(|f| if f { -0.3 } else { 0.0 });
    let rise = 2.4;
    let low = inset(p, over).map(|x| x + UP * 0.05);
    let high = raised(&inset(p, by), rise);
    for k in 0..4 {
        let l = (k + 1) % 4;
        let s = if style.free[k] { cover } else { walls[k] };
        solid.quad([low[k], low[l], high[l], high[k]], s);
    }
    solid.quad([low[3], low[2], low[1], low[0]], edge);
    let top = part(solid, Material::SeamMetal, [0.26, 0.27, 0.28], style.seed);
    let mut quiet = style.clone();
    quiet.free = [true; 4];
    hip(solid, &high, 0.18, 0.12, top, edge, &quiet, rng);
    // Windows stand in the steep part.
    let white = part(solid, Material::Plain, style.trim.map(|c| 0.15 + 0.7 * c), style.seed);
    let glass = part(solid, Material::Glass, [0.05, 0.06, 0.07], style.seed);
    for k in (0..4).filter(|&k| style.free[k]) {
        let (from, to) = (p[k], p[(k + 1) % 4]);
        let width = (to - from).norm();
        let along = (to - from) / width;
        let frame = Frame { origin: from, x: along, y: V3::new(-along.y, along.x, 0.0) };
        let n = (width / (style.spacing * 1.25)).floor() as i32;
        for b in 0..n {
            let x = (b as f32 + 0.5) * width / n as f32;
            solid.cuboid(&frame, [x - 0.65, x + 0.65], [0.05, 1.0], [0.35, 2.05], white, white);
            let q = [(-0.48, 0.5), (0.48, 0.5), (0.48, 1.85), (-0.48, 1.85)].map(|(dx, z)| frame.at(x + dx, 0.04, z));
            solid.quad(q, glass);
        }
    }
    let slope = Slope {
        origin: high[0],
        along: directions(p).0,
        inward: directions(p).1,
        pitch: 0.18,
        length: (high[1] - high[0]).norm(),
        run: 0.5 * (high[3] - high[0]).norm(),
    };
    chimneys(solid, &slope, style, rng);
}

fn flat(solid: &mut Solid, p: &[V3; 4], parapet: f32, style: &Style, cover: u32, rng: &mut Rng) {
    let coping = part(solid, Material::Plain, [0.42, 0.41, 0.40], style.seed);
    let (outer, inner) = (raised(p, parapet), raised(&inset(p, [0.32; 4]), parapet));
    for k in 0..4 {
        let l = (k + 1) % 4;
        solid.quad([outer[k], outer[l], inner[l], inner[k]], coping);
    }
    let deck = inset(p, [0.32; 4]);
    solid.quad(deck, cover);
    for k in 0..4 {
        let l = (k + 1) % 4;
        solid.quad([deck[l], deck[k], inner[k], inner[l]], coping);
    }
    let (a, d) = directions(p);
    let (length, depth) = ((deck[1] - deck[0]).norm(), (deck[3] - deck[0]).norm());
    let frame = Frame { origin: deck[0], x: a, y: d };
    let metal = part(solid, Material::Metal, [0.48, 0.48, 0.47], style.seed);
    let dark = part(solid, Material::Metal, [0.12, 0.12, 0.13], style.seed);
    let (small, area) = (length.min(depth) < 6.0, length * depth);
    // The stair head.
    if !small && style.storeys > 3 {
        let (x, y) = (rng.uniform(0.15, 0.7) as f32 * length, rng.uniform(0.2, 0.6) as f32 * depth);
        let wall = solid.surface(Surface {
            class: SurfaceClass::Roof,
            material: Material::Plain,
            tint: style.wall_tint,
            seed: style.seed,
        });
        let (w, h) = (3.4f32.min(length - x - 0.4), 2.6f32.min(depth - y - 0.4));
        solid.cuboid(&frame, [x, x + w], [y, y + h], [0.0, 2.5], wall, cover);
    }
    // Air conditioners, vents, light domes.
    for _ in 0..(area / 28.0) as usize + 1 {
        let (x, y) = (rng.uniform(0.1, 0.9) as f32 * length, rng.uniform(0.12, 0.85) as f32 * depth);
        match rng.below(4) {
            0 => {
                solid.cuboid(&frame, [x, x + 1.5], [y, y + 1.0], [0.12, 1.1], metal, metal);
                solid.frustum(frame.at(x + 0.5, y + 0.5, 1.1), [0.38, 0.38], 0.06, 10, dark, dark);
                solid.frustum(frame.at(x + 1.1, y + 0.5, 1.1), [0.25, 0.25], 0.06, 8, dark, dark);
            }
            1 => {
                let dome = part(solid, Material::Glass, [0.45, 0.47, 0.48], style.seed);
                solid.cuboid(&frame, [x, x + 1.3], [y, y + 1.3], [0.0, 0.3], metal, dome);
            }
            2 => solid.frustum(frame.at(x, y, 0.0), [0.14, 0.14], rng.uniform(0.5, 1.1) as f32, 7, metal, dark),
            _ => solid.cuboid(&frame, [x, x + 0.7], [y, y + 0.7], [0.0, 0.8], metal, dark),
        }
    }
    if !small && rng.next_f64() < 0.35 {
        let panel = part(solid, Material::Solar, [0.02, 0.03, 0.07], style.seed);
        let y0 = rng.uniform(0.1, 0.4) as f32 * depth;
        for r in 0..3 {
            let y = y0 + r as f32 * 1.9;
            if y + 1.2 > depth {
                break;
            }
            let x = [0.15 * length, 0.6 * length];
            let q = [
                frame.at(x[0], y, 0.25),
                frame.at(x[1], y, 0.25),
                frame.at(x[1], y + 1.1, 0.75),
                frame.at(x[0], y + 1.1, 0.75),
            ];
            solid.slab(q, 0.05, panel, dark);
        }
    }
}

fn chimneys(solid: &mut Solid, slope: &Slope, style: &Style, rng: &mut Rng) {
    let brick = part(solid, Material::Brick, [0.26, 0.12, 0.085], style.seed);
    let cap = part(solid, Material::Plain, [0.30, 0.29, 0.27], style.seed);
    let pot = part(solid, Material::Plain, [0.34, 0.14, 0.08], style.seed);
    for _ in 0..1 + rng.below(2) {
        let s = rng.uniform(0.12, 0.88) as f32 * slope.length;
        let t = slope.run * rng.uniform(0.72, 1.0) as f32;
        let (w, h) = (rng.uniform(0.3, 0.6) as f32, rng.uniform(0.9, 1.5) as f32);
        let frame = Frame { origin: slope.at(s, t, 0.0), x: slope.along, y: slope.inward };
        solid.cuboid(&frame, [-w, w], [-0.3, 0.3], [-1.2, h], brick, cap);
        solid.cuboid(&frame, [-w - 0.07, w + 0.07], [-0.37, 0.37], [h - 0.12, h + 0.02], cap, cap);
        for x in [-w * 0.5, w * 0.5] {
            solid.frustum(frame.at(x, 0.0, h), [0.12, 0.1], 0.35, 6, pot, pot);
        }
    }
}

fn slope_fittings(solid: &mut Solid, slope: &Slope, style: &Style, cover: u32, rng: &mut Rng) {
    let slant = (1.0 + slope.pitch * slope.pitch).sqrt();
    let white = part(solid, Material::Plain, style.trim.map(|c| 0.2 + 0.6 * c), style.seed);
    let glass = part(solid, Material::Glass, [0.06, 0.07, 0.08], style.seed);
    let metal = part(solid, Material::Metal, [0.2, 0.2, 0.21], style.seed);
    let n = (slope.length / 3.2).floor() as usize;
    let choice = rng.below(5);
    for b in 0..n {
        let s = (b as f32 + 0.5) * slope.length / n as f32;
        match choice {
            0 | 1 if slope.run > 3.2 && slope.pitch > 0.55 && (choice == 0 || b % 2 == 0) => {
                dormer(solid, slope, s, style, cover, white, glass);
            }
            2 | 3 if rng.next_f64() < 0.6 => {
                let t = slope.run * rng.uniform(0.35, 0.6) as f32;
                let (w, h) = (0.42, 1.15 / slant);
                let q = [(-w, 0.0), (w, 0.0), (w, h), (-w, h)].map(|(x, y)| slope.at(s + x, t + y, 0.10));
                solid.slab(q, 0.12, metal, metal);
                let g = [(-w, 0.0), (w, 0.0), (w, h), (-w, h)]
                    .map(|(x, y): (f32, f32)| slope.at(s + x * 0.82, t + h * 0.5 + (y - h * 0.5) * 0.86, 0.112));
                solid.quad(g, glass);
            }
            _ => {}
        }
    }
    if choice == 4 && slope.run > 3.5 && rng.next_f64() < 0.6 {
        let panel = part(solid, Material::Solar, [0.018, 0.025, 0.06], style.seed);
        let (s0, s1) = (0.2 * slope.length, 0.75 * slope.length);
        let q = [(s0, 0.25), (s1, 0.25), (s1, 0.8), (s0, 0.8)].map(|(s, t)| slope.at(s, t * slope.run, 0.12));
        solid.slab(q, 0.06, panel, metal);
    }
    // Gutter.
    let frame = Frame { origin: slope.at(0.0, -0.42, -0.12), x: slope.along, y: slope.inward };
    solid.cuboid(&frame, [0.0, slope.length], [-0.12, 0.02], [0.0, 0.1], metal, metal);
}

/// A gabled dormer whose front stands a quarter up the slope.
fn dormer(solid: &mut Solid, slope: &Slope, s: f32, style: &Style, cover: u32, white: u32, glass: u32) {
    let (k, w, h) = (slope.pitch, 0.8, 1.35);
    let t0 = 0.25 * slope.run;
    let deep = h / k;
    let peak = 0.55;
    let wall = part(solid, Material::Plain, style.wall_tint, style.seed);
    // Points relative to the front's foot: x along, t inwards, z above the foot.
    let at = |x: f32, t: f32, z: f32| slope.at(s + x, t0, 0.0) + slope.inward * t + UP * z;
    solid.quad([at(-w, 0.0, 0.0), at(w, 0.0, 0.0), at(w, 0.0, h), at(-w, 0.0, h)], wall);
    solid.triangle([at(-w, 0.0, h), at(w, 0.0, h), at(0.0, 0.0, h + peak)], [[0.0, 0.0], [1.6, 0.0], [0.8, 0.5]], wall);
    let pane = |x: f32, z0: f32, z1: f32, y: f32| [at(-x, y, z0), at(x, y, z0), at(x, y, z1), at(-x, y, z1)];
    solid.quad(pane(0.62, 0.22, 1.25, -0.02), white);
    solid.quad(pane(0.52, 0.32, 1.16, -0.03), glass);
    let uv = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]];
    solid.triangle([at(-w, 0.0, h), at(-w, deep, h), at(-w, 0.0, 0.0)].map(|p| p), uv, wall);
    solid.triangle([at(w, 0.0, 0.0), at(w, deep, h), at(w, 0.0, h)], uv, wall);
    let (o, far) = (0.2, (h + peak) / k);
    let z = h - o * peak / w;
    let front = -0.25;
    let (l, r) = (-w - o, w + o);
    let inner = z / k;
    let lift = UP * 0.08;
    solid.quad(
        [
            at(l, inner, z) + lift,
            at(l, front, z) + lift,
            at(0.0, front, h + peak) + lift,
            at(0.0, far, h + peak) + lift,
        ],
        cover,
    );
    solid.quad(
        [
            at(r, front, z) + lift,
            at(r, inner, z) + lift,
            at(0.0, far, h + peak) + lift,
            at(0.0, front, h + peak) + lift,
        ],
        cover,
    );
}
