//! How many other depth maps agree with each pixel of one.
//!
//! In: a map, its sources' maps, [`Limits`]. Out: for each pixel the number of sources whose surface lies where this one
//! does; 0 without a depth. Memory on the device: 16 bytes for each pixel of every map and 4 for each of this one.
//! Source: see `dense::consistency`, whose `Link` is the CPU's side of one source. Twin: `shaders/dense/consistency.wgsl`.
//! Tolerance: at most one pixel in a thousand has another count, because a value in its last bits lies on the other side
//! of a limit, or a position rounds to the next pixel.
//! Failure modes: [`DenseError::Gpu`] where the device fails; the caller runs the twin.

use crate::base::Ctx;
use crate::dense::DenseError;
use crate::dense::consistency::Link;
use crate::gpu::{Gpu, KernelSource, Texel, Tiled};
use crate::scene::DepthMap;
use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

/// What agreement means.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest forward-backward error in pixels.
    pub reprojection: f32,
    /// Largest relative difference of depth.
    pub depth: f32,
    /// Smallest cosine between the normals.
    pub least_cosine: f32,
}

/// Uniform parameters.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Params {
    width: u32,
    height: u32,
    sources: u32,
    reprojection: f32,
    depth: f32,
    least_cosine: f32,
}

/// From one map to another. Coordinates are pixel indices.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Geometry {
    /// Rows: pixel of the other ~ `a[0..3] (x, y, 1) + a[3] q`, `q` the inverse depth.
    pub forward: [[f32; 4]; 3],
    /// The same back.
    pub backward: [[f32; 4]; 3],
    /// Rows of the rotation from the other camera to this one; the last column is unused.
    pub rotation: [[f32; 4]; 3],
    /// Focal length of the other in pixels.
    pub f: f32,
    /// Its principal point.
    pub cx: f32,
    /// See `cx`.
    pub cy: f32,
    /// Its size.
    pub width: u32,
    /// See `width`.
    pub height: u32,
    /// Fills the last vector.
    pub padding_a: u32,
    /// See `padding_a`.
    pub padding_b: u32,
    /// See `padding_a`.
    pub padding_c: u32,
}

/// On the CPU, rows in parallel.
pub fn cpu(map: &DepthMap, sources: &[&DepthMap], limits: &Limits) -> Vec<u32> {
    let (width, height) = (map.depth.width, map.depth.height);
    let links: Vec<Link<'_>> = sources.iter().map(|other| Link::new(map, other)).collect();
    let count = |x: usize, y: usize| {
        let depth = map.depth.at(x, y);
        if !(depth > 0.0) {
            return 0;
        }
        links
            .iter()
            .filter_map(|link| link.counterpart(x, y, depth, map.normal.at(x, y)))
            .filter(|c| {
                c.error < limits.reprojection && c.difference.abs() < limits.depth && c.cosine > limits.least_cosine
            })
            .count() as u32
    };
    (0..height).into_par_iter().flat_map_iter(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| count(x, y)).collect()
}

const SOURCE: KernelSource<'static> = KernelSource {
    label: "consistency",
    wgsl: include_str!("../../../shaders/dense/consistency.wgsl"),
    entry: "count",
    constants: &[],
    workgroup: [8, 8, 1],
};

