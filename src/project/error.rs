//! What can go wrong with a project folder.

use std::path::PathBuf;

/// A project could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The folder does not exist or holds no project.
    #[error("{} is not a Veduta project (it has no project.json)", path.display())]
    NotAProject {
        /// The path given.
        path: PathBuf,
    },
    /// Another process holds the lock.
    #[error("the project {} is in use by another process", path.display())]
    Locked {
        /// The project.
        path: PathBuf,
    },
    /// Made by a newer program.
    #[error("the project {} has format {found}, this program reads up to {known}", path.display())]
    TooNew {
        /// The project.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format known.
        known: u32,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, for example "write".
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file's content is not what its name promises.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing to work on.
    #[error("no photo among {}: files ending in {endings} are read", paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))]
    NoPhotos {
        /// What was searched.
        paths: Vec<PathBuf>,
        /// The endings looked for.
        endings: String,
    },
    /// A result that a command needs is not there yet.
    #[error("the project {} has no result of the stage \"{stage}\" yet", path.display())]
    MissingStage {
        /// The project.
        path: PathBuf,
        /// The stage.
        stage: String,
    },
}

impl ProjectError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAProject { .. } => "create one with `veduta run PHOTOS -o NAME.veduta`",
            Self::Locked { .. } => "wait until the other run ends, or stop it; a lock of a dead process frees itself",
            Self::TooNew { .. } => "open it with a newer version of the program",
            Self::Io { .. } => "check that the disk has space and that you may write there",
            Self::Damaged { .. } => {
                "run the project again: what an older version of the program made is made anew; if that does not help, delete \
                 the named file's folder first"
            }
            Self::NoPhotos { .. } => "name the folder that holds the photos, or the photos themselves",
            Self::MissingStage { .. } => "run the project up to that stage with `veduta run --until STAGE`",
        }
    }
}
