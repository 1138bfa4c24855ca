//! The north arrow: an arrow with a broad head and an N before its tip.
//!
//! In: its length in millimetres, its depth, the direction of north in the plane as an angle counter-clockwise from +y.
//! Out: a plain closed [`Solid`], the lower left corner of its box at the origin. The N is drawn with strokes of a quarter
//! of its height, as bold as the bundled font. A length or depth that is not positive gives an empty body.

use super::shape::{Ring, Shape};
use super::{Strokes, at_origin, without_tips};
use crate::print::solid::Solid;
use nalgebra::{Rotation2, Vector2};

/// The arrow, of length 1, its tip at 0.64.
const ARROW: [(f64, f64); 7] =
    [(-0.08, 0.0), (0.08, 0.0), (0.08, 0.26), (0.27, 0.26), (0.0, 0.64), (-0.27, 0.26), (-0.08, 0.26)];
/// Height of the letter, which ends at 1.
const LETTER: f64 = 0.30;
/// Its width and the width of its strokes.
const LETTER_WIDTH: f64 = 0.28;
const STROKE: f64 = 0.075;

/// The outline of the arrow, pointing along +y.
pub fn outline(size_mm: f64) -> Shape {
    let ring = |points: &[(f64, f64)]| -> Ring { points.iter().map(|&(x, y)| Vector2::new(x, y) * size_mm).collect() };
    let (l, r, b, t) = (-LETTER_WIDTH / 2.0, LETTER_WIDTH / 2.0, 1.0 - LETTER, 1.0);
    // The diagonal leaves the uprights this far from their ends, which makes it as bold as they are.
    let d = STROKE * 1.43;
    let n = [(l, b), (l + STROKE, b), (l + STROKE, t - d), (r - d, b), (r, b), (r, t), (r - STROKE, t)];
    let n: Vec<_> = n.into_iter().chain([(r - STROKE, b + d), (l + d, t), (l, t)]).collect();
    Shape::of(&[ring(&ARROW), ring(&n)])
}

/// The arrow as a body that can be made; `angle` turns it counter-clockwise (radians), so that it points there. Its strokes
/// are what its size makes them.
pub fn north_arrow(size_mm: f64, depth_mm: f64, angle: f64, strokes: Strokes) -> Solid {
    if !(size_mm > 0.0 && size_mm.is_finite() && depth_mm > 0.0 && depth_mm.is_finite() && angle.is_finite()) {
        return Solid::default();
    }
    let turn = Rotation2::new(angle);
    let shape = without_tips(&outline(size_mm), strokes.tip_mm).closed(strokes.land_mm);
    at_origin(&shape.mapped(|p| turn * p)).prism(0.0, depth_mm)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::super::stroke::widths;
    use super::*;
    use crate::mesh::inspect;

    #[test]
    fn the_arrow_is_solid_points_where_it_should_and_is_bold() {
        let straight = outline(10.0);
        assert_eq!(straight.polygons.len(), 2);
        let least = straight.polygons.iter().map(|p| widths(&Shape { polygons: vec![p.clone()] }).unwrap().stroke);
        assert!(least.fold(f64::INFINITY, f64::min) > 0.7, "strokes of an arrow of 10 mm");
        for angle in [0.0, 0.4, 1.6, -2.9] {
            let body = north_arrow(10.0, 0.8, angle, Strokes::default());
            let report = inspect(&body.mesh);
            assert!(report.is_solid() && report.components == 2, "{report:?}");
            assert!((report.volume - straight.area() * 0.8).abs() < 0.05);
            let (low, high) = body.mesh.bounds().unwrap();
            assert!(low.norm() < 1e-9 && (high.z - 0.8).abs() < 1e-9);
            // The head is broad and in front: seen along north, the widest place lies before the middle.
            let north = Vector2::new(-angle.sin(), angle.cos());
            let (mut widest, mut range) = ((0.0, 0.0), (f64::INFINITY, f64::NEG_INFINITY));
            let middle =
                body.mesh.vertices.iter().fold(Vector2::zeros(), |s, v| s + v.xy()) / body.mesh.vertices.len() as f64;
            for v in &body.mesh.vertices {
                let d = v.xy() - middle;
                let (along, across) = (d.dot(&north), d.perp(&north).abs());
                range = (range.0.min(along), range.1.max(along));
                if across > widest.0 {
                    widest = (across, along);
                }
            }
            assert!((range.1 - range.0 - 10.0).abs() < 0.01, "{range:?}");
            assert!(((widest.1 - range.0) - 2.6).abs() < 0.01, "{widest:?} {range:?}");
        }
        assert!(north_arrow(0.0, 1.0, 0.0, Strokes::default()).mesh.triangles.is_empty());
        assert!(north_arrow(5.0, 1.0, f64::NAN, Strokes::default()).mesh.triangles.is_empty());
    }
}
