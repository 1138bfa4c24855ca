//! VRML 2 (`.wrl`): the shapes of a scene in, polygons with textures and colours out, in the file's numbers.
//!
//! VRML says metres and y up, but the programs that print from it take its numbers as millimetres and z as up, so that this
//! reader names neither. Source: ISO/IEC 14772-1:1997, sections 6.6 (Box to Coordinate), 6.23 (IndexedFaceSet), 6.22
//! (ImageTexture), 6.52 (Transform). Only IndexedFaceSet is read; other geometry is noted. The first level of detail and
//! the chosen child of a switch count. Fails on broken syntax and on indices of nothing.

use super::assemble::{Assembly, Corner, byte, existing, mirrors};
use super::wrl_parse::{FORMAT, Node, parse};
use super::{Beside, ReadError, picture};
use crate::scene::ForeignMesh;
use nalgebra::{Matrix3, Matrix4, Rotation3, Unit, Vector3};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Reads a file.
pub fn read(bytes: &[u8], beside: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    let text = String::from_utf8_lossy(bytes);
    let nodes = parse(&text)?;
    let mut assembly = Assembly::new(FORMAT);
    assembly.out.shares_vertices = true;
    let mut reader = Reader { assembly, pages: BTreeMap::new(), visits: 0 };
    reader.nodes(&nodes, &Matrix4::identity(), beside)?;
    reader.assembly.finish()
}

/// Most nodes that are visited; uses of uses could make more of a small file.
const MOST_VISITS: usize = 10_000_000;

struct Reader {
    assembly: Assembly,
    /// Page of each picture.
    pages: BTreeMap<String, u32>,
    visits: usize,
}

/// How a Transform node places its children.
fn placement(node: &Node) -> Matrix4<f64> {
    let rotation = |name: &str| {
        let [x, y, z, angle] = node.tuple(name, [0.0, 0.0, 1.0, 0.0]);
        let axis = Unit::try_new(Vector3::new(x, y, z), 1e-12);
        axis.map_or_else(Rotation3::identity, |a| Rotation3::from_axis_angle(&a, angle)).to_homogeneous()
    };
    let shift = |name: &str| Matrix4::new_translation(&Vector3::from(node.tuple(name, [0.0; 3])));
    let scale = Matrix4::new_nonuniform_scaling(&Vector3::from(node.tuple("scale", [1.0; 3])));
    let (centre, turned) = (Vector3::from(node.tuple("center", [0.0; 3])), rotation("scaleOrientation"));
    let about = Matrix4::new_translation(&centre) * rotation("rotation") * turned * scale * turned.transpose();
    shift("translation") * about * Matrix4::new_translation(&-centre)
}

impl Reader {
    fn nodes(&mut self, nodes: &[Rc<Node>], place: &Matrix4<f64>, beside: Beside<'_>) -> Result<(), ReadError> {
        nodes.iter().try_for_each(|n| self.node(n, place, beside))
    }

