//! Wavefront OBJ with its MTL: text in, polygons with textures and colours out, in the file's unit, which OBJ does not name.
//!
//! Source: Wavefront, "Appendix B1. Object Files", Advanced Visualizer manual. Indices count from 1, negative ones from the
//! end; texture v points up. Colours after a vertex (0..=1, sRGB) are a common extension. Curves, points and lines are
//! passed over. A material without `map_Kd` gives its `Kd` as colour. Fails on words that are no numbers and on indices of
//! nothing; a missing MTL or texture is no failure.

use super::assemble::{Assembly, Corner, byte};
use super::{Beside, ReadError, picture};
use crate::scene::ForeignMesh;
use nalgebra::Vector3;
use std::collections::HashMap;

const FORMAT: &str = "OBJ";

/// What a material says.
#[derive(Clone, Debug, Default)]
struct Material {
    colour: Option<[u8; 3]>,
    page: Option<u32>,
}

/// The lists that faces refer to.
#[derive(Default)]
struct Lists {
    colours: Vec<Option<[u8; 3]>>,
    uvs: Vec<[f32; 2]>,
    normals: usize,
}

/// Reads a file.
pub fn read(bytes: &[u8], beside: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    let text = String::from_utf8_lossy(bytes);
    let mut assembly = Assembly::new(FORMAT);
    assembly.out.shares_vertices = true;
    let mut lists = Lists::default();
    let mut materials: HashMap<String, Material> = HashMap::new();
    let mut current = Material::default();
    let mut corners = Vec::new();
    let mut joined = String::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(head) = line.strip_suffix('\\') {
            joined.push_str(head);
            joined.push(' ');
            continue;
        }
        let whole;
        let line = if joined.is_empty() {
            line
        } else {
            joined.push_str(line);
            whole = std::mem::take(&mut joined);
            whole.trim()
        };
        let (word, rest) = line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
        let wrong = |expected| unexpected(index, expected, line);
        match word {
            "v" => {
                let n = numbers(rest).filter(|n| n.len() >= 3).ok_or_else(|| wrong("a vertex of three numbers"))?;
                assembly.vertex(Vector3::new(n[0], n[1], n[2]));
                lists.colours.push((n.len() >= 6).then(|| [byte(n[3]), byte(n[4]), byte(n[5])]));
            }
            "vt" => {
                let n = numbers(rest).filter(|n| !n.is_empty()).ok_or_else(|| wrong("a texture coordinate"))?;
                lists.uvs.push([n[0] as f32, (1.0 - n.get(1).copied().unwrap_or(0.0)) as f32]);
            }
            "vn" => lists.normals += 1,
            "f" => {
                corners.clear();
                for words in rest.split_ascii_whitespace() {
                    corners.push(corner(words, &lists, &current, || wrong("a corner of indices"))?);
                }
                if corners.len() < 3 {
                    return Err(wrong("a face of at least three corners"));
                }
                assembly.polygon(&corners, current.page)?;
            }
            "o" => assembly.object(rest.trim()),
            "usemtl" => current = material(&mut assembly, &materials, rest.trim()),
            "mtllib" => {
                let library = library(rest, beside, &mut assembly);
                read_materials(&library, &mut materials, &mut assembly, beside);
            }
            "l" | "p" | "curv" | "curv2" | "surf" => {
                assembly.note("lines, points and curves were left out");
            }
            // Groups, smoothing and free-form attributes change nothing here; other programs add words of their own.
            _ if word.chars().all(|c| c.is_ascii_graphic()) => {}
            _ => return Err(wrong("a word of OBJ")),
        }
    }
    assembly.finish()
}

fn unexpected(index: usize, expected: &'static str, line: &str) -> ReadError {
    let found = format!("\"{}\"", line.chars().take(40).collect::<String>());
    ReadError::Unexpected { format: FORMAT, line: index + 1, expected, found }
}

fn numbers(text: &str) -> Option<Vec<f64>> {
    text.split_ascii_whitespace().map(|w| w.parse().ok()).collect()
}

fn material(assembly: &mut Assembly, all: &HashMap<String, Material>, name: &str) -> Material {
    match all.get(name) {
        Some(m) => m.clone(),
        None => {
            assembly.note(&format!("the material {name} is in no material file"));
            Material::default()
        }
    }
}

/// One of `v`, `v/t`, `v//n`, `v/t/n`.
fn corner(words: &str, lists: &Lists, material: &Material, wrong: impl Fn() -> ReadError) -> Result<Corner, ReadError> {
    let mut parts = words.split('/');
    let mut next = |what, count: usize| match parts.next() {
        None | Some("") => Ok(None),
        Some(word) => {
            let index: i64 = word.parse().map_err(|_| wrong())?;
            let from_start = if index < 0 { index.saturating_add(count as i64) } else { index - 1 };
            let found = usize::try_from(from_start).ok().filter(|&i| i < count);
            found.map(Some).ok_or(ReadError::Index { format: FORMAT, what, index, count })
        }
    };
    let vertex = next("vertex", lists.colours.len())?.ok_or_else(&wrong)?;
    let uv = next("texture coordinate", lists.uvs.len())?;
    next("normal", lists.normals)?;
    Ok(Corner {
        vertex: vertex as u32,
        uv: uv.map(|i| lists.uvs[i]),
        colour: lists.colours[vertex].or(material.colour.filter(|_| material.page.is_none())),
    })
}

