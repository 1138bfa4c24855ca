//! What the window remembers between starts: theme, size, places of the panels, recent projects. One small JSON file in the user's
//! configuration folder; a missing or damaged file gives the defaults.

use crate::order::Order;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// Recent projects that are kept.
const RECENT: usize = 12;

/// Which colours the window has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// Light text on dark ground.
    #[default]
    Dark,
    /// Dark text on light ground.
    Light,
}

/// The remembered state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Colours.
    pub theme: Theme,
    /// Size of the window in points.
    pub window: Option<[f32; 2]>,
    /// Whether the window filled the screen.
    pub maximized: bool,
    /// Places of the panels; what cannot be read gives the first arrangement.
    pub layout: Option<serde_json::Value>,
    /// Project folders, the latest first.
    pub recent: Vec<PathBuf>,
    /// Print orders to start from, by name; the area and the title of an order are not part of its template.
    pub templates: Vec<(String, Order)>,
    /// Where the file is; `None` keeps everything in memory (tests).
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

impl Settings {
    /// Reads the settings of this user.
    pub fn load() -> Self {
        let Some(file) = configuration_folder().map(|f| f.join("veduta").join("window.json")) else {
            return Self::default();
        };
        let read = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        Self { file: Some(file), ..read.unwrap_or_default() }
    }

    /// Writes them; settings that cannot be written are only forgotten.
    pub fn save(&self) {
        let Some(file) = &self.file else { return };
        if let (Some(folder), Ok(text)) = (file.parent(), serde_json::to_vec_pretty(self)) {
            let _ = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
        }
    }

    /// Puts a project at the top of the recent ones.
    pub fn remember(&mut self, project: &Path) {
        self.recent.retain(|p| p != project);
        self.recent.insert(0, project.to_path_buf());
        self.recent.truncate(RECENT);
        self.save();
    }

    /// Takes a project off the recent ones.
    pub fn forget(&mut self, project: &Path) {
        self.recent.retain(|p| p != project);
        self.save();
    }
}

/// The folder for configuration files, by the conventions of each system.
fn configuration_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        variable("APPDATA")
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|h| h.join("Library/Application Support"))
    } else {
        variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|h| h.join(".config")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_projects_are_few_and_without_repeats() {
        let mut settings = Settings::default();
        for i in 0..20 {
            settings.remember(Path::new(&format!("/p{i}")));
        }
        settings.remember(Path::new("/p15"));
        assert_eq!(settings.recent.len(), RECENT);
        assert_eq!(settings.recent[0], Path::new("/p15"));
        assert_eq!(settings.recent.iter().filter(|p| *p == Path::new("/p15")).count(), 1);
        settings.forget(Path::new("/p15"));
        assert!(!settings.recent.contains(&PathBuf::from("/p15")));
    }

    #[test]
    fn damaged_settings_are_the_defaults() {
        let read: Settings = serde_json::from_str("{\"theme\":\"light\",\"unknown\":1}").expect("reads");
        assert_eq!(read.theme, Theme::Light);
        assert!(serde_json::from_str::<Settings>("[1").is_err());
    }
}
