//! `veduta check`: judges a mesh file of any program for a printer, or repairs it first; faults make the exit status 1.

use super::run::with_bar;
use super::{CliError, say};
use crate::base::{Ctx, Severity};
use crate::order::files::put;
use crate::order::foreign::{format_of, read_mesh};
use crate::order::{Format, encode, judged, printers};
use crate::print::foreign::{self, Reading, Up};
use crate::print::judge::{FileFacts, Finding, Verdict, judge};
use crate::print::printer::Printer;
use crate::print::repair::{RepairOptions, Repairs};
use crate::scene::{ForeignMesh, LengthUnit};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

/// Arguments of `veduta check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file, or a folder of tiles that are one model
    pub file: PathBuf,
    /// Printer profile: its name, or the path of a rule pack of your own; see `veduta printers`
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub printer: String,
    /// Unit of the file's numbers [default: what the file says, otherwise mm]
    #[arg(long, value_enum)]
    pub unit: Option<UnitArg>,
    /// Repair it: holes closed, triangles turned outward, crossings and doubled walls dissolved, debris dropped; what was
    /// repaired is judged
    #[arg(long, requires = "out")]
    pub fix: bool,
    /// Where the repaired mesh goes; the ending says in which format: 3mf, obj, wrl, ply, glb, stl
    #[arg(short = 'o', long, value_name = "FIXED", requires = "fix")]
    pub out: Option<PathBuf>,
    /// For an open terrain: walls down to a level base so many millimetres below its lowest point
    #[arg(long, value_name = "MM", requires = "fix", value_parser = super::args::parse_length_mm)]
    pub base_mm: Option<f64>,
    /// The axis that points up [default: what the format says, otherwise z]
    #[arg(long, value_enum, requires = "fix")]
    pub up: Option<UpArg>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UnitArg {
    /// Millimetres
    Mm,
    /// Centimetres
    Cm,
    /// Metres
    M,
    /// Feet
    Ft,
    /// Inches
    In,
}

/// The axis that points up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UpArg {
    /// y
    Y,
    /// z
    Z,
}

impl UpArg {
    /// As data.
    pub(crate) fn up(self) -> Up {
        match self {
            Self::Y => Up::Y,
            Self::Z => Up::Z,
        }
    }
}

/// Runs the command.
pub fn check(args: &CheckArgs) -> Result<(), CliError> {
    let printer = printers::find(&args.printer)?;
    let (mesh, bytes) = read_mesh(&args.file)?;
    if let Some(out) = args.out.as_ref().filter(|_| args.fix) {
        return fix(args, &mesh, &printer, out);
    }
    let name = args.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let facts = FileFacts { name, format: format_of(&args.file)?, bytes };
    let unit = args.unit.map(UnitArg::unit);
    let verdict = judge(&Ctx::silent(), &mesh, &facts, &printer, unit)
        .map_err(|e| CliError::new(e.to_string(), "start the command again"))?;
    if args.json {
        say(json(&verdict)?);
    } else {
        show(&verdict, &printer.title);
    }
    passed(&verdict)
}

fn json(value: &impl serde::Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(value).map_err(|e| CliError::new(e.to_string(), ""))
}

fn passed(verdict: &Verdict) -> Result<(), CliError> {
    let faults = verdict.of(Severity::Error).count();
    if faults == 0 {
        return Ok(());
    }
    let kinds = if faults == 1 { "one kind of fault".to_string() } else { format!("{faults} kinds of fault") };
    Err(CliError::new(format!("{} has {kinds}", verdict.file), "each is listed above with what to do"))
}

/// What `--fix --json` says.
#[derive(serde::Serialize)]
struct Fixed<'a> {
    /// What was done.
    repairs: &'a Repairs,
    /// By how much the mesh was moved.
    moved_mm: [f64; 3],
    /// The judgement of the result.
    verdict: &'a Verdict,
}

