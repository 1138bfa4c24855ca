//! Finds which way is up in a reconstruction from the photos alone.
//!
//! In: rotations `cam_from_model` and centres of the photos. Out: a rotation `level_from_model` that takes the model's
//! up to +z (the heading is arbitrary). The assumptions, by weight: photos are taken level (the image's x axis is
//! horizontal, for nadir as for oblique photos), a flight keeps its height (the centres spread least along the
//! vertical), and on average the photos look down. Up is the direction that minimises the weighted sum of the squares;
//! its sign is against the mean view. Source: the level-horizon assumption of M. Brown, D. Lowe, "Automatic panoramic
//! image stitching using invariant features", IJCV 74(1), 2007, section 5, with the two further terms. Cost: linear.
//! Failure modes: an oblique strip along one line with one heading is levelled only to within the weights.

use nalgebra::{Matrix3, UnitQuaternion, Vector3};

/// Rotation `level_from_model` whose z axis is up; `None` without any rotation.
pub fn level_rotation(
    cam_from_model: &[Option<UnitQuaternion<f64>>],
    centres: &[Option<Vector3<f64>>],
) -> Option<UnitQuaternion<f64>> {
    let rotations: Vec<_> = cam_from_model.iter().flatten().collect();
    if rotations.is_empty() {
        return None;
    }
    let n = rotations.len() as f64;
    let mut cost = Matrix3::zeros();
    let mut view = Vector3::zeros();
    for r in &rotations {
        let x = r.inverse() * Vector3::x();
        cost += x * x.transpose() / n;
        view += r.inverse() * Vector3::z() / n;
    }
    let strength = view.norm();
    let down = view.try_normalize(1e-9).unwrap_or_else(|| rotations[0].inverse() * Vector3::z());
    cost -= down * down.transpose() * (0.1 * strength * strength);
    let at: Vec<_> = centres.iter().flatten().collect();
    if at.len() >= 4 {
        let mean = at.iter().fold(Vector3::zeros(), |s, c| s + *c) / at.len() as f64;
        let spread = at.iter().fold(Matrix3::zeros(), |s, c| s + (*c - mean) * (*c - mean).transpose());
        let trace = spread.trace();
        if trace > 0.0 {
            cost += spread * (0.5 / trace);
        }
    }
    let eigen = cost.symmetric_eigen();
    let mut up: Vector3<f64> = eigen.eigenvectors.column(eigen.eigenvalues.imin()).into_owned();
    if up.dot(&down) > 0.0 {
        up = -up;
    }
    Some(
        UnitQuaternion::rotation_between(&up, &Vector3::z())
            .unwrap_or_else(|| UnitQuaternion::from_axis_angle(&Vector3::x_axis(), std::f64::consts::PI)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::georef::rotation_from_attitude;
    use crate::scene::Attitude;

    fn tilt_error_deg(pitch_deg: &[f64], yaw_step_deg: f64) -> f64 {
        let model_from_local = UnitQuaternion::from_euler_angles(1.0, 2.0, 0.5);
        let mut rng = Rng::new(5, 5);
        let (mut rotations, mut centres) = (Vec::new(), Vec::new());
        for i in 0..40 {
            let attitude = Attitude {
                yaw_deg: yaw_step_deg * f64::from(i) + rng.normal(),
                pitch_deg: pitch_deg[i as usize % pitch_deg.len()] + rng.normal(),
                roll_deg: rng.normal(),
            };
            rotations.push(Some(rotation_from_attitude(&attitude) * model_from_local.inverse()));
            let c = Vector3::new(f64::from(i % 8) * 10.0, f64::from(i / 8) * 12.0, 80.0 + rng.normal());
            centres.push(Some(model_from_local * c));
        }
        let level = level_rotation(&rotations, &centres).expect("rotations");
        (level * (model_from_local * Vector3::z())).angle(&Vector3::z()).to_degrees()
    }

    #[test]
    fn nadir_and_oblique_flights_come_out_level() {
        assert!(tilt_error_deg(&[-90.0], 180.0) < 2.0);
        assert!(tilt_error_deg(&[-45.0], 9.0) < 2.0);
        assert!(tilt_error_deg(&[-90.0, -45.0], 90.0) < 3.0);
        assert!(tilt_error_deg(&[-45.0], 0.0) < 25.0);
        assert_eq!(level_rotation(&[None], &[None]), None);
    }
}
