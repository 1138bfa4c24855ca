//! Quadrics: weighted sums of squared distances to planes.
//!
//! Source: M. Garland, P. Heckbert, SIGGRAPH 1997, section 5.

use nalgebra::{Matrix3, Vector3};

/// `x' A x - 2 b' x + c`, with the sum of the weights of its planes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quadric {
    /// Upper triangle of A: xx, xy, xz, yy, yz, zz.
    a: [f64; 6],
    b: [f64; 3],
    c: f64,
    /// Sum of weights.
    pub weight: f64,
}

impl Quadric {
    /// The squared distance to the plane through `p` with unit normal `n`, times `weight`.
    pub fn plane(n: &Vector3<f64>, p: &Vector3<f64>, weight: f64) -> Self {
        let d = n.dot(p);
        Self {
            a: [n.x * n.x, n.x * n.y, n.x * n.z, n.y * n.y, n.y * n.z, n.z * n.z].map(|v| v * weight),
            b: [n.x, n.y, n.z].map(|v| v * d * weight),
            c: d * d * weight,
            weight,
        }
    }

    /// The sum of two.
    pub fn plus(&self, o: &Self) -> Self {
        Self {
            a: std::array::from_fn(|i| self.a[i] + o.a[i]),
            b: std::array::from_fn(|i| self.b[i] + o.b[i]),
            c: self.c + o.c,
            weight: self.weight + o.weight,
        }
    }

    /// Its value; never negative.
    pub fn at(&self, x: &Vector3<f64>) -> f64 {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let quadratic =
            x.x * (xx * x.x + 2.0 * (xy * x.y + xz * x.z)) + x.y * (yy * x.y + 2.0 * yz * x.z) + zz * x.z * x.z;
        (quadratic - 2.0 * (self.b[0] * x.x + self.b[1] * x.y + self.b[2] * x.z) + self.c).max(0.0)
    }

    /// The point where it is smallest; along directions in which it hardly grows, the one nearest to `guess`.
    pub fn lowest(&self, guess: &Vector3<f64>) -> Option<Vector3<f64>> {
        let [xx, xy, xz, yy, yz, zz] = self.a;
        let a = Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz);
        let stay = 1e-4 * self.weight;
        let residual = Vector3::from(self.b) - a * guess;
        let inverse = (a + Matrix3::identity() * stay).try_inverse()?;
        Some(guess + inverse * residual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_planes_meet_in_their_corner() {
        let corner = Vector3::new(3.0, -2.0, 5.0);
        let q = [Vector3::x(), Vector3::y(), Vector3::z()]
            .iter()
            .fold(Quadric::default(), |q, n| q.plus(&Quadric::plane(n, &corner, 2.0)));
        let found = q.lowest(&Vector3::new(2.0, -2.5, 5.5)).expect("solvable");
        assert!((found - corner).norm() < 1e-3);
        assert!(q.at(&corner) < 1e-12);
        assert!((q.at(&(corner + Vector3::x() * 2.0)) - 8.0).abs() < 1e-9);
        let flat = Quadric::plane(&Vector3::z(), &corner, 1.0);
        let guess = Vector3::new(7.0, 8.0, 4.0);
        let found = flat.lowest(&guess).expect("solvable");
        assert!((found - Vector3::new(7.0, 8.0, 5.0)).norm() < 1e-3);
    }
}
