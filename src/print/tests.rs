//! Parts of made-up cities: closed, of the right size, in the right colours.

use super::thicken::{Noise, Reach};
use super::*;
use crate::base::stats;
use crate::image::Rgb8;
use crate::mesh::bvh::Bvh;
use crate::mesh::inspect;
use crate::scene::{Mesh, SurfaceClass, TexturePage};
use nalgebra::{Vector2, Vector3};
use std::collections::HashMap;

/// A city of `n` x `n` cells of one metre: gentle terrain with box-like houses, coloured by place:
/// red grows eastwards, green northwards.
fn city(n: usize, hole: bool) -> City {
    let height = |x: usize, y: usize| {
        let house = x % 9 > 4 && y % 9 > 4;
        (x as f64 * 0.3).sin() * 0.4 + if house { 6.0 } else { 0.0 }
    };
    let side = n + 1;
    let vertices = (0..side * side)
        .map(|i| Vector3::new((i % side) as f64 - 3.0, (i / side) as f64 + 5.0, height(i % side, i / side)))
        .collect();
    let (mut triangles, mut uvs) = (Vec::new(), Vec::new());
    for y in 0..n {
        for x in 0..n {
            if hole && (10..13).contains(&x) && (10..12).contains(&y) {
                continue;
            }
            let a = (y * side + x) as u32;
            for t in [[a, a + 1, a + side as u32 + 1], [a, a + side as u32 + 1, a + side as u32]] {
                triangles.push(t);
                uvs.push(t.map(|v| {
                    let (vx, vy) = (v as usize % side, v as usize / side);
                    [vx as f32 / n as f32, vy as f32 / n as f32]
                }));
            }
        }
    }
    let texels = 256;
    let data = (0..texels * texels).map(|i| [(i % texels) as u8, (i / texels) as u8, 90]).collect();
    let image = Rgb8 { width: texels, height: texels, data };
    let count = triangles.len();
    City {
        mesh: Mesh { vertices, triangles },
        uvs,
        page: vec![0; count],
        views: vec![9; count],
        classes: Vec::new(),
        pages: vec![TexturePage { image }],
        texel_m: 0.1,
    }
}

fn options() -> PartOptions {
    PartOptions { page: 512, ..PartOptions::default() }
}

#[test]
fn a_part_is_closed_and_has_the_size_asked_for() {
    for (hole, size) in [(false, PartSize::LongestMm(120.0)), (true, PartSize::Scale(400.0))] {
        let area = Rectangle { centre: Vector2::new(17.0, 25.0), size: Vector2::new(30.0, 24.0), azimuth: 0.3 };
        let options = PartOptions { area: Some(area.into()), size, ..options() };
        let part = make_part(&Ctx::silent(), &city(40, hole), &options).unwrap();
        let report = inspect(&part.mesh);
        assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
        assert_eq!(part.mesh.vertices.len() as i64 - part.mesh.triangles.len() as i64 / 2, 2, "a ball, topologically");
        let (low, high) = part.mesh.bounds().unwrap();
        let expected = match size {
            PartSize::LongestMm(mm) => Vector2::new(mm, mm * 24.0 / 30.0),
            PartSize::Scale(n) => area.size * 1000.0 / n,
        };
        assert!(low.norm() < 1e-9, "{low}");
        assert!((high.xy() - expected).norm() < 1e-6, "{high} {expected}");
        assert!(part.mesh.volume() > expected.x * expected.y * 3.0, "at least the base");
        assert!(high.z > 3.0 + 6.0 * expected.x / 30.0 * 0.9, "houses stand out");
    }
}

