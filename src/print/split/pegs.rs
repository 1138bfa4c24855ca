//! Pegs that hold neighbours together, the holes for them, and the numbers in the undersides.
//!
//! In: the cuts, the heights over them, what joints keep. Out: [`Peg`]s. All pegs of a cut lie along its axis, so that the
//! pieces of a row are pushed together sideways, and then the rows, however the cuts wind. A peg stands where the cut goes
//! aside by less than [`SLOPE`], where the material over the box of peg and hole, and a wall around it, is high enough for a
//! wall above and below, and where no other cut, border or peg comes into that box.

use super::lines::{Line, Net, place, snapped};
use super::relief::Ground;
use super::{Joint, ROOM};
use crate::base::Ctx;
use crate::print::judge::FINEST_RELIEF;
use crate::print::outline::{circle, prism};
use crate::print::solid::{Solid, subtract, unite};
use crate::print::text::{self, Lettering, Strokes};
use crate::print::{PrintError, outline};
use nalgebra::{Vector2, Vector3};

/// How far a cut may go aside at a peg, for each millimetre along it.
const SLOPE: f64 = 0.5;
/// How far apart pegs are at most.
const SPACING: f64 = 60.0;
/// Radii of pegs; the largest for which there is room is taken.
const RADII: [f64; 5] = [2.5, 2.0, 1.5, 1.0, 0.5];
/// Half the length of the longest and the shortest peg.
const LENGTHS: [f64; 2] = [2.0, 4.0];
/// Distance of places that are tried, and of heights that are taken.
const STEP: f64 = 1.0;
/// How deep a piece's number is cut in.
pub const NUMBER_DEPTH: f64 = 0.6;
/// Capitals of numbers.
const NUMBER_MM: [f64; 2] = [4.0, 12.0];

/// A peg across a cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peg {
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
        let mut solid = prism(&circle(self.radius + room, 0.01), -self.length, self.length + room);
        for v in &mut solid.mesh.vertices {
            // The prism's height becomes the axis; the order of axes stays a rotation.
            let turned = if self.axis == 0 { Vector3::new(v.z, v.x, v.y) } else { Vector3::new(v.y, v.z, v.x) };
            *v = turned + self.at;
        }
        solid
    }

    /// The box of peg, hole and a wall around them, from above.
    fn room(&self, wall: f64) -> [Vector2<f64>; 2] {
        let half = place(self.axis, self.length + ROOM + wall, self.radius + ROOM + wall);
        [self.at.xy() - half, self.at.xy() + half]
    }
}

fn overlap(a: &[Vector2<f64>; 2], b: &[Vector2<f64>; 2]) -> bool {
    (0..2).all(|k| a[0][k] < b[1][k] && b[0][k] < a[1][k])
}

/// The lowest top over a box.
fn lowest(ground: &Ground, [low, high]: &[Vector2<f64>; 2]) -> f64 {
    let n = (high - low).map(|d| (d / STEP).ceil().max(1.0));
    let of = |i: usize, j: usize| {
        let share = Vector2::new(i as f64, j as f64).component_div(&n);
        (ground.top)(&(low + (high - low).component_mul(&share))).unwrap_or(f64::NEG_INFINITY)
    };
    let all = (0..=n.x as usize).flat_map(|i| (0..=n.y as usize).map(move |j| of(i, j)));
    all.fold(f64::INFINITY, f64::min)
}

/// The pegs of all cuts, two or more for each pair of neighbours, and how many pairs have none.
pub fn pegs(net: &Net, ground: &Ground, joint: Joint) -> (Vec<Peg>, usize) {
    let (mut pegs, mut without) = (Vec::new(), 0);
    for axis in 0..2 {
        let lines = &net.lines[axis];
        for i in 1..lines.len() - 1 {
            for j in 1..net.lines[1 - axis].len() {
                let corner = |j: usize| if axis == 0 { net.crossings[i][j] } else { net.crossings[j][i] };
                let k = 1 - axis;
                let stretch = [corner(j - 1)[k].max(ground.low[k]), corner(j)[k].min(ground.high[k])];
                let before = pegs.len();
                of_stretch(net, (axis, i), stretch, ground, joint, &mut pegs);
                let line = &lines[i];
                let is_there = |along: f64| (ground.top)(&place(axis, line.at(along), along)).is_some();
                let there = places(stretch).any(is_there);
                without += usize::from(there && pegs.len() == before);
            }
        }
    }
    (pegs, without)
}

/// Places within a stretch.
fn places([from, to]: [f64; 2]) -> impl Iterator<Item = f64> {
    let n = ((to - from) / STEP).ceil().max(2.0);
    (1..n as usize).map(move |i| snapped(from + (to - from) * i as f64 / n))
}

