//! The CPU twin of the PatchMatch sweeps: rows of one colour in parallel, vector code for the patch comparison.
//!
//! The state is split by checkerboard colour while it runs: a pixel reads only pixels of the other colour, so that each
//! half is written while the other is read, and the result does not depend on the number of threads.

use super::patch::{Patch, WeightTable};
use super::zncc::{Image, Simd, Warp};
use super::{GEOMETRIC_LIMIT, GEOMETRIC_WEIGHT, MAX_SOURCES, Params, Pass, Plane, Problem, State, WORST};
use crate::base::{Cancelled, Ctx};
use crate::dense::kernels::hash::{HashStream, hash4};
use rayon::prelude::*;

/// Cost above which a neighbour's plane speaks against a source (ACMM).
const BAD: f32 = 1.2;
/// Patch variance (squared grey levels) at which the prior weighs half of its weight.
const PRIOR_VARIANCE: f32 = 12.0;
/// Relative deviation from the prior's inverse depth at which its cost saturates, and that cost.
const PRIOR_DEVIATION: f32 = 0.02;
const PRIOR_COST: f32 = 0.5;
/// Samples of the near V and the far line of a region, before rotation into the four directions.
pub const NEAR: [[i32; 2]; 7] = [[0, -1], [-1, -2], [1, -2], [-2, -3], [2, -3], [-3, -4], [3, -4]];
/// See [`NEAR`].
pub const FAR: [[i32; 2]; 11] =
    [[0, -3], [0, -5], [0, -7], [0, -9], [0, -11], [0, -13], [0, -15], [0, -17], [0, -19], [0, -21], [0, -23]];

/// One colour's pixels: those with `(x + y) & 1 == colour`, `x >> 1` of a row that is `half` long.
struct Half {
    planes: Vec<[f32; 4]>,
    views: Vec<u32>,
}

/// What a visit reads.
struct Scene<'a> {
    problem: &'a Problem,
    params: Params,
    table: &'a WeightTable,
    simd: Simd,
    half: usize,
    other: &'a Half,
}

/// Runs the passes. With `score`, every pixel's plane gets its cost and sources first.
pub fn cpu(ctx: &Ctx, problem: &Problem, state: &mut State, score: bool, passes: &[Pass]) -> Result<(), Cancelled> {
    let (width, height) = (problem.params.width as usize, problem.params.height as usize);
    let half = width.div_ceil(2);
    let mut halves = split(state, width, height, half);
    let table = WeightTable::new();
    let simd = Simd::detect();
    let mut sweep = |pass: Option<&Pass>| -> Result<(), Cancelled> {
        for colour in 0..2u32 {
            ctx.check()?;
            let [even, odd] = &mut halves;
            let (own, other) = if colour == 0 { (even, &*odd) } else { (odd, &*even) };
            let mut params = Params { colour, ..problem.params };
            if let Some(pass) = pass {
                params.iteration = pass.iteration;
                params.depth_amplitude = pass.depth_amplitude;
                params.normal_amplitude = pass.normal_amplitude;
                params.good = pass.good;
            }
            let scene = Scene { problem, params, table: &table, simd, half, other };
            own.planes.par_chunks_mut(half).zip(own.views.par_chunks_mut(half)).enumerate().for_each(|(y, row)| {
                let first = (y + colour as usize) & 1;
                for (k, (plane, views)) in row.0.iter_mut().zip(row.1).enumerate() {
                    let x = 2 * k + first;
                    if x < width && problem.mask[y * width + x] {
                        (*plane, *views) =
                            if pass.is_some() { scene.visit(x, y, *plane) } else { scene.score(x, y, *plane) };
                    }
                }
            });
        }
        Ok(())
    };
    if score {
        sweep(None)?;
    }
    for pass in passes {
        sweep(Some(pass))?;
    }
    join(&halves, state, width, height, half);
    Ok(())
}

