//! Compute kernels: from WGSL source to dispatches.
//!
//! In: a [`KernelSource`] (the shader's text by `include_str!`, entry point, override constants) and buffers by binding
//! number in group 0. Every file of `shaders/shared/` precedes the shader's own text. The layout is derived from the
//! shader: bind exactly the buffers that the entry point uses.
//! Kernels with one invocation per pixel read `tile.origin` and `tile.size` of `shaders/shared/tile.wgsl`, and
//! [`Gpu::run_tiled`] splits them into bands of rows whose height follows the measured time; the result must not depend
//! on the split. Textures, where a kernel reads any, are in group 2.
//! Failure modes: [`GpuError::Invalid`] for a shader that does not compile or bindings that do not fit.

use super::{Buffer, Gpu, GpuError, Texture};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Shared shader text, in order.
pub(super) const SHARED: &[&str] =
    &[include_str!("../../shaders/shared/tile.wgsl"), include_str!("../../shaders/shared/random.wgsl")];

/// A band of rows should take about this long.
const TARGET_MS: f64 = 40.0;
/// Invocations of a kernel's first band, and the bounds of later ones.
const FIRST_PACE: u64 = 1 << 14;
const LEAST_PACE: u64 = 64;
const MOST_PACE: u64 = 1 << 26;

/// Where a kernel's code is.
#[derive(Clone, Copy, Debug)]
pub struct KernelSource<'a> {
    /// Name for messages.
    pub label: &'a str,
    /// The shader's own text.
    pub wgsl: &'a str,
    /// Entry point.
    pub entry: &'a str,
    /// Override constants by name.
    pub constants: &'a [(&'a str, f64)],
    /// Workgroup size of the entry point, as in the shader.
    pub workgroup: [u32; 3],
}

impl KernelSource<'_> {
    /// The whole text that the device compiles.
    pub fn full_text(&self) -> String {
        let mut text = SHARED.join("\n");
        text.push('\n');
        text.push_str(self.wgsl);
        text
    }
}

/// A compiled kernel; clones share it.
#[derive(Clone, Debug)]
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    label: String,
    workgroup: [u32; 3],
    /// Invocations of the next band of rows, from the time that the last one took.
    pace: Arc<AtomicU64>,
}

/// A buffer at a binding number of group 0.
pub type Binding<'a> = (u32, &'a Buffer);

/// One kernel over an image, in bands of rows.
#[derive(Clone, Copy, Debug)]
pub struct Tiled<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Its buffers of group 0: exactly those that the entry point uses.
    pub bindings: &'a [Binding<'a>],
    /// Its textures of group 2, alike.
    pub textures: &'a [(u32, &'a Texture)],
    /// Width and height in invocations.
    pub size: [u32; 2],
}

/// One kernel over a number of workgroups.
#[derive(Clone, Copy, Debug)]
pub struct Dispatch<'a> {
    /// The kernel.
    pub kernel: &'a Kernel,
    /// Its buffers: exactly those that the entry point uses.
    pub bindings: &'a [Binding<'a>],
    /// Number of invocations wanted along each axis; rounded up to whole workgroups.
    pub size: [u32; 3],
}

