//! Accuracy and completeness of a surface against the true one, by class.
//!
//! In: the true surface with classes, the true cameras, a mesh and its alignment. Out: shares within distance limits.
//! Completeness: share of the true surface that at least three photos see (ray cast, incidence under 80 degrees) with
//! model surface nearer than the limit. Accuracy: share of the model's surface inside the bounds with true surface nearer
//! than the limit; its class is that of the nearest true triangle. Both surfaces are sampled uniformly.
//! Source: A. Knapitsch et al., "Tanks and Temples", SIGGRAPH 2017 (precision, recall, F-score); classes as in
//! S. Ruano, A. Smolic, "A benchmark for 3D reconstruction from aerial imagery in an urban environment", 2021.
//! Cost: about 10 us a sample. Failure modes: parts that fewer than three photos see count neither way in completeness.

use super::EvaluateError;
use crate::base::{Ctx, Rng};
use crate::geometry::Sim3;
use crate::scene::Mesh;
use crate::synthetic::bvh::{Bvh, Packet};
use crate::synthetic::surface::V3;
use crate::synthetic::truth::{CLASSES, Truth, TruthMesh};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

const LANES: usize = 8;
/// Distances beyond this are not told apart.
const FAR_M: f32 = 1.5;

/// How a surface is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SurfaceOptions {
    /// Distance limits in metres.
    pub limits_m: Vec<f64>,
    /// Samples per square metre.
    pub density: f64,
    /// Photos that must see a place of the true surface for it to count.
    pub min_photos: u8,
}

impl Default for SurfaceOptions {
    fn default() -> Self {
        Self { limits_m: vec![0.05, 0.1, 0.2, 0.4], density: 10.0, min_photos: 3 }
    }
}

/// Shares within one limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LimitScore {
    /// The limit in metres.
    pub limit_m: f64,
    /// Share of the model's surface within the limit of the truth.
    pub accuracy: f64,
    /// Share of the truth's seen surface within the limit of the model.
    pub completeness: f64,
    /// Harmonic mean of the two.
    pub f_score: f64,
}

/// Scores of one class or group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurfaceScore {
    /// `overall`, `built` (ground, roof, facade) or a class.
    pub group: String,
    /// Samples of the truth's seen surface.
    pub truth_samples: usize,
    /// Samples of the model's surface.
    pub model_samples: usize,
    /// Median distance in metres from the model to the truth, and from the truth to the model (1.5 = that or more).
    pub median_m: [f64; 2],
    /// By limit.
    pub limits: Vec<LimitScore>,
}

/// How good a surface is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SurfaceReport {
    /// Share of the true surface in the bounds that enough photos see.
    pub visible_share: f64,
    /// Triangles of the model.
    pub model_triangles: usize,
    /// Mean distance in metres from the model to the truth, at most 1 m each.
    pub accuracy_mean_m: f64,
    /// Mean distance in metres from the truth to the model, at most 1 m each.
    pub completeness_mean_m: f64,
    /// Overall, built, then each class.
    pub scores: Vec<SurfaceScore>,
}

struct Samples {
    points: Vec<V3>,
    triangle: Vec<u32>,
}

fn triangle(m: &Mesh, t: usize) -> [V3; 3] {
    m.corners(t).map(|p| p.cast())
}

/// Uniform samples, about `density` per square metre, those inside the bounds.
fn sample(m: &Mesh, density: f64, seed: u64, low: [f64; 2], high: [f64; 2]) -> Samples {
    let per: Vec<Vec<V3>> = (0..m.triangles.len())
        .into_par_iter()
        .map(|t| {
            let [a, b, c] = m.corners(t);
            let mut rng = Rng::new(seed, t as u64);
            let n = (0.5 * (b - a).cross(&(c - a)).norm() * density + rng.next_f64()).floor() as usize;
            (0..n)
                .filter_map(|_| {
                    let (r, q) = (rng.next_f64().sqrt(), rng.next_f64());
                    let p = a * (1.0 - r) + b * (r * (1.0 - q)) + c * (r * q);
                    let inside = (0..2).all(|k| p[k] > low[k] && p[k] < high[k]);
                    inside.then(|| p.cast())
                })
                .collect()
        })
        .collect();
    let mut out = Samples { points: Vec::new(), triangle: Vec::new() };
    for (t, points) in per.into_iter().enumerate() {
        out.triangle.extend(std::iter::repeat_n(t as u32, points.len()));
        out.points.extend(points);
    }
    out
}

