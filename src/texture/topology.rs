//! Division of large faces, and which faces meet at which edges.
//!
//! - In: a mesh, perhaps with several vertices in one place. Out: a mesh without edges longer than a limit, conforming
//!   where the given one is; [`Topology`] with vertices of one place joined and the dual graph.
//! - Method: every edge that is too long is halved, again and again; an edge that more than two faces share links them
//!   in a row. Cost: O(n log n) for sorting. Failure modes: none.

use crate::scene::Mesh;
use rayon::prelude::*;

/// Two faces with a common edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct DualEdge {
    /// The faces.
    pub faces: [u32; 2],
    /// The ends of the edge, as vertices of the mesh.
    pub ends: [u32; 2],
}

/// Which faces meet.
pub(super) struct Topology {
    /// For each vertex the first vertex in the same place, numbered from 0 without gaps.
    pub place: Vec<u32>,
    /// Number of places.
    pub places: usize,
    /// Pairs of faces with a common edge.
    pub edges: Vec<DualEdge>,
    /// Where each face's edges begin in `edges_of`; one more than there are faces.
    pub offsets: Vec<u32>,
    /// Indices into `edges`.
    pub edges_of: Vec<u32>,
}

impl Topology {
    /// Of a mesh.
    pub fn of(mesh: &Mesh) -> Self {
        let n = mesh.vertices.len();
        let bits = |i: u32| mesh.vertices[i as usize].map(f64::to_bits).into();
        let mut order: Vec<u32> = (0..n as u32).collect();
        order.par_sort_unstable_by_key(|&i| -> ([u64; 3], u32) { (bits(i), i) });
        let mut place = vec![0u32; n];
        let mut places = 0u32;
        for (k, &i) in order.iter().enumerate() {
            let same = k > 0 && mesh.vertices[order[k - 1] as usize] == mesh.vertices[i as usize];
            places += u32::from(!same);
            place[i as usize] = places - 1;
        }
        let mut sides: Vec<([u32; 2], u32, [u32; 2])> = mesh
            .triangles
            .par_iter()
            .enumerate()
            .flat_map_iter(|(f, t)| {
                let place = &place;
                (0..3).map(move |k| {
                    let (a, b) = (t[k], t[(k + 1) % 3]);
                    let (p, q) = (place[a as usize], place[b as usize]);
                    if p < q { ([p, q], f as u32, [a, b]) } else { ([q, p], f as u32, [b, a]) }
                })
            })
            .collect();
        sides.par_sort_unstable();
        let edges: Vec<DualEdge> = sides
            .windows(2)
            .filter(|w| w[0].0 == w[1].0 && w[0].0[0] != w[0].0[1] && w[0].1 != w[1].1)
            .map(|w| DualEdge { faces: [w[0].1, w[1].1], ends: w[0].2 })
            .collect();
        let mut offsets = vec![0u32; mesh.triangles.len() + 1];
        for e in &edges {
            for f in e.faces {
                offsets[f as usize + 1] += 1;
            }
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut at = offsets.clone();
        let mut edges_of = vec![0u32; 2 * edges.len()];
        for (i, e) in edges.iter().enumerate() {
            for f in e.faces {
                edges_of[at[f as usize] as usize] = i as u32;
                at[f as usize] += 1;
            }
        }
        Self { place, places: places as usize, edges, offsets, edges_of }
    }

    /// The dual edges of a face.
    pub fn edges_of(&self, face: usize) -> impl Iterator<Item = (u32, &DualEdge)> + '_ {
        let range = self.offsets[face] as usize..self.offsets[face + 1] as usize;
        self.edges_of[range].iter().map(|&e| (e, &self.edges[e as usize]))
    }
}

impl DualEdge {
    /// The face on the other side.
    pub fn other(&self, face: u32) -> u32 {
        if self.faces[0] == face { self.faces[1] } else { self.faces[0] }
    }

    /// Length of the edge in metres.
    pub fn length(&self, mesh: &Mesh) -> f64 {
        (mesh.vertices[self.ends[0] as usize] - mesh.vertices[self.ends[1] as usize]).norm()
    }
}

