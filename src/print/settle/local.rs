//! Crossings that do not go by themselves, ended one place after the other.
//!
//! In: a closed [`Solid`] and its troubled triangles. Out: the same body with fewer crossings, in one of three ways.
//! [`nudge`] moves the corners of a place a little, along their normals, where that parts what crosses. [`mend`] cuts the
//! troubled triangles out, with some of their neighbours, and fills the hole with the least area; a filling is taken only
//! where it hardly changes the volume, makes no edge that is there already, and crosses nothing around it. Neither makes a
//! place worse. [`swallow`] unites the body with beads along the lines where it crosses itself. Cost: linear in triangles, for
//! each place the square of its own; the union's for the beads.

use super::within::Within;
use crate::base::Ctx;
use crate::mesh::bvh::closest_on_triangle;
use crate::mesh::topology::{Lists, UnionFind};
use crate::mesh::{pieces, self_intersections};
use crate::print::PrintError;
use crate::print::level_set::{Ball, surface_of_balls};
use crate::print::repair::holes;
use crate::print::solid::{Solid, add, unite};
use crate::print::thicken::coloured;
use crate::scene::Mesh;
use nalgebra::Vector3;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Millimetres by which a filling may differ from what it replaces, in the mean.
const OFF: f64 = 0.03;
/// Cubic millimetres that nobody misses.
const SPECK: f64 = 1e-4;
/// Pieces of fewer triangles are crumbs.
const CRUMB: usize = 60;
/// Most parts of a triangle's side between places where a bead may be.
const MOST_CUTS: usize = 200;
/// Nodes to the radius of a bead.
const BEAD: f64 = 2.5;
/// How far, in millimetres for each corner of a loop, a point is put beside a loop without area.
const BESIDE: f64 = 0.001;

/// Mends what it can, with `rings` of neighbours; how many places it mended.
pub fn mend(solid: &mut Solid, troubled: &[bool], rings: usize) -> usize {
    let fans = Lists::around_vertices(&solid.mesh);
    let out = widened(&solid.mesh, troubled, &fans, rings);
    let mut gone = vec![false; solid.mesh.triangles.len()];
    let mut fillings: Vec<Filling> = Vec::new();
    for place in places(&solid.mesh, &out) {
        if let Some(filling) = filled(solid, &place, &fans, &out) {
            place.iter().for_each(|&t| gone[t as usize] = true);
            fillings.push(filling);
        }
    }
    if fillings.is_empty() {
        return 0;
    }
    let mut rest = solid.retain_indexed(|t| !gone[t]);
    for filling in &fillings {
        let first = rest.mesh.vertices.len() as u32;
        rest.mesh.vertices.extend(&filling.vertices);
        for (t, (origin, photo)) in filling.triangles.iter().zip(&filling.shown) {
            rest.push(t.map(|v| if v < filling.known { v } else { v - filling.known + first }), *origin, *photo);
        }
    }
    let (labels, count) = pieces(&rest.mesh);
    let mut sizes = vec![0usize; count];
    labels.iter().for_each(|&l| sizes[l as usize] += 1);
    // Crumbs that were cut loose go.
    let least = sizes.iter().copied().max().unwrap_or(0).min(CRUMB);
    *solid = rest.retain(|t| sizes[labels[t] as usize] >= least);
    fillings.len()
}

