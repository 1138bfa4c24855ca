//! Houses: walls with window grids and the roofs and fittings that make them differ.
//!
//! In: four ground corners (counter-clockwise, edge 0 is the front), a style. Out: triangles. Bodies may run into each
//! other where houses meet; what lies inside is never seen.

use super::roof;
use crate::base::Rng;
use crate::scene::SurfaceClass;
use crate::synthetic::builder::Solid;
use crate::synthetic::surface::{Facade, Material, Rgb, Surface, V3, Wall};

/// Shape of a roof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoofShape {
    /// Two slopes, ridge along the front.
    Gable,
    /// Four slopes.
    Hip,
    /// Steep below, flat above.
    Mansard,
    /// Flat with a parapet.
    Flat,
}

/// Everything about one house but its place.
#[derive(Clone, Debug)]
pub struct Style {
    /// Storeys with windows.
    pub storeys: i32,
    /// Height of a storey in metres.
    pub storey: f32,
    /// Shape of the roof.
    pub shape: RoofShape,
    /// Rise of a pitched roof over half its depth.
    pub pitch: f32,
    /// Material of the walls.
    pub wall: Wall,
    /// Colour of the walls.
    pub wall_tint: Rgb,
    /// Material of the roof.
    pub roof: Material,
    /// Colour of the roof.
    pub roof_tint: Rgb,
    /// Colour of frames and trims.
    pub trim: Rgb,
    /// Distance between window axes in metres.
    pub spacing: f32,
    /// Window width and height in metres.
    pub window: [f32; 2],
    /// Shops on the ground floor of the front.
    pub shop: bool,
    /// Ribbon windows.
    pub ribbon: bool,
    /// Balconies on the back.
    pub balconies: bool,
    /// Whether each wall (front, right, back, left) stands free and has windows.
    pub free: [bool; 4],
    /// Seed of the textures.
    pub seed: u32,
}

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.below(from.len())]
}

/// Colour varied a little.
pub fn vary(rng: &mut Rng, c: Rgb, amount: f64) -> Rgb {
    let all = rng.uniform(1.0 - amount, 1.0 + amount);
    c.map(|x| (f64::from(x) * all * rng.uniform(1.0 - 0.3 * amount, 1.0 + 0.3 * amount)).clamp(0.01, 0.85) as f32)
}

const PLASTER: [Rgb; 9] = [
    [0.62, 0.58, 0.49],
    [0.66, 0.64, 0.60],
    [0.56, 0.43, 0.25],
    [0.52, 0.31, 0.21],
    [0.40, 0.44, 0.44],
    [0.58, 0.50, 0.36],
    [0.47, 0.30, 0.25],
    [0.36, 0.42, 0.32],
    [0.63, 0.55, 0.47],
];
const BRICK: [Rgb; 5] =
    [[0.30, 0.13, 0.085], [0.25, 0.12, 0.09], [0.36, 0.19, 0.11], [0.21, 0.13, 0.105], [0.40, 0.30, 0.19]];
const TILES: [Rgb; 6] = [
    [0.36, 0.125, 0.06],
    [0.30, 0.10, 0.055],
    [0.25, 0.115, 0.075],
    [0.42, 0.17, 0.08],
    [0.18, 0.10, 0.075],
    [0.13, 0.11, 0.105],
];

impl Style {
    /// A house of an old town.
    pub fn town(rng: &mut Rng) -> Self {
        let wall = pick(rng, &[Wall::Plaster, Wall::Plaster, Wall::Plaster, Wall::Brick, Wall::Brick, Wall::Stone]);
        let base = match wall {
            Wall::Brick => pick(rng, &BRICK),
            Wall::Stone => [0.46, 0.42, 0.35],
            _ => pick(rng, &PLASTER),
        };
        let shape = pick(
            rng,
            &[
                RoofShape::Gable,
                RoofShape::Gable,
                RoofShape::Gable,
                RoofShape::Gable,
                RoofShape::Mansard,
                RoofShape::Flat,
                RoofShape::Hip,
            ],
        );
        let (roof, roof_tint) = match shape {
            RoofShape::Flat => flat_roof(rng),
            RoofShape::Mansard => (Material::Slate, [0.105, 0.11, 0.12]),
            _ if rng.next_f64() < 0.16 => (Material::Slate, [0.12, 0.12, 0.13]),
            _ => (Material::Tiles, pick(rng, &TILES)),
        };
        Self {
            storeys: 2 + rng.below(4) as i32,
            storey: rng.uniform(2.9, 3.5) as f32,
            shape,
            pitch: rng.uniform(0.75, 1.1) as f32,
            wall,
            wall_tint: vary(rng, base, 0.15),
            roof,
            roof_tint: vary(rng, roof_tint, 0.2),
            trim: pick(rng, &[[0.7, 0.68, 0.64], [0.62, 0.6, 0.55], [0.16, 0.12, 0.09], [0.10, 0.16, 0.12]]),
            spacing: rng.uniform(2.0, 3.0) as f32,
            window: [rng.uniform(0.95, 1.3) as f32, rng.uniform(1.45, 1.9) as f32],
            shop: rng.next_f64() < 0.3,
            ribbon: false,
            balconies: rng.next_f64() < 0.45,
            free: [true, false, true, false],
            seed: rng.next_u32(),
        }
    }

