//! Light: sun, sky, and how much of the sky each place sees.
//!
//! In: the city's hierarchy. Out: irradiance from the sky at a point for a normal, sky radiance for mirrors.
//! The sky's visibility comes from horizon angles over a height map of the city, kept as mean and first moment on a
//! coarse grid in space (order 1 of R. Ramamoorthi, P. Hanrahan, "An efficient representation for irradiance environment
//! maps", SIGGRAPH 2001; horizons after N. Max, "Horizon mapping", 1988). Cost: a fraction of a second.
//! Failure modes: nothing finer than the grid (2 m) darkens a corner.

use super::bvh::Bvh;
use super::surface::{Rgb, V3};
use rayon::prelude::*;

/// Colour and strength of the sun's light on a surface that faces it.
pub const SUN: Rgb = [2.75, 2.52, 2.18];
/// Irradiance of the open sky on level ground.
const SKY: Rgb = [0.50, 0.60, 0.80];
/// Light that comes back from the ground, as irradiance on a surface that faces down.
const BOUNCE: Rgb = [0.34, 0.31, 0.26];
const SPACING: f32 = 2.0;
const SECTORS: usize = 12;

/// The light in the city.
#[derive(Clone, Debug)]
pub struct Light {
    /// Unit direction towards the sun.
    pub sun: V3,
    origin: V3,
    size: [usize; 3],
    /// Mean visibility and its first moment.
    cells: Vec<[f32; 4]>,
}

impl Light {
    /// Measures the sky's visibility over a rectangle (local metres) from the height map of `bvh`.
    pub fn new(bvh: &Bvh, min: [f32; 2], max: [f32; 2], sun: V3) -> Self {
        let size = |k: usize| ((max[k] - min[k]) / SPACING).ceil() as usize + 1;
        let (nx, ny, nz) = (size(0), size(1), 18);
        let origin = V3::new(min[0], min[1], -4.0);
        // Height map at 1 m.
        let (mx, my) = (2 * nx, 2 * ny);
        let heights: Vec<f32> = (0..my)
            .into_par_iter()
            .flat_map_iter(|j| {
                (0..mx).map(move |i| {
                    let p = V3::new(origin.x + 0.5 * SPACING * i as f32, origin.y + 0.5 * SPACING * j as f32, 200.0);
                    bvh.cast(&p, &-V3::z(), 400.0).map_or(0.0, |(t, _)| 200.0 - t)
                })
            })
            .collect();
        let height = |x: f32, y: f32| {
            let i = ((x - origin.x) / (0.5 * SPACING) + 0.5).clamp(0.0, (mx - 1) as f32) as usize;
            let j = ((y - origin.y) / (0.5 * SPACING) + 0.5).clamp(0.0, (my - 1) as f32) as usize;
            heights[j * mx + i]
        };
        let cells = (0..nx * ny)
            .into_par_iter()
            .flat_map_iter(|k| {
                let (x, y) = (origin.x + SPACING * (k % nx) as f32, origin.y + SPACING * (k / nx) as f32);
                let mut profile = [[(0.0f32, 0.0f32); 7]; SECTORS];
                for (s, steps) in profile.iter_mut().enumerate() {
                    let (sin, cos) = ((s as f32 + 0.5) / SECTORS as f32 * std::f32::consts::TAU).sin_cos();
                    for (d, step) in [1.4, 2.6, 4.2, 7.0, 11.0, 18.0, 30.0].into_iter().zip(steps) {
                        *step = (d, height(x + d * cos, y + d * sin));
                    }
                }
                (0..nz).map(move |l| visibility(origin.z + SPACING * l as f32, &profile))
            })
            .collect();
        Self { sun, origin, size: [nx, ny, nz], cells }
    }

