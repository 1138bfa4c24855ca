//! The parts of an order, with their copies, on the printer's trays.
//!
//! In: made parts, whose order says how many copies. Out: [`Trays`], in millimetres from each tray's lower left corner; none
//! where the profile has no build volume. Cost: a tenth of a second for a part of a million triangles, and that of
//! [`mod@crate::print::pack`].

use super::{Made, OrderError};
use crate::base::Ctx;
use crate::print::pack::{Bed, Footprint, SPACING_MM, Tray, pack};
use crate::print::printer::Printer;
use std::ops::Range;

/// Trays and what stands on them.
#[derive(Clone, Debug)]
pub struct Trays {
    /// The printer's tray.
    pub bed: Bed,
    /// What each part covers.
    pub footprints: Vec<Footprint>,
    /// The trays.
    pub trays: Vec<Tray>,
}

impl Trays {
    /// Packs the parts of an order.
    pub fn of(ctx: &Ctx, made: &Made) -> Result<Option<Self>, OrderError> {
        let Some(bed) = bed(&made.printer) else { return Ok(None) };
        let cell = bed.cell_mm();
        let footprints: Vec<Footprint> =
            made.parts.iter().map(|p| Footprint::of(&p.name, &p.part.mesh, cell)).collect();
        let trays = pack(ctx, &footprints, made.order.copies, &bed)?;
        Ok(Some(Self { bed, footprints, trays }))
    }

    /// Trays one after the other on which the same parts stand in the same places, together.
    pub fn alike(&self) -> Vec<Range<usize>> {
        let places = |t: &Tray| t.placements.iter().map(|p| (p.part, p.at_mm, p.quarters)).collect::<Vec<_>>();
        let mut alike: Vec<Range<usize>> = Vec::new();
        for (i, tray) in self.trays.iter().enumerate() {
            match alike.last_mut().filter(|r| places(&self.trays[r.start]) == places(tray)) {
                Some(range) => range.end = i + 1,
                None => alike.push(i..i + 1),
            }
        }
        alike
    }

    /// Whether there is more than one part on all trays together.
    pub fn hold_several(&self) -> bool {
        self.trays.iter().map(|t| t.placements.len()).sum::<usize>() > 1
    }
}

/// A printer's tray; none where its rule pack gives no build volume.
pub fn bed(printer: &Printer) -> Option<Bed> {
    let build_mm = printer.build_mm.as_ref()?.value;
    let spacing_mm = printer.spacing_mm.as_ref().map_or(SPACING_MM, |l| l.value);
    Some(Bed { build_mm, spacing_mm })
}

/// Trays by their numbers, for a person.
pub fn numbers(range: &Range<usize>) -> String {
    if range.len() == 1 {
        format!("Tray {}", range.start + 1)
    } else {
        format!("Trays {} to {}, all alike", range.start + 1, range.end)
    }
}
