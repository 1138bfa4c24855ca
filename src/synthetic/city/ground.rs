//! The ground: one watertight grid of cells (carriageways, pavements behind kerbs, block interiors, canal, pond,
//! fields), displaced by the terrain.
//!
//! In: the plan, a surface for each block. Out: triangles. Neighbouring cells share vertices; where their levels
//! differ, a vertical face (kerb, quay) closes the step.

use crate::scene::SurfaceClass;
use crate::synthetic::builder::{Solid, Triangle};
use crate::synthetic::plan::{CANAL_DEPTH, Plan};
use crate::synthetic::surface::{Material, Surface};

/// Height of pavements and blocks above the carriageway.
pub const KERB: f32 = 0.13;
const LEVELS: [f32; 3] = [0.0, KERB, -CANAL_DEPTH];

/// What a cell of the ground is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Carriageway.
    Street,
    /// Pavement, quay or bridge deck.
    Pavement,
    /// Water of the canal.
    Canal,
    /// Interior of the block after street `i` of constant u and street `j` of constant v.
    Block(usize, usize),
    /// Outside of the town.
    Field,
}

impl Cell {
    fn level(self) -> usize {
        match self {
            Cell::Street | Cell::Field => 0,
            Cell::Pavement | Cell::Block(..) => 1,
            Cell::Canal => 2,
        }
    }
}

/// What lies at a plan point.
pub fn classify(plan: &Plan, u: f32, v: f32) -> Cell {
    if u.abs() > plan.half[0] || v.abs() > plan.half[1] {
        return Cell::Field;
    }
    let (i, du) = Plan::nearest(&plan.along_v, u);
    let (j, dv) = Plan::nearest(&plan.along_u, v);
    let (sv, su) = (&plan.along_v[i], &plan.along_u[j]);
    let in_canal = dv.abs() < su.canal;
    let on_quay = su.canal > 0.0 && dv.abs() < su.canal + 1.2;
    if du.abs() < sv.half {
        return Cell::Street;
    }
    if du.abs() < sv.outer() {
        return if dv.abs() < su.half && !on_quay { Cell::Street } else { Cell::Pavement };
    }
    if in_canal {
        Cell::Canal
    } else if on_quay {
        Cell::Pavement
    } else if dv.abs() < su.half {
        Cell::Street
    } else if dv.abs() < su.outer() {
        Cell::Pavement
    } else {
        Cell::Block(if du > 0.0 { i } else { i.wrapping_sub(1) }, if dv > 0.0 { j } else { j.wrapping_sub(1) })
    }
}

/// Grid lines at every edge of a street, and between them at most `spacing` (in `fine`: 1.5 m) apart.
fn lines(streets: &[crate::synthetic::plan::Street], half: f32, fine: Option<[f32; 2]>) -> Vec<f32> {
    let mut edges = vec![-half, half];
    for s in streets {
        for d in [s.half, s.outer()] {
            edges.extend([s.centre - d, s.centre + d]);
        }
        if s.canal > 0.0 {
            edges.extend([s.canal, -s.canal, s.canal + 1.2, -s.canal - 1.2].map(|d| s.centre + d));
        }
    }
    edges.extend(fine.iter().flatten());
    edges.retain(|e| e.abs() <= half);
    edges.sort_by(f32::total_cmp);
    edges.dedup_by(|a, b| (*a - *b).abs() < 0.02);
    let mut out = Vec::new();
    for w in edges.windows(2) {
        let inside = fine.is_some_and(|f| w[0] >= f[0] - 0.01 && w[1] <= f[1] + 0.01);
        let n = ((w[1] - w[0]) / if inside { 1.5 } else { 4.5 }).ceil().max(1.0);
        out.extend((0..n as usize).map(|k| w[0] + (w[1] - w[0]) * k as f32 / n));
    }
    out.push(half);
    let far = [6.0, 30.0, 120.0, 400.0, 1500.0];
    let before: Vec<f32> = far.iter().rev().map(|d| -half - d).collect();
    before.into_iter().chain(out).chain(far.map(|d| half + d)).collect()
}

