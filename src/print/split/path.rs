//! The way of a cut: along streets, where there are any.
//!
//! In: the [`Strip`] with what a millimetre of cut costs, the cuts that it has to cross. Out: a [`Line`] of few corners.
//! The way of least cost from one end of the strip to the other is found by dynamic programming over rows a few walls
//! apart, as in S. Avidan, A. Shamir, "Seam carving for content-aware image resizing", SIGGRAPH 2007, with the direction as
//! part of the state, so that bends cost too: where nothing is gained the way is straight. No piece of it goes aside by
//! more than [`SLOPE`], so that it has no sharp corners and crosses each cut of the other axis once; at the ends and where
//! it crosses one it keeps [`END_SLOPE`] and [`CROSSING`]. Corners that a straight piece can do without, within half a wall,
//! are then dropped. Cost: some million steps.

use super::lines::{Line, distance, place, snapped};
use super::relief::Strip;
use nalgebra::Vector2;

/// Millimetres aside for each along, at most: corners of 103 degrees or more.
const SLOPE: f64 = 0.8;
/// The same at the ends: 63 degrees to the border.
const END_SLOPE: f64 = 0.5;
/// Largest cosine of the angle between two cuts: 60 degrees.
const CROSSING: f64 = 0.5;
/// Distance of rows in millimetres, and in walls, at least.
const STEP: f64 = 4.0;
const STEP_WALLS: f64 = 2.0;
/// What a radian of bend costs, in millimetres of cut through empty streets.
const BEND: f64 = 4.0;
/// What a piece costs that breaks a rule: only where no other way is left.
const FORBIDDEN: f64 = 1e6;
/// How far beyond the body a cut keeps its direction.
const BEYOND: f64 = 0.5;
/// How much dearer a straight piece may be than those that it takes the place of.
const DEARER: f64 = 1.02;

/// The straight cut of least cost.
pub fn straight(strip: &Strip, from: f64, to: f64) -> Line {
    let cost = |column: usize| {
        let at = strip.at(column);
        strip.cost(&place(strip.axis, at, strip.ends[0]), &place(strip.axis, at, strip.ends[1]))
    };
    let best = (0..=2 * strip.half).min_by(|a, b| cost(*a).total_cmp(&cost(*b)));
    Line::straight(strip.axis, best.map_or(strip.even, |c| strip.at(c)), from, to)
}

/// The cut of least cost, from `from` to `to` beyond the strip's ends; `others` are those that it crosses.
pub fn curved(strip: &Strip, others: &[Line], wall_mm: f64, from: f64, to: f64) -> Line {
    let rules = Rules::new(strip, others, wall_mm);
    let points = fewer(&rules, rules.way(), wall_mm / 2.0);
    let (axis, k) = (strip.axis, 1 - strip.axis);
    // The last pieces go on a little beyond the body, then straight.
    let beyond = |end: &Vector2<f64>, inner: &Vector2<f64>| {
        let out = (end - inner).normalize();
        (end + out * (BEYOND / out[k].abs())).map(snapped)
    };
    let n = points.len();
    if n < 2 {
        return straight(strip, from, to);
    }
    let (a, b) = (beyond(&points[0], &points[1]), beyond(&points[n - 1], &points[n - 2]));
    let mut all = vec![place(axis, a[axis], from), a];
    all.extend(&points[1..n - 1]);
    all.extend([b, place(axis, b[axis], to)]);
    let bent = |w: &[Vector2<f64>]| w[0][axis] != w[1][axis] || w[1][axis] != w[2][axis];
    let inner = all.windows(3).filter(|w| bent(w)).map(|w| w[1]);
    let points = std::iter::once(all[0]).chain(inner).chain(all.last().copied()).collect();
    Line { axis, points }
}

/// Where a cut may go and what that costs.
struct Rules<'a> {
    strip: &'a Strip,
    /// Places of the rows along the cut.
    rows: Vec<f64>,
    /// Columns that a piece may go aside.
    aside: i64,
    /// Sides of the other cuts, and how near to them a piece counts as crossing.
    others: Vec<[Vector2<f64>; 2]>,
    near: f64,
}

impl<'a> Rules<'a> {
    fn new(strip: &'a Strip, others: &[Line], wall_mm: f64) -> Self {
        let [low, high] = strip.ends;
        let n = ((high - low) / STEP.max(STEP_WALLS * wall_mm)).floor().max(1.0);
        let rows: Vec<f64> = (0..=n as usize).map(|i| snapped(low + (high - low) * i as f64 / n)).collect();
        let aside = ((high - low) / n * SLOPE / strip.cell).floor() as i64;
        let others = others.iter().flat_map(|l| l.points.windows(2).map(|w| [w[0], w[1]])).collect();
        Self { strip, rows, aside: aside.min(2 * strip.half as i64), others, near: 2.0 * wall_mm }
    }

    fn point(&self, row: usize, column: usize) -> Vector2<f64> {
        place(self.strip.axis, self.strip.at(column), self.rows[row])
    }

    fn slope(&self, a: &Vector2<f64>, b: &Vector2<f64>) -> f64 {
        (b - a)[self.strip.axis] / (b - a)[1 - self.strip.axis]
    }

