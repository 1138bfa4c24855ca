//! The contract of a stage.

use super::{Job, StageError};
use crate::base::Fingerprint;
use crate::project::{Project, ProjectError};
use serde::{Serialize, de::DeserializeOwned};
use std::marker::PhantomData;

/// One step of the pipeline.
///
/// `run` is called only when the artifact named by the key is not there yet, and its output is stored under that key.
/// A stage with many independent pieces (one for each photo) stores each piece through [`Job::piece`] under a key of
/// its own, so that finished pieces survive a kill and a changed photo touches only its own pieces.
pub trait Stage {
    /// One word everywhere: subcommand, artifact folder, log target.
    const NAME: &'static str;
    /// To be raised when the output changes for equal input.
    const VERSION: u32;
    /// What the output depends on besides the code: options and the keys of the inputs.
    type KeyMaterial: Serialize;
    /// The result.
    type Output: Serialize + DeserializeOwned;

    /// Everything that the output depends on.
    fn key_material(&self) -> Self::KeyMaterial;

    /// Estimated peak memory in bytes.
    fn memory(&self) -> u64;

    /// Does the work.
    fn run(&self, job: &Job<'_>) -> Result<Self::Output, StageError>;
}

/// A typed reference to a stored result.
#[derive(Debug)]
pub struct Handle<T> {
    /// The stage that made it.
    pub stage: &'static str,
    /// Its key.
    pub key: Fingerprint,
    output: PhantomData<fn() -> T>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self::new(self.stage, self.key.clone())
    }
}

impl<T> Handle<T> {
    /// Of a stored result.
    pub fn new(stage: &'static str, key: Fingerprint) -> Self {
        Self { stage, key, output: PhantomData }
    }
}

impl<T: DeserializeOwned> Handle<T> {
    /// Reads the result.
    pub fn load(&self, project: &Project) -> Result<T, ProjectError> {
        match project.artifact(self.stage, &self.key) {
            Some(artifact) => artifact.get("output"),
            None => {
                Err(ProjectError::MissingStage { path: project.root().to_path_buf(), stage: self.stage.to_string() })
            }
        }
    }
}
