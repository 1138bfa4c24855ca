//! Features of each photo, one piece a photo.

use super::lru::Lru;
use crate::base::{Diagnostic, Fingerprint, PhotoId};
use crate::features::{FeatureOptions, extract};
use crate::image::decode::decode_photo;
use crate::pipeline::{Handle, Job, Quality, Stage, StageError};
use crate::project::{Project, ProjectError, read_photo};
use crate::scene::{Features, Flight};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Artifact folder of the pieces.
const PIECE: &str = "features-of-photo";
/// Version of the method.
const VERSION: u32 = 1;

/// Where the features of each photo are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureSet {
    /// Keys of the pieces, by photo.
    pub keys: Vec<Fingerprint>,
    /// Number of features of each photo.
    pub counts: Vec<u32>,
}

impl FeatureSet {
    /// Reads the features of one photo.
    pub fn load(&self, project: &Project, photo: PhotoId) -> Result<Features, ProjectError> {
        Handle::<Features>::new(PIECE, self.keys[photo.index()].clone()).load(project)
    }

    /// Reads the features of all photos.
    pub fn load_all(&self, project: &Project) -> Result<Vec<Features>, ProjectError> {
        (0..self.keys.len()).into_par_iter().map(|i| self.load(project, PhotoId::from(i))).collect()
    }
}

/// The features of the photos used last, read from the project as they are asked for.
pub struct FeatureCache<'a> {
    project: &'a Project,
    set: &'a FeatureSet,
    held: Lru<PhotoId, Features>,
}

impl<'a> FeatureCache<'a> {
    /// A cache that holds at most `bytes` of features, but at least those of four photos.
    pub fn new(project: &'a Project, set: &'a FeatureSet, bytes: u64) -> Self {
        let largest = u64::from(set.counts.iter().copied().max().unwrap_or(0)).max(1) * 160;
        Self { project, set, held: Lru::new((bytes / largest) as usize, 4) }
    }

    /// The features of a photo.
    pub fn get(&self, photo: PhotoId) -> Result<Arc<Features>, ProjectError> {
        self.held.get_or(photo, || self.set.load(self.project, photo))
    }
}

/// Finds and describes features.
pub struct FeaturesStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// How much work to put in.
    pub quality: Quality,
}

impl FeaturesStage<'_> {
    fn options(&self) -> FeatureOptions {
        FeatureOptions {
            max_size: self.quality.feature_size() as usize,
            max_features: self.quality.feature_count(),
            ..FeatureOptions::default()
        }
    }
}

impl Stage for FeaturesStage<'_> {
    const NAME: &'static str = "features";
    const VERSION: u32 = VERSION;
    type KeyMaterial = (Vec<(Fingerprint, u8)>, u32, usize);
    type Output = FeatureSet;

    fn key_material(&self) -> Self::KeyMaterial {
        let photos = self.flight.photos.iter().map(|p| (p.content.clone(), p.orientation)).collect();
        (photos, self.quality.feature_size(), self.quality.feature_count())
    }

    fn memory(&self) -> u64 {
        // A decoded photo and an octave of the scale space of the working size, doubled at the first octave.
        let photo = self.flight.cameras.iter().map(|c| u64::from(c.width) * u64::from(c.height) * 3).max().unwrap_or(0);
        let working = u64::from(self.quality.feature_size()).pow(2) * 3 / 4;
        2 * photo + working * 4 * 14
    }

    fn run(&self, job: &Job<'_>) -> Result<FeatureSet, StageError> {
        let options = self.options();
        let total = self.flight.photos.len() as u64;
        let done = AtomicU64::new(0);
        let mut set = FeatureSet { keys: Vec::new(), counts: Vec::new() };
        // One photo after the other: the method uses all cores within a photo, and the memory of one.
        for photo in &self.flight.photos {
            let material = (&photo.content, photo.orientation, options.max_size, options.max_features);
            let key = Job::piece_key(PIECE, VERSION, &material)?;
            let features = job.piece(PIECE, VERSION, &material, || {
                let decoded = read_photo(&photo.path)
                    .map_err(|e| e.to_string())
                    .and_then(|bytes| decode_photo(&bytes, photo.orientation).map_err(|e| e.to_string()));
                match decoded {
                    Ok(image) => Ok(extract(&image, &options)),
                    Err(reason) => {
                        job.ctx.report(Diagnostic::warning(
                            "photo-unreadable",
                            &photo.name,
                            format!("cannot be read any more: {reason}"),
                            "copy the photo anew; the others are used without it",
                        ));
                        Ok(Features::default())
                    }
                }
            })?;
            if features.len() < 200 {
                job.ctx.report(Diagnostic::warning(
                    "few-features",
                    &photo.name,
                    format!("has only {} features, 200 are the least that usually connect a photo", features.len()),
                    "look whether it is blurred, dark, or shows water or sky only",
                ));
            }
            set.keys.push(key);
            set.counts.push(features.len() as u32);
            job.ctx.tick(done.fetch_add(1, Ordering::Relaxed) + 1, total)?;
        }
        let mean = set.counts.iter().map(|&n| f64::from(n)).sum::<f64>() / set.counts.len().max(1) as f64;
        job.figure("features_per_photo", mean);
        Ok(set)
    }
}
