//! The facets between outside and inside cells as a mesh.

use crate::mesh::delaunay::{Delaunay, INFINITE};
use crate::scene::Mesh;

/// Triangles between cells for which `outside` holds and others, facing outside. Facets of the hull's outer side, where
/// both cells have no volume of their own between them, are part of it.
pub fn boundary(d: &Delaunay, outside: impl Fn(usize) -> bool) -> Mesh {
    let mut index = vec![u32::MAX; d.points.len()];
    let mut mesh = Mesh::default();
    for (i, cell) in d.cells.iter().enumerate() {
        if outside(i) {
            continue;
        }
        for slot in 0..4 {
            let facet = cell.facet(slot);
            if facet.contains(&INFINITE) || !outside(cell.neighbours[slot] as usize) {
                continue;
            }
            // An infinite cell's own facet looks into the hull, towards the outside cell: it bounds solid as well.
            mesh.triangles.push(facet.map(|v| {
                if index[v as usize] == u32::MAX {
                    index[v as usize] = mesh.vertices.len() as u32;
                    mesh.vertices.push(d.points[v as usize]);
                }
                index[v as usize]
            }));
        }
    }
    mesh
}
