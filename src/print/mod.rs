//! Printable parts: a piece of the city, put on a base, scaled, made solid, unfolded and coloured.
//!
//! In: a textured city in local metres. Out: a [`Part`]: one closed 2-manifold body with outward triangles in
//! millimetres that does not cross itself, its bottom at z = 0 and the lower left corner of its box at the origin, with
//! one texture page; sides and base are plain. Steps: [`Blank`] (the solid), `walls` (its thin walls), [`settle()`] (its coordinates), [`charts`]
//! (unfolding), [`bake`] and `texture` (colours).

pub mod area;
mod bake;
mod body;
pub mod cartography;
pub mod changes;
mod charts;
mod close;
pub mod colour;
mod decimate;
mod error;
pub mod foreign;
pub mod hollow;
pub mod judge;
mod level_set;
pub mod nearest;
mod options;
pub mod outline;
pub mod pack;
pub mod plinth;
pub mod printer;
pub mod quote;
pub mod repair;
pub mod settle;
pub mod shave;
pub mod slices;
mod slivers;
pub mod solid;
pub mod split;
pub mod text;
mod texture;
pub mod thicken;
pub mod thickness;
mod walls;

pub use area::{Area, Rectangle, well_covered};
pub use bake::colour_at;
pub use body::{Blank, Fineness, Frame};
pub use error::PrintError;
pub use options::{PartOptions, PartSize};
pub use settle::settle;

use crate::base::{Ctx, Diagnostic};
use crate::scene::{City, Mesh, Part};
use changes::Change;
use colour::above::Difference;
use decimate::without_crumbs;
use nalgebra::{Vector2, Vector3};
use nearest::Nearest;
use settle::settle_again;
use solid::Solid;
use split::{Cuts, Joint, Split};

/// One of the parts of a piece of a city.
#[derive(Clone, Debug)]
pub struct MadePiece {
    /// Its column and row, `A1`; empty where there is one piece.
    pub name: String,
    /// Its lower left corner in the whole, whose own origin is the lower left corner of the area's box.
    pub at: Vector3<f64>,
    /// It.
    pub part: Part,
    /// How its colours differ from the city's, seen from above.
    pub likeness: Difference,
}

/// The pieces, and what was done to single things of the whole.
#[derive(Clone, Debug, Default)]
pub struct MadePieces {
    /// At least one, where the area is not empty.
    pub pieces: Vec<MadePiece>,
    /// What the printer could not make as it was, in the whole's millimetres.
    pub changes: Vec<Change>,
}

/// Makes the part; where it is split, use [`make_parts`].
pub fn make_part(ctx: &Ctx, city: &City, options: &PartOptions) -> Result<Part, PrintError> {
    let whole = PartOptions { split: Split::None, ..options.clone() };
    let mut made = make_parts(ctx, city, &whole)?;
    made.pieces.pop().map(|p| p.part).ok_or(PrintError::NothingCovered)
}

