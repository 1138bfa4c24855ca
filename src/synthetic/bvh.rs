//! A bounding volume hierarchy over triangles: packets of rays (nearest hit, any hit) and closest points.
//!
//! In: triangles as corner points in metres. Out: hits with barycentric coordinates, nearest points with distances.
//! Source: I. Wald, "On fast construction of SAH-based bounding volume hierarchies", RT 2007 (binned surface area
//! heuristic); I. Wald et al., "Interactive rendering with coherent ray tracing", Eurographics 2001 (packets);
//! T. Moeller, B. Trumbore, "Fast, minimum storage ray/triangle intersection", 1997; C. Ericson, "Real-time collision
//! detection", 2005, 5.1.5 (closest point on a triangle). Loops over lanes are written so that the compiler makes SIMD
//! of them. Cost: build 1 us a triangle, nearest hit about 0.1 us a ray in coherent packets of 8.
//! Failure modes: rays within 1e-6 of an edge may slip through.

use super::surface::V3;
use super::traverse;

/// No triangle.
pub const NONE: u32 = u32::MAX;
const BINS: usize = 16;
const LEAF: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub(super) min: [f32; 3],
    /// First child (its sibling follows), or first triangle of a leaf.
    pub(super) first: u32,
    pub(super) max: [f32; 3],
    /// Number of triangles; 0 = inner node.
    pub(super) count: u32,
}

/// Corner and edges of a triangle, in the order of the leaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corners {
    pub(super) a: V3,
    pub(super) e1: V3,
    pub(super) e2: V3,
    pub(super) id: u32,
}

/// The hierarchy.
#[derive(Clone, Debug, Default)]
pub struct Bvh {
    pub(super) nodes: Vec<Node>,
    pub(super) triangles: Vec<Corners>,
}

/// `N` rays traced together, with their nearest hits so far.
#[derive(Clone, Debug)]
pub struct Packet<const N: usize> {
    /// Origins, per axis.
    pub origin: [[f32; N]; 3],
    /// Directions, per axis; need not be of unit length, must not be zero in any axis.
    pub direction: [[f32; N]; 3],
    /// Parameter of the nearest hit; before: the ray's end. Negative switches a lane off.
    pub t: [f32; N],
    /// Triangle of the nearest hit.
    pub id: [u32; N],
    /// Barycentric coordinate of the second corner.
    pub u: [f32; N],
    /// Barycentric coordinate of the third corner.
    pub v: [f32; N],
}

impl<const N: usize> Packet<N> {
    /// Rays from origins along directions up to `t`.
    pub fn new(origins: &[V3; N], directions: &[V3; N], t: f32) -> Self {
        let mut p = Self {
            origin: [[0.0; N]; 3],
            direction: [[0.0; N]; 3],
            t: [t; N],
            id: [NONE; N],
            u: [0.0; N],
            v: [0.0; N],
        };
        for k in 0..N {
            for c in 0..3 {
                p.origin[c][k] = origins[k][c];
                let d = directions[k][c];
                p.direction[c][k] = if d.abs() < 1e-9 { 1e-9 } else { d };
            }
        }
        p
    }
}

#[derive(Clone, Copy)]
struct Item {
    min: V3,
    max: V3,
    id: u32,
}

enum Tree {
    Leaf(V3, V3, Vec<u32>),
    Inner(V3, V3, Box<(Tree, Tree)>),
}

fn area(min: &V3, max: &V3) -> f32 {
    let d = max - min;
    d.x * d.y + d.y * d.z + d.z * d.x
}

fn bounds(items: &[Item]) -> (V3, V3) {
    let far = V3::repeat(f32::MAX);
    items.iter().fold((far, -far), |(lo, hi), i| (lo.inf(&i.min), hi.sup(&i.max)))
}

