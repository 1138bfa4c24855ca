//! The print layout on a made-up city of known size: what a person can do there, and that the files come out.

use crate::support::Window;
use eframe::egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use nalgebra::{UnitQuaternion, Vector3};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use veduta::app::Theme;
use veduta::base::{CameraId, Fingerprint, PhotoId};
use veduta::camera::{Camera, FocalSource, Lens};
use veduta::geometry::Rigid3;
use veduta::image::Rgb8;
use veduta::order::Order;
use veduta::print::split::Split;
use veduta::print::{Area, PartSize};
use veduta::project::{Done, Project};
use veduta::scene::{City, Flight, Georeference, LocalFrame, Mesh, Photo, Reconstruction, TexturePage};

/// Ground of 40 x 20 m with a block of 10 x 10 x 5 m in the middle of its western half, on a grid of half a metre.
fn city() -> City {
    let (columns, rows) = (81usize, 41usize);
    let mut mesh = Mesh::default();
    for i in 0..columns * rows {
        let (x, y) = ((i % columns) as f64 / 2.0 - 20.0, (i / columns) as f64 / 2.0 - 10.0);
        let block = (-15.0..=-5.0).contains(&x) && (-5.0..=5.0).contains(&y);
        mesh.vertices.push(Vector3::new(x, y, if block { 5.0 } else { 0.0 }));
    }
    for y in 0..rows - 1 {
        for x in 0..columns - 1 {
            let n = (y * columns + x) as u32;
            let up = n + columns as u32;
            mesh.triangles.extend([[n, n + 1, up + 1], [n, up + 1, up]]);
        }
    }
    let uv = |v: u32| {
        let p = &mesh.vertices[v as usize];
        [((p.x + 20.0) / 40.0) as f32, ((10.0 - p.y) / 20.0) as f32]
    };
    let uvs = mesh.triangles.iter().map(|t| t.map(uv)).collect();
    let mut image = Rgb8::filled(256, 128, [120, 140, 100]);
    for y in 0..128 {
        for x in 0..256 {
            *image.at_mut(x, y) = [60 + (x / 2) as u8, 90 + y as u8, if (x / 8 + y / 8) % 2 == 0 { 90 } else { 130 }];
        }
    }
    let triangles = mesh.triangles.len();
    City {
        mesh,
        uvs,
        page: vec![0; triangles],
        views: vec![4; triangles],
        classes: Vec::new(),
        pages: vec![TexturePage { image }],
        texel_m: 0.15,
    }
}

fn put<T: serde::Serialize>(project: &mut Project, stage: &str, output: &T) {
    let key = Fingerprint::of_bytes(stage.as_bytes());
    let mut writer = project.begin(stage, &key).unwrap();
    writer.put("output", output).unwrap();
    let (stage_name, diagnostics, figures) = (stage.to_string(), Vec::new(), BTreeMap::new());
    writer.finish(Done { stage: stage_name, version: 1, seconds: 0.0, bytes: 0, diagnostics, figures }).unwrap();
    project.update(|m| drop(m.current.insert(stage.into(), key))).unwrap();
}

/// A project of that city with four photos from 50 m above it.
fn town(folder: &Path) -> PathBuf {
    let root = folder.join("town.veduta");
    let mut project = Project::open_or_create(&root).unwrap();
    let camera = Camera {
        id: CameraId::from(0),
        label: "test".into(),
        width: 400,
        height: 300,
        lens: Lens::ideal(400.0, 400, 300),
        focal_source: FocalSource::Guess,
    };
    let frame = LocalFrame { latitude_deg: 52.0, longitude_deg: 5.0, altitude_m: 0.0, utm_epsg: 32631 };
    let photo = |i: usize| {
        let name = format!("P{i}.jpg");
        let path = folder.join(&name);
        image::RgbImage::new(8, 6).save(&path).unwrap();
        Photo {
            id: PhotoId::from(i),
            path,
            name,
            camera: CameraId::from(0),
            orientation: 1,
            time_s: Some(i as f64),
            exposure_s: None,
            gps: None,
            attitude: None,
            relative_altitude_m: Some(50.0),
            position: None,
            rotation: None,
            content: Fingerprint::of_bytes(&[i as u8]),
        }
    };
    let photos: Vec<Photo> = (0..4).map(photo).collect();
    project.update(|m| m.photos = photos.iter().map(|p| p.path.clone()).collect()).unwrap();
    let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
    let pose = |i: usize| Rigid3::from_rotation_and_centre(down, Vector3::new(i as f64 * 10.0 - 15.0, 0.0, 50.0));
    let sparse = Reconstruction {
        cameras: vec![camera.clone()],
        camera_of: vec![CameraId::from(0); 4],
        poses: (0..4).map(|i| Some(pose(i))).collect(),
        points: Vec::new(),
        georeference: Georeference::Local { frame, residuals: Vec::new(), doming_m: (0.0, 0.0) },
        centre_sigmas: Vec::new(),
        notes: Vec::new(),
    };
    let flight = Flight { photos, cameras: vec![camera], frame: Some(frame), skipped: Vec::new(), notes: Vec::new() };
    put(&mut project, "ingest", &flight);
    put(&mut project, "sparse", &sparse);
    put(&mut project, "city", &city());
    root
}

