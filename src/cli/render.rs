//! `veduta render`: one picture of a result as a PNG.

use super::args::{RenderArgs, SceneArgs};
use super::studio::Studio;
use super::{CliError, say};
use crate::project::Project;
use crate::render::{ClipBox, Options, Shading, Shot, ViewCamera, Viewport};
use crate::scene::{Flight, Reconstruction};
use clap::ValueEnum;
use nalgebra::Vector3;
use std::path::Path;

/// A result that can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// The sparse points
    Sparse,
    /// The fused points
    Dense,
    /// The textured city
    City,
    /// The part for the printer
    Part,
}

impl What {
    /// All of them, in the order of the stages.
    pub const ALL: [Self; 4] = [Self::Sparse, Self::Dense, Self::City, Self::Part];

    /// The stage that makes it.
    pub fn stage(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Dense => "fuse",
            Self::City => "city",
            Self::Part => "part",
        }
    }
}

/// A side to look from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Side {
    Top,
    North,
    NorthEast,
    East,
    SouthEast,
    South,
    SouthWest,
    West,
    NorthWest,
}

impl Side {
    /// Turns the camera so that it looks from here.
    pub fn apply(self, camera: &mut ViewCamera) {
        if self == Self::Top {
            camera.look_down();
            return;
        }
        // The order of the sides is that of the compass; the heading of the view is the opposite.
        let from = f64::from(self as u8 - 1) * std::f64::consts::FRAC_PI_4;
        camera.yaw = (from + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU);
        camera.pitch = if (self as u8).is_multiple_of(2) { -0.62 } else { -0.5 };
        camera.roll = 0.0;
    }
}

/// How to shade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShadingArg {
    /// Texture or colours as they are
    Texture,
    /// One colour in the light
    Clay,
    /// The direction of the surface as a colour
    Normals,
    /// How many photos see a place
    Overlap,
    /// The height as a colour
    Height,
    /// What each place is: ground, roof, facade, vegetation, car, water
    Classes,
    /// The confidence of the points as a colour
    Confidence,
}

impl From<ShadingArg> for Shading {
    fn from(s: ShadingArg) -> Self {
        match s {
            ShadingArg::Texture => Self::Texture,
            ShadingArg::Clay => Self::Clay,
            ShadingArg::Normals => Self::Normals,
            ShadingArg::Overlap => Self::Views,
            ShadingArg::Height => Self::Height,
            ShadingArg::Classes => Self::Classes,
            ShadingArg::Confidence => Self::Confidence,
        }
    }
}

/// A view's options with what a command line says about it.
pub(super) fn options(view: &Viewport, scene: &SceneArgs) -> Options {
    let background = if scene.light { [236, 238, 240] } else { [30, 32, 36] };
    let clip = scene.clip.map(|[x, y, z, w, d, h, azimuth]| ClipBox {
        centre: Vector3::new(x, y, z),
        size: Vector3::new(w, d, h),
        azimuth: azimuth.to_radians(),
    });
    Options {
        shading: scene.shading.into(),
        wireframe: scene.edges,
        transparent: scene.transparent,
        background,
        clip,
        ..view.options
    }
}

/// The arguments that repeat a view: what `veduta render` and the window's copied command lines share.
pub(crate) fn scene_arguments(what: What, options: &Options) -> String {
    let mut text = format!("--what {}", super::word(&what));
    let shading = ShadingArg::value_variants().iter().find(|s| Shading::from(**s) == options.shading);
    if let Some(shading) = shading.filter(|s| **s != ShadingArg::Texture) {
        text += &format!(" --shading {}", super::word(shading));
    }
    if options.wireframe {
        text += " --edges";
    }
    if options.transparent {
        text += " --transparent";
    }
    if options.background[0] > 128 {
        text += " --light";
    }
    if let Some(c) = options.clip {
        let (p, s) = (c.centre, c.size);
        let azimuth = c.azimuth.to_degrees();
        text += &format!(" --clip {:.3},{:.3},{:.3},{:.3},{:.3},{:.3},{azimuth:.1}", p.x, p.y, p.z, s.x, s.y, s.z);
    }
    text
}

