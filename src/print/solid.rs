//! Closed bodies, and what is made of several: union, difference, intersection, and the body that a tangle encloses.
//!
//! In: [`Solid`]s, each a closed and oriented triangle mesh (it may cross itself, touch itself, hold shells inside).
//! Out: one [`Solid`] without crossings or inner walls: its surface bounds the space around which the input winds at
//! least once. Every corner carries the place of the city that it was made from, and keeps it through every operation,
//! so that the colours follow whatever is done to the shape.
//!
//! The arrangement is computed in exact rational arithmetic and classified by winding numbers (crate `manifold-rust`;
//! Q. Zhou, E. Grinspun, D. Zorin, A. Jacobson, "Mesh Arrangements for Solid Geometry", SIGGRAPH 2016). Its points are
//! rounded on the way out, so that triangles thinner than the last digit may cross again: [`super::settle`] ends that.
//! Cost: about 10 s and 1 GB for a million triangles.

use super::PrintError;
use crate::base::Ctx;
use crate::scene::Mesh;
use manifold_rust::cancel::CancelToken;
use manifold_rust::manifold::Manifold;
use manifold_rust::types::{BooleanEngine, Error, MeshGL64, OpType, WindingRule};
use nalgebra::Vector3;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// A closed body in millimetres.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solid {
    /// Its surface.
    pub mesh: Mesh,
    /// For each corner of each triangle, the place of the city's surface (local metres) that gives its colour.
    pub origin: Vec<[Vector3<f64>; 3]>,
    /// Whether each triangle shows the city; others are plain.
    pub photo: Vec<bool>,
}

impl Solid {
    /// A body without colours.
    pub fn plain(mesh: Mesh) -> Self {
        let n = mesh.triangles.len();
        Self { mesh, origin: vec![[Vector3::zeros(); 3]; n], photo: vec![false; n] }
    }

    /// Adds the triangles of another body, without regard to how they lie.
    pub fn append(&mut self, other: &Self) {
        let offset = self.mesh.vertices.len() as u32;
        self.mesh.vertices.extend_from_slice(&other.mesh.vertices);
        self.mesh.triangles.extend(other.mesh.triangles.iter().map(|t| t.map(|v| v + offset)));
        self.origin.extend_from_slice(&other.origin);
        self.photo.extend_from_slice(&other.photo);
    }

    /// Only the triangles for which `keep` holds.
    pub fn retain(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.mesh.triangles.len()).filter(|&t| keep(t)).collect();
        let triangles = kept.iter().map(|&t| self.mesh.triangles[t]).collect();
        Self {
            mesh: compact(&Mesh { vertices: self.mesh.vertices.clone(), triangles }),
            origin: kept.iter().map(|&t| self.origin[t]).collect(),
            photo: kept.iter().map(|&t| self.photo[t]).collect(),
        }
    }
}

/// The space inside any of the bodies, or inside one that crosses itself.
pub fn unite(ctx: &Ctx, bodies: &[&Solid]) -> Result<Solid, PrintError> {
    let mut all = Solid::default();
    for body in bodies {
        all.append(body);
    }
    guarded(ctx, |token| Ok(import(&all)?.rebuild_solid_with_token(WindingRule::Positive, Some(token))))
}

/// The space inside `body` and not inside `tool`.
pub fn subtract(ctx: &Ctx, body: &Solid, tool: &Solid) -> Result<Solid, PrintError> {
    combine(ctx, body, tool, OpType::Subtract)
}

/// The space inside both.
pub fn intersect(ctx: &Ctx, a: &Solid, b: &Solid) -> Result<Solid, PrintError> {
    combine(ctx, a, b, OpType::Intersect)
}

fn combine(ctx: &Ctx, a: &Solid, b: &Solid, operation: OpType) -> Result<Solid, PrintError> {
    if a.mesh.triangles.is_empty() {
        return Ok(Solid::default());
    }
    if b.mesh.triangles.is_empty() {
        return Ok(if operation == OpType::Intersect { Solid::default() } else { a.clone() });
    }
    guarded(ctx, |token| {
        let (a, b) = (import(a)?, import(b)?);
        Ok(a.boolean_with_engine_and_token(&b, operation, BooleanEngine::Robust, Some(token)))
    })
}

