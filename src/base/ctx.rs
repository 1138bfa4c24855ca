//! The run context that every long operation gets as its first parameter: cancel, progress, warnings, seed, memory.
//!
//! A method calls [`Ctx::tick`] often (at least every 200 ms of work) and returns early with [`Cancelled`] by `?`.
//! The receiver of the events (command line, window, test) is a plain callback, so that this layer knows no framework.

use super::preview::{Preview, Watcher};
use serde::{Deserialize, Serialize};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// The operation was cancelled by the user; nothing finished was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cancelled")]
pub struct Cancelled;

/// A shared flag by which a user stops a run, or holds it for a while.
#[derive(Clone, Debug, Default)]
pub struct CancelToken {
    cancelled: Arc<AtomicBool>,
    paused: Arc<AtomicBool>,
}

impl CancelToken {
    /// Asks every holder of this token to stop at its next [`Ctx::tick`].
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Holds every holder of this token at its next [`Ctx::check`] or [`Ctx::tick`], or lets it go on.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    /// Whether the run is held.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }
}

/// How serious a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; the result is as good as it can be.
    Info,
    /// The result is usable but less than what was asked for.
    Warning,
    /// Something asked for is missing from the result.
    Error,
}

/// A structured message about one thing: what, which item, measured value against limit, what to do next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How serious it is.
    pub severity: Severity,
    /// A stable kebab-case word for programs, for example `photo-unreadable`.
    pub code: String,
    /// The item that it is about, for example a photo's file name; empty when it is about the whole run.
    pub subject: String,
    /// One sentence for a person, with the measured value and the limit.
    pub message: String,
    /// What to do next; may be empty.
    pub hint: String,
}

impl Diagnostic {
    /// A warning about `subject`.
    pub fn warning(code: &str, subject: impl Into<String>, message: impl Into<String>, hint: &str) -> Self {
        Self {
            severity: Severity::Warning,
            code: code.into(),
            subject: subject.into(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// A piece of information about `subject`.
    pub fn info(code: &str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Info,
            code: code.into(),
            subject: subject.into(),
            message: message.into(),
            hint: String::new(),
        }
    }
}

/// What a run tells its observer, in order. Written as JSON lines with `--events json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A stage begins; `cached` when its result was already in the project.
    StageStarted {
        /// The stage's name.
        stage: String,
        /// Whether nothing has to be computed.
        cached: bool,
    },
    /// Monotonic progress within the current stage.
    Progress {
        /// The stage's name.
        stage: String,
        /// Work done, in parts of `total`.
        done: u64,
        /// All of the work.
        total: u64,
        /// Seconds since the stage began.
        elapsed_s: f64,
        /// Estimated seconds left, once it can be told.
        left_s: Option<f64>,
    },
    /// A structured warning or note.
    Diagnostic {
        /// The stage's name.
        stage: String,
        /// The message.
        diagnostic: Diagnostic,
    },
    /// A stage ended well.
    StageDone {
        /// The stage's name.
        stage: String,
        /// Wall-clock seconds.
        seconds: f64,
        /// Bytes that its result takes on disk.
        bytes: u64,
    },
    /// A stage failed; the run ends.
    StageFailed {
        /// The stage's name.
        stage: String,
        /// Headline of the error.
        error: String,
        /// What to do next.
        hint: String,
    },
    /// The run was cancelled.
    Cancelled,
}

/// How often a paused run looks whether it may go on.
const PAUSE_STEP: std::time::Duration = std::time::Duration::from_millis(30);

/// Steps that progress is reported in.
const STEPS: u64 = 10_000;

type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// Cancel, progress, warnings, seed and limits of one run. Cheap to clone; safe to share between threads.
#[derive(Clone)]
pub struct Ctx {
    stage: Arc<str>,
    cancel: CancelToken,
    sink: Sink,
    started: std::time::Instant,
    /// Milliseconds since `started` of the last progress event, to limit their rate; `u64::MAX` before the first.
    last_progress: Arc<AtomicU64>,
    high_water: Arc<AtomicU64>,
    watcher: Option<Watcher>,
    /// Share of the stage's progress that this context's ticks fill.
    portion: (f64, f64),
    /// Seed of everything random; results are equal for equal seeds.
    pub seed: u64,
    /// Bytes of memory that a stage may plan to use.
    pub max_memory: u64,
}

impl Ctx {
    /// A context whose events go to `sink`.
    pub fn new(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self {
            stage: "".into(),
            cancel: CancelToken::default(),
            sink: Arc::new(sink),
            started: std::time::Instant::now(),
            last_progress: Arc::new(AtomicU64::new(u64::MAX)),
            high_water: Arc::new(AtomicU64::new(0)),
            watcher: None,
            portion: (0.0, 1.0),
            seed: 0,
            max_memory: 4 << 30,
        }
    }

    /// A context that tells nobody anything, for tests and small calls.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// The same run with unfinished results shown to somebody.
    pub fn watched(&self, show: impl Fn(Preview) + Send + Sync + 'static) -> Self {
        Self { watcher: Some(Watcher::new(show)), ..self.clone() }
    }

