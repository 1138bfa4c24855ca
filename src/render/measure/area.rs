//! Areas of surfaces inside a polygon on the map.
//!
//! In: the corners of a polygon that does not cross itself, and a surface. Out: the area of all triangles cut off at the
//! polygon's vertical walls, exactly; walls and overhangs count with their own area. Ears are cut from the polygon (G.
//! Meisters, "Polygons have ears", 1975), triangles are cut by each ear (I. Sutherland, G. Hodgman, 1974).

use crate::mesh::bvh::{Aabb, Bvh};
use nalgebra::{Vector2, Vector3};

/// The polygon's triangles on the map, counter-clockwise, as numbers of its corners.
fn ears(polygon: &[Vector3<f64>]) -> Vec<[usize; 3]> {
    let mut open: Vec<usize> = (0..polygon.len()).collect();
    let cross = |a: usize, b: usize, c: usize| {
        let [a, b, c] = [a, b, c].map(|i| (polygon[i] - polygon[0]).xy());
        (b - a).perp(&(c - a))
    };
    let turn: f64 = (1..polygon.len().saturating_sub(1)).map(|i| cross(0, i, i + 1)).sum();
    if turn < 0.0 {
        open.reverse();
    }
    let mut found = Vec::new();
    while open.len() >= 3 {
        let n = open.len();
        let ear = (0..n).find(|&k| {
            let [a, b, c] = [open[(k + n - 1) % n], open[k], open[(k + 1) % n]];
            let corner = cross(a, b, c) > 0.0;
            let blocks = |p: usize| {
                ![a, b, c].contains(&p) && cross(a, b, p) >= 0.0 && cross(b, c, p) >= 0.0 && cross(c, a, p) >= 0.0
            };
            corner && !open.iter().any(|&p| blocks(p))
        });
        // A polygon that crosses itself may have no ear left: any corner goes, so that this ends.
        let k = ear.unwrap_or(0);
        let triangle = [open[(k + n - 1) % n], open[k], open[(k + 1) % n]];
        if cross(triangle[0], triangle[1], triangle[2]) > 0.0 {
            found.push(triangle);
        }
        open.remove(k);
    }
    found
}

fn area_of(polygon: &[Vector3<f64>]) -> f64 {
    let Some((first, rest)) = polygon.split_first() else { return 0.0 };
    rest.windows(2).fold(Vector3::zeros(), |sum, w| sum + (w[0] - first).cross(&(w[1] - first))).norm() / 2.0
}

/// Area of a polygon in space, made of triangles between its corners as on the map.
pub fn triangulated_area(polygon: &[Vector3<f64>]) -> f64 {
    ears(polygon).iter().map(|t| area_of(&t.map(|i| polygon[i]))).sum()
}

/// What of a piece of a surface is above the left of a line on the map.
fn cut(piece: &[Vector3<f64>], from: &Vector2<f64>, to: &Vector2<f64>) -> Vec<Vector3<f64>> {
    let side = |p: &Vector3<f64>| (to - from).perp(&(p.xy() - from));
    let mut kept = Vec::with_capacity(piece.len() + 1);
    for (i, p) in piece.iter().enumerate() {
        let q = &piece[(i + 1) % piece.len()];
        let (a, b) = (side(p), side(q));
        if a >= 0.0 {
            kept.push(*p);
        }
        if (a > 0.0 && b < 0.0) || (a < 0.0 && b > 0.0) {
            kept.push(p + (q - p) * (a / (a - b)));
        }
    }
    kept
}

/// Area of a surface above and below a polygon on the map.
pub fn surface_area(surface: &Bvh, polygon: &[Vector3<f64>]) -> f64 {
    let mut total = 0.0;
    for ear in ears(polygon) {
        let corners = ear.map(|i| polygon[i].xy());
        let [low, high] = [corners[0].inf(&corners[1]).inf(&corners[2]), corners[0].sup(&corners[1]).sup(&corners[2])];
        let region = Aabb {
            low: Vector3::new(low.x, low.y, f64::NEG_INFINITY),
            high: Vector3::new(high.x, high.y, f64::INFINITY),
        };
        let mut found: Vec<(u32, f64)> = Vec::new();
        surface.overlapping_corners(&region, |t, triangle| {
            let piece = (0..3).fold(triangle.to_vec(), |piece, k| cut(&piece, &corners[k], &corners[(k + 1) % 3]));
            found.push((t, area_of(&piece)));
        });
        // In the order of the triangles, so that the sum does not depend on the hierarchy.
        found.sort_unstable_by_key(|f| f.0);
        total += found.iter().map(|f| f.1).sum::<f64>();
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Mesh;

    fn at(x: f64, y: f64, z: f64) -> Vector3<f64> {
        Vector3::new(x, y, z)
    }

    #[test]
    fn ears_fill_a_polygon_with_a_dent_in_both_directions() {
        let mut star: Vec<Vector3<f64>> = (0..10)
            .map(|i| {
                let (s, c) = (f64::from(i) * std::f64::consts::PI / 5.0).sin_cos();
                let r = if i % 2 == 0 { 10.0 } else { 4.0 };
                at(1e5 + r * c, r * s, 0.0)
            })
            .collect();
        let expected = super::super::ground_area(&star);
        assert!((triangulated_area(&star) - expected).abs() < 1e-6);
        star.reverse();
        assert!((triangulated_area(&star) - expected).abs() < 1e-6);
        assert_eq!(triangulated_area(&star[..2]), 0.0);
    }

    #[test]
    fn a_slope_and_a_wall_count_with_their_own_area() {
        // A slope of 45 degrees over 20 x 20, and a wall of height 3 across.
        let vertices = vec![
            at(0.0, 0.0, 0.0),
            at(20.0, 0.0, 20.0),
            at(20.0, 20.0, 20.0),
            at(0.0, 20.0, 0.0),
            at(5.0, 0.0, 30.0),
            at(5.0, 20.0, 30.0),
            at(5.0, 20.0, 33.0),
            at(5.0, 0.0, 33.0),
        ];
        let triangles = vec![[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]];
        let surface = Bvh::new(&Mesh { vertices, triangles });
        let square = [at(2.0, 2.0, 0.0), at(12.0, 2.0, 0.0), at(12.0, 12.0, 0.0), at(2.0, 12.0, 0.0)];
        let expected = 100.0 * 2f64.sqrt() + 30.0;
        assert!((surface_area(&surface, &square) - expected).abs() < 1e-9);
        let reversed: Vec<_> = square.iter().rev().copied().collect();
        assert!((surface_area(&surface, &reversed) - expected).abs() < 1e-9);
    }
}
