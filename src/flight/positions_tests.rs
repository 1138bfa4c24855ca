use super::*;
use crate::base::Fingerprint;
use crate::formats::exif::{Exif, ExifGps};
use crate::formats::xmp::Xmp;

fn shot(i: usize, latitude_deg: f64, longitude_deg: f64, altitude_m: Option<f64>) -> Shot {
    let gps = Some(ExifGps { latitude_deg, longitude_deg, altitude_m, ..ExifGps::default() });
    let name = format!("{i}.jpg");
    let exif = Exif { gps, ..Exif::default() };
    let content = Fingerprint::of_bytes(b"");
    Shot { path: name.clone().into(), name, size: (100, 100), orientation: 1, exif, xmp: Xmp::default(), content }
}

/// Photos every 0.0003 degrees (about 33 m by 20 m).
fn line(n: usize) -> Vec<Shot> {
    (0..n).map(|i| shot(i, 52.0 + 0.000_31 * i as f64, 5.000_01 + 0.000_33 * i as f64, Some(100.0))).collect()
}

fn codes(p: &Positions) -> Vec<&str> {
    p.notes.iter().map(|n| n.code.as_str()).collect()
}

fn read(shots: &[Shot]) -> Positions {
    positions_of(shots, &IngestOptions::default())
}

#[test]
fn plain_flight() {
    let p = read(&line(9));
    assert!(p.notes.is_empty(), "{:?}", p.notes);
    let frame = p.frame.expect("frame");
    assert_eq!((frame.altitude_m, frame.utm_epsg), (100.0, 32631));
    let (a, b) = (p.priors[0].expect("prior"), p.priors[8].expect("prior"));
    assert!(a.centre.y < -137.0 && b.centre.y > 137.0 && a.centre.z.abs() < 0.01);
    assert_eq!(a.sigma, Vector3::new(3.0, 3.0, 5.0));
}

#[test]
fn zero_and_far_fixes_are_dropped() {
    let mut shots = line(9);
    shots[2] = shot(2, 0.0, 0.0, Some(0.0));
    shots[5] = shot(5, 52.5, 5.0, Some(100.0));
    shots[6] = shot(6, 52.05, 5.0, Some(100.0));
    let p = read(&shots);
    assert_eq!(codes(&p), ["position-zero", "position-far", "position-far", "positions-missing"]);
    assert!(p.priors[2].is_none() && p.priors[5].is_none() && p.priors[6].is_none() && p.priors[4].is_some());
    assert!(p.notes[1].message.contains("m from the others, above the limit of"), "{}", p.notes[1].message);
}

#[test]
fn altitudes_of_zero_are_none() {
    let mut shots = line(10);
    for s in &mut shots[..3] {
        if let Some(g) = &mut s.exif.gps {
            g.altitude_m = Some(0.0);
        }
    }
    let p = read(&shots);
    assert_eq!(codes(&p), ["altitude-meaningless"]);
    let prior = p.priors[9].expect("prior");
    assert_eq!((prior.sigma.z, p.fixes[9].and_then(|f| f.altitude_m)), (1000.0, None));
    for (i, s) in shots.iter_mut().enumerate() {
        s.xmp.relative_altitude_m = Some(60.0 + i as f64);
    }
    let p = read(&shots);
    let prior = p.priors[9].expect("prior");
    assert!((prior.centre.z - 69.0).abs() < 0.01 && prior.sigma.z == 5.0, "{}", prior.centre);
}

#[test]
fn relative_altitudes_put_the_ground_at_zero() {
    let mut shots = line(9);
    for s in &mut shots {
        s.xmp.relative_altitude_m = Some(80.0);
    }
    let p = read(&shots);
    assert_eq!(p.frame.map(|f| f.altitude_m), Some(20.0));
    assert!((p.priors[4].expect("prior").centre.z - 80.0).abs() < 0.01);
}

#[test]
fn one_place_and_nothing_are_unscaled() {
    let same: Vec<_> = (0..5).map(|i| shot(i, 52.0, 5.0, Some(100.0))).collect();
    let p = read(&same);
    assert!(p.frame.is_none() && p.priors.iter().all(Option::is_none));
    assert_eq!(codes(&p), ["positions-unusable"]);
    let mut none = line(4);
    for s in &mut none {
        s.exif.gps = None;
    }
    assert_eq!(codes(&read(&none)), ["positions-unusable"]);
}

#[test]
fn stated_deviations_count() {
    let mut shots = line(9);
    for (i, s) in shots.iter_mut().enumerate() {
        s.xmp.rtk = Some(if i < 5 { RtkState::Fixed } else { RtkState::Float });
        s.xmp.sigma_horizontal_m = Some(0.01);
        s.xmp.sigma_vertical_m = Some(0.05);
    }
    let p = read(&shots);
    let sigma = |i: usize| p.priors[i].expect("prior").sigma;
    assert_eq!(sigma(0), Vector3::new(0.02, 0.02, 0.05));
    assert!((sigma(6) - Vector3::new(0.1, 0.1, 0.5)).norm() < 1e-12);
}

#[test]
fn stale_and_rounded_fixes_count_less() {
    let mut shots = line(9);
    for (i, slot) in shots.iter_mut().enumerate().skip(3).take(3) {
        *slot = shot(i, 52.0, 5.000_01, Some(100.0));
    }
    let p = read(&shots);
    assert_eq!(codes(&p), ["position-repeated"]);
    assert_eq!(p.priors[4].expect("prior").sigma.x, 9.0);
    let rounded: Vec<_> = (0..9).map(|i| shot(i, 52.0 + i as f64 / 3600.0, 5.0, Some(90.0))).collect();
    let p = read(&rounded);
    assert_eq!(codes(&p), ["position-rounded"]);
    assert_eq!(p.priors[4].expect("prior").sigma.x, 10.0);
}

#[test]
fn the_date_line_does_not_tear_a_flight() {
    let shots: Vec<_> = (0..9)
        .map(|i| {
            let l = 179.999 + 0.000_33 * i as f64;
            shot(i, -17.000_01, if l > 180.0 { l - 360.0 } else { l }, Some(50.0))
        })
        .collect();
    let p = read(&shots);
    assert!(p.notes.is_empty(), "{:?}", p.notes);
    assert!(p.priors.iter().flatten().all(|q| q.centre.norm() < 200.0));
}
