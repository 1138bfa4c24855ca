//! Adjustments of synthetic scenes with known truth, and of public problems against an independent solver's optimum.

use super::*;
use crate::base::Rng;
use crate::camera::Lens;
use crate::geometry::{Rigid3, Sim3};
use crate::scene::PositionPrior;
use nalgebra::{Vector2, Vector3};

const FREE_NONE: [bool; 8] = [false; 8];

fn truth_lens() -> Lens {
    Lens { f: 950.0, cx: 645.0, cy: 423.0, k: [-0.05, 0.02, -0.003], p: [0.0004, -0.0003] }
}

/// A block of `nx` by `ny` photos 100 m above rough ground, every second strip flown back and tilted, noise-free.
fn block(nx: usize, ny: usize, points: usize) -> BundleProblem {
    let mut rng = Rng::new(5, 1);
    let mut problem = BundleProblem {
        lenses: vec![LensBlock { lens: truth_lens(), free: FREE_NONE, prior: None }],
        ..Default::default()
    };
    for j in 0..ny {
        for i in 0..nx {
            let centre = Vector3::new(25.0 * i as f64, 30.0 * j as f64, 100.0 + 8.0 * rng.normal());
            let yaw = if j % 2 == 0 { 0.0 } else { std::f64::consts::PI };
            let tilt = UnitQuaternion::from_euler_angles(0.15 * rng.normal(), 0.15 * rng.normal(), yaw);
            let nadir = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
            let pose = Rigid3::from_rotation_and_centre(nadir * tilt, centre);
            problem.poses.push(PoseBlock { pose, lens: 0, fixed: false, position: None, rotation: None });
        }
    }
    let (w, h) = (25.0 * nx as f64, 30.0 * ny as f64);
    while problem.points.len() < points {
        let x = Vector3::new(rng.uniform(-30.0, w + 5.0), rng.uniform(-30.0, h), 6.0 * rng.normal());
        let index = problem.points.len() as u32;
        let mut seen = Vec::new();
        for (pose, block) in problem.poses.iter().enumerate() {
            if let Some(pixel) = truth_lens().project(&block.pose.apply(&x))
                && (0.0..1280.0).contains(&pixel.x)
                && (0.0..853.0).contains(&pixel.y)
            {
                seen.push(BundleObservation { point: index, pose: pose as u32, pixel, sigma: 1.0 });
            }
        }
        if seen.len() >= 2 {
            problem.points.push(PointBlock { position: x, fixed: false, prior: None });
            problem.observations.extend(seen);
        }
    }
    problem
}

fn perturb(problem: &mut BundleProblem, amount: f64) {
    let mut rng = Rng::new(6, 2);
    let mut noise = |s: f64| Vector3::new(rng.normal(), rng.normal(), rng.normal()) * s;
    for block in &mut problem.poses {
        let turn = UnitQuaternion::from_scaled_axis(noise(0.01 * amount));
        let centre = block.pose.centre() + noise(amount);
        block.pose = Rigid3::from_rotation_and_centre(turn * block.pose.rotation, centre);
    }
    for point in &mut problem.points {
        point.position += noise(amount);
    }
}

fn add_position_priors(problem: &mut BundleProblem, sigma: f64, noise: f64) {
    let mut rng = Rng::new(8, 8);
    for block in &mut problem.poses {
        let e = Vector3::new(rng.normal(), rng.normal(), rng.normal()) * noise;
        block.position = Some(PositionPrior { centre: block.pose.centre() + e, sigma: Vector3::repeat(sigma) });
    }
}

fn aligned_centre_error(problem: &BundleProblem, truth: &BundleProblem) -> f64 {
    let centres = |p: &BundleProblem| p.poses.iter().map(|b| b.pose.centre()).collect::<Vec<_>>();
    let (a, b) = (centres(problem), centres(truth));
    let fit = Sim3::fit(&a, &b, None).expect("fit");
    a.iter().zip(&b).map(|(a, b)| (fit.apply(a) - b).norm()).fold(0.0, f64::max)
}