    /// A detached house in a garden.
    pub fn villa(rng: &mut Rng) -> Self {
        let mut s = Self::town(rng);
        s.storeys = 1 + rng.below(2) as i32;
        s.shape = pick(rng, &[RoofShape::Gable, RoofShape::Hip, RoofShape::Hip, RoofShape::Gable, RoofShape::Flat]);
        (s.roof, s.roof_tint) =
            if s.shape == RoofShape::Flat { flat_roof(rng) } else { (Material::Tiles, pick(rng, &TILES)) };
        s.roof_tint = vary(rng, s.roof_tint, 0.2);
        s.pitch = rng.uniform(0.6, 0.95) as f32;
        s.spacing = rng.uniform(2.6, 3.6) as f32;
        (s.shop, s.balconies, s.free) = (false, false, [true; 4]);
        s
    }

    /// A modern block.
    pub fn modern(rng: &mut Rng, storeys: i32) -> Self {
        let mut s = Self::town(rng);
        s.storeys = storeys;
        s.storey = rng.uniform(2.9, 3.3) as f32;
        s.shape = RoofShape::Flat;
        (s.roof, s.roof_tint) = flat_roof(rng);
        s.wall = pick(rng, &[Wall::Panel, Wall::Panel, Wall::Plaster, Wall::Brick]);
        let tint = if s.wall == Wall::Brick {
            pick(rng, &BRICK)
        } else {
            pick(rng, &[[0.55, 0.54, 0.52], [0.42, 0.42, 0.42]])
        };
        s.wall_tint = vary(rng, tint, 0.15);
        s.spacing = rng.uniform(2.8, 3.6) as f32;
        s.window = [rng.uniform(1.6, 2.2) as f32, rng.uniform(1.4, 1.7) as f32];
        s.ribbon = rng.next_f64() < 0.35;
        s.balconies = !s.ribbon;
        s.shop = rng.next_f64() < 0.3;
        s.free = [true; 4];
        s
    }
}

fn flat_roof(rng: &mut Rng) -> (Material, Rgb) {
    pick(
        rng,
        &[
            (Material::Bitumen, [0.13, 0.13, 0.135]),
            (Material::Bitumen, [0.22, 0.22, 0.21]),
            (Material::RoofGravel, [0.34, 0.32, 0.29]),
            (Material::RoofGravel, [0.27, 0.26, 0.24]),
            (Material::GreenRoof, [0.14, 0.16, 0.06]),
            (Material::SeamMetal, [0.30, 0.36, 0.33]),
        ],
    )
}

/// The two horizontal directions of a four-cornered house: along the front, and from front to back.
pub fn directions(p: &[V3; 4]) -> (V3, V3) {
    let flat = |v: V3| V3::new(v.x, v.y, 0.0).try_normalize(1e-6).unwrap_or_else(V3::x);
    (flat(p[1] - p[0] + p[2] - p[3]), flat(p[3] - p[0] + p[2] - p[1]))
}

/// Moves the edges of a four-cornered outline inwards by the given distances (front, right, back, left).
pub fn inset(p: &[V3; 4], by: [f32; 4]) -> [V3; 4] {
    let (a, d) = directions(p);
    [
        p[0] + a * by[3] + d * by[0],
        p[1] - a * by[1] + d * by[0],
        p[2] - a * by[1] - d * by[2],
        p[3] + a * by[3] - d * by[2],
    ]
}

/// The outline at another height.
pub fn raised(p: &[V3; 4], by: f32) -> [V3; 4] {
    p.map(|x| x + V3::new(0.0, 0.0, by))
}

