//! Letters of the bundled font as outlines.
//!
//! In: one line of text, the height of its capitals in millimetres. Out: the outline of each letter that leaves ink, at
//! its place on the base line (x from the start of the line, y up), curves cut into chords within [`FLATNESS`]. The font
//! is DejaVu Sans Bold (Latin, Greek, Cyrillic; licence beside it): a bold one, because its thinnest stroke decides what
//! can be printed. Pairs are set closer as the font's kerning table says; there is no shaping beyond that, so scripts
//! that need it are not in the font. Fails naming every character that the font lacks.

use super::shape::{Ring, Shape};
use crate::print::PrintError;
use nalgebra::Vector2;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::raw::TableProvider;
use skrifa::raw::tables::kern::SubtableKind;
use skrifa::{FontRef, GlyphId, MetadataProvider};

const FONT: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Bold-subset.ttf");

/// How far, in millimetres, a chord may be from its curve.
pub const FLATNESS: f64 = 0.01;
/// The same as a share of the letter height, for small letters.
const FLATNESS_SHARE: f64 = 0.003;

/// A letter at its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Which.
    pub character: char,
    /// Its outline.
    pub shape: Shape,
}

/// The letters of a line. Spaces leave room and are no letters.
pub fn line(text: &str, height_mm: f64) -> Result<Vec<Letter>, PrintError> {
    let broken = |what: &str| PrintError::Font { fault: what.to_string() };
    let font = FontRef::new(FONT).map_err(|e| broken(&e.to_string()))?;
    let map = font.charmap();
    let mut missing: Vec<char> = text.chars().filter(|&c| map.map(c).is_none()).collect();
    missing.sort_unstable();
    missing.dedup();
    if !missing.is_empty() {
        return Err(PrintError::MissingGlyphs {
            missing: missing.into_iter().map(named).collect::<Vec<_>>().join(", "),
        });
    }
    let outlines = font.outline_glyphs();
    let capital = map.map('H').ok_or_else(|| broken("it has no H"))?;
    let settings = || DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
    let draw = |glyph: GlyphId, scale: f64, at: f64| -> Result<Pen, PrintError> {
        let mut pen = Pen { scale, at, flatness: FLATNESS.min(FLATNESS_SHARE * height_mm), ..Pen::default() };
        let outline = outlines.get(glyph).ok_or_else(|| broken("a letter has no outline"))?;
        outline.draw(settings(), &mut pen).map_err(|e| broken(&e.to_string()))?;
        Ok(pen)
    };
    let highest = draw(capital, 1.0, 0.0)?.rings.iter().flatten().fold(0.0, |h: f64, p| h.max(p.y));
    if highest <= 0.0 {
        return Err(broken("its H has no height"));
    }
    let scale = height_mm / highest;
    let advances = font.glyph_metrics(Size::unscaled(), LocationRef::default());
    let kerning = font.kern().ok();
    let (mut x, mut before, mut letters) = (0.0, None, Vec::new());
    for character in text.chars() {
        let Some(glyph) = map.map(character) else { continue };
        if let Some((kern, before)) = kerning.as_ref().zip(before) {
            x += f64::from(closer(kern, before, glyph)) * scale;
        }
        let pen = draw(glyph, scale, x)?;
        if !pen.rings.is_empty() {
            letters.push(Letter { character, shape: Shape::of(&pen.rings) });
        }
        x += f64::from(advances.advance_width(glyph).unwrap_or_default()) * scale;
        before = Some(glyph);
    }
    Ok(letters)
}

/// What the font says of a pair, in font units.
fn closer(kern: &skrifa::raw::tables::kern::Kern<'_>, left: GlyphId, right: GlyphId) -> i32 {
    let mut sum = 0;
    for table in kern.subtables().flatten().filter(|t| t.is_horizontal() && !t.is_cross_stream()) {
        if let Ok(SubtableKind::Format0(pairs)) = table.kind() {
            sum += pairs.kerning(left, right).unwrap_or(0);
        }
    }
    sum
}

/// A character as a person finds it again.
fn named(c: char) -> String {
    if c.is_control() || c.is_whitespace() {
        format!("U+{:04X}", u32::from(c))
    } else {
        format!("{c} (U+{:04X})", u32::from(c))
    }
}

/// Takes an outline down in millimetres. TrueType's outer rings run clockwise: they are turned round.
#[derive(Default)]
struct Pen {
    scale: f64,
    at: f64,
    flatness: f64,
    ring: Ring,
    rings: Vec<Ring>,
}

impl Pen {
    fn place(&self, x: f32, y: f32) -> Vector2<f64> {
        Vector2::new(f64::from(x) * self.scale + self.at, f64::from(y) * self.scale)
    }

