//! The model files of a 3MF package as plain data: objects, properties, build items.

use super::ReadError;
use super::threemf::FORMAT;
use crate::formats::painted;
use crate::scene::LengthUnit;
use nalgebra::{Matrix4, Vector3};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// Most bytes of one file of a package after unpacking.
const LARGEST: u64 = 1 << 30;

/// sRGB colours of a group.
pub type Colours = Vec<[u8; 3]>;

/// A picture in the package.
pub struct Texture {
    /// Its path.
    pub path: String,
}

/// What triangles refer to by number.
#[derive(Default)]
pub struct Resources {
    /// Base materials and colour groups.
    pub colours: BTreeMap<u32, Colours>,
    /// Groups of texture coordinates (v down), each with its texture.
    pub coordinates: BTreeMap<u32, (u32, Vec<[f32; 2]>)>,
    /// Textures.
    pub textures: BTreeMap<u32, Texture>,
    /// Groups of several properties: the first of them, and the index in it of each.
    pub several: BTreeMap<u32, (u32, Vec<u32>)>,
}

/// A placed reference to an object.
#[derive(Clone)]
pub struct Placed {
    /// The object's number.
    pub object: u32,
    /// Its model file, where it is another one.
    pub path: Option<String>,
    /// Where it goes.
    pub transform: Matrix4<f64>,
}

/// A triangle as the file has it.
pub struct Triangle {
    /// Vertices.
    pub corners: [u32; 3],
    /// Its own property group.
    pub group: Option<u32>,
    /// Its properties.
    pub indices: Option<[u32; 3]>,
    /// The filaments, from 0, with which a slicer has painted its corners.
    pub filaments: Option<[u8; 3]>,
}

/// An object.
#[derive(Default)]
pub struct Object {
    /// Its type; empty stands for "model".
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Property group of triangles without one.
    pub group: Option<u32>,
    /// Property of triangles without one.
    pub index: Option<u32>,
    /// Vertices of its mesh.
    pub vertices: Vec<Vector3<f64>>,
    /// Triangles of its mesh.
    pub triangles: Vec<Triangle>,
    /// Objects that it consists of.
    pub components: Vec<Placed>,
}

/// A model file.
pub struct Model {
    /// Its unit; absent stands for millimetres.
    pub unit: Option<LengthUnit>,
    /// What triangles refer to.
    pub resources: Resources,
    /// Objects by number.
    pub objects: BTreeMap<u32, Object>,
    /// What is to be printed.
    pub items: Vec<Placed>,
    /// What was passed over.
    pub notes: Vec<String>,
}

/// An error about the package.
pub fn broken(reason: impl Into<String>) -> ReadError {
    ReadError::Broken { format: FORMAT, reason: reason.into() }
}

/// The bytes of a file in the package.
pub fn unpacked(zip: &mut ZipArchive<Cursor<&[u8]>>, name: &str) -> Result<Vec<u8>, ReadError> {
    let wrong = |e: &dyn std::fmt::Display| broken(format!("its file {name}: {e}"));
    let file = zip.by_name(name).map_err(|e| wrong(&e))?;
    let mut bytes = Vec::new();
    // The size in the directory is a claim: what is read counts.
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
    if read as u64 > LARGEST {
        return Err(ReadError::TooLarge { format: FORMAT, what: "bytes in one file", limit: LARGEST });
    }
    Ok(bytes)
}

/// Reads a model file.
pub fn parse_model(path: &str, bytes: &[u8]) -> Result<Model, ReadError> {
    let text = std::str::from_utf8(bytes).map_err(|e| broken(format!("{path}: {e}")))?;
    let options = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}'), options)
        .map_err(|e| broken(format!("{path}: {e}")))?;
    let root = document.root_element();
    let unit = match root.attribute("unit") {
        None => None,
        Some("micron") => Some(LengthUnit::Micron),
        Some("millimeter") => Some(LengthUnit::Millimetre),
        Some("centimeter") => Some(LengthUnit::Centimetre),
        Some("inch") => Some(LengthUnit::Inch),
        Some("foot") => Some(LengthUnit::Foot),
        Some("meter") => Some(LengthUnit::Metre),
        Some(other) => return Err(broken(format!("{path}: \"{other}\" is no unit of 3MF"))),
    };
    let mut model =
        Model { unit, resources: Resources::default(), objects: BTreeMap::new(), items: Vec::new(), notes: Vec::new() };
    for node in children(&root, "resources").flat_map(|r| r.children().filter(Node::is_element)) {
        resource(&node, &mut model)?;
    }
    for item in children(&root, "build").flat_map(|b| b.children().filter(|n| n.tag_name().name() == "item")) {
        model.items.push(placed(&item)?);
    }
    Ok(model)
}

fn children<'a, 'i>(node: &Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> + use<'a, 'i> {
    node.children().filter(move |n| n.tag_name().name() == name)
}

fn integer(node: &Node<'_, '_>, name: &str) -> Result<Option<u32>, ReadError> {
    let Some(text) = node.attribute(name) else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| wrong_value(node, name, text))
}

fn required(node: &Node<'_, '_>, name: &str) -> Result<u32, ReadError> {
    integer(node, name)?.ok_or_else(|| wrong_value(node, name, ""))
}

fn number(node: &Node<'_, '_>, name: &str) -> Result<f64, ReadError> {
    let text = node.attribute(name).unwrap_or_default();
    text.trim().parse().map_err(|_| wrong_value(node, name, text))
}