/// Builds a house on ground corners that share one height; returns the height of its eaves.
pub fn build(solid: &mut Solid, corners: &[V3; 4], style: &Style, rng: &mut Rng) -> f32 {
    let height = style.storeys as f32 * style.storey + if style.shape == RoofShape::Flat { 0.35 } else { 0.25 };
    let parapet = if style.shape == RoofShape::Flat { 0.55 } else { 0.0 };
    let mut walls = [0; 4];
    for k in 0..4 {
        let (from, to) = (corners[k], corners[(k + 1) % 4]);
        let width = (to - from).norm();
        let free = style.free[k];
        let bays = if free { (width / style.spacing).floor().max(1.0) as i32 } else { 0 };
        let facade = Facade {
            width,
            storey: style.storey,
            storeys: style.storeys,
            bays,
            window: [style.window[0].min(width / bays.max(1) as f32 * 0.7), style.window[1]],
            sill: if style.storey > 3.2 { 1.0 } else { 0.85 },
            wall: style.wall,
            trim: style.trim,
            shop: style.shop && k == 0,
            door: if k == 0 && free { (rng.below(bays.max(1) as usize)) as i32 } else { -1 },
            ribbon: style.ribbon,
        };
        let surface = Surface {
            class: SurfaceClass::Facade,
            material: Material::Facade(facade),
            tint: style.wall_tint,
            seed: style.seed.wrapping_add(k as u32),
        };
        let s = solid.surface(surface);
        walls[k] = s;
        let z = |p: V3, z: f32| p + V3::new(0.0, 0.0, z);
        let top = height + parapet;
        solid.quad_uv(
            [z(from, -1.2), z(to, -1.2), z(to, top), z(from, top)],
            [[0.0, -1.2], [width, -1.2], [width, top], [0.0, top]],
            s,
        );
        if free {
            fittings(solid, from, to, &facade, style, k, rng);
        }
    }
    roof::build(solid, corners, height, parapet, style, &walls, rng);
    height
}

/// Cornice, balconies, awnings and a door step on one wall.
fn fittings(solid: &mut Solid, from: V3, to: V3, facade: &Facade, style: &Style, side: usize, rng: &mut Rng) {
    let along = (to - from).normalize();
    let frame = crate::synthetic::builder::Frame {
        origin: from,
        x: along,
        // To the left of the wall's direction lies the house.
        y: V3::new(-along.y, along.x, 0.0),
    };
    let part = |material, tint| Surface { class: SurfaceClass::Facade, material, tint, seed: style.seed };
    let trim = solid.surface(part(Material::Plain, style.trim.map(|c| 0.2 + 0.6 * c)));
    let top = facade.storeys as f32 * facade.storey;
    if facade.wall != Wall::Panel {
        solid.cuboid(&frame, [0.0, facade.width], [-0.22, 0.05], [top - 0.25, top], trim, trim);
    }
    let bay = facade.width / facade.bays as f32;
    let balcony = style.balconies && (side == 2 || (side == 0 && !facade.shop && style.seed.is_multiple_of(3)));
    if balcony {
        let rail = solid.surface(part(
            if style.seed.is_multiple_of(2) { Material::Glass } else { Material::Metal },
            if style.seed % 5 < 2 { [0.5, 0.5, 0.5] } else { [0.08, 0.08, 0.09] },
        ));
        let every = 1 + rng.below(2) as i32;
        for b in (rng.below(2) as i32..facade.bays).step_by(every as usize) {
            for storey in 1..facade.storeys {
                let (x0, x1) = ((b as f32 + 0.06) * bay, (b as f32 + 0.94) * bay);
                let z = storey as f32 * facade.storey;
                solid.cuboid(&frame, [x0, x1], [-1.35, 0.0], [z - 0.14, z + 0.05], trim, trim);
                solid.cuboid(&frame, [x0, x1], [-1.35, -1.29], [z + 0.05, z + 1.0], rail, rail);
                solid.cuboid(&frame, [x0, x0 + 0.06], [-1.3, 0.0], [z + 0.05, z + 1.0], rail, rail);
                solid.cuboid(&frame, [x1 - 0.06, x1], [-1.3, 0.0], [z + 0.05, z + 1.0], rail, rail);
            }
        }
    }
    if facade.shop {
        let cloths = [[0.5, 0.05, 0.05], [0.05, 0.22, 0.12], [0.08, 0.14, 0.35], [0.55, 0.42, 0.10]];
        for b in 0..facade.bays {
            if b == facade.door || rng.next_f64() < 0.45 {
                continue;
            }
            let cloth = solid.surface(Surface {
                class: SurfaceClass::Other,
                ..part(Material::Stripes, cloths[style.seed as usize % cloths.len()])
            });
            let (x0, x1) = ((b as f32 + 0.05) * bay, (b as f32 + 0.95) * bay);
            let p = [
                frame.at(x0, -1.3, 2.35),
                frame.at(x1, -1.3, 2.35),
                frame.at(x1, -0.02, 2.9),
                frame.at(x0, -0.02, 2.9),
            ];
            solid.slab(p, 0.04, cloth, cloth);
        }
    }
    if facade.door >= 0 && !facade.shop {
        let x = (facade.door as f32 + 0.5) * bay;
        solid.cuboid(&frame, [x - 0.8, x + 0.8], [-0.9, 0.0], [-0.5, 0.16], trim, trim);
        solid.cuboid(&frame, [x - 0.9, x + 0.9], [-1.0, 0.0], [2.55, 2.68], trim, trim);
    }
}
