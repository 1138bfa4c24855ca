//! `veduta eval`: a project against ground truth.

use super::args::EvalArgs;
use super::{CliError, say};
use crate::base::Ctx;
use crate::evaluate::{
    ClassificationMetrics, ColourMetrics, PoseMetrics, SeenTruth, SurfaceMetrics, classification_metrics,
    colour_metrics, pose_metrics, surface_metrics, truth_from_result,
};
use crate::image::decode::decode_photo;
use crate::project::Project;
use crate::scene::{City, Flight, Reconstruction};
use crate::synthetic::truth::{Truth, TruthView, read_json, read_ply};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// What `--json` prints; what the project or the truth does not have is absent.
#[derive(Debug, Serialize)]
struct Evaluation {
    /// Camera poses.
    pose: PoseMetrics,
    /// The surface, as georeferenced.
    surface: Option<SurfaceMetrics>,
    /// The surface after a similarity fit of the camera centres.
    surface_aligned: Option<SurfaceMetrics>,
    /// The classes of the surface, after the same fit.
    classes: Option<ClassificationMetrics>,
    /// Colours at the truth's extra views.
    colour: Option<ColourMetrics>,
}

/// Runs the command.
pub fn eval(args: &EvalArgs) -> Result<(), CliError> {
    let project = Project::open_to_read(&args.project)?;
    let folder = truth_folder(&args.truth)?;
    let path = folder.join("truth.json");
    let bytes = fs::read(&path).map_err(|e| CliError::io("read", &path, &e))?;
    let truth = read_json(&bytes).map_err(|e| CliError::new(e.to_string(), e.hint()))?;
    let evaluation = evaluate(&project, &folder, &truth)?;
    if args.json {
        let text = serde_json::to_string_pretty(&evaluation)
            .map_err(|e| CliError::new(format!("cannot write JSON: {e}"), ""))?;
        say(text);
    } else {
        print(&evaluation);
    }
    Ok(())
}

/// The folder that holds truth.json: the one named, or `truth` in it.
fn truth_folder(named: &Path) -> Result<PathBuf, CliError> {
    [named.to_path_buf(), named.join("truth")].into_iter().find(|f| f.join("truth.json").exists()).ok_or_else(|| {
        CliError::new(format!("{} has no truth.json", named.display()), "name the folder that `veduta synth` wrote")
    })
}

fn evaluate(project: &Project, folder: &Path, truth: &Truth) -> Result<Evaluation, CliError> {
    let flight: Flight = project.current("ingest")?.get("output")?;
    let sparse: Reconstruction = project.current("sparse")?.get("output")?;
    let pose = pose_metrics(&flight, &sparse, truth).ok_or_else(|| {
        CliError::new(
            "fewer than three registered photos have the name of a photo in truth.json",
            "evaluate a project that was made from the photos of this truth",
        )
    })?;
    let mut evaluation = Evaluation { pose, surface: None, surface_aligned: None, classes: None, colour: None };
    let Ok(city) = project.current("city").and_then(|a| a.get::<City>("output")) else { return Ok(evaluation) };
    // Two pixels of the median photo on the ground.
    let limit = 2.0 * truth_gsd(truth);
    let transform = |fitted| truth_from_result(&flight, &sparse, truth, fitted);
    if let Ok(bytes) = fs::read(folder.join(&truth.mesh)) {
        let surface = read_ply(&bytes).map_err(|e| CliError::new(e.to_string(), e.hint()))?;
        let ctx = Ctx::silent();
        if let Ok(seen) = SeenTruth::new(&ctx, truth, &surface, limit) {
            let measure = |fitted| surface_metrics(&ctx, &city.mesh, &transform(fitted)?, &seen).ok();
            evaluation.surface = measure(false);
            evaluation.surface_aligned = measure(true);
        }
        // Surface within two limits is judged: farther from the truth, the nearest class says little.
        evaluation.classes =
            transform(true).and_then(|t| classification_metrics(&city, &t, truth, &surface, 2.0 * limit));
    }
    let load = |view: &TruthView| {
        let bytes = fs::read(folder.join(&view.file)).ok()?;
        decode_photo(&bytes, 1).ok()
    };
    evaluation.colour = transform(true).and_then(|t| colour_metrics(&city, &t, truth, &load));
    Ok(evaluation)
}

/// Size of a pixel on the ground, at height 0, of the nadir photos in metres.
fn truth_gsd(truth: &Truth) -> f64 {
    let sizes: Vec<f64> =
        truth.photos.iter().filter(|p| p.kind != "oblique").map(|p| p.centre[2] / p.camera.fx).collect();
    crate::base::stats::median(&sizes).unwrap_or(0.1)
}

fn print(e: &Evaluation) {
    let p = &e.pose;
    say(format!(
        "  {} of {} photos registered, focal length off by {:.3} %",
        p.registered, p.total, p.focal_error_percent
    ));
    let line = |name: &str, m: &crate::evaluate::AlignedMetrics| {
        say(format!(
            "  {name}: centres {:.3} m RMS ({:.3} horizontally, {:.3} vertically), rotations {:.4} deg mean, doming {}",
            m.centre_rms_m,
            m.centre_rms_xy_m,
            m.centre_rms_z_m,
            m.rotation_mean_deg,
            m.doming_m.map_or_else(|| "unknown".into(), |d| format!("{d:.3} m"))
        ));
    };
    line("poses, aligned", &p.aligned);
    if let Some(m) = &p.georeferenced {
        line("poses, georeferenced", m);
    }
    for (name, surface) in [("georeferenced", &e.surface), ("aligned", &e.surface_aligned)] {
        if let Some(s) = surface {
            let classes: Vec<String> = s.classes.iter().map(|c| format!("{} {:.2}", c.class, c.f_score)).collect();
            say(format!("  surface, {name}: F-score at {:.2} m: {}", s.limit_m, classes.join(", ")));
        }
    }
    if let Some(c) = &e.classes {
        let percent = |v: f64| format!("{:.1} %", 100.0 * v);
        say(format!(
            "  classes: {} of the area right ({} within {:.2} m)",
            percent(c.accuracy),
            percent(c.judged),
            c.limit_m
        ));
        for k in &c.classes {
            say(format!(
                "    {:<10} {:>6} of the area, precision {:.2}, recall {:.2}, IoU {:.2}",
                k.class,
                percent(k.share),
                k.precision,
                k.recall,
                k.iou
            ));
        }
    }
    if let Some(c) = &e.colour {
        say(format!(
            "  colours at {} unseen views: median dE00 {:.1} ({:.1} after a colour fit), PSNR {:.1} dB, SSIM {:.2}",
            c.views.len(),
            c.median_de00,
            c.median_de00_fitted,
            c.psnr_db,
            c.ssim
        ));
    }
}
