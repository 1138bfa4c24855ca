//! Whether two depth maps agree about a surface point: the test that the filter and the fusion share.
//!
//! In: a pixel of one map with its depth and normal. Out: where it lies in the other map, the forward-backward error in
//! pixels, the relative difference of depth, the angle between the normals, and the other map's point in this camera.
//! The other map's plane is followed from its nearest pixel to the exact position, so that slanted surfaces show no error
//! from rounding. Coordinates are pixel indices (first pixel's centre at 0), f32 relative to the cameras.
//! Source of the test: J. Schoenberger et al., "Pixelwise View Selection for Unstructured Multi-View Stereo", ECCV 2016
//! (forward-backward reprojection). Twin on the device: `shaders/dense/consistency.wgsl`.

use super::kernels::consistency::Geometry;
use super::kernels::patch_match::Source;
use crate::scene::DepthMap;

/// The geometry from one map to another.
pub(super) struct Link<'a> {
    other: &'a DepthMap,
    geometry: Source,
    /// Rotation from the other camera to this one.
    rotation: [[f32; 3]; 3],
    f: f32,
    cx: f32,
    cy: f32,
    own_f: f32,
    own_cx: f32,
    own_cy: f32,
}

/// A pixel's counterpart in another map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counterpart {
    /// Position in the other map.
    pub u: f32,
    /// See `u`.
    pub v: f32,
    /// Distance in pixels between the pixel and where the other map's point lies in this image.
    pub error: f32,
    /// Relative difference of depth in the other camera: negative where this point lies in front of the other's surface.
    pub difference: f32,
    /// Cosine between the normals.
    pub cosine: f32,
    /// The other map's point in this camera's frame.
    pub point: [f32; 3],
    /// The other map's normal in this camera's frame.
    pub normal: [f32; 3],
    /// The other map's cost.
    pub cost: f32,
}

impl<'a> Link<'a> {
    /// From `map` to `other`.
    pub fn new(map: &DepthMap, other: &'a DepthMap) -> Self {
        let rotation = (map.pose * other.pose.inverse()).matrix();
        Self {
            other,
            geometry: Source::new((&map.camera, &map.pose), (&other.camera, &other.pose)),
            rotation: std::array::from_fn(|r| std::array::from_fn(|c| rotation[(r, c)] as f32)),
            f: other.camera.f as f32,
            cx: (other.camera.cx - 0.5) as f32,
            cy: (other.camera.cy - 0.5) as f32,
            own_f: map.camera.f as f32,
            own_cx: (map.camera.cx - 0.5) as f32,
            own_cy: (map.camera.cy - 0.5) as f32,
        }
    }

    /// What a kernel needs of this.
    pub fn for_device(&self) -> Geometry {
        Geometry {
            forward: self.geometry.forward,
            backward: self.geometry.backward,
            rotation: self.rotation.map(|[a, b, c]| [a, b, c, 0.0]),
            f: self.f,
            cx: self.cx,
            cy: self.cy,
            width: self.other.depth.width as u32,
            height: self.other.depth.height as u32,
            padding_a: 0,
            padding_b: 0,
            padding_c: 0,
        }
    }

