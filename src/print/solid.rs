//! Closed bodies, and what is made of several: union, difference, intersection, and the body that a tangle encloses.
//!
//! In: [`Solid`]s, each a closed and oriented triangle mesh (it may cross itself, touch itself, hold shells inside).
//! Out: one [`Solid`] without crossings or inner walls: its surface bounds the space around which the input winds at
//! least once. Every corner carries the place of the city that it was made from, and keeps it through every operation,
//! so that the colours follow whatever is done to the shape.
//!
//! The arrangement is computed in exact rational arithmetic and classified by winding numbers (crate `manifold-rust`;
//! Q. Zhou, E. Grinspun, D. Zorin, A. Jacobson, "Mesh Arrangements for Solid Geometry", SIGGRAPH 2016). Its points are
//! rounded on the way out, so that triangles thinner than the last digit may cross again: [`super::settle()`] ends that.
//! Cost: about 10 s and 1 GB for a million triangles.

use super::PrintError;
use crate::base::Ctx;
use crate::mesh::self_intersections_up_to;
use crate::scene::Mesh;
use manifold_rust::cancel::CancelToken;
use manifold_rust::manifold::Manifold;
use manifold_rust::types::{BooleanEngine, Error, MeshGL64, OpType, WindingRule};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// One triangle among so many may cross others where the fast way is to be taken.
const FEW: usize = 1_000;
/// Triangles that may cross others after a fast union or difference.
const TANGLE: usize = 1_000;

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

    /// Adds a triangle of existing vertices.
    pub fn push(&mut self, triangle: [u32; 3], origin: [Vector3<f64>; 3], photo: bool) {
        self.mesh.triangles.push(triangle);
        self.origin.push(origin);
        self.photo.push(photo);
    }

    /// The place of the city that a point of triangle `t` is coloured from.
    pub fn origin_at(&self, t: usize, p: &Vector3<f64>) -> Vector3<f64> {
        place_in(self, t, p)
    }

    /// Only the triangles for which `keep` holds, over all the vertices.
    pub fn retain_indexed(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.mesh.triangles.len()).filter(|&t| keep(t)).collect();
        Self {
            mesh: Mesh {
                vertices: self.mesh.vertices.clone(),
                triangles: kept.iter().map(|&t| self.mesh.triangles[t]).collect(),
            },
            origin: kept.iter().map(|&t| self.origin[t]).collect(),
            photo: kept.iter().map(|&t| self.photo[t]).collect(),
        }
    }

    /// Only the triangles for which `keep` holds.
    pub fn retain(&self, keep: impl Fn(usize) -> bool) -> Self {
        let kept = self.retain_indexed(keep);
        Self { mesh: compact(&kept.mesh), ..kept }
    }
}

/// The space inside any of the bodies, or inside one that crosses itself.
pub fn unite(ctx: &Ctx, bodies: &[&Solid]) -> Result<Solid, PrintError> {
    let mut all = Solid::default();
    for body in bodies {
        all.append(body);
    }
    if all.photo.is_empty() {
        return Ok(all);
    }
    guarded(ctx, |token| {
        let (body, id) = import(&all)?;
        Ok((body.rebuild_solid_with_token(WindingRule::Positive, Some(token)), vec![(id, &all)]))
    })
}

/// The space inside `body` and not inside `tool`.
pub fn subtract(ctx: &Ctx, body: &Solid, tool: &Solid) -> Result<Solid, PrintError> {
    combine(ctx, body, tool, OpType::Subtract, BooleanEngine::Robust)
}

/// The space inside both.
pub fn intersect(ctx: &Ctx, a: &Solid, b: &Solid) -> Result<Solid, PrintError> {
    combine(ctx, a, b, OpType::Intersect, BooleanEngine::Robust)
}

/// What lies of `body` inside `tool`, where the body is a 2-manifold: ten times as fast as [`intersect`], but where the
/// body crosses itself it still does so after.
pub fn cut(ctx: &Ctx, body: &Solid, tool: &Solid) -> Result<Solid, PrintError> {
    combine(ctx, body, tool, OpType::Intersect, BooleanEngine::Exact)
}

/// The space inside either of two 2-manifolds, as fast as [`cut`]; where one crosses itself the result may be wrong.
pub fn add(ctx: &Ctx, body: &Solid, added: &Solid) -> Result<Solid, PrintError> {
    combine(ctx, body, added, OpType::Add, BooleanEngine::Exact)
}

/// The space inside a 2-manifold or inside `added`, which may cross itself, but of which no shell may lie in another: where
/// it is tangled, that is freed of its crossings in the slow way; single ones may be left.
pub fn with(ctx: &Ctx, body: &Solid, added: &Solid) -> Result<Solid, PrintError> {
    let whole = if is_tangled(added) { &unite(ctx, &[added])? } else { added };
    quickly(ctx, body, whole, OpType::Add)
}

/// Whether more than single triangles of a body cross others of it.
pub fn is_tangled(body: &Solid) -> bool {
    self_intersections_up_to(&body.mesh, 1).len() * FEW > body.photo.len()
}

/// What lies of a 2-manifold outside `tool`, another: mostly as fast as [`cut`].
pub fn cut_away(ctx: &Ctx, body: &Solid, tool: &Solid) -> Result<Solid, PrintError> {
    quickly(ctx, body, tool, OpType::Subtract)
}

/// The fast way, and the slow one where the fast asks for more than a closed surface, or makes a tangle of a body that
/// crosses itself.
fn quickly(ctx: &Ctx, a: &Solid, b: &Solid, what: OpType) -> Result<Solid, PrintError> {
    match combine(ctx, a, b, what, BooleanEngine::Exact) {
        Err(PrintError::Engine { .. }) => {}
        Ok(whole) if self_intersections_up_to(&whole.mesh, 1).len() > TANGLE => {}
        result => return result,
    }
    match what {
        OpType::Add => unite(ctx, &[a, b]),
        _ => combine(ctx, a, b, what, BooleanEngine::Robust),
    }
}

