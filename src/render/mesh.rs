//! A textured mesh ready to draw: vertices shared where position, texture coordinate and view count agree, triangles
//! split by page and into pieces that lie together in space, pages with smaller copies, a coarse copy for slow adapters.
//!
//! In: a [`City`] (metres) or a [`Part`] (millimetres). Out: a [`PreparedMesh`]. Cost: about a second and 250 bytes a
//! triangle for a million of them, most of it the hierarchy for picking.

use super::cluster;
use super::mips::Page;
use super::octree::morton;
use super::points::robust_bounds;
use crate::mesh::bvh::Bvh;
use crate::scene::{City, Mesh, Part, SurfaceClass};
use bytemuck::{Pod, Zeroable};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;

/// Triangles of one piece: few enough to leave out what is out of sight and to stop in between, enough to draw fast.
const CHUNK: usize = 1 << 15;
/// Triangles of the coarse copy.
const COARSE: usize = 100_000;

/// What the shading by view counts tells apart, with its colour (sRGB): from dark to bright, so that it also reads
/// without colour vision.
pub const VIEW_CLASSES: [(&str, [u8; 3]); 6] = [
    ("none", [110, 110, 110]),
    ("1", [68, 1, 84]),
    ("2", [59, 82, 139]),
    ("3-4", [33, 145, 140]),
    ("5-8", [94, 201, 98]),
    ("9 or more", [253, 231, 37]),
];

/// The class in [`VIEW_CLASSES`] of a number of photos.
pub fn view_class(views: u8) -> u8 {
    match views {
        0..=2 => views,
        3..=4 => 3,
        5..=8 => 4,
        _ => 5,
    }
}

/// Colours of the shading by classes (sRGB), in the order of the classes' numbers; chosen to differ in lightness too, so
/// that they also read without colour vision.
pub const SURFACE_COLOURS: [(SurfaceClass, [u8; 3]); 7] = [
    (SurfaceClass::Ground, [166, 156, 140]),
    (SurfaceClass::Roof, [196, 72, 50]),
    (SurfaceClass::Facade, [240, 212, 140]),
    (SurfaceClass::Vegetation, [46, 125, 70]),
    (SurfaceClass::Car, [170, 80, 190]),
    (SurfaceClass::Water, [60, 130, 215]),
    (SurfaceClass::Other, [95, 95, 100]),
];
/// Number of a triangle that has no class.
pub(super) const UNCLASSIFIED: u8 = SURFACE_COLOURS.len() as u8;

/// The class of the view count and the number of the surface's class in one byte, as the shader takes them apart.
pub(super) fn packed(views: u8, surface: u8) -> u8 {
    views + VIEW_CLASSES.len() as u8 * surface
}

/// One vertex as the device reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub(super) struct Vertex {
    /// Position relative to the mesh's origin.
    pub position: [f32; 3],
    /// Texture coordinate, v down.
    pub uv: [f32; 2],
    /// Colour (sRGB; of the coarse copy only), and both classes by [`packed`].
    pub data: [u8; 4],
}

/// Triangles of one page that fit one buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    pub page: usize,
    /// Middle of its bounds, and half of their sides, in the world.
    pub centre: Vector3<f64>,
    pub half: Vector3<f64>,
    pub vertices: Vec<Vertex>,
    pub triangles: Vec<[u32; 3]>,
    /// Each edge once.
    pub edges: Vec<[u32; 2]>,
}

impl Chunk {
    /// Sets the bounds from the vertices, which are relative to `origin`.
    pub fn enclose(&mut self, origin: &Vector3<f64>) {
        let positions = self.vertices.iter().map(|v| Vector3::from(v.position).cast::<f64>());
        let bounds = positions.map(|p| (p, p)).reduce(|a, b| (a.0.inf(&b.0), a.1.sup(&b.1)));
        if let Some((low, high)) = bounds {
            (self.centre, self.half) = (origin + (low + high) / 2.0, (high - low) / 2.0);
        }
    }
}