/// Whether at least `needed` photos see each sample.
fn visible(truth: &Truth, m: &Mesh, bvh: &Bvh, s: &Samples, needed: u8, ctx: &Ctx) -> Result<Vec<bool>, EvaluateError> {
    let cameras: Vec<_> = truth.photos.iter().map(|p| (p.pose(), p.camera.lens(), &p.camera)).collect();
    let limit = 80f32.to_radians().cos();
    let blocks = s.points.len().div_ceil(4096).max(1);
    let done = std::sync::atomic::AtomicU64::new(0);
    let seen: Result<Vec<Vec<bool>>, EvaluateError> = (0..blocks)
        .into_par_iter()
        .map(|block| {
            let range = block * 4096..((block + 1) * 4096).min(s.points.len());
            let mut count = vec![0u8; range.len()];
            for (pose, lens, camera) in &cameras {
                let centre: V3 = pose.centre().cast();
                for start in (0..range.len()).step_by(LANES) {
                    let mut directions = [V3::z(); LANES];
                    let mut reach = [-1.0f32; LANES];
                    for k in 0..LANES.min(range.len() - start) {
                        let i = range.start + start + k;
                        if count[start + k] >= needed {
                            continue;
                        }
                        let p = s.points[i];
                        let pixel = lens.project(&pose.apply(&p.cast()));
                        let inside = pixel.is_some_and(|q| {
                            q.x > 0.0 && q.y > 0.0 && q.x < f64::from(camera.width) && q.y < f64::from(camera.height)
                        });
                        let d = p - centre;
                        let length = d.norm();
                        let [a, b, c] = triangle(m, s.triangle[i] as usize);
                        let normal = (b - a).cross(&(c - a));
                        if inside && d.dot(&normal).abs() > length * normal.norm() * limit {
                            directions[k] = d / length;
                            reach[k] = length - 0.02;
                        }
                    }
                    if reach.iter().all(|&r| r < 0.0) {
                        continue;
                    }
                    let mut packet = Packet::new(&[centre; LANES], &directions, 0.0);
                    packet.t = reach;
                    bvh.occlude(&mut packet);
                    for k in 0..LANES {
                        if packet.t[k] > 0.0 {
                            count[start + k] += 1;
                        }
                    }
                }
            }
            let n = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            ctx.tick(n, 2 * blocks as u64)?;
            Ok(count.into_iter().map(|c| c >= needed).collect())
        })
        .collect();
    Ok(seen?.into_iter().flatten().collect())
}

fn distances(bvh: &Bvh, points: &[V3]) -> Vec<(f32, Option<u32>)> {
    points.par_iter().map(|p| bvh.closest(p, FAR_M).map_or((FAR_M, None), |(d, _, t)| (d.sqrt(), Some(t)))).collect()
}

