//! 3MF: one printable body with a texture, or a tray with several, in millimetres.
//!
//! Source: 3MF Consortium, "3MF Materials and Properties Extension" 1.2.1. Texture v points up in 3MF; colours are sRGB.

use super::package::{APPLICATION, Item, MATERIALS, Model, Package, texture_path};
use super::textured::png;
use crate::scene::Part;
use nalgebra::Matrix4;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Seek, Write};

pub use super::package::Metadata;

/// Writes a part; `thumbnail` is a PNG picture of it.
pub fn write<W: Write + Seek>(part: &Part, metadata: &Metadata, thumbnail: Option<&[u8]>, out: W) -> io::Result<()> {
    let mut package = Package::new(out, &model(part, metadata), thumbnail)?;
    package.textures(&[png(&part.texture)?])?;
    package.finish()
}

/// A part at its place on a tray.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Which part.
    pub part: usize,
    /// Its name there.
    pub name: String,
    /// Its place: a rotation and a shift in millimetres.
    pub tray_from_part: Matrix4<f64>,
}

/// Writes a tray: each part once, however often it stands there.
pub fn write_tray<W: Write + Seek>(parts: &[&Part], placed: &[Placed], metadata: &Metadata, out: W) -> io::Result<()> {
    let mut model = Model::new(MATERIALS, metadata, APPLICATION);
    model.xml.push_str(" <resources>\n");
    for (i, part) in parts.iter().enumerate() {
        resources(&mut model, part, i);
        model.end_object();
    }
    let item = |p: &Placed| Item { object: object_id(p.part), name: p.name.clone(), place: Some(p.tray_from_part) };
    let items: Vec<Item> = placed.iter().map(item).collect();
    let textures: Vec<Vec<u8>> = parts.iter().map(|p| png(&p.texture)).collect::<io::Result<_>>()?;
    let mut package = Package::new(out, &model.build(&items), None)?;
    package.textures(&textures)?;
    package.finish()
}

fn model(part: &Part, metadata: &Metadata) -> String {
    let mut model = Model::new(MATERIALS, metadata, APPLICATION);
    model.xml.push_str(" <resources>\n");
    resources(&mut model, part, 0);
    model.finish()
}

/// The id of an object by its number; its texture and its coordinates have the two ids before.
fn object_id(index: usize) -> u32 {
    3 * index as u32 + 3
}

/// Texture, coordinates and, up to its end, the object of a part.
fn resources(model: &mut Model, part: &Part, number: usize) {
    let (object, path) = (object_id(number), texture_path(number));
    let (texture, group) = (object - 2, object - 1);
    let _ = write!(
        model.xml,
        r#"  <m:texture2d id="{texture}" path="{path}" contenttype="image/png" tilestyleu="clamp" tilestylev="clamp"/>
  <m:texture2dgroup id="{group}" texid="{texture}">
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
    model.object(object, &part.title, &format!(r#" pid="{group}" pindex="0""#), &part.mesh);
    for (t, [p, q, r]) in part.mesh.triangles.iter().zip(&corners) {
        model.triangle(*t, &format!(r#"pid="{group}" p1="{p}" p2="{q}" p3="{r}""#));
    }
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
    fn a_tray_holds_each_part_once_and_reads_back_with_all_copies() {
        let (a, mut b) = (tetrahedron(), tetrahedron());
        (b.title, b.texture) = ("b".into(), Rgb8::filled(4, 4, [200, 1, 1]));
        let place = |part, x: f64, quarter: bool| {
            let turn = if quarter {
                Matrix4::from_euler_angles(0.0, 0.0, std::f64::consts::FRAC_PI_2)
            } else {
                Matrix4::identity()
            };
            Placed {
                part,
                name: format!("{part} & {x}"),
                tray_from_part: Matrix4::new_translation(&Vector3::new(x, 5.0, 0.0)) * turn,
            }
        };
        let placed = [place(0, 0.0, false), place(0, 20.0, true), place(1, 40.5, false)];
        let mut out = Cursor::new(Vec::new());
        write_tray(&[&a, &b], &placed, &Metadata::default(), &mut out).unwrap();
        let mesh =
            crate::formats::read::read("tray.3mf", out.get_ref(), &mut |_| Err(io::Error::other("nothing"))).unwrap();
        assert_eq!((mesh.mesh.triangles.len(), mesh.objects.len(), mesh.pages.len()), (12, 3, 2));
        assert!((mesh.mesh.vertices[5] - Vector3::new(20.0, 14.0, 0.0)).norm() < 1e-9, "{}", mesh.mesh.vertices[5]);
        assert_eq!(mesh.mesh.vertices[8], Vector3::new(40.5, 5.0, 0.0));
        assert_eq!(mesh.page, [[0; 8].as_slice(), &[1; 4]].concat());
        let mut xml = String::new();
        let mut zip = zip::ZipArchive::new(out).unwrap();
        zip.by_name("3D/3dmodel.model").unwrap().read_to_string(&mut xml).unwrap();
        assert_eq!((xml.matches("<object ").count(), xml.matches("<item ").count()), (2, 3));
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
