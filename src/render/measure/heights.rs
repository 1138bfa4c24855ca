//! The highest point of a surface above places on the map.
//!
//! In: a surface, a place. Out: its height, `None` where there is nothing.

use crate::mesh::bvh::Bvh;
use nalgebra::Vector3;

/// Heights between which a surface is looked for; a ray from above starts at the first.
pub(super) fn span(surface: &Bvh) -> Option<(f64, f64)> {
    surface.bounds().map(|b| (b.high.z + 1.0, b.low.z - 1.0))
}

/// The height of the surface above a place.
pub(super) fn height(surface: &Bvh, (top, bottom): (f64, f64), x: f64, y: f64) -> Option<f64> {
    let hit = surface.cast(&Vector3::new(x, y, top), &-Vector3::z(), 0.0, top - bottom)?;
    Some(hit.point.z)
}
