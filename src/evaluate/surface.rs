//! The surface against the truth: accuracy, completeness and F-score for each class.
//!
//! Completeness is the share of the true surface, seen by at least three photos, that has the model nearer than the
//! limit; accuracy the share of the model's surface inside the truth's bounds that has the truth nearer; a sample of
//! the model has the class of the nearest truth. Both surfaces are sampled evenly; distances are exact, point to
//! triangle. Definitions as in A. Knapitsch et al., "Tanks and Temples", TOG 36(4), 2017, section 4.

use crate::base::{Cancelled, Ctx, Rng};
use crate::camera::Lens;
use crate::geometry::{Rigid3, Sim3};
use crate::mesh::bvh::Bvh;
use crate::scene::Mesh;
use crate::synthetic::truth::{CLASSES, Truth, TruthMesh, TruthPhoto};
use nalgebra::Vector3;
use rayon::prelude::*;
use serde::Serialize;

/// Steepest angle at which a photo counts as seeing a surface.
const STEEPEST_DEG: f64 = 80.0;
/// Photos that must see a piece of truth for it to count.
const LEAST_VIEWS: usize = 3;
/// Distances beyond this many limits are not told apart.
const FAR: f64 = 4.0;

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassMetrics {
    /// Name, or `overall`.
    pub class: String,
    /// Share of the model that is right.
    pub accuracy: f64,
    /// Share of the truth that is there.
    pub completeness: f64,
    /// Their harmonic mean.
    pub f_score: f64,
    /// Samples of the truth.
    pub samples: usize,
}

/// The surface against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SurfaceMetrics {
    /// Distance up to which surfaces agree in metres.
    pub limit_m: f64,
    /// All classes together, then each.
    pub classes: Vec<ClassMetrics>,
    /// Median distance from the model to the truth in metres.
    pub median_distance_m: f64,
}

pub(super) struct Sample {
    pub(super) point: Vector3<f64>,
    normal: Vector3<f64>,
    pub(super) triangle: usize,
}

/// The part of a true surface that counts: samples that enough photos see. Made once, compared with many models.
pub struct SeenTruth<'a> {
    truth: &'a Truth,
    surface: &'a TruthMesh,
    bvh: Bvh,
    wanted: Vec<Sample>,
    density: f64,
    limit_m: f64,
}

impl<'a> SeenTruth<'a> {
    /// Samples the surface and finds what the photos see of it, for distances up to `limit_m`.
    pub fn new(ctx: &Ctx, truth: &'a Truth, surface: &'a TruthMesh, limit_m: f64) -> Result<Self, Cancelled> {
        let density = (0.5 / (limit_m * limit_m)).clamp(0.5, 4.0);
        let bvh = Bvh::new(&surface.mesh);
        let mut wanted = sample(&surface.mesh, density, 1);
        wanted.retain(|s| inside(truth, &s.point));
        ctx.tick(1, 2)?;
        let eyes: Vec<Eye> = truth.photos.iter().map(Eye::new).collect();
        let seen: Vec<bool> = wanted.par_iter().map(|s| is_seen(s, &eyes, &bvh)).collect();
        let mut keep = seen.into_iter();
        wanted.retain(|_| keep.next().unwrap_or(false));
        ctx.tick(2, 2)?;
        Ok(Self { truth, surface, bvh, wanted, density, limit_m })
    }
}

/// Whether a point lies within the truth's bounds on the ground.
pub(super) fn inside(truth: &Truth, p: &Vector3<f64>) -> bool {
    let (low, high) = truth.bounds.iter().fold(([f64::MAX; 2], [f64::MIN; 2]), |(lo, hi), b| {
        ([lo[0].min(b[0]), lo[1].min(b[1])], [hi[0].max(b[0]), hi[1].max(b[1])])
    });
    p.x > low[0] && p.y > low[1] && p.x < high[0] && p.y < high[1]
}

