//! The main job on the sample flight: results, resumption after a kill, independence of the number of threads.

use crate::support::{copy_samples, fail, folder, info, sample_photos, stdout, succeed, text, veduta};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Bytes of every result in a project, by stage and key. What only tells the time is left out.
fn results(project: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for stage in fs::read_dir(project.join("artifacts")).unwrap().map(|e| e.unwrap().path()) {
        for artifact in fs::read_dir(&stage).unwrap().map(|e| e.unwrap().path()) {
            let name = format!(
                "{}/{}",
                stage.file_name().unwrap().to_string_lossy(),
                artifact.file_name().unwrap().to_string_lossy()
            );
            assert!(artifact.join("done.json").exists(), "{name} is unfinished");
            all.insert(name, fs::read(artifact.join("output")).unwrap());
        }
    }
    all
}

fn assert_same(a: &BTreeMap<String, Vec<u8>>, b: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "the same results by name");
    for (name, bytes) in a {
        assert!(bytes == &b[name], "{name} differs");
    }
}

fn figure(info: &serde_json::Value, stage: &str, name: &str) -> f64 {
    let stages = info["stages"].as_array().unwrap();
    let stage = stages.iter().find(|s| s["stage"] == stage).unwrap_or_else(|| panic!("no stage {stage}"));
    stage["figures"][name].as_f64().unwrap_or_else(|| panic!("no figure {name} in {stage}"))
}

#[test]
fn photographs_in_a_printable_city_out() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 8);
    let project = dir.path().join("town.veduta");
    let p = text(&project);
    succeed(&["run", text(&dir.path().join("in")), "-o", p, "--quality", "draft", "--size-mm", "80"]);
    let facts = info(p);
    assert_eq!(figure(&facts, "sparse", "registered"), 8.0);
    assert!(figure(&facts, "sparse", "reprojection_rms_px") < 0.9);
    let longest = figure(&facts, "part", "width_mm").max(figure(&facts, "part", "depth_mm"));
    assert!((longest - 80.0).abs() < 0.05, "{longest}");

    let names =
        ["city.glb", "city.obj", "city.ply", "dense.ply", "dense.laz", "dsm.tif", "ortho.tif", "part.3mf", "part.stl"];
    let files: Vec<String> = names.iter().map(|n| text(&dir.path().join(n)).to_string()).collect();
    let model = dir.path().join("colmap");
    let mut args = vec!["export", p, "--colmap", text(&model)];
    for file in &files {
        args.extend(["--to", file]);
    }
    succeed(&args);
    for file in &files {
        assert!(fs::metadata(file).unwrap().len() > 500, "{file}");
    }
    for name in ["cameras.txt", "images.txt", "points3D.txt"] {
        assert!(model.join(name).exists());
    }
    let (document, _, images) = gltf::import(&files[0]).unwrap();
    assert!(document.meshes().count() == 1 && !images.is_empty());
    let mut package = zip::ZipArchive::new(fs::File::open(&files[7]).unwrap()).unwrap();
    let mut xml = String::new();
    package.by_name("3D/3dmodel.model").unwrap().read_to_string(&mut xml).unwrap();
    assert_closed(&xml);
    assert!(package.by_name("Metadata/thumbnail.png").is_ok());

    // What a run makes can be printed: without thin walls as well.
    let output = succeed(&["check", &files[7], "--json"]);
    let verdict: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(verdict["findings"].as_array().unwrap().iter().all(|f| f["severity"] != "error"), "{verdict:#}");
    assert_eq!((&verdict["bodies"], &verdict["closed"]), (&1.into(), &true.into()));

    let report = dir.path().join("report.html");
    succeed(&["report", p, "-o", text(&report)]);
    let page = fs::read_to_string(report).unwrap();
    assert!(page.contains("data:image/jpeg;base64,") && page.contains("<svg"));
    assert!(!page.contains("http://") && !page.contains("https://"), "the page needs nothing from outside");

    let truth = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny");
    let output = succeed(&["eval", p, "--truth", text(&truth), "--json"]);
    let metrics: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(metrics["pose"]["aligned"]["rotation_mean_deg"].as_f64().unwrap() < 1.0, "{metrics:#}");
}

