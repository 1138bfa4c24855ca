//! Which matches of two photos agree with one relative pose of the cameras.
//!
//! In: features and putative matches of two photos, their cameras, what the metadata says about the relative pose. Out:
//! a [`VerifiedPair`]: inliers, pose `b_from_a`, kind of geometry (general, planar, panoramic), or `None`.
//! Source: COLMAP's two-view classification (J. Schoenberger, J.-M. Frahm, "Structure-from-Motion Revisited", CVPR
//! 2016, section 4.1), with a homography between rays instead of pixels; see [`crate::geometry::relative_pose`] for the
//! estimation. Thresholds in [`VerifyOptions`].
//!
//! A flat scene has two relative poses that explain every match (the two decompositions of its homography). Both start
//! the search, both are fitted, and which one is kept is decided by what rises above the plane, then by the metadata
//! (3 sigma); where neither tells, the other one is stored as the alternative. Cheirality alone never decides.
//!
//! Cost: a few milliseconds a pair. Failure modes: repeated structure can give a consistent wrong pose, which only
//! positions or other pairs reveal; a share of inliers below the limit gives `None`.

use crate::base::Rng;
use crate::base::stats::median;
use crate::camera::Camera;
use crate::geometry::Rigid3;
use crate::geometry::epipolar::{RayPairs, essential, parallax, sampson_squared};
use crate::geometry::homography::{Homography, decompose_homography, estimate_homography, refine_homography};
use crate::geometry::ransac::RansacOptions;
use crate::geometry::relative_pose::{RelativePose, RelativePoseOptions, estimate_relative_pose, finish, fit_rotation};
use crate::scene::{Features, PairKind, PairMatches, Photo, VerifiedPair};
use nalgebra::{UnitQuaternion, Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// Thresholds of [`verify_pair`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifyOptions {
    /// Largest distance of a match from its epipolar line, in pixels.
    pub max_error_px: f64,
    /// Inliers needed.
    pub min_inliers: usize,
    /// Share of the putative matches that must agree. Pairs with little overlap have many wrong matches and fall below
    /// it; lowering it brings in pairs by chance.
    pub min_inlier_ratio: f64,
    /// Wanted probability of one sample without outliers.
    pub confidence: f64,
    /// Samples drawn at least.
    pub min_iterations: usize,
    /// Samples drawn at most: enough to find three inliers in ten with confidence; pairs without overlap, which are
    /// many, take all of them.
    pub max_iterations: usize,
    /// Largest logarithm (base 10) of the number of models as good that wrong matches alone would give. On the test
    /// flights, two thirds of the poses that were plainly wrong lay above -12, and few right ones.
    pub max_log_false_alarms: f64,
    /// From this share of matches on that a homography (a rotation) explains, the pair is planar (panoramic).
    pub planar_ratio: f64,
    /// Largest median angle in radians between the two rays of a point. Descriptors do not match across more; mirror
    /// images of repeated facades do, from the other side of the wall.
    pub max_median_angle: f64,
    /// Part of the photo's diagonal, from its edge inwards, where matches that do not move are taken for an imprint.
    pub imprint_border: f64,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        Self {
            max_error_px: 4.0,
            min_inliers: 15,
            min_inlier_ratio: 0.25,
            confidence: 0.999,
            min_iterations: 100,
            max_iterations: 3000,
            max_log_false_alarms: -12.0,
            planar_ratio: 0.8,
            max_median_angle: 1.3,
            imprint_border: 0.1,
        }
    }
}

/// What the metadata of two photos says about their relative pose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativePrior {
    /// Rotation `b_from_a` and the standard deviation of its angle in radians.
    pub rotation: Option<(UnitQuaternion<f64>, f64)>,
    /// Direction of the translation of `b_from_a` (unit length, camera b) and the standard deviation of its angle in
    /// radians.
    pub direction: Option<(Vector3<f64>, f64)>,
}

impl RelativePrior {
    /// Whether a pose lies within three standard deviations of everything that is known.
    pub fn allows(&self, b_from_a: &Rigid3) -> bool {
        let rotation = self.rotation.is_none_or(|(r, sigma)| r.angle_to(&b_from_a.rotation) <= 3.0 * sigma);
        let direction = self.direction.is_none_or(|(d, sigma)| d.angle(&b_from_a.translation) <= 3.0 * sigma);
        rotation && direction
    }
}

/// Standard deviation in radians above which a direction says nothing.
const VAGUE: f64 = 0.5;

