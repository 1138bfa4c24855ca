//! What a part will look like when it is printed, and how far that is from the city's own colours, place by place.
//!
//! In: a made part, the order's [`ColourOrder`], the printer. Out: [`Printed`]: the part as it will look, a second page that
//! marks what cannot be printed, and dE00 against the city's own colours for each triangle of what is shown. Printers with
//! filaments are shown in their filaments, all others through their colour profile ([`crate::print::colour::proof`]).
//! Cost: a second for a page of 2048 texels; filaments as [`mod@crate::print::colour::paint`] says.

use super::colours::ColourOrder;
use super::{MadePart, OrderError};
use crate::base::Ctx;
use crate::image::colour::{delta_e_2000, lab_of_rgb8};
use crate::image::{Grid, Rgb8};
use crate::print::colour::paint::{DETAIL_MM, PaintReport};
use crate::print::colour::proof::{Proof, ProofFigures, WARNING, proof};
use crate::print::colour::shown::shown;
use crate::print::colour::skin::{Piece, Skin, WHOLE};
use crate::print::colour::{PaintOptions, paint, profile};
use crate::print::printer::Printer;
use crate::scene::{CUT, Painting, Part};
use rayon::prelude::*;

/// A part as it will look.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The part; with filaments its triangles are cut where their colours meet.
    pub part: Part,
    /// Its page with magenta where colours are out of gamut; none with filaments, which have no gamut.
    pub marked: Option<Rgb8>,
    /// dE00 against the city's own colours for each texel of its page; none with filaments.
    pub difference: Option<Grid<f32>>,
    /// dE00 against the city's own colours for each triangle of [`Self::part`]; NaN where the city has none.
    pub error: Vec<f32>,
    /// The filaments and their share of the surface.
    pub filaments: Vec<([u8; 3], f64)>,
    /// Figures in a sentence.
    pub text: String,
}

impl ColourOrder {
    /// What a part will look like.
    pub fn printed(&self, ctx: &Ctx, made: &MadePart, printer: &Printer) -> Result<Printed, OrderError> {
        match self.filaments_for(printer) {
            Some(filaments) => in_filaments(ctx, made, filaments, printer),
            None => self.through_profile(made, printer),
        }
    }

    fn through_profile(&self, made: &MadePart, printer: &Printer) -> Result<Printed, OrderError> {
        let (name, bytes) = self.profile(printer)?;
        let profile = profile::read(&name, &bytes)?;
        let proofed = proof(&made.part.texture, made.own_page(), &profile)?;
        let error = errors(&made.part, &proofed.difference);
        let ProofFigures { median_de, p90_de, out_of_gamut } = figures(&made.part, &error, &proofed);
        let text = format!(
            "Printed with {name}: dE00 {median_de:.1} (median), {p90_de:.1} (nine tenths), {:.0} % out of gamut",
            out_of_gamut * 100.0
        );
        let (marked, difference) = (Some(Proof::marked(&proofed)), Some(proofed.difference));
        let part = Part { texture: proofed.shown, ..(*made.part).clone() };
        Ok(Printed { part, marked, difference, error, filaments: Vec::new(), text })
    }
}

/// The figures of a proof over a part's surface: its page has texels that nobody sees.
pub(super) fn surface_figures(part: &Part, proofed: &Proof) -> ProofFigures {
    figures(part, &errors(part, &proofed.difference), proofed)
}

fn figures(part: &Part, error: &[f32], proofed: &Proof) -> ProofFigures {
    let Proof { warning, .. } = proofed;
    let data = warning.data.iter().map(|w| f32::from(u8::from(*w))).collect();
    let marked = errors(part, &Grid { width: warning.width, height: warning.height, data });
    let area = |t: usize| part.mesh.area_normal(t).norm();
    let mut all: Vec<(f32, f64, f64)> = (0..error.len())
        .filter(|&t| error[t].is_finite())
        .map(|t| (error[t], area(t), area(t) * f64::from(marked[t])))
        .collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let whole: f64 = all.iter().map(|x| x.1).sum();
    let quantile = |share: f64| {
        let mut sum = 0.0;
        let found = all.iter().find(|x| {
            sum += x.1;
            sum >= whole * share
        });
        found.map_or(0.0, |x| f64::from(x.0))
    };
    let out_of_gamut = all.iter().map(|x| x.2).sum::<f64>() / whole.max(f64::MIN_POSITIVE);
    ProofFigures { median_de: quantile(0.5), p90_de: quantile(0.9), out_of_gamut }
}

