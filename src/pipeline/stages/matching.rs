//! Putative matches between photos, in pieces of some pairs.

use super::features::{FeatureCache, FeatureSet};
use crate::base::{Fingerprint, PhotoId};
use crate::matching::descriptors::{MatchOptions, match_features};
use crate::matching::kernels::nearest_two::GpuMatcher;
use crate::matching::pairs::{PairOptions, select_pairs};
use crate::matching::retrieval::{RetrievalOptions, similar_pairs};
use crate::pipeline::{Job, Stage, StageError};
use crate::scene::{Flight, PairMatches};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// Artifact folder of the pieces.
const PIECE: &str = "matches-of-pairs";
/// Pairs in a piece.
const CHUNK: usize = 48;

/// Matches descriptors.
pub struct MatchStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Their features.
    pub features: &'a FeatureSet,
    /// Seed of the pair selection.
    pub seed: u64,
}

impl Stage for MatchStage<'_> {
    const NAME: &'static str = "match";
    const VERSION: u32 = 1;
    type KeyMaterial = (Vec<Fingerprint>, Fingerprint, u64);
    type Output = Vec<PairMatches>;

    fn key_material(&self) -> Self::KeyMaterial {
        // Pair selection depends on the whole flight; a serialisation failure would show when the flight was stored.
        let flight = Fingerprint::of(self.flight).unwrap_or_else(|_| Fingerprint::of_bytes(b""));
        (self.features.keys.clone(), flight, self.seed)
    }

    fn memory(&self) -> u64 {
        let largest = u64::from(self.features.counts.iter().copied().max().unwrap_or(0));
        // Four photos' descriptors and the working tables of each thread.
        largest * 160 * 4 + largest * 64 * rayon::current_num_threads() as u64
    }

    fn run(&self, job: &Job<'_>) -> Result<Self::Output, StageError> {
        let cache = FeatureCache::new(job.project, self.features, job.ctx.max_memory / 2);
        let pairs = self.pairs(job, &cache)?;
        job.figure("pairs_tried", pairs.len() as f64);
        let done = AtomicU64::new(0);
        let options = MatchOptions::default();
        // A device that cannot run the kernel costs time only: the processor's result is the same.
        let matcher = job.gpu.and_then(|gpu| GpuMatcher::new(gpu).ok());
        let mut all = Vec::new();
        for chunk in pairs.chunks(CHUNK) {
            let keys = &self.features.keys;
            let material: Vec<_> = chunk.iter().map(|(a, b)| (a, b, &keys[a.index()], &keys[b.index()])).collect();
            let count = chunk.len() as u64;
            let matches: Vec<PairMatches> = job.piece(PIECE, Self::VERSION, &material, || {
                let one = |&(a, b): &(PhotoId, PhotoId)| {
                    let (fa, fb) = (cache.get(a)?, cache.get(b)?);
                    let matches = match &matcher {
                        Some(gpu) => gpu
                            .match_features(&fa, &fb, &options)
                            .unwrap_or_else(|_| match_features(&fa, &fb, &options)),
                        None => match_features(&fa, &fb, &options),
                    };
                    job.ctx.tick(done.fetch_add(1, Ordering::Relaxed) + 1, pairs.len() as u64)?;
                    Ok(PairMatches { a, b, matches })
                };
                // One queue feeds the GPU; the processor takes one pair a core.
                if job.gpu.is_some() {
                    chunk.iter().map(one).collect::<Result<_, StageError>>()
                } else {
                    chunk.par_iter().map(one).collect::<Result<_, StageError>>()
                }
            })?;
            all.extend(matches);
            done.fetch_max(all.len() as u64, Ordering::Relaxed);
            job.ctx.tick(done.load(Ordering::Relaxed).max(count), pairs.len() as u64)?;
        }
        Ok(all)
    }
}

impl MatchStage<'_> {
    fn pairs(&self, job: &Job<'_>, cache: &FeatureCache<'_>) -> Result<Vec<(PhotoId, PhotoId)>, StageError> {
        let selection = select_pairs(self.flight, &PairOptions::default(), self.seed);
        for note in selection.notes {
            job.ctx.report(note);
        }
        if let Some(pairs) = selection.pairs {
            return Ok(pairs);
        }
        let n = self.flight.photos.len();
        let features = (0..n).map(|i| cache.get(PhotoId::from(i))).collect::<Result<Vec<_>, _>>()?;
        let refs: Vec<_> = features.iter().map(|f| &**f).collect();
        Ok(similar_pairs(&refs, &RetrievalOptions::default(), self.seed))
    }
}
