//! Control points from the command line: what the sample flight's georeference gains by them, and what is said about bad
//! lists.

use crate::support::{copy_samples, fail, folder, info, stdout, succeed, text};
use std::fs;
use std::path::{Path, PathBuf};

const CHECK: &str = "CHK1,CHK2,CHK3,CHK4";

fn list() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/control.txt")
}

fn rms(facts: &serde_json::Value, role: &str) -> f64 {
    let of = &facts["control"][role];
    let across = of["horizontal_m"].as_array().unwrap_or_else(|| panic!("no {role} points: {:#}", facts["control"]));
    let up = of["up_m"].as_f64().unwrap_or(0.0);
    across.iter().map(|v| v.as_f64().unwrap().powi(2)).sum::<f64>().sqrt().hypot(up)
}

#[test]
fn control_points_take_out_what_gps_is_off_by() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 8);
    let project = dir.path().join("a.veduta");
    let (p, input, list) = (text(&project).to_string(), dir.path().join("in"), list());
    let all = "GCP1,GCP2,GCP3,GCP4,GCP5,CHK1,CHK2,CHK3,CHK4";
    succeed(&["run", text(&input), "-o", &p, "--until", "sparse", "--control", text(&list), "--check", all]);
    let before = info(&p);
    let off = rms(&before, "check");
    assert!(off > 0.5, "GPS alone is off by {off} m");
    // A point that was a check point stays one until somebody says otherwise.
    let edited = fs::read_to_string(project.join("project.json")).unwrap().replace("\"check\"", "\"control\"");
    fs::write(project.join("project.json"), edited).unwrap();
    let output = succeed(&["run", "-o", &p, "--until", "sparse", "--check", CHECK]);
    assert!(stdout(&output).contains("4 check points: RMS"), "{}", stdout(&output));
    let after = info(&p);
    let good = rms(&after, "check");
    assert!(good < 0.1 && good < 0.2 * off, "check points are off by {good} m, without control by {off} m");
    assert!(rms(&after, "control") < 0.1);
    let report = dir.path().join("report.html");
    succeed(&["report", &p, "-o", text(&report)]);
    assert!(fs::read_to_string(report).unwrap().contains("Control and check points"));

    // What was imported comes out again, and goes in again without a change.
    let out = dir.path().join("control.txt");
    succeed(&["export", &p, "--to", text(&out)]);
    let manifest = fs::read_to_string(project.join("project.json")).unwrap();
    succeed(&["run", "-o", &p, "--until", "ingest", "--control", text(&out)]);
    let again = fs::read_to_string(project.join("project.json")).unwrap();
    let control = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["control"].clone();
    let (a, b) = (control(&manifest), control(&again));
    assert_eq!(a.as_array().unwrap().len(), b.as_array().unwrap().len());
    for (a, b) in a.as_array().unwrap().iter().zip(b.as_array().unwrap()) {
        assert_eq!(
            (&a["name"], &a["role"], a["marks"].as_array().unwrap().len()),
            (&b["name"], &b["role"], b["marks"].as_array().unwrap().len())
        );
        for k in 0..3 {
            assert!((a["given"][k].as_f64().unwrap() - b["given"][k].as_f64().unwrap()).abs() < 1e-3);
        }
    }
}

#[test]
fn bad_lists_are_refused_with_their_line() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 2);
    let project = dir.path().join("a.veduta");
    let (p, input) = (text(&project).to_string(), dir.path().join("in"));
    let file = dir.path().join("list.txt");
    let refuse = |content: &str, more: &[&str], words: &[&str]| {
        fs::write(&file, content).unwrap();
        let mut args = vec!["run", text(&input), "-o", &p, "--until", "ingest", "--control", text(&file)];
        args.extend(more);
        fail(&args, words);
    };
    let row = "629305.12\t5803850.04\t17.4\t100\t100\t";
    refuse(&format!("EPSG:32631\n{row}VDT_0099.jpg\n"), &[], &["line 2", "no photo VDT_0099.jpg"]);
    refuse(&format!("EPSG:27700\n{row}VDT_0001.jpg\n"), &[], &["EPSG:27700", "not known"]);
    refuse("EPSG:32631\n1 2 3 4000 10 VDT_0001.jpg\n", &[], &["line 2", "outside of VDT_0001.jpg", "460 x 306"]);
    refuse("EPSG:32631\n1 2 3 x 10 VDT_0001.jpg\n", &[], &["line 2", "\"x\" is not a number"]);
    refuse("a,1,2,3\n", &[], &["does not say in which reference system", "--control-crs"]);
    refuse("a,1,2,3\n", &["--control-crs", "EPSG:32631", "--check", "b"], &["--check names the point b", "a"]);
    let manifest = fs::read_to_string(project.join("project.json")).unwrap();
    assert!(!manifest.contains("\"control\""), "nothing of a bad list stays: {manifest}");
}
