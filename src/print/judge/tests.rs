//! The judge on shapes whose faults are known, in each format.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::base::Ctx;
use crate::print::printer::{Limit, Quirk};
use crate::scene::{ForeignPage, NO_PAGE};
use nalgebra::Vector3;

/// A box with outward triangles.
pub(crate) fn boxed(at: [f64; 3], size: [f64; 3]) -> Mesh {
    let corner = |i: usize| Vector3::from_fn(|k, _| at[k] + size[k] * f64::from(u8::from(i >> k & 1 == 1)));
    let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    Mesh {
        vertices: (0..8).map(corner).collect(),
        triangles: quads.iter().flat_map(|q: &[u32; 4]| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect(),
    }
}

/// An outline in x and z, counter-clockwise seen from -y, drawn along y.
pub(crate) fn prism(outline: &[[f64; 2]], length: f64) -> Mesh {
    let n = outline.len() as u32;
    let mut mesh = Mesh::default();
    for y in [0.0, length] {
        mesh.vertices.extend(outline.iter().map(|p| Vector3::new(p[0], y, p[1])));
    }
    for i in 0..n {
        let j = (i + 1) % n;
        mesh.triangles.extend([[i, j + n, j], [i, i + n, j + n]]);
    }
    let front = outline;
    for t in ears(front) {
        mesh.triangles.push([t[0], t[1], t[2]]);
        mesh.triangles.push([t[0] + n, t[2] + n, t[1] + n]);
    }
    assert!(mesh.volume() > 0.0, "the outline runs the other way");
    mesh
}

/// Ear clipping for outlines of tests.
fn ears(outline: &[[f64; 2]]) -> Vec<[u32; 3]> {
    let turn = |a: [f64; 2], b: [f64; 2], c: [f64; 2]| (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    let mut left: Vec<u32> = (0..outline.len() as u32).collect();
    let mut result = Vec::new();
    while left.len() > 2 {
        let m = left.len();
        let at = |i: usize| [left[(i + m - 1) % m], left[i], left[(i + 1) % m]];
        let ear = (0..m).find(|&i| {
            let [a, b, c] = at(i).map(|v| outline[v as usize]);
            let inside = |p: [f64; 2]| turn(a, b, p) >= 0.0 && turn(b, c, p) >= 0.0 && turn(c, a, p) >= 0.0;
            turn(a, b, c) > 0.0 && !left.iter().filter(|v| !at(i).contains(v)).any(|&v| inside(outline[v as usize]))
        });
        let ear = ear.unwrap();
        result.push(at(ear));
        left.remove(ear);
    }
    result
}

fn joined(parts: &[Mesh]) -> Mesh {
    let mut mesh = Mesh::default();
    for part in parts {
        let base = mesh.vertices.len() as u32;
        mesh.vertices.extend(&part.vertices);
        mesh.triangles.extend(part.triangles.iter().map(|t| t.map(|v| v + base)));
    }
    mesh
}

fn inverted(mut mesh: Mesh) -> Mesh {
    mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2));
    mesh
}

fn limit<T>(value: T) -> Option<Limit<T>> {
    Some(Limit { value, source: "a test".into(), date: "2026-11-21".into() })
}

fn printer() -> Printer {
    Printer {
        name: "test".into(),
        title: "The test printer".into(),
        wall_mm: limit(2.0),
        build_mm: limit([100.0, 200.0, 50.0]),
        triangles: limit(1000.0),
        ..Printer::default()
    }
}

fn foreign(mesh: Mesh) -> ForeignMesh {
    let count = mesh.triangles.len();
    ForeignMesh {
        mesh,
        colours: vec![Some([[1, 2, 3]; 3]); count],
        object: vec![0; count],
        objects: vec!["a".into()],
        unit: Some(LengthUnit::Millimetre),
        upright: true,
        shares_vertices: true,
        ..ForeignMesh::default()
    }
}

fn verdict(foreign: &ForeignMesh, printer: &Printer) -> Verdict {
    let facts = FileFacts { name: "a".into(), format: "obj".into(), bytes: 1000 };
    judge(&Ctx::silent(), foreign, &facts, printer, None).unwrap()
}

fn codes(verdict: &Verdict, severity: Severity) -> Vec<&str> {
    verdict.of(severity).map(|f| f.code.as_str()).collect()
}

