//! Pulls in spikes: vertices whose triangles, taken together, point nowhere.

use super::super::topology::Lists;
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;

/// Below this ratio of the length of the summed area vectors to the summed areas a vertex is a spike: a cone of 14
/// degrees half-angle.
const RATIO: f64 = 0.25;
const ROUNDS: usize = 4;

/// Moves each spike to the mean of its neighbours, a few times over.
pub fn flatten(mesh: &mut Mesh) {
    let fans = Lists::around_vertices(mesh);
    for _ in 0..ROUNDS {
        let moved: Vec<(usize, Vector3<f64>)> =
            (0..mesh.vertices.len()).into_par_iter().filter_map(|v| Some((v, pulled(mesh, fans.of(v))?))).collect();
        if moved.is_empty() {
            return;
        }
        for (v, to) in moved {
            mesh.vertices[v] = to;
        }
    }
}

/// Where the vertex with this fan should go, if it is a spike.
fn pulled(mesh: &Mesh, fan: &[u32]) -> Option<Vector3<f64>> {
    let (mut vector, mut area, mut ring) = (Vector3::zeros(), 0.0, Vector3::zeros());
    for &h in fan {
        let (t, k) = (h as usize / 3, h as usize % 3);
        let normal = mesh.area_normal(t);
        vector += normal;
        area += normal.norm();
        let c = mesh.corners(t);
        ring += c[(k + 1) % 3] + c[(k + 2) % 3];
    }
    (fan.len() > 2 && vector.norm() < RATIO * area).then(|| ring / (2 * fan.len()) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needle_goes_and_a_pyramid_stays() {
        let n = 8;
        let fan = |height: f64| {
            let mut vertices = vec![Vector3::new(0.0, 0.0, height)];
            vertices.extend((0..n).map(|i| {
                let a = f64::from(i) / f64::from(n) * std::f64::consts::TAU;
                Vector3::new(a.cos(), a.sin(), 0.0)
            }));
            let triangles = (0..n as u32).map(|i| [0, 1 + i, 1 + (i + 1) % n as u32]).collect();
            Mesh { vertices, triangles }
        };
        let (mut needle, mut pyramid) = (fan(9.0), fan(1.0));
        flatten(&mut needle);
        flatten(&mut pyramid);
        assert!(needle.vertices[0].z.abs() < 1e-12);
        assert_eq!(pyramid.vertices[0].z, 1.0);
    }
}
