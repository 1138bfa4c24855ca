//! Why a stage did not finish.

use crate::base::Cancelled;
use crate::project::ProjectError;

/// A stage did not finish. What was finished before stays in the project.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The user stopped it.
    #[error("cancelled")]
    Cancelled,
    /// The method could not work with this input.
    #[error("{stage}: {message}")]
    Failed {
        /// The stage.
        stage: &'static str,
        /// What failed, on which item, value against limit.
        message: String,
        /// What to do next.
        hint: String,
    },
    /// The project folder could not be read or written.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A defect of the program, caught at the stage's boundary.
    #[error("{stage}: the program has a defect: {message}")]
    Bug {
        /// The stage.
        stage: &'static str,
        /// The panic's message.
        message: String,
    },
    /// The stage would need more memory than allowed.
    #[error("{stage}: needs about {needed_mib} MiB of memory for {item}, the limit is {limit_mib} MiB")]
    Memory {
        /// The stage.
        stage: &'static str,
        /// The piece of work that does not fit.
        item: String,
        /// Estimated need.
        needed_mib: u64,
        /// `--max-memory`.
        limit_mib: u64,
    },
}

impl From<Cancelled> for StageError {
    fn from(_: Cancelled) -> Self {
        Self::Cancelled
    }
}

impl StageError {
    /// A failure of a method, with its hint.
    pub fn failed(stage: &'static str, error: &dyn std::error::Error, hint: impl Into<String>) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        Self::Failed { stage, message, hint: hint.into() }
    }

    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Cancelled => "the same command goes on where this run stopped".into(),
            Self::Failed { hint, .. } => hint.clone(),
            Self::Project(e) => e.hint().into(),
            Self::Bug { .. } => "please report this with the command line and the log; finished stages are kept".into(),
            Self::Memory { .. } => "raise --max-memory, choose --quality draft, or run fewer photos at a time".into(),
        }
    }
}
