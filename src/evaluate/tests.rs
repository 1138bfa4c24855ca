//! The measures on results whose errors are known.

use super::*;
use crate::base::{CameraId, Ctx, Fingerprint, PhotoId};
use crate::camera::{Camera, FocalSource};
use crate::scene::{Flight, Georeference, Mesh, Photo, Reconstruction};
use crate::synthetic::truth::{TruthCamera, TruthMesh, TruthPhoto, rows_of};
use nalgebra::UnitQuaternion;

fn truth() -> Truth {
    let camera = TruthCamera::new(&crate::camera::Lens::ideal(500.0, 600, 400), 600, 400);
    let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
    let photos: Vec<TruthPhoto> = (0..9)
        .map(|i| {
            let centre = Vector3::new(f64::from(i % 3) * 6.0 - 6.0, f64::from(i / 3) * 6.0 - 6.0, 40.0);
            let pose = Rigid3::from_rotation_and_centre(down, centre);
            let value = serde_json::json!({
                "file": format!("{i}.jpg"), "camera": camera, "cam_from_world": rows_of(&pose),
                "centre": [centre.x, centre.y, centre.z]});
            serde_json::from_value(value).unwrap()
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "world": "", "origin": {"lat": 52.0, "lon": 5.0, "alt": 20.0}, "camera": camera,
        "bounds": [[-10.0, -10.0], [10.0, 10.0]], "classes": [], "seed": 1, "mesh": "", "photos": photos}))
    .unwrap()
}

/// The truth's poses as a result, moved by `moved`.
fn result(truth: &Truth, moved: &Sim3) -> (Flight, Reconstruction) {
    let photo = |i: usize| Photo {
        id: PhotoId::from(i),
        path: format!("/somewhere/{i}.jpg").into(),
        name: format!("{i}.jpg"),
        camera: CameraId(0),
        orientation: 1,
        time_s: None,
        exposure_s: None,
        gps: None,
        attitude: None,
        relative_altitude_m: None,
        position: None,
        rotation: None,
        content: Fingerprint::of_bytes(b""),
    };
    let flight = Flight { photos: (0..truth.photos.len()).map(photo).collect(), ..Flight::default() };
    let camera = Camera {
        id: CameraId(0),
        label: String::new(),
        width: 600,
        height: 400,
        lens: crate::camera::Lens::ideal(505.0, 600, 400),
        focal_source: FocalSource::Exif,
    };
    let reconstruction = Reconstruction {
        centre_sigmas: Vec::new(),
        cameras: vec![camera],
        camera_of: vec![CameraId(0); truth.photos.len()],
        poses: truth.photos.iter().map(|p| Some(moved.transform_pose(&p.pose()))).collect(),
        points: Vec::new(),
        georeference: Georeference::Unscaled,
        notes: Vec::new(),
    };
    (flight, reconstruction)
}

#[test]
fn a_similarity_is_no_error_and_a_shift_is_one_where_georeferenced() {
    let truth = truth();
    let rotation = UnitQuaternion::from_euler_angles(0.1, 0.2, 0.3);
    let moved = Sim3 { scale: 2.0, rotation, translation: Vector3::new(1.0, 2.0, 3.0) };
    let (flight, mut reconstruction) = result(&truth, &moved);
    let metrics = pose_metrics(&flight, &reconstruction, &truth).unwrap();
    assert!(metrics.aligned.centre_rms_m < 1e-9 && metrics.aligned.rotation_max_deg < 1e-6, "{metrics:?}");
    assert!((metrics.scale - 0.5).abs() < 1e-9 && metrics.georeferenced.is_none());
    assert!((metrics.focal_error_percent - 1.0).abs() < 1e-9);

    // A result 3 m too high, in a frame with another origin.
    let frame = LocalFrame { latitude_deg: 52.001, longitude_deg: 5.002, altitude_m: 23.0, utm_epsg: 32631 };
    let there = truth_from_local(&truth, &frame).inverse();
    let (_, shifted) = result(&truth, &there);
    reconstruction.poses = shifted.poses;
    reconstruction.georeference = Georeference::Local { frame, residuals: Vec::new(), doming_m: (0.0, 0.0) };
    let exact = pose_metrics(&flight, &reconstruction, &truth).unwrap().georeferenced.unwrap();
    assert!(exact.centre_rms_m < 1e-6 && exact.rotation_max_deg < 1e-5, "{exact:?}");
    for pose in reconstruction.poses.iter_mut().flatten() {
        *pose = Rigid3::from_rotation_and_centre(pose.rotation, pose.centre() + Vector3::new(0.0, 0.0, 3.0));
    }
    let high = pose_metrics(&flight, &reconstruction, &truth).unwrap().georeferenced.unwrap();
    assert!((high.centre_rms_z_m - 3.0).abs() < 1e-3 && high.centre_rms_xy_m < 0.01, "{high:?}");
}

