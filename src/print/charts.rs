//! Unfolds the part's surface into charts on one texture page.
//!
//! In: the part's triangles and which of them carry the photo texture. Out: texture coordinates for every corner.
//! A chart is a connected piece of surface seen along one of six axes, grown triangle by triangle and stopped where it
//! would lie over itself; so each texel belongs to one place. Plain triangles share one texel block. The charts are
//! packed on shelves at the largest density that fits. Cost: n log n in triangles.

use crate::scene::Mesh;
use nalgebra::{Vector2, Vector3};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// Texels between charts.
pub const PADDING: usize = 3;
/// Side of the block of plain colour in the top left corner.
pub const PLAIN_BLOCK: usize = 8;

/// One piece of surface on the page.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its triangles.
    pub triangles: Vec<u32>,
    /// Index into [`AXES`].
    axis: usize,
    /// Lower corner of its projection in mm.
    low: Vector2<f64>,
    /// Size of its projection in mm.
    size: Vector2<f64>,
    /// Texel of `low` on the page.
    origin: Vector2<f64>,
}

/// The unfolded surface.
#[derive(Clone, Debug)]
pub struct Unfolding {
    /// Texel coordinates of each triangle's corners (not yet divided by the page's size).
    pub texels: Vec<[Vector2<f64>; 3]>,
    /// Texels for each mm.
    pub density: f64,
}

/// Right and down of each projection, with the direction that it looks against as their cross product's opposite.
const AXES: [(Vector3<f64>, Vector3<f64>, Vector3<f64>); 6] = {
    const fn v(x: f64, y: f64, z: f64) -> Vector3<f64> {
        Vector3::new(x, y, z)
    }
    [
        (v(0.0, 0.0, 1.0), v(1.0, 0.0, 0.0), v(0.0, -1.0, 0.0)),
        (v(1.0, 0.0, 0.0), v(0.0, 1.0, 0.0), v(0.0, 0.0, -1.0)),
        (v(-1.0, 0.0, 0.0), v(0.0, -1.0, 0.0), v(0.0, 0.0, -1.0)),
        (v(0.0, 1.0, 0.0), v(-1.0, 0.0, 0.0), v(0.0, 0.0, -1.0)),
        (v(0.0, -1.0, 0.0), v(1.0, 0.0, 0.0), v(0.0, 0.0, -1.0)),
        (v(0.0, 0.0, -1.0), v(1.0, 0.0, 0.0), v(0.0, 1.0, 0.0)),
    ]
};
/// The upward projection is preferred: fewer, larger charts.
const UP_BONUS: f64 = 0.25;
/// Charts of fewer triangles are given to a neighbour's axis where the triangles do not turn away from it.
const SMALL: usize = 12;

/// Unfolds the triangles with `textured[t]` onto a square page of `page` texels.
pub fn unfold(mesh: &Mesh, textured: &[bool], page: usize) -> Unfolding {
    let neighbours = adjacency(mesh);
    let axis = choose_axes(mesh, textured, &neighbours);
    let area: f64 = (0..mesh.triangles.len()).filter(|&t| textured[t]).map(|t| mesh.area_normal(t).norm() / 2.0).sum();
    // Overlap is judged on a grid about as fine as the texels will be.
    let cell = (area.max(1e-9)).sqrt() / page as f64 * 1.3;
    let mut charts = grow_charts(mesh, textured, &axis, &neighbours, cell);
    let density = pack_densest(&mut charts, page, area);
    let plain = Vector2::repeat(PLAIN_BLOCK as f64 / 2.0);
    let mut texels = vec![[plain; 3]; mesh.triangles.len()];
    for chart in &charts {
        for &t in &chart.triangles {
            texels[t as usize] =
                mesh.corners(t as usize).map(|p| chart.origin + (project(&p, chart.axis) - chart.low) * density);
        }
    }
    Unfolding { texels, density }
}

fn project(p: &Vector3<f64>, axis: usize) -> Vector2<f64> {
    let (_, right, down) = &AXES[axis];
    Vector2::new(right.dot(p), down.dot(p))
}

/// Triangles across the edges (0-1, 1-2, 2-0); `u32::MAX` at a border.
fn adjacency(mesh: &Mesh) -> Vec<[u32; 3]> {
    let mut open: HashMap<(u32, u32), (u32, usize)> = HashMap::with_capacity(mesh.triangles.len() * 3 / 2);
    let mut out = vec![[u32::MAX; 3]; mesh.triangles.len()];
    for (t, v) in mesh.triangles.iter().enumerate() {
        for k in 0..3 {
            let (a, b) = (v[k], v[(k + 1) % 3]);
            if let Some((other, slot)) = open.remove(&(b, a)) {
                out[t][k] = other;
                out[other as usize][slot] = t as u32;
            } else {
                open.insert((a, b), (t as u32, k));
            }
        }
    }
    out
}

