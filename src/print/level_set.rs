//! Shapes given by a distance on a grid, and their surface.
//!
//! In: values at the nodes of a regular grid, in millimetres, below zero inside; only blocks near the shape are kept.
//! Out: one closed triangle mesh, its triangles outward, whose points are off the true surface by about
//! `spacing^2 / (8 radius)` where that is round. It may touch itself in few edges: [`super::solid::unite`] takes that.
//!
//! Source: S. F. F. Gibson, "Constrained Elastic Surface Nets", MICCAI 1998, with the points at the mean of the edges'
//! crossings, and one for each sheet in a cell (G. M. Nielson, "Dual marching cubes", IEEE Visualization 2004). Memory: 4 bytes a node, 8^3 nodes a block. Results do not depend on the number of threads.

use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// Nodes along a side of a block.
pub const SIDE: i32 = 8;
const NODES: usize = (SIDE * SIDE * SIDE) as usize;

/// Indices of a node.
pub type Node = [i32; 3];

/// A ball.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// Its centre.
    pub centre: Vector3<f64>,
    /// Its radius.
    pub radius: f64,
}

/// Values on a grid through the origin.
#[derive(Clone, Debug)]
pub struct LevelSet {
    /// Distance of nodes.
    pub spacing: f64,
    /// In order.
    blocks: Vec<(Node, Vec<f32>)>,
    number: FxHashMap<Node, u32>,
}

impl LevelSet {
    /// The union of balls.
    pub fn of_balls(balls: &[Ball], spacing: f64) -> Self {
        let fill = |(block, own): (Node, Vec<u32>)| {
            let mut values = vec![2.0 * spacing as f32; NODES];
            for i in own {
                lower(&mut values, block, &balls[i as usize], spacing);
            }
            (block, values)
        };
        let near: Vec<(Node, Vec<u32>)> = near(balls, spacing).into_iter().collect();
        Self::new(spacing, near.into_par_iter().map(fill).collect())
    }

    /// The value at every node of some blocks: those that `blocks` lists, as indices of nodes divided by 8.
    pub fn of_function(blocks: Vec<Node>, spacing: f64, value: impl Fn(Node) -> f64 + Sync) -> Self {
        let fill = |block: Node| {
            let values = (0..NODES).map(|i| value(node_in(block, i)) as f32).collect();
            (block, values)
        };
        Self::new(spacing, blocks.into_par_iter().map(fill).collect())
    }

    fn new(spacing: f64, mut blocks: Vec<(Node, Vec<f32>)>) -> Self {
        blocks.par_sort_unstable_by_key(|(block, _)| *block);
        let number = blocks.iter().zip(0..).map(|((block, _), i)| (*block, i)).collect();
        Self { spacing, blocks, number }
    }

    /// The surface where the value is zero.
    pub fn surface(&self) -> Mesh {
        let mut net = Net { set: self, vertex_of: FxHashMap::default(), mesh: Mesh::default() };
        let cut: Vec<_> = self.blocks.par_iter().map(|(block, values)| self.cut_edges(*block, values)).collect();
        for (node, axis, inside) in cut.into_iter().flatten() {
            net.quad(node, axis, inside);
        }
        net.mesh
    }

    /// The edges from nodes of a block that the surface crosses: node, axis, and whether the node is inside.
    fn cut_edges(&self, block: Node, values: &[f32]) -> Vec<(Node, usize, bool)> {
        let mut cut = Vec::new();
        for i in 0..NODES {
            let node = node_in(block, i);
            let inside = values[i] < 0.0;
            for axis in 0..3 {
                let mut next = node;
                next[axis] += 1;
                let within = next[axis] % SIDE != 0;
                let value = if within { Some(values[i + (SIDE as usize).pow(axis as u32)]) } else { self.get(next) };
                if value.is_some_and(|value| (value < 0.0) != inside) {
                    cut.push((node, axis, inside));
                }
            }
        }
        cut
    }

    /// The blocks that have values.
    pub fn blocks(&self) -> Vec<Node> {
        self.blocks.iter().map(|(block, _)| *block).collect()
    }

