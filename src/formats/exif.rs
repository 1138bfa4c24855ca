//! Reads what EXIF says about a photo: orientation, camera, lens, focal length, time, exposure, GNSS position.
//!
//! In: the bytes of a JPEG, TIFF, PNG or HEIF file. Out: [`Exif`], every value optional, in degrees, metres, seconds,
//! millimetres. Values that cannot be (a latitude of 95 degrees, a division by zero, a focal length of 0) are absent.
//!
//! Source: CIPA DC-008, "Exchangeable image file format for digital still cameras: Exif version 2.32", 2019. Cost: tens
//! of microseconds. Failure modes: a broken directory gives what could be read; no EXIF gives an empty [`Exif`].

use exif::{In, Rational, Tag, Value};
use std::io::Cursor;

/// A position as EXIF has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ExifGps {
    /// Latitude in degrees, north positive.
    pub latitude_deg: f64,
    /// Longitude in degrees, east positive.
    pub longitude_deg: f64,
    /// Altitude in metres, negative below the reference.
    pub altitude_m: Option<f64>,
    /// Direction of the image in degrees clockwise from north.
    pub direction_deg: Option<f64>,
    /// Dilution of precision.
    pub dop: Option<f64>,
    /// Horizontal positioning error in metres.
    pub error_m: Option<f64>,
}

/// What EXIF says about a photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exif {
    /// Orientation 1..=8.
    pub orientation: Option<u8>,
    /// Maker of the camera.
    pub make: Option<String>,
    /// Model of the camera.
    pub model: Option<String>,
    /// Model of the lens.
    pub lens: Option<String>,
    /// Serial number of the body.
    pub serial: Option<String>,
    /// Focal length in millimetres.
    pub focal_mm: Option<f64>,
    /// Focal length in millimetres of a 36 x 24 mm camera with the same diagonal angle.
    pub focal_35mm: Option<f64>,
    /// Factor of digital zoom, where it is above 1.
    pub digital_zoom: Option<f64>,
    /// Pixels per millimetre on the sensor along x.
    pub focal_plane_per_mm: Option<f64>,
    /// Width and height in pixels that EXIF states; differs from the file's when the photo was resized.
    pub size: Option<(u32, u32)>,
    /// Seconds since 1970 of the exposure with sub-seconds; in UTC where the offset is stated, else camera time.
    pub time_s: Option<f64>,
    /// Exposure time in seconds.
    pub exposure_s: Option<f64>,
    /// Aperture number.
    pub f_number: Option<f64>,
    /// Sensitivity.
    pub iso: Option<f64>,
    /// Position.
    pub gps: Option<ExifGps>,
}

/// Reads the EXIF of a photo's file.
pub fn read_exif(bytes: &[u8]) -> Exif {
    let mut reader = exif::Reader::new();
    reader.continue_on_error(true);
    match reader.read_from_container(&mut Cursor::new(bytes)).or_else(|e| e.distill_partial_result(|_| {})) {
        Ok(fields) => facts(&Fields(&fields)),
        Err(_) => Exif::default(),
    }
}

/// Typed access to the primary image's fields.
struct Fields<'a>(&'a exif::Exif);

impl Fields<'_> {
    fn value(&self, tag: Tag) -> Option<&Value> {
        self.0.get_field(tag, In::PRIMARY).map(|f| &f.value)
    }

    fn numbers(&self, tag: Tag) -> Vec<f64> {
        match self.value(tag) {
            Some(Value::Rational(v)) => v.iter().map(Rational::to_f64).collect(),
            Some(Value::SRational(v)) => v.iter().map(exif::SRational::to_f64).collect(),
            Some(Value::Double(v)) => v.clone(),
            Some(Value::Float(v)) => v.iter().map(|x| f64::from(*x)).collect(),
            Some(Value::SShort(v)) => v.iter().map(|x| f64::from(*x)).collect(),
            Some(Value::SLong(v)) => v.iter().map(|x| f64::from(*x)).collect(),
            Some(other) => (0..).map_while(|i| other.get_uint(i)).map(f64::from).collect(),
            None => Vec::new(),
        }
    }

    fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).first().copied().filter(|x| x.is_finite())
    }

    fn positive(&self, tag: Tag) -> Option<f64> {
        self.number(tag).filter(|x| *x > 0.0)
    }

    fn text(&self, tag: Tag) -> Option<String> {
        let Some(Value::Ascii(parts)) = self.value(tag) else { return None };
        let text = String::from_utf8_lossy(parts.first()?);
        let text = text.trim_matches(|c: char| c.is_whitespace() || c.is_control());
        (!text.is_empty()).then(|| text.to_string())
    }
}

