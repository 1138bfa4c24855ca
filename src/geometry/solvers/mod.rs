//! Minimal solvers: the smallest number of data that determines a model up to a few solutions.

mod p3p;

pub use p3p::p3p;