/// On the device. Asks `ctx` between dispatches.
pub fn gpu(
    ctx: &Ctx,
    gpu: &Gpu,
    map: &DepthMap,
    sources: &[&DepthMap],
    limits: &Limits,
) -> Result<Vec<u32>, DenseError> {
    let (width, height) = (map.depth.width, map.depth.height);
    if sources.is_empty() || width * height == 0 {
        return Ok(vec![0; width * height]);
    }
    let params = Params {
        width: width as u32,
        height: height as u32,
        sources: sources.len() as u32,
        reprojection: limits.reprojection,
        depth: limits.depth,
        least_cosine: limits.least_cosine,
    };
    let all = || std::iter::once(map).chain(sources.iter().copied());
    let largest = |of: fn(&DepthMap) -> usize| all().map(of).max().unwrap_or(0) as u32;
    let size = [largest(|m| m.depth.width), largest(|m| m.depth.height), params.sources + 1];
    let maps = gpu.layers("depth maps", Texel::F32x4, size)?;
    for (layer, one) in (0..).zip(all()) {
        let texels: Vec<[f32; 4]> =
            one.depth.data.iter().zip(&one.normal.data).map(|(&d, &[x, y, z])| [x, y, z, d]).collect();
        gpu.write_layer(&maps, layer, one.depth.width as u32, &texels)?;
    }
    let links: Vec<Geometry> = sources.iter().map(|other| Link::new(map, other).for_device()).collect();
    let links = gpu.upload("links", &links)?;
    let params = gpu.uniform("consistency", &params)?;
    let agreeing = gpu.zeroed::<u32>("agreeing", width * height)?;
    let tiled = Tiled {
        kernel: &gpu.kernel(&SOURCE)?,
        bindings: &[(0, &params), (1, &links), (2, &agreeing)],
        textures: &[(0, &maps)],
        size: [width as u32, height as u32],
    };
    gpu.run_bands(&tiled, || Ok::<(), DenseError>(ctx.check()?))?;
    Ok(gpu.read(&agreeing, width * height)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::dense::consistency::tests::plane_map;
    use crate::gpu::testing;
    use crate::image::Grid;

    const LIMITS: Limits = Limits { reprojection: 2.0, depth: 0.01, least_cosine: 0.8 };

    /// A map of the plane whose depths and normals are disturbed about as much as the limits allow; some are missing.
    fn disturbed(id: u32, shift: f64) -> DepthMap {
        let mut map = plane_map(id, shift, 0.0);
        let mut rng = Rng::new(7, u64::from(id));
        for (i, (depth, normal)) in map.depth.data.iter_mut().zip(&mut map.normal.data).enumerate() {
            *depth *= 1.0 + 0.006 * rng.normal() as f32;
            normal[0] += 0.3 * rng.normal() as f32;
            let length = normal.iter().map(|n| n * n).sum::<f32>().sqrt();
            *normal = normal.map(|n| n / length);
            if i % 11 == 0 {
                *depth = if i % 2 == 0 { 0.0 } else { f32::NAN };
            }
        }
        map
    }

    /// The upper left corner of a map.
    fn cropped(map: &DepthMap, width: usize, height: usize) -> DepthMap {
        let mut out = map.clone();
        (out.camera.width, out.camera.height) = (width as u32, height as u32);
        out.depth = Grid::filled(width, height, 0.0);
        out.normal = Grid::filled(width, height, [0.0; 3]);
        out.cost = Grid::filled(width, height, 0.1);
        for y in 0..height {
            for x in 0..width {
                *out.depth.at_mut(x, y) = map.depth.at(x, y);
                *out.normal.at_mut(x, y) = map.normal.at(x, y);
            }
        }
        out
    }

    fn floats(counts: &[u32]) -> Vec<f32> {
        counts.iter().map(|&c| c as f32).collect()
    }

    #[test]
    fn layout() {
        crate::assert_layout!(&SOURCE, Params { width, height, sources, reprojection, depth, least_cosine });
        crate::assert_layout!(
            &SOURCE,
            Geometry { forward, backward, rotation, f, cx, cy, width, height, padding_a, padding_b, padding_c }
        );
    }

    #[test]
    fn twins_agree_but_not_with_other_limits() {
        let Some(device) = testing::gpu() else { return };
        let ctx = Ctx::silent();
        let map = disturbed(0, 0.0);
        let near = [disturbed(1, 1.5), cropped(&disturbed(2, -1.0), 49, 40), disturbed(3, 0.4)];
        let near: Vec<&DepthMap> = near.iter().collect();
        for (width, height, count) in
            [(60, 40, 3), (60, 40, 0), (60, 40, 1), (1, 1, 3), (7, 9, 3), (8, 8, 2), (9, 7, 2)]
        {
            let map = cropped(&map, width, height);
            let on_cpu = cpu(&map, &near[..count], &LIMITS);
            let on_gpu = gpu(&ctx, device, &map, &near[..count], &LIMITS).expect("runs");
            testing::assert_close("consistency", &floats(&on_gpu), &floats(&on_cpu), 0.5, 0.001);
            if (width, count) == (60, 3) {
                let of = |n: u32| on_cpu.iter().filter(|&&c| c == n).count() * 100 / on_cpu.len();
                assert!((0..=3).all(|n| of(n) >= 4), "{:?}", [of(0), of(1), of(2), of(3)]);
                // Limits two hundredths away change at least four times the tolerance; the reprojection follows the
                // depth here, so that only a tight limit matters.
                for other in [
                    Limits { reprojection: 0.05, ..LIMITS },
                    Limits { depth: 0.0102, ..LIMITS },
                    Limits { least_cosine: 0.784, ..LIMITS },
                ] {
                    let changed = cpu(&map, &near, &other);
                    let share = testing::differing(&floats(&on_gpu), &floats(&changed), 0.5);
                    assert!(share > 0.004, "{other:?}: {share}");
                }
            }
        }
    }
}
