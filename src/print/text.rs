//! Letters and a north arrow as solids, to be put on a plinth or cut into an underside.
//!
//! In: one line of text, letter height and depth in millimetres. Out: a plain closed [`Solid`] in the plane, z from 0 to
//! the depth, the lower left corner of its box at the origin; its corners lie on a grid that every file format carries.
//! Mirrored letters read right from below. Letters whose strokes are thinner than the printer's detail are widened, and
//! letters that the font sets too close are moved apart ([`solid_with_strokes`]). [`measure`] says how wide a text is and how thin its strokes and gaps
//! are; [`fit`] refuses what is too wide. Fails on characters that the bundled font lacks, on text without ink, and on
//! sizes that are not positive. Cost: some milliseconds.

mod arrow;
mod font;
mod shape;
mod stroke;

pub use arrow::north_arrow;
pub use font::FLATNESS;
pub use shape::{Ring, Shape};

use super::PrintError;
use super::solid::Solid;
use font::Letter;
use nalgebra::Vector2;

/// How letters are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lettering {
    /// Height of the capitals in millimetres.
    pub height_mm: f64,
    /// Depth in millimetres.
    pub depth_mm: f64,
    /// Whether they are to be read from below.
    pub mirrored: bool,
}

/// Strokes are measured within a tenth.
const CERTAIN: f64 = 0.9;

/// What a printer makes of letters, in millimetres; zero is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Strokes {
    /// Least width of a stroke: thinner ones are widened.
    pub least_mm: f64,
    /// Least width of the ends of strokes that stand: tips are taken off where they are narrower.
    pub tip_mm: f64,
    /// Least width of what is left between strokes that are cut in: notches end where they are narrower.
    pub land_mm: f64,
    /// Least distance of letters: pairs that the font sets closer are moved apart.
    pub apart_mm: f64,
}

/// What a text measures, in millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextSize {
    /// Width of the ink.
    pub width_mm: f64,
    /// Height of the ink, from the lowest descender to the highest letter.
    pub height_mm: f64,
    /// How far the base line lies over the lower side of the box.
    pub baseline_mm: f64,
    /// Least width of a stroke.
    pub stroke_mm: f64,
    /// Least width of a gap inside a letter; infinite where there is none.
    pub gap_mm: f64,
    /// By how much each side of the strokes was moved to reach the least stroke asked for.
    pub widened_mm: f64,
}

/// The letters as a body, as bold as the font has them.
pub fn solid(text: &str, lettering: &Lettering) -> Result<Solid, PrintError> {
    solid_with_strokes(text, lettering, Strokes::default())
}

/// The letters as a body that can be made.
pub fn solid_with_strokes(text: &str, lettering: &Lettering, strokes: Strokes) -> Result<Solid, PrintError> {
    if !(lettering.depth_mm > 0.0 && lettering.depth_mm.is_finite()) {
        return Err(PrintError::Absurd {
            what: "the depth of the letters",
            value: lettering.depth_mm,
            limit: "positive and finite",
        });
    }
    let (shape, _) = outlines(text, lettering.height_mm, strokes)?;
    let mut shape = at_origin(&shape);
    if lettering.mirrored {
        shape = at_origin(&mirrored(&shape));
    }
    Ok(shape.prism(0.0, lettering.depth_mm))
}

/// What a text measures in letters of this height.
pub fn measure(text: &str, height_mm: f64, strokes: Strokes) -> Result<TextSize, PrintError> {
    Ok(outlines(text, height_mm, strokes)?.1)
}

/// What a text measures, where it is no wider than `most_mm`; otherwise an error that says which height would fit.
pub fn fit(text: &str, height_mm: f64, strokes: Strokes, most_mm: f64) -> Result<TextSize, PrintError> {
    let size = measure(text, height_mm, strokes)?;
    if size.width_mm <= most_mm {
        return Ok(size);
    }
    // Widening does not shrink with the letters, so that the share is a little too large: one step of refinement.
    let mut fitting = height_mm * most_mm / size.width_mm;
    for _ in 0..3 {
        if !(fitting > 0.0) {
            break;
        }
        let width = measure(text, fitting, strokes)?.width_mm;
        fitting *= (most_mm / width).min(1.0);
    }
    Err(PrintError::TextTooWide {
        text: text.to_string(),
        width_mm: size.width_mm,
        most_mm,
        height_mm,
        fitting_mm: fitting,
    })
}

