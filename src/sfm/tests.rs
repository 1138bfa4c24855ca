//! Reconstructions of synthetic flights with known truth: noise, wrong matches, bad positions, missing positions.

use super::*;
use crate::base::{CameraId, Fingerprint, PhotoId, Rng};
use crate::camera::{Camera, FocalSource, Lens};
use crate::geometry::{Rigid3, Sim3};
use crate::scene::{Georeference, Keypoint, LocalFrame, PairKind, Photo, PositionPrior, RotationPrior};
use nalgebra::{UnitQuaternion, Vector2, Vector3};

/// What a synthetic flight is made of.
pub(super) struct Recipe {
    pub(super) strips: usize,
    pub(super) photos: usize,
    pub(super) points: usize,
    pub(super) noise_px: f64,
    pub(super) wrong: f64,
    pub(super) gps_sigma: f64,
    pub(super) tilt: f64,
    pub(super) flat: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { strips: 3, photos: 6, points: 2500, noise_px: 0.5, wrong: 0.1, gps_sigma: 2.0, tilt: 0.08, flat: false }
    }
}

pub(super) struct Synthetic {
    pub(super) flight: Flight,
    pub(super) features: Vec<Features>,
    pub(super) pairs: Vec<VerifiedPair>,
    pub(super) truth: Vec<Rigid3>,
}

pub(super) const TRUE_LENS: Lens =
    Lens { f: 1180.0, cx: 805.0, cy: 597.0, k: [-0.03, 0.02, -0.005], p: [0.0003, -0.0002] };

fn photo(i: usize, position: Option<PositionPrior>) -> Photo {
    Photo {
        id: PhotoId::from(i),
        path: format!("{i:03}.jpg").into(),
        name: format!("{i:03}.jpg"),
        camera: CameraId(0),
        orientation: 1,
        time_s: Some(i as f64),
        exposure_s: None,
        gps: None,
        attitude: None,
        relative_altitude_m: None,
        position,
        rotation: None,
        content: Fingerprint::of_bytes(&[i as u8]),
    }
}

pub(super) fn ground(x: f64, y: f64, flat: bool) -> f64 {
    if flat {
        return 0.0;
    }
    // Blocks of houses on rolling ground.
    let house = (x / 17.0).floor().rem_euclid(2.0) == 0.0 && (y / 23.0).floor().rem_euclid(2.0) == 0.0;
    2.0 * (x / 40.0).sin() + 1.5 * (y / 30.0).cos() + if house { 9.0 } else { 0.0 }
}

fn poses(recipe: &Recipe, rng: &mut Rng) -> Vec<Rigid3> {
    let mut out = Vec::new();
    for s in 0..recipe.strips {
        for i in 0..recipe.photos {
            let centre = Vector3::new(18.0 * i as f64, 30.0 * s as f64, 80.0)
                + Vector3::new(rng.normal(), rng.normal(), 1.5 * rng.normal());
            let yaw = if s % 2 == 0 { 0.0 } else { std::f64::consts::PI } + 0.05 * rng.normal();
            let lean = UnitQuaternion::from_euler_angles(recipe.tilt * rng.normal(), recipe.tilt * rng.normal(), yaw);
            let nadir = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
            out.push(Rigid3::from_rotation_and_centre(nadir * lean, centre));
        }
    }
    out
}

