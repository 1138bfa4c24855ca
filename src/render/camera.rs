//! The camera of the 3D view: where it looks from, and what a hand on the mouse does to it.
//!
//! In: pixels of the picture (x right, y down, the centre of the first at (0.5, 0.5)) and points of the world (east,
//! north, up; any unit). Everything is `f64`; only [`ViewCamera::clip_from_local`] rounds to `f32`, relative to an
//! origin near the scene, so that coordinates far from zero do not tremble.
//! Depth is reversed (1 = nearest) and without a far end, which keeps its precision over kilometres.

use crate::geometry::Rigid3;
use nalgebra::{Matrix4, Vector2, Vector3, Vector4};
use std::f64::consts::FRAC_PI_2;

/// Nearest depth that is drawn, as a share of the distance to the target.
const NEAR: f64 = 1e-3;
/// Depth on either side of the target that a parallel projection draws, in distances to the target.
const REACH: f64 = 1e3;
/// Turn of the camera for one pixel of the mouse, in radians.
const TURN: f64 = 0.006;

/// A camera that turns about a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ViewCamera {
    /// The point that it looks at and turns about.
    pub target: Vector3<f64>,
    /// Distance of the eye to the target, in the unit of the world.
    pub distance: f64,
    /// Heading of the view in radians: 0 = north, clockwise.
    pub yaw: f64,
    /// Slope of the view in radians: 0 = level, -pi/2 = straight down.
    pub pitch: f64,
    /// Turn about the line of sight in radians, clockwise; 0 keeps the horizon level.
    pub roll: f64,
    /// Vertical field of view in radians.
    pub fov: f64,
    /// Whether the projection is parallel; it then shows what a perspective one shows at the target's distance.
    pub orthographic: bool,
}

impl Default for ViewCamera {
    fn default() -> Self {
        Self {
            target: Vector3::zeros(),
            distance: 100.0,
            yaw: 0.5,
            pitch: -0.7,
            roll: 0.0,
            fov: 0.8,
            orthographic: false,
        }
    }
}

/// A line of sight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ray {
    /// Where it starts.
    pub origin: Vector3<f64>,
    /// Its direction; 1 along the line of sight of the picture's centre, so that a multiple of it is a depth.
    pub direction: Vector3<f64>,
}

impl Ray {
    /// The point at a depth from the origin.
    pub fn at(&self, depth: f64) -> Vector3<f64> {
        self.origin + self.direction * depth
    }
}

impl ViewCamera {
    /// Unit directions right, up and forward of the picture in the world.
    pub fn axes(&self) -> [Vector3<f64>; 3] {
        let (sin, cos) = self.yaw.sin_cos();
        let (down, level) = self.pitch.sin_cos();
        let forward = Vector3::new(sin * level, cos * level, down);
        let right = Vector3::new(cos, -sin, 0.0);
        let up = right.cross(&forward);
        let (s, c) = self.roll.sin_cos();
        [right * c - up * s, up * c + right * s, forward]
    }

    /// Where the camera is (of a parallel projection: a point on its axis).
    pub fn eye(&self) -> Vector3<f64> {
        self.target - self.axes()[2] * self.distance
    }

    /// Nearest depth that is drawn; 0 of a parallel projection.
    pub fn near(&self) -> f64 {
        if self.orthographic { 0.0 } else { self.distance * NEAR }
    }

    fn half_height(&self) -> f64 {
        (self.fov / 2.0).tan()
    }

    /// Right, up (-1..=1 inside the picture) of a pixel.
    fn plane_of(&self, pixel: &Vector2<f64>, size: [u32; 2]) -> (f64, f64) {
        let [w, h] = size.map(|s| f64::from(s.max(1)));
        ((2.0 * pixel.x / w - 1.0) * w / h, 1.0 - 2.0 * pixel.y / h)
    }