fn choose_axes(mesh: &Mesh, textured: &[bool], neighbours: &[[u32; 3]]) -> Vec<u8> {
    let normals: Vec<Vector3<f64>> =
        (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).try_normalize(0.0).unwrap_or_else(Vector3::z)).collect();
    let score = |t: usize, a: usize| normals[t].dot(&AXES[a].0) + if a == 0 { UP_BONUS } else { 0.0 };
    let mut axis: Vec<u8> = (0..normals.len())
        .map(|t| (0..6).max_by(|&a, &b| score(t, a).total_cmp(&score(t, b)).then(b.cmp(&a))).unwrap_or(0) as u8)
        .collect();
    for _ in 0..3 {
        for piece in pieces(textured, &axis, neighbours) {
            if piece.len() >= SMALL {
                continue;
            }
            let mut votes: BTreeMap<u8, usize> = BTreeMap::new();
            for &t in &piece {
                for &n in &neighbours[t as usize] {
                    if n != u32::MAX && textured[n as usize] && axis[n as usize] != axis[t as usize] {
                        *votes.entry(axis[n as usize]).or_default() += 1;
                    }
                }
            }
            let fits = |a: u8| piece.iter().all(|&t| normals[t as usize].dot(&AXES[usize::from(a)].0) > 0.2);
            let best = votes.into_iter().filter(|&(a, _)| fits(a)).max_by_key(|&(a, n)| (n, std::cmp::Reverse(a)));
            if let Some((a, _)) = best {
                for &t in &piece {
                    axis[t as usize] = a;
                }
            }
        }
    }
    axis
}

fn pieces(textured: &[bool], axis: &[u8], neighbours: &[[u32; 3]]) -> Vec<Vec<u32>> {
    let mut visited = vec![false; axis.len()];
    let mut out = Vec::new();
    for start in 0..axis.len() {
        if visited[start] || !textured[start] {
            continue;
        }
        visited[start] = true;
        let (mut piece, mut next) = (vec![start as u32], 0);
        while next < piece.len() {
            let t = piece[next] as usize;
            next += 1;
            for &n in &neighbours[t] {
                let n = n as usize;
                if n < axis.len() && textured[n] && !visited[n] && axis[n] == axis[t] {
                    visited[n] = true;
                    piece.push(n as u32);
                }
            }
        }
        out.push(piece);
    }
    out
}

/// Grows charts over connected triangles of one axis; a triangle that would cover a cell of the same chart from
/// another place starts a chart of its own.
fn grow_charts(mesh: &Mesh, textured: &[bool], axis: &[u8], neighbours: &[[u32; 3]], cell: f64) -> Vec<Chart> {
    let mut done = vec![false; axis.len()];
    let mut charts = Vec::new();
    // What one chart refuses waits at the end for a chart of its own.
    let mut waiting: VecDeque<usize> = (0..axis.len()).filter(|&t| textured[t]).collect();
    while let Some(start) = waiting.pop_front() {
        if done[start] {
            continue;
        }
        let a = usize::from(axis[start]);
        let mut owner: HashMap<(i32, i32), u32> = HashMap::new();
        let mut chart = Chart {
            triangles: Vec::new(),
            axis: a,
            low: Vector2::repeat(f64::INFINITY),
            size: Vector2::zeros(),
            origin: Vector2::zeros(),
        };
        let mut high = Vector2::repeat(f64::NEG_INFINITY);
        let mut queue = VecDeque::from([start as u32]);
        while let Some(t) = queue.pop_front() {
            let index = t as usize;
            if done[index] {
                continue;
            }
            let corners = mesh.corners(index).map(|p| project(&p, a));
            let cells = cells_of(&corners, cell);
            let touches = |other: u32| mesh.triangles[other as usize].iter().any(|v| mesh.triangles[index].contains(v));
            if cells.iter().any(|c| owner.get(c).is_some_and(|&o| !touches(o))) {
                waiting.push_back(index);
                continue;
            }
            done[index] = true;
            for c in cells {
                owner.insert(c, t);
            }
            for p in &corners {
                chart.low = chart.low.inf(p);
                high = high.sup(p);
            }
            chart.triangles.push(t);
            for &n in &neighbours[index] {
                let n = n as usize;
                if n < axis.len() && textured[n] && !done[n] && usize::from(axis[n]) == a {
                    queue.push_back(n as u32);
                }
            }
        }
        chart.size = high - chart.low;
        charts.push(chart);
    }
    charts
}