fn choose_line(window: &mut Window, line: &str) {
    window.press_palette();
    window.type_text(line);
    window.press(Key::Enter);
}

fn shown(mut window: Window) -> Window {
    choose_line(&mut window, "Print layout in the whole window");
    window.wait("the city is read", 60, |w| w.has("City from above"));
    window.settle();
    window.click("Fit");
    window
}

/// The print layout of that city; without a device where nothing of it has to be drawn.
fn layout(folder: &Path) -> Window {
    let root = town(folder);
    shown(Window::open(folder, Some(&root)))
}

fn drawn(folder: &Path) -> Option<Window> {
    if std::env::var_os("VEDUTA_NO_GPU_TESTS").is_some() {
        return None;
    }
    let root = town(folder);
    Some(shown(Window::drawn(folder, Some(&root), Theme::Dark, [1280.0, 800.0], 1.0)))
}

fn order(folder: &Path) -> Order {
    order_of(&folder.join("town.veduta"))
}

/// A printer of one's own whose walls are so thick that a part of a small base has a fault.
fn thick_walled(folder: &Path, window: &mut Window) {
    let pack = folder.join("mine.toml");
    let limit = |value: &str| format!("{{ value = {value}, source = 'manual', date = '2026-11-21' }}");
    let lines = [
        "name = 'mine'".to_string(),
        "title = 'My printer'".into(),
        format!("build_mm = {}", limit("[200.0, 100.0, 90.0]")),
        format!("formats = {}", limit("['obj', 'wrl', 'glb']")),
        format!("wall_mm = {}", limit("8.0")),
        format!("density_g_cm3 = {}", limit("2.0")),
        format!("price_cm3 = {}", limit("0.5")),
    ];
    std::fs::write(&pack, lines.join("\n")).unwrap();
    window.click("Own");
    if !window.has("Path of a rule pack (.toml)") {
        // The click closed a list that was open.
        window.click("Own");
    }
    window.type_into("Path of a rule pack (.toml)", pack.to_str().unwrap());
    window.click("Take it");
    assert_eq!(order(folder).printer, pack.to_str().unwrap());
    press(window, "Mend thin walls and gaps");
    set(window, "Longest side", 40.0);
}

/// Clicks something that may have to be scrolled to.
fn press(window: &mut Window, label: &str) {
    // Findings of one place are alike in name: the first.
    window.harness.get_all_by_label(label).next().expect("something of that name").scroll_to_me();
    window.settle();
    window.click(label);
}

fn number(window: &Window, label: &str) -> f64 {
    let node = window.harness.get_by_role_and_label(Role::SpinButton, label);
    node.accesskit_node().numeric_value().unwrap()
}

fn set(window: &mut Window, label: &str, value: f64) {
    window.harness.get_by_role_and_label(Role::SpinButton, label).scroll_to_me();
    window.settle();
    window.harness.get_by_role_and_label(Role::SpinButton, label).set_value_accesskit(value);
    window.settle();
}

/// The text of a label that holds all these words.
fn says(window: &Window, words: &[&str]) -> bool {
    let all = window.harness.query_all_by(|n| {
        let text = n.value().or_else(|| n.label()).unwrap_or_default();
        words.iter().all(|w| text.contains(w))
    });
    all.count() > 0
}

/// The whole label that holds these words.
fn label_with(window: &Window, words: &str) -> String {
    let mut all = window.harness.query_all_by_label_contains(words);
    all.find_map(|n| n.accesskit_node().label().filter(|l| l.starts_with("Why"))).unwrap()
}

fn make(window: &mut Window) {
    window.click("Make");
    window.wait("the part is made", 120, |w| w.is_enabled("Validate"));
    window.settle();
}

fn picture(window: &Window, name: &str) -> Rect {
    window.harness.get_by_role_and_label(Role::Image, name).rect()
}

/// The place of the screen where (x, y) of the city is: the whole city fits the view with a margin.
fn place(window: &Window, x: f64, y: f64) -> Pos2 {
    let rect = picture(window, "City from above");
    let scale = 1.06 * (40.0 / f64::from(rect.width())).max(20.0 / f64::from(rect.height()));
    rect.center() + eframe::egui::vec2((x / scale) as f32, (-y / scale) as f32)
}

fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    window.harness.event(Event::PointerMoved(from));
    window.harness.step();
    window.harness.event(button(from, true));
    window.harness.step();
    for i in 1..=4 {
        window.harness.event(Event::PointerMoved(from + (to - from) * (i as f32 / 4.0)));
        window.harness.step();
    }
    window.harness.event(button(to, false));
    window.settle();
}

fn click_at(window: &mut Window, at: Pos2) {
    window.harness.event(Event::PointerMoved(at));
    for pressed in [true, false] {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        window.harness.event(Event::PointerButton { pos: at, button, pressed, modifiers });
        window.harness.step();
    }
    window.settle();
}

#[test]
fn scale_millimetres_and_metres_are_locked_and_undone() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = layout(dir.path());
    let ground = number(&window, "On the ground");
    assert!((30.0..=40.0).contains(&ground), "the well-covered part: {ground}");
    set(&mut window, "Scale 1:", 400.0);
    assert_eq!(order(dir.path()).size, PartSize::Scale(400.0));
    assert!((number(&window, "Longest side") - ground * 2.5).abs() < 0.1);
    set(&mut window, "Longest side", 50.0);
    assert!((number(&window, "Scale 1:") - ground * 20.0).abs() < 1.0);
    set(&mut window, "On the ground", 20.0);
    assert!((number(&window, "Scale 1:") - 400.0).abs() < 0.1 && number(&window, "Longest side") == 50.0);
    assert!(says(&window, &["Smallest printable thing", " m"]));
    assert!((order(dir.path()).area.unwrap().frame().size.max() - 20.0).abs() < 1e-9);
    press(&mut window, "Mend thin walls and gaps");
    assert!(!order(dir.path()).thicken);
    window.press_undo();
    assert!(order(dir.path()).thicken);
    set(&mut window, "Heights times", 1.5);
    set(&mut window, "Base", 1.0);
    assert!(says(&window, &["base of 1 mm", "2 mm"]) && !window.is_enabled("Make"));
    window.press_undo();
    assert_eq!((order(dir.path()).base_mm, order(dir.path()).z_scale), (3.0, 1.5));
    for _ in 0..4 {
        window.press_undo();
    }
    assert_eq!(order(dir.path()), Order::default());
    assert!((number(&window, "On the ground") - ground).abs() < 1e-6);
    window.harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.settle();
    assert_eq!(order(dir.path()).size, PartSize::Scale(400.0));
}

#[test]
fn areas_are_dragged_turned_drawn_and_snapped() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = layout(dir.path());
    window.click("Rectangle");
    for (label, value) in [("East", 0.0), ("North", 0.0), ("Width", 20.0), ("Depth", 10.0), ("Heading", 0.0)] {
        set(&mut window, label, value);
    }
    let area = |dir: &tempfile::TempDir| order(dir.path()).area.unwrap();
    assert_eq!((area(&dir).frame().size.x, area(&dir).frame().size.y), (20.0, 10.0));
    // The whole, a corner, the handle for turning.
    let (from, to) = (place(&window, 1.0, 1.0), place(&window, -4.0, 0.0));
    drag(&mut window, from, to);
    let moved = area(&dir).frame();
    assert!((moved.centre.x + 5.0).abs() < 0.3 && (moved.centre.y + 1.0).abs() < 0.3, "{moved:?}");
    let corner = moved.centre + moved.size / 2.0;
    let (from, to) = (place(&window, corner.x, corner.y), place(&window, corner.x + 3.0, corner.y + 2.0));
    drag(&mut window, from, to);
    let larger = area(&dir).frame();
    assert!((larger.size.x - 23.0).abs() < 0.4 && (larger.size.y - 12.0).abs() < 0.4, "{larger:?}");
    let top = place(&window, larger.centre.x, larger.centre.y + larger.size.y / 2.0);
    let from = top - eframe::egui::vec2(0.0, 26.0);
    let to = place(&window, larger.centre.x + 15.0, larger.centre.y);
    drag(&mut window, from, to);
    assert!((number(&window, "Heading") - 90.0).abs() < 1.0, "{}", number(&window, "Heading"));
    window.press_undo();
    assert!(number(&window, "Heading").abs() < 1e-6);
    window.click("Circle");
    assert!(matches!(area(&dir), Area::Circle { .. }));
    set(&mut window, "Radius", 4.0);
    window.click("Polygon");
    assert!(matches!(area(&dir), Area::Polygon(ring) if ring.len() == 4));
    window.click("Draw a polygon");
    for (x, y) in [(-10.0, -6.0), (10.0, -6.0), (0.0, 6.0)] {
        let at = place(&window, x, y);
        click_at(&mut window, at);
    }
    window.press(Key::Enter);
    let Area::Polygon(ring) = area(&dir) else { panic!("a polygon") };
    assert!(ring.len() == 3 && (ring[2].y - 6.0).abs() < 0.3, "{ring:?}");
    window.click("Rectangle");
    window.click("Snap to coverage");
    assert!(area(&dir).frame().size.x > 30.0);
    window.click("Automatic");
    assert_eq!(order(dir.path()).area, None);
}

