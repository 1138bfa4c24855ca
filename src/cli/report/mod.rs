//! `veduta report`: one self-contained page about a project, with pictures, for a person.

mod map;
mod pictures;

use super::args::ReportArgs;
use super::info::{Info, StageInfo, collect, format_figure};
use super::progress::format_seconds;
use super::{CliError, say};
use crate::base::{Diagnostic, Severity};
use crate::formats::html::{STYLE, escape};
use crate::order::pictures::Picture;
use crate::project::Project;
use base64::Engine;
use std::fmt::Write;
use std::path::Path;

/// Runs the command.
pub fn report(args: &ReportArgs) -> Result<(), CliError> {
    let project = Project::open_to_read(&args.project)?;
    write(&project, &args.out)?;
    say(args.out.display());
    Ok(())
}

/// Writes the page.
pub(crate) fn write(project: &Project, path: &Path) -> Result<(), CliError> {
    let page = page(project)?;
    std::fs::write(path, page).map_err(|e| CliError::io("write", path, &e))
}

/// What the report says and shows, for the page and for the window.
pub(crate) struct Contents {
    /// The project's name.
    pub title: String,
    /// Place, time and size in a sentence.
    pub lead: String,
    /// The figures that a person wants first: value with its unit, what it is.
    pub tiles: Vec<(String, &'static str)>,
    /// Pictures of the results.
    pub pictures: Vec<Picture>,
    /// Warnings with their stages.
    pub warnings: Vec<(String, Diagnostic)>,
    info: Info,
}

impl Contents {
    /// Reads a project and draws its results; takes seconds for a large city.
    pub(crate) fn of(project: &Project) -> Result<Self, CliError> {
        let info = collect(project)?;
        let title = project.root().file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned());
        let of_stage = |s: &StageInfo| s.diagnostics.iter().map(|d| (s.stage.clone(), d.clone())).collect::<Vec<_>>();
        let notes = info.stages.iter().flat_map(of_stage);
        Ok(Self {
            title,
            lead: lead(&info),
            tiles: tiles(&info),
            pictures: pictures::all(project),
            warnings: notes.filter(|(_, d)| d.severity >= Severity::Warning).collect(),
            info,
        })
    }

    /// Stages with time, bytes and figures as text.
    pub(crate) fn stages(&self) -> Vec<[String; 4]> {
        let line = |s: &StageInfo| {
            let figures: Vec<String> =
                s.figures.iter().map(|(k, v)| format!("{} {}", k.replace('_', " "), format_figure(*v))).collect();
            let size = format!("{:.1} MB", s.bytes as f64 / 1e6);
            [s.stage.clone(), format_seconds(s.seconds), size, figures.join(", ")]
        };
        self.info.stages.iter().map(line).collect()
    }
}

fn page(project: &Project) -> Result<String, CliError> {
    let contents = Contents::of(project)?;
    let mut html = String::new();
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>{STYLE}</style><h1>{0}</h1><p class=\"lead\">{1}</p>",
        escape(&contents.title),
        escape(&contents.lead)
    );
    html.push_str("<div class=\"tiles\">");
    for (value, label) in &contents.tiles {
        let _ = write!(html, "<div class=\"tile\"><b>{value}</b>{label}</div>");
    }
    html.push_str("</div>");
    if !contents.pictures.is_empty() {
        html.push_str("<h2>Result</h2><div class=\"grid\">");
        for picture in &contents.pictures {
            let data = base64::engine::general_purpose::STANDARD.encode(&picture.jpeg);
            let _ = write!(
                html,
                "<figure><img alt=\"{0}\" src=\"data:image/jpeg;base64,{data}\"><figcaption>{0}</figcaption></figure>",
                escape(&picture.caption)
            );
        }
        html.push_str("</div>");
    }
    if let Some(svg) = map::flight_map(project) {
        let _ = write!(html, "<h2>Flight</h2><figure>{svg}<figcaption>{}</figcaption></figure>", map::CAPTION);
    }
    control(&mut html, &contents.info);
    messages(&mut html, &contents.warnings);
    stages(&mut html, &contents.stages());
    photos(&mut html, &contents.info);
    let _ = write!(html, "<p class=\"lead\">Veduta {}</p></html>", env!("CARGO_PKG_VERSION"));
    Ok(html)
}

fn lead(info: &Info) -> String {
    let seconds: f64 = info.stages.iter().map(|s| s.seconds).sum();
    let place = match &info.frame {
        Some(f) => format!(
            "{:.5} deg, {:.5} deg, local east-north-up metres, UTM zone EPSG:{}",
            f.latitude_deg, f.longitude_deg, f.utm_epsg
        ),
        None => "no usable GPS: the scale is unknown".into(),
    };
    format!("{place}. {} of work, {:.1} MB on disk.", format_seconds(seconds), info.bytes as f64 / 1e6)
}

