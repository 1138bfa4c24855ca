//! `veduta print`: print files of a piece of a city, made for one printer, judged, with pictures, a report and a ticket.
//!
//! In: a finished project, the piece of ground, the size, the printer's rule pack. Out: a folder with the part in each
//! format asked for, `preview-*.jpg`, `report.html` for a person and `ticket.json` for a factory. Every file that can be
//! read back is judged by the same rules as `veduta check`; faults make the exit status 1, the files stay.

mod area;
mod page;
mod ticket;

use super::export::{into_place, to_file};
use super::{CliError, check, printers, say};
use crate::base::{Ctx, Diagnostic, Event, Severity};
use crate::formats::{gltf, obj, ply, stl, textured, threemf, wrl};
use crate::print::judge::{FileFacts, Verdict, judge};
use crate::print::printer::Printer;
use crate::print::{PartOptions, PartSize, PrintError, make_part};
use crate::project::Project;
use crate::scene::{City, Georeference, LocalFrame, Part, Reconstruction};
use clap::{Args, ValueEnum};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Arguments of `veduta print`.
#[derive(Debug, Args)]
pub struct PrintArgs {
    /// The project, with a finished city
    pub project: PathBuf,
    /// Folder for the print files, pictures, report and ticket
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Printer profile: its name, or the path of a rule pack of your own; see `veduta printers`
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub printer: String,
    /// A polygon in a GeoJSON file, in longitude and latitude or in the project's reference system
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rect", "circle"])]
    pub area: Option<PathBuf>,
    /// A rectangle: centre east and north, width, depth in local metres, heading of its depth in degrees from north
    #[arg(long, value_name = "E,N,W,H,AZIMUTH", value_parser = super::args::parse_numbers::<5>, allow_hyphen_values = true,
        conflicts_with = "circle")]
    pub rect: Option<[f64; 5]>,
    /// A circle: centre east and north, radius in local metres
    #[arg(long, value_name = "E,N,R", value_parser = super::args::parse_numbers::<3>, allow_hyphen_values = true)]
    pub circle: Option<[f64; 3]>,
    /// Scale, for example 1:1000
    #[arg(long, value_name = "1:N", value_parser = super::args::parse_scale, conflicts_with = "size_mm")]
    pub scale: Option<f64>,
    /// Longest horizontal side in millimetres [default: 150]
    #[arg(long, value_name = "MM", value_parser = super::args::parse_size_mm)]
    pub size_mm: Option<f64>,
    /// Exaggeration of heights
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub z_scale: f64,
    /// Material below the lowest place of the surface in millimetres
    #[arg(long, default_value_t = 3.0, value_name = "MM")]
    pub base_mm: f64,
    /// Formats to write [default: 3mf, or the first that the printer takes]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub formats: Vec<Format>,
    /// Title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
}

/// A format of print files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "lower")]
pub enum Format {
    /// 3MF with texture
    #[value(name = "3mf")]
    ThreeMf,
    /// OBJ with MTL and PNG
    Obj,
    /// VRML 2 with PNG
    Wrl,
    /// PLY with texture coordinates and colours
    Ply,
    /// glTF in one file
    Glb,
    /// Shape alone
    Stl,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Self::ThreeMf => "3mf",
            Self::Obj => "obj",
            Self::Wrl => "wrl",
            Self::Ply => "ply",
            Self::Glb => "glb",
            Self::Stl => "stl",
        }
    }
}

/// A written file with its judgement.
struct Written {
    path: PathBuf,
    files: Vec<PathBuf>,
    verdict: Verdict,
}

/// Runs the command.
pub fn print(args: &PrintArgs) -> Result<(), CliError> {
    let printer = printers::find(&args.printer)?;
    let project = Project::open_to_read(&args.project)?;
    let sparse: Reconstruction = project.current("sparse")?.get("output")?;
    let frame = match sparse.georeference {
        Georeference::Local { frame, .. } => Some(frame),
        Georeference::Unscaled => None,
    };
    let options = options(args, &printer, frame.as_ref())?;
    let formats = formats(args, &printer)?;
    let city: City = project.current("city")?.get("output")?;
    fs::create_dir_all(&args.out).map_err(|e| CliError::io("create", &args.out, &e))?;
    let (ctx, notes) = context();
    let part = make_part(&ctx, &city, &options)?;
    drop(city);
    let mut written = Vec::new();
    for format in formats {
        written.push(write(&ctx, &part, format, &args.out, &printer)?);
    }
    let pictures = page::pictures(&part);
    for (name, picture) in &pictures {
        let path = args.out.join(format!("preview-{name}.jpg"));
        fs::write(&path, &picture.jpeg).map_err(|e| CliError::io("write", &path, &e))?;
    }
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ticket = ticket::of(args, &printer, &part, &written, &notes)?;
    let text = serde_json::to_string_pretty(&ticket).map_err(|e| CliError::new(e.to_string(), ""))?;
    put(&args.out.join("ticket.json"), text.as_bytes())?;
    put(&args.out.join("report.html"), page::report(&ticket, &written, &pictures).as_bytes())?;
    summary(args, &part, &written)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    into_place(path, |unfinished| fs::write(unfinished, bytes).map_err(|e| CliError::io("write", path, &e)))
}

