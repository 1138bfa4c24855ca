//! Where keypoints lie: exact image permutations, sub-pixel shifts, scaling and reduction must move them as they should.

use super::*;
use crate::base::Rng;
use crate::image::Grid;

/// A smooth analytic scene: many Gaussian blobs of different size and sign.
struct Scene {
    blobs: Vec<[f64; 4]>,
}

impl Scene {
    fn new(width: f64, height: f64, count: usize) -> Self {
        let mut rng = Rng::new(5, 1);
        let blobs = (0..count)
            .map(|_| {
                let sigma = 1.8 * (rng.next_f64() * 2.2).exp();
                let sign = if rng.next_f64() < 0.5 { -1.0 } else { 1.0 };
                [rng.uniform(0.0, width), rng.uniform(0.0, height), sigma, sign * rng.uniform(25.0, 70.0)]
            })
            .collect();
        Self { blobs }
    }

    /// The scene's point (x, y) is drawn at `zoom * (x, y) + shift`.
    fn draw(&self, width: usize, height: usize, zoom: f64, shift: [f64; 2]) -> Rgb8 {
        let mut sum = vec![118.0; width * height];
        for &[bx, by, sigma, value] in &self.blobs {
            let (cx, cy, s) = (zoom * bx + shift[0], zoom * by + shift[1], zoom * sigma);
            let span = |c: f64, n: usize| {
                let low = (c - 5.0 * s).clamp(0.0, n as f64) as usize;
                low..(c + 5.0 * s).clamp(0.0, n as f64) as usize
            };
            for y in span(cy, height) {
                for x in span(cx, width) {
                    let d = (x as f64 + 0.5 - cx).powi(2) + (y as f64 + 0.5 - cy).powi(2);
                    sum[y * width + x] += value * (-0.5 * d / (s * s)).exp();
                }
            }
        }
        let data = sum.into_iter().map(|v| [v.round().clamp(0.0, 255.0) as u8; 3]).collect();
        Grid::from_data(width, height, data).expect("size")
    }
}

/// Mutual nearest descriptors with ratio 0.8.
fn matched(a: &Features, b: &Features) -> Vec<(usize, usize)> {
    let best = |f: &Features, g: &Features, i: usize| {
        let (mut first, mut second, mut at) = (i32::MAX, i32::MAX, 0);
        for j in 0..g.len() {
            let pairs = f.descriptor(i).iter().zip(g.descriptor(j));
            let d: i32 = pairs.map(|(p, q)| (i32::from(*p) - i32::from(*q)).pow(2)).sum();
            if d < first {
                (second, first, at) = (first, d, j);
            } else if d < second {
                second = d;
            }
        }
        ((first as f32) < 0.64 * second as f32).then_some(at)
    };
    (0..a.len()).filter_map(|i| best(a, b, i).filter(|&j| best(b, a, j) == Some(i)).map(|j| (i, j))).collect()
}

/// Matches features and compares positions in b with `map` of those in a: (share of a's features matched within 1.5 px,
/// mean offset per axis in px, root mean square in units of the keypoint's scale).
fn compare(a: &Features, b: &Features, map: impl Fn(f64, f64) -> [f64; 2]) -> (f64, [f64; 2], f64) {
    let pairs = matched(a, b);
    let (mut sum, mut squares, mut n) = ([0.0; 2], 0.0, 0.0);
    for (i, j) in pairs {
        let (p, q) = (a.keypoints[i], b.keypoints[j]);
        let want = map(f64::from(p.x), f64::from(p.y));
        let d = [f64::from(q.x) - want[0], f64::from(q.y) - want[1]];
        if d[0].hypot(d[1]) < 1.5 {
            n += 1.0;
            (0..2).for_each(|k| sum[k] += d[k]);
            squares += (d[0] * d[0] + d[1] * d[1]) / f64::from(q.scale).powi(2);
        }
    }
    (n / a.len() as f64, sum.map(|s| s / n), (squares / n).sqrt())
}

fn options(first_octave: i8) -> FeatureOptions {
    FeatureOptions { first_octave: Some(first_octave), ..FeatureOptions::default() }
}

fn rotated(image: &Rgb8, quarter_turns: usize) -> Rgb8 {
    let mut image = image.clone();
    for _ in 0..quarter_turns {
        let (w, h) = (image.width, image.height);
        // Clockwise: pixel (x, y) goes to (h - 1 - y, x).
        let mut out = Rgb8::filled(h, w, [0; 3]);
        for y in 0..h {
            for x in 0..w {
                *out.at_mut(h - 1 - y, x) = image.at(x, y);
            }
        }
        image = out;
    }
    image
}

#[test]
fn rotated_images_give_rotated_keypoints() {
    let (w, h) = (345, 262);
    let image = Scene::new(w as f64, h as f64, 700).draw(w, h, 1.0, [0.0; 2]);
    let (wf, hf) = (w as f64, h as f64);
    for first_octave in [-1, 0] {
        let a = extract(&image, &options(first_octave));
        assert!(a.len() > 250, "{}", a.len());
        for turns in 1..4 {
            let b = extract(&rotated(&image, turns), &options(first_octave));
            let (share, mean, rms) = compare(&a, &b, |x, y| match turns {
                1 => [hf - y, x],
                2 => [wf - x, hf - y],
                _ => [y, wf - x],
            });
            assert!(share > 0.9, "octave {first_octave}, {turns} turns: share {share}");
            assert!(mean.iter().all(|m| m.abs() < 0.02), "octave {first_octave}, {turns} turns: mean {mean:?}");
            assert!(rms < 0.05, "octave {first_octave}, {turns} turns: rms {rms}");
        }
    }
}

