//! The CPU twin of the PatchMatch sweeps: rows of one colour in parallel, vector code for the patch comparison.
//!
//! The state is split by checkerboard colour while it runs: a pixel reads only pixels of the other colour, so that each
//! half is written while the other is read, and the result does not depend on the number of threads.

use super::patch::{Patch, WeightTable};
use super::zncc::{PerView, Simd, Views};
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
/// Share of the largest weight below which a source does not count.
const LEAST_WEIGHT: f32 = 0.15;
/// Samples of the near V and the far line of a region, before rotation into the four directions.
pub const NEAR: [[i32; 2]; 7] = [[0, -1], [-1, -2], [1, -2], [-2, -3], [2, -3], [-3, -4], [3, -4]];
/// See [`NEAR`].
pub const FAR: [[i32; 2]; 11] =
    [[0, -3], [0, -5], [0, -7], [0, -9], [0, -11], [0, -13], [0, -15], [0, -17], [0, -19], [0, -21], [0, -23]];

/// One colour's pixels: those with `(x + y) & 1 == colour`, `x >> 1` of a row that is `half` long.
struct Half {
    planes: Vec<[f32; 3]>,
    costs: Vec<f32>,
    views: Vec<u32>,
}

/// What is computed once for all hypotheses of a pixel.
struct Pixel {
    x: usize,
    y: usize,
    fx: f32,
    fy: f32,
    patch: Patch,
    far: [PerView; 3],
}

/// What a visit reads.
struct Scene<'a> {
    problem: &'a Problem,
    params: Params,
    sources: &'a Views<'a>,
    table: &'a WeightTable,
    simd: Simd,
    half: usize,
    reach: &'a [[Vec<Offset>; 8]; 2],
    other: &'a Half,
}

/// Farthest sample of a region.
const REACH: usize = 23;

/// A sample of a region: its offset in pixels, and in the other colour's values.
struct Offset {
    i: i32,
    j: i32,
    step: isize,
}

/// The samples of the eight regions, for even and odd columns.
fn reach(half: usize) -> [[Vec<Offset>; 8]; 2] {
    [0, 1].map(|odd| {
        std::array::from_fn(|region| {
            let samples: &[[i32; 2]] = if region < 4 { &NEAR } else { &FAR };
            let offset = |s: &[i32; 2]| {
                let [i, j] = turned(*s, region & 3);
                Offset { i, j, step: j as isize * half as isize + ((i + odd) >> 1) as isize }
            };
            samples.iter().map(offset).collect()
        })
    })
}

