//! Photos and their metadata.

use crate::flight::{IngestOptions, ingest};
use crate::pipeline::{Job, Stage, StageError};
use crate::project::{file_stamp, read_photo};
use crate::scene::Flight;
use std::path::PathBuf;

/// Reads the metadata of the photo files.
pub struct IngestStage {
    /// The files.
    pub files: Vec<PathBuf>,
}

impl Stage for IngestStage {
    const NAME: &'static str = "ingest";
    const VERSION: u32 = 1;
    type KeyMaterial = Vec<(PathBuf, (u64, u128))>;
    type Output = Flight;

    fn key_material(&self) -> Self::KeyMaterial {
        self.files.iter().map(|p| (p.clone(), file_stamp(p))).collect()
    }

    fn memory(&self) -> u64 {
        // Each thread holds one file and one decoded photo to check it.
        let largest = self.files.iter().map(|p| file_stamp(p).0).max().unwrap_or(0);
        rayon::current_num_threads() as u64 * largest * 12
    }

    fn run(&self, job: &Job<'_>) -> Result<Flight, StageError> {
        let flight = ingest(&job.ctx, &self.files, &|p| read_photo(p), &IngestOptions::default())
            .map_err(|e| StageError::failed(Self::NAME, &e, e.hint()))?;
        job.figure("photos", flight.photos.len() as f64);
        job.figure("photos_left_out", flight.skipped.len() as f64);
        Ok(flight)
    }
}
