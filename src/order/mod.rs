//! Print orders: which piece of a city, how large, for which printer, in which formats; made, judged and written.
//!
//! In: a [`Subject`] (the city) and an [`Order`]. Out: the parts in memory ([`make()`] gives [`Made`]), their files in
//! memory with the judge's verdicts ([`encode()`], [`judged`]), where their copies stand in the printer ([`trays`]), and a folder
//! with files, pictures, `report.html` and `ticket.json` ([`write()`]). An order is data: a project keeps it, templates hold it, [`command()`] writes it as a command
//! line. Who adds a field gives it a default, a line in [`Order::check`] where it can have no sense, and one in
//! [`command()`]. Cost: that of [`crate::print`].

mod change_map;
mod colours;
mod command;
mod encode;
mod error;
pub mod files;
pub mod foreign;
mod make;
mod page;
pub mod pictures;
pub mod plates;
mod printed;
pub mod printers;
pub mod slices;
mod ticket;
mod tray_map;
pub mod trays;
mod write;

pub use colours::ColourOrder;
pub use command::command;
pub use encode::{Encoded, encode, judged};
pub use error::OrderError;
pub use files::FileError;
pub use make::{Made, MadePart, Subject, make};
pub use printed::{Printed, SEEN};
pub use ticket::{Ticket, TicketFile, TicketPart, TicketTray};
pub use write::{Judged, Written, write};

use crate::print::hollow::Hollow;
use crate::print::plinth::Plinth;
use crate::print::printer::Printer;
use crate::print::split::Split;
use crate::print::{Area, PartOptions, PartSize, PrintError};
use crate::scene::Part;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What is to be printed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Order {
    /// Printer profile: its name, or the path of a rule pack.
    pub printer: String,
    /// The piece of ground; `None` takes the largest well-covered rectangle.
    pub area: Option<Area>,
    /// Size.
    pub size: PartSize,
    /// Exaggeration of heights.
    pub z_scale: f64,
    /// Material below the lowest place of the surface.
    pub base_mm: f64,
    /// Whether walls are made as thick, and gaps as wide, as the printer asks for.
    pub thicken: bool,
    /// Thickness of the shell of hollow parts; `None` leaves them full.
    pub hollow_mm: Option<f64>,
    /// Width of drain holes; `None` takes the printer's least, or 4 mm.
    pub drain_mm: Option<f64>,
    /// How the whole is cut into parts.
    pub split: Split,
    /// Straight cuts instead of such that follow the streets.
    pub split_straight: bool,
    /// Text and north arrow on a slab around the city.
    pub plinth: Plinth,
    /// Colours.
    pub colour: ColourOrder,
    /// Formats; none takes 3MF, or the first that the printer takes.
    pub formats: Vec<Format>,
    /// Title; `None` takes the subject's name.
    pub title: Option<String>,
    /// How many of each part.
    pub copies: u32,
    /// Whether each tray is also written as one file.
    pub plates: bool,
    /// Faults that a person takes responsibility for.
    pub waived: Vec<Waiver>,
}

impl Default for Order {
    fn default() -> Self {
        let part = PartOptions::default();
        Self {
            printer: "default".into(),
            area: None,
            size: part.size,
            z_scale: part.z_scale,
            base_mm: part.base_mm,
            thicken: true,
            hollow_mm: None,
            drain_mm: None,
            split: Split::None,
            split_straight: false,
            plinth: Plinth::default(),
            colour: ColourOrder::default(),
            formats: Vec::new(),
            title: None,
            copies: 1,
            plates: false,
            waived: Vec::new(),
        }
    }
}

/// A kind of fault that does not stop this order, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The code of the judge's finding.
    pub code: String,
    /// Why it does not matter here.
    pub reason: String,
}

/// A format of print files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[value(rename_all = "lower")]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// 3MF with texture
    #[value(name = "3mf")]
    #[serde(rename = "3mf")]
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
    /// Voxel slices: a PNG for each layer and a manifest
    Slices,
}

impl Format {
    /// Those that are one file with what it refers to.
    pub const ALL: [Self; 6] = [Self::ThreeMf, Self::Obj, Self::Wrl, Self::Ply, Self::Glb, Self::Stl];

    /// The ending of its files' names.
    pub fn ending(self) -> &'static str {
        match self {
            Self::ThreeMf => "3mf",
            Self::Obj => "obj",
            Self::Wrl => "wrl",
            Self::Ply => "ply",
            Self::Glb => "glb",
            Self::Stl => "stl",
            Self::Slices => "png",
        }
    }
}

/// A field of an order, so that what is wrong can be shown beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The area.
    Area,
    /// Scale or size.
    Size,
    /// Exaggeration of heights.
    ZScale,
    /// Base.
    Base,
    /// Shell and drain holes.
    Hollow,
    /// Pieces.
    Split,
    /// Text and north arrow.
    Plinth,
    /// Colours.
    Colour,
    /// Copies.
    Copies,
    /// Plates.
    Plates,
    /// Waivers.
    Waived,
}