    /// Clip space from world coordinates minus `origin`, column by column.
    pub fn clip_from_local(&self, origin: &Vector3<f64>, size: [u32; 2]) -> [[f32; 4]; 4] {
        let [right, up, forward] = self.axes();
        let shift = origin - self.eye();
        let row = |axis: &Vector3<f64>, scale: f64| {
            Vector4::new(axis.x * scale, axis.y * scale, axis.z * scale, axis.dot(&shift) * scale)
        };
        let aspect = f64::from(size[0].max(1)) / f64::from(size[1].max(1));
        let depth = row(&forward, 1.0);
        let rows = if self.orthographic {
            let scale = 1.0 / (self.half_height() * self.distance);
            let reach = REACH * self.distance;
            let one = Vector4::new(0.0, 0.0, 0.0, 1.0);
            let z = (one * (self.distance + reach) - depth) / (2.0 * reach);
            [row(&right, scale / aspect), row(&up, scale), z, one]
        } else {
            let scale = 1.0 / self.half_height();
            [row(&right, scale / aspect), row(&up, scale), Vector4::new(0.0, 0.0, 0.0, self.near()), depth]
        };
        let matrix = Matrix4::from_rows(&rows.map(|r| r.transpose()));
        std::array::from_fn(|c| std::array::from_fn(|r| matrix[(r, c)] as f32))
    }

    /// The line of sight of a pixel.
    pub fn ray(&self, pixel: &Vector2<f64>, size: [u32; 2]) -> Ray {
        let [right, up, forward] = self.axes();
        let (x, y) = self.plane_of(pixel, size);
        let side = (right * x + up * y) * self.half_height();
        if self.orthographic {
            let origin = self.eye() + side * self.distance - forward * (REACH * self.distance);
            Ray { origin, direction: forward }
        } else {
            Ray { origin: self.eye(), direction: forward + side }
        }
    }

    /// The pixel of a point and its depth along the line of sight; `None` for what lies behind the eye.
    pub fn project(&self, point: &Vector3<f64>, size: [u32; 2]) -> Option<(Vector2<f64>, f64)> {
        let [right, up, forward] = self.axes();
        let offset = point - self.eye();
        let depth = forward.dot(&offset);
        let scale = if self.orthographic { self.distance } else { depth };
        if !self.orthographic && depth <= self.near() {
            return None;
        }
        let [w, h] = size.map(|s| f64::from(s.max(1)));
        let unit = h / 2.0 / (scale * self.half_height());
        Some((Vector2::new(w / 2.0 + right.dot(&offset) * unit, h / 2.0 - up.dot(&offset) * unit), depth))
    }

    /// The point under a pixel that is as deep as the target.
    pub fn at_target_depth(&self, pixel: &Vector2<f64>, size: [u32; 2]) -> Vector3<f64> {
        let start = if self.orthographic { REACH * self.distance } else { 0.0 };
        self.ray(pixel, size).at(start + self.distance)
    }

    /// World units that one pixel spans at a point.
    pub fn pixel_size(&self, point: &Vector3<f64>, size: [u32; 2]) -> f64 {
        let depth = if self.orthographic { self.distance } else { self.axes()[2].dot(&(point - self.eye())).abs() };
        2.0 * depth * self.half_height() / f64::from(size[1].max(1))
    }

    /// World units that one pixel spans at depth 1, or, of a parallel projection, everywhere.
    pub(super) fn pixel_size_at_depth_one(&self, size: [u32; 2]) -> f64 {
        let depth = if self.orthographic { self.distance } else { 1.0 };
        2.0 * depth * self.half_height() / f64::from(size[1].max(1))
    }

    /// Turns about the target by a movement of the mouse in pixels; the scene follows the hand, z stays up.
    pub fn orbit(&mut self, moved: &Vector2<f64>) {
        self.roll = 0.0;
        self.yaw = (self.yaw + moved.x * TURN).rem_euclid(std::f64::consts::TAU);
        self.pitch = (self.pitch - moved.y * TURN).clamp(-FRAC_PI_2, FRAC_PI_2);
    }

    /// Turns the head: the eye stays, the scene follows the hand.
    pub fn look_around(&mut self, moved: &Vector2<f64>) {
        let eye = self.eye();
        self.orbit(&(moved * 0.5));
        self.target = eye + self.axes()[2] * self.distance;
    }

    /// Moves without turning: right, up and forward of the picture, in the unit of the world.
    pub fn travel(&mut self, by: &Vector3<f64>) {
        let [right, up, forward] = self.axes();
        self.target += right * by.x + up * by.y + forward * by.z;
    }

