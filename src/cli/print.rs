//! `veduta print`: print files of a piece of a city, made for one printer, judged, with pictures, a report and a ticket.
//!
//! In: a finished project, the piece of ground, the size, the printer's rule pack. Out: a folder with the part in each
//! format asked for, `preview-*.jpg`, `report.html` for a person and `ticket.json` for a factory. Every file that can be
//! read back is judged by the same rules as `veduta check`; faults make the exit status 1, the files stay.

mod area;
mod colours;

use super::check::{UnitArg, UpArg};
use super::run::with_bar;
use super::size::SizeArgs;
use super::{CliError, say, word};
use crate::base::Ctx;
use crate::order::trays::numbers;
use crate::order::{
    FileError, Format, Made, Order, OrderError, Subject, Waiver, Written, command, make, printers, write,
};
use crate::print::PartSize;
use crate::print::foreign::Reading;
use crate::print::judge::Finding;
use crate::print::pack::Tray;
use crate::print::plinth::Plinth;
use crate::print::split::Split;
use crate::project::{Project, ProjectError};
use crate::scene::LocalFrame;
use clap::Args;
use nalgebra::Vector2;
use std::path::{Path, PathBuf};

/// Arguments of `veduta print`.
#[derive(Debug, Args)]
pub struct PrintArgs {
    /// The project, with a finished city; or a textured mesh of any program: a file, or a folder of tiles
    pub project: PathBuf,
    /// Folder for the print files, pictures, report and ticket
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Printer profile: its name, or the path of a rule pack of your own; see `veduta printers`
    #[arg(long, default_value = "default", value_name = "PROFILE")]
    pub printer: String,
    /// A polygon in a GeoJSON file, in longitude and latitude or in the project's reference system
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rect", "circle", "polygon"])]
    pub area: Option<PathBuf>,
    /// A rectangle: centre east and north, width, depth in local metres, heading of its depth in degrees from north
    #[arg(long, value_name = "E,N,W,H,AZIMUTH", value_parser = super::args::parse_numbers::<5>, allow_hyphen_values = true,
        conflicts_with_all = ["circle", "polygon"])]
    pub rect: Option<[f64; 5]>,
    /// A circle: centre east and north, radius in local metres
    #[arg(long, value_name = "E,N,R", value_parser = super::args::parse_numbers::<3>, allow_hyphen_values = true,
        conflicts_with = "polygon")]
    pub circle: Option<[f64; 3]>,
    /// A polygon: east and north of each corner in local metres
    #[arg(long, value_name = "E,N,E,N,...", value_parser = parse_polygon, allow_hyphen_values = true)]
    pub polygon: Option<Polygon>,
    /// How large.
    #[command(flatten)]
    pub size: SizeArgs,
    /// Leave walls thinner, and gaps narrower, than the printer makes them
    #[arg(long)]
    pub no_thicken: bool,
    /// Make it hollow, with a shell of this thickness
    #[arg(long, value_name = "MM")]
    pub hollow_mm: Option<f64>,
    /// Width of drain holes in the base [default: the printer's least, or 4]
    #[arg(long, value_name = "MM", requires = "hollow_mm")]
    pub drain_mm: Option<f64>,
    /// Cut it into parts: `auto` for as few as fit into the printer, `3x2` for columns and rows, `none`
    #[arg(long, value_name = "auto|NxM|none", value_parser = parse_split, default_value = "none")]
    pub split: Split,
    /// Cut straight instead of along streets
    #[arg(long, requires = "split")]
    pub split_straight: bool,
    /// One line of text on a slab in front of the city
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Height of its capitals in millimetres
    #[arg(long, value_name = "MM", requires = "text")]
    pub text_mm: Option<f64>,
    /// Cut text and arrow into the slab instead of raising them
    #[arg(long)]
    pub engraved: bool,
    /// A north arrow on the slab
    #[arg(long)]
    pub north_arrow: bool,
    #[command(flatten)]
    pub colours: colours::ColourArgs,
    /// Formats to write [default: 3mf, or the first that the printer takes]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub formats: Vec<Format>,
    /// Title
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// How many of each part; the ticket and the report place them on the printer's trays
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub copies: u32,
    /// Write each of the printer's trays, with all copies in their places, as one 3MF file too
    #[arg(long, conflicts_with = "vertex_colours")]
    pub plates: bool,
    /// Unit of a mesh file's numbers [default: what the file says, otherwise m]
    #[arg(long, value_enum)]
    pub unit: Option<UnitArg>,
    /// The axis of a mesh file that points up [default: what the format says, otherwise z]
    #[arg(long, value_enum)]
    pub up: Option<UpArg>,
    /// A kind of fault that is no reason to stop, and why; may be repeated
    #[arg(long, value_name = "CODE=REASON", value_parser = parse_waiver)]
    pub waive: Vec<Waiver>,
}

