//! Voxel slices: a part as pictures of its layers, a shell of its surface's colours over a core of one colour.
//!
//! In: a part and [`SliceOptions`]. Out: one picture a layer, from the bottom up; a pixel is empty or has a colour. The centre
//! of a voxel decides whether it is material; material within `shell_mm` of the surface takes the colour of the nearest place
//! of the surface, the rest that of the core. Column 0 lies at x = 0, row 0 at the largest y, so that a picture shows its layer
//! from above with north at the top.
//!
//! Memory: the layers of a slab are in memory at once, as many as threads and `memory` allow, with the triangles that they
//! meet. Layers that the caller has already are left out, so that a stopped job goes on where it was. Cost: the search for the nearest place
//! takes about a microsecond for a voxel of the shell; blocks of voxels that lie deeper than the shell take one search.

use super::PrintError;
use crate::base::Ctx;
use crate::image::Grid;
use crate::mesh::bvh::Bvh;
use crate::print::colour::skin::Skin;
use crate::scene::{Mesh, Part};
use nalgebra::Vector3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Side of a block of voxels that is asked about at once.
const BLOCK: usize = 16;
/// Most layers: a finer job is a mistake.
const MOST_LAYERS: f64 = 200_000.0;
/// Most voxels in a layer.
const MOST_VOXELS: f64 = 4e8;

/// How a part is sliced.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceOptions {
    /// Voxels to the inch along x and y.
    pub dpi: [f64; 2],
    /// Height of a layer in millimetres.
    pub layer_mm: f64,
    /// Depth of the coloured shell in millimetres.
    pub shell_mm: f64,
    /// Colour of the core.
    pub core: [u8; 3],
}

/// The stack that a part becomes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stack {
    /// Columns of a picture.
    pub width: usize,
    /// Rows of a picture.
    pub height: usize,
    /// Pictures.
    pub layers: usize,
    /// Size of a voxel along x, y and z in millimetres.
    pub voxel_mm: [f64; 3],
}

/// One layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Which, from the bottom.
    pub index: usize,
    /// Red, green, blue, and 255 where there is material or 0.
    pub image: Grid<[u8; 4]>,
    /// Voxels with material.
    pub filled: u64,
}

impl Stack {
    /// The stack of a part. Fails on options without sense and on stacks beyond any printer.
    pub fn of(mesh: &Mesh, options: &SliceOptions) -> Result<Self, PrintError> {
        let numbers = [
            ("the resolution of the slices in dpi", options.dpi[0]),
            ("the resolution of the slices in dpi", options.dpi[1]),
            ("the height of a layer in millimetres", options.layer_mm),
            ("the depth of the coloured shell in millimetres", options.shell_mm),
        ];
        for (what, value) in numbers {
            if !(value > 0.0 && value.is_finite()) {
                return Err(PrintError::Absurd { what, value, limit: "positive and finite" });
            }
        }
        let size = mesh.bounds().map_or_else(Vector3::zeros, |(_, high)| high);
        let voxel = [25.4 / options.dpi[0], 25.4 / options.dpi[1], options.layer_mm];
        let count = |k: usize| (size[k] / voxel[k] - 1e-9).ceil().max(0.0);
        if count(2) > MOST_LAYERS {
            return Err(PrintError::Absurd { what: "the number of layers", value: count(2), limit: "at most 200 000" });
        }
        if count(0) * count(1) > MOST_VOXELS {
            let value = count(0) * count(1);
            return Err(PrintError::Absurd { what: "the number of voxels in a layer", value, limit: "at most 4e8" });
        }
        let [width, height, layers] = [count(0) as usize, count(1) as usize, count(2) as usize];
        Ok(Self { width, height, layers, voxel_mm: voxel })
    }

    /// Volume of a voxel in cubic millimetres.
    pub fn voxel_mm3(&self) -> f64 {
        self.voxel_mm.iter().product()
    }

    /// How many layers are made at once with so many bytes.
    pub fn slab(&self, memory: u64) -> usize {
        // The picture, and as much again for whoever encodes it.
        let bytes = (self.width * self.height * 8).max(1) as u64;
        ((memory / bytes) as usize).clamp(1, 2 * rayon::current_num_threads().max(1))
    }