/// A mesh that only waits for its upload.
#[derive(Clone, Debug, Default)]
pub struct PreparedMesh {
    /// What positions are relative to.
    pub(super) origin: Vector3<f64>,
    pub(super) bounds: Option<(Vector3<f64>, Vector3<f64>)>,
    pub(super) chunks: Vec<Chunk>,
    /// Few triangles with colours at their vertices; `None` where the mesh itself is small.
    pub(super) coarse: Option<Chunk>,
    pub(super) pages: Vec<Page>,
    /// Whether its triangles have classes.
    pub(super) classified: bool,
    /// The hierarchy for picking and measuring, shared with whoever measures in the background.
    pub(super) bvh: Arc<Bvh>,
}

impl PreparedMesh {
    /// Triangles of the mesh and of its coarse copy.
    pub fn triangles(&self) -> (usize, Option<usize>) {
        (self.chunks.iter().map(|c| c.triangles.len()).sum(), self.coarse.as_ref().map(|c| c.triangles.len()))
    }
}

/// Triangles and what belongs to each.
pub(super) struct Textured<'a> {
    pub mesh: &'a Mesh,
    pub uvs: &'a [[[f32; 2]; 3]],
    /// Page of each triangle; all 0 where shorter.
    pub page: &'a [u16],
    /// View count of each triangle; unknown counts as many.
    pub views: &'a [u8],
    /// Class of each triangle, where they have one.
    pub classes: &'a [SurfaceClass],
    pub origin: Vector3<f64>,
}

impl Textured<'_> {
    pub fn page_of(&self, t: usize, pages: usize) -> usize {
        usize::from(self.page.get(t).copied().unwrap_or(0)).min(pages.saturating_sub(1))
    }

    pub fn uv_of(&self, t: usize) -> [[f32; 2]; 3] {
        self.uvs.get(t).copied().unwrap_or_default()
    }

    pub fn class_of(&self, t: usize) -> u8 {
        self.views.get(t).map_or(5, |&v| view_class(v))
    }

    pub fn surface_of(&self, t: usize) -> u8 {
        self.classes.get(t).map_or(UNCLASSIFIED, |&c| c as u8)
    }

    fn chunk(&self, page: usize, members: &[u32]) -> Chunk {
        let mut known: HashMap<(u32, [u32; 2], u8), u32> = HashMap::with_capacity(members.len());
        let mut chunk = Chunk { page, ..Chunk::default() };
        for &t in members {
            let t = t as usize;
            let (uv, class) = (self.uv_of(t), packed(self.class_of(t), self.surface_of(t)));
            chunk.triangles.push(std::array::from_fn(|k| {
                let vertex = self.mesh.triangles[t][k];
                *known.entry((vertex, uv[k].map(f32::to_bits), class)).or_insert_with(|| {
                    let position = (self.mesh.vertices[vertex as usize] - self.origin).map(|v| v as f32).into();
                    chunk.vertices.push(Vertex { position, uv: uv[k], data: [255, 255, 255, class] });
                    chunk.vertices.len() as u32 - 1
                })
            }));
        }
        chunk.edges = edges(&chunk.triangles);
        chunk.enclose(&self.origin);
        chunk
    }
}

fn edges(triangles: &[[u32; 3]]) -> Vec<[u32; 2]> {
    let sides = triangles.iter().flat_map(|&[a, b, c]| [[a, b], [b, c], [c, a]]);
    let mut edges: Vec<[u32; 2]> = sides.map(|[a, b]| [a.min(b), a.max(b)]).collect();
    edges.par_sort_unstable();
    edges.dedup();
    edges
}

/// Orders triangles along a curve through space, so that consecutive ones lie together.
fn in_space(mesh: &Mesh, bounds: Option<(Vector3<f64>, Vector3<f64>)>, list: &mut [u32]) {
    let Some((low, high)) = bounds else { return };
    let side = (high - low).max().max(1e-12);
    list.sort_by_cached_key(|&t| {
        let [a, b, c] = mesh.corners(t as usize);
        let at = ((a + b + c) / 3.0 - low) / side * f64::from(1 << 20);
        (morton(at.map(|v| v as u64).into()), t)
    });
}

