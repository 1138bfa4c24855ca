//! Texture: gives the city's surface the colours of the photos, and draws the textured city.
//!
//! - In: the mesh (local metres), undistorted views (pinhole and pose `cam_from_world`), a loader of their pixels and
//!   masks. Out: [`City`] with texture pages, and a [`TextureReport`].
//! - Method: (1) large faces are divided; (2) each view is rasterised to face ids, which gives each face the views that
//!   see it, with a gradient-magnitude data term and a mean colour ([`visibility`]); (3) exposure gains of the photos
//!   ([`exposure`]); (4) views whose colour of a face contradicts the others are dropped, which removes moving cars
//!   ([`consensus`]); (5) one view a face by a Potts model ([`labels`]); (6) charts ([`charts`]), whose texels are
//!   copied from their photo ([`sample`]); (7) global and local seam levelling ([`levelling`], [`blend`]); (8) colours
//!   of unseen faces ([`fill`]); (9) packing ([`pack`]).
//! - Source: M. Waechter, N. Moehrle, M. Goesele, "Let there be color! Large-scale texturing of 3D reconstructions",
//!   ECCV 2014; V. Lempitsky, D. Ivanov, "Seamless mosaicing of image-based texture maps", CVPR 2007. Differences: data
//!   and seam costs are integrals over surface and seam, so that they do not depend on the triangulation; visibility
//!   comes from rasterised views instead of rays to vertices; exposure gains come before the levelling.
//! - Cost: each photo is loaded twice, one per thread at a time; about linear in faces times views plus pixels.
//! - Failure modes: photos that contradict the mesh (unmodelled trees, wires) leave their picture on what is behind;
//!   a face seen by two views or fewer cannot tell a moving car from the street.

mod atlas;
mod blend;
mod charts;
mod consensus;
mod exposure;
mod fill;
mod labels;
mod levelling;
mod pack;
pub mod quality;
pub mod render;
mod sample;
#[cfg(test)]
mod scene_test;
mod topology;
mod visibility;

use crate::base::{Cancelled, Ctx, Diagnostic, PhotoId};
use crate::camera::Pinhole;
use crate::geometry::Rigid3;
use crate::image::{Mask, Rgb8};
use crate::scene::{City, Mesh};
use serde::{Deserialize, Serialize};

pub use charts::UNSEEN;

/// A photo that textures may come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextureView {
    /// The photo.
    pub photo: PhotoId,
    /// The camera of its undistorted image.
    pub camera: Pinhole,
    /// Pose `cam_from_world`.
    pub pose: Rigid3,
}

/// Gives the undistorted pixels of a photo and which of them may be used.
pub type LoadPhoto<'a> = dyn Fn(PhotoId) -> Result<(Rgb8, Mask), TextureError> + Sync + 'a;

/// How to texture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextureOptions {
    /// Side of a texture page in pixels; 512 to 16384.
    pub page_size: usize,
    /// Smallest size of a texel on the surface in metres; `None` = the median size of a photo's pixel.
    pub texel_m: Option<f64>,
    /// Largest angle in radians between a face's normal and the direction to the camera.
    pub max_angle: f64,
    /// Views kept for each face; 1 to 24.
    pub max_views: usize,
    /// Faces with edges longer than this many texels are divided, so that a moving car does not decide for a square.
    pub max_face_texels: f64,
    /// What one texel of seam costs, in texels of surface without its best view.
    pub seam_cost: f64,
    /// What a texel costs whose view just contradicts the other views, in texels without their best view.
    pub contradiction_cost: f64,
    /// Charts smaller than this many texels join a neighbour where it sees them.
    pub min_chart_texels: f64,
    /// Texels around each chart that continue its colours; at least 1.
    pub padding: usize,
    /// Half width in texels of the strip along seams in which the two sides are drawn together; 0 = not.
    pub strip: usize,
    /// Whether to equalise the photos' exposures.
    pub exposure: bool,
    /// Whether to level seams globally.
    pub levelling: bool,
}

impl Default for TextureOptions {
    fn default() -> Self {
        Self {
            page_size: 4096,
            texel_m: None,
            max_angle: 75f64.to_radians(),
            max_views: 12,
            max_face_texels: 24.0,
            seam_cost: 8.0,
            contradiction_cost: 2.0,
            min_chart_texels: 50.0,
            padding: 4,
            strip: 18,
            exposure: true,
            levelling: true,
        }
    }
}

