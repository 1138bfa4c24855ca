//! Frame times on a finished project: `VEDUTA_TIMES_OF=PROJECT cargo test --release --lib times -- --ignored --nocapture`.

use super::*;
use crate::gpu::testing;
use crate::project::Project;
use crate::scene::{City, FusedPoint, Part, PointCloud, Reconstruction};
use nalgebra::{Vector2, Vector3};
use std::time::{Duration, Instant};

fn milliseconds(from: Instant) -> f64 {
    from.elapsed().as_secs_f64() * 1e3
}

fn wait(view: &Viewport) {
    view.device.poll(wgpu::PollType::wait_indefinitely()).expect("device");
}

/// Turns the view as a hand does, then rests.
fn turn(view: &mut Viewport, name: &str) {
    view.frame_all();
    view.render_whole();
    wait(view);
    let mut times = Vec::new();
    for _ in 0..25 {
        view.camera.orbit(&Vector2::new(9.0, 1.0));
        let start = Instant::now();
        view.render(true);
        wait(view);
        times.push(milliseconds(start));
        std::thread::sleep(Duration::from_millis(5));
    }
    let settled = Instant::now();
    let mut slices = Vec::new();
    loop {
        let start = Instant::now();
        let drawing = view.render(false);
        wait(view);
        slices.push(milliseconds(start));
        if drawing != Drawing::Unfinished {
            break;
        }
    }
    let most = |t: &[f64]| t.iter().copied().fold(0.0, f64::max);
    let mut sorted = times[5..].to_vec();
    sorted.sort_by(f64::total_cmp);
    eprintln!(
        "{name}: moving median {:.0} ms, worst {:.0} ms (first {:.0}); at rest {:.0} ms in {} slices, the longest {:.0} ms",
        sorted[sorted.len() / 2],
        most(&sorted),
        times[0],
        milliseconds(settled),
        slices.len(),
        most(&slices),
    );
}

#[test]
#[ignore = "measures times on a finished project"]
fn times_of_a_project() {
    let root = std::env::var("VEDUTA_TIMES_OF").expect("VEDUTA_TIMES_OF names a project");
    let project = Project::open_to_read(std::path::Path::new(&root)).expect("project");
    let gpu = testing::gpu().expect("adapter");
    let mut view = Viewport::new(gpu.device(), gpu.queue());
    view.resize(1280, 800);
    eprintln!("{}", gpu.device().adapter_info().name);
    let sparse: Reconstruction = project.current("sparse").and_then(|a| a.get("output")).expect("sparse");
    view.set_photos(&sparse);
    view.set_sparse(&sparse);
    turn(&mut view, "sparse");
    view.clear();
    let dense: PointCloud = project.current("fuse").and_then(|a| a.get("output")).expect("dense");
    let start = Instant::now();
    let prepared = prepare_dense(&dense);
    eprintln!(
        "octree of {} points: {:.0} ms, {} nodes",
        prepared.len(),
        milliseconds(start),
        prepared.tree.nodes.len()
    );
    view.upload_dense(prepared);
    turn(&mut view, "dense");
    view.clear();
    let city: City = project.current("city").and_then(|a| a.get("output")).expect("city");
    let start = Instant::now();
    let prepared = prepare_city(&city);
    eprintln!("city of {:?} triangles: {:.0} ms", prepared.triangles(), milliseconds(start));
    view.upload_city(prepared);
    for shading in [Shading::Texture, Shading::Clay, Shading::Height] {
        view.options.shading = shading;
        turn(&mut view, &format!("city {shading:?}"));
    }
    view.clear();
    let part: Part = project.current("part").and_then(|a| a.get("output")).expect("part");
    (view.options.part, view.options.photos) = (true, false);
    view.options.shading = Shading::Texture;
    view.set_part(&part);
    turn(&mut view, "part");
}

#[test]
#[ignore = "measures the octree of ten million points"]
fn times_of_ten_million_points() {
    let mut rng = crate::base::Rng::new(1, 1);
    let point = |_| {
        let (x, y) = (rng.uniform(-500.0, 500.0), rng.uniform(-500.0, 500.0));
        let z = 20.0 * ((x / 40.0).sin() * (y / 30.0).cos()).max(0.0);
        FusedPoint {
            position: [x as f32, y as f32, z as f32],
            normal: [0.0, 0.0, 1.0],
            colour: [(z * 10.0) as u8, 90, 120],
            confidence: 0.5,
            views: Vec::new(),
        }
    };
    let cloud = PointCloud { points: (0..10_000_000).map(point).collect(), gsd: 0.1 };
    let start = Instant::now();
    let prepared = prepare_dense(&cloud);
    eprintln!(
        "octree of {} points: {:.0} ms, {} nodes",
        prepared.len(),
        milliseconds(start),
        prepared.tree.nodes.len()
    );
    drop(cloud);
    let gpu = testing::gpu().expect("adapter");
    let mut view = Viewport::new(gpu.device(), gpu.queue());
    view.resize(1280, 800);
    let start = Instant::now();
    view.upload_dense(prepared);
    eprintln!("upload {:.0} ms", milliseconds(start));
    view.frame_all();
    let layer = view.dense.as_ref().expect("cloud");
    for budget in [100_000, 1_000_000, 5_000_000, 10_000_000] {
        for (name, pitch, distance) in [("all", -0.7, view.camera.distance), ("near", -0.4, 60.0)] {
            let camera = ViewCamera { pitch, distance, target: Vector3::zeros(), ..view.camera };
            let start = Instant::now();
            let s = layer.select(&camera, [1280, 800], budget, 1.0);
            let took = milliseconds(start);
            eprintln!(
                "{name}, at most {budget}: {} points in {} runs, {:.2} px gaps, {took:.2} ms",
                s.points,
                s.runs.len(),
                s.gap_px
            );
        }
    }
    turn(&mut view, "ten million");
    let start = Instant::now();
    let hit = view.pick(&Vector2::new(640.0, 500.0));
    eprintln!("pick {:.1} ms, {}", milliseconds(start), hit.is_some());
}
