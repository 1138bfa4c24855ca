//! Mesh files of any program, and folders of tiles that are one model.

use super::{FileError, OrderError};
use crate::formats::read::{self, FORMATS};
use crate::scene::ForeignMesh;
use std::fs;
use std::path::{Path, PathBuf};

/// Reads a mesh file, or a folder of tiles as one mesh; also the bytes of it and of what it refers to.
pub fn read_mesh(path: &Path) -> Result<(ForeignMesh, u64), OrderError> {
    let mut bytes = 0;
    let mut tiles = Vec::new();
    for file in files_of(path)? {
        tiles.push(read_file(&file, &mut bytes)?);
    }
    let mesh = read::merged(tiles).ok_or_else(|| OrderError::TileUnits { folder: path.to_path_buf() })?;
    Ok((mesh, bytes))
}

fn read_file(file: &Path, total: &mut u64) -> Result<ForeignMesh, OrderError> {
    let bytes = fs::read(file).map_err(|e| FileError::new("read", file, &e))?;
    *total += bytes.len() as u64;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut beside = |name: &str| {
        let found = fs::read(folder.join(name))?;
        *total += found.len() as u64;
        Ok(found)
    };
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    read::read(&name, &bytes, &mut beside).map_err(|reason| OrderError::Read { file: file.to_path_buf(), reason })
}

/// The ending of a file's name, or of the first tile's.
pub fn format_of(path: &Path) -> Result<String, OrderError> {
    let files = files_of(path)?;
    let ending = files.first().and_then(|f| f.extension());
    Ok(ending.map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default())
}

/// The file itself, or the mesh files of a folder and its subfolders, by name; at least one.
fn files_of(path: &Path) -> Result<Vec<PathBuf>, OrderError> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let (mut found, mut open) = (Vec::new(), vec![path.to_path_buf()]);
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| FileError::new("read", &folder, &e))?;
        for entry in entries {
            let entry = entry.map_err(|e| FileError::new("read", &folder, &e))?.path();
            let ending = entry.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            if entry.is_dir() {
                open.push(entry);
            } else if FORMATS.contains(&ending.as_str()) {
                found.push(entry);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(OrderError::NoMesh { folder: path.to_path_buf() });
    }
    Ok(found)
}
