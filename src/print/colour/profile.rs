//! Colour profiles of processes: a user's own ICC file, or a generic one that a small model makes.
//!
//! In: the bytes of an ICC profile, or a [`Model`]. Out: a [`ColorProfile`]. The generic profiles are no measurements: they say
//! what is typical of a process, so that a proof warns of what surely will not come out. The model has three numbers for each
//! process: the lightness and tint of the bare material, the lightness of the darkest mix, and how far the primaries
//! lie from white on the way to those of sRGB. Light adds up linearly between black and white: a matrix profile
//! (ICC.1:2022, annex F.3) with tone curves that begin at the black. The files in `assets/profiles` are what
//! [`Model::icc`] gives; a test holds them against it.

use crate::image::colour::linear_of_lab;
use moxcms::{ColorProfile, Matrix3d, ProfileText, ToneReprCurve, Xyzd};
use std::path::Path;

/// What a process can show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Name of the file and of the profile.
    pub name: &'static str,
    /// What a person reads.
    pub title: &'static str,
    /// The `process` of the printers' rule packs that it stands for.
    pub process: &'static str,
    /// L*a*b* (D50) of the bare material.
    pub white: [f64; 3],
    /// L* of the darkest mix relative to the material.
    pub black: f64,
    /// How far the primaries are from white towards those of sRGB, 0 to 1.
    pub reach: f64,
}

/// The generic processes.
pub const MODELS: [Model; 3] = [
    Model {
        name: "plaster",
        title: "Veduta generic: plaster, binder jetting",
        process: "binder jetting",
        white: [90.0, 0.0, 4.0],
        black: 30.0,
        reach: 0.62,
    },
    Model {
        name: "resin",
        title: "Veduta generic: resin, material jetting",
        process: "material jetting",
        white: [91.0, -1.0, 1.0],
        black: 12.0,
        reach: 0.85,
    },
    Model {
        name: "powder",
        title: "Veduta generic: nylon powder, multi jet fusion",
        process: "multi jet fusion",
        white: [88.0, 0.0, 2.0],
        black: 22.0,
        reach: 0.7,
    },
];

/// The built-in profiles by name.
const FILES: [(&str, &[u8]); 3] = [
    ("plaster", include_bytes!("../../../assets/profiles/plaster.icc")),
    ("resin", include_bytes!("../../../assets/profiles/resin.icc")),
    ("powder", include_bytes!("../../../assets/profiles/powder.icc")),
];

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Not an ICC profile, or not one that is understood.
    #[error("the colour profile {name} cannot be used: {reason}")]
    Unusable {
        /// Which.
        name: String,
        /// Why not.
        reason: String,
    },
    /// No generic profile for the process.
    #[error("there is no generic colour profile for the process \"{process}\"; there are some for: {known}")]
    NoGeneric {
        /// The process.
        process: String,
        /// Those that have one.
        known: String,
    },
}

impl ProfileError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => {
                "give the .icc file of the printer and material, as its maker or your service provides it"
            }
            Self::NoGeneric { .. } => {
                "give the printer's own profile with --icc FILE, or a generic one by its name: plaster, resin or powder"
            }
        }
    }
}

/// The generic profile of a process as bytes.
pub fn generic(process: &str) -> Result<&'static [u8], ProfileError> {
    let known = || MODELS.map(|m| m.process).join(", ");
    let missing = || ProfileError::NoGeneric { process: process.to_string(), known: known() };
    let model = MODELS.iter().find(|m| m.process == process).ok_or_else(missing)?;
    FILES.iter().find(|f| f.0 == model.name).map(|f| f.1).ok_or_else(missing)
}

/// A generic profile by its own name.
pub fn named(name: &Path) -> Option<(&'static Model, &'static [u8])> {
    let model = MODELS.iter().find(|m| Path::new(m.name) == name)?;
    FILES.iter().find(|f| f.0 == model.name).map(|f| (model, f.1))
}

/// Reads a profile; `name` is for messages.
pub fn read(name: &str, bytes: &[u8]) -> Result<ColorProfile, ProfileError> {
    ColorProfile::new_from_slice(bytes)
        .map_err(|e| ProfileError::Unusable { name: name.to_string(), reason: e.to_string() })
}

