//! Which photos to match, from where they were taken and where they looked.
//!
//! In: a [`Flight`] with position priors (local metres), attitudes and heights where known. Out: pairs `(a, b)`, `a < b`,
//! sorted; or `None` where only the pictures can tell (see [`super::retrieval`]).
//! Method: predicted footprints on level ground, widened by their uncertainty; a pair counts if they share more than a
//! tenth of the smaller one; the best by overlap and similar viewing direction are kept, and of every photo the best in
//! each of eight compass sectors (so that strips connect), of clearly different tilt (oblique with nadir) and of each
//! other camera or flight. To these come the edges of Delaunay triangulations of the jittered positions, as in OpenSfM
//! (`matching_graph_rounds`), because neighbours alone do not connect parallel strips; pairs that cannot overlap stay
//! out even then, since repeated facades match across a town.
//! Cost: quadratic in the photos with a tiny constant (10,000 photos in a few seconds). Failure modes: heights off by
//! much more than a factor of two; positions that are wrong by more than their stated uncertainty.

mod footprint;
mod graph;
#[cfg(test)]
mod tests;

use crate::base::stats::{median, quantile};
use crate::base::{Diagnostic, PhotoId};
use crate::scene::{Flight, Photo};
use footprint::Footprint;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Choices of [`select_pairs`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairOptions {
    /// Partners of a photo that are chosen by rank.
    pub max_per_photo: usize,
    /// Least part of the smaller footprint that two photos share.
    pub min_overlap: f64,
    /// Delaunay triangulations of jittered positions.
    pub delaunay_rounds: usize,
    /// Up to this many photos, flights without usable positions are matched exhaustively.
    pub exhaustive_without_positions: usize,
    /// Up to this many photos, every flight is matched exhaustively.
    pub exhaustive: usize,
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            max_per_photo: 30,
            min_overlap: 0.1,
            delaunay_rounds: 50,
            exhaustive_without_positions: 60,
            exhaustive: 25,
        }
    }
}

/// The result of [`select_pairs`].
#[derive(Clone, Debug, PartialEq)]
pub struct PairSelection {
    /// The pairs; `None` where the positions say nothing and the photos are too many to try all.
    pub pairs: Option<Vec<(PhotoId, PhotoId)>>,
    /// What was found out about the positions.
    pub notes: Vec<Diagnostic>,
}

/// Photos without a position are matched with this many neighbours in the order of the flight, on either side.
const NEIGHBOURS_IN_TIME: usize = 15;
/// Photos further apart in time than this belong to different flights, in seconds.
const FLIGHT_BREAK_S: f64 = 900.0;

/// Chooses the pairs to match. Equal input and seed give equal pairs.
pub fn select_pairs(flight: &Flight, options: &PairOptions, seed: u64) -> PairSelection {
    let n = flight.photos.len();
    if n <= options.exhaustive {
        return PairSelection { pairs: Some(all_pairs(n)), notes: Vec::new() };
    }
    match usable_positions(flight) {
        Ok(()) => from_positions(flight, options, seed),
        Err(note) => {
            let few = n < options.exhaustive_without_positions;
            PairSelection { pairs: few.then(|| all_pairs(n)), notes: note.into_iter().collect() }
        }
    }
}

fn all_pairs(n: usize) -> Vec<(PhotoId, PhotoId)> {
    (0..n).flat_map(|a| (a + 1..n).map(move |b| (PhotoId::from(a), PhotoId::from(b)))).collect()
}

