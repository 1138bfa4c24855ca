//! Point clouds ready to draw: in an octree, so that as many points as there is time for are spread evenly on the screen.
//!
//! In: the sparse points or the fused ones (local metres). Out: a [`PreparedCloud`]. The order depends on the points
//! alone. Cost: about 40 bytes a point, and on two cores about half a second for a million points.

use super::camera::ViewCamera;
use super::mesh::view_class;
use super::octree::{Node, Octree, Selection};
use super::sight::ViewLists;
use super::viewing::Sight;
use crate::scene::{PointCloud, Reconstruction};
use bytemuck::{Pod, Zeroable};
use nalgebra::Vector3;
use rayon::prelude::*;

/// Points of one buffer: 80 MiB.
const CHUNK: u32 = 4 << 20;

/// One point as the device reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct PointInstance {
    /// Position relative to the cloud's origin.
    pub position: [f32; 3],
    /// Colour (sRGB), and the confidence as the fourth.
    pub colour: [u8; 4],
    /// Octahedral normal (two), class of the number of photos, nothing.
    pub data: [u8; 4],
}

/// A cloud that only waits for its upload.
#[derive(Clone, Debug, Default)]
pub struct PreparedCloud {
    /// What positions are relative to.
    pub(super) origin: Vector3<f64>,
    pub(super) bounds: Option<(Vector3<f64>, Vector3<f64>)>,
    /// In the order of the octree.
    pub(super) points: Vec<PointInstance>,
    /// Number of each point in the cloud that it came from.
    pub(super) ids: Vec<u32>,
    pub(super) tree: Octree,
    /// Photos of each point of the cloud that it came from.
    pub(super) views: ViewLists,
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

/// Bounds without the outermost half percent on each side, because a cloud has strays that would dwarf it.
pub(super) fn robust_bounds(positions: &[Vector3<f64>]) -> Option<(Vector3<f64>, Vector3<f64>)> {
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

/// A unit direction in two bytes (octahedral map).
fn octahedral(n: [f32; 3]) -> [u8; 2] {
    let sum = n.iter().map(|v| v.abs()).sum::<f32>().max(1e-9);
    let [mut x, mut y, z] = n.map(|v| v / sum);
    if z < 0.0 {
        (x, y) = ((1.0 - y.abs()) * 1f32.copysign(x), (1.0 - x.abs()) * 1f32.copysign(y));
    }
    [x, y].map(|v| ((v * 0.5 + 0.5).clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// What a point looks like.
struct Look {
    colour: [u8; 3],
    confidence: f32,
    normal: [f32; 3],
    views: usize,
}

fn prepare(positions: &[Vector3<f64>], views: ViewLists, look: impl Fn(usize) -> Look + Sync) -> PreparedCloud {
    let bounds = robust_bounds(positions);
    let origin = bounds.map_or_else(Vector3::zeros, |(low, high)| (low + high) / 2.0);
    let local: Vec<[f32; 3]> = positions.iter().map(|p| (p - origin).map(|v| v as f32).into()).collect();
    // Half as much again on each side holds all but true strays.
    let half = bounds.map_or(1.0, |(low, high)| (high - low).max());
    let (tree, order) = Octree::new(&local, Vector3::zeros(), half);
    let one = |&i: &u32| {
        let Look { colour: [r, g, b], confidence, normal, views } = look(i as usize);
        let [x, y] = octahedral(normal);
        let class = view_class(views.min(255) as u8);
        // Points without a place are put where nothing is drawn.
        let known = local[i as usize].iter().all(|v| v.is_finite());
        let position = if known { local[i as usize] } else { [f32::MAX; 3] };
        let confidence = (confidence.clamp(0.0, 1.0) * 255.0).round() as u8;
        PointInstance { position, colour: [r, g, b, confidence], data: [x, y, class, 0] }
    };
    let points = order.par_iter().map(one).collect();
    PreparedCloud { origin, bounds, points, ids: order, tree, views }
}

/// The sparse points in their colours.
pub fn prepare_sparse(reconstruction: &Reconstruction) -> PreparedCloud {
    let points = &reconstruction.points;
    let positions: Vec<Vector3<f64>> = points.iter().map(|p| p.position).collect();
    let views = ViewLists::new(points.iter().map(|p| p.track.iter().map(|o| o.photo)));
    prepare(&positions, views, |i| Look {
        colour: points[i].colour,
        confidence: 1.0,
        normal: [0.0, 0.0, 1.0],
        views: points[i].track.len(),
    })
}

/// The fused points in their colours.
pub fn prepare_dense(cloud: &PointCloud) -> PreparedCloud {
    let positions: Vec<Vector3<f64>> = cloud.points.iter().map(|p| Vector3::from(p.position).cast()).collect();
    let views = ViewLists::new(cloud.points.iter().map(|p| p.views.iter().copied()));
    prepare(&positions, views, |i| {
        let p = &cloud.points[i];
        Look { colour: p.colour, confidence: p.confidence, normal: p.normal, views: p.views.len() }
    })
}

/// A cloud on the device, with the positions kept for picking.
#[derive(Debug)]
pub(super) struct CloudLayer {
    pub cloud: PreparedCloud,
    buffers: Vec<wgpu::Buffer>,
}

impl CloudLayer {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, cloud: PreparedCloud) -> Self {
        let upload = |part: &[PointInstance]| {
            super::pipelines::buffer_with(device, queue, bytemuck::cast_slice(part), wgpu::BufferUsages::VERTEX)
        };
        let buffers = cloud.points.chunks(CHUNK as usize).map(upload).collect();
        Self { cloud, buffers }
    }

    /// The points to draw, at most `budget`, those that matter most on the screen.
    pub fn select(&self, camera: &ViewCamera, size: [u32; 2], budget: usize, fine_px: f64) -> Selection {
        let sight = Sight::new(camera, size);
        self.cloud
            .tree
            .select(budget, fine_px, |node: &Node| sight.pixels_per_unit(&(node.centre + self.cloud.origin), node.half))
    }

    /// Draws a run of points: as quads, one instance each, or as one vertex each.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, (start, count): (u32, u32), dots: bool) {
        let (mut at, end) = (start, start + count);
        while at < end {
            let chunk = at / CHUNK;
            let stop = end.min((chunk + 1) * CHUNK);
            let Some(buffer) = self.buffers.get(chunk as usize) else { return };
            let run = at - chunk * CHUNK..stop - chunk * CHUNK;
            pass.set_vertex_buffer(0, buffer.slice(..));
            if dots {
                pass.draw(run, 0..1);
            } else {
                pass.draw(0..4, run);
            }
            at = stop;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PhotoId;

    fn plain(_: usize) -> Look {
        Look { colour: [1, 2, 3], confidence: 0.5, normal: [0.0, 0.0, 1.0], views: 4 }
    }

    #[test]
    fn the_first_points_are_an_even_sample() {
        let n = 20_000;
        let positions: Vec<Vector3<f64>> =
            (0..n).map(|i| Vector3::new((i % 200) as f64, (i / 200) as f64, 0.0) + Vector3::repeat(1e6)).collect();
        let cloud = prepare(&positions, ViewLists::default(), plain);
        assert_eq!(cloud.len(), n);
        let root = cloud.tree.nodes[0].count as usize;
        assert!((200..3000).contains(&root), "{root}");
        let mut cells = [0usize; 16];
        for p in &cloud.points[..root] {
            let [x, y] = [0, 1].map(|k| f64::from(p.position[k]) + cloud.origin[k] - 1e6);
            cells[(x / 50.0) as usize + (y / 25.0) as usize * 4] += 1;
        }
        let mean = root / 16;
        assert!(cells.iter().all(|&c| c > mean * 7 / 10 && c < mean * 14 / 10), "{cells:?}");
        for (p, id) in cloud.points.iter().zip(&cloud.ids) {
            let back = Vector3::from(p.position).cast::<f64>() + cloud.origin;
            assert!((back - positions[*id as usize]).norm() < 0.1);
            assert_eq!((p.colour, p.data[2]), ([1, 2, 3, 128], 3));
        }
    }

    #[test]
    fn strays_do_not_widen_the_bounds() {
        let mut positions: Vec<Vector3<f64>> = (0..1000).map(|i| Vector3::repeat(f64::from(i))).collect();
        positions.push(Vector3::repeat(1e9));
        positions.push(Vector3::repeat(f64::NAN));
        let views = ViewLists::new((0..1002).map(|i| [PhotoId::from(i % 7)].into_iter()));
        let cloud = prepare(&positions, views, plain);
        let (low, high) = cloud.bounds.expect("points");
        assert!(low.x >= 0.0 && low.x < 20.0 && high.x > 980.0 && high.x < 1000.0);
        assert_eq!((cloud.len(), cloud.views.of(9)), (1002, &[PhotoId::from(2)][..]));
        assert!(prepare(&[], ViewLists::default(), plain).bounds.is_none());
    }

    #[test]
    fn normals_survive_their_two_bytes() {
        for n in [[0.0, 0.0, 1.0], [0.6, 0.0, -0.8], [-0.36, 0.48, 0.8], [0.0, -1.0, 0.0]] {
            let [x, y] = octahedral(n).map(|v| f32::from(v) / 255.0 * 2.0 - 1.0);
            let mut back = Vector3::new(x, y, 1.0 - x.abs() - y.abs());
            if back.z < 0.0 {
                let fold = |a: f32, b: f32| (1.0 - a.abs()) * 1f32.copysign(b);
                (back.x, back.y) = (fold(y, x), fold(x, y));
            }
            assert!((back.normalize() - Vector3::from(n)).norm() < 0.02, "{n:?} {back}");
        }
    }
}
