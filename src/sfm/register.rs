//! Finds the poses of further photos from points that are known already.
//!
//! In: a [`Model`]. Out: photos with how well they see known points, and poses. Source: J. Schoenberger, J.-M. Frahm,
//! CVPR 2016, section 4.2: the score of a photo is the number of cells that its visible points occupy in a pyramid of
//! grids, so that evenly spread points count more than clustered ones. Cost: linear in the observations; P3P with local
//! optimisation for each photo.

use super::SfmOptions;
use super::model::Model;
use crate::base::Rng;
use crate::geometry::Rigid3;
use crate::geometry::absolute_pose::{AbsolutePoseOptions, estimate_absolute_pose};
use nalgebra::Vector2;
use rayon::prelude::*;

/// Finest grid of the visibility pyramid: 2^5 cells a side.
const LEVELS: usize = 5;

/// A photo without a pose that sees known points.
pub(super) struct Candidate {
    pub photo: usize,
    /// Tracks with a point, and the index of the photo's sight in them.
    pub visible: Vec<(u32, u32)>,
    pub score: f64,
}

/// Photos without a pose that see at least `least` known points, best first.
pub(super) fn candidates(model: &Model, least: usize) -> Vec<Candidate> {
    let mut visible: Vec<Vec<(u32, u32)>> = vec![Vec::new(); model.poses.len()];
    for (t, track) in model.tracks.iter().enumerate() {
        if track.point.is_none() {
            continue;
        }
        for (i, s) in track.sights.iter().enumerate() {
            if model.poses[s.photo as usize].is_none() {
                visible[s.photo as usize].push((t as u32, i as u32));
            }
        }
    }
    let mut found: Vec<Candidate> = visible
        .into_par_iter()
        .enumerate()
        .filter(|(_, v)| v.len() >= least)
        .map(|(photo, visible)| {
            let pixels: Vec<_> =
                visible.iter().map(|&(t, i)| model.tracks[t as usize].sights[i as usize].pixel).collect();
            let camera = model.camera(photo as u32);
            let score = spread_score(&pixels, f64::from(camera.width), f64::from(camera.height));
            Candidate { photo, visible, score }
        })
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.photo.cmp(&b.photo)));
    found
}

/// Cells occupied in grids of 2, 4, ... 32 cells a side, finer ones counting more.
fn spread_score(pixels: &[Vector2<f64>], width: f64, height: f64) -> f64 {
    let mut score = 0.0;
    for level in 1..=LEVELS {
        let n = 1usize << level;
        let mut seen = vec![false; n * n];
        for p in pixels {
            let x = ((p.x / width * n as f64).max(0.0) as usize).min(n - 1);
            let y = ((p.y / height * n as f64).max(0.0) as usize).min(n - 1);
            seen[y * n + x] = true;
        }
        score += seen.iter().filter(|s| **s).count() as f64 * n as f64;
    }
    score
}

/// Estimates the pose of a candidate; `inliers` is the number of supporting points needed.
pub(super) fn resect(
    model: &Model,
    candidate: &Candidate,
    inliers: usize,
    ratio: f64,
    options: &SfmOptions,
) -> Option<Rigid3> {
    let photo = candidate.photo as u32;
    let camera = model.camera(photo);
    let (mut rays, mut points) = (Vec::new(), Vec::new());
    for &(t, i) in &candidate.visible {
        let track = &model.tracks[t as usize];
        if let Some(x) = track.point
            && let Some(ray) = model.ray(photo, &track.sights[i as usize].pixel)
        {
            rays.push(ray);
            points.push(x);
        }
    }
    let thresholds = AbsolutePoseOptions {
        max_error_px: options.resection_error_px * model.pixel_scale,
        min_inliers: inliers,
        min_inlier_ratio: ratio,
        ..Default::default()
    };
    let mut rng = Rng::new(options.seed ^ 0x7265_7365, (photo as u64) << 32 | candidate.visible.len() as u64);
    estimate_absolute_pose(&rays, &points, camera.lens.f, &thresholds, &mut rng).map(|p| p.cam_from_world)
}
