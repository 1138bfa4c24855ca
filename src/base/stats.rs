//! Robust statistics on slices of `f64`. NaNs must be filtered out before.

/// The `q`-quantile (0..=1) with linear interpolation; `None` for an empty slice. Linear in time, on a copy.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let mut copy = values.to_vec();
    let at = q.clamp(0.0, 1.0) * (copy.len() - 1) as f64;
    let (_, low, above) = copy.select_nth_unstable_by(at.floor() as usize, f64::total_cmp);
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*low);
    Some(*low * (1.0 - at.fract()) + high * at.fract())
}

/// The median; `None` for an empty slice.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// Median absolute deviation scaled to the standard deviation of a normal distribution (1.4826 MAD).
pub fn mad_sigma(values: &[f64]) -> Option<f64> {
    let m = median(values)?;
    let deviations: Vec<f64> = values.iter().map(|v| (v - m).abs()).collect();
    median(&deviations).map(|d| 1.4826 * d)
}

/// Root mean square; `None` for an empty slice.
pub fn rms(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| (values.iter().map(|v| v * v).sum::<f64>() / values.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(quantile(&[0.0, 10.0], 0.25), Some(2.5));
        assert_eq!(mad_sigma(&[1.0, 1.0, 1.0, 100.0]), Some(0.0));
        assert_eq!(rms(&[3.0, 4.0]), Some((12.5f64).sqrt()));
    }
}
