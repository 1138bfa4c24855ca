//! Trays are checked on the parts' own outlines, not on cells.

use super::*;
use crate::base::Rng;
use crate::print::outline::{circle, prism};
use crate::print::pack::footprint::turned;

/// A part for a test: convex pieces of its outline, from the lower left corner of its box.
struct Piece {
    rings: Vec<Vec<Vector2<f64>>>,
    size: Vector2<f64>,
}

fn rectangle(x: f64, y: f64, w: f64, d: f64) -> Vec<Vector2<f64>> {
    [[x, y], [x + w, y], [x + w, y + d], [x, y + d]].map(Vector2::from).to_vec()
}

impl Piece {
    fn new(rings: Vec<Vec<Vector2<f64>>>) -> Self {
        let all = || rings.iter().flatten();
        let low = all().fold(Vector2::repeat(f64::INFINITY), |a, p| a.inf(p));
        let high = all().fold(Vector2::repeat(f64::NEG_INFINITY), |a, p| a.sup(p));
        let rings = rings.iter().map(|r| r.iter().map(|p| p - low).collect()).collect();
        Self { rings, size: high - low }
    }

    fn footprint(&self, height: f64, bed: &Bed) -> Footprint {
        let mut mesh = crate::scene::Mesh::default();
        for ring in &self.rings {
            let own = prism(ring, 0.0, height).mesh;
            let first = mesh.vertices.len() as u32;
            mesh.vertices.extend(own.vertices);
            mesh.triangles.extend(own.triangles.iter().map(|t| t.map(|v| v + first)));
        }
        Footprint::of("piece", &mesh, bed.cell_mm())
    }

    fn placed(&self, p: &Placement) -> Vec<Vec<Vector2<f64>>> {
        let to = |v: &Vector2<f64>| turned(*v, self.size, p.quarters) + Vector2::from(p.at_mm);
        self.rings.iter().map(|r| r.iter().map(to).collect()).collect()
    }
}

/// Whether a direction separates two convex rings; if none does, how far apart their nearest points are.
fn distance(a: &[Vector2<f64>], b: &[Vector2<f64>]) -> f64 {
    let sides = |r: &[Vector2<f64>]| (0..r.len()).map(|i| (r[i], r[(i + 1) % r.len()])).collect::<Vec<_>>();
    let apart = sides(a).into_iter().chain(sides(b)).any(|(p, q)| {
        let n = Vector2::new(q.y - p.y, p.x - q.x);
        let (of_a, of_b) = (a.iter().map(|v| v.dot(&n)), b.iter().map(|v| v.dot(&n)));
        let (max_a, min_a) = (of_a.clone().fold(f64::NEG_INFINITY, f64::max), of_a.fold(f64::INFINITY, f64::min));
        let (max_b, min_b) = (of_b.clone().fold(f64::NEG_INFINITY, f64::max), of_b.fold(f64::INFINITY, f64::min));
        max_a <= min_b + 1e-9 || max_b <= min_a + 1e-9
    });
    if !apart {
        return -1.0;
    }
    let to_side = |v: &Vector2<f64>, (p, q): (Vector2<f64>, Vector2<f64>)| {
        let share = ((v - p).dot(&(q - p)) / (q - p).norm_squared()).clamp(0.0, 1.0);
        (p + (q - p) * share - v).norm()
    };
    let from = |a: &[Vector2<f64>], b: &[Vector2<f64>]| {
        a.iter().flat_map(|v| sides(b).into_iter().map(move |s| to_side(v, s))).fold(f64::INFINITY, f64::min)
    };
    from(a, b).min(from(b, a))
}

