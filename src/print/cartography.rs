//! What a town's surface must give up to be a small solid thing: waves, caves under trees, holes at the rim.
//!
//! - [`level_water`]: each connected water takes its median height. In: a city. Out: its vertices (local metres).
//! - [`lower_undersides`]: what hangs over under trees, cars and ground is filled down to the base. In: the closed body
//!   before it is cut, and the class of a place. Out: the body with those undersides in its base, still closed.
//! - [`missing`]: the pieces of the outline over which the surface has nothing, and slits between two of its borders. In:
//!   the surface, the outline. Out: the share of the outline that is empty, and a closed [`Solid`] of columns up to the
//!   level of the surroundings.
//!
//! Eaves, bridges and balconies stay: classes other than vegetation, cars, ground and water keep their undersides.

use super::solid::Solid;
use super::{close, outline};
use crate::base::stats;
use crate::mesh::topology::{NONE, UnionFind, next, start, twins};
use crate::scene::{City, Mesh, SurfaceClass};
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use std::collections::HashMap;

/// A vertex of a water's triangle that is farther from its level than this, in metres, is no water.
const WAVES: f64 = 1.5;
/// Least area of a water in square metres; smaller ones are left as they are.
const POND: f64 = 30.0;
/// A triangle hangs over where its normal points down by more than this.
const OVERHANG: f64 = -0.05;
/// How much deeper the lowered underside of the highest place lies, as a share of its floor.
const DEEPER: f64 = 0.5;
/// Cells along the longer side of the outline, when holes are looked for.
const CELLS: f64 = 500.0;
/// Cells that a filling reaches below the surface around it.
const UNDER: i32 = 2;
/// Cells that a filling reaches on each side of a slit.
const BESIDE: i32 = 1;

/// The vertices of the city with its waters level, and how many waters there are.
pub fn level_water(city: &City) -> (Vec<Vector3<f64>>, usize) {
    let mesh = &city.mesh;
    let mut vertices = mesh.vertices.clone();
    let water: Vec<usize> = (0..city.classes.len()).filter(|&t| city.classes[t] == SurfaceClass::Water).collect();
    let mut sets = UnionFind::new(vertices.len());
    for &t in &water {
        let [a, b, c] = mesh.triangles[t];
        sets.join(a, b);
        sets.join(b, c);
    }
    let mut waters: std::collections::BTreeMap<u32, (f64, Vec<u32>)> = std::collections::BTreeMap::new();
    for &t in &water {
        let entry = waters.entry(sets.find(mesh.triangles[t][0])).or_default();
        entry.0 += mesh.area_normal(t).norm() / 2.0;
        entry.1.extend(mesh.triangles[t]);
    }
    let mut count = 0;
    for (area, own) in waters.values_mut().filter(|w| w.0 >= POND) {
        own.sort_unstable();
        own.dedup();
        let heights: Vec<f64> = own.iter().map(|&v| vertices[v as usize].z).collect();
        let Some(level) = stats::quantile(&heights, 0.5) else { continue };
        for &v in own.iter() {
            let z = &mut vertices[v as usize].z;
            if (*z - level).abs() < WAVES {
                *z = level;
            }
        }
        count += usize::from(*area > 0.0);
    }
    (vertices, count)
}

/// Whether what hangs over is filled below a class.
pub fn rests_on_ground(class: SurfaceClass) -> bool {
    use SurfaceClass as C;
    matches!(class, C::Vegetation | C::Car | C::Ground | C::Water)
}