fn options(args: &PrintArgs, printer: &Printer, frame: Option<&LocalFrame>) -> Result<PartOptions, CliError> {
    let limit = |l: &Option<crate::print::printer::Limit<f64>>| l.as_ref().map(|l| l.value);
    let defaults = PartOptions::default();
    let texture = limit(&printer.texture_px).unwrap_or(f64::INFINITY);
    let page = defaults.page.min(texture as usize);
    let title = args.title.clone().unwrap_or_else(|| {
        args.project.file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned())
    });
    Ok(PartOptions {
        area: area::of(args, frame)?,
        size: match args.scale {
            Some(n) => PartSize::Scale(n),
            None => PartSize::LongestMm(args.size_mm.unwrap_or(150.0)),
        },
        metric: frame.is_some(),
        base_mm: args.base_mm,
        z_scale: args.z_scale,
        build_mm: printer.build_mm.as_ref().map(|b| b.value),
        max_triangles: limit(&printer.triangles)
            .map_or(defaults.max_triangles, |n| defaults.max_triangles.min(n as usize)),
        page,
        title,
        ..defaults
    })
}

fn formats(args: &PrintArgs, printer: &Printer) -> Result<Vec<Format>, CliError> {
    let Some(accepted) = printer.formats.as_ref().map(|f| &f.value) else {
        return Ok(if args.formats.is_empty() { vec![Format::ThreeMf] } else { args.formats.clone() });
    };
    if args.formats.is_empty() {
        let first = Format::value_variants().iter().find(|f| accepted.iter().any(|a| a == f.ending()));
        return first.map(|f| vec![*f]).ok_or_else(|| {
            let message = format!("{} takes {}, none of which is written", printer.title, accepted.join(", "));
            CliError::new(message, "choose a format with --formats and convert it")
        });
    }
    Ok(args.formats.clone())
}

/// A context that shows progress and keeps what was said.
fn context() -> (Ctx, Arc<Mutex<Vec<Diagnostic>>>) {
    let notes: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
    let kept = notes.clone();
    let shown = super::run::context(false);
    let view = shown.clone();
    let ctx = shown.observed(move |event| {
        if let Event::Diagnostic { diagnostic, .. } = &event {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic.clone());
        }
        view.emit(event);
    });
    (ctx.for_stage("print"), notes)
}

/// Writes the part in one format and judges what was written.
fn write(ctx: &Ctx, part: &Part, format: Format, folder: &Path, printer: &Printer) -> Result<Written, CliError> {
    let path = folder.join(format!("part.{}", format.ending()));
    let beside = |name: &str| Ok(BufWriter::new(File::create(folder.join(name))?));
    let failed = |e: std::io::Error| CliError::io("write", &path, &e);
    let mut files = vec![path.clone()];
    match format {
        Format::ThreeMf => into_place(&path, |unfinished| {
            let thumbnail = textured::png(&super::report::part_picture(part, (512, 384)))
                .map_err(|e| CliError::io("draw", &path, &e))?;
            let metadata = threemf::Metadata { title: part.title.clone(), description: super::export::describe(part) };
            let file = File::create(unfinished).map_err(failed)?;
            threemf::write(part, &metadata, Some(&thumbnail), BufWriter::new(file)).map_err(failed)
        })?,
        Format::Obj => {
            obj::write_part(part, "part", beside).map_err(failed)?;
            files.extend(["part.mtl", "part.png"].map(|n| folder.join(n)).into_iter().filter(|p| p.exists()));
        }
        Format::Wrl => {
            wrl::write(part, "part", beside).map_err(failed)?;
            files.push(folder.join("part.png"));
        }
        Format::Ply => {
            put(&folder.join("part.png"), &textured::png(&part.texture).map_err(failed)?)?;
            into_place(&path, |unfinished| to_file(unfinished, |out| ply::write_part(part, "part.png", out)))?;
            files.push(folder.join("part.png"));
        }
        Format::Glb => into_place(&path, |unfinished| to_file(unfinished, |out| gltf::write_part(part, out)))?,
        Format::Stl => into_place(&path, |unfinished| to_file(unfinished, |out| stl::write(&part.mesh, out)))?,
    }
    let (mesh, bytes) = check::read_mesh(&path)?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let facts = FileFacts { name, format: check::format_of(&path)?, bytes };
    let verdict = judge(ctx, &mesh, &facts, printer, None).map_err(PrintError::from)?;
    Ok(Written { path, files, verdict })
}

fn summary(args: &PrintArgs, part: &Part, written: &[Written]) -> Result<(), CliError> {
    let size = part.mesh.bounds().map_or_else(Default::default, |(low, high)| high - low);
    let scale = part.scale_denominator.map_or_else(String::new, |n| format!(", 1:{n:.0}"));
    say(format!("{:.1} x {:.1} x {:.1} mm{scale}, {} triangles", size.x, size.y, size.z, part.mesh.triangles.len()));
    let mut faults = 0;
    for file in written {
        let own: Vec<_> = file.verdict.of(Severity::Error).collect();
        faults += own.len();
        say(format!("{}: {}", file.path.display(), if own.is_empty() { "no fault" } else { "faults" }));
        for finding in own {
            say(format!("  {}: {}", finding.message, finding.hint));
        }
    }
    say(args.out.join("report.html").display());
    say(args.out.join("ticket.json").display());
    if faults > 0 {
        return Err(CliError::new(
            format!("faults were found in the files: {faults}"),
            "each is listed above with what to do; `veduta check` says where",
        ));
    }
    Ok(())
}

impl From<PrintError> for CliError {
    fn from(e: PrintError) -> Self {
        match e {
            PrintError::Cancelled(_) => Self::stopped(),
            e => Self::new(e.to_string(), e.hint()),
        }
    }
}
