//! Which photos show the same place, from the photos alone.
//!
//! In: the features of all photos. Out: pairs of each photo with the most similar ones. A photo is described by one
//! vector of aggregated descriptors (VLAD) over 64 words that are learnt from the photos themselves, so that no trained
//! weights are needed.
//! Source: H. Jegou, M. Douze, C. Schmid, P. Perez, "Aggregating local descriptors into a compact image representation",
//! CVPR 2010; normalisation by word and square root after R. Arandjelovic, A. Zisserman, "All about VLAD", CVPR 2013;
//! k-means++ seeding, D. Arthur, S. Vassilvitskii, SODA 2007, from a random sample.
//! Cost: 64 x 128 multiply-adds a feature used, 8192 for each pair of photos: 1,000 photos in a few seconds. Failure
//! modes: fields and forests look alike; photos of one kind of ground fill each other's lists.

use crate::base::{PhotoId, Rng};
use crate::scene::Features;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const LENGTH: usize = 128;

/// Choices of [`similar_pairs`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrievalOptions {
    /// Most similar photos that each photo is paired with.
    pub neighbours: usize,
    /// Words of the vocabulary.
    pub words: usize,
    /// Descriptors that the vocabulary is learnt from.
    pub training: usize,
    /// Rounds of k-means.
    pub rounds: usize,
    /// Features of a photo that are used: those of largest scale, which other photos are likeliest to show too.
    pub features: usize,
}

impl Default for RetrievalOptions {
    fn default() -> Self {
        Self { neighbours: 30, words: 64, training: 60_000, rounds: 10, features: 1500 }
    }
}

/// Pairs of similar photos, `a < b`, sorted; `features[i]` belongs to photo i. Equal input and seed give equal pairs.
pub fn similar_pairs(features: &[&Features], options: &RetrievalOptions, seed: u64) -> Vec<(PhotoId, PhotoId)> {
    let chosen: Vec<Vec<usize>> = features.par_iter().map(|f| largest(f, options.features)).collect();
    let words = vocabulary(features, &chosen, options, seed);
    if words.is_empty() {
        return Vec::new();
    }
    let vectors: Vec<Vec<f32>> =
        features.par_iter().zip(&chosen).map(|(f, chosen)| aggregate(f, chosen, &words)).collect();
    let lists: Vec<Vec<usize>> = (0..vectors.len())
        .into_par_iter()
        .map(|i| {
            let mut others: Vec<(f32, usize)> =
                (0..vectors.len()).filter(|&j| j != i).map(|j| (dot(&vectors[i], &vectors[j]), j)).collect();
            others.sort_by(|x, y| y.0.total_cmp(&x.0).then(x.1.cmp(&y.1)));
            others.truncate(options.neighbours);
            others.into_iter().map(|(_, j)| j).collect()
        })
        .collect();
    let pairs: BTreeSet<(PhotoId, PhotoId)> = lists
        .iter()
        .enumerate()
        .flat_map(|(i, list)| list.iter().map(move |&j| (PhotoId::from(i.min(j)), PhotoId::from(i.max(j)))))
        .collect();
    pairs.into_iter().collect()
}

/// Indices of the features of largest scale, ascending.
fn largest(features: &Features, count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..features.len()).collect();
    let scale = |i: usize| features.keypoints[i].scale;
    order.sort_by(|&i, &j| scale(j).total_cmp(&scale(i)).then(i.cmp(&j)));
    order.truncate(count);
    order.sort_unstable();
    order
}

type Word = [f32; LENGTH];

fn word_of(descriptor: &[u8]) -> Word {
    std::array::from_fn(|k| f32::from(descriptor[k]) / 512.0)
}

/// Eight partial sums, so that the compiler can use vector instructions; their order is fixed.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; 8];
    for (x, y) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for k in 0..8 {
            sums[k] += x[k] * y[k];
        }
    }
    sums.iter().sum()
}

fn nearest(words: &[Word], half_norms: &[f32], x: &Word) -> usize {
    let mut best = (f32::NEG_INFINITY, 0);
    for (k, w) in words.iter().enumerate() {
        let closeness = dot(w, x) - half_norms[k];
        if closeness > best.0 {
            best = (closeness, k);
        }
    }
    best.1
}

fn half_norms(words: &[Word]) -> Vec<f32> {
    words.iter().map(|w| 0.5 * dot(w, w)).collect()
}

/// k-means over a sample of the photos' descriptors; fewer words where there are few descriptors.
fn vocabulary(features: &[&Features], chosen: &[Vec<usize>], options: &RetrievalOptions, seed: u64) -> Vec<Word> {
    let total: usize = chosen.iter().map(Vec::len).sum();
    let mut rng = Rng::new(seed, 0x5741_4c44);
    let keep = options.training as f64 / total.max(1) as f64;
    let mut sample: Vec<Word> = Vec::new();
    for (f, chosen) in features.iter().zip(chosen) {
        for &i in chosen {
            if rng.next_f64() < keep {
                sample.push(word_of(f.descriptor(i)));
            }
        }
    }
    let mut words = seeds(&sample, options.words, &mut rng);
    for _ in 0..options.rounds {
        let norms = half_norms(&words);
        let labels: Vec<usize> = sample.par_iter().map(|x| nearest(&words, &norms, x)).collect();
        let mut sums = vec![[0.0f64; LENGTH]; words.len()];
        let mut counts = vec![0usize; words.len()];
        for (x, &label) in sample.iter().zip(&labels) {
            counts[label] += 1;
            for (s, v) in sums[label].iter_mut().zip(x) {
                *s += f64::from(*v);
            }
        }
        for ((word, sum), &count) in words.iter_mut().zip(&sums).zip(&counts) {
            if count > 0 {
                *word = std::array::from_fn(|k| (sum[k] / count as f64) as f32);
            }
        }
    }
    words
}