fn combine(ctx: &Ctx, a: &Solid, b: &Solid, what: OpType, engine: BooleanEngine) -> Result<Solid, PrintError> {
    if a.mesh.triangles.is_empty() {
        return Ok(Solid::default());
    }
    if b.mesh.triangles.is_empty() {
        return Ok(if what == OpType::Intersect { Solid::default() } else { a.clone() });
    }
    guarded(ctx, |token| {
        let ((one, id_a), (other, id_b)) = (import(a)?, import(b)?);
        let result = one.boolean_with_engine_and_token(&other, what, engine, Some(token));
        Ok((result, vec![(id_a, a), (id_b, b)]))
    })
}

/// Runs the engine on another thread, so that this one can pass a cancellation on, and turns what it says into ours.
fn guarded<'a>(
    ctx: &Ctx,
    run: impl FnOnce(&CancelToken) -> Result<(Manifold, Vec<(u32, &'a Solid)>), PrintError> + Send,
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
    let Ok(Ok(result)) = result else { return Err(PrintError::Engine { reason: "it stopped unexpectedly".into() }) };
    let (manifold, sources) = result?;
    match manifold.status() {
        Error::NoError => export(&manifold, &sources),
        other => Err(PrintError::Engine { reason: other.to_str().to_lowercase() }),
    }
}

/// The engine's form of a body; its faces are numbered like our triangles, so that results say where they come from.
fn import(solid: &Solid) -> Result<(Manifold, u32), PrintError> {
    let mesh = &solid.mesh;
    let id = Manifold::reserve_ids(1);
    let gl = MeshGL64 {
        num_prop: 3,
        vert_properties: mesh.vertices.iter().flat_map(|v| [v.x, v.y, v.z]).collect(),
        tri_verts: mesh.triangles.iter().flatten().map(|&v| u64::from(v)).collect(),
        run_index: vec![0, 3 * mesh.triangles.len() as u64],
        run_original_id: vec![id],
        face_id: (0..mesh.triangles.len() as u64).collect(),
        ..MeshGL64::default()
    };
    let manifold = Manifold::from_mesh_gl64_robust(&gl);
    match manifold.status() {
        Error::NoError => Ok((manifold, id)),
        other => Err(PrintError::Engine { reason: other.to_str().to_lowercase() }),
    }
}

/// Our form of a result, with what its triangles carry taken from the triangles that they are pieces of.
fn export(manifold: &Manifold, sources: &[(u32, &Solid)]) -> Result<Solid, PrintError> {
    let gl = manifold.get_mesh_gl64(-1);
    let n = gl.num_prop as usize;
    // Vertices that differ only in what they carry are one.
    let mut target: Vec<u32> = (0..gl.num_vert() as u32).collect();
    for (from, to) in gl.merge_from_vert.iter().zip(&gl.merge_to_vert) {
        target[*from as usize] = *to as u32;
    }
    let vertices = gl.vert_properties.chunks_exact(n.max(3)).map(|p| Vector3::new(p[0], p[1], p[2])).collect();
    let triangles = gl.tri_verts.chunks_exact(3).map(|c| [0, 1, 2].map(|k| target[c[k] as usize])).collect();
    let mesh = Mesh { vertices, triangles };
    let lost = || PrintError::Engine { reason: "a piece of surface comes from nowhere".into() };
    let mut run = 0;
    let mut carried = Vec::with_capacity(mesh.triangles.len());
    for t in 0..mesh.triangles.len() {
        while run + 1 < gl.run_original_id.len() && gl.run_index[run + 1] <= 3 * t as u64 {
            run += 1;
        }
        let id = gl.run_original_id.get(run).ok_or_else(lost)?;
        let source = sources.iter().find(|s| s.0 == *id).ok_or_else(lost)?.1;
        let face = *gl.face_id.get(t).ok_or_else(lost)? as usize;
        if face >= source.photo.len() {
            return Err(lost());
        }
        carried.push((source, face));
    }
    let origin = carried
        .par_iter()
        .enumerate()
        .map(|(t, &(source, face))| mesh.corners(t).map(|p| place_in(source, face, &p)))
        .collect();
    let photo = carried.iter().map(|(source, face)| source.photo[*face]).collect();
    Ok(Solid { mesh: compact(&mesh), origin, photo })
}

/// The place of the city that a point of a triangle comes from.
fn place_in(source: &Solid, face: usize, p: &Vector3<f64>) -> Vector3<f64> {
    let ([a, b, c], [oa, ob, oc]) = (source.mesh.corners(face), &source.origin[face]);
    let (e1, e2, d) = (b - a, c - a, p - a);
    let (d11, d12, d22) = (e1.norm_squared(), e1.dot(&e2), e2.norm_squared());
    let det = d11 * d22 - d12 * d12;
    if det <= 1e-12 * d11 * d22 {
        // A line: by the share of its longer side.
        let (along, end, square) = if d11 >= d22 { (e1, ob, d11) } else { (e2, oc, d22) };
        let share = if square > 0.0 { (d.dot(&along) / square).clamp(0.0, 1.0) } else { 0.0 };
        return oa + (end - oa) * share;
    }
    let v = (d22 * d.dot(&e1) - d12 * d.dot(&e2)) / det;
    let w = (d11 * d.dot(&e2) - d12 * d.dot(&e1)) / det;
    oa + (ob - oa) * v + (oc - oa) * w
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
