//! Fuses depth maps into one cloud of points that several photos agree on.
//!
//! In: filtered depth maps (photo frames, world units) with the undistorted colours of their photos, and for each
//! photo the others to ask. Out: [`PointCloud`]: world positions, outward normals, colours, views, confidence. A
//! pixel becomes a point where enough other maps have the same surface: its reprojection, depth and normal agree. The
//! point is the mean over the maps that agree, weighted by how well they matched; their pixels are used up. A point
//! that more maps look through than agree with is dropped: it hangs in free space.
//! Source: consistency checks as in J. Schoenberger et al., "Pixelwise View Selection for Unstructured Multi-View
//! Stereo", ECCV 2016, section 4.4; free-space violations as in P. Merrell et al., "Real-Time Visibility-Based Fusion
//! of Depth Maps", ICCV 2007. Cost: pixels times neighbours, parallel over rows; the maps of one neighbourhood at a
//! time. Photos are fused in a fixed order and rows are joined in order, so threads change nothing.

use super::DenseError;
use super::depth::compare;
use crate::base::{Ctx, PhotoId, stats};
use crate::image::Rgb8;
use crate::scene::{DepthMap, FusedPoint, PointCloud};
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// When maps agree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FuseOptions {
    /// Maps that must agree, the pixel's own included.
    pub views: usize,
    /// Largest forward-backward error in pixels.
    pub reprojection: f64,
    /// Largest relative difference of depth.
    pub depth: f64,
    /// Largest angle between the normals in radians.
    pub normal: f64,
    /// Relative distance by which a map must look past a point to speak against it.
    pub clearance: f64,
}

impl Default for FuseOptions {
    fn default() -> Self {
        Self { views: 3, reprojection: 1.5, depth: 0.01, normal: 30f64.to_radians(), clearance: 0.02 }
    }
}

/// A depth map and the image that it belongs to.
#[derive(Clone, Debug)]
pub struct ColouredMap {
    /// The depth map.
    pub map: DepthMap,
    /// The undistorted photo at the map's size.
    pub colour: Rgb8,
}

/// Gives the map of a photo; called again for maps that were dropped from memory.
pub type LoadMap<'a> = dyn Fn(PhotoId) -> Result<Arc<ColouredMap>, DenseError> + Sync + 'a;

/// Fuses the maps of `photos` (each with the photos to compare it with), in the order given.
pub fn fuse(
    ctx: &Ctx,
    photos: &[(PhotoId, Vec<PhotoId>)],
    load: &LoadMap,
    options: &FuseOptions,
) -> Result<PointCloud, DenseError> {
    let mut used: BTreeMap<PhotoId, Vec<bool>> = BTreeMap::new();
    let mut cloud = PointCloud::default();
    let mut sizes = Vec::new();
    for (done, (photo, others)) in photos.iter().enumerate() {
        ctx.tick(done as u64, photos.len() as u64)?;
        let own = load(*photo)?;
        let others = others.iter().map(|&p| load(p)).collect::<Result<Vec<_>, _>>()?;
        let pixels = own.map.depth.data.len();
        let taken = used.remove(photo).unwrap_or_else(|| vec![false; pixels]);
        sizes.extend(
            own.map.depth.data.iter().step_by(101).filter(|d| **d > 0.0).map(|d| f64::from(*d) / own.map.camera.f),
        );
        let rows: Vec<Vec<Found>> =
            (0..own.map.depth.height).into_par_iter().map(|y| row(&own, &others, y, &taken, options)).collect();
        for found in rows.into_iter().flatten() {
            for (other, pixel) in found.pixels {
                let map = &others[other].map;
                used.entry(map.photo).or_insert_with(|| vec![false; map.depth.data.len()])[pixel] = true;
            }
            cloud.points.push(found.point);
        }
    }
    cloud.gsd = stats::median(&sizes).unwrap_or(0.0);
    ctx.tick(photos.len() as u64, photos.len() as u64)?;
    Ok(cloud)
}

/// A point, and the pixels of other maps (place in the list of others, pixel index) that it uses up.
struct Found {
    point: FusedPoint,
    pixels: Vec<(usize, usize)>,
}

fn row(own: &ColouredMap, others: &[Arc<ColouredMap>], y: usize, taken: &[bool], options: &FuseOptions) -> Vec<Found> {
    let width = own.map.depth.width;
    (0..width)
        .filter(|x| own.map.depth.at(*x, y) > 0.0 && !taken[y * width + x])
        .filter_map(|x| at_pixel(own, others, x, y, options))
        .collect()
}

