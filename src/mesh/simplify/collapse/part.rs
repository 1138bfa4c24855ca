//! Parts of a mesh that lose triangles by themselves.

use super::{Kind, NONE, Simplifier};
use nalgebra::Vector3;
use rustc_hash::FxHashMap;
use std::collections::BinaryHeap;

impl Simplifier<'_> {
    /// Some of its triangles as a mesh of their own, with what the whole knows of their vertices; those for which `shared`
    /// holds stay as they are. Also the vertices' numbers in the whole.
    pub fn part(&self, chosen: &[u32], shared: impl Fn(u32) -> bool) -> (Self, Vec<u32>) {
        let mut names: Vec<u32> = chosen.iter().flat_map(|&t| self.triangles[t as usize]).collect();
        names.sort_unstable();
        names.dedup();
        let number: FxHashMap<u32, u32> = names.iter().enumerate().map(|(i, &v)| (v, i as u32)).collect();
        let triangles: Vec<[u32; 3]> = chosen.iter().map(|&t| self.triangles[t as usize].map(|v| number[&v])).collect();
        let kind = |&v: &u32| if shared(v) { Kind::Shared } else { self.kinds[v as usize] };
        let n = names.len();
        let mut part = Self {
            options: self.options,
            origin: self.origin,
            vertices: names.iter().map(|&v| self.vertices[v as usize]).collect(),
            quadrics: names.iter().map(|&v| self.quadrics[v as usize]).collect(),
            kinds: names.iter().map(kind).collect(),
            border: names.iter().map(|&v| self.border[v as usize]).collect(),
            stamps: vec![0; n],
            alive: vec![true; triangles.len()],
            uvs: None,
            head: vec![NONE; n],
            next: vec![NONE; triangles.len() * 3],
            count: triangles.len(),
            triangles,
            heap: BinaryHeap::new(),
        };
        part.link();
        (part, names)
    }

    /// Takes in what became of a part.
    pub fn put_back(&mut self, part: &Self, names: &[u32], triangles: &mut Vec<[u32; 3]>) {
        for (i, &v) in names.iter().enumerate().filter(|(i, _)| part.kinds[*i] != Kind::Shared) {
            self.vertices[v as usize] = part.vertices[i];
            self.quadrics[v as usize] = part.quadrics[i];
            self.border[v as usize] = part.border[i];
        }
        let left = part.triangles.iter().zip(&part.alive).filter(|(_, alive)| **alive);
        triangles.extend(left.map(|(t, _)| t.map(|v| names[v as usize])));
    }

    /// Takes other triangles over the same vertices.
    pub fn replace_triangles(&mut self, triangles: Vec<[u32; 3]>) {
        self.count = triangles.len();
        self.alive = vec![true; triangles.len()];
        self.next = vec![NONE; triangles.len() * 3];
        self.head.fill(NONE);
        self.triangles = triangles;
        self.link();
    }

    /// The triangles that are left.
    pub fn triangles(&self) -> &[[u32; 3]] {
        &self.triangles
    }

    /// Vertices, used or not.
    pub fn vertex_count(&self) -> usize {
        self.vertices.len()
    }

    /// Where a vertex is, from the middle of the mesh.
    pub fn vertex(&self, v: u32) -> &Vector3<f64> {
        &self.vertices[v as usize]
    }
}
