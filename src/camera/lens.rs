//! The lens model: square pixels, three radial and two tangential coefficients (Brown-Conrady, OpenCV's order and
//! signs), with analytic Jacobians.
//!
//! `x = X/Z`, `r2 = x^2 + y^2`, `d = 1 + k1 r2 + k2 r2^2 + k3 r2^3`,
//! `xd = x d + 2 p1 x y + p2 (r2 + 2 x^2)`, `yd = y d + p1 (r2 + 2 y^2) + 2 p2 x y`, `u = f xd + cx`, `v = f yd + cy`.
//! Pixel coordinates have the first pixel's centre at 0.5.
//!
//! Source: D. Brown, "Close-range camera calibration", Photogrammetric Engineering 37(8), 1971.

use nalgebra::{Matrix2, Matrix2x3, SMatrix, Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// Number of lens parameters: f, cx, cy, k1, k2, k3, p1, p2.
pub const PARAMETERS: usize = 8;

/// Calibration of a lens, in pixels of the full-size photo.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lens {
    /// Focal length in pixels.
    pub f: f64,
    /// Principal point, x in pixels.
    pub cx: f64,
    /// Principal point, y in pixels.
    pub cy: f64,
    /// Radial coefficients k1, k2, k3.
    pub k: [f64; 3],
    /// Tangential coefficients p1, p2.
    pub p: [f64; 2],
}

/// Derivatives of a projection.
#[derive(Clone, Copy, Debug)]
pub struct LensJacobians {
    /// Of the pixel by the point in the camera frame.
    pub by_point: Matrix2x3<f64>,
    /// Of the pixel by (f, cx, cy, k1, k2, k3, p1, p2).
    pub by_lens: SMatrix<f64, 2, PARAMETERS>,
}

impl Lens {
    /// A lens without distortion, its principal point at the centre of the image.
    pub fn ideal(f: f64, width: u32, height: u32) -> Self {
        Self { f, cx: f64::from(width) / 2.0, cy: f64::from(height) / 2.0, k: [0.0; 3], p: [0.0; 2] }
    }

    /// The parameters in the order of [`LensJacobians::by_lens`].
    pub fn to_array(&self) -> [f64; PARAMETERS] {
        [self.f, self.cx, self.cy, self.k[0], self.k[1], self.k[2], self.p[0], self.p[1]]
    }

    /// The inverse of [`Lens::to_array`].
    pub fn from_array(a: &[f64; PARAMETERS]) -> Self {
        Self { f: a[0], cx: a[1], cy: a[2], k: [a[3], a[4], a[5]], p: [a[6], a[7]] }
    }

