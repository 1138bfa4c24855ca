//! Finding and reading photo files.

use super::ProjectError;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// File name endings that are read as photos.
const ENDINGS: [&str; 5] = ["jpg", "jpeg", "png", "tif", "tiff"];

/// The photo files among the given files and folders (searched with their subfolders), absolute and sorted. A file that
/// is named directly is taken whatever its ending.
pub fn find_photos(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ProjectError> {
    let mut found = Vec::new();
    for path in paths {
        let path = std::path::absolute(path).and_then(fs::canonicalize).map_err(|source| ProjectError::Io {
            action: "read",
            path: path.clone(),
            source,
        })?;
        if path.is_dir() {
            search(&path, &mut found)?;
        } else {
            found.push(path);
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        return Err(ProjectError::NoPhotos { paths: paths.to_vec(), endings: ENDINGS.join(", ") });
    }
    Ok(found)
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), ProjectError> {
    let error = |source| ProjectError::Io { action: "read", path: folder.to_path_buf(), source };
    for entry in fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            let is_project = path.extension().is_some_and(|e| e == "veduta");
            if !is_project {
                search(&path, found)?;
            }
        } else if path.extension().is_some_and(|e| ENDINGS.contains(&e.to_string_lossy().to_ascii_lowercase().as_str()))
        {
            found.push(path);
        }
    }
    Ok(())
}

/// All bytes of a photo file.
pub fn read_photo(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// What identifies a version of a file without reading it: length, and modification time in nanoseconds since 1970.
pub fn file_stamp(path: &Path) -> (u64, u128) {
    let Ok(meta) = fs::metadata(path) else { return (0, 0) };
    let time = meta.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    (meta.len(), time.map_or(0, |t| t.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_searched_and_projects_left_out() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(find_photos(&[dir.path().into()]), Err(ProjectError::NoPhotos { .. })));
        for name in ["b.JPG", "sub/a.jpeg", "notes.txt", "x.veduta/thumb.png"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        let found = find_photos(&[dir.path().into(), dir.path().join("b.JPG")]).unwrap();
        let names: Vec<_> = found.iter().map(|p| p.file_name().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["b.JPG", "a.jpeg"]);
        assert!(matches!(find_photos(&[dir.path().join("missing")]), Err(ProjectError::Io { .. })));
    }
}
