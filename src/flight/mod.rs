//! Ingest: photo files -> [`Flight`](crate::scene::Flight), with camera groups, a local frame, priors of positions and
//! rotations, and a reason for every file that was left out.
//!
//! [`ingest`] is the entry. One bad photo is a structured warning and the run goes on; only a flight without photos, or
//! with fewer than two usable ones, is an error.

mod attitudes;
mod cameras;
mod check;
mod error;
mod ingest;
mod positions;
mod sensors;
mod shot;

pub use check::{PhotoQuality, estimated_overlap, photo_quality};
pub use error::IngestError;
pub use ingest::{EXTENSIONS, IngestOptions, ingest, is_photo};
