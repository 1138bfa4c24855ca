//! EXIF and XMP as a drone writes them, put into a JPEG file.
//!
//! In: JPEG bytes, what the metadata should say. Out: JPEG bytes with two APP1 segments after SOI (the encoder's JFIF
//! segment is dropped, as cameras do). Source: CIPA DC-008 (Exif 2.32), TIFF 6.0, Adobe XMP part 3; the `drone-dji` names
//! are those in files of DJI cameras.

/// What the metadata of one photo says.
#[derive(Clone, Debug, PartialEq)]
pub struct PhotoMetadata {
    /// Camera make.
    pub make: String,
    /// Camera model.
    pub model: String,
    /// `YYYY:MM:DD HH:MM:SS`.
    pub date_time: String,
    /// Milliseconds of the second.
    pub milliseconds: u32,
    /// Exposure time in seconds.
    pub exposure_s: f64,
    /// Focal length in millimetres.
    pub focal_mm: f64,
    /// Focal length of a 35 mm camera with this angle of view, whole millimetres.
    pub focal_35mm: u16,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Latitude, longitude in degrees, altitude in metres.
    pub position: [f64; 3],
    /// Height above the take-off point in metres.
    pub relative_altitude_m: f64,
    /// Yaw, pitch, roll of the camera in degrees.
    pub gimbal: [f64; 3],
}

enum Value {
    Ascii(String),
    Bytes(Vec<u8>),
    Undefined(Vec<u8>),
    Short(u16),
    Long(u32),
    Rational(Vec<(u32, u32)>),
}

impl Value {
    /// TIFF type, count, little-endian bytes.
    fn encode(&self) -> (u16, u32, Vec<u8>) {
        match self {
            Value::Ascii(s) => {
                let mut b = s.as_bytes().to_vec();
                b.push(0);
                (2, b.len() as u32, b)
            }
            Value::Bytes(b) => (1, b.len() as u32, b.clone()),
            Value::Undefined(b) => (7, b.len() as u32, b.clone()),
            Value::Short(x) => (3, 1, x.to_le_bytes().to_vec()),
            Value::Long(x) => (4, 1, x.to_le_bytes().to_vec()),
            Value::Rational(r) => {
                let b = r.iter().flat_map(|(n, d)| [n.to_le_bytes(), d.to_le_bytes()].concat()).collect();
                (5, r.len() as u32, b)
            }
        }
    }
}

/// One image file directory at an offset in the TIFF block, its long values right behind it.
fn directory(offset: u32, entries: &[(u16, Value)]) -> Vec<u8> {
    let mut values = Vec::new();
    let start = offset + 2 + 12 * entries.len() as u32 + 4;
    let mut out = (entries.len() as u16).to_le_bytes().to_vec();
    for (tag, value) in entries {
        let (kind, count, mut bytes) = value.encode();
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        if bytes.len() <= 4 {
            bytes.resize(4, 0);
            out.extend(bytes);
        } else {
            out.extend((start + values.len() as u32).to_le_bytes());
            values.extend(bytes);
            if values.len() % 2 == 1 {
                values.push(0);
            }
        }
    }
    out.extend([0; 4]);
    out.extend(values);
    out
}

fn rational(x: f64, denominator: u32) -> (u32, u32) {
    ((x.abs() * f64::from(denominator)).round() as u32, denominator)
}

/// Degrees, minutes, seconds with 1e-6 seconds (0.03 mm).
fn sexagesimal(degrees: f64) -> Vec<(u32, u32)> {
    let total = (degrees.abs() * 3600.0 * 1e6).round() as u64;
    let (d, rest) = (total / 3_600_000_000, total % 3_600_000_000);
    let (m, s) = (rest / 60_000_000, rest % 60_000_000);
    vec![(d as u32, 1), (m as u32, 1), (s as u32, 1_000_000)]
}

