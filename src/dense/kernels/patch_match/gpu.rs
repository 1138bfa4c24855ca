//! The sweeps on a device.
//!
//! Images and source maps are textures: 4 bytes for each pixel of every image, 16 for each pixel of every source map, with
//! layers as large as the largest. Buffers: 36 bytes for each pixel of the reference, at most 16 of them in one binding,
//! so that 8.3 megapixels fit the portable limit. What does not fit fails with `TooLarge`, and the caller runs the twin.

use super::{Params, Pass, Problem, State};
use crate::base::Ctx;
use crate::dense::DenseError;
use crate::gpu::{Gpu, KernelSource, Texel, Texture, Tiled};

/// Marks a pixel outside the mask in the sets of sources.
const OUTSIDE: u32 = 0x8000_0000;

/// The shader with one of its entry points.
pub(super) const fn source(entry: &'static str) -> KernelSource<'static> {
    KernelSource {
        label: "patch match",
        wgsl: concat!(
            include_str!("../../../../shaders/dense/patch_cost.wgsl"),
            include_str!("../../../../shaders/dense/patch_match.wgsl")
        ),
        entry,
        constants: &[],
        workgroup: [8, 8, 1],
    }
}

/// Runs the passes. With `score`, every pixel's plane gets its cost and sources first. Asks `ctx` between dispatches.
/// The state is as before where this fails.
pub fn gpu(
    ctx: &Ctx,
    gpu: &Gpu,
    problem: &Problem,
    state: &mut State,
    score: bool,
    passes: &[Pass],
) -> Result<(), DenseError> {
    let (width, height) = (problem.params.width, problem.params.height);
    let n = (width * height) as usize;
    let masked: Vec<u32> = state.views.iter().zip(&problem.mask).map(|(&v, &m)| if m { v } else { OUTSIDE }).collect();
    let params = gpu.upload("patch match parameters", &[problem.params])?;
    let sources = gpu.upload("sources", &problem.sources)?;
    let planes = gpu.upload("planes", &state.planes)?;
    let views = gpu.upload("source sets", &masked)?;
    let priors = gpu.upload("prior planes", &problem.prior)?;
    let (images, maps) = textures(gpu, problem)?;
    let bindings = [(0, &params), (1, &sources), (2, &planes), (3, &views), (4, &priors)];
    let half_sweeps = |entry: &'static str, bindings: &[_], values: Params| -> Result<(), DenseError> {
        let kernel = gpu.kernel(&source(entry))?;
        let textures = [(0, &images), (1, &maps)];
        let tiled = Tiled { kernel: &kernel, bindings, textures: &textures, size: [width.div_ceil(2), height] };
        for colour in 0..2 {
            gpu.write(&params, &[Params { colour, ..values }])?;
            gpu.run_bands(&tiled, || Ok::<(), DenseError>(ctx.check()?))?;
        }
        Ok(())
    };
    if score {
        // The entry point does not read the prior.
        half_sweeps("score", &bindings[..4], problem.params)?;
    }
    for pass in passes {
        half_sweeps("visit", &bindings, pass.apply(problem.params))?;
    }
    let (planes, views) = (gpu.read(&planes, n)?, gpu.read::<u32>(&views, n)?);
    *state = State { planes, views: views.into_iter().map(|v| v & !OUTSIDE).collect() };
    Ok(())
}

/// The images (the reference first) and the sources' planes.
fn textures(gpu: &Gpu, problem: &Problem) -> Result<(Texture, Texture), DenseError> {
    let p = &problem.params;
    let largest = |of: fn(&super::Source) -> u32, least: u32| problem.sources.iter().map(of).fold(least, u32::max);
    let size = [largest(|s| s.width, p.width), largest(|s| s.height, p.height), p.sources + 1];
    let images = gpu.layers("images", Texel::U32, size)?;
    gpu.write_layer(&images, 0, p.width, &problem.images[..(p.width * p.height) as usize])?;
    for (layer, s) in (1..).zip(&problem.sources) {
        let from = s.image_offset as usize;
        let count = s.width as usize * s.height as usize;
        gpu.write_layer(&images, layer, s.width, &problem.images[from..from + count])?;
    }
    if p.geometric == 0 {
        return Ok((images, gpu.layers("no source maps", Texel::F32x4, [1, 1, 1])?));
    }
    let size = [largest(|s| s.width, 1), largest(|s| s.height, 1), p.sources];
    let maps = gpu.layers("source maps", Texel::F32x4, size)?;
    for (layer, s) in (0..).zip(&problem.sources) {
        let from = s.map_offset as usize;
        let count = s.width as usize * s.height as usize;
        let planes: Vec<[f32; 4]> = problem.maps[from..from + count].iter().map(|&[q, x, y]| [q, x, y, 0.0]).collect();
        gpu.write_layer(&maps, layer, s.width, &planes)?;
    }
    Ok((images, maps))
}