#[test]
fn known_points_place_a_block_without_any_positions() {
    let truth = block(4, 3, 300);
    let mut problem = truth.clone();
    perturb(&mut problem, 0.3);
    // The whole block is off by metres, turned and of another size; four corners are known to 2 cm, one without height.
    let off = Sim3 {
        scale: 1.02,
        rotation: UnitQuaternion::from_euler_angles(0.01, -0.02, 0.03),
        translation: Vector3::new(3.0, -2.0, 5.0),
    };
    problem.poses.iter_mut().for_each(|p| p.pose = off.transform_pose(&p.pose));
    problem.points.iter_mut().for_each(|p| p.position = off.apply(&p.position));
    let corner = |sx: f64, sy: f64| {
        let score = |p: &PointBlock| sx * p.position.x + sy * p.position.y;
        (0..truth.points.len()).max_by(|&a, &b| score(&truth.points[a]).total_cmp(&score(&truth.points[b])))
    };
    for (sx, sy, up) in [(1.0, 1.0, 0.02), (1.0, -1.0, 0.02), (-1.0, 1.0, f64::INFINITY), (-1.0, -1.0, 0.02)] {
        let p = corner(sx, sy).expect("points");
        let sigma = Vector3::new(0.02, 0.02, up);
        problem.points[p].prior = Some(PositionPrior { centre: truth.points[p].position, sigma });
    }
    assert_eq!(problem.gauge(), Gauge::default());
    let options = BundleOptions { max_iterations: 100, tolerance: 1e-12, ..Default::default() };
    adjust(&Ctx::silent(), &mut problem, &options).expect("adjusts");
    let error = |i: usize| (problem.poses[i].pose.centre() - truth.poses[i].pose.centre()).norm();
    let worst = (0..truth.poses.len()).map(error).fold(0.0, f64::max);
    assert!(worst < 1e-4, "{worst}");
}

#[test]
fn recovers_a_perturbed_block_without_priors() {
    let truth = block(5, 3, 600);
    let mut problem = truth.clone();
    perturb(&mut problem, 1.0);
    let report = adjust(&Ctx::silent(), &mut problem, &BundleOptions::default()).expect("adjusts");
    assert!(report.final_cost < 1e-9, "{report:?}");
    assert!(aligned_centre_error(&problem, &truth) < 1e-6, "{}", aligned_centre_error(&problem, &truth));
}

#[test]
fn calibrates_a_lens_that_starts_wrong() {
    let truth = block(6, 5, 1500);
    let mut problem = truth.clone();
    add_position_priors(&mut problem, 1.0, 0.0);
    problem.lenses[0].lens = Lens { f: 1000.0, cx: 640.0, cy: 426.5, k: [0.0; 3], p: [0.0; 2] };
    problem.lenses[0].free = [true; 8];
    perturb(&mut problem, 0.5);
    let options = BundleOptions { loss: Loss::Cauchy { scale: 100.0 }, max_iterations: 100, ..Default::default() };
    let report = adjust(&Ctx::silent(), &mut problem, &options).expect("adjusts");
    let (found, expected) = (problem.lenses[0].lens.to_array(), truth_lens().to_array());
    for p in 0..8 {
        assert!((found[p] - expected[p]).abs() < 1e-5 * expected[p].abs().max(0.1), "{p}: {found:?} {report:?}");
    }
    let raw = problem.poses.iter().zip(&truth.poses).map(|(a, b)| (a.pose.centre() - b.pose.centre()).norm());
    assert!(raw.fold(0.0, f64::max) < 1e-4);
}

