//! Tests of the whole texturing on a small scene with exact truth: a square with a tower, a pattern of colours, photos
//! of different exposure from several sides, and a car that moves.

use super::render::{Camera, RenderOptions, dsm_and_ortho, render_city, seen_mask};
use super::{TextureError, TextureOptions, TextureView, quality, texture_city, texture_city_with_report};
use crate::base::{Ctx, Event, PhotoId};
use crate::camera::Pinhole;
use crate::geometry::{Rigid3, nearest_rotation};
use crate::image::raster::{NO_FACE, View, rasterise};
use crate::image::{Mask, Rgb8, colour};
use crate::scene::{City, Mesh, TexturePage};
use nalgebra::{Matrix3, Vector3};
use std::sync::{Arc, Mutex};

const SIZE: f64 = 24.0;

/// A ground square with a box on it, open below.
fn scene() -> Mesh {
    let mut mesh = Mesh::default();
    let n = 12;
    let at = |i: usize| (i as f64 / n as f64 - 0.5) * SIZE;
    for j in 0..=n {
        for i in 0..=n {
            let tower = (5..=7).contains(&i) && (5..=7).contains(&j);
            mesh.vertices.push(Vector3::new(at(i), at(j), if tower { 5.0 } else { 0.0 }));
        }
    }
    for j in 0..n {
        for i in 0..n {
            let a = (j * (n + 1) + i) as u32;
            let (b, c, d) = (a + 1, a + n as u32 + 1, a + n as u32 + 2);
            mesh.triangles.extend([[a, b, d], [a, d, c]]);
        }
    }
    mesh
}

/// True colour (linear light) of the surface.
fn albedo(p: &Vector3<f64>) -> [f64; 3] {
    let wave = |k: f64, phase: f64| 0.5 + 0.5 * (k * p.x + phase).sin() * (k * p.y + 0.7 * phase).cos();
    let tower = if p.z > 2.5 { 0.25 } else { 0.0 };
    [0.08 + 0.25 * wave(0.8, 0.0) + tower, 0.10 + 0.22 * wave(0.6, 1.0), 0.08 + 0.2 * wave(0.9, 2.0) + tower / 2.0]
}

fn look(from: Vector3<f64>, to: Vector3<f64>) -> Rigid3 {
    let forward = (to - from).normalize();
    let side = if forward.x.hypot(forward.y) < 1e-6 { Vector3::x() } else { forward.cross(&Vector3::z()).normalize() };
    let down = forward.cross(&side);
    let matrix = Matrix3::from_rows(&[side.transpose(), down.transpose(), forward.transpose()]);
    Rigid3::from_rotation_and_centre(nearest_rotation(&matrix), from)
}

fn camera() -> Pinhole {
    Pinhole { width: 240, height: 200, f: 200.0, cx: 120.0, cy: 100.0 }
}

fn views() -> Vec<TextureView> {
    let mut centres = Vec::new();
    for x in [-6.0, 0.0, 6.0] {
        for y in [-5.0, 5.0] {
            centres.push((Vector3::new(x, y, 26.0), Vector3::new(x, y, 0.0)));
        }
    }
    for (x, y) in [(22.0, 1.0), (-22.0, -1.0), (1.0, 22.0), (-1.0, -22.0)] {
        centres.push((Vector3::new(x, y, 18.0), Vector3::new(0.0, 0.0, 1.0)));
    }
    centres
        .iter()
        .enumerate()
        .map(|(i, (from, to))| TextureView { photo: PhotoId(i as u32), camera: camera(), pose: look(*from, *to) })
        .collect()
}

fn exposure(photo: usize) -> f64 {
    1.0 + 0.25 * (photo as f64 * 2.1).sin()
}

/// What a camera sees; with a red car at another place in each photo, where `photo` is given.
fn photograph(mesh: &Mesh, view: &TextureView, photo: Option<usize>) -> Rgb8 {
    let points: Vec<[f32; 3]> = mesh.vertices.iter().map(|p| view.pose.apply(p).map(|v| v as f32).into()).collect();
    let raster = View::of_pinhole(&view.camera, 0.1);
    let buffer = rasterise(&points, &mesh.triangles, &raster);
    let mut out = Rgb8::filled(raster.width, raster.height, [255; 3]);
    for y in 0..raster.height {
        for x in 0..raster.width {
            let f = buffer.face.at(x, y);
            if f == NO_FACE {
                continue;
            }
            let t = mesh.triangles[f as usize];
            let b = raster.barycentric(&t.map(|v| points[v as usize]), x as f64 + 0.5, y as f64 + 0.5);
            let p = (0..3).fold(Vector3::zeros(), |s, k| s + mesh.vertices[t[k] as usize] * f64::from(b[k]));
            let mut c = albedo(&p);
            if let Some(i) = photo {
                let car = Vector3::new(-10.0 + 2.2 * i as f64, -8.0, 0.0);
                if (p.x - car.x).abs() < 1.6 && (p.y - car.y).abs() < 0.8 && p.z < 0.1 {
                    c = [0.7, 0.02, 0.02];
                }
                c = c.map(|v| v * exposure(i));
            }
            *out.at_mut(x, y) = c.map(|v| colour::quantise(colour::to_srgb(v as f32)));
        }
    }
    out
}

