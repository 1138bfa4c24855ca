//! Measures what a mesh is: manifold, closed, consistently oriented, in how many pieces, how large, and whether it
//! intersects itself.
//!
//! In: any indexed mesh. Out: a [`MeshReport`]. Self-intersections are decided by exact predicates (crate `robust`)
//! on the pairs that a box hierarchy finds.
//!
//! Source: O. Devillers, P. Guigue, "Faster triangle-triangle intersection tests", INRIA RR-4488, 2002 (signs of
//! orientations instead of intersection points). Cost: about 5 s for a million triangles on two cores.

use super::bvh::{Aabb, Bvh};
use super::delaunay::orientation;
use super::topology::{Lists, NONE, UnionFind, border_loops, components, next, sorted_edges, start, twins};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use robust::{Coord, orient2d};
use serde::{Deserialize, Serialize};

/// What [`inspect`] measures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeshReport {
    /// Vertices, also unused ones.
    pub vertices: usize,
    /// Vertices that no triangle uses.
    pub unused_vertices: usize,
    /// Triangles.
    pub triangles: usize,
    /// Triangles without area (corners on one line, or a corner twice).
    pub degenerate_triangles: usize,
    /// Triangles with the same corners as an earlier one.
    pub duplicate_triangles: usize,
    /// Edges with one triangle.
    pub border_edges: usize,
    /// Loops of those edges, where the mesh is manifold.
    pub border_loops: usize,
    /// Edges with more than two triangles.
    pub non_manifold_edges: usize,
    /// Edges whose two triangles run in the same direction.
    pub misoriented_edges: usize,
    /// Vertices whose triangles are not one fan.
    pub non_manifold_vertices: usize,
    /// Pieces connected across edges.
    pub components: usize,
    /// Vertices used minus edges plus triangles: 2 for each closed piece without handles.
    pub euler: i64,
    /// Signed volume in cubed units; means something only when closed.
    pub volume: f64,
    /// Area in squared units.
    pub area: f64,
    /// Pairs of triangles that intersect other than in shared corners and edges.
    pub self_intersections: usize,
}

impl MeshReport {
    /// Every edge has at most two triangles, every vertex one fan.
    pub fn is_manifold(&self) -> bool {
        self.non_manifold_edges == 0 && self.non_manifold_vertices == 0
    }

    /// Manifold, consistently oriented and without border.
    pub fn is_closed(&self) -> bool {
        self.is_manifold() && self.border_edges == 0 && self.misoriented_edges == 0 && self.triangles > 0
    }

    /// Closed, outward oriented, without self-intersections and degenerate or duplicate triangles: fit for print.
    pub fn is_solid(&self) -> bool {
        self.is_closed()
            && self.volume > 0.0
            && self.self_intersections == 0
            && self.degenerate_triangles == 0
            && self.duplicate_triangles == 0
    }
}

/// Measures a mesh.
pub fn inspect(mesh: &Mesh) -> MeshReport {
    let mut report = MeshReport { self_intersections: self_intersections(mesh).len(), ..inspect_topology(mesh) };
    report.volume = mesh.volume();
    report
}

/// Measures a mesh without looking for self-intersections (reported as 0).
pub fn inspect_topology(mesh: &Mesh) -> MeshReport {
    let t = &mesh.triangles;
    let mut report = MeshReport {
        vertices: mesh.vertices.len(),
        triangles: t.len(),
        volume: mesh.volume(),
        area: (0..t.len()).map(|i| mesh.area_normal(i).norm() * 0.5).sum(),
        ..MeshReport::default()
    };
    let flat = |i: &usize| {
        let [a, b, c] = mesh.corners(*i);
        super::delaunay::collinear(&a, &b, &c)
    };
    report.degenerate_triangles = (0..t.len()).into_par_iter().filter(flat).count();
    let mut keys: Vec<[u32; 3]> = t.clone();
    keys.iter_mut().for_each(|k| k.sort_unstable());
    keys.par_sort_unstable();
    report.duplicate_triangles = keys.windows(2).filter(|w| w[0] == w[1]).count();
    let mut edges = 0i64;
    for group in sorted_edges(t).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        edges += 1;
        match group {
            [_] => report.border_edges += 1,
            [a, b] => report.misoriented_edges += usize::from(start(t, a.2) == start(t, b.2)),
            _ => report.non_manifold_edges += 1,
        }
    }
    let twins = twins(t);
    let fans = Lists::around_vertices(mesh);
    let used = (0..mesh.vertices.len()).filter(|&v| !fans.of(v).is_empty()).count();
    report.unused_vertices = mesh.vertices.len() - used;
    report.euler = used as i64 - edges + t.len() as i64;
    report.components = components(&twins).1;
    report.non_manifold_vertices = fans_joined(t, &twins, mesh.vertices.len());
    report.border_loops = if report.is_manifold() { border_loops(t, &twins).len() } else { 0 };
    report
}

