//! Transforms, epipolar geometry, triangulation, minimal solvers and robust estimation: pure mathematics in `f64`.
//!
//! Frames: pixel (centre of the first pixel at 0.5, y down), camera (x right, y down, z forward), local (east, north,
//! up in metres). A transform `a_from_b` takes `x_in_b` to `x_in_a`.

pub mod absolute_pose;
pub mod epipolar;
pub mod homography;
pub mod least_squares;
mod nearest_rotation;
pub mod ransac;
pub mod relative_pose;
mod rigid3;
mod sim3;
pub mod solvers;
pub mod triangulation;

pub use nearest_rotation::nearest_rotation;
pub use rigid3::Rigid3;
pub use sim3::Sim3;
