//! The job ticket: everything that a factory and its machines need to know about the parts.

use super::trays::Trays;
use super::{FileError, Made, OrderError, Waiver, Written};
use crate::print::changes::{Change, counted};
use crate::print::colour::above::Difference;
use crate::print::outline::footprint;
use crate::print::pack::{Bed, Tray};
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
    /// Where the profile's price comes from, where it states one.
    pub price_source: Option<String>,
    /// The N of 1:N; none where the city has no known scale.
    pub scale_denominator: Option<f64>,
    /// Exaggeration of heights.
    pub z_scale: f64,
    /// Millimetres below the lowest place.
    pub base_mm: f64,
    /// How many of each part.
    pub copies: u32,
    /// Parts.
    pub parts: Vec<TicketPart>,
    /// Where each copy stands on the printer's trays; none where the profile gives no build volume.
    pub trays: Vec<TicketTray>,
    /// Trays as files, where they were asked for.
    pub plates: Vec<TicketFile>,
    /// How many things of each class were changed for the printer's sake.
    pub changes: Vec<TicketChange>,
    /// The largest of them, with their places in the whole.
    pub changed: Vec<Change>,
    /// Kinds of fault that a person took responsibility for, and why.
    pub waived: Vec<Waiver>,
    /// What was said while they were made.
    pub notes: Vec<String>,
}

/// Most changed things that are listed one by one.
const LISTED: usize = 100;

/// Things of one class that were changed alike.
#[derive(Debug, Serialize)]
pub struct TicketChange {
    /// What was done: `thickened`, `shaved`, `gap filled`.
    pub done: &'static str,
    /// On what; `surface` where the city has no classes.
    pub class: &'static str,
    /// How many.
    pub count: usize,
    /// Their surface.
    pub area_mm2: f64,
}

/// One part.
#[derive(Debug, Serialize)]
pub struct TicketPart {
    /// Its name.
    pub name: String,
    /// Width, depth, height in millimetres.
    pub size_mm: [f64; 3],
    /// Where its lower left corner is in the whole: the assembly map.
    pub at_mm: [f64; 3],
    /// The corners of its underside in the whole, counter-clockwise; pegs stand out of it.
    pub outline_mm: Vec<[f64; 2]>,
    /// Triangles.
    pub triangles: usize,
    /// Volume.
    pub volume_cm3: f64,
    /// Surface.
    pub area_cm2: f64,
    /// How the part's own colours differ from the full city's, seen from above.
    pub likeness: Difference,
    /// Mass, where the profile gives a density.
    pub mass_g: Option<f64>,
    /// Price in the profile's currency, where it gives one.
    pub price: Option<f64>,
    /// Whether every file is without fault.
    pub passes: bool,
    /// Files with their checksums.
    pub files: Vec<TicketFile>,
}

/// One tray.
#[derive(Debug, Serialize)]
pub struct TicketTray {
    /// Width and depth in millimetres.
    pub size_mm: [f64; 2],
    /// Least distance between parts.
    pub spacing_mm: f64,
    /// Height of the tallest part on it.
    pub height_mm: f64,
    /// Share of it that is covered, 0..=1.
    pub used: f64,
    /// Name of the file with the whole tray.
    pub plate: Option<String>,
    /// What stands on it.
    pub placements: Vec<TicketPlacement>,
}

/// A copy of a part on a tray.
#[derive(Debug, Serialize)]
pub struct TicketPlacement {
    /// The part's name.
    pub part: String,
    /// Which copy of it, from 1.
    pub copy: u32,
    /// Lower left corner of its box, turned as it is, from that of the tray.
    pub x_mm: f64,
    /// The same, towards the back.
    pub y_mm: f64,
    /// Degrees by which it is turned, counter-clockwise seen from above: 0, 90, 180 or 270.
    pub turn_deg: u32,
}

/// One file.
#[derive(Clone, Debug, Serialize)]
pub struct TicketFile {
    /// Name in the folder.
    pub name: String,
    /// Bytes.
    pub bytes: u64,
    /// BLAKE3 checksum in hexadecimal digits.
    pub blake3: String,
}

