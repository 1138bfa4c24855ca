//! PLY: binary little-endian meshes and point clouds.
//!
//! Source: G. Turk, "The PLY Polygon File Format", 1994. Coordinates are written as 32-bit floats in the local frame.

use crate::scene::{City, PointCloud};
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
