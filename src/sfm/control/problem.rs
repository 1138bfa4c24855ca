//! The adjustment of a reconstruction together with its control points.
//!
//! In: the reconstruction near its control points, priors. Out: a [`BundleProblem`] with the tie points first and the
//! control points after them, and its way back. Tie points weigh as in [`super::super::refine`]; marks have their own
//! standard deviation. Cost: linear. Failure modes: none; control points whose place cannot be started from are left out.

use super::super::refine::{
    CAUCHY, Calibration, MOST_WITH_SIGMAS, PHOTOS_FOR_FULL, SYSTEMATIC_PX, lens_sigma, sigmas_of,
};
use super::super::{SfmOptions, georeference};
use super::{Goal, MARK_SIGMA_PX, measure};
use crate::base::stats;
use crate::bundle::{
    BundleObservation, BundleOptions, BundleProblem, LensBlock, LensPrior, Loss, PointBlock, PoseBlock,
};
use crate::georef::consensus;
use crate::scene::{Flight, PositionPrior, Reconstruction, RotationPrior};
use nalgebra::Vector3;

pub(super) struct Problem {
    pub bundle: BundleProblem,
    /// Photo of each pose.
    photos: Vec<usize>,
}

impl Problem {
    /// Standard deviations of the camera centres, by photo, with the tie points' own scatter.
    pub fn centre_sigmas(mut self, model: &Reconstruction, scale: f64) -> Vec<Option<Vector3<f64>>> {
        if self.photos.len() > MOST_WITH_SIGMAS {
            return Vec::new();
        }
        let noise = noise_px(model, scale);
        let ties = model.points.len() as u32;
        self.bundle.observations.iter_mut().filter(|o| o.point < ties).for_each(|o| o.sigma = noise);
        let mut sigmas = vec![None; model.poses.len()];
        for (&photo, sigma) in self.photos.iter().zip(sigmas_of(&self.bundle)) {
            sigmas[photo] = sigma;
        }
        sigmas
    }

    /// Writes the result back.
    pub fn store(&self, model: &mut Reconstruction) {
        for (block, photo) in self.bundle.poses.iter().zip(&self.photos) {
            model.poses[*photo] = Some(block.pose);
        }
        for (camera, block) in model.cameras.iter_mut().zip(&self.bundle.lenses) {
            camera.lens = block.lens;
        }
        for (point, block) in model.points.iter_mut().zip(&self.bundle.points) {
            point.position = block.position;
        }
    }
}

/// The GPS positions without what they are off by in common along the axes that control points determine, with sigmas
/// from the scatter that is left.
pub(super) fn shifted_positions(flight: &Flight, model: &Reconstruction, goals: &[Goal]) -> Vec<Option<PositionPrior>> {
    let residuals: Vec<(Vector3<f64>, Vector3<f64>)> = flight
        .photos
        .iter()
        .zip(&model.poses)
        .filter_map(|(photo, pose)| {
            let prior = photo.position?;
            Some(((*pose)?.centre() - prior.centre, prior.sigma))
        })
        .collect();
    let control = || goals.iter().filter(|g| g.is_control());
    let known = [control().count() > 0, control().count() > 0, control().any(Goal::has_height)];
    let of = |c: usize| residuals.iter().map(|(r, _)| r[c]).collect::<Vec<f64>>();
    let mut shift = Vector3::zeros();
    let mut measured = Vector3::zeros();
    for c in 0..3 {
        let values = of(c);
        let centre = if known[c] { stats::median(&values).unwrap_or(0.0) } else { 0.0 };
        shift[c] = centre;
        let around: Vec<f64> = values.iter().map(|v| v - centre).collect();
        let scatter = stats::mad_sigma(&around).unwrap_or(0.0);
        measured[c] = 1.2 * scatter.max(0.5 * stats::rms(&around).unwrap_or(0.0));
    }
    let enough = residuals.len() >= georeference::ENOUGH_POSITIONS;
    flight
        .photos
        .iter()
        .map(|photo| {
            photo.position.map(|p| PositionPrior {
                centre: p.centre + shift,
                sigma: if enough { p.sigma.zip_map(&measured, |s, m| m.max(0.1 * s)) } else { p.sigma },
            })
        })
        .collect()
}

