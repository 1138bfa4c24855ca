//! Which triangles of a mesh intersect.
//!
//! In: any indexed mesh. Out: pairs of triangles, found by a box hierarchy and decided by exact predicates (crate
//! `robust`); those that are far from any doubt need none.
//!
//! Source: O. Devillers, P. Guigue, "Faster triangle-triangle intersection tests", INRIA RR-4488, 2002 (signs of
//! orientations instead of intersection points). Cost: about 3 s for a million triangles on two cores.

use crate::mesh::bvh::{Aabb, Bvh};
use crate::mesh::delaunay::orientation;
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use robust::{Coord, orient2d};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is this share of a product of lengths is far above the error of plain arithmetic.
const MARGIN: f64 = 1e-12;
/// More pairs than so many for each triangle are counted one triangle at a time.
const MANY: usize = 4;

/// Pairs of triangles (lower number first, ascending) that intersect other than in the corners and edges they share.
/// Degenerate triangles are passed over.
pub fn self_intersections(mesh: &Mesh) -> Vec<(u32, u32)> {
    pairs_but(mesh, usize::MAX).unwrap_or_default()
}

/// The same, with at most `each` partners of higher number for a triangle: bounds the work on surfaces that lie on
/// themselves many times.
pub fn self_intersections_up_to(mesh: &Mesh, each: usize) -> Vec<(u32, u32)> {
    let Some(mut pairs) = pairs_but(mesh, MANY * mesh.triangles.len()) else {
        let all: Vec<u32> = (0..mesh.triangles.len() as u32).collect();
        return intersections_with(mesh, &all, |_| true, each);
    };
    let mut last = (u32::MAX, 0);
    pairs.retain(|&(a, _)| {
        last = if last.0 == a { (a, last.1 + 1) } else { (a, 1) };
        last.1 <= each
    });
    pairs
}

/// All pairs; `None` where there are more than `most`.
fn pairs_but(mesh: &Mesh, most: usize) -> Option<Vec<(u32, u32)>> {
    let count = AtomicUsize::new(0);
    let mut pairs = Bvh::new(mesh).overlapping_pairs(|(a, p), (b, q)| {
        let (first, second) = if a < b { (p, q) } else { (q, p) };
        let is_one = count.load(Ordering::Relaxed) <= most && intersect(first, second);
        is_one.then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            (a.min(b), a.max(b))
        })
    });
    pairs.par_sort_unstable();
    (pairs.len() <= most).then_some(pairs)
}

/// The pairs of [`self_intersections`] with at least one of the `suspects`: all of them, where the others are known not to
/// intersect each other.
pub fn self_intersections_of(mesh: &Mesh, suspects: &[bool]) -> Vec<(u32, u32)> {
    let chosen: Vec<u32> = (0..mesh.triangles.len() as u32).filter(|&t| suspects[t as usize]).collect();
    intersections_with(mesh, &chosen, |t| suspects[t as usize], usize::MAX)
}

/// The pairs with one of the `chosen`, at most `each` for each triangle that they are found from.
fn intersections_with(
    mesh: &Mesh,
    chosen: &[u32],
    is_chosen: impl Fn(u32) -> bool + Sync,
    each: usize,
) -> Vec<(u32, u32)> {
    let bvh = Bvh::from_corners(chosen.iter().map(|&t| mesh.corners(t as usize)).collect());
    let mut pairs: Vec<(u32, u32)> = (0..mesh.triangles.len() as u32)
        .into_par_iter()
        .flat_map_iter(|a| {
            let region = mesh.corners(a as usize).iter().fold(Aabb::empty(), |b, p| b.with_point(p));
            let mut found = Vec::new();
            bvh.overlapping(&region, |i| {
                let b = chosen[i as usize];
                // Two chosen ones meet twice, once from each side.
                let is_first = a != b && !(is_chosen(a) && b < a) && found.len() < each;
                if is_first && intersect(&mesh.corners(a.min(b) as usize), &mesh.corners(a.max(b) as usize)) {
                    found.push((a.min(b), a.max(b)));
                }
            });
            found
        })
        .collect();
    pairs.par_sort_unstable();
    pairs
}

/// Whether two triangles meet outside what they share. Corners in the same place count as shared, so that
/// solids which only touch, as [`crate::mesh::make_manifold`] leaves them, do not intersect.
fn intersect(p: &[Vector3<f64>; 3], q: &[Vector3<f64>; 3]) -> bool {
    let shared: Vec<usize> = (0..3).filter(|&i| q.contains(&p[i])).collect();
    !clearly_apart(p, q, &shared) && intersect_exactly(p, q, &shared)
}