impl Order {
    /// What is wrong with the fields, as far as they say so without the city.
    pub fn check(&self) -> Vec<(Field, OrderError)> {
        let mut wrong: Vec<(Field, OrderError)> = Vec::new();
        if let Some(Err(e)) = self.area.as_ref().map(|a| a.outline(1.0, 0.01)) {
            wrong.push((Field::Area, e.into()));
        }
        let (what, size) = match self.size {
            PartSize::Scale(n) => ("the N of the scale 1:N", n),
            PartSize::LongestMm(mm) => ("the longest side in millimetres", mm),
        };
        for (field, what, value) in
            [(Field::Size, what, size), (Field::ZScale, "the exaggeration of heights", self.z_scale)]
        {
            if !(value > 0.0 && value.is_finite()) {
                wrong.push((field, PrintError::Absurd { what, value, limit: "positive and finite" }.into()));
            }
        }
        if !(self.base_mm >= 2.0) {
            wrong.push((Field::Base, PrintError::ThinBase { base_mm: self.base_mm }.into()));
        }
        let lengths = [
            ("the thickness of the shell", self.hollow_mm),
            ("the width of drain holes", self.drain_mm),
            ("the height of the letters", self.plinth.text_mm),
        ];
        for (what, value) in lengths.into_iter().filter_map(|(what, v)| Some((what, v?))) {
            if !(value > 0.0 && value.is_finite()) {
                let field = if what.contains("letters") { Field::Plinth } else { Field::Hollow };
                wrong.push((field, PrintError::Absurd { what, value, limit: "positive and finite" }.into()));
            }
        }
        if self.plinth.text.as_ref().is_some_and(|t| t.trim().is_empty()) {
            wrong.push((Field::Plinth, PrintError::EmptyText.into()));
        }
        if let Split::Grid(columns, rows) = self.split
            && !((1..=26).contains(&columns) && (1..=26).contains(&rows))
        {
            let value = if (1..=26).contains(&columns) { rows } else { columns } as f64;
            let what = "the number of pieces along a side";
            wrong.push((Field::Split, PrintError::Absurd { what, value, limit: "1 to 26" }.into()));
        }
        if let Some(e) = self.colour.check() {
            wrong.push((Field::Colour, e));
        }
        if self.copies == 0 {
            let value = 0.0;
            wrong.push((
                Field::Copies,
                PrintError::Absurd { what: "the number of copies", value, limit: "1 or more" }.into(),
            ));
        }
        if self.plates && self.colour.vertices {
            let reason = "they carry textures, and the order asks for colours at vertices".into();
            wrong.push((Field::Plates, OrderError::NoPlates { reason }));
        }
        for waiver in self.waived.iter().filter(|w| w.reason.trim().is_empty()) {
            wrong.push((Field::Waived, OrderError::NoReason { code: waiver.code.clone() }));
        }
        wrong
    }

    /// The formats that are written for a printer, besides slices.
    pub fn formats_for(&self, printer: &Printer) -> Result<Vec<Format>, OrderError> {
        let own: Vec<Format> = self.formats.iter().copied().filter(|f| *f != Format::Slices).collect();
        if !own.is_empty() {
            return Ok(own);
        }
        let Some(accepted) = printer.formats.as_ref().map(|f| &f.value) else { return Ok(vec![Format::ThreeMf]) };
        let first = Format::ALL.into_iter().find(|f| accepted.iter().any(|a| a == f.ending()));
        let none = || OrderError::NoFormat { printer: printer.title.clone(), accepted: accepted.join(", ") };
        first.map(|f| vec![f]).ok_or_else(none)
    }

    /// What [`crate::print`] is to make of a subject.
    pub fn part_options(&self, printer: &Printer, subject: &Subject) -> PartOptions {
        let limits = PartOptions::for_printer(printer);
        PartOptions {
            area: self.area.clone(),
            size: self.size,
            metric: subject.metric,
            base_mm: self.base_mm,
            z_scale: self.z_scale,
            reach: limits.reach.filter(|_| self.thicken),
            plinth: self.plinth.clone().for_printer(printer),
            hollow: self.hollow_mm.map(|wall_mm| Hollow {
                wall_mm,
                drain_mm: self.drain_mm.unwrap_or_else(|| printer.drain_mm.as_ref().map_or(4.0, |l| l.value).max(4.0)),
            }),
            split: self.split,
            split_straight: self.split_straight,
            title: self.title.clone().unwrap_or_else(|| subject.name.clone()),
            ..limits
        }
    }

    /// Whether the parts of another order would be the same: the order differs at most in what is done with them.
    pub fn makes_the_same(&self, other: &Self) -> bool {
        let Self { formats, copies, plates, waived, .. } = other.clone();
        Self { formats, copies, plates, waived, ..self.clone() } == *other
    }

    /// Whether the bodies of another order would be the same: beyond that, at most their colours differ.
    pub fn shapes_the_same(&self, other: &Self) -> bool {
        Self { colour: other.colour.clone(), ..self.clone() }.makes_the_same(other)
    }

    /// The waiver of a finding, if there is one.
    pub fn waiver(&self, code: &str) -> Option<&Waiver> {
        self.waived.iter().find(|w| w.code == code)
    }
}

/// A part in a sentence, for the metadata of its file.
pub fn describe(part: &Part) -> String {
    match part.scale_denominator {
        Some(n) => format!("City model at 1:{n:.0}"),
        None => "City model, scale unknown".into(),
    }
}

#[cfg(test)]
mod tests;
