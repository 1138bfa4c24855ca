//! The city's colours against pictures of the truth that no stage has seen.

use crate::base::stats;
use crate::camera::Pinhole;
use crate::geometry::Sim3;
use crate::image::{Mask, Rgb8};
use crate::scene::City;
use crate::synthetic::truth::{Truth, TruthView, pose_of};
use crate::texture::quality::{compare, fit_colour};
use crate::texture::render::{Camera, RenderOptions, render_city, seen_mask};
use nalgebra::Vector2;
use serde::Serialize;

/// One view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ViewMetrics {
    /// File of the true picture.
    pub file: String,
    /// Peak signal-to-noise ratio in dB on seen texels, as rendered.
    pub psnr_db: f64,
    /// Structural similarity.
    pub ssim: f64,
    /// Median colour difference dE00.
    pub median_de00: f64,
    /// Median colour difference after an affine colour fit, which takes out the flight's exposure.
    pub median_de00_fitted: f64,
    /// Share of the picture that shows seen texels.
    pub covered: f64,
}

/// All views.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColourMetrics {
    /// Each view.
    pub views: Vec<ViewMetrics>,
    /// Median over the views.
    pub psnr_db: f64,
    /// Median over the views.
    pub ssim: f64,
    /// Median over the views.
    pub median_de00: f64,
    /// Median over the views.
    pub median_de00_fitted: f64,
}

/// Renders the city at the truth's extra views and compares. `load` gives the true picture of a view; views that it
/// cannot give are passed over. `None` without any.
pub fn colour_metrics(
    city: &City,
    truth_from_city: &Sim3,
    truth: &Truth,
    load: &dyn Fn(&TruthView) -> Option<Rgb8>,
) -> Option<ColourMetrics> {
    let mut moved = city.clone();
    for v in &mut moved.mesh.vertices {
        *v = truth_from_city.apply(v);
    }
    let views: Vec<ViewMetrics> =
        truth.extra_views.iter().filter_map(|view| one_view(&moved, view, &load(view)?)).collect();
    let middle = |f: &dyn Fn(&ViewMetrics) -> f64| stats::median(&views.iter().map(f).collect::<Vec<_>>());
    Some(ColourMetrics {
        psnr_db: middle(&|v| v.psnr_db)?,
        ssim: middle(&|v| v.ssim)?,
        median_de00: middle(&|v| v.median_de00)?,
        median_de00_fitted: middle(&|v| v.median_de00_fitted)?,
        views,
    })
}

fn one_view(city: &City, view: &TruthView, picture: &Rgb8) -> Option<ViewMetrics> {
    let lens = view.camera.lens();
    let camera = Pinhole { width: view.camera.width, height: view.camera.height, f: lens.f, cx: lens.cx, cy: lens.cy };
    let eye = Camera::Perspective { camera, pose: pose_of(&view.cam_from_world) };
    let (rendered, _) = render_city(city, &eye, &RenderOptions::default());
    let seen = seen_mask(city, &eye);
    // A distorted true picture is compared on the pinhole's grid.
    let mut target = picture.clone();
    let mut mask = Mask::filled(seen.width, seen.height, false);
    for y in 0..seen.height {
        for x in 0..seen.width {
            let ray = camera.ray(&Vector2::new(x as f64 + 0.5, y as f64 + 0.5));
            if let Some(p) = lens.project(&ray).filter(|p| picture.contains(p, 0.0)) {
                let c = picture.bilinear(p.x as f32, p.y as f32);
                *target.at_mut(x, y) = c.map(|v| v.round() as u8);
                *mask.at_mut(x, y) = seen.at(x, y);
            }
        }
    }
    let plain = compare(&rendered, &target, &mask)?;
    let fitted = compare(&fit_colour(&rendered, &target, &mask), &target, &mask)?;
    Some(ViewMetrics {
        file: view.file.clone(),
        psnr_db: plain.psnr,
        ssim: plain.ssim,
        median_de00: plain.median_delta_e,
        median_de00_fitted: fitted.median_delta_e,
        covered: plain.pixels as f64 / (mask.width * mask.height) as f64,
    })
}
