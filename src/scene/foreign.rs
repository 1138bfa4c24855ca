//! A mesh that another program wrote, as its file has it: textured, coloured, in several objects, in whatever unit.

use super::Mesh;
use crate::image::Rgb8;
use serde::{Deserialize, Serialize};

/// The page of a triangle without texture.
pub const NO_PAGE: u32 = u32::MAX;

/// A unit of length that files name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LengthUnit {
    /// 1/1000 mm.
    Micron,
    /// mm.
    Millimetre,
    /// cm.
    Centimetre,
    /// 25.4 mm.
    Inch,
    /// 304.8 mm.
    Foot,
    /// m.
    Metre,
}

impl LengthUnit {
    /// Its length in millimetres.
    pub fn mm(self) -> f64 {
        match self {
            Self::Micron => 1e-3,
            Self::Millimetre => 1.0,
            Self::Centimetre => 10.0,
            Self::Inch => 25.4,
            Self::Foot => 304.8,
            Self::Metre => 1000.0,
        }
    }

    /// What a person reads.
    pub fn name(self) -> &'static str {
        match self {
            Self::Micron => "micrometres",
            Self::Millimetre => "millimetres",
            Self::Centimetre => "centimetres",
            Self::Inch => "inches",
            Self::Foot => "feet",
            Self::Metre => "metres",
        }
    }
}

/// A texture of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForeignPage {
    /// Its name in the file or beside it.
    pub name: String,
    /// Pixels (sRGB, 8 bit); absent where they could not be had.
    pub image: Option<Rgb8>,
    /// Bits of each channel in the file; 0 where it could not be read.
    pub bits: u8,
    /// Why there are no pixels; empty where there are.
    pub fault: String,
}

/// A mesh from elsewhere.
///
/// Lists by triangle are either empty or as long as `mesh.triangles`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ForeignMesh {
    /// Geometry in the file's unit; vertices are shared as they are in the file.
    pub mesh: Mesh,
    /// Texture coordinates of each triangle's corners (u right, v down from the page's top left); may lie outside 0..=1.
    pub uvs: Vec<[[f32; 2]; 3]>,
    /// Page of each triangle or [`NO_PAGE`].
    pub page: Vec<u32>,
    /// Colours of each triangle's corners (sRGB).
    pub colours: Vec<Option<[[u8; 3]; 3]>>,
    /// Object of each triangle.
    pub object: Vec<u32>,
    /// Names of the objects.
    pub objects: Vec<String>,
    /// The textures.
    pub pages: Vec<ForeignPage>,
    /// The unit of the vertices; absent where the format has none.
    pub unit: Option<LengthUnit>,
    /// Whether the format says which way is up; z is up then.
    pub upright: bool,
    /// Whether y is up in the file, and the reader has turned it.
    pub turned: bool,
    /// Whether the format says which corners are one vertex; where it does not, equal places are one.
    pub shares_vertices: bool,
    /// Faces of more than three corners, which were cut into triangles.
    pub polygons: usize,
    /// What was passed over, each a sentence.
    pub notes: Vec<String>,
}