/// Number of vertices whose corners are not all connected across the edges at the vertex.
fn fans_joined(triangles: &[[u32; 3]], twins: &[u32], vertices: usize) -> usize {
    let mut sets = UnionFind::new(twins.len());
    for (h, &twin) in twins.iter().enumerate().filter(|(_, t)| **t != NONE) {
        sets.join(h as u32, next(twin));
        sets.join(next(h as u32), twin);
    }
    let mut roots = vec![NONE; vertices];
    let mut split = vec![false; vertices];
    for (h, &v) in triangles.as_flattened().iter().enumerate() {
        let root = sets.find(h as u32);
        let known = &mut roots[v as usize];
        if *known == NONE {
            *known = root;
        } else if *known != root {
            split[v as usize] = true;
        }
    }
    split.iter().filter(|s| **s).count()
}

/// Pairs of triangles (lower number first, ascending) that intersect other than in the corners and edges they share.
/// Degenerate triangles are passed over.
pub fn self_intersections(mesh: &Mesh) -> Vec<(u32, u32)> {
    self_intersections_up_to(mesh, usize::MAX)
}

/// The same, with at most `each` partners of higher number for a triangle: bounds the work on surfaces that lie on
/// themselves many times.
pub fn self_intersections_up_to(mesh: &Mesh, each: usize) -> Vec<(u32, u32)> {
    let all: Vec<u32> = (0..mesh.triangles.len() as u32).collect();
    intersections_with(mesh, &all, |_| true, each)
}

/// The pairs of [`self_intersections`] with at least one of the `suspects`: all of them, where the others are known not to
/// intersect each other.
pub fn self_intersections_of(mesh: &Mesh, suspects: &[bool]) -> Vec<(u32, u32)> {
    let chosen: Vec<u32> = (0..mesh.triangles.len() as u32).filter(|&t| suspects[t as usize]).collect();
    intersections_with(mesh, &chosen, |t| suspects[t as usize], usize::MAX)
}

/// The pairs with one of the `chosen`, at most `each` for each triangle that they are found from.
fn intersections_with(
    mesh: &Mesh,
    chosen: &[u32],
    is_chosen: impl Fn(u32) -> bool + Sync,
    each: usize,
) -> Vec<(u32, u32)> {
    let bvh = Bvh::from_corners(chosen.iter().map(|&t| mesh.corners(t as usize)).collect());
    let mut pairs: Vec<(u32, u32)> = (0..mesh.triangles.len() as u32)
        .into_par_iter()
        .flat_map_iter(|a| {
            let region = mesh.corners(a as usize).iter().fold(Aabb::empty(), |b, p| b.with_point(p));
            let mut found = Vec::new();
            bvh.overlapping(&region, |i| {
                let b = chosen[i as usize];
                // Two chosen ones meet twice, once from each side.
                let is_first = a != b && !(is_chosen(a) && b < a) && found.len() < each;
                if is_first && intersect(mesh, a.min(b) as usize, a.max(b) as usize) {
                    found.push((a.min(b), a.max(b)));
                }
            });
            found
        })
        .collect();
    pairs.par_sort_unstable();
    pairs
}

