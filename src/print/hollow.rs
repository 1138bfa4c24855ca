//! Hollow parts: less material, the same outside.
//!
//! In: a closed body, the thickness of its shell, the width of its drain holes. Out: a closed tool to subtract from it:
//! the places deeper inside than the shell, parted by ribs where they are wide, with holes through the bottom so that
//! powder or resin leaves. Depth is the distance from the surface to nodes of a grid of a third of the shell; the void's
//! surface keeps the shell at least as thick as asked for. Voids too small for a drain hole stay full. Memory: 4 bytes a
//! node and one bit; about 60 MB for a part of 150 x 150 x 40 mm and a shell of 2.5 mm.
//!
//! Source: the offset surface of a solid by its distance field, as in M. W. Jones, J. A. Bærentzen, M. Sramek, "3D distance
//! fields: a survey of techniques and applications", TVCG 12(4), 2006.

use super::PrintError;
use super::level_set::{LevelSet, Node, place};
use super::outline;
use super::solid::{Solid, subtract, unite};
use crate::base::{Ctx, Diagnostic};
use crate::mesh::bvh::Bvh;
use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nodes for each thickness of the shell.
const NODES: f64 = 3.0;
/// Widest span of the void without a rib, in millimetres.
const SPAN: f64 = 45.0;
/// Most nodes of the grid.
const MOST_NODES: f64 = 4e8;

/// How a part is made hollow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hollow {
    /// Thickness of the shell, of the bottom and of ribs.
    pub wall_mm: f64,
    /// Width of drain holes.
    pub drain_mm: f64,
}

/// What hollowing did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hollowed {
    /// Volume taken out in cubic millimetres.
    pub removed_mm3: f64,
    /// Separate voids.
    pub voids: usize,
    /// Drain holes.
    pub holes: usize,
    /// Ribs.
    pub ribs: usize,
}

/// The hollow body; the body itself where nothing of it is thick enough.
pub fn hollow(ctx: &Ctx, body: Solid, how: Hollow) -> Result<(Solid, Hollowed), PrintError> {
    for (what, value) in [("the thickness of the shell", how.wall_mm), ("the width of drain holes", how.drain_mm)] {
        if !(value > 0.0 && value.is_finite()) {
            return Err(PrintError::Absurd { what, value, limit: "positive and finite" });
        }
    }
    let Some(field) = Field::new(ctx, &body.mesh, how)? else { return Ok((body, Hollowed::default())) };
    let voids = field.voids();
    if voids.is_empty() {
        ctx.report(Diagnostic::warning(
            "part-not-hollow",
            "",
            format!(
                "no place of the part is deep enough inside for a shell of {} mm and a drain of {} mm",
                how.wall_mm, how.drain_mm
            ),
            "make the shell thinner, the part larger, or leave it full",
        ));
        return Ok((body, Hollowed::default()));
    }
    let mut tools = Vec::new();
    let mut done = Hollowed { voids: voids.len(), ribs: field.ribs.iter().map(Vec::len).sum(), ..Hollowed::default() };
    for void in &voids {
        tools.push(field.solid(void));
        let holes = field.drains(void);
        done.holes += holes.len();
        tools.extend(holes);
    }
    let tool = unite(ctx, &tools.iter().collect::<Vec<_>>())?;
    let hollowed = subtract(ctx, &body, &tool)?;
    done.removed_mm3 = body.mesh.volume() - hollowed.mesh.volume();
    Ok((hollowed, done))
}

/// Depths on a grid: below zero where material may go.
struct Field {
    how: Hollow,
    spacing: f64,
    size: [i32; 3],
    values: Vec<f32>,
    ribs: [Vec<f64>; 2],
}

impl Field {
    fn new(ctx: &Ctx, mesh: &Mesh, how: Hollow) -> Result<Option<Self>, PrintError> {
        let Some((low, high)) = mesh.bounds() else { return Ok(None) };
        let extent = high - low;
        let spacing = (how.wall_mm / NODES).max((extent.x * extent.y * extent.z / MOST_NODES).cbrt());
        let size = [0, 1, 2].map(|k| (high[k] / spacing).ceil() as i32 + 1);
        let ribs = [0, 1].map(|k| ribs(low[k], high[k]));
        let bvh = Bvh::new(mesh);
        let layer = |z: i32| -> Vec<f32> {
            let row = |y: i32| (0..size[0]).map(move |x| [x, y, z]);
            (0..size[1]).flat_map(row).map(|node| value(&bvh, node, spacing, how, &ribs)).collect()
        };
        let mut values = Vec::with_capacity(size.iter().map(|&n| n as usize).product());
        let layers: Vec<i32> = (0..size[2]).collect();
        for chunk in layers.chunks(8) {
            ctx.tick(chunk[0] as u64, layers.len() as u64)?;
            values.par_extend(chunk.par_iter().flat_map_iter(|&z| layer(z)));
        }
        Ok(Some(Self { how, spacing, size, values, ribs }))
    }

