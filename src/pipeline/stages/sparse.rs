//! Camera poses and sparse points.

use super::features::FeatureSet;
use crate::base::{Fingerprint, stats};
use crate::pipeline::{Handle, Job, Stage, StageError};
use crate::scene::{Flight, Georeference, Reconstruction, VerifiedPair};
use crate::sfm::{SfmOptions, reconstruct};

/// Reconstructs poses and points.
pub struct SparseStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Their features.
    pub features: &'a FeatureSet,
    /// Verified pairs.
    pub pairs: Handle<Vec<VerifiedPair>>,
    /// Seed of the sampling.
    pub seed: u64,
}

impl Stage for SparseStage<'_> {
    const NAME: &'static str = "sparse";
    const VERSION: u32 = 5;
    type KeyMaterial = (Fingerprint, u64);
    type Output = Reconstruction;

    fn key_material(&self) -> Self::KeyMaterial {
        (self.pairs.key.clone(), self.seed)
    }

    fn memory(&self) -> u64 {
        // Keypoints and the adjustment's observations of all features at worst.
        self.features.counts.iter().map(|&n| u64::from(n) * 320).sum()
    }

    fn run(&self, job: &Job<'_>) -> Result<Reconstruction, StageError> {
        let features = self.features.load_all(job.project)?;
        let pairs = self.pairs.load(job.project)?;
        let options = SfmOptions { seed: self.seed, ..SfmOptions::default() };
        let reconstruction = reconstruct(&job.ctx, self.flight, &features, &pairs, &options)
            .map_err(|e| StageError::failed(Self::NAME, &e, e.hint()))?;
        for note in &reconstruction.notes {
            job.ctx.report(note.clone());
        }
        for (name, value) in sparse_figures(&reconstruction) {
            job.figure(name, value);
        }
        Ok(reconstruction)
    }
}

/// What the report says about a reconstruction.
pub(super) fn sparse_figures(reconstruction: &Reconstruction) -> Vec<(&'static str, f64)> {
    let errors: Vec<f64> = reconstruction
        .points
        .iter()
        .flat_map(|p| p.track.iter().filter_map(|o| reconstruction.reprojection_error(p, o)))
        .collect();
    let points = reconstruction.points.len().max(1) as f64;
    let mut figures = vec![
        ("registered", reconstruction.registered().count() as f64),
        ("points", reconstruction.points.len() as f64),
        ("observations", errors.len() as f64),
        ("mean_track_length", errors.len() as f64 / points),
        ("reprojection_rms_px", stats::rms(&errors).unwrap_or(f64::NAN)),
        ("reprojection_mean_px", errors.iter().sum::<f64>() / errors.len().max(1) as f64),
        ("reprojection_median_px", stats::median(&errors).unwrap_or(f64::NAN)),
    ];
    if let Georeference::Local { residuals, doming_m, .. } = &reconstruction.georeference {
        let horizontal: Vec<f64> = residuals.iter().map(|r| r.residual.xy().norm()).collect();
        let vertical: Vec<f64> = residuals.iter().map(|r| r.residual.z).collect();
        figures.extend([
            ("gps_residual_horizontal_rms_m", stats::rms(&horizontal).unwrap_or(f64::NAN)),
            ("gps_residual_vertical_rms_m", stats::rms(&vertical).unwrap_or(f64::NAN)),
            ("doming_m", doming_m.0),
            ("doming_sigma_m", doming_m.1),
        ]);
    }
    figures
}
