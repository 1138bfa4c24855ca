//! What a person decides about photos, control points and the print order, with undo and redo. Every edit is written to the project at
//! once.

use crate::order::Order;
use crate::project::{Project, ProjectError, Verdict};
use crate::scene::ControlPoint;
use serde_json::Value;
use std::path::PathBuf;

/// One change of one photo's verdict.
#[derive(Clone, Debug, PartialEq)]
struct Edit {
    photo: PathBuf,
    before: Option<Verdict>,
    after: Option<Verdict>,
}

/// What changes in one go.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// Verdicts of some photos.
    Verdicts(Vec<Edit>),
    /// Old and new places of photos.
    Relink(Vec<(PathBuf, PathBuf)>),
    /// The list of photos.
    Photos { before: Vec<PathBuf>, after: Vec<PathBuf> },
    /// The control points, all of them: there are few.
    Control { before: Vec<ControlPoint>, after: Vec<ControlPoint> },
    /// The print order as the manifest holds it.
    Order { before: Value, after: Value },
}

/// Edits that were made, and those that were taken back. Several photos may change in one step.
#[derive(Clone, Debug, Default)]
pub struct Edits {
    done: Vec<Step>,
    undone: Vec<Step>,
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
        if step.is_empty() { Ok(()) } else { self.make(project, Step::Verdicts(step)) }
    }

    /// Takes photos to be at their new places. A step like others, so that earlier ones are taken back at the old places.
    pub fn relink(&mut self, project: &mut Project, moved: Vec<(PathBuf, PathBuf)>) -> Result<(), ProjectError> {
        self.make(project, Step::Relink(moved))
    }

    /// Adds photos to the project; says how many were new.
    pub fn add_photos(&mut self, project: &mut Project, photos: &[PathBuf]) -> Result<usize, ProjectError> {
        let before = project.manifest().photos.clone();
        let mut after = [before.as_slice(), photos].concat();
        after.sort();
        after.dedup();
        let new = after.len().saturating_sub(before.len());
        if new > 0 {
            self.make(project, Step::Photos { before, after })?;
        }
        Ok(new)
    }

    /// Replaces the control points.
    pub fn set_control(&mut self, project: &mut Project, after: Vec<ControlPoint>) -> Result<(), ProjectError> {
        let before = project.manifest().control.clone();
        if before == after { Ok(()) } else { self.make(project, Step::Control { before, after }) }
    }

    /// Replaces the print order.
    pub fn set_order(&mut self, project: &mut Project, after: &Order) -> Result<(), ProjectError> {
        let before = project.manifest().order.clone();
        // An order is plain data, which JSON can hold.
        let after = serde_json::to_value(after).unwrap_or_default();
        if before == after { Ok(()) } else { self.make(project, Step::Order { before, after }) }
    }

    fn make(&mut self, project: &mut Project, step: Step) -> Result<(), ProjectError> {
        step.apply(project, true)?;
        self.done.push(step);
        self.undone.clear();
        Ok(())
    }

    /// Takes the last step back; says whether there was one.
    pub fn undo(&mut self, project: &mut Project) -> Result<bool, ProjectError> {
        let Some(step) = self.done.last() else { return Ok(false) };
        step.apply(project, false)?;
        self.undone.extend(self.done.pop());
        Ok(true)
    }

    /// Makes the last step that was taken back again.
    pub fn redo(&mut self, project: &mut Project) -> Result<bool, ProjectError> {
        let Some(step) = self.undone.last() else { return Ok(false) };
        step.apply(project, true)?;
        self.done.extend(self.undone.pop());
        Ok(true)
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

impl Step {
    /// Writes what comes after the step, or what was before it.
    fn apply(&self, project: &mut Project, forward: bool) -> Result<(), ProjectError> {
        if let Self::Relink(moved) = self {
            let back = || moved.iter().map(|(old, new)| (new.clone(), old.clone())).collect::<Vec<_>>();
            return if forward { project.relink(moved) } else { project.relink(&back()) };
        }
        project.update(|m| match self {
            Self::Relink(_) => {}
            Self::Verdicts(edits) => {
                for edit in edits {
                    match if forward { &edit.after } else { &edit.before } {
                        Some(v) => m.verdicts.insert(edit.photo.clone(), v.clone()),
                        None => m.verdicts.remove(&edit.photo),
                    };
                }
            }
            Self::Photos { before, after } => m.photos.clone_from(if forward { after } else { before }),
            Self::Control { before, after } => m.control.clone_from(if forward { after } else { before }),
            Self::Order { before, after } => m.order.clone_from(if forward { after } else { before }),
        })
    }
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
        let more = [PathBuf::from("/d"), PathBuf::from("/a")];
        assert_eq!(edits.add_photos(&mut project, &more).expect("added"), 1);
        assert_eq!(project.manifest().photos.len(), 4);
        edits.undo(&mut project).expect("undone");
        assert_eq!(project.manifest().photos, photos);
        let place = |name: &str| PathBuf::from(name);
        edits.relink(&mut project, vec![(place("/a"), place("/moved/a"))]).expect("relinked");
        assert!(project.manifest().verdicts.contains_key(&place("/moved/a")));
        edits.undo(&mut project).expect("undone");
        assert_eq!((&project.manifest().photos, project.manifest().verdicts.len()), (&photos, 2));
        assert_eq!(Project::open_to_read(&root).expect("saved").manifest().verdicts.len(), 2);
        // The same verdict again is no step.
        edits.judge(&mut project, &photos[..1], Some(&reject)).expect("judged");
        assert!(edits.undo(&mut project).expect("undone"));
        assert_eq!(project.manifest().accepted().len(), 3);
        assert!(!edits.can_undo() && edits.can_redo());
        assert!(edits.redo(&mut project).expect("redone"));
        edits.undo(&mut project).expect("undone");
        edits.judge(&mut project, &photos[2..], Some(&Verdict::Doubt(String::new()))).expect("judged");
        assert!(!edits.can_redo());
        assert_eq!(project.manifest().accepted().len(), 3, "a doubted photo takes part");
    }

    #[test]
    fn control_points_and_verdicts_are_undone_in_their_order() {
        let dir = tempfile::tempdir().expect("folder");
        let mut project = Project::open_or_create(&dir.path().join("a.veduta")).expect("project");
        let point = |name: &str| ControlPoint {
            name: name.into(),
            crs: "EPSG:4326".into(),
            given: nalgebra::Vector3::zeros(),
            sigma_m: [0.02; 2],
            sigma_up_m: None,
            role: crate::scene::ControlRole::Control,
            marks: Vec::new(),
        };
        let mut edits = Edits::default();
        edits.set_control(&mut project, vec![point("a")]).expect("set");
        edits.judge(&mut project, &["/a".into()], Some(&Verdict::Doubt(String::new()))).expect("judged");
        edits.set_control(&mut project, vec![point("a"), point("b")]).expect("set");
        edits.set_control(&mut project, vec![point("a"), point("b")]).expect("nothing new is no step");
        for (points, verdicts) in [(1, 1), (1, 0), (0, 0)] {
            assert!(edits.undo(&mut project).expect("undone"));
            assert_eq!((project.manifest().control.len(), project.manifest().verdicts.len()), (points, verdicts));
        }
        assert!(!edits.undo(&mut project).expect("nothing left") && edits.can_redo());
    }

    #[test]
    fn the_order_is_saved_and_comes_back() {
        let dir = tempfile::tempdir().expect("folder");
        let root = dir.path().join("a.veduta");
        let mut project = Project::open_or_create(&root).expect("project");
        let mut edits = Edits::default();
        let order = Order { base_mm: 4.0, ..Order::default() };
        edits.set_order(&mut project, &order).expect("set");
        edits.set_order(&mut project, &order).expect("nothing new is no step");
        let read = || Project::open_to_read(&root).expect("saved").manifest().order.clone();
        assert_eq!(serde_json::from_value::<Order>(read()).expect("an order"), order);
        assert!(edits.undo(&mut project).expect("undone") && !edits.can_undo());
        assert!(read().is_null());
    }
}
