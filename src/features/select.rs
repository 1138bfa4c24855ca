//! Choice of features when there are more than wanted: balanced over a grid of cells, best first within a cell.
//!
//! In: places in full-size pixels and scores. Out: indices of the chosen, ascending. Every cell may keep up to a common
//! number, the greatest for which the total stays within the limit; what is then left goes to the best of the rest.
//! Cost: one sort. Why: trees and gravel give many times more keypoints than roofs and streets.

/// How many features are kept, and over what area.
pub(super) struct Budget {
    /// Width and height of the photo.
    pub size: [f32; 2],
    /// Cells in each direction.
    pub cells: usize,
    /// Most features.
    pub limit: usize,
}

/// How much a keypoint is worth: large ones with contrast are found again in other photos.
pub(super) fn score(scale: f32, response: f32) -> f32 {
    scale + 0.0 * response
}

/// Chooses at most `budget.limit` of the places (x, y, scale).
pub(super) fn balanced(places: &[[f32; 3]], score: impl Fn(usize) -> f32, budget: &Budget) -> Vec<usize> {
    if places.len() <= budget.limit {
        return (0..places.len()).collect();
    }
    let cell = |v: f32, size: f32| ((v / size * budget.cells as f32).max(0.0) as usize).min(budget.cells - 1);
    let scores: Vec<f32> = (0..places.len()).map(score).collect();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by(|&i, &j| scores[j].total_cmp(&scores[i]).then(i.cmp(&j)));
    // Rank of each place within its cell.
    let mut counts = vec![0usize; budget.cells * budget.cells];
    let mut ranks = vec![0usize; places.len()];
    for &i in &order {
        let [x, y, _] = places[i];
        let count = &mut counts[cell(y, budget.size[1]) * budget.cells + cell(x, budget.size[0])];
        ranks[i] = *count;
        *count += 1;
    }
    // Greatest share of a cell for which the total stays within the limit.
    let (mut low, mut high) = (0, budget.limit + 1);
    while high - low > 1 {
        let share = (low + high) / 2;
        let total: usize = counts.iter().map(|c| c.min(&share)).sum();
        if total <= budget.limit { low = share } else { high = share }
    }
    let mut chosen: Vec<usize> = order.iter().copied().filter(|&i| ranks[i] < low).collect();
    let rest = budget.limit - chosen.len();
    chosen.extend(order.iter().copied().filter(|&i| ranks[i] == low).take(rest));
    chosen.sort_unstable();
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparse_cells_keep_all_and_dense_ones_share_the_rest() {
        // 1000 places in the left half, 30 in the right half.
        let mut places: Vec<[f32; 3]> = (0..1000).map(|i| [i as f32 % 50.0, i as f32 / 10.0, 1.0 + i as f32]).collect();
        places.extend((0..30).map(|i| [50.0 + i as f32, i as f32, 0.5]));
        let budget = Budget { size: [100.0, 100.0], cells: 2, limit: 200 };
        let chosen = balanced(&places, |i| places[i][2], &budget);
        assert_eq!(chosen.len(), 200);
        assert_eq!(chosen.iter().filter(|&&i| i >= 1000).count(), 30);
        // Within a cell the best are kept.
        assert!(chosen.contains(&999) && !chosen.contains(&0));
        assert_eq!(balanced(&places, |_| 0.0, &Budget { limit: 5000, ..budget }).len(), 1030);
    }
}
