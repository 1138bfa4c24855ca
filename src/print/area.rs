//! The piece of the city that becomes a part: a rectangle with an azimuth, a circle, a polygon.
//!
//! In: the city in local metres. Out: what the user chose, or the largest rectangle inside the well-covered area, which
//! is where at least three photos saw the surface from above, or where any did if there is no such place. Cost: one
//! raster of the city at 384 cells across and, for each azimuth tried, the maximal rectangle of a binary image by the
//! histogram method (linear in cells). Fails where hardly anything is covered.

use super::{PrintError, outline};
use crate::image::Mask;
use crate::scene::City;
use nalgebra::{Rotation2, Vector2};
use serde::{Deserialize, Serialize};

/// A rectangle on the ground, in the local frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rectangle {
    /// Centre (east, north) in metres.
    pub centre: Vector2<f64>,
    /// Width and height in metres, before rotation along east and north.
    pub size: Vector2<f64>,
    /// Counter-clockwise rotation in radians.
    pub azimuth: f64,
}

impl Rectangle {
    /// Coordinates relative to the centre and along the sides of a point on the ground.
    pub fn to_own(&self, p: &Vector2<f64>) -> Vector2<f64> {
        Rotation2::new(-self.azimuth) * (p - self.centre)
    }
}

/// A piece of ground, in the local frame (metres).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Area {
    /// A rectangle.
    Rectangle(Rectangle),
    /// A circle.
    Circle {
        /// Centre (east, north).
        centre: Vector2<f64>,
        /// Radius.
        radius: f64,
    },
    /// A simple polygon, the last corner not repeated.
    Polygon(Vec<Vector2<f64>>),
}

impl Area {
    /// The box around the area along its own axes: those of the rectangle, or east and north.
    pub fn frame(&self) -> Rectangle {
        match self {
            Self::Rectangle(r) => *r,
            Self::Circle { centre, radius } => {
                Rectangle { centre: *centre, size: Vector2::repeat(2.0 * radius), azimuth: 0.0 }
            }
            Self::Polygon(ring) => {
                let (low, high) = outline::bounds(ring).unwrap_or_default();
                Rectangle { centre: (low + high) / 2.0, size: high - low, azimuth: 0.0 }
            }
        }
    }

    /// Its outline, counter-clockwise, relative to the frame's lower left corner and times `scale`. Circles keep to
    /// `error` in the scaled unit. Fails where the area has no size or its outline crosses itself.
    pub fn outline(&self, scale: f64, error: f64) -> Result<Vec<Vector2<f64>>, PrintError> {
        let frame = self.frame();
        let absurd = |what, value| PrintError::Absurd { what, value, limit: "positive and finite" };
        let positive = |v: f64| v > 0.0 && v.is_finite();
        let half = frame.size / 2.0;
        let ring = match self {
            Self::Rectangle(r) => {
                for (what, v) in [("the width of the rectangle in metres", r.size.x), ("its depth", r.size.y)] {
                    if !positive(v) {
                        return Err(absurd(what, v));
                    }
                }
                let (x, y) = (r.size.x * scale, r.size.y * scale);
                return Ok(vec![Vector2::zeros(), Vector2::new(x, 0.0), Vector2::new(x, y), Vector2::new(0.0, y)]);
            }
            Self::Circle { radius, .. } => {
                if !positive(*radius) {
                    return Err(absurd("the radius of the circle in metres", *radius));
                }
                outline::circle(radius * scale, error).iter().map(|p| p.add_scalar(radius * scale)).collect()
            }
            Self::Polygon(ring) => {
                let ring = outline::checked(ring)?;
                ring.iter().map(|p| (frame.to_own(p) + half) * scale).collect()
            }
        };
        Ok(ring)
    }
}

impl From<Rectangle> for Area {
    fn from(r: Rectangle) -> Self {
        Self::Rectangle(r)
    }
}

/// Cells across the longer side of the coverage image.
const CELLS: f64 = 384.0;
/// Another azimuth than the first must give this much more area to be taken.
const GAIN_TO_ROTATE: f64 = 1.08;
/// Photos that make a place well covered: two alone leave ghosts and noise.
const GOOD_VIEWS: u8 = 3;
/// Share of the area that a gap in the view may have: courtyards in shadow, water, moving things.
const UNSEEN_GAP: f64 = 0.003;
/// Share of the area that a hole in the surface may have.
const HOLE: f64 = 0.0003;

/// The largest well-covered rectangle.
pub fn well_covered(city: &City) -> Result<Rectangle, PrintError> {
    let largest = |views| largest(city, views);
    largest(GOOD_VIEWS).or_else(|| largest(1)).ok_or(PrintError::NothingCovered)
}

/// The largest rectangle that at least `views` photos see, at the best of some azimuths.
fn largest(city: &City, views: u8) -> Option<Rectangle> {
    let mut best: Option<(f64, Rectangle)> = None;
    for step in 0..9 {
        let azimuth = f64::from(step) * 10f64.to_radians();
        let Some(rectangle) = largest_at(city, azimuth, views) else { continue };
        let area = rectangle.size.x * rectangle.size.y;
        let wanted = best.as_ref().map_or(0.0, |(a, r)| if r.azimuth == 0.0 { a * GAIN_TO_ROTATE } else { *a });
        if area > wanted {
            best = Some((area, rectangle));
        }
    }
    best.map(|(_, r)| r)
}

