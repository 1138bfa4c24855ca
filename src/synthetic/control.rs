//! Control points of a synthetic flight: corners of kerbs where streets meet, and places on kerbs between them.
//!
//! In: the scene, the poses, the lens. Out: [`ControlPoint`]s in the UTM zone of the origin with exact marks in all photos
//! that see them free of occlusion (moving cars do not count). Spread by choosing each next point farthest from those
//! before. Cost: some thousand rays. Failure modes: a small or odd area gives fewer points than asked for.

use super::city::ground::KERB;
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
/// Places between corners count for this share of their distance.
const BETWEEN: f64 = 0.6;
/// Steps between such places along a kerb, metres.
const STEP_M: f32 = 9.0;
/// Depth behind the kerb's edge at which the pavement is looked for, metres.
const INSIDE_M: f32 = 0.05;
/// Above everything, metres.
const HIGH_M: f32 = 500.0;
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
    let seen: Vec<(Vector3<f64>, f64, Vec<ControlMark>)> = kerbs(options, scene)
        .into_iter()
        .map(|(at, weight)| {
            let marks = shots.iter().enumerate().filter_map(|(k, shot)| {
                let pixel = visible(options, scene, lens, shot, &at)?;
                Some(ControlMark { photo: photo(k).into(), pixel })
            });
            (at, weight, marks.collect::<Vec<_>>())
        })
        .filter(|(_, _, marks)| marks.len() >= ENOUGH_PHOTOS)
        .collect();
    let utm = Utm::of(ORIGIN[0], ORIGIN[1]);
    let enu = Enu::new(&local_frame(ORIGIN[0], ORIGIN[1], ORIGIN[2]));
    let Ok(crs) = Crs::parse(&format!("EPSG:{}", utm.epsg())) else { return Vec::new() };
    let chosen = spread(&seen.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), COUNTS[0] + COUNTS[1]);
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
                marks: seen[k].2.clone(),
            }
        })
        .collect()
}

/// Places on kerbs inside the area with how well a person finds them: corners, and between them every few metres.
fn kerbs(options: &SynthOptions, scene: &Scene) -> Vec<(Vector3<f64>, f64)> {
    let plan = &scene.city.plan;
    let mut out = Vec::new();
    let mut add = |u: f32, v: f32, inside: (f32, f32), weight: f64| {
        let [x, y] = plan.world(u, v);
        let [hw, hh] = options.area_m.map(|v| 0.5 * v as f32);
        if x.abs() > hw || y.abs() > hh {
            return;
        }
        // A little inside the pavement, so that the ray does not fall past the kerb.
        let [ix, iy] = plan.world(u + inside.0, v + inside.1);
        let from = Vector3::new(ix, iy, HIGH_M);
        let Some((t, _)) = scene.bvh.cast(&from, &-Vector3::z(), 2.0 * HIGH_M) else { return };
        let z = HIGH_M - t;
        // On the pavement itself, not on the carriageway nor on something that stands there or hangs over it.
        if (z - plan.height(x, y) - KERB).abs() < 0.5 * KERB {
            out.push((Vector3::new(f64::from(x), f64::from(y), f64::from(z)), weight));
        }
    };
    for a in &plan.along_v {
        for su in [-1.0f32, 1.0] {
            let u = a.centre + su * a.half;
            for b in plan.along_u.iter().filter(|b| b.canal == 0.0) {
                for sv in [-1.0f32, 1.0] {
                    add(u, b.centre + sv * b.half, (su * INSIDE_M, sv * INSIDE_M), 1.0);
                }
            }
            let steps = (2.0 * plan.half[1] / STEP_M) as i32;
            for k in 0..steps {
                add(u, STEP_M * k as f32 - plan.half[1], (su * INSIDE_M, 0.0), BETWEEN);
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

/// Indices of points that cover the area: each next one is farthest from those before, by its weight.
fn spread(points: &[(Vector3<f64>, f64)], count: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = Vec::new();
    while chosen.len() < count.min(points.len()) {
        let (of, weight) = (|i: usize| points[i].0, |i: usize| points[i].1);
        let distance = |i: usize| match chosen.iter().map(|&c| (of(c) - of(i)).norm()).reduce(f64::min) {
            Some(d) => weight(i) * d,
            None => weight(i) * of(i).norm(),
        };
        let next = (0..points.len()).max_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        chosen.extend(next);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::super::{build_scene, flight};
    use super::*;

    #[test]
    fn points_lie_on_the_ground_apart_and_where_photos_show_them() {
        let options = SynthOptions { photos: 12, width: 400, ..SynthOptions::default() };
        let lens = options.lens();
        let (layout, shots) = flight::plan(&options, &lens);
        let scene = build_scene(&options, layout.height, layout.height / lens.f);
        let points = points(&options, &scene, &lens, &shots, |k| k.to_string());
        assert_eq!(points.len(), COUNTS[0] + COUNTS[1]);
        assert_eq!(points.iter().filter(|p| p.role == ControlRole::Check).count(), COUNTS[1]);
        let enu = Enu::new(&local_frame(ORIGIN[0], ORIGIN[1], ORIGIN[2]));
        let mut places: Vec<Vector3<f64>> = Vec::new();
        for point in &points {
            let [latitude, longitude, height] = Crs::parse(&point.crs).expect("crs").geodetic_from_given(&point.given);
            let at = enu.local_from_geodetic(latitude, longitude, height);
            assert!(places.iter().all(|p| (p - at).norm() > 8.0), "{at}");
            let above = at.z - f64::from(scene.city.plan.height(at.x as f32, at.y as f32));
            assert!((above - f64::from(KERB)).abs() < 0.1, "{above} m above the carriageway");
            for mark in &point.marks {
                let k: usize = mark.photo.to_string_lossy().parse().expect("photo");
                // What the photo shows at the mark is at the point: the ray through the mark hits the surface there.
                let ray = shots[k].pose.rotation.inverse() * lens.unproject(&mark.pixel).expect("in view").normalize();
                let from = shots[k].pose.centre();
                let (t, _) = scene.bvh.cast(&from.cast(), &ray.cast(), 1e4).expect("hits");
                let hit = from + ray * f64::from(t);
                assert!((hit - at).norm() < 1.0, "{hit} is not {at}");
            }
            places.push(at);
        }
    }
}
