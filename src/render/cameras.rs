//! Photos and measurements as lines: where each photo was taken from, how far GPS was off, and lines upon everything.
//!
//! In: a reconstruction or polylines (local metres). Out: line instances relative to an origin. Colours keep apart
//! without colour vision (Okabe and Ito's set).

use super::pipelines::{LineInstance, buffer_with};
use crate::base::PhotoId;
use crate::scene::{Georeference, Reconstruction};
use nalgebra::{Vector2, Vector3};

const PHOTO: [u8; 3] = [86, 180, 233];
const HIGHLIGHT: [u8; 3] = [230, 159, 0];
const RESIDUAL: [u8; 3] = [213, 94, 0];

/// A line of several pieces.
#[derive(Clone, Debug, PartialEq)]
pub struct Polyline {
    /// Its corners in local metres.
    pub points: Vec<Vector3<f64>>,
    /// Whether the last corner is joined with the first.
    pub closed: bool,
    /// Width in pixels.
    pub width_px: f32,
    /// Colour (sRGB).
    pub colour: [u8; 3],
    /// Whether nothing hides it.
    pub on_top: bool,
}

/// A registered photo's place and the corners of its picture some way in front of it, in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frustum {
    /// The photo.
    pub photo: PhotoId,
    /// The camera's centre.
    pub centre: Vector3<f64>,
    /// Upper left, upper right, lower right and lower left corner.
    pub corners: [Vector3<f64>; 4],
}

/// Photos and residuals that only wait for their upload.
#[derive(Clone, Debug, Default)]
pub struct PreparedPhotos {
    pub(super) frusta: Vec<Frustum>,
    /// Measured and adjusted centres.
    pub(super) residuals: Vec<[Vector3<f64>; 2]>,
}

/// Median distance from each centre to its nearest neighbour; `None` for fewer than two.
fn spacing(centres: &[Vector3<f64>]) -> Option<f64> {
    // A few hundred of them tell the median; all pairs of many photos would take long.
    let step = centres.len().div_ceil(300).max(1);
    let nearest = |(i, c): (usize, &Vector3<f64>)| {
        let others = centres.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, o)| (o - c).norm()).min_by(f64::total_cmp)
    };
    let mut all: Vec<f64> = centres.iter().enumerate().step_by(step).filter_map(nearest).collect();
    all.sort_unstable_by(f64::total_cmp);
    all.get(all.len() / 2).copied().filter(|d| *d > 0.0)
}

/// Pyramids of a size that fits the distance between the photos, and the residuals of the GPS positions.
pub fn prepare_photos(reconstruction: &Reconstruction) -> PreparedPhotos {
    let posed: Vec<_> =
        reconstruction.registered().filter_map(|id| Some((id, reconstruction.poses[id.index()]?))).collect();
    let centres: Vec<Vector3<f64>> = posed.iter().map(|(_, pose)| pose.centre()).collect();
    let depth = 0.4 * spacing(&centres).unwrap_or(5.0);
    let frustum = |(id, pose): &(PhotoId, crate::geometry::Rigid3)| {
        let camera = reconstruction.camera(*id);
        let (w, h) = (f64::from(camera.width), f64::from(camera.height));
        let back = pose.inverse();
        let corner = |x: f64, y: f64| {
            let plain = Vector3::new((x - camera.lens.cx) / camera.lens.f, (y - camera.lens.cy) / camera.lens.f, 1.0);
            let ray = camera.lens.unproject(&Vector2::new(x, y)).unwrap_or(plain);
            back.apply(&(ray * (depth / ray.z.max(1e-6))))
        };
        let corners = [corner(0.0, 0.0), corner(w, 0.0), corner(w, h), corner(0.0, h)];
        Frustum { photo: *id, centre: pose.centre(), corners }
    };
    let residuals = match &reconstruction.georeference {
        Georeference::Local { residuals, .. } => residuals
            .iter()
            .filter_map(|r| {
                let centre = reconstruction.poses.get(r.photo.index())?.as_ref()?.centre();
                Some([centre - r.residual, centre])
            })
            .collect(),
        Georeference::Unscaled => Vec::new(),
    };
    PreparedPhotos { frusta: posed.iter().map(frustum).collect(), residuals }
}

/// Lines of one buffer with a common origin.
#[derive(Debug)]
pub(super) struct LineLayer {
    pub origin: Vector3<f64>,
    buffer: wgpu::Buffer,
    pub count: u32,
}

