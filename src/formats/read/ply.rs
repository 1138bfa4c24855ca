//! PLY, ascii and binary of both byte orders: bytes in, polygons with textures and colours out, in a unit that PLY does not
//! name.
//!
//! Source: G. Turk, "The PLY Polygon File Format", 1994; texture coordinates as programs write them: `s t`, `u v` or
//! `texture_u texture_v` of a vertex, or a list `texcoord` of a face with `texnumber`, the pictures in `comment TextureFile`
//! (v up). Colours are bytes, or floats of 0..=1. Unknown elements and properties are passed over. Fails on a header that
//! is none, on data that end early, and on indices of nothing. Memory follows from the data, not from the counts.

use super::assemble::{Assembly, Corner, byte, existing};
use super::{Beside, ReadError, picture};
use crate::scene::ForeignMesh;
use nalgebra::Vector3;

const FORMAT: &str = "PLY";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Kind {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "char" | "int8" => Self::I8,
            "uchar" | "uint8" => Self::U8,
            "short" | "int16" => Self::I16,
            "ushort" | "uint16" => Self::U16,
            "int" | "int32" => Self::I32,
            "uint" | "uint32" => Self::U32,
            "float" | "float32" => Self::F32,
            "double" | "float64" => Self::F64,
            _ => return None,
        })
    }

    fn size(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The largest value of a colour of this kind.
    fn full(self) -> f64 {
        match self {
            Self::F32 | Self::F64 => 1.0,
            Self::U16 | Self::I16 => 65535.0,
            _ => 255.0,
        }
    }

    /// `bytes` are as many as the kind has, least significant first.
    fn value(self, b: &[u8]) -> f64 {
        let word = b.iter().rev().fold(0u64, |n, &x| (n << 8) | u64::from(x));
        match self {
            Self::I8 => f64::from(word as u8 as i8),
            Self::U8 | Self::U16 | Self::U32 => word as f64,
            Self::I16 => f64::from(word as u16 as i16),
            Self::I32 => f64::from(word as u32 as i32),
            Self::F32 => f64::from(f32::from_bits(word as u32)),
            Self::F64 => f64::from_bits(word),
        }
    }
}

#[derive(Debug)]
struct Property {
    name: String,
    kind: Kind,
    /// The kind of a list's length.
    list: Option<Kind>,
}

#[derive(Debug)]
struct Element {
    name: String,
    count: u64,
    properties: Vec<Property>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Coding {
    Ascii,
    Little,
    Big,
}

struct Header {
    coding: Coding,
    elements: Vec<Element>,
    textures: Vec<String>,
    /// Where the data begin.
    end: usize,
}

fn header(bytes: &[u8]) -> Result<Header, ReadError> {
    let (mut coding, mut elements, mut textures): (_, Vec<Element>, _) = (None, Vec::new(), Vec::new());
    let (mut at, mut number) = (0, 0);
    loop {
        let Some(length) = bytes[at..].iter().position(|&b| b == b'\n') else {
            let found = bytes.len() as u64;
            return Err(ReadError::Truncated { format: FORMAT, what: "header".into(), needed: found + 1, found });
        };
        let line = String::from_utf8_lossy(&bytes[at..at + length]).trim().to_string();
        at += length + 1;
        number += 1;
        let wrong = |expected| ReadError::Unexpected {
            format: FORMAT,
            line: number,
            expected,
            found: format!("\"{}\"", line.chars().take(40).collect::<String>()),
        };
        if number == 1 && line != "ply" {
            return Err(wrong("the word ply"));
        }
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["ply"] if number == 1 => {}
            ["format", "ascii", _] => coding = Some(Coding::Ascii),
            ["format", "binary_little_endian", _] => coding = Some(Coding::Little),
            ["format", "binary_big_endian", _] => coding = Some(Coding::Big),
            ["comment", "TextureFile", ..] => {
                textures.push(line.split_once("TextureFile").map_or("", |(_, n)| n).trim().to_string());
            }
            ["comment" | "obj_info", ..] | [] => {}
            ["element", name, count] => {
                let count = count.parse().map_err(|_| wrong("the number of elements"))?;
                elements.push(Element { name: name.to_string(), count, properties: Vec::new() });
            }
            ["property", "list", length, kind, name] => {
                let (Some(list), Some(kind)) = (Kind::parse(length), Kind::parse(kind)) else {
                    return Err(wrong("a type of number"));
                };
                let element = elements.last_mut().ok_or_else(|| wrong("an element before its properties"))?;
                element.properties.push(Property { name: name.to_string(), kind, list: Some(list) });
            }
            ["property", kind, name] => {
                let kind = Kind::parse(kind).ok_or_else(|| wrong("a type of number"))?;
                let element = elements.last_mut().ok_or_else(|| wrong("an element before its properties"))?;
                element.properties.push(Property { name: name.to_string(), kind, list: None });
            }
            ["end_header"] => break,
            _ => return Err(wrong("a line of a PLY header")),
        }
    }
    let coding = coding.ok_or_else(|| ReadError::Broken { format: FORMAT, reason: "it names no format".into() })?;
    Ok(Header { coding, elements, textures, end: at })
}