fn largest_at(city: &City, azimuth: f64, views: u8) -> Option<Rectangle> {
    let turn = Rotation2::new(-azimuth);
    let flat: Vec<Vector2<f64>> = city.mesh.vertices.iter().map(|v| turn * v.xy()).collect();
    let first = *flat.first()?;
    let (low, high) = flat.iter().fold((first, first), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
    let cell = (high - low).max() / CELLS;
    if cell <= 0.0 {
        return None;
    }
    let (w, h) = (((high.x - low.x) / cell).ceil() as usize + 1, ((high.y - low.y) / cell).ceil() as usize + 1);
    let (mut covered, mut surface) = (Mask::filled(w, h, false), Mask::filled(w, h, false));
    for (t, triangle) in city.mesh.triangles.iter().enumerate() {
        if city.mesh.area_normal(t).z > 0.0 {
            let corners = triangle.map(|v| (flat[v as usize] - low) / cell);
            mark(&mut surface, &corners);
            if city.views[t] >= views {
                mark(&mut covered, &corners);
            }
        }
    }
    fill_small_gaps(&mut covered, UNSEEN_GAP);
    fill_small_gaps(&mut surface, HOLE);
    covered.data.iter_mut().zip(&surface.data).for_each(|(c, s)| *c &= s);
    let (x0, y0, x1, y1) = maximal_rectangle(&covered)?;
    // One cell of margin keeps the ragged rim out.
    let corner_low = low + Vector2::new(x0 as f64 + 1.0, y0 as f64 + 1.0) * cell;
    let corner_high = low + Vector2::new(x1 as f64 - 1.0, y1 as f64 - 1.0) * cell;
    let size = corner_high - corner_low;
    (size.min() > 4.0 * cell).then(|| Rectangle {
        centre: turn.inverse() * ((corner_low + corner_high) / 2.0),
        size,
        azimuth,
    })
}

/// Marks the cells whose centre lies in the triangle. A cell of which a corner is touched is no ground to stand on: its
/// other part may be a bay of the rim.
fn mark(mask: &mut Mask, corners: &[Vector2<f64>; 3]) {
    let low = corners[0].inf(&corners[1]).inf(&corners[2]);
    let high = corners[0].sup(&corners[1]).sup(&corners[2]);
    let side = |a: &Vector2<f64>, b: &Vector2<f64>, p: &Vector2<f64>| (b - a).perp(&(p - a));
    for y in low.y as usize..=(high.y as usize).min(mask.height - 1) {
        for x in low.x as usize..=(high.x as usize).min(mask.width - 1) {
            let p = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
            if (0..3).all(|k| side(&corners[k], &corners[(k + 1) % 3], &p) >= 0.0) {
                *mask.at_mut(x, y) = true;
            }
        }
    }
}

/// Closes gaps of up to the given share of the area that do not touch the border.
fn fill_small_gaps(mask: &mut Mask, share: f64) {
    let limit = (mask.data.len() as f64 * share) as usize;
    let mut visited = vec![false; mask.data.len()];
    for start in 0..mask.data.len() {
        if mask.data[start] || visited[start] {
            continue;
        }
        let (mut region, mut next, mut open) = (vec![start], 0, false);
        visited[start] = true;
        while next < region.len() {
            let (x, y) = (region[next] % mask.width, region[next] / mask.width);
            next += 1;
            open |= x == 0 || y == 0 || x + 1 == mask.width || y + 1 == mask.height;
            for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1)] {
                let (nx, ny) = (x as isize + dx, y as isize + dy);
                if nx < 0 || ny < 0 || nx >= mask.width as isize || ny >= mask.height as isize {
                    continue;
                }
                let i = ny as usize * mask.width + nx as usize;
                if !mask.data[i] && !visited[i] {
                    visited[i] = true;
                    region.push(i);
                }
            }
        }
        if !open && region.len() <= limit {
            for i in region {
                mask.data[i] = true;
            }
        }
    }
}

/// The largest all-true rectangle as half-open cell ranges (x0, y0, x1, y1).
fn maximal_rectangle(mask: &Mask) -> Option<(usize, usize, usize, usize)> {
    let mut heights = vec![0usize; mask.width + 1];
    let mut best: Option<(usize, (usize, usize, usize, usize))> = None;
    for y in 0..mask.height {
        for x in 0..mask.width {
            heights[x] = if mask.at(x, y) { heights[x] + 1 } else { 0 };
        }
        let mut stack: Vec<(usize, usize)> = Vec::new();
        for (x, &height) in heights.iter().enumerate() {
            let mut start = x;
            while let Some(&(left, tall)) = stack.last() {
                if tall < height {
                    break;
                }
                stack.pop();
                start = left;
                let area = tall * (x - left);
                if tall > 0 && best.as_ref().is_none_or(|(a, _)| area > *a) {
                    best = Some((area, (left, y + 1 - tall, x, y + 1)));
                }
            }
            stack.push((start, height));
        }
    }
    best.map(|(_, r)| r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maximal_rectangle_of_a_known_image() {
        let rows = ["..####..", ".######.", ".######.", "..####.."];
        let data = rows.iter().flat_map(|r| r.bytes().map(|b| b == b'#')).collect();
        let mask = Mask::from_data(8, 4, data).unwrap();
        assert_eq!(maximal_rectangle(&mask), Some((2, 0, 6, 4)));
        assert_eq!(maximal_rectangle(&Mask::filled(3, 3, false)), None);
    }

    #[test]
    fn gaps_inside_are_filled_and_bays_are_not() {
        let mut mask = Mask::filled(40, 40, true);
        *mask.at_mut(20, 20) = false;
        *mask.at_mut(0, 5) = false;
        fill_small_gaps(&mut mask, 0.001);
        assert!(mask.at(20, 20) && !mask.at(0, 5));
    }
}