fn faults(mesh: Mesh) -> Vec<String> {
    let verdict = verdict(&foreign(mesh), &printer());
    assert_eq!(verdict.passes, verdict.of(Severity::Error).count() == 0);
    assert!(verdict.findings.iter().all(|f| !f.message.is_empty() && f.count > 0));
    codes(&verdict, Severity::Error).into_iter().map(str::to_string).collect()
}

#[test]
fn a_sound_box_passes_and_is_measured() {
    let v = verdict(&foreign(boxed([3.0; 3], [40.0, 30.0, 20.0])), &printer());
    assert!(v.passes && v.findings.is_empty(), "{:?}", v.findings);
    assert_eq!((v.shells, v.bodies, v.closed, v.size_mm), (1, 1, true, [40.0, 30.0, 20.0]));
    assert!((v.volume_cm3 - 24.0).abs() < 1e-9 && (v.area_cm2 - 52.0).abs() < 1e-9);
    let walls = v.walls.unwrap();
    assert!(walls.least_mm.is_none() && walls.thin_share == 0.0 && walls.samples > 10_000);
    assert!(v.mass_g.is_none() && v.price.is_none(), "no source gives them");
}

#[test]
fn every_fault_of_shape_has_its_name() {
    let cube = || boxed([0.0; 3], [20.0; 3]);
    let mut open = cube();
    open.triangles.pop();
    assert_eq!(faults(open.clone()), ["open-edges"]);
    let mut turned = cube();
    turned.triangles[5].swap(0, 1);
    assert_eq!(faults(turned), ["misdirected-edges"]);
    assert_eq!(faults(inverted(cube())), ["inside-out"]);
    let overlap = joined(&[cube(), boxed([10.0, 10.0, 0.0], [20.0, 20.0, 30.0])]);
    assert_eq!(faults(overlap), ["self-intersections"]);
    assert_eq!(faults(joined(&[cube(), boxed([5.0; 3], [8.0; 3])])), ["nested-bodies"]);
    assert_eq!(faults(joined(&[cube(), boxed([40.0, 0.0, 3.0], [8.0; 3])])), ["floating-bodies"]);
    let mut doubled = cube();
    doubled.triangles.push(doubled.triangles[0]);
    assert_eq!(faults(doubled), ["duplicate-triangles", "non-manifold-edges"]);
    let mut fin = cube();
    fin.vertices.push(Vector3::new(10.0, -10.0, 10.0));
    fin.triangles.push([0, 1, 8]);
    assert_eq!(faults(fin), ["open-edges", "non-manifold-edges"]);
    assert_eq!(faults(boxed([0.0; 3], [30.0, 30.0, 1.5])), ["thin-walls"]);
    assert_eq!(faults(boxed([0.0; 3], [30.0, 210.0, 20.0])), ["size"]);
    assert!(faults(boxed([0.0; 3], [45.0, 90.0, 190.0])).is_empty(), "it fits when it is turned");
}

#[test]
fn places_values_and_limits_are_told() {
    let mut open = boxed([0.0; 3], [20.0; 3]);
    open.triangles.pop();
    let v = verdict(&foreign(open), &printer());
    let hole = v.finding("open-edges").unwrap();
    assert_eq!(hole.count, 3);
    assert!(hole.places.iter().all(|p| p.at[0] == 20.0) && !hole.hint.is_empty());
    assert!(v.walls.is_none() && v.finding("walls-not-measured").is_some());
    let v = verdict(&foreign(boxed([0.0; 3], [30.0, 30.0, 1.5])), &printer());
    let thin = v.finding("thin-walls").unwrap();
    assert!((thin.value.unwrap() - 1.5).abs() < 1e-6 && thin.limit == Some(2.0));
    assert!(thin.source.as_ref().unwrap().contains("a test"));
    let walls = v.walls.unwrap();
    assert!((walls.thin_mm2 - 1800.0).abs() < 20.0, "{}", walls.thin_mm2);
    assert!(walls.confirmed > 0.99);
}

