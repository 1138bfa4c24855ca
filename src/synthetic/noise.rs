//! Hashes and band-limited noise for procedural textures.
//!
//! In: coordinates in metres, a seed, the footprint of the pixel in metres. Out: values around zero, about -1..=1.
//! Octaves finer than the footprint are faded out, so that a texture has detail down to the pixel and does not alias.
//! Source: K. Perlin, "An image synthesizer", SIGGRAPH 1985 (lattice noise); S. Worley, "A cellular texture basis
//! function", SIGGRAPH 1996. Integer mixing as in C. Wellons' "lowbias32" (constants only). Cost: 5-10 ns an octave.

/// Mixes 32 bits.
pub fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// A hash of a lattice point.
pub fn hash(x: i32, y: i32, seed: u32) -> u32 {
    let h =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    mix(h)
}

/// The top bits of a hash as a number in 0..1.
pub fn unit(h: u32) -> f32 {
    (h >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Uniform in 0..1 for a lattice point.
pub fn rand(x: i32, y: i32, seed: u32) -> f32 {
    unit(hash(x, y, seed))
}

/// Floor as an integer, and the fraction.
pub fn split(x: f32) -> (i32, f32) {
    let i = x.floor();
    (i as i32, x - i)
}

/// Smooth value noise on the unit lattice, -1..=1.
pub fn value(x: f32, y: f32, seed: u32) -> f32 {
    let ((i, a), (j, b)) = (split(x), split(y));
    let (a, b) = (a * a * (3.0 - 2.0 * a), b * b * (3.0 - 2.0 * b));
    let at = |di: i32, dj: i32| rand(i.wrapping_add(di), j.wrapping_add(dj), seed);
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * a;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * a;
    2.0 * (top + (bottom - top) * b) - 1.0
}

/// Weight of a pattern of wavelength `wavelength` seen with a footprint: 1 = resolved, 0 = far too fine.
pub fn resolved(wavelength: f32, footprint: f32) -> f32 {
    let t = ((wavelength / footprint - 0.9) / 0.9).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Sum of octaves from `wavelength` metres downwards, each half as long and `gain` times as strong as the one before;
/// octaves finer than the footprint are left out.
pub fn fbm(p: [f32; 2], wavelength: f32, octaves: u32, gain: f32, footprint: f32, seed: u32) -> f32 {
    let (mut sum, mut amplitude, mut lambda) = (0.0, 1.0, wavelength);
    for k in 0..octaves {
        let weight = resolved(lambda, footprint);
        if weight <= 0.0 {
            break;
        }
        let s = 1.0 / lambda;
        // A shift per octave keeps the lattices from lining up.
        let shift = k as f32 * 17.31;
        sum += weight * amplitude * value(p[0] * s + shift, p[1] * s - shift, seed.wrapping_add(k * 101));
        amplitude *= gain;
        lambda *= 0.5;
    }
    sum
}

/// Cellular noise: distance to the nearest and the second-nearest of jittered lattice points, and the nearest's hash.
pub fn cells(x: f32, y: f32, seed: u32) -> (f32, f32, u32) {
    let ((i, a), (j, b)) = (split(x), split(y));
    let (mut first, mut second, mut id) = (f32::MAX, f32::MAX, 0);
    for dj in -1..=1 {
        for di in -1..=1 {
            let h = hash(i + di, j + dj, seed);
            let dx = di as f32 + unit(h) - a;
            let dy = dj as f32 + unit(mix(h ^ 0x68bc_21eb)) - b;
            let d = dx * dx + dy * dy;
            if d < first {
                (second, first, id) = (first, d, h);
            } else if d < second {
                second = d;
            }
        }
    }
    (first.sqrt(), second.sqrt(), id)
}

/// Share of a footprint centred at `x` that lies in `from..to`.
pub fn cover(x: f32, from: f32, to: f32, footprint: f32) -> f32 {
    let s = 1.0 / footprint;
    (((x - from) * s + 0.5).clamp(0.0, 1.0) - ((x - to) * s + 0.5).clamp(0.0, 1.0)).max(0.0)
}

/// 0 below `from`, 1 above `to`, smooth between.
pub fn step(x: f32, from: f32, to: f32) -> f32 {
    let t = ((x - from) / (to - from)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_bounded_centred_and_band_limited() {
        let n = 20_000;
        let at = |k: usize, fp: f32| fbm([k as f32 * 0.37, (k % 91) as f32 * 0.71], 2.0, 6, 0.7, fp, 5);
        let mean = (0..n).map(|k| f64::from(at(k, 0.01))).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.05, "{mean}");
        assert!((0..n).all(|k| value(k as f32 * 0.13, 3.3, 1).abs() <= 1.0));
        assert!(at(7, 0.01) != 0.0 && at(7, 5.0) == 0.0);
    }

    #[test]
    fn coverage_of_an_interval() {
        assert_eq!(cover(0.5, 0.0, 1.0, 0.1), 1.0);
        assert_eq!(cover(2.0, 0.0, 1.0, 0.1), 0.0);
        assert!((cover(0.0, 0.0, 1.0, 0.1) - 0.5).abs() < 1e-6);
        assert!((cover(0.5, 0.0, 1.0, 4.0) - 0.25).abs() < 1e-6);
    }
}
