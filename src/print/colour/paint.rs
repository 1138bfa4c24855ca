//! Filament colours for a part: a palette from the part's own colours, and regions of it that a printer can lay.
//!
//! In: a part and [`PaintOptions`]. Out: a [`Painting`] and its [`PaintReport`]. Steps: [`super::palette`] (which colours),
//! [`super::cells`] (pieces no larger than the detail), [`super::regions`] (no speckles, smooth borders). Sides and base take the
//! filament nearest to their colour. Cost: a part of a million triangles takes about 10 s.

use super::regions::{self, Rules};
use super::skin::Skin;
use super::{cells, palette};
use crate::base::{Cancelled, Ctx, stats};
use crate::image::colour::{delta_e_2000, lab_of_rgb8};
use crate::scene::{CUT, Painting, Part};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Most filaments: what the slicers' files can name.
pub const MOST_FILAMENTS: usize = 16;
/// The smallest detail of a filament printer whose profile states none: two lines of a nozzle of 0.4 mm.
pub const DETAIL_MM: f64 = 0.8;
/// Contrast, as a distance in L*a*b*, at which a stripe as wide as the detail is just worth its two borders.
const CONTRAST: f64 = 9.0;

/// How a part is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PaintOptions {
    /// Most filaments, 1 to 16.
    pub filaments: usize,
    /// The printer's smallest detail in millimetres.
    pub detail_mm: f64,
    /// Seed of the palette.
    pub seed: u64,
}

impl Default for PaintOptions {
    fn default() -> Self {
        Self { filaments: 5, detail_mm: DETAIL_MM, seed: 1 }
    }
}

/// What was made of the colours.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PaintReport {
    /// Filaments and their share of the surface.
    pub shares: Vec<([u8; 3], f64)>,
    /// Regions of one colour.
    pub regions: usize,
    /// Surface of the smallest of them in square millimetres.
    pub smallest_mm2: f64,
    /// Median colour difference dE00 of the textured surface to its filament, by surface.
    pub median_de: f64,
    /// The same for nine tenths.
    pub p90_de: f64,
}

/// Paints a part.
pub fn paint(ctx: &Ctx, part: &Part, options: &PaintOptions) -> Result<(Painting, PaintReport), Cancelled> {
    let clusters = palette::cluster(&palette::colours_of(part), options.filaments.clamp(1, MOST_FILAMENTS), options.seed);
    ctx.check()?;
    let mut colours = palette::rgb(&clusters);
    if colours.is_empty() {
        let t = Skin::new(part);
        colours.push(if part.mesh.triangles.is_empty() { [0; 3] } else { t.rgb(0, [1.0, 0.0, 0.0]).map(|v| v.round() as u8) });
    }
    // What is written is what is judged: eight bits.
    let labs: Vec<[f64; 3]> = colours.iter().map(|c| lab_of_rgb8(*c)).collect();
    let detail = options.detail_mm;
    let cells = cells::cut(ctx, part, &labs, detail * 0.75)?;
    let rules = Rules { stiffness: detail / 2.0 * CONTRAST * CONTRAST, area: detail * detail, width: detail };
    let labels = regions::label(ctx, &cells, &rules)?;
    let report = report(part, &colours, &cells, &labels);
    Ok((painting(&colours, &cells, &labels), report))
}

/// Fills the labels into the cuts; pieces of one colour grow together again.
fn painting(colours: &[[u8; 3]], cells: &cells::Cells, labels: &[u8]) -> Painting {
    let mut painting = Painting { colours: colours.to_vec(), ..Painting::default() };
    let mut cell = 0;
    for span in cells.start.windows(2) {
        painting.start.push(painting.codes.len() as u32);
        let mut codes = &cells.codes[span[0] as usize..span[1] as usize];
        append(&mut codes, &mut labels[cell..].iter(), &mut painting.codes);
        cell += cells.codes[span[0] as usize..span[1] as usize].iter().filter(|c| **c < CUT).count();
    }
    painting.start.push(painting.codes.len() as u32);
    painting
}

fn append(codes: &mut &[u8], labels: &mut std::slice::Iter<'_, u8>, out: &mut Vec<u8>) {
    let Some((&code, rest)) = codes.split_first() else { return };
    *codes = rest;
    if code < CUT {
        out.extend(labels.next());
        return;
    }
    let from = out.len();
    out.push(code);
    append(codes, labels, out);
    let second = out.len();
    append(codes, labels, out);
    if out.len() == from + 3 && out[from + 1] == out[second] {
        let label = out[second];
        out.truncate(from);
        out.push(label);
    }
}

fn report(part: &Part, colours: &[[u8; 3]], cells: &cells::Cells, labels: &[u8]) -> PaintReport {
    let total: f64 = cells.area.iter().sum::<f64>().max(1e-12);
    let mut shares: Vec<([u8; 3], f64)> = colours.iter().map(|c| (*c, 0.0)).collect();
    for (label, area) in labels.iter().zip(&cells.area) {
        shares[usize::from(*label)].1 += area / total;
    }
    let mut sets = crate::mesh::topology::UnionFind::new(labels.len());
    for &(a, b, _) in cells.borders.iter().filter(|b| labels[b.0 as usize] == labels[b.1 as usize]) {
        sets.join(a, b);
    }
    let mut areas = vec![0.0; labels.len()];
    for i in 0..labels.len() as u32 {
        areas[sets.find(i) as usize] += cells.area[i as usize];
    }
    let regions: Vec<f64> = areas.into_iter().filter(|a| *a > 0.0).collect();
    let differences = differences(part, colours, cells, labels);
    PaintReport {
        shares,
        regions: regions.len(),
        smallest_mm2: regions.iter().copied().fold(f64::INFINITY, f64::min),
        median_de: stats::median(&differences).unwrap_or(0.0),
        p90_de: stats::quantile(&differences, 0.9).unwrap_or(0.0),
    }
}

/// dE00 at points that lie evenly on the textured surface.
fn differences(part: &Part, colours: &[[u8; 3]], cells: &cells::Cells, labels: &[u8]) -> Vec<f64> {
    let skin = Skin::new(part);
    let labs: Vec<[f64; 3]> = colours.iter().map(|c| lab_of_rgb8(*c)).collect();
    let pieces = cells.pieces();
    let chosen: Vec<usize> = evenly(&cells.area, |i| !skin.plain(pieces[i].0 as usize));
    chosen
        .into_par_iter()
        .map(|i| {
            let (t, piece) = &pieces[i];
            delta_e_2000(skin.mean_lab(*t as usize, piece), labs[usize::from(labels[i])])
        })
        .collect()
}

/// Indices drawn at even steps of the running area, at most about 100 000.
fn evenly(areas: &[f64], accept: impl Fn(usize) -> bool) -> Vec<usize> {
    let total: f64 = (0..areas.len()).filter(|&i| accept(i)).map(|i| areas[i]).sum();
    let step = total / 100_000.0;
    let (mut sum, mut next, mut out) = (0.0, step / 2.0, Vec::new());
    for i in (0..areas.len()).filter(|&i| accept(i)) {
        sum += areas[i];
        while step > 0.0 && next < sum {
            out.push(i);
            next += step;
        }
    }
    out
}
