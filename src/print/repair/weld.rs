//! The first steps of repair: equal and almost equal corners become one, empty and doubled triangles go, and edges that a
//! corner lies on are split there.
//!
//! In: any triangles. Out: triangles over shared vertices, without degenerate and doubled ones, with the number of the
//! triangle that each comes from. Vertices in exactly the same place are joined everywhere; others only along open edges.

use super::Repairs;
use crate::mesh::delaunay::collinear;
use crate::mesh::topology::sorted_edges;
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap};
use std::collections::HashMap;

/// Rounds of looking for corners on open edges.
const ROUNDS: usize = 3;
/// Most corners that one edge is split at.
const ON_ONE_EDGE: usize = 1000;

/// Triangles over shared vertices, and where they come from.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The surface.
    pub mesh: Mesh,
    /// The triangle of the input that each is, or is a piece of.
    pub source: Vec<u32>,
}

/// Joins, drops and splits; open vertices are joined within `reach`.
pub fn weld(mesh: &Mesh, reach: f64, repairs: &mut Repairs) -> Sheet {
    let mut sheet = Sheet { mesh: mesh.clone(), source: (0..mesh.triangles.len() as u32).collect() };
    join(&mut sheet.mesh, &same_place(mesh), repairs);
    clean(&mut sheet, repairs);
    let mut open = open_edges(&sheet.mesh);
    let target = near_on_open_edges(&sheet.mesh, &open, reach);
    if (0..).zip(&target).any(|(v, t)| v != *t) {
        join(&mut sheet.mesh, &target, repairs);
        clean(&mut sheet, repairs);
        open = open_edges(&sheet.mesh);
    }
    for _ in 0..ROUNDS {
        if split_open_edges(&mut sheet, &open, reach, repairs) == 0 {
            break;
        }
        clean(&mut sheet, repairs);
        open = open_edges(&sheet.mesh);
    }
    sheet
}

fn join(mesh: &mut Mesh, target: &[u32], repairs: &mut Repairs) {
    let mut used = vec![false; target.len()];
    mesh.triangles.iter().flatten().for_each(|&v| used[v as usize] = true);
    repairs.vertices_joined += target.iter().enumerate().filter(|(v, t)| used[*v] && *v as u32 != **t).count();
    for t in &mut mesh.triangles {
        *t = t.map(|v| target[v as usize]);
    }
}

/// For each vertex the first one in the same place.
fn same_place(mesh: &Mesh) -> Vec<u32> {
    let mut first: FxHashMap<[u64; 3], u32> = FxHashMap::with_capacity_and_hasher(mesh.vertices.len(), FxBuildHasher);
    let key = |p: &Vector3<f64>| [p.x + 0.0, p.y + 0.0, p.z + 0.0].map(f64::to_bits);
    mesh.vertices.iter().zip(0..).map(|(p, v)| *first.entry(key(p)).or_insert(v)).collect()
}

/// For each vertex of an open edge the first such vertex within `reach`.
fn near_on_open_edges(mesh: &Mesh, open: &[(u32, u32, u32)], reach: f64) -> Vec<u32> {
    let mut target: Vec<u32> = (0..mesh.vertices.len() as u32).collect();
    if reach <= 0.0 {
        return target;
    }
    let open = on_edges(mesh, open);
    let cell = |p: &Vector3<f64>| [p.x, p.y, p.z].map(|x| (x / reach).floor() as i64);
    let mut cells: HashMap<[i64; 3], Vec<u32>> = HashMap::new();
    for v in (0..mesh.vertices.len() as u32).filter(|&v| open[v as usize]) {
        let p = &mesh.vertices[v as usize];
        let [x, y, z] = cell(p);
        let near = (0..27)
            .filter_map(|i| cells.get(&[x + i % 3 - 1, y + i / 3 % 3 - 1, z + i / 9 - 1]))
            .flatten()
            .filter(|&&w| (mesh.vertices[w as usize] - p).norm() <= reach)
            .min();
        match near {
            Some(&w) => target[v as usize] = w,
            None => cells.entry([x, y, z]).or_default().push(v),
        }
    }
    target
}

/// Edges of one triangle: (lower vertex, higher vertex, half-edge).
fn open_edges(mesh: &Mesh) -> Vec<(u32, u32, u32)> {
    let edges = sorted_edges(&mesh.triangles);
    let groups = edges.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    groups.filter_map(|group| if let [edge] = group { Some(*edge) } else { None }).collect()
}

/// Whether each vertex lies on one of the edges.
fn on_edges(mesh: &Mesh, edges: &[(u32, u32, u32)]) -> Vec<bool> {
    let mut on = vec![false; mesh.vertices.len()];
    edges.iter().flat_map(|&(a, b, _)| [a, b]).for_each(|v| on[v as usize] = true);
    on
}

