//! The pipelines of the 3D view, the uniform that they share, and the pictures that they draw into.
//!
//! The picture is `Rgba8Unorm` with sRGB values in it, which is what the window shows as it is; nothing converts colours
//! on the way, so a texel that fills a pixel arrives bit for bit. Four samples a pixel, depth reversed.

use super::mesh::Vertex;
use super::points::PointInstance;
use bytemuck::{Pod, Zeroable};
use wgpu::vertex_attr_array;

pub(super) const COLOUR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
const SAMPLES: u32 = 4;

/// The uniform of `frame.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Frame {
    pub clip_from_local: [[f32; 4]; 4],
    pub eye: [f32; 4],
    pub light: [f32; 4],
    pub palette: [[f32; 4]; 6],
    pub size: [f32; 2],
    pub point_px: f32,
    pub near: f32,
    pub shading: u32,
    /// Mean length of an edge in pixels at depth 1.
    pub edge: f32,
    pub pad1: u32,
    pub pad2: u32,
}

/// One line as the device reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct LineInstance {
    pub start: [f32; 3],
    pub width_px: f32,
    pub end: [f32; 3],
    pub colour: [u8; 4],
}

/// A buffer with these bytes.
pub(super) fn buffer_with(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    bytes: &[u8],
    usage: wgpu::BufferUsages,
) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("view"),
        size: (bytes.len() as u64).next_multiple_of(4).max(16),
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    if !bytes.is_empty() {
        queue.write_buffer(&buffer, 0, bytes);
    }
    buffer
}

/// The camera's uniform for one layer.
#[derive(Debug)]
pub(super) struct FrameBinding {
    pub buffer: wgpu::Buffer,
    pub group: wgpu::BindGroup,
}

#[derive(Debug)]
pub(super) struct Pipelines {
    pub frame: wgpu::BindGroupLayout,
    pub page: wgpu::BindGroupLayout,
    pub sampler: wgpu::Sampler,
    pub mesh: wgpu::RenderPipeline,
    pub wire: wgpu::RenderPipeline,
    pub points: wgpu::RenderPipeline,
    pub lines: wgpu::RenderPipeline,
    /// Lines that nothing hides.
    pub overlay: wgpu::RenderPipeline,
}

const FRAME_WGSL: &str = include_str!("../../shaders/render/frame.wgsl");
pub(super) const MESH_WGSL: &str =
    concat!(include_str!("../../shaders/render/frame.wgsl"), include_str!("../../shaders/render/mesh.wgsl"));
const POINTS_WGSL: &str = include_str!("../../shaders/render/points.wgsl");
const LINES_WGSL: &str = include_str!("../../shaders/render/lines.wgsl");

fn frame_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("frame"),
        entries: &[wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        }],
    })
}

fn page_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry =
        |binding, ty| wgpu::BindGroupLayoutEntry { binding, visibility: wgpu::ShaderStages::FRAGMENT, ty, count: None };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("page"),
        entries: &[
            entry(
                0,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Float { filterable: true },
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
            entry(1, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering)),
        ],
    })
}

/// What differs between the pipelines.
struct Kind<'a> {
    label: &'a str,
    wgsl: &'a str,
    entries: [&'a str; 2],
    topology: wgpu::PrimitiveTopology,
    buffer: wgpu::VertexBufferLayout<'a>,
    layouts: &'a [Option<&'a wgpu::BindGroupLayout>],
    tested: bool,
    blended: bool,
}

