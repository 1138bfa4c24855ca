//! Sort keys along a space-filling curve, so that what is near in space is near in memory.
//!
//! Source: J. Skilling, "Programming the Hilbert curve", AIP Conf. Proc. 707, 2004 (the transpose form).

use nalgebra::Vector3;

const BITS: u32 = 20;

/// The lowest corner of the finite points and the factor that takes offsets from it to `0..2^20`.
pub fn bounding_cube(points: &[Vector3<f64>]) -> (Vector3<f64>, f64) {
    let mut low = Vector3::repeat(f64::INFINITY);
    let mut high = Vector3::repeat(f64::NEG_INFINITY);
    for p in points.iter().filter(|p| p.iter().all(|x| x.is_finite())) {
        low = low.inf(p);
        high = high.sup(p);
    }
    let side = (high - low).max();
    (low, if side > 0.0 && side.is_finite() { f64::from((1 << BITS) - 1) / side } else { 0.0 })
}

/// Position of `p` along a Hilbert curve through the cube of [`bounding_cube`].
pub fn hilbert_key(p: &Vector3<f64>, low: &Vector3<f64>, scale: f64) -> u64 {
    let offset = (p - low) * scale;
    let mut x = [offset.x as u32, offset.y as u32, offset.z as u32];
    let mut q = 1u32 << (BITS - 1);
    while q > 1 {
        let mask = q - 1;
        for i in 0..3 {
            if x[i] & q != 0 {
                x[0] ^= mask;
            } else {
                let t = (x[0] ^ x[i]) & mask;
                x[0] ^= t;
                x[i] ^= t;
            }
        }
        q >>= 1;
    }
    x[1] ^= x[0];
    x[2] ^= x[1];
    let mut t = 0;
    q = 1 << (BITS - 1);
    while q > 1 {
        if x[2] & q != 0 {
            t ^= q - 1;
        }
        q >>= 1;
    }
    x.iter().enumerate().map(|(i, v)| spread(v ^ t) << (2 - i)).fold(0, |a, b| a | b)
}

/// Puts two zero bits between the bits of a 20-bit number.
fn spread(v: u32) -> u64 {
    let mut x = u64::from(v) & 0x1f_ffff;
    x = (x | x << 32) & 0x1f_0000_0000_ffff;
    x = (x | x << 16) & 0x1f_0000_ff00_00ff;
    x = (x | x << 8) & 0x100f_00f0_0f00_f00f;
    x = (x | x << 4) & 0x10c3_0c30_c30c_30c3;
    (x | x << 2) & 0x1249_2492_4924_9249
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consecutive_keys_are_neighbours() {
        let n = 8;
        let mut cells: Vec<Vector3<f64>> = Vec::new();
        for i in 0..n * n * n {
            cells.push(Vector3::new(f64::from(i % n), f64::from(i / n % n), f64::from(i / n / n)));
        }
        let scale = f64::from(1 << BITS) / f64::from(n);
        cells.sort_by_key(|c| hilbert_key(c, &Vector3::zeros(), scale));
        assert!(cells.windows(2).all(|w| (w[0] - w[1]).abs().sum() == 1.0));
    }
}