pub(super) fn synthesise(recipe: &Recipe) -> Synthetic {
    let mut rng = Rng::new(42, 1);
    let truth = poses(recipe, &mut rng);
    let n = truth.len();
    let (w, h) = (18.0 * recipe.photos as f64, 30.0 * recipe.strips as f64);
    let mut features = vec![Features::default(); n];
    let mut point_of: Vec<Vec<u32>> = vec![Vec::new(); n];
    for point in 0..recipe.points {
        let (x, y) = (rng.uniform(-50.0, w + 32.0), rng.uniform(-40.0, h + 10.0));
        let x = Vector3::new(x, y, ground(x, y, recipe.flat));
        for (i, pose) in truth.iter().enumerate() {
            let Some(p) = TRUE_LENS.project(&pose.apply(&x)) else { continue };
            let p = p + Vector2::new(rng.normal(), rng.normal()) * recipe.noise_px;
            // One in five sights is missed.
            if p.x < 0.0 || p.y < 0.0 || p.x > 1600.0 || p.y > 1200.0 || rng.next_f64() < 0.2 {
                continue;
            }
            let colour = [point as u8, 100, 50];
            features[i].descriptors.extend(descriptor(point as u64));
            features[i].keypoints.push(Keypoint { x: p.x as f32, y: p.y as f32, scale: 2.0, angle: 0.0, colour });
            point_of[i].push(point as u32);
        }
    }
    let pairs = pairs(recipe, &truth, &features, &point_of, &mut rng);
    let prior = |c: Vector3<f64>, rng: &mut Rng| PositionPrior {
        centre: c + recipe.gps_sigma * Vector3::new(rng.normal(), rng.normal(), rng.normal()),
        sigma: Vector3::repeat(recipe.gps_sigma),
    };
    let gps = recipe.gps_sigma > 0.0;
    let photos = (0..n).map(|i| photo(i, gps.then(|| prior(truth[i].centre(), &mut rng)))).collect();
    let camera = Camera {
        id: CameraId(0),
        label: "synthetic".into(),
        width: 1600,
        height: 1200,
        lens: Lens::ideal(1200.0, 1600, 1200),
        focal_source: FocalSource::Exif,
    };
    let frame =
        gps.then_some(LocalFrame { latitude_deg: 47.0, longitude_deg: 8.0, altitude_m: 400.0, utm_epsg: 32632 });
    let flight = Flight { photos, cameras: vec![camera], frame, ..Default::default() };
    Synthetic { flight, features, pairs, truth }
}

/// A descriptor of norm 512 that all sights of a point have.
fn descriptor(point: u64) -> [u8; 128] {
    let mut rng = Rng::new(77, point);
    let raw: [f64; 128] = std::array::from_fn(|_| rng.next_f64().powi(2));
    let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
    raw.map(|v| (512.0 * v / norm).round().min(255.0) as u8)
}

fn pairs(
    recipe: &Recipe,
    truth: &[Rigid3],
    features: &[Features],
    point_of: &[Vec<u32>],
    rng: &mut Rng,
) -> Vec<VerifiedPair> {
    let mut out = Vec::new();
    for a in 0..truth.len() {
        for b in a + 1..truth.len() {
            let mut inliers = Vec::new();
            for (i, p) in point_of[a].iter().enumerate() {
                if let Ok(j) = point_of[b].binary_search(p) {
                    let wrong = rng.next_f64() < recipe.wrong;
                    let j = if wrong { rng.below(features[b].len()) } else { j };
                    if !inliers.iter().any(|&(_, k)| k == j as u32) {
                        inliers.push((i as u32, j as u32));
                    }
                }
            }
            if inliers.len() < 40 {
                continue;
            }
            let exact = truth[b].then_from(&truth[a].inverse());
            let turn = UnitQuaternion::from_scaled_axis(Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 0.003);
            let t = exact.translation.normalize() + Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 0.01;
            let baseline = (truth[a].centre() - truth[b].centre()).norm();
            out.push(VerifiedPair {
                a: PhotoId::from(a),
                b: PhotoId::from(b),
                inliers,
                b_from_a: Rigid3::new(turn * exact.rotation, t.normalize()),
                alternative: None,
                kind: PairKind::General,
                homography: None,
                median_angle: (baseline / 80.0).atan(),
            });
        }
    }
    out
}

fn centres(r: &Reconstruction, s: &Synthetic) -> (Vec<Vector3<f64>>, Vec<Vector3<f64>>) {
    r.poses.iter().zip(&s.truth).filter_map(|(p, t)| p.map(|p| (p.centre(), t.centre()))).unzip()
}

