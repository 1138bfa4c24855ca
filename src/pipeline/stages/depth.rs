//! Depth maps, one piece a photo and round.

use super::lru::Lru;
use crate::base::{Diagnostic, Fingerprint, PhotoId, Preview};
use crate::dense::depth::{DepthOptions, FilterOptions, filter_on, geometric, photometric};
use crate::dense::neighbours::{Neighbourhood, neighbourhoods};
use crate::dense::{DenseError, View};
use crate::gpu::Gpu;
use crate::image::decode::decode_photo;
use crate::pipeline::{Handle, Job, Quality, Stage, StageError};
use crate::project::{Project, ProjectError, read_photo};
use crate::scene::{DepthMap, Flight, Reconstruction};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Artifact folders of the pieces: maps after each round, and the filtered ones.
const ROUND: &str = "depth-round";
const FILTERED: &str = "depth-of-photo";

/// Where the depth maps are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DepthSet {
    /// Photo and key of each map, by ascending photo.
    pub maps: Vec<(PhotoId, Fingerprint)>,
    /// Longest side of the maps' images in pixels.
    pub max_size: u32,
    /// Pixels of the largest map.
    pub largest: u64,
}

impl DepthSet {
    /// The photos that have a map.
    pub fn photos(&self) -> impl Iterator<Item = PhotoId> + '_ {
        self.maps.iter().map(|(photo, _)| *photo)
    }

    /// Reads one map, by its place in `maps`.
    pub fn load(&self, project: &Project, index: usize) -> Result<DepthMap, ProjectError> {
        Handle::<DepthMap>::new(FILTERED, self.maps[index].1.clone()).load(project)
    }
}

/// The undistorted photo at a size, read from its file.
pub fn undistorted(
    flight: &Flight,
    reconstruction: &Reconstruction,
    photo: PhotoId,
    max_size: u32,
    gpu: Option<&Gpu>,
) -> Result<View, DenseError> {
    let entry = &flight.photos[photo.index()];
    let unreadable = |message: String| DenseError::Load { photo, message: format!("{}: {message}", entry.name) };
    let bytes = read_photo(&entry.path).map_err(|e| unreadable(e.to_string()))?;
    let image = decode_photo(&bytes, entry.orientation).map_err(|e| unreadable(e.to_string()))?;
    View::new(reconstruction, photo, &image, max_size, gpu)
}

/// Computes depth maps.
pub struct DepthStage<'a> {
    /// The photos.
    pub flight: &'a Flight,
    /// Poses and points.
    pub reconstruction: &'a Reconstruction,
    /// Where the reconstruction is stored.
    pub sparse: Handle<Reconstruction>,
    /// How much work to put in.
    pub quality: Quality,
    /// Seed of the search.
    pub seed: u64,
}

impl DepthStage<'_> {
    fn options(&self) -> DepthOptions {
        let side = self.reconstruction.cameras.iter().map(|c| c.width.max(c.height)).max().unwrap_or(0);
        let base = match self.quality {
            Quality::Draft => DepthOptions::draft(),
            Quality::Normal => DepthOptions::default(),
            Quality::High => DepthOptions::high(),
        };
        DepthOptions { max_size: self.quality.depth_size(side), ..base }
    }

    /// Bytes of a view and of a depth map.
    fn sizes(&self) -> (u64, u64) {
        let pixels = u64::from(self.options().max_size).pow(2) * 3 / 4;
        (pixels * 4, pixels * 20)
    }
}

