//! Completes tracks with what the adjusted photos say: features that show a known point but were never matched, and
//! tracks that turn out to show one point.
//!
//! In: a [`Model`] with poses that are good to a few pixels, the features with their descriptors, the view graph. Out:
//! longer tracks. Each point is projected into the photos that are linked with those that see it; the feature there
//! whose descriptor is nearest joins the track if it would have matched and nothing else there is nearly as like, so
//! that what the ratio test lost among all features of a photo is found among the few at the right place. Where that
//! feature belongs to another point, the two become one if all their sights agree. Source: completion and merging as in
//! J. Schoenberger, J.-M. Frahm, "Structure-from-Motion Revisited", CVPR 2016, section 4.4, with guided matching
//! instead of the matches at hand. Cost: a projection for each point and linked photo. Failure modes: equal things
//! closer to each other than the error limit.

use super::graph::{ViewGraph, other};
use super::model::{Model, Sight};
use crate::geometry::least_squares::Loss;
use crate::geometry::triangulation::{View, refine_point};
use crate::scene::Features;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// Bytes of a descriptor.
const LENGTH: usize = 128;
/// Square of a descriptor's norm.
const SQUARED_NORM: f64 = 512.0 * 512.0;
/// Greatest distance of descriptors (norm 1) that match.
const MAX_DISTANCE: f64 = 0.7;
/// The nearest descriptor must be closer than this part of the next in the place.
const RATIO: f64 = 0.85;
/// Features this close to each other, in error limits, are one place and do not compete.
const SAME_PLACE: f32 = 0.75;
/// Factor between the expected and the found size of a feature.
const SIZE: f64 = 2.0;
/// Sights whose descriptors a feature is compared with.
const COMPARED: usize = 4;
/// No track owns a feature.
const FREE: u32 = u32::MAX;

/// What a completion did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Completed {
    /// Sights that joined a track.
    pub added: usize,
    /// Tracks that went into others.
    pub merged: usize,
}

/// Completes the tracks; `limit_px` is the largest reprojection error. Nothing happens without descriptors.
pub(super) fn complete(model: &mut Model, features: &[Features], graph: &ViewGraph, limit_px: f64) -> Completed {
    if features.iter().any(|f| f.descriptors.len() != f.len() * LENGTH) {
        return Completed::default();
    }
    let grids: Vec<Grid> = features
        .par_iter()
        .enumerate()
        .map(|(p, f)| if model.poses[p].is_some() { Grid::new(f, limit_px as f32) } else { Grid::default() })
        .collect();
    let linked: Vec<Vec<u32>> = (0..features.len())
        .map(|p| {
            let mut l: Vec<u32> = graph.of_photo[p].iter().map(|&i| other(&graph.pairs[i], p) as u32).collect();
            l.sort_unstable();
            l
        })
        .collect();
    let found: Vec<Vec<(u32, u32)>> = (0..model.tracks.len())
        .into_par_iter()
        .with_min_len(64)
        .map(|t| candidates(model, features, &grids, &linked, t, limit_px))
        .collect();
    apply(model, features, &found, limit_px)
}

