//! Gives a body coordinates that every file format can carry, and ends with a surface that does not cross itself there.
//!
//! In: a [`Solid`] whose points have all their digits. Out: the same body on a grid of a power of two (2^-16 mm up to 256
//! mm): STL, glTF and 3MF readers keep 24 binary digits, so that what is checked here is what each of them reads.
//! Rounding lets triangles thinner than the grid cross: [`super::slivers`] takes those out. Where that does not help, what
//! still crosses is nudged apart, cut out or hidden in beads ([`local`]), or the body that the tangle encloses is taken
//! again, until none crosses by exact predicates. Places where the surface only touches itself are opened by a hundredth of
//! a millimetre, since readers weld equal points. Nothing of this leaves the body's box, or the outline that it was cut
//! along ([`within`]).
//! Fails where crossings are left after [`ROUNDS`].

mod local;
mod within;

use super::solid::{Solid, unite};
use super::{PrintError, slivers};
use crate::base::Ctx;
use crate::mesh::delaunay::collinear;
use crate::mesh::{inspect_topology, self_intersections, self_intersections_of};
use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use within::Within;

/// Most rounds of repair.
pub const ROUNDS: usize = 60;
/// After this many rounds crossings are ended in other ways.
const FIRST: usize = 3;
/// Each time after this many rounds the body is taken anew, where they are not ended in place.
const ANEW: usize = 6;
/// Millimetres by which the first round may move the surface; later ones a little more.
const REACH: f64 = 0.01;
/// Triangles that a small body may come to have, beyond four times its own, before it is given up.
const TANGLE: usize = 5_000;
/// Crossings may grow to so many times the first, and so many more, before a body is given up.
const GROWTH: (usize, usize) = (20, 10_000);
/// After so many turns of small changes beads hide what still crosses.
const BEADS_FROM: usize = 4;
/// More crossings than this are not hidden where there is another way.
const FEW: usize = 50;
/// Radius of the first beads in millimetres.
const BEAD: f64 = 0.1;
/// An odd number of 128 random bits.
const MIX: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
/// Millimetres by which touching places are opened.
const OPENING: f64 = 0.01;

/// Binary digits behind the point for coordinates of up to `size`.
pub fn grid(size: f64) -> f64 {
    2f64.powi(24 - (size.max(1.0).log2().floor() as i32 + 1))
}

/// The body on the grid, without crossings.
pub fn settle(ctx: &Ctx, solid: Solid) -> Result<Solid, PrintError> {
    settle_again(ctx, solid, &Mesh::default(), &[])
}

/// The same for a body that was made of a settled one, whose triangles are not looked at again, and that lies in a
/// counter-clockwise `ring`; an empty one limits nothing.
pub fn settle_again(ctx: &Ctx, solid: Solid, before: &Mesh, ring: &[Vector2<f64>]) -> Result<Solid, PrintError> {
    let within = Within::new(&solid.mesh, ring);
    let result = attempt(ctx, solid.clone(), before, &within, Stubborn::InPlace);
    if is_tangle(&result) { attempt(ctx, solid, before, &within, Stubborn::Unite) } else { result }
}

/// The same where there is another way: given up where more than [`FEW`] crossings would have to be hidden, which makes
/// new ones mostly.
pub fn settle_soon(ctx: &Ctx, solid: Solid, before: &Mesh, ring: &[Vector2<f64>]) -> Result<Solid, PrintError> {
    let within = Within::new(&solid.mesh, ring);
    attempt(ctx, solid, before, &within, Stubborn::Soon)
}

/// Whether crossings are left that could not be ended.
pub fn is_tangle(result: &Result<Solid, PrintError>) -> bool {
    matches!(result, Err(PrintError::Crossing { .. } | PrintError::Engine { .. }))
}

/// What is done where crossings do not go by themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stubborn {
    /// They are ended where they are: right for large bodies of small triangles.
    InPlace,
    /// The same, as long as only few have to be hidden.
    Soon,
    /// The body that the tangle encloses is taken anew: right where triangles are large.
    Unite,
}

/// Triangles that do not cross each other, by 128 bits of a hash of their corners on the grid: two of a body would have the
/// same once in 10^26 bodies.
#[derive(Default)]
struct Clean(FxHashSet<u128>);

impl Clean {
    fn of(mesh: &Mesh, grid: f64, crossing: &[(u32, u32)]) -> Self {
        let mut crosses = vec![false; mesh.triangles.len()];
        crossing.iter().for_each(|&(a, b)| (crosses[a as usize], crosses[b as usize]) = (true, true));
        let clean = (0..crosses.len()).into_par_iter().filter(|&t| !crosses[t]);
        let keys: Vec<u128> = clean.map(|t| Self::key(&mesh.corners(t), grid)).collect();
        let mut set = FxHashSet::with_capacity_and_hasher(keys.len(), FxBuildHasher);
        set.extend(keys);
        Self(set)
    }

    fn key(corners: &[Vector3<f64>; 3], grid: f64) -> u128 {
        // Multiplication by an odd constant carries upwards, the shift back down: after each number all bits are mixed.
        corners.iter().flatten().fold(0, |key: u128, x| {
            let next = (key ^ u128::from((x * grid).round() as i32 as u32)).wrapping_mul(MIX);
            next ^ next >> 67
        })
    }

