//! Scenes with known poses, seen through a lens with distortion.

use super::*;
use crate::base::{CameraId, PhotoId};
use crate::camera::{FocalSource, Lens};
use crate::scene::Keypoint;

fn camera() -> Camera {
    let lens = Lens { f: 944.0, cx: 645.1, cy: 423.0, k: [-0.06, 0.02, 0.0], p: [0.0005, -0.0004] };
    Camera { id: CameraId(0), label: "test".into(), width: 1280, height: 853, lens, focal_source: FocalSource::Exif }
}

fn keypoint(p: Vector2<f64>) -> Keypoint {
    Keypoint { x: p.x as f32, y: p.y as f32, scale: 2.0, angle: 0.0, colour: [0; 3] }
}

struct Scene {
    a: Features,
    b: Features,
    matches: PairMatches,
    truth: Rigid3,
    /// Whether the match is right.
    right: Vec<bool>,
}

/// A camera at height 1 above a ground with boxes of the given height covering a share of it; the camera looks down
/// tilted by `pitch` and moves by `baseline` (camera frame of the first).
fn scene(pitch: f64, baseline: Vector3<f64>, height: f64, built: f64, outliers: f64, rng: &mut Rng) -> Scene {
    let camera = camera();
    let turn = UnitQuaternion::from_scaled_axis(Vector3::new(0.03, -0.02, 0.1));
    let mut truth = Rigid3::from_rotation_and_centre(turn, baseline);
    // Up in the first camera: -z for nadir.
    let up = Vector3::new(0.0, -pitch.sin(), -pitch.cos());
    let (mut a, mut b, mut right) = (Features::default(), Features::default(), Vec::new());
    while right.len() < 400 {
        let pixel = Vector2::new(rng.uniform(5.0, 1275.0), rng.uniform(5.0, 848.0));
        let ray = camera.lens.unproject(&pixel).expect("inside");
        let above = if rng.next_f64() < built { height * rng.next_f64() } else { 0.0 };
        let depth = (1.0 - above) / -ray.dot(&up);
        let Some(q) = (depth > 0.0).then(|| camera.lens.project(&truth.apply(&(ray * depth)))).flatten() else {
            continue;
        };
        if q.x < 0.0 || q.y < 0.0 || q.x > 1280.0 || q.y > 853.0 {
            continue;
        }
        right.push(rng.next_f64() >= outliers);
        let q = match right.last() {
            Some(true) => q,
            _ => Vector2::new(rng.uniform(0.0, 1280.0), rng.uniform(0.0, 853.0)),
        };
        a.keypoints.push(keypoint(pixel + Vector2::new(rng.normal(), rng.normal()) * 0.5));
        b.keypoints.push(keypoint(q + Vector2::new(rng.normal(), rng.normal()) * 0.5));
    }
    if let Some(t) = truth.translation.try_normalize(1e-12) {
        truth.translation = t;
    }
    let matches = (0..400).map(|i| (i, i)).collect();
    Scene { a, b, matches: PairMatches { a: PhotoId(3), b: PhotoId(8), matches }, truth, right }
}

fn verify(s: &Scene, prior: Option<&RelativePrior>) -> Option<VerifiedPair> {
    verify_pair(&s.a, &s.b, &camera(), &camera(), &s.matches, prior, &VerifyOptions::default(), 5)
}

fn prior_of(truth: &Rigid3, sigma: f64) -> RelativePrior {
    RelativePrior { rotation: Some((truth.rotation, sigma)), direction: Some((truth.translation, 2.0 * sigma)) }
}

#[test]
fn a_town_from_above_is_general() {
    let mut rng = Rng::new(1, 0);
    for _ in 0..5 {
        let s = scene(0.0, Vector3::new(0.2, 0.05, 0.0), 0.2, 0.7, 0.3, &mut rng);
        let v = verify(&s, None).expect("verified");
        assert_eq!(v.kind, PairKind::General);
        assert!(v.b_from_a.rotation.angle_to(&s.truth.rotation).to_degrees() < 0.3);
        assert!(v.b_from_a.translation.angle(&s.truth.translation).to_degrees() < 2.0);
        assert!(v.alternative.is_none());
        assert!((v.median_angle - 0.2).abs() < 0.08, "{}", v.median_angle);
        let wrong = v.inliers.iter().filter(|m| !s.right[m.0 as usize]).count();
        let found = v.inliers.len() - wrong;
        assert!(found * 100 >= 97 * s.right.iter().filter(|r| **r).count() && wrong < 12, "{found} {wrong}");
    }
}

