//! 3MF: one printable body with a texture, in millimetres.
//!
//! Source: 3MF Consortium, "3MF Core Specification" 1.3 and "3MF Materials and Properties Extension" 1.2.1. Texture v
//! points up in 3MF; colours are sRGB; files in the package carry no time stamps, so that equal parts are equal files.

use super::textured::png;
use crate::scene::Part;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Seek, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const CONTENT_TYPES: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/><Default Extension="png" ContentType="image/png"/></Types>"#;

const MODEL_RELATIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/Textures/texture.png" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dtexture"/></Relationships>"#;

/// What the package says about itself.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// Title of the model.
    pub title: String,
    /// A sentence about it (place, scale).
    pub description: String,
}

/// Writes a part; `thumbnail` is a PNG picture of it.
pub fn write<W: Write + Seek>(part: &Part, metadata: &Metadata, thumbnail: Option<&[u8]>, out: W) -> io::Result<()> {
    let mut zip = ZipWriter::new(out);
    let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    let stored = packed.compression_method(CompressionMethod::Stored);
    let mut file = |name: &str, options, bytes: &[u8]| -> io::Result<()> {
        zip.start_file(name, options).map_err(io::Error::other)?;
        zip.write_all(bytes)
    };
    file("[Content_Types].xml", packed, CONTENT_TYPES.as_bytes())?;
    file("_rels/.rels", packed, package_relations(thumbnail.is_some()).as_bytes())?;
    file("3D/3dmodel.model", packed, model(part, metadata).as_bytes())?;
    file("3D/_rels/3dmodel.model.rels", packed, MODEL_RELATIONS.as_bytes())?;
    file("3D/Textures/texture.png", stored, &png(&part.texture)?)?;
    if let Some(bytes) = thumbnail {
        file("Metadata/thumbnail.png", stored, bytes)?;
    }
    zip.finish().map_err(io::Error::other)?;
    Ok(())
}

pub(super) fn package_relations(thumbnail: bool) -> String {
    let mut xml = String::from(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Target="/3D/3dmodel.model" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>"#,
    );
    if thumbnail {
        xml.push_str(r#"<Relationship Target="/Metadata/thumbnail.png" Id="rel1" Type="http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"/>"#);
    }
    xml.push_str("</Relationships>");
    xml
}

fn model(part: &Part, metadata: &Metadata) -> String {
    let mut xml = String::with_capacity(part.mesh.triangles.len() * 90);
    xml.push_str(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xml:lang="en-US" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02" requiredextensions="m">
"#,
    );
    for (name, value) in [
        ("Title", metadata.title.as_str()),
        ("Description", metadata.description.as_str()),
        ("Application", concat!("Veduta ", env!("CARGO_PKG_VERSION"))),
    ] {
        if !value.is_empty() {
            let _ = writeln!(xml, r#" <metadata name="{name}">{}</metadata>"#, escape(value));
        }
    }
    xml.push_str(
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
                let _ = writeln!(xml, r#"   <m:tex2coord u="{:.6}" v="{:.6}"/>"#, uv[0], 1.0 - uv[1]);
                next
            })
        }));
    }
    let _ = write!(
        xml,
        "  </m:texture2dgroup>\n  <object id=\"3\" type=\"model\" name=\"{}\" pid=\"2\" pindex=\"0\">\n   <mesh>\n    <vertices>\n",
        escape(&part.title)
    );
    for v in &part.mesh.vertices {
        let _ = writeln!(xml, r#"     <vertex x="{}" y="{}" z="{}"/>"#, v.x, v.y, v.z);
    }
    xml.push_str("    </vertices>\n    <triangles>\n");
    for (t, c) in part.mesh.triangles.iter().zip(&corners) {
        let _ = writeln!(
            xml,
            r#"     <triangle v1="{}" v2="{}" v3="{}" pid="2" p1="{}" p2="{}" p3="{}"/>"#,
            t[0], t[1], t[2], c[0], c[1], c[2]
        );
    }
    xml.push_str(
        "    </triangles>\n   </mesh>\n  </object>\n </resources>\n <build>\n  <item objectid=\"3\"/>\n </build>\n</model>\n",
    );
    xml
}

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
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
