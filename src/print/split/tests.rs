//! Towns with streets that wind: what cuts pass, whether pieces are whole, fit each other and go together.

use super::*;
use crate::mesh::{MeshReport, inspect};
use crate::print::outline;
use crate::print::settle;
use crate::print::solid::{intersect, unite};

const JOINT: Joint = Joint { wall_mm: 1.5, base_mm: 8.0, shave: false };

fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<Vector2<f64>> {
    vec![Vector2::new(x[0], y[0]), Vector2::new(x[1], y[0]), Vector2::new(x[1], y[1]), Vector2::new(x[0], y[1])]
}

fn cuts(columns: usize, rows: usize, straight: bool) -> Cuts {
    Cuts { columns, rows, straight }
}

fn town(ctx: &Ctx, base: Vec<Vector2<f64>>, blocks: &[Vec<Vector2<f64>>]) -> Solid {
    let mut bodies = vec![prism(&base, 0.0, 8.0)];
    bodies.extend(blocks.iter().enumerate().map(|(i, ring)| prism(ring, 5.0, 20.0 + i as f64)));
    unite(ctx, &bodies.iter().collect::<Vec<_>>()).expect("a town")
}

/// Where the streets of the winding town run: one from front to back, one from left to right.
fn street(axis: usize, along: f64) -> f64 {
    if axis == 0 { 60.0 + 6.0 * (along / 11.0).sin() } else { 51.0 + 4.0 * (along / 15.0).cos() }
}

/// A base of 120 x 100 x 8 mm with four blocks and streets of 7 mm that wind between them.
fn winding(ctx: &Ctx) -> Solid {
    let blocks: Vec<Vec<Vector2<f64>>> = [[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]
        .into_iter()
        .map(|side: [f64; 2]| {
            // From the outer corner along the border to a street, along it to the other, and back.
            let corner = Vector2::new(60.0 + 57.0 * side[0], 50.0 + 47.0 * side[1]);
            let x = |y: f64| street(0, y) + 3.5 * side[0];
            let y = |x: f64| street(1, x) + 3.5 * side[1];
            let meet = (0..100).fold(corner, |p, _| Vector2::new(x(p.y), y(p.x)));
            let steps = (0..=24).map(|i| f64::from(i) / 24.0);
            let up = steps.clone().map(|s| corner.y + (meet.y - corner.y) * s).map(|v| Vector2::new(x(v), v));
            let back = steps.skip(1).map(|s| meet.x + (corner.x - meet.x) * s).map(|v| Vector2::new(v, y(v)));
            let ring: Vec<Vector2<f64>> = std::iter::once(corner).chain(up).chain(back).collect();
            outline::checked(&ring).expect("a block")
        })
        .collect();
    town(ctx, rectangle([0.0, 120.0], [0.0, 100.0]), &blocks)
}

fn with_ground<T>(whole: &Solid, then: impl FnOnce(&Ground) -> T) -> T {
    let (low, high) = whole.mesh.bounds().expect("a body");
    let bvh = Bvh::new(&whole.mesh);
    let top =
        |p: &Vector2<f64>| bvh.cast(&p.push(high.z + 1.0), &-Vector3::z(), 0.0, f64::INFINITY).map(|hit| hit.point.z);
    then(&Ground { top: &top, low, high })
}

/// The pieces before they are joined.
fn apart(ctx: &Ctx, whole: &Solid, net: &Net, cuts: Cuts) -> Vec<Solid> {
    let all = (0..cuts.rows).flat_map(|r| (0..cuts.columns).map(move |c| (c, r)));
    all.map(|(c, r)| cut(ctx, whole, &prism(&net.ring(c, r), -5.0, 40.0)).expect("a piece")).collect()
}

fn surface(solid: &Solid) -> f64 {
    (0..solid.photo.len()).map(|t| solid.mesh.area_normal(t).norm() / 2.0).sum()
}

/// The area of the cuts through what stands on the base, and by how much the volume of the pieces differs.
fn facades(ctx: &Ctx, whole: &Solid, cuts: Cuts) -> (f64, f64) {
    let net = with_ground(whole, |ground| net(ground, cuts, JOINT.wall_mm));
    let pieces = apart(ctx, whole, &net, cuts);
    let (low, high) = whole.mesh.bounds().expect("a body");
    let inner = net.lines.iter().flat_map(|lines| &lines[1..lines.len() - 1]);
    let sides = inner.flat_map(|l| l.points.windows(2).map(|w| [w[0], w[1]]));
    // The ends lie beyond the body.
    let length: f64 =
        sides.map(|[a, b]| (b.sup(&low.xy()).inf(&high.xy()) - a.sup(&low.xy()).inf(&high.xy())).norm()).sum();
    let cut = (pieces.iter().map(surface).sum::<f64>() - surface(whole)) / 2.0;
    (cut - 8.0 * length, pieces.iter().map(|p| p.mesh.volume()).sum::<f64>() - whole.mesh.volume())
}

#[test]
fn cuts_follow_winding_streets_and_lose_nothing() {
    let ctx = Ctx::silent();
    let whole = winding(&ctx);
    for (columns, rows) in [(2, 1), (2, 2)] {
        let (through, more) = facades(&ctx, &whole, cuts(columns, rows, false));
        let (straight, _) = facades(&ctx, &whole, cuts(columns, rows, true));
        assert!(through.abs() < 0.5, "{columns}x{rows}: {through} mm2 of facade, straight {straight}");
        assert!(straight > 300.0, "{straight}");
        assert!(more.abs() < 1e-6 * whole.mesh.volume(), "{more}");
    }
    // Equal for any number of threads; neighbours share their corners; the rules of the path hold.
    let found = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| with_ground(&whole, |ground| net(ground, cuts(2, 2, false), JOINT.wall_mm)))
    });
    assert_eq!(found[0].lines, found[1].lines);
    let rings = [[0, 0], [1, 0], [0, 1], [1, 1]].map(|[c, r]| found[0].ring(c, r));
    for [a, b] in [[0, 1], [2, 3], [0, 2], [1, 3]] {
        let common = rings[a].iter().filter(|p| rings[b].contains(p)).count();
        assert!(common >= 3, "{common} corners between pieces {a} and {b}");
    }
    for ring in &rings {
        assert_eq!(outline::checked(ring).expect("a simple ring").len(), ring.len());
        for i in 0..ring.len() {
            let (a, b, c) = (ring[i], ring[(i + 1) % ring.len()], ring[(i + 2) % ring.len()]);
            let angle = (a - b).angle(&(c - b)).to_degrees();
            assert!(angle > 55.0, "a corner of {angle} degrees at {b}");
        }
    }
}

