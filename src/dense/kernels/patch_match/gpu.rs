//! The sweeps on a device.
//!
//! Buffers at most: 4 bytes for each pixel of every image, 12 for each pixel of every source map, 36 for each pixel of the
//! reference. Where one exceeds the binding limit the call fails with `TooLarge`, and the caller runs the twin.

use super::{Params, Pass, Problem, State};
use crate::gpu::{Binding, Gpu, GpuError, Kernel, KernelSource};

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

/// Runs the passes. With `score`, every pixel's plane gets its cost and sources first.
pub fn gpu(gpu: &Gpu, problem: &Problem, state: &mut State, score: bool, passes: &[Pass]) -> Result<(), GpuError> {
    let (width, height) = (problem.params.width, problem.params.height);
    let n = (width * height) as usize;
    let masked: Vec<u32> = state.views.iter().zip(&problem.mask).map(|(&v, &m)| if m { v } else { OUTSIDE }).collect();
    let params = gpu.upload("patch match parameters", &[problem.params])?;
    let sources = gpu.upload("sources", &problem.sources)?;
    let images = gpu.upload("images", &problem.images)?;
    let planes = gpu.upload("planes", &state.planes)?;
    let views = gpu.upload("source sets", &masked)?;
    let maps = gpu.upload("source maps", &problem.maps)?;
    let priors = gpu.upload("prior planes", &problem.prior)?;
    let bindings: [Binding<'_>; 7] =
        [(0, &params), (1, &sources), (2, &images), (3, &planes), (4, &views), (5, &maps), (6, &priors)];
    let half_sweeps = |kernel: &Kernel, bindings: &[Binding<'_>], values: Params| -> Result<(), GpuError> {
        for colour in 0..2 {
            gpu.write(&params, &[Params { colour, ..values }])?;
            gpu.run_tiled(kernel, bindings, width.div_ceil(2), height)?;
        }
        Ok(())
    };
    if score {
        // The entry point does not read the prior.
        half_sweeps(&gpu.kernel(&source("score"))?, &bindings[..6], problem.params)?;
    }
    let visit = gpu.kernel(&source("visit"))?;
    for pass in passes {
        half_sweeps(&visit, &bindings, pass.apply(problem.params))?;
    }
    state.planes = gpu.read(&planes, n)?;
    state.views = gpu.read::<u32>(&views, n)?.into_iter().map(|v| v & !OUTSIDE).collect();
    Ok(())
}
