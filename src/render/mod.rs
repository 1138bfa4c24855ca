//! The 3D view: point clouds, the textured city, the part, photos and measurements, drawn by the device of a window or
//! by a command's own.
//!
//! In: a `wgpu` device and queue, scene data. Out: a texture with the picture, points of the world under pixels, lengths
//! and areas. No window toolkit is used here: whoever owns the window passes the device in and shows the texture.
//! [`Viewport`] is the whole; what takes long (shuffling, smaller copies of pages, coarse meshes, hierarchies) is in the
//! `prepare_*` functions, which need no device and run on any thread.

mod camera;
mod cameras;
mod capture;
mod clip;
mod cluster;
mod draw;
pub mod measure;
mod mesh;
mod mesh_layer;
mod mips;
mod octree;
mod options;
mod pace;
mod pick;
mod pipelines;
mod points;
mod sight;
mod targets;
#[cfg(test)]
mod tests;
mod viewing;
mod viewport;

pub use camera::{Ray, ViewCamera};
pub use cameras::{Frustum, Polyline, PreparedPhotos, prepare_photos};
pub use capture::{Shot, Turntable};
pub use clip::ClipBox;
pub use draw::Drawing;
pub use mesh::{PreparedMesh, SURFACE_COLOURS, VIEW_CLASSES, prepare_city, prepare_part, view_class};
pub use options::{Options, Shading};
pub use pick::{Pick, Target};
pub use points::{PreparedCloud, prepare_dense, prepare_sparse};
pub use sight::{Seen, photos_that_see};
pub use viewport::Viewport;

/// The colour map of heights and confidences, evenly spaced from low to high (sRGB): viridis, whose brightness grows
/// evenly, so that it also reads without colour vision and in grey.
pub const COLOUR_MAP: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 44, 122],
    [59, 81, 139],
    [44, 113, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];
