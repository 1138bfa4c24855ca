//! A painted part as a textured one, to look at and to measure.
//!
//! In: a part and its painting. Out: a part of the pieces that the painting cuts, each of the colour of its filament; its page
//! is a row of swatches. Pieces meet at their corners only, so that it is no body to print.

use crate::image::Rgb8;
use crate::scene::{CUT, Mesh, Painting, Part};
use nalgebra::Vector3;

/// Side of a swatch in texels.
const SWATCH: usize = 4;

/// The part in its filaments.
pub fn shown(part: &Part, painting: &Painting) -> Part {
    let count = painting.colours.len().max(1);
    let mut texture = Rgb8::filled(count * SWATCH, SWATCH, [0; 3]);
    for (i, texel) in texture.data.iter_mut().enumerate() {
        *texel = painting.colours.get(i % (count * SWATCH) / SWATCH).copied().unwrap_or_default();
    }
    let (mut mesh, mut uvs) = (Mesh::default(), Vec::new());
    for t in 0..painting.len() {
        let mut add = |corners: [Vector3<f64>; 3], colour: u8| {
            let first = mesh.vertices.len() as u32;
            mesh.vertices.extend(corners);
            mesh.triangles.push([first, first + 1, first + 2]);
            uvs.push([[(f32::from(colour) + 0.5) / count as f32, 0.5]; 3]);
        };
        pieces(&mut painting.of(t), part.mesh.corners(t), &mut add);
    }
    Part { mesh, uvs, texture, title: part.title.clone(), ..*part }
}

fn pieces(codes: &mut &[u8], corners: [Vector3<f64>; 3], add: &mut impl FnMut([Vector3<f64>; 3], u8)) {
    let Some((&code, rest)) = codes.split_first() else { return };
    *codes = rest;
    if code < CUT {
        return add(corners, code);
    }
    let s = usize::from(code - CUT);
    let [a, b, c] = [corners[s % 3], corners[(s + 1) % 3], corners[(s + 2) % 3]];
    let m = (b + c) / 2.0;
    pieces(codes, [a, b, m], add);
    pieces(codes, [m, c, a], add);
}
