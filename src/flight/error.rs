//! Why a flight could not be made from the given files.

use crate::base::Cancelled;

/// Why a flight could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// None of the files is a photo by its name.
    #[error("no photo found among {given} files; photos end in {extensions}")]
    EmptyInput {
        /// Number of files looked at.
        given: usize,
        /// The extensions that are read.
        extensions: String,
    },
    /// Too few photos are left.
    #[error("{usable} of {given} photos can be used, at least 2 are needed{reasons}")]
    TooFew {
        /// Photos that can be used.
        usable: usize,
        /// Photos looked at.
        given: usize,
        /// What is wrong with the others, one line each, beginning with a line break; empty when nothing is.
        reasons: String,
    },
    /// The user stopped the run.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl IngestError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::EmptyInput { .. } => {
                "Give the folder with the photos, or the photos themselves; convert other formats to JPEG."
            }
            Self::TooFew { .. } => {
                "Give the photos of a whole flight: a city takes dozens that overlap by more than half."
            }
            Self::Cancelled(_) => "",
        }
    }
}
