//! The options of `veduta print` that are about colours.

use crate::order::ColourOrder;
use crate::print::colour::adjust::Adjustment;
use clap::Args;
use std::path::PathBuf;

/// Colours.
#[derive(Debug, Args)]
pub struct ColourArgs {
    /// Filaments that the part is painted with, at most those that the printer has [default: all of them]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub filaments: Option<u32>,
    /// Colours at vertices instead of a texture, in 3MF, OBJ and PLY
    #[arg(long)]
    pub vertex_colours: bool,
    /// The printer's colour profile, for --proof [default: a generic one of its process]
    #[arg(long, value_name = "FILE")]
    pub icc: Option<PathBuf>,
    /// Show what the print will look like, and which colours it cannot have
    #[arg(long)]
    pub proof: bool,
    /// Lift shadows by so much lightness (0 to 30), for processes that print dark
    #[arg(long, default_value_t = 0.0, value_name = "L")]
    pub lift: f64,
    /// Multiply the saturation of colours (0 to 3), for processes that print dull
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub saturation: f64,
}

impl ColourArgs {
    /// As part of an order.
    pub fn order(&self) -> ColourOrder {
        ColourOrder {
            filaments: self.filaments,
            vertices: self.vertex_colours,
            icc: self.icc.clone(),
            proof: self.proof,
            adjustment: Adjustment { lift: self.lift, saturation: self.saturation },
        }
    }
}
