//! Lengths, heights, areas, volumes and profiles between picked points.
//!
//! In: points of the local frame (metres, z up), the surface. Out: metres, square and cubic metres. For a frame of unknown
//! scale they are in its own unit, for a part in millimetres.

mod area;
mod heights;
mod profile;
mod volume;

pub use area::{surface_area, triangulated_area};
pub use profile::{Profile, profile};
pub use volume::{Base, Volume, best_plane, volume};

use nalgebra::{Vector2, Vector3};

/// What lies between two points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// Straight through space.
    pub direct: f64,
    /// On the map.
    pub horizontal: f64,
    /// Height of the second above the first.
    pub rise: f64,
}

/// The distance from `a` to `b`.
pub fn distance(a: &Vector3<f64>, b: &Vector3<f64>) -> Distance {
    let d = b - a;
    Distance { direct: d.norm(), horizontal: d.xy().norm(), rise: d.z }
}

/// Length through space of a line over several points; `closed` adds the way back to the first.
pub fn polyline_length(points: &[Vector3<f64>], closed: bool) -> f64 {
    let open: f64 = points.windows(2).map(|w| (w[1] - w[0]).norm()).sum();
    match points {
        [first, .., last] if closed => open + (first - last).norm(),
        _ => open,
    }
}

/// Area on the map of a polygon that does not cross itself, in either direction of turn.
pub fn ground_area(points: &[Vector3<f64>]) -> f64 {
    let Some(first) = points.first() else { return 0.0 };
    // Relative to a corner, because coordinates may be large.
    let corners: Vec<Vector2<f64>> = points.iter().map(|p| (p - first).xy()).collect();
    let next = corners.iter().skip(1).chain(corners.first());
    corners.iter().zip(next).map(|(a, b)| a.perp(b)).sum::<f64>().abs() / 2.0
}

/// Whether a place on the map is inside a polygon (even and odd crossings).
pub fn contains(polygon: &[Vector3<f64>], x: f64, y: f64) -> bool {
    let next = polygon.iter().skip(1).chain(polygon.first());
    let crossings = polygon
        .iter()
        .zip(next)
        .filter(|(a, b)| (a.y > y) != (b.y > y) && x < a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x));
    crossings.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_figures() {
        let at = |x: f64, y: f64, z: f64| Vector3::new(x + 5e6, y - 3e6, z);
        let d = distance(&at(0.0, 0.0, 10.0), &at(3.0, 4.0, -2.0));
        assert_eq!((d.direct, d.horizontal, d.rise), (13.0, 5.0, -12.0));
        let square = [at(0.0, 0.0, 0.0), at(2.0, 0.0, 9.0), at(2.0, 3.0, 1.0), at(0.0, 3.0, 0.0)];
        assert_eq!(ground_area(&square), 6.0);
        let reversed: Vec<_> = square.iter().rev().copied().collect();
        assert_eq!(ground_area(&reversed), 6.0);
        let flat = square.map(|p| Vector3::new(p.x, p.y, 0.0));
        assert_eq!((polyline_length(&flat, false), polyline_length(&flat, true)), (7.0, 10.0));
        // A dent takes its area away.
        assert_eq!(ground_area(&[at(0.0, 0.0, 0.0), at(4.0, 0.0, 0.0), at(1.0, 1.0, 0.0), at(0.0, 4.0, 0.0)]), 4.0);
    }

    #[test]
    fn inside_is_inside() {
        let dent: Vec<Vector3<f64>> =
            [(0.0, 0.0), (4.0, 0.0), (1.0, 1.0), (0.0, 4.0)].iter().map(|&(x, y)| Vector3::new(x, y, 0.0)).collect();
        assert!(contains(&dent, 0.5, 0.5) && contains(&dent, 0.1, 3.0) && contains(&dent, 3.0, 0.1));
        assert!(!contains(&dent, 1.5, 1.5) && !contains(&dent, -0.1, 1.0) && !contains(&[], 0.0, 0.0));
    }

    #[test]
    fn too_few_points_measure_nothing() {
        let one = [Vector3::new(1.0, 2.0, 3.0)];
        let two = [one[0], Vector3::zeros()];
        assert_eq!((ground_area(&[]), ground_area(&one), ground_area(&two)), (0.0, 0.0, 0.0));
        assert_eq!((polyline_length(&[], true), polyline_length(&one, true)), (0.0, 0.0));
        assert_eq!(polyline_length(&two, true), 2.0 * polyline_length(&two, false));
    }
}