fn facts(fields: &Fields) -> Exif {
    let dimension = |tag| fields.positive(tag).map(|x| x as u32);
    Exif {
        orientation: fields.number(Tag::Orientation).map(|x| x as u8).filter(|o| (1..=8).contains(o)),
        make: fields.text(Tag::Make),
        model: fields.text(Tag::Model),
        lens: fields.text(Tag::LensModel),
        serial: fields.text(Tag::BodySerialNumber),
        focal_mm: fields.positive(Tag::FocalLength).filter(|f| *f < 5000.0),
        focal_35mm: fields.positive(Tag::FocalLengthIn35mmFilm).filter(|f| *f < 5000.0),
        digital_zoom: fields.number(Tag::DigitalZoomRatio).filter(|z| *z > 1.0 && *z < 100.0),
        focal_plane_per_mm: focal_plane(fields),
        size: dimension(Tag::PixelXDimension).zip(dimension(Tag::PixelYDimension)),
        time_s: time(fields),
        exposure_s: fields.positive(Tag::ExposureTime),
        f_number: fields.positive(Tag::FNumber),
        iso: fields.positive(Tag::PhotographicSensitivity),
        gps: gps(fields),
    }
}

/// Pixels per millimetre of the focal plane.
fn focal_plane(fields: &Fields) -> Option<f64> {
    let per_unit = fields.positive(Tag::FocalPlaneXResolution)?;
    let unit_mm = match fields.number(Tag::FocalPlaneResolutionUnit).map_or(2, |x| x as u32) {
        2 => 25.4,
        3 => 10.0,
        4 => 1.0,
        5 => 0.001,
        _ => return None,
    };
    Some(per_unit / unit_mm)
}

fn time(fields: &Fields) -> Option<f64> {
    let pick = |time, sub, offset| {
        let whole = seconds_since_1970(&fields.text(time)?)?;
        let part = fields.text(sub).and_then(|s| sub_seconds(&s)).unwrap_or(0.0);
        let zone = fields.text(offset).and_then(|s| offset_seconds(&s)).unwrap_or(0.0);
        Some(whole + part - zone)
    };
    pick(Tag::DateTimeOriginal, Tag::SubSecTimeOriginal, Tag::OffsetTimeOriginal)
        .or_else(|| pick(Tag::DateTimeDigitized, Tag::SubSecTimeDigitized, Tag::OffsetTimeDigitized))
        .or_else(|| pick(Tag::DateTime, Tag::SubSecTime, Tag::OffsetTime))
}

/// Seconds since 1970 of `YYYY:MM:DD HH:MM:SS` (also with dashes or a T), taken as UTC.
///
/// Days by H. Hinnant's count from the civil date (proleptic Gregorian calendar).
pub fn seconds_since_1970(text: &str) -> Option<f64> {
    let parts: Vec<i64> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|p| !p.is_empty()).map_while(|p| p.parse().ok()).collect();
    let [year, month, day, hour, minute, second, ..] = parts[..] else { return None };
    let plausible = (1970..3000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    if !plausible {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some((days * 86_400 + hour * 3600 + minute * 60 + second) as f64)
}

/// `"037"` is 0.037 s, `"5"` is 0.5 s.
fn sub_seconds(text: &str) -> Option<f64> {
    let digits: String = text.trim().chars().take_while(char::is_ascii_digit).take(9).collect();
    (!digits.is_empty()).then(|| format!("0.{digits}").parse().ok()).flatten()
}

/// `"+02:00"` is 7200 s.
fn offset_seconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let sign = match text.chars().next()? {
        '+' => 1.0,
        '-' => -1.0,
        'Z' => return Some(0.0),
        _ => return None,
    };
    let (hours, minutes) = text[1..].split_once(':')?;
    let (hours, minutes): (f64, f64) = (hours.parse().ok()?, minutes.parse().ok()?);
    (hours <= 15.0 && minutes < 60.0).then_some(sign * (hours * 3600.0 + minutes * 60.0))
}

fn gps(fields: &Fields) -> Option<ExifGps> {
    let angle = |tag, reference, negative: &str, limit: f64| {
        let parts = fields.numbers(tag);
        let mut degrees = 0.0;
        for (part, unit) in parts.iter().zip([1.0, 60.0, 3600.0]) {
            degrees += part / unit;
        }
        let sign = if fields.text(reference).is_some_and(|r| r.eq_ignore_ascii_case(negative)) { -1.0 } else { 1.0 };
        (!parts.is_empty() && degrees.is_finite() && degrees.abs() <= limit).then_some(sign * degrees)
    };
    let latitude_deg = angle(Tag::GPSLatitude, Tag::GPSLatitudeRef, "S", 90.0)?;
    let longitude_deg = angle(Tag::GPSLongitude, Tag::GPSLongitudeRef, "W", 180.0)?;
    // 1 and 3 are below sea level and below the ellipsoid.
    let below = matches!(fields.number(Tag::GPSAltitudeRef).map(|x| x as u8), Some(1 | 3));
    let altitude_m = fields
        .number(Tag::GPSAltitude)
        .map(|a| if below { -a.abs() } else { a })
        .filter(|a| (-1000.0..50_000.0).contains(a));
    Some(ExifGps {
        latitude_deg,
        longitude_deg,
        altitude_m,
        direction_deg: fields.number(Tag::GPSImgDirection).filter(|d| (0.0..=360.0).contains(d)),
        dop: fields.positive(Tag::GPSDOP),
        error_m: fields.positive(Tag::GPSHPositioningError),
    })
}

#[cfg(test)]
#[path = "exif_tests.rs"]
pub(crate) mod tests;