fn aligned_rms(r: &Reconstruction, s: &Synthetic) -> f64 {
    let (a, b) = centres(r, s);
    let fit = Sim3::fit(&a, &b, None).expect("fit");
    (a.iter().zip(&b).map(|(a, b)| (fit.apply(a) - b).norm_squared()).sum::<f64>() / a.len() as f64).sqrt()
}

fn raw_rms(r: &Reconstruction, s: &Synthetic) -> f64 {
    let (a, b) = centres(r, s);
    (a.iter().zip(&b).map(|(a, b)| (a - b).norm_squared()).sum::<f64>() / a.len() as f64).sqrt()
}

fn run(s: &Synthetic) -> Reconstruction {
    reconstruct(&Ctx::silent(), &s.flight, &s.features, &s.pairs, &SfmOptions::default()).expect("reconstructs")
}

fn rms_px(r: &Reconstruction) -> f64 {
    let errors: Vec<f64> =
        r.points.iter().flat_map(|p| p.track.iter().map(|o| r.reprojection_error(p, o).expect("in front"))).collect();
    crate::base::stats::rms(&errors).expect("observations")
}

#[test]
fn a_flight_with_gps_lands_in_its_place() {
    let s = synthesise(&Recipe::default());
    let r = run(&s);
    assert_eq!(r.registered().count(), s.truth.len(), "{:?}", r.notes);
    assert!(aligned_rms(&r, &s) < 0.05, "aligned {} m", aligned_rms(&r, &s));
    // Seven parameters from 18 positions of 2 m: 1.25 m expected.
    assert!(raw_rms(&r, &s) < 2.2, "in place {} m", raw_rms(&r, &s));
    // The standard deviations say the same: what all share dominates.
    let squares: Vec<f64> = r.centre_sigmas.iter().map(|s| s.expect("posed").norm_squared()).collect();
    let promised = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    let found = raw_rms(&r, &s) / promised;
    assert!((0.3..2.0).contains(&found) && (0.8..2.0).contains(&promised), "promised {promised} m, {found} times that");
    let Georeference::Local { residuals, .. } = &r.georeference else { panic!("not georeferenced") };
    assert_eq!(residuals.len(), s.truth.len());
    assert!(rms_px(&r) < 0.8, "{}", rms_px(&r));
    let f = r.cameras[0].lens.f;
    assert!((f / TRUE_LENS.f - 1.0).abs() < 0.005, "{:?}", r.cameras[0].lens);
    assert!(r.points.iter().all(|p| p.track.len() >= 2 && p.track.windows(2).all(|w| w[0].photo < w[1].photo)));
}

fn mapper(r: &Reconstruction) -> &str {
    r.notes.iter().find(|n| n.code == "mapper").map_or("", |n| n.message.as_str())
}

#[test]
fn positions_place_all_photos_at_once_and_are_not_believed_blindly() {
    // A tenth of the pairs is turned: averaging must throw them out.
    let mut s = synthesise(&Recipe::default());
    for pair in s.pairs.iter_mut().step_by(10) {
        pair.b_from_a.rotation *= UnitQuaternion::from_scaled_axis(Vector3::new(0.3, -0.5, 0.9));
    }
    let r = run(&s);
    assert!(mapper(&r).starts_with("All photos were placed at once"), "{}", mapper(&r));
    assert!(r.registered().count() == s.truth.len() && aligned_rms(&r, &s) < 0.05, "{}", aligned_rms(&r, &s));
    // Positions of other photos: what they give must not be kept.
    let n = s.truth.len();
    let positions: Vec<_> = s.flight.photos.iter().map(|p| p.position).collect();
    for (i, photo) in s.flight.photos.iter_mut().enumerate() {
        photo.position = positions[(i * 7 + 3) % n];
    }
    let r = run(&s);
    assert!(r.registered().count() == n && aligned_rms(&r, &s) < 0.1, "{} {}", aligned_rms(&r, &s), mapper(&r));
}

