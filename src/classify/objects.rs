//! What its shape from above gives away: cars and water.
//!
//! - In: raster and features. Out: for each cell of the raster whether it belongs to a car, or to water.
//! - Method: cars are compact things on the ground that are as high as cars and not green; an opening takes away walls
//!   and noise, and a connected group counts when it is as high, as wide and as large as one car or a row of them, and
//!   the surface falls around most of it. Water is dark, even, level and below its banks; what has water's tint needs
//!   less of a bank and may be less level than what is only dark.
//! - Failure modes: cars under trees are not seen; sheds lower than a van and rows of low stalls count as cars; a level
//!   yard in deep shadow below its surroundings counts as water; bright, shallow or rough water is ground.

use super::features::Feature;
use super::raster::Raster;
use super::terrain::Terrain;

/// Heights over the ground between which a cell may belong to a car, in metres.
const CAR_HEIGHTS: [f32; 2] = [0.22, 2.4];
/// Least and most height of the upper tenth of a car, in metres.
const CAR_TOP: [f32; 2] = [0.6, 2.25];
/// Least and most distance of a car's (or a row's) inmost point from its outline, in metres.
const CAR_DEPTH: [f32; 2] = [0.55, 2.8];
/// Least share of a car's outline where the surface falls, how far, and within what distance, in metres: it does not fall
/// where the low edge of a roof rises to its ridge, or where a bank goes on.
const CAR_FREE: f64 = 0.62;
const CAR_FALL: f32 = 0.15;
const CAR_CLOSE: f64 = 1.0;
/// Width of the foot of a car in metres, which is lower than what is surely a car.
const CAR_SKIRT: f64 = 0.5;
/// Least area of a car in square metres.
const CAR_AREA: f64 = 3.0;

/// Greatest lightness and contrast of water (CIE L*).
const WATER_LIGHT: [f64; 2] = [42.0, 9.0];
/// Least area of water in square metres.
const WATER_AREA: f64 = 40.0;
/// Half of the narrowest water in metres.
const WATER_DEPTH: f64 = 1.25;
/// Most difference of height within the middle four fifths of a water's cells in metres, and least share of its outline
/// that has a bank: of what has the tint of water, and of what is only dark, as deep shadow is too.
const TINTED: (f32, f64) = (1.0, 0.2);
const DARK: (f32, f64) = (0.35, 0.7);
/// Most difference of height from the water's edge to the water, in metres.
const EDGE: f32 = 0.18;
/// How far from what is surely water its edge may be, in metres.
const SHORE: f64 = 2.5;
/// Height of a bank over the water, and how far away it may be, in metres.
const BANK: (f64, f64) = (0.2, 4.0);

/// Whether each cell belongs to a car.
pub fn cars(raster: &Raster, green: &[f32]) -> Vec<bool> {
    let mut out = vec![false; raster.triangle.len()];
    let wanted: Vec<bool> = (0..out.len())
        .map(|k| {
            let (t, over) = (raster.triangle[k], raster.over_ground[k]);
            t != Raster::NONE && over > CAR_HEIGHTS[0] && over < CAR_HEIGHTS[1] && green[t as usize] < 0.5
        })
        .collect();
    let depth = raster.depth(&wanted);
    let kept = raster.opened(&depth, f64::from(CAR_DEPTH[0]));
    for group in raster.groups(&kept) {
        let deepest = group.iter().map(|&k| depth[k]).fold(0f32, f32::max);
        let top = quantile(group.iter().map(|&k| raster.over_ground[k]).collect(), 0.9);
        let area = raster.area(&group);
        let inside = |v: f32, [low, high]: [f32; 2]| v >= low && v <= high;
        let alone = free(raster, &kept, &group) >= CAR_FREE;
        if area >= CAR_AREA && inside(deepest, CAR_DEPTH) && inside(top, CAR_TOP) && alone {
            group.iter().for_each(|&k| out[k] = true);
        }
    }
    skirts(raster, &wanted, &mut out);
    out
}

/// Adds the foot of each car, which the opening and the least height have left out.
fn skirts(raster: &Raster, wanted: &[bool], out: &mut [bool]) {
    let reach = (CAR_SKIRT / raster.cell).round() as usize;
    for _ in 0..reach {
        let grown: Vec<usize> = (0..out.len())
            .filter(|&k| !out[k] && (wanted[k] || (0.1..CAR_HEIGHTS[0]).contains(&raster.over_ground[k])))
            .filter(|&k| raster.beside(k).into_iter().flatten().any(|n| out[n]))
            .collect();
        grown.into_iter().for_each(|k| out[k] = true);
    }
}

