//! `veduta relink`: tells a project where photos are now.

use super::args::RelinkArgs;
use super::{CliError, say};
use crate::project::{Project, find_moved, lost_photos};

/// Runs the command.
pub fn relink(args: &RelinkArgs) -> Result<(), CliError> {
    // Opening must not make a project of a mistyped name.
    Project::open_to_read(&args.project)?;
    let mut project = Project::open_or_create(&args.project)?;
    let lost = lost_photos(&project.manifest().photos);
    if lost.is_empty() {
        say("all photos are where the project knows them");
        return Ok(());
    }
    let moved = find_moved(&lost, &args.folder)?;
    if moved.is_empty() {
        return Err(CliError::new(
            format!("none of the {} missing photos is in {}", lost.len(), args.folder.display()),
            "name the folder that holds them now",
        ));
    }
    project.relink(&moved)?;
    say(format!("{} of {} missing photos were found again", moved.len(), lost.len()));
    for path in lost_photos(&project.manifest().photos) {
        say(format!("  still missing: {}", path.display()));
    }
    Ok(())
}
