//! What a running stage has at hand: context, project, GPU, and the way to store results.

use super::{Handle, Stage, StageError};
use crate::base::{Ctx, Diagnostic, Event, Fingerprint};
use crate::gpu::Gpu;
use crate::project::{Done, Project};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The surroundings of a running stage.
pub struct Job<'a> {
    /// Cancel, progress, warnings.
    pub ctx: Ctx,
    /// Where results are.
    pub project: &'a Project,
    /// The GPU in use, if any.
    pub gpu: Option<&'a Gpu>,
    figures: Mutex<BTreeMap<String, f64>>,
}

impl<'a> Job<'a> {
    /// The surroundings of a stage; events go to `ctx`.
    pub fn new(ctx: &Ctx, project: &'a Project, gpu: Option<&'a Gpu>) -> Self {
        Self { ctx: ctx.clone(), project, gpu, figures: Mutex::new(BTreeMap::new()) }
    }

    /// Notes a figure for reports; what could not be determined (not finite) is left out.
    pub fn figure(&self, name: &str, value: f64) {
        if value.is_finite()
            && let Ok(mut figures) = self.figures.lock()
        {
            figures.insert(name.to_string(), value);
        }
    }

    /// The key of a stage with its present inputs.
    pub fn key<S: Stage>(stage: &S) -> Result<Fingerprint, StageError> {
        key_of(S::NAME, S::VERSION, &stage.key_material())
    }

    /// Brings a stage up to date: finds its artifact, or runs it and stores the result. A panic inside becomes
    /// [`StageError::Bug`].
    pub fn bring_up_to_date<S: Stage>(&self, stage: &S) -> Result<Handle<S::Output>, StageError> {
        let key = Self::key(stage)?;
        let handle = Handle::new(S::NAME, key.clone());
        let cached = self.project.artifact(S::NAME, &key);
        self.ctx.emit(Event::StageStarted { stage: S::NAME.into(), cached: cached.is_some() });
        if let Some(artifact) = cached {
            let done = artifact.done()?;
            for diagnostic in done.diagnostics {
                self.ctx.emit(Event::Diagnostic { stage: S::NAME.into(), diagnostic });
            }
            self.ctx.emit(Event::StageDone { stage: S::NAME.into(), seconds: 0.0, bytes: done.bytes });
            return Ok(handle);
        }
        let (needed, limit) = (stage.memory(), self.ctx.max_memory);
        if needed > limit {
            return Err(StageError::Memory {
                stage: S::NAME,
                item: "this flight".into(),
                needed_mib: needed >> 20,
                limit_mib: limit >> 20,
            });
        }
        let started = Instant::now();
        let diagnostics = Arc::new(Mutex::new(Vec::<Diagnostic>::new()));
        let (outer, log) = (self.ctx.clone(), diagnostics.clone());
        let inner = Job {
            ctx: self.ctx.observed(move |event| {
                if let (Event::Diagnostic { diagnostic, .. }, Ok(mut log)) = (&event, log.lock()) {
                    log.push(diagnostic.clone());
                }
                outer.emit(event);
            }),
            project: self.project,
            gpu: self.gpu,
            figures: Mutex::new(BTreeMap::new()),
        };
        let inner = Job { ctx: inner.ctx.for_stage(S::NAME), ..inner };
        let output = catch_unwind(AssertUnwindSafe(|| stage.run(&inner)))
            .unwrap_or_else(|panic| Err(StageError::Bug { stage: S::NAME, message: panic_message(&*panic) }))?;
        let mut writer = self.project.begin(S::NAME, &key)?;
        writer.put("output", &output)?;
        let seconds = started.elapsed().as_secs_f64();
        let artifact = writer.finish(Done {
            stage: S::NAME.into(),
            version: S::VERSION,
            seconds,
            bytes: 0,
            diagnostics: diagnostics.lock().map(|d| d.clone()).unwrap_or_default(),
            figures: inner.figures.lock().map(|f| f.clone()).unwrap_or_default(),
        })?;
        self.ctx.emit(Event::StageDone { stage: S::NAME.into(), seconds, bytes: artifact.done()?.bytes });
        Ok(handle)
    }

    /// The key of a piece.
    pub fn piece_key<M: Serialize>(name: &'static str, version: u32, material: &M) -> Result<Fingerprint, StageError> {
        key_of(name, version, material)
    }

    /// One independent piece of a stage's work: found under its own key, or computed and stored.
    pub fn piece<M: Serialize, T: Serialize + DeserializeOwned>(
        &self,
        name: &'static str,
        version: u32,
        material: &M,
        compute: impl FnOnce() -> Result<T, StageError>,
    ) -> Result<T, StageError> {
        let key = key_of(name, version, material)?;
        if let Some(artifact) = self.project.artifact(name, &key) {
            return Ok(artifact.get("output")?);
        }
        self.store_piece(name, version, &key, compute)
    }

    /// Like [`Job::piece`], but leaves the result on disk.
    pub fn piece_on_disk<M: Serialize, T: Serialize + DeserializeOwned>(
        &self,
        name: &'static str,
        version: u32,
        material: &M,
        compute: impl FnOnce() -> Result<T, StageError>,
    ) -> Result<Handle<T>, StageError> {
        let key = key_of(name, version, material)?;
        if self.project.artifact(name, &key).is_none() {
            self.store_piece(name, version, &key, compute)?;
        }
        Ok(Handle::new(name, key))
    }

    fn store_piece<T: Serialize>(
        &self,
        name: &'static str,
        version: u32,
        key: &Fingerprint,
        compute: impl FnOnce() -> Result<T, StageError>,
    ) -> Result<T, StageError> {
        let started = Instant::now();
        let output = compute()?;
        let mut writer = self.project.begin(name, key)?;
        writer.put("output", &output)?;
        writer.finish(Done {
            stage: name.into(),
            version,
            seconds: started.elapsed().as_secs_f64(),
            bytes: 0,
            diagnostics: Vec::new(),
            figures: BTreeMap::new(),
        })?;
        Ok(output)
    }
}

/// The key of an artifact: everything that its content depends on.
fn key_of<M: Serialize>(name: &'static str, version: u32, material: &M) -> Result<Fingerprint, StageError> {
    Fingerprint::of(&(name, version, material))
        .map_err(|e| StageError::Bug { stage: name, message: format!("its key material cannot be serialised: {e}") })
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_string())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".into())
}
