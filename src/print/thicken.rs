//! Walls as thick, and gaps as wide, as the printer can make them.
//!
//! In: the body, its outline, and the printer's [`Reach`]. Out: a closed [`Solid`] to be united with the body. Where the
//! largest ball that touches the surface from inside is smaller than the thinnest wall ([`super::thickness`]), a ball of
//! the wall's size is put at its centre: the centres lie along the middle of the thin place, and the surface of all the
//! balls is that middle, thickened. A place that is thick enough is touched only where a thickened neighbour reaches over it. Gaps
//! are treated alike from outside: their inscribed balls fill them. Balls that would leave the outline get a second one
//! that lies inside, so that a wall along the border grows inwards. Colours are those of the nearest place of the body.
//!
//! Source of the idea: the medial axis transform, H. Blum, "A transformation for extracting new descriptors of shape",
//! 1967; a body is the union of its inscribed balls, and one with no ball below a radius is nowhere thinner.

use super::level_set::{Ball, surface_of_balls};
use super::printer::{Limit, Printer};
use super::shave::{Depth, Inscribed};
use super::solid::Solid;
use super::thickness::{Gauge, directions, sample_points};
use super::{PrintError, outline};
use crate::base::Ctx;
use crate::mesh::bvh::Bvh;
use crate::mesh::{SimplifyOptions, simplify};
use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use rustc_hash::{FxHashMap, FxHashSet};

/// Samples for each thinnest wall, along a line.
const SAMPLES: f64 = 5.0;
/// Nodes of the grid for each thinnest wall.
const NODES: f64 = 5.0;
/// What the balls are larger than the wall, so that the facets between them are not below it and [`super::shave`] does not
/// take them for thin.
const EXCESS: f64 = 1.11;
/// How far, in thinnest walls, the facets may be simplified.
const SIMPLER: f64 = 0.01;
/// A wall is thin below this share of the limit.
const THIN: f64 = 0.97;
/// How close to a place, in walls, a ball of that size may be that makes it the surface of something thick.
const CLOSE: f64 = 0.045;
/// Depths inside the border, in walls, at which the surface is looked at beside what may be a ridge there.
const BESIDE: [f64; 4] = [0.15, 0.3, 0.5, 0.74];
/// How far the mean of the points of half a disc of radius 1 is from its centre: 4 / (3 pi).
const RIM: f64 = 0.424;
/// Most that balls at a rim move inwards, as a share of what leaves the rim's corners in them.
const INWARD: f64 = 0.9;
/// How much higher than the body, in walls, balls reach that make it wider, so that their top is not the body's.
const OVER: f64 = 0.02;
/// Places between two looks at the cancel flag.
const CHUNK: usize = 65_536;

/// What the printer can make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Thinnest wall in millimetres.
    pub wall_mm: f64,
    /// Smallest gap in millimetres; zero where any will do.
    pub gap_mm: f64,
}

impl Reach {
    /// No walls thinner than this, in millimetres, are looked for: they become as thick as this, which is more than is asked,
    /// since time and memory grow fast with finer walls.
    pub const THINNEST: f64 = 0.2;

    /// What a printer says; `None` where it names neither a wall, nor a detail, nor a gap.
    pub fn of(printer: &Printer) -> Option<Self> {
        let value = |limit: &Option<Limit<f64>>| limit.as_ref().map(|l| l.value);
        let wall = value(&printer.wall_mm).or(value(&printer.detail_mm));
        let gaps = [value(&printer.gap_mm), value(&printer.face_distance_mm)];
        let gap = gaps.into_iter().flatten().reduce(f64::max);
        Some(Self { wall_mm: wall.or(gap)?.max(Self::THINNEST), gap_mm: gap.unwrap_or(0.0) })
    }
}

/// The balls that a body lacks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lack {
    /// Inscribed balls of thin walls.
    pub walls: Vec<Ball>,
    /// Balls of the wall's size that bury burrs: see [`buried`].
    pub burrs: Vec<Ball>,
    /// Balls that fill narrow gaps.
    pub gaps: Vec<Ball>,
    /// Thin surface in square millimetres.
    pub thin_mm2: f64,
    /// Surface along narrow gaps in square millimetres.
    pub narrow_mm2: f64,
}

/// What lies near some balls.
#[derive(Debug)]
pub struct Vicinity {
    distance: f64,
    cells: FxHashSet<Vector3<i32>>,
}

