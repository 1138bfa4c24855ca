//! Opening a window on a project, and waiting for what its threads do.

use eframe::egui::{Event, Key, Modifiers, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use veduta::app::{SampleFlight, Settings, Setup, Theme, VedutaApp};
use veduta::gpu::DeviceChoice;
use veduta::project::Project;

/// A window without a screen.
pub struct Window {
    pub harness: Harness<'static, VedutaApp>,
}

impl Window {
    /// Opens the window; its settings are the defaults and stay in memory.
    pub fn open(folder: &Path, project: Option<&Path>) -> Self {
        let setup = Setup {
            settings: Settings::default(),
            project: project.map(Path::to_path_buf),
            sample: SampleFlight { folder: folder.join("sample"), photos: 8, width: 460 },
            device: DeviceChoice::Cpu,
        };
        let harness =
            Harness::builder().with_size(Vec2::new(1280.0, 800.0)).build_eframe(|cc| VedutaApp::new(cc, setup));
        let mut window = Self { harness };
        window.settle();
        window
    }

    /// Opens a window that can be drawn, by whatever adapter there is.
    pub fn drawn(folder: &Path, project: Option<&Path>, theme: Theme, size: [f32; 2], scale: f32) -> Self {
        let setup = Setup {
            settings: Settings { theme, ..Settings::default() },
            project: project.map(Path::to_path_buf),
            sample: SampleFlight { folder: folder.join("sample"), photos: 8, width: 460 },
            device: DeviceChoice::Cpu,
        };
        let own = if theme == Theme::Dark { eframe::egui::Theme::Dark } else { eframe::egui::Theme::Light };
        let builder = Harness::builder().with_theme(own).with_size(size).with_pixels_per_point(scale).wgpu();
        let mut window = Self { harness: builder.build_eframe(|cc| VedutaApp::new(cc, setup)) };
        window.settle();
        window
    }

    /// Opens the start page with recent projects, to be drawn.
    pub fn drawn_with_recent(folder: &Path, recent: &[PathBuf], theme: Theme) -> Self {
        let setup = Setup {
            settings: Settings { theme, recent: recent.to_vec(), ..Settings::default() },
            project: None,
            sample: SampleFlight { folder: folder.join("sample"), photos: 8, width: 460 },
            device: DeviceChoice::Cpu,
        };
        let own = if theme == Theme::Dark { eframe::egui::Theme::Dark } else { eframe::egui::Theme::Light };
        let builder = Harness::builder().with_theme(own).with_size(Vec2::new(1280.0, 800.0)).wgpu();
        Self { harness: builder.build_eframe(|cc| VedutaApp::new(cc, setup)) }
    }

    /// Waits some tenths of a second for photos and meshes that are read in the background.
    pub fn settle_for(&mut self, tenths: usize) {
        for _ in 0..tenths {
            self.harness.step();
            std::thread::sleep(Duration::from_millis(100));
        }
        self.settle();
    }

    /// Clicks the thumbnail of a photo, whatever its state.
    pub fn click_photo(&mut self, name: &str) {
        let label = ["registered", "accepted"].map(|s| format!("{name} {s}")).into_iter().find(|l| self.has(l));
        self.click(&label.unwrap_or_else(|| panic!("no thumbnail of {name}")));
    }

    /// Draws until the window has taken in everything that is there.
    pub fn settle(&mut self) {
        for _ in 0..6 {
            self.harness.step();
            std::thread::sleep(Duration::from_millis(40));
        }
        self.harness.run_ok();
    }

    /// Draws until `until` holds.
    pub fn wait(&mut self, what: &str, seconds: u64, until: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !until(self) {
            assert!(Instant::now() < end, "{what}: not within {seconds} s; stages {:?}", self.states());
            self.harness.step();
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    pub fn has(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some()
    }

    pub fn is_enabled(&self, label: &str) -> bool {
        self.harness.query_all_by_label(label).next().is_some_and(|n| !n.accesskit_node().is_disabled())
    }

    pub fn click(&mut self, label: &str) {
        self.harness.query_all_by_label(label).next().unwrap_or_else(|| panic!("nothing is called {label}")).click();
        self.settle();
    }

    /// Chooses a line of a drop-down list.
    pub fn choose(&mut self, list: &str, line: &str) {
        self.harness.get_by_role_and_label(eframe::egui::Role::ComboBox, list).click();
        self.settle();
        // The line in the list comes after whatever else has the word.
        self.harness.query_all_by_label(line).last().unwrap().click();
        self.settle();
    }

    pub fn type_into(&mut self, label: &str, text: &str) {
        self.harness.get_by_role_and_label(eframe::egui::Role::TextInput, label).focus();
        self.harness.step();
        self.type_text(text);
    }

    pub fn type_text(&mut self, text: &str) {
        self.harness.event(Event::Text(text.into()));
        self.settle();
    }

    pub fn press(&mut self, key: Key) {
        self.harness.key_press(key);
        self.settle();
    }

    pub fn press_undo(&mut self) {
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        self.settle();
    }

    pub fn press_palette(&mut self) {
        self.harness.key_press_modifiers(Modifiers::COMMAND, Key::P);
        self.settle();
    }

    pub fn resize(&mut self, size: [f32; 2]) {
        self.harness.set_size(size.into());
        self.settle();
    }

    /// What the run pane says about each stage, in order.
    pub fn states(&self) -> Vec<String> {
        self.harness.state().stage_words()
    }

    pub fn text_of_stage(&self, stage: &str) -> String {
        let words = ["ingest", "features", "match", "verify", "sparse", "depth", "fuse", "city", "part"];
        let place = words.iter().position(|w| *w == stage).unwrap();
        self.states().get(place).cloned().unwrap_or_default()
    }

    /// How long the window would wait for its next frame.
    pub fn repaint_delay(&self) -> Duration {
        self.harness.output().viewport_output.values().map(|v| v.repaint_delay).min().unwrap()
    }
}

/// A project of the sample photos, not yet run.
pub fn copy_samples(folder: &Path) -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/tiny/images");
    let to = folder.join("images");
    fs::create_dir_all(&to).unwrap();
    let mut photos = Vec::new();
    for entry in fs::read_dir(from).unwrap().map(|e| e.unwrap().path()) {
        let copy = to.join(entry.file_name().unwrap());
        fs::copy(&entry, &copy).unwrap();
        photos.push(copy);
    }
    photos.sort();
    let root = folder.join("tiny.veduta");
    Project::open_or_create(&root).unwrap().update(|m| m.photos = photos).unwrap();
    root
}

/// Runs a project from the command line.
pub fn run_cli(project: &Path, until: &str) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_veduta"))
        .args(["run", "-o", project.to_str().unwrap(), "--until", until])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
