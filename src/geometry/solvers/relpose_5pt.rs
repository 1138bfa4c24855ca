//! Essential matrices from five matches of calibrated cameras.
//!
//! In: five pairs of rays (any length). Out: up to ten essential matrices of Frobenius norm sqrt(2).
//! Source: D. Nister, "An Efficient Solution to the Five-Point Relative Pose Problem", PAMI 26(6), 2004, section 3:
//! null space of the epipolar constraints, ten cubic constraints, Gauss-Jordan elimination, a polynomial of degree ten.
//! We take the null space by Householder reflections and the roots by bracketing between critical points.
//! Cost: about 10 us. A scene that is flat is not degenerate, but has a second solution; pure rotation is degenerate.

use super::polynomial::real_roots;
use nalgebra::{Matrix3, Vector3};

/// Exponents of (x, y, z) of the quadratic monomials.
const QUADRATIC: [[u8; 3]; 10] =
    [[2, 0, 0], [1, 1, 0], [1, 0, 1], [1, 0, 0], [0, 2, 0], [0, 1, 1], [0, 1, 0], [0, 0, 2], [0, 0, 1], [0, 0, 0]];

/// Exponents of the cubic monomials in Nister's order: after elimination the first ten are gone.
const CUBIC: [[u8; 3]; 20] = [
    [3, 0, 0],
    [0, 3, 0],
    [2, 1, 0],
    [1, 2, 0],
    [2, 0, 1],
    [2, 0, 0],
    [0, 2, 1],
    [0, 2, 0],
    [1, 1, 1],
    [1, 1, 0],
    [1, 0, 2],
    [1, 0, 1],
    [1, 0, 0],
    [0, 1, 2],
    [0, 1, 1],
    [0, 1, 0],
    [0, 0, 3],
    [0, 0, 2],
    [0, 0, 1],
    [0, 0, 0],
];

const LINEAR: [[u8; 3]; 4] = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]];

/// For each pair of monomials the index of their product.
const fn products<const A: usize, const B: usize, const C: usize>(
    left: [[u8; 3]; A],
    right: [[u8; 3]; B],
    result: [[u8; 3]; C],
) -> [[usize; B]; A] {
    let mut table = [[0; B]; A];
    let mut i = 0;
    while i < A {
        let mut j = 0;
        while j < B {
            let mut k = 0;
            while k < C {
                let (l, r, p) = (left[i], right[j], result[k]);
                if l[0] + r[0] == p[0] && l[1] + r[1] == p[1] && l[2] + r[2] == p[2] {
                    table[i][j] = k;
                }
                k += 1;
            }
            j += 1;
        }
        i += 1;
    }
    table
}

const LINEAR_BY_LINEAR: [[usize; 4]; 4] = products(LINEAR, LINEAR, QUADRATIC);
const QUADRATIC_BY_LINEAR: [[usize; 4]; 10] = products(QUADRATIC, LINEAR, CUBIC);

type Linear = [f64; 4];
type Quadratic = [f64; 10];
type Row = [f64; 20];

/// Appends the essential matrices with `rays_b^T E rays_a = 0` to `out`.
pub fn relpose_5pt(rays_a: &[Vector3<f64>; 5], rays_b: &[Vector3<f64>; 5], out: &mut Vec<Matrix3<f64>>) {
    let basis = null_space(rays_a, rays_b);
    let Some(rows) = eliminated_constraints(&basis) else { return };
    // Rows of the 3x3 matrix of polynomials in z that annihilates (x, y, 1); ascending powers.
    let b: [([f64; 4], [f64; 4], [f64; 5]); 3] =
        [(4, 5), (6, 7), (8, 9)].map(|(high, low)| subtract_z_times(&rows[high], &rows[low]));
    let determinant = determinant_in_z(&b);
    let mut roots = Vec::with_capacity(10);
    let n = determinant.len() - 1;
    let lead = determinant[n].abs();
    let bound = (0..n)
        .map(|i| (determinant[i].abs() / lead).powf(1.0 / (n - i) as f64))
        .fold(0.0f64, |m, v| if v.is_finite() { m.max(v) } else { m });
    let bound = (2.0 * bound).clamp(1.0, 500.0);
    real_roots(&determinant, -bound, bound, &mut roots);
    for z in roots {
        let at: [Vector3<f64>; 3] = [0, 1, 2].map(|i| {
            let (x, y, one) = &b[i];
            let horner = |c: &[f64]| c.iter().rev().fold(0.0, |s, v| s * z + v);
            Vector3::new(horner(x), horner(y), horner(one))
        });
        let candidates = [at[0].cross(&at[1]), at[0].cross(&at[2]), at[1].cross(&at[2])];
        let null = candidates.into_iter().fold(Vector3::zeros(), |best: Vector3<f64>, c| {
            if c.norm_squared() > best.norm_squared() { c } else { best }
        });
        if null.z.abs() <= 1e-12 * null.norm() {
            continue;
        }
        let (x, y) = (null.x / null.z, null.y / null.z);
        let e = Matrix3::from_fn(|r, c| {
            let k = 3 * r + c;
            basis[0][k] * x + basis[1][k] * y + basis[2][k] * z + basis[3][k]
        });
        let size = e.norm();
        if size.is_finite() && size > 0.0 {
            out.push(e * (std::f64::consts::SQRT_2 / size));
        }
    }
}

