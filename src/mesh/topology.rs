//! Connectivity of a triangle mesh: half-edges and their twins, triangles around vertices, components.
//!
//! Half-edge `3 t + k` runs from corner k to corner k + 1 of triangle t. All orders are those of the indices, so that
//! everything built on them is deterministic.

use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;

/// No twin, no triangle, no vertex.
pub const NONE: u32 = u32::MAX;

/// The half-edge after `h` in its triangle.
pub fn next(h: u32) -> u32 {
    if h % 3 == 2 { h - 2 } else { h + 1 }
}

/// The vertex that half-edge `h` starts from.
pub fn start(triangles: &[[u32; 3]], h: u32) -> u32 {
    triangles[h as usize / 3][h as usize % 3]
}

/// The vertex that half-edge `h` ends at.
pub fn end(triangles: &[[u32; 3]], h: u32) -> u32 {
    start(triangles, next(h))
}

/// Half-edges sorted by their undirected edge: (lower vertex, higher vertex, half-edge).
pub fn sorted_edges(triangles: &[[u32; 3]]) -> Vec<(u32, u32, u32)> {
    let edge = |h: u32| {
        let (a, b) = (start(triangles, h), end(triangles, h));
        (a.min(b), a.max(b), h)
    };
    // First by the lower vertex, by counting; the few edges of each vertex are sorted after that.
    let count = triangles.iter().flatten().max().map_or(0, |&v| v as usize + 1);
    let mut place = vec![0u32; count + 1];
    let half_edges = 0..triangles.len() as u32 * 3;
    half_edges.clone().for_each(|h| place[edge(h).0 as usize + 1] += 1);
    for v in 0..count {
        place[v + 1] += place[v];
    }
    // Each thread takes the edges of some of the vertices.
    let mut edges = vec![(0, 0, 0); triangles.len() * 3];
    let share = edges.len().div_ceil(rayon::current_num_threads()).max(1) as u32;
    rayon::scope(|scope| {
        let (mut rest, mut places, mut first) = (edges.as_mut_slice(), place.as_mut_slice(), 0);
        while !rest.is_empty() {
            let begin = places[0];
            let vertices = places.partition_point(|&p| p - begin < share).max(1);
            let end = places.get(vertices).map_or(rest.len(), |&p| (p - begin) as usize);
            let (own, further) = rest.split_at_mut(end);
            let (slots, behind) = places.split_at_mut(vertices);
            let (half_edges, vertex) = (half_edges.clone(), first..first + vertices as u32);
            (rest, places, first) = (further, behind, first + vertices as u32);
            scope.spawn(move |_| {
                for e in half_edges.map(edge).filter(|e| vertex.contains(&e.0)) {
                    let slot = &mut slots[(e.0 - vertex.start) as usize];
                    own[(*slot - begin) as usize] = e;
                    *slot += 1;
                }
            });
        }
    });
    edges.par_chunk_by_mut(|x, y| x.0 == y.0).for_each(<[_]>::sort_unstable);
    edges
}

/// The twin of each half-edge: the one other half-edge of the same edge, in the opposite direction. [`NONE`] at borders
/// and at edges with more than two triangles or with two of contrary orientation.
pub fn twins(triangles: &[[u32; 3]]) -> Vec<u32> {
    twins_along(triangles, &sorted_edges(triangles))
}

/// The same, from [`sorted_edges`].
pub fn twins_along(triangles: &[[u32; 3]], edges: &[(u32, u32, u32)]) -> Vec<u32> {
    let mut twins = vec![NONE; triangles.len() * 3];
    for group in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let [(.., g), (.., h)] = *group
            && start(triangles, g) != start(triangles, h)
        {
            twins[g as usize] = h;
            twins[h as usize] = g;
        }
    }
    twins
}

/// Lists of numbers, one list for each key.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    first: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// Groups `0..keys.len()` by key; each list is ascending.
    pub fn group(count: usize, keys: impl Iterator<Item = u32> + Clone) -> Self {
        let mut first = vec![0u32; count + 1];
        for k in keys.clone() {
            first[k as usize + 1] += 1;
        }
        for i in 0..count {
            first[i + 1] += first[i];
        }
        let mut fill = first.clone();
        let mut items = vec![0; first[count] as usize];
        for (i, k) in keys.enumerate() {
            items[fill[k as usize] as usize] = i as u32;
            fill[k as usize] += 1;
        }
        Self { first, items }
    }

    /// The half-edges that start at each vertex of a mesh; `h / 3` is the triangle.
    pub fn around_vertices(mesh: &Mesh) -> Self {
        Self::group(mesh.vertices.len(), mesh.triangles.iter().flatten().copied())
    }

    /// The list of one key.
    pub fn of(&self, key: usize) -> &[u32] {
        &self.items[self.first[key] as usize..self.first[key + 1] as usize]
    }
}

