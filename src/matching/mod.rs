//! Which features of two photos show the same thing.

pub mod descriptors;
pub mod kernels;
pub mod pairs;
pub mod retrieval;
pub mod verify;
