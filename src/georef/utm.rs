//! Universal Transverse Mercator: zones, EPSG codes, forward and inverse projection, and the exact placement of a
//! raster of the local frame in a zone.
//!
//! In/out: WGS84 degrees, easting and northing in metres (`f64`). Better than a micrometre within the zone and its
//! neighbours. Source: J. Hager et al., "The Universal Grids", DMA TM 8358.2, 1989 (zones); the projection is
//! [`super::transverse_mercator`]. Cost: about a microsecond. Failure modes: beyond 84 N and 80 S the zone is still computed although maps use the polar system there.

use super::geodesy::Enu;
use super::transverse_mercator::{Ellipsoid, TransverseMercator};
use crate::scene::LocalFrame;
use nalgebra::{Matrix3, Vector2, Vector3};

const SCALE: f64 = 0.9996;
const FALSE_EASTING: f64 = 500_000.0;
const FALSE_NORTHING_SOUTH: f64 = 10_000_000.0;

/// A UTM zone on WGS84.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utm {
    /// Zone 1..=60.
    pub zone: u8,
    /// Whether it counts northings from the equator (north) or with the southern offset.
    pub north: bool,
}

impl Utm {
    /// The zone in which a position lies, with the exceptions of Norway and Svalbard.
    pub fn of(latitude_deg: f64, longitude_deg: f64) -> Self {
        let longitude = (longitude_deg + 180.0).rem_euclid(360.0) - 180.0;
        let mut zone = ((longitude + 180.0) / 6.0).floor() as i32 + 1;
        if (56.0..64.0).contains(&latitude_deg) && (3.0..12.0).contains(&longitude) {
            zone = 32;
        }
        if (72.0..84.0).contains(&latitude_deg) {
            zone = match longitude {
                l if (0.0..9.0).contains(&l) => 31,
                l if (9.0..21.0).contains(&l) => 33,
                l if (21.0..33.0).contains(&l) => 35,
                l if (33.0..42.0).contains(&l) => 37,
                _ => zone,
            };
        }
        Self { zone: zone.clamp(1, 60) as u8, north: latitude_deg >= 0.0 }
    }

    /// The zone of an EPSG code 32601..=32660 or 32701..=32760.
    pub fn from_epsg(epsg: u32) -> Option<Self> {
        match epsg {
            32601..=32660 => Some(Self { zone: (epsg - 32600) as u8, north: true }),
            32701..=32760 => Some(Self { zone: (epsg - 32700) as u8, north: false }),
            _ => None,
        }
    }

    /// Its EPSG code.
    pub fn epsg(self) -> u32 {
        if self.north { 32600 + u32::from(self.zone) } else { 32700 + u32::from(self.zone) }
    }

    /// Longitude of its central meridian in degrees.
    pub fn central_meridian_deg(self) -> f64 {
        f64::from(self.zone) * 6.0 - 183.0
    }

    /// Its projection.
    pub fn projection(self) -> TransverseMercator {
        TransverseMercator {
            ellipsoid: Ellipsoid::WGS84,
            latitude0_deg: 0.0,
            longitude0_deg: self.central_meridian_deg(),
            scale: SCALE,
            easting0: FALSE_EASTING,
            northing0: self.false_northing(),
        }
    }

    /// Easting and northing in metres.
    pub fn project(self, latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
        self.projection().project(latitude_deg, longitude_deg)
    }

    /// Latitude and longitude in degrees.
    pub fn unproject(self, easting: f64, northing: f64) -> (f64, f64) {
        self.projection().unproject(easting, northing)
    }

    fn false_northing(self) -> f64 {
        if self.north { 0.0 } else { FALSE_NORTHING_SOUTH }
    }
}

/// Projects points of a local frame to easting, northing and altitude in the frame's zone.
#[derive(Clone, Copy, Debug)]
pub struct UtmFromLocal {
    enu: Enu,
    utm: Utm,
}

impl UtmFromLocal {
    /// For a frame; where its EPSG code is not a UTM zone, the zone of its origin.
    pub fn new(frame: &LocalFrame) -> Self {
        let utm = Utm::from_epsg(frame.utm_epsg).unwrap_or_else(|| Utm::of(frame.latitude_deg, frame.longitude_deg));
        Self { enu: Enu::new(frame), utm }
    }

    /// Easting, northing and altitude of local metres.
    pub fn apply(&self, x: &Vector3<f64>) -> Vector3<f64> {
        let (latitude, longitude, altitude) = self.enu.geodetic_from_local(x);
        let (e, n) = self.utm.project(latitude, longitude);
        Vector3::new(e, n, altitude)
    }

    /// The zone.
    pub fn utm(&self) -> Utm {
        self.utm
    }
}

/// Where a raster lies in the local frame: rows run from north to south, columns from west to east.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Raster {
    /// East and north of the outer corner of the first pixel (north-west corner of the raster), metres.
    pub north_west: Vector2<f64>,
    /// Side of a pixel in metres.
    pub cell_m: f64,
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// A typical height of the terrain in the local frame, metres: the earth's curvature and the scale of altitude are
    /// taken there.
    pub height_m: f64,
}