    /// Shows an unfinished result; it is made only where somebody watches, and at most a few times a second.
    pub fn preview(&self, make: impl FnOnce() -> Preview) {
        if let Some(watcher) = &self.watcher {
            watcher.offer(make);
        }
    }

    /// The same run with its events sent to another observer.
    pub fn observed(&self, sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { sink: Arc::new(sink), ..self.clone() }
    }

    /// The same run, within `stage`: its own clock and progress.
    pub fn for_stage(&self, stage: &str) -> Self {
        Self {
            stage: stage.into(),
            started: std::time::Instant::now(),
            last_progress: Arc::new(AtomicU64::new(u64::MAX)),
            high_water: Arc::new(AtomicU64::new(0)),
            portion: (0.0, 1.0),
            ..self.clone()
        }
    }

    /// The token that cancels this run.
    pub fn cancel_token(&self) -> CancelToken {
        self.cancel.clone()
    }

    /// Returns `Err(Cancelled)` once the run was cancelled; waits while it is paused.
    pub fn check(&self) -> Result<(), Cancelled> {
        while self.cancel.is_paused() && !self.cancel.is_cancelled() {
            std::thread::sleep(PAUSE_STEP);
        }
        if self.cancel.is_cancelled() { Err(Cancelled) } else { Ok(()) }
    }

    /// Reports that `done` of `total` units of the work are finished, and checks for cancel.
    /// May be called from many threads; what is reported never goes backwards, at most ten times a second.
    pub fn tick(&self, done: u64, total: u64) -> Result<(), Cancelled> {
        self.check()?;
        let (from, to) = self.portion;
        let share = from + (to - from) * done.min(total) as f64 / total.max(1) as f64;
        let steps = (share * STEPS as f64) as u64;
        let steps = steps.max(self.high_water.fetch_max(steps, Ordering::Relaxed));
        let now_ms = self.started.elapsed().as_millis() as u64;
        let last = self.last_progress.load(Ordering::Relaxed);
        let due = last == u64::MAX || now_ms >= last + 100 || steps == STEPS;
        if due && self.last_progress.compare_exchange(last, now_ms, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let elapsed_s = self.started.elapsed().as_secs_f64();
            let left_s =
                (steps > STEPS / 200 && elapsed_s > 0.5).then(|| elapsed_s * (STEPS - steps) as f64 / steps as f64);
            (self.sink)(Event::Progress {
                stage: self.stage.to_string(),
                done: steps,
                total: STEPS,
                elapsed_s,
                left_s,
            });
        }
        Ok(())
    }

    /// The same run, where `tick` fills only the share `from..to` of the progress (0..=1 of this context's own share):
    /// for a method that is one of several steps of a stage.
    pub fn portion(&self, from: f64, to: f64) -> Self {
        let (low, high) = self.portion;
        Self { portion: (low + (high - low) * from, low + (high - low) * to), ..self.clone() }
    }

    /// The same run without progress: for a small step whose caller reports the progress.
    pub fn muted(&self) -> Self {
        let sink = self.sink.clone();
        self.observed(move |event| {
            if !matches!(event, Event::Progress { .. }) {
                sink(event);
            }
        })
    }

    /// Tells the observer about one thing; the run goes on.
    pub fn report(&self, diagnostic: Diagnostic) {
        (self.sink)(Event::Diagnostic { stage: self.stage.to_string(), diagnostic });
    }

    /// Sends any event.
    pub fn emit(&self, event: Event) {
        (self.sink)(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn progress_is_monotonic_and_cancel_stops() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        let ctx = Ctx::new(move |e| {
            if let Event::Progress { done, .. } = e {
                log.lock().expect("lock").push(done);
            }
        })
        .for_stage("match");
        for done in [1, 5, 3, 10] {
            ctx.tick(done, 10).expect("not cancelled");
        }
        let seen = seen.lock().expect("lock").clone();
        assert!(seen.windows(2).all(|w| w[0] <= w[1]), "{seen:?}");
        assert_eq!(seen.last(), Some(&STEPS));
        let half = ctx.for_stage("city").portion(0.0, 0.5);
        half.tick(10, 10).expect("not cancelled");
        assert_eq!(half.high_water.load(Ordering::Relaxed), STEPS / 2);
        ctx.cancel_token().cancel();
        assert_eq!(ctx.tick(10, 10), Err(Cancelled));
    }

    #[test]
    fn a_paused_run_waits_and_goes_on_or_is_cancelled() {
        let ctx = Ctx::silent();
        let token = ctx.cancel_token();
        token.set_paused(true);
        let waiting = std::thread::spawn({
            let ctx = ctx.clone();
            move || ctx.tick(1, 2)
        });
        std::thread::sleep(PAUSE_STEP * 3);
        assert!(!waiting.is_finished());
        token.set_paused(false);
        assert_eq!(waiting.join().expect("no panic"), Ok(()));
        token.set_paused(true);
        token.cancel();
        assert_eq!(ctx.check(), Err(Cancelled));
    }
}