    /// The sides of other cuts that a piece from one place along the cut to another may come near.
    fn near(&self, from: f64, to: f64) -> Vec<[Vector2<f64>; 2]> {
        let k = 1 - self.strip.axis;
        let reaches =
            |s: &&[Vector2<f64>; 2]| s[0][k].min(s[1][k]) < to + self.near && s[0][k].max(s[1][k]) > from - self.near;
        self.others.iter().filter(reaches).copied().collect()
    }

    /// Whether a piece keeps the rules, with the sides that it may come near.
    fn keeps(&self, a: &Vector2<f64>, b: &Vector2<f64>, near: &[[Vector2<f64>; 2]]) -> bool {
        let k = 1 - self.strip.axis;
        let is_end = a[k] <= self.rows[0] || b[k] >= self.rows[self.rows.len() - 1];
        let slope = self.slope(a, b).abs();
        let sharp = |s: &[Vector2<f64>; 2]| {
            let cosine = (b - a).normalize().dot(&(s[1] - s[0]).normalize()).abs();
            cosine > CROSSING && distance([*a, *b], *s) < self.near
        };
        slope <= if is_end { END_SLOPE } else { SLOPE } && !near.iter().any(sharp)
    }

    /// The way of least cost, a point in each row.
    fn way(&self) -> Vec<Vector2<f64>> {
        let (columns, turns) = (2 * self.strip.half + 1, (2 * self.aside + 1) as usize);
        let Some(last) = self.rows.len().checked_sub(1).filter(|n| *n > 0) else { return Vec::new() };
        let step = (self.rows[last] - self.rows[0]) / last as f64;
        let angle = |turn: usize| ((turn as i64 - self.aside) as f64 * self.strip.cell / step).atan();
        let bends: Vec<Vec<f64>> =
            (0..turns).map(|a| (0..turns).map(|b| BEND * (angle(a) - angle(b)).abs()).collect()).collect();
        // The least cost to come to each column by each turn, and the turn before it.
        let ahead = self.aside as usize;
        let mut costs: Vec<f64> = vec![f64::INFINITY; columns * turns];
        (0..columns).for_each(|c| costs[c * turns + ahead] = 0.0);
        let mut before: Vec<Vec<u16>> = Vec::with_capacity(last);
        for row in 0..last {
            let near = self.near(self.rows[row], self.rows[row + 1]);
            let (mut next, mut from) = (vec![f64::INFINITY; columns * turns], vec![0u16; columns * turns]);
            for (column, turn) in (0..columns).flat_map(|c| (0..turns).map(move |t| (c, t))) {
                let to = column as i64 + turn as i64 - self.aside;
                if !(0..columns as i64).contains(&to) {
                    continue;
                }
                let arrivals = costs[column * turns..][..turns].iter().zip(&bends[turn]).map(|(c, b)| c + b);
                let best = arrivals.enumerate().min_by(|a, b| a.1.total_cmp(&b.1));
                let Some((by, least)) = best.filter(|b| b.1.is_finite()) else { continue };
                let (a, b) = (self.point(row, column), self.point(row + 1, to as usize));
                let rule = if self.keeps(&a, &b, &near) { 0.0 } else { FORBIDDEN };
                let slot = to as usize * turns + turn;
                (next[slot], from[slot]) = (least + self.strip.cost(&a, &b) + rule, by as u16);
            }
            costs = next;
            before.push(from);
        }
        let ends = (0..columns * turns).map(|s| (costs[s] + bends[ahead][s % turns], s));
        let Some((_, mut state)) = ends.min_by(|a, b| a.0.total_cmp(&b.0)) else { return Vec::new() };
        let mut way = vec![self.point(last, state / turns)];
        for row in (0..last).rev() {
            let (column, turn) = (state / turns, state % turns);
            let column = (column as i64 - (turn as i64 - self.aside)) as usize;
            way.push(self.point(row, column));
            state = column * turns + usize::from(before[row][state]);
        }
        way.reverse();
        way
    }
}

/// A way without the corners that it can do without: those whose loss moves it least go first.
fn fewer(rules: &Rules, way: Vec<Vector2<f64>>, by: f64) -> Vec<Vector2<f64>> {
    let k = 1 - rules.strip.axis;
    let mut kept: Vec<usize> = (0..way.len()).collect();
    loop {
        let without = |i: usize| {
            let (a, b) = (&way[kept[i - 1]], &way[kept[i + 1]]);
            let off = |p: &Vector2<f64>| (b - a).normalize().perp(&(p - a)).abs();
            let most = way[kept[i - 1] + 1..kept[i + 1]].iter().map(off).fold(0.0, f64::max);
            let old = rules.strip.cost(a, &way[kept[i]]) + rules.strip.cost(&way[kept[i]], b);
            let cheap = || rules.strip.cost(a, b) <= old * DEARER;
            (most <= by && rules.keeps(a, b, &rules.near(a[k], b[k])) && cheap()).then_some((most, i))
        };
        let best = (1..kept.len().saturating_sub(1)).filter_map(without).min_by(|a, b| a.0.total_cmp(&b.0));
        let Some((_, i)) = best else { break };
        kept.remove(i);
    }
    kept.into_iter().map(|i| way[i]).collect()
}
