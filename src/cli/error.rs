//! Errors as a person sees them: headline, causes, what to do next.

use crate::pipeline::StageError;
use crate::project::ProjectError;
use std::io::Write;

/// A command failed.
#[derive(Debug)]
pub struct CliError {
    message: String,
    hint: String,
    cancelled: bool,
}

impl CliError {
    /// From its headline and its hint (which may be empty).
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into(), cancelled: false }
    }

    /// The user stopped it.
    pub fn stopped() -> Self {
        Self { message: "stopped by the user".into(), hint: "nothing finished was lost".into(), cancelled: true }
    }

    /// A file could not be written or read.
    pub fn io(action: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("cannot {action} {}: {error}", path.display()),
            "check that the path exists, that you may write there, and that the disk has space",
        )
    }

    /// Headline and hint in one line.
    pub fn text(&self) -> String {
        if self.hint.is_empty() { self.message.clone() } else { format!("{} ({})", self.message, self.hint) }
    }

    /// Headline and hint.
    pub fn parts(&self) -> (String, String) {
        (self.message.clone(), self.hint.clone())
    }

    /// 1 failed, 3 cancelled.
    pub fn exit_code(&self) -> u8 {
        if self.cancelled { 3 } else { 1 }
    }

    /// Writes it to standard error.
    pub fn print(&self) {
        let mut err = std::io::stderr().lock();
        let word = if self.cancelled { "stopped" } else { "error" };
        let _ = writeln!(err, "{word}: {}", self.message);
        if !self.hint.is_empty() {
            let _ = writeln!(err, "  next: {}", self.hint);
        }
    }
}

impl From<ProjectError> for CliError {
    fn from(e: ProjectError) -> Self {
        Self::new(e.to_string(), e.hint())
    }
}

impl From<StageError> for CliError {
    fn from(e: StageError) -> Self {
        Self { message: e.to_string(), hint: e.hint(), cancelled: matches!(e, StageError::Cancelled) }
    }
}
