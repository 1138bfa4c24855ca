//! Cars and vans: an outline seen from the side, drawn across the car, narrower above the belt line.
//!
//! In: a frame (x forward, on the road), a kind, a colour. Out: about 80 triangles of class car.

use crate::base::Rng;
use crate::scene::SurfaceClass;
use crate::synthetic::builder::{Frame, Solid};
use crate::synthetic::surface::{Material, Rgb, Surface, V3};

/// Colours of cars, common ones more often.
const PAINTS: [Rgb; 14] = [
    [0.62, 0.62, 0.61],
    [0.62, 0.62, 0.61],
    [0.33, 0.34, 0.35],
    [0.33, 0.34, 0.35],
    [0.10, 0.105, 0.11],
    [0.10, 0.105, 0.11],
    [0.025, 0.025, 0.028],
    [0.025, 0.025, 0.028],
    [0.35, 0.025, 0.02],
    [0.03, 0.08, 0.26],
    [0.05, 0.13, 0.22],
    [0.30, 0.26, 0.19],
    [0.05, 0.13, 0.07],
    [0.55, 0.22, 0.02],
];

/// Side outlines as (x forward, z), from the front bumper over the roof to the rear: indices 3..=6 are the foot of the
/// windscreen, the front and rear ends of the roof, and the foot of the rear window.
const SEDAN: [[f32; 2]; 9] = [
    [2.20, 0.28],
    [2.24, 0.62],
    [2.05, 0.80],
    [1.00, 0.94],
    [0.30, 1.40],
    [-0.95, 1.42],
    [-1.60, 1.00],
    [-2.15, 0.95],
    [-2.20, 0.30],
];
const HATCH: [[f32; 2]; 9] = [
    [1.95, 0.28],
    [2.00, 0.62],
    [1.85, 0.80],
    [0.95, 0.98],
    [0.25, 1.48],
    [-1.35, 1.48],
    [-1.85, 1.02],
    [-1.95, 0.90],
    [-1.95, 0.30],
];
const SUV: [[f32; 2]; 9] = [
    [2.25, 0.35],
    [2.30, 0.75],
    [2.15, 1.00],
    [1.05, 1.12],
    [0.45, 1.68],
    [-1.85, 1.70],
    [-2.20, 1.15],
    [-2.28, 1.05],
    [-2.28, 0.38],
];
const VAN: [[f32; 2]; 9] = [
    [2.60, 0.35],
    [2.65, 0.75],
    [2.45, 1.10],
    [1.95, 1.25],
    [1.25, 2.05],
    [-2.50, 2.10],
    [-2.62, 1.30],
    [-2.65, 1.20],
    [-2.65, 0.38],
];

