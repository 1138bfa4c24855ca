//! Readers of meshes that other programs wrote: bytes in, a [`ForeignMesh`] out; never a panic on damaged files.
//!
//! In: the bytes of a file and a way to the files beside it (materials, textures, buffers), by the names that the file
//! gives. Out: triangles with texture coordinates, colours and pages; polygons are cut into triangles. A missing or broken
//! texture is a page without pixels, never the end. Memory is bounded by what the file holds, not by what it claims.

mod assemble;
mod glb;
mod merge;
mod obj;
mod picture;
mod ply;
mod polygon;
pub mod stl;
mod threemf;
mod threemf_parts;
mod wrl;
mod wrl_parse;

#[cfg(test)]
mod tests;

pub use merge::merged;

use crate::scene::ForeignMesh;

/// The way to the files beside the one that is read, by the name that it gives.
pub type Beside<'a> = &'a mut dyn FnMut(&str) -> std::io::Result<Vec<u8>>;

/// Formats that are read, by file ending.
pub const FORMATS: [&str; 8] = ["3mf", "obj", "glb", "gltf", "ply", "stl", "wrl", "vrml"];

/// Most triangles that are read; instances of instances could make more of a small file.
const MAX_TRIANGLES: usize = 20_000_000;

/// A file that is no mesh of its format.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadError {
    /// The name has no known ending.
    #[error("{name} is of no format that is read")]
    UnknownFormat {
        /// The file's name.
        name: String,
    },
    /// The file ends too early.
    #[error("the {format} file ends at byte {found}; {needed} bytes are needed for its {what}")]
    Truncated {
        /// Which format.
        format: &'static str,
        /// What is missing.
        what: String,
        /// Bytes that are needed.
        needed: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Something is there that the format does not allow.
    #[error("the {format} file has {found} in line {line}, where {expected} must be")]
    Unexpected {
        /// Which format.
        format: &'static str,
        /// Line, from 1.
        line: usize,
        /// What must be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// Something is wrong in a file without lines.
    #[error("the {format} file is damaged: {reason}")]
    Broken {
        /// Which format.
        format: &'static str,
        /// What is wrong, on which item.
        reason: String,
    },
    /// A valid file of a kind that is not read.
    #[error("the {format} file {what}, which is not read")]
    Unsupported {
        /// Which format.
        format: &'static str,
        /// What it uses.
        what: String,
    },
    /// A reference to something that is not there.
    #[error("the {format} file refers to {what} {index} of {count}")]
    Index {
        /// Which format.
        format: &'static str,
        /// Kind of thing.
        what: &'static str,
        /// The index as the file has it.
        index: i64,
        /// How many there are.
        count: usize,
    },
    /// A coordinate that is not a finite number.
    #[error("the {format} file has a coordinate that is not finite in triangle {triangle}")]
    NotFinite {
        /// Which format.
        format: &'static str,
        /// Triangle, from 0.
        triangle: usize,
    },
    /// No triangle at all.
    #[error("the {format} file has no triangles")]
    Empty {
        /// Which format.
        format: &'static str,
    },
    /// More than is read.
    #[error("the {format} file has more than {limit} {what}")]
    TooLarge {
        /// Which format.
        format: &'static str,
        /// What there is too much of.
        what: &'static str,
        /// The most that is read.
        limit: u64,
    },
    /// A file beside it that it cannot be read without.
    #[error("the {format} file needs {name}, which cannot be read: {reason}")]
    Beside {
        /// Which format.
        format: &'static str,
        /// Name of the other file.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl ReadError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::UnknownFormat { .. } => "give a file that ends in 3mf, obj, glb, gltf, ply, stl or wrl",
            Self::Truncated { .. } => "the file is incomplete: copy or export it again",
            Self::Unsupported { .. } => "export it again from the program that made it, without that feature",
            Self::Empty { .. } => "check that the program that made it exported a surface, not points or lines",
            Self::TooLarge { .. } => "simplify or split the model in the program that made it",
            Self::Beside { .. } => "put that file beside it, under the name that it has there",
            Self::Unexpected { .. } | Self::Broken { .. } | Self::Index { .. } | Self::NotFinite { .. } => {
                "export the file again from the program that made it"
            }
        }
    }
}

/// Reads a file; the ending of `name` says of which format.
pub fn read(name: &str, bytes: &[u8], beside: Beside<'_>) -> Result<ForeignMesh, ReadError> {
    let ending = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "stl" => stl::read(bytes),
        "obj" => obj::read(bytes, beside),
        "ply" => ply::read(bytes, beside),
        "glb" | "gltf" => glb::read(bytes, beside),
        "3mf" => threemf::read(bytes),
        "wrl" | "vrml" => wrl::read(bytes, beside),
        _ => Err(ReadError::UnknownFormat { name: name.to_string() }),
    }
}
