//! File formats over `Read` and `Write`, one file each.

pub mod colmap;
pub mod gltf;
pub mod obj;
pub mod ply;
pub mod stl;
pub mod textured;
pub mod threemf;
