//! Printable parts: a piece of the city, put on a base, scaled, made solid, unfolded and coloured.
//!
//! In: a textured city in local metres. Out: a [`Part`]: one closed 2-manifold body with outward triangles in
//! millimetres that does not cross itself, its bottom at z = 0 and the lower left corner of its box at the origin, with
//! one texture page; sides and base are plain. Steps: [`body`] (the solid), [`settle`] (its coordinates), [`charts`]
//! (unfolding), [`bake`] (colours).

pub mod area;
mod bake;
mod body;
mod charts;
mod close;
mod error;
pub mod judge;
pub mod outline;
pub mod printer;
mod settle;
mod slivers;
pub mod solid;
mod thicken;
pub mod thickness;

pub use area::{Area, Rectangle, well_covered};
pub use bake::colour_at;
pub use body::{Frame, body};
pub use error::PrintError;
pub use settle::settle;
pub use thicken::{Thickened, thicken};

use crate::base::{Ctx, Diagnostic};
use crate::scene::{City, Part};
use solid::Solid;

/// What the part is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct PartOptions {
    /// The piece of ground; `None` takes the largest well-covered rectangle.
    pub area: Option<Area>,
    /// Size.
    pub size: PartSize,
    /// Whether one unit of the city is one metre.
    pub metric: bool,
    /// Millimetres of material below the lowest place of the surface; at least 2.
    pub base_mm: f64,
    /// How much heights are exaggerated.
    pub z_scale: f64,
    /// Thinnest wall in millimetres; `None` leaves walls as they are.
    pub wall_mm: Option<f64>,
    /// Sides of the printer's build volume in millimetres, in any order.
    pub build_mm: Option<[f64; 3]>,
    /// Most triangles.
    pub max_triangles: usize,
    /// Side of the square texture page in texels.
    pub page: usize,
    /// Colour of sides and base (sRGB).
    pub plain: [u8; 3],
    /// Title.
    pub title: String,
}

/// How large the part is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PartSize {
    /// 1:N.
    Scale(f64),
    /// Longest horizontal side in millimetres.
    LongestMm(f64),
}

impl Default for PartOptions {
    fn default() -> Self {
        Self {
            area: None,
            size: PartSize::LongestMm(150.0),
            metric: true,
            base_mm: 3.0,
            z_scale: 1.0,
            wall_mm: None,
            build_mm: None,
            max_triangles: 1_000_000,
            page: 2048,
            plain: [206, 204, 198],
            title: "city".into(),
        }
    }
}

/// A part, and what was done for it.
#[derive(Clone, Debug)]
pub struct Made {
    /// The part.
    pub part: Part,
    /// What was done to its walls.
    pub thickened: Option<Thickened>,
}

/// Makes the part.
pub fn make_part(ctx: &Ctx, city: &City, options: &PartOptions) -> Result<Made, PrintError> {
    let area = match &options.area {
        Some(area) => area.clone(),
        None => Area::Rectangle(well_covered(city)?),
    };
    let frame = Frame::new(city, &area, options)?;
    let flat = frame.rectangle.size * frame.mm_per_unit;
    check_size([flat.x, flat.y, options.base_mm], options)?;
    let mut budget = options.max_triangles * 19 / 20;
    let (body, thickened) = loop {
        let (body, thickened) = shaped(ctx, city, &frame, options, budget)?;
        if body.photo.len() <= options.max_triangles || budget < 16 {
            break (body, thickened);
        }
        // Walls, bottom and what thickening adds have triangles too; leave more room for them.
        budget = budget * options.max_triangles / body.photo.len() * 19 / 20;
    };
    if let Some((low, high)) = body.mesh.bounds() {
        check_size((high - low).into(), options)?;
    }
    Ok(Made { part: colour(ctx, city, &frame, options, &body)?, thickened })
}

/// The settled body with walls as thick as asked for.
fn shaped(
    ctx: &Ctx,
    city: &City,
    frame: &Frame,
    options: &PartOptions,
    budget: usize,
) -> Result<(Solid, Option<Thickened>), PrintError> {
    let solid = settle(ctx, body(ctx, city, frame, budget)?)?;
    let Some(wall) = options.wall_mm else { return Ok((solid, None)) };
    let top = solid.mesh.bounds().map_or(0.0, |b| b.1.z);
    let prism = outline::prism(&frame.outline, 0.0, top + 2.0 * wall);
    let (solid, done) = thicken(ctx, solid, wall, &prism)?;
    Ok((solid, Some(done)))
}

/// Fails where a box fits into the build volume in no order of its sides.
fn check_size(size_mm: [f64; 3], options: &PartOptions) -> Result<(), PrintError> {
    let Some(mut build) = options.build_mm else { return Ok(()) };
    let mut sides = size_mm;
    sides.sort_by(f64::total_cmp);
    build.sort_by(f64::total_cmp);
    if sides.iter().zip(build).all(|(s, b)| *s <= b) {
        Ok(())
    } else {
        Err(PrintError::TooLarge { size_mm, build_mm: build })
    }
}

/// Unfolds and bakes the body.
fn colour(ctx: &Ctx, city: &City, frame: &Frame, options: &PartOptions, body: &Solid) -> Result<Part, PrintError> {
    let unfolding = charts::unfold(&body.mesh, &body.photo, options.page);
    let texel_mm = 1.0 / unfolding.density;
    ctx.report(Diagnostic::info(
        "part-texture",
        "",
        format!("one texel of the part's page is {texel_mm:.3} mm, {:.3} m of the city", texel_mm / frame.mm_per_unit),
    ));
    let texture = bake::bake(
        ctx,
        &bake::Surface { solid: body, unfolding: &unfolding },
        &bake::Page { side: options.page, plain: options.plain },
        city,
        frame.rectangle.size.max() * 0.05,
    )?;
    let side = options.page as f64;
    let uvs = unfolding.texels.iter().map(|c| c.map(|p| [(p.x / side) as f32, (p.y / side) as f32])).collect();
    Ok(Part {
        mesh: body.mesh.clone(),
        uvs,
        texture,
        scale_denominator: options.metric.then_some(1000.0 / frame.mm_per_unit),
        title: options.title.clone(),
    })
}

#[cfg(test)]
mod tests;
