//! Below the views: make, validate, export, and what came of it.

use super::job::Job;
use super::{PrintView, Work, controls, mend};
use crate::app::session::Session;
use crate::base::Severity;
use crate::order::{Field, Format, Judged, Order, Waiver, command, plates};
use crate::print::judge::Finding;
use eframe::egui::{self, DragValue, RichText, TextEdit};
use nalgebra::Vector3;
use std::path::{Path, PathBuf};

/// What is remembered of validating and exporting.
#[derive(Default)]
pub(super) struct Results {
    pub(super) judged: Vec<Judged>,
    /// The finding that is being waived, and the reason so far.
    waiving: Option<(String, String)>,
    pub(super) folder: String,
    /// Folder and files of the last export.
    pub(super) exported: Option<(PathBuf, usize)>,
    /// Whether findings that are no faults are listed.
    all: bool,
}

/// One kind of finding of one part, in one or more files.
struct Row<'a> {
    part: usize,
    finding: &'a Finding,
    files: Vec<&'a str>,
}

impl Results {
    /// Forgets what was found and written; the folder stays.
    pub(super) fn forget(&mut self) {
        *self = Self { folder: std::mem::take(&mut self.folder), ..Self::default() };
    }

    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = Vec::new();
        for judged in &self.judged {
            for finding in judged.verdict.findings.iter().filter(|f| self.all || f.severity == Severity::Error) {
                let same = |r: &&mut Row<'_>| r.part == judged.part && r.finding.code == finding.code;
                match rows.iter_mut().find(same) {
                    Some(row) => row.files.push(&judged.verdict.file),
                    None => rows.push(Row { part: judged.part, finding, files: vec![&judged.verdict.file] }),
                }
            }
        }
        rows.sort_by_key(|r| std::cmp::Reverse(r.finding.severity));
        rows
    }
}

/// What keeps an order from being exported, in a sentence.
pub(super) fn blocked(view: &PrintView) -> Option<String> {
    let Some(made) = view.made.as_ref() else { return Some("Make the part first.".into()) };
    if view.colouring.is_some() && made.order.shapes_the_same(&view.draft) {
        return Some("The part gets its new colours.".into());
    }
    if !made.order.makes_the_same(&view.draft) {
        return Some("The order has changed since the part was made: make it again.".into());
    }
    let formats = view.draft.formats_for(&made.printer).unwrap_or_default();
    let is_judged = |part, format| view.results.judged.iter().any(|j| j.part == part && j.format == format);
    if !(0..made.parts.len()).all(|p| formats.iter().all(|f| is_judged(p, *f))) {
        return Some("Validate first: each file is judged by the printer's rules.".into());
    }
    let asked = view.results.judged.iter().filter(|j| formats.contains(&j.format));
    let open: std::collections::BTreeSet<(usize, &str)> = asked
        .flat_map(|j| j.faults().map(move |f| (j.part, f.code.as_str())))
        .filter(|(_, code)| view.draft.waiver(code).is_none())
        .collect();
    match open.len() {
        0 => None,
        1 => Some("One fault is neither mended nor waived.".into()),
        n => Some(format!("{n} faults are neither mended nor waived.")),
    }
}

/// What a person asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Make,
    Validate,
    Export,
}

/// Draws the buttons and the state of the work.
pub(super) fn bar(view: &mut PrintView, ui: &mut egui::Ui) -> Option<Asked> {
    let mut asked = None;
    ui.horizontal_wrapped(|ui| {
        let make = ui.add_enabled(view.can_make(), egui::Button::new("Make"));
        if make.on_hover_text("Cut the part, make it solid and colour it").clicked() {
            asked = Some(Asked::Make);
        }
        let validate = ui.add_enabled(view.can_validate(), egui::Button::new("Validate"));
        if validate.on_hover_text("Write each file in memory, read it back, judge it by the printer's rules").clicked()
        {
            asked = Some(Asked::Validate);
        }
        let why = blocked(view);
        let export = ui.add_enabled(why.is_none() && view.work.is_none(), egui::Button::new("Export"));
        let export = export.on_hover_text("Files, pictures, report and ticket into the folder");
        if export.on_disabled_hover_text(why.clone().unwrap_or_default()).clicked() {
            asked = Some(Asked::Export);
        }
        match &view.work {
            Some(work) => {
                ui.add(egui::ProgressBar::new(work.share()).desired_width(150.0).text(work.what()));
                if ui.button("Cancel").clicked() {
                    work.cancel();
                }
            }
            None => {
                state(view, why, ui);
            }
        }
    });
    if let Some(why) = &view.failure {
        ui.colored_label(ui.visuals().error_fg_color, &why.headline);
        ui.weak(&why.hint);
    }
    asked
}

