//! Minimal solvers: the smallest number of data that determines a model up to a few solutions.

mod p3p;
pub mod polynomial;
mod relpose_5pt;

pub use p3p::p3p;
pub use relpose_5pt::relpose_5pt;
