//! `veduta quote`: what a part will weigh and cost before it is made, and what can be had for a budget.
//!
//! In: a project (its city, or its sparse points before there is a city) or a mesh file of another program. Out: for each
//! printer size, volume, mass, price and time with their standard deviations, as text or JSON.

use super::check::{UnitArg, UpArg};
use super::print::Source;
use super::size::SizeArgs;
use super::{CliError, say};
use crate::order::{OrderError, Subject, printers};
use crate::print::printer::Printer;
use crate::print::quote::relief::Relief;
use crate::print::quote::{Budget, Making, Measured, Quote, Rates, plan, quote as quoted};
use crate::print::{Area, PrintError, Rectangle, well_covered};
use crate::project::Project;
use crate::scene::{Georeference, Reconstruction};
use clap::Args;
use nalgebra::{Vector2, Vector3};
use std::path::PathBuf;

/// Arguments of `veduta quote`.
#[derive(Debug, Args)]
pub struct QuoteArgs {
    /// The project, at least with its sparse model; or a mesh of any program: a file, or a folder of tiles
    pub project: PathBuf,
    /// Printer profile: its name, the path of a rule pack of your own, or all
    #[arg(long, default_value = "all", value_name = "PROFILE")]
    pub printer: String,
    /// A rectangle: centre east and north, width, depth in local metres, heading of its depth in degrees from north
    #[arg(long, value_name = "E,N,W,H,AZIMUTH", value_parser = super::args::parse_numbers::<5>, allow_hyphen_values = true)]
    pub rect: Option<[f64; 5]>,
    /// A circle: centre east and north, radius in local metres
    #[arg(long, value_name = "E,N,R", value_parser = super::args::parse_numbers::<3>, allow_hyphen_values = true,
        conflicts_with = "rect")]
    pub circle: Option<[f64; 3]>,
    /// How large.
    #[command(flatten)]
    pub size: SizeArgs,
    /// Hollow, with walls of this thickness in millimetres
    #[arg(long, value_name = "MM", value_parser = super::args::parse_length_mm)]
    pub hollow_mm: Option<f64>,
    /// The most that it may cost: finds size, hollowing and split
    #[arg(long, value_name = "PRICE", conflicts_with_all = ["scale", "size_mm", "hollow_mm"], value_parser = parse_rate)]
    pub budget: Option<f64>,
    /// Longest side that is wanted, with a budget [default: 300]
    #[arg(long, value_name = "MM", requires = "budget", value_parser = super::args::parse_size_mm)]
    pub longest_mm: Option<f64>,
    /// Price of a cm3, where the profile has none or another one counts
    #[arg(long, value_name = "PRICE", value_parser = parse_rate)]
    pub price_cm3: Option<f64>,
    /// Density in g/cm3, where the profile has none
    #[arg(long, value_name = "DENSITY", value_parser = parse_rate)]
    pub density_g_cm3: Option<f64>,
    /// Millimetres of height that the printer builds in an hour
    #[arg(long, value_name = "SPEED", value_parser = parse_rate)]
    pub height_mm_h: Option<f64>,
    /// Unit of a mesh file's numbers [default: what the file says, otherwise m]
    #[arg(long, value_enum)]
    pub unit: Option<UnitArg>,
    /// The axis of a mesh file that points up [default: what the format says, otherwise z]
    #[arg(long, value_enum)]
    pub up: Option<UpArg>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if rate > 0.0 && rate.is_finite() { Ok(rate) } else { Err(format!("{text} must be positive")) }
}

/// Runs the command.
pub fn quote(args: &QuoteArgs) -> Result<(), CliError> {
    let all = if args.printer == "all" { printers::all_printers()? } else { vec![printers::find(&args.printer)?] };
    let relief = relief(args)?;
    let longest_mm = match args.size.scale {
        Some(_) if !relief.metric => {
            let message = "the scale of the city is unknown: its photos have no positions";
            return Err(CliError::new(message, "give the size in millimetres instead: --size-mm 150"));
        }
        Some(n) => relief.size.max() * 1000.0 / n,
        None => args.size.longest_mm(),
    };
    let making =
        Making { longest_mm, z_scale: args.size.z_scale, base_mm: args.size.base_mm, hollow_mm: args.hollow_mm };
    let rates = Rates { price_cm3: args.price_cm3, density_g_cm3: args.density_g_cm3, height_mm_h: args.height_mm_h };
    let budget = args.budget.map(|price| Budget {
        price,
        longest_mm: args.longest_mm.unwrap_or(300.0),
        hollow: true,
        pieces: 6,
    });
    let of = |printer: &Printer| match &budget {
        Some(budget) => plan(&relief, &making, printer, &rates, budget),
        None => quoted(&relief, &making, printer, &rates),
    };
    // One printer's error is the command's; among all it is one line.
    if let [printer] = &all[..] {
        return said(args, &[(printer, Ok(of(printer)?))]);
    }
    let quotes: Vec<_> = all.iter().map(|p| (p, of(p))).collect();
    let none = budget.is_some() && quotes.iter().all(|q| q.1.is_err());
    said(args, &quotes)?;
    if none {
        return Err(CliError::new(
            "no printer makes a part within this budget",
            "each is listed above with the reason",
        ));
    }
    Ok(())
}