    /// The pairs that cross, of a mesh on the grid.
    fn crossings(&self, mesh: &Mesh, grid: f64) -> Vec<(u32, u32)> {
        if self.0.is_empty() {
            return self_intersections(mesh);
        }
        let is_new = |t: usize| !self.0.contains(&Self::key(&mesh.corners(t), grid));
        let suspects: Vec<bool> = (0..mesh.triangles.len()).into_par_iter().map(is_new).collect();
        self_intersections_of(mesh, &suspects)
    }
}

fn attempt(
    ctx: &Ctx,
    mut solid: Solid,
    before: &Mesh,
    within: &Within,
    stubborn: Stubborn,
) -> Result<Solid, PrintError> {
    let size = |mesh: &Mesh| mesh.vertices.iter().map(|v| v.amax()).fold(0.0, f64::max);
    let grid = grid(size(&solid.mesh));
    // On another grid it was another body.
    let is_known = !before.triangles.is_empty() && self::grid(size(before)) == grid;
    let mut clean = if is_known { Clean::of(before, grid, &[]) } else { Clean::default() };
    let (mut left, most) = (0, TANGLE + 4 * solid.mesh.triangles.len());
    let mut first = None;
    for round in 0..ROUNDS {
        round_to(&mut solid, grid);
        let opened = open_touching(&mut solid, OPENING * (1.0 + round as f64 / 4.0));
        round_to(&mut solid, grid);
        ctx.check()?;
        let crossing = clean.crossings(&solid.mesh, grid);
        let flat = flat(&solid.mesh);
        let none = crossing.is_empty() && opened == 0 && !flat.contains(&true);
        if none && inspect_topology(&solid.mesh).is_solid() {
            return Ok(solid);
        }
        clean = Clean::of(&solid.mesh, grid, &crossing);
        left = crossing.len();
        // A tangle that only grows is given up before it fills the memory.
        let crossings = *first.get_or_insert(left) * GROWTH.0 + GROWTH.1;
        if solid.mesh.triangles.len() > most || left > crossings {
            break;
        }
        let troubled = troubled(flat, &crossing);
        if stubborn != Stubborn::Unite {
            let trouble = troubled.contains(&true);
            if trouble && round >= FIRST && round % 2 == 1 {
                let turn = (round - FIRST) / 2;
                if stubborn == Stubborn::Soon && hides(turn) && left > FEW {
                    return Err(PrintError::Crossing { pairs: left, rounds: round });
                }
                solid = mended(ctx, solid, (&troubled, &crossing), within, turn)?;
                continue;
            }
            let changed = slivers::remove(&mut solid, &troubled, REACH * (1 + round % FIRST) as f64);
            if opened == 0 && changed == 0 && (round < FIRST || !trouble) {
                solid = unite(ctx, &[&solid])?;
            }
            continue;
        }
        let step = (round % ANEW) as f64;
        let changed = slivers::remove(&mut solid, &troubled, REACH * (1.0 + step));
        if opened == 0 && (changed == 0 || round % ANEW == ANEW - 1) {
            solid = unite(ctx, &[&solid])?;
        }
    }
    Err(PrintError::Crossing { pairs: left, rounds: ROUNDS })
}

/// Whether beads are put down in a turn.
fn hides(turn: usize) -> bool {
    turn >= BEADS_FROM && (turn - BEADS_FROM).is_multiple_of(3)
}

/// One more way to end what crosses, the `turn`th: first what changes least.
fn mended(
    ctx: &Ctx,
    mut solid: Solid,
    (troubled, crossing): (&[bool], &[(u32, u32)]),
    within: &Within,
    turn: usize,
) -> Result<Solid, PrintError> {
    let by = OPENING * (1.0 + turn as f64 / 2.0);
    match turn.checked_sub(BEADS_FROM) {
        None if turn.is_multiple_of(2) => drop(local::nudge(&mut solid, troubled, within, by)),
        None => drop(local::mend(&mut solid, troubled, turn / 2)),
        Some(late) if hides(turn) => {
            solid = local::swallow(ctx, &solid, crossing, within, BEAD * 1.4f64.powi(late as i32 / 3))?;
        }
        Some(late) if late % 3 == 1 => drop(local::nudge(&mut solid, troubled, within, by)),
        Some(_) => drop(local::mend(&mut solid, troubled, 1)),
    }
    Ok(solid)
}

/// Which triangles have no area.
fn flat(mesh: &Mesh) -> Vec<bool> {
    let is_flat = |t: usize| {
        let [a, b, c] = mesh.corners(t);
        (b - a).cross(&(c - a)).norm() < 1e-9 * (b - a).norm().max((c - a).norm()) || collinear(&a, &b, &c)
    };
    (0..mesh.triangles.len()).into_par_iter().map(is_flat).collect()
}