fn load(mesh: &Mesh) -> impl Fn(PhotoId) -> Result<(Rgb8, Mask), TextureError> + Sync + '_ {
    let views = views();
    move |id: PhotoId| {
        let view = &views[id.index()];
        Ok((photograph(mesh, view, Some(id.index())), Mask::filled(240, 200, true)))
    }
}

fn options() -> TextureOptions {
    TextureOptions { page_size: 1024, ..TextureOptions::default() }
}

#[test]
fn a_new_view_of_the_city_looks_like_a_photo_without_the_car() {
    let mesh = scene();
    let views = views();
    let ctx = Ctx::silent();
    let (city, report) = texture_city_with_report(&ctx, &mesh, &views, &load(&mesh), &options()).expect("textured");
    assert_eq!(city.uvs.len(), city.mesh.triangles.len());
    assert!(report.seen_share > 0.97, "{report:?}");
    // Gains undo the exposures, up to one common factor.
    let common = f64::from(report.gains[0][1]) * exposure(0);
    for (i, g) in report.gains.iter().enumerate() {
        assert!((f64::from(g[1]) * exposure(i) / common - 1.0).abs() < 0.03, "gain {i}: {g:?}");
    }
    let new = TextureView {
        photo: PhotoId(0),
        camera: camera(),
        pose: look(Vector3::new(9.0, -9.0, 20.0), Vector3::new(0.0, -1.0, 0.0)),
    };
    let truth = photograph(&mesh, &new, None);
    let camera = Camera::Perspective { camera: new.camera, pose: new.pose };
    let (image, mask) = render_city(&city, &camera, &RenderOptions::default());
    let seen = seen_mask(&city, &camera);
    let both = Mask { data: mask.data.iter().zip(&seen.data).map(|(a, b)| *a && *b).collect(), ..mask };
    let fitted = quality::fit_colour(&image, &truth, &both);
    let likeness = quality::compare(&fitted, &truth, &both).expect("pixels");
    assert!(likeness.pixels > 20_000 && likeness.median_delta_e < 1.5 && likeness.psnr > 30.0, "{likeness:?}");
    assert_eq!(red_pixels(&city), 0, "the car must be gone");
}

/// Pixels of the orthophoto in the car's colour.
fn red_pixels(city: &City) -> usize {
    let ortho = dsm_and_ortho(city, [-12.0, -12.0, 12.0, 12.0], 0.1, &RenderOptions::default());
    ortho.image.data.iter().filter(|c| c[0] > 170 && c[1] < 70).count()
}

#[test]
fn two_views_cannot_tell_a_car() {
    // Two views that see different cars cannot tell which of them is right.
    let mesh = scene();
    let views: Vec<TextureView> = views().into_iter().take(2).collect();
    let city = texture_city(&Ctx::silent(), &mesh, &views, &load(&mesh), &options()).expect("textured");
    assert!(red_pixels(&city) > 20, "{}", red_pixels(&city));
}

#[test]
fn heights_and_orthophoto_lie_where_they_should() {
    let mesh = scene();
    let city = texture_city(&Ctx::silent(), &mesh, &views(), &load(&mesh), &options()).expect("textured");
    let ortho = dsm_and_ortho(&city, [-12.0, -12.0, 12.0, 12.0], 0.25, &RenderOptions::default());
    assert_eq!((ortho.height.width, ortho.height.height), (96, 96));
    for (x, y, z) in [(0.1, 0.1, 5.0), (-8.0, 9.0, 0.0), (9.0, -9.0, 0.0)] {
        let (i, j) = (((x + 12.0) / 0.25) as usize, ((12.0 - y) / 0.25) as usize);
        assert!((f64::from(ortho.height.at(i, j)) - z).abs() < 0.02, "{x} {y}: {}", ortho.height.at(i, j));
        let want = albedo(&Vector3::new(-12.0 + (i as f64 + 0.5) * 0.25, 12.0 - (j as f64 + 0.5) * 0.25, z));
        let got = ortho.image.at(i, j).map(|v| f64::from(colour::linear_of_u8(v)));
        for c in 0..3 {
            assert!((got[c] / want[c] - 1.0).abs() < 0.2, "{x} {y}: {got:?} {want:?}");
        }
    }
}

