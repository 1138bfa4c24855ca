//! Pose of a calibrated camera from three points.
//!
//! In: three rays (any length, z > 0 not required) and three points. Out: up to four poses `cam_from_world`.
//! Source: the degenerate-conic formulation of M. Persson, K. Nordberg, "Lambda Twist: An Accurate Fast Robust
//! Perspective Three Point (P3P) Solver", ECCV 2018, eq. 1-14; the conic is split into two lines by the adjugate
//! (J. Richter-Gebert, "Perspectives on Projective Geometry", 2011, section 11.1), as Y. Ding et al., "Revisiting the P3P
//! Problem", CVPR 2023, propose. Depths are polished by Newton's method on the three distance equations.
//! Cost: about 2 us. Collinear points or rays give no solution.

use super::super::Rigid3;
use nalgebra::{Matrix3, Vector3};

/// Poses that take the three `points` onto the three `rays` with positive depths.
pub fn p3p(rays: &[Vector3<f64>; 3], points: &[Vector3<f64>; 3], out: &mut Vec<Rigid3>) {
    let y = [rays[0].normalize(), rays[1].normalize(), rays[2].normalize()];
    let (e12, e13, e23) = (points[0] - points[1], points[0] - points[2], points[1] - points[2]);
    let scale = e12.norm_squared().max(e13.norm_squared()).max(e23.norm_squared());
    let normal = e12.cross(&e13);
    if scale <= 0.0 || normal.norm_squared() < 1e-14 * scale * scale {
        return;
    }
    // Lengths in units of the longest side keep the equations near one.
    let a = Vector3::new(e12.norm_squared(), e13.norm_squared(), e23.norm_squared()) / scale;
    let b = Vector3::new(y[0].dot(&y[1]), y[0].dot(&y[2]), y[1].dot(&y[2]));
    let m12 = Matrix3::new(1.0, -b.x, 0.0, -b.x, 1.0, 0.0, 0.0, 0.0, 0.0);
    let m13 = Matrix3::new(1.0, 0.0, -b.y, 0.0, 0.0, 0.0, -b.y, 0.0, 1.0);
    let m23 = Matrix3::new(0.0, 0.0, 0.0, 0.0, 1.0, -b.z, 0.0, -b.z, 1.0);
    let d1 = m12 * a.z - m23 * a.x;
    let d2 = m13 * a.z - m23 * a.y;
    let Some(conic) = degenerate_conic(&d1, &d2) else { return };
    let Some(lines) = split_conic(&conic) else { return };
    for line in lines {
        for depths in line_meets_conic(&line, &d1) {
            let size = depths.dot(&(m23 * depths));
            if size <= 1e-12 {
                continue;
            }
            let mut depths = depths * (a.z / size).sqrt();
            if depths.sum() < 0.0 {
                depths = -depths;
            }
            if depths.min() <= 0.0 {
                continue;
            }
            let depths = polish(depths, &a, &b);
            if depths.min() <= 0.0 || !depths.sum().is_finite() {
                continue;
            }
            if let Some(pose) = pose_of(&(depths * scale.sqrt()), &y, points, &e12, &e13, &normal) {
                out.push(pose);
            }
        }
    }
}

/// The member `d1 + g d2` of the pencil with determinant 0 that splits best.
fn degenerate_conic(d1: &Matrix3<f64>, d2: &Matrix3<f64>) -> Option<Matrix3<f64>> {
    // det(d1 + g d2) = c3 g^3 + c2 g^2 + c1 g + c0 by mixing columns.
    let det = |p: &Matrix3<f64>, q: &Matrix3<f64>, r: &Matrix3<f64>| p.column(0).dot(&q.column(1).cross(&r.column(2)));
    let c0 = det(d1, d1, d1);
    let c1 = det(d2, d1, d1) + det(d1, d2, d1) + det(d1, d1, d2);
    let c2 = det(d2, d2, d1) + det(d2, d1, d2) + det(d1, d2, d2);
    let c3 = det(d2, d2, d2);
    let mut best: Option<(f64, Matrix3<f64>)> = None;
    for g in real_roots_of_cubic(c3, c2, c1, c0).into_iter().flatten() {
        let conic = d1 + d2 * g;
        let conic = conic / conic.norm();
        let quality = -adjugate_of_symmetric(&conic).diagonal().min();
        if best.as_ref().is_none_or(|(q, _)| quality > *q) {
            best = Some((quality, conic));
        }
    }
    best.filter(|(quality, _)| quality.is_finite()).map(|(_, conic)| conic)
}

