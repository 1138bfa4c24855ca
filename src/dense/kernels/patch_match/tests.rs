//! The sweeps against an analytic scene, and the twins against each other.
//!
//! The scene: a ridge of two slanted planes 10 units in front of the cameras, with a random smooth texture.

use super::*;
use crate::base::{Ctx, Rng};
use crate::gpu::{Gpu, testing};
use nalgebra::{UnitQuaternion, Vector2};

/// Height field z(x): two planes that meet at x = 0.
fn surface(x: f64) -> f64 {
    10.0 + 0.25 * x.abs()
}

/// Value noise of three octaves, about 4, 2 and 1 pixels wide in the reference.
fn texture(x: f64, y: f64) -> f64 {
    let lattice = |i: f64, j: f64, octave: u32| -> f64 {
        let hash = crate::dense::kernels::hash::hash4(i as i32 as u32, j as i32 as u32, octave, 99);
        f64::from(hash >> 8) / f64::from(1u32 << 24)
    };
    let mut sum = 0.0;
    for octave in 0..3u32 {
        let scale = 1.25 * f64::from(1 << octave);
        let (u, v) = (x * scale, y * scale);
        let (i, j) = (u.floor(), v.floor());
        let (a, b) = (u - i, v - j);
        let smooth = |t: f64| t * t * (3.0 - 2.0 * t);
        let (a, b) = (smooth(a), smooth(b));
        let top = lattice(i, j, octave) * (1.0 - a) + lattice(i + 1.0, j, octave) * a;
        let low = lattice(i, j + 1.0, octave) * (1.0 - a) + lattice(i + 1.0, j + 1.0, octave) * a;
        sum += (top * (1.0 - b) + low * b) / 3.0;
    }
    sum
}

/// Depth and grey value of each pixel of a camera.
pub(in crate::dense) fn render(camera: &Pinhole, pose: &Rigid3) -> (Vec<f32>, Vec<u8>) {
    let (centre, turn) = (pose.centre(), pose.rotation.inverse());
    let mut depth = Vec::new();
    let mut grey = Vec::new();
    for y in 0..camera.height {
        for x in 0..camera.width {
            let ray = turn * camera.ray(&Vector2::new(f64::from(x) + 0.5, f64::from(y) + 0.5));
            // z = 10 + 0.25 |x| is the nearer of the two planes' farther intersection: try both sides.
            let hit = [1.0, -1.0]
                .map(|side| (10.0 + 0.25 * side * centre.x - centre.z) / (ray.z - 0.25 * side * ray.x))
                .into_iter()
                .find(|d| (surface((centre + ray * *d).x) - (centre + ray * *d).z).abs() < 1e-9)
                .expect("the ridge covers the view");
            let p = centre + ray * hit;
            depth.push(hit as f32);
            grey.push((255.0 * texture(p.x, p.y)).round().clamp(0.0, 255.0) as u8);
        }
    }
    (depth, grey)
}

/// The problem, its truth and a random start.
fn scene(width: u32, height: u32, geometric: bool, prior: bool) -> (Problem, Vec<f32>, State) {
    let f = 0.9 * f64::from(width);
    let camera = Pinhole { width, height, f, cx: f64::from(width) / 2.0, cy: f64::from(height) / 2.0 };
    let pose = |x: f64, y: f64, turn: f64| {
        let rotation = UnitQuaternion::from_euler_angles(0.01 * y, -0.03 * x, turn);
        Rigid3::from_rotation_and_centre(rotation, Vector3::new(x, y, 0.0))
    };
    let reference = pose(0.0, 0.0, 0.0);
    let (truth, grey) = render(&camera, &reference);
    let (w, h) = (width as usize, height as usize);
    let mut problem = Problem {
        params: Params {
            width,
            height,
            sources: 3,
            colour: 0,
            iteration: 0,
            seed: 5,
            geometric: u32::from(geometric),
            prior: u32::from(prior),
            f: f as f32,
            cx: (camera.cx - 0.5) as f32,
            cy: (camera.cy - 0.5) as f32,
            q_min: 1.0 / 16.0,
            q_max: 1.0 / 7.0,
            depth_amplitude: 0.0,
            normal_amplitude: 0.0,
            good: 0.8,
            explore: 1,
            padding: [0; 3],
        },
        sources: Vec::new(),
        images: pack(&grey, w, h),
        mask: (0..w * h).map(|i| i % w > 0).collect(),
        maps: Vec::new(),
        prior: Vec::new(),
    };
    for other in [pose(1.6, 0.2, 0.02), pose(-1.5, 0.3, -0.02), pose(0.1, 1.7, 0.0)] {
        let (depth, grey) = render(&camera, &other);
        let mut source = Source::new((&camera, &reference), (&camera, &other));
        source.image_offset = problem.images.len() as u32;
        source.map_offset = problem.maps.len() as u32;
        problem.images.extend(pack(&grey, w, h));
        if geometric {
            problem.maps.extend(depth.iter().map(|d| [1.0 / d, 0.0, 0.0]));
        }
        problem.sources.push(source);
    }
    if prior {
        problem.prior = truth.iter().map(|d| [1.0 / d, 0.0, 0.0, 0.9]).collect();
    }
    let mut rng = Rng::new(2, 2);
    let planes = (0..w * h)
        .map(|i| {
            let q = rng.uniform(1.0 / 16.0, 1.0 / 7.0) as f32;
            if problem.mask[i] { [q, 0.0, 0.0, WORST] } else { [0.0, 0.0, 0.0, WORST] }
        })
        .collect();
    (problem, truth, State { planes, views: vec![0; w * h] })
}

