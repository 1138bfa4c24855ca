//! What a run would take: time, memory and disk for each stage, before it starts.
//!
//! In: a project and a request. Out: a [`Forecast`]. Times are for the processor; they come from the work that each stage
//! does (pixels, pairs, points) and what that work took on two cores at 2.5 GHz (flights of 18 to 172 photos), and are
//! then scaled by what the stages of this very project took, where some have run: that corrects for the machine.
//! Good to a factor of two before anything has run. Memory follows the stages' own plans.
//! Failure modes: a project without a readable photo has no work to forecast, and gets zeros.

use super::runner::states;
use super::{Freshness, Quality, RunRequest, StageName};
use crate::image::decode::dimensions;
use crate::project::{Project, read_photo};

/// The forecast of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageForecast {
    /// The stage.
    pub stage: StageName,
    /// Whether it has work to do.
    pub state: Freshness,
    /// Seconds that it would take if it ran.
    pub seconds: f64,
    /// Bytes of memory at its peak.
    pub memory: u64,
    /// Bytes that it would write.
    pub disk: u64,
}

/// The forecast of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Photos that take part.
    pub photos: usize,
    /// The stages up to the one asked for, in order.
    pub stages: Vec<StageForecast>,
}

impl Forecast {
    fn to_do(&self) -> impl Iterator<Item = &StageForecast> {
        self.stages.iter().filter(|s| s.state != Freshness::UpToDate)
    }

    /// Seconds of what is to do.
    pub fn seconds(&self) -> f64 {
        self.to_do().map(|s| s.seconds).sum()
    }

    /// Peak memory of what is to do, in bytes.
    pub fn memory(&self) -> u64 {
        self.to_do().map(|s| s.memory).max().unwrap_or(0)
    }

    /// What would be written, in bytes.
    pub fn disk(&self) -> u64 {
        self.to_do().map(|s| s.disk).sum()
    }
}

/// The amount of work, from the photos and the request.
struct Amount {
    photos: f64,
    /// Pixels of one photo.
    photo: f64,
    /// Pixels of one photo at the features' size.
    feature_pixels: f64,
    features: f64,
    pairs: f64,
    /// Pixels of one depth map.
    depth: f64,
    /// Points of the fused cloud.
    points: f64,
    quality: Quality,
}

impl Amount {
    fn new(photos: usize, (width, height): (u32, u32), quality: Quality) -> Self {
        let n = photos as f64;
        let pixels = f64::from(width) * f64::from(height);
        let side = f64::from(width.max(height)).max(1.0);
        let at = |longest: u32| pixels * (f64::from(longest) / side).min(1.0).powi(2);
        let depth = at(quality.depth_size(width.max(height)));
        Self {
            photos: n,
            photo: pixels,
            feature_pixels: at(quality.feature_size()),
            features: quality.feature_count() as f64,
            // Neighbours by position; all with all in small flights.
            pairs: (n * (n - 1.0) / 2.0).clamp(0.0, 13.0 * n),
            depth,
            points: 0.29 * depth * n,
            quality,
        }
    }

