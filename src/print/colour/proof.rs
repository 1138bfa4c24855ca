//! Soft proof: what a page looks like after a printer with a given colour profile has printed it.
//!
//! In: a page (sRGB) and an ICC profile with three or four channels. Out: [`Proof`]: the page as it will look beside a white
//! sheet, and in how far each colour changes. Colours go relative to the material's white (media-relative colorimetric
//! where the profile has tables) into the profile and back in 16 bits; the material's own white is laid over what is shown,
//! channel by channel, not over what is measured: an eye adapts to it. Fails on profiles of other kinds.
//!
//! Cost: colours that occur several times are computed once.

use super::profile::ProfileError;
use crate::base::stats;
use crate::image::colour::{delta_e_2000, lab_of_linear, quantise, to_linear, to_srgb};
use crate::image::{Grid, Mask, Rgb8};
use moxcms::{ColorProfile, DataColorSpace, Layout, RenderingIntent, TransformOptions};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// dE00 from which a colour counts as out of gamut.
pub const WARNING: f64 = 5.0;

/// What a print will look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// The page as it will look, on its material.
    pub shown: Rgb8,
    /// dE00 between each texel and its print, relative to white.
    pub difference: Grid<f32>,
    /// Texels that change by more than [`WARNING`].
    pub warning: Mask,
}

/// A proof in figures, over the texels that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProofFigures {
    /// Median dE00.
    pub median_de: f64,
    /// dE00 that nine tenths stay under.
    pub p90_de: f64,
    /// Share of texels out of gamut.
    pub out_of_gamut: f64,
}

impl Proof {
    /// The figures.
    pub fn figures(&self) -> ProofFigures {
        let values: Vec<f64> = self.difference.data.iter().map(|v| f64::from(*v)).collect();
        let count = self.warning.data.iter().filter(|w| **w).count();
        ProofFigures {
            median_de: stats::median(&values).unwrap_or(0.0),
            p90_de: stats::quantile(&values, 0.9).unwrap_or(0.0),
            out_of_gamut: count as f64 / values.len().max(1) as f64,
        }
    }

    /// The page with the texels out of gamut in magenta, which no city has.
    pub fn marked(&self) -> Rgb8 {
        let data = self.shown.data.iter().zip(&self.warning.data).map(|(c, w)| if *w { [255, 0, 200] } else { *c });
        Rgb8 { data: data.collect(), ..self.shown }
    }
}

/// Proofs a page; `original` is what it is held against, where it was adjusted before.
pub fn proof(page: &Rgb8, original: &Rgb8, profile: &ColorProfile) -> Result<Proof, ProfileError> {
    let mut colours: BTreeMap<[u8; 3], [f64; 3]> = page.data.iter().map(|c| (*c, [0.0; 3])).collect();
    let input: Vec<[u8; 3]> = colours.keys().copied().collect();
    for (linear, printed) in colours.values_mut().zip(printed(&input, profile)?) {
        *linear = printed;
    }
    let white = media_white(profile);
    let texel = |(c, before): (&[u8; 3], &[u8; 3])| {
        let linear = colours.get(c).copied().unwrap_or_default();
        let shown: [u8; 3] = std::array::from_fn(|k| quantise(to_srgb((linear[k] * white[k]).clamp(0.0, 1.0) as f32)));
        let own = before.map(|v| f64::from(to_linear(f32::from(v) / 255.0)));
        (shown, delta_e_2000(lab_of_linear(own), lab_of_linear(linear)) as f32)
    };
    let (shown, difference): (Vec<[u8; 3]>, Vec<f32>) = page.data.par_iter().zip(&original.data).map(texel).unzip();
    let (width, height) = (page.width, page.height);
    let warning = difference.iter().map(|d| f64::from(*d) > WARNING).collect();
    Ok(Proof {
        shown: Rgb8 { width, height, data: shown },
        difference: Grid { width, height, data: difference },
        warning: Grid { width, height, data: warning },
    })
}