/// The mean of a grid over the page of each triangle; NaN for those without a picture.
fn errors(part: &Part, grid: &Grid<f32>) -> Vec<f32> {
    let skin = Skin::new(part);
    let of = |t| if skin.plain(t) { f32::NAN } else { mean(part, t, grid) };
    (0..part.mesh.triangles.len()).into_par_iter().map(of).collect()
}

/// Mean of a grid over the page of a triangle.
fn mean(part: &Part, t: usize, grid: &Grid<f32>) -> f32 {
    let uv = part.uvs[t];
    let (mut sum, mut count) = (0.0, 0u32);
    Skin::new(part).samples(t, &WHOLE, |at| {
        let [u, v]: [f32; 2] = std::array::from_fn(|k| (0..3).map(|c| uv[c][k] * at[c]).sum());
        let place = |share: f32, most: usize| ((share * most as f32).max(0.0) as usize).min(most.saturating_sub(1));
        sum += f64::from(grid.at(place(u, grid.width), place(v, grid.height)));
        count += 1;
    });
    (sum / f64::from(count.max(1))) as f32
}

fn in_filaments(ctx: &Ctx, made: &MadePart, filaments: usize, printer: &Printer) -> Result<Printed, OrderError> {
    let detail_mm = printer.detail_mm.as_ref().map_or(DETAIL_MM, |l| l.value);
    let (painting, report) = paint(ctx, &made.part, &PaintOptions { filaments, detail_mm, ..PaintOptions::default() })?;
    let PaintReport { regions, smallest_mm2, median_de, p90_de, shares } = report;
    let text = format!(
        "{} filaments in {regions} regions, the smallest {smallest_mm2:.1} mm\u{b2}: dE00 {median_de:.1} (median), {p90_de:.1} (nine tenths)",
        painting.colours.len()
    );
    // The pieces of each triangle, in the order in which they are shown.
    let own = Part { texture: made.own_page().clone(), ..(*made.part).clone() };
    let labs: Vec<[f64; 3]> = painting.colours.iter().map(|c| lab_of_rgb8(*c)).collect();
    let skin = Skin::new(&own);
    let errors = (0..painting.len()).into_par_iter().map(|t| {
        let mut found = Vec::new();
        pieces(&painting, t, &mut |piece, colour| {
            let difference = delta_e_2000(skin.mean_lab(t, piece), labs[usize::from(colour).min(labs.len() - 1)]);
            found.push(if skin.plain(t) { f32::NAN } else { difference as f32 });
        });
        found
    });
    let error = errors.flatten_iter().collect();
    Ok(Printed { part: shown(&made.part, &painting), marked: None, difference: None, error, filaments: shares, text })
}

/// Calls `each` for the pieces of a triangle and their colours.
fn pieces(painting: &Painting, t: usize, each: &mut impl FnMut(&Piece, u8)) {
    // A cut goes from a corner to the middle of the opposite side; the first half is painted first.
    let mut left = vec![WHOLE];
    for &code in painting.of(t) {
        let Some(piece) = left.pop() else { return };
        if code < CUT {
            each(&piece, code);
            continue;
        }
        let s = usize::from(code - CUT);
        let [a, b, c] = [piece[s % 3], piece[(s + 1) % 3], piece[(s + 2) % 3]];
        let m = std::array::from_fn(|k| (b[k] + c[k]) / 2.0);
        left.extend([[m, c, a], [a, b, m]]);
    }
}