/// Fills the space below the undersides for which `filled` holds: they are put down below `floor`, the lower the higher they
/// were, so that none lies in another, with walls around them. Those that are seen from below as less than `least`, in square
/// units, stay. Returns how many triangles were lowered. The body may cross itself after, and wind around some of its inside
/// twice.
pub fn lower_undersides(
    body: &mut Solid,
    (floor, least): (f64, f64),
    filled: impl Fn(&Vector3<f64>) -> bool + Sync,
) -> usize {
    let mesh = &body.mesh;
    let hangs = |t: &usize| {
        let normal = mesh.area_normal(*t);
        body.photo[*t] && normal.z < OVERHANG * normal.norm()
    };
    let all = (0..mesh.triangles.len()).into_par_iter().filter(hangs);
    let hanging: Vec<usize> = all.filter(|&t| filled(&(body.origin[t].iter().sum::<Vector3<f64>>() / 3.0))).collect();
    let twins = twins(&mesh.triangles);
    let chosen = large_patches(mesh, &twins, hanging, least);
    let mut number = vec![NONE; mesh.triangles.len()];
    chosen.iter().zip(0..).for_each(|(&t, i)| number[t] = i);
    // The corner of a chosen triangle where a half-edge begins; the half-edge on the other side of a chosen one.
    let corner = |h: u32| 3 * number[h as usize / 3] + h % 3;
    let beside = |h: u32| Some(twins[h as usize]).filter(|&g| g != NONE && number[g as usize / 3] != NONE);
    let edges: Vec<u32> = chosen.iter().flat_map(|&t| (0..3).map(move |k| (3 * t + k) as u32)).collect();
    // Each fan of chosen triangles around a vertex has a copy of it below.
    let mut fans = UnionFind::new(edges.len());
    for &h in &edges {
        if let Some(g) = beside(h) {
            fans.join(corner(h), corner(next(g)));
        }
    }
    let top = mesh.vertices.iter().map(|v| v.z).fold(floor, f64::max);
    let mut below = vec![NONE; edges.len()];
    let mut lowered: Vec<Vector3<f64>> = Vec::new();
    for &h in &edges {
        let fan = fans.find(corner(h)) as usize;
        if below[fan] == NONE {
            below[fan] = (mesh.vertices.len() + lowered.len()) as u32;
            let p = mesh.vertices[start(&mesh.triangles, h) as usize];
            lowered.push(Vector3::new(p.x, p.y, floor * (1.0 - DEEPER * p.z / top)));
        }
    }
    let mut under = |h: u32| below[fans.find(corner(h)) as usize];
    let mut walls = Vec::new();
    for &h in edges.iter().filter(|&&h| beside(h).is_none()) {
        let [a, b] = [h, next(h)].map(|h| start(&mesh.triangles, h));
        let [pa, pb] = [h, next(h)].map(|h| body.origin[h as usize / 3][h as usize % 3]);
        let (under_a, under_b) = (under(h), under(next(h)));
        walls.extend([([a, b, under_b], [pa, pb, pb]), ([a, under_b, under_a], [pa, pb, pa])]);
    }
    let bottoms: Vec<[u32; 3]> = edges.chunks_exact(3).map(|c| [under(c[0]), under(c[1]), under(c[2])]).collect();
    for (&t, bottom) in chosen.iter().zip(bottoms) {
        (body.mesh.triangles[t], body.origin[t], body.photo[t]) = (bottom, [Vector3::zeros(); 3], false);
    }
    body.mesh.vertices.extend(lowered);
    walls.into_iter().for_each(|(triangle, places)| body.push(triangle, places, true));
    chosen.len()
}

/// Those of some triangles that lie with others, edge by edge, in patches of at least so much area on the ground.
fn large_patches(mesh: &Mesh, twins: &[u32], chosen: Vec<usize>, least: f64) -> Vec<usize> {
    let mut number = vec![NONE; mesh.triangles.len()];
    chosen.iter().zip(0..).for_each(|(&t, i)| number[t] = i);
    let mut patches = UnionFind::new(chosen.len());
    for (&t, i) in chosen.iter().zip(0..) {
        let beside = twins[3 * t..3 * t + 3].iter().filter(|&&g| g != NONE).map(|&g| number[g as usize / 3]);
        beside.filter(|&j| j != NONE).for_each(|j| patches.join(i, j));
    }
    let mut areas = vec![0.0; chosen.len()];
    for (&t, i) in chosen.iter().zip(0..) {
        areas[patches.find(i) as usize] += mesh.area_normal(t).z.abs() / 2.0;
    }
    let kept = chosen.iter().zip(0..).filter(|&(_, i)| areas[patches.find(i) as usize] >= least);
    kept.map(|(&t, _)| t).collect()
}

/// The pieces of an outline without surface.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Missing {
    /// Their share of the outline.
    pub share: f64,
    /// Columns that fill them.
    pub filling: Solid,
}

/// Heights from above on a grid over an outline.
struct Heights {
    low: Vector2<f64>,
    cell: f64,
    columns: i32,
    rows: i32,
    height: Vec<f64>,
    inside: Vec<bool>,
}

