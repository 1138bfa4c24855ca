//! A run in the background: the same `pipeline::run` as on the command line, its events folded into a board that the
//! window shows. Cancel and pause go through the run's token; a panic in a stage arrives as that stage's failure.

use crate::base::{CancelToken, Ctx, Diagnostic, Event, Preview};
use crate::gpu::{DeviceChoice, Gpu};
use crate::pipeline::{self, Freshness, RunRequest, RunSummary, StageError, StageName};
use crate::project::Project;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// What is known about one stage.
#[derive(Clone, Debug, PartialEq)]
pub enum StageState {
    /// There is no result.
    Fresh,
    /// There is a result, but of other inputs or options.
    Stale,
    /// It is at work.
    Running {
        /// Share that is done, 0..=1.
        share: f32,
        /// Estimated seconds left.
        left_s: Option<f64>,
    },
    /// The result is up to date.
    Done,
    /// The user stopped it.
    Cancelled,
    /// It failed.
    Failed {
        /// Headline.
        error: String,
        /// What to do next.
        hint: String,
    },
}

impl StageState {
    /// One word for a person.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Fresh => "to do",
            Self::Stale => "stale",
            Self::Running { .. } => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed { .. } => "failed",
        }
    }
}

impl From<Freshness> for StageState {
    fn from(f: Freshness) -> Self {
        match f {
            Freshness::Fresh => Self::Fresh,
            Freshness::UpToDate => Self::Done,
            Freshness::Stale => Self::Stale,
        }
    }
}

/// The stages' states and what they had to say.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// One entry for each stage, in order.
    pub stages: Vec<(StageName, StageState)>,
    /// Stage and message, in the order in which they came.
    pub log: Vec<(String, Diagnostic)>,
    /// The latest unfinished result, and how many came before it.
    pub preview: Option<(u64, Arc<Preview>)>,
    /// Grows with each finished stage, so that what shows results knows when to look again.
    pub results: u64,
}

impl Board {
    /// A board with these states.
    pub fn new(states: Vec<(StageName, Freshness)>) -> Self {
        Self { stages: states.into_iter().map(|(n, f)| (n, f.into())).collect(), ..Self::default() }
    }

    fn set(&mut self, stage: &str, state: StageState) {
        if let Some(entry) = self.stages.iter_mut().find(|(n, _)| n.word() == stage) {
            entry.1 = state;
        }
    }

    /// Takes in an event of a run.
    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::StageStarted { stage, .. } => self.set(stage, StageState::Running { share: 0.0, left_s: None }),
            Event::Progress { stage, done, total, left_s, .. } => {
                let share = *done as f32 / (*total).max(1) as f32;
                self.set(stage, StageState::Running { share, left_s: *left_s });
            }
            Event::Diagnostic { stage, diagnostic } => self.log.push((stage.clone(), diagnostic.clone())),
            Event::StageDone { stage, .. } => {
                self.set(stage, StageState::Done);
                self.results += 1;
            }
            Event::StageFailed { error, hint, stage } => {
                let failed = StageState::Failed { error: error.clone(), hint: hint.clone() };
                // The event names the last stage that began; what still runs is what failed.
                let running = self.stages.iter().position(|(_, s)| matches!(s, StageState::Running { .. }));
                match running {
                    Some(i) => self.stages[i].1 = failed,
                    None => self.set(stage, failed),
                }
            }
            Event::Cancelled => {
                for (_, state) in &mut self.stages {
                    if matches!(state, StageState::Running { .. }) {
                        *state = StageState::Cancelled;
                    }
                }
            }
        }
    }
}

/// How a run ended; the project comes back with it.
pub struct Ended {
    /// The project, still locked by this window.
    pub project: Project,
    /// The run's outcome.
    pub outcome: Result<RunSummary, StageError>,
}

/// A run.
pub struct Work {
    board: Arc<Mutex<Board>>,
    token: CancelToken,
    thread: Option<JoinHandle<Ended>>,
}