impl Vicinity {
    /// Everything within `distance` of the centres, and some more.
    pub fn new<'a>(balls: impl IntoIterator<Item = &'a Ball>, distance: f64) -> Self {
        let mut near = Self { distance, cells: FxHashSet::default() };
        let own: FxHashSet<Vector3<i32>> = balls.into_iter().map(|ball| near.cell(&ball.centre)).collect();
        let around = (0..27).map(|i| Vector3::new(i % 3 - 1, i / 3 % 3 - 1, i / 9 - 1));
        near.cells = around.flat_map(|step| own.iter().map(move |cell| cell + step)).collect();
        near
    }

    fn cell(&self, p: &Vector3<f64>) -> Vector3<i32> {
        p.map(|x| (x / self.distance).floor() as i32)
    }

    /// Whether a place is near.
    pub fn holds(&self, p: &Vector3<f64>) -> bool {
        self.cells.contains(&self.cell(p))
    }
}

/// Surface that each thin place stands for.
pub fn sample_mm2(wall_mm: f64) -> f64 {
    (wall_mm / SAMPLES).powi(2)
}

/// A thin place.
struct Thin {
    /// Where it was measured, and the nearest place that faces the other way.
    sides: [Vector3<f64>; 2],
    ball: Ball,
}

/// Whether small thin facets on thick places count.
#[derive(Clone, Copy, Debug)]
pub enum Noise<'a> {
    /// As all others.
    Counts,
    /// Not where a ball of the wall's size fits close by.
    IsLeft,
    /// The same, with balls that fitted into the body before: they are tried first.
    IsLeftBy(&'a Inscribed),
}

/// Measures what stands over the outline; the body may go on around it.
pub fn lack(
    ctx: &Ctx,
    body: &Mesh,
    outline: &[Vector2<f64>],
    reach: Reach,
    noise: Noise<'_>,
) -> Result<Lack, PrintError> {
    measured(ctx, body, outline, reach, noise, |_| true)
}

/// The same only near some places: where nothing else has changed since it was measured, that is all.
pub fn lack_near(
    ctx: &Ctx,
    body: &Mesh,
    (outline, near): (&[Vector2<f64>], &Vicinity),
    reach: Reach,
    noise: Noise<'_>,
) -> Result<Lack, PrintError> {
    measured(ctx, body, outline, reach, noise, |p| near.holds(p))
}

fn measured(
    ctx: &Ctx,
    body: &Mesh,
    outline: &[Vector2<f64>],
    reach: Reach,
    noise: Noise<'_>,
    wanted: impl Fn(&Vector3<f64>) -> bool + Sync,
) -> Result<Lack, PrintError> {
    let gauge = Gauge::new(body, 120.0);
    let wall = reach.wall_mm;
    let step = wall / SAMPLES;
    let is_asked = |p: &Vector3<f64>| p.z > 0.0 && wanted(p) && outline::reaches(outline, &p.xy(), wall / 100.0);
    let places: Vec<_> = sample_points(body, step).into_par_iter().filter(|(_, p)| is_asked(p)).collect();
    let spacing = wall / NODES;
    let mut lack = Lack::default();
    for (i, chunk) in places.chunks(CHUNK).enumerate() {
        ctx.tick((i * CHUNK) as u64, places.len() as u64).map_err(PrintError::Cancelled)?;
        let found: Vec<(Option<Thin>, Option<Ball>)> = chunk
            .par_iter()
            .map(|(t, p)| {
                let n = gauge.normal(*t);
                let ball = |d: f64| Ball { centre: p - n * (d / 2.0), radius: d / 2.0 };
                let thin = gauge.ball(p, *t, wall * THIN).map(|(d, q)| Thin { sides: [*p, q], ball: ball(d) });
                let narrow = (reach.gap_mm > 0.0).then(|| gauge.gap(p, *t, reach.gap_mm)).flatten();
                (thin, narrow.map(|(d, _)| Ball { centre: p + n * (d / 2.0), radius: (d + spacing) / 2.0 }))
            })
            .collect();
        let narrow = lack.gaps.len();
        lack.gaps.extend(found.iter().filter_map(|f| f.1));
        lack.narrow_mm2 += (lack.gaps.len() - narrow) as f64 * step * step;
        let thin: Vec<Thin> = found.into_iter().filter_map(|(thin, _)| thin).collect();
        let is_noise = dismissed(&gauge, &thin, outline, wall, noise);
        let before = lack.walls.len();
        lack.walls.extend(thin.into_iter().zip(is_noise).filter(|(_, noise)| !noise).map(|(thin, _)| thin.ball));
        lack.thin_mm2 += (lack.walls.len() - before) as f64 * step * step;
    }
    Ok(lack)
}

