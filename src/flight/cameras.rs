//! Groups photos by camera, and finds each group's initial calibration.
//!
//! In: the facts of the photos. Out: one [`Camera`] for each combination of body, lens, focal setting, upright size and
//! orientation, in the order of their first photos, and the group of each photo.
//!
//! The focal length in pixels comes from, in this order: a factory calibration in XMP, the sensor table, the 35 mm
//! equivalent (by the diagonal of 43.27 mm, CIPA DCG-001), the focal plane resolution, or a guess of 1.2 times the longer
//! side. A 16:9 photo of a still camera is a crop from 4:3 or 3:2, and its equivalent belongs to the uncropped diagonal.
//! Cost: linear. Failure modes: a guess is noted; the adjustment is then free to move it far.

use super::shot::Shot;
use crate::base::{CameraId, Diagnostic};
use crate::camera::{Camera, FocalSource, Lens};
use crate::flight::sensors::sensor_of;
use std::collections::BTreeMap;

/// Diagonal of a 36 x 24 mm frame in millimetres.
const FULL_FRAME_DIAGONAL: f64 = 43.266_615_305_567_87;
/// Focal lengths in units of the longer side that a lens can have (150 degrees to 3 degrees).
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 0.25..=20.0;

/// What photos of one group share. Millimetres and pixels are rounded so that equal settings compare equal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    body: [Option<String>; 4],
    focal_um: Option<i64>,
    focal_35mm: Option<i64>,
    calibrated_px: Option<i64>,
    zoom_percent: Option<i64>,
    size: (u32, u32),
    orientation: u8,
}

impl Key {
    fn of(shot: &Shot) -> Self {
        let (exif, xmp) = (&shot.exif, &shot.xmp);
        let serial = exif.serial.clone().or_else(|| xmp.serial.clone());
        let rounded = |x: Option<f64>, unit: f64| x.map(|x| (x / unit).round() as i64);
        Self {
            body: [exif.make.clone(), exif.model.clone(), exif.lens.clone(), serial],
            focal_um: rounded(exif.focal_mm, 0.01),
            focal_35mm: rounded(exif.focal_35mm, 1.0),
            calibrated_px: rounded(xmp.focal_px, 1.0),
            zoom_percent: rounded(exif.digital_zoom, 0.01),
            size: shot.size,
            orientation: shot.orientation,
        }
    }
}

/// The camera groups, the group of each photo, and notes about guesses.
pub fn group_cameras(shots: &[Shot], focal_px: Option<f64>) -> (Vec<Camera>, Vec<CameraId>, Vec<Diagnostic>) {
    let mut known: BTreeMap<Key, CameraId> = BTreeMap::new();
    let (mut cameras, mut groups, mut notes) = (Vec::<Camera>::new(), Vec::new(), Vec::new());
    for shot in shots {
        let id = *known.entry(Key::of(shot)).or_insert_with(|| {
            let id = CameraId::from(cameras.len());
            let (lens, focal_source) = calibration(shot, focal_px);
            let camera = Camera { id, label: label(shot), width: shot.size.0, height: shot.size.1, lens, focal_source };
            if focal_source == FocalSource::Guess {
                notes.push(Diagnostic::warning(
                    "focal-guessed",
                    &camera.label,
                    format!(
                        "The photos of {} do not state their focal length; {:.0} pixels (1.2 times the longer side) are \
                         assumed until the adjustment finds it",
                        camera.label, lens.f
                    ),
                    "Give the focal length in pixels if you know it.",
                ));
            }
            cameras.push(camera);
            id
        });
        groups.push(id);
    }
    (cameras, groups, notes)
}

/// Make, model and lens for a person; the make is not repeated where the model begins with it.
fn label(shot: &Shot) -> String {
    let exif = &shot.exif;
    let model = exif.model.as_deref().unwrap_or("unknown camera");
    let mut parts = Vec::new();
    if let Some(make) = exif.make.as_deref().filter(|make| !model.to_lowercase().contains(&make.to_lowercase())) {
        parts.push(make.to_string());
    }
    parts.push(model.to_string());
    if let Some(lens) = exif.lens.as_deref().filter(|l| *l != model) {
        parts.push(lens.to_string());
    }
    if let Some(focal) = exif.focal_mm {
        parts.push(format!("{focal:.1} mm"));
    }
    parts.join(" ")
}

