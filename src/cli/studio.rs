//! What draws a project's results without a window: the device, the data, the picture as a file.
//!
//! `veduta render` and `veduta turntable` use it, and the window for pictures of any size beside its own. Failure modes:
//! no graphics adapter at all (not even a software one), a result that is not there, a file that cannot be written.

use super::{CliError, What};
use crate::gpu::{DeviceChoice, Gpu};
use crate::image::Grid;
use crate::order::files::into_place;
use crate::project::Project;
use crate::render::{
    PreparedCloud, PreparedMesh, PreparedPhotos, Shot, Viewport, prepare_city, prepare_dense, prepare_part,
    prepare_photos, prepare_sparse,
};
use crate::scene::{City, Part, PointCloud, Reconstruction};
use image::ImageEncoder;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Points of a picture that is made once.
const POINTS: usize = 30_000_000;

/// A result ready for the device.
pub(crate) enum Prepared {
    /// The sparse points, and the photos with them.
    Sparse(PreparedCloud, PreparedPhotos),
    /// The fused points.
    Dense(PreparedCloud),
    /// The city, and the ground size of its texels.
    City(PreparedMesh, f64),
    /// The part, and the N of its scale 1:N.
    Part(PreparedMesh, Option<f64>),
}

impl Prepared {
    /// Reads a result and makes it ready.
    pub(crate) fn read(project: &Project, what: What) -> Result<Self, CliError> {
        let artifact = project.current(what.stage())?;
        Ok(match what {
            What::Sparse => {
                let model: Reconstruction = artifact.get("output")?;
                Self::Sparse(prepare_sparse(&model), prepare_photos(&model))
            }
            What::Dense => Self::Dense(prepare_dense(&artifact.get::<PointCloud>("output")?)),
            What::City => {
                let city: City = artifact.get("output")?;
                Self::City(prepare_city(&city), city.texel_m)
            }
            What::Part => {
                let part: Part = artifact.get("output")?;
                Self::Part(prepare_part(&part), part.scale_denominator)
            }
        })
    }

    /// Gives it to a view.
    pub(crate) fn upload(self, view: &mut Viewport) {
        match self {
            Self::Sparse(cloud, photos) => {
                view.upload_sparse(cloud);
                view.upload_photos(photos);
            }
            Self::Dense(cloud) => view.upload_dense(cloud),
            Self::City(mesh, _) => view.upload_city(mesh),
            Self::Part(mesh, _) => view.upload_part(mesh),
        }
    }
}

/// A view without a window.
pub(crate) struct Studio {
    /// The view, with one result in it.
    pub(crate) view: Viewport,
}

impl Studio {
    /// Opens a device (a real one, or else a software one) unless there is one, and gives it a result.
    pub(crate) fn open(
        project: &Path,
        what: What,
        device: Option<(wgpu::Device, wgpu::Queue)>,
    ) -> Result<Self, CliError> {
        let project = Project::open_to_read(project)?;
        let (device, queue) = match device {
            Some(pair) => pair,
            None => open_device()?,
        };
        let mut view = Viewport::new(&device, &queue);
        Prepared::read(&project, what)?.upload(&mut view);
        let o = &mut view.options;
        (o.sparse, o.dense) = (what == What::Sparse, what == What::Dense);
        (o.city, o.part) = (what == What::City, what == What::Part);
        (o.photos, o.point_budget) = (false, POINTS);
        Ok(Self { view })
    }

    /// Draws a picture and writes it as PNG.
    pub(crate) fn write(&mut self, shot: &Shot, path: &Path) -> Result<(), CliError> {
        let picture = self.view.shoot(shot).map_err(|e| CliError::new(e.to_string(), e.hint()))?;
        into_place(path, |unfinished| {
            write_png(&picture, shot.options.transparent, unfinished).map_err(|e| CliError::io("write", path, &e))
        })
    }
}

fn open_device() -> Result<(wgpu::Device, wgpu::Queue), CliError> {
    let mut why = String::new();
    for choice in [DeviceChoice::Auto, DeviceChoice::Software] {
        match Gpu::open(choice) {
            Ok(Some(gpu)) => return Ok((gpu.device().clone(), gpu.queue().clone())),
            Ok(None) => {}
            Err(e) => why = format!(": {e}"),
        }
    }
    Err(CliError::new(
        format!("there is no graphics adapter to draw with{why}"),
        "install a graphics driver, or a software one such as Mesa's lavapipe (package mesa-vulkan-drivers); \
         `veduta devices` lists what is found",
    ))
}

fn write_png(picture: &Grid<[u8; 4]>, transparent: bool, path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let (w, h) = (picture.width as u32, picture.height as u32);
    let encoder = image::codecs::png::PngEncoder::new(&mut out);
    let written = if transparent {
        encoder.write_image(picture.data.as_flattened(), w, h, image::ExtendedColorType::Rgba8)
    } else {
        let opaque: Vec<u8> = picture.data.iter().flat_map(|p| [p[0], p[1], p[2]]).collect();
        encoder.write_image(&opaque, w, h, image::ExtendedColorType::Rgb8)
    };
    written.map_err(std::io::Error::other)?;
    out.flush()
}
