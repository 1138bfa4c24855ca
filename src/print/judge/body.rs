//! The surface: open, non-manifold and misdirected edges, joined fans, degenerate and doubled triangles, intersections.

use super::places::places;
use super::weld::welded;
use super::{FileFacts, Finding, Verdict};
use crate::mesh::topology::{Lists, NONE, UnionFind, next, sorted_edges, start, twins};
use crate::mesh::{delaunay, self_intersections_up_to};
use crate::print::printer::{Printer, Quirk};
use crate::scene::{ForeignMesh, Mesh};
use nalgebra::Vector3;
use rayon::prelude::*;

/// Most partners of one triangle that are counted.
const PARTNERS: usize = 200;

/// Joins equal vertices along open edges, except in 3MF, where only indices join: there it is a finding.
pub fn welded_as_the_format_says(
    mesh: Mesh,
    foreign: &ForeignMesh,
    facts: &FileFacts,
    findings: &mut Vec<Finding>,
) -> Mesh {
    let (joined, count) = welded(&mesh);
    let by_index_only = facts.format == "3mf";
    if count > 0 && by_index_only {
        let text =
            format!("{count} vertices lie on others along open edges; 3MF joins triangles by vertex number only");
        let hint = "join equal vertices in the program that wrote the file";
        findings.push(Finding::warning("vertices-not-joined", text, hint));
        return mesh;
    }
    if count > 0 && foreign.shares_vertices {
        let text = format!("{count} vertices lie on others along open edges and were joined for this check");
        findings.push(Finding::info("vertices-joined", text, ""));
    }
    joined
}

/// Judges edges, fans and triangles; the result lists the triangles that take part in shells (neither degenerate nor
/// double).
pub fn judge(mesh: &Mesh, printer: &Printer, verdict: &mut Verdict, findings: &mut Vec<Finding>) -> Vec<bool> {
    let t = &mesh.triangles;
    verdict.area_cm2 = (0..t.len()).map(|i| mesh.area_normal(i).norm()).sum::<f64>() / 200.0;
    let mut sound = triangles(mesh, printer, findings);
    // Slivers between sound triangles hold the surface together: only a corner that is there twice takes one out.
    let pinched = |c: &[u32; 3]| c[0] == c[1] || c[1] == c[2] || c[2] == c[0];
    sound.iter_mut().zip(t).for_each(|(s, c)| *s = *s && !pinched(c));
    let middle = |a: u32, b: u32| (mesh.vertices[a as usize] + mesh.vertices[b as usize]) / 2.0;
    let (mut open, mut several, mut against) = (Vec::new(), Vec::new(), Vec::new());
    for group in sorted_edges(t).chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        match group {
            [(a, b, _)] => open.push(middle(*a, *b)),
            [(a, b, g), (.., h)] => {
                if start(t, *g) == start(t, *h) && a != b {
                    against.push(middle(*a, *b));
                }
            }
            [(a, b, _), ..] => several.push(middle(*a, *b)),
            [] => {}
        }
    }
    let mut push = |code: &str, points: &[Vector3<f64>], text: &str, hint: &str| {
        if !points.is_empty() {
            let message = format!("{} {text}", points.len());
            findings.push(Finding::fault(code, message, hint).counted(points.len(), places(mesh, points)));
        }
    };
    push("open-edges", &open, "edges have a triangle on one side only: the surface has holes", "close the holes");
    push(
        "non-manifold-edges",
        &several,
        "edges have more than two triangles: it is not clear what is inside",
        "separate the surfaces that meet there, or join the bodies by a boolean union",
    );
    push(
        "misdirected-edges",
        &against,
        "edges lie between triangles that face contrary ways",
        "make the normals consistent, outwards",
    );
    let joined = joined_fans(mesh);
    let touching: Vec<_> = joined.iter().map(|&v| mesh.vertices[v as usize]).collect();
    push(
        "non-manifold-vertices",
        &touching,
        "vertices hold surfaces together that touch in a point only",
        "give each surface a vertex of its own there, or move them apart",
    );
    verdict.closed = open.is_empty() && several.is_empty() && against.is_empty() && !t.is_empty();
    sound
}

