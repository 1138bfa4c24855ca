//! The command line's grammar. The doc comments are the help text.

use super::render::{ShadingArg, Side, What};
use crate::pipeline::{Quality, StageName};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Photographs of a city in, a textured 3D city and a colour print file out.
#[derive(Debug, Parser)]
#[command(name = "veduta", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the sample flight, run the whole job on it, and say where the results are
    Demo(DemoArgs),
    /// Reconstruct a city from photos; creates a project or resumes it
    Run(RunArgs),
    /// Show what is in a project: stages, photos, errors, sizes, times
    Info(InfoArgs),
    /// Write results to files: the format follows from the name
    Export(ExportArgs),
    /// Draw one picture of a result as a PNG
    Render(RenderArgs),
    /// Draw pictures all around a result, for a video
    Turntable(TurntableArgs),
    /// Write a self-contained HTML page about a project, with pictures
    Report(ReportArgs),
    /// Make a synthetic city flight with exact ground truth
    Synth(SynthArgs),
    /// Measure a project against ground truth
    Eval(EvalArgs),
    /// Tell a project where photos are now that were moved
    Relink(RelinkArgs),
    /// Judge a mesh file of any program for a printer: 3MF, OBJ, GLB, PLY, STL, WRL
    Check(super::check::CheckArgs),
    /// Make print files of a piece of the city for one printer, with pictures, a report and a ticket
    Print(Box<super::print::PrintArgs>),
    /// Say what a part will weigh and cost before it is made, or what can be had for a budget
    Quote(super::quote::QuoteArgs),
    /// List the printer profiles with their limits, sources and dates
    Printers {
        /// Only this one: its name, or the path of a rule pack of your own [default: all]
        profile: Option<String>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the GPUs, which would be used, and why
    Devices,
}

/// What was moved.
#[derive(Debug, Args)]
pub struct RelinkArgs {
    /// The project
    pub project: PathBuf,
    /// Folder that holds the photos now, searched with its subfolders
    pub folder: PathBuf,
}

/// How to run the stages.
#[derive(Clone, Debug, Args)]
pub struct WorkArgs {
    /// Last stage to run
    #[arg(long, value_enum, default_value = "part")]
    pub until: StageName,
    /// How much work to put in
    #[arg(long, value_enum, default_value = "normal")]
    pub quality: Quality,
    /// Where to compute; auto takes a GPU if there is one
    #[arg(long, value_enum, default_value = "auto")]
    pub device: Device,
    /// Scale of the part, for example 1:1000
    #[arg(long, value_name = "1:N", value_parser = parse_scale, conflicts_with = "size_mm")]
    pub scale: Option<f64>,
    /// Longest horizontal side of the part in millimetres [default: 150]
    #[arg(long, value_name = "MM", value_parser = parse_size_mm)]
    pub size_mm: Option<f64>,
    /// Memory to plan with, for example 8GiB [default: 70 % of what is free]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub max_memory: Option<u64>,
    /// Threads to use [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Seed of everything random; equal seeds give equal results
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print events as JSON lines on standard output instead of progress bars
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub events: Option<EventFormat>,
    /// Say what would be done, and stop
    #[arg(long)]
    pub dry_run: bool,
}

/// Arguments of `veduta run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Photos, or folders of photos (searched with their subfolders); not needed to resume
    #[arg(value_name = "PHOTOS")]
    pub photos: Vec<PathBuf>,
    /// The project folder
    #[arg(short = 'o', long = "out", value_name = "TOWN.veduta")]
    pub out: PathBuf,
    /// Control points.
    #[command(flatten)]
    pub control: ControlArgs,
    /// How to run the stages.
    #[command(flatten)]
    pub work: WorkArgs,
}

/// Control points of a run; they stay in the project.
#[derive(Clone, Debug, Default, Args)]
pub struct ControlArgs {
    /// List of control points: OpenDroneMap's gcp_list.txt with marks, or a table `name,x,y,z[,sx,sy,sz]` of coordinates to
    /// mark in the window; points of the same name are replaced
    #[arg(long, value_name = "FILE")]
    pub control: Option<PathBuf>,
    /// Reference system of the list, for example EPSG:25832 [default: what the list says]
    #[arg(long, value_name = "CRS", requires = "control")]
    pub control_crs: Option<String>,
    /// Do not believe the heights of the list
    #[arg(long, requires = "control")]
    pub control_ignore_height: bool,
    /// Standard deviation in metres of coordinates for which the list has none [default: 0.02, heights 0.03]
    #[arg(long, value_name = "M", requires = "control", value_parser = parse_sigma)]
    pub control_sigma: Option<f64>,
    /// Points that are only measured against, not adjusted to
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub check: Vec<String>,
}