/// k-means++ on at most 4000 of the samples.
fn seeds(sample: &[Word], count: usize, rng: &mut Rng) -> Vec<Word> {
    if sample.is_empty() {
        return Vec::new();
    }
    let step = sample.len().div_ceil(4000);
    let pool: Vec<&Word> = sample.iter().step_by(step).collect();
    let distance = |a: &Word, b: &Word| a.iter().zip(b).map(|(x, y)| f64::from((x - y) * (x - y))).sum::<f64>();
    let mut words = vec![*pool[rng.below(pool.len())]];
    let mut closest: Vec<f64> = pool.iter().map(|x| distance(x, &words[0])).collect();
    while words.len() < count {
        let total: f64 = closest.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = rng.next_f64() * total;
        let at = closest.iter().position(|d| {
            left -= d;
            left < 0.0
        });
        let word = *pool[at.unwrap_or(pool.len() - 1)];
        for (c, x) in closest.iter_mut().zip(&pool) {
            *c = c.min(distance(x, &word));
        }
        words.push(word);
    }
    words
}

/// The vector of a photo: sums of differences to the words, each normalised, square roots, unit length.
fn aggregate(features: &Features, chosen: &[usize], words: &[Word]) -> Vec<f32> {
    let norms = half_norms(words);
    let mut vector = vec![0.0f32; words.len() * LENGTH];
    for &i in chosen {
        let x = word_of(features.descriptor(i));
        let k = nearest(words, &norms, &x);
        for ((v, a), b) in vector[k * LENGTH..(k + 1) * LENGTH].iter_mut().zip(&x).zip(&words[k]) {
            *v += a - b;
        }
    }
    for part in vector.chunks_exact_mut(LENGTH) {
        let norm = dot(part, part).sqrt();
        if norm > 0.0 {
            part.iter_mut().for_each(|v| *v = (*v / norm).abs().sqrt().copysign(*v));
        }
    }
    let norm = dot(&vector, &vector).sqrt();
    if norm > 0.0 {
        vector.iter_mut().for_each(|v| *v /= norm);
    }
    vector
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Keypoint;

    /// Photos along a line; each sees 300 features of a world of them, shared with its neighbours, with noise, and 100
    /// of its own.
    fn photos(count: usize, rng: &mut Rng) -> Vec<Features> {
        let mut descriptor = |like: Option<&[u8]>| -> Vec<u8> {
            let raw: Vec<f64> = match like {
                Some(d) => d.iter().map(|v| (f64::from(*v) + 6.0 * rng.normal()).max(0.0)).collect(),
                None => (0..LENGTH).map(|_| rng.normal().powi(2)).collect(),
            };
            let norm = raw.iter().map(|v| v * v).sum::<f64>().sqrt();
            raw.iter().map(|v| (512.0 * v / norm).round().min(255.0) as u8).collect()
        };
        let world: Vec<Vec<u8>> = (0..count * 60 + 300).map(|_| descriptor(None)).collect();
        (0..count)
            .map(|p| {
                let mut f = Features::default();
                for i in 0..400 {
                    let d = if i < 300 { descriptor(Some(&world[p * 60 + i])) } else { descriptor(None) };
                    f.descriptors.extend(d);
                    let (x, y) = (i as f32, p as f32);
                    f.keypoints.push(Keypoint { x, y, scale: 2.0 + (i % 7) as f32, angle: 0.0, colour: [0; 3] });
                }
                f
            })
            .collect()
    }

    #[test]
    fn neighbours_along_a_line_are_found() {
        let mut rng = Rng::new(1, 0);
        let features = photos(40, &mut rng);
        let refs: Vec<&Features> = features.iter().collect();
        let options = RetrievalOptions { neighbours: 6, training: 8000, ..Default::default() };
        let pairs = similar_pairs(&refs, &options, 9);
        assert!(pairs.windows(2).all(|w| w[0] < w[1]));
        // Photos up to two apart share more than half of their features.
        let wanted = (0..40u32).flat_map(|a| (a + 1..(a + 3).min(40)).map(move |b| (PhotoId(a), PhotoId(b))));
        let (mut found, mut all) = (0, 0);
        for pair in wanted {
            all += 1;
            found += usize::from(pairs.binary_search(&pair).is_ok());
        }
        assert!(found * 100 >= 97 * all, "{found} of {all}");
        assert!(pairs.len() < 40 * 6);
        assert_eq!(pairs, similar_pairs(&refs, &options, 9));
    }

    #[test]
    fn photos_without_features_do_no_harm() {
        let empty = Features::default();
        assert!(similar_pairs(&[&empty, &empty], &RetrievalOptions::default(), 0).is_empty());
    }
}
