//! A nested octree over a point cloud: every point in exactly one node, coarse samples in the upper nodes.
//!
//! In: positions relative to an origin (`f32`, any unit). Out: an order of the points in which each node's are
//! consecutive, and the nodes, parents first. A node keeps, of what its ancestors left over, the point nearest to the
//! centre of each cell of a grid of 64 cells a side; its children share the rest. Drawing a node and all its ancestors
//! therefore shows its cube at that spacing, and nothing is drawn twice.
//! Sources: C. Scheiblauer, M. Wimmer, "Out-of-core selection and editing of huge point clouds", 2011; M. Schuetz,
//! "Potree: rendering large point clouds in web browsers", 2016. Positions are ordered by Morton keys, so that nodes and
//! cells are runs of one sorted list.
//! Points outside the cube and points that are not finite belong to the root, which is never culled.

use nalgebra::Vector3;
use rayon::prelude::*;
use std::collections::BinaryHeap;

/// Bits of a key for each axis.
const BITS: u32 = 21;
/// Levels from a node to the cells of its grid: 64 cells a side.
const GRID: u32 = 6;
/// Nodes with no more points than this have no children.
const LEAF: usize = 6000;
/// Deepest level that still has a grid.
const DEEPEST: u32 = BITS - GRID;

/// One node: a cube and the points that it adds to those of its ancestors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Node {
    pub centre: Vector3<f64>,
    /// Half the side of the cube.
    pub half: f64,
    /// Its points in the order of the cloud.
    pub start: u32,
    pub count: u32,
    /// Numbers of the children; 0 = none.
    pub children: [u32; 8],
}

impl Node {
    /// Distance between the points that it and its ancestors show.
    pub fn spacing(&self) -> f64 {
        2.0 * self.half / f64::from(1u32 << GRID)
    }
}

/// The nodes, parents before their children, the root first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Octree {
    pub nodes: Vec<Node>,
}

/// What is to be drawn of a cloud.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Selection {
    /// Runs of points (start, count), ascending and apart.
    pub runs: Vec<(u32, u32)>,
    /// How many these are.
    pub points: usize,
    /// Largest distance in pixels between neighbours that finer nodes would have filled; 0 where none was left out.
    pub gap_px: f64,
}

fn spread(v: u64) -> u64 {
    // Each step doubles the distance between groups of bits.
    let mut v = v & 0x1f_ffff;
    v = (v | v << 32) & 0x001f_0000_0000_ffff;
    v = (v | v << 16) & 0x001f_0000_ff00_00ff;
    v = (v | v << 8) & 0x100f_00f0_0f00_f00f;
    v = (v | v << 4) & 0x10c3_0c30_c30c_30c3;
    (v | v << 2) & 0x1249_2492_4924_9249
}

/// The key of a place: the bits of its coordinates in turn, x lowest.
pub(super) fn morton([x, y, z]: [u64; 3]) -> u64 {
    spread(x) | spread(y) << 1 | spread(z) << 2
}

fn gather(key: u64) -> u64 {
    let mut v = key & 0x1249_2492_4924_9249;
    v = (v | v >> 2) & 0x10c3_0c30_c30c_30c3;
    v = (v | v >> 4) & 0x100f_00f0_0f00_f00f;
    v = (v | v >> 8) & 0x001f_0000_ff00_00ff;
    v = (v | v >> 16) & 0x001f_0000_0000_ffff;
    (v | v >> 32) & 0x1f_ffff
}

/// A node before the points have their final places.
struct Branch {
    picked: Vec<u32>,
    children: [Option<Box<Branch>>; 8],
}

/// Squared distance of a key's place to the centre of its cell, in steps of the key.
fn off_centre(key: u64, shift: u32) -> u64 {
    let middle = (1i64 << shift) / 2;
    let low = (1u64 << shift) - 1;
    [key, key >> 1, key >> 2].into_iter().map(|k| ((gather(k) & low) as i64 - middle).unsigned_abs().pow(2)).sum()
}

fn branch(keys: &mut [(u64, u32)], level: u32) -> Branch {
    if keys.len() <= LEAF || level >= DEEPEST {
        return Branch { picked: keys.iter().map(|k| k.1).collect(), children: Default::default() };
    }
    let shift = BITS - level - GRID;
    let mut picked = Vec::new();
    // What is left over moves to the front, in its order.
    let (mut left, mut at) = (0, 0);
    while at < keys.len() {
        let cell = keys[at].0 >> (3 * shift);
        let length = keys[at..].iter().take_while(|k| k.0 >> (3 * shift) == cell).count();
        let best = (at..at + length).min_by_key(|&i| (off_centre(keys[i].0, shift), keys[i].1)).unwrap_or(at);
        picked.push(keys[best].1);
        for i in (at..at + length).filter(|i| *i != best) {
            keys[left] = keys[i];
            left += 1;
        }
        at += length;
    }
    let mut rest = &mut keys[..left];
    let mut parts = Vec::with_capacity(8);
    for octant in 0..8u64 {
        let end = rest.partition_point(|k| (k.0 >> (3 * (BITS - level - 1))) & 7 <= octant);
        let (part, after) = std::mem::take(&mut rest).split_at_mut(end);
        parts.push(part);
        rest = after;
    }
    let grown: Vec<_> =
        parts.into_par_iter().map(|p| (!p.is_empty()).then(|| Box::new(branch(p, level + 1)))).collect();
    let mut children: [Option<Box<Branch>>; 8] = Default::default();
    children.iter_mut().zip(grown).for_each(|(place, child)| *place = child);
    Branch { picked, children }
}

