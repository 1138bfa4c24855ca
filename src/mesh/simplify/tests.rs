use super::*;
use crate::base::Rng;
use crate::mesh::bvh::Bvh;
use crate::mesh::inspect;
use nalgebra::Vector3;

fn run(mesh: &Mesh, options: &SimplifyOptions) -> Mesh {
    simplify(&Ctx::silent(), mesh, options).expect("not cancelled")
}

/// A closed torus with noise.
fn torus(n: u32, m: u32, noise: f64) -> Mesh {
    let mut rng = Rng::new(2, 7);
    let mut mesh = Mesh::default();
    for i in 0..n {
        for j in 0..m {
            let (a, b) = (f64::from(i) / f64::from(n), f64::from(j) / f64::from(m));
            let (a, b) = (a * std::f64::consts::TAU, b * std::f64::consts::TAU);
            let r = 3.0 + (1.0 + noise * rng.normal()) * b.cos();
            mesh.vertices.push(Vector3::new(r * a.cos(), r * a.sin(), b.sin()));
            let at = |i: u32, j: u32| (i % n) * m + j % m;
            let (p, q, r, s) = (at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1));
            mesh.triangles.extend([[p, q, r], [p, r, s]]);
        }
    }
    mesh
}

/// A flat square of cells with a step in the middle.
fn terrace(n: u32) -> Mesh {
    let mut mesh = Mesh::default();
    for i in 0..=n {
        for j in 0..=n {
            let (x, y) = (f64::from(i), f64::from(j));
            let high = i > n / 2;
            mesh.vertices.push(Vector3::new(x - f64::from(u8::from(high)), y, if high { 3.0 } else { 0.0 }));
        }
    }
    for i in 0..n {
        for j in 0..n {
            let (a, b) = (i * (n + 1) + j, (i + 1) * (n + 1) + j);
            mesh.triangles.extend([[a, b, b + 1], [a, b + 1, a + 1]]);
        }
    }
    mesh
}

#[test]
fn a_closed_manifold_stays_closed_down_to_the_smallest() {
    let mesh = torus(60, 30, 0.02);
    let mut last = mesh.clone();
    for target in [2000, 600, 100, 20, 0] {
        let small = run(&mesh, &SimplifyOptions { target_triangles: target, ..Default::default() });
        let report = inspect(&small);
        assert!(report.is_closed() && report.euler == 0 && report.components == 1, "{target}: {report:?}");
        assert_eq!(report.duplicate_triangles, 0);
        assert!(small.triangles.len() <= target.max(60) && small.triangles.len() < last.triangles.len(), "{target}");
        if target >= 600 {
            assert!((small.volume() / mesh.volume() - 1.0).abs() < 0.01);
            assert_eq!(report.self_intersections, 0);
        }
        last = small;
    }
}

#[test]
fn tetrahedra_stay() {
    let vertices = vec![Vector3::zeros(), Vector3::x(), Vector3::y(), Vector3::z()];
    let mesh = Mesh { vertices, triangles: vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]] };
    assert_eq!(run(&mesh, &SimplifyOptions::default()), mesh);
}

#[test]
fn planes_become_few_triangles_with_their_edges_and_border_exact() {
    let mesh = terrace(30);
    let small = run(&mesh, &SimplifyOptions { max_error: Some(0.01), ..Default::default() });
    assert!(small.triangles.len() < 60, "{}", small.triangles.len());
    let (before, after) = (inspect(&mesh), inspect(&small));
    assert!((before.area - after.area).abs() < 0.01 * before.area, "{} {}", before.area, after.area);
    assert_eq!((after.border_loops, after.euler), (1, 1));
    let bvh = Bvh::new(&small);
    for v in &mesh.vertices {
        let d = bvh.closest(v, 10.0).expect("near").distance;
        assert!(d < 0.05, "{d} at {v:?}");
    }
    let locked = run(&mesh, &SimplifyOptions { max_error: Some(0.01), lock_border: true, ..Default::default() });
    assert_eq!(inspect(&locked).border_edges, before.border_edges);
}

