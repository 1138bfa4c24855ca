//! Parts with colours at their vertices: PLY, OBJ with six numbers a vertex, and 3MF with a colour group.
//!
//! In: a [`VertexColoured`] in millimetres, z up. PLY and OBJ have one colour for each vertex (`v x y z r g b` with 0..=1, an
//! extension that MeshLab, Blender and the slicers read); 3MF has one for each corner, so that sides keep their plain
//! colour up to the rim. Source: 3MF Consortium, "3MF Materials and Properties Extension" 1.2.1, section 3 (colours are
//! sRGB).

use super::package::{APPLICATION, MATERIALS, Metadata, Model, Package};
use crate::scene::VertexColoured;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Seek, Write};

/// Binary PLY with doubles.
pub fn write_ply(part: &VertexColoured, out: &mut impl Write) -> io::Result<()> {
    write!(
        out,
        "ply\nformat binary_little_endian 1.0\ncomment Veduta part, millimetres, z up\nelement vertex {}\n\
         property double x\nproperty double y\nproperty double z\nproperty uchar red\nproperty uchar green\n\
         property uchar blue\nelement face {}\nproperty list uchar int vertex_indices\nend_header\n",
        part.mesh.vertices.len(),
        part.mesh.triangles.len()
    )?;
    for (v, colour) in part.mesh.vertices.iter().zip(&part.vertices) {
        for x in v.iter() {
            out.write_all(&x.to_le_bytes())?;
        }
        out.write_all(colour)?;
    }
    for t in &part.mesh.triangles {
        out.write_all(&[3])?;
        for v in t {
            out.write_all(&(*v as i32).to_le_bytes())?;
        }
    }
    Ok(())
}

/// OBJ without a material. Places keep all their digits, since rounded ones let triangles cross; five decimals of a channel
/// are enough for its 8 bits.
pub fn write_obj(part: &VertexColoured, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "# Veduta, part, millimetres, z up")?;
    for (v, c) in part.mesh.vertices.iter().zip(&part.vertices) {
        let [r, g, b] = c.map(|c| f64::from(c) / 255.0);
        writeln!(out, "v {} {} {} {r:.5} {g:.5} {b:.5}", v.x, v.y, v.z)?;
    }
    for t in &part.mesh.triangles {
        writeln!(out, "f {} {} {}", t[0] + 1, t[1] + 1, t[2] + 1)?;
    }
    Ok(())
}

/// 3MF with a colour group; `thumbnail` is a PNG picture.
pub fn write_3mf<W: Write + Seek>(
    part: &VertexColoured,
    metadata: &Metadata,
    thumbnail: Option<&[u8]>,
    out: W,
) -> io::Result<()> {
    Package::new(out, &model(part, metadata), thumbnail)?.finish()
}

fn model(part: &VertexColoured, metadata: &Metadata) -> String {
    let mut model = Model::new(MATERIALS, metadata, APPLICATION);
    let mut index: BTreeMap<[u8; 3], usize> = BTreeMap::new();
    for colour in part.vertices.iter().chain(part.plain.iter().flatten()) {
        index.insert(*colour, 0);
    }
    model.xml.push_str(" <resources>\n  <m:colorgroup id=\"1\">\n");
    for (i, ([r, g, b], own)) in index.iter_mut().enumerate() {
        *own = i;
        let _ = writeln!(model.xml, "   <m:color color=\"#{r:02X}{g:02X}{b:02X}\"/>");
    }
    model.xml.push_str("  </m:colorgroup>\n");
    model.object(2, &part.title, r#" pid="1" pindex="0""#, &part.mesh);
    for (t, plain) in part.mesh.triangles.iter().zip(&part.plain) {
        let [p, q, r] = t.map(|v| index[&plain.unwrap_or(part.vertices[v as usize])]);
        model.triangle(*t, &format!(r#"pid="1" p1="{p}" p2="{q}" p3="{r}""#));
    }
    model.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::read;
    use crate::scene::Mesh;
    use nalgebra::Vector3;
    use std::io::Cursor;

    fn part() -> VertexColoured {
        VertexColoured {
            mesh: Mesh {
                vertices: vec![Vector3::zeros(), Vector3::x() * 9.25, Vector3::y() * 7.5, Vector3::z() * 3.125],
                triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
            },
            vertices: vec![[255, 0, 7], [1, 2, 3], [128, 127, 126], [9, 254, 77]],
            plain: vec![Some([206, 204, 198]), None, None, None],
            title: "tetra".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let part = part();
        let (mut ply, mut obj, mut package) = (Vec::new(), Vec::new(), Cursor::new(Vec::new()));
        write_ply(&part, &mut ply).unwrap();
        write_obj(&part, &mut obj).unwrap();
        write_3mf(&part, &Metadata::default(), None, &mut package).unwrap();
        for (ending, bytes) in [("ply", ply), ("obj", obj), ("3mf", package.into_inner())] {
            let back = read_back(ending, &bytes);
            assert_eq!(back.mesh.triangles.len(), 4, "{ending}");
            for t in 0..4 {
                for k in 0..3 {
                    let v = part.mesh.triangles[t][k] as usize;
                    assert!((back.mesh.corners(t)[k] - part.mesh.vertices[v]).norm() < 1e-6);
                    let flat = part.plain[t].filter(|_| ending == "3mf");
                    assert_eq!(back.colours[t].unwrap()[k], flat.unwrap_or(part.vertices[v]), "{ending}");
                }
            }
        }
    }

    fn read_back(ending: &str, bytes: &[u8]) -> crate::scene::ForeignMesh {
        let beside = &mut |_: &str| Err(io::Error::other("nothing"));
        read::read(&format!("a.{ending}"), bytes, beside).unwrap()
    }
}
