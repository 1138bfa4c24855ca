//! Tiny scenes on the software adapter, pixel by pixel.

use super::*;
use crate::gpu::testing;
use crate::image::Rgb8;
use crate::scene::{City, FusedPoint, PointCloud, SurfaceClass, TexturePage};
use nalgebra::{Vector2, Vector3};

const SIZE: [u32; 2] = [300, 200];

fn view() -> Option<Viewport> {
    let gpu = testing::gpu()?;
    let mut view = Viewport::new(gpu.device(), gpu.queue());
    view.resize(SIZE[0], SIZE[1]);
    view.camera.look_down();
    view.camera.distance = 10.0;
    Some(view)
}

/// Two triangles at each height: a square about the origin with half the side `half`, textured with its own page.
fn squares(squares: &[(f64, f64, Rgb8)]) -> City {
    let mut city = City { texel_m: 1.0, ..City::default() };
    for (i, (half, height, image)) in squares.iter().enumerate() {
        let at = city.mesh.vertices.len() as u32;
        for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
            city.mesh.vertices.push(Vector3::new(x * half, y * half, *height));
        }
        city.mesh.triangles.extend([[at, at + 1, at + 2], [at, at + 2, at + 3]]);
        let uv = [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]];
        city.uvs.extend([[uv[0], uv[1], uv[2]], [uv[0], uv[2], uv[3]]]);
        city.page.extend([i as u16; 2]);
        city.views.extend([i as u8 * 3; 2]);
        city.pages.push(TexturePage { image: image.clone() });
    }
    city
}

fn close(a: [u8; 3], b: [u8; 3], by: u8) -> bool {
    a.iter().zip(b).all(|(x, y)| x.abs_diff(y) <= by)
}

fn pixel_of(view: &Viewport, point: Vector3<f64>) -> (usize, usize) {
    let p = view.camera.project(&point, SIZE).expect("in front").0;
    (p.x as usize, p.y as usize)
}

#[test]
fn the_frame_has_the_layout_of_the_shader() {
    use super::pipelines::{Frame, MESH_WGSL};
    use crate::gpu::KernelSource;
    let source = KernelSource { label: "frame", wgsl: MESH_WGSL, entry: "", constants: &[], workgroup: [1; 3] };
    crate::assert_layout!(
        &source,
        Frame {
            clip_from_local,
            eye,
            light,
            palette,
            surfaces,
            map,
            planes,
            size,
            point_px,
            near,
            shading,
            edge,
            range,
            scale,
            pad1,
            pad2,
            pad3
        }
    );
}

#[test]
fn textures_arrive_the_right_way_round_and_unchanged() {
    let Some(mut view) = view() else { return };
    let quarters = [[200, 30, 40], [20, 180, 60], [10, 50, 220], [240, 200, 90]];
    let data = (0..64 * 64).map(|i| quarters[i % 64 / 32 + i / 64 / 32 * 2]).collect();
    view.set_city(&squares(&[(3.0, 0.0, Rgb8::from_data(64, 64, data).expect("size"))]));
    for orthographic in [false, true] {
        view.camera.orthographic = orthographic;
        assert!(view.is_dirty());
        view.render_whole();
        assert!(!view.is_dirty() && view.render(false) == Drawing::Nothing);
        let picture = view.read_pixels().expect("read");
        for (k, (x, y)) in [(-1.5, 1.5), (1.5, 1.5), (-1.5, -1.5), (1.5, -1.5)].into_iter().enumerate() {
            let (px, py) = pixel_of(&view, Vector3::new(x, y, 0.0));
            let got = picture.at(px, py);
            assert!(close(got, quarters[k], 2), "{orthographic} quarter {k}: {got:?}");
        }
        assert_eq!(picture.at(1, 1), view.options.background);
        let edge = pixel_of(&view, Vector3::new(2.9, 0.5, 0.0));
        assert!(close(picture.at(edge.0, edge.1), quarters[1], 2));
        let beyond = pixel_of(&view, Vector3::new(3.1, 0.5, 0.0));
        assert_eq!(picture.at(beyond.0, beyond.1), view.options.background);
    }
}

#[test]
fn the_nearer_surface_hides_the_farther() {
    let Some(mut view) = view() else { return };
    let plain = |c| Rgb8::filled(4, 4, c);
    // The order in the buffer must not matter: small ones above a large one, and a large one below.
    let scene = [(1.0, 2.0, plain([255, 0, 0])), (3.0, 0.0, plain([0, 255, 0])), (0.5, 2.001, plain([0, 0, 255]))];
    view.set_city(&squares(&scene));
    for orthographic in [false, true] {
        view.camera.orthographic = orthographic;
        view.render_whole();
        let picture = view.read_pixels().expect("read");
        let at = |x: f64, z: f64| {
            let (px, py) = pixel_of(&view, Vector3::new(x, 0.02, z));
            picture.at(px, py)
        };
        assert_eq!(at(0.1, 2.0), [0, 0, 255], "{orthographic}");
        assert_eq!(at(0.8, 2.0), [255, 0, 0]);
        assert_eq!(at(2.5, 0.0), [0, 255, 0]);
    }
}

