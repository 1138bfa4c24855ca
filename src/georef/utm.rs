//! Universal Transverse Mercator: zones, EPSG codes, forward and inverse projection, and the exact placement of a
//! raster of the local frame in a zone.
//!
//! In/out: WGS84 degrees, easting and northing in metres (`f64`). Better than a micrometre within the zone and its
//! neighbours. Source: C. Karney, "Transverse Mercator with an accuracy of a few nanometers", Journal of Geodesy
//! 85(8), 2011, equations 7-13 and the series 35 and 36 to the sixth order. Cost: about a microsecond. Failure modes:
//! beyond 84 N and 80 S the zone is still computed although maps use the polar system there.

use super::geodesy::{Enu, WGS84_A, WGS84_F};
use crate::scene::LocalFrame;
use nalgebra::{Matrix3, Vector2, Vector3};

const SCALE: f64 = 0.9996;
const FALSE_EASTING: f64 = 500_000.0;
const FALSE_NORTHING_SOUTH: f64 = 10_000_000.0;
/// Third flattening.
const N: f64 = WGS84_F / (2.0 - WGS84_F);

/// A UTM zone on WGS84.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utm {
    /// Zone 1..=60.
    pub zone: u8,
    /// Whether it counts northings from the equator (north) or with the southern offset.
    pub north: bool,
}

/// Polynomial in the third flattening: coefficients of `N^first`, `N^(first+1)`, ...
fn series(first: i32, coefficients: &[f64]) -> f64 {
    coefficients.iter().enumerate().map(|(i, c)| c * N.powi(first + i as i32)).sum()
}

fn rectifying_radius() -> f64 {
    WGS84_A / (1.0 + N) * (1.0 + N * N / 4.0 + N.powi(4) / 64.0 + N.powi(6) / 256.0)
}

fn forward_series() -> [f64; 6] {
    [
        series(1, &[1.0 / 2.0, -2.0 / 3.0, 5.0 / 16.0, 41.0 / 180.0, -127.0 / 288.0, 7891.0 / 37800.0]),
        series(2, &[13.0 / 48.0, -3.0 / 5.0, 557.0 / 1440.0, 281.0 / 630.0, -1_983_433.0 / 1_935_360.0]),
        series(3, &[61.0 / 240.0, -103.0 / 140.0, 15061.0 / 26880.0, 167_603.0 / 181_440.0]),
        series(4, &[49561.0 / 161_280.0, -179.0 / 168.0, 6_601_661.0 / 7_257_600.0]),
        series(5, &[34729.0 / 80640.0, -3_418_889.0 / 1_995_840.0]),
        series(6, &[212_378_941.0 / 319_334_400.0]),
    ]
}

fn inverse_series() -> [f64; 6] {
    [
        series(1, &[1.0 / 2.0, -2.0 / 3.0, 37.0 / 96.0, -1.0 / 360.0, -81.0 / 512.0, 96199.0 / 604_800.0]),
        series(2, &[1.0 / 48.0, 1.0 / 15.0, -437.0 / 1440.0, 46.0 / 105.0, -1_118_711.0 / 3_870_720.0]),
        series(3, &[17.0 / 480.0, -37.0 / 840.0, -209.0 / 4480.0, 5569.0 / 90720.0]),
        series(4, &[4397.0 / 161_280.0, -11.0 / 504.0, -830_251.0 / 7_257_600.0]),
        series(5, &[4583.0 / 161_280.0, -108_847.0 / 3_991_680.0]),
        series(6, &[20_648_693.0 / 638_668_800.0]),
    ]
}

/// Tangent of the conformal latitude of the tangent of a geodetic latitude (equations 7-9).
fn conformal(tau: f64) -> f64 {
    let e = (WGS84_F * (2.0 - WGS84_F)).sqrt();
    let root = tau.hypot(1.0);
    let sigma = (e * (e * tau / root).atanh()).sinh();
    tau * sigma.hypot(1.0) - sigma * root
}

/// Inverse of [`conformal`] by Newton's method (equations 19-21).
fn geodetic_tangent(conformal_tau: f64) -> f64 {
    let e2 = WGS84_F * (2.0 - WGS84_F);
    let mut tau = conformal_tau / (1.0 - e2);
    for _ in 0..6 {
        let at = conformal(tau);
        let step =
            (conformal_tau - at) / at.hypot(1.0) * (1.0 + (1.0 - e2) * tau * tau) / ((1.0 - e2) * tau.hypot(1.0));
        tau += step;
        if step.abs() <= 1e-16 * tau.abs().max(1.0) {
            break;
        }
    }
    tau
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

    /// Easting and northing in metres.
    pub fn project(self, latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
        let lambda = ((longitude_deg - self.central_meridian_deg() + 180.0).rem_euclid(360.0) - 180.0).to_radians();
        let tau = conformal(latitude_deg.to_radians().tan());
        let xi = tau.atan2(lambda.cos());
        let eta = (lambda.sin() / tau.hypot(lambda.cos())).asinh();
        let (mut x, mut y) = (eta, xi);
        for (j, a) in forward_series().iter().enumerate() {
            let k = 2.0 * (j + 1) as f64;
            y += a * (k * xi).sin() * (k * eta).cosh();
            x += a * (k * xi).cos() * (k * eta).sinh();
        }
        let radius = SCALE * rectifying_radius();
        (FALSE_EASTING + radius * x, self.false_northing() + radius * y)
    }

    /// Latitude and longitude in degrees.
    pub fn unproject(self, easting: f64, northing: f64) -> (f64, f64) {
        let radius = SCALE * rectifying_radius();
        let (eta, xi) = ((easting - FALSE_EASTING) / radius, (northing - self.false_northing()) / radius);
        let (mut x, mut y) = (eta, xi);
        for (j, b) in inverse_series().iter().enumerate() {
            let k = 2.0 * (j + 1) as f64;
            y -= b * (k * xi).sin() * (k * eta).cosh();
            x -= b * (k * xi).cos() * (k * eta).sinh();
        }
        let tau = geodetic_tangent(y.sin() / x.sinh().hypot(y.cos()));
        let lambda = x.sinh().atan2(y.cos());
        let longitude = self.central_meridian_deg() + lambda.to_degrees();
        (tau.atan().to_degrees(), (longitude + 180.0).rem_euclid(360.0) - 180.0)
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
