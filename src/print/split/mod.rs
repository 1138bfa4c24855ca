//! Cuts a body that is too large for the printer into pieces that are put together with pegs.
//!
//! In: the closed body, how it is to be split, the build volume. Out: the pieces by column (A, B, ...) and row (1, 2, ...,
//! from the front), each a closed body in the whole's millimetres, with pegs on its right and back sides, holes for its
//! neighbours' pegs, and its number cut into its underside. Cuts stand upright. Seen from above each keeps within
//! [`SHIFT`] of a piece from where equal pieces have it, and there it follows the streets ([`path`]), or is straight and
//! lies where that cuts least. What a cut leaves too thin to print is shaved ([`trim`]). Neighbours have the same corners between them, so that nothing is lost or twice. Where there
//! is no room for pegs ([`pegs`]), a warning says which base makes room. Fails where even the largest number of pieces does
//! not fit.

mod lines;
mod path;
mod pegs;
mod relief;
mod trim;

pub use relief::Ground;

use super::outline::prism;
use super::solid::{Solid, cut};
use super::{PrintError, body};
use crate::base::{Ctx, Diagnostic};
use crate::mesh::bvh::Bvh;
use lines::{Line, Net, snapped};
use nalgebra::{Vector2, Vector3};
use relief::Strip;
use serde::{Deserialize, Serialize};

/// How far a cut may come from where equal pieces have it, as a share of a piece.
const SHIFT: f64 = 0.15;
/// Most pieces along one side.
const MOST: usize = 26;
/// Room between a peg and its hole, on each side and at the end.
const ROOM: f64 = 0.15;
/// How far the prisms that cut go beyond the body.
const BEYOND: f64 = 5.0;

/// How a body is split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Not at all.
    #[default]
    None,
    /// Into as few pieces as fit into the build volume.
    Auto,
    /// Into columns and rows.
    Grid(usize, usize),
}

/// Which cuts are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cuts {
    /// Pieces from left to right.
    pub columns: usize,
    /// Pieces from front to back.
    pub rows: usize,
    /// Whether cuts are straight instead of along streets.
    pub straight: bool,
}

/// A piece of the whole.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Column letter and row number; empty where there is one piece.
    pub name: String,
    /// It, in the whole's millimetres.
    pub solid: Solid,
    /// What its cuts enclose, counter-clockwise; empty where there is one piece.
    pub ring: Vec<Vector2<f64>>,
}

/// What pieces are joined with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint {
    /// Thinnest wall, which pegs and what is around their holes keep.
    pub wall_mm: f64,
    /// Height of the material everywhere.
    pub base_mm: f64,
    /// Whether what a cut leaves thinner than the wall beside it is shaved.
    pub shave: bool,
}

/// Columns and rows for a body of this size.
pub fn grid(split: Split, size: Vector3<f64>, build_mm: Option<[f64; 3]>) -> Result<(usize, usize), PrintError> {
    let too_large = |build: [f64; 3]| PrintError::TooLarge { size_mm: size.into(), build_mm: build };
    match split {
        Split::None => Ok((1, 1)),
        Split::Grid(columns, rows) if (1..=MOST).contains(&columns) && (1..=MOST).contains(&rows) => {
            Ok((columns, rows))
        }
        Split::Grid(columns, rows) => {
            let value = if (1..=MOST).contains(&columns) { rows } else { columns } as f64;
            Err(PrintError::Absurd { what: "the number of pieces along a side", value, limit: "1 to 26" })
        }
        Split::Auto => {
            let Some(mut build) = build_mm else { return Ok((1, 1)) };
            build.sort_by(f64::total_cmp);
            let fits = |sides: [f64; 3]| {
                let mut sides = sides;
                sides.sort_by(f64::total_cmp);
                sides.iter().zip(build).all(|(s, b)| *s <= b)
            };
            // Cuts leave the even places, so that pieces become larger than equal ones; pegs stand out.
            let side =
                |length: f64, n: usize| if n == 1 { length } else { length / n as f64 * (1.0 + 2.0 * SHIFT) + 8.0 };
            let mut all: Vec<(usize, usize)> = (1..=MOST).flat_map(|c| (1..=MOST).map(move |r| (c, r))).collect();
            all.sort_by_key(|(c, r)| (c * r, c.abs_diff(*r)));
            all.into_iter()
                .find(|&(c, r)| fits([side(size.x, c), side(size.y, r), size.z]))
                .ok_or_else(|| too_large(build))
        }
    }
}