#[test]
fn a_part_is_made_validated_waived_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = layout(dir.path());
    assert!(says(&window, &["about", "cm\u{b3}"]), "an estimate before it is made");
    assert!(says(&window, &["Make the part first."]) && !window.is_enabled("Export"));
    thick_walled(dir.path(), &mut window);
    assert!(says(&window, &["about", "cm\u{b3}", " g, "]), "mass and price");
    window.click("OBJ");
    window.click("WRL");
    make(&mut window);
    assert!(!says(&window, &["about", "cm\u{b3}"]) && says(&window, &["cm\u{b3}"]), "measured now");
    assert!(says(&window, &["Validate first"]));
    window.click("Validate");
    window.wait("the verdict", 120, |w| says(w, &["ault"]) && w.is_enabled("Make") && !says(w, &["Validate first"]));
    window.settle();
    while window.has("Waive...") {
        assert!(!window.is_enabled("Export"), "blocked until faults are mended or waived");
        window.click("Waive...");
        assert!(!window.is_enabled("Waive"), "not without a reason");
        let label = label_with(&window, "does not matter");
        window.type_into(&label, "a model of a model");
        window.click("Waive");
    }
    let waived = order(dir.path()).waived;
    assert!(waived.iter().any(|w| w.code.contains("wall")), "{waived:?}");
    assert!(waived.iter().all(|w| w.reason == "a model of a model"));
    assert!(window.is_enabled("Export"), "{waived:?}");
    window.click("Export");
    window.wait("the files", 120, |w| says(w, &["files written to"]));
    let folder = dir.path().join("town-order");
    for file in ["part.obj", "part.wrl", "part.png", "report.html", "preview-south.jpg"] {
        assert!(folder.join(file).exists(), "{file}");
    }
    let ticket: serde_json::Value =
        serde_json::from_slice(&std::fs::read(folder.join("ticket.json")).unwrap()).unwrap();
    assert_eq!(ticket["waived"].as_array().unwrap().len(), waived.len());
    assert_eq!(ticket["printer"][0], "mine");
    let command = ticket["command"].as_str().unwrap();
    assert!(command.starts_with("veduta print ") && command.contains("--size-mm 40"), "{command}");
    window.click("Copy the command");
    // What changes the part asks for another making; formats do not.
    window.click("GLB");
    assert!(says(&window, &["Validate first"]));
    set(&mut window, "Base", 5.0);
    assert!(says(&window, &["order has changed"]) && !window.is_enabled("Validate"));
    assert!(command.contains(&format!("--waive '{}=", waived[0].code)), "{command}");
    window.press_undo();
    window.click("Take the waiver back");
    assert_eq!(order(dir.path()).waived.len(), waived.len() - 1);
    // The order itself can mend it: walls are thickened again.
    window.click("Thicken");
    assert!(order(dir.path()).thicken && says(&window, &["order has changed"]));
}

/// How much of a picture of the part is of a colour.
fn pixels(window: &mut Window, is: impl Fn(&[u8; 4]) -> bool) -> usize {
    window.settle();
    let rect = picture(window, "Part on the bed").shrink(4.0);
    let drawn = window.harness.render().expect("drawn");
    let all = (rect.min.y as u32..rect.max.y as u32)
        .flat_map(|y| (rect.min.x as u32..rect.max.x as u32).map(move |x| (x, y)));
    all.filter(|&(x, y)| is(&drawn.get_pixel(x, y).0)).count()
}

#[test]
fn colours_are_lifted_proofed_and_wiped_without_another_making() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = drawn(dir.path()) else { return };
    window.choose("Template", "15 cm, every format");
    make(&mut window);
    let proofed = |w: &Window| !says(w, &["proofing the part"]) && !says(w, &["measuring the part"]);
    press(&mut window, "Colours and proof");
    assert!(!window.is_enabled("Show the proof"), "no process, no profile");
    window.harness.get_by_role_and_label(Role::ComboBox, "Profile").scroll_to_me();
    window.settle();
    window.choose("Profile", "Generic plaster, binder jetting");
    assert_eq!(order(dir.path()).colour.icc.as_deref(), Some(Path::new("plaster")));
    set(&mut window, "Lift shadows", 12.0);
    set(&mut window, "Saturation", 3.0);
    // The body is the same; it gets its colours in the background.
    window.wait("the colours", 60, |w| w.is_enabled("Validate") && !says(w, &["order has changed"]));
    assert_eq!(order(dir.path()).colour.adjustment.lift, 12.0);
    press(&mut window, "Show the proof");
    window.wait("the proof", 60, |w| proofed(w) && says(w, &["generic profile for binder jetting", "out of gamut"]));
    window.wait("the line", 60, |w| w.has("Line of the wipe"));
    let magenta = |p: &[u8; 4]| p[0] > 200 && p[1] < 90 && p[2] > 150;
    assert_eq!(pixels(&mut window, magenta), 0);
    window.choose("Surface", "Gamut warning");
    window.wait("the warning", 60, proofed);
    let half = pixels(&mut window, magenta);
    window.click("Wipe");
    let whole = pixels(&mut window, magenta);
    assert!(half > 200 && whole > half + half / 4, "left of the line the city's own colours: {half} of {whole}");
    window.choose("Surface", "Colour error");
    window.wait("the errors", 60, |w| proofed(w) && says(w, &["seen from dE 5.0", "% of the surface above"]));
    press(&mut window, "In the report");
    assert!(order(dir.path()).colour.proof);
    window.press_undo();
    assert!(!order(dir.path()).colour.proof);
}

