//! glTF and GLB: bytes in, triangles with textures and colours out, in metres, turned so that z is up.
//!
//! Source: Khronos Group, "glTF 2.0 Specification". Buffers and pictures may be in the file, in data URIs, or beside it.
//! The nodes of the default scene (all nodes where there is none) are placed by their transforms; (x, y, z) becomes
//! (x, -z, y). Vertex colours and colour factors are linear in glTF and sRGB here. Animation, skins and morphing are passed
//! over. Fails on what the specification forbids, on extensions that a file requires (compressed meshes) and on data that
//! lie outside their buffer.

mod items;

use super::assemble::{Assembly, Look, byte, mirrors, turned};
use super::{Beside, ReadError, picture};
use crate::image::colour::to_srgb;
use crate::scene::{ForeignMesh, ForeignPage, LengthUnit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gltf::accessor::Dimensions;
use gltf::mesh::Mode;
use gltf::{Document, Node, Primitive, Semantic};
use items::{Items, number};
use nalgebra::{Matrix3, Matrix4, Quaternion, UnitQuaternion};

const FORMAT: &str = "glTF";

/// Deepest nesting of nodes.
const DEEPEST: usize = 200;

fn broken(reason: impl Into<String>) -> ReadError {
    ReadError::Broken { format: FORMAT, reason: reason.into() }
}

/// Reads a file.
pub fn read(bytes: &[u8], beside: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    // The parser takes some things for granted that a damaged file may lack.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read_document(bytes, beside)));
    result.unwrap_or_else(|_| Err(broken("it contradicts itself")))
}

/// Fails where a picture is nowhere, or somewhere without its type: the parser would panic over it.
fn check_pictures(json: &serde_json::Value) -> Result<(), ReadError> {
    for (i, image) in json["images"].as_array().into_iter().flatten().enumerate() {
        let is_there = |key: &str| image.get(key).is_some_and(|v| !v.is_null());
        if is_there("bufferView") && !is_there("mimeType") {
            return Err(broken(format!("picture {i} has no mimeType")));
        }
        if !is_there("bufferView") && !is_there("uri") {
            return Err(broken(format!("picture {i} has neither a uri nor a bufferView")));
        }
    }
    Ok(())
}

fn read_document(bytes: &[u8], beside: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    let (text, binary) = chunks(bytes)?;
    let json: serde_json::Value = serde_json::from_slice(text).map_err(|e| broken(e.to_string()))?;
    check_pictures(&json)?;
    let parsed = gltf::Gltf::from_slice(text).map_err(|e| understood(&json, &e))?;
    let document = parsed.document;
    let mut buffers: Vec<Vec<u8>> = Vec::new();
    for buffer in document.buffers() {
        let data = match buffer.source() {
            gltf::buffer::Source::Bin => binary.map(<[u8]>::to_vec).ok_or_else(|| broken("it has no binary chunk"))?,
            gltf::buffer::Source::Uri(uri) => at_uri(uri, beside)?,
        };
        if data.len() < buffer.length() {
            let (needed, found) = (buffer.length() as u64, data.len() as u64);
            return Err(ReadError::Truncated { format: FORMAT, what: "buffer".into(), needed, found });
        }
        buffers.push(data);
    }
    let mut assembly = Assembly::new(FORMAT);
    assembly.out.unit = Some(LengthUnit::Metre);
    (assembly.out.upright, assembly.out.turned) = (true, true);
    let mut reader = Reader { buffers, images: vec![None; document.images().count()] };
    let upright = Matrix4::new(1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0);
    for root in roots(&document) {
        reader.node(&root, &upright, 0, &mut assembly, beside)?;
    }
    if document.animations().len() > 0 || document.skins().len() > 0 {
        assembly.note("animations and skins were left out");
    }
    if document.extensions_used().any(|e| e == "KHR_texture_transform") {
        assembly.note("transforms of texture coordinates (KHR_texture_transform) were left out");
    }
    assembly.finish()
}

/// The text and the binary chunk; a file that is no GLB is all text.
fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), ReadError> {
    if !bytes.starts_with(b"glTF") {
        return Ok((bytes, None));
    }
    let found = bytes.len() as u64;
    let short =
        |what: &str, needed: u64| ReadError::Truncated { format: FORMAT, what: what.to_string(), needed, found };
    let word = |at: usize| {
        let b = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
        b.map(u32::from_le_bytes).ok_or_else(|| short("header", at as u64 + 4))
    };
    let version = word(4)?;
    if version != 2 {
        return Err(ReadError::Unsupported { format: FORMAT, what: format!("is of version {version}") });
    }
    let length = word(8)?;
    if u64::from(length) > found {
        return Err(short("chunks", u64::from(length)));
    }
    let mut at = 12;
    let (mut text, mut binary) = (None, None);
    while at + 8 <= length as usize {
        let size = word(at)? as usize;
        let data = bytes.get(at + 8..at + 8 + size).ok_or_else(|| short("chunk", (at + 8 + size) as u64))?;
        match &bytes[at + 4..at + 8] {
            b"JSON" if text.is_none() => text = Some(data),
            b"BIN\0" if binary.is_none() => binary = Some(data),
            _ => {}
        }
        at += 8 + size;
    }
    Ok((text.ok_or_else(|| broken("it has no JSON chunk"))?, binary))
}

