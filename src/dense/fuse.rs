//! Fusion: from depth maps that agree to one cloud of points with normals, colours, views and confidence.
//!
//! In: depth maps with their undistorted images, and which maps are neighbours. Out: a [`PointCloud`] in world units.
//! A pixel becomes a point where enough of the neighbours' maps agree with it; its position, normal and colour are means
//! over the agreeing maps, weighted by their costs. A map that sees a surface behind the point votes against it (free
//! space); a point with as many votes against as for it is dropped. Points of all maps then meet in a grid of cells of
//! about a ground pixel, where points with like normals are averaged, because each surface is found once from every map.
//! Memory: [`fuse_view`] needs one map and its neighbours; [`Fusion`] holds one running mean for each occupied cell.
//! Deterministic: maps are added in ascending photo order, cells sorted at the end.
//! Source: the tests of J. Schoenberger et al., ECCV 2016 (2 px, 1 %, 10-25 deg) and Q. Xu and W. Tao, CVPR 2019; voting
//! against by free space after P. Merrell et al., "Real-Time Visibility-Based Fusion of Depth Maps", ICCV 2007.
//! Cost: one projection for each pixel and neighbour. Failure modes: surface seen by fewer than `min_views` maps is missing.

use super::consistency::{Counterpart, Link};
use crate::base::PhotoId;
use crate::base::stats::median;
use crate::image::Rgb8;
use crate::scene::{DepthMap, FusedPoint, PointCloud};
use nalgebra::Vector3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// When maps agree, and how densely points are kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FuseOptions {
    /// Maps that must agree, the own one included.
    pub min_views: usize,
    /// Lets two maps make a point where they agree closely (half a pixel) and see it at least 8 degrees apart.
    pub allow_pairs: bool,
    /// Largest forward-backward error in pixels.
    pub reprojection: f32,
    /// Largest relative difference of depth.
    pub depth: f32,
    /// Largest angle between normals in radians.
    pub normal: f32,
    /// Largest cost of a pixel that starts a point.
    pub cost: f32,
    /// Size of the grid's cells in ground pixels.
    pub cell: f64,
}

impl Default for FuseOptions {
    fn default() -> Self {
        Self { min_views: 3, allow_pairs: true, reprojection: 1.5, depth: 0.01, normal: 0.5, cost: 0.9, cell: 0.7 }
    }
}

/// Relative depth beyond which a map sees through a point.
const SEES_THROUGH: f32 = 0.02;
/// Error in pixels up to which two maps alone make a point.
const PAIR_ERROR: f32 = 0.5;
/// Cosine of the least angle between the rays of two maps that alone make a point.
const PAIR_COSINE: f32 = 0.990;

/// The points that one map makes together with its neighbours: `reference` and `sources` with their undistorted images.
pub fn fuse_view(
    reference: (&DepthMap, &Rgb8),
    sources: &[(&DepthMap, &Rgb8)],
    options: &FuseOptions,
) -> Vec<FusedPoint> {
    let (map, image) = reference;
    let world_from_cam = map.pose.inverse();
    let links: Vec<Link<'_>> = sources.iter().map(|(other, _)| Link::new(map, other)).collect();
    // Centres of the sources in this camera, for the angle between rays.
    let centres: Vec<Vector3<f64>> = sources.iter().map(|(other, _)| map.pose.apply(&other.pose.centre())).collect();
    let (f, cx, cy) = (map.camera.f as f32, (map.camera.cx - 0.5) as f32, (map.camera.cy - 0.5) as f32);
    let least_cosine = options.normal.cos();
    let at = |x: usize, y: usize| -> Option<FusedPoint> {
        let (depth, cost) = (map.depth.at(x, y), map.cost.at(x, y));
        if depth <= 0.0 || cost > options.cost {
            return None;
        }
        let own_normal = map.normal.at(x, y);
        let own = [(x as f32 - cx) / f * depth, (y as f32 - cy) / f * depth, depth];
        let weigh = |cost: f32| 1.0 / (0.1 + cost);
        let mut weight = weigh(cost);
        let mut position = Vector3::from(own) * weight;
        let mut normal = Vector3::from(own_normal) * weight;
        let mut colour = Vector3::from(image.at(x, y).map(f32::from)) * weight;
        let mut views = vec![map.photo];
        let (mut against, mut close_pair) = (0, false);
        for ((link, &(other, other_image)), centre) in links.iter().zip(sources).zip(&centres) {
            let Some(c) = link.counterpart(x, y, depth, own_normal) else { continue };
            if agrees(&c, options, least_cosine) {
                let w = weigh(c.cost);
                position += Vector3::from(c.point) * w;
                normal += Vector3::from(c.normal) * w;
                colour += Vector3::from(other_image.bilinear(c.u + 0.5, c.v + 0.5)) * w;
                weight += w;
                views.push(other.photo);
                let ray = Vector3::from(own).cast::<f64>();
                let cosine = ray.normalize().dot(&(ray - centre).normalize()) as f32;
                close_pair |= c.error < PAIR_ERROR && cosine < PAIR_COSINE;
            } else if c.difference < -SEES_THROUGH {
                against += 1;
            }
        }
        let enough = views.len() >= options.min_views || (options.allow_pairs && views.len() == 2 && close_pair);
        if !enough || against + 1 >= views.len() {
            return None;
        }
        views.sort_unstable();
        let position = world_from_cam.apply(&(position / weight).cast::<f64>());
        let normal = world_from_cam.rotation * normal.cast::<f64>().normalize();
        Some(FusedPoint {
            position: position.cast::<f32>().into(),
            normal: normal.cast::<f32>().into(),
            colour: (colour / weight).map(|v| v.round().clamp(0.0, 255.0) as u8).into(),
            confidence: (1.0 - 0.5 * cost).max(0.0) * (1.0 - 0.5f32.powi(views.len() as i32 - 1)),
            views,
        })
    };
    (0..map.depth.height)
        .into_par_iter()
        .flat_map_iter(|y| (0..map.depth.width).filter_map(move |x| at(x, y)))
        .collect()
}

