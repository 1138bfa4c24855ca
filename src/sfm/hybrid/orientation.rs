//! The turn of a block of known rotations into the world, from the directions of its baselines.
//!
//! In: for pairs of photos the direction between their centres in the model, the position priors, and, where the
//! attitudes gave one, a world with a tilt that is good to a few degrees. Out: the rotation `world_from_model`. Method:
//! Wahba's problem (G. Wahba, SIAM Review 7(3), 1965, solved by the singular vectors of the weighted outer products)
//! on the directions against the differences of the positions, from the best of random samples of two, with truncated
//! weights; no position needs to be solved for. Cost: milliseconds. Failure modes: photos on one line fix no rotation
//! about it, so without a tilt the answer is `None`.

use crate::base::Rng;
use crate::geometry::Rigid3;
use crate::scene::PositionPrior;
use nalgebra::{Matrix3, UnitQuaternion, Vector3};

/// Standard deviation of a direction from two photos, radians.
const DIRECTION: f64 = 0.05;
/// Baselines shorter than this many standard deviations say nothing.
const LONG: f64 = 2.0;
/// Standard deviation of the tilt of the attitudes, radians.
const TILT: f64 = 0.02;
/// Second eigenvalue of the directions' scatter from which on they fix a rotation.
const AREA: f64 = 0.02;
/// Samples of two directions, and of one for the heading alone.
const SAMPLES: usize = 300;
/// Squared standard deviations at which an outlier's cost ends.
const TRUNCATED: f64 = 9.0;

/// The direction of one baseline.
#[derive(Clone, Copy)]
pub(super) struct Direction {
    pub a: usize,
    pub b: usize,
    /// Unit vector from `b`'s centre to `a`'s.
    pub towards_a: Vector3<f64>,
    /// Standard deviation of its angle, radians.
    pub sigma: f64,
}

/// A direction in the model and in the world.
struct Both {
    model: Vector3<f64>,
    world: Vector3<f64>,
    sigma: f64,
}

/// `world_from_model`. `level`: the model's up is the world's already, as far as attitudes tell.
pub(super) fn world_from_model(
    directions: &[Direction],
    positions: &[Option<PositionPrior>],
    level: bool,
    seed: u64,
) -> Option<UnitQuaternion<f64>> {
    let both: Vec<Both> = directions
        .iter()
        .filter_map(|d| {
            let (a, b) = (positions[d.a].as_ref()?, positions[d.b].as_ref()?);
            let baseline = a.centre - b.centre;
            let error = a.sigma.norm().hypot(b.sigma.norm()) / 3f64.sqrt();
            let length = baseline.norm();
            let sigma = (error / length).hypot(DIRECTION).hypot(d.sigma);
            (length > LONG * error).then(|| Both { model: d.towards_a, world: baseline / length, sigma })
        })
        .collect();
    if both.len() < 3 {
        return None;
    }
    let scatter = both.iter().fold(Matrix3::zeros(), |s, b| s + b.world * b.world.transpose()) / both.len() as f64;
    let mut spread = scatter.symmetric_eigenvalues().as_slice().to_vec();
    spread.sort_by(f64::total_cmp);
    let area = spread[1] > AREA;
    if !area && !level {
        return None;
    }
    let cost = |r: &UnitQuaternion<f64>| -> f64 {
        let tilt = if level { (r * Vector3::z()).angle(&Vector3::z()) / (2.0 * TILT) } else { 0.0 };
        let one = |b: &Both| ((r * b.model).angle(&b.world) / b.sigma).powi(2).min(TRUNCATED);
        both.iter().map(one).sum::<f64>() + tilt.powi(2)
    };
    let mut rng = Rng::new(seed ^ 0x7761_6862, both.len() as u64);
    let mut best = (cost(&UnitQuaternion::identity()), UnitQuaternion::identity());
    for _ in 0..SAMPLES {
        let [i, j] = rng.sample(both.len());
        let heading = heading_between(&both[i].model, &both[i].world);
        for candidate in [level.then_some(heading), if area { from_two(&both[i], &both[j]) } else { None }] {
            let Some(r) = candidate else { continue };
            let c = cost(&r);
            if c < best.0 {
                best = (c, r);
            }
        }
    }
    let mut rotation = best.1;
    for _ in 0..20 {
        let mut sum = Matrix3::zeros();
        for b in &both {
            let r2 = ((rotation * b.model).angle(&b.world) / b.sigma).powi(2);
            let weight = (1.0 / (1.0 + r2 / TRUNCATED)).powi(2) / (b.sigma * b.sigma);
            sum += weight * b.world * b.model.transpose();
        }
        if level {
            sum += Vector3::z() * Vector3::z().transpose() / (TILT * TILT);
        }
        rotation = wahba(&sum)?;
    }
    Some(rotation)
}

