//! The slab that a city stands on where it bears a text or a north arrow.
//!
//! In: the size of the area's box in millimetres, the base, and a [`Plinth`]. Out: the margins that it needs around the
//! city ([`Margins`]: the caller scales the city so that both fit the size asked for), and bodies in the city's
//! millimetres: the slab, what stands on it, what is cut out of it. The slab goes from the bottom to [`STEP`] below the
//! city's lowest place, so that no two faces lie in one plane; the band with text and arrow is in front (lower y). Fails
//! where a text is wider than the slab or lower than the printer makes readable.

use super::judge::FINEST_RELIEF;
use super::outline::prism;
use super::printer::{Limit, Printer};
use super::solid::Solid;
use super::text::{self, Lettering, Strokes};
use super::{PartOptions, PrintError};
use nalgebra::{Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// How far the slab's top is below the city's lowest place, in millimetres.
pub const STEP: f64 = 0.5;
/// Margin beside and behind the city.
const MARGIN: f64 = 3.0;
/// How high letters stand: what is no higher than wide is relief and no wall.
const RISE: [f64; 2] = [0.5, 0.8];
/// How deep they are cut, for the same reason: what is left between their strokes is wider.
const CUT: f64 = 0.5;
/// How deep a letter that stands on the slab reaches into it.
const ROOT: f64 = 0.3;
/// Height of capitals where nobody says: this share of the box's width, and no less than this.
const HEIGHT: (f64, f64) = (0.028, 4.0);

/// Least distance of letters, whatever the printer can do: closer ones run together for the eye.
const APART: f64 = 0.2;
/// How much wider than high, so that the judge has no doubt.
const WIDER: f64 = 1.1;

/// What a plinth bears.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plinth {
    /// One line of text.
    pub text: Option<String>,
    /// Height of its capitals; `None` chooses one that the printer makes readable.
    pub text_mm: Option<f64>,
    /// Whether text and arrow are cut in instead of standing.
    pub engraved: bool,
    /// Whether there is a north arrow.
    pub north_arrow: bool,
    /// Least height of capitals that the printer makes readable.
    pub least_text_mm: f64,
    /// Least stroke that the printer makes.
    pub stroke_mm: f64,
    /// Least distance of letters.
    pub apart_mm: f64,
}

/// Millimetres around the city's box.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Margins {
    /// Left, right and behind.
    pub around: f64,
    /// In front.
    pub front: f64,
}

/// The bodies of a plinth, in the city's millimetres.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bodies {
    /// United with the city: the slab, and letters that stand.
    pub added: Solid,
    /// Subtracted after.
    pub removed: Solid,
}

impl Plinth {
    /// Whether there is one at all.
    pub fn is_some(&self) -> bool {
        self.text.is_some() || self.north_arrow
    }

    /// With the limits of a printer.
    pub fn for_printer(mut self, printer: &Printer) -> Self {
        let value = |l: &Option<Limit<f64>>| l.as_ref().map_or(0.0, |l| l.value);
        self.least_text_mm = value(if self.engraved { &printer.engraved_mm } else { &printer.embossed_mm });
        self.stroke_mm =
            value(&printer.detail_mm).max(value(&printer.wall_mm) * if self.engraved { FINEST_RELIEF } else { 0.5 });
        self.apart_mm = value(&printer.gap_mm).max(value(&printer.detail_mm)).max(APART);
        self
    }

    /// What letters must be so that they hold, and how high they stand or how deep they are cut.
    fn strokes(&self) -> (Strokes, f64) {
        let strokes = Strokes { least_mm: self.stroke_mm, apart_mm: self.apart_mm, ..Strokes::default() };
        if self.engraved {
            let land_mm = self.stroke_mm.max(CUT) * WIDER;
            return (Strokes { land_mm, apart_mm: self.apart_mm.max(land_mm), ..strokes }, CUT);
        }
        let rise = (self.stroke_mm / (WIDER * WIDER)).clamp(RISE[0], RISE[1]);
        let tip_mm = rise * WIDER;
        (Strokes { least_mm: self.stroke_mm.max(tip_mm * WIDER), tip_mm, ..strokes }, rise)
    }

    fn letters_mm(&self, width: f64) -> f64 {
        self.text_mm.unwrap_or_else(|| (HEIGHT.0 * width).max(HEIGHT.1).max(self.least_text_mm))
    }

    /// The margins for a part of about `longest` millimetres.
    pub fn margins(&self, longest: f64) -> Margins {
        if !self.is_some() {
            return Margins::default();
        }
        // Multiples of a coarse power of two: shifts by them lose no digit.
        let coarse = |x: f64| (x * 16.0).ceil() / 16.0;
        let letters = self.letters_mm(longest);
        let band = if self.north_arrow { letters.max(HEIGHT.1) * 2.6 } else { letters * 2.2 };
        Margins { around: MARGIN, front: coarse(band + MARGIN / 2.0) }
    }

