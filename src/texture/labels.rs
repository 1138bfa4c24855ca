//! One view for each face: a Markov random field on the mesh's dual graph.
//!
//! - In: views and costs of each face. Out: the index of the view of each face, [`UNSEEN`] for faces without views.
//! - Method: minimises `sum data + sum over edges between different views of seam_cost * length` (texels both), where an
//!   edge along a crease of the surface costs less, because there a seam hides. Sequential tree-reweighted message
//!   passing with the Potts speed-up, over faces in Morton order; the best of several decodings, then ICM.
//!   Source: V. Kolmogorov, "Convergent tree-reweighted message passing for energy minimization", PAMI 28(10), 2006.
//! - Cost: about 40 messages of at most 12 values an edge and sweep pair. One thread; deterministic.
//! - Failure modes: none known; the energy is within a few per cent of the bound on city meshes.

use super::charts::UNSEEN;
use super::consensus::Choices;
use super::topology::Topology;
use super::{TextureError, TextureOptions};
use crate::base::Ctx;
use crate::scene::Mesh;

const SWEEPS: usize = 24;
const DECODE_EVERY: usize = 4;
/// Relative change of the energy below which it stops.
const SETTLED: f64 = 1e-3;
const ICM_ROUNDS: usize = 5;

struct Edge {
    faces: [u32; 2],
    weight: f32,
    /// Where the messages to either face begin.
    messages: [u32; 2],
}

struct Field<'a> {
    choices: &'a Choices,
    edges: Vec<Edge>,
    offsets: Vec<u32>,
    edges_of: Vec<u32>,
    order: Vec<u32>,
    rank: Vec<u32>,
    messages: Vec<f32>,
}

/// Chooses the views.
pub(super) fn choose(
    ctx: &Ctx,
    mesh: &Mesh,
    topology: &Topology,
    choices: &Choices,
    texel: f64,
    options: &TextureOptions,
) -> Result<Vec<u32>, TextureError> {
    let mut field = Field::new(mesh, topology, choices, texel, options.seam_cost);
    let mut best = field.decode();
    let mut best_energy = field.energy(&best);
    for sweep in 0..SWEEPS {
        ctx.check()?;
        field.sweep(false);
        field.sweep(true);
        if (sweep + 1) % DECODE_EVERY == 0 {
            let decoded = field.decode();
            let energy = field.energy(&decoded);
            let settled = energy > best_energy * (1.0 - SETTLED);
            if energy < best_energy {
                (best, best_energy) = (decoded, energy);
            }
            if settled {
                break;
            }
        }
    }
    for _ in 0..ICM_ROUNDS {
        if !field.icm(&mut best) {
            break;
        }
    }
    Ok(best)
}

impl<'a> Field<'a> {
    fn new(mesh: &Mesh, topology: &Topology, choices: &'a Choices, texel: f64, seam_cost: f64) -> Self {
        let faces = mesh.triangles.len();
        let normal = |f: u32| mesh.area_normal(f as usize).try_normalize(0.0).unwrap_or_default();
        let mut edges = Vec::new();
        let mut length = 0u32;
        for e in &topology.edges {
            let counts = e.faces.map(|f| choices.range(f as usize).len() as u32);
            if counts[0] == 0 || counts[1] == 0 {
                continue;
            }
            let cos = normal(e.faces[0]).dot(&normal(e.faces[1])).clamp(-1.0, 1.0);
            let smooth = 0.3 + 0.7 * cos.max(0.0);
            let weight = (seam_cost * smooth * e.length(mesh) / texel) as f32;
            edges.push(Edge { faces: e.faces, weight, messages: [length, length + counts[0]] });
            length += counts[0] + counts[1];
        }
        let mut offsets = vec![0u32; faces + 1];
        for e in &edges {
            for f in e.faces {
                offsets[f as usize + 1] += 1;
            }
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        let mut at = offsets.clone();
        let mut edges_of = vec![0u32; 2 * edges.len()];
        for (i, e) in edges.iter().enumerate() {
            for f in e.faces {
                edges_of[at[f as usize] as usize] = i as u32;
                at[f as usize] += 1;
            }
        }
        let order = morton_order(mesh);
        let mut rank = vec![0u32; faces];
        for (r, &f) in order.iter().enumerate() {
            rank[f as usize] = r as u32;
        }
        Self { choices, edges, offsets, edges_of, order, rank, messages: vec![0.0; length as usize] }
    }

    fn edges_of(&self, face: u32) -> std::ops::Range<usize> {
        self.offsets[face as usize] as usize..self.offsets[face as usize + 1] as usize
    }

    fn views(&self, face: u32) -> &'a [u32] {
        &self.choices.views[self.choices.range(face as usize)]
    }

