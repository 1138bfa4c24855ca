//! Makes a closed solid of an open city surface.
//!
//! In: an oriented 2-manifold with border (the city). Out: its largest connected piece, holes filled, the outer border
//! extended down, a little outwards, and closed far below: a closed 2-manifold. What lies far below, and the walls at the
//! outer border, are meant to be cut off later. Source of the hole filling: P. Liepa, "Filling Holes in Meshes", SGP 2003
//! (minimum area triangulation); long loops are filled by a fan around their centre.
//!
//! Upright walls would lie in each other where a city was cut by an upright plane, as tiles are: its border runs back and
//! forth there under eaves and trees. Walls in planes through one point high above do not, since from a point beside its
//! plane a border that does not cross itself is seen without crossings; nor does the bottom, a cone with its tip below.

use super::solid::compact;
use crate::mesh::pieces;
use crate::mesh::topology::{UnionFind, components, next, sorted_edges, start, twins_along};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::collections::{BTreeMap, BTreeSet};

/// How much walls lean outwards at the border of a surface: its distance from the middle for each unit of height.
const LEAN: f64 = 0.01;
/// Loops with more edges are filled with a fan: minimum area costs the cube of the length.
const LONGEST_EXACT_LOOP: usize = 160;

/// A closed solid whose upper side is the surface, and whose walls end at `floor`, below it; the tip of its bottom is a fifth
/// of the highest wall lower.
pub fn close_downwards(surface: &Mesh, floor: f64) -> Mesh {
    let mut mesh = largest_piece(surface);
    let loops = border_loops(&mesh);
    let outer = outer_of(&mesh, &loops);
    for (i, border) in loops.iter().enumerate() {
        if Some(i) == outer {
            extend_down(&mut mesh, border, floor);
        } else if border.len() <= LONGEST_EXACT_LOOP {
            fill_by_least_area(&mut mesh, border);
        } else {
            fill_by_fan(&mut mesh, border);
        }
    }
    mesh
}

/// The border around a surface of one piece: the loop with the largest box on the ground. Empty where it is closed.
pub fn outer_border(surface: &Mesh) -> Vec<u32> {
    let mut loops = border_loops(surface);
    outer_of(surface, &loops).map(|i| loops.swap_remove(i)).unwrap_or_default()
}

fn outer_of(mesh: &Mesh, loops: &[Vec<u32>]) -> Option<usize> {
    (0..loops.len()).max_by(|&a, &b| extent(mesh, &loops[a]).total_cmp(&extent(mesh, &loops[b])))
}

/// Gives each fan of triangles around a vertex its own copy of the vertex, where several fans meet only in it, and leaves
/// out what is a third triangle at an edge, so that the mesh is a 2-manifold with border after pieces were taken out of it.
pub fn manifold(mesh: &Mesh) -> Mesh {
    let edges = sorted_edges(&mesh.triangles);
    let is_manifold = !extra_at_edges(mesh, &edges).contains(&true);
    let mut mesh = split_pinched(mesh, &edges);
    if is_manifold {
        // Splitting joins nothing.
        return mesh;
    }
    loop {
        let extra = extra_at_edges(&mesh, &sorted_edges(&mesh.triangles));
        if !extra.contains(&true) {
            return mesh;
        }
        let mut at = 0..;
        mesh.triangles.retain(|_| at.next().is_some_and(|t: usize| !extra[t]));
        mesh = split_pinched(&mesh, &sorted_edges(&mesh.triangles));
    }
}

/// The triangles that are too many at an edge: one in each direction may stay.
fn extra_at_edges(mesh: &Mesh, edges: &[(u32, u32, u32)]) -> Vec<bool> {
    let too_many = |edge: &[(u32, u32, u32)]| -> Vec<u32> {
        let along = |lower_first: bool| {
            edge.iter().filter(move |e| (start(&mesh.triangles, e.2) == e.0) == lower_first).skip(1).map(|e| e.2 / 3)
        };
        if edge.len() > 1 { along(true).chain(along(false)).collect() } else { Vec::new() }
    };
    let found = edges.par_chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).flat_map_iter(too_many);
    let mut extra = vec![false; mesh.triangles.len()];
    found.collect::<Vec<u32>>().into_iter().for_each(|t| extra[t as usize] = true);
    extra
}