#[test]
fn filaments_are_chosen_and_shown() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = drawn(dir.path()) else { return };
    press(&mut window, "Colours and proof");
    press(&mut window, "Paint with filaments");
    assert_eq!(order(dir.path()).colour.filaments, Some(5));
    window.harness.get_by_role_and_label(Role::ComboBox, "Printer").scroll_to_me();
    window.settle();
    window.choose("Printer", "Prusa, filament in several colours");
    assert!(!window.has("Paint with filaments"), "it has nothing else");
    set(&mut window, "Filaments", 3.0);
    assert_eq!(order(dir.path()).colour.filaments, Some(3));
    make(&mut window);
    press(&mut window, "Show the proof");
    window.wait("the filaments", 120, |w| says(w, &["3 filaments in", "regions"]));
}

#[test]
fn a_split_is_put_together_and_pulled_apart() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = drawn(dir.path()) else { return };
    set(&mut window, "Base", 9.0);
    press(&mut window, "Hollow, pieces, text");
    window.harness.get_by_role_and_label(Role::ComboBox, "Pieces").scroll_to_me();
    window.settle();
    window.choose("Pieces", "Columns and rows");
    make(&mut window);
    let one = |w: &Window| says(w, &["part-A1"]) && !says(w, &["drawing the part"]);
    window.wait("one of them", 60, one);
    window.choose("Part", "Put together");
    window.settle_for(10);
    let gap = |window: &mut Window, apart: f64| {
        window.harness.get_by_role_and_label(Role::Slider, "Explode").set_value_accesskit(apart);
        window.settle();
        window.wait("the parts", 60, |w| !says(w, &["drawing the part"]));
        window.settle_for(4);
        pixels(window, |p| p[..3] == [30, 32, 36])
    };
    let (together, apart) = (gap(&mut window, 0.0), gap(&mut window, 1.0));
    let still = gap(&mut window, 0.0);
    assert!(apart != together && still.abs_diff(together) < 50, "{together} {apart} {still}");
    window.choose("Surface", "Wall thickness");
    window.wait("the measure", 60, |w| says(w, &["limit", "of the surface below"]));
    window.choose("Part", "part-B1");
    assert!(!window.has("Explode"));
}

#[test]
fn copies_stand_on_the_tray() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = drawn(dir.path()) else { return };
    set(&mut window, "Longest side", 76.0);
    make(&mut window);
    assert!(!window.has("Part on the tray") && !says(&window, &["On the tray"]), "one copy needs no tray");
    set(&mut window, "Copies", 20.0);
    window.choose("Part", "On the tray");
    window.wait("the trays", 60, |w| says(w, &["2 trays", "parts", "covered", "mm high"]));
    window.choose("Tray", "2");
    window.settle();
    let rect = picture(&window, "Tray from above");
    assert!(rect.width() > 100.0 && !window.has("Surface"), "{rect}");
    set(&mut window, "Copies", 4.0);
    window.wait("one tray", 60, |w| says(w, &["4 parts"]) && !says(w, &["2 trays"]));
    // What stands on the tray stands around its middle; a click shows it alone.
    let at = picture(&window, "Tray from above").center() + eframe::egui::vec2(20.0, 20.0);
    click_at(&mut window, at);
    assert!(window.has("Part on the bed") && !window.has("Tray from above"));
    window.choose("Part", "On the tray");
    set(&mut window, "Copies", 1.0);
    window.wait("the part alone", 60, |w| w.has("Part on the bed"));
    assert!(!order(dir.path()).plates);
    press(&mut window, "Plates");
    assert!(order(dir.path()).plates);
}

#[test]
fn making_is_cancelled_and_faulty_areas_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = layout(dir.path());
    window.click("Circle");
    set(&mut window, "East", 500.0);
    window.click("Make");
    window.wait("the error", 60, |w| says(w, &["holds no part of the city"]));
    window.press_undo();
    window.click("Make");
    if window.has("Cancel") {
        window.click("Cancel");
    }
    window.wait("its end", 60, |w| w.is_enabled("Make"));
}

