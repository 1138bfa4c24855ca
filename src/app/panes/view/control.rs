//! Control points over the picture: filled triangles, check points empty ones, at their given places.

use super::paint::{MARK, ground, tag};
use super::screen::Screen;
use crate::app::session::Session;
use crate::render::ViewCamera;
use crate::scene::ControlRole;
use eframe::egui::{self, Align2, Painter, Shape, Stroke, Vec2};

/// Draws the points that take part and whose place is known.
pub(super) fn draw(session: &Session, camera: &ViewCamera, screen: &Screen, ui: &egui::Ui, painter: &Painter) {
    let known = session.control.points.iter().zip(&session.control.places);
    for (point, place) in known.filter(|(p, _)| p.role != ControlRole::Off) {
        let Some(at) = place.as_ref().and_then(|p| screen.of(camera, p)) else { continue };
        let corners = [(0.0, 0.0), (6.0, -11.0), (-6.0, -11.0)].map(|(x, y)| at + Vec2::new(x, y));
        let fill = if point.role == ControlRole::Control { MARK } else { ui.visuals().panel_fill };
        painter.add(Shape::convex_polygon(corners.to_vec(), fill, Stroke::new(1.5, MARK)));
        let text = ui.visuals().text_color();
        tag(painter, at + Vec2::new(10.0, -6.0), Align2::LEFT_CENTER, &point.name, text, ground(ui));
    }
}