fn prepare(textured: Textured<'_>, pages: Vec<Page>) -> PreparedMesh {
    let mesh = textured.mesh;
    let bounds = mesh.bounds();
    let origin = bounds.map_or_else(Vector3::zeros, |(low, high)| (low + high) / 2.0);
    let textured = Textured { origin, ..textured };
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); pages.len()];
    for t in 0..mesh.triangles.len() {
        members[textured.page_of(t, pages.len())].push(t as u32);
    }
    members.par_iter_mut().for_each(|list| in_space(mesh, bounds, list));
    let parts: Vec<(usize, &[u32])> =
        members.iter().enumerate().flat_map(|(p, list)| list.chunks(CHUNK).map(move |part| (p, part))).collect();
    let chunks = parts.into_par_iter().map(|(page, part)| textured.chunk(page, part)).collect();
    let coarse = (mesh.triangles.len() > COARSE).then(|| {
        let mut coarse = cluster::clustered(&textured, &pages, COARSE);
        coarse.edges = edges(&coarse.triangles);
        coarse.enclose(&origin);
        coarse
    });
    let classified = !textured.classes.is_empty();
    PreparedMesh { origin, bounds, chunks, coarse, pages, classified, bvh: Arc::new(Bvh::new(mesh)) }
}

/// A city with its pages.
pub fn prepare_city(city: &City) -> PreparedMesh {
    let mut pages: Vec<Page> = city.pages.iter().map(|p| Page::new(&p.image)).collect();
    if pages.is_empty() {
        pages.push(Page::white());
    }
    let City { mesh, uvs, page, views, classes, .. } = city;
    let mut city_ready = prepare(Textured { mesh, uvs, page, views, classes, origin: Vector3::zeros() }, pages);
    // Thin strips at the border of a flight would make everything else small.
    city_ready.bounds = robust_bounds(&city.mesh.vertices);
    city_ready
}

/// A part with its page, in millimetres.
pub fn prepare_part(part: &Part) -> PreparedMesh {
    let Part { mesh, uvs, .. } = part;
    let textured = Textured { mesh, uvs, page: &[], views: &[], classes: &[], origin: Vector3::zeros() };
    prepare(textured, vec![Page::new(&part.texture)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vertices_are_shared_only_where_all_agrees() {
        let vertices = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|[x, y]| Vector3::new(x, y, 0.0));
        let mesh = Mesh { vertices: vertices.into(), triangles: vec![[0, 1, 2], [1, 3, 2]] };
        let uvs = [[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]];
        let with = |page: &[u16], views: &[u8], uvs: &[[[f32; 2]; 3]]| {
            let textured = Textured { mesh: &mesh, uvs, page, views, classes: &[], origin: Vector3::zeros() };
            prepare(textured, vec![Page::white(), Page::white()])
        };
        let shared = with(&[1, 1], &[3, 4], &uvs);
        assert_eq!(shared.chunks.len(), 1);
        assert_eq!((shared.chunks[0].page, shared.chunks[0].vertices.len(), shared.chunks[0].edges.len()), (1, 4, 5));
        assert_eq!(with(&[1, 1], &[3, 9], &uvs).chunks[0].vertices.len(), 6);
        assert_eq!(with(&[0, 1], &[], &uvs).chunks.len(), 2);
        let mut seam = uvs;
        seam[1][0] = [0.5, 0.5];
        assert_eq!(with(&[], &[], &seam).chunks[0].vertices.len(), 5);
        assert_eq!(shared.triangles(), (2, None));
    }

    #[test]
    fn classes_grow_with_the_views() {
        let classes: Vec<u8> = (0..=255).map(view_class).collect();
        assert!(classes.is_sorted());
        assert_eq!(usize::from(classes[255]) + 1, VIEW_CLASSES.len());
    }
}
