//! Flights with known overlaps.

use super::*;
use crate::base::{CameraId, Fingerprint, Rng, Severity};
use crate::camera::{Camera, FocalSource, Lens};
use crate::scene::{PositionPrior, RotationPrior};
use nalgebra::{Rotation3, UnitQuaternion};

fn camera() -> Camera {
    let lens = Lens::ideal(1000.0, 1200, 800);
    Camera { id: CameraId(0), label: String::new(), width: 1200, height: 800, lens, focal_source: FocalSource::Exif }
}

/// Image top towards `yaw` (clockwise from north), pitch -90 = nadir.
fn looking(yaw_deg: f64, pitch_deg: f64) -> UnitQuaternion<f64> {
    let (yaw, pitch) = (yaw_deg.to_radians(), pitch_deg.to_radians());
    let ahead = Vector3::new(yaw.sin(), yaw.cos(), 0.0);
    let right = Vector3::new(yaw.cos(), -yaw.sin(), 0.0);
    let view = ahead * pitch.cos() + Vector3::z() * pitch.sin();
    let down = view.cross(&right);
    let rows = nalgebra::Matrix3::from_rows(&[right.transpose(), down.transpose(), view.transpose()]);
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(rows))
}

fn photo(id: usize, centre: Vector3<f64>, rotation: Option<UnitQuaternion<f64>>) -> Photo {
    Photo {
        id: PhotoId::from(id),
        path: Default::default(),
        name: format!("{id}.jpg"),
        camera: CameraId(0),
        orientation: 1,
        time_s: Some(id as f64 * 3.0),
        exposure_s: None,
        gps: None,
        attitude: None,
        relative_altitude_m: Some(centre.z),
        position: Some(PositionPrior { centre, sigma: Vector3::new(2.0, 2.0, 4.0) }),
        rotation: rotation.map(|r| RotationPrior { cam_from_local: r, sigma_tilt: 0.03, sigma_yaw: 0.1 }),
        content: Fingerprint::of_bytes(b"x"),
    }
}

/// Strips to the north and back at 100 m: 12 m along (85 % overlap), 40 m apart (67 %).
fn grid(strips: usize, length: usize) -> Flight {
    let mut photos = Vec::new();
    let mut rng = Rng::new(1, 1);
    for s in 0..strips {
        for k in 0..length {
            let along = if s % 2 == 0 { k } else { length - 1 - k };
            let yaw = if s % 2 == 0 { 0.0 } else { 180.0 };
            let centre = Vector3::new(40.0 * s as f64 + rng.normal(), 12.0 * along as f64 + rng.normal(), 100.0);
            photos.push(photo(photos.len(), centre, Some(looking(yaw, -90.0))));
        }
    }
    Flight { photos, cameras: vec![camera()], ..Default::default() }
}

fn chosen(flight: &Flight) -> Vec<(PhotoId, PhotoId)> {
    let pairs = select_pairs(flight, &PairOptions::default(), 3).pairs.expect("positions");
    assert!(pairs.windows(2).all(|w| w[0] < w[1]) && pairs.iter().all(|(a, b)| a < b));
    pairs
}

#[test]
fn small_flights_are_exhaustive() {
    assert_eq!(chosen(&grid(2, 5)).len(), 45);
}

#[test]
fn strips_connect_and_distant_photos_do_not() {
    let flight = grid(8, 20);
    let pairs = chosen(&flight);
    let mean = 2.0 * pairs.len() as f64 / 160.0;
    assert!((15.0..40.0).contains(&mean), "{mean}");
    let centre = |p: PhotoId| flight.photos[p.index()].position.expect("set").centre;
    // 120 m x 80 m footprints: nothing overlaps beyond their diagonal and the uncertainty.
    assert!(pairs.iter().all(|&(a, b)| (centre(a) - centre(b)).norm() < 170.0));
    for photo in &flight.photos {
        let strip = photo.id.index() / 20;
        let across = pairs
            .iter()
            .filter(|(a, b)| *a == photo.id || *b == photo.id)
            .filter(|(a, b)| a.index() / 20 != strip || b.index() / 20 != strip)
            .count();
        assert!(across >= 2, "photo {} has {across} partners in other strips", photo.id);
        // The next photo of the strip is always a partner.
        let next = PhotoId::from(photo.id.index() + 1);
        if next.index() % 20 != 0 {
            assert!(pairs.contains(&(photo.id, next)));
        }
    }
}

#[test]
fn obliques_link_with_nadir_photos_of_the_ground_they_show() {
    let mut flight = grid(6, 12);
    // From the north, 100 m away, looking south at 45 degrees.
    for k in 0..8 {
        let id = flight.photos.len();
        let centre = Vector3::new(25.0 * k as f64, 170.0, 100.0);
        flight.photos.push(photo(id, centre, Some(looking(180.0, -45.0))));
    }
    let pairs = chosen(&flight);
    for o in 72..80 {
        let partners: Vec<usize> =
            pairs.iter().filter(|(a, b)| b.index() == o && a.index() < 72).map(|(a, _)| a.index()).collect();
        assert!(partners.len() >= 5, "{o}: {partners:?}");
        for a in partners {
            let c = flight.photos[a].position.expect("set").centre;
            // They look at y = 170 - 100 +- 70, not at what lies below them.
            assert!(c.y > -60.0 && c.y < 175.0, "{c}");
        }
    }
}

#[test]
fn positions_without_meaning_are_refused_with_a_note() {
    let mut same = grid(8, 10);
    for p in &mut same.photos {
        p.position = Some(PositionPrior { centre: Vector3::new(1.0, 2.0, 3.0), sigma: Vector3::repeat(3.0) });
    }
    let selection = select_pairs(&same, &PairOptions::default(), 0);
    assert!(selection.pairs.is_none());
    assert_eq!(selection.notes[0].code, "positions-equal");
    assert_eq!(selection.notes[0].severity, Severity::Warning);
    let mut none = grid(8, 10);
    none.photos.iter_mut().for_each(|p| p.position = None);
    let selection = select_pairs(&none, &PairOptions::default(), 0);
    assert!(selection.pairs.is_none() && selection.notes.is_empty());
    none.photos.truncate(40);
    assert_eq!(select_pairs(&none, &PairOptions::default(), 0).pairs.expect("few").len(), 780);
    // Scattered over a country.
    let mut far = grid(8, 10);
    for (k, p) in far.photos.iter_mut().enumerate() {
        let centre = Vector3::new(5000.0 * k as f64, 300.0 * (k * k) as f64, 100.0);
        p.position = Some(PositionPrior { centre, sigma: Vector3::repeat(3.0) });
    }
    let selection = select_pairs(&far, &PairOptions::default(), 0);
    assert!(selection.pairs.is_none());
    assert_eq!(selection.notes[0].code, "positions-implausible");
}

#[test]
fn photos_without_attitude_height_or_position_still_get_partners() {
    let mut flight = grid(6, 12);
    for p in &mut flight.photos {
        p.rotation = None;
        p.relative_altitude_m = None;
    }
    flight.photos[30].position = None;
    let pairs = chosen(&flight);
    let mut count = vec![0; 72];
    for (a, b) in &pairs {
        count[a.index()] += 1;
        count[b.index()] += 1;
    }
    assert!(count.iter().all(|c| *c >= 8), "{count:?}");
    assert!(pairs.contains(&(PhotoId(29), PhotoId(30))));
    // Neighbouring strips, at the same place along.
    let across = pairs.iter().filter(|(a, b)| a.index() / 12 + 1 == b.index() / 12).count();
    assert!(across > 72, "{across}");
}
