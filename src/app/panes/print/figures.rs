//! What a part weighs and costs, and how near it is to the printer's limits.

use super::estimate::Estimate;
use crate::order::{Judged, Made, Subject};
use crate::print::printer::Printer;

/// Bytes of a 3MF file for a triangle, texture included: measured on the sample flight's part (28 MB, 807 550 triangles).
const BYTES_A_TRIANGLE: f64 = 35.0;

/// Figures of all parts together; the size is that of the largest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    pub(super) size_mm: [f64; 3],
    pub(super) volume_cm3: f64,
    pub(super) area_cm2: f64,
    pub(super) triangles: f64,
    pub(super) texture_px: f64,
    pub(super) file_mb: f64,
    /// Whether it was measured on the made part.
    pub(super) exact: bool,
    /// Whether the file's size is that of a written one.
    pub(super) file_exact: bool,
}

impl Figures {
    /// From the made parts.
    pub(super) fn of(made: &Made) -> Self {
        let mut all = Self { exact: true, ..Self::default() };
        for part in made.parts.iter().map(|p| &p.part) {
            let mesh = &part.mesh;
            let size = mesh.bounds().map_or_else(Default::default, |(low, high)| high - low);
            for k in 0..3 {
                all.size_mm[k] = all.size_mm[k].max(size[k]);
            }
            let area: f64 = (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm()).sum();
            let triangles = mesh.triangles.len() as f64;
            all.volume_cm3 += mesh.volume() / 1000.0;
            all.area_cm2 += area / 200.0;
            all.triangles = all.triangles.max(triangles);
            all.texture_px = all.texture_px.max(part.texture.width.max(part.texture.height) as f64);
            all.file_mb = all.file_mb.max(triangles * BYTES_A_TRIANGLE / 1e6);
        }
        all
    }

    /// From the heights of the city.
    pub(super) fn estimated(
        estimate: &Estimate,
        subject: &Subject,
        area_m2: f64,
        options: &crate::print::PartOptions,
    ) -> Self {
        let mesh = &subject.city.mesh;
        let flat = mesh.bounds().map_or(0.0, |(low, high)| (high - low).x * (high - low).y);
        let share = if flat > 0.0 { (area_m2 / flat).min(1.0) } else { 1.0 };
        let triangles = (mesh.triangles.len() as f64 * share).min(options.max_triangles as f64);
        let [x, y, z] = estimate.size_mm;
        let margins = options.plinth.margins(x.max(y));
        let slab = (x + 2.0 * margins.around) * (y + margins.around + margins.front) - x * y;
        let full = estimate.volume_cm3 + slab * options.base_mm / 1000.0;
        // A shell is at most as much as its surface times its thickness.
        let volume = options.hollow.map_or(full, |h| full.min(estimate.area_cm2 * h.wall_mm / 10.0));
        Self {
            size_mm: [x + 2.0 * margins.around, y + margins.around + margins.front, z],
            volume_cm3: volume,
            area_cm2: estimate.area_cm2 + slab * 2.0 / 100.0,
            triangles,
            texture_px: options.page as f64,
            file_mb: triangles * BYTES_A_TRIANGLE / 1e6,
            exact: false,
            file_exact: false,
        }
    }

    /// With the sizes of written files.
    pub(super) fn with_files(mut self, judged: &[Judged]) -> Self {
        if let Some(most) = judged.iter().map(|j| j.bytes).max() {
            (self.file_mb, self.file_exact) = (most as f64 / 1e6, true);
        }
        self
    }

    /// Grams, where the profile gives a density.
    pub(super) fn mass_g(&self, printer: &Printer) -> Option<f64> {
        printer.density_g_cm3.as_ref().map(|d| d.value * self.volume_cm3)
    }

    /// Price of one in the profile's currency, where it gives one.
    pub(super) fn price(&self, printer: &Printer) -> Option<f64> {
        let by_volume = printer.price_cm3.as_ref().map(|p| p.value * self.volume_cm3);
        let by_area = printer.price_cm2.as_ref().map(|p| p.value * self.area_cm2);
        by_volume.or(by_area).map(|_| by_volume.unwrap_or(0.0) + by_area.unwrap_or(0.0))
    }

    /// How much of the build volume the largest side takes in the best order of the axes; above 1 it does not fit.
    pub(super) fn fills(&self, build_mm: [f64; 3]) -> f64 {
        let (mut size, mut build) = (self.size_mm, build_mm);
        size.sort_by(f64::total_cmp);
        build.sort_by(f64::total_cmp);
        size.iter().zip(build).map(|(s, b)| s / b).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::printer::Limit;

    #[test]
    fn mass_price_and_room() {
        let limit = |value| Some(Limit { value, source: "s".into(), date: "d".into() });
        let printer = Printer { density_g_cm3: limit(2.0), price_cm2: limit(0.1), ..Printer::default() };
        let figures = Figures { size_mm: [100.0, 300.0, 20.0], volume_cm3: 50.0, area_cm2: 40.0, ..Figures::default() };
        assert_eq!((figures.mass_g(&printer), figures.price(&printer)), (Some(100.0), Some(4.0)));
        assert_eq!(figures.price(&Printer::default()), None);
        assert_eq!(figures.fills([400.0, 200.0, 200.0]), 0.75);
    }
}