/// Collects the ticket.
pub fn of(made: &Made, written: &Written, command: &str) -> Result<Ticket, OrderError> {
    let parts: Result<Vec<TicketPart>, OrderError> = (0..made.parts.len()).map(|i| part(made, written, i)).collect();
    let first = &made.parts[0].part;
    Ok(Ticket {
        title: first.title.clone(),
        software: format!("veduta {}", env!("CARGO_PKG_VERSION")),
        command: command.into(),
        printer: [made.printer.name.clone(), made.printer.title.clone()],
        price_source: made.printer.price_source(),
        scale_denominator: first.scale_denominator,
        z_scale: made.order.z_scale,
        base_mm: made.order.base_mm,
        copies: made.order.copies,
        parts: parts?,
        trays: written.trays.as_ref().map_or_else(Vec::new, |t| on_trays(made, written, t)),
        plates: written.plates.iter().map(|(file, _)| file.clone()).collect(),
        changes: counted(&made.changes)
            .into_iter()
            .map(|(act, class, count, area_mm2)| TicketChange {
                done: act.word(),
                class: class.map_or("surface", |c| c.word()),
                count,
                area_mm2,
            })
            .collect(),
        changed: made.changes.iter().take(LISTED).copied().collect(),
        waived: made.order.waived.clone(),
        notes: made.notes.iter().map(|d| d.message.clone()).collect(),
    })
}

fn on_trays(made: &Made, written: &Written, trays: &Trays) -> Vec<TicketTray> {
    let Bed { build_mm: [width, depth, _], spacing_mm } = trays.bed;
    let tray = |(i, tray): (usize, &Tray)| TicketTray {
        size_mm: [width, depth],
        spacing_mm,
        height_mm: tray.height_mm,
        used: tray.used,
        plate: written.plates.iter().find(|(_, of)| of.contains(&i)).map(|(file, _)| file.name.clone()),
        placements: tray
            .placements
            .iter()
            .map(|p| TicketPlacement {
                part: made.parts[p.part].name.clone(),
                copy: p.copy,
                x_mm: p.at_mm[0],
                y_mm: p.at_mm[1],
                turn_deg: p.turn_deg(),
            })
            .collect(),
    };
    trays.trays.iter().enumerate().map(tray).collect()
}

fn part(made: &Made, written: &Written, index: usize) -> Result<TicketPart, OrderError> {
    let own: Vec<_> = written.files.iter().filter(|(judged, _)| judged.part == index).collect();
    let mut files: Vec<TicketFile> = Vec::new();
    for path in own.iter().flat_map(|(_, paths)| paths) {
        let inside = path.strip_prefix(&written.folder).unwrap_or(path);
        let name = inside.iter().map(|n| n.to_string_lossy()).collect::<Vec<_>>().join("/");
        if files.iter().any(|f| f.name == name) {
            continue;
        }
        let bytes = std::fs::read(path).map_err(|e| FileError::new("read", path, &e))?;
        files.push(TicketFile { name, bytes: bytes.len() as u64, blake3: blake3::hash(&bytes).to_hex().to_string() });
    }
    let verdict = own.first().map(|(judged, _)| &judged.verdict);
    let mesh = &made.parts[index].part.mesh;
    let size = mesh.bounds().map_or_else(Default::default, |(low, high)| high - low);
    Ok(TicketPart {
        name: made.parts[index].name.clone(),
        size_mm: size.into(),
        at_mm: made.parts[index].at.into(),
        outline_mm: outline(made, index),
        triangles: mesh.triangles.len(),
        volume_cm3: mesh.volume() / 1000.0,
        area_cm2: (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm()).sum::<f64>() / 200.0,
        likeness: made.parts[index].likeness.clone(),
        mass_g: verdict.and_then(|v| v.mass_g),
        price: verdict.and_then(|v| v.price),
        passes: own.iter().all(|(judged, _)| judged.faults().next().is_none()),
        files,
    })
}

fn outline(made: &Made, index: usize) -> Vec<[f64; 2]> {
    let part = &made.parts[index];
    let rounded = |x: f64| (x * 1000.0).round() / 1000.0;
    footprint(&part.part.mesh).iter().map(|p| (p + part.at.xy()).map(rounded).into()).collect()
}
