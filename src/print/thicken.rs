//! Makes every wall as thick as the printer needs, and leaves what is thick enough where it is.
//!
//! In: a settled [`Solid`], the thinnest wall in millimetres, the prism that it must not leave. Out: the same body without
//! thinner walls, and how much there was to do. Walls are measured by shrinking balls ([`super::thickness`]). Both sides of
//! a thin wall move outward by half of what is missing, along the mean normal of their thin triangles; what then runs into
//! its neighbour becomes one body with it. After [`ROUNDS`] rounds the places that are still thin (tips, blades, wires)
//! get a ball of the wall's thickness each. Vertices without a thin triangle do not move.
//! Cost: about 15 s a round for a million triangles.

use super::PrintError;
use super::settle::settle;
use super::solid::{self, Solid};
use super::thickness::{Gauge, Sample, ThicknessOptions, measure};
use crate::base::Ctx;
use crate::scene::Mesh;
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Rounds of moving walls.
const ROUNDS: usize = 3;
/// Rounds of adding balls.
const BALLS: usize = 3;
/// Walls become this much thicker than the limit, so that rounding does not take them below it.
const MARGIN: f64 = 1.03;
/// Share of the limit below which a place counts as thin.
const ENOUGH: f64 = 0.97;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thickened {
    /// The limit in millimetres.
    pub wall_mm: f64,
    /// Surface in square millimetres whose wall was thinner.
    pub thin_mm2_before: f64,
    /// The same after.
    pub thin_mm2_after: f64,
    /// Thinnest place before.
    pub thinnest_mm_before: f64,
    /// Thinnest place after.
    pub thinnest_mm_after: f64,
    /// Cubic millimetres added.
    pub added_mm3: f64,
    /// Balls added at tips.
    pub balls: usize,
}

/// Thickens the body.
pub fn thicken(ctx: &Ctx, solid: Solid, wall: f64, prism: &Solid) -> Result<(Solid, Thickened), PrintError> {
    let volume = solid.mesh.volume();
    let mut solid = solid;
    let mut done = Thickened { wall_mm: wall, ..Thickened::default() };
    for round in 0..=ROUNDS + BALLS {
        let thin = thin_places(ctx, &solid.mesh, wall)?;
        let (area, least) = (thin.area, thin.least);
        if round == 0 {
            (done.thin_mm2_before, done.thinnest_mm_before) = (area, least);
        }
        (done.thin_mm2_after, done.thinnest_mm_after) = (area, least);
        if thin.samples.is_empty() || round == ROUNDS + BALLS {
            break;
        }
        if round < ROUNDS {
            widen(&mut solid, &thin, wall);
        } else {
            done.balls += add_balls(&mut solid, &thin, wall);
        }
        let united = solid::unite(ctx, &[&solid])?;
        let inside = match solid::cut(ctx, &united, prism) {
            Err(PrintError::Engine { .. }) => solid::intersect(ctx, &united, prism)?,
            result => result?,
        };
        solid = settle(ctx, super::body::standing_piece(ctx, &inside))?;
    }
    done.added_mm3 = solid.mesh.volume() - volume;
    Ok((solid, done))
}

struct Thin {
    by_triangle: Vec<f32>,
    samples: Vec<Sample>,
    area: f64,
    least: f64,
    limit: f64,
}

fn thin_places(ctx: &Ctx, mesh: &Mesh, wall: f64) -> Result<Thin, PrintError> {
    let options = ThicknessOptions { most: wall * 1.2, ..ThicknessOptions::for_wall(wall) };
    let map = measure(ctx, mesh, &options)?;
    let limit = wall * ENOUGH;
    let least = map.samples.iter().map(|s| s.thickness).fold(options.most, f64::min);
    let samples: Vec<Sample> = map.samples.into_iter().filter(|s| s.thickness < limit).collect();
    let area = samples.len() as f64 * options.step * options.step;
    Ok(Thin { by_triangle: map.by_triangle, samples, area, least, limit })
}

