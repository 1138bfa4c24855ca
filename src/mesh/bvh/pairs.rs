//! Pairs of triangles whose boxes touch, by going down the hierarchy against itself.
//!
//! In: a hierarchy. Out: what a visit of each pair gives, in an order that depends on the triangles alone. Each pair is
//! met once; two subtrees that lie apart are left behind with one look.
//!
//! Source: S. Gottschalk, M. Lin, D. Manocha, "OBBTree: a hierarchical structure for rapid interference detection",
//! SIGGRAPH 1996, section 5 (traversal of two trees).

use super::bounds::{Aabb, Loose};
use super::build::Child;
use super::{Bvh, bounds_of};
use nalgebra::Vector3;

/// Levels below the root whose halves are searched at once.
const PARALLEL: u32 = 9;

/// A triangle of the mesh and its corners.
pub type Member<'a> = (u32, &'a [Vector3<f64>; 3]);

impl Bvh {
    /// What `visit` gives for each pair of different triangles whose boxes overlap.
    pub fn overlapping_pairs<R: Send>(&self, visit: impl Fn(Member, Member) -> Option<R> + Sync) -> Vec<R> {
        let mut found = Vec::new();
        if !self.is_empty() {
            self.inside(Child::ROOT, PARALLEL, &visit, &mut found);
        }
        found
    }

    /// The pairs below one node.
    fn inside<R: Send, V: Fn(Member, Member) -> Option<R> + Sync>(
        &self,
        at: Child,
        levels: u32,
        visit: &V,
        found: &mut Vec<R>,
    ) {
        let Some(inner) = at.node() else {
            let own = at.triangles();
            for i in own.clone() {
                for j in i + 1..own.end {
                    self.meet(i, &bounds_of(&self.corners[i]), j, visit, found);
                }
            }
            return;
        };
        let node = &self.nodes[inner];
        let [left, right] = node.children;
        let across = |found: &mut Vec<R>| self.between((left, &node.bounds[0]), (right, &node.bounds[1]), visit, found);
        if levels == 0 {
            self.inside(left, 0, visit, found);
            self.inside(right, 0, visit, found);
            across(found);
            return;
        }
        let below = |child: Child| {
            let mut own = Vec::new();
            self.inside(child, levels - 1, visit, &mut own);
            own
        };
        let (first, second) = rayon::join(|| below(left), || below(right));
        found.extend(first);
        found.extend(second);
        across(found);
    }

    /// The pairs of one triangle below each of two nodes.
    fn between<R: Send, V: Fn(Member, Member) -> Option<R> + Sync>(
        &self,
        (a, around_a): (Child, &Loose),
        (b, around_b): (Child, &Loose),
        visit: &V,
        found: &mut Vec<R>,
    ) {
        if !around_a.touches(around_b) {
            return;
        }
        let into = |at: usize| (0..2).map(move |k| (self.nodes[at].children[k], &self.nodes[at].bounds[k]));
        match (a.node(), b.node()) {
            (None, None) => {
                for i in a.triangles() {
                    let own = bounds_of(&self.corners[i]);
                    b.triangles().for_each(|j| self.meet(i, &own, j, visit, found));
                }
            }
            // The larger one is opened.
            (Some(at), other) if other.is_none() || around_a.half_area() >= around_b.half_area() => {
                into(at).for_each(|half| self.between(half, (b, around_b), visit, found));
            }
            (_, Some(at)) => into(at).for_each(|half| self.between((a, around_a), half, visit, found)),
            (Some(_), None) => {}
        }
    }

    #[inline]
    fn meet<R>(
        &self,
        i: usize,
        own: &Aabb,
        j: usize,
        visit: &impl Fn(Member, Member) -> Option<R>,
        found: &mut Vec<R>,
    ) {
        if own.overlaps(&bounds_of(&self.corners[j])) {
            found.extend(visit((self.order[i], &self.corners[i]), (self.order[j], &self.corners[j])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn each_pair_of_touching_boxes_is_met_once() {
        let mut rng = Rng::new(3, 1);
        let mut point = |size: f64| Vector3::from_fn(|_, _| rng.uniform(-size, size));
        let soup: Vec<[Vector3<f64>; 3]> = (0..2500)
            .map(|_| {
                let middle = point(9.0);
                [0; 3].map(|_| middle + point(0.7))
            })
            .collect();
        for n in [0, 1, 2, 3, 4, 5, 60, 2500] {
            let corners = &soup[..n];
            let bvh = Bvh::from_corners(corners.to_vec());
            let mut found = bvh.overlapping_pairs(|(a, p), (b, q)| {
                assert!(*p == corners[a as usize] && *q == corners[b as usize]);
                Some((a.min(b), a.max(b)))
            });
            found.sort_unstable();
            let touch = |a: usize, b: usize| bounds_of(&corners[a]).overlaps(&bounds_of(&corners[b]));
            let all = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
            let known: Vec<(u32, u32)> = all.filter(|&(a, b)| touch(a, b)).map(|(a, b)| (a as u32, b as u32)).collect();
            assert_eq!(found, known);
            assert!(n < 2500 || known.len() > 1000, "{}", known.len());
        }
    }
}
