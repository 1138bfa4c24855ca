//! The colours of a part by place: of a point of a triangle, and the mean of a piece of one.
//!
//! In: a [`Part`]. Out: sRGB in 0..=255 or CIE L*a*b*. Cost: one bilinear look at the page for each sample.

use crate::image::colour::lab_of_srgb;
use crate::scene::Part;

/// Samples along an edge of a piece at most.
const MOST: usize = 8;

/// A part's page as a function of places on its triangles.
#[derive(Clone, Copy)]
pub struct Skin<'a> {
    part: &'a Part,
}

/// Barycentric coordinates of a piece's corners in its triangle.
pub type Piece = [[f32; 3]; 3];

/// The piece that is the whole triangle.
pub const WHOLE: Piece = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

impl<'a> Skin<'a> {
    /// The skin of a part.
    pub fn new(part: &'a Part) -> Self {
        Self { part }
    }

    /// Whether a triangle has no picture: its corners lie on one spot of the page.
    pub fn plain(&self, t: usize) -> bool {
        let [a, b, c] = self.part.uvs[t];
        a == b && b == c
    }

    /// Texture coordinate of a point of a triangle.
    fn uv(&self, t: usize, at: [f32; 3]) -> [f32; 2] {
        let uv = &self.part.uvs[t];
        std::array::from_fn(|k| uv[0][k] * at[0] + uv[1][k] * at[1] + uv[2][k] * at[2])
    }

    /// Colour (sRGB, 0..=255) of a point of a triangle.
    pub fn rgb(&self, t: usize, at: [f32; 3]) -> [f32; 3] {
        let page = &self.part.texture;
        let [u, v] = self.uv(t, at);
        page.bilinear(u * page.width as f32, v * page.height as f32)
    }

    /// Colour (L*a*b*) of a point of a triangle.
    pub fn lab(&self, t: usize, at: [f32; 3]) -> [f64; 3] {
        lab_of_srgb(self.rgb(t, at).map(|v| v / 255.0))
    }

    /// Calls `each` for evenly spread points of a piece of a triangle: about one for each texel and a half along its
    /// edges, so that no texel is passed over where the piece is not larger than a dozen texels.
    pub fn samples(&self, t: usize, piece: &Piece, mut each: impl FnMut([f32; 3])) {
        let page = &self.part.texture;
        let corners = piece.map(|p| self.uv(t, p));
        let mut longest = 0f32;
        for k in 0..3 {
            let (p, q) = (corners[k], corners[(k + 1) % 3]);
            longest = longest.max(((p[0] - q[0]) * page.width as f32).hypot((p[1] - q[1]) * page.height as f32));
        }
        let n = ((longest / 1.5).ceil() as usize).clamp(1, MOST);
        let point = |i: f32, j: f32| {
            let (b, c) = (i / n as f32, j / n as f32);
            std::array::from_fn(|k| piece[0][k] * (1.0 - b - c) + piece[1][k] * b + piece[2][k] * c)
        };
        for i in 0..n {
            for j in 0..n - i {
                each(point(i as f32 + 1.0 / 3.0, j as f32 + 1.0 / 3.0));
                if i + j + 2 <= n {
                    each(point(i as f32 + 2.0 / 3.0, j as f32 + 2.0 / 3.0));
                }
            }
        }
    }

    /// Mean colour (L*a*b*) of a piece of a triangle.
    pub fn mean_lab(&self, t: usize, piece: &Piece) -> [f64; 3] {
        let (mut sum, mut n) = ([0.0; 3], 0.0);
        self.samples(t, piece, |at| {
            let lab = self.lab(t, at);
            (0..3).for_each(|k| sum[k] += lab[k]);
            n += 1.0;
        });
        sum.map(|v| v / n)
    }
}

/// Squared distance of two L*a*b* colours.
pub fn distance2(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    (0..3).map(|k| (a[k] - b[k]).powi(2)).sum()
}