/// Adds a car standing on the frame's origin, its front towards +x.
pub fn car(solid: &mut Solid, frame: &Frame, rng: &mut Rng) {
    let kind = rng.below(10);
    let (outline, half, top) = match kind {
        0..=3 => (&SEDAN, 0.88, 0.64),
        4..=6 => (&HATCH, 0.85, 0.66),
        7..=8 => (&SUV, 0.93, 0.74),
        _ => (&VAN, 0.98, 0.90),
    };
    let paint = PAINTS[rng.below(PAINTS.len())];
    let tint = super::house::vary(rng, paint, 0.12);
    let seed = rng.next_u32();
    let mut add = |material, tint| solid.surface(Surface { class: SurfaceClass::Car, material, tint, seed });
    let paint = add(Material::CarPaint, tint);
    let glass = add(Material::Glass, [0.02, 0.024, 0.028]);
    let black = add(Material::Rubber, [0.022, 0.022, 0.024]);
    let front_light = add(Material::Plain, [0.7, 0.7, 0.66]);
    let rear_light = add(Material::Plain, [0.30, 0.015, 0.01]);
    let rim = add(Material::Metal, [0.35, 0.35, 0.36]);
    let belt = outline[3][1].min(outline[6][1]);
    let width = |k: usize| -> f32 {
        match k {
            4 | 5 => top,
            0 | 1 | 7 | 8 => half * 0.93,
            _ => half,
        }
    };
    let point = |k: usize, side: f32| frame.at(outline[k][0], side * width(k), outline[k][1]);
    for k in 0..8 {
        let s = match k {
            3 | 5 => glass,
            _ => paint,
        };
        let s = if kind == 9 && k == 5 { paint } else { s };
        solid.quad([point(k, 1.0), point(k, -1.0), point(k + 1, -1.0), point(k + 1, 1.0)], s);
    }
    for side in [1.0f32, -1.0] {
        // Body side: a fan over the belt outline.
        let mut body: Vec<V3> = [0, 1, 2, 3, 6, 7, 8].iter().map(|&k| point(k, side)).collect();
        if side > 0.0 {
            body.reverse();
        }
        for k in 1..body.len() - 1 {
            let c = [body[0], body[k], body[k + 1]];
            solid.triangle(c, c.map(|p| [(p - body[0]).norm(), p.z - body[0].z]), paint);
        }
        let mut cabin = [point(3, side), point(4, side), point(5, side), point(6, side)];
        if side > 0.0 {
            cabin.reverse();
        }
        solid.quad(cabin, paint);
        // Side windows lie a hair outside the cabin.
        let at = |x: f32, t: f32| {
            let y = half + (top - half) * t;
            frame.at(x, side * (y + 0.012), belt + 0.04 + t * (outline[4][1] - belt - 0.1))
        };
        let (x0, x1) = (outline[3][0] - 0.18, outline[6][0] + 0.25);
        let (y0, y1) = (outline[4][0] - 0.02, outline[5][0] + 0.12);
        let mid = 0.5 * (y0 + y1);
        let last = if kind == 9 { 0.6 * y0 + 0.4 * x0 - 0.9 } else { mid + 0.06 };
        let mut panes = vec![[at(x0, 0.06), at(y0, 0.88), at(last, 0.88), at(last, 0.06)]];
        if kind != 9 {
            panes.push([at(mid - 0.06, 0.06), at(mid - 0.06, 0.88), at(y1, 0.88), at(x1, 0.06)]);
        }
        for mut pane in panes {
            if side > 0.0 {
                pane.reverse();
            }
            solid.quad(pane, glass);
        }
        for x in [outline[1][0] - 0.85, outline[7][0] + 0.75] {
            wheel(solid, frame, x, side * (half + 0.01), side, black, rim);
        }
        let lamp = |solid: &mut Solid, k: usize, s: u32, out: f32| {
            let x = outline[k][0] + out;
            let (z, y0, y1) = (outline[k][1], side * half * 0.55, side * half * 0.9);
            let mut q = [
                frame.at(x, y0, z - 0.12),
                frame.at(x, y1, z - 0.12),
                frame.at(x, y1, z + 0.02),
                frame.at(x, y0, z + 0.02),
            ];
            if (side > 0.0) != (out > 0.0) {
                q.reverse();
            }
            solid.quad(q, s);
        };
        lamp(solid, 1, front_light, 0.012);
        lamp(solid, 7, rear_light, -0.012);
    }
    let under = [point(0, -1.0), point(0, 1.0), point(8, 1.0), point(8, -1.0)];
    solid.quad(under, black);
}

fn wheel(solid: &mut Solid, frame: &Frame, x: f32, y: f32, side: f32, tyre: u32, rim: u32) {
    for (r, s, out) in [(0.34, tyre, 0.0), (0.2, rim, 0.015)] {
        let mut ring: Vec<V3> = (0..10)
            .map(|k| {
                let a = k as f32 * std::f32::consts::TAU / 10.0;
                frame.at(x + r * a.cos(), y + side * out, 0.34 + r * a.sin())
            })
            .collect();
        if side > 0.0 {
            ring.reverse();
        }
        for k in 1..ring.len() - 1 {
            solid.triangle([ring[0], ring[k], ring[k + 1]], [[0.0; 2]; 3], s);
        }
    }
}
