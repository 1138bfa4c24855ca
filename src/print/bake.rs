//! Bakes the city's colours onto the part's texture page.
//!
//! In: the part's triangles with their texels and the places of the city that their corners come from, the city. Out:
//! the page. Each texel belongs to the triangle that its middle lies in, and takes the colour of the city's surface closest
//! to its place, as the mean of four or more samples; the space between charts takes the colours of the nearest texels, so
//! that filtering does not bleed. Cost: one closest-point query a sample, parallel over triangles.

use super::charts::{PLAIN_BLOCK, Unfolding};
use super::nearest::Nearest;
use super::solid::Solid;
use crate::base::{Cancelled, Ctx};
use crate::image::Rgb8;
use crate::mesh::bvh::closest_on_triangle;
use crate::scene::City;
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

/// How far from a triangle, in texels, a texel's middle may be that takes its colour: half a diagonal, and a little.
const BESIDE: f64 = 0.75;
/// Texels that no triangle is near.
const NOBODY: u64 = u64::MAX;
/// So close, in the city's texels, to the triangle of its neighbour a sample needs no nearer one.
const CLOSE: f64 = 0.25;

/// The part's surface and where it lies on the page.
pub struct Surface<'a> {
    /// The part.
    pub solid: &'a Solid,
    /// Their texels.
    pub unfolding: &'a Unfolding,
}

/// The page to be coloured.
pub struct Page {
    /// Side in texels.
    pub side: usize,
    /// Colour of sides and base.
    pub plain: [u8; 3],
    /// Samples along a texel's side.
    pub samples: usize,
}

