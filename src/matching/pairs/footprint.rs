//! The part of the ground that a photo shows, predicted from its metadata.
//!
//! In: camera, position (local metres), attitude where known, height above ground. Out: a convex polygon on level
//! ground. Without an attitude the camera is taken to look down with unknown heading: a disc. Rays towards the horizon
//! end at four heights' distance. The polygon is widened by the uncertainty of position and attitude.

use crate::camera::Camera;
use crate::scene::{PositionPrior, RotationPrior};
use nalgebra::{Vector2, Vector3};

/// Ground further away than this many heights shows nothing that could be matched.
const FARTHEST: f64 = 4.0;

/// A convex polygon on the ground.
#[derive(Clone, Debug)]
pub(super) struct Footprint {
    /// Corners, counter-clockwise.
    corners: Vec<Vector2<f64>>,
    centre: Vector2<f64>,
    /// Largest distance of a corner from the centre.
    radius: f64,
    area: f64,
    /// Where the camera is.
    pub(super) camera: Vector2<f64>,
    /// Viewing direction where known.
    pub(super) direction: Option<Vector3<f64>>,
}

impl Footprint {
    pub(super) fn new(
        camera: &Camera,
        position: &PositionPrior,
        rotation: Option<&RotationPrior>,
        height: f64,
    ) -> Self {
        let (w, h, f) = (f64::from(camera.width) / 2.0, f64::from(camera.height) / 2.0, camera.lens.f);
        let at = position.centre.xy();
        let (points, error): (Vec<_>, f64) = match rotation {
            Some(r) => {
                // Corners and middles of the sides: a side near the horizon is curved by the limit of the distance.
                let frame = [(-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0)];
                let local_from_cam = r.cam_from_local.inverse();
                let ends = frame.map(|(x, y)| {
                    let ray = local_from_cam * Vector3::new(f64::from(x) * w / f, f64::from(y) * h / f, 1.0);
                    at + on_ground(&ray, height)
                });
                (ends.to_vec(), height * (r.sigma_tilt + 0.5 * r.sigma_yaw))
            }
            None => {
                let radius = height * w.hypot(h) / f;
                let corner = |k: i32| f64::from(k) * std::f64::consts::TAU / 16.0;
                ((0..16).map(|k| at + Vector2::new(corner(k).cos(), corner(k).sin()) * radius).collect(), 0.0)
            }
        };
        let wider = error + position.sigma.x.max(position.sigma.y);
        let corners = widened(&convex_hull(points), wider.min(height));
        let centre = corners.iter().sum::<Vector2<f64>>() / corners.len().max(1) as f64;
        let radius = corners.iter().map(|c| (c - centre).norm()).fold(0.0, f64::max);
        let area = area(&corners);
        let direction = rotation.map(|r| r.cam_from_local.inverse() * Vector3::z());
        Self { corners, centre, radius, area, camera: at, direction }
    }

    /// Shared part of the smaller footprint, 0..=1.
    pub(super) fn overlap(&self, other: &Self) -> f64 {
        if (self.centre - other.centre).norm() >= self.radius + other.radius {
            return 0.0;
        }
        let smaller = self.area.min(other.area);
        if smaller <= 0.0 { 0.0 } else { area(&clip(&self.corners, &other.corners)) / smaller }
    }
}

/// Where a ray (local frame, any length) from `height` above meets the ground, or the farthest point in its direction.
fn on_ground(ray: &Vector3<f64>, height: f64) -> Vector2<f64> {
    let farthest = FARTHEST * height;
    let level = ray.xy().norm();
    let down = -ray.z;
    if down > 0.0 && level * height <= farthest * down {
        ray.xy() * (height / down)
    } else {
        ray.xy() * (farthest / level.max(1e-12))
    }
}

/// Moves the corners away from the centre by `by` metres.
fn widened(corners: &[Vector2<f64>], by: f64) -> Vec<Vector2<f64>> {
    let centre = corners.iter().sum::<Vector2<f64>>() / corners.len().max(1) as f64;
    corners.iter().map(|c| c + (c - centre).try_normalize(1e-9).unwrap_or_else(Vector2::zeros) * by).collect()
}

fn cross(a: &Vector2<f64>, b: &Vector2<f64>) -> f64 {
    a.x * b.y - a.y * b.x
}

fn area(corners: &[Vector2<f64>]) -> f64 {
    let Some(first) = corners.first() else { return 0.0 };
    corners.windows(2).map(|w| 0.5 * cross(&(w[0] - first), &(w[1] - first))).sum()
}

/// Convex hull, counter-clockwise (A. Andrew, "Another efficient algorithm for convex hulls in two dimensions", 1979).
fn convex_hull(mut points: Vec<Vector2<f64>>) -> Vec<Vector2<f64>> {
    points.sort_by(|p, q| p.x.total_cmp(&q.x).then(p.y.total_cmp(&q.y)));
    let half = |points: &mut dyn Iterator<Item = Vector2<f64>>| {
        let mut chain: Vec<Vector2<f64>> = Vec::new();
        for p in points {
            while chain.len() >= 2 {
                let (a, b) = (chain[chain.len() - 2], chain[chain.len() - 1]);
                if cross(&(b - a), &(p - a)) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(p);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut points.iter().copied());
    hull.extend(half(&mut points.iter().rev().copied()));
    hull
}

/// Intersection of two convex polygons (I. Sutherland, G. Hodgman, "Reentrant polygon clipping", CACM 17(1), 1974).
fn clip(subject: &[Vector2<f64>], window: &[Vector2<f64>]) -> Vec<Vector2<f64>> {
    let mut result = subject.to_vec();
    for (k, a) in window.iter().enumerate() {
        let b = window[(k + 1) % window.len()];
        let side = |p: &Vector2<f64>| cross(&(b - a), &(p - a));
        let input = std::mem::take(&mut result);
        for (i, p) in input.iter().enumerate() {
            let q = input[(i + 1) % input.len()];
            let (sp, sq) = (side(p), side(&q));
            if sp >= 0.0 {
                result.push(*p);
            }
            if (sp > 0.0 && sq < 0.0) || (sp < 0.0 && sq > 0.0) {
                result.push(p + (q - p) * (sp / (sp - sq)));
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, size: f64) -> Vec<Vector2<f64>> {
        convex_hull(
            [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)]
                .map(|(u, v)| Vector2::new(x + u * size, y + v * size))
                .to_vec(),
        )
    }

    #[test]
    fn hull_and_clip_have_the_right_areas() {
        assert_eq!(square(0.0, 0.0, 2.0).len(), 4);
        assert!((area(&square(0.0, 0.0, 2.0)) - 4.0).abs() < 1e-12);
        assert!((area(&clip(&square(0.0, 0.0, 2.0), &square(1.0, 1.5, 2.0))) - 0.5).abs() < 1e-12);
        assert_eq!(area(&clip(&square(0.0, 0.0, 2.0), &square(3.0, 3.0, 2.0))), 0.0);
        assert!((area(&clip(&square(0.0, 0.0, 2.0), &square(0.5, 0.5, 0.5))) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn rays_meet_the_ground_or_end() {
        assert!((on_ground(&Vector3::new(1.0, 0.0, -1.0), 50.0) - Vector2::new(50.0, 0.0)).norm() < 1e-9);
        assert!((on_ground(&Vector3::new(0.0, 1.0, 0.2), 50.0) - Vector2::new(0.0, 200.0)).norm() < 1e-9);
        assert!((on_ground(&Vector3::new(0.0, -1.0, -0.01), 50.0) - Vector2::new(0.0, -200.0)).norm() < 1e-9);
    }
}
