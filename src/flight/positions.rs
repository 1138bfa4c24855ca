//! From GNSS fixes to a local frame and position priors with honest standard deviations.
//!
//! In: the facts of the photos. Out: fixes with meaningless parts taken out, the local frame at the block's median,
//! priors in metres, and notes. Cost: linear times a sort. Failure modes: a flight whose fixes tell nothing (none, all at
//! 0/0, all in one place) has no frame and no priors, and says so.
//!
//! Rules: stated RTK deviations count, ten times inflated unless the ambiguities are fixed; consumer receivers get 3 m
//! and 5 m; coordinates rounded to whole seconds 10 m; a fix repeated by three or more photos is stale and gets three
//! times its deviation. Altitudes that are exactly 0 on more than one photo in twenty are no altitudes; heights above the
//! take-off stand in for them.

use super::ingest::IngestOptions;
use super::shot::Shot;
use crate::base::{Diagnostic, stats};
use crate::formats::xmp::RtkState;
use crate::georef::{Enu, local_frame};
use crate::scene::{GpsFix, LocalFrame, PositionPrior};
use nalgebra::Vector3;
use std::collections::BTreeMap;

/// A photo is far from the rest beyond this many metres from the median.
const FAR_M: f64 = 20_000.0;
/// ... or beyond this many metres and `FAR_FACTOR` times the median distance.
const STRAY_M: f64 = 1_000.0;
const FAR_FACTOR: f64 = 15.0;
/// Photos within this radius in metres are in one place.
const ONE_PLACE_M: f64 = 0.05;
/// Standard deviation in metres of an altitude that is not known.
const UNKNOWN_ALTITUDE_SIGMA: f64 = 1000.0;
/// Least deviations in metres even of a fixed RTK solution: antenna to camera, exposure time.
const RTK_FLOOR: (f64, f64) = (0.02, 0.03);

/// What the fixes of a flight tell.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    /// The frame, where positions are usable.
    pub frame: Option<LocalFrame>,
    /// Cleaned fix of each photo.
    pub fixes: Vec<Option<GpsFix>>,
    /// Prior of each photo.
    pub priors: Vec<Option<PositionPrior>>,
    /// What was found on the way.
    pub notes: Vec<Diagnostic>,
}

/// Reads the positions of a flight.
pub fn positions_of(shots: &[Shot], options: &IngestOptions) -> Positions {
    let mut notes = Vec::new();
    let mut fixes: Vec<Option<GpsFix>> = shots.iter().map(fix_of).collect();
    drop_zero_fixes(shots, &mut fixes, &mut notes);
    let heights = drop_zero_altitudes(shots, &mut fixes, &mut notes);
    drop_far_fixes(shots, &mut fixes, &mut notes);
    let with_fix = fixes.iter().flatten().count();
    let none = |fixes: Vec<Option<GpsFix>>, notes| {
        let priors = vec![None; fixes.len()];
        Positions { frame: None, fixes, priors, notes }
    };
    if with_fix == 0 {
        notes.push(unscaled_note("no photo has a usable position", shots.len()));
        return none(fixes, notes);
    }
    let (latitude, longitude) = median_place(&fixes);
    // The origin lies at the take-off's height where photos state their height above it, so that the ground is near 0.
    let level = |shot: &Shot, fix: &GpsFix| {
        fix.altitude_m.map(|a| a - if heights.relative { shot.xmp.relative_altitude_m.unwrap_or(0.0) } else { 0.0 })
    };
    let levels: Vec<f64> = shots.iter().zip(&fixes).filter_map(|(s, f)| level(s, f.as_ref()?)).collect();
    let frame = local_frame(latitude, longitude, stats::median(&levels).unwrap_or(0.0));
    let enu = Enu::new(&frame);
    let places: Vec<Option<Vector3<f64>>> = fixes
        .iter()
        .map(|f| {
            let f = f.as_ref()?;
            let altitude = f.altitude_m.unwrap_or(frame.altitude_m);
            Some(enu.local_from_geodetic(f.latitude_deg, f.longitude_deg, altitude))
        })
        .collect();
    let radius = places.iter().flatten().map(|p| p.xy().norm()).fold(0.0, f64::max);
    if radius < ONE_PLACE_M {
        notes.push(unscaled_note("all positions are the same place", shots.len()));
        return none(fixes, notes);
    }
    if with_fix < shots.len() {
        notes.push(Diagnostic::info(
            "positions-missing",
            "",
            format!("{with_fix} of {} photos have a position; the others follow from them", shots.len()),
        ));
    }
    let stale = stale_fixes(shots, &fixes, &mut notes);
    let coarse = coarse_fixes(&fixes, &mut notes);
    let priors = shots
        .iter()
        .zip(&fixes)
        .zip(&places)
        .zip(&stale)
        .map(|(((shot, fix), place), stale)| {
            let (fix, place) = (fix.as_ref()?, (*place)?);
            let mut sigma = sigma_of(shot, fix, options);
            if coarse {
                sigma = sigma.sup(&Vector3::new(10.0, 10.0, 0.0));
            }
            if fix.altitude_m.is_none() {
                sigma.z = UNKNOWN_ALTITUDE_SIGMA;
            }
            Some(PositionPrior { centre: place, sigma: sigma * if *stale { 3.0 } else { 1.0 } })
        })
        .collect();
    Positions { frame: Some(frame), fixes, priors, notes }
}