/// What the parser says, in words about the file where it is a matter of extensions.
fn understood(json: &serde_json::Value, error: &gltf::Error) -> ReadError {
    let required = json["extensionsRequired"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = required.iter().filter_map(|v| v.as_str()).collect();
    match names.iter().find(|n| **n != "KHR_materials_unlit" && **n != "KHR_texture_transform") {
        Some(name) => ReadError::Unsupported { format: FORMAT, what: format!("requires the extension {name}") },
        None => broken(error.to_string().chars().take(300).collect::<String>()),
    }
}

fn roots(document: &Document) -> Vec<Node<'_>> {
    let scene = document.default_scene().or_else(|| document.scenes().next());
    match scene {
        Some(scene) => scene.nodes().collect(),
        None => {
            let mut is_child = vec![false; document.nodes().len()];
            document.nodes().flat_map(|n| n.children()).for_each(|c| is_child[c.index()] = true);
            document.nodes().filter(|n| !is_child[n.index()]).collect()
        }
    }
}

/// The bytes that a URI holds or names.
fn at_uri(uri: &str, beside: Beside<'_>) -> Result<Vec<u8>, ReadError> {
    if let Some(data) = uri.strip_prefix("data:") {
        let coded = data.split_once(";base64,").ok_or_else(|| broken("a data URI is not base64"))?.1;
        return STANDARD.decode(coded).map_err(|e| broken(format!("a data URI: {e}")));
    }
    let name = decoded(uri);
    beside(&name).map_err(|e| ReadError::Beside { format: FORMAT, name, reason: e.to_string() })
}

