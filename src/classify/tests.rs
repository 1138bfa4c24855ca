//! A small town with everything in it, as a height field with a colour for each triangle.

use super::*;
use crate::base::Rng;
use crate::image::Rgb8;
use crate::scene::{Mesh, TexturePage};
use nalgebra::Vector3;

const STEP: f64 = 0.25;
const SIDE: usize = 200;
/// Texels, one for each class: street, tiles, plaster, leaves, paint, water.
const COLOURS: [[u8; 3]; 6] =
    [[120, 118, 115], [150, 80, 60], [205, 195, 170], [70, 105, 45], [40, 60, 150], [45, 62, 58]];

struct Town {
    city: City,
    /// What each triangle is, where it is not at an edge between two.
    truth: Vec<Option<SurfaceClass>>,
}

fn within(x: f64, y: f64, [x0, y0, x1, y1]: [f64; 4]) -> bool {
    x >= x0 && x <= x1 && y >= y0 && y <= y1
}

/// Height and class of a place: a gentle slope, a house of 12 x 10 m, a car, a tree, a basin.
fn place(x: f64, y: f64) -> (f64, SurfaceClass) {
    let ground = 0.02 * x;
    let tree = ((x - 36.0).powi(2) + (y - 10.0).powi(2)).sqrt();
    if within(x, y, [8.0, 8.0, 20.0, 18.0]) {
        (ground + 7.0 + 0.4 * (5.0 - (y - 13.0).abs()), SurfaceClass::Roof)
    } else if within(x, y, [30.0, 30.0, 34.4, 31.8]) {
        (ground + 1.4, SurfaceClass::Car)
    } else if tree < 3.0 {
        (ground + 2.0 + 2.0 * (9.0 - tree * tree).max(0.0).sqrt(), SurfaceClass::Vegetation)
    } else if within(x, y, [6.0, 28.0, 20.0, 42.0]) {
        (-1.5, SurfaceClass::Water)
    } else {
        (ground, SurfaceClass::Ground)
    }
}

fn town() -> Town {
    let mut rng = Rng::new(5, 0);
    let (mut mesh, mut kinds) = (Mesh::default(), Vec::new());
    for j in 0..=SIDE {
        for i in 0..=SIDE {
            let (x, y) = (i as f64 * STEP, j as f64 * STEP);
            let (z, class) = place(x, y);
            let noise = if class == SurfaceClass::Vegetation { 0.4 } else { 0.02 };
            mesh.vertices.push(Vector3::new(x, y, z + rng.uniform(-noise, noise)));
            kinds.push(class);
        }
    }
    let (mut uvs, mut truth) = (Vec::new(), Vec::new());
    for j in 0..SIDE {
        for i in 0..SIDE {
            let a = (j * (SIDE + 1) + i) as u32;
            let (b, c, d) = (a + 1, a + SIDE as u32 + 1, a + SIDE as u32 + 2);
            for corners in [[a, b, d], [a, d, c]] {
                mesh.triangles.push(corners);
                let classes = corners.map(|v| kinds[v as usize]);
                let same = classes.iter().all(|k| *k == classes[0]);
                let wall = !same && classes.contains(&SurfaceClass::Roof);
                let colour = if wall { 2 } else { classes.iter().map(|c| *c as usize).max().unwrap_or(0) };
                let u = (colour as f32 + 0.5) / COLOURS.len() as f32;
                uvs.push([[u, 0.5]; 3]);
                truth.push(if wall { Some(SurfaceClass::Facade) } else { same.then_some(classes[0]) });
            }
        }
    }
    let image = Rgb8::from_data(COLOURS.len(), 1, COLOURS.to_vec()).expect("size");
    let n = mesh.triangles.len();
    let pages = vec![TexturePage { image }];
    Town {
        city: City { mesh, uvs, page: vec![0; n], views: vec![5; n], pages, texel_m: 0.1, classes: Vec::new() },
        truth,
    }
}

#[test]
fn a_town_is_told_apart() {
    let mut town = town();
    town.city.classes = classify(&Ctx::silent(), &town.city).expect("classes");
    for class in costs::CLASSES {
        let of: Vec<usize> = (0..town.truth.len()).filter(|&t| town.truth[t] == Some(class)).collect();
        let right = of.iter().filter(|&&t| town.city.classes[t] == class).count();
        // Water may be one texel short of its bank, and leaves hang to the ground.
        assert!(right * 10 >= of.len() * 8, "{class:?}: {right} of {}", of.len());
    }
    let judged = town.truth.iter().flatten().count();
    let right = town.truth.iter().zip(&town.city.classes).filter(|(t, c)| **t == Some(**c)).count();
    assert!(right as f64 > 0.95 * judged as f64, "{right} of {judged}");
    let shares = shares(&town.city);
    assert!((shares.iter().map(|s| s.1).sum::<f64>() - 1.0).abs() < 1e-9 && shares[0].1 > 0.4, "{shares:?}");
}

#[test]
fn threads_do_not_matter_and_nothing_is_no_error() {
    let town = town();
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| classify(&Ctx::silent(), &town.city)).expect("classes")
    };
    assert_eq!(with(1), with(3));
    let empty = City {
        mesh: Mesh::default(),
        uvs: Vec::new(),
        page: Vec::new(),
        views: Vec::new(),
        pages: Vec::new(),
        texel_m: 0.1,
        classes: Vec::new(),
    };
    assert_eq!(classify(&Ctx::silent(), &empty).expect("classes"), []);
}
