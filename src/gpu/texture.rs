//! Arrays of 2D layers that kernels read by `textureLoad`.
//!
//! A texture is not subject to the binding limit: eight images of 3200 x 2400 pixels fit nowhere else under the portable
//! limits (8192 x 8192 x 256 layers). No filtering and no samplers: kernels interpolate themselves, as their twins do.

use super::{Gpu, GpuError};
use bytemuck::Pod;

/// What a texel holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texel {
    /// One `u32`: `texture_2d_array<u32>`.
    U32,
    /// Four `f32`: `texture_2d_array<f32>`.
    F32x4,
}

impl Texel {
    fn bytes(self) -> u32 {
        match self {
            Self::U32 => 4,
            Self::F32x4 => 16,
        }
    }
}

/// Layers of one size on the device.
#[derive(Debug)]
pub struct Texture {
    raw: wgpu::Texture,
    pub(super) view: wgpu::TextureView,
    texel: Texel,
    label: String,
}

impl Gpu {
    /// `layers` layers of `width x height` texels, all bits zero; at least one texel.
    pub fn layers(&self, label: &str, texel: Texel, [width, height, layers]: [u32; 3]) -> Result<Texture, GpuError> {
        let size = wgpu::Extent3d { width: width.max(1), height: height.max(1), depth_or_array_layers: layers.max(1) };
        let limits = self.device.limits();
        let side = limits.max_texture_dimension_2d;
        if size.width > side || size.height > side || size.depth_or_array_layers > limits.max_texture_array_layers {
            let of = |w: u32, h: u32, n: u32| u64::from(w) * u64::from(h) * u64::from(n) * u64::from(texel.bytes());
            let bytes = of(size.width, size.height, size.depth_or_array_layers);
            let limit = of(side, side, limits.max_texture_array_layers);
            return Err(GpuError::TooLarge { label: label.into(), bytes, limit });
        }
        let descriptor = wgpu::TextureDescriptor {
            label: Some(label),
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: match texel {
                Texel::U32 => wgpu::TextureFormat::R32Uint,
                Texel::F32x4 => wgpu::TextureFormat::Rgba32Float,
            },
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        };
        let (raw, view) = self.guarded(label, || {
            let raw = self.device.create_texture(&descriptor);
            let view = raw.create_view(&wgpu::TextureViewDescriptor {
                dimension: Some(wgpu::TextureViewDimension::D2Array),
                ..wgpu::TextureViewDescriptor::default()
            });
            (raw, view)
        })?;
        Ok(Texture { raw, view, texel, label: label.into() })
    }

    /// Writes the upper left `width` columns of a layer, as many rows as `values` fill.
    pub fn write_layer<T: Pod>(&self, texture: &Texture, layer: u32, width: u32, values: &[T]) -> Result<(), GpuError> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        let row = width * texture.texel.bytes();
        if bytes.is_empty() || row == 0 {
            return Ok(());
        }
        let height = bytes.len() as u32 / row;
        self.guarded(&texture.label, || {
            let target = wgpu::TexelCopyTextureInfo {
                texture: &texture.raw,
                mip_level: 0,
                origin: wgpu::Origin3d { x: 0, y: 0, z: layer },
                aspect: wgpu::TextureAspect::All,
            };
            let layout =
                wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: Some(height) };
            let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
            self.queue.write_texture(target, bytes, layout, size);
            // The copy begins at once, so that the staging memory of many layers does not add up.
            self.queue.submit([]);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{KernelSource, Tiled, testing};

    const READ: &str = "
        @group(0) @binding(0) var<storage, read_write> values: array<f32>;
        @group(2) @binding(0) var words: texture_2d_array<u32>;
        @group(2) @binding(1) var planes: texture_2d_array<f32>;
        @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) id: vec3u) {
            let at = tile.origin + id.xy;
            if (at.x >= tile.end.x || at.y >= tile.end.y) { return; }
            let word = textureLoad(words, at, 1, 0).x;
            values[at.y * tile.end.x + at.x] = f32(word) + textureLoad(planes, at, 2, 0).w;
        }";

    #[test]
    fn layers_arrive_where_they_belong() {
        let Some(gpu) = testing::gpu() else { return };
        let source = KernelSource { label: "read", wgsl: READ, entry: "main", constants: &[], workgroup: [8, 8, 1] };
        let kernel = gpu.kernel(&source).expect("compiles");
        let (width, height) = (13u32, 9u32);
        let n = (width * height) as usize;
        let words = gpu.layers("words", Texel::U32, [width + 3, height + 1, 2]).expect("made");
        let planes = gpu.layers("planes", Texel::F32x4, [width, height, 3]).expect("made");
        let ramp: Vec<u32> = (0..n as u32).collect();
        gpu.write_layer(&words, 0, width, &vec![7u32; n]).expect("written");
        gpu.write_layer(&words, 1, width, &ramp).expect("written");
        gpu.write_layer(&planes, 2, width, &vec![[0.0f32, 0.0, 0.0, 0.5]; n]).expect("written");
        let values = gpu.zeroed::<f32>("values", n).expect("made");
        let tiled = Tiled {
            kernel: &kernel,
            bindings: &[(0, &values)],
            textures: &[(0, &words), (1, &planes)],
            size: [width, height],
        };
        gpu.run_bands::<GpuError>(&tiled, || Ok(())).expect("runs");
        let expected: Vec<f32> = ramp.iter().map(|&v| v as f32 + 0.5).collect();
        assert_eq!(gpu.read::<f32>(&values, n).expect("read"), expected);
        let stop = GpuError::OutOfMemory { during: "a check".into() };
        assert_eq!(gpu.run_bands(&tiled, || Err(stop.clone())), Err(stop.clone()));
        assert!(matches!(gpu.layers("wide", Texel::U32, [1 << 20, 1, 1]), Err(GpuError::TooLarge { .. })));
    }
}
