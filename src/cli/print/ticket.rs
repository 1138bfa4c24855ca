//! The job ticket: everything that a factory and its machines need to know about the parts.

use super::{PrintArgs, Written};
use crate::base::{Diagnostic, Severity};
use crate::cli::CliError;
use crate::print::printer::Printer;
use crate::scene::Part;
use serde::Serialize;

/// What `ticket.json` holds.
#[derive(Debug, Serialize)]
pub struct Ticket {
    /// Title of the order.
    pub title: String,
    /// The program and its version.
    pub software: String,
    /// The command that repeats it.
    pub command: String,
    /// Printer profile: name and title.
    pub printer: [String; 2],
    /// The N of 1:N; none where the city has no known scale.
    pub scale_denominator: Option<f64>,
    /// Exaggeration of heights.
    pub z_scale: f64,
    /// Millimetres below the lowest place.
    pub base_mm: f64,
    /// Parts.
    pub parts: Vec<TicketPart>,
    /// What was said while they were made.
    pub notes: Vec<String>,
}

/// One part.
#[derive(Debug, Serialize)]
pub struct TicketPart {
    /// Its name.
    pub name: String,
    /// Width, depth, height in millimetres.
    pub size_mm: [f64; 3],
    /// Triangles.
    pub triangles: usize,
    /// Volume.
    pub volume_cm3: f64,
    /// Surface.
    pub area_cm2: f64,
    /// Mass, where the profile gives a density.
    pub mass_g: Option<f64>,
    /// Price in the profile's currency, where it gives one.
    pub price: Option<f64>,
    /// Whether every file is without fault.
    pub passes: bool,
    /// Files with their checksums.
    pub files: Vec<TicketFile>,
}

/// One file.
#[derive(Debug, Serialize)]
pub struct TicketFile {
    /// Name in the folder.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3 checksum in hexadecimal digits.
    pub blake3: String,
}

/// Collects the ticket.
pub fn of(
    args: &PrintArgs,
    printer: &Printer,
    part: &Part,
    written: &[Written],
    notes: &[Diagnostic],
) -> Result<Ticket, CliError> {
    let mut files: Vec<TicketFile> = Vec::new();
    for path in written.iter().flat_map(|w| &w.files) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if files.iter().any(|f| f.name == name) {
            continue;
        }
        let bytes = std::fs::read(path).map_err(|e| CliError::io("read", path, &e))?;
        files.push(TicketFile { name, bytes: bytes.len() as u64, blake3: blake3::hash(&bytes).to_hex().to_string() });
    }
    let verdict = written.first().map(|w| &w.verdict);
    let mesh = &part.mesh;
    let size = mesh.bounds().map_or_else(Default::default, |(low, high)| high - low);
    let own = TicketPart {
        name: "part".into(),
        size_mm: size.into(),
        triangles: mesh.triangles.len(),
        volume_cm3: mesh.volume() / 1000.0,
        area_cm2: (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm()).sum::<f64>() / 200.0,
        mass_g: verdict.and_then(|v| v.mass_g),
        price: verdict.and_then(|v| v.price),
        passes: written.iter().all(|w| w.verdict.of(Severity::Error).next().is_none()),
        files,
    };
    Ok(Ticket {
        title: part.title.clone(),
        software: format!("veduta {}", env!("CARGO_PKG_VERSION")),
        command: command(args),
        printer: [printer.name.clone(), printer.title.clone()],
        scale_denominator: part.scale_denominator,
        z_scale: args.z_scale,
        base_mm: args.base_mm,
        parts: vec![own],
        notes: notes.iter().map(|d| d.message.clone()).collect(),
    })
}

/// The command line that makes the same again.
fn command(args: &PrintArgs) -> String {
    let quoted = |text: String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./,:\\".contains(c);
        if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
    };
    let numbers = |n: &[f64]| n.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let mut words = vec!["veduta".to_string(), "print".into(), quoted(args.project.display().to_string())];
    let mut option = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            words.extend([name.to_string(), quoted(value)]);
        }
    };
    option("-o", Some(args.out.display().to_string()));
    option("--printer", Some(args.printer.clone()));
    option("--area", args.area.as_ref().map(|a| a.display().to_string()));
    option("--rect", args.rect.map(|r| numbers(&r)));
    option("--circle", args.circle.map(|c| numbers(&c)));
    option("--scale", args.scale.map(|n| format!("1:{n}")));
    option("--size-mm", args.size_mm.map(|s| s.to_string()));
    option("--z-scale", (args.z_scale != 1.0).then(|| args.z_scale.to_string()));
    option("--base-mm", Some(args.base_mm.to_string()));
    let formats: Vec<&str> = args.formats.iter().map(|f| f.ending()).collect();
    option("--formats", (!formats.is_empty()).then(|| formats.join(",")));
    option("--title", args.title.clone());
    words.join(" ")
}
