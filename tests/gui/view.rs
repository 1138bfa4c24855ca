//! The 3D view on a made-up city of known size, and pictures of every mode for whoever wants to look at them.

use crate::support::Window;
use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use nalgebra::Vector3;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use veduta::app::Theme;
use veduta::base::Fingerprint;
use veduta::image::Rgb8;
use veduta::project::{Done, Project};
use veduta::scene::{City, Mesh, SurfaceClass, TexturePage};

/// Ground of 40 x 20 m with a box of 10 x 10 x 5 m in the middle of its western half.
fn city() -> City {
    let mut mesh = Mesh::default();
    let mut face = |corners: [[f64; 3]; 4]| {
        let n = mesh.vertices.len() as u32;
        mesh.vertices.extend(corners.map(Vector3::from));
        mesh.triangles.extend([[n, n + 1, n + 2], [n, n + 2, n + 3]]);
    };
    let level = |x: [f64; 2], y: [f64; 2], z: f64| [[x[0], y[0], z], [x[1], y[0], z], [x[1], y[1], z], [x[0], y[1], z]];
    face(level([-20.0, 20.0], [-10.0, 10.0], 0.0));
    face(level([-15.0, -5.0], [-5.0, 5.0], 5.0));
    for (a, b) in [
        ([-15.0, -5.0], [-5.0, -5.0]),
        ([-5.0, -5.0], [-5.0, 5.0]),
        ([-5.0, 5.0], [-15.0, 5.0]),
        ([-15.0, 5.0], [-15.0, -5.0]),
    ] {
        face([[a[0], a[1], 0.0], [b[0], b[1], 0.0], [b[0], b[1], 5.0], [a[0], a[1], 5.0]]);
    }
    let triangles = mesh.triangles.len();
    City {
        mesh,
        uvs: vec![[[0.5, 0.5]; 3]; triangles],
        page: vec![0; triangles],
        views: vec![4; triangles],
        classes: Vec::new(),
        pages: vec![TexturePage { image: Rgb8::filled(4, 4, [150, 140, 120]) }],
        texel_m: 0.05,
    }
}

/// A project with nothing but this city.
fn project(folder: &Path, city: &City) -> PathBuf {
    let root = folder.join("town.veduta");
    let mut project = Project::open_or_create(&root).unwrap();
    let key = Fingerprint::of_bytes(b"city");
    let mut writer = project.begin("city", &key).unwrap();
    writer.put("output", city).unwrap();
    let done = Done {
        stage: "city".into(),
        version: 1,
        seconds: 0.0,
        bytes: 0,
        diagnostics: Vec::new(),
        figures: BTreeMap::new(),
    };
    writer.finish(done).unwrap();
    project.update(|m| drop(m.current.insert("city".into(), key))).unwrap();
    root
}

/// The window on that city, looked at from above without perspective.
fn window(folder: &Path) -> Option<Window> {
    window_on(folder, &city())
}

fn window_on(folder: &Path, city: &City) -> Option<Window> {
    if std::env::var_os("VEDUTA_NO_GPU_TESTS").is_some() {
        return None;
    }
    let mut window = Window::drawn(folder, Some(&project(folder, city)), Theme::Dark, [1280.0, 800.0], 1.0);
    choose(&mut window, "Show the 3D view");
    wait_for_city(&mut window);
    choose(&mut window, "Parallel or perspective");
    choose(&mut window, "Look from above");
    window.settle();
    Some(window)
}

/// Waits until the city, which is read in the background, stands in the middle of the picture.
fn wait_for_city(window: &mut Window) {
    const BACKGROUND: [u8; 3] = [30, 32, 36];
    for _ in 0..600 {
        window.harness.step();
        let at = canvas(window).center();
        let picture = window.harness.render().expect("drawn");
        if picture.get_pixel(at.x as u32, at.y as u32).0[..3] != BACKGROUND {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the city is not drawn");
}

/// Does what a line of the command palette says.
fn choose(window: &mut Window, line: &str) {
    window.press_palette();
    window.type_text(line);
    window.press(Key::Enter);
}

/// Waits for what is read in the background and drawn in several frames.
fn settle_long(window: &mut Window) {
    for _ in 0..40 {
        window.harness.step();
        std::thread::sleep(std::time::Duration::from_millis(60));
    }
    window.settle();
}

fn canvas(window: &Window) -> Rect {
    let node = window.harness.get_by_role_and_label(Role::Image, "3D view");
    node.rect()
}

/// Metres for a point of the screen in the framed view from above.
fn metres(window: &Window) -> f64 {
    let size = canvas(window).size() * 0.94;
    (40.0 / f64::from(size.x)).max(20.0 / f64::from(size.y))
}

fn click_at(window: &mut Window, at: Pos2) {
    window.harness.event(Event::PointerMoved(at));
    for pressed in [true, false] {
        let modifiers = Modifiers::NONE;
        window.harness.event(Event::PointerButton { pos: at, button: PointerButton::Primary, pressed, modifiers });
        window.harness.step();
    }
    // Longer than a double click may take.
    std::thread::sleep(std::time::Duration::from_millis(50));
    for _ in 0..30 {
        window.harness.step();
    }
}

/// The place of the screen where (x, y) of the city is.
fn place(window: &Window, x: f64, y: f64) -> Pos2 {
    let scale = metres(window);
    canvas(window).center() + eframe::egui::vec2((x / scale) as f32, (-y / scale) as f32)
}

/// The text of the first label that begins with a number and has a word in it.
fn readout(window: &Window, word: &str) -> String {
    let labels = window.harness.query_all_by(|n| n.role() == Role::Label);
    let texts = labels.filter_map(|n| n.accesskit_node().value().or_else(|| n.accesskit_node().label()));
    let mut found = texts.filter(|t| t.contains(word) && t.starts_with(|c: char| c.is_ascii_digit() || c == '-'));
    found.next().unwrap_or_default()
}

fn first_number(text: &str) -> f64 {
    text.split(' ').next().and_then(|t| t.parse().ok()).unwrap_or(f64::NAN)
}

#[test]
fn a_known_distance_and_height_are_measured() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = window(dir.path()) else { return };
    choose(&mut window, "Measure a distance");
    for (x, y) in [(2.0, -6.0), (17.0, 2.0)] {
        let at = place(&window, x, y);
        click_at(&mut window, at);
    }
    window.press(Key::Enter);
    let text = readout(&window, "across");
    assert!((first_number(&text) - 17.0).abs() < 0.1, "{text}");
    choose(&mut window, "Measure a height");
    for (x, y) in [(5.0, 0.0), (-10.0, 0.0)] {
        let at = place(&window, x, y);
        click_at(&mut window, at);
    }
    let text = readout(&window, "m up; ");
    assert!((first_number(&text) - 5.0).abs() < 0.01, "{text}");
    window.click("Delete");
    window.click("Delete");
    assert!(!window.has("Delete"));
}

#[test]
fn a_known_volume_is_measured() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = window(dir.path()) else { return };
    choose(&mut window, "Measure a volume");
    for (x, y) in [(-18.0, -8.0), (-2.0, -8.0), (-2.0, 8.0), (-18.0, 8.0)] {
        let at = place(&window, x, y);
        click_at(&mut window, at);
    }
    window.press(Key::Enter);
    window.wait("the volume", 120, |w| !readout(w, "above").is_empty());
    let text = readout(&window, "above");
    assert!((first_number(&text) / 500.0 - 1.0).abs() < 0.01, "{text}");
}