/// Runs the passes. With `score`, every pixel's plane gets its cost and sources first.
pub fn cpu(ctx: &Ctx, problem: &Problem, state: &mut State, score: bool, passes: &[Pass]) -> Result<(), Cancelled> {
    let (width, height) = (problem.params.width as usize, problem.params.height as usize);
    let half = width.div_ceil(2);
    let mut halves = split(state, width, height, half);
    let table = WeightTable::new();
    let reach = reach(half);
    let simd = Simd::detect();
    let sources = Views::new(&problem.sources, &problem.images);
    let mut sweep = |pass: Option<&Pass>| -> Result<(), Cancelled> {
        for colour in 0..2u32 {
            ctx.check()?;
            let [even, odd] = &mut halves;
            let (own, other) = if colour == 0 { (even, &*odd) } else { (odd, &*even) };
            let params = Params { colour, ..pass.map_or(problem.params, |p| p.apply(problem.params)) };
            let scene = Scene { problem, params, sources: &sources, table: &table, simd, half, reach: &reach, other };
            own.planes
                .par_chunks_mut(half)
                .zip(own.costs.par_chunks_mut(half))
                .zip(own.views.par_chunks_mut(half))
                .enumerate()
                .for_each(|(y, ((planes, costs), views))| {
                    let first = (y + colour as usize) & 1;
                    for k in 0..half {
                        let x = 2 * k + first;
                        if x < width && problem.mask[y * width + x] {
                            let [q, gx, gy] = planes[k];
                            let own = [q, gx, gy, costs[k]];
                            let (new, chosen) =
                                if pass.is_some() { scene.visit(x, y, own, views[k]) } else { scene.score(x, y, own) };
                            planes[k] = [new[0], new[1], new[2]];
                            (costs[k], views[k]) = (new[3], chosen);
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
        let mut out = Half {
            planes: vec![[0.0; 3]; half * height],
            costs: vec![WORST; half * height],
            views: vec![0; half * height],
        };
        for y in 0..height {
            for x in ((y + colour) & 1..width).step_by(2) {
                let [q, gx, gy, cost] = state.planes[y * width + x];
                out.planes[y * half + x / 2] = [q, gx, gy];
                out.costs[y * half + x / 2] = cost;
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
            let [q, gx, gy] = from.planes[y * half + x / 2];
            state.planes[y * width + x] = [q, gx, gy, from.costs[y * half + x / 2]];
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
    fn pixel(&self, x: usize, y: usize) -> Pixel {
        let (w, h) = (self.params.width as usize, self.params.height as usize);
        let patch = Patch::new(&self.problem.images[..w * h], w, h, x, y, self.table);
        let (fx, fy) = (x as f32, y as f32);
        Pixel { x, y, fx, fy, patch, far: self.sources.at(fx, fy) }
    }

    /// Costs of a plane in the sources of the bit set `which`, with the geometric term.
    fn view_costs(&self, at: &Pixel, plane: Plane, which: u32) -> PerView {
        let mut costs = self.simd.costs(self.sources, &at.far, &at.patch, plane, which);
        if self.params.geometric == 1 {
            for s in (0..self.params.sources as usize).filter(|s| which >> s & 1 == 1) {
                costs.cost[s] += GEOMETRIC_WEIGHT * self.forward_backward(s, at, costs.u[s], costs.v[s]);
            }
        }
        costs.cost
    }

    /// Distance in pixels from the reference pixel to where the source's own plane takes `(u, v)` back to.
    fn forward_backward(&self, s: usize, at: &Pixel, u: f32, v: f32) -> f32 {
        if u < 0.0 {
            return GEOMETRIC_LIMIT;
        }
        let source = &self.problem.sources[s];
        let (i, j) = ((u + 0.5) as u32, (v + 0.5) as u32);
        let index = source.map_offset + j.min(source.height - 1) * source.width + i.min(source.width - 1);
        let [q, gx, gy] = self.problem.maps[index as usize];
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
        let (du, dv) = (row(0) / z - at.fx, row(1) / z - at.fy);
        (du * du + dv * dv).sqrt().min(GEOMETRIC_LIMIT)
    }

    /// Weight of the prior at a pixel and its plane.
    fn prior(&self, at: &Pixel) -> (f32, Plane) {
        if self.params.prior == 0 {
            return (0.0, Plane { q: 0.0, gx: 0.0, gy: 0.0 });
        }
        let [q, gx, gy, weight] = self.problem.prior[at.y * self.params.width as usize + at.x];
        let texture = at.patch.variance / PRIOR_VARIANCE;
        (weight / (1.0 + texture * texture), Plane { q, gx, gy })
    }

    /// Costs of a plane in all sources, aggregated with the weights; stops once `limit` is passed.
    fn weighted_cost(&self, at: &Pixel, plane: Plane, choice: &Choice, limit: f32) -> f32 {
        let mut sum = choice.prior_cost(plane);
        for &s in &choice.order[..choice.used] {
            if sum >= limit {
                return sum;
            }
            sum += (1.0 - choice.prior.0) * choice.weights[s] * self.view_costs(at, plane, 1 << s)[s];
        }
        sum
    }

    /// Cost of a plane without any choice of sources yet: the mean of the better half of them.
    fn score(&self, x: usize, y: usize, plane: [f32; 4]) -> ([f32; 4], u32) {
        let at = self.pixel(x, y);
        let n = self.params.sources as usize;
        let [q, gx, gy, _] = plane;
        let by_view = self.view_costs(&at, Plane { q, gx, gy }, (1 << n) - 1);
        let mut costs: [(f32, usize); MAX_SOURCES] = std::array::from_fn(|s| (by_view[s], s));
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
        let (w, h) = (self.params.width as usize, self.params.height as usize);
        let inner = x >= REACH && y >= REACH && x + REACH < w && y + REACH < h;
        let centre = (y * self.half + (x >> 1)) as isize;
        for region in 0..8 {
            let offsets = &self.reach[x & 1][region];
            let (mut best, mut from) = (WORST, None);
            if inner {
                for offset in offsets {
                    let index = (centre + offset.step) as usize;
                    let cost = self.other.costs[index];
                    if cost < best {
                        best = cost;
                        from = Some((index, offset));
                    }
                }
            } else {
                for offset in offsets {
                    let (u, v) = (x as i32 + offset.i, y as i32 + offset.j);
                    if self.is_inside(u, v) {
                        let index = self.other_at(u, v);
                        let cost = self.other.costs[index];
                        if cost < best {
                            best = cost;
                            from = Some((index, offset));
                        }
                    }
                }
            }
            if let Some((index, offset)) = from {
                let [q, gx, gy] = self.other.planes[index];
                let plane = Plane { q, gx, gy }.moved(-offset.i as f32, -offset.j as f32);
                if self.params.is_valid(plane, x as f32, y as f32) {
                    out[count] = plane;
                    count += 1;
                }
            }
        }
        (out, count)
    }

    /// How many of the four neighbours use each source, and which sources any of them uses.
    fn neighbours_views(&self, x: usize, y: usize) -> (PerView, u32) {
        let mut votes = [0f32; MAX_SOURCES];
        let mut any = 0;
        for [i, j] in [[0, -1], [1, 0], [0, 1], [-1, 0]] {
            let (u, v) = (x as i32 + i, y as i32 + j);
            if self.is_inside(u, v) {
                let views = self.other.views[self.other_at(u, v)];
                any |= views;
                for (s, p) in votes.iter_mut().enumerate() {
                    *p += if views >> s & 1 == 1 { 0.9 } else { 0.1 };
                }
            }
        }
        (votes, any)
    }

    /// One update of one pixel.
    fn visit(&self, x: usize, y: usize, own: [f32; 4], views: u32) -> ([f32; 4], u32) {
        let n = self.params.sources as usize;
        let at = self.pixel(x, y);
        let (planes, count) = self.candidates(x, y);
        let (votes, mut active) = self.neighbours_views(x, y);
        active |= views;
        // A source that neither this pixel nor a neighbour uses would get a weight below the limit anyway.
        if self.params.explore == 1 || active.count_ones() < 2 {
            active = (1 << n) - 1;
        }
        let mut costs = [[WORST; MAX_SOURCES]; 9];
        let current = Plane { q: own[0], gx: own[1], gy: own[2] };
        let current_valid = self.params.is_valid(current, at.fx, at.fy);
        if current_valid {
            costs[8] = self.view_costs(&at, current, active);
        }
        for k in 0..count {
            // Where the surface has converged, most neighbours offer the same plane.
            costs[k] = if current_valid && planes[k].is_close(current) {
                costs[8]
            } else if let Some(same) = (0..k).find(|&j| planes[k].is_close(planes[j])) {
                costs[same]
            } else {
                self.view_costs(&at, planes[k], active)
            };
        }
        let prior = self.prior(&at);
        let choice = Choice::new(&costs, count, n, self.params.good, (&votes, active), prior);
        let mut best = current;
        let mut best_cost = if current_valid { choice.total(&costs[8], current) } else { f32::INFINITY };
        for (plane, costs) in planes.iter().zip(&costs).take(count) {
            let cost = choice.total(costs, *plane);
            if cost < best_cost {
                (best, best_cost) = (*plane, cost);
            }
        }
        self.refine(&at, &choice, &mut best, &mut best_cost);
        ([best.q, best.gx, best.gy, best_cost.min(WORST)], choice.views)
    }

    /// Tries perturbed and random planes.
    fn refine(&self, at: &Pixel, choice: &Choice, best: &mut Plane, best_cost: &mut f32) {
        let p = &self.params;
        let mut random = HashStream(hash4(at.x as u32, at.y as u32, p.iteration, p.seed));
        for k in 0..7 {
            let cube = |r: &mut HashStream| {
                let s = r.signed();
                s * s * s
            };
            let d = cube(&mut random) * p.depth_amplitude;
            let e = [random.signed(), random.signed(), random.signed()];
            let normal = p.normal(*best, at.fx, at.fy);
            let tilted = || {
                let n: [f32; 3] = std::array::from_fn(|c| normal[c] + e[c] * p.normal_amplitude);
                let scale = 1.0 / (n[0] * n[0] + n[1] * n[1] + n[2] * n[2]).sqrt().max(1e-20);
                n.map(|c| c * scale)
            };
            let candidate = match k {
                0 => match self.surface_gradient(at.x, at.y) {
                    Some((gx, gy)) => Plane { q: best.q, gx, gy },
                    None => continue,
                },
                1 | 2 => Plane { q: best.q * (1.0 + d), ..*best },
                3 => p.plane(best.q, tilted(), at.fx, at.fy),
                4 => p.plane(best.q * (1.0 + d), tilted(), at.fx, at.fy),
                5 => {
                    let scale = 1.0 / (e[0] * e[0] + e[1] * e[1] + e[2] * e[2]).sqrt().max(1e-20);
                    let (rx, ry) = ((at.fx - p.cx) / p.f, (at.fy - p.cy) / p.f);
                    let facing = e[0] * rx + e[1] * ry + e[2];
                    let sign = if facing > 0.0 { -scale } else { scale };
                    p.plane(best.q, e.map(|c| c * sign), at.fx, at.fy)
                }
                _ => {
                    if p.prior == 0 || choice.prior.0 <= 0.0 {
                        continue;
                    }
                    choice.prior.1
                }
            };
            if p.is_valid(candidate, at.fx, at.fy) {
                let cost = self.weighted_cost(at, candidate, choice, *best_cost);
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
        (votes, active): (&PerView, u32),
        prior: (f32, Plane),
    ) -> Self {
        let mut weights = [0f32; MAX_SOURCES];
        for s in (0..n).filter(|s| active >> s & 1 == 1) {
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
            weights[s] = probability * votes[s];
        }
        let largest = weights.iter().fold(0f32, |a, &b| a.max(b));
        let mut sum = 0f32;
        for w in &mut weights {
            *w = if *w > LEAST_WEIGHT * largest { *w } else { 0.0 };
            sum += *w;
        }
        if sum <= 0.0 {
            // Nothing speaks for any source: all count.
            for (s, w) in weights.iter_mut().enumerate() {
                *w = (active >> s & 1) as f32;
            }
            sum = active.count_ones() as f32;
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
