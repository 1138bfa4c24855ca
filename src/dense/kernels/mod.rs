//! The per-pixel kernels: each file holds the parameters, the CPU twin, the GPU call and the test that compares them.

pub(super) mod undistort;
