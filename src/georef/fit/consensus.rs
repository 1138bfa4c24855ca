//! What the photos' attitudes together say about the rotation of a reconstruction.
//!
//! In: rotations `cam_from_model` and the rotation priors `cam_from_local` of the same photos. Out: the rotation
//! `world_from_model` that most of them agree on with its standard deviations in radians, and priors of the tilt for an
//! adjustment. Tilt and heading are judged apart, because their errors differ: tilt comes from gravity, heading from a
//! compass, or counts from the aircraft's nose, or is turned by half a circle on some photos. So the tilt is found from
//! the directions of the vertical alone, whatever the headings say.
//!
//! What all photos have in common does not average away. The part of it that turns with the camera (the mount, the
//! gimbal's zero) is an unknown of its own: photos of different headings separate it from the tilt of the block, and
//! where all look the same way, its prior keeps the result as uncertain as it is. On a real flight of four headings the
//! pitch was off by 0.8 degrees on all photos (spread 0.3); headings were off by 0.3 degrees there, by 2.5 on another.
//! Method: robust least squares with Cauchy's weights (P. Huber, "Robust Statistics", 1981) from the median direction;
//! linear cost. Failure modes: `None` for fewer than three photos or where most disagree with each other; an error of
//! the vertical that is fixed to the earth.

use crate::base::stats;
use crate::scene::RotationPrior;
use nalgebra::{SMatrix, SVector, UnitQuaternion, Vector3};

/// Photos needed.
const NEEDED: usize = 3;
/// Share of the photos that must agree, of tilt and of heading.
const MAJORITY: f64 = 0.6;
/// Standard deviations of the stated accuracy within which a tilt agrees.
const GATE: f64 = 3.0;
/// Parts of the stated tilt accuracy that the mount (fixed to the camera) and the vertical (fixed to the earth) share.
const MOUNT: f64 = 0.5;
const VERTICAL: f64 = 0.1;
/// Radians within which headings agree, and the error that they have in common (compass, declination).
const HEADING_GATE: f64 = 0.35;
const HEADING_FLOOR: f64 = 0.09;
/// Weighs nothing against positions, but keeps the equations finite, radians.
const NO_HEADING: f64 = 1e3;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Consensus {
    /// Rotation `world_from_model`; its heading is arbitrary where that of `sigma` is infinite.
    pub rotation: UnitQuaternion<f64>,
    /// Standard deviations about east, north and up in radians.
    pub sigma: Vector3<f64>,
    /// What all photos' attitudes were turned by, as a rotation vector in the camera, radians.
    pub mount: Vector3<f64>,
    /// Whether a photo's tilt agrees.
    pub agrees: Vec<bool>,
}

/// One photo's view of the vertical: upwards in the model, and the camera.
struct Opinion<'a> {
    photo: usize,
    up: Vector3<f64>,
    cam_from_model: UnitQuaternion<f64>,
    prior: &'a RotationPrior,
}

/// The common opinion of the attitudes; slices have one entry a photo.
pub fn consensus(
    cam_from_model: &[Option<UnitQuaternion<f64>>],
    priors: &[Option<RotationPrior>],
) -> Option<Consensus> {
    let opinions: Vec<Opinion> = cam_from_model
        .iter()
        .zip(priors)
        .enumerate()
        .filter_map(|(photo, (r, prior))| {
            let (cam_from_model, prior) = ((*r)?, prior.as_ref()?);
            let up = cam_from_model.inverse() * (prior.cam_from_local * Vector3::z());
            Some(Opinion { photo, up, cam_from_model, prior })
        })
        .collect();
    if opinions.len() < NEEDED {
        return None;
    }
    let stated = stats::median(&opinions.iter().map(|o| o.prior.sigma_tilt).collect::<Vec<_>>())?;
    let up = median_direction(&opinions);
    let near = |o: &&Opinion| o.up.angle(&up) < GATE * o.prior.sigma_tilt;
    let good: Vec<&Opinion> = opinions.iter().filter(near).collect();
    if (good.len() as f64) < MAJORITY * opinions.len() as f64 || good.len() < NEEDED {
        return None;
    }
    let (mut rotation, mount, tilt) = fit_vertical(&good, &up, stated)?;
    let (turn, heading) = heading_of(&good, &rotation, &mount, opinions.len());
    rotation = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), turn) * rotation;
    let mut agrees = vec![false; cam_from_model.len()];
    good.iter().for_each(|o| agrees[o.photo] = true);
    Some(Consensus { rotation, sigma: Vector3::new(tilt, tilt, heading), mount, agrees })
}

impl Consensus {
    /// Priors of the rotations `cam_from_world` of photos for an adjustment: all photos turned alike until their tilt
    /// is that of the consensus, with their present headings. Together they weigh what the consensus weighs, and as
    /// they carry no noise of the single attitudes, they lean the block without bending it.
    pub fn tilt_priors(&self, cam_from_world: &[Option<UnitQuaternion<f64>>]) -> Vec<Option<RotationPrior>> {
        let count = cam_from_world.iter().flatten().count() as f64;
        let turn = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), -twist(&self.rotation));
        let back = (turn * self.rotation).inverse();
        let prior = |r: &UnitQuaternion<f64>| RotationPrior {
            cam_from_local: r * back,
            sigma_tilt: self.sigma.x * count.sqrt(),
            sigma_yaw: NO_HEADING,
        };
        cam_from_world.iter().map(|r| r.as_ref().map(prior)).collect()
    }
}

