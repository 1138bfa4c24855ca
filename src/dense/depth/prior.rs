//! Prior planes: the coarser level's planes at the finer size, and planes between reliable pixels.
//!
//! Source: Q. Xu and W. Tao, "Planar Prior Assisted PatchMatch Multi-View Stereo", AAAI 2020 (support points, one in
//! each 5 x 5 pixels, triangulated; a plane for each triangle), and joint bilateral upsampling (J. Kopf et al., SIGGRAPH
//! 2007) reduced to the choice of the most similar of the four coarse pixels around a fine one, so that planes stay whole.

use super::initial::{Support, over_triangles};
use super::pyramid::Level;
use crate::dense::kernels::patch_match::{Params, Problem, State};
use rayon::prelude::*;
use spade::Point2;

/// Cost below which a pixel may support the planar prior.
const SUPPORT_COST: f32 = 0.12;
/// Cells of the support's selection, pixels.
const SUPPORT_CELL: usize = 5;
/// Longest edge of a triangle that makes a prior, in pixels.
const LONGEST_EDGE: f64 = 60.0;

/// The coarse planes at the fine size.
pub(super) fn upsampled(coarse: &[[f32; 4]], coarse_level: &Level, level: &Level) -> Vec<[f32; 4]> {
    let (width, height) = (level.camera.width as usize, level.camera.height as usize);
    let (cw, ch) = (coarse_level.camera.width as usize, coarse_level.camera.height as usize);
    let mut fine = vec![[0f32; 4]; width * height];
    fine.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, plane) in row.iter_mut().enumerate() {
            let grey = i32::from(level.grey[y * width + x]);
            // The coarse pixel that holds this one, and its neighbours towards this one's side.
            let (i, j) = ((x / 2).min(cw - 1), (y / 2).min(ch - 1));
            let side =
                |at: usize, odd: bool, limit: usize| if odd { (at + 1).min(limit - 1) } else { at.saturating_sub(1) };
            let (i2, j2) = (side(i, x % 2 == 1, cw), side(j, y % 2 == 1, ch));
            let mut best: Option<(i32, usize, usize)> = None;
            for (rank, (u, v)) in [(i, j), (i2, j), (i, j2), (i2, j2)].into_iter().enumerate() {
                let at = v * cw + u;
                if coarse[at][0] > 0.0 {
                    // Nearer pixels win unless the colour speaks clearly for another.
                    let unlike = (i32::from(coarse_level.grey[at]) - grey).abs() + 4 * rank as i32;
                    if best.is_none_or(|b| unlike < b.0) {
                        best = Some((unlike, u, v));
                    }
                }
            }
            if let Some((_, u, v)) = best {
                let [q, gx, gy, cost] = coarse[v * cw + u];
                // Centres: the fine pixel x lies at (x + 0.5) / 2 - 0.5 in coarse indices.
                let dx = (x as f32 + 0.5) * 0.5 - 0.5 - u as f32;
                let dy = (y as f32 + 0.5) * 0.5 - 0.5 - v as f32;
                *plane = [q + gx * dx + gy * dy, gx * 0.5, gy * 0.5, cost];
            }
        }
    });
    fine
}

/// Planes between reliable pixels, with weight 1 inside their triangulation and 0 elsewhere.
pub(super) fn planar(problem: &Problem, state: &State) -> Vec<[f32; 4]> {
    let p: &Params = &problem.params;
    let (width, height) = (p.width as usize, p.height as usize);
    let mut support = Vec::new();
    for top in (0..height).step_by(SUPPORT_CELL) {
        for left in (0..width).step_by(SUPPORT_CELL) {
            let cell = (top..(top + SUPPORT_CELL).min(height))
                .flat_map(|y| (left..(left + SUPPORT_CELL).min(width)).map(move |x| (x, y)));
            let best = cell
                .map(|(x, y)| (state.planes[y * width + x], x, y))
                .filter(|(plane, _, _)| plane[0] > 0.0)
                .min_by(|a, b| a.0[3].total_cmp(&b.0[3]));
            if let Some((plane, x, y)) = best.filter(|b| b.0[3] < SUPPORT_COST) {
                support.push(Support { position: Point2::new(x as f64, y as f64), q: f64::from(plane[0]) });
            }
        }
    }
    let mut prior = vec![[0f32; 4]; width * height];
    over_triangles(support, width, height, |x, y, plane, longest| {
        if longest <= LONGEST_EDGE && p.is_valid(plane, x as f32, y as f32) {
            prior[y * width + x] = [plane.q, plane.gx, plane.gy, super::PRIOR_WEIGHT];
        }
    });
    prior
}
