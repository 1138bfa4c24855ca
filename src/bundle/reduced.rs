//! The reduced camera system: points eliminated, poses first, lenses as a dense border.
//!
//! In: weighted rows of a linearisation, damping. Out: blocks of `S = H_cc - H_cp (H_pp + lambda D)^-1 H_pc` by pose, the
//! border to the lenses, the right side; afterwards the step of the points from that of poses and lenses.
//! Source: D. Brown, "A solution to the general problem of multiple station analytical stereotriangulation", 1958;
//! B. Triggs et al., 2000, section 6. Each pose's row is summed by one thread in a fixed order, so that the result is
//! the same on any number of threads. Cost: about 0.1 microseconds for each pair of observations of a point.

use super::linearise::{ByLens, LensMatrix, LensVector, PriorSystem, Row, Rows};
use super::problem::BundleProblem;
use super::structure::{NONE, Structure};
use crate::camera::PARAMETERS;
use nalgebra::{DMatrix, DVector, Matrix2x3, Matrix3, Matrix6, SMatrix, Vector3, Vector6};
use rayon::prelude::*;

/// Points are summed in chunks of this many.
const CHUNK: usize = 1024;

/// 6x8: pose against lens.
type PoseLens = SMatrix<f64, 6, PARAMETERS>;
/// 8x3: lens against point.
type LensPoint = SMatrix<f64, PARAMETERS, 3>;

/// Normal equations before damping.
pub(super) struct Normal {
    /// Of each point: matrix and gradient.
    points: Vec<(Matrix3<f64>, Vector3<f64>)>,
    /// Of each entry of `Structure::point_lenses`.
    lens_points: Vec<LensPoint>,
    /// Of each slot: its own block and gradient with its priors.
    poses: Vec<(Matrix6<f64>, Vector6<f64>)>,
    /// Of each lens: its own block and gradient with its priors.
    lenses: Vec<(LensMatrix, LensVector)>,
}

/// One pose's part of the reduced system.
pub(super) struct PoseRow {
    /// `S[n, this]` for the slots n of `Structure::neighbours`.
    pub blocks: Vec<Matrix6<f64>>,
    /// `S[this, lens]` for every lens; empty when no lens is free.
    pub border: Vec<PoseLens>,
    /// Right side.
    pub rhs: Vector6<f64>,
}

/// The reduced system at one damping.
pub(super) struct Reduced {
    pub rows: Vec<PoseRow>,
    /// Lenses against lenses.
    pub corner: DMatrix<f64>,
    pub corner_rhs: DVector<f64>,
    inverses: Vec<Matrix3<f64>>,
}

/// A step of all unknowns.
pub(super) struct Step {
    /// By slot.
    pub poses: Vec<Vector6<f64>>,
    pub lenses: Vec<LensVector>,
    pub points: Vec<Vector3<f64>>,
    /// Decrease of the cost that the linear model promises.
    pub predicted: f64,
}

fn damping(diagonal: f64, lambda: f64) -> f64 {
    lambda * diagonal.clamp(1e-6, 1e32)
}

/// `S[other, own] -= J_other^T (J_p,other V^-1 J_p,own^T) J_own` with `b = J_p,own V^-1`: the innermost loop of the
/// assembly, written out on slices so that it becomes vector instructions.
#[inline]
fn subtract_coupling(block: &mut Matrix6<f64>, b: &Matrix2x3<f64>, own: &Row, other: &Row) {
    let (o, own) = (other.by_pose.as_slice(), own.by_pose.as_slice());
    let (u, v) = o.split_at(6);
    let (p, q) = own.split_at(6);
    // The derivative by the point is minus that by the centre.
    let m = |i: usize, c: &[f64]| -(b[(i, 0)] * c[3] + b[(i, 1)] * c[4] + b[(i, 2)] * c[5]);
    let (m00, m10, m01, m11) = (m(0, u), m(1, u), m(0, v), m(1, v));
    for (c, column) in block.as_mut_slice().chunks_exact_mut(6).enumerate() {
        let (x, y) = (m00 * p[c] + m10 * q[c], m01 * p[c] + m11 * q[c]);
        for r in 0..6 {
            column[r] -= u[r] * x + v[r] * y;
        }
    }
}

impl Normal {
    pub fn new(problem: &BundleProblem, structure: &Structure, rows: &Rows, priors: PriorSystem) -> Self {
        let mut points: Vec<(Matrix3<f64>, Vector3<f64>)> = (0..problem.points.len())
            .into_par_iter()
            .with_min_len(CHUNK)
            .map(|p| {
                let mut h = Matrix3::zeros();
                let mut g = Vector3::zeros();
                for row in &rows.rows[structure.of_point(p)] {
                    let j = row.by_point();
                    h += j.transpose() * j;
                    g += j.transpose() * row.residual;
                }
                (h, g)
            })
            .collect();
        for (p, weight, gradient) in &priors.points {
            points[*p].0 += Matrix3::from_diagonal(weight);
            points[*p].1 += gradient;
        }
        let poses = (0..structure.pose_of_slot.len())
            .into_par_iter()
            .map(|s| {
                let (mut h, mut g) = priors.poses[structure.pose_of_slot[s] as usize];
                for &k in structure.of_slot(s) {
                    let row = &rows.rows[k as usize];
                    h += row.by_pose * row.by_pose.transpose();
                    g += row.by_pose * row.residual;
                }
                (h, g)
            })
            .collect();
        let mut normal = Self { points, lens_points: Vec::new(), poses, lenses: priors.lenses };
        if structure.lens_free {
            normal.add_lenses(problem, structure, rows);
        }
        normal
    }

