//! The clipping box: only what is inside of it is drawn and picked.
//!
//! In: centre, size and heading (radians, clockwise from north) in the unit of what is shown. Out: planes for the shader,
//! the part of a line of sight that is inside, corners and face centres for handles.

use super::camera::Ray;
use nalgebra::Vector3;

/// A box that stands upright and may be turned about the vertical.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipBox {
    /// Its middle.
    pub centre: Vector3<f64>,
    /// Lengths of its sides: across, along the heading, up.
    pub size: Vector3<f64>,
    /// Heading of its second axis in radians, 0 = north, clockwise.
    pub azimuth: f64,
}

impl ClipBox {
    /// The box around something, with its sides along east and north.
    pub fn around((low, high): (Vector3<f64>, Vector3<f64>)) -> Self {
        Self { centre: (low + high) / 2.0, size: (high - low).map(|v| v.max(1e-6)), azimuth: 0.0 }
    }

    /// Unit directions of its sides.
    pub fn axes(&self) -> [Vector3<f64>; 3] {
        let (s, c) = self.azimuth.sin_cos();
        [Vector3::new(c, -s, 0.0), Vector3::new(s, c, 0.0), Vector3::z()]
    }

    /// Whether a point is inside or on the border.
    pub fn contains(&self, p: &Vector3<f64>) -> bool {
        let offset = p - self.centre;
        self.axes().iter().enumerate().all(|(i, axis)| axis.dot(&offset).abs() <= self.size[i] / 2.0)
    }

    /// The six planes for positions relative to `origin`; a point inside has a value of at least 0 of each.
    pub(super) fn planes(&self, origin: &Vector3<f64>) -> [[f32; 4]; 6] {
        let (axes, shift) = (self.axes(), origin - self.centre);
        std::array::from_fn(|i| {
            let axis = axes[i / 2] * if i % 2 == 0 { 1.0 } else { -1.0 };
            let w = axis.dot(&shift) + self.size[i / 2] / 2.0;
            [axis.x as f32, axis.y as f32, axis.z as f32, w as f32]
        })
    }

    /// The depths between which a line of sight is inside; `None` where it misses the box.
    pub(super) fn interval(&self, ray: &Ray, from: f64, to: f64) -> Option<(f64, f64)> {
        let offset = ray.origin - self.centre;
        let (mut near, mut far) = (from, to);
        for (i, axis) in self.axes().iter().enumerate() {
            let (start, speed, half) = (axis.dot(&offset), axis.dot(&ray.direction), self.size[i] / 2.0);
            if speed.abs() < 1e-15 {
                if start.abs() > half {
                    return None;
                }
                continue;
            }
            let (a, b) = ((-half - start) / speed, (half - start) / speed);
            (near, far) = (near.max(a.min(b)), far.min(a.max(b)));
        }
        (near <= far).then_some((near, far))
    }

    /// The eight corners; bit 0, 1, 2 of the number says which side of the first, second, third axis.
    pub fn corners(&self) -> [Vector3<f64>; 8] {
        let axes = self.axes();
        std::array::from_fn(|c| {
            (0..3)
                .fold(self.centre, |p, i| p + axes[i] * (self.size[i] / 2.0 * if c >> i & 1 == 1 { 1.0 } else { -1.0 }))
        })
    }

    /// The ends of its twelve edges.
    pub fn edges(&self) -> [[Vector3<f64>; 2]; 12] {
        let corners = self.corners();
        std::array::from_fn(|e| {
            let (axis, which) = (e / 4, e % 4);
            let (b, c) = ((axis + 1) % 3, (axis + 2) % 3);
            let low = (which & 1) << b | (which >> 1) << c;
            [corners[low], corners[low | 1 << axis]]
        })
    }

    /// The middle of face `face` (0, 1: back and front along the first axis, and so on) and its outward direction.
    pub fn face(&self, face: usize) -> (Vector3<f64>, Vector3<f64>) {
        let axis = face / 2 % 3;
        let outward = self.axes()[axis] * if face % 2 == 1 { 1.0 } else { -1.0 };
        (self.centre + outward * (self.size[axis] / 2.0), outward)
    }

    /// Moves a face outwards (or, by a negative length, inwards); the opposite one stays.
    pub fn move_face(&mut self, face: usize, by: f64) {
        let axis = face / 2 % 3;
        let least = self.size.max() * 1e-4;
        let by = by.max(least - self.size[axis]);
        let (_, outward) = self.face(face);
        self.size[axis] += by;
        self.centre += outward * (by / 2.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn example() -> ClipBox {
        ClipBox { centre: Vector3::new(5.0, -3.0, 2.0), size: Vector3::new(4.0, 10.0, 6.0), azimuth: 0.7 }
    }

    #[test]
    fn planes_interval_and_containment_agree() {
        let (clip, mut rng) = (example(), Rng::new(1, 5));
        let origin = Vector3::new(1.0, 2.0, 3.0);
        let planes = clip.planes(&origin);
        let mut inside = 0;
        for _ in 0..2000 {
            let p = clip.centre + Vector3::from_fn(|_, _| rng.uniform(-7.0, 7.0));
            let local = p - origin;
            let by_planes = planes.iter().all(|q| {
                f64::from(q[0]) * local.x + f64::from(q[1]) * local.y + f64::from(q[2]) * local.z + f64::from(q[3])
                    >= 0.0
            });
            assert_eq!(by_planes, clip.contains(&p));
            inside += usize::from(by_planes);
            let ray = Ray { origin: Vector3::new(40.0, 30.0, 50.0), direction: p - Vector3::new(40.0, 30.0, 50.0) };
            let interval = clip.interval(&ray, 0.0, f64::INFINITY);
            assert_eq!(interval.is_some_and(|(a, b)| a <= 1.0 && 1.0 <= b), clip.contains(&p));
        }
        // 240 of 2744 cubic units.
        assert!((120..240).contains(&inside), "{inside}");
    }

    #[test]
    fn faces_move_alone() {
        let mut clip = example();
        let before: Vec<_> = (0..6).map(|f| clip.face(f).0).collect();
        clip.move_face(3, 2.5);
        let (moved, outward) = clip.face(3);
        assert!((moved - before[3] - outward * 2.5).norm() < 1e-9);
        assert!((clip.face(2).0 - before[2]).norm() < 1e-9);
        clip.move_face(3, -1e9);
        assert!(clip.size.y > 0.0 && (clip.face(2).0 - before[2]).norm() < 1e-6);
    }

    #[test]
    fn edges_have_the_lengths_of_the_sides() {
        let clip = example();
        let mut lengths: Vec<f64> = clip.edges().iter().map(|[a, b]| (b - a).norm()).collect();
        lengths.sort_unstable_by(f64::total_cmp);
        for (k, l) in lengths.iter().enumerate() {
            assert!((l - [4.0, 6.0, 10.0][k / 4]).abs() < 1e-9);
        }
        let ends: Vec<f64> = clip.edges().iter().flatten().map(|p| (p - clip.centre).norm()).collect();
        assert!(ends.iter().all(|d| (d - clip.size.norm() / 2.0).abs() < 1e-9));
    }
}