/// Packs, and checks that every copy stands once, inside, and far enough from all others.
fn checked(pieces: &[Piece], copies: u32, bed: &Bed) -> Vec<Tray> {
    let parts: Vec<Footprint> = pieces.iter().map(|p| p.footprint(4.0, bed)).collect();
    let trays = pack(&Ctx::silent(), &parts, copies, bed).expect("trays");
    let mut all: Vec<(usize, u32)> = trays.iter().flat_map(|t| &t.placements).map(|p| (p.part, p.copy)).collect();
    all.sort_unstable();
    let wanted: Vec<_> = (0..pieces.len()).flat_map(|part| (1..=copies).map(move |copy| (part, copy))).collect();
    assert_eq!(all, wanted);
    for tray in &trays {
        assert!(!tray.placements.is_empty() && tray.used > 0.0 && tray.used <= 1.0 && tray.height_mm == 4.0);
        let placed: Vec<_> = tray.placements.iter().map(|p| pieces[p.part].placed(p)).collect();
        for p in placed.iter().flatten().flatten() {
            assert!(p.x > -1e-6 && p.y > -1e-6 && p.x < bed.build_mm[0] + 1e-6 && p.y < bed.build_mm[1] + 1e-6);
        }
        for (i, a) in placed.iter().enumerate() {
            for b in &placed[i + 1..] {
                let near = a.iter().flat_map(|a| b.iter().map(|b| distance(a, b))).fold(f64::INFINITY, f64::min);
                assert!(near > bed.spacing_mm - 1e-6, "{near}");
            }
        }
    }
    trays
}

const BED: Bed = Bed { build_mm: [490.0, 390.0, 200.0], spacing_mm: 5.0 };

fn bed(x: f64, y: f64, spacing_mm: f64) -> Bed {
    Bed { build_mm: [x, y, 50.0], spacing_mm }
}

#[test]
fn boxes_that_fit_only_turned_are_turned() {
    let trays = checked(&[Piece::new(vec![rectangle(0.0, 0.0, 300.0, 480.0)])], 1, &BED);
    assert_eq!((trays.len(), trays[0].placements[0].quarters % 2), (1, 1));
    // Six fit across, four along.
    let six = Piece::new(vec![rectangle(0.0, 0.0, 180.0, 150.0)]);
    assert_eq!(checked(&[six], 6, &BED).len(), 1);
    // It stands in the middle.
    let one = checked(&[Piece::new(vec![rectangle(0.0, 0.0, 100.0, 90.0)])], 1, &BED);
    assert_eq!(one[0].placements[0].at_mm, [195.0, 150.0]);
    assert!((one[0].used - 9000.0 / (490.0 * 390.0)).abs() < 1e-9);
}

#[test]
fn what_one_tray_does_not_hold_goes_on_the_next() {
    let piece = || Piece::new(vec![rectangle(0.0, 0.0, 240.0, 190.0)]);
    assert_eq!(checked(&[piece()], 4, &BED).len(), 1);
    let trays = checked(&[piece()], 9, &BED);
    assert_eq!(trays.iter().map(|t| t.placements.len()).collect::<Vec<_>>(), [4, 4, 1]);
    assert_eq!(trays[0].placements[0].at_mm, trays[1].placements[0].at_mm);
    // A small part fills up the first tray, not a third one.
    let mixed = checked(
        &[Piece::new(vec![rectangle(0.0, 0.0, 30.0, 30.0)]), Piece::new(vec![rectangle(0.0, 0.0, 300.0, 380.0)])],
        2,
        &BED,
    );
    assert_eq!(mixed.len(), 2);
    assert_eq!(mixed[0].placements.len(), 3);
}

#[test]
fn a_part_that_fits_in_no_way_is_told_with_its_size() {
    for (ring, height) in [(rectangle(0.0, 0.0, 491.0, 10.0), 5.0), (rectangle(0.0, 0.0, 10.0, 10.0), 201.0)] {
        let part = Piece::new(vec![ring]).footprint(height, &BED);
        let error = pack(&Ctx::silent(), &[part], 1, &BED).expect_err("too large");
        let text = error.to_string();
        assert!(text.contains("piece of") && text.contains("490 x 390 x 200 mm") && !error.hint().is_empty(), "{text}");
    }
    // A whole tray is no more than the tray, also where it is no whole number of cells.
    let odd = bed(100.3, 70.2, 5.0);
    assert_eq!(checked(&[Piece::new(vec![rectangle(0.0, 0.0, 100.3, 70.2)])], 2, &odd).len(), 2);
}

