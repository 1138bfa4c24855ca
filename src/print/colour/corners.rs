//! Colours at the vertices of a part, for formats and printers without textures.
//!
//! In: a part and [`CornerOptions`]. Out: a [`VertexColoured`] and the colour difference that is left. The colours are those
//! whose linear interpolation over the triangles is nearest to the page in the least squares (conjugate gradients on the
//! normal equations, which are those of an L2 projection onto piecewise linear functions). Where the difference is above
//! the goal, the triangles with most of it are cut, as long as their edges are longer than half the printer's detail
//! and the triangles suffice. Cost: a round takes about 2 s for a million triangles.

use super::refine::{Edge, edges_of, refine};
use super::skin::{Skin, WHOLE};
use crate::base::{Cancelled, Ctx, stats};
use crate::image::colour::{delta_e_2000, lab_of_srgb};
use crate::scene::{Part, VertexColoured};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rounds of cutting.
const ROUNDS: usize = 6;
/// Rounds of conjugate gradients; each takes the error down by about a half.
const STEPS: usize = 16;
/// Weight of staying near the colour on the spot, as a share of the weight of a vertex's triangles.
const STAY: f32 = 0.05;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CornerOptions {
    /// The printer's smallest detail in millimetres.
    pub detail_mm: f64,
    /// Median dE00 to be reached.
    pub goal_de: f64,
    /// Most triangles.
    pub max_triangles: usize,
}

impl Default for CornerOptions {
    fn default() -> Self {
        Self { detail_mm: 0.4, goal_de: 1.4, max_triangles: 1_000_000 }
    }
}

/// What was reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CornerReport {
    /// Median colour difference dE00 between interpolated colours and the page, by textured surface.
    pub median_de: f64,
    /// The same for nine tenths.
    pub p90_de: f64,
    /// Triangles before.
    pub triangles_before: usize,
    /// Triangles after.
    pub triangles: usize,
}

/// Colours the vertices.
pub fn colour(ctx: &Ctx, part: &Part, options: &CornerOptions) -> Result<(VertexColoured, CornerReport), Cancelled> {
    let mut work = std::borrow::Cow::Borrowed(part);
    let mut round = 0;
    let (vertices, report) = loop {
        ctx.check()?;
        let vertices = fitted(&work);
        let errors = errors(&work, &vertices);
        let report = CornerReport {
            median_de: weighted_quantile(&errors, 0.5),
            p90_de: weighted_quantile(&errors, 0.9),
            triangles_before: part.mesh.triangles.len(),
            triangles: work.mesh.triangles.len(),
        };
        let edges = if report.median_de <= options.goal_de { Vec::new() } else { to_cut(&work, &errors, options) };
        if edges.is_empty() || round == ROUNDS {
            break (vertices, report);
        }
        let next = refine(ctx, &work, edges)?;
        if next.mesh.triangles.len() == work.mesh.triangles.len() {
            break (vertices, report);
        }
        work = std::borrow::Cow::Owned(next);
        round += 1;
    };
    let skin = Skin::new(&work);
    let own = |t: usize| skin.rgb(t, [1.0, 0.0, 0.0]).map(|v| v.round() as u8);
    let plain = (0..work.mesh.triangles.len()).map(|t| skin.plain(t).then(|| own(t))).collect();
    Ok((VertexColoured { mesh: work.mesh.clone(), vertices, plain, title: part.title.clone() }, report))
}

/// A textured triangle's part of the normal equations: products of the weights of its corners, and their products with
/// the colours.
struct Local {
    matrix: [[f32; 3]; 3],
    right: [[f32; 3]; 3],
}

/// The colours of the vertices.
fn fitted(part: &Part) -> Vec<[u8; 3]> {
    let (mesh, skin) = (&part.mesh, Skin::new(part));
    let local: Vec<Option<Local>> = (0..mesh.triangles.len())
        .into_par_iter()
        .map(|t| (!skin.plain(t)).then(|| normal_equations(&skin, t, mesh.area_normal(t).norm() as f32 / 2.0)))
        .collect();
    let n = mesh.vertices.len();
    // Vertices of no textured triangle take the plain colour of theirs.
    let mut spot = vec![[0f32; 4]; n];
    for textured in [true, false] {
        let before: Vec<bool> = spot.iter().map(|s| s[3] > 0.0).collect();
        for (t, corners) in mesh.triangles.iter().enumerate().filter(|(t, _)| local[*t].is_some() == textured) {
            for (k, &v) in corners.iter().enumerate().filter(|(_, v)| textured || !before[**v as usize]) {
                let rgb = skin.rgb(t, std::array::from_fn(|i| if i == k { 1.0 } else { 0.0 }));
                (0..3).for_each(|c| spot[v as usize][c] += rgb[c]);
                spot[v as usize][3] += 1.0;
            }
        }
    }
    let start: Vec<[f32; 3]> = spot.iter().map(|s| std::array::from_fn(|c| s[c] / s[3].max(1.0))).collect();
    let mut stay = vec![0f32; n];
    let mut right = vec![[0f32; 3]; n];
    for (corners, l) in mesh.triangles.iter().zip(&local) {
        let Some(l) = l else { continue };
        for (k, &v) in corners.iter().enumerate() {
            stay[v as usize] += STAY * l.matrix[k].iter().sum::<f32>();
            (0..3).for_each(|c| right[v as usize][c] += l.right[k][c]);
        }
    }
    for v in 0..n {
        (0..3).for_each(|c| right[v][c] += stay[v] * start[v][c]);
    }
    let apply = |x: &[[f32; 3]]| {
        let mut y: Vec<[f32; 3]> = x.iter().zip(&stay).map(|(x, s)| x.map(|v| v * s)).collect();
        for (corners, l) in mesh.triangles.iter().zip(&local) {
            let Some(l) = l else { continue };
            for k in 0..3 {
                for j in 0..3 {
                    (0..3).for_each(|c| y[corners[k] as usize][c] += l.matrix[k][j] * x[corners[j] as usize][c]);
                }
            }
        }
        y
    };
    let solved = conjugate_gradients(apply, &right, start);
    solved.into_iter().map(|c| c.map(|v| v.round().clamp(0.0, 255.0) as u8)).collect()
}

