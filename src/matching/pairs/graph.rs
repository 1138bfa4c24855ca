//! Neighbourhoods of camera positions: Delaunay triangulations of jittered positions, and edges that connect parts.
//!
//! In: positions on the ground plane. Out: index pairs `(i, j)`, `i < j`.
//! Source: OpenSfM's matching graph (the median edge times a uniform number as jitter); J. Kruskal 1956 for the bridges.

use crate::base::Rng;
use crate::base::stats::median;
use nalgebra::Vector2;
use spade::{DelaunayTriangulation, HasPosition, Point2, Triangulation};
use std::collections::BTreeSet;

struct Corner {
    index: usize,
    position: Point2<f64>,
}

impl HasPosition for Corner {
    type Scalar = f64;

    fn position(&self) -> Point2<f64> {
        self.position
    }
}

/// Edges of the triangulation of the positions and of `rounds` triangulations of jittered positions.
pub(super) fn jittered_delaunay(centres: &[Vector2<f64>], rounds: usize, seed: u64) -> BTreeSet<(usize, usize)> {
    let mut edges = delaunay(centres);
    let lengths: Vec<f64> = edges.iter().map(|&(i, j)| (centres[i] - centres[j]).norm()).collect();
    let jitter = median(&lengths).unwrap_or(0.0);
    if jitter <= 0.0 {
        return edges;
    }
    for round in 0..rounds {
        let mut rng = Rng::new(seed, round as u64);
        let moved: Vec<Vector2<f64>> =
            centres.iter().map(|c| c + Vector2::new(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)) * jitter).collect();
        edges.extend(delaunay(&moved));
    }
    edges
}

/// Edges of one triangulation; photos at the very same place share the edges of one of them and an edge between them.
fn delaunay(points: &[Vector2<f64>]) -> BTreeSet<(usize, usize)> {
    let mut triangulation: DelaunayTriangulation<Corner> = DelaunayTriangulation::new();
    let mut edges = BTreeSet::new();
    for (index, p) in points.iter().enumerate() {
        // spade refuses coordinates that are not finite or are absurdly small; such photos stay without edges.
        let Ok(handle) = triangulation.insert(Corner { index, position: Point2::new(p.x, p.y) }) else { continue };
        let owner = triangulation.vertex(handle).data().index;
        if owner != index {
            edges.insert((owner.min(index), owner.max(index)));
        }
    }
    for edge in triangulation.undirected_edges() {
        let [p, q] = edge.vertices().map(|v| v.data().index);
        edges.insert((p.min(q), p.max(q)));
    }
    edges
}

/// The shortest edges that join the parts of a graph that are not connected.
pub(super) fn bridges(centres: &[Vector2<f64>], edges: &BTreeSet<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut parent: Vec<usize> = (0..centres.len()).collect();
    fn root(parent: &mut [usize], mut i: usize) -> usize {
        while parent[i] != i {
            parent[i] = parent[parent[i]];
            i = parent[i];
        }
        i
    }
    for &(i, j) in edges {
        let (p, q) = (root(&mut parent, i), root(&mut parent, j));
        parent[p.max(q)] = p.min(q);
    }
    // The shortest connection of two parts is an edge of the Delaunay triangulation.
    let mut candidates: Vec<(f64, (usize, usize))> =
        delaunay(centres).into_iter().map(|(i, j)| ((centres[i] - centres[j]).norm(), (i, j))).collect();
    candidates.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    let mut added = Vec::new();
    for (_, (i, j)) in candidates {
        let (p, q) = (root(&mut parent, i), root(&mut parent, j));
        if p != q {
            parent[p.max(q)] = p.min(q);
            added.push((i, j));
        }
    }
    added
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_connected_and_jitter_adds_diagonals() {
        let centres: Vec<Vector2<f64>> =
            (0..6).flat_map(|x| (0..5).map(move |y| Vector2::new(f64::from(x), 3.0 * f64::from(y)))).collect();
        let plain = delaunay(&centres);
        let jittered = jittered_delaunay(&centres, 50, 1);
        assert!(plain.is_subset(&jittered) && jittered.len() > plain.len());
        assert!(bridges(&centres, &plain).is_empty());
        assert_eq!(jittered, jittered_delaunay(&centres, 50, 1));
    }

    #[test]
    fn collinear_and_equal_positions_work() {
        let line: Vec<Vector2<f64>> = (0..5).map(|x| Vector2::new(f64::from(x), 0.0)).collect();
        assert_eq!(delaunay(&line).len(), 4);
        let mut twice = line.clone();
        twice.push(line[2]);
        let edges = delaunay(&twice);
        assert!(edges.contains(&(2, 5)), "{edges:?}");
        assert!(bridges(&twice, &edges).is_empty());
    }

    #[test]
    fn bridges_join_parts_by_the_shortest_edges() {
        let centres = [0.0, 1.0, 10.0, 11.0].map(|x| Vector2::new(x, 0.1 * x * x));
        let edges = BTreeSet::from([(0, 1), (2, 3)]);
        assert_eq!(bridges(&centres, &edges), vec![(1, 2)]);
    }
}
