//! What the lines of sight say about each facet and cell, as integer capacities.
//!
//! In: the tetrahedralisation, the sites with their cameras, sigma in metres. Out: arcs between cells and terminals.
//! Sums are of integers through atomics, so they do not depend on the order in which threads add.

use super::SurfaceOptions;
use super::rays::{End, Star};
use super::sites::Sites;
use crate::base::{Cancelled, Ctx};
use crate::mesh::delaunay::Delaunay;
use crate::mesh::maxflow::{CutGraph, UNLIMITED};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// Capacity of one line of sight.
const UNIT: f64 = 256.0;

/// Far from its point, where only the sum of many lines of sight matters, one of `THIN` is followed, with their weight.
const THIN: u32 = 4;
const THIN_FROM_SIGMAS: f64 = 16.0;

/// Free-space support: front and behind ranges in sigmas, and the limits of the jump between them, which are those of
/// the paper with its 32 votes a line of sight taken as one.
const FRONT_SIGMAS: f64 = 3.0;
const BEHIND_SIGMAS: f64 = 4.0;
const JUMP_RELATIVE: f64 = 0.1;
const JUMP_ABSOLUTE: f64 = 15.0;
const OUTLIER: f64 = 12.0;
const NOISE_SIGMAS: f64 = 2.0;
/// The most lines of sight that free-space support stands for.
const MAX_SUPPORT: f64 = 4.0;

/// Capacities.
pub struct Weights {
    /// Arc out of each cell through each facet.
    arcs: Vec<[AtomicU32; 4]>,
    /// Arc to the sink of each cell.
    sink: Vec<AtomicU32>,
    /// Cells that a camera is in, or that a ray to a camera left the hull through.
    source: Vec<AtomicBool>,
}

/// Adds without ever overflowing: what is past the largest capacity already stays there.
fn add(to: &AtomicU32, amount: u32) {
    if to.load(Relaxed) < 2 * UNLIMITED {
        to.fetch_add(amount.min(UNLIMITED), Relaxed);
    }
}

/// Walks all lines of sight.
pub fn collect(
    ctx: &Ctx,
    d: &Delaunay,
    sites: &Sites,
    options: &SurfaceOptions,
    sigma: f64,
) -> Result<Weights, Cancelled> {
    let n = d.cells.len();
    let weights = Weights {
        arcs: (0..n).map(|_| Default::default()).collect(),
        sink: (0..n).map(|_| AtomicU32::new(0)).collect(),
        source: (0..n).map(|_| AtomicBool::new(false)).collect(),
    };
    let seeds = d.cell_of_vertex();
    let soft = |distance: f64| (UNIT * -(-0.5 * (distance / sigma).powi(2)).exp_m1()).round() as u32;
    // Beyond this the weight rounds to a full unit.
    let far = 4.0 * sigma;
    let thin_from = THIN_FROM_SIGMAS * sigma;
    each_site(ctx, d, sites, &seeds, |star, number, origin, camera| {
        let (u, length) = direction(origin, camera);
        let end = star.walk(d, origin, &u, length, |c| {
            let w = if c.distance < far {
                soft(c.distance)
            } else if c.distance < thin_from {
                UNIT as u32
            } else if number % THIN == 0 {
                THIN * UNIT as u32
            } else {
                return false;
            };
            add(&weights.arcs[c.to as usize][c.back], w);
            true
        });
        if let End::Inside(cell) | End::Outside(cell) = end {
            weights.source[cell as usize].store(true, Relaxed);
        }
    })?;
    let emptiness = if options.free_space_support { weights.emptiness(d) } else { Vec::new() };
    each_site(ctx, d, sites, &seeds, |star, _, origin, camera| {
        let (u, length) = direction(origin, camera);
        let end = star.walk(d, origin, &-u, options.behind_sigmas * sigma, |c| {
            add(&weights.arcs[c.from as usize][c.slot], soft(c.distance));
            true
        });
        let End::Inside(cell) = end else { return };
        let mut votes = 1.0;
        if options.free_space_support {
            // The most that is seen through just before the point, and at the far end behind it; between the two lies
            // the noise of the surface itself.
            let (mut front, mut behind) = (0f32, 0f32);
            star.walk(d, origin, &u, length.min(FRONT_SIGMAS * sigma), |c| {
                front = front.max(emptiness[c.from as usize]).max(emptiness[c.to as usize]);
                true
            });
            let last = star.walk(d, origin, &-u, BEHIND_SIGMAS * sigma, |c| {
                if c.distance > NOISE_SIGMAS * sigma {
                    behind = behind.max(emptiness[c.from as usize]).max(emptiness[c.to as usize]);
                }
                true
            });
            if let End::Inside(last) = last {
                behind = behind.max(emptiness[last as usize]);
            }
            let (front, behind) = (f64::from(front), f64::from(behind));
            if behind < JUMP_RELATIVE * front && front - behind > JUMP_ABSOLUTE && behind < OUTLIER {
                votes += ((front - behind) / JUMP_ABSOLUTE).min(MAX_SUPPORT);
            }
        }
        add(&weights.sink[cell as usize], (votes * UNIT).min(f64::from(UNLIMITED)) as u32);
    })?;
    Ok(weights)
}

