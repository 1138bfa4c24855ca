//! Pictures of the view and turntables as files, drawn in a thread with a view of its own.

use super::measures::Measures;
use crate::base::CancelToken;
use crate::cli::{Round, Studio, What, camera_argument, scene_arguments, write_round};
use crate::render::{Options, Polyline, Shot, Turntable, ViewCamera, Viewport};
use eframe::egui::{self, DragValue, RichText, TextEdit};
use eframe::egui_wgpu::RenderState;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};

/// A file or a folder being written.
struct Job {
    token: CancelToken,
    done: Arc<AtomicU32>,
    total: u32,
    outcome: Receiver<Result<String, String>>,
}

/// The forms, and what is being written.
pub(super) struct Pictures {
    /// Which form is open: of one picture, or of a turntable.
    form: Option<bool>,
    path: [String; 2],
    larger: u32,
    transparent: bool,
    frames: u32,
    seconds: f64,
    elevation: f64,
    size: [u32; 2],
    job: Option<Job>,
    last: Option<Result<String, String>>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            form: None,
            path: Default::default(),
            larger: 1,
            transparent: false,
            frames: 120,
            seconds: 8.0,
            elevation: 35.0,
            size: [1280, 800],
            job: None,
            last: None,
        }
    }
}

/// What a thread draws.
enum Order {
    One(Box<Shot>),
    Round(Box<Round>),
}

impl Pictures {
    /// Whether there is something to draw in the panel.
    pub(super) fn is_open(&self) -> bool {
        self.form.is_some() || self.job.is_some()
    }

    /// Opens a form.
    pub(super) fn open(&mut self, turntable: bool, root: &Path) {
        self.form = if self.form == Some(turntable) { None } else { Some(turntable) };
        for (path, name) in self.path.iter_mut().zip(["view.png", "turntable"]) {
            if path.is_empty() {
                *path = root.join(name).display().to_string();
            }
        }
        self.last = None;
    }

