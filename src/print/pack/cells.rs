//! Shapes on a grid of square cells, a bit for each, and where one shape cannot stand because it would hit another.

/// A grid of cells, row by row from the front, each row from the left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cells {
    pub(super) width: usize,
    pub(super) height: usize,
    /// 64 cells of a row each, the lowest bit is the leftmost one.
    words: usize,
    bits: Vec<u64>,
}

/// A run of cells in a row: from, to (not included).
pub(super) type Run = (i64, i64);

impl Cells {
    /// Empty.
    pub(super) fn new(width: usize, height: usize) -> Self {
        let words = width.div_ceil(64);
        Self { width, height, words, bits: vec![0; words * height] }
    }

    fn row(&self, y: usize) -> &[u64] {
        &self.bits[y * self.words..(y + 1) * self.words]
    }

    /// Whether a cell is set.
    pub(super) fn is_set(&self, x: usize, y: usize) -> bool {
        self.row(y)[x / 64] >> (x % 64) & 1 == 1
    }

    /// Sets a run of cells, as far as it lies inside.
    pub(super) fn set_run(&mut self, y: usize, (from, to): Run) {
        let (from, to) = (from.max(0) as usize, to.clamp(0, self.width as i64) as usize);
        let words = self.words;
        let row = &mut self.bits[y * words..(y + 1) * words];
        for (i, word) in row.iter_mut().enumerate().take(to.div_ceil(64)).skip(from / 64) {
            let low = from.saturating_sub(i * 64).min(64);
            let high = (to - i * 64).min(64);
            if low < high {
                *word |= (u64::MAX >> (64 - (high - low))) << low;
            }
        }
    }

    /// How many are set.
    pub(super) fn count(&self) -> usize {
        self.bits.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The runs of set cells in a row, from the left.
    pub(super) fn runs(&self, y: usize) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut x = 0;
        while let Some(from) = self.next(y, x, 1) {
            let to = self.next(y, from, 0).unwrap_or(self.width);
            runs.push((from as i64, to as i64));
            x = to;
        }
        runs
    }

    /// The first cell from `x` on that is set (1) or not (0).
    fn next(&self, y: usize, x: usize, wanted: u64) -> Option<usize> {
        let row = self.row(y);
        let mut i = x / 64;
        let mut beyond = u64::MAX << (x % 64);
        while i < self.words {
            let word = (if wanted == 1 { row[i] } else { !row[i] }) & beyond;
            if word != 0 {
                return Some(i * 64 + word.trailing_zeros() as usize).filter(|x| *x < self.width);
            }
            (i, beyond) = (i + 1, u64::MAX);
        }
        None
    }

    /// The first cell of a row that is not set, of the first `most` + 1.
    pub(super) fn first_free(&self, y: usize, most: usize) -> Option<usize> {
        self.next(y, 0, 0).filter(|x| *x <= most)
    }

    /// Adds another grid whose lower left cell lies at `(x, y)` here; what lies outside is left out.
    pub(super) fn add(&mut self, other: &Self, (x, y): (i64, i64)) {
        for from in 0..other.height {
            let to = y + from as i64;
            if (0..self.height as i64).contains(&to) {
                let words = self.words;
                let row = &mut self.bits[to as usize * words..(to as usize + 1) * words];
                shifted(other.row(from), x, row);
                clipped(row, self.width);
            }
        }
    }

    /// The shape with all cells that lie nearer than `room` cells, measured between the nearest points of two cells; it begins
    /// so many cells left of the shape and in front of it as the second answer says.
    pub(super) fn widened(&self, room: f64) -> (Self, usize) {
        let margin = if room > 0.0 { room.ceil() as usize + 1 } else { 0 };
        // How far to the sides the room reaches, for each number of rows.
        let apart = |d: usize| (d as f64 - 1.0).max(0.0);
        let near = |dx: usize, dy: usize| apart(dx).hypot(apart(dy)) < room - 1e-9;
        let reach: Vec<i64> =
            (0..=margin).filter_map(|dy| (0..=margin).rev().find(|&dx| near(dx, dy)).map(|dx| dx as i64)).collect();
        let side = margin as i64;
        let mut wide = Self::new(self.width + 2 * margin, self.height + 2 * margin);
        for y in 0..self.height {
            for (from, to) in self.runs(y) {
                wide.set_run(y + margin, (from + side, to + side));
                for (dy, dx) in reach.iter().enumerate() {
                    let run = (from + side - dx, to + side + dx);
                    wide.set_run(y + margin + dy, run);
                    wide.set_run(y + margin - dy, run);
                }
            }
        }
        (wide, margin)
    }

    /// Where a stamp hits what is set: its lower left cell may stand on the cells that are not set in the answer, as far as
    /// the stamp lies inside there.
    pub(super) fn blocked(&self, stamp: &Stamp) -> Self {
        let mut blocked = Self::new(self.width, self.height);
        let mut spread = Self::new(self.width, self.height);
        let mut before = Vec::new();
        for ((from, to), rows) in &stamp.runs {
            // What a run (from..to) of the stamp hits at i, it hits from every x with i - to < x <= i - from.
            spread.bits.fill(0);
            for y in 0..self.height {
                let own = &mut spread.bits[y * self.words..(y + 1) * self.words];
                shifted(self.row(y), -from, own);
                spread_left(own, (to - from - 1) as usize, &mut before);
            }
            for row in rows {
                let hits = spread.bits.iter().skip(row * self.words);
                blocked.bits.iter_mut().zip(hits).for_each(|(own, hit)| *own |= hit);
            }
        }
        blocked
    }
}

