//! Minimum s-t cut of a graph in which every node has exactly four neighbours (tetrahedra).
//!
//! In: capacities of the four arcs out of each node and of its arcs from the source and to the sink, as integers.
//! Out: which nodes are on the source's side of the *smallest* minimum cut (nodes that the source can still reach),
//! which does not depend on how the flow was found.
//!
//! Source: A. Goldberg, S. Hed, H. Kaplan, R. Tarjan, R. Werneck, "Maximum flows by incremental breadth-first search",
//! ESA 2011, which keeps the two search trees of Y. Boykov, V. Kolmogorov, "An experimental comparison of min-cut/
//! max-flow algorithms", PAMI 26(9), 2004, as breadth-first trees with valid distance labels. Children of a node are
//! found by looking at its four neighbours, so a node takes 44 bytes and nothing is allocated for each.
//!
//! Limits: a capacity is at most [`UNLIMITED`] = 2^30, so that an arc and its reverse always fit 32 bits.

use crate::base::{Cancelled, Ctx};

/// The largest capacity; in practice more than any cut costs.
pub const UNLIMITED: u32 = 1 << 30;

const TERMINAL: u8 = 4;
const ORPHAN: u8 = 5;
const FREE: u8 = 6;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// Residual capacity of the arc to each neighbour.
    residual: [u32; 4],
    neighbours: [u32; 4],
    /// Residual capacity from the source (positive) or to the sink (negative).
    terminal: i32,
    /// Distance to the source (positive) or to the sink (negative) in its tree; 0 for free nodes.
    label: i32,
    /// Slots of this node in each neighbour, two bits each.
    back: u8,
    /// Slot of the parent, or one of the constants above.
    parent: u8,
}

impl Node {
    fn back_slot(&self, slot: usize) -> usize {
        usize::from(self.back >> (2 * slot)) & 3
    }
}

/// Which side a search works on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Sink,
}

impl Side {
    fn sign(self) -> i32 {
        if self == Side::Source { 1 } else { -1 }
    }
}

/// The graph, and after [`CutGraph::solve`] its cut.
#[derive(Clone, Debug, Default)]
pub struct CutGraph {
    nodes: Vec<Node>,
    flow: u64,
}

/// One of the two breadth-first trees.
struct Tree {
    /// Depth of the last complete level.
    depth: i32,
    /// Nodes of that level that have not been grown from (some may have left the level since).
    level: Vec<u32>,
    /// Nodes of the level below it.
    next: Vec<u32>,
}

struct Solver<'a> {
    nodes: &'a mut [Node],
    source: Tree,
    sink: Tree,
    growing: Side,
    orphans: std::collections::VecDeque<u32>,
    flow: u64,
}

impl CutGraph {
    /// A graph without capacities. Neighbours must be mutual: where b is a neighbour of a, a is one of b.
    pub fn new(neighbours: impl ExactSizeIterator<Item = [u32; 4]>) -> Self {
        let blank = |neighbours| Node { residual: [0; 4], neighbours, terminal: 0, label: 0, back: 0, parent: FREE };
        let mut nodes: Vec<Node> = neighbours.map(blank).collect();
        for i in 0..nodes.len() {
            let mut back = 0;
            for (slot, n) in nodes[i].neighbours.into_iter().enumerate() {
                let there = nodes[n as usize].neighbours.iter().position(|&m| m as usize == i).unwrap_or(0);
                back |= (there as u8) << (2 * slot);
            }
            nodes[i].back = back;
        }
        Self { nodes, flow: 0 }
    }

    /// Sets the capacities of the four arcs out of a node.
    pub fn set_arcs(&mut self, node: usize, capacities: [u32; 4]) {
        self.nodes[node].residual = capacities.map(|c| c.min(UNLIMITED));
    }

    /// Adds to the capacity of one arc out of a node.
    pub fn add_arc(&mut self, node: usize, slot: usize, capacity: u32) {
        let arc = &mut self.nodes[node].residual[slot];
        *arc = arc.saturating_add(capacity).min(UNLIMITED);
    }