/// How the texturing went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TextureReport {
    /// Faces of the city (after division of large ones).
    pub faces: usize,
    /// Share of the surface area that a photo textures.
    pub seen_share: f64,
    /// Charts.
    pub charts: usize,
    /// Share of the pages' pixels inside charts, without padding.
    pub occupancy: f64,
    /// Views of faces that were dropped because the other views contradict them, as a share of all.
    pub contradictions: f64,
    /// Gain of each view (linear light, red green blue) that its pixels were multiplied by.
    pub gains: Vec<[f32; 3]>,
    /// Mean colour difference across seams of smooth surface (sRGB, 0..=255) before levelling, after global and after
    /// local levelling.
    pub seam_difference: [f64; 3],
}

/// Why texturing failed.
#[derive(Debug, thiserror::Error)]
pub enum TextureError {
    /// There is nothing to texture.
    #[error("the mesh has {faces} faces; at least one is needed")]
    EmptyMesh {
        /// Number of faces.
        faces: usize,
    },
    /// There is nothing to take colours from.
    #[error("{views} views to take colours from; at least one is needed")]
    NoViews {
        /// Number of views.
        views: usize,
    },
    /// No view sees any face.
    #[error("none of the {views} views sees any of the {faces} faces")]
    NothingSeen {
        /// Number of views.
        views: usize,
        /// Number of faces.
        faces: usize,
    },
    /// A photo could not be read.
    #[error("photo {photo} could not be read: {reason}")]
    PhotoUnreadable {
        /// The photo.
        photo: PhotoId,
        /// What the loader found.
        reason: String,
    },
    /// A photo's pixels do not fit its camera.
    #[error("photo {photo} has {width}x{height} pixels, its camera {camera_width}x{camera_height}")]
    PhotoSize {
        /// The photo.
        photo: PhotoId,
        /// Columns of the photo.
        width: usize,
        /// Rows of the photo.
        height: usize,
        /// Columns of the camera.
        camera_width: u32,
        /// Rows of the camera.
        camera_height: u32,
    },
    /// The texture needs more pages than a city can have.
    #[error("the texture needs {pages} pages; at most {limit} are possible")]
    TooManyPages {
        /// Pages needed.
        pages: usize,
        /// Largest number.
        limit: usize,
    },
    /// The user stopped the run.
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl TextureError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::EmptyMesh { .. } => "Look at the mesh stage's report: it found no surface.",
            Self::NoViews { .. } => "Look at the sparse stage's report: no photo was placed.",
            Self::NothingSeen { .. } => {
                "Mesh and photos are not in the same place; run the sparse and mesh stages again."
            }
            Self::PhotoUnreadable { .. } => "Check that the photo is still where it was and opens in a viewer.",
            Self::PhotoSize { .. } => "The photo has changed since it was read in; read the flight in again.",
            Self::TooManyPages { .. } => "Use larger pages (page size) or larger texels.",
            Self::Cancelled(_) => "",
        }
    }
}

/// Textures a mesh. See [`texture_city_with_report`].
pub fn texture_city(
    ctx: &Ctx,
    mesh: &Mesh,
    views: &[TextureView],
    load: &LoadPhoto,
    options: &TextureOptions,
) -> Result<City, TextureError> {
    texture_city_with_report(ctx, mesh, views, load, options).map(|(city, _)| city)
}

