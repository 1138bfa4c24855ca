//! Photos that are no longer where the project knows them: finding them again by name under another folder.
//!
//! In: paths of photos, and a folder to search. Out: pairs of old and new paths. A name that several files share goes to
//! the one whose folders agree with the old path furthest from the end; where two agree equally, none is taken, because
//! a wrong photo under a right name would pass unseen.

use super::{Project, ProjectError, find_photos};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The photos whose files are gone.
pub fn lost_photos(photos: &[PathBuf]) -> Vec<PathBuf> {
    photos.iter().filter(|p| !p.exists()).cloned().collect()
}

/// Old and new path of each lost photo that lies under `folder`.
pub fn find_moved(lost: &[PathBuf], folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>, ProjectError> {
    let mut by_name: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for path in find_photos(&[folder.to_path_buf()])? {
        by_name.entry(name_of(&path)).or_default().push(path);
    }
    let best = |old: &PathBuf| {
        let candidates = by_name.get(&name_of(old))?;
        let agreeing = |new: &PathBuf| {
            let pairs = old.components().rev().zip(new.components().rev());
            pairs.take_while(|(a, b)| a == b).count()
        };
        let most = candidates.iter().map(agreeing).max()?;
        let mut fitting = candidates.iter().filter(|c| agreeing(c) == most);
        let found = fitting.next()?;
        fitting.next().is_none().then(|| (old.clone(), found.clone()))
    };
    Ok(lost.iter().filter_map(best).collect())
}

/// File systems differ in whether case counts; cameras do not make two names that differ in it alone.
fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |n| n.to_string_lossy().to_lowercase())
}

impl Project {
    /// Takes photos to be at their new places. Verdicts and marks go with them; what was computed from equal files stays valid.
    pub fn relink(&mut self, moved: &[(PathBuf, PathBuf)]) -> Result<(), ProjectError> {
        let new_of: BTreeMap<&PathBuf, &PathBuf> = moved.iter().map(|(old, new)| (old, new)).collect();
        self.update(|m| {
            for photo in &mut m.photos {
                if let Some(new) = new_of.get(photo) {
                    *photo = (*new).clone();
                }
            }
            for (old, new) in moved {
                if let Some(verdict) = m.verdicts.remove(old) {
                    m.verdicts.insert(new.clone(), verdict);
                }
                for mark in m.control.iter_mut().flat_map(|p| &mut p.marks).filter(|k| k.photo == *old) {
                    mark.photo.clone_from(new);
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::Verdict;
    use crate::scene::{ControlMark, ControlPoint, ControlRole};
    use nalgebra::{Vector2, Vector3};
    use std::fs;

    #[test]
    fn moved_photos_are_found_by_name_and_keep_their_verdicts() {
        let dir = tempfile::tempdir().expect("folder");
        let file = |name: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("parent")).expect("folder");
            fs::write(&path, name).expect("written");
            path.canonicalize().expect("there")
        };
        let stays = file("old/c.jpg");
        let (new_a, new_b) = (file("new/day1/A.JPG"), file("new/day1/b.jpg"));
        file("new/day2/b.jpg");
        file("new/x/same.jpg");
        file("new/y/same.jpg");
        let old = |name: &str| dir.path().join("old").join(name);
        let photos = vec![old("day1/a.jpg"), old("day1/b.jpg"), stays.clone(), old("same.jpg"), old("gone.jpg")];
        let lost = lost_photos(&photos);
        assert_eq!(lost.len(), 4);
        let moved = find_moved(&lost, &dir.path().join("new")).expect("searched");
        assert_eq!(moved, [(old("day1/a.jpg"), new_a.clone()), (old("day1/b.jpg"), new_b)], "no guess for same.jpg");
        let mut project = Project::open_or_create(&dir.path().join("p.veduta")).expect("project");
        let doubt = Verdict::Doubt("haze".into());
        project
            .update(|m| {
                m.photos = photos.clone();
                m.verdicts.insert(photos[0].clone(), doubt.clone());
                m.control.push(ControlPoint {
                    name: "a".into(),
                    crs: "EPSG:4326".into(),
                    given: Vector3::zeros(),
                    sigma_m: [0.02; 2],
                    sigma_up_m: None,
                    role: ControlRole::Control,
                    marks: vec![ControlMark { photo: photos[0].clone(), pixel: Vector2::new(1.5, 2.5) }],
                });
            })
            .expect("kept");
        project.relink(&moved).expect("relinked");
        assert_eq!(project.manifest().verdicts.get(&new_a), Some(&doubt));
        assert_eq!(project.manifest().control[0].marks[0].photo, new_a);
        assert_eq!((&project.manifest().photos[0], &project.manifest().photos[2]), (&new_a, &stays));
    }
}
