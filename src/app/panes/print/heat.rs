//! Measures of a part's surface as colours: wall thickness, overhang, texel density, photos behind it.
//!
//! In: the part, the limit that counts. Out: one value for each triangle, and the same mesh with a page that holds the
//! colours (so that the 3D view needs no other way of drawing): along the page the value, down the page the light, so that
//! the shape can still be read. What is right is pale, what is wrong saturated and darker the worse it is, so that a small
//! spot is found on a large part, also without telling red from green; at a printer's limit the colours jump.
//! Cost: thickness as [`crate::print::thickness`] says, the others well under a second.

use super::fine;
use crate::base::{Cancelled, Ctx};
use crate::image::{Grid, Rgb8};
use crate::mesh::bvh::Bvh;
use crate::order::{Made, SEEN};
use crate::print::thickness::{ENOUGH, ThicknessOptions, measure};
use crate::scene::{City, Part};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::sync::Arc;

/// What the surface shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heat {
    /// The print's own colours.
    #[default]
    Texture,
    Proof,
    Gamut,
    Error,
    Thickness,
    Overhang,
    Texels,
    Photos,
}

impl Heat {
    pub(super) const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Texture, "Colours", "What is sent to the printer"),
        (Self::Proof, "Soft proof", "What the print will look like, on its material"),
        (Self::Gamut, "Gamut warning", "Magenta where the printer cannot show the colour"),
        (Self::Error, "Colour error", "Difference dE00 between the print and the city's own colours"),
        (Self::Thickness, "Wall thickness", "The largest ball that fits inside at each place"),
        (Self::Overhang, "Overhang", "How far the surface leans over: 0\u{b0} is upright, 90\u{b0} a ceiling"),
        (Self::Texels, "Texel density", "Pixels of the texture on a millimetre of the surface"),
        (Self::Photos, "Photos", "How many photos saw the place of the city behind it"),
    ];

    pub(super) fn label(self) -> &'static str {
        Self::ALL.iter().find(|h| h.0 == self).map_or("", |h| h.1)
    }

    /// A value as text.
    pub(super) fn text(self, value: f64) -> String {
        match self {
            Self::Texture | Self::Proof | Self::Gamut => String::new(),
            Self::Error => format!("dE {value:.1}"),
            Self::Thickness => format!("{value:.2} mm"),
            Self::Overhang => format!("{value:.0}\u{b0}"),
            Self::Texels => format!("{value:.1} px/mm"),
            Self::Photos => format!("{value:.0} photos"),
        }
    }

    /// Whether low values are what to look for.
    fn low_is_bad(self) -> bool {
        !matches!(self, Self::Overhang | Self::Error)
    }

    /// Whether it is about the colours of the print.
    pub(super) fn is_of_print(self) -> bool {
        matches!(self, Self::Proof | Self::Gamut | Self::Error)
    }

    /// Whether there are values beyond the good end of the scale.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Thickness | Self::Texels | Self::Photos)
    }

    /// What its limit is.
    pub(super) fn limit_word(self) -> &'static str {
        if self == Self::Error { "seen from" } else { "limit" }
    }
}

/// A measured surface.
#[derive(Clone, Debug)]
pub(super) struct HeatMap {
    pub(super) heat: Heat,
    /// One for each triangle; NaN where nothing is known.
    pub(super) values: Vec<f32>,
    /// The values at the ends of the scale.
    pub(super) range: [f64; 2],
    /// The limit that the printer sets, if there is one.
    pub(super) limit: Option<f64>,
    /// Share of the surface beyond the limit.
    pub(super) beyond: Option<f64>,
}

/// From the worst to what is right.
const SCALE: [[f64; 3]; 5] =
    [[96.0, 0.0, 70.0], [196.0, 22.0, 60.0], [243.0, 118.0, 32.0], [252.0, 196.0, 92.0], [226.0, 228.0, 230.0]];
/// What is right: just at the limit, and far from it.
const RIGHT: [[f64; 3]; 2] = [[136.0, 172.0, 204.0], [226.0, 228.0, 230.0]];

