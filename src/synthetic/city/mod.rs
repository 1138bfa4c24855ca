//! The procedural city: street plan, ground, blocks of houses, street trees, lamps, parked and moving cars.
//!
//! In: the half sizes of the built area and a seed. Out: about a million triangles with class, material and colour in
//! local metres. Every block has its own stream of random numbers. Cost: about a second for 480 x 440 m.

mod blocks;
pub mod ground;
mod house;
mod plants;
mod roof;
mod vehicle;

use super::builder::{Frame, Solid};
use super::plan::Plan;
use super::surface::{Material, Surface, V3};
use crate::base::Rng;
use crate::scene::SurfaceClass;
use blocks::{Block, BlockKind, Filler};
use ground::{Cell, KERB};
use plants::Species;

/// A city: its plan and all that stands still.
#[derive(Clone, Debug)]
pub struct City {
    /// Street plan and terrain.
    pub plan: Plan,
    /// Everything that does not move.
    pub solid: Solid,
}

/// Builds the city. `half`: half sizes of the built area in plan metres; `core`: radius around the middle within which
/// trees have fine leaves of size `leaf` in metres.
pub fn build(half: [f32; 2], core: f32, leaf: f32, seed: u64) -> City {
    let mut rng = Rng::new(seed, 1);
    let mut plan = Plan::new(half, &mut rng);
    let blocks = choose_blocks(&plan, core, leaf, &mut rng);
    if let Some(park) = blocks.iter().find(|b| b.2.kind == BlockKind::Park) {
        let Block { u, v, .. } = park.2;
        let (ru, rv) = (0.17 * (u[1] - u[0]), 0.19 * (v[1] - v[0]));
        plan.pond = Some([0.5 * (u[0] + u[1]) + 2.0, 0.5 * (v[0] + v[1]) + 3.0, ru, rv]);
    }
    let mut solid = Solid::default();
    let surfaces: Vec<(usize, usize, u32)> =
        blocks.iter().enumerate().map(|(k, b)| (b.0, b.1, solid.surface(b.2.ground(100 + k as u32)))).collect();
    let meadow = solid.surface(Surface {
        class: SurfaceClass::Ground,
        material: Material::Meadow,
        tint: [0.14, 0.17, 0.06],
        seed: 99,
    });
    let lookup = |i: usize, j: usize| surfaces.iter().find(|s| s.0 == i && s.1 == j).map_or(meadow, |s| s.2);
    ground::build(&mut solid, &plan, lookup);
    for (k, (_, _, block)) in blocks.iter().enumerate() {
        let rng = Rng::new(seed, 1000 + k as u64);
        Filler { solid: &mut solid, plan: &plan, rng, block: *block }.fill();
    }
    streets(&mut solid, &plan, core, leaf, &mut Rng::new(seed, 2));
    City { plan, solid }
}

/// The blocks between the streets, nearest to the middle first in their choice of kind.
fn choose_blocks(plan: &Plan, core: f32, leaf: f32, rng: &mut Rng) -> Vec<(usize, usize, Block)> {
    let mut out = Vec::new();
    for j in 0..plan.along_u.len() - 1 {
        for i in 0..plan.along_v.len() - 1 {
            let u = [
                plan.along_v[i].centre + plan.along_v[i].outer(),
                plan.along_v[i + 1].centre - plan.along_v[i + 1].outer(),
            ];
            let v = [
                plan.along_u[j].centre + plan.along_u[j].outer(),
                plan.along_u[j + 1].centre - plan.along_u[j + 1].outer(),
            ];
            let inside = u[0] > -plan.half[0] && u[1] < plan.half[0] && v[0] > -plan.half[1] && v[1] < plan.half[1];
            if inside && u[1] - u[0] > 34.0 && v[1] - v[0] > 30.0 {
                out.push((i, j, Block { kind: BlockKind::Perimeter, u, v, leaf }));
            }
        }
    }
    let distance = |b: &Block| (0.5 * (b.u[0] + b.u[1])).hypot(0.5 * (b.v[0] + b.v[1]));
    out.sort_by(|a, b| distance(&a.2).total_cmp(&distance(&b.2)));
    use BlockKind::{Church, Hall, Park, Perimeter, Slabs, Villas};
    let middle = [Perimeter, Park, Villas, Slabs, Church, Perimeter, Villas, Perimeter, Hall, Perimeter];
    for (k, (_, _, b)) in out.iter_mut().enumerate() {
        let others = [Perimeter, Perimeter, Perimeter, Villas, Villas, Slabs, Hall, Church];
        b.kind = middle.get(k).copied().unwrap_or_else(|| others[rng.below(others.len())]);
        let d = distance(b);
        b.leaf = leaf * if d < core { 1.0 } else { 1.0 + 1.2 * ((d - core) / core).min(1.0) };
    }
    out
}

