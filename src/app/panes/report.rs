//! The report inside the window: figures, pictures of the results, warnings that lead to their photos, and the way to
//! the same as one page in the browser.

use super::super::VedutaApp;
use crate::cli::{self, ReportContents};
use crate::project::Project;
use eframe::egui::{self, ColorImage, RichText, TextureHandle, TextureOptions, Vec2};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// What the pane remembers.
#[derive(Default)]
pub struct ReportView {
    /// The results that the report was made of.
    made_for: Option<u64>,
    coming: Option<Receiver<Result<Made, String>>>,
    made: Option<Result<(ReportContents, Vec<TextureHandle>), String>>,
    opening: Option<Receiver<Result<PathBuf, String>>>,
    opened: Option<Result<PathBuf, String>>,
}

type Made = (ReportContents, Vec<ColorImage>);

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let view = &mut app.report;
    if session.work.is_none() && view.made_for != Some(session.generation) {
        view.made_for = Some(session.generation);
        view.coming = Some(make(&session.root, ui.ctx()));
    }
    take_in(view, ui.ctx());
    let mut wanted = None;
    ui.horizontal_wrapped(|ui| {
        let free = view.opening.is_none();
        let button = ui.add_enabled(free, egui::Button::new("Open in the browser"));
        if button.on_hover_text("Writes report.html into the project and opens it").clicked() {
            view.opening = Some(open_outside(&session.root, ui.ctx()));
        }
        match &view.opened {
            Some(Ok(path)) => ui.weak(path.display().to_string()),
            Some(Err(why)) => ui.colored_label(ui.visuals().error_fg_color, why),
            None => ui.weak(format!("veduta report {} -o report.html", session.root.display())),
        };
    });
    match &view.made {
        Some(Ok((contents, pictures))) => {
            egui::ScrollArea::vertical().id_salt("report").auto_shrink(false).show(ui, |ui| {
                wanted = page(ui, contents, pictures);
            });
        }
        Some(Err(why)) => {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
        None => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.weak("drawing the results");
            });
        }
    }
    if let Some(name) = wanted
        && let Some(row) = session.rows.iter().position(|r| r.name == name)
    {
        app.photos.select(row);
    }
}

/// The page; gives the name of the photo that was asked for.
fn page(ui: &mut egui::Ui, contents: &ReportContents, pictures: &[TextureHandle]) -> Option<String> {
    let mut wanted = None;
    ui.heading(&contents.title);
    ui.add(egui::Label::new(RichText::new(&contents.lead).weak()).wrap());
    ui.add_space(6.0);
    let fill = ui.visuals().faint_bg_color;
    let columns = ((ui.available_width() / 172.0) as usize).max(1);
    let tile = (ui.available_width() - 8.0 * (columns - 1) as f32) / columns as f32 - 18.0;
    egui::Grid::new("tiles").num_columns(columns).spacing([8.0, 8.0]).show(ui, |ui| {
        for (i, (value, label)) in contents.tiles.iter().enumerate() {
            egui::Frame::NONE.fill(fill).corner_radius(4).inner_margin(8).show(ui, |ui| {
                ui.set_width(tile);
                ui.vertical(|ui| {
                    ui.label(RichText::new(value).size(18.0).strong());
                    ui.add(egui::Label::new(RichText::new(*label).weak().size(12.0)).truncate()).on_hover_text(*label);
                });
            });
            if (i + 1) % columns == 0 {
                ui.end_row();
            }
        }
    });
    ui.add_space(8.0);
    let across = ((ui.available_width() / 420.0) as usize).clamp(1, 3);
    let width = (ui.available_width() - 8.0 * (across - 1) as f32) / across as f32 - 2.0;
    let shown: Vec<_> = pictures.iter().zip(&contents.pictures).collect();
    for row in shown.chunks(across) {
        ui.horizontal_top(|ui| {
            for (texture, picture) in row {
                ui.vertical(|ui| {
                    let own = texture.size_vec2();
                    let size = Vec2::new(width, width * own.y / own.x);
                    let image = egui::Image::new((texture.id(), size)).corner_radius(4);
                    ui.add(image.alt_text(&picture.caption));
                    ui.label(RichText::new(&picture.caption).weak().size(12.0));
                });
            }
        });
    }
    if !contents.warnings.is_empty() {
        ui.add_space(8.0);
        ui.strong(format!("Warnings: {}", contents.warnings.len()));
        for (stage, note) in &contents.warnings {
            ui.horizontal_wrapped(|ui| {
                ui.colored_label(ui.visuals().warn_fg_color, stage);
                if !note.subject.is_empty() && ui.link(&note.subject).on_hover_text("Show the photo").clicked() {
                    wanted = Some(note.subject.clone());
                }
                ui.label(&note.message);
                ui.weak(&note.hint);
            });
        }
    }
    ui.add_space(8.0);
    ui.strong("Stages");
    for [stage, time, size, figures] in contents.stages() {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(stage).strong());
            ui.label(time);
            ui.weak(size);
            ui.weak(figures);
        });
    }
    wanted
}

fn take_in(view: &mut ReportView, ctx: &egui::Context) {
    if let Some(news) = view.coming.as_ref().and_then(|r| r.try_recv().ok()) {
        view.coming = None;
        view.made = Some(news.map(|(contents, images)| {
            let load = |(i, image)| ctx.load_texture(format!("report {i}"), image, TextureOptions::LINEAR);
            (contents, images.into_iter().enumerate().map(load).collect())
        }));
    }
    if let Some(news) = view.opening.as_ref().and_then(|r| r.try_recv().ok()) {
        view.opening = None;
        view.opened = Some(news);
    }
}

fn make(root: &Path, ctx: &egui::Context) -> Receiver<Result<Made, String>> {
    let (send, receive) = channel();
    let (root, ctx) = (root.to_path_buf(), ctx.clone());
    std::thread::spawn(move || {
        let read = || {
            let project = Project::open_to_read(&root).map_err(|e| e.to_string())?;
            let contents = ReportContents::of(&project).map_err(|e| e.text())?;
            let image = |jpeg: &[u8]| {
                let photo = crate::image::decode::decode_photo(jpeg, 1).map_err(|e| e.to_string())?;
                Ok(ColorImage::from_rgb([photo.width, photo.height], photo.data.as_flattened()))
            };
            let images = contents.pictures.iter().map(|p| image(&p.jpeg)).collect::<Result<_, String>>()?;
            Ok((contents, images))
        };
        // The pane may be gone by now.
        let _ = send.send(read());
        ctx.request_repaint();
    });
    receive
}

/// Writes the page into the project and hands it to the system's browser.
fn open_outside(root: &Path, ctx: &egui::Context) -> Receiver<Result<PathBuf, String>> {
    let (send, receive) = channel();
    let (root, ctx) = (root.to_path_buf(), ctx.clone());
    std::thread::spawn(move || {
        let path = root.join("report.html");
        let write = || {
            let project = Project::open_to_read(&root).map_err(|e| e.to_string())?;
            cli::write_report(&project, &path).map_err(|e| e.text())?;
            open::that_detached(&path).map_err(|e| {
                format!("{} is written, but no program to show it could be started: {e}", path.display())
            })?;
            Ok(path.clone())
        };
        let _ = send.send(write());
        ctx.request_repaint();
    });
    receive
}
