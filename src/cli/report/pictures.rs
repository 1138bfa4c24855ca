//! Pictures of the results for the report and for thumbnails.

use crate::formats::textured::jpeg;
use crate::image::Rgb8;
use crate::order::pictures::{Picture, part_picture};
use crate::project::Project;
use crate::scene::{City, Part, PointCloud};
use crate::texture::render::{Camera, RenderOptions, render_city, render_mesh, render_points};
use nalgebra::Vector3;
use std::f64::consts::FRAC_PI_2;

const SIZE: (u32, u32) = (960, 720);
const BACKGROUND: [u8; 3] = [236, 238, 240];

/// All pictures that the project's results allow.
pub fn all(project: &Project) -> Vec<Picture> {
    let mut pictures = Vec::new();
    let mut add = |caption: &str, image: &Rgb8| {
        if let Ok(jpeg) = jpeg(image, 85) {
            pictures.push(Picture { caption: caption.into(), jpeg });
        }
    };
    let options = RenderOptions { background: BACKGROUND, ..RenderOptions::default() };
    let city: Option<City> = project.current("city").and_then(|a| a.get("output")).ok();
    if let Some(city) = &city
        && let Some(bounds) = robust_bounds(&city.mesh.vertices)
    {
        let above = Camera::overview(bounds, 0.0, FRAC_PI_2, SIZE);
        add("The city from above, north up", &render_city(city, &above, &options).0);
        for (name, azimuth) in [("south", 20f64), ("north", 200.0)] {
            let camera = Camera::overview(bounds, azimuth.to_radians(), 38f64.to_radians(), SIZE);
            add(&format!("The city from the {name}"), &render_city(city, &camera, &options).0);
        }
        let camera = Camera::overview(bounds, 20f64.to_radians(), 38f64.to_radians(), SIZE);
        add("Its surface without colours", &render_mesh(&city.mesh, &camera, &options).0);
    }
    if let Ok(part) = project.current("part").and_then(|a| a.get::<Part>("output")) {
        add("The part", &part_picture(&part, SIZE));
    }
    if let Ok(cloud) = project.current("fuse").and_then(|a| a.get::<PointCloud>("output")) {
        let points: Vec<Vector3<f64>> = cloud.points.iter().map(|p| Vector3::from(p.position).cast()).collect();
        if let Some(bounds) = robust_bounds(&points) {
            let camera = Camera::overview(bounds, 20f64.to_radians(), 38f64.to_radians(), SIZE);
            add("Fused points", &render_points(&cloud, &camera, 0.8, BACKGROUND).0);
        }
    }
    pictures
}

/// Bounds without the outermost half percent on each side, which stray points would blow up.
fn robust_bounds(points: &[Vector3<f64>]) -> Option<(Vector3<f64>, Vector3<f64>)> {
    let along = |axis: usize, q: f64| {
        let values: Vec<f64> = points.iter().map(|p| p[axis]).collect();
        crate::base::stats::quantile(&values, q)
    };
    let low = Vector3::new(along(0, 0.005)?, along(1, 0.005)?, along(2, 0.001)?);
    let high = Vector3::new(along(0, 0.995)?, along(1, 0.995)?, along(2, 0.999)?);
    Some((low, high))
}
