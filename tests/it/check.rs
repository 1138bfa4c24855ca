//! `veduta check` on shapes whose faults are known, in every format.

use crate::support::{fail, folder, stdout, succeed, text, veduta as program};
use nalgebra::Vector3;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use veduta::formats::{gltf, obj, ply, stl, textured, threemf, wrl};
use veduta::image::Rgb8;
use veduta::scene::{Mesh, Part};

const PROFILE: &str = "name = 'mine'\ntitle = 'My printer'\n\
    wall_mm = { value = 2.0, source = 'measured', date = '2026-11-21' }\n\
    build_mm = { value = [200.0, 100.0, 50.0], source = 'manual', date = '2026-11-21' }\n\
    density_g_cm3 = { value = 1.5, source = 'data sheet', date = '2026-11-21' }\n";

/// The surface of cells of 10 mm in one layer of the given height.
fn cells(rows: &[&str], height: f64) -> Mesh {
    let filled = |i: i32, j: i32, k: i32| {
        k == 0 && rows.get(j as usize).and_then(|r| r.as_bytes().get(i as usize)).is_some_and(|&c| c == b'#')
    };
    let mut mesh = Mesh::default();
    let mut known: BTreeMap<[i32; 3], u32> = BTreeMap::new();
    for (j, row) in (0..).zip(rows) {
        for i in 0..row.len() as i32 {
            for (axis, sign) in (0..3).flat_map(|a| [(a, -1), (a, 1)]) {
                let mut next = [i, j, 0];
                next[axis] += sign;
                if !filled(i, j, 0) || filled(next[0], next[1], next[2]) {
                    continue;
                }
                let corner = |u: i32, v: i32| {
                    let mut c = [i, j, 0];
                    c[axis] += i32::from(sign > 0);
                    c[(axis + 1) % 3] += u;
                    c[(axis + 2) % 3] += v;
                    c
                };
                let mut quad = [corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)].map(|c| {
                    let place = Vector3::new(f64::from(c[0]) * 10.0, f64::from(c[1]) * 10.0, f64::from(c[2]) * height);
                    *known.entry(c).or_insert_with(|| {
                        mesh.vertices.push(place);
                        mesh.vertices.len() as u32 - 1
                    })
                });
                if sign < 0 {
                    quad.reverse();
                }
                mesh.triangles.extend([[quad[0], quad[1], quad[2]], [quad[0], quad[2], quad[3]]]);
            }
        }
    }
    mesh
}

fn joined(a: &Mesh, b: &Mesh, shift: Vector3<f64>) -> Mesh {
    let mut all = a.clone();
    let base = all.vertices.len() as u32;
    all.vertices.extend(b.vertices.iter().map(|v| v + shift));
    all.triangles.extend(b.triangles.iter().map(|t| t.map(|v| v + base)));
    all
}

/// Writes a mesh in all formats; the names of the files.
fn write_all(mesh: Mesh, folder: &Path) -> Vec<String> {
    let part = Part {
        uvs: vec![[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]]; mesh.triangles.len()],
        mesh,
        texture: Rgb8::filled(16, 16, [180, 90, 40]),
        scale_denominator: None,
        title: "test".into(),
    };
    let open = |name: &str| File::create(folder.join(name));
    obj::write_part(&part, "o", open).unwrap();
    wrl::write(&part, "w", open).unwrap();
    ply::write_part(&part, "p.png", &mut open("p.ply").unwrap()).unwrap();
    fs::write(folder.join("p.png"), textured::png(&part.texture).unwrap()).unwrap();
    gltf::write_part(&part, &mut open("g.glb").unwrap()).unwrap();
    stl::write(&part.mesh, &mut open("s.stl").unwrap()).unwrap();
    threemf::write(&part, &threemf::Metadata::default(), None, open("m.3mf").unwrap()).unwrap();
    ["o.obj", "w.wrl", "p.ply", "g.glb", "s.stl", "m.3mf"].map(str::to_string).to_vec()
}

