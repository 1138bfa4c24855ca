//! Features of one photo: SIFT keypoints with RootSIFT descriptors, spread evenly over the photo.
//!
//! In: an sRGB photo. Out: [`Features`] in pixel coordinates of the full-size photo (first pixel's centre at 0.5).
//!
//! Source: D. Lowe, "Distinctive Image Features from Scale-Invariant Keypoints", IJCV 2004; R. Arandjelovic and
//! A. Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012 (RootSIFT). We differ in the
//! doubling of the image, which samples at `(i + 0.5) / 2` so that no octave is shifted against another, and in the
//! choice of keypoints, which is balanced over the photo so that vegetation does not take the whole budget.
//!
//! Cost: about 130 multiply-adds for each pixel of the first octave; memory of 24 bytes for each of its pixels (a
//! doubled 1600 x 1200 photo: 184 MB), never more than one octave's pyramid at full depth. No randomness; equal bits for
//! any number of threads and any instruction set.
//!
//! Failure modes: a photo without texture, or smaller than 12 pixels, gives few or no features; that is not an error.

mod descriptor;
mod detect;
mod gradient;
mod orientation;
mod scale_space;
mod select;
mod simd;
mod working;

#[cfg(test)]
mod tests;

use crate::image::Rgb8;
use crate::scene::{Features, Keypoint};
use detect::Extremum;
use rayon::prelude::*;
use scale_space::Octave;
use serde::{Deserialize, Serialize};
use std::f32::consts::TAU;

/// Photos up to this many pixels (at working size) are doubled before detection unless the options say otherwise.
const DOUBLE_UP_TO_PIXELS: usize = 2_100_000;

/// How features are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeatureOptions {
    /// Most features kept for one photo.
    pub max_features: usize,
    /// Photos are reduced to at most this many pixels on the longer side before detection.
    pub max_size: usize,
    /// -1 doubles the photo first, 0 takes it as it is; absent: doubled up to about 2 megapixels.
    pub first_octave: Option<i8>,
    /// Least contrast of a keypoint: |difference of Gaussians| for grey values in 0..=1.
    pub contrast: f32,
    /// Greatest ratio of the principal curvatures; larger ones are edges.
    pub edge_ratio: f32,
    /// Most orientations (features) for one keypoint.
    pub max_orientations: usize,
    /// Where there are more features than wanted, those are kept that have the fewest larger ones about them, in a round
    /// window; so many windows lie side by side along the photo's mean side.
    pub windows: f32,
}

impl Default for FeatureOptions {
    fn default() -> Self {
        Self {
            max_features: 8192,
            max_size: 3200,
            first_octave: None,
            contrast: 0.02 / 3.0,
            edge_ratio: 10.0,
            max_orientations: 2,
            windows: 4.0,
        }
    }
}

/// A keypoint with one orientation, before description.
#[derive(Clone, Copy)]
struct Oriented {
    extremum: Extremum,
    octave: usize,
    angle: f32,
}

/// Finds and describes the features of a photo, sorted by scale (largest first), then y, x and angle.
pub fn extract(image: &Rgb8, options: &FeatureOptions) -> Features {
    let grey = working::grey(image, options.max_size);
    if grey.width.min(grey.height) < scale_space::MIN_SIDE || options.max_features == 0 {
        return Features::default();
    }
    let doubled = match options.first_octave {
        Some(octave) => octave < 0,
        None => grey.width * grey.height <= DOUBLE_UP_TO_PIXELS,
    };
    let to_full = [image.width as f32 / grey.width as f32, image.height as f32 / grey.height as f32].map(f64::from);
    let step = if doubled { 0.5 } else { 1.0 };

    // Octave by octave: detect, then keep only the levels that descriptors are read from.
    let mut octaves: Vec<Octave> = Vec::new();
    let mut found: Vec<(usize, Extremum)> = Vec::new();
    let mut base = Some(scale_space::first_base(grey, doubled));
    while let Some(plane) = base.take() {
        let pyramid = scale_space::Pyramid::new(plane);
        let extrema = detect::extrema(&pyramid, options.contrast, options.edge_ratio);
        found.extend(extrema.into_iter().map(|e| (octaves.len(), e)));
        base = pyramid.next_base();
        octaves.push(pyramid.into_octave());
    }

    let place = |octave: usize, e: &Extremum| -> [f32; 3] {
        let grid = (1u32 << octave) as f64;
        let x = (f64::from(e.x) * grid + 0.5) * step * to_full[0];
        let y = (f64::from(e.y) * grid + 0.5) * step * to_full[1];
        let scale = f64::from(e.sigma) * grid * step * (to_full[0] * to_full[1]).sqrt();
        [x as f32, y as f32, scale as f32]
    };
    let budget = select::Budget {
        size: [image.width as f32, image.height as f32],
        windows: options.windows,
        limit: options.max_features,
    };
    let places: Vec<[f32; 3]> = found.iter().map(|(o, e)| place(*o, e)).collect();
    let chosen = select::balanced(&places, &budget);

    let oriented: Vec<Oriented> = chosen
        .par_iter()
        .flat_map_iter(|&i| {
            let (octave, extremum) = found[i];
            orientation::dominant(&octaves[octave], &extremum, options.max_orientations)
                .into_iter()
                .map(move |angle| Oriented { extremum, octave, angle })
        })
        .collect();
    let places: Vec<[f32; 3]> = oriented.iter().map(|o| place(o.octave, &o.extremum)).collect();
    // Described in the order of the image's rows, which the caches like, then sorted.
    let kept = select::balanced(&places, &budget);
    let described: Vec<[u8; descriptor::LENGTH]> = kept
        .par_iter()
        .with_min_len(16)
        .map(|&i| {
            let o = &oriented[i];
            descriptor::describe(&octaves[o.octave], &o.extremum, o.angle)
        })
        .collect();
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_unstable_by(|&a, &b| {
        let ([xa, ya, sa], [xb, yb, sb]) = (places[kept[a]], places[kept[b]]);
        let (ta, tb) = (oriented[kept[a]].angle, oriented[kept[b]].angle);
        sb.total_cmp(&sa).then(ya.total_cmp(&yb)).then(xa.total_cmp(&xb)).then(ta.total_cmp(&tb)).then(a.cmp(&b))
    });
    let keypoints = order
        .iter()
        .map(|&k| {
            let [x, y, scale] = places[kept[k]];
            let colour = image.bilinear(x, y).map(|v| v.round().clamp(0.0, 255.0) as u8);
            Keypoint { x, y, scale, angle: wrap(oriented[kept[k]].angle), colour }
        })
        .collect();
    let descriptors = order.iter().flat_map(|&k| described[k]).collect();
    Features { keypoints, descriptors }
}

/// An angle in -pi..pi.
fn wrap(angle: f32) -> f32 {
    let turned = angle.rem_euclid(TAU);
    if turned >= std::f32::consts::PI { turned - TAU } else { turned }
}
