//! WGS84 geodetic coordinates, earth-centred earth-fixed (ECEF) metres and local east-north-up (ENU) metres.
//!
//! In/out: degrees and ellipsoidal metres, ECEF metres, local metres, all `f64`. Altitudes keep the datum in which they
//! came: a constant offset of the datum shifts the whole block up or down and changes horizontal distances by less
//! than 1e-5 of themselves for 50 m.
//!
//! Source: B. Hofmann-Wellenhof et al., "GPS: Theory and Practice", 5th ed., 2001, section 10.2 (ECEF); the inverse is
//! B. Bowring, "Transformation from spatial to geographical coordinates", Survey Review 23(181), 1976, iterated until
//! it stands still. Cost: well below a microsecond each. Failure modes: none for finite input above the earth's core.

use super::utm::Utm;
use crate::scene::LocalFrame;
use nalgebra::{Matrix3, Vector3};

/// Semi-major axis of WGS84 in metres.
pub const WGS84_A: f64 = 6_378_137.0;
/// Flattening of WGS84.
pub const WGS84_F: f64 = 1.0 / 298.257_223_563;
const E2: f64 = WGS84_F * (2.0 - WGS84_F);

/// ECEF metres of a geodetic position.
pub fn ecef_from_geodetic(latitude_deg: f64, longitude_deg: f64, altitude_m: f64) -> Vector3<f64> {
    let (sin_lat, cos_lat) = latitude_deg.to_radians().sin_cos();
    let (sin_lon, cos_lon) = longitude_deg.to_radians().sin_cos();
    let n = WGS84_A / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    Vector3::new(
        (n + altitude_m) * cos_lat * cos_lon,
        (n + altitude_m) * cos_lat * sin_lon,
        (n * (1.0 - E2) + altitude_m) * sin_lat,
    )
}

/// Latitude and longitude in degrees and altitude in metres of ECEF metres.
pub fn geodetic_from_ecef(x: &Vector3<f64>) -> (f64, f64, f64) {
    let b = WGS84_A * (1.0 - WGS84_F);
    let ep2 = E2 / (1.0 - E2);
    let p = x.x.hypot(x.y);
    // Parametric latitude, improved until it stands still: two or three rounds near the surface.
    let mut beta = (x.z * WGS84_A).atan2(p * b);
    let mut latitude = beta;
    for _ in 0..8 {
        let (s, c) = beta.sin_cos();
        latitude = (x.z + ep2 * b * s * s * s).atan2(p - E2 * WGS84_A * c * c * c);
        let next = ((1.0 - WGS84_F) * latitude.sin()).atan2(latitude.cos());
        let step = (next - beta).abs();
        beta = next;
        if step < 1e-15 {
            break;
        }
    }
    let (s, c) = latitude.sin_cos();
    let n = WGS84_A / (1.0 - E2 * s * s).sqrt();
    // This form is stable both at the poles and at the equator.
    let altitude = p * c + x.z * s - WGS84_A * WGS84_A / n;
    (latitude.to_degrees(), x.y.atan2(x.x).to_degrees(), altitude)
}

/// The local frame with its origin at a geodetic position.
pub fn local_frame(latitude_deg: f64, longitude_deg: f64, altitude_m: f64) -> LocalFrame {
    LocalFrame { latitude_deg, longitude_deg, altitude_m, utm_epsg: Utm::of(latitude_deg, longitude_deg).epsg() }
}

/// The transform between geodetic coordinates and the local frame at one origin.
#[derive(Clone, Copy, Debug)]
pub struct Enu {
    /// The origin in ECEF metres.
    origin: Vector3<f64>,
    /// Rotation `ecef_from_local`: columns east, north, up.
    ecef_from_local: Matrix3<f64>,
}

impl Enu {
    /// Of a local frame.
    pub fn new(frame: &LocalFrame) -> Self {
        let (sin_lat, cos_lat) = frame.latitude_deg.to_radians().sin_cos();
        let (sin_lon, cos_lon) = frame.longitude_deg.to_radians().sin_cos();
        let east = Vector3::new(-sin_lon, cos_lon, 0.0);
        let north = Vector3::new(-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat);
        let up = Vector3::new(cos_lat * cos_lon, cos_lat * sin_lon, sin_lat);
        Self {
            origin: ecef_from_geodetic(frame.latitude_deg, frame.longitude_deg, frame.altitude_m),
            ecef_from_local: Matrix3::from_columns(&[east, north, up]),
        }
    }

    /// East, north, up in metres of a geodetic position.
    pub fn local_from_geodetic(&self, latitude_deg: f64, longitude_deg: f64, altitude_m: f64) -> Vector3<f64> {
        self.ecef_from_local.tr_mul(&(ecef_from_geodetic(latitude_deg, longitude_deg, altitude_m) - self.origin))
    }

    /// Latitude and longitude in degrees and altitude in metres of local metres.
    pub fn geodetic_from_local(&self, x: &Vector3<f64>) -> (f64, f64, f64) {
        geodetic_from_ecef(&(self.origin + self.ecef_from_local * x))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ecef_of_known_places() {
        // On the equator, at the poles, and the example of the EPSG guidance note 7-2, section 4.1.1 (method 9602):
        // 53d48'33.820"N, 2d07'46.380"E, 73.0 m.
        let x = ecef_from_geodetic(0.0, 90.0, 100.0);
        assert!((x - Vector3::new(0.0, WGS84_A + 100.0, 0.0)).norm() < 1e-6);
        let x = ecef_from_geodetic(90.0, 0.0, 0.0);
        assert!((x - Vector3::new(0.0, 0.0, 6_356_752.314_245)).norm() < 1e-6);
        let lat = 53.0 + 48.0 / 60.0 + 33.820 / 3600.0;
        let lon = 2.0 + 7.0 / 60.0 + 46.380 / 3600.0;
        let x = ecef_from_geodetic(lat, lon, 73.0);
        assert!((x - Vector3::new(3_771_793.968, 140_253.342, 5_124_304.349)).norm() < 2e-3, "{x}");
    }

    #[test]
    fn axes_point_east_north_up() {
        let frame = local_frame(52.37, 4.9, 20.0);
        let enu = Enu::new(&frame);
        assert!(enu.local_from_geodetic(52.37, 4.9, 20.0).norm() < 1e-9);
        let up = enu.local_from_geodetic(52.37, 4.9, 30.0);
        assert!((up - Vector3::new(0.0, 0.0, 10.0)).norm() < 1e-8);
        let north = enu.local_from_geodetic(52.371, 4.9, 20.0);
        assert!(north.y > 111.0 && north.y < 112.0 && north.x.abs() < 1e-6, "{north}");
        let east = enu.local_from_geodetic(52.37, 4.901, 20.0);
        assert!(east.x > 67.5 && east.x < 68.5 && east.y.abs() < 1e-2, "{east}");
        assert_eq!(frame.utm_epsg, 32631);
    }

    proptest! {
        #[test]
        fn local_and_geodetic_are_inverse(lat in -89.9f64..89.9, lon in -180f64..180.0, e in -2e4f64..2e4,
            n in -2e4f64..2e4, u in -500f64..9000.0) {
            let enu = Enu::new(&local_frame(lat, lon, 120.0));
            let x = Vector3::new(e, n, u);
            let (a, b, c) = enu.geodetic_from_local(&x);
            prop_assert!((enu.local_from_geodetic(a, b, c) - x).norm() < 1e-6);
        }
    }
}