/// The same by exact predicates alone.
fn intersect_exactly(p: &[Vector3<f64>; 3], q: &[Vector3<f64>; 3], shared: &[usize]) -> bool {
    let flat = |c: &[Vector3<f64>; 3]| crate::mesh::delaunay::collinear(&c[0], &c[1], &c[2]);
    if flat(p) || flat(q) {
        return false;
    }
    match *shared {
        [] => {
            (0..3).any(|i| segment_meets(&p[i], &p[(i + 1) % 3], q))
                || (0..3).any(|i| segment_meets(&q[i], &q[(i + 1) % 3], p))
        }
        // The edge opposite the shared corner must not reach the other triangle; edges at the corner only touch there
        // unless the triangles are coplanar and overlap, which the opposite edges or the corner's angles show.
        [i] => {
            let j = (0..3).find(|&j| q[j] == p[i]).unwrap_or(0);
            segment_meets(&p[(i + 1) % 3], &p[(i + 2) % 3], q) || segment_meets(&q[(j + 1) % 3], &q[(j + 2) % 3], p)
        }
        // Only folded flat onto each other can triangles with a common edge overlap.
        [i, k] => {
            let own = p[3 - i - k];
            let far = (0..3).find(|&j| !p.contains(&q[j])).map_or(q[0], |j| q[j]);
            orientation(&p[i], &p[k], &own, &far) == 0.0 && same_side(&p[i], &p[k], &own, &far)
        }
        _ => true,
    }
}

/// Whether two triangles certainly meet only where they share corners: plain arithmetic on their sides, with a margin far
/// above its error, says so of most neighbours at once.
fn clearly_apart(p: &[Vector3<f64>; 3], q: &[Vector3<f64>; 3], shared: &[usize]) -> bool {
    match *shared {
        [] => (0..4).any(|k| is_beyond(p, q, k, &[0, 1, 2]) || is_beyond(q, p, k, &[0, 1, 2])),
        [i] => {
            let j = (0..3).find(|&j| q[j] == p[i]).unwrap_or(0);
            let others = |k: usize| [(k + 1) % 3, (k + 2) % 3];
            // The planes that hold the shared corner: of the triangle, and of its two sides there.
            [i, (i + 2) % 3, 3].into_iter().any(|k| is_beyond(p, q, k, &others(j)))
                || [j, (j + 2) % 3, 3].into_iter().any(|k| is_beyond(q, p, k, &others(i)))
        }
        // They are not folded onto each other: from the shared edge they go apart.
        [i, k] => {
            let along = p[k] - p[i];
            let far = (0..3).find(|&j| !p.contains(&q[j])).map_or(q[0], |j| q[j]);
            let (own, other) = (p[3 - i - k] - p[i], far - p[i]);
            let upright = |way: &Vector3<f64>| way * along.norm_squared() - along * along.dot(way);
            let size = along.norm_squared().powi(2) * own.norm() * other.norm();
            upright(&own).dot(&upright(&other)) < -MARGIN * size
        }
        _ => false,
    }
}

/// Whether corners of `other` lie outside of the upright plane through side `k` of `t`, or for `k` = 3 on one side of its
/// own plane, by more than the error of this.
fn is_beyond(t: &[Vector3<f64>; 3], other: &[Vector3<f64>; 3], k: usize, corners: &[usize]) -> bool {
    let (u, v) = (t[1] - t[0], t[2] - t[0]);
    let (normal, longest) = (u.cross(&v), u.norm().max(v.norm()));
    let (start, direction, size) = match k {
        3 => (t[0], normal, longest * longest),
        _ => {
            let side = t[(k + 1) % 3] - t[k];
            (t[k], side.cross(&normal), longest * longest * side.norm())
        }
    };
    let side = |&c: &usize| {
        let way = other[c] - start;
        let height = direction.dot(&way);
        // The triangle itself is off the plane by its own size's share of the error.
        if height.abs() > MARGIN * size * (way.norm() + 2.0 * longest) { height.signum() } else { 0.0 }
    };
    let first = side(&corners[0]);
    first != 0.0 && (k == 3 || first > 0.0) && corners[1..].iter().all(|c| side(c) == first)
}

/// For coplanar points: whether `x` and `y` lie on the same side of the line through `a` and `b`.
fn same_side(a: &Vector3<f64>, b: &Vector3<f64>, x: &Vector3<f64>, y: &Vector3<f64>) -> bool {
    let axis = dominant(a, b, x);
    side(axis, a, b, x) * side(axis, a, b, y) > 0.0
}

/// The axis along which a triangle is projected without becoming flat.
fn dominant(a: &Vector3<f64>, b: &Vector3<f64>, c: &Vector3<f64>) -> usize {
    let n = (b - a).cross(&(c - a)).abs();
    let first = n.imax();
    // Rounding may favour an axis along which the exact projection is flat; then another one is not.
    (0..3).map(|k| (first + k) % 3).find(|&k| side(k, a, b, c) != 0.0).unwrap_or(first)
}

/// Sign of the area of (a, b, c) projected along an axis: -1, 0 or 1.
fn side(axis: usize, a: &Vector3<f64>, b: &Vector3<f64>, c: &Vector3<f64>) -> f64 {
    let flat = |p: &Vector3<f64>| Coord { x: p[(axis + 1) % 3], y: p[(axis + 2) % 3] };
    let s = orient2d(flat(a), flat(b), flat(c));
    if s == 0.0 { 0.0 } else { s.signum() }
}

