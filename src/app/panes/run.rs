//! The stages as rows, the options of the next run, and the command that repeats it.

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::session::Session;
use super::super::shell::{about, action_button, word};
use super::super::theme;
use super::super::work::StageState;
use super::preview;
use crate::cli::format_seconds;
use crate::gpu::DeviceChoice;
use crate::pipeline::{Forecast, PrintSize, Quality, RunRequest, StageName, forecast};
use crate::project::{Project, free_space};
use eframe::egui::{self, RichText};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What the pane remembers.
#[derive(Default)]
pub struct RunView {
    /// The command was copied in this session of the pane.
    copied: bool,
    outlook: Outlook,
    /// The latest unfinished picture on the device, by its number.
    pub(super) picture: Option<(u64, egui::TextureHandle)>,
}

/// What the next run would take, worked out in the background.
#[derive(Default)]
struct Outlook {
    /// For which state of the project it was asked.
    asked: Option<(PathBuf, u64, RunRequest)>,
    found: Arc<Mutex<Option<(Forecast, Option<u64>)>>>,
}

impl Outlook {
    /// The forecast and the free bytes on the project's disk; asked for anew when the project or the request changed.
    fn of(&mut self, session: &Session, ctx: &egui::Context) -> Option<(Forecast, Option<u64>)> {
        let key = (session.root.clone(), session.generation, session.request.clone());
        if session.work.is_none() && self.asked.as_ref() != Some(&key) {
            let (root, request) = (session.root.clone(), session.request.clone());
            self.asked = Some(key);
            let (found, ctx) = (self.found.clone(), ctx.clone());
            std::thread::spawn(move || {
                let forecast = Project::open_to_read(&root).ok().map(|mut p| forecast(&mut p, &request));
                let news = forecast.map(|f| (f, free_space(&root)));
                *found.lock().unwrap_or_else(PoisonError::into_inner) = news;
                ctx.request_repaint();
            });
        }
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    egui::ScrollArea::vertical().id_salt("run").auto_shrink(false).show(ui, |ui| {
        buttons(app, ui);
        ui.add_space(4.0);
        ui.scope(|ui| stages(app, ui));
        outlook(app, ui);
        preview::show(app, ui);
        ui.add_space(6.0);
        options(app, ui);
        ui.add_space(6.0);
        command_line(app, ui);
    });
}

fn buttons(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let paused = app.session.as_ref().and_then(|s| s.work.as_ref()).is_some_and(|w| w.is_paused());
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        let pause = if paused { "Go on" } else { "Pause" };
        for (action, label) in [(Action::Run, "Start"), (Action::Pause, pause), (Action::Cancel, "Cancel")] {
            if action_button(app, ui, action, label) {
                chosen = Some(action);
            }
        }
    });
    if let Some(action) = chosen {
        let ctx = ui.ctx().clone();
        app.act(action, &ctx);
    }
}

fn stages(app: &VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = &app.session else { return };
    ui.spacing_mut().interact_size.y = 18.0;
    egui::Grid::new("stages").num_columns(2).min_col_width(64.0).spacing([8.0, 3.0]).show(ui, |ui| {
        for (name, state) in &session.board.stages {
            ui.label(RichText::new(name.word()).strong()).on_hover_text(about(name));
            let colour = theme::of_state(ui, state);
            match state {
                StageState::Running { share, left_s } => {
                    let left = left_s.map_or_else(String::new, |s| format!(", {} left", format_seconds(s)));
                    let text = format!("{:.0} %{left}", share * 100.0);
                    ui.add(egui::ProgressBar::new(*share).text(text).desired_width(ui.available_width().max(120.0)));
                }
                StageState::Failed { error, hint } => {
                    ui.vertical(|ui| {
                        ui.add(egui::Label::new(RichText::new(format!("failed: {error}")).color(colour)).wrap());
                        if !hint.is_empty() {
                            ui.add(egui::Label::new(RichText::new(format!("Next: {hint}")).weak()).wrap());
                        }
                    });
                }
                _ => {
                    ui.label(RichText::new(state.word()).color(colour));
                }
            }
            ui.end_row();
        }
    });
}

