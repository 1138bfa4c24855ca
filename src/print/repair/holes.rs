//! Closes a surface: what its edges lack to be balanced is a set of closed loops, and each loop is filled.
//!
//! In: oriented triangles over shared vertices. Out: triangles that close them, so that every edge is used as often in one
//! direction as in the other, which is all that a union by winding numbers needs: where a patch and its surroundings cross,
//! or three sheets meet in an edge, the union decides what is inside. Loops are cut apart where they are narrow until
//! they have at most [`EXACT`] edges; those are triangulated with the least area (G. Barequet, M. Sharir, "Filling gaps in
//! the boundary of a polyhedron", CAGD 12(2), 1995; P. Liepa, SGP 2003). A loop without area gets a fan around a point
//! just beside it.

use crate::mesh::delaunay::collinear;
use crate::mesh::topology::sorted_edges;
use crate::scene::Mesh;
use nalgebra::Vector3;
use std::collections::BTreeMap;

/// Longest loop that is triangulated with the least area; the cost is the cube of it.
const EXACT: usize = 100;
/// Longest loop in which the best place for a cut is looked for; longer ones are cut in halves.
const SEARCHED: usize = 4000;

/// Loops in the direction in which a filling triangle `(l[k], l[k + 1], x)` runs; none visits a vertex twice.
pub fn loops(triangles: &[[u32; 3]]) -> Vec<Vec<u32>> {
    let mut ends: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for group in sorted_edges(triangles).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let (a, b, _) = group[0];
        let forward = group.iter().filter(|e| triangles[e.2 as usize / 3][e.2 as usize % 3] == a).count();
        let (surplus, from, to) = match (forward, group.len() - forward) {
            (f, r) if f > r => (f - r, b, a),
            (f, r) => (r - f, a, b),
        };
        (0..surplus).for_each(|_| ends.entry(from).or_default().push(to));
    }
    let mut found = Vec::new();
    while let Some((&first, _)) = ends.first_key_value() {
        let (mut path, mut at) = (Vec::new(), first);
        let mut place: BTreeMap<u32, usize> = BTreeMap::new();
        loop {
            if let Some(&begin) = place.get(&at) {
                let ring: Vec<u32> = path.drain(begin..).collect();
                ring.iter().for_each(|v| {
                    place.remove(v);
                });
                found.push(ring);
            }
            let Some(out) = ends.get_mut(&at) else { break };
            place.insert(at, path.len());
            path.push(at);
            let to = out.pop();
            if out.is_empty() {
                ends.remove(&at);
            }
            match to {
                Some(to) => at = to,
                None => break,
            }
        }
    }
    found.retain(|ring| ring.len() >= 3);
    found
}

/// Triangles that fill a loop; may add vertices. `beside` is how far a point is put beside a loop without area.
pub fn fill(vertices: &mut Vec<Vector3<f64>>, ring: &[u32], beside: f64) -> Vec<[u32; 3]> {
    let (mut open, mut triangles) = (vec![ring.to_vec()], Vec::new());
    while let Some(ring) = open.pop() {
        if ring.len() < 3 {
            continue;
        }
        if ring.len() <= EXACT {
            match least_area(vertices, &ring) {
                Some(filled) => triangles.extend(filled),
                None => fan(vertices, &ring, beside, &mut triangles),
            }
            continue;
        }
        let (i, j) = narrowest(vertices, &ring);
        open.push(ring[i..=j].to_vec());
        open.push(ring[j..].iter().chain(&ring[..=i]).copied().collect());
    }
    triangles
}

/// Area of triangles.
pub fn area(vertices: &[Vector3<f64>], triangles: &[[u32; 3]]) -> f64 {
    let twice = |t: &[u32; 3]| {
        let [a, b, c] = t.map(|v| vertices[v as usize]);
        (b - a).cross(&(c - a)).norm()
    };
    triangles.iter().map(twice).sum::<f64>() / 2.0
}

/// Two corners of a long loop that are close to each other for their distance along it.
fn narrowest(vertices: &[Vector3<f64>], ring: &[u32]) -> (usize, usize) {
    let n = ring.len();
    if n > SEARCHED {
        return (0, n / 2);
    }
    let p: Vec<Vector3<f64>> = ring.iter().map(|&v| vertices[v as usize]).collect();
    let mut best = (f64::INFINITY, 0, n / 2);
    for i in 0..n {
        for j in i + 2..n {
            let apart = (j - i).min(n - (j - i));
            if apart * 8 < n.min(8 * EXACT) || apart < 2 {
                continue;
            }
            let score = (p[i] - p[j]).norm() / apart as f64;
            if score < best.0 {
                best = (score, i, j);
            }
        }
    }
    (best.1, best.2)
}

