//! Outlines on the ground, and the prisms that stand on them.
//!
//! In: a ring of corners (metres or millimetres, the last not repeated). Out: whether it is simple, its area and box,
//! the closed prism over it. Crossings are decided by exact orientation signs. Cost: quadratic in the corners, which are
//! hundreds at most.

use super::PrintError;
use super::solid::Solid;
use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use robust::{Coord, orient2d};
use std::collections::BTreeSet;

/// Signed area: positive where the corners run counter-clockwise.
pub fn area(ring: &[Vector2<f64>]) -> f64 {
    (0..ring.len()).map(|i| ring[i].perp(&ring[(i + 1) % ring.len()])).sum::<f64>() / 2.0
}

/// The centroid of what a ring encloses; its first corner where that is nothing.
pub fn middle(ring: &[Vector2<f64>]) -> Vector2<f64> {
    let Some(first) = ring.first() else { return Vector2::zeros() };
    let weighted = |i: usize| {
        let (a, b) = (ring[i] - first, ring[(i + 1) % ring.len()] - first);
        (a + b) / 3.0 * a.perp(&b) / 2.0
    };
    let sum: Vector2<f64> = (0..ring.len()).map(weighted).sum();
    let size = area(ring);
    if size == 0.0 { *first } else { first + sum / size }
}

/// Lower and upper corner.
pub fn bounds(ring: &[Vector2<f64>]) -> Option<(Vector2<f64>, Vector2<f64>)> {
    let first = *ring.first()?;
    Some(ring.iter().fold((first, first), |(lo, hi), p| (lo.inf(p), hi.sup(p))))
}

/// Whether a point is at most `by` away from a ring.
pub fn near_border(ring: &[Vector2<f64>], p: &Vector2<f64>, by: f64) -> bool {
    (0..ring.len()).any(|i| {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        let along = b - a;
        let share = ((p - a).dot(&along) / along.norm_squared()).clamp(0.0, 1.0);
        (a + along * share - p).norm() <= by
    })
}

/// A counter-clockwise ring with its sides moved outwards, or inwards where `by` is below zero.
pub fn widened(ring: &[Vector2<f64>], by: f64) -> Vec<Vector2<f64>> {
    let n = ring.len();
    let outward = |i: usize| {
        let along = ring[(i + 1) % n] - ring[i];
        Vector2::new(along.y, -along.x).try_normalize(0.0).unwrap_or_default()
    };
    let corner = |i: usize| {
        let (before, after) = (outward((i + n - 1) % n), outward(i));
        // At a corner sharper than 40 degrees both sides move less than their due.
        ring[i] + (before + after) * (by / (1.0 + before.dot(&after)).max(0.25))
    };
    (0..n).map(corner).collect()
}

/// The point, moved away from the sides of a counter-clockwise ring that are closer than `depth`, to that depth inside.
pub fn inwards(ring: &[Vector2<f64>], p: &Vector2<f64>, depth: f64) -> Vector2<f64> {
    let mut place = *p;
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[(i + 1) % ring.len()]);
        let along = b - a;
        let share = (place - a).dot(&along) / along.norm_squared();
        // The inside is to the left.
        let Some(normal) = Vector2::new(-along.y, along.x).try_normalize(0.0) else { continue };
        let own = (place - a).dot(&normal);
        if (0.0..=1.0).contains(&share) && own.abs() < depth {
            place += normal * (depth - own);
        }
    }
    place
}

/// Whether a point is inside a counter-clockwise ring, or at most `by` outside.
pub fn reaches(ring: &[Vector2<f64>], p: &Vector2<f64>, by: f64) -> bool {
    contains(ring, p) || near_border(ring, p, by)
}