impl Octree {
    /// The octree over points in a cube, and the order of the points.
    pub fn new(positions: &[[f32; 3]], centre: Vector3<f64>, half: f64) -> (Self, Vec<u32>) {
        let half = half.max(1e-9);
        let steps = f64::from(1u32 << BITS);
        let place = |(i, p): (usize, &[f32; 3])| {
            let at: [f64; 3] = std::array::from_fn(|k| ((f64::from(p[k]) - centre[k]) / half + 1.0) / 2.0 * steps);
            if at.iter().all(|v| *v >= 0.0 && *v < steps) {
                Ok((morton(at.map(|v| v as u64)), i as u32))
            } else {
                Err(i as u32)
            }
        };
        let placed: Vec<Result<(u64, u32), u32>> = positions.par_iter().enumerate().map(place).collect();
        let strays: Vec<u32> = placed.iter().filter_map(|p| p.err()).collect();
        let mut keys: Vec<(u64, u32)> = placed.into_iter().filter_map(Result::ok).collect();
        keys.par_sort_unstable();
        let mut root = branch(&mut keys, 0);
        root.picked.extend(strays);
        flatten(root, centre, half, positions.len())
    }

    /// The nodes to draw: the coarsest on the screen first, until their points stand closer than `fine_px` or there are
    /// `budget` of them. `scale` gives the pixels of a unit at the nearest place of a cube, `None` where the cube is out
    /// of sight.
    pub fn select(&self, budget: usize, fine_px: f64, scale: impl Fn(&Node) -> Option<f64>) -> Selection {
        let mut selection = Selection::default();
        let mut open = BinaryHeap::new();
        if !self.nodes.is_empty() {
            open.push((u64::MAX, std::cmp::Reverse(0u32)));
        }
        let mut chosen = Vec::new();
        while let Some((rank, std::cmp::Reverse(at))) = open.pop() {
            let node = &self.nodes[at as usize];
            if selection.points + node.count as usize > budget && at != 0 {
                // What its parent shows is twice as far apart.
                selection.gap_px = selection.gap_px.max(2.0 * f64::from_bits(rank));
                break;
            }
            let count = (node.count as usize).min(budget - selection.points) as u32;
            chosen.push((node.start, count));
            selection.points += count as usize;
            let spacing_px = if at == 0 { f64::INFINITY } else { f64::from_bits(rank) };
            if spacing_px <= fine_px {
                continue;
            }
            for &child in node.children.iter().filter(|c| **c != 0) {
                let below = &self.nodes[child as usize];
                if let Some(pixels) = scale(below) {
                    let px = (below.spacing() * pixels).clamp(0.0, f64::MAX);
                    open.push((px.to_bits(), std::cmp::Reverse(child)));
                }
            }
        }
        chosen.sort_unstable();
        for (start, count) in chosen {
            match selection.runs.last_mut() {
                Some((s, c)) if *s + *c == start => *c += count,
                _ => selection.runs.push((start, count)),
            }
        }
        selection
    }

    /// Calls `each` with the points of all nodes whose cube and whose ancestors' cubes `enter` lets in.
    pub fn visit(&self, enter: impl Fn(&Node) -> bool, mut each: impl FnMut(std::ops::Range<usize>)) {
        let mut open = if self.nodes.is_empty() { Vec::new() } else { vec![0u32] };
        while let Some(at) = open.pop() {
            let node = &self.nodes[at as usize];
            if at == 0 || enter(node) {
                each(node.start as usize..(node.start + node.count) as usize);
                open.extend(node.children.iter().filter(|c| **c != 0));
            }
        }
    }
}