/// Grid cells whose centre lies inside a triangle.
fn cells_of(corners: &[Vector2<f64>; 3], cell: f64) -> Vec<(i32, i32)> {
    let c = corners.map(|p| p / cell);
    let low = c[0].inf(&c[1]).inf(&c[2]);
    let high = c[0].sup(&c[1]).sup(&c[2]);
    let turn = (c[1] - c[0]).perp(&(c[2] - c[0])).signum();
    let mut out = Vec::new();
    for y in low.y.floor() as i32..=high.y.floor() as i32 {
        for x in low.x.floor() as i32..=high.x.floor() as i32 {
            let p = Vector2::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
            if (0..3).all(|k| turn * (c[(k + 1) % 3] - c[k]).perp(&(p - c[k])) > 0.0) {
                out.push((x, y));
            }
        }
    }
    out
}

/// Finds by bisection the largest density at which the shelves fit, and places the charts.
fn pack_densest(charts: &mut [Chart], page: usize, area: f64) -> f64 {
    let mut order: Vec<usize> = (0..charts.len()).collect();
    order.sort_by(|&a, &b| charts[b].size.y.total_cmp(&charts[a].size.y).then(a.cmp(&b)));
    let upper = page as f64 / area.max(1e-9).sqrt() * 1.2;
    let (mut low, mut high) = (0.0, upper);
    for _ in 0..24 {
        let middle = (low + high) / 2.0;
        if shelves(charts, &order, page, middle).is_some() {
            low = middle;
        } else {
            high = middle;
        }
    }
    if let Some(places) = shelves(charts, &order, page, low) {
        for (i, place) in places {
            charts[i].origin = place;
        }
    }
    low
}

fn shelves(charts: &[Chart], order: &[usize], page: usize, density: f64) -> Option<Vec<(usize, Vector2<f64>)>> {
    let texels = |length: f64| (length * density).ceil() as usize + 1 + PADDING;
    let (mut x, mut y, mut shelf) = (PLAIN_BLOCK + PADDING, PADDING, PLAIN_BLOCK + PADDING);
    let mut places = Vec::with_capacity(order.len());
    for &i in order {
        let (w, h) = (texels(charts[i].size.x), texels(charts[i].size.y));
        if x + w > page {
            x = PADDING;
            y += shelf;
            shelf = 0;
        }
        if x + w > page || y + h > page {
            return None;
        }
        places.push((i, Vector2::new(x as f64 + 0.5, y as f64 + 0.5)));
        x += w;
        shelf = shelf.max(h);
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack of two terraces over one another, joined at one side: seen from above it lies over itself.
    fn folded() -> Mesh {
        let vertices = vec![
            Vector3::new(0.0, 0.0, 0.0),
            Vector3::new(10.0, 0.0, 0.0),
            Vector3::new(10.0, 10.0, 0.0),
            Vector3::new(0.0, 10.0, 0.0),
            Vector3::new(20.0, 0.0, 2.0),
            Vector3::new(20.0, 10.0, 2.0),
        ];
        Mesh { vertices, triangles: vec![[0, 1, 2], [0, 2, 3], [1, 4, 5], [1, 5, 2]] }
    }

    #[test]
    fn texels_keep_shape_and_do_not_overlap() {
        let mesh = folded();
        let unfolding = unfold(&mesh, &[true; 4], 256);
        let mut owner: HashMap<(i32, i32), usize> = HashMap::new();
        for (t, corners) in unfolding.texels.iter().enumerate() {
            for c in cells_of(corners, 1.0) {
                assert!(owner.insert(c, t).is_none(), "texel {c:?} twice");
            }
            for p in corners {
                assert!(p.x > 0.0 && p.y > 0.0 && p.x < 256.0 && p.y < 256.0);
            }
        }
        assert!(unfolding.density > 5.0, "{}", unfolding.density);
    }

    #[test]
    fn projections_keep_the_side() {
        for (normal, right, down) in &AXES {
            assert!((right.cross(down) + normal).norm() < 1e-12, "seen from outside, y down");
        }
    }

    #[test]
    fn plain_triangles_share_the_block() {
        let mesh = folded();
        let unfolding = unfold(&mesh, &[true, true, false, false], 64);
        assert_eq!(unfolding.texels[2], [Vector2::repeat(4.0); 3]);
    }
}
