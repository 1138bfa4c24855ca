//! What of a depth map the other maps confirm.
//!
//! In: a map and its sources' maps. Out: the map with depth 0 where too few sources agree, the cost is too high, or a
//! speckle is left. A source agrees where the forward-backward error is below two pixels, the relative depth difference
//! below 1 %, and the normals differ by less than a limit (COLMAP's and ACMM's tests).
//! Cost: one projection for each pixel and source.

use crate::geometry::Rigid3;
use crate::scene::DepthMap;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// Limits of the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterOptions {
    /// Sources that must agree.
    pub agreeing: usize,
    /// Largest forward-backward error in pixels.
    pub reprojection: f64,
    /// Largest relative difference of depth.
    pub depth: f64,
    /// Largest angle between normals in radians.
    pub normal: f64,
    /// Largest cost.
    pub cost: f32,
    /// Smallest speckle in pixels.
    pub speckle: usize,
}

impl Default for FilterOptions {
    fn default() -> Self {
        Self { agreeing: 1, reprojection: 2.0, depth: 0.01, normal: 0.6, cost: 1.2, speckle: 40 }
    }
}

/// Where a pixel of one map lies in another, and whether that map agrees.
pub(crate) struct Agreement {
    /// Pixel index in the other map.
    pub index: usize,
    /// Point of the other map in the world.
    pub point: Vector3<f64>,
    /// Forward-backward error in pixels.
    pub error: f64,
    /// Relative difference of depth: positive where the other map's surface is nearer to its camera.
    pub difference: f64,
    /// Cosine between the normals.
    pub cosine: f64,
}

/// World point of a map's pixel.
pub(crate) fn world_point(map: &DepthMap, world_from_cam: &Rigid3, x: usize, y: usize) -> Vector3<f64> {
    let ray = map.camera.ray(&Vector2::new(x as f64 + 0.5, y as f64 + 0.5));
    world_from_cam.apply(&(ray * f64::from(map.depth.at(x, y))))
}

/// Compares a world point (seen at `pixel` of `map`, with normal in the world) with another map, whose plane at the
/// nearest pixel is followed to the exact position.
pub(crate) fn compare(
    point: &Vector3<f64>,
    normal: &Vector3<f64>,
    pixel: &Vector2<f64>,
    map: &DepthMap,
    other: &DepthMap,
) -> Option<Agreement> {
    let in_other = other.pose.apply(point);
    let at = other.camera.project(&in_other)?;
    if !other.depth.contains(&at, 0.0) {
        return None;
    }
    let (x, y) = (at.x as usize, at.y as usize);
    let depth = f64::from(other.depth.at(x, y));
    if depth <= 0.0 {
        return None;
    }
    let n = Vector3::from(other.normal.at(x, y).map(f64::from));
    let centre_ray = other.camera.ray(&Vector2::new(x as f64 + 0.5, y as f64 + 0.5));
    let ray = other.camera.ray(&at);
    let facing = n.dot(&ray);
    let depth = if facing < -0.05 { depth * n.dot(&centre_ray) / facing } else { depth };
    let seen = other.pose.inverse().apply(&(ray * depth));
    let back = map.camera.project(&map.pose.apply(&seen))?;
    Some(Agreement {
        index: y * other.depth.width + x,
        point: seen,
        error: (back - pixel).norm(),
        difference: (in_other.z - depth) / in_other.z,
        cosine: normal.dot(&(other.pose.rotation.inverse() * n)),
    })
}

/// The map without what its sources do not confirm.
pub fn filter(map: &DepthMap, sources: &[&DepthMap], options: &FilterOptions) -> DepthMap {
    let (width, height) = (map.depth.width, map.depth.height);
    let world_from_cam = map.pose.inverse();
    let keep: Vec<bool> = (0..height)
        .into_par_iter()
        .flat_map_iter(|y| {
            (0..width).map(move |x| {
                if map.depth.at(x, y) <= 0.0 || map.cost.at(x, y) > options.cost {
                    return false;
                }
                let point = world_point(map, &world_from_cam, x, y);
                let normal = world_from_cam.rotation * Vector3::from(map.normal.at(x, y).map(f64::from));
                let pixel = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
                let agreeing = sources
                    .iter()
                    .filter_map(|other| compare(&point, &normal, &pixel, map, other))
                    .filter(|a| {
                        a.error < options.reprojection
                            && a.difference.abs() < options.depth
                            && a.cosine > options.normal.cos()
                    })
                    .count();
                agreeing >= options.agreeing
            })
        })
        .collect();
    let mut out = map.clone();
    for (depth, _) in out.depth.data.iter_mut().zip(&keep).filter(|(_, k)| !**k) {
        *depth = 0.0;
    }
    remove_speckles(&mut out, options);
    out
}

/// Zeroes connected regions (depth steps below the limit between 4-neighbours) of fewer than `speckle` pixels.
fn remove_speckles(map: &mut DepthMap, options: &FilterOptions) {
    let (width, height) = (map.depth.width, map.depth.height);
    let mut seen = vec![false; width * height];
    let mut region = Vec::new();
    for start in 0..width * height {
        if seen[start] || map.depth.data[start] <= 0.0 {
            continue;
        }
        region.clear();
        region.push(start);
        seen[start] = true;
        let mut next = 0;
        while next < region.len() {
            let at = region[next];
            next += 1;
            let (x, y) = (at % width, at / width);
            let depth = f64::from(map.depth.data[at]);
            let mut visit = |to: usize| {
                let other = f64::from(map.depth.data[to]);
                if !seen[to] && other > 0.0 && (other - depth).abs() < options.depth * depth {
                    seen[to] = true;
                    region.push(to);
                }
            };
            if x > 0 {
                visit(at - 1);
            }
            if x + 1 < width {
                visit(at + 1);
            }
            if y > 0 {
                visit(at - width);
            }
            if y + 1 < height {
                visit(at + width);
            }
        }
        if region.len() < options.speckle {
            for &at in &region {
                map.depth.data[at] = 0.0;
            }
        }
    }
}
