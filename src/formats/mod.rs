//! File formats over `Read` and `Write`, one file each.

pub mod colmap;
pub mod coloured;
pub mod control;
pub mod exif;
pub mod geojson;
pub mod geotiff;
pub mod gltf;
pub mod html;
pub mod las;
pub mod obj;
mod package;
pub mod painted;
pub mod ply;
pub mod read;
pub mod stl;
pub mod textured;
pub mod threemf;
pub mod wrl;
pub mod xmp;
