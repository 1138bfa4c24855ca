//! Cuts a closed mesh by a plane and closes it again with a flat cap.
//!
//! In: a closed, consistently oriented 2-manifold and the plane `coordinate[axis] = at`; the side below (or above) is
//! kept. Out: again a closed 2-manifold. Every cut edge gives one new vertex that both its triangles share, so the cut
//! curves are closed loops by construction. The cap is the constrained Delaunay triangulation of the loops; where
//! loops cross (the input intersects itself there) each loop is closed by ear cutting instead, which is still a closed
//! 2-manifold. Cost: linear in triangles, n log n in the vertices of the cap.

use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use spade::{ConstrainedDelaunayTriangulation, Point2, Triangulation};
use std::collections::HashMap;

/// Which side of the plane stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Smaller coordinates.
    Below,
    /// Larger coordinates.
    Above,
}

/// The closed part of `mesh` on one side of the plane `axis = at`. Vertices nearer to the plane than `tolerance` are
/// moved off it to the kept side first, so that no cut passes through a vertex.
pub fn cut_by_plane(mesh: &Mesh, axis: usize, at: f64, keep: Keep, tolerance: f64) -> Mesh {
    let sign = if keep == Keep::Below { 1.0 } else { -1.0 };
    let mut vertices = mesh.vertices.clone();
    for v in &mut vertices {
        if (v[axis] - at).abs() < tolerance {
            v[axis] = at - sign * tolerance;
        }
    }
    let inside: Vec<bool> = vertices.iter().map(|v| sign * (v[axis] - at) < 0.0).collect();
    let mut triangles = Vec::with_capacity(mesh.triangles.len());
    let mut on_edge: HashMap<(u32, u32), u32> = HashMap::new();
    // Directed edges of the kept side along the plane: from -> to.
    let mut rim: Vec<(u32, u32)> = Vec::new();
    for triangle in &mesh.triangles {
        let kept = triangle.iter().filter(|&&v| inside[v as usize]).count();
        if kept == 3 {
            triangles.push(*triangle);
        }
        if kept == 0 || kept == 3 {
            continue;
        }
        let mut crossing = |a: u32, b: u32| {
            *on_edge.entry((a.min(b), a.max(b))).or_insert_with(|| {
                // Computed from the smaller index, so that both triangles get the same bits.
                let (p, q) = (vertices[a.min(b) as usize], vertices[a.max(b) as usize]);
                let mut x = p + (q - p) * ((at - p[axis]) / (q[axis] - p[axis]));
                x[axis] = at;
                vertices.push(x);
                (vertices.len() - 1) as u32
            })
        };
        // Turn the triangle so that its first corner is the one alone on its side.
        let alone = (0..3).find(|&i| inside[triangle[i] as usize] == (kept == 1)).unwrap_or(0);
        let [a, b, c] = std::array::from_fn(|i| triangle[(alone + i) % 3]);
        let (ab, ca) = (crossing(a, b), crossing(a, c));
        if kept == 1 {
            triangles.push([a, ab, ca]);
            rim.push((ab, ca));
        } else {
            triangles.push([ab, b, c]);
            triangles.push([ab, c, ca]);
            rim.push((ca, ab));
        }
    }
    close(&vertices, &mut triangles, &rim, axis, sign);
    compact(&Mesh { vertices, triangles })
}

/// Adds the cap: triangles along the plane that use every rim edge once, in the opposite direction.
fn close(vertices: &[Vector3<f64>], triangles: &mut Vec<[u32; 3]>, rim: &[(u32, u32)], axis: usize, sign: f64) {
    if rim.is_empty() {
        return;
    }
    // Plane coordinates in which the cap, seen from outside, is counter-clockwise.
    let (i, j) = ((axis + 1) % 3, (axis + 2) % 3);
    let flat = |v: u32| {
        let x = vertices[v as usize];
        if sign > 0.0 { Vector2::new(x[i], x[j]) } else { Vector2::new(x[j], x[i]) }
    };
    let loops = loops_of(rim);
    match cap_by_delaunay(&loops, &flat) {
        Some(cap) => triangles.extend(cap),
        None => {
            for l in &loops {
                triangles.extend(cut_ears(l, &flat));
            }
        }
    }
}

