//! One class for each triangle: a Markov random field over the mesh, by alpha expansion.
//!
//! - In: costs of each class for each triangle (times area), the mesh. Out: the class of each triangle.
//! - Method: minimises `sum of costs + sum over edges between different classes of weight * length`, where an edge
//!   along a crease costs less, because classes change there. Each expansion is a minimum cut; rounds over the classes
//!   until none lowers the energy.
//! - Source: Y. Boykov, O. Veksler, R. Zabih, "Fast approximate energy minimization via graph cuts", PAMI 23(11), 2001;
//!   the graph without auxiliary nodes of V. Kolmogorov, R. Zabih, "What energy functions can be minimized via graph
//!   cuts?", PAMI 26(2), 2004.
//! - Cost: about two rounds of one cut a class. One thread; deterministic.
//! - Failure modes: none; the result is within a factor of two of the optimum for such weights.

use crate::base::{Cancelled, Ctx};
use crate::mesh::maxflow::CutGraph;
use crate::mesh::topology::{NONE, twins};
use crate::scene::Mesh;

/// Classes that are told apart.
pub const LABELS: usize = 6;
const ROUNDS: usize = 3;
/// Integer capacities for one square metre of cost.
const SCALE: f64 = 16384.0;

/// The edges of the field: each triangle's three neighbours with the cost of a change between them.
struct Field {
    neighbours: Vec<[u32; 4]>,
    weights: Vec<[u32; 4]>,
    costs: Vec<[u32; LABELS]>,
}

/// Chooses the classes: costs in square metres, `weight` in metres.
pub fn smooth(ctx: &Ctx, mesh: &Mesh, costs: &[[f32; LABELS]], weight: f64) -> Result<Vec<u8>, Cancelled> {
    let field = Field::new(mesh, costs, weight);
    let mut labels: Vec<u8> = field.costs.iter().map(cheapest).collect();
    let mut energy = field.energy(&labels);
    let mut idle = 0;
    'rounds: for _ in 0..ROUNDS {
        for alpha in 0..LABELS as u8 {
            let proposal = field.expand(ctx, &labels, alpha)?;
            let proposed = field.energy(&proposal);
            if proposed < energy {
                (labels, energy, idle) = (proposal, proposed, 0);
            } else {
                idle += 1;
                if idle == LABELS {
                    break 'rounds;
                }
            }
        }
    }
    Ok(labels)
}

fn cheapest(costs: &[u32; LABELS]) -> u8 {
    (1..LABELS).fold(0, |best, k| if costs[k] < costs[best] { k } else { best }) as u8
}

impl Field {
    fn new(mesh: &Mesh, costs: &[[f32; LABELS]], weight: f64) -> Self {
        let twins = twins(&mesh.triangles);
        let normal = |t: usize| mesh.area_normal(t).try_normalize(0.0).unwrap_or_default();
        let mut neighbours = Vec::with_capacity(mesh.triangles.len());
        let mut weights = Vec::with_capacity(mesh.triangles.len());
        for (t, corners) in mesh.triangles.iter().enumerate() {
            // A node without a fourth neighbour is its own, with an arc that nothing can pass.
            let (mut next, mut cost) = ([t as u32; 4], [0u32; 4]);
            for k in 0..3 {
                let twin = twins[3 * t + k];
                let other = twin / 3;
                if twin == NONE || next[..k].contains(&other) {
                    continue;
                }
                let length = mesh.vertices[corners[k] as usize] - mesh.vertices[corners[(k + 1) % 3] as usize];
                let cos = normal(t).dot(&normal(other as usize)).clamp(0.0, 1.0);
                next[k] = other;
                cost[k] = (weight * (0.2 + 0.8 * cos) * length.norm() * SCALE).min(1e8) as u32;
            }
            neighbours.push(next);
            weights.push(cost);
        }
        let costs = costs.iter().map(|c| c.map(|v| (f64::from(v) * SCALE).clamp(0.0, 1e8) as u32)).collect();
        Self { neighbours, weights, costs }
    }

