//! Fused points.

use super::depth::{DepthSet, undistorted};
use super::lru::Lru;
use crate::base::{Fingerprint, PhotoId, stats};
use crate::dense::DenseError;
use crate::dense::fuse::{FuseOptions, Fusion, fuse_view, ground_pixel};
use crate::dense::neighbours::neighbourhoods;
use crate::image::Rgb8;
use crate::pipeline::{Handle, Job, Stage, StageError};
use crate::scene::{DepthMap, Flight, PointCloud, Reconstruction};
use std::collections::{BTreeMap, BTreeSet};

/// Photos that each photo's map is compared with, besides those that have chosen it.
const NEIGHBOURS: usize = 8;

/// Fuses depth maps.
pub struct FuseStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Poses and lenses.
    pub reconstruction: &'a Reconstruction,
    /// The depth maps.
    pub maps: &'a DepthSet,
    /// Where the list of depth maps is stored.
    pub depth: Handle<DepthSet>,
}

impl FuseStage<'_> {
    /// For each photo with a map, the others with a map to ask, symmetric.
    fn neighbours(&self) -> Vec<(PhotoId, Vec<PhotoId>)> {
        let mapped: BTreeSet<PhotoId> = self.maps.photos().collect();
        let mut all: BTreeMap<PhotoId, BTreeSet<PhotoId>> = mapped.iter().map(|p| (*p, BTreeSet::new())).collect();
        for n in neighbourhoods(self.reconstruction, NEIGHBOURS) {
            for s in n.sources.iter().filter(|s| mapped.contains(s) && mapped.contains(&n.photo)) {
                for (a, b) in [(n.photo, *s), (*s, n.photo)] {
                    all.entry(a).or_default().insert(b);
                }
            }
        }
        all.into_iter().map(|(p, others)| (p, others.into_iter().collect())).collect()
    }
}

impl Stage for FuseStage<'_> {
    const NAME: &'static str = "fuse";
    const VERSION: u32 = 1;
    type KeyMaterial = (Fingerprint, FuseOptions);
    type Output = PointCloud;

    fn key_material(&self) -> Self::KeyMaterial {
        (self.depth.key.clone(), FuseOptions::default())
    }

    fn memory(&self) -> u64 {
        // The maps of a neighbourhood, and about one point of 90 bytes for each pixel of a fifth of all maps.
        let maps = self.maps.maps.len() as u64;
        self.maps.largest * (23 * (NEIGHBOURS as u64 + 2) + maps) + maps * self.maps.largest / 5 * 90
    }

    fn run(&self, job: &Job<'_>) -> Result<PointCloud, StageError> {
        let failed = |e: DenseError| match e {
            DenseError::Cancelled(_) => StageError::Cancelled,
            e => StageError::failed(Self::NAME, &e, e.hint()),
        };
        let spare = job.ctx.max_memory.saturating_sub(self.memory());
        let held: Lru<PhotoId, (DepthMap, Rgb8)> =
            Lru::new((spare / 2 / (self.maps.largest * 23).max(1)) as usize, 2 * NEIGHBOURS);
        let place: BTreeMap<PhotoId, usize> = self.maps.photos().enumerate().map(|(i, p)| (p, i)).collect();
        let load = |photo: PhotoId| {
            held.get_or(photo, || {
                let map = self.maps.load(job.project, place[&photo])?;
                let view = undistorted(self.flight, self.reconstruction, photo, self.maps.max_size, job.gpu)
                    .map_err(failed)?;
                Ok::<_, StageError>((map, view.colour))
            })
        };
        let options = FuseOptions::default();
        let order = self.neighbours();
        let mut sizes = Vec::new();
        for (photo, _) in &order {
            sizes.extend(ground_pixel(&load(*photo)?.0));
            job.ctx.check()?;
        }
        let mut fusion = Fusion::new(stats::median(&sizes).unwrap_or(1.0), &options);
        for (done, (photo, others)) in order.iter().enumerate() {
            job.ctx.tick(done as u64, order.len() as u64)?;
            let own = load(*photo)?;
            let others = others.iter().map(|p| load(*p)).collect::<Result<Vec<_>, _>>()?;
            let others: Vec<(&DepthMap, &Rgb8)> = others.iter().map(|o| (&o.0, &o.1)).collect();
            fusion.add(&fuse_view((&own.0, &own.1), &others, &options));
        }
        let cloud = fusion.finish();
        job.figure("points", cloud.points.len() as f64);
        job.figure("gsd_m", cloud.gsd);
        let views: usize = cloud.points.iter().map(|p| p.views.len()).sum();
        job.figure("views_per_point", views as f64 / cloud.points.len().max(1) as f64);
        Ok(cloud)
    }
}
