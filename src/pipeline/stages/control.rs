//! The sparse result adjusted to control points, and measured against all points.
//!
//! The adjusted result takes the place of the sparse stage's own, which stays as it was under its own key: another mark
//! costs an adjustment, not a mapping. Check points change nothing, so they are measured whenever somebody asks.

use super::sparse::sparse_figures;
use crate::base::{Fingerprint, PhotoId};
use crate::georef::Crs;
use crate::pipeline::{Handle, Job, Stage, StageError};
use crate::project::Project;
use crate::scene::{ControlPoint, ControlReport, ControlRole, ControlTarget, Flight, Reconstruction};
use crate::sfm::SfmOptions;
use crate::sfm::control::{adjust_to_control, measure_points};
use std::collections::BTreeMap;
use std::path::Path;

/// Adjusts poses and points to control points.
pub struct ControlStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// The result without control points.
    pub sparse: Handle<Reconstruction>,
    /// The control points.
    pub targets: Vec<ControlTarget>,
    /// Seed of the sampling.
    pub seed: u64,
}

/// The points that take part and have a mark, on WGS84 and with their marks by photo id. Marks in photos that take no
/// part are left out.
fn targets_of(flight: &Flight, points: &[ControlPoint]) -> Result<Vec<ControlTarget>, StageError> {
    let id_of: BTreeMap<&Path, PhotoId> = flight.photos.iter().map(|p| (p.path.as_path(), p.id)).collect();
    let mut targets = Vec::new();
    for point in points.iter().filter(|p| p.role != ControlRole::Off) {
        let crs = Crs::parse(&point.crs).map_err(|e| StageError::failed(ControlStage::NAME, &e, e.hint()))?;
        let mut marks: Vec<_> =
            point.marks.iter().filter_map(|m| Some((*id_of.get(m.photo.as_path())?, m.pixel))).collect();
        marks.sort_by_key(|m| m.0);
        if marks.is_empty() {
            continue;
        }
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

/// The control points that the adjustment takes.
pub(in crate::pipeline) fn control_of(
    flight: &Flight,
    points: &[ControlPoint],
) -> Result<Vec<ControlTarget>, StageError> {
    let all = targets_of(flight, points)?;
    Ok(all.into_iter().filter(|t| t.role == ControlRole::Control).collect())
}

/// How well a reconstruction fits the points that have marks. Takes milliseconds.
pub fn measure_control(
    flight: &Flight,
    reconstruction: &Reconstruction,
    points: &[ControlPoint],
) -> Result<ControlReport, StageError> {
    Ok(measure_points(flight, reconstruction, &targets_of(flight, points)?, &SfmOptions::default()))
}

/// How well a project's sparse result fits its points; `None` without points or before the sparse stage.
pub fn control_report(project: &Project) -> Option<ControlReport> {
    let points = &project.manifest().control;
    if points.is_empty() {
        return None;
    }
    let flight: Flight = project.current("ingest").ok()?.get("output").ok()?;
    let sparse: Reconstruction = project.current("sparse").ok()?.get("output").ok()?;
    (sparse.poses.len() == flight.photos.len()).then(|| measure_control(&flight, &sparse, points).ok())?
}

impl Stage for ControlStage<'_> {
    const NAME: &'static str = "sparse";
    const VERSION: u32 = 5;
    type KeyMaterial = (&'static str, u32, Fingerprint, Vec<ControlTarget>, u64);
    type Output = Reconstruction;

    fn key_material(&self) -> Self::KeyMaterial {
        ("control", 1, self.sparse.key.clone(), self.targets.clone(), self.seed)
    }

    fn memory(&self) -> u64 {
        // The result without control points needed more.
        0
    }

    fn run(&self, job: &Job<'_>) -> Result<Reconstruction, StageError> {
        let options = SfmOptions { seed: self.seed, ..SfmOptions::default() };
        let sparse = self.sparse.load(job.project)?;
        let adjusted = adjust_to_control(&job.ctx, self.flight, &sparse, &self.targets, &options)
            .map_err(|e| StageError::failed(Self::NAME, &e, e.hint()))?;
        for note in &adjusted.notes {
            job.ctx.report(note.clone());
        }
        for (name, value) in sparse_figures(&adjusted) {
            job.figure(name, value);
        }
        let report = measure_points(self.flight, &adjusted, &self.targets, &options);
        job.figure("control_points", report.points.len() as f64);
        if let Some(rms) = report.rms(ControlRole::Control) {
            job.figure("control_rms_m", rms.total_m());
            job.figure("control_mark_rms_px", rms.mark_px);
        }
        Ok(adjusted)
    }
}