/// Orthonormal basis (row-major 3x3 matrices) of the matrices that fulfil the five epipolar constraints.
fn null_space(rays_a: &[Vector3<f64>; 5], rays_b: &[Vector3<f64>; 5]) -> [[f64; 9]; 4] {
    let mut columns = [[0.0; 9]; 5];
    for (column, (a, b)) in columns.iter_mut().zip(rays_a.iter().zip(rays_b)) {
        let (a, b) = (a.normalize(), b.normalize());
        for r in 0..3 {
            for c in 0..3 {
                column[3 * r + c] = b[r] * a[c];
            }
        }
    }
    // Householder QR of the 9x5 matrix; the last four columns of Q span the null space.
    let mut reflectors = [[0.0; 9]; 5];
    for k in 0..5 {
        let mut v = columns[k];
        v[..k].fill(0.0);
        let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        v[k] += norm.copysign(v[k]);
        let size = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        if size > 0.0 {
            v.iter_mut().for_each(|x| *x /= size);
        }
        for column in columns.iter_mut().skip(k) {
            reflect(column, &v);
        }
        reflectors[k] = v;
    }
    std::array::from_fn(|i| {
        let mut e = [0.0; 9];
        e[5 + i] = 1.0;
        for v in reflectors.iter().rev() {
            reflect(&mut e, v);
        }
        e
    })
}

#[inline]
fn reflect(x: &mut [f64; 9], v: &[f64; 9]) {
    let dot: f64 = x.iter().zip(v).map(|(a, b)| a * b).sum();
    for (a, b) in x.iter_mut().zip(v) {
        *a -= 2.0 * dot * b;
    }
}

#[inline]
fn add_product(sum: &mut Quadratic, a: &Linear, b: &Linear, factor: f64) {
    for i in 0..4 {
        for j in 0..4 {
            sum[LINEAR_BY_LINEAR[i][j]] += factor * a[i] * b[j];
        }
    }
}

#[inline]
fn add_cubic(sum: &mut Row, a: &Quadratic, b: &Linear) {
    for i in 0..10 {
        for j in 0..4 {
            sum[QUADRATIC_BY_LINEAR[i][j]] += a[i] * b[j];
        }
    }
}

/// `det E = 0` and `E E^T E - trace(E E^T) E / 2 = 0` as ten rows, reduced so that the first ten columns are the
/// identity (only rows 4..10 are complete). `None` where the elimination breaks down.
fn eliminated_constraints(basis: &[[f64; 9]; 4]) -> Option<[Row; 10]> {
    let e: [[Linear; 3]; 3] =
        std::array::from_fn(|r| std::array::from_fn(|c| std::array::from_fn(|k| basis[k][3 * r + c])));
    let mut rows = [[0.0; 20]; 10];
    for c in 0..3 {
        let (p, q) = ((c + 1) % 3, (c + 2) % 3);
        let mut minor = [0.0; 10];
        add_product(&mut minor, &e[1][p], &e[2][q], 1.0);
        add_product(&mut minor, &e[1][q], &e[2][p], -1.0);
        add_cubic(&mut rows[9], &minor, &e[0][c]);
    }
    let mut square = [[[0.0; 10]; 3]; 3];
    for i in 0..3 {
        for j in i..3 {
            let mut s = [0.0; 10];
            for (left, right) in e[i].iter().zip(&e[j]) {
                add_product(&mut s, left, right, 1.0);
            }
            square[i][j] = s;
            square[j][i] = s;
        }
    }
    let half_trace: Quadratic = std::array::from_fn(|m| 0.5 * (square[0][0][m] + square[1][1][m] + square[2][2][m]));
    for (i, row) in square.iter_mut().enumerate() {
        for (entry, half) in row[i].iter_mut().zip(&half_trace) {
            *entry -= half;
        }
    }
    for i in 0..3 {
        for j in 0..3 {
            for (factor, entries) in square[i].iter().zip(&e) {
                add_cubic(&mut rows[3 * i + j], factor, &entries[j]);
            }
        }
    }
    for column in 0..10 {
        let mut pivot = column;
        for r in column + 1..10 {
            if rows[r][column].abs() > rows[pivot][column].abs() {
                pivot = r;
            }
        }
        if rows[pivot][column].abs() < 1e-14 {
            return None;
        }
        rows.swap(column, pivot);
        let inverse = 1.0 / rows[column][column];
        rows[column][column..].iter_mut().for_each(|v| *v *= inverse);
        let source = rows[column];
        for (r, row) in rows.iter_mut().enumerate() {
            // Upwards only as far as the rows that are used.
            if r == column || (r < column && r < 4) || row[column] == 0.0 {
                continue;
            }
            let factor = row[column];
            for k in column..20 {
                row[k] -= factor * source[k];
            }
        }
    }
    Some(rows)
}

