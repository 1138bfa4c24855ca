//! The flight: where the drone takes photos, what its receiver and gimbal say, and when.
//!
//! In: the area, the number of photos, the camera. Out: true poses with noisy metadata. Nadir strips run back and forth
//! along the longer side (so the heading turns by 180 degrees between strips), obliques at 45 degrees look in from the
//! four sides. The flying height follows from the number of photos: as low as covers the area with the overlaps asked
//! for. Angles: yaw clockwise from north, pitch -90 = nadir, roll positive = right wing down.

use super::SynthOptions;
use crate::base::Rng;
use crate::camera::Lens;
use crate::geometry::{Rigid3, nearest_rotation};
use nalgebra::{Matrix3, UnitQuaternion, Vector3};

/// What a photo is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Straight down.
    Nadir,
    /// At 45 degrees.
    Oblique,
}

/// One exposure: truth and what the metadata says.
#[derive(Clone, Debug, PartialEq)]
pub struct Shot {
    /// Nadir or oblique.
    pub kind: Kind,
    /// True pose.
    pub pose: Rigid3,
    /// True yaw, pitch, roll in degrees.
    pub angles: [f64; 3],
    /// Seconds since the start.
    pub time: f64,
    /// Measured position (east, north, up).
    pub measured: Vector3<f64>,
    /// Measured yaw, pitch, roll in degrees.
    pub measured_angles: [f64; 3],
    /// Exposure gain.
    pub gain: f32,
    /// White balance drift on red and blue.
    pub balance: [f32; 2],
}

/// Rotation `cam_from_local` of yaw, pitch and roll in degrees.
pub fn rotation(angles: [f64; 3]) -> UnitQuaternion<f64> {
    let [(sy, cy), (sp, cp), (sr, cr)] = angles.map(|a| a.to_radians().sin_cos());
    let level = Matrix3::new(1.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 1.0, 0.0);
    let yaw = Matrix3::new(cy, -sy, 0.0, sy, cy, 0.0, 0.0, 0.0, 1.0);
    let pitch = Matrix3::new(1.0, 0.0, 0.0, 0.0, cp, sp, 0.0, -sp, cp);
    let roll = Matrix3::new(cr, sr, 0.0, -sr, cr, 0.0, 0.0, 0.0, 1.0);
    nearest_rotation(&(roll * pitch * level * yaw))
}

/// Flying height and the numbers of strips and of photos in each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layout {
    /// Height above the ground in metres.
    pub height: f64,
    /// Strips.
    pub strips: usize,
    /// Photos in a strip.
    pub per_strip: usize,
}

/// The layout with the smallest height that covers the area with at most `count` nadir photos.
pub fn layout(options: &SynthOptions, lens: &Lens, count: usize) -> Layout {
    let [w, h] = options.area_m;
    let (long, short) = (w.max(h), w.min(h));
    // Footprint per metre of height.
    let (fw, fh) = (f64::from(options.width) / lens.f, f64::from(options.height()) / lens.f);
    let step = (fh * (1.0 - options.overlap_along), fw * (1.0 - options.overlap_across));
    let mut best = Layout { height: f64::INFINITY, strips: 1, per_strip: count.max(1) };
    for strips in 1..=count.max(1) {
        let per_strip = count / strips;
        if per_strip == 0 {
            break;
        }
        // At the ends three photos of a strip overlap a little beyond the last centre; strips see most of their width.
        let along = long / ((per_strip - 1) as f64 * step.0 + 0.25 * fh);
        let across = short / ((strips - 1) as f64 * step.1 + 0.62 * fw);
        let height = along.max(across);
        if height < best.height {
            best = Layout { height, strips, per_strip };
        }
    }
    // From there one photo sees the whole area; more height would only lose detail.
    let one_photo = (long / fw).max(short / fh);
    best.height = options.height_m.unwrap_or(best.height.min(one_photo)).max(35.0);
    best
}

