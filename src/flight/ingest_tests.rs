use super::*;
use crate::camera::FocalSource;
use crate::formats::exif::tests::{gps_fields, jpeg_with_exif, plain_jpeg, text};
use crate::geometry::nearest_rotation;
use crate::georef::rotation_from_attitude;
use crate::scene::Attitude;
use exif::{Tag, Value};
use nalgebra::{Matrix3, Vector3};

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn run(files: &Files, options: &IngestOptions) -> Result<Flight, IngestError> {
    let paths: Vec<PathBuf> = files.keys().cloned().collect();
    let read = |p: &Path| files.get(p).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into());
    ingest(&Ctx::silent(), &paths, &read, options)
}

fn photo(i: u32) -> Vec<u8> {
    let mut fields = gps_fields(52.0 + 0.000_3 * f64::from(i), 5.0 + 0.000_21 * f64::from(i), 120.0);
    fields.extend([
        (Tag::Make, text("DJI")),
        (Tag::Model, text("TEST")),
        (Tag::FocalLengthIn35mmFilm, Value::Short(vec![24])),
        (Tag::DateTimeOriginal, text(&format!("2024:05:18 13:02:{:02}", 59 - i))),
    ]);
    jpeg_with_exif(&plain_jpeg(96, 64, i as u8), &fields)
}

#[test]
fn bad_files_are_skipped_with_reasons_and_the_run_goes_on() {
    let mut files = Files::new();
    for i in 0..4 {
        files.insert(format!("/a/{i}.JPG").into(), photo(i));
    }
    files.insert("/b/1.JPG".into(), photo(7));
    files.insert("/b/copy.jpg".into(), photo(2));
    files.insert("/b/notes.jpg".into(), b"just text".to_vec());
    files.insert("/b/empty.jpg".into(), Vec::new());
    files.insert("/b/one.jpg".into(), plain_jpeg(1, 1, 0));
    let mut cut = photo(9);
    cut.truncate(cut.len() - 200);
    files.insert("/b/cut.jpg".into(), cut);
    files.insert("/b/raw.DNG".into(), vec![1, 2, 3]);
    files.insert("/b/readme.txt".into(), vec![1, 2, 3]);
    files.insert("/b/._1.JPG".into(), vec![1, 2, 3]);
    let mut paths: Vec<PathBuf> = files.keys().cloned().collect();
    paths.push("/b/missing.jpg".into());
    let read = |p: &Path| files.get(p).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into());
    let flight = ingest(&Ctx::silent(), &paths, &read, &IngestOptions::default()).expect("flight");

    // Later seconds first in the alphabet: the order is by time.
    let names: Vec<_> = flight.photos.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["b/1.JPG", "3.JPG", "2.JPG", "a/1.JPG", "0.JPG"]);
    assert!(flight.photos.iter().enumerate().all(|(i, p)| p.id.index() == i && p.position.is_some()));
    let skipped: Vec<_> = flight.skipped.iter().map(|s| (s.reason.subject.as_str(), s.reason.code.as_str())).collect();
    assert_eq!(
        skipped,
        [
            ("copy.jpg", "photo-duplicate"),
            ("cut.jpg", "photo-truncated"),
            ("empty.jpg", "photo-format"),
            ("missing.jpg", "photo-unreadable"),
            ("notes.jpg", "photo-format"),
            ("one.jpg", "photo-too-small"),
            ("raw.DNG", "photo-format"),
        ]
    );
    assert_eq!((flight.cameras.len(), flight.cameras[0].focal_source), (1, FocalSource::Exif));
    assert_eq!(flight.cameras[0].label, "DJI TEST");
    // The same files in another order and on one thread give the same flight.
    paths.reverse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("pool");
    let again = pool.install(|| ingest(&Ctx::silent(), &paths, &read, &IngestOptions::default())).expect("flight");
    assert_eq!(flight, again);
}

#[test]
fn hopeless_inputs_say_why() {
    let mut files = Files::from([("/a/readme.txt".into(), vec![1])]);
    let error = run(&files, &IngestOptions::default()).expect_err("empty");
    assert!(error.to_string().contains("jpg, jpeg, png, tif, tiff"), "{error}");
    files.insert("/a/1.jpg".into(), photo(1));
    files.insert("/a/2.jpg".into(), photo(1));
    files.insert("/a/3.jpg".into(), b"text".to_vec());
    let error = run(&files, &IngestOptions::default()).expect_err("one photo");
    let message = error.to_string();
    assert!(message.contains("1 of 3 photos") && message.contains("2.jpg has the same content"), "{message}");
    assert!(message.contains("3.jpg: not a JPEG") && !error.hint().is_empty(), "{message}");
}

#[test]
fn options_and_cancel() {
    let files: Files = (0..3).map(|i| (format!("/a/{i}.jpg").into(), photo(i))).collect();
    let options = IngestOptions { ignore_positions: true, focal_px: Some(77.0), ..IngestOptions::default() };
    let flight = run(&files, &options).expect("flight");
    assert!(flight.frame.is_none() && flight.photos.iter().all(|p| p.position.is_none()));
    assert_eq!(flight.cameras[0].lens.f, 77.0);
    let ctx = Ctx::silent();
    ctx.cancel_token().cancel();
    let paths: Vec<PathBuf> = files.keys().cloned().collect();
    let read = |p: &Path| Ok(files[p].clone());
    assert!(matches!(ingest(&ctx, &paths, &read, &options), Err(IngestError::Cancelled(_))));
}