impl Work {
    /// Starts a run; `wake` is called after each event, from the run's threads.
    pub fn start(
        mut project: Project,
        request: RunRequest,
        device: DeviceChoice,
        max_memory: u64,
        board: Board,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let board = Arc::new(Mutex::new(board));
        let seen = board.clone();
        let wake = Arc::new(wake);
        let woken = wake.clone();
        let mut ctx = Ctx::new(move |event| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).on_event(&event);
            woken();
        });
        ctx.seed = request.seed;
        ctx.max_memory = max_memory;
        let (seen, shown) = (board.clone(), wake.clone());
        let ctx = ctx.watched(move |preview| {
            let mut board = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let number = board.preview.as_ref().map_or(0, |p| p.0 + 1);
            board.preview = Some((number, Arc::new(preview)));
            drop(board);
            shown();
        });
        let token = ctx.cancel_token();
        let thread = std::thread::spawn(move || {
            let value = serde_json::to_value(&request).unwrap_or_default();
            let outcome = project.update(|m| m.request = value).map_err(StageError::from).and_then(|()| {
                // Without the device that was asked for the processor does the work; the log says so.
                let gpu = Gpu::open(device).unwrap_or_else(|e| {
                    let note = Diagnostic::warning("no-device", "", e.to_string(), e.hint());
                    ctx.emit(Event::Diagnostic { stage: "run".into(), diagnostic: note });
                    None
                });
                pipeline::run(&mut project, &ctx, gpu.as_ref(), &request)
            });
            wake();
            Ended { project, outcome }
        });
        Self { board, token, thread: Some(thread) }
    }

    /// The board as it is now.
    pub fn board(&self) -> Board {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the run to stop.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// Holds the run, or lets it go on.
    pub fn set_paused(&self, paused: bool) {
        self.token.set_paused(paused);
    }

    /// Whether it is held.
    pub fn is_paused(&self) -> bool {
        self.token.is_paused()
    }

    /// The outcome, once the run has ended; after that `None`.
    pub fn take_ended(&mut self) -> Option<Result<Ended, String>> {
        if !self.thread.as_ref()?.is_finished() {
            return None;
        }
        let joined = self.thread.take()?.join();
        Some(joined.map_err(|_| "the run ended by a defect of the program".to_string()))
    }
}

impl Drop for Work {
    /// A window that closes stops its run; finished pieces stay in the project.
    fn drop(&mut self) {
        self.token.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        Board::new(StageName::ALL.iter().map(|&s| (s, Freshness::Fresh)).collect())
    }

    fn state(board: &Board, word: &str) -> StageState {
        board.stages.iter().find(|(n, _)| n.word() == word).expect("stage").1.clone()
    }

    #[test]
    fn events_become_states() {
        let mut b = board();
        b.on_event(&Event::StageStarted { stage: "ingest".into(), cached: false });
        b.on_event(&Event::Progress { stage: "ingest".into(), done: 1, total: 4, elapsed_s: 1.0, left_s: Some(3.0) });
        assert_eq!(state(&b, "ingest"), StageState::Running { share: 0.25, left_s: Some(3.0) });
        b.on_event(&Event::StageDone { stage: "ingest".into(), seconds: 1.0, bytes: 5 });
        assert_eq!((state(&b, "ingest"), b.results), (StageState::Done, 1));
        b.on_event(&Event::StageStarted { stage: "features".into(), cached: false });
        b.on_event(&Event::Cancelled);
        assert_eq!(state(&b, "features"), StageState::Cancelled);
        b.on_event(&Event::StageStarted { stage: "features".into(), cached: false });
        b.on_event(&Event::StageFailed { stage: "ingest".into(), error: "e".into(), hint: "h".into() });
        assert_eq!(state(&b, "features").word(), "failed");
        assert_eq!(state(&b, "ingest"), StageState::Done);
    }
}
