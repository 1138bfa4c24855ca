//! `veduta turntable`: pictures all around a result, as numbered PNGs for a video.

use super::args::TurntableArgs;
use super::render::options;
use super::studio::Studio;
use super::{CliError, say};
use crate::base::CancelToken;
use crate::render::{Options, Shot, Turntable, ViewCamera};
use std::fs;
use std::path::Path;

/// What a turntable is made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Round {
    /// Number of pictures, elevation, first heading.
    pub(crate) table: Turntable,
    /// Field of view, and whether the projection is parallel; the rest of the camera is computed.
    pub(crate) camera: ViewCamera,
    /// What is shown.
    pub(crate) options: Options,
    /// Width and height in pixels.
    pub(crate) size: [u32; 2],
}

/// Writes the pictures of one turn into a folder; `tick` hears how many are done. Stops when cancelled, and keeps what is
/// written.
pub(crate) fn write_round(
    studio: &mut Studio,
    round: &Round,
    folder: &Path,
    token: &CancelToken,
    tick: impl Fn(u32),
) -> Result<u32, CliError> {
    fs::create_dir_all(folder).map_err(|e| CliError::io("make", folder, &e))?;
    studio.view.options = round.options;
    let Some(bounds) = studio.view.bounds() else {
        return Err(CliError::new("there is nothing to show", "run the project further"));
    };
    let mut done = 0;
    for camera in round.table.cameras(&round.camera, bounds, round.size) {
        if token.is_cancelled() {
            break;
        }
        let shot = Shot { camera, options: round.options, polylines: Vec::new(), size: round.size };
        studio.write(&shot, &folder.join(format!("frame-{:04}.png", done + 1)))?;
        done += 1;
        tick(done);
    }
    Ok(done)
}

/// Runs the command.
pub fn turntable(args: &TurntableArgs) -> Result<(), CliError> {
    let mut studio = Studio::open(&args.project, args.scene.what, None)?;
    let options = options(&studio.view, &args.scene);
    let round = Round {
        table: Turntable { frames: args.frames, elevation: args.elevation.to_radians(), start: 0.0 },
        camera: ViewCamera { orthographic: args.scene.parallel, ..ViewCamera::default() },
        options,
        size: [args.width, args.height],
    };
    let bar = indicatif::ProgressBar::new(u64::from(args.frames));
    let token = CancelToken::default();
    write_round(&mut studio, &round, &args.out, &token, |done| bar.set_position(u64::from(done)))?;
    bar.finish_and_clear();
    say(format!(
        "{} pictures in {}; {:.1} a second make a turn of {} s",
        args.frames,
        args.out.display(),
        f64::from(args.frames) / args.seconds,
        args.seconds
    ));
    Ok(())
}
