//! Cuts a body that is too large for the printer into pieces that are put together with pegs.
//!
//! In: the closed body, how it is to be split, the build volume. Out: the pieces by column (A, B, ...) and row (1, 2, ...,
//! from the front), each a closed body in the whole's millimetres, with pegs on its right and back sides, holes for its
//! neighbours' pegs, and its number cut into its underside. Cuts are level planes seen from above; each is moved by up to
//! [`SHIFT`] of a piece to where it runs through the lowest ground: along streets, where there are any. Pegs stand where
//! the material is high enough for a peg and a wall above and below it; where it is nowhere, a warning says which base
//! makes room. Fails where even the largest number of pieces does not fit.

use super::outline::{circle, prism};
use super::solid::{Solid, cut, subtract, unite};
use super::text::{self, Lettering};
use super::{PrintError, body};
use crate::base::{Ctx, Diagnostic};
use crate::mesh::bvh::Bvh;
use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// How far a cut may move from where equal pieces have it, as a share of a piece.
const SHIFT: f64 = 0.15;
/// Places that are tried for a cut, and heights that are taken along each.
const TRIES: usize = 61;
const PROBES: usize = 200;
/// Most pieces along one side.
const MOST: usize = 26;
/// Room between a peg and its hole, on each side and at the end.
const ROOM: f64 = 0.15;
/// How far apart pegs are at most, and how far from the ends of a cut.
const PEG_SPACING: f64 = 60.0;
/// How deep a piece's number is cut in.
const NUMBER_DEPTH: f64 = 0.6;

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

/// A piece of the whole.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Column letter and row number; empty where there is one piece.
    pub name: String,
    /// It, in the whole's millimetres.
    pub solid: Solid,
}

/// What pieces are joined with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Joint {
    /// Thinnest wall, which pegs and what is around their holes keep.
    pub wall_mm: f64,
    /// Height of the material everywhere.
    pub base_mm: f64,
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
            // Cuts move, so that pieces become larger than equal ones; pegs stand out.
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
pub fn split(ctx: &Ctx, whole: Solid, (columns, rows): (usize, usize), joint: Joint) -> Result<Vec<Piece>, PrintError> {
    if (columns, rows) == (1, 1) {
        return Ok(vec![Piece { name: String::new(), solid: whole }]);
    }
    let Some((low, high)) = whole.mesh.bounds() else { return Ok(Vec::new()) };
    let bvh = Bvh::new(&whole.mesh);
    let heights = Heights { bvh: &bvh, low, high };
    let cuts = [heights.cuts(0, columns), heights.cuts(1, rows)];
    let edges = [0, 1].map(|k| {
        let mut all = vec![low[k] - 5.0];
        all.extend(&cuts[k]);
        all.push(high[k] + 5.0);
        all
    });
    let pegs: Vec<Peg> = (0..2)
        .flat_map(|k| cuts[k].iter().flat_map(move |&at| [(k, at)]))
        .flat_map(|(k, at)| heights.pegs(k, at, &edges[1 - k], joint))
        .collect();
    if pegs.is_empty() {
        let needed = 3.0 * joint.wall_mm + 2.0 * ROOM;
        let text =
            format!("the pieces have no pegs: a base of {needed:.1} mm makes room for pegs of {} mm", joint.wall_mm);
        ctx.report(Diagnostic::warning("part-no-pegs", "", text, "choose a thicker base, or glue the pieces"));
    }
    let mut pieces = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            ctx.tick((row * columns + column) as u64, (rows * columns) as u64)?;
            let name = format!("{}{}", (b'A' + column as u8) as char, row + 1);
            let x = [edges[0][column], edges[0][column + 1]];
            let y = [edges[1][row], edges[1][row + 1]];
            let ring = [
                Vector2::new(x[0], y[0]),
                Vector2::new(x[1], y[0]),
                Vector2::new(x[1], y[1]),
                Vector2::new(x[0], y[1]),
            ];
            let own = match cut(ctx, &whole, &prism(&ring, -5.0, high.z + 5.0)) {
                Ok(own) if !own.photo.is_empty() => body::standing_piece(ctx, &own),
                // A round outline has no corners.
                Ok(_) => continue,
                Err(e) => return Err(e),
            };
            let inside = |p: &Vector2<f64>| p.x > x[0] && p.x < x[1] && p.y > y[0] && p.y < y[1];
            pieces.push(Piece { solid: joined(ctx, own, &pegs, inside, &name, joint)?, name });
        }
    }
    Ok(pieces)
}