/// The tilt priors that the photos' attitudes agree on, unless the positions contradict them.
fn attitudes(flight: &Flight, model: &Reconstruction) -> Vec<Option<RotationPrior>> {
    if model.notes.iter().any(|n| n.code == georeference::CONTRADICTED) {
        return Vec::new();
    }
    let now: Vec<_> = model.poses.iter().map(|p| p.map(|p| p.rotation)).collect();
    let stated: Vec<_> = flight.photos.iter().map(|p| p.rotation).collect();
    consensus(&now, &stated).map_or_else(Vec::new, |c| c.tilt_priors(&now))
}

pub(super) fn build(
    flight: &Flight,
    model: &Reconstruction,
    goals: &[Goal],
    positions: &[Option<PositionPrior>],
    scale: f64,
    options: &SfmOptions,
) -> (Problem, BundleOptions) {
    let mut bundle = BundleProblem::default();
    let (mut photos, mut pose_of_photo) = (Vec::new(), vec![u32::MAX; model.poses.len()]);
    let mut users = vec![0usize; model.cameras.len()];
    let rotations = attitudes(flight, model);
    for (photo, pose) in model.poses.iter().enumerate() {
        let Some(pose) = pose else { continue };
        pose_of_photo[photo] = photos.len() as u32;
        photos.push(photo);
        let lens = model.camera_of[photo].index();
        users[lens] += 1;
        bundle.poses.push(PoseBlock {
            pose: *pose,
            lens: lens as u32,
            fixed: false,
            position: positions.get(photo).copied().flatten(),
            rotation: rotations.get(photo).copied().flatten(),
        });
    }
    for (i, camera) in model.cameras.iter().enumerate() {
        let calibration = match users[i] {
            0 => Calibration::Fixed,
            _ if !options.calibrate => Calibration::Fixed,
            n if n < PHOTOS_FOR_FULL => Calibration::Radial1,
            _ => Calibration::Full,
        };
        let initial = &flight.cameras[i];
        let prior = Some(LensPrior { mean: initial.lens, sigma: lens_sigma(initial) });
        bundle.lenses.push(LensBlock { lens: camera.lens, free: calibration.free(), prior });
    }
    let tie_sigma = SYSTEMATIC_PX * scale;
    for (i, point) in model.points.iter().enumerate() {
        bundle.points.push(PointBlock { position: point.position, fixed: false, prior: None });
        bundle.observations.extend(point.track.iter().filter_map(|o| {
            let pose = pose_of_photo[o.photo.index()];
            (pose != u32::MAX).then_some(BundleObservation { point: i as u32, pose, pixel: o.pixel, sigma: tie_sigma })
        }));
    }
    for goal in goals.iter().filter(|g| g.is_control()) {
        add_goal(&mut bundle, model, goal, &pose_of_photo, scale, options);
    }
    let noise = noise_px(model, scale);
    let solver = BundleOptions {
        loss: Loss::Cauchy { scale: (CAUCHY * noise / tie_sigma).powi(2) },
        max_iterations: 40,
        tolerance: 1e-6,
        ..Default::default()
    };
    (Problem { bundle, photos }, solver)
}

fn add_goal(
    bundle: &mut BundleProblem,
    model: &Reconstruction,
    goal: &Goal,
    pose_of_photo: &[u32],
    scale: f64,
    options: &SfmOptions,
) {
    let marks: Vec<_> = goal.target.marks.iter().filter(|(p, _)| pose_of_photo[p.index()] != u32::MAX).collect();
    let start = measure::triangulate(model, &goal.target.marks, scale, options).map(|x| x.0);
    // One mark fixes nothing unless the place is known.
    let Some(position) = start.or_else(|| Some(goal.place).filter(|_| goal.has_height())) else { return };
    if marks.is_empty() {
        return;
    }
    let point = bundle.points.len() as u32;
    let prior = Some(PositionPrior { centre: goal.place, sigma: goal.sigma });
    bundle.points.push(PointBlock { position, fixed: false, prior });
    bundle.observations.extend(marks.iter().map(|(photo, pixel)| BundleObservation {
        point,
        pose: pose_of_photo[photo.index()],
        pixel: *pixel,
        sigma: MARK_SIGMA_PX * scale,
    }));
}

/// Standard deviation in pixels of one axis of the tie points' observations, from the median error.
fn noise_px(model: &Reconstruction, scale: f64) -> f64 {
    let errors: Vec<f64> =
        model.points.iter().flat_map(|p| p.track.iter().filter_map(|o| model.reprojection_error(p, o))).collect();
    // The median of a Rayleigh distribution is 1.1774 sigma.
    (stats::median(&errors).unwrap_or(1.0) / 1.1774).clamp(0.2, 3.0 * scale)
}
