//! Fills small holes.
//!
//! Source: P. Liepa, "Filling holes in meshes", SGP 2003: the triangulation of the border loop with the smallest
//! largest dihedral angle, then the smallest area (dynamic programming, cubic in the loop's edges), here with the angle
//! to the surrounding triangles and between the new ones.

use super::super::topology::{NONE, border_loops, end, next, start, twins};
use crate::scene::Mesh;
use nalgebra::Vector3;

/// Fills each border loop of at most `max_edges` edges that visits no vertex twice, except the longest loop of the
/// mesh, which is its outer border. A new edge never repeats an edge that exists.
pub fn fill(mesh: &mut Mesh, max_edges: usize) {
    let twins = twins(&mesh.triangles);
    let loops = border_loops(&mesh.triangles, &twins);
    let length = |l: &Vec<u32>| -> f64 {
        l.iter()
            .map(|&h| {
                let ends = [start(&mesh.triangles, h), end(&mesh.triangles, h)].map(|v| mesh.vertices[v as usize]);
                (ends[0] - ends[1]).norm()
            })
            .sum()
    };
    let outer = loops.iter().enumerate().max_by(|a, b| length(a.1).total_cmp(&length(b.1))).map(|(i, _)| i);
    let mut patches = Vec::new();
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut known = false;
    for (i, border) in loops.iter().enumerate() {
        if Some(i) == outer || border.len() > max_edges || border.len() < 3 {
            continue;
        }
        let mut ring: Vec<u32> = border.iter().map(|&h| start(&mesh.triangles, h)).collect();
        let mut sorted = ring.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|w| w[0] == w[1]) {
            continue;
        }
        if !known {
            edges = (0..twins.len() as u32)
                .map(|h| (start(&mesh.triangles, h), end(&mesh.triangles, h)))
                .map(|(a, b)| (a.min(b), a.max(b)))
                .collect();
            edges.sort_unstable();
            known = true;
        }
        let mut beside: Vec<Vector3<f64>> =
            border.iter().map(|&h| mesh.vertices[end(&mesh.triangles, next(h)) as usize]).collect();
        // The patch runs against the border's direction: ring[i] to ring[i + 1] must be a patch's edge.
        ring.reverse();
        beside.reverse();
        beside.rotate_left(1);
        let exists = |a: u32, b: u32| edges.binary_search(&(a.min(b), a.max(b))).is_ok();
        patches.extend(triangulate(mesh, &ring, &beside, exists));
    }
    debug_assert!(twins.iter().filter(|t| **t == NONE).count() >= patches.len());
    mesh.triangles.extend(patches);
}

/// What a triangulation costs: largest dihedral angle, then area.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Cost(f64, f64);

impl Cost {
    const NEVER: Self = Self(f64::INFINITY, f64::INFINITY);
    const NOTHING: Self = Self(0.0, 0.0);

    fn and(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1 + other.1)
    }
}

/// Triangles that fill the ring; `beside[i]` is the corner beyond the edge from `ring[i]` to `ring[i + 1]`.
fn triangulate(mesh: &Mesh, ring: &[u32], beside: &[Vector3<f64>], exists: impl Fn(u32, u32) -> bool) -> Vec<[u32; 3]> {
    let n = ring.len();
    let p: Vec<Vector3<f64>> = ring.iter().map(|&v| mesh.vertices[v as usize]).collect();
    let normal = |i: usize, j: usize, k: usize| (p[j] - p[i]).cross(&(p[k] - p[i]));
    let unit = |v: Vector3<f64>| v.try_normalize(1e-300).unwrap_or_else(Vector3::zeros);
    let bend = |a: &Vector3<f64>, b: &Vector3<f64>| 1.0 - a.dot(b);
    let surround: Vec<Vector3<f64>> =
        (0..n).map(|i| unit((p[i] - p[(i + 1) % n]).cross(&(beside[i] - p[(i + 1) % n])))).collect();
    let mut cost = vec![Cost::NEVER; n * n];
    let mut via = vec![0usize; n * n];
    for i in 0..n - 1 {
        cost[i * n + i + 1] = Cost::NOTHING;
    }
    for span in 2..n {
        for i in 0..n - span {
            let k = i + span;
            if span < n - 1 && exists(ring[i], ring[k]) {
                continue;
            }
            for j in i + 1..k {
                let sides = cost[i * n + j].and(cost[j * n + k]);
                if sides == Cost::NEVER {
                    continue;
                }
                let vector = normal(i, j, k);
                let own = unit(vector);
                let mut angle = 0.0f64;
                for (a, b) in [(i, j), (j, k)] {
                    let other = if b == a + 1 { surround[a] } else { unit(normal(a, via[a * n + b], b)) };
                    angle = angle.max(bend(&own, &other));
                }
                if span == n - 1 {
                    angle = angle.max(bend(&own, &surround[n - 1]));
                }
                let total = sides.and(Cost(angle, vector.norm()));
                if total < cost[i * n + k] {
                    cost[i * n + k] = total;
                    via[i * n + k] = j;
                }
            }
        }
    }
    let mut triangles = Vec::with_capacity(n - 2);
    if cost[n - 1] == Cost::NEVER {
        return triangles;
    }
    let mut todo = vec![(0, n - 1)];
    while let Some((i, k)) = todo.pop() {
        if k > i + 1 {
            let j = via[i * n + k];
            triangles.push([ring[i], ring[j], ring[k]]);
            todo.extend([(i, j), (j, k)]);
        }
    }
    triangles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(n: u32, skip: impl Fn(u32, u32) -> bool, z: impl Fn(u32, u32) -> f64) -> Mesh {
        let mut mesh = Mesh::default();
        for i in 0..=n {
            mesh.vertices.extend((0..=n).map(|j| Vector3::new(f64::from(i), f64::from(j), z(i, j))));
        }
        for i in 0..n {
            for j in (0..n).filter(|&j| !skip(i, j)) {
                let (a, b) = (i * (n + 1) + j, (i + 1) * (n + 1) + j);
                mesh.triangles.extend([[a, b, b + 1], [a, b + 1, a + 1]]);
            }
        }
        mesh
    }

    #[test]
    fn holes_close_with_their_orientation_and_the_border_stays() {
        let hole = |i: u32, j: u32| (3..6).contains(&i) && (2..7).contains(&j) || (i, j) == (8, 8);
        let mut mesh = grid(10, hole, |_, _| 1.0);
        fill(&mut mesh, 30);
        let area: f64 = (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).z / 2.0).sum();
        assert!((area - 100.0).abs() < 1e-12, "{area}");
        assert!((0..mesh.triangles.len()).all(|t| mesh.area_normal(t).z >= 0.0));
        let loops = border_loops(&mesh.triangles, &twins(&mesh.triangles));
        assert_eq!(loops.iter().map(Vec::len).collect::<Vec<_>>(), [40]);
        let mut mesh = grid(10, hole, |_, _| 1.0);
        fill(&mut mesh, 10);
        assert_eq!(border_loops(&mesh.triangles, &twins(&mesh.triangles)).len(), 2);
    }

    #[test]
    fn a_hole_over_a_ridge_follows_it() {
        let hole = |i: u32, j: u32| (3..7).contains(&i) && (4..6).contains(&j);
        let roof = |i: u32, _: u32| 5.0 - (f64::from(i) - 5.0).abs();
        let mut mesh = grid(10, hole, roof);
        fill(&mut mesh, 30);
        let area: f64 = (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm() / 2.0).sum();
        assert!((area - 100.0 * 2f64.sqrt()).abs() < 1e-9, "{area}");
    }
}
