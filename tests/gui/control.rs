//! Control points in the window: import, marking, undo, residuals, adjusting.

use crate::support::{Window, copy_samples, run_cli};
use eframe::egui::{self, Key};
use egui_kittest::kittest::Queryable;
use std::path::Path;
use veduta::project::Project;
use veduta::scene::{ControlPoint, ControlRole};

fn list() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/control.txt").display().to_string()
}

fn points(project: &Path) -> Vec<ControlPoint> {
    Project::open_to_read(project).unwrap().manifest().control.clone()
}

fn marks(project: &Path, name: &str) -> usize {
    points(project).iter().find(|p| p.name == name).unwrap().marks.len()
}

/// A window on the sample flight with the list imported.
fn with_points(dir: &Path) -> (Window, std::path::PathBuf) {
    let project = copy_samples(dir);
    run_cli(&project, "sparse");
    let mut window = Window::open(dir, Some(&project));
    window.click("Control points");
    assert!(window.has("No control points yet"));
    window.type_into("List", &list());
    window.click("Import");
    window.wait("the list is read", 30, |w| w.has("Sort points by dE"));
    window.settle();
    (window, project)
}

fn has_beginning(window: &Window, beginning: &str) -> bool {
    let found = window.harness.query_all_by(|n| {
        let text = n.label().or_else(|| n.value());
        text.is_some_and(|t| t.starts_with(beginning))
    });
    found.count() > 0
}

#[test]
fn a_list_is_imported_shows_residuals_and_is_adjusted_to() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, project) = with_points(dir.path());
    assert_eq!(points(&project).len(), 9, "saved at once");
    assert_eq!(window.text_of_stage("sparse"), "stale");
    assert!(has_beginning(&window, "RMS of 9 control points: "), "residuals before the adjustment");
    assert!(has_beginning(&window, "Residuals are those of the present poses"));
    // The chosen point becomes a check point.
    window.click(&format!("point GCP1 control {} marks", marks(&project, "GCP1")));
    window.click("check");
    assert_eq!(points(&project)[0].role, ControlRole::Check);
    window.click("Adjust");
    window.wait("the adjustment", 60, |w| w.text_of_stage("sparse") == "done" && w.is_enabled("Adjust"));
    window.settle();
    assert!(has_beginning(&window, "RMS of 8 control points: 0.0"), "centimetres are left");
    assert!(has_beginning(&window, "RMS of 1 check points: 0.0"));
    window.press_undo();
    assert_eq!(points(&project)[0].role, ControlRole::Control);
    assert_eq!(window.text_of_stage("sparse"), "stale");
}

#[test]
fn a_point_is_marked_by_key_and_by_click_and_undone() {
    let dir = tempfile::tempdir().unwrap();
    let (mut window, project) = with_points(dir.path());
    let name = "GCP1";
    let before = marks(&project, name);
    window.wait("the photo is read", 30, |w| w.is_enabled("Mark at the cross"));
    window.press(Key::Delete);
    assert_eq!(marks(&project, name), before - 1);
    window.press(Key::M);
    assert_eq!(marks(&project, name), before, "marked where it is predicted");
    let at = |project: &Path| points(project)[0].marks.clone();
    let by_key = at(&project);
    // A click off the middle of the view moves the mark there: two pixels of the screen are one of the photo.
    let centre = window.harness.get_by_label("The photo of the point").rect().center();
    let place = centre + egui::vec2(30.0, -18.0);
    for pressed in [true, false] {
        window.harness.event(egui::Event::PointerMoved(place));
        let button = egui::PointerButton::Primary;
        window.harness.event(egui::Event::PointerButton {
            pos: place,
            button,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        window.harness.step();
    }
    window.settle();
    let by_click = at(&project);
    let moved: Vec<_> = by_key.iter().zip(&by_click).filter(|(a, b)| a.pixel != b.pixel).collect();
    assert_eq!(moved.len(), 1, "{by_key:?} {by_click:?}");
    let by = moved[0].1.pixel - moved[0].0.pixel;
    assert!((by.x - 15.0).abs() < 1.0 && (by.y + 9.0).abs() < 1.0, "{by}");
    window.press_undo();
    assert_eq!(at(&project), by_key);
    window.press_undo();
    window.press_undo();
    assert_eq!(marks(&project, name), before);
    window.press(Key::ArrowDown);
    window.press(Key::ArrowRight);
    assert!(window.has("Delete the mark"));
}

#[test]
fn a_point_is_added_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "sparse");
    let mut window = Window::open(dir.path(), Some(&project));
    window.click("Control points");
    window.click("Add a point");
    window.type_into("x", "629340");
    window.click("Save the point");
    assert!(has_beginning(&window, "y: \"\" is not a number"), "what is missing is said");
    window.type_into("y", "5803870");
    window.click("Save the point");
    let added = points(&project);
    assert_eq!((added[0].name.as_str(), added[0].crs.as_str(), added[0].sigma_up_m), ("P1", "EPSG:32631", None));
    assert!(has_beginning(&window, "seen in VDT_"), "photos that see it are listed");
    assert_eq!(window.text_of_stage("sparse"), "done", "a point without marks changes nothing");
    window.press_undo();
    assert!(points(&project).is_empty() && window.has("No control points yet"));
}