    /// The value at a node.
    pub fn get(&self, node: Node) -> Option<f32> {
        let block = node.map(|x| x.div_euclid(SIDE));
        let own = [0, 1, 2].map(|k| (node[k] - block[k] * SIDE) as usize);
        let at = own[0] + SIDE as usize * (own[1] + SIDE as usize * own[2]);
        self.number.get(&block).map(|&i| self.blocks[i as usize].1[at])
    }
}

/// The surface of a union of balls, with its points on the balls themselves: edges between them are off by about
/// `spacing^2 / (8 radius)`.
pub fn surface_of_balls(balls: &[Ball], spacing: f64) -> Mesh {
    let mut mesh = LevelSet::of_balls(balls, spacing).surface();
    let near = near(balls, spacing);
    mesh.vertices.par_iter_mut().for_each(|p| {
        let own = near.get(&block_of(p, spacing)).map_or(&[][..], Vec::as_slice);
        let distance = |i: &u32| (*p - balls[*i as usize].centre).norm() - balls[*i as usize].radius;
        if let Some(i) = own.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))) {
            let ball = &balls[*i as usize];
            let out = (*p - ball.centre).try_normalize(0.0).unwrap_or_else(Vector3::z);
            let step = ball.centre + out * ball.radius - *p;
            // A point of a crease has its own place.
            if step.norm() < spacing / 2.0 {
                *p += step;
            }
        }
    });
    mesh
}

/// The balls that reach into each block, with two nodes beyond the surface: every edge that crosses it has both its values.
fn near(balls: &[Ball], spacing: f64) -> FxHashMap<Node, Vec<u32>> {
    let mut near: FxHashMap<Node, Vec<u32>> = FxHashMap::default();
    for (i, ball) in balls.iter().enumerate() {
        let r = Vector3::from_element(ball.radius + 2.0 * spacing);
        let (low, high) = (block_of(&(ball.centre - r), spacing), block_of(&(ball.centre + r), spacing));
        for x in low[0]..=high[0] {
            for y in low[1]..=high[1] {
                for block in (low[2]..=high[2]).map(|z| [x, y, z]) {
                    near.entry(block).or_default().push(i as u32);
                }
            }
        }
    }
    near
}

/// The block that a point lies in.
pub fn block_of(p: &Vector3<f64>, spacing: f64) -> Node {
    [0, 1, 2].map(|k| ((p[k] / spacing).floor() as i32).div_euclid(SIDE))
}

fn node_in(block: Node, i: usize) -> Node {
    let i = i as i32;
    [block[0] * SIDE + i % SIDE, block[1] * SIDE + i / SIDE % SIDE, block[2] * SIDE + i / (SIDE * SIDE)]
}

/// Where a node is.
pub fn place(node: Node, spacing: f64) -> Vector3<f64> {
    Vector3::from(node.map(f64::from)) * spacing
}

/// Lowers the values of a block to the distance from a ball: whole rows, from the block's own corner, so that single
/// precision does.
fn lower(values: &mut [f32], block: Node, ball: &Ball, spacing: f64) {
    let centre = ball.centre / spacing - Vector3::from(block.map(|x| f64::from(x * SIDE)));
    let reach = ball.radius / spacing + 2.0;
    let range = |k: usize| {
        ((centre[k] - reach).ceil().max(0.0) as usize)..(centre[k] + reach + 1.0).clamp(0.0, f64::from(SIDE)) as usize
    };
    let across: [f32; SIDE as usize] = std::array::from_fn(|x| (x as f64 - centre.x).powi(2) as f32);
    let (scale, radius) = (spacing as f32, ball.radius as f32);
    let most = (reach * reach) as f32;
    for z in range(2) {
        for y in range(1) {
            let rest = ((y as f64 - centre.y).powi(2) + (z as f64 - centre.z).powi(2)) as f32;
            if rest > most {
                continue;
            }
            let first = SIDE as usize * (y + SIDE as usize * z);
            for (value, x) in values[first..first + SIDE as usize].iter_mut().zip(&across) {
                *value = value.min((rest + x).sqrt() * scale - radius);
            }
        }
    }
}

/// The mesh that is being made.
struct Net<'a> {
    set: &'a LevelSet,
    /// For each cell and each of its edges that the surface crosses.
    vertex_of: FxHashMap<Node, [u32; 12]>,
    mesh: Mesh,
}