#[test]
fn flat_ground_keeps_both_poses_unless_the_prior_tells() {
    let mut rng = Rng::new(2, 0);
    let (mut ambiguous, mut right) = (0, 0);
    for _ in 0..10 {
        // Oblique and flying forward and up: the second pose puts the plane in view as well.
        let s = scene(0.8, Vector3::new(0.0, -0.2, 0.25), 0.0, 0.0, 0.2, &mut rng);
        let good = |p: &Rigid3| p.translation.angle(&s.truth.translation).to_degrees() < 8.0;
        let without = verify(&s, None).expect("verified");
        assert_eq!(without.kind, PairKind::Planar);
        assert!(without.homography.is_some());
        assert!(good(&without.b_from_a) || without.alternative.is_some_and(|p| good(&p)));
        ambiguous += usize::from(without.alternative.is_some());
        let with = verify(&s, Some(&prior_of(&s.truth, 0.03))).expect("verified");
        assert!(with.alternative.is_none());
        right += usize::from(good(&with.b_from_a));
    }
    assert!(ambiguous >= 8, "{ambiguous}");
    assert_eq!(right, 10);
}

#[test]
fn a_few_houses_on_flat_ground_decide() {
    let mut rng = Rng::new(3, 0);
    let mut right = 0;
    for _ in 0..10 {
        let s = scene(0.8, Vector3::new(0.0, -0.2, 0.25), 0.25, 0.12, 0.2, &mut rng);
        let v = verify(&s, None).expect("verified");
        let angle = v.b_from_a.translation.angle(&s.truth.translation).to_degrees();
        right += usize::from(angle < 6.0 && v.alternative.is_none());
    }
    assert!(right >= 9, "{right}");
}

#[test]
fn hovering_is_panoramic() {
    let mut rng = Rng::new(4, 0);
    let s = scene(0.3, Vector3::zeros(), 0.2, 0.5, 0.3, &mut rng);
    let v = verify(&s, None).expect("verified");
    assert_eq!(v.kind, PairKind::Panoramic);
    assert_eq!(v.b_from_a.translation, Vector3::zeros());
    assert!(v.b_from_a.rotation.angle_to(&s.truth.rotation).to_degrees() < 0.05);
    assert!(v.inliers.len() > 250 && v.median_angle < 0.002);
}

#[test]
fn chance_matches_are_refused() {
    let mut rng = Rng::new(5, 0);
    let s = scene(0.0, Vector3::new(0.2, 0.0, 0.0), 0.2, 0.5, 1.0, &mut rng);
    let options = VerifyOptions { max_iterations: 500, ..Default::default() };
    assert!(verify_pair(&s.a, &s.b, &camera(), &camera(), &s.matches, None, &options, 1).is_none());
    let few = PairMatches { matches: s.matches.matches[..10].to_vec(), ..s.matches.clone() };
    assert!(verify_pair(&s.a, &s.b, &camera(), &camera(), &few, None, &options, 1).is_none());
}

#[test]
fn an_imprint_does_not_link_photos() {
    let mut rng = Rng::new(6, 0);
    let mut s = scene(0.0, Vector3::new(0.2, 0.0, 0.0), 0.2, 0.5, 1.0, &mut rng);
    // A time stamp at the lower edge matches itself 300 times.
    for i in 0..300u32 {
        let p = Vector2::new(rng.uniform(800.0, 1200.0), rng.uniform(800.0, 840.0));
        s.a.keypoints.push(keypoint(p));
        s.b.keypoints.push(keypoint(p));
        s.matches.matches.push((400 + i, 400 + i));
    }
    let options = VerifyOptions { max_iterations: 500, ..Default::default() };
    assert!(verify_pair(&s.a, &s.b, &camera(), &camera(), &s.matches, None, &options, 1).is_none());
}

#[test]
fn equal_seeds_give_equal_pairs() {
    let mut rng = Rng::new(7, 0);
    let s = scene(0.5, Vector3::new(0.1, 0.1, 0.0), 0.1, 0.5, 0.4, &mut rng);
    assert_eq!(verify(&s, None), verify(&s, None));
}
