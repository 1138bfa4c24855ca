//! Cities that went through files of other programs, in other units, axes and disorder.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::formats::{gltf, obj, read};
use crate::image::Rgb8;
use crate::image::colour::{delta_e_2000, lab_of_srgb};
use crate::mesh::bvh::Bvh;
use crate::mesh::inspect;
use crate::print::{Area, PartOptions, Rectangle, colour_at, make_part};
use crate::scene::{ForeignPage, TexturePage};
use nalgebra::Vector2;
use std::collections::BTreeMap;
use std::io::Write;

type V = Vector3<f64>;

/// Terrain with boxes, `n` cells of two metres, its colours on two pages.
fn town(n: usize) -> City {
    let height = |x: usize, y: usize| (x as f64 * 0.4).sin() + if x % 8 > 4 && y % 7 > 3 { 7.0 } else { 0.0 };
    let side = n + 1;
    let at =
        |i: usize| V::new((i % side) as f64 * 2.0 - 9.0, (i / side) as f64 * 2.0 + 4.0, height(i % side, i / side));
    let mut mesh = Mesh { vertices: (0..side * side).map(at).collect(), triangles: Vec::new() };
    let (mut uvs, mut page) = (Vec::new(), Vec::new());
    for cell in 0..n * n {
        let (x, y) = (cell % n, cell / n);
        let a = (y * side + x) as u32;
        for t in [[a, a + 1, a + side as u32 + 1], [a, a + side as u32 + 1, a + side as u32]] {
            mesh.triangles.push(t);
            page.push(u16::from(x >= n / 2));
            uvs.push(t.map(|v| {
                let east = (v as usize % side) as f32 / n as f32 * 2.0 - if x >= n / 2 { 1.0 } else { 0.0 };
                [east, (v as usize / side) as f32 / n as f32]
            }));
        }
    }
    let image = |blue: u8, w: usize, h: usize| Rgb8 {
        width: w,
        height: h,
        data: (0..w * h).map(|i| [(i % w * 200 / w) as u8, (i / w * 200 / h) as u8, blue]).collect(),
    };
    let pages = vec![TexturePage { image: image(40, 96, 128) }, TexturePage { image: image(180, 64, 64) }];
    let views = vec![200; mesh.triangles.len()];
    City { mesh, uvs, page, views, pages, texel_m: 0.4, classes: Vec::new() }
}

fn options(n: usize) -> PartOptions {
    let side = 2.0 * n as f64;
    let centre = Vector2::new(side / 2.0 - 9.0, side / 2.0 + 4.0);
    let area = Rectangle { centre, size: Vector2::new(side * 0.7, side * 0.6), azimuth: 0.2 };
    PartOptions { area: Some(Area::Rectangle(area)), page: 256, ..PartOptions::default() }
}

struct Shared(std::rc::Rc<std::cell::RefCell<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The city as two files give it back.
fn through_files(city: &City) -> Vec<(ForeignMesh, Reading)> {
    let mut glb = Vec::new();
    gltf::write_glb(city, &mut glb).unwrap();
    let nothing = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let from_glb = read::read("a.glb", &glb, &mut { nothing }).unwrap();
    let mut files: BTreeMap<String, std::rc::Rc<std::cell::RefCell<Vec<u8>>>> = BTreeMap::new();
    obj::write(city, "town", |name| Ok(Shared(files.entry(name.to_string()).or_default().clone()))).unwrap();
    let files: BTreeMap<String, Vec<u8>> = files.into_iter().map(|(k, v)| (k, v.borrow().clone())).collect();
    let mut beside = |name: &str| files.get(name).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into());
    let from_obj = read::read("town.obj", &files["town.obj"], &mut beside).unwrap();
    vec![(from_glb, Reading::default()), (from_obj, Reading { unit: Some(LengthUnit::Metre), up: Some(Up::Z) })]
}

/// Colours of a part seen from above at a grid of places, as Lab.
fn from_above(part: &Part) -> Vec<Option<[f64; 3]>> {
    let (low, high) = part.mesh.bounds().unwrap();
    let bvh = Bvh::new(&part.mesh);
    let city = City {
        mesh: part.mesh.clone(),
        uvs: part.uvs.clone(),
        page: vec![0; part.uvs.len()],
        views: vec![1; part.uvs.len()],
        pages: vec![TexturePage { image: part.texture.clone() }],
        texel_m: 1.0,
        classes: Vec::new(),
    };
    (0..900)
        .map(|i| {
            let share = V::new((f64::from(i % 30) + 0.5) / 30.0, (f64::from(i / 30) + 0.5) / 30.0, 0.0);
            let p = low + (high - low).component_mul(&share) + V::z() * 500.0;
            let hit = bvh.cast(&p, &-V::z(), 0.0, 1000.0)?;
            Some(lab_of_srgb(colour_at(&city, hit.triangle as usize, &hit.point).map(|c| c / 255.0)))
        })
        .collect()
}

