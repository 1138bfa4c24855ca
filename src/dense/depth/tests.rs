//! Whole depth maps of the ridge scene of `kernels/patch_match`, on the CPU and on the device.

use super::*;
use crate::base::{CancelToken, Event};
use crate::camera::Pinhole;
use crate::dense::consistency::tests::plane_map;
use crate::dense::kernels::patch_match::tests::render;
use crate::geometry::Rigid3;
use crate::gpu::{DeviceChoice, testing};
use nalgebra::{UnitQuaternion, Vector3};
use std::sync::Arc;
use std::sync::Mutex;

/// Photo 0 and its sources, and what is known about photo 0.
struct Case {
    views: Vec<View>,
    truth: Vec<f32>,
    neighbourhood: Neighbourhood,
}

impl Case {
    fn new(width: u32, height: u32, sources: usize) -> Self {
        let f = 0.9 * f64::from(width);
        let camera = Pinhole { width, height, f, cx: f64::from(width) / 2.0, cy: f64::from(height) / 2.0 };
        let places = [(0.0, 0.0), (1.6, 0.2), (-1.5, 0.3), (0.1, 1.7), (0.2, -1.6), (1.2, 1.1)];
        let (mut views, mut truth) = (Vec::new(), Vec::new());
        for (i, &(x, y)) in places.iter().enumerate().take(sources + 1) {
            let rotation = UnitQuaternion::from_euler_angles(0.01 * y, -0.03 * x, 0.01 * i as f64);
            let pose = Rigid3::from_rotation_and_centre(rotation, Vector3::new(x, y, 0.0));
            let (depth, grey) = render(&camera, &pose);
            let (w, h) = (width as usize, height as usize);
            let data = grey.iter().map(|&g| [g; 3]).collect();
            let colour = crate::image::Rgb8::from_data(w, h, data).expect("size");
            views.push(View { photo: PhotoId(i as u32), camera, pose, colour, mask: Grid::filled(w, h, true) });
            if i == 0 {
                truth = depth;
            }
        }
        let neighbourhood = Neighbourhood {
            photo: PhotoId(0),
            sources: (1..=sources as u32).map(PhotoId).collect(),
            depth_range: (7.0, 16.0),
            points: Vec::new(),
        };
        Self { views, truth, neighbourhood }
    }

    fn photometric(&self, ctx: &Ctx, gpu: Option<&Gpu>, options: &DepthOptions) -> Result<DepthMap, DenseError> {
        let sources: Vec<&View> = self.views[1..].iter().collect();
        photometric(ctx, &self.views[0], &sources, &self.neighbourhood, gpu, options)
    }

    /// Share of the pixels whose depth is wrong by more than half a percent.
    fn wrong(&self, map: &DepthMap) -> f64 {
        let bad = map.depth.data.iter().zip(&self.truth).filter(|(d, t)| !((**d / **t - 1.0).abs() < 0.005)).count();
        bad as f64 / self.truth.len() as f64
    }
}

#[test]
fn the_device_gives_as_good_a_map() {
    let Some(gpu) = testing::gpu() else { return };
    let case = Case::new(128, 85, 3);
    let options = DepthOptions { halvings: 1, ..DepthOptions::default() };
    let maps = [None, Some(gpu)].map(|gpu| case.photometric(&Ctx::silent(), gpu, &options).expect("runs"));
    let shares = [case.wrong(&maps[0]), case.wrong(&maps[1])];
    assert!(shares[0] < 0.15 && (shares[0] - shares[1]).abs() < 0.01, "{shares:?}");
    assert_ne!(maps[0], maps[1], "both were made on the CPU");
}

/// A device that allows buffers of four kilobytes.
fn small_device() -> Gpu {
    let open = |choice| Gpu::open(choice).ok().flatten();
    let mut gpu = open(DeviceChoice::Software).or_else(|| open(DeviceChoice::Gpu)).expect("opened before");
    gpu.max_binding = 4096;
    gpu
}

/// A context, and where the codes of its notes go.
fn noting() -> (Ctx, Arc<Mutex<Vec<String>>>) {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let sink = notes.clone();
    let ctx = Ctx::new(move |event| {
        if let Event::Diagnostic { diagnostic, .. } = event {
            sink.lock().expect("no panic").push(diagnostic.code);
        }
    });
    (ctx, notes)
}

#[test]
fn a_device_that_is_too_small_leaves_the_map_to_the_cpu_with_a_note() {
    if testing::gpu().is_none() {
        return;
    }
    let gpu = small_device();
    let case = Case::new(64, 48, 2);
    let options = DepthOptions { halvings: 0, coarse_passes: 2, ..DepthOptions::default() };
    let (ctx, notes) = noting();
    let map = case.photometric(&ctx, Some(&gpu), &options).expect("runs");
    assert_eq!(map, case.photometric(&ctx, None, &options).expect("runs"));
    assert_eq!(*notes.lock().expect("no panic"), ["gpu-fallback"]);
}

#[test]
fn a_cancelled_run_ends_on_the_device() {
    let Some(gpu) = testing::gpu() else { return };
    let case = Case::new(64, 48, 2);
    let ctx = Ctx::silent();
    let token: CancelToken = ctx.cancel_token();
    token.cancel();
    let result = case.photometric(&ctx, Some(gpu), &DepthOptions::default());
    assert!(matches!(result, Err(DenseError::Cancelled(_))), "{result:?}");
}

#[test]
fn the_filter_keeps_what_is_confirmed_with_and_without_a_device() {
    let (map, same, behind) = (plane_map(0, 0.0, 0.0), plane_map(1, 1.0, 0.0), plane_map(2, 1.0, 0.5));
    let kept = |map: &DepthMap| map.depth.data.iter().filter(|d| **d > 0.0).count();
    let options = FilterOptions::default();
    let on_cpu = filter(&map, &[&same], &options);
    assert!(kept(&on_cpu) * 10 > map.depth.data.len() * 8, "{}", kept(&on_cpu));
    assert_eq!(kept(&filter(&map, &[&behind], &options)), 0);
    assert_eq!(kept(&filter(&map, &[&same], &FilterOptions { cost: 0.05, ..options.clone() })), 0);
    assert_eq!(kept(&filter(&map, &[&same, &behind], &FilterOptions { agreeing: 2, ..options.clone() })), 0);
    let Some(gpu) = testing::gpu() else { return };
    let ctx = Ctx::silent();
    let on = |gpu, source| filter_on(&ctx, gpu, &map, &[source], &options).expect("runs");
    testing::assert_close("filter", &on(Some(gpu), &same).depth.data, &on_cpu.depth.data, 0.0, 0.001);
    assert_eq!(kept(&on(Some(gpu), &behind)), 0);
    assert_eq!(on(None, &same), on_cpu);
    let (ctx, notes) = noting();
    assert_eq!(filter_on(&ctx, Some(&small_device()), &map, &[&same], &options), Ok(on_cpu));
    assert_eq!(*notes.lock().expect("no panic"), ["gpu-fallback"]);
    ctx.cancel_token().cancel();
    for gpu in [None, Some(gpu)] {
        let result = filter_on(&ctx, gpu, &map, &[&same], &options);
        assert!(matches!(result, Err(DenseError::Cancelled(_))));
    }
}