    fn index(&self, [x, y, z]: Node) -> Option<usize> {
        let [w, d, h] = self.size;
        ((0..w).contains(&x) && (0..d).contains(&y) && (0..h).contains(&z)).then(|| ((z * d + y) * w + x) as usize)
    }

    fn node(&self, i: usize) -> Node {
        let (i, [w, d, _]) = (i as i32, self.size);
        [i % w, i / w % d, i / (w * d)]
    }

    /// The connected voids that are large enough for a drain hole, as sorted indices of nodes.
    fn voids(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.values.len()];
        let mut found = Vec::new();
        let least = (2.0 * self.how.drain_mm).powi(3) / self.spacing.powi(3);
        for start in 0..self.values.len() {
            if seen[start] || self.values[start] >= 0.0 {
                continue;
            }
            seen[start] = true;
            let mut own = vec![start];
            let mut at = 0;
            while let Some(&i) = own.get(at) {
                at += 1;
                let node = self.node(i);
                for (axis, step) in [(0, -1), (0, 1), (1, -1), (1, 1), (2, -1), (2, 1)] {
                    let mut next = node;
                    next[axis] += step;
                    if let Some(j) = self.index(next).filter(|&j| !seen[j] && self.values[j] < 0.0) {
                        seen[j] = true;
                        own.push(j);
                    }
                }
            }
            if own.len() as f64 >= least
                && self.lowest_layer(&own).1.len() as f64 * self.spacing.powi(2) >= self.how.drain_mm.powi(2)
            {
                own.sort_unstable();
                found.push(own);
            }
        }
        found
    }

    /// The lowest layer of a void that is at least as large as a tenth of its largest, and its nodes.
    fn lowest_layer(&self, void: &[usize]) -> (i32, Vec<Node>) {
        let mut layers: BTreeMap<i32, Vec<Node>> = BTreeMap::new();
        for &i in void {
            let node = self.node(i);
            layers.entry(node[2]).or_default().push(node);
        }
        let largest = layers.values().map(Vec::len).max().unwrap_or(0);
        layers.into_iter().find(|(_, nodes)| nodes.len() * 10 >= largest).unwrap_or_default()
    }

    /// The surface of one void.
    fn solid(&self, void: &[usize]) -> Solid {
        let mut blocks: Vec<Node> = Vec::new();
        for &i in void {
            let node = self.node(i);
            for corner in 0..8 {
                let side = |k: usize| (node[k] + if corner >> k & 1 == 0 { -2 } else { 2 }).div_euclid(8);
                blocks.push([side(0), side(1), side(2)]);
            }
        }
        blocks.sort_unstable();
        blocks.dedup();
        // Other voids are full here.
        let value = |node: Node| match self.index(node) {
            Some(i) if self.values[i] >= 0.0 || void.binary_search(&i).is_ok() => f64::from(self.values[i]),
            _ => self.spacing,
        };
        Solid::plain(LevelSet::of_function(blocks, self.spacing, value).surface())
    }

    /// Holes through the bottom: one near the middle of the void's lowest layer, one far from it.
    fn drains(&self, void: &[usize]) -> Vec<Solid> {
        let (z, layer) = self.lowest_layer(void);
        let flat = |n: &Node| place(*n, self.spacing).xy();
        let room = |n: &Node| {
            // The void around a hole: nodes of the layer within its radius.
            let radius = self.how.drain_mm / 2.0;
            let reach = (radius / self.spacing).ceil() as i32;
            let mut open = 0;
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    let there = self.index([n[0] + dx, n[1] + dy, z]);
                    open += usize::from(there.is_some_and(|i| self.values[i] < 0.0));
                }
            }
            open
        };
        let best = layer.iter().map(room).max().unwrap_or(0);
        let wide: Vec<&Node> = layer.iter().filter(|n| room(n) * 10 >= best * 9).collect();
        let centre = wide.iter().map(|n| flat(n)).sum::<Vector2<f64>>() / wide.len().max(1) as f64;
        let first = wide.iter().min_by(|a, b| (flat(a) - centre).norm().total_cmp(&(flat(b) - centre).norm()));
        let Some(first) = first.map(|n| flat(n)) else { return Vec::new() };
        let mut holes = vec![first];
        let far =
            wide.iter().max_by(|a, b| (flat(a) - first).norm().total_cmp(&(flat(b) - first).norm())).map(|n| flat(n));
        holes.extend(far.filter(|p| (p - first).norm() > 4.0 * self.how.drain_mm));
        let top = f64::from(z) * self.spacing + self.how.wall_mm / 2.0;
        let ring = outline::circle(self.how.drain_mm / 2.0, 0.02);
        let hole = |p: Vector2<f64>| outline::prism(&ring.iter().map(|r| r + p).collect::<Vec<_>>(), -1.0, top);
        holes.into_iter().map(hole).collect()
    }
}