impl Heights {
    fn of(surface: &Mesh, ring: &[Vector2<f64>]) -> Option<Self> {
        let (low, high) = outline::bounds(ring)?;
        let cell = (high - low).max() / CELLS;
        // Two nodes beyond the outline on each side, as far as it is filled.
        let low = low.add_scalar(-2.0 * cell);
        let (columns, rows) =
            (((high.x - low.x) / cell).ceil() as i32 + 3, ((high.y - low.y) / cell).ceil() as i32 + 3);
        let n = (columns * rows) as usize;
        let mut heights = Self { low, cell, columns, rows, height: vec![f64::NEG_INFINITY; n], inside: Vec::new() };
        for t in 0..surface.triangles.len() {
            heights.draw(&surface.corners(t));
        }
        heights.inside = (0..n).map(|i| outline::contains(ring, &heights.place(i))).collect();
        Some(heights)
    }

    /// The nodes in the outline or close to it without surface, and the share of the outline that they are.
    fn empty(&self) -> (f64, Vec<usize>) {
        let nodes = 0..self.height.len();
        let empty: Vec<usize> = nodes.filter(|&i| !self.height[i].is_finite() && self.is_near(i)).collect();
        let inside = self.inside.iter().filter(|i| **i).count().max(1);
        (empty.iter().filter(|&&i| self.inside[i]).count() as f64 / inside as f64, empty)
    }

    fn place(&self, i: usize) -> Vector2<f64> {
        let (x, y) = (i as i32 % self.columns, i as i32 / self.columns);
        self.low + Vector2::new(f64::from(x), f64::from(y)) * self.cell
    }

    /// Raises the nodes under a triangle.
    fn draw(&mut self, [a, b, c]: &[Vector3<f64>; 3]) {
        let det = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
        if det == 0.0 {
            return;
        }
        let range = |k: usize, most: i32| {
            let (low, high) = (a[k].min(b[k]).min(c[k]), a[k].max(b[k]).max(c[k]));
            let index = |x: f64| (x - self.low[k]) / self.cell;
            (index(low).ceil().max(0.0) as i32)..(index(high).floor().min(f64::from(most - 1)) as i32 + 1)
        };
        let (xs, ys) = (range(0, self.columns), range(1, self.rows));
        for y in ys {
            for x in xs.clone() {
                let i = (y * self.columns + x) as usize;
                let p = self.place(i);
                let v = ((p.x - a.x) * (c.y - a.y) - (c.x - a.x) * (p.y - a.y)) / det;
                let w = ((b.x - a.x) * (p.y - a.y) - (p.x - a.x) * (b.y - a.y)) / det;
                if v >= -1e-9 && w >= -1e-9 && v + w <= 1.0 + 1e-9 {
                    let slot = &mut self.height[i];
                    *slot = slot.max(a.z + (b.z - a.z) * v + (c.z - a.z) * w);
                }
            }
        }
    }

    fn around(&self, i: usize, reach: i32) -> impl Iterator<Item = usize> + use<> {
        let (x, y) = (i as i32 % self.columns, i as i32 / self.columns);
        let (columns, rows) = (self.columns, self.rows);
        (-reach..=reach).flat_map(move |dy| (-reach..=reach).map(move |dx| (x + dx, y + dy))).filter_map(
            move |(x, y)| ((0..columns).contains(&x) && (0..rows).contains(&y)).then_some((y * columns + x) as usize),
        )
    }

    /// Whether a node is in the outline or so close to it that what is filled there goes on beyond the outline, whose sides
    /// may run through nodes.
    fn is_near(&self, i: usize) -> bool {
        self.around(i, 2).any(|j| self.inside[j])
    }

