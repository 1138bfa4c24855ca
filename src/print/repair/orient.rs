//! Which side of a surface is outside.
//!
//! In: triangles over shared vertices, turned anyhow. Out: the same, consistent within each patch (connected across edges
//! of exactly two triangles) and outward. A closed patch is turned by its volume and by how many others are around it: a
//! body outward, a cavity as it was against the body around it. An open patch is turned by votes of rays from points on
//! it: the side from which more of them leave without meeting anything is outside, then the side with an even count of
//! crossings, then the sign of the volume between it and the middle of its border. Where only the sky counts, no rays are
//! needed for what is closed, since nobody sees a void, and for a patch of which much more looks up than down.
//!
//! Source: K. Takayama, A. Jacobson, L. Kavan, O. Sorkine-Hornung, "A simple method for correcting facet orientations in
//! polygon meshes based on ray casting", JCGT 3(4), 2014; A. Jacobson, L. Kavan, O. Sorkine-Hornung, "Robust inside-outside
//! segmentation using generalized winding numbers", ACM TOG 32(4), 2013 (what is closed is measured by how often it winds).
//! Cost: at most 24 points and 16 rays each for a patch.

use crate::base::{Cancelled, Ctx, Rng};
use crate::mesh::bvh::Bvh;
use crate::mesh::topology::{sorted_edges, start};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Points on a patch that vote.
const VOTERS: usize = 24;
/// Rays of each side of a voter.
const RAYS: usize = 8;
/// Points of a closed patch that ask what is around it.
const ASKED: usize = 5;
/// Share of an open patch that is level at least where that says which side faces the sky, and how much more of it looks
/// one way than the other.
const LEVEL: f64 = 0.1;
const DECIDED: f64 = 0.5;
/// A patch with less than this share of all area is turned upwards without doubt: rays would cost more than it is worth.
const DEBRIS: f64 = 1e-4;

/// The patch of each triangle.
#[derive(Clone, Debug, Default)]
pub struct Patches {
    /// Patch of each triangle, numbered by first triangle.
    pub of: Vec<u32>,
    /// Whether each patch has no border.
    pub closed: Vec<bool>,
}

/// Turns triangles; how many were turned. `sky` says that only what is seen from above is outside.
pub fn orient(ctx: &Ctx, mesh: &mut Mesh, sky: bool) -> Result<(Patches, usize), Cancelled> {
    let before = mesh.triangles.clone();
    let patches = make_consistent(mesh);
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); patches.closed.len()];
    patches.of.iter().zip(0..).for_each(|(&p, t)| members[p as usize].push(t));
    let clear: Vec<Option<bool>> = if sky {
        let debris = DEBRIS * (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm()).sum::<f64>();
        // A void cannot be seen from above: it may as well be a body in another.
        let of = |p: usize| {
            if patches.closed[p] {
                Some(own_volume(mesh, &members[p]) < 0.0)
            } else {
                looks_down(mesh, &members[p], debris)
            }
        };
        (0..members.len()).into_par_iter().map(of).collect()
    } else {
        vec![None; members.len()]
    };
    // For the one sheet of most cities no ray is needed.
    let bvh = if clear.iter().all(Option::is_some) { Bvh::default() } else { Bvh::new(mesh) };
    let shape = Shape { mesh, bvh: &bvh, patches: &patches, members: &members };
    let (done, total) = (std::sync::atomic::AtomicU64::new(0), members.len() as u64);
    let turned: Vec<Verdict> = (0..members.len())
        .into_par_iter()
        .map(|p| {
            ctx.tick(done.fetch_add(1, std::sync::atomic::Ordering::Relaxed), total)?;
            Ok(match clear[p] {
                Some(turn) => Verdict::Turn(turn),
                None if patches.closed[p] => shape.judge_closed(p),
                None => shape.judge_open(p, sky),
            })
        })
        .collect::<Result<_, Cancelled>>()?;
    // A cavity turns with the body around it.
    let turn: Vec<bool> = turned
        .iter()
        .map(|v| match v {
            Verdict::Turn(turn) => *turn,
            Verdict::With(outer) => matches!(turned[*outer as usize], Verdict::Turn(true)),
        })
        .collect();
    for (t, triangle) in mesh.triangles.iter_mut().enumerate() {
        if turn[patches.of[t] as usize] {
            triangle.swap(1, 2);
        }
    }
    let even = |a: &[u32; 3], b: &[u32; 3]| (0..3).any(|k| *a == [b[k], b[(k + 1) % 3], b[(k + 2) % 3]]);
    let count = before.iter().zip(&mesh.triangles).filter(|(a, b)| !even(a, b)).count();
    Ok((patches, count))
}

/// Whether more of a patch looks down than up, where that is beyond doubt, or its area (doubled) below `debris`.
fn looks_down(mesh: &Mesh, members: &[u32], debris: f64) -> Option<bool> {
    let (mut up, mut level, mut all) = (0.0, 0.0, 0.0);
    for normal in members.iter().map(|&t| mesh.area_normal(t as usize)) {
        (up, level, all) = (up + normal.z, level + normal.z.abs(), all + normal.norm());
    }
    (all < debris || (level > LEVEL * all && up.abs() > DECIDED * level)).then_some(up < 0.0)
}