/// The rotation that maximises the trace of its transpose times the matrix.
fn wahba(sum: &Matrix3<f64>) -> Option<UnitQuaternion<f64>> {
    let svd = sum.svd(true, true);
    let (u, v) = (svd.u?, svd.v_t?);
    let sign = (u * v).determinant().signum();
    let r = u * Matrix3::from_diagonal(&Vector3::new(1.0, 1.0, sign)) * v;
    Some(Rigid3::from_matrix(&r, Vector3::zeros()).rotation)
}

/// Turn about the vertical between two directions.
fn heading_between(model: &Vector3<f64>, world: &Vector3<f64>) -> UnitQuaternion<f64> {
    let angle = (model.x * world.y - model.y * world.x).atan2(model.xy().dot(&world.xy()));
    UnitQuaternion::from_axis_angle(&Vector3::z_axis(), angle)
}

/// The rotation of two directions.
fn from_two(a: &Both, b: &Both) -> Option<UnitQuaternion<f64>> {
    if a.model.cross(&b.model).norm() < 0.1 || a.world.cross(&b.world).norm() < 0.1 {
        return None;
    }
    let normal = |x: &Vector3<f64>, y: &Vector3<f64>| x.cross(y).normalize();
    let sum = a.world * a.model.transpose()
        + b.world * b.model.transpose()
        + normal(&a.world, &b.world) * normal(&a.model, &b.model).transpose();
    wahba(&sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(strip: bool, wrong: f64) -> (Vec<Direction>, Vec<Option<PositionPrior>>, UnitQuaternion<f64>) {
        let turn = UnitQuaternion::from_euler_angles(0.9, -0.4, 2.0);
        let mut rng = Rng::new(9, 9);
        let centres: Vec<Vector3<f64>> = (0..30)
            .map(|i| {
                let at = if strip { (i as f64 * 15.0, 0.0) } else { ((i % 6) as f64 * 15.0, (i / 6) as f64 * 20.0) };
                Vector3::new(at.0, at.1, 80.0)
            })
            .collect();
        let mut directions = Vec::new();
        for a in 0..30 {
            for b in [a + 1, a + 2, a + 6, a + 7].into_iter().filter(|&b| b < 30) {
                let mut noise = |s: f64| Vector3::new(rng.normal(), rng.normal(), rng.normal()) * s;
                let (near, far) = (noise(0.02), noise(5.0));
                let off = if rng.next_f64() < wrong { far } else { near };
                let towards_a = turn.inverse() * ((centres[a] - centres[b]).normalize() + off).normalize();
                directions.push(Direction { a, b, towards_a, sigma: 0.02 });
            }
        }
        let prior = |c: &Vector3<f64>| {
            let noise = Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 2.0;
            Some(PositionPrior { centre: c + noise, sigma: Vector3::repeat(2.0) })
        };
        let positions = centres.iter().map(prior).collect();
        (directions, positions, turn)
    }

    #[test]
    fn directions_turn_a_block_into_the_world() {
        let (directions, positions, turn) = case(false, 0.3);
        let found = world_from_model(&directions, &positions, false, 1).expect("rotation");
        assert!(found.angle_to(&turn).to_degrees() < 2.5, "{}", found.angle_to(&turn).to_degrees());
    }

    #[test]
    fn a_strip_needs_a_level() {
        let (mut directions, positions, turn) = case(true, 0.2);
        assert_eq!(world_from_model(&directions, &positions, false, 1), None);
        // Level but of unknown heading.
        let heading = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 2.5);
        directions.iter_mut().for_each(|d| d.towards_a = heading.inverse() * (turn * d.towards_a));
        let found = world_from_model(&directions, &positions, true, 1).expect("rotation");
        assert!(found.angle_to(&heading).to_degrees() < 2.5, "{}", found.angle_to(&heading).to_degrees());
    }
}
