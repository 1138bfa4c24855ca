//! Bad input gets a clear error or a clear warning, and nothing is lost.

use crate::support::{copy_samples, fail, folder, info, stderr, succeed, text, veduta};
use std::fs;
use std::path::Path;
use veduta::project::Project;

fn run(photos: &Path, project: &Path, until: &str) -> std::process::Output {
    veduta(&["run", text(photos), "-o", text(project), "--until", until, "--quality", "draft"])
}

/// Codes of the reasons for which photos were left out.
fn left_out(project: &Path) -> Vec<String> {
    let info = info(text(project));
    info["left_out"].as_array().unwrap().iter().map(|d| d["code"].as_str().unwrap().to_string()).collect()
}

#[test]
fn an_empty_folder() {
    let dir = folder();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let (photos, project) = (dir.path().join("empty"), dir.path().join("a.veduta"));
    fail(&["run", text(&photos), "-o", text(&project)], &["no photo", "jpg"]);
    assert!(!project.exists(), "nothing is created");
}

#[test]
fn no_photos_and_no_project() {
    let dir = folder();
    fail(&["run", "-o", text(&dir.path().join("a.veduta"))], &["no photos were given"]);
    fail(&["info", text(&dir.path().join("a.veduta"))], &["is not a Veduta project"]);
}

#[test]
fn one_photo() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 1);
    let output = run(&dir.path().join("in"), &dir.path().join("a.veduta"), "sparse");
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("at least 2"), "{}", stderr(&output));
}

#[test]
fn bad_files_among_good_ones_are_left_out_with_a_reason() {
    let dir = folder();
    let (input, project) = (dir.path().join("in"), dir.path().join("a.veduta"));
    let photos = copy_samples(&input, 4);
    let bytes = fs::read(&photos[0]).unwrap();
    fs::write(input.join("truncated.jpg"), &bytes[..bytes.len() / 2]).unwrap();
    fs::write(input.join("twin.jpg"), &bytes).unwrap();
    fs::write(input.join("notes.jpg"), "this is a text file").unwrap();
    fs::write(input.join("empty.jpg"), "").unwrap();
    image::RgbImage::new(1, 1).save(input.join("pixel.jpg")).unwrap();
    let output = run(&input, &project, "ingest");
    assert!(output.status.success(), "{}", stderr(&output));
    let info = info(text(&project));
    assert_eq!(info["photos"].as_array().unwrap().len(), 4);
    let reasons = info["left_out"].as_array().unwrap();
    assert_eq!(reasons.len(), 5, "{reasons:#?}");
    for name in ["truncated.jpg", "notes.jpg", "empty.jpg", "pixel.jpg"] {
        assert!(reasons.iter().any(|d| d["subject"].as_str().unwrap().contains(name)), "{name}: {reasons:#?}");
    }
    assert!(left_out(&project).iter().any(|c| c.contains("duplicate")), "{reasons:#?}");
}

#[test]
fn photos_that_do_not_overlap() {
    let dir = folder();
    let input = dir.path().join("in");
    fs::create_dir(&input).unwrap();
    // Two photos of different noise: plenty of features, none in common.
    for (name, seed) in [("a.jpg", 1u32), ("b.jpg", 77)] {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let small = image::RgbImage::from_fn(60, 40, |_, _| image::Rgb([next(), next(), next()]));
        image::imageops::resize(&small, 480, 320, image::imageops::FilterType::CatmullRom)
            .save(input.join(name))
            .unwrap();
    }
    let output = run(&input, &dir.path().join("a.veduta"), "sparse");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("overlap"), "{}", stderr(&output));
}

#[test]
fn a_project_that_another_process_holds() {
    let dir = folder();
    let (input, project) = (dir.path().join("in"), dir.path().join("a.veduta"));
    copy_samples(&input, 2);
    let _held = Project::open_or_create(&project).unwrap();
    fail(&["run", text(&input), "-o", text(&project)], &["in use by another process"]);
}

#[test]
fn an_output_folder_that_cannot_be_written() {
    let dir = folder();
    let input = dir.path().join("in");
    copy_samples(&input, 2);
    fs::write(dir.path().join("file"), "not a folder").unwrap();
    fail(&["run", text(&input), "-o", text(&dir.path().join("file/a.veduta"))], &["cannot create"]);
    fail(&["run", text(&input), "-o", text(&input)], &["is not a Veduta project"]);
}

#[test]
fn usage_errors_have_their_own_exit_code() {
    for args in [&["run", "x", "-o", "y", "--scale", "1000"][..], &["synth"], &["fly"]] {
        let output = veduta(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains("Usage") || stderr(&output).contains("1:N"), "{}", stderr(&output));
    }
    succeed(&["--version"]);
    succeed(&["devices"]);
}

#[test]
fn exporting_what_is_not_there() {
    let dir = folder();
    let (input, project) = (dir.path().join("in"), dir.path().join("a.veduta"));
    copy_samples(&input, 3);
    assert!(run(&input, &project, "ingest").status.success());
    // A failed export leaves what was there, and nothing else.
    let there = dir.path().join("out/city.glb");
    fs::create_dir(dir.path().join("out")).unwrap();
    fs::write(&there, "an older export").unwrap();
    fail(&["export", text(&project), "--to", text(&there)], &["no result of the stage \"city\""]);
    assert_eq!(fs::read_to_string(&there).unwrap(), "an older export");
    assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 1);
    fail(&["export", text(&project), "--to", "city.xyz"], &["city.xyz"]);
}
