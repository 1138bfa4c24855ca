//! Building the hierarchy from the top down, on all threads.
//!
//! In: triangles. Out: nodes, each with the boxes of both its children, so that a query looks at one place in memory where
//! it decides between them; and the order of the triangles in the leaves. Both depend on the triangles alone.

use super::bounds::Loose;
use super::bounds_of;
use nalgebra::Vector3;
use rayon::prelude::*;

/// Most triangles of a leaf; at most 7 can be told.
const LEAF: usize = 4;
/// Planes that are tried, and one.
const BINS: usize = 16;
/// From so many triangles on both halves are built at once.
const PARALLEL: usize = 1 << 15;

/// A node with its children.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Node {
    pub bounds: [Loose; 2],
    pub children: [Child; 2],
}

/// An inner node by its number, or the triangles of a leaf: a bit that says so, three that count them, where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Child(u32);

impl Child {
    /// The first node.
    pub const ROOT: Self = Self(0);
    const IS_LEAF: u32 = 1 << 31;
    const COUNT: u32 = 28;

    /// Node number `at`.
    pub fn inner(at: usize) -> Self {
        Self(at as u32)
    }

    fn leaf(start: usize, count: usize) -> Self {
        assert!(start < 1 << Self::COUNT && count < 8, "more triangles than a hierarchy can hold: {start}");
        Self(Self::IS_LEAF | (count as u32) << Self::COUNT | start as u32)
    }

    /// The number of an inner node.
    #[inline]
    pub fn node(self) -> Option<usize> {
        (self.0 & Self::IS_LEAF == 0).then_some(self.0 as usize)
    }

    /// The places of a leaf's triangles in the order.
    #[inline]
    pub fn triangles(self) -> std::ops::Range<usize> {
        let start = (self.0 & ((1 << Self::COUNT) - 1)) as usize;
        start..start + (self.0 >> Self::COUNT & 7) as usize
    }

    fn moved(self, by: usize) -> Self {
        if self.node().is_some() { Self(self.0 + by as u32) } else { self }
    }
}

#[derive(Clone, Copy)]
struct Item {
    triangle: u32,
    bounds: Loose,
}

/// The nodes, the root first, and the triangles in the order of the leaves.
pub(super) fn build(corners: &[[Vector3<f64>; 3]]) -> (Vec<Node>, Vec<u32>) {
    let item = |(i, c)| Item { triangle: i as u32, bounds: Loose::around(&bounds_of(c)) };
    let mut items: Vec<Item> = corners.par_iter().enumerate().map(item).collect();
    let mut nodes = Vec::new();
    match items.len() {
        0 => {}
        n if n <= LEAF => {
            let children = [Child::leaf(0, n), Child::leaf(n, 0)];
            nodes.push(Node { bounds: [around(&items), Loose::empty()], children });
        }
        _ => fill(&mut items, 0, &mut nodes),
    }
    (nodes, items.par_iter().map(|i| i.triangle).collect())
}

/// Appends the nodes over `items`, of which there are more than a leaf holds; the first of them is number `offset` of all.
fn fill(items: &mut [Item], offset: usize, nodes: &mut Vec<Node>) {
    let (middle, bounds) = split(items);
    let parallel = items.len() > PARALLEL;
    let at = nodes.len();
    nodes.push(Node { bounds, children: [Child::ROOT; 2] });
    let (left, right) = items.split_at_mut(middle);
    nodes[at].children = if parallel {
        let own = |half: &mut [Item], offset| {
            let mut own = Vec::new();
            (child(half, offset, &mut own), own)
        };
        let (left, right) = rayon::join(|| own(left, offset), || own(right, offset + middle));
        [left, right].map(|(child, own)| {
            // Numbers are those of the half until they are appended here.
            let by = nodes.len();
            nodes.extend(own.iter().map(|n| Node { children: n.children.map(|c| c.moved(by)), ..*n }));
            child.moved(by)
        })
    } else {
        [child(left, offset, nodes), child(right, offset + middle, nodes)]
    };
}

fn child(items: &mut [Item], offset: usize, nodes: &mut Vec<Node>) -> Child {
    if items.len() <= LEAF {
        return Child::leaf(offset, items.len());
    }
    let at = nodes.len();
    fill(items, offset, nodes);
    Child::inner(at)
}

fn around(items: &[Item]) -> Loose {
    items.iter().fold(Loose::empty(), |all, i| all.union(&i.bounds))
}

/// Partitions the items by the best of some planes along the longest axis; the size of the first part, and both boxes.
fn split(items: &mut [Item]) -> (usize, [Loose; 2]) {
    let even = |items: &[Item]| {
        let half = items.len() / 2;
        (half, [around(&items[..half]), around(&items[half..])])
    };
    let (mut low, mut high) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for middle in items.iter().map(|i| i.bounds.middle()) {
        for k in 0..3 {
            (low[k], high[k]) = (low[k].min(middle[k]), high[k].max(middle[k]));
        }
    }
    let extent = |k: usize| high[k] - low[k];
    let axis = (1..3).fold(0, |best, k| if extent(k) > extent(best) { k } else { best });
    if extent(axis) <= 0.0 {
        return even(items);
    }
    let (from, scale) = (low[axis], BINS as f32 / extent(axis));
    let bin = |i: &Item| (((i.bounds.middle()[axis] - from) * scale) as usize).min(BINS - 1);
    let mut bins = [(Loose::empty(), 0usize); BINS];
    let joined = |a: (Loose, usize), b: (Loose, usize)| (a.0.union(&b.0), a.1 + b.1);
    for item in items.iter() {
        let own = &mut bins[bin(item)];
        *own = joined(*own, (item.bounds, 1));
    }
    let mut after = [(Loose::empty(), 0usize); BINS + 1];
    for k in (0..BINS).rev() {
        after[k] = joined(bins[k], after[k + 1]);
    }
    let mut best = (f64::INFINITY, 0, Loose::empty());
    let mut before = (Loose::empty(), 0);
    for k in 1..BINS {
        before = joined(before, bins[k - 1]);
        let cost = before.0.half_area() * before.1 as f64 + after[k].0.half_area() * after[k].1 as f64;
        if before.1 > 0 && after[k].1 > 0 && cost < best.0 {
            best = (cost, k, before.0);
        }
    }
    let (_, plane, first) = best;
    if plane == 0 {
        return even(items);
    }
    let mut middle = 0;
    for i in 0..items.len() {
        if bin(&items[i]) < plane {
            items.swap(i, middle);
            middle += 1;
        }
    }
    (middle, [first, after[plane].0])
}
