//! The point of the world under a pixel: where the line of sight meets a surface, or the cloud's point that covers it.
//!
//! In: a pixel of the picture (first centre at (0.5, 0.5)). Out: the nearest point of what is shown. Cost: microseconds
//! for a surface, a few milliseconds a million points for a cloud.

use super::camera::ViewCamera;
use super::clip::ClipBox;
use super::mesh_layer::MeshLayer;
use super::points::CloudLayer;
use super::viewport::Viewport;
use crate::mesh::bvh::{Aabb, Bvh};
use nalgebra::{Vector2, Vector3};

/// What was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A triangle of the city, by its number.
    City(u32),
    /// A triangle of the part, by its number.
    Part(u32),
    /// A fused point, by its number.
    Dense(u32),
    /// A sparse point, by its number.
    Sparse(u32),
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
    /// Unit normal of the surface, towards the eye; `None` of a cloud's point.
    pub normal: Option<Vector3<f64>>,
}

/// Least distance in pixels at which a cloud's point counts as meant.
const REACH_PX: f64 = 4.0;

fn on_mesh(
    mesh: &MeshLayer,
    camera: &ViewCamera,
    pixel: &Vector2<f64>,
    size: [u32; 2],
    clip: Option<&ClipBox>,
) -> Option<(u32, Vector3<f64>, Option<Vector3<f64>>)> {
    let ray = camera.ray(pixel, size);
    let (from, to) = match clip {
        Some(clip) => clip.interval(&ray, camera.near(), f64::INFINITY)?,
        None => (camera.near(), f64::INFINITY),
    };
    let hit = mesh.bvh.cast(&ray.origin, &ray.direction, from, to)?;
    let normal = normal_of(&mesh.bvh, hit.triangle, &hit.point).map(|n| n * -n.dot(&ray.direction).signum());
    Some((hit.triangle, hit.point, normal))
}

/// Unit normal of a triangle that a point lies on.
fn normal_of(bvh: &Bvh, triangle: u32, at: &Vector3<f64>) -> Option<Vector3<f64>> {
    let mut normal = None;
    let reach = Vector3::repeat(1e-9 * at.amax().max(1.0));
    bvh.overlapping_corners(&Aabb { low: at - reach, high: at + reach }, |t, [a, b, c]| {
        if t == triangle {
            normal = (b - a).cross(&(c - a)).try_normalize(0.0);
        }
    });
    normal
}

/// The nearest of the points that cover the pixel; where none does, the one whose picture is closest to it.
fn on_cloud(
    layer: &CloudLayer,
    camera: &ViewCamera,
    pixel: &Vector2<f64>,
    size: [u32; 2],
    point_px: f64,
    clip: Option<&ClipBox>,
) -> Option<(u32, Vector3<f64>)> {
    let (cloud, covers) = (&layer.cloud, point_px / 2.0);
    let reach = covers.max(REACH_PX);
    let ray = camera.ray(pixel, size);
    let unit = camera.pixel_size_at_depth_one(size);
    let forward = camera.axes()[2];
    let mut best: Option<(bool, f64, u32, Vector3<f64>)> = None;
    // Cubes whose surrounding sphere comes near the line of sight.
    let near_ray = |node: &super::octree::Node| {
        let offset = node.centre + cloud.origin - ray.origin;
        let radius = node.half * 3f64.sqrt();
        let along = offset.dot(&ray.direction) / ray.direction.norm_squared();
        let away = (offset - ray.direction * along).norm();
        let depth = if camera.orthographic { 1.0 } else { (forward.dot(&offset) + radius).max(0.0) };
        // The corner of a square of this reach is farther away than its side, and more so beside the axis.
        away <= radius + 2.0 * reach * unit * depth * ray.direction.norm()
    };
    cloud.tree.visit(near_ray, |range| {
        for i in range {
            let world = cloud.origin + Vector3::from(cloud.points[i].position).cast();
            let Some((at, depth)) = camera.project(&world, size) else { continue };
            let away = (at - pixel).amax();
            if !(away <= reach) || clip.is_some_and(|c| !c.contains(&world)) {
                continue;
            }
            let covered = away <= covers;
            let rank = (!covered, if covered { depth } else { away });
            let better = |b: &(bool, f64, u32, Vector3<f64>)| {
                rank.0.cmp(&b.0).then(rank.1.total_cmp(&b.1)).then(cloud.ids[i].cmp(&b.2)).is_lt()
            };
            if best.as_ref().is_none_or(better) {
                best = Some((rank.0, rank.1, cloud.ids[i], world));
            }
        }
    });
    best.map(|(_, _, id, world)| (id, world))
}

impl Viewport {
    /// The nearest point of what is shown under a pixel: a surface exactly, a cloud's point within a few pixels.
    pub fn pick(&self, pixel: &Vector2<f64>) -> Option<Pick> {
        let (camera, size, o) = (&self.camera, self.size(), &self.options);
        let meshes = [(&self.city, o.city, Target::City as fn(u32) -> Target), (&self.part, o.part, Target::Part)];
        let faces = meshes.into_iter().filter_map(|(mesh, on, target)| {
            let mesh = mesh.as_ref().filter(|_| on)?;
            let (triangle, point, normal) = on_mesh(mesh, camera, pixel, size, o.clip.as_ref())?;
            Some((point, target(triangle), normal))
        });
        let clouds =
            [(&self.dense, o.dense, Target::Dense as fn(u32) -> Target), (&self.sparse, o.sparse, Target::Sparse)];
        let points = clouds.into_iter().filter_map(|(cloud, on, target)| {
            let cloud = cloud.as_ref().filter(|_| on)?;
            let (id, point) = on_cloud(cloud, camera, pixel, size, f64::from(o.point_px), o.clip.as_ref())?;
            Some((point, target(id), None))
        });
        let picked = faces.chain(points).filter_map(|(point, target, normal)| {
            let depth = camera.axes()[2].dot(&(point - camera.eye()));
            depth.is_finite().then_some(Pick { point, depth, target, normal })
        });
        picked.min_by(|a, b| a.depth.total_cmp(&b.depth))
    }

    /// The point to hold while panning or zooming at a pixel: what is picked there, else the point at the target's
    /// depth.
    pub fn hold(&self, pixel: &Vector2<f64>) -> Vector3<f64> {
        self.pick(pixel).map_or_else(|| self.camera.at_target_depth(pixel, self.size()), |pick| pick.point)
    }
}
