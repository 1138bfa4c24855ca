//! Brings the stages of a project up to date, one after the other.

use super::stages::{
    CityStage, ControlStage, DepthStage, FeaturesStage, FuseStage, IngestStage, MatchStage, PartStage, SparseStage,
    VerifyStage, control_of, control_report,
};
use super::{Handle, Job, RunRequest, Stage, StageError, StageName};
use crate::base::{Ctx, Event, Fingerprint};
use crate::gpu::Gpu;
use crate::print::printer::common;
use crate::project::{Project, ProjectError};
use crate::scene::{ControlRole, Flight, Georeference, Reconstruction};
use std::time::Instant;

/// What a run did.
#[derive(Clone, Debug, Default)]
pub struct RunSummary {
    /// The stages, in order.
    pub stages: Vec<StageSummary>,
    /// The few lines that a person wants to read.
    pub headlines: Vec<String>,
}

/// What one stage did in a run.
#[derive(Clone, Debug)]
pub struct StageSummary {
    /// The stage.
    pub stage: StageName,
    /// Seconds that it took in this run; nearly nothing when it was up to date.
    pub seconds: f64,
}

/// Runs the stages up to `request.until`. The project's manifest points to each result as soon as it is there.
pub fn run(
    project: &mut Project,
    ctx: &Ctx,
    gpu: Option<&Gpu>,
    request: &RunRequest,
) -> Result<RunSummary, StageError> {
    let mut run = Run { project, ctx, gpu, until: request.until, summary: RunSummary::default(), look_only: false };
    let outcome = run.all(request);
    match &outcome {
        Err(StageError::Cancelled) => ctx.emit(Event::Cancelled),
        Err(e) => ctx.emit(Event::StageFailed {
            stage: run.summary.stages.last().map_or("ingest", |s| s.stage.word()).into(),
            error: e.to_string(),
            hint: e.hint(),
        }),
        Ok(()) => {}
    }
    outcome.map(|()| run.summary)
}

struct Run<'a> {
    project: &'a mut Project,
    ctx: &'a Ctx,
    gpu: Option<&'a Gpu>,
    until: StageName,
    summary: RunSummary,
    /// Nothing is run: the walk ends at the first stage that is not up to date.
    look_only: bool,
}

