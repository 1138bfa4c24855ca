//! The page without a project: make one, open one, try the sample flight.

use super::action::Action;
use super::{VedutaApp, recent, shell};
use eframe::egui::{self, RichText};
use std::path::{Path, PathBuf};

/// What was typed on the page.
#[derive(Clone, Debug, Default)]
pub struct StartPage {
    photos: String,
    project: String,
    several: Vec<PathBuf>,
}

impl StartPage {
    /// Fills in photos that were chosen or dropped, and a project beside them.
    pub fn suggest(&mut self, paths: Vec<PathBuf>) {
        let Some(first) = paths.first() else { return };
        let folder = if first.is_dir() { first.as_path() } else { first.parent().unwrap_or(Path::new(".")) };
        self.photos = match paths.len() {
            1 => first.display().to_string(),
            n => format!("{n} files or folders, {} and others", first.display()),
        };
        self.project = folder.with_extension("veduta").display().to_string();
        self.several = paths;
    }

    /// The photos to make a project of.
    fn chosen(&self) -> Vec<PathBuf> {
        if self.several.len() > 1 { self.several.clone() } else { vec![PathBuf::from(self.photos.trim())] }
    }
}

/// Draws the page.
pub fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    egui::CentralPanel::default().show(ui, |ui| {
        egui::ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let width = ui.available_width().min(760.0);
            let side = ((ui.available_width() - width) / 2.0).max(0.0);
            ui.horizontal(|ui| {
                ui.add_space(side);
                ui.vertical(|ui| {
                    ui.set_width(width - 16.0);
                    page(app, ui);
                });
            });
        });
    });
}

fn page(app: &mut VedutaApp, ui: &mut egui::Ui) {
    ui.add_space(24.0);
    ui.heading(RichText::new("Veduta").size(30.0));
    ui.weak("Photographs of a city in, a textured 3D city and a colour print file out.");
    ui.add_space(20.0);
    new_project(app, ui);
    ui.add_space(16.0);
    ui.horizontal_wrapped(|ui| {
        let mut actions = Vec::new();
        for (action, label) in
            [(Action::OpenProject, "Open a project..."), (Action::OpenSample, "Open the sample flight")]
        {
            if shell::action_button(app, ui, action, label) {
                actions.push(action);
            }
        }
        let ctx = ui.ctx().clone();
        actions.into_iter().for_each(|a| app.act(a, &ctx));
    });
    if let Some(making) = &app.making_sample {
        ui.horizontal(|ui| {
            ui.add(egui::ProgressBar::new(making.share()).desired_width(260.0).text("making the sample flight"));
            if ui.button("Cancel").clicked() {
                making.cancel();
            }
        });
    }
    ui.add_space(20.0);
    recent::show(app, ui);
}

fn new_project(app: &mut VedutaApp, ui: &mut egui::Ui) {
    ui.strong("New project");
    let mut browse = false;
    let wide = (ui.available_width() - 190.0).max(120.0);
    egui::Grid::new("new").num_columns(3).show(ui, |ui| {
        let label = ui.label("Photos");
        let field = egui::TextEdit::singleline(&mut app.start.photos).hint_text("folder of photos, or drop it here");
        if ui.add_sized([wide, 24.0], field).labelled_by(label.id).changed() {
            app.start.several.clear();
            let typed = PathBuf::from(app.start.photos.trim());
            app.start.project = typed.with_extension("veduta").display().to_string();
        }
        browse = ui.button("Browse...").clicked();
        ui.end_row();
        let label = ui.label("Project");
        let field = egui::TextEdit::singleline(&mut app.start.project).hint_text("folder to make, ending in .veduta");
        ui.add_sized([wide, 24.0], field).labelled_by(label.id);
        ui.end_row();
    });
    let ready = !app.start.photos.trim().is_empty() && !app.start.project.trim().is_empty();
    let ctx = ui.ctx().clone();
    if ui.add_enabled(ready, egui::Button::new("Create the project")).clicked() {
        let (photos, root) = (app.start.chosen(), PathBuf::from(app.start.project.trim()));
        app.create(&photos, &root, &ctx);
    }
    if browse {
        app.act(Action::NewProject, &ctx);
    }
}
