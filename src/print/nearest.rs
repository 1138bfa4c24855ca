//! The city's surface by place: which triangle is nearest, and of which class.
//!
//! In: a city. Out: answers, by a hierarchy over all its triangles. It is made when it is first needed, after the surface was
//! simplified, which takes the most memory, and serves classes and colours. Memory: about 100 bytes a triangle.

use crate::mesh::bvh::Bvh;
use crate::scene::{City, SurfaceClass};
use nalgebra::Vector3;
use std::sync::OnceLock;

/// A city that can be asked for what is nearest. Ask from one thread: what it gives can be used by all.
pub struct Nearest<'a> {
    /// It.
    pub city: &'a City,
    bvh: OnceLock<Bvh>,
}

impl<'a> Nearest<'a> {
    /// Nothing is made yet.
    pub fn new(city: &'a City) -> Self {
        Self { city, bvh: OnceLock::new() }
    }

    /// Its triangles, in local metres.
    pub fn surface(&self) -> &Bvh {
        self.bvh.get_or_init(|| Bvh::new(&self.city.mesh))
    }

    /// Its classes.
    pub fn classes(&self) -> Classes<'_> {
        let classes = self.city.classes.as_slice();
        Classes { classes, bvh: (!classes.is_empty()).then(|| self.surface()) }
    }
}

/// The classes of a city, by place; one without classes has none anywhere.
#[derive(Clone, Copy)]
pub struct Classes<'a> {
    classes: &'a [SurfaceClass],
    bvh: Option<&'a Bvh>,
}

impl Classes<'_> {
    /// The class of the surface nearest to a place in local metres.
    pub fn at(&self, place: &Vector3<f64>) -> Option<SurfaceClass> {
        let hit = self.bvh?.closest(place, f64::INFINITY)?;
        self.classes.get(hit.triangle as usize).copied()
    }
}
