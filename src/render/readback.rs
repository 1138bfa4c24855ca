//! The view's picture as an image in memory, for exports and tests.

use super::Viewport;
use crate::gpu::GpuError;
use crate::image::Rgb8;
use std::sync::mpsc;

impl Viewport {
    /// The picture as it was last drawn. Waits for the device.
    pub fn read_pixels(&self) -> Result<Rgb8, GpuError> {
        let (device, queue, texture) = self.parts();
        let [width, height] = self.size();
        let row = (width * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(row) * u64::from(height),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            texture.size(),
        );
        queue.submit([encoder.finish()]);
        let (send, receive) = mpsc::channel();
        buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| drop(send.send(result)));
        let lost = |message: String| GpuError::Lost { during: "reading the view".into(), message };
        device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| lost(e.to_string()))?;
        receive.recv().map_err(|e| lost(e.to_string()))?.map_err(|e| lost(e.to_string()))?;
        let bytes = buffer.slice(..).get_mapped_range().map_err(|e| lost(e.to_string()))?;
        let mut data = Vec::with_capacity((width * height) as usize);
        for line in bytes.chunks(row as usize) {
            data.extend(line[..width as usize * 4].chunks_exact(4).map(|p| [p[0], p[1], p[2]]));
        }
        drop(bytes);
        buffer.unmap();
        Ok(Rgb8 { width: width as usize, height: height as usize, data })
    }
}
