//! The arguments that say how large a part is.

use clap::Args;

/// Scale and heights of a part.
#[derive(Debug, Args)]
pub struct SizeArgs {
    /// Scale, for example 1:1000
    #[arg(long, value_name = "1:N", value_parser = super::args::parse_scale, conflicts_with = "size_mm")]
    pub scale: Option<f64>,
    /// Longest horizontal side in millimetres [default: 150]
    #[arg(long, value_name = "MM", value_parser = super::args::parse_size_mm)]
    pub size_mm: Option<f64>,
    /// Exaggeration of heights
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub z_scale: f64,
    /// Material below the lowest place of the surface in millimetres
    #[arg(long, default_value_t = 3.0, value_name = "MM")]
    pub base_mm: f64,
}

impl SizeArgs {
    /// The longest side where no scale is given.
    pub fn longest_mm(&self) -> f64 {
        self.size_mm.unwrap_or(150.0)
    }
}