/// Textures a mesh and tells how it went. The city's mesh is the given one with large faces divided. A photo that
/// cannot be read is left out with a warning.
pub fn texture_city_with_report(
    ctx: &Ctx,
    mesh: &Mesh,
    views: &[TextureView],
    load: &LoadPhoto,
    options: &TextureOptions,
) -> Result<(City, TextureReport), TextureError> {
    if mesh.triangles.is_empty() {
        return Err(TextureError::EmptyMesh { faces: 0 });
    }
    if views.is_empty() {
        return Err(TextureError::NoViews { views: 0 });
    }
    let texel = options.texel_m.unwrap_or_else(|| visibility::median_pixel_size(mesh, views)).max(1e-9);
    let mesh = topology::refine(mesh, options.max_face_texels * texel);
    let topology = topology::Topology::of(&mesh);
    let total = 2 * views.len() as u64 + 8;
    let projectors: Vec<_> = views.iter().map(visibility::Projector::new).collect();

    let seen = visibility::observe(ctx, total, &mesh, &projectors, load, options)?;
    if seen.is_empty() {
        return Err(TextureError::NothingSeen { views: views.len(), faces: mesh.triangles.len() });
    }
    let mut seen_by: Vec<u8> = (0..seen.faces()).map(|f| seen.of(f).len().min(255) as u8).collect();
    let gains = if options.exposure { exposure::gains(&seen, views.len()) } else { vec![[1.0; 3]; views.len()] };
    ctx.tick(views.len() as u64 + 1, total)?;
    let (choices, contradictions) = consensus::choices(&mesh, &topology, &seen, &gains, texel, options);
    drop(seen);
    ctx.tick(views.len() as u64 + 2, total)?;
    let labels = labels::choose(ctx, &mesh, &topology, &choices, texel, options)?;
    ctx.tick(views.len() as u64 + 3, total)?;
    let charts = charts::build(&mesh, &topology, &projectors, &choices, labels, texel, options);
    ctx.tick(views.len() as u64 + 4, total)?;

    let mut images = sample::sample(ctx, total, &mesh, &projectors, &charts, &gains, load)?;
    let seams = levelling::seams(&mesh, &topology, &projectors, &charts);
    let mut seam_difference = [0.0; 3];
    seam_difference[0] = levelling::mean_difference(&seams, &images);
    if options.levelling {
        levelling::level(ctx, &mesh, &topology, &projectors, &charts, &choices, &seams, &mut images)?;
    }
    drop(choices);
    ctx.tick(2 * views.len() as u64 + 5, total)?;
    seam_difference[1] = levelling::mean_difference(&seams, &images);
    if options.strip > 0 {
        blend::blend(&seams, &mut images, options.strip);
    }
    seam_difference[2] = levelling::mean_difference(&seams, &images);
    sample::complete(&mut images, options.padding);
    ctx.tick(2 * views.len() as u64 + 6, total)?;
    let filled = fill::fill(&mesh, &topology, &projectors, &charts, &images, texel);
    ctx.tick(2 * views.len() as u64 + 7, total)?;

    let area = |t: usize| mesh.area_normal(t).norm();
    let all: f64 = (0..mesh.triangles.len()).map(area).sum();
    let textured: f64 = (0..mesh.triangles.len()).filter(|&t| charts.of_face[t] != UNSEEN).map(area).sum();
    let mut report = TextureReport {
        faces: mesh.triangles.len(),
        seen_share: if all > 0.0 { textured / all } else { 0.0 },
        charts: charts.list.len(),
        contradictions,
        gains,
        seam_difference,
        occupancy: 0.0,
    };
    for (count, &chart) in seen_by.iter_mut().zip(&charts.of_face) {
        *count = if chart == UNSEEN { 0 } else { (*count).max(1) };
    }
    let (city, occupancy) = atlas::assemble(mesh, &projectors, charts, seen_by, images, filled, texel, options)?;
    report.occupancy = occupancy;
    ctx.tick(total, total)?;
    if report.seen_share < 0.5 {
        let message = format!("photos colour {:.0} % of the surface; 50 % is little", 100.0 * report.seen_share);
        ctx.report(Diagnostic::warning("texture-unseen", "", message, "Add oblique photos, or crop the place."));
    }
    Ok((city, report))
}

/// Loads a photo and checks its size.
fn load_checked(load: &LoadPhoto, view: &visibility::Projector) -> Result<(Rgb8, Mask), TextureError> {
    let (image, mask) = load(view.photo)?;
    let camera = view.camera;
    let fits = |w: usize, h: usize| w == camera.width as usize && h == camera.height as usize;
    if fits(image.width, image.height) && fits(mask.width, mask.height) {
        Ok((image, mask))
    } else {
        Err(TextureError::PhotoSize {
            photo: view.photo,
            width: image.width,
            height: image.height,
            camera_width: camera.width,
            camera_height: camera.height,
        })
    }
}