fn split_pinched(mesh: &Mesh, edges: &[(u32, u32, u32)]) -> Mesh {
    let n = mesh.triangles.len();
    // Corners 3t..3t+3 are joined across shared edges; each class of corners becomes one vertex.
    let mut corners = UnionFind::new(3 * n);
    for edge in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let up = |e: &&(u32, u32, u32)| start(&mesh.triangles, e.2) == e.0;
        let (there, back) = (edge.iter().filter(up), edge.iter().filter(|e| !up(e)));
        for (&(.., g), &(.., h)) in there.zip(back) {
            corners.join(g, next(h));
            corners.join(next(g), h);
        }
    }
    let mut new_index = vec![u32::MAX; 3 * n];
    let mut out = Mesh::default();
    for (t, v) in mesh.triangles.iter().enumerate() {
        out.triangles.push(std::array::from_fn(|k| {
            let class = corners.find((3 * t + k) as u32) as usize;
            if new_index[class] == u32::MAX {
                new_index[class] = out.vertices.len() as u32;
                out.vertices.push(mesh.vertices[v[k] as usize]);
            }
            new_index[class]
        }));
    }
    out
}

/// The largest piece of the [`manifold`].
pub fn largest_manifold(mesh: &Mesh) -> Mesh {
    let edges = sorted_edges(&mesh.triangles);
    if extra_at_edges(mesh, &edges).contains(&true) {
        return largest_piece(&manifold(mesh));
    }
    // Splitting vertices neither joins nor parts anything across edges.
    largest(&split_pinched(mesh, &edges), components(&twins_along(&mesh.triangles, &edges)))
}

/// The connected piece (over edges) with the largest surface.
pub fn largest_piece(mesh: &Mesh) -> Mesh {
    largest(mesh, pieces(mesh))
}

fn largest(mesh: &Mesh, (labels, count): (Vec<u32>, usize)) -> Mesh {
    let mut areas = vec![0.0; count];
    labels.iter().enumerate().for_each(|(t, &l)| areas[l as usize] += mesh.area_normal(t).norm());
    let best = (0..count).max_by(|&a, &b| areas[a].total_cmp(&areas[b]));
    let kept = mesh.triangles.iter().zip(&labels).filter(|(_, label)| Some(**label as usize) == best);
    compact(&Mesh { vertices: mesh.vertices.clone(), triangles: kept.map(|(t, _)| *t).collect() })
}

/// Border loops, each directed so that a filling triangle `(l[k], l[k+1], x)` is oriented like the surface.
pub fn border_loops(mesh: &Mesh) -> Vec<Vec<u32>> {
    let mut directed: FxHashMap<(u32, u32), ()> =
        FxHashMap::with_capacity_and_hasher(mesh.triangles.len() * 3, FxBuildHasher);
    for t in &mesh.triangles {
        for k in 0..3 {
            directed.insert((t[k], t[(k + 1) % 3]), ());
        }
    }
    // Filling runs against the surface's own direction. Sorted, so that the result does not depend on hashing.
    let mut next: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for t in &mesh.triangles {
        for k in 0..3 {
            let (a, b) = (t[k], t[(k + 1) % 3]);
            if !directed.contains_key(&(b, a)) {
                next.entry(b).or_default().push(a);
            }
        }
    }
    let mut loops = Vec::new();
    while let Some((&start, _)) = next.first_key_value() {
        let mut border = Vec::new();
        let mut at = start;
        while let Some(ends) = next.get_mut(&at) {
            border.push(at);
            let to = ends.pop();
            if ends.is_empty() {
                next.remove(&at);
            }
            match to {
                Some(v) => at = v,
                None => break,
            }
            if at == start {
                break;
            }
        }
        if border.len() >= 3 {
            loops.push(border);
        }
    }
    loops
}