/// A line before its upload: ends, width in pixels, colour.
pub(super) type Line = ([Vector3<f64>; 2], f32, [u8; 3]);

impl LineLayer {
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, lines: &[Line]) -> Self {
        let origin = lines.first().map_or_else(Vector3::zeros, |l| l.0[0]);
        let local = |p: &Vector3<f64>| (p - origin).map(|v| v as f32).into();
        let instance = |(ends, width_px, [r, g, b]): &Line| LineInstance {
            start: local(&ends[0]),
            width_px: *width_px,
            end: local(&ends[1]),
            colour: [*r, *g, *b, 255],
        };
        let instances: Vec<LineInstance> = lines.iter().map(instance).collect();
        let buffer = buffer_with(device, queue, bytemuck::cast_slice(&instances), wgpu::BufferUsages::VERTEX);
        Self { origin, buffer, count: instances.len() as u32 }
    }

    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        if self.count > 0 {
            pass.set_vertex_buffer(0, self.buffer.slice(..));
            pass.draw(0..4, 0..self.count);
        }
    }
}

/// The edges of all pyramids; the highlighted one last and wider.
pub(super) fn frustum_lines(frusta: &[Frustum], highlight: Option<PhotoId>) -> Vec<Line> {
    let mut lines = Vec::with_capacity(frusta.len() * 8);
    let (lit, plain): (Vec<&Frustum>, Vec<&Frustum>) = frusta.iter().partition(|f| Some(f.photo) == highlight);
    for (group, width, colour) in [(plain, 1.2, PHOTO), (lit, 3.0, HIGHLIGHT)] {
        for f in group {
            for k in 0..4 {
                lines.push(([f.centre, f.corners[k]], width, colour));
                // The picture's top is wider, so that one sees how the photo was held.
                let side = if k == 0 { width * 2.0 } else { width };
                lines.push(([f.corners[k], f.corners[(k + 1) % 4]], side, colour));
            }
        }
    }
    lines
}

/// One line for each residual, from the measured to the adjusted centre.
pub(super) fn residual_lines(residuals: &[[Vector3<f64>; 2]]) -> Vec<Line> {
    residuals.iter().map(|ends| (*ends, 2.0, RESIDUAL)).collect()
}

/// The pieces of polylines.
pub(super) fn polyline_lines<'a>(polylines: impl IntoIterator<Item = &'a Polyline>) -> Vec<Line> {
    let mut lines = Vec::new();
    for p in polylines {
        lines.extend(p.points.windows(2).map(|w| ([w[0], w[1]], p.width_px, p.colour)));
        if let ([first, .., last], true) = (p.points.as_slice(), p.closed && p.points.len() > 2) {
            lines.push(([*last, *first], p.width_px, p.colour));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_polylines_come_back() {
        let points: Vec<Vector3<f64>> = (0..3).map(|i| Vector3::repeat(f64::from(i))).collect();
        let line = |closed, n: usize| Polyline {
            points: points[..n].into(),
            closed,
            width_px: 2.0,
            colour: [0; 3],
            on_top: true,
        };
        assert_eq!(polyline_lines(&[line(false, 3)]).len(), 2);
        assert_eq!(polyline_lines(&[line(true, 3), line(true, 2), line(true, 1), line(true, 0)]).len(), 4);
    }

    #[test]
    fn the_highlight_is_drawn_last() {
        let one = |i: usize| Frustum {
            photo: PhotoId::from(i),
            centre: Vector3::zeros(),
            corners: [Vector3::x(), Vector3::y(), Vector3::z(), Vector3::repeat(1.0)],
        };
        let lines = frustum_lines(&[one(0), one(1)], Some(PhotoId::from(0)));
        assert_eq!(lines.len(), 16);
        assert!(lines[..8].iter().all(|l| l.2 == PHOTO) && lines[8..].iter().all(|l| l.2 == HIGHLIGHT));
    }

    #[test]
    fn spacing_is_that_of_neighbours() {
        let line: Vec<Vector3<f64>> = (0..1000).map(|i| Vector3::new(f64::from(i) * 7.0, 0.0, 0.0)).collect();
        assert_eq!(spacing(&line), Some(7.0));
        assert_eq!(spacing(&line[..1]), None);
    }
}
