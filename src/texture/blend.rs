//! Local seam levelling: draws the two sides of each seam together within a strip.
//!
//! - In: chart images after global levelling, seams. Out: the images, corrected (sRGB values; additive).
//! - Method: at seam texels the correction is half the difference of the two sides; towards the inside it solves
//!   Laplace's equation and is 0 at the strip's inner edge, which keeps the photo's gradients (Poisson editing).
//!   Source: Waechter et al. 2014, section 4.3; P. Perez, M. Gangnet, A. Blake, "Poisson image editing", SIGGRAPH 2003.
//! - Cost: [`ROUNDS`] rounds of over-relaxed Gauss-Seidel over the strips' texels. Failure modes: where both photos show
//!   different things a seam stays; at creases of the surface nothing is done.

use super::levelling::Seam;
use super::sample::ChartImage;
use rayon::prelude::*;

const ROUNDS: usize = 30;
/// Half a difference (sRGB, 0..=255) that is believed by half: more is not light but different things.
const DOUBT: f32 = 30.0;
const OVER_RELAXATION: f32 = 1.7;

/// Levels all seams within strips `strip` texels wide.
pub(super) fn blend(seams: &[Seam], images: &mut [ChartImage], strip: usize) {
    let mut deposits: Vec<(u32, u32, [f32; 3])> = seams
        .par_iter()
        .with_min_len(256)
        .flat_map_iter(|s| {
            let images = &*images;
            s.points().flat_map(move |(_, uv)| {
                let [a, b] = [0, 1].map(|k| images[s.charts[k] as usize].clean_sample(uv[k]));
                let pair = a.zip(b).map(|(a, b)| {
                    let half: [f32; 3] = std::array::from_fn(|c| (b[c] - a[c]) / 2.0);
                    let size = (half[0].abs() + half[1].abs() + half[2].abs()) / 3.0;
                    let trust = s.smooth / (1.0 + (size / DOUBT).powi(2));
                    let half = half.map(|v| v * trust);
                    [(0, half), (1, half.map(|v| -v))].map(|(k, d)| {
                        let image = &images[s.charts[k] as usize];
                        let (x, y) = (uv[k][0] as usize, uv[k][1] as usize);
                        (s.charts[k], (y * image.width + x) as u32, d)
                    })
                });
                pair.into_iter().flatten()
            })
        })
        .collect();
    deposits.par_sort_by_key(|d| (d.0, d.1));
    let mut starts: Vec<usize> =
        (0..deposits.len()).filter(|&i| i == 0 || deposits[i].0 != deposits[i - 1].0).collect();
    starts.push(deposits.len());
    let mut ranges = vec![0..0; images.len()];
    for w in starts.windows(2) {
        ranges[deposits[w[0]].0 as usize] = w[0]..w[1];
    }
    images.par_iter_mut().zip(ranges).for_each(|(image, range)| {
        if !range.is_empty() {
            blend_chart(image, &deposits[range], strip);
        }
    });
}

const FIXED: u32 = u32::MAX;

fn blend_chart(image: &mut ChartImage, deposits: &[(u32, u32, [f32; 3])], strip: usize) {
    let (w, h) = (image.width, image.height);
    let mut value = vec![[0f32; 3]; w * h];
    // Steps from the seam, 1 at the seam; 0 = not reached.
    let mut distance = vec![0u32; w * h];
    let mut front = Vec::new();
    for group in deposits.chunk_by(|a, b| a.1 == b.1) {
        let i = group[0].1 as usize;
        let n = group.len() as f32;
        value[i] = std::array::from_fn(|c| group.iter().map(|d| d.2[c]).sum::<f32>() / n);
        distance[i] = FIXED;
        front.push(i);
    }
    let mut free = Vec::new();
    for step in 2..=strip as u32 {
        let mut next = Vec::new();
        for &i in &front {
            for k in cross(i, w, h).into_iter().flatten() {
                if distance[k] == 0 && image.is_clean(k) {
                    distance[k] = step;
                    // A start near the solution.
                    let fall = 1.0 - 1.0 / (strip as f32 + 2.0 - step as f32);
                    value[k] = value[i].map(|v| v * fall);
                    next.push(k);
                }
            }
        }
        free.extend_from_slice(&next);
        front = next;
    }
    free.sort_unstable();
    relax(image, &free, &distance, &mut value);
    for (c, d) in image.rgb.iter_mut().zip(&value) {
        for k in 0..3 {
            c[k] = (f32::from(c[k]) + d[k] + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
}

/// Solves Laplace's equation at `free` texels. Neighbours that no strip reaches count as 0; those that do not belong to
/// the chart do not count.
fn relax(image: &ChartImage, free: &[usize], distance: &[u32], value: &mut [[f32; 3]]) {
    // Compact copies: free texels first, then fixed ones as they turn up; the last place stays 0.
    let mut slot = std::collections::BTreeMap::new();
    let mut x: Vec<[f32; 4]> = free.iter().map(|&i| [value[i][0], value[i][1], value[i][2], 0.0]).collect();
    let index = |i: usize| free.binary_search(&i).ok();
    let mut links: Vec<[u32; 4]> = Vec::with_capacity(free.len());
    let mut inverse: Vec<f32> = Vec::with_capacity(free.len());
    const NONE: u32 = u32::MAX;
    for &i in free {
        let mut row = [NONE; 4];
        let mut n = 0u32;
        for (link, k) in row.iter_mut().zip(cross(i, image.width, image.height)) {
            let Some(k) = k.filter(|&k| image.is_clean(k)) else { continue };
            n += 1;
            *link = match distance[k] {
                0 => NONE,
                FIXED => *slot.entry(k).or_insert_with(|| {
                    x.push([value[k][0], value[k][1], value[k][2], 0.0]);
                    x.len() as u32 - 1
                }),
                _ => index(k).map_or(NONE, |k| k as u32),
            };
        }
        links.push(row);
        inverse.push(1.0 / n.max(1) as f32);
    }
    let zero = x.len() as u32;
    x.push([0.0; 4]);
    for l in links.iter_mut().flatten() {
        *l = (*l).min(zero);
    }
    for _ in 0..ROUNDS {
        for (i, (l, inverse)) in links.iter().zip(&inverse).enumerate() {
            let (a, b, c, d) = (x[l[0] as usize], x[l[1] as usize], x[l[2] as usize], x[l[3] as usize]);
            let own = x[i];
            x[i] = std::array::from_fn(|k| own[k] + OVER_RELAXATION * ((a[k] + b[k] + c[k] + d[k]) * inverse - own[k]));
        }
    }
    for (&i, x) in free.iter().zip(&x) {
        value[i] = [x[0], x[1], x[2]];
    }
}

/// The up to four texels beside one.
fn cross(i: usize, w: usize, h: usize) -> [Option<usize>; 4] {
    let (x, y) = (i % w, i / w);
    [(x > 0).then(|| i - 1), (x + 1 < w).then_some(i + 1), (y > 0).then(|| i - w), (y + 1 < h).then_some(i + w)]
}