fn at_pixel(
    own: &ColouredMap,
    others: &[Arc<ColouredMap>],
    x: usize,
    y: usize,
    options: &FuseOptions,
) -> Option<Found> {
    let map = &own.map;
    let world_from_cam = map.pose.inverse();
    let pixel = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
    let point = world_from_cam.apply(&(map.camera.ray(&pixel) * f64::from(map.depth.at(x, y))));
    let normal = world_from_cam.rotation * Vector3::from(map.normal.at(x, y).map(f64::from));
    let weight_of = |cost: f32| f64::from((1.5 - cost).clamp(0.1, 1.5));
    let weight = weight_of(map.cost.at(x, y));
    let (mut position, mut direction, mut total) = (point * weight, normal * weight, weight);
    let mut colour = own.colour.at(x, y).map(|c| f64::from(c) * weight);
    let (mut pixels, mut views, mut against) = (Vec::new(), vec![map.photo], 0);
    for (i, other) in others.iter().enumerate() {
        let Some(seen) = compare(&point, &normal, &pixel, map, &other.map) else { continue };
        if seen.error < options.reprojection
            && seen.difference.abs() < options.depth
            && seen.cosine > options.normal.cos()
        {
            let weight = weight_of(other.map.cost.data[seen.index]);
            let other_from_world = other.map.pose.rotation;
            position += seen.point * weight;
            let n = Vector3::from(other.map.normal.data[seen.index].map(f64::from));
            direction += (other_from_world.inverse() * n) * weight;
            for (sum, c) in colour.iter_mut().zip(other.colour.data[seen.index]) {
                *sum += f64::from(c) * weight;
            }
            total += weight;
            pixels.push((i, seen.index));
            views.push(other.map.photo);
        } else if seen.difference < -options.clearance {
            against += 1;
        }
    }
    if views.len() < options.views || against >= views.len() {
        return None;
    }
    views.sort_unstable();
    let count = views.len() as f64;
    let mean_weight = total / count / 1.5;
    let point = FusedPoint {
        position: (position / total).map(|v| v as f32).into(),
        normal: direction.try_normalize(0.0).unwrap_or(normal).map(|v| v as f32).into(),
        colour: colour.map(|c| (c / total).round().clamp(0.0, 255.0) as u8),
        confidence: (mean_weight * (1.0 - 0.5f64.powf(count - 1.0))) as f32,
        views,
    };
    Some(Found { point, pixels })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::Pinhole;
    use crate::geometry::Rigid3;
    use crate::image::Grid;
    use nalgebra::UnitQuaternion;

    /// Three cameras in a row, 10 m above the flat ground z = 0, looking down.
    fn maps() -> Vec<Arc<ColouredMap>> {
        let camera = Pinhole { width: 60, height: 40, f: 50.0, cx: 30.0, cy: 20.0 };
        let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
        (0..3)
            .map(|i| {
                let centre = Vector3::new(f64::from(i) * 1.03, 0.1, 10.0);
                let map = DepthMap {
                    photo: PhotoId(i as u32),
                    camera,
                    pose: Rigid3::from_rotation_and_centre(down, centre),
                    depth: Grid::filled(60, 40, 10.0),
                    normal: Grid::filled(60, 40, [0.0, 0.0, -1.0]),
                    cost: Grid::filled(60, 40, 0.1),
                };
                Arc::new(ColouredMap { map, colour: Rgb8::filled(60, 40, [10 * i as u8, 100, 200]) })
            })
            .collect()
    }

    fn fused(maps: &[Arc<ColouredMap>]) -> PointCloud {
        let photos: Vec<(PhotoId, Vec<PhotoId>)> =
            (0..3).map(|i| (PhotoId(i), (0..3).filter(|j| *j != i).map(PhotoId).collect())).collect();
        let load = |p: PhotoId| Ok(maps[p.index()].clone());
        fuse(&Ctx::silent(), &photos, &load, &FuseOptions::default()).unwrap()
    }

    #[test]
    fn a_plane_is_fused_once_and_lies_where_it_should() {
        let cloud = fused(&maps());
        let overlap = 60.0 - 2.0 * 1.03 * 5.0;
        let expected = overlap * 40.0;
        assert!((cloud.points.len() as f64 - expected).abs() < 0.05 * expected, "{}", cloud.points.len());
        assert!((cloud.gsd - 0.2).abs() < 1e-9);
        for p in &cloud.points {
            assert!(p.position[2].abs() < 1e-5 && p.normal[2] > 0.999 && p.views.len() == 3);
            assert_eq!(p.colour, [10, 100, 200]);
        }
    }

    #[test]
    fn what_the_others_look_through_is_dropped() {
        let mut maps = maps();
        let Some(first) = Arc::get_mut(&mut maps[0]) else { panic!("shared") };
        for x in 20..30 {
            *first.map.depth.at_mut(x, 20) = 7.0;
        }
        let cloud = fused(&maps);
        assert!(cloud.points.iter().all(|p| p.position[2] < 0.1), "nothing hangs in the air");
    }
}
