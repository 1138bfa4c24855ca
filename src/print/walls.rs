//! Walls and gaps of a body as the printer asks for: gaps are filled first; then low protrusions and what the border cuts
//! through are shaved ([`super::shave`]), tall things thickened ([`super::thicken`]), and what would be lost of cars made
//! as wide as a wall.
//!
//! In: the uncut [`Blank`]. Out: the body over the area, and what was done to which things. Each pass measures what the
//! last left, near what was thin at first, and makes the body anew from the blank; specks that shaving leaves at concave
//! corners are buried. It ends when less than [`ENOUGH_MM2`] stands out thin.
//! [`last_look`] buries what cuts, pegs and rounding left of it in a finished piece.

use super::body::{Blank, Frame};
use super::changes::{Act, Change, group};
use super::decimate::without_crumbs;
use super::judge::{connected, patch_mm2};
use super::level_set::Ball;
use super::nearest::Classes;
use super::outline::{self, prism};
use super::settle::{grid, is_tangle, settle_again, settle_soon};
use super::shave::{self, Shaver, StandsOut};
use super::solid::{Solid, cut, with};
use super::thicken::{self, Lack, Noise, Reach, Vicinity};
use super::{PartOptions, PrintError};
use crate::base::{Ctx, Diagnostic};
use crate::scene::SurfaceClass;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

/// Most passes that shave and thicken.
const SHAVING: usize = 3;
/// Less than this share of what was thin at first is no longer shaved but buried.
const SPECKS: f64 = 0.03;
/// The same for bodies of more than [`MANY`] triangles, where a pass takes a minute.
const SPECKS_OF_MANY: f64 = 0.06;
const MANY: usize = 200_000;
/// Share of the base in which nothing is shaved.
const WHOLE: f64 = 0.75;
/// Where the thinnest wall is no wider than this in the city, in metres, cars are kept: about two cars side by side.
const CARS_M: f64 = 3.2;
/// What would be shaved off a car by more than this, in metres, is made wider instead: most of its height.
const LOST_M: f64 = 1.0;
/// How far, in thinnest walls, the surface is simplified after each change, which leaves needles along its border.
const SIMPLER: f64 = 0.01;
/// How far apart in the city, in thinnest walls of the part, the colours on both sides of an edge are that must not mix.
const SEAM: f64 = 0.2;
/// So much thin surface, in square millimetres, is left.
const ENOUGH_MM2: f64 = 0.1;
/// Thin places that are closer than this, in thinnest walls, are one thing.
const ONE_THING: f64 = 0.25;

/// How far from thin places, in thinnest walls, mending them changes the surface at most.
const CHANGES: f64 = 3.0;

/// A shell of less volume, in cubes of the thinnest wall, is a crumb.
const CRUMB: f64 = 0.1;

/// Most times that a finished piece is mended.
const LOOKS: usize = 2;
/// How far inside the border, in millimetres, what is added to a finished piece ends: in the plane of the border; or beside
/// it, where that makes slivers that cannot be ended, since settling moved the border there.
const INSIDE: [f64; 2] = [0.0, 0.03];
/// A piece is mended where its largest thin patch has this share of what the judge calls a fault.
const LARGE: f64 = 0.5;