#[test]
fn a_slit_in_the_surface_does_not_go_through_the_base() {
    let area = Rectangle { centre: Vector2::new(17.0, 25.0), size: Vector2::new(30.0, 24.0), azimuth: 0.0 };
    let mut city = city(40, false);
    // From the border of the surface far into the area, two centimetres wide.
    let row = |v: u32| v as usize / 41;
    let is_slit = |t: &[u32; 3]| t.iter().all(|&v| v % 41 < 18 && (16..=17).contains(&row(v)));
    let keep: Vec<bool> = city.mesh.triangles.iter().map(|t| !is_slit(t)).collect();
    for v in (17 * 41..18 * 41).take(17) {
        city.mesh.vertices[v].y = city.mesh.vertices[v - 41].y + 0.02;
    }
    let mut at = keep.iter();
    city.mesh.triangles.retain(|_| *at.next().unwrap());
    let mut at = keep.iter();
    city.uvs.retain(|_| *at.next().unwrap());
    let count = city.mesh.triangles.len();
    (city.page, city.views) = (vec![0; count], vec![9; count]);
    let part = make_part(&Ctx::silent(), &city, &PartOptions { area: Some(area.into()), ..options() }).unwrap();
    let bvh = Bvh::new(&part.mesh);
    let (slit, mm) = (16.0 + 5.0 + 0.01 - 13.0, 150.0 / 30.0);
    for x in [0.3, 1.1, 3.3, 7.7, 9.9, 11.4] {
        let below = bvh.cast(&Vector3::new(x * mm, slit * mm, -1.0), &Vector3::z(), 0.0, 50.0).unwrap();
        let above = bvh.cast(&Vector3::new(x * mm, slit * mm, 90.0), &-Vector3::z(), 0.0, 90.0).unwrap();
        assert!(below.point.z.abs() < 1e-9 && above.point.z > 2.0, "{x}: {} {}", below.point.z, above.point.z);
    }
}

#[test]
fn a_page_is_no_finer_than_the_printer_and_keeps_the_colours() {
    use crate::print::colour::above::{Plan, city as city_above, compare, part as part_above};
    let area = Rectangle { centre: Vector2::new(17.0, 25.0), size: Vector2::new(30.0, 30.0), azimuth: 0.0 };
    let city = city(40, false);
    let mut options = PartOptions { area: Some(area.into()), ..options() };
    let full = make_part(&Ctx::silent(), &city, &options).unwrap();
    options.texel_mm = Some(1.0);
    let reduced = make_part(&Ctx::silent(), &city, &options).unwrap();
    assert_eq!(full.texture.width, 512);
    assert!(reduced.texture.width < 400 && reduced.mesh == full.mesh, "{}", reduced.texture.width);
    let frame = Frame::new(&city, &area.into(), &options).unwrap();
    let plan = Plan { size_mm: frame.rectangle.size * frame.mm_per_unit, pixel_mm: 2.0, samples: 3 };
    let seen = city_above(&city, |v| frame.part_from_city(v), &plan);
    for part in [full, reduced] {
        let found = compare(&part_above(&part, &plan, false), &seen, &plan);
        assert!(found.median_de < 1.0 && found.pixels > 4000, "{found:?}");
    }
}

#[test]
fn pages_too_coarse_for_the_colours_are_refined() {
    let area = Rectangle { centre: Vector2::new(17.0, 25.0), size: Vector2::new(30.0, 30.0), azimuth: 0.0 };
    let mut city = city(40, false);
    // Stripes finer than the texel that the printer asks for.
    for page in &mut city.pages {
        let width = page.image.width;
        for (i, texel) in page.image.data.iter_mut().enumerate() {
            *texel = if i % width / 4 % 2 == 0 { [220, 60, 40] } else { [40, 90, 200] };
        }
    }
    let coarse = PartOptions { area: Some(area.into()), texel_mm: Some(8.0), ..options() };
    let made = make_parts(&Ctx::silent(), &city, &coarse).unwrap();
    let piece = &made.pieces[0];
    assert!(piece.part.texture.width > 150, "{}", piece.part.texture.width);
    assert!(piece.likeness.pixels > 4000, "{:?}", piece.likeness);
    assert!(piece.likeness.median_de <= 1.5 || piece.part.texture.width == 512, "{:?}", piece.likeness);
}