/// Plans the flight.
pub fn plan(options: &SynthOptions, lens: &Lens) -> (Layout, Vec<Shot>) {
    let n = options.photos.max(1) as usize;
    let nadir = ((n as f64 * (1.0 - options.oblique_share)).round() as usize).clamp(1, n);
    let layout = layout(options, lens, nadir);
    let mut rng = Rng::new(options.seed, 7);
    let (fw, fh) = (f64::from(options.width) / lens.f, f64::from(options.height()) / lens.f);
    let height = layout.height;
    // Strips run along the longer side of the area.
    let along_east = options.area_m[0] >= options.area_m[1];
    let place = |along: f64, across: f64| if along_east { (along, across) } else { (across, along) };
    let mut stops = Vec::new();
    for s in 0..layout.strips {
        let across = (s as f64 - 0.5 * (layout.strips - 1) as f64) * fw * (1.0 - options.overlap_across) * height;
        let forward = s % 2 == 0;
        for k in 0..layout.per_strip {
            let k = if forward { k } else { layout.per_strip - 1 - k };
            let along = (k as f64 - 0.5 * (layout.per_strip - 1) as f64) * fh * (1.0 - options.overlap_along) * height;
            let (x, y) = place(along, across);
            let yaw = match (along_east, forward) {
                (true, true) => 90.0,
                (true, false) => 270.0,
                (false, true) => 0.0,
                (false, false) => 180.0,
            };
            stops.push((Kind::Nadir, Vector3::new(x, y, height), yaw, -90.0));
        }
    }
    obliques(options, height, n - stops.len(), &mut stops);
    let drift = Drift::new(&mut rng);
    let mut time = 0.0;
    let mut last: Option<Vector3<f64>> = None;
    let shots = stops
        .into_iter()
        .enumerate()
        .map(|(k, (kind, centre, yaw, pitch))| {
            let jitter =
                Vector3::new(rng.normal(), rng.normal(), rng.normal()).component_mul(&Vector3::new(0.7, 0.7, 0.5));
            let centre = centre + jitter;
            time += last.map_or(0.0, |l| (centre - l).norm() / 6.0 + rng.uniform(0.05, 0.3));
            last = Some(centre);
            let angles = [yaw + 1.6 * rng.normal(), pitch + 0.5 * rng.normal(), 0.45 * rng.normal()];
            shot(options, kind, centre, angles, time, k, &drift, &mut rng)
        })
        .collect();
    (layout, shots)
}

/// Views at 45 degrees from the four sides, aimed at points spread over the area.
fn obliques(options: &SynthOptions, height: f64, count: usize, stops: &mut Vec<(Kind, Vector3<f64>, f64, f64)>) {
    let h = 0.85 * height;
    for side in 0..4 {
        let here = count / 4 + usize::from(side < count % 4);
        let yaw = side as f64 * 90.0;
        let (s, c) = yaw.to_radians().sin_cos();
        let (forward, right) = (Vector3::new(s, c, 0.0), Vector3::new(c, -s, 0.0));
        let (lateral, deep) =
            if side % 2 == 0 { (options.area_m[0], options.area_m[1]) } else { (options.area_m[1], options.area_m[0]) };
        // Few photos share a row; many take two rows, one aimed at the nearer half.
        let rows = if here >= 6 { 2 } else { 1 };
        for k in 0..here {
            let (row, at, of) = (k % rows, k / rows, here.div_ceil(rows));
            let t = if of > 1 { at as f64 / (of - 1) as f64 - 0.5 } else { 0.0 };
            let nearer = if rows == 1 { 0.08 } else { 0.30 - 0.42 * row as f64 };
            let target = right * (t * 0.55 * lateral) - forward * (nearer * deep);
            let centre = target - forward * h + Vector3::new(0.0, 0.0, h);
            stops.push((Kind::Oblique, centre, yaw, -45.0));
        }
    }
}

/// Slow errors of receiver and shutter over a flight.
struct Drift {
    phase: [f64; 6],
}

impl Drift {
    fn new(rng: &mut Rng) -> Self {
        Self { phase: std::array::from_fn(|_| rng.uniform(0.0, std::f64::consts::TAU)) }
    }

    /// A value of standard deviation about 1 that changes over minutes.
    fn at(&self, axis: usize, time: f64) -> f64 {
        let p = self.phase[axis];
        (time / 37.0 + p).sin() + 0.7 * (time / 14.0 + 2.0 * p).sin() + 0.5 * (time / 90.0 + 3.0 * p).cos()
    }
}

#[allow(clippy::too_many_arguments, reason = "private; everything that makes up one exposure")]
fn shot(
    options: &SynthOptions,
    kind: Kind,
    centre: Vector3<f64>,
    angles: [f64; 3],
    time: f64,
    index: usize,
    drift: &Drift,
    rng: &mut Rng,
) -> Shot {
    // Most of a receiver's error changes slowly: 0.6^2 + 0.8^2 = 1 (drift has a standard deviation of about 0.93).
    let slow = options.gps_drift;
    let error = |axis: usize, rng: &mut Rng| 0.65 * slow * drift.at(axis, time) + (1.0 - 0.2 * slow) * rng.normal();
    let (sh, sv) = (options.gps_sigma_horizontal_m, options.gps_sigma_vertical_m);
    let measured =
        centre + Vector3::new(sh * error(0, rng), sh * error(1, rng), sv * error(2, rng) + options.altitude_offset_m);
    let measured_angles = angles.map(|a| a + options.attitude_sigma_deg * rng.normal());
    let stops = 0.10 * drift.at(3, time) + 0.05 * rng.normal() + if kind == Kind::Oblique { 0.05 } else { 0.0 };
    let balance = [0.015 * drift.at(4, time), 0.015 * drift.at(5, time)].map(|x| 1.0 + x as f32);
    let drift_on = options.exposure_drift;
    Shot {
        kind,
        pose: Rigid3::from_rotation_and_centre(rotation(angles), centre),
        angles,
        time: time + 0.001 * index as f64,
        measured,
        measured_angles,
        gain: (2f64.powf(stops * drift_on)) as f32,
        balance: balance.map(|b| 1.0 + (b - 1.0) * drift_on as f32),
    }
}

