//! Control points: their list, the photos that see the chosen one, and the place to mark it.

mod form;
mod picture;
mod table;

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::control::Sight;
use super::super::message::Message;
use super::super::session::Session;
use super::super::shell::action_button;
use crate::cli::{self, ControlArgs, Imported};
use crate::project::Project;
use crate::scene::{ControlPoint, ControlRole};
use eframe::egui::{self, RichText};
use form::Form;
use nalgebra::Vector2;
use picture::Picture;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use table::Column;

/// What the pane remembers.
#[derive(Default)]
pub struct ControlView {
    /// Name of the chosen point.
    point: Option<String>,
    /// File of the chosen photo.
    photo: Option<PathBuf>,
    order: (Column, bool),
    /// Path, reference system and belief in heights of the next import.
    list: String,
    crs: String,
    ignore_height: bool,
    importing: Option<Receiver<Result<Imported, (String, String)>>>,
    /// The import that was made last, as the command line writes it.
    imported: Option<String>,
    notes: Vec<String>,
    form: Option<Form>,
    picture: Picture,
    /// The photos that see the chosen point, and for which state they were found.
    sights: Option<(SightsKey, Vec<Sight>)>,
    copied: bool,
    /// Drawn in the last frame, and in this one.
    front: [bool; 2],
}

/// Generation, revision, point.
type SightsKey = (u64, u64, String);

impl ControlView {
    /// Once a frame, before panes are drawn.
    pub fn begin_frame(&mut self) {
        self.front = [false, self.front[0]];
    }

    /// Whether the pane is the one that a person sees.
    pub fn is_in_front(&self) -> bool {
        self.front[0] || self.front[1]
    }

    /// Whether a mark can be set at the cross.
    pub fn can_mark(&self) -> bool {
        self.is_in_front() && self.picture.cross().is_some() && self.point.is_some() && self.photo.is_some()
    }

    /// The mark of the chosen point in the chosen photo.
    pub fn mark(&self, session: &Session) -> Option<Vector2<f64>> {
        let point = session.control.find(self.point.as_deref()?)?;
        let photo = self.photo.as_deref().filter(|_| self.is_in_front())?;
        point.marks.iter().find(|m| m.photo == photo).map(|m| m.pixel)
    }

    /// Chooses a point and the photo that shows it best.
    fn choose(&mut self, session: &Session, name: &str) {
        self.point = Some(name.to_string());
        let best = self.sights_of(session).first().map(|s| s.photo);
        self.photo = best.zip(session.flight.as_ref()).map(|(id, f)| f.photos[id.index()].path.clone());
        self.picture.look_anew();
    }

    fn choose_photo(&mut self, path: &Path) {
        self.photo = Some(path.to_path_buf());
        self.picture.look_anew();
    }

    /// The photos that see the chosen point, the best first.
    fn sights_of(&mut self, session: &Session) -> Vec<Sight> {
        let (Some(name), Some(flight)) = (self.point.clone(), session.flight.as_ref()) else { return Vec::new() };
        let key = (session.generation, session.control.revision, name);
        if self.sights.as_ref().is_none_or(|s| s.0 != key) {
            let found = session.control.sights(&key.2, flight, session.sparse.as_deref());
            self.sights = Some((key, found));
        }
        self.sights.as_ref().map(|s| s.1.clone()).unwrap_or_default()
    }

    /// Does what a key or the menu asks for.
    pub fn act(app: &mut VedutaApp, action: Action) {
        let Some(session) = app.session.as_ref() else { return };
        let forward = matches!(action, Action::NextPoint | Action::NextPhoto);
        match action {
            Action::NextPoint | Action::PreviousPoint => {
                let names = table::order(session, app.control.order);
                let now = names.iter().position(|n| app.control.point.as_ref() == Some(n));
                if let Some(name) = step(now, names.len(), forward).map(|i| names[i].clone()) {
                    app.control.choose(session, &name);
                }
            }
            Action::NextPhoto | Action::PreviousPhoto => {
                let Some(flight) = session.flight.clone() else { return };
                let sights = app.control.sights_of(session);
                let path = |s: &Sight| flight.photos[s.photo.index()].path.clone();
                let now = sights.iter().position(|s| app.control.photo.as_ref() == Some(&path(s)));
                if let Some(i) = step(now, sights.len(), forward) {
                    app.control.choose_photo(&path(&sights[i]));
                }
            }
            Action::Mark => {
                if let Some(pixel) = app.control.picture.cross() {
                    Self::set_mark(app, Some(pixel));
                }
            }
            Action::DeleteMark => Self::set_mark(app, None),
            _ => {}
        }
    }

    /// Sets or deletes the mark of the chosen point in the chosen photo.
    fn set_mark(app: &mut VedutaApp, pixel: Option<Vector2<f64>>) {
        let (Some(session), Some(name), Some(photo)) =
            (app.session.as_ref(), app.control.point.clone(), app.control.photo.clone())
        else {
            return;
        };
        let points = session.control.with_mark(&name, &photo, pixel);
        Self::set(app, points);
    }

