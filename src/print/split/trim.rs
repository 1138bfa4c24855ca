//! What a cut leaves thinner than a wall beside it: slices of trees and roofs that nothing can print.
//!
//! In: a piece after the cut, what bounds it from above, the thinnest wall, the height below which nothing is cut. Out: the piece without its fins at the cuts, cut
//! off by the rolling ball of [`crate::print::shave`], however tall they are. Cost: a measurement of the piece's thickness.

use crate::base::{Ctx, Diagnostic};
use crate::print::body::standing_piece;
use crate::print::shave::Shaver;
use crate::print::solid::{Solid, cut_away};
use crate::print::thicken::{self, Noise, Reach};
use crate::print::{PrintError, outline};
use nalgebra::Vector2;

/// How far from a cut, in walls, thin places are its doing.
const NEAR: f64 = 1.0;
/// How often, at most.
const PASSES: usize = 2;

/// The piece without fins at its cuts.
pub fn trimmed(
    ctx: &Ctx,
    own: Solid,
    ring: &[Vector2<f64>],
    (wall_mm, floor_mm): (f64, f64),
) -> Result<Solid, PrintError> {
    let reach = Reach { wall_mm, gap_mm: 0.0 };
    let (before, mut solid) = (own.mesh.volume(), own);
    for _ in 0..PASSES {
        let mut thin = thicken::lack(ctx, &solid.mesh, ring, reach, Noise::IsLeft)?.walls;
        thin.retain(|ball| outline::near_border(ring, &ball.centre.xy(), NEAR * wall_mm));
        let mut shaver = Shaver::new(wall_mm, floor_mm, ring);
        shaver.add(ctx, &solid, &thin, |_, _| false)?;
        let tool = shaver.tool(ctx, &solid)?;
        if tool.photo.is_empty() {
            break;
        }
        solid = standing_piece(ctx, &cut_away(ctx, &solid, &tool)?);
    }
    let gone = before - solid.mesh.volume();
    if gone > 0.0 {
        let text = format!("{gone:.1} mm3 that a cut left thinner than {wall_mm} mm beside it were shaved");
        ctx.report(Diagnostic::info("part-cut-shaved", "", text));
    }
    Ok(solid)
}
