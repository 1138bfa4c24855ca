//! `veduta synth`: a synthetic city flight with exact ground truth.

use super::args::SynthArgs;
use super::progress::{ProgressView, format_seconds};
use super::{CliError, say};
use crate::base::{Ctx, Event};
use crate::synthetic::{SynthError, SynthOptions, SyntheticFlight, generate};
use std::fs;
use std::path::Path;
use std::time::Instant;

/// Runs the command.
pub fn synth(args: &SynthArgs) -> Result<(), CliError> {
    let options = options(args.photos, args.width, args.seed, args.gps_sigma);
    let gps_drift = if args.gps_white { 0.0 } else { options.gps_drift };
    write_flight(&args.out, &SynthOptions { gps_drift, ..options }, false)
}

/// The options of a flight; GPS sigma in metres, horizontally.
pub(super) fn options(photos: u32, width: u32, seed: u64, gps_sigma: f64) -> SynthOptions {
    SynthOptions {
        photos,
        width,
        seed,
        gps_sigma_horizontal_m: gps_sigma,
        gps_sigma_vertical_m: 1.5 * gps_sigma,
        ..SynthOptions::default()
    }
}

/// Generates a flight into a folder; with it the bytes written.
pub(crate) fn generate_into(
    out: &Path,
    options: &SynthOptions,
    ctx: &Ctx,
) -> Result<(SyntheticFlight, u64), SynthError> {
    let mut bytes_written = 0;
    let mut write = |name: &str, bytes: &[u8]| {
        bytes_written += bytes.len() as u64;
        let path = out.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, bytes)
    };
    let flight = generate(options, ctx, &mut write)?;
    Ok((flight, bytes_written))
}

/// Writes a flight to a folder and says so.
pub(super) fn write_flight(out: &Path, options: &SynthOptions, quiet: bool) -> Result<(), CliError> {
    let started = Instant::now();
    let view = ProgressView::new(quiet);
    let ctx = Ctx::new(move |event| view.on_event(&event)).for_stage("synth");
    ctx.emit(Event::StageStarted { stage: "synth".into(), cached: false });
    let (flight, bytes_written) =
        generate_into(out, options, &ctx).map_err(|e| CliError::new(e.to_string(), e.hint()))?;
    let seconds = started.elapsed().as_secs_f64();
    ctx.emit(Event::StageDone { stage: "synth".into(), seconds, bytes: bytes_written });
    if !quiet {
        say(format!(
            "{}: {} photos of {} x {} px from {:.0} m, {:.3} m a pixel, truth beside them, in {}",
            out.display(),
            flight.truth.photos.len(),
            options.width,
            options.height(),
            flight.height_m,
            flight.gsd_m,
            format_seconds(seconds)
        ));
    }
    Ok(())
}
