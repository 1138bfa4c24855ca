//! Colours changed on purpose before they are printed: shadows lifted, saturation raised, for processes that print dark and dull.
//!
//! In: a page (sRGB). Out: the page. In CIE L*a*b*: L* rises by `lift` at black and less and less up to white, by
//! `lift (1 - L*/100)^3`, which keeps the order of lightnesses for lifts below 33; chroma is multiplied by
//! `saturation` and then taken back as far as sRGB asks for it, so that the hue stays.

use crate::image::Rgb8;
use crate::image::colour::{lab_of_rgb8, linear_of_lab, rgb8_of_lab};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The largest lift.
pub const MOST_LIFT: f64 = 30.0;
/// The largest factor for chroma.
pub const MOST_SATURATION: f64 = 3.0;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Adjustment {
    /// By how much L* rises at black, 0 to [`MOST_LIFT`].
    pub lift: f64,
    /// The factor for chroma, 0 to [`MOST_SATURATION`].
    pub saturation: f64,
}

impl Default for Adjustment {
    fn default() -> Self {
        Self { lift: 0.0, saturation: 1.0 }
    }
}

impl Adjustment {
    /// Whether nothing changes.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The colour that is printed for a colour.
    pub fn of(&self, rgb: [u8; 3]) -> [u8; 3] {
        let [l, a, b] = lab_of_rgb8(rgb);
        let l = l + self.lift * (1.0 - l / 100.0).clamp(0.0, 1.0).powi(3);
        let shows = |f: f64| linear_of_lab([l, a * f, b * f]).iter().all(|v| (-1e-4..=1.0 + 1e-4).contains(v));
        let mut factor = self.saturation;
        if !shows(factor) {
            let (mut low, mut high) = (0.0, factor);
            for _ in 0..12 {
                let middle = (low + high) / 2.0;
                if shows(middle) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            factor = low;
        }
        rgb8_of_lab([l, a * factor, b * factor])
    }

    /// The page that is printed for a page.
    pub fn page(&self, page: &Rgb8) -> Rgb8 {
        if self.is_none() {
            return page.clone();
        }
        // Neighbours are often equal.
        let data = page
            .data
            .par_chunks(4096)
            .flat_map_iter(|texels| {
                let mut last = ([0; 3], self.of([0; 3]));
                texels.iter().map(move |&c| {
                    if c != last.0 {
                        last = (c, self.of(c));
                    }
                    last.1
                })
            })
            .collect();
        Rgb8 { width: page.width, height: page.height, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lift_raises_black_most_and_keeps_order_and_hue() {
        let lift = Adjustment { lift: 20.0, saturation: 1.0 };
        assert!((lab_of_rgb8(lift.of([0; 3]))[0] - 20.0).abs() < 0.3);
        assert_eq!(lift.of([255; 3]), [255; 3]);
        let lightness: Vec<f64> = (0..=255).map(|v| lab_of_rgb8(lift.of([v; 3]))[0]).collect();
        assert!(lightness.windows(2).all(|w| w[1] >= w[0]));
        let more = Adjustment { lift: 0.0, saturation: 1.5 };
        let (before, after) = (lab_of_rgb8([120, 100, 90]), lab_of_rgb8(more.of([120, 100, 90])));
        assert!((after[1].hypot(after[2]) / before[1].hypot(before[2]) - 1.5).abs() < 0.06);
        let full = lab_of_rgb8(more.of([255, 0, 0]));
        let red = lab_of_rgb8([255, 0, 0]);
        assert!((full[1].atan2(full[2]) - red[1].atan2(red[2])).abs() < 0.02, "{full:?}");
        assert_eq!(Adjustment::default().page(&Rgb8::filled(3, 3, [9, 8, 7])).at(1, 1), [9, 8, 7]);
    }
}