    /// The nodes in the outline, or close to it, that are nearest to a line along vertices of the surface.
    fn along(&self, surface: &Mesh, line: &[u32]) -> Vec<usize> {
        let mut nodes = Vec::new();
        for (k, &v) in line.iter().enumerate() {
            let (a, b) =
                (surface.vertices[v as usize].xy(), surface.vertices[line[(k + 1) % line.len()] as usize].xy());
            let steps = (2.0 * (b - a).norm() / self.cell).ceil().max(1.0);
            for step in 0..steps as i32 {
                let at = (a + (b - a) * (f64::from(step) / steps) - self.low) / self.cell;
                let (x, y) = (at.x.round() as i32, at.y.round() as i32);
                if (0..self.columns).contains(&x) && (0..self.rows).contains(&y) {
                    nodes.push((y * self.columns + x) as usize);
                }
            }
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes.retain(|&i| self.is_near(i));
        nodes
    }

    /// Heights for the nodes of `empty`, each the mean of its surroundings, from the lowest of the surface beside them.
    fn fill(&mut self, empty: &[usize]) {
        let mut open: Vec<usize> = empty.to_vec();
        while !open.is_empty() {
            let found: Vec<(usize, f64)> = open
                .iter()
                .filter_map(|&i| {
                    let known = self.around(i, 1).map(|j| self.height[j]).filter(|h| h.is_finite());
                    known.reduce(f64::min).map(|h| (i, h))
                })
                .collect();
            if found.is_empty() {
                return;
            }
            for &(i, h) in &found {
                self.height[i] = h;
            }
            open.retain(|&i| !self.height[i].is_finite());
        }
        for _ in 0..32 {
            let mean = |&i: &usize| {
                let (sum, n) = self.around(i, 1).fold((0.0, 0.0), |(s, n), j| (s + self.height[j], n + 1.0));
                sum / n
            };
            let means: Vec<f64> = empty.iter().map(mean).collect();
            for (&i, mean) in empty.iter().zip(means) {
                if mean.is_finite() {
                    self.height[i] = mean;
                }
            }
        }
    }
}

/// The share of the outline over which the surface has nothing.
pub fn empty_share(surface: &Mesh, ring: &[Vector2<f64>]) -> f64 {
    Heights::of(surface, ring).map_or(1.0, |heights| heights.empty().0)
}

/// Looks for pieces of the outline without surface, and for slits, finer than can be seen from above, along its outer border,
/// below which walls are put down to the floor; `place` gives the place of the city for a point of the part.
pub fn missing(
    surface: &Mesh,
    ring: &[Vector2<f64>],
    floor: f64,
    place: impl Fn(&Vector3<f64>) -> Vector3<f64>,
) -> Missing {
    let Some(mut heights) = Heights::of(surface, ring) else { return Missing::default() };
    let n = heights.height.len();
    let (share, empty) = heights.empty();
    let slits = heights.along(surface, &close::outer_border(surface));
    let mut used = vec![false; n];
    for (nodes, reach) in [(&empty, UNDER), (&slits, BESIDE)] {
        nodes.iter().for_each(|&i| heights.around(i, reach).for_each(|j| used[j] = true));
    }
    if !used.contains(&true) {
        return Missing::default();
    }
    heights.fill(&empty);
    let mut filled = vec![false; n];
    empty.iter().for_each(|&i| filled[i] = true);
    // Below the surface around it, a filling hides.
    let top = |i: usize| if filled[i] { heights.height[i] } else { heights.height[i] - heights.cell };
    let mut index: HashMap<usize, u32> = HashMap::new();
    let mut out = Solid::default();
    for y in 0..heights.rows - 1 {
        for x in 0..heights.columns - 1 {
            let i = (y * heights.columns + x) as usize;
            let right = heights.columns as usize;
            let quad = [i, i + 1, i + right + 1, i + right];
            if !quad.iter().all(|&j| used[j] && heights.height[j].is_finite()) {
                continue;
            }
            let v = quad.map(|j| {
                *index.entry(j).or_insert_with(|| {
                    let flat = heights.place(j);
                    out.mesh.vertices.extend([flat.push(top(j)), flat.push(floor)]);
                    out.mesh.vertices.len() as u32 - 2
                })
            });
            for t in [[v[0], v[1], v[2]], [v[0], v[2], v[3]]] {
                let places = t.map(|v| place(&out.mesh.vertices[v as usize]));
                out.push(t, places, true);
                out.push([t[0] + 1, t[2] + 1, t[1] + 1], [Vector3::zeros(); 3], false);
            }
        }
    }
    close_sides(&mut out);
    Missing { share, filling: out }
}

/// Walls between a top and its copy on the floor, whose vertices follow the top's.
fn close_sides(out: &mut Solid) {
    let mut edges: HashMap<(u32, u32), [Vector3<f64>; 2]> = HashMap::new();
    for (t, places) in out.mesh.triangles.iter().zip(&out.origin).step_by(2) {
        for k in 0..3 {
            let (a, b) = (t[k], t[(k + 1) % 3]);
            if edges.remove(&(b, a)).is_none() {
                edges.insert((a, b), [places[k], places[(k + 1) % 3]]);
            }
        }
    }
    let mut border: Vec<_> = edges.into_iter().collect();
    border.sort_unstable_by_key(|(edge, _)| *edge);
    for ((a, b), [pa, pb]) in border {
        out.push([b, a, a + 1], [pb, pa, pa], true);
        out.push([b, a + 1, b + 1], [pb, pa, pb], true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Ctx;
    use crate::mesh::inspect;
    use crate::print::outline::prism;
    use crate::print::solid::unite;

    fn square(x: f64, y: f64, s: f64) -> Vec<Vector2<f64>> {
        vec![Vector2::new(x, y), Vector2::new(x + s, y), Vector2::new(x + s, y + s), Vector2::new(x, y + s)]
    }

    #[test]
    fn a_crown_stands_on_its_filling() {
        let ctx = Ctx::silent();
        // A slab, a trunk, a crown.
        let bodies = [
            prism(&square(0.0, 0.0, 10.0), 0.0, 1.0),
            prism(&square(4.0, 4.0, 1.0), 0.5, 5.0),
            prism(&square(2.0, 2.0, 5.0), 4.0, 6.0),
        ];
        let mut tree = unite(&ctx, &bodies.iter().collect::<Vec<_>>()).expect("a tree");
        tree.photo.iter_mut().for_each(|p| *p = true);
        for t in 0..tree.photo.len() {
            tree.origin[t] = tree.mesh.corners(t);
        }
        // The bottom of the slab hangs over as well, and is no tree; what is smaller than asked for stays.
        assert_eq!(lower_undersides(&mut tree, (-1.0, 24.5), |p| p.z > 3.0), 0);
        let lowered = lower_undersides(&mut tree, (-1.0, 24.0), |p| p.z > 3.0);
        assert!(lowered > 0 && inspect(&tree.mesh).is_closed());
        let filled = unite(&ctx, &[&tree]).expect("union");
        // Above the slab, and around the trunk down to where its height of 4 of 6 put it.
        let volume = inspect(&filled.mesh).volume;
        let floor = -1.0 + DEEPER * 4.0 / 6.0;
        assert!((volume - (100.0 + 25.0 * 5.0 - 24.0 * floor)).abs() < 1e-9, "{volume}");
    }

    #[test]
    fn holes_at_the_rim_are_found_and_filled_at_the_level_around_them() {
        let mut surface = Mesh::default();
        // A slope of 20 x 20 fields with one corner bitten off.
        for y in 0..=20 {
            for x in 0..=20 {
                surface.vertices.push(Vector3::new(f64::from(x), f64::from(y), 5.0 + 0.1 * f64::from(x)));
            }
        }
        for y in 0..20u32 {
            for x in 0..20u32 {
                let i = y * 21 + x;
                if x + y > 3 {
                    surface.triangles.extend([[i, i + 1, i + 22], [i, i + 22, i + 21]]);
                }
            }
        }
        let found = missing(&surface, &square(0.0, 0.0, 20.0), -5.0, |p| *p);
        assert!((found.share - 10.0 / 400.0).abs() < 0.003, "{}", found.share);
        assert_eq!(found.share, empty_share(&surface, &square(0.0, 0.0, 20.0)));
        let report = inspect(&found.filling.mesh);
        assert!(report.is_closed() && report.volume > 0.0, "{report:?}");
        for (t, shown) in found.filling.photo.iter().enumerate() {
            for p in found.filling.mesh.corners(t) {
                assert!(p.z == -5.0 || (!shown) || (4.8..7.1).contains(&p.z), "{p}");
            }
        }
        assert_eq!(missing(&surface, &square(5.0, 5.0, 10.0), -5.0, |p| *p), Missing::default());
    }

    #[test]
    fn a_slit_is_filled_beyond_the_outline() {
        // Two plane fields with a hundredth between them, joined at their far end.
        let at = |x: f64, y: f64| Vector3::new(x, y, 3.0);
        let ys = [-2.0, 10.0, 10.01, 22.0];
        let vertices: Vec<_> = [-2.0, 12.0, 22.0].into_iter().flat_map(|x| ys.map(|y| at(x, y))).collect();
        let quads = [[0, 4, 5, 1], [2, 6, 7, 3], [4, 8, 9, 5], [5, 9, 10, 6], [6, 10, 11, 7]];
        let triangles = quads.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]).collect();
        let found = missing(&Mesh { vertices, triangles }, &square(0.0, 0.0, 20.0), -5.0, |p| *p);
        let (low, high) = found.filling.mesh.bounds().expect("a filling");
        assert_eq!(found.share, 0.0);
        assert!(inspect(&found.filling.mesh).is_closed());
        assert!(low.x < -0.01 && (12.0..12.2).contains(&high.x), "{low} {high}");
        assert!(low.y > 9.8 && low.y < 10.0 && high.y > 10.01 && high.y < 10.2 && low.z == -5.0, "{low} {high}");
        // Hidden below the surface.
        assert!(high.z < 3.0 && high.z > 2.9, "{high}");
    }
}
