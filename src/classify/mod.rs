//! What each piece of the city's surface is: ground, roof, facade, vegetation, car or water.
//!
//! - In: a [`City`] in metres with z up. Out: the [`SurfaceClass`] of each triangle.
//! - Method: the bare ground ([`terrain`]), looks of each triangle ([`features`]), cars and water from above
//!   ([`objects`]), costs of each class by what is known of towns, without training ([`costs`]), and a Markov random
//!   field over the mesh ([`smooth`]).
//! - Source: M. Rouhani, F. Lafarge, P. Alliez, "Semantic segmentation of 3D textured meshes for urban scene analysis",
//!   ISPRS Journal 123, 2017; Y. Verdie, F. Lafarge, P. Alliez, "LOD generation for urban scenes", TOG 34(3), 2015.
//! - Cost: a few seconds for a million triangles. Deterministic for any number of threads.
//! - Failure modes: those of the parts. The limits are metres, so a city of unknown scale cannot be classified.

mod costs;
mod features;
mod objects;
mod raster;
mod smooth;
mod terrain;

use crate::base::{Cancelled, Ctx};
use crate::scene::{City, SurfaceClass};
use raster::Raster;
use rayon::prelude::*;

/// Side of a cell of the raster from above in metres.
const CELL: f64 = 0.25;
/// What a metre of border between classes costs, in square metres of surface of a wrong class.
const BORDER: f64 = 0.25;

/// The class of each triangle.
pub fn classify(ctx: &Ctx, city: &City) -> Result<Vec<SurfaceClass>, Cancelled> {
    let mesh = &city.mesh;
    let terrain = terrain::Terrain::of(ctx, mesh)?;
    ctx.tick(1, 5)?;
    let features = features::features(city, &terrain);
    ctx.tick(2, 5)?;
    let raster = Raster::of(mesh, &terrain, CELL);
    let green: Vec<f32> = features.par_iter().map(|f| costs::greenness(f.lab) as f32).collect();
    let (cars, water) = (objects::cars(&raster, &green), objects::water(&raster, &terrain, &features));
    ctx.tick(3, 5)?;
    let costs: Vec<_> = features
        .par_iter()
        .map(|f| {
            let at = raster.cell_of(f.middle.x, f.middle.y);
            costs::costs(f, raster.top_near(at) - f.middle.z, cars[at], water[at]).map(|c| c * f.area as f32)
        })
        .collect();
    ctx.tick(4, 5)?;
    let labels = smooth::smooth(&ctx.portion(0.8, 1.0), mesh, &costs, BORDER)?;
    Ok(labels.into_iter().map(|l| costs::CLASSES[usize::from(l)]).collect())
}

/// The share of each class in a city's area, for the classes that it has.
pub fn shares(city: &City) -> Vec<(SurfaceClass, f64)> {
    let mut areas = [0f64; SurfaceClass::ALL.len()];
    for (t, class) in city.classes.iter().enumerate() {
        areas[*class as usize] += city.mesh.area_normal(t).norm();
    }
    let all: f64 = areas.iter().sum();
    SurfaceClass::ALL.into_iter().zip(areas).filter(|(_, a)| *a > 0.0).map(|(class, a)| (class, a / all)).collect()
}

#[cfg(test)]
mod tests;
