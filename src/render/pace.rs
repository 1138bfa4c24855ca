//! How much can be drawn in a frame: learned from how long the last ones took.
//!
//! A unit is the work of one textured triangle; the other things count as multiples. In: units of what was submitted,
//! time until the device was done. Out: units for the next submission. On a software adapter the device shares its
//! processor with everything else, so the estimate moves slowly.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Work of a point drawn as a quad, of one drawn as a pixel, of a line, in triangles.
pub(super) const POINT: f64 = 2.5;
pub(super) const DOT: f64 = 0.5;
pub(super) const LINE: f64 = 3.0;
/// Share of a new measurement in the estimate.
const WEIGHT: f64 = 0.3;
/// Time of a submission in milliseconds that is not worth measuring: it is the overhead, not the work.
const TOO_SHORT_MS: f64 = 2.0;

/// The estimate for one kind of picture.
#[derive(Debug)]
pub(super) struct Pace {
    units_per_ms: f64,
    /// What was submitted, and when it was done.
    pending: Option<(f64, Arc<Mutex<Option<Duration>>>)>,
}

impl Pace {
    pub fn new(units_per_ms: f64) -> Self {
        Self { units_per_ms, pending: None }
    }

    /// Units that take about so long.
    pub fn budget(&self, milliseconds: f64) -> f64 {
        self.units_per_ms * milliseconds
    }

    /// Measures what was just submitted.
    pub fn submitted(&mut self, queue: &wgpu::Queue, units: f64) {
        let done = Arc::new(Mutex::new(None));
        let (start, at_end) = (Instant::now(), done.clone());
        queue.on_submitted_work_done(move || {
            *at_end.lock().unwrap_or_else(PoisonError::into_inner) = Some(start.elapsed());
        });
        self.pending = Some((units, done));
    }

    /// Whether the device still works on what was submitted; learns from it when it does no longer.
    pub fn is_busy(&mut self) -> bool {
        let Some((units, done)) = &self.pending else { return false };
        let Some(took) = *done.lock().unwrap_or_else(PoisonError::into_inner) else { return true };
        let units = *units;
        self.pending = None;
        self.learn(units, took.as_secs_f64() * 1e3);
        false
    }

    fn learn(&mut self, units: f64, took_ms: f64) {
        let rate = units / took_ms.max(1e-3);
        // A short submission only tells that the device is at least so fast.
        if took_ms > TOO_SHORT_MS || rate > self.units_per_ms {
            let factor = (rate / self.units_per_ms).clamp(0.25, 4.0).powf(WEIGHT);
            self.units_per_ms = (self.units_per_ms * factor).clamp(50.0, 1e8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_what_is_measured() {
        let mut pace = Pace::new(1000.0);
        (0..40).for_each(|_| pace.learn(30_000.0, 10.0));
        assert!((pace.budget(1.0) / 3000.0 - 1.0).abs() < 0.01);
        (0..40).for_each(|_| pace.learn(5000.0, 50.0));
        assert!((pace.budget(1.0) / 100.0 - 1.0).abs() < 0.01);
        let before = pace.budget(1.0);
        pace.learn(10.0, 1.0);
        assert_eq!(pace.budget(1.0), before, "too short to tell");
    }
}