    /// Sets the capacities of the arcs from the source and to the sink. What both share flows at once.
    pub fn set_terminals(&mut self, node: usize, source: u32, sink: u32) {
        let (source, sink) = (source.min(UNLIMITED), sink.min(UNLIMITED));
        self.flow += u64::from(source.min(sink));
        self.nodes[node].terminal = source as i32 - sink as i32;
    }

    /// Whether a node is on the source's side; meaningful after [`CutGraph::solve`].
    pub fn on_source_side(&self, node: usize) -> bool {
        self.nodes[node].label > 0
    }

    /// Finds the cut; returns the value of the flow.
    pub fn solve(&mut self, ctx: &Ctx) -> Result<u64, Cancelled> {
        let tree = |depth| Tree { depth, level: Vec::new(), next: Vec::new() };
        let mut solver = Solver {
            source: tree(1),
            sink: tree(1),
            growing: Side::Source,
            orphans: std::collections::VecDeque::new(),
            flow: self.flow,
            nodes: &mut self.nodes,
        };
        for (i, node) in solver.nodes.iter_mut().enumerate() {
            node.label = node.terminal.signum();
            node.parent = if node.label == 0 { FREE } else { TERMINAL };
            match node.label {
                1 => solver.source.level.push(i as u32),
                -1 => solver.sink.level.push(i as u32),
                _ => {}
            }
        }
        solver.run(ctx)?;
        self.flow = solver.flow;
        Ok(self.flow)
    }
}

