//! The frame around everything: menus, message strip, status bar, palette, help sheet.

use super::action::{self, ENTRIES, MENUS};
use super::{VedutaApp, missing, panes, start, theme};
use crate::cli::format_seconds;
use crate::project::free_space;
use eframe::egui::{self, Align, Key, Layout, Panel, RichText};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Memory and disk, looked up now and then.
#[derive(Default)]
pub struct Meter {
    looked: Option<Instant>,
    text: String,
    /// Free bytes on the project's disk, looked up in the background because disks may be slow to answer.
    disk: Arc<Mutex<Option<u64>>>,
}

/// Free and all memory in bytes, where the system tells.
fn memory() -> Option<(u64, u64)> {
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_memory();
    Some((system.available_memory(), system.total_memory()))
}

impl Meter {
    /// Free memory and disk as text, at most two seconds old. Looked up only when the window is drawn anyway.
    fn text(&mut self, project: Option<&Path>) -> &str {
        if self.looked.is_none_or(|t| t.elapsed() > Duration::from_secs(2)) {
            let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
            let mut parts = Vec::new();
            if let Some(folder) = project.map(Path::to_path_buf) {
                let disk = self.disk.clone();
                if let Some(free) = *disk.lock().unwrap_or_else(PoisonError::into_inner) {
                    parts.push(format!("disk {:.1} GiB free", gib(free)));
                }
                std::thread::spawn(move || {
                    let free = free_space(&folder);
                    *disk.lock().unwrap_or_else(PoisonError::into_inner) = free;
                });
            }
            if let Some((free, all)) = memory() {
                parts.push(format!("memory {:.1} of {:.1} GiB free", gib(free), gib(all)));
            }
            self.text = parts.join("   ");
            self.looked = Some(Instant::now());
        }
        &self.text
    }
}

/// Draws the window.
pub fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    Panel::top("menu").show(ui, |ui| menu(app, ui));
    Panel::bottom("status").show(ui, |ui| status(app, ui));
    if let Some(message) = app.message.clone() {
        let closed = Panel::top("message").show(ui, |ui| message.show(ui)).inner;
        if closed {
            app.message = None;
        }
    }
    missing::show(app, ui);
    if app.session.is_some() {
        panes::show(app, ui);
    } else {
        start::show(app, ui);
    }
    palette(app, ui.ctx());
    help(app, ui.ctx());
}

fn menu(app: &mut VedutaApp, ui: &mut egui::Ui) {
    egui::MenuBar::new().ui(ui, |ui| {
        let mut chosen = None;
        for menu in MENUS {
            ui.menu_button(menu, |ui| {
                for entry in ENTRIES.iter().filter(|e| e.menu == menu) {
                    let mut button = egui::Button::new(entry.label);
                    if let Some(shortcut) = entry.shortcut {
                        button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
                    }
                    if ui.add_enabled(app.is_possible(entry.action), button).clicked() {
                        chosen = Some(entry.action);
                        ui.close();
                    }
                }
            });
        }
        if let Some(session) = &app.session {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(session.title()).strong()).truncate())
                    .on_hover_text(session.root.display().to_string());
            });
        }
        if let Some(action) = chosen {
            let ctx = ui.ctx().clone();
            app.act(action, &ctx);
        }
    });
}

fn status(app: &mut VedutaApp, ui: &mut egui::Ui) {
    ui.horizontal(|ui| {
        match &app.session {
            Some(session) => {
                let rejected = session
                    .rows
                    .iter()
                    .filter(|r| matches!(r.verdict, Some(crate::project::Verdict::Reject(_))))
                    .count();
                ui.label(format!("{} photos", session.rows.len()));
                if rejected > 0 {
                    ui.label(format!("{rejected} rejected"));
                }
                if let Some(work) = &session.work {
                    let running = session.board.stages.iter().find_map(|(n, s)| match s {
                        super::work::StageState::Running { share, left_s } => Some((*n, *share, *left_s)),
                        _ => None,
                    });
                    if let Some((name, share, left)) = running {
                        ui.add(egui::ProgressBar::new(share).desired_width(140.0).text(name.word()));
                        if work.is_paused() {
                            ui.label("paused");
                        } else if let Some(left) = left {
                            ui.label(format!("{} left", format_seconds(left)));
                        }
                    }
                } else if session.read_only.is_some() {
                    ui.colored_label(ui.visuals().warn_fg_color, "read only");
                }
            }
            None => {
                ui.weak("no project");
            }
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let root = app.session.as_ref().map(|s| s.root.as_path());
            ui.weak(app.memory.text(root)).on_hover_text("Memory of this computer, and room on the project's disk");
            ui.separator();
            let adapter = egui::Label::new(RichText::new(&app.adapter).weak()).truncate();
            ui.add(adapter).on_hover_text("What draws the window; a run's device is chosen in the Run panel");
        });
    });
}