/// The TIFF block of the EXIF segment.
fn exif(m: &PhotoMetadata) -> Vec<u8> {
    let text = |s: &str| Value::Ascii(s.to_string());
    let one = |x, d| Value::Rational(vec![rational(x, d)]);
    let ifd0 = |exif: u32, gps: u32| {
        directory(
            8,
            &[
                (0x010F, text(&m.make)),
                (0x0110, text(&m.model)),
                (0x0112, Value::Short(1)),
                (0x011A, one(72.0, 1)),
                (0x011B, one(72.0, 1)),
                (0x0128, Value::Short(2)),
                (0x0131, text("veduta synth")),
                (0x0132, text(&m.date_time)),
                (0x8769, Value::Long(exif)),
                (0x8825, Value::Long(gps)),
            ],
        )
    };
    let at = |len: usize| len as u32;
    let exif_at = 8 + at(ifd0(0, 0).len());
    let exif_ifd = directory(
        exif_at,
        &[
            (0x829A, Value::Rational(vec![(1, (1.0 / m.exposure_s).round() as u32)])),
            (0x829D, one(2.8, 10)),
            (0x8827, Value::Short(100)),
            (0x9000, Value::Undefined(b"0230".to_vec())),
            (0x9003, text(&m.date_time)),
            (0x920A, one(m.focal_mm, 100)),
            (0x9291, text(&format!("{:03}", m.milliseconds))),
            (0xA002, Value::Long(m.size[0])),
            (0xA003, Value::Long(m.size[1])),
            (0xA405, Value::Short(m.focal_35mm)),
        ],
    );
    let gps_at = exif_at + at(exif_ifd.len());
    let [lat, lon, alt] = m.position;
    let gps = directory(
        gps_at,
        &[
            (0, Value::Bytes(vec![2, 3, 0, 0])),
            (1, text(if lat >= 0.0 { "N" } else { "S" })),
            (2, Value::Rational(sexagesimal(lat))),
            (3, text(if lon >= 0.0 { "E" } else { "W" })),
            (4, Value::Rational(sexagesimal(lon))),
            (5, Value::Bytes(vec![u8::from(alt < 0.0)])),
            (6, one(alt, 1000)),
        ],
    );
    let mut out = b"II\x2a\x00\x08\x00\x00\x00".to_vec();
    out.extend(ifd0(exif_at, gps_at));
    out.extend(exif_ifd);
    out.extend(gps);
    out
}

/// The XMP packet.
fn xmp(m: &PhotoMetadata) -> String {
    let wrapped = |a: f64| (a + 180.0).rem_euclid(360.0) - 180.0;
    let [yaw, pitch, roll] = m.gimbal;
    let [lat, lon, alt] = m.position;
    let (make, model) = (&m.make, &m.model);
    let (yaw, relative) = (wrapped(yaw), m.relative_altitude_m);
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n \
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n  \
         <rdf:Description rdf:about=\"\"\n   \
         xmlns:tiff=\"http://ns.adobe.com/tiff/1.0/\"\n   \
         xmlns:drone-dji=\"http://www.dji.com/drone-dji/1.0/\"\n   \
         tiff:Make=\"{make}\"\n   tiff:Model=\"{model}\"\n   \
         drone-dji:GpsLatitude=\"{lat:+.9}\"\n   drone-dji:GpsLongitude=\"{lon:+.9}\"\n   \
         drone-dji:AbsoluteAltitude=\"{alt:+.2}\"\n   drone-dji:RelativeAltitude=\"{relative:+.2}\"\n   \
         drone-dji:GimbalRollDegree=\"{roll:+.2}\"\n   drone-dji:GimbalYawDegree=\"{yaw:+.2}\"\n   \
         drone-dji:GimbalPitchDegree=\"{pitch:+.2}\"\n   \
         drone-dji:FlightRollDegree=\"{:+.2}\"\n   drone-dji:FlightYawDegree=\"{:+.2}\"\n   \
         drone-dji:FlightPitchDegree=\"{:+.2}\"/>\n \
         </rdf:RDF>\n</x:xmpmeta>\n<?xpacket end=\"w\"?>",
        0.7 * roll + 1.3,
        wrapped(yaw + 0.8),
        -4.2,
    )
}

