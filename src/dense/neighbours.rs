//! Which photos each photo is compared with, and where its surface may be.
//!
//! In: the sparse reconstruction (world units). Out: for each registered photo up to eight source photos, its depth range
//! and the sparse points that it sees.
//! Source: score of shared points by triangulation angle, scale ratio and covered area as in M. Goesele et al.,
//! "Multi-View Stereo for Community Photo Collections", ICCV 2007, eq. 1-3, with the optimum and widths that OpenMVS
//! documents (12 deg; 3-65 deg); chosen greedily, each next photo for what those before it lack: cells of the image
//! that they do not cover, and baselines in other directions (along and across the track, obliques), because two sources
//! on the same side share their occlusions.
//! Cost: the sum of squared track lengths. Failure modes: a photo with fewer than two sources or eight points is left out.

use crate::base::PhotoId;
use crate::base::stats::quantile;
use crate::scene::Reconstruction;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Cells along each axis of the image for the coverage.
const CELLS: usize = 8;
/// Triangulation angle that scores best, radians.
const BEST_ANGLE: f64 = 12.0 * std::f64::consts::PI / 180.0;
/// Smallest angle that scores at all, radians.
const LEAST_ANGLE: f64 = 2.0 * std::f64::consts::PI / 180.0;
/// Largest angle that scores at all, radians.
const LARGEST_ANGLE: f64 = 50.0 * std::f64::consts::PI / 180.0;
/// Largest ratio of the distances to a point.
const LARGEST_SCALE_RATIO: f64 = 1.6;
/// Points that a photo must share for being a source.
const LEAST_SHARED: usize = 8;
/// Points that a photo must see to get a depth map.
const LEAST_POINTS: usize = 8;
/// Sources that a photo must have to get a depth map.
const LEAST_SOURCES: usize = 2;

/// What a photo's depth map is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Neighbourhood {
    /// The photo.
    pub photo: PhotoId,
    /// Photos to compare with, best first.
    pub sources: Vec<PhotoId>,
    /// Nearest and farthest depth along the camera's z axis, world units.
    pub depth_range: (f64, f64),
    /// Sparse points that the photo sees, world frame.
    pub points: Vec<Vector3<f64>>,
}

/// What two photos share.
struct Shared {
    /// Score of each image cell.
    cells: [f64; CELLS * CELLS],
    count: usize,
}

/// The neighbourhoods of all registered photos that have enough overlap, by ascending photo id, with at most
/// `max_sources` sources each.
pub fn neighbourhoods(reconstruction: &Reconstruction, max_sources: usize) -> Vec<Neighbourhood> {
    let mut seen: Vec<Vec<u32>> = vec![Vec::new(); reconstruction.poses.len()];
    for (i, point) in reconstruction.points.iter().enumerate() {
        for observation in &point.track {
            seen[observation.photo.index()].push(i as u32);
        }
    }
    let photos: Vec<PhotoId> = reconstruction.registered().collect();
    photos
        .par_iter()
        .filter_map(|&photo| neighbourhood(reconstruction, photo, &seen[photo.index()], max_sources))
        .collect()
}

fn angle_weight(angle: f64) -> f64 {
    if !(LEAST_ANGLE..=LARGEST_ANGLE).contains(&angle) {
        return 0.0;
    }
    let sigma = if angle < BEST_ANGLE { 0.5 * BEST_ANGLE } else { 1.0 * BEST_ANGLE };
    (-(angle - BEST_ANGLE).powi(2) / (2.0 * sigma * sigma)).exp()
}