impl Stage for DepthStage<'_> {
    const NAME: &'static str = "depth";
    const VERSION: u32 = 1;
    type KeyMaterial = (Fingerprint, DepthOptions, u64);
    type Output = DepthSet;

    fn key_material(&self) -> Self::KeyMaterial {
        (self.sparse.key.clone(), self.options(), self.seed)
    }

    fn memory(&self) -> u64 {
        // One photo as decoded; a reference and its sources as images, pyramids, planes and maps.
        let photo = self.flight.cameras.iter().map(|c| u64::from(c.width) * u64::from(c.height) * 6).max().unwrap_or(0);
        let (view, map) = self.sizes();
        photo + (self.options().sources as u64 + 2) * (view * 4 + map * 3)
    }

    fn run(&self, job: &Job<'_>) -> Result<DepthSet, StageError> {
        let options = self.options();
        let (view_bytes, map_bytes) = self.sizes();
        let spare = job.ctx.max_memory.saturating_sub(self.memory());
        let least = options.sources + 2;
        let work = Work {
            stage: self,
            job,
            views: Lru::new((spare / 3 / view_bytes.max(1)) as usize, least),
            maps: Lru::new((spare / 3 / map_bytes.max(1)) as usize, least),
            options,
        };
        work.all()
    }
}

/// A run of the stage with what it holds in memory.
struct Work<'a> {
    stage: &'a DepthStage<'a>,
    job: &'a Job<'a>,
    options: DepthOptions,
    views: Lru<PhotoId, View>,
    maps: Lru<(PhotoId, u32), DepthMap>,
}

