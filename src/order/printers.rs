//! The rule packs that there are: those in the program and those of the user.
//!
//! Packs of the user lie in `veduta/printers/*.toml` in the configuration folder; one that has the name of a pack in the
//! program takes its place.

use super::{FileError, OrderError};
use crate::print::printer::{Printer, PrinterError, built_in, intersection};
use std::fs;
use std::path::{Path, PathBuf};

/// The packs in the program and those of the user; `default` comes first and satisfies them all.
pub fn all_printers() -> Result<Vec<Printer>, OrderError> {
    let mut packs = built_in()?;
    packs.remove(0);
    for file in user_files() {
        let pack = read_pack(&file)?;
        match packs.iter_mut().find(|p| p.name == pack.name) {
            Some(old) => *old = pack,
            None => packs.push(pack),
        }
    }
    packs.insert(0, intersection(&packs));
    Ok(packs)
}

/// The pack of this name, or in the file of this path (which ends in `.toml`).
pub fn find(name: &str) -> Result<Printer, OrderError> {
    if Path::new(name).extension().is_some_and(|e| e == "toml") {
        return read_pack(Path::new(name));
    }
    let all = all_printers()?;
    let known = all.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ");
    let found = all.into_iter().find(|p| p.name == name);
    Ok(found.ok_or_else(|| PrinterError::Unknown { name: name.to_string(), known })?)
}

fn read_pack(file: &Path) -> Result<Printer, OrderError> {
    let text = fs::read_to_string(file).map_err(|e| FileError::new("read", file, &e))?;
    Ok(Printer::parse(&file.display().to_string(), &text)?)
}

fn user_files() -> Vec<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|h| h.join("Library/Application Support"))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|h| h.join(".config")))
    };
    let Some(entries) = folder.and_then(|f| fs::read_dir(f.join("veduta").join("printers")).ok()) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries.flatten().map(|e| e.path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "toml"));
    files.sort();
    files
}
