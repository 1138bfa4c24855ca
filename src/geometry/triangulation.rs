//! Points from rays of several posed cameras.
//!
//! In: poses `cam_from_world` and rays (camera frame, z = 1). Out: the point in the world that minimises the squared
//! reprojection error in the tangent plane z = 1 of every camera.
//! Source: R. Hartley, P. Sturm, "Triangulation", CVIU 68(2), 1997: linear start (least squares distances to the rays,
//! reweighted once by the depths), then Gauss-Newton on reprojection. Robust variant: hypotheses from pairs of views
//! as in J. Schoenberger, J.-M. Frahm, "Structure-from-Motion Revisited", CVPR 2016, section 4.3.
//! Cost: about a microsecond a view. Fails (`None`) for parallel rays and for points behind a camera.

use super::Rigid3;
use super::least_squares::{Loss, Normal, minimise, solve_cholesky};
use crate::base::Rng;
use nalgebra::{Matrix3, Vector3};

/// A view of a point: pose `cam_from_world` and ray in the camera frame with z = 1.
pub type View = (Rigid3, Vector3<f64>);

/// Tracks with up to this many views are triangulated from all pairs of views, longer ones from as many random pairs.
const ALL_PAIRS_UP_TO: usize = 8;

/// Triangulates from all views; `None` for fewer than two views, parallel rays, or a point that is not in front of
/// every camera.
pub fn triangulate(views: &[View]) -> Option<Vector3<f64>> {
    let start = linear_start(views)?;
    refine_point(views, &start, Loss::Squared)
}

/// Angle in radians at `x` between the directions to two camera centres.
pub fn triangulation_angle(centre_a: &Vector3<f64>, centre_b: &Vector3<f64>, x: &Vector3<f64>) -> f64 {
    let (a, b) = (centre_a - x, centre_b - x);
    a.cross(&b).norm().atan2(a.dot(&b))
}

/// Largest angle between two of the `centres` seen from `x`; 0 for fewer than two.
pub fn max_triangulation_angle(centres: &[Vector3<f64>], x: &Vector3<f64>) -> f64 {
    let mut largest = 0.0f64;
    for (i, a) in centres.iter().enumerate() {
        for b in &centres[i + 1..] {
            largest = largest.max(triangulation_angle(a, b, x));
        }
    }
    largest
}

/// Reprojection error of `x` in the plane z = 1 of a view; infinite behind the camera.
pub fn tangent_error(view: &View, x: &Vector3<f64>) -> f64 {
    let p = view.0.apply(x);
    if p.z <= 1e-12 {
        return f64::INFINITY;
    }
    (p.x / p.z - view.1.x).hypot(p.y / p.z - view.1.y)
}

