//! What can go wrong with an order besides the part itself, with what to do next.

use super::files::FileError;
use crate::base::Cancelled;
use crate::formats::read::{FORMATS, ReadError};
use crate::print::PrintError;
use crate::print::colour::profile::ProfileError;
use crate::print::printer::PrinterError;
use crate::project::ProjectError;
use std::path::PathBuf;

/// An order could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// The part could not be made, or a field of the order has no sense.
    #[error(transparent)]
    Print(#[from] PrintError),
    /// The printer's rule pack cannot be used.
    #[error(transparent)]
    Printer(#[from] PrinterError),
    /// The project has no city, or it cannot be read.
    #[error(transparent)]
    Project(#[from] ProjectError),
    /// A file could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A mesh file is none.
    #[error("{}: {reason}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        reason: ReadError,
    },
    /// Tiles that are no model together.
    #[error("the tiles in {} are in different units", folder.display())]
    TileUnits {
        /// The folder.
        folder: PathBuf,
    },
    /// A folder without meshes.
    #[error("the folder {} holds no mesh file", folder.display())]
    NoMesh {
        /// The folder.
        folder: PathBuf,
    },
    /// The printer takes nothing that can be written.
    #[error("{printer} takes {accepted}, none of which is written")]
    NoFormat {
        /// Title of the printer.
        printer: String,
        /// What it takes.
        accepted: String,
    },
    /// The colour profile cannot be used.
    #[error(transparent)]
    Profile(ProfileError),
    /// The rule pack does not say how finely the printer prints.
    #[error("slices for {printer} cannot be made: its rule pack has no dpi or no layer_mm")]
    NoSlices {
        /// Title of the printer.
        printer: String,
    },
    /// Trays cannot be written as files.
    #[error("plates cannot be made: {reason}")]
    NoPlates {
        /// Why.
        reason: String,
    },
    /// A waiver without a reason, or of nothing.
    #[error("the waiver of {code:?} has no reason")]
    NoReason {
        /// The code of the finding.
        code: String,
    },
    /// The ticket could not be written as JSON.
    #[error("the ticket cannot be written: {reason}")]
    Ticket {
        /// What the writer says.
        reason: String,
    },
}

impl OrderError {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::Print(e) => e.hint().into(),
            Self::Printer(e) => e.hint().into(),
            Self::Project(e) => e.hint().to_string(),
            Self::File(e) => e.hint().into(),
            Self::Read { reason, .. } => reason.hint().into(),
            Self::TileUnits { .. } => "convert them to one format, or give one file at a time".into(),
            Self::NoMesh { .. } => format!("files that end in {} are read", FORMATS.join(", ")),
            Self::NoFormat { .. } => "choose a format with --formats and convert it".into(),
            Self::Profile(e) => e.hint().into(),
            Self::NoSlices { .. } => {
                "choose a printer that takes slices, or give a rule pack of your own with both limits".into()
            }
            Self::NoPlates { .. } => {
                "leave --plates out, or give a printer, or a rule pack of your own, with build_mm and textures".into()
            }
            Self::NoReason { .. } => "say why the finding does not matter: --waive CODE=REASON".into(),
            Self::Ticket { .. } => "please report this with the order".into(),
        }
    }

    /// Whether the user stopped it.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Print(PrintError::Cancelled(_)))
    }
}

impl From<Cancelled> for OrderError {
    fn from(e: Cancelled) -> Self {
        Self::Print(e.into())
    }
}