fn of_stretch(
    net: &Net,
    (axis, index): (usize, usize),
    [from, to]: [f64; 2],
    ground: &Ground,
    joint: Joint,
    pegs: &mut Vec<Peg>,
) {
    let line = &net.lines[axis][index];
    let shares = ((to - from) / SPACING).ceil().max(2.0);
    let share = (to - from) / shares;
    for i in 0..shares as usize {
        let own = [from + share * i as f64, from + share * (i as f64 + 1.0)];
        let middle = (own[0] + own[1]) / 2.0;
        let of_radius = |radius: f64| {
            let z = snapped(ground.low.z + joint.wall_mm + radius + ROOM);
            let length = (2.0 * radius).clamp(LENGTHS[0], LENGTHS[1]);
            let peg = |along: f64| {
                let at = place(axis, snapped(line.at(along)), along).push(z);
                Peg { axis, at, radius, length }
            };
            let fits = |peg: &Peg| {
                let room = peg.room(joint.wall_mm);
                let (a, b) = (room[0][1 - axis], room[1][1 - axis]);
                line.slope(a, b) <= SLOPE
                    && alone(net, (axis, index), &room)
                    && !pegs.iter().any(|p: &Peg| overlap(&p.room(joint.wall_mm), &room))
                    && lowest(ground, &room) >= z + radius + ROOM + joint.wall_mm
            };
            let steep = |peg: &Peg| {
                let room = peg.room(0.0);
                line.slope(room[0][1 - axis], room[1][1 - axis])
            };
            let far = |peg: &Peg| (peg.at[1 - axis] - middle).abs();
            // As square to the cut as there is, then as near to the middle.
            let better = |a: &Peg, b: &Peg| steep(a).total_cmp(&steep(b)).then(far(a).total_cmp(&far(b)));
            places(own).map(peg).filter(fits).min_by(better)
        };
        let radii = RADII.into_iter().filter(|r| 2.0 * r >= joint.wall_mm);
        let found = radii.filter_map(of_radius).next();
        pegs.extend(found);
    }
}

/// Whether no other line comes into a box.
fn alone(net: &Net, own: (usize, usize), room: &[Vector2<f64>; 2]) -> bool {
    let meets = |line: &Line| {
        let (k, a) = (line.axis, 1 - line.axis);
        let (low, high) = line.range(room[0][a], room[1][a]);
        low < room[1][k] && high > room[0][k]
    };
    let others = (0..2).flat_map(|axis| net.lines[axis].iter().enumerate().map(move |(i, l)| ((axis, i), l)));
    !others.filter(|(id, _)| *id != own).any(|(_, line)| meets(line))
}

/// A piece with its pegs, holes and number; `ring` is what bounds it, from above.
pub fn joined(
    ctx: &Ctx,
    own: Solid,
    pegs: &[Peg],
    ring: &[Vector2<f64>],
    number: Option<&Solid>,
) -> Result<Solid, PrintError> {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for peg in pegs {
        let side = |by: f64| outline::contains(ring, &(peg.at.xy() + place(peg.axis, by, 0.0)));
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
    for tool in number.into_iter().chain(&removed) {
        solid = subtract(ctx, &solid, tool)?;
    }
    Ok(solid)
}

/// The letters of a piece's number, to be cut into its underside; `None` where there is no room for them.
pub fn number(
    name: &str,
    ring: &[Vector2<f64>],
    ground: &Ground,
    pegs: &[Peg],
    joint: Joint,
) -> Result<Option<Solid>, PrintError> {
    let Some((low, high)) = outline::bounds(ring).filter(|_| joint.base_mm >= joint.wall_mm + NUMBER_DEPTH) else {
        return Ok(None);
    };
    let (low, high) = (low.sup(&ground.low.xy()), high.inf(&ground.high.xy()));
    let largest = ((high - low).min() / 5.0).clamp(NUMBER_MM[0], NUMBER_MM[1]);
    for height in [largest, largest.min(6.0), NUMBER_MM[0]] {
        let lettering = Lettering { height_mm: height, depth_mm: NUMBER_DEPTH + 1.0, mirrored: true };
        let land_mm = joint.wall_mm * FINEST_RELIEF;
        let strokes = Strokes { least_mm: joint.wall_mm.min(1.0), land_mm, apart_mm: land_mm, ..Strokes::default() };
        let mut letters = text::solid_with_strokes(name, &lettering, strokes)?;
        let Some((_, size)) = letters.mesh.bounds() else { return Ok(None) };
        let around = Vector2::repeat(joint.wall_mm);
        let fits = |corner: &Vector2<f64>| {
            let room = [corner - around, corner + size.xy() + around];
            // Corners of the piece within the letters' box, or corners of the box outside of it: both ways.
            let box_in = [(0, 0), (1, 0), (1, 1), (0, 1)]
                .iter()
                .all(|&(i, j)| outline::contains(ring, &Vector2::new(room[i as usize].x, room[j as usize].y)));
            let clear = |p: &Vector2<f64>| (0..2).any(|k| p[k] <= room[0][k] || p[k] >= room[1][k]);
            box_in
                && ring.iter().all(clear)
                && lowest(ground, &room).is_finite()
                && !pegs.iter().any(|p| overlap(&p.room(0.0), &room))
        };
        // Beside the middle, where a drain hole may be.
        let wish = low + (high - low) / 4.0 - size.xy() / 2.0;
        let n = (high - low).map(|d| (d / (2.0 * STEP)).ceil().max(1.0));
        let spread = (0..=n.x as usize).flat_map(|i| (0..=n.y as usize).map(move |j| (i as f64, j as f64)));
        let corners = spread.map(|(i, j)| low + (high - low).component_mul(&Vector2::new(i, j).component_div(&n)));
        let corners = std::iter::once(wish).chain(corners).map(|c| c.map(snapped));
        let best = corners.filter(fits).min_by(|a, b| (a - wish).norm().total_cmp(&(b - wish).norm()));
        if let Some(corner) = best {
            letters.mesh.vertices.iter_mut().for_each(|v| *v += corner.push(ground.low.z - 1.0));
            return Ok(Some(letters));
        }
    }
    Ok(None)
}