    /// The pixels of the ends of a line, cut where it passes behind the eye.
    pub fn project_line(&self, ends: [Vector3<f64>; 2], size: [u32; 2]) -> Option<[Vector2<f64>; 2]> {
        let [mut a, mut b] = ends;
        if !self.orthographic {
            let depth = |p: &Vector3<f64>| self.axes()[2].dot(&(p - self.eye()));
            let least = self.near() * 1.01;
            match (depth(&a), depth(&b)) {
                (da, db) if da <= least && db <= least => return None,
                (da, db) if da < least => a += (b - a) * ((least - da) / (db - da)),
                (da, db) if db < least => b += (a - b) * ((least - db) / (da - db)),
                _ => {}
            }
        }
        Some([self.project(&a, size)?.0, self.project(&b, size)?.0])
    }

    /// Makes `pivot` the point about which [`Self::orbit`] turns, without moving the picture: the target is put on the
    /// line of sight at the pivot's depth.
    pub fn set_depth_of(&mut self, pivot: &Vector3<f64>) {
        if self.orthographic {
            self.target += self.axes()[2] * self.axes()[2].dot(&(pivot - self.target));
            return;
        }
        let (eye, forward) = (self.eye(), self.axes()[2]);
        let depth = forward.dot(&(pivot - eye));
        if depth > self.near() {
            self.distance = depth;
            self.target = eye + forward * depth;
        }
    }

    /// Shifts so that the point `held`, seen at pixel `from`, is seen at pixel `to`.
    pub fn pan(&mut self, from: &Vector2<f64>, to: &Vector2<f64>, held: &Vector3<f64>, size: [u32; 2]) {
        let depth = self.axes()[2].dot(&(held - self.eye())).max(self.near());
        let (a, b) = (self.ray(from, size), self.ray(to, size));
        let shift = if self.orthographic { b.origin - a.origin } else { (b.direction - a.direction) * depth };
        self.target -= shift;
    }

    /// Comes nearer (`factor` < 1) or goes away, while `held` stays at its pixel.
    pub fn zoom(&mut self, factor: f64, held: &Vector3<f64>) {
        let factor = factor.clamp(1e-3, 1e3).max(1e-6 / self.distance.max(1e-9));
        self.target = held + (self.target - held) * factor;
        self.distance *= factor;
    }

    /// Shows a whole box, in the present direction, as large and as centred as the picture allows.
    pub fn frame(&mut self, (low, high): (Vector3<f64>, Vector3<f64>), size: [u32; 2]) {
        let axes = self.axes();
        let centre = (low + high) / 2.0;
        // A little less than the picture, which leaves a margin.
        let tall = self.half_height() * 0.94;
        let half = [tall * f64::from(size[0].max(1)) / f64::from(size[1].max(1)), tall];
        let corners: [Vector3<f64>; 8] = std::array::from_fn(|c| {
            let corner = Vector3::from_fn(|i, _| if c >> i & 1 == 1 { high[i] } else { low[i] }) - centre;
            axes.map(|axis| axis.dot(&corner)).into()
        });
        let most = |f: &dyn Fn(&Vector3<f64>) -> f64| corners.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
        let mut shift = [0.0; 2];
        let mut distance = 1e-3f64;
        for side in 0..2 {
            // Two opposite sides of the picture bound the eye's place: as near as both allow, midway between them.
            let slope = if self.orthographic { 0.0 } else { half[side] };
            let above = most(&|c| c[side] - slope * c.z);
            let below = most(&|c| -c[side] - slope * c.z);
            distance = distance.max((above + below) / (2.0 * half[side]));
            shift[side] = (above - below) / 2.0;
        }
        self.target = centre + axes[0] * shift[0] + axes[1] * shift[1];
        self.distance = distance;
    }