#[test]
fn the_gauge_does_not_change_the_result() {
    let mut noisy = block(4, 3, 400);
    let mut rng = Rng::new(1, 9);
    for o in &mut noisy.observations {
        o.pixel += Vector2::new(rng.normal(), rng.normal()) * 0.5;
    }
    let tight = BundleOptions { tolerance: 1e-13, max_iterations: 100, ..Default::default() };
    let mut a = noisy.clone();
    let first = adjust(&Ctx::silent(), &mut a, &tight).expect("adjusts");
    let moved = Sim3 {
        scale: 0.37,
        rotation: UnitQuaternion::from_euler_angles(0.5, 1.0, -2.0),
        translation: Vector3::new(300.0, -200.0, 50.0),
    };
    let mut b = noisy.clone();
    for block in &mut b.poses {
        block.pose = moved.transform_pose(&block.pose);
    }
    for point in &mut b.points {
        point.position = moved.apply(&point.position);
    }
    let second = adjust(&Ctx::silent(), &mut b, &tight).expect("adjusts");
    assert!((first.final_cost - second.final_cost).abs() < 1e-9 * first.final_cost, "{first:?} {second:?}");
    assert!(aligned_centre_error(&b, &a) < 1e-4, "{}", aligned_centre_error(&b, &a));
}

#[test]
fn outliers_do_not_pull() {
    let truth = block(5, 3, 600);
    let mut problem = truth.clone();
    let mut rng = Rng::new(4, 4);
    for k in (0..problem.observations.len()).step_by(12) {
        problem.observations[k].pixel += Vector2::new(rng.uniform(20.0, 80.0), rng.uniform(-80.0, -20.0));
    }
    perturb(&mut problem, 0.3);
    let options = BundleOptions { loss: Loss::Cauchy { scale: 0.25 }, max_iterations: 100, ..Default::default() };
    adjust(&Ctx::silent(), &mut problem, &options).expect("adjusts");
    assert!(aligned_centre_error(&problem, &truth) < 2e-2, "{}", aligned_centre_error(&problem, &truth));
}

#[test]
fn priors_pull_as_their_sigmas_say() {
    // One pose, seen by nothing, between its two kinds of priors: the whitened residual of the position must vanish,
    // and a wrong prior on one of many photos must lose against the block.
    let truth = block(5, 3, 500);
    let mut problem = truth.clone();
    add_position_priors(&mut problem, 0.5, 0.0);
    if let Some(prior) = &mut problem.poses[7].position {
        prior.centre += Vector3::new(40.0, 0.0, 0.0);
    }
    adjust(&Ctx::silent(), &mut problem, &BundleOptions::default()).expect("adjusts");
    let error = |p: &BundleProblem, i: usize| (p.poses[i].pose.centre() - truth.poses[i].pose.centre()).norm();
    assert!(error(&problem, 7) < 0.05 && error(&problem, 0) < 0.05, "{} {}", error(&problem, 7), error(&problem, 0));

    // A common offset of all priors moves the whole block by exactly that.
    let mut problem = truth.clone();
    add_position_priors(&mut problem, 0.5, 0.0);
    for block in &mut problem.poses {
        if let Some(prior) = &mut block.position {
            prior.centre.z += 2.0;
        }
    }
    adjust(&Ctx::silent(), &mut problem, &BundleOptions { tolerance: 1e-12, ..Default::default() }).expect("adjusts");
    for i in 0..problem.poses.len() {
        let d = problem.poses[i].pose.centre() - truth.poses[i].pose.centre();
        assert!((d - Vector3::new(0.0, 0.0, 2.0)).norm() < 1e-3, "{d}");
    }
}

#[test]
fn fixed_parts_stay() {
    let truth = block(5, 3, 500);
    let mut problem = truth.clone();
    perturb(&mut problem, 0.5);
    for i in 0..10 {
        problem.poses[i] = PoseBlock { fixed: true, ..truth.poses[i].clone() };
    }
    for p in 0..100 {
        problem.points[p] = PointBlock { fixed: true, ..truth.points[p] };
    }
    adjust(&Ctx::silent(), &mut problem, &BundleOptions::default()).expect("adjusts");
    assert!((0..10).all(|i| problem.poses[i].pose == truth.poses[i].pose), "a fixed pose moved");
    assert!((0..100).all(|p| problem.points[p].position == truth.points[p].position), "a fixed point moved");
    let error = (problem.poses[12].pose.centre() - truth.poses[12].pose.centre()).norm();
    assert!(error < 1e-6, "{error}");
}

