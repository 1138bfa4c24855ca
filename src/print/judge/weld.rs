//! Makes one vertex of several in the same place along open edges: formats without shared vertices, seams of textures.
//!
//! In: a mesh. Out: the same triangles over joined vertices. Only vertices of open edges are joined, so that bodies which
//! touch but are closed each for itself stay apart.

use crate::mesh::topology::sorted_edges;
use crate::scene::Mesh;

/// The welded mesh, and how many vertices were joined to another one.
pub fn welded(mesh: &Mesh) -> (Mesh, usize) {
    let mut open = vec![false; mesh.vertices.len()];
    for group in sorted_edges(&mesh.triangles).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let [(a, b, _)] = *group {
            open[a as usize] = true;
            open[b as usize] = true;
        }
    }
    // Adding zero makes one of the two zeros.
    let key = |v: u32| {
        let p = &mesh.vertices[v as usize];
        [p.x + 0.0, p.y + 0.0, p.z + 0.0].map(f64::to_bits)
    };
    let mut list: Vec<u32> = (0..mesh.vertices.len() as u32).filter(|&v| open[v as usize]).collect();
    list.sort_unstable_by_key(|&v| (key(v), v));
    let mut target: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    let mut joined = 0;
    for same in list.chunk_by(|&a, &b| key(a) == key(b)) {
        for &v in &same[1..] {
            target[v as usize] = same[0];
            joined += 1;
        }
    }
    let triangles = mesh.triangles.iter().map(|t| t.map(|v| target[v as usize])).collect();
    (Mesh { vertices: mesh.vertices.clone(), triangles }, joined)
}