/// Triangulates a track of which some views may be wrong. Returns the point and which views agree within `max_error`
/// (plane z = 1, so pixels divided by the focal length); at least two do, and the largest angle between them is at
/// least `min_angle` radians.
pub fn triangulate_robust(
    views: &[View],
    max_error: f64,
    min_angle: f64,
    rng: &mut Rng,
) -> Option<(Vector3<f64>, Vec<bool>)> {
    let n = views.len();
    if n < 2 {
        return None;
    }
    let centres: Vec<_> = views.iter().map(|v| v.0.centre()).collect();
    let limit = max_error * max_error;
    let cost = |x: &Vector3<f64>| -> f64 {
        views.iter().map(|v| tangent_error(v, x)).map(|e| (e * e).min(limit)).sum::<f64>()
    };
    let mut best: Option<(f64, Vector3<f64>)> = None;
    let mut try_pair = |i: usize, j: usize| {
        let Some(x) = triangulate(&[views[i], views[j]]) else { return };
        if triangulation_angle(&centres[i], &centres[j], &x) < min_angle {
            return;
        }
        let c = cost(&x);
        if best.is_none_or(|(b, _)| c < b) {
            best = Some((c, x));
        }
    };
    // Everything at once is right nearly always; pairs are for the rest.
    let together = triangulate(views).filter(|x| max_triangulation_angle(&centres, x) >= min_angle);
    if let Some(x) = together.filter(|x| views.iter().all(|v| tangent_error(v, x) <= max_error)) {
        return Some((x, vec![true; n]));
    }
    if n <= ALL_PAIRS_UP_TO {
        for i in 0..n {
            for j in i + 1..n {
                try_pair(i, j);
            }
        }
    } else {
        for _ in 0..ALL_PAIRS_UP_TO * (ALL_PAIRS_UP_TO - 1) {
            let [i, j] = rng.sample::<2>(n);
            try_pair(i, j);
        }
    }
    let mut x = best?.1;
    let mut inliers = Vec::new();
    for _ in 0..3 {
        let agree: Vec<bool> = views.iter().map(|v| tangent_error(v, &x) <= max_error).collect();
        if agree == inliers {
            break;
        }
        inliers = agree;
        let chosen: Vec<View> = (0..n).filter(|&i| inliers[i]).map(|i| views[i]).collect();
        if chosen.len() < 2 {
            return None;
        }
        let Some(refined) = refine_point(&chosen, &x, Loss::Squared) else { break };
        if cost(&refined) > cost(&x) {
            break;
        }
        x = refined;
    }
    let inliers: Vec<bool> = views.iter().map(|v| tangent_error(v, &x) <= max_error).collect();
    let seen: Vec<_> = (0..n).filter(|&i| inliers[i]).map(|i| centres[i]).collect();
    (seen.len() >= 2 && max_triangulation_angle(&seen, &x) >= min_angle).then_some((x, inliers))
}

/// Minimises the reprojection error of one point from a start; `None` where the result is behind a camera.
pub fn refine_point(views: &[View], start: &Vector3<f64>, loss: Loss) -> Option<Vector3<f64>> {
    let rotations: Vec<Matrix3<f64>> = views.iter().map(|v| v.0.matrix()).collect();
    let linearise = |x: &Vector3<f64>| {
        let mut normal = Normal::<3>::default();
        for ((pose, ray), r) in views.iter().zip(&rotations) {
            let p = r * x + pose.translation;
            if p.z <= 1e-12 {
                normal.cost = f64::INFINITY;
                return normal;
            }
            let iz = 1.0 / p.z;
            let (u, v) = (p.x * iz, p.y * iz);
            let (ex, ey) = (u - ray.x, v - ray.y);
            let (cost, weight) = loss.evaluate(ex * ex + ey * ey);
            normal.cost += cost;
            let third = r.row(2).transpose();
            normal.add(ex, weight, &((r.row(0).transpose() - third * u) * iz));
            normal.add(ey, weight, &((r.row(1).transpose() - third * v) * iz));
        }
        normal
    };
    let (x, cost) = minimise(start, 10, linearise, |x, d| x + d);
    cost.is_finite().then_some(x)
}

