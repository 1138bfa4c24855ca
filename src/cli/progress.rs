//! Shows a run to a person (a bar for each stage, warnings above it) or to a program (JSON lines).

use crate::base::{Event, Severity};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;

/// An observer of a run's events.
pub struct ProgressView {
    json: bool,
    terminal: bool,
    bar: Mutex<Option<ProgressBar>>,
    /// Warnings shown for each code; beyond the third only the count goes on, the project and the report have all.
    shown: Mutex<std::collections::BTreeMap<String, u32>>,
}

impl ProgressView {
    /// JSON lines on standard output, or bars on standard error.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            terminal: std::io::stderr().is_terminal(),
            bar: Mutex::new(None),
            shown: Mutex::new(std::collections::BTreeMap::new()),
        }
    }

    /// Takes in one event.
    pub fn on_event(&self, event: &Event) {
        if self.json {
            if let Ok(line) = serde_json::to_string(event) {
                let mut out = std::io::stdout().lock();
                // A reader that went away must not stop the run.
                let _ = writeln!(out, "{line}");
            }
            return;
        }
        match event {
            Event::StageStarted { stage, cached } => self.start(stage, *cached),
            Event::Progress { done, total, left_s, .. } => self.progress(*done, *total, *left_s),
            Event::Diagnostic { diagnostic, .. } => {
                if diagnostic.severity >= Severity::Warning && self.count(&diagnostic.code) <= 3 {
                    let about =
                        if diagnostic.subject.is_empty() { String::new() } else { format!("{}: ", diagnostic.subject) };
                    self.line(&format!("  warning: {about}{}", diagnostic.message));
                }
            }
            Event::StageDone { stage, seconds, bytes } => {
                self.clear();
                if *seconds > 0.0 {
                    self.line(&format!(
                        "{stage:<9} {} {:>8.1} MB",
                        format_seconds_padded(*seconds),
                        *bytes as f64 / 1e6
                    ));
                }
            }
            Event::StageFailed { .. } | Event::Cancelled => self.clear(),
        }
    }

    fn count(&self, code: &str) -> u32 {
        self.shown.lock().map_or(0, |mut shown| {
            let n = shown.entry(code.to_string()).or_insert(0);
            *n += 1;
            *n
        })
    }

    fn start(&self, stage: &str, cached: bool) {
        if cached {
            self.line(&format!("{stage:<9} up to date"));
            return;
        }
        let target = if self.terminal { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template("{prefix:9} [{bar:32}] {percent:>3} %  {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(stage.to_string());
        bar.tick();
        if let Ok(mut slot) = self.bar.lock() {
            *slot = Some(bar);
        }
    }

    fn progress(&self, done: u64, total: u64, left_s: Option<f64>) {
        if let Ok(slot) = self.bar.lock()
            && let Some(bar) = slot.as_ref()
        {
            bar.set_length(total);
            bar.set_position(done);
            if let Some(left) = left_s {
                bar.set_message(format!("{} left", format_seconds(left)));
            }
        }
    }

    fn line(&self, text: &str) {
        let shown = self.bar.lock().is_ok_and(|slot| match slot.as_ref() {
            Some(bar) if self.terminal => {
                bar.println(text);
                true
            }
            _ => false,
        });
        if !shown {
            let _ = writeln!(std::io::stderr().lock(), "{text}");
        }
    }

    fn clear(&self) {
        if let Ok(mut slot) = self.bar.lock()
            && let Some(bar) = slot.take()
        {
            bar.finish_and_clear();
        }
    }
}

/// Seconds as a person says them.
pub fn format_seconds(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if s < 60 {
        format!("{s} s")
    } else if s < 3600 {
        format!("{} min {:02} s", s / 60, s % 60)
    } else {
        format!("{} h {:02} min", s / 3600, s / 60 % 60)
    }
}

fn format_seconds_padded(seconds: f64) -> String {
    format!("{:>12}", format_seconds(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_read_well() {
        assert_eq!(format_seconds(0.34), "0.3 s");
        assert_eq!(format_seconds(59.4), "59 s");
        assert_eq!(format_seconds(61.0), "1 min 01 s");
        assert_eq!(format_seconds(3725.0), "1 h 02 min");
    }
}