fn between(colours: &[[f64; 3]], share: f64) -> [u8; 3] {
    let x = share.clamp(0.0, 1.0) * (colours.len() - 1) as f64;
    let i = (x as usize).min(colours.len() - 2);
    std::array::from_fn(|k| (colours[i][k] + (colours[i + 1][k] - colours[i][k]) * (x - i as f64)).round() as u8)
}

impl HeatMap {
    /// Where a value is between the worst (0) and the best (1) of the scale.
    pub(super) fn share(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        if self.heat.low_is_bad() { share } else { 1.0 - share }
    }

    /// The colour of a share of the scale, 0 = worst.
    pub(super) fn colour(&self, share: f64) -> [u8; 3] {
        match self.limit.map(|l| self.share(l)) {
            Some(limit) if share >= limit => between(&RIGHT, (share - limit) / (1.0 - limit).max(1e-9)),
            Some(limit) => between(&SCALE[..4], share / limit.max(1e-9)),
            None => between(&SCALE, share),
        }
    }

    /// The colour errors of a print.
    pub(super) fn of_errors(values: Vec<f32>) -> Self {
        Self { heat: Heat::Error, values, range: [0.0, 20.0], limit: Some(SEEN), beyond: None }
    }

    /// A part whose page shows a value for each of its texels.
    pub(super) fn on_page(&self, part: Part, texels: &Grid<f32>) -> Part {
        let scale: Vec<[u8; 3]> = (0..COLUMNS).map(|i| self.colour(i as f64 / (COLUMNS - 1) as f64)).collect();
        let texel = |(value, own): (&f32, &[u8; 3])| {
            let place = (self.share(f64::from(*value)) * (COLUMNS - 1) as f64).round() as usize;
            let light = 0.55 + 0.45 * own.iter().map(|c| f64::from(*c)).sum::<f64>() / 765.0;
            scale[place].map(|c| (f64::from(c) * light).round() as u8)
        };
        let data = texels.data.par_iter().zip(&part.texture.data).map(texel).collect();
        let texture = Rgb8 { data, width: texels.width, height: texels.height };
        Part { texture, ..part }
    }

    /// How much of the surface is beyond the limit, in words.
    pub(super) fn beyond(&self) -> String {
        let word = if self.heat.low_is_bad() { "below" } else { "above" };
        self.beyond.map_or_else(String::new, |share| format!(": {:.1} % of the surface {word}", share * 100.0))
    }

    /// With the share of a part's surface beyond the limit.
    pub(super) fn on(mut self, part: &Part) -> Self {
        let Some(limit) = self.limit else { return self };
        let (mut bad, mut all) = (0.0, 0.0);
        for (t, value) in self.values.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            let area = part.mesh.area_normal(t).norm();
            all += area;
            let value = f64::from(*value);
            bad += if (value < limit) == self.heat.low_is_bad() && value != limit { area } else { 0.0 };
        }
        self.beyond = (all > 0.0).then(|| bad / all);
        self
    }
}

/// What a part is measured against.
pub(super) struct Background<'a> {
    pub(super) made: &'a Made,
    pub(super) city: &'a City,
    pub(super) surface: &'a Bvh,
}

