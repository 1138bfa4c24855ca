//! When the window's graphics device is lost: a driver that was reset or updated, a card that was taken away.
//!
//! Nothing that such a device held can be read any more, and what draws the window cannot be changed while it is open. So
//! a new window is opened, drawn by a software adapter, on the same project; it says why. Edits are on disk at once
//! and a run goes on where it stopped, so that nothing is lost. The same can be asked for from the menu, for drivers that
//! draw badly. A second loss ends the program with an error: there is nothing left to fall back to.

use super::VedutaApp;
use super::message::Message;
use eframe::egui;
use eframe::egui_wgpu::{NativeAdapterSelectorMethod, WgpuConfiguration, WgpuSetup};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Set to `software` for a window that a software adapter draws.
const ADAPTER: &str = "VEDUTA_ADAPTER";
/// Why the window was opened anew, for a person.
const REASON: &str = "VEDUTA_OPENED_ANEW";

/// The project that is open, for whoever has to open it again.
pub type OpenProject = Arc<Mutex<Option<PathBuf>>>;

/// Why this window was opened anew, if it was.
pub fn reason() -> Option<String> {
    std::env::var(REASON).ok()
}

/// How the window chooses what draws it.
pub fn configuration() -> WgpuConfiguration {
    let mut configuration = WgpuConfiguration::default();
    if std::env::var(ADAPTER).is_ok_and(|v| v == "software")
        && let WgpuSetup::CreateNew(setup) = &mut configuration.wgpu_setup
    {
        setup.native_adapter_selector = Some(software());
    }
    configuration
}

/// Takes a software adapter that can draw the window, or else says that there is none.
fn software() -> NativeAdapterSelectorMethod {
    Arc::new(|adapters, surface| {
        let draws = |a: &&wgpu::Adapter| surface.is_none_or(|s| a.is_surface_supported(s));
        let mut found = adapters.iter().filter(|a| a.get_info().device_type == wgpu::DeviceType::Cpu).filter(draws);
        found.next().cloned().ok_or_else(|| "there is no software adapter to draw the window with".to_string())
    })
}

/// Calls `act` with the driver's words once the device is lost, however that happens.
pub fn watch(device: &wgpu::Device, act: impl Fn(String) + Send + 'static) {
    device.set_device_lost_callback(move |_, message| act(message));
}

/// What a lost device leads to: a new window, and the end of this process.
pub fn fall_back(project: &OpenProject, closing: &AtomicBool, message: &str) {
    if closing.load(Ordering::Relaxed) {
        return;
    }
    let failed = |e: &str| {
        crate::cli::CliError::new(
            format!("the graphics device was lost: {e}"),
            "start the program again; the project and what is finished are safe",
        )
        .print();
        std::process::exit(1);
    };
    if reason().is_some() {
        failed(message);
    }
    let project = project.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let why = format!("the graphics device was lost ({})", message.trim());
    match open_anew(project.as_deref(), &why) {
        Ok(()) => std::process::exit(0),
        Err(e) => failed(&format!("{message}; a new window cannot be opened: {e}")),
    }
}

/// Starts another window on the project, drawn by a software adapter.
pub fn open_anew(project: Option<&Path>, why: &str) -> std::io::Result<()> {
    let program = std::env::current_exe()?;
    std::process::Command::new(program).args(project).env(ADAPTER, "software").env(REASON, why).spawn()?;
    Ok(())
}

/// How long a window that takes another's place waits for that one to let go of the project.
const TAKEOVER: Duration = Duration::from_secs(5);

impl VedutaApp {
    /// Says why this window was opened in another's place, once that one has let go of the project.
    pub fn take_over(&mut self, reason: &str) {
        let root = self.session.as_ref().map(|s| s.root.clone());
        let until = Instant::now() + TAKEOVER;
        while let Some(root) = &root
            && self.session.as_ref().is_some_and(|s| s.read_only.is_some())
            && Instant::now() < until
        {
            std::thread::sleep(Duration::from_millis(100));
            self.message = None;
            self.open(root, None);
        }
        let headline = format!("{reason}: the window is drawn by {} now", self.adapter);
        self.message = Some(Message::note(headline, "a run that was at work goes on with Run > Start"));
    }

    /// Opens a window that a software adapter draws, and closes this one.
    pub fn open_in_software(&mut self, ctx: &egui::Context) {
        let root = self.session.take().map(|s| s.root.clone());
        match open_anew(root.as_deref(), "asked for") {
            Ok(()) => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            Err(e) => {
                if let Some(root) = root {
                    self.open(&root, None);
                }
                let hint = "start the program with VEDUTA_ADAPTER=software in its environment";
                self.message = Some(Message::error(format!("another window cannot be opened: {e}"), hint));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::testing;
    use std::sync::mpsc;

    #[test]
    fn a_lost_device_is_noticed() {
        if testing::gpu().is_none() {
            return;
        }
        // A device of its own: the others' tests go on.
        let gpu = crate::gpu::Gpu::open(crate::gpu::DeviceChoice::Software).expect("device").expect("adapter");
        let (send, lost) = mpsc::channel();
        watch(gpu.device(), move |message| drop(send.send(message)));
        assert!(lost.recv_timeout(Duration::from_millis(100)).is_err(), "not yet");
        gpu.device().destroy();
        drop(gpu.device().poll(wgpu::PollType::wait_indefinitely()));
        assert!(lost.recv_timeout(Duration::from_secs(10)).is_ok());
    }
}