/// Linear light, relative to white, of colours after they were printed.
fn printed(colours: &[[u8; 3]], profile: &ColorProfile) -> Result<Vec<[f64; 3]>, ProfileError> {
    let unusable = |reason: String| ProfileError::Unusable { name: String::new(), reason };
    let (layout, channels) = match profile.color_space {
        DataColorSpace::Rgb => (Layout::Rgb, 3),
        DataColorSpace::Cmyk => (Layout::Rgba, 4),
        other => return Err(unusable(format!("it has colours of the kind {other:?}; RGB and CMYK can be proofed"))),
    };
    let srgb = ColorProfile::new_srgb();
    let options =
        TransformOptions { rendering_intent: RenderingIntent::RelativeColorimetric, ..TransformOptions::default() };
    let there = srgb.create_transform_16bit(Layout::Rgb, profile, layout, options);
    let there = there.map_err(|e| unusable(e.to_string()))?;
    let back = profile.create_transform_16bit(layout, &srgb, Layout::Rgb, options);
    let back = back.map_err(|e| unusable(e.to_string()))?;
    let input: Vec<u16> = colours.iter().flatten().map(|v| u16::from(*v) * 257).collect();
    let mut device = vec![0u16; colours.len() * channels];
    let mut output = vec![0u16; colours.len() * 3];
    there.transform(&input, &mut device).map_err(|e| unusable(e.to_string()))?;
    back.transform(&device, &mut output).map_err(|e| unusable(e.to_string()))?;
    Ok(output
        .chunks_exact(3)
        .map(|c| [c[0], c[1], c[2]].map(|v| f64::from(to_linear(f32::from(v) / 65535.0))))
        .collect())
}

/// The bare material in linear light beside a white sheet.
fn media_white(profile: &ColorProfile) -> [f64; 3] {
    // No material reflects all light: a white of full light is that of a display, which the profile is for.
    let Some(w) = profile.media_white_point.filter(|w| w.y > 0.0 && w.y < 0.995) else { return [1.0; 3] };
    // From D50 to sRGB's linear light.
    let [x, y, z] = [w.x, w.y, w.z];
    let rgb = [
        3.133_9 * x - 1.616_9 * y - 0.490_6 * z,
        -0.978_8 * x + 1.916_1 * y + 0.033_5 * z,
        0.071_9 * x - 0.229_0 * y + 1.405_2 * z,
    ];
    rgb.map(|v| v.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::super::profile::{MODELS, read};
    use super::*;
    use crate::image::colour::lab_of_rgb8;

    fn page() -> Rgb8 {
        let data =
            vec![[255; 3], [0; 3], [255, 0, 0], [0, 255, 0], [0, 0, 255], [128; 3], [120, 100, 90], [150, 160, 140]];
        Rgb8 { width: 4, height: 2, data }
    }

    #[test]
    fn srgb_proofs_to_itself() {
        let proof = proof(&page(), &page(), &ColorProfile::new_srgb()).unwrap();
        assert!(proof.figures().p90_de < 0.2, "{:?}", proof.figures());
        assert_eq!(proof.shown.at(2, 0), [255, 0, 0]);
        assert_eq!(proof.figures().out_of_gamut, 0.0);
    }

    #[test]
    fn generic_processes_have_the_black_white_and_gamut_of_their_model() {
        for model in MODELS {
            let profile = read(model.name, &model.icc().unwrap()).unwrap();
            let proof = proof(&page(), &page(), &profile).unwrap();
            let white = lab_of_rgb8(proof.shown.at(0, 0));
            assert!((white[0] - model.white[0]).abs() < 0.7, "{} {white:?}", model.name);
            // White is white to an adapted eye; black is as light as the model says.
            assert!(proof.difference.at(0, 0) < 0.5, "{}", model.name);
            let black = printed(&[[0; 3]], &profile).unwrap()[0];
            assert!((lab_of_linear(black)[0] - model.black).abs() < 1.0, "{} {black:?}", model.name);
            // Full red cannot be printed, a brownish grey can.
            assert!(proof.warning.at(2, 0) && !proof.warning.at(2, 1), "{} {:?}", model.name, proof.difference);
            assert!(proof.marked().at(2, 0) == [255, 0, 200]);
        }
    }
}
