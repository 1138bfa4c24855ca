//! Errors of camera poses, of the focal length, and bowl-shaped bending.
//!
//! In: true and estimated poses. Out: errors after a similarity alignment of the centres, and without it where the
//! result is georeferenced. Bending ("doming") is the coefficient of r^2 in vertical residuals (M. James, S. Robson,
//! "Mitigating systematic error in topographic models derived from UAV and ground-based image networks", ESPL 2014), at
//! the largest camera radius, of centres and of sparse points over the true surface.

use super::EvaluateError;
use crate::base::{PhotoId, stats};
use crate::camera::Lens;
use crate::geometry::{Rigid3, Sim3};
use crate::scene::{Flight, LocalFrame, Reconstruction};
use crate::synthetic::bvh::Bvh;
use crate::synthetic::truth::{Truth, TruthMesh, TruthPhoto};
use nalgebra::{Matrix3, Matrix4, Vector3, Vector4};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An estimated camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// File name; folders are ignored.
    pub file: String,
    /// Pose.
    pub pose: Rigid3,
    /// Calibration.
    pub lens: Lens,
}

/// The registered photos of a reconstruction.
pub fn estimates(flight: &Flight, r: &Reconstruction) -> Vec<Estimate> {
    r.poses
        .iter()
        .zip(&flight.photos)
        .enumerate()
        .filter_map(|(k, (pose, photo))| {
            let lens = r.camera(PhotoId::from(k)).lens;
            pose.map(|pose| Estimate { file: photo.name.clone(), pose, lens })
        })
        .collect()
}

/// Errors over all registered photos.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoseErrors {
    /// Root mean square distance of the centres in metres.
    pub centre_rms_m: f64,
    /// Its horizontal part.
    pub centre_rms_xy_m: f64,
    /// Its vertical part.
    pub centre_rms_z_m: f64,
    /// Largest distance of a centre in metres.
    pub centre_max_m: f64,
    /// Mean angle between the rotations in degrees.
    pub rotation_mean_deg: f64,
    /// Largest angle in degrees.
    pub rotation_max_deg: f64,
    /// Bowl in the centres' heights at the largest radius, in metres.
    pub dome_centres_m: Option<f64>,
    /// Sparse points against the true surface.
    pub points: Option<PointHeights>,
}

/// Heights of sparse points over the true surface.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointHeights {
    /// Bowl at the largest camera radius, in metres.
    pub dome_m: f64,
    /// Spread (1.4826 MAD) after plane and bowl, in metres.
    pub sigma_m: f64,
    /// Median in metres.
    pub median_m: f64,
    /// Points used.
    pub used: usize,
}

/// What is known about the poses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoseReport {
    /// Registered photos.
    pub registered: usize,
    /// Photos of the truth.
    pub total: usize,
    /// The alignment.
    pub truth_from_model: Sim3,
    /// After the alignment.
    pub aligned: PoseErrors,
    /// As the result stands in its own coordinates on earth.
    pub raw: Option<PoseErrors>,
    /// Mean relative error of the focal length in percent.
    pub focal_error_percent: f64,
    /// Mean distance of the principal point in pixels.
    pub principal_point_error_px: f64,
    /// Largest distance between where the true and the estimated lens put the same ray, after the best focal scale, in
    /// pixels over the frame.
    pub distortion_error_px: f64,
    /// Area under the recall curve of relative poses of all pairs up to 1, 3 and 5 degrees; lost photos count.
    pub auc: [f64; 3],
    /// Photos of the truth that are not registered.
    pub missing: Vec<String>,
}

/// `to_from_from`: takes east-north-up coordinates at one origin (latitude, longitude in degrees, altitude) to another's.
pub fn frame_change(from: [f64; 3], to: [f64; 3]) -> Rigid3 {
    let (a, f) = (6_378_137.0f64, 1.0 / 298.257_223_563);
    let e2: f64 = f * (2.0 - f);
    let place = |o: [f64; 3]| {
        let ((sl, cl), (so, co)) = (o[0].to_radians().sin_cos(), o[1].to_radians().sin_cos());
        let n = a / (1.0 - e2 * sl * sl).sqrt();
        let p = Vector3::new((n + o[2]) * cl * co, (n + o[2]) * cl * so, (n * (1.0 - e2) + o[2]) * sl);
        // Rows: east, north, up.
        (Matrix3::new(-so, co, 0.0, -sl * co, -sl * so, cl, cl * co, cl * so, sl), p)
    };
    let ((rf, pf), (rt, pt)) = (place(from), place(to));
    Rigid3::from_matrix(&(rt * rf.transpose()), rt * (pf - pt))
}