/// Which of some thin places are no more than small facets on something thick.
fn dismissed(gauge: &Gauge, thin: &[Thin], outline: &[Vector2<f64>], wall: f64, noise: Noise<'_>) -> Vec<bool> {
    let sizes @ (enough, close) = (wall * THIN, wall * CLOSE);
    let places: Vec<Vector3<f64>> = thin.iter().map(|thin| thin.sides[0]).collect();
    let mut is_noise = match noise {
        Noise::Counts => return vec![false; thin.len()],
        Noise::IsLeft => gauge.are_surface_of_thick(&places, sizes, |_| None),
        Noise::IsLeftBy(known) => gauge.are_surface_of_thick(&places, sizes, |p| known.near(gauge, p, enough, close)),
    };
    // No ball reaches the edge at the border of the area: a ridge there is judged by what is beside it.
    let beside = |i: usize| Some((i, beside_ridge(gauge, &thin[i], outline, wall)?));
    let ridges: Vec<_> = (0..thin.len()).into_par_iter().filter(|&i| !is_noise[i]).filter_map(beside).collect();
    let beside: Vec<Vector3<f64>> = ridges.iter().map(|(_, beside)| *beside).collect();
    for ((i, _), is_thick) in ridges.iter().zip(gauge.are_surface_of_thick(&beside, sizes, |_| None)) {
        is_noise[*i] = is_thick;
    }
    is_noise
}

/// The surface a wall inside of a thin place near the border of the area, where no side of the place is higher than the
/// surface is at any depth of [`BESIDE`]; `None` for all other thin places.
fn beside_ridge(gauge: &Gauge, thin: &Thin, outline: &[Vector2<f64>], wall: f64) -> Option<Vector3<f64>> {
    let beside = |p: &Vector3<f64>| {
        let mut last = None;
        for depth in BESIDE {
            let place = outline::inwards(outline, &p.xy(), depth * wall).push(p.z);
            let top = gauge.top_near(&place, wall / 2.0).filter(|top| p.z - top.z <= wall * CLOSE)?;
            last = (place != *p).then_some(top);
        }
        last
    };
    // The side that is in front of the other may be the cut, which is as high as the body.
    beside(&thin.sides[1]).and(beside(&thin.sides[0]))
}

/// The ball moved away from the border, where it crosses that.
fn inside(outline: &[Vector2<f64>], ball: &Ball) -> Option<Ball> {
    let place = outline::inwards(outline, &ball.centre.xy(), ball.radius);
    (place != ball.centre.xy()).then_some(Ball { centre: place.push(ball.centre.z), ..*ball })
}

/// The balls with the radius that the wall needs. Those at the rim of a thin place move inwards, as far as they cover it,
/// so that a wall becomes thicker and hardly taller: there the mean of the centres around lies to one side.
fn grown(inscribed: &[Ball], outline: &[Vector2<f64>], reach: Reach) -> Vec<Ball> {
    let radius = reach.wall_mm * EXCESS / 2.0;
    let cell = |p: &Vector3<f64>| p.map(|x| (x / radius).floor() as i32);
    let mut cells: FxHashMap<Vector3<i32>, Vec<u32>> = FxHashMap::default();
    for (i, ball) in inscribed.iter().enumerate() {
        cells.entry(cell(&ball.centre)).or_default().push(i as u32);
    }
    let grow = |ball: &Ball| {
        let own = cell(&ball.centre);
        let (mut sum, mut n) = (Vector3::zeros(), 0.0);
        for i in 0..27 {
            let step = Vector3::new(i % 3 - 1, i / 3 % 3 - 1, i / 9 - 1);
            for &j in cells.get(&(own + step)).map_or(&[][..], Vec::as_slice) {
                let d = inscribed[j as usize].centre - ball.centre;
                if d.norm_squared() < radius * radius {
                    sum += d;
                    n += 1.0;
                }
            }
        }
        let share: Vector3<f64> = sum / f64::max(n, 1.0) / (RIM * radius);
        // The corners of a wall's rim, an inscribed radius beside the last centre, stay covered.
        let most = INWARD * (radius * radius - ball.radius * ball.radius).max(0.0).sqrt();
        // At the border of the area a wall does not end: it is cut.
        let most = if outline::near_border(outline, &ball.centre.xy(), 1.5 * radius) { 0.0 } else { most };
        Ball { centre: ball.centre + share.cap_magnitude(1.0) * most, radius }
    };
    inscribed.par_iter().map(grow).collect()
}

