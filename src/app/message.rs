//! What the window has to say about something that went wrong: headline, what to do next, and all of it to copy.

use eframe::egui;

/// A message until it is closed.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    headline: String,
    hint: String,
    is_error: bool,
}

impl Message {
    /// Something failed.
    pub fn error(headline: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { headline: headline.into(), hint: hint.into(), is_error: true }
    }

    /// Something is worth knowing.
    pub fn note(headline: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { headline: headline.into(), hint: hint.into(), is_error: false }
    }

    /// Shows it as a strip; true when the user closes it.
    pub fn show(&self, ui: &mut egui::Ui) -> bool {
        let mut closed = false;
        let colour = if self.is_error { ui.visuals().error_fg_color } else { ui.visuals().warn_fg_color };
        ui.horizontal_wrapped(|ui| {
            ui.label(egui::RichText::new(if self.is_error { "Error" } else { "Note" }).strong().color(colour));
            ui.label(&self.headline);
            if !self.hint.is_empty() {
                ui.weak(format!("Next: {}", self.hint));
            }
            if ui.button("Copy details").clicked() {
                ui.ctx().copy_text(format!(
                    "{}\nnext: {}\nveduta {}",
                    self.headline,
                    self.hint,
                    env!("CARGO_PKG_VERSION")
                ));
            }
            closed = ui.button("Close").clicked();
        });
        closed
    }
}