/// The body over the area without narrow gaps and thin walls.
pub fn thick_enough(
    ctx: &Ctx,
    mut blank: Blank,
    (frame, classes): (&Frame, Classes),
    options: &PartOptions,
) -> Result<(Solid, Vec<Change>), PrintError> {
    let none = Solid::default();
    let mut body = blank.cut(ctx)?;
    let Some(reach) = options.reach else { return Ok((body, Vec::new())) };
    let mut shaver = Shaver::new(reach.wall_mm, frame.base_mm * WHOLE, &frame.outline);
    let mut lack = Lack::default();
    let away = shave::away_from_border(&frame.outline, reach.wall_mm);
    let before = thicken::lack(&ctx.portion(0.0, 0.2), &body.mesh, &frame.outline, reach, Noise::Counts)?;
    let without_gaps = Reach { gap_mm: 0.0, ..reach };
    let mut left = before.walls.clone();
    if before.narrow_mm2 > ENOUGH_MM2 {
        blank = blank.changed(ctx, &none, &thicken::filling(ctx, &before, blank.solid(), reach)?)?;
        body = blank.cut(ctx)?;
        left = thicken::lack(&ctx.portion(0.2, 0.3), &body.mesh, &frame.outline, without_gaps, Noise::Counts)?.walls;
    }
    // All that changes from here on is near what is thin now.
    let near = Vicinity::new(&left, CHANGES * reach.wall_mm);
    let place = (frame.outline.as_slice(), &near);
    let measured = |ctx: &Ctx, body: &Solid, shaver: &Shaver| -> Result<Vec<Ball>, PrintError> {
        let noise = Noise::IsLeftBy(shaver.inscribed());
        Ok(thicken::lack_near(ctx, &body.mesh, place, without_gaps, noise)?.walls)
    };
    let is_enough = |thin: &[Ball]| (thin.len() as f64) * thicken::sample_mm2(reach.wall_mm) < ENOUGH_MM2;
    let (max_error, seam) = (reach.wall_mm * SIMPLER, reach.wall_mm * SEAM / frame.mm_per_unit);
    // Only cities of known scale have classes.
    let is_car = |ball: &Ball| {
        let class = || classes.at(&frame.city_from_part(&ball.centre));
        reach.wall_mm <= CARS_M * frame.mm_per_unit && class() == Some(SurfaceClass::Car)
    };
    let mut mended = blank.clone();
    let mut cars = Vec::new();
    let first = left.len() as f64;
    for pass in 0..SHAVING {
        let ctx = &ctx.portion(0.3 + 0.2 * pass as f64, 0.5 + 0.2 * pass as f64);
        ctx.tick(0, 1)?;
        let specks = if body.photo.len() > MANY { SPECKS_OF_MANY } else { SPECKS };
        if is_enough(&left) || (pass > 0 && (left.len() as f64) < specks * first) {
            break;
        }
        let is_lost = |ball: &Ball, how: StandsOut| how.by(ball) > LOST_M * frame.mm_per_unit;
        let keeps = |ball: &Ball, how: StandsOut| away(ball) && (how.is_tall || (is_car(ball) && is_lost(ball, how)));
        let kept = shaver.add(ctx, &body, &left, keeps)?;
        // A car would be too high if it were thickened around its middle.
        let (on_cars, others): (Vec<Ball>, Vec<Ball>) = kept.par_iter().partition(|ball| is_car(ball));
        lack.burrs.extend(thicken::sunk(&on_cars, &body.mesh, reach));
        cars.extend(on_cars);
        lack.walls.extend(others);
        let added = thicken::solid(ctx, &lack, &frame.outline, blank.solid(), reach)?;
        let tool = shaver.tool(ctx, blank.solid())?;
        mended = blank.changed(ctx, &tool, &added)?.decimated(ctx, max_error, seam)?;
        body = mended.cut(ctx)?;
        left = measured(&ctx.portion(0.8, 1.0), &body, &shaver)?;
    }
    // What shaving leaves is small: it is buried where it is.
    if !is_enough(&left) {
        ctx.tick(9, 10)?;
        let burrs = Lack { burrs: thicken::buried(&left, &body, reach), ..Lack::default() };
        let added = thicken::solid(ctx, &burrs, &frame.outline, mended.solid(), reach)?;
        mended = mended.changed(ctx, &none, &added)?.decimated(ctx, max_error, seam)?;
        body = mended.cut(ctx)?;
    }
    let kept = [lack.walls, cars].concat();
    let text = format!(
        "{:.0} mm2 of the surface was thinner than {} mm: {:.0} % of it, what stands out, was thickened, the rest shaved; \
         {:.0} mm2 faced a gap below {} mm, which was filled",
        before.thin_mm2,
        reach.wall_mm,
        100.0 * kept.len() as f64 / (kept.len() + shaver.shaved.len()).max(1) as f64,
        before.narrow_mm2,
        reach.gap_mm
    );
    ctx.report(Diagnostic::info("part-thickened", "", text));
    let (side, square) = (ONE_THING * reach.wall_mm, thicken::sample_mm2(reach.wall_mm));
    let things = [(&kept, Act::Thickened), (&shaver.shaved, Act::Shaved), (&before.gaps, Act::Filled)];
    let changes = things.map(|(balls, act)| group(balls, act, (classes, frame), side, square));
    let mut changes = changes.concat();
    changes.sort_by(|a, b| b.area_mm2.total_cmp(&a.area_mm2));
    Ok((body, changes))
}