/// The relative prior of two photos from their attitudes and positions; `None` where the metadata gives no rotation (a
/// direction means nothing without one).
pub fn relative_prior(a: &Photo, b: &Photo) -> Option<RelativePrior> {
    let (ra, rb) = (a.rotation?, b.rotation?);
    let sigma_of = |r: &crate::scene::RotationPrior| r.sigma_tilt.hypot(r.sigma_yaw);
    let sigma = sigma_of(&ra).hypot(sigma_of(&rb));
    let rotation = rb.cam_from_local * ra.cam_from_local.inverse();
    let direction = a.position.zip(b.position).and_then(|(pa, pb)| {
        let baseline = pa.centre - pb.centre;
        let length = baseline.norm();
        let error = pa.sigma.norm().hypot(pb.sigma.norm());
        let sigma = (error / length).hypot(sigma_of(&rb));
        (length > 1e-6 && sigma < VAGUE).then(|| (rb.cam_from_local * (baseline / length), sigma))
    });
    Some(RelativePrior { rotation: (sigma < VAGUE).then_some((rotation, sigma)), direction })
}

/// Verifies the matches of a pair. Equal input and seed give equal results.
#[allow(clippy::too_many_arguments, reason = "two of everything; a struct of borrowed pairs would say less")]
pub fn verify_pair(
    a: &Features,
    b: &Features,
    camera_a: &Camera,
    camera_b: &Camera,
    matches: &PairMatches,
    prior: Option<&RelativePrior>,
    options: &VerifyOptions,
    seed: u64,
) -> Option<VerifiedPair> {
    let kept = without_imprint(a, b, camera_a, camera_b, &matches.matches, options);
    let (kept, pairs) = to_rays(a, b, camera_a, camera_b, &kept);
    if pairs.len() < options.min_inliers {
        return None;
    }
    let mut rng = Rng::new(seed, u64::from(matches.a.0) << 32 | u64::from(matches.b.0));
    // A homography is cheap, and where there is a plane its poses are good places to start from.
    let budget = RansacOptions { min_iterations: 30, max_iterations: 200, confidence: 0.99 };
    let homography = estimate_homography(&pairs, options.max_error_px, &budget, &mut rng);
    let mut seeds: Vec<Rigid3> = homography.iter().flat_map(|h| poses_of(h, &pairs)).collect();
    seeds.extend(prior.and_then(|p| Some(Rigid3::new(p.rotation?.0, p.direction?.0))));
    let ransac = RelativePoseOptions {
        max_error_px: options.max_error_px,
        min_inliers: options.min_inliers,
        min_inlier_ratio: options.min_inlier_ratio,
        confidence: options.confidence,
        min_iterations: options.min_iterations,
        max_iterations: options.max_iterations,
    };
    let general = estimate_relative_pose(&pairs, &seeds, &ransac, &mut rng)?;
    if log_false_alarms(&pairs, &general, camera_b) > options.max_log_false_alarms {
        return None;
    }
    let result = |pose: Rigid3, alternative, kind, inliers: &[bool], homography: Option<&Homography>| {
        let median_angle = median_angle(&pairs, inliers, &pose);
        (median_angle <= options.max_median_angle).then(|| VerifiedPair {
            a: matches.a,
            b: matches.b,
            inliers: kept.iter().zip(inliers).filter(|(_, keep)| **keep).map(|(m, _)| *m).collect(),
            median_angle,
            b_from_a: pose,
            alternative,
            kind,
            homography: homography.map(|h| h.matrix),
        })
    };
    let (rotation, still) = fit_rotation(&pairs.select(&general.inliers), options.max_error_px);
    if share(&still, general.count()) >= options.planar_ratio {
        let pose = Rigid3::new(rotation, Vector3::zeros());
        let still = spread(&general.inliers, &still);
        return result(pose, None, PairKind::Panoramic, &still, homography.as_ref());
    }
    // The budget may have been too small for the plane; all matches that agree with the pose are a better place to ask.
    let homography = homography.map(|h| refine_homography(&pairs, &h.matrix, options.max_error_px));
    let flat = homography.as_ref().filter(|h| h.count() as f64 > options.planar_ratio * general.count() as f64);
    let Some(flat) = flat else {
        let homography = homography.filter(|h| h.count() >= options.min_inliers);
        return result(general.b_from_a, None, PairKind::General, &general.inliers, homography.as_ref());
    };
    let (best, alternative) = choose(&pairs, general, flat, prior, options);
    result(best.b_from_a, alternative, PairKind::Planar, &best.inliers, Some(flat))
}

/// The poses of a homography, translations of length 1.
fn poses_of(h: &Homography, pairs: &RayPairs) -> Vec<Rigid3> {
    let inner = pairs.select(&h.inliers);
    decompose_homography(&h.matrix, &inner.a, &inner.b)
        .into_iter()
        .filter_map(|p| {
            let t = p.b_from_a.translation.try_normalize(1e-9)?;
            Some(Rigid3::new(p.b_from_a.rotation, t))
        })
        .collect()
}