fn tiles(info: &Info) -> Vec<(String, &'static str)> {
    let figure = |stage: &str, name: &str| {
        info.stages.iter().find(|s| s.stage == stage).and_then(|s| s.figures.get(name)).copied()
    };
    let wanted = [
        ("sparse", "registered", "photos registered", ""),
        ("sparse", "reprojection_rms_px", "reprojection RMS", " px"),
        ("sparse", "mean_track_length", "mean track length", ""),
        ("sparse", "points", "sparse points", ""),
        ("sparse", "gps_residual_horizontal_rms_m", "GPS residual, horizontal", " m"),
        ("sparse", "gps_residual_vertical_rms_m", "GPS residual, vertical", " m"),
        ("sparse", "doming_m", "doming", " m"),
        ("fuse", "points", "fused points", ""),
        ("fuse", "gsd_m", "depth map pixel on the ground", " m"),
        ("city", "triangles", "triangles of the city", ""),
        ("part", "scale_denominator", "scale of the part 1 :", ""),
        ("part", "volume_cm3", "volume of the part", " cm3"),
    ];
    let tile = |(stage, name, label, unit): (&str, &str, &'static str, &str)| {
        Some((format!("{}{unit}", format_figure(figure(stage, name)?)), label))
    };
    wanted.into_iter().filter_map(tile).collect()
}

fn control(html: &mut String, info: &Info) {
    let Some(control) = &info.control else { return };
    html.push_str(
        "<h2>Control and check points</h2><table><tr><th>point<th>role<th class=\"n\">east (m)<th class=\"n\">north (m)\
         <th class=\"n\">up (m)<th>marks (px)",
    );
    let metres = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:+.3}"));
    for p in &control.points {
        let [e, n] = [0, 1].map(|k| metres(p.residual_m.map(|r| r[k])));
        let mark = |(photo, v): &(String, Option<f64>)| {
            v.map_or_else(|| escape(photo), |v| format!("{} {v:.2}", escape(photo)))
        };
        let marks: Vec<String> = p.marks.iter().map(mark).collect();
        let _ = write!(
            html,
            "<tr><td>{}<td>{}<td class=\"n\">{e}<td class=\"n\">{n}<td class=\"n\">{}<td>{}",
            escape(&p.name),
            p.role.word(),
            metres(p.residual_up_m),
            marks.join(", ")
        );
    }
    for (word, rms) in [("control", &control.control), ("check", &control.check)] {
        let Some(rms) = rms else { continue };
        let [e, n] = rms.horizontal_m;
        let up = rms.up_m.map_or_else(String::new, |u| format!("{u:.3}"));
        let _ = write!(
            html,
            "<tr><th>RMS of {}<th>{word}<th class=\"n\">{e:.3}<th class=\"n\">{n:.3}<th class=\"n\">{up}<th>{:.2}",
            rms.points, rms.mark_px
        );
    }
    html.push_str(
        "</table><p class=\"lead\">Measured minus given: where the marks put a point, against its coordinates. \
                   Check points took no part in the adjustment.</p>",
    );
}

fn messages(html: &mut String, all: &[(String, Diagnostic)]) {
    if all.is_empty() {
        return;
    }
    let _ = write!(html, "<h2>{} warnings</h2><table><tr><th>stage<th>about<th>message<th>what to do", all.len());
    for (stage, d) in all {
        let _ =
            write!(html, "<tr><td>{stage}<td>{}<td>{}<td>{}", escape(&d.subject), escape(&d.message), escape(&d.hint));
    }
    html.push_str("</table>");
}

fn stages(html: &mut String, lines: &[[String; 4]]) {
    html.push_str("<h2>Stages</h2><table><tr><th>stage<th class=\"n\">time<th class=\"n\">size<th>figures");
    for [stage, time, size, figures] in lines {
        let figures = escape(figures);
        let _ = write!(html, "<tr><td>{stage}<td class=\"n\">{time}<td class=\"n\">{size}<td>{figures}");
    }
    html.push_str("</table>");
}

fn photos(html: &mut String, info: &Info) {
    let _ = write!(
        html,
        "<h2>Photos</h2><details><summary>{} photos</summary><table><tr><th>photo<th>registered\
         <th class=\"n\">observations<th class=\"n\">RMS px<th class=\"n\">GPS residual e, n, u (m)",
        info.photos.len()
    );
    for p in &info.photos {
        let registered = match p.registered {
            Some(true) => "yes",
            Some(false) => "<span class=\"bad\">no</span>",
            None => "",
        };
        let rms = p.reprojection_rms_px.map_or_else(String::new, |v| format!("{v:.2}"));
        let gps = p.gps_residual_m.map_or_else(String::new, |[e, n, u]| format!("{e:.2}, {n:.2}, {u:.2}"));
        let _ = write!(
            html,
            "<tr><td>{}<td>{registered}<td class=\"n\">{}<td class=\"n\">{rms}<td class=\"n\">{gps}",
            escape(&p.name),
            p.observations
        );
    }
    html.push_str("</table></details>");
}