#[test]
fn round_parts_stand_in_each_others_gaps() {
    // Boxes of 60 mm with 4 mm between them: 3 by 3 stand on this tray; discs have room for another row.
    let bed = bed(190.0, 240.0, 4.0);
    let disc = Piece::new(vec![circle(30.0, 0.01)]);
    let square = Piece::new(vec![rectangle(0.0, 0.0, 60.0, 60.0)]);
    let count = |piece: Piece| checked(&[piece], 20, &bed)[0].placements.len();
    assert_eq!(count(square), 9);
    assert!(count(disc) >= 10);
}

#[test]
fn corners_are_put_into_each_other() {
    let corner = || Piece::new(vec![rectangle(0.0, 0.0, 60.0, 20.0), rectangle(0.0, 20.0, 20.0, 40.0)]);
    // Two of them make 60 x 85 with their distance, two boxes 125 x 60.
    assert_eq!(checked(&[corner()], 2, &bed(90.0, 60.5, 5.0)).len(), 1);
    checked(&[corner(), Piece::new(vec![circle(12.0, 0.01)])], 7, &bed(150.0, 140.0, 3.0));
}

/// The usual shelves: next fit in decreasing height (E. G. Coffman et al., 1980), each rectangle on its longer side.
fn shelves(sizes: &[[f64; 2]], bed: &Bed) -> usize {
    let mut sizes: Vec<[f64; 2]> = sizes.iter().map(|[a, b]| [a.max(*b), a.min(*b)]).collect();
    sizes.sort_by(|a, b| b[1].total_cmp(&a[1]));
    let (mut trays, mut x, mut y, mut high) = (1, 0.0, 0.0, 0.0);
    for [w, d] in sizes {
        if x + w > bed.build_mm[0] {
            (x, y, high) = (0.0, y + high + bed.spacing_mm, 0.0);
        }
        if y + d > bed.build_mm[1] {
            (trays, x, y, high) = (trays + 1, 0.0, 0.0, 0.0);
        }
        (x, high) = (x + w + bed.spacing_mm, f64::max(high, d));
    }
    trays
}

#[test]
fn random_rectangles_take_no_more_trays_than_shelves() {
    let bed = bed(245.0, 195.0, 5.0);
    let (mut own, mut other) = (0, 0);
    for seed in 0..8 {
        let mut rng = Rng::new(11, seed);
        let sizes: Vec<[f64; 2]> = (0..30).map(|_| [rng.uniform(15.0, 110.0), rng.uniform(15.0, 110.0)]).collect();
        let pieces: Vec<Piece> = sizes.iter().map(|[w, d]| Piece::new(vec![rectangle(0.0, 0.0, *w, *d)])).collect();
        let (trays, usual) = (checked(&pieces, 1, &bed).len(), shelves(&sizes, &bed));
        assert!(trays <= usual, "{trays} instead of {usual} in round {seed}");
        (own, other) = (own + trays, other + usual);
    }
    assert!(own < other);
}

#[test]
fn placements_say_where_each_corner_goes() {
    let (low, high) = (Vector3::new(1.0, 2.0, 3.0), Vector3::new(31.0, 12.0, 8.0));
    for quarters in 0..4 {
        let p = Placement { part: 0, copy: 1, at_mm: [100.0, 50.0], quarters };
        let matrix = p.tray_from_part((low, high));
        let corner = Vector3::new(4.0, 11.0, 3.5);
        let there = (matrix * corner.push(1.0)).xyz();
        let flat = turned(corner.xy() - low.xy(), (high - low).xy(), quarters) + Vector2::new(100.0, 50.0);
        assert!((there - flat.push(0.5)).norm() < 1e-12, "{quarters}: {there}");
    }
}

#[test]
fn equal_input_gives_equal_trays() {
    let pieces = || [Piece::new(vec![circle(31.0, 0.01)]), Piece::new(vec![rectangle(0.0, 0.0, 70.0, 33.3)])];
    assert_eq!(checked(&pieces(), 9, &BED), checked(&pieces(), 9, &BED));
}
