//! What the stages had to say; a message about a photo leads to it.

use super::super::VedutaApp;
use crate::base::Severity;
use eframe::egui::{self, RichText};

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    if session.board.log.is_empty() {
        ui.weak("Messages of a run appear here.");
        return;
    }
    let mut wanted = None;
    egui::ScrollArea::vertical().id_salt("log").auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
        for (stage, note) in &session.board.log {
            let colour = match note.severity {
                Severity::Info => ui.visuals().weak_text_color(),
                Severity::Warning => ui.visuals().warn_fg_color,
                Severity::Error => ui.visuals().error_fg_color,
            };
            ui.horizontal_wrapped(|ui| {
                ui.label(RichText::new(stage).color(colour).size(12.0));
                if !note.subject.is_empty() {
                    let row = session.rows.iter().position(|r| r.name == note.subject);
                    match row {
                        Some(row) if ui.link(&note.subject).on_hover_text("Show the photo").clicked() => {
                            wanted = Some(row);
                        }
                        Some(_) => {}
                        None => {
                            ui.label(&note.subject);
                        }
                    }
                }
                ui.label(&note.message).on_hover_text(&note.hint);
            });
        }
    });
    if let Some(row) = wanted {
        app.photos.select(row);
    }
}
