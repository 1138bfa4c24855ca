//! The window: the same library, jobs and project as the command line, for a person who wants to see and decide.
//!
//! [`VedutaApp`] holds the open project ([`session::Session`]), what is selected, and the layout of panes; each pane is
//! one file in `panes/`. What a person can do is listed once, in [`action::Action`]; menu, shortcuts and command palette
//! come from that list. Nothing here computes: long work runs in threads ([`work::Work`], [`thumbs::Thumbs`]), and the
//! window draws only when something changed.

mod action;
mod control;
mod device;
mod dialogs;
mod edits;
mod message;
mod missing;
mod panes;
mod possible;
mod recent;
mod sample;
mod session;
mod settings;
mod shell;
mod start;
mod theme;
mod thumbs;
mod window;
mod work;

pub use sample::SampleFlight;
pub use settings::{Settings, Theme};
pub use window::main;

use crate::gpu::DeviceChoice;
use crate::project::ProjectError;
use action::Action;
use dialogs::Dialog;
use eframe::egui;
use message::Message;
use panes::{Layout, PhotoView};
use session::Session;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use thumbs::Thumbs;

/// What the window is given at its start.
pub struct Setup {
    /// What was remembered.
    pub settings: Settings,
    /// A project to open at once.
    pub project: Option<PathBuf>,
    /// The sample flight that the start page offers.
    pub sample: SampleFlight,
    /// Where runs compute.
    pub device: DeviceChoice,
}

/// The window's state.
pub struct VedutaApp {
    settings: Settings,
    sample: SampleFlight,
    device: DeviceChoice,
    session: Option<Session>,
    thumbs: Thumbs,
    layout: Layout,
    photos: PhotoView,
    map: panes::MapView,
    view: panes::View3d,
    run: panes::RunView,
    export: panes::ExportView,
    control: panes::ControlView,
    print: panes::PrintView,
    report: panes::ReportView,
    message: Option<Message>,
    missing: missing::Missing,
    palette: Option<action::Palette>,
    help: bool,
    dialog: Option<Dialog>,
    start: start::StartPage,
    recent: recent::Recent,
    making_sample: Option<sample::Making>,
    memory: shell::Meter,
    /// Name of what draws the window.
    adapter: String,
    render_state: Option<eframe::egui_wgpu::RenderState>,
    /// The open project, for a window that takes this one's place.
    shown: device::OpenProject,
    /// Whether the program is about to end.
    closing: Arc<AtomicBool>,
}

impl VedutaApp {
    /// The window's state at its start.
    pub fn new(cc: &eframe::CreationContext<'_>, setup: Setup) -> Self {
        theme::apply(&cc.egui_ctx, setup.settings.theme);
        let remembered = setup.settings.layout.clone();
        let layout = remembered.and_then(Layout::from_value).unwrap_or_default();
        let mut app = Self {
            settings: setup.settings,
            sample: setup.sample,
            device: setup.device,
            session: None,
            thumbs: Thumbs::new(&cc.egui_ctx),
            layout,
            photos: PhotoView::default(),
            map: panes::MapView::default(),
            view: panes::View3d::default(),
            run: panes::RunView::default(),
            export: panes::ExportView::default(),
            control: panes::ControlView::default(),
            print: panes::PrintView::default(),
            report: panes::ReportView::default(),
            message: None,
            missing: missing::Missing::default(),
            palette: None,
            help: false,
            dialog: None,
            start: start::StartPage::default(),
            recent: recent::Recent::default(),
            making_sample: None,
            memory: shell::Meter::default(),
            adapter: cc.wgpu_render_state.as_ref().map_or_else(|| "no adapter".into(), |s| s.adapter.get_info().name),
            render_state: cc.wgpu_render_state.clone(),
            shown: device::OpenProject::default(),
            closing: Arc::default(),
        };
        if let Some(state) = &app.render_state {
            let (shown, closing) = (app.shown.clone(), app.closing.clone());
            device::watch(&state.device, move |message| device::fall_back(&shown, &closing, &message));
        }
        if let Some(project) = setup.project {
            app.open(&project, None);
        }
        if let Some(reason) = device::reason() {
            app.take_over(&reason);
        }
        app
    }

