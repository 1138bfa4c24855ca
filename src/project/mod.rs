//! The project on disk: a folder `NAME.veduta` with a manifest, a lock and content-addressed artifacts.
//!
//! ```text
//! town.veduta/
//!   project.json                      format, photo paths, verdicts, control points, the last request, the current key of each stage
//!   lock                              held (advisory) by the one process that may write
//!   artifacts/<stage>/<key>/...       immutable results; a folder counts only when it holds done.json
//! ```
//!
//! An artifact is written to a temporary folder beside its place, flushed, and renamed; `done.json` is written last. A
//! crash or a cancel therefore leaves either a finished artifact or a temporary folder that the next opening removes.

mod error;
mod photos;
mod relink;
mod space;
mod store;

pub use error::ProjectError;
pub use photos::{file_stamp, find_photos, read_photo};
pub use relink::{find_moved, lost_photos};
pub use space::free_space;
pub use store::{Artifact, ArtifactWriter, Done, Manifest, Project, Verdict};