impl Net<'_> {
    /// The quadrilateral through the four cells around an edge, from `node` along `axis`.
    fn quad(&mut self, node: Node, axis: usize, inside: bool) {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        // The cell, and the edge as one of its own.
        let cell = |du: i32, dv: i32| {
            let mut c = node;
            c[u] -= du;
            c[v] -= dv;
            let start = (du as usize) << u | (dv as usize) << v;
            (c, edge_number(start, axis))
        };
        // Counter-clockwise when seen from the end of the edge.
        let mut corners = [cell(1, 1), cell(0, 1), cell(0, 0), cell(1, 0)].map(|(c, edge)| self.vertex(c, edge));
        if !inside {
            corners.reverse();
        }
        let [a, b, c, d] = corners;
        let p = |i: u32| self.mesh.vertices[i as usize];
        let split = if (p(a) - p(c)).norm_squared() <= (p(b) - p(d)).norm_squared() {
            [[a, b, c], [a, c, d]]
        } else {
            [[b, c, d], [b, d, a]]
        };
        self.mesh.triangles.extend(split);
    }

    /// The point of the sheet that crosses an edge of a cell, which goes by its lowest node.
    fn vertex(&mut self, cell: Node, edge: usize) -> u32 {
        if let Some(sheets) = self.vertex_of.get(&cell) {
            return sheets[edge];
        }
        let corner = |i: usize| [cell[0] + (i & 1) as i32, cell[1] + (i >> 1 & 1) as i32, cell[2] + (i >> 2) as i32];
        let far = 2.0 * self.set.spacing as f32;
        let values: [f64; 8] = std::array::from_fn(|i| f64::from(self.set.get(corner(i)).unwrap_or(far)));
        let sheet_of = sheets(values.map(|v| v < 0.0));
        let mut sheets = [u32::MAX; 12];
        for first in 0..12 {
            if sheet_of[first] != Some(first) {
                continue;
            }
            let (mut sum, mut count) = (Vector3::zeros(), 0.0);
            for other in (first..12).filter(|e| sheet_of[*e] == Some(first)) {
                let (i, j) = ends(other);
                let share = values[i] / (values[i] - values[j]);
                let (a, b) = (place(corner(i), 1.0), place(corner(j), 1.0));
                sum += a + (b - a) * share;
                count += 1.0;
                sheets[other] = self.mesh.vertices.len() as u32;
            }
            self.mesh.vertices.push(sum / f64::max(count, 1.0) * self.set.spacing);
        }
        self.vertex_of.insert(cell, sheets);
        sheets[edge]
    }
}

/// Number of the edge of a cell that starts at a corner (bits: x, y, z) and runs along an axis.
fn edge_number(start: usize, axis: usize) -> usize {
    let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
    4 * axis + (start >> u & 1) + 2 * (start >> v & 1)
}

/// The corners at the ends of an edge.
fn ends(edge: usize) -> (usize, usize) {
    let axis = edge / 4;
    let start = (edge & 1) << ((axis + 1) % 3) | (edge >> 1 & 1) << ((axis + 2) % 3);
    (start, start | 1 << axis)
}