#[test]
fn the_clipping_box_is_shown_and_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = window(dir.path()) else { return };
    let count = |window: &mut Window| {
        let at = canvas(window);
        let picture = window.harness.render().expect("drawn");
        let y = at.center().y as u32;
        let background = [30, 32, 36];
        // Ground and roof have nearly this colour; lines over the picture do not.
        let city = |p: &&[u8; 4]| p[..3] != background && p[0].abs_diff(150) < 12 && p[2].abs_diff(120) < 12;
        (at.min.x as u32..at.max.x as u32).map(|x| picture.get_pixel(x, y).0).filter(|p| city(&p)).count()
    };
    let before = count(&mut window);
    let expected = 40.0 / metres(&window);
    assert!((before as f64 / expected - 1.0).abs() < 0.03, "{before} {expected}");
    choose(&mut window, "Clipping box");
    settle_long(&mut window);
    assert!(window.has("Clipping box") && window.has("Width"));
    let (clipped, expected) = (count(&mut window), 20.0 / metres(&window));
    // The panel below may have moved the picture, but not its scale by much: half of the width is left.
    assert!((clipped as f64) < before as f64 * 0.6 && clipped > 100, "{clipped} {expected}");
    window.click("Remove");
    settle_long(&mut window);
    assert!(!window.has("Width"));
    assert!((count(&mut window) as f64 / before as f64 - 1.0).abs() < 0.03);
}

#[test]
fn classes_are_shown_where_there_are_some() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = window(dir.path()) else { return };
    window.click("Texture");
    assert!(window.has("Overlap") && !window.has("Classes"), "this city has no classes");
    let classes = |t: usize| [SurfaceClass::Ground, SurfaceClass::Roof, SurfaceClass::Facade][(t / 2).min(2)];
    let mut classified = city();
    classified.classes = (0..classified.mesh.triangles.len()).map(classes).collect();
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = window_on(dir.path(), &classified) else { return };
    let colour = |window: &mut Window, x: f64| {
        let at = place(window, x, -3.0);
        window.harness.render().expect("drawn").get_pixel(at.x as u32, at.y as u32).0
    };
    let plain = colour(&mut window, -10.0);
    assert!(plain[0].abs_diff(plain[2]) < 50, "{plain:?}");
    window.click("Texture");
    window.click("Classes");
    settle_long(&mut window);
    let (roof, ground) = (colour(&mut window, -10.0), colour(&mut window, 10.0));
    assert!(roof[0] > roof[2] + 60 && ground[0].abs_diff(ground[2]) < 40, "{roof:?} {ground:?}");
}

#[test]
fn a_picture_and_a_turntable_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = window(dir.path()) else { return };
    choose(&mut window, "Picture of the 3D view");
    window.click("2x");
    window.click("Write");
    let file = dir.path().join("town.veduta/view.png");
    window.wait("the picture", 60, |w| file.exists() && w.is_enabled("Write"));
    let picture = image::open(&file).unwrap().to_rgb8();
    let size = canvas(&window).size();
    assert!((picture.width() as f32 - size.x.floor() * 2.0).abs() < 3.0, "{} {size}", picture.width());
    choose(&mut window, "Turntable");
    window.click("Write");
    let folder = dir.path().join("town.veduta/turntable");
    window.wait("some pictures", 60, |_| folder.join("frame-0003.png").exists());
    // A fast machine may have finished by now.
    if window.is_enabled("Stop") {
        window.click("Stop");
    }
    window.wait("its end", 120, |w| w.is_enabled("Write"));
    let written = std::fs::read_dir(&folder).unwrap().count();
    let said = format!("wrote {written} of 120 pictures to {}", folder.display());
    assert!(written >= 3 && window.has(&said), "{written}");
    let frame = image::open(folder.join("frame-0001.png")).unwrap().to_rgb8();
    assert_eq!(frame.dimensions(), (1280, 800));
    let shown = frame.pixels().filter(|p| p.0 != [30, 32, 36]).count();
    assert!(shown > 1280 * 800 / 10, "{shown}");
}