/// Whether two triangles of a mesh meet outside what they share. Corners in the same place count as shared, so that
/// solids which only touch, as [`super::make_manifold`] leaves them, do not intersect.
fn intersect(mesh: &Mesh, a: usize, b: usize) -> bool {
    let (p, q) = (mesh.corners(a), mesh.corners(b));
    let shared: Vec<usize> = (0..3).filter(|&i| q.contains(&p[i])).collect();
    let flat = |c: &[Vector3<f64>; 3]| super::delaunay::collinear(&c[0], &c[1], &c[2]);
    if flat(&p) || flat(&q) {
        return false;
    }
    match shared[..] {
        [] => {
            (0..3).any(|i| segment_meets(&p[i], &p[(i + 1) % 3], &q))
                || (0..3).any(|i| segment_meets(&q[i], &q[(i + 1) % 3], &p))
        }
        // The edge opposite the shared corner must not reach the other triangle; edges at the corner only touch there
        // unless the triangles are coplanar and overlap, which the opposite edges or the corner's angles show.
        [i] => {
            let j = (0..3).find(|&j| q[j] == p[i]).unwrap_or(0);
            segment_meets(&p[(i + 1) % 3], &p[(i + 2) % 3], &q) || segment_meets(&q[(j + 1) % 3], &q[(j + 2) % 3], &p)
        }
        // Only folded flat onto each other can triangles with a common edge overlap.
        [i, k] => {
            let own = p[3 - i - k];
            let far = (0..3).find(|&j| !p.contains(&q[j])).map_or(q[0], |j| q[j]);
            orientation(&p[i], &p[k], &own, &far) == 0.0 && same_side(&p[i], &p[k], &own, &far)
        }
        _ => true,
    }
}

/// For coplanar points: whether `x` and `y` lie on the same side of the line through `a` and `b`.
fn same_side(a: &Vector3<f64>, b: &Vector3<f64>, x: &Vector3<f64>, y: &Vector3<f64>) -> bool {
    let axis = dominant(a, b, x);
    side(axis, a, b, x) * side(axis, a, b, y) > 0.0
}

/// The axis along which a triangle is projected without becoming flat.
fn dominant(a: &Vector3<f64>, b: &Vector3<f64>, c: &Vector3<f64>) -> usize {
    let n = (b - a).cross(&(c - a)).abs();
    let first = n.imax();
    // Rounding may favour an axis along which the exact projection is flat; then another one is not.
    (0..3).map(|k| (first + k) % 3).find(|&k| side(k, a, b, c) != 0.0).unwrap_or(first)
}

/// Sign of the area of (a, b, c) projected along an axis: -1, 0 or 1.
fn side(axis: usize, a: &Vector3<f64>, b: &Vector3<f64>, c: &Vector3<f64>) -> f64 {
    let flat = |p: &Vector3<f64>| Coord { x: p[(axis + 1) % 3], y: p[(axis + 2) % 3] };
    let s = orient2d(flat(a), flat(b), flat(c));
    if s == 0.0 { 0.0 } else { s.signum() }
}

/// Whether a closed segment and a closed triangle have a point in common.
fn segment_meets(a: &Vector3<f64>, b: &Vector3<f64>, t: &[Vector3<f64>; 3]) -> bool {
    let sign = |s: f64| if s == 0.0 { 0.0 } else { s.signum() };
    let (sa, sb) = (sign(orientation(&t[0], &t[1], &t[2], a)), sign(orientation(&t[0], &t[1], &t[2], b)));
    if sa * sb > 0.0 {
        return false;
    }
    if sa == 0.0 && sb == 0.0 {
        return coplanar_meets(a, b, t);
    }
    let around: [f64; 3] = std::array::from_fn(|i| sign(orientation(a, b, &t[i], &t[(i + 1) % 3])));
    around.iter().all(|&s| s >= 0.0) || around.iter().all(|&s| s <= 0.0)
}

