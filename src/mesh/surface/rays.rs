//! Walks from a vertex of the tetrahedralisation along a ray, from cell to cell.
//!
//! Source: N. Platis, T. Theoharis, "Fast ray-tetrahedron intersection using Pluecker coordinates", JGT 8(4), 2003. The exit
//! of a cell follows from the sides on which the ray passes the three edges to the corner it runs towards. Ordinary
//! floating point: a ray through a vertex or edge may take either side; a walk that loses its way is ended early.

use super::super::delaunay::{Delaunay, FACETS, INFINITE};
use nalgebra::Vector3;

/// Where a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In the cell where the ray reaches its length.
    Inside(u32),
    /// In an infinite cell: the ray left the hull.
    Outside(u32),
    /// Nowhere: rounding led it astray.
    Lost,
}

/// One step of a walk: the facet in `slot` of `from` leads to `to`, at `distance` from the ray's start.
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    pub from: u32,
    pub slot: usize,
    pub to: u32,
    /// The slot of `to` that leads back to `from`.
    pub back: usize,
    pub distance: f64,
}

/// The cells around a vertex, prepared to tell which of them a direction enters.
#[derive(Default)]
pub struct Star {
    cells: Vec<u32>,
    /// Finite cells: slot of the vertex, inward normals of the three facets at the vertex.
    cones: Vec<(u32, u8, [Vector3<f64>; 3])>,
    /// Infinite cells and the outward normals of their facets.
    outside: Vec<(u32, Vector3<f64>)>,
}

impl Star {
    /// Collects the cells around `vertex`, of which `seed` is one.
    pub fn gather(&mut self, d: &Delaunay, vertex: u32, seed: u32) {
        self.cells.clear();
        self.cones.clear();
        self.outside.clear();
        self.cells.push(seed);
        let mut next = 0;
        while next < self.cells.len() {
            let at = self.cells[next];
            next += 1;
            let cell = &d.cells[at as usize];
            let own = cell.vertices.iter().position(|&v| v == vertex).unwrap_or(0);
            for (i, &n) in cell.neighbours.iter().enumerate() {
                if i != own && !self.cells.contains(&n) {
                    self.cells.push(n);
                }
            }
            let normal = |i: usize| {
                let [a, b, c] = cell.facet(i).map(|v| d.points[v as usize]);
                (c - a).cross(&(b - a))
            };
            if let Some(i) = cell.vertices.iter().position(|&v| v == INFINITE) {
                self.outside.push((at, normal(i)));
            } else {
                let others = FACETS[own];
                self.cones.push((at, own as u8, others.map(normal)));
            }
        }
    }

    /// The finite cell that `direction` enters and the slot of the facet through which it will leave.
    fn enter(&self, direction: &Vector3<f64>) -> Option<(u32, usize)> {
        let cone = self.cones.iter().find(|c| c.2.iter().all(|n| n.dot(direction) >= 0.0));
        cone.map(|c| (c.0, usize::from(c.1)))
    }

    /// Walks from the vertex at `origin` along the unit `direction` for `length`, calling `cross` at each facet; ends
    /// early (as lost) where that returns false.
    pub fn walk(
        &self,
        d: &Delaunay,
        origin: &Vector3<f64>,
        direction: &Vector3<f64>,
        length: f64,
        mut cross: impl FnMut(Crossing) -> bool,
    ) -> End {
        let Some((mut cell, mut slot)) = self.enter(direction) else {
            let facing = |n: &Vector3<f64>| n.dot(direction) / n.norm();
            let best = self.outside.iter().max_by(|a, b| facing(&a.1).total_cmp(&facing(&b.1)));
            return best.map_or(End::Lost, |b| End::Outside(b.0));
        };
        for _ in 0..MAX_STEPS {
            let here = &d.cells[cell as usize];
            let [a, b, c] = here.facet(slot).map(|v| d.points[v as usize]);
            let normal = (b - a).cross(&(c - a));
            let distance = normal.dot(&(a - origin)) / normal.dot(direction);
            // Written so that a ray within the facet's plane (not a number) goes on.
            if distance >= length {
                return End::Inside(cell);
            }
            let to = here.neighbours[slot];
            let beyond = &d.cells[to as usize];
            let Some(back) = beyond.slot_of(cell) else { return End::Lost };
            if !cross(Crossing { from: cell, slot, to, back, distance }) {
                return End::Lost;
            }
            if !beyond.is_finite() {
                return End::Outside(to);
            }
            let Some(exit) = exit(d, to, back, origin, direction) else { return End::Lost };
            (cell, slot) = (to, exit);
        }
        End::Lost
    }
}

