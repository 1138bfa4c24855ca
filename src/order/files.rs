//! Files put into their place in one go.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {reason}", path.display())]
pub struct FileError {
    /// What was tried.
    pub action: &'static str,
    /// On which file.
    pub path: PathBuf,
    /// What the system says.
    pub reason: String,
}

impl FileError {
    /// From what the system says.
    pub fn new(action: &'static str, path: &Path, error: &std::io::Error) -> Self {
        Self { action, path: path.to_path_buf(), reason: error.to_string() }
    }

    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "check that the path exists, that you may write there, and that the disk has space"
    }
}

/// Writes a file through a buffer.
pub fn to_file<E: From<FileError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), E> {
    let run = || {
        let mut out = BufWriter::new(File::create(path)?);
        write(&mut out)?;
        out.flush()
    };
    run().map_err(|e: std::io::Error| FileError::new("write", path, &e).into())
}

/// Lets `write` make the file under another name beside it, and renames it once it is whole, so that a failure neither
/// leaves half a file nor destroys the one that was there.
pub fn into_place<E: From<FileError>>(path: &Path, write: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".unfinished");
    let unfinished = path.with_file_name(name);
    let written = write(&unfinished)
        .and_then(|()| fs::rename(&unfinished, path).map_err(|e| FileError::new("write", path, &e).into()));
    if written.is_err() {
        // It may not have come to exist; the error that counts is the first one.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Writes these bytes as a file, in one go.
pub fn put(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    into_place(path, |unfinished| fs::write(unfinished, bytes).map_err(|e| FileError::new("write", path, &e)))
}
