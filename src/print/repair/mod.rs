//! Repair of messy meshes: one or more closed 2-manifold bodies that cross nothing, or a refusal that says what and where.
//!
//! In: any triangles in millimetres (open, crossing, turned anyhow, doubled, in pieces). Out: a [`Solid`] whose corners
//! carry the place of the input that they come from, and [`Repairs`], what was done. Steps: equal corners are joined, empty
//! and doubled triangles dropped, edges split where corners lie on them ([`weld`]); each patch is turned outward
//! ([`orient`]); loops of unbalanced edges are filled ([`holes`]), or, for a terrain, walls are built down to a level base;
//! the union by winding numbers dissolves crossings, doubled walls and inner shells ([`super::solid::unite`]);
//! [`super::settle()`] puts the corners on the grid that files carry; debris is dropped; the result is checked by exact
//! predicates before it is handed out. Where settling does not end, the body is made anew on a grid ([`rebuilt`]), which is said.
//!
//! Refused is what has no surface, a sheet that encloses nothing (a loop whose filling is as large as the surface), and
//! what still crosses itself after all that. Cost: about 30 s for a million triangles; memory as for the union, 1.5 GB.

mod carry;
pub(super) mod holes;
pub(crate) mod orient;
mod rebuilt;
pub(crate) mod weld;

pub use carry::{Carried, barycentric};

use super::solid::{Solid, unite};
use super::{PrintError, settle};
use crate::base::Ctx;
use crate::mesh::topology::UnionFind;
use crate::mesh::{inspect, pieces, self_intersections_up_to};
use crate::scene::Mesh;
use nalgebra::Vector3;
use weld::Sheet;

/// A loop whose filling has more than this share of the area of its piece is no hole: the piece is a sheet.
const SHEET: f64 = 0.6;
/// Sheets of up to this share of all area are dropped beside bodies.
const LOOSE: f64 = 0.1;
/// Crossings are counted with at most this many partners each.
const PARTNERS: usize = 8;

/// What repair may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RepairOptions {
    /// How far apart corners of open edges may be that become one, as a share of the box's diagonal.
    pub weld_share: f64,
    /// For terrains: millimetres from the lowest point down to a level base. Absent: a sheet is refused.
    pub base_mm: Option<f64>,
    /// Bodies of less volume are debris, unless they are all that there is.
    pub debris_mm3: f64,
}

impl Default for RepairOptions {
    fn default() -> Self {
        Self { weld_share: 1e-5, base_mm: None, debris_mm3: 0.1 }
    }
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Repairs {
    /// Vertices that became another one.
    pub vertices_joined: usize,
    /// Triangles without area that were dropped.
    pub degenerate: usize,
    /// Triangles with the corners of another one that were dropped.
    pub doubled: usize,
    /// Triangles split where a corner lay on their edge.
    pub edges_split: usize,
    /// Triangles that were turned over.
    pub turned: usize,
    /// Loops that were filled.
    pub holes: usize,
    /// Edges of the longest of them.
    pub longest_hole: usize,
    /// Area of the fillings in mm2.
    pub filled_mm2: f64,
    /// Sheets that were given walls and a level base.
    pub based: usize,
    /// Loose sheets that were dropped, and their triangles.
    pub sheets: usize,
    /// Triangles of those.
    pub sheet_triangles: usize,
    /// Pairs of triangles that crossed (counted up to a few for each).
    pub crossings: usize,
    /// Bodies dropped as debris.
    pub debris: usize,
    /// Their volume.
    pub debris_mm3: f64,
    /// Spacing of the grid on which it had to be made anew; 0 where it was not.
    #[serde(default)]
    pub rebuilt_mm: f64,
    /// Closed surfaces in the result.
    pub bodies: usize,
    /// Triangles before.
    pub triangles_before: usize,
    /// Triangles after.
    pub triangles_after: usize,
    /// Volume of the result.
    pub volume_mm3: f64,
}

impl Repairs {
    /// Whether the input was already what the output is.
    pub fn is_nothing(&self) -> bool {
        let counts =
            [self.degenerate, self.doubled, self.edges_split, self.turned, self.holes, self.based, self.sheets];
        counts.iter().all(|&n| n == 0) && self.crossings == 0 && self.debris == 0 && self.rebuilt_mm == 0.0
    }

