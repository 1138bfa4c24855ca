//! What a run has so far: the growing sparse model from above, or the depth map that was made last.

use super::super::VedutaApp;
use super::super::shell;
use crate::base::Preview;
use eframe::egui::{self, Color32, ColorImage, Pos2, Rect, Sense, Shape, TextureOptions, Vec2};

const HEIGHT: f32 = 150.0;
/// Points drawn at most.
const MOST: usize = 4000;

/// Draws the preview while a run is at work.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref().filter(|s| s.work.is_some()) else {
        app.run.picture = None;
        return;
    };
    let Some((number, preview)) = session.board.preview.clone() else { return };
    let size = Vec2::new(ui.available_width().max(80.0), HEIGHT);
    match &*preview {
        Preview::Points { points, centres } => {
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "The sparse model so far"));
            draw_points(ui, rect, points, centres);
            ui.weak(format!("{} photos placed, {} points", centres.len(), points.len()));
        }
        Preview::Picture { subject, width, pixels } => {
            let height = pixels.len() / width.max(&1);
            if app.run.picture.as_ref().is_none_or(|p| p.0 != number) && height > 0 {
                let image = ColorImage::from_rgb([*width, height], pixels.as_flattened());
                app.run.picture = Some((number, ui.ctx().load_texture("preview", image, TextureOptions::LINEAR)));
            }
            if let Some((_, texture)) = &app.run.picture {
                let own = texture.size_vec2();
                let scale = (size.x / own.x).min(size.y / own.y);
                ui.add(egui::Image::new((texture.id(), own * scale)).alt_text("The depth map made last"));
                ui.weak(format!("{subject}: near is bright"));
            }
        }
    }
}

/// From above, north up, fitted to the middle nine tenths of the points and to all cameras.
fn draw_points(ui: &egui::Ui, rect: Rect, points: &[[f32; 3]], centres: &[[f32; 3]]) {
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let step = points.len().div_ceil(MOST).max(1);
    let shown: Vec<[f32; 3]> = points.iter().step_by(step).copied().collect();
    let span = |axis: usize| {
        let mut values: Vec<f32> = shown.iter().map(|p| p[axis]).collect();
        values.sort_by(f32::total_cmp);
        let inner = &values[values.len() / 20..values.len() - values.len() / 20];
        let all = inner.iter().copied().chain(centres.iter().map(|c| c[axis]));
        all.fold((f32::MAX, f32::MIN), |(lo, hi), v| (lo.min(v), hi.max(v)))
    };
    if shown.is_empty() {
        return;
    }
    let (x, y) = (span(0), span(1));
    let room = rect.shrink(8.0);
    let scale = (room.width() / (x.1 - x.0).max(1e-6)).min(room.height() / (y.1 - y.0).max(1e-6));
    let middle = ((x.0 + x.1) / 2.0, (y.0 + y.1) / 2.0);
    let at =
        |p: &[f32; 3]| -> Pos2 { rect.center() + Vec2::new((p[0] - middle.0) * scale, -(p[1] - middle.1) * scale) };
    let mut mesh = egui::Mesh::default();
    let colour: Color32 = ui.visuals().text_color().gamma_multiply(0.6);
    for p in &shown {
        mesh.add_colored_rect(Rect::from_center_size(at(p), Vec2::splat(1.6)), colour);
    }
    painter.add(Shape::mesh(mesh));
    for c in centres {
        painter.circle_filled(at(c), 2.5, shell::accent(ui));
    }
}