impl Gpu {
    /// Compiles a kernel, or takes it from those that this device has compiled before: that lasts up to a second for a
    /// long shader, and a method asks again for each photo.
    pub fn kernel(&self, source: &KernelSource<'_>) -> Result<Kernel, GpuError> {
        let text = source.full_text();
        let key = format!("{}\n{:?}\n{text}", source.entry, source.constants);
        if let Some(kernel) = self.kernels.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(kernel.clone());
        }
        let pipeline = self.guarded(source.label, || {
            let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(source.label),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            });
            self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(source.label),
                layout: None,
                module: &module,
                entry_point: Some(source.entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: source.constants,
                    zero_initialize_workgroup_memory: true,
                },
                cache: None,
            })
        })?;
        let kernel = Kernel {
            pipeline,
            label: source.label.into(),
            workgroup: source.workgroup,
            pace: Arc::new(AtomicU64::new(FIRST_PACE)),
        };
        self.kernels.lock().unwrap_or_else(PoisonError::into_inner).insert(key, kernel.clone());
        Ok(kernel)
    }

    fn bind(&self, kernel: &Kernel, group: u32, bindings: &[Binding<'_>]) -> wgpu::BindGroup {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = bindings
            .iter()
            .map(|&(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.raw.as_entire_binding() })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&kernel.label),
            layout: &kernel.pipeline.get_bind_group_layout(group),
            entries: &entries,
        })
    }

    fn bind_textures(&self, kernel: &Kernel, group: u32, textures: &[(u32, &Texture)]) -> wgpu::BindGroup {
        let entries: Vec<wgpu::BindGroupEntry<'_>> = textures
            .iter()
            .map(|&(binding, texture)| wgpu::BindGroupEntry {
                binding,
                resource: wgpu::BindingResource::TextureView(&texture.view),
            })
            .collect();
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(&kernel.label),
            layout: &kernel.pipeline.get_bind_group_layout(group),
            entries: &entries,
        })
    }

    /// Runs dispatches one after another in one submission and waits for the end. Each sees what those before it wrote.
    pub fn run(&self, dispatches: &[Dispatch<'_>]) -> Result<(), GpuError> {
        let during = dispatches.first().map_or("nothing", |d| d.kernel.label.as_str());
        self.guarded(during, || {
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            for dispatch in dispatches.iter().filter(|d| d.size.iter().all(|&n| n > 0)) {
                let group = self.bind(dispatch.kernel, 0, dispatch.bindings);
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.set_pipeline(&dispatch.kernel.pipeline);
                pass.set_bind_group(0, &group, &[]);
                let [x, y, z]: [u32; 3] =
                    std::array::from_fn(|a| dispatch.size[a].div_ceil(dispatch.kernel.workgroup[a]));
                pass.dispatch_workgroups(x, y, z);
            }
            self.queue.submit([encoder.finish()]);
        })?;
        self.wait(during)?;
        self.guarded(during, || ())
    }

    /// Runs a kernel that uses `tile` over `width x height` pixels in bands of rows, each a submission of its own that
    /// takes about 40 ms, and waits for the end.
    pub fn run_tiled(
        &self,
        kernel: &Kernel,
        bindings: &[Binding<'_>],
        width: u32,
        height: u32,
    ) -> Result<(), GpuError> {
        self.run_bands(&Tiled { kernel, bindings, textures: &[], size: [width, height] }, || Ok(()))
    }

    /// [`Gpu::run_tiled`] with textures and a check before each band, whose error ends the run.
    pub fn run_bands<E: From<GpuError>>(
        &self,
        tiled: &Tiled<'_>,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let (kernel, [width, height]) = (tiled.kernel, tiled.size);
        let label = &kernel.label;
        let tile = self.uniform("tile", &[0u32; 4])?;
        let groups = self.guarded(label, || {
            let textures = (!tiled.textures.is_empty()).then(|| self.bind_textures(kernel, 2, tiled.textures));
            (self.bind(kernel, 0, tiled.bindings), self.bind(kernel, 1, &[(0, &tile)]), textures)
        })?;
        let mut row = 0;
        while row < height && width > 0 {
            check()?;
            let rows = (kernel.pace.load(Ordering::Relaxed) / u64::from(width)) as u32;
            // Whole workgroups: a band of one row would keep most of a group idle.
            let rows = (rows / kernel.workgroup[1]).max(1) * kernel.workgroup[1];
            let count = rows.min(height - row);
            self.write(&tile, &[0, row, width, row + count])?;
            let started = Instant::now();
            self.guarded(label, || {
                let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
                {
                    let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                    pass.set_pipeline(&kernel.pipeline);
                    pass.set_bind_group(0, &groups.0, &[]);
                    pass.set_bind_group(1, &groups.1, &[]);
                    if let Some(textures) = &groups.2 {
                        pass.set_bind_group(2, textures, &[]);
                    }
                    pass.dispatch_workgroups(
                        width.div_ceil(kernel.workgroup[0]),
                        count.div_ceil(kernel.workgroup[1]),
                        1,
                    );
                }
                self.queue.submit([encoder.finish()]);
            })?;
            self.wait(label)?;
            row += count;
            let ms = started.elapsed().as_secs_f64() * 1e3;
            let factor = (TARGET_MS / ms.max(0.1)).clamp(0.25, 4.0);
            let done = u64::from(count) * u64::from(width);
            // A short last band says nothing about long ones, unless it was slow.
            if count == rows || factor < 1.0 {
                kernel.pace.store(((done as f64 * factor) as u64).clamp(LEAST_PACE, MOST_PACE), Ordering::Relaxed);
            }
        }
        Ok(self.guarded(label, || ())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing;

    const SQUARE: &str = "
        override OFFSET: f32 = 0.0;
        @group(0) @binding(0) var<storage, read_write> values: array<f32>;
        @compute @workgroup_size(8, 4) fn main(@builtin(global_invocation_id) id: vec3u) {
            let x = tile.origin.x + id.x;
            let y = tile.origin.y + id.y;
            if (x >= tile.end.x || y >= tile.end.y) { return; }
            let i = y * tile.end.x + x;
            values[i] = values[i] * values[i] + OFFSET;
        }";

    fn source(wgsl: &'static str) -> KernelSource<'static> {
        KernelSource { label: "square", wgsl, entry: "main", constants: &[("OFFSET", 0.5)], workgroup: [8, 4, 1] }
    }

    #[test]
    fn tiles_cover_every_pixel_once() {
        let Some(gpu) = testing::gpu() else { return };
        let kernel = gpu.kernel(&source(SQUARE)).expect("compiles");
        for (width, height) in [(1u32, 1u32), (7, 33), (8, 32), (9, 131)] {
            let n = (width * height) as usize;
            let values: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let buffer = gpu.upload("values", &values).expect("upload");
            gpu.run_tiled(&kernel, &[(0, &buffer)], width, height).expect("runs");
            let got: Vec<f32> = gpu.read(&buffer, n).expect("read");
            let expected: Vec<f32> = values.iter().map(|v| v * v + 0.5).collect();
            testing::assert_close("square", &got, &expected, 1e-6, 0.0);
        }
    }

    #[test]
    fn a_broken_shader_is_a_typed_error() {
        let Some(gpu) = testing::gpu() else { return };
        let broken = gpu.kernel(&source("fn main() { nonsense }"));
        assert!(matches!(broken, Err(GpuError::Invalid { .. })), "{broken:?}");
    }
}