fn unscaled_note(why: &str, photos: usize) -> Diagnostic {
    Diagnostic::warning(
        "positions-unusable",
        "",
        format!("The scale of the city stays unknown: {why} ({photos} photos)"),
        "Choose the size of the print yourself, or give photos with GPS positions.",
    )
}

/// The fix that a photo states: the maker's XMP before EXIF.
fn fix_of(shot: &Shot) -> Option<GpsFix> {
    let (exif, xmp) = (shot.exif.gps, &shot.xmp);
    let by_xmp = xmp.latitude_deg.zip(xmp.longitude_deg).filter(|(a, b)| *a != 0.0 || *b != 0.0);
    let (latitude_deg, longitude_deg) = by_xmp.or_else(|| exif.map(|g| (g.latitude_deg, g.longitude_deg)))?;
    let altitude_m = xmp.absolute_altitude_m.or_else(|| exif.and_then(|g| g.altitude_m));
    // Outside a fixed solution the stated deviations are far too small.
    let factor = if matches!(xmp.rtk, Some(RtkState::Float | RtkState::Single)) { 10.0 } else { 1.0 };
    Some(GpsFix {
        latitude_deg,
        longitude_deg,
        altitude_m,
        sigma_horizontal_m: xmp.sigma_horizontal_m.map(|s| s * factor),
        sigma_vertical_m: xmp.sigma_vertical_m.map(|s| s * factor),
    })
}

/// Standard deviations of a fix along east, north, up.
fn sigma_of(shot: &Shot, fix: &GpsFix, options: &IngestOptions) -> Vector3<f64> {
    let stated = shot.exif.gps.and_then(|g| g.error_m).map(|e| e.max(0.5));
    let horizontal =
        fix.sigma_horizontal_m.map(|s| s.max(RTK_FLOOR.0)).or(stated).unwrap_or(options.sigma_horizontal_m);
    let vertical = fix.sigma_vertical_m.map(|s| s.max(RTK_FLOOR.1)).unwrap_or(options.sigma_vertical_m);
    Vector3::new(horizontal, horizontal, vertical)
}

fn drop_zero_fixes(shots: &[Shot], fixes: &mut [Option<GpsFix>], notes: &mut Vec<Diagnostic>) {
    for (shot, slot) in shots.iter().zip(fixes.iter_mut()) {
        if slot.is_some_and(|f| f.latitude_deg.abs() < 1e-6 && f.longitude_deg.abs() < 1e-6) {
            *slot = None;
            notes.push(Diagnostic::warning(
                "position-zero",
                &shot.name,
                format!("The position of {} is 0 degrees north, 0 degrees east; it is ignored", shot.name),
                "Wait for a GPS fix before the flight.",
            ));
        }
    }
}

struct Heights {
    /// Whether heights above the take-off are known for nearly all photos with a fix.
    relative: bool,
}