impl Work<'_> {
    fn all(&self) -> Result<DepthSet, StageError> {
        let readable = |n: &Neighbourhood| {
            let result = self.view(n.photo);
            if let Err(e @ DenseError::Load { .. }) = &result {
                self.job.ctx.report(Diagnostic::warning(
                    "photo-unreadable",
                    &self.stage.flight.photos[n.photo.index()].name,
                    e.to_string(),
                    "copy the photo anew; the others are used without it",
                ));
            }
            result.is_ok()
        };
        let mut all = neighbourhoods(self.stage.reconstruction, self.options.sources);
        all.retain(readable);
        let usable: Vec<PhotoId> = all.iter().map(|n| n.photo).collect();
        for n in &mut all {
            n.sources.retain(|s| usable.binary_search(s).is_ok());
        }
        all.retain(|n| n.sources.len() >= 2);
        let registered = self.stage.reconstruction.registered().count();
        if all.len() < registered {
            self.job.ctx.report(Diagnostic::warning(
                "few-neighbours",
                "",
                format!(
                    "{} of {registered} registered photos share too little with others for a depth map",
                    registered - all.len()
                ),
                "more overlap between photos gives more surface",
            ));
        }
        let rounds = self.options.geometric_rounds;
        let total = all.len() as u64 * u64::from(rounds + 1);
        let mut done = 0;
        for round in 0..=rounds {
            for n in &all {
                let map = self.map(n, &all, round)?;
                self.job.ctx.preview(|| self.preview(&map));
                done += 1;
                self.job.ctx.tick(done, total)?;
            }
        }
        let mut set = DepthSet { max_size: self.options.max_size, ..DepthSet::default() };
        let (mut kept, mut pixels) = (0u64, 0u64);
        for n in &all {
            let material = (self.material(n.photo, rounds), "filtered");
            let map: DepthMap = self.job.piece(FILTERED, DepthStage::VERSION, &material, || {
                let map = self.map(n, &all, rounds)?;
                let sources = self.source_maps(n, &all, rounds)?;
                let sources: Vec<&DepthMap> = sources.iter().map(|m| &**m).collect();
                let job = self.job;
                filter_on(&job.ctx.muted(), job.gpu, &map, &sources, &FilterOptions::default()).map_err(failed)
            })?;
            kept += map.depth.data.iter().filter(|d| **d > 0.0).count() as u64;
            pixels += map.depth.data.len() as u64;
            set.largest = set.largest.max(map.depth.data.len() as u64);
            set.maps.push((n.photo, Job::piece_key(FILTERED, DepthStage::VERSION, &material)?));
            self.job.ctx.check()?;
        }
        self.job.figure("maps", set.maps.len() as f64);
        self.job.figure("pixels_kept_share", kept as f64 / pixels.max(1) as f64);
        Ok(set)
    }

    /// A small picture of a map: near is bright, what has no depth is black.
    fn preview(&self, map: &DepthMap) -> Preview {
        const SIDE: usize = 360;
        let depth = &map.depth;
        let step = (depth.width.max(depth.height)).div_ceil(SIDE).max(1);
        let (width, height) = (depth.width / step, depth.height / step);
        let at = |i: usize| depth.data[(i / width) * step * depth.width + (i % width) * step];
        let mut known: Vec<f32> = (0..width * height).map(at).filter(|d| *d > 0.0).collect();
        known.sort_by(f32::total_cmp);
        let quantile = |q: f32| known.get((q * known.len() as f32) as usize).copied().unwrap_or(1.0);
        let (near, far) = (quantile(0.02), quantile(0.98));
        let pixel = |i: usize| match at(i) {
            d if d > 0.0 => [(255.0 - 200.0 * ((d - near) / (far - near).max(1e-6)).clamp(0.0, 1.0)) as u8; 3],
            _ => [0; 3],
        };
        let subject = self.stage.flight.photos[map.photo.index()].name.clone();
        Preview::Picture { subject, width, pixels: (0..width * height).map(pixel).collect() }
    }

    fn material(&self, photo: PhotoId, round: u32) -> (Fingerprint, DepthOptions, u64, PhotoId, u32) {
        (self.stage.sparse.key.clone(), self.options.clone(), self.stage.seed, photo, round)
    }

    fn view(&self, photo: PhotoId) -> Result<Arc<View>, DenseError> {
        self.views.get_or(photo, || {
            undistorted(self.stage.flight, self.stage.reconstruction, photo, self.options.max_size, self.job.gpu)
        })
    }

    fn views_of(&self, n: &Neighbourhood) -> Result<Vec<Arc<View>>, StageError> {
        n.sources.iter().map(|&s| self.view(s).map_err(failed)).collect()
    }

    /// The maps of a photo's sources after a round.
    fn source_maps(
        &self,
        n: &Neighbourhood,
        all: &[Neighbourhood],
        round: u32,
    ) -> Result<Vec<Arc<DepthMap>>, StageError> {
        let of = |s: &PhotoId| {
            let i = all.binary_search_by_key(s, |m| m.photo).ok()?;
            Some(self.map(&all[i], all, round))
        };
        n.sources.iter().filter_map(of).collect()
    }

    /// The map of a photo after a round, from memory, from disk, or computed.
    fn map(&self, n: &Neighbourhood, all: &[Neighbourhood], round: u32) -> Result<Arc<DepthMap>, StageError> {
        self.maps.get_or((n.photo, round), || {
            self.job.piece(ROUND, DepthStage::VERSION, &self.material(n.photo, round), || {
                let (ctx, gpu) = (&self.job.ctx.muted(), self.job.gpu);
                let view = self.view(n.photo).map_err(failed)?;
                let with_map = Neighbourhood {
                    sources: n
                        .sources
                        .iter()
                        .filter(|s| all.binary_search_by_key(*s, |m| m.photo).is_ok())
                        .copied()
                        .collect(),
                    ..n.clone()
                };
                if round == 0 {
                    let sources = self.views_of(n)?;
                    let sources: Vec<&View> = sources.iter().map(|v| &**v).collect();
                    return photometric(ctx, &view, &sources, n, gpu, &self.options).map_err(failed);
                }
                let before = self.map(n, all, round - 1)?;
                let sources = self.views_of(&with_map)?;
                let sources: Vec<&View> = sources.iter().map(|v| &**v).collect();
                let maps = self.source_maps(&with_map, all, round - 1)?;
                let maps: Vec<&DepthMap> = maps.iter().map(|m| &**m).collect();
                if maps.len() < 2 {
                    return Ok((*before).clone());
                }
                geometric(ctx, &view, &sources, &with_map, &before, &maps, round - 1, gpu, &self.options)
                    .map_err(failed)
            })
        })
    }
}

fn failed(error: DenseError) -> StageError {
    match error {
        DenseError::Cancelled(_) => StageError::Cancelled,
        e => StageError::failed("depth", &e, e.hint()),
    }
}