/// The pieces.
pub fn split(ctx: &Ctx, whole: Solid, cuts: Cuts, joint: Joint) -> Result<Vec<Piece>, PrintError> {
    if (cuts.columns, cuts.rows) == (1, 1) {
        return Ok(vec![Piece { name: String::new(), solid: whole, ring: Vec::new() }]);
    }
    let Some((low, high)) = whole.mesh.bounds() else { return Ok(Vec::new()) };
    let bvh = Bvh::new(&whole.mesh);
    let top = |p: &Vector2<f64>| {
        let from = Vector3::new(p.x, p.y, high.z + 1.0);
        bvh.cast(&from, &-Vector3::z(), 0.0, f64::INFINITY).map(|hit| hit.point.z)
    };
    let ground = Ground { top: &top, low, high };
    let net = net(&ground, cuts, joint.wall_mm);
    let (pegs, without) = pegs::pegs(&net, &ground, joint);
    if without > 0 {
        let needed = 3.0 * joint.wall_mm + 2.0 * ROOM;
        let who = if pegs.is_empty() { "the pieces".into() } else { format!("{without} pairs of neighbours") };
        let text = format!("{who} have no pegs: a base of {needed:.1} mm makes room for pegs of {} mm", joint.wall_mm);
        ctx.report(Diagnostic::warning("part-no-pegs", "", text, "choose a thicker base, or glue the pieces"));
    }
    let (mut pieces, mut nameless) = (Vec::new(), Vec::new());
    for (row, column) in (0..cuts.rows).flat_map(|r| (0..cuts.columns).map(move |c| (r, c))) {
        ctx.tick((row * cuts.columns + column) as u64, (cuts.columns * cuts.rows) as u64)?;
        let ring = net.ring(column, row);
        let own = cut(ctx, &whole, &prism(&ring, low.z - BEYOND, high.z + BEYOND))?;
        // A round outline has no corners.
        if own.photo.is_empty() {
            continue;
        }
        let mut own = body::standing_piece(ctx, &own);
        if joint.shave {
            own = trim::trimmed(ctx, own, &ring, (joint.wall_mm, joint.base_mm * 0.75))?;
        }
        let name = format!("{}{}", (b'A' + column as u8) as char, row + 1);
        let number = pegs::number(&name, &ring, &ground, &pegs, joint)?;
        if number.is_none() {
            nameless.push(name.clone());
        }
        let solid = pegs::joined(ctx, own, &pegs, &ring, number.as_ref())?;
        pieces.push(Piece { name, solid, ring });
    }
    if !nameless.is_empty() {
        let needed = joint.wall_mm + pegs::NUMBER_DEPTH;
        let names = nameless.join(", ");
        let text = format!("no room for a number under {names}: it takes a base of {needed:.1} mm and a flat place");
        ctx.report(Diagnostic::info("part-no-number", "", text));
    }
    Ok(pieces)
}

/// The cuts of a body as they are seen from above, each from beyond its box to beyond it.
pub fn preview(ground: &Ground, cuts: Cuts, wall_mm: f64) -> Vec<Vec<Vector2<f64>>> {
    let net = net(ground, cuts, wall_mm);
    let inner = |lines: &[Line]| lines[1..lines.len() - 1].iter().map(|l| l.points.clone()).collect::<Vec<_>>();
    net.lines.iter().flat_map(|lines| inner(lines)).collect()
}

/// All cuts, those across x first: those across y keep off their slanting pieces.
fn net(ground: &Ground, cuts: Cuts, wall_mm: f64) -> Net {
    let mut lines: [Vec<Line>; 2] = [Vec::new(), Vec::new()];
    for (axis, pieces) in [cuts.columns, cuts.rows].into_iter().enumerate() {
        let ends = |k: usize| [ground.low[k] - BEYOND, ground.high[k] + BEYOND];
        let [from, to] = ends(1 - axis);
        let piece = (ground.high[axis] - ground.low[axis]) / pieces as f64;
        let of = |i: usize| {
            let even = snapped(ground.low[axis] + piece * i as f64);
            let strip = Strip::new(ground, axis, even, piece * SHIFT, wall_mm);
            if cuts.straight {
                path::straight(&strip, from, to)
            } else {
                path::curved(&strip, &lines[0], wall_mm, from, to)
            }
        };
        let inner: Vec<Line> = (1..pieces).map(of).collect();
        let [first, last] = ends(axis).map(|at| Line::straight(axis, at, from, to));
        lines[axis] = std::iter::once(first).chain(inner).chain([last]).collect();
    }
    Net::new(lines)
}

#[cfg(test)]
mod tests;