/// WGS84 latitude, longitude (degrees) and ellipsoidal altitude of a local point.
///
/// Source: J. Zhu, "Conversion of earth-centered earth-fixed coordinates to geodetic coordinates", IEEE TAES 30(3),
/// 1994, for the way back; here two Newton-like steps from the origin suffice at flight distances.
pub fn geodetic(origin: [f64; 3], local: &Vector3<f64>) -> [f64; 3] {
    let (a, f) = (6_378_137.0, 1.0 / 298.257_223_563);
    let e2: f64 = f * (2.0 - f);
    let (lat0, lon0) = (origin[0].to_radians(), origin[1].to_radians());
    let radius = |lat: f64| a / (1.0 - e2 * lat.sin().powi(2)).sqrt();
    let ecef = |lat: f64, lon: f64, h: f64| {
        let n = radius(lat);
        Vector3::new((n + h) * lat.cos() * lon.cos(), (n + h) * lat.cos() * lon.sin(), (n * (1.0 - e2) + h) * lat.sin())
    };
    let (sl, cl, so, co) = (lat0.sin(), lat0.cos(), lon0.sin(), lon0.cos());
    let east = Vector3::new(-so, co, 0.0);
    let north = Vector3::new(-sl * co, -sl * so, cl);
    let up = Vector3::new(cl * co, cl * so, sl);
    let p = ecef(lat0, lon0, origin[2]) + east * local.x + north * local.y + up * local.z;
    let lon = p.y.atan2(p.x);
    let r = p.x.hypot(p.y);
    let mut lat = p.z.atan2(r * (1.0 - e2));
    let mut h = 0.0;
    for _ in 0..6 {
        let n = radius(lat);
        h = r / lat.cos() - n;
        lat = p.z.atan2(r * (1.0 - e2 * n / (n + h)));
    }
    [lat.to_degrees(), lon.to_degrees(), h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_follow_the_convention() {
        // Nadir, image top to the north: camera x = east, y (down in the image) = south, z = down.
        let r = rotation([0.0, -90.0, 0.0]);
        assert!((r * Vector3::new(0.0, 0.0, -1.0) - Vector3::z()).norm() < 1e-12);
        assert!((r * Vector3::y() + Vector3::y()).norm() < 1e-12);
        // Yaw 90: image top to the east.
        let r = rotation([90.0, -90.0, 0.0]);
        assert!((r * Vector3::x() + Vector3::y()).norm() < 1e-12);
        // Oblique to the west: looks west and down.
        let look = rotation([270.0, -45.0, 0.0]).inverse() * Vector3::z();
        assert!((look - Vector3::new(-1.0, 0.0, -1.0).normalize()).norm() < 1e-9);
        // Roll: the right wing goes down, so the horizon's right side goes up in the image.
        let r = rotation([0.0, 0.0, 10.0]);
        assert!((r * Vector3::x()).y < -0.1);
    }

    #[test]
    fn geodetic_of_the_origin_and_of_a_step() {
        let o = [52.37, 4.9, 20.0];
        let same = geodetic(o, &Vector3::zeros());
        assert!((same[0] - o[0]).abs() < 1e-11 && (same[1] - o[1]).abs() < 1e-11 && (same[2] - 20.0).abs() < 1e-6);
        let north = geodetic(o, &Vector3::new(0.0, 111.27, 0.0));
        assert!((north[0] - 52.371).abs() < 2e-6, "{north:?}");
    }

    #[test]
    fn flight_has_the_photos_asked_for_and_stated_noise() {
        let options = SynthOptions { photos: 200, ..SynthOptions::default() };
        let (_, shots) = plan(&options, &options.lens());
        assert_eq!(shots.len(), 200);
        assert!(shots.windows(2).all(|w| w[1].time > w[0].time));
        let n = shots.len() as f64;
        let sigma =
            |c: usize| (shots.iter().map(|s| (s.measured - s.pose.centre())[c].powi(2)).sum::<f64>() / n).sqrt();
        assert!((1.2..2.9).contains(&sigma(0)) && (1.8..4.3).contains(&sigma(2)), "{} {}", sigma(0), sigma(2));
        let few = SynthOptions { photos: 24, ..SynthOptions::default() };
        let (layout, shots) = plan(&few, &few.lens());
        assert_eq!(shots.len(), 24);
        assert!(shots.iter().filter(|s| s.kind == Kind::Oblique).count() >= 8);
        assert!((60.0..160.0).contains(&layout.height), "{layout:?}");
    }
}