    /// Centre of a voxel.
    fn centre(&self, x: usize, y: usize, z: usize) -> Vector3<f64> {
        let [w, d, h] = self.voxel_mm;
        Vector3::new((x as f64 + 0.5) * w, (self.height - 1 - y) as f64 * d + d / 2.0, (z as f64 + 0.5) * h)
    }
}

/// Makes the layers that `wanted` asks for. `done` gets each on the thread that made it, the layers of a slab in any order.
pub fn slice(
    ctx: &Ctx,
    part: &Part,
    options: &SliceOptions,
    memory: u64,
    wanted: impl Fn(usize) -> bool,
    done: impl Fn(Layer) -> Result<(), PrintError> + Sync,
) -> Result<Stack, PrintError> {
    let stack = Stack::of(&part.mesh, options)?;
    let bvh = Bvh::new(&part.mesh);
    let job = Job { part, options, stack, bvh: &bvh };
    let todo: Vec<usize> = (0..stack.layers).filter(|&z| wanted(z)).collect();
    for (i, slab) in todo.chunks(stack.slab(memory)).enumerate() {
        ctx.tick((i * stack.slab(memory)) as u64, todo.len() as u64)?;
        let triangles = job.triangles_between(slab[0], slab[slab.len() - 1]);
        slab.par_iter().try_for_each(|&z| {
            ctx.check()?;
            done(job.layer(z, &triangles))
        })?;
    }
    Ok(stack)
}

/// What all layers share.
struct Job<'a> {
    part: &'a Part,
    options: &'a SliceOptions,
    stack: Stack,
    bvh: &'a Bvh,
}

impl Job<'_> {
    /// Triangles that reach into a range of layers.
    fn triangles_between(&self, from: usize, to: usize) -> Vec<u32> {
        let mesh = &self.part.mesh;
        let (low, high) = (self.stack.centre(0, 0, from).z, self.stack.centre(0, 0, to).z);
        let meets = |t: &u32| {
            let z = mesh.corners(*t as usize).map(|p| p.z);
            z.iter().any(|z| *z >= low) && z.iter().any(|z| *z <= high)
        };
        (0..mesh.triangles.len() as u32).into_par_iter().filter(meets).collect()
    }

    fn layer(&self, z: usize, triangles: &[u32]) -> Layer {
        let mut image = Grid::filled(self.stack.width, self.stack.height, [0; 4]);
        let mut filled = 0;
        for (y, crossings) in self.rows(z, triangles).into_iter().enumerate() {
            let mut winding = 0;
            for pair in crossings.windows(2) {
                winding += pair[0].1;
                if winding <= 0 {
                    continue;
                }
                // Voxels whose centre lies between the two.
                let column = |x: f64| (x / self.stack.voxel_mm[0] - 0.5).ceil().max(0.0) as usize;
                for x in column(pair[0].0)..column(pair[1].0).min(self.stack.width) {
                    *image.at_mut(x, y) = [0, 0, 0, 255];
                    filled += 1;
                }
            }
        }
        self.colour(z, &mut image);
        Layer { index: z, image, filled }
    }

    /// For each row, where the surface crosses it and whether material begins (+1) or ends there, by x.
    fn rows(&self, z: usize, triangles: &[u32]) -> Vec<Vec<(f64, i32)>> {
        let (mesh, stack) = (&self.part.mesh, &self.stack);
        let level = stack.centre(0, 0, z).z;
        let mut rows: Vec<Vec<(f64, i32)>> = vec![Vec::new(); stack.height];
        for &t in triangles {
            let corners = mesh.triangles[t as usize];
            let above = corners.map(|v| mesh.vertices[v as usize].z > level);
            if above[0] == above[1] && above[1] == above[2] {
                continue;
            }
            // From where the edge goes down through the level to where one goes up: material lies to the left.
            let (mut start, mut end) = ([0.0; 2], [0.0; 2]);
            for k in 0..3 {
                let (a, b) = (corners[k], corners[(k + 1) % 3]);
                match (above[k], above[(k + 1) % 3]) {
                    (true, false) => start = crossing(mesh, a, b, level),
                    (false, true) => end = crossing(mesh, a, b, level),
                    _ => {}
                }
            }
            let depth = stack.voxel_mm[1];
            let (low, high) = (start[1].min(end[1]), start[1].max(end[1]));
            // Rows counted from y = 0 whose centre lies in [low, high).
            let row = |y: f64| (y / depth - 0.5).ceil().max(0.0) as usize;
            for r in row(low)..row(high).min(stack.height) {
                let y = (r as f64 + 0.5) * depth;
                let x = start[0] + (end[0] - start[0]) * ((y - start[1]) / (end[1] - start[1]));
                rows[stack.height - 1 - r].push((x, if end[1] < start[1] { 1 } else { -1 }));
            }
        }
        for row in &mut rows {
            row.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        }
        rows
    }

    /// Colours the material.
    fn colour(&self, z: usize, image: &mut Grid<[u8; 4]>) {
        let (stack, shell) = (&self.stack, self.options.shell_mm);
        let skin = Skin::new(self.part);
        let [r, g, b] = self.options.core;
        let half = BLOCK as f64 / 2.0;
        let radius = (half * stack.voxel_mm[0]).hypot(half * stack.voxel_mm[1]);
        for (by, bx) in
            (0..stack.height).step_by(BLOCK).flat_map(|y| (0..stack.width).step_by(BLOCK).map(move |x| (y, x)))
        {
            let (ends, rows) = ((bx + BLOCK).min(stack.width), by..(by + BLOCK).min(stack.height));
            if rows.clone().all(|y| (bx..ends).all(|x| image.at(x, y)[3] == 0)) {
                continue;
            }
            let mut middle = stack.centre(bx, by, z);
            middle.x += (half - 0.5) * stack.voxel_mm[0];
            middle.y -= (half - 0.5) * stack.voxel_mm[1];
            let deep = self.bvh.closest(&middle, shell + radius).is_none();
            for y in rows {
                for x in (bx..ends).filter(|&x| image.at(x, y)[3] > 0).collect::<Vec<_>>() {
                    let p = stack.centre(x, y, z);
                    let hit = if deep { None } else { self.bvh.closest(&p, shell) };
                    let colour = hit.map_or([r, g, b], |hit| {
                        let t = hit.triangle as usize;
                        skin.rgb(t, weights(&self.part.mesh.corners(t), &hit.point)).map(|v| v.round() as u8)
                    });
                    *image.at_mut(x, y) = [colour[0], colour[1], colour[2], 255];
                }
            }
        }
    }
}

