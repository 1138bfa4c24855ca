//! Coordinate reference systems by name: geographic coordinates and transverse Mercator grids.
//!
//! In: `EPSG:n`, `WGS84 UTM 17N`, or a PROJ string (`+proj=utm`, `+proj=tmerc`, `+proj=longlat`). Out: [`Crs`], which turns
//! given coordinates (easting, northing, height, or longitude, latitude, height: always x before y) into WGS84 degrees
//! and back. WGS84, ETRS89, NAD83, GDA and NZGD2000 are taken to be one datum: they differ by up to two metres, the same
//! for the whole site, and the result is in the system that the coordinates are in. Source: EPSG guidance note 7-2,
//! 2019; parameters from the EPSG registry. Failure modes: any other system is refused with what is known.

use super::transverse_mercator::{Ellipsoid, TransverseMercator};
use nalgebra::Vector3;

/// A system could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CrsError {
    /// It is not one that is known.
    #[error("the reference system \"{text}\" is not known")]
    Unknown {
        /// What was given.
        text: String,
    },
    /// A part of a PROJ string is missing or not supported.
    #[error("the reference system \"{text}\" cannot be used: {what}")]
    Unsupported {
        /// What was given.
        text: String,
        /// What is wrong with it.
        what: String,
    },
}

impl CrsError {
    /// What to do next.
    pub fn hint(&self) -> &'static str {
        "use EPSG:4326, a UTM zone of WGS84, ETRS89, NAD83 or GDA (such as EPSG:32617, EPSG:25832, EPSG:26917), one of \
         EPSG:2157, 2176 to 2180, 2193, 3006, 3059, 3067, 3346, 3765, 3794, or give the grid as \
         \"+proj=tmerc +lat_0=.. +lon_0=.. +k=.. +x_0=.. +y_0=.. +ellps=GRS80\""
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Geographic,
    Grid(TransverseMercator),
}

/// A coordinate reference system.
#[derive(Clone, Debug, PartialEq)]
pub struct Crs {
    name: String,
    kind: Kind,
}

/// Transverse Mercator grids on GRS80 by EPSG code: latitude and longitude of the origin, scale, false easting, northing.
const GRIDS: [(u32, [f64; 5]); 13] = [
    (2157, [53.5, -8.0, 0.999_82, 600_000.0, 750_000.0]),
    (2176, [0.0, 15.0, 0.999_923, 5_500_000.0, 0.0]),
    (2177, [0.0, 18.0, 0.999_923, 6_500_000.0, 0.0]),
    (2178, [0.0, 21.0, 0.999_923, 7_500_000.0, 0.0]),
    (2179, [0.0, 24.0, 0.999_923, 8_500_000.0, 0.0]),
    (2180, [0.0, 19.0, 0.9993, 500_000.0, -5_300_000.0]),
    (2193, [0.0, 173.0, 0.9996, 1_600_000.0, 10_000_000.0]),
    (3006, [0.0, 15.0, 0.9996, 500_000.0, 0.0]),
    (3059, [0.0, 24.0, 0.9996, 500_000.0, -6_000_000.0]),
    (3067, [0.0, 27.0, 0.9996, 500_000.0, 0.0]),
    (3346, [0.0, 24.0, 0.9998, 500_000.0, 0.0]),
    (3765, [0.0, 16.5, 0.9999, 500_000.0, 0.0]),
    (3794, [0.0, 15.0, 0.9999, 500_000.0, -5_000_000.0]),
];

fn utm(zone: u32, north: bool, ellipsoid: Ellipsoid) -> Kind {
    Kind::Grid(TransverseMercator {
        ellipsoid,
        latitude0_deg: 0.0,
        longitude0_deg: f64::from(zone) * 6.0 - 183.0,
        scale: 0.9996,
        easting0: 500_000.0,
        northing0: if north { 0.0 } else { 10_000_000.0 },
    })
}

fn of_epsg(code: u32) -> Option<Kind> {
    let (wgs84, grs80) = (Ellipsoid::WGS84, Ellipsoid::GRS80);
    Some(match code {
        4326 | 4979 | 4258 | 4937 | 4269 | 6318 | 7844 | 4283 => Kind::Geographic,
        32601..=32660 => utm(code - 32600, true, wgs84),
        32701..=32760 => utm(code - 32700, false, wgs84),
        25828..=25838 => utm(code - 25800, true, grs80),
        26901..=26923 => utm(code - 26900, true, grs80),
        6330..=6348 => utm(code - 6329, true, grs80),
        28348..=28358 => utm(code - 28300, false, grs80),
        7846..=7859 => utm(code - 7800, false, grs80),
        _ => {
            let (_, [lat0, lon0, scale, east, north]) = *GRIDS.iter().find(|(c, _)| *c == code)?;
            Kind::Grid(TransverseMercator {
                ellipsoid: grs80,
                latitude0_deg: lat0,
                longitude0_deg: lon0,
                scale,
                easting0: east,
                northing0: north,
            })
        }
    })
}