/// Heights over the area: of the city where there is one, otherwise of the sparse points.
fn relief(args: &QuoteArgs) -> Result<Relief, CliError> {
    let ctx = super::run::context(false).for_stage("quote");
    let given = match (args.rect, args.circle) {
        (Some([e, n, width, depth, azimuth]), _) => {
            let (centre, size) = (Vector2::new(e, n), Vector2::new(width, depth));
            Some(Area::Rectangle(Rectangle { centre, size, azimuth: -azimuth.to_radians() }))
        }
        (None, Some([e, n, radius])) => Some(Area::Circle { centre: Vector2::new(e, n), radius }),
        (None, None) => None,
    };
    let source = Source::open(&args.project, args.unit, args.up)?;
    if let Source::Project(project) = &source
        && project.current("city").is_err()
    {
        return sparse(project, given.as_ref());
    }
    let subject: Subject = source.subject(&ctx)?;
    let area = match given {
        Some(area) => area,
        None => Area::Rectangle(well_covered(&subject.city)?),
    };
    Ok(Relief::of_city(&subject.city, &area, subject.metric)?)
}

fn sparse(project: &Project, area: Option<&Area>) -> Result<Relief, CliError> {
    let sparse: Reconstruction = project.current("sparse")?.get("output")?;
    let metric = matches!(sparse.georeference, Georeference::Local { .. });
    // Points of two photos are the least certain.
    let sure = sparse.points.iter().filter(|p| p.track.len() > 2);
    let points: Vec<Vector3<f64>> = sure.map(|p| p.position).collect();
    Ok(Relief::of_points(&points, area, metric)?)
}

fn said(args: &QuoteArgs, quotes: &[(&Printer, Result<Quote, PrintError>)]) -> Result<(), CliError> {
    if args.json {
        #[derive(serde::Serialize)]
        struct Row<'a> {
            printer: &'a str,
            quote: Option<&'a Quote>,
            error: Option<String>,
        }
        let rows: Vec<Row<'_>> = quotes
            .iter()
            .map(|(printer, q)| Row {
                printer: &printer.name,
                quote: q.as_ref().ok(),
                error: q.as_ref().err().map(ToString::to_string),
            })
            .collect();
        say(serde_json::to_string_pretty(&rows).map_err(|e| CliError::new(e.to_string(), ""))?);
        return Ok(());
    }
    let mut notes: Vec<(&str, Vec<&str>)> = Vec::new();
    for (printer, q) in quotes {
        match q {
            Ok(q) => {
                show(q);
                for note in &q.notes {
                    match notes.iter_mut().find(|n| n.0 == note) {
                        Some(known) => known.1.push(&printer.name),
                        None => notes.push((note, vec![&printer.name])),
                    }
                }
            }
            Err(e) => say(format!("{:<10} {e}: {}", printer.name, e.hint())),
        }
    }
    for (note, of) in notes {
        let whose = if of.len() == quotes.len() { String::new() } else { format!(" ({})", of.join(", ")) };
        say(format!("note: {note}{whose}"));
    }
    Ok(())
}

fn show(q: &Quote) {
    let value = |m: &Measured, digits: usize| format!("{:.digits$} ± {:.digits$}", m.value, m.sigma);
    let [x, y, z] = q.size_mm;
    let scale = q.scale.map_or_else(String::new, |n| format!(", 1:{n:.0}"));
    let mut line = format!("{:<10} {x:.0} x {y:.0} x {z:.0} mm{scale}, {} cm3", q.printer, value(&q.volume_cm3, 1));
    if let Some(mm) = q.making.hollow_mm {
        line += &format!(" (hollow, walls {mm} mm)");
    }
    if let Some(mass) = &q.mass_g {
        line += &format!(", {} g", value(mass, 0));
    }
    if let Some(price) = &q.price {
        line += &format!(", price {}", value(price, 2));
    }
    if let Some(hours) = &q.hours {
        line += &format!(", {} h", value(hours, 1));
    }
    line += &match q.split {
        Some([1, 1]) => String::new(),
        Some([a, b]) => format!(", in {a} x {b} pieces"),
        None => ", too high for the printer".to_string(),
    };
    say(line);
}

impl From<PrintError> for CliError {
    fn from(e: PrintError) -> Self {
        OrderError::from(e).into()
    }
}