/// Moves the vertices of thin triangles outward.
fn widen(solid: &mut Solid, thin: &Thin, wall: f64) {
    let mesh = &mut solid.mesh;
    let n = mesh.vertices.len();
    let (mut direction, mut missing) = (vec![Vector3::zeros(); n], vec![0.0f64; n]);
    for (t, &thickness) in thin.by_triangle.iter().enumerate() {
        let thickness = f64::from(thickness);
        if thickness >= thin.limit {
            continue;
        }
        let normal = mesh.area_normal(t).try_normalize(0.0).unwrap_or_default();
        for &v in &mesh.triangles[t] {
            direction[v as usize] += normal;
            let own = &mut missing[v as usize];
            *own = own.max((wall * MARGIN - thickness) / 2.0);
        }
    }
    for (v, p) in mesh.vertices.iter_mut().enumerate() {
        // The bottom stays where it is.
        if missing[v] > 0.0 && p.z > 0.0 {
            *p += direction[v].try_normalize(1e-9).unwrap_or_default() * missing[v];
            p.z = p.z.max(0.0);
        }
    }
}

/// Adds a ball of the wall's thickness at each thin place that has none near it yet.
fn add_balls(solid: &mut Solid, thin: &Thin, wall: f64) -> usize {
    let radius = wall * MARGIN / 2.0;
    let cell = radius * 0.5;
    let gauge = Gauge::new(&solid.mesh, 120.0);
    let mut taken: BTreeMap<[i64; 3], (Vector3<f64>, usize, f64)> = BTreeMap::new();
    for sample in &thin.samples {
        let inside = sample.point - gauge.normal(sample.triangle) * (sample.thickness / 2.0);
        let key = [inside.x, inside.y, inside.z].map(|v| (v / cell).floor() as i64);
        let place = (inside, sample.triangle as usize, sample.thickness);
        let entry = taken.entry(key).or_insert(place);
        if place.2 < entry.2 {
            *entry = place;
        }
    }
    let ball = ball(radius);
    for (centre, triangle, _) in taken.values() {
        let origin = solid.origin[*triangle].iter().sum::<Vector3<f64>>() / 3.0;
        let mut own = ball.clone();
        own.mesh.vertices.iter_mut().for_each(|v| *v += centre);
        own.origin = vec![[origin; 3]; own.photo.len()];
        own.photo = vec![solid.photo[*triangle]; own.photo.len()];
        solid.append(&own);
    }
    taken.len()
}