/// Measures a mesh; `truth_from_model` takes it to the truth's frame.
pub fn surface(
    truth: &Truth,
    truth_surface: &TruthMesh,
    mesh: &Mesh,
    truth_from_model: &Sim3,
    options: &SurfaceOptions,
    ctx: &Ctx,
) -> Result<SurfaceReport, EvaluateError> {
    let moved = Mesh {
        vertices: mesh.vertices.iter().map(|v| truth_from_model.apply(v)).collect(),
        triangles: mesh.triangles.clone(),
    };
    let (mut low, mut high) = ([f64::MAX; 2], [f64::MIN; 2]);
    for corner in &truth.bounds {
        for k in 0..2 {
            low[k] = low[k].min(corner[k]);
            high[k] = high[k].max(corner[k]);
        }
    }
    let true_bvh = Bvh::new(truth_surface.mesh.triangles.len(), |t| triangle(&truth_surface.mesh, t));
    let model_bvh = Bvh::new(moved.triangles.len(), |t| triangle(&moved, t));
    let all = sample(&truth_surface.mesh, options.density, 1, low, high);
    let seen = visible(truth, &truth_surface.mesh, &true_bvh, &all, options.min_photos, ctx)?;
    let visible_share = seen.iter().filter(|s| **s).count() as f64 / seen.len().max(1) as f64;
    let (points, classes): (Vec<V3>, Vec<u8>) = (0..all.points.len())
        .filter(|&i| seen[i])
        .map(|i| (all.points[i], truth_surface.class[all.triangle[i] as usize]))
        .unzip();
    let complete: Vec<f32> = distances(&model_bvh, &points).into_iter().map(|d| d.0).collect();
    let model = sample(&moved, options.density, 2, low, high);
    let accurate: Vec<(f32, Option<u8>)> = distances(&true_bvh, &model.points)
        .into_iter()
        .map(|(d, t)| (d, t.map(|t| truth_surface.class[t as usize])))
        .collect();
    ctx.check()?;
    let mean = |d: &mut dyn Iterator<Item = f32>| {
        let (sum, n) = d.fold((0.0, 0usize), |(s, n), x| (s + f64::from(x.min(1.0)), n + 1));
        sum / n.max(1) as f64
    };
    let score = |group: &str, of: &dyn Fn(u8) -> bool, everything: bool| {
        let c: Vec<f64> = complete.iter().zip(&classes).filter(|(_, k)| of(**k)).map(|(d, _)| f64::from(*d)).collect();
        let a: Vec<f64> =
            accurate.iter().filter(|(_, k)| k.map_or(everything, of)).map(|(d, _)| f64::from(*d)).collect();
        let share = |d: &[f64], limit: f64| d.iter().filter(|x| **x <= limit).count() as f64 / d.len().max(1) as f64;
        let limits = options
            .limits_m
            .iter()
            .map(|&limit_m| {
                let (accuracy, completeness) = (share(&a, limit_m), share(&c, limit_m));
                let sum = accuracy + completeness;
                let f_score = if sum > 0.0 { 2.0 * accuracy * completeness / sum } else { 0.0 };
                LimitScore { limit_m, accuracy, completeness, f_score }
            })
            .collect();
        let median = |d: &[f64]| crate::base::stats::median(d).unwrap_or(f64::from(FAR_M));
        SurfaceScore {
            group: group.into(),
            truth_samples: c.len(),
            model_samples: a.len(),
            median_m: [median(&a), median(&c)],
            limits,
        }
    };
    let mut scores = vec![score("overall", &|_| true, true), score("built", &|k| k < 3, false)];
    for (number, name) in CLASSES.iter().enumerate() {
        if classes.contains(&(number as u8)) {
            scores.push(score(name, &|k| usize::from(k) == number, false));
        }
    }
    Ok(SurfaceReport {
        visible_share,
        model_triangles: mesh.triangles.len(),
        accuracy_mean_m: mean(&mut accurate.iter().map(|a| a.0)),
        completeness_mean_m: mean(&mut complete.iter().copied()),
        scores,
    })
}

