//! Boxes, wedges, fins and spheres, whose thickness is known.

use super::*;
use crate::print::judge::tests::{boxed, prism};

/// Samples of a mesh with both measures: ball and cone.
fn both(mesh: &Mesh, step: f64, most: f64) -> Vec<(Sample, Option<f64>)> {
    let options = ThicknessOptions { step, most, opposite_deg: 120.0, wall: None };
    let map = measure(&Ctx::silent(), mesh, &options).expect("not cancelled");
    let gauge = Gauge::new(mesh, 120.0);
    map.samples.into_iter().map(|s| (s, gauge.cone(&s.point, s.triangle, most))).collect()
}

#[test]
fn a_box_is_as_thick_as_its_sides_up_to_its_edges() {
    let mesh = boxed([0.0; 3], [10.0, 7.0, 2.0]);
    let samples = both(&mesh, 0.25, 20.0);
    assert!((samples.len() as f64 - 2.0 * (70.0 + 20.0 + 14.0) / 0.0625).abs() < 2.0);
    for (s, cone) in samples {
        let n = mesh.area_normal(s.triangle as usize).normalize().abs();
        let side = n.dot(&Vector3::new(10.0, 7.0, 2.0));
        assert!((s.thickness - side).abs() < 1e-6, "{} at {}", s.thickness, s.point);
        let cone = cone.expect("rays meet the other side");
        assert!(side > 2.0 || (cone - side).abs() < 1e-6, "{cone} at {}", s.point);
    }
}

#[test]
fn a_wedge_is_thin_only_where_it_is_sharp() {
    for (degrees, blade) in [(20.0f64, true), (50.0, true), (70.0, false), (90.0, false)] {
        let half = (degrees / 2.0).to_radians();
        // A prism whose ridge is x = 0, z = 0, pointing to -x.
        let (x, z) = (20.0 * half.cos(), 20.0 * half.sin());
        let mesh = prism(&[[0.0, 0.0], [x, -z], [x, z]], 10.0);
        let mut seen = 0;
        for (s, _) in both(&mesh, 0.5, 4.0) {
            let normal = mesh.area_normal(s.triangle as usize).normalize();
            if normal.x > -1e-6 || normal.y.abs() > 0.5 {
                continue;
            }
            // The far edges of the prism have the rest of 180 degrees, and may be blades themselves.
            let from_ridge = s.point.x.hypot(s.point.z);
            if from_ridge > 15.0 {
                continue;
            }
            seen += 1;
            let expected = if blade { (2.0 * from_ridge * half.tan()).min(4.0) } else { 4.0 };
            assert!((s.thickness - expected).abs() < 1e-3 * expected, "{degrees}: {} for {expected}", s.thickness);
        }
        assert!(seen > 1000, "{seen}");
    }
}

#[test]
fn noise_on_thick_places_is_no_wall_but_a_fin_is() {
    // A slab with a ridge of a height and width along it.
    let thin = |height: f64| {
        let (a, b) = (9.9, 10.1);
        let ring = [
            [0.0, 0.0],
            [20.0, 0.0],
            [20.0, 5.0],
            [b, 5.0],
            [b, 5.0 + height],
            [a, 5.0 + height],
            [a, 5.0],
            [0.0, 5.0],
        ];
        let mesh = prism(&ring, 10.0);
        let options = ThicknessOptions { step: 0.05, ..ThicknessOptions::for_wall(2.0) };
        let map = measure(&Ctx::silent(), &mesh, &options).expect("not cancelled");
        // Away from the ends, whose edges no ball reaches into.
        let middle = |s: &&Sample| (1.0..=9.0).contains(&s.point.y);
        map.samples.iter().filter(|s| s.thickness < 2.0 * ENOUGH).filter(middle).map(|s| s.point).collect::<Vec<_>>()
    };
    let noise = thin(0.08);
    assert!(noise.is_empty(), "{} {:?}", noise.len(), noise.first());
    let fin = thin(1.0);
    // Both sides, from a little over the foot on.
    let expected = 2.0 * 8.0 * 0.9 / 0.0025;
    assert!((fin.len() as f64 - expected).abs() < 0.03 * expected, "{} for {expected}", fin.len());
    assert!(fin.iter().all(|p| (p.x - 10.0).abs() < 0.11));
}