impl Crs {
    /// Understands a name.
    pub fn parse(text: &str) -> Result<Self, CrsError> {
        let text = text.trim();
        let unknown = || CrsError::Unknown { text: text.to_string() };
        let upper = text.to_ascii_uppercase();
        if text.contains("+proj") {
            return Ok(Self { name: text.to_string(), kind: of_proj(text)? });
        }
        if let Some(rest) = upper.strip_prefix("EPSG") {
            let code = rest.trim_start_matches([':', ' ']).trim().parse().map_err(|_| unknown())?;
            return Ok(Self { name: format!("EPSG:{code}"), kind: of_epsg(code).ok_or_else(unknown)? });
        }
        let words: Vec<&str> = upper.split_whitespace().collect();
        match words[..] {
            ["WGS84" | "WGS-84"] => Ok(Self { name: "EPSG:4326".into(), kind: Kind::Geographic }),
            ["WGS84" | "WGS-84", "UTM", zone] => {
                let digits = zone.trim_end_matches(['N', 'S']);
                let number: u32 = digits.parse().map_err(|_| unknown())?;
                let north = !zone.ends_with('S');
                let code = if north { 32600 } else { 32700 } + number;
                let kind = of_epsg(code).filter(|_| (1..=60).contains(&number)).ok_or_else(unknown)?;
                Ok(Self { name: format!("EPSG:{code}"), kind })
            }
            _ => Err(unknown()),
        }
    }

    /// The name by which [`Crs::parse`] finds it again.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether x and y are longitude and latitude in degrees.
    pub fn is_geographic(&self) -> bool {
        self.kind == Kind::Geographic
    }

    /// Latitude and longitude in degrees and height of given coordinates.
    pub fn geodetic_from_given(&self, given: &Vector3<f64>) -> [f64; 3] {
        match &self.kind {
            Kind::Geographic => [given.y, given.x, given.z],
            Kind::Grid(grid) => {
                let (latitude, longitude) = grid.unproject(given.x, given.y);
                [latitude, longitude, given.z]
            }
        }
    }

    /// Coordinates in this system of latitude and longitude in degrees and height.
    pub fn given_from_geodetic(&self, [latitude, longitude, height]: [f64; 3]) -> Vector3<f64> {
        match &self.kind {
            Kind::Geographic => Vector3::new(longitude, latitude, height),
            Kind::Grid(grid) => {
                let (x, y) = grid.project(latitude, longitude);
                Vector3::new(x, y, height)
            }
        }
    }
}