impl Raster {
    /// The affine transform `utm_from_pixel` (outer corners at integers) that fits the exact projection best over the
    /// raster, and its largest error in metres over a grid of 5 by 5 check points.
    ///
    /// The local frame is turned against the zone's grid by the meridian convergence and scaled by the point scale
    /// factor; over a block of a few kilometres both are constant to within millimetres, so that an affine transform
    /// is exact enough and no pixel has to be resampled.
    pub fn utm_from_pixel(&self, frame: &LocalFrame) -> (Matrix3<f64>, f64) {
        let utm_from_local = UtmFromLocal::new(frame);
        let (w, h) = (self.width as f64, self.height as f64);
        let at = |u: f64, v: f64| {
            let east = self.north_west.x + u * w * self.cell_m;
            let north = self.north_west.y - v * h * self.cell_m;
            let p = utm_from_local.apply(&Vector3::new(east, north, self.height_m));
            Vector2::new(p.x, p.y)
        };
        // Least squares on a symmetric grid decouples: mean, slope in u, slope in v (u, v in -2..=2).
        let grid = |i: i32| f64::from(i + 2) / 4.0;
        let (mut mean, mut slope_u, mut slope_v) = (Vector2::zeros(), Vector2::zeros(), Vector2::zeros());
        for i in -2..=2 {
            for j in -2..=2 {
                let p = at(grid(i), grid(j));
                mean += p / 25.0;
                slope_u += p * f64::from(i) / 50.0;
                slope_v += p * f64::from(j) / 50.0;
            }
        }
        let (du, dv) = (slope_u * 4.0 / w, slope_v * 4.0 / h);
        let corner = mean - du * (w / 2.0) - dv * (h / 2.0);
        let mut worst = 0.0f64;
        for i in -2..=2 {
            for j in -2..=2 {
                let fitted = corner + du * (grid(i) * w) + dv * (grid(j) * h);
                worst = worst.max((fitted - at(grid(i), grid(j))).norm());
            }
        }
        (Matrix3::new(du.x, dv.x, corner.x, du.y, dv.y, corner.y, 0.0, 0.0, 1.0), worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::georef::geodesy::local_frame;
    use proptest::prelude::*;

    #[test]
    fn zones_and_codes() {
        assert_eq!(Utm::of(52.37, 4.9).epsg(), 32631);
        assert_eq!(Utm::of(-33.9, 151.2).epsg(), 32756);
        assert_eq!(Utm::of(60.4, 5.3).epsg(), 32632, "south-west Norway");
        assert_eq!(Utm::of(78.2, 15.6).epsg(), 32633, "Svalbard");
        assert_eq!(Utm::of(0.0, 180.0).zone, 1);
        assert_eq!(Utm::from_epsg(32717), Some(Utm { zone: 17, north: false }));
        assert_eq!(Utm::from_epsg(4326), None);
    }

    #[test]
    fn projects_known_points() {
        for (lat, lon, epsg, e, n) in KNOWN {
            let utm = Utm::from_epsg(epsg).expect("code");
            let (x, y) = utm.project(lat, lon);
            assert!((x - e).abs() < 1e-3 && (y - n).abs() < 1e-3, "{lat} {lon}: {x:.4} {y:.4}");
        }
    }

    /// Latitude, longitude, EPSG, easting, northing from an independent program (PROJ 9).
    const KNOWN: [(f64, f64, u32, f64, f64); 8] = [
        (52.37, 4.9, 32631, 629_351.909_476, 5_803_890.803_799),
        (-33.8568, 151.2153, 32756, 334_900.569_652, 6_252_288.752_888),
        (60.39, 5.32, 32632, 297_230.220_210, 6_700_510.175_254),
        (27.793, -82.713, 32617, 331_238.452_585, 3_075_448.807_513),
        (0.0, -78.5, 32717, 778_276.316_829, 10_000_000.0),
        (46.8426, -91.9946, 32615, 576_660.049_618, 5_188_163.729_860),
        (40.5, -73.5, 32618, 627_103.087_305, 4_484_335.401_661),
        (78.2232, 15.6267, 32633, 514_278.715_113, 8_683_355.469_471),
    ];

    #[test]
    fn raster_is_exact_over_two_kilometres() {
        let frame = local_frame(52.37, 4.9, 20.0);
        let raster = Raster {
            north_west: Vector2::new(-1000.0, 1000.0),
            cell_m: 0.1,
            width: 20_000,
            height: 20_000,
            height_m: 10.0,
        };
        let (utm_from_pixel, worst) = raster.utm_from_pixel(&frame);
        assert!(worst < 0.01, "{worst}");
        // A point between the check points, projected on its own.
        let p = utm_from_pixel * Vector3::new(3210.0, 17_654.0, 1.0);
        let q = UtmFromLocal::new(&frame).apply(&Vector3::new(-1000.0 + 321.0, 1000.0 - 1765.4, 10.0));
        assert!((p.xy() - q.xy()).norm() < 0.01, "{p} {q}");
        // East of the central meridian and north of the equator, true north leans west of grid north by 1.5 degrees.
        let convergence = utm_from_pixel[(1, 0)].atan2(utm_from_pixel[(0, 0)]).to_degrees();
        let expected = ((4.9f64 - 3.0).to_radians().tan() * 52.37f64.to_radians().sin()).atan().to_degrees();
        assert!((convergence - expected).abs() < 0.01, "{convergence} {expected}");
    }

    proptest! {
        #[test]
        fn unproject_inverts_project(lat in -83f64..83.0, lon in -180f64..180.0) {
            let utm = Utm::of(lat, lon);
            let (e, n) = utm.project(lat, lon);
            let (a, b) = utm.unproject(e, n);
            prop_assert!((a - lat).abs() < 1e-11 && ((b - lon + 180.0).rem_euclid(360.0) - 180.0).abs() < 1e-10);
        }
    }
}
