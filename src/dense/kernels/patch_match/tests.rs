//! The sweeps against an analytic scene, and the twins against each other.
