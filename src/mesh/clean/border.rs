//! Peels large triangles off the outer border: facets of the hull that close the scene's sides, curtains to outliers.

use super::super::topology::{NONE, submesh, twins};
use crate::base::stats;
use crate::scene::Mesh;

/// The mesh without the triangles that have an edge longer than `factor` times the 95th percentile of edges and that
/// can be reached from the border through such triangles.
pub fn peel(mesh: &Mesh, factor: f64) -> Mesh {
    let longest = |t: usize| {
        let [a, b, c] = mesh.corners(t);
        (b - a).norm().max((c - b).norm()).max((a - c).norm())
    };
    let lengths: Vec<f64> = (0..mesh.triangles.len()).map(longest).collect();
    let Some(limit) = stats::quantile(&lengths, 0.9).map(|q| q * factor) else {
        return Mesh::default();
    };
    let twins = twins(&mesh.triangles);
    let mut dropped = vec![false; lengths.len()];
    let at_border = |t: &usize| (0..3).any(|k| twins[3 * t + k] == NONE);
    let mut front: Vec<usize> = (0..lengths.len()).filter(|t| lengths[*t] > limit).filter(at_border).collect();
    for &t in &front {
        dropped[t] = true;
    }
    while let Some(t) = front.pop() {
        for k in 0..3 {
            let twin = twins[3 * t + k];
            let beside = twin as usize / 3;
            if twin != NONE && !dropped[beside] && lengths[beside] > limit {
                dropped[beside] = true;
                front.push(beside);
            }
        }
    }
    submesh(mesh, |t| !dropped[t])
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    #[test]
    fn a_curtain_goes_and_a_large_inner_triangle_stays() {
        // A strip of unit cells, two of them 40 wide in the middle, one 60 wide at the end.
        let xs = [0.0, 1.0, 2.0, 3.0, 4.0, 44.0, 45.0, 46.0, 47.0, 48.0, 49.0, 109.0];
        let mut xs: Vec<f64> = xs.to_vec();
        xs.splice(0..0, (0..30).map(|i| f64::from(i) - 30.0));
        let mut mesh = Mesh::default();
        let rows = 30;
        for x in &xs {
            mesh.vertices.extend((0..=rows).map(|y| Vector3::new(*x, f64::from(y), 0.0)));
        }
        for i in 0..xs.len() as u32 - 1 {
            for j in 0..rows as u32 {
                // The long cells in the middle only exist away from the border rows.
                let a = i * (rows as u32 + 1) + j;
                let b = a + rows as u32 + 1;
                mesh.triangles.extend([[a, b, b + 1], [a, b + 1, a + 1]]);
            }
        }
        let kept = peel(&mesh, 10.0);
        let (_, high) = kept.bounds().expect("some");
        assert_eq!(high.x, 49.0);
        assert!(peel(&mesh, 1000.0) == mesh);
    }
}