    /// The least distance to the target from where a whole box can be seen in the present direction, with a margin.
    pub fn distance_to_show(&self, (low, high): (Vector3<f64>, Vector3<f64>), size: [u32; 2]) -> f64 {
        let axes = self.axes();
        let tall = self.half_height() * 0.94;
        let half = [tall * f64::from(size[0].max(1)) / f64::from(size[1].max(1)), tall];
        let needed = |c: usize| {
            let corner = Vector3::from_fn(|i, _| if c >> i & 1 == 1 { high[i] } else { low[i] }) - self.target;
            let nearer = if self.orthographic { 0.0 } else { axes[2].dot(&corner) };
            (0..2).map(|side| axes[side].dot(&corner).abs() / half[side] - nearer).fold(0.0, f64::max)
        };
        (0..8).map(needed).fold(1e-3, f64::max)
    }

    /// Looks straight down, north up, at the present target.
    pub fn look_down(&mut self) {
        (self.yaw, self.pitch, self.roll) = (0.0, -FRAC_PI_2, 0.0);
    }

    /// Takes the place of a photo's camera (`cam_from_world`, focal length and height in pixels); `depth` is how far
    /// away the target is put.
    pub fn look_through(&mut self, pose: &Rigid3, focal_px: f64, height_px: f64, depth: f64) {
        let forward = pose.view_direction();
        let back = pose.rotation.inverse();
        let (right, up) = (back * Vector3::x(), back * -Vector3::y());
        self.orthographic = false;
        self.fov = 2.0 * (height_px / 2.0 / focal_px).atan();
        self.distance = depth.max(1e-6);
        self.target = pose.centre() + forward * self.distance;
        self.pitch = forward.z.clamp(-1.0, 1.0).asin();
        // Straight down there is no heading of the view: that of the picture's top stands for it.
        let level = if forward.xy().norm() > 1e-6 { forward.xy() } else { up.xy() * -forward.z.signum() };
        self.yaw = level.x.atan2(level.y);
        self.roll = 0.0;
        let [plain_right, plain_up, _] = self.axes();
        self.roll = (-right.dot(&plain_up)).atan2(right.dot(&plain_right));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use nalgebra::{UnitQuaternion, Vector4};

    const SIZE: [u32; 2] = [640, 400];

    fn cameras() -> Vec<ViewCamera> {
        let mut rng = Rng::new(4, 2);
        (0..40)
            .map(|i| ViewCamera {
                target: Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 50.0,
                distance: rng.uniform(5.0, 500.0),
                yaw: rng.uniform(0.0, 6.0),
                pitch: rng.uniform(-1.57, 1.0),
                roll: if i % 3 == 0 { rng.uniform(-1.0, 1.0) } else { 0.0 },
                fov: rng.uniform(0.4, 1.4),
                orthographic: i % 2 == 0,
            })
            .collect()
    }

    #[test]
    fn ray_projection_and_matrix_agree() {
        for camera in cameras() {
            let pixel = Vector2::new(123.0, 301.5);
            let ray = camera.ray(&pixel, SIZE);
            let depth = if camera.orthographic { camera.distance * (REACH + 0.8) } else { camera.distance * 0.8 };
            let point = ray.at(depth);
            let (back, z) = camera.project(&point, SIZE).expect("in front");
            assert!((back - pixel).norm() < 1e-6, "{back} {camera:?}");
            assert!((z / camera.distance - 0.8).abs() < 1e-6);
            let origin = camera.target + Vector3::new(3.0, -2.0, 1.0);
            let m = camera.clip_from_local(&origin, SIZE);
            let local = (point - origin).map(|v| v as f32);
            let clip: Vector4<f32> = Vector4::from_fn(|r, _| (0..3).map(|c| m[c][r] * local[c]).sum::<f32>() + m[3][r]);
            let x = f64::from(clip.x / clip.w + 1.0) / 2.0 * 640.0;
            let y = f64::from(1.0 - clip.y / clip.w) / 2.0 * 400.0;
            assert!((Vector2::new(x, y) - pixel).norm() < 0.01, "{x} {y}");
            assert!(clip.z / clip.w > 0.0 && clip.z / clip.w < 1.0);
        }
    }

    #[test]
    fn held_points_stay_under_the_cursor() {
        for mut camera in cameras() {
            let from = Vector2::new(500.0, 100.0);
            let reach = if camera.orthographic { camera.distance * REACH } else { 0.0 };
            let held = camera.ray(&from, SIZE).at(reach + camera.distance * 1.3);
            camera.zoom(0.7, &held);
            assert!((camera.project(&held, SIZE).expect("seen").0 - from).norm() < 1e-6);
            let to = Vector2::new(40.0, 390.0);
            camera.pan(&from, &to, &held, SIZE);
            assert!((camera.project(&held, SIZE).expect("seen").0 - to).norm() < 1e-6);
            camera.set_depth_of(&held);
            assert!((camera.project(&held, SIZE).expect("seen").0 - to).norm() < 1e-6);
        }
    }

    #[test]
    fn lines_are_cut_behind_the_eye_and_heads_turn_in_place() {
        for mut camera in cameras() {
            let [_, _, forward] = camera.axes();
            let ends = [camera.target, camera.eye() - forward * camera.distance];
            let line = camera.project_line(ends, SIZE).expect("half of it is seen");
            assert!((line[0] - Vector2::new(320.0, 200.0)).norm() < 1e-6 && (line[1] - line[0]).norm() < 1e-3);
            if !camera.orthographic {
                assert!(camera.project_line([ends[1], ends[1] - forward], SIZE).is_none());
            }
            let eye = camera.eye();
            camera.look_around(&Vector2::new(30.0, 4.0));
            assert!((camera.eye() - eye).norm() < 1e-9 * camera.distance.max(1.0));
            let forward = camera.axes()[2];
            camera.travel(&Vector3::new(0.0, 0.0, 2.0));
            assert!((camera.eye() - eye - forward * 2.0).norm() < 1e-9 * camera.distance.max(1.0));
        }
    }

    #[test]
    fn a_framed_box_fills_the_picture() {
        let (low, high) = (Vector3::new(-20.0, 5.0, 0.0), Vector3::new(60.0, 45.0, 12.0));
        for mut camera in cameras() {
            camera.frame((low, high), SIZE);
            let mut widest = 0.0f64;
            for c in 0..8 {
                let corner = Vector3::from_fn(|i, _| if c >> i & 1 == 1 { high[i] } else { low[i] });
                let p = camera.project(&corner, SIZE).expect("seen").0;
                widest = widest.max((p.x / 320.0 - 1.0).abs()).max((p.y / 200.0 - 1.0).abs());
            }
            assert!(widest < 0.95 && widest > 0.93, "{widest}");
        }
    }

    #[test]
    fn directions_are_those_of_a_map() {
        let mut camera = ViewCamera::default();
        camera.look_down();
        let centre = camera.project(&Vector3::zeros(), SIZE).expect("seen").0;
        assert!((centre - Vector2::new(320.0, 200.0)).norm() < 1e-9);
        assert!(camera.project(&Vector3::x(), SIZE).expect("seen").0.x > 320.0);
        assert!(camera.project(&Vector3::y(), SIZE).expect("seen").0.y < 200.0);
        camera.pitch = -0.5;
        assert!(camera.project(&Vector3::z(), SIZE).expect("seen").0.y < 200.0);
        let before = camera.project(&Vector3::new(0.0, -10.0, 0.0), SIZE).expect("seen").0;
        camera.orbit(&Vector2::new(10.0, 0.0));
        assert!(camera.project(&Vector3::new(0.0, -10.0, 0.0), SIZE).expect("seen").0.x > before.x);
    }

    #[test]
    fn looks_through_a_photo() {
        let mut rng = Rng::new(8, 1);
        let mut rotations: Vec<UnitQuaternion<f64>> = (0..30)
            .map(|_| UnitQuaternion::from_euler_angles(rng.uniform(-3.0, 3.0), rng.normal(), rng.normal()))
            .collect();
        rotations.push(UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0));
        for rotation in rotations {
            let pose = Rigid3::from_rotation_and_centre(rotation, Vector3::new(5.0, -7.0, 90.0));
            let mut camera = ViewCamera::default();
            camera.look_through(&pose, 500.0, 400.0, 30.0);
            let in_camera = Vector3::new(2.0, -1.0, 20.0);
            let seen = camera.project(&pose.inverse().apply(&in_camera), SIZE).expect("seen").0;
            assert!((seen - Vector2::new(370.0, 175.0)).norm() < 1e-6, "{seen}");
        }
    }
}
