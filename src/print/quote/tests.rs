#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::base::{Ctx, Rng};
use crate::image::Rgb8;
use crate::print::{Area, PartOptions, PartSize, Rectangle, make_part};
use crate::scene::{City, Mesh, TexturePage};
use nalgebra::{Vector2, Vector3};

/// Blocks of 8 m on gentle ground, cells of one metre.
fn town(n: usize) -> City {
    let side = n + 1;
    let height = |x: usize, y: usize| {
        (x as f64 * 0.1).sin() + if x % 10 > 3 && y % 12 > 4 { 8.0 } else { 0.0 } + if x % 10 == 7 { 1.5 } else { 0.0 }
    };
    let at = |i: usize| Vector3::new((i % side) as f64, (i / side) as f64, height(i % side, i / side));
    let mut mesh = Mesh { vertices: (0..side * side).map(at).collect(), triangles: Vec::new() };
    for cell in 0..n * n {
        let a = (cell / n * side + cell % n) as u32;
        mesh.triangles.extend([[a, a + 1, a + side as u32 + 1], [a, a + side as u32 + 1, a + side as u32]]);
    }
    let count = mesh.triangles.len();
    City {
        mesh,
        uvs: vec![[[0.5; 2]; 3]; count],
        page: vec![0; count],
        views: vec![9; count],
        pages: vec![TexturePage { image: Rgb8::filled(4, 4, [90; 3]) }],
        texel_m: 0.5,
        classes: Vec::new(),
    }
}

fn area(azimuth: f64) -> Area {
    Area::Rectangle(Rectangle { centre: Vector2::new(30.0, 30.0), size: Vector2::new(40.0, 28.0), azimuth })
}

fn making(longest_mm: f64) -> Making {
    Making { longest_mm, z_scale: 1.0, base_mm: 3.0, hollow_mm: None }
}

fn printer(build: [f64; 3]) -> Printer {
    let text = format!(
        "name='p'\ntitle='P'\nbuild_mm={{value=[{:.1},{:.1},{:.1}],source='s',date='d'}}\n\
         density_g_cm3={{value=1.5,source='s',date='d'}}\nprice_cm3={{value=0.5,source='s',date='d'}}",
        build[0], build[1], build[2]
    );
    Printer::parse("p", &text).unwrap()
}

#[test]
fn the_estimate_is_close_to_the_made_part() {
    let city = town(60);
    let circle = Area::Circle { centre: Vector2::new(30.0, 30.0), radius: 18.0 };
    for (area, z_scale) in [(area(0.0), 1.0), (area(0.5), 1.5), (circle, 1.0)] {
        let making = Making { z_scale, ..making(160.0) };
        let relief = Relief::of_city(&city, &area, true).unwrap();
        let quote = quote(&relief, &making, &printer([300.0; 3]), &Rates::default()).unwrap();
        let options = PartOptions {
            area: Some(area),
            size: PartSize::LongestMm(160.0),
            z_scale,
            page: 128,
            ..PartOptions::default()
        };
        let part = make_part(&Ctx::silent(), &city, &options).unwrap();
        let volume = part.mesh.volume() / 1000.0;
        let off = quote.volume_cm3.value / volume - 1.0;
        assert!(off.abs() < 0.02, "{} {volume}", quote.volume_cm3.value);
        assert!((quote.volume_cm3.value - volume).abs() < 2.0 * quote.volume_cm3.sigma);
        let (low, high) = part.mesh.bounds().unwrap();
        assert!((Vector3::from(quote.size_mm) - (high - low)).amax() < 0.5, "{:?}", quote.size_mm);
        let surface = (0..part.mesh.triangles.len()).map(|t| part.mesh.area_normal(t).norm()).sum::<f64>() / 200.0;
        assert!((quote.area_cm2.value / surface - 1.0).abs() < 0.15, "{} {surface}", quote.area_cm2.value);
        assert_eq!(quote.mass_g.unwrap().value, quote.volume_cm3.value * 1.5);
        assert_eq!(quote.price.unwrap().value, quote.volume_cm3.value * 0.5);
    }
}

