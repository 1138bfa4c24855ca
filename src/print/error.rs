//! What can go wrong while a part is made, with what to do next.

use crate::base::Cancelled;
use crate::mesh::MeshError;

/// The part could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PrintError {
    /// Stopped by the user.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
    /// The surface could not be simplified.
    #[error(transparent)]
    Mesh(MeshError),
    /// The city has no surface that photos saw from above.
    #[error("no photo saw enough of the city's surface to cut a rectangle from it")]
    NothingCovered,
    /// 1:N needs metres.
    #[error("the scale 1:{denominator} cannot be kept: the city has no known scale (its photos have no GPS)")]
    ScaleUnknown {
        /// The N asked for.
        denominator: f64,
    },
    /// The area holds no surface.
    #[error("the area of {width:.1} x {height:.1} m holds no part of the city")]
    EmptyArea {
        /// Width of the area in metres.
        width: f64,
        /// Height of the area in metres.
        height: f64,
    },
    /// The area reaches beyond the surface.
    #[error("{:.1} % of the area has no surface; at most {:.1} % may be missing", share * 100.0, limit * 100.0)]
    AreaOutside {
        /// Share of the area without surface.
        share: f64,
        /// Largest share.
        limit: f64,
    },
    /// The area is no area.
    #[error("the area's outline {fault}")]
    Outline {
        /// What is wrong, as the end of the sentence.
        fault: String,
    },
    /// A size without sense.
    #[error("{what} is {value}; it must be {limit}")]
    Absurd {
        /// Which option.
        what: &'static str,
        /// Its value.
        value: f64,
        /// What it may be.
        limit: &'static str,
    },
    /// A text that the printer blurs.
    #[error("letters of {height_mm:.1} mm are smaller than the {limit_mm:.1} mm that the printer makes readable")]
    SmallText {
        /// Height of the capitals.
        height_mm: f64,
        /// Least height.
        limit_mm: f64,
    },
    /// A thin base breaks.
    #[error("a base of {base_mm} mm is thinner than the 2 mm that printers need")]
    ThinBase {
        /// The thickness asked for.
        base_mm: f64,
    },
    /// The part is larger than the printer.
    #[error("the part of {:.1} x {:.1} x {:.1} mm does not fit into the build volume of {:.0} x {:.0} x {:.0} mm",
        size_mm[0], size_mm[1], size_mm[2], build_mm[2], build_mm[1], build_mm[0])]
    TooLarge {
        /// Sides of the part.
        size_mm: [f64; 3],
        /// Sides of the build volume, shortest first.
        build_mm: [f64; 3],
    },
    /// A part stands on the tray in no way.
    #[error("{part} of {:.1} x {:.1} x {:.1} mm does not fit upright on the tray of {:.0} x {:.0} x {:.0} mm, turned or not",
        size_mm[0], size_mm[1], size_mm[2], tray_mm[0], tray_mm[1], tray_mm[2])]
    OffTray {
        /// Name of the part.
        part: String,
        /// Its sides.
        size_mm: [f64; 3],
        /// Width, depth and height of the tray.
        tray_mm: [f64; 3],
    },
    /// A mesh without a surface that could bound a body.
    #[error("the mesh cannot become a body: {fault}")]
    NoSurface {
        /// What is wrong.
        fault: String,
    },
    /// A sheet that encloses nothing.
    #[error("{:.0} % of the surface is an open sheet that encloses nothing: a border of {edges} edges around {:.1} {:.1} {:.1}, \
        {:.1} x {:.1} x {:.1} mm across", share * 100.0, at[0], at[1], at[2], across[0], across[1], across[2])]
    OpenSheet {
        /// Edges of its longest border.
        edges: usize,
        /// The middle of that border in millimetres.
        at: [f64; 3],
        /// Its extent.
        across: [f64; 3],
        /// Share of all area that belongs to such sheets.
        share: f64,
    },
    /// Faults are left after repair.
    #[error("the mesh could not be repaired: {fault} are left")]
    NotRepaired {
        /// What is left.
        fault: String,
    },
    /// Nobody says what it costs.
    #[error("the printer profile {printer} has no price")]
    NoPrice {
        /// The profile.
        printer: String,
    },
    /// Nothing can be had for so little.
    #[error(
        "nothing can be had for {budget:.2} with {printer}: a part of {longest_mm:.0} mm costs {least:.2}, or fits into it in no way"
    )]
    NothingForBudget {
        /// The budget.
        budget: f64,
        /// Price of the cheapest part that was looked at, with its uncertainty.
        least: f64,
        /// Its longest side.
        longest_mm: f64,
        /// The profile.
        printer: String,
    },
    /// The bundled font cannot be used.
    #[error("the bundled font cannot be read: {fault}")]
    Font {
        /// What is wrong.
        fault: String,
    },
    /// Characters without a letter.
    #[error("the font has no letter for {missing}")]
    MissingGlyphs {
        /// Which, with their code points.
        missing: String,
    },
    /// Nothing to be seen.
    #[error("the text has no letter that leaves ink")]
    EmptyText,
    /// A text wider than its place.
    #[error(
        "the text \"{text}\" does not fit: {width_mm:.1} mm of {most_mm:.1} mm at a letter height of {height_mm:.1} mm; {fitting_mm:.1} mm would fit"
    )]
    TextTooWide {
        /// Which text.
        text: String,
        /// Its width.
        width_mm: f64,
        /// The width that there is.
        most_mm: f64,
        /// Letter height.
        height_mm: f64,
        /// Largest letter height that fits.
        fitting_mm: f64,
    },
    /// The solid geometry could not be computed.
    #[error("the solid could not be computed: {reason}")]
    Engine {
        /// What the engine says.
        reason: String,
    },
    /// The surface still crosses itself.
    #[error("the surface still crosses itself in {pairs} places after {rounds} rounds of repair")]
    Crossing {
        /// Pairs of triangles.
        pairs: usize,
        /// Rounds.
        rounds: usize,
    },
}