impl SurfaceReport {
    /// A table for a person.
    pub fn table(&self) -> String {
        use std::fmt::Write;
        let mut s = format!(
            "surface                  {} triangles; {:.1} % of the true surface is seen by enough photos\n",
            self.model_triangles,
            100.0 * self.visible_share
        );
        let _ = write!(s, "class        median out / back   ");
        for l in self.scores.first().map(|x| x.limits.as_slice()).unwrap_or_default() {
            let _ = write!(s, "  acc/comp/F at {:.2} m", l.limit_m);
        }
        s.push('\n');
        for x in &self.scores {
            let _ = write!(s, "{:<12} {:>7.3} / {:.3} m     ", x.group, x.median_m[0], x.median_m[1]);
            for l in &x.limits {
                let _ = write!(
                    s,
                    "  {:>5.1} {:>5.1} {:>5.1}   ",
                    100.0 * l.accuracy,
                    100.0 * l.completeness,
                    100.0 * l.f_score
                );
            }
            s.push('\n');
        }
        s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::truth::TruthCamera;
    use nalgebra::{UnitQuaternion, Vector3};

    /// A 20 x 20 m plate at z = 0 with a wall-like roof plate over half of it, seen by three cameras.
    fn truth() -> (Truth, TruthMesh) {
        let o = crate::synthetic::SynthOptions {
            photos: 12,
            area_m: [20.0, 20.0],
            height_m: Some(40.0),
            ..Default::default()
        };
        let lens = o.lens();
        let (_, shots) = crate::synthetic::flight::plan(&o, &lens);
        let camera = TruthCamera::new(&lens, o.width, o.height());
        let photos: Vec<crate::synthetic::truth::TruthPhoto> = shots
            .iter()
            .enumerate()
            .map(|(k, s)| {
                serde_json::from_value(serde_json::json!({
                    "file": format!("{k}.jpg"), "camera": camera,
                    "cam_from_world": crate::synthetic::truth::rows_of(&s.pose),
                    "centre": [0.0, 0.0, 0.0],
                }))
                .expect("photo")
            })
            .collect();
        let truth = serde_json::from_value(serde_json::json!({
            "world": "", "origin": {"lat": 0.0, "lon": 0.0, "alt": 0.0}, "camera": camera,
            "bounds": [[-8.0, -8.0], [8.0, 8.0]], "classes": CLASSES, "seed": 1, "mesh": "", "photos": photos,
        }))
        .expect("truth");
        let p = |x: f64, y: f64, z: f64| Vector3::new(x, y, z);
        let vertices = vec![
            p(-10.0, -10.0, 0.0),
            p(10.0, -10.0, 0.0),
            p(10.0, 10.0, 0.0),
            p(-10.0, 10.0, 0.0),
            p(0.0, -10.0, 3.0),
            p(10.0, -10.0, 3.0),
            p(10.0, 10.0, 3.0),
            p(0.0, 10.0, 3.0),
        ];
        let triangles = vec![[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]];
        (truth, TruthMesh { mesh: Mesh { vertices, triangles }, class: vec![0, 0, 1, 1] })
    }

    #[test]
    fn what_is_hidden_does_not_count_and_a_shift_shows() {
        let (t, m) = truth();
        let ctx = Ctx::silent();
        let options = SurfaceOptions::default();
        // The model: the roof and only the open half of the ground.
        let p = |x: f64, y: f64, z: f64| Vector3::new(x, y, z);
        let mut model = m.mesh.clone();
        model.vertices.extend([p(0.0, -10.0, 0.0), p(0.0, 10.0, 0.0)]);
        model.triangles = vec![[0, 8, 9], [0, 9, 3], [4, 5, 6], [4, 6, 7]];
        let r = surface(&t, &m, &model, &Sim3::identity(), &options, &ctx).expect("measures");
        let overall = &r.scores[0].limits[0];
        assert!(overall.accuracy > 0.999, "{overall:?}");
        // Obliques look a little way under the roof plate.
        assert!(overall.completeness > 0.80 && r.visible_share < 0.9, "{overall:?} {}", r.visible_share);
        let shift =
            Sim3 { scale: 1.0, rotation: UnitQuaternion::identity(), translation: Vector3::new(0.0, 0.0, 0.15) };
        let r = surface(&t, &m, &model, &shift, &options, &ctx).expect("measures");
        let l = &r.scores[0].limits;
        assert!(l[1].accuracy == 0.0 && l[2].accuracy > 0.999);
        assert!((r.accuracy_mean_m - 0.15).abs() < 1e-3);
        assert!(r.table().contains("roof"));
    }
}
