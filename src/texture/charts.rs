//! Charts: connected faces with one view, laid out as they lie in its photo.
//!
//! - In: the view of each face. Out: [`Charts`]. A chart's texels are the photo's pixels, shifted by whole pixels; where
//!   a photo is much finer than the texel size they are reduced.
//! - Method: charts below a size join the neighbour with the longest common boundary among those whose view each of
//!   their faces may take; small charts that lie near each other in one photo become one; charts wider than
//!   [`MAX_CHART`] texels are cut.
//! - Cost: linear. Failure modes: none.

use super::TextureOptions;
use super::consensus::Choices;
use super::topology::Topology;
use super::visibility::Projector;
use crate::scene::Mesh;
use nalgebra::Vector3;

/// The view, or the chart, of a face that no view sees.
pub const UNSEEN: u32 = u32::MAX;

/// Largest side of a chart in texels.
const MAX_CHART: f64 = 1024.0;
/// Photos finer than the texel size by less than this factor are used as they are.
const KEEP_SCALE: f64 = 0.75;
/// Charts smaller than this many pixels share rectangles within cells of the photo.
const SMALL_PX: f64 = 24.0;
const CELL_PX: f64 = 40.0;
const MERGE_ROUNDS: usize = 4;

/// Connected faces with one view.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub view: u32,
    pub faces: Vec<u32>,
    /// Texels per pixel of the photo.
    pub scale: f64,
    /// Texel (0, 0) in the scaled photo.
    pub origin: [i32; 2],
    pub width: usize,
    pub height: usize,
}

/// All charts.
pub(super) struct Charts {
    pub list: Vec<Chart>,
    /// Chart of each face, or [`UNSEEN`].
    pub of_face: Vec<u32>,
}

impl Chart {
    /// Texel coordinate of a point of the surface (first texel's centre at 0.5).
    pub fn texel(&self, views: &[Projector], p: &Vector3<f64>) -> [f32; 2] {
        let (pixel, _) = views[self.view as usize].pixel(p);
        std::array::from_fn(|k| (pixel[k] * self.scale - f64::from(self.origin[k])) as f32)
    }

    /// Texel coordinates of a face's corners.
    pub fn corners(&self, views: &[Projector], mesh: &Mesh, face: u32) -> [[f32; 2]; 3] {
        mesh.corners(face as usize).map(|p| self.texel(views, &p))
    }
}

/// Makes charts.
pub(super) fn build(
    mesh: &Mesh,
    topology: &Topology,
    views: &[Projector],
    choices: &Choices,
    mut labels: Vec<u32>,
    texel: f64,
    options: &TextureOptions,
) -> Charts {
    for _ in 0..MERGE_ROUNDS {
        if !merge_small(mesh, topology, choices, &mut labels, texel, options) {
            break;
        }
    }
    let (groups, _) = components(topology, &labels);
    let groups = gather_small(mesh, views, &labels, groups);
    let border = options.padding as i32 + 1;
    let limit = MAX_CHART.min(options.page_size as f64 / 2.0);
    let mut list = Vec::new();
    for faces in groups {
        let view = &views[labels[faces[0] as usize] as usize];
        let scale = chart_scale(mesh, view, &faces, texel);
        let mut todo = vec![faces];
        while let Some(faces) = todo.pop() {
            let points = || faces.iter().flat_map(|&f| mesh.corners(f as usize)).map(|p| view.pixel(&p).0);
            let low = points().fold([f64::INFINITY; 2], |m, p| [m[0].min(p[0]), m[1].min(p[1])]).map(|v| v * scale);
            let high = points().fold([-f64::INFINITY; 2], |m, p| [m[0].max(p[0]), m[1].max(p[1])]).map(|v| v * scale);
            let size = [high[0] - low[0], high[1] - low[1]];
            let axis = usize::from(size[1] > size[0]);
            if size[axis] > limit && faces.len() > 1 {
                let at = |f: u32| mesh.corners(f as usize).iter().map(|p| view.pixel(p).0[axis]).sum::<f64>();
                let mut sorted: Vec<(f64, u32)> = faces.iter().map(|&f| (at(f), f)).collect();
                sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                let (first, second) = sorted.split_at(sorted.len() / 2);
                todo.push(second.iter().map(|s| s.1).collect());
                todo.push(first.iter().map(|s| s.1).collect());
                continue;
            }
            let origin = [0, 1].map(|k| low[k].floor() as i32 - border);
            let extent = [0, 1].map(|k| (high[k].ceil() as i32 + border - origin[k]).max(1) as usize);
            let view = labels[faces[0] as usize];
            list.push(Chart { view, faces, scale, origin, width: extent[0], height: extent[1] });
        }
    }
    let mut of_face = vec![UNSEEN; labels.len()];
    for (c, chart) in list.iter().enumerate() {
        for &f in &chart.faces {
            of_face[f as usize] = c as u32;
        }
    }
    Charts { list, of_face }
}