fn state(view: &PrintView, blocked: Option<String>, ui: &mut egui::Ui) {
    if let Some(why) = blocked {
        ui.weak(why);
    } else if let Some((folder, files)) = &view.results.exported {
        ui.label(format!("{files} files written to {}", folder.display()));
        let report = folder.join("report.html");
        if ui.small_button("Open the report").clicked() {
            // Without a browser nothing opens; the file's place is said above.
            let _ = open::that_detached(report);
        }
    } else {
        let faults = view.results.judged.iter().flat_map(Judged::faults).count();
        ui.label(if faults == 0 { "No fault." } else { "All faults are waived." });
    }
}

/// Lists what the judge found.
pub(super) fn faults(view: &mut PrintView, ui: &mut egui::Ui) {
    if view.results.judged.is_empty() {
        return;
    }
    let several = view.made.as_ref().is_some_and(|m| m.parts.len() > 1);
    let mut all = view.results.all;
    let mut lead = None;
    let mut waive: Option<String> = None;
    let mut back: Option<String> = None;
    let mut mend: Option<Order> = None;
    let mut waiving = view.results.waiving.take();
    let mut done = None;
    let rows = view.results.rows();
    // The same fault of several parts is waived once.
    let first = waiving.as_ref().and_then(|w| rows.iter().find(|r| r.finding.code == w.0)).map(|r| r.part);
    ui.horizontal_wrapped(|ui| {
        let faults = rows.iter().filter(|r| r.finding.severity == Severity::Error).count();
        let text = match faults {
            0 => "No fault".to_string(),
            1 => "One kind of fault".into(),
            n => format!("{n} kinds of fault"),
        };
        ui.label(RichText::new(text).strong());
        ui.checkbox(&mut all, "Warnings and notes");
    });
    for row in &rows {
        let f = row.finding;
        let waiver = view.draft.waiver(&f.code).filter(|_| f.severity == Severity::Error);
        let (word, colour) = match (f.severity, waiver) {
            (Severity::Error, Some(_)) => ("waived", ui.visuals().weak_text_color()),
            (Severity::Error, None) => ("fault", ui.visuals().error_fg_color),
            (Severity::Warning, _) => ("warning", ui.visuals().warn_fg_color),
            (Severity::Info, _) => ("note", ui.visuals().weak_text_color()),
        };
        let whose = if several {
            format!("{}: ", view.made.as_ref().map_or("", |m| &m.parts[row.part].name))
        } else {
            String::new()
        };
        let tip = format!("{} in {}. {}", f.code, row.files.join(", "), f.hint);
        ui.horizontal_wrapped(|ui| {
            ui.colored_label(colour, RichText::new(word).strong());
            ui.label(format!("{whose}{}", f.message)).on_hover_text(&tip);
        });
        ui.horizontal_wrapped(|ui| {
            ui.add_space(12.0);
            match waiver {
                Some(w) => {
                    ui.weak(format!("because: {}", w.reason));
                    if ui.small_button("Take the waiver back").clicked() {
                        back = Some(f.code.clone());
                    }
                }
                None if f.severity == Severity::Error => {
                    if ui.small_button("Waive...").on_hover_text("Say why it does not matter here").clicked() {
                        waive = Some(f.code.clone());
                    }
                    if let Some((word, tip, mended)) = mend::of(&f.code, &view.draft)
                        && ui.small_button(word).on_hover_text(tip).clicked()
                    {
                        mend = Some(mended);
                    }
                }
                None => {}
            }
            for (i, place) in f.places.iter().take(6).enumerate() {
                let value =
                    place.value.map_or_else(|| format!("Place {}", i + 1), |v| format!("Place {}: {v:.2} mm", i + 1));
                let [x, y, z] = place.at;
                let tip = format!("at {x:.1}, {y:.1}, {z:.1} mm; {} near it. Click to go there", place.count);
                if ui.small_button(value).on_hover_text(tip).clicked() {
                    lead = Some((row.part, Vector3::from(place.at)));
                }
            }
            if f.severity == Severity::Error && waiver.is_none() {
                ui.weak(&f.hint);
            }
        });
        // The reason is asked for at the fault itself.
        if let Some((_, reason)) = waiving.as_mut().filter(|w| w.0 == f.code && Some(row.part) == first) {
            done = ask(&f.code, reason, ui).or(done);
        }
    }
    view.results.all = all;
    if let Some((part, at)) = lead {
        view.views = view.views.with_part();
        view.bed.lead_to(part, at);
    }
    match (done, waiving.as_ref()) {
        (Some(true), Some((code, reason))) => {
            view.draft.waived.retain(|w| w.code != *code);
            view.draft.waived.push(Waiver { code: code.clone(), reason: reason.trim().into() });
        }
        (None, _) => view.results.waiving = waiving,
        _ => {}
    }
    if let Some(code) = waive {
        view.results.waiving = Some((code, String::new()));
    }
    if let Some(code) = back {
        view.draft.waived.retain(|w| w.code != code);
    }
    if let Some(order) = mend {
        view.draft = order;
    }
}

