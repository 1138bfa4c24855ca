//! The print layout: which piece of the city, how large, for which printer; the part on its bed; what the judge says of it;
//! the files.
//!
//! `layout.rs` arranges the rest: `above.rs` is the city with the area, `bed.rs` the made part, `tray.rs` all copies in the printer, `controls.rs` the order's
//! numbers, `results.rs` making, validating and exporting; `ready.rs`, `job.rs`, `look.rs` and `heat.rs` work in threads. What is decided is an
//! [`Order`] in the project, changed through the window's edits; a change that is still being dragged or typed is a draft.

mod above;
mod assembly;
mod bed;
mod cap;
mod colour;
mod controls;
mod estimate;
mod figures;
mod fine;
mod finish;
mod heat;
mod job;
mod layout;
mod legend;
mod locked;
mod look;
mod mend;
mod meters;
mod preview;
mod ready;
mod results;
mod section;
mod shape;
mod templates;
mod tray;
mod volume;
mod wipe;

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::session::Session;
use crate::order::{ColourOrder, Judged, Made, Order, command, make, printers, write};
use crate::print::Area;
use crate::print::printer::Printer;
use eframe::egui;
use figures::Figures;
use job::{Failure, Job};
pub(super) use layout::show;
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
    /// The order's numbers, where there is no room for them beside the views.
    Order,
}

impl Views {
    fn with_part(self) -> Self {
        if matches!(self, Self::Above | Self::Order) { Self::Part } else { self }
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
    preview: preview::Preview,
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
    /// Number of the last making, and of the last colouring.
    generation: u64,
    coloured: u64,
    /// The made part in the draft's colours that comes, and the colours that were tried last.
    colouring: Option<Job<Made>>,
    tried: Option<ColourOrder>,
    /// Path of a colour profile, as typed.
    icc: String,
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
        self.recolour(ctx);
        if self.printer_of.as_ref() != Some(&self.draft.printer) {
            let name = self.draft.printer.clone();
            // A rule pack is a small file that is read once.
            self.printer = Some(printers::find(&name).map_err(|e| (e.to_string(), e.hint())));
            self.printer_of = Some(name);
            self.figures_of = None;
        }
        if let Some(ready) = self.loads.there.clone() {
            let (printer, area) = (self.printer().cloned(), self.area(&ready));
            self.preview.follow((&self.draft, area.as_ref()), printer.as_ref(), &ready, ctx);
            self.estimate(&ready);
        }
    }

    fn follow_work(&mut self) {
        let failed = match self.work.take() {
            Some(Work::Make(job)) => match job.ended() {
                Some(Ok(made)) => {
                    self.made = Some(Arc::new(made));
                    self.generation += 1;
                    (self.figures_of, self.tried) = (None, None);
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

    /// Gives the made part the draft's colours, where nothing else of it would be another one.
    fn recolour(&mut self, ctx: &egui::Context) {
        if let Some(outcome) = self.colouring.as_ref().and_then(Job::ended) {
            self.colouring = None;
            match outcome {
                Ok(made) => {
                    self.made = Some(Arc::new(made));
                    self.coloured += 1;
                    (self.figures_of, self.tried, self.failure) = (None, None, None);
                    self.results.forget();
                }
                Err(why) => self.failure = Some(why).filter(|f| !f.cancelled),
            }
        }
        let Some(made) = self.made.as_ref().filter(|m| m.order.shapes_the_same(&self.draft)) else { return };
        let colour = &self.draft.colour;
        let is_same = made.order.colour == *colour || self.tried.as_ref() == Some(colour);
        if is_same || self.work.is_some() || self.colouring.is_some() || colour.check().is_some() {
            return;
        }
        self.tried = Some(colour.clone());
        let (made, colour) = (made.clone(), colour.clone());
        self.colouring = Some(Job::start("colouring", ctx, move |run| made.recoloured(run, &colour)));
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
        self.figures = match self.made.as_ref().filter(|m| m.order.shapes_the_same(&self.draft)) {
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
                let share = |n: usize| n as f64 / (made.parts.len() * formats.len()) as f64;
                let mut judged = Vec::new();
                for part in 0..made.parts.len() {
                    for &format in &formats {
                        let own = run.portion(share(judged.len()), share(judged.len() + 1));
                        own.tick(0, 1)?;
                        judged.push(Judged::of(&own, &made, (part, format), &known)?.0);
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

/// Keeps the draft as a step of the edits, once nothing of it is being dragged or typed.
fn commit(app: &mut VedutaApp, ctx: &egui::Context) {
    let view = &mut app.print;
    let focus = ctx.memory(egui::Memory::focused).filter(|_| ctx.egui_wants_keyboard_input());
    let mut typed = None;
    if view.last != view.draft {
        // What was typed, and the click that ended the typing, are two steps.
        typed = Some(view.last.clone()).filter(|_| view.typing.is_some() && focus != view.typing);
        view.last.clone_from(&view.draft);
        view.typing = focus;
    }
    let busy = ctx.input(|i| i.pointer.any_down()) || (focus.is_some() && focus == view.typing);
    let Some(session) = app.session.as_mut() else { return };
    if busy || !session.is_editable() || view.saved.as_ref().unwrap_or(&Order::default()) == &view.draft {
        return;
    }
    let typed = typed.filter(|t| t != view.saved.as_ref().unwrap_or(&Order::default()));
    let kept = typed.map_or(Ok(()), |t| session.set_order(&t)).and_then(|()| session.set_order(&view.draft));
    app.print.saved.clone_from(&session.order);
    if let Err(e) = kept {
        app.fail(&e);
    }
}