#[test]
fn shadings_differ_as_they_should() {
    let Some(mut view) = view() else { return };
    view.set_city(&squares(&[(3.0, 0.0, Rgb8::filled(4, 4, [9, 9, 9])), (1.0, 1.0, Rgb8::filled(4, 4, [9, 9, 9]))]));
    let shaded = |view: &mut Viewport, shading| {
        view.options.shading = shading;
        view.render_whole();
        let picture = view.read_pixels().expect("read");
        let outer = pixel_of(view, Vector3::new(2.0, 0.1, 0.0));
        (picture.at(outer.0, outer.1), picture.at(150, 100))
    };
    let (normal, _) = shaded(&mut view, Shading::Normals);
    assert!(close(normal, [128, 128, 255], 1), "{normal:?}");
    let (clay, same) = shaded(&mut view, Shading::Clay);
    assert!(clay == same && clay[0] > 150 && clay[0] > clay[2], "{clay:?}");
    let (none, three) = shaded(&mut view, Shading::Views);
    assert!(none[0] == none[1] && none[1] == none[2] && three[1] > three[0] + 60, "{none:?} {three:?}");
    // Without classes the texture shows; with them their colours in the light.
    assert!(!view.has_classes());
    assert_eq!(shaded(&mut view, Shading::Classes), ([9, 9, 9], [9, 9, 9]));
    let mut city = squares(&[(3.0, 0.0, Rgb8::filled(4, 4, [9, 9, 9])), (1.0, 1.0, Rgb8::filled(4, 4, [9, 9, 9]))]);
    let class_of = |t: usize| if t < 2 { SurfaceClass::Water } else { SurfaceClass::Roof };
    city.classes = (0..city.mesh.triangles.len()).map(class_of).collect();
    view.set_city(&city);
    assert!(view.has_classes());
    let (water, roof) = shaded(&mut view, Shading::Classes);
    assert!(water[2] > water[0] + 60 && roof[0] > roof[2] + 60, "{water:?} {roof:?}");
}

fn cloud(points: &[([f32; 3], [u8; 3])]) -> PointCloud {
    let point = |&(position, colour): &([f32; 3], [u8; 3])| FusedPoint {
        position,
        normal: [0.0, 0.0, 1.0],
        colour,
        confidence: 1.0,
        views: Vec::new(),
    };
    PointCloud { points: points.iter().map(point).collect(), gsd: 0.1 }
}

#[test]
fn points_and_lines_stand_where_they_project() {
    let Some(mut view) = view() else { return };
    let points = [([-2.0, 1.0, 0.0], [250, 10, 20]), ([2.0, -1.0, 3.0], [10, 250, 20])];
    view.set_dense(&cloud(&points));
    view.options.point_px = 6.0;
    let ends = [Vector3::new(-2.0, -2.0, 0.0), Vector3::new(2.0, 2.0, 1.0)];
    view.set_polylines(&[Polyline {
        points: ends.into(),
        closed: false,
        width_px: 4.0,
        colour: [40, 60, 250],
        on_top: true,
    }]);
    for orthographic in [false, true] {
        view.camera.orthographic = orthographic;
        view.render_whole();
        let picture = view.read_pixels().expect("read");
        for (position, colour) in points {
            let (x, y) = pixel_of(&view, Vector3::from(position).cast());
            assert_eq!(picture.at(x, y), colour);
            assert_eq!(picture.at(x + 6, y), view.options.background);
        }
        let (x, y) = pixel_of(&view, (ends[0] + ends[1]) / 2.0);
        let near_middle = if orthographic { (x, y) } else { pixel_of(&view, ends[0] * 0.4 + ends[1] * 0.6) };
        assert_eq!(picture.at(near_middle.0, near_middle.1), [40, 60, 250], "{x} {y}");
    }
    view.options.dense = false;
    view.options.polylines = false;
    view.render_whole();
    let empty = view.read_pixels().expect("read");
    assert!(empty.data.iter().all(|&p| p == view.options.background));
    assert!(view.bounds().is_none());
}

#[test]
fn picking_agrees_with_the_picture() {
    let Some(mut view) = view() else { return };
    let plain = |c| Rgb8::filled(4, 4, c);
    view.set_city(&squares(&[(3.0, 0.0, plain([0, 255, 0])), (1.0, 2.0, plain([255, 0, 0]))]));
    view.set_dense(&cloud(&[([0.0, 0.0, 4.0], [0, 0, 255]), ([0.1, 2.0, -1.0], [0, 0, 255])]));
    view.options.point_px = 9.0;
    view.camera.yaw = 0.4;
    view.camera.pitch = -1.1;
    for orthographic in [false, true] {
        view.camera.orthographic = orthographic;
        view.render_whole();
        let picture = view.read_pixels().expect("read");
        let mut seen = [0; 4];
        for y in (3..200).step_by(4) {
            for x in (3..300).step_by(4) {
                let pixel = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
                let picked = view.pick(&pixel);
                let colour = picture.at(x, y);
                let (kind, expected) = match picked.map(|p| p.target) {
                    None => (0, view.options.background),
                    Some(Target::City(0 | 1)) => (1, [0, 255, 0]),
                    Some(Target::City(_)) => (2, [255, 0, 0]),
                    Some(_) => (3, [0, 0, 255]),
                };
                seen[kind] += 1;
                // Mixed colours belong to an edge, and a point's disc has no corners.
                let pure = [view.options.background, [0, 255, 0], [255, 0, 0], [0, 0, 255]].contains(&colour);
                assert!(!pure || colour == expected || kind == 3, "({x}, {y}): {colour:?} for {picked:?}");
                if let Some(pick) = picked.filter(|_| kind < 3) {
                    let (back, depth) = view.camera.project(&pick.point, SIZE).expect("seen");
                    assert!((back - pixel).norm() < 1e-6 && (depth - pick.depth).abs() < 1e-6);
                }
            }
        }
        assert!(seen.iter().all(|&n| n > 2), "{seen:?}");
    }
}