    /// Chords of a curve of which `bend` bounds the second derivative.
    fn chords(&mut self, bend: f64, curve: impl Fn(f64) -> Vector2<f64>) {
        let flatness = if self.flatness > 0.0 { self.flatness } else { 1.0 };
        let n = (bend / (8.0 * flatness)).sqrt().ceil().clamp(1.0, 200.0) as usize;
        for i in 1..=n {
            self.ring.push(curve(i as f64 / n as f64));
        }
    }
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let p = self.place(x, y);
        self.ring = vec![p];
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let p = self.place(x, y);
        self.ring.push(p);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let (b, c) = (self.place(x1, y1), self.place(x, y));
        let a = self.ring.last().copied().unwrap_or(b);
        let bend = (a - b * 2.0 + c).norm() * 2.0;
        self.chords(bend, |t| a.lerp(&b, t).lerp(&b.lerp(&c, t), t));
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let (b, c, d) = (self.place(x1, y1), self.place(x2, y2), self.place(x, y));
        let a = self.ring.last().copied().unwrap_or(b);
        let bend = (a - b * 2.0 + c).norm().max((b - c * 2.0 + d).norm()) * 6.0;
        self.chords(bend, |t| {
            let (ab, bc, cd) = (a.lerp(&b, t), b.lerp(&c, t), c.lerp(&d, t));
            ab.lerp(&bc, t).lerp(&bc.lerp(&cd, t), t)
        });
    }

    fn close(&mut self) {
        let mut ring = std::mem::take(&mut self.ring);
        ring.dedup();
        while ring.len() > 1 && ring.first() == ring.last() {
            ring.pop();
        }
        if ring.len() >= 3 {
            ring.reverse();
            self.rings.push(ring);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    /// Every character of the font.
    pub fn everything() -> Vec<char> {
        FontRef::new(FONT).unwrap().charmap().mappings().filter_map(|(c, _)| char::from_u32(c)).collect()
    }

    #[test]
    fn capitals_have_the_height_asked_for_and_pairs_move_together() {
        let line = |text: &str| super::line(text, 10.0).unwrap();
        let (low, high) = line("H")[0].shape.bounds().unwrap();
        assert!(low.y.abs() < 1e-6 && (high.y - 10.0).abs() < 1e-6);
        let end = |text: &str| line(text).last().unwrap().shape.bounds().unwrap().1.x;
        assert!(end("AV") < end("AN") - 0.5, "the pair AV is kerned");
        assert_eq!(line("a b").len(), 2);
        assert_eq!(line("  ").len(), 0);
        // Holes: one in A, two in B, none in N; the dot of i is a second polygon.
        let holes = |c: &str| line(c)[0].shape.polygons.iter().map(|p| p.len() - 1).sum::<usize>();
        assert_eq!(["A", "B", "N", "8", "о", "Ω"].map(holes), [1, 2, 0, 2, 1, 0]);
        assert_eq!(line("i")[0].shape.polygons.len(), 2);
    }

    #[test]
    fn what_the_font_lacks_is_named_once_each() {
        let error = super::line("北a京 北\t", 5.0).unwrap_err();
        let PrintError::MissingGlyphs { missing } = &error else { panic!("{error}") };
        assert_eq!(missing, "U+0009, 京 (U+4EAC), 北 (U+5317)");
    }

    #[test]
    fn chords_stay_within_two_hundredths_of_a_millimetre_of_the_curve() {
        // The same letter drawn ten times as finely is the curve.
        let coarse = &super::line("O", 40.0).unwrap()[0].shape;
        let fine = &super::line("O", 1.0).unwrap()[0].shape;
        assert!(coarse.polygons[0][0].len() > 20);
        let fine_area = fine.area() * 1600.0;
        let rim: f64 =
            coarse.rings().map(|r| (0..r.len()).map(|i| (r[i] - r[(i + 1) % r.len()]).norm()).sum::<f64>()).sum();
        assert!(
            (coarse.area() - fine_area).abs() < 0.02 * rim * (1.0 + 40.0 * FLATNESS_SHARE / FLATNESS),
            "{fine_area}"
        );
        for ring in coarse.rings() {
            for i in 0..ring.len() {
                // Sagitta of three neighbours bounds the error of the chord between two.
                let (a, b, c) = (ring[i], ring[(i + 1) % ring.len()], ring[(i + 2) % ring.len()]);
                let sagitta = (c - a).perp(&(b - a)).abs() / (c - a).norm();
                assert!(sagitta < 0.05, "{sagitta}");
            }
        }
    }
}