/// Joins small charts of one view that lie near each other in its photo, so that they share a rectangle and its padding.
fn gather_small(mesh: &Mesh, views: &[Projector], labels: &[u32], groups: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    let mut out = Vec::new();
    let mut small: Vec<([i64; 3], Vec<u32>)> = Vec::new();
    for faces in groups {
        let view = labels[faces[0] as usize];
        let mut low = [f64::INFINITY; 2];
        let mut high = [-f64::INFINITY; 2];
        // More than a few faces are not worth looking at.
        let few = faces.len() <= 64;
        for p in faces.iter().filter(|_| few).flat_map(|&f| mesh.corners(f as usize)) {
            let (pixel, _) = views[view as usize].pixel(&p);
            for k in 0..2 {
                low[k] = low[k].min(pixel[k]);
                high[k] = high[k].max(pixel[k]);
            }
        }
        if few && high[0] - low[0] < SMALL_PX && high[1] - low[1] < SMALL_PX {
            let cell = |k: usize| ((low[k] + high[k]) / 2.0 / CELL_PX).floor() as i64;
            small.push(([i64::from(view), cell(0), cell(1)], faces));
        } else {
            out.push(faces);
        }
    }
    small.sort_by(|a, b| (a.0, a.1[0]).cmp(&(b.0, b.1[0])));
    for cell in small.chunk_by(|a, b| a.0 == b.0) {
        out.push(cell.iter().flat_map(|c| c.1.iter().copied()).collect());
    }
    out
}

/// Texels per pixel so that texels are not much smaller than `texel` metres.
fn chart_scale(mesh: &Mesh, view: &Projector, faces: &[u32], texel: f64) -> f64 {
    let mut surface = 0.0;
    let mut pixels = 0.0;
    for &f in faces {
        surface += mesh.area_normal(f as usize).norm();
        let [a, b, c] = mesh.corners(f as usize).map(|p| view.pixel(&p).0);
        pixels += ((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).abs();
    }
    let ratio = (surface / pixels.max(1e-12)).sqrt() / texel;
    if ratio < KEEP_SCALE { ratio.max(1e-3) } else { 1.0 }
}

/// Connected faces with equal labels, in the order of their first faces; and the component of each face.
fn components(topology: &Topology, labels: &[u32]) -> (Vec<Vec<u32>>, Vec<u32>) {
    let mut of_face = vec![UNSEEN; labels.len()];
    let mut groups = Vec::new();
    let mut stack = Vec::new();
    for first in 0..labels.len() {
        if labels[first] == UNSEEN || of_face[first] != UNSEEN {
            continue;
        }
        let id = groups.len() as u32;
        let mut faces = Vec::new();
        of_face[first] = id;
        stack.push(first as u32);
        while let Some(f) = stack.pop() {
            faces.push(f);
            for (_, e) in topology.edges_of(f as usize) {
                let other = e.other(f) as usize;
                if labels[other] == labels[first] && of_face[other] == UNSEEN {
                    of_face[other] = id;
                    stack.push(other as u32);
                }
            }
        }
        faces.sort_unstable();
        groups.push(faces);
    }
    (groups, of_face)
}

/// Lets small charts join a neighbour; whether any did.
fn merge_small(
    mesh: &Mesh,
    topology: &Topology,
    choices: &Choices,
    labels: &mut [u32],
    texel: f64,
    options: &TextureOptions,
) -> bool {
    let (groups, _) = components(topology, labels);
    let mut changed = false;
    for faces in groups {
        let area: f64 = faces.iter().map(|&f| mesh.area_normal(f as usize).norm() / 2.0).sum();
        if area >= options.min_chart_texels * texel * texel {
            continue;
        }
        let own = labels[faces[0] as usize];
        let mut boundary: Vec<(u32, f64)> = Vec::new();
        for &f in &faces {
            for (_, e) in topology.edges_of(f as usize) {
                let label = labels[e.other(f) as usize];
                if label != own && label != UNSEEN {
                    let length = e.length(mesh);
                    match boundary.iter_mut().find(|b| b.0 == label) {
                        Some(b) => b.1 += length,
                        None => boundary.push((label, length)),
                    }
                }
            }
        }
        boundary.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let allowed = |label: u32| faces.iter().all(|&f| choices.cost(f as usize, label).is_some());
        if let Some((label, _)) = boundary.into_iter().find(|b| allowed(b.0)) {
            for &f in &faces {
                labels[f as usize] = label;
            }
            changed = true;
        }
    }
    changed
}