/// The point with the least squared angles (nearly) to all rays.
fn linear_start(views: &[View]) -> Option<Vector3<f64>> {
    if views.len() < 2 {
        return None;
    }
    let lines: Vec<(Vector3<f64>, Vector3<f64>)> =
        views.iter().map(|(pose, ray)| (pose.centre(), pose.rotation.inverse() * ray.normalize())).collect();
    // Relative to the first centre, so that large world coordinates cost no digits.
    let origin = lines[0].0;
    let mut weights = vec![1.0; lines.len()];
    let mut x = Vector3::zeros();
    for _ in 0..2 {
        let (mut a, mut b) = (Matrix3::zeros(), Vector3::zeros());
        for ((centre, d), w) in lines.iter().zip(&weights) {
            let across = (Matrix3::identity() - d * d.transpose()) * *w;
            a += across;
            b += across * (centre - origin);
        }
        x = solve_cholesky(&a, &b)?;
        for ((centre, _), w) in lines.iter().zip(&mut weights) {
            let distance = (x + origin - centre).norm();
            if distance < 1e-12 {
                return None;
            }
            *w = 1.0 / (distance * distance);
        }
        // The same scale in both rounds keeps the pivot test of the solver meaningful.
        let largest = weights.iter().fold(0.0f64, |m, w| m.max(*w));
        weights.iter_mut().for_each(|w| *w /= largest);
    }
    let x = x + origin;
    views.iter().all(|(pose, _)| pose.apply(&x).z > 1e-12).then_some(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::UnitQuaternion;

    fn cameras(n: usize, rng: &mut Rng) -> Vec<Rigid3> {
        (0..n)
            .map(|i| {
                let centre = Vector3::new(20.0 * i as f64 + 5000.0, 10.0 * rng.normal() - 8000.0, 100.0 + rng.normal());
                let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
                let tilt = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| 0.1 * rng.normal()));
                Rigid3::from_rotation_and_centre(tilt * down, centre)
            })
            .collect()
    }

    fn view(pose: &Rigid3, x: &Vector3<f64>) -> View {
        let p = pose.apply(x);
        (*pose, p / p.z)
    }

    #[test]
    fn exact_rays_give_the_exact_point() {
        let mut rng = Rng::new(1, 0);
        for n in [2, 3, 6] {
            let x = Vector3::new(5010.0 + rng.normal(), -8000.0, 3.0);
            let views: Vec<View> = cameras(n, &mut rng).iter().map(|c| view(c, &x)).collect();
            let found = triangulate(&views).expect("well conditioned");
            assert!((found - x).norm() < 1e-7, "{found}");
        }
    }

    #[test]
    fn noise_gives_errors_of_the_predicted_size() {
        let mut rng = Rng::new(2, 0);
        let sigma = 1.0 / 3000.0;
        let mut squares = Vec::new();
        for _ in 0..200 {
            let x = Vector3::new(5040.0 + 10.0 * rng.normal(), -8000.0, 0.0);
            let views: Vec<View> = cameras(5, &mut rng)
                .iter()
                .map(|c| view(c, &x))
                .map(|(c, r)| (c, r + Vector3::new(sigma * rng.normal(), sigma * rng.normal(), 0.0)))
                .collect();
            squares.push((triangulate(&views).expect("point") - x).z);
        }
        // Five cameras 20 m apart at 100 m: sigma_z = h^2 sigma / (spread of centres) = 100^2 / 3000 / 63 = 5.3 cm.
        let rms = crate::base::stats::rms(&squares).expect("some");
        assert!(rms > 0.03 && rms < 0.08, "{rms}");
    }

    #[test]
    fn robust_finds_the_wrong_view() {
        let mut rng = Rng::new(3, 0);
        for n in [3usize, 4, 7, 12] {
            let x = Vector3::new(5010.0, -8000.0, 3.0);
            let mut views: Vec<View> = cameras(n, &mut rng).iter().map(|c| view(c, &x)).collect();
            let wrong = rng.below(n);
            views[wrong].1.y += 0.2;
            views[wrong].1.x += 0.1;
            let (found, inliers) = triangulate_robust(&views, 4.0 / 3000.0, 0.02, &mut rng).expect("track");
            if n > 3 {
                assert!((found - x).norm() < 1e-6, "{n} {found}");
            }
            assert!(!inliers[wrong] || n == 3, "{n} {inliers:?}");
            assert!(inliers.iter().filter(|i| **i).count() >= 2);
        }
    }

    #[test]
    fn degenerate_tracks_are_refused() {
        let mut rng = Rng::new(4, 0);
        let c = cameras(2, &mut rng);
        let x = Vector3::new(5010.0, -8000.0, 3.0);
        assert!(triangulate(&[view(&c[0], &x)]).is_none());
        // The same camera twice has no angle.
        let twice = [view(&c[0], &x), view(&c[0], &x)];
        assert!(triangulate_robust(&twice, 1e-3, 1e-3, &mut rng).is_none());
        // Diverging rays meet behind the cameras.
        let back =
            [view(&c[0], &(x - Vector3::new(300.0, 0.0, 0.0))), view(&c[1], &(x + Vector3::new(300.0, 0.0, 0.0)))];
        assert!(triangulate(&back).is_none());
        // A point at a great distance is below the wanted angle.
        let far = Vector3::new(5010.0, -8000.0, -1e6);
        assert!(triangulate_robust(&[view(&c[0], &far), view(&c[1], &far)], 1e-3, 0.02, &mut rng).is_none());
    }
}
