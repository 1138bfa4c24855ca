use super::*;
use exif::Field;
use exif::experimental::Writer;
use proptest::prelude::*;

/// A small JPEG of a plain colour.
pub(crate) fn plain_jpeg(width: u32, height: u32, colour: u8) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([colour, x as u8, y as u8]));
    image::DynamicImage::ImageRgb8(picture).write_to(&mut out, image::ImageFormat::Jpeg).expect("encode");
    out.into_inner()
}

/// Inserts an APP1 segment with the given content after a JPEG's start.
pub(crate) fn with_app1(jpeg: &[u8], head: &[u8], content: &[u8]) -> Vec<u8> {
    let mut out = jpeg[..2].to_vec();
    out.extend([0xFF, 0xE1]);
    out.extend(((2 + head.len() + content.len()) as u16).to_be_bytes());
    out.extend(head);
    out.extend(content);
    out.extend(&jpeg[2..]);
    out
}

/// A JPEG with the given EXIF fields.
pub(crate) fn jpeg_with_exif(jpeg: &[u8], fields: &[(Tag, Value)]) -> Vec<u8> {
    let fields: Vec<Field> =
        fields.iter().map(|(tag, value)| Field { tag: *tag, ifd_num: In::PRIMARY, value: value.clone() }).collect();
    let mut writer = Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    let mut tiff = Cursor::new(Vec::new());
    writer.write(&mut tiff, false).expect("exif");
    with_app1(jpeg, b"Exif\0\0", &tiff.into_inner())
}

pub(crate) fn text(value: &str) -> Value {
    Value::Ascii(vec![value.as_bytes().to_vec()])
}

pub(crate) fn rational(value: f64) -> Value {
    Value::Rational(vec![Rational { num: (value * 1000.0).round() as u32, denom: 1000 }])
}

/// The GPS fields of a position.
pub(crate) fn gps_fields(latitude: f64, longitude: f64, altitude: f64) -> Vec<(Tag, Value)> {
    let angle = |a: f64| {
        let a = a.abs();
        let (d, m) = (a.floor(), (a.fract() * 60.0).floor());
        let s = (a - d - m / 60.0) * 3600.0;
        let part = |num: f64, denom: u32| Rational { num: (num * f64::from(denom)).round() as u32, denom };
        Value::Rational(vec![part(d, 1), part(m, 1), part(s, 1_000_000)])
    };
    vec![
        (Tag::GPSLatitudeRef, text(if latitude < 0.0 { "S" } else { "N" })),
        (Tag::GPSLatitude, angle(latitude)),
        (Tag::GPSLongitudeRef, text(if longitude < 0.0 { "W" } else { "E" })),
        (Tag::GPSLongitude, angle(longitude)),
        (Tag::GPSAltitudeRef, Value::Byte(vec![u8::from(altitude < 0.0)])),
        (Tag::GPSAltitude, rational(altitude.abs())),
    ]
}

#[test]
fn reads_every_fact() {
    let mut fields = gps_fields(-33.856_784, 151.215_297, -12.5);
    fields.extend([
        (Tag::Orientation, Value::Short(vec![6])),
        (Tag::Make, text("Maker  ")),
        (Tag::Model, text("Model 7\0\0")),
        (Tag::LensModel, text("24 mm")),
        (Tag::BodySerialNumber, text("A1")),
        (Tag::FocalLength, rational(8.8)),
        (Tag::FocalLengthIn35mmFilm, Value::Short(vec![24])),
        (Tag::FocalPlaneXResolution, rational(500.0)),
        (Tag::FocalPlaneResolutionUnit, Value::Short(vec![3])),
        (Tag::PixelXDimension, Value::Long(vec![5472])),
        (Tag::PixelYDimension, Value::Long(vec![3648])),
        (Tag::DateTimeOriginal, text("2024:02:29 12:30:15")),
        (Tag::SubSecTimeOriginal, text("25")),
        (Tag::OffsetTimeOriginal, text("+02:00")),
        (Tag::ExposureTime, Value::Rational(vec![Rational { num: 1, denom: 800 }])),
        (Tag::FNumber, rational(5.6)),
        (Tag::PhotographicSensitivity, Value::Short(vec![200])),
        (Tag::GPSImgDirection, rational(271.5)),
        (Tag::GPSHPositioningError, rational(2.5)),
    ]);
    let exif = read_exif(&jpeg_with_exif(&plain_jpeg(8, 8, 3), &fields));
    let gps = exif.gps.expect("gps");
    assert!((gps.latitude_deg + 33.856_784).abs() < 1e-8 && (gps.longitude_deg - 151.215_297).abs() < 1e-8);
    assert_eq!((gps.altitude_m, gps.direction_deg, gps.error_m), (Some(-12.5), Some(271.5), Some(2.5)));
    assert_eq!(exif.orientation, Some(6));
    assert_eq!((exif.make.as_deref(), exif.model.as_deref()), (Some("Maker"), Some("Model 7")));
    assert_eq!((exif.lens.as_deref(), exif.serial.as_deref()), (Some("24 mm"), Some("A1")));
    assert_eq!((exif.focal_mm, exif.focal_35mm, exif.focal_plane_per_mm), (Some(8.8), Some(24.0), Some(50.0)));
    assert_eq!((exif.size, exif.iso, exif.f_number), (Some((5472, 3648)), Some(200.0), Some(5.6)));
    assert_eq!(exif.exposure_s, Some(1.0 / 800.0));
    // 29 February 2024, 10:30:15.25 UTC.
    assert_eq!(exif.time_s, Some(1_709_202_615.25));
}

#[test]
fn impossible_values_are_absent() {
    let nonsense = vec![
        (Tag::Orientation, Value::Short(vec![9])),
        (Tag::FocalLength, Value::Rational(vec![Rational { num: 0, denom: 0 }])),
        (Tag::DateTimeOriginal, text("0000:00:00 00:00:00")),
        (Tag::GPSLatitude, Value::Rational(vec![Rational { num: 95, denom: 1 }])),
        (Tag::GPSLongitude, Value::Rational(vec![Rational { num: 5, denom: 0 }])),
    ];
    assert_eq!(read_exif(&jpeg_with_exif(&plain_jpeg(8, 8, 3), &nonsense)), Exif::default());
    assert_eq!(read_exif(b"no picture"), Exif::default());
}

#[test]
fn times_count_from_1970() {
    assert_eq!(seconds_since_1970("1970:01:01 00:00:00"), Some(0.0));
    assert_eq!(seconds_since_1970("2000-03-01T00:00:01"), Some(951_868_801.0));
    assert_eq!(seconds_since_1970("2022:09:17 08:55:08"), Some(1_663_404_908.0));
    assert_eq!(seconds_since_1970("    :  :     :  :  "), None);
    assert_eq!(offset_seconds("-09:30"), Some(-34_200.0));
    assert_eq!(sub_seconds("037"), Some(0.037));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), head in 0..3) {
        let tiff: Vec<u8> = [b"II*\0\x08\0\0\0".as_slice(), &bytes].concat();
        match head {
            0 => drop(read_exif(&bytes)),
            1 => drop(read_exif(&tiff)),
            _ => drop(read_exif(&with_app1(&[0xFF, 0xD8, 0xFF, 0xD9], b"Exif\0\0", &tiff))),
        }
    }

    #[test]
    fn arbitrary_text_is_no_panic(text in ".{0,30}") {
        let _ = (seconds_since_1970(&text), sub_seconds(&text), offset_seconds(&text));
    }
}
