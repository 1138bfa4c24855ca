//! Cuts as lines on the ground, where they cross, and the rings that they bound.
//!
//! In: for each axis the cuts across it, each a polyline along the other axis, in millimetres. Out: a [`Net`]: the same
//! lines with their crossings as common corners, and the ring of each column and row. Every line is a function: the place
//! on its axis depends on that along the other one, and changes by less than it. So two lines of different axes cross
//! exactly once: going from one to the other and back is a contraction (S. Banach, 1922), which also finds the crossing.

use nalgebra::Vector2;

/// Coordinates of corners are multiples of 1 / GRID mm.
const GRID: f64 = 64.0;
/// A corner so near to a crossing becomes it.
const SNAP: f64 = 0.1;
/// Steps to a crossing: each is at least a third nearer.
const STEPS: usize = 100;

/// On the grid of corners.
pub fn snapped(x: f64) -> f64 {
    (x * GRID).round() / GRID
}

/// A cut seen from above.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The axis that it divides; it runs along the other one.
    pub axis: usize,
    /// Its corners, in rising order along the other axis.
    pub points: Vec<Vector2<f64>>,
}

impl Line {
    /// A straight one.
    pub fn straight(axis: usize, at: f64, from: f64, to: f64) -> Self {
        Self { axis, points: vec![place(axis, at, from), place(axis, at, to)] }
    }

    fn along(&self, p: &Vector2<f64>) -> f64 {
        p[1 - self.axis]
    }

    /// Where it is on its axis.
    pub fn at(&self, along: f64) -> f64 {
        let next = self.points.partition_point(|p| self.along(p) <= along).clamp(1, self.points.len() - 1);
        let (a, b) = (&self.points[next - 1], &self.points[next]);
        let length = self.along(b) - self.along(a);
        let share = if length > 0.0 { ((along - self.along(a)) / length).clamp(0.0, 1.0) } else { 0.0 };
        a[self.axis] + (b[self.axis] - a[self.axis]) * share
    }

    /// The least and the largest place on its axis within a stretch.
    pub fn range(&self, from: f64, to: f64) -> (f64, f64) {
        let within = self.points.iter().filter(|p| (from..to).contains(&self.along(p))).map(|p| p[self.axis]);
        let ends = [self.at(from), self.at(to)];
        within.chain(ends).fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)))
    }

    /// How far it goes aside for each millimetre, at most, within a stretch.
    pub fn slope(&self, from: f64, to: f64) -> f64 {
        let sides = self.points.windows(2).map(|w| (&w[0], &w[1]));
        let within = sides.filter(|(a, b)| self.along(b) > from && self.along(a) < to);
        within.map(|(a, b)| ((b - a)[self.axis] / (b - a)[1 - self.axis]).abs()).fold(0.0, f64::max)
    }

    /// Makes a place on it a corner; one beside it gives way.
    fn take(&mut self, p: Vector2<f64>) {
        if let Some(near) = self.points.iter_mut().find(|q| (**q - p).norm() < SNAP) {
            *near = p;
            return;
        }
        let i = self.points.partition_point(|q| self.along(q) < self.along(&p));
        self.points.insert(i, p);
    }

    /// The corners between two places on it, without them.
    fn between(&self, a: &Vector2<f64>, b: &Vector2<f64>) -> impl DoubleEndedIterator<Item = Vector2<f64>> {
        let (from, to) = (self.along(a), self.along(b));
        self.points.iter().filter(move |p| self.along(p) > from && self.along(p) < to).copied()
    }
}

/// The point with a place on an axis and one along the other.
pub fn place(axis: usize, at: f64, along: f64) -> Vector2<f64> {
    if axis == 0 { Vector2::new(at, along) } else { Vector2::new(along, at) }
}

/// All cuts of a body, with lines around it.
#[derive(Clone, Debug)]
pub struct Net {
    /// The lines across each axis from low to high; the first and the last lie beside the body.
    pub lines: [Vec<Line>; 2],
    /// Where lines cross, by column and row.
    pub crossings: Vec<Vec<Vector2<f64>>>,
}

impl Net {
    /// Joins lines that go on to the outer ones.
    pub fn new(mut lines: [Vec<Line>; 2]) -> Self {
        let mut crossings = Vec::new();
        let [columns, rows] = &mut lines;
        for x in columns {
            let of = |y: &mut Line| {
                let p = crossing(x, y);
                x.take(p);
                y.take(p);
                p
            };
            crossings.push(rows.iter_mut().map(of).collect());
        }
        Self { lines, crossings }
    }