/// Whether the positions can choose pairs; `Err(None)` where there are none at all, which ingest has already said.
fn usable_positions(flight: &Flight) -> Result<(), Option<Diagnostic>> {
    let positions: Vec<_> = flight.photos.iter().filter_map(|p| p.position).collect();
    let (n, known) = (flight.photos.len(), positions.len());
    if known == 0 {
        return Err(None);
    }
    let refuse = |code: &str, message: String| {
        let hint = "Pairs are found by what the photos show, which takes longer.";
        Err(Some(Diagnostic::warning(code, "", message, hint)))
    };
    if 10 * known < 7 * n {
        return refuse(
            "positions-missing",
            format!(
                "Only {known} of {n} photos have a position; at least 70 % are needed to choose pairs by position."
            ),
        );
    }
    let axis = |f: &dyn Fn(&Vector3<f64>) -> f64| positions.iter().map(|p| f(&p.centre)).collect::<Vec<f64>>();
    let range = |v: &[f64]| quantile(v, 0.95).unwrap_or(0.0) - quantile(v, 0.05).unwrap_or(0.0);
    let extent = range(&axis(&|c| c.x)).hypot(range(&axis(&|c| c.y)));
    let sigma = median(&positions.iter().map(|p| p.sigma.x.max(p.sigma.y)).collect::<Vec<f64>>()).unwrap_or(0.0);
    let distinct: BTreeSet<_> =
        positions.iter().map(|p| ((p.centre.x * 100.0).round() as i64, (p.centre.y * 100.0).round() as i64)).collect();
    if extent < sigma.max(1.0) || 10 * distinct.len() < known {
        return refuse(
            "positions-equal",
            format!(
                "The photos' positions spread over {extent:.1} m ({} different ones of {known}) with an uncertainty of {sigma:.1} m; they say nothing about which photos overlap.",
                distinct.len()
            ),
        );
    }
    Ok(())
}

/// What is known of one photo.
struct Site {
    photo: PhotoId,
    footprint: Footprint,
    /// Group of the same camera and flight.
    group: usize,
}

fn from_positions(flight: &Flight, options: &PairOptions, seed: u64) -> PairSelection {
    let sites = sites(flight);
    let scored: Vec<Vec<Partner>> = (0..sites.len()).into_par_iter().map(|i| partners(&sites, i, options)).collect();
    let lonely = scored.iter().filter(|p| p.is_empty()).count();
    if 2 * lonely > sites.len() {
        let message = format!(
            "{lonely} of {} photos would overlap with no other one if their positions were right.",
            sites.len()
        );
        let hint = "Check the positions. Pairs are found by what the photos show, which takes longer.";
        let few = flight.photos.len() < options.exhaustive_without_positions;
        return PairSelection {
            pairs: few.then(|| all_pairs(flight.photos.len())),
            notes: vec![Diagnostic::warning("positions-implausible", "", message, hint)],
        };
    }
    let mut chosen: BTreeSet<(usize, usize)> = BTreeSet::new();
    for (i, partners) in scored.iter().enumerate() {
        for j in keep(&sites, i, partners, options) {
            chosen.insert((i.min(j), i.max(j)));
        }
    }
    let centres: Vec<Vector2<f64>> = sites.iter().map(|s| s.footprint.camera).collect();
    let overlaps = |i: usize, j: usize| sites[i].footprint.overlap(&sites[j].footprint) > 0.02;
    chosen.extend(
        graph::jittered_delaunay(&centres, options.delaunay_rounds, seed).into_iter().filter(|&(i, j)| overlaps(i, j)),
    );
    chosen.extend(graph::bridges(&centres, &chosen));
    let mut pairs: BTreeSet<(PhotoId, PhotoId)> =
        chosen.into_iter().map(|(i, j)| (sites[i].photo, sites[j].photo)).map(|(a, b)| (a.min(b), a.max(b))).collect();
    let n = flight.photos.len();
    for photo in flight.photos.iter().filter(|p| p.position.is_none()) {
        let i = photo.id.index();
        for j in i.saturating_sub(NEIGHBOURS_IN_TIME)..(i + NEIGHBOURS_IN_TIME + 1).min(n) {
            if j != i {
                pairs.insert((PhotoId::from(i.min(j)), PhotoId::from(i.max(j))));
            }
        }
    }
    PairSelection { pairs: Some(pairs.into_iter().collect()), notes: Vec::new() }
}

