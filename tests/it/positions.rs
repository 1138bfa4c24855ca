//! Positions that mislead, and flights of more than one place: the job goes on with what is right and says what is not.

use crate::support::{folder, info, sample_photos, stderr, text, veduta};
use std::fs;
use std::path::Path;
use veduta::synthetic::metadata::{PhotoMetadata, embed};

/// Degrees of latitude in a metre.
const NORTH: f64 = 1.0 / 111_240.0;
/// Degrees of longitude in a metre at the sample's latitude.
const EAST: f64 = NORTH / 0.6105;

/// One sample photo with other metadata: latitude, longitude, altitude; `mirrored` makes it another place, because no
/// feature of a picture matches its mirror image.
fn write_photo(sample: &Path, to: &Path, position: [f64; 3], mirrored: bool) {
    let mut picture = image::open(sample).unwrap().to_rgb8();
    if mirrored {
        picture = image::imageops::flip_horizontal(&picture);
    }
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 92);
    picture.write_with_encoder(encoder).unwrap();
    let metadata = PhotoMetadata {
        make: "Veduta".into(),
        model: "Synthetic".into(),
        date_time: "2024:05:18 13:02:11".into(),
        milliseconds: 0,
        exposure_s: 0.001,
        focal_mm: 9.74,
        focal_35mm: 27,
        size: [picture.width(), picture.height()],
        position,
        relative_altitude_m: 90.0,
        gimbal: [0.0, -90.0, 0.0],
    };
    fs::write(to, embed(&jpeg, &metadata)).unwrap();
}

/// True latitude, longitude and altitude of each sample photo.
fn true_positions() -> Vec<[f64; 3]> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/truth/truth.json");
    let truth: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let origin = &truth["origin"];
    let number = |v: &serde_json::Value| v.as_f64().unwrap();
    let place = |photo: &serde_json::Value| {
        let c = &photo["centre"];
        [
            number(&origin["lat"]) + number(&c[1]) * NORTH,
            number(&origin["lon"]) + number(&c[0]) * EAST,
            number(&origin["alt"]) + number(&c[2]),
        ]
    };
    truth["photos"].as_array().unwrap().iter().map(place).collect()
}

/// Runs to the sparse model and gives `veduta info --json`.
fn sparse(input: &Path, project: &Path) -> serde_json::Value {
    let output = veduta(&["run", text(input), "-o", text(project), "--until", "sparse", "--quality", "draft"]);
    assert!(output.status.success(), "{}", stderr(&output));
    info(text(project))
}

/// Names of the photos that have a place in the model, in order.
fn registered(info: &serde_json::Value) -> Vec<&str> {
    let photos = info["photos"].as_array().unwrap();
    photos.iter().filter(|p| p["registered"] == true).map(|p| p["name"].as_str().unwrap()).collect()
}

/// Messages with this code, of all stages: subject and text.
fn notes(info: &serde_json::Value, code: &str) -> Vec<String> {
    let stages = info["stages"].as_array().unwrap().iter();
    stages
        .flat_map(|s| s["diagnostics"].as_array().unwrap())
        .filter(|d| d["code"] == code)
        .map(|d| format!("{} {}", d["subject"].as_str().unwrap(), d["message"].as_str().unwrap()))
        .collect()
}

#[test]
fn two_unrelated_places_give_the_larger_one_and_name_the_photos_of_the_other() {
    let dir = folder();
    let input = dir.path().join("in");
    fs::create_dir(&input).unwrap();
    for (i, (sample, mut at)) in sample_photos().iter().zip(true_positions()).enumerate() {
        write_photo(sample, &input.join(format!("a{i}.jpg")), at, false);
        if i < 5 {
            at[0] += 3000.0 * NORTH;
            write_photo(sample, &input.join(format!("b{i}.jpg")), at, true);
        }
    }
    let info = sparse(&input, &dir.path().join("a.veduta"));

    assert_eq!(registered(&info), ["a0.jpg", "a1.jpg", "a2.jpg", "a3.jpg", "a4.jpg", "a5.jpg", "a6.jpg", "a7.jpg"]);
    assert_eq!(notes(&info, "position-far").len(), 5, "each is told once: {info:#}");
    let left_out = notes(&info, "photo-not-registered");
    assert_eq!(left_out.iter().filter(|n| n.starts_with('b')).count(), 5, "{left_out:#?}");
}

#[test]
fn a_wrong_position_is_found_and_not_used() {
    let dir = folder();
    let input = dir.path().join("in");
    fs::create_dir(&input).unwrap();
    for (i, (sample, mut at)) in sample_photos().iter().zip(true_positions()).enumerate() {
        if i == 3 {
            at[1] += 400.0 * EAST;
        }
        write_photo(sample, &input.join(format!("{i}.jpg")), at, false);
    }
    let info = sparse(&input, &dir.path().join("a.veduta"));
    assert_eq!(registered(&info).len(), 8);
    let found = notes(&info, "position-outlier");
    assert!(found.len() == 1 && found[0].starts_with("3.jpg"), "{info:#}");
    // The other seven are exact; the wrong one would pull them by tens of metres.
    let residual = |p: &serde_json::Value| {
        p["gps_residual_m"].as_array().unwrap().iter().map(|r| r.as_f64().unwrap().powi(2)).sum::<f64>().sqrt()
    };
    for photo in info["photos"].as_array().unwrap().iter().filter(|p| p["name"] != "3.jpg") {
        assert!(residual(photo) < 2.0, "{photo:#}");
    }
}

#[test]
fn positions_at_zero_or_all_in_one_place_leave_the_scale_unknown() {
    let places = [("zero", [0.0, 0.0, 0.0], "position-zero"), ("one", [52.37, 4.9, 110.0], "positions-unusable")];
    for (name, position, code) in places {
        let dir = folder();
        let input = dir.path().join(name);
        fs::create_dir(&input).unwrap();
        for (i, sample) in sample_photos().iter().enumerate() {
            write_photo(sample, &input.join(format!("{i}.jpg")), position, false);
        }
        let info = sparse(&input, &dir.path().join("a.veduta"));
        assert_eq!(registered(&info).len(), 8, "{name}: {info:#}");
        assert!(!notes(&info, code).is_empty(), "{name}: {info:#}");
        assert!(!notes(&info, "positions-unusable").is_empty(), "{name}: {info:#}");
        assert!(info["frame"].is_null() || info["frame"]["origin"].is_null(), "{name}: {:#}", info["frame"]);
    }
}