/// Whether a closed segment and a closed triangle have a point in common.
fn segment_meets(a: &Vector3<f64>, b: &Vector3<f64>, t: &[Vector3<f64>; 3]) -> bool {
    let sign = |s: f64| if s == 0.0 { 0.0 } else { s.signum() };
    let (sa, sb) = (sign(orientation(&t[0], &t[1], &t[2], a)), sign(orientation(&t[0], &t[1], &t[2], b)));
    if sa * sb > 0.0 {
        return false;
    }
    if sa == 0.0 && sb == 0.0 {
        return coplanar_meets(a, b, t);
    }
    let around: [f64; 3] = std::array::from_fn(|i| sign(orientation(a, b, &t[i], &t[(i + 1) % 3])));
    around.iter().all(|&s| s >= 0.0) || around.iter().all(|&s| s <= 0.0)
}

fn coplanar_meets(a: &Vector3<f64>, b: &Vector3<f64>, t: &[Vector3<f64>; 3]) -> bool {
    let axis = dominant(&t[0], &t[1], &t[2]);
    let winding = side(axis, &t[0], &t[1], &t[2]);
    let inside = |p: &Vector3<f64>| (0..3).all(|i| side(axis, &t[i], &t[(i + 1) % 3], p) * winding >= 0.0);
    if inside(a) || inside(b) {
        return true;
    }
    (0..3).any(|i| {
        let (c, d) = (&t[i], &t[(i + 1) % 3]);
        side(axis, a, b, c) * side(axis, a, b, d) <= 0.0
            && side(axis, c, d, a) * side(axis, c, d, b) <= 0.0
            && !(side(axis, a, b, c) == 0.0 && side(axis, a, b, d) == 0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::check::tests::{cube, joined};
    use proptest::prelude::*;

    #[test]
    fn suspects_are_enough_where_the_others_are_known() {
        // The first two cubes cross, the third crosses both.
        let pair = joined(&cube(0.0), &cube(0.3));
        let mesh = joined(&pair, &cube(0.55));
        let known = pair.triangles.len();
        let suspects: Vec<bool> = (0..mesh.triangles.len()).map(|t| t >= known).collect();
        let all = self_intersections(&mesh);
        let expected: Vec<(u32, u32)> = all.iter().copied().filter(|(_, b)| *b as usize >= known).collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(self_intersections_of(&mesh, &suspects), expected);
        assert_eq!(self_intersections_of(&mesh, &vec![true; suspects.len()]), all);
        assert!(self_intersections_of(&mesh, &vec![false; suspects.len()]).is_empty());
    }

    proptest! {
        /// Corners on a coarse grid share places, edges and planes; the least of moves lifts them out of it.
        #[test]
        fn what_is_clear_is_what_the_exact_predicates_say(
            places in prop::collection::vec((0i32..4, 0i32..4, 0i32..3, -1i32..2), 6),
            scale in prop::sample::select(vec![1.0, 1e-3, 1.0 / 3.0, 1e4]),
        ) {
            let corner = |i: usize| {
                let (x, y, z, lift) = places[i];
                Vector3::new(f64::from(x), f64::from(y), f64::from(z) + f64::from(lift) * 1e-15) * scale
            };
            let (p, q) = ([0, 1, 2].map(corner), [3, 4, 5].map(corner));
            let shared: Vec<usize> = (0..3).filter(|&i| q.contains(&p[i])).collect();
            if clearly_apart(&p, &q, &shared) {
                prop_assert!(!intersect_exactly(&p, &q, &shared), "{p:?} {q:?}");
            }
        }
    }

    #[test]
    fn neighbours_on_a_bumpy_plane_are_clearly_apart() {
        let side = 20u32;
        let at = |i: u32| {
            let (x, y) = (f64::from(i % side), f64::from(i / side));
            Vector3::new(x, y, 0.3 * (x * 1.7).sin() * (y * 2.3).cos())
        };
        let quads = (0..side * side).filter(|i| i % side + 1 < side && i / side + 1 < side);
        let mesh = Mesh {
            vertices: (0..side * side).map(at).collect(),
            triangles: quads.flat_map(|i| [[i, i + 1, i + side], [i + 1, i + side + 1, i + side]]).collect(),
        };
        assert!(self_intersections(&mesh).is_empty());
        let (mut near, mut clear) = (0, 0);
        for a in 0..mesh.triangles.len() {
            for b in 0..a {
                let (p, q) = (mesh.corners(a), mesh.corners(b));
                let shared: Vec<usize> = (0..3).filter(|&i| q.contains(&p[i])).collect();
                near += usize::from(!shared.is_empty());
                clear += usize::from(!shared.is_empty() && clearly_apart(&p, &q, &shared));
            }
        }
        assert!(clear * 100 > near * 95, "{clear} of {near}");
    }
}
