//! Control points as the window shows them: where each is in the local frame, how it fits the present poses, and which
//! photos see it.

use crate::base::PhotoId;
use crate::georef::{Crs, Enu};
use crate::pipeline::measure_control;
use crate::scene::{
    ControlMark, ControlPoint, ControlReport, ControlResult, Flight, Georeference, LocalFrame, Reconstruction,
};
use nalgebra::{Vector2, Vector3};
use std::path::Path;

/// Share of a photo's size beyond its border within which a predicted place still counts as seen.
const MARGIN: f64 = 0.02;

/// The points and what is known of them.
#[derive(Clone, Debug, Default)]
pub struct ControlState {
    /// The points.
    pub points: Vec<ControlPoint>,
    /// The given place of each in the local frame, where it can be told.
    pub places: Vec<Option<Vector3<f64>>>,
    /// How the points with marks fit the present poses.
    pub report: Option<ControlReport>,
    /// Grows with each change.
    pub revision: u64,
}

/// A photo that sees a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// The photo.
    pub photo: PhotoId,
    /// Where it should show the point.
    pub predicted: Option<Vector2<f64>>,
    /// Where a person says that it does.
    pub mark: Option<Vector2<f64>>,
    /// Size of a pixel at the point in metres, larger towards the photo's border; infinite where nothing is predicted.
    pub quality: f64,
}

impl ControlState {
    /// Takes in the points of the project and measures them; milliseconds.
    pub fn follow(&mut self, points: &[ControlPoint], flight: Option<&Flight>, sparse: Option<&Reconstruction>) {
        self.points = points.to_vec();
        self.report = flight.zip(sparse).and_then(|(f, s)| measure_control(f, s, points).ok());
        let frame = match sparse.map(|s| &s.georeference) {
            Some(Georeference::Local { frame, .. }) => Some(*frame),
            Some(Georeference::Unscaled) => None,
            None => flight.and_then(|f| f.frame),
        };
        let ground = sparse.map_or(0.0, |s| {
            let heights: Vec<f64> = s.points.iter().map(|p| p.position.z).collect();
            crate::base::stats::median(&heights).unwrap_or(0.0)
        });
        self.places = points.iter().map(|p| place_of(p, frame.as_ref()?, ground)).collect();
        self.revision += 1;
    }

    /// A point by name.
    pub fn find(&self, name: &str) -> Option<&ControlPoint> {
        self.points.iter().find(|p| p.name == name)
    }

    /// How a point fits.
    pub fn result(&self, name: &str) -> Option<&ControlResult> {
        self.report.as_ref()?.points.iter().find(|p| p.name == name)
    }

    /// Where a point is to be looked for: where its marks put it, otherwise where its coordinates do.
    pub fn expected(&self, name: &str) -> Option<Vector3<f64>> {
        let given = self.points.iter().position(|p| p.name == name).and_then(|i| self.places[i]);
        self.result(name).and_then(|r| r.measured).or(given)
    }

    /// The points with a photo marked, or the mark deleted.
    pub fn with_mark(&self, name: &str, photo: &Path, pixel: Option<Vector2<f64>>) -> Vec<ControlPoint> {
        let mut points = self.points.clone();
        for point in points.iter_mut().filter(|p| p.name == name) {
            point.marks.retain(|m| m.photo != photo);
            point.marks.extend(pixel.map(|pixel| ControlMark { photo: photo.to_path_buf(), pixel }));
            point.marks.sort_by(|a, b| a.photo.cmp(&b.photo));
        }
        points
    }

    /// The photos that see a point or have it marked, the best first. Where its place is not known yet, all photos.
    pub fn sights(&self, name: &str, flight: &Flight, sparse: Option<&Reconstruction>) -> Vec<Sight> {
        let Some(point) = self.find(name) else { return Vec::new() };
        let place = self.expected(name);
        let mut out = Vec::new();
        for photo in &flight.photos {
            let mark = point.marks.iter().find(|m| m.photo == photo.path).map(|m| m.pixel);
            let predicted = sparse.zip(place).and_then(|(s, x)| predict(s, photo.id, &x));
            if mark.is_none() && predicted.is_none() && place.is_some() && sparse.is_some() {
                continue;
            }
            let (pixel, quality) = predicted.map_or((None, f64::INFINITY), |(p, q)| (Some(p), q));
            out.push(Sight { photo: photo.id, predicted: pixel, mark, quality });
        }
        out.sort_by(|a, b| a.quality.total_cmp(&b.quality));
        out
    }
}

/// The given place in the local frame; at the height of the ground where none is given.
fn place_of(point: &ControlPoint, frame: &LocalFrame, ground: f64) -> Option<Vector3<f64>> {
    let [latitude, longitude, height] = Crs::parse(&point.crs).ok()?.geodetic_from_given(&point.given);
    let altitude = if point.sigma_up_m.is_some() { height } else { frame.altitude_m + ground };
    Some(Enu::new(frame).local_from_geodetic(latitude, longitude, altitude))
}

/// The pixel of a place and how well the photo shows it; `None` where it does not.
fn predict(sparse: &Reconstruction, photo: PhotoId, x: &Vector3<f64>) -> Option<(Vector2<f64>, f64)> {
    let pose = sparse.poses[photo.index()]?;
    let camera = sparse.camera(photo);
    let in_camera = pose.apply(x);
    let pixel = camera.lens.project(&in_camera)?;
    let size = Vector2::new(f64::from(camera.width), f64::from(camera.height));
    let margin = MARGIN * size.x;
    let inside = (0..2).all(|c| pixel[c] > -margin && pixel[c] < size[c] + margin);
    let off_centre = (pixel - size / 2.0).norm() / (size.norm() / 2.0);
    inside.then(|| (pixel, in_camera.norm() / camera.lens.f * (1.0 + 0.5 * off_centre * off_centre)))
}
