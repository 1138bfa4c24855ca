//! What is seen from straight above, of a part and of the city that it was made from, and how much their colours differ.
//!
//! In: textured meshes in the part's millimetres, a pixel as large as the printer's detail. Out: pictures, and the colour
//! difference dE00 for each pixel that both show. A pixel is the mean, in linear light, of as many samples as the finer of the
//! two textures needs; so it is what an eye sees that cannot tell the detail apart. Cost: a second for a million triangles
//! and four million samples.

use crate::base::stats;
use crate::image::Grid;
use crate::image::colour::{delta_e_2000, lab_of_linear, quantise, to_linear, to_srgb};
use crate::image::raster::{NO_FACE, Projection, View, rasterise};
use crate::image::Rgb8;
use crate::scene::{City, Part};
use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The rectangle that is looked at, and how finely.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Width and depth from the origin in millimetres.
    pub size_mm: Vector2<f64>,
    /// Side of a pixel in millimetres.
    pub pixel_mm: f64,
    /// Samples along a pixel's side.
    pub samples: usize,
}

/// Linear light of each pixel; `None` where something else than the picture shows, or nothing.
pub type Seen = Grid<Option<[f32; 3]>>;

/// How two views differ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Side of a pixel in millimetres.
    pub pixel_mm: f64,
    /// Pixels that both show.
    pub pixels: usize,
    /// Pixels that only one shows.
    pub missing: usize,
    /// Median dE00.
    pub median_de: f64,
    /// dE00 that nine tenths stay under.
    pub p90_de: f64,
}

/// The part from above; `sides` says whether sides and base, which have no picture, are shown.
pub fn part(part: &Part, plan: &Plan, sides: bool) -> Seen {
    let points: Vec<Vector3<f64>> = part.mesh.vertices.clone();
    let page = &part.texture;
    let colour = |t: usize, w: [f32; 3]| {
        let uv = &part.uvs[t];
        let plain = uv[0] == uv[1] && uv[1] == uv[2];
        (sides || !plain).then(|| sampled(page, uv, w))
    };
    view(&points, &part.mesh.triangles, plan, colour)
}

/// The city from above; `place` brings its points into the part's millimetres.
pub fn city(city: &City, place: impl Fn(&Vector3<f64>) -> Vector3<f64>, plan: &Plan) -> Seen {
    let points: Vec<Vector3<f64>> = city.mesh.vertices.iter().map(place).collect();
    let colour = |t: usize, w: [f32; 3]| {
        Some(sampled(&city.pages[usize::from(city.page[t])].image, &city.uvs[t], w))
    };
    view(&points, &city.mesh.triangles, plan, colour)
}

fn sampled(page: &Rgb8, uv: &[[f32; 2]; 3], w: [f32; 3]) -> [f32; 3] {
    let [u, v]: [f32; 2] = std::array::from_fn(|k| uv[0][k] * w[0] + uv[1][k] * w[1] + uv[2][k] * w[2]);
    page.bilinear(u * page.width as f32, v * page.height as f32)
}

fn view(
    points: &[Vector3<f64>],
    triangles: &[[u32; 3]],
    plan: &Plan,
    colour: impl Fn(usize, [f32; 3]) -> Option<[f32; 3]> + Sync,
) -> Seen {
    let n = plan.samples.max(1);
    let scale = n as f64 / plan.pixel_mm;
    let pixels = |mm: f64| ((mm / plan.pixel_mm).round() as usize).max(1);
    let (width, height) = (pixels(plan.size_mm.x), pixels(plan.size_mm.y));
    // Looking down with north at the top: x right, y down is south, z forward is down.
    let seen: Vec<[f32; 3]> = points.iter().map(|p| [p.x as f32, -p.y as f32, -p.z as f32]).collect();
    let camera = View {
        width: width * n,
        height: height * n,
        projection: Projection::Orthographic { scale, cx: 0.0, cy: plan.size_mm.y * scale },
        near: 0.0,
    };
    let faces = rasterise(&seen, triangles, &camera).face;
    let data = (0..height * width)
        .into_par_iter()
        .map(|i| {
            let mut sum = [0f32; 3];
            for (dy, dx) in (0..n * n).map(|k| (k / n, k % n)) {
                let (x, y) = (i % width * n + dx, i / width * n + dy);
                let face = faces.at(x, y);
                if face == NO_FACE {
                    return None;
                }
                let corners = triangles[face as usize].map(|v| seen[v as usize]);
                let w = camera.barycentric(&corners, x as f64 + 0.5, y as f64 + 0.5);
                let rgb = colour(face as usize, w)?;
                (0..3).for_each(|c| sum[c] += to_linear(rgb[c] / 255.0));
            }
            Some(sum.map(|v| v / (n * n) as f32))
        })
        .collect();
    Grid { width, height, data }
}