/// A piece with its pegs, holes and number.
fn joined(
    ctx: &Ctx,
    own: Solid,
    pegs: &[Peg],
    inside: impl Fn(&Vector2<f64>) -> bool,
    name: &str,
    joint: Joint,
) -> Result<Solid, PrintError> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for peg in pegs {
        let side = |by: f64| {
            let mut p = peg.at;
            p[peg.axis] += by;
            inside(&p.xy())
        };
        if side(-1.0) {
            added.push(peg.body(0.0));
        } else if side(1.0) {
            removed.push(peg.body(ROOM));
        }
    }
    let mut solid = own;
    if !added.is_empty() {
        let mut all = vec![&solid];
        all.extend(&added);
        solid = unite(ctx, &all)?;
    }
    if let Some(number) = number(&solid, name, joint)? {
        removed.push(number);
    }
    for tool in &removed {
        solid = subtract(ctx, &solid, tool)?;
    }
    Ok(solid)
}

/// The letters of a piece's number, to be cut into its underside; `None` where the base is too thin for it.
fn number(solid: &Solid, name: &str, joint: Joint) -> Result<Option<Solid>, PrintError> {
    if joint.base_mm < joint.wall_mm + NUMBER_DEPTH {
        return Ok(None);
    }
    let Some((low, high)) = solid.mesh.bounds() else { return Ok(None) };
    let height = ((high.xy() - low.xy()).min() / 5.0).clamp(4.0, 12.0);
    let lettering = Lettering { height_mm: height, depth_mm: NUMBER_DEPTH + 1.0, mirrored: true };
    let mut letters = text::solid_with_stroke(name, &lettering, joint.wall_mm.min(1.0))?;
    let Some((_, size)) = letters.mesh.bounds() else { return Ok(None) };
    // A grid of a power of two, as the letters' own.
    // Beside the middle, where a drain hole may be.
    let corner = (low + (high - low) / 4.0 - size / 2.0).map(|x| (x * 64.0).round() / 64.0);
    letters.mesh.vertices.iter_mut().for_each(|v| *v += Vector3::new(corner.x, corner.y, -1.0));
    Ok(Some(letters))
}

/// A peg across a cut.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Peg {
    /// Axis that it lies along.
    axis: usize,
    /// Its middle, on the cut.
    at: Vector3<f64>,
    radius: f64,
    length: f64,
}

impl Peg {
    /// The peg, or with room around it the hole for it.
    fn body(&self, room: f64) -> Solid {
        let (from, to) = if room > 0.0 { (-1.0, self.length + room) } else { (-self.length, self.length) };
        let mut solid = prism(&circle(self.radius + room, 0.01), from, to);
        for v in &mut solid.mesh.vertices {
            // The prism's height becomes the axis; the order of axes stays a rotation.
            let turned = if self.axis == 0 { Vector3::new(v.z, v.x, v.y) } else { Vector3::new(v.y, v.z, v.x) };
            *v = turned + self.at;
        }
        solid
    }
}

/// Heights of a body over its bottom.
struct Heights<'a> {
    bvh: &'a Bvh,
    low: Vector3<f64>,
    high: Vector3<f64>,
}

