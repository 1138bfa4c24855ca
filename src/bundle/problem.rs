//! The bundle adjustment problem: lenses, poses, points, observations, priors.
//!
//! In/out: poses `cam_from_world`, points in the world's units (metres in the local frame), pixels of the full-size photo.
//! Nothing is computed here except the choice of the gauge. Source: B. Triggs et al., "Bundle Adjustment - A Modern
//! Synthesis", 2000, sections 9 (gauge) and 10 (priors). Cost: none. Failure: indices out of range are found by
//! [`BundleProblem::check`].

use super::BundleError;
use crate::camera::{Lens, PARAMETERS};
use crate::geometry::Rigid3;
use crate::scene::{PositionPrior, RotationPrior};
use nalgebra::{Matrix3, Vector2, Vector3};

/// A lens shared by the poses of one camera group.
#[derive(Clone, Debug, PartialEq)]
pub struct LensBlock {
    /// The calibration.
    pub lens: Lens,
    /// Which of f, cx, cy, k1, k2, k3, p1, p2 may change.
    pub free: [bool; PARAMETERS],
    /// Where the parameters are believed to lie.
    pub prior: Option<LensPrior>,
}

/// Independent normal priors of the lens parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LensPrior {
    /// The expected values.
    pub mean: Lens,
    /// Standard deviations: of the logarithm of f, of cx and cy in pixels, of the coefficients. Infinite = no prior.
    pub sigma: [f64; PARAMETERS],
}

/// The pose of one photo.
#[derive(Clone, Debug, PartialEq)]
pub struct PoseBlock {
    /// `cam_from_world`.
    pub pose: Rigid3,
    /// Index of its lens.
    pub lens: u32,
    /// Keeps the pose as it is.
    pub fixed: bool,
    /// Prior of the centre in world coordinates.
    pub position: Option<PositionPrior>,
    /// Prior of the rotation.
    pub rotation: Option<RotationPrior>,
}

/// A point in the world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PointBlock {
    /// Its position.
    pub position: Vector3<f64>,
    /// Keeps the point where it is.
    pub fixed: bool,
    /// Where it is known to be: a control point. Infinite sigmas = unknown along that axis.
    pub prior: Option<PositionPrior>,
}

/// A point seen by a pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BundleObservation {
    /// Index of the point; observations are sorted by it.
    pub point: u32,
    /// Index of the pose; each pose sees a point at most once.
    pub pose: u32,
    /// Where, in pixels.
    pub pixel: Vector2<f64>,
    /// Standard deviation of each axis in pixels.
    pub sigma: f64,
}

/// Everything that is adjusted together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BundleProblem {
    /// Lenses.
    pub lenses: Vec<LensBlock>,
    /// Poses.
    pub poses: Vec<PoseBlock>,
    /// Points.
    pub points: Vec<PointBlock>,
    /// Observations, sorted by point.
    pub observations: Vec<BundleObservation>,
}

/// What is held fixed because nothing in the problem determines it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// A pose held fixed.
    pub pose: Option<usize>,
    /// A pose and the component (0..3) of its centre that is held fixed: the scale.
    pub scale: Option<(usize, usize)>,
}

impl BundleProblem {
    /// Checks indices, order and finiteness.
    pub fn check(&self) -> Result<(), BundleError> {
        let bad = |what: &'static str, index: usize| Err(BundleError::Malformed { what, index });
        if let Some(i) = self.poses.iter().position(|p| p.lens as usize >= self.lenses.len()) {
            return bad("pose refers to a lens that does not exist", i);
        }
        for (i, o) in self.observations.iter().enumerate() {
            if o.pose as usize >= self.poses.len() || o.point as usize >= self.points.len() {
                return bad("observation refers to a pose or point that does not exist", i);
            }
            if i > 0 && self.observations[i - 1].point > o.point {
                return bad("observation is not sorted by point", i);
            }
            if !(o.sigma > 0.0 && o.pixel.x.is_finite() && o.pixel.y.is_finite()) {
                return bad("observation without a finite pixel and a positive sigma", i);
            }
        }
        if let Some(i) = self.points.iter().position(|p| !p.position.iter().all(|v| v.is_finite())) {
            return bad("point is not finite", i);
        }
        let finite = |p: &PoseBlock| p.pose.translation.iter().all(|v| v.is_finite());
        if let Some(i) = self.poses.iter().position(|p| !finite(p)) {
            return bad("pose is not finite", i);
        }
        Ok(())
    }

    /// The gauge: nothing is held where position priors, fixed poses or fixed points determine the frame, otherwise the
    /// first free pose, and the largest component of the baseline to the pose farthest from it.
    pub fn gauge(&self) -> Gauge {
        if self.points.iter().filter(|p| p.fixed).count() >= 3 || self.priors_span_a_plane() {
            return Gauge::default();
        }
        let fixed: Vec<usize> = (0..self.poses.len()).filter(|&i| self.poses[i].fixed).collect();
        if fixed.len() >= 2 {
            return Gauge::default();
        }
        let anchor = fixed.first().copied().unwrap_or(0);
        let Some(first) = self.poses.get(anchor).map(|p| p.pose.centre()) else { return Gauge::default() };
        let baseline = |i: usize| self.poses[i].pose.centre() - first;
        let other = (0..self.poses.len())
            .filter(|&i| i != anchor)
            .max_by(|&a, &b| baseline(a).norm_squared().total_cmp(&baseline(b).norm_squared()));
        Gauge { pose: Some(anchor), scale: other.map(|i| (i, baseline(i).abs().imax())) }
    }

    /// Whether at least three position priors lie off one line, farther than their uncertainty.
    fn priors_span_a_plane(&self) -> bool {
        let of_points = self.points.iter().filter_map(|p| p.prior).filter(|p| p.sigma.iter().all(|s| s.is_finite()));
        let priors: Vec<_> = self.poses.iter().filter_map(|p| p.position).chain(of_points).collect();
        if priors.len() < 3 {
            return false;
        }
        let n = priors.len() as f64;
        let mean = priors.iter().fold(Vector3::zeros(), |s, p| s + p.centre) / n;
        let covariance = priors.iter().fold(Matrix3::zeros(), |s, p| {
            let d = p.centre - mean;
            s + d * d.transpose() / n
        });
        let mut spread: Vec<f64> = covariance.symmetric_eigenvalues().iter().map(|v| v.max(0.0).sqrt()).collect();
        spread.sort_unstable_by(f64::total_cmp);
        let sigma = priors.iter().map(|p| p.sigma.mean()).sum::<f64>() / n;
        spread[1] > (0.5 * sigma).max(1e-3 * spread[2])
    }
}