fn normal_equations(skin: &Skin<'_>, t: usize, area: f32) -> Local {
    let mut local = Local { matrix: [[0.0; 3]; 3], right: [[0.0; 3]; 3] };
    let mut n = 0.0;
    skin.samples(t, &WHOLE, |at| {
        let rgb = skin.rgb(t, at);
        for k in 0..3 {
            (0..3).for_each(|j| local.matrix[k][j] += at[k] * at[j]);
            (0..3).for_each(|c| local.right[k][c] += at[k] * rgb[c]);
        }
        n += 1.0;
    });
    local.matrix = local.matrix.map(|r| r.map(|v| v * area / n));
    local.right = local.right.map(|r| r.map(|v| v * area / n));
    local
}

/// Three systems of one matrix at once; vertices without equations keep their start.
fn conjugate_gradients(
    apply: impl Fn(&[[f32; 3]]) -> Vec<[f32; 3]>,
    right: &[[f32; 3]],
    start: Vec<[f32; 3]>,
) -> Vec<[f32; 3]> {
    let dot = |a: &[[f32; 3]], b: &[[f32; 3]]| -> [f64; 3] {
        let mut sum = [0.0; 3];
        for (a, b) in a.iter().zip(b) {
            (0..3).for_each(|c| sum[c] += f64::from(a[c]) * f64::from(b[c]));
        }
        sum
    };
    let mut x = start;
    let mut residual: Vec<[f32; 3]> =
        right.iter().zip(apply(&x)).map(|(b, a)| std::array::from_fn(|c| b[c] - a[c])).collect();
    let mut direction = residual.clone();
    let mut length = dot(&residual, &residual);
    for _ in 0..STEPS {
        let image = apply(&direction);
        let along = dot(&direction, &image);
        let step: [f32; 3] = std::array::from_fn(|c| if along[c] > 0.0 { (length[c] / along[c]) as f32 } else { 0.0 });
        for v in 0..x.len() {
            for c in 0..3 {
                x[v][c] += step[c] * direction[v][c];
                residual[v][c] -= step[c] * image[v][c];
            }
        }
        let next = dot(&residual, &residual);
        let turn: [f32; 3] =
            std::array::from_fn(|c| if length[c] > 0.0 { (next[c] / length[c]) as f32 } else { 0.0 });
        for v in 0..x.len() {
            (0..3).for_each(|c| direction[v][c] = residual[v][c] + turn[c] * direction[v][c]);
        }
        length = next;
    }
    x
}

/// For each triangle its surface and the median dE00 of its samples; no surface where it is plain.
fn errors(part: &Part, vertices: &[[u8; 3]]) -> Vec<(f64, f64)> {
    let (mesh, skin) = (&part.mesh, Skin::new(part));
    (0..mesh.triangles.len())
        .into_par_iter()
        .map(|t| {
            if skin.plain(t) {
                return (0.0, 0.0);
            }
            let own = mesh.triangles[t].map(|v| vertices[v as usize].map(f32::from));
            let mut found = Vec::new();
            skin.samples(t, &WHOLE, |at| {
                let mixed: [f32; 3] = std::array::from_fn(|c| (0..3).map(|k| at[k] * own[k][c]).sum::<f32>() / 255.0);
                found.push(delta_e_2000(lab_of_srgb(mixed), skin.lab(t, at)));
            });
            (mesh.area_normal(t).norm() / 2.0, stats::median(&found).unwrap_or(0.0))
        })
        .collect()
}

/// The value that a share of the surface stays under.
fn weighted_quantile(values: &[(f64, f64)], share: f64) -> f64 {
    let mut sorted: Vec<(f64, f64)> = values.iter().filter(|v| v.0 > 0.0).copied().collect();
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut left = share * sorted.iter().map(|v| v.0).sum::<f64>();
    for (weight, value) in &sorted {
        left -= weight;
        if left <= 0.0 {
            return *value;
        }
    }
    sorted.last().map_or(0.0, |v| v.1)
}

/// Edges of the triangles with most error, as far as the printer can show them and the triangles suffice.
fn to_cut(part: &Part, errors: &[(f64, f64)], options: &CornerOptions) -> Vec<Edge> {
    let mesh = &part.mesh;
    let room = options.max_triangles.saturating_sub(mesh.triangles.len()) / 2;
    let mut worst: Vec<usize> = (0..errors.len()).filter(|&t| errors[t].1 > options.goal_de * 0.7).collect();
    worst.sort_by(|&a, &b| (errors[b].0 * errors[b].1).total_cmp(&(errors[a].0 * errors[a].1)).then(a.cmp(&b)));
    let least = options.detail_mm / 2.0;
    let mut edges = Vec::new();
    for t in worst {
        let [a, b, c] = edges_of(&mesh.triangles[t])
            .map(|e| ((mesh.vertices[e.0 as usize] - mesh.vertices[e.1 as usize]).norm(), e));
        let longest = a.0.max(b.0).max(c.0);
        // Short edges of a long triangle are not cut, so that triangles become rounder.
        edges.extend([a, b, c].iter().filter(|e| e.0 > least && e.0 > longest * 0.6).map(|e| e.1));
        if edges.len() > 2 * room {
            break;
        }
    }
    edges.sort_unstable();
    edges.dedup();
    edges.truncate(room);
    edges
}