fn coplanar_meets(a: &Vector3<f64>, b: &Vector3<f64>, t: &[Vector3<f64>; 3]) -> bool {
    let axis = dominant(&t[0], &t[1], &t[2]);
    let winding = side(axis, &t[0], &t[1], &t[2]);
    let inside = |p: &Vector3<f64>| (0..3).all(|i| side(axis, &t[i], &t[(i + 1) % 3], p) * winding >= 0.0);
    if inside(a) || inside(b) {
        return true;
    }
    (0..3).any(|i| {
        let (c, d) = (&t[i], &t[(i + 1) % 3]);
        side(axis, a, b, c) * side(axis, a, b, d) <= 0.0
            && side(axis, c, d, a) * side(axis, c, d, b) <= 0.0
            && !(side(axis, a, b, c) == 0.0 && side(axis, a, b, d) == 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(at: f64) -> Mesh {
        let vertices = (0..8)
            .map(|i| Vector3::new(f64::from(i & 1), f64::from(i >> 1 & 1), f64::from(i >> 2)).add_scalar(at))
            .collect();
        let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = quads.iter().flat_map(|q| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect();
        Mesh { vertices, triangles }
    }

    fn joined(a: &Mesh, b: &Mesh) -> Mesh {
        let mut mesh = a.clone();
        let offset = mesh.vertices.len() as u32;
        mesh.vertices.extend(&b.vertices);
        mesh.triangles.extend(b.triangles.iter().map(|t| t.map(|v| v + offset)));
        mesh
    }

    #[test]
    fn suspects_are_enough_where_the_others_are_known() {
        // The first two cubes cross, the third crosses both.
        let pair = joined(&cube(0.0), &cube(0.3));
        let mesh = joined(&pair, &cube(0.55));
        let known = pair.triangles.len();
        let suspects: Vec<bool> = (0..mesh.triangles.len()).map(|t| t >= known).collect();
        let all = self_intersections(&mesh);
        let expected: Vec<(u32, u32)> = all.iter().copied().filter(|(_, b)| *b as usize >= known).collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(self_intersections_of(&mesh, &suspects), expected);
        assert_eq!(self_intersections_of(&mesh, &vec![true; suspects.len()]), all);
        assert!(self_intersections_of(&mesh, &vec![false; suspects.len()]).is_empty());
    }

    #[test]
    fn a_cube_is_solid() {
        let r = inspect(&cube(0.0));
        assert!(r.is_solid(), "{r:?}");
        assert_eq!((r.components, r.euler, r.area), (1, 2, 6.0));
        assert!((r.volume - 1.0).abs() < 1e-12);
        let inverted =
            Mesh { triangles: cube(0.0).triangles.iter().map(|t| [t[0], t[2], t[1]]).collect(), ..cube(0.0) };
        assert!(inspect(&inverted).is_closed() && !inspect(&inverted).is_solid());
    }

    #[test]
    fn faults_are_counted() {
        let two = joined(&cube(0.0), &cube(0.5));
        let r = inspect(&two);
        assert!(r.is_closed() && r.components == 2 && r.self_intersections > 0, "{r:?}");
        assert_eq!(inspect(&joined(&cube(0.0), &cube(2.0))).self_intersections, 0);
        let mut open = cube(0.0);
        open.triangles.pop();
        let r = inspect(&open);
        assert_eq!((r.border_edges, r.border_loops, r.is_closed()), (3, 1, false));
        open.triangles.push([1, 5, 7]);
        assert_eq!(inspect(&open).misoriented_edges, 3);
        // Two cubes that share the vertex of index 7 of the first.
        let mut touch = joined(&cube(0.0), &cube(1.0));
        touch.triangles.iter_mut().flatten().filter(|v| **v == 8).for_each(|v| *v = 7);
        let r = inspect(&touch);
        assert_eq!((r.non_manifold_vertices, r.unused_vertices, r.self_intersections), (1, 1, 0));
        let mut twice = cube(0.0);
        twice.triangles.push(twice.triangles[0]);
        twice.triangles.push([0, 0, 1]);
        let r = inspect(&twice);
        assert_eq!((r.duplicate_triangles, r.degenerate_triangles), (1, 1));
        assert!(r.non_manifold_edges > 0);
    }

    #[test]
    fn folds_and_coplanar_overlaps_are_found() {
        let v = |x: f64, y: f64| Vector3::new(x, y, 0.0);
        let vertices =
            vec![v(0.0, 0.0), v(4.0, 0.0), v(0.0, 4.0), v(4.0, 4.0), v(1.0, 1.0), v(2.0, 1.0), v(-3.0, -1.0)];
        let pairs =
            |triangles: Vec<[u32; 3]>| self_intersections(&Mesh { vertices: vertices.clone(), triangles }).len();
        assert_eq!(pairs(vec![[0, 1, 2], [1, 3, 2]]), 0);
        assert_eq!(pairs(vec![[0, 1, 2], [1, 0, 3]]), 1);
        assert_eq!(pairs(vec![[0, 1, 2], [0, 5, 4]]), 1);
        assert_eq!(pairs(vec![[0, 1, 2], [0, 6, 6]]), 0);
        assert_eq!(pairs(vec![[0, 1, 2], [4, 5, 3]]), 1);
    }
}
