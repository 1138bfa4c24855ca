//! The per-pixel kernels: each holds the parameters, the CPU twin, the GPU call and the test that compares them.

pub(super) mod consistency;
pub(super) mod hash;
pub(super) mod patch_match;
pub(super) mod undistort;
