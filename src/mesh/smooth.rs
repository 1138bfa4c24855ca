//! Feature-preserving smoothing: flat ground and roofs become flat, edges stay sharp.
//!
//! In: an oriented mesh in metres, the standard deviation of its vertices in metres. Out: the same triangles with moved
//! vertices, none further than a limit from where it was.
//!
//! Source: Y. Zheng et al., "Bilateral normal filtering for mesh denoising", TVCG 17(10), 2011 (local iterative scheme);
//! X. Sun et al., "Fast and effective feature-preserving mesh denoising", TVCG 13(5), 2007 (vertices from normals).
//! Here vertices also stay near where they were (the points are unbiased, so what they average to is right) and slide
//! within the surface towards the middle of their neighbours. Jacobi iterations, parallel and deterministic.
//! Cost: about 3 s for a million triangles on two cores. Failure: none; borders only move within the surface's normal.

use super::topology::{Lists, NONE, twins};
use crate::base::{Cancelled, Ctx};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Parameters of [`smooth`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SmoothOptions {
    /// Iterations of the normals.
    pub normal_rounds: usize,
    /// Normals that differ by more than about this angle in degrees do not blend.
    pub crease_deg: f64,
    /// Iterations of the vertices.
    pub vertex_rounds: usize,
    /// No vertex moves further than this, in multiples of the ground sampling distance.
    pub limit_gsd: f64,
}

impl Default for SmoothOptions {
    fn default() -> Self {
        Self { normal_rounds: 6, crease_deg: 15.0, vertex_rounds: 4, limit_gsd: 1.0 }
    }
}

/// Smooths a mesh.
pub fn smooth(ctx: &Ctx, mesh: &Mesh, gsd: f64, options: &SmoothOptions) -> Result<Mesh, Cancelled> {
    let fans = Lists::around_vertices(mesh);
    let normals = filtered_normals(ctx, mesh, &fans, options)?;
    let twins = twins(&mesh.triangles);
    let mut border = vec![false; mesh.vertices.len()];
    for (h, _) in twins.iter().enumerate().filter(|(_, t)| **t == NONE) {
        border[mesh.triangles[h / 3][h % 3] as usize] = true;
        border[mesh.triangles[h / 3][(h + 1 - h / 3 * 3) % 3] as usize] = true;
    }
    let limit = options.limit_gsd * gsd;
    let mut moved = mesh.clone();
    for _ in 0..options.vertex_rounds {
        ctx.check()?;
        let next: Vec<Vector3<f64>> = (0..mesh.vertices.len())
            .into_par_iter()
            .map(|v| {
                let to = moved_vertex(&moved, fans.of(v), &normals, v, border[v]);
                let home = mesh.vertices[v];
                let step = to - home;
                let length = step.norm();
                if length > limit { home + step * (limit / length) } else { to }
            })
            .collect();
        moved.vertices = next;
    }
    Ok(moved)
}

/// Unit normals of the triangles, blended with those of neighbours on the same side of any crease. What counts as the
/// same side is told by guides: for each triangle the mean normal of the most uniform patch that it belongs to.
pub fn filtered_normals(
    ctx: &Ctx,
    mesh: &Mesh,
    fans: &Lists,
    options: &SmoothOptions,
) -> Result<Vec<Vector3<f64>>, Cancelled> {
    let n = mesh.triangles.len();
    let unit = |v: Vector3<f64>| v.try_normalize(1e-300).unwrap_or_else(Vector3::zeros);
    let vectors: Vec<Vector3<f64>> = (0..n).into_par_iter().map(|t| mesh.area_normal(t)).collect();
    let areas: Vec<f64> = vectors.iter().map(|v| v.norm()).collect();
    let mut normals: Vec<Vector3<f64>> = vectors.iter().map(|v| unit(*v)).collect();
    // exp(-|a - b|^2 / 2 s^2) of unit vectors, with s the chord of the crease angle.
    let chord = 2.0 * (options.crease_deg.to_radians() / 2.0).sin();
    let sharpness = 0.5 / (chord * chord);
    for _ in 0..options.normal_rounds {
        ctx.check()?;
        // Patches: the triangles around each vertex. Their mean normal, and how far they spread around it.
        let patches: Vec<(Vector3<f64>, f64)> = (0..mesh.vertices.len())
            .into_par_iter()
            .map(|v| {
                let (mut sum, mut area) = (Vector3::zeros(), 0.0);
                for &h in fans.of(v) {
                    sum += normals[h as usize / 3] * areas[h as usize / 3];
                    area += areas[h as usize / 3];
                }
                (unit(sum), 1.0 - sum.norm() / area.max(1e-300))
            })
            .collect();
        let guides: Vec<Vector3<f64>> = (0..n)
            .into_par_iter()
            .map(|t| {
                let mut best = (f64::INFINITY, Vector3::zeros());
                for &v in &mesh.triangles[t] {
                    let (mean, spread) = patches[v as usize];
                    if spread < best.0 {
                        best = (spread, mean);
                    }
                }
                best.1
            })
            .collect();
        let next = (0..n)
            .into_par_iter()
            .map(|t| {
                let mut sum = Vector3::zeros();
                for &v in &mesh.triangles[t] {
                    for &h in fans.of(v as usize) {
                        let other = h as usize / 3;
                        let apart = (guides[other] - guides[t]).norm_squared() * sharpness;
                        sum += normals[other] * (areas[other] * (-apart).exp());
                    }
                }
                unit(sum)
            })
            .collect();
        normals = next;
    }
    Ok(normals)
}

/// Where a vertex goes in one round: towards the planes of its triangles' filtered normals, and within the surface to
/// the middle of its fan.
fn moved_vertex(mesh: &Mesh, fan: &[u32], normals: &[Vector3<f64>], v: usize, border: bool) -> Vector3<f64> {
    let x = mesh.vertices[v];
    let (mut step, mut weight) = (Vector3::zeros(), 0.0);
    let (mut middle, mut direction) = (Vector3::zeros(), Vector3::zeros());
    for &h in fan {
        let t = h as usize / 3;
        let [a, b, c] = mesh.corners(t);
        let centre = (a + b + c) / 3.0;
        let n = normals[t];
        let area = (b - a).cross(&(c - a)).norm();
        step += n * (n.dot(&(centre - x)) * area);
        direction += n * area;
        middle += (centre - x) * area;
        weight += area;
    }
    if weight <= 0.0 {
        return x;
    }
    let mut to = step / weight;
    let flat = direction.norm() / weight;
    if !border && flat > 0.9 {
        let n = direction.normalize();
        let slide = middle / weight;
        to += (slide - n * n.dot(&slide)) * 0.3;
    }
    x + to
}
