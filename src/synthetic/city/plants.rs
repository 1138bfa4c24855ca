//! Trees, bushes and hedges: dark cores of displaced spheres under thousands of leaf clusters.
//!
//! In: a place, a size, the size of a leaf cluster in metres. Out: triangles of class vegetation. The clusters make
//! crowns ragged and let light and gaps through, as real crowns seen from a drone.

use crate::base::Rng;
use crate::scene::SurfaceClass;
use crate::synthetic::builder::{Frame, Solid};
use crate::synthetic::noise::{hash, unit};
use crate::synthetic::surface::{Material, Rgb, Surface, V3};

/// Kind of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Species {
    /// Broad and round.
    Broad,
    /// Slim and tall.
    Column,
    /// A cone.
    Conifer,
    /// A bush without a trunk.
    Bush,
}

const GREENS: [Rgb; 7] = [
    [0.075, 0.135, 0.032],
    [0.10, 0.17, 0.04],
    [0.125, 0.17, 0.042],
    [0.055, 0.11, 0.035],
    [0.15, 0.165, 0.05],
    [0.105, 0.13, 0.05],
    [0.075, 0.125, 0.05],
];

fn direction(rng: &mut Rng) -> V3 {
    loop {
        let v = V3::new(rng.uniform(-1.0, 1.0) as f32, rng.uniform(-1.0, 1.0) as f32, rng.uniform(-1.0, 1.0) as f32);
        let n = v.norm();
        if n > 0.1 && n <= 1.0 {
            return v / n;
        }
    }
}

/// Adds one tree of a height and crown radius in metres; `leaf` is the size of its leaf clusters.
pub fn tree(solid: &mut Solid, base: V3, species: Species, height: f32, radius: f32, leaf: f32, rng: &mut Rng) {
    let green = match species {
        Species::Conifer => [0.04, 0.075, 0.032],
        _ => GREENS[rng.below(GREENS.len())],
    };
    let tint = super::house::vary(rng, green, 0.2);
    let seed = rng.next_u32();
    let class = SurfaceClass::Vegetation;
    let bark = solid.surface(Surface { class, material: Material::Bark, tint: [0.13, 0.10, 0.075], seed });
    let trunk = if species == Species::Bush { 0.0 } else { 0.28 * height };
    if trunk > 0.0 {
        let r = 0.05 + 0.018 * height;
        solid.frustum(base - V3::z() * 0.3, [r * 1.4, r * 0.6], 0.65 * height, 6, bark, bark);
    }
    let half = V3::new(radius, radius, 0.5 * (height - trunk));
    let centre = base + V3::z() * (trunk + half.z);
    let n = match species {
        Species::Broad => 6 + rng.below(5),
        Species::Column => 4,
        Species::Conifer => 5,
        Species::Bush => 2,
    };
    for k in 0..n {
        let (c, r) = match species {
            Species::Broad | Species::Bush => {
                let d = direction(rng);
                let away = if k == 0 { 0.0 } else { rng.uniform(0.5, 0.72) as f32 };
                let size = if k == 0 { 0.6 } else { rng.uniform(0.32, 0.55) as f32 };
                (centre + d.component_mul(&half) * away, half * size)
            }
            Species::Column => {
                let z = (k as f32 + 0.5) / n as f32 * 2.0 - 1.0;
                (
                    centre + V3::new(0.0, 0.0, z * half.z * 0.75),
                    V3::new(radius, radius, half.z * 0.45) * (1.0 - 0.25 * z),
                )
            }
            Species::Conifer => {
                let t = k as f32 / n as f32;
                let r = radius * (1.0 - 0.85 * t);
                (base + V3::z() * (trunk * 0.5 + t * (height - trunk * 0.5) * 0.92), V3::new(r, r, height * 0.13))
            }
        };
        clump(solid, c, r, leaf, tint, seed.wrapping_add(k as u32), rng);
    }
}

