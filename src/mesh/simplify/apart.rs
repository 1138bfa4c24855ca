//! Simplification that makes no crossings.
//!
//! In: a mesh, mostly one that does not cross itself. Out: the same with fewer triangles, and no more crossings. What
//! crosses after the collapses shows where they went too far: the vertices around it are held, and all is done again,
//! with a wider margin each time.

use super::{SimplifyOptions, simplify_but};
use crate::base::Ctx;
use crate::mesh::bvh::Aabb;
use crate::mesh::topology::corner_bits;
use crate::mesh::{MeshError, self_intersections, self_intersections_of};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

/// Around a crossing vertices are held within this share of the mean length of the edges, and so much wider each time.
const MARGIN: f64 = 0.5;
const WIDER: f64 = 3.0;
/// After so many times vertices are held along all of the triangles that cross, and after so many the mesh stays as it is.
const LOCAL: usize = 3;
const ROUNDS: usize = 8;

/// Simplifies a mesh that does not cross itself, and it still does not; vertices that are `held` stay, with all the edges
/// at them. Where the mesh crosses itself, the result does in no more places. What cannot be simplified so stays as it is.
pub fn simplify_apart(
    ctx: &Ctx,
    mesh: &Mesh,
    options: &SimplifyOptions,
    mut held: Vec<bool>,
) -> Result<Mesh, MeshError> {
    let mut margin = MARGIN * mean_edge(mesh);
    let mut apart = Apart::default();
    for round in 0..ROUNDS {
        let simple = simplify_but(ctx, mesh, options, &held)?;
        let fixed: FxHashSet<[u64; 3]> =
            (0..held.len()).filter(|&v| held[v]).map(|v| bits(&mesh.vertices[v])).collect();
        let is_own = |t: u32| simple.corners(t as usize).iter().all(|p| fixed.contains(&bits(p)));
        let mut crossing = apart.crossings(&simple);
        // What crosses between vertices that all stayed is the mesh's own.
        crossing.retain(|&(a, b)| !(is_own(a) && is_own(b)));
        if crossing.is_empty() {
            return Ok(simple);
        }
        let place = |&(a, b): &(u32, u32)| place(&simple, (a, b), margin, round >= LOCAL);
        let places: Vec<Aabb> = crossing.iter().map(place).collect();
        hold(&mut held, mesh, &places);
        margin *= WIDER;
    }
    Ok(mesh.clone())
}

/// Triangles, by their corners, that do not cross each other.
#[derive(Default)]
struct Apart(FxHashSet<[u64; 9]>);

impl Apart {
    /// The pairs of a mesh that cross; the others are known from now on.
    fn crossings(&mut self, mesh: &Mesh) -> Vec<(u32, u32)> {
        let keys: Vec<[u64; 9]> =
            (0..mesh.triangles.len()).into_par_iter().map(|t| corner_bits(&mesh.corners(t))).collect();
        let crossing = if self.0.is_empty() {
            self_intersections(mesh)
        } else {
            let suspects: Vec<bool> = keys.par_iter().map(|key| !self.0.contains(key)).collect();
            self_intersections_of(mesh, &suspects)
        };
        self.0 = keys.into_iter().collect();
        for t in crossing.iter().flat_map(|&(a, b)| [a, b]) {
            self.0.remove(&corner_bits(&mesh.corners(t as usize)));
        }
        crossing
    }
}

fn bits(p: &Vector3<f64>) -> [u64; 3] {
    [p.x, p.y, p.z].map(f64::to_bits)
}

/// Where two triangles cross, or all of both, and `margin` around it.
fn place(mesh: &Mesh, (a, b): (u32, u32), margin: f64, all: bool) -> Aabb {
    let [a, b] = [a, b].map(|t| mesh.corners(t as usize).iter().fold(Aabb::empty(), |all, p| all.with_point(p)));
    let around = Vector3::from_element(margin);
    if all {
        let Aabb { low, high } = a.union(&b);
        return Aabb { low: low - around, high: high + around };
    }
    Aabb { low: a.low.sup(&b.low) - around, high: a.high.inf(&b.high) + around }
}

/// Holds the vertices that lie in one of the boxes.
fn hold(held: &mut [bool], mesh: &Mesh, places: &[Aabb]) {
    let Some(side) = places.iter().map(|b| (b.high - b.low).max()).reduce(f64::max) else { return };
    // Boxes are no larger than a cell, so that each lies in eight at most.
    let cell = |p: &Vector3<f64>| p.map(|x| (x / side).floor() as i32);
    let mut cells: FxHashMap<Vector3<i32>, Vec<u32>> = FxHashMap::default();
    for (i, own) in places.iter().enumerate() {
        let (low, high) = (cell(&own.low), cell(&own.high));
        for x in low.x..=high.x {
            for y in low.y..=high.y {
                for z in low.z..=high.z {
                    cells.entry(Vector3::new(x, y, z)).or_default().push(i as u32);
                }
            }
        }
    }
    let in_one = |p: &Vector3<f64>| {
        let near = cells.get(&cell(p));
        near.is_some_and(|all| all.iter().any(|&i| contains(&places[i as usize], p)))
    };
    held.par_iter_mut().zip(&mesh.vertices).for_each(|(held, p)| *held |= in_one(p));
}

fn contains(own: &Aabb, p: &Vector3<f64>) -> bool {
    (0..3).all(|k| own.low[k] <= p[k] && p[k] <= own.high[k])
}

fn mean_edge(mesh: &Mesh) -> f64 {
    let edge = |t: usize| {
        let [a, b, c] = mesh.corners(t);
        ((b - a).norm() + (c - b).norm() + (a - c).norm()) / 3.0
    };
    (0..mesh.triangles.len()).map(edge).sum::<f64>() / mesh.triangles.len().max(1) as f64
}
