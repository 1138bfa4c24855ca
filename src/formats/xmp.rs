//! Reads what XMP says about a drone photo: attitude, altitudes, accuracy, factory calibration.
//!
//! In: the bytes of a photo's file. Out: [`Xmp`], every value optional, in degrees, metres and pixels as the makers
//! write them; angles are brought to one convention (yaw clockwise from north, pitch -90 = nadir).
//! Known: DJI (`drone-dji`), Pix4D and all who write its `Camera` names (Parrot, senseFly, Autel, MicaSense, Sentera),
//! Parrot (`drone-parrot`), Skydio (`drone-skydio`). Properties count whether written as attributes or as elements.
//!
//! Source: ISO 16684-1:2019 (XMP) for the packet; the makers' published tag lists for the names. Cost: a search for the
//! packet and a parse of a few kilobytes. Failure modes: a packet that is not well-formed XML is scanned for its plain
//! `name="value"` and `<name>value<` pairs; arbitrary bytes give an empty [`Xmp`].

/// Longest packet that is parsed; real ones take a few kilobytes.
const LONGEST_PACKET: usize = 1 << 20;
/// Deepest nesting that is parsed; real packets have six levels.
const DEEPEST: usize = 64;

/// Roll, pitch and yaw in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Angles {
    /// Clockwise from north.
    pub yaw: f64,
    /// -90 looks straight down.
    pub pitch: f64,
    /// 0 is level.
    pub roll: f64,
}

/// State of an RTK receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtkState {
    /// Carrier-phase ambiguities are fixed: centimetres.
    Fixed,
    /// Float solution: decimetres.
    Float,
    /// No carrier-phase solution.
    Single,
}

/// Factory calibration in pixels, as `drone-dji:DewarpData` has it: the centre is an offset from the image's middle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dewarp {
    /// Focal lengths along x and y.
    pub focal: [f64; 2],
    /// Offset of the principal point from the middle of the image.
    pub centre: [f64; 2],
    /// Radial coefficients k1, k2, k3.
    pub radial: [f64; 3],
    /// Tangential coefficients p1, p2.
    pub tangential: [f64; 2],
}

/// What XMP says about a photo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Xmp {
    /// Latitude in degrees, north positive.
    pub latitude_deg: Option<f64>,
    /// Longitude in degrees, east positive.
    pub longitude_deg: Option<f64>,
    /// Altitude in metres in the maker's datum.
    pub absolute_altitude_m: Option<f64>,
    /// Height above the take-off point in metres.
    pub relative_altitude_m: Option<f64>,
    /// Attitude of the camera.
    pub camera: Option<Angles>,
    /// Attitude of the aircraft; its pitch 0 is level flight.
    pub aircraft: Option<Angles>,
    /// Velocity of the aircraft north, east, down in metres a second.
    pub velocity: Option<[f64; 3]>,
    /// State of the RTK receiver.
    pub rtk: Option<RtkState>,
    /// Standard deviation of each horizontal axis in metres.
    pub sigma_horizontal_m: Option<f64>,
    /// Standard deviation of the altitude in metres.
    pub sigma_vertical_m: Option<f64>,
    /// Calibrated focal length in pixels of the original photo.
    pub focal_px: Option<f64>,
    /// Calibrated principal point in pixels of the original photo.
    pub centre_px: Option<[f64; 2]>,
    /// Factory calibration.
    pub dewarp: Option<Dewarp>,
    /// Whether the camera already removed the distortion from the photo.
    pub dewarped: Option<bool>,
    /// Serial number of the camera or the drone.
    pub serial: Option<String>,
}

/// Reads the XMP of a photo's file.
pub fn read_xmp(bytes: &[u8]) -> Xmp {
    let Some(packet) = packet_of(bytes) else { return Xmp::default() };
    let text = String::from_utf8_lossy(packet);
    let properties = if nesting(&text) > DEEPEST {
        Properties::scanned(&text)
    } else {
        match roxmltree::Document::parse(&text) {
            Ok(document) => Properties::of_document(&document),
            Err(_) => Properties::scanned(&text),
        }
    };
    facts(&properties)
}