fn neighbourhood(
    reconstruction: &Reconstruction,
    photo: PhotoId,
    seen: &[u32],
    max_sources: usize,
) -> Option<Neighbourhood> {
    let pose = reconstruction.poses[photo.index()]?;
    let camera = reconstruction.camera(photo);
    let centre = pose.centre();
    let mut shared: BTreeMap<PhotoId, Shared> = BTreeMap::new();
    let mut depths = Vec::new();
    let mut points = Vec::new();
    for &i in seen {
        let point = &reconstruction.points[i as usize];
        let in_camera = pose.apply(&point.position);
        let own = point.track.iter().find(|o| o.photo == photo).map(|o| o.pixel);
        let Some(pixel) = own.filter(|_| in_camera.z > 0.0) else { continue };
        depths.push(in_camera.z);
        points.push(point.position);
        let cell = cell_of(&pixel, f64::from(camera.width), f64::from(camera.height));
        let to_own = centre - point.position;
        for other in point.track.iter().filter(|o| o.photo != photo) {
            let Some(other_pose) = reconstruction.poses[other.photo.index()] else { continue };
            let to_other = other_pose.centre() - point.position;
            let ratio = resolution_ratio(reconstruction, photo, other.photo, &to_own, &to_other);
            let angle = to_own.angle(&to_other);
            let entry = shared.entry(other.photo).or_insert_with(|| Shared { cells: [0.0; CELLS * CELLS], count: 0 });
            if ratio <= LARGEST_SCALE_RATIO {
                entry.cells[cell] += angle_weight(angle) / ratio;
                entry.count += 1;
            }
        }
    }
    if points.len() < LEAST_POINTS {
        return None;
    }
    let mut per_cell = [0.0; CELLS * CELLS];
    for point in &points {
        if let Some(pixel) = camera.lens.project(&pose.apply(point)) {
            per_cell[cell_of(&pixel, f64::from(camera.width), f64::from(camera.height))] += 1.0;
        }
    }
    shared.retain(|_, s| s.count >= LEAST_SHARED && s.cells.iter().any(|&c| c > 0.0));
    let offset = |other: PhotoId| -> Vector3<f64> {
        reconstruction.poses[other.index()].map_or_else(Vector3::zeros, |p| p.centre() - centre)
    };
    let sources = choose(&shared, &per_cell, offset, max_sources);
    let depth_range = depth_range(&depths)?;
    (sources.len() >= LEAST_SOURCES).then_some(Neighbourhood { photo, sources, depth_range, points })
}

fn cell_of(pixel: &Vector2<f64>, width: f64, height: f64) -> usize {
    let along = |v: f64, size: f64| ((v / size * CELLS as f64).max(0.0) as usize).min(CELLS - 1);
    along(pixel.y, height) * CELLS + along(pixel.x, width)
}

/// Ratio (at least 1) of the sizes that a point's surroundings have in the two photos.
fn resolution_ratio(r: &Reconstruction, a: PhotoId, b: PhotoId, to_a: &Vector3<f64>, to_b: &Vector3<f64>) -> f64 {
    let ratio = (r.camera(a).lens.f * to_b.norm()) / (r.camera(b).lens.f * to_a.norm()).max(1e-12);
    ratio.max(1.0 / ratio.max(1e-12))
}

/// Greedy choice: each next photo adds most to cells that are not yet well covered, from a side that is not yet taken.
fn choose(
    shared: &BTreeMap<PhotoId, Shared>,
    per_cell: &[f64; CELLS * CELLS],
    offset: impl Fn(PhotoId) -> Vector3<f64>,
    limit: usize,
) -> Vec<PhotoId> {
    let mut chosen: Vec<PhotoId> = Vec::new();
    let mut covered = [0.0f64; CELLS * CELLS];
    // Mean quality in a cell; matching is incomplete, so that a third of the cell's points stands for all of it.
    let quality = |s: &Shared, c: usize| (3.0 * s.cells[c] / per_cell[c]).min(1.0);
    while chosen.len() < limit {
        let best = shared
            .iter()
            .filter(|(id, _)| !chosen.contains(id))
            .map(|(&id, s)| {
                let gain: f64 = (0..CELLS * CELLS)
                    .filter(|&c| per_cell[c] > 0.0)
                    .map(|c| quality(s, c) / (1.0 + 2.0 * covered[c]))
                    .sum();
                let side = offset(id);
                let same_side = chosen
                    .iter()
                    .map(|&o| offset(o).normalize().dot(&side.normalize()).max(0.0).powi(2))
                    .fold(0.0, f64::max);
                (gain * (1.0 - 0.5 * same_side), id)
            })
            .filter(|(gain, _)| gain.is_finite() && *gain > 0.0)
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        let Some((_, id)) = best else { break };
        for (c, covered) in covered.iter_mut().enumerate().filter(|(c, _)| per_cell[*c] > 0.0) {
            *covered += quality(&shared[&id], c);
        }
        chosen.push(id);
    }
    chosen
}

