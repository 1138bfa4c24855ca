//! Colours as printers take them: few filaments, colours by corner, pages at the printer's resolution, soft proofs.

pub mod above;
pub mod cells;
pub mod corners;
pub mod paint;
pub mod palette;
pub mod refine;
pub mod regions;
pub mod shown;
pub mod skin;

pub use paint::{PaintOptions, PaintReport, paint};