/// Moves the corners of troubled triangles along their normals by up to a few times `by`, or to the mean of their neighbours,
/// where that takes crossings away; how many places it changed. Two sheets that reach into each other a little part so.
pub fn nudge(solid: &mut Solid, troubled: &[bool], within: &Within, by: f64) -> usize {
    let fans = Lists::around_vertices(&solid.mesh);
    let out = widened(&solid.mesh, troubled, &fans, 1);
    let mut changed = 0;
    for place in places(&solid.mesh, &out) {
        let mesh = &solid.mesh;
        let own: HashSet<u32> = place.iter().copied().collect();
        let rim: Vec<u32> = place.iter().flat_map(|&t| mesh.triangles[t as usize]).collect();
        let around = neighbours(mesh, rim.iter().copied(), &fans, &own);
        let all: Vec<[u32; 3]> = place.iter().chain(&around).map(|&t| mesh.triangles[t as usize]).collect();
        let names = Around::new(&all, |v| mesh.vertices[v as usize]);
        let mut local = Mesh { vertices: names.at.clone(), triangles: names.local(&all) };
        let mut moving: Vec<u32> =
            place.iter().filter(|&&t| troubled[t as usize]).flat_map(|&t| mesh.triangles[t as usize]).collect();
        moving.sort_unstable();
        moving.dedup();
        let ways: Vec<(Vector3<f64>, Vector3<f64>)> = moving.iter().map(|&v| ways(mesh, &fans, v)).collect();
        let before = self_intersections(&local).len();
        let (mut best, mut least) = (None, before);
        for step in [Step::Along(-by), Step::Along(by), Step::Along(-3.0 * by), Step::Along(3.0 * by), Step::Mean] {
            for (&v, (normal, mean)) in moving.iter().zip(&ways) {
                let from = mesh.vertices[v as usize];
                let to = match step {
                    Step::Along(by) => from + normal * by,
                    Step::Mean => from + (mean - from).cap_magnitude(3.0 * by),
                };
                local.vertices[names.number[&v] as usize] = within.held(&from, to);
            }
            let left = self_intersections(&local).len();
            if left < least {
                (best, least) = (Some(local.vertices.clone()), left);
            }
            if least == 0 {
                break;
            }
        }
        if let Some(moved) = best {
            for &v in &moving {
                solid.mesh.vertices[v as usize] = moved[names.number[&v] as usize];
            }
            changed += 1;
        }
    }
    changed
}

/// The body united with beads of `radius` along the lines where triangles cross, which hide what they hold; those are thin
/// slits and needles, and a bead is hardly seen.
pub fn swallow(
    ctx: &Ctx,
    solid: &Solid,
    crossing: &[(u32, u32)],
    within: &Within,
    radius: f64,
) -> Result<Solid, PrintError> {
    let mut centres: BTreeMap<[i64; 3], Vector3<f64>> = BTreeMap::new();
    let step = radius / 3.0;
    for &(a, b) in crossing {
        let [a, b] = [a, b].map(|t| solid.mesh.corners(t as usize));
        let longest = |t: &[Vector3<f64>; 3]| (0..3).map(|k| (t[k] - t[(k + 1) % 3]).norm()).fold(0.0, f64::max);
        let (small, large) = if longest(&a) <= longest(&b) { (a, b) } else { (b, a) };
        let cuts = ((longest(&small) / step).ceil() as usize).clamp(1, MOST_CUTS);
        for (i, j) in (0..=cuts).flat_map(|i| (0..=cuts - i).map(move |j| (i, j))) {
            let (u, v) = (i as f64 / cuts as f64, j as f64 / cuts as f64);
            let p = small[0] + (small[1] - small[0]) * u + (small[2] - small[0]) * v;
            if (closest_on_triangle(&p, &large) - p).norm() <= step {
                centres.entry((p / step).map(|x| x.round() as i64).into()).or_insert(p);
            }
        }
    }
    let balls: Vec<Ball> = centres.into_values().map(|centre| Ball { centre, radius }).collect();
    if balls.is_empty() {
        return Ok(solid.clone());
    }
    let beads = surface_of_balls(&balls, radius / BEAD);
    let beads = within.cut(ctx, coloured(beads, solid))?;
    // The fast way does where no crossing leaves its bead.
    let is_right = |whole: &Solid| {
        pieces(&whole.mesh).1 <= pieces(&solid.mesh).1 && self_intersections(&whole.mesh).len() < crossing.len()
    };
    match add(ctx, solid, &beads) {
        Ok(whole) if is_right(&whole) => Ok(whole),
        Err(e @ PrintError::Cancelled(_)) => Err(e),
        // Twice, since the inside of a tangle may be wound around once the wrong way.
        _ => unite(ctx, &[solid, &beads, &beads]),
    }
}

/// A way to move corners.
enum Step {
    /// Along their normals, in millimetres.
    Along(f64),
    /// To the mean of their neighbours.
    Mean,
}

/// Normal of a vertex, and the mean of its neighbours.
fn ways(mesh: &Mesh, fans: &Lists, v: u32) -> (Vector3<f64>, Vector3<f64>) {
    let (mut normal, mut sum, mut count) = (Vector3::zeros(), Vector3::zeros(), 0.0);
    for t in fan(fans, v) {
        normal += mesh.area_normal(t as usize).try_normalize(0.0).unwrap_or_default();
        for &w in mesh.triangles[t as usize].iter().filter(|w| **w != v) {
            sum += mesh.vertices[w as usize];
            count += 1.0;
        }
    }
    (normal.try_normalize(1e-9).unwrap_or_default(), sum / f64::max(count, 1.0))
}