    /// The open form, and the progress of what is written.
    pub(super) fn section(
        &mut self,
        ui: &mut egui::Ui,
        root: &Path,
        viewport: &Viewport,
        what: What,
        measures: &Measures,
        device: &RenderState,
    ) {
        if let Some(outcome) = self.job.as_ref().and_then(|j| j.outcome.try_recv().ok()) {
            (self.job, self.last) = (None, Some(outcome));
        }
        let Some(turntable) = self.form else {
            self.progress(ui);
            return;
        };
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(if turntable { "Turntable" } else { "Picture as PNG" }).strong());
            let label = ui.label(if turntable { "Folder" } else { "File" });
            let field = TextEdit::singleline(&mut self.path[usize::from(turntable)]).desired_width(240.0);
            ui.add(field).labelled_by(label.id);
            if turntable {
                self.turntable_fields(ui);
            } else {
                ui.label("Size");
                for times in [1, 2, 4] {
                    ui.selectable_value(&mut self.larger, times, format!("{times}x"))
                        .on_hover_text("Times the size of the view");
                }
            }
            ui.checkbox(&mut self.transparent, "Transparent");
            let free = self.job.is_none();
            if ui.add_enabled(free, egui::Button::new("Write")).clicked() {
                self.start(root, turntable, viewport, what, measures, device, ui.ctx());
            }
            if ui.button("Close").clicked() {
                self.form = None;
            }
        });
        self.progress(ui);
        let line = self.command_line(root, turntable, viewport, what);
        ui.horizontal_wrapped(|ui| {
            if ui.small_button("Copy command").on_hover_text("The command line that does the same").clicked() {
                ui.ctx().copy_text(line.clone());
            }
            ui.add(egui::Label::new(RichText::new(line).monospace().weak().size(11.0)).wrap());
        });
    }

    fn turntable_fields(&mut self, ui: &mut egui::Ui) {
        let mut field = |name: &str, value: DragValue<'_>| {
            let label = ui.label(name);
            ui.add(value).labelled_by(label.id);
        };
        field("Pictures", DragValue::new(&mut self.frames).range(1..=9999));
        field("Seconds", DragValue::new(&mut self.seconds).range(0.5..=600.0).max_decimals(1));
        field("Elevation", DragValue::new(&mut self.elevation).range(-20.0..=90.0).suffix("\u{b0}"));
        field("Width", DragValue::new(&mut self.size[0]).range(16..=8192).suffix(" px"));
        field("Height", DragValue::new(&mut self.size[1]).range(16..=8192).suffix(" px"));
    }

    fn progress(&self, ui: &mut egui::Ui) {
        if let Some(job) = &self.job {
            let done = job.done.load(Ordering::Relaxed);
            ui.horizontal(|ui| {
                let text = if job.total > 1 { format!("{done} of {}", job.total) } else { "drawing".into() };
                let share = done as f32 / job.total.max(1) as f32;
                ui.add(egui::ProgressBar::new(share).desired_width(180.0).text(text));
                if ui.button("Stop").on_hover_text("Keeps what is written").clicked() {
                    job.token.cancel();
                }
            });
        }
        match &self.last {
            Some(Ok(text)) => drop(ui.label(text)),
            Some(Err(text)) => drop(ui.colored_label(ui.visuals().error_fg_color, text)),
            None => {}
        }
    }

    fn options(&self, viewport: &Viewport) -> Options {
        Options { transparent: self.transparent, highlight: None, photos: false, ..viewport.options }
    }

    fn command_line(&self, root: &Path, turntable: bool, viewport: &Viewport, what: What) -> String {
        let (scene, camera) = (scene_arguments(what, &self.options(viewport)), &viewport.camera);
        let (root, path) = (root.display(), &self.path[usize::from(turntable)]);
        if turntable {
            let parallel = if camera.orthographic { " --parallel" } else { "" };
            let Self { frames, seconds, elevation, size: [w, h], .. } = self;
            return format!(
                "veduta turntable \"{root}\" -o \"{path}\" --frames {frames} --seconds {seconds} --elevation {elevation} \
                 --width {w} --height {h} {scene}{parallel}"
            );
        }
        let [w, h] = self.picture_size(viewport);
        format!("veduta render \"{root}\" -o \"{path}\" --width {w} --height {h} {} {scene}", camera_argument(camera))
    }

    fn picture_size(&self, viewport: &Viewport) -> [u32; 2] {
        viewport.size().map(|s| (s * self.larger).clamp(16, 8192))
    }

    #[allow(clippy::too_many_arguments, reason = "what a picture depends on")]
    fn start(
        &mut self,
        root: &Path,
        turntable: bool,
        viewport: &Viewport,
        what: What,
        measures: &Measures,
        device: &RenderState,
        ctx: &egui::Context,
    ) {
        let options = self.options(viewport);
        let order = if turntable {
            let elevation = self.elevation.to_radians();
            let table = Turntable { frames: self.frames, elevation, start: viewport.camera.yaw };
            let fov = ViewCamera::default().fov;
            Order::Round(Box::new(Round {
                table,
                camera: ViewCamera { fov, ..viewport.camera },
                options,
                size: self.size,
            }))
        } else {
            let lines = measures.done.iter().map(|m| Polyline {
                points: m.points.clone(),
                closed: m.kind.is_closed(),
                width_px: 3.0 * self.larger as f32,
                colour: [240, 178, 66],
                on_top: true,
            });
            let camera = viewport.camera;
            let size = self.picture_size(viewport);
            Order::One(Box::new(Shot { camera, options, polylines: lines.collect(), size }))
        };
        let (token, done) = (CancelToken::default(), Arc::new(AtomicU32::new(0)));
        let (send, outcome) = channel();
        let total = if turntable { self.frames } else { 1 };
        self.job = Some(Job { token: token.clone(), done: done.clone(), total, outcome });
        let path = PathBuf::from(&self.path[usize::from(turntable)]);
        let (root, device, ctx) = (root.to_path_buf(), (device.device.clone(), device.queue.clone()), ctx.clone());
        std::thread::spawn(move || {
            let write = || {
                let mut studio = Studio::open(&root, what, Some(device)).map_err(|e| e.text())?;
                match order {
                    Order::One(shot) => {
                        studio.write(&shot, &path).map_err(|e| e.text())?;
                        Ok(format!("wrote {}", path.display()))
                    }
                    Order::Round(round) => {
                        let tick = |n| {
                            done.store(n, Ordering::Relaxed);
                            ctx.request_repaint();
                        };
                        let n = write_round(&mut studio, &round, &path, &token, tick).map_err(|e| e.text())?;
                        Ok(format!("wrote {n} of {total} pictures to {}", path.display()))
                    }
                }
            };
            // The pane may be gone by now.
            let _ = send.send(write());
            ctx.request_repaint();
        });
    }
}

impl Drop for Job {
    /// A window that closes stops what it writes.
    fn drop(&mut self) {
        self.token.cancel();
    }
}
