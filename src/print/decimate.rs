//! A coloured body with fewer triangles.
//!
//! In: a [`Solid`], a 2-manifold. Out: one with fewer triangles that crosses itself nowhere that it did not, its colours from
//! the same places of the city. Where colours end (a crown above the wall below it, a facade beside the ground) vertices
//! stay, so that no triangle reaches over from one to the other; a corner takes its colour from just inside of its triangle.
//! Unions and cuts leave needles along each border, three triangles of four on a detailed city; they go here.

use super::PrintError;
use super::solid::Solid;
use crate::base::Ctx;
use crate::mesh::bvh::Bvh;
use crate::mesh::topology::{NONE, corner_bits, next, pieces, twins};
use crate::mesh::{SimplifyOptions, simplify_apart};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// How far inside of its triangle, in largest errors, a corner takes its colour; not further than this share of the way to
/// the middle.
const INSIDE: f64 = 5.0;
const SHARE: f64 = 0.3;
/// How much more than its triangle on the whole the city may be stretched between that and the corner.
const STRETCH: f64 = 1.5;
/// Least cosine between the normals of a triangle and of the surface that it takes its colours from.
const ALIKE: f64 = 0.3;

/// The body with fewer triangles, its surface no further from where it was than about `max_error`, in its unit. Places of the
/// city on both sides of an edge that are `seam` apart, in the city's unit, belong to two surfaces.
pub fn decimated(ctx: &Ctx, body: &Solid, max_error: f64, seam: f64) -> Result<Solid, PrintError> {
    let options = SimplifyOptions { max_error: Some(max_error), ..SimplifyOptions::default() };
    let mesh = simplify_apart(ctx, &body.mesh, &options, seams(body, seam))?;
    Ok(recoloured(mesh, body, INSIDE * max_error))
}

/// The body without shells of less than `least` of volume, inner or outer: they are filled, or left out.
pub fn without_crumbs(body: Solid, least: f64) -> Solid {
    let (labels, volumes) = shells(&body.mesh);
    if volumes.iter().all(|v| v.abs() >= least) {
        return body;
    }
    body.retain(|t| volumes[labels[t] as usize].abs() >= least)
}

/// The shell that each triangle belongs to, and the volume of each: below zero where it bounds a void.
pub fn shells(mesh: &Mesh) -> (Vec<u32>, Vec<f64>) {
    let (labels, count) = pieces(mesh);
    let mut volumes = vec![0.0; count];
    for (t, &label) in labels.iter().enumerate() {
        let [a, b, c] = mesh.corners(t);
        volumes[label as usize] += a.dot(&b.cross(&c)) / 6.0;
    }
    (labels, volumes)
}

/// Vertices at which the colours of the triangles around them come from different places.
fn seams(body: &Solid, apart: f64) -> Vec<bool> {
    let triangles = &body.mesh.triangles;
    let twins = twins(triangles);
    let mut on_seam = vec![false; body.mesh.vertices.len()];
    let at = |h: u32| body.origin[h as usize / 3][h as usize % 3];
    let starts: Vec<u32> = (0..twins.len() as u32)
        .into_par_iter()
        .filter(|&h| {
            let twin = twins[h as usize];
            twin == NONE
                || body.photo[h as usize / 3] != body.photo[twin as usize / 3]
                || (at(h) - at(next(twin))).norm_squared() > apart * apart
        })
        .collect();
    for h in starts {
        on_seam[triangles[h as usize / 3][h as usize % 3] as usize] = true;
    }
    on_seam
}

/// The mesh with the colours of a body that it hardly differs from.
fn recoloured(mesh: Mesh, body: &Solid, inside: f64) -> Solid {
    let bvh = Bvh::new(&body.mesh);
    let normals: Vec<Vector3<f64>> = (0..body.photo.len()).into_par_iter().map(|t| body.mesh.area_normal(t)).collect();
    let kept: FxHashMap<[u64; 9], u32> =
        (0..).zip(&body.photo).map(|(s, _)| (corner_bits(&body.mesh.corners(s as usize)), s)).collect();
    let places = (0..mesh.triangles.len()).into_par_iter().map(|t| {
        let corners = mesh.corners(t);
        let (middle, normal) = (corners.iter().sum::<Vector3<f64>>() / 3.0, mesh.area_normal(t));
        let is_alike = |s: u32| {
            let other = &normals[s as usize];
            other.dot(&normal) >= ALIKE * other.norm() * normal.norm()
        };
        let same = kept.get(&corner_bits(&corners));
        let source = |p: &Vector3<f64>| match same {
            Some(&same) => Some((same as usize, *p)),
            None => {
                let hit = bvh.closest_where(p, 2.0 * inside, is_alike).or_else(|| bvh.closest(p, f64::INFINITY))?;
                Some((hit.triangle as usize, hit.point))
            }
        };
        let origin = corners.map(|p| {
            let way = middle - p;
            let within = p + way * SHARE.min(inside / way.norm().max(f64::MIN_POSITIVE));
            source(&within).map_or_else(Vector3::zeros, |(face, near)| beside(body, face, &near, &p))
        });
        (origin, source(&middle).is_some_and(|(face, _)| body.photo[face]))
    });
    let (origin, photo) = places.unzip();
    Solid { mesh, origin, photo }
}