    fn energy(&self, labels: &[u8]) -> u64 {
        let mut sum = 0u64;
        for (t, &label) in labels.iter().enumerate() {
            sum += u64::from(self.costs[t][usize::from(label)]);
            for (&n, &w) in self.neighbours[t].iter().zip(&self.weights[t]) {
                if n as usize > t && labels[n as usize] != label {
                    sum += u64::from(w);
                }
            }
        }
        sum
    }

    /// The best labelling in which every triangle keeps its label or takes `alpha`.
    fn expand(&self, ctx: &Ctx, labels: &[u8], alpha: u8) -> Result<Vec<u8>, Cancelled> {
        let n = labels.len();
        // What it costs a triangle to keep its label (it falls on the sink's side) and to take alpha (the source's).
        let mut keep: Vec<u32> = (0..n).map(|t| self.costs[t][usize::from(labels[t])]).collect();
        let mut take: Vec<u32> = (0..n).map(|t| self.costs[t][usize::from(alpha)]).collect();
        let mut arcs = vec![[0u32; 4]; n];
        for t in 0..n {
            for k in 0..4 {
                let (other, w) = (self.neighbours[t][k] as usize, self.weights[t][k]);
                if other <= t || w == 0 {
                    continue;
                }
                // With x = 1 for taking, the pair costs `neither + (second - neither) x_t - second x_o
                // + (first + second - neither) (1 - x_t) x_o`; the last product is an arc from the other to this one.
                let cost = |differ: bool| if differ { w } else { 0 };
                let neither = cost(labels[t] != labels[other]);
                let (first, second) = (cost(labels[t] != alpha), cost(labels[other] != alpha));
                take[t] += second.saturating_sub(neither);
                keep[t] += neither.saturating_sub(second);
                keep[other] += second;
                if let Some(slot) = self.neighbours[other].iter().position(|&m| m as usize == t) {
                    arcs[other][slot] = first + second - neither;
                }
            }
        }
        let mut graph = CutGraph::new(self.neighbours.iter().copied());
        for t in 0..n {
            graph.set_arcs(t, arcs[t]);
            graph.set_terminals(t, keep[t], take[t]);
        }
        graph.solve(ctx)?;
        Ok((0..n).map(|t| if graph.on_source_side(t) { alpha } else { labels[t] }).collect())
    }
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
    fn an_expansion_is_the_best_of_all_moves() {
        let mesh = strip(10);
        let mut rng = Rng::new(7, 0);
        for _ in 0..20 {
            let costs: Vec<[f32; LABELS]> =
                (0..10).map(|_| std::array::from_fn(|_| rng.uniform(0.0, 1.0) as f32)).collect();
            let field = Field::new(&mesh, &costs, 0.3);
            let labels: Vec<u8> = (0..10).map(|_| rng.below(LABELS) as u8).collect();
            let alpha = rng.below(LABELS) as u8;
            let found = field.energy(&field.expand(&Ctx::silent(), &labels, alpha).expect("cut"));
            let moved = |set: u32| -> Vec<u8> {
                labels.iter().enumerate().map(|(t, &l)| if set >> t & 1 == 1 { alpha } else { l }).collect()
            };
            let best = (0..1u32 << 10).map(|set| field.energy(&moved(set))).min();
            assert_eq!(Some(found), best);
        }
    }

    #[test]
    fn islands_vanish_and_regions_stay() {
        let mesh = strip(40);
        let mut costs = vec![[1.0f32; LABELS]; 40];
        for (t, c) in costs.iter_mut().enumerate() {
            c[usize::from(t >= 20)] = 0.5;
        }
        costs[8][1] = 0.4;
        let labels = smooth(&Ctx::silent(), &mesh, &costs, 0.2).expect("labels");
        assert!(labels.iter().enumerate().all(|(t, &l)| l == u8::from(t >= 20)), "{labels:?}");
    }
}
