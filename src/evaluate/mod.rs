//! Measures a result against ground truth: camera poses, surface, its classes, colours.
//!
//! In: a truth as `synthetic` writes it (or a town of the same format), and the project's reconstruction and city.
//! Out: figures in metres, degrees and dE00. Everything is compared in the truth's local frame; a georeferenced result
//! is taken there through WGS84, without fitting anything.

mod classes;
mod colour;
mod pose;
mod surface;

pub use classes::{ClassAgreement, ClassificationMetrics, classification_metrics};
pub use colour::{ColourMetrics, ViewMetrics, colour_metrics};
pub use pose::{AlignedMetrics, PoseMetrics, pose_metrics, truth_from_result};
pub use surface::{ClassMetrics, SeenTruth, SurfaceMetrics, surface_metrics};

use crate::geometry::{Rigid3, Sim3};
use crate::georef::Enu;
use crate::scene::LocalFrame;
use crate::synthetic::truth::Truth;
use nalgebra::{Matrix3, Vector3};

/// The rigid transform from a georeferenced result's local frame to the truth's.
pub fn truth_from_local(truth: &Truth, frame: &LocalFrame) -> Sim3 {
    let here = Enu::new(frame);
    let there = Enu::new(&LocalFrame {
        latitude_deg: truth.origin.lat,
        longitude_deg: truth.origin.lon,
        altitude_m: truth.origin.alt,
        utm_epsg: frame.utm_epsg,
    });
    let map = |x: &Vector3<f64>| {
        let (latitude, longitude, altitude) = here.geodetic_from_local(x);
        there.local_from_geodetic(latitude, longitude, altitude)
    };
    let origin = map(&Vector3::zeros());
    // Both frames are rigid in ECEF, so three arms give the rotation exactly up to rounding.
    const ARM: f64 = 100.0;
    let columns = [Vector3::x(), Vector3::y(), Vector3::z()].map(|e| (map(&(e * ARM)) - origin) / ARM);
    let rigid = Rigid3::from_matrix(&Matrix3::from_columns(&columns), origin);
    Sim3 { scale: 1.0, rotation: rigid.rotation, translation: rigid.translation }
}

#[cfg(test)]
mod tests;