fn app1(payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0xFF, 0xE1];
    out.extend(((payload.len() + 2) as u16).to_be_bytes());
    out.extend(payload);
    out
}

/// Puts metadata into a JPEG file; bytes that are no JPEG come back unchanged.
pub fn embed(jpeg: &[u8], m: &PhotoMetadata) -> Vec<u8> {
    if jpeg.len() < 4 || jpeg[..2] != [0xFF, 0xD8] {
        return jpeg.to_vec();
    }
    // Drop the JFIF segment.
    let mut rest = &jpeg[2..];
    if rest[..2] == [0xFF, 0xE0] && rest.len() > 4 {
        let len = 2 + usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        rest = &rest[len.min(rest.len())..];
    }
    let mut out = vec![0xFF, 0xD8];
    out.extend(app1(&[b"Exif\0\0".as_slice(), &exif(m)].concat()));
    out.extend(app1(&[b"http://ns.adobe.com/xap/1.0/\0".as_slice(), xmp(m).as_bytes()].concat()));
    out.extend(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use exif::{In, Tag, Value as V};

    fn sample() -> PhotoMetadata {
        PhotoMetadata {
            make: "Veduta".into(),
            model: "Synthetic".into(),
            date_time: "2024:05:18 13:02:11".into(),
            milliseconds: 7,
            exposure_s: 0.001,
            focal_mm: 9.74,
            focal_35mm: 27,
            size: [960, 640],
            position: [-33.123_456_789, 4.9, -2.5],
            relative_altitude_m: 81.2,
            gimbal: [271.0, -90.0, 0.3],
        }
    }

    #[test]
    fn an_independent_reader_reads_it_back() {
        let image = crate::image::Rgb8::filled(16, 8, [90, 120, 60]);
        let file = embed(&super::super::sensor::jpeg(&image, 93).expect("jpeg"), &sample());
        assert_eq!(image::load_from_memory(&file).expect("decodes").width(), 16);
        let e = exif::Reader::new().read_from_container(&mut std::io::Cursor::new(&file)).expect("exif");
        let text = |t| e.get_field(t, In::PRIMARY).expect("field").display_value().to_string();
        assert!(text(Tag::Make).contains("Veduta") && text(Tag::Model).contains("Synthetic"));
        assert!(text(Tag::DateTimeOriginal).contains("2024-05-18 13:02:11"));
        assert!(text(Tag::SubSecTimeOriginal).contains("007"));
        assert_eq!(text(Tag::FocalLengthIn35mmFilm), "27");
        assert!(text(Tag::FocalLength).starts_with("9.74"));
        let lat = e.get_field(Tag::GPSLatitude, In::PRIMARY).expect("latitude");
        let V::Rational(r) = &lat.value else { panic!("rationals") };
        let degrees = r[0].to_f64() + r[1].to_f64() / 60.0 + r[2].to_f64() / 3600.0;
        assert!((degrees - 33.123_456_789).abs() < 1e-9, "{degrees}");
        assert!(text(Tag::GPSLatitudeRef).contains('S') && text(Tag::GPSLongitudeRef).contains('E'));
        assert!(text(Tag::GPSAltitudeRef).contains("below"));
        let marker = b"http://ns.adobe.com/xap/1.0/\0";
        let at = file.windows(marker.len()).position(|w| w == marker).expect("xmp") + marker.len();
        let len = usize::from(u16::from_be_bytes([file[at - marker.len() - 2], file[at - marker.len() - 1]]));
        let xml = std::str::from_utf8(&file[at..at + len - 2 - marker.len()]).expect("utf8");
        let doc = roxmltree::Document::parse(xml.trim_start_matches('\u{feff}')).expect("xml");
        let node =
            doc.descendants().find(|n| n.has_tag_name(("http://www.w3.org/1999/02/22-rdf-syntax-ns#", "Description")));
        let get = |k: &str| {
            node.expect("description").attribute(("http://www.dji.com/drone-dji/1.0/", k)).expect("attribute")
        };
        assert_eq!(get("GimbalYawDegree"), "-89.00");
        assert_eq!(get("RelativeAltitude"), "+81.20");
    }
}
