//! What each triangle looks like: height above the ground, direction, shape and colour of its surroundings.
//!
//! - In: the city and its terrain. Out: one [`Feature`] for each triangle.
//! - Method: area-weighted moments of position and direction, and sums of colour, in cells of a sparse grid; a
//!   triangle's surroundings are the cells around its own. Planarity and scatter follow from the moments.
//! - Source: the attributes elevation, planarity and horizontality of Y. Verdie, F. Lafarge, P. Alliez, "LOD generation
//!   for urban scenes", TOG 34(3), 2015; colour beside geometry as in M. Rouhani, F. Lafarge, P. Alliez, "Semantic
//!   segmentation of 3D textured meshes for urban scene analysis", ISPRS Journal 123, 2017.
//! - Cost: a few hundred look-ups for each occupied cell. Deterministic.
//! - Failure modes: none; an isolated triangle's surroundings are itself.

use super::terrain::Terrain;
use crate::image::colour::lab_of_linear;
use crate::image::colour::to_linear;
use crate::scene::City;
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;

/// Side of a cell of the surroundings in metres.
const CELL: f64 = 0.6;
/// Cells to each side that are surroundings: 1.5 m in all directions.
const REACH: i32 = 2;

/// What a triangle looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Feature {
    /// Middle.
    pub middle: Vector3<f64>,
    /// Area in square metres.
    pub area: f64,
    /// Height of the middle above the ground in metres.
    pub height: f64,
    /// Upward part of the unit normal, -1..=1.
    pub up: f64,
    /// Upward part of the mean normal of the surroundings, -1..=1.
    pub up_around: f64,
    /// Length of the mean of the unit normals of the surroundings: 1 = all point the same way.
    pub agreement: f64,
    /// Distance RMS of the surroundings from their plane in metres.
    pub roughness: f64,
    /// CIE L*a*b* of the surroundings' mean colour.
    pub lab: [f64; 3],
    /// Standard deviation of lightness in the surroundings.
    pub contrast: f64,
    /// CIE L*a*b* of the triangle itself.
    pub own_lab: [f64; 3],
}

/// Sums over the surface in a cell.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    weight: f64,
    position: Vector3<f64>,
    squares: Matrix3<f64>,
    normal: Vector3<f64>,
    light: Vector3<f64>,
    lightness: [f64; 2],
}

impl Moments {
    fn add(&mut self, other: &Self) {
        self.weight += other.weight;
        self.position += other.position;
        self.squares += other.squares;
        self.normal += other.normal;
        self.light += other.light;
        self.lightness[0] += other.lightness[0];
        self.lightness[1] += other.lightness[1];
    }
}

/// Mean colour (linear light) of a triangle's texture.
fn colour_of(city: &City, t: usize) -> [f64; 3] {
    const PLACES: [[f32; 3]; 4] = [[0.34, 0.33, 0.33], [0.7, 0.15, 0.15], [0.15, 0.7, 0.15], [0.15, 0.15, 0.7]];
    let (Some(uv), Some(&page)) = (city.uvs.get(t), city.page.get(t)) else { return [0.2; 3] };
    let Some(page) = city.pages.get(usize::from(page)).map(|p| &p.image) else { return [0.2; 3] };
    let mut sum = [0f64; 3];
    for b in PLACES {
        let at = |k: usize| b[0] * uv[0][k] + b[1] * uv[1][k] + b[2] * uv[2][k];
        let c = page.bilinear(at(0) * page.width as f32, at(1) * page.height as f32);
        for k in 0..3 {
            sum[k] += f64::from(to_linear(c[k] / 255.0)) / PLACES.len() as f64;
        }
    }
    sum
}

/// Key of the cell that holds a place: 21 bits for each axis.
fn key(cell: [i32; 3]) -> u64 {
    cell.iter().fold(0, |k, &c| (k << 21) | ((c + (1 << 20)) as u64 & 0x1F_FFFF))
}