#[test]
fn sparse_points_give_the_volume_within_their_doubt() {
    let city = town(60);
    let mut rng = Rng::new(3, 0);
    let points: Vec<Vector3<f64>> = (0..4000)
        .map(|_| {
            let v = city.mesh.vertices[rng.below(city.mesh.vertices.len())];
            v + Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 0.2
        })
        .collect();
    let truth = Relief::of_city(&city, &area(0.0), true).unwrap();
    let sparse = Relief::of_points(&points, Some(&area(0.0)), true).unwrap();
    let rates = Rates { price_cm3: Some(2.0), ..Rates::default() };
    let all = |r: &Relief| quote(r, &making(150.0), &printer([300.0; 3]), &rates).unwrap();
    let (a, b) = (all(&truth), all(&sparse));
    assert!(
        (a.volume_cm3.value - b.volume_cm3.value).abs() < b.volume_cm3.sigma,
        "{:?} {:?}",
        a.volume_cm3,
        b.volume_cm3
    );
    assert_eq!(a.price.unwrap().value, a.volume_cm3.value * 2.0, "the caller's price counts");
    assert!(b.volume_cm3.sigma > 3.0 * a.volume_cm3.sigma);
    let guessed = Relief::of_points(&points, None, true).unwrap();
    assert!((guessed.size - Vector2::new(54.0, 54.0)).amax() < 2.0 && guessed.doubt() > sparse.doubt());
    assert!(Relief::of_points(&[], None, true).is_err());
}

#[test]
fn hollow_parts_have_walls_of_the_thickness_asked_for() {
    // A plain block of 40 x 40 x 20 mm.
    let mut city = town(60);
    city.mesh.vertices.iter_mut().for_each(|v| v.z = 0.0);
    // A corner outside the area sets no level inside it.
    let area =
        Area::Rectangle(Rectangle { centre: Vector2::new(30.0, 30.0), size: Vector2::new(40.0, 40.0), azimuth: 0.0 });
    let relief = Relief::of_city(&city, &area, true).unwrap();
    let making = Making { base_mm: 20.0, hollow_mm: Some(3.0), ..making(40.0) };
    let bulk = relief.bulk(1.0, &making);
    let expected = 40.0 * 40.0 * 20.0 - 34.0 * 34.0 * 14.0;
    assert!((bulk.volume - expected).abs() < 0.02 * expected, "{} {expected}", bulk.volume);
}

#[test]
fn a_budget_finds_the_largest_part_and_says_so_when_there_is_none() {
    let relief = Relief::of_city(&town(60), &area(0.0), true).unwrap();
    let (solid, rates) = (making(100.0), Rates::default());
    let budget = |price: f64, longest_mm: f64| Budget { price, longest_mm, hollow: true, pieces: 4 };
    let large = printer([500.0; 3]);
    // Money enough: as long as allowed, solid, in one piece.
    let q = plan(&relief, &solid, &large, &rates, &budget(1e6, 200.0)).unwrap();
    assert!(q.making.longest_mm == 200.0 && q.making.hollow_mm.is_none() && q.split == Some([1, 1]));
    // Less money: hollow, and at its limit.
    let q = plan(&relief, &solid, &large, &rates, &budget(60.0, 400.0)).unwrap();
    let price = q.price.unwrap();
    assert!(q.making.hollow_mm.is_some() && price.value + price.sigma <= 60.0 + 1e-9);
    assert!(price.value + price.sigma > 59.9 || q.making.longest_mm == 400.0, "{price:?} {:?}", q.making);
    // A small printer: in pieces.
    let q = plan(&relief, &solid, &printer([90.0, 90.0, 120.0]), &rates, &budget(1e6, 200.0)).unwrap();
    assert!(q.making.longest_mm == 200.0 && q.split == Some([2, 2]), "{q:?}");
    let one = Budget { pieces: 1, ..budget(1e6, 200.0) };
    let q = plan(&relief, &solid, &printer([90.0, 90.0, 120.0]), &rates, &one).unwrap();
    assert!((q.making.longest_mm - 120.0).abs() < 0.01, "{}", q.making.longest_mm);
    // Nothing.
    let error = plan(&relief, &solid, &large, &rates, &budget(0.01, 200.0)).unwrap_err();
    assert!(matches!(error, PrintError::NothingForBudget { .. }) && error.to_string().contains("0.01"), "{error}");
    let unpriced = Printer { price_cm3: None, ..large };
    assert!(matches!(plan(&relief, &solid, &unpriced, &rates, &budget(9.0, 90.0)), Err(PrintError::NoPrice { .. })));
    let q = quote(&relief, &solid, &unpriced, &rates).unwrap();
    assert!(q.price.is_none() && q.notes.iter().any(|n| n.contains("--price-cm3")));
    assert!(quote(&relief, &making(f64::NAN), &unpriced, &rates).is_err());
    assert!(plan(&relief, &solid, &unpriced, &rates, &budget(-3.0, 90.0)).is_err());
}

#[test]
fn pieces_are_as_few_as_the_build_volume_allows() {
    assert_eq!(pieces(&[200.0, 100.0, 50.0], &[100.0, 60.0, 210.0]), Some([1, 1]), "in any order of its sides");
    assert_eq!(pieces(&[200.0, 100.0, 50.0], &[100.0, 100.0, 100.0]), Some([2, 1]));
    assert_eq!(pieces(&[200.0, 100.0, 150.0], &[100.0, 100.0, 100.0]), None);
}
