//! Trays that are being filled, one part after the other, each on the first tray that has a place for it.

use super::cells::{Cells, Stamp};
use super::{Bed, Footprint, Placement, PrintError, SLACK_MM, Towards, Tray, Turns, Way, off_tray};
use crate::base::Ctx;

/// Copies that are placed between two looks at whether to stop.
const LOOK: u32 = 64;

/// A part in all ways in which it can be turned; those that look alike once.
pub(super) struct Shape<'a> {
    pub(super) part: &'a Footprint,
    turns: Vec<Turned<'a>>,
    /// Cells that it covers.
    area: usize,
}

struct Turned<'a> {
    quarters: u8,
    cells: &'a Cells,
    stamp: Stamp,
    /// It with the distance that others keep, and how far that stands out.
    wide: Cells,
    margin: usize,
    /// Last column and row of the tray in which its lower left cell can stand.
    most: (usize, usize),
}

impl<'a> Shape<'a> {
    /// Of a part that fits.
    pub(super) fn new(part: &'a Footprint, bed: &Bed) -> Self {
        let room = bed.spacing_mm / part.cell_mm;
        let most = |build: f64, side: f64| {
            let most = ((build - side + SLACK_MM) / part.cell_mm).floor();
            (most >= 0.0).then_some(most as usize)
        };
        let mut turns: Vec<Turned<'_>> = Vec::new();
        for quarters in 0..4 {
            let cells = &part.turned[usize::from(quarters)];
            let [x, y] = part.sides(quarters);
            let Some(most) = most(bed.build_mm[0], x).zip(most(bed.build_mm[1], y)) else { continue };
            if !turns.iter().any(|t| t.cells == cells && t.most == most) {
                let (wide, margin) = cells.widened(room);
                turns.push(Turned { quarters, cells, stamp: Stamp::of(cells), wide, margin, most });
            }
        }
        Self { part, turns, area: part.turned[0].count() }
    }

    /// The ways to turn it that are asked for.
    fn allowed(&self, turns: Turns) -> Vec<usize> {
        let is_allowed = |t: &Turned<'_>| match turns {
            Turns::Free => true,
            Turns::Along => t.quarters.is_multiple_of(2),
            Turns::Across => !t.quarters.is_multiple_of(2),
        };
        let some: Vec<usize> = (0..self.turns.len()).filter(|&t| is_allowed(&self.turns[t])).collect();
        if some.is_empty() { (0..self.turns.len()).collect() } else { some }
    }
}

/// A copy of a part on a tray: which part, turned in which of its ways, and its lower left cell.
#[derive(Clone, Copy, Debug)]
struct Spot {
    part: usize,
    turn: usize,
    at: (usize, usize),
}

/// A tray that is being filled.
#[derive(Clone, Debug, Default)]
struct Working {
    spots: Vec<Spot>,
    covered: usize,
}

/// Where copies of one part can still stand on one tray.
struct Room {
    /// For each way to turn it, the cells on which its lower left cell cannot stand.
    blocked: Vec<Cells>,
    /// Rows in front of these are full.
    from: Vec<usize>,
    /// The copy that was placed last, as long as it is not taken into account.
    last: Option<Spot>,
}

/// Packs all parts in one way.
pub(super) fn packed(
    ctx: &Ctx,
    shapes: &[Shape<'_>],
    copies: u32,
    way: &Way,
    bed: &Bed,
) -> Result<Vec<Tray>, PrintError> {
    let cell = shapes.first().map_or(1.0, |s| s.part.cell_mm);
    let grid = [0, 1].map(|k| (bed.build_mm[k] / cell - SLACK_MM).ceil().max(1.0) as usize);
    let mut trays: Vec<Working> = Vec::new();
    for &part in &way.order {
        let mut filling = Filling::new(shapes, part, way, grid);
        // Once there is no place on a tray for a part, there is none for its other copies.
        let mut tray = 0;
        for copy in 0..copies {
            if copy % LOOK == 0 {
                ctx.check()?;
            }
            loop {
                if tray == trays.len() {
                    trays.push(Working::default());
                }
                match filling.place(&trays[tray]) {
                    Some(spot) => {
                        trays[tray].spots.push(spot);
                        trays[tray].covered += shapes[part].area;
                        break;
                    }
                    None if trays[tray].spots.is_empty() => return Err(off_tray(shapes[part].part, bed)),
                    None => {
                        filling.leave(&trays[tray]);
                        tray += 1;
                    }
                }
            }
        }
    }
    Ok(finished(shapes, &trays, bed, cell))
}

/// The placing of all copies of one part.
struct Filling<'a> {
    shapes: &'a [Shape<'a>],
    part: usize,
    allowed: Vec<usize>,
    towards: Towards,
    grid: [usize; 2],
    /// The tray as it is now; none before the first look at it.
    room: Option<Room>,
    /// What a placed copy blocks for the next one, by the ways in which they are turned, with the place of the copy in it.
    pairs: Vec<Vec<Option<(Cells, (i64, i64))>>>,
    /// The places on a tray that was filled with copies of this part alone, the same on the next such tray.
    full: Option<Vec<Spot>>,
}

