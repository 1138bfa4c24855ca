//! The stages: thin adapters that load, call the pure method, and store.

mod city;
mod control;
mod depth;
mod features;
mod fuse;
mod ingest;
mod lru;
mod matching;
mod part;
mod sparse;
mod verify;

pub use city::CityStage;
pub(super) use control::control_of;
pub use control::{ControlStage, control_report, measure_control};
pub use depth::{DepthSet, DepthStage, undistorted};
pub use features::{FeatureSet, FeaturesStage};
pub use fuse::FuseStage;
pub use ingest::IngestStage;
pub use matching::MatchStage;
pub use part::PartStage;
pub use sparse::SparseStage;
pub use verify::VerifyStage;