/// Whether a point lies inside.
pub fn contains(ring: &[Vector2<f64>], p: &Vector2<f64>) -> bool {
    let mut inside = false;
    for i in 0..ring.len() {
        let (a, b) = (&ring[i], &ring[(i + 1) % ring.len()]);
        if (a.y > p.y) != (b.y > p.y) && p.x < a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    inside
}

/// The ring counter-clockwise and without repeated corners; fails where it is no simple polygon.
pub fn checked(ring: &[Vector2<f64>]) -> Result<Vec<Vector2<f64>>, PrintError> {
    let fault = |fault: String| Err(PrintError::Outline { fault });
    if let Some(i) = ring.iter().position(|p| !(p.x.is_finite() && p.y.is_finite())) {
        return fault(format!("has a corner, number {}, that is no place", i + 1));
    }
    let mut ring = ring.to_vec();
    ring.dedup();
    while ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    if ring.len() < 3 {
        return fault(format!("has {} different corners; it needs three", ring.len()));
    }
    if let Some((i, j)) = crossing(&ring) {
        return fault(format!("crosses itself: side {} meets side {}", i + 1, j + 1));
    }
    let size = area(&ring);
    let (low, high) = bounds(&ring).unwrap_or_default();
    if size.abs() <= 1e-9 * (high - low).norm_squared() {
        return fault("encloses nothing".into());
    }
    if size < 0.0 {
        ring.reverse();
    }
    Ok(ring)
}

/// Two sides that meet where they should not.
fn crossing(ring: &[Vector2<f64>]) -> Option<(usize, usize)> {
    let n = ring.len();
    let sign = |a: &Vector2<f64>, b: &Vector2<f64>, c: &Vector2<f64>| {
        let coord = |p: &Vector2<f64>| Coord { x: p.x, y: p.y };
        let s = orient2d(coord(a), coord(b), coord(c));
        if s == 0.0 { 0 } else { s.signum() as i32 }
    };
    let between = |a: &Vector2<f64>, b: &Vector2<f64>, p: &Vector2<f64>| {
        (p.x >= a.x.min(b.x) && p.x <= a.x.max(b.x)) && (p.y >= a.y.min(b.y) && p.y <= a.y.max(b.y))
    };
    for i in 0..n {
        let (a, b) = (&ring[i], &ring[(i + 1) % n]);
        for j in i + 1..n {
            let (c, d) = (&ring[j], &ring[(j + 1) % n]);
            let neighbours = j == i + 1 || (i == 0 && j == n - 1);
            let (s1, s2, s3, s4) = (sign(a, b, c), sign(a, b, d), sign(c, d, a), sign(c, d, b));
            if neighbours {
                // They share a corner; they must not fold back onto each other.
                let (shared, own, other) = if j == i + 1 { (b, a, d) } else { (a, b, c) };
                if sign(own, shared, other) == 0 && (own - shared).dot(&(other - shared)) > 0.0 {
                    return Some((i, j));
                }
                continue;
            }
            let touches = (s1 == 0 && between(a, b, c))
                || (s2 == 0 && between(a, b, d))
                || (s3 == 0 && between(c, d, a))
                || (s4 == 0 && between(c, d, b));
            if touches || (s1 * s2 < 0 && s3 * s4 < 0) {
                return Some((i, j));
            }
        }
    }
    None
}

/// Triangles over a counter-clockwise simple ring, by cutting ears; always `n - 2` of them.
pub fn triangulate(ring: &[Vector2<f64>]) -> Vec<[u32; 3]> {
    let mut left: Vec<u32> = (0..ring.len() as u32).collect();
    let mut triangles = Vec::with_capacity(ring.len().saturating_sub(2));
    let (mut at, mut failures) = (0, 0);
    while left.len() > 3 {
        let n = left.len();
        let [a, b, c] = [left[(at + n - 1) % n], left[at % n], left[(at + 1) % n]];
        let [pa, pb, pc] = [a, b, c].map(|v| ring[v as usize]);
        let convex = (pb - pa).perp(&(pc - pb)) > 0.0;
        let is_ear = convex
            && left.iter().all(|&v| {
                let p = ring[v as usize];
                v == a
                    || v == b
                    || v == c
                    || (pb - pa).perp(&(p - pa)) < 0.0
                    || (pc - pb).perp(&(p - pb)) < 0.0
                    || (pa - pc).perp(&(p - pc)) < 0.0
            });
        if is_ear || failures > n {
            triangles.push([a, b, c]);
            left.remove(at % n);
            at %= left.len();
            failures = 0;
        } else {
            at = (at + 1) % n;
            failures += 1;
        }
    }
    if let [a, b, c] = left[..] {
        triangles.push([a, b, c]);
    }
    triangles
}

/// The plain closed prism over a counter-clockwise ring, from `low` to `high`.
pub fn prism(ring: &[Vector2<f64>], low: f64, high: f64) -> Solid {
    let n = ring.len() as u32;
    let mut mesh = Mesh::default();
    for z in [low, high] {
        mesh.vertices.extend(ring.iter().map(|p| Vector3::new(p.x, p.y, z)));
    }
    for [a, b, c] in triangulate(ring) {
        mesh.triangles.extend([[a, c, b], [n + a, n + b, n + c]]);
    }
    for i in 0..n {
        let j = (i + 1) % n;
        mesh.triangles.extend([[i, j, n + j], [i, n + j, n + i]]);
    }
    Solid::plain(mesh)
}

/// How far, in millimetres, a footprint's corners may be off.
const FOOTPRINT: f64 = 0.05;

/// The outline of the level underside of a body, counter-clockwise, without what is cut into it; empty where it has none.
pub fn footprint(mesh: &Mesh) -> Vec<Vector2<f64>> {
    let Some((low, _)) = mesh.bounds() else { return Vec::new() };
    let is_under = |t: &&[u32; 3]| t.iter().all(|&v| mesh.vertices[v as usize].z < low.z + FOOTPRINT);
    let under: Vec<&[u32; 3]> = mesh.triangles.iter().filter(is_under).collect();
    let sides = || under.iter().flat_map(|t| (0..3).map(move |k| (t[(k + 1) % 3], t[k])));
    let all: BTreeSet<(u32, u32)> = sides().collect();
    let mut border: BTreeSet<(u32, u32)> = sides().filter(|&(a, b)| !all.contains(&(b, a))).collect();
    let mut largest: (f64, Vec<Vector2<f64>>) = (0.0, Vec::new());
    while let Some((first, mut at)) = border.pop_first() {
        let mut ring = vec![first];
        while at != first {
            ring.push(at);
            let Some(&side) = border.range((at, 0)..=(at, u32::MAX)).next() else { break };
            border.remove(&side);
            at = side.1;
        }
        let ring: Vec<Vector2<f64>> = ring.iter().map(|&v| mesh.vertices[v as usize].xy()).collect();
        let size = area(&ring);
        if size > largest.0 {
            largest = (size, ring);
        }
    }
    fewer(&largest.1, FOOTPRINT)
}

/// A ring without corners that are no farther than `by` from the straight line past them.
fn fewer(ring: &[Vector2<f64>], by: f64) -> Vec<Vector2<f64>> {
    // From a corner that stays: the one farthest from the first.
    let far = |i: &usize| (ring[*i] - ring[0]).norm();
    let Some(start) = (0..ring.len()).max_by(|a, b| far(a).total_cmp(&far(b))) else { return Vec::new() };
    let at = |i: usize| ring[(start + i) % ring.len()];
    let (mut kept, mut from) = (vec![at(0)], 0);
    for to in 2..=ring.len() {
        let (a, along) = (at(from), (at(to) - at(from)).try_normalize(0.0));
        let off = |i: usize| along.map_or((at(i) - a).norm(), |d| d.perp(&(at(i) - a)).abs());
        if (from + 1..to).any(|i| off(i) > by) {
            from = to - 1;
            kept.push(at(from));
        }
    }
    kept
}

/// A regular polygon around the origin whose sides stay within `error` of the circle.
pub fn circle(radius: f64, error: f64) -> Vec<Vector2<f64>> {
    let step = (1.0 - (error / radius).min(0.5)).acos() * 2.0;
    let n = (std::f64::consts::TAU / step).ceil().clamp(12.0, 720.0);
    (0..n as usize)
        .map(|i| {
            let angle = std::f64::consts::TAU * i as f64 / n;
            Vector2::new(angle.cos(), angle.sin()) * radius
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;

    fn ring(points: &[(f64, f64)]) -> Vec<Vector2<f64>> {
        points.iter().map(|&(x, y)| Vector2::new(x, y)).collect()
    }

    #[test]
    fn what_is_no_polygon_is_refused() {
        for (points, word) in [
            (&[(0.0, 0.0), (1.0, 0.0)][..], "two"),
            (&[(0.0, 0.0), (2.0, 2.0), (2.0, 0.0), (0.0, 2.0)], "bow tie"),
            (&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)], "flat"),
            (&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (2.0, 0.0)], "touches its side"),
            (&[(0.0, 0.0), (4.0, 0.0), (2.0, 0.0), (2.0, 4.0)], "folds back"),
            (&[(0.0, 0.0), (4.0, f64::NAN), (2.0, 2.0)], "nowhere"),
        ] {
            assert!(matches!(checked(&ring(points)), Err(PrintError::Outline { .. })), "{word}");
        }
        let l = ring(&[(0.0, 0.0), (0.0, 2.0), (1.0, 2.0), (1.0, 1.0), (2.0, 1.0), (2.0, 0.0), (0.0, 0.0)]);
        let fixed = checked(&l).expect("an L");
        assert_eq!((fixed.len(), area(&fixed)), (6, 3.0));
        assert!(contains(&fixed, &Vector2::new(0.5, 1.5)) && !contains(&fixed, &Vector2::new(1.5, 1.5)));
    }

    #[test]
    fn footprints_are_outlines() {
        let l = ring(&[(0.0, 0.0), (20.0, 0.0), (20.0, 5.0), (20.0, 10.0), (10.0, 10.01), (10.0, 20.0), (0.0, 20.0)]);
        let mut mesh = prism(&l, 3.0, 5.0).mesh;
        // What is cut into the underside is none of it.
        let hole = [0, 1, 2].map(|i| mesh.vertices.len() as u32 + i);
        mesh.vertices.extend([(2.0, 2.0), (4.0, 2.0), (2.0, 4.0)].map(|(x, y)| Vector3::new(x, y, 3.0)));
        mesh.triangles.push(hole);
        let found = footprint(&mesh);
        assert_eq!(found.len(), 6, "{found:?}");
        assert!((area(&found) - 300.0).abs() < 0.2, "{found:?}");
        let disc = circle(50.0, 0.01);
        let found = footprint(&prism(&disc, 0.0, 1.0).mesh);
        assert!(found.len() < disc.len() && (area(&found) / area(&disc) - 1.0).abs() < 2e-3, "{}", found.len());
        assert!(footprint(&Mesh::default()).is_empty());
    }

    #[test]
    fn prisms_are_solid() {
        let l =
            checked(&ring(&[(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (1.0, 1.0), (1.0, 2.0), (0.0, 2.0)])).expect("an L");
        for (outline, area) in [(l, 3.0), (circle(10.0, 0.01), std::f64::consts::PI * 100.0)] {
            let report = inspect(&prism(&outline, -1.0, 2.0).mesh);
            assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
            assert!((report.volume / 3.0 - area).abs() < 0.002 * area, "{}", report.volume);
        }
    }

    #[test]
    fn places_move_inwards_and_sides_move_apart() {
        let ring = [[0.0, 0.0], [10.0, 0.0], [10.0, 8.0], [0.0, 8.0]].map(Vector2::from);
        let moved = |x: f64, y: f64| inwards(&ring, &Vector2::new(x, y), 2.0);
        for ((x, y), (to_x, to_y)) in [
            ((5.0, 4.0), (5.0, 4.0)),
            ((5.0, 0.5), (5.0, 2.0)),
            ((5.0, -0.5), (5.0, 2.0)),
            ((9.0, 7.5), (8.0, 6.0)),
            ((5.0, -3.0), (5.0, -3.0)),
        ] {
            assert!((moved(x, y) - Vector2::new(to_x, to_y)).norm() < 1e-12, "{x} {y}: {}", moved(x, y));
        }
        for by in [-1.0, 0.5] {
            let (low, high) = bounds(&widened(&ring, by)).expect("a ring");
            let corners = (Vector2::repeat(-by), Vector2::new(10.0 + by, 8.0 + by));
            assert!((low - corners.0).norm() < 1e-12 && (high - corners.1).norm() < 1e-12, "{low} {high}");
        }
    }
}
