//! Rotations of all photos at once from the relative rotations of pairs.
//!
//! In: relative rotations `b_from_a` with weights and, for flat scenes, a second solution; rotation priors. Out:
//! rotations `cam_from_world`, and which pairs agree with them. The world is that of the priors where most of them agree
//! ([`crate::georef::consensus`]; then each that agrees also pulls on its photo), otherwise any.
//!
//! Method: a maximum spanning tree, then reweighted least squares in the tangent spaces: five steps with L1 weights,
//! then Geman-McClure's with 5 degrees; pairs more than 10 degrees off are dropped and all is done once more.
//! Source: A. Chatterjee, V. Govindu, "Robust Relative Rotation Averaging", PAMI 40(4), 2018; the schedule is that of
//! GLOMAP. Cost: milliseconds for hundreds of photos. Failure modes: a group of photos that hangs on one wrong pair is
//! turned as a whole, unless priors hold it; photos without a pair that agrees have no rotation.

use super::laplacian::{Difference, Value, solve};
use crate::georef::consensus;
use crate::scene::RotationPrior;
use nalgebra::{Matrix3, UnitQuaternion, Vector3};

/// Steps with L1 weights, and with Geman-McClure's at most.
const STEPS: (usize, usize) = (5, 50);
/// Scale of Geman-McClure's weights, radians.
const SCALE: f64 = 5.0 * std::f64::consts::PI / 180.0;
/// Pairs farther off than this are wrong, radians.
const WRONG: f64 = 10.0 * std::f64::consts::PI / 180.0;
/// Standard deviation of a relative rotation of weight 1, against which priors are weighed, radians.
const PAIR_SIGMA: f64 = 0.006;
/// Heading that differs by more from the prior's is not that photo's, radians.
const HEADING_GATE: f64 = 0.35;

/// A relative rotation.
pub(super) struct Relative {
    pub a: usize,
    pub b: usize,
    /// `b_from_a`, and another one that may be true instead.
    pub solutions: [Option<UnitQuaternion<f64>>; 2],
    pub weight: f64,
}

/// The result.
pub(super) struct Averaged {
    /// `cam_from_world`.
    pub rotations: Vec<Option<UnitQuaternion<f64>>>,
    /// Whether each pair agrees within 10 degrees.
    pub agrees: Vec<bool>,
    /// Whether the world is that of the priors: its tilt, its heading.
    pub anchored: (bool, bool),
}

impl Relative {
    /// Turn in the world by which `b` is off, by the solution that fits better.
    fn residual(&self, rotations: &[Option<UnitQuaternion<f64>>]) -> Option<Vector3<f64>> {
        let (a, b) = (rotations[self.a]?, rotations[self.b]?);
        let off = |r: &UnitQuaternion<f64>| (b.inverse() * r * a).scaled_axis();
        self.solutions.iter().flatten().map(off).min_by(|x, y| x.norm().total_cmp(&y.norm()))
    }
}

/// Averages the rotations of `n` photos.
pub(super) fn average(n: usize, pairs: &[Relative], priors: &[Option<RotationPrior>]) -> Averaged {
    let mut agrees = vec![true; pairs.len()];
    let mut rotations = Vec::new();
    let mut anchored = (false, false);
    for _ in 0..2 {
        rotations = spanning_tree(n, pairs, &agrees);
        let common = consensus(&rotations, priors);
        anchored = common.as_ref().map_or((false, false), |c| (true, c.sigma.z.is_finite()));
        if let Some(c) = &common {
            let back = c.rotation.inverse();
            rotations.iter_mut().flatten().for_each(|r| *r *= back);
        }
        let used: Vec<&Relative> = pairs.iter().zip(&agrees).filter(|(_, a)| **a).map(|(p, _)| p).collect();
        for step in 0..STEPS.0 + STEPS.1 {
            let robust = |r: f64| if step < STEPS.0 { SCALE / r.max(1e-3) } else { geman_mcclure(r) };
            if improve(&used, priors, anchored, &robust, &mut rotations) < 1e-7 && step >= STEPS.0 {
                break;
            }
        }
        for (agrees, pair) in agrees.iter_mut().zip(pairs) {
            *agrees = pair.residual(&rotations).is_some_and(|r| r.norm() < WRONG);
        }
    }
    keep_largest(n, pairs, &agrees, &mut rotations);
    for (agrees, pair) in agrees.iter_mut().zip(pairs) {
        *agrees &= rotations[pair.a].is_some();
    }
    Averaged { rotations, agrees, anchored }
}

fn geman_mcclure(r: f64) -> f64 {
    (1.0 / (1.0 + (r / SCALE).powi(2))).powi(2)
}