#[test]
fn the_same_city_for_any_number_of_threads() {
    let mesh = scene();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| texture_city(&Ctx::silent(), &mesh, &views(), &load(&mesh), &options()).expect("textured"))
    };
    assert!(run(1) == run(3));
}

#[test]
fn an_unreadable_photo_is_left_out_with_a_warning() {
    let mesh = scene();
    let good = load(&mesh);
    let load = |id: PhotoId| match id.0 {
        3 => Err(TextureError::PhotoUnreadable { photo: id, reason: "torn".into() }),
        _ => good(id),
    };
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let log = warnings.clone();
    let ctx = Ctx::new(move |e| {
        if let Event::Diagnostic { diagnostic, .. } = e {
            log.lock().expect("lock").push(diagnostic.code);
        }
    });
    let city = texture_city(&ctx, &mesh, &views(), &load, &options()).expect("textured");
    assert!(city.views.iter().filter(|v| **v > 0).count() * 10 > city.views.len() * 9);
    assert_eq!(*warnings.lock().expect("lock"), ["photo-unreadable"]);
}

#[test]
fn errors_name_what_is_missing() {
    let (mesh, ctx) = (scene(), Ctx::silent());
    let run = |mesh: &Mesh, views: &[TextureView]| texture_city(&ctx, mesh, views, &load(&scene()), &options());
    assert!(matches!(run(&Mesh::default(), &views()), Err(TextureError::EmptyMesh { .. })));
    assert!(matches!(run(&mesh, &[]), Err(TextureError::NoViews { .. })));
    let away = TextureView { pose: look(Vector3::new(0.0, 0.0, 30.0), Vector3::new(0.0, 1.0, 60.0)), ..views()[0] };
    assert!(matches!(run(&mesh, &[away]), Err(TextureError::NothingSeen { .. })));
    ctx.cancel_token().cancel();
    assert!(matches!(run(&mesh, &views()), Err(TextureError::Cancelled(_))));
}

#[test]
fn slots_are_darker_than_the_plane_that_they_are_cut_into() {
    // A grey plane, 20 wide, with a slot 1 wide and 1 deep along x = 0, 10 pixels for each unit.
    let profile = [(-10.0, 0.0), (-0.5, 0.0), (-0.5, -1.0), (0.5, -1.0), (0.5, 0.0), (10.0, 0.0)];
    let vertices: Vec<_> =
        profile.iter().flat_map(|&(x, z)| [Vector3::new(x, -5.0, z), Vector3::new(x, 5.0, z)]).collect();
    let triangles: Vec<_> = (0..5u32).map(|i| 2 * i).flat_map(|i| [[i, i + 2, i + 1], [i + 2, i + 3, i + 1]]).collect();
    let city = City {
        uvs: vec![[[0.5; 2]; 3]; triangles.len()],
        page: vec![0; triangles.len()],
        views: vec![1; triangles.len()],
        pages: vec![TexturePage { image: Rgb8::filled(4, 4, [200; 3]) }],
        mesh: Mesh { vertices, triangles },
        ..City::default()
    };
    let drawn = |elevation: f64, cavities: f32| {
        let bounds = city.mesh.bounds().expect("vertices");
        let camera = Camera::overview(bounds, 0.0, elevation.to_radians(), (204, 104));
        render_city(&city, &camera, &RenderOptions { cavities, ..RenderOptions::default() }).0
    };
    let (above, flat) = (drawn(90.0, 0.5), drawn(90.0, 0.0));
    assert!(above.at(98, 52)[0] < 140 && flat.at(98, 52)[0] == 200, "{:?}", above.at(98, 52));
    for x in [60, 80, 94, 124, 160] {
        assert_eq!(above.at(x, 52), [200; 3], "beside the slot at {x}");
    }
    // A tilted plane is no cavity.
    assert_eq!(drawn(40.0, 0.5).at(60, 52), [200; 3]);
}

#[test]
fn an_overview_looks_where_it_says() {
    let bounds = (Vector3::new(-2.0, -1.0, 0.0), Vector3::new(4.0, 3.0, 1.0));
    for step in 0..24 {
        for height in [-50.0f64, 0.0, 35.0, 90.0] {
            let (azimuth, elevation) = (f64::from(step * 15).to_radians(), height.to_radians());
            let Camera::Parallel { pose, .. } = Camera::overview(bounds, azimuth, elevation, (96, 72)) else {
                panic!("parallel");
            };
            let forward =
                Vector3::new(azimuth.sin() * elevation.cos(), azimuth.cos() * elevation.cos(), -elevation.sin());
            let right = Vector3::new(azimuth.cos(), -azimuth.sin(), 0.0);
            assert!((pose.rotation * forward - Vector3::z()).norm() < 1e-12, "{azimuth} {elevation}");
            assert!((pose.rotation * right - Vector3::x()).norm() < 1e-12, "{azimuth} {elevation}");
        }
    }
}