/// What a person names as the thing to print.
pub(super) enum Source {
    /// A project.
    Project(Box<Project>),
    /// A mesh of another program.
    Mesh(PathBuf, Option<UnitArg>, Option<UpArg>),
}

impl Source {
    /// Opens a project; what is none is a mesh file or a folder of them.
    pub(super) fn open(path: &Path, unit: Option<UnitArg>, up: Option<UpArg>) -> Result<Self, CliError> {
        match Project::open_to_read(path) {
            Ok(project) => Ok(Self::Project(Box::new(project))),
            Err(ProjectError::NotAProject { .. }) if path.exists() => Ok(Self::Mesh(path.to_path_buf(), unit, up)),
            Err(e) => Err(e.into()),
        }
    }

    /// Where on earth it is.
    fn frame(&self) -> Result<Option<LocalFrame>, CliError> {
        match self {
            Self::Project(project) => Ok(Subject::frame_of(project)?),
            Self::Mesh(..) => Ok(None),
        }
    }

    /// The city.
    pub(super) fn subject(&self, ctx: &Ctx) -> Result<Subject, CliError> {
        match self {
            Self::Project(project) => Ok(Subject::of(project)?),
            Self::Mesh(path, unit, up) => {
                let reading = Reading { unit: unit.map(UnitArg::unit), up: up.map(UpArg::up) };
                Ok(Subject::of_mesh(ctx, path, &reading)?)
            }
        }
    }

    /// What the command line has beyond the order.
    fn options(&self) -> String {
        let Self::Mesh(_, unit, up) = self else { return String::new() };
        let unit = unit.map_or_else(String::new, |u| format!(" --unit {}", word(&u)));
        unit + &up.map_or_else(String::new, |u| format!(" --up {}", word(&u)))
    }
}

/// Corners of a polygon on the ground.
#[derive(Clone, Debug)]
pub struct Polygon(pub Vec<Vector2<f64>>);

/// Runs the command.
pub fn print(args: &PrintArgs) -> Result<(), CliError> {
    // What is wrong with the arguments is said before a large city is read.
    let printer = printers::find(&args.printer)?;
    let ctx = super::run::context(false).for_stage("print");
    let source = Source::open(&args.project, args.unit, args.up)?;
    let order = order(args, source.frame()?.as_ref())?;
    order.formats_for(&printer)?;
    let command = command(&order, &args.project, &args.out) + &source.options();
    let (made, written) = with_bar(&ctx, "print", || {
        let subject = source.subject(&ctx.portion(0.0, 0.1))?;
        let made = make(&ctx.portion(0.1, 0.7), &subject, &order)?;
        let written = write(&ctx.portion(0.7, 1.0), &made, &args.out, &command, &[])?;
        Ok((made, written))
    })?;
    summary(args, &made, &written)
}

