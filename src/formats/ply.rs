//! PLY: binary little-endian meshes and point clouds. A city with classes gets the number of each face's class as its
//! property `class`; a comment names the numbers.
//!
//! Source: G. Turk, "The PLY Polygon File Format", 1994. Coordinates are written as 32-bit floats in the local frame.

use super::textured::{pages_of, part_as_city};
use crate::scene::{City, Part, PointCloud, SurfaceClass};
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
    let classified = !city.classes.is_empty() && city.classes.len() == mesh.triangles.len();
    header(out, mesh.vertices.len(), false, Some((mesh.triangles.len(), classified)))?;
    for (v, sum) in mesh.vertices.iter().zip(&sums) {
        for x in v.iter() {
            out.write_all(&(*x as f32).to_le_bytes())?;
        }
        let colour: [u8; 3] = std::array::from_fn(|k| (sum[k] / sum[3].max(1.0)).round() as u8);
        out.write_all(&colour)?;
    }
    for (t, corners) in mesh.triangles.iter().enumerate() {
        out.write_all(&[3])?;
        for v in corners {
            out.write_all(&(*v as i32).to_le_bytes())?;
        }
        if classified {
            out.write_all(&[city.classes[t] as u8])?;
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

fn header(out: &mut impl Write, vertices: usize, points: bool, faces: Option<(usize, bool)>) -> io::Result<()> {
    write!(out, "ply\nformat binary_little_endian 1.0\ncomment Veduta, local east-north-up metres\n")?;
    if faces.is_some_and(|(_, classified)| classified) {
        let names = SurfaceClass::ALL.map(|c| format!("{}={}", c as u8, c.word()));
        writeln!(out, "comment class: {}", names.join(" "))?;
    }
    writeln!(out, "element vertex {vertices}")?;
    write!(out, "property float x\nproperty float y\nproperty float z\n")?;
    if points {
        write!(out, "property float nx\nproperty float ny\nproperty float nz\n")?;
    }
    write!(out, "property uchar red\nproperty uchar green\nproperty uchar blue\n")?;
    if points {
        write!(out, "property float confidence\nproperty uchar views\n")?;
    }
    if let Some((faces, classified)) = faces {
        write!(out, "element face {faces}\nproperty list uchar int vertex_indices\n")?;
        if classified {
            writeln!(out, "property uchar class")?;
        }
    }
    writeln!(out, "end_header")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::scene::{Mesh, TexturePage};
    use nalgebra::Vector3;

    #[test]
    fn classes_are_a_property_of_the_faces() {
        let vertices = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|[x, y]| Vector3::new(x, y, 0.0));
        let mut city = City {
            mesh: Mesh { vertices: vertices.into(), triangles: vec![[0, 1, 2], [1, 3, 2]] },
            uvs: vec![[[0.5; 2]; 3]; 2],
            page: vec![0; 2],
            views: vec![3; 2],
            pages: vec![TexturePage { image: Rgb8::filled(4, 4, [200, 30, 60]) }],
            texel_m: 0.1,
            classes: Vec::new(),
        };
        let written = |city: &City| {
            let mut bytes = Vec::new();
            write_city(city, &mut bytes).unwrap();
            let end = bytes.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
            (String::from_utf8(bytes[..end].to_vec()).unwrap(), bytes[end..].to_vec())
        };
        let (header, body) = written(&city);
        assert!(!header.contains("class") && body.len() == 4 * 15 + 2 * 13);
        city.classes = vec![SurfaceClass::Roof, SurfaceClass::Water];
        let (header, body) = written(&city);
        assert!(header.contains("property uchar class\n") && header.contains("1=roof") && header.contains("5=water"));
        let faces = &body[4 * 15..];
        assert_eq!((faces.len(), faces[13], faces[27]), (28, 1, 5));
    }
}
