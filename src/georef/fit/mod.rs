//! Fits a reconstruction to the photos' priors, and measures what is left.

mod consensus;
mod doming;
mod level;
mod similarity;

pub use consensus::{Consensus, consensus};
pub use doming::doming;
pub use level::level_rotation;
pub use similarity::{FitInput, PriorFit, RotationSource, fit_to_priors};
