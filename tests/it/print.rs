//! `veduta print` on the sample flight: files in every format that their own judge passes, and orders that cannot be kept.

use crate::support::{copy_samples, fail, folder, info, stdout, succeed, text, veduta};
use std::fs;

#[test]
fn an_order_has_files_that_pass_pictures_a_report_and_a_ticket() {
    let dir = folder();
    copy_samples(&dir.path().join("in"), 8);
    let project = dir.path().join("town.veduta");
    let p = text(&project);
    succeed(&["run", text(&dir.path().join("in")), "-o", p, "--quality", "draft", "--until", "city"]);
    // A profile with a small build volume and no other limit.
    let profile = dir.path().join("mine.toml");
    let build = "build_mm = { value = [200.0, 100.0, 90.0], source = 'manual', date = '2026-11-21' }";
    fs::write(&profile, format!("name = 'mine'\ntitle = 'My printer'\n{build}\n")).unwrap();
    let out = dir.path().join("order");
    let o = text(&out);
    let output = succeed(&[
        "print",
        p,
        "-o",
        o,
        "--printer",
        text(&profile),
        "--size-mm",
        "60",
        "--base-mm",
        "4",
        "--z-scale",
        "1.5",
        "--title",
        "Tiny & <fine>",
        "--formats",
        "3mf,obj,wrl,ply,glb,stl",
        "--copies",
        "5",
        "--plates",
    ]);
    assert_eq!(stdout(&output).matches("no fault").count(), 6, "{}", stdout(&output));
    let ticket: serde_json::Value = serde_json::from_slice(&fs::read(out.join("ticket.json")).unwrap()).unwrap();
    let part = &ticket["parts"][0];
    let side = |i: usize| part["size_mm"][i].as_f64().unwrap();
    assert!((side(0).max(side(1)) - 60.0).abs() < 0.05, "{part}");
    assert_eq!(part["passes"], true);
    for file in part["files"].as_array().unwrap() {
        let bytes = fs::read(out.join(file["name"].as_str().unwrap())).unwrap();
        assert_eq!(file["bytes"], bytes.len());
        assert_eq!(file["blake3"], blake3::hash(&bytes).to_hex().to_string());
    }
    let trays = ticket["trays"].as_array().unwrap();
    let standing: usize = trays.iter().map(|t| t["placements"].as_array().unwrap().len()).sum();
    assert_eq!((standing, &ticket["copies"]), (5, &5.into()));
    for tray in trays {
        let used = tray["used"].as_f64().unwrap();
        assert!(used > 0.05 && used <= 1.0 && tray["height_mm"] == part["size_mm"][2], "{tray}");
        for place in tray["placements"].as_array().unwrap() {
            let turned = place["turn_deg"].as_u64().unwrap() % 180 == 90;
            let [x, y] = if turned { [side(1), side(0)] } else { [side(0), side(1)] };
            let [at_x, at_y] = ["x_mm", "y_mm"].map(|k| place[k].as_f64().unwrap());
            assert!(at_x >= 0.0 && at_y >= 0.0 && at_x + x < 200.001 && at_y + y < 100.001, "{place}");
        }
        let plate = fs::read(out.join(tray["plate"].as_str().unwrap())).unwrap();
        let sum = blake3::hash(&plate).to_hex().to_string();
        assert!(ticket["plates"].as_array().unwrap().iter().any(|f| f["blake3"] == sum.as_str()));
    }
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("On the tray") && page.contains("covered"));
    assert!(page.contains("Tiny &amp; &lt;fine&gt;") && page.contains("data:image/jpeg;base64,"));
    for view in ["south", "east", "north", "west", "above", "below"] {
        assert!(fs::metadata(out.join(format!("preview-{view}.jpg"))).unwrap().len() > 3000, "{view}");
    }
    // The command in the ticket makes the same file again.
    let first = fs::read(out.join("part.3mf")).unwrap();
    fs::remove_dir_all(&out).unwrap();
    let command = ticket["command"].as_str().unwrap().replace("'Tiny & <fine>'", "Tiny_&_<fine>");
    let words: Vec<String> = command.split(' ').skip(1).map(|w| w.replace('_', " ")).collect();
    let again: Vec<&str> = words.iter().map(String::as_str).collect();
    if !p.contains(['_', ' ']) {
        succeed(&again);
        assert!(fs::read(out.join("part.3mf")).unwrap() == first, "not the same bytes");
    }
    orders_that_cannot_be_kept(p, o, dir.path());
}

fn orders_that_cannot_be_kept(p: &str, o: &str, dir: &std::path::Path) {
    assert_eq!(info(p)["stages"].as_array().unwrap().iter().filter(|s| s["stage"] == "city").count(), 1);
    fail(&["print", p, "-o", o, "--rect", "5000,0,10,10,0"], &["holds no part of the city"]);
    fail(&["print", p, "-o", o, "--rect", "0,0,10,0,0"], &["depth", "is 0", "positive"]);
    fail(&["print", p, "-o", o, "--circle", "0,0,3000"], &["of the area has no surface", "at most 2.0 %"]);
    fail(&["print", p, "-o", o, "--size-mm", "900", "--printer", "polyjet"], &["does not fit", "490 x 390 x 200"]);
    fail(&["print", p, "-o", o, "--printer", "sandstone", "--plates"], &["plates cannot be made", "no build volume"]);
    fail(&["print", p, "-o", o, "--base-mm", "1"], &["base of 1 mm", "2 mm"]);
    fail(&["print", p, "-o", o, "--printer", "nobody"], &["no printer profile nobody", "polyjet"]);
    let small = ["print", p, "-o", o, "--printer", "polyjet", "--size-mm", "60"];
    succeed(&small);
    fail(&[&small[..], &["--no-thicken"]].concat(), &["faults were found in the files: 1"]);
    let file = dir.join("area.json");
    let bow = "[[4.9,52.37],[4.901,52.371],[4.901,52.37],[4.9,52.371],[4.9,52.37]]";
    fs::write(&file, format!(r#"{{"type":"Polygon","coordinates":[{bow}]}}"#)).unwrap();
    fail(&["print", p, "-o", o, "--area", text(&file)], &["crosses itself"]);
    fs::write(&file, "{}").unwrap();
    fail(&["print", p, "-o", o, "--area", text(&file)], &["0 polygons"]);
    let output = veduta(&["print", p, "-o", o, "--rect", "1,2,3"]);
    assert_eq!(output.status.code(), Some(2), "a usage error");
}