/// Drops triangles without area and those with the corners of an earlier one.
fn clean(sheet: &mut Sheet, repairs: &mut Repairs) {
    let mesh = &sheet.mesh;
    let mut order: Vec<([u32; 3], u32)> = mesh.triangles.iter().copied().zip(0..).collect();
    order.par_iter_mut().for_each(|(k, _)| k.sort_unstable());
    order.par_sort_unstable();
    let mut keep = vec![true; mesh.triangles.len()];
    for same in order.chunk_by(|a, b| a.0 == b.0) {
        same[1..].iter().for_each(|k| keep[k.1 as usize] = false);
        repairs.doubled += same.len() - 1;
    }
    let has_no_area = |t: usize| {
        let [i, j, k] = mesh.triangles[t];
        let [a, b, c] = mesh.corners(t);
        i == j || j == k || k == i || collinear(&a, &b, &c)
    };
    let without: Vec<bool> = keep.par_iter().enumerate().map(|(t, keep)| *keep && has_no_area(t)).collect();
    repairs.degenerate += without.iter().filter(|w| **w).count();
    keep.iter_mut().zip(&without).for_each(|(keep, without)| *keep &= !without);
    let mut kept = keep.iter();
    sheet.mesh.triangles.retain(|_| kept.next().copied().unwrap_or(false));
    let mut kept = keep.iter();
    sheet.source.retain(|_| kept.next().copied().unwrap_or(false));
}

/// Splits open edges at the open vertices that lie on them within `reach`; how many triangles were split.
fn split_open_edges(sheet: &mut Sheet, edges: &[(u32, u32, u32)], reach: f64, repairs: &mut Repairs) -> usize {
    let mesh = &sheet.mesh;
    let open = on_edges(mesh, edges);
    let points: Vec<u32> = (0..mesh.vertices.len() as u32).filter(|&v| open[v as usize]).collect();
    if edges.is_empty() {
        return 0;
    }
    let length = |e: &(u32, u32, u32)| (mesh.vertices[e.0 as usize] - mesh.vertices[e.1 as usize]).norm();
    let mean = edges.iter().map(length).sum::<f64>() / edges.len() as f64;
    let grid = Grid::new(mesh, &points, mean.max(reach * 2.0));
    let mut taken = vec![false; mesh.triangles.len()];
    let mut splits: Vec<(u32, Vec<u32>)> = Vec::new();
    for &(.., h) in edges {
        let (t, k) = (h / 3, h as usize % 3);
        if taken[t as usize] {
            continue;
        }
        let on = grid.on_edge(mesh, mesh.triangles[t as usize], k, reach);
        if !on.is_empty() {
            taken[t as usize] = true;
            splits.push((h, on));
        }
    }
    for (h, on) in &splits {
        let (t, k) = (*h as usize / 3, *h as usize % 3);
        let corners = sheet.mesh.triangles[t];
        let (a, b, c) = (corners[k], corners[(k + 1) % 3], corners[(k + 2) % 3]);
        let chain: Vec<u32> = std::iter::once(a).chain(on.iter().copied()).chain(std::iter::once(b)).collect();
        sheet.mesh.triangles[t] = [chain[0], chain[1], c];
        for pair in chain.windows(2).skip(1) {
            sheet.mesh.triangles.push([pair[0], pair[1], c]);
            sheet.source.push(sheet.source[t]);
        }
        repairs.edges_split += 1;
    }
    splits.len()
}

/// Points by cell.
struct Grid {
    cell: f64,
    cells: HashMap<[i64; 3], Vec<u32>>,
}

impl Grid {
    fn new(mesh: &Mesh, points: &[u32], cell: f64) -> Self {
        let mut grid = Self { cell, cells: HashMap::new() };
        for &v in points {
            let key = grid.key(&mesh.vertices[v as usize]);
            grid.cells.entry(key).or_default().push(v);
        }
        grid
    }

    fn key(&self, p: &Vector3<f64>) -> [i64; 3] {
        [p.x, p.y, p.z].map(|x| (x / self.cell).floor() as i64)
    }

    /// The points within `reach` of side `k` of a triangle, in their order along it; its corners are none of them.
    fn on_edge(&self, mesh: &Mesh, corners: [u32; 3], k: usize, reach: f64) -> Vec<u32> {
        let (a, b) = (mesh.vertices[corners[k] as usize], mesh.vertices[corners[(k + 1) % 3] as usize]);
        let along = b - a;
        let square = along.norm_squared();
        let (low, high) = (self.key(&a.inf(&b).add_scalar(-reach)), self.key(&a.sup(&b).add_scalar(reach)));
        let count: i64 = (0..3).map(|i| high[i] - low[i] + 1).product();
        let mut found: Vec<(f64, u32)> = Vec::new();
        let mut look = |v: u32| {
            let p = mesh.vertices[v as usize];
            let share = (p - a).dot(&along) / square;
            let off = (p - a - along * share).norm();
            let inside = (share * square.sqrt()).min((1.0 - share) * square.sqrt()) > 0.0;
            if !corners.contains(&v) && inside && off <= reach {
                found.push((share, v));
            }
        };
        if count > 100_000 {
            self.cells.values().flatten().for_each(|&v| look(v));
        } else {
            for x in low[0]..=high[0] {
                for y in low[1]..=high[1] {
                    for z in low[2]..=high[2] {
                        self.cells.get(&[x, y, z]).into_iter().flatten().for_each(|&v| look(v));
                    }
                }
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        found.truncate(ON_ONE_EDGE);
        found.into_iter().map(|(_, v)| v).collect()
    }
}