/// `high - z low`: coefficients of x, y (cubic in z) and 1 (quartic in z), ascending.
fn subtract_z_times(high: &Row, low: &Row) -> ([f64; 4], [f64; 4], [f64; 5]) {
    let cubic = |at: usize| [high[at + 2], high[at + 1] - low[at + 2], high[at] - low[at + 1], -low[at]];
    let one = [high[19], high[18] - low[19], high[17] - low[18], high[16] - low[17], -low[16]];
    (cubic(10), cubic(13), one)
}

fn multiply<const A: usize, const B: usize, const C: usize>(a: &[f64; A], b: &[f64; B]) -> [f64; C] {
    let mut product = [0.0; C];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            product[i + j] += x * y;
        }
    }
    product
}

fn determinant_in_z(b: &[([f64; 4], [f64; 4], [f64; 5]); 3]) -> [f64; 11] {
    let mut sum = [0.0; 11];
    for i in 0..3 {
        let (p, q) = ((i + 1) % 3, (i + 2) % 3);
        let left: [f64; 7] = multiply(&b[p].0, &b[q].1);
        let right: [f64; 7] = multiply(&b[q].0, &b[p].1);
        let minor: [f64; 7] = std::array::from_fn(|k| left[k] - right[k]);
        let term: [f64; 11] = multiply(&minor, &b[i].2);
        for (s, t) in sum.iter_mut().zip(&term) {
            *s += t;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use nalgebra::UnitQuaternion;

    #[test]
    fn the_true_essential_matrix_is_among_the_solutions() {
        let mut rng = Rng::new(1, 0);
        let trials = 1000;
        let (mut found, mut solutions, mut rough) = (0, 0, 0);
        for trial in 0..trials {
            let rotation = UnitQuaternion::from_scaled_axis(Vector3::from_fn(|_, _| 0.5 * rng.normal()));
            let t = Vector3::new(rng.normal(), rng.normal(), rng.normal()).normalize();
            let truth = t.cross_matrix() * rotation.to_rotation_matrix().matrix();
            let flat = trial % 2 == 0;
            let rays_a: [Vector3<f64>; 5] =
                std::array::from_fn(|_| Vector3::new(rng.uniform(-0.7, 0.7), rng.uniform(-0.5, 0.5), 1.0));
            let rays_b = rays_a.map(|r| {
                let depth = if flat { 5.0 / (r.z + 0.2 * r.x) } else { rng.uniform(3.0, 8.0) };
                rotation * (r * depth) + t
            });
            let mut models = Vec::new();
            relpose_5pt(&rays_a, &rays_b, &mut models);
            solutions += models.len();
            let distance = models.iter().map(|e| (e - truth).norm().min((e + truth).norm())).fold(9.0, f64::min);
            found += usize::from(distance < 1e-5);
            for e in &models {
                rough += usize::from(e.determinant().abs() > 1e-6);
                for (a, b) in rays_a.iter().zip(&rays_b) {
                    assert!(b.dot(&(e * a)).abs() < 1e-9 * b.norm());
                }
            }
        }
        assert!(found >= trials * 985 / 1000, "{found} of {trials}");
        assert!(solutions < 6 * trials, "{solutions}");
        assert!(rough * 200 < solutions, "{rough} of {solutions}");
    }
}
