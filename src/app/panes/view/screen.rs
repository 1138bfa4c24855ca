//! From the world to the screen: where points and lines of the scene lie in the picture, and what hides them.

use crate::mesh::bvh::Bvh;
use crate::render::ViewCamera;
use eframe::egui::{Painter, Pos2, Rect, Shape, Stroke, Vec2};
use nalgebra::{Vector2, Vector3};

/// Where the picture is on the screen.
#[derive(Clone, Copy)]
pub(in crate::app::panes) struct Screen {
    pub(in crate::app::panes) rect: Rect,
    /// Pixels for a point of the screen.
    pub(in crate::app::panes) scale: f32,
}

impl Screen {
    pub(in crate::app::panes) fn pixel(&self, p: Pos2) -> Vector2<f64> {
        let d = (p - self.rect.min) * self.scale;
        Vector2::new(f64::from(d.x), f64::from(d.y))
    }

    fn place(&self, pixel: &Vector2<f64>) -> Pos2 {
        self.rect.min + Vec2::new(pixel.x as f32, pixel.y as f32) / self.scale
    }

    pub(in crate::app::panes) fn size(&self) -> [u32; 2] {
        let size = self.rect.size() * self.scale;
        [size.x as u32, size.y as u32]
    }

    pub(in crate::app::panes) fn of(&self, camera: &ViewCamera, p: &Vector3<f64>) -> Option<Pos2> {
        Some(self.place(&camera.project(p, self.size())?.0))
    }

    /// A line of which what lies behind the surface is thin and dashed.
    pub(in crate::app::panes) fn line_behind(
        &self,
        painter: &Painter,
        (camera, surface): (&ViewCamera, Option<&Bvh>),
        ends: [Vector3<f64>; 2],
        stroke: Stroke,
    ) {
        let Some(surface) = surface else { return self.line(painter, camera, ends, stroke) };
        let at = |i: usize| ends[0] + (ends[1] - ends[0]) * (i as f64 / STEPS as f64);
        let hidden: Vec<bool> = (0..STEPS).map(|i| is_behind(camera, surface, &((at(i) + at(i + 1)) / 2.0))).collect();
        let mut from = 0;
        for run in hidden.chunk_by(|a, b| a == b) {
            let piece = [at(from), at(from + run.len())];
            from += run.len();
            if !run[0] {
                self.line(painter, camera, piece, stroke);
            } else if let Some([a, b]) = camera.project_line(piece, self.size()) {
                let faint = Stroke::new(stroke.width.min(1.0), stroke.color.gamma_multiply(0.55));
                painter.add(Shape::dashed_line(&[self.place(&a), self.place(&b)], faint, 3.0, 5.0));
            }
        }
    }

    pub(in crate::app::panes) fn line(
        &self,
        painter: &Painter,
        camera: &ViewCamera,
        ends: [Vector3<f64>; 2],
        stroke: Stroke,
    ) {
        if let Some([a, b]) = camera.project_line(ends, self.size()) {
            painter.line_segment([self.place(&a), self.place(&b)], stroke);
        }
    }
}

/// Pieces of a line that are seen or hidden as a whole.
const STEPS: usize = 24;
/// Share of the distance by which a point on the surface may lie behind it.
const BEHIND: f64 = 0.004;

/// Whether the surface lies between the eye and a point.
fn is_behind(camera: &ViewCamera, surface: &Bvh, p: &Vector3<f64>) -> bool {
    let sight = if camera.orthographic { camera.axes()[2] * (100.0 * camera.distance) } else { p - camera.eye() };
    let share = if camera.orthographic { BEHIND / 100.0 } else { BEHIND };
    surface.occluded(&(p - sight), &sight, 0.0, 1.0 - share)
}
