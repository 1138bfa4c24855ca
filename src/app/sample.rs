//! The sample flight: made once in the background, then opened like any other.

use crate::base::{CancelToken, Ctx, Event};
use crate::synthetic::SynthOptions;
use eframe::egui::Context;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;

/// Which sample flight, and where.
#[derive(Clone, Debug)]
pub struct SampleFlight {
    /// Folder for the flight and its project.
    pub folder: PathBuf,
    /// Photos.
    pub photos: u32,
    /// Width of the photos in pixels.
    pub width: u32,
}

impl Default for SampleFlight {
    /// The flight of `veduta demo`, in the same folder.
    fn default() -> Self {
        Self { folder: PathBuf::from("veduta-demo"), photos: crate::cli::DEMO_PHOTOS, width: crate::cli::DEMO_WIDTH }
    }
}

type Outcome = Result<PathBuf, (String, String)>;

/// A sample flight in the making.
pub struct Making {
    /// Share that is done, in thousandths.
    share: Arc<AtomicU32>,
    token: CancelToken,
    thread: Option<JoinHandle<Outcome>>,
}

impl Making {
    /// Starts; the folder of the photos comes from [`Making::take`]. A flight that is there already is taken.
    pub fn start(flight: &SampleFlight, window: &Context) -> Self {
        let share = Arc::new(AtomicU32::new(0));
        let (progress, woken) = (share.clone(), window.clone());
        let ctx = Ctx::new(move |event| {
            if let Event::Progress { done, total, .. } = event {
                progress.store((done * 1000 / total.max(1)) as u32, Ordering::Relaxed);
                woken.request_repaint();
            }
        });
        let token = ctx.cancel_token();
        let (flight, window) = (flight.clone(), window.clone());
        let thread = std::thread::spawn(move || {
            let outcome = make(&flight, &ctx);
            window.request_repaint();
            outcome
        });
        Self { share, token, thread: Some(thread) }
    }

    /// Share that is done, 0..=1.
    pub fn share(&self) -> f32 {
        self.share.load(Ordering::Relaxed) as f32 / 1000.0
    }

    /// Stops it.
    pub fn cancel(&self) {
        self.token.cancel();
    }

    /// The photos' folder, or headline and hint of what failed, once it has ended.
    pub fn take(&mut self) -> Option<Outcome> {
        if !self.thread.as_ref()?.is_finished() {
            return None;
        }
        let joined = self.thread.take()?.join();
        Some(joined.unwrap_or_else(|_| Err(("the sample flight could not be made".into(), String::new()))))
    }
}

fn make(flight: &SampleFlight, ctx: &Ctx) -> Outcome {
    let folder = fs::canonicalize(&flight.folder).unwrap_or_else(|_| flight.folder.clone()).join("flight");
    let images = folder.join("images");
    if folder.join("truth/truth.json").exists() {
        return Ok(images);
    }
    let options =
        SynthOptions { photos: flight.photos, width: flight.width, seed: 1, ..crate::cli::demo_flight_options() };
    match crate::cli::generate_into(&folder, &options, ctx) {
        Ok(_) => Ok(images),
        Err(e) => Err((e.to_string(), e.hint().to_string())),
    }
}
