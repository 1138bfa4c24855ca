//! Depth maps, view by view.
//!
//! In: a [`View`], its source views, its [`Neighbourhood`]. Out: a [`DepthMap`] at the view's resolution: depth along the
//! camera's z axis (world units, 0 = none), unit normal in the camera frame facing the camera, cost.
//! [`photometric`] searches coarse to fine by the images alone; [`geometric`] improves a map with its neighbours' maps;
//! [`filter()`] removes what the neighbours do not confirm. Each is a function of one view, so that a pipeline may store
//! each map as an artifact of its own and resume.
//! The sweeps and the filter's comparison run on the device where there is one; where it fails, a `gpu-fallback` warning
//! tells so and the CPU computes the rest of that map. The two give slightly different maps of equal quality
//! (`kernels/patch_match`).
//! Source: see `kernels/patch_match`; scales, iterations and thresholds after ACMM (CVPR 2019).
//! Cost: measured in the module's tests and in the project's notes; memory about 60 bytes for each pixel of the view and
//! 16 for each pixel of each source.
//! Failure modes: moving objects and water survive only where at least two sources agree by chance; the filter and the
//! fusion remove them.

mod filter;
mod initial;
mod options;
mod prior;
mod pyramid;

pub use filter::{FilterOptions, filter, filter_on};
pub use options::DepthOptions;

use super::kernels::patch_match::{self, Params, Pass, Plane, Problem, Source, State};
use super::neighbours::Neighbourhood;
use super::{DenseError, View};
use crate::base::{Ctx, Diagnostic, PhotoId};
use crate::gpu::Gpu;
use crate::image::Grid;
use crate::scene::DepthMap;
use pyramid::{Level, pyramid};

/// Weight of a prior plane where the patch has no texture at all.
const PRIOR_WEIGHT: f32 = 0.9;
/// Smallest number of sources of a depth map.
const LEAST_SOURCES: usize = 2;

fn check_sources(view: &View, sources: &[&View]) -> Result<(), DenseError> {
    let found = sources.len();
    if found < LEAST_SOURCES {
        return Err(DenseError::TooFewNeighbours { photo: view.photo, found, needed: LEAST_SOURCES });
    }
    if found > patch_match::MAX_SOURCES {
        return Err(DenseError::Mismatch { what: "sources of a view", found, expected: patch_match::MAX_SOURCES });
    }
    Ok(())
}

fn params(ctx: &Ctx, photo: PhotoId, level: &Level, range: (f64, f64), sources: usize) -> Params {
    Params {
        width: level.camera.width,
        height: level.camera.height,
        sources: sources as u32,
        colour: 0,
        iteration: 0,
        seed: (ctx.seed as u32) ^ ((ctx.seed >> 32) as u32) ^ photo.0.wrapping_mul(0x9e37_79b9),
        geometric: 0,
        prior: 0,
        f: level.camera.f as f32,
        cx: (level.camera.cx - 0.5) as f32,
        cy: (level.camera.cy - 0.5) as f32,
        q_min: (1.0 / range.1) as f32,
        q_max: (1.0 / range.0) as f32,
        depth_amplitude: 0.0,
        normal_amplitude: 0.0,
        good: 0.8,
        explore: 1,
        padding: [0; 3],
    }
}

/// The problem of one level; the images of the sources at the same level.
fn problem(params: Params, view: &View, level: &Level, sources: &[(&View, &Level)]) -> Problem {
    let pack = |l: &Level| patch_match::pack(&l.grey, l.camera.width as usize, l.camera.height as usize);
    let mut images = pack(level);
    let mut maps = 0;
    let geometry = sources
        .iter()
        .map(|(source, source_level)| {
            let mut geometry = Source::new((&level.camera, &view.pose), (&source_level.camera, &source.pose));
            geometry.image_offset = images.len() as u32;
            geometry.map_offset = maps;
            maps += geometry.width * geometry.height;
            images.extend(pack(source_level));
            geometry
        })
        .collect();
    Problem { params, sources: geometry, images, mask: level.mask.clone(), maps: Vec::new(), prior: Vec::new() }
}

