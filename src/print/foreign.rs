//! Cities and parts that other programs made: a mesh of a file as a [`City`] to cut parts from, or as a [`Part`].
//!
//! In: a [`ForeignMesh`] as a reader gives it, the unit of its numbers and the axis that points up where the file does not
//! say. Out: a city in metres, z up, at the coordinates of the file: equal corners joined, empty and doubled triangles
//! dropped, edges split where corners lie on them, everything turned to face the sky; with its textures, colours as
//! textures, plain where it has neither. Where what is there is not one sheet (houses as bodies on a terrain), the pieces
//! are united by [`super::repair`] and the sheet that is seen from above is what stays. Holes and floating pieces are left
//! to the part's solid, which closes and drops them.
//!
//! A city without a unit is in metres: no city is as small as a metre in millimetres. Fails where there is no surface.

mod pages;

use super::PrintError;
use super::repair::orient::{Patches, orient};
use super::repair::{self, Carried, RepairOptions, Repairs, barycentric, repair, weld};
use super::solid::Solid;
use crate::base::{Ctx, Diagnostic};
use crate::scene::{City, ForeignMesh, LengthUnit, Mesh, NO_PAGE, Part};
use nalgebra::Vector3;
use pages::Pages;
use rayon::prelude::*;

/// A largest piece with less than this share of all area leaves something out that counts.
const ONE_SHEET: f64 = 0.97;
/// How far apart open corners may be that become one, as a share of the box's diagonal.
const WELD: f64 = 1e-6;
/// A mesh farther from the origin than so many of its diagonals is moved to it before it is repaired.
const FAR: f64 = 8.0;
/// Colour of what has none.
const PLAIN: [u8; 3] = [206, 204, 198];

/// The axis of a file that points up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Up {
    /// y.
    Y,
    /// z.
    Z,
}

/// How the numbers of a file are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Their unit; `None` takes what the file says.
    pub unit: Option<LengthUnit>,
    /// What points up; `None` takes what the format says, z where it says nothing.
    pub up: Option<Up>,
}

impl Reading {
    /// The mesh with z up in units of `scale` millimetres; `otherwise` is the unit where nobody says one.
    pub fn place(&self, foreign: &ForeignMesh, otherwise: LengthUnit, scale_mm: f64) -> Mesh {
        let factor = self.unit.or(foreign.unit).unwrap_or(otherwise).mm() / scale_mm;
        let place = |v: &Vector3<f64>| match (self.up, foreign.turned) {
            (Some(Up::Y), false) => Vector3::new(v.x, -v.z, v.y) * factor,
            // What the reader did because the format says so is taken back.
            (Some(Up::Z), true) => Vector3::new(v.x, v.z, -v.y) * factor,
            _ => v * factor,
        };
        Mesh { vertices: foreign.mesh.vertices.iter().map(place).collect(), triangles: foreign.mesh.triangles.clone() }
    }
}

/// The city of a file.
pub fn city(ctx: &Ctx, foreign: &ForeignMesh, reading: &Reading) -> Result<City, PrintError> {
    let mesh = reading.place(foreign, LengthUnit::Metre, 1000.0);
    if reading.unit.or(foreign.unit).is_none() {
        let text = "the file does not say its unit; its numbers are taken as metres";
        ctx.report(Diagnostic::warning("unit-assumed", "", text, "give the unit: --unit m|cm|mm|ft|in"));
    }
    let size = repair::checked(&mesh)?;
    let mut repairs = Repairs::default();
    let mut sheet = weld::weld(&mesh, size * WELD, &mut repairs);
    if sheet.mesh.triangles.is_empty() {
        return Err(PrintError::NoSurface { fault: "all its triangles are without area".into() });
    }
    let (patches, turned) = orient(ctx, &mut sheet.mesh, true)?;
    repairs.turned = turned;
    let (surface, carried) = if share_of_largest(&sheet.mesh, &patches) >= ONE_SHEET {
        let carried = (0..sheet.source.len())
            .into_par_iter()
            .map(|t| carry(foreign, &mesh, sheet.source[t] as usize, &sheet.mesh.corners(t)))
            .collect();
        (sheet.mesh, carried)
    } else {
        united(ctx, &mesh, foreign, size, &mut repairs)?
    };
    for sentence in repairs.sentences() {
        ctx.report(Diagnostic::info("foreign-repaired", "", sentence));
    }
    let pages = Pages::new(foreign, &carried, PLAIN);
    if let Some(missing) = pages.missing(foreign) {
        ctx.report(Diagnostic::warning(
            "texture-missing",
            "",
            missing,
            "put the pictures beside the file, under the names that it gives",
        ));
    }
    let (uvs, page, images) = pages.of_city(&carried)?;
    let texel_m = texel(&surface, &uvs, &page, &images);
    let views = vec![u8::MAX; surface.triangles.len()];
    Ok(City { mesh: surface, uvs, page, views, pages: images, texel_m, classes: Vec::new() })
}

