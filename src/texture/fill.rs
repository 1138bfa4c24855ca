//! Colours of faces that no photo sees, from around them.
//!
//! - In: finished chart images. Out: patches for the unseen faces.
//! - Method: vertices of seen faces take their colour; the others start from the mean of seen ones in a surrounding cube
//!   and are smoothed over the mesh (Laplace, seen vertices fixed). Connected unseen faces that look to the same side
//!   are projected along that axis with coarse texels; tiny ones share a palette of [`LEVELS`] values a channel.
//! - Source: own. Cost: linear. Failure modes: colours of large unseen areas are blurs of their rims.

use super::atlas::Patch;
use super::charts::{Charts, UNSEEN};
use super::sample::{ChartImage, for_texels, neighbours};
use super::topology::Topology;
use super::visibility::Projector;
use crate::scene::Mesh;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Texels of unseen surface are this many times larger.
const COARSE: f64 = 4.0;
const ROUNDS: usize = 120;
/// Unseen areas narrower than this many coarse texels take a palette colour.
const MIN_SIDE: f64 = 2.0;
const LEVELS: u32 = 52;
const PADDING: usize = 2;
const MAX_SIDE: f64 = 500.0;

/// Patches for all unseen faces.
pub(super) fn fill(
    mesh: &Mesh,
    topology: &Topology,
    views: &[Projector],
    charts: &Charts,
    images: &[ChartImage],
    texel: f64,
) -> Vec<Patch> {
    let unseen: Vec<u32> = (0..mesh.triangles.len() as u32).filter(|&f| charts.of_face[f as usize] == UNSEEN).collect();
    if unseen.is_empty() {
        return Vec::new();
    }
    let colours = place_colours(mesh, topology, views, charts, images, texel);
    let corner_colours = |f: u32| mesh.triangles[f as usize].map(|v| colours[topology.place[v as usize] as usize]);
    let (mut out, mut tiny) = (Vec::new(), Vec::new());
    for (axis, faces) in groups(mesh, topology, charts, &unseen) {
        let project = |f: u32| {
            mesh.corners(f as usize).map(|p| [p[(axis + 1) % 3], p[(axis + 2) % 3]].map(|v| v / (texel * COARSE)))
        };
        let mut low = [f64::INFINITY; 2];
        let mut high = [-f64::INFINITY; 2];
        for c in faces.iter().flat_map(|&f| project(f)) {
            for k in 0..2 {
                low[k] = low[k].min(c[k]);
                high[k] = high[k].max(c[k]);
            }
        }
        let size = [high[0] - low[0], high[1] - low[1]];
        if size[0].max(size[1]) < MIN_SIDE {
            tiny.extend(faces);
            continue;
        }
        // Very large areas (the underside of the ground) take larger texels still.
        let shrink = (MAX_SIDE / size[0].max(size[1])).min(1.0);
        let corners = faces
            .iter()
            .map(|&f| project(f).map(|c| [0, 1].map(|k| ((c[k] - low[k]) * shrink) as f32 + PADDING as f32 + 0.5)))
            .collect();
        let side = |k: usize| (size[k] * shrink).ceil() as usize + 2 * PADDING + 1;
        out.push(paint(side(0), side(1), faces, corners, &corner_colours));
    }
    if !tiny.is_empty() {
        out.push(palette(tiny, &corner_colours));
    }
    out
}

/// Connected unseen faces whose normals have the same largest component, with that axis.
fn groups(mesh: &Mesh, topology: &Topology, charts: &Charts, unseen: &[u32]) -> Vec<(usize, Vec<u32>)> {
    let side = |f: u32| {
        let n = mesh.area_normal(f as usize);
        let axis = n.iamax();
        2 * axis + usize::from(n[axis] < 0.0)
    };
    let mut done = vec![false; mesh.triangles.len()];
    let mut out = Vec::new();
    for &first in unseen {
        if done[first as usize] {
            continue;
        }
        done[first as usize] = true;
        let (mut stack, mut faces, own) = (vec![first], Vec::new(), side(first));
        while let Some(f) = stack.pop() {
            faces.push(f);
            for (_, e) in topology.edges_of(f as usize) {
                let other = e.other(f);
                if !done[other as usize] && charts.of_face[other as usize] == UNSEEN && side(other) == own {
                    done[other as usize] = true;
                    stack.push(other);
                }
            }
        }
        out.push((own / 2, faces));
    }
    out
}

