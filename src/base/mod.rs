//! Words that every layer uses: ids, the run context (cancel, progress, warnings), fingerprints, robust statistics, a
//! deterministic random number generator.

mod ctx;
mod fingerprint;
mod ids;
mod preview;
mod random;
pub mod stats;

pub use ctx::{CancelToken, Cancelled, Ctx, Diagnostic, Event, Severity};
pub use fingerprint::Fingerprint;
pub use ids::{CameraId, PhotoId, PointId};
pub use preview::Preview;
pub use random::Rng;
