//! Walls and gaps of a body as the printer asks for: gaps are filled first; then low protrusions and what the border cuts
//! through are shaved ([`super::shave`]), and tall things thickened ([`super::thicken`]).
//!
//! In: the uncut [`Blank`]. Out: the body over the area, and what was done to which things. Each pass measures what the
//! last left, and makes the body anew from the blank; specks that shaving leaves at concave corners are buried. It ends when less than [`ENOUGH_MM2`] stands out thin.

use super::body::{Blank, Frame};
use super::changes::{Act, Change, Classes, group};
use super::shave::{self, Shaver};
use super::solid::Solid;
use super::thicken::{self, Lack, Noise, Reach};
use super::{PartOptions, PrintError};
use crate::base::{Ctx, Diagnostic};

/// Most passes that shave and thicken, and most that bury what is left in balls of the wall's size.
const SHAVING: usize = 3;
const BURYING: usize = 2;
/// Share of the base in which nothing is shaved.
const WHOLE: f64 = 0.75;
/// So much thin surface, in square millimetres, is left.
const ENOUGH_MM2: f64 = 0.1;
/// Thin places that are closer than this, in thinnest walls, are one thing.
const ONE_THING: f64 = 0.25;

/// The body over the area without narrow gaps and thin walls.
pub fn thick_enough(
    ctx: &Ctx,
    mut blank: Blank,
    (frame, classes): (&Frame, &Classes),
    options: &PartOptions,
) -> Result<(Solid, Vec<Change>), PrintError> {
    let none = Solid::default();
    let mut body = blank.cut(ctx, &none, &none)?;
    let Some(reach) = options.reach else { return Ok((body, Vec::new())) };
    let (mut shaver, mut lack) = (Shaver::new(reach.wall_mm, frame.base_mm * WHOLE), Lack::default());
    let away = shave::away_from_border(&frame.outline, reach.wall_mm);
    let before = thicken::lack(ctx, &body.mesh, &frame.outline, reach, Noise::Counts)?;
    if before.narrow_mm2 > ENOUGH_MM2 {
        blank.add(ctx, &thicken::filling(ctx, &before, blank.solid(), reach)?)?;
        body = blank.cut(ctx, &none, &none)?;
    }
    let without_gaps = Reach { gap_mm: 0.0, ..reach };
    let measured = |body: &Solid, noise: Noise| thicken::lack(ctx, &body.mesh, &frame.outline, without_gaps, noise);
    let (mut tool, mut added) = (Solid::default(), Solid::default());
    for pass in 0..SHAVING {
        let noise = if pass == 0 { Noise::Counts } else { Noise::IsLeft };
        let left = measured(&body, noise)?;
        if left.thin_mm2 < ENOUGH_MM2 {
            break;
        }
        lack.walls.extend(shaver.add(ctx, &body, &left.walls, |ball, tall| tall && away(ball))?);
        added = thicken::solid(ctx, &lack, &frame.outline, blank.solid(), reach)?;
        tool = shaver.tool(ctx, blank.solid())?;
        body = blank.cut(ctx, &tool, &added)?;
    }
    // What shaving leaves is small: it is buried where it is.
    blank.remove(ctx, &tool)?;
    blank.add(ctx, &added)?;
    for _ in 0..BURYING {
        let left = measured(&body, Noise::IsLeft)?;
        if left.thin_mm2 < ENOUGH_MM2 {
            break;
        }
        let burrs = Lack { burrs: thicken::buried(&left.walls, &body, reach), ..Lack::default() };
        blank.add(ctx, &thicken::solid(ctx, &burrs, &frame.outline, blank.solid(), reach)?)?;
        body = blank.cut(ctx, &none, &none)?;
    }
    let text = format!(
        "{:.0} mm2 of the surface was thinner than {} mm: {:.0} % of it, what stands out, was thickened, the rest shaved; \
         {:.0} mm2 faced a gap below {} mm, which was filled",
        before.thin_mm2,
        reach.wall_mm,
        100.0 * lack.walls.len() as f64 / (lack.walls.len() + shaver.shaved.len()).max(1) as f64,
        before.narrow_mm2,
        reach.gap_mm
    );
    ctx.report(Diagnostic::info("part-thickened", "", text));
    let (side, square) = (ONE_THING * reach.wall_mm, thicken::sample_mm2(reach.wall_mm));
    let things = [(&lack.walls, Act::Thickened), (&shaver.shaved, Act::Shaved), (&before.gaps, Act::Filled)];
    let changes = things.map(|(balls, act)| group(balls, act, (classes, frame), side, square));
    let mut changes = changes.concat();
    changes.sort_by(|a, b| b.area_mm2.total_cmp(&a.area_mm2));
    Ok((body, changes))
}
