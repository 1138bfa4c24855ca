//! Every writer and its reader are inverse; damaged files of every format are errors, never panics.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::{ReadError, read};
use crate::base::Rng;
use crate::formats::{gltf, obj, ply, stl, threemf, wrl};
use crate::image::Rgb8;
use crate::scene::{ForeignMesh, Mesh, Part};
use nalgebra::Vector3;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::sync::{LazyLock, Mutex};

/// A wavy grid of 12 x 9 cells, 150 mm wide, with a picture of noise and a seam between every two triangles.
fn part() -> Part {
    let mut rng = Rng::new(5, 1);
    let (w, h) = (12u32, 9u32);
    let mut mesh = Mesh::default();
    for j in 0..=h {
        for i in 0..=w {
            let at = |v: u32| f64::from(v) * 12.5;
            // A grid that single precision carries, as `print::settle` gives it.
            let height = (rng.uniform(0.0, 40.0) * 65536.0).round() / 65536.0;
            mesh.vertices.push(Vector3::new(at(i), at(j), height));
        }
    }
    for j in 0..h {
        for i in 0..w {
            let a = j * (w + 1) + i;
            mesh.triangles.extend([[a, a + 1, a + w + 2], [a, a + w + 2, a + w + 1]]);
        }
    }
    let mut uvs = Vec::new();
    for _ in &mesh.triangles {
        uvs.push([0; 3].map(|_| [0; 2].map(|_| rng.uniform(0.0, 1.0) as f32)));
    }
    let texture = (0..64 * 32).map(|_| [0; 3].map(|_| rng.uniform(0.0, 256.0) as u8)).collect();
    Part {
        uvs,
        mesh,
        texture: Rgb8 { width: 64, height: 32, data: texture },
        scale_denominator: None,
        title: "A \"test\"".into(),
    }
}

type Files = BTreeMap<String, Vec<u8>>;

/// A file in the map, filled when it is dropped.
struct Slot<'a>(&'a Mutex<Files>, String, Vec<u8>);

impl Write for Slot<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.2.write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.lock().unwrap().insert(self.1.clone(), std::mem::take(&mut self.2));
    }
}

/// The part in every format, by name.
static FILES: LazyLock<Files> = LazyLock::new(|| {
    let part = part();
    let files = Mutex::new(Files::new());
    let open = |name: &str| Ok(Slot(&files, name.to_string(), Vec::new()));
    obj::write_part(&part, "a b", open).unwrap();
    wrl::write(&part, "a", open).unwrap();
    ply::write_part(&part, "a.png", &mut open("a.ply").unwrap()).unwrap();
    gltf::write_part(&part, &mut open("a.glb").unwrap()).unwrap();
    stl::write(&part.mesh, &mut open("a.stl").unwrap()).unwrap();
    let mut package = Cursor::new(Vec::new());
    threemf::write(&part, &threemf::Metadata::default(), None, &mut package).unwrap();
    files.lock().unwrap().insert("a.3mf".into(), package.into_inner());
    files.into_inner().unwrap()
});

fn read_bytes(name: &str, bytes: &[u8]) -> Result<ForeignMesh, ReadError> {
    read(name, bytes, &mut |n| FILES.get(n).cloned().ok_or_else(|| std::io::Error::other("not there")))
}

const NAMES: [&str; 6] = ["a b.obj", "a.wrl", "a.ply", "a.glb", "a.stl", "a.3mf"];