/// The place of the city at `p`, as a triangle goes on beside its point `near`; where it says nothing sound, at that.
fn beside(body: &Solid, face: usize, near: &Vector3<f64>, p: &Vector3<f64>) -> Vector3<f64> {
    let (at_near, at_p) = (body.origin_at(face, near), body.origin_at(face, p));
    let ([a, b, c], [oa, ob, oc]) = (body.mesh.corners(face), body.origin[face]);
    let scale = ((ob - oa).norm() + (oc - ob).norm() + (oa - oc).norm())
        / ((b - a).norm() + (c - b).norm() + (a - c).norm()).max(f64::MIN_POSITIVE);
    if (at_p - at_near).norm() <= STRETCH * scale * (p - near).norm() { at_p } else { at_near }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::{inspect, self_intersections};
    use crate::print::outline::prism;
    use crate::print::solid::unite;
    use nalgebra::Vector2;

    fn square(low: f64, high: f64) -> [Vector2<f64>; 4] {
        [[low, low], [high, low], [high, high], [low, high]].map(Vector2::from)
    }

    /// A slab of many triangles, shown from where it is, and a block on it that shows another place.
    fn place() -> Solid {
        const SIDE: u32 = 24;
        let row = SIDE + 1;
        let at = |i: u32, level: u32| {
            let (x, y) = (f64::from(i % row), f64::from(i / row));
            let top = 1.0 + 2e-3 * (1.3 * x).sin() * (0.9 * y).cos();
            Vector3::new(x * 0.4, y * 0.4, if level == 0 { 0.0 } else { top })
        };
        let below = row * row;
        let inner = (0..below).filter(|i| i % row < SIDE && i / row < SIDE);
        let mut triangles: Vec<[u32; 3]> = inner
            .flat_map(|i| {
                let [a, b, c, d] = [i, i + 1, i + row + 1, i + row];
                [[a, b, c], [a, c, d], [a, c, b], [a, d, c]]
            })
            .collect();
        // Two of four lie on the bottom.
        (0..triangles.len()).filter(|t| t % 4 < 2).for_each(|t| triangles[t] = triangles[t].map(|v| v + below));
        let mut wall = |a: u32, b: u32| triangles.extend([[a, b, b + below], [a, b + below, a + below]]);
        for k in 0..SIDE {
            wall(k, k + 1);
            wall(k * row + SIDE, (k + 1) * row + SIDE);
            wall(SIDE * row + k + 1, SIDE * row + k);
            wall((k + 1) * row, k * row);
        }
        let vertices = (0..2).flat_map(|level| (0..below).map(move |i| at(i, level))).collect();
        let mut slab = Solid::plain(Mesh { vertices, triangles });
        let mut block = prism(&square(3.05, 5.1), 0.5, 4.0);
        for body in [&mut slab, &mut block] {
            body.photo.fill(true);
            body.origin = (0..body.photo.len()).map(|t| body.mesh.corners(t)).collect();
        }
        block.origin.iter_mut().flatten().for_each(|p| p.x += 100.0);
        unite(&Ctx::silent(), &[&slab, &block]).expect("a place")
    }

    #[test]
    fn needles_go_and_colours_stay_on_their_side() {
        let ctx = Ctx::silent();
        let body = place();
        let simple = decimated(&ctx, &body, 0.01, 0.5).expect("simplified");
        assert!(simple.photo.len() * 2 < body.photo.len(), "{} of {}", simple.photo.len(), body.photo.len());
        assert!(inspect(&simple.mesh).is_closed() && self_intersections(&simple.mesh).is_empty());
        assert!((simple.mesh.volume() - body.mesh.volume()).abs() < 0.01 * body.mesh.volume());
        let mut of_block = 0;
        for t in 0..simple.photo.len() {
            assert!(simple.photo[t]);
            let far = simple.origin[t].map(|p| p.x > 50.0);
            assert!(far == [far[0]; 3], "a triangle shows one place");
            let is_block = simple.mesh.corners(t).iter().any(|p| p.z > 1.5);
            assert_eq!(far[0], is_block);
            of_block += usize::from(is_block);
            for (p, shown) in simple.mesh.corners(t).iter().zip(&simple.origin[t]) {
                let shown = if far[0] { shown - Vector3::new(100.0, 0.0, 0.0) } else { *shown };
                assert!((p - shown).norm() < 0.02, "{p} shows {shown}");
            }
        }
        assert!(of_block >= 10);
    }

    #[test]
    fn crumbs_go_and_large_voids_stay() {
        let mut body = prism(&square(0.0, 10.0), 0.0, 10.0);
        let turned = |mut void: Solid| {
            void.mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
            void
        };
        body.append(&turned(prism(&square(1.0, 5.0), 1.0, 5.0)));
        body.append(&turned(prism(&square(7.0, 7.1), 1.0, 1.1)));
        body.append(&prism(&square(12.0, 12.1), 1.0, 1.1));
        let clean = without_crumbs(body, 0.5);
        assert!((clean.mesh.volume() - (1000.0 - 64.0)).abs() < 1e-9, "{}", clean.mesh.volume());
        assert_eq!(pieces(&clean.mesh).1, 2);
    }
}