/// Takes numbers from the data.
struct Data<'a> {
    rest: &'a [u8],
    coding: Coding,
    length: u64,
}

impl Data<'_> {
    fn end(&self, what: &str, more: usize) -> ReadError {
        let (needed, found) = ((self.length - self.rest.len() as u64) + more as u64, self.length);
        ReadError::Truncated { format: FORMAT, what: what.to_string(), needed, found }
    }

    fn number(&mut self, kind: Kind, what: &str) -> Result<f64, ReadError> {
        if self.coding == Coding::Ascii {
            let start = self.rest.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(self.rest.len());
            let text = &self.rest[start..];
            let length = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
            self.rest = &text[length..];
            if length == 0 {
                return Err(self.end(what, 1));
            }
            let word = String::from_utf8_lossy(&text[..length]);
            return word.parse().map_err(|_| ReadError::Broken {
                format: FORMAT,
                reason: format!("\"{}\" in its {what} is no number", word.chars().take(40).collect::<String>()),
            });
        }
        let size = kind.size();
        let Some(bytes) = self.rest.get(..size) else { return Err(self.end(what, size)) };
        self.rest = &self.rest[size..];
        let mut ordered = [0u8; 8];
        for (i, &b) in bytes.iter().enumerate() {
            ordered[if self.coding == Coding::Big { size - 1 - i } else { i }] = b;
        }
        Ok(kind.value(&ordered[..size]))
    }

    /// Reads one property; a single value is a list of one.
    fn values(&mut self, property: &Property, what: &str, out: &mut Vec<f64>) -> Result<(), ReadError> {
        out.clear();
        let Some(list) = property.list else {
            out.push(self.number(property.kind, what)?);
            return Ok(());
        };
        let length = self.number(list, what)?;
        // Each value takes a byte at least.
        if !(length >= 0.0 && length <= self.rest.len() as f64) {
            return Err(self.end(what, length.clamp(0.0, 1e12) as usize));
        }
        (0..length as usize).try_for_each(|_| self.number(property.kind, what).map(|v| out.push(v)))
    }
}

/// Colours and texture coordinates by vertex.
#[derive(Default)]
struct Vertices {
    uvs: Vec<[f32; 2]>,
    colours: Vec<[u8; 3]>,
}

