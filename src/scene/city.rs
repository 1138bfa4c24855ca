//! The textured city.

use super::{Mesh, SurfaceClass};
use crate::image::Rgb8;
use serde::{Deserialize, Serialize};

/// One page of a texture atlas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TexturePage {
    /// Pixels (sRGB).
    pub image: Rgb8,
}

/// The textured mesh of the place in local metres.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct City {
    /// Geometry.
    pub mesh: Mesh,
    /// Texture coordinates of each triangle's corners (u right, v down from the page's top left, 0..=1).
    pub uvs: Vec<[[f32; 2]; 3]>,
    /// Texture page of each triangle.
    pub page: Vec<u16>,
    /// How many photos see each triangle (255 stands for more); those that none sees have a colour filled in from
    /// around them.
    pub views: Vec<u8>,
    /// The pages.
    pub pages: Vec<TexturePage>,
    /// Ground size of one texel in metres.
    pub texel_m: f64,
    /// What each triangle is; empty where nobody has said (the scale is unknown).
    pub classes: Vec<SurfaceClass>,
}
