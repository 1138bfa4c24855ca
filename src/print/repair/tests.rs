#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::base::Rng;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

type V = Vector3<f64>;

fn cube(low: [f64; 3], high: [f64; 3]) -> Mesh {
    let vertices = (0..8).map(|i| V::from_fn(|k, _| if i >> k & 1 == 0 { low[k] } else { high[k] })).collect();
    let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
    Mesh { vertices, triangles: quads.iter().flat_map(|q| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect() }
}

/// A closed surface of `m` times `n` quads around; `radius` gives the distance from the axis' circle.
fn torus(centre: V, ring: f64, tube: f64, m: u32, n: u32) -> Mesh {
    let angle = |i: u32, of: u32| f64::from(i) / f64::from(of) * std::f64::consts::TAU;
    let vertices = (0..m * n)
        .map(|i| {
            let (a, b) = (angle(i / n, m), angle(i % n, n));
            let r = ring + tube * b.cos();
            centre + V::new(r * a.cos(), r * a.sin(), tube * b.sin())
        })
        .collect();
    let at = |i: u32, j: u32| (i % m) * n + j % n;
    let quad = |i: u32, j: u32| [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
    let triangles = (0..m).flat_map(|i| {
        (0..n).flat_map(move |j| {
            let q = quad(i, j);
            [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]
        })
    });
    Mesh { triangles: triangles.collect(), vertices }
}

fn sphere(centre: V, radius: f64, m: u32, n: u32) -> Mesh {
    let mut mesh = Mesh { vertices: vec![centre - V::z() * radius, centre + V::z() * radius], triangles: Vec::new() };
    for j in 1..n {
        for i in 0..m {
            let (a, b) = (
                f64::from(i) / f64::from(m) * std::f64::consts::TAU,
                f64::from(j) / f64::from(n) * std::f64::consts::PI,
            );
            mesh.vertices.push(centre + V::new(b.sin() * a.cos(), b.sin() * a.sin(), -b.cos()) * radius);
        }
    }
    let at = |i: u32, j: u32| 2 + (j - 1) * m + i % m;
    for i in 0..m {
        mesh.triangles.extend([[0, at(i + 1, 1), at(i, 1)], [1, at(i, n - 1), at(i + 1, n - 1)]]);
        for j in 1..n - 1 {
            mesh.triangles
                .extend([[at(i, j), at(i + 1, j), at(i + 1, j + 1)], [at(i, j), at(i + 1, j + 1), at(i, j + 1)]]);
        }
    }
    mesh
}

fn joined(parts: &[Mesh]) -> Mesh {
    let mut all = Mesh::default();
    for part in parts {
        let offset = all.vertices.len() as u32;
        all.vertices.extend(&part.vertices);
        all.triangles.extend(part.triangles.iter().map(|t| t.map(|v| v + offset)));
    }
    all
}

fn repaired(mesh: &Mesh) -> (Solid, Repairs) {
    let (solid, repairs) = repair(&Ctx::silent(), mesh, &RepairOptions::default()).unwrap();
    let report = inspect(&solid.mesh);
    assert!(report.is_solid(), "{report:?}");
    assert_eq!(solid.photo.len(), solid.mesh.triangles.len());
    assert_eq!(solid.origin.len(), solid.mesh.triangles.len());
    (solid, repairs)
}

fn near(solid: &Solid, volume: f64, share: f64) {
    let own = solid.mesh.volume();
    assert!((own - volume).abs() <= share * volume, "{own} instead of {volume}");
}

#[test]
fn what_is_sound_stays() {
    for mesh in [cube([0.0; 3], [10.0; 3]), torus(V::zeros(), 10.0, 3.0, 24, 12), sphere(V::zeros(), 8.0, 16, 8)] {
        assert!(inspect(&mesh).is_solid());
        let (solid, repairs) = repaired(&mesh);
        assert!(repairs.is_nothing() && repairs.sentences().is_empty(), "{repairs:?}");
        near(&solid, mesh.volume(), 1e-5);
        assert_eq!(solid.mesh.triangles.len(), mesh.triangles.len());
    }
}

#[test]
fn each_fault_is_mended_and_counted() {
    let mesh = cube([0.0; 3], [10.0; 3]);
    // Soup: each triangle has corners of its own.
    let soup = Mesh {
        vertices: (0..12).flat_map(|t| mesh.corners(t)).collect(),
        triangles: (0..12).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect(),
    };
    let (solid, repairs) = repaired(&soup);
    assert_eq!(repairs.vertices_joined, 28);
    near(&solid, 1000.0, 1e-9);
    // Some faces turned, then all.
    for (count, list) in [(3, vec![1, 4, 9]), (12, (0..12).collect())] {
        let mut turned = mesh.clone();
        list.into_iter().for_each(|t: usize| turned.triangles[t].swap(0, 1));
        let (solid, repairs) = repaired(&turned);
        assert_eq!(repairs.turned, count);
        near(&solid, 1000.0, 1e-9);
    }
    // A hole: two triangles of one side, the whole side.
    let mut open = mesh.clone();
    open.triangles.truncate(10);
    let (solid, repairs) = repaired(&open);
    assert_eq!((repairs.holes, repairs.longest_hole), (1, 4));
    assert!((repairs.filled_mm2 - 100.0).abs() < 1e-9);
    assert_eq!(solid.photo.iter().filter(|p| !**p).count(), 2);
    near(&solid, 1000.0, 1e-9);
    // Doubled and empty triangles.
    let mut doubled = mesh.clone();
    doubled.triangles.extend([
        mesh.triangles[3],
        [mesh.triangles[5][1], mesh.triangles[5][0], mesh.triangles[5][2]],
        [1, 1, 2],
    ]);
    let (solid, repairs) = repaired(&doubled);
    assert_eq!((repairs.doubled, repairs.degenerate), (2, 1));
    near(&solid, 1000.0, 1e-9);
    // Crossing bodies, a shell inside, a doubled body inside out, debris, a loose sheet.
    let mut inside_out = mesh.clone();
    inside_out.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    let messy = joined(&[
        mesh.clone(),
        cube([5.0; 3], [15.0; 3]),
        cube([2.0; 3], [4.0; 3]),
        inside_out,
        cube([30.0; 3], [30.2; 3]),
        Mesh {
            triangles: vec![[0, 1, 2]],
            vertices: vec![V::new(40.0, 0.0, 0.0), V::new(41.0, 0.0, 0.0), V::new(40.0, 1.0, 0.0)],
        },
    ]);
    let (solid, repairs) = repaired(&messy);
    assert_eq!((repairs.bodies, repairs.debris, repairs.sheets), (1, 1, 1), "{repairs:?}");
    assert!(repairs.crossings > 0 && repairs.sentences().len() >= 4);
    near(&solid, 2000.0 - 125.0, 1e-6);
}

#[test]
fn cavities_stay_where_the_file_says_so() {
    let mut inner = cube([3.0; 3], [7.0; 3]);
    inner.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    let mut hollow = joined(&[cube([0.0; 3], [10.0; 3]), inner]);
    near(&repaired(&hollow).0, 1000.0 - 64.0, 1e-9);
    // The same inside out.
    hollow.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    near(&repaired(&hollow).0, 1000.0 - 64.0, 1e-9);
}

#[test]
fn cracks_and_corners_on_edges_close_without_a_trace() {
    // Two boxes without the side between them; the second one's sides are cut in halves, one corner is off by a little.
    let mut left = cube([0.0; 3], [10.0; 3]);
    left.triangles.retain(|t| !t.iter().all(|&v| v & 1 == 1));
    let right = Mesh {
        vertices: cube([10.0, 0.0, 0.0], [20.0, 10.0, 5.0])
            .vertices
            .into_iter()
            .chain(cube([10.0, 0.0, 5.0], [20.0, 10.0, 10.0]).vertices)
            .collect(),
        triangles: cube([0.0; 3], [1.0; 3])
            .triangles
            .iter()
            .flat_map(|t| [*t, t.map(|v| v + 8)])
            .filter(|t| {
                !t.iter().all(|&v| v & 1 == 0)
                    && !t.iter().all(|&v| v < 8 && v & 4 != 0)
                    && !t.iter().all(|&v| v >= 8 && v & 4 == 0)
            })
            .collect(),
    };
    let mut both = joined(&[left, right]);
    both.vertices[1].x += 5e-5;
    let (solid, repairs) = repaired(&both);
    assert!(repairs.holes == 0 && repairs.edges_split > 0, "{repairs:?}");
    near(&solid, 2000.0, 1e-4);
}

#[test]
fn a_terrain_is_refused_or_gets_a_base() {
    let n = 12;
    let mut terrain = Mesh::default();
    for i in 0..n * n {
        let (x, y) = (f64::from(i % n), f64::from(i / n));
        terrain.vertices.push(V::new(x * 5.0, y * 5.0, 2.0 * (x * 0.7).sin() + (y * 0.9).cos()));
    }
    for i in 0..(n - 1) * (n - 1) {
        let a = (i % (n - 1) + i / (n - 1) * n) as u32;
        let n = n as u32;
        // Every third quad faces down.
        let quad = [[a, a + 1, a + n + 1], [a, a + n + 1, a + n]];
        terrain.triangles.extend(if i % 3 == 0 { quad.map(|[a, b, c]| [a, c, b]) } else { quad });
    }
    let error = repair(&Ctx::silent(), &terrain, &RepairOptions::default()).unwrap_err();
    let PrintError::OpenSheet { edges, at, .. } = error else { panic!("{error}") };
    assert_eq!(edges, 44);
    assert!((at[0] - 27.5).abs() < 1e-9, "{at:?}");
    let options = RepairOptions { base_mm: Some(4.0), ..RepairOptions::default() };
    let (solid, repairs) = repair(&Ctx::silent(), &terrain, &options).unwrap();
    assert_eq!((repairs.based, repairs.bodies), (1, 1));
    let report = inspect(&solid.mesh);
    let (low, high) = terrain.bounds().unwrap();
    let own = solid.mesh.bounds().unwrap();
    assert!(report.is_solid() && (own.0.z - (low.z - 4.0)).abs() < 1e-3 && (own.1.z - high.z).abs() < 1e-3);
    let mean = terrain.vertices.iter().map(|v| v.z).sum::<f64>() / f64::from(n * n);
    assert!((report.volume / (55.0 * 55.0) - (mean - low.z + 4.0)).abs() < 0.3);
}

#[test]
fn nonsense_is_refused_with_the_reason() {
    let flat = Mesh { vertices: vec![V::zeros(), V::x(), V::y()], triangles: vec![[0, 1, 2]] };
    for (mesh, word) in [
        (Mesh::default(), "no triangles"),
        (Mesh { triangles: vec![[0, 1, 9]], ..flat.clone() }, "vertex 9 of 3"),
        (Mesh { vertices: vec![V::zeros(), V::x(), V::new(f64::NAN, 0.0, 0.0)], ..flat.clone() }, "NaN"),
        (Mesh { vertices: vec![V::zeros(); 3], ..flat.clone() }, "one point"),
        (Mesh { vertices: vec![V::zeros(), V::x(), V::x() * 2.0], ..flat.clone() }, "without area"),
        (flat, "open sheet"),
    ] {
        let error = repair(&Ctx::silent(), &mesh, &RepairOptions::default()).unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
        assert!(!error.hint().is_empty());
    }
}

/// Ways to damage a mesh.
fn damage(mesh: &mut Mesh, how: usize, rng: &mut Rng) {
    let n = mesh.triangles.len();
    let some = |rng: &mut Rng, share: f64| (0..n).filter(|_| rng.next_f64() < share).collect::<Vec<_>>();
    match how {
        // Triangles missing, and a large opening.
        0 => {
            let gone = some(rng, 0.05);
            let mut t = 0;
            mesh.triangles.retain(|_| {
                t += 1;
                !gone.contains(&(t - 1))
            });
        }
        1 => {
            let (centre, radius) = (mesh.vertices[rng.below(mesh.vertices.len())], 3.0 + 4.0 * rng.next_f64());
            let vertices = mesh.vertices.clone();
            mesh.triangles.retain(|t| t.iter().any(|&v| (vertices[v as usize] - centre).norm() > radius));
        }
        // Turned.
        2 => some(rng, 0.3).into_iter().for_each(|t| mesh.triangles[t].swap(0, 1)),
        3 => mesh.triangles.iter_mut().for_each(|t| t.swap(1, 2)),
        // Doubled, turned or not.
        4 => {
            for t in some(rng, 0.2) {
                let mut copy = mesh.triangles[t];
                copy.rotate_left(rng.below(3));
                if rng.below(2) == 0 {
                    copy.swap(0, 1);
                }
                mesh.triangles.push(copy);
            }
        }
        // A soup without shared corners, some of them off by a little.
        5 => {
            let off = [0.0, 1e-5, 1e-3][rng.below(3)];
            let vertices: Vec<V> = (0..n).flat_map(|t| mesh.corners(t)).collect();
            mesh.vertices = vertices.into_iter().map(|v| v + V::from_fn(|_, _| off * (rng.next_f64() - 0.5))).collect();
            mesh.triangles = (0..n as u32).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect();
        }
        // Corners moved, so that it crosses itself.
        6 => {
            for _ in 0..1 + mesh.vertices.len() / 20 {
                let v = rng.below(mesh.vertices.len());
                mesh.vertices[v] += V::from_fn(|_, _| 8.0 * (rng.next_f64() - 0.5));
            }
        }
        // Empty triangles, and triangles that hang on an edge or stand in the room.
        7 => {
            for _ in 0..4 {
                let [a, b, c] = mesh.triangles[rng.below(n)];
                mesh.triangles.extend([[a, a, b], [a, b, a]]);
                let middle = (mesh.vertices[a as usize] + mesh.vertices[b as usize]) * 0.5;
                mesh.vertices.push(middle);
                let v = mesh.vertices.len() as u32;
                mesh.triangles.push([a, b, v - 1]);
                mesh.vertices.push(mesh.vertices[c as usize] + V::from_fn(|_, _| 6.0 * (rng.next_f64() - 0.5)));
                mesh.triangles.push([a, b, v]);
            }
        }
        // Corners on edges: one side of an edge is split, the other is not.
        8 => {
            for t in some(rng, 0.1) {
                let [a, b, c] = mesh.triangles[t];
                let v = mesh.vertices.len() as u32;
                let share = 0.2 + 0.6 * rng.next_f64();
                mesh.vertices.push(mesh.vertices[a as usize].lerp(&mesh.vertices[b as usize], share));
                mesh.triangles[t] = [a, v, c];
                mesh.triangles.push([v, b, c]);
            }
        }
        // Debris.
        9 => {
            for _ in 0..5 {
                let at = V::from_fn(|_, _| 60.0 * (rng.next_f64() - 0.5));
                let v = mesh.vertices.len() as u32;
                mesh.vertices.extend((0..3).map(|_| at + V::from_fn(|_, _| rng.next_f64())));
                mesh.triangles.push([v, v + 1, v + 2]);
            }
            *mesh = joined(&[mesh.clone(), cube([-30.0; 3], [-29.9; 3])]);
        }
        // Vertices joined that should not be.
        _ => {
            for _ in 0..3 {
                let (a, b) = (rng.below(mesh.vertices.len()) as u32, rng.below(mesh.vertices.len()) as u32);
                mesh.triangles.iter_mut().flatten().filter(|v| **v == a).for_each(|v| *v = b);
            }
        }
    }
}

fn messy(seed: u64) -> Mesh {
    let mut rng = Rng::new(seed, 1);
    let parts: Vec<Mesh> = (0..1 + rng.below(3))
        .map(|_| {
            let at = V::from_fn(|_, _| 16.0 * (rng.next_f64() - 0.5));
            match rng.below(3) {
                0 => {
                    let size = V::from_fn(|_, _| 3.0 + 8.0 * rng.next_f64());
                    cube((at - size / 2.0).into(), (at + size / 2.0).into())
                }
                1 => sphere(at, 3.0 + 4.0 * rng.next_f64(), 6 + rng.below(12) as u32, 4 + rng.below(8) as u32),
                _ => torus(
                    at,
                    5.0 + 2.0 * rng.next_f64(),
                    1.0 + 2.0 * rng.next_f64(),
                    8 + rng.below(12) as u32,
                    5 + rng.below(8) as u32,
                ),
            }
        })
        .collect();
    let mut mesh = joined(&parts);
    for _ in 0..1 + rng.below(4) {
        let how = rng.below(11);
        damage(&mut mesh, how, &mut rng);
    }
    mesh
}

#[test]
fn a_stubborn_tangle_is_dissolved_or_made_anew() {
    let mesh = messy(735_726_118);
    let (solid, _) = repair(&Ctx::silent(), &mesh, &RepairOptions::default()).unwrap();
    let report = inspect(&solid.mesh);
    assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
}

proptest! {
    // The same meshes each time: what fails once fails always.
    #![proptest_config(ProptestConfig { cases: 200, rng_seed: RngSeed::Fixed(7), ..ProptestConfig::default() })]
    #[test]
    fn messy_meshes_become_solid_or_are_refused(seed in 0u64..1_000_000_000) {
        let mesh = messy(seed);
        match repair(&Ctx::silent(), &mesh, &RepairOptions::default()) {
            Ok((solid, repairs)) => {
                let report = inspect(&solid.mesh);
                prop_assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
                prop_assert_eq!(repairs.triangles_after, solid.mesh.triangles.len());
                // Nothing is invented: the result stays inside the input's box, but for the opening of touching places.
                let (low, high) = mesh.bounds().unwrap();
                let own = solid.mesh.bounds().unwrap();
                prop_assert!((own.0 - low).min() > -0.1 && (high - own.1).min() > -0.1, "{own:?}");
            }
            Err(e) => prop_assert!(
                matches!(e, PrintError::OpenSheet { .. } | PrintError::NoSurface { .. }),
                "{e}"
            ),
        }
    }
}
