//! The wipe: the part in the city's own colours left of a line, and as the surface is chosen (a proof, a measure) right of it.
//!
//! A second 3D view looks from the same place; the line only decides which picture is shown where. It costs the memory of
//! the part once more, and only while it is on.

use super::assembly::Choice;
use super::bed::Parts;
use super::job::Job;
use crate::render::{Drawing, Polyline, PreparedMesh, Viewport};
use eframe::egui::{self, Color32, CursorIcon, Pos2, Rect, Sense, Stroke, TextureId};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use std::time::Duration;

const NEXT_PASS: Duration = Duration::from_millis(4);

/// What is drawn around the parts: for which parts, theme and printer the lines are, they, and the cut face.
pub(super) type Around<'a> =
    (Option<&'a (Parts, bool, String)>, &'a [Polyline], Option<&'a ((Parts, usize, f64), PreparedMesh)>);

/// What the wipe remembers.
pub(super) struct Wipe {
    pub(super) on: bool,
    /// Where the line is, 0 = left edge, 1 = right edge.
    share: f32,
    viewport: Option<Viewport>,
    texture: Option<(TextureId, wgpu::TextureView)>,
    /// The parts that the other view has, and those that come.
    shown: Option<Parts>,
    job: Option<(Parts, Job<PreparedMesh>)>,
    /// The lines and the cut face that it has.
    lines_of: Option<(Parts, bool, String)>,
    cap: Option<(Parts, usize, f64)>,
}

impl Default for Wipe {
    fn default() -> Self {
        Self { on: false, share: 0.5, viewport: None, texture: None, shown: None, job: None, lines_of: None, cap: None }
    }
}

impl Wipe {
    /// The controls; a part in the city's own colours has nothing to be compared with.
    pub(super) fn tools(&mut self, possible: bool, ui: &mut egui::Ui) {
        let tip = "The city's own colours left of a line";
        ui.add_enabled(possible, egui::Checkbox::new(&mut self.on, "Wipe"))
            .on_hover_text(tip)
            .on_disabled_hover_text("Choose a proof or a measure to compare with");
        if self.on {
            ui.spacing_mut().slider_width = 70.0;
            if ui.available_size_before_wrap().x < 120.0 {
                ui.end_row();
            }
            let label = ui.label("Line");
            let slider = egui::Slider::new(&mut self.share, 0.0..=1.0).show_value(false);
            ui.add_enabled(possible, slider).labelled_by(label.id);
        }
        if !self.on {
            // The memory is given back.
            (self.viewport, self.shown, self.job, self.lines_of, self.cap) = (None, None, None, None, None);
        }
    }

    /// Keeps the other view as the first one is. `prepare` makes the parts ready in the city's own colours.
    pub(super) fn follow(
        &mut self,
        first: &Viewport,
        parts: Parts,
        (lines_of, lines, cap): Around<'_>,
        device: &RenderState,
        ui: &egui::Ui,
        prepare: impl FnOnce() -> Job<PreparedMesh>,
    ) {
        if !self.on {
            return;
        }
        let viewport = self.viewport.get_or_insert_with(|| Viewport::new(&device.device, &device.queue));
        if let Some((key, Ok(mesh))) = self.job.as_ref().and_then(|(k, j)| Some((*k, j.ended()?))) {
            viewport.upload_part(mesh);
            (self.shown, self.job) = (Some(key), None);
        }
        // A slider that is still moving waits for the picture before.
        let coming = self.job.as_ref().map(|(k, _)| *k);
        let waits = coming.is_some_and(|c| c == parts || (c.0 == parts.0 && matches!(parts.2, Choice::All(_))));
        if self.shown != Some(parts) && !waits {
            self.job = Some((parts, prepare()));
        }
        if self.lines_of.as_ref() != lines_of {
            self.lines_of = lines_of.cloned();
            viewport.set_polylines(lines);
        }
        if let Some((cut, face)) = cap.filter(|c| self.cap != Some(c.0)) {
            self.cap = Some(*cut);
            viewport.upload_city(face.clone());
        }
        let [width, height] = first.size();
        viewport.resize(width, height);
        (viewport.camera, viewport.options) = (first.camera, first.options);
        if matches!(viewport.render(false), Drawing::Unfinished) {
            ui.ctx().request_repaint_after(NEXT_PASS);
        }
        super::super::view::register(&mut self.texture, viewport, device);
    }

    /// Draws the other view left of the line, and the line, which can be dragged.
    pub(super) fn show(&mut self, rect: Rect, ui: &mut egui::Ui) {
        let Some((texture, _)) = self.texture.as_ref().filter(|_| self.on) else { return };
        if self.shown.is_none() {
            return;
        }
        let x = rect.min.x + rect.width() * self.share;
        let left = Rect::from_min_max(rect.min, Pos2::new(x, rect.max.y));
        let part = Rect::from_min_max(Pos2::ZERO, Pos2::new(self.share, 1.0));
        let painter = ui.painter_at(rect);
        painter.image(*texture, left, part, Color32::WHITE);
        let handle = Rect::from_center_size(Pos2::new(x, rect.center().y), egui::vec2(14.0, rect.height()));
        let dragged = ui.interact(handle, ui.scope_id().with("wipe line"), Sense::drag());
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