/// A square of ground at a height; class ground for x < 0, roof beyond.
fn ground(height: f64, from: f64) -> TruthMesh {
    let mut surface = TruthMesh::default();
    for (x0, x1, class) in [(from, 0.0, 0u8), (0.0, 10.0, 1)] {
        let base = surface.mesh.vertices.len() as u32;
        for (x, y) in [(x0, -10.0), (x1, -10.0), (x1, 10.0), (x0, 10.0)] {
            surface.mesh.vertices.push(Vector3::new(x, y, height));
        }
        surface.mesh.triangles.extend([[base, base + 1, base + 2], [base, base + 2, base + 3]]);
        surface.class.extend([class, class]);
    }
    surface
}

#[test]
fn surfaces_are_scored_by_class() {
    let (truth, true_surface) = (truth(), ground(0.0, -10.0));
    let score = |mesh: &Mesh, limit: f64| {
        let seen = SeenTruth::new(&Ctx::silent(), &truth, &true_surface, limit).unwrap();
        surface_metrics(&Ctx::silent(), mesh, &Sim3::identity(), &seen).unwrap()
    };
    let perfect = score(&true_surface.mesh, 0.2);
    assert!(perfect.classes.iter().all(|c| c.f_score == 1.0), "{perfect:?}");
    let high = score(&ground(0.3, -10.0).mesh, 0.2);
    assert!(high.classes.iter().all(|c| c.f_score == 0.0) && (high.median_distance_m - 0.3).abs() < 1e-9);
    // Half of the ground is missing.
    let half = score(&ground(0.0, -5.0).mesh, 0.2);
    let class = |name: &str| half.classes.iter().find(|c| c.class == name).unwrap();
    assert!((class("ground").completeness - 0.5).abs() < 0.05 && class("ground").accuracy > 0.99, "{half:?}");
    assert!(class("roof").f_score > 0.99);
}

#[test]
fn classes_are_judged_where_the_truth_is_near() {
    use crate::scene::{City, SurfaceClass};
    let (truth, true_surface) = (truth(), ground(0.0, -10.0));
    let city = |height: f64, classes: &[SurfaceClass]| City {
        mesh: ground(height, -10.0).mesh,
        uvs: Vec::new(),
        page: Vec::new(),
        views: Vec::new(),
        classes: classes.to_vec(),
        pages: Vec::new(),
        texel_m: 0.1,
    };
    let judge = |c: &City| classification_metrics(c, &Sim3::identity(), &truth, &true_surface, 0.5);
    use SurfaceClass::{Car, Ground, Roof};
    let right = judge(&city(0.1, &[Ground, Ground, Roof, Roof])).unwrap();
    assert!(right.accuracy > 0.999 && right.judged == 1.0 && right.classes.len() == 2, "{right:?}");
    let half = judge(&city(0.0, &[Ground, Car, Roof, Roof])).unwrap();
    let class = |name: &str| half.classes.iter().find(|c| c.class == name).unwrap();
    assert!((half.accuracy - 0.75).abs() < 0.03 && (class("ground").recall - 0.5).abs() < 0.05, "{half:?}");
    assert!(class("ground").precision == 1.0 && class("car").precision == 0.0 && class("car").share == 0.0);
    assert!((class("ground").iou - 0.5).abs() < 0.05 && (half.confusion[0][4] - 0.25).abs() < 0.03);
    assert!(judge(&city(0.6, &[Ground, Ground, Roof, Roof])).is_none(), "too far from the truth");
    assert!(judge(&city(0.0, &[])).is_none(), "no classes");
}