fn agrees(c: &Counterpart, options: &FuseOptions, least_cosine: f32) -> bool {
    c.error < options.reprojection && c.difference.abs() < options.depth && c.cosine > least_cosine
}

/// Size of a pixel on the surface: median depth over focal length; `None` for a map without depth.
pub fn ground_pixel(map: &DepthMap) -> Option<f64> {
    let depths: Vec<f64> = map.depth.data.iter().filter(|d| **d > 0.0).map(|d| f64::from(*d)).collect();
    median(&depths).map(|d| d / map.camera.f)
}

/// Running mean of a cell's points.
struct Cell {
    position: Vector3<f64>,
    normal: Vector3<f64>,
    colour: Vector3<f64>,
    weight: f64,
    confidence: f32,
    views: Vec<PhotoId>,
}

/// Collects the points of many maps in cells.
pub struct Fusion {
    size: f64,
    gsd: f64,
    /// By cell and by the normal's main direction, so that the two sides of a thin wall stay apart.
    cells: HashMap<([i32; 3], u8), Cell>,
}

impl Fusion {
    /// Cells of `options.cell` times the ground pixel `gsd` (world units).
    pub fn new(gsd: f64, options: &FuseOptions) -> Self {
        Self { size: (gsd * options.cell).max(1e-9), gsd, cells: HashMap::new() }
    }

    /// Adds the points of one map. The order of calls matters in the last bits: use ascending photo ids.
    pub fn add(&mut self, points: &[FusedPoint]) {
        for point in points {
            let position = Vector3::from(point.position.map(f64::from));
            let normal = Vector3::from(point.normal.map(f64::from));
            let axis = normal.iamax();
            let side = (2 * axis + usize::from(normal[axis] < 0.0)) as u8;
            let key: [i32; 3] = std::array::from_fn(|a| (position[a] / self.size).floor() as i32);
            let weight = f64::from(point.confidence.max(1e-3));
            let cell = self.cells.entry((key, side)).or_insert_with(|| Cell {
                position: Vector3::zeros(),
                normal: Vector3::zeros(),
                colour: Vector3::zeros(),
                weight: 0.0,
                confidence: 0.0,
                views: Vec::new(),
            });
            cell.position += position * weight;
            cell.normal += normal * weight;
            cell.colour += Vector3::from(point.colour.map(f64::from)) * weight;
            cell.weight += weight;
            cell.confidence = cell.confidence.max(point.confidence);
            for view in &point.views {
                if let Err(at) = cell.views.binary_search(view) {
                    cell.views.insert(at, *view);
                }
            }
        }
    }

    /// The cloud, sorted by cell.
    pub fn finish(self) -> PointCloud {
        let mut cells: Vec<_> = self.cells.into_iter().collect();
        cells.par_sort_unstable_by_key(|(key, _)| *key);
        let points = cells
            .into_iter()
            .filter(|(_, c)| c.normal.norm() > 1e-9)
            .map(|(_, c)| FusedPoint {
                position: (c.position / c.weight).cast::<f32>().into(),
                normal: c.normal.normalize().cast::<f32>().into(),
                colour: (c.colour / c.weight).map(|v| v.round().clamp(0.0, 255.0) as u8).into(),
                confidence: c.confidence,
                views: c.views,
            })
            .collect();
        PointCloud { points, gsd: self.gsd }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dense::consistency::tests::plane_map;
    use crate::image::Grid;

    fn image() -> Rgb8 {
        Grid::filled(60, 40, [10, 20, 30])
    }

    #[test]
    fn agreeing_maps_make_points_on_the_surface() {
        let maps = [plane_map(0, 0.0, 0.0), plane_map(1, 1.5, 0.0), plane_map(2, -1.5, 0.0)];
        let colour = image();
        let options = FuseOptions::default();
        let sources = [(&maps[1], &colour), (&maps[2], &colour)];
        let points = fuse_view((&maps[0], &colour), &sources, &options);
        assert!(points.len() > 1000, "{}", points.len());
        for p in &points {
            assert!((p.position[2] - 10.0 - 0.3 * p.position[0]).abs() < 1e-3);
            assert_eq!(p.colour, [10, 20, 30]);
            assert!(p.normal[2] < -0.9 && p.confidence > 0.0 && p.views.len() >= 2);
        }
        let mut fusion = Fusion::new(ground_pixel(&maps[0]).expect("depth"), &options);
        fusion.add(&points);
        fusion.add(&points);
        let cloud = fusion.finish();
        assert!(cloud.points.len() <= points.len() && cloud.points.len() > points.len() / 4);
        assert!(cloud.points.iter().all(|p| (p.position[2] - 10.0 - 0.3 * p.position[0]).abs() < 1e-3));
    }

    #[test]
    fn a_surface_that_others_see_through_makes_none() {
        let maps = [plane_map(0, 0.0, -2.0), plane_map(1, 1.5, 0.0), plane_map(2, -1.5, 0.0)];
        let colour = image();
        let sources = [(&maps[1], &colour), (&maps[2], &colour)];
        assert!(fuse_view((&maps[0], &colour), &sources, &FuseOptions::default()).is_empty());
    }
}