#[test]
fn templates_are_applied_saved_and_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = layout(dir.path());
    window.choose("Template", "20 cm, sandstone");
    let now = order(dir.path());
    assert_eq!((now.printer.as_str(), now.size, now.base_mm), ("sandstone", PartSize::LongestMm(200.0), 4.0));
    set(&mut window, "Base", 6.0);
    window.click("Keep");
    window.type_into("Name of the template", "Thick");
    window.click("Keep it");
    window.choose("Template", "15 cm, PolyJet");
    assert_eq!(order(dir.path()).printer, "polyjet");
    window.choose("Template", "Thick");
    assert_eq!((order(dir.path()).printer.as_str(), order(dir.path()).base_mm), ("sandstone", 6.0));
    window.click("Keep");
    window.click("Delete the template");
    window.click("Keep");
    assert!(!window.has("Delete the template"));
    window.press(Key::Escape);
    window.type_into("Title", "Old town");
    window.press(Key::Tab);
    assert_eq!(order(dir.path()).title.as_deref(), Some("Old town"));
    window.press(Key::Escape);
    set(&mut window, "Copies", 3.0);
    window.press(Key::Escape);
    window.settle_for(3);
    assert_eq!(order(dir.path()).copies, 3);
}

#[test]
fn parts_are_hollow_split_and_lettered() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = layout(dir.path());
    set(&mut window, "Base", 8.0);
    press(&mut window, "Hollow, pieces, text");
    press(&mut window, "Hollow");
    assert!(order(dir.path()).hollow_mm.is_some());
    for (label, value) in [("Shell", 2.25), ("Drain", 5.0)] {
        window.harness.get_by_role_and_label(Role::SpinButton, label).scroll_to_me();
        window.settle();
        set(&mut window, label, value);
    }
    window.harness.get_by_role_and_label(Role::ComboBox, "Pieces").scroll_to_me();
    window.settle();
    window.choose("Pieces", "Columns and rows");
    assert_eq!(order(dir.path()).split, Split::Grid(2, 1));
    press(&mut window, "Cuts follow streets");
    assert!(order(dir.path()).split_straight);
    press(&mut window, "Cuts follow streets");
    assert!(!order(dir.path()).split_straight);
    window.harness.get_by_role_and_label(Role::TextInput, "Text").scroll_to_me();
    window.settle();
    window.type_into("Text", "TOWN");
    press(&mut window, "North arrow");
    let made = order(dir.path());
    assert_eq!((made.hollow_mm, made.drain_mm), (Some(2.25), Some(5.0)));
    assert_eq!((made.plinth.text.as_deref(), made.plinth.north_arrow), (Some("TOWN"), true));
    window.press_undo();
    let back = order(dir.path()).plinth;
    assert_eq!((back.text.as_deref(), back.north_arrow), (Some("TOWN"), false), "a word and a click are two steps");
    // A text that does not fit is told before anything is made.
    let long = " of the many letters that no slab of this size can bear";
    window.type_into("Text", long);
    window.wait("the preview", 60, |w| says(w, &["does not fit", "letter height"]));
    window.press(Key::Tab);
    window.press_undo();
    assert_eq!(order(dir.path()).plinth.text.as_deref(), Some("TOWN"));
    window.wait("the preview", 60, |w| !says(w, &["does not fit", "letter height"]));
    window.click("Make");
    window.wait("the parts are made", 240, |w| w.is_enabled("Validate") || says(w, &["rror"]));
    assert!(says(&window, &["cm\u{b3}"]) && window.is_enabled("Validate"));
}

#[test]
fn rule_packs_of_ones_own_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let pack = dir.path().join("small.toml");
    let build = "build_mm = { value = [20.0, 10.0, 9.0], source = 'manual', date = '2026-11-21' }";
    std::fs::write(&pack, format!("name = 'small'\ntitle = 'My printer'\n{build}\n")).unwrap();
    let mut window = layout(dir.path());
    window.click("Own");
    window.type_into("Path of a rule pack (.toml)", pack.to_str().unwrap());
    window.click("Take it");
    assert!(says(&window, &["My printer"]));
    window.click("Make");
    window.wait("it does not fit", 60, |w| says(w, &["does not fit into the build volume", "20 x 10 x 9"]));
    window.choose("Printer", "Full-colour sandstone service (Shapeways rules)");
    assert_eq!(order(dir.path()).printer, "sandstone");
}