/// The triangulation of least area without triangles that have none; `None` where there is no such.
fn least_area(vertices: &[Vector3<f64>], ring: &[u32]) -> Option<Vec<[u32; 3]>> {
    let n = ring.len();
    let p: Vec<Vector3<f64>> = ring.iter().map(|&v| vertices[v as usize]).collect();
    let (mut cost, mut via) = (vec![f64::INFINITY; n * n], vec![0; n * n]);
    for i in 0..n - 1 {
        cost[i * n + i + 1] = 0.0;
    }
    for span in 2..n {
        for i in 0..n - span {
            let k = i + span;
            for j in i + 1..k {
                let sides = cost[i * n + j] + cost[j * n + k];
                if sides >= cost[i * n + k] {
                    continue;
                }
                let (e, f) = (p[j] - p[i], p[k] - p[i]);
                let area = e.cross(&f).norm();
                let thin = area <= 1e-9 * e.norm_squared().max(f.norm_squared());
                if thin && collinear(&p[i], &p[j], &p[k]) {
                    continue;
                }
                // Among equal areas, short diagonals.
                let total = sides + area + 1e-9 * f.norm_squared();
                if total < cost[i * n + k] {
                    cost[i * n + k] = total;
                    via[i * n + k] = j;
                }
            }
        }
    }
    if !cost[n - 1].is_finite() {
        return None;
    }
    let (mut todo, mut triangles) = (vec![(0, n - 1)], Vec::with_capacity(n - 2));
    while let Some((i, k)) = todo.pop() {
        if k > i + 1 {
            let j = via[i * n + k];
            triangles.push([ring[i], ring[j], ring[k]]);
            todo.extend([(i, j), (j, k)]);
        }
    }
    Some(triangles)
}

/// A fan around a point near the middle of the loop that lies on the line of none of its edges.
fn fan(vertices: &mut Vec<Vector3<f64>>, ring: &[u32], beside: f64, triangles: &mut Vec<[u32; 3]>) {
    let middle = ring.iter().map(|&v| vertices[v as usize]).sum::<Vector3<f64>>() / ring.len() as f64;
    let tries =
        [[0.0, 0.0, 0.0], [1.0, 0.3, 0.2], [-0.2, 1.0, 0.4], [0.3, -0.1, 1.0], [0.7, 0.8, -0.6], [-0.9, 0.5, 0.7]];
    let place = tries.iter().map(|d| middle + Vector3::from(*d) * beside).find(|c| {
        (0..ring.len()).all(|k| {
            let (a, b) = (&vertices[ring[k] as usize], &vertices[ring[(k + 1) % ring.len()] as usize]);
            !collinear(a, b, c)
        })
    });
    let centre = vertices.len() as u32;
    vertices.push(place.unwrap_or(middle));
    triangles.extend((0..ring.len()).map(|k| [ring[k], ring[(k + 1) % ring.len()], centre]));
}

/// A loop of a sheet carried down to a level, and closed there; the loop's own direction is that of [`fill`].
pub fn walls_down(mesh: &mut Mesh, ring: &[u32], floor: f64, beside: f64) -> Vec<[u32; 3]> {
    let first = mesh.vertices.len() as u32;
    let n = ring.len() as u32;
    for &v in ring {
        let p = mesh.vertices[v as usize];
        mesh.vertices.push(Vector3::new(p.x, p.y, floor));
    }
    let mut triangles = Vec::new();
    for k in 0..n {
        let next = (k + 1) % n;
        let (a, b) = (ring[k as usize], ring[next as usize]);
        triangles.extend([[a, b, first + next], [a, first + next, first + k]]);
    }
    let lower: Vec<u32> = (first..first + n).collect();
    triangles.extend(fill(&mut mesh.vertices, &lower, beside));
    triangles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_balance_every_edge_whatever_is_missing() {
        // A tetrahedron without one face, twice, once with three sheets on an edge.
        let vertices = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]];
        for triangles in [
            vec![[0, 2, 1], [0, 1, 3], [1, 2, 3]],
            vec![[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3], [0, 1, 4]],
            vec![[0, 2, 1], [0, 1, 3]],
        ] {
            let mut mesh = Mesh { vertices: vertices.map(Vector3::from).to_vec(), triangles };
            assert!(!loops(&mesh.triangles).is_empty());
            for ring in loops(&mesh.triangles.clone()) {
                let filled = fill(&mut mesh.vertices, &ring, 0.01);
                mesh.triangles.extend(filled);
            }
            assert!(loops(&mesh.triangles).is_empty(), "{:?}", mesh.triangles);
        }
    }

    #[test]
    fn a_long_flat_loop_is_filled_with_its_own_area() {
        let n = 900u32;
        let mut vertices: Vec<Vector3<f64>> = (0..n)
            .map(|i| {
                let angle = f64::from(i) / f64::from(n) * std::f64::consts::TAU;
                let r = 10.0 + 3.0 * (5.0 * angle).sin();
                Vector3::new(r * angle.cos(), r * angle.sin(), 2.0)
            })
            .collect();
        let ring: Vec<u32> = (0..n).collect();
        let exact: f64 =
            (0..n as usize).map(|i| vertices[i].xy().perp(&vertices[(i + 1) % n as usize].xy())).sum::<f64>() / 2.0;
        let filled = fill(&mut vertices, &ring, 0.01);
        assert!((area(&vertices, &filled) - exact).abs() < 0.02 * exact, "{} {exact}", area(&vertices, &filled));
    }

    #[test]
    fn a_loop_on_one_line_gets_a_fan_with_area() {
        let mut vertices: Vec<Vector3<f64>> = [0.0, 1.0, 3.0, 2.0].map(|x| Vector3::new(x, 0.0, 0.0)).to_vec();
        let filled = fill(&mut vertices, &[0, 1, 2, 3], 0.01);
        assert_eq!(filled.len(), 4);
        assert!(filled.iter().all(|t| area(&vertices, &[*t]) > 0.0));
    }
}
