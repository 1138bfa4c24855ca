//! Small thin protrusions, shaved off.
//!
//! In: a closed body, and the inscribed balls of its thin places ([`super::thicken::lack`]). Out: a closed tool to be
//! subtracted from the body, and the thin places that are worth keeping. A ball of the thinnest wall's size that rolls
//! inside the body cannot enter a burr, a fin or a sharp ridge: what it leaves out there is cut off, so that the place ends
//! in the ball's own rounding. Away from thin places nothing is touched: their edges keep their corners, and the cut
//! fades out towards them. What stands out further than [`KEEP`] walls (a mast, a trunk, a parapet) is kept, to be
//! thickened.
//!
//! Source of the idea: the opening of a body by a ball (J. Serra, "Image Analysis and Mathematical Morphology", 1982), as the
//! union of inscribed balls that have their centres near the nodes of a grid of [`NODES`] to a wall. Memory: about 4 bytes
//! a node within two walls of a thin place. Results do not depend on the number of threads.

mod inscribed;

pub use inscribed::Inscribed;

use super::level_set::{Ball, LevelSet, Node, place};
use super::solid::Solid;
use super::thicken::coloured;
use super::thickness::RAY;
use super::{PrintError, outline};
use crate::base::Ctx;
use crate::mesh::bvh::{Aabb, Bvh, Hit};
use crate::mesh::{SimplifyOptions, simplify};
use inscribed::Buckets;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nodes of the grid for each thinnest wall.
const NODES: f64 = 5.0;
/// Least height, in thinnest walls, of what is kept and thickened.
const KEEP: f64 = 1.5;
/// Radius of the rolling ball in walls: so much over a half that what it reaches is no thinner than the wall after the cut
/// runs [`BELOW`] it, and facets take their share.
const ROLLING: f64 = 0.54;
/// Layer of the grid, in its steps, in which rolling balls have their centres where the body is thick: one row of nodes is
/// enough, since each ball touches the surface.
const LAYER: f64 = 0.9;
/// How far below the rolling ball's reach the cut runs at a thin place, in walls, so that no step is left of its foot; how
/// much it rises with the distance from there, so that it does not graze surface that stays.
const BELOW: f64 = 0.02;
const RISE: f64 = 0.2;
/// How far around a thin place it rises so, in walls, and the height over the rolling ball at which it ends.
const AROUND: f64 = 0.4;
const FADE: f64 = 0.3;
/// How steeply it rises beyond: more than 1, so that it ends.
const SLOPE: f64 = 2.0;
/// How far, in walls, rolling balls are from a thin place that shape the tool there: it reaches [`AROUND`] and half of
/// [`FADE`], a ball half of its size and [`FADE`] further.
const NEAR: f64 = 1.6;
/// Nodes along a side of the cubes in which they are looked for.
const CUBE: i32 = 4;
/// The border's own edge is one only because the city is cut there. So far from it, in walls, it does not keep rolling balls
/// away: what they reach there, and so far further inside that it is no slice, they would reach at the border.
const RIM: [f64; 2] = [0.74, 1.5];
/// How much lower, in walls, they may reach inside: the ground need not be level.
const DESCENT: f64 = 0.15;
/// How far, in walls, the tool's surface may be simplified.
const SIMPLER: f64 = 0.035;

/// How a thin place stands out of what is thick.
#[derive(Clone, Copy, Debug)]
pub struct StandsOut<'a> {
    /// Whether it belongs to something that does so by more than [`KEEP`] walls.
    pub is_tall: bool,
    rolling: &'a Inscribed,
    most: f64,
}

impl StandsOut<'_> {
    /// By how many millimetres the place itself does, at most by [`KEEP`] walls.
    pub fn by(&self, ball: &Ball) -> f64 {
        self.rolling.distance(&ball.centre, self.most) + ball.radius
    }
}

/// Collects what is to be cut off a body, also in several passes, into one tool.
pub struct Shaver {
    /// Thinnest wall in millimetres.
    wall: f64,
    /// Height under which nothing is cut.
    floor: f64,
    /// The border of the area, counter-clockwise.
    outline: Vec<Vector2<f64>>,
    passes: Vec<Pass>,
    /// The thin places that are cut off.
    pub shaved: Vec<Ball>,
    inscribed: Arc<Inscribed>,
}

/// The thin places of a body on the grid.
struct Pass {
    /// Distance from the thin places, less how far the tool reaches.
    zone: LevelSet,
    rolling: Arc<Inscribed>,
    depth: Depth,
}

