use super::*;
use crate::mesh::inspect_topology;
use crate::print::outline::prism;
use nalgebra::Vector2;

fn block(x: [f64; 2], z: [f64; 2]) -> Solid {
    prism(&[[x[0], 0.0], [x[1], 0.0], [x[1], 5.0], [x[0], 5.0]].map(Vector2::from), z[0], z[1])
}

/// Two blocks, one inside of the other's length, that reach into each other by `depth`.
fn overlapping(depth: f64) -> Solid {
    let mut solid = block([0.0, 4.0], [0.0, 3.0]);
    solid.append(&block([4.0 - depth, 8.0], [-1.0, 4.0]));
    solid
}

/// A slab of 11 by 11 mm, 2 mm high, cut into squares of a millimetre.
const SIDE: u32 = 12;

fn corner(x: u32, y: u32, z: u32) -> u32 {
    z * SIDE * SIDE + y * SIDE + x
}

fn slab() -> Solid {
    let mut mesh = Mesh::default();
    let (n, m) = (SIDE, SIDE - 1);
    for z in [0.0, 2.0] {
        mesh.vertices.extend((0..n * n).map(|i| Vector3::new(f64::from(i % n), f64::from(i / n), z)));
    }
    for (x, y) in (0..m).flat_map(|x| (0..m).map(move |y| (x, y))) {
        let quad = |z| [corner(x, y, z), corner(x + 1, y, z), corner(x + 1, y + 1, z), corner(x, y + 1, z)];
        let ([a, b, c, d], [e, f, g, h]) = (quad(1), quad(0));
        mesh.triangles.extend([[a, b, c], [a, c, d], [e, g, f], [e, h, g]]);
    }
    let sides =
        |k| [((k, 0), (k + 1, 0)), ((m, k), (m, k + 1)), ((m - k, m), (m - k - 1, m)), ((0, m - k), (0, m - k - 1))];
    for ((ax, ay), (bx, by)) in (0..m).flat_map(sides) {
        let [a, b, c, d] = [corner(ax, ay, 0), corner(bx, by, 0), corner(bx, by, 1), corner(ax, ay, 1)];
        mesh.triangles.extend([[a, b, c], [a, c, d]]);
    }
    assert!(inspect_topology(&mesh).is_solid());
    Solid::plain(mesh)
}

fn troubled(solid: &Solid) -> Vec<bool> {
    let mut troubled = vec![false; solid.photo.len()];
    self_intersections(&solid.mesh)
        .iter()
        .for_each(|&(a, b)| (troubled[a as usize], troubled[b as usize]) = (true, true));
    troubled
}

#[test]
fn what_crosses_a_little_is_nudged_apart() {
    // A groove whose lips reach into each other.
    let mut solid = slab();
    solid.mesh.vertices[corner(6, 5, 1) as usize].z = 1.0;
    solid.mesh.vertices[corner(5, 5, 1) as usize].x = 6.003;
    solid.mesh.vertices[corner(7, 5, 1) as usize].x = 5.997;
    let (before, crossing) = (solid.mesh.vertices.clone(), troubled(&solid));
    assert!(crossing.contains(&true));
    let own = solid.mesh.clone();
    assert_eq!(nudge(&mut solid, &crossing, &Within::new(&own, &[]), 0.01), 1);
    assert_eq!(self_intersections(&solid.mesh).len(), 0);
    assert!(before.iter().zip(&solid.mesh.vertices).all(|(a, b)| (a - b).norm() <= 0.030_001));
}

#[test]
fn a_fold_is_cut_out_and_filled_flat() {
    // A flap that lies over its neighbours and goes through a bump of them.
    let mut solid = slab();
    let volume = solid.mesh.volume();
    solid.mesh.vertices[corner(5, 5, 1) as usize] += Vector3::new(2.5, 0.2, 0.05);
    solid.mesh.vertices[corner(7, 6, 1) as usize].z += 0.1;
    let crossing = troubled(&solid);
    assert!(crossing.contains(&true));
    assert_eq!(mend(&mut solid, &crossing, 0) + mend_again(&mut solid), 1);
    assert!(self_intersections(&solid.mesh).is_empty() && inspect_topology(&solid.mesh).is_solid());
    assert!((solid.mesh.volume() - volume).abs() < 0.15, "{}", solid.mesh.volume() - volume);
}

/// With a ring of neighbours, where the first cut was refused.
fn mend_again(solid: &mut Solid) -> usize {
    let crossing = troubled(solid);
    if crossing.contains(&true) { mend(solid, &crossing, 1) } else { 0 }
}

#[test]
fn beads_hide_where_bodies_cross() {
    let solid = overlapping(0.02);
    let crossing = self_intersections(&solid.mesh);
    let within = Within::new(&solid.mesh, &[]);
    let whole = swallow(&Ctx::silent(), &solid, &crossing, &within, 0.1).expect("united");
    assert!(self_intersections(&whole.mesh).len() < crossing.len() && inspect_topology(&whole.mesh).is_solid());
    let (box_of, again) = (solid.mesh.bounds().expect("a body"), whole.mesh.bounds().expect("a body"));
    assert!((box_of.0 - again.0).amax().max((box_of.1 - again.1).amax()) < 0.0201, "{box_of:?} {again:?}");
    assert!((box_of.0.z, box_of.1.z) == (again.0.z, again.1.z), "{box_of:?} {again:?}");
}
