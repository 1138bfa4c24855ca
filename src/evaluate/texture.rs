//! Colour differences between the textured city and the truth, in views that are not part of the flight.
//!
//! In: true views (exposure 1, no noise), the city, its alignment. Out: CIEDE2000 differences where the city's surface
//! lies within half a metre of the true one and a photo saw it. "Levelled" differences are those after one gain for each
//! channel over all views, because the flight's mean exposure is not the truth's. Cost: about 2 us a pixel.
//! Failure modes: mirrors (windows, water) look different from every side and raise the differences.

use super::EvaluateError;
use super::colour::{delta_e00, encoded, lab, linear};
use crate::base::{Ctx, stats};
use crate::geometry::Sim3;
use crate::image::Rgb8;
use crate::scene::City;
use crate::synthetic::bvh::{Bvh, NONE, Packet};
use crate::synthetic::surface::V3;
use crate::synthetic::truth::{Truth, TruthMesh, pose_of};
use nalgebra::Vector2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

const SUB: usize = 4;

/// How good a texture is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TextureReport {
    /// Pixels compared.
    pub pixels: usize,
    /// Share of the pixels of the true surface inside the bounds where the city has seen surface within half a metre.
    pub covered: f64,
    /// Median CIEDE2000 difference as it stands.
    pub median_de00: f64,
    /// Median after levelling.
    pub levelled_median_de00: f64,
    /// Nine tenths of the pixels differ by less, after levelling.
    pub levelled_p90_de00: f64,
    /// Gains (red, green, blue, linear) that the levelling applied to the city.
    pub gains: [f64; 3],
}

/// One compared pixel.
struct Pair {
    truth: [f32; 3],
    city: [f32; 3],
}

/// Measures a city's texture; `views` are the decoded pictures of `truth.extra_views`.
pub fn texture(
    truth: &Truth,
    surface: &TruthMesh,
    views: &[Rgb8],
    city: &City,
    truth_from_model: &Sim3,
    ctx: &Ctx,
) -> Result<TextureReport, EvaluateError> {
    let m = &surface.mesh;
    let true_bvh = Bvh::new(m.triangles.len(), |t| m.corners(t).map(|p| p.cast()));
    let city_bvh =
        Bvh::new(city.mesh.triangles.len(), |t| city.mesh.corners(t).map(|p| truth_from_model.apply(&p).cast()));
    let (mut pairs, mut wanted) = (Vec::new(), 0usize);
    for (k, (view, picture)) in truth.extra_views.iter().zip(views).enumerate() {
        ctx.tick(k as u64, truth.extra_views.len() as u64)?;
        let pose = pose_of(&view.cam_from_world);
        let lens = view.camera.lens();
        let (w, h) = (picture.width.min(view.camera.width as usize), picture.height.min(view.camera.height as usize));
        let centre: V3 = pose.centre().cast();
        let turn = pose.rotation.inverse();
        let rows: Vec<(Vec<Pair>, usize)> = (0..h)
            .into_par_iter()
            .step_by(2)
            .map(|j| {
                let (mut found, mut wanted) = (Vec::new(), 0);
                for i in (0..w).step_by(2) {
                    let directions: [V3; SUB] = std::array::from_fn(|k| {
                        let (x, y) = (0.25 + 0.5 * (k % 2) as f64, 0.25 + 0.5 * (k / 2) as f64);
                        let ray = lens.unproject(&Vector2::new(i as f64 + x, j as f64 + y));
                        ray.map_or(V3::z(), |r| (turn * r).normalize().cast())
                    });
                    let mut t = Packet::<SUB>::new(&[centre; SUB], &directions, 1e4);
                    true_bvh.nearest(&mut t);
                    let inside = (0..SUB).all(|k| {
                        let p = centre + directions[k] * t.t[k];
                        t.id[k] != NONE && in_bounds(truth, &p)
                    });
                    if !inside {
                        continue;
                    }
                    wanted += 1;
                    let mut c = Packet::<SUB>::new(&[centre; SUB], &directions, 1e4);
                    city_bvh.nearest(&mut c);
                    let good = (0..SUB).all(|k| {
                        let id = c.id[k];
                        id != NONE && city.seen.get(id as usize) == Some(&true) && (c.t[k] - t.t[k]).abs() < 0.5
                    });
                    if !good {
                        continue;
                    }
                    let mut sum = [0.0f64; 3];
                    for k in 0..SUB {
                        let colour = texel(city, c.id[k] as usize, c.u[k], c.v[k]);
                        sum = std::array::from_fn(|x| sum[x] + linear(colour[x]) / SUB as f64);
                    }
                    found.push(Pair { truth: picture.at(i, j).map(f32::from), city: sum.map(encoded) });
                }
                (found, wanted)
            })
            .collect();
        for (found, n) in rows {
            pairs.extend(found);
            wanted += n;
        }
    }
    Ok(report(&pairs, wanted))
}