/// Colours the page. Samples farther than `reach` metres from the city's surface (there should be none) stay plain.
pub fn bake(ctx: &Ctx, surface: &Surface<'_>, page: &Page, nearest: &Nearest, reach: f64) -> Result<Rgb8, Cancelled> {
    let Surface { solid, unfolding } = *surface;
    let Page { side: page, plain, samples } = *page;
    let step = 1.0 / samples.max(1) as f64;
    let (city, bvh) = (nearest.city, nearest.surface());
    let close = city.texel_m * CLOSE;
    let owners = owners(solid, unfolding, page);
    let (done, total) = (AtomicU64::new(0), solid.photo.len() as u64);
    let painted: Vec<Vec<(u32, [u8; 3])>> = (0..solid.photo.len())
        .into_par_iter()
        .map(|t| {
            let n = done.fetch_add(1, Ordering::Relaxed);
            if n % 1024 == 0 {
                ctx.tick(n, total)?;
            }
            if !solid.photo[t] {
                return Ok(Vec::new());
            }
            // The triangle of the sample before, which mostly lies next to it.
            let mut last: Option<usize> = None;
            let mut sample = |texel: Vector2<f64>| {
                let p = at_texel(&solid.origin[t], &unfolding.texels[t], &texel);
                let near = last.map(|face| (face, closest_on_triangle(&p, &city.mesh.corners(face))));
                if let Some((face, point)) = near.filter(|(_, point)| (point - p).norm_squared() <= close * close) {
                    return Some(colour_at(city, face, &point));
                }
                // Where that is not close enough, only what is closer is looked for.
                let limit = near.map_or(reach, |(_, point)| (point - p).norm().min(reach));
                let closer = bvh.closest(&p, limit).map(|hit| (hit.triangle as usize, hit.point));
                let (face, point) = closer.or(near.filter(|_| limit < reach))?;
                last = Some(face);
                Some(colour_at(city, face, &point))
            };
            Ok(texels_of(&unfolding.texels[t], page)
                .into_iter()
                .filter(|&(x, y, _)| owners[y * page + x] as u32 == t as u32)
                .map(|(x, y, _)| {
                    let mut sum = [0f32; 4];
                    for (i, j) in (0..samples * samples).map(|k| (k % samples, k / samples)) {
                        let (dx, dy) = ((i as f64 + 0.5) * step, (j as f64 + 0.5) * step);
                        if let Some(c) = sample(Vector2::new(x as f64 + dx, y as f64 + dy)) {
                            for k in 0..3 {
                                sum[k] += c[k];
                            }
                            sum[3] += 1.0;
                        }
                    }
                    let colour =
                        if sum[3] > 0.0 { std::array::from_fn(|k| (sum[k] / sum[3]).round() as u8) } else { plain };
                    ((y * page + x) as u32, colour)
                })
                .collect())
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut image = Rgb8::filled(page, page, plain);
    let mut known = vec![false; page * page];
    for y in 0..PLAIN_BLOCK {
        for x in 0..PLAIN_BLOCK {
            known[y * page + x] = true;
        }
    }
    for (i, colour) in painted.into_iter().flatten() {
        if !known[i as usize] {
            image.data[i as usize] = colour;
            known[i as usize] = true;
        }
    }
    spread(&mut image, &mut known);
    Ok(image)
}

/// The point of a triangle that lies at a texel (also a little outside of the triangle).
fn at_texel(corners: &[Vector3<f64>; 3], texels: &[Vector2<f64>; 3], at: &Vector2<f64>) -> Vector3<f64> {
    let (e1, e2, d) = (texels[1] - texels[0], texels[2] - texels[0], at - texels[0]);
    let area = e1.perp(&e2);
    if area.abs() < 1e-12 {
        return corners[0];
    }
    let (b, c) = (d.perp(&e2) / area, e1.perp(&d) / area);
    // Texels at the rim reach half a texel outside; farther out the plane says nothing about the surface.
    let (b, c) = (b.clamp(0.0, 1.0), c.clamp(0.0, 1.0));
    let over = (b + c - 1.0).max(0.0) / 2.0;
    corners[0] + (corners[1] - corners[0]) * (b - over) + (corners[2] - corners[0]) * (c - over)
}

/// The triangle that each texel is coloured from, in the lower half of a number: the one that its middle is least outside
/// of, or the first of them.
fn owners(solid: &Solid, unfolding: &Unfolding, page: usize) -> Vec<u64> {
    let owners: Vec<AtomicU64> = (0..page * page).into_par_iter().map(|_| AtomicU64::new(NOBODY)).collect();
    (0..solid.photo.len()).into_par_iter().filter(|&t| solid.photo[t]).for_each(|t| {
        for (x, y, outside) in texels_of(&unfolding.texels[t], page) {
            let key = u64::from((outside * 1e6) as u32) << 32 | t as u64;
            owners[y * page + x].fetch_min(key, Ordering::Relaxed);
        }
    });
    owners.into_par_iter().map(AtomicU64::into_inner).collect()
}

/// Texels whose middle is in a triangle or within [`BESIDE`] of its sides, and how far outside of them it is.
fn texels_of(c: &[Vector2<f64>; 3], page: usize) -> Vec<(usize, usize, f64)> {
    let low = c[0].inf(&c[1]).inf(&c[2]).add_scalar(-BESIDE);
    let high = c[0].sup(&c[1]).sup(&c[2]).add_scalar(BESIDE);
    let turn = (c[1] - c[0]).perp(&(c[2] - c[0])).signum();
    let edges: [(Vector2<f64>, f64); 3] = std::array::from_fn(|k| {
        let e = c[(k + 1) % 3] - c[k];
        (e, e.norm().max(1e-12))
    });
    let clamp = |v: f64| v.floor().clamp(0.0, page as f64 - 1.0) as usize;
    let mut out = Vec::new();
    for y in clamp(low.y)..=clamp(high.y) {
        for x in clamp(low.x)..=clamp(high.x) {
            let p = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
            let outside = |k: usize| -turn * edges[k].0.perp(&(p - c[k])) / edges[k].1;
            let most = (0..3).map(outside).fold(0.0, f64::max);
            if most <= BESIDE {
                out.push((x, y, most));
            }
        }
    }
    out
}

/// The city's colour at a point of one of its triangles.
pub fn colour_at(city: &City, triangle: usize, p: &Vector3<f64>) -> [f32; 3] {
    let [a, b, c] = city.mesh.corners(triangle);
    let (e1, e2, d) = (b - a, c - a, p - a);
    let (d11, d12, d22) = (e1.dot(&e1), e1.dot(&e2), e2.dot(&e2));
    let det = d11 * d22 - d12 * d12;
    let (v, w) = if det > 0.0 {
        ((d22 * d.dot(&e1) - d12 * d.dot(&e2)) / det, (d11 * d.dot(&e2) - d12 * d.dot(&e1)) / det)
    } else {
        (0.0, 0.0)
    };
    let uv = &city.uvs[triangle];
    let at = |k: usize| uv[0][k] * (1.0 - v - w) as f32 + uv[1][k] * v as f32 + uv[2][k] * w as f32;
    let image = &city.pages[usize::from(city.page[triangle])].image;
    image.bilinear(at(0) * image.width as f32, at(1) * image.height as f32)
}

/// Gives each unknown texel the mean of its known neighbours, ring by ring.
fn spread(image: &mut Rgb8, known: &mut [bool]) {
    let (w, h) = (image.width as isize, image.height as isize);
    let mut ring: Vec<usize> = (0..known.len()).filter(|&i| !known[i]).collect();
    for _ in 0..4 * super::charts::PADDING {
        let found: Vec<(usize, [u8; 3])> = ring
            .iter()
            .filter_map(|&i| {
                let (x, y) = (i as isize % w, i as isize / w);
                let mut sum = [0u32; 4];
                for (dx, dy) in [(-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1)] {
                    let (nx, ny) = (x + dx, y + dy);
                    if nx >= 0 && ny >= 0 && nx < w && ny < h && known[(ny * w + nx) as usize] {
                        let c = image.data[(ny * w + nx) as usize];
                        for k in 0..3 {
                            sum[k] += u32::from(c[k]);
                        }
                        sum[3] += 1;
                    }
                }
                (sum[3] > 0).then(|| (i, std::array::from_fn(|k| (sum[k] / sum[3]) as u8)))
            })
            .collect();
        for &(i, c) in &found {
            image.data[i] = c;
            known[i] = true;
        }
        ring.retain(|&i| !known[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Mesh;

    #[test]
    fn a_texel_belongs_to_the_triangle_that_its_middle_lies_in() {
        // A square of 20 texels, cut along its diagonal, and a plain triangle over it.
        let at = |x: f64, y: f64| Vector2::new(10.0 + x, 10.0 + y);
        let quad = [at(0.0, 0.0), at(20.0, 0.0), at(20.0, 20.0), at(0.0, 20.0)];
        let texels = vec![[quad[0], quad[1], quad[2]], [quad[0], quad[2], quad[3]], [quad[0], quad[1], quad[3]]];
        let mut solid = Solid::plain(Mesh { vertices: Vec::new(), triangles: vec![[0; 3]; 3] });
        solid.photo[..2].fill(true);
        let owners = owners(&solid, &Unfolding { texels, density: 1.0 }, 40);
        for (i, owner) in owners.iter().enumerate() {
            let (x, y) = (i % 40, i / 40);
            match (x, y) {
                // The first of both along the diagonal.
                (10..30, 10..30) => assert_eq!(*owner as u32, u32::from(y > x), "{x} {y}"),
                // Half a texel beside the square.
                (9..=30, 9..=30) => assert!((*owner as u32) < 2, "{x} {y}"),
                _ => assert_eq!(*owner, NOBODY, "{x} {y}"),
            }
        }
    }
}