fn wrong_value(node: &Node<'_, '_>, name: &str, value: &str) -> ReadError {
    let value: String = value.chars().take(40).collect();
    broken(format!("\"{value}\" is no valid {name} of a {}", node.tag_name().name()))
}

fn resource(node: &Node<'_, '_>, model: &mut Model) -> Result<(), ReadError> {
    let resources = &mut model.resources;
    match node.tag_name().name() {
        "basematerials" | "colorgroup" => {
            let attribute = if node.tag_name().name() == "colorgroup" { "color" } else { "displaycolor" };
            let list: Result<_, _> = node.children().filter(Node::is_element).map(|c| colour(&c, attribute)).collect();
            resources.colours.insert(required(node, "id")?, list?);
        }
        "texture2d" => {
            let path = node.attribute("path").unwrap_or_default().to_string();
            resources.textures.insert(required(node, "id")?, Texture { path });
        }
        "texture2dgroup" => {
            let uv = |c: Node<'_, '_>| Ok([number(&c, "u")? as f32, (1.0 - number(&c, "v")?) as f32]);
            let list: Result<_, ReadError> = children(node, "tex2coord").map(uv).collect();
            resources.coordinates.insert(required(node, "id")?, (required(node, "texid")?, list?));
        }
        "multiproperties" => {
            let first = node.attribute("pids").and_then(|p| p.split_ascii_whitespace().next()?.parse().ok());
            let index = |c: Node<'_, '_>| {
                c.attribute("pindices").and_then(|p| p.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
            };
            let first = first.ok_or_else(|| wrong_value(node, "pids", ""))?;
            resources.several.insert(required(node, "id")?, (first, children(node, "multi").map(index).collect()));
            model.notes.push("of several properties of a triangle only the first was read".into());
        }
        "object" => {
            let object = object(node, &mut model.notes)?;
            model.objects.insert(required(node, "id")?, object);
        }
        other => model.notes.push(format!("resources of the kind {other} were left out")),
    }
    Ok(())
}

/// `#RRGGBB` or `#RRGGBBAA`.
fn colour(node: &Node<'_, '_>, name: &str) -> Result<[u8; 3], ReadError> {
    let text = node.attribute(name).unwrap_or("#FFFFFF").trim();
    let digits = text.strip_prefix('#').filter(|d| d.is_ascii() && (d.len() == 6 || d.len() == 8));
    let value = digits.and_then(|d| u32::from_str_radix(&d[..6], 16).ok());
    value.map(|v| [(v >> 16) as u8, (v >> 8) as u8, v as u8]).ok_or_else(|| wrong_value(node, name, text))
}

fn object(node: &Node<'_, '_>, notes: &mut Vec<String>) -> Result<Object, ReadError> {
    let text = |name| node.attribute(name).unwrap_or_default().to_string();
    let mut object = Object {
        kind: text("type"),
        name: text("name"),
        group: integer(node, "pid")?,
        index: integer(node, "pindex")?,
        ..Object::default()
    };
    for c in children(node, "components").flat_map(|c| children(&c, "component")) {
        object.components.push(placed(&c)?);
    }
    for mesh in children(node, "mesh") {
        for v in children(&mesh, "vertices").flat_map(|v| children(&v, "vertex")) {
            object.vertices.push(Vector3::new(number(&v, "x")?, number(&v, "y")?, number(&v, "z")?));
        }
        for t in children(&mesh, "triangles").flat_map(|t| children(&t, "triangle")) {
            let first = integer(&t, "p1")?;
            let others = [integer(&t, "p2")?, integer(&t, "p3")?];
            object.triangles.push(Triangle {
                corners: [required(&t, "v1")?, required(&t, "v2")?, required(&t, "v3")?],
                group: integer(&t, "pid")?,
                indices: first.map(|p| [p, others[0].unwrap_or(p), others[1].unwrap_or(p)]),
                filaments: None,
            });
            let paint = t.attributes().find(|a| matches!(a.name(), "paint_color" | "mmu_segmentation"));
            if let (Some(paint), Some(own)) = (paint.filter(|a| !a.value().is_empty()), object.triangles.last_mut()) {
                own.filaments = painted::decode(paint.value()).and_then(|codes| painted::at_corners(&codes));
                let note = "some triangles are cut by a slicer's painting in ways that are not read: their colours were left out";
                if own.filaments.is_none() && !notes.iter().any(|n| n == note) {
                    notes.push(note.into());
                }
            }
        }
        if children(&mesh, "beamlattice").next().is_some() {
            notes.push("lattices of beams were left out".into());
        }
    }
    Ok(object)
}

fn placed(node: &Node<'_, '_>) -> Result<Placed, ReadError> {
    let path = node.attributes().find(|a| a.name() == "path" && a.namespace().is_some());
    let transform = match node.attribute("transform") {
        None => Matrix4::identity(),
        Some(text) => {
            let n: Option<Vec<f64>> = text.split_ascii_whitespace().map(|w| w.parse().ok()).collect();
            let n = n.filter(|n| n.len() == 12).ok_or_else(|| wrong_value(node, "transform", text))?;
            // Rows of the file act on row vectors.
            Matrix4::from_fn(|r, c| if r == 3 { f64::from(u8::from(c == 3)) } else { n[3 * c + r] })
        }
    };
    let path = path.map(|a| a.value().trim_start_matches('/').to_string());
    Ok(Placed { object: required(node, "objectid")?, path, transform })
}
