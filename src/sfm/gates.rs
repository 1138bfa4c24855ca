//! Quality gates: repair what can be repaired, report the rest, accept nothing silently.
//!
//! In: the refined model. Out: photos and priors removed that do not hold, and notes. Gates: a photo needs 30
//! observations in 8 of 64 cells; photos must hang together by at least ten common points; a position more than four
//! sigmas off is no position; the whole must fit within 1.2 pixels RMS. Source: `reconstruction clustering` of COLMAP
//! (idea), the limits from the project's design notes. Cost: linear.

use super::SfmOptions;
use super::georeference::{OUTLIER, outlier};
use super::graph::{ViewGraph, components, other};
use super::model::Model;
use crate::base::{Diagnostic, stats};
use crate::scene::{Features, Flight, Georeference};
use std::collections::BTreeMap;

/// Common points that link two photos.
const LINK: u32 = 10;
/// Cells of an 8 x 8 grid that a photo's observations must touch.
const CELLS: usize = 8;
/// A photo with fewer observations than this share of the median is held by little.
const LOOSE: f64 = 0.15;
/// Position residuals above this many sigmas are outliers.
const POSITION_SIGMAS: f64 = 4.0;

/// Removes photos and priors that do not hold. Returns whether anything changed.
pub(super) fn repair(flight: &Flight, model: &mut Model, options: &SfmOptions, notes: &mut Vec<Diagnostic>) -> bool {
    let mut changed = false;
    for (photo, reason) in weak_photos(model, options) {
        notes.push(Diagnostic::warning(
            "photo-not-registered",
            &flight.photos[photo].name,
            reason,
            "More overlap with its neighbours would help.",
        ));
        model.remove_photo(photo);
        changed = true;
    }
    for photo in split_photos(model) {
        notes.push(Diagnostic::warning(
            "photo-not-registered",
            &flight.photos[photo].name,
            format!("It shares fewer than {LINK} points with any photo of the main block."),
            "More overlap between the parts of the flight would join them.",
        ));
        model.remove_photo(photo);
        changed = true;
    }
    repair_positions(flight, model, options, notes) || changed
}

/// A position far from the adjusted centre is wrong, or the photo is misplaced: the latter where little holds it.
fn repair_positions(flight: &Flight, model: &mut Model, options: &SfmOptions, notes: &mut Vec<Diagnostic>) -> bool {
    if model.stated.is_empty() {
        return false;
    }
    // Points of two photos hold nothing: any pose explains some.
    let counts = model.observations_by_photo(3);
    let seen: Vec<f64> = counts.iter().filter(|&&c| c > 0).map(|&c| c as f64).collect();
    let weak = (LOOSE * stats::median(&seen).unwrap_or(0.0)).max(3.0 * options.min_observations as f64);
    let mut changed = false;
    for (photo, &count) in counts.iter().enumerate() {
        let (Some(prior), Some(pose)) = (flight.photos[photo].position, model.poses[photo]) else { continue };
        let residual = pose.centre() - prior.centre;
        let used = model.stated[photo];
        let sigma = used.map_or(prior.sigma, |p| p.sigma);
        if residual.component_div(&sigma).amax() <= POSITION_SIGMAS {
            continue;
        }
        if (count as f64) < weak {
            notes.retain(|n| !(n.code == OUTLIER && n.subject == flight.photos[photo].name));
            notes.push(Diagnostic::warning(
                "photo-not-registered",
                &flight.photos[photo].name,
                format!("Its {count} matches put it {:.0} m from its GPS position.", residual.norm()),
                "More overlap with its neighbours would help.",
            ));
            model.remove_photo(photo);
            changed = true;
        } else if used.is_some() {
            notes.push(outlier(&flight.photos[photo].name, &residual));
            changed = true;
        }
        model.stated[photo] = None;
        model.priors[photo] = None;
    }
    changed
}

/// Registered photos with too few or too clustered observations.
fn weak_photos(model: &Model, options: &SfmOptions) -> Vec<(usize, String)> {
    let mut cells = vec![0u64; model.poses.len()];
    for track in model.tracks.iter().filter(|t| t.point.is_some()) {
        for s in track.sights.iter().filter(|s| s.on) {
            let camera = model.camera(s.photo);
            let cell = |v: f64, size: u32| ((v / f64::from(size) * 8.0).max(0.0) as u64).min(7);
            cells[s.photo as usize] |= 1 << (cell(s.pixel.y, camera.height) * 8 + cell(s.pixel.x, camera.width));
        }
    }
    let mut weak = Vec::new();
    for (photo, count) in model.observations_by_photo(2).into_iter().enumerate() {
        let touched = cells[photo].count_ones() as usize;
        if model.poses[photo].is_none() {
            continue;
        }
        if count < options.min_observations {
            weak.push((
                photo,
                format!("Only {count} of its features agree with the others' ({} needed).", options.min_observations),
            ));
        } else if touched < CELLS {
            weak.push((
                photo,
                format!("Its {count} agreeing features lie in {touched} of 64 parts of the photo ({CELLS} needed)."),
            ));
        }
    }
    weak
}