/// Where ribs stand between two ends.
fn ribs(low: f64, high: f64) -> Vec<f64> {
    let spans = ((high - low) / SPAN).ceil().max(1.0);
    (1..spans as usize).map(|i| low + (high - low) * i as f64 / spans).collect()
}

/// Depth of the shell at a node: below zero inside the void.
fn value(bvh: &Bvh, node: Node, spacing: f64, how: Hollow, ribs: &[Vec<f64>; 2]) -> f32 {
    let p = place(node, spacing);
    let reach = how.wall_mm + 2.0 * spacing;
    // A ray beside the grid, so that it meets no edge of a level roof exactly.
    let inside =
        || bvh.cast_all(&(p + Vector3::new(1.7e-4, 2.3e-4, 0.0)), &Vector3::z(), 0.0, f64::INFINITY).len() % 2 == 1;
    let depth = match bvh.closest(&p, reach) {
        // Half a cell more: the net's points lie inside the true surface or beyond it by less than that.
        Some(hit) => how.wall_mm + spacing / 4.0 - (hit.point - p).norm(),
        None if inside() => -2.0 * spacing,
        None => 2.0 * spacing,
    };
    if depth < 0.0 && depth > -2.0 * spacing && !inside() {
        return 2.0 * spacing as f32;
    }
    let mut value = depth;
    for k in 0..2 {
        for rib in &ribs[k] {
            // A passage at the bottom lets what is inside move on, in the middle between two ribs of the other way.
            let other = p[1 - k];
            let passage =
                ribs[1 - k].iter().all(|r| (other - r).abs() > SPAN / 4.0) && p.z < 2.0 * how.wall_mm + how.drain_mm;
            if !passage {
                value = value.max((how.wall_mm + spacing) / 2.0 - (p[k] - rib).abs());
            }
        }
    }
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;
    use crate::print::settle;
    use crate::print::thickness::{ThicknessOptions, measure};

    fn block(size: [f64; 3]) -> Solid {
        let [x, y, z] = size;
        outline::prism(&[Vector2::zeros(), Vector2::new(x, 0.0), Vector2::new(x, y), Vector2::new(0.0, y)], 0.0, z)
    }

    #[test]
    fn a_block_becomes_a_shell_with_ribs_and_drains() {
        let ctx = Ctx::silent();
        let how = Hollow { wall_mm: 3.0, drain_mm: 4.0 };
        let (body, done) = hollow(&ctx, block([70.0, 40.0, 25.0]), how).expect("hollow");
        assert!(done.ribs == 1 && done.holes >= 1 && done.voids == 1, "{done:?}");
        let body = settle(&ctx, body).expect("settles");
        let report = inspect(&body.mesh);
        assert!(report.is_solid() && report.components == 1 && report.self_intersections == 0, "{report:?}");
        assert!(report.euler < 2, "holes lead inside: {report:?}");
        assert!(report.volume < 0.65 * 70.0 * 40.0 * 25.0, "{}", report.volume);
        let options = ThicknessOptions { step: 0.5, most: 8.0, opposite_deg: 120.0, wall: None };
        let map = measure(&ctx, &body.mesh, &options).expect("measured");
        let least = map.samples.iter().map(|s| s.thickness).fold(f64::INFINITY, f64::min);
        assert!(least > 2.85, "{least}");
    }

    #[test]
    fn thin_parts_stay_full() {
        let ctx = Ctx::silent();
        let how = Hollow { wall_mm: 3.0, drain_mm: 4.0 };
        let (body, done) = hollow(&ctx, block([70.0, 40.0, 7.0]), how).expect("full");
        assert_eq!((done, body.photo.len()), (Hollowed::default(), 12));
        assert!(hollow(&ctx, body, Hollow { wall_mm: 0.0, ..how }).is_err());
    }
}