impl Heights<'_> {
    /// The top of the material over a place; `None` beside the body.
    fn top(&self, p: &Vector2<f64>) -> Option<f64> {
        let from = Vector3::new(p.x, p.y, self.high.z + 1.0);
        self.bvh.cast(&from, &-Vector3::z(), 0.0, f64::INFINITY).map(|hit| hit.point.z)
    }

    fn place(&self, axis: usize, at: f64, along: f64) -> Vector2<f64> {
        if axis == 0 { Vector2::new(at, along) } else { Vector2::new(along, at) }
    }

    /// Where the cuts across an axis are.
    fn cuts(&self, axis: usize, pieces: usize) -> Vec<f64> {
        let piece = (self.high[axis] - self.low[axis]) / pieces as f64;
        let cost = |at: f64| {
            // The mean height, and as much for what stands out of it: a cut through one tower costs as one through ten sheds.
            let other = 1 - axis;
            let step = (self.high[other] - self.low[other]) / PROBES as f64;
            let tops = (0..PROBES).filter_map(|i| {
                self.top(&self.place(axis, at, self.low[other] + step * (i as f64 + 0.5))).map(|z| z - self.low.z)
            });
            let (sum, squares, n) = tops.fold((0.0, 0.0, 0.0), |(s, q, n), h| (s + h, q + h * h, n + 1.0));
            if n == 0.0 { 0.0 } else { sum / n + (squares / n).sqrt() }
        };
        (1..pieces)
            .map(|i| {
                let even = self.low[axis] + piece * i as f64;
                let tries = (0..TRIES).map(|k| even + piece * SHIFT * (2.0 * k as f64 / (TRIES - 1) as f64 - 1.0));
                let least = tries.map(|at| (cost(at), (at - even).abs(), at));
                let best = least.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))).map_or(even, |b| b.2);
                (best * 64.0).round() / 64.0
            })
            .collect()
    }

    /// The pegs across a cut, two or more for each pair of neighbours.
    fn pegs(&self, axis: usize, at: f64, others: &[f64], joint: Joint) -> Vec<Peg> {
        let mut pegs = Vec::new();
        let bottom = self.low.z;
        for pair in others.windows(2) {
            let other = 1 - axis;
            let (from, to) = (pair[0].max(self.low[other]), pair[1].min(self.high[other]));
            let n = (((to - from) / PEG_SPACING).ceil() as usize).max(2);
            for i in 0..n {
                // The best place in its share of the cut: where the material on both sides is highest.
                let share = (to - from) / n as f64;
                let best = (1..16)
                    .map(|k| from + share * (i as f64 + f64::from(k) / 16.0))
                    .map(|along| {
                        let around = (0..25).map(|i| [(f64::from(i / 5) - 2.0) * 2.0, (f64::from(i % 5) - 2.0) * 2.0]);
                        let around =
                            around.map(|[d, e]| self.top(&self.place(axis, at + d, along + e)).unwrap_or(bottom));
                        (around.fold(f64::INFINITY, f64::min) - bottom, along)
                    })
                    .max_by(|a, b| a.0.total_cmp(&b.0));
                let Some((height, along)) = best else { continue };
                // A wall below, one above, and between them what is left, for the hole.
                let radius = ((height - 2.0 * joint.wall_mm) / 2.0 - ROOM).min(2.5);
                if radius * 2.0 < joint.wall_mm {
                    continue;
                }
                let p = self.place(axis, at, (along * 64.0).round() / 64.0);
                let z = ((bottom + joint.wall_mm + radius + ROOM) * 64.0).round() / 64.0;
                pegs.push(Peg { axis, at: p.push(z), radius, length: (2.0 * radius).clamp(2.0, 4.0) });
            }
        }
        pegs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;
    use crate::print::settle;

    fn rectangle(x: [f64; 2], y: [f64; 2]) -> Vec<Vector2<f64>> {
        vec![Vector2::new(x[0], y[0]), Vector2::new(x[1], y[0]), Vector2::new(x[1], y[1]), Vector2::new(x[0], y[1])]
    }

    /// A base of 8 mm with two blocks and a street between them that is not in the middle.
    fn town(ctx: &Ctx) -> Solid {
        let bodies = [
            prism(&rectangle([0.0, 100.0], [0.0, 60.0]), 0.0, 8.0),
            prism(&rectangle([3.0, 53.0], [3.0, 57.0]), 5.0, 20.0),
            prism(&rectangle([57.0, 97.0], [3.0, 57.0]), 5.0, 25.0),
        ];
        unite(ctx, &bodies.iter().collect::<Vec<_>>()).expect("a town")
    }

    #[test]
    fn pieces_are_closed_fit_each_other_and_carry_numbers() {
        let ctx = Ctx::silent();
        let whole = town(&ctx);
        let volume = whole.mesh.volume();
        let joint = Joint { wall_mm: 1.5, base_mm: 8.0 };
        let pieces = split(&ctx, whole, (2, 1), joint).expect("pieces");
        assert_eq!(pieces.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["A1", "B1"]);
        let mut sum = 0.0;
        for piece in &pieces {
            let report = inspect(&settle(&ctx, piece.solid.clone()).expect("settles").mesh);
            assert!(report.is_solid() && report.components == 1 && report.self_intersections == 0, "{report:?}");
            sum += report.volume;
        }
        // The cut runs through the street, not through the middle of a block; pegs stand out of A and fit into B.
        let bounds = |i: usize| pieces[i].solid.mesh.bounds().expect("a piece");
        let face = bounds(1).0.x;
        assert!((53.0..=57.0).contains(&face), "{face}");
        assert!(bounds(0).1.x > face + 2.0);
        let both = crate::print::solid::intersect(&ctx, &pieces[0].solid, &pieces[1].solid).expect("nothing in common");
        assert!(both.mesh.volume() < 1e-6, "{}", both.mesh.volume());
        assert!((sum - volume).abs() < 0.01 * volume && sum < volume, "{sum} {volume}");
    }

    #[test]
    fn as_few_pieces_as_fit() {
        let size = Vector3::new(300.0, 180.0, 40.0);
        assert_eq!(grid(Split::Auto, size, Some([320.0, 200.0, 200.0])).expect("one"), (1, 1));
        assert_eq!(grid(Split::Auto, size, Some([210.0, 200.0, 200.0])).expect("two"), (2, 1));
        let (c, r) = grid(Split::Auto, size, Some([120.0, 100.0, 60.0])).expect("several");
        assert!(300.0 / (c as f64) < 100.0 && 180.0 / (r as f64) < 120.0, "{c} {r}");
        assert!(matches!(grid(Split::Auto, size, Some([30.0, 30.0, 30.0])), Err(PrintError::TooLarge { .. })));
        assert!(grid(Split::Grid(0, 2), size, None).is_err() && grid(Split::Grid(3, 2), size, None).is_ok());
    }
}