/// The media-relative white point of profiles (D50).
pub const D50: [f64; 3] = [0.964_2, 1.0, 0.824_9];
/// XYZ (D50) of sRGB's primaries, by columns, as every sRGB profile has them.
const SRGB_D50: [[f64; 3]; 3] =
    [[0.436_07, 0.222_49, 0.013_92], [0.385_15, 0.716_87, 0.097_08], [0.143_07, 0.060_61, 0.714_1]];

/// Relative luminance of a lightness L*.
fn luminance(l: f64) -> f64 {
    linear_of_lab([l, 0.0, 0.0])[1]
}

impl Model {
    /// XYZ of the bare material.
    pub fn media_white(&self) -> [f64; 3] {
        let [l, a, b] = self.white;
        let fy = (l + 16.0) / 116.0;
        let cube = |t: f64| t.powi(3);
        [D50[0] * cube(fy + a / 500.0), cube(fy), D50[2] * cube(fy - b / 200.0)]
    }

    /// XYZ of the three primaries at full light; they add up to white.
    pub fn primaries(&self) -> [[f64; 3]; 3] {
        // A share of each primary is white light, so that the sum stays.
        SRGB_D50.map(|p| std::array::from_fn(|k| p[k] * self.reach + D50[k] * p[1] * (1.0 - self.reach)))
    }

    /// The bytes of the profile.
    pub fn icc(&self) -> Result<Vec<u8>, ProfileError> {
        let xyz = |p: [f64; 3]| Xyzd { x: p[0], y: p[1], z: p[2] };
        let black = luminance(self.black);
        let curve: Vec<u16> = (0..1024)
            .map(|i| {
                let light = black + (1.0 - black) * (f64::from(i) / 1023.0).powf(2.2);
                (light * 65535.0).round() as u16
            })
            .collect();
        let curve = || Some(ToneReprCurve::Lut(curve.clone()));
        let text = |t: &str| Some(ProfileText::PlainString(t.to_string()));
        let mut profile = ColorProfile::new_srgb();
        let [r, g, b] = self.primaries();
        (profile.red_colorant, profile.green_colorant, profile.blue_colorant) = (xyz(r), xyz(g), xyz(b));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve(), curve(), curve());
        profile.media_white_point = Some(xyz(self.media_white()));
        profile.cicp = None;
        profile.chromatic_adaptation = Some(Matrix3d::IDENTITY);
        profile.description = text(self.title);
        profile.copyright = text("Public domain: a model, not a measurement");
        let encoded = profile.encode();
        let mut bytes =
            encoded.map_err(|e| ProfileError::Unusable { name: self.name.into(), reason: e.to_string() })?;
        // The same model gives the same bytes on every day: the date in the header is that of the model.
        for (at, v) in [2026u16, 11, 21, 0, 0, 0].into_iter().enumerate() {
            bytes[24 + 2 * at..26 + 2 * at].copy_from_slice(&v.to_be_bytes());
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_what_the_model_makes() {
        for (model, (name, bytes)) in MODELS.iter().zip(FILES) {
            assert_eq!(model.name, name);
            if let Ok(folder) = std::env::var("VEDUTA_WRITE_PROFILES") {
                std::fs::write(format!("{folder}/{name}.icc"), model.icc().unwrap()).unwrap();
                continue;
            }
            assert!(model.icc().unwrap() == bytes, "{name}");
            let profile = read(name, bytes).unwrap();
            let sum: Vec<f64> = (0..3).map(|k| model.primaries().iter().map(|p| p[k]).sum()).collect();
            assert!((0..3).all(|k| (sum[k] - D50[k]).abs() < 2e-3), "{sum:?}");
            assert!((profile.media_white_point.unwrap().y - model.media_white()[1]).abs() < 1e-4);
            assert!(generic(model.process).is_ok());
        }
        assert!(matches!(generic("filament"), Err(ProfileError::NoGeneric { .. })));
        assert!(matches!(read("x", b"no profile"), Err(ProfileError::Unusable { .. })));
    }
}