impl PrintError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Cancelled(_) => "the same command goes on where this run stopped",
            Self::Mesh(e) => e.hint(),
            Self::NothingCovered => "check in the report how many photos overlap, and add photos that look down",
            Self::ScaleUnknown { .. } => "give the size in millimetres instead: --size-mm 150",
            Self::EmptyArea { .. } => "choose an area inside the city's bounds, which `veduta info` shows",
            Self::AreaOutside { .. } => "make the area smaller or move it: `veduta info` shows the city's bounds",
            Self::Outline { .. } => "draw it again: one ring of at least three corners that does not cross itself",
            Self::Absurd { .. } => "give another value",
            Self::SmallText { .. } => "make the letters higher, or leave their height to the program",
            Self::ThinBase { .. } => "choose a base of at least 2 mm",
            Self::TooLarge { .. } => {
                "choose a smaller --size-mm or --scale, a smaller area, a larger printer, or --split auto"
            }
            Self::OffTray { .. } => "choose a smaller --size-mm or --scale, a larger printer, or --split auto",
            Self::NoSurface { .. } => "check what the program that wrote it exported",
            Self::OpenSheet { .. } => {
                "give --base-mm for a terrain, which gets walls down to a level base; otherwise close or thicken the sheet"
            }
            Self::NotRepaired { .. } => "mend those places in a modelling program, or export it again",
            Self::NoPrice { .. } => "give the price of a cm3: --price-cm3",
            Self::NothingForBudget { .. } => "raise the budget, take a thinner base or a printer with a lower price",
            Self::Font { .. } => "please report this",
            Self::MissingGlyphs { .. } => "write it in one line of Latin, Greek or Cyrillic letters",
            Self::EmptyText => "give at least one letter, or leave the text out",
            Self::TextTooWide { .. } => "shorten the text, make its letters lower, or the part larger",
            Self::Engine { .. } | Self::Crossing { .. } => {
                "please report this with the project; another --quality or area may avoid it"
            }
        }
    }
}

impl From<MeshError> for PrintError {
    fn from(e: MeshError) -> Self {
        match e {
            MeshError::Cancelled(c) => Self::Cancelled(c),
            e => Self::Mesh(e),
        }
    }
}