fn calibration(shot: &Shot, focal_px: Option<f64>) -> (Lens, FocalSource) {
    let (width, height) = shot.size;
    let longer = f64::from(width.max(height));
    let from_exif = exif_focal(shot);
    if let Some(f) = focal_px {
        return (Lens::ideal(f, width, height), FocalSource::Calibration);
    }
    if let Some(lens) = factory_calibration(shot, from_exif) {
        return (lens, FocalSource::Calibration);
    }
    match from_exif {
        Some(f) => (Lens::ideal(f, width, height), FocalSource::Exif),
        None => (Lens::ideal(1.2 * longer, width, height), FocalSource::Guess),
    }
}

/// The lens that XMP gives, where the photo still has the size that it was calibrated for.
fn factory_calibration(shot: &Shot, from_exif: Option<f64>) -> Option<Lens> {
    let (width, height) = shot.size;
    let plausible = |f: &f64| {
        let near = from_exif.is_none_or(|e| (f / e - 1.0).abs() < 0.15);
        near && PLAUSIBLE.contains(&(f / f64::from(width.max(height))))
    };
    let mut lens = Lens::ideal(0.0, width, height);
    // The principal point and the distortion belong to the sensor as stored; turned photos only take the focal length.
    let as_stored = shot.orientation == 1;
    if let Some(d) = shot.xmp.dewarp.filter(|d| plausible(&((d.focal[0] + d.focal[1]) / 2.0))) {
        lens.f = (d.focal[0] + d.focal[1]) / 2.0;
        if as_stored && shot.xmp.dewarped == Some(false) {
            (lens.k, lens.p) = (d.radial, d.tangential);
        }
        if as_stored {
            (lens.cx, lens.cy) = (lens.cx + d.centre[0], lens.cy + d.centre[1]);
        }
        return Some(lens);
    }
    lens.f = shot.xmp.focal_px.filter(plausible)?;
    if let Some([x, y]) = shot.xmp.centre_px.filter(|_| as_stored) {
        // A centre far from the middle belongs to another size: then the focal length does as well.
        let off = ((x - lens.cx) / f64::from(width)).abs().max(((y - lens.cy) / f64::from(height)).abs());
        if off > 0.05 {
            return None;
        }
        (lens.cx, lens.cy) = (x, y);
    }
    Some(lens)
}

/// Focal length in pixels from EXIF and the sensor table.
fn exif_focal(shot: &Shot) -> Option<f64> {
    let exif = &shot.exif;
    let longer = f64::from(shot.size.0.max(shot.size.1));
    let zoom = exif.digital_zoom.unwrap_or(1.0);
    let by_table = || {
        let sensor = sensor_of(exif.model.as_deref()?)?;
        Some(sensor.focal_of(exif.focal_mm)? / sensor.width_mm * longer * zoom)
    };
    let by_plane = || Some(exif.focal_mm? * exif.focal_plane_per_mm?);
    [by_table(), by_equivalent(shot), by_plane()].into_iter().flatten().find(|f| PLAUSIBLE.contains(&(f / longer)))
}