#[test]
fn shifted_scenes_give_shifted_keypoints() {
    let (w, h) = (320, 240);
    let scene = Scene::new(w as f64, h as f64, 600);
    for first_octave in [-1, 0] {
        let a = extract(&scene.draw(w, h, 1.0, [0.0; 2]), &options(first_octave));
        for shift in [[0.25, 0.0], [0.5, 0.5], [0.3, -0.4], [1.0, 0.0], [-0.75, 2.6]] {
            let b = extract(&scene.draw(w, h, 1.0, shift), &options(first_octave));
            let (share, mean, rms) = compare(&a, &b, |x, y| [x + shift[0], y + shift[1]]);
            assert!(share > 0.85, "octave {first_octave}, {shift:?}: share {share}");
            assert!(mean.iter().all(|m| m.abs() < 0.02), "octave {first_octave}, {shift:?}: mean {mean:?}");
            assert!(rms < 0.05, "octave {first_octave}, {shift:?}: rms {rms}");
        }
    }
}

#[test]
fn a_scene_twice_as_large_gives_keypoints_twice_as_far_and_large() {
    let (w, h) = (260, 200);
    let scene = Scene::new(w as f64, h as f64, 300);
    let a = extract(&scene.draw(w, h, 1.0, [0.0; 2]), &options(-1));
    let b = extract(&scene.draw(2 * w, 2 * h, 2.0, [0.0; 2]), &options(-1));
    let (share, mean, rms) = compare(&a, &b, |x, y| [2.0 * x, 2.0 * y]);
    assert!(share > 0.75 && mean.iter().all(|m| m.abs() < 0.03) && rms < 0.05, "{share} {mean:?} {rms}");
    let mut ratios: Vec<f64> =
        matched(&a, &b).iter().map(|&(i, j)| f64::from(b.keypoints[j].scale / a.keypoints[i].scale)).collect();
    ratios.sort_by(f64::total_cmp);
    assert!((ratios[ratios.len() / 2] - 2.0).abs() < 0.05, "{}", ratios[ratios.len() / 2]);
}

#[test]
fn reduction_before_detection_does_not_move_keypoints() {
    let (w, h) = (620, 433);
    let image = Scene::new(310.0, 216.0, 420).draw(w, h, 2.0, [0.0; 2]);
    let full = extract(&image, &options(0));
    let reduced = extract(&image, &FeatureOptions { max_size: 431, ..options(-1) });
    let (share, mean, _) = compare(&reduced, &full, |x, y| [x, y]);
    assert!(share > 0.3 && mean.iter().all(|m| m.abs() < 0.03), "{share} {mean:?}");
}

#[test]
fn a_blob_has_its_centre_and_size() {
    let scene = Scene { blobs: vec![[60.37, 41.81, 5.0, 90.0]] };
    for first_octave in [-1, 0] {
        let found = extract(&scene.draw(128, 90, 1.0, [0.0; 2]), &options(first_octave));
        let p = found.keypoints[0];
        assert!((p.x - 60.37).abs() < 0.05 && (p.y - 41.81).abs() < 0.05, "{p:?}");
        // The difference of Gaussians at s and 2^(1/3) s answers most to a blob of about 2^(1/6) s.
        assert!((p.scale - 5.0 / 2f32.powf(1.0 / 6.0)).abs() < 0.35, "{p:?}");
        assert!(p.colour.iter().all(|c| c.abs_diff(208) < 3), "{p:?}");
    }
}

#[test]
fn results_do_not_depend_on_threads_and_stay_in_the_photo() {
    let image = Scene::new(300.0, 200.0, 500).draw(300, 200, 1.0, [0.0; 2]);
    let options = FeatureOptions { max_features: 150, ..FeatureOptions::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| extract(&image, &options))
    };
    let (one, three) = (on(1), on(3));
    assert_eq!(one, three);
    assert_eq!(one.len(), 150);
    assert_eq!(one.descriptors.len(), 150 * 128);
    assert!(one.keypoints.windows(2).all(|k| k[0].scale >= k[1].scale));
    assert!(one.keypoints.iter().all(|k| k.x >= 0.0 && k.x < 300.0 && k.y >= 0.0 && k.y < 200.0));
    for i in 0..one.len() {
        let norm: f64 = one.descriptor(i).iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!((norm.sqrt() - 512.0).abs() < 6.0, "{norm}");
    }
}

#[test]
fn featureless_and_tiny_photos_give_nothing() {
    assert!(extract(&Rgb8::filled(200, 150, [90; 3]), &FeatureOptions::default()).is_empty());
    for (w, h) in [(0, 0), (1, 1), (5, 400), (12, 12)] {
        assert!(extract(&Rgb8::filled(w, h, [9; 3]), &FeatureOptions::default()).is_empty());
    }
}