/// Footprints of the photos with a position.
fn sites(flight: &Flight) -> Vec<Site> {
    let known: Vec<&Photo> = flight.photos.iter().filter(|p| p.position.is_some()).collect();
    let usual = usual_height(flight, &known);
    let mut group = 0;
    let mut last: Option<&Photo> = None;
    known
        .into_iter()
        .filter_map(|photo| {
            let position = photo.position?;
            let pause = last.is_some_and(|l| {
                l.camera != photo.camera || l.time_s.zip(photo.time_s).is_some_and(|(s, t)| t - s > FLIGHT_BREAK_S)
            });
            group += usize::from(pause);
            last = Some(photo);
            let height = photo.relative_altitude_m.filter(|h| *h > 3.0).unwrap_or(usual);
            let footprint = Footprint::new(flight.camera_of(photo.id), &position, photo.rotation.as_ref(), height);
            Some(Site { photo: photo.id, footprint, group })
        })
        .collect()
}

/// Height above ground in metres for photos that do not state it: the median of those that do, or what an overlap of
/// four fifths along the flight implies, with a third on top.
fn usual_height(flight: &Flight, known: &[&Photo]) -> f64 {
    let stated: Vec<f64> = known.iter().filter_map(|p| p.relative_altitude_m).filter(|h| *h > 3.0).collect();
    if let Some(height) = median(&stated).filter(|_| 2 * stated.len() >= known.len()) {
        return height;
    }
    let centres: Vec<Vector2<f64>> = known.iter().filter_map(|p| p.position.map(|q| q.centre.xy())).collect();
    let nearest: Vec<f64> = centres
        .par_iter()
        .enumerate()
        .map(|(i, c)| {
            centres
                .iter()
                .enumerate()
                .filter(|(j, _)| *j != i)
                .map(|(_, d)| (c - d).norm())
                .fold(f64::INFINITY, f64::min)
        })
        .filter(|d| d.is_finite() && *d > 0.1)
        .collect();
    let spacing = median(&nearest).unwrap_or(20.0);
    let across: Vec<f64> =
        known.iter().map(|p| flight.camera_of(p.id)).map(|c| f64::from(c.width.min(c.height)) / c.lens.f).collect();
    let field = median(&across).unwrap_or(0.75);
    (1.33 * spacing / (0.2 * field)).clamp(10.0, 1000.0)
}

/// A photo that another one overlaps.
struct Partner {
    other: usize,
    score: f64,
    sector: usize,
    /// Whether the viewing directions differ as oblique and nadir ones do.
    tilted: bool,
}

fn partners(sites: &[Site], i: usize, options: &PairOptions) -> Vec<Partner> {
    let from = &sites[i].footprint;
    let mut found: Vec<Partner> = (0..sites.len())
        .filter(|&j| j != i)
        .filter_map(|j| {
            let to = &sites[j].footprint;
            let overlap = from.overlap(to);
            if overlap <= options.min_overlap {
                return None;
            }
            let angle = match (from.direction, to.direction) {
                (Some(p), Some(q)) => p.angle(&q).to_degrees(),
                _ => 0.0,
            };
            // Descriptors hold to about 30 degrees of change of view and are lost at 70.
            let alike = (1.0 - (angle - 30.0) / 45.0).clamp(0.1, 1.0);
            let d = to.camera - from.camera;
            let sector = ((d.y.atan2(d.x) / std::f64::consts::TAU + 1.0) * 8.0) as usize % 8;
            Some(Partner { other: j, score: overlap * alike, sector, tilted: (20.0..70.0).contains(&angle) })
        })
        .collect();
    found.sort_by(|p, q| q.score.total_cmp(&p.score).then(p.other.cmp(&q.other)));
    found
}

/// The partners that are kept: the best, and the best of each kind.
fn keep(sites: &[Site], i: usize, partners: &[Partner], options: &PairOptions) -> BTreeSet<usize> {
    let rank = options.max_per_photo * 2 / 3;
    let mut kept: BTreeSet<usize> = partners.iter().take(rank).map(|p| p.other).collect();
    let mut best = |count: usize, is: &dyn Fn(&Partner) -> bool| {
        kept.extend(partners.iter().filter(|p| is(p)).take(count).map(|p| p.other));
    };
    for sector in 0..8 {
        best(1, &|p| p.sector == sector);
    }
    best(5, &|p| p.tilted);
    let groups: BTreeSet<usize> = partners.iter().map(|p| sites[p.other].group).collect();
    for group in groups {
        best(3, &|p| sites[p.other].group == group && group != sites[i].group);
    }
    kept
}