/// A data set's flight; `None` where the data are not there.
fn shared(set: &str) -> Option<Flight> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data");
    let Ok(entries) = std::fs::read_dir(root.join(set).join("images")) else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    let read = |p: &Path| std::fs::read(p);
    Some(ingest(&Ctx::silent(), &paths, &read, &IngestOptions::default()).expect("flight"))
}

#[test]
fn town_agrees_with_its_truth() {
    let Some(flight) = shared("town") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/town/truth/truth.json");
    let truth: serde_json::Value = serde_json::from_slice(&std::fs::read(root).expect("truth")).expect("truth is JSON");
    assert_eq!((flight.photos.len(), flight.cameras.len(), flight.skipped.len()), (48, 1, 0));
    assert!((flight.cameras[0].lens.f / 944.0 - 1.0).abs() < 0.02, "{}", flight.cameras[0].lens.f);
    let truth_frame = crate::georef::local_frame(52.37, 4.9, 20.0);
    let enu = crate::georef::Enu::new(&truth_frame);
    let frame = flight.frame.expect("frame");
    let (mut position, mut angle) = (Vector3::zeros(), Vec::new());
    for photo in &flight.photos {
        let entry = truth["photos"].as_array().expect("photos").iter().find(|e| e["file"] == photo.name.as_str());
        let entry = entry.expect("photo in truth");
        let number = |v: &serde_json::Value| v.as_f64().expect("number");
        let centre = Vector3::from_fn(|i, _| number(&entry["centre"][i]));
        let prior = photo.position.expect("prior").centre;
        let (lat, lon, alt) = crate::georef::Enu::new(&frame).geodetic_from_local(&prior);
        let error = enu.local_from_geodetic(lat, lon, alt) - centre;
        position += error.component_mul(&error) / flight.photos.len() as f64;
        let matrix = Matrix3::from_fn(|r, c| number(&entry["cam_from_world"][r][c]));
        let cam_from_world = nearest_rotation(&matrix);
        angle.push(photo.rotation.expect("prior").cam_from_local.angle_to(&cam_from_world).to_degrees());
        // The angles of the truth give its rotation exactly: the convention is right, not only close.
        let stated: Vec<f64> = (0..3).map(|i| number(&entry["yaw_pitch_roll"][i])).collect();
        let exact = rotation_from_attitude(&Attitude { yaw_deg: stated[0], pitch_deg: stated[1], roll_deg: stated[2] });
        assert!(exact.angle_to(&cam_from_world).to_degrees() < 1e-3, "{}", photo.name);
    }
    let rms = position.map(f64::sqrt);
    assert!(rms.x < 2.2 && rms.y < 2.2 && rms.z < 4.0, "{rms}");
    let typical = crate::base::stats::rms(&angle).expect("angles");
    assert!(typical < 1.5 * 3f64.sqrt() * 1.3, "{typical}");
    assert!((frame.altitude_m - 20.0).abs() < 5.0, "{}", frame.altitude_m);
}

#[test]
fn real_flights_are_plausible() {
    let extent = |flight: &Flight| {
        let at: Vec<_> = flight.photos.iter().filter_map(|p| p.position.map(|q| q.centre)).collect();
        let radius = at.iter().map(|c| c.xy().norm()).fold(0.0, f64::max);
        let height = crate::base::stats::median(&at.iter().map(|c| c.z).collect::<Vec<_>>());
        (at.len(), radius, height.unwrap_or(f64::NAN))
    };
    for (set, photos, radius, height, epsg) in [
        ("jwcate", 36, 60.0..250.0, 70.0..95.0, 32617),
        ("brighton_beach", 18, 20.0..200.0, 35.0..45.0, 32615),
        ("sheffield_cross", 172, 60.0..600.0, -10.0..10.0, 32617),
    ] {
        let Some(flight) = shared(set) else { return };
        let (n, r, h) = extent(&flight);
        eprintln!(
            "{set}: {n} positions, radius {r:.1} m, height {h:.1} m, {:?}, notes {:?}",
            flight.cameras.iter().map(|c| (&c.label, c.lens.f)).collect::<Vec<_>>(),
            flight.notes.iter().map(|n| &n.message).collect::<Vec<_>>()
        );
        assert_eq!((n, flight.photos.len(), flight.cameras.len()), (photos, photos, 1), "{set}");
        assert!(radius.contains(&r) && height.contains(&h), "{set} {r} {h}");
        assert_eq!(flight.frame.map(|f| f.utm_epsg), Some(epsg));
        // That drone's gimbal counts yaw from the nose; the others' agree with their headings or state none.
        assert_eq!(flight.notes.iter().any(|n| n.code == "gimbal-yaw-relative"), set == "jwcate");
    }
    let Some(kite) = shared("boruszyn_kap") else { return };
    assert!(kite.frame.is_none() && kite.photos.iter().all(|p| p.position.is_none()));
    assert!(kite.notes.iter().any(|n| n.code == "positions-unusable"));
    eprintln!("boruszyn {:?}", kite.cameras.iter().map(|c| (&c.label, c.width, c.lens.f)).collect::<Vec<_>>());
    assert!(kite.cameras.iter().all(|c| c.focal_source == FocalSource::Exif && c.lens.f > 1000.0 && c.lens.f < 1400.0));
}
