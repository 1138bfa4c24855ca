//! How far a simplified surface is from the full one, and the fewest triangles that stay within a bound.
//!
//! In: two surfaces in millimetres. Out: distances from evenly spread points of each to the other (a sampled Hausdorff distance;
//! N. Aspert, D. Santa-Cruz, T. Ebrahimi, "MESH: measuring errors between surfaces using the Hausdorff distance", ICME 2002).
//! [`simplify_within`] lowers the bound of the collapses until what is measured holds, not what the quadrics promise.
//! Cost: 1 to 3 us a sample; each try costs a simplification and a measurement.

use super::PrintError;
use super::thickness::sample_points;
use crate::base::{Cancelled, Ctx, stats};
use crate::mesh::bvh::Bvh;
use crate::mesh::{SimplifyOptions, simplify};
use crate::scene::Mesh;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Tries to meet the bound.
const TRIES: usize = 4;
/// Samples of a surface at most.
const MOST_SAMPLES: f64 = 400_000.0;
/// Share of the samples that must be within the bound: what is left are edges of single triangles.
const WITHIN: f64 = 0.999;

/// Distances between two surfaces in millimetres.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// Root mean square.
    pub rms_mm: f64,
    /// What 99.9 % stay under.
    pub most_mm: f64,
    /// The largest, up to the distance that was searched.
    pub max_mm: f64,
}

/// Distances both ways, searched up to `limit`.
pub fn between(ctx: &Ctx, a: &Mesh, b: &Mesh, limit: f64) -> Result<Deviation, Cancelled> {
    let mut distances = one_way(ctx, a, b, limit)?;
    distances.extend(one_way(ctx, b, a, limit)?);
    Ok(Deviation {
        rms_mm: stats::rms(&distances).unwrap_or(0.0),
        most_mm: stats::quantile(&distances, WITHIN).unwrap_or(0.0),
        max_mm: distances.iter().copied().fold(0.0, f64::max),
    })
}

fn one_way(ctx: &Ctx, from: &Mesh, to: &Mesh, limit: f64) -> Result<Vec<f64>, Cancelled> {
    let area: f64 = (0..from.triangles.len()).map(|t| from.area_normal(t).norm() / 2.0).sum();
    let points = sample_points(from, (area / MOST_SAMPLES).sqrt().max(1e-6));
    ctx.check()?;
    let bvh = Bvh::new(to);
    let distance = |p| bvh.closest(p, limit).map_or(limit, |hit| (hit.point - p).norm());
    let found = points.par_iter().map(|(_, p)| distance(p)).collect();
    ctx.check()?;
    Ok(found)
}

/// The surface with the fewest triangles that stays within `bound_mm`, but no more than `most`; where these do not suffice,
/// that many, and the deviation says so.
pub fn simplify_within(ctx: &Ctx, surface: &Mesh, bound_mm: f64, most: usize) -> Result<(Mesh, Deviation), PrintError> {
    let mut error = bound_mm / 2.0;
    for _ in 0..TRIES {
        let options = SimplifyOptions { max_error: Some(error), ..SimplifyOptions::default() };
        let reduced = simplify(ctx, surface, &options)?;
        if reduced.triangles.len() > most {
            break;
        }
        let found = between(ctx, surface, &reduced, bound_mm * 8.0)?;
        if found.most_mm <= bound_mm {
            return Ok((reduced, found));
        }
        error *= (bound_mm / found.most_mm).clamp(0.2, 0.7);
    }
    if surface.triangles.len() <= most {
        return Ok((surface.clone(), Deviation::default()));
    }
    let options = SimplifyOptions { target_triangles: most, ..SimplifyOptions::default() };
    let reduced = simplify(ctx, surface, &options)?;
    let found = between(ctx, surface, &reduced, bound_mm * 8.0)?;
    Ok((reduced, found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::Vector3;

    /// A sheet of 40 x 40 mm with waves of a height, and a step.
    fn sheet(n: usize, height: f64) -> Mesh {
        let place = |i: usize| {
            let (x, y) = ((i % (n + 1)) as f64 * 40.0 / n as f64, (i / (n + 1)) as f64 * 40.0 / n as f64);
            Vector3::new(x, y, height * (x * 0.5).sin() * (y * 0.4).cos() + if x > 20.0 { 5.0 } else { 0.0 })
        };
        let vertices = (0..(n + 1) * (n + 1)).map(place).collect();
        let cell = |i: usize| {
            let a = (i / n * (n + 1) + i % n) as u32;
            let up = n as u32 + 1;
            [[a, a + 1, a + up + 1], [a, a + up + 1, a + up]]
        };
        Mesh { vertices, triangles: (0..n * n).flat_map(cell).collect() }
    }

    #[test]
    fn lifted_sheets_are_as_far_apart_as_they_are_lifted() {
        let flat = sheet(20, 0.0);
        let mut lifted = flat.clone();
        lifted.vertices.iter_mut().for_each(|v| v.z += 0.125);
        let found = between(&Ctx::silent(), &flat, &lifted, 1.0).unwrap();
        assert!((found.max_mm - 0.125).abs() < 1e-9 && found.rms_mm <= 0.125 && found.most_mm > 0.12, "{found:?}");
        assert!(between(&Ctx::silent(), &flat, &flat, 1.0).unwrap().max_mm < 1e-12);
    }

    #[test]
    fn the_bound_is_met_with_far_fewer_triangles() {
        let full = sheet(120, 1.0);
        let mut before = usize::MAX;
        for bound in [0.02, 0.1] {
            let (reduced, found) = simplify_within(&Ctx::silent(), &full, bound, 1_000_000).unwrap();
            assert!(found.most_mm <= bound, "{found:?}");
            assert!(reduced.triangles.len() < full.triangles.len() / 3 && reduced.triangles.len() < before);
            before = reduced.triangles.len();
        }
        let (few, found) = simplify_within(&Ctx::silent(), &full, 0.001, 500).unwrap();
        assert!(few.triangles.len() <= 500 && found.most_mm > 0.001);
    }
}