/// Which of the poses of a flat scene is right, and the other one where that cannot be told.
fn choose(
    pairs: &RayPairs,
    general: RelativePose,
    flat: &Homography,
    prior: Option<&RelativePrior>,
    options: &VerifyOptions,
) -> (RelativePose, Option<Rigid3>) {
    let mut candidates = vec![general];
    for pose in poses_of(flat, pairs) {
        let Some(fitted) = finish(pairs, &pose, options.max_error_px, 0) else { continue };
        let known = candidates.iter().any(|c| same_pose(&c.b_from_a, &fitted.b_from_a));
        if !known && fitted.count() >= options.min_inliers {
            candidates.push(fitted);
        }
    }
    let sigma = candidates.iter().map(|c| noise(pairs, c)).fold(f64::INFINITY, f64::min);
    let mut scored: Vec<(Support, RelativePose)> =
        candidates.into_iter().map(|c| (support(pairs, &c, flat, sigma), c)).collect();
    scored.sort_by(|x, y| (x.0.on_plane + x.0.off_plane).total_cmp(&(y.0.on_plane + y.0.off_plane)));
    let best = scored[0].0;
    scored.retain(|(s, _)| !best.beats(s));
    if let Some(prior) = prior.filter(|p| scored.iter().any(|(_, c)| p.allows(&c.b_from_a))) {
        scored.retain(|(_, c)| prior.allows(&c.b_from_a));
    }
    let alternative = scored.get(1).map(|(_, c)| c.b_from_a);
    (scored.swap_remove(0).1, alternative)
}

fn same_pose(p: &Rigid3, q: &Rigid3) -> bool {
    p.rotation.angle_to(&q.rotation) < 0.005 && p.translation.angle(&q.translation) < 0.03
}

/// Robust standard deviation in pixels of the inliers' epipolar errors.
fn noise(pairs: &RayPairs, pose: &RelativePose) -> f64 {
    let e = essential(&pose.b_from_a);
    let pixels = [pairs.pixel_a, pairs.pixel_b];
    let errors: Vec<f64> = (0..pairs.len())
        .filter(|&i| pose.inliers[i])
        .map(|i| sampson_squared(&e, &pairs.a[i], &pairs.b[i], pixels).sqrt())
        .collect();
    (1.4826 * median(&errors).unwrap_or(1.0)).max(0.1)
}

/// How well a pose explains the matches of a nearly flat scene, in units of negative log-likelihood.
#[derive(Clone, Copy, Debug)]
struct Support {
    /// Of the matches that the plane explains: relief of less than the threshold tells the poses apart.
    on_plane: f64,
    /// Number of the matches that the plane explains.
    count_on_plane: f64,
    /// Of the others: what stands out of the plane, and wrong matches.
    off_plane: f64,
    /// Number of the others that agree within 3 sigma.
    outstanding: f64,
}

impl Support {
    /// Whether the matches decide for `self`: by more than three standard deviations of what chance does. The errors
    /// from the lines of two poses are different projections of the noise, so that on a plane their half sums of
    /// squares differ by about the square root of their number; and wrong matches agree with a pose by chance.
    fn beats(&self, other: &Self) -> bool {
        let lead = self.outstanding - other.outstanding;
        let chance = (3.0 * (self.outstanding + other.outstanding).sqrt()).max(6.0);
        other.on_plane > self.on_plane + 3.0 * self.count_on_plane.sqrt().max(4.0) || lead > chance
    }
}

fn support(pairs: &RayPairs, pose: &RelativePose, flat: &Homography, sigma: f64) -> Support {
    let e = essential(&pose.b_from_a);
    let pixels = [pairs.pixel_a, pairs.pixel_b];
    let mut support = Support { on_plane: 0.0, count_on_plane: 0.0, off_plane: 0.0, outstanding: 0.0 };
    for i in 0..pairs.len() {
        let r2 = sampson_squared(&e, &pairs.a[i], &pairs.b[i], pixels) / (sigma * sigma);
        let loss = if pose.inliers[i] { (0.5 * r2).min(4.5) } else { 4.5 };
        if flat.inliers[i] {
            support.on_plane += loss;
            support.count_on_plane += 1.0;
        } else {
            support.off_plane += loss;
            support.outstanding += f64::from(u8::from(loss < 4.5));
        }
    }
    support
}

