use super::*;
use crate::georef::rotation_from_attitude;
use crate::scene::Attitude;

struct Case {
    truth: Sim3,
    centres: Vec<Option<Vector3<f64>>>,
    cam_from_model: Vec<Option<UnitQuaternion<f64>>>,
    positions: Vec<Option<PositionPrior>>,
    rotations: Vec<Option<RotationPrior>>,
}

impl Case {
    /// Photos at world positions with the given pitch; positions with noise of 1.5 m and 3 m, attitudes of 1.5 degrees.
    fn new(places: &[Vector3<f64>], pitch_deg: f64) -> Self {
        let truth = Sim3 {
            scale: 27.0,
            rotation: UnitQuaternion::from_euler_angles(0.7, -2.0, 1.1),
            translation: Vector3::new(50.0, -20.0, 9.0),
        };
        let mut rng = Rng::new(11, 2);
        let model_from_world = truth.inverse();
        let sigma = Vector3::new(1.5, 1.5, 3.0);
        let mut case = Self { truth, centres: vec![], cam_from_model: vec![], positions: vec![], rotations: vec![] };
        for (i, x) in places.iter().enumerate() {
            let attitude = Attitude { yaw_deg: 180.0 * (i % 2) as f64, pitch_deg, roll_deg: 0.0 };
            let cam_from_local = rotation_from_attitude(&attitude);
            let mut noise = |s: f64| s * rng.normal();
            let measured = x + Vector3::new(noise(1.5), noise(1.5), noise(3.0));
            let shake = UnitQuaternion::from_scaled_axis(Vector3::new(noise(0.026), noise(0.026), noise(0.026)));
            case.centres.push(Some(model_from_world.apply(x)));
            case.cam_from_model.push(Some(cam_from_local * truth.rotation));
            case.positions.push(Some(PositionPrior { centre: measured, sigma }));
            case.rotations.push(Some(RotationPrior {
                cam_from_local: shake * cam_from_local,
                sigma_tilt: 0.03,
                sigma_yaw: 0.1,
            }));
        }
        case
    }

    fn fit(&self) -> Option<PriorFit> {
        fit_to_priors(&FitInput {
            centres: &self.centres,
            cam_from_model: &self.cam_from_model,
            positions: &self.positions,
            rotations: &self.rotations,
            seed: 0,
        })
    }

    fn errors(&self, fit: &PriorFit) -> (f64, f64) {
        (
            fit.world_from_model.rotation.angle_to(&self.truth.rotation).to_degrees(),
            (fit.world_from_model.scale / self.truth.scale - 1.0).abs(),
        )
    }
}

fn block() -> Vec<Vector3<f64>> {
    (0..36).map(|i| Vector3::new((i % 6) as f64 * 20.0, (i / 6) as f64 * 20.0, 80.0)).collect()
}

fn strip() -> Vec<Vector3<f64>> {
    (0..12).map(|i| Vector3::new(f64::from(i) * 15.0, f64::from(i) * 4.0, 80.0)).collect()
}

#[test]
fn a_block_is_fitted_without_attitudes_and_with_wild_fixes() {
    let mut case = Case::new(&block(), -90.0);
    case.rotations.fill(None);
    for i in [3, 9, 17, 30] {
        if let Some(p) = &mut case.positions[i] {
            p.centre += Vector3::new(200.0, -150.0, 40.0 * i as f64);
        }
    }
    let fit = case.fit().expect("fit");
    let (angle, scale) = case.errors(&fit);
    assert!(angle < 2.5 && scale < 0.02, "{angle} {scale}");
    assert_eq!(fit.rotation_source, RotationSource::Positions);
    assert!(fit.scale_determined && fit.sigma_factor == 1.0);
    assert!(![3, 9, 17, 30].iter().any(|&i| fit.inliers[i]));
    assert!(fit.inliers.iter().filter(|i| **i).count() >= 31);
}

#[test]
fn a_strip_takes_its_turn_from_attitudes_else_from_level() {
    let mut case = Case::new(&strip(), -90.0);
    let fit = case.fit().expect("fit");
    let (angle, scale) = case.errors(&fit);
    assert!(angle < 3.0 && scale < 0.04, "{angle} {scale}");
    assert_eq!(fit.rotation_source, RotationSource::Attitudes);
    case.rotations.fill(None);
    let fit = case.fit().expect("fit");
    let (angle, _) = case.errors(&fit);
    assert!(angle < 5.0, "{angle}");
    assert_eq!(fit.rotation_source, RotationSource::Level);
    // Without the rotations of the photos, nothing tells the turn about the line; a strip cannot be fitted by three
    // points alone, and it must not come out upside down silently.
    case.cam_from_model.fill(None);
    assert!(case.fit().is_none());
}

#[test]
fn photos_in_one_place_tell_no_scale() {
    let places: Vec<_> = (0..20).map(|i| Vector3::new(f64::from(i % 5) * 0.4, f64::from(i / 5) * 0.4, 60.0)).collect();
    let case = Case::new(&places, -60.0);
    let fit = case.fit().expect("fit");
    assert!(!fit.scale_determined, "{}", fit.scale_sigma);
    assert!(case.errors(&fit).0 < 8.0);
}

#[test]
fn contradicting_positions_are_refused() {
    let mut case = Case::new(&block(), -90.0);
    let mut rng = Rng::new(4, 4);
    for p in case.positions.iter_mut().flatten() {
        p.centre = Vector3::new(rng.uniform(0.0, 5000.0), rng.uniform(0.0, 5000.0), rng.uniform(0.0, 900.0));
    }
    assert!(case.fit().is_none());
    case.positions.fill(None);
    assert!(case.fit().is_none());
}

#[test]
fn a_bowed_model_is_fitted_with_larger_sigmas() {
    // RTK priors against a model with a metre of drift: honest sigmas reject most photos, the fit must survive.
    let mut case = Case::new(&block(), -90.0);
    for p in case.positions.iter_mut().flatten() {
        p.sigma = Vector3::new(0.4, 0.4, 0.8);
    }
    let fit = case.fit().expect("fit");
    assert!(fit.sigma_factor > 1.0, "{}", fit.sigma_factor);
    assert!(case.errors(&fit).1 < 0.02);
}
