//! The panes of an open project, and how they share the window.

mod control;
mod details;
mod export;
mod log;
mod map;
mod overlay;
mod photos;
mod preview;
mod print;
mod report;
mod run;
mod table;
mod view;

pub use control::ControlView;
pub use export::ExportView;
pub use map::MapView;
pub use photos::PhotoView;
pub use print::PrintView;
pub use report::ReportView;
pub use run::RunView;
pub use view::{MeasureKind, View3d, ViewCommand};

use super::VedutaApp;
use eframe::egui::{self, WidgetText};
use egui_tiles::{Behavior, SimplificationOptions, TileId, Tiles, Tree, UiResponse};
use serde::{Deserialize, Serialize};

/// A pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pane {
    /// Thumbnails.
    Photos,
    /// The photos as a table.
    Table,
    /// The flight from above.
    Map,
    /// The selected photo at full size, with what is known about it.
    Details,
    /// Points, city and part in space.
    View,
    /// Points of known coordinates: list, marks, residuals.
    Control,
    /// The print layout.
    Print,
    /// The stages.
    Run,
    /// Results as files.
    Export,
    /// Figures, pictures and warnings on one page.
    Report,
    /// What the stages had to say.
    Log,
}

impl Pane {
    /// All panes.
    pub const ALL: [Self; 11] = [
        Self::Photos,
        Self::Table,
        Self::Map,
        Self::View,
        Self::Details,
        Self::Control,
        Self::Print,
        Self::Run,
        Self::Export,
        Self::Report,
        Self::Log,
    ];

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Photos => "Photos",
            Self::Table => "Table",
            Self::Map => "Map",
            Self::Details => "Photo",
            Self::Control => "Control points",
            Self::Print => "Print",
            Self::View => "3D",
            Self::Run => "Run",
            Self::Export => "Export",
            Self::Report => "Report",
            Self::Log => "Messages",
        }
    }
}

/// Where the panes are.
pub struct Layout(Tree<Pane>);

impl Default for Layout {
    fn default() -> Self {
        let mut tiles = Tiles::default();
        let mut pane = |p| tiles.insert_pane(p);
        let (photos, table) = (pane(Pane::Photos), pane(Pane::Table));
        let (map, view, details) = (pane(Pane::Map), pane(Pane::View), pane(Pane::Details));
        let (run, export, log) = (pane(Pane::Run), pane(Pane::Export), pane(Pane::Log));
        let (control, print, report) = (pane(Pane::Control), pane(Pane::Print), pane(Pane::Report));
        let work = tiles.insert_tab_tile(vec![run, export]);
        let left = tiles.insert_vertical_tile(vec![photos, table]);
        let middle = tiles.insert_tab_tile(vec![map, view, details, control, print, report]);
        let right = tiles.insert_vertical_tile(vec![work, log]);
        let root = tiles.insert_horizontal_tile(vec![left, middle, right]);
        if let Some(egui_tiles::Tile::Container(egui_tiles::Container::Linear(linear))) = tiles.get_mut(root) {
            linear.shares.set_share(left, 1.3);
            linear.shares.set_share(middle, 1.5);
            linear.shares.set_share(right, 0.95);
        }
        if let Some(egui_tiles::Tile::Container(egui_tiles::Container::Linear(linear))) = tiles.get_mut(right) {
            linear.shares.set_share(work, 2.6);
            linear.shares.set_share(log, 1.0);
        }
        Self(Tree::new(egui::Id::unique("panes"), root, tiles))
    }
}

impl Layout {
    /// A remembered arrangement, where it has every pane once.
    pub fn from_value(value: serde_json::Value) -> Option<Self> {
        let tree: Tree<Pane> = serde_json::from_value(value).ok()?;
        let pane_of = |tile: &egui_tiles::Tile<Pane>| match tile {
            egui_tiles::Tile::Pane(pane) => Some(*pane),
            egui_tiles::Tile::Container(_) => None,
        };
        let panes: Vec<Pane> = tree.tiles.tiles().filter_map(pane_of).collect();
        (panes.len() == Pane::ALL.len() && Pane::ALL.iter().all(|p| panes.contains(p))).then_some(Self(tree))
    }

    /// The arrangement to be remembered.
    pub fn to_value(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.0).ok()
    }

    /// Brings a pane to the front of its tabs.
    pub fn reveal(&mut self, pane: Pane) {
        self.0.make_active(|_, tile| matches!(tile, egui_tiles::Tile::Pane(p) if *p == pane));
    }
}

/// Draws the panes.
pub fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let ground = egui::Frame::NONE.fill(ui.visuals().panel_fill);
    egui::CentralPanel::default().frame(ground).show(ui, |ui| {
        if app.print.alone {
            egui::Frame::NONE.inner_margin(6).show(ui, |ui| print::show(app, ui));
            return;
        }
        let mut layout = std::mem::take(&mut app.layout);
        layout.0.ui(&mut Panes { app }, ui);
        app.layout = layout;
    });
}

struct Panes<'a> {
    app: &'a mut VedutaApp,
}

impl Behavior<Pane> for Panes<'_> {
    fn pane_ui(&mut self, ui: &mut egui::Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        let app = &mut *self.app;
        egui::Frame::NONE.inner_margin(6).show(ui, |ui| match pane {
            Pane::Photos => photos::show(app, ui),
            Pane::Table => table::show(app, ui),
            Pane::Map => map::show(app, ui),
            Pane::Details => details::show(app, ui),
            Pane::View => view::show(app, ui),
            Pane::Control => control::show(app, ui),
            Pane::Print => print::show(app, ui),
            Pane::Run => run::show(app, ui),
            Pane::Export => export::show(app, ui),
            Pane::Report => report::show(app, ui),
            Pane::Log => log::show(app, ui),
        });
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        pane.title().into()
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }
}