/// The bytes from `<x:xmpmeta` (or `<rdf:RDF`) to its end.
fn packet_of(bytes: &[u8]) -> Option<&[u8]> {
    for (open, close) in [("<x:xmpmeta", "</x:xmpmeta>"), ("<rdf:RDF", "</rdf:RDF>")] {
        if let Some(start) = find(bytes, open.as_bytes()) {
            let rest = &bytes[start..bytes.len().min(start + LONGEST_PACKET)];
            if let Some(end) = find(rest, close.as_bytes()) {
                return Some(&rest[..end + close.len()]);
            }
        }
    }
    None
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(step) = bytes[from..].iter().position(|b| *b == what[0]) {
        from += step;
        if bytes[from..].starts_with(what) {
            return Some(from);
        }
        from += 1;
    }
    None
}

/// An upper bound of the depth of nested elements, found without recursion.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let bytes = text.as_bytes();
    for (i, b) in bytes.iter().enumerate() {
        match (b, bytes.get(i + 1)) {
            (b'<', Some(b'/')) => depth = depth.saturating_sub(1),
            (b'<', Some(b'?' | b'!')) => {}
            (b'<', _) => depth += 1,
            (b'/', Some(b'>')) => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// One property: namespace (URI or prefix, lower case), name of the element around it, its own name, its value.
struct Property {
    space: String,
    parent: String,
    name: String,
    value: String,
}

struct Properties(Vec<Property>);

impl Properties {
    fn of_document(document: &roxmltree::Document) -> Self {
        let mut all = Vec::new();
        for node in document.descendants().filter(roxmltree::Node::is_element) {
            let parent = node.parent_element().map_or("", |p| p.tag_name().name());
            let mut push = |space: Option<&str>, parent: &str, name: &str, value: &str| {
                let space = space.unwrap_or("").to_ascii_lowercase();
                let value = value.trim().to_string();
                all.push(Property { space, parent: parent.into(), name: name.into(), value });
            };
            for a in node.attributes() {
                push(a.namespace(), node.tag_name().name(), a.name(), a.value());
            }
            if let Some(text) = node.text().filter(|t| !t.trim().is_empty()) {
                push(node.tag_name().namespace(), parent, node.tag_name().name(), text);
            }
        }
        Self(all)
    }

    /// Plain pairs of a packet that is not well-formed; the prefix stands for the namespace.
    fn scanned(text: &str) -> Self {
        let mut all = Vec::new();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_');
        let mut push = |qualified: &str, value: &str| {
            if let Some((prefix, name)) = qualified.split_once(':') {
                let space = prefix.to_ascii_lowercase();
                let value = value.trim().to_string();
                all.push(Property { space, parent: String::new(), name: name.into(), value });
            }
        };
        for (at, mark) in text.match_indices(['=', '<']) {
            let after = &text[at + 1..];
            if mark == "=" {
                let start = text[..at].rfind(|c| !is_name(c)).map_or(0, |i| i + 1);
                let quote = after.chars().next().filter(|q| matches!(q, '"' | '\''));
                let value = quote.and_then(|q| after[1..].split_once(q));
                if let (Some((value, _)), Some(name)) = (value, text.get(start..at)) {
                    push(name, value);
                }
            } else if let Some((name, rest)) = after.split_once('>')
                && name.chars().all(is_name)
                && let Some((value, _)) = rest.split_once('<')
            {
                push(name, value);
            }
        }
        Self(all)
    }

    /// The first value of a name in a namespace that contains `space`, within an element called `parent` if given.
    fn text_in(&self, space: &str, parent: Option<&str>, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|p| p.name == name && p.space.contains(space) && parent.is_none_or(|q| p.parent == q))
            .map(|p| p.value.as_str())
            .filter(|v| !v.is_empty())
    }

    fn text(&self, space: &str, name: &str) -> Option<&str> {
        self.text_in(space, None, name)
    }

    fn number(&self, space: &str, name: &str) -> Option<f64> {
        number(self.text(space, name)?)
    }
}

/// A finite number, also with a leading plus or as a fraction `3/4`.
fn number(text: &str) -> Option<f64> {
    let plain = |t: &str| t.trim().trim_start_matches('+').parse::<f64>().ok().filter(|x| x.is_finite());
    match text.split_once('/') {
        Some((a, b)) => Some(plain(a)? / plain(b).filter(|b| *b != 0.0)?),
        None => plain(text),
    }
}

fn facts(p: &Properties) -> Xmp {
    let dji = |name: &'static str| p.number("dji", name);
    let skydio = |name| p.number("skydio", name);
    let camera_space = |name| p.number("pix4d", name).or_else(|| p.number("camera", name));
    let triple = |a: Option<f64>, b: Option<f64>, c: Option<f64>| Some([a?, b?, c?]);
    let first = |names: [&'static str; 3]| names.into_iter().find_map(dji);
    Xmp {
        latitude_deg: first(["GpsLatitude", "Latitude", "GPSLatitude"])
            .or_else(|| skydio("Latitude"))
            .filter(|x| x.abs() <= 90.0),
        // "Longtitude" is how early firmware spells it.
        longitude_deg: first(["GpsLongitude", "GpsLongtitude", "Longitude"])
            .or_else(|| skydio("Longitude"))
            .filter(|x| x.abs() <= 180.0),
        absolute_altitude_m: dji("AbsoluteAltitude").or_else(|| skydio("AbsoluteAltitude")),
        relative_altitude_m: dji("RelativeAltitude")
            .or_else(|| skydio("RelativeAltitude"))
            .or_else(|| camera_space("AboveGroundAltitude")),
        camera: camera_angles(p),
        aircraft: triple(dji("FlightYawDegree"), dji("FlightPitchDegree"), dji("FlightRollDegree"))
            .map(|[yaw, pitch, roll]| Angles { yaw, pitch, roll }),
        velocity: triple(dji("FlightXSpeed"), dji("FlightYSpeed"), dji("FlightZSpeed")),
        rtk: dji("RtkFlag").map(|flag| match flag as i64 {
            50 => RtkState::Fixed,
            17..=49 => RtkState::Float,
            _ => RtkState::Single,
        }),
        sigma_horizontal_m: dji("RtkStdLat")
            .zip(dji("RtkStdLon"))
            .map(|(a, b)| ((a * a + b * b) / 2.0).sqrt())
            .or_else(|| camera_space("GPSXYAccuracy"))
            .filter(|s| *s > 0.0),
        sigma_vertical_m: dji("RtkStdHgt").or_else(|| camera_space("GPSZAccuracy")).filter(|s| *s > 0.0),
        focal_px: dji("CalibratedFocalLength").filter(|f| *f > 0.0),
        centre_px: dji("CalibratedOpticalCenterX").zip(dji("CalibratedOpticalCenterY")).map(|(x, y)| [x, y]),
        dewarp: p.text("dji", "DewarpData").and_then(dewarp),
        dewarped: dji("DewarpFlag").map(|flag| flag != 0.0),
        serial: ["CameraSerialNumber", "DroneSerialNumber", "SerialNumber"]
            .into_iter()
            .find_map(|name| p.text("dji", name))
            .map(str::to_string),
    }
}

/// The camera's attitude in the gimbal's convention.
fn camera_angles(p: &Properties) -> Option<Angles> {
    let of = |space: &str, parent: Option<&str>, names: [&str; 3]| {
        let get = |name| p.text_in(space, parent, name).and_then(number);
        Some(Angles { yaw: get(names[0])?, pitch: get(names[1])?, roll: get(names[2])? })
    };
    let gimbal = of("dji", None, ["GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree"])
        .or_else(|| of("parrot", None, ["CameraYawDegree", "CameraPitchDegree", "CameraRollDegree"]))
        .or_else(|| of("skydio", Some("CameraOrientationNED"), ["Yaw", "Pitch", "Roll"]))
        .or_else(|| of("autel", None, ["GimbalYawDegree", "GimbalPitchDegree", "GimbalRollDegree"]));
    // Pix4D's names count pitch from nadir (0 = down, 90 = horizon). Some makers write the gimbal's pitch under the same
    // name; below -45 only that reading looks at the ground.
    let named = || of("pix4d", None, ["Yaw", "Pitch", "Roll"]).or_else(|| of("camera", None, ["Yaw", "Pitch", "Roll"]));
    let turned = || named().map(|a| Angles { pitch: if a.pitch <= -45.0 { a.pitch } else { a.pitch - 90.0 }, ..a });
    gimbal.or_else(turned).filter(|a| a.yaw.abs() <= 720.0 && a.pitch.abs() <= 180.0 && a.roll.abs() <= 360.0)
}

/// `date;fx,fy,cx,cy,k1,k2,p1,p2,k3`.
fn dewarp(text: &str) -> Option<Dewarp> {
    let list = text.split_once(';').map_or(text, |(_, list)| list);
    let v: Vec<f64> = list.split(',').map_while(number).collect();
    let [fx, fy, cx, cy, k1, k2, p1, p2, k3] = v[..] else { return None };
    (fx > 0.0 && fy > 0.0).then_some(Dewarp {
        focal: [fx, fy],
        centre: [cx, cy],
        radial: [k1, k2, k3],
        tangential: [p1, p2],
    })
}

#[cfg(test)]
#[path = "xmp_tests.rs"]
mod tests;