impl Shaver {
    /// Nothing to cut yet; below `floor_mm` nothing will be, so that a base stays whole. The counter-clockwise `outline` is
    /// where the city is cut.
    pub fn new(wall_mm: f64, floor_mm: f64, outline: &[Vector2<f64>]) -> Self {
        let (outline, inscribed) = (outline.to_vec(), Arc::new(Inscribed::new(Vec::new())));
        Self { wall: wall_mm, floor: floor_mm, outline, passes: Vec::new(), shaved: Vec::new(), inscribed }
    }

    fn spacing(&self) -> f64 {
        self.wall / NODES
    }

    /// Takes in the thin places of a body that is closed; those for which `keeps` holds are given back, and
    /// those below the floor: it is told how a place stands out.
    pub fn add(
        &mut self,
        ctx: &Ctx,
        body: &Solid,
        thin: &[Ball],
        keeps: impl Fn(&Ball, StandsOut) -> bool + Sync,
    ) -> Result<Vec<Ball>, PrintError> {
        if thin.is_empty() {
            return Ok(Vec::new());
        }
        let wall = self.wall;
        let depth = Depth::new(body);
        self.inscribed = Arc::new(rolling_balls(&depth, thin, wall));
        ctx.check().map_err(PrintError::Cancelled)?;
        let tall = tall(thin, &self.inscribed, wall);
        let near_tall = Buckets::new(tall.iter().map(|&i| thin[i].centre), KEEP * 1.25 * wall);
        let is_tall = |b: &Ball| near_tall.any_within(&b.centre, KEEP * 1.25 * wall);
        let how = |b: &Ball| StandsOut { is_tall: is_tall(b), rolling: &self.inscribed, most: KEEP * wall };
        let kept_ones: Vec<bool> = thin.par_iter().map(|b| b.centre.z < self.floor || keeps(b, how(b))).collect();
        let of = |kept: bool| thin.iter().zip(&kept_ones).filter(|(_, k)| **k == kept).map(|(b, _)| *b).collect();
        let (kept, shaved): (Vec<Ball>, Vec<Ball>) = (of(true), of(false));
        if !shaved.is_empty() {
            let reach = AROUND * wall + FADE * wall / SLOPE;
            let wider: Vec<Ball> = shaved.iter().map(|b| Ball { radius: b.radius + reach, ..*b }).collect();
            let zone = LevelSet::of_balls(&wider, self.spacing());
            self.passes.push(Pass { zone, rolling: self.inscribed.clone(), depth });
            self.shaved.extend(shaved);
        }
        Ok(kept)
    }

    /// The rolling balls of the last body.
    pub fn inscribed(&self) -> &Inscribed {
        &self.inscribed
    }

    /// The tool: closed, with hardly a crossing, with the colours of the nearest places of `body`; empty where nothing is cut.
    pub fn tool(&self, ctx: &Ctx, body: &Solid) -> Result<Solid, PrintError> {
        let blocks: BTreeSet<Node> = self.passes.iter().flat_map(|p| p.zone.blocks()).collect();
        let spacing = self.spacing();
        let value = |node: Node| {
            if f64::from(node[2]) * spacing < self.floor {
                return spacing;
            }
            let values = self.passes.iter().map(|pass| pass.value(node, (self.wall, spacing), &self.outline));
            values.fold(spacing, f64::min)
        };
        let net = LevelSet::of_function(blocks.into_iter().collect(), spacing, value).surface();
        ctx.check().map_err(PrintError::Cancelled)?;
        let options = SimplifyOptions { max_error: Some(self.wall * SIMPLER), ..SimplifyOptions::default() };
        Ok(coloured(simplify(ctx, &net, &options)?, body))
    }
}

impl Pass {
    /// Below zero in the tool.
    fn value(&self, node: Node, (wall, spacing): (f64, f64), outline: &[Vector2<f64>]) -> f64 {
        let Some(zone) = self.zone.get(node).map(f64::from).filter(|z| *z < 0.0) else { return spacing };
        let p = place(node, spacing);
        let beyond = zone + FADE * wall / SLOPE;
        let around = (beyond + AROUND * wall).clamp(0.0, AROUND * wall);
        let least = RISE * around + SLOPE * beyond.max(0.0) - BELOW * wall;
        let left_out = self.rolling.distance(&p, FADE * wall);
        if least - left_out >= spacing {
            return spacing;
        }
        let value = least - left_out.min(self.left_out_beside(&p, wall, outline));
        // The middle of a thick place is no place that the ball leaves out, though no ball is kept there.
        let deep = wall * ROLLING;
        let thick = || self.depth.at(&p, deep).is_some_and(|d| d >= deep);
        if value < 0.0 && thick() { spacing } else { value }
    }

