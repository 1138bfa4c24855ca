//! Two-view geometry of the matched pairs.

use super::features::{FeatureCache, FeatureSet};
use crate::base::Fingerprint;
use crate::matching::verify::{VerifyOptions, relative_prior, verify_pair};
use crate::pipeline::{Handle, Job, Stage, StageError};
use crate::scene::{Flight, PairMatches, VerifiedPair};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Verifies the pairs.
pub struct VerifyStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Their features.
    pub features: &'a FeatureSet,
    /// Putative matches.
    pub matches: Handle<Vec<PairMatches>>,
    /// Seed of the sampling.
    pub seed: u64,
}

impl Stage for VerifyStage<'_> {
    const NAME: &'static str = "verify";
    const VERSION: u32 = 2;
    type KeyMaterial = (Fingerprint, u64);
    type Output = Vec<VerifiedPair>;

    fn key_material(&self) -> Self::KeyMaterial {
        (self.matches.key.clone(), self.seed)
    }

    fn memory(&self) -> u64 {
        u64::from(self.features.counts.iter().copied().max().unwrap_or(0)) * 160 * 8
    }

    fn run(&self, job: &Job<'_>) -> Result<Self::Output, StageError> {
        let matches = self.matches.load(job.project)?;
        let cache = FeatureCache::new(job.project, self.features, job.ctx.max_memory / 2);
        let options = VerifyOptions::default();
        let done = AtomicU64::new(0);
        let verified: Vec<Option<VerifiedPair>> = matches
            .par_iter()
            .enumerate()
            .map(|(i, pair)| {
                let photos = [pair.a, pair.b].map(|p| &self.flight.photos[p.index()]);
                let cameras = [pair.a, pair.b].map(|p| self.flight.camera_of(p));
                let prior = relative_prior(photos[0], photos[1]);
                let seed = self.seed.wrapping_add((i as u64) << 8);
                let result = verify_pair(
                    &*cache.get(pair.a)?,
                    &*cache.get(pair.b)?,
                    cameras[0],
                    cameras[1],
                    pair,
                    prior.as_ref(),
                    &options,
                    seed,
                );
                job.ctx.tick(done.fetch_add(1, Ordering::Relaxed) + 1, matches.len() as u64)?;
                Ok(result)
            })
            .collect::<Result<_, StageError>>()?;
        let verified: Vec<VerifiedPair> = verified.into_iter().flatten().collect();
        job.figure("pairs_verified", verified.len() as f64);
        let inliers: usize = verified.iter().map(|v| v.inliers.len()).sum();
        job.figure("inliers_per_pair", inliers as f64 / verified.len().max(1) as f64);
        Ok(verified)
    }
}
