//! Takes out triangles too thin for the grid of coordinates, where they make the surface cross itself.
//!
//! In: a closed [`Solid`] and the triangles in trouble. Out: the same body with very short edges collapsed and, in the
//! troubled triangles, short edges collapsed and flat corners cut off by turning the edge opposite. Every change keeps the
//! surface a closed 2-manifold (link condition: T. Dey, H. Edelsbrunner, S. Guha, D. Nekhayev, "Topology preserving edge
//! contraction", 1999) and moves it by less than the length given. One call changes each place at most once; call
//! again after looking anew. Cost: linear in triangles.

use super::solid::{Solid, compact};
use crate::mesh::topology::{Lists, twins};
use crate::scene::Mesh;
use nalgebra::Vector3;

/// Shorter edges go everywhere, in millimetres.
const SHORTEST: f64 = 0.002;

/// Changes what it can; how many changes there were.
pub fn remove(solid: &mut Solid, troubled: &[bool], reach: f64) -> usize {
    let mut work = Work::new(solid);
    for (_, a, b) in work.short_edges(troubled, reach) {
        if !work.collapse(a, b) {
            work.collapse(b, a);
        }
    }
    let around = twins(&work.solid.mesh.triangles);
    for t in (0..troubled.len()).filter(|&t| troubled[t]) {
        work.turn(t, &around, reach);
    }
    let changes = work.changes;
    if changes > 0 {
        work.finish();
    }
    changes
}

struct Work<'a> {
    solid: &'a mut Solid,
    fans: Lists,
    into: Vec<u32>,
    touched: Vec<bool>,
    changes: usize,
}

impl<'a> Work<'a> {
    fn new(solid: &'a mut Solid) -> Self {
        let fans = Lists::around_vertices(&solid.mesh);
        let n = solid.mesh.vertices.len();
        Self { solid, fans, into: (0..n as u32).collect(), touched: vec![false; n], changes: 0 }
    }

    fn mesh(&self) -> &Mesh {
        &self.solid.mesh
    }

    fn at(&self, v: u32) -> &Vector3<f64> {
        &self.solid.mesh.vertices[v as usize]
    }

    /// Edges to be collapsed, shortest first: the very short ones, and the shortest of each troubled triangle.
    fn short_edges(&self, troubled: &[bool], reach: f64) -> Vec<(f64, u32, u32)> {
        let mut edges = Vec::new();
        for (t, v) in self.mesh().triangles.iter().enumerate() {
            let sides = [(0, 1), (1, 2), (2, 0)].map(|(i, j)| {
                let (a, b) = (v[i].min(v[j]), v[i].max(v[j]));
                ((self.at(a) - self.at(b)).norm(), a, b)
            });
            let least = sides.iter().map(|s| s.0).fold(f64::INFINITY, f64::min);
            let limit = if troubled[t] { reach.min(least) } else { SHORTEST };
            edges.extend(sides.into_iter().filter(|s| s.0 <= limit.max(SHORTEST)));
        }
        edges.sort_by(|x, y| x.0.total_cmp(&y.0).then((x.1, x.2).cmp(&(y.1, y.2))));
        edges.dedup();
        edges
    }

