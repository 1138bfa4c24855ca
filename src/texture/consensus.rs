//! Which views agree on a face's colour; those that do not saw a moving car, a person, a shadow or something unmodelled.
//!
//! - In: candidates with mean colours, exposure gains. Out: [`Choices`]: for each face at most `max_views` views, by
//!   ascending view, each with a cost (texels); contradicted views are gone.
//! - Method: colours in YCbCr of sRGB; a normal distribution is fitted to the inliers, which are then all views that it
//!   gives more than [`REJECT`] of its peak, until it settles. Source: Waechter et al. 2014, section 4.1 (photo-
//!   consistency check). Differences: it starts from the median, because with fewer than 13 views a mean that contains
//!   the outlier can never reject it; views that are kept pay for their distance from the others, and more where
//!   they are outliers on faces near by.
//! - Cost: linear. Failure modes: with two views nobody can tell which is wrong; both stay.

use super::TextureOptions;
use super::topology::Topology;
use super::visibility::{Candidate, Candidates};
use crate::image::colour::to_srgb;
use crate::scene::Mesh;
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

/// Density relative to the peak below which a view is an outlier.
const REJECT: f64 = 6e-3;
const ROUNDS: usize = 10;
const SUSPECT_RINGS: usize = 2;
/// Least standard deviation of a channel: noise and shading of a rough surface.
const MIN_SIGMA: f64 = 0.02;

/// The views that each face may take, flat.
pub(super) struct Choices {
    /// Where each face's views begin; one more than there are faces.
    pub offsets: Vec<u32>,
    /// Views, ascending for each face.
    pub views: Vec<u32>,
    /// Cost of each in texels.
    pub costs: Vec<f32>,
    /// Mean colour of the face in each: sRGB after the gain, times [`COLOUR_UNIT`].
    pub colours: Vec<[u16; 3]>,
    /// The colour that the views of each face agree on, in the same unit; `None` with fewer than three.
    pub agreed: Vec<Option<[u16; 3]>>,
}

/// Steps of a stored colour per 8-bit step.
const COLOUR_UNIT: f32 = 256.0;

/// Colour of a face: sRGB, 0..=255.
pub(super) fn colour_of(stored: [u16; 3]) -> [f32; 3] {
    stored.map(|v| f32::from(v) / COLOUR_UNIT)
}

impl Choices {
    /// Range of a face in `views` and `costs`.
    pub fn range(&self, face: usize) -> std::ops::Range<usize> {
        self.offsets[face] as usize..self.offsets[face + 1] as usize
    }

    /// Cost of a view for a face; `None` where it is not among its choices.
    pub fn cost(&self, face: usize, view: u32) -> Option<f32> {
        let range = self.range(face);
        self.views[range.clone()].binary_search(&view).ok().map(|i| self.costs[range.start + i])
    }

    /// Mean colour of a face in a view (sRGB, 0..=255); `None` where the view is not among its choices.
    pub fn colour(&self, face: usize, view: u32) -> Option<[f32; 3]> {
        let range = self.range(face);
        self.views[range.clone()].binary_search(&view).ok().map(|i| colour_of(self.colours[range.start + i]))
    }
}

