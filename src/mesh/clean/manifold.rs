//! Makes a mesh an oriented 2-manifold, with or without border.
//!
//! In: any indexed triangles that are consistently oriented wherever they bound a solid. Out: the same surface with
//! vertices (and where needed edges) doubled, so that each edge has at most two triangles and the triangles around each
//! vertex form one fan. What was closed stays closed.
//!
//! Source: A. Gueziec et al., "Cutting and stitching: converting sets of polygons to manifold surfaces", TVCG 7(2),
//! 2001. Edges with more than two triangles are paired by angle so that each pair bounds one wedge of solid.

use super::super::topology::{NONE, UnionFind, compacted, end, next, sorted_edges, start};
use crate::scene::Mesh;
use nalgebra::Vector3;

/// The manifold version of `mesh`. Degenerate triangles (a corner twice) are dropped, as are equal triangles in
/// pairs of contrary orientation and repeats of a triangle.
pub fn make_manifold(mesh: &Mesh) -> Mesh {
    let triangles = without_duplicates(&mesh.triangles);
    let pairs = pair(&mesh.vertices, &triangles);
    let mut sets = UnionFind::new(triangles.len() * 3);
    for (h, &twin) in pairs.iter().enumerate().filter(|(_, t)| **t != NONE) {
        // Corner numbers are those of the half-edges that start there.
        sets.join(h as u32, next(twin));
        sets.join(next(h as u32), twin);
    }
    let mut index = vec![NONE; triangles.len() * 3];
    let mut vertices = Vec::with_capacity(mesh.vertices.len());
    let mut split: Vec<[u32; 3]> = Vec::with_capacity(triangles.len());
    for (t, corners) in triangles.iter().enumerate() {
        split.push(std::array::from_fn(|k| {
            let root = sets.find((3 * t + k) as u32) as usize;
            if index[root] == NONE {
                index[root] = vertices.len() as u32;
                vertices.push(mesh.vertices[corners[k] as usize]);
            }
            index[root]
        }));
    }
    separate_edges(&mut vertices, &mut split, pairs);
    compacted(&vertices, split)
}

/// Leaves out degenerate triangles; of triangles with the same corners keeps one where an odd number is.
fn without_duplicates(triangles: &[[u32; 3]]) -> Vec<[u32; 3]> {
    let mut keyed: Vec<([u32; 3], u32)> = Vec::with_capacity(triangles.len());
    for (i, t) in triangles.iter().enumerate() {
        let mut key = *t;
        key.sort_unstable();
        if key[0] != key[1] && key[1] != key[2] {
            keyed.push((key, i as u32));
        }
    }
    keyed.sort_unstable();
    let mut keep = vec![false; triangles.len()];
    for group in keyed.chunk_by(|a, b| a.0 == b.0) {
        let even = |t: &[u32; 3]| {
            let low = t.iter().enumerate().min_by_key(|(_, v)| **v).map_or(0, |(k, _)| k);
            t[(low + 1) % 3] < t[(low + 2) % 3]
        };
        let forward = group.iter().filter(|g| even(&triangles[g.1 as usize])).count();
        let backward = group.len() - forward;
        if forward != backward {
            let wanted = forward > backward;
            if let Some(g) = group.iter().find(|g| even(&triangles[g.1 as usize]) == wanted) {
                keep[g.1 as usize] = true;
            }
        }
    }
    triangles.iter().zip(keep).filter(|(_, k)| *k).map(|(t, _)| *t).collect()
}

/// The half-edge that continues the surface across each half-edge.
fn pair(vertices: &[Vector3<f64>], triangles: &[[u32; 3]]) -> Vec<u32> {
    let mut pairs = vec![NONE; triangles.len() * 3];
    for group in sorted_edges(triangles).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (low, high, first) = group[0];
        if group.len() == 2 {
            let second = group[1].2;
            if start(triangles, first) != start(triangles, second) {
                pairs[first as usize] = second;
                pairs[second as usize] = first;
            }
            continue;
        }
        if group.len() < 2 {
            continue;
        }
        let origin = vertices[low as usize];
        let axis = (vertices[high as usize] - origin).normalize();
        let towards = |h: u32| {
            let d = vertices[end(triangles, next(h)) as usize] - origin;
            d - axis * axis.dot(&d)
        };
        let (x, forward) = (towards(first), |h: u32| start(triangles, h) == low);
        let y = axis.cross(&x);
        let mut around: Vec<(f64, bool, u32)> = group
            .iter()
            .map(|&(.., h)| {
                let d = towards(h);
                (y.dot(&d).atan2(x.dot(&d)), forward(h), h)
            })
            .collect();
        around.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.2.cmp(&b.2)));
        // Solid lies before a forward triangle and after a backward one, in the sense of increasing angle. Where sheets lie on
        // each other, those left between two pairs are next to each other in turn.
        loop {
            let n = around.len();
            for i in 0..n {
                let (a, b) = (around[i], around[(i + 1) % n]);
                if !a.1 && b.1 && pairs[a.2 as usize] == NONE && pairs[b.2 as usize] == NONE {
                    pairs[a.2 as usize] = b.2;
                    pairs[b.2 as usize] = a.2;
                }
            }
            around.retain(|(.., h)| pairs[*h as usize] == NONE);
            if around.is_empty() || around.len() == n {
                break;
            }
        }
    }
    pairs
}