fn grow(items: &mut [Item]) -> Tree {
    let (min, max) = bounds(items);
    let leaf = |items: &[Item]| Tree::Leaf(min, max, items.iter().map(|i| i.id).collect());
    if items.len() <= LEAF {
        return leaf(items);
    }
    let far = V3::repeat(f32::MAX);
    let (cmin, cmax) = items.iter().fold((far, -far), |(lo, hi), i| {
        let c = i.min + i.max;
        (lo.inf(&c), hi.sup(&c))
    });
    let mut best = (f32::MAX, 0, 0usize);
    for axis in 0..3 {
        let extent = cmax[axis] - cmin[axis];
        if extent < 1e-6 {
            continue;
        }
        let scale = BINS as f32 * 0.9999 / extent;
        let mut bins = [(far, -far, 0usize); BINS];
        for i in items.iter() {
            let b = &mut bins[((i.min[axis] + i.max[axis] - cmin[axis]) * scale) as usize];
            *b = (b.0.inf(&i.min), b.1.sup(&i.max), b.2 + 1);
        }
        let mut right = [0.0; BINS];
        let (mut lo, mut hi, mut n) = (far, -far, 0);
        for k in (1..BINS).rev() {
            (lo, hi, n) = (lo.inf(&bins[k].0), hi.sup(&bins[k].1), n + bins[k].2);
            right[k] = if n == 0 { 0.0 } else { area(&lo, &hi) * n as f32 };
        }
        (lo, hi, n) = (far, -far, 0);
        for k in 0..BINS - 1 {
            (lo, hi, n) = (lo.inf(&bins[k].0), hi.sup(&bins[k].1), n + bins[k].2);
            if n == 0 || n == items.len() {
                continue;
            }
            let cost = area(&lo, &hi) * n as f32 + right[k + 1];
            if cost < best.0 {
                best = (cost, axis, k);
            }
        }
    }
    let (cost, axis, split) = best;
    let whole = area(&min, &max) * items.len() as f32;
    if cost >= whole && items.len() <= 4 * LEAF {
        return leaf(items);
    }
    let middle = if cost == f32::MAX {
        items.len() / 2
    } else {
        let scale = BINS as f32 * 0.9999 / (cmax[axis] - cmin[axis]);
        let mut next = 0;
        for k in 0..items.len() {
            if ((items[k].min[axis] + items[k].max[axis] - cmin[axis]) * scale) as usize <= split {
                items.swap(k, next);
                next += 1;
            }
        }
        next
    };
    let (a, b) = items.split_at_mut(middle);
    let children = if a.len() + b.len() > 8192 { rayon::join(|| grow(a), || grow(b)) } else { (grow(a), grow(b)) };
    Tree::Inner(min, max, Box::new(children))
}

impl Bvh {
    /// Builds the hierarchy over `n` triangles, `corners(i)` giving the points of triangle `i`.
    pub fn new(n: usize, corners: impl Fn(usize) -> [V3; 3]) -> Self {
        if n == 0 {
            return Self::default();
        }
        let mut items: Vec<Item> = (0..n)
            .map(|k| {
                let [a, b, c] = corners(k);
                Item { min: a.inf(&b).inf(&c), max: a.sup(&b).sup(&c), id: k as u32 }
            })
            .collect();
        let tree = grow(&mut items);
        let empty = Node { min: [0.0; 3], max: [0.0; 3], first: 0, count: 0 };
        let mut bvh = Self { nodes: vec![empty], triangles: Vec::with_capacity(n) };
        let mut todo = vec![(tree, 0usize)];
        while let Some((tree, at)) = todo.pop() {
            match tree {
                Tree::Leaf(min, max, ids) => {
                    let (first, count) = (bvh.triangles.len() as u32, ids.len() as u32);
                    for id in ids {
                        let [a, b, c] = corners(id as usize);
                        bvh.triangles.push(Corners { a, e1: b - a, e2: c - a, id });
                    }
                    bvh.nodes[at] = Node { min: min.into(), max: max.into(), first, count };
                }
                Tree::Inner(min, max, children) => {
                    let first = bvh.nodes.len();
                    bvh.nodes.extend([empty, empty]);
                    bvh.nodes[at] = Node { min: min.into(), max: max.into(), first: first as u32, count: 0 };
                    todo.push((children.1, first + 1));
                    todo.push((children.0, first));
                }
            }
        }
        bvh
    }

    /// Finds each ray's nearest hit nearer than its `t`.
    pub fn nearest<const N: usize>(&self, packet: &mut Packet<N>) {
        traverse::trace::<N, false>(self, packet);
    }

    /// Whether each ray hits anything before its `t`; lanes with a negative `t` come back negative too.
    pub fn occlude<const N: usize>(&self, packet: &mut Packet<N>) {
        traverse::trace::<N, true>(self, packet);
    }

    /// Nearest hit of one ray: parameter and triangle.
    pub fn cast(&self, origin: &V3, direction: &V3, t: f32) -> Option<(f32, u32)> {
        let mut p = Packet::<1>::new(&[*origin], &[*direction], t);
        self.nearest(&mut p);
        (p.id[0] != NONE).then_some((p.t[0], p.id[0]))
    }

    /// The nearest point of the surface within `limit` metres: squared distance, point and triangle.
    pub fn closest(&self, p: &V3, limit: f32) -> Option<(f32, V3, u32)> {
        if self.nodes.is_empty() {
            return None;
        }
        let mut best = (limit * limit, V3::zeros(), NONE);
        let mut stack = [(0u32, 0.0f32); 96];
        stack[0].1 = distance_squared(&self.nodes[0], p);
        let mut depth = 1;
        while depth > 0 {
            depth -= 1;
            let (at, d) = stack[depth];
            if d > best.0 {
                continue;
            }
            let node = &self.nodes[at as usize];
            if node.count > 0 {
                for t in &self.triangles[node.first as usize..(node.first + node.count) as usize] {
                    let q = closest_on(t, p);
                    let d = (q - p).norm_squared();
                    if d < best.0 || (d == best.0 && t.id < best.2) {
                        best = (d, q, t.id);
                    }
                }
                continue;
            }
            let mut children = [node.first, node.first + 1].map(|c| (c, distance_squared(&self.nodes[c as usize], p)));
            if children[0].1 < children[1].1 {
                children.swap(0, 1);
            }
            for c in children {
                if c.1 <= best.0 {
                    stack[depth] = c;
                    depth += 1;
                }
            }
        }
        (best.2 != NONE).then_some(best)
    }
}

