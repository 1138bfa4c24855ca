//! The window, driven by accessible labels as a person with a screen reader would drive it. Needs no display; pictures
//! are drawn by whatever adapter there is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod control;
mod large;
mod pictures;
mod print;
mod support;
mod view;

use egui_kittest::kittest::Queryable;
use support::{Window, copy_samples, run_cli};
use veduta::project::Project;

#[test]
fn the_sample_flight_is_made_read_in_and_run() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = Window::open(dir.path(), None);
    window.click("Open the sample flight");
    window.wait("the flight is read in", 120, |w| w.has("ingest") && w.text_of_stage("ingest") == "done");
    assert!(dir.path().join("sample/flight/truth/truth.json").exists());
    assert_eq!(window.text_of_stage("sparse"), "to do");
    window.choose("Until", "sparse");
    window.click("Start");
    window.wait("the sparse model", 120, |w| w.text_of_stage("sparse") == "done");
    let project = Project::open_to_read(&dir.path().join("sample/city.veduta")).unwrap();
    assert!(project.current("sparse").is_ok());
}

#[test]
fn a_run_is_cancelled_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    let mut window = Window::open(dir.path(), Some(&project));
    window.choose("Until", "depth");
    window.click("Start");
    window.wait("it runs", 60, |w| w.text_of_stage("features") != "to do");
    window.click("Cancel");
    window.wait("it stops", 60, |w| w.is_enabled("Start"));
    window.click("Start");
    window.wait("it ends", 240, |w| w.text_of_stage("depth") == "done");
    let states = window.states();
    assert!(states.iter().take(6).all(|s| s == "done"), "{states:?}");
}

#[test]
fn a_rejected_photo_makes_stages_stale_and_undo_brings_it_back() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "sparse");
    let mut window = Window::open(dir.path(), Some(&project));
    assert_eq!(window.text_of_stage("sparse"), "done");
    window.click("VDT_0003.jpg registered");
    window.click("Reject");
    assert!(window.has("VDT_0003.jpg rejected"));
    assert_eq!(window.text_of_stage("ingest"), "stale");
    assert_eq!(window.text_of_stage("sparse"), "stale");
    assert_eq!(Project::open_to_read(&project).unwrap().manifest().accepted().len(), 7, "saved at once");
    window.press_undo();
    assert!(window.has("VDT_0003.jpg registered"));
    assert_eq!(window.text_of_stage("sparse"), "done");
    assert_eq!(Project::open_to_read(&project).unwrap().manifest().accepted().len(), 8);
}

#[test]
fn keys_cull_photos_but_not_while_typing() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "ingest");
    let mut window = Window::open(dir.path(), Some(&project));
    window.click("VDT_0001.jpg accepted");
    window.press(eframe::egui::Key::ArrowRight);
    window.press(eframe::egui::Key::X);
    assert!(window.has("VDT_0002.jpg rejected"));
    window.click("Reason");
    window.press(eframe::egui::Key::A);
    assert!(window.has("VDT_0002.jpg rejected"), "the key went to the text field");
}

#[test]
fn a_folder_without_photos_says_so_and_the_project_is_not_made() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let mut window = Window::open(dir.path(), None);
    window.type_into("Photos", dir.path().join("empty").to_str().unwrap());
    window.click("Create the project");
    assert!(window.has("Error") && window.has("Copy details"));
    window.click("Close");
    assert!(!window.has("Copy details"));
    assert!(!dir.path().join("empty.veduta").exists());
}

#[test]
fn a_second_window_can_only_look() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "ingest");
    let first = Window::open(dir.path(), Some(&project));
    let second = Window::open(dir.path(), Some(&project));
    assert!(first.is_enabled("Start"));
    assert!(second.has("read only") && !second.is_enabled("Start"));
}

#[test]
fn the_palette_does_what_is_typed() {
    let dir = tempfile::tempdir().unwrap();
    let mut window = Window::open(dir.path(), None);
    window.press_palette();
    window.type_text("keyboard shortcuts");
    window.press(eframe::egui::Key::Enter);
    assert!(window.has("Keyboard shortcuts") && window.has("Undo"));
}

#[test]
fn tiny_windows_and_long_names_do_not_break_it() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join(format!("{}.veduta", "a very long name ".repeat(8)));
    let project = copy_samples(dir.path());
    std::fs::rename(&project, &long).unwrap();
    let mut window = Window::open(dir.path(), Some(&long));
    for size in [[300.0, 200.0], [1280.0, 800.0], [640.0, 360.0]] {
        window.resize(size);
    }
    assert!(window.harness.query_by_label("Start").is_some());
}

#[test]
fn an_idle_window_asks_for_no_frames() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "ingest");
    let mut window = Window::open(dir.path(), Some(&project));
    window.settle();
    assert!(window.repaint_delay() > std::time::Duration::from_secs(3600), "{:?}", window.repaint_delay());
}

#[test]
fn results_are_written_as_files() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "sparse");
    let mut window = Window::open(dir.path(), Some(&project));
    window.click("Export");
    assert!(window.has("There is no part yet."));
    assert!(!window.is_enabled("part.3mf") && !window.is_enabled("Write the files"));
    window.click("report.html");
    window.click("Write the files");
    let report = dir.path().join("report.html");
    window.wait("the report is written", 60, |w| report.exists() && w.is_enabled("Write the files"));
    assert!(std::fs::read_to_string(report).unwrap().contains("photos registered"));
}

#[test]
fn the_whole_job_runs_in_the_window_and_its_part_is_exported() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    let mut window = Window::open(dir.path(), Some(&project));
    window.choose("Quality", "draft");
    window.click("Start");
    window.wait("the part", 300, |w| w.text_of_stage("part") == "done" && w.is_enabled("Start"));
    window.click("Export");
    assert!(!window.has("There is no part yet."));
    window.click("Write the files");
    let part = dir.path().join("part.3mf");
    window.wait("the file is written", 60, |w| part.exists() && w.is_enabled("Write the files"));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(part).unwrap()).unwrap();
    let mut model = String::new();
    std::io::Read::read_to_string(&mut archive.by_name("3D/3dmodel.model").unwrap(), &mut model).unwrap();
    assert!(model.contains("unit=\"millimeter\"") && model.contains("<triangle "));
}

#[test]
fn features_and_matches_of_a_photo_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let project = copy_samples(dir.path());
    run_cli(&project, "sparse");
    let mut window = Window::open(dir.path(), Some(&project));
    window.click("VDT_0003.jpg registered");
    window.click("Photo");
    let says = |w: &Window, part: &str| w.harness.query_all_by_label_contains(part).next().is_some();
    assert!(!says(&window, "in the sparse model"));
    window.click("Features");
    window.wait("the features are read", 20, |w| says(w, "in the sparse model"));
    assert!(!window.has("The overlapping photo"));
    window.click("Matches");
    window.wait("the matches are read", 20, |w| says(w, " matches") && w.has("The overlapping photo"));
    assert!(says(&window, "with VDT_"));
}