fn split(state: &State, width: usize, height: usize, half: usize) -> [Half; 2] {
    [0usize, 1].map(|colour| {
        let mut out = Half { planes: vec![[0.0, 0.0, 0.0, WORST]; half * height], views: vec![0; half * height] };
        for y in 0..height {
            for x in ((y + colour) & 1..width).step_by(2) {
                out.planes[y * half + x / 2] = state.planes[y * width + x];
                out.views[y * half + x / 2] = state.views[y * width + x];
            }
        }
        out
    })
}

fn join(halves: &[Half; 2], state: &mut State, width: usize, height: usize, half: usize) {
    for y in 0..height {
        for x in 0..width {
            let from = &halves[(x + y) & 1];
            state.planes[y * width + x] = from.planes[y * half + x / 2];
            state.views[y * width + x] = from.views[y * half + x / 2];
        }
    }
}

/// exp(-c^2 / 0.18) to a few percent, from multiplications alone so that both twins agree.
pub fn likelihood(cost: f32) -> f32 {
    let u = (1.0 - cost * cost * (1.0 / (0.18 * 8.0))).max(0.0);
    let u2 = u * u;
    let u4 = u2 * u2;
    u4 * u4
}

impl Scene<'_> {
    fn reference_patch(&self, x: usize, y: usize) -> Patch {
        let (w, h) = (self.params.width as usize, self.params.height as usize);
        Patch::new(&self.problem.images[..w * h], w, h, x, y, self.table)
    }

    /// Cost of a plane in one source.
    fn view_cost(&self, patch: &Patch, plane: Plane, x: f32, y: f32, s: usize) -> f32 {
        let source = &self.problem.sources[s];
        let m = &source.forward;
        let row = |r: usize| m[r][0] * x + m[r][1] * y + m[r][2] + m[r][3] * plane.q;
        let base = [row(0), row(1), row(2)];
        let worst = WORST + if self.params.geometric == 1 { GEOMETRIC_WEIGHT * GEOMETRIC_LIMIT } else { 0.0 };
        if !(base[2] > 0.0) {
            return worst;
        }
        let (u, v) = (base[0] / base[2], base[1] / base[2]);
        if !(u >= 0.0 && v >= 0.0 && u <= (source.width - 1) as f32 && v <= (source.height - 1) as f32) {
            return worst;
        }
        let warp = Warp {
            base,
            dx: std::array::from_fn(|r| m[r][0] + m[r][3] * plane.gx),
            dy: std::array::from_fn(|r| m[r][1] + m[r][3] * plane.gy),
        };
        let offset = source.image_offset as usize;
        let count = source.width as usize * source.height as usize;
        let pixels = &self.problem.images[offset..offset + count];
        let image = Image { pixels, width: source.width, height: source.height };
        let mut cost = self.simd.cost(patch, image, &warp);
        if self.params.geometric == 1 {
            cost += GEOMETRIC_WEIGHT * self.forward_backward(source, x, y, u, v);
        }
        cost
    }

    /// Distance in pixels from the reference pixel to where the source's own plane takes `(u, v)` back to.
    fn forward_backward(&self, source: &super::Source, x: f32, y: f32, u: f32, v: f32) -> f32 {
        let (i, j) = ((u + 0.5) as u32, (v + 0.5) as u32);
        let at = source.map_offset + j.min(source.height - 1) * source.width + i.min(source.width - 1);
        let [q, gx, gy] = self.problem.maps[at as usize];
        if q <= 0.0 {
            return GEOMETRIC_LIMIT;
        }
        let q = q + gx * (u - i as f32) + gy * (v - j as f32);
        let m = &source.backward;
        let row = |r: usize| m[r][0] * u + m[r][1] * v + m[r][2] + m[r][3] * q;
        let z = row(2);
        if !(z > 0.0) {
            return GEOMETRIC_LIMIT;
        }
        let (du, dv) = (row(0) / z - x, row(1) / z - y);
        (du * du + dv * dv).sqrt().min(GEOMETRIC_LIMIT)
    }

    /// Weight of the prior at a pixel and its plane.
    fn prior(&self, patch: &Patch, x: usize, y: usize) -> (f32, Plane) {
        if self.params.prior == 0 {
            return (0.0, Plane { q: 0.0, gx: 0.0, gy: 0.0 });
        }
        let [q, gx, gy, weight] = self.problem.prior[y * self.params.width as usize + x];
        let texture = patch.variance / PRIOR_VARIANCE;
        (weight / (1.0 + texture * texture), Plane { q, gx, gy })
    }

    /// Costs of a plane in all sources, aggregated with the weights; stops once `limit` is passed.
    fn weighted_cost(&self, patch: &Patch, plane: Plane, at: (f32, f32), choice: &Choice, limit: f32) -> f32 {
        let mut sum = choice.prior_cost(plane);
        for &s in &choice.order[..choice.used] {
            if sum >= limit {
                return sum;
            }
            sum += (1.0 - choice.prior.0) * choice.weights[s] * self.view_cost(patch, plane, at.0, at.1, s);
        }
        sum
    }

    /// Cost of a plane without any choice of sources yet: the mean of the better half of them.
    fn score(&self, x: usize, y: usize, plane: [f32; 4]) -> ([f32; 4], u32) {
        let patch = self.reference_patch(x, y);
        let n = self.params.sources as usize;
        let [q, gx, gy, _] = plane;
        let mut costs: [(f32, usize); MAX_SOURCES] = [(f32::INFINITY, 0); MAX_SOURCES];
        for (s, cost) in costs.iter_mut().enumerate().take(n) {
            *cost = (self.view_cost(&patch, Plane { q, gx, gy }, x as f32, y as f32, s), s);
        }
        costs[..n].sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let used = n.div_ceil(2);
        let mean = costs[..used].iter().map(|c| c.0).sum::<f32>() / used as f32;
        ([q, gx, gy, mean], costs[..used].iter().fold(0, |m, c| m | 1 << c.1))
    }

    fn other_at(&self, x: i32, y: i32) -> usize {
        y as usize * self.half + (x as usize >> 1)
    }

    fn is_inside(&self, x: i32, y: i32) -> bool {
        x >= 0 && y >= 0 && x < self.params.width as i32 && y < self.params.height as i32
    }

    /// The best plane of each of the eight regions, moved to this pixel.
    fn candidates(&self, x: usize, y: usize) -> ([Plane; 8], usize) {
        let mut out = [Plane { q: 0.0, gx: 0.0, gy: 0.0 }; 8];
        let mut count = 0;
        for region in 0..8 {
            let samples: &[[i32; 2]] = if region < 4 { &NEAR } else { &FAR };
            let (mut best, mut from) = (WORST, None);
            for &[i, j] in samples {
                let [i, j] = turned([i, j], region & 3);
                let (u, v) = (x as i32 + i, y as i32 + j);
                if self.is_inside(u, v) {
                    let plane = &self.other.planes[self.other_at(u, v)];
                    if plane[3] < best {
                        best = plane[3];
                        from = Some((plane, i, j));
                    }
                }
            }
            if let Some((&[q, gx, gy, _], i, j)) = from {
                let plane = Plane { q, gx, gy }.moved(-i as f32, -j as f32);
                if self.params.is_valid(plane, x as f32, y as f32) {
                    out[count] = plane;
                    count += 1;
                }
            }
        }
        (out, count)
    }

    /// How many of the four neighbours use each source.
    fn neighbours_views(&self, x: usize, y: usize) -> [f32; MAX_SOURCES] {
        let mut prior = [0f32; MAX_SOURCES];
        for [i, j] in [[0, -1], [1, 0], [0, 1], [-1, 0]] {
            let (u, v) = (x as i32 + i, y as i32 + j);
            if self.is_inside(u, v) {
                let views = self.other.views[self.other_at(u, v)];
                for (s, p) in prior.iter_mut().enumerate() {
                    *p += if views >> s & 1 == 1 { 0.9 } else { 0.1 };
                }
            }
        }
        prior
    }

    /// One update of one pixel.
    fn visit(&self, x: usize, y: usize, own: [f32; 4]) -> ([f32; 4], u32) {
        let n = self.params.sources as usize;
        let patch = self.reference_patch(x, y);
        let at = (x as f32, y as f32);
        let (planes, count) = self.candidates(x, y);
        let mut costs = [[WORST; MAX_SOURCES]; 9];
        let current = Plane { q: own[0], gx: own[1], gy: own[2] };
        let current_valid = self.params.is_valid(current, at.0, at.1);
        if current_valid {
            for (s, cost) in costs[8].iter_mut().enumerate().take(n) {
                *cost = self.view_cost(&patch, current, at.0, at.1, s);
            }
        }
        for k in 0..count {
            // Where the surface has converged, most neighbours offer the same plane.
            if current_valid && planes[k].is_close(current) {
                costs[k] = costs[8];
            } else if let Some(same) = (0..k).find(|&j| planes[k].is_close(planes[j])) {
                costs[k] = costs[same];
            } else {
                for (s, cost) in costs[k].iter_mut().enumerate().take(n) {
                    *cost = self.view_cost(&patch, planes[k], at.0, at.1, s);
                }
            }
        }
        let prior = self.prior(&patch, x, y);
        let choice = Choice::new(&costs, count, n, self.params.good, &self.neighbours_views(x, y), prior);
        let mut best = current;
        let mut best_cost = if current_valid { choice.total(&costs[8], current) } else { f32::INFINITY };
        for (plane, costs) in planes.iter().zip(&costs).take(count) {
            let cost = choice.total(costs, *plane);
            if cost < best_cost {
                (best, best_cost) = (*plane, cost);
            }
        }
        self.refine(&patch, x, y, &choice, &mut best, &mut best_cost);
        ([best.q, best.gx, best.gy, best_cost.min(WORST)], choice.views)
    }

    /// Tries perturbed and random planes.
    fn refine(&self, patch: &Patch, x: usize, y: usize, choice: &Choice, best: &mut Plane, best_cost: &mut f32) {
        let p = &self.params;
        let at = (x as f32, y as f32);
        let mut random = HashStream(hash4(x as u32, y as u32, p.iteration, p.seed));
        for k in 0..7 {
            let cube = |r: &mut HashStream| {
                let s = r.signed();
                s * s * s
            };
            let d = cube(&mut random) * p.depth_amplitude;
            let e = [random.signed(), random.signed(), random.signed()];
            let normal = p.normal(*best, at.0, at.1);
            let tilted = || {
                let n: [f32; 3] = std::array::from_fn(|c| normal[c] + e[c] * p.normal_amplitude);
                let scale = 1.0 / (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt().max(1e-20);
                n.map(|c| c * scale)
            };
            let candidate = match k {
                0 => match self.surface_gradient(x, y) {
                    Some((gx, gy)) => Plane { q: best.q, gx, gy },
                    None => continue,
                },
                1 | 2 => Plane { q: best.q * (1.0 + d), ..*best },
                3 => p.plane(best.q, tilted(), at.0, at.1),
                4 => p.plane(best.q * (1.0 + d), tilted(), at.0, at.1),
                5 => {
                    let scale = 1.0 / (e[0] * e[0] + e[1] * e[1] + e[2] * e[2]).sqrt().max(1e-20);
                    let (rx, ry) = ((at.0 - p.cx) / p.f, (at.1 - p.cy) / p.f);
                    let facing = e[0] * rx + e[1] * ry + e[2];
                    let sign = if facing > 0.0 { -scale } else { scale };
                    p.plane(best.q, e.map(|c| c * sign), at.0, at.1)
                }
                _ => {
                    if p.prior == 0 || choice.prior.0 <= 0.0 {
                        continue;
                    }
                    choice.prior.1
                }
            };
            if p.is_valid(candidate, at.0, at.1) {
                let cost = self.weighted_cost(patch, candidate, at, choice, *best_cost);
                if cost < *best_cost {
                    (*best, *best_cost) = (candidate, cost);
                }
            }
        }
    }

    /// Gradient of the inverse depth between the four neighbours.
    fn surface_gradient(&self, x: usize, y: usize) -> Option<(f32, f32)> {
        let (x, y) = (x as i32, y as i32);
        let q = |i: i32, j: i32| -> Option<f32> {
            let inside = self.is_inside(x + i, y + j);
            inside.then(|| self.other.planes[self.other_at(x + i, y + j)][0]).filter(|&q| q > 0.0)
        };
        Some((0.5 * (q(1, 0)? - q(-1, 0)?), 0.5 * (q(0, 1)? - q(0, -1)?)))
    }
}

