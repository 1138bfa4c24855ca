//! Assembly of the pages: charts become patches, patches are packed, faces get their texture coordinates.
//!
//! - In: charts with finished images, patches of unseen faces. Out: the [`City`], and the share of its pages' pixels that
//!   lies inside faces.
//! - Method: a chart that fills little of its rectangle is cut into parts where that saves texels; both parts keep the
//!   photo's texels around the cut, so that it cannot be seen.
//! - Cost: linear in texels. Failure modes: more than 65,536 pages.

use super::charts::{Chart, Charts};
use super::pack::pack;
use super::sample::ChartImage;
use super::visibility::Projector;
use super::{TextureError, TextureOptions};
use crate::image::Grid;
use crate::scene::{City, Mesh, TexturePage};
use rayon::prelude::*;

/// Charts that fill less than this of their rectangle are cut.
const SPARSE: f64 = 0.6;
const MIN_CUT_PX: f64 = 48.0;
/// A cut must save this share of the texels.
const SAVING: f64 = 0.12;

/// A rectangle of texels with the faces that it textures.
pub(super) struct Patch {
    pub width: usize,
    pub height: usize,
    pub rgb: Vec<[u8; 3]>,
    pub faces: Vec<u32>,
    /// Texel coordinates of each face's corners.
    pub corners: Vec<[[f32; 2]; 3]>,
}

/// Assembles the city.
pub(super) fn assemble(
    mesh: Mesh,
    views: &[Projector],
    charts: Charts,
    seen_by: Vec<u8>,
    images: Vec<ChartImage>,
    filled: Vec<Patch>,
    texel: f64,
    options: &TextureOptions,
) -> Result<(City, f64), TextureError> {
    let mut patches: Vec<Patch> = charts
        .list
        .into_par_iter()
        .zip(images)
        .map(|(chart, image)| cut(&chart, &image, &mesh, views, options.padding))
        .flatten_iter()
        .collect();
    patches.extend(filled);
    let sizes: Vec<[usize; 2]> = patches.iter().map(|p| [p.width, p.height]).collect();
    let (places, pages) = pack(&sizes, options.page_size);
    let limit = usize::from(u16::MAX) + 1;
    if pages.len() > limit {
        return Err(TextureError::TooManyPages { pages: pages.len(), limit });
    }
    let mut images: Vec<Grid<[u8; 3]>> = pages.iter().map(|s| Grid::filled(s[0], s[1], [0; 3])).collect();
    let mut uvs = vec![[[0f32; 2]; 3]; mesh.triangles.len()];
    let mut page = vec![0u16; mesh.triangles.len()];
    let mut used = 0.0;
    for (patch, place) in patches.iter().zip(&places) {
        let target = &mut images[place.page];
        for y in 0..patch.height {
            let at = (place.y + y) * target.width + place.x;
            target.data[at..at + patch.width].copy_from_slice(&patch.rgb[y * patch.width..(y + 1) * patch.width]);
        }
        let (w, h) = (target.width as f32, target.height as f32);
        for (&f, corners) in patch.faces.iter().zip(&patch.corners) {
            uvs[f as usize] = corners.map(|c| [(c[0] + place.x as f32) / w, (c[1] + place.y as f32) / h]);
            page[f as usize] = place.page as u16;
            used += area(corners);
        }
    }
    let total: usize = pages.iter().map(|s| s[0] * s[1]).sum();
    let pages = images.into_iter().map(|image| TexturePage { image }).collect();
    Ok((
        City { mesh, uvs, page, views: seen_by, classes: Vec::new(), pages, texel_m: texel },
        used / total.max(1) as f64,
    ))
}

fn area(c: &[[f32; 2]; 3]) -> f64 {
    let d = |k: usize, i: usize| f64::from(c[k][i] - c[0][i]);
    (d(1, 0) * d(2, 1) - d(1, 1) * d(2, 0)).abs() / 2.0
}

/// The patches of a chart.
fn cut(chart: &Chart, image: &ChartImage, mesh: &Mesh, views: &[Projector], padding: usize) -> Vec<Patch> {
    let corners: Vec<[[f32; 2]; 3]> = chart.faces.iter().map(|&f| chart.corners(views, mesh, f)).collect();
    let bounds = |part: &[u32]| {
        let mut b = [usize::MAX, usize::MAX, 0, 0];
        for &i in part {
            for c in &corners[i as usize] {
                for k in 0..2 {
                    let v = c[k].max(0.0);
                    b[k] = b[k].min((v.floor() as usize).saturating_sub(padding));
                    b[k + 2] = b[k + 2].max(v.ceil() as usize + padding);
                }
            }
        }
        [b[0], b[1], b[2].min(image.width), b[3].min(image.height)]
    };
    let texels = |b: &[usize; 4]| (b[2] - b[0]) as f64 * (b[3] - b[1]) as f64;
    let mut todo = vec![(0..chart.faces.len() as u32).collect::<Vec<u32>>()];
    let mut out = Vec::new();
    while let Some(part) = todo.pop() {
        let b = bounds(&part);
        let covered: f64 = part.iter().map(|&i| area(&corners[i as usize])).sum();
        let side = (b[2] - b[0]).max(b[3] - b[1]) as f64;
        if covered < SPARSE * texels(&b) && side > MIN_CUT_PX && part.len() > 3 {
            let halves = [0usize, 1].map(|axis| {
                let middle = (b[axis] + b[axis + 2]) as f32 / 2.0;
                part.iter().partition::<Vec<u32>, _>(|&&i| {
                    corners[i as usize].iter().map(|c| c[axis]).sum::<f32>() / 3.0 < middle
                })
            });
            let cost = |(p, q): &(Vec<u32>, Vec<u32>)| {
                if p.is_empty() || q.is_empty() { f64::INFINITY } else { texels(&bounds(p)) + texels(&bounds(q)) }
            };
            let [x, y] = halves;
            let best = if cost(&x) <= cost(&y) { x } else { y };
            if cost(&best) < (1.0 - SAVING) * texels(&b) {
                todo.push(best.1);
                todo.push(best.0);
                continue;
            }
        }
        let (w, h) = (b[2] - b[0], b[3] - b[1]);
        let rgb =
            (b[1]..b[3]).flat_map(|y| &image.rgb[y * image.width + b[0]..y * image.width + b[2]]).copied().collect();
        out.push(Patch {
            width: w,
            height: h,
            rgb,
            faces: part.iter().map(|&i| chart.faces[i as usize]).collect(),
            corners: part
                .iter()
                .map(|&i| corners[i as usize].map(|c| [c[0] - b[0] as f32, c[1] - b[1] as f32]))
                .collect(),
        });
    }
    out
}