/// Registered photos outside the largest group that hangs together by common points.
fn split_photos(model: &Model) -> Vec<usize> {
    let mut common: BTreeMap<(u32, u32), u32> = BTreeMap::new();
    for track in model.tracks.iter().filter(|t| t.point.is_some()) {
        let seen: Vec<u32> = track.sights.iter().filter(|s| s.on).map(|s| s.photo).collect();
        for (i, &a) in seen.iter().enumerate() {
            for &b in &seen[i + 1..] {
                *common.entry((a.min(b), a.max(b))).or_default() += 1;
            }
        }
    }
    let mut links = vec![Vec::new(); model.poses.len()];
    for (&(a, b), _) in common.iter().filter(|(_, n)| **n >= LINK) {
        links[a as usize].push(b as usize);
        links[b as usize].push(a as usize);
    }
    let component = components(links.len(), |p| links[p].clone());
    (0..links.len()).filter(|&p| model.poses[p].is_some() && component[p] != 0).collect()
}

/// A note with a reason for each photo without a pose.
pub(super) fn explain_missing(
    flight: &Flight,
    features: &[Features],
    graph: &ViewGraph,
    model: &Model,
    notes: &mut Vec<Diagnostic>,
) {
    for (i, photo) in flight.photos.iter().enumerate() {
        let told = notes.iter().any(|n| n.code == "photo-not-registered" && n.subject == photo.name);
        if model.poses[i].is_some() || told {
            continue;
        }
        let matches: usize = graph.of_photo[i].iter().map(|&p| graph.pairs[p].inliers.len()).sum();
        let partners = graph.of_photo[i].iter().filter(|&&p| model.poses[other(&graph.pairs[p], i)].is_some()).count();
        let (reason, hint) = if features[i].len() < 100 {
            (format!("It has only {} features: blurred, or without texture.", features[i].len()), "")
        } else if graph.of_photo[i].is_empty() {
            ("It shares no matches with any other photo.".to_string(), "Does it show the same place?")
        } else if partners == 0 {
            let group = graph.component.iter().filter(|&&c| c == graph.component[i]).count();
            (
                format!("It is not connected with the main block (its own group has {group} photos)."),
                "Photos that overlap both parts would join them.",
            )
        } else {
            (
                format!("Its {matches} matches with {partners} registered photos do not agree on one position."),
                "More overlap with its neighbours would help.",
            )
        };
        notes.push(Diagnostic::warning("photo-not-registered", &photo.name, reason, hint));
    }
}

/// Code of the note that nothing gives a scale.
pub(super) const UNSCALED: &str = "unscaled";

/// Notes about the whole.
pub(super) fn report(model: &Model, georeference: &Georeference, notes: &mut Vec<Diagnostic>) {
    let quality = model.quality();
    let (registered, all) = (quality.registered, model.poses.len());
    if (registered as f64) < 0.9 * all as f64 {
        notes.push(Diagnostic::warning(
            "few-photos-registered",
            "",
            format!("Only {registered} of {all} photos could be placed."),
            "See the notes on the single photos.",
        ));
    }
    if quality.rms_px > 1.2 * model.pixel_scale {
        notes.push(Diagnostic::warning(
            "high-reprojection-error",
            "",
            format!("Observations miss by {:.2} pixels RMS (at most 1.2 is good).", quality.rms_px / model.pixel_scale),
            "Blurred photos, moving things or a rolling shutter can cause this.",
        ));
    }
    let length = quality.observations as f64 / quality.points.max(1) as f64;
    if length < 3.0 {
        notes.push(Diagnostic::warning(
            "short-tracks",
            "",
            format!("Points are seen by {length:.1} photos on average (3 or more are good)."),
            "Fly with more overlap: 80 % along and 60 % across the strips.",
        ));
    }
    if *georeference == Georeference::Unscaled {
        notes.push(Diagnostic::info(
            UNSCALED,
            "",
            "There are no usable positions: the size of the place is unknown.".to_string(),
        ));
    }
}
