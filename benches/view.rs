//! Times of the 3D view at 1280 x 800: the layers of a finished project while turning and at rest, and a cloud of ten
//! million points: `cargo bench --bench view -- PROJECT`, with `--device gpu` or `software` (the default).

use nalgebra::Vector2;
use std::path::Path;
use std::time::{Duration, Instant};
use veduta::base::Rng;
use veduta::gpu::{DeviceChoice, Gpu};
use veduta::project::Project;
use veduta::render::{Drawing, Shading, Viewport, prepare_city, prepare_dense};
use veduta::scene::{City, FusedPoint, Part, PointCloud, Reconstruction};

fn milliseconds(from: Instant) -> f64 {
    from.elapsed().as_secs_f64() * 1e3
}

fn wait(gpu: &Gpu) {
    gpu.device().poll(wgpu::PollType::wait_indefinitely()).expect("device");
}

/// Turns the view as a hand does, then rests.
fn turn(gpu: &Gpu, view: &mut Viewport, name: &str) {
    view.frame_all();
    while view.render(false) == Drawing::Unfinished {}
    wait(gpu);
    let mut times = Vec::new();
    for _ in 0..25 {
        view.camera.orbit(&Vector2::new(9.0, 1.0));
        let start = Instant::now();
        view.render(true);
        wait(gpu);
        times.push(milliseconds(start));
        std::thread::sleep(Duration::from_millis(5));
    }
    let settled = Instant::now();
    let mut slices = Vec::new();
    loop {
        let start = Instant::now();
        let drawing = view.render(false);
        wait(gpu);
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

fn project(gpu: &Gpu, root: &Path) {
    let project = Project::open_to_read(root).expect("project");
    let mut view = Viewport::new(gpu.device(), gpu.queue());
    view.resize(1280, 800);
    let sparse: Reconstruction = project.current("sparse").and_then(|a| a.get("output")).expect("sparse");
    view.set_photos(&sparse);
    view.set_sparse(&sparse);
    turn(gpu, &mut view, "sparse");
    view.clear();
    let dense: PointCloud = project.current("fuse").and_then(|a| a.get("output")).expect("dense");
    let start = Instant::now();
    let prepared = prepare_dense(&dense);
    eprintln!("octree of {} points: {:.0} ms", prepared.len(), milliseconds(start),);
    view.upload_dense(prepared);
    turn(gpu, &mut view, "dense");
    view.clear();
    let city: City = project.current("city").and_then(|a| a.get("output")).expect("city");
    let start = Instant::now();
    let prepared = prepare_city(&city);
    eprintln!("city of {:?} triangles: {:.0} ms", prepared.triangles(), milliseconds(start));
    view.upload_city(prepared);
    for shading in [Shading::Texture, Shading::Clay, Shading::Height] {
        view.options.shading = shading;
        turn(gpu, &mut view, &format!("city {shading:?}"));
    }
    view.clear();
    let part: Part = project.current("part").and_then(|a| a.get("output")).expect("part");
    (view.options.part, view.options.photos) = (true, false);
    view.options.shading = Shading::Texture;
    view.set_part(&part);
    turn(gpu, &mut view, "part");
}

fn ten_million_points(gpu: &Gpu) {
    let mut rng = Rng::new(1, 1);
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
    eprintln!("octree of {} points: {:.0} ms", prepared.len(), milliseconds(start),);
    drop(cloud);
    let mut view = Viewport::new(gpu.device(), gpu.queue());
    view.resize(1280, 800);
    let start = Instant::now();
    view.upload_dense(prepared);
    eprintln!("upload {:.0} ms", milliseconds(start));
    view.frame_all();
    turn(gpu, &mut view, "ten million");
    let start = Instant::now();
    let hit = view.pick(&Vector2::new(640.0, 500.0));
    eprintln!("pick {:.1} ms, {}", milliseconds(start), hit.is_some());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let choice = match arguments.iter().position(|a| a == "--device").map(|i| arguments[i + 1].as_str()) {
        Some("gpu") => DeviceChoice::Gpu,
        _ => DeviceChoice::Software,
    };
    let gpu = Gpu::open(choice).expect("device").expect("adapter");
    eprintln!("{}", gpu.device().adapter_info().name);
    if let Some(root) = arguments.first().filter(|a| !a.starts_with("--")) {
        project(&gpu, Path::new(root));
    }
    ten_million_points(&gpu);
}
