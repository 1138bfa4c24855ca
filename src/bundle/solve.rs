//! Solves the reduced camera system by Cholesky factorisation, dense for small blocks of photos and sparse for large.
//!
//! In: [`Reduced`]. Out: the step of poses and lenses; or the covariance of the poses. The lenses, which meet every
//! pose, are eliminated last through a second Schur complement, so that they cause no fill-in.
//! Source: faer's LLT (blocked, and supernodal with approximate minimum degree ordering). One thread, so that the bits do
//! not depend on the machine. Cost: 20 ms for 1000 unknowns, about a second for 4000 photos. Fails where the matrix is
//! not positive definite: the caller raises the damping.

use super::linearise::LensVector;
use super::reduced::Reduced;
use super::structure::Structure;
use crate::camera::PARAMETERS;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::sparse::linalg::cholesky::{SymbolicCholesky, factorize_symbolic_cholesky};
use faer::sparse::{SparseColMat, SymbolicSparseColMat};
use faer::{Conj, Mat, Par, Side};
use nalgebra::{DMatrix, Vector6};

/// Up to this many adjusted poses the matrix is dense.
const DENSE_UP_TO: usize = 200;

/// Factors the pose part of the reduced system.
pub(super) struct Solver {
    poses: usize,
    sparse: Option<Sparse>,
}

struct Sparse {
    pattern: SymbolicSparseColMat<usize>,
    symbolic: SymbolicCholesky<usize>,
    /// Offset of each slot's first column in the values.
    columns: Vec<usize>,
}

enum Factor<'a> {
    Dense(Mat<f64>),
    Sparse(&'a Sparse, Vec<f64>),
}

impl Solver {
    /// Analyses the sparsity; `None` when memory does not suffice.
    pub fn new(structure: &Structure) -> Option<Self> {
        let poses = structure.pose_of_slot.len();
        let pairs: usize = structure.neighbours.iter().map(Vec::len).sum();
        if poses <= DENSE_UP_TO || (pairs as f64) > 0.35 * (poses * poses) as f64 && poses <= 2000 {
            return Some(Self { poses, sparse: None });
        }
        let mut pointers = vec![0usize];
        let mut indices = Vec::with_capacity(pairs * 36);
        let mut columns = Vec::with_capacity(poses);
        for neighbours in &structure.neighbours {
            columns.push(indices.len());
            for c in 0..6 {
                for (i, &n) in neighbours.iter().enumerate() {
                    let first = if i == 0 { c } else { 0 };
                    indices.extend((first..6).map(|r| n as usize * 6 + r));
                }
                pointers.push(indices.len());
            }
        }
        let n = poses * 6;
        let pattern = SymbolicSparseColMat::new_checked(n, n, pointers, None, indices);
        let symbolic =
            factorize_symbolic_cholesky(pattern.as_ref(), Side::Lower, Default::default(), Default::default()).ok()?;
        Some(Self { poses, sparse: Some(Sparse { pattern, symbolic, columns }) })
    }

    /// Steps of poses (by slot) and lenses; `None` where the system is not positive definite.
    pub fn solve(&self, structure: &Structure, reduced: &Reduced) -> Option<(Vec<Vector6<f64>>, Vec<LensVector>)> {
        let n = self.poses * 6;
        let border = reduced.corner.nrows();
        // Columns: the border, then the right side.
        let mut x = Mat::<f64>::zeros(n, border + 1);
        for (s, row) in reduced.rows.iter().enumerate() {
            for r in 0..6 {
                for (l, block) in row.border.iter().enumerate() {
                    for c in 0..PARAMETERS {
                        x[(s * 6 + r, l * PARAMETERS + c)] = block[(r, c)];
                    }
                }
                x[(s * 6 + r, border)] = row.rhs[r];
            }
        }
        let b = x.clone();
        let factor = self.factor(structure, reduced)?;
        factor.solve(&mut x);
        let mut lens_step = nalgebra::DVector::zeros(border);
        if border > 0 {
            let dot = |i: usize, j: usize| (0..n).map(|r| b[(r, i)] * x[(r, j)]).sum::<f64>();
            let corner = DMatrix::from_fn(border, border, |i, j| reduced.corner[(i, j)] - dot(i.min(j), i.max(j)));
            let rhs = nalgebra::DVector::from_fn(border, |i, _| reduced.corner_rhs[i] - dot(i, border));
            lens_step = corner.cholesky()?.solve(&rhs);
        }
        let poses = (0..self.poses)
            .map(|s| {
                Vector6::from_fn(|r, _| {
                    let at = s * 6 + r;
                    x[(at, border)] - (0..border).map(|j| x[(at, j)] * lens_step[j]).sum::<f64>()
                })
            })
            .collect();
        let lenses =
            lens_step.as_slice().chunks_exact(PARAMETERS).map(LensVector::from_column_slice).collect::<Vec<_>>();
        Some((poses, lenses))
    }