/// Real roots of `a x^3 + b x^2 + c x + d`, polished by Newton's method.
fn real_roots_of_cubic(a: f64, b: f64, c: f64, d: f64) -> [Option<f64>; 3] {
    if a.abs() < 1e-14 * (b.abs() + c.abs() + d.abs()) {
        let [p, q] = real_roots_of_quadratic(b, c, d);
        return [p, q, None];
    }
    let (b, c, d) = (b / a, c / a, d / a);
    let shift = b / 3.0;
    let p = c - b * shift;
    let q = 2.0 * shift * shift * shift - shift * c + d;
    let discriminant = q * q / 4.0 + p * p * p / 27.0;
    let polish = |mut x: f64| {
        for _ in 0..3 {
            let f = ((x + b) * x + c) * x + d;
            let slope = (3.0 * x + 2.0 * b) * x + c;
            if slope.abs() < 1e-300 {
                break;
            }
            x -= f / slope;
        }
        Some(x)
    };
    if discriminant > 0.0 {
        let root = discriminant.sqrt();
        let u = if q > 0.0 { (-q / 2.0 - root).cbrt() } else { (-q / 2.0 + root).cbrt() };
        let v = if u == 0.0 { 0.0 } else { -p / (3.0 * u) };
        [polish(u + v - shift), None, None]
    } else {
        let r = (-p / 3.0).max(0.0).sqrt();
        let angle = if r == 0.0 { 0.0 } else { (-q / (2.0 * r * r * r)).clamp(-1.0, 1.0).acos() / 3.0 };
        let third = 2.0 * std::f64::consts::PI / 3.0;
        [0.0, 1.0, 2.0].map(|k| polish(2.0 * r * (angle - k * third).cos() - shift))
    }
}

/// Real roots of `a x^2 + b x + c`.
fn real_roots_of_quadratic(a: f64, b: f64, c: f64) -> [Option<f64>; 2] {
    if a == 0.0 {
        return [(b != 0.0).then(|| -c / b), None];
    }
    let discriminant = b * b - 4.0 * a * c;
    if discriminant < 0.0 {
        return [None, None];
    }
    let q = -0.5 * (b + b.signum() * discriminant.sqrt());
    [Some(q / a), (q != 0.0).then(|| c / q)]
}

fn adjugate_of_symmetric(m: &Matrix3<f64>) -> Matrix3<f64> {
    let (a, b, c) = (m.column(0).into_owned(), m.column(1).into_owned(), m.column(2).into_owned());
    Matrix3::from_columns(&[b.cross(&c), c.cross(&a), a.cross(&b)])
}

/// The two real lines of a degenerate conic; `None` where they are complex.
fn split_conic(conic: &Matrix3<f64>) -> Option<[Vector3<f64>; 2]> {
    let adjugate = -adjugate_of_symmetric(conic);
    let i = adjugate.diagonal().imax();
    let square = adjugate[(i, i)];
    let rank_one = if square > 1e-18 {
        let p = adjugate.column(i) / square.sqrt();
        conic + p.cross_matrix()
    } else if square > -1e-9 {
        // A double line.
        *conic
    } else {
        return None;
    };
    let at = rank_one.iamax_full();
    Some([rank_one.row(at.0).transpose(), rank_one.column(at.1).into_owned()])
}

/// Points of the line on the conic, up to scale.
fn line_meets_conic(line: &Vector3<f64>, conic: &Matrix3<f64>) -> impl Iterator<Item = Vector3<f64>> {
    let line = line.normalize();
    let axis = line.iamin();
    let u = line.cross(&Vector3::ith(axis, 1.0)).normalize();
    let v = line.cross(&u);
    let (uu, uv, vv) = (u.dot(&(conic * u)), u.dot(&(conic * v)), v.dot(&(conic * v)));
    // uu s^2 + 2 uv s t + vv t^2 = 0 along s u + t v; divide by the larger end.
    let roots = if uu.abs() > vv.abs() {
        real_roots_of_quadratic(uu, 2.0 * uv, vv).map(|s| s.map(|s| u * s + v))
    } else {
        real_roots_of_quadratic(vv, 2.0 * uv, uu).map(|t| t.map(|t| u + v * t))
    };
    roots.into_iter().flatten()
}