    fn add_lenses(&mut self, problem: &BundleProblem, structure: &Structure, rows: &Rows) {
        let lens_of = |k: usize| problem.poses[problem.observations[k].pose as usize].lens;
        let lens_points: Vec<Vec<LensPoint>> = (0..problem.points.len())
            .into_par_iter()
            .with_min_len(CHUNK)
            .map(|p| {
                structure.point_lenses[structure.lenses_of(p)]
                    .iter()
                    .map(|&lens| {
                        structure
                            .of_point(p)
                            .filter(|&k| lens_of(k) == lens)
                            .fold(LensPoint::zeros(), |s, k| s + rows.by_lens[k].transpose() * rows.rows[k].by_point())
                    })
                    .collect()
            })
            .collect();
        self.lens_points = lens_points.concat();
        let count = problem.observations.len();
        let n = self.lenses.len();
        let partial: Vec<Vec<(LensMatrix, LensVector)>> = (0..count.div_ceil(CHUNK))
            .into_par_iter()
            .map(|c| {
                let mut sums = vec![(LensMatrix::zeros(), LensVector::zeros()); n];
                for k in c * CHUNK..((c + 1) * CHUNK).min(count) {
                    let j: &ByLens = &rows.by_lens[k];
                    let sum = &mut sums[lens_of(k) as usize];
                    sum.0 += j.transpose() * j;
                    sum.1 += j.transpose() * rows.rows[k].residual;
                }
                sums
            })
            .collect();
        for sums in partial {
            for (total, sum) in self.lenses.iter_mut().zip(sums) {
                total.0 += sum.0;
                total.1 += sum.1;
            }
        }
    }

    /// Eliminates the points at a damping.
    pub fn reduce(&self, problem: &BundleProblem, structure: &Structure, rows: &Rows, lambda: f64) -> Reduced {
        let inverses: Vec<Matrix3<f64>> = (0..problem.points.len())
            .into_par_iter()
            .with_min_len(CHUNK)
            .map(|p| {
                if problem.points[p].fixed {
                    return Matrix3::zeros();
                }
                let mut v = self.points[p].0;
                for i in 0..3 {
                    v[(i, i)] += damping(v[(i, i)], lambda);
                }
                v.cholesky().map_or_else(Matrix3::zeros, |c| c.inverse())
            })
            .collect();
        let n = structure.pose_of_slot.len();
        let pose_rows: Vec<PoseRow> = (0..n)
            .into_par_iter()
            .map_init(
                || vec![NONE; n],
                |scratch, s| self.pose_row(problem, structure, rows, &inverses, lambda, s, scratch),
            )
            .collect();
        let (corner, corner_rhs) = self.corner(problem, structure, &inverses, lambda);
        Reduced { rows: pose_rows, corner, corner_rhs, inverses }
    }

    #[allow(clippy::too_many_arguments, reason = "the state of one reduction, split only to keep functions short")]
    fn pose_row(
        &self,
        problem: &BundleProblem,
        structure: &Structure,
        rows: &Rows,
        inverses: &[Matrix3<f64>],
        lambda: f64,
        slot: usize,
        place: &mut [u32],
    ) -> PoseRow {
        let neighbours = &structure.neighbours[slot];
        for (i, &n) in neighbours.iter().enumerate() {
            place[n as usize] = i as u32;
        }
        let mut blocks = vec![Matrix6::zeros(); neighbours.len()];
        let mut border = vec![PoseLens::zeros(); if structure.lens_free { self.lenses.len() } else { 0 }];
        let (own, gradient) = self.poses[slot];
        let mut rhs = -gradient;
        blocks[0] = own;
        for i in 0..6 {
            blocks[0][(i, i)] += damping(own[(i, i)], lambda);
        }
        let lens = problem.poses[structure.pose_of_slot[slot] as usize].lens as usize;
        for &k in structure.of_slot(slot) {
            let point = problem.observations[k as usize].point as usize;
            let row = &rows.rows[k as usize];
            let b: Matrix2x3<f64> = row.by_point() * inverses[point];
            rhs += row.by_pose * (b * self.points[point].1);
            for other in structure.of_point(point) {
                let s = structure.slot_of_pose[problem.observations[other].pose as usize];
                if s == NONE || (s as usize) < slot {
                    continue;
                }
                let o = &rows.rows[other];
                subtract_coupling(&mut blocks[place[s as usize] as usize], &b, row, o);
            }
            if structure.lens_free {
                border[lens] += row.by_pose * rows.by_lens[k as usize];
                for e in structure.lenses_of(point) {
                    let w = &self.lens_points[e];
                    border[structure.point_lenses[e] as usize] -= row.by_pose * (b * w.transpose());
                }
            }
        }
        if let Some((pose, axis)) = structure.gauge.scale
            && structure.pose_of_slot[slot] as usize == pose
        {
            let c = 3 + axis;
            for block in blocks.iter_mut() {
                block.column_mut(c).fill(0.0);
            }
            blocks[0].row_mut(c).fill(0.0);
            blocks[0][(c, c)] = 1.0;
            border.iter_mut().for_each(|m| m.row_mut(c).fill(0.0));
            rhs[c] = 0.0;
        }
        if let Some((pose, axis)) = structure.gauge.scale {
            let s = structure.slot_of_pose[pose];
            if s != NONE && s as usize > slot && place[s as usize] != NONE && neighbours.contains(&s) {
                blocks[place[s as usize] as usize].row_mut(3 + axis).fill(0.0);
            }
        }
        PoseRow { blocks, border, rhs }
    }