#[test]
fn pieces_of_winding_towns_are_solid_and_go_together() {
    let ctx = Ctx::silent();
    let whole = winding(&ctx);
    let pieces = split(&ctx, whole.clone(), cuts(2, 2, false), JOINT).expect("pieces");
    assert_eq!(pieces.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["A1", "B1", "A2", "B2"]);
    for piece in &pieces {
        let report: MeshReport = inspect(&settle(&ctx, piece.solid.clone()).expect("settles").mesh);
        assert!(report.is_solid() && report.components == 1 && report.self_intersections == 0, "{report:?}");
    }
    let moved = |i: usize, by: Vector3<f64>| {
        let mut solid = pieces[i].solid.clone();
        solid.mesh.vertices.iter_mut().for_each(|v| *v += by);
        solid
    };
    let common = |a: &Solid, b: &Solid| intersect(&ctx, a, b).expect("nothing in common").mesh.volume();
    // Rows are pushed together sideways, then from front and back.
    let (x, y) = (Vector3::x(), Vector3::y());
    for (a, b, by) in [(0, 1, x * 0.0), (2, 3, x * 1.7), (0, 2, y * 1.7), (1, 3, y * 0.0)] {
        let volume = common(&pieces[a].solid, &moved(b, by));
        assert!(volume < 1e-6, "{a} {b} {by}: {volume}");
    }
    // Pegs have room on all sides, and not more.
    let net = with_ground(&whole, |ground| net(ground, cuts(2, 2, false), JOINT.wall_mm));
    for (a, b, ring) in [(0, 1, net.ring(1, 0)), (0, 2, net.ring(0, 1)), (2, 3, net.ring(1, 1))] {
        let hole = Bvh::new(&pieces[b].solid.mesh);
        let is_peg =
            |p: &&Vector3<f64>| outline::contains(&ring, &p.xy()) && !outline::near_border(&ring, &p.xy(), 0.3);
        let rooms: Vec<f64> = (pieces[a].solid.mesh.vertices.iter().filter(is_peg))
            .map(|p| hole.closest(p, f64::INFINITY).expect("a surface").distance)
            .collect();
        assert!(rooms.len() > 24, "{} corners of pegs between {a} and {b}", rooms.len());
        assert!(rooms.iter().all(|r| (ROOM * 0.9..ROOM * 1.5).contains(r)), "{a} {b} {rooms:?}");
    }
}

#[test]
fn pieces_are_closed_fit_each_other_and_carry_numbers() {
    let ctx = Ctx::silent();
    // A street between two blocks that is not in the middle.
    let blocks = [rectangle([3.0, 53.0], [3.0, 57.0]), rectangle([57.0, 97.0], [3.0, 57.0])];
    let whole = town(&ctx, rectangle([0.0, 100.0], [0.0, 60.0]), &blocks);
    let volume = whole.mesh.volume();
    for straight in [false, true] {
        let pieces = split(&ctx, whole.clone(), cuts(2, 1, straight), JOINT).expect("pieces");
        assert_eq!(pieces.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["A1", "B1"]);
        let mut sum = 0.0;
        for piece in &pieces {
            let report = inspect(&settle(&ctx, piece.solid.clone()).expect("settles").mesh);
            assert!(report.is_solid() && report.components == 1 && report.self_intersections == 0, "{report:?}");
            sum += report.volume;
        }
        // The cut runs through the street, not through the middle of a block; pegs stand out of A and fit into B.
        let bounds = |i: usize| pieces[i].solid.mesh.bounds().expect("a piece");
        let face = bounds(1).0.x;
        assert!((53.0..=57.0).contains(&face), "{face}");
        assert!(bounds(0).1.x > face + 2.0);
        let both = intersect(&ctx, &pieces[0].solid, &pieces[1].solid).expect("nothing in common");
        assert!(both.mesh.volume() < 1e-6, "{}", both.mesh.volume());
        assert!((sum - volume).abs() < 0.01 * volume && sum < volume, "{sum} {volume}");
    }
}

