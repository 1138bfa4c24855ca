//! The textured mesh: surface, cleaning, refinement, smoothing, texture, classes.

use super::depth::{DepthSet, undistorted};
use crate::base::{Diagnostic, Fingerprint, PhotoId};
use crate::classify::{classify, shares};
use crate::dense::undistort::undistorted_camera;
use crate::mesh::{CleanOptions, RefineOptions, SmoothOptions, SurfaceOptions, clean, refine, smooth, surface};
use crate::pipeline::{Handle, Job, Quality, Stage, StageError};
use crate::scene::{City, Flight, Georeference, Mesh, PointCloud, Reconstruction};
use crate::texture::{TextureError, TextureOptions, TextureView, texture_city_with_report};
use nalgebra::Vector3;

/// Artifact folder of the surface before texturing, and the version of its method.
const SURFACE: &str = "surface";
const SURFACE_VERSION: u32 = 2;

/// Makes the city.
pub struct CityStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Poses and lenses.
    pub reconstruction: &'a Reconstruction,
    /// The depth maps that were used.
    pub maps: &'a DepthSet,
    /// Fused points.
    pub cloud: Handle<PointCloud>,
    /// Their number, to plan memory.
    pub points: usize,
    /// How much work to put in.
    pub quality: Quality,
}

impl CityStage<'_> {
    /// Longest side of the images that texture comes from.
    fn texture_size(&self, photo: PhotoId) -> u32 {
        let camera = self.reconstruction.camera(photo);
        let side = camera.width.max(camera.height);
        match self.quality {
            Quality::Draft => (side * 2 / 3).min(1600),
            Quality::Normal => side.min(4000),
            Quality::High => side.min(8000),
        }
    }

    fn surface(&self, job: &Job<'_>) -> Result<Mesh, StageError> {
        let material = (&self.cloud.key, SURFACE_VERSION);
        job.piece(SURFACE, SURFACE_VERSION, &material, || {
            let cloud = self.cloud.load(job.project)?;
            let centres: Vec<(PhotoId, Vector3<f64>)> = self
                .reconstruction
                .registered()
                .filter_map(|p| Some((p, self.reconstruction.poses[p.index()].as_ref()?.centre())))
                .collect();
            let failed = |e: crate::mesh::MeshError| match e {
                crate::mesh::MeshError::Cancelled(_) => StageError::Cancelled,
                e => StageError::failed(Self::NAME, &e, e.hint()),
            };
            let raw =
                surface(&job.ctx.portion(0.0, 0.3), &cloud, &centres, &SurfaceOptions::default()).map_err(failed)?;
            let cleaned =
                clean(&job.ctx.portion(0.3, 0.35), &raw, cloud.gsd, &CleanOptions::default()).map_err(failed)?;
            let refined = refine(&job.ctx.portion(0.35, 0.45), &cleaned, &cloud, &RefineOptions::default());
            let refined = refined.map_err(failed)?;
            Ok(smooth(&job.ctx.portion(0.45, 0.5), &refined, cloud.gsd, &SmoothOptions::default())?)
        })
    }
}

impl Stage for CityStage<'_> {
    const NAME: &'static str = "city";
    const VERSION: u32 = 3;
    type KeyMaterial = (Fingerprint, Quality);
    type Output = City;

    fn key_material(&self) -> Self::KeyMaterial {
        (self.cloud.key.clone(), self.quality)
    }

    fn memory(&self) -> u64 {
        // 6.5 tetrahedra a point of 36 bytes, their graph of about 60, the points themselves with their views.
        let surface = self.points as u64 * (7 * 100 + 150);
        let photo = self
            .reconstruction
            .cameras
            .iter()
            .map(|c| u64::from(c.width) * u64::from(c.height) * 12)
            .max()
            .unwrap_or(0);
        surface.max(self.points as u64 * 400 + photo * rayon::current_num_threads() as u64)
    }

    fn run(&self, job: &Job<'_>) -> Result<City, StageError> {
        let mesh = self.surface(job)?;
        let views: Vec<TextureView> = self
            .maps
            .photos()
            .filter_map(|photo| {
                let camera = self.reconstruction.camera(photo);
                let size = self.texture_size(photo);
                Some(TextureView {
                    photo,
                    camera: undistorted_camera(&camera.lens, camera.width, camera.height, size),
                    pose: self.reconstruction.poses[photo.index()]?,
                })
            })
            .collect();
        let load = |photo: PhotoId| {
            undistorted(self.flight, self.reconstruction, photo, self.texture_size(photo), job.gpu)
                .map(|view| (view.colour, view.mask))
                .map_err(|e| TextureError::PhotoUnreadable { photo, reason: e.to_string() })
        };
        let (mut city, report) =
            texture_city_with_report(&job.ctx.portion(0.5, 0.95), &mesh, &views, &load, &TextureOptions::default())
                .map_err(|e| match e {
                    TextureError::Cancelled(_) => StageError::Cancelled,
                    e => StageError::failed(Self::NAME, &e, e.hint()),
                })?;
        job.figure("triangles", city.mesh.triangles.len() as f64);
        job.figure("surface_triangles", mesh.triangles.len() as f64);
        job.figure("seen_share", report.seen_share);
        job.figure("charts", report.charts as f64);
        job.figure("pages", city.pages.len() as f64);
        job.figure("page_occupancy", report.occupancy);
        job.figure("texel_m", city.texel_m);
        job.figure("contradicting_views_share", report.contradictions);
        if self.reconstruction.georeference == Georeference::Unscaled {
            let message = "the surface has no classes (ground, roof, ...): its size in metres is unknown";
            job.ctx.report(Diagnostic::info("city-no-classes", "", message));
            return Ok(city);
        }
        city.classes = classify(&job.ctx.portion(0.95, 1.0), &city)?;
        for (class, share) in shares(&city) {
            job.figure(&format!("{}_share", class.word()), share);
        }
        Ok(city)
    }
}