/// For each edge of a cell that the surface crosses, the first edge of the same sheet. On a face that has its inner corners
/// on a diagonal the surface parts these, in both cells.
fn sheets(inside: [bool; 8]) -> [Option<usize>; 12] {
    let crossed = |e: usize| inside[ends(e).0] != inside[ends(e).1];
    let mut sheet: [Option<usize>; 12] = std::array::from_fn(|e| crossed(e).then_some(e));
    let mut join = |a: usize, b: usize| {
        if let (Some(x), Some(y)) = (sheet[a], sheet[b]) {
            sheet.iter_mut().filter(|s| **s == Some(x.max(y))).for_each(|s| *s = Some(x.min(y)));
        }
    };
    for axis in 0..3 {
        let (u, v) = ((axis + 1) % 3, (axis + 2) % 3);
        for side in 0..2 {
            let corner = |i: usize, j: usize| side << axis | i << u | j << v;
            let along_u = |j: usize| edge_number(corner(0, j), u);
            let along_v = |i: usize| edge_number(corner(i, 0), v);
            let around = [along_u(0), along_u(1), along_v(0), along_v(1)];
            let met: Vec<usize> = around.into_iter().filter(|e| crossed(*e)).collect();
            if let [a, b] = met[..] {
                join(a, b);
            }
            if met.len() == 4 {
                for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().filter(|&(i, j)| inside[corner(i, j)]) {
                    join(along_u(j), along_v(i));
                }
            }
        }
    }
    sheet
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::inspect;

    #[test]
    fn balls_unite_to_a_closed_surface_at_their_distance() {
        let balls = [
            Ball { centre: Vector3::new(0.1, 0.2, -0.3), radius: 2.0 },
            Ball { centre: Vector3::new(2.3, -0.4, 0.9), radius: 1.5 },
            Ball { centre: Vector3::new(-9.0, 4.0, 3.0), radius: 1.0 },
        ];
        let mesh = LevelSet::of_balls(&balls, 0.2).surface();
        let report = inspect(&mesh);
        assert!(report.border_edges == 0 && report.misoriented_edges == 0 && report.components == 2, "{report:?}");
        for p in &mesh.vertices {
            let distance = balls.iter().map(|b| (p - b.centre).norm() - b.radius).fold(f64::INFINITY, f64::min);
            // The crease between two balls is rounded by less than half a cell.
            assert!(distance.abs() < 0.1, "{distance} at {p}");
        }
        let single = surface_of_balls(&balls[2..], 0.2);
        assert!(single.vertices.iter().all(|p| ((p - balls[2].centre).norm() - 1.0).abs() < 1e-9));
        assert!((single.volume() / (4.0 / 3.0 * std::f64::consts::PI) - 1.0).abs() < 0.02, "{}", single.volume());
    }

    #[test]
    fn sheets_in_one_cell_have_points_of_their_own() {
        // Every choice of inner corners: each crossed edge has a sheet, and two corners that face each other have two.
        for bits in 0..256usize {
            let inside: [bool; 8] = std::array::from_fn(|i| bits >> i & 1 == 1);
            for (e, sheet) in sheets(inside).into_iter().enumerate() {
                assert_eq!(sheet.is_some(), inside[ends(e).0] != inside[ends(e).1]);
                assert!(sheet.is_none_or(|s| s <= e && edge_number(ends(e).0, e / 4) == e));
            }
        }
        let count = |bits: usize| {
            let found = sheets(std::array::from_fn(|i| bits >> i & 1 == 1));
            found.iter().enumerate().filter(|(e, s)| **s == Some(*e)).count()
        };
        assert_eq!([0b1, 0b1111, 0b1000_0001, 0b1001, 0b0110_1001, 0b0111_1110].map(count), [1, 1, 2, 2, 4, 2]);
        // Balls whose gap is narrower than the grid stay two closed bodies, wherever the grid lies.
        let mut rng = crate::base::Rng::new(4, 4);
        for _ in 0..40 {
            let centre = Vector3::from_fn(|_, _| rng.next_f64());
            let way = Vector3::from_fn(|_, _| rng.uniform(-0.5, 0.5)).normalize();
            let balls = [centre, centre + way * 1.05].map(|centre| Ball { centre, radius: 0.5 });
            let mesh = LevelSet::of_balls(&balls, 0.1).surface();
            let report = inspect(&mesh);
            assert!(report.is_closed() && report.self_intersections == 0, "{report:?}");
        }
    }

    #[test]
    fn functions_give_the_same_surface_as_balls() {
        let ball = Ball { centre: Vector3::new(3.0, 3.5, 4.0), radius: 2.5 };
        let blocks = (-1..2).flat_map(|x| (-1..2).flat_map(move |y| (-1..3).map(move |z| [x, y, z]))).collect();
        let value = |n: Node| (place(n, 0.5) - ball.centre).norm() - ball.radius;
        let mesh = LevelSet::of_function(blocks, 0.5, value).surface();
        assert!(inspect(&mesh).is_closed());
        let other = LevelSet::of_balls(&[ball], 0.5).surface();
        assert!((mesh.volume() - other.volume()).abs() < 1e-4);
    }
}
