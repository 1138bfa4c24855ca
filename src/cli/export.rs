//! `veduta export`: results as files, the format chosen by the file's name.

use super::args::ExportArgs;
use super::{CliError, control, say};
use crate::formats::geotiff::Placement;
use crate::formats::{colmap, geotiff, gltf, las, obj, ply, stl, textured, threemf};
use crate::georef::{Raster, UtmFromLocal};
use crate::image::Mask;
use crate::order::files::{into_place, to_file};
use crate::order::pictures::part_picture;
use crate::pipeline::stages::FeatureSet;
use crate::project::Project;
use crate::scene::{City, Flight, Georeference, LocalFrame, Part, PointCloud, Reconstruction};
use crate::texture::render::{RenderOptions, dsm_and_ortho};
use nalgebra::{Matrix3, Vector3};
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn export(args: &ExportArgs) -> Result<(), CliError> {
    let project = Project::open_to_read(&args.project)?;
    for path in &args.to {
        write_one(&project, path)?;
        say(path.display());
    }
    if let Some(folder) = &args.colmap {
        write_colmap(&project, folder)?;
        say(folder.display());
    }
    Ok(())
}

fn output<T: DeserializeOwned>(project: &Project, stage: &str) -> Result<T, CliError> {
    Ok(project.current(stage)?.get("output")?)
}

/// Writes one result; the file's name says which and how.
pub(crate) fn write_one(project: &Project, path: &Path) -> Result<(), CliError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if name == "city.obj" {
        // It refers to its material and texture files by name.
        return write_as(project, &name, path);
    }
    into_place(path, |unfinished| write_as(project, &name, unfinished))
}

fn write_as(project: &Project, name: &str, path: &Path) -> Result<(), CliError> {
    match name {
        "city.glb" => to_file(path, |out| gltf::write_glb(&output::<City>(project, "city").map_err(as_io)?, out)),
        "city.ply" => to_file(path, |out| ply::write_city(&output::<City>(project, "city").map_err(as_io)?, out)),
        "city.obj" => {
            let city: City = output(project, "city")?;
            let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
            obj::write(&city, "city", |n| Ok(BufWriter::new(File::create(folder.join(n))?)))
                .map_err(|e| CliError::io("write", path, &e))
        }
        "dense.ply" => {
            to_file(path, |out| ply::write_points(&output::<PointCloud>(project, "fuse").map_err(as_io)?, out))
        }
        "dense.laz" | "dense.las" => {
            let cloud: PointCloud = output(project, "fuse")?;
            let frame = frame_of(project)?;
            let file = File::create(path).map_err(|e| CliError::io("write", path, &e))?;
            let utm = frame.as_ref().map(UtmFromLocal::new);
            let projected = |p: &Vector3<f64>| utm.as_ref().map_or(*p, |u| u.apply(p));
            let epsg = utm.as_ref().map(|u| u.utm().epsg());
            las::write_las(BufWriter::new(file), &cloud, &projected, epsg, name.ends_with("laz"))
                .map_err(|e| CliError::new(format!("cannot write {}: {e}", path.display()), e.hint()))
        }
        "dsm.tif" | "ortho.tif" => write_raster(project, path, name == "dsm.tif"),
        "part.3mf" => {
            let part: Part = output(project, "part")?;
            let thumbnail = textured::png(&part_picture(&part, (512, 512))).ok();
            let metadata = threemf::Metadata { title: part.title.clone(), description: crate::order::describe(&part) };
            let file = File::create(path).map_err(|e| CliError::io("write", path, &e))?;
            threemf::write(&part, &metadata, thumbnail.as_deref(), BufWriter::new(file))
                .map_err(|e| CliError::io("write", path, &e))
        }
        "control.txt" | "control.csv" => {
            let text = control::list_text(project, name.ends_with("csv"))?;
            to_file(path, |out| out.write_all(text.as_bytes()))
        }
        "part.stl" => to_file(path, |out| stl::write(&output::<Part>(project, "part").map_err(as_io)?.mesh, out)),
        _ => Err(CliError::new(
            format!("\"{name}\" is not the name of something that can be exported"),
            "use one of city.glb, city.obj, city.ply, dense.ply, dense.laz, dsm.tif, ortho.tif, part.3mf, part.stl, control.txt, \
             control.csv",
        )),
    }
}

/// Carries a project error through a writer's closure.
fn as_io(error: CliError) -> std::io::Error {
    std::io::Error::other(error.text())
}

fn frame_of(project: &Project) -> Result<Option<LocalFrame>, CliError> {
    let sparse: Reconstruction = output(project, "sparse")?;
    Ok(match sparse.georeference {
        Georeference::Local { frame, .. } => Some(frame),
        Georeference::Unscaled => None,
    })
}

fn write_raster(project: &Project, path: &Path, dsm: bool) -> Result<(), CliError> {
    let city: City = output(project, "city")?;
    let frame = frame_of(project)?;
    let Some((low, high)) = city.mesh.bounds() else {
        return Err(CliError::new("the city has no surface", "run the project again with more photos"));
    };
    let bounds = [low.x, low.y, high.x, high.y];
    let ortho = dsm_and_ortho(&city, bounds, city.texel_m, &RenderOptions::default());
    let raster = Raster {
        north_west: ortho.origin.into(),
        cell_m: ortho.gsd,
        width: ortho.height.width,
        height: ortho.height.height,
        height_m: (low.z + high.z) / 2.0,
    };
    let (crs_from_pixel, epsg, level) = match &frame {
        Some(f) => (raster.utm_from_pixel(f).0, Some(UtmFromLocal::new(f).utm().epsg()), f.altitude_m),
        None => {
            let [x, y] = ortho.origin;
            (Matrix3::new(ortho.gsd, 0.0, x, 0.0, -ortho.gsd, y, 0.0, 0.0, 1.0), None, 0.0)
        }
    };
    let placement = Placement { epsg, crs_from_pixel };
    let file = File::create(path).map_err(|e| CliError::io("write", path, &e))?;
    let out = BufWriter::new(file);
    let result = if dsm {
        let mut heights = ortho.height;
        heights.data.iter_mut().for_each(|z| *z += level as f32);
        geotiff::write_surface(out, &heights, &placement)
    } else {
        let covered = ortho.height.data.iter().map(|z| z.is_finite()).collect();
        let mask = Mask { width: ortho.height.width, height: ortho.height.height, data: covered };
        geotiff::write_ortho(out, &ortho.image, Some(&mask), &placement)
    };
    result.map_err(|e| CliError::new(format!("cannot write {}: {e}", path.display()), e.hint()))
}

fn write_colmap(project: &Project, folder: &PathBuf) -> Result<(), CliError> {
    let flight: Flight = output(project, "ingest")?;
    let sparse: Reconstruction = output(project, "sparse")?;
    let set: FeatureSet = output(project, "features")?;
    let features = set.load_all(project)?;
    fs::create_dir_all(folder).map_err(|e| CliError::io("create", folder, &e))?;
    colmap::write_colmap_text(&sparse, &flight, &features, |name| Ok(BufWriter::new(File::create(folder.join(name))?)))
        .map_err(|e| CliError::io("write", folder, &e))
}