/// The outline of a line of text, its base line along x, and what it measures.
pub fn outlines(text: &str, height_mm: f64, strokes: Strokes) -> Result<(Shape, TextSize), PrintError> {
    let Strokes { least_mm, tip_mm, land_mm, apart_mm } = strokes;
    for (what, value, positive) in [
        ("the height of the letters", height_mm, height_mm > 0.0),
        ("the least stroke", least_mm, least_mm >= 0.0),
        ("the least tip", tip_mm, tip_mm >= 0.0),
        ("the least land", land_mm, land_mm >= 0.0),
        ("the least distance of letters", apart_mm, apart_mm >= 0.0),
    ] {
        if !(positive && value.is_finite()) {
            return Err(PrintError::Absurd { what, value, limit: "positive and finite" });
        }
    }
    let letters = font::line(text, height_mm)?;
    if letters.is_empty() {
        return Err(PrintError::EmptyText);
    }
    let widened = widening(&letters, least_mm);
    let (mut rings, mut stroke, mut gap): (Vec<Ring>, f64, f64) = (Vec::new(), f64::INFINITY, f64::INFINITY);
    let (mut moved, mut before) = (0.0, None::<Shape>);
    for letter in &letters {
        let shape = without_tips(&letter.shape.widened(widened), tip_mm).closed(land_mm);
        if let Some(own) = stroke::widths(&shape) {
            (stroke, gap) = (stroke.min(own.stroke), gap.min(own.gap));
        }
        // Widened on both sides, then set as the font says.
        moved += if before.is_some() { 2.0 * widened } else { 0.0 };
        let placed = shape.mapped(|p| p + Vector2::new(moved, 0.0));
        let close = before.as_ref().filter(|_| apart_mm > 0.0);
        let more = close.map_or(0.0, |before| placed.overlap(&before.widened(apart_mm)));
        moved += more;
        let placed = placed.mapped(|p| p + Vector2::new(more, 0.0));
        rings.extend(placed.rings().cloned());
        before = Some(placed);
    }
    let shape = Shape::of(&rings);
    let (low, high) = shape.bounds().ok_or(PrintError::EmptyText)?;
    let size = TextSize {
        width_mm: high.x - low.x,
        height_mm: high.y - low.y,
        baseline_mm: -low.y,
        stroke_mm: stroke,
        gap_mm: gap,
        widened_mm: widened,
    };
    Ok((shape, size))
}

/// The shape without ends that are narrower than `tip_mm`, and with all of its strokes.
fn without_tips(shape: &Shape, tip_mm: f64) -> Shape {
    let strokes = stroke::widths(shape).map_or(0.0, |w| w.stroke);
    shape.opened(tip_mm.min(strokes * CERTAIN))
}

/// How far each side of all strokes must move so that the thinnest has at least `stroke_mm`.
fn widening(letters: &[Letter], stroke_mm: f64) -> f64 {
    if stroke_mm <= 0.0 {
        return 0.0;
    }
    let thinnest = letters.iter().filter_map(|l| stroke::widths(&l.shape)).map(|w| w.stroke);
    ((stroke_mm - thinnest.fold(f64::INFINITY, f64::min)) / 2.0).max(0.0)
}

/// The same outline with the lower left corner of its box at the origin.
pub(crate) fn at_origin(shape: &Shape) -> Shape {
    let low = shape.bounds().unwrap_or_default().0;
    shape.mapped(|p| p - low)
}

/// The mirror image across the y axis, its rings turned so that outer ones run counter-clockwise again.
fn mirrored(shape: &Shape) -> Shape {
    let mut shape = shape.mapped(|p| Vector2::new(-p.x, p.y));
    shape.polygons.iter_mut().flatten().for_each(|r| r.reverse());
    shape
}

#[cfg(test)]
mod tests;
