//! Control points of a synthetic flight: corners of kerbs where streets meet, exactly where they are.
//!
//! In: the scene, the poses, the lens. Out: [`ControlPoint`]s in the UTM zone of the origin with exact marks in all photos
//! that see them free of occlusion (moving cars do not count). Spread by choosing each next point farthest from those
//! before. Cost: some thousand rays. Failure modes: a small or odd area gives fewer points than asked for.

use super::flight::Shot;
use super::render::Scene;
use super::{ORIGIN, SynthOptions};
use crate::camera::Lens;
use crate::georef::{Crs, Enu, Utm, local_frame};
use crate::scene::{ControlMark, ControlPoint, ControlRole};
use nalgebra::{Vector2, Vector3};

/// Points for control, and points to check with.
const COUNTS: [usize; 2] = [5, 4];
/// Photos that must see a point.
const ENOUGH_PHOTOS: usize = 3;
/// Marks keep this distance from the photo's border, as a share of its width.
const BORDER: f64 = 0.01;
/// A surface this much nearer than the point hides it, metres.
const HIDES_M: f64 = 0.08;

/// The points; photos are named by `photo`.
pub(super) fn points(
    options: &SynthOptions,
    scene: &Scene,
    lens: &Lens,
    shots: &[Shot],
    photo: impl Fn(usize) -> String,
) -> Vec<ControlPoint> {
    let seen: Vec<(Vector3<f64>, Vec<ControlMark>)> = corners(options, scene)
        .into_iter()
        .map(|at| {
            let marks = shots.iter().enumerate().filter_map(|(k, shot)| {
                let pixel = visible(options, scene, lens, shot, &at)?;
                Some(ControlMark { photo: photo(k).into(), pixel })
            });
            (at, marks.collect::<Vec<_>>())
        })
        .filter(|(_, marks)| marks.len() >= ENOUGH_PHOTOS)
        .collect();
    let utm = Utm::of(ORIGIN[0], ORIGIN[1]);
    let enu = Enu::new(&local_frame(ORIGIN[0], ORIGIN[1], ORIGIN[2]));
    let Ok(crs) = Crs::parse(&format!("EPSG:{}", utm.epsg())) else { return Vec::new() };
    let chosen = spread(&seen.iter().map(|s| s.0).collect::<Vec<_>>(), COUNTS[0] + COUNTS[1]);
    chosen
        .into_iter()
        .enumerate()
        .map(|(i, k)| {
            let (latitude, longitude, altitude) = enu.geodetic_from_local(&seen[k].0);
            let check = i >= COUNTS[0];
            ControlPoint {
                name: if check { format!("CHK{}", i - COUNTS[0] + 1) } else { format!("GCP{}", i + 1) },
                crs: crs.name().to_string(),
                given: crs.given_from_geodetic([latitude, longitude, altitude]),
                sigma_m: [0.02; 2],
                sigma_up_m: Some(0.02),
                role: if check { ControlRole::Check } else { ControlRole::Control },
                marks: seen[k].1.clone(),
            }
        })
        .collect()
}

/// Corners of kerbs inside the area, on the surface.
fn corners(options: &SynthOptions, scene: &Scene) -> Vec<Vector3<f64>> {
    let plan = &scene.city.plan;
    let mut out = Vec::new();
    for a in &plan.along_v {
        for b in plan.along_u.iter().filter(|b| b.canal == 0.0) {
            for (su, sv) in [(-1.0f32, -1.0f32), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
                let [x, y] = plan.world(a.centre + su * a.half, b.centre + sv * b.half);
                let [hw, hh] = options.area_m.map(|v| 0.5 * v as f32);
                if x.abs() > hw || y.abs() > hh {
                    continue;
                }
                // A little inside the pavement, so that the ray does not fall past the kerb.
                let [ix, iy] = plan.world(a.centre + su * (a.half + 0.05), b.centre + sv * (b.half + 0.05));
                let from = Vector3::new(ix, iy, 500.0f32);
                let Some((t, _)) = scene.bvh.cast(&from, &-Vector3::z(), 1000.0) else { continue };
                let z = 500.0 - t;
                // A tree or an awning above it hides it from most photos.
                if (z - plan.height(x, y)).abs() < 0.3 {
                    out.push(Vector3::new(f64::from(x), f64::from(y), f64::from(z)));
                }
            }
        }
    }
    out
}

/// The pixel of a point, where a photo sees it.
fn visible(options: &SynthOptions, scene: &Scene, lens: &Lens, shot: &Shot, at: &Vector3<f64>) -> Option<Vector2<f64>> {
    let pixel = lens.project(&shot.pose.apply(at))?;
    let (w, h) = (f64::from(options.width), f64::from(options.height()));
    let border = BORDER * w;
    if pixel.x < border || pixel.y < border || pixel.x > w - border || pixel.y > h - border {
        return None;
    }
    let from = shot.pose.centre();
    let ray = at - from;
    let distance = ray.norm();
    let hit = scene.bvh.cast(&from.cast(), &(ray / distance).cast(), (2.0 * distance) as f32);
    hit.is_none_or(|(t, _)| f64::from(t) > distance - HIDES_M).then_some(pixel)
}

/// Indices of points that cover the area: each next one is farthest from those before.
fn spread(points: &[Vector3<f64>], count: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count.min(points.len()) {
        let distance = |i: usize| match chosen.iter().map(|&c| (points[c] - points[i]).norm()).reduce(f64::min) {
            Some(d) => d,
            None => points[i].norm(),
        };
        let next = (0..points.len()).max_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        chosen.extend(next);
    }
    chosen
}
