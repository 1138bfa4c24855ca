//! Veduta turns the photographs of one flight into a textured city that a colour 3D printer can make.
//!
//! ```text
//! photos -> features -> matches -> sparse -> depth -> fused points -> city -> part -> files
//! ```
//!
//! The modules below stand in reading order, lower layers first; each imports only from layers above it in this list
//! (`tests/tidy.rs` holds the table and enforces it). `ARCHITECTURE.md` has the bird's-eye view and the invariants.

// Layer 1: words that everything uses.
pub mod base;
// Layer 2: pure mathematics and pixels.
pub mod camera;
pub mod geometry;
pub mod image;
// Layer 3: data without behaviour, and file formats over `Read`/`Write`.
pub mod formats;
pub mod scene;
// Layer 4: the GPU, without domain words.
pub mod gpu;
// Layer 5: the methods.
pub mod bundle;
pub mod classify;
pub mod dense;
pub mod evaluate;
pub mod features;
pub mod flight;
pub mod georef;
pub mod matching;
pub mod mesh;
pub mod print;
pub mod sfm;
pub mod synthetic;
pub mod texture;
// Layer 6: the project on disk.
pub mod project;
// Layer 7: stages and the runner.
pub mod pipeline;
// Layer 8: print orders, and the 3D view, without a window.
pub mod order;
pub mod render;
// Layer 9: what a person types.
pub mod cli;

pub mod app;