/// A URI without its %XX.
fn decoded(uri: &str) -> String {
    let mut bytes = Vec::with_capacity(uri.len());
    let mut rest = uri.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|h| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        (rest, _) = match (first, code) {
            (b'%', Some(code)) => (&tail[2..], bytes.push(code)),
            _ => (tail, bytes.push(first)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The transform of a node. Its numbers are decimals in the file: their nearest f64 is closer to them than the f32 that the
/// parser keeps.
fn transform(node: &Node<'_>) -> Matrix4<f64> {
    let exact = |x: f32| x.to_string().parse().unwrap_or(f64::from(x));
    match node.transform() {
        gltf::scene::Transform::Matrix { matrix } => Matrix4::from_fn(|r, c| exact(matrix[c][r])),
        gltf::scene::Transform::Decomposed { translation, rotation: [x, y, z, w], scale } => {
            let turn = UnitQuaternion::from_quaternion(Quaternion::new(exact(w), exact(x), exact(y), exact(z)));
            Matrix4::new_translation(&translation.map(exact).into())
                * turn.to_homogeneous()
                * Matrix4::new_nonuniform_scaling(&scale.map(exact).into())
        }
    }
}

struct Reader {
    buffers: Vec<Vec<u8>>,
    /// Page of each image that was needed.
    images: Vec<Option<u32>>,
}

impl Reader {
    fn node(
        &mut self,
        node: &Node<'_>,
        parent: &Matrix4<f64>,
        depth: usize,
        assembly: &mut Assembly,
        beside: Beside<'_>,
    ) -> Result<(), ReadError> {
        if depth > DEEPEST {
            return Err(broken(format!("its nodes are nested more than {DEEPEST} deep")));
        }
        let world_from_node = parent * transform(node);
        if let Some(mesh) = node.mesh() {
            assembly.object(node.name().or(mesh.name()).unwrap_or_default());
            for primitive in mesh.primitives() {
                self.primitive(&primitive, &world_from_node, assembly, beside)?;
            }
        }
        node.children().try_for_each(|c| self.node(&c, &world_from_node, depth + 1, assembly, beside))
    }

    fn primitive(
        &mut self,
        primitive: &Primitive<'_>,
        place: &Matrix4<f64>,
        assembly: &mut Assembly,
        beside: Beside<'_>,
    ) -> Result<(), ReadError> {
        if !matches!(primitive.mode(), Mode::Triangles | Mode::TriangleStrip | Mode::TriangleFan) {
            assembly.note("points and lines were left out");
            return Ok(());
        }
        let positions = primitive.get(&Semantic::Positions).ok_or_else(|| broken("a mesh has no positions"))?;
        let positions = self.values(&positions)?;
        if positions.width != 3 {
            return Err(broken("positions are not of three numbers"));
        }
        let count = positions.len();
        let base = assembly.out.mesh.vertices.len() as u32;
        for p in positions.numbers.chunks_exact(3) {
            let moved = place * nalgebra::Vector4::new(p[0], p[1], p[2], 1.0);
            assembly.vertex(moved.xyz());
        }
        let material = primitive.material().pbr_metallic_roughness();
        let texture = material.base_color_texture();
        let set = texture.as_ref().map_or(0, gltf::texture::Info::tex_coord);
        let uvs = match primitive.get(&Semantic::TexCoords(set)) {
            Some(a) if texture.is_some() => Some(self.values(&a)?),
            _ => None,
        };
        let page = match texture.as_ref().filter(|_| uvs.is_some()) {
            Some(t) => Some(self.page(&t.texture().source(), assembly, beside)?),
            None => None,
        };
        let [r, g, b, _] = material.base_color_factor();
        let factor = [r, g, b].map(f64::from);
        let colours = match primitive.get(&Semantic::Colors(0)) {
            Some(a) => Some(self.values(&a)?),
            None if texture.is_none() && primitive.material().index().is_some() => {
                Some(Items { width: 3, numbers: vec![1.0; 3 * count] })
            }
            None => None,
        };
        let short = |list: &Option<Items<f64>>, n: usize| list.as_ref().is_some_and(|l| l.len() < count || l.width < n);
        if short(&uvs, 2) || short(&colours, 3) {
            return Err(broken("the attributes of a mesh have different lengths"));
        }
        let indices = match primitive.indices() {
            Some(a) if a.dimensions() == Dimensions::Scalar => {
                self.items(&a, |data, kind| number(data, kind) as u32)?.numbers
            }
            Some(_) => return Err(broken("indices are not single numbers")),
            None => (0..count as u32).collect::<Vec<_>>(),
        };
        if let Some(&wrong) = indices.iter().find(|&&i| i as usize >= count) {
            return Err(ReadError::Index { format: FORMAT, what: "vertex", index: i64::from(wrong), count });
        }
        let flip = mirrors(&Matrix3::from(place.fixed_view::<3, 3>(0, 0)));
        for t in triangles(primitive.mode(), &indices) {
            let t = turned(flip, t);
            let uv = uvs.as_ref().map(|l| t.map(|i| [l.of(i)[0] as f32, l.of(i)[1] as f32]));
            let colour = |c: &[f64]| -> [u8; 3] {
                std::array::from_fn(|k| byte(f64::from(to_srgb((c[k] * factor[k]).clamp(0.0, 1.0) as f32))))
            };
            let look = Look { texture: page.zip(uv), colours: colours.as_ref().map(|l| t.map(|i| colour(l.of(i)))) };
            assembly.triangle(t.map(|i| base + i), look)?;
        }
        Ok(())
    }

    fn page(&mut self, image: &gltf::Image<'_>, assembly: &mut Assembly, beside: Beside<'_>) -> Result<u32, ReadError> {
        if let Some(page) = self.images[image.index()] {
            return Ok(page);
        }
        let name = image.name().map_or_else(|| format!("picture {}", image.index()), str::to_string);
        let page: ForeignPage = match image.source() {
            gltf::image::Source::View { view, .. } => picture::page(&name, self.view(&view)?),
            gltf::image::Source::Uri { uri, .. } if uri.starts_with("data:") => {
                picture::page(&name, &at_uri(uri, beside)?)
            }
            gltf::image::Source::Uri { uri, .. } => picture::page_beside(&decoded(uri), beside),
        };
        assembly.out.pages.push(page);
        let at = assembly.out.pages.len() as u32 - 1;
        self.images[image.index()] = Some(at);
        Ok(at)
    }

    fn view(&self, view: &gltf::buffer::View<'_>) -> Result<&[u8], ReadError> {
        let end = view.offset().checked_add(view.length());
        end.and_then(|end| self.buffers.get(view.buffer().index())?.get(view.offset()..end))
            .ok_or_else(|| broken(format!("the buffer view {} lies outside its buffer", view.index())))
    }
}

fn triangles(mode: Mode, indices: &[u32]) -> Vec<[u32; 3]> {
    match mode {
        Mode::TriangleStrip => {
            indices.windows(3).enumerate().map(|(i, w)| turned(i % 2 == 1, [w[0], w[1], w[2]])).collect()
        }
        Mode::TriangleFan => {
            indices.get(1..).unwrap_or_default().windows(2).map(|w| [indices[0], w[0], w[1]]).collect()
        }
        _ => indices.chunks_exact(3).map(|c| [c[0], c[1], c[2]]).collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use crate::formats::textured::png;
    use crate::image::Rgb8;
    use nalgebra::Vector3;
    use serde_json::json;

    fn floats(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    /// A square as a strip, twice: once turned, once mirrored; its buffer beside it and its picture in a data URI.
    #[test]
    fn nodes_strips_colours_and_files_beside() {
        let mut data = floats(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
        data.extend(floats(&[0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0]));
        data.extend([255u8, 0, 55, 255].repeat(4));
        let picture = STANDARD.encode(png(&Rgb8::filled(2, 2, [4, 5, 6])).unwrap());
        let r = std::f64::consts::FRAC_1_SQRT_2;
        let text = json!({
            "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0, 2]}],
            "nodes": [{"children": [1], "translation": [10, 0, 0]}, {"mesh": 0, "rotation": [0, r, 0, r]},
                {"mesh": 1, "scale": [-2, 2, 2]}],
            "meshes": [
                {"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "mode": 5, "material": 0}]},
                {"primitives": [{"attributes": {"POSITION": 0, "COLOR_0": 2}, "mode": 5}, {"attributes": {"POSITION": 0}, "mode": 0}]}],
            "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
            "textures": [{"source": 0}], "images": [{"uri": format!("data:image/png;base64,{picture}")}],
            "accessors": [
                {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]},
                {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
                {"bufferView": 2, "componentType": 5121, "normalized": true, "count": 4, "type": "VEC4"}],
            "bufferViews": [{"buffer": 0, "byteLength": 48}, {"buffer": 0, "byteOffset": 48, "byteLength": 32},
                {"buffer": 0, "byteOffset": 80, "byteLength": 16}],
            "buffers": [{"byteLength": 96, "uri": "a%20b.bin"}]});
        let text = text.to_string();
        let mut beside = |name: &str| match name {
            "a b.bin" => Ok(data.clone()),
            _ => Err(std::io::Error::other("gone")),
        };
        let mesh = read(text.as_bytes(), &mut beside).unwrap();
        assert_eq!((mesh.mesh.triangles.len(), mesh.objects.len(), mesh.pages.len()), (4, 2, 1));
        assert_eq!(mesh.notes.len(), 1, "{:?}", mesh.notes);
        // Node 1 turns z to x about y; y up becomes z up.
        let normal = mesh.mesh.area_normal(0);
        assert!((normal - Vector3::x()).norm() < 1e-6, "{normal}");
        let (low, high) = mesh.mesh.bounds().unwrap();
        assert!(
            (low - Vector3::new(-2.0, 0.0, 0.0)).norm() < 1e-6 && (high - Vector3::new(10.0, 1.0, 2.0)).norm() < 1e-6
        );
        assert_eq!(mesh.pages[0].image.as_ref().unwrap().at(0, 0), [4, 5, 6]);
        assert_eq!(mesh.uvs[0][0], [0.0, 1.0]);
        // Mirrored, the triangles still face towards where the square faced: z of glTF, which is -y.
        assert!(mesh.mesh.area_normal(2).y < -1.0 && mesh.mesh.area_normal(3).y < -1.0);
        assert_eq!(mesh.colours[2].unwrap()[0], [255, 0, 128], "0.2157 linear");
        let gone = read(text.replace("a%20b", "c").as_bytes(), &mut beside);
        assert!(matches!(gone, Err(ReadError::Beside { .. })));
        let outside = read(text.replace("\"byteLength\":48", "\"byteLength\":44").as_bytes(), &mut beside);
        assert!(matches!(outside, Err(ReadError::Broken { .. })), "{outside:?}");
        let draco = text.replace("\"scene\":0", "\"extensionsRequired\":[\"KHR_draco_mesh_compression\"],\"scene\":0");
        assert!(matches!(read(draco.as_bytes(), &mut beside), Err(ReadError::Unsupported { .. })));
    }

    #[test]
    fn pictures_that_are_nowhere_are_errors() {
        for image in [json!({"bufferView": 0}), json!({"name": "lost"})] {
            let text = json!({"asset": {"version": "2.0"}, "buffers": [], "images": [image]}).to_string();
            let error = read(text.as_bytes(), &mut |_| Err(std::io::ErrorKind::NotFound.into())).unwrap_err();
            assert!(matches!(error, ReadError::Broken { .. }) && error.to_string().contains("picture 0"), "{error}");
        }
    }
}
