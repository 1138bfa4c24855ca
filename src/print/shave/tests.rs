use super::*;
use crate::mesh::inspect;
use crate::print::outline::prism;
use crate::print::settle;
use crate::print::solid::{cut, subtract, unite};
use crate::print::thicken::{Noise, Reach, lack};
use crate::print::thickness::sample_points;

fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<Vector2<f64>> {
    vec![Vector2::new(x[0], y[0]), Vector2::new(x[1], y[0]), Vector2::new(x[1], y[1]), Vector2::new(x[0], y[1])]
}

#[test]
fn low_fins_go_and_masts_and_thick_edges_stay() {
    let ctx = Ctx::silent();
    let outline = rectangle([0.0, 30.0], [0.0, 20.0]);
    let bodies = [
        prism(&outline, 0.0, 3.0),
        // A block, a low fin on it, a fin along the slab, a mast.
        prism(&rectangle([4.0, 10.0], [4.0, 12.0]), 1.0, 9.0),
        prism(&rectangle([6.0, 6.3], [5.0, 11.0]), 8.0, 10.0),
        prism(&rectangle([14.0, 14.4], [3.0, 15.0]), 1.0, 4.1),
        prism(&rectangle([22.0, 22.4], [9.0, 9.4]), 1.0, 11.0),
    ];
    let body = unite(&ctx, &bodies.iter().collect::<Vec<_>>()).expect("a body");
    let reach = Reach { wall_mm: 1.0, gap_mm: 0.0 };
    let before = lack(&ctx, &body.mesh, &outline, reach, Noise::Counts).expect("measured");
    let mut shaver = Shaver::new(reach.wall_mm, 0.0, &outline);
    let kept = shaver.add(&ctx, &body, &before.walls, |_, how| how.is_tall).expect("measured");
    let tool = shaver.tool(&ctx, &body).expect("a tool");
    // Only the mast is kept.
    assert!(!kept.is_empty());
    assert!(kept.iter().all(|b| (b.centre.xy() - Vector2::new(22.2, 9.2)).norm() < 0.3));
    let low = before.walls.iter().filter(|b| b.centre.x < 20.0).count();
    assert_eq!(shaver.shaved.len(), low);
    let shaved = settle(&ctx, subtract(&ctx, &body, &tool).expect("shaved")).expect("settles");
    let report = inspect(&shaved.mesh);
    assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
    // The balls that rolled in the body show what is thick of it after, as any ball would.
    let left = |noise| lack(&ctx, &shaved.mesh, &outline, reach, noise).expect("measured").walls.len();
    let (nothing, any) = (Inscribed::new(Vec::new()), left(Noise::IsLeft));
    assert_eq!(left(Noise::IsLeftBy(&nothing)), any);
    assert!(left(Noise::IsLeftBy(shaver.inscribed())).abs_diff(any) * 100 <= before.walls.len());
    let after = lack(&ctx, &shaved.mesh, &outline, reach, Noise::Counts).expect("measured");
    let left: Vec<_> = after.walls.iter().filter(|b| b.centre.x < 20.0).collect();
    assert!(left.len() * 200 < low, "{} of {low}", left.len());
    // The block has its edges, and its top where the fin was is level to a tenth.
    let bvh = Bvh::new(&shaved.mesh);
    for (_, p) in sample_points(&bodies[1].mesh, 0.3) {
        let (far, top) = ((p.x - 6.15).abs() > 1.2, p.z > 8.9);
        let limit = if far { 1e-6 } else { 0.25 };
        if p.z > 3.1 && (far || top) {
            assert!(bvh.closest(&p, limit).is_some(), "{p}");
        }
    }
}

#[test]
fn the_rim_stays_beside_a_burr_and_slices_go() {
    let ctx = Ctx::silent();
    let (outline, top) = (rectangle([0.0, 30.0], [0.0, 20.0]), 3.0);
    let bodies = [
        prism(&rectangle([-4.0, 34.0], [-4.0, 24.0]), 0.0, top),
        // Burrs at the border and at a corner, a slice of a house, a house that is cut and has a fin on it.
        prism(&rectangle([14.0, 14.4], [-2.0, 0.5]), 1.0, top + 0.4),
        prism(&rectangle([29.4, 32.0], [-2.0, 0.4]), 1.0, top + 0.3),
        prism(&rectangle([4.0, 9.0], [-3.0, 0.6]), 1.0, 9.0),
        prism(&rectangle([18.0, 24.0], [-3.0, 5.0]), 1.0, 9.0),
        prism(&rectangle([20.0, 20.3], [-3.0, 2.0]), 1.0, 9.5),
    ];
    let whole = unite(&ctx, &bodies.iter().collect::<Vec<_>>()).expect("a body");
    let clip = prism(&outline, 0.0, 30.0);
    let body = cut(&ctx, &whole, &clip).expect("a body");
    let reach = Reach { wall_mm: 1.0, gap_mm: 0.0 };
    let thin = lack(&ctx, &body.mesh, &outline, reach, Noise::Counts).expect("measured").walls;
    let mut shaver = Shaver::new(reach.wall_mm, 0.0, &outline);
    assert!(shaver.add(&ctx, &body, &thin, |_, _| false).expect("measured").is_empty());
    let tool = shaver.tool(&ctx, &whole).expect("a tool");
    let shaved = cut(&ctx, &subtract(&ctx, &whole, &tool).expect("shaved"), &clip).expect("a body");
    let bvh = Bvh::new(&shaved.mesh);
    let height = |x: f64, y: f64| {
        bvh.cast(&Vector3::new(x, y, 20.0), &-Vector3::z(), 0.0, f64::INFINITY).expect("a surface").point.z
    };
    // The ground and the cut house end as they did, with their edges; what is thin on them is cut off.
    for (z, x) in
        [(top, 13.2), (top, 13.7), (top, 14.2), (top, 14.9), (top, 29.0), (top, 29.9), (9.0, 19.5), (9.0, 20.15)]
    {
        for y in [0.02, 0.2, 0.4, 1.0] {
            assert!((height(x, y) - z).abs() < 0.05, "{x} {y}: {}", height(x, y));
        }
    }
    // The slice goes but for its foot.
    for x in [4.5, 6.5, 8.5] {
        assert!(height(x, 0.3) < top + 0.6, "{x}: {}", height(x, 0.3));
    }
}
