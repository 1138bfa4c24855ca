//! The transverse Mercator projection of an ellipsoid, forward and inverse.
//!
//! In/out: geodetic degrees, easting and northing in metres (`f64`). Better than a micrometre within 30 degrees of the
//! central meridian. Source: C. Karney, "Transverse Mercator with an accuracy of a few nanometers", Journal of Geodesy
//! 85(8), 2011, equations 7-13 and the series 35 and 36 to the sixth order. Cost: about a microsecond. Failure modes:
//! none; a quarter of the earth away from the central meridian the result means nothing.

use super::geodesy::{WGS84_A, WGS84_F};

/// The inverse flattening of GRS80, the ellipsoid of ETRS89, NAD83 and GDA; its axis is that of WGS84.
const GRS80_INVERSE_FLATTENING: f64 = 298.257_222_101;

/// An ellipsoid of revolution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipsoid {
    /// Semi-major axis in metres.
    pub a: f64,
    /// Flattening.
    pub f: f64,
}

impl Ellipsoid {
    /// WGS84.
    pub const WGS84: Self = Self { a: WGS84_A, f: WGS84_F };
    /// GRS80.
    pub const GRS80: Self = Self { a: WGS84_A, f: 1.0 / GRS80_INVERSE_FLATTENING };

    fn e2(&self) -> f64 {
        self.f * (2.0 - self.f)
    }
}

/// A transverse Mercator projection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TransverseMercator {
    /// The ellipsoid.
    pub ellipsoid: Ellipsoid,
    /// Latitude in degrees that has the false northing on the central meridian.
    pub latitude0_deg: f64,
    /// Central meridian in degrees.
    pub longitude0_deg: f64,
    /// Scale on the central meridian.
    pub scale: f64,
    /// False easting in metres.
    pub easting0: f64,
    /// False northing in metres.
    pub northing0: f64,
}

/// Polynomial in the third flattening: coefficients of `n^first`, `n^(first+1)`, ...
fn series(n: f64, first: i32, coefficients: &[f64]) -> f64 {
    coefficients.iter().enumerate().map(|(i, c)| c * n.powi(first + i as i32)).sum()
}

fn forward_series(n: f64) -> [f64; 6] {
    [
        series(n, 1, &[1.0 / 2.0, -2.0 / 3.0, 5.0 / 16.0, 41.0 / 180.0, -127.0 / 288.0, 7891.0 / 37800.0]),
        series(n, 2, &[13.0 / 48.0, -3.0 / 5.0, 557.0 / 1440.0, 281.0 / 630.0, -1_983_433.0 / 1_935_360.0]),
        series(n, 3, &[61.0 / 240.0, -103.0 / 140.0, 15061.0 / 26880.0, 167_603.0 / 181_440.0]),
        series(n, 4, &[49561.0 / 161_280.0, -179.0 / 168.0, 6_601_661.0 / 7_257_600.0]),
        series(n, 5, &[34729.0 / 80640.0, -3_418_889.0 / 1_995_840.0]),
        series(n, 6, &[212_378_941.0 / 319_334_400.0]),
    ]
}

fn inverse_series(n: f64) -> [f64; 6] {
    [
        series(n, 1, &[1.0 / 2.0, -2.0 / 3.0, 37.0 / 96.0, -1.0 / 360.0, -81.0 / 512.0, 96199.0 / 604_800.0]),
        series(n, 2, &[1.0 / 48.0, 1.0 / 15.0, -437.0 / 1440.0, 46.0 / 105.0, -1_118_711.0 / 3_870_720.0]),
        series(n, 3, &[17.0 / 480.0, -37.0 / 840.0, -209.0 / 4480.0, 5569.0 / 90720.0]),
        series(n, 4, &[4397.0 / 161_280.0, -11.0 / 504.0, -830_251.0 / 7_257_600.0]),
        series(n, 5, &[4583.0 / 161_280.0, -108_847.0 / 3_991_680.0]),
        series(n, 6, &[20_648_693.0 / 638_668_800.0]),
    ]
}

/// Tangent of the conformal latitude of the tangent of a geodetic latitude (equations 7-9).
fn conformal(tau: f64, e2: f64) -> f64 {
    let e = e2.sqrt();
    let root = tau.hypot(1.0);
    let sigma = (e * (e * tau / root).atanh()).sinh();
    tau * sigma.hypot(1.0) - sigma * root
}

/// Inverse of [`conformal`] by Newton's method (equations 19-21).
fn geodetic_tangent(conformal_tau: f64, e2: f64) -> f64 {
    let mut tau = conformal_tau / (1.0 - e2);
    for _ in 0..6 {
        let at = conformal(tau, e2);
        let step =
            (conformal_tau - at) / at.hypot(1.0) * (1.0 + (1.0 - e2) * tau * tau) / ((1.0 - e2) * tau.hypot(1.0));
        tau += step;
        if step.abs() <= 1e-16 * tau.abs().max(1.0) {
            break;
        }
    }
    tau
}

impl TransverseMercator {
    fn third_flattening(&self) -> f64 {
        self.ellipsoid.f / (2.0 - self.ellipsoid.f)
    }

    /// Radius of the sphere with the length of the meridian, times the scale.
    fn radius(&self) -> f64 {
        let n = self.third_flattening();
        let rectifying = self.ellipsoid.a / (1.0 + n) * (1.0 + n * n / 4.0 + n.powi(4) / 64.0 + n.powi(6) / 256.0);
        self.scale * rectifying
    }

    /// Northing of the point (0, 0) of the plane before the false northing is added.
    fn northing_of_origin(&self) -> f64 {
        if self.latitude0_deg == 0.0 {
            return 0.0;
        }
        Self { latitude0_deg: 0.0, northing0: 0.0, ..*self }.project(self.latitude0_deg, self.longitude0_deg).1
    }

    /// Easting and northing in metres.
    pub fn project(&self, latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
        let lambda = ((longitude_deg - self.longitude0_deg + 180.0).rem_euclid(360.0) - 180.0).to_radians();
        let tau = conformal(latitude_deg.to_radians().tan(), self.ellipsoid.e2());
        let xi = tau.atan2(lambda.cos());
        let eta = (lambda.sin() / tau.hypot(lambda.cos())).asinh();
        let (mut x, mut y) = (eta, xi);
        for (j, a) in forward_series(self.third_flattening()).iter().enumerate() {
            let k = 2.0 * (j + 1) as f64;
            y += a * (k * xi).sin() * (k * eta).cosh();
            x += a * (k * xi).cos() * (k * eta).sinh();
        }
        let radius = self.radius();
        (self.easting0 + radius * x, self.northing0 + radius * y - self.northing_of_origin())
    }

    /// Latitude and longitude in degrees.
    pub fn unproject(&self, easting: f64, northing: f64) -> (f64, f64) {
        let radius = self.radius();
        let (eta, xi) =
            ((easting - self.easting0) / radius, (northing - self.northing0 + self.northing_of_origin()) / radius);
        let (mut x, mut y) = (eta, xi);
        for (j, b) in inverse_series(self.third_flattening()).iter().enumerate() {
            let k = 2.0 * (j + 1) as f64;
            y -= b * (k * xi).sin() * (k * eta).cosh();
            x -= b * (k * xi).cos() * (k * eta).sinh();
        }
        let tau = geodetic_tangent(y.sin() / x.sinh().hypot(y.cos()), self.ellipsoid.e2());
        let lambda = x.sinh().atan2(y.cos());
        let longitude = self.longitude0_deg + lambda.to_degrees();
        (tau.atan().to_degrees(), (longitude + 180.0).rem_euclid(360.0) - 180.0)
    }
}