/// Share of a group's outline where the surface falls.
fn free(raster: &Raster, kept: &[bool], group: &[usize]) -> f64 {
    let reach = (CAR_CLOSE / raster.cell).round().max(1.0) as usize;
    let (mut sides, mut falls) = (0usize, 0usize);
    for &k in group {
        for (direction, side) in raster.beside(k).into_iter().enumerate() {
            if side.is_none_or(|n| kept[n]) {
                continue;
            }
            sides += 1;
            let outward = std::iter::successors(side, |&n| raster.beside(n)[direction]).take(reach);
            falls += usize::from(outward.into_iter().any(|n| raster.z[n] < raster.z[k] - CAR_FALL));
        }
    }
    falls as f64 / sides.max(1) as f64
}

/// Whether each cell belongs to water.
pub fn water(raster: &Raster, terrain: &Terrain, features: &[Feature]) -> Vec<bool> {
    let mut out = vec![false; raster.triangle.len()];
    let wanted: Vec<bool> = (0..out.len())
        .map(|k| {
            let Some(f) = features.get(raster.triangle[k] as usize) else { return false };
            let even = f.lab[0] < WATER_LIGHT[0] && f.contrast < WATER_LIGHT[1] && f.lab[1] < 4.0 && f.lab[2] < 12.0;
            even && raster.over_ground[k] < 0.6 && f.up_around > 0.9
        })
        .collect();
    let depth = raster.depth(&wanted);
    let kept = raster.opened(&depth, WATER_DEPTH);
    for group in raster.groups(&kept) {
        let heights: Vec<f32> = group.iter().map(|&k| raster.z[k]).collect();
        let (low, high) = (quantile(heights.clone(), 0.1), quantile(heights.clone(), 0.9));
        let (area, level) = (raster.area(&group), quantile(heights, 0.5));
        if area < WATER_AREA {
            continue;
        }
        // Shadows are lit by the sky, grey and a little blue; water is greener than grey and bluer than leaves.
        let tint = |axis: usize| {
            let sum: f64 = group.iter().map(|&k| features[raster.triangle[k] as usize].lab[axis]).sum();
            sum / group.len() as f64
        };
        let (level_limit, bank_limit) = if tint(1) < -3.5 && tint(2) < -0.9 * tint(1) { TINTED } else { DARK };
        if high - low <= level_limit && banked(raster, terrain, &kept, &group) >= bank_limit {
            flood(raster, features, group, level, &mut out);
        }
    }
    out
}

/// Marks a group, and what is as level and as dark within a few metres: the surroundings by which cells are judged are
/// uneven at the edge.
fn flood(raster: &Raster, features: &[Feature], group: Vec<usize>, level: f32, out: &mut [bool]) {
    group.iter().for_each(|&k| out[k] = true);
    let mut front = group;
    for _ in 0..(SHORE / raster.cell).ceil() as usize {
        let mut next = Vec::new();
        for n in front.iter().flat_map(|&k| raster.beside(k)).flatten() {
            let dark = features.get(raster.triangle[n] as usize).is_some_and(|f| f.own_lab[0] < WATER_LIGHT[0]);
            if !out[n] && dark && (raster.z[n] - level).abs() < EDGE {
                out[n] = true;
                next.push(n);
            }
        }
        front = next;
    }
}

/// The share of a group's outline that has higher ground beside it.
fn banked(raster: &Raster, terrain: &Terrain, kept: &[bool], group: &[usize]) -> f64 {
    let (rise, reach) = BANK;
    let reach = (reach / raster.cell).round().max(1.0) as isize;
    let (w, h) = (raster.width as isize, raster.height as isize);
    let (mut sides, mut high) = (0usize, 0usize);
    for &k in group {
        for (side, [dx, dy]) in raster.beside(k).into_iter().zip([[-1, 0], [1, 0], [0, -1], [0, 1]]) {
            if side.is_none_or(|n| kept[n]) {
                continue;
            }
            let (x, y) = (k as isize % w, k as isize / w);
            let there = [x + dx * reach, y + dy * reach];
            // Where the model ends, there is no bank to judge.
            if there[0] >= 0 && there[1] >= 0 && there[0] < w && there[1] < h {
                let ground = |[x, y]: [isize; 2]| raster.ground(terrain, (y * w + x) as usize);
                sides += 1;
                high += usize::from(ground(there) > ground([x, y]) + rise);
            }
        }
    }
    high as f64 / sides.max(1) as f64
}

/// A value below which the given share of the values lies; 0 for none.
fn quantile(mut values: Vec<f32>, share: f64) -> f32 {
    let at = ((values.len().saturating_sub(1)) as f64 * share) as usize;
    if values.is_empty() {
        return 0.0;
    }
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}