#[test]
fn attitudes_level_the_block_and_wrong_ones_do_no_harm() {
    let tilt = |r: &Reconstruction, s: &Synthetic| -> f64 {
        let (a, b) = centres(r, s);
        let fit = Sim3::fit(&a, &b, None).expect("fit");
        (fit.rotation * Vector3::z()).angle(&Vector3::z()).to_degrees()
    };
    let mut s = synthesise(&Recipe { gps_sigma: 4.0, ..Default::default() });
    let by_positions = tilt(&run(&s), &s);
    let mut rng = Rng::new(31, 7);
    for (photo, pose) in s.flight.photos.iter_mut().zip(&s.truth) {
        let noise = UnitQuaternion::from_scaled_axis(Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 0.026);
        let cam_from_local = noise * pose.rotation;
        photo.rotation = Some(RotationPrior { cam_from_local, sigma_tilt: 0.035, sigma_yaw: 0.175 });
    }
    let with = tilt(&run(&s), &s);
    assert!(with < 0.8 && with < 0.7 * by_positions, "{with} {by_positions}");
    // All attitudes of another convention: pitch counted from the horizon.
    for photo in &mut s.flight.photos {
        if let Some(r) = &mut photo.rotation {
            r.cam_from_local = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), 1.57) * r.cam_from_local;
        }
    }
    let r = run(&s);
    assert!(r.registered().count() == s.truth.len());
    assert!(tilt(&r, &s) < by_positions + 0.3, "{} {by_positions}", tilt(&r, &s));
}

#[test]
fn lost_matches_are_found_where_the_point_must_be() {
    let mut s = synthesise(&Recipe { wrong: 0.05, ..Default::default() });
    for pair in &mut s.pairs {
        let all = std::mem::take(&mut pair.inliers);
        pair.inliers = all.into_iter().step_by(12).collect();
    }
    let length =
        |r: &Reconstruction| r.points.iter().map(|p| p.track.len()).sum::<usize>() as f64 / r.points.len() as f64;
    let guided = run(&s);
    for f in &mut s.features {
        f.descriptors.clear();
    }
    let unguided = run(&s);
    assert!(length(&guided) > 1.3 * length(&unguided), "{} {}", length(&guided), length(&unguided));
    assert!(aligned_rms(&guided, &s) < aligned_rms(&unguided, &s).max(0.05));
    // What was found is the point: the colours of a track's features are those of one point.
    let pure = guided.points.iter().filter(|p| {
        let first = |o: &crate::scene::Observation| s.features[o.photo.index()].keypoints[o.feature as usize].colour;
        p.track.iter().all(|o| first(o) == first(&p.track[0]))
    });
    assert!(pure.count() as f64 > 0.99 * guided.points.len() as f64);
}

#[test]
fn a_flight_without_gps_is_level_and_unscaled() {
    let s = synthesise(&Recipe { gps_sigma: 0.0, ..Default::default() });
    let r = run(&s);
    assert_eq!(r.registered().count(), s.truth.len(), "{:?}", r.notes);
    assert_eq!(r.georeference, Georeference::Unscaled);
    assert!(aligned_rms(&r, &s) < 0.1, "{}", aligned_rms(&r, &s));
    let (a, b) = centres(&r, &s);
    let fit = Sim3::fit(&a, &b, None).expect("fit");
    let up = fit.rotation * Vector3::z();
    assert!(up.angle(&Vector3::z()) < 0.1, "leans by {}", up.angle(&Vector3::z()));
}