fn pipeline(device: &wgpu::Device, kind: Kind<'_>) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(kind.label),
        source: wgpu::ShaderSource::Wgsl(kind.wgsl.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(kind.label),
        bind_group_layouts: kind.layouts,
        immediate_size: 0,
    });
    let compare = if kind.tested { wgpu::CompareFunction::GreaterEqual } else { wgpu::CompareFunction::Always };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(kind.label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(kind.entries[0]),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[Some(kind.buffer)],
        },
        primitive: wgpu::PrimitiveState { topology: kind.topology, ..wgpu::PrimitiveState::default() },
        depth_stencil: Some(wgpu::DepthStencilState {
            format: DEPTH,
            depth_write_enabled: Some(kind.tested),
            depth_compare: Some(compare),
            stencil: wgpu::StencilState::default(),
            bias: wgpu::DepthBiasState::default(),
        }),
        multisample: wgpu::MultisampleState { count: SAMPLES, ..wgpu::MultisampleState::default() },
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(kind.entries[1]),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: COLOUR,
                blend: kind.blended.then_some(wgpu::BlendState::ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

impl Pipelines {
    pub fn new(device: &wgpu::Device) -> Self {
        let (frame, page) = (frame_layout(device), page_layout(device));
        let software = device.adapter_info().device_type == wgpu::DeviceType::Cpu;
        let sampler = device.create_sampler(&wgpu::SamplerDescriptor {
            label: Some("page"),
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            mipmap_filter: wgpu::MipmapFilterMode::Linear,
            anisotropy_clamp: if software { 1 } else { 8 },
            ..wgpu::SamplerDescriptor::default()
        });
        let corner = vertex_attr_array![0 => Float32x3, 1 => Float32x2, 2 => Unorm8x4];
        let point = vertex_attr_array![0 => Float32x3, 1 => Unorm8x4];
        let line = vertex_attr_array![0 => Float32x4, 1 => Float32x3, 2 => Unorm8x4];
        let [points_wgsl, lines_wgsl] = [POINTS_WGSL, LINES_WGSL].map(|w| format!("{FRAME_WGSL}{w}"));
        let vertices = wgpu::VertexBufferLayout {
            array_stride: size_of::<Vertex>() as u64,
            step_mode: wgpu::VertexStepMode::Vertex,
            attributes: &corner,
        };
        let both = [Some(&frame), Some(&page)];
        let faces = |label, entries, topology, blended| {
            let buffer = vertices.clone();
            pipeline(
                device,
                Kind { label, wgsl: MESH_WGSL, entries, topology, buffer, layouts: &both, tested: true, blended },
            )
        };
        let instances = |label, wgsl, entries, stride: usize, attributes, tested| {
            let buffer = wgpu::VertexBufferLayout {
                array_stride: stride as u64,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes,
            };
            let (topology, layouts) = (wgpu::PrimitiveTopology::TriangleStrip, &both[..1]);
            pipeline(device, Kind { label, wgsl, entries, topology, buffer, layouts, tested, blended: false })
        };
        let lines = |label, tested| {
            instances(label, &lines_wgsl, ["vs_lines", "fs_lines"], size_of::<LineInstance>(), &line, tested)
        };
        let mesh = faces("mesh", ["vs_mesh", "fs_mesh"], wgpu::PrimitiveTopology::TriangleList, false);
        let wire = faces("wire", ["vs_wire", "fs_wire"], wgpu::PrimitiveTopology::LineList, true);
        let entries = ["vs_points", "fs_points"];
        let points = instances("points", &points_wgsl, entries, size_of::<PointInstance>(), &point, true);
        let (tested, overlay) = (lines("lines", true), lines("overlay", false));
        Self { frame, page, sampler, mesh, wire, points, lines: tested, overlay }
    }

    pub fn frame_binding(&self, device: &wgpu::Device) -> FrameBinding {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("frame"),
            size: size_of::<Frame>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("frame"),
            layout: &self.frame,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
        });
        FrameBinding { buffer, group }
    }
}

/// The pictures of one size.
#[derive(Debug)]
pub(super) struct Targets {
    pub size: [u32; 2],
    pub colour: wgpu::Texture,
    pub colour_view: wgpu::TextureView,
    samples: wgpu::TextureView,
    depth: wgpu::TextureView,
}

impl Targets {
    pub fn new(device: &wgpu::Device, size: [u32; 2]) -> Self {
        let most = device.limits().max_texture_dimension_2d;
        let size = size.map(|s| s.clamp(1, most));
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
        let colour = texture("picture", COLOUR, 1, shown);
        let view = |t: &wgpu::Texture| t.create_view(&wgpu::TextureViewDescriptor::default());
        let samples = view(&texture("samples", COLOUR, SAMPLES, wgpu::TextureUsages::empty()));
        let depth = view(&texture("depth", DEPTH, SAMPLES, wgpu::TextureUsages::empty()));
        Self { size, colour_view: view(&colour), colour, samples, depth }
    }

    /// Begins to draw upon a background (sRGB).
    pub fn pass<'a>(&self, encoder: &'a mut wgpu::CommandEncoder, background: [u8; 3]) -> wgpu::RenderPass<'a> {
        let [r, g, b] = background.map(|v| f64::from(v) / 255.0);
        encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("view"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &self.samples,
                depth_slice: None,
                resolve_target: Some(&self.colour_view),
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 1.0 }),
                    store: wgpu::StoreOp::Discard,
                },
            })],
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: &self.depth,
                depth_ops: Some(wgpu::Operations { load: wgpu::LoadOp::Clear(0.0), store: wgpu::StoreOp::Discard }),
                stencil_ops: None,
            }),
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        })
    }
}
