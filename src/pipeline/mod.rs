//! The stages in order, what they need of the project, and the runner that brings them up to date.
//!
//! ```text
//! ingest -> features -> match -> verify -> sparse -> depth -> fuse -> city -> part
//! ```
//!
//! Each stage is a thin adapter in `stages/`: load what it needs, call the pure method, store the result. A stage's key
//! is derived from its name, version, options and the keys of its inputs; nothing lists by hand what to invalidate.

mod error;
mod forecast;
mod job;
mod request;
mod runner;
mod stage;
pub mod stages;

pub use error::StageError;
pub use forecast::{Forecast, StageForecast, forecast};
pub use job::Job;
pub use request::{PrintSize, Quality, RunRequest, StageName};
pub use runner::{Freshness, RunSummary, StageSummary, run, states};
pub use stage::{Handle, Stage};
pub use stages::{control_report, measure_control};
