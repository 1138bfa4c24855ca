//! The pieces of a surface: bodies, cavities, what is inside out, what floats.
//!
//! A piece is what is connected across edges. Closed pieces are nested by the parity of crossings of a ray: even depth is
//! a body and must have positive volume, odd depth a cavity with negative volume. Pieces that cut through others are
//! neither inside nor outside; they count as bodies.

use super::places::places;
use super::{Finding, Verdict};
use crate::mesh::bvh::Bvh;
use crate::mesh::topology::{UnionFind, sorted_edges, start};
use crate::print::printer::{Printer, Quirk};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;

/// A piece must stand this close to the lowest point of all, in mm.
const STANDS_MM: f64 = 0.01;

/// One piece.
struct Shell {
    volume: f64,
    closed: bool,
    /// Its lowest vertex.
    lowest: Vector3<f64>,
    /// Closed pieces around it.
    depth: usize,
}

/// What is judged.
pub struct Surface<'a> {
    /// The mesh in millimetres.
    pub mesh: &'a Mesh,
    /// Which triangles count.
    pub sound: Vec<bool>,
    /// Triangles that cut through others.
    pub cut: Vec<u32>,
    /// Whether z is known to be up.
    pub upright: bool,
}

/// Labels of the pieces, connected across any edge; triangles that do not count have none.
fn labels(mesh: &Mesh, sound: &[bool]) -> (Vec<Option<u32>>, Vec<bool>) {
    let t = &mesh.triangles;
    let mut sets = UnionFind::new(t.len());
    let mut uneven = vec![false; t.len()];
    for group in sorted_edges(t).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let of = |h: u32| h / 3;
        group[1..].iter().for_each(|e| sets.join(of(group[0].2), of(e.2)));
        let even = matches!(group, [a, b] if start(t, a.2) != start(t, b.2));
        group.iter().for_each(|e| uneven[of(e.2) as usize] |= !even);
    }
    let mut number = vec![None; t.len()];
    let (mut count, mut closed) = (0u32, Vec::new());
    let labels = (0..t.len())
        .map(|i| {
            if !sound[i] {
                return None;
            }
            let root = sets.find(i as u32) as usize;
            let label = *number[root].get_or_insert_with(|| {
                count += 1;
                closed.push(true);
                count - 1
            });
            closed[label as usize] &= !uneven[i];
            Some(label)
        })
        .collect();
    (labels, closed)
}

fn shells(surface: &Surface<'_>) -> Vec<Shell> {
    let mesh = surface.mesh;
    let (labels, closed) = labels(mesh, &surface.sound);
    let high = Vector3::repeat(f64::INFINITY);
    let mut shells: Vec<Shell> =
        closed.iter().map(|&closed| Shell { volume: 0.0, closed, lowest: high, depth: 0 }).collect();
    let origin = mesh.vertices.first().copied().unwrap_or_default();
    for (t, label) in labels.iter().enumerate() {
        let Some(shell) = label.and_then(|l| shells.get_mut(l as usize)) else { continue };
        let corners = mesh.corners(t);
        let [a, b, c] = corners.map(|p| p - origin);
        shell.volume += a.dot(&b.cross(&c)) / 6.0;
        for p in corners {
            if p.z < shell.lowest.z {
                shell.lowest = p;
            }
        }
    }
    if shells.len() > 1 {
        let bvh = Bvh::new(mesh);
        // A direction that lies in no plane of usual models.
        let up = Vector3::new(0.123_456_7, 0.076_543_2, 1.0);
        let depths: Vec<usize> = (0..shells.len())
            .into_par_iter()
            .map(|own| {
                let mut odd: Vec<u32> = bvh
                    .cast_all(&shells[own].lowest, &up, 0.0, f64::INFINITY)
                    .into_iter()
                    .filter_map(|(t, _)| labels[t as usize])
                    .filter(|&l| l as usize != own && closed[l as usize])
                    .collect();
                odd.sort_unstable();
                odd.chunk_by(|a, b| a == b).filter(|same| same.len() % 2 == 1).count()
            })
            .collect();
        shells.iter_mut().zip(depths).for_each(|(s, depth)| s.depth = depth);
        for label in surface.cut.iter().filter_map(|&t| labels[t as usize]) {
            shells[label as usize].depth = 0;
        }
    }
    shells
}

/// Judges the pieces.
pub fn judge(surface: &Surface<'_>, printer: &Printer, verdict: &mut Verdict, findings: &mut Vec<Finding>) {
    let shells = shells(surface);
    verdict.shells = shells.len();
    verdict.bodies = shells.iter().filter(|s| s.depth % 2 == 0).count();
    verdict.volume_cm3 = shells.iter().filter(|s| s.closed).map(|s| s.volume).sum::<f64>() / 1000.0;
    let at = |list: &[&Shell]| places(surface.mesh, &list.iter().map(|s| s.lowest).collect::<Vec<_>>());
    let of = |want: &dyn Fn(&Shell) -> bool| shells.iter().filter(|s| s.closed && want(s)).collect::<Vec<_>>();
    let inverted = of(&|s| s.depth % 2 == 0 && s.volume <= 0.0);
    if !inverted.is_empty() {
        let text = format!(
            "{} of {} pieces are inside out: they are closed, but their volume is negative",
            inverted.len(),
            shells.len()
        );
        let hint = "turn their normals outwards";
        findings.push(Finding::fault("inside-out", text, hint).counted(inverted.len(), at(&inverted)));
    }
    let inner = of(&|s| s.depth % 2 == 1 && s.volume > 0.0);
    if !inner.is_empty() {
        let text = format!("{} closed pieces lie inside another one and fill it twice", inner.len());
        let hint = "delete what is inside, or turn its normals where it is to be a cavity";
        findings.push(Finding::fault("nested-bodies", text, hint).counted(inner.len(), at(&inner)));
    }
    let cavities = of(&|s| s.depth % 2 == 1 && s.volume <= 0.0);
    if !cavities.is_empty() {
        let litres: f64 = -cavities.iter().map(|s| s.volume).sum::<f64>() / 1000.0;
        let text =
            format!("{} cavities of {litres:.2} cm3 have no opening: powder or resin stays inside", cavities.len());
        let hint = "add drain holes, or fill the cavities";
        findings.push(Finding::warning("closed-cavities", text, hint).counted(cavities.len(), at(&cavities)));
    }
    let bodies: Vec<&Shell> = shells.iter().filter(|s| s.depth % 2 == 0).collect();
    if bodies.len() > 1 {
        let text = format!("the file holds {} separate bodies", bodies.len());
        let hint = "join them by a boolean union, or delete the loose pieces";
        let one = printer.quirks.contains(&Quirk::OneBody);
        let text = if one { format!("{text}; the profile {} takes one", printer.name) } else { text };
        let make = if one { Finding::fault } else { Finding::warning };
        findings.push(make("several-bodies", text, hint).counted(bodies.len(), Vec::new()));
    }
    let ground = bodies.iter().map(|s| s.lowest.z).fold(f64::INFINITY, f64::min);
    let floating: Vec<&Shell> = bodies.iter().copied().filter(|s| s.lowest.z > ground + STANDS_MM).collect();
    if !floating.is_empty() {
        let up = if surface.upright { "" } else { ", taking z as up" };
        let text = format!("{} bodies do not stand on the ground and are joined to nothing{up}", floating.len());
        let hint = "delete them, or join them to the body below";
        findings.push(Finding::fault("floating-bodies", text, hint).counted(floating.len(), at(&floating)));
    }
}
