//! Control points on synthetic flights with known truth.

use super::super::reconstruct;
use super::super::tests::{Recipe, Synthetic, TRUE_LENS, ground, synthesise};
use super::*;
use crate::base::Rng;
use nalgebra::Vector2;

/// Where the points lie: five for control in the corners and the middle, four to check between them.
const PLACES: [[f64; 2]; 9] = [
    [-4.0, -8.0],
    [94.0, -8.0],
    [-4.0, 68.0],
    [94.0, 68.0],
    [45.0, 30.0],
    [20.0, 10.0],
    [70.0, 10.0],
    [20.0, 50.0],
    [70.0, 50.0],
];

struct Survey {
    truth: Vec<Vector3<f64>>,
    targets: Vec<ControlTarget>,
}

/// Points on the true ground with 2 cm noise of the survey and half a pixel of the marks.
fn survey(synthetic: &Synthetic, frame: &LocalFrame) -> Survey {
    let mut rng = Rng::new(9, 4);
    let enu = Enu::new(frame);
    let mut out = Survey { truth: Vec::new(), targets: Vec::new() };
    for (i, [x, y]) in PLACES.into_iter().enumerate() {
        let place = Vector3::new(x, y, ground(x, y, false));
        let surveyed = place + 0.02 * Vector3::new(rng.normal(), rng.normal(), rng.normal());
        let (latitude, longitude, altitude) = enu.geodetic_from_local(&surveyed);
        let marks = synthetic.truth.iter().enumerate().filter_map(|(k, pose)| {
            let p = TRUE_LENS.project(&pose.apply(&place))?;
            let inside = p.x > 5.0 && p.y > 5.0 && p.x < 1595.0 && p.y < 1195.0;
            inside.then(|| (PhotoId::from(k), p + 0.5 * Vector2::new(rng.normal(), rng.normal())))
        });
        out.targets.push(ControlTarget {
            name: format!("G{i}"),
            role: if i < 5 { ControlRole::Control } else { ControlRole::Check },
            geodetic: [latitude, longitude, altitude],
            sigma_m: [0.02; 2],
            sigma_up_m: Some(0.03),
            marks: marks.collect(),
        });
        out.truth.push(place);
    }
    out
}

const FRAME: LocalFrame = LocalFrame { latitude_deg: 47.0, longitude_deg: 8.0, altitude_m: 400.0, utm_epsg: 32632 };

fn mapped(synthetic: &Synthetic) -> Reconstruction {
    let (flight, options) = (&synthetic.flight, SfmOptions::default());
    reconstruct(&Ctx::silent(), flight, &synthetic.features, &synthetic.pairs, &options).expect("reconstructs")
}

fn controlled(s: &Synthetic, mapped: &Reconstruction, targets: &[ControlTarget]) -> (Reconstruction, ControlReport) {
    let options = SfmOptions::default();
    let after = adjust_to_control(&Ctx::silent(), &s.flight, mapped, targets, &options).expect("adjusts");
    let report = measure_points(&s.flight, &after, targets, &options);
    (after, report)
}

#[test]
fn control_points_take_out_what_the_positions_are_off_by() {
    let mut s = synthesise(&Recipe { gps_sigma: 1.0, ..Recipe::default() });
    // A receiver's bias and another height datum, the same for all photos.
    let bias = Vector3::new(2.0, -1.5, 40.0);
    s.flight.photos.iter_mut().for_each(|p| p.position.as_mut().expect("GPS").centre += bias);
    let survey = survey(&s, &FRAME);
    let before = mapped(&s);
    let all_check: Vec<ControlTarget> =
        survey.targets.iter().map(|t| ControlTarget { role: ControlRole::Check, ..t.clone() }).collect();
    let (unchanged, without) = controlled(&s, &before, &all_check);
    assert_eq!(unchanged.cameras, before.cameras, "check points change nothing");
    let (after, with) = controlled(&s, &before, &survey.targets);
    let rms = |r: &ControlReport, role| r.rms(role).expect("measured").total_m();
    let (off, good) = (rms(&without, ControlRole::Check), rms(&with, ControlRole::Check));
    assert!(off > 30.0 && good < 0.10, "check points {off} m without, {good} m with control");
    assert!(rms(&with, ControlRole::Control) < 0.08);
    let worst = |c: fn(&Vector3<f64>) -> f64| {
        let error = |(p, t): (&Option<crate::geometry::Rigid3>, &crate::geometry::Rigid3)| {
            c(&(p.expect("posed").centre() - t.centre())).abs()
        };
        after.poses.iter().zip(&s.truth).map(error).fold(0.0, f64::max)
    };
    // Heights of cameras trade against the focal length, so they are known less well than the ground.
    let (across, up) = (worst(|d| d.xy().norm()), worst(|d| d.z));
    assert!(across < 0.3 && up < 0.6, "{across} {up}");
    let Georeference::Local { residuals, .. } = &after.georeference else { panic!("placed") };
    let mean = residuals.iter().map(|r| r.residual.z).sum::<f64>() / residuals.len() as f64;
    assert!((mean + 40.0).abs() < 1.0, "the photos' heights are off by {mean}");
}

