//! The layers, as data: each top-level module may import only those named here. Also the rules that no compiler checks:
//! every file says what it is for, none is too long, shaders have a header and, unless they draw, a processor
//! twin.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Module, and what it may import besides `base`.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("base", &[]),
    ("geometry", &[]),
    ("camera", &["geometry"]),
    ("image", &["geometry", "camera"]),
    ("scene", &["geometry", "camera", "image"]),
    ("formats", &["geometry", "camera", "image", "scene"]),
    ("gpu", &[]),
    ("flight", &["geometry", "camera", "image", "scene", "formats", "georef"]),
    ("georef", &["geometry", "camera", "image", "scene"]),
    ("features", &["geometry", "camera", "image", "scene", "gpu"]),
    ("matching", &["geometry", "camera", "image", "scene", "gpu"]),
    ("bundle", &["geometry", "camera", "scene"]),
    ("sfm", &["geometry", "camera", "scene", "bundle", "georef"]),
    ("dense", &["geometry", "camera", "image", "scene", "gpu"]),
    ("mesh", &["geometry", "camera", "image", "scene"]),
    ("texture", &["geometry", "camera", "image", "scene"]),
    ("classify", &["geometry", "image", "scene", "mesh"]),
    ("print", &["geometry", "camera", "image", "scene", "mesh"]),
    ("synthetic", &["geometry", "camera", "image", "scene", "georef", "mesh"]),
    ("evaluate", &["geometry", "camera", "image", "scene", "mesh", "texture", "georef", "synthetic"]),
    ("project", &["scene"]),
    (
        "pipeline",
        &[
            "geometry", "camera", "image", "scene", "formats", "gpu", "flight", "georef", "features", "matching",
            "bundle", "sfm", "dense", "mesh", "texture", "classify", "print", "project",
        ],
    ),
    ("render", &["geometry", "camera", "image", "scene", "mesh", "gpu"]),
    ("order", &["geometry", "image", "scene", "formats", "georef", "mesh", "texture", "print", "project"]),
    (
        "cli",
        &[
            "geometry",
            "camera",
            "image",
            "scene",
            "formats",
            "gpu",
            "georef",
            "print",
            "texture",
            "synthetic",
            "evaluate",
            "project",
            "pipeline",
            "order",
            "render",
        ],
    ),
    (
        "app",
        &[
            "geometry",
            "camera",
            "image",
            "scene",
            "gpu",
            "flight",
            "georef",
            "mesh",
            "texture",
            "print",
            "synthetic",
            "project",
            "pipeline",
            "order",
            "cli",
            "render",
        ],
    ),
];

/// Files longer than the soft cap of 400 lines of code, and why.
const LONG_FILES: &[(&str, &str)] = &[
    ("src/dense/kernels/patch_match/cpu.rs", "one kernel, step by step like its shader"),
    ("src/geometry/relative_pose.rs", "one estimator with its scoring and refinement"),
    ("src/mesh/simplify/collapse.rs", "one data structure and the checks that keep it a manifold"),
    ("src/synthetic/city/blocks.rs", "a catalogue of what stands on a block"),
    ("src/synthetic/material.rs", "a catalogue of materials"),
    ("src/synthetic/mod.rs", "options with their documentation"),
    ("src/texture/levelling.rs", "one linear system from assembly to solution"),
];

/// Files of pure modules that may read a clock, and why.
const CLOCKS: &[(&str, &str)] =
    &[("src/matching/kernels/nearest_two.rs", "sizes the next dispatch by how long the last one took")];

/// Folders of shaders without a processor twin, and why.
const NO_TWIN: &[(&str, &str)] = &[("shaders/render", "they draw what a person looks at; no result depends on it")];

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|e| e == ending) {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn module_of(file: &Path) -> Option<String> {
    let relative = file.strip_prefix(root().join("src")).ok()?;
    let first = relative.components().next()?.as_os_str().to_string_lossy().into_owned();
    (relative.components().count() > 1).then_some(first)
}

/// Code without the inline tests, which stand last in a file.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod ").next().unwrap_or(text)
}

#[test]
fn imports_point_only_downwards() {
    let mut wrong = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let Some(module) = module_of(&file) else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(m, _)| *m == module) else {
            wrong.push(format!("{}: the module {module} is not in the table", file.display()));
            continue;
        };
        if file.file_name().is_some_and(|n| n.to_string_lossy().contains("test")) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in without_tests(&text).lines().enumerate() {
            let code = line.trim_start();
            if code.starts_with("//") {
                continue;
            }
            for (at, _) in code.match_indices("crate::") {
                let name: String = code[at + 7..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                let is_macro = code[at + 7 + name.len()..].starts_with('!');
                if !name.is_empty()
                    && !is_macro
                    && name != "base"
                    && name != module
                    && !allowed.contains(&name.as_str())
                {
                    wrong.push(format!("{}:{}: {module} may not import {name}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn pure_modules_touch_no_files_and_no_clocks() {
    let pure = [
        "geometry",
        "camera",
        "image",
        "scene",
        "flight",
        "georef",
        "features",
        "matching",
        "bundle",
        "sfm",
        "dense",
        "mesh",
        "texture",
        "classify",
        "print",
        "synthetic",
        "evaluate",
    ];
    let mut wrong = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let Some(module) = module_of(&file) else { continue };
        if !pure.contains(&module.as_str()) || file.to_string_lossy().contains("test") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in without_tests(&text).lines().enumerate() {
            if CLOCKS.iter().any(|(f, _)| file.ends_with(f)) {
                continue;
            }
            for word in ["std::fs", "Instant::now", "SystemTime::now", "clap::", "egui::"] {
                if line.contains(word) && !line.trim_start().starts_with("//") {
                    wrong.push(format!("{}:{}: {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_none_is_too_long() {
    let mut wrong = Vec::new();
    for file in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&file).unwrap();
        let is_test = file.to_string_lossy().contains("test");
        if !text.starts_with("//! ") && !is_test {
            wrong.push(format!("{}: does not open with its purpose (//! ...)", file.display()));
        }
        let lines = without_tests(&text).lines().count();
        let name = file.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
        if lines > 400 && !is_test && !LONG_FILES.iter().any(|(f, _)| *f == name) {
            wrong.push(format!("{name}: {lines} lines of code, the cap is 400 unless a reason is listed here"));
        }
    }
    for file in files(&root().join("shaders"), "wgsl") {
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("//") {
            wrong.push(format!("{}: does not open with its purpose", file.display()));
        }
        let draws = NO_TWIN.iter().any(|(folder, _)| file.starts_with(root().join(folder)));
        if !draws && !text.contains("Twin") {
            wrong.push(format!("{}: names no processor twin", file.display()));
        }
        if text.lines().count() > 400 {
            wrong.push(format!("{}: {} lines, the cap is 400", file.display(), text.lines().count()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
