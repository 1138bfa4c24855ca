use super::*;

fn build(points: Vec<Vector3<f64>>) -> Delaunay {
    Delaunay::new(&Ctx::silent(), points).expect("not cancelled")
}

/// Neighbours are mutual and share three corners, cells are positive, no neighbour's far corner lies inside a
/// circumsphere (which for all facets together means: no point at all does), every used point is a vertex.
fn verify(d: &Delaunay) {
    let mut used = vec![false; d.points.len()];
    let at = |v: u32| &d.points[v as usize];
    for (i, cell) in d.cells.iter().enumerate() {
        for k in 0..4 {
            let other = &d.cells[cell.neighbours[k] as usize];
            let slot = other.slot_of(i as u32).expect("neighbours are mutual");
            let (mut f, mut g) = (cell.facet(k), other.facet(slot));
            f.sort_unstable();
            g.sort_unstable();
            assert_eq!(f, g);
            if !cell.is_finite() {
                continue;
            }
            let far = other.vertices[slot];
            let [a, b, c, e] = cell.vertices.map(|v| coord(at(v)));
            if far == INFINITE {
                continue;
            }
            assert!(robust::insphere(a, b, c, e, coord(at(far))) <= 0.0, "a corner inside a sphere");
        }
        if cell.is_finite() {
            let [a, b, c, e] = cell.vertices.map(at);
            assert!(orientation(a, b, c, e) > 0.0, "flat or inverted cell");
            for v in cell.vertices {
                used[v as usize] = true;
            }
        } else {
            // Nothing lies outside the hull.
            let k = cell.vertices.iter().position(|&v| v == INFINITE).expect("infinite");
            let [a, b, c] = cell.facet(k).map(at);
            assert!(d.points.iter().all(|p| orientation(a, b, c, p) <= 0.0), "a point outside the hull");
        }
    }
    assert_eq!(used.iter().filter(|&&u| !u).count(), d.skipped);
}

fn volume(d: &Delaunay) -> f64 {
    let finite = d.cells.iter().filter(|c| c.is_finite());
    finite
        .map(|c| {
            let [a, b, e, f] = c.vertices.map(|v| d.points[v as usize]);
            (b - a).cross(&(e - a)).dot(&(f - a)).abs() / 6.0
        })
        .sum()
}

#[test]
fn random_points() {
    let mut rng = Rng::new(1, 1);
    let points = (0..600).map(|_| Vector3::new(rng.normal(), rng.normal(), rng.normal())).collect();
    let d = build(points);
    verify(&d);
    // The empty-sphere property against every point, not only the neighbours.
    for cell in d.cells.iter().filter(|c| c.is_finite()) {
        let [a, b, c, e] = cell.vertices.map(|v| coord(&d.points[v as usize]));
        assert!(d.points.iter().all(|p| robust::insphere(a, b, c, e, coord(p)) <= 0.0));
    }
    assert_eq!(d.skipped, 0);
}

#[test]
fn grid_is_cospherical_everywhere() {
    let n = 7;
    let points =
        (0..n * n * n).map(|i| Vector3::new(f64::from(i % n), f64::from(i / n % n), f64::from(i / n / n))).collect();
    let d = build(points);
    verify(&d);
    assert!((volume(&d) - 216.0).abs() < 1e-9);
}

#[test]
fn points_on_a_sphere_and_a_coplanar_roof() {
    let mut rng = Rng::new(2, 1);
    let mut points: Vec<Vector3<f64>> = (0..300)
        .map(|_| {
            let v = Vector3::new(rng.normal(), rng.normal(), rng.normal());
            v / v.norm()
        })
        .collect();
    verify(&build(points.clone()));
    points = (0..400).map(|i| Vector3::new(f64::from(i % 20), f64::from(i / 20), 0.0)).collect();
    points.extend((0..100).map(|i| Vector3::new(f64::from(i % 10), f64::from(i / 10), 5.0)));
    points.push(points[17]);
    points.push(Vector3::new(f64::NAN, 0.0, 0.0));
    points.swap(0, 500);
    let d = build(points);
    assert_eq!(d.skipped, 2);
    let finite: Vec<_> = d.points.iter().copied().filter(|p| p.x.is_finite()).collect();
    verify(&build(finite));
}

#[test]
fn degenerate_input_gives_no_cells_and_ends() {
    assert!(build(vec![]).cells.is_empty());
    assert!(build(vec![Vector3::zeros(); 10]).cells.is_empty());
    assert!(build((0..50).map(|i| Vector3::repeat(f64::from(i) * 0.1)).collect()).cells.is_empty());
    let plane = (0..100).map(|i| Vector3::new(f64::from(i % 10), f64::from(i / 10), 3.0)).collect();
    assert!(build(plane).cells.is_empty());
}

#[test]
fn nearly_collinear_and_far_apart_scales() {
    let mut rng = Rng::new(5, 1);
    let mut points: Vec<Vector3<f64>> =
        (0..200).map(|i| Vector3::new(f64::from(i), rng.normal() * 1e-13, rng.normal() * 1e-13)).collect();
    points.extend((0..50).map(|_| Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 1e5));
    verify(&build(points));
}

#[test]
fn same_points_same_cells_and_location() {
    let mut rng = Rng::new(3, 1);
    let points: Vec<_> = (0..2000).map(|_| Vector3::new(rng.normal(), rng.normal(), 0.1 * rng.normal())).collect();
    let (a, b) = (build(points.clone()), build(points));
    assert_eq!(a.cells, b.cells);
    for _ in 0..200 {
        let p = Vector3::new(rng.normal(), rng.normal(), 0.1 * rng.normal());
        let cell = a.cells[a.locate(&p, 7).expect("cells") as usize];
        let outside = cell.vertices.iter().position(|&v| v == INFINITE);
        let sides: Vec<f64> = (0..4)
            .filter(|&k| outside.is_none_or(|o| o == k))
            .map(|k| {
                let [x, y, z] = cell.facet(k).map(|v| &a.points[v as usize]);
                orientation(x, y, z, &p)
            })
            .collect();
        assert!(sides.iter().all(|&s| s >= 0.0), "{sides:?}");
    }
}
