//! `veduta check`: judges a mesh file of any program for a printer; faults make the exit status 1.

use super::{CliError, say};
use crate::base::{Ctx, Severity};
use crate::order::foreign::{format_of, read_mesh};
use crate::order::printers;
use crate::print::judge::{FileFacts, Finding, Verdict, judge};
use crate::scene::LengthUnit;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

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
    /// Inches
    In,
}

/// Runs the command.
pub fn check(args: &CheckArgs) -> Result<(), CliError> {
    let printer = printers::find(&args.printer)?;
    let (mesh, bytes) = read_mesh(&args.file)?;
    let name = args.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let facts = FileFacts { name, format: format_of(&args.file)?, bytes };
    let unit = args.unit.map(UnitArg::unit);
    let verdict = judge(&Ctx::silent(), &mesh, &facts, &printer, unit)
        .map_err(|e| CliError::new(e.to_string(), "start the command again"))?;
    if args.json {
        let text = serde_json::to_string_pretty(&verdict).map_err(|e| CliError::new(e.to_string(), ""))?;
        say(text);
    } else {
        show(&verdict, &printer.title);
    }
    let faults = verdict.of(Severity::Error).count();
    if faults == 0 {
        return Ok(());
    }
    let kinds = if faults == 1 { "one kind of fault".to_string() } else { format!("{faults} kinds of fault") };
    Err(CliError::new(format!("{} has {kinds}", verdict.file), "each is listed above with what to do"))
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
            Self::In => LengthUnit::Inch,
        }
    }
}