/// What takes the place of some triangles.
struct Filling {
    /// Vertices of the body; those of the filling have numbers from here on.
    known: u32,
    vertices: Vec<Vector3<f64>>,
    triangles: Vec<[u32; 3]>,
    /// Origin and photo of each triangle.
    shown: Vec<([Vector3<f64>; 3], bool)>,
}

/// The troubled triangles and `rings` of their neighbours.
fn widened(mesh: &Mesh, troubled: &[bool], fans: &Lists, rings: usize) -> Vec<bool> {
    let mut out = troubled.to_vec();
    let mut rim: Vec<u32> = (0..out.len() as u32).filter(|&t| out[t as usize]).collect();
    for _ in 0..rings {
        let mut next = Vec::new();
        for &v in rim.iter().flat_map(|&t| &mesh.triangles[t as usize]) {
            for t in fan(fans, v) {
                if !std::mem::replace(&mut out[t as usize], true) {
                    next.push(t);
                }
            }
        }
        rim = next;
    }
    out
}

/// The triangles around a vertex.
fn fan(fans: &Lists, v: u32) -> impl Iterator<Item = u32> {
    fans.of(v as usize).iter().map(|corner| corner / 3)
}

/// The marked triangles, those that share corners together.
fn places(mesh: &Mesh, out: &[bool]) -> Vec<Vec<u32>> {
    let marked: Vec<u32> = (0..out.len() as u32).filter(|&t| out[t as usize]).collect();
    let mut sets = UnionFind::new(marked.len());
    let mut by_vertex: HashMap<u32, u32> = HashMap::new();
    for (i, &t) in marked.iter().enumerate() {
        for &v in &mesh.triangles[t as usize] {
            let first = *by_vertex.entry(v).or_insert(i as u32);
            sets.join(first, i as u32);
        }
    }
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    (0..marked.len() as u32).for_each(|i| groups.entry(sets.find(i)).or_default().push(marked[i as usize]));
    groups.into_values().collect()
}

/// The filling of one place; `None` where it would do harm.
fn filled(solid: &Solid, place: &[u32], fans: &Lists, out: &[bool]) -> Option<Filling> {
    let mesh = &solid.mesh;
    let own: Vec<[u32; 3]> = place.iter().map(|&t| mesh.triangles[t as usize]).collect();
    // What is around runs along the loops the other way.
    let turned: Vec<[u32; 3]> = own.iter().map(|[a, b, c]| [*a, *c, *b]).collect();
    let rings = holes::loops(&turned);
    let mut vertices = Around::new(&own, |v| mesh.vertices[v as usize]);
    let known = mesh.vertices.len() as u32;
    let mut triangles = Vec::new();
    for ring in &rings {
        let local: Vec<u32> = ring.iter().map(|v| vertices.number[v]).collect();
        let size = (BESIDE * local.len() as f64).min(0.1);
        triangles.extend(holes::fill(&mut vertices.at, &local, size));
    }
    let centre = vertices.at[0];
    let volume = |all: &[[u32; 3]]| -> f64 {
        let of = |t: &[u32; 3]| {
            let [a, b, c] = t.map(|v| vertices.at[v as usize] - centre);
            a.dot(&b.cross(&c)) / 6.0
        };
        all.iter().map(of).sum()
    };
    let local = vertices.local(&own);
    let area = holes::area(&vertices.at, &local).max(holes::area(&vertices.at, &triangles));
    if (volume(&local) - volume(&triangles)).abs() > OFF * area + SPECK {
        return None;
    }
    let count = vertices.number.len() as u32;
    let global = |v: u32| if v < count { vertices.global[v as usize] } else { known + v - count };
    let triangles: Vec<[u32; 3]> = triangles.iter().map(|t| t.map(global)).collect();
    let added = vertices.at[count as usize..].to_vec();
    let inside: HashSet<u32> = place.iter().copied().collect();
    let around = neighbours(mesh, rings.iter().flatten().copied(), fans, &inside);
    if doubles_an_edge(mesh, &triangles, &rings, &around) || crosses(mesh, &triangles, (known, &added), &around, out) {
        return None;
    }
    let shown = shown(solid, place, &triangles);
    Some(Filling { known, vertices: added, triangles, shown })
}