#[test]
fn the_part_stands_on_its_bed_with_section_heat_maps_and_photos() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = drawn(dir.path()) else { return };
    make(&mut window);
    assert!(window.has("Part on the bed") && window.has("City from above"));
    window.wait("the part is drawn", 60, |w| !says(w, &["drawing the part"]));
    let mean = |window: &mut Window| {
        window.settle();
        let rect = picture(window, "Part on the bed").shrink(60.0);
        let drawn = window.harness.render().expect("drawn");
        let mut sum = [0.0; 3];
        let mut count = 0.0;
        for y in rect.min.y as u32..rect.max.y as u32 {
            for x in rect.min.x as u32..rect.max.x as u32 {
                let p = drawn.get_pixel(x, y).0;
                if p[..3] != [30, 32, 36] {
                    count += 1.0;
                    (0..3).for_each(|k| sum[k] += f64::from(p[k]));
                }
            }
        }
        (count, sum.map(|s| s / count))
    };
    let (whole, colours) = mean(&mut window);
    window.choose("Section", "Across");
    let (cut, _) = mean(&mut window);
    assert!(cut < whole * 0.95, "{cut} of {whole}");
    window.harness.get_by_role_and_label(Role::Slider, "at").set_value_accesskit(1.0);
    let (less, _) = mean(&mut window);
    assert!(less < cut * 0.8, "{less} of {cut}");
    window.choose("Section", "None");
    for (heat, legend) in [("Wall thickness", "limit"), ("Overhang", ""), ("Texel density", ""), ("Photos", "")] {
        window.choose("Surface", heat);
        window.wait(heat, 60, |w| !says(w, &["measuring the part"]));
        let (_, shown) = mean(&mut window);
        assert!((0..3).any(|k| (shown[k] - colours[k]).abs() > 8.0), "{heat} {legend}: {shown:?} {colours:?}");
        assert!(says(&window, &[legend]), "{heat}");
    }
    // Left of the line the part looks as it does without the wipe, bed and build volume included.
    window.click("Wipe");
    window.wait("the line", 60, |w| w.has("Line of the wipe"));
    let (_, half) = mean(&mut window);
    window.harness.get_by_role_and_label(Role::Slider, "Line").set_value_accesskit(1.0);
    window.settle_for(12);
    let rect = picture(&window, "Part on the bed").shrink(90.0);
    let (_, own) = mean(&mut window);
    let wiped = window.harness.render().expect("drawn");
    window.choose("Surface", "Colours");
    window.wait("the part is drawn", 60, |w| !says(w, &["drawing the part"]));
    window.settle_for(12);
    assert_eq!(picture(&window, "Part on the bed").shrink(90.0), rect);
    let plain = window.harness.render().expect("drawn");
    let other = (rect.min.y as u32..rect.max.y as u32)
        .flat_map(|y| (rect.min.x as u32..rect.max.x as u32).map(move |x| (x, y)))
        .filter(|&(x, y)| {
            let (a, b) = (wiped.get_pixel(x, y).0, plain.get_pixel(x, y).0);
            (0..3).any(|k| a[k].abs_diff(b[k]) > 2)
        });
    assert_eq!(other.count(), 0);
    assert!((0..3).any(|k| (half[k] - own[k]).abs() > 3.0), "{half:?} {own:?}");
    window.choose("Surface", "Photos");
    window.wait("the measure", 60, |w| !says(w, &["measuring the part"]));
    window.click("Wipe");
    let at = picture(&window, "Part on the bed").center();
    click_at(&mut window, at);
    assert!(says(&window, &["4 photos see this point"]) || says(&window, &["photos see this point"]));
    assert!(says(&window, &["mm of the part"]) && says(&window, &["P1.jpg"]));
    window.click("Show all");
    window.click("Part");
    assert!(!window.has("City from above"));
    window.click("Area");
    assert!(!window.has("Part on the bed"));
    window.click("Back to the panes");
    assert!(window.has("Photos") && window.has("Whole window"));
}

#[test]
fn a_fault_leads_to_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut window) = drawn(dir.path()) else { return };
    thick_walled(dir.path(), &mut window);
    make(&mut window);
    window.click("Validate");
    window.wait("the verdict", 120, |w| says(w, &["kind of fault"]) || says(w, &["kinds of fault"]));
    window.click("Warnings and notes");
    let place = {
        let mut all = window.harness.query_all_by_label_contains("Place 1");
        all.find_map(|n| n.accesskit_node().label()).expect("a place")
    };
    let before = window.harness.render().expect("drawn");
    press(&mut window, &place);
    window.settle_for(12);
    let after = window.harness.render().expect("drawn");
    assert!(before.pixels().zip(after.pixels()).filter(|(a, b)| a != b).count() > 5000, "the camera went there");
}

