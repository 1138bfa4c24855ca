//! The vertices of the tetrahedralisation: fused points, averaged where they lie closer together than a spacing.
//!
//! In: the cloud, the camera centres, the spacing in metres. Out: positions in the order of a space-filling curve, and
//! for each the cameras (as positions in the list of centres) of all the points that went into it.
//! A point joins the first site within the spacing whose normal does not point the other way, else founds a site.

use super::super::MeshError;
use super::super::spatial_order::{bounding_cube, hilbert_key};
use crate::base::PhotoId;
use crate::scene::PointCloud;
use nalgebra::Vector3;
use rayon::prelude::*;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Merged points.
pub struct Sites {
    /// Confidence-weighted means.
    pub positions: Vec<Vector3<f64>>,
    /// `views[first_view[i]..first_view[i + 1]]` are the cameras of site `i`, ascending.
    pub first_view: Vec<u32>,
    /// Positions in `centres`.
    pub views: Vec<u32>,
    /// Camera centres.
    pub centres: Vec<Vector3<f64>>,
}

impl Sites {
    /// The camera centres that see a site.
    pub fn cameras(&self, site: usize) -> impl Iterator<Item = Vector3<f64>> + '_ {
        let range = self.first_view[site] as usize..self.first_view[site + 1] as usize;
        self.views[range].iter().map(|&v| self.centres[v as usize])
    }
}

/// Hash of a voxel's key, which is already well mixed.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, x: u64) {
        self.0 = x.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    }
}

struct Founder {
    at: Vector3<f64>,
    normal: Vector3<f64>,
    sum: Vector3<f64>,
    weight: f64,
    /// Next site in the same voxel.
    next: u32,
}

/// Merges the points; fails for fewer than four or where no point names a known camera.
pub fn merge(cloud: &PointCloud, camera_centres: &[(PhotoId, Vector3<f64>)], spacing: f64) -> Result<Sites, MeshError> {
    let points = &cloud.points;
    if points.len() < 4 {
        return Err(MeshError::TooFewPoints { points: points.len(), needed: 4 });
    }
    let position = |i: u32| Vector3::from(points[i as usize].position.map(f64::from));
    let all: Vec<Vector3<f64>> = (0..points.len() as u32).map(position).collect();
    let (low, scale) = bounding_cube(&all);
    let mut order: Vec<(u64, u32)> =
        all.par_iter().enumerate().map(|(i, p)| (hilbert_key(p, &low, scale), i as u32)).collect();
    order.par_sort_unstable();
    order.retain(|&(_, i)| all[i as usize].iter().all(|x| x.is_finite()));
    let spacing = spacing.max(1e-9);
    let mut founders: Vec<Founder> = Vec::new();
    let mut voxels: HashMap<u64, u32, BuildHasherDefault<Mixed>> = HashMap::default();
    let voxel = |p: &Vector3<f64>| ((p - low) / spacing).map(|x| x.floor() as i64);
    let key = |v: &Vector3<i64>| {
        ((v.x as u64 & 0x1f_ffff) << 42) | ((v.y as u64 & 0x1f_ffff) << 21) | (v.z as u64 & 0x1f_ffff)
    };
    let mut site_of = vec![u32::MAX; points.len()];
    for &(_, i) in &order {
        let p = all[i as usize];
        let normal = Vector3::from(points[i as usize].normal.map(f64::from));
        let home = voxel(&p);
        let mut best = (spacing * spacing, u32::MAX);
        for offset in 0..27 {
            let beside = home + Vector3::new(offset % 3 - 1, offset / 3 % 3 - 1, offset / 9 - 1);
            let mut at = voxels.get(&key(&beside)).copied().unwrap_or(u32::MAX);
            while at != u32::MAX {
                let f = &founders[at as usize];
                let d = (f.at - p).norm_squared();
                if d < best.0 && f.normal.dot(&normal) >= 0.0 {
                    best = (d, at);
                }
                at = f.next;
            }
        }
        let weight = f64::from(points[i as usize].confidence).max(1e-3);
        if best.1 == u32::MAX {
            best.1 = founders.len() as u32;
            let next = voxels.insert(key(&home), best.1).unwrap_or(u32::MAX);
            founders.push(Founder { at: p, normal, sum: Vector3::zeros(), weight: 0.0, next });
        }
        let f = &mut founders[best.1 as usize];
        f.sum += p * weight;
        f.weight += weight;
        site_of[i as usize] = best.1;
    }
    let sites = with_views(cloud, camera_centres, &founders, &site_of);
    if sites.views.is_empty() {
        return Err(MeshError::NoVisibility { points: points.len() });
    }
    Ok(sites)
}

/// Gathers each site's cameras.
fn with_views(
    cloud: &PointCloud,
    camera_centres: &[(PhotoId, Vector3<f64>)],
    founders: &[Founder],
    site_of: &[u32],
) -> Sites {
    let highest = camera_centres.iter().map(|(id, _)| id.index()).max().map_or(0, |m| m + 1);
    let mut camera_of = vec![u32::MAX; highest];
    for (k, (id, _)) in camera_centres.iter().enumerate() {
        camera_of[id.index()] = k as u32;
    }
    let mut members: Vec<(u32, u32)> =
        site_of.iter().enumerate().filter(|(_, s)| **s != u32::MAX).map(|(i, &s)| (s, i as u32)).collect();
    members.par_sort_unstable();
    let mut first_view = Vec::with_capacity(founders.len() + 1);
    let (mut views, mut own): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
    for group in members.chunk_by(|a, b| a.0 == b.0) {
        first_view.push(views.len() as u32);
        own.clear();
        for &(_, i) in group {
            let named = cloud.points[i as usize].views.iter();
            own.extend(named.filter_map(|v| camera_of.get(v.index()).copied()).filter(|&c| c != u32::MAX));
        }
        own.sort_unstable();
        own.dedup();
        views.extend_from_slice(&own);
    }
    first_view.push(views.len() as u32);
    Sites {
        positions: founders.iter().map(|f| f.sum / f.weight).collect(),
        first_view,
        views,
        centres: camera_centres.iter().map(|(_, c)| *c).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::scene::FusedPoint;

    #[test]
    fn spacing_and_views() {
        let mut rng = Rng::new(1, 1);
        let points: Vec<FusedPoint> = (0..5000)
            .map(|i| FusedPoint {
                position: [rng.next_f64() as f32, rng.next_f64() as f32, 0.0],
                normal: [0.0, 0.0, 1.0],
                colour: [0; 3],
                confidence: 1.0,
                views: vec![PhotoId(i % 7), PhotoId(9)],
            })
            .collect();
        let cloud = PointCloud { points, gsd: 0.1 };
        let centres: Vec<_> = (0..7).map(|i| (PhotoId(i), Vector3::new(f64::from(i), 0.0, 10.0))).collect();
        let sites = merge(&cloud, &centres, 0.1).expect("sites");
        let n = sites.positions.len();
        assert!((60..200).contains(&n), "{n}");
        for i in 0..n {
            let views = &sites.views[sites.first_view[i] as usize..sites.first_view[i + 1] as usize];
            assert!(!views.is_empty() && views.windows(2).all(|w| w[0] < w[1]));
            assert_eq!(sites.cameras(i).count(), views.len());
            // Means of members within the spacing of different founders keep apart.
            for j in 0..i {
                assert!((sites.positions[i] - sites.positions[j]).norm() > 0.01);
            }
        }
    }
}
