//! Camera poses against the truth.

use super::truth_from_local;
use crate::base::stats;
use crate::geometry::Sim3;
use crate::georef::doming;
use crate::scene::{Flight, Georeference, Reconstruction};
use crate::synthetic::truth::Truth;
use nalgebra::Vector3;
use serde::Serialize;
use std::collections::BTreeMap;

/// Errors in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct AlignedMetrics {
    /// RMS distance of the centres in metres.
    pub centre_rms_m: f64,
    /// RMS horizontal distance in metres.
    pub centre_rms_xy_m: f64,
    /// RMS vertical distance in metres.
    pub centre_rms_z_m: f64,
    /// Largest distance in metres.
    pub centre_max_m: f64,
    /// Mean angle between the rotations in degrees.
    pub rotation_mean_deg: f64,
    /// Largest angle in degrees.
    pub rotation_max_deg: f64,
    /// Amplitude of a bowl in the vertical errors at the largest camera radius in metres; absent below six photos.
    pub doming_m: Option<f64>,
}

/// Poses against the truth.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoseMetrics {
    /// Registered photos that the truth knows.
    pub registered: usize,
    /// Photos that the truth knows.
    pub total: usize,
    /// After the best similarity transform of the centres.
    pub aligned: AlignedMetrics,
    /// Scale of that transform.
    pub scale: f64,
    /// As georeferenced, without any fit; absent where the scale is unknown.
    pub georeferenced: Option<AlignedMetrics>,
    /// Mean relative error of the focal length in percent.
    pub focal_error_percent: f64,
}

/// Compares poses; `None` with fewer than three photos in common.
pub fn pose_metrics(flight: &Flight, reconstruction: &Reconstruction, truth: &Truth) -> Option<PoseMetrics> {
    let known: BTreeMap<&str, usize> = truth.photos.iter().enumerate().map(|(i, p)| (p.file.as_str(), i)).collect();
    let pairs: Vec<(usize, usize)> = flight
        .photos
        .iter()
        .filter(|p| reconstruction.poses[p.id.index()].is_some())
        .filter_map(|p| {
            let file = p.path.file_name()?.to_str()?;
            Some((p.id.index(), *known.get(file)?))
        })
        .collect();
    let ours: Vec<Vector3<f64>> =
        pairs.iter().filter_map(|(i, _)| Some(reconstruction.poses[*i].as_ref()?.centre())).collect();
    let theirs: Vec<Vector3<f64>> = pairs.iter().map(|(_, j)| truth.photos[*j].pose().centre()).collect();
    let fit = Sim3::fit(&ours, &theirs, None)?;
    let metrics = |transform: &Sim3| {
        let errors: Vec<Vector3<f64>> = ours.iter().zip(&theirs).map(|(a, b)| transform.apply(a) - b).collect();
        let angles: Vec<f64> = pairs
            .iter()
            .filter_map(|(i, j)| {
                let pose = transform.transform_pose(reconstruction.poses[*i].as_ref()?);
                Some(pose.rotation.angle_to(&truth.photos[*j].pose().rotation).to_degrees())
            })
            .collect();
        let rms = |f: &dyn Fn(&Vector3<f64>) -> f64| {
            stats::rms(&errors.iter().map(f).collect::<Vec<_>>()).unwrap_or(f64::NAN)
        };
        let vertical: Vec<f64> = errors.iter().map(|e| e.z).collect();
        AlignedMetrics {
            centre_rms_m: rms(&|e| e.norm()),
            centre_rms_xy_m: rms(&|e| e.xy().norm()),
            centre_rms_z_m: rms(&|e| e.z),
            centre_max_m: errors.iter().map(|e| e.norm()).fold(0.0, f64::max),
            rotation_mean_deg: angles.iter().sum::<f64>() / angles.len() as f64,
            rotation_max_deg: angles.iter().copied().fold(0.0, f64::max),
            doming_m: doming(&theirs, &vertical).map(|d| d.0),
        }
    };
    let georeferenced = match &reconstruction.georeference {
        Georeference::Local { frame, .. } => Some(metrics(&truth_from_local(truth, frame))),
        Georeference::Unscaled => None,
    };
    let focal: Vec<f64> = pairs
        .iter()
        .map(|(i, j)| {
            let ours = reconstruction.camera(crate::base::PhotoId::from(*i)).lens.f;
            (ours / truth.photos[*j].camera.fx - 1.0) * 100.0
        })
        .collect();
    Some(PoseMetrics {
        registered: pairs.len(),
        total: truth.photos.len(),
        aligned: metrics(&fit),
        scale: fit.scale,
        georeferenced,
        focal_error_percent: focal.iter().sum::<f64>() / focal.len() as f64,
    })
}

/// The similarity that takes a result to the truth's frame for comparing surfaces and colours: as georeferenced, or
/// fitted to the camera centres. `None` with fewer than three photos in common.
pub fn truth_from_result(
    flight: &Flight,
    reconstruction: &Reconstruction,
    truth: &Truth,
    fitted: bool,
) -> Option<Sim3> {
    if let (Georeference::Local { frame, .. }, false) = (&reconstruction.georeference, fitted) {
        return Some(truth_from_local(truth, frame));
    }
    let centres = common_centres(flight, reconstruction, truth);
    let (ours, theirs): (Vec<_>, Vec<_>) = centres.into_iter().unzip();
    Sim3::fit(&ours, &theirs, None)
}

/// Adjusted and true centres of the photos in common.
fn common_centres(
    flight: &Flight,
    reconstruction: &Reconstruction,
    truth: &Truth,
) -> Vec<(Vector3<f64>, Vector3<f64>)> {
    let known: BTreeMap<&str, usize> = truth.photos.iter().enumerate().map(|(i, p)| (p.file.as_str(), i)).collect();
    flight
        .photos
        .iter()
        .filter_map(|p| {
            let pose = reconstruction.poses[p.id.index()].as_ref()?;
            let j = *known.get(p.path.file_name()?.to_str()?)?;
            Some((pose.centre(), truth.photos[j].pose().centre()))
        })
        .collect()
}