#[test]
fn what_stands_no_higher_than_it_is_wide_is_relief() {
    let ridge = |width: f64, height: f64| {
        let (left, right, top) = (15.0 - width / 2.0, 15.0 + width / 2.0, 4.0 + height);
        let outline =
            [[0.0, 0.0], [30.0, 0.0], [30.0, 4.0], [right, 4.0], [right, top], [left, top], [left, 4.0], [0.0, 4.0]];
        verdict(&foreign(prism(&outline, 30.0)), &printer())
    };
    let low = ridge(1.0, 0.9);
    assert!(low.passes && codes(&low, Severity::Warning) == ["thin-relief"], "{:?}", low.findings);
    let (relief, walls) = (low.finding("thin-relief").unwrap(), low.walls.as_ref().unwrap());
    assert!((relief.value.unwrap() - 1.0).abs() < 1e-6 && walls.thin_share == 0.0 && walls.relief_share > 0.01);
    // Higher, it is a wall, of which only the foot stands close to something thick; finer, it is below every detail.
    let high = ridge(1.0, 3.0);
    assert!(!high.passes && high.finding("thin-walls").is_some());
    assert!((high.walls.as_ref().unwrap().thin_mm2 - 2.0 * 2.0 * 30.0).abs() < 15.0, "{:?}", high.walls);
    assert!(!ridge(0.4, 0.35).passes);
}

#[test]
fn details_and_gaps_are_held_against_their_limits() {
    let fine = Printer { wall_mm: None, detail_mm: limit(0.8), gap_mm: limit(0.5), ..printer() };
    let v = verdict(&foreign(boxed([0.0; 3], [30.0, 30.0, 0.7])), &fine);
    assert_eq!(v.finding("thin-walls").unwrap().limit, Some(0.8));
    let close = |gap: f64| joined(&[boxed([0.0; 3], [20.0; 3]), boxed([20.0 + gap, 0.0, 0.0], [20.0; 3])]);
    let only_gaps = Printer { detail_mm: None, ..fine };
    for (gap, found) in [(0.2, true), (0.6, false)] {
        let v = verdict(&foreign(close(gap)), &only_gaps);
        assert_eq!(v.finding("narrow-gaps").is_some(), found);
        assert!(v.walls.is_none());
    }
}

#[test]
fn cavities_copies_and_touching_bodies_are_warnings() {
    let outer = boxed([0.0; 3], [40.0; 3]);
    let hollow = joined(&[outer.clone(), inverted(boxed([5.0; 3], [30.0; 3]))]);
    let v = verdict(&foreign(hollow), &printer());
    assert!(v.passes && codes(&v, Severity::Warning) == ["closed-cavities"], "{:?}", v.findings);
    assert!((v.volume_cm3 - 37.0).abs() < 1e-9 && v.bodies == 1 && v.shells == 2);
    let thin = joined(&[outer.clone(), inverted(boxed([1.0; 3], [38.0; 3]))]);
    assert!(verdict(&foreign(thin), &printer()).finding("thin-walls").is_some());
    let copies = joined(&[outer.clone(), boxed([50.0, 0.0, 0.0], [40.0; 3])]);
    assert_eq!(codes(&verdict(&foreign(copies.clone()), &printer()), Severity::Warning), ["several-bodies"]);
    let one = Printer { quirks: vec![Quirk::OneBody], ..printer() };
    assert_eq!(codes(&verdict(&foreign(copies), &one), Severity::Error), ["several-bodies"]);
    // Two boxes that share a face region lie on each other there.
    let touching = joined(&[outer, boxed([40.0, 5.0, 0.0], [20.0; 3])]);
    assert!(codes(&verdict(&foreign(touching.clone()), &printer()), Severity::Warning).contains(&"coincident-faces"));
    let strict = Printer { quirks: vec![Quirk::NoCoincidentFaces], ..printer() };
    assert!(codes(&verdict(&foreign(touching), &strict), Severity::Error).contains(&"coincident-faces"));
}