/// Newton's method on `li^2 + lj^2 - 2 bij li lj = aij`.
fn polish(mut l: Vector3<f64>, a: &Vector3<f64>, b: &Vector3<f64>) -> Vector3<f64> {
    for _ in 0..4 {
        let f = Vector3::new(
            l.x * l.x + l.y * l.y - 2.0 * b.x * l.x * l.y - a.x,
            l.x * l.x + l.z * l.z - 2.0 * b.y * l.x * l.z - a.y,
            l.y * l.y + l.z * l.z - 2.0 * b.z * l.y * l.z - a.z,
        );
        if f.amax() < 1e-15 {
            break;
        }
        let j = 2.0
            * Matrix3::new(
                l.x - b.x * l.y,
                l.y - b.x * l.x,
                0.0,
                l.x - b.y * l.z,
                0.0,
                l.z - b.y * l.x,
                0.0,
                l.y - b.z * l.z,
                l.z - b.z * l.y,
            );
        let Some(inverse) = j.try_inverse() else { break };
        let next = l - inverse * f;
        if next.min() <= 0.0 {
            break;
        }
        l = next;
    }
    l
}

/// The rigid transform that takes the triangle of points to the triangle at the given depths.
fn pose_of(
    depths: &Vector3<f64>,
    y: &[Vector3<f64>; 3],
    points: &[Vector3<f64>; 3],
    e12: &Vector3<f64>,
    e13: &Vector3<f64>,
    normal: &Vector3<f64>,
) -> Option<Rigid3> {
    let (c1, c2, c3) = (y[0] * depths.x, y[1] * depths.y, y[2] * depths.z);
    let (f12, f13) = (c1 - c2, c1 - c3);
    let from = Matrix3::from_columns(&[*e12, *e13, *normal]).try_inverse()?;
    let rotation = Matrix3::from_columns(&[f12, f13, f12.cross(&f13)]) * from;
    let off = (rotation * rotation.transpose() - Matrix3::identity()).norm();
    if !off.is_finite() || off > 1e-3 {
        return None;
    }
    let q = nalgebra::UnitQuaternion::from_rotation_matrix(&nalgebra::Rotation3::from_matrix_unchecked(rotation));
    let q = nalgebra::UnitQuaternion::new_normalize(q.into_inner());
    Some(Rigid3::new(q, c1 - q * points[0]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use nalgebra::UnitQuaternion;

    #[test]
    fn the_true_pose_is_among_the_solutions() {
        let mut rng = Rng::new(1, 0);
        let mut found = 0;
        let trials = 2000;
        let mut worst_consistent = 0.0f64;
        for _ in 0..trials {
            let rotation = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| 2.0 * rng.normal()));
            let truth = Rigid3::new(rotation, Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 50.0);
            let rays: [Vector3<f64>; 3] =
                std::array::from_fn(|_| Vector3::new(rng.uniform(-0.7, 0.7), rng.uniform(-0.5, 0.5), 1.0));
            let points = rays.map(|r| truth.inverse().apply(&(r * rng.uniform(50.0, 150.0))));
            let mut poses = Vec::new();
            p3p(&rays, &points, &mut poses);
            assert!(poses.len() <= 4);
            for pose in &poses {
                for (r, x) in rays.iter().zip(&points) {
                    let p = pose.apply(x);
                    worst_consistent = worst_consistent.max((p / p.z - r).norm());
                }
            }
            found +=
                usize::from(poses.iter().any(|p| {
                    p.rotation.angle_to(&truth.rotation) < 1e-6 && (p.centre() - truth.centre()).norm() < 1e-3
                }));
        }
        assert!(found >= trials - 4, "{found} of {trials}");
        assert!(worst_consistent < 1e-4, "{worst_consistent}");
    }

    #[test]
    fn collinear_points_give_nothing() {
        let mut poses = Vec::new();
        let rays = [Vector3::new(0.1, 0.0, 1.0), Vector3::new(0.0, 0.2, 1.0), Vector3::new(-0.3, 0.0, 1.0)];
        let points = [Vector3::new(0.0, 0.0, 0.0), Vector3::new(1.0, 2.0, 3.0), Vector3::new(2.0, 4.0, 6.0)];
        p3p(&rays, &points, &mut poses);
        assert!(poses.is_empty());
    }
}