#[test]
fn what_is_written_is_read_back() {
    let part = part();
    for name in NAMES {
        let mesh = read_bytes(name, &FILES[name]).unwrap();
        assert_eq!(mesh.mesh.triangles.len(), part.mesh.triangles.len(), "{name}");
        let scale = mesh.unit.map_or(1.0, crate::scene::LengthUnit::mm);
        let mut worst: f64 = 0.0;
        for t in 0..part.mesh.triangles.len() {
            for (a, b) in mesh.mesh.corners(t).iter().zip(part.mesh.corners(t)) {
                worst = worst.max((a * scale - b).amax());
            }
        }
        // glTF is in metres, by a scale that the reader multiplies with.
        let most = if name == "a.glb" { 1e-5 } else { 0.0 };
        assert!(worst <= most, "{name}: {worst} mm");
        if name == "a.stl" {
            continue;
        }
        assert_eq!(mesh.pages.len(), 1, "{name}");
        assert_eq!(mesh.pages[0].image.as_ref(), Some(&part.texture), "{name}");
        let differences = mesh.uvs.iter().flatten().flatten().zip(part.uvs.iter().flatten().flatten());
        assert!(differences.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-6, "{name}");
        assert!(mesh.notes.is_empty(), "{name}: {:?}", mesh.notes);
        let shares = mesh.mesh.vertices.len() == part.mesh.vertices.len();
        assert_eq!(shares, !["a.ply", "a.glb"].contains(&name), "{name}: formats without seams keep vertices shared");
    }
    let coloured = read_bytes("a.ply", &FILES["a.ply"]).unwrap();
    let texel = |uv: [f32; 2]| part.texture.bilinear(uv[0] * 64.0, uv[1] * 32.0).map(|c| c.round() as u8);
    assert_eq!(coloured.colours[7], Some(part.uvs[7].map(texel)));
}

#[test]
fn a_missing_picture_is_a_page_with_a_reason() {
    for name in ["a.wrl", "a.ply", "a b.obj"] {
        let mesh = read(name, &FILES[name], &mut |n| {
            if n.ends_with("mtl") { Ok(FILES[n].clone()) } else { Err(std::io::Error::other("not there")) }
        });
        let mesh = mesh.unwrap();
        assert!(mesh.pages[0].image.is_none() && mesh.pages[0].fault == "not there", "{name}");
    }
}

#[test]
fn truncated_files_are_errors_that_say_so() {
    for name in NAMES {
        let whole = &FILES[name];
        // The last line of a text may be whole without its end; nothing else of a file may be missing.
        let last = if name == "a b.obj" { 0 } else { whole.len() - 4 };
        for end in (0..last).step_by(1 + whole.len() / 300) {
            let error = read_bytes(name, &whole[..end]).expect_err(name);
            assert!(!error.to_string().is_empty() && !error.hint().is_empty());
        }
        for end in (0..whole.len()).step_by(1 + whole.len() / 300) {
            let _ = read_bytes(name, &whole[..end]);
        }
    }
    assert!(matches!(read_bytes("a.dwg", b""), Err(ReadError::UnknownFormat { .. })));
}

#[test]
fn tiles_become_one_mesh() {
    let tile = || read_bytes("a.wrl", &FILES["a.wrl"]).unwrap();
    let plain = super::stl::read(&FILES["a.stl"]).unwrap();
    let n = tile().mesh.triangles.len();
    let both = super::merged(vec![plain, tile(), tile()]).unwrap();
    assert_eq!(
        (both.mesh.triangles.len(), both.uvs.len(), both.page.len(), both.pages.len()),
        (3 * n, 3 * n, 3 * n, 2)
    );
    assert_eq!((both.page[0], both.page[n], both.page[2 * n]), (crate::scene::NO_PAGE, 0, 1));
    assert_eq!(both.mesh.corners(2 * n + 5), tile().mesh.corners(5));
    let glb = read_bytes("a.glb", &FILES["a.glb"]).unwrap();
    assert!(super::merged(vec![tile(), glb]).is_none(), "metres and no unit do not go together");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 30 } else { 300 }))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), which in 0usize..6, head in 0usize..400) {
        let whole = &FILES[NAMES[which]];
        let _ = read_bytes(NAMES[which], &bytes);
        let mut mixed = whole[..head.min(whole.len())].to_vec();
        mixed.extend(&bytes);
        let _ = read_bytes(NAMES[which], &mixed);
    }

    #[test]
    fn changed_bytes_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20), which in 0usize..6,
        in_head in any::<bool>(),
    ) {
        let mut bytes = FILES[NAMES[which]].clone();
        let span = if in_head { bytes.len().min(1500) } else { bytes.len() };
        for (at, value) in changes {
            bytes[at.index(span)] = value;
        }
        if let Ok(mesh) = read_bytes(NAMES[which], &bytes) {
            let count = mesh.mesh.vertices.len();
            prop_assert!(mesh.mesh.triangles.iter().flatten().all(|&v| (v as usize) < count));
        }
    }
}