fn direction(origin: &Vector3<f64>, camera: &Vector3<f64>) -> (Vector3<f64>, f64) {
    let to = camera - origin;
    let length = to.norm().max(1e-12);
    (to / length, length)
}

/// Calls `ray` for each site and camera, in parallel, with the cells around the site and a number that is consecutive
/// for the rays of one site.
fn each_site(
    ctx: &Ctx,
    d: &Delaunay,
    sites: &Sites,
    seeds: &[u32],
    ray: impl Fn(&Star, u32, &Vector3<f64>, &Vector3<f64>) + Sync,
) -> Result<(), Cancelled> {
    const CHUNK: usize = 1024;
    let chunks = sites.positions.len().div_ceil(CHUNK);
    let done = AtomicU64::new(0);
    (0..chunks).into_par_iter().try_for_each(|chunk| {
        let mut star = Star::default();
        for i in chunk * CHUNK..((chunk + 1) * CHUNK).min(sites.positions.len()) {
            if seeds[i] == u32::MAX {
                continue;
            }
            star.gather(d, i as u32, seeds[i]);
            for (k, camera) in sites.cameras(i).enumerate() {
                ray(&star, (i + k) as u32, &sites.positions[i], &camera);
            }
        }
        done.fetch_add(1, Relaxed);
        ctx.check()
    })
}

impl Weights {
    /// Lines of sight through each cell, weighted as they count.
    fn emptiness(&self, d: &Delaunay) -> Vec<f32> {
        let into = |(i, cell): (usize, &crate::mesh::delaunay::Cell)| {
            let mut sum = 0.0;
            for n in cell.neighbours {
                if let Some(slot) = d.cells[n as usize].slot_of(i as u32) {
                    sum += f64::from(self.arcs[n as usize][slot].load(Relaxed)) / UNIT;
                }
            }
            sum as f32
        };
        d.cells.par_iter().enumerate().map(into).collect()
    }

    /// Puts the capacities and the surface's quality term into the graph.
    pub fn fill(&self, d: &Delaunay, graph: &mut CutGraph, quality: f64) {
        let spheres: Vec<(Vector3<f64>, f64)> = d
            .cells
            .par_iter()
            .map(|c| if c.is_finite() { d.circumsphere(c) } else { (Vector3::zeros(), f64::INFINITY) })
            .collect();
        let arcs: Vec<[u32; 4]> = d
            .cells
            .par_iter()
            .enumerate()
            .map(|(i, cell)| {
                std::array::from_fn(|slot| {
                    let other = cell.neighbours[slot] as usize;
                    let outside = !cell.is_finite() && !d.cells[other].is_finite();
                    if outside {
                        return 0;
                    }
                    let shape = facet_quality(d, i, slot, &spheres);
                    self.arcs[i][slot].load(Relaxed).saturating_add((quality * shape * UNIT) as u32)
                })
            })
            .collect();
        for (i, capacities) in arcs.into_iter().enumerate() {
            graph.set_arcs(i, capacities);
            let source = if self.source[i].load(Relaxed) { UNLIMITED } else { 0 };
            graph.set_terminals(i, source, self.sink[i].load(Relaxed));
        }
    }
}

/// `1 - min(cos, cos)` of the angles at which the circumspheres of both cells meet the facet: small for facets of a
/// densely sampled surface, whose empty spheres are large and on opposite sides.
fn facet_quality(d: &Delaunay, cell: usize, slot: usize, spheres: &[(Vector3<f64>, f64)]) -> f64 {
    let here = &d.cells[cell];
    let other = here.neighbours[slot] as usize;
    let finite = if here.is_finite() { here } else { &d.cells[other] };
    let facet =
        if here.is_finite() { finite.facet(slot) } else { finite.facet(finite.slot_of(cell as u32).unwrap_or(0)) };
    let [a, b, c] = facet.map(|v| d.points[v as usize]);
    let outward = (b - a).cross(&(c - a)).normalize();
    let outward = if here.is_finite() { outward } else { -outward };
    let cosine = |(centre, squared): &(Vector3<f64>, f64), sign: f64| {
        let cos = sign * outward.dot(&(a - centre)) / squared.sqrt();
        if squared.is_finite() && cos.is_finite() { cos } else { 1.0 }
    };
    1.0 - cosine(&spheres[cell], 1.0).min(cosine(&spheres[other], -1.0)).clamp(-1.0, 1.0)
}
