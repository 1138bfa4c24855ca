//! The bulk of the collapses of a large mesh, block by block on all threads.
//!
//! In: a [`Simplifier`] that nothing was done with yet. Out: the same with most of the collapses done that its options
//! allow. The triangles are parted at the middle of their longest side until each block is small enough for the caches;
//! vertices that several blocks share stay, and nothing joins them: those are left to the run over the whole, which
//! goes on with the quadrics of the blocks, so that the bound of the error holds for both together. Blocks depend on the
//! mesh alone, and so does the result.

use super::collapse::Simplifier;
use crate::base::{Cancelled, Ctx};
use rayon::prelude::*;

/// Most triangles of a block.
const BLOCK: usize = 1 << 16;

/// Whether a mesh is worth parting.
pub fn pays(triangles: usize) -> bool {
    triangles > 4 * BLOCK
}

/// Collapses inside the blocks.
pub fn run(ctx: &Ctx, whole: &mut Simplifier) -> Result<(), Cancelled> {
    let mut order: Vec<u32> = (0..whole.triangles().len() as u32).collect();
    let blocks = part(whole, &mut order);
    let mut owner = vec![u32::MAX; whole.vertex_count()];
    const SHARED: u32 = u32::MAX - 1;
    for (i, block) in blocks.iter().enumerate() {
        for &v in block.iter().flat_map(|&t| &whole.triangles()[t as usize]) {
            let slot = &mut owner[v as usize];
            *slot = if *slot == u32::MAX || *slot == i as u32 { i as u32 } else { SHARED };
        }
    }
    let collapsed = |block: &Vec<u32>| {
        let (mut part, names) = whole.part(block, |v| owner[v as usize] == SHARED);
        part.run(ctx).map(|()| (part, names))
    };
    let done: Vec<_> = blocks.par_iter().map(collapsed).collect::<Result<_, _>>()?;
    let mut triangles = Vec::new();
    for (part, names) in &done {
        whole.put_back(part, names, &mut triangles);
    }
    whole.replace_triangles(triangles);
    Ok(())
}

/// Splits at the middle until the blocks are small enough.
fn part(whole: &Simplifier, order: &mut [u32]) -> Vec<Vec<u32>> {
    if order.len() <= BLOCK {
        return vec![order.to_vec()];
    }
    let first = |t: u32| whole.vertex(whole.triangles()[t as usize][0]);
    let start = *first(order[0]);
    let (low, high) = order.iter().fold((start, start), |(low, high), &t| (low.inf(first(t)), high.sup(first(t))));
    let axis = (high - low).imax();
    let middle = order.len() / 2;
    order.select_nth_unstable_by(middle, |&a, &b| first(a)[axis].total_cmp(&first(b)[axis]).then(a.cmp(&b)));
    let (left, right) = order.split_at_mut(middle);
    let (mut blocks, right) = rayon::join(|| part(whole, left), || part(whole, right));
    blocks.extend(right);
    blocks
}