    /// Replaces the points, as one step that can be undone.
    fn set(app: &mut VedutaApp, points: Vec<ControlPoint>) {
        if let Some(Err(e)) = app.session.as_mut().map(|s| s.set_control(points)) {
            app.fail(&e);
        }
    }

    /// Reads a list in the background.
    pub fn import(app: &mut VedutaApp, path: PathBuf, ctx: &egui::Context) {
        let Some(session) = app.session.as_ref() else { return };
        let view = &mut app.control;
        view.list = path.display().to_string();
        let crs = Some(view.crs.trim().to_string()).filter(|c| !c.is_empty());
        let args = ControlArgs {
            control: Some(path),
            control_crs: crs,
            control_ignore_height: view.ignore_height,
            ..ControlArgs::default()
        };
        view.imported = Some(import_command(&session.root, &args));
        let photos: Vec<PathBuf> = session.rows.iter().map(|r| r.path.clone()).collect();
        let known = session.control.points.clone();
        let (send, receive) = channel();
        view.importing = Some(receive);
        let ctx = ctx.clone();
        std::thread::spawn(move || {
            let outcome = cli::import_control(&photos, &known, &args);
            // The window may be gone by now.
            let _ = send.send(outcome.map_err(|e| e.parts()));
            ctx.request_repaint();
        });
    }

    /// Writes the points to a file.
    pub fn export(app: &mut VedutaApp, path: &Path) {
        let Some(session) = app.session.as_ref() else { return };
        let written = Project::open_to_read(&session.root)
            .map_err(cli::CliError::from)
            .and_then(|p| cli::write_control_list(&p, path));
        app.message = Some(match written {
            Ok(()) => Message::note(format!("The control points are in {}.", path.display()), ""),
            Err(e) => {
                let (headline, hint) = e.parts();
                Message::error(headline, hint)
            }
        });
    }

    /// Takes in an import that is done.
    pub fn collect(app: &mut VedutaApp) {
        match app.control.importing.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => {}
            Some(Err(TryRecvError::Disconnected)) => app.control.importing = None,
            Some(Ok(outcome)) => {
                app.control.importing = None;
                match outcome {
                    Ok(imported) => {
                        app.control.notes = imported.notes;
                        Self::set(app, imported.points);
                        if let Some(session) = &app.session
                            && let Some(first) = session.control.points.first().map(|p| p.name.clone())
                        {
                            app.control.choose(session, &first);
                        }
                    }
                    Err((headline, hint)) => {
                        app.control.imported = None;
                        app.message = Some(Message::error(headline, hint));
                    }
                }
            }
        }
    }
}

/// The next or the previous of some things; the first where none is chosen.
fn step(now: Option<usize>, count: usize, forward: bool) -> Option<usize> {
    let last = count.checked_sub(1)?;
    Some(match (now, forward) {
        (None, _) => 0,
        (Some(i), true) => (i + 1).min(last),
        (Some(i), false) => i.saturating_sub(1),
    })
}

/// The command that imports the same list.
fn import_command(root: &Path, args: &ControlArgs) -> String {
    let list = args.control.as_deref().unwrap_or(Path::new(""));
    let mut command = format!("veduta run -o {} --until sparse --control {}", quoted(root), quoted(list));
    if let Some(crs) = &args.control_crs {
        command += &format!(" --control-crs {}", quoted(Path::new(crs)));
    }
    if args.control_ignore_height {
        command += " --control-ignore-height";
    }
    command
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_alphanumeric() || "/\\._-:".contains(c));
    if plain { text } else { format!("\"{text}\"") }
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    app.control.front[0] = true;
    tools(app, ui);
    if app.control.form.is_some() {
        form::show(app, ui);
    }
    let Some(session) = app.session.as_ref() else { return };
    if session.control.points.is_empty() {
        ui.add_space(16.0);
        ui.vertical_centered(|ui| {
            ui.strong("No control points yet");
            ui.weak("Import a list: drop the file here, or give its path above. A gcp_list.txt brings marks along;");
            ui.weak("a table of name, x, y, z gives points to mark. Or add a point by hand.");
            ui.weak("Three or more points, each marked in three or more photos, take out what GPS is off by.");
        });
        return;
    }
    let names = table::order(session, app.control.order);
    if app.control.point.as_ref().is_none_or(|p| !names.contains(p)) {
        app.control.choose(session, &names[0]);
    }
    let height = (ui.available_height() * 0.34).max(72.0).min(table::height(names.len()));
    ui.allocate_ui(egui::vec2(ui.available_width(), height), |ui| table::show(app, ui, &names));
    summary(app, ui);
    ui.separator();
    picture::show(app, ui);
}

