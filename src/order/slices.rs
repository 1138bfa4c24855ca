//! Writes voxel slices of a part: one PNG a layer and a manifest, in a folder beside the part's files.
//!
//! A job that was stopped goes on where it was: `manifest.json` is written first and says what is being made, layers
//! are renamed into place when they are whole, and those that are there under the same manifest are kept. When the last
//! is there, the manifest says `complete` and has the volume.

use super::files::{FileError, put};
use super::{Made, MadePart, OrderError};
use crate::base::Ctx;
use crate::print::PrintError;
use crate::print::printer::Printer;
use crate::print::slices::{Layer, SliceOptions, Stack, slice};
use crate::scene::Part;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Depth of the coloured shell where the profile states none.
const SHELL_MM: f64 = 1.0;
/// Bytes for the layers that are made at once.
const MEMORY: u64 = 1 << 30;

/// What `manifest.json` holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Title of the part.
    pub title: String,
    /// The program and its version.
    pub software: String,
    /// BLAKE3 of the part and of how it is sliced.
    pub checksum: String,
    /// How it is sliced.
    pub options: SliceOptions,
    /// Pictures and the size of a voxel.
    pub stack: Stack,
    /// Name of a layer's file, with the layer's number from 0 at the bottom in five digits in the place of `#`.
    pub files: String,
    /// How to read a picture.
    pub picture: String,
    /// Whether every layer is there.
    pub complete: bool,
    /// Volume of the voxels with material; 0 until complete.
    pub volume_mm3: f64,
}

/// How a printer's slices are made. Fails where its profile does not say.
pub fn options_for(printer: &Printer) -> Result<SliceOptions, OrderError> {
    let (Some(dpi), Some(layer)) = (&printer.dpi, &printer.layer_mm) else {
        return Err(OrderError::NoSlices { printer: printer.title.clone() });
    };
    let shell_mm = printer.shell_mm.as_ref().map_or(SHELL_MM, |l| l.value);
    Ok(SliceOptions { dpi: dpi.value, layer_mm: layer.value, shell_mm, core: [255; 3] })
}

/// Writes the slices of each part; gives the manifests.
pub fn write(ctx: &Ctx, made: &Made, folder: &Path) -> Result<Vec<PathBuf>, OrderError> {
    let options = options_for(&made.printer)?;
    let share = |n: usize| n as f64 / made.parts.len() as f64;
    let written = |(i, made): (usize, &MadePart)| {
        let folder = folder.join(format!("{}-slices", made.name));
        write_part(&ctx.portion(share(i), share(i + 1)), &made.part, &options, &folder)
    };
    made.parts.iter().enumerate().map(written).collect()
}

/// Writes the slices of one part.
pub fn write_part(ctx: &Ctx, part: &Part, options: &SliceOptions, folder: &Path) -> Result<PathBuf, OrderError> {
    let stack = Stack::of(&part.mesh, options)?;
    let path = folder.join("manifest.json");
    let mut manifest = Manifest {
        title: part.title.clone(),
        software: format!("veduta {}", env!("CARGO_PKG_VERSION")),
        checksum: checksum(part, options)?,
        options: *options,
        stack,
        files: "layer-#.png".into(),
        picture: "seen from above, column 0 at x = 0, row 0 at the largest y; alpha 255 is material, 0 is none".into(),
        complete: false,
        volume_mm3: 0.0,
    };
    fs::create_dir_all(folder).map_err(|e| FileError::new("create", folder, &e))?;
    let before: Option<Manifest> = fs::read(&path).ok().and_then(|b| serde_json::from_slice(&b).ok());
    let same = before.is_some_and(|b| b.checksum == manifest.checksum);
    if !same {
        put(&path, json(&manifest)?.as_bytes())?;
    }
    let file = |z: usize| folder.join(format!("layer-{z:05}.png"));
    let failure: Mutex<Option<FileError>> = Mutex::default();
    let keep = |layer: Layer| {
        let path = file(layer.index);
        let written = png(&layer).map_err(|e| FileError::new("encode", &path, &e)).and_then(|b| put(&path, &b));
        written.map_err(|e| {
            failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
            PrintError::Cancelled(crate::base::Cancelled)
        })
    };
    let result = slice(ctx, part, options, MEMORY, |z| !(same && file(z).exists()), keep);
    if let Some(e) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(e.into());
    }
    result?;
    // Counted in what was written, also by an earlier run.
    let mut filled = 0;
    for z in 0..stack.layers {
        ctx.check()?;
        filled += count(&file(z))?;
    }
    manifest.complete = true;
    manifest.volume_mm3 = filled as f64 * stack.voxel_mm3();
    put(&path, json(&manifest)?.as_bytes())?;
    Ok(path)
}