/// Codes of the faults of a file, and the whole answer.
fn faults(file: &Path, profile: &Path) -> (Vec<String>, serde_json::Value) {
    let output = program(&["check", text(file), "--printer", text(profile), "--json"]);
    let answer: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let list = answer["findings"].as_array().unwrap().iter();
    let codes: Vec<String> =
        list.filter(|f| f["severity"] == "error").map(|f| f["code"].as_str().unwrap().to_string()).collect();
    assert_eq!(
        output.status.code(),
        Some(i32::from(!codes.is_empty())),
        "the exit status says whether there are faults"
    );
    assert_eq!(answer["passes"], codes.is_empty());
    (codes, answer)
}

#[test]
fn every_format_gives_the_same_judgement() {
    let dir = folder();
    let profile = dir.path().join("mine.toml");
    fs::write(&profile, PROFILE).unwrap();
    let block = cells(&["###", "###"], 20.0);
    let mut open = block.clone();
    open.triangles.pop();
    let mut inverted = block.clone();
    inverted.triangles.iter_mut().for_each(|t| t.swap(0, 1));
    let shapes: [(&str, Mesh, &[&str]); 7] = [
        ("block", block.clone(), &[]),
        ("frame", cells(&["####", "#..#", "####"], 15.0), &[]),
        ("plate", cells(&["###", "###"], 1.2), &["thin-walls"]),
        ("open", open, &["open-edges"]),
        ("inverted", inverted, &["inside-out"]),
        ("overlapping", joined(&block, &block, Vector3::new(13.0, 7.0, 0.0)), &["self-intersections"]),
        ("long", cells(&["#####################"], 20.0), &["size"]),
    ];
    for (shape, mesh, expected) in shapes {
        let (volume, count) = (mesh.volume() / 1000.0, mesh.triangles.len());
        for name in write_all(mesh, dir.path()) {
            let (codes, answer) = faults(&dir.path().join(&name), &profile);
            assert_eq!(codes, expected, "{shape} in {name}");
            assert_eq!(answer["triangles"], count);
            assert_eq!(answer["unit_assumed"], !["g.glb", "m.3mf"].contains(&name.as_str()), "{name}");
            if expected.is_empty() {
                let of = |key: &str| answer[key].as_f64().unwrap();
                assert!((of("volume_cm3") - volume).abs() < 1e-4, "{shape} in {name}");
                assert!((of("mass_g") - 1.5 * volume).abs() < 1e-3);
            }
            if shape == "plate" {
                let least = answer["walls"]["least_mm"].as_f64().unwrap();
                assert!((least - 1.2).abs() < 1e-4, "{least} in {name}");
            }
            let colourless = answer["findings"].as_array().unwrap().iter().any(|f| f["code"] == "no-colour");
            assert_eq!(colourless, name == "s.stl");
        }
    }
    // A folder of tiles is one model; a unit makes the numbers metres.
    let tiles = dir.path().join("tiles");
    fs::create_dir(&tiles).unwrap();
    for (k, shift) in [0.0, 40.0].into_iter().enumerate() {
        let tile = joined(&Mesh::default(), &cells(&["##"], 10.0), Vector3::new(shift, 0.0, 0.0));
        stl::write(&tile, &mut File::create(tiles.join(format!("{k}.stl"))).unwrap()).unwrap();
    }
    let (codes, answer) = faults(&tiles, &profile);
    assert_eq!((codes.len(), &answer["bodies"], &answer["size_mm"][0]), (0, &2.into(), &60.0.into()));
    let output = program(&["check", text(&tiles), "--unit", "cm", "--printer", text(&profile)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("600.0 x 100.0 x 100.0 mm do not fit"), "{}", stdout(&output));
}

#[test]
fn what_cannot_be_read_is_a_clear_error() {
    let dir = folder();
    let names = write_all(cells(&["##"], 10.0), dir.path());
    for name in names {
        let file = dir.path().join(&name);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() / 3]).unwrap();
        fail(&["check", text(&file)], &[&name]);
    }
    fail(&["check", text(&dir.path().join("none.stl"))], &["none.stl"]);
    fs::write(dir.path().join("a.dwg"), "x").unwrap();
    fail(&["check", text(&dir.path().join("a.dwg"))], &["no format that is read"]);
    fs::create_dir(dir.path().join("empty")).unwrap();
    fail(&["check", text(&dir.path().join("empty"))], &["no mesh file"]);
    fail(&["check", text(&dir.path().join("p.png")), "--printer", "nobody"], &["no printer profile nobody", "cjp660"]);
    succeed(&["printers", "sandstone"]);
}