/// Street trees, lamps and parked cars along all streets.
fn streets(solid: &mut Solid, plan: &Plan, core: f32, leaf: f32, rng: &mut Rng) {
    let metal = solid.surface(Surface {
        class: SurfaceClass::Other,
        material: Material::Metal,
        tint: [0.16, 0.17, 0.17],
        seed: 3,
    });
    for (vertical, streets) in [(true, &plan.along_v), (false, &plan.along_u)] {
        let reach = if vertical { plan.half[1] } else { plan.half[0] };
        for street in streets {
            let limit = if vertical { plan.half[0] } else { plan.half[1] };
            if street.centre.abs() > limit - 12.0 {
                continue;
            }
            let point = |along: f32, across: f32| {
                let c = street.centre + across;
                if vertical { (c, along) } else { (along, c) }
            };
            let cell = |along: f32, across: f32| {
                let (u, v) = point(along, across);
                ground::classify(plan, u, v)
            };
            let leafy = rng.next_f64() < 0.6;
            for side in [-1.0f32, 1.0] {
                let mut at = -reach + 8.0;
                while at < reach - 8.0 {
                    at += rng.uniform(5.2, 6.2) as f32;
                    let across = side * (street.half - 1.05);
                    // Keep clear of crossings.
                    let clear = [-9.0f32, 0.0, 9.0].iter().all(|d| {
                        cell(at + d, across) == Cell::Street
                            && cell(at + d, side * (street.half + 0.5)) == Cell::Pavement
                    });
                    let (u, v) = point(at, across);
                    if clear && rng.next_f64() < 0.55 {
                        let forward = if vertical { std::f32::consts::FRAC_PI_2 } else { 0.0 };
                        let flip = if (side > 0.0) == vertical { 0.0 } else { std::f32::consts::PI };
                        let frame = plan.frame(u, v, 0.0).turned(forward + flip + rng.uniform(-0.03, 0.03) as f32);
                        vehicle::car(solid, &frame, rng);
                    }
                    let kerb = side * (street.half + 0.75);
                    let free = [-4.0f32, 0.0, 4.0].iter().all(|d| cell(at + d, kerb) == Cell::Pavement);
                    if !free {
                        continue;
                    }
                    let (u, v) = point(at + 2.8, kerb);
                    let far = u.hypot(v) > core;
                    if leafy && rng.next_f64() < 0.42 {
                        let height = rng.uniform(5.0, 9.0) as f32;
                        let size = if far { leaf * 1.9 } else { leaf };
                        plants::tree(solid, plan.point(u, v, KERB), Species::Broad, height, 0.36 * height, size, rng);
                    } else if rng.next_f64() < 0.28 {
                        lamp(solid, &plan.frame(u, v, KERB), if vertical { (-side, 0.0) } else { (0.0, -side) }, metal);
                    }
                }
            }
        }
    }
}

fn lamp(solid: &mut Solid, frame: &Frame, towards: (f32, f32), metal: u32) {
    solid.frustum(frame.origin, [0.09, 0.06], 6.5, 5, metal, metal);
    let x = frame.x * towards.0 + frame.y * towards.1;
    let arm = Frame { origin: frame.at(0.0, 0.0, 6.4), x, y: V3::new(-x.y, x.x, 0.0) };
    solid.cuboid(&arm, [-0.1, 1.6], [-0.05, 0.05], [0.0, 0.08], metal, metal);
    solid.cuboid(&arm, [1.2, 1.9], [-0.14, 0.14], [-0.05, 0.1], metal, metal);
}

