//! The cut face of a section: the material that the plane goes through, as a flat mesh.
//!
//! In: a closed mesh, an axis, a place on it, all in millimetres. Out: quads in the plane, one for each row and piece of
//! material: along a row the ends are exact, across the rows they are as fine as the rows. Rows need no rings and no
//! triangulation, so that cavities and whatever else the plane meets come out right (even-odd rule). Cost: one pass over the
//! triangles, about 10 ms for a million.

use crate::image::Rgb8;
use crate::scene::{City, Mesh, TexturePage};
use nalgebra::Vector3;
use rayon::prelude::*;

/// Rows across the plane.
const ROWS: usize = 700;
/// Colour of cut material (sRGB): one that no measure has.
const MATERIAL: [u8; 3] = [98, 116, 136];

/// The cut face at `at` along `axis` (0 = x, 1 = y, 2 = z); nothing where the plane meets no material.
pub(super) fn cap(mesh: &Mesh, axis: usize, at: f64) -> Option<City> {
    // Along a row runs `u`, across the rows `v`.
    let (u, v) = if axis == 0 {
        (1, 2)
    } else if axis == 1 {
        (0, 2)
    } else {
        (0, 1)
    };
    let segments = cuts(mesh, axis, at);
    let ends = segments.iter().flatten().map(|p| p[v]);
    let (low, high) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
    if !(high > low) {
        return None;
    }
    let step = (high - low) / ROWS as f64;
    let row_of = |x: f64| (((x - low) / step).floor().max(0.0) as usize).min(ROWS - 1);
    let mut crossings: Vec<Vec<f64>> = vec![Vec::new(); ROWS];
    for [a, b] in &segments {
        let (from, to) = if a[v] <= b[v] { (a, b) } else { (b, a) };
        for (row, list) in crossings.iter_mut().enumerate().take(row_of(to[v]) + 1).skip(row_of(from[v])) {
            let middle = low + (row as f64 + 0.5) * step;
            // Half open, so that a corner between two segments counts once.
            if from[v] <= middle && middle < to[v] {
                list.push(from[u] + (to[u] - from[u]) * (middle - from[v]) / (to[v] - from[v]));
            }
        }
    }
    let mut face = Mesh::default();
    for (row, list) in crossings.iter_mut().enumerate() {
        list.sort_by(f64::total_cmp);
        let (bottom, top) = (low + row as f64 * step, low + (row + 1) as f64 * step);
        for pair in list.chunks_exact(2) {
            let corner = |x: f64, y: f64| {
                let mut p = Vector3::zeros();
                (p[axis], p[u], p[v]) = (at, x, y);
                p
            };
            let n = face.vertices.len() as u32;
            face.vertices.extend([
                corner(pair[0], bottom),
                corner(pair[1], bottom),
                corner(pair[1], top),
                corner(pair[0], top),
            ]);
            face.triangles.extend([[n, n + 1, n + 2], [n, n + 2, n + 3]]);
        }
    }
    let triangles = face.triangles.len();
    (triangles > 0).then(|| City {
        mesh: face,
        uvs: vec![[[0.5; 2]; 3]; triangles],
        page: vec![0; triangles],
        views: Vec::new(),
        classes: Vec::new(),
        pages: vec![TexturePage { image: Rgb8::filled(4, 4, MATERIAL) }],
        texel_m: 1.0,
    })
}

/// Where the plane cuts each triangle; corners that lie in the plane count as above it.
fn cuts(mesh: &Mesh, axis: usize, at: f64) -> Vec<[Vector3<f64>; 2]> {
    let cut = |t: &[u32; 3]| {
        let p = t.map(|v| mesh.vertices[v as usize]);
        let above = p.map(|c| c[axis] >= at);
        let mut found = (0..3).filter(|&k| above[k] != above[(k + 1) % 3]).map(|k| {
            let (a, b) = (p[k], p[(k + 1) % 3]);
            a + (b - a) * ((at - a[axis]) / (b[axis] - a[axis]))
        });
        Some([found.next()?, found.next()?])
    };
    mesh.triangles.par_iter().filter_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::outline;

    fn area(city: &City) -> f64 {
        (0..city.mesh.triangles.len()).map(|t| city.mesh.area_normal(t).norm() / 2.0).sum()
    }

    #[test]
    fn a_box_with_a_cavity_is_cut_to_a_frame() {
        let square = |from: f64, to: f64| [[from, from], [to, from], [to, to], [from, to]].map(nalgebra::Vector2::from);
        let mut mesh = outline::prism(&square(0.0, 10.0), 0.0, 10.0).mesh;
        let hollow = outline::prism(&square(2.0, 8.0), 2.0, 8.0).mesh;
        let first = mesh.vertices.len() as u32;
        mesh.vertices.extend(hollow.vertices);
        mesh.triangles.extend(hollow.triangles.iter().map(|[a, b, c]| [a + first, c + first, b + first]));
        for axis in 0..3 {
            let face = cap(&mesh, axis, 5.0).expect("material");
            assert!((area(&face) - 64.0).abs() < 0.2, "{}", area(&face));
            assert!(face.mesh.vertices.iter().all(|p| p[axis] == 5.0));
            assert!((area(&cap(&mesh, axis, 1.0).expect("material")) - 100.0).abs() < 0.01);
            assert!(cap(&mesh, axis, 11.0).is_none());
        }
    }
}