fn base_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

fn angle_deg(a: &Rigid3, b: &Rigid3) -> f64 {
    a.rotation.angle_to(&b.rotation).to_degrees()
}

/// Measures poses. `points`: sparse points in the frame of the poses; `frame`: where that frame is on earth.
pub fn poses(
    truth: &Truth,
    surface: &TruthMesh,
    estimated: &[Estimate],
    points: &[Vector3<f64>],
    frame: Option<&LocalFrame>,
) -> Result<PoseReport, EvaluateError> {
    let by_name: BTreeMap<&str, &Estimate> = estimated.iter().map(|e| (base_name(&e.file), e)).collect();
    let pairs: Vec<(&TruthPhoto, &Estimate)> =
        truth.photos.iter().filter_map(|p| Some((p, *by_name.get(base_name(&p.file))?))).collect();
    let common = pairs.len();
    if common < 3 {
        return Err(EvaluateError::TooFewPhotos { common, total: truth.photos.len() });
    }
    let centres: Vec<_> = pairs.iter().map(|(_, e)| e.pose.centre()).collect();
    let wanted: Vec<_> = pairs.iter().map(|(p, _)| p.pose().centre()).collect();
    let align = Sim3::fit(&centres, &wanted, None).ok_or(EvaluateError::NoExtent { common })?;
    let heights = TrueHeights::new(surface);
    let aligned = errors(&pairs, &align, points, &heights);
    let raw = frame.map(|f| {
        let to = [truth.origin.lat, truth.origin.lon, truth.origin.alt];
        let change = frame_change([f.latitude_deg, f.longitude_deg, f.altitude_m], to);
        let sim = Sim3 { scale: 1.0, rotation: change.rotation, translation: change.translation };
        errors(&pairs, &sim, points, &heights)
    });
    let n = common as f64;
    let focal = pairs.iter().map(|(p, e)| e.lens.f / p.camera.fx - 1.0).sum::<f64>() / n;
    let principal =
        pairs.iter().map(|(p, e)| (e.lens.cx - p.camera.cx).hypot(e.lens.cy - p.camera.cy)).sum::<f64>() / n;
    let found: Vec<&str> = pairs.iter().map(|(p, _)| p.file.as_str()).collect();
    let missing = truth.photos.iter().filter(|p| !found.contains(&p.file.as_str())).map(|p| p.file.clone()).collect();
    Ok(PoseReport {
        registered: common,
        total: truth.photos.len(),
        truth_from_model: align,
        aligned,
        raw,
        focal_error_percent: 100.0 * focal,
        principal_point_error_px: principal,
        distortion_error_px: distortion_error(&pairs[0].0.camera.lens(), &pairs[0].1.lens, pairs[0].0),
        auc: auc(&pairs, truth.photos.len()),
        missing,
    })
}

fn errors(
    pairs: &[(&TruthPhoto, &Estimate)],
    align: &Sim3,
    points: &[Vector3<f64>],
    heights: &TrueHeights,
) -> PoseErrors {
    let moved: Vec<(Rigid3, Rigid3)> = pairs.iter().map(|(p, e)| (p.pose(), align.transform_pose(&e.pose))).collect();
    let d: Vec<Vector3<f64>> = moved.iter().map(|(t, e)| e.centre() - t.centre()).collect();
    let n = d.len() as f64;
    let rms = |f: &dyn Fn(&Vector3<f64>) -> f64| (d.iter().map(f).sum::<f64>() / n).sqrt();
    let angles: Vec<f64> = moved.iter().map(|(t, e)| angle_deg(t, e)).collect();
    let centres: Vec<Vector3<f64>> = moved.iter().map(|(t, _)| t.centre()).collect();
    let middle = centres.iter().sum::<Vector3<f64>>() / n;
    let radius = centres.iter().map(|c| (c - middle).xy().norm()).fold(0.0, f64::max);
    let dz: Vec<f64> = d.iter().map(|v| v.z).collect();
    PoseErrors {
        centre_rms_m: rms(&|v| v.norm_squared()),
        centre_rms_xy_m: rms(&|v| v.xy().norm_squared()),
        centre_rms_z_m: rms(&|v| v.z * v.z),
        centre_max_m: d.iter().map(Vector3::norm).fold(0.0, f64::max),
        rotation_mean_deg: angles.iter().sum::<f64>() / n,
        rotation_max_deg: angles.iter().copied().fold(0.0, f64::max),
        dome_centres_m: if d.len() > 5 { dome(&centres, &dz, &middle, radius).map(|f| f.0) } else { None },
        points: point_heights(points, align, heights, &middle, radius),
    }
}