/// Every edge of the 3MF's mesh has one triangle on each side.
fn assert_closed(xml: &str) {
    let document = roxmltree::Document::parse(xml).unwrap();
    let mut edges: BTreeMap<(u32, u32), i32> = BTreeMap::new();
    for t in document.descendants().filter(|n| n.tag_name().name() == "triangle") {
        let v = ["v1", "v2", "v3"].map(|a| t.attribute(a).unwrap().parse::<u32>().unwrap());
        for k in 0..3 {
            *edges.entry((v[k], v[(k + 1) % 3])).or_default() += 1;
        }
    }
    assert!(edges.len() > 300);
    assert!(edges.iter().all(|(&(a, b), &n)| n == 1 && edges.get(&(b, a)) == Some(&1)));
}

#[test]
fn a_killed_run_resumes_to_the_same_result() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 4);
    let input = dir.path().join("in");
    let (whole, killed) = (dir.path().join("whole.veduta"), dir.path().join("killed.veduta"));
    let args = |project: &Path| {
        let list = ["run", text(&input), "-o", text(project), "--quality", "draft", "--until", "depth"];
        list.map(str::to_string)
    };
    let strings = args(&whole);
    succeed(&strings.each_ref().map(String::as_str));
    let mut killed_while_working = 0;
    for milliseconds in [30, 120, 300, 600, 1000, 1600, 2500] {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_veduta")).args(args(&killed)).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        killed_while_working += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(killed_while_working > 0);
    let strings = args(&killed);
    succeed(&strings.each_ref().map(String::as_str));
    assert_same(&results(&whole), &results(&killed));
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 4);
    let project = |threads: &str| {
        // The title comes from the name, so the names must be equal.
        let project = dir.path().join(threads).join("town.veduta");
        let input = dir.path().join("in");
        succeed(&["run", text(&input), "-o", text(&project), "--quality", "draft", "--threads", threads]);
        results(&project)
    };
    assert_same(&project("1"), &project("3"));
}

#[test]
fn a_second_run_has_nothing_to_do_and_other_options_redo_only_what_they_touch() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 3);
    let project = dir.path().join("a.veduta");
    let p = text(&project);
    let input = dir.path().join("in");
    succeed(&["run", text(&input), "-o", p, "--quality", "draft", "--until", "match"]);
    let output = succeed(&["run", "-o", p, "--quality", "draft", "--until", "match", "--events", "json"]);
    let cached = |output: &std::process::Output, stage: &str| {
        stdout(output)
            .lines()
            .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap())
            .find(|e| e["event"] == "stage-started" && e["stage"] == stage)
            .map(|e| e["cached"].as_bool().unwrap())
    };
    for stage in ["ingest", "features", "match"] {
        assert_eq!(cached(&output, stage), Some(true), "{stage}");
    }
    let output = succeed(&["run", "-o", p, "--quality", "normal", "--until", "features", "--events", "json"]);
    assert_eq!((cached(&output, "ingest"), cached(&output, "features")), (Some(true), Some(false)));
}

#[test]
fn too_little_memory_is_said_before_work_begins() {
    let dir = folder();
    let photos = sample_photos();
    let project = dir.path().join("a.veduta");
    let folder = photos[0].parent().unwrap();
    fail(
        &["run", text(folder), "-o", text(&project), "--quality", "high", "--max-memory", "256MiB"],
        &["memory", "MiB"],
    );
}

#[test]
fn a_dry_run_does_nothing() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 2);
    let project = dir.path().join("a.veduta");
    let output = veduta(&["run", text(&dir.path().join("in")), "-o", text(&project), "--dry-run"]);
    assert!(output.status.success());
    let said = stdout(&output);
    assert!(said.lines().any(|l| l.split_whitespace().take(3).eq(["ingest", "to", "do"])), "{said}");
    assert!(said.contains("planned with"), "{said}");
    assert!(!project.join("artifacts/ingest").exists());
}
