//! The few colours that stand best for many: weighted k-means in CIE L*a*b*.
//!
//! In: colours with the surface that each has. Out: at most so many clusters, the one of most surface first. Source:
//! D. Arthur, S. Vassilvitskii, "k-means++: The advantages of careful seeding", SODA 2007; S. Lloyd, "Least squares
//! quantization in PCM", IEEE Trans. Information Theory 28, 1982. Several seedings, the best is kept; the seeds are
//! those of the run, so that equal colours give equal clusters. Cost: colours that share a cell of 1/32 of each channel
//! count as one, so that an iteration takes less than a millisecond whatever the size of the part.

use super::skin::{Skin, WHOLE, distance2};
use crate::base::Rng;
use crate::image::colour::{lab_of_srgb, rgb8_of_lab};
use crate::scene::Part;

/// Seedings that are tried.
const SEEDINGS: u64 = 8;
/// Most rounds for each.
const ROUNDS: usize = 60;

/// A colour with the surface that it has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighted {
    /// CIE L*a*b*.
    pub lab: [f64; 3],
    /// Surface.
    pub weight: f64,
}

/// The colours of a part's textured surface with their square millimetres, joined in cells of 1/32 of each channel.
pub fn colours_of(part: &Part) -> Vec<Weighted> {
    let skin = Skin::new(part);
    let mut cells = vec![([0.0; 3], 0.0); 1 << 15];
    for t in (0..part.mesh.triangles.len()).filter(|&t| !skin.plain(t)) {
        let area = part.mesh.area_normal(t).norm() / 2.0;
        let mut points = 0.0;
        skin.samples(t, &WHOLE, |_| points += 1.0);
        skin.samples(t, &WHOLE, |at| {
            let rgb = skin.rgb(t, at);
            let cell = rgb.iter().fold(0, |index, v| index << 5 | (*v as usize).min(255) >> 3);
            let lab = lab_of_srgb(rgb.map(|v| v / 255.0));
            let (sum, weight) = &mut cells[cell];
            (0..3).for_each(|k| sum[k] += lab[k] * area / points);
            *weight += area / points;
        });
    }
    cells
        .into_iter()
        .filter(|(_, weight)| *weight > 0.0)
        .map(|(sum, weight)| Weighted { lab: sum.map(|v| v / weight), weight })
        .collect()
}

/// At most `most` clusters: centre and surface, the largest first. Fewer where there are fewer colours.
pub fn cluster(colours: &[Weighted], most: usize, seed: u64) -> Vec<Weighted> {
    let mut best: Option<(f64, Vec<Weighted>)> = None;
    for stream in 0..SEEDINGS {
        let mut centres = seeded(colours, most, &mut Rng::new(seed, stream));
        let mut cost = f64::INFINITY;
        for _ in 0..ROUNDS {
            let (next, now) = lloyd(colours, &centres);
            centres = next;
            if !(now < cost * (1.0 - 1e-9)) {
                break;
            }
            cost = now;
        }
        let (result, cost) = lloyd(colours, &centres);
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, result));
        }
    }
    let mut centres = best.map_or_else(Vec::new, |(_, centres)| centres);
    centres.retain(|c| c.weight > 0.0);
    centres.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.lab[0].total_cmp(&b.lab[0])));
    centres
}

/// The clusters as sRGB colours.
pub fn rgb(clusters: &[Weighted]) -> Vec<[u8; 3]> {
    clusters.iter().map(|c| rgb8_of_lab(c.lab)).collect()
}

/// First centres: each is drawn with a probability that grows with its squared distance to those before it.
fn seeded(colours: &[Weighted], most: usize, rng: &mut Rng) -> Vec<Weighted> {
    let mut centres: Vec<Weighted> = Vec::new();
    let mut far: Vec<f64> = colours.iter().map(|c| c.weight).collect();
    while centres.len() < most.max(1) {
        let total: f64 = far.iter().sum();
        if !(total > 1e-9) {
            break;
        }
        let mut left = rng.next_f64() * total;
        let chosen = far.iter().position(|f| {
            left -= f;
            left < 0.0
        });
        let Some(new) = chosen.map(|i| colours[i]) else { break };
        for (f, c) in far.iter_mut().zip(colours) {
            let d = c.weight * distance2(&c.lab, &new.lab);
            *f = if centres.is_empty() { d } else { f.min(d) };
        }
        centres.push(new);
    }
    centres
}

/// The index of the nearest centre, the first of equal ones.
pub fn nearest(lab: &[f64; 3], centres: &[[f64; 3]]) -> usize {
    let mut best = (f64::INFINITY, 0);
    for (i, c) in centres.iter().enumerate() {
        let d = distance2(lab, c);
        if d < best.0 {
            best = (d, i);
        }
    }
    best.1
}

/// Means of what is nearest to each centre, and the sum of squared distances to the old ones.
fn lloyd(colours: &[Weighted], centres: &[Weighted]) -> (Vec<Weighted>, f64) {
    let places: Vec<[f64; 3]> = centres.iter().map(|c| c.lab).collect();
    let mut sums = vec![([0.0; 3], 0.0); centres.len()];
    let mut cost = 0.0;
    for c in colours {
        let i = nearest(&c.lab, &places);
        cost += c.weight * distance2(&c.lab, &places[i]);
        (0..3).for_each(|k| sums[i].0[k] += c.lab[k] * c.weight);
        sums[i].1 += c.weight;
    }
    let next = sums
        .into_iter()
        .zip(&places)
        .map(|((sum, weight), old)| Weighted { lab: if weight > 0.0 { sum.map(|v| v / weight) } else { *old }, weight })
        .collect();
    (next, cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(centre: [f64; 3], n: usize, rng: &mut Rng) -> Vec<Weighted> {
        (0..n).map(|_| Weighted { lab: centre.map(|v| v + rng.normal()), weight: 1.0 }).collect()
    }

    #[test]
    fn separate_clouds_are_found_and_ordered_by_surface() {
        let mut rng = Rng::new(4, 0);
        let centres = [[60.0, 0.0, 0.0], [40.0, 30.0, 20.0], [80.0, -20.0, 40.0], [20.0, 5.0, -30.0]];
        let mut all = Vec::new();
        for (i, c) in centres.iter().enumerate() {
            all.extend(cloud(*c, 400 - 80 * i, &mut rng));
        }
        let found = cluster(&all, 4, 1);
        assert_eq!(found.len(), 4);
        for (f, c) in found.iter().zip(&centres) {
            assert!(distance2(&f.lab, c).sqrt() < 0.3, "{f:?} {c:?}");
        }
        assert_eq!(found, cluster(&all, 4, 1), "equal seeds, equal clusters");
        assert_eq!(found[0].weight, 400.0);
    }

    #[test]
    fn weights_move_the_centre_and_few_colours_stay_few() {
        let colours =
            [Weighted { lab: [10.0, 0.0, 0.0], weight: 3.0 }, Weighted { lab: [20.0, 0.0, 0.0], weight: 1.0 }];
        assert!((cluster(&colours, 1, 0)[0].lab[0] - 12.5).abs() < 1e-12);
        assert_eq!(cluster(&colours, 9, 0).len(), 2);
        assert!(cluster(&[], 3, 0).is_empty());
    }
}