    /// The bodies around a city's box of this size; `north` is the angle of north, counter-clockwise from +y.
    pub fn bodies(&self, size: Vector2<f64>, options: &PartOptions, north: f64) -> Result<Bodies, PrintError> {
        let longest = size.max();
        let margins = self.margins(longest);
        let top = options.base_mm - STEP;
        let (left, right) = (-margins.around, size.x + margins.around);
        let ring = [
            Vector2::new(left, -margins.front),
            Vector2::new(right, -margins.front),
            Vector2::new(right, size.y + margins.around),
            Vector2::new(left, size.y + margins.around),
        ];
        let mut bodies = Bodies { added: prism(&ring, 0.0, top), removed: Solid::default() };
        let (strokes, relief) = self.strokes();
        let (from, depth) = if self.engraved { (top - relief, relief + 1.0) } else { (top - ROOT, ROOT + relief) };
        let signs = if self.engraved { &mut bodies.removed } else { &mut bodies.added };
        let band = margins.front - MARGIN / 2.0;
        let middle = -margins.front + MARGIN / 4.0 + band / 2.0;
        let mut room = right - left - 2.0 * MARGIN;
        if self.north_arrow {
            let arrow = text::north_arrow(band * 0.92, depth, north, strokes);
            let (_, high) = arrow.mesh.bounds().unwrap_or_default();
            put(signs, &arrow, Vector3::new(right - MARGIN - high.x, middle - high.y / 2.0, from));
            room -= high.x + MARGIN;
        }
        if let Some(line) = &self.text {
            let letters = self.letters_mm(longest);
            if letters < self.least_text_mm {
                let limit = self.least_text_mm;
                return Err(PrintError::SmallText { height_mm: letters, limit_mm: limit });
            }
            let measured = text::fit(line, letters, strokes, room)?;
            let lettering = Lettering { height_mm: letters, depth_mm: depth, mirrored: false };
            let body = text::solid_with_strokes(line, &lettering, strokes)?;
            // Capitals are centred in the band, whatever hangs below the base line.
            let base = middle - letters / 2.0 - measured.baseline_mm;
            put(signs, &body, Vector3::new(left + MARGIN, base, from));
        }
        Ok(bodies)
    }
}

/// Adds a body at a place.
fn put(to: &mut Solid, body: &Solid, at: Vector3<f64>) {
    let mut body = body.clone();
    body.mesh.vertices.iter_mut().for_each(|v| *v += at);
    to.append(&body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Ctx;
    use crate::mesh::inspect;
    use crate::print::judge::{FileFacts, judge};
    use crate::print::solid::{subtract, unite};
    use crate::print::{printer, settle};
    use crate::scene::ForeignMesh;

    fn plinth(engraved: bool) -> Plinth {
        Plinth {
            text: Some("TOWN 1:1000".into()),
            north_arrow: true,
            engraved,
            least_text_mm: 3.0,
            stroke_mm: 0.5,
            ..Plinth::default()
        }
    }

    #[test]
    fn letters_and_arrow_stand_on_the_slab_or_are_cut_in() {
        let ctx = Ctx::silent();
        let size = Vector2::new(120.0, 90.0);
        let options = PartOptions { base_mm: 4.0, ..PartOptions::default() };
        let city = prism(&[Vector2::zeros(), Vector2::new(120.0, 0.0), size, Vector2::new(0.0, 90.0)], 0.25, 12.0);
        let mut volumes = Vec::new();
        for engraved in [false, true] {
            let bodies = plinth(engraved).bodies(size, &options, 0.4).expect("fits");
            let mut body = unite(&ctx, &[&city, &bodies.added]).expect("union");
            if engraved {
                body = subtract(&ctx, &body, &bodies.removed).expect("difference");
            }
            let body = settle(&ctx, body).expect("settles");
            let report = inspect(&body.mesh);
            assert!(report.is_solid() && report.components == 1 && report.self_intersections == 0, "{report:?}");
            let margins = plinth(engraved).margins(120.0);
            let (low, high) = body.mesh.bounds().expect("a body");
            assert!((low - Vector3::new(-margins.around, -margins.front, 0.0)).norm() < 1e-9, "{low}");
            assert!((high - Vector3::new(120.0 + margins.around, 90.0 + margins.around, 12.0)).norm() < 1e-9, "{high}");
            volumes.push(report.volume);
        }
        let slab = (126.0 * (93.0 + plinth(true).margins(120.0).front)) * 3.5 + 120.0 * 90.0 * 8.5;
        assert!(volumes[0] > slab + 20.0 && volumes[1] < slab - 30.0, "{volumes:?} {slab}");
    }

    #[test]
    fn letters_and_arrow_leave_no_thin_wall_for_any_printer() {
        let ctx = Ctx::silent();
        let size = Vector2::new(120.0, 20.0);
        let options = PartOptions { base_mm: 4.0, ..PartOptions::default() };
        let city = prism(&[Vector2::zeros(), Vector2::new(120.0, 0.0), size, Vector2::new(0.0, 20.0)], 0.25, 12.0);
        let mut printers = printer::built_in().expect("rule packs");
        printers.push(printer::common().expect("what all of them take"));
        for printer in printers {
            for engraved in [false, true] {
                let plinth = Plinth { text: Some("BRIGHTON 1:1000 AWMKXZ".into()), ..plinth(engraved) };
                let bodies = plinth.for_printer(&printer).bodies(size, &options, 0.4).expect("fits");
                let body = unite(&ctx, &[&city, &bodies.added]).expect("union");
                let body = subtract(&ctx, &body, &bodies.removed).expect("difference");
                let foreign = ForeignMesh { mesh: settle(&ctx, body).expect("settles").mesh, ..ForeignMesh::default() };
                let verdict = judge(&ctx, &foreign, &FileFacts::default(), &printer, None).expect("not cancelled");
                assert!(verdict.closed, "{}: {:?}", printer.name, verdict.findings);
                assert_eq!(verdict.finding("thin-walls"), None, "{}, engraved: {engraved}", printer.name);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let size = Vector2::new(40.0, 40.0);
        let options = PartOptions { base_mm: 4.0, ..PartOptions::default() };
        let long = Plinth { text: Some("A VERY LONG NAME OF A VERY SMALL TOWN".into()), ..plinth(false) };
        assert!(matches!(long.bodies(size, &options, 0.0), Err(PrintError::TextTooWide { .. })));
        let small = Plinth { text_mm: Some(2.0), ..plinth(false) };
        assert!(matches!(small.bodies(size, &options, 0.0), Err(PrintError::SmallText { .. })));
    }
}