    /// Opens a project, or makes one with these photos. What fails is shown.
    pub fn open(&mut self, root: &Path, photos: Option<Vec<PathBuf>>) {
        if self.session.as_ref().is_some_and(|s| s.root == root) {
            self.session = None;
        }
        match Session::open(root, photos) {
            Ok(session) => {
                self.settings.remember(root);
                if let Some(reason) = &session.read_only {
                    self.message =
                        Some(Message::note(reason.clone(), "it is shown, and cannot be changed or run here"));
                }
                *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(root.to_path_buf());
                self.session = Some(session);
                self.photos = PhotoView::default();
                self.map = panes::MapView::default();
                self.export = panes::ExportView::default();
                self.control = panes::ControlView::default();
                self.print = panes::PrintView::default();
                self.report = panes::ReportView::default();
                self.view = panes::View3d::default();
            }
            Err(e) => self.fail(&e),
        }
    }

    /// Makes a project of photos beside their folder and reads them in.
    fn create(&mut self, photos: &[PathBuf], root: &Path, ctx: &egui::Context) {
        match crate::project::find_photos(photos) {
            Ok(found) => {
                self.open(root, Some(found));
                self.run_until(crate::pipeline::StageName::Ingest, ctx);
            }
            Err(e) => self.fail(&e),
        }
    }

    /// Adds dropped photos and folders to the open project.
    fn add_photos(&mut self, paths: &[PathBuf]) {
        let Some(session) = self.session.as_mut() else { return };
        if !session.is_editable() {
            let hint = "wait for the run to end, then drop them again";
            self.message = Some(Message::note("photos cannot be added to this project now", hint));
            return;
        }
        match crate::project::find_photos(paths).and_then(|found| session.add_photos(&found)) {
            Ok(new) => self.message = Some(Message::note(format!("{new} photos added"), "undo takes them out again")),
            Err(e) => self.fail(&e),
        }
    }

    fn fail(&mut self, e: &ProjectError) {
        self.missing.look_again();
        self.message = Some(Message::error(e.to_string(), e.hint()));
    }

    /// Starts a run of the open project up to a stage.
    fn run_until(&mut self, until: crate::pipeline::StageName, ctx: &egui::Context) {
        let Some(session) = self.session.as_mut() else { return };
        let Some(project) = session.project.take() else { return };
        let ctx = ctx.clone();
        let request = crate::pipeline::RunRequest { until, ..session.request.clone() };
        let board = work::Board { log: Vec::new(), results: 0, preview: None, ..session.board.clone() };
        let memory = crate::cli::default_memory();
        session.work =
            Some(work::Work::start(project, request, self.device, memory, board, move || ctx.request_repaint()));
    }

    /// Does what a menu entry, a shortcut or the palette asks for.
    fn act(&mut self, action: Action, ctx: &egui::Context) {
        match action {
            Action::NewProject => self.dialog = Some(Dialog::photos(ctx)),
            Action::OpenProject => self.dialog = Some(Dialog::project(ctx)),
            Action::OpenSample => self.making_sample = Some(sample::Making::start(&self.sample, ctx)),
            Action::CloseProject => {
                self.session = None;
                *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.recent.forget();
            }
            Action::Run => {
                let until = self.session.as_ref().map(|s| s.request.until);
                self.run_until(until.unwrap_or(crate::pipeline::StageName::Part), ctx);
            }
            Action::Pause => {
                if let Some(work) = self.session.as_ref().and_then(|s| s.work.as_ref()) {
                    work.set_paused(!work.is_paused());
                }
            }
            Action::Cancel => {
                if let Some(work) = self.session.as_ref().and_then(|s| s.work.as_ref()) {
                    work.cancel();
                }
            }
            Action::Undo => self.edit(Session::undo),
            Action::Redo => self.edit(Session::redo),
            Action::Theme => {
                self.settings.theme = match self.settings.theme {
                    Theme::Dark => Theme::Light,
                    Theme::Light => Theme::Dark,
                };
                theme::apply(ctx, self.settings.theme);
                self.settings.save();
            }
            Action::Palette => self.palette = Some(action::Palette::default()),
            Action::Help => self.help = !self.help,
            Action::ResetLayout => {
                self.print.alone = false;
                self.layout = Layout::default();
            }
            Action::Show(pane) => {
                self.print.alone &= pane == panes::Pane::Print;
                self.layout.reveal(pane);
            }
            Action::PrintAlone => {
                self.print.alone = !self.print.alone;
                self.layout.reveal(panes::Pane::Print);
            }
            Action::MakePart | Action::Validate => panes::PrintView::act(self, action, ctx),
            Action::View(command) => {
                self.layout.reveal(panes::Pane::View);
                self.view.command(command);
            }
            Action::Accept | Action::Doubt | Action::Reject => self.judge(action),
            Action::ImportControl => self.dialog = Some(Dialog::control_list(ctx)),
            Action::ExportControl => self.dialog = Some(Dialog::control_file(ctx)),
            Action::NextPoint | Action::PreviousPoint | Action::Mark | Action::DeleteMark => {
                panes::ControlView::act(self, action);
            }
            Action::Adjust => self.run_until(crate::pipeline::StageName::Sparse, ctx),
            Action::NextPhoto | Action::PreviousPhoto if self.control.is_in_front() => {
                panes::ControlView::act(self, action);
            }
            Action::NextPhoto | Action::PreviousPhoto => {
                if let Some(session) = &self.session {
                    self.photos.step(session, action == Action::NextPhoto);
                }
            }
            Action::SoftwareWindow => self.open_in_software(ctx),
            Action::Quit => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
        }
    }