/// Measures one part of an order; gives the part that the values belong to.
pub(super) fn measured(
    ctx: &Ctx,
    heat: Heat,
    of: &Background<'_>,
    index: usize,
) -> Result<(Arc<Part>, HeatMap), Cancelled> {
    let part = &of.made.parts[index].part;
    let (mut shown, mut beyond) = (part.clone(), None);
    let count = part.mesh.triangles.len();
    let printer = &of.made.printer;
    let (values, range, limit): (Vec<f32>, [f64; 2], Option<f64>) = match heat {
        // These are no measures.
        Heat::Texture | Heat::Proof | Heat::Gamut | Heat::Error => (Vec::new(), [0.0, 1.0], None),
        Heat::Thickness => {
            let limit = printer.wall_mm.as_ref().or(printer.detail_mm.as_ref()).map(|l| l.value);
            let wall = limit.unwrap_or(1.0);
            let found = measure(ctx, &part.mesh, &ThicknessOptions::for_wall(wall))?;
            // Each sample stands for as much surface as every other.
            let thin = found.samples.iter().filter(|s| s.thickness < wall * ENOUGH).count();
            beyond = limit.map(|_| thin as f64 / found.samples.len().max(1) as f64);
            let (fine, values) = fine::refined(part, found);
            shown = fine;
            (values, [0.0, wall * 2.0], limit)
        }
        Heat::Overhang => ((0..count).into_par_iter().map(|t| overhang(part, t)).collect(), [0.0, 90.0], None),
        Heat::Texels => {
            let values: Vec<f32> = (0..count).into_par_iter().map(|t| texels(part, t)).collect();
            let known: Vec<f64> = values.iter().filter(|v| v.is_finite()).map(|&v| f64::from(v)).collect();
            let most = crate::base::stats::quantile(&known, 0.95).unwrap_or(1.0).max(1e-6);
            // Finer than the printer's detail nothing is seen.
            let limit = printer.detail_mm.as_ref().map(|l| 1.0 / l.value);
            (values, [0.0, limit.map_or(most, |l| most.max(l * 2.0))], limit)
        }
        Heat::Photos => (photos(of, index, part), [0.0, 9.0], None),
    };
    ctx.check()?;
    let map = HeatMap { heat, values, range, limit, beyond: None }.on(&shown);
    let beyond = beyond.or(map.beyond);
    Ok((shown, HeatMap { beyond, ..map }))
}

/// Degrees between the surface and the vertical, for what faces down; what stands on the bed has none.
fn overhang(part: &Part, t: usize) -> f32 {
    if part.mesh.corners(t).iter().all(|p| p.z.abs() < 1e-6) {
        return f32::NAN;
    }
    let normal = part.mesh.area_normal(t).try_normalize(0.0).unwrap_or_else(Vector3::z);
    normal.z.min(0.0).abs().clamp(0.0, 1.0).asin().to_degrees() as f32
}

/// Texels for a millimetre; none where the triangle points to one plain spot.
fn texels(part: &Part, t: usize) -> f32 {
    let Some([a, b, c]) = part.uvs.get(t) else { return f32::NAN };
    let side =
        |p: &[f32; 2]| [f64::from(p[0]) * part.texture.width as f64, f64::from(p[1]) * part.texture.height as f64];
    let (a, b, c) = (side(a), side(b), side(c));
    let on_page = ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
    let in_space = part.mesh.area_normal(t).norm();
    if on_page < 1e-6 || in_space <= 0.0 { f32::NAN } else { (on_page / in_space).sqrt() as f32 }
}

fn photos(of: &Background<'_>, index: usize, part: &Part) -> Vec<f32> {
    let reach = 2.0 / of.made.frame.mm_per_unit;
    let of_triangle = |t: usize| {
        let middle = part.mesh.corners(t).iter().sum::<Vector3<f64>>() / 3.0;
        let normal = part.mesh.area_normal(t);
        // Walls of the cut and the bottom are no place of the city.
        let place = of.made.city_from_part(index, &middle);
        let near = of.surface.closest(&place, reach)?;
        let views = of.city.views.get(near.triangle as usize)?;
        (normal.z >= 0.0 || near.distance < reach / 4.0).then_some(f32::from(*views))
    };
    (0..part.mesh.triangles.len()).into_par_iter().map(|t| of_triangle(t).unwrap_or(f32::NAN)).collect()
}

/// Columns of the page: colours; the last two are for what has no value.
const COLUMNS: usize = 256;
/// Rows of the page: light from dim to full.
const ROWS: usize = 64;