/// A polyhedron around the ball of this radius: an icosahedron divided once, its faces no nearer than the radius.
fn ball(radius: f64) -> Solid {
    let g = (1.0 + 5f64.sqrt()) / 2.0;
    let mut vertices: Vec<Vector3<f64>> = Vec::new();
    for (a, b) in [(1.0, g), (-1.0, g), (1.0, -g), (-1.0, -g)] {
        vertices.extend([Vector3::new(0.0, a, b), Vector3::new(a, b, 0.0), Vector3::new(b, 0.0, a)]);
    }
    let mut triangles = Vec::new();
    for i in 0..12u32 {
        for j in i + 1..12 {
            for k in j + 1..12 {
                let [a, b, c] = [i, j, k].map(|v| vertices[v as usize]);
                let near = |p: Vector3<f64>, q: Vector3<f64>| ((p - q).norm() - 2.0).abs() < 1e-9;
                if near(a, b) && near(b, c) && near(c, a) {
                    let outward = (b - a).cross(&(c - a)).dot(&a) > 0.0;
                    triangles.push(if outward { [i, j, k] } else { [i, k, j] });
                }
            }
        }
    }
    let mut middle: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    let mut divided = Vec::new();
    for t in triangles {
        let m: [u32; 3] = std::array::from_fn(|k| {
            let (a, b) = (t[k], t[(k + 1) % 3]);
            *middle.entry((a.min(b), a.max(b))).or_insert_with(|| {
                vertices.push(vertices[a as usize] + vertices[b as usize]);
                vertices.len() as u32 - 1
            })
        });
        divided.extend([[t[0], m[0], m[2]], [m[0], t[1], m[1]], [m[2], m[1], t[2]], m]);
    }
    let mut mesh = Mesh { vertices: vertices.into_iter().map(|v| v.normalize()).collect(), triangles: divided };
    let nearest = (0..mesh.triangles.len())
        .map(|t| mesh.area_normal(t).normalize().dot(&mesh.corners(t)[0]))
        .fold(1.0, f64::min);
    mesh.vertices.iter_mut().for_each(|v| *v *= radius / nearest);
    Solid::plain(mesh)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;
    use crate::print::outline::prism;
    use nalgebra::Vector2;

    fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<Vector2<f64>> {
        vec![
            Vector2::new(x[0], y[0]),
            Vector2::new(x[1], y[0]),
            Vector2::new(x[1], y[1]),
            Vector2::new(x[0], y[1]),
        ]
    }

    #[test]
    fn thin_walls_and_masts_become_printable_and_thick_ones_stay() {
        let ctx = Ctx::silent();
        let whole = prism(&rectangle([0.0, 40.0], [0.0, 30.0]), 0.0, 30.0);
        let base = prism(&rectangle([0.0, 40.0], [0.0, 30.0]), 0.0, 4.0);
        let house = prism(&rectangle([5.0, 12.0], [5.0, 12.0]), 2.0, 15.0);
        let fence = prism(&rectangle([15.0, 15.3], [5.0, 25.0]), 2.0, 9.0);
        let mast = prism(&rectangle([25.0, 25.2], [15.0, 15.2]), 2.0, 20.0);
        let start = settle(&ctx, solid::unite(&ctx, &[&base, &house, &fence, &mast]).expect("city")).expect("settled");
        let (thick, done) = thicken(&ctx, start.clone(), 1.0, &whole).expect("thickened");
        let report = inspect(&thick.mesh);
        assert!(report.is_solid() && report.self_intersections == 0 && report.components == 1, "{report:?}");
        assert!(done.thin_mm2_before > 200.0 && done.thinnest_mm_before < 0.21, "{done:?}");
        assert!(done.thin_mm2_after < 0.001 * done.thin_mm2_before && done.thinnest_mm_after >= 0.95, "{done:?}");
        // An independent look: rays straight through fence and mast.
        let bvh = crate::mesh::bvh::Bvh::new(&thick.mesh);
        for (from, along) in [
            (Vector3::new(14.0, 10.0, 7.0), Vector3::x()),
            (Vector3::new(24.0, 15.1, 12.0), Vector3::x()),
            (Vector3::new(25.1, 14.0, 12.0), Vector3::y()),
        ] {
            let mut depths: Vec<f64> = bvh.cast_all(&from, &along, 0.0, 5.0).iter().map(|h| h.1).collect();
            depths.sort_by(f64::total_cmp);
            let through = depths[depths.len() - 1] - depths[0];
            assert!((0.95..1.4).contains(&through), "{through}");
        }
        // The house and the base did not move.
        for p in [Vector3::new(8.0, 8.0, 40.0), Vector3::new(35.0, 5.0, 40.0)] {
            let at = |mesh: &Mesh| {
                let bvh = crate::mesh::bvh::Bvh::new(mesh);
                bvh.cast(&p, &-Vector3::z(), 0.0, 50.0).expect("surface").point.z
            };
            assert!((at(&thick.mesh) - at(&start.mesh)).abs() < 1e-4);
        }
        let (low, high) = thick.mesh.bounds().expect("bounds");
        assert!(low.norm() < 1e-9 && (high.xy() - Vector2::new(40.0, 30.0)).norm() < 1e-9);
    }

    #[test]
    fn balls_are_closed_and_large_enough() {
        let b = ball(0.5);
        let report = inspect(&b.mesh);
        assert!(report.is_solid() && report.euler == 2 && report.triangles == 80, "{report:?}");
        let volume = 4.0 / 3.0 * std::f64::consts::PI * 0.125;
        assert!(report.volume > volume && report.volume < 1.25 * volume, "{}", report.volume);
    }
}