/// Adds the ground; `block(i, j)` is the surface of a block's interior.
pub fn build(solid: &mut Solid, plan: &Plan, block: impl Fn(usize, usize) -> u32) {
    let fine = plan.pond.map(|[cu, cv, ru, rv]| ([cu - 1.3 * ru, cu + 1.3 * ru], [cv - 1.3 * rv, cv + 1.3 * rv]));
    let us = lines(&plan.along_v, plan.half[0], fine.map(|f| f.0));
    let vs = lines(&plan.along_u, plan.half[1], fine.map(|f| f.1));
    let mut add = |material, tint, class, seed| solid.surface(Surface { class, material, tint, seed });
    let ground = SurfaceClass::Ground;
    let street = add(Material::Street, [0.115, 0.115, 0.122], ground, 11);
    let pavement = add(Material::Paving, [0.30, 0.29, 0.275], ground, 12);
    let field = add(Material::Field, [0.16, 0.20, 0.07], ground, 13);
    let water = add(Material::Water, [0.022, 0.036, 0.026], SurfaceClass::Water, 14);
    let kerb = add(Material::Plain, [0.36, 0.35, 0.33], ground, 15);
    let quay = add(Material::Brick, [0.20, 0.12, 0.085], ground, 16);

    let (nu, nv) = (us.len(), vs.len());
    let centre = |l: &[f32], k: usize| 0.5 * (l[k] + l[k + 1]);
    let cells: Vec<Cell> = (0..(nu - 1) * (nv - 1))
        .map(|k| classify(plan, centre(&us, k % (nu - 1)), centre(&vs, k / (nu - 1))))
        .collect();
    let cell = |i: usize, j: usize| cells[j * (nu - 1) + i];
    let mut ids = vec![[u32::MAX; LEVELS.len()]; nu * nv];
    let mut vertex = |solid: &mut Solid, i: usize, j: usize, level: usize| {
        let id = &mut ids[j * nu + i][level];
        if *id == u32::MAX {
            // The canal's water is level.
            let p = if level == 2 {
                let mut p = plan.point(us[i], vs[j], 0.0);
                p.z = -CANAL_DEPTH - 1.0;
                p
            } else {
                plan.point(us[i], vs[j], LEVELS[level] - plan.bowl(us[i], vs[j]))
            };
            *id = solid.vertex(p);
        }
        *id
    };
    for j in 0..nv - 1 {
        for i in 0..nu - 1 {
            let c = cell(i, j);
            let level = c.level();
            let surface = match c {
                Cell::Street => street,
                Cell::Pavement => pavement,
                Cell::Canal => water,
                Cell::Field => field,
                Cell::Block(a, b) => block(a, b),
            };
            let at = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)];
            let v = at.map(|(a, b)| vertex(solid, a, b, level));
            let uv = at.map(|(a, b)| [us[a], vs[b]]);
            solid.triangles.push(Triangle { v: [v[0], v[1], v[2]], surface, uv: [uv[0], uv[1], uv[2]] });
            solid.triangles.push(Triangle { v: [v[0], v[2], v[3]], surface, uv: [uv[0], uv[2], uv[3]] });
            // Steps to the neighbours in +u and +v.
            for (di, dj) in [(1, 0), (0, 1)] {
                if i + di >= nu - 1 || j + dj >= nv - 1 {
                    continue;
                }
                let other = cell(i + di, j + dj).level();
                if other == level {
                    continue;
                }
                let (a, b) = if di == 1 { ((i + 1, j), (i + 1, j + 1)) } else { ((i + 1, j + 1), (i, j + 1)) };
                let wall = if level == 2 || other == 2 { quay } else { kerb };
                let top_is_here = level != 2 && (other == 2 || LEVELS[level] > LEVELS[other]);
                let (from, to) = if top_is_here { (a, b) } else { (b, a) };
                let (low, high) = if top_is_here { (other, level) } else { (level, other) };
                let q = [(from, low), (to, low), (to, high), (from, high)].map(|((x, y), l)| vertex(solid, x, y, l));
                let length = (us[from.0] - us[to.0]).hypot(vs[from.1] - vs[to.1]);
                let height = if wall == quay { 2.0 } else { KERB };
                let uv = [[0.0, 0.0], [length, 0.0], [length, height], [0.0, height]];
                solid.triangles.push(Triangle { v: [q[0], q[1], q[2]], surface: wall, uv: [uv[0], uv[1], uv[2]] });
                solid.triangles.push(Triangle { v: [q[0], q[2], q[3]], surface: wall, uv: [uv[0], uv[2], uv[3]] });
            }
        }
    }
}

/// A patch of another material a few centimetres over the ground of a block: a path, a bed, a parking lot.
/// Texture coordinates start at the patch's corner.
pub fn patch(solid: &mut Solid, plan: &Plan, u: [f32; 2], v: [f32; 2], lift: f32, surface: u32) {
    let steps = |r: [f32; 2]| ((r[1] - r[0]).abs() / 3.0).ceil().max(1.0) as usize;
    let (n, m) = (steps(u), steps(v));
    let at = |k: usize, n: usize, r: [f32; 2]| r[0] + (r[1] - r[0]) * k as f32 / n as f32;
    let ids: Vec<u32> = (0..(n + 1) * (m + 1))
        .map(|k| {
            let (x, y) = (at(k % (n + 1), n, u), at(k / (n + 1), m, v));
            solid.vertex(plan.point(x, y, KERB + lift - plan.bowl(x, y)))
        })
        .collect();
    for j in 0..m {
        for i in 0..n {
            let corner = |a: usize, b: usize| (ids[b * (n + 1) + a], [at(a, n, u) - u[0], at(b, m, v) - v[0]]);
            let q = [corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)];
            for t in [[0, 1, 2], [0, 2, 3]] {
                solid.triangles.push(Triangle { v: t.map(|k| q[k].0), surface, uv: t.map(|k| q[k].1) });
            }
        }
    }
}