/// A colour for every place.
fn place_colours(
    mesh: &Mesh,
    topology: &Topology,
    views: &[Projector],
    charts: &Charts,
    images: &[ChartImage],
    texel: f64,
) -> Vec<[f32; 3]> {
    let mut sum = vec![[0f32; 4]; topology.places];
    let samples: Vec<[Option<[f32; 3]>; 3]> = (0..mesh.triangles.len())
        .into_par_iter()
        .with_min_len(1024)
        .map(|f| match charts.of_face[f] {
            UNSEEN => [None; 3],
            c => {
                let image = &images[c as usize];
                let corners = charts.list[c as usize].corners(views, mesh, f as u32);
                let centre: [f32; 2] = std::array::from_fn(|k| (corners[0][k] + corners[1][k] + corners[2][k]) / 3.0);
                // A little inside, where the texels surely show this face.
                corners.map(|p| image.clean_sample(std::array::from_fn(|k| 0.6 * p[k] + 0.4 * centre[k])))
            }
        })
        .collect();
    for (t, s) in mesh.triangles.iter().zip(&samples) {
        for (v, c) in t.iter().zip(s) {
            if let Some(c) = c {
                let at = &mut sum[topology.place[*v as usize] as usize];
                for k in 0..3 {
                    at[k] += c[k];
                }
                at[3] += 1.0;
            }
        }
    }
    let mut position = vec![nalgebra::Vector3::zeros(); topology.places];
    for (v, p) in mesh.vertices.iter().zip(&topology.place) {
        position[*p as usize] = *v;
    }
    let fixed: Vec<bool> = sum.iter().map(|s| s[3] > 0.0).collect();
    let mut colours: Vec<[f32; 3]> = sum.iter().map(|s| [s[0], s[1], s[2]].map(|v| v / s[3].max(1.0))).collect();
    start(&position, &fixed, &mut colours, texel);
    smooth(mesh, topology, &fixed, &mut colours);
    colours
}

/// Gives places that are not fixed the mean of the fixed ones in the smallest cube around them that has any.
fn start(position: &[nalgebra::Vector3<f64>], fixed: &[bool], colours: &mut [[f32; 3]], texel: f64) {
    let mut open: Vec<usize> = (0..fixed.len()).filter(|&i| !fixed[i]).collect();
    let mut size = 16.0 * texel;
    for _ in 0..24 {
        if open.is_empty() {
            return;
        }
        let key = |i: usize| -> [i64; 3] { std::array::from_fn(|k| (position[i][k] / size).floor() as i64) };
        let mut cubes: BTreeMap<[i64; 3], [f32; 4]> = BTreeMap::new();
        for &i in &open {
            cubes.insert(key(i), [0.0; 4]);
        }
        for i in (0..fixed.len()).filter(|&i| fixed[i]) {
            if let Some(c) = cubes.get_mut(&key(i)) {
                for k in 0..3 {
                    c[k] += colours[i][k];
                }
                c[3] += 1.0;
            }
        }
        open.retain(|&i| match cubes.get(&key(i)) {
            Some(c) if c[3] > 0.0 => {
                colours[i] = [c[0], c[1], c[2]].map(|v| v / c[3]);
                false
            }
            _ => true,
        });
        size *= 2.0;
    }
    for i in open {
        colours[i] = [128.0; 3];
    }
}

