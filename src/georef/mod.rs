//! Where on earth the city lies: geodetic conversions, UTM, and the fit of a reconstruction to measured positions.
//!
//! [`geodesy`] turns WGS84 into local east-north-up metres and back, [`utm`] into projected metres for files that need
//! them, attitude angles into rotations; [`fit`] finds the similarity between a reconstruction and the photos' priors, and
//! tells whether a bowl is left in it.

mod attitude;
mod crs;
pub mod fit;
pub mod geodesy;
pub mod transverse_mercator;
pub mod utm;

pub use attitude::{attitude_from_rotation, rotation_from_attitude};
pub use crs::{Crs, CrsError};
pub use fit::{Consensus, FitInput, PriorFit, RotationSource, consensus, doming, fit_to_priors, level_rotation};
pub use geodesy::{Enu, local_frame};
pub use utm::{Raster, Utm, UtmFromLocal};