/// Sweeps with amplitudes that shrink from one to the next.
fn passes(first: u32, count: u32, depth: f32, normal: f32, explore: u32) -> Vec<Pass> {
    (0..count)
        .map(|i| {
            let shrink = 0.6f32.powi(i as i32);
            let good = 0.8 * (-((i * i) as f32) / 90.0).exp();
            Pass {
                iteration: first + i,
                depth_amplitude: depth * shrink,
                normal_amplitude: normal * shrink,
                good,
                explore: u32::from(i < explore),
            }
        })
        .collect()
}

/// Runs passes on the device, or on the CPU where there is none or it fails, whatever the reason: a driver that does not
/// take the shader must not cost the run. After a failure `gpu` is `None`: the CPU makes the rest of the map, with one
/// note. `state` changes only with success.
fn run(
    ctx: &Ctx,
    gpu: &mut Option<&Gpu>,
    problem: &Problem,
    state: &mut State,
    score: bool,
    passes: &[Pass],
) -> Result<(), DenseError> {
    if let Some(device) = *gpu {
        match patch_match::gpu(ctx, device, problem, state, score, passes) {
            Err(DenseError::Gpu(e)) => {
                let message = format!("{e}; the CPU computes the rest of this map");
                ctx.report(Diagnostic::warning("gpu-fallback", device.name.clone(), message, e.hint()));
                *gpu = None;
            }
            result => return result,
        }
    }
    Ok(patch_match::cpu(ctx, problem, state, score, passes)?)
}

/// The depth map by the images alone. `sources` in the order of `neighbourhood.sources`.
pub fn photometric(
    ctx: &Ctx,
    view: &View,
    sources: &[&View],
    neighbourhood: &Neighbourhood,
    gpu: Option<&Gpu>,
    options: &DepthOptions,
) -> Result<DepthMap, DenseError> {
    check_sources(view, sources)?;
    let mut gpu = gpu;
    let halvings = options.halvings.min(view.camera.width.min(view.camera.height).ilog2().saturating_sub(5));
    let levels = pyramid(view, halvings);
    let source_levels: Vec<Vec<Level>> = sources.iter().map(|s| pyramid(s, halvings)).collect();
    let mut state: Option<(State, &Level)> = None;
    for l in (0..levels.len()).rev() {
        let level = &levels[l];
        let at_level: Vec<(&View, &Level)> = sources.iter().zip(&source_levels).map(|(s, p)| (*s, &p[l])).collect();
        let params = params(ctx, view.photo, level, neighbourhood.depth_range, sources.len());
        let mut problem = problem(params, view, level, &at_level);
        let first = 100 * l as u32;
        let (mut next, passes) = match &state {
            None => {
                let planes = initial::initial_planes(&params, &view.pose, &neighbourhood.points);
                let n = planes.len();
                (State { planes, views: vec![0; n] }, passes(first, options.coarse_passes, 0.05, 0.6, 3))
            }
            Some((coarse, coarse_level)) => {
                let fine = prior::upsampled(&coarse.planes, coarse_level, level);
                problem.prior = fine.iter().map(|p| [p[0], p[1], p[2], PRIOR_WEIGHT]).collect();
                problem.params.prior = 1;
                let n = fine.len();
                (State { planes: fine, views: vec![0; n] }, passes(first, options.fine_passes, 0.01, 0.3, 0))
            }
        };
        blank(&mut next, &level.mask);
        run(ctx, &mut gpu, &problem, &mut next, true, &passes)?;
        if l == 0 && options.planar_prior {
            problem.prior = prior::planar(&problem, &next);
            let passes = self::passes(first + 50, 2, 0.005, 0.15, 0);
            run(ctx, &mut gpu, &problem, &mut next, false, &passes)?;
        }
        state = Some((next, level));
    }
    let planes = state.map(|s| s.0.planes).unwrap_or_default();
    let params = params(ctx, view.photo, &levels[0], neighbourhood.depth_range, sources.len());
    Ok(to_map(&params, view, &planes))
}

