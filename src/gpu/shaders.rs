//! Validates every shader of `shaders/` without a device.

use super::{KernelSource, kernel::SHARED, testing};
use std::path::Path;

fn shaders(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("shaders folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            shaders(&path, found);
        } else if path.extension().is_some_and(|e| e == "wgsl") {
            found.push(path);
        }
    }
}

#[test]
fn every_shader_is_valid_and_says_what_it_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut found = Vec::new();
    shaders(&root, &mut found);
    found.sort();
    assert!(found.len() >= SHARED.len());
    let mut shared = 0;
    for path in &found {
        let text = std::fs::read_to_string(path).expect("readable");
        let label = path.display().to_string();
        assert!(text.starts_with("// "), "{label} does not open with its purpose");
        assert!(text.lines().count() <= 400, "{label} is longer than 400 lines");
        if path.parent().is_some_and(|p| p.ends_with("shared")) {
            shared += 1;
            assert!(SHARED.contains(&text.as_str()), "{label} is not in the list of shared shaders");
            continue;
        }
        // A long shader is split: the part with the entry points names the file that precedes it.
        let precedes = text.contains("// Precedes `");
        let first = text.lines().find_map(|l| l.strip_prefix("// Follows: "));
        let before = first.map(|name| std::fs::read_to_string(path.with_file_name(name)).expect("the part before"));
        let whole = before.unwrap_or_default() + &text;
        let source = KernelSource { label: &label, wgsl: &whole, entry: "", constants: &[], workgroup: [1; 3] };
        let module = testing::validated(&source);
        assert_eq!(precedes, module.entry_points.is_empty(), "{label}: entry points");
    }
    assert_eq!(shared, SHARED.len());
    let prelude = KernelSource { label: "shared", wgsl: "", entry: "", constants: &[], workgroup: [1; 3] };
    testing::validated(&prelude);
}

#[test]
fn the_layout_check_notices_a_wrong_offset() {
    #[repr(C)]
    struct Params {
        width: u32,
        height: u32,
    }
    let wgsl = |second: &str| format!("struct Params {{ width: u32, height: {second} }}");
    let good = wgsl("u32");
    let source = |wgsl| KernelSource { label: "layout", wgsl, entry: "", constants: &[], workgroup: [1; 3] };
    crate::assert_layout!(&source(&good), Params { width, height });
    let bad = wgsl("vec4f");
    let caught = std::panic::catch_unwind(|| crate::assert_layout!(&source(&bad), Params { width, height }));
    assert!(caught.is_err());
}