#[test]
fn the_top_has_the_citys_colours_and_the_sides_are_plain() {
    let area = Rectangle { centre: Vector2::new(17.0, 25.0), size: Vector2::new(30.0, 30.0), azimuth: 0.0 };
    let options = PartOptions { area: Some(area.into()), ..options() };
    let part = make_part(&Ctx::silent(), &city(40, false), &options).unwrap();
    let mm_per_m = 150.0 / 30.0;
    let mut errors = Vec::new();
    for t in 0..part.mesh.triangles.len() {
        let c = part.mesh.corners(t);
        if part.mesh.area_normal(t).norm() < 1e-3 {
            // A sliver where a cut passes along an edge of the city; it counts as side.
            continue;
        }
        let centre = (c[0] + c[1] + c[2]) / 3.0;
        let uv: [f32; 2] = std::array::from_fn(|k| part.uvs[t].iter().map(|p| p[k]).sum::<f32>() / 3.0);
        let colour = part.texture.bilinear(uv[0] * 512.0, uv[1] * 512.0);
        let side = c.iter().all(|p| p.z.abs() < 1e-9) || (0..2).any(|k| c.iter().all(|p| p[k].abs() < 1e-9));
        if side {
            assert_eq!(colour.map(|v| v as u8), options.plain);
        } else if part.mesh.area_normal(t).normalize().z > 0.9 {
            let x = (centre.x / mm_per_m + 2.0 + 3.0) / 40.0 * 256.0;
            let y = (centre.y / mm_per_m + 10.0 - 5.0) / 40.0 * 256.0;
            errors.push(f64::from(colour[0]) - x);
            errors.push(f64::from(colour[1]) - y);
        }
    }
    let rms = stats::rms(&errors).unwrap();
    assert!(errors.len() > 500 && rms < 2.5, "{} {rms}", errors.len());
}

#[test]
fn triangles_stay_within_the_limit() {
    let options = PartOptions { max_triangles: 1500, ..options() };
    let part = make_part(&Ctx::silent(), &city(40, true), &options).unwrap();
    assert!(part.mesh.triangles.len() <= 1500 && inspect(&part.mesh).is_solid());
}

#[test]
fn no_texel_belongs_to_two_places() {
    let part = make_part(&Ctx::silent(), &city(30, false), &options()).unwrap();
    let mut owner: HashMap<(usize, usize), usize> = HashMap::new();
    let mut shared = 0;
    for (t, uvs) in part.uvs.iter().enumerate() {
        if part.mesh.area_normal(t).normalize().z < 0.5 {
            continue;
        }
        let centre: [f32; 2] = std::array::from_fn(|k| uvs.iter().map(|p| p[k]).sum::<f32>() / 3.0 * 512.0);
        shared += usize::from(owner.insert((centre[0] as usize, centre[1] as usize), t).is_some());
    }
    assert!(shared * 50 < owner.len(), "{shared} of {}", owner.len());
}

#[test]
fn wrong_orders_are_refused() {
    let ctx = Ctx::silent();
    let city = city(12, false);
    let far = Rectangle { centre: Vector2::new(900.0, 0.0), size: Vector2::new(10.0, 10.0), azimuth: 0.0 };
    let outside = PartOptions { area: Some(far.into()), ..options() };
    assert!(matches!(make_part(&ctx, &city, &outside), Err(PrintError::EmptyArea { .. })));
    let unscaled = PartOptions { metric: false, size: PartSize::Scale(500.0), ..options() };
    assert!(matches!(make_part(&ctx, &city, &unscaled), Err(PrintError::ScaleUnknown { .. })));
    let thin = PartOptions { base_mm: 1.0, ..options() };
    assert!(matches!(make_part(&ctx, &city, &thin), Err(PrintError::ThinBase { .. })));
    // Houses of 6 m are 60 mm high; that no cut makes lower.
    let high = PartOptions {
        size: PartSize::Scale(100.0),
        build_mm: Some([50.0, 50.0, 50.0]),
        split: Split::Auto,
        metric: true,
        ..options()
    };
    let refused = make_parts(&Ctx::silent(), &self::city(40, false), &high);
    assert!(matches!(refused, Err(PrintError::TooLarge { size_mm: [.., z], .. }) if z > 55.0), "{refused:?}");
    let mut unseen = city.clone();
    unseen.views.fill(0);
    assert!(matches!(make_part(&ctx, &unseen, &options()), Err(PrintError::NothingCovered)));
}