/// Heights of the true surface, by rays from above.
struct TrueHeights {
    bvh: Bvh,
    top: f32,
}

impl TrueHeights {
    fn new(surface: &TruthMesh) -> Self {
        let m = &surface.mesh;
        let top = m.bounds().map_or(0.0, |b| b.1.z) as f32 + 10.0;
        let bvh = Bvh::new(m.triangles.len(), |i| m.triangles[i].map(|v| m.vertices[v as usize].cast()));
        Self { bvh, top }
    }

    /// The height at a place where the surface around it is level.
    fn level_at(&self, p: &Vector3<f64>) -> Option<f64> {
        let mut z = [0.0; 5];
        for (k, (dx, dy)) in [(0.0, 0.0), (0.12, 0.0), (-0.12, 0.0), (0.0, 0.12), (0.0, -0.12)].into_iter().enumerate()
        {
            let from = nalgebra::Vector3::new(p.x as f32 + dx, p.y as f32 + dy, self.top);
            let (t, _) = self.bvh.cast(&from, &-nalgebra::Vector3::z(), 1e4)?;
            z[k] = f64::from(self.top - t);
        }
        let (low, high) = z.iter().fold((f64::MAX, f64::MIN), |(a, b), &x| (a.min(x), b.max(x)));
        (high - low < 0.12).then_some(z[0])
    }
}

fn point_heights(
    points: &[Vector3<f64>],
    align: &Sim3,
    heights: &TrueHeights,
    middle: &Vector3<f64>,
    radius: f64,
) -> Option<PointHeights> {
    // Every k-th point is enough.
    let step = (points.len() / 20_000).max(1);
    let (mut places, mut dz) = (Vec::new(), Vec::new());
    for p in points.iter().step_by(step) {
        let p = align.apply(p);
        if let Some(z) = heights.level_at(&p) {
            places.push(p);
            dz.push(p.z - z);
        }
    }
    if places.len() < 100 {
        return None;
    }
    let (dome_m, sigma_m) = dome(&places, &dz, middle, radius)?;
    Some(PointHeights { dome_m, sigma_m, median_m: stats::median(&dz)?, used: places.len() })
}

/// Robust fit of `dz = a + b x + c y + d r^2`; `d radius^2` and the spread left over.
fn dome(places: &[Vector3<f64>], dz: &[f64], middle: &Vector3<f64>, radius: f64) -> Option<(f64, f64)> {
    let s = radius.max(1e-6);
    let row = |p: &Vector3<f64>| {
        let (x, y) = ((p.x - middle.x) / s, (p.y - middle.y) / s);
        Vector4::new(1.0, x, y, x * x + y * y)
    };
    let centre = stats::median(dz)?;
    let mut keep: Vec<bool> = dz.iter().map(|z| (z - centre).abs() < 2.0).collect();
    let (mut solution, mut sigma) = (Vector4::zeros(), 0.0);
    for _ in 0..12 {
        let (mut a, mut b) = (Matrix4::zeros(), Vector4::zeros());
        for k in (0..dz.len()).filter(|&k| keep[k]) {
            let r = row(&places[k]);
            a += r * r.transpose();
            b += r * dz[k];
        }
        solution = a.lu().solve(&b)?;
        let left: Vec<f64> = places.iter().zip(dz).map(|(p, z)| z - row(p).dot(&solution)).collect();
        let magnitudes: Vec<f64> = left.iter().zip(&keep).filter(|(_, k)| **k).map(|(r, _)| r.abs()).collect();
        sigma = 1.4826 * stats::median(&magnitudes)?;
        for (k, r) in left.iter().enumerate() {
            keep[k] = r.abs() < (3.0 * sigma).max(1e-6);
        }
    }
    Some((solution[3], sigma))
}