/// The features of all triangles.
pub fn features(city: &City, terrain: &Terrain) -> Vec<Feature> {
    let mesh = &city.mesh;
    let n = mesh.triangles.len();
    let Some((low, _)) = mesh.bounds() else { return Vec::new() };
    let singles: Vec<(Feature, Moments, [i32; 3])> = (0..n)
        .into_par_iter()
        .map(|t| {
            let [a, b, c] = mesh.corners(t);
            let normal = mesh.area_normal(t);
            let unit = normal.try_normalize(0.0).unwrap_or_default();
            let middle = (a + b + c) / 3.0;
            let (area, light) = (normal.norm() / 2.0, colour_of(city, t));
            let own_lab = lab_of_linear(light);
            let local = middle - low;
            let weight = area.max(1e-12);
            let moments = Moments {
                weight,
                position: local * weight,
                squares: local * local.transpose() * weight,
                normal: unit * weight,
                light: Vector3::from(light) * weight,
                lightness: [own_lab[0] * weight, own_lab[0] * own_lab[0] * weight],
            };
            let height = middle.z - terrain.at(middle.x, middle.y);
            let feature = Feature { middle, area, height, up: unit.z, own_lab, ..Feature::default() };
            let cell: [i32; 3] = local.map(|v| (v / CELL).floor().clamp(0.0, 1e6) as i32).into();
            (feature, moments, cell)
        })
        .collect();
    let mut order: Vec<(u64, u32)> = singles.par_iter().enumerate().map(|(t, s)| (key(s.2), t as u32)).collect();
    order.par_sort_unstable();
    let (mut keys, mut cells, mut of_triangle) = (Vec::new(), Vec::<([i32; 3], Moments)>::new(), vec![0u32; n]);
    for &(k, t) in &order {
        let single = &singles[t as usize];
        if keys.last() != Some(&k) {
            keys.push(k);
            cells.push((single.2, Moments::default()));
        }
        if let Some(cell) = cells.last_mut() {
            cell.1.add(&single.1);
        }
        of_triangle[t as usize] = cells.len() as u32 - 1;
    }
    let around: Vec<Feature> = cells.par_iter().map(|(at, _)| describe(&gathered(*at, &keys, &cells))).collect();
    singles
        .into_par_iter()
        .zip(of_triangle)
        .map(|((own, ..), cell)| {
            let a = &around[cell as usize];
            Feature {
                up_around: a.up_around,
                agreement: a.agreement,
                roughness: a.roughness,
                lab: a.lab,
                contrast: a.contrast,
                ..own
            }
        })
        .collect()
}

/// The sums over a cell's surroundings. The cells of one column lie together in the order of their keys.
fn gathered([x, y, z]: [i32; 3], keys: &[u64], cells: &[([i32; 3], Moments)]) -> Moments {
    let mut sum = Moments::default();
    for i in x - REACH..=x + REACH {
        for j in y - REACH..=y + REACH {
            let (from, to) = (key([i, j, z - REACH]), key([i, j, z + REACH]));
            let first = keys.partition_point(|&k| k < from);
            for at in first..keys.len() {
                if keys[at] > to {
                    break;
                }
                sum.add(&cells[at].1);
            }
        }
    }
    sum
}

fn describe(m: &Moments) -> Feature {
    let mean = m.position / m.weight;
    let spread = (m.squares / m.weight - mean * mean.transpose()).symmetric_eigenvalues();
    let normal = m.normal / m.weight;
    let length = normal.norm();
    let lightness = m.lightness.map(|v| v / m.weight);
    Feature {
        up_around: if length > 1e-9 { normal.z / length } else { 0.0 },
        agreement: length,
        roughness: spread.min().max(0.0).sqrt(),
        lab: lab_of_linear((m.light / m.weight).into()),
        contrast: (lightness[1] - lightness[0] * lightness[0]).max(0.0).sqrt(),
        ..Feature::default()
    }
}