/// The depth map improved with the sources' maps (of the previous round), which count as far as they agree.
#[allow(clippy::too_many_arguments, reason = "one call in the pipeline; every input is of another kind")]
pub fn geometric(
    ctx: &Ctx,
    view: &View,
    sources: &[&View],
    neighbourhood: &Neighbourhood,
    map: &DepthMap,
    source_maps: &[&DepthMap],
    round: u32,
    gpu: Option<&Gpu>,
    options: &DepthOptions,
) -> Result<DepthMap, DenseError> {
    check_sources(view, sources)?;
    let mut gpu = gpu;
    if source_maps.len() != sources.len() {
        let (found, expected) = (source_maps.len(), sources.len());
        return Err(DenseError::Mismatch { what: "depth maps of the sources", found, expected });
    }
    let level = &pyramid(view, 0)[0];
    let source_levels: Vec<Level> = sources.iter().map(|s| pyramid(s, 0).swap_remove(0)).collect();
    let at_level: Vec<(&View, &Level)> = sources.iter().copied().zip(&source_levels).collect();
    let params = params(ctx, view.photo, level, neighbourhood.depth_range, sources.len());
    let mut problem = problem(params, view, level, &at_level);
    problem.params.geometric = 1;
    for source_map in source_maps {
        problem.maps.extend(from_map(source_map));
    }
    let planes: Vec<[f32; 4]> =
        from_map(map).zip(&map.cost.data).map(|([q, gx, gy], &cost)| [q, gx, gy, cost]).collect();
    let n = planes.len();
    let mut state = State { planes, views: vec![0; n] };
    blank(&mut state, &level.mask);
    let scale = 0.5f32.powi(round as i32);
    let passes = passes(1000 + 100 * round, options.geometric_passes, 0.004 * scale, 0.15 * scale, 0);
    run(ctx, &mut gpu, &problem, &mut state, true, &passes)?;
    Ok(to_map(&params, view, &state.planes))
}

/// Pixels outside the mask have no plane.
fn blank(state: &mut State, mask: &[bool]) {
    for (plane, _) in state.planes.iter_mut().zip(mask).filter(|(_, m)| !**m) {
        *plane = [0.0, 0.0, 0.0, patch_match::WORST];
    }
}

fn to_map(params: &Params, view: &View, planes: &[[f32; 4]]) -> DepthMap {
    let (width, height) = (params.width as usize, params.height as usize);
    let mut map = DepthMap {
        photo: view.photo,
        camera: view.camera,
        pose: view.pose,
        depth: Grid::filled(width, height, 0.0),
        normal: Grid::filled(width, height, [0.0, 0.0, -1.0]),
        cost: Grid::filled(width, height, patch_match::WORST),
    };
    for (i, &[q, gx, gy, cost]) in planes.iter().enumerate().filter(|(_, p)| p[0] > 0.0) {
        map.depth.data[i] = 1.0 / q;
        map.normal.data[i] = params.normal(Plane { q, gx, gy }, (i % width) as f32, (i / width) as f32);
        map.cost.data[i] = cost;
    }
    map
}

/// Planes (q, gx, gy) of a depth map, zero where it has none.
fn from_map(map: &DepthMap) -> impl Iterator<Item = [f32; 3]> + '_ {
    let width = map.depth.width;
    let (f, cx, cy) = (map.camera.f as f32, (map.camera.cx - 0.5) as f32, (map.camera.cy - 0.5) as f32);
    map.depth.data.iter().zip(&map.normal.data).enumerate().map(move |(i, (&depth, n))| {
        if depth <= 0.0 {
            return [0.0; 3];
        }
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        let facing = (n[0] * (x - cx) / f + n[1] * (y - cy) / f + n[2]).min(-1e-6);
        let scale = 1.0 / (depth * facing * f);
        [1.0 / depth, n[0] * scale, n[1] * scale]
    })
}

#[cfg(test)]
mod tests;
