//! 3MF: one printable body with a texture, in millimetres.
//!
//! Source: 3MF Consortium, "3MF Materials and Properties Extension" 1.2.1. Texture v points up in 3MF; colours are sRGB.

use super::package::{APPLICATION, MATERIALS, Model, Package};
use super::textured::png;
use crate::scene::Part;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Seek, Write};

pub use super::package::Metadata;

/// Writes a part; `thumbnail` is a PNG picture of it.
pub fn write<W: Write + Seek>(part: &Part, metadata: &Metadata, thumbnail: Option<&[u8]>, out: W) -> io::Result<()> {
    let mut package = Package::new(out, &model(part, metadata), thumbnail)?;
    package.texture(&png(&part.texture)?)?;
    package.finish()
}

fn model(part: &Part, metadata: &Metadata) -> String {
    let mut model = Model::new(MATERIALS, metadata, APPLICATION);
    model.xml.push_str(
        r#" <resources>
  <m:texture2d id="1" path="/3D/Textures/texture.png" contenttype="image/png" tilestyleu="clamp" tilestylev="clamp"/>
  <m:texture2dgroup id="2" texid="1">
"#,
    );
    let mut index: HashMap<[u32; 2], u32> = HashMap::new();
    let mut corners = Vec::with_capacity(part.uvs.len());
    for uvs in &part.uvs {
        corners.push(uvs.map(|uv| {
            let next = index.len() as u32;
            *index.entry(uv.map(f32::to_bits)).or_insert_with(|| {
                let _ = writeln!(model.xml, r#"   <m:tex2coord u="{:.6}" v="{:.6}"/>"#, uv[0], 1.0 - uv[1]);
                next
            })
        }));
    }
    model.xml.push_str("  </m:texture2dgroup>\n");
    model.object(3, &part.title, r#" pid="2" pindex="0""#, &part.mesh);
    for (t, [p, q, r]) in part.mesh.triangles.iter().zip(&corners) {
        model.triangle(*t, &format!(r#"pid="2" p1="{p}" p2="{q}" p3="{r}""#));
    }
    model.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::scene::Mesh;
    use nalgebra::Vector3;
    use std::io::{Cursor, Read};

    fn tetrahedron() -> Part {
        Part {
            mesh: Mesh {
                vertices: vec![Vector3::zeros(), Vector3::x() * 9.0, Vector3::y() * 9.0, Vector3::z() * 9.0],
                triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
            },
            uvs: vec![[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]; 4],
            texture: Rgb8::filled(4, 4, [9, 8, 7]),
            scale_denominator: Some(1000.0),
            title: "A & <b>".into(),
        }
    }

    #[test]
    fn the_package_parses_and_holds_every_triangle() {
        let mut bytes = Cursor::new(Vec::new());
        let metadata = Metadata { title: "A & <b>".into(), description: String::new() };
        write(&tetrahedron(), &metadata, None, &mut bytes).unwrap();
        let mut zip = zip::ZipArchive::new(bytes).unwrap();
        let mut xml = String::new();
        zip.by_name("3D/3dmodel.model").unwrap().read_to_string(&mut xml).unwrap();
        let document = roxmltree::Document::parse(&xml).unwrap();
        let count = |tag: &str| document.descendants().filter(|n| n.tag_name().name() == tag).count();
        assert_eq!((count("vertex"), count("triangle"), count("tex2coord")), (4, 4, 3));
        let title = document.descendants().find(|n| n.attribute("name") == Some("Title")).unwrap();
        assert_eq!(title.text(), Some("A & <b>"));
    }

    #[test]
    fn equal_parts_are_equal_files() {
        let bytes = || {
            let mut out = Cursor::new(Vec::new());
            write(&tetrahedron(), &Metadata::default(), None, &mut out).unwrap();
            out.into_inner()
        };
        assert_eq!(bytes(), bytes());
    }
}