/// A view as a picture; grey where there is nothing.
pub fn picture(seen: &Seen) -> Rgb8 {
    let data = seen.data.iter().map(|c| c.map_or([128; 3], |c| c.map(|v| quantise(to_srgb(v))))).collect();
    Rgb8 { width: seen.width, height: seen.height, data }
}

/// dE00 of each pixel; `None` where one of the two shows nothing.
pub fn differences(a: &Seen, b: &Seen) -> Grid<Option<f32>> {
    let data = a.data.par_iter().zip(&b.data).map(|(a, b)| {
        let lab = |c: &[f32; 3]| lab_of_linear(c.map(f64::from));
        Some(delta_e_2000(lab(a.as_ref()?), lab(b.as_ref()?)) as f32)
    });
    Grid { width: a.width, height: a.height, data: data.collect() }
}

/// The figures of two views of one plan.
pub fn compare(a: &Seen, b: &Seen, plan: &Plan) -> Difference {
    let values: Vec<f64> = differences(a, b).data.iter().flatten().map(|v| f64::from(*v)).collect();
    Difference {
        pixel_mm: plan.pixel_mm,
        pixels: values.len(),
        missing: a.data.iter().zip(&b.data).filter(|(a, b)| a.is_some() != b.is_some()).count(),
        median_de: stats::median(&values).unwrap_or(0.0),
        p90_de: stats::quantile(&values, 0.9).unwrap_or(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Mesh;

    /// A square of 20 mm at height `z` whose left half is black and whose right half is white.
    fn square(z: f64, lift: u8) -> Part {
        let corner = |x: f64, y: f64| Vector3::new(x, y, z);
        let mesh = Mesh {
            vertices: vec![corner(0.0, 0.0), corner(20.0, 0.0), corner(20.0, 20.0), corner(0.0, 20.0)],
            triangles: vec![[0, 1, 2], [0, 2, 3]],
        };
        let uv = |v: u32| [[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [0.0, 0.0]][v as usize];
        let uvs = mesh.triangles.iter().map(|t| t.map(uv)).collect();
        let mut texture = Rgb8::filled(40, 40, [lift; 3]);
        for (i, texel) in texture.data.iter_mut().enumerate() {
            *texel = if i % 40 >= 20 { [255; 3] } else { *texel };
        }
        Part { mesh, uvs, texture, scale_denominator: None, title: String::new() }
    }

    #[test]
    fn a_view_is_upright_and_measures_known_differences() {
        let plan = Plan { size_mm: Vector2::new(20.0, 20.0), pixel_mm: 1.0, samples: 2 };
        let (black, grey) = (part(&square(3.0, 0), &plan, false), part(&square(7.0, 119), &plan, true));
        assert_eq!((black.width, black.height), (20, 20));
        assert_eq!(picture(&black).at(2, 5), [0; 3]);
        assert_eq!(picture(&black).at(17, 5), [255; 3]);
        let same = compare(&black, &black, &plan);
        assert_eq!((same.pixels, same.missing, same.median_de), (400, 0, 0.0));
        // L* of the grey is 50.03 against 0; half of the pixels differ by the same amount.
        let found = compare(&black, &grey, &plan);
        let known = delta_e_2000([0.0; 3], [50.03, 0.0, 0.0]);
        assert!((found.p90_de - known).abs() < 0.1, "{} {known}", found.p90_de);
    }
}