const MAX_STEPS: usize = 100_000;

/// Through which facet a ray that came in through `entry` leaves a cell.
fn exit(d: &Delaunay, cell: u32, entry: usize, origin: &Vector3<f64>, direction: &Vector3<f64>) -> Option<usize> {
    let cell = &d.cells[cell as usize];
    let apex = d.points[cell.vertices[entry] as usize] - origin;
    let across = direction.cross(&apex);
    // Counter-clockwise seen from where the ray comes from.
    let [x, z, y] = FACETS[entry];
    let side = |k: usize| across.dot(&(d.points[cell.vertices[k] as usize] - origin));
    let sx = side(x);
    let sy = side(y);
    if sx >= 0.0 && sy <= 0.0 {
        return Some(z);
    }
    let sz = side(z);
    if sy >= 0.0 && sz <= 0.0 {
        Some(x)
    } else if sz >= 0.0 && sx <= 0.0 {
        Some(y)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Ctx, Rng};

    #[test]
    fn a_walk_crosses_the_facets_that_the_segment_meets() {
        let mut rng = Rng::new(3, 3);
        let points: Vec<_> = (0..300).map(|_| Vector3::new(rng.normal(), rng.normal(), rng.normal())).collect();
        let d = Delaunay::new(&Ctx::silent(), points).expect("cells");
        let seeds = d.cell_of_vertex();
        let mut star = Star::default();
        let mut crossed = 0;
        for v in 0..300u32 {
            let origin = d.points[v as usize];
            star.gather(&d, v, seeds[v as usize]);
            let target = Vector3::new(rng.normal(), rng.normal(), rng.normal()) * if v % 2 == 0 { 0.5 } else { 3.0 };
            let length = (target - origin).norm();
            let u = (target - origin) / length;
            let mut walked = Vec::new();
            let end = star.walk(&d, &origin, &u, length, |c| {
                assert_eq!(d.cells[c.from as usize].neighbours[c.slot], c.to);
                assert_eq!(d.cells[c.to as usize].neighbours[c.back], c.from);
                walked.push(c.distance);
                true
            });
            assert!(walked.windows(2).all(|w| w[0] <= w[1]), "{walked:?}");
            // Brute force over all facets, each met from both of its cells.
            let mut met = Vec::new();
            for cell in d.cells.iter().filter(|c| c.is_finite()) {
                for k in 0..4 {
                    if cell.facet(k).contains(&v) {
                        continue;
                    }
                    let outer = !d.cells[cell.neighbours[k] as usize].is_finite();
                    let corners = cell.facet(k).map(|i| d.points[i as usize]);
                    let bvh = crate::mesh::bvh::Bvh::from_corners(vec![corners]);
                    let hit = bvh.cast(&origin, &u, 0.0, length);
                    met.extend(hit.into_iter().flat_map(|h| vec![h.distance; 1 + usize::from(outer)]));
                }
            }
            met.sort_unstable_by(f64::total_cmp);
            let once: Vec<f64> = met.iter().step_by(2).copied().collect();
            assert_eq!(once.len(), walked.len(), "vertex {v}: {once:?} {walked:?}");
            assert!(once.iter().zip(&walked).all(|(a, b)| (a - b).abs() < 1e-6));
            let cell = d.locate(&target, 0).expect("cells");
            let inside = d.cells[cell as usize].is_finite();
            match end {
                End::Inside(c) => assert_eq!(c, cell),
                End::Outside(_) => assert!(!inside),
                End::Lost => panic!("lost"),
            }
            crossed += walked.len();
        }
        assert!(crossed > 2000, "{crossed}");
    }
}