/// Follows the rim backwards into closed loops, each the border of the cap.
fn loops_of(rim: &[(u32, u32)]) -> Vec<Vec<u32>> {
    let next: HashMap<u32, u32> = rim.iter().map(|&(from, to)| (to, from)).collect();
    let mut used: std::collections::HashSet<u32> = std::collections::HashSet::new();
    let mut loops = Vec::new();
    for &(_, start) in rim {
        if !used.insert(start) {
            continue;
        }
        let mut border = vec![start];
        let mut at = next[&start];
        while at != start {
            used.insert(at);
            border.push(at);
            match next.get(&at) {
                Some(&n) => at = n,
                None => break,
            }
        }
        loops.push(border);
    }
    loops
}

/// Triangulates the area between the loops; `None` where they touch or cross.
fn cap_by_delaunay(loops: &[Vec<u32>], flat: &impl Fn(u32) -> Vector2<f64>) -> Option<Vec<[u32; 3]>> {
    let mut cdt: ConstrainedDelaunayTriangulation<Point2<f64>> = ConstrainedDelaunayTriangulation::new();
    let mut handle_of = HashMap::new();
    let mut vertex_of = HashMap::new();
    for &v in loops.iter().flatten() {
        let p = flat(v);
        let handle = cdt.insert(Point2::new(p.x, p.y)).ok()?;
        if vertex_of.insert(handle, v).is_some() {
            return None;
        }
        handle_of.insert(v, handle);
    }
    // The cap lies left of each border edge: remember them to seed the inside.
    let mut borders = std::collections::HashSet::new();
    for l in loops {
        for k in 0..l.len() {
            let (a, b) = (l[k], l[(k + 1) % l.len()]);
            let (ha, hb) = (handle_of[&a], handle_of[&b]);
            if !cdt.can_add_constraint(ha, hb) {
                return None;
            }
            cdt.add_constraint(ha, hb);
            // A constraint that passes through another vertex is split there: the loops touch.
            cdt.get_edge_from_neighbors(ha, hb)?;
            borders.insert((ha, hb));
        }
    }
    let mut inside = vec![false; cdt.num_all_faces()];
    let mut queue = Vec::new();
    for edge in cdt.directed_edges() {
        if borders.contains(&(edge.from().fix(), edge.to().fix()))
            && let Some(face) = edge.face().as_inner()
            && !inside[face.fix().index()]
        {
            inside[face.fix().index()] = true;
            queue.push(face.fix());
        }
    }
    while let Some(fixed) = queue.pop() {
        for edge in cdt.face(fixed).adjacent_edges() {
            let (from, to) = (edge.from().fix(), edge.to().fix());
            if borders.contains(&(from, to)) {
                continue;
            }
            if borders.contains(&(to, from)) {
                // The inside reached a border from its outer side: the loops are not nested properly.
                return None;
            }
            let face = edge.rev().face().as_inner()?;
            if !inside[face.fix().index()] {
                inside[face.fix().index()] = true;
                queue.push(face.fix());
            }
        }
    }
    let cap = cdt.inner_faces().filter(|f| inside[f.fix().index()]);
    Some(cap.map(|f| f.vertices().map(|v| vertex_of[&v.fix()])).collect())
}

/// Triangulates one loop by cutting the best-shaped ear again and again; always gives `n - 2` triangles.
fn cut_ears(border: &[u32], flat: &impl Fn(u32) -> Vector2<f64>) -> Vec<[u32; 3]> {
    let mut left: Vec<u32> = border.to_vec();
    let mut triangles = Vec::with_capacity(border.len().saturating_sub(2));
    let mut at = 0;
    let mut failures = 0;
    while left.len() > 3 {
        let n = left.len();
        let [a, b, c] = [left[(at + n - 1) % n], left[at % n], left[(at + 1) % n]];
        let (pa, pb, pc) = (flat(a), flat(b), flat(c));
        let convex = (pb - pa).perp(&(pc - pb)) > 0.0;
        let is_ear = convex
            && left.iter().all(|&v| {
                let p = flat(v);
                v == a
                    || v == b
                    || v == c
                    || (pb - pa).perp(&(p - pa)) < 0.0
                    || (pc - pb).perp(&(p - pb)) < 0.0
                    || (pa - pc).perp(&(p - pc)) < 0.0
            });
        if is_ear || failures > n {
            triangles.push([a, b, c]);
            left.remove(at % n);
            at %= left.len();
            failures = 0;
        } else {
            at = (at + 1) % n;
            failures += 1;
        }
    }
    triangles.push([left[0], left[1], left[2]]);
    triangles
}

