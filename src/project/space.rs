//! Free room on the disk of a folder, so that a run that cannot fit is refused before it starts.
//!
//! In: a path that need not exist yet. Out: bytes, or `None` where the system does not tell.
//! Cost: reads the list of mounted disks, which may wait for a network share; not for a thread that draws.

use std::path::{Path, PathBuf};
use sysinfo::{DiskRefreshKind, Disks};

/// Bytes that may still be written where `path` is or will be.
pub fn free_space(path: &Path) -> Option<u64> {
    let there = nearest_existing(path)?;
    let disks = Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()).ok()?;
    let holds = disks.iter().filter(|d| there.starts_with(d.mount_point()));
    holds.max_by_key(|d| d.mount_point().components().count()).map(sysinfo::Disk::available_space)
}

/// The path itself, or its first ancestor that exists, without links.
fn nearest_existing(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    absolute.ancestors().find_map(|p| p.canonicalize().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_will_be_made_counts_as_its_parent() {
        let dir = tempfile::tempdir().expect("folder");
        let there = dir.path().canonicalize().expect("folder");
        assert_eq!(nearest_existing(&dir.path().join("a/b/c")), Some(there));
        let (own, coming) = (free_space(dir.path()), free_space(&dir.path().join("a/b")));
        // Other programs write meanwhile, so the two need not be equal to the byte.
        if let (Some(own), Some(coming)) = (own, coming) {
            assert!(own > 0 && own.abs_diff(coming) < 1 << 30, "{own} {coming}");
        }
    }
}
