//! Wall thickness against the printer's thinnest wall, and gaps against its smallest gap.
//!
//! Thin places that touch each other are one patch. A patch of the square of the wall or more, and no less than a square
//! millimetre, is a fault; a smaller one is a speck, of which the report warns: nothing that size breaks off or fails to
//! print, but a person may want to see it. What stands out of something thick no further than it is wide, and is no finer
//! than the printer's smallest detail, is relief (raised letters, a kerb): nothing breaks off there, and it is a warning too.

use super::Finding;
use super::places::{connected, lowest};
use crate::base::{Cancelled, Ctx};
use crate::print::printer::{Limit, Printer};
use crate::print::thickness::{ENOUGH, Gauge, ThicknessOptions, sample_points};
use crate::scene::Mesh;
use nalgebra::Vector3;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Least surface of a patch in square millimetres, where the wall is thinner than that.
const LEAST_PATCH_MM2: f64 = 1.0;

/// Finest relief as a share of the wall, where the printer names no smallest detail.
pub const FINEST_RELIEF: f64 = 0.25;

/// A place and how thick it is there.
type Thin = (Vector3<f64>, f64);

/// Most sample points: the step grows with the surface beyond that.
const MOST_SAMPLES: f64 = 2_000_000.0;

/// Samples that are measured between two looks at the cancel flag.
const CHUNK: usize = 65_536;

/// Wall thickness of a part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Walls {
    /// Distance of the sample points in mm.
    pub step_mm: f64,
    /// Sample points.
    pub samples: usize,
    /// Thinnest wall of the printer in mm, or its smallest detail where it names no wall.
    pub limit_mm: f64,
    /// Least thickness found in mm; absent where all is thicker than twice the limit.
    pub least_mm: Option<f64>,
    /// Share of the surface below 95 % of the limit.
    pub thin_share: f64,
    /// That surface in mm2.
    pub thin_mm2: f64,
    /// Share of the surface that is relief, below the limit but standing on something thick.
    #[serde(default)]
    pub relief_share: f64,
    /// Of the thin samples, the share that the second measure (a cone of rays) calls thin as well.
    pub confirmed: f64,
}

/// Thin surface that is a fault where it is connected.
pub fn patch_mm2(wall_mm: f64) -> f64 {
    (wall_mm * wall_mm).max(LEAST_PATCH_MM2)
}