fn drop_zero_altitudes(shots: &[Shot], fixes: &mut [Option<GpsFix>], notes: &mut Vec<Diagnostic>) -> Heights {
    let with_fix = fixes.iter().flatten().count();
    let zero = fixes.iter().flatten().filter(|f| f.altitude_m == Some(0.0)).count();
    let missing = fixes.iter().flatten().filter(|f| f.altitude_m.is_none()).count();
    let relative = shots
        .iter()
        .zip(fixes.iter())
        .filter(|(s, f)| f.is_some() && s.xmp.relative_altitude_m.is_some_and(|r| r != 0.0))
        .count();
    let relative = with_fix > 0 && relative * 10 >= with_fix * 9;
    if zero * 20 <= with_fix && missing * 20 <= with_fix {
        return Heights { relative };
    }
    // Heights above the take-off stand in, in a datum of their own.
    for (shot, fix) in shots.iter().zip(fixes.iter_mut()) {
        if let Some(fix) = fix {
            fix.altitude_m = if relative { shot.xmp.relative_altitude_m } else { None };
        }
    }
    notes.push(Diagnostic::warning(
        "altitude-meaningless",
        "",
        format!(
            "{} of {with_fix} altitudes are 0 or absent, more than one in twenty: altitudes are taken as unknown{}",
            zero + missing,
            if relative { "; heights above the take-off are used instead" } else { "" }
        ),
        "",
    ));
    Heights { relative }
}

/// Median latitude and longitude, also across the date line.
fn median_place(fixes: &[Option<GpsFix>]) -> (f64, f64) {
    let latitudes: Vec<f64> = fixes.iter().flatten().map(|f| f.latitude_deg).collect();
    let first = fixes.iter().flatten().map(|f| f.longitude_deg).next().unwrap_or(0.0);
    let around = |l: f64| (l - first + 180.0).rem_euclid(360.0) - 180.0;
    let longitudes: Vec<f64> = fixes.iter().flatten().map(|f| around(f.longitude_deg)).collect();
    let longitude = first + stats::median(&longitudes).unwrap_or(0.0);
    (stats::median(&latitudes).unwrap_or(0.0), (longitude + 180.0).rem_euclid(360.0) - 180.0)
}

fn drop_far_fixes(shots: &[Shot], fixes: &mut [Option<GpsFix>], notes: &mut Vec<Diagnostic>) {
    if fixes.iter().flatten().count() < 3 {
        return;
    }
    let (latitude, longitude) = median_place(fixes);
    let enu = Enu::new(&local_frame(latitude, longitude, 0.0));
    let distance = |f: &GpsFix| enu.local_from_geodetic(f.latitude_deg, f.longitude_deg, 0.0).norm();
    let distances: Vec<f64> = fixes.iter().flatten().map(distance).collect();
    let typical = stats::median(&distances).unwrap_or(0.0);
    let limit = FAR_M.min(STRAY_M.max(FAR_FACTOR * typical));
    for (shot, slot) in shots.iter().zip(fixes.iter_mut()) {
        let Some(d) = slot.as_ref().map(distance).filter(|d| *d > limit) else { continue };
        *slot = None;
        notes.push(Diagnostic::warning(
            "position-far",
            &shot.name,
            format!(
                "The position of {} is {d:.0} m from the others, above the limit of {limit:.0} m; it is ignored",
                shot.name
            ),
            "Remove photos of other places.",
        ));
    }
}

/// Fixes that three or more photos repeat exactly, in a flight that moves.
fn stale_fixes(shots: &[Shot], fixes: &[Option<GpsFix>], notes: &mut Vec<Diagnostic>) -> Vec<bool> {
    let key = |f: &GpsFix| (f.latitude_deg.to_bits(), f.longitude_deg.to_bits(), f.altitude_m.map(f64::to_bits));
    let mut count = BTreeMap::new();
    for f in fixes.iter().flatten() {
        *count.entry(key(f)).or_insert(0usize) += 1;
    }
    let stale: Vec<bool> = fixes.iter().map(|f| f.as_ref().is_some_and(|f| count[&key(f)] >= 3)).collect();
    let number = stale.iter().filter(|s| **s).count();
    if number > 0 {
        notes.push(Diagnostic::info(
            "position-repeated",
            "",
            format!(
                "{number} of {} photos share their position with two or more others; it counts a third",
                shots.len()
            ),
        ));
    }
    stale
}

/// Whether all coordinates are whole seconds (31 m).
fn coarse_fixes(fixes: &[Option<GpsFix>], notes: &mut Vec<Diagnostic>) -> bool {
    let whole = |degrees: f64| ((degrees * 3600.0) - (degrees * 3600.0).round()).abs() < 1e-4;
    let all = fixes.iter().flatten().all(|f| whole(f.latitude_deg) && whole(f.longitude_deg));
    if all {
        notes.push(Diagnostic::warning(
            "position-rounded",
            "",
            "The positions are rounded to whole seconds (about 31 m); the scale of the city is uncertain",
            "Use the original photos: some programs round positions when they save.",
        ));
    }
    all
}

#[cfg(test)]
#[path = "positions_tests.rs"]
mod tests;