/// Laplacian smoothing of the places that are not fixed.
fn smooth(mesh: &Mesh, topology: &Topology, fixed: &[bool], colours: &mut [[f32; 3]]) {
    let mut links: Vec<(u32, u32)> = mesh
        .triangles
        .par_iter()
        .flat_map_iter(|t| {
            let p = t.map(|v| topology.place[v as usize]);
            (0..3).flat_map(move |k| [(p[k], p[(k + 1) % 3]), (p[(k + 1) % 3], p[k])])
        })
        .filter(|l| !fixed[l.0 as usize] && l.0 != l.1)
        .collect();
    links.par_sort_unstable();
    links.dedup();
    let rows: Vec<&[(u32, u32)]> = links.chunk_by(|a, b| a.0 == b.0).collect();
    for _ in 0..ROUNDS {
        let new: Vec<[f32; 3]> = rows
            .par_iter()
            .with_min_len(1024)
            .map(|row| {
                let mut sum = [0f32; 3];
                for (_, j) in row.iter() {
                    for c in 0..3 {
                        sum[c] += colours[*j as usize][c];
                    }
                }
                sum.map(|s| s / row.len() as f32)
            })
            .collect();
        for (row, c) in rows.iter().zip(new) {
            colours[row[0].0 as usize] = c;
        }
    }
}

/// A patch with colours interpolated within faces.
fn paint(
    width: usize,
    height: usize,
    faces: Vec<u32>,
    corners: Vec<[[f32; 2]; 3]>,
    colours: &impl Fn(u32) -> [[f32; 3]; 3],
) -> Patch {
    let mut rgb = vec![[0u8; 3]; width * height];
    let mut known = vec![false; width * height];
    for (&f, corners) in faces.iter().zip(&corners) {
        let at = colours(f);
        for_texels(corners, width, height, |i, b| {
            known[i] = true;
            rgb[i] = std::array::from_fn(|c| (b[0] * at[0][c] + b[1] * at[1][c] + b[2] * at[2][c] + 0.5) as u8);
        });
        for (corner, c) in corners.iter().zip(&at) {
            let i = corner[1] as usize * width + corner[0] as usize;
            if !known[i] {
                known[i] = true;
                rgb[i] = c.map(|v| (v + 0.5) as u8);
            }
        }
    }
    for _ in 0..PADDING + 1 {
        let mut found = Vec::new();
        for i in (0..rgb.len()).filter(|&i| !known[i]) {
            if let Some(k) = neighbours(i % width, i / width, width, height).find(|&k| known[k]) {
                found.push((i, rgb[k]));
            }
        }
        for (i, c) in found {
            known[i] = true;
            rgb[i] = c;
        }
    }
    Patch { width, height, rgb, faces, corners }
}

/// One patch with a cell for each colour that tiny areas need.
fn palette(faces: Vec<u32>, colours: &impl Fn(u32) -> [[f32; 3]; 3]) -> Patch {
    const CELL: usize = 4;
    let code = |f: u32| {
        let c = colours(f);
        (0..3).fold(0u32, |code, k| {
            let v = (c[0][k] + c[1][k] + c[2][k]) / 3.0;
            code * LEVELS + (v / 255.0 * (LEVELS - 1) as f32).round().clamp(0.0, (LEVELS - 1) as f32) as u32
        })
    };
    let codes: Vec<u32> = faces.iter().map(|&f| code(f)).collect();
    let mut cells = codes.clone();
    cells.sort_unstable();
    cells.dedup();
    let columns = ((cells.len() as f64).sqrt().ceil() as usize).max(1);
    let rows = cells.len().div_ceil(columns);
    let (width, height) = (columns * CELL, rows * CELL);
    let mut rgb = vec![[0u8; 3]; width * height];
    for (i, code) in cells.iter().enumerate() {
        let channel = |v: u32| ((v * 255 + (LEVELS - 1) / 2) / (LEVELS - 1)) as u8;
        let c = [channel(code / LEVELS / LEVELS), channel(code / LEVELS % LEVELS), channel(code % LEVELS)];
        for y in 0..CELL {
            let at = (i / columns * CELL + y) * width + i % columns * CELL;
            rgb[at..at + CELL].fill(c);
        }
    }
    let corners = codes
        .iter()
        .map(|code| {
            let i = cells.partition_point(|c| c < code);
            let (x, y) = ((i % columns * CELL) as f32 + 1.5, (i / columns * CELL) as f32 + 1.5);
            [[x, y], [x + 1.0, y], [x, y + 1.0]]
        })
        .collect();
    Patch { width, height, rgb, faces, corners }
}
