//! The collapsing itself: which edges may go, where the joined vertex lands, in which order.
//!
//! In: an indexed manifold. State: triangles, and for each vertex the linked list of corners that use it. Edges wait in a
//! heap under (cost, ends); an entry whose ends have changed since is passed over, so that no entry is ever searched.

mod part;
mod texture;

use super::SimplifyOptions;
use super::quadric::Quadric;
use crate::base::{Cancelled, Ctx};
use crate::mesh::topology::{NONE, sorted_edges, start};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Cost of an edge's length, as a share of it taken for a distance from the surface.
const LENGTH_SHARE: f64 = 2e-3;
/// Largest turn of a triangle's normal in one collapse, as a cosine.
const MIN_COSINE: f64 = 0.25;
/// A triangle thinner than this (height to longest side) may not get thinner.
const THIN: f64 = 0.02;

/// How a vertex may move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Anywhere.
    Free,
    /// Along the one seam (or border of a textured mesh) that passes through it.
    Seam,
    /// Not at all.
    Locked,
    /// Not at all, nor may others join it: it is held, or belongs to another block as well.
    Shared,
}

type Entry = Reverse<(u64, u32, u32, u32, u32)>;

/// A mesh that loses triangles.
pub struct Simplifier<'a> {
    options: &'a SimplifyOptions,
    origin: Vector3<f64>,
    vertices: Vec<Vector3<f64>>,
    quadrics: Vec<Quadric>,
    kinds: Vec<Kind>,
    /// Whether the vertex lies on the border.
    border: Vec<bool>,
    stamps: Vec<u32>,
    triangles: Vec<[u32; 3]>,
    alive: Vec<bool>,
    uvs: Option<Vec<[[f32; 2]; 3]>>,
    /// First corner of each vertex, and the next corner of the same vertex.
    head: Vec<u32>,
    next: Vec<u32>,
    count: usize,
    heap: BinaryHeap<Entry>,
}

/// A collapse that may be done: `gone` joins `kept`, which moves to `to`.
struct Plan {
    kept: u32,
    gone: u32,
    to: Vector3<f64>,
}

impl<'a> Simplifier<'a> {
    pub fn new(mesh: &Mesh, uvs: Option<Vec<[[f32; 2]; 3]>>, page: &[u16], options: &'a SimplifyOptions) -> Self {
        let n = mesh.vertices.len();
        // Around the middle of the mesh quadrics keep their digits.
        let origin = mesh.bounds().map_or_else(Vector3::zeros, |(low, high)| (low + high) * 0.5);
        let mut s = Self {
            options,
            origin,
            vertices: mesh.vertices.iter().map(|v| v - origin).collect(),
            quadrics: vec![Quadric::default(); n],
            kinds: vec![Kind::Free; n],
            border: vec![false; n],
            stamps: vec![0; n],
            triangles: mesh.triangles.clone(),
            alive: vec![true; mesh.triangles.len()],
            uvs,
            head: vec![NONE; n],
            next: vec![NONE; mesh.triangles.len() * 3],
            count: mesh.triangles.len(),
            heap: BinaryHeap::new(),
        };
        s.link();
        s.quadrics = (0..n as u32).into_par_iter().map(|v| s.planes_at(mesh, v)).collect();
        s.mark_edges(mesh, page);
        s
    }

    /// The planes of the triangles at a vertex.
    fn planes_at(&self, mesh: &Mesh, v: u32) -> Quadric {
        let mut sum = Quadric::default();
        let mut corner = self.head[v as usize];
        while corner != NONE {
            let t = corner as usize / 3;
            let normal = mesh.area_normal(t);
            let area = normal.norm();
            if area > 0.0 {
                let p = &self.vertices[mesh.triangles[t][0] as usize];
                sum = sum.plus(&Quadric::plane(&(normal / area), p, area * 0.5));
            }
            corner = self.next[corner as usize];
        }
        sum
    }

    /// Leaves the vertices for which it is told so as they are, with all the edges at them.
    pub fn hold(&mut self, held: &[bool]) {
        for (kind, _) in self.kinds.iter_mut().zip(held).filter(|(_, held)| **held) {
            *kind = Kind::Shared;
        }
    }

