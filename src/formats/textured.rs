//! What OBJ, GLB and 3MF share: the city and the part as lists of unique corners and encoded texture pages.

use crate::image::Rgb8;
use crate::scene::{City, Part};
use image::ImageEncoder;
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use nalgebra::Vector3;
use std::collections::HashMap;

/// The triangles of one texture page, with one entry for each different pair of position and texture coordinate.
#[derive(Clone, Debug, Default)]
pub struct PageMesh {
    /// Positions.
    pub positions: Vec<Vector3<f64>>,
    /// Texture coordinates (v down).
    pub uvs: Vec<[f32; 2]>,
    /// Triangles as indices into both.
    pub triangles: Vec<[u32; 3]>,
}

/// Splits a city into its texture pages.
pub fn pages_of(city: &City) -> Vec<PageMesh> {
    let mut pages = vec![PageMesh::default(); city.pages.len()];
    let mut seen: HashMap<(u16, u32, [u32; 2]), u32> = HashMap::new();
    for (t, triangle) in city.mesh.triangles.iter().enumerate() {
        let page = city.page[t];
        let target = &mut pages[usize::from(page)];
        let corners = std::array::from_fn(|c| {
            let uv = city.uvs[t][c];
            *seen.entry((page, triangle[c], uv.map(f32::to_bits))).or_insert_with(|| {
                target.positions.push(city.mesh.vertices[triangle[c] as usize]);
                target.uvs.push(uv);
                (target.positions.len() - 1) as u32
            })
        });
        target.triangles.push(corners);
    }
    pages
}

/// A part as a city of one page, for the formats that know no solids.
pub fn part_as_city(part: &Part) -> City {
    City {
        mesh: part.mesh.clone(),
        uvs: part.uvs.clone(),
        page: vec![0; part.mesh.triangles.len()],
        views: vec![1; part.mesh.triangles.len()],
        classes: Vec::new(),
        pages: vec![crate::scene::TexturePage { image: part.texture.clone() }],
        texel_m: 0.0,
    }
}

/// How a texture is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Small, at a quality of 1..=100.
    Jpeg(u8),
    /// Exact.
    Png,
}

impl Encoding {
    /// Ending of a file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Jpeg(_) => "jpg",
            Self::Png => "png",
        }
    }

    /// Bytes of an image.
    pub fn encode(self, image: &Rgb8) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Jpeg(quality) => jpeg(image, quality),
            Self::Png => png(image),
        }
    }
}

/// PNG bytes of an image.
pub fn png(image: &Rgb8) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(image.data.as_flattened(), image.width as u32, image.height as u32, image::ExtendedColorType::Rgb8)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// JPEG bytes of an image at a quality of 1..=100.
pub fn jpeg(image: &Rgb8, quality: u8) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality)
        .write_image(image.data.as_flattened(), image.width as u32, image.height as u32, image::ExtendedColorType::Rgb8)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}