    /// Costs plus all incoming messages.
    fn belief(&self, face: u32, out: &mut Vec<f32>) {
        out.clear();
        out.extend_from_slice(&self.choices.costs[self.choices.range(face as usize)]);
        for e in self.edges_of(face) {
            let edge = &self.edges[self.edges_of[e] as usize];
            let side = usize::from(edge.faces[1] == face);
            let start = edge.messages[side] as usize;
            for (b, m) in out.iter_mut().zip(&self.messages[start..]) {
                *b += m;
            }
        }
    }

    /// One pass over the faces; sends messages to faces later in the order (earlier ones when `backward`).
    fn sweep(&mut self, backward: bool) {
        let mut belief = Vec::new();
        let mut reduced = Vec::new();
        for step in 0..self.order.len() {
            let face = if backward { self.order[self.order.len() - 1 - step] } else { self.order[step] };
            let range = self.edges_of(face);
            if range.is_empty() {
                continue;
            }
            self.belief(face, &mut belief);
            let mine = self.rank[face as usize];
            let later = |e: &Edge| {
                let other = if e.faces[0] == face { e.faces[1] } else { e.faces[0] };
                (self.rank[other as usize] > mine, other)
            };
            let forward = range.clone().filter(|&e| later(&self.edges[self.edges_of[e] as usize]).0).count();
            let gamma = 1.0 / forward.max(range.len() - forward).max(1) as f32;
            for e in range {
                let edge = &self.edges[self.edges_of[e] as usize];
                let (is_later, other) = later(edge);
                if is_later == backward {
                    continue;
                }
                let side = usize::from(edge.faces[1] == face);
                let (mine_at, other_at) = (edge.messages[side] as usize, edge.messages[1 - side] as usize);
                let weight = edge.weight;
                reduced.clear();
                reduced.extend(belief.iter().zip(&self.messages[mine_at..]).map(|(b, m)| gamma * b - m));
                let least = reduced.iter().fold(f32::INFINITY, |a, &b| a.min(b));
                let (views, others) = (self.views(face), self.views(other));
                let out = &mut self.messages[other_at..other_at + others.len()];
                let mut i = 0;
                let mut lowest = f32::INFINITY;
                for (o, v) in out.iter_mut().zip(others) {
                    while i < views.len() && views[i] < *v {
                        i += 1;
                    }
                    let same = if i < views.len() && views[i] == *v { reduced[i] } else { f32::INFINITY };
                    *o = same.min(least + weight);
                    lowest = lowest.min(*o);
                }
                for o in out {
                    *o -= lowest;
                }
            }
        }
    }

    /// Labels in order, each given those already decided.
    fn decode(&self) -> Vec<u32> {
        let mut labels = vec![UNSEEN; self.order.len()];
        let mut belief = Vec::new();
        for &face in &self.order {
            let views = self.views(face);
            if views.is_empty() {
                continue;
            }
            belief.clear();
            belief.extend_from_slice(&self.choices.costs[self.choices.range(face as usize)]);
            for e in self.edges_of(face) {
                let edge = &self.edges[self.edges_of[e] as usize];
                let side = usize::from(edge.faces[1] == face);
                let other = edge.faces[1 - side];
                let decided = labels[other as usize];
                if decided == UNSEEN {
                    for (b, m) in belief.iter_mut().zip(&self.messages[edge.messages[side] as usize..]) {
                        *b += m;
                    }
                } else {
                    for (b, v) in belief.iter_mut().zip(views) {
                        *b += if *v == decided { 0.0 } else { edge.weight };
                    }
                }
            }
            labels[face as usize] = views[argmin(&belief)];
        }
        labels
    }

    fn energy(&self, labels: &[u32]) -> f64 {
        let data: f64 = (0..labels.len())
            .filter(|&f| labels[f] != UNSEEN)
            .map(|f| f64::from(self.choices.cost(f, labels[f]).unwrap_or(0.0)))
            .sum();
        let seams: f64 = self
            .edges
            .iter()
            .filter(|e| labels[e.faces[0] as usize] != labels[e.faces[1] as usize])
            .map(|e| f64::from(e.weight))
            .sum();
        data + seams
    }

    /// Gives each face the best label for its neighbours' labels; whether anything changed.
    fn icm(&self, labels: &mut [u32]) -> bool {
        let mut changed = false;
        let mut costs = Vec::new();
        for &face in &self.order {
            let views = self.views(face);
            if views.is_empty() {
                continue;
            }
            costs.clear();
            costs.extend_from_slice(&self.choices.costs[self.choices.range(face as usize)]);
            for e in self.edges_of(face) {
                let edge = &self.edges[self.edges_of[e] as usize];
                let other = labels[edge.faces[usize::from(edge.faces[0] == face)] as usize];
                for (c, v) in costs.iter_mut().zip(views) {
                    *c += if *v == other { 0.0 } else { edge.weight };
                }
            }
            let now = views.iter().position(|v| *v == labels[face as usize]).unwrap_or(0);
            let best = argmin(&costs);
            if costs[best] < costs[now] {
                labels[face as usize] = views[best];
                changed = true;
            }
        }
        changed
    }
}