/// Vertices of a few triangles, by numbers of their own.
struct Around {
    number: HashMap<u32, u32>,
    global: Vec<u32>,
    at: Vec<Vector3<f64>>,
}

impl Around {
    fn new(triangles: &[[u32; 3]], place: impl Fn(u32) -> Vector3<f64>) -> Self {
        let mut around = Self { number: HashMap::new(), global: Vec::new(), at: Vec::new() };
        for &v in triangles.iter().flatten() {
            around.number.entry(v).or_insert_with(|| {
                around.global.push(v);
                around.at.push(place(v));
                around.global.len() as u32 - 1
            });
        }
        around
    }

    /// Triangles in its own numbers.
    fn local(&self, triangles: &[[u32; 3]]) -> Vec<[u32; 3]> {
        triangles.iter().map(|t| t.map(|v| self.number[&v])).collect()
    }
}

/// The triangles at two rings of vertices around some, without those of the place itself.
fn neighbours(mesh: &Mesh, vertices: impl Iterator<Item = u32>, fans: &Lists, own: &HashSet<u32>) -> Vec<u32> {
    let mut found: Vec<u32> = vertices.flat_map(|v| fan(fans, v)).collect();
    found.sort_unstable();
    found.dedup();
    let further: Vec<u32> = found.iter().flat_map(|&t| mesh.triangles[t as usize]).flat_map(|v| fan(fans, v)).collect();
    found.extend(further);
    found.sort_unstable();
    found.dedup();
    found.retain(|t| !own.contains(t));
    found
}

/// Whether an inner edge of the filling is an edge of what stays.
fn doubles_an_edge(mesh: &Mesh, filling: &[[u32; 3]], rings: &[Vec<u32>], around: &[u32]) -> bool {
    let key = |a: u32, b: u32| (a.min(b), a.max(b));
    let rim: HashSet<(u32, u32)> =
        rings.iter().flat_map(|r| (0..r.len()).map(|k| key(r[k], r[(k + 1) % r.len()]))).collect();
    let edges = |t: &[u32; 3]| [key(t[0], t[1]), key(t[1], t[2]), key(t[2], t[0])];
    let kept: HashSet<(u32, u32)> = around.iter().flat_map(|&t| edges(&mesh.triangles[t as usize])).collect();
    let mut uses: HashMap<(u32, u32), usize> = HashMap::new();
    filling.iter().flat_map(edges).for_each(|e| *uses.entry(e).or_default() += 1);
    uses.iter().any(|(edge, n)| if rim.contains(edge) { *n != 1 } else { *n != 2 || kept.contains(edge) })
}

/// Whether the filling crosses itself or what is around it and stays.
fn crosses(
    mesh: &Mesh,
    filling: &[[u32; 3]],
    (known, added): (u32, &[Vector3<f64>]),
    around: &[u32],
    out: &[bool],
) -> bool {
    let staying = around.iter().filter(|&&t| !out[t as usize]).map(|&t| mesh.triangles[t as usize]);
    let all: Vec<[u32; 3]> = filling.iter().copied().chain(staying).collect();
    let place = |v: u32| if v < known { mesh.vertices[v as usize] } else { added[(v - known) as usize] };
    let names = Around::new(&all, place);
    let local = Mesh { triangles: names.local(&all), vertices: names.at };
    self_intersections(&local).iter().any(|&(a, b)| (a.min(b) as usize) < filling.len())
}

/// The filling shows what the corners at the hole showed.
fn shown(solid: &Solid, place: &[u32], filling: &[[u32; 3]]) -> Vec<([Vector3<f64>; 3], bool)> {
    let mut seen: HashMap<u32, (Vector3<f64>, bool)> = HashMap::new();
    for &t in place {
        let photo = solid.photo[t as usize];
        for (v, origin) in solid.mesh.triangles[t as usize].into_iter().zip(solid.origin[t as usize]) {
            let slot = seen.entry(v).or_insert((origin, photo));
            if photo && !slot.1 {
                *slot = (origin, true);
            }
        }
    }
    let of = |t: &[u32; 3]| {
        let found = t.map(|v| seen.get(&v).copied());
        let any = found.iter().flatten().find(|(_, photo)| *photo).copied();
        (found.map(|f| f.filter(|f| f.1).or(any).unwrap_or_default().0), any.is_some())
    };
    filling.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
