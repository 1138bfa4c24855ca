//! The solid body of a piece of city: surface above, walls down to a level bottom, nothing inside.
//!
//! In: the city, the area, the scale. Out: one closed [`Solid`] in millimetres, its bottom at z = 0 and the lower left
//! corner of the area's box at the origin. Steps: take the surface near the area, simplify it, fill its holes, extend
//! its border far down ([`Blank`]), intersect it with the prism over the area, dissolve what crosses or lies inside, keep the
//! one piece that stands on the bottom ([`Blank::cut`]). Cost: about 20 s and 1.5 GB for a million triangles.

use super::area::{Area, Rectangle};
use super::decimate::{decimated, shells};
use super::nearest::Nearest;
use super::plinth::Margins;
use super::solid::{self, Solid};
use super::{PartOptions, PartSize, PrintError, cartography, close, outline};
use crate::base::{Ctx, Diagnostic, stats};
use crate::mesh::{SimplifyOptions, simplify, simplify_apart};
use crate::scene::{City, Mesh};
use nalgebra::{Rotation2, Vector2, Vector3};
use rayon::prelude::*;

/// Share of the surface's vertices that may lie below the lowest level; they are lifted to it.
const LOWEST_SHARE: f64 = 0.002;
/// Share of the area that may have no surface.
const MISSING: f64 = 0.02;
/// Share of the surface's vertices that may lie above what the part has at least of height.
const HIGHEST_SHARE: f64 = 0.05;
/// How far the simplified surface may be from the full one, in smallest details of the printer.
const SIMPLER: f64 = 0.1;
/// The share of that in the first of two steps.
const FIRST: f64 = 0.4;
/// How far the surface is taken beyond the area, as a share of its longer side; and how much of that has no ragged rim.
const MARGIN: f64 = 0.025;
const WHOLE: f64 = 0.8;
/// Share of the base's height that has no slits.
const WHOLE_BASE: f64 = 0.75;
/// How far over its highest point, in millimetres, a prism ends that cuts a blank.
const ABOVE: f64 = 10.0;
/// How far, in millimetres, from the outline a surface may be that lies in the cut: what settling and simplifying move.
const IN_CUT: f64 = 0.03;
/// The upward share of the normal of a steep surface.
const STEEP: f64 = 0.1;
/// How far over the bottom a city ends that stands on a plinth, in millimetres.
const SUNK: f64 = 0.25;
/// How far, in millimetres, a round outline may be from the circle.
const ROUNDNESS: f64 = 0.01;

/// Where the part lies in the city, and how large it is.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The box around the area.
    pub rectangle: Rectangle,
    /// The outline in millimetres from the box's lower left corner, counter-clockwise.
    pub outline: Vec<Vector2<f64>>,
    /// The lowest level of the surface, in the city's units.
    pub lowest: f64,
    /// Height in millimetres of that level over the bottom.
    pub base_mm: f64,
    /// Height in millimetres that the part has at least, whatever is left out of it.
    pub least_mm: f64,
    /// Margins of the plinth.
    pub margins: Margins,
    /// Millimetres for a unit of the city.
    pub mm_per_unit: f64,
    /// How much heights are exaggerated.
    pub z_scale: f64,
}