/// Reads a file.
pub fn read(bytes: &[u8], beside: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    let header = header(bytes)?;
    let mut data = Data { rest: &bytes[header.end..], coding: header.coding, length: bytes.len() as u64 };
    let mut assembly = Assembly::new(FORMAT);
    assembly.out.shares_vertices = true;
    assembly.out.pages = header.textures.iter().map(|name| picture::page_beside(name, beside)).collect();
    let mut vertices = Vertices::default();
    let mut values = Vec::new();
    for element in &header.elements {
        if element.properties.is_empty() && element.count > 0 {
            let reason = format!("its element {} has no properties", element.name);
            return Err(ReadError::Broken { format: FORMAT, reason });
        }
        match element.name.as_str() {
            "vertex" => read_vertices(element, &mut data, &mut assembly, &mut vertices)?,
            "face" => read_faces(element, &mut data, &mut assembly, &vertices)?,
            "tristrips" => {
                return Err(ReadError::Unsupported { format: FORMAT, what: "has triangle strips".into() });
            }
            _ => {
                for _ in 0..element.count {
                    for property in &element.properties {
                        data.values(property, &element.name, &mut values)?;
                    }
                }
            }
        }
    }
    assembly.finish()
}

fn read_vertices(
    element: &Element,
    data: &mut Data<'_>,
    assembly: &mut Assembly,
    out: &mut Vertices,
) -> Result<(), ReadError> {
    let find = |names: &[&str]| element.properties.iter().position(|p| names.contains(&p.name.as_str()));
    let places = [find(&["x"]), find(&["y"]), find(&["z"])];
    let uv = [find(&["s", "u", "texture_u"]), find(&["t", "v", "texture_v"])];
    let colour = [find(&["red", "diffuse_red"]), find(&["green", "diffuse_green"]), find(&["blue", "diffuse_blue"])];
    let [Some(x), Some(y), Some(z)] = places else {
        return Err(ReadError::Broken { format: FORMAT, reason: "its vertices have no x, y and z".into() });
    };
    let (mut row, mut values) = (vec![0.0; element.properties.len()], Vec::new());
    for _ in 0..element.count {
        for (slot, property) in row.iter_mut().zip(&element.properties) {
            data.values(property, "vertices", &mut values)?;
            *slot = values.first().copied().unwrap_or(0.0);
        }
        assembly.vertex(Vector3::new(row[x], row[y], row[z]));
        if let [Some(u), Some(v)] = uv {
            out.uvs.push([row[u] as f32, (1.0 - row[v]) as f32]);
        }
        if let [Some(r), Some(g), Some(b)] = colour {
            out.colours.push([r, g, b].map(|k| byte(row[k] / element.properties[k].kind.full())));
        }
    }
    Ok(())
}