/// Judges walls and gaps; nothing where the printer has no limit. A printer without a thinnest wall still has a smallest
/// detail, below which nothing is made.
pub fn judge(
    ctx: &Ctx,
    mesh: &Mesh,
    printer: &Printer,
    findings: &mut Vec<Finding>,
) -> Result<Option<Walls>, Cancelled> {
    let wall_limit = printer.wall_mm.as_ref().or(printer.detail_mm.as_ref());
    let limits = [printer.gap_mm.as_ref(), printer.face_distance_mm.as_ref()];
    let gap_limit = limits.into_iter().flatten().max_by(|a, b| a.value.total_cmp(&b.value));
    let Some(finest) = wall_limit.or(gap_limit) else { return Ok(None) };
    let mut options = ThicknessOptions::for_wall(finest.value);
    options.wall = wall_limit.map(|limit| limit.value);
    let area: f64 = (0..mesh.triangles.len()).map(|t| mesh.area_normal(t).norm() * 0.5).sum();
    options.step = options.step.max((area / MOST_SAMPLES).sqrt());
    let gauge = Gauge::new(mesh, options.opposite_deg);
    let points = sample_points(mesh, options.step);
    if let Some(limit) = gap_limit {
        gaps(ctx, mesh, (&gauge, &points), limit, findings)?;
    }
    let Some(limit) = wall_limit else { return Ok(None) };
    let wall = limit.value;
    let mut measured: Vec<Option<f64>> = Vec::with_capacity(points.len());
    for (i, chunk) in points.chunks(CHUNK).enumerate() {
        ctx.tick((i * CHUNK) as u64, points.len() as u64)?;
        measured.extend(gauge.thickness(chunk, &options));
    }
    let below = |(i, m): (usize, &Option<f64>)| m.filter(|m| *m < wall * ENOUGH).map(|m| (i, m));
    let detail = printer.detail_mm.as_ref().map_or(wall * FINEST_RELIEF, |l| l.value.min(wall));
    let stands_on_thick =
        |&(i, m): &(usize, f64)| m >= detail * ENOUGH && gauge.is_surface_of_thick(&points[i].1, wall * ENOUGH, m);
    let all: Vec<(usize, f64)> = measured.iter().enumerate().filter_map(below).collect();
    let is_relief: Vec<bool> = all.par_iter().map(stands_on_thick).collect();
    let of = |relief: bool| all.iter().zip(&is_relief).filter(move |(_, r)| **r == relief).map(|(s, _)| *s);
    let (thin, relief): (Vec<(usize, f64)>, Vec<(usize, f64)>) = (of(false).collect(), of(true).collect());
    let seconds = |&(i, _): &(usize, f64)| {
        gauge.cone(&points[i].1, points[i].0, options.most).is_some_and(|depth| depth < wall * 1.05)
    };
    let confirmed = thin.par_iter().filter(|s| seconds(s)).count();
    let square = options.step * options.step;
    let walls = Walls {
        step_mm: options.step,
        samples: points.len(),
        limit_mm: wall,
        least_mm: measured.iter().flatten().copied().reduce(f64::min),
        thin_share: thin.len() as f64 / points.len().max(1) as f64,
        thin_mm2: thin.len() as f64 * square,
        relief_share: relief.len() as f64 / points.len().max(1) as f64,
        confirmed: if thin.is_empty() { 1.0 } else { confirmed as f64 / thin.len() as f64 },
    };
    let places = |samples: &[(usize, f64)]| samples.iter().map(|&(i, m)| (points[i].1, m)).collect::<Vec<Thin>>();
    let thin = places(&thin);
    let at: Vec<Vector3<f64>> = thin.iter().map(|p| p.0).collect();
    let patch = patch_mm2(wall);
    let (mut patches, mut specks) = (Vec::new(), Vec::new());
    for group in connected(&at, wall / 2.0) {
        let all = if group.len() as f64 * square >= patch { &mut patches } else { &mut specks };
        all.extend(group.iter().map(|&i| thin[i as usize]));
    }
    let relief = places(&relief);
    let source = format!("{} ({})", limit.source, limit.date);
    let share = |n: usize| n as f64 / points.len().max(1) as f64 * 100.0;
    let least = |all: &[Thin]| all.iter().map(|p| p.1).fold(f64::INFINITY, f64::min);
    let mut put = |finding: Finding, all: &[Thin]| {
        let (at, values): (Vec<_>, Vec<_>) = all.iter().copied().unzip();
        let finding = finding.against(least(all), wall, &source);
        findings.push(finding.counted(all.len(), lowest(mesh, &at, &values)));
    };
    let surface = |all: &[Thin]| (share(all.len()), all.len() as f64 * square, least(all));
    if !patches.is_empty() {
        let ((share, mm2, least), step) = (surface(&patches), walls.step_mm);
        let confirmed = walls.confirmed * 100.0;
        let text = format!(
            "{share:.2} % of the surface ({mm2:.1} mm2) is thinner than {wall} mm, down to {least:.2} mm (sampled every \
             {step:.2} mm; a second measure confirms {confirmed:.0} %)"
        );
        put(Finding::fault("thin-walls", text, "thicken or remove these places"), &patches);
    }
    if !specks.is_empty() {
        let (share, mm2, least) = surface(&specks);
        let text = format!(
            "{share:.3} % of the surface ({mm2:.1} mm2) is thinner than {wall} mm, down to {least:.2} mm, in specks of less \
             than {patch:.1} mm2 each"
        );
        let hint = "so little of each seldom matters: look at them, and thicken what does";
        put(Finding::warning("thin-specks", text, hint), &specks);
    }
    if !relief.is_empty() {
        let (share, mm2, least) = surface(&relief);
        let text = format!(
            "{share:.3} % of the surface ({mm2:.1} mm2) is relief thinner than {wall} mm, down to {least:.2} mm, that stands \
             no higher than it is wide"
        );
        let hint = "letters and kerbs like these hold, but their edges may come out rounded";
        put(Finding::warning("thin-relief", text, hint), &relief);
    }
    Ok(Some(walls))
}

/// Judges the gaps between walls that face each other.
fn gaps(
    ctx: &Ctx,
    mesh: &Mesh,
    (gauge, points): (&Gauge, &[(u32, Vector3<f64>)]),
    limit: &Limit<f64>,
    findings: &mut Vec<Finding>,
) -> Result<(), Cancelled> {
    ctx.check()?;
    let most = limit.value * ENOUGH;
    let narrow: Vec<(Vector3<f64>, f64)> =
        points.par_iter().filter_map(|(t, p)| gauge.gap(p, *t, most).map(|g| (*p, g.0))).collect();
    if !narrow.is_empty() {
        let (at, values): (Vec<_>, Vec<_>) = narrow.into_iter().unzip();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let share = at.len() as f64 / points.len() as f64 * 100.0;
        let text = format!("{share:.2} % of the surface faces a gap below {} mm, down to {least:.3} mm", limit.value);
        let hint = "fill the gaps or widen them: they may fuse in print";
        let source = format!("{} ({})", limit.source, limit.date);
        let finding = Finding::warning("narrow-gaps", text, hint).against(least, limit.value, &source);
        findings.push(finding.counted(at.len(), lowest(mesh, &at, &values)));
    }
    Ok(())
}
