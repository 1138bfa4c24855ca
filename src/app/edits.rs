//! What a person decides about photos, with undo and redo. Every edit is written to the project at once.

use crate::project::{Project, ProjectError, Verdict};
use std::path::PathBuf;

/// One change of one photo's verdict.
#[derive(Clone, Debug, PartialEq)]
struct Edit {
    photo: PathBuf,
    before: Option<Verdict>,
    after: Option<Verdict>,
}

/// Edits that were made, and those that were taken back. Several photos may change in one step.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    done: Vec<Vec<Edit>>,
    undone: Vec<Vec<Edit>>,
}

impl Edits {
    /// Gives photos a verdict (`None` accepts them).
    pub fn judge(
        &mut self,
        project: &mut Project,
        photos: &[PathBuf],
        verdict: Option<&Verdict>,
    ) -> Result<(), ProjectError> {
        let now = &project.manifest().verdicts;
        let step: Vec<Edit> = photos
            .iter()
            .map(|p| Edit { photo: p.clone(), before: now.get(p).cloned(), after: verdict.cloned() })
            .filter(|e| e.before != e.after)
            .collect();
        if step.is_empty() {
            return Ok(());
        }
        apply(project, step.iter().map(|e| (&e.photo, &e.after)))?;
        self.done.push(step);
        self.undone.clear();
        Ok(())
    }

    /// Takes the last step back; says how many photos changed.
    pub fn undo(&mut self, project: &mut Project) -> Result<usize, ProjectError> {
        let Some(step) = self.done.last() else { return Ok(0) };
        apply(project, step.iter().map(|e| (&e.photo, &e.before)))?;
        let count = step.len();
        self.undone.extend(self.done.pop());
        Ok(count)
    }

    /// Makes the last step that was taken back again.
    pub fn redo(&mut self, project: &mut Project) -> Result<usize, ProjectError> {
        let Some(step) = self.undone.last() else { return Ok(0) };
        apply(project, step.iter().map(|e| (&e.photo, &e.after)))?;
        let count = step.len();
        self.done.extend(self.undone.pop());
        Ok(count)
    }

    /// Whether there is something to take back.
    pub fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    /// Whether there is something to make again.
    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }
}

fn apply<'a>(
    project: &mut Project,
    changes: impl Iterator<Item = (&'a PathBuf, &'a Option<Verdict>)>,
) -> Result<(), ProjectError> {
    let changes: Vec<_> = changes.collect();
    project.update(|m| {
        for (photo, verdict) in &changes {
            match verdict {
                Some(v) => m.verdicts.insert((*photo).clone(), v.clone()),
                None => m.verdicts.remove(*photo),
            };
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_saved_undone_and_redone() {
        let dir = tempfile::tempdir().expect("folder");
        let root = dir.path().join("a.veduta");
        let mut project = Project::open_or_create(&root).expect("project");
        let photos: Vec<PathBuf> = ["/a", "/b", "/c"].map(PathBuf::from).to_vec();
        project.update(|m| m.photos = photos.clone()).expect("saved");
        let mut edits = Edits::default();
        let reject = Verdict::Reject("blurred".into());
        edits.judge(&mut project, &photos[..2], Some(&reject)).expect("judged");
        assert_eq!(project.manifest().accepted(), [PathBuf::from("/c")]);
        assert_eq!(Project::open_to_read(&root).expect("saved").manifest().verdicts.len(), 2);
        // The same verdict again is no step.
        edits.judge(&mut project, &photos[..1], Some(&reject)).expect("judged");
        assert_eq!(edits.undo(&mut project).expect("undone"), 2);
        assert_eq!(project.manifest().accepted().len(), 3);
        assert!(!edits.can_undo() && edits.can_redo());
        assert_eq!(edits.redo(&mut project).expect("redone"), 2);
        edits.undo(&mut project).expect("undone");
        edits.judge(&mut project, &photos[2..], Some(&Verdict::Doubt(String::new()))).expect("judged");
        assert!(!edits.can_redo());
        assert_eq!(project.manifest().accepted().len(), 3, "a doubted photo takes part");
    }
}
