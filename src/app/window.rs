//! Opens the window on a desktop: its size, name and icon, and what to say where there is no desktop.

use super::{SampleFlight, Settings, Setup, VedutaApp};
use crate::gpu::DeviceChoice;
use eframe::egui;
use std::path::PathBuf;
use std::process::ExitCode;

/// The picture that the desktop shows for the window.
fn icon() -> Option<egui::IconData> {
    let decoded = image::load_from_memory(include_bytes!("../../assets/veduta.png")).ok()?.into_rgba8();
    let (width, height) = decoded.dimensions();
    Some(egui::IconData { rgba: decoded.into_raw(), width, height })
}

/// Opens the window; returns when it is closed.
pub fn main(project: Option<PathBuf>) -> ExitCode {
    let settings = Settings::load();
    let size = settings.window.unwrap_or([1280.0, 800.0]);
    let viewport = egui::ViewportBuilder::default()
        .with_title("Veduta")
        .with_app_id("veduta")
        .with_inner_size(size)
        .with_maximized(settings.maximized)
        .with_min_inner_size([300.0, 200.0])
        .with_drag_and_drop(true);
    let viewport = match icon() {
        Some(icon) => viewport.with_icon(icon),
        None => viewport,
    };
    let options = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Wgpu,
        wgpu_options: super::device::configuration(),
        ..Default::default()
    };
    let setup = Setup { settings, project, sample: SampleFlight::default(), device: DeviceChoice::Auto };
    let outcome = eframe::run_native("veduta", options, Box::new(|cc| Ok(Box::new(VedutaApp::new(cc, setup)))));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            crate::cli::CliError::new(
                format!("the window cannot be opened: {e}"),
                "a desktop session is needed; on a machine without one use the commands (`veduta --help`)",
            )
            .print();
            ExitCode::FAILURE
        }
    }
}
