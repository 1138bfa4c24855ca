//! The view graph: photos and the verified pairs between them.
//!
//! In: verified pairs. Out: pairs by photo and connected components. Cost: linear. Deterministic: sorted vectors.

use crate::scene::VerifiedPair;

/// Photos and their pairs.
pub(super) struct ViewGraph<'a> {
    pub pairs: &'a [VerifiedPair],
    /// Indices of the pairs of each photo.
    pub of_photo: Vec<Vec<usize>>,
    /// Component of each photo; components are numbered by falling size.
    pub component: Vec<usize>,
}

impl<'a> ViewGraph<'a> {
    pub fn new(photos: usize, pairs: &'a [VerifiedPair]) -> Self {
        let mut of_photo = vec![Vec::new(); photos];
        for (i, pair) in pairs.iter().enumerate() {
            if pair.a.index() < photos && pair.b.index() < photos && pair.a != pair.b {
                of_photo[pair.a.index()].push(i);
                of_photo[pair.b.index()].push(i);
            }
        }
        let links = |p: usize| of_photo[p].iter().map(|&i| other(&pairs[i], p)).collect::<Vec<_>>();
        let component = components(photos, links);
        Self { pairs, of_photo, component }
    }

    /// Photos of the largest component.
    pub fn largest_component(&self) -> Vec<usize> {
        (0..self.component.len()).filter(|&p| self.component[p] == 0).collect()
    }
}

/// The photo of a pair that is not `photo`.
pub(super) fn other(pair: &VerifiedPair, photo: usize) -> usize {
    if pair.a.index() == photo { pair.b.index() } else { pair.a.index() }
}

/// Component of each of `n` nodes, numbered by falling size (ties: by the lowest node).
pub(super) fn components(n: usize, links: impl Fn(usize) -> Vec<usize>) -> Vec<usize> {
    let mut component = vec![usize::MAX; n];
    let mut sizes = Vec::new();
    for start in 0..n {
        if component[start] != usize::MAX {
            continue;
        }
        let id = sizes.len();
        let mut stack = vec![start];
        component[start] = id;
        let mut size = 0;
        while let Some(p) = stack.pop() {
            size += 1;
            for q in links(p) {
                if component[q] == usize::MAX {
                    component[q] = id;
                    stack.push(q);
                }
            }
        }
        sizes.push(size);
    }
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&c| std::cmp::Reverse(sizes[c]));
    let mut rank = vec![0; sizes.len()];
    for (r, &c) in order.iter().enumerate() {
        rank[c] = r;
    }
    component.iter().map(|&c| rank[c]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_are_numbered_by_size() {
        let links = [vec![1], vec![0], vec![3, 4], vec![2], vec![2], vec![]];
        assert_eq!(components(6, |p| links[p].clone()), [1, 1, 0, 0, 0, 2]);
    }
}
