//! The point of the world under a pixel: where the line of sight meets a surface, or the cloud's point that covers it.
//!
//! In: a pixel of the picture (first centre at (0.5, 0.5)). Out: the nearest point of what is shown. Cost: microseconds
//! for a surface, a few milliseconds a million points for a cloud.

use super::camera::ViewCamera;
use super::mesh_layer::MeshLayer;
use super::points::{CloudLayer, PointInstance};
use super::viewport::Viewport;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// What was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A triangle of the city, by its number.
    City(u32),
    /// A triangle of the part, by its number.
    Part(u32),
    /// A fused point.
    Dense,
    /// A sparse point.
    Sparse,
}

/// A point of the world under a pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick {
    /// The point, in local metres (the part's millimetres).
    pub point: Vector3<f64>,
    /// Its depth along the line of sight.
    pub depth: f64,
    /// What it belongs to.
    pub target: Target,
}

/// Least distance in pixels at which a cloud's point counts as meant.
const REACH_PX: f64 = 4.0;

fn on_mesh(mesh: &MeshLayer, camera: &ViewCamera, pixel: &Vector2<f64>, size: [u32; 2]) -> Option<(u32, Vector3<f64>)> {
    let ray = camera.ray(pixel, size);
    let hit = mesh.bvh.cast(&ray.origin, &ray.direction, camera.near(), f64::INFINITY)?;
    Some((hit.triangle, hit.point))
}

/// The nearest of the points that cover the pixel; where none does, the one whose picture is closest to it.
fn on_cloud(
    (points, origin): (&[PointInstance], &Vector3<f64>),
    camera: &ViewCamera,
    pixel: &Vector2<f64>,
    size: [u32; 2],
    point_px: f64,
) -> Option<Vector3<f64>> {
    let covers = point_px / 2.0;
    let reach = covers.max(REACH_PX);
    let rank = |p: &PointInstance| {
        let world = origin + Vector3::from(p.position).cast();
        let (at, depth) = camera.project(&world, size)?;
        let away = (at - pixel).amax();
        let covered = away <= covers;
        (away <= reach).then_some((!covered, if covered { depth } else { away }, world))
    };
    let better = |a: &(bool, f64, Vector3<f64>), b: &(bool, f64, Vector3<f64>)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1));
    points.par_iter().filter_map(rank).min_by(better).map(|(_, _, world)| world)
}

impl Viewport {
    /// The nearest point of what is shown under a pixel: a surface exactly, a cloud's point within a few pixels.
    pub fn pick(&self, pixel: &Vector2<f64>) -> Option<Pick> {
        let (camera, size, o) = (&self.camera, self.size(), &self.options);
        let meshes = [(&self.city, o.city, Target::City as fn(u32) -> Target), (&self.part, o.part, Target::Part)];
        let faces = meshes.into_iter().filter_map(|(mesh, on, target)| {
            let (triangle, point) = on_mesh(mesh.as_ref().filter(|_| on)?, camera, pixel, size)?;
            Some((point, target(triangle)))
        });
        let clouds = [(&self.dense, o.dense, Target::Dense), (&self.sparse, o.sparse, Target::Sparse)];
        let points = clouds.into_iter().filter_map(|(cloud, on, target)| {
            let cloud: &CloudLayer = cloud.as_ref().filter(|_| on)?;
            let shown = &cloud.points[..o.point_budget.min(cloud.points.len())];
            let point = on_cloud((shown, &cloud.origin), camera, pixel, size, f64::from(o.point_px))?;
            Some((point, target))
        });
        let picked = faces.chain(points).filter_map(|(point, target)| {
            let depth = camera.axes()[2].dot(&(point - camera.eye()));
            depth.is_finite().then_some(Pick { point, depth, target })
        });
        picked.min_by(|a, b| a.depth.total_cmp(&b.depth))
    }

    /// The point to hold while panning or zooming at a pixel: what is picked there, else the point at the target's
    /// depth.
    pub fn hold(&self, pixel: &Vector2<f64>) -> Vector3<f64> {
        self.pick(pixel).map_or_else(|| self.camera.at_target_depth(pixel, self.size()), |pick| pick.point)
    }
}