    /// The corners of a column and row, counter-clockwise; neighbours have the same ones between them.
    pub fn ring(&self, column: usize, row: usize) -> Vec<Vector2<f64>> {
        let [x, y] = &self.lines;
        let at = |c: usize, r: usize| self.crossings[column + c][row + r];
        let [a, b, c, d] = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
        let mut ring = vec![a];
        ring.extend(y[row].between(&a, &b));
        ring.push(b);
        ring.extend(x[column + 1].between(&b, &c));
        ring.push(c);
        ring.extend(y[row + 1].between(&d, &c).rev());
        ring.push(d);
        ring.extend(x[column].between(&a, &d).rev());
        ring
    }
}

/// Where two lines of different axes cross; a corner of the first where one is near.
fn crossing(x: &Line, y: &Line) -> Vector2<f64> {
    let mut p = y.points[0];
    for _ in 0..STEPS {
        p.x = x.at(p.y);
        p.y = y.at(p.x);
    }
    let near = x.points.iter().find(|q| (**q - p).norm() < SNAP);
    near.copied().unwrap_or_else(|| p.map(snapped))
}

/// The least distance of two segments.
pub fn distance(a: [Vector2<f64>; 2], b: [Vector2<f64>; 2]) -> f64 {
    let side = |s: &[Vector2<f64>; 2], p: &Vector2<f64>| (s[1] - s[0]).perp(&(p - s[0]));
    let parted = |s: &[Vector2<f64>; 2], t: &[Vector2<f64>; 2]| side(s, &t[0]) * side(s, &t[1]) > 0.0;
    if !parted(&a, &b) && !parted(&b, &a) && (a[1] - a[0]).perp(&(b[1] - b[0])) != 0.0 {
        return 0.0;
    }
    let to = |s: &[Vector2<f64>; 2], p: &Vector2<f64>| {
        let d = s[1] - s[0];
        let share = ((p - s[0]).dot(&d) / d.norm_squared().max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        (s[0] + d * share - p).norm()
    };
    to(&a, &b[0]).min(to(&a, &b[1])).min(to(&b, &a[0])).min(to(&b, &a[1]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::outline;

    #[test]
    fn lines_cross_once_and_bound_rings_that_fill_the_whole() {
        let bent = |axis: usize, at: f64, by: f64| {
            let points = [(-5.0, 0.0), (20.0, 0.0), (40.0, 15.0), (60.0, 1.0), (105.0, 0.0)];
            Line { axis, points: points.map(|(along, aside)| place(axis, at + by * aside, along)).to_vec() }
        };
        let outer = |axis| [-5.0, 105.0].map(|at| Line::straight(axis, at, -5.0, 105.0));
        let lines = [0, 1].map(|axis| {
            let [first, last] = outer(axis);
            vec![first, bent(axis, 30.0, 1.0), bent(axis, 65.0, -1.0), last]
        });
        let net = Net::new(lines);
        let mut sum = 0.0;
        for column in 0..3 {
            for row in 0..3 {
                let ring = net.ring(column, row);
                assert_eq!(outline::checked(&ring).expect("a simple ring").len(), ring.len());
                sum += outline::area(&ring);
            }
        }
        assert!((sum - 110.0 * 110.0).abs() < 1e-9, "{sum}");
        assert_eq!(net.lines[0][1].range(20.0, 60.0), (30.0, 45.0));
        assert!((net.lines[0][1].slope(25.0, 30.0) - 0.75).abs() < 1e-3);
    }

    #[test]
    fn segments_have_a_distance() {
        let s = |a: (f64, f64), b: (f64, f64)| [Vector2::new(a.0, a.1), Vector2::new(b.0, b.1)];
        assert_eq!(distance(s((0.0, 0.0), (2.0, 0.0)), s((1.0, -1.0), (1.0, 1.0))), 0.0);
        assert_eq!(distance(s((0.0, 0.0), (2.0, 0.0)), s((3.0, 0.0), (4.0, 0.0))), 1.0);
        assert_eq!(distance(s((0.0, 0.0), (2.0, 0.0)), s((0.0, 2.0), (4.0, 2.0))), 2.0);
    }
}