/// Compares a surface with the truth. `truth_from_model` takes the model's frame to the truth's.
pub fn surface_metrics(
    ctx: &Ctx,
    model: &Mesh,
    truth_from_model: &Sim3,
    seen: &SeenTruth<'_>,
) -> Result<SurfaceMetrics, Cancelled> {
    let SeenTruth { truth, surface, bvh: truth_bvh, wanted, density, limit_m } = seen;
    let (density, limit_m) = (*density, *limit_m);
    let model = Mesh {
        vertices: model.vertices.iter().map(|v| truth_from_model.apply(v)).collect(),
        triangles: model.triangles.clone(),
    };
    let model_bvh = Bvh::new(&model);
    let far = FAR * limit_m;
    let complete: Vec<f64> =
        wanted.par_iter().map(|s| model_bvh.closest(&s.point, far).map_or(far, |h| h.distance)).collect();
    ctx.tick(1, 2)?;
    let got: Vec<Sample> = sample(&model, density, 2).into_iter().filter(|s| inside(truth, &s.point)).collect();
    let accurate: Vec<(f64, Option<u8>)> = got
        .par_iter()
        .map(|s| match truth_bvh.closest(&s.point, far) {
            Some(hit) => (hit.distance, Some(surface.class[hit.triangle as usize])),
            None => (far, None),
        })
        .collect();
    ctx.tick(2, 2)?;
    let score = |class: Option<u8>| {
        let of_truth: Vec<f64> = wanted
            .iter()
            .zip(&complete)
            .filter(|(s, _)| class.is_none_or(|c| surface.class[s.triangle] == c))
            .map(|(_, d)| *d)
            .collect();
        let of_model: Vec<f64> =
            accurate.iter().filter(|(_, c)| class.is_none() || *c == class).map(|(d, _)| *d).collect();
        let share = |d: &[f64]| d.iter().filter(|d| **d <= limit_m).count() as f64 / d.len().max(1) as f64;
        let (accuracy, completeness) = (share(&of_model), share(&of_truth));
        let sum = accuracy + completeness;
        ClassMetrics {
            class: class.map_or("overall", |c| CLASSES[usize::from(c)]).into(),
            accuracy,
            completeness,
            f_score: if sum > 0.0 { 2.0 * accuracy * completeness / sum } else { 0.0 },
            samples: of_truth.len(),
        }
    };
    let mut classes = vec![score(None)];
    classes.extend((0..CLASSES.len() as u8).map(|c| score(Some(c))).filter(|m| m.samples > 0));
    let distances: Vec<f64> = accurate.iter().map(|(d, _)| *d).collect();
    let median_distance_m = crate::base::stats::median(&distances).unwrap_or(f64::NAN);
    Ok(SurfaceMetrics { limit_m, classes, median_distance_m })
}

/// Even samples of a surface, `density` for each square metre.
pub(super) fn sample(mesh: &Mesh, density: f64, seed: u64) -> Vec<Sample> {
    let mut rng = Rng::new(seed, 0);
    let mut samples = Vec::new();
    for triangle in 0..mesh.triangles.len() {
        let [a, b, c] = mesh.corners(triangle);
        let area_normal = mesh.area_normal(triangle);
        let Some(normal) = area_normal.try_normalize(0.0) else { continue };
        let count = (area_normal.norm() / 2.0 * density + rng.next_f64()).floor() as usize;
        for _ in 0..count {
            let (r, q) = (rng.next_f64().sqrt(), rng.next_f64());
            samples.push(Sample { point: a * (1.0 - r) + b * (r * (1.0 - q)) + c * (r * q), normal, triangle });
        }
    }
    samples
}

/// A photo's camera, unpacked.
struct Eye {
    pose: Rigid3,
    centre: Vector3<f64>,
    lens: Lens,
    size: [f64; 2],
}

impl Eye {
    fn new(photo: &TruthPhoto) -> Self {
        let (pose, camera) = (photo.pose(), &photo.camera);
        let size = [f64::from(camera.width), f64::from(camera.height)];
        Self { pose, centre: pose.centre(), lens: camera.lens(), size }
    }
}

/// Whether enough photos see a place of the true surface: in the picture, not too steep, nothing between.
fn is_seen(s: &Sample, eyes: &[Eye], bvh: &Bvh) -> bool {
    let steepest = STEEPEST_DEG.to_radians().cos();
    let mut views = 0;
    for (i, eye) in eyes.iter().enumerate() {
        if views + eyes.len() - i < LEAST_VIEWS {
            return false;
        }
        let to_camera = eye.centre - s.point;
        let distance = to_camera.norm();
        if s.normal.dot(&to_camera).abs() < distance * steepest {
            continue;
        }
        let Some(pixel) = eye.lens.project(&eye.pose.apply(&s.point)) else { continue };
        if pixel.x < 0.0 || pixel.y < 0.0 || pixel.x >= eye.size[0] || pixel.y >= eye.size[1] {
            continue;
        }
        let direction = to_camera / distance;
        if !bvh.occluded(&(s.point + direction * 0.02), &direction, 0.0, distance - 0.02) {
            views += 1;
            if views >= LEAST_VIEWS {
                return true;
            }
        }
    }
    false
}