/// Makes the parts.
pub fn make_parts(ctx: &Ctx, city: &City, options: &PartOptions) -> Result<MadePieces, PrintError> {
    let area = match &options.area {
        Some(area) => area.clone(),
        None => Area::Rectangle(well_covered(city)?),
    };
    let frame = Frame::new(city, &area, options)?;
    let flat = frame.outer_size();
    let limit = |size: [f64; 3]| if options.split == Split::None { check_size(size, options) } else { Ok(()) };
    // What cannot be made is said before the work.
    limit([flat.x, flat.y, frame.least_mm])?;
    split::grid(options.split, flat.push(frame.least_mm), options.build_mm)?;
    if options.plinth.is_some() {
        options.plinth.bodies(frame.rectangle.size * frame.mm_per_unit, options, -frame.rectangle.azimuth)?;
    }
    ctx.tick(0, 1)?;
    let nearest = Nearest::new(city);
    let mut budget = options.max_triangles * 19 / 20;
    let (whole, changes) = loop {
        let fineness = Fineness { triangles: budget, detail_mm: options.detail_mm };
        let blank = Blank::new(&ctx.portion(0.0, 0.2), (&nearest, &frame), fineness)?;
        let used = blank.solid().photo.len().min(budget);
        let (body, changes) = walls::thick_enough(&ctx.portion(0.2, 0.7), blank, (&frame, nearest.classes()), options)?;
        if body.photo.len() <= options.max_triangles || budget < 16 {
            break (with_plinth(ctx, body, &frame, options)?, changes);
        }
        // Walls, bottom and what was mended have triangles too; leave more room for them.
        budget = used * options.max_triangles / body.photo.len() * 19 / 20;
    };
    let Some((low, high)) = whole.mesh.bounds() else { return Ok(MadePieces::default()) };
    limit((high - low).into())?;
    let (columns, rows) = split::grid(options.split, high - low, options.build_mm)?;
    let wall_mm = options.reach.map_or(1.0, |r| r.wall_mm);
    let joint = Joint { wall_mm, base_mm: options.base_mm, shave: options.reach.is_some() };
    let cuts = Cuts { columns, rows, straight: options.split_straight };
    let pieces = split::split(&ctx.portion(0.7, 0.75), whole, cuts, joint)?;
    let (rest, n) = (ctx.portion(0.75, 1.0), pieces.len() as f64);
    let finished = |(i, piece): (usize, split::Piece)| {
        finished(&rest.portion(i as f64 / n, (i + 1) as f64 / n), &nearest, &frame, options, piece)
    };
    let pieces = pieces.into_iter().enumerate().map(finished).collect::<Result<_, _>>()?;
    Ok(MadePieces { pieces, changes })
}

/// The city on its plinth.
fn with_plinth(ctx: &Ctx, city: Solid, frame: &Frame, options: &PartOptions) -> Result<Solid, PrintError> {
    if !options.plinth.is_some() {
        return Ok(city);
    }
    let size = frame.rectangle.size * frame.mm_per_unit;
    let bodies = options.plinth.bodies(size, options, -frame.rectangle.azimuth)?;
    let body = solid::unite(ctx, &[&city, &bodies.added])?;
    solid::subtract(ctx, &body, &bodies.removed)
}

/// A piece made hollow, put on its grid, coloured.
fn finished(
    ctx: &Ctx,
    nearest: &Nearest,
    frame: &Frame,
    options: &PartOptions,
    piece: split::Piece,
) -> Result<MadePiece, PrintError> {
    let mut solid = piece.solid;
    let at = solid.mesh.bounds().map_or_else(Vector3::zeros, |b| b.0);
    solid.mesh.vertices.iter_mut().for_each(|v| *v -= at);
    if let Some(how) = options.hollow {
        let (shell, done) = hollow::hollow(&ctx.portion(0.0, 0.3), solid, how)?;
        solid = shell;
        if done.removed_mm3 > 0.0 {
            let text = format!(
                "{} made hollow: {:.1} cm3 taken out of {} voids, with {} drain holes and {} ribs",
                piece.name,
                done.removed_mm3 / 1000.0,
                done.voids,
                done.holes,
                done.ribs
            );
            ctx.report(Diagnostic::info("part-hollow", "", text.trim().to_string()));
        }
    }
    let own = |ring: &[Vector2<f64>]| ring.iter().map(|p| p - at.xy()).collect::<Vec<_>>();
    // A plinth goes on around the area.
    let ring = if options.plinth.is_some() { Vec::new() } else { own(&frame.outline) };
    let mut body = settle_again(ctx, solid, &Mesh::default(), &ring)?;
    let rings = [own(&frame.outline), own(&piece.ring)];
    let rings: Vec<&[Vector2<f64>]> = rings.iter().filter(|r| !r.is_empty()).map(Vec::as_slice).collect();
    if let Some(reach) = options.reach {
        body = without_crumbs(body, walls::crumb_mm3(reach.wall_mm));
        body = walls::last_look(&ctx.portion(0.3, 0.8), body, &rings, &ring, reach)?;
    }
    body::plain_at_cuts(&mut body, &rings);
    if let Some((low, high)) = body.mesh.bounds() {
        check_size((high - low).into(), options)?;
    }
    let (mut part, likeness) = texture::coloured(&ctx.portion(0.8, 1.0), nearest, (frame, at), options, &body)?;
    if !piece.name.is_empty() {
        part.title = format!("{} {}", part.title, piece.name);
    }
    Ok(MadePiece { name: piece.name, at, part, likeness })
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

#[cfg(test)]
mod tests;
