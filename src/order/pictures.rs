//! Pictures of parts, drawn by the processor: thumbnails, and one from each side.

use crate::formats::textured::{jpeg, part_as_city};
use crate::image::Rgb8;
use crate::scene::Part;
use crate::texture::render::{Camera, FILLED, Orthophoto, RenderOptions, dsm_and_ortho, render_city};

/// A picture with its caption.
pub struct Picture {
    /// What it shows.
    pub caption: String,
    /// JPEG bytes.
    pub jpeg: Vec<u8>,
}

/// Caption of the picture from above.
pub const FROM_ABOVE: &str = "From above";

/// Names and captions of the pictures; heading of the view and height of the eye in degrees.
const VIEWS: [(&str, &str, f64, f64); 6] = [
    ("south", "From the south", 0.0, 35.0),
    ("east", "From the east", 270.0, 35.0),
    ("north", "From the north", 180.0, 35.0),
    ("west", "From the west", 90.0, 35.0),
    ("above", FROM_ABOVE, 0.0, 90.0),
    ("below", "From below", 180.0, -50.0),
];
const SIZE: (u32, u32) = (960, 720);

/// A part seen from the south-west, for thumbnails.
pub fn part_picture(part: &Part, size: (u32, u32)) -> Rgb8 {
    part_from(part, 25f64.to_radians(), 40f64.to_radians(), size)
}

/// A part seen along a heading, from a height above (or below) the horizon; both in radians.
pub fn part_from(part: &Part, azimuth: f64, elevation: f64, size: (u32, u32)) -> Rgb8 {
    let city = part_as_city(part);
    let options = RenderOptions { background: [255; 3], shading: 0.25, cavities: 0.4, ..RenderOptions::default() };
    match city.mesh.bounds() {
        Some(bounds) => render_city(&city, &Camera::overview(bounds, azimuth, elevation, size), &options).0,
        None => Rgb8::filled(size.0 as usize, size.1 as usize, [255; 3]),
    }
}

/// Size of the picture from above of a part of this width and depth, and its pixels for each millimetre.
pub fn from_above_scale(flat_mm: [f64; 2]) -> ([f64; 2], f64) {
    let size = [f64::from(SIZE.0), f64::from(SIZE.1)];
    (size, (size[0] / flat_mm[0]).min(size[1] / flat_mm[1]) * FILLED)
}

/// A part straight from above, with its heights, at so many millimetres for a pixel.
pub fn from_above(part: &Part, mm: f64) -> Orthophoto {
    let (low, high) = part.mesh.bounds().unwrap_or_default();
    dsm_and_ortho(&part_as_city(part), [low.x, low.y, high.x, high.y], mm, &RenderOptions::default())
}

/// Pictures of a part from all sides, with the word for the side.
pub fn from_all_sides(part: &Part) -> Vec<(&'static str, Picture)> {
    let draw = |(name, caption, azimuth, height): &(&'static str, &'static str, f64, f64)| {
        let image = part_from(part, azimuth.to_radians(), height.to_radians(), SIZE);
        let jpeg = jpeg(&image, 88).ok()?;
        Some((*name, Picture { caption: (*caption).into(), jpeg }))
    };
    VIEWS.iter().filter_map(draw).collect()
}