/// Area of the box around a loop, on the ground.
fn extent(mesh: &Mesh, border: &[u32]) -> f64 {
    let first = mesh.vertices[border[0] as usize];
    let (low, high) = border.iter().fold((first, first), |(lo, hi), &v| {
        let p = &mesh.vertices[v as usize];
        (lo.inf(p), hi.sup(p))
    });
    (high.x - low.x) * (high.y - low.y)
}

fn extend_down(mesh: &mut Mesh, border: &[u32], floor: f64) {
    let base = mesh.vertices.len() as u32;
    let n = border.len() as u32;
    let first = mesh.vertices[border[0] as usize];
    let (low, high) =
        border.iter().map(|&v| mesh.vertices[v as usize]).fold((first, first), |b, p| (b.0.inf(&p), b.1.sup(&p)));
    let centre = (low + high).xy() / 2.0;
    let height = (high - low).xy().max() / 2.0 / LEAN;
    for &v in border {
        let p = mesh.vertices[v as usize];
        let apart = (height + high.z - floor) / (height + high.z - p.z);
        mesh.vertices.push((centre + (p.xy() - centre) * apart).push(floor));
    }
    mesh.vertices.push(centre.push(floor - (high.z - floor) / 5.0));
    for k in 0..n {
        let next = (k + 1) % n;
        let (a, b) = (border[k as usize], border[next as usize]);
        mesh.triangles.push([a, b, base + next]);
        mesh.triangles.push([a, base + next, base + k]);
        mesh.triangles.push([base + k, base + next, base + n]);
    }
}

fn fill_by_fan(mesh: &mut Mesh, border: &[u32]) {
    let centre = border.iter().fold(Vector3::zeros(), |s, &v| s + mesh.vertices[v as usize]) / border.len() as f64;
    mesh.vertices.push(centre);
    let c = (mesh.vertices.len() - 1) as u32;
    for k in 0..border.len() {
        mesh.triangles.push([border[k], border[(k + 1) % border.len()], c]);
    }
}