/// A shape as runs of cells from its own lower left cell, those that lie in the same columns together.
#[derive(Clone, Debug, Default)]
pub(super) struct Stamp {
    /// Columns of the runs, and the rows in which they are.
    runs: Vec<(Run, Vec<usize>)>,
}

impl Stamp {
    pub(super) fn of(shape: &Cells) -> Self {
        let mut all: Vec<(Run, usize)> =
            (0..shape.height).flat_map(|y| shape.runs(y).into_iter().map(move |run| (run, y))).collect();
        all.sort_unstable();
        let mut stamp = Self::default();
        for (run, row) in all {
            match stamp.runs.last_mut().filter(|(last, _)| *last == run) {
                Some((_, rows)) => rows.push(row),
                None => stamp.runs.push((run, vec![row])),
            }
        }
        stamp
    }
}

/// Sets, for each bit, the `by` bits left of it too (towards bit 0); `before` is room to work in.
fn spread_left(row: &mut [u64], by: usize, before: &mut Vec<u64>) {
    if row.iter().all(|w| *w == 0) {
        return;
    }
    let mut done = 0;
    while done < by {
        let step = (done + 1).min(by - done);
        before.clear();
        before.extend_from_slice(row);
        shifted(before, -(step as i64), row);
        done += step;
    }
}

/// Adds the bits of a row moved to the right by `by` (to the left where it is negative).
fn shifted(row: &[u64], by: i64, into: &mut [u64]) {
    let (words, bits) = (by.div_euclid(64), by.rem_euclid(64) as u32);
    for (i, &word) in row.iter().enumerate().filter(|(_, w)| **w != 0) {
        let at = i as i64 + words;
        if let Some(own) = usize::try_from(at).ok().and_then(|at| into.get_mut(at)) {
            *own |= word << bits;
        }
        if bits > 0
            && let Some(own) = usize::try_from(at + 1).ok().and_then(|at| into.get_mut(at))
        {
            *own |= word >> (64 - bits);
        }
    }
}

/// Takes the bits beyond the width away.
fn clipped(row: &mut [u64], width: usize) {
    if let (Some(last), true) = (row.last_mut(), !width.is_multiple_of(64)) {
        *last &= u64::MAX >> (64 - width % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn random(width: usize, height: usize, share: f64, rng: &mut Rng) -> Cells {
        let mut cells = Cells::new(width, height);
        for y in 0..height {
            for x in 0..width {
                if rng.next_f64() < share {
                    cells.set_run(y, (x as i64, x as i64 + 1));
                }
            }
        }
        cells
    }

    #[test]
    fn runs_cover_what_is_set() {
        let mut rng = Rng::new(3, 0);
        for width in [1, 63, 64, 65, 130] {
            let cells = random(width, 3, 0.5, &mut rng);
            let mut again = Cells::new(width, 3);
            for y in 0..3 {
                cells.runs(y).into_iter().for_each(|run| again.set_run(y, run));
                let first = (0..width).find(|&x| !cells.is_set(x, y));
                assert_eq!(cells.first_free(y, width), first);
            }
            assert_eq!(again, cells);
            assert_eq!(cells.count(), (0..3 * width).filter(|i| cells.is_set(i % width, i / width)).count());
        }
    }

    #[test]
    fn blocked_is_what_trying_every_place_finds() {
        let mut rng = Rng::new(4, 0);
        for (round, room) in [0.0, 1.0, 2.5, 0.0, 3.0].into_iter().enumerate() {
            let there = random(90 + round, 40, 0.01, &mut rng);
            let shape = random(9, 30 - 5 * round, 0.3, &mut rng);
            let (wide, margin) = there.widened(room);
            let mut taken = Cells::new(there.width, there.height);
            taken.add(&wide, (-(margin as i64), -(margin as i64)));
            let blocked = taken.blocked(&Stamp::of(&shape));
            let near = |a: (i64, i64), b: (i64, i64)| {
                let apart = |d: i64| (d.abs() - 1).max(0) as f64;
                a == b || apart(a.0 - b.0).hypot(apart(a.1 - b.1)) < room
            };
            let set = |c: &Cells| -> Vec<(i64, i64)> {
                let all = (0..c.height).flat_map(|y| (0..c.width).map(move |x| (x, y)));
                all.filter(|&(x, y)| c.is_set(x, y)).map(|(x, y)| (x as i64, y as i64)).collect()
            };
            let (there_set, shape_set) = (set(&there), set(&shape));
            // As far as the shape lies inside.
            for y in 0..=there.height - shape.height {
                for x in 0..=there.width - shape.width {
                    let at = |c: &(i64, i64)| (c.0 + x as i64, c.1 + y as i64);
                    let hit = shape_set.iter().any(|c| there_set.iter().any(|t| near(at(c), *t)));
                    assert_eq!(blocked.is_set(x, y), hit, "{x} {y} in round {round}");
                }
            }
        }
    }

    #[test]
    fn grids_are_added_with_an_offset() {
        let mut rng = Rng::new(5, 0);
        let shape = random(70, 5, 0.5, &mut rng);
        for (x, y) in [(0, 0), (7, 1), (-9, -2), (64, 3), (100, 0), (-80, 0)] {
            let mut cells = Cells::new(110, 6);
            cells.add(&shape, (x, y));
            for i in 0..110 * 6 {
                let own = ((i % 110) as i64 - x, (i / 110) as i64 - y);
                let inside = (0..70).contains(&own.0) && (0..5).contains(&own.1);
                let wanted = inside && shape.is_set(own.0 as usize, own.1 as usize);
                assert_eq!(cells.is_set(i % 110, i / 110), wanted, "{x} {y}");
            }
        }
    }
}