#[test]
fn a_few_bad_positions_do_not_wreck_the_block() {
    let mut s = synthesise(&Recipe::default());
    for (i, e) in [
        (2, Vector3::new(300.0, -80.0, 20.0)),
        (9, Vector3::new(-6000.0, 1e5, -400.0)),
        (14, Vector3::new(25.0, 25.0, 0.0)),
    ] {
        s.flight.photos[i].position.as_mut().expect("prior").centre += e;
    }
    let r = run(&s);
    assert_eq!(r.registered().count(), s.truth.len(), "{:?}", r.notes);
    assert!(raw_rms(&r, &s) < 2.2, "{}", raw_rms(&r, &s));
    let outliers: Vec<_> =
        r.notes.iter().filter(|n| n.code == "position-outlier").map(|n| n.subject.as_str()).collect();
    assert_eq!(outliers, ["002.jpg", "009.jpg", "014.jpg"]);
}

#[test]
fn flat_ground_and_a_photo_of_elsewhere() {
    let mut s = synthesise(&Recipe { flat: true, tilt: 0.2, ..Default::default() });
    // Photo 4 shows another place: it matches nothing.
    s.pairs.retain(|p| p.a != PhotoId(4) && p.b != PhotoId(4));
    let r = run(&s);
    assert_eq!(r.registered().count(), s.truth.len() - 1, "{:?}", r.notes);
    assert!(aligned_rms(&r, &s) < 0.2, "{}", aligned_rms(&r, &s));
    let note = r.notes.iter().find(|n| n.subject == "004.jpg").expect("a reason");
    assert_eq!(note.code, "photo-not-registered");
}

#[test]
fn a_photo_that_little_holds_goes_and_a_position_that_much_contradicts_goes() {
    let mut s = synthesise(&Recipe { wrong: 0.0, gps_sigma: 0.5, ..Default::default() });
    for i in [3, 8] {
        s.flight.photos[i].position.as_mut().expect("prior").centre += Vector3::new(50.0, 0.0, 0.0);
    }
    s.flight.cameras[0].lens = TRUE_LENS;
    let options = SfmOptions::default();
    let tracks = tracks::build(&s.features, &ViewGraph::new(s.truth.len(), &s.pairs), 10.0);
    let mut model = Model::new(&s.flight, &s.features, tracks, &options);
    model.poses = s.truth.iter().copied().map(Some).collect();
    model.triangulate(4.0, &options);
    model.stated = s.flight.photos.iter().map(|p| p.position).collect();
    model.priors.clone_from(&model.stated);
    // Photo 8 keeps 60 of its sights.
    let sights = model.tracks.iter_mut().flat_map(|t| t.sights.iter_mut()).filter(|s| s.photo == 8 && s.on);
    sights.enumerate().filter(|(n, _)| n % 10 != 0).for_each(|(_, s)| s.on = false);
    let mut notes = Vec::new();
    assert!(gates::repair(&s.flight, &mut model, &options, &mut notes));
    assert!(model.poses[3].is_some() && model.stated[3].is_none() && model.poses[8].is_none(), "{notes:?}");
    assert_eq!(model.registered(), s.truth.len() - 1);
    let codes: Vec<_> = notes.iter().map(|n| (n.code.as_str(), n.subject.as_str())).collect();
    assert_eq!(codes, [("position-outlier", "003.jpg"), ("photo-not-registered", "008.jpg")]);
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let s = synthesise(&Recipe { strips: 2, photos: 5, points: 1500, ..Default::default() });
    let on = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool").install(|| run(&s))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn nothing_to_start_from_is_an_error() {
    let s = synthesise(&Recipe { strips: 1, photos: 3, points: 600, ..Default::default() });
    let error = reconstruct(&Ctx::silent(), &s.flight, &s.features, &[], &SfmOptions::default()).expect_err("no pairs");
    assert!(matches!(error, SfmError::NoPairs { photos: 3, pairs: 0 }) && !error.hint().is_empty());
    let ctx = Ctx::silent();
    ctx.cancel_token().cancel();
    let error = reconstruct(&ctx, &s.flight, &s.features, &s.pairs, &SfmOptions::default()).expect_err("cancelled");
    assert!(matches!(error, SfmError::Cancelled(_)));
}