/// Pictures of the print layout; of a finished project and into a folder as the other pictures are, see `pictures.rs`.
/// The project is changed: give a copy.
#[test]
fn pictures_of_the_print_layout() {
    if std::env::var_os("VEDUTA_NO_GPU_TESTS").is_some() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let root = variable("VEDUTA_PICTURES_OF").unwrap_or_else(|| town(dir.path()));
    let to = variable("VEDUTA_PICTURES_TO");
    let keep = |window: &mut Window, name: &str| {
        window.settle_for(if to.is_some() { 60 } else { 4 });
        let picture = window.harness.render().expect("drawn");
        if let Some(folder) = &to {
            let rgb = image::DynamicImage::from(picture).into_rgb8();
            let file = std::fs::File::create(folder.join(name)).unwrap();
            image::codecs::jpeg::JpegEncoder::new_with_quality(file, 82).encode_image(&rgb).unwrap();
        }
    };
    let sizes = [(Theme::Dark, "dark", [1280.0, 800.0]), (Theme::Light, "light", [1280.0, 800.0])];
    let large = [(Theme::Dark, "dark-large", [1920.0, 1080.0])];
    for (theme, word, size) in sizes.into_iter().chain(large.into_iter().filter(|_| to.is_some())) {
        let mut window = shown(Window::drawn(dir.path(), Some(&root), theme, size, 1.0));
        let ready = |w: &Window| ["measuring", "proofing", "drawing"].iter().all(|a| !says(w, &[a, "the part"]));
        keep(&mut window, &format!("print-area-{word}.jpg"));
        window.click("Make");
        window.wait("the part is made", 900, |w| w.is_enabled("Validate"));
        keep(&mut window, &format!("print-layout-{word}.jpg"));
        window.choose("Surface", "Wall thickness");
        window.wait("the measure", 200, ready);
        let at = picture(&window, "Part on the bed").center();
        click_at(&mut window, at);
        keep(&mut window, &format!("print-photos-{word}.jpg"));
        window.click("Show all");
        window.click("Validate");
        window.wait("the verdict", 400, |w| says(w, &["ault"]) && w.is_enabled("Make"));
        keep(&mut window, &format!("print-thickness-{word}.jpg"));
        if window.has("Waive...") {
            window.click("Waive...");
            keep(&mut window, &format!("print-waive-{word}.jpg"));
            window.click("Give up");
        }
        window.choose("Section", "Along");
        keep(&mut window, &format!("print-section-{word}.jpg"));
        window.choose("Section", "None");
        press(&mut window, "Colours and proof");
        window.harness.get_by_role_and_label(Role::ComboBox, "Profile").scroll_to_me();
        window.settle();
        window.choose("Profile", "Generic plaster, binder jetting");
        window.wait("the colours", 60, |w| w.is_enabled("Show the proof"));
        press(&mut window, "Show the proof");
        window.wait("the proof", 200, |w| ready(w) && says(w, &["out of gamut"]));
        keep(&mut window, &format!("print-proof-{word}.jpg"));
        window.choose("Surface", "Colour error");
        window.wait("the errors", 200, |w| ready(w) && says(w, &["seen from"]));
        keep(&mut window, &format!("print-error-{word}.jpg"));
        if word.ends_with("large") {
            window.choose("Printer", "Prusa, filament in several colours");
            press(&mut window, "Hollow, pieces, text");
            window.harness.get_by_role_and_label(Role::ComboBox, "Pieces").scroll_to_me();
            window.settle();
            window.choose("Pieces", "Columns and rows");
            set(&mut window, "Base", 8.0);
            window.harness.get_by_role_and_label(Role::TextInput, "Text").scroll_to_me();
            window.settle();
            window.type_into("Text", "VEDUTA SAMPLE FLIGHT");
            press(&mut window, "North arrow");
            window.click("Area");
            keep(&mut window, "print-text-large.jpg");
            window.click("Area and part");
            window.click("Make");
            window.wait("the parts are made", 900, |w| w.is_enabled("Validate"));
            window.choose("Part", "Put together");
            window.choose("Surface", "Soft proof");
            window.wait("the filaments", 400, |w| ready(w) && says(w, &["regions"]));
            keep(&mut window, "print-split-large.jpg");
            window.choose("Printer", "Stratasys PolyJet (J55, J7xx, J8xx) via GrabCAD Print");
            set(&mut window, "Copies", 5.0);
            window.click("Make");
            window.wait("the parts are made", 900, |w| w.is_enabled("Validate"));
            window.choose("Part", "On the tray");
            window.wait("the tray", 200, |w| says(w, &["covered"]));
            keep(&mut window, "print-tray-large.jpg");
        }
        window.click("Back to the panes");
        keep(&mut window, &format!("print-pane-{word}.jpg"));
        // The next window starts from the same order.
        for _ in 0..20 {
            if order_of(&root) != Order::default() {
                window.press_undo();
            }
        }
    }
}

fn order_of(root: &Path) -> Order {
    let project = Project::open_to_read(root).unwrap();
    serde_json::from_value(project.manifest().order.clone()).unwrap_or_default()
}