/// Logarithm (base 10) of the expected number of essential matrices that as many uniformly scattered wrong matches would
/// support as well, at the threshold where this number is smallest.
///
/// Source: L. Moisan, B. Stival, "A probabilistic criterion to detect rigid point matches between two images", IJCV
/// 57(3), 2004, eq. 14, with ten models for each five matches.
fn log_false_alarms(pairs: &RayPairs, pose: &RelativePose, camera_b: &Camera) -> f64 {
    let e = essential(&pose.b_from_a);
    let pixels = [pairs.pixel_a, pairs.pixel_b];
    // A match that is behind a camera agrees with nothing.
    let mut errors: Vec<f64> = (0..pairs.len())
        .filter(|&i| pose.inliers[i])
        .map(|i| sampson_squared(&e, &pairs.a[i], &pairs.b[i], pixels).sqrt())
        .collect();
    errors.sort_by(f64::total_cmp);
    let n = pairs.len();
    let (w, h) = (f64::from(camera_b.width), f64::from(camera_b.height));
    let chance_of_a_pixel = 2.0 * w.hypot(h) / (w * h);
    let mut factorials = vec![0.0; n + 1];
    for i in 1..=n {
        factorials[i] = factorials[i - 1] + (i as f64).log10();
    }
    let choose = |n: usize, k: usize| factorials[n] - factorials[k] - factorials[n - k];
    let tests = (10.0 * n.saturating_sub(5).max(1) as f64).log10();
    (6..=errors.len())
        .map(|k| {
            // Finer than a tenth of a pixel nothing is located.
            let chance = (chance_of_a_pixel * errors[k - 1].max(0.1)).min(1.0).log10();
            tests + choose(n, k) + choose(k, 5) + (k - 5) as f64 * chance
        })
        .fold(tests, f64::min)
}

fn share(flags: &[bool], total: usize) -> f64 {
    flags.iter().filter(|f| **f).count() as f64 / total.max(1) as f64
}

/// Flags of a selection, put back among all.
fn spread(outer: &[bool], inner: &[bool]) -> Vec<bool> {
    let mut inner = inner.iter();
    outer.iter().map(|&o| o && inner.next().copied().unwrap_or(false)).collect()
}

fn median_angle(pairs: &RayPairs, inliers: &[bool], pose: &Rigid3) -> f64 {
    let angles: Vec<f64> =
        (0..pairs.len()).filter(|&i| inliers[i]).map(|i| parallax(pose, &pairs.a[i], &pairs.b[i])).collect();
    median(&angles).unwrap_or(0.0)
}

fn pixel_of(features: &Features, index: u32) -> Option<Vector2<f64>> {
    features.keypoints.get(index as usize).map(|k| Vector2::new(f64::from(k.x), f64::from(k.y)))
}

/// Matches and their rays; those outside what a lens can image are left out.
fn to_rays(
    a: &Features,
    b: &Features,
    camera_a: &Camera,
    camera_b: &Camera,
    matches: &[(u32, u32)],
) -> (Vec<(u32, u32)>, RayPairs) {
    let (pixel_a, pixel_b) = (1.0 / camera_a.lens.f, 1.0 / camera_b.lens.f);
    let mut pairs = RayPairs { pixel_a, pixel_b, ..Default::default() };
    let mut kept = Vec::with_capacity(matches.len());
    for &(i, j) in matches {
        let rays = pixel_of(a, i)
            .and_then(|p| camera_a.lens.unproject(&p))
            .zip(pixel_of(b, j).and_then(|p| camera_b.lens.unproject(&p)));
        if let Some((ray_a, ray_b)) = rays {
            pairs.a.push(ray_a);
            pairs.b.push(ray_b);
            kept.push((i, j));
        }
    }
    (kept, pairs)
}

/// Matches without those of an imprint (a watermark, a time stamp, dust): same pixel in both photos, near the border,
/// while the photos as a whole moved.
fn without_imprint(
    a: &Features,
    b: &Features,
    camera_a: &Camera,
    camera_b: &Camera,
    matches: &[(u32, u32)],
    options: &VerifyOptions,
) -> Vec<(u32, u32)> {
    let size = |c: &Camera| Vector2::new(f64::from(c.width), f64::from(c.height));
    if size(camera_a) != size(camera_b) {
        return matches.to_vec();
    }
    let border = options.imprint_border * size(camera_a).norm();
    let still_and_border = |&(i, j): &(u32, u32)| -> Option<(bool, bool)> {
        let (p, q) = (pixel_of(a, i)?, pixel_of(b, j)?);
        let edge = p.x.min(p.y).min(size(camera_a).x - p.x).min(size(camera_a).y - p.y);
        Some(((p - q).norm() < 2.0, edge < border))
    };
    let flags: Vec<_> = matches.iter().map(still_and_border).collect();
    let inside = flags.iter().flatten().filter(|f| !f.1).count();
    let still_inside = flags.iter().flatten().filter(|f| f.0 && !f.1).count();
    if 2 * still_inside >= inside.max(1) {
        // The whole photo stood still, or there is nothing but border: an imprint cannot be told from the scene.
        return matches.to_vec();
    }
    matches.iter().zip(&flags).filter(|(_, f)| **f != Some((true, true))).map(|(m, _)| *m).collect()
}

#[cfg(test)]
mod tests;
