//! The clipping box: its numbers in the panel, its sides in the picture.

use super::units::Unit;
use crate::render::{ClipBox, Viewport};
use eframe::egui::{self, DragValue, RichText};

/// What is remembered of the box while it is off.
#[derive(Default)]
pub(super) struct Clip {
    last: Option<ClipBox>,
    on: bool,
}

impl Clip {
    /// Whether the box is on.
    pub(super) fn is_shown(&self) -> bool {
        self.on
    }

    /// Turns the box on (as it was last, or around the middle of what is shown) or off.
    pub(super) fn toggle(&mut self, viewport: &mut Viewport) {
        self.on = !self.on;
        if self.on {
            let fresh = || {
                let bounds = viewport.bounds()?;
                let mut around = ClipBox::around(bounds);
                (around.size.x, around.size.y) = (around.size.x * 0.5, around.size.y * 0.5);
                around.size.z *= 1.2;
                Some(around)
            };
            viewport.options.clip = self.last.or_else(fresh);
        } else {
            self.last = viewport.options.clip.take();
        }
    }

    /// Forgets the box, because something of another frame is shown.
    pub(super) fn forget(&mut self, viewport: &mut Viewport) {
        *self = Self::default();
        viewport.options.clip = None;
    }

    /// The numbers.
    pub(super) fn section(&mut self, ui: &mut egui::Ui, viewport: &mut Viewport, unit: Unit) {
        let (bounds, target) = (viewport.bounds(), viewport.camera.target);
        let reach = viewport.camera.distance * 0.4;
        let Some(clip) = viewport.options.clip.as_mut().filter(|_| self.on) else { return };
        let speed = clip.size.max() * 0.002;
        let mut off = false;
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Clipping box").strong());
            let field = |ui: &mut egui::Ui, name: &str, value: &mut f64, least: f64| {
                let label = ui.label(RichText::new(name).size(12.0));
                let drag = DragValue::new(value).speed(speed).max_decimals(2).range(least..=f64::INFINITY);
                ui.add(drag.suffix(format!(" {}", unit.name()))).labelled_by(label.id);
            };
            field(ui, "East", &mut clip.centre.x, f64::NEG_INFINITY);
            field(ui, "North", &mut clip.centre.y, f64::NEG_INFINITY);
            field(ui, "Up", &mut clip.centre.z, f64::NEG_INFINITY);
            field(ui, "Width", &mut clip.size.x, 1e-3);
            field(ui, "Depth", &mut clip.size.y, 1e-3);
            field(ui, "Tall", &mut clip.size.z, 1e-3);
            let label = ui.label(RichText::new("Heading").size(12.0));
            let mut degrees = clip.azimuth.to_degrees();
            let drag = DragValue::new(&mut degrees).speed(0.5).max_decimals(1).suffix("\u{b0}");
            if ui.add(drag).labelled_by(label.id).changed() {
                clip.azimuth = degrees.to_radians();
            }
            if ui.button("Fit to the view").on_hover_text("Around the middle of what is looked at").clicked() {
                clip.centre = target;
                (clip.size.x, clip.size.y) = (reach, reach);
                if let Some((low, high)) = bounds {
                    clip.centre.z = (low.z + high.z) / 2.0;
                    clip.size.z = (high.z - low.z) * 1.2;
                }
            }
            if ui.button("Around everything").clicked()
                && let Some(bounds) = bounds
            {
                *clip = ClipBox::around(bounds);
            }
            off = ui.button("Remove").on_hover_text("Show everything again, and forget the box").clicked();
        });
        if off {
            self.forget(viewport);
        }
    }
}
