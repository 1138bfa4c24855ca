//! A tray as one 3MF file, with every copy at its place.
//!
//! In: made parts and their trays. Out: a file for each tray that is laid out in its own way, each read back before it counts.
//! Parts carry their textures; orders for filaments or with colours at vertices have no plates, because the programs that
//! print those arrange parts themselves.

use super::files::put;
use super::trays::Trays;
use super::{FileError, Made, Order, OrderError, TicketFile, trays};
use crate::base::{Ctx, Diagnostic};
use crate::formats::{read, threemf};
use crate::print::printer::{Printer, Quirk};
use std::io::{Cursor, Error};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Fails where an order can have no plates with a printer.
pub fn check(order: &Order, printer: &Printer) -> Result<(), OrderError> {
    let no = |reason: String| Err(OrderError::NoPlates { reason });
    if trays::bed(printer).is_none() {
        return no(format!("the rule pack of {} gives no build volume", printer.title));
    }
    if order.colour.filaments_for(printer).is_some() {
        return no("they carry textures, and the order is for filaments".into());
    }
    Ok(())
}

/// Writes the plates, each with the numbers of the trays that are like it.
pub(super) fn write(
    ctx: &Ctx,
    made: &Made,
    trays: &Trays,
    folder: &Path,
) -> Result<Vec<(TicketFile, Range<usize>)>, OrderError> {
    let mut files = Vec::new();
    let alike = trays.alike();
    let most = trays.trays.iter().map(|t| t.placements.len()).max().unwrap_or(0);
    if most > 1 && made.printer.quirks.contains(&Quirk::OneBody) {
        let text = format!("{} takes one body in a file; a plate here has up to {most}", made.printer.title);
        ctx.report(Diagnostic::warning("plate-several-bodies", "", text, "print the parts from their own files"));
    }
    let total = alike.len() as u64;
    for range in alike {
        ctx.tick(files.len() as u64, total)?;
        let name = format!("plate-{}.3mf", range.start + 1);
        let bytes = encoded(made, trays, range.start, &name)?;
        put(&folder.join(&name), &bytes)?;
        let blake3 = blake3::hash(&bytes).to_hex().to_string();
        files.push((TicketFile { name, bytes: bytes.len() as u64, blake3 }, range));
    }
    Ok(files)
}

fn encoded(made: &Made, trays: &Trays, tray: usize, name: &str) -> Result<Vec<u8>, OrderError> {
    let placements = &trays.trays[tray].placements;
    let mut used: Vec<usize> = placements.iter().map(|p| p.part).collect();
    used.dedup();
    let parts: Vec<_> = used.iter().map(|&i| &*made.parts[i].part).collect();
    let place = |p: &crate::print::pack::Placement| {
        let part = used.iter().position(|&u| u == p.part)?;
        let bounds = parts[part].mesh.bounds()?;
        let name = format!("{} copy {}", made.parts[p.part].name, p.copy);
        Some(threemf::Placed { part, name, tray_from_part: p.tray_from_part(bounds) })
    };
    let placed: Vec<_> = placements.iter().filter_map(place).collect();
    let title = made.parts[0].part.title.clone();
    let metadata = threemf::Metadata { title, description: format!("Tray {} of {}", tray + 1, trays.trays.len()) };
    let mut out = Cursor::new(Vec::new());
    let failed = |e: &Error| FileError::new("encode", &PathBuf::from(name), e);
    threemf::write_tray(&parts, &placed, &metadata, &mut out).map_err(|e| failed(&e))?;
    let bytes = out.into_inner();
    // What cannot be read back whole is no file for a printer.
    let mesh = read::read(name, &bytes, &mut |_| Err(Error::other("a plate refers to nothing beside it")))
        .map_err(|reason| OrderError::Read { file: PathBuf::from(name), reason })?;
    let wanted: usize = placed.iter().map(|p| parts[p.part].mesh.triangles.len()).sum();
    if mesh.mesh.triangles.len() != wanted {
        let reason = format!("{} triangles were read back of {wanted}", mesh.mesh.triangles.len());
        return Err(failed(&Error::other(reason)).into());
    }
    Ok(bytes)
}