/// A sample's offset turned by a multiple of a right angle.
pub fn turned([i, j]: [i32; 2], quarter: usize) -> [i32; 2] {
    match quarter {
        0 => [i, j],
        1 => [-j, i],
        2 => [-i, -j],
        _ => [j, -i],
    }
}

/// Which sources count at a pixel, and how much; and the prior.
struct Choice {
    weights: [f32; MAX_SOURCES],
    order: [usize; MAX_SOURCES],
    used: usize,
    views: u32,
    prior: (f32, Plane),
}

impl Choice {
    /// From the costs of the neighbours' planes (ACMM, section 3.2).
    fn new(
        costs: &[[f32; MAX_SOURCES]; 9],
        count: usize,
        n: usize,
        good: f32,
        neighbours: &[f32; MAX_SOURCES],
        prior: (f32, Plane),
    ) -> Self {
        let mut weights = [0f32; MAX_SOURCES];
        for s in 0..n {
            let (mut sum, mut goods, mut bads) = (0f32, 0, 0);
            for row in &costs[..count] {
                if row[s] < good {
                    sum += likelihood(row[s]);
                    goods += 1;
                }
                bads += i32::from(row[s] > BAD);
            }
            let probability = if goods > 2 && bads < 3 {
                sum / goods as f32
            } else if bads < 3 {
                likelihood(good)
            } else {
                0.0
            };
            weights[s] = probability * neighbours[s];
        }
        let largest = weights.iter().fold(0f32, |a, &b| a.max(b));
        let mut sum = 0f32;
        for w in &mut weights {
            *w = if *w > 0.15 * largest { *w } else { 0.0 };
            sum += *w;
        }
        if sum <= 0.0 {
            // Nothing speaks for any source: all count.
            weights[..n].fill(1.0);
            sum = n as f32;
        }
        let mut order = [0; MAX_SOURCES];
        let (mut used, mut views) = (0, 0);
        for (s, w) in weights.iter_mut().enumerate() {
            *w /= sum;
            if *w > 0.0 {
                views |= 1 << s;
                order[used] = s;
                used += 1;
            }
        }
        Self { weights, order, used, views, prior }
    }

    /// Share of the prior in the cost of a plane.
    fn prior_cost(&self, plane: Plane) -> f32 {
        if self.prior.0 <= 0.0 {
            return 0.0;
        }
        let deviation = (plane.q - self.prior.1.q).abs() / (self.prior.1.q * PRIOR_DEVIATION);
        self.prior.0 * PRIOR_COST * deviation.min(1.0)
    }

    /// Cost of a plane from its costs in the sources.
    fn total(&self, costs: &[f32; MAX_SOURCES], plane: Plane) -> f32 {
        let sum: f32 = self.order[..self.used].iter().map(|&s| self.weights[s] * costs[s]).sum();
        self.prior_cost(plane) + (1.0 - self.prior.0) * sum
    }
}
