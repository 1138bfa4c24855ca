//! Binary glTF (GLB): one mesh with a primitive and an embedded picture for each texture page.
//!
//! Source: Khronos Group, "glTF 2.0 Specification". glTF is y up: (x, y, z) local is written as (x, z, -y). Photographs
//! already hold the light of the day, so materials are unlit (KHR_materials_unlit) with a plain base colour as fallback.

use super::textured::{Encoding, pages_of, part_as_city};
use crate::scene::{City, Part};
use nalgebra::Vector3;
use serde_json::json;
use std::io::{self, Write};

/// Writes a city.
pub fn write_glb(city: &City, out: &mut impl Write) -> io::Result<()> {
    write_as(city, "city", 1.0, Encoding::Jpeg(92), out)
}

/// Writes a part with its exact colours; its node scales millimetres to the metres of glTF.
pub fn write_part(part: &Part, out: &mut impl Write) -> io::Result<()> {
    write_as(&part_as_city(part), "part", 0.001, Encoding::Png, out)
}

fn write_as(city: &City, name: &str, metres: f64, encoding: Encoding, out: &mut impl Write) -> io::Result<()> {
    let mut binary: Vec<u8> = Vec::new();
    let (mut views, mut accessors, mut primitives) = (Vec::new(), Vec::new(), Vec::new());
    let (mut images, mut textures, mut materials) = (Vec::new(), Vec::new(), Vec::new());
    for (mesh, page) in pages_of(city).iter().zip(&city.pages) {
        if mesh.triangles.is_empty() {
            continue;
        }
        let mut view = |bytes: &[u8], target: Option<u32>| {
            while !binary.len().is_multiple_of(4) {
                binary.push(0);
            }
            let mut v = json!({"buffer": 0, "byteOffset": binary.len(), "byteLength": bytes.len()});
            if let Some(t) = target {
                v["target"] = json!(t);
            }
            views.push(v);
            binary.extend_from_slice(bytes);
            views.len() - 1
        };
        let y_up: Vec<Vector3<f32>> =
            mesh.positions.iter().map(|p| Vector3::new(p.x as f32, p.z as f32, -p.y as f32)).collect();
        let first = y_up[0];
        let (low, high) = y_up.iter().fold((first, first), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
        let positions: Vec<u8> = y_up.iter().flat_map(|p| p.iter().flat_map(|x| x.to_le_bytes())).collect();
        let uvs: Vec<u8> = mesh.uvs.iter().flatten().flat_map(|x| x.to_le_bytes()).collect();
        let indices: Vec<u8> = mesh.triangles.iter().flatten().flat_map(|i| i.to_le_bytes()).collect();
        let (p, t, i) = (view(&positions, Some(34962)), view(&uvs, Some(34962)), view(&indices, Some(34963)));
        let image = view(&encoding.encode(&page.image)?, None);
        let a = accessors.len();
        accessors.push(json!({"bufferView": p, "componentType": 5126, "count": y_up.len(), "type": "VEC3",
            "min": low.as_slice(), "max": high.as_slice()}));
        accessors.push(json!({"bufferView": t, "componentType": 5126, "count": y_up.len(), "type": "VEC2"}));
        accessors.push(json!({"bufferView": i, "componentType": 5125, "count": mesh.triangles.len() * 3,
            "type": "SCALAR"}));
        let m = materials.len();
        let kind = if encoding == Encoding::Png { "image/png" } else { "image/jpeg" };
        images.push(json!({"bufferView": image, "mimeType": kind}));
        textures.push(json!({"source": m, "sampler": 0}));
        materials.push(json!({"name": format!("page{m}"), "doubleSided": false,
            "pbrMetallicRoughness": {"baseColorTexture": {"index": m}, "metallicFactor": 0.0, "roughnessFactor": 1.0},
            "extensions": {"KHR_materials_unlit": {}}}));
        primitives.push(json!({"attributes": {"POSITION": a, "TEXCOORD_0": a + 1}, "indices": a + 2, "material": m}));
    }
    while !binary.len().is_multiple_of(4) {
        binary.push(0);
    }
    let mut document = json!({
        "asset": {"version": "2.0", "generator": concat!("Veduta ", env!("CARGO_PKG_VERSION"))},
        "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"name": name, "primitives": primitives}],
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": binary.len()}],
        "images": images, "textures": textures, "materials": materials,
        "samplers": [{"magFilter": 9729, "minFilter": 9987, "wrapS": 33071, "wrapT": 33071}],
        "extensionsUsed": ["KHR_materials_unlit"],
    });
    if metres != 1.0 {
        document["nodes"][0]["scale"] = json!([metres, metres, metres]);
    }
    if primitives.is_empty() {
        // glTF forbids empty lists; a city without triangles is an empty scene.
        document = json!({"asset": {"version": "2.0"}, "scene": 0, "scenes": [{}]});
        binary.clear();
    }
    let mut text = serde_json::to_vec(&document).map_err(io::Error::other)?;
    while text.len() % 4 != 0 {
        text.push(b' ');
    }
    let binary_chunk = if binary.is_empty() { 0 } else { 8 + binary.len() };
    let total = u32::try_from(12 + 8 + text.len() + binary_chunk)
        .map_err(|_| io::Error::other("the city is larger than the 4 GiB that GLB allows"))?;
    out.write_all(b"glTF")?;
    out.write_all(&2u32.to_le_bytes())?;
    out.write_all(&total.to_le_bytes())?;
    out.write_all(&(text.len() as u32).to_le_bytes())?;
    out.write_all(b"JSON")?;
    out.write_all(&text)?;
    if !binary.is_empty() {
        out.write_all(&(binary.len() as u32).to_le_bytes())?;
        out.write_all(b"BIN\0")?;
        out.write_all(&binary)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::scene::{Mesh, TexturePage};

    #[test]
    fn an_independent_reader_finds_the_same_city() {
        let mesh = Mesh {
            vertices: vec![Vector3::new(0.0, 0.0, 5.0), Vector3::new(1.0, 0.0, 5.0), Vector3::new(0.0, 2.0, 5.0)],
            triangles: vec![[0, 1, 2]],
        };
        let image = Rgb8::filled(8, 8, [200, 30, 60]);
        let city = City {
            mesh,
            uvs: vec![[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]],
            page: vec![0],
            views: vec![3],
            classes: Vec::new(),
            pages: vec![TexturePage { image }],
            texel_m: 0.1,
        };
        let mut bytes = Vec::new();
        write_glb(&city, &mut bytes).unwrap();
        let (document, buffers, images) = ::gltf::import_slice(&bytes).unwrap();
        let primitive = document.meshes().next().unwrap().primitives().next().unwrap();
        let reader = primitive.reader(|b| Some(&buffers[b.index()]));
        let positions: Vec<_> = reader.read_positions().unwrap().collect();
        assert_eq!(positions, [[0.0, 5.0, 0.0], [1.0, 5.0, 0.0], [0.0, 5.0, -2.0]]);
        assert_eq!(reader.read_indices().unwrap().into_u32().count(), 3);
        assert_eq!((images[0].width, images[0].height), (8, 8));
        assert!((i32::from(images[0].pixels[0]) - 200).abs() < 6);
    }
}