#[test]
fn pose_covariances_match_the_scatter_of_repeated_adjustments() {
    let mut truth = block(4, 3, 150);
    add_position_priors(&mut truth, 0.2, 0.0);
    let options = BundleOptions { loss: Loss::Squared, prior_loss: Loss::Squared, ..Default::default() };
    let predicted = pose_covariances(&truth, &options).expect("covariance");
    let n = 60;
    let mut scatter = vec![Vector3::<f64>::zeros(); truth.poses.len()];
    for run in 0..n {
        let mut rng = Rng::new(77, run);
        let mut problem = truth.clone();
        for o in &mut problem.observations {
            o.pixel += Vector2::new(rng.normal(), rng.normal());
        }
        for block in &mut problem.poses {
            if let Some(prior) = &mut block.position {
                prior.centre += 0.2 * Vector3::new(rng.normal(), rng.normal(), rng.normal());
            }
        }
        adjust(&Ctx::silent(), &mut problem, &options).expect("adjusts");
        for (s, (a, b)) in scatter.iter_mut().zip(problem.poses.iter().zip(&truth.poses)) {
            *s += (a.pose.centre() - b.pose.centre()).map(|v| v * v / n as f64);
        }
    }
    let mut ratio = 0.0;
    for (s, p) in scatter.iter().zip(&predicted) {
        ratio += s.sum() / centre_covariance(p.as_ref().expect("free pose")).trace() / scatter.len() as f64;
    }
    assert!((0.7..1.4).contains(&ratio), "{ratio}");
}

#[test]
fn sparse_and_dense_factors_agree() {
    // 221 poses in a long strip go through the sparse factorisation; a fixed pose more or less does not change that
    // the optimum is the truth.
    let truth = block(111, 2, 3000);
    let mut problem = truth.clone();
    problem.lenses[0].free = [true, false, false, true, false, false, false, false];
    add_position_priors(&mut problem, 1.0, 0.0);
    perturb(&mut problem, 0.3);
    let structure = Structure::new(&problem);
    let solver = Solver::new(&structure).expect("solver");
    let state = State::of(&problem);
    let mut rows = Rows::new(&problem, &structure);
    let options = BundleOptions::default();
    linearise::linearise(&problem, &structure, &state, &options, &mut rows);
    let normal = Normal::new(&problem, &structure, &rows, linearise::priors(&problem, &state, &options));
    let reduced = normal.reduce(&problem, &structure, &rows, 1e-4);
    let (sparse, sparse_lens) = solver.solve(&structure, &reduced).expect("sparse");
    let (dense, dense_lens) = Solver::dense(&structure).solve(&structure, &reduced).expect("dense");
    for (a, b) in sparse.iter().zip(&dense) {
        assert!((a - b).norm() < 1e-7 * (1.0 + b.norm()), "{a} {b}");
    }
    assert!((sparse_lens[0] - dense_lens[0]).norm() < 1e-7);
    adjust(&Ctx::silent(), &mut problem, &options).expect("adjusts");
    assert!(aligned_centre_error(&problem, &truth) < 1e-3);
}

#[test]
fn malformed_problems_are_refused() {
    let mut problem = block(2, 2, 20);
    problem.observations.swap(0, 30);
    let error = adjust(&Ctx::silent(), &mut problem, &BundleOptions::default()).expect_err("unsorted");
    assert!(matches!(error, BundleError::Malformed { .. }) && !error.hint().is_empty(), "{error}");
    let ctx = Ctx::silent();
    ctx.cancel_token().cancel();
    let error = adjust(&ctx, &mut block(2, 2, 20), &BundleOptions::default()).expect_err("cancelled");
    assert!(matches!(error, BundleError::Cancelled(_)));
}

/// Numbers of a text file after its comments.
fn numbers(path: &str) -> Option<Vec<f64>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(
        text.lines()
            .filter(|l| !l.starts_with('#'))
            .flat_map(str::split_whitespace)
            .filter_map(|w| w.parse().ok())
            .collect(),
    )
}

fn axis_angle(v: &[f64]) -> UnitQuaternion<f64> {
    UnitQuaternion::from_scaled_axis(Vector3::from_column_slice(&v[..3]))
}

