//! Parts of made-up cities: closed, of the right size, in the right colours.

use super::*;
use crate::base::stats;
use crate::image::Rgb8;
use crate::mesh::inspect;
use crate::scene::{Mesh, TexturePage};
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
    let mut unseen = city.clone();
    unseen.views.fill(0);
    assert!(matches!(make_part(&ctx, &unseen, &options()), Err(PrintError::NothingCovered)));
}