    /// How far a place near the border is from what the ball would reach, if the city went on there as it is beside it.
    fn left_out_beside(&self, p: &Vector3<f64>, wall: f64, outline: &[Vector2<f64>]) -> f64 {
        let [near, far] = RIM.map(|depth| outline::inwards(outline, &p.xy(), depth * wall).push(p.z));
        if near == *p {
            return f64::INFINITY;
        }
        let far = self.rolling.distance(&far, (FADE + DESCENT) * wall) - DESCENT * wall;
        self.rolling.distance(&near, FADE * wall).max(far)
    }
}

/// Balls that may be kept: those away from the border of the area, where things are cut through.
pub fn away_from_border(outline: &[Vector2<f64>], wall_mm: f64) -> impl Fn(&Ball) -> bool + Sync + '_ {
    move |ball| !outline::near_border(outline, &ball.centre.xy(), 1.5 * wall_mm)
}

/// How deep points lie in a body.
pub(super) struct Depth {
    bvh: Bvh,
    normals: Vec<Vector3<f64>>,
}

impl Depth {
    pub(super) fn new(body: &Solid) -> Self {
        let mesh = &body.mesh;
        let normal = |t: usize| mesh.area_normal(t).try_normalize(0.0).unwrap_or_else(Vector3::zeros);
        Self { bvh: Bvh::new(mesh), normals: (0..mesh.triangles.len()).into_par_iter().map(normal).collect() }
    }

    /// The depth below the surface, at most `limit`; `None` outside.
    pub(super) fn at(&self, p: &Vector3<f64>, limit: f64) -> Option<f64> {
        self.foot(p, limit).map(|(depth, _)| depth)
    }

    /// The same with the way from the nearest place of the surface, where that is within `limit`.
    fn foot(&self, p: &Vector3<f64>, limit: f64) -> Option<(f64, Vector3<f64>)> {
        let Some(hit) = self.bvh.closest(p, limit) else {
            return self.ray_says_inside(p).then_some((limit, Vector3::zeros()));
        };
        self.is_inside(p, &hit).then_some((hit.distance, p - hit.point))
    }

    /// Whether a point lies in the body, given the nearest place of the surface.
    fn is_inside(&self, p: &Vector3<f64>, hit: &Hit) -> bool {
        let cos = (p - hit.point).dot(&self.normals[hit.triangle as usize]) / hit.distance;
        // Over the inside of a triangle its normal tells the side; beside an edge a ray does.
        if cos.abs() > 0.999 { cos < 0.0 } else { self.ray_says_inside(p) }
    }

    fn ray_says_inside(&self, p: &Vector3<f64>) -> bool {
        let first = self.bvh.cast(p, &RAY, 0.0, f64::INFINITY);
        first.is_some_and(|h| self.normals[h.triangle as usize].dot(&RAY) > 0.0)
    }
}

/// Inscribed balls of the wall's size and a little more, around thin places: their union is the body where it is thick.
fn rolling_balls(depth: &Depth, thin: &[Ball], wall: f64) -> Inscribed {
    let near = cubes(thin.iter(), NEAR * wall, wall / NODES);
    let first = Inscribed::new(balls_in(depth, &near, wall));
    let tall = tall(thin, &first, wall);
    if tall.is_empty() {
        return first;
    }
    // Whether the balls are as far as that from what seems to stand out.
    let mut far = cubes(tall.iter().map(|&i| &thin[i]), (KEEP + 1.0) * wall, wall / NODES);
    far.retain(|cube| !near.contains(cube));
    let mut balls = first.balls;
    balls.extend(balls_in(depth, &far, wall));
    Inscribed::new(balls)
}

