//! Point clouds ready to draw: shuffled, so that the first N points are an even picture of all of them.
//!
//! In: the sparse points or the fused ones (local metres). Out: a [`PreparedCloud`]. The order is a fixed permutation,
//! equal for equal counts. Cost: about 20 bytes a point, plain memory traffic.

use crate::base::Rng;
use crate::scene::{PointCloud, Reconstruction};
use bytemuck::{Pod, Zeroable};
use nalgebra::Vector3;

/// Points of one buffer: 64 MiB.
const CHUNK: usize = 4 << 20;

/// One point as the device reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct PointInstance {
    /// Position relative to the cloud's origin.
    pub position: [f32; 3],
    /// Colour (sRGB, opaque).
    pub colour: [u8; 4],
}

/// A cloud that only waits for its upload.
#[derive(Clone, Debug, Default)]
pub struct PreparedCloud {
    /// What positions are relative to.
    pub(super) origin: Vector3<f64>,
    pub(super) bounds: Option<(Vector3<f64>, Vector3<f64>)>,
    pub(super) points: Vec<PointInstance>,
}

impl PreparedCloud {
    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

/// A fixed permutation of `0..n`.
fn shuffled(n: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..n as u32).collect();
    let mut rng = Rng::new(0x5eed, n as u64);
    for i in (1..n).rev() {
        order.swap(i, rng.below(i + 1));
    }
    order
}

/// Bounds without the outermost half percent on each side, because a cloud has strays that would dwarf it.
fn robust_bounds(positions: &[Vector3<f64>]) -> Option<(Vector3<f64>, Vector3<f64>)> {
    let skip = positions.len() / 200;
    let side = |axis: usize| {
        let mut values: Vec<f64> = positions.iter().map(|p| p[axis]).filter(|v| v.is_finite()).collect();
        let last = values.len().checked_sub(1)?;
        let low = *values.select_nth_unstable_by(skip.min(last), f64::total_cmp).1;
        let high = *values.select_nth_unstable_by(last.saturating_sub(skip), f64::total_cmp).1;
        Some((low, high))
    };
    let [x, y, z] = [side(0)?, side(1)?, side(2)?];
    Some((Vector3::new(x.0, y.0, z.0), Vector3::new(x.1, y.1, z.1)))
}

fn prepare(positions: &[Vector3<f64>], colour: impl Fn(usize) -> [u8; 3]) -> PreparedCloud {
    let bounds = robust_bounds(positions);
    let origin = bounds.map_or_else(Vector3::zeros, |(low, high)| (low + high) / 2.0);
    let one = |i: u32| {
        let p = (positions[i as usize] - origin).map(|v| v as f32);
        let [r, g, b] = colour(i as usize);
        PointInstance { position: p.into(), colour: [r, g, b, 255] }
    };
    let points = shuffled(positions.len()).into_iter().map(one).filter(|p| p.position.iter().all(|v| v.is_finite()));
    PreparedCloud { origin, bounds, points: points.collect() }
}

/// The sparse points in their colours.
pub fn prepare_sparse(reconstruction: &Reconstruction) -> PreparedCloud {
    let positions: Vec<Vector3<f64>> = reconstruction.points.iter().map(|p| p.position).collect();
    prepare(&positions, |i| reconstruction.points[i].colour)
}

/// The fused points in their colours.
pub fn prepare_dense(cloud: &PointCloud) -> PreparedCloud {
    let positions: Vec<Vector3<f64>> = cloud.points.iter().map(|p| Vector3::from(p.position).cast()).collect();
    prepare(&positions, |i| cloud.points[i].colour)
}

/// A cloud on the device, with the positions kept for picking.
#[derive(Debug)]
pub(super) struct CloudLayer {
    pub origin: Vector3<f64>,
    pub bounds: Option<(Vector3<f64>, Vector3<f64>)>,
    pub points: Vec<PointInstance>,
    buffers: Vec<(wgpu::Buffer, u32)>,
}

impl CloudLayer {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, cloud: PreparedCloud) -> Self {
        let buffers = cloud.points.chunks(CHUNK).map(|part| {
            let bytes = bytemuck::cast_slice(part);
            (super::pipelines::buffer_with(device, queue, bytes, wgpu::BufferUsages::VERTEX), part.len() as u32)
        });
        let buffers = buffers.collect();
        Self { origin: cloud.origin, bounds: cloud.bounds, points: cloud.points, buffers }
    }

    /// Draws the first `budget` points.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, budget: usize) {
        let mut left = budget.min(self.points.len()) as u32;
        for (buffer, count) in &self.buffers {
            let now = left.min(*count);
            if now > 0 {
                pass.set_vertex_buffer(0, buffer.slice(..));
                pass.draw(0..4, 0..now);
            }
            left -= now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_points_are_an_even_sample() {
        let n = 20_000;
        let positions: Vec<Vector3<f64>> =
            (0..n).map(|i| Vector3::new((i % 200) as f64, (i / 200) as f64, 0.0) + Vector3::repeat(1e6)).collect();
        let cloud = prepare(&positions, |i| [(i % 256) as u8, 0, 0]);
        assert_eq!(cloud.len(), n);
        let mut cells = [0usize; 16];
        for p in &cloud.points[..1600] {
            let [x, y] = [0, 1].map(|k| f64::from(p.position[k]) + cloud.origin[k] - 1e6);
            cells[(x / 50.0) as usize + (y / 25.0) as usize * 4] += 1;
        }
        assert!(cells.iter().all(|&c| (60..150).contains(&c)), "{cells:?}");
        let mut order = shuffled(n);
        assert_eq!(order, shuffled(n));
        order.sort_unstable();
        assert!(order.iter().enumerate().all(|(i, &o)| i as u32 == o));
    }

    #[test]
    fn strays_do_not_widen_the_bounds() {
        let mut positions: Vec<Vector3<f64>> = (0..1000).map(|i| Vector3::repeat(f64::from(i))).collect();
        positions.push(Vector3::repeat(1e9));
        positions.push(Vector3::repeat(f64::NAN));
        let cloud = prepare(&positions, |_| [1, 2, 3]);
        let (low, high) = cloud.bounds.expect("points");
        assert!(low.x >= 0.0 && low.x < 20.0 && high.x > 980.0 && high.x < 1000.0);
        assert_eq!(cloud.len(), 1001);
        assert!(prepare(&[], |_| [0; 3]).bounds.is_none());
    }
}