    /// One word for the state of each stage of the open project, in order.
    pub fn stage_words(&self) -> Vec<String> {
        let stages = self.session.iter().flat_map(|s| &s.board.stages);
        stages.map(|(_, state)| state.word().to_string()).collect()
    }

    fn edit(&mut self, change: fn(&mut Session) -> Result<(), ProjectError>) {
        if let Some(Err(e)) = self.session.as_mut().map(change) {
            self.fail(&e);
        }
    }

    fn judge(&mut self, action: Action) {
        use crate::project::Verdict;
        let verdict = match action {
            Action::Doubt => Some(Verdict::Doubt(self.photos.reason.clone())),
            Action::Reject => Some(Verdict::Reject(self.photos.reason.clone())),
            _ => None,
        };
        let Some(session) = self.session.as_mut() else { return };
        let photos = self.photos.selected_paths(session);
        if let Err(e) = session.judge(&photos, verdict.as_ref()) {
            self.fail(&e);
        }
    }

    /// Keeps size and panels for the next start.
    fn remember_window(&mut self, ctx: &egui::Context) {
        let (rect, maximized) = ctx.input(|i| (i.viewport().inner_rect, i.viewport().maximized.unwrap_or(false)));
        self.settings.maximized = maximized;
        if !maximized {
            self.settings.window = rect.map(|r| [r.width(), r.height()]);
        }
        self.settings.layout = self.layout.to_value();
        self.settings.save();
    }

    /// Takes in what threads and dialogs have for the window.
    fn collect(&mut self, ctx: &egui::Context) {
        self.thumbs.begin_frame(ctx);
        if let Some((headline, hint)) = self.session.as_mut().and_then(Session::poll) {
            self.message = Some(Message::error(headline, hint));
        }
        if let Some(answer) = self.dialog.as_mut().and_then(Dialog::answer) {
            self.dialog = None;
            match answer {
                dialogs::Answer::Photos(paths) => self.start.suggest(paths),
                dialogs::Answer::Project(root) => self.open(&root, None),
                dialogs::Answer::ControlList(path) => panes::ControlView::import(self, path, ctx),
                dialogs::Answer::ControlFile(path) => panes::ControlView::export(self, &path),
                dialogs::Answer::Relink(folder) => self.missing.search(&folder, ctx),
                dialogs::Answer::Nothing => {}
            }
        }
        if let Some(made) = self.making_sample.as_mut().and_then(sample::Making::take) {
            self.making_sample = None;
            match made {
                Ok(images) => {
                    let root = self.sample.folder.join("city.veduta");
                    self.create(&[images], &root, ctx);
                }
                Err((headline, hint)) => self.message = Some(Message::error(headline, hint)),
            }
        }
        panes::ControlView::collect(self);
        let dropped: Vec<PathBuf> = ctx.input(|i| i.raw.dropped_files.iter().map(|f| f.path().to_path_buf()).collect());
        match dropped.first() {
            Some(one) if one.join("project.json").exists() => self.open(&one.clone(), None),
            Some(one) if is_list(one) && self.session.as_ref().is_some_and(Session::is_editable) => {
                self.layout.reveal(panes::Pane::Control);
                panes::ControlView::import(self, one.clone(), ctx);
            }
            Some(_) if self.session.is_some() => self.add_photos(&dropped),
            Some(_) => self.start.suggest(dropped),
            None => {}
        }
    }
}

impl eframe::App for VedutaApp {
    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        self.collect(&ctx);
        for action in action::pressed(&ctx, self.view.takes_keys()) {
            if self.is_possible(action) {
                self.act(action, &ctx);
            }
        }
        self.control.begin_frame();
        shell::show(self, ui);
        if ctx.input(|i| i.viewport().close_requested()) {
            self.remember_window(&ctx);
        }
    }

    fn on_exit(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

/// Whether a dropped file is a list of control points.
fn is_list(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("txt") || e.eq_ignore_ascii_case("csv"))
}
