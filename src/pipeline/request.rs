//! What a person asks for: the same request from the command line, the window and a test.

use serde::{Deserialize, Serialize};

/// The stages of the main job, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum StageName {
    /// Photos and their metadata.
    Ingest,
    /// Features of each photo.
    Features,
    /// Putative matches between photos.
    Match,
    /// Two-view geometry.
    Verify,
    /// Camera poses and sparse points.
    Sparse,
    /// Depth maps.
    Depth,
    /// Fused points.
    Fuse,
    /// Textured mesh.
    City,
    /// Printable solid.
    Part,
}

impl StageName {
    /// All of them, in order.
    pub const ALL: [Self; 9] = [
        Self::Ingest,
        Self::Features,
        Self::Match,
        Self::Verify,
        Self::Sparse,
        Self::Depth,
        Self::Fuse,
        Self::City,
        Self::Part,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Features => "features",
            Self::Match => "match",
            Self::Verify => "verify",
            Self::Sparse => "sparse",
            Self::Depth => "depth",
            Self::Fuse => "fuse",
            Self::City => "city",
            Self::Part => "part",
        }
    }
}

/// How much work to put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Quality {
    /// A look at the flight: small pictures, coarse surface.
    Draft,
    /// Depth maps of half resolution: what a print needs.
    Normal,
    /// Depth maps of full resolution.
    High,
}

impl Quality {
    /// Longest side in pixels that features are detected at.
    pub fn feature_size(self) -> u32 {
        match self {
            Self::Draft => 1200,
            Self::Normal => 2400,
            Self::High => 4000,
        }
    }

    /// Features kept for each photo.
    pub fn feature_count(self) -> usize {
        match self {
            Self::Draft => 4000,
            Self::Normal => 8000,
            Self::High => 12000,
        }
    }

    /// Longest side in pixels of the depth maps of photos with the given longest side.
    pub fn depth_size(self, photo_size: u32) -> u32 {
        match self {
            Self::Draft => (photo_size / 3).min(800),
            Self::Normal => (photo_size / 2).clamp(photo_size.min(720), 1600),
            Self::High => photo_size.min(3200),
        }
    }
}

/// How large the part is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrintSize {
    /// 1:N. Needs a city of known scale.
    Scale(f64),
    /// Longest horizontal side in millimetres.
    LongestMm(f64),
}

/// One run of the main job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Last stage to bring up to date.
    pub until: StageName,
    /// How much work to put in.
    pub quality: Quality,
    /// Size of the part.
    pub size: PrintSize,
    /// Seed of everything random.
    pub seed: u64,
    /// Title of the part and the report.
    pub title: String,
}

impl Default for RunRequest {
    fn default() -> Self {
        Self {
            until: StageName::Part,
            quality: Quality::Normal,
            size: PrintSize::LongestMm(150.0),
            seed: 1,
            title: "city".into(),
        }
    }
}