/// A street of 48 x 30 m in cells of 0.6 m, with three cars of 1.5 m, two of them side by side; and where their middles are.
fn street() -> (City, [Vector2<f64>; 3]) {
    let cars = [Vector2::new(12.0, 15.0), Vector2::new(30.0, 14.0), Vector2::new(30.0, 17.0)];
    let (columns, rows, cell) = (81, 51, 0.6);
    let is_car = |p: &Vector3<f64>| cars.iter().any(|c| (p.x - c.x).abs() < 2.2 && (p.y - c.y).abs() < 1.0);
    let place = |i: usize| Vector3::new((i % columns) as f64 * cell, (i / columns) as f64 * cell, 0.0);
    let lifted = |p: Vector3<f64>| Vector3::new(p.x, p.y, if is_car(&p) { 1.5 } else { 0.0 });
    let vertices: Vec<Vector3<f64>> = (0..columns * rows).map(|i| lifted(place(i))).collect();
    let corner = |x: usize, y: usize| (y * columns + x) as u32;
    let squares = (0..rows - 1).flat_map(|y| (0..columns - 1).map(move |x| (x, y)));
    let triangles: Vec<[u32; 3]> = squares
        .flat_map(|(x, y)| {
            let [a, b, c, d] = [corner(x, y), corner(x + 1, y), corner(x + 1, y + 1), corner(x, y + 1)];
            [[a, b, c], [a, c, d]]
        })
        .collect();
    let class = |t: &[u32; 3]| match t.iter().any(|&v| vertices[v as usize].z > 0.0) {
        true => SurfaceClass::Car,
        false => SurfaceClass::Ground,
    };
    let city = City {
        uvs: vec![[[0.5; 2]; 3]; triangles.len()],
        page: vec![0; triangles.len()],
        views: vec![9; triangles.len()],
        classes: triangles.iter().map(class).collect(),
        pages: vec![TexturePage { image: Rgb8::filled(4, 4, [90; 3]) }],
        texel_m: 0.1,
        mesh: Mesh { vertices, triangles },
    };
    (city, cars)
}

#[test]
fn cars_keep_their_height_where_a_wall_is_wider_than_they_are() {
    let ctx = Ctx::silent();
    let (city, cars) = street();
    let area = Rectangle { centre: Vector2::new(24.0, 15.0), size: Vector2::new(46.0, 28.0), azimuth: 0.0 };
    let reach = Reach { wall_mm: 2.0, gap_mm: 0.0 };
    let options = |scale| PartOptions {
        area: Some(area.into()),
        size: PartSize::Scale(scale),
        reach: Some(reach),
        metric: true,
        ..options()
    };
    // How high, as a share of what it should be, the cars stand over the street.
    let heights = |city: &City, scale: f64| {
        let part = make_part(&ctx, city, &options(scale)).unwrap();
        assert!(inspect(&part.mesh).is_solid());
        let ring = [Vector2::zeros(), part.mesh.bounds().unwrap().1.xy()];
        let ring = [ring[0], Vector2::new(ring[1].x, 0.0), ring[1], Vector2::new(0.0, ring[1].y)];
        let left = thicken::lack(&ctx, &part.mesh, &ring, reach, Noise::IsLeft).unwrap();
        assert!(left.thin_mm2 < 0.5, "{}", left.thin_mm2);
        let bvh = Bvh::new(&part.mesh);
        let mm = 1000.0 / scale;
        cars.map(|car| {
            let p = (car - (area.centre - area.size / 2.0)) * mm;
            let hit = bvh.cast(&p.push(50.0), &-Vector3::z(), 0.0, 100.0).unwrap();
            (hit.point.z - 3.0) / (1.5 * mm)
        })
    };
    assert!(heights(&city, 1500.0).iter().all(|h| (0.95..1.15).contains(h)), "{:?}", heights(&city, 1500.0));
    // Where cars are much smaller than a wall, and where nobody knows what is a car, they are burrs.
    assert!(heights(&city, 4000.0).iter().all(|h| *h < 0.3), "{:?}", heights(&city, 4000.0));
    let unknown = City { classes: Vec::new(), ..city.clone() };
    assert!(heights(&unknown, 1500.0).iter().all(|h| *h < 0.5), "{:?}", heights(&unknown, 1500.0));
}

#[test]
fn only_what_lies_in_a_cut_is_plain() {
    let square = |side: f64| [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]].map(Vector2::from);
    let (ring, corner) = (square(10.0), square(4.0));
    let mut body = super::outline::prism(&corner, 0.0, 5.0);
    body.photo.iter_mut().for_each(|p| *p = true);
    // What settling moved.
    body.mesh.vertices.iter_mut().filter(|v| v.x == 0.0).for_each(|v| v.x = 0.02);
    super::body::plain_at_cuts(&mut body, &[&ring]);
    for t in 0..body.photo.len() {
        let corners = body.mesh.corners(t);
        let in_cut = (0..2).any(|k| corners.iter().all(|p| p[k] < 0.03));
        assert_eq!(body.photo[t], !in_cut, "{corners:?}");
    }
    assert_eq!(body.photo.iter().filter(|p| !**p).count(), 4);
}