/// A sphere of 2 n x n faces.
fn sphere(radius: f64, n: u32) -> Mesh {
    let mut mesh = Mesh::default();
    for i in 0..=n {
        for j in 0..2 * n {
            let (a, b) = (
                std::f64::consts::PI / f64::from(n) * f64::from(i),
                std::f64::consts::PI / f64::from(n) * f64::from(j),
            );
            mesh.vertices.push(Vector3::new(a.sin() * b.cos(), a.sin() * b.sin(), a.cos()) * radius);
        }
    }
    for i in 0..n {
        for j in 0..2 * n {
            let at = |i: u32, j: u32| i * 2 * n + j % (2 * n);
            let [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
            if i + 1 < n {
                mesh.triangles.push([a, b, c]);
            }
            if i > 0 {
                mesh.triangles.push([a, c, d]);
            }
        }
    }
    mesh
}

#[test]
fn spheres_and_cylinders_have_their_diameter() {
    for (s, cone) in both(&sphere(1.5, 40), 0.2, 8.0) {
        assert!((s.thickness - 3.0).abs() < 0.1, "{}", s.thickness);
        // Rays of a cone see less than the diameter sideways: cos of the angle, twice.
        assert!(cone.is_some_and(|c| c > 1.5 && c < 3.02), "{cone:?}");
    }
    let circle: Vec<[f64; 2]> =
        (0..128).map(|i| f64::from(i) / 128.0 * std::f64::consts::TAU).map(|a| [a.cos(), a.sin()]).collect();
    let mast = prism(&circle, 30.0);
    for (s, _) in both(&mast, 0.2, 8.0) {
        if mast.area_normal(s.triangle as usize).normalize().y.abs() < 0.5 {
            assert!((s.thickness - 2.0).abs() < 0.03, "{}", s.thickness);
        } else {
            assert_eq!(s.thickness, 8.0, "the ends are 30 apart");
        }
    }
}

#[test]
fn a_thin_sheet_on_a_thick_body_is_found_at_its_own_thickness() {
    // A wall of 0.6 mm on a slab of 5 mm, as one closed outline drawn along y.
    let outline =
        [[0.0, 0.0], [20.0, 0.0], [20.0, 5.0], [10.6, 5.0], [10.6, 15.0], [10.0, 15.0], [10.0, 5.0], [0.0, 5.0]];
    let mesh = prism(&outline, 8.0);
    let (mut thin, mut area) = (0, 0.0f64);
    for (s, cone) in both(&mesh, 0.2, 3.0) {
        let on_wall = s.point.z > 5.0 + 1e-9 && mesh.area_normal(s.triangle as usize).normalize().x.abs() > 0.5;
        if on_wall {
            area += 0.04;
            assert!((s.thickness - 0.6).abs() < 1e-6, "{} at {}", s.thickness, s.point);
            assert!((cone.expect("a depth") - 0.6).abs() < 0.4, "{cone:?}");
        }
        thin += usize::from(s.thickness < 1.5);
        assert_eq!(s.thickness < 1.5, on_wall, "{} at {}", s.thickness, s.point);
    }
    assert!((area - 160.0).abs() < 2.0 && thin > 3000, "{area} {thin}");
}

#[test]
fn gaps_are_measured_from_outside() {
    let mut mesh = boxed([0.0; 3], [5.0; 3]);
    let other = boxed([5.3, 0.0, 0.0], [5.0; 3]);
    mesh.triangles.extend(other.triangles.iter().map(|t| t.map(|v| v + 8)));
    mesh.vertices.extend(other.vertices);
    let gauge = Gauge::new(&mesh, 120.0);
    for (t, p) in sample_points(&mesh, 0.5) {
        let gap = gauge.gap(&p, t, 1.0).map(|g| g.0);
        let faces = (p.x - 5.0).abs() < 1e-9 || (p.x - 5.3).abs() < 1e-9;
        assert_eq!(gap.is_some(), faces, "{p}");
        assert!(gap.is_none_or(|g| (g - 0.3).abs() < 1e-6));
    }
}
