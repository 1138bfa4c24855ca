//! Which actions make sense now: menu, buttons and keys ask here.

use super::VedutaApp;
use super::action::Action;
use super::session::Session;

impl VedutaApp {
    /// Whether an action makes sense now.
    pub(super) fn is_possible(&self, action: Action) -> bool {
        let session = self.session.as_ref();
        let running = session.is_some_and(|s| s.work.is_some());
        let editable = session.is_some_and(Session::is_editable);
        match action {
            Action::CloseProject => session.is_some() && !running,
            Action::Run => editable,
            Action::Pause | Action::Cancel => running,
            Action::Undo => editable && session.is_some_and(|s| s.edits.can_undo()),
            Action::Redo => editable && session.is_some_and(|s| s.edits.can_redo()),
            Action::Accept | Action::Doubt | Action::Reject => editable && self.photos.has_selection(),
            Action::NextPhoto | Action::PreviousPhoto => session.is_some_and(|s| !s.rows.is_empty()),
            Action::Show(_) | Action::PrintAlone => session.is_some(),
            Action::MakePart => session.is_some() && self.print.can_make(),
            Action::Validate => session.is_some() && self.print.can_validate(),
            Action::View(_) => session.is_some_and(|s| !s.current.is_empty()),
            Action::ImportControl => editable,
            Action::ExportControl => session.is_some_and(|s| !s.control.points.is_empty()),
            Action::NextPoint | Action::PreviousPoint => {
                self.control.is_in_front() && session.is_some_and(|s| !s.control.points.is_empty())
            }
            Action::Mark => editable && self.control.can_mark(),
            Action::DeleteMark => editable && session.is_some_and(|s| self.control.mark(s).is_some()),
            Action::Adjust => editable && session.is_some_and(|s| s.control.points.iter().any(|p| !p.marks.is_empty())),
            Action::NewProject | Action::OpenProject | Action::OpenSample => !running && self.making_sample.is_none(),
            Action::SoftwareWindow => !running,
            Action::Theme | Action::Palette | Action::Help | Action::ResetLayout | Action::Quit => true,
        }
    }
}