enum Verdict {
    Turn(bool),
    /// As the patch around it.
    With(u32),
}

/// Gives each patch one direction, that of the most area.
fn make_consistent(mesh: &mut Mesh) -> Patches {
    let n = mesh.triangles.len();
    let mut beside: Vec<[Option<(u32, bool)>; 3]> = vec![[None; 3]; n];
    let mut bordered = vec![false; n];
    for group in sorted_edges(&mesh.triangles).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let [(.., g), (.., h)] = *group {
            let against = start(&mesh.triangles, g) == start(&mesh.triangles, h);
            beside[g as usize / 3][g as usize % 3] = Some((h / 3, against));
            beside[h as usize / 3][h as usize % 3] = Some((g / 3, against));
        } else {
            group.iter().for_each(|e| bordered[e.2 as usize / 3] = true);
        }
    }
    let (mut of, mut turned) = (vec![u32::MAX; n], vec![false; n]);
    let mut closed = Vec::new();
    for first in 0..n {
        if of[first] != u32::MAX {
            continue;
        }
        let patch = closed.len() as u32;
        let (mut list, mut next, mut whole) = (vec![first as u32], 0, true);
        of[first] = patch;
        while next < list.len() {
            let t = list[next] as usize;
            next += 1;
            whole &= !bordered[t];
            for (other, against) in beside[t].into_iter().flatten() {
                let (o, wanted) = (other as usize, turned[t] ^ against);
                if of[o] == u32::MAX {
                    of[o] = patch;
                    turned[o] = wanted;
                    list.push(other);
                } else if turned[o] != wanted {
                    // One-sided: no direction fits everywhere.
                    whole = false;
                }
            }
        }
        let area = |side: bool| {
            list.iter()
                .filter(|&&t| turned[t as usize] == side)
                .map(|&t| mesh.area_normal(t as usize).norm())
                .sum::<f64>()
        };
        if area(true) > area(false) {
            list.iter().for_each(|&t| turned[t as usize] ^= true);
        }
        closed.push(whole);
    }
    mesh.triangles.iter_mut().zip(&turned).filter(|(_, t)| **t).for_each(|(c, _)| c.swap(1, 2));
    Patches { of, closed }
}

struct Shape<'a> {
    mesh: &'a Mesh,
    bvh: &'a Bvh,
    patches: &'a Patches,
    members: &'a [Vec<u32>],
}

impl Shape<'_> {
    fn judge_closed(&self, patch: usize) -> Verdict {
        let members = &self.members[patch];
        let volume = own_volume(self.mesh, members);
        let mut votes: BTreeMap<u32, usize> = BTreeMap::new();
        let mut rng = Rng::new(7, patch as u64);
        let asked = ASKED.min(members.len());
        for i in 0..asked {
            let p = centre(self.mesh, members[i * members.len() / asked]);
            let mut crossed: BTreeMap<u32, usize> = BTreeMap::new();
            for (t, _) in self.bvh.cast_all(&p, &direction(&mut rng), 0.0, f64::INFINITY) {
                let other = self.patches.of[t as usize];
                if other as usize != patch && self.patches.closed[other as usize] {
                    *crossed.entry(other).or_default() += 1;
                }
            }
            for (other, _) in crossed.into_iter().filter(|(_, n)| n % 2 == 1) {
                *votes.entry(other).or_default() += 1;
            }
        }
        let around: Vec<u32> = votes.into_iter().filter(|(_, n)| 2 * n > asked).map(|(other, _)| other).collect();
        if around.len().is_multiple_of(2) {
            return Verdict::Turn(volume < 0.0);
        }
        // Inside of a body: the smallest one around it says whether it is inside out.
        let size = |p: u32| own_volume(self.mesh, &self.members[p as usize]).abs();
        match around.into_iter().min_by(|&a, &b| size(a).total_cmp(&size(b)).then(a.cmp(&b))) {
            Some(outer) => Verdict::With(outer),
            None => Verdict::Turn(volume < 0.0),
        }
    }

    fn judge_open(&self, patch: usize, sky: bool) -> Verdict {
        let members = &self.members[patch];
        let mut rng = Rng::new(11, patch as u64);
        let mut areas: Vec<f64> = members.iter().map(|&t| self.mesh.area_normal(t as usize).norm()).collect();
        for i in 1..areas.len() {
            areas[i] += areas[i - 1];
        }
        let total = areas.last().copied().unwrap_or_default();
        let (mut free, mut even) = (0i64, 0i64);
        let voters = VOTERS.min(4 * members.len());
        for i in 0..voters {
            let at = (i as f64 + 0.5) / voters as f64 * total;
            let t = members[areas.partition_point(|&a| a < at).min(members.len() - 1)];
            let normal = self.mesh.area_normal(t as usize).try_normalize(0.0).unwrap_or_default();
            let p = inside(self.mesh, t, &mut rng);
            for _ in 0..RAYS {
                let mut ray = direction(&mut rng);
                if sky && ray.z < 0.0 {
                    ray = -ray;
                }
                let front = ray.dot(&normal) > 0.0;
                let hits = self.bvh.cast_all(&p, &ray, 0.0, f64::INFINITY);
                let others = hits.iter().filter(|h| h.0 != t && h.1 > 0.0).count();
                let vote = if front { 1 } else { -1 };
                free += if others == 0 { vote } else { 0 };
                even += if others % 2 == 0 { vote } else { -vote };
                if !sky {
                    // The other side has as many rays, so that a free sheet has no side.
                    let hits = self.bvh.cast_all(&p, &-ray, 0.0, f64::INFINITY);
                    let others = hits.iter().filter(|h| h.0 != t && h.1 > 0.0).count();
                    free -= if others == 0 { vote } else { 0 };
                    even -= if others % 2 == 0 { vote } else { -vote };
                }
            }
        }
        if free != 0 {
            return Verdict::Turn(free < 0);
        }
        if even != 0 {
            return Verdict::Turn(even < 0);
        }
        Verdict::Turn(volume_from(self.mesh, members, &border_middle(self.mesh, members)) < 0.0)
    }
}