/// What the rest of the run, or the next one, will take.
fn outlook(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = &app.session else { return };
    let Some((forecast, free)) = app.run.outlook.of(session, ui.ctx()) else { return };
    let gib = |bytes: u64| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30));
    if session.work.is_some() {
        let left = left_of_run(&session.board.stages, &forecast);
        if left > 0.0 {
            ui.weak(format!("About {} left in all", format_seconds(left)));
        }
        return;
    }
    if forecast.seconds() <= 0.0 {
        return;
    }
    let room = free.map_or_else(String::new, |f| format!(" of {} free", gib(f)));
    let (memory, disk) = (forecast.memory(), forecast.disk());
    let text = format!(
        "About {} to go; memory up to {}, disk {}{room}",
        format_seconds(forecast.seconds()),
        gib(memory),
        gib(disk)
    );
    let tip = "An estimate for the processor, corrected by what this project's stages took; a GPU is faster";
    ui.add(egui::Label::new(RichText::new(text).weak()).wrap()).on_hover_text(tip);
    let warn = ui.visuals().warn_fg_color;
    if free.is_some_and(|f| disk > f) {
        ui.colored_label(warn, "The disk has too little room for this run. Free some, or move the project.");
    }
    if memory > crate::cli::default_memory() {
        ui.colored_label(warn, "Memory may not suffice. Choose a lower quality or fewer photos.");
    }
}

/// Seconds until the run's end: what the stage at work says, and the forecast of those after it.
fn left_of_run(stages: &[(StageName, StageState)], forecast: &Forecast) -> f64 {
    let of = |name: StageName| forecast.stages.iter().find(|s| s.stage == name).map_or(0.0, |s| s.seconds);
    let Some(now) = stages.iter().position(|(_, s)| matches!(s, StageState::Running { .. })) else { return 0.0 };
    let running = match &stages[now].1 {
        StageState::Running { left_s: Some(left), .. } => *left,
        StageState::Running { share, .. } => of(stages[now].0) * f64::from(1.0 - share),
        _ => 0.0,
    };
    running + stages[now + 1..].iter().filter(|(_, s)| *s != StageState::Done).map(|(n, _)| of(*n)).sum::<f64>()
}