    /// Core-seconds, peak memory and bytes written of a stage.
    fn of(&self, stage: StageName) -> (f64, f64, f64) {
        let (n, mega) = (self.photos, 1e-6);
        let maps = self.depth * n;
        let sources = 10.0;
        match stage {
            StageName::Ingest => (0.01 * n, self.photo * 6.0, 600.0 * n),
            StageName::Features => {
                let memory = 6.0 * self.photo + 56.0 * self.feature_pixels;
                (0.6 * mega * self.feature_pixels * n, memory, 148.0 * self.features * n)
            }
            StageName::Match => {
                let work = 0.064 * (self.features / 8000.0).powi(2) * self.pairs;
                (work, self.features * 900.0, self.pairs * 2e3)
            }
            StageName::Verify => (0.01 * self.pairs, self.features * 1300.0, self.pairs * 1.5e3),
            StageName::Sparse => (0.1 * n * (1.0 + n / 170.0), self.features * n * 320.0, self.features * n * 9.0),
            StageName::Depth => {
                let each = if self.quality == Quality::Draft { 19.0 } else { 36.0 };
                (each * mega * maps, 6.0 * self.photo + sources * 60.0 * self.depth, 76.0 * maps)
            }
            StageName::Fuse => {
                let memory = self.depth * (23.0 * (sources + 2.0) + n) + maps / 5.0 * 90.0;
                (2.2 * mega * maps, memory, 38.0 * self.points)
            }
            StageName::City => (45.0 * mega * self.points, 850.0 * self.points, 35.0 * self.points),
            StageName::Part => {
                let triangles = 0.5 * self.points;
                (5.0 + 12.0 * mega * self.points, 900.0 * triangles + 2e8, 5e7)
            }
        }
    }
}

/// Size of the photos: of the first that can be read.
fn photo_size(project: &Project) -> Option<(u32, u32)> {
    project.manifest().accepted().iter().take(20).find_map(|path| dimensions(&read_photo(path).ok()?).ok())
}

/// Forecasts a run. `project` may be open to read only.
pub fn forecast(project: &mut Project, request: &RunRequest) -> Forecast {
    let photos = project.manifest().accepted().len();
    let Some(size) = photo_size(project) else { return Forecast { photos, ..Forecast::default() } };
    let amount = Amount::new(photos, size, request.quality);
    let cores = rayon::current_num_threads().max(1) as f64;
    let known = states(project, request);
    let seconds = |stage: StageName| amount.of(stage).0 / if stage == StageName::Sparse { 1.0 } else { cores };
    // What the results of this request took here, against what was to be expected.
    let mut ratios: Vec<f64> = known
        .iter()
        .filter(|(_, state)| *state == Freshness::UpToDate)
        .filter_map(|&(stage, _)| {
            let took = project.current(stage.word()).ok()?.done().ok()?.seconds;
            (took > 1.0).then(|| took / seconds(stage))
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let factor = ratios.get(ratios.len() / 2).copied().unwrap_or(1.0).clamp(0.1, 10.0);
    let stages = known.into_iter().filter(|(stage, _)| *stage <= request.until).map(|(stage, state)| {
        let (_, memory, disk) = amount.of(stage);
        StageForecast { stage, state, seconds: factor * seconds(stage), memory: memory as u64, disk: disk as u64 }
    });
    Forecast { photos, stages: stages.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample flight of 24 photos of 960 x 640 px, measured on two cores: 3 min 58 s, 1.65 GB, 1.0 GB of project.
    #[test]
    fn the_sample_flight_is_forecast_within_a_factor_of_two() {
        let amount = Amount::new(24, (960, 640), Quality::Normal);
        let all: Vec<_> = StageName::ALL.iter().map(|&s| amount.of(s)).collect();
        let seconds: f64 = all.iter().map(|a| a.0).sum::<f64>() / 2.0;
        let memory = all.iter().map(|a| a.1).fold(0.0, f64::max);
        let disk: f64 = all.iter().map(|a| a.2).sum();
        assert!((119.0..476.0).contains(&seconds), "{seconds}");
        assert!((0.8e9..3.3e9).contains(&memory), "{memory}");
        assert!((0.5e9..2.0e9).contains(&disk), "{disk}");
    }

    #[test]
    fn more_photos_and_quality_take_more() {
        let total = |n, quality| {
            let amount = Amount::new(n, (4000, 3000), quality);
            StageName::ALL.iter().map(|&s| amount.of(s).0).sum::<f64>()
        };
        assert!(total(100, Quality::Normal) > 4.0 * total(20, Quality::Normal));
        assert!(total(20, Quality::High) > total(20, Quality::Normal));
        assert!(total(20, Quality::Normal) > total(20, Quality::Draft));
    }
}