/// The text of the material file or files that a line names; names may hold spaces.
fn library(names: &str, beside: Beside<'_>, assembly: &mut Assembly) -> String {
    let names = names.trim();
    if let Ok(bytes) = beside(names) {
        return String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut all = String::new();
    for name in names.split_ascii_whitespace() {
        match beside(name) {
            Ok(bytes) => all.push_str(&String::from_utf8_lossy(&bytes)),
            Err(e) => assembly.note(&format!("the material file {name} cannot be read: {e}")),
        }
        all.push('\n');
    }
    all
}

fn read_materials(text: &str, all: &mut HashMap<String, Material>, assembly: &mut Assembly, beside: Beside<'_>) {
    let mut current: Option<String> = None;
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        let (word, rest) = line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
        if word == "newmtl" {
            all.insert(rest.trim().to_string(), Material::default());
            current = Some(rest.trim().to_string());
            continue;
        }
        let Some(material) = current.as_ref().and_then(|name| all.get_mut(name)) else { continue };
        match word.to_ascii_lowercase().as_str() {
            "kd" => {
                let n = numbers(rest).unwrap_or_default();
                material.colour = (n.len() == 3).then(|| [byte(n[0]), byte(n[1]), byte(n[2])]);
            }
            "map_kd" => {
                let name = file_of_map(rest);
                let known = assembly.out.pages.iter().position(|p| p.name == name);
                material.page = Some(known.unwrap_or(assembly.out.pages.len()) as u32);
                if known.is_none() {
                    assembly.out.pages.push(picture::page_beside(&name, beside));
                }
            }
            _ => {}
        }
    }
}

/// The file's name after the options of a map, each of which has a known number of values.
fn file_of_map(text: &str) -> String {
    let mut rest = text.trim();
    while let Some(option) = rest.split_ascii_whitespace().next().filter(|w| w.starts_with('-')) {
        let most = match option {
            "-blendu" | "-blendv" | "-cc" | "-clamp" | "-texres" | "-bm" | "-boost" | "-imfchan" | "-type" => 1,
            "-mm" => 2,
            "-o" | "-s" | "-t" => 3,
            _ => break,
        };
        rest = rest[option.len()..].trim_start();
        for k in 0..most {
            let Some(word) = rest.split_ascii_whitespace().next() else { break };
            // Offsets and scales may have fewer values than three.
            if k > 0 && word.parse::<f64>().is_err() {
                break;
            }
            rest = rest[word.len()..].trim_start();
        }
    }
    rest.trim().replace('\\', "/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::formats::textured::png;
    use crate::image::Rgb8;

    fn nothing(name: &str) -> std::io::Result<Vec<u8>> {
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, format!("no {name}")))
    }

    #[test]
    fn polygons_materials_and_negative_indices() {
        let text = b"mtllib a b.mtl\nv 0 0 0\nv 2 0 0\nv 2 2 0\nv 0 2 \\\n 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n\
            usemtl photo\nf -4/-4 -3/-3 -2/-2 -1/-1\nusemtl red\nf 1//1 3//1 2//1\n";
        let with_normal = [b"vn 0 0 1\n".as_slice(), text].concat();
        let mtl = "newmtl photo\nmap_Kd -s 1 1 -clamp on my picture.png\nnewmtl red\nKd 1 0 0.2\n";
        let picture = png(&Rgb8::filled(3, 2, [1, 2, 3])).unwrap();
        let mut beside = |name: &str| match name {
            "a b.mtl" => Ok(mtl.as_bytes().to_vec()),
            "my picture.png" => Ok(picture.clone()),
            _ => nothing(name),
        };
        let mesh = read(&with_normal, &mut beside).unwrap();
        assert_eq!(mesh.mesh.triangles.len(), 3);
        assert_eq!((mesh.polygons, mesh.pages[0].bits), (1, 8));
        assert_eq!(mesh.pages[0].image.as_ref().unwrap().at(2, 1), [1, 2, 3]);
        assert_eq!(mesh.page, [0, 0, crate::scene::NO_PAGE]);
        assert_eq!(mesh.colours[2], Some([[255, 0, 51]; 3]));
        for t in 0..2 {
            for (v, uv) in mesh.mesh.triangles[t].iter().zip(mesh.uvs[t]) {
                let p = mesh.mesh.vertices[*v as usize];
                assert_eq!([p.x / 2.0, 1.0 - p.y / 2.0], uv.map(f64::from));
            }
        }
    }

    #[test]
    fn wrong_files_are_told_apart() {
        let error = |text: &str| read(text.as_bytes(), &mut nothing).unwrap_err();
        assert!(matches!(error("v 0 0 x\n"), ReadError::Unexpected { line: 1, .. }));
        assert!(matches!(error("v 0 0 0\nf 1 2 3\n"), ReadError::Index { index: 2, count: 1, .. }));
        assert!(matches!(error("v 0 0 0\nf 0 1 1\n"), ReadError::Index { index: 0, .. }));
        assert!(matches!(error("v 0 0 0\nf -9223372036854775808 1 1\n"), ReadError::Index { .. }));
        assert!(matches!(error("v 0 0 0\nf 1 1\n"), ReadError::Unexpected { line: 2, .. }));
        assert!(matches!(error(""), ReadError::Empty { .. }));
        let lost = read(b"mtllib x.mtl\nv 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nf 1 2 3\n", &mut nothing).unwrap();
        assert!(lost.notes[0].contains("x.mtl") && lost.colours[0] == Some([[255, 0, 0]; 3]));
    }
}
