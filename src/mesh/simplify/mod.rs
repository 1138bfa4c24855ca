//! Fewer triangles for (almost) the same surface: edge collapses in the order of the error that they cause.
//!
//! In: an oriented 2-manifold, with or without border, and optionally texture coordinates. Out: the same with fewer
//! triangles. What was closed and 2-manifold stays so; a seam of the texture stays a seam.
//!
//! Source: M. Garland, P. Heckbert, "Surface simplification using quadric error metrics", SIGGRAPH 1997, sections 4-6
//! (area-weighted planes, border constraints, flips); T. Dey et al., "Topology preserving edge contraction", 1999 (link
//! condition). A small term for the edge's length orders the collapses of flat parts. Texture coordinates are not part
//! of the quadrics: they follow the vertices, and vertices on seams only move along them.
//!
//! Cost: about 3 s and 250 bytes for each million triangles removed, one thread (the order of collapses is the result);
//! where only a distance bounds it, a large mesh is done in blocks first, on all threads. [`simplify`] does not look for
//! self-intersections, of which large distances may make some; [`simplify_apart`] does.

mod apart;
mod blocks;
mod collapse;
mod quadric;

use super::MeshError;
use super::topology::compacted;
use crate::base::Ctx;
use crate::scene::Mesh;
pub use apart::simplify_apart;
use collapse::Simplifier;
use serde::{Deserialize, Serialize};

/// Parameters of [`simplify`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimplifyOptions {
    /// Stop at this many triangles; 0 goes on until the error bound.
    pub target_triangles: usize,
    /// No collapse that moves the surface further than about this (root of the mean squared distance to the planes
    /// that a vertex stands for), in the mesh's unit; `None` for no bound.
    pub max_error: Option<f64>,
    /// Weight of borders against surfaces.
    pub border_weight: f64,
    /// Whether border vertices must not move at all.
    pub lock_border: bool,
    /// How far a vertex on a texture seam may lie off the straight seam, in texture units (0..=1 is a page).
    pub seam_tolerance: f32,
}

impl Default for SimplifyOptions {
    fn default() -> Self {
        Self { target_triangles: 0, max_error: None, border_weight: 10.0, lock_border: false, seam_tolerance: 2e-4 }
    }
}

/// A simplified textured mesh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simplified {
    /// Geometry.
    pub mesh: Mesh,
    /// Texture coordinates of each triangle's corners.
    pub uvs: Vec<[[f32; 2]; 3]>,
    /// The input triangle that each triangle comes from: it lies on the same texture page.
    pub origin: Vec<u32>,
}

/// Simplifies a mesh.
pub fn simplify(ctx: &Ctx, mesh: &Mesh, options: &SimplifyOptions) -> Result<Mesh, MeshError> {
    simplify_but(ctx, mesh, options, &[])
}

/// Simplifies a mesh but for the vertices that are `held`, with all the edges at them.
fn simplify_but(ctx: &Ctx, mesh: &Mesh, options: &SimplifyOptions, held: &[bool]) -> Result<Mesh, MeshError> {
    let mut work = Simplifier::new(mesh, None, &[], options);
    work.hold(held);
    // A number of triangles to end with belongs to the whole.
    if options.target_triangles == 0 && blocks::pays(mesh.triangles.len()) {
        blocks::run(ctx, &mut work)?;
    }
    work.run(ctx)?;
    let (vertices, triangles, ..) = work.finish(mesh);
    Ok(compacted(&vertices, triangles))
}

/// Simplifies a textured mesh: `uvs` and `page` have an entry for each triangle.
pub fn simplify_textured(
    ctx: &Ctx,
    mesh: &Mesh,
    uvs: &[[[f32; 2]; 3]],
    page: &[u16],
    options: &SimplifyOptions,
) -> Result<Simplified, MeshError> {
    for (what, count) in [("texture coordinates", uvs.len()), ("texture pages", page.len())] {
        if count != mesh.triangles.len() {
            return Err(MeshError::CountMismatch { what, count, triangles: mesh.triangles.len() });
        }
    }
    let mut work = Simplifier::new(mesh, Some(uvs.to_vec()), page, options);
    work.run(ctx)?;
    let (vertices, triangles, uvs, origin) = work.finish(mesh);
    Ok(Simplified { mesh: compacted(&vertices, triangles), uvs, origin })
}

#[cfg(test)]
mod tests;
