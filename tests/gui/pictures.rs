//! Pictures of the window. As a test: every screen of both themes is drawn and holds what it should. For the README:
//!
//! ```text
//! VEDUTA_PICTURES_OF=city.veduta VEDUTA_PICTURES_TO=assets/window cargo test --release --test gui pictures
//! ```
//!
//! writes each screen of that (finished) project at 1280 x 800 and at 2560 x 1440 with scale 2.

use crate::support::{Window, copy_samples, run_cli};
use image::RgbaImage;
use std::path::{Path, PathBuf};
use veduta::app::Theme;

/// Screen, and the tab that brings it to the front.
const SCREENS: [(&str, &str); 8] = [
    ("map", "Map"),
    ("photo", "Photo"),
    ("control", "Control points"),
    ("print", "Print"),
    ("3d", "3D"),
    ("part", "Part"),
    ("export", "Export"),
    ("report", "Report"),
];

/// Mean brightness of the picture, and the share of its pixels that have the colour of the pixel before them.
fn look(picture: &RgbaImage) -> (f64, f64) {
    let n = f64::from(picture.width() * picture.height());
    let sum: f64 = picture.pixels().map(|p| f64::from(p[0]) + f64::from(p[1]) + f64::from(p[2])).sum();
    let pixels: Vec<_> = picture.pixels().collect();
    let same = pixels.windows(2).filter(|w| w[0] == w[1]).count();
    (sum / 3.0 / n, same as f64 / n)
}

fn drawn(window: &mut Window) -> Option<RgbaImage> {
    match window.harness.render() {
        Ok(picture) => Some(picture),
        Err(e) if std::env::var_os("REQUIRE_GPU").is_some() => panic!("cannot be drawn: {e}"),
        Err(e) => {
            eprintln!("skipped: {e}");
            None
        }
    }
}

fn has_adapter() -> bool {
    let there = !veduta::gpu::adapters(veduta::gpu::DeviceChoice::Auto).is_empty();
    assert!(there || std::env::var_os("REQUIRE_GPU").is_none(), "no adapter");
    if !there {
        eprintln!("skipped: no graphics adapter");
    }
    there
}

#[test]
fn pictures_of_each_screen() {
    if !has_adapter() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let project = variable("VEDUTA_PICTURES_OF").unwrap_or_else(|| {
        let project = copy_samples(dir.path());
        run_cli(&project, "sparse");
        project
    });
    let to = variable("VEDUTA_PICTURES_TO");
    for (theme, word) in [(Theme::Dark, "dark"), (Theme::Light, "light")] {
        let sizes = [([1280.0, 800.0], 1.0, ""), ([1280.0, 720.0], 2.0, "-large")];
        for (size, scale, ending) in sizes.into_iter().take(if to.is_some() { 2 } else { 1 }) {
            let mut window = Window::drawn(dir.path(), Some(&project), theme, size, scale);
            window.click_photo("VDT_0004.jpg");
            for (screen, tab) in SCREENS {
                window.click(tab);
                window.settle_for(if to.is_some() { 80 } else { 8 });
                let Some(picture) = drawn(&mut window) else { return };
                assert_eq!(f64::from(picture.width()), f64::from(size[0]) * f64::from(scale));
                let (brightness, even) = look(&picture);
                let fits = if theme == Theme::Dark { brightness < 90.0 } else { brightness > 150.0 };
                assert!(fits, "{screen} {word}: brightness {brightness:.0}");
                assert!((0.3..0.98).contains(&even), "{screen} {word}: {even:.2} of the picture is even");
                keep(&picture, to.as_deref(), &format!("{screen}-{word}{ending}"));
            }
        }
        let recent = [project.clone(), dir.path().join("gone.veduta")];
        let mut start = Window::drawn_with_recent(dir.path(), &recent, theme);
        start.settle_for(15);
        let Some(picture) = drawn(&mut start) else { return };
        keep(&picture, to.as_deref(), &format!("start-{word}"));
    }
}

fn keep(picture: &RgbaImage, folder: Option<&Path>, name: &str) {
    if let Some(folder) = folder {
        let file = std::fs::File::create(folder.join(format!("{name}.jpg"))).unwrap();
        let rgb = image::DynamicImage::from(picture.clone()).into_rgb8();
        image::codecs::jpeg::JpegEncoder::new_with_quality(file, 80).encode_image(&rgb).unwrap();
    }
}