#[test]
fn our_own_city_prints_the_same_from_glb_and_obj() {
    let ctx = Ctx::silent();
    let city = town(30);
    let own = make_part(&ctx, &city, &options(30)).unwrap();
    let (low, high) = own.mesh.bounds().unwrap();
    let seen = from_above(&own);
    for (foreign, reading) in through_files(&city) {
        let read = super::city(&ctx, &foreign, &reading).unwrap();
        assert_eq!(read.mesh.triangles.len(), city.mesh.triangles.len());
        assert_eq!(read.pages.len(), 2);
        assert!((read.texel_m - 0.7).abs() < 0.5, "{}", read.texel_m);
        let part = make_part(&ctx, &read, &options(30)).unwrap();
        assert!(inspect(&part.mesh).is_solid());
        let bounds = part.mesh.bounds().unwrap();
        assert!((bounds.0 - low).amax() < 0.01 && (bounds.1 - high).amax() < 0.01, "{bounds:?} {low} {high}");
        assert!((part.mesh.volume() / own.mesh.volume() - 1.0).abs() < 1e-3);
        let mut errors: Vec<f64> =
            seen.iter().zip(from_above(&part)).map(|(a, b)| delta_e_2000(a.unwrap(), b.unwrap())).collect();
        errors.sort_by(f64::total_cmp);
        assert!(errors[450] < 0.3 && errors[855] < 1.5, "{} {}", errors[450], errors[855]);
    }
}

/// A mesh as a careless program writes it: y up, centimetres, every triangle with its own corners, every fifth one turned,
/// one missing, one floating; coloured at the corners.
fn careless(city: &City) -> ForeignMesh {
    let mut out = ForeignMesh::default();
    for t in 0..city.mesh.triangles.len() {
        if t == 777 {
            continue;
        }
        let mut corners = city.mesh.corners(t).map(|p| V::new(p.x, p.z, -p.y) * 100.0);
        let mut colours = city.mesh.corners(t).map(|p| [100, (p.x * 3.0 + 60.0) as u8, (p.y * 3.0) as u8]);
        if t % 5 == 0 {
            corners.swap(1, 2);
            colours.swap(1, 2);
        }
        let first = out.mesh.vertices.len() as u32;
        out.mesh.vertices.extend(corners);
        out.mesh.triangles.push([first, first + 1, first + 2]);
        out.colours.push(Some(colours));
        out.object.push(0);
    }
    let first = out.mesh.vertices.len() as u32;
    out.mesh.vertices.extend([
        V::new(500.0, 4000.0, -3000.0),
        V::new(600.0, 4000.0, -3000.0),
        V::new(600.0, 4000.0, -3100.0),
    ]);
    out.mesh.triangles.push([first, first + 1, first + 2]);
    out.colours.push(None);
    out.object.push(0);
    out
}

#[test]
fn an_open_untidy_mesh_with_y_up_prints_like_the_city_that_it_was() {
    let ctx = Ctx::silent();
    let city = town(30);
    let own = make_part(&ctx, &city, &options(30)).unwrap();
    let reading = Reading { unit: Some(LengthUnit::Centimetre), up: Some(Up::Y) };
    let read = super::city(&ctx, &careless(&city), &reading).unwrap();
    // Everything looks to the sky, and the colours are those of the corners.
    assert!((0..read.mesh.triangles.len()).all(|t| read.mesh.area_normal(t).z > -1e-9));
    for t in [3, 500, 1200] {
        let middle = read.mesh.corners(t).iter().sum::<V>() / 3.0;
        let colour = colour_at(&read, t, &middle);
        assert!(
            (colour[1] - (middle.x as f32 * 3.0 + 60.0)).abs() < 1.5 && (colour[0] - 100.0).abs() < 1.0,
            "{colour:?}"
        );
    }
    let part = make_part(&ctx, &read, &options(30)).unwrap();
    assert!(inspect(&part.mesh).is_solid());
    let (a, b) = (own.mesh.bounds().unwrap(), part.mesh.bounds().unwrap());
    assert!((a.1 - b.1).amax() < 0.05, "{a:?} {b:?}");
    assert!((part.mesh.volume() / own.mesh.volume() - 1.0).abs() < 5e-3);
}

