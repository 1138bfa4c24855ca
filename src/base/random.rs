//! A small deterministic random number generator. Each photo, pair or tile seeds its own from the run's seed and its
//! id, so that results do not depend on the order in which threads get to work.
//!
//! Source: M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random Number
//! Generation", 2014 (PCG-XSH-RR 64/32); seeding by SplitMix64 (G. Steele et al., OOPSLA 2014).

/// PCG-XSH-RR with 64 bits of state.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator for `stream` (a photo id, a pair id) of the run with `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut x = seed ^ stream.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let mut rng = Self { state: x ^ (x >> 31) };
        rng.next_u32();
        rng
    }

    /// 32 uniform bits.
    pub fn next_u32(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let xorshifted = (((old >> 18) ^ old) >> 27) as u32;
        xorshifted.rotate_right((old >> 59) as u32)
    }

    /// Uniform in [0, 1).
    pub fn next_f64(&mut self) -> f64 {
        let bits = (u64::from(self.next_u32()) << 21) ^ u64::from(self.next_u32() >> 11);
        bits as f64 / (1u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.next_f64()
    }

    /// Uniform in `0..n`; `n` must be positive.
    pub fn below(&mut self, n: usize) -> usize {
        ((u64::from(self.next_u32()) * n as u64) >> 32) as usize
    }

    /// Standard normal, by the polar method.
    pub fn normal(&mut self) -> f64 {
        loop {
            let (u, v) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * s.ln() / s).sqrt();
            }
        }
    }

    /// `K` different indices below `n`; `n` must be at least `K`.
    pub fn sample<const K: usize>(&mut self, n: usize) -> [usize; K] {
        let mut out = [usize::MAX; K];
        let mut filled = 0;
        while filled < K {
            let candidate = self.below(n);
            if !out[..filled].contains(&candidate) {
                out[filled] = candidate;
                filled += 1;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_the_distributions() {
        let mut rng = Rng::new(7, 3);
        let n = 100_000;
        let (mut mean, mut var, mut uni) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = rng.normal();
            mean += x / n as f64;
            var += x * x / n as f64;
            uni += rng.next_f64() / n as f64;
        }
        assert!(mean.abs() < 0.02 && (var - 1.0).abs() < 0.03 && (uni - 0.5).abs() < 0.005, "{mean} {var} {uni}");
    }

    #[test]
    fn streams_differ_and_repeat() {
        let a: Vec<u32> = (0..4).map(|s| Rng::new(1, s).next_u32()).collect();
        let b: Vec<u32> = (0..4).map(|s| Rng::new(1, s).next_u32()).collect();
        assert_eq!(a, b);
        assert!(a.windows(2).all(|w| w[0] != w[1]));
        let s: [usize; 5] = Rng::new(1, 1).sample(5);
        let mut t = s;
        t.sort_unstable();
        assert_eq!(t, [0, 1, 2, 3, 4]);
    }
}