/// Repairs a mesh, writes it and judges what was written.
fn fix(args: &CheckArgs, mesh: &ForeignMesh, printer: &Printer, out: &Path) -> Result<(), CliError> {
    let ending = out.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let Some(format) = Format::ALL.into_iter().find(|f| f.ending() == ending) else {
        let message = format!("{} ends in no format that is written", out.display());
        return Err(CliError::new(message, "end it in 3mf, obj, wrl, ply, glb or stl"));
    };
    let stem = out.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let reading = Reading { unit: args.unit.map(UnitArg::unit), up: args.up.map(UpArg::up) };
    let options = RepairOptions { base_mm: args.base_mm, ..RepairOptions::default() };
    let ctx = super::run::context(false).for_stage("repair");
    let fixed = with_bar(&ctx, "repair", || Ok(foreign::fixed(&ctx, mesh, &reading, &options, &stem)?))?;
    let encoded = encode(&fixed.part, &stem, format)?;
    let folder = out.parent().map(Path::to_path_buf).unwrap_or_default();
    for (name, bytes) in &encoded.files {
        put(&folder.join(name), bytes)?;
    }
    let verdict = judged(&ctx, &encoded, printer)?;
    if args.json {
        say(json(&Fixed { repairs: &fixed.repairs, moved_mm: fixed.moved_mm.into(), verdict: &verdict })?);
        return passed(&verdict);
    }
    let done = fixed.repairs.sentences();
    if done.is_empty() {
        say("nothing was to be repaired");
    }
    done.iter().for_each(|sentence| say(format!("repaired: {sentence}")));
    if fixed.moved_mm != nalgebra::Vector3::zeros() {
        let [x, y, z]: [f64; 3] = fixed.moved_mm.into();
        say(format!("moved by {x:.3} {y:.3} {z:.3} mm: files keep no fine detail so far from their origin"));
    }
    show(&verdict, &printer.title);
    passed(&verdict)
}

fn show(v: &Verdict, printer: &str) {
    let [x, y, z] = v.size_mm;
    say(format!("{}, for {} ({printer}): {}", v.file, v.printer, if v.passes { "no fault" } else { "faults" }));
    say(format!("  size       {x:.2} x {y:.2} x {z:.2} mm"));
    say(format!("  surface    {} triangles, {} vertices, {:.1} cm2", v.triangles, v.vertices, v.area_cm2));
    let pieces = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
    let solid = if v.closed { format!(", {:.2} cm3", v.volume_cm3) } else { ", not closed".to_string() };
    say(format!(
        "  bodies     {} in {}{solid}",
        pieces(v.bodies, "body", "bodies"),
        pieces(v.shells, "shell", "shells")
    ));
    if let Some(mass) = v.mass_g {
        say(format!("  mass       {mass:.1} g"));
    }
    if let Some(price) = v.price {
        say(format!("  price      {price:.2}"));
    }
    if let Some(w) = &v.walls {
        let least = w.least_mm.map_or(format!("above {:.2} mm", w.limit_mm * 2.0), |m| format!("{m:.2} mm at least"));
        say(format!("  walls      {least}; {} samples, one every {:.2} mm", w.samples, w.step_mm));
    }
    for finding in &v.findings {
        show_finding(finding);
    }
}

fn show_finding(f: &Finding) {
    let word = match f.severity {
        Severity::Error => "fault",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    say(format!("{word}: {} [{}]", f.message, f.code));
    if let Some(source) = &f.source {
        say(format!("    limit by {source}"));
    }
    for p in f.places.iter().take(5) {
        let [x, y, z] = p.at;
        let value = p.value.map_or(String::new(), |v| format!(": {v:.2} mm"));
        let count = if p.count > 1 { format!(" and {} more near it", p.count - 1) } else { String::new() };
        say(format!("    at {x:.2} {y:.2} {z:.2}{value}{count}"));
    }
    if f.places.len() > 5 {
        say(format!("    and {} more places", f.places.len() - 5));
    }
    if !f.hint.is_empty() {
        say(format!("    next: {}", f.hint));
    }
}

impl UnitArg {
    /// As data.
    pub(crate) fn unit(self) -> LengthUnit {
        match self {
            Self::Mm => LengthUnit::Millimetre,
            Self::Cm => LengthUnit::Centimetre,
            Self::M => LengthUnit::Metre,
            Self::Ft => LengthUnit::Foot,
            Self::In => LengthUnit::Inch,
        }
    }
}
