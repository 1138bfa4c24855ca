//! Measures of a part's surface as colours: wall thickness, overhang, texel density, photos behind it.
//!
//! In: the part, the limit that counts. Out: one value for each triangle, and the same mesh with a page that holds the
//! colours (so that the 3D view needs no other way of drawing): along the page the value, down the page the light, so that
//! the shape can still be read. The colours are viridis, bright where something is wrong; what has no value is grey.
//! Cost: thickness as [`crate::print::thickness`] says, the others well under a second.

use crate::base::{Cancelled, Ctx};
use crate::image::Rgb8;
use crate::mesh::bvh::Bvh;
use crate::order::Made;
use crate::print::thickness::{ThicknessOptions, measure};
use crate::render::COLOUR_MAP;
use crate::scene::{City, Part};
use nalgebra::Vector3;
use rayon::prelude::*;

/// What the surface shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heat {
    /// The print's own colours.
    #[default]
    Texture,
    Thickness,
    Overhang,
    Texels,
    Photos,
}

impl Heat {
    pub(super) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Texture, "Colours", "As it will be printed"),
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
            Self::Texture => String::new(),
            Self::Thickness => format!("{value:.2} mm"),
            Self::Overhang => format!("{value:.0}\u{b0}"),
            Self::Texels => format!("{value:.1} px/mm"),
            Self::Photos => format!("{value:.0} photos"),
        }
    }

    /// Whether low values are what to look for.
    fn low_is_bad(self) -> bool {
        self != Self::Overhang
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
}

/// The colour of a share of the scale, 0 = worst.
pub(super) fn colour(share: f64) -> [u8; 3] {
    let x = (1.0 - share.clamp(0.0, 1.0)) * (COLOUR_MAP.len() - 1) as f64;
    let (i, t) = ((x as usize).min(COLOUR_MAP.len() - 2), x - (x as usize).min(COLOUR_MAP.len() - 2) as f64);
    std::array::from_fn(|k| {
        (f64::from(COLOUR_MAP[i][k]) * (1.0 - t) + f64::from(COLOUR_MAP[i + 1][k]) * t).round() as u8
    })
}

impl HeatMap {
    /// Where a value is between the worst (0) and the best (1) of the scale.
    pub(super) fn share(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        if self.heat.low_is_bad() { share } else { 1.0 - share }
    }
}

/// What a part is measured against.
pub(super) struct Background<'a> {
    pub(super) made: &'a Made,
    pub(super) index: usize,
    pub(super) city: &'a City,
    pub(super) surface: &'a Bvh,
}

/// Measures one part of an order.
pub(super) fn measured(ctx: &Ctx, heat: Heat, of: &Background<'_>) -> Result<HeatMap, Cancelled> {
    let part = &of.made.parts[of.index].part;
    let count = part.mesh.triangles.len();
    let printer = &of.made.printer;
    let (values, range, limit): (Vec<f32>, [f64; 2], Option<f64>) = match heat {
        Heat::Texture => (Vec::new(), [0.0, 1.0], None),
        Heat::Thickness => {
            let limit = printer.wall_mm.as_ref().or(printer.detail_mm.as_ref()).map(|l| l.value);
            let wall = limit.unwrap_or(1.0);
            let found = measure(ctx, &part.mesh, &ThicknessOptions::for_wall(wall))?;
            (found.by_triangle, [0.0, wall * 2.0], limit)
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
        Heat::Photos => (photos(of, part), [0.0, 9.0], None),
    };
    ctx.check()?;
    Ok(HeatMap { heat, values, range, limit })
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

fn photos(of: &Background<'_>, part: &Part) -> Vec<f32> {
    let reach = 2.0 / of.made.frame.mm_per_unit;
    let of_triangle = |t: usize| {
        let middle = part.mesh.corners(t).iter().sum::<Vector3<f64>>() / 3.0;
        let normal = part.mesh.area_normal(t);
        // Walls of the cut and the bottom are no place of the city.
        let place = of.made.city_from_part(of.index, &middle);
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
            let known = colour(x as f64 / (COLUMNS - 3) as f64);
            let plain = if x + 2 >= COLUMNS { [150; 3] } else { known };
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
    fn what_is_wrong_is_bright() {
        let map =
            HeatMap { heat: Heat::Thickness, values: vec![0.0, 2.0, f32::NAN, 1.0], range: [0.0, 2.0], limit: None };
        let shown = coloured(&part(), &map);
        let at = |t: usize| {
            let [u, v] = shown.uvs[t][0];
            let p = shown.texture.at((u * 256.0) as usize, (v * 64.0) as usize);
            p.iter().map(|&c| u32::from(c)).sum::<u32>()
        };
        assert!(at(0) > 2 * at(1), "{} {}", at(0), at(1));
        let grey = shown.texture.at((shown.uvs[2][0][0] * 256.0) as usize, 20);
        assert!(grey[0] == grey[1] && grey[1] == grey[2]);
        let overhang = HeatMap { heat: Heat::Overhang, range: [0.0, 90.0], ..map };
        assert!(overhang.share(90.0) < overhang.share(10.0));
    }
}