/// Where an edge crosses a level; the same for both triangles of the edge.
fn crossing(mesh: &Mesh, a: u32, b: u32, level: f64) -> [f64; 2] {
    let (p, q) = (mesh.vertices[a.min(b) as usize], mesh.vertices[a.max(b) as usize]);
    let share = (level - p.z) / (q.z - p.z);
    [p.x + (q.x - p.x) * share, p.y + (q.y - p.y) * share]
}

/// Barycentric coordinates of a point of a triangle.
fn weights([a, b, c]: &[Vector3<f64>; 3], p: &Vector3<f64>) -> [f32; 3] {
    let (e1, e2, d) = (b - a, c - a, p - a);
    let (d11, d12, d22) = (e1.dot(&e1), e1.dot(&e2), e2.dot(&e2));
    let det = d11 * d22 - d12 * d12;
    if det <= 0.0 {
        return [1.0, 0.0, 0.0];
    }
    let (v, w) = ((d22 * d.dot(&e1) - d12 * d.dot(&e2)) / det, (d11 * d.dot(&e2) - d12 * d.dot(&e1)) / det);
    [(1.0 - v - w) as f32, v as f32, w as f32]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use std::sync::Mutex;

    /// A box with a lid of the page's colours: red grows with x, green with y; the sides are blue.
    fn block(size: Vector3<f64>) -> Part {
        let corner = |i: u32| Vector3::new(f64::from(i & 1), f64::from(i >> 1 & 1), f64::from(i >> 2 & 1));
        let vertices: Vec<_> = (0..8).map(|i| corner(i).component_mul(&size)).collect();
        let faces = [[0, 2, 3, 1], [4, 5, 7, 6], [0, 1, 5, 4], [1, 3, 7, 5], [3, 2, 6, 7], [2, 0, 4, 6]];
        let (mut triangles, mut uvs) = (Vec::new(), Vec::new());
        for (f, [a, b, c, d]) in faces.into_iter().enumerate() {
            for t in [[a, b, c], [a, c, d]] {
                triangles.push(t);
                let uv = |i: u32| [(i & 1) as f32, 1.0 - (i >> 1 & 1) as f32 * 0.9];
                uvs.push(if f == 1 { t.map(uv) } else { [[0.5, 0.02]; 3] });
            }
        }
        let mut texture = Rgb8::filled(256, 256, [0, 0, 255]);
        for y in 20..256 {
            for x in 0..256 {
                *texture.at_mut(x, y) = [x as u8, 255 - y as u8, 0];
            }
        }
        Part { mesh: Mesh { vertices, triangles }, uvs, texture, scale_denominator: None, title: String::new() }
    }

    fn options() -> SliceOptions {
        SliceOptions { dpi: [254.0, 127.0], layer_mm: 0.25, shell_mm: 0.6, core: [250; 3] }
    }

    fn layers(part: &Part, options: &SliceOptions, memory: u64, wanted: impl Fn(usize) -> bool) -> (Stack, Vec<Layer>) {
        let all = Mutex::new(Vec::new());
        let done = |l: Layer| {
            all.lock().unwrap().push(l);
            Ok(())
        };
        let stack = slice(&Ctx::silent(), part, options, memory, wanted, done).unwrap();
        let mut all = all.into_inner().unwrap();
        all.sort_by_key(|l| l.index);
        (stack, all)
    }

    #[test]
    fn volume_and_colours_are_those_of_the_part() {
        let part = block(Vector3::new(20.0, 10.0, 5.0));
        let (stack, all) = layers(&part, &options(), 1 << 30, |_| true);
        assert_eq!((stack.width, stack.height, stack.layers), (200, 50, 20));
        let filled: u64 = all.iter().map(|l| l.filled).sum();
        assert!((filled as f64 * stack.voxel_mm3() / part.mesh.volume() - 1.0).abs() < 1e-9);
        // In the middle of the block is the core, at a side blue, in the top layer the page.
        let middle = &all[10].image;
        assert_eq!(middle.at(100, 25), [250, 250, 250, 255]);
        assert_eq!(middle.at(0, 25), [0, 0, 255, 255]);
        let top = &all[19].image;
        for (x, y) in [(40, 40), (100, 10), (170, 25)] {
            let (u, v) = ((x as f32 + 0.5) / 200.0, 1.0 - (49.5 - y as f32) / 50.0 * 0.9);
            let want = part.texture.bilinear(u * 256.0, v * 256.0);
            let got = top.at(x, y);
            assert!((0..3).all(|k| (f32::from(got[k]) - want[k]).abs() <= 1.0), "{got:?} {want:?}");
        }
        // Row 0 is north, where green is high.
        assert!(top.at(100, 4)[1] > top.at(100, 45)[1]);
    }

    #[test]
    fn a_slanted_body_keeps_its_volume_and_slabs_do_not_matter() {
        let mut part = block(Vector3::new(20.0, 10.0, 5.0));
        for v in &mut part.mesh.vertices {
            *v = Vector3::new(v.x + v.z * 0.7, v.y + v.z * 0.3 + v.x * 0.1, v.z);
        }
        let (stack, all) = layers(&part, &options(), 1 << 30, |_| true);
        let filled: u64 = all.iter().map(|l| l.filled).sum();
        assert!((filled as f64 * stack.voxel_mm3() / part.mesh.volume() - 1.0).abs() < 0.005);
        let (_, one_by_one) = layers(&part, &options(), 1, |_| true);
        assert_eq!(all, one_by_one);
        let (_, rest) = layers(&part, &options(), 1, |z| z >= 7);
        assert_eq!(rest, all[7..]);
    }

    #[test]
    fn absurd_stacks_are_refused_and_jobs_stop() {
        let part = block(Vector3::new(20.0, 10.0, 5.0));
        let absurd = SliceOptions { layer_mm: 1e-6, ..options() };
        assert!(matches!(Stack::of(&part.mesh, &absurd), Err(PrintError::Absurd { .. })));
        assert!(Stack::of(&part.mesh, &SliceOptions { dpi: [0.0, 9.0], ..options() }).is_err());
        let ctx = Ctx::silent();
        ctx.cancel_token().cancel();
        let stopped = slice(&ctx, &part, &options(), 1, |_| true, |_| Ok(()));
        assert!(matches!(stopped, Err(PrintError::Cancelled(_))));
    }
}