/// Asks for the reason of a waiver; true when it was given, false when it was given up.
fn ask(code: &str, reason: &mut String, ui: &mut egui::Ui) -> Option<bool> {
    let mut done = None;
    let row = ui.horizontal(|ui| {
        ui.add_space(12.0);
        let label = ui.label(format!("Why {code} does not matter"));
        let room = (ui.available_width() - 170.0).clamp(80.0, 420.0);
        let field = ui.add(TextEdit::singleline(reason).desired_width(room)).labelled_by(label.id);
        let fresh = ui.ctx().data_mut(|d| std::mem::replace(d.get_temp_mut_or_default(field.id), code.to_string()));
        if fresh != code {
            field.request_focus();
            field.scroll_to_me(Some(egui::Align::Center));
        }
        let given = !reason.trim().is_empty();
        let entered = given && field.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        let waive = ui.add_enabled(given, egui::Button::new("Waive")).on_disabled_hover_text("Give a reason");
        if waive.clicked() || entered {
            done = Some(true);
        }
        if ui.button("Give up").clicked() {
            done = Some(false);
        }
        if done.is_some() {
            ui.ctx().data_mut(|d| d.remove_temp::<String>(field.id));
        }
    });
    row.response.on_hover_text("The reason stands in the ticket");
    done
}

/// Formats, title, copies, the folder and the command line.
pub(super) fn export(view: &mut PrintView, session: &Session, ui: &mut egui::Ui) {
    files(view, ui);
    ui.horizontal(|ui| {
        let label = ui.label("Order folder").on_hover_text("Gets files, pictures, report.html and ticket.json");
        let wide = (ui.available_width() * 0.42).max(60.0);
        let field = TextEdit::singleline(&mut view.results.folder).desired_width(wide);
        if ui.add(field).labelled_by(label.id).changed() {
            view.results.exported = None;
        }
        let line = command(&view.draft, &session.root, Path::new(view.results.folder.trim()));
        if ui.small_button("Copy the command").on_hover_text("Makes the same without the window").clicked() {
            ui.ctx().copy_text(line.clone());
        }
        let text = RichText::new(&line).monospace().size(11.0);
        ui.add(egui::Label::new(text).truncate()).on_hover_text(&line);
    });
}

fn files(view: &mut PrintView, ui: &mut egui::Ui) {
    let accepted: Option<Vec<String>> = view.printer().and_then(|p| p.formats.as_ref()).map(|f| f.value.clone());
    let plates = view.printer().map(|p| plates::check(&view.draft, p).map_err(|e| e.to_string()));
    let order = &mut view.draft;
    ui.horizontal_wrapped(|ui| {
        ui.label("Files").on_hover_text("None chosen: the first format that the printer takes");
        for format in Format::ALL {
            let mut on = order.formats.contains(&format);
            let taken = accepted.as_ref().is_none_or(|a| a.iter().any(|f| f == format.ending()));
            let name = format.ending().to_uppercase();
            let text = if taken { RichText::new(&name) } else { RichText::new(&name).weak() };
            let tip = if taken { "The printer takes it" } else { "The printer does not take it with colours" };
            if ui.checkbox(&mut on, text).on_hover_text(tip).changed() {
                order.formats.retain(|f| *f != format);
                if on {
                    order.formats.push(format);
                }
            }
        }
        let label = ui.label("Copies");
        let drag = DragValue::new(&mut order.copies).range(1..=10_000).update_while_editing(false);
        ui.add(drag).labelled_by(label.id);
        let can = plates.as_ref().map_or(Ok(()), |p| p.clone());
        let tick = ui.add_enabled(can.is_ok() || order.plates, egui::Checkbox::new(&mut order.plates, "Plates"));
        let tick = tick.on_hover_text("Each tray, with all copies in their places, as one 3MF file too");
        tick.on_disabled_hover_text(can.err().unwrap_or_default());
        let label = ui.label("Title");
        let mut title = order.title.clone().unwrap_or_default();
        let field = TextEdit::singleline(&mut title).hint_text("name of the project").desired_width(150.0);
        if ui.add(field).labelled_by(label.id).changed() {
            order.title = Some(title).filter(|t| !t.is_empty());
        }
    });
    controls::wrong(order, Field::Plates, ui);
}

impl Work {
    fn what(&self) -> &'static str {
        match self {
            Self::Make(job) => job.what,
            Self::Validate(job) => job.what,
            Self::Export(job) => job.what,
        }
    }

    fn share(&self) -> f32 {
        match self {
            Self::Make(job) => job.share(),
            Self::Validate(job) => job.share(),
            Self::Export(job) => job.share(),
        }
    }

    fn cancel(&self) {
        match self {
            Self::Make(job) => Job::cancel(job),
            Self::Validate(job) => Job::cancel(job),
            Self::Export(job) => Job::cancel(job),
        }
    }
}
