//! Results as files: which there are, how large the part is against a printer's usual limits, and writing them.

use super::super::VedutaApp;
use super::super::session::Session;
use crate::cli;
use crate::project::Project;
use eframe::egui::{self, RichText};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// File, the stage that it comes from, what it is.
const FILES: [(&str, &str, &str); 10] = [
    ("part.3mf", "part", "print file with colours"),
    ("part.stl", "part", "print file without colours"),
    ("city.glb", "city", "textured city, one file"),
    ("city.obj", "city", "textured city with material and images"),
    ("city.ply", "city", "the city's surface"),
    ("dense.laz", "fuse", "points, compressed, in the projected system"),
    ("dense.ply", "fuse", "points"),
    ("dsm.tif", "city", "heights as GeoTIFF"),
    ("ortho.tif", "city", "orthophoto as GeoTIFF"),
    ("report.html", "ingest", "one page with pictures for a person"),
];

/// Limits that most colour printing services share.
const MOST_TRIANGLES: f64 = 1e6;
const LONGEST_MM: f64 = 300.0;

/// What the pane remembers.
#[derive(Default)]
pub struct ExportView {
    folder: String,
    chosen: [bool; FILES.len()],
    writing: Option<Receiver<Step>>,
    /// What was written, or why not.
    done: Vec<(String, Result<u64, String>)>,
    part: Option<(u64, Figures)>,
}

/// What came of one file; the last step has no name.
type Step = Option<(String, Result<u64, String>)>;

/// Figures of the part.
#[derive(Clone, Copy, Debug, Default)]
struct Figures {
    size_mm: [f64; 3],
    triangles: f64,
    volume_cm3: f64,
    scale: f64,
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let view = &mut app.export;
    if view.folder.is_empty() {
        let beside = session.root.parent().filter(|p| !p.as_os_str().is_empty());
        view.folder = beside.unwrap_or(Path::new(".")).display().to_string();
        view.chosen[0] = true;
    }
    collect(view);
    if view.part.as_ref().is_none_or(|p| p.0 != session.generation) {
        view.part = Some((session.generation, figures(&session.root)));
    }
    egui::ScrollArea::vertical().id_salt("export").auto_shrink(false).show(ui, |ui| {
        meters(ui, &view.part.as_ref().map(|p| p.1).unwrap_or_default());
        ui.add_space(6.0);
        let ready = files(view, session, ui);
        ui.add_space(6.0);
        let label = ui.label("Folder");
        ui.add(egui::TextEdit::singleline(&mut view.folder).desired_width(f32::INFINITY)).labelled_by(label.id);
        let wanted: Vec<&str> = FILES
            .iter()
            .zip(view.chosen)
            .filter(|((f, ..), c)| *c && ready.contains(f))
            .map(|((f, ..), _)| *f)
            .collect();
        ui.horizontal(|ui| {
            let possible = view.writing.is_none() && !wanted.is_empty();
            if ui.add_enabled(possible, egui::Button::new("Write the files")).clicked() {
                view.done.clear();
                view.writing = Some(write(&session.root, Path::new(view.folder.trim()), &wanted, ui.ctx()));
            }
            if view.writing.is_some() {
                ui.spinner();
                ui.weak("writing");
            }
        });
        for (file, outcome) in &view.done {
            match outcome {
                Ok(bytes) => ui.label(format!("{file}: {:.1} MB", *bytes as f64 / 1e6)),
                Err(why) => ui.colored_label(ui.visuals().error_fg_color, format!("{file}: {why}")),
            };
        }
    });
}

