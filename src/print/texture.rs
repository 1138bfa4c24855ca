//! The colours of a body: unfolded on a page, baked from the city, and measured against it.
//!
//! In: the settled body, the city. Out: the [`Part`], and how much its colours differ from the full city's, seen from
//! above by an eye that tells the printer's details apart ([`super::colour::above`]). A page that is only as fine as the
//! printer is refined where the median of that difference is above [`MEDIAN_DE`], as far as the largest page allows.

use super::body::Frame;
use super::colour::above::{self, Difference, Plan};
use super::nearest::Nearest;
use super::solid::Solid;
use super::{PartOptions, PrintError, bake, charts};
use crate::base::{Ctx, Diagnostic};
use crate::scene::Part;
use nalgebra::Vector3;

/// Most that the median colour may differ, in dE00.
const MEDIAN_DE: f64 = 1.5;
/// Side of a pixel in millimetres where the printer names no detail.
const PIXEL: f64 = 0.5;
/// Most samples along a texel's side.
const SAMPLES: usize = 4;
/// Pixels along the shorter side of a part at least.
const LEAST: f64 = 50.0;

/// The part and its likeness; `at` is its lower left corner in the whole.
pub fn coloured(
    ctx: &Ctx,
    nearest: &Nearest,
    (frame, at): (&Frame, Vector3<f64>),
    options: &PartOptions,
    body: &Solid,
) -> Result<(Part, Difference), PrintError> {
    let size = body.mesh.bounds().map_or_else(Vector3::zeros, |b| b.1).xy();
    let city = nearest.city;
    let pixel_mm = options.detail_mm.unwrap_or(PIXEL).min(size.min() / LEAST);
    let samples = samples(pixel_mm / frame.mm_per_unit, city.texel_m);
    let plan = Plan { size_mm: size, pixel_mm, samples };
    let full = above::city(city, |v| frame.part_from_city(v) - at, &plan);
    let mut finer = options.clone();
    loop {
        ctx.check()?;
        let part = baked(ctx, nearest, frame, &finer, body)?;
        let found = above::compare(&above::part(&part, &plan, false), &full, &plan);
        let may_grow = part.texture.width < options.page && found.median_de > MEDIAN_DE;
        match finer.texel_mm.filter(|_| may_grow) {
            Some(texel) => finer.texel_mm = Some(texel / 2.0),
            None => {
                let text = format!(
                    "seen from above at {pixel_mm:.2} mm a pixel, colours differ from the full city's by dE00 {:.2} (median), \
                     {:.2} (nine tenths below)",
                    found.median_de, found.p90_de
                );
                ctx.report(match found.median_de > MEDIAN_DE {
                    true => Diagnostic::warning("part-colours", "", text, "a larger page or part shows more"),
                    false => Diagnostic::info("part-colours", "", text),
                });
                return Ok((part, found));
            }
        }
    }
}

/// The body unfolded on a page no larger than asked for, and no finer than the printer's texel; and the page's side.
fn unfolded(body: &Solid, options: &PartOptions) -> (usize, charts::Unfolding) {
    let full = charts::unfold(&body.mesh, &body.photo, options.page);
    let Some(texel) = options.texel_mm.filter(|t| *t > 1.0 / full.density) else { return (options.page, full) };
    // Padding takes the more of a page the smaller it is: a little more than in proportion.
    let side = options.page as f64 / (texel * full.density) * 1.04;
    let side = ((side / 64.0).ceil() as usize * 64).clamp(64.min(options.page), options.page);
    (side, charts::unfold(&body.mesh, &body.photo, side))
}

/// Samples along a texel's side: one for each of the city's texels, as far as that makes a difference to the mean.
fn samples(texel: f64, city_texel: f64) -> usize {
    if city_texel > 0.0 { ((texel / city_texel).ceil() as usize).clamp(2, SAMPLES) } else { 2 }
}

/// Unfolds and bakes the body.
fn baked(ctx: &Ctx, nearest: &Nearest, frame: &Frame, options: &PartOptions, body: &Solid) -> Result<Part, PrintError> {
    let (page, unfolding) = unfolded(body, options);
    let texel_mm = 1.0 / unfolding.density;
    ctx.report(Diagnostic::info(
        "part-texture",
        "",
        format!("one texel of the part's page is {texel_mm:.3} mm, {:.3} m of the city", texel_mm / frame.mm_per_unit),
    ));
    let texture = bake::bake(
        ctx,
        &bake::Surface { solid: body, unfolding: &unfolding },
        &bake::Page {
            side: page,
            plain: options.plain,
            samples: samples(texel_mm / frame.mm_per_unit, nearest.city.texel_m),
        },
        nearest,
        frame.rectangle.size.max() * 0.05,
    )?;
    let side = page as f64;
    let uvs = unfolding.texels.iter().map(|c| c.map(|p| [(p.x / side) as f32, (p.y / side) as f32])).collect();
    Ok(Part {
        mesh: body.mesh.clone(),
        uvs,
        texture,
        scale_denominator: options.metric.then_some(1000.0 / frame.mm_per_unit),
        title: options.title.clone(),
    })
}