    /// Covariance of each pose (rotation vector, centre), by slot, with the lenses marginalised; `None` where the system
    /// is not positive definite.
    pub fn pose_covariances(&self, structure: &Structure, reduced: &Reduced) -> Option<Vec<nalgebra::Matrix6<f64>>> {
        let n = self.poses * 6;
        let border = reduced.corner.nrows();
        let factor = self.factor(structure, reduced)?;
        let mut y = Mat::<f64>::zeros(n, border.max(1));
        for (s, row) in reduced.rows.iter().enumerate() {
            for (l, block) in row.border.iter().enumerate() {
                for r in 0..6 {
                    for c in 0..PARAMETERS {
                        y[(s * 6 + r, l * PARAMETERS + c)] = block[(r, c)];
                    }
                }
            }
        }
        let b = y.clone();
        factor.solve(&mut y);
        let dot = |i: usize, j: usize| (0..n).map(|r| b[(r, i)] * y[(r, j)]).sum::<f64>();
        let corner = DMatrix::from_fn(border, border, |i, j| reduced.corner[(i, j)] - dot(i.min(j), i.max(j)));
        let corner = corner.cholesky()?.inverse();
        let mut out = Vec::with_capacity(self.poses);
        for s in 0..self.poses {
            let mut e = Mat::<f64>::zeros(n, 6);
            for c in 0..6 {
                e[(s * 6 + c, c)] = 1.0;
            }
            factor.solve(&mut e);
            let own = DMatrix::from_fn(6, border, |r, c| y[(s * 6 + r, c)]);
            let through = &own * &corner * own.transpose();
            out.push(nalgebra::Matrix6::from_fn(|r, c| e[(s * 6 + r, c)] + through[(r, c)]));
        }
        Some(out)
    }

    fn factor(&self, structure: &Structure, reduced: &Reduced) -> Option<Factor<'_>> {
        let n = self.poses * 6;
        let Some(sparse) = &self.sparse else {
            let mut a = Mat::<f64>::zeros(n, n);
            for (s, row) in reduced.rows.iter().enumerate() {
                for (block, &o) in row.blocks.iter().zip(&structure.neighbours[s]) {
                    for c in 0..6 {
                        for r in 0..6 {
                            a[(o as usize * 6 + r, s * 6 + c)] = block[(r, c)];
                        }
                    }
                }
            }
            let mut memory =
                MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default()));
            let stack = MemStack::new(&mut memory);
            llt::factor::cholesky_in_place(a.as_mut(), Default::default(), Par::Seq, stack, Default::default()).ok()?;
            return Some(Factor::Dense(a));
        };
        let mut values = vec![0.0; sparse.pattern.compute_nnz()];
        for (s, row) in reduced.rows.iter().enumerate() {
            let mut at = sparse.columns[s];
            for c in 0..6 {
                for (i, block) in row.blocks.iter().enumerate() {
                    for r in if i == 0 { c } else { 0 }..6 {
                        values[at] = block[(r, c)];
                        at += 1;
                    }
                }
            }
        }
        let matrix = SparseColMat::new(sparse.pattern.clone(), values);
        let mut factor = vec![0.0; sparse.symbolic.len_val()];
        let scratch = sparse.symbolic.factorize_numeric_llt_scratch::<f64>(Par::Seq, Default::default());
        let mut memory = MemBuffer::try_new(scratch).ok()?;
        sparse
            .symbolic
            .factorize_numeric_llt(
                &mut factor,
                matrix.as_ref(),
                Side::Lower,
                Default::default(),
                Par::Seq,
                MemStack::new(&mut memory),
                Default::default(),
            )
            .ok()?;
        Some(Factor::Sparse(sparse, factor))
    }
}

impl Factor<'_> {
    fn solve(&self, x: &mut Mat<f64>) {
        let columns = x.ncols();
        match self {
            Self::Dense(l) => {
                let mut memory =
                    MemBuffer::new(llt::solve::solve_in_place_scratch::<f64>(l.nrows(), columns, Par::Seq));
                llt::solve::solve_in_place(l.as_ref(), x.as_mut(), Par::Seq, MemStack::new(&mut memory));
            }
            Self::Sparse(sparse, values) => {
                let factor = faer::sparse::linalg::cholesky::LltRef::<'_, usize, f64>::new(&sparse.symbolic, values);
                let mut memory = MemBuffer::new(sparse.symbolic.solve_in_place_scratch::<f64>(columns, Par::Seq));
                factor.solve_in_place_with_conj(Conj::No, x.as_mut(), Par::Seq, MemStack::new(&mut memory));
            }
        }
    }
}

#[cfg(test)]
impl Solver {
    /// The dense solver whatever the size.
    pub fn dense(structure: &Structure) -> Self {
        Self { poses: structure.pose_of_slot.len(), sparse: None }
    }
}
