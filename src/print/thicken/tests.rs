use super::*;
use crate::mesh::inspect;
use crate::print::outline::prism;
use crate::print::settle;
use crate::print::solid::{cut, unite};
use crate::print::thickness::{ThicknessOptions, measure};

fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<Vector2<f64>> {
    vec![Vector2::new(x[0], y[0]), Vector2::new(x[1], y[0]), Vector2::new(x[1], y[1]), Vector2::new(x[0], y[1])]
}

/// A slab with a thin wall, a mast, a wall along the border of the area, one across it, and a thick block; all go on
/// beyond the border.
fn place() -> Solid {
    let bodies = [
        prism(&rectangle([-4.0, 34.0], [-4.0, 24.0]), -1.0, 3.0),
        prism(&rectangle([5.0, 5.3], [4.0, 14.0]), 1.0, 9.0),
        prism(&rectangle([20.0, 20.2], [10.0, 10.2]), 1.0, 11.0),
        prism(&rectangle([29.6, 33.0], [3.0, 9.0]), 1.0, 8.0),
        prism(&rectangle([10.0, 10.25], [15.0, 23.0]), 1.0, 8.0),
        prism(&rectangle([12.0, 17.0], [3.0, 9.0]), 1.0, 8.0),
    ];
    unite(&Ctx::silent(), &bodies.iter().collect::<Vec<_>>()).expect("a place")
}

#[test]
fn thin_walls_reach_the_limit_and_thick_ones_stay() {
    let ctx = Ctx::silent();
    let (outline, whole) = (rectangle([0.0, 30.0], [0.0, 20.0]), place());
    let clip = prism(&outline, 0.0, 30.0);
    let reach = Reach { wall_mm: 1.0, gap_mm: 0.0 };
    let body = cut(&ctx, &whole, &clip).expect("a body");
    let before = lack(&ctx, &body.mesh, &outline, reach, Noise::Counts).expect("measured");
    assert!(before.thin_mm2 > 200.0, "{}", before.thin_mm2);
    let with = |lack: &Lack| {
        let added = solid(&ctx, lack, &outline, &body, reach).expect("balls");
        cut(&ctx, &unite(&ctx, &[&whole, &added]).expect("union"), &clip).expect("a body")
    };
    let once = with(&before);
    let left = lack(&ctx, &once.mesh, &outline, reach, Noise::Counts).expect("measured");
    assert!(left.thin_mm2 < 0.1 * before.thin_mm2, "{}", left.thin_mm2);
    // Measured again only where walls were thin, all of that is found.
    let near = Vicinity::new(&before.walls, 3.0 * reach.wall_mm);
    let again = lack_near(&ctx, &once.mesh, (&outline, &near), reach, Noise::Counts).expect("measured");
    assert_eq!(again, left);
    let mut all = before;
    all.walls.extend(left.walls);
    let thick = with(&all);
    let thick = settle(&ctx, thick).expect("settles");
    let report = inspect(&thick.mesh);
    assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
    let options = ThicknessOptions { step: 0.1, most: 2.0, opposite_deg: 120.0, wall: None };
    let map = measure(&ctx, &thick.mesh, &options).expect("measured");
    let thin = map.samples.iter().filter(|s| s.thickness < 0.95).count();
    assert!(thin * 100 < map.samples.len(), "{thin} of {}", map.samples.len());
    // Walls become thicker, not taller.
    assert!(thick.mesh.bounds().expect("a body").1.z < 11.6);
    // The block that was thick enough is as it was, away from the walls that grew.
    let bvh = Bvh::new(&thick.mesh);
    for (_, p) in sample_points(&body.mesh, 0.3) {
        if (12.0..=17.0).contains(&p.x) && (3.0..=9.0).contains(&p.y) && p.z > 3.5 {
            assert!(bvh.closest(&p, 0.05).is_some(), "{p}");
        }
    }
    let (low, high) = thick.mesh.bounds().expect("a body");
    assert!(low.norm() < 1e-9 && (high.xy() - Vector2::new(30.0, 20.0)).norm() < 1e-9, "{low} {high}");
}

#[test]
fn narrow_gaps_are_filled() {
    let ctx = Ctx::silent();
    let outline = rectangle([0.0, 20.0], [0.0, 20.0]);
    let bodies = [
        prism(&outline, 0.0, 3.0),
        prism(&rectangle([4.0, 8.0], [4.0, 14.0]), 1.0, 9.0),
        prism(&rectangle([8.2, 12.0], [4.0, 14.0]), 1.0, 9.0),
    ];
    let refs: Vec<&Solid> = bodies.iter().collect();
    let body = unite(&ctx, &refs).expect("a body");
    let reach = Reach { wall_mm: 1.0, gap_mm: 0.5 };
    let found = lack(&ctx, &body.mesh, &outline, reach, Noise::Counts).expect("measured");
    assert!(found.thin_mm2 < 1.0 && found.narrow_mm2 > 100.0, "{} {}", found.thin_mm2, found.narrow_mm2);
    let added = filling(&ctx, &found, &body, reach).expect("balls");
    let filled = settle(&ctx, unite(&ctx, &[&body, &added]).expect("union")).expect("settles");
    let after = lack(&ctx, &filled.mesh, &outline, reach, Noise::Counts).expect("measured");
    assert!(after.narrow_mm2 < 2.0, "{}", after.narrow_mm2);
}

#[test]
fn low_ridges_at_the_border_are_noise_and_slices_are_thin() {
    let ctx = Ctx::silent();
    let (outline, top) = (rectangle([0.0, 30.0], [0.0, 20.0]), 3.0);
    let reach = Reach { wall_mm: 1.0, gap_mm: 0.0 };
    let thin = |x: [f64; 2], inner: f64, height: f64, noise| {
        let bodies = [prism(&outline, 0.0, top), prism(&rectangle(x, [0.0, inner]), 1.0, top + height)];
        let body = unite(&ctx, &[&bodies[0], &bodies[1]]).expect("a body");
        lack(&ctx, &body.mesh, &outline, reach, noise).expect("measured").walls
    };
    // Ridges of a printed layer or less, along a side and at a corner.
    for x in [[14.0, 18.0], [28.0, 30.0]] {
        assert!(!thin(x, 0.1, 0.04, Noise::Counts).is_empty());
        assert_eq!(thin(x, 0.1, 0.04, Noise::IsLeft), []);
    }
    // What is cut off a house, and a wall that ends at the border.
    for (x, inner) in [([14.0, 18.0], 0.3), ([14.0, 14.3], 6.0)] {
        let above = |noise| thin(x, inner, 2.0, noise).into_iter().filter(|ball| ball.centre.z > top + 0.2).count();
        assert!(above(Noise::Counts) > 100);
        assert_eq!(above(Noise::IsLeft), above(Noise::Counts));
    }
    // A slice in front of ground that falls towards the border.
    let mut ground = prism(&outline, 0.0, top);
    for v in ground.mesh.vertices.iter_mut().filter(|v| v.z > 0.0) {
        v.z += 0.5 * v.y;
    }
    let slice = prism(&rectangle([14.0, 18.0], [0.0, 0.1]), 1.0, top + 0.5);
    let body = unite(&ctx, &[&ground, &slice]).expect("a body");
    let left = lack(&ctx, &body.mesh, &outline, reach, Noise::IsLeft).expect("measured");
    assert!(left.thin_mm2 > 1.0, "{}", left.thin_mm2);
}
