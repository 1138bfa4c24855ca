//! What is gone from the disk while the window is open: photos, or the project itself. Looked for by a thread when a
//! project opens, when its state changes and when the window comes to the front; never while drawing.

use super::VedutaApp;
use super::dialogs::Dialog;
use super::message::Message;
use super::session::Session;
use crate::project::{find_moved, lost_photos};
use eframe::egui;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// What was found gone.
#[derive(Clone, Debug, Default, PartialEq)]
struct Gone {
    project: bool,
    photos: Vec<PathBuf>,
}

/// The look-out of one window.
#[derive(Default)]
pub struct Missing {
    looked: Option<(PathBuf, u64)>,
    focused: bool,
    coming: Option<Receiver<Gone>>,
    gone: Gone,
    hidden: bool,
    searching: Option<Receiver<Result<Vec<(PathBuf, PathBuf)>, String>>>,
}

impl Missing {
    /// Looks when there is a reason to.
    fn follow(&mut self, session: &Session, ctx: &egui::Context) {
        if let Some(gone) = self.coming.as_ref().and_then(|r| r.try_recv().ok()) {
            self.coming = None;
            self.hidden &= gone == self.gone;
            self.gone = gone;
        }
        let focused = ctx.input(|i| i.focused);
        let came_to_front = focused && !std::mem::replace(&mut self.focused, focused);
        let key = (session.root.clone(), session.generation);
        if self.coming.is_some() || (!came_to_front && self.looked.as_ref() == Some(&key)) {
            return;
        }
        self.looked = Some(key);
        let (send, receive) = channel();
        self.coming = Some(receive);
        let photos: Vec<PathBuf> = session.rows.iter().map(|r| r.path.clone()).collect();
        let (root, ctx) = (session.root.clone(), ctx.clone());
        std::thread::spawn(move || {
            let gone = Gone { project: !root.join("project.json").exists(), photos: lost_photos(&photos) };
            // The window may be gone by now.
            let _ = send.send(gone);
            ctx.request_repaint();
        });
    }

    /// Looks once more: something on the disk was not as expected.
    pub fn look_again(&mut self) {
        self.looked = None;
    }

    /// Searches the lost photos under a folder.
    pub fn search(&mut self, folder: &Path, ctx: &egui::Context) {
        let (send, receive) = channel();
        self.searching = Some(receive);
        let (lost, folder, ctx) = (self.gone.photos.clone(), folder.to_path_buf(), ctx.clone());
        std::thread::spawn(move || {
            let _ = send.send(find_moved(&lost, &folder).map_err(|e| e.to_string()));
            ctx.request_repaint();
        });
    }
}

enum Choice {
    Locate,
    Close,
    Hide,
}

/// Shows what is gone as a strip, and takes in what was found again.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_mut() else {
        app.missing = Missing::default();
        return;
    };
    app.missing.follow(session, ui.ctx());
    if let Some(found) = app.missing.searching.as_ref().and_then(|r| r.try_recv().ok()) {
        app.missing.searching = None;
        app.message = Some(take_in(session, found, app.missing.gone.photos.len()));
    }
    let missing = &app.missing;
    if missing.hidden || missing.gone == Gone::default() {
        return;
    }
    let mut choice = None;
    egui::Panel::top("missing").show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.colored_label(ui.visuals().warn_fg_color, "Missing");
            if missing.gone.project {
                ui.label(format!("The project's folder is gone: {}", session.root.display()));
                ui.weak("Put it back, or close the project and open it at its new place. Nothing can be kept here.");
                if ui.button("Close the project").clicked() {
                    choice = Some(Choice::Close);
                }
                return;
            }
            let name = missing.gone.photos.first().map(|p| p.display().to_string()).unwrap_or_default();
            match missing.gone.photos.len() {
                1 => ui.label(format!("1 photo is no longer there: {name}")),
                n => ui.label(format!("{n} photos are no longer there, the first: {name}")),
            };
            ui.add_enabled_ui(session.is_editable() && missing.searching.is_none(), |ui| {
                let tip =
                    format!("Choose the folder where they are now: veduta relink {} FOLDER", session.root.display());
                if ui.button("Locate...").on_hover_text(tip).clicked() {
                    choice = Some(Choice::Locate);
                }
            });
            if ui.button("Hide").on_hover_text("What was computed stays usable; new runs leave them out").clicked() {
                choice = Some(Choice::Hide);
            }
        });
    });
    match choice {
        Some(Choice::Locate) => app.dialog = Some(Dialog::relink(ui.ctx())),
        Some(Choice::Close) => app.session = None,
        Some(Choice::Hide) => app.missing.hidden = true,
        None => {}
    }
}

fn take_in(session: &mut Session, found: Result<Vec<(PathBuf, PathBuf)>, String>, lost: usize) -> Message {
    let moved = match found {
        Ok(moved) => moved,
        Err(why) => return Message::error(why, "choose another folder"),
    };
    if moved.is_empty() {
        return Message::error("none of the missing photos is in that folder", "choose the folder that holds them now");
    }
    if !session.is_editable() {
        return Message::error("the project cannot be changed now", "wait for the run to end, then locate them again");
    }
    let count = moved.len();
    if let Err(e) = session.relink(moved) {
        return Message::error(e.to_string(), e.hint());
    }
    Message::note(format!("{count} of {lost} missing photos were found again"), "")
}
