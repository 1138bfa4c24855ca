//! Least squares on a graph: differences along its edges and values at its nodes, three components each.
//!
//! In: edges with a weight matrix and the difference wanted, nodes with a weight matrix and the value wanted. Out: the
//! values that minimise the weighted sum of squares. Method: conjugate gradients with the inverse blocks of the
//! diagonal (M. Hestenes, E. Stiefel, 1952), which needs no fill-in; every node gets a ridge of 1e-9 of its weight, so
//! that a part of the graph without values stays where it is. Cost: linear in the edges for each iteration, of which
//! long chains without values need as many as they have nodes. Sequential sums: the same bits on any machine.

use nalgebra::{Matrix3, Vector3};

/// Ridge relative to a node's weight.
const RIDGE: f64 = 1e-9;
/// Relative residual at which the solution is good enough.
const ENOUGH: f64 = 1e-10;

/// Wants `x_b - x_a = difference`.
pub(super) struct Difference {
    pub a: usize,
    pub b: usize,
    pub weight: Matrix3<f64>,
    pub difference: Vector3<f64>,
}

/// Wants `x = value` at a node.
#[derive(Clone)]
pub(super) struct Value {
    pub weight: Matrix3<f64>,
    pub value: Vector3<f64>,
}

/// Solves for all nodes; `values` has one entry a node.
pub(super) fn solve(edges: &[Difference], values: &[Option<Value>]) -> Vec<Vector3<f64>> {
    let n = values.len();
    let mut diagonal = vec![Matrix3::zeros(); n];
    let mut right = vec![Vector3::zeros(); n];
    for e in edges {
        diagonal[e.a] += e.weight;
        diagonal[e.b] += e.weight;
        let pull = e.weight * e.difference;
        right[e.a] -= pull;
        right[e.b] += pull;
    }
    for (i, v) in values.iter().enumerate() {
        if let Some(v) = v {
            diagonal[i] += v.weight;
            right[i] += v.weight * v.value;
        }
        let ridge = RIDGE * diagonal[i].trace().max(1e-12);
        diagonal[i] += Matrix3::identity() * ridge;
    }
    let inverse: Vec<Matrix3<f64>> =
        diagonal.iter().map(|d| d.try_inverse().unwrap_or_else(Matrix3::identity)).collect();
    let product = |x: &[Vector3<f64>]| {
        let mut y: Vec<Vector3<f64>> = diagonal.iter().zip(x).map(|(d, x)| d * x).collect();
        for e in edges {
            y[e.a] -= e.weight * x[e.b];
            y[e.b] -= e.weight * x[e.a];
        }
        y
    };
    let dot = |a: &[Vector3<f64>], b: &[Vector3<f64>]| a.iter().zip(b).map(|(a, b)| a.dot(b)).sum::<f64>();
    let mut x = vec![Vector3::zeros(); n];
    let mut residual = right;
    let mut z: Vec<_> = inverse.iter().zip(&residual).map(|(m, r)| m * r).collect();
    let mut direction = z.clone();
    let mut energy = dot(&residual, &z);
    let target = energy * ENOUGH * ENOUGH;
    for _ in 0..(6 * n).clamp(50, 3000) {
        if energy <= target || energy <= 0.0 {
            break;
        }
        let y = product(&direction);
        let curvature = dot(&direction, &y);
        if curvature <= 0.0 {
            break;
        }
        let step = energy / curvature;
        for i in 0..n {
            x[i] += step * direction[i];
            residual[i] -= step * y[i];
            z[i] = inverse[i] * residual[i];
        }
        let next = dot(&residual, &z);
        let keep = next / energy;
        energy = next;
        direction.iter_mut().zip(&z).for_each(|(d, z)| *d = z + keep * *d);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_pulled_straight_by_its_ends() {
        let edges: Vec<Difference> = (0..99)
            .map(|i| Difference { a: i, b: i + 1, weight: Matrix3::identity(), difference: Vector3::x() })
            .collect();
        let mut values: Vec<Option<Value>> = vec![None; 100];
        values[0] = Some(Value { weight: Matrix3::identity() * 1e6, value: Vector3::y() });
        values[99] = Some(Value { weight: Matrix3::identity() * 1e6, value: Vector3::new(198.0, 1.0, 0.0) });
        let x = solve(&edges, &values);
        for (i, x) in x.iter().enumerate() {
            assert!((x - Vector3::new(2.0 * i as f64, 1.0, 0.0)).norm() < 1e-2, "{i}: {x}");
        }
    }
}
