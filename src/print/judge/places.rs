//! Where findings are: many points become a few places with a count.

use crate::mesh::topology::UnionFind;
use crate::scene::Mesh;
use nalgebra::Vector3;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most places that are listed.
const MOST: usize = 8;

/// A place in millimetres.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Coordinates in the file's frame.
    pub at: [f64; 3],
    /// How many of the things are near it.
    pub count: usize,
    /// The worst value there, where there are values.
    pub value: Option<f64>,
}

/// Groups points by a grid of 1/25 of the mesh's longest side; the most crowded cells first, each at its first point.
pub fn places(mesh: &Mesh, points: &[Vector3<f64>]) -> Vec<Place> {
    let values = vec![0.0; points.len()];
    let mut found = grouped(mesh, points, &values);
    found.sort_by_key(|p| std::cmp::Reverse(p.count));
    found.truncate(MOST);
    found.iter_mut().for_each(|p| p.value = None);
    found
}

/// The same for points with values: the lowest first, each cell at its lowest point.
pub fn lowest(mesh: &Mesh, points: &[Vector3<f64>], values: &[f64]) -> Vec<Place> {
    let mut found = grouped(mesh, points, values);
    found.sort_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)));
    found.truncate(MOST);
    found
}

/// Points that are closer than `side` or so belong together; each group by its points' numbers, ascending.
pub fn connected(points: &[Vector3<f64>], side: f64) -> Vec<Vec<u32>> {
    let mut cells: BTreeMap<[i64; 3], Vec<u32>> = BTreeMap::new();
    for (i, p) in points.iter().enumerate() {
        cells.entry((p / side).map(|x| x.floor() as i64).into()).or_default().push(i as u32);
    }
    let mut sets = UnionFind::new(points.len());
    for (&[x, y, z], own) in &cells {
        own.iter().for_each(|&i| sets.join(own[0], i));
        for n in 0..27 {
            if let Some(other) = cells.get(&[x + n % 3 - 1, y + n / 3 % 3 - 1, z + n / 9 - 1]) {
                sets.join(own[0], other[0]);
            }
        }
    }
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    (0..points.len() as u32).for_each(|i| groups.entry(sets.find(i)).or_default().push(i));
    groups.into_values().collect()
}

/// In the order of the cells' first points.
fn grouped(mesh: &Mesh, points: &[Vector3<f64>], values: &[f64]) -> Vec<Place> {
    let Some((low, high)) = mesh.bounds() else { return Vec::new() };
    let cell = ((high - low).max() / 25.0).max(f64::MIN_POSITIVE);
    let mut order: Vec<([i64; 3], usize)> =
        points.iter().enumerate().map(|(i, p)| (((p - low) / cell).map(|x| x as i64).into(), i)).collect();
    order.sort_unstable();
    let mut cells: Vec<(usize, Place)> = order
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|group| {
            let &(_, worst) = group.iter().min_by(|a, b| values[a.1].total_cmp(&values[b.1]).then(a.1.cmp(&b.1)))?;
            let place = Place { at: points[worst].into(), count: group.len(), value: Some(values[worst]) };
            Some((group[0].1, place))
        })
        .collect();
    cells.sort_unstable_by_key(|c| c.0);
    cells.into_iter().map(|c| c.1).collect()
}
