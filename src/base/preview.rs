//! Unfinished results for a person who watches a run. Nothing depends on them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use std::time::Instant;

/// What can be shown of work that goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// Points and camera centres, both in the frame of the work at hand (its first two axes are shown from above).
    Points {
        /// Points so far.
        points: Vec<[f32; 3]>,
        /// Cameras so far.
        centres: Vec<[f32; 3]>,
    },
    /// A picture, row by row.
    Picture {
        /// What it shows, for example a photo's name.
        subject: String,
        /// Pixels of a row.
        width: usize,
        /// sRGB values.
        pixels: Vec<[u8; 3]>,
    },
}

/// Milliseconds between two previews.
const STEP_MS: u64 = 400;

/// Who watches, and when something was last shown.
#[derive(Clone)]
pub(super) struct Watcher {
    show: Arc<dyn Fn(Preview) + Send + Sync>,
    began: Instant,
    /// Milliseconds since `began`, plus one; 0 before the first.
    last: Arc<AtomicU64>,
}

impl Watcher {
    pub(super) fn new(show: impl Fn(Preview) + Send + Sync + 'static) -> Self {
        Self { show: Arc::new(show), began: Instant::now(), last: Arc::new(AtomicU64::new(0)) }
    }

    /// Makes and shows a preview unless one was shown a moment ago.
    pub(super) fn offer(&self, make: impl FnOnce() -> Preview) {
        let now = self.began.elapsed().as_millis() as u64 + 1;
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now >= last + STEP_MS;
        if due && self.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            (self.show)(make());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Ctx;
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn previews_are_made_only_for_a_watcher_and_not_too_often() {
        let picture = || Preview::Picture { subject: "a".into(), width: 1, pixels: vec![[0; 3]] };
        Ctx::silent().preview(|| panic!("nobody watches"));
        let seen = Arc::new(Mutex::new(0));
        let count = seen.clone();
        let ctx = Ctx::silent().watched(move |_| *count.lock().expect("lock") += 1).for_stage("depth");
        for _ in 0..1000 {
            ctx.preview(picture);
        }
        assert_eq!(*seen.lock().expect("lock"), 1);
    }
}
