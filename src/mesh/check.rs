//! Measures what a mesh is: manifold, closed, consistently oriented, in how many pieces, how large, and whether it
//! intersects itself.
//!
//! In: any indexed mesh. Out: a [`MeshReport`]. Cost: that of the self-intersections ([`crossings`]).

mod crossings;

pub use crossings::{self_intersections, self_intersections_of, self_intersections_up_to};

use super::topology::{Lists, NONE, UnionFind, border_loops, components, next, sorted_edges, start, twins};
use crate::scene::Mesh;
use rayon::prelude::*;
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

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    pub(super) fn cube(at: f64) -> Mesh {
        let vertices = (0..8)
            .map(|i| Vector3::new(f64::from(i & 1), f64::from(i >> 1 & 1), f64::from(i >> 2)).add_scalar(at))
            .collect();
        let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = quads.iter().flat_map(|q| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect();
        Mesh { vertices, triangles }
    }

    pub(super) fn joined(a: &Mesh, b: &Mesh) -> Mesh {
        let mut mesh = a.clone();
        let offset = mesh.vertices.len() as u32;
        mesh.vertices.extend(&b.vertices);
        mesh.triangles.extend(b.triangles.iter().map(|t| t.map(|v| v + offset)));
        mesh
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
