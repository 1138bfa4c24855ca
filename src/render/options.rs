//! What the 3D view shows, and how: plain values that a window or a command sets.

use super::clip::ClipBox;
use crate::base::PhotoId;

/// How faces and points look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shading {
    /// The texture, or the points' colours, as they are.
    #[default]
    Texture,
    /// One colour in the light.
    Clay,
    /// The direction of the surface as a colour.
    Normals,
    /// How many photos see each triangle or point, see [`super::VIEW_CLASSES`].
    Views,
    /// The height by a colour map, see [`super::COLOUR_MAP`].
    Height,
    /// What each triangle is, see [`super::SURFACE_COLOURS`]; points have no classes and keep their colours.
    Classes,
    /// The confidence of the points by the same map; faces have none and keep their texture.
    Confidence,
}

/// What is shown, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Whether the sparse points are shown.
    pub sparse: bool,
    /// Whether the fused points are shown.
    pub dense: bool,
    /// Whether the city is shown.
    pub city: bool,
    /// Whether the part is shown; its millimetres are its own world, so show it alone.
    pub part: bool,
    /// Whether the photos' pyramids are shown.
    pub photos: bool,
    /// Whether lines from the measured to the adjusted camera centres are shown.
    pub residuals: bool,
    /// Whether the polylines are shown.
    pub polylines: bool,
    /// The photo whose pyramid stands out.
    pub highlight: Option<PhotoId>,
    /// Look of faces and points.
    pub shading: Shading,
    /// Whether the edges of the triangles are drawn upon them.
    pub wireframe: bool,
    /// Smallest size of points in pixels; they grow where there is no time for all of them.
    pub point_px: f32,
    /// Most points of each cloud that are drawn.
    pub point_budget: usize,
    /// Only what is inside is shown and picked.
    pub clip: Option<ClipBox>,
    /// Colour behind everything (sRGB).
    pub background: [u8; 3],
    /// Whether nothing is behind everything: pictures that are read are transparent there.
    pub transparent: bool,
}

impl Options {
    pub(super) fn for_adapter(slow: bool) -> Self {
        Self {
            sparse: true,
            dense: true,
            city: true,
            part: false,
            photos: true,
            residuals: false,
            polylines: true,
            highlight: None,
            shading: Shading::Texture,
            wireframe: false,
            point_px: 2.0,
            point_budget: if slow { 500_000 } else { 12_000_000 },
            clip: None,
            background: [38, 41, 46],
            transparent: false,
        }
    }
}