#[test]
fn files_are_held_against_the_profile() {
    let mut mesh = foreign(boxed([0.0; 3], [20.0; 3]));
    mesh.unit = None;
    mesh.polygons = 6;
    mesh.colours = vec![None; 12];
    mesh.page = (0..12).map(|t| if t < 2 { NO_PAGE } else { 0 }).collect();
    mesh.uvs = vec![[[0.0, 0.0], [1.0, 0.0], [3.0, 1.0]]; 12];
    let image = crate::image::Rgb8::filled(300, 20, [1; 3]);
    mesh.pages = vec![
        ForeignPage { name: "a.png".into(), image: Some(image), bits: 16, fault: String::new() },
        ForeignPage { name: "b.png".into(), image: None, bits: 0, fault: "gone".into() },
    ];
    let strict = Printer {
        formats: limit(vec!["3mf".to_string()]),
        triangles: limit(10.0),
        file_mb: limit(0.5),
        texture_px: limit(256.0),
        texture_pages: limit(1.0),
        bit_depth: limit(8.0),
        quirks: vec![Quirk::TrianglesOnly, Quirk::NoTextures],
        density_g_cm3: limit(1.5),
        price_cm3: limit(2.0),
        ..printer()
    };
    let facts = FileFacts { name: "a".into(), format: "obj".into(), bytes: 1_000_000 };
    let v = judge(&Ctx::silent(), &mesh, &facts, &strict, None).unwrap();
    let expected = [
        "format",
        "triangles",
        "file-size",
        "texture-pages",
        "polygons",
        "texture-size",
        "texture-depth",
        "texture-missing",
    ];
    assert_eq!(codes(&v, Severity::Error), expected);
    assert_eq!(codes(&v, Severity::Warning), ["texture-repeats", "triangles-without-colour", "textures-ignored"]);
    assert_eq!(codes(&v, Severity::Info), ["unit-unknown"]);
    assert!((v.mass_g.unwrap() - 12.0).abs() < 1e-9 && (v.price.unwrap() - 16.0).abs() < 1e-9);
    let v = judge(&Ctx::silent(), &mesh, &facts, &printer(), Some(LengthUnit::Metre)).unwrap();
    assert!(v.finding("unusual-size").is_some() && v.size_mm == [20_000.0; 3] && v.finding("size").is_some());
}

#[test]
fn bodies_that_touch_stay_apart_when_loose_triangles_are_joined() {
    let two = joined(&[boxed([0.0; 3], [20.0; 3]), boxed([20.0, 20.0, 0.0], [20.0; 3])]);
    let (same, count) = weld::welded(&two);
    assert_eq!((count, &same.triangles), (0, &two.triangles), "closed bodies are left alone");
    let loose = Mesh {
        vertices: (0..24).flat_map(|t| two.corners(t)).collect(),
        triangles: (0..24).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
    };
    let (welded, count) = weld::welded(&loose);
    assert_eq!(count, 72 - 14, "they share an edge of two vertices");
    let mut as_3mf = foreign(loose);
    as_3mf.colours = vec![None; 24];
    let facts = FileFacts { name: "a".into(), format: "3mf".into(), bytes: 1 };
    let v = judge(&Ctx::silent(), &as_3mf, &facts, &printer(), None).unwrap();
    assert!(v.finding("vertices-not-joined").is_some() && v.finding("open-edges").is_some());
    let v = verdict(&foreign(welded), &printer());
    assert!(codes(&v, Severity::Error).contains(&"non-manifold-edges"), "four triangles meet at the common edge");
}

/// A box of many triangles after some of them were turned, doubled, deleted or moved.
fn messy(seed: u64) -> Mesh {
    let mut rng = crate::base::Rng::new(seed, 7);
    let mut pick = |n: usize| (rng.uniform(0.0, n as f64) as usize).min(n - 1);
    let mut mesh = joined(&[boxed([0.0; 3], [9.0, 8.0, 7.0]), boxed([4.0, 4.0, 0.0], [9.0; 3])]);
    for _ in 0..pick(8) {
        let (t, v) = (pick(mesh.triangles.len()), pick(mesh.vertices.len()));
        match pick(7) {
            0 => mesh.triangles[t].swap(0, 1),
            1 => mesh.triangles.push(mesh.triangles[t]),
            2 => drop(mesh.triangles.remove(t)),
            3 => mesh.triangles[t][1] = v as u32,
            4 => mesh.vertices[v] = mesh.vertices[pick(8)],
            5 => mesh.vertices[v] *= 1e150,
            _ => mesh.vertices[v] *= 1e-200,
        }
    }
    mesh
}

#[test]
fn two_hundred_messy_meshes_are_judged_without_a_panic() {
    let (mut passed, mut failed) = (0, 0);
    for seed in 0..200 {
        let mesh = messy(seed);
        let v = verdict(&foreign(mesh.clone()), &printer());
        let report = crate::mesh::inspect(&mesh);
        let sound = report.is_solid() && report.components == 1;
        assert!(!sound || v.passes || v.finding("thin-walls").is_some() || v.finding("size").is_some(), "{seed}");
        assert!(!v.passes || report.is_closed() && report.self_intersections == 0, "{seed}: {report:?}");
        if v.passes { passed += 1 } else { failed += 1 }
    }
    assert!(failed > 150 && passed + failed == 200, "{passed} {failed}");
}
