//! `veduta info`: what is in a project.

use super::args::InfoArgs;
use super::progress::format_seconds;
use super::{CliError, say};
use crate::base::Diagnostic;
use crate::pipeline::{self, StageName};
use crate::project::Project;
use crate::scene::{
    ControlReport, ControlResult, ControlRms, ControlRole, Flight, Georeference, Reconstruction, SurfaceClass,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A project in figures; what `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Info {
    /// Folder of the project.
    pub project: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Stages that have a result, in order.
    pub stages: Vec<StageInfo>,
    /// Photos, with what became of each.
    pub photos: Vec<PhotoInfo>,
    /// Files that are not photos of the flight.
    pub left_out: Vec<Diagnostic>,
    /// The frame of the result.
    pub frame: Option<FrameInfo>,
    /// Control and check points, where marks were measured.
    pub control: Option<ControlInfo>,
}

/// Control and check points.
#[derive(Debug, Serialize)]
pub(super) struct ControlInfo {
    /// Whether they gave the result its place and scale.
    pub georeferenced: bool,
    /// Root mean squares of the control points.
    pub control: Option<ControlRms>,
    /// Root mean squares of the check points.
    pub check: Option<ControlRms>,
    /// Each point.
    pub points: Vec<ControlPointInfo>,
}

/// One control or check point.
#[derive(Debug, Serialize)]
pub(super) struct ControlPointInfo {
    /// Its name.
    pub name: String,
    /// Control or check.
    pub role: ControlRole,
    /// Measured minus given in metres (east, north).
    pub residual_m: Option<[f64; 2]>,
    /// Measured minus given in metres (up); absent too where the height is not believed.
    pub residual_up_m: Option<f64>,
    /// Photo and distance in pixels from the mark to where the photo shows the point.
    pub marks: Vec<(String, Option<f64>)>,
}

/// The points of a report, with the photos by name.
fn control_info(report: ControlReport, flight: &Flight) -> ControlInfo {
    let (control, check) = (report.rms(ControlRole::Control), report.rms(ControlRole::Check));
    let point = |p: ControlResult| ControlPointInfo {
        name: p.name,
        role: p.role,
        residual_m: p.residual_m,
        residual_up_m: p.residual_up_m,
        marks: p.marks.iter().map(|m| (flight.photos[m.photo.index()].name.clone(), m.error_px)).collect(),
    };
    ControlInfo {
        georeferenced: report.georeferenced,
        control,
        check,
        points: report.points.into_iter().map(point).collect(),
    }
}

/// One stage.
#[derive(Debug, Serialize)]
pub(super) struct StageInfo {
    /// Its name.
    pub stage: String,
    /// Seconds that it took.
    pub seconds: f64,
    /// Bytes of its result.
    pub bytes: u64,
    /// Figures by name.
    pub figures: BTreeMap<String, f64>,
    /// What it had to say.
    pub diagnostics: Vec<Diagnostic>,
}

/// One photo.
#[derive(Debug, Serialize)]
pub(super) struct PhotoInfo {
    /// File name.
    pub name: String,
    /// Whether it has a pose; absent before the sparse stage.
    pub registered: Option<bool>,
    /// Observations of sparse points.
    pub observations: usize,
    /// RMS reprojection error in pixels.
    pub reprojection_rms_px: Option<f64>,
    /// Adjusted minus measured centre in metres (east, north, up).
    pub gps_residual_m: Option<[f64; 3]>,
    /// Standard deviation of the centre in metres (east, north, up).
    pub centre_sigma_m: Option<[f64; 3]>,
}

/// Where the result lies.
#[derive(Debug, Serialize)]
pub(super) struct FrameInfo {
    /// Latitude of the origin in degrees.
    pub latitude_deg: f64,
    /// Longitude of the origin in degrees.
    pub longitude_deg: f64,
    /// Altitude of the origin in metres.
    pub altitude_m: f64,
    /// EPSG code of its UTM zone.
    pub utm_epsg: u32,
}

/// Collects the figures of a project.
pub(super) fn collect(project: &Project) -> Result<Info, CliError> {
    let mut stages = Vec::new();
    for name in StageName::ALL {
        if let Ok(artifact) = project.current(name.word()) {
            let done = artifact.done()?;
            stages.push(StageInfo {
                stage: name.word().into(),
                seconds: done.seconds,
                bytes: done.bytes,
                figures: done.figures,
                diagnostics: done.diagnostics,
            });
        }
    }
    let flight: Flight = project.current("ingest").and_then(|a| a.get("output")).unwrap_or_default();
    let sparse: Option<Reconstruction> = project.current("sparse").and_then(|a| a.get("output")).ok();
    let mut photos: Vec<PhotoInfo> = flight
        .photos
        .iter()
        .map(|p| PhotoInfo {
            name: p.name.clone(),
            registered: sparse.as_ref().map(|s| s.poses[p.id.index()].is_some()),
            observations: 0,
            reprojection_rms_px: None,
            gps_residual_m: None,
            centre_sigma_m: None,
        })
        .collect();
    let mut frame = None;
    if let Some(sparse) = &sparse {
        for (photo, errors) in photos.iter_mut().zip(sparse.photo_errors()) {
            (photo.observations, photo.reprojection_rms_px) = errors;
        }
        for (photo, sigma) in photos.iter_mut().zip(&sparse.centre_sigmas) {
            photo.centre_sigma_m = sigma.map(Into::into);
        }
        if let Georeference::Local { frame: f, residuals, .. } = &sparse.georeference {
            for r in residuals {
                photos[r.photo.index()].gps_residual_m = Some([r.residual.x, r.residual.y, r.residual.z]);
            }
            frame = Some(FrameInfo {
                latitude_deg: f.latitude_deg,
                longitude_deg: f.longitude_deg,
                altitude_m: f.altitude_m,
                utm_epsg: f.utm_epsg,
            });
        }
    }
    let control = pipeline::control_report(project).map(|r| control_info(r, &flight));
    Ok(Info {
        project: project.root().display().to_string(),
        bytes: project.bytes(),
        stages,
        photos,
        left_out: flight.skipped.into_iter().map(|s| s.reason).collect(),
        frame,
        control,
    })
}

/// Runs the command.
pub fn info(args: &InfoArgs) -> Result<(), CliError> {
    let project = Project::open_to_read(&args.project)?;
    let info = collect(&project)?;
    if args.json {
        let text =
            serde_json::to_string_pretty(&info).map_err(|e| CliError::new(format!("cannot write JSON: {e}"), ""))?;
        say(text);
    } else {
        print(&info);
    }
    Ok(())
}

fn print(info: &Info) {
    say(format!("{} ({:.1} MB)", info.project, info.bytes as f64 / 1e6));
    match &info.frame {
        Some(f) => say(format!(
            "origin {:.6} deg, {:.6} deg, {:.1} m; local east-north-up metres; UTM zone EPSG:{}",
            f.latitude_deg, f.longitude_deg, f.altitude_m, f.utm_epsg
        )),
        None if info.stages.len() > 4 => say("no usable GPS: the scale is unknown"),
        None => {}
    }
    say("\nstage          time        size  figures");
    for s in &info.stages {
        let figures: Vec<String> = s.figures.iter().map(|(k, v)| format!("{k} {}", format_figure(*v))).collect();
        say(format!(
            "{:<9} {:>9} {:>8.1} MB  {}",
            s.stage,
            format_seconds(s.seconds),
            s.bytes as f64 / 1e6,
            figures.join(", ")
        ));
    }
    if let Some(city) = info.stages.iter().find(|s| s.stage == StageName::City.word()) {
        let share = |c: SurfaceClass| Some((c.word(), *city.figures.get(&format!("{}_share", c.word()))?));
        let shares: Vec<(&str, f64)> = SurfaceClass::ALL.into_iter().filter_map(share).collect();
        if !shares.is_empty() {
            let parts: Vec<String> = shares.iter().map(|(word, v)| format!("{word} {:.1} %", 100.0 * v)).collect();
            say(format!("\nsurface by area: {}", parts.join(", ")));
        }
    }
    if let Some(control) = &info.control {
        print_control(control);
    }
    say(format!("\n{} photos", info.photos.len()));
    for p in info.photos.iter().filter(|p| p.registered == Some(false)) {
        say(format!("  {} is not registered", p.name));
    }
    for d in info.left_out.iter().chain(info.stages.iter().skip(1).flat_map(|s| &s.diagnostics)) {
        let about = if d.subject.is_empty() { String::new() } else { format!("{}: ", d.subject) };
        say(format!("  {about}{}", d.message));
    }
}

fn print_control(control: &ControlInfo) {
    let placed = if control.georeferenced { ", which placed the flight" } else { "" };
    say(format!("\n{} control and check points{placed} (measured minus given, m)", control.points.len()));
    say("point        role         east     north        up  marks, px");
    let metres = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{v:+.3}"));
    for p in &control.points {
        let [e, n] = [0, 1].map(|k| metres(p.residual_m.map(|r| r[k])));
        let marks: Vec<String> =
            p.marks.iter().map(|(_, v)| v.map_or_else(|| "-".into(), |v| format!("{v:.2}"))).collect();
        let up = metres(p.residual_up_m);
        say(format!("{:<12} {:<7} {e:>9} {n:>9} {up:>9}  {}", p.name, p.role.word(), marks.join(" ")));
    }
    for (word, rms) in [("control", &control.control), ("check", &control.check)] {
        let Some(rms) = rms else { continue };
        let [e, n] = rms.horizontal_m;
        let up = rms.up_m.map_or_else(|| "-".into(), |u| format!("{u:.3}"));
        say(format!("{:<12} {word:<7} {e:>9.3} {n:>9.3} {up:>9}  {:.2}", "RMS", rms.mark_px));
    }
}

/// A figure with as many digits as it deserves.
pub(super) fn format_figure(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e12 {
        format!("{value:.0}")
    } else if value.abs() >= 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_sensible_digits() {
        assert_eq!(format_figure(36.0), "36");
        assert_eq!(format_figure(1234.56), "1234.6");
        assert_eq!(format_figure(0.73219), "0.732");
    }
}