impl Run<'_> {
    fn step<S: Stage>(&mut self, name: StageName, stage: &S) -> Result<Handle<S::Output>, StageError> {
        let started = Instant::now();
        if self.look_only {
            let key = Job::key(stage)?;
            self.project.artifact(S::NAME, &key).ok_or(StageError::Cancelled)?;
            self.summary.stages.push(StageSummary { stage: name, seconds: 0.0 });
            return Ok(Handle::new(S::NAME, key));
        }
        let handle = Job::new(self.ctx, self.project, self.gpu).bring_up_to_date(stage)?;
        self.project.update(|m| {
            m.current.insert(S::NAME.to_string(), handle.key.clone());
        })?;
        self.summary.stages.push(StageSummary { stage: name, seconds: started.elapsed().as_secs_f64() });
        Ok(handle)
    }

    fn figure(&self, stage: StageName, name: &str) -> Result<f64, ProjectError> {
        let done = self.project.current(stage.word())?.done()?;
        Ok(done.figures.get(name).copied().unwrap_or(f64::NAN))
    }

    fn is_last(&self, name: StageName) -> bool {
        self.until <= name
    }

    fn all(&mut self, request: &RunRequest) -> Result<(), StageError> {
        use StageName as N;
        let files = self.project.manifest().accepted();
        let flight_handle = self.step(N::Ingest, &IngestStage { files })?;
        let flight: Flight = flight_handle.load(self.project)?;
        self.headline(format!("{} photos, {} left out", flight.photos.len(), flight.skipped.len()));
        if self.is_last(N::Ingest) {
            return Ok(());
        }
        let (quality, seed) = (request.quality, request.seed);
        let features = self.step(N::Features, &FeaturesStage { flight: &flight, quality })?.load(self.project)?;
        if self.is_last(N::Features) {
            return Ok(());
        }
        let matches = self.step(N::Match, &MatchStage { flight: &flight, features: &features, seed })?;
        if self.is_last(N::Match) {
            return Ok(());
        }
        let verify = VerifyStage { flight: &flight, features: &features, matches, seed };
        let pairs = self.step(N::Verify, &verify)?;
        if self.is_last(N::Verify) {
            return Ok(());
        }
        let sparse = SparseStage { flight: &flight, features: &features, pairs, seed };
        let sparse = self.sparse(&flight, &sparse, seed)?;
        let reconstruction = sparse.load(self.project)?;
        self.sparse_headlines(&flight)?;
        if self.is_last(N::Sparse) {
            return Ok(());
        }
        let view =
            DepthStage { flight: &flight, reconstruction: &reconstruction, sparse: sparse.clone(), quality, seed };
        let depth = self.step(N::Depth, &view)?;
        if self.is_last(N::Depth) {
            return Ok(());
        }
        let maps = depth.load(self.project)?;
        let cloud =
            self.step(N::Fuse, &FuseStage { flight: &flight, reconstruction: &reconstruction, maps: &maps, depth })?;
        if self.is_last(N::Fuse) {
            return Ok(());
        }
        let points = self.figure(N::Fuse, "points")? as usize;
        let city = CityStage { flight: &flight, reconstruction: &reconstruction, maps: &maps, cloud, points, quality };
        let city = self.step(N::City, &city)?;
        self.headline(format!(
            "city: {:.0} triangles, {:.1} % of them seen",
            self.figure(N::City, "triangles")?,
            self.figure(N::City, "seen_share")? * 100.0
        ));
        if self.is_last(N::City) {
            return Ok(());
        }
        let metric = matches!(reconstruction.georeference, Georeference::Local { .. });
        let triangles = self.figure(N::City, "triangles")? as usize;
        let (size, title) = (request.size, request.title.clone());
        let printer = common().map_err(|e| StageError::failed(PartStage::NAME, &e, e.hint()))?;
        let part = PartStage { city, triangles, size, metric, title, printer };
        self.step(N::Part, &part)?;
        let scale = self.figure(N::Part, "scale_denominator")?;
        self.headline(format!(
            "part: {:.1} x {:.1} x {:.1} mm{}, {:.0} triangles",
            self.figure(N::Part, "width_mm")?,
            self.figure(N::Part, "depth_mm")?,
            self.figure(N::Part, "height_mm")?,
            if scale.is_finite() { format!(", 1:{scale:.0}") } else { String::new() },
            self.figure(N::Part, "triangles")?
        ));
        Ok(())
    }

    /// The sparse stage, and where the project has control points the adjustment to them in its place.
    fn sparse(
        &mut self,
        flight: &Flight,
        plain: &SparseStage<'_>,
        seed: u64,
    ) -> Result<Handle<Reconstruction>, StageError> {
        let targets = control_of(flight, &self.project.manifest().control)?;
        if targets.is_empty() {
            return self.step(StageName::Sparse, plain);
        }
        let key = Job::key(plain)?;
        let sparse = Handle::new(SparseStage::NAME, key.clone());
        let control = ControlStage { flight, sparse, targets, seed };
        let started = Instant::now();
        let ready = |key: &Fingerprint, run: &Self| run.project.artifact(SparseStage::NAME, key).is_some();
        if !self.look_only && !ready(&Job::key(&control)?, self) && !ready(&key, self) {
            Job::new(self.ctx, self.project, self.gpu).bring_up_to_date(plain)?;
        }
        let seconds = started.elapsed().as_secs_f64();
        let handle = self.step(StageName::Sparse, &control)?;
        if let Some(stage) = self.summary.stages.last_mut() {
            stage.seconds += seconds;
        }
        Ok(handle)
    }

    fn headline(&mut self, text: String) {
        self.summary.headlines.push(text);
    }

    fn sparse_headlines(&mut self, flight: &Flight) -> Result<(), ProjectError> {
        let f = |name: &str| self.figure(StageName::Sparse, name);
        let line = format!(
            "{:.0} of {} photos registered, {:.0} points, {:.2} px RMS, mean track {:.1}",
            f("registered")?,
            flight.photos.len(),
            f("points")?,
            f("reprojection_rms_px")?,
            f("mean_track_length")?
        );
        let gps = f("gps_residual_horizontal_rms_m")?;
        let control = control_report(self.project);
        let place = if control.as_ref().is_some_and(|c| c.georeferenced) {
            "placed by control points, without GPS".into()
        } else if gps.is_finite() {
            format!("GPS residuals {gps:.2} m horizontally, {:.2} m vertically", f("gps_residual_vertical_rms_m")?)
        } else {
            "no usable GPS: the scale is unknown".into()
        };
        self.headline(line);
        self.headline(place);
        for (role, word) in [(ControlRole::Control, "control"), (ControlRole::Check, "check")] {
            let Some(rms) = control.as_ref().and_then(|c| c.rms(role)) else { continue };
            let [e, n] = rms.horizontal_m;
            let up = rms.up_m.map_or_else(String::new, |u| format!(", {u:.3} m up"));
            self.headline(format!(
                "{} {word} points: RMS {e:.3} m east, {n:.3} m north{up}, marks {:.2} px",
                rms.points, rms.mark_px
            ));
        }
        Ok(())
    }
}

/// How a stage's result stands to what the project asks for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// There is no result yet.
    Fresh,
    /// The result is what a run would give.
    UpToDate,
    /// There is a result of other inputs or options; a run would replace it.
    Stale,
}

/// The state of every stage, without running anything. `project` may be open to read only.
pub fn states(project: &mut Project, request: &RunRequest) -> Vec<(StageName, Freshness)> {
    let ctx = Ctx::silent();
    let request = RunRequest { until: StageName::Part, ..request.clone() };
    let mut run =
        Run { project, ctx: &ctx, gpu: None, until: request.until, summary: RunSummary::default(), look_only: true };
    // The walk ends with an error at the first stage that is not up to date, which is what is asked for.
    let _ = run.all(&request);
    let ready = run.summary.stages.len();
    let state = |(i, &stage): (usize, &StageName)| {
        let known = || run.project.current(stage.word()).is_ok();
        (
            stage,
            if i < ready {
                Freshness::UpToDate
            } else if known() {
                Freshness::Stale
            } else {
                Freshness::Fresh
            },
        )
    };
    StageName::ALL.iter().enumerate().map(state).collect()
}