    /// Makes the lists of the vertices' corners.
    fn link(&mut self) {
        for c in (0..self.next.len()).rev() {
            let v = self.triangles[c / 3][c % 3] as usize;
            self.next[c] = self.head[v];
            self.head[v] = c as u32;
        }
    }

    /// Finds borders and seams, and constrains them.
    fn mark_edges(&mut self, mesh: &Mesh, page: &[u16]) {
        let edges = sorted_edges(&self.triangles);
        let mut seams = vec![0u8; self.vertices.len()];
        for group in edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let (a, b, h) = group[0];
            let odd = group.len() > 2
                || (group.len() == 2 && start(&self.triangles, h) == start(&self.triangles, group[1].2));
            let border = group.len() == 1;
            for v in [a as usize, b as usize] {
                self.border[v] |= border;
                if odd || (border && self.options.lock_border) {
                    self.kinds[v] = Kind::Locked;
                }
            }
            let seam = self.uvs.is_some() && (border || odd || self.is_seam(h, group[1].2, page));
            if seam {
                for v in [a as usize, b as usize] {
                    seams[v] = seams[v].saturating_add(1);
                }
            }
            if border || seam {
                self.constrain(mesh, h);
            }
        }
        for (kind, &n) in self.kinds.iter_mut().zip(&seams) {
            if *kind != Kind::Locked && n > 0 {
                *kind = if n == 2 { Kind::Seam } else { Kind::Locked };
            }
        }
    }

    /// Puts every edge into the heap.
    fn fill_heap(&mut self) {
        let mut edges = sorted_edges(&self.triangles);
        edges.dedup_by_key(|(a, b, _)| (*a, *b));
        let entries: Vec<Entry> = edges.par_iter().filter_map(|&(a, b, _)| self.entry(a, b)).collect();
        self.heap = BinaryHeap::from(entries);
    }

    /// Whether texture coordinates or pages differ across an edge.
    fn is_seam(&self, g: u32, h: u32, page: &[u16]) -> bool {
        let Some(uvs) = &self.uvs else { return false };
        let at = |h: u32| uvs[h as usize / 3][h as usize % 3];
        let after = |h: u32| if h % 3 == 2 { h - 2 } else { h + 1 };
        page[g as usize / 3] != page[h as usize / 3] || at(g) != at(after(h)) || at(after(g)) != at(h)
    }

    /// Holds an edge in place by the plane through it, upright on its triangle.
    fn constrain(&mut self, mesh: &Mesh, h: u32) {
        let t = h as usize / 3;
        let [a, b] = [h as usize % 3, (h as usize % 3 + 1) % 3].map(|k| self.triangles[t][k]);
        let along = self.vertices[b as usize] - self.vertices[a as usize];
        if let Some(n) = along.cross(&mesh.area_normal(t)).try_normalize(1e-300) {
            let weight = self.options.border_weight * along.norm_squared();
            let mut q = Quadric::plane(&n, &self.vertices[a as usize], weight);
            q.weight = 0.0;
            for v in [a as usize, b as usize] {
                self.quadrics[v] = self.quadrics[v].plus(&q);
            }
        }
    }

    /// Where the vertices of an edge would join, and what that costs; `None` where it may not go.
    fn target(&self, a: u32, b: u32) -> Option<(Plan, f64)> {
        let (ka, kb) = (self.kinds[a as usize], self.kinds[b as usize]);
        if ka == Kind::Shared || kb == Kind::Shared {
            return None;
        }
        let (pa, pb) = (self.vertices[a as usize], self.vertices[b as usize]);
        let q = self.quadrics[a as usize].plus(&self.quadrics[b as usize]);
        let into = |kept: u32, gone: u32| Plan { kept, gone, to: self.vertices[kept as usize] };
        let plan = match (ka, kb) {
            (Kind::Free, Kind::Free) => {
                let (on_a, on_b) = (self.border[a as usize], self.border[b as usize]);
                if self.uvs.is_none() && on_a != on_b {
                    // An inner vertex must not pull the border inwards.
                    if on_a { into(a, b) } else { into(b, a) }
                } else {
                    let middle = (pa + pb) * 0.5;
                    let lowest =
                        q.lowest(&middle).filter(|x| (x - middle).norm_squared() < 4.0 * (pa - pb).norm_squared());
                    let candidates = [Some(middle), Some(pa), Some(pb), lowest];
                    let best = candidates.into_iter().flatten().min_by(|x, y| q.at(x).total_cmp(&q.at(y)));
                    Plan { kept: a, gone: b, to: best.unwrap_or(middle) }
                }
            }
            (Kind::Free, _) => into(b, a),
            (_, Kind::Free) => into(a, b),
            (Kind::Seam, Kind::Seam) => {
                if q.at(&pa) <= q.at(&pb) {
                    into(a, b)
                } else {
                    into(b, a)
                }
            }
            (Kind::Seam, Kind::Locked) => into(b, a),
            (Kind::Locked, Kind::Seam) => into(a, b),
            _ => return None,
        };
        let error = q.at(&plan.to);
        if let Some(limit) = self.options.max_error
            && error > limit * limit * q.weight.max(1e-300)
        {
            return None;
        }
        let cost = error + q.weight * (pa - pb).norm_squared() * (LENGTH_SHARE * LENGTH_SHARE);
        cost.is_finite().then_some((plan, cost))
    }

    fn entry(&self, a: u32, b: u32) -> Option<Entry> {
        let (a, b) = (a.min(b), a.max(b));
        let (_, cost) = self.target(a, b)?;
        // Costs are not negative, so their bits order as they do.
        Some(Reverse((cost.to_bits(), a, b, self.stamps[a as usize], self.stamps[b as usize])))
    }

    pub fn run(&mut self, ctx: &Ctx) -> Result<(), Cancelled> {
        self.fill_heap();
        let mut rounds = 0u32;
        while self.count > self.options.target_triangles {
            let Some(Reverse((_, a, b, sa, sb))) = self.heap.pop() else { break };
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(4096) {
                ctx.check()?;
            }
            if self.stamps[a as usize] != sa || self.stamps[b as usize] != sb {
                continue;
            }
            let Some((plan, _)) = self.target(a, b) else { continue };
            self.try_collapse(&plan);
        }
        Ok(())
    }

    /// Corners of a vertex.
    fn corners(&self, v: u32) -> impl Iterator<Item = usize> + '_ {
        let mut at = self.head[v as usize];
        std::iter::from_fn(move || {
            let c = at;
            (c != NONE).then(|| {
                at = self.next[c as usize];
                c as usize
            })
        })
    }

    /// Neighbours of a vertex, ascending.
    fn neighbours(&self, v: u32) -> Vec<u32> {
        let mut all: Vec<u32> = Vec::with_capacity(16);
        for c in self.corners(v) {
            let t = &self.triangles[c / 3];
            all.extend([t[(c % 3 + 1) % 3], t[(c % 3 + 2) % 3]]);
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    fn try_collapse(&mut self, plan: &Plan) -> bool {
        let &Plan { kept, gone, to } = plan;
        let shared: Vec<usize> = self.corners(gone).filter(|c| self.triangles[c / 3].contains(&kept)).collect();
        if shared.is_empty() || shared.len() > 2 || !self.topology_allows(kept, gone, &shared) {
            return false;
        }
        let moves = to != self.vertices[kept as usize];
        if !self.shape_allows(gone, kept, &to) || (moves && !self.shape_allows(kept, gone, &to)) {
            return false;
        }
        if self.uvs.is_some() && !self.move_texture(plan, &shared) {
            return false;
        }
        self.apply(plan, &shared);
        true
    }

    /// The link condition: the ends have no common neighbours but the corners opposite their edge, and what remains is
    /// no pair of equal triangles; borders do not meet across the inside.
    fn topology_allows(&self, kept: u32, gone: u32, shared: &[usize]) -> bool {
        let (on_kept, on_gone) = (self.border[kept as usize], self.border[gone as usize]);
        if on_kept && on_gone && shared.len() == 2 {
            return false;
        }
        let (a, b) = (self.neighbours(kept), self.neighbours(gone));
        let common = a.iter().filter(|x| b.binary_search(x).is_ok()).count();
        if common != shared.len() {
            return false;
        }
        shared.iter().all(|&c| {
            let t = &self.triangles[c / 3];
            let opposite = t.iter().copied().find(|&v| v != kept && v != gone).unwrap_or(kept);
            let least = if self.border[opposite as usize] { 2 } else { 4 };
            self.corners(opposite).count() >= least
        })
    }

    /// Whether no triangle of `v` (other than those that vanish with `other`) flips or becomes a needle.
    fn shape_allows(&self, v: u32, other: u32, to: &Vector3<f64>) -> bool {
        self.corners(v).all(|c| {
            let t = &self.triangles[c / 3];
            if t.contains(&other) {
                return true;
            }
            let (p, q) = (self.vertices[t[(c % 3 + 1) % 3] as usize], self.vertices[t[(c % 3 + 2) % 3] as usize]);
            let from = self.vertices[v as usize];
            let (before, after) = ((p - from).cross(&(q - from)), (p - to).cross(&(q - to)));
            let (old, new) = (before.norm(), after.norm());
            if old > 0.0 && before.dot(&after) < MIN_COSINE * old * new {
                return false;
            }
            let thin = |area: f64, x: &Vector3<f64>| {
                let longest = (p - x).norm_squared().max((q - x).norm_squared()).max((p - q).norm_squared());
                area / longest.max(1e-300)
            };
            let shape = thin(new, to);
            new > 0.0 && (shape > THIN || shape >= thin(old, &from))
        })
    }

    fn apply(&mut self, plan: &Plan, shared: &[usize]) {
        let &Plan { kept, gone, to } = plan;
        for &c in shared {
            self.alive[c / 3] = false;
        }
        self.count -= shared.len();
        let opposite: Vec<u32> = shared
            .iter()
            .filter_map(|c| self.triangles[c / 3].iter().copied().find(|&v| v != kept && v != gone))
            .collect();
        for v in opposite {
            self.relink(v, NONE);
        }
        for c in self.corners(gone).collect::<Vec<_>>() {
            if self.alive[c / 3] {
                self.triangles[c / 3][c % 3] = kept;
            }
        }
        self.relink(kept, gone);
        self.head[gone as usize] = NONE;
        self.vertices[kept as usize] = to;
        self.quadrics[kept as usize] = self.quadrics[kept as usize].plus(&self.quadrics[gone as usize]);
        self.border[kept as usize] |= self.border[gone as usize];
        self.stamps[kept as usize] += 1;
        self.stamps[gone as usize] += 1;
        for n in self.neighbours(kept) {
            if let Some(entry) = self.entry(kept, n) {
                self.heap.push(entry);
            }
        }
    }

    /// Rebuilds the corner list of `v` from its own and `other`'s corners, without those of dead triangles.
    fn relink(&mut self, v: u32, other: u32) {
        let mut all: Vec<usize> = self.corners(v).collect();
        if other != NONE {
            all.extend(self.corners(other));
        }
        let mut head = NONE;
        for &c in all.iter().rev().filter(|c| self.alive[*c / 3]) {
            self.next[c] = head;
            head = c as u32;
        }
        self.head[v as usize] = head;
    }

    /// Vertices in the frame of the mesh that it was made of, remaining triangles, their texture coordinates and the triangles they were.
    #[allow(clippy::type_complexity, reason = "four parallel lists, taken apart at once")]
    pub fn finish(self, mesh: &Mesh) -> (Vec<Vector3<f64>>, Vec<[u32; 3]>, Vec<[[f32; 2]; 3]>, Vec<u32>) {
        let kept: Vec<u32> = (0..self.triangles.len() as u32).filter(|&t| self.alive[t as usize]).collect();
        let triangles = kept.iter().map(|&t| self.triangles[t as usize]).collect();
        let uvs = self.uvs.map_or_else(Vec::new, |uvs| kept.iter().map(|&t| uvs[t as usize]).collect());
        // What did not move keeps its last digit.
        let place = |(v, before): (&Vector3<f64>, &Vector3<f64>)| {
            if *v == before - self.origin { *before } else { v + self.origin }
        };
        (self.vertices.iter().zip(&mesh.vertices).map(place).collect(), triangles, uvs, kept)
    }
}