fn in_bounds(truth: &Truth, p: &V3) -> bool {
    (0..2).all(|k| {
        let x = f64::from(p[k]);
        truth.bounds.iter().any(|b| b[k] <= x) && truth.bounds.iter().any(|b| b[k] >= x)
    })
}

/// Colour of the city at barycentric coordinates of a triangle.
fn texel(city: &City, t: usize, u: f32, v: f32) -> [f32; 3] {
    let page = &city.pages[usize::from(city.page[t])].image;
    let uv = city.uvs[t];
    let at = |c: usize| uv[0][c] * (1.0 - u - v) + uv[1][c] * u + uv[2][c] * v;
    page.bilinear(at(0) * page.width as f32, at(1) * page.height as f32)
}

fn report(pairs: &[Pair], wanted: usize) -> TextureReport {
    // One gain per channel: the median ratio of linear values that are neither black nor burnt out.
    let gains: [f64; 3] = std::array::from_fn(|c| {
        let ratios: Vec<f64> = pairs
            .iter()
            .filter(|p| (12.0..245.0).contains(&p.truth[c]) && (12.0..245.0).contains(&p.city[c]))
            .map(|p| linear(p.truth[c]) / linear(p.city[c]))
            .collect();
        stats::median(&ratios).unwrap_or(1.0)
    });
    let (plain, levelled): (Vec<f64>, Vec<f64>) = pairs
        .par_iter()
        .map(|p| {
            let want = lab(p.truth);
            let moved = std::array::from_fn(|c| encoded(linear(p.city[c]) * gains[c]));
            (delta_e00(want, lab(p.city)), delta_e00(want, lab(moved)))
        })
        .unzip();
    let nan = f64::NAN;
    TextureReport {
        pixels: pairs.len(),
        covered: pairs.len() as f64 / wanted.max(1) as f64,
        median_de00: stats::median(&plain).unwrap_or(nan),
        levelled_median_de00: stats::median(&levelled).unwrap_or(nan),
        levelled_p90_de00: stats::quantile(&levelled, 0.9).unwrap_or(nan),
        gains,
    }
}

impl TextureReport {
    /// A table for a person.
    pub fn table(&self) -> String {
        format!(
            "texture                  {:.1} % covered; dE00 median {:.2}, levelled {:.2} (p90 {:.2}); gains {:.2} {:.2} {:.2}\n",
            100.0 * self.covered,
            self.median_de00,
            self.levelled_median_de00,
            self.levelled_p90_de00,
            self.gains[0],
            self.gains[1],
            self.gains[2],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::TexturePage;
    use crate::synthetic::{SynthOptions, generate};

    /// The true surface itself, textured by looking up the true ortho photo, must score well; with a wrong texture badly.
    #[test]
    fn true_colours_score_well_and_wrong_ones_badly() {
        let options =
            SynthOptions { photos: 3, width: 240, area_m: [60.0, 50.0], moving_cars: 0, ..Default::default() };
        let mut files = std::collections::BTreeMap::new();
        let flight = generate(&options, &Ctx::silent(), &mut |name, bytes| {
            files.insert(name.to_string(), bytes.to_vec());
            Ok(())
        })
        .expect("generates");
        let decode = |name: &str| {
            let i = image::load_from_memory(&files[name]).expect("decodes").to_rgb8();
            let data = i.pixels().map(|p| p.0).collect();
            Rgb8::from_data(i.width() as usize, i.height() as usize, data).expect("size")
        };
        let views: Vec<Rgb8> = (0..4).map(|k| decode(&format!("extra_views/view_{k}.jpg"))).collect();
        let ortho = decode("truth/ortho.png");
        let raster = flight.truth.ortho.clone().expect("ortho");
        let mesh = flight.surface.mesh.clone();
        let uvs = (0..mesh.triangles.len())
            .map(|t| {
                mesh.corners(t).map(|p| {
                    let u = (p.x - raster.x0) / (raster.gsd * ortho.width as f64);
                    let v = (raster.y1 - p.y) / (raster.gsd * ortho.height as f64);
                    [u as f32, v as f32]
                })
            })
            .collect();
        // Only what faces up: walls are not in an ortho photo.
        let seen = (0..mesh.triangles.len())
            .map(|t| {
                let n = mesh.area_normal(t).normalize();
                n.z > 0.9 && flight.surface.class[t] < 2
            })
            .collect();
        let n = mesh.triangles.len();
        let mut city =
            City { mesh, uvs, page: vec![0; n], seen, pages: vec![TexturePage { image: ortho }], texel_m: raster.gsd };
        let run = |city: &City| {
            texture(&flight.truth, &flight.surface, &views, city, &Sim3::identity(), &Ctx::silent()).expect("measures")
        };
        let good = run(&city);
        assert!(good.covered > 0.2, "{good:?}");
        assert!(good.median_de00 < 6.0, "{good:?}");
        for p in &mut city.pages[0].image.data {
            *p = [p[2], p[0], p[1].saturating_add(40)];
        }
        let bad = run(&city);
        assert!(bad.median_de00 > 2.0 * good.median_de00, "{bad:?} {good:?}");
    }
}
