//! The sparse result adjusted to control points, and measured against check points.
//!
//! It takes the place of the sparse stage's own result, which stays as it was under its own key: another mark costs an
//! adjustment, not a mapping.

use super::sparse::sparse_figures;
use crate::base::{Fingerprint, PhotoId};
use crate::georef::Crs;
use crate::pipeline::{Handle, Job, Stage, StageError};
use crate::project::CONTROL;
use crate::scene::{ControlPoint, ControlReport, ControlRole, ControlTarget, Flight, Reconstruction};
use crate::sfm::SfmOptions;
use crate::sfm::control::adjust_to_control;
use std::collections::BTreeMap;
use std::path::Path;

/// Adjusts poses and points to control points.
pub struct ControlStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// The result without control points.
    pub sparse: Handle<Reconstruction>,
    /// The points.
    pub targets: Vec<ControlTarget>,
    /// Seed of the sampling.
    pub seed: u64,
}

/// The points that take part, on WGS84 and with their marks by photo id. Marks in photos that take no part are left out.
pub fn targets_of(flight: &Flight, points: &[ControlPoint]) -> Result<Vec<ControlTarget>, StageError> {
    let id_of: BTreeMap<&Path, PhotoId> = flight.photos.iter().map(|p| (p.path.as_path(), p.id)).collect();
    let mut targets = Vec::new();
    for point in points.iter().filter(|p| p.role != ControlRole::Off) {
        let crs = Crs::parse(&point.crs).map_err(|e| StageError::failed(ControlStage::NAME, &e, e.hint()))?;
        let mut marks: Vec<_> =
            point.marks.iter().filter_map(|m| Some((*id_of.get(m.photo.as_path())?, m.pixel))).collect();
        marks.sort_by_key(|m| m.0);
        targets.push(ControlTarget {
            name: point.name.clone(),
            role: point.role,
            geodetic: crs.geodetic_from_given(&point.given),
            sigma_m: point.sigma_m,
            sigma_up_m: point.sigma_up_m,
            marks,
        });
    }
    Ok(targets)
}

impl Stage for ControlStage<'_> {
    const NAME: &'static str = "sparse";
    const VERSION: u32 = 4;
    type KeyMaterial = (&'static str, u32, Fingerprint, Vec<ControlTarget>, u64);
    type Output = Reconstruction;

    fn key_material(&self) -> Self::KeyMaterial {
        (CONTROL, 1, self.sparse.key.clone(), self.targets.clone(), self.seed)
    }

    fn memory(&self) -> u64 {
        // The result without control points needed more.
        0
    }

    fn run(&self, job: &Job<'_>) -> Result<Reconstruction, StageError> {
        let options = SfmOptions { seed: self.seed, ..SfmOptions::default() };
        let sparse = self.sparse.load(job.project)?;
        let (reconstruction, report) = adjust_to_control(&job.ctx, self.flight, &sparse, &self.targets, &options)
            .map_err(|e| StageError::failed(Self::NAME, &e, e.hint()))?;
        for note in &reconstruction.notes {
            job.ctx.report(note.clone());
        }
        for (name, value) in sparse_figures(&reconstruction).into_iter().chain(control_figures(&report)) {
            job.figure(name, value);
        }
        job.store_beside(CONTROL, &Job::key(self)?, &report)?;
        Ok(reconstruction)
    }
}

/// What the report says about control and check points.
fn control_figures(report: &ControlReport) -> Vec<(&'static str, f64)> {
    let count = |role| report.points.iter().filter(|p| p.role == role).count() as f64;
    let mut figures =
        vec![("control_points", count(ControlRole::Control)), ("check_points", count(ControlRole::Check))];
    if let Some(rms) = report.rms(ControlRole::Control) {
        figures.push(("control_rms_m", rms.total_m()));
        figures.push(("control_mark_rms_px", rms.mark_px));
    }
    if let Some(rms) = report.rms(ControlRole::Check) {
        figures.push(("check_rms_m", rms.total_m()));
        figures.push(("check_mark_rms_px", rms.mark_px));
    }
    figures
}
