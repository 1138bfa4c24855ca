//! The 3D view: sparse points, dense points, city or part, with the photos, drawn by the window's device; measuring,
//! clipping, flying, looking through photos, pictures of it.
//!
//! `canvas.rs` is what the pointer does, `paint.rs` what is drawn over the picture, `tools.rs` the bar above it; the other
//! files are one section each of the panel below it.

mod canvas;
mod clip;
mod control;
mod fly;
mod legend;
mod load;
mod measures;
mod paint;
mod photo;
mod pictures;
mod plot;
mod screen;
mod sight;
mod steer;
mod tools;
mod units;

pub(super) use canvas::register;
pub(super) use load::bed;
pub use measures::Kind as MeasureKind;
pub(super) use paint::tag;
pub(super) use screen::Screen;
pub(super) use sight::Sight;
pub(super) use steer::steer;
pub(super) use units::Unit;

use super::super::{Theme, VedutaApp};
use crate::base::PhotoId;
use crate::cli::{Side, What};
use crate::render::Viewport;
use eframe::egui::{self, Panel, TextureId};
use eframe::wgpu;
use measures::{Kind, Measures};
use std::time::{Duration, Instant};

/// Something that a person can do to the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the labels in the list of actions say what each does")]
pub enum ViewCommand {
    Fit,
    From(Side),
    Parallel,
    Fly,
    Clip,
    Measure(Kind),
    ThroughPhoto,
    Picture,
    Turntable,
}

/// What the pane remembers.
#[derive(Default)]
pub struct View3d {
    viewport: Option<Viewport>,
    texture: Option<(TextureId, wgpu::TextureView)>,
    what: Option<What>,
    loads: load::Loads,
    /// Kind for which the camera was last set.
    framed: Option<What>,
    /// Until when the view counts as moving.
    moving_until: Option<Instant>,
    commands: Vec<ViewCommand>,
    measures: Measures,
    clip: clip::Clip,
    fly: Option<fly::Fly>,
    sight: Option<sight::Sight>,
    photo: photo::Through,
    pictures: pictures::Pictures,
    /// Whether pictures are drawn on the pyramids.
    thumbnails: bool,
    /// Whether the bed's lines are those of this part and theme.
    bed_of: Option<(What, bool, [f64; 3])>,
}

/// Time after the last movement before full detail is drawn.
const SETTLE: Duration = Duration::from_millis(180);

impl View3d {
    /// Asks for something; it happens when the pane is drawn next.
    pub fn command(&mut self, command: ViewCommand) {
        self.commands.push(command);
    }

    /// Whether letters steer the camera, and so mean nothing else.
    pub fn takes_keys(&self) -> bool {
        self.fly.is_some()
    }
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let Some(device) = app.render_state.clone() else {
        ui.centered_and_justified(|ui| ui.weak("There is no graphics adapter for the 3D view."));
        return;
    };
    let dark = app.settings.theme == Theme::Dark;
    let view = &mut app.view;
    let viewport = view.viewport.get_or_insert_with(|| Viewport::new(&device.device, &device.queue));
    viewport.options.background = if dark { [30, 32, 36] } else { [236, 238, 240] };
    viewport.options.highlight = app.photos.current.and_then(|c| session.rows.get(c)?.id);
    let there = |w: What| session.current.contains_key(w.stage());
    if view.what.is_none_or(|w| !there(w)) {
        view.what = [What::City, What::Dense, What::Sparse].into_iter().find(|w| there(*w));
    }
    if view.what.is_none() {
        ui.centered_and_justified(|ui| ui.weak("There is nothing to see yet: run the stages up to \"sparse\"."));
        return;
    }
    tools::show(view, session, ui);
    for command in std::mem::take(&mut view.commands) {
        tools::execute(view, session, command, ui.ctx());
    }
    load::load(view, session, ui.ctx());
    let Some(what) = view.what else { return };
    let mut wanted = None;
    if has_panel(view) {
        let most = (ui.available_height() * 0.45).max(60.0);
        Panel::bottom("view sections").resizable(false).max_size(most).show(ui, |ui| {
            egui::ScrollArea::vertical().auto_shrink([false, true]).max_height(most).min_scrolled_height(most).show(
                ui,
                |ui| {
                    wanted = sections(view, session, &device, what, ui);
                },
            );
        });
    }
    let picked = canvas::show(view, session, &mut app.thumbs, what, &device, ui);
    if let Some(photo) = wanted.or(picked)
        && let Some(row) = session.rows.iter().position(|r| r.id == Some(photo))
    {
        app.photos.select(row);
    }
}

fn has_panel(view: &View3d) -> bool {
    view.clip.is_shown()
        || !view.measures.done.is_empty()
        || view.sight.is_some()
        || view.photo.is_on()
        || view.pictures.is_open()
}

/// The sections below the picture; gives the photo that was asked for.
fn sections(
    view: &mut View3d,
    session: &super::super::session::Session,
    device: &eframe::egui_wgpu::RenderState,
    what: What,
    ui: &mut egui::Ui,
) -> Option<PhotoId> {
    let viewport = view.viewport.as_mut()?;
    let unit = view.loads.unit(what, session);
    view.photo.section(ui);
    view.clip.section(ui, viewport, unit);
    let sampling = view.loads.sampling(what);
    view.measures.list(ui, &session.root, viewport.surface(), sampling);
    let mut wanted = None;
    if let Some(sight) = &view.sight {
        let (photo, closed) = sight.section(ui, session, unit);
        wanted = photo;
        if closed {
            view.sight = None;
        }
    }
    view.pictures.section(ui, &session.root, viewport, what, &view.measures, device);
    wanted
}