fn of_proj(text: &str) -> Result<Kind, CrsError> {
    let unsupported = |what: String| CrsError::Unsupported { text: text.to_string(), what };
    let mut value = std::collections::BTreeMap::new();
    for word in text.split_whitespace().filter_map(|w| w.strip_prefix('+')) {
        let (key, v) = word.split_once('=').unwrap_or((word, ""));
        value.insert(key, v);
    }
    let number = |keys: &[&str], default: f64| match keys.iter().find_map(|k| value.get(k)) {
        Some(v) => v.parse().map_err(|_| unsupported(format!("\"{v}\" is not a number"))),
        None => Ok(default),
    };
    let ellipsoid = match (value.get("ellps").copied(), value.get("datum").copied()) {
        (None | Some("WGS84"), None | Some("WGS84")) => Ellipsoid::WGS84,
        (Some("GRS80"), None | Some("NAD83" | "WGS84")) | (None, Some("NAD83")) => Ellipsoid::GRS80,
        (ellps, datum) => {
            let named = ellps.or(datum).unwrap_or("");
            return Err(unsupported(format!("its datum ({named}) is neither WGS84 nor one on GRS80")));
        }
    };
    if value.get("units").is_some_and(|u| *u != "m") || value.contains_key("to_meter") {
        return Err(unsupported("its unit is not the metre".into()));
    }
    if value.get("towgs84").is_some_and(|t| t.split(',').any(|v| v.trim().parse() != Ok(0.0))) {
        return Err(unsupported("it shifts the datum (+towgs84)".into()));
    }
    match value.get("proj").copied() {
        Some("longlat" | "latlong") => Ok(Kind::Geographic),
        Some("utm") => {
            let zone = number(&["zone"], 0.0)?;
            if zone.fract() != 0.0 || !(1.0..=60.0).contains(&zone) {
                return Err(unsupported("it names no zone from 1 to 60".into()));
            }
            Ok(utm(zone as u32, !value.contains_key("south"), ellipsoid))
        }
        Some("tmerc") => Ok(Kind::Grid(TransverseMercator {
            ellipsoid,
            latitude0_deg: number(&["lat_0"], 0.0)?,
            longitude0_deg: number(&["lon_0"], 0.0)?,
            scale: number(&["k", "k_0"], 1.0)?,
            easting0: number(&["x_0"], 0.0)?,
            northing0: number(&["y_0"], 0.0)?,
        })),
        other => Err(unsupported(format!("the projection \"{}\" is not known", other.unwrap_or("")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_zone_agree() {
        let place = [28.04, -82.69, 3.0];
        let known = Crs::parse("EPSG:32617").expect("known").given_from_geodetic(place);
        for name in ["epsg:32617", "WGS84 UTM 17N", "+proj=utm +zone=17 +ellps=WGS84 +datum=WGS84 +units=m +no_defs"] {
            let crs = Crs::parse(name).expect("known");
            assert!((crs.given_from_geodetic(place) - known).norm() < 1e-9, "{name}");
            assert_eq!(Crs::parse(crs.name()).expect("its own name"), crs);
        }
        // NAD83 is on GRS80: a tenth of a millimetre away.
        let nad83 = Crs::parse("EPSG:26917").expect("known").given_from_geodetic(place);
        let apart = (nad83 - known).norm();
        assert!(apart > 0.0 && apart < 1e-3, "{apart}");
        let south = Crs::parse("WGS84 UTM 56S").expect("known");
        assert_eq!(south.name(), "EPSG:32756");
        let turned = Crs::parse("EPSG:4326").expect("known").given_from_geodetic(place);
        assert_eq!(turned, Vector3::new(-82.69, 28.04, 3.0), "x before y");
    }

    /// EPSG code, latitude, longitude, easting, northing from an independent program (PROJ 9).
    const KNOWN: [(u32, f64, f64, f64, f64); 18] = [
        (2180, 52.7, 16.63, 339_908.325_50, 539_780.976_78),
        (2180, 50.0, 22.5, 750_732.488_21, 242_838.309_28),
        (2157, 53.35, -6.26, 715_845.936_04, 734_720.330_97),
        (2178, 52.2, 21.1, 7_506_836.626_04, 5_785_156.623_47),
        (2193, -36.85, 174.76, 1_756_911.944_85, 5_920_321.818_19),
        (3006, 59.33, 18.07, 674_647.882_14, 6_580_824.575_59),
        (3059, 56.95, 24.1, 506_082.930_97, 311_824.625_83),
        (3067, 60.17, 24.94, 385_700.421_38, 6_672_126.743_01),
        (3346, 54.69, 25.28, 582_524.027_65, 6_062_260.637_34),
        (3765, 45.81, 15.98, 459_585.490_24, 5_074_591.533_79),
        (3794, 46.05, 14.51, 462_080.995_95, 101_250.088_47),
        (25832, 52.0, 9.5, 534_325.167_46, 5_761_156.235_58),
        (6339, 37.8, -122.3, 561_625.049_03, 4_183_855.715_23),
        (28355, -37.8, 144.96, 320_398.591_79, 5_814_414.882_95),
        (7856, -33.86, 151.2, 333_491.229_93, 6_251_909.206_15),
        (2176, 51.1, 15.2, 5_514_008.250_37, 5_662_793.605_92),
        (2177, 54.35, 18.65, 6_542_262.361_49, 6_024_604.806_65),
        (2179, 51.2, 22.57, 8_400_059.410_06, 5_674_870.893_36),
    ];

    #[test]
    fn grids_agree_with_known_points_and_their_origin() {
        for (code, latitude, longitude, x, y) in KNOWN {
            let crs = Crs::parse(&format!("EPSG:{code}")).expect("known");
            let p = crs.given_from_geodetic([latitude, longitude, 0.0]);
            assert!((p.x - x).abs() < 1e-3 && (p.y - y).abs() < 1e-3, "{code}: {p}");
        }
        for (code, [lat0, lon0, _, east, north]) in &GRIDS {
            let crs = Crs::parse(&format!("EPSG:{code}")).expect("known");
            let origin = crs.given_from_geodetic([*lat0, *lon0, 7.0]);
            assert!((origin - Vector3::new(*east, *north, 7.0)).norm() < 1e-6, "{code} {origin}");
            let place = [lat0 + 1.3, lon0 + 0.9, 12.0];
            let back = crs.geodetic_from_given(&crs.given_from_geodetic(place));
            assert!(back.iter().zip(place).all(|(a, b)| (a - b).abs() < 1e-10), "{code} {back:?}");
        }
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let unknown = |text: &str| matches!(Crs::parse(text), Err(CrsError::Unknown { .. }));
        assert!(unknown("EPSG:27700") && unknown("EPSG:x") && unknown("WGS84 UTM 61N") && unknown(""));
        let refused = |text: &str| matches!(Crs::parse(text), Err(CrsError::Unsupported { .. }));
        assert!(refused("+proj=lcc +lat_1=44") && refused("+proj=utm +zone=0"));
        assert!(refused("+proj=tmerc +lon_0=-2 +ellps=airy") && refused("+proj=tmerc +lon_0=9 +units=us-ft"));
        assert!(refused("+proj=tmerc +lon_0=9 +ellps=GRS80 +towgs84=582,105,414"));
        assert!(Crs::parse("+proj=tmerc +lon_0=9 +ellps=GRS80 +towgs84=0,0,0").is_ok());
    }
}
