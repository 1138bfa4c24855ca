//! The print layout: which piece of the city, how large, for which printer; the part on its bed; what the judge says of it;
//! the files.
//!
//! `above.rs` is the city with the area, `bed.rs` the made part, `controls.rs` the order's numbers, `results.rs` making,
//! validating and exporting; `ready.rs`, `job.rs` and `heat.rs` work in threads. What is decided is an
//! [`Order`] in the project, changed through the window's edits; a change that is still being dragged or typed is a draft.

mod above;
mod bed;
mod cap;
mod controls;
mod estimate;
mod figures;
mod finish;
mod heat;
mod job;
mod locked;
mod ready;
mod results;
mod section;
mod shape;
mod templates;
mod volume;
mod wipe;

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::session::Session;
use crate::order::{Judged, Made, Order, command, make, printers, write};
use crate::print::Area;
use crate::print::printer::Printer;
use eframe::egui::{self, Panel};
use figures::Figures;
use job::{Failure, Job};
use locked::Locked;
use ready::{Loads, Ready};
use results::{Asked, Results};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which views are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Views {
    #[default]
    Both,
    Above,
    Part,
}

impl Views {
    fn with_part(self) -> Self {
        if self == Self::Above { Self::Part } else { self }
    }
}

/// Work under way.
enum Work {
    Make(Job<Made>),
    Validate(Job<Vec<Judged>>),
    Export(Job<(PathBuf, usize, Vec<Judged>)>),
}

/// What the pane remembers.
#[derive(Default)]
pub struct PrintView {
    /// Whether it takes the whole window.
    pub alone: bool,
    draft: Order,
    /// What the project held when it was last looked at.
    saved: Option<Order>,
    /// The draft of the last frame, and the field that was being typed into when it changed.
    last: Order,
    typing: Option<egui::Id>,
    loads: Loads,
    above: above::Above,
    bed: bed::Bed,
    views: Views,
    /// The printer's name and what it is.
    printer_of: Option<String>,
    printer: Option<Result<Printer, (String, String)>>,
    /// Path of a rule pack, as typed.
    pack: String,
    /// Name of a template, as typed.
    template: String,
    figures: Option<Figures>,
    /// Share of the area that has a surface.
    covered: Option<f64>,
    /// The order for which the figures were made, whether on the made part, and with how many judgements.
    figures_of: Option<(Order, u64, usize)>,
    made: Option<Arc<Made>>,
    /// Number of the last making.
    generation: u64,
    work: Option<Work>,
    failure: Option<Failure>,
    results: Results,
}

impl PrintView {
    /// Whether a part can be made now.
    pub fn can_make(&self) -> bool {
        self.loads.there.is_some() && self.work.is_none() && self.draft.check().is_empty() && self.printer().is_some()
    }

    /// Whether the made part can be judged now.
    pub fn can_validate(&self) -> bool {
        self.work.is_none() && self.made.as_ref().is_some_and(|m| m.order.makes_the_same(&self.draft))
    }

    /// Does what a menu entry, a shortcut or the palette asks for.
    pub(in crate::app) fn act(app: &mut VedutaApp, action: Action, ctx: &egui::Context) {
        app.layout.reveal(super::Pane::Print);
        let Some(session) = app.session.as_ref() else { return };
        let asked = if action == Action::Validate { Asked::Validate } else { Asked::Make };
        app.print.start(asked, session, ctx);
    }

    fn printer(&self) -> Option<&Printer> {
        self.printer.as_ref().and_then(|p| p.as_ref().ok())
    }

    /// What is printed: the area of the order, or else the well-covered rectangle.
    fn area(&self, ready: &Ready) -> Option<Area> {
        self.draft.area.clone().or_else(|| ready.well.map(Area::Rectangle))
    }