/// Depth range from the depths of the sparse points: roofs and towers without points may stand nearer than all of them.
fn depth_range(depths: &[f64]) -> Option<(f64, f64)> {
    let (near, far) = (quantile(depths, 0.01)?, quantile(depths, 0.99)?);
    let margin = 0.25 * (far - near);
    Some(((near - margin - 0.1 * near).max(0.2 * near), far + margin + 0.05 * far))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{CameraId, Rng};
    use crate::camera::{Camera, FocalSource, Lens};
    use crate::geometry::Rigid3;
    use crate::scene::{Georeference, Observation, SparsePoint};
    use nalgebra::{UnitQuaternion, Vector3};

    /// Nadir photos 80 m over a flat square, 3 x 5 of them, 15 m apart along and 30 m across.
    fn block() -> Reconstruction {
        let lens = Lens::ideal(900.0, 1200, 800);
        let camera = Camera {
            id: CameraId(0),
            label: String::new(),
            width: 1200,
            height: 800,
            lens,
            focal_source: FocalSource::Exif,
        };
        let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
        let centres: Vec<Vector3<f64>> =
            (0..15).map(|i| Vector3::new(30.0 * f64::from(i / 5), 15.0 * f64::from(i % 5), 80.0)).collect();
        let poses: Vec<_> = centres.iter().map(|c| Some(Rigid3::from_rotation_and_centre(down, *c))).collect();
        let mut rng = Rng::new(1, 1);
        let points = (0..2000)
            .map(|_| {
                let position =
                    Vector3::new(rng.uniform(-50.0, 110.0), rng.uniform(-40.0, 100.0), rng.uniform(0.0, 9.0));
                let track = poses
                    .iter()
                    .enumerate()
                    .filter_map(|(i, pose): (usize, &Option<Rigid3>)| {
                        let pixel = lens.project(&pose.as_ref()?.apply(&position))?;
                        let inside = pixel.x > 0.0 && pixel.y > 0.0 && pixel.x < 1200.0 && pixel.y < 800.0;
                        inside.then_some(Observation { photo: PhotoId::from(i), feature: 0, pixel })
                    })
                    .collect();
                SparsePoint { position, colour: [0; 3], track }
            })
            .collect();
        Reconstruction {
            centre_sigmas: Vec::new(),
            cameras: vec![camera],
            camera_of: vec![CameraId(0); 15],
            poses,
            points,
            georeference: Georeference::Unscaled,
            notes: Vec::new(),
        }
    }

    #[test]
    fn takes_both_directions_and_a_tight_range() {
        let block = block();
        let all = neighbourhoods(&block, 4);
        assert_eq!(all.len(), 15);
        let middle = &all[7];
        assert_eq!(middle.photo, PhotoId(7));
        assert_eq!(middle.sources.len(), 4);
        assert!(middle.sources.contains(&PhotoId(6)) && middle.sources.contains(&PhotoId(8)), "{:?}", middle.sources);
        let across = middle.sources.iter().filter(|p| p.index() / 5 != 1).count();
        assert!(across >= 1, "{:?}", middle.sources);
        let (near, far) = middle.depth_range;
        assert!(near < 71.0 && near > 55.0 && far > 80.0 && far < 95.0, "{near} {far}");
        assert!(middle.points.len() > 100);
    }

    #[test]
    fn a_photo_without_shared_points_is_left_out() {
        let mut block = block();
        for point in &mut block.points {
            point.track.retain(|o| o.photo != PhotoId(3));
        }
        let all = neighbourhoods(&block, 4);
        assert_eq!(all.len(), 14);
        assert!(all.iter().all(|n| n.photo != PhotoId(3) && !n.sources.contains(&PhotoId(3))));
    }
}