fn argmin(values: &[f32]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] < values[best] { i } else { best })
}

/// Faces along a Morton curve through their centroids.
fn morton_order(mesh: &Mesh) -> Vec<u32> {
    let Some((low, high)) = mesh.bounds() else { return Vec::new() };
    let scale = 1023.0 / (high - low).max().max(1e-9);
    let spread = |v: f64| {
        let mut x = v.clamp(0.0, 1023.0) as u64;
        x = (x | (x << 16)) & 0x0300_00FF;
        x = (x | (x << 8)) & 0x0300_F00F;
        x = (x | (x << 4)) & 0x030C_30C3;
        (x | (x << 2)) & 0x0924_9249
    };
    let mut keys: Vec<(u64, u32)> = (0..mesh.triangles.len())
        .map(|f| {
            let [a, b, c] = mesh.corners(f);
            let p = ((a + b + c) / 3.0 - low) * scale;
            (spread(p.x) | (spread(p.y) << 1) | (spread(p.z) << 2), f as u32)
        })
        .collect();
    keys.sort_unstable();
    keys.into_iter().map(|k| k.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use nalgebra::Vector3;

    /// A strip of `n` triangles.
    fn strip(n: u32) -> Mesh {
        Mesh {
            vertices: (0..n + 2).map(|i| Vector3::new(f64::from(i / 2), f64::from(i % 2), 0.0)).collect(),
            triangles: (0..n).map(|i| if i % 2 == 0 { [i, i + 2, i + 1] } else { [i, i + 1, i + 2] }).collect(),
        }
    }

    #[test]
    fn finds_the_optimum_of_a_chain() {
        // On a chain (a tree) the method is exact: compare with dynamic programming.
        let n = 40;
        let mesh = strip(n);
        let topology = Topology::of(&mesh);
        let mut rng = Rng::new(4, 0);
        let k = 4;
        let choices = Choices {
            offsets: (0..=n).map(|i| i * k).collect(),
            views: (0..n).flat_map(|_| 0..k).collect(),
            costs: (0..n * k).map(|_| rng.uniform(0.0, 3.0) as f32).collect(),
            colours: vec![[0; 3]; (n * k) as usize],
            agreed: vec![None; n as usize],
        };
        let options = TextureOptions { seam_cost: 0.8, ..TextureOptions::default() };
        let labels = choose(&Ctx::silent(), &mesh, &topology, &choices, 1.0, &options).expect("labels");
        let field = Field::new(&mesh, &topology, &choices, 1.0, 0.8);
        let weight = |i: u32| {
            let e = field.edges.iter().find(|e| e.faces.contains(&i) && e.faces.contains(&(i + 1)));
            f64::from(e.expect("edge").weight)
        };
        let mut best: Vec<f64> = (0..k).map(|l| f64::from(choices.costs[l as usize])).collect();
        for i in 1..n {
            let w = weight(i - 1);
            let least = best.iter().copied().fold(f64::INFINITY, f64::min);
            best = (0..k as usize)
                .map(|l| best[l].min(least + w) + f64::from(choices.costs[(i * k) as usize + l]))
                .collect();
        }
        let optimum = best.iter().copied().fold(f64::INFINITY, f64::min);
        assert!((field.energy(&labels) - optimum).abs() < 1e-3, "{} {optimum}", field.energy(&labels));
    }

    #[test]
    fn seams_cost_so_small_gains_do_not_cut() {
        let n = 30;
        let mesh = strip(n);
        let topology = Topology::of(&mesh);
        // View 1 is slightly better on a few faces in the middle; view 0 elsewhere.
        let costs = (0..n).flat_map(|i| if (14..16).contains(&i) { [0.1, 0.0] } else { [0.0, 0.1] }).collect();
        let choices = Choices {
            offsets: (0..=n).map(|i| 2 * i).collect(),
            views: (0..n).flat_map(|_| [3, 7]).collect(),
            costs,
            colours: vec![[0; 3]; 2 * n as usize],
            agreed: vec![None; n as usize],
        };
        let options = TextureOptions { seam_cost: 1.0, ..TextureOptions::default() };
        let labels = choose(&Ctx::silent(), &mesh, &topology, &choices, 1.0, &options).expect("labels");
        assert!(labels.iter().all(|&l| l == 3), "{labels:?}");
        let options = TextureOptions { seam_cost: 0.01, ..options };
        let labels = choose(&Ctx::silent(), &mesh, &topology, &choices, 1.0, &options).expect("labels");
        assert_eq!(labels.iter().filter(|&&l| l == 7).count(), 2);
    }
}
