//! Running the binary and making its input.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A temporary folder that lives as long as the test.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Runs the program; its standard input is empty.
pub fn veduta(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_veduta")).args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

/// What the program wrote to standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What the program wrote to standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs the program and expects success.
pub fn succeed(args: &[&str]) -> Output {
    let output = veduta(args);
    assert!(output.status.success(), "{args:?}\n{}\n{}", stdout(&output), stderr(&output));
    output
}

/// Runs the program and expects failure (exit code 1) with these words on standard error, and a next step.
pub fn fail(args: &[&str], words: &[&str]) {
    let output = veduta(args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{args:?}\n{text}");
    for word in words {
        assert!(text.contains(word), "\"{word}\" is missing in:\n{text}");
    }
    assert!(text.contains("next: "), "no next step in:\n{text}");
    assert!(!text.contains("panicked"), "{text}");
}

/// The photos of the sample flight that comes with the program.
pub fn sample_photos() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/images");
    let mut photos: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    photos.sort();
    assert_eq!(photos.len(), 8);
    photos
}

/// Copies the first `count` sample photos to `to`.
pub fn copy_samples(to: &Path, count: usize) -> Vec<PathBuf> {
    fs::create_dir_all(to).unwrap();
    sample_photos()
        .iter()
        .take(count)
        .map(|p| {
            let copy = to.join(p.file_name().unwrap());
            fs::copy(p, &copy).unwrap();
            copy
        })
        .collect()
}

/// `veduta info --json`.
pub fn info(project: &str) -> serde_json::Value {
    serde_json::from_slice(&succeed(&["info", project, "--json"]).stdout).unwrap()
}

/// A path as text.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