/// How far apart the two lenses put the same rays, over the frame, after the best common scale of the rays (a wrong focal
/// length and a wrong height look alike) and shift (so do a wrong principal point and a tilt).
fn distortion_error(a: &Lens, b: &Lens, photo: &TruthPhoto) -> f64 {
    let (w, h) = (f64::from(photo.camera.width), f64::from(photo.camera.height));
    let mut samples = Vec::new();
    for j in 0..=10 {
        for i in 0..=14 {
            let pixel = nalgebra::Vector2::new(w * f64::from(i) / 14.0, h * f64::from(j) / 10.0);
            if let (Some(x), Some(y)) = (a.unproject(&pixel), b.unproject(&pixel)) {
                samples.push((x.xy(), y.xy()));
            }
        }
    }
    if samples.is_empty() {
        return f64::NAN;
    }
    let n = samples.len() as f64;
    let mean = samples
        .iter()
        .fold((nalgebra::Vector2::zeros(), nalgebra::Vector2::zeros()), |s, p| (s.0 + p.0 / n, s.1 + p.1 / n));
    let (mut top, mut bottom) = (0.0, 0.0);
    for (x, y) in &samples {
        top += (x - mean.0).dot(&(y - mean.1));
        bottom += (y - mean.1).norm_squared();
    }
    let scale = top / bottom;
    samples.iter().map(|(x, y)| a.f * ((x - mean.0) - scale * (y - mean.1)).norm()).fold(0.0, f64::max)
}

/// Area under the recall curve of the pairs' relative poses (larger of rotation and direction error).
fn auc(pairs: &[(&TruthPhoto, &Estimate)], total: usize) -> [f64; 3] {
    let mut all = Vec::new();
    for i in 0..pairs.len() {
        for j in i + 1..pairs.len() {
            let relative = |a: Rigid3, b: Rigid3| a.then_from(&b.inverse());
            let t = relative(pairs[i].0.pose(), pairs[j].0.pose());
            let e = relative(pairs[i].1.pose, pairs[j].1.pose);
            let direction = if t.translation.norm() > 1e-9 && e.translation.norm() > 1e-9 {
                t.translation.angle(&e.translation).to_degrees()
            } else {
                180.0
            };
            all.push(angle_deg(&t, &e).max(direction));
        }
    }
    all.resize(total * total.saturating_sub(1) / 2, 180.0);
    all.sort_unstable_by(f64::total_cmp);
    [1.0, 3.0, 5.0].map(|limit| {
        // Recall rises in steps; between them it is interpolated.
        let (mut sum, mut x0, mut y0) = (0.0, 0.0, 0.0);
        for (k, &x) in all.iter().enumerate().take_while(|(_, x)| **x < limit) {
            let y = (k + 1) as f64 / all.len() as f64;
            sum += (x - x0) * (y + y0) / 2.0;
            (x0, y0) = (x, y);
        }
        (sum + (limit - x0) * y0) / limit
    })
}

