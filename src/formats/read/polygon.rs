//! Cuts a polygon in space into triangles: ear clipping, which keeps to the outline of polygons that are not convex.
//!
//! In: the corners in order, any unit. Out: triples of corner numbers with the polygon's orientation, two fewer than there
//! are corners. Source: G. H. Meisters, "Polygons have ears", American Mathematical Monthly 82, 1975. Cost: quadratic in
//! the corners; above [`MOST`] a fan. A polygon that crosses itself gives triangles that overlap, never none.

use nalgebra::{Vector2, Vector3};

/// Most corners that are clipped ear by ear.
const MOST: usize = 2000;

/// The triangles.
pub fn triangles(corners: &[Vector3<f64>]) -> Vec<[usize; 3]> {
    let n = corners.len();
    let fan = || (1..n.saturating_sub(1)).map(|i| [0, i, i + 1]).collect();
    if n <= 3 || n > MOST {
        return fan();
    }
    // Newell's normal; relative to the first corner, so that far places lose no digits.
    let normal = (0..n).fold(Vector3::zeros(), |sum: Vector3<f64>, i| {
        sum + (corners[i] - corners[0]).cross(&(corners[(i + 1) % n] - corners[0]))
    });
    if !(normal.norm() > 0.0 && normal.norm().is_finite()) {
        return fan();
    }
    let axis = normal.iamax();
    let sign = normal[axis].signum();
    let flat: Vec<Vector2<f64>> = corners
        .iter()
        .map(|p| p - corners[0])
        .map(|p| Vector2::new(p[(axis + 1) % 3] * sign, p[(axis + 2) % 3]))
        .collect();
    let turn = |a: usize, b: usize, c: usize| (flat[b] - flat[a]).perp(&(flat[c] - flat[a]));
    let mut left: Vec<usize> = (0..n).collect();
    let mut result = Vec::with_capacity(n - 2);
    while left.len() > 3 {
        let m = left.len();
        let at = |i: usize| [left[(i + m - 1) % m], left[i], left[(i + 1) % m]];
        let is_ear = |&i: &usize| {
            let [a, b, c] = at(i);
            turn(a, b, c) > 0.0
                && left
                    .iter()
                    .filter(|&&p| flat[p] != flat[a] && flat[p] != flat[b] && flat[p] != flat[c])
                    .all(|&p| !(turn(a, b, p) >= 0.0 && turn(b, c, p) >= 0.0 && turn(c, a, p) >= 0.0))
        };
        // Corners on a straight line and crossings leave no ear: then the flattest corner goes.
        let least = |&i: &usize, &j: &usize| {
            let area = |k: usize| turn(at(k)[0], at(k)[1], at(k)[2]).abs();
            area(i).total_cmp(&area(j))
        };
        let ear = (0..m).find(is_ear).or_else(|| (0..m).min_by(|i, j| least(i, j))).unwrap_or(0);
        result.push(at(ear));
        left.remove(ear);
    }
    result.push([left[0], left[1], left[2]]);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polygon_that_is_not_convex_keeps_its_area() {
        let l = [[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [1.0, 1.0], [1.0, 4.0], [0.0, 4.0]];
        for turn in 0..6 {
            for flip in [false, true] {
                let mut corners: Vec<_> = (0..6).map(|i| l[(i + turn) % 6]).collect();
                if flip {
                    corners.reverse();
                }
                let corners: Vec<_> = corners.iter().map(|p| Vector3::new(p[0], 7.0, p[1])).collect();
                let parts = triangles(&corners);
                let normals: Vec<_> = parts
                    .iter()
                    .map(|t| (corners[t[1]] - corners[t[0]]).cross(&(corners[t[2]] - corners[t[0]])))
                    .collect();
                let area: f64 = normals.iter().map(|n| n.norm() / 2.0).sum();
                assert_eq!(parts.len(), 4);
                assert!((area - 7.0).abs() < 1e-12, "{area}");
                assert!(normals.iter().all(|n| (n.y > 0.0) == flip), "all turn one way");
            }
        }
    }

    #[test]
    fn bad_polygons_still_give_all_their_triangles() {
        let line: Vec<_> = (0..9).map(|i| Vector3::x() * f64::from(i)).collect();
        assert_eq!(triangles(&line).len(), 7);
        assert_eq!(triangles(&[Vector3::repeat(f64::NAN); 5]).len(), 3);
        let bow = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]].map(|p| Vector3::new(p[0], p[1], 0.0));
        assert_eq!(triangles(&bow).len(), 2);
        assert!(triangles(&line[..2]).is_empty());
    }
}