/// A repaired mesh.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// In millimetres, at its place in the file plus `moved_mm`, with one texture page.
    pub part: Part,
    /// What was done.
    pub repairs: Repairs,
    /// By how much it was moved, because it was so far from the origin that files would not carry its detail.
    pub moved_mm: Vector3<f64>,
}

/// Repairs the mesh of a file; millimetres where nobody says the unit.
pub fn fixed(
    ctx: &Ctx,
    foreign: &ForeignMesh,
    reading: &Reading,
    options: &RepairOptions,
    title: &str,
) -> Result<Fixed, PrintError> {
    let mut mesh = reading.place(foreign, LengthUnit::Millimetre, 1.0);
    let size = repair::checked(&mesh)?;
    let (low, high) = mesh.bounds().unwrap_or_default();
    let far = low.amax().max(high.amax()) > FAR * size;
    let moved_mm = if far { -low } else { Vector3::zeros() };
    mesh.vertices.iter_mut().for_each(|v| *v += moved_mm);
    let (solid, repairs) = repair(ctx, &mesh, options)?;
    Ok(Fixed { part: part(foreign, &mesh, &solid, title), repairs, moved_mm })
}

/// A repaired mesh as a part with one page; the place of the part is that of the mesh.
fn part(foreign: &ForeignMesh, before: &Mesh, solid: &Solid, title: &str) -> Part {
    let carried = Carried::of(solid, before, foreign);
    let (uvs, texture) = Pages::new(foreign, &carried, PLAIN).of_part(&carried);
    Part { mesh: solid.mesh.clone(), uvs, texture, scale_denominator: None, title: title.into() }
}

/// What a piece of a triangle of the file carries.
fn carry(foreign: &ForeignMesh, mesh: &Mesh, source: usize, corners: &[Vector3<f64>; 3]) -> Carried {
    let shares = corners.map(|p| barycentric(&mesh.corners(source), &p));
    let texture = foreign.page.get(source).filter(|p| **p != NO_PAGE).map(|&page| {
        let uv = &foreign.uvs[source];
        (page, shares.map(|s| [0, 1].map(|k| (0..3).map(|i| f64::from(uv[i][k]) * s[i]).sum::<f64>() as f32)))
    });
    let byte = |v: f64| v.round().clamp(0.0, 255.0) as u8;
    let colours = foreign
        .colours
        .get(source)
        .copied()
        .flatten()
        .map(|c| shares.map(|s| [0, 1, 2].map(|k| byte((0..3).map(|i| f64::from(c[i][k]) * s[i]).sum()))));
    Carried { texture, colours }
}

/// Share of the area that the largest patch has.
fn share_of_largest(mesh: &Mesh, patches: &Patches) -> f64 {
    let mut areas = vec![0.0; patches.closed.len()];
    patches.of.iter().enumerate().for_each(|(t, &p)| areas[p as usize] += mesh.area_normal(t).norm());
    let total: f64 = areas.iter().sum();
    areas.into_iter().fold(0.0, f64::max) / total
}

/// The bodies and sheets of a city as one sheet: all made one body on a base, of which the walls and the base are left out.
fn united(
    ctx: &Ctx,
    mesh: &Mesh,
    foreign: &ForeignMesh,
    size: f64,
    repairs: &mut Repairs,
) -> Result<(Mesh, Vec<Carried>), PrintError> {
    let low = mesh.bounds().unwrap_or_default().0;
    // Repair works in millimetres of a part: the city becomes one of half a metre.
    let scale = 500.0 / size;
    let small =
        Mesh { vertices: mesh.vertices.iter().map(|v| (v - low) * scale).collect(), triangles: mesh.triangles.clone() };
    let options = RepairOptions { weld_share: WELD, base_mm: Some(5.0), debris_mm3: 0.0 };
    let (solid, done) = repair(ctx, &small, &options)?;
    let floor = solid.mesh.bounds().unwrap_or_default().0.z;
    let based = done.based > 0;
    *repairs = done;
    let kept = solid.retain(|t| {
        let added = !solid.photo[t];
        !(based && added && solid.mesh.corners(t).iter().any(|p| p.z < floor + 1e-3))
    });
    let carried = Carried::of(&kept, &small, foreign);
    let vertices = kept.mesh.vertices.iter().map(|v| v / scale + low).collect();
    Ok((Mesh { vertices, triangles: kept.mesh.triangles }, carried))
}

/// Side of a texel on the surface in metres, over all textured area.
fn texel(mesh: &Mesh, uvs: &[[[f32; 2]; 3]], page: &[u16], pages: &[crate::scene::TexturePage]) -> f64 {
    let (mut surface, mut texels) = (0.0, 0.0);
    for t in 0..mesh.triangles.len() {
        let image = &pages[usize::from(page[t])].image;
        let [a, b, c] = uvs[t].map(|[u, v]| {
            nalgebra::Vector2::new(f64::from(u) * image.width as f64, f64::from(v) * image.height as f64)
        });
        surface += mesh.area_normal(t).norm();
        texels += (b - a).perp(&(c - a)).abs();
    }
    if texels > 0.0 { (surface / texels).sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests;