    fn node(&mut self, node: &Rc<Node>, place: &Matrix4<f64>, beside: Beside<'_>) -> Result<(), ReadError> {
        self.visits += 1;
        if self.visits > MOST_VISITS {
            return Err(ReadError::TooLarge { format: FORMAT, what: "nodes", limit: MOST_VISITS as u64 });
        }
        match node.kind.as_str() {
            "Transform" => self.nodes(node.nodes("children"), &(place * placement(node)), beside),
            "Group" | "Anchor" | "Billboard" | "Collision" => self.nodes(node.nodes("children"), place, beside),
            "LOD" => node.nodes("level").first().map_or(Ok(()), |n| self.node(n, place, beside)),
            "Switch" => {
                let choice = node.numbers("whichChoice").first().copied().unwrap_or(-1.0);
                let chosen = if choice >= 0.0 { node.nodes("choice").get(choice as usize) } else { None };
                chosen.map_or(Ok(()), |n| self.node(n, place, beside))
            }
            "Shape" => self.shape(node, place, beside),
            "Inline" => {
                self.assembly.note("scenes in other files (Inline) were left out");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn shape(&mut self, shape: &Node, place: &Matrix4<f64>, beside: Beside<'_>) -> Result<(), ReadError> {
        let Some(geometry) = shape.nodes("geometry").first() else { return Ok(()) };
        if geometry.kind != "IndexedFaceSet" {
            self.assembly.note(&format!("geometry of the kind {} was left out", geometry.kind));
            return Ok(());
        }
        let appearance = shape.nodes("appearance").first();
        let texture = appearance.and_then(|a| a.nodes("texture").first());
        let page = match texture {
            Some(t) if t.kind == "ImageTexture" => t.field("url").and_then(|u| u.strings.first()),
            Some(t) => {
                self.assembly.note(&format!("a texture of the kind {} was left out", t.kind));
                None
            }
            None => None,
        };
        let page = page.map(|name| self.page(name, beside));
        if appearance.is_some_and(|a| !a.nodes("textureTransform").is_empty()) {
            self.assembly.note("transforms of texture coordinates were left out");
        }
        let material = appearance.and_then(|a| a.nodes("material").first());
        let plain = material.filter(|_| page.is_none()).map(|m| m.tuple("diffuseColor", [0.8; 3]).map(byte));
        self.assembly.object(&shape.name);
        self.faces(geometry, place, page, plain)
    }

    fn page(&mut self, name: &str, beside: Beside<'_>) -> u32 {
        if let Some(&page) = self.pages.get(name) {
            return page;
        }
        let page = self.assembly.out.pages.len() as u32;
        self.assembly.out.pages.push(picture::page_beside(name, beside));
        self.pages.insert(name.to_string(), page);
        page
    }

    fn faces(
        &mut self,
        set: &Node,
        place: &Matrix4<f64>,
        page: Option<u32>,
        plain: Option<[u8; 3]>,
    ) -> Result<(), ReadError> {
        let list =
            |field: &str, inner: &str| set.nodes(field).first().map_or(Vec::new(), |n| n.numbers(inner).to_vec());
        let points = list("coord", "point");
        let uvs = list("texCoord", "point");
        let colours: Vec<[u8; 3]> =
            list("color", "color").chunks_exact(3).map(|c| [c[0], c[1], c[2]].map(byte)).collect();
        let by_vertex = set.truth("colorPerVertex", true);
        let base = self.assembly.out.mesh.vertices.len() as u32;
        for p in points.chunks_exact(3) {
            let p = place * nalgebra::Vector4::new(p[0], p[1], p[2], 1.0);
            self.assembly.vertex(p.xyz());
        }
        let reverse = mirrors(&Matrix3::from(place.fixed_view::<3, 3>(0, 0))) == set.truth("ccw", true);
        let index = set.numbers("coordIndex");
        let or_own = |name: &str| match set.numbers(name) {
            [] => index,
            other => other,
        };
        let (uv_index, colour_index) = (or_own("texCoordIndex"), set.numbers("colorIndex"));
        let at = |list: &[f64], i: usize| list.get(i).copied().unwrap_or(-1.0) as i64;
        let (mut corners, mut face): (Vec<Corner>, usize) = (Vec::new(), 0);
        for i in 0..=index.len() {
            let vertex = at(index, i);
            if vertex < 0 {
                if !corners.is_empty() {
                    if reverse {
                        corners.reverse();
                    }
                    self.assembly.polygon(&corners, page)?;
                    corners.clear();
                    face += 1;
                }
                continue;
            }
            let v = existing(FORMAT, "vertex", vertex, points.len() / 3)?;
            let uv = match page {
                Some(_) if !uvs.is_empty() => {
                    let k = existing(FORMAT, "texture coordinate", at(uv_index, i), uvs.len() / 2)?;
                    Some([uvs[2 * k] as f32, (1.0 - uvs[2 * k + 1]) as f32])
                }
                _ => None,
            };
            let colour = if colours.is_empty() {
                plain
            } else {
                let own = if by_vertex { vertex } else { face as i64 };
                let named = if by_vertex { i } else { face };
                let k = if colour_index.is_empty() { own } else { at(colour_index, named) };
                Some(colours[existing(FORMAT, "colour", k, colours.len())?])
            };
            corners.push(Corner { vertex: base + v as u32, uv, colour });
        }
        if page.is_some() && uvs.is_empty() {
            self.assembly.note("a texture without texture coordinates was left out");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::formats::textured::png;
    use crate::image::Rgb8;

    const TEXT: &str = r#"#VRML V2.0 utf8
# a comment
PROTO Thing [ field SFVec3f a 0 0 0 ] { Group { } }
WorldInfo { title "a } {" info [ "x", "y" ] }
Transform { translation 10 0 0 rotation 0 0 1 1.5707963267948966 scale 2 2 -2
  children [
    DEF TILE Shape {
      appearance Appearance { material Material { diffuseColor 1 0 0 } texture ImageTexture { url "a b.png" repeatS FALSE } }
      geometry DEF F IndexedFaceSet { solid FALSE coord DEF C Coordinate { point [ 0 0 1, 1 0 1, 1 1 1, 0 1 1 ] }
        coordIndex [ 0, 1, 2, 3, -1 ] texCoord TextureCoordinate { point [ 0 0, 1 0, 1 0.75, 0 1 ] } }
    }
    Shape { geometry Sphere { radius 2 } }
  ] }
Group { children USE TILE }
Shape { geometry IndexedFaceSet { ccw FALSE coord USE C coordIndex [ 0 1 2 -1 0 2 3 ] colorPerVertex FALSE
  color Color { color [ 0 0 1 0 1 0 ] } colorIndex [ 1 0 ] } }
ROUTE A.b TO C.d
"#;

    #[test]
    fn transforms_uses_textures_and_colours() {
        let picture = png(&Rgb8::filled(2, 2, [4, 5, 6])).unwrap();
        let mut beside =
            |name: &str| if name == "a b.png" { Ok(picture.clone()) } else { Err(std::io::Error::other("")) };
        let mesh = read(TEXT.as_bytes(), &mut beside).unwrap();
        assert_eq!((mesh.mesh.triangles.len(), mesh.pages.len(), mesh.polygons, mesh.objects.len()), (6, 1, 2, 3));
        assert!(mesh.notes[0].contains("Sphere") && mesh.unit.is_none());
        assert!((mesh.mesh.vertices[1] - Vector3::new(10.0, 2.0, -2.0)).norm() < 1e-12);
        assert!(mesh.mesh.area_normal(0).z < 0.0, "the outside of a mirrored body stays outside");
        assert!(mesh.mesh.area_normal(2).z > 0.0 && mesh.mesh.area_normal(4).z < 0.0);
        assert!(mesh.uvs[..2].concat().contains(&[1.0, 0.25]));
        assert_eq!(mesh.colours[4], Some([[0, 255, 0]; 3]));
        assert_eq!(mesh.colours[5], Some([[0, 0, 255]; 3]));
        assert!(mesh.colours[0].is_none(), "the texture counts");
    }

    #[test]
    fn broken_files_are_refused() {
        let none = |_: &str| Err(std::io::Error::other(""));
        let error = |text: &str| read(text.as_bytes(), &mut { none }).unwrap_err();
        assert!(matches!(error("#VRML V1.0 ascii\n"), ReadError::Unsupported { .. }));
        assert!(matches!(error("solid"), ReadError::Unexpected { line: 1, .. }));
        assert!(matches!(error(&TEXT.replace("2, 3, -1", "2, 4, -1")), ReadError::Index { index: 4, count: 4, .. }));
        assert!(matches!(error(&TEXT.replace("USE TILE", "USE OTHER")), ReadError::Broken { .. }));
        assert!(matches!(error(&TEXT.replace("geometry Sphere {", "geometry Sphere 5")), ReadError::Unexpected { .. }));
        let deep = format!("#VRML V2.0 utf8\n{}", "Group { children [ ".repeat(100_000));
        assert!(matches!(error(&deep), ReadError::TooLarge { .. }));
        let cut = TEXT.find("Group { children").unwrap() + 20;
        assert!(matches!(error(&TEXT[..cut]), ReadError::Truncated { .. }));
    }
}