/// Splits edges that still have the same two ends as another edge, by a vertex in the middle.
fn separate_edges(vertices: &mut Vec<Vector3<f64>>, triangles: &mut Vec<[u32; 3]>, mut pairs: Vec<u32>) {
    loop {
        let mut busy = vec![false; triangles.len()];
        let mut todo = Vec::new();
        for group in sorted_edges(triangles).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            if group.len() < 2 || (group.len() == 2 && pairs[group[0].2 as usize] == group[1].2) {
                continue;
            }
            let kept = group[0].2;
            for &(.., h) in group {
                let twin = pairs[h as usize];
                if h == kept || twin == kept || (twin != NONE && twin < h) {
                    continue;
                }
                let sides = [h, twin];
                let real = sides.iter().filter(|&&s| s != NONE);
                if real.clone().all(|&s| !busy[s as usize / 3]) {
                    real.for_each(|&s| busy[s as usize / 3] = true);
                    todo.push((h, twin));
                }
            }
        }
        if todo.is_empty() {
            return;
        }
        for (h, twin) in todo {
            let middle = vertices.len() as u32;
            let (a, b) = (start(triangles, h), end(triangles, h));
            vertices.push((vertices[a as usize] + vertices[b as usize]) * 0.5);
            let mut halves = [[NONE; 2]; 2];
            for (side, s) in [h, twin].into_iter().enumerate().filter(|(_, s)| *s != NONE) {
                halves[side] = split_at(triangles, &mut pairs, s, middle);
            }
            // Halves run start to middle and middle to end; the twin's run the other way.
            for (i, j) in [(0, 1), (1, 0)] {
                let (p, q) = (halves[0][i], halves[1][j]);
                pairs[p as usize] = q;
                if q != NONE {
                    pairs[q as usize] = p;
                }
            }
        }
    }
}