fn sweeps(count: u32) -> Vec<Pass> {
    (0..count)
        .map(|i| Pass {
            iteration: i,
            depth_amplitude: 0.05 * 0.6f32.powi(i as i32),
            normal_amplitude: 0.5 * 0.6f32.powi(i as i32),
            good: 0.8,
            explore: u32::from(i < 2),
        })
        .collect()
}

/// Share of the pixels inside the mask, away from the border, whose depth is wrong by more than a limit.
fn wrong(problem: &Problem, state: &State, truth: &[f32], limit: f32) -> f64 {
    let (w, h) = (problem.params.width as usize, problem.params.height as usize);
    let inner: Vec<usize> =
        (0..w * h).filter(|i| (6..w - 6).contains(&(i % w)) && (6..h - 6).contains(&(i / w))).collect();
    let bad = inner.iter().filter(|&&i| !((state.planes[i][0] * truth[i] - 1.0).abs() < limit)).count();
    bad as f64 / inner.len() as f64
}

#[test]
fn finds_the_ridge_from_random_planes() {
    let (problem, truth, start) = scene(96, 72, false, false);
    let mut state = start.clone();
    cpu(&Ctx::silent(), &problem, &mut state, true, &sweeps(6)).expect("runs");
    assert!(wrong(&problem, &start, &truth, 0.005) > 0.9);
    let share = wrong(&problem, &state, &truth, 0.01);
    assert!(share < 0.03, "{share}");
    // Normals: the two planes' slopes, away from the ridge.
    let w = problem.params.width as usize;
    let at = |x: usize| {
        let [q, gx, gy, _] = state.planes[36 * w + x];
        problem.params.normal(Plane { q, gx, gy }, x as f32, 36.0)
    };
    for (x, slope) in [(24, -0.25), (72, 0.25)] {
        let n = at(x);
        let angle = (n[0] / -n[2] - slope).abs();
        assert!(angle < 0.12, "{n:?}");
    }
    // The masked column stays without a plane.
    assert!(state.planes.iter().step_by(w).all(|p| p[0] == 0.0));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (problem, _, start) = scene(40, 30, true, true);
    let result = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        let mut state = start.clone();
        pool.install(|| cpu(&Ctx::silent(), &problem, &mut state, true, &sweeps(2))).expect("runs");
        state
    };
    assert_eq!(result(1), result(3));
}

#[test]
fn layouts() {
    let source = super::gpu::source("visit");
    crate::assert_layout!(
        &source,
        Params {
            width,
            height,
            sources,
            colour,
            iteration,
            seed,
            geometric,
            prior,
            f,
            cx,
            cy,
            q_min,
            q_max,
            depth_amplitude,
            normal_amplitude,
            good,
            explore,
            padding
        }
    );
    crate::assert_layout!(&source, Source { forward, backward, width, height, image_offset, map_offset });
}

/// How far two results are apart.
#[derive(Clone, Copy, Debug)]
struct Apart {
    /// Share of the pixels that the sources see (cost below 0.5 in the first) whose inverse depths differ by more than
    /// 0.1 %.
    moved: f64,
    /// Median difference of their costs.
    cost: f32,
    /// Share of all pixels whose sets of sources differ.
    views: f64,
}

