//! What the camera can see at all: tests of cubes and boxes against the sides of the picture, and their size on it.
//!
//! In: a camera and the size of the picture; centres and half sides of cubes in the world. Out: pixels for a unit, or
//! nothing. Conservative: what touches the picture is never left out.

use super::camera::ViewCamera;
use nalgebra::Vector3;

/// The camera's volume.
pub(super) struct Sight {
    eye: Vector3<f64>,
    axes: [Vector3<f64>; 3],
    /// Half of the picture's width and height at depth 1 (of a parallel projection: everywhere).
    half: [f64; 2],
    near: f64,
    parallel: bool,
    /// Pixels for a unit at depth 1 (of a parallel projection: everywhere).
    pixels: f64,
}

impl Sight {
    pub fn new(camera: &ViewCamera, size: [u32; 2]) -> Self {
        let unit = camera.pixel_size_at_depth_one(size);
        let half = size.map(|s| f64::from(s.max(1)) * unit / 2.0);
        let parallel = camera.orthographic;
        Self { eye: camera.eye(), axes: camera.axes(), half, near: camera.near(), parallel, pixels: 1.0 / unit }
    }

    /// Pixels of a unit at the nearest place of a cube; `None` where no part of it can be in the picture.
    pub fn pixels_per_unit(&self, centre: &Vector3<f64>, half: f64) -> Option<f64> {
        self.pixels_of(centre, &Vector3::repeat(half))
    }

    /// The same for a box with these half sides.
    pub fn pixels_of(&self, centre: &Vector3<f64>, half: &Vector3<f64>) -> Option<f64> {
        let offset = centre - self.eye;
        let at = self.axes.map(|axis| axis.dot(&offset));
        let reach = |direction: &Vector3<f64>| direction.abs().dot(half);
        if self.parallel {
            let outside = (0..2).any(|i| at[i].abs() > self.half[i] + reach(&self.axes[i]));
            return (!outside).then_some(self.pixels);
        }
        let depth = reach(&self.axes[2]);
        if at[2] + depth < self.near {
            return None;
        }
        for i in 0..2 {
            for side in [1.0, -1.0] {
                // Outside of the plane through the eye and this edge of the picture.
                let normal = self.axes[i] * side - self.axes[2] * self.half[i];
                if at[i] * side - at[2] * self.half[i] > reach(&normal) {
                    return None;
                }
            }
        }
        Some(self.pixels / (at[2] - depth).max(self.near))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use nalgebra::Vector2;

    #[test]
    fn nothing_that_projects_into_the_picture_is_left_out() {
        let mut rng = Rng::new(11, 0);
        let (mut seen, mut left_out) = (0, 0);
        for i in 0..3000 {
            let camera = ViewCamera {
                target: Vector3::from_fn(|_, _| rng.uniform(-20.0, 20.0)),
                distance: rng.uniform(5.0, 80.0),
                yaw: rng.uniform(0.0, 6.0),
                pitch: rng.uniform(-1.5, 0.5),
                orthographic: i % 2 == 0,
                ..ViewCamera::default()
            };
            let sight = Sight::new(&camera, [300, 200]);
            let centre = Vector3::from_fn(|_, _| rng.uniform(-60.0, 60.0));
            let half = Vector3::from_fn(|_, _| rng.uniform(0.5, 6.0));
            let inside = (0..40).any(|_| {
                let p = centre + Vector3::from_fn(|k, _| rng.uniform(-half[k], half[k]));
                camera.project(&p, [300, 200]).is_some_and(|(q, _)| {
                    q.x >= 0.0 && q.y >= 0.0 && Vector2::new(300.0 - q.x, 200.0 - q.y).min() >= 0.0
                })
            });
            let found = sight.pixels_of(&centre, &half);
            assert!(!inside || found.is_some(), "{camera:?} {centre} {half}");
            seen += usize::from(inside);
            left_out += usize::from(found.is_none());
        }
        assert!(seen > 200 && left_out > 1000, "{seen} {left_out}");
    }

    #[test]
    fn pixels_are_those_of_the_nearest_place() {
        let mut camera = ViewCamera::default();
        let sight = Sight::new(&camera, [300, 200]);
        let ahead = camera.target;
        let plain = 1.0 / camera.pixel_size(&ahead, [300, 200]);
        assert!((sight.pixels_per_unit(&ahead, 0.0).expect("seen") / plain - 1.0).abs() < 1e-9);
        assert!(sight.pixels_per_unit(&ahead, 10.0).expect("seen") > plain * 1.05);
        camera.orthographic = true;
        let parallel = Sight::new(&camera, [300, 200]).pixels_per_unit(&ahead, 10.0).expect("seen");
        assert!((parallel / plain - 1.0).abs() < 1e-9);
    }
}
