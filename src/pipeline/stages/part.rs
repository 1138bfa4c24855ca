//! The printable solid, for what every printer takes; `veduta print` makes it for one.

use crate::base::Fingerprint;
use crate::pipeline::{Handle, Job, PrintSize, Stage, StageError};
use crate::print::printer::Printer;
use crate::print::{PartOptions, PartSize, make_part};
use crate::scene::{City, Part};

/// Cuts, closes and colours the part.
pub struct PartStage {
    /// The city.
    pub city: Handle<City>,
    /// Number of triangles of the city, to plan memory.
    pub triangles: usize,
    /// Size of the part.
    pub size: PrintSize,
    /// Whether the city's unit is the metre.
    pub metric: bool,
    /// Title.
    pub title: String,
    /// What it must be printable on; its build volume does not limit the part.
    pub printer: Printer,
}

impl Stage for PartStage {
    const NAME: &'static str = "part";
    const VERSION: u32 = 5;
    type KeyMaterial = (Fingerprint, PrintSize, bool, String, Printer);
    type Output = Part;

    fn key_material(&self) -> Self::KeyMaterial {
        (self.city.key.clone(), self.size, self.metric, self.title.clone(), self.printer.clone())
    }

    fn memory(&self) -> u64 {
        // The city, its copy in the part's frame, the hierarchy for baking, and the edges of the simplification.
        self.triangles as u64 * 900 + (200 << 20)
    }

    fn run(&self, job: &Job<'_>) -> Result<Part, StageError> {
        let city = self.city.load(job.project)?;
        let size = match self.size {
            PrintSize::Scale(n) => PartSize::Scale(n),
            PrintSize::LongestMm(mm) => PartSize::LongestMm(mm),
        };
        let options = PartOptions {
            size,
            metric: self.metric,
            title: self.title.clone(),
            build_mm: None,
            ..PartOptions::for_printer(&self.printer)
        };
        let part = make_part(&job.ctx, &city, &options).map_err(|e| StageError::failed(Self::NAME, &e, e.hint()))?;
        if let Some((low, high)) = part.mesh.bounds() {
            let size = high - low;
            for (name, mm) in [("width_mm", size.x), ("depth_mm", size.y), ("height_mm", size.z)] {
                job.figure(name, mm);
            }
        }
        job.figure("triangles", part.mesh.triangles.len() as f64);
        job.figure("volume_cm3", part.mesh.volume() / 1000.0);
        if let Some(n) = part.scale_denominator {
            job.figure("scale_denominator", n);
        }
        Ok(part)
    }
}
