//! A large flight in the grid and the table, and files that vanish while the window is open.

use crate::support::{Window, copy_samples};
use eframe::egui::{Event, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, TouchPhase, Vec2};
use std::fs;
use std::time::{Duration, Instant};
use veduta::project::Project;

const PHOTOS: usize = 5000;

/// Milliseconds of each frame while the wheel turns over a place.
fn scroll(window: &mut Window, at: Pos2) -> Vec<f64> {
    window.harness.event(Event::PointerMoved(at));
    let mut frames = Vec::new();
    for _ in 0..120 {
        let delta = Vec2::new(0.0, -900.0);
        let (unit, phase, modifiers) = (MouseWheelUnit::Point, TouchPhase::Move, Modifiers::NONE);
        window.harness.event(Event::MouseWheel { unit, delta, phase, modifiers, source: MouseWheelSource::Wheel });
        let began = Instant::now();
        window.harness.step();
        frames.push(began.elapsed().as_secs_f64() * 1e3);
    }
    frames.sort_by(f64::total_cmp);
    frames
}

#[test]
fn five_thousand_photos_scroll_smoothly() {
    let dir = tempfile::tempdir().unwrap();
    let images = dir.path().join("images");
    fs::create_dir_all(&images).unwrap();
    let mut photos = Vec::new();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, 90]))
        .write_to(&mut bytes, image::ImageFormat::Jpeg)
        .unwrap();
    for i in 0..PHOTOS {
        let path = images.join(format!("DJI_{i:04}.jpg"));
        fs::write(&path, bytes.get_ref()).unwrap();
        photos.push(path);
    }
    let root = dir.path().join("large.veduta");
    Project::open_or_create(&root).unwrap().update(|m| m.photos = photos).unwrap();
    let mut window = Window::open(dir.path(), Some(&root));
    assert!(window.has("5000 photos"));
    for (what, at) in [("grid", Pos2::new(200.0, 250.0)), ("table", Pos2::new(200.0, 650.0))] {
        let frames = scroll(&mut window, at);
        let (middle, late, worst) = (frames[60], frames[113], frames[119]);
        eprintln!("{what}: frames of {middle:.1} ms, 19 of 20 under {late:.1} ms, worst {worst:.1} ms");
        // The worst of all may be another program's doing.
        assert!(late < 50.0, "{what}: {late:.1} ms");
    }
    assert!(!window.has("DJI_0000.jpg accepted"), "the grid has moved on");
}

#[test]
fn vanished_photos_are_told_and_a_vanished_project_too() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    fs::create_dir_all(dir.path().join("elsewhere")).unwrap();
    fs::rename(dir.path().join("images/VDT_0003.jpg"), dir.path().join("elsewhere/VDT_0003.jpg")).unwrap();
    let mut window = Window::open(dir.path(), Some(&project));
    window.wait("the missing photo is told", 20, |w| w.has("Locate..."));
    drop(window);
    // The same from the command line, then the window has nothing to tell.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_veduta"))
        .args(["relink", project.to_str().unwrap(), dir.path().join("elsewhere").to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut window = Window::open(dir.path(), Some(&project));
    std::thread::sleep(Duration::from_millis(300));
    window.settle();
    assert!(!window.has("Locate..."));
    fs::rename(&project, dir.path().join("moved.veduta")).unwrap();
    // Looking again takes a reason: here an edit that cannot be kept.
    window.click_photo("VDT_0004.jpg");
    window.click("Reject");
    assert!(window.has("Error"), "the edit failed with a message");
    window.wait("the missing project is told", 20, |w| w.has("Close the project"));
    window.click("Close the project");
    assert!(window.has("Open a project..."));
}