    fn neighbours(&self, v: u32) -> Vec<u32> {
        let fan = self.fans.of(v as usize).iter();
        let mut all: Vec<u32> = fan.flat_map(|h| self.mesh().triangles[*h as usize / 3]).filter(|&w| w != v).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Moves vertex `a` to `b`, unless that would pinch or fold the surface.
    fn collapse(&mut self, a: u32, b: u32) -> bool {
        let (around_a, around_b) = (self.neighbours(a), self.neighbours(b));
        let touched = |vs: &[u32]| vs.iter().any(|&v| self.touched[v as usize]);
        if touched(&[a, b]) || touched(&around_a) || touched(&around_b) || !around_a.contains(&b) {
            return false;
        }
        if around_a.iter().filter(|v| around_b.contains(v)).count() != 2 {
            return false;
        }
        let place = *self.at(b);
        for &h in self.fans.of(a as usize) {
            let t = h as usize / 3;
            let corners = self.mesh().triangles[t];
            if corners.contains(&b) {
                continue;
            }
            let moved = corners.map(|v| if v == a { place } else { *self.at(v) });
            let after = (moved[1] - moved[0]).cross(&(moved[2] - moved[0]));
            let before = self.mesh().area_normal(t);
            // A triangle thinner than the shortest edge has no direction worth keeping.
            let thin = before.norm() < SHORTEST * self.longest_side(t);
            if !thin && after.dot(&before) <= 0.2 * after.norm() * before.norm() {
                return false;
            }
        }
        self.into[a as usize] = b;
        for v in around_a.into_iter().chain(around_b) {
            self.touched[v as usize] = true;
        }
        self.changes += 1;
        true
    }

    fn longest_side(&self, t: usize) -> f64 {
        let [a, b, c] = self.mesh().corners(t);
        (a - b).norm().max((b - c).norm()).max((c - a).norm())
    }

    /// Turns the longest side of a flat triangle, so that its flat corner joins the triangle behind that side.
    fn turn(&mut self, t: usize, twins: &[u32], reach: f64) {
        let [i, j, k] = self.longest_first(t);
        let (u, v, w) = (self.mesh().triangles[t][i], self.mesh().triangles[t][j], self.mesh().triangles[t][k]);
        let height = self.mesh().area_normal(t).norm() / (self.at(u) - self.at(v)).norm().max(1e-12);
        let twin = twins[3 * t + i];
        if height > reach * 0.5 || twin == u32::MAX {
            return;
        }
        let (other, h) = (twin as usize / 3, twin as usize % 3);
        let x = self.mesh().triangles[other][(h + 2) % 3];
        let used = [u, v, w, x].iter().any(|&p| self.touched[p as usize] || self.into[p as usize] != p);
        if used || w == x || self.neighbours(w).contains(&x) {
            return;
        }
        let (own, behind) = (self.solid.origin[t], self.solid.origin[other]);
        let (at_x, at_w) = (behind[(h + 2) % 3], own[k]);
        let triangles = &mut self.solid.mesh.triangles;
        (triangles[t], triangles[other]) = ([u, x, w], [x, v, w]);
        let shown = self.solid.photo[other];
        // The twin runs from v to u.
        self.solid.origin[t] = [behind[(h + 1) % 3], at_x, at_w];
        self.solid.origin[other] = [at_x, behind[h], at_w];
        (self.solid.photo[t], self.solid.photo[other]) = (shown, shown);
        for p in [u, v, w, x] {
            self.touched[p as usize] = true;
        }
        self.changes += 1;
    }

    /// Corner numbers of a triangle such that the longest side runs from the first to the second.
    fn longest_first(&self, t: usize) -> [usize; 3] {
        let c = self.mesh().corners(t);
        let length = |i: usize| (c[(i + 1) % 3] - c[i]).norm();
        let i = (0..3).max_by(|&i, &j| length(i).total_cmp(&length(j))).unwrap_or(0);
        [i, (i + 1) % 3, (i + 2) % 3]
    }

    fn finish(self) {
        let Self { solid, into, .. } = self;
        for v in solid.mesh.triangles.iter_mut().flatten() {
            *v = into[*v as usize];
        }
        let kept: Vec<usize> = (0..solid.photo.len())
            .filter(|&t| {
                let [a, b, c] = solid.mesh.triangles[t];
                a != b && b != c && c != a
            })
            .collect();
        let triangles = kept.iter().map(|&t| solid.mesh.triangles[t]).collect();
        solid.mesh = compact(&Mesh { vertices: std::mem::take(&mut solid.mesh.vertices), triangles });
        solid.origin = kept.iter().map(|&t| solid.origin[t]).collect();
        solid.photo = kept.iter().map(|&t| solid.photo[t]).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;

    /// A flat box of 10 x 10 cells whose top has one vertex close to another and one close to an edge.
    fn slab() -> Solid {
        let n = 10u32;
        let mut ring = Vec::new();
        for i in 0..n {
            ring.push(nalgebra::Vector2::new(f64::from(i), 0.0));
        }
        ring.extend((0..n).map(|i| nalgebra::Vector2::new(10.0, f64::from(i))));
        ring.extend((1..=n).rev().map(|i| nalgebra::Vector2::new(f64::from(i), 10.0)));
        ring.extend((1..=n).rev().map(|i| nalgebra::Vector2::new(0.0, f64::from(i))));
        let mut solid = crate::print::outline::prism(&ring, 0.0, 1.0);
        // Split a top triangle by a point that hardly lies off one of its sides.
        let t = (0..solid.photo.len()).find(|&t| solid.mesh.corners(t).iter().all(|p| p.z == 1.0)).expect("top");
        let [a, b, c] = solid.mesh.corners(t);
        let point = a * 0.5 + b * 0.4999 + c * 0.0001;
        solid.mesh.vertices.push(point);
        let [i, j, k] = solid.mesh.triangles[t];
        let p = solid.mesh.vertices.len() as u32 - 1;
        solid.mesh.triangles[t] = [i, j, p];
        solid.mesh.triangles.extend([[j, k, p], [k, i, p]]);
        Solid::plain(solid.mesh)
    }

    #[test]
    fn flat_corners_and_short_edges_go_and_the_body_stays() {
        let mut solid = slab();
        let before = inspect(&solid.mesh);
        assert!(before.is_solid() && before.self_intersections == 0, "{before:?}");
        let flat = |s: &Solid| {
            (0..s.photo.len())
                .filter(|&t| {
                    let [a, b, c] = s.mesh.corners(t);
                    let long = (a - b).norm().max((b - c).norm()).max((c - a).norm());
                    s.mesh.area_normal(t).norm() / long < 0.01
                })
                .count()
        };
        assert_eq!(flat(&solid), 1);
        let troubled: Vec<bool> = (0..solid.photo.len()).map(|t| t + 2 >= solid.photo.len() || t < 60).collect();
        assert!(remove(&mut solid, &troubled, 0.05) > 0);
        let after = inspect(&solid.mesh);
        assert!(after.is_solid() && after.self_intersections == 0, "{after:?}");
        assert_eq!(flat(&solid), 0);
        assert!((after.volume - before.volume).abs() < 0.01, "{} {}", after.volume, before.volume);
        let unchanged = solid.clone();
        assert_eq!(remove(&mut solid, &vec![false; unchanged.photo.len()], 0.05), 0);
        assert_eq!(solid, unchanged);
    }
}