/// Focal length in pixels from the 35 mm equivalent.
fn by_equivalent(shot: &Shot) -> Option<f64> {
    let equivalent = shot.exif.focal_35mm?;
    let (w, h) = (f64::from(shot.size.0), f64::from(shot.size.1));
    let (longer, shorter) = (w.max(h), w.min(h));
    if let Some(focal) = shot.exif.focal_mm
        && (focal - equivalent).abs() <= 0.5
    {
        // A full-frame camera states both; the equivalent is the same number, rounded to a whole millimetre.
        return Some(focal / FULL_FRAME_DIAGONAL * w.hypot(h));
    }
    let crop = shot.exif.focal_mm.map(|focal| equivalent / focal);
    let native_ratio = match crop {
        // Small sensors are 4:3, one-inch and larger ones 3:2.
        Some(c) if longer / shorter > 1.6 && c > 3.5 => 4.0 / 3.0,
        Some(c) if longer / shorter > 1.6 && c > 1.2 => 3.0 / 2.0,
        _ => longer / shorter,
    };
    Some(equivalent / FULL_FRAME_DIAGONAL * longer.hypot(longer / native_ratio))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Fingerprint;
    use crate::formats::exif::Exif;
    use crate::formats::xmp::{Dewarp, Xmp};

    fn shot(size: (u32, u32), exif: Exif, xmp: Xmp) -> Shot {
        let orientation = exif.orientation.unwrap_or(1);
        let content = Fingerprint::of_bytes(b"");
        Shot { path: "a.jpg".into(), name: "a.jpg".into(), size, orientation, exif, xmp, content }
    }

    fn focal(shot: &Shot) -> (f64, FocalSource) {
        let (lens, source) = calibration(shot, None);
        (lens.f, source)
    }

    fn exif(model: &str, focal: f64, equivalent: f64) -> Exif {
        let some = |x: f64| (x > 0.0).then_some(x);
        Exif { model: Some(model.into()), focal_mm: some(focal), focal_35mm: some(equivalent), ..Exif::default() }
    }

    #[test]
    fn focal_lengths_in_the_order_of_trust() {
        // Table: a one-inch sensor of 5472 pixels and 8.8 mm has about 3650 pixels by factory calibrations.
        let (f, source) = focal(&shot((5472, 3648), exif("FC6310", 8.8, 24.0), Xmp::default()));
        assert!((f - 3665.0).abs() < 40.0 && source == FocalSource::Exif, "{f}");
        // Unknown model: 35 mm equivalent of a 4:3 photo and of its 16:9 crop are the same focal length.
        let whole = focal(&shot((4000, 3000), exif("X", 4.5, 24.0), Xmp::default())).0;
        let crop = focal(&shot((4000, 2250), exif("X", 4.5, 24.0), Xmp::default())).0;
        assert!((whole - 24.0 / FULL_FRAME_DIAGONAL * 5000.0).abs() < 1e-9 && (whole - crop).abs() < 1e-9);
        // Focal plane resolution: 5 mm at 243 pixels a millimetre.
        let plane = Exif { focal_plane_per_mm: Some(243.0), ..exif("X", 5.0, 0.0) };
        assert!((focal(&shot((1600, 1200), plane, Xmp::default())).0 - 1215.0).abs() < 1e-9);
        assert_eq!(focal(&shot((1000, 2000), exif("X", 5.0, 0.0), Xmp::default())), (2400.0, FocalSource::Guess));
    }

    #[test]
    fn factory_calibration_only_at_its_own_size() {
        let dewarp = Dewarp {
            focal: [3678.0, 3672.0],
            centre: [-10.0, 27.0],
            radial: [-0.27, 0.11, -0.03],
            tangential: [1e-5, -3e-5],
        };
        let xmp = Xmp { dewarp: Some(dewarp), dewarped: Some(false), ..Xmp::default() };
        let (lens, source) = calibration(&shot((5472, 3648), exif("FC6310R", 8.8, 24.0), xmp.clone()), None);
        assert_eq!((source, lens.f, lens.cx), (FocalSource::Calibration, 3675.0, 2726.0));
        assert_eq!(lens.k[0], -0.27);
        // Reduced to a quarter: the calibration does not fit any more.
        let (lens, source) = calibration(&shot((1368, 912), exif("FC6310R", 8.8, 24.0), xmp), None);
        assert!(source == FocalSource::Exif && (lens.f - 917.0).abs() < 15.0);
        let simple = Xmp { focal_px: Some(3666.0), centre_px: Some([2740.0, 1820.0]), ..Xmp::default() };
        let (lens, _) = calibration(&shot((5472, 3648), exif("FC6310", 8.8, 24.0), simple), None);
        assert_eq!((lens.f, lens.cx, lens.cy), (3666.0, 2740.0, 1820.0));
    }

    #[test]
    fn groups_by_setting_and_notes_guesses() {
        let a = shot((4000, 3000), exif("X", 4.5, 24.0), Xmp::default());
        let zoomed = shot((4000, 3000), exif("X", 9.0, 48.0), Xmp::default());
        let turned = shot((3000, 4000), Exif { orientation: Some(6), ..exif("X", 4.5, 24.0) }, Xmp::default());
        let blank = shot((4000, 3000), Exif::default(), Xmp::default());
        let shots = [a.clone(), zoomed, a.clone(), turned, blank, a];
        let (cameras, groups, notes) = group_cameras(&shots, None);
        assert_eq!(groups.iter().map(|g| g.0).collect::<Vec<_>>(), [0, 1, 0, 2, 3, 0]);
        assert_eq!((cameras.len(), notes.len()), (4, 1));
        assert_eq!(cameras[0].label, "X 4.5 mm");
        let (cameras, _, notes) = group_cameras(&shots, Some(3000.0));
        assert!(notes.is_empty() && cameras.iter().all(|c| c.lens.f == 3000.0));
    }
}
