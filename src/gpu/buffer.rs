//! Storage and uniform buffers: upload, zeroed, readback.

use super::{Gpu, GpuError};
use bytemuck::Pod;
use std::sync::mpsc;
use std::time::Duration;

/// A mapping that is done is reported within moments; a driver that never does is given up.
const REPORT: Duration = Duration::from_secs(30);

/// A buffer on the device.
#[derive(Debug)]
pub struct Buffer {
    pub(super) raw: wgpu::Buffer,
    label: String,
}

impl Buffer {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.raw.size()
    }
}

const STORAGE: wgpu::BufferUsages =
    wgpu::BufferUsages::STORAGE.union(wgpu::BufferUsages::COPY_SRC).union(wgpu::BufferUsages::COPY_DST);

impl Gpu {
    fn create(&self, label: &str, bytes: u64, usage: wgpu::BufferUsages) -> Result<Buffer, GpuError> {
        // An empty buffer cannot be bound: the smallest one has a single vec4.
        let size = bytes.max(16).next_multiple_of(4);
        if size > self.max_binding {
            return Err(GpuError::TooLarge { label: label.into(), bytes: size, limit: self.max_binding });
        }
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
        let raw = self.guarded(label, || self.device.create_buffer(&descriptor))?;
        Ok(Buffer { raw, label: label.into() })
    }

    fn filled(&self, label: &str, bytes: &[u8], usage: wgpu::BufferUsages) -> Result<Buffer, GpuError> {
        let buffer = self.create(label, bytes.len() as u64, usage)?;
        if !bytes.is_empty() {
            let whole = bytes.len() / 4 * 4;
            self.guarded(label, || {
                if whole > 0 {
                    self.queue.write_buffer(&buffer.raw, 0, &bytes[..whole]);
                }
                if whole < bytes.len() {
                    let mut last = [0u8; 4];
                    last[..bytes.len() - whole].copy_from_slice(&bytes[whole..]);
                    self.queue.write_buffer(&buffer.raw, whole as u64, &last);
                }
            })?;
        }
        Ok(buffer)
    }

    /// A storage buffer (read and write) with these values.
    pub fn upload<T: Pod>(&self, label: &str, values: &[T]) -> Result<Buffer, GpuError> {
        self.filled(label, bytemuck::cast_slice(values), STORAGE)
    }

    /// A storage buffer for `count` values of `T`, all bits zero.
    pub fn zeroed<T: Pod>(&self, label: &str, count: usize) -> Result<Buffer, GpuError> {
        self.create(label, (count * size_of::<T>()) as u64, STORAGE)
    }

    /// A uniform buffer with the parameters of a kernel.
    pub fn uniform<T: Pod>(&self, label: &str, params: &T) -> Result<Buffer, GpuError> {
        self.filled(label, bytemuck::bytes_of(params), wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST)
    }

    /// Replaces the first `values.len()` values of a buffer.
    pub fn write<T: Pod>(&self, buffer: &Buffer, values: &[T]) -> Result<(), GpuError> {
        self.guarded(&buffer.label, || self.queue.write_buffer(&buffer.raw, 0, bytemuck::cast_slice(values)))
    }

    /// The first `count` values of a storage buffer, after everything submitted is done.
    pub fn read<T: Pod>(&self, buffer: &Buffer, count: usize) -> Result<Vec<T>, GpuError> {
        let bytes = ((count * size_of::<T>()) as u64).next_multiple_of(4);
        if count == 0 || bytes > buffer.size() {
            return if count == 0 {
                Ok(Vec::new())
            } else {
                let message = format!("{bytes} bytes read of {}", buffer.size());
                Err(GpuError::Invalid { during: buffer.label.clone(), message })
            };
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let descriptor =
            wgpu::BufferDescriptor { label: Some("readback"), size: bytes, usage, mapped_at_creation: false };
        let staging = self.guarded(&buffer.label, || {
            let staging = self.device.create_buffer(&descriptor);
            let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            encoder.copy_buffer_to_buffer(&buffer.raw, 0, &staging, 0, bytes);
            self.queue.submit([encoder.finish()]);
            staging
        })?;
        let (sender, outcome) = mpsc::sync_channel(1);
        staging.slice(..).map_async(wgpu::MapMode::Read, move |result| drop(sender.send(result)));
        self.wait(&buffer.label)?;
        let lost = |message: String| GpuError::Lost { during: buffer.label.clone(), message };
        // Another thread's wait may have taken up this mapping, and may be about to report it.
        match outcome.recv_timeout(REPORT) {
            Ok(Ok(())) => {}
            Ok(Err(e)) => return Err(lost(format!("readback failed: {e}"))),
            Err(_) => return Err(lost("readback was never reported".into())),
        }
        let view = staging.slice(..).get_mapped_range().map_err(|e| lost(e.to_string()))?;
        let mut values = vec![T::zeroed(); count];
        bytemuck::cast_slice_mut(&mut values).copy_from_slice(&view[..count * size_of::<T>()]);
        drop(view);
        staging.unmap();
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use crate::gpu::{GpuError, testing};

    #[test]
    fn what_goes_up_comes_back() {
        let Some(gpu) = testing::gpu() else { return };
        for n in [1usize, 63, 64, 65, 1000] {
            let values: Vec<u32> = (0..n as u32).map(|i| i.wrapping_mul(2_654_435_761)).collect();
            let buffer = gpu.upload("values", &values).expect("upload");
            assert_eq!(gpu.read::<u32>(&buffer, n).expect("read"), values);
            let bytes: Vec<u8> = (0..n).map(|i| i as u8).collect();
            let buffer = gpu.upload("bytes", &bytes).expect("upload");
            assert_eq!(gpu.read::<u8>(&buffer, n).expect("read"), bytes);
        }
        assert!(gpu.upload::<f32>("empty", &[]).is_ok());
        assert!(matches!(gpu.zeroed::<f32>("huge", 1 << 30), Err(GpuError::TooLarge { .. })));
    }
    /// A device serves several threads: one's wait may report what another has asked for.
    #[test]
    fn threads_read_beside_each_other() {
        let Some(gpu) = testing::gpu() else { return };
        std::thread::scope(|scope| {
            for thread in 0..4u32 {
                scope.spawn(move || {
                    let values: Vec<u32> = (0..64).map(|i| i + 1000 * thread).collect();
                    let buffer = gpu.upload("values", &values).expect("upload");
                    for _ in 0..300 {
                        assert_eq!(gpu.read::<u32>(&buffer, values.len()).expect("read"), values);
                    }
                });
            }
        });
    }
}