/// Cuts the triangle of half-edge `h` in two from `middle` to the opposite corner. Returns the halves of `h` in its
/// direction; their pairs are for the caller to set.
fn split_at(triangles: &mut Vec<[u32; 3]>, pairs: &mut Vec<u32>, h: u32, middle: u32) -> [u32; 2] {
    let t = h as usize / 3;
    let k = h as usize % 3;
    let (b, c) = (triangles[t][(k + 1) % 3], triangles[t][(k + 2) % 3]);
    let outer = next(h);
    // Old triangle: a, middle, c. New triangle: middle, b, c.
    triangles[t][(k + 1) % 3] = middle;
    let new = triangles.len() as u32 * 3;
    triangles.push([middle, b, c]);
    let beyond = pairs[outer as usize];
    pairs.extend([NONE, beyond, outer]);
    if beyond != NONE {
        pairs[beyond as usize] = new + 1;
    }
    pairs[outer as usize] = new + 2;
    [h, new]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::topology::{Lists, twins};

    fn tetrahedron(offset: u32) -> Vec<[u32; 3]> {
        [[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]].map(|t| t.map(|v| v + offset)).to_vec()
    }

    /// Closed, and one fan around each vertex.
    fn is_closed_manifold(mesh: &Mesh) -> bool {
        let twins = twins(&mesh.triangles);
        let fans = Lists::around_vertices(mesh);
        twins.iter().all(|&t| t != NONE)
            && (0..mesh.vertices.len()).all(|v| {
                let all = fans.of(v);
                let (mut at, mut n) = (all[0], 0);
                loop {
                    at = next(twins[at as usize]);
                    n += 1;
                    if at == all[0] || n > all.len() {
                        return n == all.len();
                    }
                }
            })
    }

    #[test]
    fn solids_that_touch_in_a_vertex_or_an_edge_come_apart() {
        let v = |x: f64, y: f64, z: f64| Vector3::new(x, y, z);
        let mut vertices = vec![v(0.0, 0.0, 0.0), v(1.0, 0.0, 0.0), v(0.0, 1.0, 0.0), v(0.0, 0.0, 1.0)];
        vertices.extend(vertices.clone().iter().map(|p| p.component_mul(&v(1.0, -1.0, -1.0))));
        let mut triangles = tetrahedron(0);
        // The second solid is the first turned about x; it shares the vertex 0, then also the edge 0-1.
        triangles.extend(tetrahedron(4));
        for shared in [vec![(4, 0)], vec![(4, 0), (5, 1)]] {
            let mut touching = triangles.clone();
            for (from, to) in shared {
                touching.iter_mut().flatten().filter(|v| **v == from).for_each(|v| *v = to);
            }
            let mesh = Mesh { vertices: vertices.clone(), triangles: touching };
            let fixed = make_manifold(&mesh);
            assert!(is_closed_manifold(&fixed));
            assert_eq!(fixed.vertices.len(), 8);
            assert!((fixed.volume() - mesh.volume()).abs() < 1e-15 && fixed.volume() > 0.3);
        }
    }

    #[test]
    fn solids_that_reach_into_each_other_at_an_edge_stay_closed() {
        let v = |x: f64, y: f64, z: f64| Vector3::new(x, y, z);
        // Wedges from 0 to 90 and from 45 to 135 degrees around one edge.
        let vertices = vec![
            v(0.0, 0.0, 0.0),
            v(0.0, 0.0, 1.0),
            v(1.0, 0.0, 0.0),
            v(0.0, 1.0, 0.0),
            v(1.0, 1.0, 0.0),
            v(-1.0, 1.0, 0.0),
        ];
        let wedge = |a: u32, b: u32| [[0, 1, b], [1, 0, a], [0, b, a], [1, a, b]];
        let mesh = Mesh { vertices, triangles: [wedge(2, 3), wedge(4, 5)].concat() };
        assert!(!is_closed_manifold(&mesh));
        let split = make_manifold(&mesh);
        assert!(is_closed_manifold(&split), "{split:?}");
        assert!((split.volume().abs() - 0.5).abs() < 1e-12, "{}", split.volume());
    }

    #[test]
    fn a_ring_that_meets_itself_along_an_edge_is_opened_by_a_middle_vertex() {
        // A row of unit cubes bent to a ring whose last and first cube share one vertical edge only: all corners are
        // in one fan each around that edge's ends after pairing solids, or the edge is separated by a middle vertex.
        let cells = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (-1, 1), (0, 1)];
        let cells: Vec<(i32, i32)> = cells.iter().copied().filter(|c| *c != (0, 1)).collect();
        let solid = |x: i32, y: i32, z: i32| z == 0 && cells.contains(&(x, y));
        let mesh = voxels(&solid, 5);
        let fixed = make_manifold(&mesh);
        assert!(is_closed_manifold(&fixed));
        assert!((fixed.volume() - cells.len() as f64).abs() < 1e-12);
    }

    #[test]
    fn random_voxels_become_closed_manifolds() {
        let mut rng = crate::base::Rng::new(6, 6);
        for _ in 0..30 {
            let full: Vec<bool> = (0..512).map(|_| rng.below(2) == 0).collect();
            let solid = |x: i32, y: i32, z: i32| {
                let inside = |c: i32| (0..8).contains(&c);
                inside(x) && inside(y) && inside(z) && full[(x + 8 * y + 64 * z) as usize]
            };
            let mesh = voxels(&solid, 9);
            let fixed = make_manifold(&mesh);
            assert!(is_closed_manifold(&fixed));
            let count = full.iter().filter(|f| **f).count();
            assert!((fixed.volume() - count as f64).abs() < 1e-9);
            assert_eq!(make_manifold(&fixed).triangles.len(), fixed.triangles.len());
        }
    }

    /// The boundary of unit cubes, with shared corners.
    fn voxels(solid: &impl Fn(i32, i32, i32) -> bool, size: i32) -> Mesh {
        let n = size + 4;
        let id = |p: [i32; 3]| ((p[0] + 2) + n * (p[1] + 2) + n * n * (p[2] + 2)) as u32;
        let mut triangles = Vec::new();
        for x in -1..=size {
            for y in -1..=size {
                for z in -1..=size {
                    for axis in 0..3 {
                        for up in [0, 1] {
                            let mut beside = [x, y, z];
                            beside[axis] += 2 * up - 1;
                            if !solid(x, y, z) || solid(beside[0], beside[1], beside[2]) {
                                continue;
                            }
                            let corner = |a: i32, b: i32| {
                                let mut p = [x, y, z];
                                p[axis] += up;
                                p[(axis + 1) % 3] += a;
                                p[(axis + 2) % 3] += b;
                                id(p)
                            };
                            let mut q = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)];
                            if up == 0 {
                                q.reverse();
                            }
                            triangles.extend([[q[0], q[1], q[2]], [q[0], q[2], q[3]]]);
                        }
                    }
                }
            }
        }
        let at = |i: i32| Vector3::new(f64::from(i % n - 2), f64::from(i / n % n - 2), f64::from(i / n / n - 2));
        compacted(&(0..n * n * n).map(at).collect::<Vec<_>>(), triangles)
    }
}