    /// The counterpart of pixel `(x, y)` at `depth` with `normal` (in this camera); `None` where the other map does not
    /// see it or has no depth there.
    pub fn counterpart(&self, x: usize, y: usize, depth: f32, normal: [f32; 3]) -> Option<Counterpart> {
        let (x, y, q) = (x as f32, y as f32, 1.0 / depth);
        let row = |m: &[f32; 4], x: f32, y: f32, q: f32| m[0] * x + m[1] * y + m[2] + m[3] * q;
        let forward = &self.geometry.forward;
        let z = row(&forward[2], x, y, q);
        if !(z > 0.0) {
            return None;
        }
        let (u, v) = (row(&forward[0], x, y, q) / z, row(&forward[1], x, y, q) / z);
        let (w, h) = (self.other.depth.width, self.other.depth.height);
        if !(u >= 0.0 && v >= 0.0 && u <= (w - 1) as f32 && v <= (h - 1) as f32) {
            return None;
        }
        let (i, j) = ((u + 0.5) as usize, (v + 0.5) as usize);
        let measured = self.other.depth.at(i, j);
        if measured <= 0.0 {
            return None;
        }
        let n = self.other.normal.at(i, j);
        // The plane's inverse depth at (u, v), from that at (i, j).
        let facing = |x: f32, y: f32| n[0] * (x - self.cx) / self.f + n[1] * (y - self.cy) / self.f + n[2];
        let (at_pixel, at_point) = (facing(i as f32, j as f32), facing(u, v));
        let other_q =
            if at_pixel < -0.02 && at_point < -0.02 { at_point / (at_pixel * measured) } else { 1.0 / measured };
        let backward = &self.geometry.backward;
        let back_z = row(&backward[2], u, v, other_q);
        if !(back_z > 0.0) {
            return None;
        }
        let (bx, by) = (row(&backward[0], u, v, other_q) / back_z, row(&backward[1], u, v, other_q) / back_z);
        let own_depth = back_z / other_q;
        let turned: [f32; 3] = std::array::from_fn(|r| (0..3).map(|c| self.rotation[r][c] * n[c]).sum());
        Some(Counterpart {
            u,
            v,
            error: ((bx - x) * (bx - x) + (by - y) * (by - y)).sqrt(),
            // Depth of the point in the other camera is z / q.
            difference: 1.0 - q / (z * other_q),
            cosine: (0..3).map(|c| normal[c] * turned[c]).sum(),
            point: [
                (bx - self.own_cx) / self.own_f * own_depth,
                (by - self.own_cy) / self.own_f * own_depth,
                own_depth,
            ],
            normal: turned,
            cost: self.other.cost.at(i, j),
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::base::PhotoId;
    use crate::camera::Pinhole;
    use crate::geometry::Rigid3;
    use crate::image::Grid;
    use nalgebra::{UnitQuaternion, Vector2, Vector3};

    /// The map of the plane z = 10 + 0.3 x from a camera at (`shift`, 0, 0), turned a little.
    pub(in crate::dense) fn plane_map(id: u32, shift: f64, offset: f64) -> DepthMap {
        let camera = Pinhole { width: 60, height: 40, f: 50.0, cx: 30.0, cy: 20.0 };
        let rotation = UnitQuaternion::from_euler_angles(0.02, -0.03 * shift, 0.1);
        let pose = Rigid3::from_rotation_and_centre(rotation, Vector3::new(shift, 0.0, 0.0));
        let normal = Vector3::new(0.3, 0.0, -1.0).normalize();
        let mut map = DepthMap {
            photo: PhotoId(id),
            camera,
            pose,
            depth: Grid::filled(60, 40, 0.0),
            normal: Grid::filled(60, 40, (rotation * normal).cast::<f32>().into()),
            cost: Grid::filled(60, 40, 0.1),
        };
        for y in 0..40 {
            for x in 0..60 {
                let ray = camera.ray(&Vector2::new(x as f64 + 0.5, y as f64 + 0.5));
                let direction = rotation.inverse() * ray;
                // normal . (centre + d direction) = normal . (0, 0, 10 + offset)
                let d = (normal.z * (10.0 + offset) - normal.x * shift) / normal.dot(&direction);
                *map.depth.at_mut(x, y) = d as f32;
            }
        }
        map
    }

    #[test]
    fn equal_surfaces_agree_and_shifted_ones_do_not() {
        let (a, b) = (plane_map(0, 0.0, 0.0), plane_map(1, 1.5, 0.0));
        let link = Link::new(&a, &b);
        let mut seen = 0;
        for y in 0..40 {
            for x in 0..60 {
                if let Some(c) = link.counterpart(x, y, a.depth.at(x, y), a.normal.at(x, y)) {
                    assert!(c.error < 0.01 && c.difference.abs() < 1e-4 && c.cosine > 0.9999, "{c:?}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 1500, "{seen}");
        // The other surface lies half a metre behind: this point is in front of it.
        let behind = plane_map(2, 1.5, 0.5);
        let c = Link::new(&a, &behind).counterpart(30, 20, a.depth.at(30, 20), a.normal.at(30, 20)).expect("seen");
        assert!(c.difference < -0.03 && c.error > 0.2, "{c:?}");
    }
}