/// dE00 from which a colour error is one that people see side by side.
pub const SEEN: f64 = WARNING;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::colour::adjust::Adjustment;
    use crate::print::printer::built_in;
    use crate::scene::Mesh;
    use nalgebra::Vector3;
    use std::path::PathBuf;
    use std::sync::Arc;

    /// Two triangles of 20 mm: grey on the left half of the page, a red that nothing prints on the right.
    fn made() -> MadePart {
        let corner = |x: f64, y: f64| Vector3::new(x, y, 3.0);
        let mesh = Mesh {
            vertices: vec![corner(0.0, 0.0), corner(20.0, 0.0), corner(20.0, 20.0), corner(0.0, 20.0)],
            triangles: vec![[0, 1, 2], [0, 2, 3]],
        };
        let mut texture = Rgb8::filled(64, 64, [120, 110, 100]);
        for (i, texel) in texture.data.iter_mut().enumerate() {
            *texel = if i % 64 >= 32 { [255, 0, 0] } else { *texel };
        }
        let uvs = vec![[[0.1, 0.1], [0.4, 0.1], [0.4, 0.9]], [[0.6, 0.1], [0.9, 0.1], [0.9, 0.9]]];
        let part = Part { mesh, uvs, texture, scale_denominator: None, title: String::new() };
        MadePart {
            name: "part".into(),
            part: Arc::new(part),
            own: None,
            at: Vector3::zeros(),
            likeness: Default::default(),
        }
    }

    #[test]
    fn what_cannot_be_printed_is_marked_and_measured() {
        let printers = built_in().unwrap();
        let sandstone = printers.iter().find(|p| p.name == "sandstone").unwrap();
        let order = ColourOrder::default();
        let seen = order.printed(&Ctx::silent(), &made(), sandstone).unwrap();
        assert!(seen.error[0] < 5.0 && seen.error[1] > 10.0, "{:?}", seen.error);
        let marked = seen.marked.unwrap();
        assert!(marked.at(50, 30) == [255, 0, 200] && marked.at(10, 30) != [255, 0, 200]);
        // Both triangles have the same area; the rest of the page is seen by nobody.
        let profile = profile::read("plaster", profile::generic("binder jetting").unwrap()).unwrap();
        let part = made().part;
        let figures = surface_figures(&part, &proof(&part.texture, &part.texture, &profile).unwrap());
        assert!((figures.out_of_gamut - 0.5).abs() < 0.01, "{figures:?}");
        assert!((figures.p90_de - f64::from(seen.error[1])).abs() < 1e-5, "{figures:?}");
        assert!(seen.text.contains("binder jetting") && seen.filaments.is_empty());
        // The printer that every printer satisfies has no process, but a generic profile can be named.
        let default = crate::print::printer::Printer::default();
        assert!(order.printed(&Ctx::silent(), &made(), &default).is_err());
        let named = ColourOrder { icc: Some(PathBuf::from("resin")), ..order };
        let resin = named.printed(&Ctx::silent(), &made(), &default).unwrap();
        assert!(resin.error[1] < seen.error[1] && resin.text.contains("material jetting"));
    }

    #[test]
    fn filaments_have_an_error_for_each_piece() {
        let printers = built_in().unwrap();
        let prusa = printers.iter().find(|p| p.name == "prusa").unwrap();
        let one = ColourOrder { filaments: Some(1), adjustment: Adjustment::default(), ..ColourOrder::default() };
        let two = ColourOrder { filaments: Some(2), ..one.clone() };
        let [one, two] = [one, two].map(|o| o.printed(&Ctx::silent(), &made(), prusa).unwrap());
        for seen in [&one, &two] {
            assert_eq!(seen.error.len(), seen.part.mesh.triangles.len());
            assert!(seen.marked.is_none());
        }
        let worst = |p: &Printed| p.error.iter().copied().fold(0.0, f32::max);
        assert!(worst(&one) > 20.0 && worst(&two) < 2.0, "{} {}", worst(&one), worst(&two));
        assert_eq!((one.filaments.len(), two.filaments.len()), (1, 2));
    }
}