/// A settled piece without thin patches: what shaving, cuts, pegs and rounding left of them is buried. `rings` enclose
/// what may be added, `ring` the piece, if it is not empty.
pub fn last_look(
    ctx: &Ctx,
    mut body: Solid,
    rings: &[&[Vector2<f64>]],
    ring: &[Vector2<f64>],
    reach: Reach,
) -> Result<Solid, PrintError> {
    let (Some(&area), Some((low, high))) = (rings.first(), body.mesh.bounds()) else { return Ok(body) };
    let reach = Reach { gap_mm: 0.0, ..reach };
    let square = thicken::sample_mm2(reach.wall_mm);
    // The plane of the border is where the settled body has it.
    let grid = grid(body.mesh.vertices.iter().map(|v| v.amax()).fold(0.0, f64::max));
    let round = |p: Vector2<f64>| p.map(|x| (x * grid).round() / grid);
    let mut before = f64::INFINITY;
    let mut last = body.clone();
    let mut near: Option<Vicinity> = None;
    for pass in 0..=LOOKS {
        let share = |pass: usize| pass as f64 / (LOOKS + 1) as f64;
        let ctx = &ctx.portion(share(pass), share(pass + 1));
        let thin = match &near {
            None => thicken::lack(ctx, &body.mesh, area, reach, Noise::IsLeft)?.walls,
            Some(near) => thicken::lack_near(ctx, &body.mesh, (area, near), reach, Noise::IsLeft)?.walls,
        };
        let patches = patches(&thin, reach.wall_mm);
        near.get_or_insert_with(|| Vicinity::new(&patches, CHANGES * reach.wall_mm));
        let left = patches.len() as f64 * square;
        if left >= before {
            return Ok(last);
        }
        if patches.is_empty() || pass == LOOKS {
            break;
        }
        (before, last) = (left, body.clone());
        let burrs = Lack { burrs: thicken::buried(&patches, &body, reach), ..Lack::default() };
        let balls = thicken::solid(ctx, &burrs, area, &body, reach)?;
        let united = |inside: f64| -> Result<Solid, PrintError> {
            let mut added = balls.clone();
            for ring in rings {
                let ring: Vec<_> = outline::widened(ring, -inside).into_iter().map(round).collect();
                added = cut(ctx, &added, &prism(&ring, low.z, high.z + reach.wall_mm))?;
            }
            let whole = without_crumbs(with(ctx, &body, &added)?, crumb_mm3(reach.wall_mm));
            let settle = if inside == 0.0 { settle_soon } else { settle_again };
            settle(ctx, whole, &last.mesh, ring)
        };
        let mut ways = INSIDE.into_iter().map(united);
        body = match ways.find(|way| !is_tangle(way)) {
            Some(united) => united?,
            // The judge says where it is thin.
            None => return Ok(last),
        };
        let text = format!("{left:.1} mm2 that were still thinner than {} mm were buried", reach.wall_mm);
        ctx.report(Diagnostic::info("part-buried", "", text));
    }
    Ok(body)
}

/// Volume, in cubic millimetres, of what is too small to be a void or an island of its own.
pub fn crumb_mm3(wall_mm: f64) -> f64 {
    CRUMB * wall_mm.powi(3)
}

/// The balls of those thin places that a judge would see.
fn patches(thin: &[Ball], wall_mm: f64) -> Vec<Ball> {
    let surface: Vec<Vector3<f64>> = thin.iter().map(|ball| ball.centre).collect();
    let least = LARGE * patch_mm2(wall_mm) / thicken::sample_mm2(wall_mm);
    let large = connected(&surface, wall_mm / 2.0).into_iter().filter(|group| group.len() as f64 >= least);
    large.flatten().map(|i| thin[i as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;
    use crate::print::settle;
    use crate::print::solid::unite;

    #[test]
    fn the_last_look_buries_a_fin_and_keeps_to_its_area() {
        let ctx = Ctx::silent();
        let box_of = |x: [f64; 2], y: [f64; 2], z: [f64; 2]| {
            let ring = [[x[0], y[0]], [x[1], y[0]], [x[1], y[1]], [x[0], y[1]]].map(Vector2::from);
            prism(&ring, z[0], z[1])
        };
        // Its sides lie between the places of the grid.
        let side = 19.957_1;
        let slab = box_of([0.0, side], [0.0, side], [0.0, 4.0]);
        // A fin across the slab, from border to border, and one that is too small to matter.
        let fins = [box_of([9.8, 10.2], [0.0, side], [3.0, 5.5]), box_of([4.0, 4.2], [4.0, 4.4], [3.0, 4.3])];
        let body = settle(&ctx, unite(&ctx, &[&slab, &fins[0], &fins[1]]).expect("united")).expect("settled");
        let area = [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]].map(Vector2::from);
        let reach = Reach { wall_mm: 2.0, gap_mm: 0.0 };
        let thin = |body: &Solid| {
            patches(
                &thicken::lack(&ctx, &body.mesh, &area, reach, Noise::IsLeft).expect("measured").walls,
                reach.wall_mm,
            )
        };
        assert!(thin(&body).len() > 200, "{}", thin(&body).len());
        let mended = last_look(&ctx, body.clone(), &[&area], &area, reach).expect("mended");
        assert!(thin(&mended).is_empty(), "{}", thin(&mended).len());
        assert!(inspect(&mended.mesh).is_solid());
        let ((low, high), (a, b)) = (body.mesh.bounds().expect("some"), mended.mesh.bounds().expect("some"));
        assert!((a - low).norm() < 1e-9 && (b - high).xy().norm() < 1e-9 && b.z < high.z + 1.1, "{a} {b}");
        // What is thick enough stays to the last vertex.
        let again = last_look(&ctx, mended.clone(), &[&area], &area, reach).expect("nothing to do");
        assert_eq!(again, mended);
    }
}