/// The cubes of the grid that lie within `reach` of some balls' centres.
fn cubes<'a>(balls: impl Iterator<Item = &'a Ball>, reach: f64, spacing: f64) -> BTreeSet<Node> {
    let cube = |p: Vector3<f64>| [0, 1, 2].map(|k| ((p[k] / spacing).floor() as i32).div_euclid(CUBE));
    // A box for all the centres in a cube: there are many in each.
    let mut boxes: BTreeMap<Node, Aabb> = BTreeMap::new();
    for ball in balls {
        let own = boxes.entry(cube(ball.centre)).or_insert_with(Aabb::empty);
        *own = own.with_point(&ball.centre);
    }
    let reach = Vector3::from_element(reach);
    let mut cubes = BTreeSet::new();
    for Aabb { low, high } in boxes.into_values() {
        let (low, high) = (cube(low - reach), cube(high + reach));
        for x in low[0]..=high[0] {
            for y in low[1]..=high[1] {
                cubes.extend((low[2]..=high[2]).map(|z| [x, y, z]));
            }
        }
    }
    cubes
}

/// The rolling balls of some cubes of the grid.
fn balls_in(depth: &Depth, cubes: &BTreeSet<Node>, wall: f64) -> Vec<Ball> {
    let spacing = wall / NODES;
    let (least, most) = (wall * ROLLING, wall * ROLLING + LAYER * spacing);
    let ball = |node: Node, known: &Vector3<f64>| -> Option<Ball> {
        let mut centre = place(node, spacing);
        let hit = closest(depth, &centre, most, Some(known)).filter(|hit| hit.distance >= least - spacing)?;
        if !depth.is_inside(&centre, &hit) {
            return None;
        }
        let (mut radius, mut way) = (hit.distance, centre - hit.point);
        // Towards the middle of the body, to the largest ball near the node.
        let mut step = spacing;
        while radius < least && step > spacing / 20.0 {
            let next = centre + way * (step / radius);
            match depth.foot(&next, most + spacing) {
                Some((r, w)) if r > radius => (centre, radius, way) = (next, r, w),
                _ => step /= 2.0,
            }
        }
        (radius >= least).then_some(Ball { centre, radius })
    };
    let found = |cube: &&Node| -> Vec<Ball> {
        let mut balls = Vec::new();
        let low = cube.map(|x| x * CUBE);
        in_band(depth, (low, CUBE), spacing, [least - spacing, most], None, &mut |n, near| balls.extend(ball(n, near)));
        balls
    };
    cubes.iter().collect::<Vec<_>>().par_iter().flat_map_iter(found).collect()
}

/// The place of the surface nearest to a point, within `limit`; one that is `known` tells how far that is at most.
fn closest(depth: &Depth, p: &Vector3<f64>, limit: f64, known: Option<&Vector3<f64>>) -> Option<Hit> {
    let at_most = known.map_or(f64::INFINITY, |known| (known - p).norm() * (1.0 + 1e-9) + f64::MIN_POSITIVE);
    depth.bvh.closest(p, limit.min(at_most))
}

/// Calls `met` for the nodes of a cube, of a low corner and so many nodes along a side, that may lie as deep in the body as
/// the band says, and with a place of the surface near them: what is too far from it as a whole is left out at once.
fn in_band(
    depth: &Depth,
    (low, side): (Node, i32),
    spacing: f64,
    band: [f64; 2],
    known: Option<&Vector3<f64>>,
    met: &mut impl FnMut(Node, &Vector3<f64>),
) {
    if let (1, Some(known)) = (side, known) {
        return met(low, known);
    }
    let half = f64::from(side - 1) / 2.0 * spacing;
    let (centre, reach) = (place(low, spacing) + Vector3::from_element(half), half * 3.0f64.sqrt());
    let Some(hit) = closest(depth, &centre, band[1] + reach, known) else { return };
    // Away from the surface all of it lies on one side.
    let none_deep = hit.distance + reach < band[0] || hit.distance - reach > band[1];
    if none_deep || (hit.distance > reach && !depth.is_inside(&centre, &hit)) {
        return;
    }
    let step = side / 2;
    for i in 0..8 {
        let next = [0, 1, 2].map(|k| low[k] + (i >> k & 1) * step);
        in_band(depth, (next, step), spacing, band, Some(&hit.point), met);
    }
}

/// The thin places that stand out by more than [`KEEP`] walls over the rolling balls.
fn tall(thin: &[Ball], rolling: &Inscribed, wall: f64) -> Vec<usize> {
    let stands_out = |p: &Vector3<f64>| {
        let is_close = |i: usize| (rolling.balls[i].centre - p).norm() - rolling.balls[i].radius < KEEP * wall;
        !rolling.centres.any(p, KEEP * wall + rolling.largest, is_close)
    };
    (0..thin.len()).into_par_iter().filter(|&i| stands_out(&thin[i].centre)).collect()
}

#[cfg(test)]
mod tests;
