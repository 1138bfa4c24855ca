//! PLY: binary little-endian meshes and point clouds.
//!
//! Source: G. Turk, "The PLY Polygon File Format", 1994. Coordinates are written as 32-bit floats in the local frame.

use super::textured::{pages_of, part_as_city};
use crate::scene::{City, Part, PointCloud};
use std::io::{self, Write};

/// Writes a city with a colour for each vertex, which is split where triangles of different texture meet.
pub fn write_city(city: &City, out: &mut impl Write) -> io::Result<()> {
    let mesh = &city.mesh;
    // PLY readers understand vertex colours everywhere and textures almost nowhere: one vertex gets the mean of its
    // corners' texels.
    let mut sums = vec![[0f64; 4]; mesh.vertices.len()];
    for (t, triangle) in mesh.triangles.iter().enumerate() {
        for (corner, &v) in triangle.iter().enumerate() {
            let [u, w] = city.uvs[t][corner];
            let page = &city.pages[usize::from(city.page[t])].image;
            let c = page.bilinear(u * page.width as f32, w * page.height as f32);
            let sum = &mut sums[v as usize];
            for k in 0..3 {
                sum[k] += f64::from(c[k]);
            }
            sum[3] += 1.0;
        }
    }
    header(out, mesh.vertices.len(), false, Some(mesh.triangles.len()))?;
    for (v, sum) in mesh.vertices.iter().zip(&sums) {
        for x in v.iter() {
            out.write_all(&(*x as f32).to_le_bytes())?;
        }
        let colour: [u8; 3] = std::array::from_fn(|k| (sum[k] / sum[3].max(1.0)).round() as u8);
        out.write_all(&colour)?;
    }
    for t in &mesh.triangles {
        out.write_all(&[3])?;
        for v in t {
            out.write_all(&(*v as i32).to_le_bytes())?;
        }
    }
    Ok(())
}

/// Writes fused points with normal, colour, confidence and number of views.
pub fn write_points(cloud: &PointCloud, out: &mut impl Write) -> io::Result<()> {
    header(out, cloud.points.len(), true, None)?;
    for p in &cloud.points {
        for x in p.position.iter().chain(&p.normal) {
            out.write_all(&x.to_le_bytes())?;
        }
        out.write_all(&p.colour)?;
        out.write_all(&p.confidence.to_le_bytes())?;
        out.write_all(&[p.views.len().min(255) as u8])?;
    }
    Ok(())
}

/// Writes a part in millimetres with a texture coordinate and a colour for each vertex; vertices are split where texture
/// coordinates differ. `picture` is the name of the PNG beside it, which the caller writes.
pub fn write_part(part: &Part, picture: &str, out: &mut impl Write) -> io::Result<()> {
    let pages = pages_of(&part_as_city(part));
    let vertices: usize = pages.iter().map(|p| p.positions.len()).sum();
    let triangles: usize = pages.iter().map(|p| p.triangles.len()).sum();
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\ncomment Veduta part, millimetres, z up\ncomment TextureFile {picture}\n\
         element vertex {vertices}\nproperty double x\nproperty double y\nproperty double z\nproperty float s\n\
         property float t\nproperty uchar red\nproperty uchar green\nproperty uchar blue\nelement face {triangles}\n\
         property list uchar int vertex_indices\nend_header\n"
    )?;
    let page = &part.texture;
    for (p, uv) in pages.iter().flat_map(|m| m.positions.iter().zip(&m.uvs)) {
        for x in p.iter() {
            out.write_all(&x.to_le_bytes())?;
        }
        out.write_all(&uv[0].to_le_bytes())?;
        out.write_all(&(1.0 - uv[1]).to_le_bytes())?;
        let colour = page.bilinear(uv[0] * page.width as f32, uv[1] * page.height as f32);
        out.write_all(&colour.map(|c| c.round() as u8))?;
    }
    for t in pages.iter().flat_map(|m| &m.triangles) {
        out.write_all(&[3])?;
        for v in t {
            out.write_all(&(*v as i32).to_le_bytes())?;
        }
    }
    Ok(())
}

fn header(out: &mut impl Write, vertices: usize, points: bool, faces: Option<usize>) -> io::Result<()> {
    write!(out, "ply\nformat binary_little_endian 1.0\ncomment Veduta, local east-north-up metres\n")?;
    writeln!(out, "element vertex {vertices}")?;
    write!(out, "property float x\nproperty float y\nproperty float z\n")?;
    if points {
        write!(out, "property float nx\nproperty float ny\nproperty float nz\n")?;
    }
    write!(out, "property uchar red\nproperty uchar green\nproperty uchar blue\n")?;
    if points {
        write!(out, "property float confidence\nproperty uchar views\n")?;
    }
    if let Some(faces) = faces {
        write!(out, "element face {faces}\nproperty list uchar int vertex_indices\n")?;
    }
    writeln!(out, "end_header")
}
