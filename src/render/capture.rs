//! The view's picture in memory, and sequences of pictures around what is shown, for files and tests.
//!
//! In: a view, a size, where to look from. Out: RGBA pixels (sRGB, opacity not multiplied in). Larger pictures than the
//! device's textures are not made. Failure modes: a lost device.

use super::{Options, Polyline, ViewCamera, Viewport};
use crate::gpu::GpuError;
use crate::image::{Grid, Rgb8};
use nalgebra::Vector3;
use std::sync::mpsc;

/// One picture to be made: what is shown, and from where.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// Where it looks from.
    pub camera: ViewCamera,
    /// What is shown.
    pub options: Options,
    /// Lines that are shown too.
    pub polylines: Vec<Polyline>,
    /// Width and height in pixels.
    pub size: [u32; 2],
}

/// A way around something, once, at a constant height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Turntable {
    /// Number of pictures.
    pub frames: u32,
    /// Angle of the line of sight below the horizontal in radians.
    pub elevation: f64,
    /// Heading of the first picture in radians.
    pub start: f64,
}

impl Turntable {
    /// Where each picture looks from, so that the same distance shows the whole box from everywhere; the heading of the
    /// view turns clockwise, so what is shown seems to turn the other way.
    pub fn cameras(&self, base: &ViewCamera, bounds: (Vector3<f64>, Vector3<f64>), size: [u32; 2]) -> Vec<ViewCamera> {
        let (frames, centre) = (self.frames.max(1), (bounds.0 + bounds.1) / 2.0);
        let at = |i: u32| ViewCamera {
            yaw: self.start + std::f64::consts::TAU * f64::from(i) / f64::from(frames),
            pitch: -self.elevation,
            roll: 0.0,
            target: centre,
            ..*base
        };
        let distance = (0..frames).map(|i| at(i).distance_to_show(bounds, size)).fold(0.0, f64::max);
        (0..frames).map(|i| ViewCamera { distance, ..at(i) }).collect()
    }
}

impl Viewport {
    /// Draws a picture of another size, camera and options, and reads it; afterwards the view has these.
    pub fn shoot(&mut self, shot: &Shot) -> Result<Grid<[u8; 4]>, GpuError> {
        self.set_polylines(&shot.polylines);
        self.resize(shot.size[0], shot.size[1]);
        (self.camera, self.options) = (shot.camera, shot.options);
        self.render_whole();
        let mut picture = self.read_rgba()?;
        if shot.options.transparent {
            for pixel in &mut picture.data {
                let [r, g, b, a] = *pixel;
                let plain = |v: u8| (u32::from(v) * 255 / u32::from(a.max(1))).min(255) as u8;
                *pixel = [plain(r), plain(g), plain(b), a];
            }
        }
        Ok(picture)
    }

    /// The picture as it was last drawn. Waits for the device.
    pub fn read_pixels(&self) -> Result<Rgb8, GpuError> {
        let Grid { width, height, data } = self.read_rgba()?;
        Ok(Rgb8 { width, height, data: data.into_iter().map(|[r, g, b, _]| [r, g, b]).collect() })
    }

    fn read_rgba(&self) -> Result<Grid<[u8; 4]>, GpuError> {
        let (device, queue, picture) = (&self.device, &self.queue, self.shown());
        let [width, height] = picture.size;
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
            picture.colour.as_image_copy(),
            wgpu::TexelCopyBufferInfo { buffer: &buffer, layout },
            picture.colour.size(),
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
            data.extend(line[..width as usize * 4].chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]));
        }
        drop(bytes);
        buffer.unmap();
        Ok(Grid { width: width as usize, height: height as usize, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turntable_shows_the_whole_box_in_every_picture() {
        let bounds = (Vector3::new(-30.0, 10.0, 0.0), Vector3::new(50.0, 40.0, 25.0));
        let table = Turntable { frames: 12, elevation: 0.6, start: 0.3 };
        let size = [640, 400];
        let cameras = table.cameras(&ViewCamera::default(), bounds, size);
        assert_eq!(cameras.len(), 12);
        for pair in cameras.windows(2) {
            assert!((pair[1].yaw - pair[0].yaw - std::f64::consts::TAU / 12.0).abs() < 1e-12);
            assert_eq!(pair[0].distance, pair[1].distance);
        }
        for camera in &cameras {
            for c in 0..8 {
                let corner = Vector3::from_fn(|i, _| if c >> i & 1 == 1 { bounds.1[i] } else { bounds.0[i] });
                let p = camera.project(&corner, size).expect("seen").0;
                assert!(p.x > 0.0 && p.y > 0.0 && p.x < 640.0 && p.y < 400.0, "{p}");
            }
        }
    }
}