impl Solver<'_> {
    fn run(&mut self, ctx: &Ctx) -> Result<(), Cancelled> {
        // Growing either tree alone to its end finds the flow; taking the one with the smaller frontier is faster.
        // Ending on the source's tree is what makes the cut the smallest one.
        loop {
            ctx.check()?;
            let (s, t) = (self.source.level.len(), self.sink.level.len());
            if s == 0 {
                return Ok(());
            }
            self.growing = if t == 0 || s <= t { Side::Source } else { Side::Sink };
            self.grow_level(ctx)?;
        }
    }

    fn tree(&mut self, side: Side) -> &mut Tree {
        if side == Side::Source { &mut self.source } else { &mut self.sink }
    }

    /// Residual capacity along the direction of flow from a node of `side`'s tree to the neighbour in `slot` (for the
    /// sink's tree: from that neighbour to the node).
    fn outward(&self, side: Side, node: &Node, slot: usize) -> u32 {
        match side {
            Side::Source => node.residual[slot],
            Side::Sink => self.nodes[node.neighbours[slot] as usize].residual[node.back_slot(slot)],
        }
    }

    fn grow_level(&mut self, ctx: &Ctx) -> Result<(), Cancelled> {
        let side = self.growing;
        let sign = side.sign();
        let depth = self.tree(side).depth;
        let mut done = 0u32;
        while let Some(v) = self.tree(side).level.pop() {
            done += 1;
            if done.is_multiple_of(8192) {
                ctx.check()?;
            }
            let mut slot = 0;
            while slot < 4 {
                let node = self.nodes[v as usize];
                if node.label != sign * depth {
                    break;
                }
                if self.outward(side, &node, slot) == 0 {
                    slot += 1;
                    continue;
                }
                let w = node.neighbours[slot];
                let other = &mut self.nodes[w as usize];
                if other.label == 0 {
                    other.label = sign * (depth + 1);
                    other.parent = node.back_slot(slot) as u8;
                    self.tree(side).next.push(w);
                } else if other.label.signum() != sign {
                    match side {
                        Side::Source => self.augment(v, slot),
                        Side::Sink => self.augment(w, node.back_slot(slot)),
                    }
                    // The arc may have capacity left; look at it again.
                    continue;
                }
                slot += 1;
            }
        }
        let tree = self.tree(side);
        tree.depth += 1;
        tree.level = std::mem::take(&mut tree.next);
        Ok(())
    }

    /// Pushes flow along the path through the arc out of `from` (in the source's tree) in `slot`.
    fn augment(&mut self, from: u32, slot: usize) {
        let to = self.nodes[from as usize].neighbours[slot];
        let mut push = self.nodes[from as usize].residual[slot];
        for (start, side) in [(from, Side::Source), (to, Side::Sink)] {
            let mut at = start;
            loop {
                let node = &self.nodes[at as usize];
                if node.parent == TERMINAL {
                    push = push.min(node.terminal.unsigned_abs());
                    break;
                }
                let p = usize::from(node.parent);
                push = push.min(self.inward(side, node, p));
                at = node.neighbours[p];
            }
        }
        self.send(from, slot, push);
        for (start, side) in [(from, Side::Source), (to, Side::Sink)] {
            let mut at = start;
            loop {
                let node = self.nodes[at as usize];
                if node.parent == TERMINAL {
                    let left = node.terminal - side.sign() * push as i32;
                    self.nodes[at as usize].terminal = left;
                    if left == 0 {
                        self.make_orphan(at);
                    }
                    break;
                }
                let p = usize::from(node.parent);
                let parent = node.neighbours[p];
                match side {
                    Side::Source => self.send(parent, node.back_slot(p), push),
                    Side::Sink => self.send(at, p, push),
                }
                if self.inward(side, &self.nodes[at as usize], p) == 0 {
                    self.make_orphan(at);
                }
                at = parent;
            }
        }
        self.flow += u64::from(push);
        self.adopt();
    }

    /// Residual capacity along the direction of flow from the neighbour in `slot` to a node of the source's tree (for
    /// the sink's tree: from the node to that neighbour).
    fn inward(&self, side: Side, node: &Node, slot: usize) -> u32 {
        match side {
            Side::Source => self.nodes[node.neighbours[slot] as usize].residual[node.back_slot(slot)],
            Side::Sink => node.residual[slot],
        }
    }

    fn send(&mut self, from: u32, slot: usize, push: u32) {
        let node = &mut self.nodes[from as usize];
        node.residual[slot] -= push;
        let (to, back) = (node.neighbours[slot], node.back_slot(slot));
        self.nodes[to as usize].residual[back] += push;
    }

    fn make_orphan(&mut self, node: u32) {
        self.nodes[node as usize].parent = ORPHAN;
        self.orphans.push_back(node);
    }

    /// Finds every orphan a new parent, at the price of a larger label, or frees it.
    fn adopt(&mut self) {
        while let Some(v) = self.orphans.pop_front() {
            let node = self.nodes[v as usize];
            let side = if node.label > 0 { Side::Source } else { Side::Sink };
            let sign = side.sign();
            let growing = self.growing == side;
            let limit = self.tree(side).depth + i32::from(growing);
            let own = node.label * sign;
            let mut best = (i32::MAX, FREE);
            for slot in 0..4 {
                let label = self.nodes[node.neighbours[slot] as usize].label * sign;
                if label > 0 && label < best.0 && self.inward(side, &node, slot) > 0 {
                    best = (label, slot as u8);
                    if label + 1 == own {
                        break;
                    }
                }
            }
            // Labels are lower bounds of the distance, so no neighbour offers less than the orphan's own label.
            let label = best.0.saturating_add(1);
            if label == own {
                self.nodes[v as usize].parent = best.1;
                continue;
            }
            for slot in 0..4 {
                let child = node.neighbours[slot];
                let c = &self.nodes[child as usize];
                if c.label * sign > 0 && usize::from(c.parent) == node.back_slot(slot) {
                    self.make_orphan(child);
                }
            }
            let changed = &mut self.nodes[v as usize];
            if label > limit {
                (changed.label, changed.parent) = (0, FREE);
                continue;
            }
            (changed.label, changed.parent) = (sign * label, best.1);
            let tree = self.tree(side);
            if label == tree.depth {
                tree.level.push(v);
            } else if label > tree.depth {
                tree.next.push(v);
            }
        }
    }
}

#[cfg(test)]
#[path = "maxflow_tests.rs"]
mod tests;
