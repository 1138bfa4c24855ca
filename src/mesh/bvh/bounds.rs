//! Boxes of the hierarchy.
//!
//! In: points in any unit. Out: [`Aabb`], exact, and [`Loose`], the same in half the memory and never smaller.

use nalgebra::Vector3;

/// An axis-aligned box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aabb {
    /// Lowest coordinates.
    pub low: Vector3<f64>,
    /// Highest coordinates.
    pub high: Vector3<f64>,
}

impl Aabb {
    /// The box that contains nothing.
    pub fn empty() -> Self {
        Self { low: Vector3::repeat(f64::INFINITY), high: Vector3::repeat(f64::NEG_INFINITY) }
    }

    /// The smallest box around this one and a point.
    pub fn with_point(&self, p: &Vector3<f64>) -> Self {
        Self { low: self.low.inf(p), high: self.high.sup(p) }
    }

    /// The smallest box around two.
    pub fn union(&self, other: &Self) -> Self {
        Self { low: self.low.inf(&other.low), high: self.high.sup(&other.high) }
    }

    /// Whether the two touch.
    pub fn overlaps(&self, other: &Self) -> bool {
        (0..3).all(|i| self.low[i] <= other.high[i] && other.low[i] <= self.high[i])
    }
}

/// A box in single precision, rounded outwards: queries wait for memory, and this is half of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loose {
    low: [f32; 3],
    high: [f32; 3],
}

impl Loose {
    pub(super) fn around(tight: &Aabb) -> Self {
        let down = |x: f64| if f64::from(x as f32) > x { (x as f32).next_down() } else { x as f32 };
        let up = |x: f64| if f64::from(x as f32) < x { (x as f32).next_up() } else { x as f32 };
        Self { low: [0, 1, 2].map(|k| down(tight.low[k])), high: [0, 1, 2].map(|k| up(tight.high[k])) }
    }

    /// The box that contains nothing.
    pub(super) fn empty() -> Self {
        Self { low: [f32::INFINITY; 3], high: [f32::NEG_INFINITY; 3] }
    }

    /// The smallest box around two.
    #[inline]
    pub(super) fn union(&self, other: &Self) -> Self {
        Self {
            low: [0, 1, 2].map(|k| self.low[k].min(other.low[k])),
            high: [0, 1, 2].map(|k| self.high[k].max(other.high[k])),
        }
    }

    /// Twice its middle.
    #[inline]
    pub(super) fn middle(&self) -> [f32; 3] {
        [0, 1, 2].map(|k| self.low[k] + self.high[k])
    }

    pub(super) fn half_area(&self) -> f64 {
        let [x, y, z] = [0, 1, 2].map(|k| f64::from(self.high[k]) - f64::from(self.low[k]));
        if x < 0.0 { 0.0 } else { x * y + y * z + z * x }
    }

    /// To the nearest place of the box; 0 inside.
    #[inline]
    pub(super) fn distance_squared(&self, p: &Vector3<f64>) -> f64 {
        let mut sum = 0.0;
        for k in 0..3 {
            let outside = (f64::from(self.low[k]) - p[k]).max(p[k] - f64::from(self.high[k])).max(0.0);
            sum += outside * outside;
        }
        sum
    }

    /// Where a ray enters the box, at or after 0; `None` for a miss or an entry after `limit`.
    #[inline]
    pub(super) fn enter(&self, origin: &Vector3<f64>, inverse: &Vector3<f64>, limit: f64) -> Option<f64> {
        let (mut near, mut far) = (0.0f64, limit);
        for k in 0..3 {
            let a = (f64::from(self.low[k]) - origin[k]) * inverse[k];
            let b = (f64::from(self.high[k]) - origin[k]) * inverse[k];
            near = near.max(a.min(b));
            far = far.min(a.max(b));
        }
        (near <= far * (1.0 + 1e-15) + 1e-300).then_some(near)
    }

    #[inline]
    pub(super) fn touches(&self, other: &Self) -> bool {
        (0..3).all(|k| self.low[k] <= other.high[k] && other.low[k] <= self.high[k])
    }

    #[inline]
    pub(super) fn overlaps(&self, other: &Aabb) -> bool {
        (0..3).all(|k| f64::from(self.low[k]) <= other.high[k] && other.low[k] <= f64::from(self.high[k]))
    }
}