#[test]
fn houses_that_are_bodies_of_their_own_stand_on_the_terrain() {
    let ctx = Ctx::silent();
    let mut foreign = ForeignMesh::default();
    let n = 20;
    foreign.mesh.vertices = (0..n * n).map(|i| V::new(f64::from(i % n), f64::from(i / n), 0.0)).collect();
    for i in 0..(n - 1) * (n - 1) {
        let (a, n) = ((i % (n - 1) + i / (n - 1) * n) as u32, n as u32);
        foreign.mesh.triangles.extend([[a, a + 1, a + n + 1], [a, a + n + 1, a + n]]);
    }
    let ring = [(6.3, 6.3), (11.4, 6.3), (11.4, 11.2), (6.3, 11.2)].map(|(x, y)| Vector2::new(x, y));
    let house = crate::print::outline::prism(&ring, -1.0, 6.0).mesh;
    let first = foreign.mesh.vertices.len() as u32;
    foreign.mesh.vertices.extend(&house.vertices);
    foreign.mesh.triangles.extend(house.triangles.iter().map(|t| t.map(|v| v + first)));
    foreign.object = vec![0; foreign.mesh.triangles.len()];
    let read = super::city(&ctx, &foreign, &Reading { unit: Some(LengthUnit::Metre), up: None }).unwrap();
    let area = Rectangle { centre: Vector2::new(9.5, 9.5), size: Vector2::new(16.0, 16.0), azimuth: 0.0 };
    let options = PartOptions { area: Some(area.into()), page: 128, ..PartOptions::default() };
    let part = make_part(&ctx, &read, &options).unwrap();
    assert!(inspect(&part.mesh).is_solid());
    let mm = 150.0 / 16.0;
    let (_, high) = part.mesh.bounds().unwrap();
    assert!((high.z - (3.0 + 6.0 * mm)).abs() < 0.05, "{high}");
    let expected = 150.0 * 150.0 * 3.0 + 5.1 * 4.9 * 6.0 * mm.powi(3);
    assert!((part.mesh.volume() / expected - 1.0).abs() < 2e-3, "{} {expected}", part.mesh.volume());
}

#[test]
fn textures_that_repeat_and_parts_of_several_pages_keep_their_colours() {
    let image = Rgb8 { width: 2, height: 2, data: vec![[200, 0, 0], [0, 200, 0], [0, 0, 200], [200, 200, 0]] };
    let page =
        |name: &str, image: Option<Rgb8>| ForeignPage { name: name.into(), image, bits: 8, fault: String::new() };
    let foreign = ForeignMesh {
        pages: vec![
            page("a", Some(image.clone())),
            page("b", Some(Rgb8::filled(5, 3, [9, 99, 199]))),
            page("gone.png", None),
        ],
        ..ForeignMesh::default()
    };
    let carried = [
        Carried { texture: Some((0, [[-0.75, 0.25], [2.25, 0.25], [-0.75, 1.25]])), colours: None },
        Carried { texture: Some((1, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), colours: None },
        Carried { texture: None, colours: Some([[10, 20, 30], [110, 20, 30], [10, 220, 30]]) },
        Carried { texture: Some((2, [[0.0; 2]; 3])), colours: None },
        Carried::default(),
    ];
    let pages = Pages::new(&foreign, &carried, PLAIN);
    assert!(pages.missing(&foreign).unwrap().contains("gone.png"));
    let (uvs, image) = pages.of_part(&carried);
    let sample = |t: usize, shares: [f32; 3]| {
        let at = [0, 1].map(|k| (0..3).map(|i| uvs[t][i][k] * shares[i]).sum::<f32>());
        image.bilinear(at[0] * image.width as f32, at[1] * image.height as f32).map(|c| c.round() as i32)
    };
    let middle = [1.0 / 3.0; 3];
    assert_eq!(sample(0, [1.0, 0.0, 0.0]), [200, 0, 0]);
    assert_eq!(sample(0, [0.0, 1.0, 0.0]), [200, 0, 0], "three tiles further");
    assert_eq!(sample(1, middle), [9, 99, 199]);
    assert_eq!(sample(1, [0.0, 1.0, 0.0]), [9, 99, 199], "up to the rim");
    assert_eq!(sample(2, [1.0, 0.0, 0.0]), [10, 20, 30]);
    assert_eq!(sample(2, [0.5, 0.5, 0.0]), [60, 20, 30]);
    assert_eq!(sample(2, [0.25, 0.25, 0.5]), [35, 120, 30]);
    assert_eq!(sample(3, middle), PLAIN.map(i32::from));
    assert_eq!(sample(4, middle), PLAIN.map(i32::from));
}

#[test]
fn up_is_an_axis_of_the_file_whatever_its_reader_did() {
    let placed = |up: Option<Up>, turned: bool| {
        // Y is up in the file, and this is its point (1, 2, 3).
        let seen = if turned { V::new(1.0, -3.0, 2.0) } else { V::new(1.0, 2.0, 3.0) };
        let mesh = Mesh { vertices: vec![seen], triangles: Vec::new() };
        let foreign = ForeignMesh { mesh, turned, upright: turned, ..ForeignMesh::default() };
        Reading { unit: None, up }.place(&foreign, LengthUnit::Metre, 1000.0).vertices[0]
    };
    let (upright, as_it_is) = (V::new(1.0, -3.0, 2.0), V::new(1.0, 2.0, 3.0));
    for (up, turned, expected) in [
        (Some(Up::Y), true, upright),
        (Some(Up::Y), false, upright),
        (None, true, upright),
        (None, false, as_it_is),
        (Some(Up::Z), true, as_it_is),
        (Some(Up::Z), false, as_it_is),
    ] {
        assert_eq!(placed(up, turned), expected, "{up:?} {turned}");
    }
}
