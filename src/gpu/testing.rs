//! What a kernel's twin test needs: a software (or real) adapter, a comparison that states how many values differ, and
//! a check of the parameter struct's layout against the shader.
//!
//! A twin test ends with a negative control: perturb one side and assert that [`differing`] notices it.

use super::{DeviceChoice, Gpu, KernelSource};
use std::sync::OnceLock;
use wgpu::naga;

/// The test device, opened once: a software adapter (or a real one where there is no other). `None` prints
/// `skipped: no adapter`; with `REQUIRE_GPU=1` in the environment it fails instead.
pub fn gpu() -> Option<&'static Gpu> {
    static DEVICE: OnceLock<Option<Gpu>> = OnceLock::new();
    let open = || [DeviceChoice::Software, DeviceChoice::Gpu].into_iter().find_map(|c| Gpu::open(c).ok().flatten());
    let device = DEVICE.get_or_init(open).as_ref();
    if device.is_none() {
        let required = std::env::var("REQUIRE_GPU").is_ok_and(|v| v == "1");
        assert!(!required, "REQUIRE_GPU=1, but there is no adapter");
        eprintln!("skipped: no adapter");
    }
    device
}

/// Share of values that differ by more than `tolerance` (absolute) or are NaN on one side only.
pub fn differing(a: &[f32], b: &[f32], tolerance: f32) -> f64 {
    assert_eq!(a.len(), b.len(), "lengths differ");
    let bad = a.iter().zip(b).filter(|(x, y)| {
        let same_nan = x.is_nan() && y.is_nan();
        !(same_nan || (**x - **y).abs() <= tolerance)
    });
    bad.count() as f64 / a.len().max(1) as f64
}

/// Fails when more than the share `allowed` of the values differ by more than `tolerance`.
pub fn assert_close(name: &str, got: &[f32], expected: &[f32], tolerance: f32, allowed: f64) {
    let share = differing(got, expected, tolerance);
    assert!(share <= allowed, "{name}: {:.3} % differ by more than {tolerance}", share * 100.0);
}

/// Parses and validates a shader as the device would see it.
pub fn validated(source: &KernelSource<'_>) -> naga::Module {
    let text = source.full_text();
    let module = naga::front::wgsl::parse_str(&text)
        .unwrap_or_else(|e| panic!("{}: {}", source.label, e.emit_to_string_with_path(&text, source.label)));
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}: {}", source.label, e.emit_to_string_with_path(&text, source.label)));
    module
}

/// Checks that the shader's struct `name` has these members at these offsets and this size. Use [`crate::assert_layout`].
pub fn assert_struct(source: &KernelSource<'_>, name: &str, members: &[(&str, usize)], size: usize) {
    let module = validated(source);
    let found = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name));
    let Some((_, naga::Type { inner: naga::TypeInner::Struct { members: in_shader, span }, .. })) = found else {
        panic!("{}: no struct {name}", source.label)
    };
    let in_shader: Vec<(&str, usize)> =
        in_shader.iter().map(|m| (m.name.as_deref().unwrap_or(""), m.offset as usize)).collect();
    assert_eq!(in_shader, members, "{}: members of {name}", source.label);
    assert_eq!(*span as usize, size, "{}: size of {name}", source.label);
}

/// `assert_layout!(source, Params { width, height })`: the Rust struct and the shader's struct of the same name have the
/// same members in the same places.
#[macro_export]
macro_rules! assert_layout {
    ($source:expr, $type:ident { $($member:ident),* $(,)? }) => {
        $crate::gpu::testing::assert_struct(
            $source,
            stringify!($type),
            &[$((stringify!($member), std::mem::offset_of!($type, $member))),*],
            std::mem::size_of::<$type>(),
        )
    };
}
