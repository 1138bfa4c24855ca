//! First hypotheses: planes between the sparse points, and random ones.
//!
//! In: sparse points (world), the camera at the smallest size. Out: a plane for each pixel. Inside the points' 2D Delaunay
//! triangulation half of the pixels start on their triangle's plane; the rest, and everything outside, starts at random
//! within the depth range. Deterministic: a hash of the pixel.

use crate::dense::kernels::hash::{HashStream, hash4};
use crate::dense::kernels::patch_match::{Params, Plane};
use crate::geometry::Rigid3;
use nalgebra::Vector3;
use spade::{DelaunayTriangulation, HasPosition, Point2, Triangulation};

/// A point in an image with its inverse depth.
pub(super) struct Support {
    pub position: Point2<f64>,
    pub q: f64,
}

impl HasPosition for Support {
    type Scalar = f64;

    fn position(&self) -> Point2<f64> {
        self.position
    }
}

/// Calls `each(x, y, plane, longest)` for every pixel inside the triangulation of `support` (pixel indices), `longest`
/// being the longest edge of its triangle in pixels.
pub(super) fn over_triangles(
    support: Vec<Support>,
    width: usize,
    height: usize,
    mut each: impl FnMut(usize, usize, Plane, f64),
) {
    let valid = |s: &Support| {
        s.q.is_finite()
            && spade::validate_coordinate(s.position.x).is_ok()
            && spade::validate_coordinate(s.position.y).is_ok()
    };
    let support: Vec<Support> = support.into_iter().filter(valid).collect();
    let Ok(triangulation) = DelaunayTriangulation::<Support>::bulk_load_stable(support) else { return };
    for face in triangulation.inner_faces() {
        let corner = face.vertices().map(|v| (v.position(), v.data().q));
        let [(a, qa), (b, qb), (c, qc)] = corner;
        let (ux, uy, vx, vy) = (b.x - a.x, b.y - a.y, c.x - a.x, c.y - a.y);
        let area = ux * vy - uy * vx;
        if area.abs() < 1e-9 {
            continue;
        }
        let (du, dv) = (qb - qa, qc - qa);
        let (gx, gy) = ((du * vy - dv * uy) / area, (dv * ux - du * vx) / area);
        let edge = |p: Point2<f64>, r: Point2<f64>| (p.x - r.x).hypot(p.y - r.y);
        let longest = edge(a, b).max(edge(b, c)).max(edge(c, a));
        let low = |v: f64| v.ceil().max(0.0) as usize;
        let top = low(a.y.min(b.y).min(c.y));
        let bottom = a.y.max(b.y).max(c.y).min(height as f64 - 1.0);
        let left = low(a.x.min(b.x).min(c.x));
        let right = a.x.max(b.x).max(c.x).min(width as f64 - 1.0);
        for y in top..(bottom.floor() + 1.0).max(0.0) as usize {
            for x in left..(right.floor() + 1.0).max(0.0) as usize {
                let (px, py) = (x as f64 - a.x, y as f64 - a.y);
                let (s, t) = ((px * vy - py * vx) / area, (ux * py - uy * px) / area);
                if s >= 0.0 && t >= 0.0 && s + t <= 1.0 {
                    let q = qa + gx * px + gy * py;
                    each(x, y, Plane { q: q as f32, gx: gx as f32, gy: gy as f32 }, longest);
                }
            }
        }
    }
}

/// The first planes of a photo's smallest level (`params`), from its sparse points.
pub(super) fn initial_planes(params: &Params, pose: &Rigid3, points: &[Vector3<f64>]) -> Vec<[f32; 4]> {
    let (width, height) = (params.width as usize, params.height as usize);
    let support = points
        .iter()
        .filter_map(|p| {
            let x = pose.apply(p);
            let position = Point2::new(
                f64::from(params.f) * x.x / x.z + f64::from(params.cx),
                f64::from(params.f) * x.y / x.z + f64::from(params.cy),
            );
            let inside = position.x > -0.5 * width as f64
                && position.x < 1.5 * width as f64
                && position.y > -0.5 * height as f64
                && position.y < 1.5 * height as f64;
            (x.z > 0.0 && inside).then_some(Support { position, q: 1.0 / x.z })
        })
        .collect();
    let mut planes = vec![[0f32; 4]; width * height];
    for (i, plane) in planes.iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        let mut random = HashStream(hash4(x as u32, y as u32, 0xffff, params.seed));
        let q = params.q_min + (params.q_max - params.q_min) * random.unit();
        *plane = random_plane(params, q, x as f32, y as f32, &mut random);
    }
    over_triangles(support, width, height, |x, y, plane, _| {
        let mut random = HashStream(hash4(x as u32, y as u32, 0xfffe, params.seed));
        let (px, py) = (x as f32, y as f32);
        let q = (plane.q * (1.0 + 0.01 * random.signed())).clamp(params.q_min, params.q_max);
        let kind = random.unit();
        if kind < 0.5 && params.is_valid(plane, px, py) {
            planes[y * width + x] = [plane.q, plane.gx, plane.gy, 0.0];
        } else if kind < 0.75 {
            planes[y * width + x] = random_plane(params, q, px, py, &mut random);
        }
    });
    planes
}

/// A plane with a random normal in the half space that faces the camera.
fn random_plane(params: &Params, q: f32, x: f32, y: f32, random: &mut HashStream) -> [f32; 4] {
    for _ in 0..8 {
        let n = [random.signed(), random.signed(), -random.unit()];
        let length = n.iter().map(|c| c * c).sum::<f32>().sqrt().max(1e-9);
        let plane = params.plane(q, n.map(|c| c / length), x, y);
        if params.is_valid(plane, x, y) {
            return [plane.q, plane.gx, plane.gy, 0.0];
        }
    }
    [q, 0.0, 0.0, 0.0]
}
