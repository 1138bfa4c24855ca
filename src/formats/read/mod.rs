//! Readers of meshes that other programs wrote: bytes in, triangles out; never a panic on damaged files.

pub mod stl;

/// A file that is no mesh of its format.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The file ends too early.
    #[error("the {format} file ends at byte {found}; {needed} bytes are needed for its {what}")]
    Truncated {
        /// Which format.
        format: &'static str,
        /// What is missing.
        what: String,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Something is there that the format does not allow.
    #[error("the {format} file has {found} in line {line}, where {expected} must be")]
    Unexpected {
        /// Which format.
        format: &'static str,
        /// Line, from 1.
        line: usize,
        /// What must be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A coordinate that is not a finite number.
    #[error("the {format} file has a coordinate that is not finite in triangle {triangle}")]
    NotFinite {
        /// Which format.
        format: &'static str,
        /// Triangle, from 0.
        triangle: usize,
    },
}

impl ReadError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "the file is incomplete: copy or export it again",
            Self::Unexpected { .. } | Self::NotFinite { .. } => "export the file again from the program that made it",
        }
    }
}
