//! Every engine against the definition, the selection rules, and gates.

use super::engines::Engine;
use super::*;
use crate::base::Rng;
use crate::scene::Keypoint;

/// Random features; values up to 255, with some descriptors repeated so that equal similarities occur.
fn features(count: usize, seed: u64) -> Features {
    let mut rng = Rng::new(seed, 0);
    let mut out = Features::default();
    for i in 0..count {
        let (x, y) = (rng.uniform(0.0, 400.0) as f32, rng.uniform(0.0, 300.0) as f32);
        out.keypoints.push(Keypoint { x, y, scale: 2.0, angle: 0.0, colour: [0; 3] });
        if i > 3 && rng.below(5) == 0 {
            let from = rng.below(i);
            let copy = out.descriptor(from).to_vec();
            out.descriptors.extend(copy);
        } else {
            let top = [40, 90, 256][rng.below(3)];
            out.descriptors.extend((0..LENGTH).map(|_| rng.below(top) as u8));
        }
    }
    out
}

/// The definition, one pair at a time.
fn plain(a: &Features, b: &Features) -> Vec<NearestTwo> {
    let dot = |i: usize, j: usize| -> i32 {
        a.descriptor(i).iter().zip(b.descriptor(j)).map(|(p, q)| i32::from(*p) * i32::from(*q)).sum()
    };
    (0..a.len())
        .map(|i| {
            let mut dots: Vec<(i32, u32)> = (0..b.len()).map(|j| (-dot(i, j), j as u32)).collect();
            dots.sort_unstable();
            let at = |k: usize| dots.get(k).map_or(-1, |d| -d.0);
            NearestTwo { best: at(0), second: at(1), index: dots.first().map_or(u32::MAX, |d| d.1) }
        })
        .collect()
}

#[test]
fn every_engine_follows_the_definition() {
    for (m, n) in [(0, 0), (0, 5), (5, 0), (1, 1), (1, 17), (7, 16), (64, 33), (65, 31), (530, 49), (130, 515)] {
        let (a, b) = (features(m, 1), features(n, 2));
        let (rows, columns) = (plain(&a, &b), plain(&b, &a));
        for engine in Engine::available() {
            let got = engine.nearest_two(&a.descriptors, &b.descriptors);
            assert_eq!(got.0, rows, "{engine:?}, rows of {m} x {n}");
            assert_eq!(got.1, columns, "{engine:?}, columns of {m} x {n}");
        }
    }
}

#[test]
fn extreme_values_do_not_overflow() {
    let all = |v: u8| vec![v; LENGTH];
    for engine in Engine::available() {
        let (rows, _) = engine.nearest_two(&all(255), &[all(0), all(255)].concat());
        assert_eq!(rows[0], NearestTwo { best: 255 * 255 * 128, second: 0, index: 1 }, "{engine:?}");
    }
}

/// A unit descriptor (norm 512) with its mass at the given places.
fn unit(places: &[usize]) -> Vec<u8> {
    let mut d = vec![0u8; LENGTH];
    let value = (512.0 / (places.len() as f64).sqrt()).round();
    places.iter().for_each(|&p| d[p] = value as u8);
    d
}

fn from_descriptors(list: &[Vec<u8>]) -> Features {
    let keypoints =
        (0..list.len()).map(|i| Keypoint { x: 10.0 * i as f32, y: 5.0, scale: 1.0, angle: 0.0, colour: [0; 3] });
    Features { keypoints: keypoints.collect(), descriptors: list.concat() }
}

#[test]
fn ambiguous_distant_and_one_sided_neighbours_are_left_out() {
    let range = |from: usize| (from..from + 16).collect::<Vec<_>>();
    let (p, q, r) = (unit(&range(0)), unit(&range(40)), unit(&range(80)));
    let near_p = unit(&(1..17).collect::<Vec<_>>());
    let a = from_descriptors(&[p.clone(), q.clone(), r.clone()]);
    let options = MatchOptions::default();
    // p is there once; q twice (ambiguous); r not at all.
    let b = from_descriptors(&[q.clone(), near_p.clone(), q.clone()]);
    assert_eq!(match_features(&a, &b, &options), [(0, 1)]);
    // near_p of a also has near_p of b as its neighbour, at distance 0, and wins it.
    let a = from_descriptors(&[p.clone(), near_p.clone()]);
    let b = from_descriptors(&[near_p.clone(), r.clone()]);
    assert_eq!(match_features(&a, &b, &options), [(1, 0)]);
    let one_way = MatchOptions { cross_check: false, ..options.clone() };
    assert_eq!(match_features(&a, &b, &one_way), [(1, 0)]);
    // A lone candidate must still be close.
    assert_eq!(match_features(&from_descriptors(&[p]), &from_descriptors(&[r]), &options), []);
    assert_eq!(match_features(&a, &Features::default(), &options), []);
}

#[test]
fn a_wide_gate_changes_nothing_and_a_narrow_one_resolves_repetition() {
    let (a, b) = (features(300, 3), features(260, 4));
    let loose = MatchOptions { ratio: 0.99, cross_check: true, max_distance: 2.0 };
    let wide = match_features_gated(&a, &b, &loose, |_| Some(Gate { x: 200.0, y: 150.0, radius: 1000.0 }));
    assert_eq!(wide, match_features(&a, &b, &loose));
    // A photo against itself with every descriptor three times: only the gate tells the copies apart.
    let mut b = features(50, 7);
    let copy = b.clone();
    for _ in 0..2 {
        b.keypoints.extend(copy.keypoints.iter().map(|k| Keypoint { x: k.x + 500.0, ..*k }));
        b.descriptors.extend(&copy.descriptors);
    }
    let options = MatchOptions { max_distance: 2.0, ..MatchOptions::default() };
    assert!(match_features(&copy, &b, &options).is_empty());
    let near = |i: usize| Some(Gate { x: copy.keypoints[i].x + 0.5, y: copy.keypoints[i].y, radius: 2.0 });
    let got = match_features_gated(&copy, &b, &options, near);
    assert!(got.len() > 40 && got.iter().all(|(i, j)| i == j), "{got:?}");
    assert!(match_features_gated(&copy, &b, &options, |_| None).is_empty());
}

#[test]
fn gates_find_exactly_the_features_inside() {
    let (a, b) = (features(60, 8), features(500, 9));
    let mut rng = Rng::new(4, 4);
    let gates: Vec<Gate> = (0..a.len())
        .map(|_| Gate {
            x: rng.uniform(-50.0, 450.0) as f32,
            y: rng.uniform(-50.0, 350.0) as f32,
            radius: rng.uniform(0.0, 90.0) as f32,
        })
        .collect();
    let options = MatchOptions { ratio: 1.0, cross_check: false, max_distance: 1e3 };
    let got = match_features_gated(&a, &b, &options, |i| Some(gates[i]));
    for (i, j) in got {
        let (g, k) = (gates[i as usize], b.keypoints[j as usize]);
        assert!((k.x - g.x).hypot(k.y - g.y) <= g.radius + 1e-3);
    }
    for (i, g) in gates.iter().enumerate() {
        let inside = b.keypoints.iter().filter(|k| (k.x - g.x).hypot(k.y - g.y) <= g.radius).count();
        let mut seen = 0;
        gate::Cells::new(&b).for_each(g, |_| seen += 1);
        assert_eq!(seen, inside, "gate {i}");
    }
}
