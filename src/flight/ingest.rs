//! Files -> [`Flight`].
//!
//! In: paths and a function that reads one; the module itself touches no file system. Out: the photos sorted by time and
//! name, camera groups, local frame, priors, and every file that was left out with its reason. Cost: reading dominates;
//! files are read in parallel, their bytes are dropped at once. Failure modes: [`IngestError`].

use super::attitudes::attitudes_of;
use super::cameras::group_cameras;
use super::error::IngestError;
use super::positions::positions_of;
use super::shot::{Shot, file_name, read_shot};
use crate::base::{Cancelled, Ctx, Diagnostic, PhotoId};
use crate::scene::{Flight, Photo, SkippedPhoto};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Extensions of files that are read as photos.
pub const EXTENSIONS: [&str; 5] = ["jpg", "jpeg", "png", "tif", "tiff"];
/// Extensions of photos that are not read, and are reported instead of passed over.
const UNREAD: [&str; 8] = ["dng", "heic", "heif", "raw", "arw", "cr2", "nef", "webp"];

/// What a user may set for the ingest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct IngestOptions {
    /// Standard deviation in metres of each horizontal axis of positions that do not state their own (0.01..=1000).
    pub sigma_horizontal_m: f64,
    /// Standard deviation in metres of altitudes that do not state their own (0.01..=1000).
    pub sigma_vertical_m: f64,
    /// Least width and height in pixels of a photo.
    pub min_side_px: u32,
    /// Focal length in pixels of all photos, instead of what they state.
    pub focal_px: Option<f64>,
    /// Take no positions from the photos.
    pub ignore_positions: bool,
}

impl Default for IngestOptions {
    fn default() -> Self {
        Self {
            sigma_horizontal_m: 3.0,
            sigma_vertical_m: 5.0,
            min_side_px: 64,
            focal_px: None,
            ignore_positions: false,
        }
    }
}