/// Triangles that cross another or have no area.
fn troubled(mut flat: Vec<bool>, crossing: &[(u32, u32)]) -> Vec<bool> {
    for t in crossing.iter().flat_map(|&(a, b)| [a, b]) {
        flat[t as usize] = true;
    }
    flat
}

fn round_to(solid: &mut Solid, grid: f64) {
    for v in &mut solid.mesh.vertices {
        // The sum with zero makes the negative zero positive.
        *v = v.map(|x| (x * grid).round() / grid + 0.0);
    }
}

/// Moves vertices in the same place apart, each into its own material; how many there were.
fn open_touching(solid: &mut Solid, by: f64) -> usize {
    let mesh = &mut solid.mesh;
    let mut at: FxHashMap<[u64; 3], u32> = FxHashMap::with_capacity_and_hasher(mesh.vertices.len(), FxBuildHasher);
    let mut shared = vec![false; mesh.vertices.len()];
    for (v, p) in mesh.vertices.iter().enumerate() {
        let first = *at.entry([p.x, p.y, p.z].map(f64::to_bits)).or_insert(v as u32);
        if first != v as u32 {
            shared[v] = true;
            shared[first as usize] = true;
        }
    }
    let count = shared.iter().filter(|s| **s).count();
    if count == 0 {
        return 0;
    }
    let mut normals = vec![Vector3::zeros(); mesh.vertices.len()];
    for t in 0..mesh.triangles.len() {
        for v in mesh.triangles[t].into_iter().filter(|&v| shared[v as usize]) {
            normals[v as usize] += mesh.area_normal(t).try_normalize(0.0).unwrap_or_default();
        }
    }
    for (v, normal) in mesh.vertices.iter_mut().zip(&normals) {
        *v -= normal.try_normalize(1e-9).unwrap_or_default() * by;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;
    use crate::print::outline::prism;

    #[test]
    fn the_grid_is_what_single_precision_carries() {
        for size in [0.7, 1.0, 30.0, 255.9, 256.0, 500.0, 1800.0] {
            let g = grid(size);
            for k in [0.0, 0.123, 0.5, 0.987, 1.0] {
                let x = (size * k * g).round() / g;
                assert_eq!(f64::from(x as f32), x, "{size} {k}");
            }
        }
        assert_eq!(grid(150.0), 65536.0);
    }

    #[test]
    fn needles_and_touching_edges_end_without_crossings() {
        let ctx = Ctx::silent();
        let square = |x: f64, y: f64, s: f64| {
            let p = |a: f64, b: f64| Vector2::new(x + a * s, y + b * s);
            vec![p(0.0, 0.0), p(1.0, 0.0), p(1.0, 1.0), p(0.0, 1.0)]
        };
        // Two boxes that share one upright edge, one that hardly reaches into them, and a turned one.
        let turned: Vec<Vector2<f64>> =
            square(-3.0, -3.0, 6.0).iter().map(|p| nalgebra::Rotation2::new(1e-5) * p).collect();
        let bodies = [
            prism(&square(0.0, 0.0, 10.0), 0.0, 10.0),
            prism(&square(10.0, 10.0, 10.0), 0.0, 10.0),
            prism(&square(9.999_99, 3.0, 4.0), 0.0, 10.0),
            prism(&square(-3.0, -3.0, 6.0), 0.0, 5.0),
            prism(&turned, 0.0, 7.0),
        ];
        let refs: Vec<&Solid> = bodies.iter().collect();
        let solid = settle(&ctx, unite(&ctx, &refs).expect("union")).expect("settles");
        let report = inspect(&solid.mesh);
        assert!(report.is_solid() && report.self_intersections == 0 && report.degenerate_triangles == 0, "{report:?}");
        let mut places: Vec<[u32; 3]> =
            solid.mesh.vertices.iter().map(|v| [v.x, v.y, v.z].map(|x| (x as f32).to_bits())).collect();
        places.sort_unstable();
        assert!(places.windows(2).all(|w| w[0] != w[1]), "readers that weld points change nothing");
    }

    #[test]
    fn what_is_left_of_a_settled_body_is_taken_as_known() {
        let ctx = Ctx::silent();
        let block = |x: f64, side: f64, top: f64| {
            let ring = [[x, x], [x + side, x], [x + side, x + side], [x, x + side]].map(Vector2::from);
            prism(&ring, 0.0, top)
        };
        let body = settle(&ctx, block(0.0, 10.0, 5.0)).expect("settles");
        let whole = unite(&ctx, &[&body, &block(8.0 + 1e-7, 1.0 / 3.0, 7.1)]).expect("union");
        assert_eq!(
            settle_again(&ctx, whole.clone(), &body.mesh, &[]).expect("settles"),
            settle(&ctx, whole).expect("settles")
        );
        // A crossing among what is new is found, and one with what is known.
        let grid = grid(10.0);
        let mut tangle = body.clone();
        tangle.append(&block(7.0, 1.5, 6.0));
        tangle.append(&block(7.5, 1.5, 6.5));
        round_to(&mut tangle, grid);
        let clean = Clean::of(&body.mesh, grid, &[]);
        assert_eq!(clean.crossings(&tangle.mesh, grid), self_intersections(&tangle.mesh));
    }
}