#[test]
fn the_error_bound_holds_on_a_curved_surface() {
    let mesh = torus(200, 100, 0.0);
    let small = run(&mesh, &SimplifyOptions { max_error: Some(0.01), ..Default::default() });
    assert!(small.triangles.len() < mesh.triangles.len() / 4, "{}", small.triangles.len());
    let bvh = Bvh::new(&small);
    let worst = mesh.vertices.iter().map(|v| bvh.closest(v, 10.0).expect("near").distance).fold(0.0, f64::max);
    assert!(worst < 0.03, "{worst}");
}

#[test]
fn a_large_mesh_is_done_in_blocks_with_the_same_bound() {
    let mesh = torus(600, 240, 0.0);
    assert!(blocks::pays(mesh.triangles.len()));
    let options = SimplifyOptions { max_error: Some(0.004), ..Default::default() };
    let small = run(&mesh, &options);
    let mut whole = Simplifier::new(&mesh, None, &[], &options);
    whole.run(&Ctx::silent()).expect("not cancelled");
    let (vertices, triangles, ..) = whole.finish(&mesh);
    let whole = compacted(&vertices, triangles);
    // Blocks cost hardly any triangles, and no nearness.
    let (count, without) = (small.triangles.len(), whole.triangles.len());
    assert!(count < without * 11 / 10, "{count} {without}");
    let report = inspect(&small);
    assert!(report.is_solid() && report.euler == 0 && report.self_intersections == 0, "{report:?}");
    let worst = |simple: &Mesh| {
        let bvh = Bvh::new(simple);
        mesh.vertices.iter().map(|v| bvh.closest(v, 10.0).expect("near").distance).fold(0.0, f64::max)
    };
    let (worst, without) = (worst(&small), worst(&whole));
    assert!(worst < 1.5 * without && worst < 0.03, "{worst} {without}");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a pool");
    assert_eq!(pool.install(|| run(&mesh, &options)), small);
}

#[test]
fn textures_follow() {
    // One chart left of x = 10, one right of it; in both the texture is an affine image of the plan.
    let mesh = terrace(20);
    let uv = |p: &Vector3<f64>, right: bool| {
        let (x, y) = (p.x as f32 / 50.0, p.y as f32 / 50.0);
        // The wall between has no extent in the plan; its height goes to u.
        let x = x + p.z as f32 / 50.0;
        if right { [0.5 + y, x] } else { [x, y] }
    };
    let right_of = |t: usize| t / 40 >= 12;
    let uvs: Vec<[[f32; 2]; 3]> =
        (0..mesh.triangles.len()).map(|t| mesh.corners(t).map(|p| uv(&p, right_of(t)))).collect();
    let page: Vec<u16> = (0..mesh.triangles.len()).map(|t| u16::from(right_of(t))).collect();
    let options = SimplifyOptions { max_error: Some(0.01), ..Default::default() };
    let small = simplify_textured(&Ctx::silent(), &mesh, &uvs, &page, &options).expect("simplified");
    assert!(small.mesh.triangles.len() < 150, "{}", small.mesh.triangles.len());
    assert_eq!(inspect(&small.mesh).euler, 1);
    for (t, uvs) in small.uvs.iter().enumerate() {
        let right = page[small.origin[t] as usize] == 1;
        for (p, q) in small.mesh.corners(t).iter().zip(uvs) {
            let truth = uv(p, right);
            assert!((q[0] - truth[0]).abs() < 2e-3 && (q[1] - truth[1]).abs() < 2e-3, "{q:?} {truth:?}");
        }
    }
    assert!(simplify_textured(&Ctx::silent(), &mesh, &uvs[1..], &page, &options).is_err());
}

#[test]
fn equal_input_gives_equal_output() {
    let mesh = torus(50, 25, 0.03);
    let options = SimplifyOptions { target_triangles: 300, ..Default::default() };
    assert_eq!(run(&mesh, &options), run(&mesh, &options));
}