    /// Takes in what threads made, and what undo, redo and other panes did to the order.
    fn follow(&mut self, session: &Session, ctx: &egui::Context) {
        if session.order != self.saved {
            self.saved.clone_from(&session.order);
            self.draft = session.order.clone().unwrap_or_default();
        }
        if self.loads.follow(session, ctx) {
            // Another city: what was made of the one before is no longer what would be made.
            (self.made, self.figures_of) = (None, None);
            self.results.forget();
            self.above.fit();
        }
        if self.results.folder.is_empty() {
            let name = session.root.file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned());
            let beside = session.root.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
            self.results.folder = beside.join(format!("{name}-order")).display().to_string();
        }
        self.follow_work();
        if self.printer_of.as_ref() != Some(&self.draft.printer) {
            let name = self.draft.printer.clone();
            // A rule pack is a small file that is read once.
            self.printer = Some(printers::find(&name).map_err(|e| (e.to_string(), e.hint())));
            self.printer_of = Some(name);
            self.figures_of = None;
        }
        if let Some(ready) = self.loads.there.clone() {
            self.estimate(&ready);
        }
    }

    fn follow_work(&mut self) {
        let failed = match self.work.take() {
            Some(Work::Make(job)) => match job.ended() {
                Some(Ok(made)) => {
                    self.made = Some(Arc::new(made));
                    self.generation += 1;
                    self.figures_of = None;
                    self.bed.forget();
                    self.results.forget();
                    None
                }
                Some(Err(why)) => Some(why),
                None => return self.work = Some(Work::Make(job)),
            },
            Some(Work::Validate(job)) => match job.ended() {
                Some(Ok(judged)) => {
                    self.results.judged = judged;
                    self.figures_of = None;
                    None
                }
                Some(Err(why)) => Some(why),
                None => return self.work = Some(Work::Validate(job)),
            },
            Some(Work::Export(job)) => match job.ended() {
                Some(Ok((folder, files, judged))) => {
                    self.results.exported = Some((folder, files));
                    self.results.judged = judged;
                    None
                }
                Some(Err(why)) => Some(why),
                None => return self.work = Some(Work::Export(job)),
            },
            None => return,
        };
        self.failure = failed.filter(|f| !f.cancelled);
    }

    /// Figures of the made part where it is what the order says, otherwise an estimate.
    fn estimate(&mut self, ready: &Ready) {
        let state = (self.draft.clone(), self.generation, self.results.judged.len());
        if self.figures_of.as_ref() == Some(&state) {
            return;
        }
        let Some((printer, area)) = self.printer().zip(self.area(ready)) else { return };
        let options = self.draft.part_options(printer, &ready.subject);
        let scale = Locked::of(&self.draft, &area).mm_per_unit();
        let estimate = ready.field.estimate(&area, scale, self.draft.z_scale, self.draft.base_mm);
        self.covered = Some(estimate.map_or(0.0, |e| e.covered));
        self.figures = match self.made.as_ref().filter(|m| m.order.makes_the_same(&self.draft)) {
            Some(made) => Some(Figures::of(made).with_files(&self.results.judged)),
            None => estimate.map(|e| Figures::estimated(&e, &ready.subject, shape::ground(&area), &options)),
        };
        self.figures_of = Some(state);
    }

    /// Starts what a person asked for.
    fn start(&mut self, asked: Asked, session: &Session, ctx: &egui::Context) {
        self.failure = None;
        self.results.exported = None;
        let Some(ready) = self.loads.there.clone() else { return };
        if asked == Asked::Make {
            let order = self.draft.clone();
            self.views = self.views.with_part();
            self.work = Some(Work::Make(Job::start("making", ctx, move |run| make(run, &ready.subject, &order))));
            return;
        }
        let Some(made) = &self.made else { return };
        let made = Made { order: self.draft.clone(), ..(**made).clone() };
        let known = self.results.judged.clone();
        if asked == Asked::Validate {
            self.work = Some(Work::Validate(Job::start("validating", ctx, move |run| {
                let formats = made.order.formats_for(&made.printer)?;
                let total = made.parts.len() * formats.len();
                let mut judged = Vec::new();
                for part in 0..made.parts.len() {
                    for &format in &formats {
                        run.tick(judged.len() as u64, total as u64)?;
                        judged.push(Judged::of(run, &made, (part, format), &known)?.0);
                    }
                }
                Ok(judged)
            })));
            return;
        }
        let folder = PathBuf::from(self.results.folder.trim());
        let line = command(&made.order, &session.root, &folder);
        self.work = Some(Work::Export(Job::start("exporting", ctx, move |run| {
            let written = write(run, &made, &folder, &line, &known)?;
            let files = written.files.iter().map(|(_, paths)| paths.len()).sum();
            Ok((folder, files, written.files.into_iter().map(|(judged, _)| judged).collect()))
        })));
    }
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let view = &mut app.print;
    view.follow(session, ui.ctx());
    header(view, ui);
    if !session.current.contains_key("city") {
        ui.centered_and_justified(|ui| ui.weak("There is no city yet: run the stages up to \"city\"."));
        return;
    }
    let Some(ready) = view.loads.there.clone() else {
        waiting(view, ui);
        return;
    };
    let mut wanted = None;
    let mut asked = None;
    let wide = ui.available_width();
    let (settings, device) = (&mut app.settings, app.render_state.clone());
    Panel::left("print controls").resizable(false).exact_size((wide * 0.46).clamp(120.0, 300.0)).show(ui, |ui| {
        controls::show(view, &ready, settings, ui);
    });
    let most = (ui.available_height() * 0.42).max(60.0);
    Panel::bottom("print results").resizable(false).max_size(most).show(ui, |ui| {
        asked = results::bar(view, ui);
        results::export(view, session, ui);
        let room = ui.available_height().clamp(40.0, most);
        egui::ScrollArea::vertical().id_salt("findings").auto_shrink([false, true]).max_height(room).show(ui, |ui| {
            wanted = view.bed.place(session, ready.subject.metric, ui);
            results::faults(view, ui);
        });
    });
    views(view, &ready, session, device.as_ref(), ui);
    if let Some(asked) = asked {
        view.start(asked, session, ui.ctx());
    }
    if let Some(photo) = wanted
        && let Some(row) = session.rows.iter().position(|r| r.id == Some(photo))
    {
        app.photos.select(row);
    }
    commit(app, ui.ctx());
}

