//! A textured mesh on the device: pieces by page and place, pages as textures, the coarse copy, the hierarchy for picking.

use super::mesh::{Chunk, PreparedMesh};
use super::mips::Page;
use super::pipelines::{Pipelines, buffer_with};
use super::viewing::Sight;
use crate::mesh::bvh::Bvh;
use nalgebra::Vector3;
use std::sync::Arc;
use wgpu::BufferUsages;

#[derive(Debug)]
struct Buffers {
    page: usize,
    centre: Vector3<f64>,
    half: Vector3<f64>,
    vertices: wgpu::Buffer,
    triangles: wgpu::Buffer,
    edges: wgpu::Buffer,
    /// Indices of triangles and of edges.
    counts: [u32; 2],
}

#[derive(Debug)]
pub(super) struct MeshLayer {
    pub origin: Vector3<f64>,
    pub bounds: Option<(Vector3<f64>, Vector3<f64>)>,
    pub bvh: Arc<Bvh>,
    /// Whether its triangles have classes.
    pub classified: bool,
    chunks: Vec<Buffers>,
    /// Mean length of an edge of the mesh and of its coarse copy.
    edges: [f64; 2],
    coarse: Option<Buffers>,
    pages: Vec<wgpu::BindGroup>,
}

fn upload(device: &wgpu::Device, queue: &wgpu::Queue, chunk: &Chunk) -> Buffers {
    let buffer = |bytes: &[u8], usage| buffer_with(device, queue, bytes, usage);
    Buffers {
        page: chunk.page,
        centre: chunk.centre,
        half: chunk.half,
        vertices: buffer(bytemuck::cast_slice(&chunk.vertices), BufferUsages::VERTEX),
        triangles: buffer(bytemuck::cast_slice(&chunk.triangles), BufferUsages::INDEX),
        edges: buffer(bytemuck::cast_slice(&chunk.edges), BufferUsages::INDEX),
        counts: [chunk.triangles.len() as u32 * 3, chunk.edges.len() as u32 * 2],
    }
}

/// Mean length of a sample of the edges.
fn mean_edge(chunks: &[Chunk]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0f64);
    for chunk in chunks {
        for edge in chunk.edges.iter().step_by(101) {
            let [a, b] = edge.map(|v| Vector3::from(chunk.vertices[v as usize].position));
            sum += f64::from((a - b).norm());
            count += 1.0;
        }
    }
    sum / count.max(1.0)
}

fn upload_page(device: &wgpu::Device, queue: &wgpu::Queue, pipelines: &Pipelines, page: &Page) -> wgpu::BindGroup {
    let (width, height, _) = page.levels[0];
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("page"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: page.levels.len() as u32,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    for (level, (width, height, bytes)) in page.levels.iter().enumerate() {
        let target = wgpu::TexelCopyTextureInfo {
            texture: &texture,
            mip_level: level as u32,
            origin: wgpu::Origin3d::ZERO,
            aspect: wgpu::TextureAspect::All,
        };
        let layout =
            wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 4), rows_per_image: Some(*height) };
        let size = wgpu::Extent3d { width: *width, height: *height, depth_or_array_layers: 1 };
        queue.write_texture(target, bytes, layout, size);
    }
    // The copies begin at once, so that the staging memory of many pages does not add up.
    queue.submit([]);
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("page"),
        layout: &pipelines.page,
        entries: &[
            wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(
                    &texture.create_view(&wgpu::TextureViewDescriptor::default()),
                ),
            },
            wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::Sampler(&pipelines.sampler) },
        ],
    })
}

impl MeshLayer {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, pipelines: &Pipelines, mesh: PreparedMesh) -> Self {
        let chunks = mesh.chunks.iter().map(|c| upload(device, queue, c)).collect();
        let coarse = mesh.coarse.as_ref().map(|c| upload(device, queue, c));
        let pages = mesh.pages.iter().map(|p| upload_page(device, queue, pipelines, p)).collect();
        let edges = [mean_edge(&mesh.chunks), mean_edge(mesh.coarse.as_slice())];
        let PreparedMesh { origin, bounds, bvh, classified, .. } = mesh;
        Self { edges, origin, bounds, bvh, classified, chunks, coarse, pages }
    }

    /// Mean length of an edge, in the unit of the mesh.
    pub fn edge(&self, coarse: bool) -> f64 {
        self.edges[usize::from(coarse)]
    }

    /// Whether there is a coarse copy.
    pub fn has_coarse(&self) -> bool {
        self.coarse.is_some()
    }

    /// The pieces in sight, the nearest first, with their triangles.
    pub fn in_sight(&self, sight: &Sight, coarse: bool) -> Vec<(usize, u32)> {
        let mut seen: Vec<(f64, usize, u32)> = Vec::new();
        for (i, piece) in self.pieces(coarse).iter().enumerate() {
            if let Some(pixels) = sight.pixels_of(&piece.centre, &piece.half) {
                seen.push((pixels, i, piece.counts[0] / 3));
            }
        }
        seen.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        seen.into_iter().map(|(_, i, triangles)| (i, triangles)).collect()
    }

    fn pieces(&self, coarse: bool) -> &[Buffers] {
        match &self.coarse {
            Some(copy) if coarse => std::slice::from_ref(copy),
            _ => &self.chunks,
        }
    }

    /// Draws the faces of a piece, or its edges; the pipeline is set.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, piece: usize, coarse: bool, edges: bool) {
        let Some(chunk) = self.pieces(coarse).get(piece).filter(|c| c.counts[0] > 0) else { return };
        let Some(page) = self.pages.get(chunk.page) else { return };
        pass.set_bind_group(1, page, &[]);
        pass.set_vertex_buffer(0, chunk.vertices.slice(..));
        let indices = if edges { &chunk.edges } else { &chunk.triangles };
        pass.set_index_buffer(indices.slice(..), wgpu::IndexFormat::Uint32);
        pass.draw_indexed(0..chunk.counts[usize::from(edges)], 0, 0..1);
    }
}