fn apart(a: &State, b: &State) -> Apart {
    let seen: Vec<usize> = (0..a.planes.len()).filter(|&i| a.planes[i][3] < 0.5).collect();
    assert!(!seen.is_empty());
    let moved = seen.iter().filter(|&&i| !((b.planes[i][0] / a.planes[i][0] - 1.0).abs() <= 1e-3)).count();
    let mut costs: Vec<f32> = seen.iter().map(|&i| (a.planes[i][3] - b.planes[i][3]).abs()).collect();
    costs.sort_unstable_by(f32::total_cmp);
    let views = a.views.iter().zip(&b.views).filter(|(a, b)| a != b).count();
    Apart {
        moved: moved as f64 / seen.len() as f64,
        cost: costs[costs.len() / 2],
        views: views as f64 / a.views.len() as f64,
    }
}

/// One sweep from a common start: sums differ in their last bits, so that a tie between two planes may fall either way.
const SWEEP: Apart = Apart { moved: 0.01, cost: 2e-5, views: 0.002 };
/// Six sweeps from random planes: the early ties lead to other random planes, equally good ones.
const RUN: Apart = Apart { moved: 0.15, cost: 6e-5, views: 0.01 };

fn is_within(found: &Apart, limit: &Apart) -> bool {
    found.moved <= limit.moved && found.cost <= limit.cost && found.views <= limit.views
}

fn on_both(device: &Gpu, problem: &Problem, start: &State, score: bool, passes: &[Pass]) -> [State; 2] {
    let (mut on_cpu, mut on_gpu) = (start.clone(), start.clone());
    cpu(&Ctx::silent(), problem, &mut on_cpu, score, passes).expect("runs");
    gpu(&Ctx::silent(), device, problem, &mut on_gpu, score, passes).expect("runs");
    [on_cpu, on_gpu]
}

#[test]
fn one_sweep_of_the_twins_agrees_and_one_of_moved_sources_does_not() {
    let Some(device) = testing::gpu() else { return };
    for (width, height, geometric, prior) in
        [(47u32, 33u32, false, false), (48, 32, true, false), (49, 31, false, true), (16, 8, true, true)]
    {
        let name = format!("{width} x {height}, geometric {geometric}, prior {prior}");
        let (problem, _, start) = scene(width, height, geometric, prior);
        let passes = sweeps(4);
        let [scored, on_gpu] = on_both(device, &problem, &start, true, &[]);
        let found = apart(&scored, &on_gpu);
        assert!(found.moved == 0.0 && is_within(&found, &SWEEP), "{name}: {found:?}");
        let mut before = scored;
        for pass in &passes {
            let [on_cpu, on_gpu] = on_both(device, &problem, &before, false, &[*pass]);
            let found = apart(&on_cpu, &on_gpu);
            assert!(is_within(&found, &SWEEP), "{name}, sweep {}: {found:?}", pass.iteration);
            // A hundredth of a pixel.
            let mut moved = problem.clone();
            for source in &mut moved.sources {
                source.forward[0][3] += 0.1;
            }
            let mut perturbed = before;
            cpu(&Ctx::silent(), &moved, &mut perturbed, false, &[*pass]).expect("runs");
            let found = apart(&perturbed, &on_gpu);
            assert!(!is_within(&found, &SWEEP), "{name}, sweep {}, moved: {found:?}", pass.iteration);
            before = on_cpu;
        }
    }
}

#[test]
fn whole_runs_of_the_twins_are_equally_good() {
    let Some(device) = testing::gpu() else { return };
    for plus in [false, true] {
        let (problem, truth, start) = scene(96, 64, plus, plus);
        let [on_cpu, on_gpu] = on_both(device, &problem, &start, true, &sweeps(6));
        let found = apart(&on_cpu, &on_gpu);
        assert!(is_within(&found, &RUN), "{found:?}");
        for limit in [0.01, 0.003] {
            let shares = [&on_cpu, &on_gpu].map(|state| wrong(&problem, state, &truth, limit));
            assert!((shares[0] - shares[1]).abs() < 0.01, "wrong by {limit}: {shares:?}");
        }
        let again = on_both(device, &problem, &start, true, &sweeps(6));
        assert_eq!(again, [on_cpu, on_gpu]);
    }
}

#[test]
fn nothing_to_do_and_nothing_to_see() {
    let Some(device) = testing::gpu() else { return };
    // One pixel, outside the mask.
    let (problem, _, start) = scene(1, 1, false, false);
    assert_eq!(on_both(device, &problem, &start, true, &sweeps(2)), [start.clone(), start]);
    // Sources without a position.
    let (mut problem, _, start) = scene(16, 9, false, false);
    for source in &mut problem.sources {
        source.forward = [[f32::NAN; 4]; 3];
    }
    for state in on_both(device, &problem, &start, true, &sweeps(2)) {
        assert!(state.planes.iter().all(|p| p.iter().all(|v| v.is_finite()) && p[3] > 1.99 && p[3] <= WORST));
    }
}