/// Drops vertices that no triangle uses.
pub fn compact(mesh: &Mesh) -> Mesh {
    let mut new_index = vec![u32::MAX; mesh.vertices.len()];
    let mut out = Mesh { vertices: Vec::new(), triangles: Vec::with_capacity(mesh.triangles.len()) };
    for t in &mesh.triangles {
        out.triangles.push(t.map(|v| {
            let slot = &mut new_index[v as usize];
            if *slot == u32::MAX {
                *slot = out.vertices.len() as u32;
                out.vertices.push(mesh.vertices[v as usize]);
            }
            *slot
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn is_closed(mesh: &Mesh) -> bool {
        let mut edges: HashMap<(u32, u32), i32> = HashMap::new();
        for t in &mesh.triangles {
            for k in 0..3 {
                *edges.entry((t[k], t[(k + 1) % 3])).or_default() += 1;
            }
        }
        edges.iter().all(|(&(a, b), &n)| n == 1 && edges.get(&(b, a)) == Some(&1))
    }

    fn cube() -> Mesh {
        let vertices =
            (0..8).map(|i| Vector3::new(f64::from(i & 1), f64::from(i >> 1 & 1), f64::from(i >> 2 & 1))).collect();
        let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = quads.iter().flat_map(|q: &[u32; 4]| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect();
        Mesh { vertices, triangles }
    }

    /// A square frame: a cube with a square tunnel along z, made by hand from eight columns' outlines.
    fn frame() -> Mesh {
        let (outer, inner) = (1.0, 0.5);
        let mut vertices = Vec::new();
        for z in [0.0, 1.0] {
            for r in [outer, inner] {
                for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                    vertices.push(Vector3::new(x * r, y * r, z));
                }
            }
        }
        let mut triangles = Vec::new();
        let mut quad = |a: u32, b: u32, c: u32, d: u32| triangles.extend([[a, b, c], [a, c, d]]);
        for k in 0..4 {
            let n = (k + 1) % 4;
            quad(k, n, n + 8, k + 8);
            quad(n + 4, k + 4, k + 12, n + 12);
            quad(k + 8, n + 8, n + 12, k + 12);
            quad(n, k, k + 4, n + 4);
        }
        Mesh { vertices, triangles }
    }

    #[test]
    fn a_cube_cut_in_all_directions_keeps_the_right_volume() {
        assert!((cube().volume() - 1.0).abs() < 1e-12 && is_closed(&cube()));
        for axis in 0..3 {
            for (keep, volume) in [(Keep::Below, 0.3), (Keep::Above, 0.7)] {
                let part = cut_by_plane(&cube(), axis, 0.3, keep, 1e-9);
                assert!(is_closed(&part), "{axis} {keep:?}");
                assert!((part.volume() - volume).abs() < 1e-9, "{axis} {keep:?} {}", part.volume());
            }
        }
    }

    #[test]
    fn a_plane_through_vertices_and_a_plane_outside() {
        let part = cut_by_plane(&cube(), 0, 1.0, Keep::Below, 1e-9);
        assert!(is_closed(&part) && (part.volume() - 1.0).abs() < 1e-6);
        assert!(cut_by_plane(&cube(), 0, 2.0, Keep::Above, 1e-9).triangles.is_empty());
    }

    #[test]
    fn caps_with_holes_and_with_several_loops() {
        let frame = frame();
        assert!(is_closed(&frame) && (frame.volume() - 3.0).abs() < 1e-12);
        let ring = cut_by_plane(&frame, 2, 0.4, Keep::Below, 1e-9);
        assert!(is_closed(&ring) && (ring.volume() - 1.2).abs() < 1e-9, "{}", ring.volume());
        let two_legs = cut_by_plane(&frame, 0, 0.1, Keep::Above, 1e-9);
        assert!(is_closed(&two_legs) && (two_legs.volume() - (3.0 / 2.0 - 0.1)).abs() < 1e-9, "{}", two_legs.volume());
    }

    #[test]
    fn crossing_loops_still_give_a_closed_mesh() {
        // Two overlapping cubes as one mesh: their cut loops cross.
        let mut both = cube();
        let offset = both.vertices.len() as u32;
        both.vertices.extend(cube().vertices.iter().map(|v| v + Vector3::new(0.4, 0.35, 0.1)));
        both.triangles.extend(cube().triangles.iter().map(|t| t.map(|v| v + offset)));
        let part = cut_by_plane(&both, 2, 0.5, Keep::Below, 1e-9);
        assert!(is_closed(&part) && (part.volume() - (0.5 + 0.4)).abs() < 1e-9, "{}", part.volume());
    }
}
