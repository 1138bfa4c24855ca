//! `veduta demo`: the whole job on a synthetic flight.

use super::args::{ControlArgs, DemoArgs, EvalArgs};
use super::run::{print_summary, run_project};
use super::{CliError, eval, export, report, say, synth};
use crate::project::{Project, find_photos};
use crate::synthetic::SynthOptions;

/// Photos of the sample flight.
pub const PHOTOS: u32 = 24;
/// Width of its photos in pixels.
pub const WIDTH: u32 = 960;

/// The options of the sample flight.
pub fn flight_options() -> SynthOptions {
    synth::options(PHOTOS, WIDTH, 1, 2.0)
}

/// Runs the command.
pub fn demo(args: &DemoArgs) -> Result<(), CliError> {
    let flight = args.out.join("flight");
    let project = args.out.join("city.veduta");
    let quiet = args.work.events.is_some();
    if !flight.join("truth/truth.json").exists() {
        synth::write_flight(&flight, &flight_options(), quiet)?;
    }
    let photos = find_photos(&[flight.join("images")])?;
    let Some(summary) = run_project(&project, photos, &ControlArgs::default(), &args.work)? else { return Ok(()) };
    if summary.stages.len() < crate::pipeline::StageName::ALL.len() {
        return Ok(());
    }
    let opened = Project::open_to_read(&project)?;
    for name in ["part.3mf", "city.glb"] {
        export::write_one(&opened, &args.out.join(name))?;
    }
    report::write(&opened, &args.out.join("report.html"))?;
    if quiet {
        return Ok(());
    }
    print_summary(&project, &summary);
    say("against the truth of the synthetic flight:");
    eval::eval(&EvalArgs { project, truth: flight, json: false })?;
    say("results:");
    for name in ["part.3mf", "city.glb", "report.html"] {
        say(format!("  {}", args.out.join(name).display()));
    }
    Ok(())
}
