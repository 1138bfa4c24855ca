#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::base::Ctx;
use crate::mesh::inspect;
use crate::print::{outline, settle, solid as bodies};

fn bold(least_mm: f64) -> Strokes {
    Strokes { least_mm, ..Strokes::default() }
}

fn lettering(height_mm: f64) -> Lettering {
    Lettering { height_mm, depth_mm: 0.8, mirrored: false }
}

#[test]
fn a_title_is_solid_at_the_origin_and_as_large_as_measured() {
    for (height, stroke) in [(4.0, 0.0), (1.2, 0.4), (25.0, 0.5)] {
        let text = "BRIGHTON 1:1000, Gäßchen & Ørsted 52° № 8 %";
        let body = solid_with_strokes(text, &lettering(height), bold(stroke)).unwrap();
        let report = inspect(&body.mesh);
        assert!(report.is_solid(), "{report:?}");
        let size = measure(text, height, bold(stroke)).unwrap();
        let (low, high) = body.mesh.bounds().unwrap();
        assert!(low.norm() < 1e-9, "{low}");
        assert!((high - nalgebra::Vector3::new(size.width_mm, size.height_mm, 0.8)).amax() < 0.001, "{high} {size:?}");
        // Signs that end in drawn-in tips (&, %) may stay thinner there.
        let letters = measure("BRIGHTON 1:1000", height, bold(stroke)).unwrap();
        assert!(letters.stroke_mm >= stroke * 0.9, "{letters:?}");
        let (flat, _) = outlines(text, height, bold(stroke)).unwrap();
        assert!((report.volume / 0.8 - flat.area()).abs() < 0.002 * flat.area());
    }
}

#[test]
fn every_letter_of_the_font_is_a_body_alone_and_widened() {
    let all = font::tests::everything();
    assert!(all.len() > 1000);
    let mut inked = 0;
    for (k, c) in all.into_iter().enumerate() {
        // Four ways in turn, to keep the test short.
        let (height, strokes) = match k % 4 {
            0 => (4.0, bold(0.0)),
            1 => (1.5, bold(0.5)),
            2 => (4.0, Strokes { least_mm: 0.5, land_mm: 0.55, ..Strokes::default() }),
            _ => (4.0, Strokes { least_mm: 0.6, tip_mm: 0.55, ..Strokes::default() }),
        };
        match solid_with_strokes(&c.to_string(), &lettering(height), strokes) {
            Ok(body) => {
                let report = inspect(&body.mesh);
                assert!(report.is_solid(), "{c} (U+{:04X}): {report:?}", u32::from(c));
                inked += 1;
            }
            Err(PrintError::EmptyText) => assert!(c.is_whitespace() || c.is_control() || c == '\u{ad}', "{c:?}"),
            Err(e) => panic!("{c}: {e}"),
        }
    }
    assert!(inked > 1000);
}

#[test]
fn mirrored_letters_read_right_from_below() {
    let l = solid("L", &lettering(6.0)).unwrap();
    let mirrored = solid("L", &Lettering { mirrored: true, ..lettering(6.0) }).unwrap();
    let report = inspect(&mirrored.mesh);
    assert!(report.is_solid() && (report.volume - l.mesh.volume()).abs() < 1e-6);
    // The upright of L stands at its left; mirrored at the right.
    let top = |s: &Solid| {
        let high = s.mesh.bounds().unwrap().1;
        let xs: Vec<f64> = s.mesh.vertices.iter().filter(|v| v.y > high.y - 0.01).map(|v| v.x / high.x).collect();
        xs.iter().sum::<f64>() / xs.len() as f64
    };
    assert!(top(&l) < 0.4 && top(&mirrored) > 0.6);
}

#[test]
fn what_does_not_fit_is_refused_with_the_height_that_does() {
    let text = "A TITLE THAT NEEDS ROOM";
    let error = fit(text, 12.0, Strokes::default(), 120.0).unwrap_err();
    let PrintError::TextTooWide { width_mm, most_mm, fitting_mm, .. } = error else { panic!("{error}") };
    assert!(width_mm > 200.0 && most_mm == 120.0);
    assert!(fit(text, fitting_mm * 0.999, Strokes::default(), 120.0).is_ok());
    assert!(fit(text, fitting_mm * 1.05, Strokes::default(), 120.0).is_err());
    assert!(error.to_string().contains("of 120"), "{error}");
    for (text, height) in [("", 4.0), ("   ", 4.0), ("a", 0.0), ("a", f64::NAN), ("a", -3.0)] {
        assert!(measure(text, height, Strokes::default()).is_err(), "{text:?} {height}");
    }
    assert!(solid("a", &Lettering { depth_mm: 0.0, ..lettering(4.0) }).is_err());
    assert!(matches!(measure("a\nb", 4.0, Strokes::default()), Err(PrintError::MissingGlyphs { .. })));
}

#[test]
fn letters_can_be_raised_on_a_plate_and_cut_into_it() {
    let ctx = Ctx::silent();
    let letters = solid("№8", &lettering(5.0)).unwrap();
    let (_, high) = letters.mesh.bounds().unwrap();
    let corners = [(-1.0, -1.0), (high.x + 1.0, -1.0), (high.x + 1.0, high.y + 1.0), (-1.0, high.y + 1.0)];
    let ring: Vec<_> = corners.iter().map(|&(x, y)| Vector2::new(x, y)).collect();
    let plate = outline::prism(&ring, -2.0, 0.4);
    let raised = settle(&ctx, bodies::unite(&ctx, &[&plate, &letters]).unwrap()).unwrap();
    let cut = settle(&ctx, bodies::subtract(&ctx, &plate, &letters).unwrap()).unwrap();
    let (whole, ink) = (plate.mesh.volume(), letters.mesh.volume());
    for (body, expected) in [(raised, whole + ink / 2.0), (cut, whole - ink / 2.0)] {
        let report = inspect(&body.mesh);
        assert!(report.is_solid() && report.components == 1, "{report:?}");
        assert!((report.volume - expected).abs() < 1e-3 * whole, "{} {expected}", report.volume);
    }
}

#[test]
fn letters_that_the_font_sets_close_are_moved_apart_and_no_others() {
    let width = |text: &str, apart_mm: f64| measure(text, 4.0, Strokes { apart_mm, ..Strokes::default() }).unwrap();
    // K and X touch in the font; the sides of H and H are a millimetre from each other.
    let pieces =
        |apart_mm: f64| outlines("KX", 4.0, Strokes { apart_mm, ..Strokes::default() }).unwrap().0.polygons.len();
    assert_eq!((pieces(0.0), pieces(0.3)), (1, 2));
    assert!(width("KX", 0.3).width_mm > width("KX", 0.0).width_mm + 0.29);
    assert_eq!(width("HH", 0.3), width("HH", 0.0));
    assert!((width("HIH", 3.0).width_mm - width("HIH", 2.0).width_mm - 2.0).abs() < 0.05);
}