fn read_faces(
    element: &Element,
    data: &mut Data<'_>,
    assembly: &mut Assembly,
    vertices: &Vertices,
) -> Result<(), ReadError> {
    let (mut indices, mut texcoord, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let count = assembly.out.mesh.vertices.len();
    for _ in 0..element.count {
        let (mut page, mut face_colour) = (0, [None; 3]);
        indices.clear();
        texcoord.clear();
        for property in &element.properties {
            data.values(property, "faces", &mut values)?;
            let first = values.first().copied().unwrap_or(0.0);
            let colour = || Some(byte(first / property.kind.full()));
            match property.name.as_str() {
                "vertex_indices" | "vertex_index" => std::mem::swap(&mut indices, &mut values),
                "texcoord" => std::mem::swap(&mut texcoord, &mut values),
                "texnumber" => page = first.clamp(-1.0, 1e9) as i64,
                "red" => face_colour[0] = colour(),
                "green" => face_colour[1] = colour(),
                "blue" => face_colour[2] = colour(),
                _ => {}
            }
        }
        let whole = match face_colour {
            [Some(r), Some(g), Some(b)] => Some([r, g, b]),
            _ => None,
        };
        let mut corners = Vec::with_capacity(indices.len());
        for (k, &index) in indices.iter().enumerate() {
            let v = existing(FORMAT, "vertex", index as i64, count)?;
            let of_face = texcoord.get(2 * k..2 * k + 2).map(|c| [c[0] as f32, (1.0 - c[1]) as f32]);
            corners.push(Corner {
                vertex: v as u32,
                uv: of_face.or(vertices.uvs.get(v).copied()),
                colour: vertices.colours.get(v).copied().or(whole),
            });
        }
        let page = u32::try_from(page).ok().filter(|&p| (p as usize) < assembly.out.pages.len());
        assembly.polygon(&corners, page)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn nothing(name: &str) -> std::io::Result<Vec<u8>> {
        Err(std::io::Error::other(name.to_string()))
    }

    const HEAD: &str = "element vertex 4\nproperty double x\nproperty float y\nproperty short z\nproperty uchar red\n\
        property uchar green\nproperty uchar blue\nelement face 1\nproperty list uchar int vertex_indices\n\
        property list uchar float texcoord\nend_header\n";

    fn coded(coding: Coding) -> Vec<u8> {
        let word = match coding {
            Coding::Ascii => "ascii",
            Coding::Little => "binary_little_endian",
            Coding::Big => "binary_big_endian",
        };
        let mut bytes = format!("ply\nformat {word} 1.0\ncomment TextureFile a b.png\n{HEAD}").into_bytes();
        let mut put = |text: String, little: &[u8]| match coding {
            Coding::Ascii => bytes.extend(format!("{text} ").bytes()),
            Coding::Little => bytes.extend(little),
            Coding::Big => bytes.extend(little.iter().rev()),
        };
        for (x, y, z) in [(0.1, 0.0f32, -3i16), (4.0, 0.0, -3), (4.0, 2.5, -3), (0.0, 2.5, -3)] {
            put(format!("{x}"), &f64::to_le_bytes(x));
            put(format!("{y}"), &y.to_le_bytes());
            put(format!("{z}"), &z.to_le_bytes());
            for c in [7u8, 8, 255] {
                put(format!("{c}"), &[c]);
            }
        }
        put("4".into(), &[4]);
        for i in 0..4i32 {
            put(format!("{i}"), &i.to_le_bytes());
        }
        put("8".into(), &[8]);
        for u in [0.0f32, 0.25, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0] {
            put(format!("{u}"), &u.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn all_codings_give_the_same_mesh() {
        let all: Vec<_> =
            [Coding::Ascii, Coding::Little, Coding::Big].map(|c| read(&coded(c), &mut nothing).unwrap()).into();
        assert_eq!(all[0].mesh.vertices[0], Vector3::new(0.1, 0.0, -3.0));
        assert_eq!((all[0].mesh.triangles.len(), all[0].polygons), (2, 1));
        assert_eq!(all[0].colours[1], Some([[7, 8, 255]; 3]));
        assert!(all[0].uvs.concat().contains(&[0.0, 0.75]));
        assert_eq!(all[0].pages[0].name, "a b.png");
        assert!(all[0].pages[0].image.is_none());
        assert!(all[1..].iter().all(|m| *m == all[0]));
    }

    #[test]
    fn claims_without_data_are_refused() {
        let whole = coded(Coding::Little);
        for end in 0..whole.len() {
            assert!(read(&whole[..end], &mut nothing).is_err(), "{end}");
        }
        let many = "ply\nformat binary_little_endian 1.0\nelement vertex 9000000000000000000\nproperty float x\n\
            property float y\nproperty float z\nend_header\n\0\0\0\0";
        assert!(matches!(read(many.as_bytes(), &mut nothing), Err(ReadError::Truncated { .. })));
        let none = "ply\nformat ascii 1.0\nelement vertex 9000000000000000000\nend_header\n";
        assert!(matches!(read(none.as_bytes(), &mut nothing), Err(ReadError::Broken { .. })));
        let wrong = String::from_utf8(coded(Coding::Ascii)).unwrap().replace("4 0 1 2 3 8", "4 0 1 2 9 8");
        assert!(matches!(read(wrong.as_bytes(), &mut nothing), Err(ReadError::Index { index: 9, .. })));
    }
}