/// Balls of the wall's size that hold inscribed ones, each as deep in the body as it can be: what they are united with
/// hides a burr, and the cracks beside it, with the least that stands out.
pub fn buried(inscribed: &[Ball], body: &Solid, reach: Reach) -> Vec<Ball> {
    let radius = reach.wall_mm * EXCESS / 2.0;
    let depth = Depth::new(body);
    let deepest = |ball: &Ball| {
        let away = INWARD * (radius - ball.radius).max(0.0);
        let places = directions().flat_map(|d| [0.5, 1.0].map(|share| ball.centre + d * (away * share)));
        let start = (depth.at(&ball.centre, radius).unwrap_or(0.0), ball.centre);
        let deeper = |best: (f64, Vector3<f64>), p: Vector3<f64>| match depth.at(&p, radius) {
            Some(own) if own > best.0 => (own, p),
            _ => best,
        };
        Ball { centre: places.fold(start, deeper).1, radius }
    };
    inscribed.par_iter().map(deepest).collect()
}

/// Balls of the wall's size that reach as high as the body does over each of some inscribed ones: what they are united with
/// becomes wider by them where it stands on something, and hardly higher.
pub fn sunk(inscribed: &[Ball], body: &Mesh, reach: Reach) -> Vec<Ball> {
    let radius = reach.wall_mm * EXCESS / 2.0;
    let bvh = Bvh::new(body);
    let lower = |ball: &Ball| {
        let top = bvh.cast(&ball.centre, &Vector3::z(), 0.0, 2.0 * radius).map(|hit| hit.point.z);
        let z = top.map_or(ball.centre.z, |top| top + reach.wall_mm * OVER - radius);
        Ball { centre: Vector3::new(ball.centre.x, ball.centre.y, z.min(ball.centre.z)), radius }
    };
    inscribed.par_iter().map(lower).collect()
}

/// The surface of the balls that a body lacks, coloured like its nearest place.
pub fn solid(
    ctx: &Ctx,
    lack: &Lack,
    outline: &[Vector2<f64>],
    body: &Solid,
    reach: Reach,
) -> Result<Solid, PrintError> {
    let mut balls = grown(&lack.walls, outline, reach);
    balls.extend(&lack.burrs);
    balls.extend(balls.clone().iter().filter_map(|ball| inside(outline, ball)));
    surface(ctx, &balls, body, reach)
}

/// The surface of the balls that fill a body's narrow gaps, coloured like its nearest place.
pub fn filling(ctx: &Ctx, lack: &Lack, body: &Solid, reach: Reach) -> Result<Solid, PrintError> {
    surface(ctx, &lack.gaps, body, reach)
}

fn surface(ctx: &Ctx, balls: &[Ball], body: &Solid, reach: Reach) -> Result<Solid, PrintError> {
    if balls.is_empty() {
        return Ok(Solid::default());
    }
    let fine = surface_of_balls(balls, reach.wall_mm / NODES);
    ctx.check().map_err(PrintError::Cancelled)?;
    let options = SimplifyOptions { max_error: Some(reach.wall_mm * SIMPLER), ..SimplifyOptions::default() };
    Ok(coloured(simplify(ctx, &fine, &options)?, body))
}

/// A surface with the colours of a body's nearest place.
pub(super) fn coloured(mesh: Mesh, body: &Solid) -> Solid {
    let shown: Vec<u32> = (0..body.photo.len() as u32).filter(|&t| body.photo[t as usize]).collect();
    let bvh = Bvh::from_corners(shown.iter().map(|&t| body.mesh.corners(t as usize)).collect());
    let colours: Vec<Option<Vector3<f64>>> = mesh
        .vertices
        .par_iter()
        .map(|p| {
            let hit = bvh.closest(p, f64::INFINITY)?;
            Some(body.origin_at(shown[hit.triangle as usize] as usize, &hit.point))
        })
        .collect();
    let origin = mesh.triangles.iter().map(|t| t.map(|v| colours[v as usize].unwrap_or_default())).collect();
    let photo = mesh.triangles.iter().map(|t| t.iter().all(|&v| colours[v as usize].is_some())).collect();
    Solid { mesh, origin, photo }
}

#[cfg(test)]
mod tests;