/// Halves edges until none is longer than `limit`.
pub(super) fn refine(mesh: &Mesh, limit: f64) -> Mesh {
    let mut mesh = mesh.clone();
    let limit2 = limit * limit;
    // Each pass halves: 24 passes divide an edge by 16 million.
    for _ in 0..24 {
        let long = |a: u32, b: u32| (mesh.vertices[a as usize] - mesh.vertices[b as usize]).norm_squared() > limit2;
        let mut split: Vec<[u32; 2]> = mesh
            .triangles
            .iter()
            .flat_map(|t| (0..3).map(move |k| (t[k], t[(k + 1) % 3])))
            .filter(|&(a, b)| long(a, b))
            .map(|(a, b)| [a.min(b), a.max(b)])
            .collect();
        if split.is_empty() {
            break;
        }
        split.par_sort_unstable();
        split.dedup();
        let first = mesh.vertices.len() as u32;
        let middle = |a: u32, b: u32| split.binary_search(&[a.min(b), a.max(b)]).ok().map(|i| first + i as u32);
        let middles: Vec<_> =
            split.iter().map(|&[a, b]| (mesh.vertices[a as usize] + mesh.vertices[b as usize]) * 0.5).collect();
        let mut triangles = Vec::with_capacity(mesh.triangles.len() * 2);
        let vertices = &mesh.vertices;
        let at = |v: u32| if v < first { vertices[v as usize] } else { middles[(v - first) as usize] };
        for t in &mesh.triangles {
            let m = [middle(t[0], t[1]), middle(t[1], t[2]), middle(t[2], t[0])];
            divide(t, m, |a, b| (at(a) - at(b)).norm_squared(), &mut triangles);
        }
        mesh.vertices.extend(middles);
        mesh.triangles = triangles;
    }
    mesh
}

/// The parts of triangle `t` whose side k has the middle `m[k]`.
fn divide(t: &[u32; 3], m: [Option<u32>; 3], distance: impl Fn(u32, u32) -> f64, out: &mut Vec<[u32; 3]>) {
    match m {
        [None, None, None] => out.push(*t),
        [Some(p), Some(q), Some(r)] => out.extend([[t[0], p, r], [p, t[1], q], [r, q, t[2]], [p, q, r]]),
        _ => {
            // Turn the triangle so that side 0 is halved and side 2 is not (one halved side), or side 2 is the whole one.
            let whole_before = (0..3).find(|&k| m[k].is_some() && m[(k + 2) % 3].is_none()).unwrap_or(0);
            let (a, b, c) = (t[whole_before], t[(whole_before + 1) % 3], t[(whole_before + 2) % 3]);
            let p = m[whole_before].unwrap_or(a);
            match m[(whole_before + 1) % 3] {
                None => out.extend([[a, p, c], [p, b, c]]),
                Some(q) => {
                    out.push([p, b, q]);
                    // The quadrangle a p q c, along its shorter diagonal.
                    if distance(a, q) <= distance(p, c) {
                        out.extend([[a, p, q], [a, q, c]]);
                    } else {
                        out.extend([[a, p, c], [p, q, c]]);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    fn tetrahedron() -> Mesh {
        Mesh {
            vertices: vec![
                Vector3::new(0.0, 0.0, 0.0),
                Vector3::new(3.0, 0.0, 0.0),
                Vector3::new(0.0, 4.0, 0.0),
                Vector3::new(0.0, 0.0, 1.0),
            ],
            triangles: vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]],
        }
    }

    #[test]
    fn refinement_keeps_a_closed_mesh_closed() {
        let coarse = tetrahedron();
        let fine = refine(&coarse, 0.6);
        assert!((fine.volume() - coarse.volume()).abs() < 1e-12);
        for t in &fine.triangles {
            for k in 0..3 {
                let d = fine.vertices[t[k] as usize] - fine.vertices[t[(k + 1) % 3] as usize];
                assert!(d.norm() <= 0.6);
            }
        }
        let topology = Topology::of(&fine);
        assert_eq!(topology.edges.len() * 2, fine.triangles.len() * 3);
        assert!((0..fine.triangles.len()).all(|f| topology.edges_of(f).count() == 3));
    }

    #[test]
    fn vertices_of_one_place_are_joined() {
        let mut soup = Mesh::default();
        let closed = refine(&tetrahedron(), 2.0);
        for t in 0..closed.triangles.len() {
            let n = soup.vertices.len() as u32;
            soup.vertices.extend(closed.corners(t));
            soup.triangles.push([n, n + 1, n + 2]);
        }
        let topology = Topology::of(&soup);
        assert_eq!(topology.places, closed.vertices.len());
        assert_eq!(topology.edges.len() * 2, soup.triangles.len() * 3);
    }
}