/// The argument that repeats a camera.
pub(crate) fn camera_argument(c: &ViewCamera) -> String {
    let (t, deg) = (c.target, f64::to_degrees);
    let parallel = if c.orthographic { " --parallel" } else { "" };
    format!(
        "--camera={:.3},{:.3},{:.3},{:.3},{:.2},{:.2},{:.2},{:.2}{parallel}",
        t.x,
        t.y,
        t.z,
        c.distance,
        deg(c.yaw),
        deg(c.pitch),
        deg(c.roll),
        deg(c.fov)
    )
}

fn through_photo(project: &Path, name: &str, depth: f64) -> Result<ViewCamera, CliError> {
    let project = Project::open_to_read(project)?;
    let flight: Flight = project.current("ingest")?.get("output")?;
    let sparse: Reconstruction = project.current("sparse")?.get("output")?;
    let photo = flight.photos.iter().find(|p| p.name == name).map(|p| p.id);
    let pose = photo.and_then(|id| Some((id, sparse.poses.get(id.index()).copied()??)));
    let Some((id, pose)) = pose else {
        let hint = "give the file's name of a photo that took part; `veduta info` lists those that did not";
        return Err(CliError::new(format!("there is no registered photo \"{name}\""), hint));
    };
    let lens = sparse.camera(id);
    let mut camera = ViewCamera::default();
    camera.look_through(&pose, lens.lens.f, f64::from(lens.height), depth);
    Ok(camera)
}

/// Runs the command.
pub fn render(args: &RenderArgs) -> Result<(), CliError> {
    let mut studio = Studio::open(&args.project, args.scene.what, None)?;
    let size = [args.width, args.height];
    let view = &mut studio.view;
    view.resize(size[0], size[1]);
    let options = options(view, &args.scene);
    if options.shading == Shading::Classes && !view.has_classes() {
        let hint = "classes belong to a city of known scale: give the flight GPS or control points, run the city stage \
                    (again), and draw `--what city`";
        return Err(CliError::new("what is to be drawn has no classes", hint));
    }
    let mut camera = view.camera;
    camera.orthographic = args.scene.parallel;
    args.view.apply(&mut camera);
    if let Some(bounds) = view.bounds() {
        camera.frame(bounds, size);
    }
    if let Some([x, y, z, distance, yaw, pitch, roll, fov]) = args.camera {
        let target = Vector3::new(x, y, z);
        let [yaw, pitch, roll, fov] = [yaw, pitch, roll, fov].map(f64::to_radians);
        camera = ViewCamera { target, distance, yaw, pitch, roll, fov, orthographic: args.scene.parallel };
    }
    if let Some(name) = &args.photo {
        camera = through_photo(&args.project, name, camera.distance)?;
    }
    studio.write(&Shot { camera, options, polylines: Vec::new(), size }, &args.out)?;
    say(args.out.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn a_copied_view_is_read_back() {
        let camera = ViewCamera {
            target: Vector3::new(-12.5, 3.25, 40.0),
            distance: 210.0,
            yaw: 4.0,
            pitch: -0.6,
            roll: 0.1,
            fov: 0.9,
            orthographic: true,
        };
        let text = format!("veduta render town.veduta -o a.png --what part {}", camera_argument(&camera));
        let cli = Cli::try_parse_from(text.split(' ')).expect("reads");
        let Command::Render(args) = cli.command else { panic!("another command") };
        let read = args.camera.expect("camera");
        assert!((read[0] + 12.5).abs() < 1e-3 && (read[4] - 4f64.to_degrees()).abs() < 0.01);
        assert!((read[7] - 0.9f64.to_degrees()).abs() < 0.01 && args.scene.parallel && args.scene.what == What::Part);
    }

    #[test]
    fn sides_look_from_where_they_say() {
        for (side, east, north) in [(Side::North, 0.0, 1.0), (Side::East, 1.0, 0.0), (Side::SouthWest, -0.7, -0.7)] {
            let mut camera = ViewCamera::default();
            side.apply(&mut camera);
            let eye = (camera.eye() - camera.target).normalize();
            assert!((eye.x.signum() - f64::signum(east)).abs() < 1e-9 || eye.x.abs() < 1e-9 && east == 0.0);
            assert!((eye.y.signum() - f64::signum(north)).abs() < 1e-9 || eye.y.abs() < 1e-9 && north == 0.0);
            assert!(eye.z > 0.3);
        }
    }
}