impl Frame {
    /// Lays the area out. Fails where it has no size or no surface, and where the scale cannot be kept.
    pub fn new(city: &City, area: &Area, options: &PartOptions) -> Result<Self, PrintError> {
        let rectangle = area.frame();
        let mm_per_unit = match options.size {
            PartSize::Scale(n) if options.metric => 1000.0 / n,
            PartSize::Scale(n) => return Err(PrintError::ScaleUnknown { denominator: n }),
            PartSize::LongestMm(mm) => {
                let margins = options.plinth.margins(mm);
                let side = |k: usize, margin: f64| (mm - margin) / rectangle.size[k];
                side(0, 2.0 * margins.around).min(side(1, margins.around + margins.front))
            }
        };
        for (what, value) in [("the size of the part", mm_per_unit), ("the exaggeration of heights", options.z_scale)] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(PrintError::Absurd { what, value, limit: "positive and finite" });
            }
        }
        if options.base_mm < 2.0 {
            return Err(PrintError::ThinBase { base_mm: options.base_mm });
        }
        let longest = rectangle.size.max() * mm_per_unit;
        let outline = area.outline(mm_per_unit, ROUNDNESS)?;
        let own = |v: &Vector3<f64>| (rectangle.to_own(&v.xy()) + rectangle.size / 2.0) * mm_per_unit;
        let inside = |v: &&Vector3<f64>| outline::contains(&outline, &own(v));
        let levels: Vec<f64> = city.mesh.vertices.par_iter().filter(inside).map(|v| v.z).collect();
        let lowest = stats::quantile(&levels, LOWEST_SHARE)
            .ok_or(PrintError::EmptyArea { width: rectangle.size.x, height: rectangle.size.y })?;
        let margins = options.plinth.margins(longest);
        let (base_mm, z_scale) = (options.base_mm, options.z_scale);
        let high = stats::quantile(&levels, 1.0 - HIGHEST_SHARE).unwrap_or(lowest).max(lowest);
        let least_mm = base_mm + (high - lowest) * mm_per_unit * z_scale;
        Ok(Self { rectangle, outline, lowest, base_mm, least_mm, margins, mm_per_unit, z_scale })
    }

    /// Width and depth of the whole with its plinth, in millimetres.
    pub fn outer_size(&self) -> Vector2<f64> {
        let Margins { around, front } = self.margins;
        self.rectangle.size * self.mm_per_unit + Vector2::new(2.0 * around, around + front)
    }

    /// A place of the city in the part's millimetres.
    pub fn part_from_city(&self, v: &Vector3<f64>) -> Vector3<f64> {
        let flat = (self.rectangle.to_own(&v.xy()) + self.rectangle.size / 2.0) * self.mm_per_unit;
        let height = (v.z - self.lowest) * self.mm_per_unit * self.z_scale + self.base_mm;
        Vector3::new(flat.x, flat.y, height)
    }

    /// The place of the city under a point of the part.
    pub fn city_from_part(&self, p: &Vector3<f64>) -> Vector3<f64> {
        let own = p.xy() / self.mm_per_unit - self.rectangle.size / 2.0;
        let flat = Rotation2::new(self.rectangle.azimuth) * own + self.rectangle.centre;
        Vector3::new(flat.x, flat.y, (p.z - self.base_mm) / (self.mm_per_unit * self.z_scale) + self.lowest)
    }
}

/// How fine the surface is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fineness {
    /// Most triangles.
    pub triangles: usize,
    /// Smallest detail that the printer makes.
    pub detail_mm: Option<f64>,
}

/// A piece of the city as a closed solid that goes on around the area and far below it, before it is cut.
#[derive(Clone, Debug)]
pub struct Blank {
    solid: Solid,
    prism: Solid,
    outline: Vec<Vector2<f64>>,
}