/// `frnt` problems: cameras share fx fy cx cy, which stay fixed; poses are translation then rotation vector.
fn shared_intrinsics_problem(v: &[f64]) -> BundleProblem {
    let (cameras, points, count) = (v[0] as usize, v[1] as usize, v[2] as usize);
    let [fx, fy, cx, cy] = [v[3], v[4], v[5], v[6]];
    let lens = Lens { f: fx, cx, cy, k: [0.0; 3], p: [0.0; 2] };
    let mut problem =
        BundleProblem { lenses: vec![LensBlock { lens, free: FREE_NONE, prior: None }], ..Default::default() };
    for o in v[7..7 + 4 * count].chunks(4) {
        // Square pixels: v is stretched to fx, and its residual weighted back.
        let pixel = Vector2::new(o[2], (o[3] - cy) * fx / fy + cy);
        problem.observations.push(BundleObservation { pose: o[0] as u32, point: o[1] as u32, pixel, sigma: 1.0 });
    }
    problem.observations.sort_by_key(|o| (o.point, o.pose));
    let rest = &v[7 + 4 * count..];
    for c in rest[..6 * cameras].chunks(6) {
        let pose = Rigid3::new(axis_angle(&c[3..]), Vector3::from_column_slice(&c[..3]));
        problem.poses.push(PoseBlock { pose, lens: 0, fixed: false, position: None, rotation: None });
    }
    for p in rest[6 * cameras..].chunks(3).take(points) {
        problem.points.push(PointBlock { position: Vector3::from_column_slice(p), fixed: false, prior: None });
    }
    problem
}

/// True BAL: nine parameters a camera, looking down -z.
fn bal_problem(v: &[f64]) -> BundleProblem {
    let (cameras, points, count) = (v[0] as usize, v[1] as usize, v[2] as usize);
    let mut problem = BundleProblem::default();
    for o in v[3..3 + 4 * count].chunks(4) {
        let pixel = Vector2::new(o[2], -o[3]);
        problem.observations.push(BundleObservation { pose: o[0] as u32, point: o[1] as u32, pixel, sigma: 1.0 });
    }
    problem.observations.sort_by_key(|o| (o.point, o.pose));
    let rest = &v[3 + 4 * count..];
    let flip = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
    for (i, c) in rest[..9 * cameras].chunks(9).enumerate() {
        let pose = Rigid3::new(flip * axis_angle(c), flip * Vector3::from_column_slice(&c[3..6]));
        let lens = Lens { f: c[6], cx: 0.0, cy: 0.0, k: [c[7], c[8], 0.0], p: [0.0; 2] };
        problem.lenses.push(LensBlock { lens, free: FREE_NONE, prior: None });
        problem.poses.push(PoseBlock { pose, lens: i as u32, fixed: false, position: None, rotation: None });
    }
    for p in rest[9 * cameras..].chunks(3).take(points) {
        problem.points.push(PointBlock { position: Vector3::from_column_slice(p), fixed: false, prior: None });
    }
    problem
}

/// Least cost that SciPy's trust-region solver reached in 300 evaluations from the same start (plain least squares).
#[test]
fn public_problems_reach_the_optimum_of_an_independent_solver() {
    let problems: [(&str, fn(&[f64]) -> BundleProblem, f64); 2] = [
        ("gtsam/dubrovnik-3-7-pre.txt", bal_problem, 2.319_914_785),
        ("gbp/fr2robot2.txt", shared_intrinsics_problem, 1_939.566_513),
    ];
    for (file, build, reference) in problems {
        let Some(v) = numbers(&format!("{}/../shared/data/fixtures/bal/{file}", env!("CARGO_MANIFEST_DIR"))) else {
            eprintln!("skipped: no shared data");
            return;
        };
        let mut problem = build(&v);
        let options = BundleOptions {
            loss: Loss::Squared,
            max_iterations: 300,
            tolerance: 1e-9,
            initial_damping: 1.0,
            ..Default::default()
        };
        let report = adjust(&Ctx::silent(), &mut problem, &options).expect("adjusts");
        eprintln!("{file}: {report:?}, reference {reference}");
        assert!(report.final_cost < reference * (1.0 + 1e-6), "{file}: {report:?}, reference {reference}");
    }
}
