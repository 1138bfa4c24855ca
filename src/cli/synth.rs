//! `veduta synth`: a synthetic city flight with exact ground truth.

use super::args::SynthArgs;
use super::progress::{ProgressView, format_seconds};
use super::{CliError, say};
use crate::base::{Ctx, Event};
use crate::formats::control::{ControlList, ListedMark, ListedPoint, write_rows, write_table};
use crate::scene::{ControlMark, ControlPoint};
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
    if !flight.control.is_empty() {
        let list = list_of(&flight.control);
        for (name, text) in [("control.txt", write_rows(&list, 4)), ("control.csv", write_table(&list, 4))] {
            write(name, text.as_bytes()).map_err(|source| SynthError::Write { name: name.into(), source })?;
        }
    }
    Ok((flight, bytes_written))
}

/// The points as a list; the photos are not turned, so that stored and upright pixels are the same.
fn list_of(points: &[ControlPoint]) -> ControlList {
    let mark = |m: &ControlMark| ListedMark { photo: m.photo.to_string_lossy().into_owned(), pixel: m.pixel, line: 0 };
    let point = |p: &ControlPoint| ListedPoint {
        name: p.name.clone(),
        given: p.given,
        has_height: true,
        sigma_m: Some([p.sigma_m[0], p.sigma_m[1], p.sigma_up_m.unwrap_or(p.sigma_m[0])]),
        marks: p.marks.iter().map(mark).collect(),
        line: 0,
    };
    ControlList { crs: points.first().map(|p| p.crs.clone()), points: points.iter().map(point).collect() }
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
        if !flight.control.is_empty() {
            let names: Vec<&str> = flight.control.iter().map(|p| p.name.as_str()).collect();
            say(format!("control points with exact marks in control.txt: {}", names.join(", ")));
        }
    }
    Ok(())
}