fn distance_squared(node: &Node, p: &V3) -> f32 {
    (0..3).map(|c| (node.min[c] - p[c]).max(p[c] - node.max[c]).max(0.0).powi(2)).sum()
}

/// Closest point of a triangle.
fn closest_on(t: &Corners, p: &V3) -> V3 {
    let (a, ab, ac) = (t.a, t.e1, t.e2);
    let ap = p - a;
    let (d1, d2) = (ab.dot(&ap), ac.dot(&ap));
    if d1 <= 0.0 && d2 <= 0.0 {
        return a;
    }
    let bp = ap - ab;
    let (d3, d4) = (ab.dot(&bp), ac.dot(&bp));
    if d3 >= 0.0 && d4 <= d3 {
        return a + ab;
    }
    let vc = d1 * d4 - d3 * d2;
    if vc <= 0.0 && d1 >= 0.0 && d3 <= 0.0 {
        return a + ab * (d1 / (d1 - d3));
    }
    let cp = ap - ac;
    let (d5, d6) = (ab.dot(&cp), ac.dot(&cp));
    if d6 >= 0.0 && d5 <= d6 {
        return a + ac;
    }
    let vb = d5 * d2 - d1 * d6;
    if vb <= 0.0 && d2 >= 0.0 && d6 <= 0.0 {
        return a + ac * (d2 / (d2 - d6));
    }
    let va = d3 * d6 - d5 * d4;
    if va <= 0.0 && d4 - d3 >= 0.0 && d5 - d6 >= 0.0 {
        return a + ab + (ac - ab) * ((d4 - d3) / ((d4 - d3) + (d5 - d6)));
    }
    let sum = va + vb + vc;
    if sum <= 0.0 {
        return a;
    }
    a + ab * (vb / sum) + ac * (vc / sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn soup(n: usize) -> Vec<[V3; 3]> {
        let mut rng = Rng::new(5, 5);
        let mut v = |s: f64| V3::new(rng.uniform(-s, s) as f32, rng.uniform(-s, s) as f32, rng.uniform(-s, s) as f32);
        (0..n)
            .map(|_| {
                let c = v(10.0);
                [c + v(1.0), c + v(1.0), c + v(1.0)]
            })
            .collect()
    }

    #[test]
    fn packets_agree_with_testing_every_triangle() {
        let tris = soup(500);
        let bvh = Bvh::new(tris.len(), |i| tris[i]);
        let mut rng = Rng::new(1, 2);
        let mut hits = 0;
        for _ in 0..200 {
            let origin = [V3::new(rng.uniform(-15.0, 15.0) as f32, -20.0, rng.uniform(-5.0, 5.0) as f32); 8];
            let direction: [V3; 8] = std::array::from_fn(|_| {
                V3::new(rng.uniform(-0.5, 0.5) as f32, 1.0, rng.uniform(-0.5, 0.5) as f32).normalize()
            });
            let mut p = Packet::new(&origin, &direction, 1e6);
            bvh.nearest(&mut p);
            let mut shadow = Packet::new(&origin, &direction, 1e6);
            bvh.occlude(&mut shadow);
            let mut brute = Packet::new(&origin, &direction, 1e6);
            for (id, t) in tris.iter().enumerate() {
                let c = Corners { a: t[0], e1: t[1] - t[0], e2: t[2] - t[0], id: id as u32 };
                traverse::intersect::<8, false>(&c, &mut brute);
            }
            assert_eq!(p.id, brute.id);
            for k in 0..8 {
                assert_eq!(shadow.t[k] < 0.0, p.id[k] != NONE);
                hits += usize::from(p.id[k] != NONE);
            }
        }
        assert!(hits > 100, "{hits}");
    }

    #[test]
    fn closest_points_agree_with_dense_samples() {
        let tris = soup(100);
        let bvh = Bvh::new(tris.len(), |i| tris[i]);
        let mut rng = Rng::new(3, 2);
        for _ in 0..50 {
            let p = V3::new(rng.uniform(-12.0, 12.0) as f32, rng.uniform(-12.0, 12.0) as f32, 3.0);
            let (d, q, id) = bvh.closest(&p, 100.0).expect("some triangle");
            assert!(((q - p).norm_squared() - d).abs() < 1e-4);
            let mut best = f32::MAX;
            for t in &tris {
                for i in 0..=40 {
                    for j in 0..=(40 - i) {
                        let x = t[0] + (t[1] - t[0]) * (i as f32 / 40.0) + (t[2] - t[0]) * (j as f32 / 40.0);
                        best = best.min((x - p).norm());
                    }
                }
            }
            assert!(d.sqrt() <= best + 1e-5 && best < d.sqrt() + 0.1, "{} {best} {id}", d.sqrt());
        }
        assert!(bvh.closest(&V3::new(1000.0, 0.0, 0.0), 5.0).is_none());
    }
}
