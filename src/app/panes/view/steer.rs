//! How the pointer moves a camera, in every 3D view of the window: drag turns, drag with another button or Shift moves,
//! scrolling and pinching come nearer.

use super::Screen;
use crate::render::Viewport;
use eframe::egui::{self, PointerButton, Response};
use nalgebra::Vector2;

/// Drag of the pointer in pixels of the picture.
pub(super) fn dragged(response: &Response, screen: &Screen) -> Vector2<f64> {
    let delta = response.drag_delta() * screen.scale;
    Vector2::new(f64::from(delta.x), f64::from(delta.y))
}

/// Moves the camera as the pointer says.
pub(in crate::app::panes) fn steer(viewport: &mut Viewport, ui: &egui::Ui, response: &Response, screen: &Screen) {
    let size = viewport.size();
    let moved = dragged(response, screen);
    let pan = response.dragged_by(PointerButton::Secondary)
        || response.dragged_by(PointerButton::Middle)
        || (response.dragged() && ui.input(|i| i.modifiers.shift));
    if pan {
        if let Some(p) = response.interact_pointer_pos() {
            let to = screen.pixel(p);
            let from = to - moved;
            let held = viewport.hold(&from);
            viewport.camera.pan(&from, &to, &held, size);
        }
    } else if response.dragged_by(PointerButton::Primary) && moved.norm() > 0.0 {
        viewport.camera.orbit(&moved);
    }
    if let Some(p) = response.hover_pos() {
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            let held = viewport.hold(&screen.pixel(p));
            viewport.camera.zoom(f64::from(-scroll / 300.0).exp(), &held);
        }
    }
}
