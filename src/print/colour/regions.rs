//! Labels that can be painted: cells grow together into regions, and regions that are too small, too thin, or not worth
//! their border take the label of a neighbour.
//!
//! In: cells with a cost for each label and the borders between them. Out: a label for each cell. The energy is that of
//! a Potts model, the sum of costs and of `stiffness` times the length of borders between labels; it is lowered by
//! relabelling whole regions, the smallest first, and whatever is below the least surface or width is relabelled even
//! where that costs. Source: G. Koepfler, C. Lopez, J. M. Morel, "A multiscale algorithm for image segmentation by
//! variational method", SIAM J. Numerical Analysis 31(1), 1994. Cost: n log n in cells.

use super::cells::Cells;
use crate::base::{Cancelled, Ctx};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// What regions must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Cost of a millimetre of border, in squared L*a*b* distance times millimetres.
    pub stiffness: f64,
    /// Least surface in square millimetres.
    pub area: f64,
    /// Least width in millimetres, as twice the surface over the border.
    pub width: f64,
}

#[derive(Default)]
struct Region {
    area: f64,
    cost: Vec<f64>,
    label: usize,
    borders: BTreeMap<u32, f64>,
}

/// Labels for the cells.
pub fn label(ctx: &Ctx, cells: &Cells, rules: &Rules) -> Result<Vec<u8>, Cancelled> {
    let mut parent: Vec<u32> = (0..cells.area.len() as u32).collect();
    let mut regions = first(cells, &mut parent);
    let mut queue: BinaryHeap<Reverse<(u64, u32)>> = (0..regions.len() as u32)
        .filter(|&i| parent[i as usize] == i)
        .map(|i| Reverse((regions[i as usize].area.to_bits(), i)))
        .collect();
    let mut steps = 0u64;
    while let Some(Reverse((area, i))) = queue.pop() {
        let region = &regions[i as usize];
        if parent[i as usize] != i || region.area.to_bits() != area {
            continue;
        }
        steps += 1;
        if steps.is_multiple_of(4096) {
            ctx.check()?;
        }
        let Some(label) = better(&regions, region, rules) else { continue };
        let merged = relabel(&mut regions, &mut parent, i, label);
        queue.push(Reverse((regions[merged as usize].area.to_bits(), merged)));
    }
    Ok((0..parent.len() as u32).map(|i| regions[root(&mut parent, i) as usize].label as u8).collect())
}

/// The label that a region should take instead of its own.
fn better(regions: &[Region], region: &Region, rules: &Rules) -> Option<usize> {
    let mut shared = vec![0.0; region.cost.len()];
    let mut border = 0.0;
    for (&n, &length) in &region.borders {
        shared[regions[n as usize].label] += length;
        border += length;
    }
    let gain = |l: usize| region.cost[region.label] - region.cost[l] + rules.stiffness * shared[l];
    let candidates = (0..shared.len()).filter(|&l| shared[l] > 0.0 && l != region.label);
    let best = candidates.max_by(|&a, &b| gain(a).total_cmp(&gain(b)).then(b.cmp(&a)))?;
    let unfit = region.area < rules.area || 2.0 * region.area < rules.width * border;
    (unfit || gain(best) > 1e-9).then_some(best)
}

fn root(parent: &mut [u32], mut i: u32) -> u32 {
    while parent[i as usize] != i {
        parent[i as usize] = parent[parent[i as usize] as usize];
        i = parent[i as usize];
    }
    i
}

/// Regions of cells that are connected and cheapest with the same label; each stands at the index of its first cell.
fn first(cells: &Cells, parent: &mut [u32]) -> Vec<Region> {
    let cheapest = |cost: &[f64]| (0..cost.len()).min_by(|&a, &b| cost[a].total_cmp(&cost[b])).unwrap_or(0);
    let labels: Vec<usize> = cells.cost.iter().map(|c| cheapest(c)).collect();
    for &(a, b, _) in &cells.borders {
        if labels[a as usize] == labels[b as usize] {
            let (a, b) = (root(parent, a), root(parent, b));
            parent[a.max(b) as usize] = a.min(b);
        }
    }
    let mut regions: Vec<Region> = labels.iter().map(|&label| Region { label, ..Region::default() }).collect();
    for i in 0..parent.len() {
        let own = &mut regions[root(parent, i as u32) as usize];
        own.area += cells.area[i];
        own.cost.resize(cells.cost[i].len(), 0.0);
        own.cost.iter_mut().zip(&cells.cost[i]).for_each(|(sum, c)| *sum += c);
    }
    for &(a, b, length) in &cells.borders {
        let (a, b) = (root(parent, a), root(parent, b));
        if a != b {
            *regions[a as usize].borders.entry(b).or_default() += length;
            *regions[b as usize].borders.entry(a).or_default() += length;
        }
    }
    regions
}

/// Gives a region a label and joins it with the neighbours that have it. Returns where it is now.
fn relabel(regions: &mut [Region], parent: &mut [u32], i: u32, label: usize) -> u32 {
    regions[i as usize].label = label;
    let same: Vec<u32> =
        regions[i as usize].borders.keys().copied().filter(|&n| regions[n as usize].label == label).collect();
    let all = same.iter().copied().chain([i]);
    // What has most neighbours takes the others in.
    let into = all.max_by_key(|&n| (regions[n as usize].borders.len(), Reverse(n))).unwrap_or(i);
    for n in same.into_iter().chain([i]).filter(|&n| n != into) {
        let Region { area, cost, borders, .. } = std::mem::take(&mut regions[n as usize]);
        parent[n as usize] = into;
        let target = &mut regions[into as usize];
        target.area += area;
        target.cost.iter_mut().zip(cost).for_each(|(sum, c)| *sum += c);
        for (other, length) in borders {
            let theirs = &mut regions[other as usize].borders;
            theirs.remove(&n);
            if other != into {
                *theirs.entry(into).or_default() += length;
                *regions[into as usize].borders.entry(other).or_default() += length;
            }
        }
        regions[into as usize].borders.remove(&n);
    }
    into
}
