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
pub use control::{ControlStage, targets_of};
pub use depth::{DepthSet, DepthStage, undistorted};
pub use features::{FeatureSet, FeaturesStage};
pub use fuse::FuseStage;
pub use ingest::IngestStage;
pub use matching::MatchStage;
pub use part::PartStage;
pub use sparse::SparseStage;
pub use verify::VerifyStage;