#[test]
fn flat_ground_is_cut_straight_and_round_ground_from_border_to_border() {
    let ctx = Ctx::silent();
    let flat = prism(&rectangle([0.0, 100.0], [0.0, 60.0]), 0.0, 8.0);
    let lines = with_ground(&flat, |ground| preview(ground, cuts(2, 2, false), 1.0));
    let straight = |axis, at, to| Line::straight(axis, at, -5.0, to).points;
    assert!(lines[0].iter().all(|p| p.x == 50.0) && lines[1].iter().all(|p| p.y == 30.0), "{lines:?}");
    assert_eq!([lines[0][0], lines[0][lines[0].len() - 1]].to_vec(), straight(0, 50.0, 65.0));
    // Each of the pieces of a disc, whose box is larger than it, has room for its number and pegs.
    let disc: Vec<Vector2<f64>> = outline::circle(50.0, 0.01).iter().map(|p| p + Vector2::new(50.0, 50.0)).collect();
    let whole = prism(&disc, 0.0, 8.0);
    let pieces = split(&ctx, whole.clone(), cuts(2, 2, false), JOINT).expect("quarters");
    let size = |i: usize| pieces[i].solid.mesh.volume() / whole.mesh.volume();
    assert!((0..4).all(|i| (size(i) - 0.25).abs() < 0.01), "{:?}", [0, 1, 2, 3].map(size));
    for piece in &pieces {
        let report = inspect(&settle(&ctx, piece.solid.clone()).expect("settles").mesh);
        // The openings of a number are tunnels into the underside: no holes, but no more than one body either.
        assert!(report.is_solid() && report.components == 1, "{report:?}");
        let top = |p: &&Vector3<f64>| (p.z - pegs::NUMBER_DEPTH).abs() < 1e-6;
        assert!(piece.solid.mesh.vertices.iter().filter(top).count() > 8, "no number under {}", piece.name);
    }
}

#[test]
fn fins_at_cuts_are_shaved() {
    let ctx = Ctx::silent();
    // A block that a cut at 50 leaves 0.6 mm of, beside one that stands on its own.
    let blocks = [rectangle([49.4, 58.0], [10.0, 40.0]), rectangle([10.0, 30.0], [10.0, 50.0])];
    let whole = town(&ctx, rectangle([0.0, 100.0], [0.0, 60.0]), &blocks);
    let ring = rectangle([-5.0, 50.0], [-5.0, 65.0]);
    let own = cut(&ctx, &whole, &prism(&ring, -5.0, 40.0)).expect("a piece");
    let less = trim::trimmed(&ctx, own.clone(), &ring, (1.5, 0.0)).expect("a piece");
    let gone = own.mesh.volume() - less.mesh.volume();
    assert!((gone - 0.6 * 30.0 * 12.0).abs() < 25.0, "{gone}");
    let at = |solid: &Solid, x: f64| with_ground(solid, |ground| (ground.top)(&Vector2::new(x, 25.0)));
    assert!(
        at(&own, 49.7).is_some_and(|z| z > 19.0) && at(&less, 49.7).is_some_and(|z| z < 8.5),
        "{:?}",
        at(&less, 49.7)
    );
    assert_eq!(at(&less, 20.0), at(&own, 20.0));
    assert_eq!(less.mesh.bounds(), Some((Vector3::zeros(), Vector3::new(50.0, 60.0, 21.0))));
}

#[test]
fn as_few_pieces_as_fit() {
    let size = Vector3::new(300.0, 180.0, 40.0);
    assert_eq!(grid(Split::Auto, size, Some([320.0, 200.0, 200.0])).expect("one"), (1, 1));
    assert_eq!(grid(Split::Auto, size, Some([210.0, 200.0, 200.0])).expect("two"), (2, 1));
    let (c, r) = grid(Split::Auto, size, Some([120.0, 100.0, 60.0])).expect("several");
    assert!(300.0 / (c as f64) < 100.0 && 180.0 / (r as f64) < 120.0, "{c} {r}");
    assert!(matches!(grid(Split::Auto, size, Some([30.0, 30.0, 30.0])), Err(PrintError::TooLarge { .. })));
    assert!(grid(Split::Grid(0, 2), size, None).is_err() && grid(Split::Grid(3, 2), size, None).is_ok());
}
