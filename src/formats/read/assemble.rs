//! What all readers build their result with: triangles one by one, lists that nobody used left out at the end.

use super::{MAX_TRIANGLES, ReadError, polygon};
use crate::scene::{ForeignMesh, NO_PAGE};
use nalgebra::{Matrix3, Vector3};

/// The look of one triangle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Page and texture coordinates (v down).
    pub texture: Option<(u32, [[f32; 2]; 3])>,
    /// Colours of the corners.
    pub colours: Option<[[u8; 3]; 3]>,
}

/// One corner of a polygon.
#[derive(Clone, Copy, Debug, Default)]
pub struct Corner {
    /// Vertex of the result.
    pub vertex: u32,
    /// Texture coordinate (v down), where there is one.
    pub uv: Option<[f32; 2]>,
    /// Colour, where there is one.
    pub colour: Option<[u8; 3]>,
}

/// A result in the making.
pub struct Assembly {
    format: &'static str,
    /// What there is so far.
    pub out: ForeignMesh,
}

impl Assembly {
    /// An empty one; the format is named in errors.
    pub fn new(format: &'static str) -> Self {
        Self { format, out: ForeignMesh::default() }
    }

    /// Begins an object, to which the next triangles belong.
    pub fn object(&mut self, name: &str) {
        // An object without triangles gives its place to the next one.
        if self.out.objects.len() > self.out.object.last().map_or(0, |&o| o as usize + 1) {
            self.out.objects.pop();
        }
        self.out.objects.push(name.to_string());
    }

    /// Adds a vertex.
    pub fn vertex(&mut self, p: Vector3<f64>) -> u32 {
        self.out.mesh.vertices.push(p);
        (self.out.mesh.vertices.len() - 1) as u32
    }

    /// Adds a triangle of vertices that exist.
    pub fn triangle(&mut self, corners: [u32; 3], look: Look) -> Result<(), ReadError> {
        if self.out.mesh.triangles.len() >= MAX_TRIANGLES || self.out.mesh.vertices.len() >= u32::MAX as usize {
            let limit = MAX_TRIANGLES as u64;
            return Err(ReadError::TooLarge { format: self.format, what: "triangles", limit });
        }
        if self.out.objects.is_empty() {
            self.out.objects.push(String::new());
        }
        self.out.mesh.triangles.push(corners);
        let (page, uvs) = look.texture.unwrap_or((NO_PAGE, [[0.0; 2]; 3]));
        self.out.page.push(page);
        self.out.uvs.push(uvs);
        self.out.colours.push(look.colours);
        self.out.object.push(self.out.objects.len() as u32 - 1);
        Ok(())
    }

    /// Adds a polygon, cut into triangles.
    pub fn polygon(&mut self, corners: &[Corner], page: Option<u32>) -> Result<(), ReadError> {
        if corners.len() < 3 {
            self.note("faces of fewer than three corners were left out");
            return Ok(());
        }
        self.out.polygons += usize::from(corners.len() > 3);
        let places: Vec<_> = corners.iter().map(|c| self.out.mesh.vertices[c.vertex as usize]).collect();
        for t in polygon::triangles(&places) {
            let [a, b, c] = t.map(|k| &corners[k]);
            let uvs = a.uv.zip(b.uv).zip(c.uv).map(|((a, b), c)| [a, b, c]);
            let look = Look {
                texture: page.zip(uvs),
                colours: a.colour.zip(b.colour).zip(c.colour).map(|((a, b), c)| [a, b, c]),
            };
            self.triangle([a.vertex, b.vertex, c.vertex], look)?;
        }
        Ok(())
    }

    /// Remembers a sentence once.
    pub fn note(&mut self, text: &str) {
        if !self.out.notes.iter().any(|n| n == text) && self.out.notes.len() < 50 {
            self.out.notes.push(text.to_string());
        }
    }

    /// Checks the coordinates and leaves out what nobody used.
    pub fn finish(mut self) -> Result<ForeignMesh, ReadError> {
        let out = &mut self.out;
        if out.mesh.triangles.is_empty() {
            return Err(ReadError::Empty { format: self.format });
        }
        let bad = |t: &[u32; 3]| t.iter().any(|&v| !out.mesh.vertices[v as usize].iter().all(|x| x.is_finite()));
        if let Some(triangle) = out.mesh.triangles.iter().position(bad) {
            return Err(ReadError::NotFinite { format: self.format, triangle });
        }
        out.uvs.iter_mut().flatten().flatten().filter(|x| !x.is_finite()).for_each(|x| *x = 0.0);
        if out.page.iter().all(|&p| p == NO_PAGE) {
            out.page = Vec::new();
            out.uvs = Vec::new();
        }
        if out.colours.iter().all(Option::is_none) {
            out.colours = Vec::new();
        }
        while out.objects.len() > out.object.last().map_or(0, |&o| o as usize + 1) {
            out.objects.pop();
        }
        Ok(self.out)
    }
}

/// Turns the corners of a triangle round where a transform mirrors.
pub fn turned<T>(mirrors: bool, mut corners: [T; 3]) -> [T; 3] {
    if mirrors {
        corners.swap(1, 2);
    }
    corners
}

/// Whether a linear map mirrors.
pub fn mirrors(m: &Matrix3<f64>) -> bool {
    m.determinant() < 0.0
}

/// An sRGB value of 0..=1 as 8 bit.
pub fn byte(value: f64) -> u8 {
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

/// The index of something that must exist.
pub fn existing(format: &'static str, what: &'static str, index: i64, count: usize) -> Result<usize, ReadError> {
    usize::try_from(index).ok().filter(|&i| i < count).ok_or(ReadError::Index { format, what, index, count })
}
