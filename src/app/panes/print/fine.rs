//! Wall thickness on large triangles: a side wall of two triangles may be thin at one corner only.
//!
//! In: a part, what [`crate::print::thickness`] found on it. Out: a part to look at, whose large triangles are halved at their
//! longest side until each piece has few samples, and the thickness of each triangle of it. Pieces meet at their corners
//! only, so that it is no body to print.

use crate::print::thickness::{Sample, ThicknessMap};
use crate::scene::{Mesh, Part};
use nalgebra::Vector3;
use std::sync::Arc;

/// Samples from which a triangle is cut, and those that a piece keeps.
const MANY: usize = 12;
const FEW: usize = 3;

/// The part with its values; the same part where nothing is cut.
pub(super) fn refined(part: &Arc<Part>, found: ThicknessMap) -> (Arc<Part>, Vec<f32>) {
    let ThicknessMap { by_triangle, mut samples } = found;
    samples.sort_by_key(|s| s.triangle);
    let large: Vec<&mut [Sample]> =
        samples.chunk_by_mut(|a, b| a.triangle == b.triangle).filter(|of| of.len() > MANY).collect();
    if large.is_empty() {
        return (part.clone(), by_triangle);
    }
    let (mut mesh, mut uvs, mut values) = (part.mesh.clone(), part.uvs.clone(), by_triangle);
    for of in large {
        let Some(t) = of.first().map(|s| s.triangle as usize) else { continue };
        let (corners, uv) = (part.mesh.corners(t), part.uvs[t]);
        let mean = of.iter().map(|s| s.thickness).sum::<f64>() / of.len() as f64;
        let mut first = true;
        cut(corners, of, mean, 24, &mut |corners, value| {
            let n = mesh.vertices.len() as u32;
            mesh.vertices.extend(corners);
            if std::mem::take(&mut first) {
                // The first piece takes the place of the whole.
                (mesh.triangles[t], values[t]) = ([n, n + 1, n + 2], value);
            } else {
                mesh.triangles.push([n, n + 1, n + 2]);
                values.push(value);
                uvs.push(uv);
            }
        });
    }
    (
        Arc::new(Part {
            mesh: Mesh { ..mesh },
            uvs,
            texture: part.texture.clone(),
            title: part.title.clone(),
            ..**part
        }),
        values,
    )
}

/// Halves a triangle; `mean` is what a piece without samples has.
fn cut(
    corners: [Vector3<f64>; 3],
    samples: &mut [Sample],
    mean: f64,
    depth: u32,
    each: &mut impl FnMut([Vector3<f64>; 3], f32),
) {
    if samples.len() <= FEW || depth == 0 {
        let least = samples.iter().map(|s| s.thickness).fold(f64::INFINITY, f64::min);
        return each(corners, if samples.is_empty() { mean } else { least } as f32);
    }
    let mean = samples.iter().map(|s| s.thickness).sum::<f64>() / samples.len() as f64;
    let length = |k: usize| (corners[(k + 1) % 3] - corners[(k + 2) % 3]).norm_squared();
    let apex = (0..3).max_by(|a, b| length(*a).total_cmp(&length(*b))).unwrap_or(0);
    let [a, b, c] = [corners[apex], corners[(apex + 1) % 3], corners[(apex + 2) % 3]];
    let middle = (b + c) / 2.0;
    // Samples on b's side of the line from the apex to the middle come first.
    let across = (middle - a).cross(&(b - a).cross(&(c - a)));
    let side = |s: &Sample| (s.point - a).dot(&across) * (b - a).dot(&across) > 0.0;
    samples.sort_by_key(|s| !side(s));
    let count = samples.iter().filter(|s| side(s)).count();
    let (first, second) = samples.split_at_mut(count);
    cut([a, b, middle], first, mean, depth - 1, each);
    cut([a, middle, c], second, mean, depth - 1, each);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;

    #[test]
    fn a_wall_that_is_thin_at_one_corner_is_thin_there_only() {
        let vertices = [[0.0, 0.0], [40.0, 0.0], [40.0, 30.0]].map(|[x, z]| Vector3::new(x, 0.0, z)).into();
        let mesh = Mesh { vertices, triangles: vec![[0, 1, 2]] };
        let texture = Rgb8::filled(4, 4, [9; 3]);
        let part = Part { mesh, uvs: vec![[[0.5; 2]; 3]], texture, scale_denominator: None, title: String::new() };
        let mut samples = Vec::new();
        for (x, z) in (0..40).flat_map(|x| (0..30).map(move |z| (f64::from(x) + 0.5, f64::from(z) + 0.25))) {
            if z < x * 0.75 {
                let thickness = if x > 35.0 && z > 25.0 { 0.5 } else { 4.0 };
                samples.push(Sample { point: Vector3::new(x, 0.0, z), triangle: 0, thickness });
            }
        }
        let part = Arc::new(part);
        let (fine, values) = refined(&part, ThicknessMap { by_triangle: vec![0.5], samples });
        assert_eq!((fine.mesh.triangles.len(), fine.uvs.len()), (values.len(), values.len()));
        let area = |thin: bool| -> f64 {
            let of = (0..values.len()).filter(|&t| (values[t] < 1.0) == thin);
            of.map(|t| fine.mesh.area_normal(t).norm() / 2.0).sum()
        };
        assert!((area(true) + area(false) - 600.0).abs() < 1e-9, "{} {}", area(true), area(false));
        assert!((4.0..40.0).contains(&area(true)), "{}", area(true));
        let few = ThicknessMap { by_triangle: vec![3.0], samples: Vec::new() };
        assert!(Arc::ptr_eq(&refined(&part, few).0, &part));
    }
}