/// Arguments of `veduta demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Where the sample flight and the results go
    #[arg(long, default_value = "veduta-demo", value_name = "DIR")]
    pub out: PathBuf,
    /// How to run the stages.
    #[command(flatten)]
    pub work: WorkArgs,
}

/// Arguments of `veduta info`.
#[derive(Debug, Args)]
pub struct InfoArgs {
    /// The project folder
    pub project: PathBuf,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `veduta export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The project folder
    pub project: PathBuf,
    /// Files to write: city.glb, city.obj, city.ply, dense.ply, dense.laz, dsm.tif, ortho.tif, part.3mf, part.stl,
    /// control.txt (points with marks), control.csv (coordinates); may be given several times, with a path before the name
    #[arg(long = "to", value_name = "FILE", required_unless_present = "colmap")]
    pub to: Vec<PathBuf>,
    /// Folder for the sparse stage as a COLMAP text model
    #[arg(long, value_name = "DIR")]
    pub colmap: Option<PathBuf>,
}

/// What a picture shows.
#[derive(Clone, Debug, Args)]
pub struct SceneArgs {
    /// What to show
    #[arg(long, value_enum, default_value = "city")]
    pub what: What,
    /// How to shade it
    #[arg(long, value_enum, default_value = "texture")]
    pub shading: ShadingArg,
    /// Draw the edges of the triangles too
    #[arg(long)]
    pub edges: bool,
    /// Draw without perspective
    #[arg(long)]
    pub parallel: bool,
    /// Leave the background transparent
    #[arg(long)]
    pub transparent: bool,
    /// A light background instead of a dark one
    #[arg(long)]
    pub light: bool,
    /// Show only what is inside a box: centre east, north, up, its width, depth, height, and its heading in degrees
    #[arg(long, value_name = "X,Y,Z,W,D,H,DEG", value_parser = parse_numbers::<7>, allow_hyphen_values = true)]
    pub clip: Option<[f64; 7]>,
}

/// Arguments of `veduta render`.
#[derive(Debug, Args)]
pub struct RenderArgs {
    /// The project folder
    pub project: PathBuf,
    /// The picture to write
    #[arg(short = 'o', long = "out", value_name = "PNG")]
    pub out: PathBuf,
    /// Side to look from
    #[arg(long, value_enum, default_value = "south-east")]
    pub view: Side,
    /// Look as this photo does (its file's name)
    #[arg(long, value_name = "NAME", conflicts_with_all = ["view", "camera"])]
    pub photo: Option<String>,
    /// Look from an exact place: target east, north, up, distance, then heading, slope, roll and field of view in degrees
    #[arg(long, value_name = "X,Y,Z,D,YAW,PITCH,ROLL,FOV", value_parser = parse_numbers::<8>,
        allow_hyphen_values = true, conflicts_with = "view")]
    pub camera: Option<[f64; 8]>,
    /// Width of the picture in pixels
    #[arg(long, default_value_t = 1600, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub width: u32,
    /// Height of the picture in pixels
    #[arg(long, default_value_t = 1000, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub height: u32,
    /// What it shows.
    #[command(flatten)]
    pub scene: SceneArgs,
}

/// Arguments of `veduta turntable`.
#[derive(Debug, Args)]
pub struct TurntableArgs {
    /// The project folder
    pub project: PathBuf,
    /// Folder for the pictures, frame-0001.png and so on
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Number of pictures
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=9999))]
    pub frames: u32,
    /// Time of one turn in seconds; says at which rate to play the pictures
    #[arg(long, default_value_t = 8.0, value_name = "S", value_parser = parse_seconds)]
    pub seconds: f64,
    /// Angle of the view below the horizontal in degrees
    #[arg(long, default_value_t = 35.0, value_name = "DEG", value_parser = parse_elevation)]
    pub elevation: f64,
    /// Width of the pictures in pixels
    #[arg(long, default_value_t = 1280, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub width: u32,
    /// Height of the pictures in pixels
    #[arg(long, default_value_t = 800, value_name = "PX", value_parser = clap::value_parser!(u32).range(16..=8192))]
    pub height: u32,
    /// What they show.
    #[command(flatten)]
    pub scene: SceneArgs,
}

/// Arguments of `veduta report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The project folder
    pub project: PathBuf,
    /// The page to write
    #[arg(short = 'o', long = "out", default_value = "report.html", value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `veduta synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// Folder to write to
    #[arg(short = 'o', long = "out", value_name = "DIR")]
    pub out: PathBuf,
    /// Number of photos
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(2..=5000))]
    pub photos: u32,
    /// Width of the photos in pixels; they are 3:2
    #[arg(long, default_value_t = 1280, value_name = "PX", value_parser = clap::value_parser!(u32).range(64..=8000))]
    pub width: u32,
    /// Seed of the city and the flight
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Standard deviation of the GPS in metres, horizontally; 1.5 times that vertically
    #[arg(long, default_value_t = 2.0, value_name = "M")]
    pub gps_sigma: f64,
    /// GPS errors independent from photo to photo, without the slow drift that real receivers have.
    #[arg(long)]
    pub gps_white: bool,
}