/// An ellipsoid of leaves.
fn clump(solid: &mut Solid, centre: V3, radii: V3, leaf: f32, tint: Rgb, seed: u32, rng: &mut Rng) {
    let class = SurfaceClass::Vegetation;
    let tint = super::house::vary(rng, tint, 0.10);
    let material = Material::Leaf([centre.x, centre.y, centre.z - 0.3 * radii.z]);
    let leaves = solid.surface(Surface { class, material, tint, seed });
    let core = solid.surface(Surface { class, material, tint: tint.map(|c| c * 0.55), seed });
    blob(solid, centre, radii * 0.80, core, seed);
    let mean = (radii.x + radii.y + radii.z) / 3.0;
    let count = (12.57 * mean * mean / (leaf * leaf * 0.45) * 1.05).min(1200.0) as usize;
    for _ in 0..count {
        let d = direction(rng);
        if d.z < -0.75 {
            continue;
        }
        // Lumps on the clump: leaves sit at an uneven distance.
        let lump = unit(hash(
            (d.x * 2.5).floor() as i32,
            (d.y * 2.5).floor() as i32,
            seed ^ (d.z * 2.5).floor() as i32 as u32,
        ));
        let p = centre + d.component_mul(&radii) * (0.78 + 0.22 * lump + rng.uniform(-0.05, 0.08) as f32);
        let n = (d + direction(rng) * 0.9).normalize();
        let x = n.cross(&direction(rng)).try_normalize(1e-3).unwrap_or_else(V3::x);
        let y = n.cross(&x);
        let s = leaf * rng.uniform(0.6, 1.25) as f32;
        let corners = [p - x * (0.6 * s) - y * (0.35 * s), p + x * (0.6 * s) - y * (0.2 * s), p + y * (0.75 * s)];
        solid.triangle(corners, [[0.0, 0.0], [s, 0.0], [0.0, s]], leaves);
    }
}

/// A displaced sphere of 8 x 5 cells.
fn blob(solid: &mut Solid, centre: V3, radii: V3, surface: u32, seed: u32) {
    const AROUND: i32 = 8;
    const UP: i32 = 5;
    let point = |i: i32, j: i32| {
        let (a, b) =
            (i as f32 / AROUND as f32 * std::f32::consts::TAU, (j as f32 / UP as f32 - 0.5) * std::f32::consts::PI);
        let wrapped = if j == 0 || j == UP { 0 } else { i.rem_euclid(AROUND) };
        let r = 0.85 + 0.3 * unit(hash(wrapped, j, seed));
        centre + V3::new(a.cos() * b.cos(), a.sin() * b.cos(), b.sin()).component_mul(&radii) * r
    };
    for j in 0..UP {
        for i in 0..AROUND {
            let q = [point(i, j), point(i + 1, j), point(i + 1, j + 1), point(i, j + 1)];
            if j > 0 {
                solid.triangle([q[0], q[1], q[2]], [[0.0; 2]; 3], surface);
            }
            if j < UP - 1 {
                solid.triangle([q[0], q[2], q[3]], [[0.0; 2]; 3], surface);
            }
        }
    }
}

/// A clipped hedge along a frame's x axis, `length` long.
pub fn hedge(solid: &mut Solid, frame: &Frame, length: f32, width: f32, height: f32, leaf: f32, rng: &mut Rng) {
    let class = SurfaceClass::Vegetation;
    let tint = super::house::vary(rng, [0.06, 0.11, 0.03], 0.2);
    let seed = rng.next_u32();
    let c = frame.at(length / 2.0, 0.0, -30.0);
    // Its normals come from far below, so that it looks flat on top.
    let material = Material::Leaf([c.x, c.y, c.z]);
    let leaves = solid.surface(Surface { class, material, tint, seed });
    let core = solid.surface(Surface { class, material, tint: tint.map(|c| c * 0.6), seed });
    solid.cuboid(frame, [0.0, length], [-width * 0.42, width * 0.42], [-0.4, height * 0.94], core, core);
    let count = (length * (2.0 * height + width) / (leaf * leaf * 0.45) * 1.2).min(2500.0) as usize;
    for _ in 0..count {
        let around = rng.uniform(0.0, f64::from(2.0 * height + width)) as f32;
        let (y, z) = if around < height {
            (-width / 2.0, around)
        } else if around < height + width {
            (around - height - width / 2.0, height)
        } else {
            (width / 2.0, around - height - width)
        };
        let p = frame.at(rng.uniform(0.0, f64::from(length)) as f32, y, z) + direction(rng) * 0.08;
        let n = (V3::z() * 0.4 + direction(rng)).try_normalize(1e-3).unwrap_or_else(V3::z);
        let x = n.cross(&direction(rng)).try_normalize(1e-3).unwrap_or_else(V3::x);
        let w = n.cross(&x);
        let s = leaf * rng.uniform(0.5, 1.0) as f32;
        solid.triangle(
            [p - x * (0.6 * s), p + x * (0.5 * s), p + w * (0.8 * s)],
            [[0.0, 0.0], [s, 0.0], [0.0, s]],
            leaves,
        );
    }
}
