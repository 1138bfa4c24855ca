//! From the sparse reconstruction to dense points: undistorted images, neighbour choice, depth maps, fusion.

mod consistency;
pub mod depth;
mod error;
pub mod fuse;
mod kernels;
pub mod neighbours;
pub mod undistort;
mod view;

pub use error::DenseError;
pub use view::View;