/// One step; returns the largest change in radians.
fn improve(
    pairs: &[&Relative],
    priors: &[Option<RotationPrior>],
    anchored: (bool, bool),
    robust: &dyn Fn(f64) -> f64,
    rotations: &mut [Option<UnitQuaternion<f64>>],
) -> f64 {
    let edges: Vec<Difference> = pairs
        .iter()
        .filter_map(|p| {
            let r = p.residual(rotations)?;
            let weight = Matrix3::identity() * (p.weight * robust(r.norm()));
            Some(Difference { a: p.a, b: p.b, weight, difference: r })
        })
        .collect();
    let value = |i: usize| {
        let (r, prior) = (rotations[i]?, priors.get(i)?.as_ref().filter(|_| anchored.0)?);
        let off = (r.inverse() * prior.cam_from_local).scaled_axis();
        if off.z.abs() > HEADING_GATE {
            return None;
        }
        let weight = |sigma: f64| (PAIR_SIGMA / sigma).powi(2) * geman_mcclure(off.norm());
        let (tilt, yaw) = (weight(prior.sigma_tilt), if anchored.1 { weight(prior.sigma_yaw) } else { 0.0 });
        Some(Value { weight: Matrix3::from_diagonal(&Vector3::new(tilt, tilt, yaw)), value: off })
    };
    let values: Vec<Option<Value>> = (0..rotations.len()).map(value).collect();
    let steps = solve(&edges, &values);
    let mut largest = 0.0f64;
    for (rotation, step) in rotations.iter_mut().zip(steps) {
        if let Some(r) = rotation {
            largest = largest.max(step.norm());
            *r = UnitQuaternion::new_normalize((*r * UnitQuaternion::from_scaled_axis(step)).into_inner());
        }
    }
    largest
}

/// Rotations along the tree of the heaviest pairs (J. Kruskal, 1956); each part of the graph has a root of its own.
fn spanning_tree(n: usize, pairs: &[Relative], used: &[bool]) -> Vec<Option<UnitQuaternion<f64>>> {
    let mut order: Vec<usize> = (0..pairs.len()).filter(|&i| used[i]).collect();
    // A pair with two solutions carries the tree only where nothing else does.
    order.sort_by(|&x, &y| {
        let key = |i: usize| (pairs[i].solutions[1].is_some(), -pairs[i].weight);
        let (a, b) = (key(x), key(y));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(x.cmp(&y))
    });
    let mut group: Vec<usize> = (0..n).collect();
    let mut links: Vec<Vec<usize>> = vec![Vec::new(); n];
    let root = |group: &mut Vec<usize>, mut i: usize| {
        while group[i] != i {
            group[i] = group[group[i]];
            i = group[i];
        }
        i
    };
    for i in order {
        let (a, b) = (root(&mut group, pairs[i].a), root(&mut group, pairs[i].b));
        if a != b {
            group[a.max(b)] = a.min(b);
            links[pairs[i].a].push(i);
            links[pairs[i].b].push(i);
        }
    }
    let mut rotations = vec![None; n];
    for start in (0..n).filter(|&i| !links[i].is_empty()).collect::<Vec<_>>() {
        if rotations[start].is_some() {
            continue;
        }
        rotations[start] = Some(UnitQuaternion::identity());
        let mut stack = vec![start];
        while let Some(p) = stack.pop() {
            for &i in &links[p] {
                let pair = &pairs[i];
                let (Some(relative), Some(here)) = (pair.solutions[0], rotations[p]) else { continue };
                let (q, there) =
                    if pair.a == p { (pair.b, relative * here) } else { (pair.a, relative.inverse() * here) };
                if rotations[q].is_none() {
                    rotations[q] = Some(there);
                    stack.push(q);
                }
            }
        }
    }
    rotations
}

