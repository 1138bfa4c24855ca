//! Triangle meshes and printable parts.

use crate::image::Rgb8;
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};

/// An indexed triangle mesh. Triangles are counter-clockwise seen from outside.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mesh {
    /// Vertices; local metres for a city, millimetres for a part.
    pub vertices: Vec<Vector3<f64>>,
    /// Triangles as vertex indices.
    pub triangles: Vec<[u32; 3]>,
}

impl Mesh {
    /// The corners of triangle `t`.
    #[inline]
    pub fn corners(&self, t: usize) -> [Vector3<f64>; 3] {
        let [a, b, c] = self.triangles[t];
        [self.vertices[a as usize], self.vertices[b as usize], self.vertices[c as usize]]
    }

    /// Twice-area normal of triangle `t` (not unit length).
    #[inline]
    pub fn area_normal(&self, t: usize) -> Vector3<f64> {
        let [a, b, c] = self.corners(t);
        (b - a).cross(&(c - a))
    }

    /// Smallest and largest coordinates; `None` for no vertices.
    pub fn bounds(&self) -> Option<(Vector3<f64>, Vector3<f64>)> {
        let first = *self.vertices.first()?;
        Some(self.vertices.iter().fold((first, first), |(lo, hi), v| (lo.inf(v), hi.sup(v))))
    }

    /// Signed volume; positive for a closed mesh with outward triangles.
    pub fn volume(&self) -> f64 {
        (0..self.triangles.len())
            .map(|t| {
                let [a, b, c] = self.corners(t);
                a.dot(&b.cross(&c)) / 6.0
            })
            .sum()
    }
}

/// What a piece of surface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurfaceClass {
    /// Streets, pavements, lawns.
    Ground,
    /// Roofs.
    Roof,
    /// Walls.
    Facade,
    /// Trees and hedges.
    Vegetation,
    /// Parked cars.
    Car,
    /// Water.
    Water,
    /// Anything else.
    Other,
}

impl SurfaceClass {
    /// All of them, in the order of their numbers in files.
    pub const ALL: [Self; 7] =
        [Self::Ground, Self::Roof, Self::Facade, Self::Vegetation, Self::Car, Self::Water, Self::Other];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ground => "ground",
            Self::Roof => "roof",
            Self::Facade => "facade",
            Self::Vegetation => "vegetation",
            Self::Car => "car",
            Self::Water => "water",
            Self::Other => "other",
        }
    }
}

/// A printable solid: one closed 2-manifold body in millimetres, z up, bottom at z = 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The body.
    pub mesh: Mesh,
    /// Texture coordinates of each triangle's corners (u right, v down from the top left, 0..=1).
    pub uvs: Vec<[[f32; 2]; 3]>,
    /// The one texture page (sRGB); sides and base point to a plain patch in it.
    pub texture: Rgb8,
    /// Scale denominator N of 1:N; `None` where the city has no known scale.
    pub scale_denominator: Option<f64>,
    /// Name for titles and files.
    pub title: String,
}