fn order(args: &PrintArgs, frame: Option<&LocalFrame>) -> Result<Order, CliError> {
    Ok(Order {
        printer: args.printer.clone(),
        area: area::of(args, frame)?,
        size: match args.size.scale {
            Some(n) => PartSize::Scale(n),
            None => PartSize::LongestMm(args.size.longest_mm()),
        },
        z_scale: args.size.z_scale,
        base_mm: args.size.base_mm,
        thicken: !args.no_thicken,
        hollow_mm: args.hollow_mm,
        drain_mm: args.drain_mm,
        split: args.split,
        split_straight: args.split_straight,
        plinth: Plinth {
            text: args.text.clone(),
            text_mm: args.text_mm,
            engraved: args.engraved,
            north_arrow: args.north_arrow,
            ..Plinth::default()
        },
        colour: args.colours.order(),
        formats: args.formats.clone(),
        title: args.title.clone(),
        copies: args.copies,
        plates: args.plates,
        waived: args.waive.clone(),
    })
}

fn parse_polygon(text: &str) -> Result<Polygon, String> {
    let read = |part: &str| part.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    let numbers: Option<Vec<f64>> = text.split(',').map(read).collect();
    let corners = numbers.filter(|n| n.len() >= 6 && n.len() % 2 == 0);
    let corners = corners.ok_or("a polygon is three or more corners, each its east and north, with commas between")?;
    Ok(Polygon(corners.chunks_exact(2).map(|c| Vector2::new(c[0], c[1])).collect()))
}

fn parse_split(text: &str) -> Result<Split, String> {
    match text {
        "none" => Ok(Split::None),
        "auto" => Ok(Split::Auto),
        _ => {
            let sides = text.split_once('x').and_then(|(c, r)| Some((c.parse().ok()?, r.parse().ok()?)));
            let (columns, rows) = sides.ok_or_else(|| format!("\"{text}\" is neither auto, none, nor like 3x2"))?;
            Ok(Split::Grid(columns, rows))
        }
    }
}

fn parse_waiver(text: &str) -> Result<Waiver, String> {
    let (code, reason) = text.split_once('=').ok_or_else(|| format!("\"{text}\" is not CODE=REASON"))?;
    Ok(Waiver { code: code.into(), reason: reason.into() })
}

fn summary(args: &PrintArgs, made: &Made, written: &Written) -> Result<(), CliError> {
    for part in &made.parts {
        let mesh = &part.part.mesh;
        let size = mesh.bounds().map_or_else(Default::default, |(low, high)| high - low);
        let scale = part.part.scale_denominator.map_or_else(String::new, |n| format!(", 1:{n:.0}"));
        let name = if made.parts.len() > 1 { format!("{}: ", part.name) } else { String::new() };
        let triangles = mesh.triangles.len();
        say(format!("{name}{:.1} x {:.1} x {:.1} mm{scale}, {triangles} triangles", size.x, size.y, size.z));
    }
    let mut faults = 0;
    for (file, paths) in &written.files {
        let waived = |f: &&Finding| made.order.waiver(&f.code).is_some();
        let own = file.faults().filter(|f| !waived(f)).count();
        faults += own;
        let path = paths.first().map_or_else(String::new, |p| p.display().to_string());
        say(format!("{path}: {}", if own == 0 { "no fault" } else { "faults" }));
        for finding in file.faults() {
            let word = if waived(&finding) { "waived: " } else { "" };
            say(format!("  {word}{}: {}", finding.message, finding.hint));
        }
    }
    if let Some(trays) = written.trays.as_ref().filter(|t| t.hold_several()) {
        for range in trays.alike() {
            let Tray { placements, used, .. } = &trays.trays[range.start];
            let parts = if placements.len() == 1 { "one part".into() } else { format!("{} parts", placements.len()) };
            say(format!("{}: {parts}, {:.0} % covered", numbers(&range), 100.0 * used));
        }
    }
    for (file, _) in &written.plates {
        say(args.out.join(&file.name).display());
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

impl From<OrderError> for CliError {
    fn from(e: OrderError) -> Self {
        if e.is_cancelled() { Self::stopped() } else { Self::new(e.to_string(), e.hint()) }
    }
}

impl From<FileError> for CliError {
    fn from(e: FileError) -> Self {
        Self::new(e.to_string(), e.hint())
    }
}