/// The direction with the smallest sum of angles to the opinions, among a fixed subset of them.
fn median_direction(opinions: &[Opinion]) -> Vector3<f64> {
    let step = opinions.len().div_ceil(100);
    let cost = |u: &Vector3<f64>| opinions.iter().map(|o| o.up.angle(u)).sum::<f64>();
    let costs: Vec<f64> = opinions.iter().step_by(step).map(|o| cost(&o.up)).collect();
    let best = costs.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(i, _)| i);
    opinions[best * step].up
}

/// Turn about east and north that takes the vertical to `up`.
fn tilt(up: &Vector3<f64>) -> Vector3<f64> {
    UnitQuaternion::rotation_between(&Vector3::z(), up).map_or_else(Vector3::zeros, |q| q.scaled_axis())
}

/// Angle of a rotation's turn about the vertical, -pi..=pi.
fn twist(q: &UnitQuaternion<f64>) -> f64 {
    let angle = 2.0 * q.k.atan2(q.w);
    angle.sin().atan2(angle.cos())
}

/// `world_from_model` of some heading, the mount, and the standard deviation of the tilt.
fn fit_vertical(
    opinions: &[&Opinion],
    up: &Vector3<f64>,
    stated: f64,
) -> Option<(UnitQuaternion<f64>, Vector3<f64>, f64)> {
    type M5 = SMatrix<f64, 5, 5>;
    let mut rotation = UnitQuaternion::rotation_between(up, &Vector3::z())
        .unwrap_or_else(|| UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI));
    let mut mount = Vector3::zeros();
    let mut sigma = f64::INFINITY;
    for _ in 0..20 {
        let rows: Vec<(SMatrix<f64, 2, 5>, SVector<f64, 2>)> = opinions
            .iter()
            .map(|o| {
                let world_from_cam = (rotation * o.cam_from_model.inverse()).to_rotation_matrix();
                let mut j = SMatrix::<f64, 2, 5>::zeros();
                j[(0, 0)] = -1.0;
                j[(1, 1)] = -1.0;
                j.fixed_view_mut::<2, 3>(0, 2).copy_from(&world_from_cam.matrix().fixed_rows::<2>(0));
                let seen = tilt(&(rotation * o.up)) - world_from_cam * mount;
                (j, SVector::<f64, 2>::new(seen.x, seen.y))
            })
            .collect();
        // The median of a Rayleigh distribution is 1.1774 sigma.
        let errors: Vec<f64> = rows.iter().map(|(_, r)| r.norm()).collect();
        let noise = (stats::median(&errors)? / 1.1774).clamp(0.1 * stated, stated);
        let mut normal = M5::zeros();
        let mut right = SVector::<f64, 5>::zeros();
        for (j, r) in &rows {
            let x2 = r.norm_squared() / (noise * noise);
            let weight = 1.0 / ((1.0 + x2 / 5.7) * noise * noise);
            normal += weight * j.transpose() * j;
            right += weight * j.transpose() * r;
        }
        let prior = 1.0 / (MOUNT * stated).powi(2);
        for c in 0..3 {
            normal[(2 + c, 2 + c)] += prior;
            right[2 + c] -= prior * mount[c];
        }
        let inverse = normal.try_inverse()?;
        let step = inverse * right;
        rotation = UnitQuaternion::from_scaled_axis(Vector3::new(step[0], step[1], 0.0)) * rotation;
        mount += Vector3::new(step[2], step[3], step[4]);
        sigma = inverse[(0, 0)].max(inverse[(1, 1)]).sqrt().hypot(VERTICAL * stated);
        if step.norm() < 1e-10 {
            break;
        }
    }
    sigma.is_finite().then_some((rotation, mount, sigma))
}

/// Turn about the vertical that most headings ask for, and its standard deviation; infinite where they disagree.
fn heading_of(opinions: &[&Opinion], rotation: &UnitQuaternion<f64>, mount: &Vector3<f64>, all: usize) -> (f64, f64) {
    let unmount = UnitQuaternion::from_scaled_axis(-mount);
    let turns: Vec<f64> = opinions
        .iter()
        .map(|o| {
            let now = o.cam_from_model * rotation.inverse();
            twist(&((unmount * o.prior.cam_from_local).inverse() * now))
        })
        .collect();
    let apart = |a: f64, b: f64| (a - b).sin().atan2((a - b).cos());
    let around =
        |t: f64| -> Vec<f64> { turns.iter().map(|&u| apart(u, t)).filter(|d| d.abs() < HEADING_GATE).collect() };
    let step = turns.len().div_ceil(100);
    let mut best = (0, 0.0);
    for &t in turns.iter().step_by(step) {
        let count = around(t).len();
        if count > best.0 {
            best = (count, t);
        }
    }
    let near = around(best.1);
    let Some(median) = stats::median(&near).filter(|_| near.len() as f64 >= MAJORITY * all as f64) else {
        return (best.1, f64::INFINITY);
    };
    let stated = stats::median(&opinions.iter().map(|o| o.prior.sigma_yaw).collect::<Vec<_>>()).unwrap_or(1.0);
    let spread = stats::mad_sigma(&near).unwrap_or(stated).max(0.1 * stated);
    (best.1 + median, HEADING_FLOOR.max(0.5 * stated).hypot(spread / (near.len() as f64).sqrt()))
}

#[cfg(test)]
#[path = "consensus_tests.rs"]
mod tests;