fn fill_by_least_area(mesh: &mut Mesh, border: &[u32]) {
    let n = border.len();
    let members: BTreeSet<u32> = border.iter().copied().collect();
    // A diagonal that is an edge of the surface already would be used by more than two triangles.
    let taken: BTreeSet<(u32, u32)> = mesh
        .triangles
        .iter()
        .flat_map(|t| (0..3).map(|k| (t[k], t[(k + 1) % 3])))
        .filter(|(a, b)| members.contains(a) && members.contains(b))
        .map(|(a, b)| (a.min(b), a.max(b)))
        .collect();
    let blocked = |i: usize, j: usize| {
        j - i > 1 && j - i < n - 1 && taken.contains(&(border[i].min(border[j]), border[i].max(border[j])))
    };
    let p = |i: usize| mesh.vertices[border[i] as usize];
    let mut cost = vec![0.0f64; n * n];
    let mut split = vec![0usize; n * n];
    for span in 2..n {
        for i in 0..n - span {
            let j = i + span;
            let mut best = (f64::INFINITY, i + 1);
            for m in i + 1..j {
                if blocked(i, m) || blocked(m, j) {
                    continue;
                }
                let area = (p(m) - p(i)).cross(&(p(j) - p(i))).norm();
                let total = cost[i * n + m] + cost[m * n + j] + area;
                if total < best.0 {
                    best = (total, m);
                }
            }
            cost[i * n + j] = best.0;
            split[i * n + j] = best.1;
        }
    }
    if !cost[n - 1].is_finite() {
        fill_by_fan(mesh, border);
        return;
    }
    let mut stack = vec![(0, n - 1)];
    while let Some((i, j)) = stack.pop() {
        if j - i < 2 {
            continue;
        }
        let m = split[i * n + j];
        mesh.triangles.push([border[i], border[m], border[j]]);
        stack.push((i, m));
        stack.push((m, j));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::bvh::Bvh;
    use crate::mesh::{inspect_topology, self_intersections};

    fn terrain(holes: &[(usize, usize)]) -> Mesh {
        let n = 12u32;
        let vertices = (0..n * n)
            .map(|i| Vector3::new(f64::from(i % n), f64::from(i / n), (f64::from(i) * 0.7).sin() * 0.3))
            .collect();
        let mut triangles = Vec::new();
        for y in 0..n - 1 {
            for x in 0..n - 1 {
                if !holes.contains(&(x as usize, y as usize)) {
                    let a = y * n + x;
                    triangles.extend([[a, a + 1, a + n + 1], [a, a + n + 1, a + n]]);
                }
            }
        }
        Mesh { vertices, triangles }
    }

    #[test]
    fn a_third_triangle_at_an_edge_goes() {
        let mut surface = terrain(&[]);
        let n = surface.vertices.len() as u32;
        surface.vertices.push(Vector3::new(5.0, 5.5, 4.0));
        // Twice the same way around along an inner edge.
        surface.triangles.push([surface.triangles[60][0], surface.triangles[60][1], n]);
        let solid = close_downwards(&manifold(&surface), -5.0);
        assert_eq!(open_edges(&solid), 0);
        assert!(inspect_topology(&solid).is_solid());
    }

    fn open_edges(mesh: &Mesh) -> usize {
        border_loops(mesh).iter().map(Vec::len).sum()
    }

    #[test]
    fn a_terrain_with_holes_becomes_a_closed_solid_of_positive_volume() {
        let surface = terrain(&[(3, 3), (4, 3), (8, 8)]);
        assert_eq!(border_loops(&surface).len(), 3);
        let solid = close_downwards(&surface, -5.0);
        assert_eq!(open_edges(&solid), 0);
        // The bottom is a flat cone.
        let expected = 11.0 * 11.0 * (5.0 + 5.3 / 5.0 / 3.0);
        assert!((solid.volume() - expected).abs() < 0.03 * expected, "{}", solid.volume());
        let hit = Bvh::new(&solid).cast(&Vector3::new(3.3, 3.6, 9.0), &-Vector3::z(), 0.0, 20.0);
        assert!(hit.is_some(), "the hole is filled");
    }

    #[test]
    fn what_hangs_over_at_an_upright_cut_makes_no_crossings() {
        // A wall with eaves on both sides, cut across at both ends.
        let profile = [
            [0.0, 0.0],
            [4.0, 0.0],
            [4.0, 3.0],
            [3.0, 4.0],
            [5.0, 6.0],
            [7.0, 4.0],
            [6.0, 3.0],
            [6.0, 0.0],
            [9.0, 0.0],
        ];
        let (n, rows) = (profile.len() as u32, 4);
        let vertices = (0..rows).flat_map(|y| profile.map(|[x, z]| Vector3::new(x, 2.0 * f64::from(y), z))).collect();
        let quads = (0..rows - 1).flat_map(|y| (0..n - 1).map(move |x| y * n + x));
        let triangles = quads.flat_map(|a| [[a, a + 1, a + n + 1], [a, a + n + 1, a + n]]).collect();
        let solid = close_downwards(&Mesh { vertices, triangles }, -5.0);
        assert!(inspect_topology(&solid).is_solid());
        assert_eq!(self_intersections(&solid), []);
    }

    #[test]
    fn floating_pieces_are_dropped() {
        let mut surface = terrain(&[]);
        let n = surface.vertices.len() as u32;
        surface.vertices.extend([
            Vector3::new(1.0, 1.0, 9.0),
            Vector3::new(2.0, 1.0, 9.0),
            Vector3::new(1.0, 2.0, 9.0),
        ]);
        surface.triangles.push([n, n + 1, n + 2]);
        let piece = largest_piece(&surface);
        assert_eq!(piece.triangles.len(), surface.triangles.len() - 1);
        assert_eq!(piece.vertices.len(), n as usize);
    }
}