fn extension(path: &Path) -> String {
    path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// Whether a file is read as a photo, by its name. Hidden files (`._DJI_0001.JPG` of some copies) are not.
pub fn is_photo(path: &Path) -> bool {
    EXTENSIONS.contains(&extension(path).as_str()) && !file_name(path).starts_with('.')
}

/// Makes a flight from photo files; other files are passed over.
pub fn ingest(
    ctx: &Ctx,
    files: &[PathBuf],
    read: &(dyn Fn(&Path) -> std::io::Result<Vec<u8>> + Sync),
    options: &IngestOptions,
) -> Result<Flight, IngestError> {
    let mut paths: Vec<&PathBuf> = files.iter().filter(|p| is_photo(p)).collect();
    paths.sort();
    paths.dedup();
    let mut skipped: Vec<SkippedPhoto> = files.iter().filter_map(|p| unread_format(p)).collect();
    if paths.is_empty() {
        return Err(IngestError::EmptyInput { given: files.len(), extensions: EXTENSIONS.join(", ") });
    }
    let (mut shots, unusable) = read_all(ctx, &paths, read, options)?;
    skipped.extend(unusable);
    skipped.extend(drop_duplicates(&mut shots));
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    for s in &skipped {
        ctx.report(s.reason.clone());
    }
    if shots.len() < 2 {
        return Err(IngestError::TooFew { usable: shots.len(), given: paths.len(), reasons: reasons(&skipped) });
    }
    make_names_unique(&mut shots);
    shots.sort_by(|a, b| {
        let time = |s: &Shot| s.exif.time_s.unwrap_or(f64::INFINITY);
        time(a).total_cmp(&time(b)).then_with(|| a.name.cmp(&b.name))
    });
    let flight = assemble(shots, skipped, options);
    for note in &flight.notes {
        ctx.report(note.clone());
    }
    Ok(flight)
}

fn unread_format(path: &Path) -> Option<SkippedPhoto> {
    let kind = extension(path);
    (UNREAD.contains(&kind.as_str()) && !file_name(path).starts_with('.')).then(|| {
        let name = file_name(path);
        let message = format!("{name}: photos of the kind .{kind} are not read, only {}", EXTENSIONS.join(", "));
        let reason = Diagnostic::warning("photo-format", name, message, "Convert it to JPEG with its metadata.");
        SkippedPhoto { path: path.to_path_buf(), reason }
    })
}

fn read_all(
    ctx: &Ctx,
    paths: &[&PathBuf],
    read: &(dyn Fn(&Path) -> std::io::Result<Vec<u8>> + Sync),
    options: &IngestOptions,
) -> Result<(Vec<Shot>, Vec<SkippedPhoto>), Cancelled> {
    let done = AtomicU64::new(0);
    let results: Vec<_> = paths
        .par_iter()
        .map(|path| {
            ctx.check()?;
            let shot = read_shot(path, read(path), options);
            ctx.tick(done.fetch_add(1, Ordering::Relaxed) + 1, paths.len() as u64)?;
            Ok(shot)
        })
        .collect::<Result<_, Cancelled>>()?;
    let (mut shots, mut skipped) = (Vec::new(), Vec::new());
    for (path, result) in paths.iter().zip(results) {
        match result {
            Ok(shot) => shots.push(shot),
            Err(reason) => skipped.push(SkippedPhoto { path: path.to_path_buf(), reason: *reason }),
        }
    }
    Ok((shots, skipped))
}

/// Keeps the first of files with equal bytes.
fn drop_duplicates(shots: &mut Vec<Shot>) -> Vec<SkippedPhoto> {
    let mut first: BTreeMap<_, PathBuf> = BTreeMap::new();
    let mut skipped = Vec::new();
    shots.retain(|shot| {
        let Some(original) = first.get(&shot.content) else {
            first.insert(shot.content.clone(), shot.path.clone());
            return true;
        };
        let message = format!("{} has the same content as {}", shot.name, original.display());
        let reason = Diagnostic::warning("photo-duplicate", &shot.name, message, "Nothing is lost without it.");
        skipped.push(SkippedPhoto { path: shot.path.clone(), reason });
        false
    });
    skipped
}

/// Puts the folder before names that occur more than once, and as much of the path as it takes.
fn make_names_unique(shots: &mut [Shot]) {
    for depth in 2..10 {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for shot in shots.iter() {
            *count.entry(shot.name.clone()).or_default() += 1;
        }
        if count.values().all(|n| *n == 1) {
            return;
        }
        for shot in shots.iter_mut().filter(|s| count[&s.name] > 1) {
            let parts: Vec<_> = shot.path.components().map(|c| c.as_os_str().to_string_lossy()).collect();
            shot.name = parts[parts.len().saturating_sub(depth)..].join("/");
        }
    }
}

/// The first reasons, one line each.
fn reasons(skipped: &[SkippedPhoto]) -> String {
    const SHOWN: usize = 10;
    let mut out: String = skipped.iter().take(SHOWN).map(|s| format!("\n  {}", s.reason.message)).collect();
    if skipped.len() > SHOWN {
        out += &format!("\n  and {} more", skipped.len() - SHOWN);
    }
    out
}

fn assemble(mut shots: Vec<Shot>, skipped: Vec<SkippedPhoto>, options: &IngestOptions) -> Flight {
    if options.ignore_positions {
        for shot in &mut shots {
            shot.exif.gps = None;
            (shot.xmp.latitude_deg, shot.xmp.longitude_deg) = (None, None);
        }
    }
    let (cameras, groups, mut notes) = group_cameras(&shots, options.focal_px);
    let positions = positions_of(&shots, options);
    notes.extend(positions.notes);
    let attitudes = attitudes_of(&shots);
    notes.extend(attitudes.notes);
    let photos = shots
        .into_iter()
        .enumerate()
        .map(|(i, shot)| Photo {
            id: PhotoId::from(i),
            camera: groups[i],
            orientation: shot.orientation,
            time_s: shot.exif.time_s,
            exposure_s: shot.exif.exposure_s,
            gps: positions.fixes[i],
            attitude: attitudes.stated[i],
            relative_altitude_m: shot.xmp.relative_altitude_m,
            position: positions.priors[i],
            rotation: attitudes.priors[i],
            content: shot.content,
            path: shot.path,
            name: shot.name,
        })
        .collect();
    Flight { photos, cameras, frame: positions.frame, skipped, notes }
}

#[cfg(test)]
#[path = "ingest_tests.rs"]
mod tests;