impl<'a> Filling<'a> {
    fn new(shapes: &'a [Shape<'a>], part: usize, way: &Way, grid: [usize; 2]) -> Self {
        let n = shapes[part].turns.len();
        let allowed = shapes[part].allowed(way.turns);
        let pairs = vec![vec![None; n]; n];
        Self { shapes, part, allowed, towards: way.towards, grid, room: None, pairs, full: None }
    }

    /// The place for the next copy; none where there is none on this tray.
    fn place(&mut self, tray: &Working) -> Option<Spot> {
        let shape = &self.shapes[self.part];
        let whole = self.grid[0] * self.grid[1];
        let is_own = tray.spots.first().is_none_or(|s| s.part == self.part);
        if let Some(full) = self.full.as_ref().filter(|_| is_own) {
            return full.get(tray.spots.len()).copied();
        }
        // A part of which the last cells stand out over the tray may take more cells than there are.
        if self.room.is_none() && !tray.spots.is_empty() && tray.covered + shape.area > whole {
            return None;
        }
        if self.room.is_none() {
            self.room = Some(self.look(tray));
        }
        self.add_last();
        let spot = self.best()?;
        if let Some(room) = self.room.as_mut() {
            room.last = Some(spot);
        }
        Some(spot)
    }

    /// Leaves a tray that has no more place.
    fn leave(&mut self, tray: &Working) {
        self.room = None;
        if self.full.is_none() && tray.spots.iter().all(|s| s.part == self.part) {
            self.full = Some(tray.spots.clone());
        }
    }

    /// Where the part can stand beside what is there.
    fn look(&self, tray: &Working) -> Room {
        let mut there = Cells::new(self.grid[0], self.grid[1]);
        for s in &tray.spots {
            let Turned { wide, margin, .. } = &self.shapes[s.part].turns[s.turn];
            let at = |x: usize| x as i64 - *margin as i64;
            there.add(wide, (at(s.at.0), at(s.at.1)));
        }
        let turns = &self.shapes[self.part].turns;
        let looked = |t: usize| !tray.spots.is_empty() && self.allowed.contains(&t);
        let blocked = (0..turns.len())
            .map(|t| if looked(t) { there.blocked(&turns[t].stamp) } else { Cells::new(self.grid[0], self.grid[1]) })
            .collect();
        Room { blocked, from: vec![0; turns.len()], last: None }
    }

    /// The best place.
    fn best(&mut self) -> Option<Spot> {
        let room = self.room.as_mut()?;
        let mut best: Option<((usize, usize), Spot)> = None;
        for &turn in &self.allowed {
            let Turned { cells, most, .. } = &self.shapes[self.part].turns[turn];
            let blocked = &room.blocked[turn];
            let mut free = (room.from[turn]..=most.1).filter_map(|y| Some((blocked.first_free(y, most.0)?, y)));
            let found = match self.towards {
                Towards::Front => free.next(),
                Towards::Left => free.min(),
            };
            // What was full stays full.
            let Some(at) = found else {
                room.from[turn] = most.1 + 1;
                continue;
            };
            let key = match self.towards {
                Towards::Front => {
                    room.from[turn] = at.1;
                    (at.1 + cells.height, at.0)
                }
                Towards::Left => (at.0 + cells.width, at.1),
            };
            if best.as_ref().is_none_or(|b| key < b.0) {
                best = Some((key, Spot { part: self.part, turn, at }));
            }
        }
        best.map(|b| b.1)
    }

    /// Takes the copy that was placed last into account.
    fn add_last(&mut self) {
        let Some(room) = self.room.as_mut() else { return };
        let Some(spot) = room.last.take() else { return };
        let turns = &self.shapes[self.part].turns;
        let Turned { wide, margin, .. } = &turns[spot.turn];
        for &turn in &self.allowed {
            let (pair, from) = self.pairs[turn][spot.turn].get_or_insert_with(|| {
                let Turned { cells, stamp, .. } = &turns[turn];
                let (x, y) = (cells.width, cells.height);
                let mut around = Cells::new(x + wide.width, y + wide.height);
                around.add(wide, (x as i64, y as i64));
                (around.blocked(stamp), ((x + margin) as i64, (y + margin) as i64))
            });
            room.blocked[turn].add(pair, (spot.at.0 as i64 - from.0, spot.at.1 as i64 - from.1));
        }
    }
}

/// The trays in millimetres, what stands on each in its middle.
fn finished(shapes: &[Shape<'_>], trays: &[Working], bed: &Bed, cell: f64) -> Vec<Tray> {
    let mut copies = vec![0; shapes.len()];
    let [width, depth, _] = bed.build_mm;
    let of = |tray: &Working| {
        let mut high = [0.0f64; 2];
        let mut height_mm = 0.0f64;
        let mut placements: Vec<Placement> = Vec::new();
        for s in &tray.spots {
            let shape = &shapes[s.part];
            let quarters = shape.turns[s.turn].quarters;
            let at_mm = [s.at.0 as f64 * cell, s.at.1 as f64 * cell];
            let sides = shape.part.sides(quarters);
            high = [0, 1].map(|k| high[k].max(at_mm[k] + sides[k]));
            height_mm = height_mm.max(shape.part.size_mm[2]);
            copies[s.part] += 1;
            placements.push(Placement { part: s.part, copy: copies[s.part], at_mm, quarters });
        }
        // By whole cells, which are easier to read.
        let middle = |side: f64, high: f64| ((side - high).max(0.0) / 2.0 / cell).floor() * cell;
        let shift = [middle(width, high[0]), middle(depth, high[1])];
        placements.iter_mut().for_each(|p| p.at_mm = [0, 1].map(|k| p.at_mm[k] + shift[k]));
        placements.sort_by_key(|p| (p.part, p.copy));
        let area = tray.covered as f64 * cell * cell;
        Tray { placements, used: (area / (width * depth)).min(1.0), height_mm }
    };
    trays.iter().map(of).collect()
}
