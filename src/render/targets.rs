//! The pictures that the view draws into.
//!
//! There are two: the whole one with four samples a pixel, which may be drawn in several passes and appears only when it
//! is finished, and a small one with a sample a pixel for slow adapters while the view moves. Both are `Rgba8Unorm` with
//! sRGB values in them, which is what the window shows as it is: a texel that fills a pixel arrives bit for bit.

use super::pipelines::{COLOUR, DEPTH, SAMPLES};

/// Pixels of the whole picture for one of the small picture, along each side.
const SMALLER: u32 = 2;

/// One picture that can be shown.
#[derive(Debug)]
pub(super) struct Picture {
    pub size: [u32; 2],
    pub colour: wgpu::Texture,
    pub view: wgpu::TextureView,
    /// What is drawn into before it is resolved; `None` of a picture with one sample a pixel.
    samples: Option<wgpu::TextureView>,
    depth: wgpu::TextureView,
}

/// The pictures of one size of the view.
#[derive(Debug)]
pub(super) struct Targets {
    pub size: [u32; 2],
    pub whole: Picture,
    pub small: Option<Picture>,
}

impl Picture {
    fn new(device: &wgpu::Device, size: [u32; 2], samples: u32) -> Self {
        let texture = |label, format, sample_count, usage| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | usage,
                view_formats: &[],
            })
        };
        let shown = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_SRC;
        let view = |t: &wgpu::Texture| t.create_view(&wgpu::TextureViewDescriptor::default());
        let colour = texture("picture", COLOUR, 1, shown);
        let several = (samples > 1).then(|| view(&texture("samples", COLOUR, samples, wgpu::TextureUsages::empty())));
        let depth = view(&texture("depth", DEPTH, samples, wgpu::TextureUsages::empty()));
        Self { size, view: view(&colour), colour, samples: several, depth }
    }

    /// How many samples a pixel has.
    pub fn samples(&self) -> u32 {
        if self.samples.is_some() { SAMPLES } else { 1 }
    }

    /// Begins to draw: upon a background (sRGB and opacity), or further upon what there is. `last` makes the picture
    /// appear.
    pub fn pass<'a>(
        &self,
        encoder: &'a mut wgpu::CommandEncoder,
        background: Option<[f64; 4]>,
        last: bool,
    ) -> wgpu::RenderPass<'a> {
        let [r, g, b, a] = background.unwrap_or_default();
        let (colour_load, depth_load) = if background.is_some() {
            (wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a }), wgpu::LoadOp::Clear(0.0))
        } else {
            (wgpu::LoadOp::Load, wgpu::LoadOp::Load)
        };
        let store = if last { wgpu::StoreOp::Discard } else { wgpu::StoreOp::Store };
        let direct = self.samples.is_none();
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("view"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: self.samples.as_ref().unwrap_or(&self.view),
                depth_slice: None,
                resolve_target: (last && !direct).then_some(&self.view),
                ops: wgpu::Operations { load: colour_load, store: if direct { wgpu::StoreOp::Store } else { store } },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth,
                depth_ops: Some(wgpu::Operations { load: depth_load, store }),
                stencil_ops: None,
            }),
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        })
    }
}

impl Targets {
    pub fn new(device: &wgpu::Device, size: [u32; 2], with_small: bool) -> Self {
        let most = device.limits().max_texture_dimension_2d;
        let size = size.map(|s| s.clamp(1, most));
        let small = with_small.then(|| Picture::new(device, size.map(|s| s.div_ceil(SMALLER)), 1));
        Self { size, whole: Picture::new(device, size, SAMPLES), small }
    }
}