impl Blank {
    /// Takes the surface, levels its waters, fills what hangs over under trees and
    /// what has no surface at all.
    pub fn new(ctx: &Ctx, (nearest, frame): (&Nearest, &Frame), fineness: Fineness) -> Result<Self, PrintError> {
        let surface = surface_near(ctx, nearest.city, frame, fineness)?;
        let half = frame.base_mm / 2.0;
        let missing = cartography::missing(&surface, &frame.outline, -half, |p| frame.city_from_part(p));
        covered(missing.share)?;
        // No place of the surface is below the lowest, and nothing that is added above it.
        let lowest = surface.vertices.iter().map(|v| v.z).fold(half, f64::min) - half;
        let mut solid = Solid::plain(close::close_downwards(&surface, lowest - half));
        for t in 0..solid.photo.len() {
            let corners = solid.mesh.corners(t);
            // Walls below a border of the surface, which may stand inside the area, show what is at their top.
            let top = corners.iter().copied().reduce(|a, b| if b.z > a.z { b } else { a }).unwrap_or_default();
            let shown = |p: Vector3<f64>| if p.z > lowest { p } else { top };
            solid.photo[t] = top.z > lowest;
            solid.origin[t] = corners.map(|p| frame.city_from_part(&shown(p)));
        }
        if missing.share > 0.0 {
            let share = missing.share * 100.0;
            let text = format!("{share:.2} % of the area has no surface and was filled at the level around it");
            ctx.report(Diagnostic::info("part-filled", "", text));
        }
        let mut filling = missing.filling;
        // The base is whole, whatever slits the surface has.
        filling.append(&outline::prism(&rim(frame, 0.5), -half / 2.0, WHOLE_BASE * frame.base_mm));
        // Places below the lowest level are errors of the surface; the base must not be thinner there.
        for v in filling.mesh.vertices.iter_mut().filter(|v| v.z > WHOLE_BASE * frame.base_mm) {
            v.z = v.z.max(frame.base_mm);
        }
        for v in solid.mesh.vertices.iter_mut().filter(|v| v.z > lowest) {
            v.z = v.z.max(frame.base_mm);
        }
        let (low, high) = solid.mesh.bounds().unwrap_or_default();
        // On a plinth the city ends inside it, so that no two faces lie in one plane.
        let bottom = if frame.margins == Margins::default() { 0.0 } else { SUNK };
        let prism = outline::prism(&frame.outline, bottom, high.z + ABOVE);
        let mut solid = without_rim(ctx, &solid, frame, [low.z - ABOVE, high.z + 2.0 * ABOVE])?;
        let classes = nearest.classes();
        // What the printer cannot make is no cave.
        let least = fineness.detail_mm.unwrap_or(0.0).powi(2);
        let rests = |p: &Vector3<f64>| classes.at(p).is_some_and(cartography::rests_on_ground);
        let lowered = cartography::lower_undersides(&mut solid, (half, least), rests);
        if lowered > 0 {
            let text =
                format!("{lowered} triangles below trees, cars and overhanging ground were filled down to the base");
            ctx.report(Diagnostic::info("part-undersides", "", text));
        }
        // The slow way frees a surface that crosses itself of that as well.
        let solid = if lowered > 0 || solid::is_tangled(&solid) {
            solid::unite(ctx, &[&solid, &filling])?
        } else {
            solid::with(ctx, &solid, &solid::unite(ctx, &[&filling])?)?
        };
        let solid = standing_piece(ctx, &solid);
        Ok(Self { solid, prism, outline: frame.outline.clone() })
    }

    /// The uncut solid.
    pub fn solid(&self) -> &Solid {
        &self.solid
    }

    /// The same with what is `added`, which may cross itself, and without what is `removed`.
    pub fn changed(&self, ctx: &Ctx, removed: &Solid, added: &Solid) -> Result<Self, PrintError> {
        let mut solid = self.without(ctx, removed)?;
        if !added.photo.is_empty() {
            solid = standing_piece(ctx, &solid::with(ctx, &solid, added)?);
        }
        Ok(Self { solid, prism: self.prism.clone(), outline: self.outline.clone() })
    }

    /// The same with fewer triangles: see [`decimated`].
    pub fn decimated(&self, ctx: &Ctx, max_error_mm: f64, seam: f64) -> Result<Self, PrintError> {
        let solid = decimated(ctx, &self.solid, max_error_mm, seam)?;
        Ok(Self { solid, prism: self.prism.clone(), outline: self.outline.clone() })
    }

    fn without(&self, ctx: &Ctx, removed: &Solid) -> Result<Solid, PrintError> {
        if removed.photo.is_empty() {
            return Ok(self.solid.clone());
        }
        Ok(standing_piece(ctx, &solid::cut_away(ctx, &self.solid, removed)?))
    }

    /// The body over the area: one piece. What is changed is changed before the cut, so that no two faces lie in one plane
    /// at the border.
    pub fn cut(&self, ctx: &Ctx) -> Result<Solid, PrintError> {
        let whole = &self.solid;
        let body = match solid::cut(ctx, whole, &self.prism) {
            // The fast way asks for more than a closed surface.
            Err(PrintError::Engine { .. }) => solid::intersect(ctx, whole, &self.prism)?,
            result => result?,
        };
        let body = standing_piece(ctx, &body);
        if body.photo.iter().any(|p| *p) {
            return Ok(body);
        }
        let (low, high) = outline::bounds(&self.outline).unwrap_or_default();
        Err(PrintError::EmptyArea { width: high.x - low.x, height: high.y - low.y })
    }
}

