//! Tracks: features of different photos that show one point.
//!
//! In: the matches of verified pairs. Out: for each track the (photo, feature)s, by ascending photo, each photo once.
//! Source: P. Moulon, P. Monasse, "Unordered feature tracking made fast and easy", CVMP 2012 (union-find); here a match
//! that would put two distant features of one photo into one track is refused instead of ruining the track, and matches
//! of pairs with many inliers are taken first. Cost: near linear in the matches. Deterministic.

use super::graph::ViewGraph;
use crate::scene::Features;

/// Builds the tracks with at least two photos. `conflict_px`: features of one photo closer than this may be one point.
pub(super) fn build(features: &[Features], graph: &ViewGraph, conflict_px: f64) -> Vec<Vec<(u32, u32)>> {
    let mut first = vec![0usize; features.len() + 1];
    for (i, f) in features.iter().enumerate() {
        first[i + 1] = first[i] + f.len();
    }
    let count = first[features.len()];
    let mut sets = Sets {
        features,
        first: &first,
        parent: (0..count as u32).collect(),
        next: (0..count as u32).collect(),
        photo: vec![0; count],
    };
    for (p, range) in first.windows(2).enumerate() {
        sets.photo[range[0]..range[1]].fill(p as u32);
    }
    let mut order: Vec<usize> = (0..graph.pairs.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(graph.pairs[i].inliers.len()), i));
    for i in order {
        let pair = &graph.pairs[i];
        let (a, b) = (pair.a.index(), pair.b.index());
        if a >= features.len() || b >= features.len() {
            continue;
        }
        for &(x, y) in &pair.inliers {
            if (x as usize) < features[a].len() && (y as usize) < features[b].len() {
                sets.join(first[a] + x as usize, first[b] + y as usize, conflict_px);
            }
        }
    }
    sets.into_tracks()
}

struct Sets<'a> {
    features: &'a [Features],
    first: &'a [usize],
    parent: Vec<u32>,
    /// Members of a set form a ring.
    next: Vec<u32>,
    photo: Vec<u32>,
}

impl Sets<'_> {
    fn root(&mut self, mut i: usize) -> usize {
        while self.parent[i] as usize != i {
            self.parent[i] = self.parent[self.parent[i] as usize];
            i = self.parent[i] as usize;
        }
        i
    }

    fn members(&self, start: usize) -> Vec<u32> {
        let mut out = vec![start as u32];
        let mut at = self.next[start];
        while at as usize != start {
            out.push(at);
            at = self.next[at as usize];
        }
        out
    }

    fn keypoint(&self, node: u32) -> (f32, f32) {
        let photo = self.photo[node as usize] as usize;
        let k = &self.features[photo].keypoints[node as usize - self.first[photo]];
        (k.x, k.y)
    }

    fn join(&mut self, i: usize, j: usize, conflict_px: f64) {
        let (a, b) = (self.root(i), self.root(j));
        if a == b {
            return;
        }
        let (in_a, in_b) = (self.members(a), self.members(b));
        for &x in &in_a {
            for &y in &in_b {
                if self.photo[x as usize] == self.photo[y as usize] {
                    let (p, q) = (self.keypoint(x), self.keypoint(y));
                    if f64::from((p.0 - q.0).hypot(p.1 - q.1)) > conflict_px {
                        return;
                    }
                }
            }
        }
        let (keep, gone) = if in_a.len() >= in_b.len() { (a, b) } else { (b, a) };
        self.parent[gone] = keep as u32;
        self.next.swap(a, b);
    }

    fn into_tracks(mut self) -> Vec<Vec<(u32, u32)>> {
        let mut done = vec![false; self.parent.len()];
        let mut tracks = Vec::new();
        for node in 0..self.parent.len() {
            let root = self.root(node);
            if done[root] {
                continue;
            }
            done[root] = true;
            if self.next[root] as usize == root {
                continue;
            }
            let mut members = self.members(root);
            members.sort_unstable();
            let mut track: Vec<(u32, u32)> = members
                .iter()
                .map(|&m| (self.photo[m as usize], m - self.first[self.photo[m as usize] as usize] as u32))
                .collect();
            track.dedup_by_key(|t| t.0);
            if track.len() >= 2 {
                tracks.push(track);
            }
        }
        tracks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PhotoId;
    use crate::geometry::Rigid3;
    use crate::scene::{Keypoint, PairKind, VerifiedPair};

    fn features(at: &[(f32, f32)]) -> Features {
        let keypoints = at.iter().map(|&(x, y)| Keypoint { x, y, scale: 1.0, angle: 0.0, colour: [0; 3] }).collect();
        Features { keypoints, descriptors: Vec::new() }
    }

    fn pair(a: u32, b: u32, inliers: &[(u32, u32)]) -> VerifiedPair {
        VerifiedPair {
            a: PhotoId(a),
            b: PhotoId(b),
            inliers: inliers.to_vec(),
            b_from_a: Rigid3::identity(),
            alternative: None,
            kind: PairKind::General,
            homography: None,
            median_angle: 0.3,
        }
    }

    #[test]
    fn matches_chain_and_contradictions_are_refused() {
        let f = [
            features(&[(10.0, 10.0), (200.0, 50.0)]),
            features(&[(12.0, 10.0), (210.0, 50.0)]),
            features(&[(14.0, 10.0), (220.0, 50.0), (15.0, 10.0)]),
        ];
        // The last match would join the two tracks through photo 0.
        let pairs = [pair(0, 1, &[(0, 0), (1, 1)]), pair(1, 2, &[(0, 0), (1, 1)]), pair(0, 2, &[(1, 0)])];
        let tracks = build(&f, &ViewGraph::new(3, &pairs), 10.0);
        assert_eq!(tracks, [vec![(0, 0), (1, 0), (2, 0)], vec![(0, 1), (1, 1), (2, 1)]]);
        // Two features of one photo in the same place are one sight.
        let pairs = [pair(0, 1, &[(0, 0)]), pair(1, 2, &[(0, 0)]), pair(0, 2, &[(0, 2)])];
        assert_eq!(build(&f, &ViewGraph::new(3, &pairs), 10.0), [vec![(0, 0), (1, 0), (2, 0)]]);
    }
}