fn checksum(part: &Part, options: &SliceOptions) -> Result<String, OrderError> {
    let bytes = postcard::to_allocvec(&(part, options)).map_err(|e| OrderError::Ticket { reason: e.to_string() })?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

fn json(manifest: &Manifest) -> Result<String, OrderError> {
    serde_json::to_string_pretty(manifest).map_err(|e| OrderError::Ticket { reason: e.to_string() })
}

fn png(layer: &Layer) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let image = &layer.image;
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Up)
        .write_image(image.data.as_flattened(), image.width as u32, image.height as u32, ExtendedColorType::Rgba8)
        .map_err(std::io::Error::other)?;
    Ok(bytes)
}

/// Pixels with material in a layer's file.
fn count(path: &Path) -> Result<u64, OrderError> {
    let bytes = fs::read(path).map_err(|e| FileError::new("read", path, &e))?;
    let image = image::load_from_memory(&bytes).map_err(|e| FileError::new("read", path, &std::io::Error::other(e)))?;
    Ok(image.into_rgba8().pixels().filter(|p| p.0[3] > 0).count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::print::printer::built_in;
    use crate::scene::Mesh;
    use nalgebra::Vector3;

    #[test]
    fn slices_are_whole_and_a_stopped_job_goes_on() {
        let part = Part {
            mesh: Mesh {
                vertices: vec![Vector3::zeros(), Vector3::x() * 12.0, Vector3::y() * 12.0, Vector3::z() * 12.0],
                triangles: vec![[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]],
            },
            uvs: vec![[[0.5; 2]; 3]; 4],
            texture: Rgb8::filled(4, 4, [9, 8, 7]),
            scale_denominator: None,
            title: "corner".into(),
        };
        let options = SliceOptions { dpi: [254.0; 2], layer_mm: 0.1, shell_mm: 0.5, core: [255; 3] };
        let folder = tempfile::tempdir().unwrap();
        let ctx = Ctx::silent();
        let path = write_part(&ctx, &part, &options, folder.path()).unwrap();
        let read = || -> Manifest { serde_json::from_slice(&fs::read(&path).unwrap()).unwrap() };
        let manifest = read();
        assert!(manifest.complete && manifest.stack.layers == 120);
        assert!((manifest.volume_mm3 / part.mesh.volume() - 1.0).abs() < 0.005, "{}", manifest.volume_mm3);
        let layer = |z: usize| folder.path().join(format!("layer-{z:05}.png"));
        let (kept, lost) = (fs::metadata(layer(3)).unwrap().modified().unwrap(), fs::read(layer(50)).unwrap());
        fs::remove_file(layer(50)).unwrap();
        write_part(&ctx, &part, &options, folder.path()).unwrap();
        assert_eq!(fs::read(layer(50)).unwrap(), lost);
        assert_eq!(fs::metadata(layer(3)).unwrap().modified().unwrap(), kept, "what is there is kept");
        assert_eq!(read(), manifest);
        let stopped = Ctx::silent();
        stopped.cancel_token().cancel();
        let other = SliceOptions { shell_mm: 0.4, ..options };
        assert!(write_part(&stopped, &part, &other, folder.path()).unwrap_err().is_cancelled());
        assert!(!read().complete);
    }

    #[test]
    fn profiles_without_resolution_are_refused() {
        for printer in built_in().unwrap() {
            let known = printer.dpi.is_some() && printer.layer_mm.is_some();
            assert_eq!(options_for(&printer).is_ok(), known, "{}", printer.name);
            assert!(printer.name != "polyjet" || known);
        }
    }
}
