//! Work of the print layout in the background: one thread, its progress, its end, a way to stop it.

use crate::base::{CancelToken, Ctx, Event};
use crate::order::OrderError;
use eframe::egui;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Why work ended without a result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Failure {
    pub(super) headline: String,
    pub(super) hint: String,
    pub(super) cancelled: bool,
}

impl From<OrderError> for Failure {
    fn from(e: OrderError) -> Self {
        Self { headline: e.to_string(), hint: e.hint(), cancelled: e.is_cancelled() }
    }
}

impl Failure {
    fn defect() -> Self {
        Self {
            headline: "the work ended by a defect of the program".into(),
            hint: "try another area or size, and report this with the project".into(),
            cancelled: false,
        }
    }
}

/// Work under way.
pub(super) struct Job<T> {
    /// What it is, for a person.
    pub(super) what: &'static str,
    token: CancelToken,
    share: Arc<Mutex<f32>>,
    coming: Receiver<Result<T, Failure>>,
}

impl<T: Send + 'static> Job<T> {
    /// Starts it.
    pub(super) fn start(
        what: &'static str,
        ctx: &egui::Context,
        work: impl FnOnce(&Ctx) -> Result<T, OrderError> + Send + 'static,
    ) -> Self {
        let share: Arc<Mutex<f32>> = Arc::default();
        let (seen, woken) = (share.clone(), ctx.clone());
        let mut run = Ctx::new(move |event| {
            if let Event::Progress { done, total, .. } = event {
                *seen.lock().unwrap_or_else(PoisonError::into_inner) = done as f32 / total.max(1) as f32;
                woken.request_repaint();
            }
        });
        run.max_memory = crate::cli::default_memory();
        let run = run.for_stage("print");
        let token = run.cancel_token();
        let (send, coming) = channel();
        let ctx = ctx.clone();
        std::thread::spawn(move || {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(&run)));
            // The pane may be gone by now.
            let _ = send.send(outcome.map_err(|_| Failure::defect()).and_then(|o| o.map_err(Failure::from)));
            ctx.request_repaint();
        });
        Self { what, token, share, coming }
    }

    /// The share that is done, 0..=1.
    pub(super) fn share(&self) -> f32 {
        *self.share.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks it to stop.
    pub(super) fn cancel(&self) {
        self.token.cancel();
    }

    /// Its end, once.
    pub(super) fn ended(&self) -> Option<Result<T, Failure>> {
        match self.coming.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(Failure::defect())),
        }
    }
}

impl<T> Drop for Job<T> {
    /// Nobody waits for it any more.
    fn drop(&mut self) {
        self.token.cancel();
    }
}
