//! The wipe: the part in its own colours left of a line, and with a measure's colours right of it.
//!
//! A second 3D view looks from the same place; the line only decides which picture is shown where. It costs the memory of
//! the part once more, and only while it is on.

use super::heat::Heat;
use super::job::Job;
use crate::render::{Drawing, PreparedMesh, Viewport};
use eframe::egui::{self, Color32, CursorIcon, Pos2, Rect, Sense, Stroke, TextureId};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use std::time::Duration;

const NEXT_PASS: Duration = Duration::from_millis(4);

/// What the wipe remembers.
pub(super) struct Wipe {
    on: bool,
    /// Where the line is, 0 = left edge, 1 = right edge.
    share: f32,
    viewport: Option<Viewport>,
    texture: Option<(TextureId, wgpu::TextureView)>,
    /// The part that the other view has, and the one that comes.
    shown: Option<(u64, usize)>,
    job: Option<((u64, usize), Job<PreparedMesh>)>,
}

impl Default for Wipe {
    fn default() -> Self {
        Self { on: false, share: 0.5, viewport: None, texture: None, shown: None, job: None }
    }
}

impl Wipe {
    /// The controls; a part in its own colours has nothing to be compared with.
    pub(super) fn tools(&mut self, heat: Heat, ui: &mut egui::Ui) {
        let possible = heat != Heat::Texture;
        let tip = "The part's own colours left of a line";
        ui.add_enabled(possible, egui::Checkbox::new(&mut self.on, "Wipe"))
            .on_hover_text(tip)
            .on_disabled_hover_text("Choose a measure to compare with");
        if self.on && possible {
            ui.spacing_mut().slider_width = 70.0;
            let label = ui.label("Line");
            ui.add(egui::Slider::new(&mut self.share, 0.0..=1.0).show_value(false)).labelled_by(label.id);
        }
        if !self.on {
            // The memory is given back.
            (self.viewport, self.shown, self.job) = (None, None, None);
        }
    }

    /// Keeps the other view as the first one is. `prepare` makes the part ready in its own colours.
    pub(super) fn follow(
        &mut self,
        first: &Viewport,
        (heat, part): (Heat, (u64, usize)),
        device: &RenderState,
        ui: &egui::Ui,
        prepare: impl FnOnce() -> Job<PreparedMesh>,
    ) {
        if !self.on || heat == Heat::Texture {
            return;
        }
        let viewport = self.viewport.get_or_insert_with(|| Viewport::new(&device.device, &device.queue));
        if let Some((key, Ok(mesh))) = self.job.as_ref().and_then(|(k, j)| Some((*k, j.ended()?))) {
            viewport.upload_part(mesh);
            (self.shown, self.job) = (Some(key), None);
        }
        if self.shown != Some(part) && self.job.as_ref().is_none_or(|(k, _)| *k != part) {
            self.job = Some((part, prepare()));
        }
        let [width, height] = first.size();
        viewport.resize(width, height);
        (viewport.camera, viewport.options) = (first.camera, first.options);
        viewport.options.city = false;
        if matches!(viewport.render(false), Drawing::Unfinished) {
            ui.ctx().request_repaint_after(NEXT_PASS);
        }
        super::super::view::register(&mut self.texture, viewport, device);
    }

    /// Draws the other view left of the line, and the line, which can be dragged.
    pub(super) fn show(&mut self, heat: Heat, rect: Rect, ui: &mut egui::Ui) {
        let Some((texture, _)) = self.texture.as_ref().filter(|_| self.on && heat != Heat::Texture) else { return };
        if self.shown.is_none() {
            return;
        }
        let x = rect.min.x + rect.width() * self.share;
        let left = Rect::from_min_max(rect.min, Pos2::new(x, rect.max.y));
        let part = Rect::from_min_max(Pos2::ZERO, Pos2::new(self.share, 1.0));
        let painter = ui.painter_at(rect);
        painter.image(*texture, left, part, Color32::WHITE);
        let handle = Rect::from_center_size(Pos2::new(x, rect.center().y), egui::vec2(14.0, rect.height()));
        let dragged = ui.interact(handle, ui.id().with("wipe line"), Sense::drag());
        dragged.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Splitter, true, "Line of the wipe"));
        if dragged.hovered() || dragged.dragged() {
            ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
        }
        if dragged.dragged() {
            self.share = (self.share + dragged.drag_delta().x / rect.width().max(1.0)).clamp(0.0, 1.0);
        }
        painter.vline(x, rect.y_range(), Stroke::new(3.0, Color32::from_black_alpha(150)));
        painter.vline(x, rect.y_range(), Stroke::new(1.5, Color32::WHITE));
    }
}
