//! The height of a surface along a line on the map.
//!
//! In: a surface, the line's corners. Out: pairs of length along the line (on the map) and height.

use super::heights::{height, span};
use crate::mesh::bvh::Bvh;
use nalgebra::Vector3;
use rayon::prelude::*;

/// Samples of a profile, at most.
const SAMPLES: usize = 4000;
/// Samples, at least.
const LEAST: usize = 200;

/// A profile.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Place on the map, length along the line, height (`None` where there is no surface).
    pub samples: Vec<(Vector3<f64>, f64, Option<f64>)>,
}

impl Profile {
    /// Length of the line on the map.
    pub fn length(&self) -> f64 {
        self.samples.last().map_or(0.0, |s| s.1)
    }

    /// Lowest and highest height.
    pub fn range(&self) -> Option<(f64, f64)> {
        let heights = self.samples.iter().filter_map(|s| s.2);
        heights.map(|z| (z, z)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// A table for other programs: length, east, north, height, separated by commas.
    pub fn csv(&self) -> String {
        let line = |(at, length, z): &(Vector3<f64>, f64, Option<f64>)| {
            let z = z.map_or_else(String::new, |z| format!("{z:.4}"));
            format!("{length:.4},{:.4},{:.4},{z}\n", at.x, at.y)
        };
        std::iter::once("length,x,y,height\n".to_string()).chain(self.samples.iter().map(line)).collect()
    }
}

/// Samples the surface along a line about every `texel`.
pub fn profile(surface: &Bvh, line: &[Vector3<f64>], texel: f64) -> Option<Profile> {
    let lengths: Vec<f64> = line.windows(2).map(|w| (w[1] - w[0]).xy().norm()).collect();
    let total: f64 = lengths.iter().sum();
    if !(total > 0.0) {
        return None;
    }
    let span = span(surface)?;
    let count = ((total / texel.max(1e-12)).ceil().min(1e9) as usize).clamp(LEAST, SAMPLES);
    let at = |i: usize| {
        let length = total * i as f64 / count as f64;
        let (mut piece, mut before) = (0, 0.0);
        while piece + 1 < lengths.len() && before + lengths[piece] < length {
            before += lengths[piece];
            piece += 1;
        }
        let share = ((length - before) / lengths[piece].max(1e-12)).clamp(0.0, 1.0);
        let place = line[piece] + (line[piece + 1] - line[piece]) * share;
        (place, length, height(surface, span, place.x, place.y))
    };
    Some(Profile { samples: (0..=count).into_par_iter().map(at).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Mesh;

    #[test]
    fn a_roof_in_profile() {
        let at = Vector3::new;
        let vertices = vec![
            at(0.0, 0.0, 0.0),
            at(10.0, 0.0, 5.0),
            at(20.0, 0.0, 0.0),
            at(0.0, 9.0, 0.0),
            at(10.0, 9.0, 5.0),
            at(20.0, 9.0, 0.0),
        ];
        let triangles = vec![[0, 1, 4], [0, 4, 3], [1, 2, 5], [1, 5, 4]];
        let surface = Bvh::new(&Mesh { vertices, triangles });
        let line = [at(-2.0, 3.0, 7.0), at(10.0, 3.0, 0.0), at(18.0, 9.0 - 1e-9, 0.0)];
        let p = profile(&surface, &line, 0.05).expect("profile");
        assert!((p.length() - 22.0).abs() < 1e-9);
        for (place, length, z) in &p.samples {
            match z {
                Some(z) => assert!((z - (5.0 - (place.x - 10.0).abs() / 2.0)).abs() < 1e-6),
                None => assert!(*length < 2.0 + 1e-6),
            }
        }
        let (low, high) = p.range().expect("heights");
        assert!(low < 0.1 && (high - 5.0).abs() < 0.03);
        assert_eq!(p.csv().lines().count(), p.samples.len() + 1);
        assert!(p.csv().starts_with("length,x,y,height\n0.0000,-2.0000,3.0000,\n"));
        assert!(profile(&surface, &line[..1], 0.1).is_none());
    }
}