/// Features of a photo by square cells.
#[derive(Default)]
struct Grid {
    side: f32,
    columns: usize,
    rows: usize,
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl Grid {
    fn new(features: &Features, radius: f32) -> Self {
        let side = radius.max(8.0);
        let high = features.keypoints.iter().fold([0.0f32; 2], |h, k| [h[0].max(k.x), h[1].max(k.y)]);
        let [columns, rows] = high.map(|h| (h / side) as usize + 1);
        let cell = |k: &crate::scene::Keypoint| {
            let at = |v: f32, n: usize| ((v / side).max(0.0) as usize).min(n - 1);
            at(k.y, rows) * columns + at(k.x, columns)
        };
        let mut order: Vec<u32> = (0..features.len() as u32).collect();
        order.sort_by_key(|&i| (cell(&features.keypoints[i as usize]), i));
        let mut starts = vec![0u32; columns * rows + 1];
        features.keypoints.iter().for_each(|k| starts[cell(k) + 1] += 1);
        for c in 0..columns * rows {
            starts[c + 1] += starts[c];
        }
        Self { side, columns, rows, starts, order }
    }

    /// Calls `visit` with the features within `radius` pixels.
    fn near(&self, features: &Features, at: &Vector2<f64>, radius: f32, mut visit: impl FnMut(u32)) {
        if self.columns == 0 {
            return;
        }
        let (x, y) = (at.x as f32, at.y as f32);
        let range = |v: f32, n: usize| {
            let low = ((v - radius) / self.side).floor().max(0.0) as usize;
            let high = ((v + radius) / self.side).floor();
            if high < 0.0 { 0..0 } else { low..(high as usize + 1).min(n) }
        };
        for row in range(y, self.rows) {
            for column in range(x, self.columns) {
                let c = row * self.columns + column;
                for &i in &self.order[self.starts[c] as usize..self.starts[c + 1] as usize] {
                    let k = &features.keypoints[i as usize];
                    if (k.x - x).hypot(k.y - y) <= radius {
                        visit(i);
                    }
                }
            }
        }
    }
}

/// Features of further photos that show the point of a track.
fn candidates(
    model: &Model,
    features: &[Features],
    grids: &[Grid],
    linked: &[Vec<u32>],
    t: usize,
    limit_px: f64,
) -> Vec<(u32, u32)> {
    let track = &model.tracks[t];
    let Some(x) = track.point else { return Vec::new() };
    let on: Vec<&Sight> = track.sights.iter().filter(|s| s.on).collect();
    let seen = |p: u32| on.iter().any(|s| s.photo == p);
    let mut photos: Vec<u32> = on.iter().flat_map(|s| linked[s.photo as usize].iter().copied()).collect();
    photos.sort_unstable();
    photos.dedup();
    photos.retain(|&p| !seen(p));
    // Size of the thing in the world, from how large its features are.
    let scale_at = |p: u32| Some(model.camera(p).lens.f / model.poses[p as usize]?.apply(&x).z);
    let keypoint = |s: &Sight| &features[s.photo as usize].keypoints[s.feature as usize];
    let Some(size) = on.first().and_then(|s| Some(f64::from(keypoint(s).scale) / scale_at(s.photo)?)) else {
        return Vec::new();
    };
    let radius = limit_px as f32;
    let mut out = Vec::new();
    for p in photos {
        let Some(pose) = &model.poses[p as usize] else { continue };
        let camera = model.camera(p);
        let Some(pixel) = camera.lens.project(&pose.apply(&x)) else { continue };
        if pixel.x < 0.0 || pixel.y < 0.0 || pixel.x > f64::from(camera.width) || pixel.y > f64::from(camera.height) {
            continue;
        }
        let f = &features[p as usize];
        let expected = size * scale_at(p).unwrap_or(1.0);
        let mut at_place: Vec<(f64, u32)> = Vec::new();
        grids[p as usize].near(f, &pixel, 2.0 * radius, |i| {
            let ratio = f64::from(f.keypoints[i as usize].scale) / expected;
            if (1.0 / SIZE..=SIZE).contains(&ratio) {
                let like = on
                    .iter()
                    .take(COMPARED)
                    .map(|s| dot(features[s.photo as usize].descriptor(s.feature as usize), f.descriptor(i as usize)));
                at_place.push((distance(like.max().unwrap_or(0)), i));
            }
        });
        at_place.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let Some(&(best, i)) = at_place.first() else { continue };
        let k = &f.keypoints[i as usize];
        let apart = |j: u32| {
            let q = &f.keypoints[j as usize];
            (q.x - k.x).hypot(q.y - k.y)
        };
        let rival = at_place[1..].iter().find(|(_, j)| apart(*j) > SAME_PLACE * radius);
        let near = (f64::from(k.x) - pixel.x).hypot(f64::from(k.y) - pixel.y) <= limit_px;
        if near && best <= MAX_DISTANCE && rival.is_none_or(|(d, _)| best < RATIO * d) {
            out.push((p, i));
        }
    }
    out
}

fn dot(a: &[u8], b: &[u8]) -> i32 {
    a.iter().zip(b).map(|(&x, &y)| i32::from(x) * i32::from(y)).sum()
}

/// Distance of two descriptors of norm 1 with this product.
fn distance(dot: i32) -> f64 {
    (2.0 * (1.0 - f64::from(dot) / SQUARED_NORM)).max(0.0).sqrt()
}

/// Adds the candidates, in the order of the tracks.
fn apply(model: &mut Model, features: &[Features], found: &[Vec<(u32, u32)>], limit_px: f64) -> Completed {
    let mut owner: Vec<Vec<u32>> = features.iter().map(|f| vec![FREE; f.len()]).collect();
    for (t, track) in model.tracks.iter().enumerate().filter(|(_, t)| t.point.is_some()) {
        for s in track.sights.iter().filter(|s| s.on) {
            owner[s.photo as usize][s.feature as usize] = t as u32;
        }
    }
    let mut done = Completed::default();
    for (t, candidates) in found.iter().enumerate() {
        for &(photo, feature) in candidates {
            let seen = |s: &Sight| s.on && s.photo == photo;
            if model.tracks[t].point.is_none() || model.tracks[t].sights.iter().any(seen) {
                continue;
            }
            let from = owner[photo as usize][feature as usize];
            if from == FREE {
                let k = &features[photo as usize].keypoints[feature as usize];
                let pixel = Vector2::new(f64::from(k.x), f64::from(k.y));
                let sights = &mut model.tracks[t].sights;
                sights.retain(|s| s.photo != photo);
                sights.push(Sight { photo, feature, pixel, on: true });
                owner[photo as usize][feature as usize] = t as u32;
                done.added += 1;
            } else if let Some(x) = common_point(model, t, from as usize, limit_px) {
                let taken = std::mem::take(&mut model.tracks[from as usize].sights);
                model.tracks[from as usize].point = None;
                model.tracks[t].point = Some(x);
                for s in taken.into_iter().filter(|s| s.on) {
                    owner[s.photo as usize][s.feature as usize] = t as u32;
                    model.tracks[t].sights.retain(|old| old.photo != s.photo);
                    model.tracks[t].sights.push(s);
                    done.added += 1;
                }
                done.merged += 1;
            }
        }
    }
    // A feature that has found its track must not come back through another one.
    for (t, track) in model.tracks.iter_mut().enumerate() {
        track.sights.retain(|s| s.on || [FREE, t as u32].contains(&owner[s.photo as usize][s.feature as usize]));
        track.sights.sort_unstable_by_key(|s| s.photo);
    }
    done
}

/// The point that all sights of two tracks agree on; `None` where a photo sees both or one disagrees.
fn common_point(model: &Model, a: usize, b: usize, limit_px: f64) -> Option<Vector3<f64>> {
    let (a, b) = (&model.tracks[a], &model.tracks[b]);
    let on = || a.sights.iter().chain(&b.sights).filter(|s| s.on);
    let mut photos: Vec<u32> = on().map(|s| s.photo).collect();
    let count = photos.len();
    photos.sort_unstable();
    photos.dedup();
    if photos.len() < count {
        return None;
    }
    let views: Vec<View> =
        on().filter_map(|s| Some((model.poses[s.photo as usize]?, model.ray(s.photo, &s.pixel)?))).collect();
    let n = |t: &super::model::Track| t.sights.iter().filter(|s| s.on).count() as f64;
    let start = (a.point? * n(a) + b.point? * n(b)) / count as f64;
    let x = refine_point(&views, &start, Loss::Squared)?;
    on().all(|s| model.error(s, &x) <= limit_px).then_some(x)
}