/// Forgets the rotations outside the largest part that agreeing pairs connect.
fn keep_largest(n: usize, pairs: &[Relative], agrees: &[bool], rotations: &mut [Option<UnitQuaternion<f64>>]) {
    let mut links = vec![Vec::new(); n];
    for (pair, _) in pairs.iter().zip(agrees).filter(|(_, a)| **a) {
        links[pair.a].push(pair.b);
        links[pair.b].push(pair.a);
    }
    let component = crate::sfm::graph::components(n, |p| links[p].clone());
    for (rotation, &c) in rotations.iter_mut().zip(&component) {
        if c != 0 {
            *rotation = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::georef::rotation_from_attitude;
    use crate::scene::Attitude;

    fn truth(n: usize, rng: &mut Rng) -> Vec<UnitQuaternion<f64>> {
        (0..n)
            .map(|i| {
                let mut near = |v: f64| v + 4.0 * rng.normal();
                let yaw_deg = near(if (i / 8) % 2 == 0 { 0.0 } else { 180.0 });
                rotation_from_attitude(&Attitude { yaw_deg, pitch_deg: near(-85.0), roll_deg: near(0.0) })
            })
            .collect()
    }

    /// Photos in rows of eight, pairs to the next ones and the next row, a share of them wrong.
    fn pairs(truth: &[UnitQuaternion<f64>], wrong: f64, rng: &mut Rng) -> Vec<Relative> {
        let mut out = Vec::new();
        for a in 0..truth.len() {
            for b in [a + 1, a + 2, a + 7, a + 8, a + 9].into_iter().filter(|&b| b < truth.len()) {
                let mut turn = |s: f64| Vector3::new(rng.normal(), rng.normal(), rng.normal()) * s;
                let noise = UnitQuaternion::from_scaled_axis(turn(0.004));
                let far = UnitQuaternion::from_scaled_axis(turn(0.8));
                let off = if rng.next_f64() < wrong { far } else { noise };
                let relative = off * truth[b] * truth[a].inverse();
                out.push(Relative { a, b, solutions: [Some(relative), None], weight: 1.0 });
            }
        }
        out
    }

    /// Largest angle in degrees after the best common turn (that of the median photo), or without one.
    fn worst(found: &[Option<UnitQuaternion<f64>>], truth: &[UnitQuaternion<f64>], free: bool) -> f64 {
        let apart = |turn: UnitQuaternion<f64>| {
            let one = |(f, t): (&Option<UnitQuaternion<f64>>, &UnitQuaternion<f64>)| {
                f.map_or(f64::INFINITY, |f| (f * turn).angle_to(t).to_degrees())
            };
            found.iter().zip(truth).map(one).fold(0.0, f64::max)
        };
        if !free {
            return apart(UnitQuaternion::identity());
        }
        let turns = found.iter().zip(truth).filter_map(|(f, t)| Some(f.as_ref()?.inverse() * t));
        turns.map(apart).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn wrong_pairs_do_not_matter() {
        let mut rng = Rng::new(1, 1);
        let truth = truth(48, &mut rng);
        let pairs = pairs(&truth, 0.2, &mut rng);
        let found = average(48, &pairs, &vec![None; 48]);
        assert_eq!(found.anchored, (false, false));
        assert!(worst(&found.rotations, &truth, true) < 0.9, "{}", worst(&found.rotations, &truth, true));
        let dropped = found.agrees.iter().filter(|a| !**a).count() as f64 / pairs.len() as f64;
        assert!((0.1..0.3).contains(&dropped), "{dropped}");
        // The tree alone is turned by every wrong pair in it.
        let tree = spanning_tree(48, &pairs, &vec![true; pairs.len()]);
        assert!(worst(&tree, &truth, true) > 20.0);
    }

    #[test]
    fn the_second_solution_is_taken_where_it_fits() {
        let mut rng = Rng::new(2, 1);
        let truth = truth(32, &mut rng);
        let mut pairs = pairs(&truth, 0.0, &mut rng);
        for (i, p) in pairs.iter_mut().enumerate().filter(|(i, _)| i % 3 == 0) {
            let false_one = p.solutions[0].map(|r| UnitQuaternion::from_scaled_axis(Vector3::x() * 0.4) * r);
            p.solutions = if i % 2 == 0 { [false_one, p.solutions[0]] } else { [p.solutions[0], false_one] };
        }
        let found = average(32, &pairs, &vec![None; 32]);
        assert!(worst(&found.rotations, &truth, true) < 0.8 && found.agrees.iter().all(|a| *a));
    }

    #[test]
    fn attitudes_give_the_world_though_some_are_turned() {
        let mut rng = Rng::new(3, 1);
        let truth = truth(40, &mut rng);
        let pairs = pairs(&truth, 0.1, &mut rng);
        let priors: Vec<Option<RotationPrior>> = truth
            .iter()
            .enumerate()
            .map(|(i, t)| {
                let half = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), std::f64::consts::PI);
                let noise = Vector3::new(rng.normal(), rng.normal(), rng.normal()) * 0.026;
                let cam_from_local = UnitQuaternion::from_scaled_axis(noise)
                    * t
                    * if i % 5 == 0 { half } else { UnitQuaternion::identity() };
                Some(RotationPrior { cam_from_local, sigma_tilt: 0.035, sigma_yaw: 0.175 })
            })
            .collect();
        let found = average(40, &pairs, &priors);
        assert_eq!(found.anchored, (true, true));
        assert!(worst(&found.rotations, &truth, false) < 1.8, "{}", worst(&found.rotations, &truth, false));
    }

    #[test]
    fn parts_without_a_link_are_left_out() {
        let mut rng = Rng::new(4, 1);
        let truth = truth(24, &mut rng);
        let pairs: Vec<Relative> =
            pairs(&truth, 0.0, &mut rng).into_iter().filter(|p| (p.a < 16) == (p.b < 16)).collect();
        let found = average(24, &pairs, &vec![None; 24]);
        assert!((0..24).all(|i| found.rotations[i].is_some() == (i < 16)));
    }
}
