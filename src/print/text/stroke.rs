//! How thin the strokes of a shape are, and how narrow the gaps in it.
//!
//! In: a [`Shape`]. Out: diameters of the balls that touch its border and the opposite border, from inside (strokes) and
//! from outside (gaps): the measure of [`crate::print::thickness`] in the plane, with the same rule that only border that
//! faces the other way counts, so that a corner is no thin stroke: here by 150 degrees, since strokes of the font end in
//! tips of 45 degrees (`c`, `&`). The thinnest [`TIPS`] of the border count for nothing. Cost: quadratic in the corners of
//! one letter.

use super::shape::{Ring, Shape};
use nalgebra::Vector2;

/// Share of the border that may be thinner than the result.
const TIPS: f64 = 0.02;
/// Cosine of the least angle between the normals of two sides of a stroke.
const OPPOSITE: f64 = -0.866;

/// Least stroke and gap of a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Widths {
    /// Least width of a stroke.
    pub stroke: f64,
    /// Least width of a gap; infinite where it has none narrower than itself.
    pub gap: f64,
}

struct Side {
    from: Vector2<f64>,
    to: Vector2<f64>,
    /// Outward.
    normal: Vector2<f64>,
}

/// Measures a shape; `None` where there is nothing.
pub fn widths(shape: &Shape) -> Option<Widths> {
    let (low, high) = shape.bounds()?;
    let most = (high - low).norm();
    let sides: Vec<Side> = shape.rings().flat_map(sides).collect();
    let step = most / 200.0;
    let (mut strokes, mut gaps) = (Vec::new(), Vec::new());
    for side in &sides {
        let length = (side.to - side.from).norm();
        let n = (length / step).ceil().clamp(1.0, 50.0);
        for i in 0..n as usize {
            let p = side.from + (side.to - side.from) * ((i as f64 + 0.5) / n);
            strokes.push((ball(&sides, &p, &side.normal, &-side.normal, most), length / n));
            gaps.push((ball(&sides, &p, &side.normal, &side.normal, most), length / n));
        }
    }
    let stroke = quantile(&mut strokes);
    let gap = quantile(&mut gaps);
    Some(Widths { stroke, gap: if gap < most { gap } else { f64::INFINITY } })
}

fn sides(ring: &Ring) -> Vec<Side> {
    let n = ring.len();
    (0..n)
        .filter_map(|i| {
            let (from, to) = (ring[i], ring[(i + 1) % n]);
            let along = (to - from).try_normalize(1e-12)?;
            Some(Side { from, to, normal: Vector2::new(along.y, -along.x) })
        })
        .collect()
}

/// Diameter of the largest ball that touches `p` on its `inwards` side and holds no border that faces the other way than
/// the one with the outward normal `own`.
fn ball(sides: &[Side], p: &Vector2<f64>, own: &Vector2<f64>, inwards: &Vector2<f64>, most: f64) -> f64 {
    let mut radius = most / 2.0;
    for _ in 0..40 {
        let centre = p + inwards * radius;
        let mut nearest: Option<(f64, Vector2<f64>)> = None;
        for side in sides.iter().filter(|s| s.normal.dot(own) <= OPPOSITE) {
            let along = side.to - side.from;
            let t = ((centre - side.from).dot(&along) / along.norm_squared()).clamp(0.0, 1.0);
            let q = side.from + along * t;
            let d = (q - centre).norm();
            if (q - p).dot(inwards) > 1e-9 && nearest.is_none_or(|n| d < n.0) {
                nearest = Some((d, q));
            }
        }
        let Some((d, q)) = nearest else { break };
        if d >= radius * (1.0 - 1e-6) {
            break;
        }
        let to = q - p;
        let next = to.norm_squared() / (2.0 * to.dot(inwards));
        if !(next < radius) {
            break;
        }
        radius = next;
    }
    2.0 * radius
}

/// The width that all but [`TIPS`] of the border reach.
fn quantile(widths: &mut [(f64, f64)]) -> f64 {
    widths.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = widths.iter().map(|w| w.1).sum::<f64>() * TIPS;
    for (width, share) in widths.iter() {
        left -= share;
        if left < 0.0 {
            return *width;
        }
    }
    widths.last().map_or(0.0, |w| w.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn ring(points: &[(f64, f64)]) -> Ring {
        points.iter().map(|&(x, y)| Vector2::new(x, y)).collect()
    }

    #[test]
    fn strokes_and_gaps_of_known_shapes() {
        let bar = Shape::of(&[ring(&[(0.0, 0.0), (9.0, 0.0), (9.0, 1.2), (0.0, 1.2)])]);
        let w = widths(&bar).unwrap();
        assert!((w.stroke - 1.2).abs() < 1e-6 && w.gap.is_infinite(), "{w:?}");
        // A U: strokes of 1 and 2, gap of 3.
        let u = [(0.0, 0.0), (6.0, 0.0), (6.0, 8.0), (4.0, 8.0), (4.0, 2.0), (1.0, 2.0), (1.0, 8.0), (0.0, 8.0)];
        let w = widths(&Shape::of(&[ring(&u)])).unwrap();
        assert!((w.stroke - 1.0).abs() < 1e-6 && (w.gap - 3.0).abs() < 1e-6, "{w:?}");
        let wide = widths(&Shape::of(&[ring(&u)]).widened(0.25)).unwrap();
        assert!((wide.stroke - 1.5).abs() < 0.02 && (wide.gap - 2.5).abs() < 0.02, "{wide:?}");
        let disc = Shape::of(&[crate::print::outline::circle(2.0, 0.001)]);
        assert!((widths(&disc).unwrap().stroke - 4.0).abs() < 0.1);
        assert_eq!(widths(&Shape::default()), None);
    }
}
