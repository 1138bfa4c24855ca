use super::*;
use crate::base::Rng;
use crate::georef::rotation_from_attitude;
use crate::scene::Attitude;

const NOISE_DEG: f64 = 1.5;

/// Forty photos of four headings, their attitudes with noise, changed by `spoil` (photo, stated attitude).
fn case(
    pitch: f64,
    headings: &[f64],
    mount: Vector3<f64>,
    spoil: impl Fn(usize, &mut Attitude),
) -> (UnitQuaternion<f64>, Vec<Option<UnitQuaternion<f64>>>, Vec<Option<RotationPrior>>) {
    let world_from_model = UnitQuaternion::from_euler_angles(0.6, -1.9, 2.2);
    let mut rng = Rng::new(8, 3);
    let (mut rotations, mut priors) = (Vec::new(), Vec::new());
    for i in 0..40 {
        let truth = Attitude { yaw_deg: headings[i % headings.len()], pitch_deg: pitch, roll_deg: 0.0 };
        let mut noisy = |v: f64| v + NOISE_DEG * rng.normal();
        let mut stated = Attitude {
            yaw_deg: noisy(truth.yaw_deg),
            pitch_deg: noisy(truth.pitch_deg),
            roll_deg: noisy(truth.roll_deg),
        };
        spoil(i, &mut stated);
        rotations.push(Some(rotation_from_attitude(&truth) * world_from_model));
        let cam_from_local = UnitQuaternion::from_scaled_axis(mount) * rotation_from_attitude(&stated);
        priors.push(Some(RotationPrior { cam_from_local, sigma_tilt: 0.035, sigma_yaw: 0.175 }));
    }
    (world_from_model, rotations, priors)
}

/// Errors of the tilt and of the heading, degrees.
fn errors(found: &Consensus, truth: &UnitQuaternion<f64>) -> (f64, f64) {
    let off = found.rotation * truth.inverse();
    ((off * Vector3::z()).angle(&Vector3::z()).to_degrees(), twist(&off).to_degrees().abs())
}

#[test]
fn noise_averages_and_the_mount_is_told_apart() {
    let crossing = [0.0, 180.0, 90.0, 270.0];
    let mount = Vector3::new(0.02, -0.015, 0.0);
    let (truth, rotations, priors) = case(-90.0, &crossing, mount, |_, _| {});
    let found = consensus(&rotations, &priors).expect("consensus");
    let (tilt, heading) = errors(&found, &truth);
    assert!(tilt < 0.6 && heading < 1.0, "{tilt} {heading}");
    assert!((found.mount - mount).xy().norm() < 0.008, "{}", found.mount);
    assert!(found.sigma.x.to_degrees() < 0.5 && found.sigma.z.to_degrees() > 3.0, "{}", found.sigma);
    // All with one heading: the mount cannot be told from the block's tilt, and the result says so.
    let (truth, rotations, priors) = case(-90.0, &[30.0], mount, |_, _| {});
    let found = consensus(&rotations, &priors).expect("consensus");
    assert!(found.sigma.x.to_degrees() > 0.9, "{}", found.sigma);
    assert!(errors(&found, &truth).0 < 3.0 * found.sigma.x.to_degrees());
}

#[test]
fn turned_headings_leave_the_tilt() {
    // A third is turned by half a circle: the others decide. Half of them: nobody does, but the tilt is as good.
    for (turned, trusted) in [(3, true), (2, false)] {
        let spoil = |i: usize, a: &mut Attitude| {
            if i.is_multiple_of(turned) {
                a.yaw_deg += 180.0;
            }
        };
        let (truth, rotations, priors) = case(-45.0, &[0.0, 90.0, 180.0], Vector3::zeros(), spoil);
        let found = consensus(&rotations, &priors).expect("consensus");
        let (tilt, heading) = errors(&found, &truth);
        assert!(tilt < 0.8, "{tilt}");
        assert_eq!(found.sigma.z.is_finite(), trusted);
        assert!(!trusted || heading < 2.0, "{heading}");
    }
}

#[test]
fn wrong_tilts_are_left_out_or_refused() {
    let level = |every: usize| {
        move |i: usize, a: &mut Attitude| {
            if i.is_multiple_of(every) {
                a.pitch_deg = 0.0;
            }
        }
    };
    let headings = [10.0, 100.0, 190.0, 280.0, 55.0];
    let (truth, rotations, priors) = case(-90.0, &headings, Vector3::zeros(), level(4));
    let found = consensus(&rotations, &priors).expect("consensus");
    assert!(errors(&found, &truth).0 < 0.8 && !found.agrees[0] && found.agrees[1]);
    let (_, rotations, priors) = case(-90.0, &headings, Vector3::zeros(), level(1));
    assert_eq!(consensus(&rotations, &priors), None);
}

#[test]
fn priors_lean_all_photos_alike_and_keep_headings() {
    let (truth, rotations, priors) = case(-90.0, &[0.0, 180.0], Vector3::zeros(), |i, a| {
        a.yaw_deg += if i % 2 == 0 { 170.0 } else { 0.0 };
    });
    let lean = UnitQuaternion::from_scaled_axis(Vector3::new(0.03, -0.02, 0.0));
    let now: Vec<_> = rotations.iter().map(|r| r.map(|r| r * truth.inverse() * lean)).collect();
    let found = consensus(&now, &priors).expect("consensus");
    let tilts = found.tilt_priors(&now);
    let mut information = 0.0;
    for (prior, now) in tilts.iter().zip(&now) {
        let (Some(prior), Some(now)) = (prior, now) else { continue };
        let off = (prior.cam_from_local.inverse() * now * lean.inverse()).scaled_axis();
        assert!(off.norm() < 0.015 && off.z.abs() < 2e-3, "{off}");
        information += 1.0 / prior.sigma_tilt.powi(2);
    }
    assert!((information * found.sigma.x.powi(2) - 1.0).abs() < 1e-9, "{information}");
}