    /// One sentence for each thing that was done.
    pub fn sentences(&self) -> Vec<String> {
        let list = [
            (self.vertices_joined, "vertices joined with another in their place"),
            (self.degenerate, "triangles without area dropped"),
            (self.doubled, "doubled triangles dropped"),
            (self.edges_split, "edges split at corners that lay on them"),
            (self.turned, "triangles turned over"),
            (self.based, "open sheets given walls and a level base"),
            (self.sheets, "loose sheets that enclose nothing dropped"),
            (self.crossings, "crossings dissolved"),
        ];
        let mut said: Vec<String> =
            list.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if self.holes > 0 {
            said.push(format!(
                "{} holes filled, {:.2} mm2 in all, the longest of {} edges",
                self.holes, self.filled_mm2, self.longest_hole
            ));
        }
        if self.rebuilt_mm > 0.0 {
            let mm = self.rebuilt_mm;
            said.push(format!(
                "crossings that could not be dissolved: made anew on a grid of {mm:.2} mm, finer detail is lost"
            ));
        }
        if self.debris > 0 {
            said.push(format!("{} bits of debris dropped, {:.3} mm3 in all", self.debris, self.debris_mm3));
        }
        said
    }
}

/// Repairs a mesh. The result's `origin` are places in the input's millimetres, its `photo` is false for what was added.
pub fn repair(ctx: &Ctx, mesh: &Mesh, options: &RepairOptions) -> Result<(Solid, Repairs), PrintError> {
    let mut repairs = Repairs { triangles_before: mesh.triangles.len(), ..Repairs::default() };
    let size = checked(mesh)?;
    let reach = size * options.weld_share.clamp(0.0, 0.01);
    let mut sheet = weld::weld(mesh, reach, &mut repairs);
    if sheet.mesh.triangles.is_empty() {
        return Err(PrintError::NoSurface { fault: "all its triangles are without area".into() });
    }
    ctx.check()?;
    repairs.turned = orient::orient(ctx, &mut sheet.mesh, options.base_mm.is_some())?.1;
    let closed = close(sheet, size, options, &mut repairs)?;
    ctx.check()?;
    repairs.crossings = self_intersections_up_to(&closed.mesh, PARTNERS).len();
    ctx.check()?;
    let united = unite(ctx, &[&closed])?;
    if united.mesh.triangles.is_empty() {
        return Err(PrintError::NoSurface { fault: "its surface encloses nothing".into() });
    }
    let united = without_debris(&united, options.debris_mm3, &mut repairs);
    let solid = match settle(ctx, united.clone()) {
        Err(PrintError::Crossing { .. } | PrintError::Engine { .. }) => {
            let (solid, spacing) = rebuilt::rebuilt(ctx, &united)?;
            repairs.rebuilt_mm = spacing;
            solid
        }
        settled => settled?,
    };
    let report = inspect(&solid.mesh);
    if !report.is_solid() {
        return Err(PrintError::NotRepaired {
            fault: format!(
                "{} open edges, {} edges of several sheets, {} crossings, volume {:.3} mm3",
                report.border_edges, report.non_manifold_edges, report.self_intersections, report.volume
            ),
        });
    }
    (repairs.bodies, repairs.triangles_after, repairs.volume_mm3) =
        (report.components, report.triangles, report.volume);
    Ok((solid, repairs))
}

/// The length of the box's diagonal; fails where there is nothing to repair.
pub(crate) fn checked(mesh: &Mesh) -> Result<f64, PrintError> {
    let fault = |fault: String| Err(PrintError::NoSurface { fault });
    if mesh.triangles.is_empty() {
        return fault("it has no triangles".into());
    }
    for (t, c) in mesh.triangles.iter().enumerate() {
        for &v in c {
            let Some(p) = mesh.vertices.get(v as usize) else {
                return fault(format!("triangle {t} has vertex {v} of {}", mesh.vertices.len()));
            };
            // The grid of files ends there; larger numbers are no part.
            if !p.iter().all(|x| x.is_finite() && x.abs() < 1e9) {
                return fault(format!("triangle {t} has a corner at {} {} {}", p.x, p.y, p.z));
            }
        }
    }
    let corners = mesh.triangles.iter().flatten().map(|&v| mesh.vertices[v as usize]);
    let far = Vector3::repeat(f64::INFINITY);
    let (low, high) = corners.fold((far, -far), |(lo, hi), p| (lo.inf(&p), hi.sup(&p)));
    let size = (high - low).norm();
    if size > 0.0 { Ok(size) } else { fault("all its corners lie in one point".into()) }
}

/// Fills loops piece by piece, and settles what to do with sheets.
fn close(sheet: Sheet, size: f64, options: &RepairOptions, repairs: &mut Repairs) -> Result<Solid, PrintError> {
    let mut mesh = sheet.mesh;
    let beside = size * 1e-4;
    let rings = holes::loops(&mesh.triangles);
    let piece = pieces_by_vertex(&mesh);
    let areas = sums(&piece, (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm() / 2.0));
    let total: f64 = areas.iter().sum();
    let floor = mesh.triangles.iter().flatten().map(|&v| mesh.vertices[v as usize].z).fold(f64::INFINITY, f64::min);
    let owner = owners(&mesh, &piece);
    let mut by_piece: Vec<Vec<usize>> = vec![Vec::new(); areas.len()];
    for (i, ring) in rings.iter().enumerate() {
        by_piece[owner[ring[0] as usize] as usize].push(i);
    }
    let mut added = Vec::new();
    let (mut dropped, mut dropped_area) = (vec![false; areas.len()], 0.0);
    let mut open: Option<(f64, usize)> = None;
    for (p, own) in by_piece.iter().enumerate().filter(|(_, own)| !own.is_empty()) {
        let filled: Vec<Vec<[u32; 3]>> =
            own.iter().map(|&i| holes::fill(&mut mesh.vertices, &rings[i], beside)).collect();
        let fillings: Vec<f64> = filled.iter().map(|f| holes::area(&mesh.vertices, f)).collect();
        let is_sheet = fillings.iter().sum::<f64>() > SHEET * areas[p];
        let outer = (0..own.len()).max_by(|&a, &b| fillings[a].total_cmp(&fillings[b]));
        for (k, filled) in filled.into_iter().enumerate() {
            let ring = &rings[own[k]];
            if let Some(base) = options.base_mm.filter(|_| is_sheet && Some(k) == outer && areas[p] > LOOSE * total) {
                added.extend(holes::walls_down(&mut mesh, ring, floor - base.max(size * 1e-3), beside));
                repairs.based += 1;
            } else if is_sheet && (options.base_mm.is_none() || areas[p] <= LOOSE * total) {
                dropped[p] = true;
            } else {
                repairs.holes += 1;
                repairs.longest_hole = repairs.longest_hole.max(ring.len());
                repairs.filled_mm2 += fillings[k];
                added.extend(filled);
            }
        }
        if dropped[p] {
            dropped_area += areas[p];
            if open.is_none_or(|(area, _)| areas[p] > area)
                && let Some(outer) = outer
            {
                open = Some((areas[p], own[outer]));
            }
        }
    }
    if let Some((_, ring)) = open.filter(|_| dropped_area > LOOSE * total) {
        return Err(refusal(&mesh, &rings[ring], dropped_area / total));
    }
    repairs.sheets += dropped.iter().filter(|d| **d).count();
    let mut solid = Solid::default();
    for (t, &triangle) in mesh.triangles.iter().enumerate() {
        if dropped[piece[t] as usize] {
            repairs.sheet_triangles += 1;
            continue;
        }
        solid.mesh.triangles.push(triangle);
        solid.photo.push(true);
    }
    solid.photo.extend(added.iter().map(|_| false));
    solid.mesh.triangles.extend(added);
    solid.mesh.vertices = mesh.vertices;
    solid.origin = (0..solid.photo.len()).map(|t| solid.mesh.corners(t)).collect();
    Ok(solid)
}

fn refusal(mesh: &Mesh, ring: &[u32], share: f64) -> PrintError {
    let points = ring.iter().map(|&v| mesh.vertices[v as usize]);
    let far = Vector3::repeat(f64::INFINITY);
    let (low, high) = points.fold((far, -far), |(lo, hi), p| (lo.inf(&p), hi.sup(&p)));
    let (at, across) = ((low + high) / 2.0, high - low);
    PrintError::OpenSheet { edges: ring.len(), at: at.into(), across: across.into(), share }
}

/// For each triangle its piece: what is connected in any way, also in a corner.
fn pieces_by_vertex(mesh: &Mesh) -> Vec<u32> {
    let mut sets = UnionFind::new(mesh.vertices.len());
    for t in &mesh.triangles {
        sets.join(t[0], t[1]);
        sets.join(t[0], t[2]);
    }
    let mut number = vec![u32::MAX; mesh.vertices.len()];
    let mut count = 0;
    mesh.triangles
        .iter()
        .map(|t| {
            let root = sets.find(t[0]) as usize;
            if number[root] == u32::MAX {
                number[root] = count;
                count += 1;
            }
            number[root]
        })
        .collect()
}

/// The piece of each vertex.
fn owners(mesh: &Mesh, piece: &[u32]) -> Vec<u32> {
    let mut owner = vec![0; mesh.vertices.len()];
    for (t, p) in mesh.triangles.iter().zip(piece) {
        t.iter().for_each(|&v| owner[v as usize] = *p);
    }
    owner
}

fn sums(piece: &[u32], values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sums = vec![0.0; piece.iter().map(|&p| p as usize + 1).max().unwrap_or(0)];
    piece.iter().zip(values).for_each(|(&p, v)| sums[p as usize] += v);
    sums
}

/// Without closed surfaces of little volume, bodies and cavities.
fn without_debris(solid: &Solid, least: f64, repairs: &mut Repairs) -> Solid {
    let (labels, _) = pieces(&solid.mesh);
    let origin = solid.mesh.vertices.first().copied().unwrap_or_default();
    let volumes = sums(
        &labels,
        (0..labels.len()).map(|t| {
            let [a, b, c] = solid.mesh.corners(t).map(|p| p - origin);
            a.dot(&b.cross(&c)) / 6.0
        }),
    );
    let largest = volumes.iter().copied().fold(0.0, f64::max);
    let least = least.min(largest * 0.01);
    let debris: Vec<f64> = volumes.iter().copied().filter(|v| v.abs() < least).collect();
    repairs.debris = debris.len();
    repairs.debris_mm3 = debris.iter().map(|v| v.abs()).sum();
    if debris.is_empty() { solid.clone() } else { solid.retain(|t| volumes[labels[t] as usize].abs() >= least) }
}

#[cfg(test)]
mod tests;
