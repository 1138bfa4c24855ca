//! Printable parts: a piece of the city, put on a base, scaled, made solid, unfolded and coloured.
//!
//! In: a textured city in local metres. Out: a [`Part`]: one closed 2-manifold body with outward triangles in
//! millimetres that does not cross itself, its bottom at z = 0 and the lower left corner of its box at the origin, with
//! one texture page; sides and base are plain. Steps: [`Blank`] (the solid), [`thicken`] (its thin walls), [`settle()`] (its coordinates), [`charts`]
//! (unfolding), [`bake`] (colours).

pub mod area;
mod bake;
mod body;
pub mod cartography;
mod charts;
mod close;
mod error;
pub mod foreign;
pub mod judge;
pub mod level_set;
pub mod outline;
pub mod printer;
pub mod quote;
pub mod repair;
mod settle;
mod slivers;
pub mod solid;
pub mod text;
pub mod thicken;
pub mod thickness;

pub use area::{Area, Rectangle, well_covered};
pub use bake::colour_at;
pub use body::{Blank, Frame};
pub use error::PrintError;
pub use settle::settle;

use crate::base::{Ctx, Diagnostic};
use crate::scene::{City, Part};
use serde::{Deserialize, Serialize};
use solid::Solid;
use thicken::Reach;

/// Most passes of thickening after the cut.
const PASSES: usize = 2;
/// So much thin surface, in square millimetres, is left.
const ENOUGH_MM2: f64 = 1.0;

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
    /// Thinnest wall and smallest gap that the printer makes: thinner ones are thickened, narrower ones filled.
    pub reach: Option<Reach>,
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
            reach: None,
            build_mm: None,
            max_triangles: 1_000_000,
            page: 2048,
            plain: [206, 204, 198],
            title: "city".into(),
        }
    }
}

/// Makes the part.
pub fn make_part(ctx: &Ctx, city: &City, options: &PartOptions) -> Result<Part, PrintError> {
    let area = match &options.area {
        Some(area) => area.clone(),
        None => Area::Rectangle(well_covered(city)?),
    };
    let frame = Frame::new(city, &area, options)?;
    let flat = frame.rectangle.size * frame.mm_per_unit;
    check_size([flat.x, flat.y, options.base_mm], options)?;
    let mut budget = options.max_triangles * 19 / 20;
    let body = loop {
        let blank = Blank::new(ctx, city, &frame, budget)?;
        let body = settle(ctx, thick_enough(ctx, &blank, &frame, options)?)?;
        if body.photo.len() <= options.max_triangles || budget < 16 {
            break body;
        }
        // Walls and bottom have triangles too; leave more room for them.
        budget = budget * options.max_triangles / body.photo.len() * 19 / 20;
    };
    if let Some((low, high)) = body.mesh.bounds() {
        check_size((high - low).into(), options)?;
    }
    colour(ctx, city, &frame, options, &body)
}

/// The body with its thin walls thickened: those of the uncut surface first, then what the cut left thin.
fn thick_enough(ctx: &Ctx, blank: &Blank, frame: &Frame, options: &PartOptions) -> Result<Solid, PrintError> {
    let Some(reach) = options.reach else { return blank.cut(ctx, &Solid::default()) };
    let first = thicken::lack(ctx, &blank.solid().mesh, &frame.outline, reach)?;
    ctx.report(Diagnostic::info(
        "part-thickened",
        "",
        format!(
            "{:.0} mm2 of the surface was thinner than {} mm and was thickened; {:.0} mm2 faced a gap below {} mm, which was \
             filled",
            first.thin_mm2, reach.wall_mm, first.narrow_mm2, reach.gap_mm
        ),
    ));
    let mut balls = first.balls;
    let mut body = blank.cut(ctx, &thicken::solid(ctx, &balls, blank.solid(), reach)?)?;
    for _ in 0..PASSES {
        let lack = thicken::lack(ctx, &body.mesh, &frame.outline, reach)?;
        if lack.thin_mm2 + lack.narrow_mm2 < ENOUGH_MM2 {
            break;
        }
        balls.extend(lack.balls);
        body = blank.cut(ctx, &thicken::solid(ctx, &balls, blank.solid(), reach)?)?;
    }
    Ok(body)
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