/// Drops contradicted views and gives the others their costs. Also the share of views that were dropped.
pub(super) fn choices(
    mesh: &Mesh,
    topology: &Topology,
    seen: &Candidates,
    gains: &[[f32; 3]],
    texel: f64,
    options: &TextureOptions,
) -> (Choices, f64) {
    let verdicts: Vec<Vec<f64>> =
        (0..seen.faces()).into_par_iter().with_min_len(1024).map(|f| verdict(seen.of(f), gains)).collect();
    let rejected: Vec<Vec<u32>> = (0..seen.faces())
        .into_par_iter()
        .with_min_len(1024)
        .map(|f| {
            let list = seen.of(f).iter().zip(&verdicts[f]).filter(|(_, d)| **d > limit());
            list.map(|(c, _)| c.view).collect()
        })
        .collect();
    // A thing that moves rarely ends where a face ends: views are suspect on the faces around as well.
    let suspects = (0..SUSPECT_RINGS).fold(rejected.clone(), |inner, _| {
        (0..seen.faces())
            .into_par_iter()
            .with_min_len(1024)
            .map(|f| {
                let mut list = inner[f].clone();
                for (_, e) in topology.edges_of(f) {
                    list.extend_from_slice(&inner[e.other(f as u32) as usize]);
                }
                list.sort_unstable();
                list.dedup();
                list
            })
            .collect()
    });
    let lists: Vec<Vec<Choice>> = (0..seen.faces())
        .into_par_iter()
        .with_min_len(1024)
        .map(|f| {
            let area = (mesh.area_normal(f).norm() / 2.0 / (texel * texel)) as f32;
            of_face(seen.of(f), gains, &verdicts[f], &suspects[f], area, options)
        })
        .collect();
    let agreed = (0..seen.faces())
        .into_par_iter()
        .with_min_len(1024)
        .map(|f| agreed(seen.of(f), gains, &verdicts[f], &suspects[f]))
        .collect();
    let mut out = Choices { offsets: vec![0], views: Vec::new(), costs: Vec::new(), colours: Vec::new(), agreed };
    let (mut dropped, mut all) = (0, 0);
    for (f, list) in lists.iter().enumerate() {
        dropped += rejected[f].len();
        all += seen.of(f).len();
        out.views.extend(list.iter().map(|c| c.view));
        out.costs.extend(list.iter().map(|c| c.cost));
        out.colours.extend(list.iter().map(|c| c.colour));
        out.offsets.push(out.views.len() as u32);
    }
    (out, dropped as f64 / all.max(1) as f64)
}

/// Squared Mahalanobis distance beyond which a view is an outlier.
fn limit() -> f64 {
    -2.0 * REJECT.ln()
}

/// How far each view of a face is from those that agree.
fn verdict(candidates: &[Candidate], gains: &[[f32; 3]]) -> Vec<f64> {
    let colours: Vec<Vector3<f64>> = candidates.iter().map(|c| ycbcr(c, &gains[c.view as usize])).collect();
    distances(&colours)
}

/// A view that a face may take.
struct Choice {
    view: u32,
    cost: f32,
    colour: [u16; 3],
}

fn stored(c: &Candidate, gain: &[f32; 3]) -> [u16; 3] {
    std::array::from_fn(|k| {
        let v = to_srgb((f32::from(c.colour[k]) / 65535.0 * gain[k]).min(1.0));
        (v * 255.0 * COLOUR_UNIT + 0.5) as u16
    })
}

/// Mean colour of the views that agree and are not suspect; `None` for fewer than three.
fn agreed(candidates: &[Candidate], gains: &[[f32; 3]], verdict: &[f64], suspects: &[u32]) -> Option<[u16; 3]> {
    let (mut sum, mut n) = ([0u32; 3], 0u32);
    for (c, d) in candidates.iter().zip(verdict) {
        if *d <= limit() && suspects.binary_search(&c.view).is_err() {
            n += 1;
            for (s, v) in sum.iter_mut().zip(stored(c, &gains[c.view as usize])) {
                *s += u32::from(v);
            }
        }
    }
    (n >= 3).then(|| sum.map(|s| (s / n) as u16))
}

/// The views that a face may take, with their costs.
fn of_face(
    candidates: &[Candidate],
    gains: &[[f32; 3]],
    verdict: &[f64],
    suspects: &[u32],
    area: f32,
    options: &TextureOptions,
) -> Vec<Choice> {
    let mut kept: Vec<(&Candidate, f64)> =
        candidates.iter().zip(verdict).filter(|(_, d)| **d <= limit()).map(|(c, d)| (c, *d)).collect();
    kept.sort_by(|a, b| b.0.quality.total_cmp(&a.0.quality).then(a.0.view.cmp(&b.0.view)));
    kept.truncate(options.max_views.clamp(1, super::visibility::SLOTS));
    let best = kept.first().map_or(1.0, |c| c.0.quality).max(1e-9);
    let mut list: Vec<Choice> = kept
        .iter()
        .map(|(c, d)| {
            let worse = 1.0 - c.quality / best;
            let suspect = if suspects.binary_search(&c.view).is_ok() { 1.0 } else { 0.0 };
            let contradiction = ((d / limit()) as f32 + suspect) * options.contradiction_cost as f32;
            Choice { view: c.view, cost: area * (worse + contradiction), colour: stored(c, &gains[c.view as usize]) }
        })
        .collect();
    list.sort_by_key(|c| c.view);
    list
}

