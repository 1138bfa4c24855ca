//! Collects triangles with surfaces and texture coordinates; boxes, prisms, polygons.
//!
//! Everything is in local metres (east, north, up), triangles counter-clockwise seen from outside.

use super::surface::{Rgb, Surface, V3};

/// A triangle: corners as vertex indices, its surface, texture coordinates of its corners.
#[derive(Clone, Copy, Debug)]
pub struct Triangle {
    /// Vertex indices.
    pub v: [u32; 3],
    /// Index into `surfaces`.
    pub surface: u32,
    /// Texture coordinates in metres.
    pub uv: [[f32; 2]; 3],
}

/// Geometry with surfaces.
#[derive(Clone, Debug, Default)]
pub struct Solid {
    /// Vertices in local metres.
    pub vertices: Vec<V3>,
    /// Triangles.
    pub triangles: Vec<Triangle>,
    /// What the triangles look like.
    pub surfaces: Vec<Surface>,
}

/// A local frame on the ground: an origin and two horizontal unit vectors.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Origin.
    pub origin: V3,
    /// Horizontal unit vector "along".
    pub x: V3,
    /// Horizontal unit vector to the left of it.
    pub y: V3,
}

impl Frame {
    /// The point at `x` along, `y` to the left, `z` up.
    pub fn at(&self, x: f32, y: f32, z: f32) -> V3 {
        self.origin + self.x * x + self.y * y + V3::new(0.0, 0.0, z)
    }

    /// The same frame moved.
    pub fn moved(&self, x: f32, y: f32, z: f32) -> Self {
        Self { origin: self.at(x, y, z), ..*self }
    }

    /// The same frame turned counter-clockwise by an angle in radians.
    pub fn turned(&self, angle: f32) -> Self {
        let (s, c) = angle.sin_cos();
        Self { origin: self.origin, x: self.x * c + self.y * s, y: self.y * c - self.x * s }
    }
}

impl Solid {
    /// Adds a surface and returns its index.
    pub fn surface(&mut self, surface: Surface) -> u32 {
        self.surfaces.push(surface);
        (self.surfaces.len() - 1) as u32
    }

    /// A copy of surface `s` in another colour.
    pub fn retinted(&mut self, s: u32, tint: Rgb) -> u32 {
        let surface = Surface { tint, ..self.surfaces[s as usize] };
        self.surface(surface)
    }

    /// Adds a vertex.
    pub fn vertex(&mut self, p: V3) -> u32 {
        self.vertices.push(p);
        (self.vertices.len() - 1) as u32
    }

    /// Adds a triangle by its corners.
    pub fn triangle(&mut self, p: [V3; 3], uv: [[f32; 2]; 3], surface: u32) {
        let v = p.map(|x| self.vertex(x));
        self.triangles.push(Triangle { v, surface, uv });
    }

    /// Adds a quadrilateral with texture coordinates.
    pub fn quad_uv(&mut self, p: [V3; 4], uv: [[f32; 2]; 4], surface: u32) {
        let v = p.map(|x| self.vertex(x));
        self.triangles.push(Triangle { v: [v[0], v[1], v[2]], surface, uv: [uv[0], uv[1], uv[2]] });
        self.triangles.push(Triangle { v: [v[0], v[2], v[3]], surface, uv: [uv[0], uv[2], uv[3]] });
    }

    /// Adds a quadrilateral; u runs along its first edge, v away from it, in metres.
    pub fn quad(&mut self, p: [V3; 4], surface: u32) {
        let along = (p[1] - p[0]).try_normalize(1e-9).unwrap_or_else(V3::x);
        let normal = (p[1] - p[0]).cross(&(p[3] - p[0])).try_normalize(1e-12).unwrap_or_else(V3::z);
        let up = normal.cross(&along);
        let uv = p.map(|x| [(x - p[0]).dot(&along), (x - p[0]).dot(&up)]);
        self.quad_uv(p, uv, surface);
    }

    /// Adds a convex polygon as a fan, its texture coordinates horizontal metres from its first corner.
    pub fn polygon(&mut self, p: &[V3], surface: u32) {
        for k in 1..p.len().saturating_sub(1) {
            let corners = [p[0], p[k], p[k + 1]];
            let uv = corners.map(|x| [x.x - p[0].x, x.y - p[0].y]);
            self.triangle(corners, uv, surface);
        }
    }

    /// Walls between a lower and an upper ring of equal length (counter-clockwise seen from above).
    pub fn ring(&mut self, lower: &[V3], upper: &[V3], surface: u32) {
        let n = lower.len();
        for k in 0..n {
            let l = (k + 1) % n;
            self.quad([lower[k], lower[l], upper[l], upper[k]], surface);
        }
    }

    /// An upright box in a frame: x, y, z ranges; sides and top may differ; the bottom is closed too.
    pub fn cuboid(&mut self, f: &Frame, x: [f32; 2], y: [f32; 2], z: [f32; 2], side: u32, top: u32) {
        let ring = |z: f32| [f.at(x[0], y[0], z), f.at(x[1], y[0], z), f.at(x[1], y[1], z), f.at(x[0], y[1], z)];
        let (lower, upper) = (ring(z[0]), ring(z[1]));
        self.ring(&lower, &upper, side);
        self.quad(upper, top);
        self.quad([lower[3], lower[2], lower[1], lower[0]], side);
    }

    /// An upright cone frustum with `n` sides and a flat top.
    pub fn frustum(&mut self, base: V3, radii: [f32; 2], height: f32, n: usize, side: u32, top: u32) {
        let ring = |r: f32, z: f32| -> Vec<V3> {
            (0..n)
                .map(|k| {
                    let a = k as f32 * std::f32::consts::TAU / n as f32;
                    base + V3::new(r * a.cos(), r * a.sin(), z)
                })
                .collect()
        };
        let (lower, upper) = (ring(radii[0], 0.0), ring(radii[1], height));
        self.ring(&lower, &upper, side);
        self.polygon(&upper, top);
    }

    /// A thin slab over a quadrilateral: top, bottom `thickness` below along z, and edges.
    pub fn slab(&mut self, top: [V3; 4], thickness: f32, top_surface: u32, other: u32) {
        let bottom = top.map(|p| p - V3::new(0.0, 0.0, thickness));
        self.quad(top, top_surface);
        self.ring(&bottom, &top, other);
        self.quad([bottom[3], bottom[2], bottom[1], bottom[0]], other);
    }
}
