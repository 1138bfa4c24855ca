//! Writes what was made into a folder: files, each read back and judged, plates, pictures, report and ticket.

use super::files::put;
use super::trays::Trays;
use super::{FileError, Format, Made, OrderError, TicketFile, encode, judged, page, pictures, plates, slices, ticket};
use crate::base::{Ctx, Diagnostic, Event, Severity};
use crate::print::PrintError;
use crate::print::judge::{Finding, Verdict};
use crate::scene::Part;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A file of a part and what the judge said of it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Which part.
    pub part: usize,
    /// In which format.
    pub format: Format,
    /// BLAKE3 of the file.
    pub checksum: String,
    /// Bytes of it and of what it refers to.
    pub bytes: u64,
    /// The judgement.
    pub verdict: Verdict,
}

impl Judged {
    /// Encodes, reads back and judges one part in one format; `known` spares the judging of a file that was judged before.
    pub fn of(
        ctx: &Ctx,
        made: &Made,
        (part, format): (usize, Format),
        known: &[Self],
    ) -> Result<(Self, encode::Encoded), OrderError> {
        let of = &made.parts[part];
        let own = made.order.colour.encoded(ctx, (&of.part, &of.name), format, &made.printer)?;
        let encoded = own.map_or_else(|| encode::encode(&of.part, &of.name, format), Ok)?;
        let checksum = blake3::hash(encoded.files.first().map_or(&[], |f| f.1.as_slice())).to_hex().to_string();
        let verdict = match known.iter().find(|k| k.checksum == checksum && k.verdict.printer == made.printer.name) {
            Some(known) => known.verdict.clone(),
            None => judged(ctx, &encoded, &made.printer)?,
        };
        Ok((Self { part, format, checksum, bytes: encoded.bytes(), verdict }, encoded))
    }

    /// The faults.
    pub fn faults(&self) -> impl Iterator<Item = &Finding> {
        self.verdict.of(Severity::Error)
    }
}

/// What was written.
pub struct Written {
    /// The folder.
    pub folder: PathBuf,
    /// Files with their judgement, part by part.
    pub files: Vec<(Judged, Vec<PathBuf>)>,
    /// Trays as files, each with the numbers of the trays that are like it.
    pub plates: Vec<(TicketFile, Range<usize>)>,
    /// Where the copies stand, where the profile gives a build volume.
    pub trays: Option<Trays>,
}

impl Written {
    /// Faults that nobody waived, with the file.
    pub fn faults<'a>(&'a self, made: &'a Made) -> impl Iterator<Item = (&'a Path, &'a Finding)> {
        let of = |(judged, paths): &'a (Judged, Vec<PathBuf>)| {
            let path = paths.first().map_or(Path::new(""), PathBuf::as_path);
            judged.faults().filter(|f| made.order.waiver(&f.code).is_none()).map(move |f| (path, f))
        };
        self.files.iter().flat_map(of)
    }
}

/// Writes everything; `command` is what repeats it, `known` are judgements of the same files.
pub fn write(ctx: &Ctx, made: &Made, folder: &Path, command: &str, known: &[Judged]) -> Result<Written, OrderError> {
    fs::create_dir_all(folder).map_err(|e| FileError::new("create", folder, &e))?;
    let formats = made.order.formats_for(&made.printer)?;
    if made.order.plates {
        plates::check(&made.order, &made.printer)?;
    }
    let notes: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
    let (kept, view) = (notes.clone(), ctx.clone());
    let listening = ctx.observed(move |event| {
        if let Event::Diagnostic { diagnostic, .. } = &event {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic.clone());
        }
        view.emit(event);
    });
    let slices = made.order.formats.contains(&Format::Slices);
    let judging = if slices { 0.3 } else { 1.0 };
    let listening = listening.portion(0.0, judging);
    // The pictures take about as long as a file.
    let total = made.parts.len() * formats.len() + 1;
    let mut files = Vec::new();
    let mut painted: Vec<Option<Part>> = vec![None; made.parts.len()];
    for part in 0..made.parts.len() {
        for &format in &formats {
            let share = |n: usize| n as f64 / total as f64;
            let own = listening.portion(share(files.len()), share(files.len() + 1));
            own.tick(0, 1)?;
            let (judged, encoded) = Judged::of(&own, made, (part, format), known)?;
            let mut paths = Vec::new();
            for (name, bytes) in &encoded.files {
                let path = folder.join(name);
                if let Some(own) = path.parent().filter(|own| *own != folder) {
                    fs::create_dir_all(own).map_err(|e| FileError::new("create", own, &e))?;
                }
                put(&path, bytes)?;
                paths.push(path);
            }
            painted[part] = painted[part].take().or(encoded.shown);
            files.push((judged, paths));
        }
    }
    let several = made.parts.len() > 1;
    let mut shown = Vec::new();
    for (part, painted) in made.parts.iter().zip(&painted) {
        let proofs = made.order.colour.pictures(&part.part, &made.printer)?;
        for (side, picture) in
            pictures::from_all_sides(painted.as_ref().unwrap_or(&part.part)).into_iter().chain(proofs)
        {
            let whose = if several { format!("{}-", part.name.trim_start_matches("part-")) } else { String::new() };
            put(&folder.join(format!("preview-{whose}{side}.jpg")), &picture.jpeg)?;
            shown.push(picture);
        }
    }
    let trays = on_trays(&listening, made)?;
    let plates = match &trays {
        Some(trays) if made.order.plates => plates::write(&listening, made, trays, folder)?,
        _ => Vec::new(),
    };
    let written = Written { folder: folder.to_path_buf(), files, plates, trays };
    // What was said of the files belongs to the parts' notes.
    let mut made = made.clone();
    made.notes.extend(notes.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
    if slices {
        slices::write(&ctx.portion(judging, 1.0), &made, folder)?;
    }
    let ticket = ticket::of(&made, &written, command)?;
    let text = serde_json::to_string_pretty(&ticket).map_err(|e| OrderError::Ticket { reason: e.to_string() })?;
    put(&folder.join("ticket.json"), text.as_bytes())?;
    put(&folder.join("report.html"), page::report(&ticket, &written, &shown).as_bytes())?;
    Ok(written)
}

/// The trays; where a part does not fit upright on one, that is said, and stops only an order for plates.
fn on_trays(ctx: &Ctx, made: &Made) -> Result<Option<Trays>, OrderError> {
    match Trays::of(ctx, made) {
        Err(OrderError::Print(e @ PrintError::OffTray { .. })) if !made.order.plates => {
            ctx.report(Diagnostic::warning("part-off-tray", "", e.to_string(), e.hint()));
            Ok(None)
        }
        trays => trays,
    }
}
