//! Textures and colours of a repaired mesh: what the places that its corners come from had.
//!
//! In: the mesh before, with texture coordinates, pages and colours; the repaired body, whose corners know their places on
//! it. Out: for each triangle its page and texture coordinates, or its colours. A triangle takes them from the one triangle
//! of the input that its middle lies on, so that no seam runs through it; what was added has none. Where faces lay on each
//! other the one of the lowest number counts. Cost: one closest-point query for each triangle.

use crate::mesh::bvh::Bvh;
use crate::print::solid::Solid;
use crate::scene::{ForeignMesh, Mesh, NO_PAGE};
use nalgebra::Vector3;
use rayon::prelude::*;

/// What a triangle carries.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Carried {
    /// Page and texture coordinates of the corners.
    pub texture: Option<(u32, [[f32; 2]; 3])>,
    /// Colours of the corners (sRGB).
    pub colours: Option<[[u8; 3]; 3]>,
}

impl Carried {
    /// For each triangle of `solid`, made of `before` by [`super::repair()`]; `before` has the triangles of `foreign` in
    /// millimetres.
    pub fn of(solid: &Solid, before: &Mesh, foreign: &ForeignMesh) -> Vec<Self> {
        if foreign.page.is_empty() && foreign.colours.is_empty() {
            return vec![Self::default(); solid.photo.len()];
        }
        let bvh = Bvh::new(before);
        let size = before.bounds().map_or(0.0, |(low, high)| (high - low).norm());
        (0..solid.photo.len())
            .into_par_iter()
            .map(|t| {
                if !solid.photo[t] {
                    return Self::default();
                }
                let places = &solid.origin[t];
                let middle = places.iter().sum::<Vector3<f64>>() / 3.0;
                let Some(hit) = bvh.closest(&middle, size * 0.01) else { return Self::default() };
                let own = hit.triangle as usize;
                let shares = places.map(|p| barycentric(&before.corners(own), &p));
                let texture = foreign.page.get(own).filter(|p| **p != NO_PAGE).map(|&page| {
                    let uv = &foreign.uvs[own];
                    (
                        page,
                        shares.map(|s| [0, 1].map(|k| (0..3).map(|i| f64::from(uv[i][k]) * s[i]).sum::<f64>() as f32)),
                    )
                });
                let colours = foreign.colours.get(own).copied().flatten().map(|c| {
                    let byte = |v: f64| v.round().clamp(0.0, 255.0) as u8;
                    shares.map(|s| [0, 1, 2].map(|k| byte((0..3).map(|i| f64::from(c[i][k]) * s[i]).sum())))
                });
                Self { texture, colours }
            })
            .collect()
    }
}

/// Shares of a triangle's corners in a point of its plane; they add up to one.
pub fn barycentric([a, b, c]: &[Vector3<f64>; 3], p: &Vector3<f64>) -> [f64; 3] {
    let (e1, e2, d) = (b - a, c - a, p - a);
    let (d11, d12, d22) = (e1.norm_squared(), e1.dot(&e2), e2.norm_squared());
    let det = d11 * d22 - d12 * d12;
    if det <= 1e-12 * d11 * d22 {
        return [1.0, 0.0, 0.0];
    }
    let v = (d22 * d.dot(&e1) - d12 * d.dot(&e2)) / det;
    let w = (d11 * d.dot(&e2) - d12 * d.dot(&e1)) / det;
    [1.0 - v - w, v, w]
}