/// Sets of numbers that grow together; the representative is always the lowest member.
#[derive(Clone, Debug)]
pub struct UnionFind(Vec<u32>);

impl UnionFind {
    /// `n` sets of one.
    pub fn new(n: usize) -> Self {
        Self((0..n as u32).collect())
    }

    /// The lowest member of the set of `i`.
    pub fn find(&mut self, mut i: u32) -> u32 {
        while self.0[i as usize] != i {
            let up = self.0[self.0[i as usize] as usize];
            self.0[i as usize] = up;
            i = up;
        }
        i
    }

    /// Joins two sets.
    pub fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.find(a), self.find(b));
        self.0[a.max(b) as usize] = a.min(b);
    }
}

/// Component of each triangle (connected across edges that have twins), numbered by first triangle; and their number.
pub fn components(twins: &[u32]) -> (Vec<u32>, usize) {
    let n = twins.len() / 3;
    let mut sets = UnionFind::new(n);
    for (h, &t) in twins.iter().enumerate().filter(|(_, t)| **t != NONE) {
        sets.join(h as u32 / 3, t / 3);
    }
    let mut number = vec![NONE; n];
    let mut count = 0;
    let labels = (0..n as u32)
        .map(|t| {
            let root = sets.find(t) as usize;
            if number[root] == NONE {
                number[root] = count;
                count += 1;
            }
            number[root]
        })
        .collect();
    (labels, count as usize)
}

/// All digits of a triangle's corners.
pub fn corner_bits(corners: &[Vector3<f64>; 3]) -> [u64; 9] {
    std::array::from_fn(|i| corners[i / 3][i % 3].to_bits())
}

/// The mesh of the triangles for which `keep` holds, with the vertices that they use, in their order.
pub fn submesh(mesh: &Mesh, keep: impl Fn(usize) -> bool) -> Mesh {
    let triangles: Vec<[u32; 3]> =
        mesh.triangles.iter().enumerate().filter(|(t, _)| keep(*t)).map(|(_, c)| *c).collect();
    compacted(&mesh.vertices, triangles)
}

/// A mesh of the triangles and the vertices that they use, in their order.
pub fn compacted(vertices: &[Vector3<f64>], mut triangles: Vec<[u32; 3]>) -> Mesh {
    let mut index = vec![NONE; vertices.len()];
    for &v in triangles.iter().flatten() {
        index[v as usize] = 0;
    }
    let mut kept = Vec::new();
    for (v, i) in index.iter_mut().enumerate().filter(|(_, i)| **i == 0) {
        *i = kept.len() as u32;
        kept.push(vertices[v]);
    }
    for t in &mut triangles {
        *t = t.map(|v| index[v as usize]);
    }
    Mesh { vertices: kept, triangles }
}

/// Border loops as lists of half-edges, each ending where the next starts. At a vertex where borders touch, a loop
/// goes on around the same fan of triangles.
pub fn border_loops(triangles: &[[u32; 3]], twins: &[u32]) -> Vec<Vec<u32>> {
    let mut seen = vec![false; twins.len()];
    let mut loops = Vec::new();
    for h in 0..twins.len() as u32 {
        if twins[h as usize] != NONE || seen[h as usize] {
            continue;
        }
        let mut border = Vec::new();
        let mut at = h;
        while !seen[at as usize] {
            seen[at as usize] = true;
            border.push(at);
            // Around the end vertex, from triangle to triangle, to the next border half-edge.
            let mut out = next(at);
            let mut guard = 0;
            while twins[out as usize] != NONE && guard < triangles.len() * 3 {
                out = next(twins[out as usize]);
                guard += 1;
            }
            at = out;
        }
        loops.push(border);
    }
    loops
}

/// The piece, connected across edges, that each triangle belongs to, and the number of pieces.
pub fn pieces(mesh: &Mesh) -> (Vec<u32>, usize) {
    components(&twins(&mesh.triangles))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_has_one_border() {
        let triangles = vec![[0, 1, 2], [0, 2, 3]];
        let t = twins(&triangles);
        assert_eq!(t.iter().filter(|&&x| x == NONE).count(), 4);
        let loops = border_loops(&triangles, &t);
        assert_eq!(loops.len(), 1);
        let vertices: Vec<u32> = loops[0].iter().map(|&h| start(&triangles, h)).collect();
        assert_eq!(vertices, [0, 1, 2, 3]);
        assert_eq!(components(&t), (vec![0, 0], 1));
        let mesh = Mesh { vertices: (0..4).map(|i| Vector3::repeat(f64::from(i))).collect(), triangles };
        let half = submesh(&mesh, |t| t == 1);
        assert_eq!(half.triangles, [[0, 1, 2]]);
        assert_eq!(half.vertices[1], mesh.vertices[2]);
        assert_eq!(Lists::around_vertices(&mesh).of(2), [2, 4]);
    }
}