/// Numbers the nodes level by level and puts their points one after another.
fn flatten(root: Branch, centre: Vector3<f64>, half: f64, points: usize) -> (Octree, Vec<u32>) {
    let mut nodes: Vec<Node> = Vec::new();
    let mut order = Vec::with_capacity(points);
    let mut level = vec![(Box::new(root), centre, half, None::<(usize, usize)>)];
    while !level.is_empty() {
        let mut next = Vec::new();
        for (branch, centre, half, parent) in level {
            let id = nodes.len();
            if let Some((p, octant)) = parent {
                nodes[p].children[octant] = id as u32;
            }
            let (start, count) = (order.len() as u32, branch.picked.len() as u32);
            nodes.push(Node { centre, half, start, count, children: [0; 8] });
            order.extend(branch.picked);
            for (octant, child) in branch.children.into_iter().enumerate() {
                let Some(child) = child else { continue };
                let side = |axis: usize| if octant >> axis & 1 == 1 { half / 2.0 } else { -half / 2.0 };
                next.push((child, centre + Vector3::new(side(0), side(1), side(2)), half / 2.0, Some((id, octant))));
            }
        }
        level = next;
    }
    (Octree { nodes }, order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn cloud(n: usize) -> Vec<[f32; 3]> {
        let mut rng = Rng::new(3, 9);
        (0..n)
            .map(|_| {
                let (x, y) = (rng.uniform(-100.0, 100.0), rng.uniform(-100.0, 100.0));
                [x as f32, y as f32, (10.0 * (x / 20.0).sin() + rng.normal()) as f32]
            })
            .collect()
    }

    #[test]
    fn every_point_is_in_exactly_one_node_and_inside_its_cube() {
        let mut positions = cloud(200_000);
        positions.extend([[1e9, 0.0, 0.0], [f32::NAN, 0.0, 0.0]]);
        let (tree, order) = Octree::new(&positions, Vector3::zeros(), 100.0);
        let mut seen = vec![0; positions.len()];
        order.iter().for_each(|&i| seen[i as usize] += 1);
        assert!(seen.iter().all(|&n| n == 1));
        assert_eq!(tree.nodes.iter().map(|n| n.count as usize).sum::<usize>(), positions.len());
        assert!(tree.nodes.len() > 8);
        for (i, node) in tree.nodes.iter().enumerate() {
            for &p in &order[node.start as usize..(node.start + node.count) as usize] {
                let p = Vector3::from(positions[p as usize]).cast::<f64>();
                assert!(i == 0 || (p - node.centre).amax() <= node.half * 1.000_01);
            }
            assert!(node.children.iter().all(|&c| c == 0 || c as usize > i));
        }
    }

    #[test]
    fn a_node_has_at_most_one_point_in_a_cell() {
        let positions = cloud(100_000);
        let (tree, order) = Octree::new(&positions, Vector3::zeros(), 100.0);
        let root = tree.nodes[0];
        let mut cells: Vec<[i32; 3]> = order[..root.count as usize]
            .iter()
            .map(|&i| positions[i as usize].map(|v| ((f64::from(v) + 100.0) / root.spacing()).floor() as i32))
            .collect();
        let all = cells.len();
        cells.sort_unstable();
        cells.dedup();
        assert!(all > 4000 && cells.len() == all, "{all} {}", cells.len());
    }

    #[test]
    fn selections_keep_the_budget_and_are_repeatable() {
        let positions = cloud(150_000);
        let (tree, order) = Octree::new(&positions, Vector3::zeros(), 100.0);
        let again = Octree::new(&positions, Vector3::zeros(), 100.0);
        assert_eq!((&tree, &order), (&again.0, &again.1));
        let near = |n: &Node| Some(1000.0 / (n.centre.x + 150.0));
        for budget in [1, 5000, 40_000, 90_000] {
            let s = tree.select(budget, 0.1, near);
            assert!(s.points <= budget && s.gap_px > 0.0 || budget == 1, "{budget} {}", s.points);
            assert_eq!(s.runs.iter().map(|r| r.1 as usize).sum::<usize>(), s.points);
            assert!(s.runs.windows(2).all(|w| w[0].0 + w[0].1 < w[1].0));
            assert_eq!(s, tree.select(budget, 0.1, near));
        }
        let all = tree.select(usize::MAX, 0.0, near);
        assert_eq!((all.points, all.runs.len(), all.gap_px), (positions.len(), 1, 0.0));
        let coarse = tree.select(usize::MAX, 1e9, near);
        let below: u32 =
            tree.nodes[0].children.iter().filter(|c| **c != 0).map(|c| tree.nodes[*c as usize].count).sum();
        assert_eq!(coarse.points as u32, tree.nodes[0].count + below);
        let nothing = tree.select(usize::MAX, 0.0, |_| None);
        assert_eq!(nothing.points as u32, tree.nodes[0].count);
    }

    #[test]
    fn keys_interleave() {
        for v in [0, 1, 5, 0x1f_ffff, 0x12_3456] {
            assert_eq!(gather(spread(v)), v);
            assert_eq!(spread(v) & (spread(0x1f_ffff) << 1), 0);
        }
    }

    #[test]
    fn visiting_finds_the_points_of_a_place() {
        let positions = cloud(80_000);
        let (tree, order) = Octree::new(&positions, Vector3::zeros(), 100.0);
        let at = Vector3::new(30.0, -40.0, 0.0);
        let mut found: Vec<u32> = Vec::new();
        let mut looked = 0;
        tree.visit(
            |n| (n.centre - at).xy().amax() <= n.half + 2.0,
            |range| {
                looked += range.len();
                found.extend(order[range].iter().copied().filter(|&i| {
                    let p = Vector3::from(positions[i as usize]).cast::<f64>();
                    (p - at).xy().amax() <= 2.0
                }));
            },
        );
        let expected = positions.iter().filter(|p| (Vector3::from(**p).cast::<f64>() - at).xy().amax() <= 2.0).count();
        assert!(found.len() == expected && looked < positions.len() / 2, "{} {expected} {looked}", found.len());
    }
}
