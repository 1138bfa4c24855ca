//! The 3D view: point clouds, the textured city, the part, photos and measurements, drawn by the device of a window.
//!
//! In: a `wgpu` device and queue, scene data. Out: a texture with the picture, points of the world under pixels, lengths
//! and areas. No window toolkit is used here: whoever owns the window passes the device in and shows the texture.
//! [`Viewport`] is the whole; what takes long (shuffling, smaller copies of pages, coarse meshes, hierarchies) is in the
//! `prepare_*` functions, which need no device and run on any thread.

mod camera;
mod cameras;
mod cluster;
pub mod measure;
mod mesh;
mod mesh_layer;
mod mips;
mod pick;
mod pipelines;
mod points;
mod readback;
#[cfg(test)]
mod tests;
mod viewport;

pub use camera::{Ray, ViewCamera};
pub use cameras::{Frustum, Polyline, PreparedPhotos, prepare_photos};
pub use mesh::{PreparedMesh, VIEW_CLASSES, prepare_city, prepare_part, view_class};
pub use pick::{Pick, Target};
pub use points::{PreparedCloud, prepare_dense, prepare_sparse};
pub use viewport::{Options, Shading, Viewport};
