//! `veduta run`: creates or resumes a project and brings its stages up to date.

use super::args::{ControlArgs, Device, RunArgs, WorkArgs};
use super::progress::{ProgressView, format_seconds};
use super::{CliError, control, say};
use crate::base::{Ctx, Event};
use crate::gpu::{DeviceChoice, Gpu};
use crate::pipeline::{self, Freshness, PrintSize, RunRequest, RunSummary};
use crate::project::{Project, find_photos, free_space};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the command.
pub fn run(args: &RunArgs) -> Result<(), CliError> {
    let photos = if args.photos.is_empty() { Vec::new() } else { find_photos(&args.photos)? };
    let summary = run_project(&args.out, photos, &args.control, &args.work)?;
    if args.work.events.is_none()
        && let Some(summary) = summary
    {
        print_summary(&args.out, &summary);
    }
    Ok(())
}

/// Brings the project at `out` up to date; `None` after a dry run. `photos` may be empty to resume.
pub(super) fn run_project(
    out: &Path,
    photos: Vec<PathBuf>,
    control: &ControlArgs,
    work: &WorkArgs,
) -> Result<Option<RunSummary>, CliError> {
    if photos.is_empty() && !out.join("project.json").exists() {
        return Err(CliError::new(
            format!("no photos were given and {} is not a project yet", out.display()),
            "name a folder of photos: `veduta run PHOTOS -o NAME.veduta`",
        ));
    }
    if let Some(threads) = work.threads {
        rayon::ThreadPoolBuilder::new()
            .num_threads(usize::from(threads))
            .build_global()
            .map_err(|e| CliError::new(format!("cannot start {threads} threads: {e}"), "choose a smaller --threads"))?;
    }
    let mut project = Project::open_or_create(out)?;
    if !photos.is_empty() {
        project.update(|m| m.photos = photos)?;
    }
    if control.control.is_some() || !control.check.is_empty() {
        let imported = control::import(&project.manifest().photos, &project.manifest().control, control)?;
        if work.events.is_none() {
            imported.notes.iter().for_each(say);
        }
        project.update(|m| m.control = imported.points)?;
    }
    let request = request_of(out, work);
    let value = serde_json::to_value(&request).unwrap_or_default();
    project.update(|m| m.request = value)?;
    let (choice, gpu) = choose_device(work.device)?;
    let mut ctx = context(work.events.is_some());
    ctx.max_memory = work.max_memory.unwrap_or_else(default_memory);
    ctx.seed = work.seed;
    if work.dry_run {
        say(format!("device: {choice}"));
        print_forecast(&mut project, &ctx, &request);
        return Ok(None);
    }
    Ok(Some(pipeline::run(&mut project, &ctx, gpu.as_ref(), &request)?))
}

/// Says what a run would need; `--dry-run`.
fn print_forecast(project: &mut Project, ctx: &Ctx, request: &RunRequest) {
    let forecast = pipeline::forecast(project, request);
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    say(format!("photos: {}", forecast.photos));
    say("stage       state         time      memory        disk");
    for stage in &forecast.stages {
        let (state, time) = match stage.state {
            Freshness::UpToDate => ("up to date", "-".to_string()),
            Freshness::Stale => ("to redo", format!("~ {}", format_seconds(stage.seconds))),
            Freshness::Fresh => ("to do", format!("~ {}", format_seconds(stage.seconds))),
        };
        let (name, memory, disk) = (stage.stage.word(), mib(stage.memory), mib(stage.disk));
        say(format!("{name:<10}  {state:<10}  {time:>8}  {memory:>10}  {disk:>10}"));
    }
    let free = free_space(project.root()).map_or_else(String::new, |free| format!(" of {} free", mib(free)));
    say(format!(
        "about {} on this machine's processor, memory {} of {} planned with, disk {}{free}",
        format_seconds(forecast.seconds()),
        mib(forecast.memory()),
        mib(ctx.max_memory),
        mib(forecast.disk())
    ));
}

fn request_of(out: &Path, work: &WorkArgs) -> RunRequest {
    let size = match (work.scale, work.size_mm) {
        (Some(n), _) => PrintSize::Scale(n),
        (None, mm) => PrintSize::LongestMm(mm.unwrap_or(150.0)),
    };
    let title = out.file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned());
    RunRequest { until: work.until, quality: work.quality, size, seed: work.seed, title }
}

/// A context whose events are shown as bars or as JSON lines, and which Ctrl-C cancels.
pub(super) fn context(json: bool) -> Ctx {
    let view = Arc::new(ProgressView::new(json));
    let ctx = Ctx::new(move |event| view.on_event(&event));
    let token = ctx.cancel_token();
    let pressed = std::sync::atomic::AtomicBool::new(false);
    // A second Ctrl-C ends the program at once; finished artifacts are safe. Where no handler can be installed, Ctrl-C
    // ends the program at once from the start.
    let _ = ctrlc::set_handler(move || {
        token.cancel();
        if pressed.swap(true, std::sync::atomic::Ordering::Relaxed) {
            std::process::exit(3);
        }
    });
    ctx
}

/// Shows the progress of work that is no stage of a run.
pub(super) fn with_bar<T>(ctx: &Ctx, what: &str, work: impl FnOnce() -> Result<T, CliError>) -> Result<T, CliError> {
    ctx.emit(Event::StageStarted { stage: what.into(), cached: false });
    let result = work();
    ctx.emit(Event::StageDone { stage: what.into(), seconds: 0.0, bytes: 0 });
    result
}

fn choose_device(device: Device) -> Result<(String, Option<Gpu>), CliError> {
    let choice = match device {
        Device::Auto => DeviceChoice::Auto,
        Device::Gpu => DeviceChoice::Gpu,
        Device::Software => DeviceChoice::Software,
        Device::Cpu => DeviceChoice::Cpu,
    };
    match Gpu::open(choice) {
        Ok(Some(gpu)) => Ok((gpu.name.clone(), Some(gpu))),
        Ok(None) => Ok(("the processor".into(), None)),
        Err(e) => Err(CliError::new(e.to_string(), e.hint())),
    }
}

/// 70 % of the memory that is free.
pub(crate) fn default_memory() -> u64 {
    const UNKNOWN: u64 = 4 << 30;
    sysinfo::System::new().map_or(UNKNOWN, |mut system| {
        system.refresh_memory();
        (system.available_memory() as f64 * 0.7) as u64
    })
}

/// Says what came out, in a few lines.
pub(super) fn print_summary(out: &Path, summary: &RunSummary) {
    let seconds: f64 = summary.stages.iter().map(|s| s.seconds).sum();
    say(format!("{} in {}", out.display(), format_seconds(seconds)));
    for line in &summary.headlines {
        say(format!("  {line}"));
    }
}