fn options(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_mut() else { return };
    let before = session.request.clone();
    ui.add_enabled_ui(session.project.is_some(), |ui| {
        egui::Grid::new("options").num_columns(2).show(ui, |ui| {
            let request = &mut session.request;
            let label = ui.label("Until").on_hover_text("Last stage to run");
            egui::ComboBox::from_id_salt("until")
                .selected_text(request.until.word())
                .show_ui(ui, |ui| {
                    for stage in StageName::ALL {
                        ui.selectable_value(&mut request.until, stage, stage.word()).on_hover_text(about(&stage));
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            let label = ui.label("Quality").on_hover_text("How much work to put in");
            egui::ComboBox::from_id_salt("quality")
                .selected_text(word(&request.quality))
                .show_ui(ui, |ui| {
                    for quality in [Quality::Draft, Quality::Normal, Quality::High] {
                        ui.selectable_value(&mut request.quality, quality, word(&quality));
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            ui.label("Part").on_hover_text("How large the printed part is to be");
            size(request, ui);
            ui.end_row();
            ui.label("Device").on_hover_text("Where to compute; auto takes a GPU if there is one");
            ui.horizontal(|ui| {
                let choices = [(DeviceChoice::Auto, "auto"), (DeviceChoice::Gpu, "gpu"), (DeviceChoice::Cpu, "cpu")];
                for (choice, label) in choices {
                    ui.selectable_value(&mut app.device, choice, label);
                }
            });
            ui.end_row();
        });
    });
    if session.request != before && session.work.is_none() {
        let outcome = session.reload();
        app.run.copied = false;
        if let Err(e) = outcome {
            app.fail(&e);
        }
    }
}

fn size(request: &mut RunRequest, ui: &mut egui::Ui) {
    ui.horizontal(|ui| {
        let by_scale = matches!(request.size, PrintSize::Scale(_));
        if ui.selectable_label(!by_scale, "longest side").clicked() && by_scale {
            request.size = PrintSize::LongestMm(150.0);
        }
        if ui.selectable_label(by_scale, "scale").clicked() && !by_scale {
            request.size = PrintSize::Scale(1000.0);
        }
        match &mut request.size {
            PrintSize::LongestMm(mm) => {
                ui.add(egui::DragValue::new(mm).range(10.0..=2000.0).suffix(" mm").speed(1.0));
            }
            PrintSize::Scale(n) => {
                ui.add(egui::DragValue::new(n).range(10.0..=1e6).prefix("1:").speed(5.0));
            }
        }
    });
}

fn command_line(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = &app.session else { return };
    let command = command_of(&session.root, &session.request, app.device);
    ui.label(RichText::new("The same from the command line").weak());
    ui.add(egui::Label::new(RichText::new(&command).monospace().size(12.0)).wrap());
    let label = if app.run.copied { "Copied" } else { "Copy the command" };
    if ui.button(label).clicked() {
        ui.ctx().copy_text(command);
        app.run.copied = true;
    }
}

/// The command that does what the pane's Start does. Options at their defaults are left out.
pub fn command_of(root: &Path, request: &RunRequest, device: DeviceChoice) -> String {
    let root = root.display().to_string();
    let plain = root.chars().all(|c| c.is_alphanumeric() || "/\\._-:".contains(c));
    let mut command = format!("veduta run -o {}", if plain { root } else { format!("\"{root}\"") });
    let default = RunRequest::default();
    if request.until != default.until {
        command += &format!(" --until {}", request.until.word());
    }
    if request.quality != default.quality {
        command += &format!(" --quality {}", word(&request.quality));
    }
    match request.size {
        PrintSize::Scale(n) => command += &format!(" --scale 1:{n}"),
        PrintSize::LongestMm(mm) if request.size != default.size => command += &format!(" --size-mm {mm}"),
        PrintSize::LongestMm(_) => {}
    }
    if request.seed != default.seed {
        command += &format!(" --seed {}", request.seed);
    }
    match device {
        DeviceChoice::Auto => {}
        DeviceChoice::Gpu => command += " --device gpu",
        DeviceChoice::Software => command += " --device software",
        DeviceChoice::Cpu => command += " --device cpu",
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{Freshness, StageForecast};
    use clap::Parser;

    #[test]
    fn time_left_counts_the_stage_at_work_and_those_after_it() {
        let one = |stage, seconds| StageForecast { stage, state: Freshness::Fresh, seconds, memory: 0, disk: 0 };
        let stages = vec![one(StageName::Ingest, 1.0), one(StageName::Features, 10.0), one(StageName::Match, 20.0)];
        let forecast = Forecast { photos: 3, stages };
        let state = |share, left_s| StageState::Running { share, left_s };
        let board = |s| {
            vec![(StageName::Ingest, StageState::Done), (StageName::Features, s), (StageName::Match, StageState::Fresh)]
        };
        assert_eq!(left_of_run(&board(state(0.5, Some(7.0))), &forecast), 27.0);
        assert_eq!(left_of_run(&board(state(0.5, None)), &forecast), 25.0);
        assert_eq!(left_of_run(&board(StageState::Cancelled), &forecast), 0.0);
    }

    #[test]
    fn the_command_is_one_that_the_program_understands() {
        let request = RunRequest {
            until: StageName::City,
            quality: Quality::High,
            size: PrintSize::Scale(1500.0),
            seed: 7,
            title: "a".into(),
        };
        let command = command_of(Path::new("/x/town.veduta"), &request, DeviceChoice::Cpu);
        let parsed = crate::cli::Cli::try_parse_from(command.split_whitespace()).expect("understood");
        let crate::cli::Command::Run(run) = parsed.command else { panic!("{command}") };
        assert_eq!(run.work.until, StageName::City);
        assert_eq!(run.work.scale, Some(1500.0));
        assert_eq!(run.work.seed, 7);
        let plain = command_of(Path::new("/x/town.veduta"), &RunRequest::default(), DeviceChoice::Auto);
        assert_eq!(plain, "veduta run -o /x/town.veduta");
        assert!(command_of(Path::new("/a b"), &request, DeviceChoice::Auto).contains("\"/a b\""));
    }
}