/// The list of files; gives those that can be written now.
fn files(view: &mut ExportView, session: &Session, ui: &mut egui::Ui) -> Vec<&'static str> {
    let done = |stage: &str| {
        let state = session.board.stages.iter().find(|(n, _)| n.word() == stage);
        state.is_some_and(|(_, s)| matches!(s.word(), "done" | "stale"))
    };
    let mut ready = Vec::new();
    for ((file, stage, about), chosen) in FILES.iter().zip(&mut view.chosen) {
        let there = done(stage);
        if there {
            ready.push(*file);
        }
        ui.horizontal(|ui| {
            let tip = if there { about.to_string() } else { format!("{about}; needs the stage {stage}") };
            ui.add_enabled(there, egui::Checkbox::new(chosen, *file)).on_hover_text(&tip).on_disabled_hover_text(&tip);
            ui.add(egui::Label::new(RichText::new(*about).weak()).truncate());
        });
    }
    ready
}

fn meters(ui: &mut egui::Ui, part: &Figures) {
    if part.triangles <= 0.0 {
        ui.weak("There is no part yet.");
        return;
    }
    let [x, y, z] = part.size_mm;
    let scale = if part.scale > 0.0 { format!(", 1:{:.0}", part.scale) } else { String::new() };
    ui.strong(format!("Part of {x:.1} x {y:.1} x {z:.1} mm{scale}, {:.0} cm3", part.volume_cm3));
    let meter = |ui: &mut egui::Ui, name: &str, value: f64, limit: f64, text: String| {
        let colour = if value > limit { ui.visuals().error_fg_color } else { super::super::shell::accent(ui) };
        ui.horizontal(|ui| {
            ui.label(name);
            ui.add(egui::ProgressBar::new((value / limit) as f32).fill(colour.gamma_multiply(0.6)).text(text));
        });
    };
    meter(ui, "Triangles", part.triangles, MOST_TRIANGLES, format!("{:.0} of {MOST_TRIANGLES:.0}", part.triangles));
    let longest = x.max(y).max(z);
    meter(ui, "Longest side", longest, LONGEST_MM, format!("{longest:.0} of {LONGEST_MM:.0} mm"));
}

fn figures(root: &Path) -> Figures {
    let done = Project::open_to_read(root).and_then(|p| p.current("part")?.done());
    let Ok(done) = done else { return Figures::default() };
    let f = |name: &str| done.figures.get(name).copied().unwrap_or(0.0);
    Figures {
        size_mm: [f("width_mm"), f("depth_mm"), f("height_mm")],
        triangles: f("triangles"),
        volume_cm3: f("volume_cm3"),
        scale: f("scale_denominator"),
    }
}

fn write(root: &Path, folder: &Path, files: &[&str], ctx: &egui::Context) -> Receiver<Step> {
    let (send, receive) = channel();
    let (root, folder, ctx) = (root.to_path_buf(), folder.to_path_buf(), ctx.clone());
    let files: Vec<String> = files.iter().map(|f| (*f).to_string()).collect();
    std::thread::spawn(move || {
        for file in files {
            let outcome = one(&root, &folder.join(&file));
            // The window may be gone; the remaining files are still written.
            let _ = send.send(Some((file, outcome)));
            ctx.request_repaint();
        }
        let _ = send.send(None);
        ctx.request_repaint();
    });
    receive
}

/// Writes one file; its size in bytes, or why not.
fn one(root: &Path, path: &PathBuf) -> Result<u64, String> {
    let project = Project::open_to_read(root).map_err(|e| e.to_string())?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
    }
    let report = path.extension().is_some_and(|e| e == "html");
    let written = if report { cli::write_report(&project, path) } else { cli::export_one(&project, path) };
    written.map_err(|e| e.text())?;
    std::fs::metadata(path).map(|m| m.len()).map_err(|e| e.to_string())
}

fn collect(view: &mut ExportView) {
    loop {
        match view.writing.as_ref().map(Receiver::try_recv) {
            Some(Ok(Some(step))) => view.done.push(step),
            Some(Ok(None) | Err(TryRecvError::Disconnected)) => view.writing = None,
            Some(Err(TryRecvError::Empty)) | None => return,
        }
    }
}
