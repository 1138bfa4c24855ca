//! What of a depth map the other maps confirm.
//!
//! In: a map and its sources' maps. Out: the map with depth 0 where too few sources agree, the cost is too high, or a
//! speckle is left. A source agrees where the forward-backward error is below two pixels, the relative depth difference
//! below 1 %, and the normals differ by less than a limit (COLMAP's and ACMM's tests).
//! Cost: one projection for each pixel and source. Failure modes: none; without sources nothing is kept.

use crate::base::{Ctx, Diagnostic};
use crate::dense::DenseError;
use crate::dense::kernels::consistency::{self, Limits};
use crate::gpu::Gpu;
use crate::scene::DepthMap;

/// Limits of the filter.
#[derive(Clone, Debug, PartialEq)]
pub struct FilterOptions {
    /// Sources that must agree.
    pub agreeing: usize,
    /// Largest forward-backward error in pixels.
    pub reprojection: f32,
    /// Largest relative difference of depth.
    pub depth: f32,
    /// Largest angle between normals in radians.
    pub normal: f32,
    /// Largest cost.
    pub cost: f32,
    /// Smallest speckle in pixels.
    pub speckle: usize,
}

impl Default for FilterOptions {
    fn default() -> Self {
        Self { agreeing: 1, reprojection: 2.0, depth: 0.01, normal: 0.6, cost: 1.2, speckle: 40 }
    }
}

impl FilterOptions {
    fn limits(&self) -> Limits {
        Limits { reprojection: self.reprojection, depth: self.depth, least_cosine: self.normal.cos() }
    }
}

/// The map without what its sources do not confirm.
pub fn filter(map: &DepthMap, sources: &[&DepthMap], options: &FilterOptions) -> DepthMap {
    kept(map, &consistency::cpu(map, sources, &options.limits()), options)
}

/// [`filter()`] on the device, or on the CPU where there is none or it fails.
pub fn filter_on(
    ctx: &Ctx,
    gpu: Option<&Gpu>,
    map: &DepthMap,
    sources: &[&DepthMap],
    options: &FilterOptions,
) -> Result<DepthMap, DenseError> {
    if let Some(gpu) = gpu {
        match consistency::gpu(ctx, gpu, map, sources, &options.limits()) {
            Err(DenseError::Gpu(e)) => {
                let message = format!("{e}; this map is filtered on the CPU");
                ctx.report(Diagnostic::warning("gpu-fallback", gpu.name.clone(), message, e.hint()));
            }
            result => return Ok(kept(map, &result?, options)),
        }
    }
    ctx.check()?;
    Ok(filter(map, sources, options))
}

/// The pixels with enough agreeing sources and a low cost, without speckles.
fn kept(map: &DepthMap, agreeing: &[u32], options: &FilterOptions) -> DepthMap {
    let mut out = map.clone();
    for ((depth, &cost), &agreeing) in out.depth.data.iter_mut().zip(&map.cost.data).zip(agreeing) {
        if !(*depth > 0.0) || cost > options.cost || (agreeing as usize) < options.agreeing {
            *depth = 0.0;
        }
    }
    remove_speckles(&mut out, options);
    out
}

/// Zeroes connected regions (depth steps below the limit between 4-neighbours) of fewer than `speckle` pixels.
fn remove_speckles(map: &mut DepthMap, options: &FilterOptions) {
    let (width, height) = (map.depth.width, map.depth.height);
    let mut seen = vec![false; width * height];
    let mut region = Vec::new();
    for start in 0..width * height {
        if seen[start] || map.depth.data[start] <= 0.0 {
            continue;
        }
        region.clear();
        region.push(start);
        seen[start] = true;
        let mut next = 0;
        while next < region.len() {
            let at = region[next];
            next += 1;
            let (x, y) = (at % width, at / width);
            let depth = map.depth.data[at];
            let mut visit = |to: usize| {
                let other = map.depth.data[to];
                if !seen[to] && other > 0.0 && (other - depth).abs() < options.depth * depth {
                    seen[to] = true;
                    region.push(to);
                }
            };
            if x > 0 {
                visit(at - 1);
            }
            if x + 1 < width {
                visit(at + 1);
            }
            if y > 0 {
                visit(at - width);
            }
            if y + 1 < height {
                visit(at + width);
            }
        }
        if region.len() < options.speckle {
            for &at in &region {
                map.depth.data[at] = 0.0;
            }
        }
    }
}
