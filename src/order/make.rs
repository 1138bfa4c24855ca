//! Makes the parts of an order, in memory.

use super::colours::PROOF_NOTE;
use super::foreign::read_mesh;
use super::{ColourOrder, Format, Order, OrderError, plates, printers, slices};
use crate::base::{Ctx, Diagnostic, Event};
use crate::image::Rgb8;
use crate::print::changes::Change;
use crate::print::colour::above::Difference;
use crate::print::foreign::{self, Reading};
use crate::print::printer::Printer;
use crate::print::{Area, Frame, make_parts, well_covered};
use crate::project::Project;
use crate::scene::{City, Georeference, LocalFrame, Part, Reconstruction};
use nalgebra::Vector3;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What parts are cut from.
pub struct Subject {
    /// The city.
    pub city: City,
    /// Where on earth it is.
    pub frame: Option<LocalFrame>,
    /// Whether one unit of the city is one metre.
    pub metric: bool,
    /// Its name.
    pub name: String,
}

impl Subject {
    /// The city of a project.
    pub fn of(project: &Project) -> Result<Self, OrderError> {
        let frame = Self::frame_of(project)?;
        let city = project.current("city")?.get("output")?;
        let name = project.root().file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned());
        Ok(Self { metric: frame.is_some(), city, frame, name })
    }

    /// The city that another program wrote: a mesh file, or a folder of tiles.
    pub fn of_mesh(ctx: &Ctx, path: &Path, reading: &Reading) -> Result<Self, OrderError> {
        let (mesh, _) = read_mesh(path)?;
        let city = foreign::city(ctx, &mesh, reading)?;
        let name = path.file_stem().map_or_else(|| "city".into(), |s| s.to_string_lossy().into_owned());
        Ok(Self { city, frame: None, metric: true, name })
    }

    /// Where on earth the city of a project is.
    pub fn frame_of(project: &Project) -> Result<Option<LocalFrame>, OrderError> {
        let sparse: Reconstruction = project.current("sparse")?.get("output")?;
        Ok(match sparse.georeference {
            Georeference::Local { frame, .. } => Some(frame),
            Georeference::Unscaled => None,
        })
    }
}

/// One of the parts of an order.
#[derive(Clone, Debug)]
pub struct MadePart {
    /// The stem of its files' names: `part`, or `part-A1` and so on where there are several.
    pub name: String,
    /// The part; shared, so that an order whose formats or waivers change keeps it.
    pub part: Arc<Part>,
    /// The page in the city's own colours, where the order prints other ones.
    pub own: Option<Arc<Rgb8>>,
    /// Where its lower left corner is in the whole, in millimetres.
    pub at: Vector3<f64>,
    /// How its own colours differ from the full city's, seen from above.
    pub likeness: Difference,
}

impl MadePart {
    /// The page in the city's own colours.
    pub fn own_page(&self) -> &Rgb8 {
        self.own.as_ref().map_or(&self.part.texture, |page| page)
    }
}

/// The parts of an order.
#[derive(Clone, Debug)]
pub struct Made {
    /// The order.
    pub order: Order,
    /// The printer.
    pub printer: Printer,
    /// The whole in the city.
    pub frame: Frame,
    /// Parts, at least one.
    pub parts: Vec<MadePart>,
    /// What was said while they were made.
    pub notes: Vec<Diagnostic>,
    /// What the printer could not make as it was, in the whole's millimetres.
    pub changes: Vec<Change>,
}

impl Made {
    /// The place of the city under a point of a part.
    pub fn city_from_part(&self, part: usize, p: &Vector3<f64>) -> Vector3<f64> {
        let at = self.parts.get(part).map_or_else(Vector3::zeros, |p| p.at);
        self.frame.city_from_part(&(p + at))
    }

    /// The same bodies with other colours.
    pub fn recoloured(&self, ctx: &Ctx, colour: &ColourOrder) -> Result<Self, OrderError> {
        if let Some(wrong) = colour.check() {
            return Err(wrong);
        }
        let notes: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
        let listening = keeping(ctx, &notes);
        let total = self.parts.len() as u64;
        let of = |(i, made): (usize, &MadePart)| {
            ctx.tick(i as u64, total)?;
            let plain = Part { texture: made.own_page().clone(), ..(*made.part).clone() };
            let plain = MadePart { part: Arc::new(plain), own: None, ..made.clone() };
            prepared(&listening, plain, (colour, &self.printer))
        };
        let parts = self.parts.iter().enumerate().map(of).collect::<Result<_, OrderError>>()?;
        let kept = self.notes.iter().filter(|n| n.code != PROOF_NOTE).cloned();
        let fresh = notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let order = Order { colour: colour.clone(), ..self.order.clone() };
        Ok(Self { order, parts, notes: kept.chain(fresh).collect(), ..self.clone() })
    }
}

/// Makes them.
pub fn make(ctx: &Ctx, subject: &Subject, order: &Order) -> Result<Made, OrderError> {
    if let Some((_, wrong)) = order.check().into_iter().next() {
        return Err(wrong);
    }
    let printer = printers::find(&order.printer)?;
    order.formats_for(&printer)?;
    if order.formats.contains(&Format::Slices) {
        slices::options_for(&printer)?;
    }
    if order.plates {
        plates::check(order, &printer)?;
    }
    let mut options = order.part_options(&printer, subject);
    let area = match options.area.take() {
        Some(area) => area,
        None => Area::Rectangle(well_covered(&subject.city)?),
    };
    let frame = Frame::new(&subject.city, &area, &options)?;
    options.area = Some(area);
    let notes: Arc<Mutex<Vec<Diagnostic>>> = Arc::default();
    let listening = keeping(ctx, &notes);
    let made = make_parts(&listening, &subject.city, &options)?;
    let parts: Result<Vec<MadePart>, OrderError> = made
        .pieces
        .into_iter()
        .map(|piece| {
            let name = if piece.name.is_empty() { "part".into() } else { format!("part-{}", piece.name) };
            let (part, own) = (Arc::new(piece.part), None);
            let plain = MadePart { name, part, own, at: piece.at, likeness: piece.likeness };
            prepared(&listening, plain, (&order.colour, &printer))
        })
        .collect();
    let parts = parts?;
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Made { order: order.clone(), printer, frame, parts, notes, changes: made.changes })
}

/// A context that keeps what is said.
fn keeping(ctx: &Ctx, notes: &Arc<Mutex<Vec<Diagnostic>>>) -> Ctx {
    let (kept, view) = (notes.clone(), ctx.clone());
    ctx.observed(move |event| {
        if let Event::Diagnostic { diagnostic, .. } = &event {
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(diagnostic.clone());
        }
        view.emit(event);
    })
}

/// A part in the colours that are sent to the printer; before, it has its own.
fn prepared(ctx: &Ctx, plain: MadePart, (colour, printer): (&ColourOrder, &Printer)) -> Result<MadePart, OrderError> {
    let own = (!colour.adjustment.is_none()).then(|| Arc::new(plain.part.texture.clone()));
    let part = colour.prepared(ctx, Arc::unwrap_or_clone(plain.part), printer)?;
    Ok(MadePart { part: Arc::new(part), own, ..plain })
}