/// A rectangle around the area, by a share of the margin.
fn rim(frame: &Frame, share: f64) -> [Vector2<f64>; 4] {
    let size = frame.rectangle.size * frame.mm_per_unit;
    let margin = size.max() * MARGIN * share;
    [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
        .map(|[x, y]| Vector2::new(x * size.x + (2.0 * x - 1.0) * margin, y * size.y + (2.0 * y - 1.0) * margin))
}

/// What is left of a blank without the ragged rim of its surface.
fn without_rim(ctx: &Ctx, solid: &Solid, frame: &Frame, [bottom, top]: [f64; 2]) -> Result<Solid, PrintError> {
    let coarse = outline::prism(&rim(frame, WHOLE), bottom, top);
    match solid::cut(ctx, solid, &coarse) {
        // The fast way asks for more than a closed surface; so does nothing that comes after.
        Err(PrintError::Engine { .. }) => Ok(solid.clone()),
        result => Ok(standing_piece(ctx, &result?)),
    }
}

/// Leaves the colours of the city out of what lies in the cuts along some rings: needles of the surface that simplifying and
/// settling laid into them.
pub fn plain_at_cuts(body: &mut Solid, rings: &[&[Vector2<f64>]]) {
    let lies_in_cut = |t: usize| {
        let ([a, b, c], normal) = (body.mesh.corners(t), body.mesh.area_normal(t));
        let places = [a, b, c, (a + b + c) / 3.0].map(|p| p.xy());
        let along = |ring: &&[Vector2<f64>]| places.iter().all(|p| outline::near_border(ring, p, IN_CUT));
        normal.z.abs() < STEEP * normal.norm() && rings.iter().any(along)
    };
    let own: Vec<bool> = body.photo.par_iter().enumerate().map(|(t, photo)| *photo && !lies_in_cut(t)).collect();
    body.photo = own;
}

/// Fails where too much of the area has no surface.
fn covered(share: f64) -> Result<(), PrintError> {
    if share > MISSING { Err(PrintError::AreaOutside { share, limit: MISSING }) } else { Ok(()) }
}

/// The surface around the area, in the part's millimetres.
fn surface_near(ctx: &Ctx, city: &City, frame: &Frame, fineness: Fineness) -> Result<Mesh, PrintError> {
    let (level, waters) = cartography::level_water(city);
    if waters > 0 {
        ctx.report(Diagnostic::info("part-water", "", format!("waters made level: {waters}")));
    }
    let vertices: Vec<Vector3<f64>> = level.par_iter().map(|v| frame.part_from_city(v)).collect();
    let size = frame.rectangle.size * frame.mm_per_unit;
    let margin = size.max() * MARGIN;
    let near = |v: u32| {
        let p = &vertices[v as usize];
        p.x > -margin && p.y > -margin && p.x < size.x + margin && p.y < size.y + margin
    };
    let all = city.mesh.triangles.par_iter();
    let triangles: Vec<[u32; 3]> = all.filter(|t| t.iter().any(|&v| near(v))).copied().collect();
    let mut surface = close::largest_manifold(&Mesh { vertices, triangles });
    // Said before the work.
    covered(cartography::empty_share(&surface, &frame.outline))?;
    if let Some(detail) = fineness.detail_mm {
        // Most of a large surface goes in the first step, which makes few crossings; the second makes none.
        let within = |share: f64| SimplifyOptions { max_error: Some(detail * share), ..SimplifyOptions::default() };
        surface = simplify(ctx, &surface, &within(SIMPLER * FIRST))?;
        let none = vec![false; surface.vertices.len()];
        surface = simplify_apart(ctx, &surface, &within(SIMPLER), none)?;
    }
    if surface.triangles.len() <= fineness.triangles {
        return Ok(surface);
    }
    let options = SimplifyOptions { target_triangles: fineness.triangles, ..SimplifyOptions::default() };
    Ok(simplify(ctx, &surface, &options)?)
}

/// The largest piece; what floats beside it is left out and counted.
pub(super) fn standing_piece(ctx: &Ctx, solid: &Solid) -> Solid {
    let (labels, volumes) = shells(&solid.mesh);
    let count = volumes.len();
    let Some(best) = (0..count).max_by(|&a, &b| volumes[a].total_cmp(&volumes[b])) else { return Solid::default() };
    let others: Vec<f64> = (0..count).filter(|&i| i != best && volumes[i] > 0.0).map(|i| volumes[i]).collect();
    if !others.is_empty() {
        let largest = others.iter().copied().fold(0.0, f64::max);
        ctx.report(Diagnostic::info(
            "part-floating",
            "",
            format!(
                "{} pieces that hang in the air were left out, {:.2} mm3 in all, the largest {largest:.2} mm3",
                others.len(),
                others.iter().sum::<f64>()
            ),
        ));
    }
    solid.retain(|t| labels[t] as usize == best)
}
