//! From the sparse reconstruction to dense points: undistorted images, neighbour choice, depth maps, fusion.

pub mod error;
mod kernels;
pub mod undistort;

pub use error::DenseError;
