//! A part's surface cut into cells small enough to be painted: each triangle halved at its longest edge until a cell has
//! one colour or is as small as the printer's detail.
//!
//! In: a part, the filaments' colours, the largest edge. Out: [`Cells`]: colour costs and area of each, which cells
//! share how long a border (also across edges that are halved on one side only), and how each triangle was cut.
//! Cost: about 2 s and 300 MB for a million triangles; sorted lists instead of hash tables wherever order matters.

use super::palette::nearest;
use super::skin::{Piece, Skin, WHOLE, distance2};
use crate::base::{Cancelled, Ctx};
use crate::scene::{CUT, Part};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::collections::HashMap;

/// A code for a cell that has no colour yet.
pub const LEAF: u8 = 0;

/// The cells of a surface.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    /// Surface in square millimetres.
    pub area: Vec<f64>,
    /// For each filament, area times squared L*a*b* distance.
    pub cost: Vec<Vec<f64>>,
    /// Pairs of neighbours (lower first) and the length of their border in millimetres, in order.
    pub borders: Vec<(u32, u32, f64)>,
    /// How each triangle is cut, in the codes of a painting with [`LEAF`] for every cell, in the cells' order.
    pub codes: Vec<u8>,
    /// Where each triangle's codes begin, and the end.
    pub start: Vec<u32>,
    pieces: Vec<(u32, Piece)>,
}

impl Cells {
    /// The triangle of each cell, and its place in it.
    pub fn pieces(&self) -> &[(u32, Piece)] {
        &self.pieces
    }
}

/// A cell while the surface is cut.
struct Work<'a> {
    skin: Skin<'a>,
    palette: &'a [[f64; 3]],
    edge: f64,
    points: Vec<Vector3<f64>>,
    middles: HashMap<(u32, u32), u32>,
    cells: Cells,
    corners: Vec<[u32; 3]>,
    labs: Vec<(u32, Piece)>,
}

/// Cuts the surface.
pub fn cut(ctx: &Ctx, part: &Part, palette: &[[f64; 3]], edge: f64) -> Result<Cells, Cancelled> {
    let mesh = &part.mesh;
    let skin = Skin::new(part);
    let varied: Vec<bool> =
        (0..mesh.triangles.len()).into_par_iter().map(|t| !skin.plain(t) && varies(&skin, t, &WHOLE, palette)).collect();
    let mut work = Work {
        skin,
        palette,
        edge,
        points: mesh.vertices.clone(),
        middles: HashMap::new(),
        cells: Cells::default(),
        corners: Vec::new(),
        labs: Vec::new(),
    };
    for (t, &triangle) in mesh.triangles.iter().enumerate() {
        if t % 4096 == 0 {
            ctx.check()?;
        }
        work.cells.start.push(work.cells.codes.len() as u32);
        work.divide(t as u32, triangle, WHOLE, varied[t]);
    }
    work.cells.start.push(work.cells.codes.len() as u32);
    let Work { mut cells, corners, labs, points, middles, .. } = work;
    cells.cost = labs
        .par_iter()
        .zip(&cells.area)
        .map(|((t, piece), area)| {
            let lab = skin.mean_lab(*t as usize, piece);
            palette.iter().map(|p| area * distance2(&lab, p)).collect()
        })
        .collect();
    cells.borders = borders(&corners, &points, &middles);
    cells.pieces = labs;
    Ok(cells)
}

/// Whether samples of a piece are nearest to different colours.
fn varies(skin: &Skin<'_>, t: usize, piece: &Piece, palette: &[[f64; 3]]) -> bool {
    let (mut first, mut differs) = (None, false);
    skin.samples(t, piece, |at| {
        let own = nearest(&skin.lab(t, at), palette);
        differs |= *first.get_or_insert(own) != own;
    });
    differs
}

impl Work<'_> {
    fn divide(&mut self, t: u32, corners: [u32; 3], piece: Piece, varied: bool) {
        let p = corners.map(|c| self.points[c as usize]);
        // The side across from corner s.
        let side = |s: usize| (p[(s + 1) % 3] - p[(s + 2) % 3]).norm();
        let s = (0..3).max_by(|&i, &j| side(i).total_cmp(&side(j)).then(j.cmp(&i))).unwrap_or(0);
        if side(s) <= self.edge || !varied {
            self.cells.codes.push(LEAF);
            self.cells.area.push((p[1] - p[0]).cross(&(p[2] - p[0])).norm() / 2.0);
            self.corners.push(corners);
            self.labs.push((t, piece));
            return;
        }
        let [a, b, c] = [corners[s], corners[(s + 1) % 3], corners[(s + 2) % 3]];
        let [pa, pb, pc] = [piece[s], piece[(s + 1) % 3], piece[(s + 2) % 3]];
        let next = self.points.len() as u32;
        let m = *self.middles.entry((b.min(c), b.max(c))).or_insert(next);
        if m == next {
            self.points.push((self.points[b as usize] + self.points[c as usize]) / 2.0);
        }
        let pm = std::array::from_fn(|k| (pb[k] + pc[k]) / 2.0);
        self.cells.codes.push(CUT + s as u8);
        for (corners, piece) in [([a, b, m], [pa, pb, pm]), ([m, c, a], [pm, pc, pa])] {
            let varied = varies(&self.skin, t as usize, &piece, self.palette);
            self.divide(t, corners, piece, varied);
        }
    }
}

/// Which cells share how much border.
fn borders(
    corners: &[[u32; 3]],
    points: &[Vector3<f64>],
    middles: &HashMap<(u32, u32), u32>,
) -> Vec<(u32, u32, f64)> {
    let mut edges: Vec<(u32, u32, u32)> = corners
        .par_iter()
        .enumerate()
        .flat_map_iter(|(i, c)| (0..3).map(move |k| (c[k].min(c[(k + 1) % 3]), c[k].max(c[(k + 1) % 3]), i as u32)))
        .collect();
    edges.par_sort_unstable();
    let at = |a: u32, b: u32| {
        let from = edges.partition_point(|e| (e.0, e.1) < (a, b));
        edges[from..].iter().take_while(move |e| (e.0, e.1) == (a, b))
    };
    let mut pairs: Vec<(u32, u32, f64)> = edges
        .par_iter()
        .flat_map_iter(|&(a, b, own)| {
            let mut found = Vec::new();
            let mut add = |a: u32, b: u32, other: u32| {
                found.push((own.min(other), own.max(other), (points[a as usize] - points[b as usize]).norm()));
            };
            for e in at(a, b).filter(|e| e.2 > own) {
                add(a, b, e.2);
            }
            // Where the other side is cut at the middle, its cells lie along the halves.
            let mut open = vec![(a, b)];
            while let Some((a, b)) = open.pop() {
                let Some(&m) = middles.get(&(a, b)) else { continue };
                for half in [(a.min(m), a.max(m)), (b.min(m), b.max(m))] {
                    at(half.0, half.1).filter(|e| e.2 != own).for_each(|e| add(half.0, half.1, e.2));
                    open.push(half);
                }
            }
            found
        })
        .collect();
    pairs.par_sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
    pairs.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2 += next.2;
        }
        same
    });
    pairs
}