#[test]
fn control_points_place_a_flight_without_positions() {
    let s = synthesise(&Recipe { gps_sigma: 0.0, ..Recipe::default() });
    let survey = survey(&s, &FRAME);
    let before = mapped(&s);
    assert_eq!(before.georeference, Georeference::Unscaled);
    let (after, report) = controlled(&s, &before, &survey.targets);
    assert!(report.georeferenced && matches!(after.georeference, Georeference::Local { .. }));
    let check = report.rms(ControlRole::Check).expect("measured");
    assert!(check.points == 4 && check.total_m() < 0.15, "{check:?}");
    assert!(after.notes.iter().any(|n| n.code == "placed-by-control"));
    // Three on one line, or without heights, are not enough.
    let line: Vec<ControlTarget> = survey.targets[..2].to_vec();
    let (same, report) = controlled(&s, &before, &line);
    assert_eq!(same.georeference, Georeference::Unscaled);
    assert!(!report.georeferenced && same.notes.iter().any(|n| n.code == "control-too-few"));
}

#[test]
fn heights_that_are_not_believed_change_no_height() {
    let s = synthesise(&Recipe { gps_sigma: 1.0, ..Recipe::default() });
    let mut survey = survey(&s, &FRAME);
    for t in &mut survey.targets {
        (t.sigma_up_m, t.geodetic[2]) = (None, 3.0);
    }
    let before = mapped(&s);
    let (after, report) = controlled(&s, &before, &survey.targets);
    let check = report.rms(ControlRole::Check).expect("measured");
    let checks = survey.targets.iter().map(|t| ControlTarget { role: ControlRole::Check, ..t.clone() });
    let off = controlled(&s, &before, &checks.collect::<Vec<_>>()).1.rms(ControlRole::Check).expect("measured");
    assert!(check.up_m.is_none() && check.total_m() < 0.6 * off.total_m(), "{check:?} {off:?}");
    let mean = |r: &Reconstruction| r.poses.iter().flatten().map(|p| p.centre().z).sum::<f64>() / r.poses.len() as f64;
    assert!((mean(&after) - mean(&before)).abs() < 0.5, "{} {}", mean(&after), mean(&before));
}

#[test]
fn wrong_marks_and_wrong_coordinates_are_named() {
    let s = synthesise(&Recipe { gps_sigma: 1.0, ..Recipe::default() });
    let mut survey = survey(&s, &FRAME);
    let before = mapped(&s);
    let photo = survey.targets[4].marks[2].0;
    survey.targets[4].marks[2].1.x += 60.0;
    let (after, report) = controlled(&s, &before, &survey.targets);
    let off: Vec<_> = after.notes.iter().filter(|n| n.code == "control-mark-off").collect();
    assert_eq!(off.len(), 1, "{off:?}");
    assert!(off[0].subject == s.flight.photos[photo.index()].name && off[0].message.contains("G4"));
    assert!(report.rms(ControlRole::Check).expect("measured").total_m() < 0.12);
    survey.targets[4].marks[2].1.x -= 60.0;
    survey.targets[3].geodetic[0] += 2e-5;
    let (after, _) = controlled(&s, &before, &survey.targets);
    let named =
        |code: &str| after.notes.iter().filter(|n| n.code == code).map(|n| n.subject.clone()).collect::<Vec<_>>();
    assert!(named("control-point-off").contains(&"G3".to_string()), "{:?}", after.notes);
    survey.targets.iter_mut().for_each(|t| t.geodetic.swap(0, 1));
    let failed = adjust_to_control(&Ctx::silent(), &s.flight, &before, &survey.targets, &SfmOptions::default());
    assert!(matches!(failed, Err(SfmError::ControlFarOff { .. })));
}
