//! Cuts triangles of a part at the middles of marked edges, so that it stays closed and crosses itself nowhere.
//!
//! In: a part, the edges to be cut. Out: the part with more triangles, each with the texture coordinates of its place.
//! A triangle with one, two or three cut edges becomes two, three or four. New points are rounded to the grid that every
//! format keeps; where that makes triangles cross, the edges around are not cut.

use crate::base::{Cancelled, Ctx};
use crate::mesh::{inspect_topology, self_intersections};
use crate::print::settle::grid;
use crate::scene::{Mesh, Part};
use std::collections::BTreeSet;

/// An edge by its vertices, the lower first.
pub type Edge = (u32, u32);

/// The edges of a triangle: from corner k to corner k + 1.
pub fn edges_of(t: &[u32; 3]) -> [Edge; 3] {
    std::array::from_fn(|k| (t[k].min(t[(k + 1) % 3]), t[k].max(t[(k + 1) % 3])))
}

/// Rounds after which what still crosses is left whole.
const ROUNDS: usize = 8;

/// Cuts the edges, which need not be in order; some may stay whole.
pub fn refine(ctx: &Ctx, part: &Part, mut edges: Vec<Edge>) -> Result<Part, Cancelled> {
    edges.sort_unstable();
    edges.dedup();
    for _ in 0..ROUNDS {
        let (next, from) = cut(part, &edges);
        ctx.check()?;
        let crossing = self_intersections(&next.mesh);
        let flat = if inspect_topology(&next.mesh).degenerate_triangles > 0 { degenerate(&next.mesh) } else { Vec::new() };
        if crossing.is_empty() && flat.is_empty() {
            return Ok(next);
        }
        let around: BTreeSet<Edge> = crossing
            .iter()
            .flat_map(|&(a, b)| [a, b])
            .chain(flat)
            .flat_map(|t| edges_of(&part.mesh.triangles[from[t as usize] as usize]))
            .collect();
        edges.retain(|e| !around.contains(e));
    }
    Ok(part.clone())
}

fn degenerate(mesh: &Mesh) -> Vec<u32> {
    (0..mesh.triangles.len() as u32).filter(|&t| mesh.area_normal(t as usize).norm() == 0.0).collect()
}

/// The part with its edges cut, and the triangle that each triangle comes from.
fn cut(part: &Part, edges: &[Edge]) -> (Part, Vec<u32>) {
    let mesh = &part.mesh;
    let size = mesh.vertices.iter().map(|v| v.amax()).fold(0.0, f64::max);
    let grid = grid(size);
    let first = mesh.vertices.len() as u32;
    let mut vertices = mesh.vertices.clone();
    vertices.extend(edges.iter().map(|&(a, b)| {
        let middle = (mesh.vertices[a as usize] + mesh.vertices[b as usize]) / 2.0;
        middle.map(|x| (x * grid).round() / grid + 0.0)
    }));
    let (mut triangles, mut uvs, mut from) = (Vec::new(), Vec::new(), Vec::new());
    for (t, (corners, uv)) in mesh.triangles.iter().zip(&part.uvs).enumerate() {
        let middles = edges_of(corners).map(|e| edges.binary_search(&e).ok().map(|i| first + i as u32));
        let half = |k: usize| {
            let (p, q) = (uv[k], uv[(k + 1) % 3]);
            [(p[0] + q[0]) / 2.0, (p[1] + q[1]) / 2.0]
        };
        // Corners 0..3, then the middles of the edges from corner 0, 1 and 2.
        let ids: [u32; 6] = std::array::from_fn(|k| if k < 3 { corners[k] } else { middles[k - 3].unwrap_or(u32::MAX) });
        let places: [[f32; 2]; 6] = std::array::from_fn(|k| if k < 3 { uv[k] } else { half(k - 3) });
        for piece in pieces(middles.map(|m| m.is_some()), &mesh.corners(t)) {
            triangles.push(piece.map(|k| ids[k]));
            uvs.push(piece.map(|k| places[k]));
            from.push(t as u32);
        }
    }
    let texture = part.texture.clone();
    (Part { mesh: Mesh { vertices, triangles }, uvs, texture, title: part.title.clone(), ..*part }, from)
}

/// The pieces of a triangle with some edges cut, as corners 0 to 2 and edge middles 3 to 5.
fn pieces(cut: [bool; 3], corners: &[nalgebra::Vector3<f64>; 3]) -> Vec<[usize; 3]> {
    match cut.iter().filter(|c| **c).count() {
        0 => vec![[0, 1, 2]],
        1 => {
            let k = cut.iter().position(|c| *c).unwrap_or(0);
            let (i, j, l) = (k, (k + 1) % 3, (k + 2) % 3);
            vec![[i, 3 + k, l], [3 + k, j, l]]
        }
        2 => {
            // The edge from i to j is whole; l is the corner between the two that are cut.
            let i = cut.iter().position(|c| !*c).unwrap_or(0);
            let (j, l) = ((i + 1) % 3, (i + 2) % 3);
            let (on_j, on_i) = (3 + j, 3 + l);
            let middle = |p: usize, q: usize| (corners[p] + corners[q]) / 2.0;
            // The shorter diagonal of what is left.
            if (middle(l, i) - corners[j]).norm() <= (middle(j, l) - corners[i]).norm() {
                vec![[on_j, l, on_i], [i, j, on_i], [j, on_j, on_i]]
            } else {
                vec![[on_j, l, on_i], [i, j, on_j], [i, on_j, on_i]]
            }
        }
        _ => vec![[0, 3, 5], [3, 1, 4], [4, 2, 5], [3, 4, 5]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::mesh::inspect;
    use nalgebra::Vector3;

    #[test]
    fn every_choice_of_edges_keeps_the_body_and_the_places_on_the_page() {
        let mesh = Mesh {
            vertices: vec![Vector3::zeros(), Vector3::x() * 8.0, Vector3::y() * 8.0, Vector3::z() * 8.0],
            triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
        };
        let uvs = mesh.triangles.iter().map(|t| t.map(|v| [v as f32 / 4.0, (v * v) as f32 / 16.0])).collect();
        let part = Part { mesh, uvs, texture: Rgb8::filled(4, 4, [1; 3]), scale_denominator: None, title: "a".into() };
        let all: BTreeSet<Edge> = part.mesh.triangles.iter().flat_map(edges_of).collect();
        let all: Vec<Edge> = all.into_iter().collect();
        for choice in 0..1usize << all.len() {
            let some: Vec<Edge> = (0..all.len()).filter(|i| choice >> i & 1 == 1).map(|i| all[i]).collect();
            let cut = refine(&Ctx::silent(), &part, some.clone()).unwrap();
            let report = inspect(&cut.mesh);
            assert!(report.is_solid() && report.self_intersections == 0 && report.degenerate_triangles == 0);
            assert_eq!(cut.mesh.triangles.len(), 4 + 2 * some.len());
            assert!((cut.mesh.volume() - part.mesh.volume()).abs() < 1e-9);
            let area = |p: &Part| -> f32 {
                let turn = |t: &[[f32; 2]; 3]| {
                    (t[1][0] - t[0][0]) * (t[2][1] - t[0][1]) - (t[1][1] - t[0][1]) * (t[2][0] - t[0][0])
                };
                p.uvs.iter().map(|t| turn(t).abs()).sum()
            };
            assert!((area(&cut) - area(&part)).abs() < 1e-6);
        }
    }
}