fn tools(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let mut chosen = None;
    let editable = app.session.as_ref().is_some_and(Session::is_editable);
    ui.horizontal_wrapped(|ui| {
        let label = ui.weak("List").on_hover_text("A gcp_list.txt, or a table of name, x, y, z");
        let width = (ui.available_width() * 0.3).clamp(90.0, 260.0);
        ui.add(
            egui::TextEdit::singleline(&mut app.control.list).desired_width(width).hint_text("path, or drop the file"),
        )
        .labelled_by(label.id);
        let ready = editable && app.control.importing.is_none() && !app.control.list.trim().is_empty();
        if ui.add_enabled(ready, egui::Button::new("Import")).on_hover_text("Read the list into the project").clicked()
        {
            chosen = Some(None);
        }
        if action_button(app, ui, Action::ImportControl, "Browse...") {
            chosen = Some(Some(Action::ImportControl));
        }
        let tip = "Where the list names no system, or a wrong one: for example EPSG:25832";
        let label = ui.weak("System").on_hover_text(tip);
        ui.add(egui::TextEdit::singleline(&mut app.control.crs).desired_width(92.0).hint_text("as listed"))
            .labelled_by(label.id);
        ui.checkbox(&mut app.control.ignore_height, "Ignore heights")
            .on_hover_text("Heights of the list are not believed (--control-ignore-height)");
        if ui.add_enabled(editable, egui::Button::new("Add a point")).on_hover_text("By its coordinates").clicked() {
            app.control.form = Some(Form::new(app.session.as_ref()));
        }
        if action_button(app, ui, Action::ExportControl, "Export...") {
            chosen = Some(Some(Action::ExportControl));
        }
        if action_button(app, ui, Action::Adjust, "Adjust") {
            chosen = Some(Some(Action::Adjust));
        }
        if app.control.importing.is_some() {
            ui.spinner();
        }
    });
    let ctx = ui.ctx().clone();
    match chosen {
        Some(Some(action)) => app.act(action, &ctx),
        Some(None) => {
            let path = PathBuf::from(app.control.list.trim());
            ControlView::import(app, path, &ctx);
        }
        None => {}
    }
}

/// Root mean squares, whether the poses know of the marks, and the command.
fn summary(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    for role in [ControlRole::Control, ControlRole::Check] {
        let Some(rms) = session.control.report.as_ref().and_then(|r| r.rms(role)) else { continue };
        let [e, n] = rms.horizontal_m;
        let up = rms.up_m.map_or_else(String::new, |u| format!(", {u:.3} m up"));
        let text = format!(
            "RMS of {} {} points: {e:.3} m east, {n:.3} m north{up}, marks {:.2} px",
            rms.points,
            role.word(),
            rms.mark_px
        );
        ui.add(egui::Label::new(text).wrap());
    }
    let state = session.board.stages.iter().find(|(n, _)| n.word() == "sparse").map(|(_, s)| s.word());
    if state == Some("stale") && session.sparse.is_some() {
        let text = "Residuals are those of the present poses, which do not know of the last changes: Adjust.";
        ui.add(egui::Label::new(RichText::new(text).color(ui.visuals().warn_fg_color)).wrap());
    }
    for note in &app.control.notes {
        ui.weak(note);
    }
    let command = app
        .control
        .imported
        .clone()
        .unwrap_or_else(|| format!("veduta run -o {} --until sparse", quoted(&session.root)));
    ui.horizontal(|ui| {
        let label = if app.control.copied { "Copied" } else { "Copy the command" };
        if ui.small_button(label).on_hover_text("Imports the list where there is one, and adjusts").clicked() {
            ui.ctx().copy_text(command.clone());
            app.control.copied = true;
        }
        ui.add(egui::Label::new(RichText::new(&command).monospace().size(11.0).weak()).truncate())
            .on_hover_text(&command);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[test]
    fn the_command_is_one_that_the_program_understands() {
        let args = ControlArgs {
            control: Some("/x/list.txt".into()),
            control_crs: Some("EPSG:2180".into()),
            control_ignore_height: true,
            ..ControlArgs::default()
        };
        let command = import_command(Path::new("/x/a.veduta"), &args);
        let parsed = cli::Cli::try_parse_from(command.split_whitespace()).expect("understood");
        let cli::Command::Run(run) = parsed.command else { panic!("{command}") };
        assert_eq!(run.control.control.as_deref(), Some(Path::new("/x/list.txt")));
        assert_eq!(run.control.control_crs.as_deref(), Some("EPSG:2180"));
        assert!(run.control.control_ignore_height);
    }

    #[test]
    fn steps_stay_within_the_list() {
        assert_eq!((step(None, 3, true), step(Some(2), 3, true), step(Some(0), 3, false)), (Some(0), Some(2), Some(0)));
        assert_eq!(step(None, 0, true), None);
    }
}