    /// Distorted normalised coordinates of ideal ones.
    pub fn distort(&self, n: &Vector2<f64>) -> Vector2<f64> {
        let (x, y) = (n.x, n.y);
        let r2 = x * x + y * y;
        let d = 1.0 + r2 * (self.k[0] + r2 * (self.k[1] + r2 * self.k[2]));
        let [p1, p2] = self.p;
        Vector2::new(
            x * d + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x),
            y * d + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y,
        )
    }

    /// Derivative of [`Lens::distort`].
    fn distort_jacobian(&self, n: &Vector2<f64>) -> Matrix2<f64> {
        let (x, y) = (n.x, n.y);
        let r2 = x * x + y * y;
        let [k1, k2, k3] = self.k;
        let [p1, p2] = self.p;
        let d = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        let d_r2 = k1 + r2 * (2.0 * k2 + 3.0 * r2 * k3);
        Matrix2::new(
            d + 2.0 * x * x * d_r2 + 2.0 * p1 * y + 6.0 * p2 * x,
            2.0 * x * y * d_r2 + 2.0 * p1 * x + 2.0 * p2 * y,
            2.0 * x * y * d_r2 + 2.0 * p1 * x + 2.0 * p2 * y,
            d + 2.0 * y * y * d_r2 + 6.0 * p1 * y + 2.0 * p2 * x,
        )
    }

    /// Pixel of a point in the camera frame; `None` at or behind the camera, or where the radial polynomial folds back
    /// (the point is outside what the lens can image).
    pub fn project(&self, x: &Vector3<f64>) -> Option<Vector2<f64>> {
        if x.z <= 1e-12 {
            return None;
        }
        let n = Vector2::new(x.x / x.z, x.y / x.z);
        if !self.is_monotonic_at(n.norm_squared()) {
            return None;
        }
        let d = self.distort(&n);
        Some(Vector2::new(self.f * d.x + self.cx, self.f * d.y + self.cy))
    }

    /// [`Lens::project`] with its derivatives.
    pub fn project_with_jacobians(&self, point: &Vector3<f64>) -> Option<(Vector2<f64>, LensJacobians)> {
        if point.z <= 1e-12 {
            return None;
        }
        let iz = 1.0 / point.z;
        let n = Vector2::new(point.x * iz, point.y * iz);
        let (x, y) = (n.x, n.y);
        let r2 = n.norm_squared();
        if !self.is_monotonic_at(r2) {
            return None;
        }
        let d = self.distort(&n);
        let by_n = self.distort_jacobian(&n) * self.f;
        let n_by_point = Matrix2x3::new(iz, 0.0, -x * iz, 0.0, iz, -y * iz);
        let f = self.f;
        #[rustfmt::skip]
        let by_lens = SMatrix::<f64, 2, PARAMETERS>::from_row_slice(&[
            d.x, 1.0, 0.0, f * x * r2, f * x * r2 * r2, f * x * r2 * r2 * r2, f * 2.0 * x * y, f * (r2 + 2.0 * x * x),
            d.y, 0.0, 1.0, f * y * r2, f * y * r2 * r2, f * y * r2 * r2 * r2, f * (r2 + 2.0 * y * y), f * 2.0 * x * y,
        ]);
        let uv = Vector2::new(f * d.x + self.cx, f * d.y + self.cy);
        Some((uv, LensJacobians { by_point: by_n * n_by_point, by_lens }))
    }

    /// The ray of a pixel with z = 1: inverts the distortion by Newton's method to 1e-12 of a focal length. `None`
    /// where the pixel lies outside what the model can image.
    pub fn unproject(&self, pixel: &Vector2<f64>) -> Option<Vector3<f64>> {
        let target = Vector2::new((pixel.x - self.cx) / self.f, (pixel.y - self.cy) / self.f);
        let mut n = target;
        for _ in 0..30 {
            let error = self.distort(&n) - target;
            let step = self.distort_jacobian(&n).try_inverse()? * error;
            n -= step;
            if !n.x.is_finite() || !n.y.is_finite() {
                return None;
            }
            if step.norm_squared() < 1e-26 {
                break;
            }
        }
        let close = (self.distort(&n) - target).norm() < 1e-9;
        (close && self.is_monotonic_at(n.norm_squared())).then(|| Vector3::new(n.x, n.y, 1.0))
    }

    /// Whether the radial distortion still grows at this squared radius: d/dr (r d(r)) > 0.
    fn is_monotonic_at(&self, r2: f64) -> bool {
        1.0 + r2 * (3.0 * self.k[0] + r2 * (5.0 * self.k[1] + r2 * 7.0 * self.k[2])) > 0.05
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens() -> Lens {
        Lens { f: 944.0, cx: 645.1, cy: 423.0, k: [-0.06, 0.02, -0.004], p: [0.0005, -0.0004] }
    }

    #[test]
    fn unproject_inverts_project() {
        for (x, y) in [(0.0, 0.0), (0.3, -0.2), (-0.6, 0.4), (0.65, 0.45)] {
            let ray = Vector3::new(x, y, 1.0);
            let uv = lens().project(&(ray * 7.0)).expect("in view");
            let back = lens().unproject(&uv).expect("in view");
            assert!((back - ray).norm() < 1e-10, "{back} {ray}");
        }
        assert!(lens().project(&Vector3::new(0.0, 0.0, -1.0)).is_none());
    }

    #[test]
    fn jacobians_match_central_differences() {
        let x = Vector3::new(0.8, -0.5, 2.0);
        let (_, j) = lens().project_with_jacobians(&x).expect("in view");
        let h = 1e-6;
        for c in 0..3 {
            let mut d = Vector3::zeros();
            d[c] = h;
            let (a, b) = (lens().project(&(x + d)).expect("in view"), lens().project(&(x - d)).expect("in view"));
            let numeric = (a - b) / (2.0 * h);
            assert!((numeric - j.by_point.column(c)).norm() < 1e-4, "point {c}");
        }
        for c in 0..PARAMETERS {
            let h = if c < 3 { 1e-4 } else { 1e-7 };
            let at = |s: f64| {
                let mut a = lens().to_array();
                a[c] += s * h;
                Lens::from_array(&a).project(&x).expect("in view")
            };
            let numeric = (at(1.0) - at(-1.0)) / (2.0 * h);
            assert!((numeric - j.by_lens.column(c)).norm() < 1e-4, "lens {c}");
        }
    }
}