/// A moving car: position and heading in the local frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MovingCar {
    /// Its place on the road.
    pub frame: [f32; 3],
    /// Direction of travel in radians, counter-clockwise from east.
    pub heading: f32,
    /// Which car it is: shape and paint stay the same from photo to photo.
    pub id: u32,
}

/// The moving cars at a time in seconds, and their geometry.
pub fn traffic(plan: &Plan, count: u32, time: f64, seed: u64) -> (Vec<MovingCar>, Solid) {
    let mut solid = Solid::default();
    let mut cars = Vec::new();
    for id in 0..count {
        let mut rng = Rng::new(seed, 50_000 + u64::from(id));
        let vertical = rng.next_f64() < 0.5;
        let streets = if vertical { &plan.along_v } else { &plan.along_u };
        // Streets near the middle, where photos see them.
        let k = streets.len() / 2;
        let street = &streets[(k + rng.below(4)).saturating_sub(2).min(streets.len() - 1)];
        let reach = 0.8 * f64::from(if vertical { plan.half[1] } else { plan.half[0] });
        let forward = rng.next_f64() < 0.5;
        let travelled = rng.uniform(0.0, 2.0 * reach) + rng.uniform(6.0, 11.0) * time;
        let along = (travelled.rem_euclid(2.0 * reach) - reach) as f32 * if forward { 1.0 } else { -1.0 };
        // Right-hand traffic.
        let lane = if street.canal > 0.0 { street.canal + 3.0 } else { 1.2 };
        let right = if forward == vertical { lane } else { -lane };
        let (u, v) = if vertical { (street.centre + right, along) } else { (along, street.centre + right) };
        let turn =
            if vertical { std::f32::consts::FRAC_PI_2 } else { 0.0 } + if forward { 0.0 } else { std::f32::consts::PI };
        let frame = plan.frame(u, v, 0.02).turned(turn);
        let o = frame.origin;
        cars.push(MovingCar { frame: [o.x, o.y, o.z], heading: frame.x.y.atan2(frame.x.x), id });
        vehicle::car(&mut solid, &frame, &mut rng);
    }
    (cars, solid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn city_is_repeatable_and_its_ground_is_closed() {
        let a = build([120.0, 110.0], 80.0, 0.8, 3);
        let b = build([120.0, 110.0], 80.0, 0.8, 3);
        assert_eq!(a.solid.vertices, b.solid.vertices);
        assert!(a.solid.triangles.len() > 20_000, "{}", a.solid.triangles.len());
        for t in &a.solid.triangles {
            assert!(t.v.iter().all(|&v| (v as usize) < a.solid.vertices.len()));
            assert!((t.surface as usize) < a.solid.surfaces.len());
        }
        // The ground grid comes first: every inner edge of it is shared by exactly two triangles.
        let mut solid = Solid::default();
        ground::build(&mut solid, &a.plan, |_, _| 0);
        let mut edges = std::collections::BTreeMap::new();
        for t in &solid.triangles {
            for k in 0..3 {
                let (p, q) = (t.v[k], t.v[(k + 1) % 3]);
                *edges.entry((p.min(q), p.max(q))).or_insert(0) += if p < q { 1 } else { -1 };
            }
        }
        let outer = |v: u32| {
            let p = solid.vertices[v as usize];
            p.x.hypot(p.y) > 1000.0
        };
        let open = edges.iter().filter(|(e, n)| **n != 0 && !(outer(e.0) && outer(e.1))).count();
        // Where three levels meet (bridge ends) a kerb's edge runs along a quay's.
        assert!(open * 200 < edges.len(), "{open} of {}", edges.len());
    }

    #[test]
    fn moving_cars_move_on_streets() {
        let city = build([120.0, 110.0], 80.0, 0.8, 3);
        let (a, solid) = traffic(&city.plan, 6, 0.0, 3);
        let (b, _) = traffic(&city.plan, 6, 2.0, 3);
        assert_eq!(a.len(), 6);
        assert!(solid.triangles.len() > 6 * 40);
        for (p, q) in a.iter().zip(&b) {
            let d = ((p.frame[0] - q.frame[0]).powi(2) + (p.frame[1] - q.frame[1]).powi(2)).sqrt();
            assert!(d > 5.0, "{d}");
        }
    }
}
