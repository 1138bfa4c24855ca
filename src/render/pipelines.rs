//! The pipelines of the 3D view and the uniform that they share.
//!
//! There is a set of pipelines for each number of samples a pixel, with and without the clipping box; a set is made when
//! it is first needed. Depth is reversed. Colours are sRGB values, which nothing converts on the way.

use super::mesh::Vertex;
use super::points::PointInstance;
use bytemuck::{Pod, Zeroable};
use std::cell::OnceCell;
use wgpu::vertex_attr_array;

pub(super) const COLOUR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
pub(super) const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
/// Samples a pixel of a picture at full detail.
pub(super) const SAMPLES: u32 = 4;

/// The uniform of `frame.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Frame {
    pub clip_from_local: [[f32; 4]; 4],
    pub eye: [f32; 4],
    pub light: [f32; 4],
    pub palette: [[f32; 4]; 6],
    pub surfaces: [[f32; 4]; 7],
    /// Stops of the colour map.
    pub map: [[f32; 4]; 9],
    /// Planes of the clipping box.
    pub planes: [[f32; 4]; 6],
    pub size: [f32; 2],
    pub point_px: f32,
    pub near: f32,
    pub shading: u32,
    /// Mean length of an edge in pixels at depth 1.
    pub edge: f32,
    /// Lowest and highest z of the colour map, relative to the origin.
    pub range: [f32; 2],
    /// Pixels of the picture for each pixel of the view.
    pub scale: f32,
    pub pad1: f32,
    pub pad2: f32,
    pub pad3: f32,
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

/// The pipelines of one kind of picture.
#[derive(Debug)]
pub(super) struct PipelineSet {
    pub mesh: wgpu::RenderPipeline,
    pub wire: wgpu::RenderPipeline,
    /// Points as squares, as discs, and as single pixels.
    pub points: wgpu::RenderPipeline,
    pub discs: wgpu::RenderPipeline,
    pub dots: wgpu::RenderPipeline,
    pub lines: wgpu::RenderPipeline,
    /// Lines that nothing hides.
    pub overlay: wgpu::RenderPipeline,
}

#[derive(Debug)]
pub(super) struct Pipelines {
    device: wgpu::Device,
    pub frame: wgpu::BindGroupLayout,
    pub page: wgpu::BindGroupLayout,
    pub sampler: wgpu::Sampler,
    /// Whether it was asked for with one sample or several, unclipped or clipped.
    sets: [OnceCell<PipelineSet>; 4],
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
    variant: Variant,
}

/// What differs between the sets.
#[derive(Clone, Copy)]
struct Variant {
    samples: u32,
    clipped: bool,
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
    let constants = [("CLIPPED", f64::from(u8::from(kind.variant.clipped)))];
    let options = wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
    let compare = if kind.tested { wgpu::CompareFunction::GreaterEqual } else { wgpu::CompareFunction::Always };
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(kind.label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some(kind.entries[0]),
            compilation_options: options.clone(),
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
        multisample: wgpu::MultisampleState { count: kind.variant.samples, ..wgpu::MultisampleState::default() },
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(kind.entries[1]),
            compilation_options: options,
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
        Self { device: device.clone(), frame, page, sampler, sets: Default::default() }
    }

    /// The pipelines for a picture of one or of several samples a pixel, with or without a clipping box.
    pub fn set(&self, samples: u32, clipped: bool) -> &PipelineSet {
        let at = usize::from(samples > 1) + 2 * usize::from(clipped);
        self.sets[at].get_or_init(|| self.make(Variant { samples, clipped }))
    }

    fn make(&self, variant: Variant) -> PipelineSet {
        use wgpu::PrimitiveTopology as Topology;
        use wgpu::VertexStepMode as Step;
        let corner = vertex_attr_array![0 => Float32x3, 1 => Float32x2, 2 => Unorm8x4];
        let point = vertex_attr_array![0 => Float32x3, 1 => Unorm8x4, 2 => Unorm8x4];
        let line = vertex_attr_array![0 => Float32x4, 1 => Float32x3, 2 => Unorm8x4];
        let [points_wgsl, lines_wgsl] = [POINTS_WGSL, LINES_WGSL].map(|w| format!("{FRAME_WGSL}{w}"));
        let both = [Some(&self.frame), Some(&self.page)];
        let layout = |stride: usize, step_mode, attributes| wgpu::VertexBufferLayout {
            array_stride: stride as u64,
            step_mode,
            attributes,
        };
        let vertices = || layout(size_of::<Vertex>(), Step::Vertex, &corner);
        let points = |step| layout(size_of::<PointInstance>(), step, &point);
        let lines = || layout(size_of::<LineInstance>(), Step::Instance, &line);
        let plain = |label, wgsl, entries, topology, buffer| Kind {
            label,
            wgsl,
            entries,
            topology,
            buffer,
            layouts: &both[..1],
            tested: true,
            blended: false,
            variant,
        };
        let faces = |label, entries, topology, blended| {
            let kind = plain(label, MESH_WGSL, entries, topology, vertices());
            pipeline(&self.device, Kind { layouts: &both, blended, ..kind })
        };
        let cloud = |label, entries, topology, step| {
            pipeline(&self.device, plain(label, &points_wgsl, entries, topology, points(step)))
        };
        let over = |label, tested, blended| {
            let kind = plain(label, &lines_wgsl, ["vs_lines", "fs_lines"], Topology::TriangleStrip, lines());
            pipeline(&self.device, Kind { tested, blended, ..kind })
        };
        PipelineSet {
            mesh: faces("mesh", ["vs_mesh", "fs_mesh"], Topology::TriangleList, false),
            wire: faces("wire", ["vs_wire", "fs_wire"], Topology::LineList, true),
            points: cloud("points", ["vs_points", "fs_points"], Topology::TriangleStrip, Step::Instance),
            discs: cloud("discs", ["vs_points", "fs_discs"], Topology::TriangleStrip, Step::Instance),
            dots: cloud("dots", ["vs_dots", "fs_points"], Topology::PointList, Step::Vertex),
            lines: over("lines", true, false),
            overlay: over("overlay", false, true),
        }
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
