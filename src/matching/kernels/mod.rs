//! GPU kernels of matching: each file holds the parameters, the GPU call and the test that compares it with its CPU twin.

pub mod nearest_two;