fn triangles(mesh: &Mesh, printer: &Printer, findings: &mut Vec<Finding>) -> Vec<bool> {
    let t = &mesh.triangles;
    let centre = |i: usize| mesh.corners(i).iter().sum::<Vector3<f64>>() / 3.0;
    let flat = |i: &usize| {
        let [a, b, c] = mesh.corners(*i);
        delaunay::collinear(&a, &b, &c)
    };
    let degenerate: Vec<usize> = (0..t.len()).into_par_iter().filter(flat).collect();
    if !degenerate.is_empty() {
        let points: Vec<_> = degenerate.iter().map(|&i| centre(i)).collect();
        let text = format!("{} triangles have no area", points.len());
        let hint = "merge the vertices of each, or let the program that wrote them simplify the mesh";
        findings
            .push(Finding::warning("degenerate-triangles", text, hint).counted(points.len(), places(mesh, &points)));
    }
    // Equal corners, whatever the direction.
    let mut keys: Vec<([u32; 3], u32)> = t.iter().copied().zip(0..).collect();
    keys.iter_mut().for_each(|k| k.0.sort_unstable());
    keys.par_sort_unstable();
    let mut sound = vec![true; t.len()];
    for same in keys.chunk_by(|a, b| a.0 == b.0) {
        same[1..].iter().for_each(|k| sound[k.1 as usize] = false);
    }
    let doubled: Vec<_> = (0..t.len()).filter(|&i| !sound[i]).map(centre).collect();
    if !doubled.is_empty() {
        let text = format!("{} triangles have the same corners as another one", doubled.len());
        let is_quirk = printer.quirks.contains(&Quirk::NoCoincidentFaces);
        let text = if is_quirk {
            format!("{text}; the profile {} takes no faces that lie on each other", printer.name)
        } else {
            text
        };
        let hint = "delete the doubled triangles";
        findings.push(Finding::fault("duplicate-triangles", text, hint).counted(doubled.len(), places(mesh, &doubled)));
    }
    sound
}

/// Vertices whose triangles are more than one fan.
fn joined_fans(mesh: &Mesh) -> Vec<u32> {
    let twins = twins(&mesh.triangles);
    let mut sets = UnionFind::new(twins.len());
    for (h, &twin) in twins.iter().enumerate().filter(|(_, t)| **t != NONE) {
        sets.join(h as u32, next(twin));
        sets.join(next(h as u32), twin);
    }
    // At open and non-manifold edges fans end anyway; there they are no fault of their own.
    let mut uneven = vec![false; mesh.vertices.len()];
    for (h, _) in twins.iter().enumerate().filter(|(_, t)| **t == NONE) {
        uneven[mesh.triangles.as_flattened()[h] as usize] = true;
        uneven[mesh.triangles.as_flattened()[next(h as u32) as usize] as usize] = true;
    }
    let fans = Lists::around_vertices(mesh);
    (0..mesh.vertices.len() as u32)
        .filter(|&v| {
            let corners = fans.of(v as usize);
            let Some(&first) = corners.first() else { return false };
            let root = sets.find(first);
            !uneven[v as usize] && corners.iter().any(|&c| sets.find(c) != root)
        })
        .collect()
}

/// Judges intersections and faces that lie on each other; the result are the triangles that cut through others.
pub fn intersections(mesh: &Mesh, printer: &Printer, findings: &mut Vec<Finding>) -> Vec<u32> {
    let pairs = self_intersections_up_to(mesh, PARTNERS);
    let centre = |i: u32| mesh.corners(i as usize).iter().sum::<Vector3<f64>>() / 3.0;
    let (mut through, mut on, mut cut) = (Vec::new(), Vec::new(), Vec::new());
    for &(a, b) in &pairs {
        let same = mesh.triangles[a as usize].iter().all(|v| mesh.triangles[b as usize].contains(v));
        if same {
            // Reported as a duplicate.
        } else if coplanar(mesh, a, b) {
            on.push(centre(a));
        } else {
            through.push(centre(a));
            cut.extend([a, b]);
        }
    }
    if !through.is_empty() {
        let text = format!("{} pairs of triangles cut through each other", through.len());
        let hint = "join the bodies by a boolean union, or separate them";
        findings.push(Finding::fault("self-intersections", text, hint).counted(through.len(), places(mesh, &through)));
    }
    if !on.is_empty() {
        let forbidden = printer.quirks.contains(&Quirk::NoCoincidentFaces);
        let text = format!("{} pairs of triangles lie on each other", on.len());
        let hint = "join the bodies by a boolean union, or move them apart";
        let make = if forbidden { Finding::fault } else { Finding::warning };
        findings.push(make("coincident-faces", text, hint).counted(on.len(), places(mesh, &on)));
    }
    cut
}

/// Whether two triangles lie in exactly one plane.
fn coplanar(mesh: &Mesh, a: u32, b: u32) -> bool {
    let [p, q, r] = mesh.corners(a as usize);
    mesh.corners(b as usize).iter().all(|x| delaunay::orientation(&p, &q, &r, x) == 0.0)
}
