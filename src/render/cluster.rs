//! A coarse copy of a textured mesh, to draw while the view moves on a slow adapter.
//!
//! In: triangles with pages. Out: about as many triangles as asked for, with the mean colour of the texture at their
//! vertices. All vertices of one cell of a grid become one at their mean; triangles that collapse disappear.
//! Source: J. Rossignac, P. Borrel, "Multi-resolution 3D approximations for rendering complex scenes", 1993.

use super::mesh::{Chunk, SURFACE_COLOURS, Textured, Vertex, packed};
use super::mips::Page;
use nalgebra::Vector3;
use std::collections::{HashMap, HashSet};

#[derive(Clone, Default)]
struct Cell {
    position: Vector3<f64>,
    vertices: f64,
    colour: [f64; 3],
    class: f64,
    /// Weight of each surface class; the last one stands for none.
    surfaces: [f64; SURFACE_COLOURS.len() + 1],
    weight: f64,
}

/// The coarse copy with about `target` triangles.
pub(super) fn clustered(textured: &Textured<'_>, pages: &[Page], target: usize) -> Chunk {
    let mesh = textured.mesh;
    let area: f64 = (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm() / 2.0).sum();
    // A flat grid of squares has two triangles a cell; a slanted surface passes through about half as many again.
    let side = (3.0 * area / target.max(1) as f64).sqrt().max(1e-9);
    let mut ids: HashMap<[i64; 3], u32> = HashMap::new();
    let mut cells: Vec<Cell> = Vec::new();
    let mut cell_of = Vec::with_capacity(mesh.vertices.len());
    for vertex in &mesh.vertices {
        let local = vertex - textured.origin;
        let key = std::array::from_fn(|i| (local[i] / side).floor() as i64);
        let id = *ids.entry(key).or_insert_with(|| {
            cells.push(Cell::default());
            cells.len() as u32 - 1
        });
        cells[id as usize].position += local;
        cells[id as usize].vertices += 1.0;
        cell_of.push(id);
    }
    let level = texture_level(textured, pages, side);
    let mut seen: HashSet<[u32; 3]> = HashSet::new();
    let mut triangles = Vec::new();
    for (t, corners) in mesh.triangles.iter().enumerate() {
        let owners = corners.map(|v| cell_of[v as usize]);
        let page = &pages[textured.page_of(t, pages.len())];
        let weight = mesh.area_normal(t).norm() + 1e-12;
        for (owner, uv) in owners.iter().zip(textured.uv_of(t)) {
            let (cell, colour) = (&mut cells[*owner as usize], page.at(uv, level));
            for k in 0..3 {
                cell.colour[k] += weight * f64::from(colour[k]);
            }
            cell.class += weight * f64::from(textured.class_of(t));
            cell.surfaces[usize::from(textured.surface_of(t))] += weight;
            cell.weight += weight;
        }
        let [a, b, c] = owners;
        let first = owners.iter().position(|&o| o == a.min(b).min(c)).unwrap_or(0);
        let turned = [owners[first], owners[(first + 1) % 3], owners[(first + 2) % 3]];
        if a != b && b != c && c != a && seen.insert(turned) {
            triangles.push(owners);
        }
    }
    let vertices = cells.iter().map(|cell| {
        let mean = |sum: f64| (sum / cell.weight.max(1e-12)).round() as u8;
        let heavier = |a: usize, b: usize| if cell.surfaces[b] > cell.surfaces[a] { b } else { a };
        let most = (0..cell.surfaces.len()).fold(0, heavier) as u8;
        Vertex {
            position: (cell.position / cell.vertices).map(|v| v as f32).into(),
            uv: [0.0; 2],
            data: [mean(cell.colour[0]), mean(cell.colour[1]), mean(cell.colour[2]), packed(mean(cell.class), most)],
        }
    });
    Chunk { vertices: vertices.collect(), triangles, ..Chunk::default() }
}

/// The level of the pages whose texels are about as large as half a cell.
fn texture_level(textured: &Textured<'_>, pages: &[Page], side: f64) -> usize {
    let (mut metres, mut texels) = (0.0, 0.0);
    for t in (0..textured.mesh.triangles.len()).step_by(17) {
        let (w, h, _) = &pages[textured.page_of(t, pages.len())].levels[0];
        let [a, b, c] =
            textured.uv_of(t).map(|uv| [f64::from(uv[0]) * f64::from(*w), f64::from(uv[1]) * f64::from(*h)]);
        texels += ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
        metres += textured.mesh.area_normal(t).norm();
    }
    let texel = (metres / f64::max(texels, 1e-12)).sqrt();
    (side / 2.0 / texel.max(1e-12)).max(1.0).log2().round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::scene::{Mesh, SurfaceClass};

    #[test]
    fn a_field_keeps_its_area_and_colours() {
        let n = 100u32;
        let vertices =
            (0..(n + 1) * (n + 1)).map(|i| Vector3::new(f64::from(i % (n + 1)), f64::from(i / (n + 1)), 0.0)).collect();
        let mut mesh = Mesh { vertices, triangles: Vec::new() };
        let mut uvs = Vec::new();
        for i in 0..n * n {
            let at = i % n + i / n * (n + 1);
            for triangle in [[at, at + 1, at + n + 1], [at + 1, at + n + 2, at + n + 1]] {
                mesh.triangles.push(triangle);
                uvs.push(triangle.map(|v| {
                    let p = mesh.vertices[v as usize];
                    [p.x as f32 / n as f32, p.y as f32 / n as f32]
                }));
            }
        }
        let data = (0..64 * 64).map(|i| if i % 64 < 32 { [200, 0, 0] } else { [0, 0, 100] }).collect();
        let pages = [Page::new(&Rgb8::from_data(64, 64, data).expect("size"))];
        let views = vec![3; mesh.triangles.len()];
        let origin = Vector3::new(50.0, 50.0, 0.0);
        let classes = vec![SurfaceClass::Facade; mesh.triangles.len()];
        let textured = Textured { mesh: &mesh, uvs: &uvs, page: &[], views: &views, classes: &classes, origin };
        let coarse = clustered(&textured, &pages, 1000);
        assert!((300..1500).contains(&coarse.triangles.len()), "{}", coarse.triangles.len());
        let area: f32 = coarse
            .triangles
            .iter()
            .map(|t| {
                let [a, b, c] = t.map(|v| coarse.vertices[v as usize].position);
                ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])) / 2.0
            })
            .sum();
        assert!((area - 1e4).abs() < 1500.0, "{area}");
        for v in coarse.vertices.iter().filter(|v| v.position[0].abs() > 8.0) {
            let class = packed(3, SurfaceClass::Facade as u8);
            assert_eq!(v.data, if v.position[0] < 0.0 { [200, 0, 0, class] } else { [0, 0, 100, class] });
        }
    }
}
