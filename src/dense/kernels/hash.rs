//! Deterministic random bits from a hash of (x, y, iteration, seed), equal on CPU and GPU.
//!
//! Source: M. Jarzynski and M. Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020 (pcg).
//! Twin: `shaders/shared/random.wgsl`.

/// One round of the hash.
pub fn pcg_hash(input: u32) -> u32 {
    let state = input.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let word = ((state >> ((state >> 28) + 4)) ^ state).wrapping_mul(277_803_737);
    (word >> 22) ^ word
}

/// Hash of four words.
pub fn hash4(x: u32, y: u32, iteration: u32, seed: u32) -> u32 {
    pcg_hash(x ^ pcg_hash(y ^ pcg_hash(iteration ^ pcg_hash(seed))))
}

/// A stream of numbers that starts at a hash.
#[derive(Clone, Copy, Debug)]
pub struct HashStream(pub u32);

impl HashStream {
    /// Uniform in [0, 1) with 24 bits.
    pub fn unit(&mut self) -> f32 {
        self.0 = pcg_hash(self.0.wrapping_add(0x9e37_79b9));
        (self.0 >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in [-1, 1).
    pub fn signed(&mut self) -> f32 {
        2.0 * self.unit() - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_over_neighbouring_pixels() {
        let mut sums = [0.0f64; 2];
        let n = 100;
        for y in 0..n {
            for x in 0..n {
                let mut stream = HashStream(hash4(x, y, 3, 7));
                let (a, b) = (f64::from(stream.signed()), f64::from(stream.signed()));
                sums[0] += a;
                sums[1] += a * b;
            }
        }
        let count = f64::from(n * n);
        assert!((sums[0] / count).abs() < 0.02 && (sums[1] / count).abs() < 0.02, "{sums:?}");
    }
}
