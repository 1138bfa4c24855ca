//! Measures the bowl of a block: the systematic deformation that an imperfect self-calibration leaves.
//!
//! In: adjusted camera centres and the vertical residuals against their priors, metres. Out: amplitude `d * r_max^2` of
//! the fit `z = a + b x + c y + d r^2` and its standard deviation, metres. Source: M. James, S. Robson, "Mitigating
//! systematic error in topographic models derived from UAV and ground-based image networks", Earth Surface Processes
//! and Landforms 39(10), 2014; the robust fit is Huber's by iterated reweighting. Cost: linear. Failure modes: `None`
//! for fewer than six photos, or where the photos stand on a line or in one place.

use crate::base::stats;
use nalgebra::{Matrix4, Vector3, Vector4};

/// Amplitude in metres of the bowl at the largest horizontal camera radius, and its standard deviation.
pub fn doming(centres: &[Vector3<f64>], residual_z: &[f64]) -> Option<(f64, f64)> {
    let n = centres.len();
    if n < 6 || residual_z.len() != n {
        return None;
    }
    let mean = centres.iter().sum::<Vector3<f64>>() / n as f64;
    let radius = centres.iter().map(|c| (c - mean).xy().norm()).fold(0.0, f64::max);
    if radius <= 0.0 || !radius.is_finite() {
        return None;
    }
    // Coordinates in units of the radius, so that the quadratic coefficient is the amplitude itself.
    let rows: Vec<Vector4<f64>> = centres
        .iter()
        .map(|c| {
            let d = (c - mean).xy() / radius;
            Vector4::new(1.0, d.x, d.y, d.norm_squared())
        })
        .collect();
    let mut weights = vec![1.0; n];
    let mut result = None;
    for _ in 0..12 {
        let mut normal = Matrix4::zeros();
        let mut right = Vector4::zeros();
        for ((row, z), w) in rows.iter().zip(residual_z).zip(&weights) {
            normal += row * row.transpose() * *w;
            right += row * (*z * *w);
        }
        let spectrum = normal.symmetric_eigenvalues();
        if spectrum.min() < 1e-6 * spectrum.max() {
            return None;
        }
        let inverse = normal.try_inverse()?;
        let x = inverse * right;
        let left: Vec<f64> = rows.iter().zip(residual_z).map(|(row, z)| z - row.dot(&x)).collect();
        let robust = stats::mad_sigma(&left)?.max(1e-9);
        let weighted: f64 = left.iter().zip(&weights).map(|(r, w)| w * r * r).sum();
        let variance = weighted / (weights.iter().sum::<f64>() - 4.0).max(1.0);
        result = Some((x[3], (inverse[(3, 3)] * variance).sqrt()));
        for (w, r) in weights.iter_mut().zip(&left) {
            *w = (1.345 * robust / r.abs()).min(1.0);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn block(bowl: f64, noise: f64) -> (Vec<Vector3<f64>>, Vec<f64>) {
        let mut rng = Rng::new(3, 1);
        let centres: Vec<_> =
            (0..100).map(|i| Vector3::new((i % 10) as f64 * 10.0, (i / 10) as f64 * 10.0, 80.0)).collect();
        let mean = Vector3::new(45.0, 45.0, 80.0);
        let z = centres
            .iter()
            .map(|c| 3.0 + 0.02 * c.x + bowl * (c - mean).xy().norm_squared() / 4050.0 + noise * rng.normal())
            .collect();
        (centres, z)
    }

    #[test]
    fn finds_the_bowl_despite_outliers() {
        let (centres, mut z) = block(0.8, 0.1);
        z[5] += 20.0;
        z[77] -= 35.0;
        let (amplitude, sigma) = doming(&centres, &z).expect("fit");
        assert!((amplitude - 0.8).abs() < 0.12 && sigma > 0.01 && sigma < 0.15, "{amplitude} {sigma}");
    }

    #[test]
    fn a_tilted_plane_is_no_bowl() {
        let (centres, z) = block(0.0, 0.1);
        let (amplitude, sigma) = doming(&centres, &z).expect("fit");
        assert!(amplitude.abs() < 3.0 * sigma, "{amplitude} {sigma}");
    }

    #[test]
    fn a_line_tells_nothing() {
        let centres: Vec<_> = (0..20).map(|i| Vector3::new(f64::from(i), 2.0 * f64::from(i), 0.0)).collect();
        assert_eq!(doming(&centres, &[0.0; 20]), None);
        assert_eq!(doming(&centres[..3], &[0.0; 3]), None);
    }
}