    /// Irradiance from sky and surroundings at a point, over pi: multiply by the albedo.
    pub fn ambient(&self, p: &V3, normal: &V3) -> Rgb {
        let q = (p + normal * 1.1 - self.origin) / SPACING;
        let mut sum = [0.0f32; 4];
        let mut base = [0usize; 3];
        let mut part = [0.0f32; 3];
        for c in 0..3 {
            let x = q[c].clamp(0.0, (self.size[c] - 1) as f32 - 1e-3);
            base[c] = x as usize;
            part[c] = x - base[c] as f32;
        }
        for k in 0..8 {
            let d = [k & 1, (k >> 1) & 1, k >> 2];
            let mut w = 1.0;
            for c in 0..3 {
                w *= if d[c] == 1 { part[c] } else { 1.0 - part[c] };
            }
            let at = ((base[1] + d[1]) * self.size[0] + base[0] + d[0]) * self.size[2] + base[2] + d[2];
            for (s, v) in sum.iter_mut().zip(self.cells[at]) {
                *s += w * v;
            }
        }
        let sky = (sum[0] + sum[1] * normal.x + sum[2] * normal.y + sum[3] * normal.z).clamp(0.03, 1.2);
        // What is not sky is walls and ground in the sun or in the shade.
        let rest =
            (0.5 * (1.0 - normal.z) + 0.35 * (1.0 - sum[0].min(1.0))).clamp(0.0, 1.0) * (0.35 + 0.65 * sum[0].min(1.0));
        std::array::from_fn(|c| SKY[c] * sky + BOUNCE[c] * rest)
    }

    /// Radiance of the sky (or of what stands in for the city below the horizon) in a direction.
    pub fn sky(&self, d: &V3) -> Rgb {
        let up = d.z.clamp(0.0, 1.0);
        let t = (1.0 - up).powi(4);
        let (zenith, horizon) = ([0.22, 0.38, 0.74], [0.72, 0.80, 0.88]);
        let glow = d.dot(&self.sun).max(0.0).powi(6) * 0.35;
        let below = super::noise::step(-d.z, -0.05, 0.25);
        std::array::from_fn(|c| {
            let sky = zenith[c] + (horizon[c] - zenith[c]) * t + glow;
            sky + ([0.24, 0.23, 0.21][c] - sky) * below
        })
    }

    /// Mirror image of the sun in a direction, for a shiny surface.
    pub fn glint(&self, d: &V3, sharpness: i32) -> f32 {
        d.dot(&self.sun).max(0.0).powi(sharpness)
    }
}

/// Mean and first moment of the sky's visibility at a height, so that `mean + moment . normal` is about the cosine
/// integral over the visible sky: 1 for an open horizontal surface.
fn visibility(z: f32, profile: &[[(f32, f32); 7]; SECTORS]) -> [f32; 4] {
    let mut out = [0.0; 4];
    for (s, steps) in profile.iter().enumerate() {
        let mut slope = 0.0f32;
        for &(d, h) in steps {
            slope = slope.max((h - z) / d);
        }
        let sine = slope / (1.0 + slope * slope).sqrt();
        let cosine = (1.0 - sine * sine).sqrt();
        // Over the visible part of a sector: solid angle, and the integrals of the direction's components.
        let solid = 1.0 - sine;
        let up = 0.5 * (1.0 - sine * sine);
        let angle = cosine.acos();
        let side = 0.5 * (std::f32::consts::FRAC_PI_2 - angle - sine * cosine);
        let (sin, cos) = ((s as f32 + 0.5) / SECTORS as f32 * std::f32::consts::TAU).sin_cos();
        out[0] += 0.5 * solid / SECTORS as f32;
        out[1] += side * cos / SECTORS as f32;
        out[2] += side * sin / SECTORS as f32;
        out[3] += up / SECTORS as f32;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_ground_sees_the_sky_and_a_canyon_sees_less() {
        let open = visibility(0.0, &[[(5.0, 0.0); 7]; SECTORS]);
        assert!((open[0] + open[3] - 1.0).abs() < 0.01, "{open:?}");
        let canyon = visibility(0.0, &[[(5.0, 15.0); 7]; SECTORS]);
        assert!(canyon[0] + canyon[3] < 0.2, "{canyon:?}");
        let mut half = [[(5.0, 0.0); 7]; SECTORS];
        for sector in half.iter_mut().take(SECTORS / 2) {
            *sector = [(3.0, 30.0); 7];
        }
        let wall = visibility(0.0, &half);
        assert!(wall[2] < -0.05, "light comes from the open side: {wall:?}");
    }
}