/// The part with the map's colours instead of its own.
pub(super) fn coloured(part: &Part, map: &HeatMap) -> Part {
    let mut page = Rgb8::filled(COLUMNS, ROWS, [0; 3]);
    for y in 0..ROWS {
        let light = 0.45 + 0.55 * y as f64 / (ROWS - 1) as f64;
        for x in 0..COLUMNS {
            let known = map.colour(x as f64 / (COLUMNS - 4) as f64);
            let plain = if x + 2 >= COLUMNS { [128; 3] } else { known };
            *page.at_mut(x, y) = plain.map(|c| (f64::from(c) * light).round() as u8);
        }
    }
    let sun = Vector3::new(-0.4, -0.5, 0.77).normalize();
    let uv = |t: usize| {
        let normal = part.mesh.area_normal(t).try_normalize(0.0).unwrap_or_else(Vector3::z);
        let light = (normal.dot(&sun) * 0.5 + 0.5) as f32;
        let value = map.values.get(t).copied().unwrap_or(f32::NAN);
        let column =
            if value.is_nan() { COLUMNS as f64 - 1.5 } else { map.share(f64::from(value)) * (COLUMNS - 4) as f64 };
        [[(column as f32 + 0.5) / COLUMNS as f32, (light * (ROWS - 1) as f32 + 0.5) / ROWS as f32]; 3]
    };
    let uvs = (0..part.mesh.triangles.len()).into_par_iter().map(uv).collect();
    Part { mesh: part.mesh.clone(), uvs, texture: page, ..part.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Mesh;

    fn part() -> Part {
        // An upright wall, a roof, a ceiling 3 mm up, a floor on the bed.
        let quad =
            [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 3.0], [2.0, 2.0, 3.0], [0.0, 0.0, 3.0], [2.0, 2.0, 0.0]];
        let vertices = quad.map(Vector3::from).into();
        let triangles = vec![[0, 1, 2], [4, 2, 3], [4, 3, 2], [0, 5, 1]];
        let uvs = vec![[[0.0, 0.0], [0.2, 0.0], [0.2, 0.3]], [[0.5; 2]; 3], [[0.5; 2]; 3], [[0.5; 2]; 3]];
        let mesh = Mesh { vertices, triangles };
        Part { mesh, uvs, texture: Rgb8::filled(100, 100, [9; 3]), scale_denominator: None, title: String::new() }
    }

    #[test]
    fn overhang_and_texels_of_known_faces() {
        let part = part();
        assert_eq!(overhang(&part, 0), 0.0);
        assert_eq!(overhang(&part, 1), 0.0);
        assert!((overhang(&part, 2) - 90.0).abs() < 1e-3);
        assert!(overhang(&part, 3).is_nan(), "it lies on the bed");
        assert!((texels(&part, 0) - 10.0).abs() < 1e-4);
        assert!(texels(&part, 1).is_nan());
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let values = vec![0.0, 2.0, f32::NAN, 0.9];
        let map = HeatMap { heat: Heat::Thickness, values, range: [0.0, 2.0], limit: Some(1.0), beyond: None };
        let map = map.on(&part());
        // The upright wall is of 3 square millimetres, all of the others of 2, and one of them is not known.
        assert!((map.beyond.unwrap_or_default() - 5.0 / 7.0).abs() < 1e-6, "{:?}", map.beyond);
        let shown = coloured(&part(), &map);
        let saturation = |t: usize| {
            let [u, v] = shown.uvs[t][0];
            let p = shown.texture.at((u * 256.0) as usize, (v * 64.0) as usize);
            i32::from(*p.iter().max().unwrap_or(&0)) - i32::from(*p.iter().min().unwrap_or(&0))
        };
        assert!(saturation(0) > 40 && saturation(3) > 60 && saturation(1) < 10, "{:?}", [0, 1, 3].map(saturation));
        let grey = shown.texture.at((shown.uvs[2][0][0] * 256.0) as usize, 20);
        assert!(grey[0] == grey[1] && grey[1] == grey[2]);
        // The jump at the limit.
        let [bad, good] = [0.49, 0.5].map(|s| map.colour(s).map(i32::from));
        assert!(bad[0] - bad[2] > 100 && good[2] > good[0], "{bad:?} {good:?}");
        let overhang = HeatMap { heat: Heat::Overhang, range: [0.0, 90.0], limit: None, ..map };
        assert!(overhang.share(90.0) < overhang.share(10.0));
    }
}