fn palette(app: &mut VedutaApp, ctx: &egui::Context) {
    let Some(mut palette) = app.palette.take() else { return };
    let mut chosen = None;
    let mut open = true;
    let closed = egui::Modal::new(egui::Id::unique("palette")).show(ctx, |ui| {
        ui.set_width(420.0);
        let field = egui::TextEdit::singleline(&mut palette.text).hint_text("What do you want to do?");
        let response = ui.add(field.desired_width(f32::INFINITY));
        response.request_focus();
        let lines = palette.matches();
        let (down, up, enter, escape) = ui.input(|i| {
            let key = |k| i.key_pressed(k);
            (key(Key::ArrowDown), key(Key::ArrowUp), key(Key::Enter), key(Key::Escape))
        });
        let last = lines.len().saturating_sub(1);
        palette.marked = (palette.marked.min(last) + usize::from(down)).min(last).saturating_sub(usize::from(up));
        egui::ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for (i, line) in lines.iter().enumerate() {
                let possible = app.is_possible(line.action);
                let text = format!("{}: {}", line.menu, line.label);
                let button = egui::Button::selectable(i == palette.marked, text).min_size(egui::vec2(400.0, 0.0));
                if ui.add_enabled(possible, button).clicked() || (enter && i == palette.marked && possible) {
                    chosen = Some(line.action);
                }
            }
            if lines.is_empty() {
                ui.weak("Nothing is called so.");
            }
        });
        open = !escape;
    });
    if let Some(action) = chosen {
        app.act(action, ctx);
    } else if open && !closed.should_close() {
        app.palette = Some(palette);
    }
}

fn help(app: &mut VedutaApp, ctx: &egui::Context) {
    let mut open = app.help;
    egui::Window::new("Keyboard shortcuts").open(&mut open).resizable(false).collapsible(false).show(ctx, |ui| {
        egui::Grid::new("shortcuts").num_columns(2).striped(true).show(ui, |ui| {
            for entry in ENTRIES {
                let Some(shortcut) = entry.shortcut else { continue };
                ui.label(entry.label.trim_end_matches("..."));
                ui.monospace(ctx.format_shortcut(&shortcut));
                ui.end_row();
            }
        });
        ui.weak("The command palette finds every command by its name.");
    });
    app.help = open;
}

/// Draws a button for an action, with its key in the tooltip; true when it was pressed.
pub fn action_button(app: &VedutaApp, ui: &mut egui::Ui, action: action::Action, label: &str) -> bool {
    let entry = action::find(action);
    let mut tip = entry.label.trim_end_matches("...").to_string();
    if let Some(shortcut) = entry.shortcut {
        tip = format!("{tip} ({})", ui.ctx().format_shortcut(&shortcut));
    }
    ui.add_enabled(app.is_possible(action), egui::Button::new(label)).on_hover_text(tip).clicked()
}

/// The sentence of an option's value in the command line's help.
pub fn about(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().and_then(|v| v.get_help().map(ToString::to_string)).unwrap_or_default()
}

/// An option's value as the command line writes it.
pub fn word(value: &impl clap::ValueEnum) -> String {
    value.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string())
}

/// Marks a theme's accent; used by panes for what is selected.
pub fn accent(ui: &egui::Ui) -> egui::Color32 {
    theme::accent(ui.visuals().dark_mode)
}