/// Runs the engine on another thread, so that this one can pass a cancellation on, and turns what it says into ours.
fn guarded(
    ctx: &Ctx,
    run: impl FnOnce(&CancelToken) -> Result<Manifold, PrintError> + Send,
) -> Result<Solid, PrintError> {
    let token = CancelToken::new();
    let result = std::thread::scope(|scope| {
        let worker = scope.spawn(|| catch_unwind(AssertUnwindSafe(|| run(&token))));
        while !worker.is_finished() {
            if ctx.check().is_err() {
                token.cancel();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        worker.join()
    });
    ctx.check()?;
    let Ok(Ok(manifold)) = result else { return Err(PrintError::Engine { reason: "it stopped unexpectedly".into() }) };
    let manifold = manifold?;
    match manifold.status() {
        Error::NoError => Ok(export(&manifold)),
        other => Err(PrintError::Engine { reason: other.to_str().to_lowercase() }),
    }
}

/// Numbers of a vertex: its position, its place in the city, and whether it shows it.
const PROPERTIES: usize = 7;

fn import(solid: &Solid) -> Result<Manifold, PrintError> {
    let mesh = &solid.mesh;
    let mut first = vec![u64::MAX; mesh.vertices.len()];
    let mut known: HashMap<(u32, [u64; 3], bool), u64> = HashMap::with_capacity(mesh.vertices.len());
    let mut out = MeshGL64 { num_prop: PROPERTIES as u64, ..MeshGL64::default() };
    for (t, triangle) in mesh.triangles.iter().enumerate() {
        for (&v, origin) in triangle.iter().zip(&solid.origin[t]) {
            let key = (v, [origin.x, origin.y, origin.z].map(f64::to_bits), solid.photo[t]);
            let index = *known.entry(key).or_insert_with(|| {
                let index = (out.vert_properties.len() / PROPERTIES) as u64;
                let p = &mesh.vertices[v as usize];
                let flag = if solid.photo[t] { 1.0 } else { 0.0 };
                out.vert_properties.extend([p.x, p.y, p.z, origin.x, origin.y, origin.z, flag]);
                if first[v as usize] == u64::MAX {
                    first[v as usize] = index;
                } else {
                    out.merge_from_vert.push(index);
                    out.merge_to_vert.push(first[v as usize]);
                }
                index
            });
            out.tri_verts.push(index);
        }
    }
    let manifold = Manifold::from_mesh_gl64_robust(&out);
    match manifold.status() {
        Error::NoError => Ok(manifold),
        other => Err(PrintError::Engine { reason: other.to_str().to_lowercase() }),
    }
}

fn export(manifold: &Manifold) -> Solid {
    let gl = manifold.get_mesh_gl64(-1);
    let n = gl.num_prop as usize;
    let row = |v: u64| &gl.vert_properties[v as usize * n..][..n];
    // Vertices that differ only in what they carry are one.
    let mut target: Vec<u32> = (0..gl.num_vert() as u32).collect();
    for (from, to) in gl.merge_from_vert.iter().zip(&gl.merge_to_vert) {
        target[*from as usize] = *to as u32;
    }
    let vertices = (0..gl.num_vert() as u64).map(|v| Vector3::from_row_slice(&row(v)[..3])).collect();
    let mut solid = Solid { mesh: Mesh { vertices, triangles: Vec::new() }, ..Solid::default() };
    for corners in gl.tri_verts.chunks_exact(3) {
        solid.mesh.triangles.push([0, 1, 2].map(|k| target[corners[k] as usize]));
        let carried =
            |k: usize| if n == PROPERTIES { Vector3::from_row_slice(&row(corners[k])[3..6]) } else { Vector3::zeros() };
        solid.origin.push([carried(0), carried(1), carried(2)]);
        let shown = corners.iter().map(|&v| row(v).get(6).copied().unwrap_or(0.0)).sum::<f64>();
        solid.photo.push(shown > 1.5);
    }
    solid.mesh = compact(&solid.mesh);
    solid
}

/// Drops vertices that no triangle uses.
pub fn compact(mesh: &Mesh) -> Mesh {
    let mut new_index = vec![u32::MAX; mesh.vertices.len()];
    let mut out = Mesh { vertices: Vec::new(), triangles: Vec::with_capacity(mesh.triangles.len()) };
    for t in &mesh.triangles {
        out.triangles.push(t.map(|v| {
            let slot = &mut new_index[v as usize];
            if *slot == u32::MAX {
                *slot = out.vertices.len() as u32;
                out.vertices.push(mesh.vertices[v as usize]);
            }
            *slot
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;

    fn cube(low: [f64; 3], high: [f64; 3]) -> Solid {
        let vertices = (0..8)
            .map(|i| {
                let pick = |axis: usize| if i >> axis & 1 == 0 { low[axis] } else { high[axis] };
                Vector3::new(pick(0), pick(1), pick(2))
            })
            .collect();
        let quads = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [2, 6, 7, 3], [0, 4, 6, 2], [1, 3, 7, 5]];
        let triangles = quads.iter().flat_map(|q| [[q[0], q[1], q[2]], [q[0], q[2], q[3]]]).collect();
        Solid::plain(Mesh { vertices, triangles })
    }

    #[test]
    fn boxes_are_united_subtracted_and_intersected() {
        let ctx = Ctx::silent();
        let (a, b) = (cube([0.0; 3], [2.0; 3]), cube([1.0; 3], [3.0; 3]));
        for (solid, volume) in [
            (unite(&ctx, &[&a, &b]).expect("union"), 15.0),
            (subtract(&ctx, &a, &b).expect("difference"), 7.0),
            (intersect(&ctx, &a, &b).expect("intersection"), 1.0),
        ] {
            let report = inspect(&solid.mesh);
            assert!(report.is_solid() && report.self_intersections == 0, "{report:?}");
            assert!((report.volume - volume).abs() < 1e-12, "{}", report.volume);
        }
    }

    #[test]
    fn shells_inside_and_doubled_walls_dissolve() {
        let ctx = Ctx::silent();
        let (outer, inner) = (cube([0.0; 3], [4.0; 3]), cube([1.0; 3], [2.0; 3]));
        let solid = unite(&ctx, &[&outer, &inner, &outer, &cube([4.0, 0.0, 0.0], [5.0, 4.0, 4.0])]).expect("union");
        let report = inspect(&solid.mesh);
        assert!(report.is_solid() && report.components == 1 && report.self_intersections == 0, "{report:?}");
        assert!((report.volume - 80.0).abs() < 1e-12, "{}", report.volume);
    }

    #[test]
    fn places_follow_the_surface() {
        let ctx = Ctx::silent();
        let mut a = cube([0.0; 3], [2.0; 3]);
        a.photo = vec![true; 12];
        let place = |p: &Vector3<f64>| Vector3::new(10.0 + p.x, 20.0 - p.y, 3.0 * p.z);
        a.origin = (0..12).map(|t| a.mesh.corners(t).map(|p| place(&p))).collect();
        let cut = subtract(&ctx, &a, &cube([0.5, 0.5, -1.0], [1.5, 1.5, 3.0])).expect("a hole");
        let mut shown = 0.0;
        for t in 0..cut.mesh.triangles.len() {
            if cut.photo[t] {
                shown += cut.mesh.area_normal(t).norm() / 2.0;
                for (p, o) in cut.mesh.corners(t).iter().zip(&cut.origin[t]) {
                    assert!((place(p) - o).norm() < 1e-9, "{p} {o}");
                }
            }
        }
        assert!((shown - 22.0).abs() < 1e-9, "{shown}");
    }

    #[test]
    fn what_is_open_is_refused() {
        let mut open = cube([0.0; 3], [1.0; 3]);
        open = open.retain(|t| t > 0);
        assert!(matches!(unite(&Ctx::silent(), &[&open]), Err(PrintError::Engine { .. })));
    }
}