/// Keeps the draft as a step of the edits, once nothing of it is being dragged or typed.
fn commit(app: &mut VedutaApp, ctx: &egui::Context) {
    let view = &mut app.print;
    let focus = ctx.memory(egui::Memory::focused).filter(|_| ctx.egui_wants_keyboard_input());
    if view.last != view.draft {
        view.last.clone_from(&view.draft);
        view.typing = focus;
    }
    let busy = ctx.input(|i| i.pointer.any_down()) || (focus.is_some() && focus == view.typing);
    let Some(session) = app.session.as_mut() else { return };
    if busy || !session.is_editable() || view.saved.as_ref().unwrap_or(&Order::default()) == &view.draft {
        return;
    }
    let kept = session.set_order(&view.draft);
    app.print.saved.clone_from(&session.order);
    if let Err(e) = kept {
        app.fail(&e);
    }
}

fn header(view: &mut PrintView, ui: &mut egui::Ui) {
    ui.horizontal_wrapped(|ui| {
        for (views, name, tip) in [
            (Views::Both, "Area and part", "Both views"),
            (Views::Above, "Area", "The city from above"),
            (Views::Part, "Part", "The part on the printer's bed"),
        ] {
            if ui.selectable_label(view.views == views, name).on_hover_text(tip).clicked() {
                view.views = views;
            }
        }
        if ui.button("Fit").on_hover_text("Show the whole city").clicked() {
            view.above.fit();
        }
        let text = if view.alone { "Back to the panes" } else { "Whole window" };
        if ui.button(text).on_hover_text("More room for the print layout").clicked() {
            view.alone = !view.alone;
        }
    });
}

fn waiting(view: &PrintView, ui: &mut egui::Ui) {
    ui.vertical_centered(|ui| {
        ui.add_space(40.0);
        if let Some(why) = &view.loads.failed {
            ui.colored_label(ui.visuals().error_fg_color, &why.headline);
            ui.weak(&why.hint);
        } else if view.loads.is_busy() {
            ui.spinner();
            ui.weak("Reading the city");
        } else {
            ui.weak("The city is read when the run has ended.");
        }
    });
}

fn views(
    view: &mut PrintView,
    ready: &Arc<Ready>,
    session: &Session,
    device: Option<&eframe::egui_wgpu::RenderState>,
    ui: &mut egui::Ui,
) {
    let both = view.views == Views::Both;
    let room = ui.available_size();
    if both && view.made.is_some() {
        // Side by side where that leaves room for both, otherwise one above the other.
        if room.x > 620.0 {
            Panel::left("print area").resizable(false).exact_size(room.x * 0.5).show(ui, |ui| above(view, ready, ui));
        } else {
            Panel::top("print area").resizable(false).exact_size(room.y * 0.5).show(ui, |ui| above(view, ready, ui));
        }
    }
    match (view.views, view.made.clone(), device) {
        (Views::Above, ..) | (Views::Both, None, _) => above(view, ready, ui),
        (_, None, _) => {
            ui.centered_and_justified(|ui| ui.weak("There is no part yet: make it."));
        }
        (_, Some(_), None) => {
            ui.centered_and_justified(|ui| ui.weak("There is no graphics adapter for the 3D view."));
        }
        (_, Some(made), Some(device)) => {
            view.bed.tools(&made, ui);
            let generation = view.generation;
            view.bed.show(&bed::Scene { made: &made, generation, ready, session, device }, ui);
        }
    }
}

fn above(view: &mut PrintView, ready: &Ready, ui: &mut egui::Ui) {
    let area = view.area(ready);
    let mm_per_unit = area.as_ref().map_or(1.0, |a| Locked::of(&view.draft, a).mm_per_unit());
    let mut linked = above::Linked::default();
    if let Some(made) = view.made.as_ref().filter(|m| m.order.makes_the_same(&view.draft)) {
        let line = view.bed.bounds(made).and_then(|b| view.bed.section.line(b));
        let ground = |p: nalgebra::Vector2<f64>| made.city_from_part(view.bed.part, &p.push(0.0)).xy();
        linked.section = line.map(|ends| ends.map(ground));
        linked.place = view.bed.picked.as_ref().map(|p| p.place.xy());
    }
    let scene = above::Scene { ready, picture: view.loads.picture.as_ref(), linked, mm_per_unit };
    view.above.show(&scene, area.as_ref(), &mut view.draft.area, ui);
}
