//! What parts are to be: area, size, base, and how they are finished.

use super::area::Area;
use super::hollow::Hollow;
use super::plinth::Plinth;
use super::printer::{Limit, Printer};
use super::split::Split;
use super::thicken::Reach;
use serde::{Deserialize, Serialize};

/// A part for a printer holds no smaller details than this, in millimetres, whatever its profile says or leaves out: a
/// surface simplified to a tenth of it differs by less than any process makes.
const FINEST: f64 = 0.1;

/// What the part is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PartOptions {
    /// The piece of ground; `None` takes the largest well-covered rectangle.
    pub area: Option<Area>,
    /// Size.
    pub size: PartSize,
    /// Whether one unit of the city is one metre.
    pub metric: bool,
    /// Millimetres of material below the lowest place of the surface; at least 2.
    pub base_mm: f64,
    /// How much heights are exaggerated.
    pub z_scale: f64,
    /// Smallest detail that the printer makes: the surface is simplified to a tenth of it. `None` keeps as many triangles
    /// as there may be.
    pub detail_mm: Option<f64>,
    /// Thinnest wall and smallest gap that the printer makes: thinner ones are thickened, narrower ones filled.
    pub reach: Option<Reach>,
    /// The slab with text and north arrow.
    pub plinth: Plinth,
    /// Hollow inside.
    pub hollow: Option<Hollow>,
    /// Cut into pieces.
    pub split: Split,
    /// Straight cuts instead of such that follow the streets.
    pub split_straight: bool,
    /// Sides of the printer's build volume in millimetres, in any order.
    pub build_mm: Option<[f64; 3]>,
    /// Most triangles.
    pub max_triangles: usize,
    /// Side of the square texture page in texels, at most.
    pub page: usize,
    /// The texel that the printer resolves: the page is no finer. `None` fills the page.
    pub texel_mm: Option<f64>,
    /// Colour of sides and base (sRGB).
    pub plain: [u8; 3],
    /// Title.
    pub title: String,
}

/// How large the part is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartSize {
    /// 1:N.
    Scale(f64),
    /// Longest horizontal side in millimetres.
    LongestMm(f64),
}

impl PartOptions {
    /// What a printer asks of a part: how fine it is, its thinnest wall and gap, its triangles and texture, its build volume.
    pub fn for_printer(printer: &Printer) -> Self {
        let limit = |l: &Option<Limit<f64>>| l.as_ref().map(|l| l.value);
        let defaults = Self::default();
        let within = |most: usize, l: &Option<Limit<f64>>| limit(l).map_or(most, |n| most.min(n as usize));
        // Who names no detail prints at least a quarter of a wall.
        let detail = limit(&printer.detail_mm).or(limit(&printer.wall_mm).map(|w| w / 4.0));
        Self {
            detail_mm: Some(detail.map_or(FINEST, |d| d.max(FINEST))),
            reach: Reach::of(printer),
            build_mm: printer.build_mm.as_ref().map(|b| b.value),
            max_triangles: within(defaults.max_triangles, &printer.triangles),
            texel_mm: printer.texel_mm(),
            page: within(defaults.page, &printer.texture_px),
            ..defaults
        }
    }
}

impl Default for PartOptions {
    fn default() -> Self {
        Self {
            area: None,
            size: PartSize::LongestMm(150.0),
            metric: true,
            base_mm: 3.0,
            z_scale: 1.0,
            detail_mm: None,
            reach: None,
            plinth: Plinth::default(),
            hollow: None,
            split: Split::None,
            split_straight: false,
            build_mm: None,
            max_triangles: 1_000_000,
            page: 2048,
            texel_mm: None,
            plain: [206, 204, 198],
            title: "city".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_that_names_nothing_or_too_little_bounds_the_work() {
        let limit = |value: f64| Some(Limit { value, source: "test".into(), date: "2026-11-22".into() });
        let of = |wall_mm, detail_mm| PartOptions::for_printer(&Printer { wall_mm, detail_mm, ..Printer::default() });
        assert_eq!((of(None, None).detail_mm, of(None, None).reach), (Some(FINEST), None));
        let fine = of(limit(0.01), limit(1e-4));
        assert_eq!((fine.detail_mm, fine.reach.map(|r| r.wall_mm)), (Some(FINEST), Some(Reach::THINNEST)));
        let usual = of(limit(1.0), None);
        assert_eq!((usual.detail_mm, usual.reach.map(|r| r.wall_mm)), (Some(0.25), Some(1.0)));
    }
}