/// sRGB after the gain, in YCbCr, each about 0..=1.
fn ycbcr(c: &Candidate, gain: &[f32; 3]) -> Vector3<f64> {
    let rgb: [f64; 3] =
        std::array::from_fn(|k| f64::from(to_srgb((f32::from(c.colour[k]) / 65535.0 * gain[k]).min(1.0))));
    let y = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    Vector3::new(y, 0.564 * (rgb[2] - y), 0.713 * (rgb[0] - y))
}

/// Squared Mahalanobis distances from the distribution of the colours that agree; all 0 for fewer than three.
fn distances(colours: &[Vector3<f64>]) -> Vec<f64> {
    let n = colours.len();
    if n < 3 {
        return vec![0.0; n];
    }
    let channel = |k: usize| -> Vec<f64> { colours.iter().map(|c| c[k]).collect() };
    let median = |v: &[f64]| crate::base::stats::median(v).unwrap_or(0.0);
    let centre = Vector3::from_fn(|k, _| median(&channel(k)));
    let from_centre: Vec<f64> = colours.iter().map(|c| (c - centre).norm()).collect();
    let sigma = (1.4826 * median(&from_centre)).max(MIN_SIGMA);
    let mut inliers: Vec<bool> = from_centre.iter().map(|d| *d <= 2.5 * sigma).collect();
    let mut distances = vec![0.0; n];
    for _ in 0..ROUNDS {
        let count = inliers.iter().filter(|&&i| i).count().max(1) as f64;
        let used = || colours.iter().zip(&inliers).filter(|(_, i)| **i).map(|(c, _)| c);
        let mean = used().fold(Vector3::zeros(), |s, c| s + c) / count;
        let covariance = used().fold(Matrix3::zeros(), |s, c| s + (c - mean) * (c - mean).transpose()) / count
            + Matrix3::identity() * (MIN_SIGMA * MIN_SIGMA);
        let Some(inverse) = covariance.try_inverse() else { break };
        for (d, c) in distances.iter_mut().zip(colours) {
            *d = ((c - mean).transpose() * inverse * (c - mean))[0];
        }
        let next: Vec<bool> = distances.iter().map(|d| *d <= limit()).collect();
        if next == inliers {
            break;
        }
        inliers = next;
    }
    distances
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(view: u32, quality: f32, grey: f64) -> Candidate {
        Candidate { view, quality, colour: [(grey * 65535.0) as u16; 3] }
    }

    #[test]
    fn a_car_among_five_views_is_dropped_even_when_it_is_sharpest() {
        let mut views: Vec<Candidate> = (0..5).map(|v| candidate(v, 10.0, 0.10 + 0.003 * f64::from(v))).collect();
        views[3] = candidate(3, 99.0, 0.55);
        let gains = vec![[1.0; 3]; 5];
        let list = of_face(&views, &gains, &verdict(&views, &gains), &[4], 7.0, &TextureOptions::default());
        assert_eq!(list.iter().map(|c| c.view).collect::<Vec<_>>(), [0, 1, 2, 4]);
        assert!(list[3].cost > list[2].cost + 6.0, "a suspect view costs more");
    }

    #[test]
    fn noise_drops_nothing_and_gains_are_applied() {
        let mut views: Vec<Candidate> = (0..6).map(|v| candidate(v, 10.0, 0.2 + 0.004 * f64::from(v % 3))).collect();
        views[2] = candidate(2, 10.0, 0.4);
        let mut gains = vec![[1.0; 3]; 6];
        gains[2] = [0.5; 3];
        let list = of_face(&views, &gains, &verdict(&views, &gains), &[], 7.0, &TextureOptions::default());
        assert_eq!(list.len(), 6);
        assert!(list.windows(2).all(|w| w[0].view < w[1].view));
    }
}