/// Arguments of `veduta eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// The project folder
    pub project: PathBuf,
    /// Folder with truth.json
    #[arg(long, value_name = "DIR")]
    pub truth: PathBuf,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

/// Where to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// A real GPU if there is one, otherwise the processor
    Auto,
    /// A real GPU, or fail
    Gpu,
    /// A software graphics driver (to test shaders)
    Software,
    /// The processor
    Cpu,
}

/// Format of the event stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EventFormat {
    /// One JSON object a line
    Json,
}

pub(super) fn parse_scale(text: &str) -> Result<f64, String> {
    let n = text.strip_prefix("1:").ok_or("write it as 1:N, for example 1:1000")?;
    let n: f64 = n.parse().map_err(|_| format!("\"{n}\" is not a number"))?;
    if (10.0..=1e6).contains(&n) { Ok(n) } else { Err(format!("1:{n} is outside 1:10 to 1:1000000")) }
}

pub(super) fn parse_numbers<const N: usize>(text: &str) -> Result<[f64; N], String> {
    let read = |part: &str| part.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    let numbers: Option<Vec<f64>> = text.split(',').map(read).collect();
    numbers.and_then(|n| n.try_into().ok()).ok_or_else(|| format!("\"{text}\" is not {N} numbers with commas between"))
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let s: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if (0.1..=3600.0).contains(&s) { Ok(s) } else { Err(format!("{s} s is outside 0.1 to 3600 s")) }
}

fn parse_elevation(text: &str) -> Result<f64, String> {
    let deg: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if (-20.0..=90.0).contains(&deg) { Ok(deg) } else { Err(format!("{deg} is outside -20 to 90 degrees")) }
}

pub(super) fn parse_size_mm(text: &str) -> Result<f64, String> {
    let mm: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if (10.0..=2000.0).contains(&mm) { Ok(mm) } else { Err(format!("{mm} mm is outside 10 to 2000 mm")) }
}

/// A length of up to a metre.
pub(super) fn parse_length_mm(text: &str) -> Result<f64, String> {
    let mm: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if mm > 0.0 && mm <= 1000.0 { Ok(mm) } else { Err(format!("{mm} mm is outside 0 to 1000 mm")) }
}

fn parse_sigma(text: &str) -> Result<f64, String> {
    let m: f64 = text.parse().map_err(|_| format!("\"{text}\" is not a number"))?;
    if (1e-4..=1e3).contains(&m) { Ok(m) } else { Err(format!("{m} m is outside 0.0001 to 1000 m")) }
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.trim().parse().map_err(|_| format!("\"{text}\" is not a size such as 8GiB"))?;
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "gib" | "g" => 1u64 << 30,
        "gb" => 1_000_000_000,
        "mib" | "m" => 1 << 20,
        "mb" => 1_000_000,
        "" | "b" => 1,
        other => return Err(format!("\"{other}\" is not a unit; use MiB or GiB")),
    };
    let bytes = number * unit as f64;
    if bytes >= (256u64 << 20) as f64 {
        Ok(bytes as u64)
    } else {
        Err(format!("{text} is below the smallest useful limit of 256MiB"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn grammar_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn values_are_checked() {
        assert_eq!(parse_scale("1:1000"), Ok(1000.0));
        assert!(parse_scale("1000").is_err() && parse_scale("1:x").is_err() && parse_scale("1:1").is_err());
        assert_eq!(parse_bytes("8GiB"), Ok(8 << 30));
        assert_eq!(parse_bytes("512 MiB"), Ok(512 << 20));
        assert!(parse_bytes("1").is_err() && parse_bytes("8 parsecs").is_err());
        assert_eq!(parse_numbers::<3>("1,-2.5, 3"), Ok([1.0, -2.5, 3.0]));
        assert!(parse_numbers::<3>("1,2").is_err() && parse_numbers::<2>("1,nan").is_err());
        assert!(parse_elevation("35").is_ok() && parse_elevation("91").is_err() && parse_seconds("0").is_err());
        assert!(parse_size_mm("150").is_ok() && parse_size_mm("5").is_err());
    }
}