impl PoseReport {
    /// A table for a person.
    pub fn table(&self) -> String {
        use std::fmt::Write;
        let mut s = format!("photos registered        {} of {}\n", self.registered, self.total);
        let mut line = |name: &str, e: &PoseErrors| {
            let _ = writeln!(
                s,
                "centres ({name:<7})        {:.3} m RMS ({:.3} level, {:.3} up), worst {:.3} m",
                e.centre_rms_m, e.centre_rms_xy_m, e.centre_rms_z_m, e.centre_max_m
            );
            let _ = writeln!(
                s,
                "rotations ({name:<7})      {:.3} deg mean, {:.3} deg worst",
                e.rotation_mean_deg, e.rotation_max_deg
            );
            if let Some(p) = &e.points {
                let _ = writeln!(
                    s,
                    "points ({name:<7})         bowl {:+.3} m, spread {:.3} m, median height {:+.3} m ({} points)",
                    p.dome_m, p.sigma_m, p.median_m, p.used
                );
            }
        };
        line("aligned", &self.aligned);
        if let Some(raw) = &self.raw {
            line("as is", raw);
        }
        let _ = writeln!(
            s,
            "lens                     focal {:+.3} %, principal point {:.2} px, distortion {:.2} px",
            self.focal_error_percent, self.principal_point_error_px, self.distortion_error_px
        );
        let _ = writeln!(
            s,
            "relative poses           AUC@1/3/5 deg {:.3} {:.3} {:.3}",
            self.auc[0], self.auc[1], self.auc[2]
        );
        s
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::synthetic::{SynthOptions, flight};
    use nalgebra::UnitQuaternion;

    /// A truth with poses only.
    fn truth() -> Truth {
        let o = SynthOptions { photos: 20, ..SynthOptions::default() };
        let lens = o.lens();
        let (_, shots) = flight::plan(&o, &lens);
        let camera = crate::synthetic::truth::TruthCamera::new(&lens, o.width, o.height());
        let photos = shots
            .iter()
            .enumerate()
            .map(|(k, s)| TruthPhoto {
                file: format!("{k:03}.jpg"),
                kind: String::new(),
                camera: camera.clone(),
                cam_from_world: crate::synthetic::truth::rows_of(&s.pose),
                centre: s.pose.centre().into(),
                yaw_pitch_roll: s.angles,
                lat: 0.0,
                lon: 0.0,
                alt: 0.0,
                time: String::new(),
                exposure: 1.0,
                moving_cars_xyz_yaw: Vec::new(),
            })
            .collect();
        Truth {
            world: String::new(),
            origin: crate::synthetic::truth::TruthOrigin { lat: 52.0, lon: 5.0, alt: 10.0 },
            camera,
            bounds: vec![[-75.0, -60.0], [75.0, 60.0]],
            classes: Vec::new(),
            seed: 0,
            mesh: String::new(),
            photos,
            ortho: None,
            dsm: None,
            extra_views: Vec::new(),
        }
    }

    #[test]
    fn a_moved_copy_is_perfect_and_errors_are_found() {
        let t = truth();
        let model_from_truth = Sim3 {
            scale: 0.3,
            rotation: UnitQuaternion::from_euler_angles(0.3, -0.2, 1.0),
            translation: Vector3::new(5.0, 6.0, 7.0),
        };
        let mut e: Vec<Estimate> = t
            .photos
            .iter()
            .map(|p| Estimate {
                file: format!("some/folder/{}", p.file),
                pose: model_from_truth.transform_pose(&p.pose()),
                lens: p.camera.lens(),
            })
            .collect();
        let none = TruthMesh::default();
        let r = poses(&t, &none, &e, &[], None).expect("aligns");
        assert_eq!((r.registered, r.missing.len()), (20, 0));
        assert!(r.aligned.centre_rms_m < 1e-9 && r.aligned.rotation_max_deg < 1e-5, "{r:?}");
        assert!(r.auc[0] > 0.999 && r.distortion_error_px < 1e-9);
        assert!((r.truth_from_model.scale * 0.3 - 1.0).abs() < 1e-9);
        // One rotation off by a degree, one photo lost, the focal length 1 % off.
        let turn = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), 1f64.to_radians());
        e[3].pose = Rigid3::from_rotation_and_centre(turn * e[3].pose.rotation, e[3].pose.centre());
        for x in &mut e {
            x.lens.f *= 1.01;
        }
        e.remove(7);
        let r = poses(&t, &none, &e, &[], None).expect("aligns");
        assert!((r.aligned.rotation_max_deg - 1.0).abs() < 1e-3 && (r.focal_error_percent - 1.0).abs() < 1e-9);
        assert_eq!(r.missing, vec!["007.jpg".to_string()]);
        assert!(r.auc[0] < 0.93);
        assert!(poses(&t, &none, &e[..2], &[], None).is_err());
    }

    #[test]
    fn a_bowl_is_measured_at_the_largest_radius() {
        let mut rng = Rng::new(4, 4);
        let places: Vec<_> =
            (0..500).map(|_| Vector3::new(rng.uniform(-80.0, 80.0), rng.uniform(-60.0, 60.0), 0.0)).collect();
        let dz: Vec<f64> = places
            .iter()
            .enumerate()
            .map(|(k, p)| {
                let gross = if k % 10 == 0 { 1.5 } else { 0.0 };
                0.4 + 0.001 * p.x + 0.3 * p.xy().norm_squared() / 1e4 + 0.01 * rng.normal() + gross
            })
            .collect();
        let (d, sigma) = dome(&places, &dz, &Vector3::zeros(), 100.0).expect("fits");
        assert!((d - 0.3).abs() < 0.01 && (sigma - 0.01).abs() < 0.004, "{d} {sigma}");
    }

    #[test]
    fn frames_of_two_origins_agree_on_one_place() {
        let (a, b) = ([52.37, 4.9, 20.0], [52.371, 4.902, 35.0]);
        let x = Vector3::new(30.0, -40.0, 12.0);
        let g = flight::geodetic(a, &x);
        let h = flight::geodetic(b, &frame_change(a, b).apply(&x));
        assert!((g[0] - h[0]).abs() < 1e-10 && (g[1] - h[1]).abs() < 1e-10 && (g[2] - h[2]).abs() < 1e-5);
    }
}
