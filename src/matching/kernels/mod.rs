//! GPU kernels of matching and their CPU twins.