/// A direction of no preference.
fn direction(rng: &mut Rng) -> Vector3<f64> {
    loop {
        let v = Vector3::from_fn(|_, _| 2.0 * rng.next_f64() - 1.0);
        let n = v.norm();
        if n > 0.1 && n <= 1.0 {
            return v / n;
        }
    }
}

fn centre(mesh: &Mesh, t: u32) -> Vector3<f64> {
    mesh.corners(t as usize).iter().sum::<Vector3<f64>>() / 3.0
}

/// A point of a triangle, not close to its edges.
fn inside(mesh: &Mesh, t: u32, rng: &mut Rng) -> Vector3<f64> {
    let [a, b, c] = mesh.corners(t as usize);
    let (mut u, mut v) = (rng.next_f64(), rng.next_f64());
    if u + v > 1.0 {
        (u, v) = (1.0 - u, 1.0 - v);
    }
    let (u, v) = (0.1 + 0.7 * u, 0.1 + 0.7 * v);
    a + (b - a) * u + (c - a) * v
}

/// Signed volume between triangles and a point.
/// The volume of a closed patch; negative where it is inside out.
fn own_volume(mesh: &Mesh, members: &[u32]) -> f64 {
    volume_from(mesh, members, &mesh.corners(members[0] as usize)[0])
}

fn volume_from(mesh: &Mesh, members: &[u32], origin: &Vector3<f64>) -> f64 {
    members
        .iter()
        .map(|&t| {
            let [a, b, c] = mesh.corners(t as usize).map(|p| p - origin);
            a.dot(&b.cross(&c)) / 6.0
        })
        .sum()
}

/// Mean of the corners on the border of a patch.
fn border_middle(mesh: &Mesh, members: &[u32]) -> Vector3<f64> {
    let triangles: Vec<[u32; 3]> = members.iter().map(|&t| mesh.triangles[t as usize]).collect();
    let (mut sum, mut count) = (Vector3::zeros(), 0.0);
    for group in sorted_edges(&triangles).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        if let [(a, b, _)] = *group {
            sum += mesh.vertices[a as usize] + mesh.vertices[b as usize];
            count += 2.0;
        }
    }
    sum / f64::max(count, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field of 40 x 40 squares at a height, upside down where `down`.
    fn field(mesh: &mut Mesh, z: f64, down: bool) {
        let first = mesh.vertices.len() as u32;
        mesh.vertices.extend((0..41 * 41).map(|i| Vector3::new(f64::from(i % 41), f64::from(i / 41), z)));
        for i in (0..40 * 40).map(|i| first + i % 40 + i / 40 * 41) {
            for t in [[i, i + 1, i + 42], [i, i + 42, i + 41]] {
                mesh.triangles.push(if down { [t[0], t[2], t[1]] } else { t });
            }
        }
    }

    #[test]
    fn what_is_open_looks_to_the_sky() {
        let mut mesh = Mesh::default();
        field(&mut mesh, 0.0, true);
        // Under it, where no ray gets away: another field, and a crumb.
        field(&mut mesh, -1.0, true);
        let n = mesh.vertices.len() as u32;
        mesh.vertices.extend([[20.0, 20.0], [20.2, 20.0], [20.0, 20.2]].map(|[x, y]| Vector3::new(x, y, -0.5)));
        mesh.triangles.push([n, n + 2, n + 1]);
        let (patches, turned) = orient(&Ctx::silent(), &mut mesh, true).expect("not cancelled");
        assert_eq!((patches.closed, turned), (vec![false; 3], mesh.triangles.len()));
        assert!((0..mesh.triangles.len()).all(|t| mesh.area_normal(t).z > 0.0));
    }
}