    fn corner(
        &self,
        problem: &BundleProblem,
        structure: &Structure,
        inverses: &[Matrix3<f64>],
        lambda: f64,
    ) -> (DMatrix<f64>, DVector<f64>) {
        if !structure.lens_free {
            return (DMatrix::zeros(0, 0), DVector::zeros(0));
        }
        let n = self.lenses.len() * PARAMETERS;
        let count = problem.points.len();
        let chunk = CHUNK.max(count.div_ceil(64));
        let partial: Vec<(DMatrix<f64>, DVector<f64>)> = (0..count.div_ceil(chunk))
            .into_par_iter()
            .map(|c| {
                let (mut h, mut g) = (DMatrix::zeros(n, n), DVector::zeros(n));
                for p in c * chunk..((c + 1) * chunk).min(count) {
                    for a in structure.lenses_of(p) {
                        let la = structure.point_lenses[a] as usize * PARAMETERS;
                        let t = self.lens_points[a] * inverses[p];
                        let mut part = g.fixed_rows_mut::<PARAMETERS>(la);
                        part += t * self.points[p].1;
                        for b in structure.lenses_of(p) {
                            let lb = structure.point_lenses[b] as usize * PARAMETERS;
                            let mut view = h.fixed_view_mut::<PARAMETERS, PARAMETERS>(la, lb);
                            view -= t * self.lens_points[b].transpose();
                        }
                    }
                }
                (h, g)
            })
            .collect();
        let (mut corner, mut rhs) = (DMatrix::zeros(n, n), DVector::zeros(n));
        for (h, g) in partial {
            corner += h;
            rhs += g;
        }
        for (l, (h, g)) in self.lenses.iter().enumerate() {
            let at = l * PARAMETERS;
            let mut view = corner.fixed_view_mut::<PARAMETERS, PARAMETERS>(at, at);
            view += h;
            let mut part = rhs.fixed_rows_mut::<PARAMETERS>(at);
            part -= g;
            for i in 0..PARAMETERS {
                if problem.lenses[l].free[i] {
                    corner[(at + i, at + i)] += damping(h[(i, i)], lambda);
                } else {
                    corner[(at + i, at + i)] = 1.0;
                    rhs[at + i] = 0.0;
                }
            }
        }
        (corner, rhs)
    }

    /// The whole step from that of poses and lenses.
    pub fn back_substitute(
        &self,
        problem: &BundleProblem,
        structure: &Structure,
        rows: &Rows,
        reduced: &Reduced,
        lambda: f64,
        poses: Vec<Vector6<f64>>,
        lenses: Vec<LensVector>,
    ) -> Step {
        let points: Vec<Vector3<f64>> = (0..problem.points.len())
            .into_par_iter()
            .with_min_len(CHUNK)
            .map(|p| {
                let mut g = self.points[p].1;
                for k in structure.of_point(p) {
                    let pose = problem.observations[k].pose as usize;
                    let slot = structure.slot_of_pose[pose];
                    let mut change = nalgebra::Vector2::zeros();
                    if slot != NONE {
                        change += rows.rows[k].by_pose.transpose() * poses[slot as usize];
                    }
                    if structure.lens_free {
                        change += rows.by_lens[k] * lenses[problem.poses[pose].lens as usize];
                    }
                    g += rows.rows[k].by_point().transpose() * change;
                }
                -(reduced.inverses[p] * g)
            })
            .collect();
        let mut twice = 0.0;
        for (d, (h, g)) in poses.iter().zip(&self.poses) {
            twice += (0..6).map(|i| d[i] * (damping(h[(i, i)], lambda) * d[i] - g[i])).sum::<f64>();
        }
        if structure.lens_free {
            for (d, (h, g)) in lenses.iter().zip(&self.lenses) {
                twice += (0..PARAMETERS).map(|i| d[i] * (damping(h[(i, i)], lambda) * d[i] - g[i])).sum::<f64>();
            }
        }
        for (d, (h, g)) in points.iter().zip(&self.points) {
            twice += (0..3).map(|i| d[i] * (damping(h[(i, i)], lambda) * d[i] - g[i])).sum::<f64>();
        }
        Step { poses, lenses, points, predicted: 0.5 * twice }
    }
}
