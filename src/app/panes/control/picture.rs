//! The photos that see the chosen point, and the photo in which it is marked: cross where it should be, ring where a
//! person says that it is.
//!
//! Photos are read in the background and the last few are kept. Enlarged pixels stay crisp, because a mark is finer than
//! a pixel. Pixel coordinates have the centre of the first pixel at (0.5, 0.5), as everywhere.

use super::super::super::VedutaApp;
use super::super::super::action::Action;
use super::super::super::control::Sight;
use super::super::super::shell::{self, action_button};
use super::super::super::thumbs::read_for_screen;
use super::ControlView;
use eframe::egui::{
    self, Color32, ColorImage, Pos2, Rect, RichText, Sense, Stroke, TextureHandle, TextureOptions, Vec2,
};
use nalgebra::Vector2;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

/// Photos kept as textures.
const KEPT: usize = 3;
/// Distance in points within which a mark is taken hold of.
const GRIP: f32 = 12.0;
/// Height of a row of the list in points.
const LINE: f32 = 20.0;
/// Enlargements, in pixels of the screen for a pixel of the photo.
const ZOOMS: [(f32, &str); 4] = [(1.0, "1:1"), (2.0, "2x"), (4.0, "4x"), (8.0, "8x")];

struct Loaded {
    path: PathBuf,
    /// The picture, and the width of the photo before it was reduced.
    result: Result<(ColorImage, usize), String>,
}

/// The photo that is shown, and how.
#[derive(Default)]
pub(super) struct Picture {
    wanted: Option<PathBuf>,
    arriving: Option<Receiver<Loaded>>,
    /// Photo, texture, width of the full photo; the last used last.
    kept: Vec<(PathBuf, TextureHandle, f32)>,
    failed: Option<(PathBuf, String)>,
    /// Pixels of the screen for a pixel of the photo; 0 = fit. `None` = as for the last photo.
    zoom: Option<f32>,
    /// Middle of the view in pixels of the photo; `None` = where the point is.
    middle: Option<Vector2<f64>>,
    /// Where the cross is, in pixels of the photo.
    cross: Option<Vector2<f64>>,
    /// The mark while it is dragged.
    dragged: Option<Vector2<f64>>,
}

impl Picture {
    /// Another point or photo was chosen.
    pub fn look_anew(&mut self) {
        (self.middle, self.cross, self.dragged) = (None, None, None);
    }

    /// Where the cross is.
    pub fn cross(&self) -> Option<Vector2<f64>> {
        self.cross
    }
}

pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let Some(flight) = session.flight.clone() else {
        ui.weak("Photos are listed here once they have been read in: run the first stage.");
        return;
    };
    let sights = app.control.sights_of(session);
    let names: Vec<(PathBuf, String)> =
        sights.iter().map(|s| &flight.photos[s.photo.index()]).map(|p| (p.path.clone(), p.name.clone())).collect();
    let height = ui.available_height();
    ui.horizontal_top(|ui| {
        let width = (ui.available_width() * 0.27).clamp(110.0, 190.0);
        ui.allocate_ui(Vec2::new(width, height), |ui| {
            ui.vertical(|ui| list(app, ui, &sights, &names));
        });
        ui.vertical(|ui| {
            let Some(i) = names.iter().position(|n| app.control.photo.as_ref() == Some(&n.0)) else {
                ui.weak("No photo sees this point.");
                return;
            };
            let orientation = flight.photos[sights[i].photo.index()].orientation;
            tools(app, ui, &names[i].1);
            canvas(app, ui, &sights[i], orientation);
        });
    });
}

/// The photos that see the point.
fn list(app: &mut VedutaApp, ui: &mut egui::Ui, sights: &[Sight], names: &[(PathBuf, String)]) {
    let Some(session) = app.session.as_ref() else { return };
    let errors = app.control.point.as_deref().and_then(|n| session.control.result(n)).map(|r| r.marks.clone());
    let marked = sights.iter().filter(|s| s.mark.is_some()).count();
    ui.add(egui::Label::new(RichText::new(format!("{} photos, {marked} marked", sights.len())).weak()).truncate());
    let mut chosen = None;
    let area = egui::ScrollArea::vertical().id_salt("sights").auto_shrink(false);
    area.show_rows(ui, LINE, sights.len(), |ui, range| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for i in range {
            let (sight, (path, name)) = (&sights[i], &names[i]);
            let error = errors.iter().flatten().find(|m| m.photo == sight.photo).and_then(|m| m.error_px);
            let state = match (sight.mark, error) {
                (None, _) => String::new(),
                (Some(_), None) => "marked".into(),
                (Some(_), Some(e)) => format!("{e:.1} px"),
            };
            if row(ui, name, &state, error.is_some_and(|e| e > 5.0), app.control.photo.as_ref() == Some(path)) {
                chosen = Some(path.clone());
            }
        }
    });
    if let Some(path) = chosen {
        app.control.choose_photo(&path);
    }
}

fn row(ui: &mut egui::Ui, name: &str, state: &str, off: bool, selected: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), LINE), Sense::click());
    let label = format!("seen in {name} {state}");
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, selected, label.trim_end()));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter_at(rect);
        if selected {
            painter.rect_filled(rect, 2.0, ui.visuals().selection.bg_fill);
        } else if response.hovered() {
            painter.rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
        }
        let font = egui::FontId::proportional(12.5);
        let colour = if off { ui.visuals().error_fg_color } else { shell::accent(ui) };
        let right = rect.right_center() - egui::vec2(6.0, 0.0);
        let taken = painter.text(right, egui::Align2::RIGHT_CENTER, state, font.clone(), colour);
        let left = ui.painter_at(Rect::from_min_max(rect.min, egui::pos2(taken.min.x - 4.0, rect.max.y)));
        let colour = ui.visuals().text_color();
        left.text(rect.left_center() + egui::vec2(4.0, 0.0), egui::Align2::LEFT_CENTER, name, font, colour);
    }
    response.on_hover_text(name).clicked()
}

fn tools(app: &mut VedutaApp, ui: &mut egui::Ui, name: &str) {
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        for (action, label) in [(Action::PreviousPhoto, "Previous"), (Action::NextPhoto, "Next")] {
            if action_button(app, ui, action, label) {
                chosen = Some(action);
            }
        }
        let now = app.control.picture.zoom.unwrap_or(2.0);
        for (zoom, label) in ZOOMS.into_iter().chain([(0.0, "Fit")]) {
            if ui
                .selectable_label(now == zoom, label)
                .on_hover_text("Pixels of the screen for one of the photo")
                .clicked()
            {
                app.control.picture.zoom = Some(zoom);
                app.control.picture.middle = None;
            }
        }
        for (action, label) in [(Action::Mark, "Mark at the cross"), (Action::DeleteMark, "Delete the mark")] {
            if action_button(app, ui, action, label) {
                chosen = Some(action);
            }
        }
        ui.strong(name);
    });
    if let Some(action) = chosen {
        let ctx = ui.ctx().clone();
        app.act(action, &ctx);
    }
}

fn canvas(app: &mut VedutaApp, ui: &mut egui::Ui, sight: &Sight, orientation: u8) {
    let Some(path) = app.control.photo.clone() else { return };
    let (rect, response) = ui.allocate_exact_size(ui.available_size().max(Vec2::splat(40.0)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "The photo of the point"));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    load(&mut app.control.picture, ui.ctx(), &path, orientation);
    let view = &mut app.control.picture;
    let say = |text: &str, colour: Color32| {
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, egui::FontId::proportional(14.0), colour);
    };
    if let Some((_, why)) = view.failed.as_ref().filter(|f| f.0 == path) {
        say(why, ui.visuals().error_fg_color);
        return;
    }
    let Some((_, texture, full)) = view.kept.iter().find(|k| k.0 == path) else {
        say("loading...", ui.visuals().weak_text_color());
        return;
    };
    let per_pixel = texture.size_vec2().x / full;
    let size = texture.size_vec2() / per_pixel;
    let (texture, scale) = (texture.id(), ui.ctx().pixels_per_point());
    let fit = (rect.width() / size.x).min(rect.height() / size.y);
    let chosen = view.zoom.unwrap_or(2.0);
    let mut zoom = if chosen > 0.0 { chosen / scale } else { fit };
    let home = sight.mark.or(sight.predicted).filter(|_| chosen > 0.0);
    let mut middle = view.middle.or(home).unwrap_or(Vector2::new(f64::from(size.x), f64::from(size.y)) / 2.0);
    let pixel_at = |p: Pos2, middle: &Vector2<f64>, zoom: f32| {
        let d = (p - rect.center()) / zoom;
        middle + Vector2::new(f64::from(d.x), f64::from(d.y))
    };
    if let Some(pointer) = response.hover_pos() {
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            let under = pixel_at(pointer, &middle, zoom);
            zoom = (zoom * (scroll / 250.0).exp()).clamp(fit * 0.8, 32.0 / scale);
            middle += under - pixel_at(pointer, &middle, zoom);
            (view.zoom, view.middle) = (Some(zoom * scale), Some(middle));
        }
    }
    let mut set = None;
    let at = |p: &Vector2<f64>, middle: &Vector2<f64>| {
        let d = p - middle;
        rect.center() + egui::vec2(d.x as f32, d.y as f32) * zoom
    };
    if response.drag_started()
        && let (Some(mark), Some(start)) = (sight.mark, ui.input(|i| i.pointer.press_origin()))
        && at(&mark, &middle).distance(start) < GRIP
    {
        view.dragged = Some(mark);
        // The view stays while the mark moves.
        view.middle = Some(middle);
    }
    if response.dragged() {
        let d = response.drag_delta() / zoom;
        let by = Vector2::new(f64::from(d.x), f64::from(d.y));
        match view.dragged.as_mut() {
            Some(mark) => *mark += by,
            None => {
                middle -= by;
                view.middle = Some(middle);
            }
        }
    }
    if response.drag_stopped() {
        set = view.dragged.take();
    }
    if response.clicked()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        set = Some(pixel_at(pointer, &middle, zoom));
        view.middle = Some(middle);
    }
    let inside = |p: &Vector2<f64>| p.x >= 0.0 && p.y >= 0.0 && p.x <= f64::from(size.x) && p.y <= f64::from(size.y);
    // Without a prediction the cross is the middle of the view.
    view.cross = Some(sight.predicted.unwrap_or(middle)).filter(inside);
    let mark = view.dragged.or(sight.mark);
    let corner = at(&Vector2::zeros(), &middle);
    let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
    painter.image(texture, Rect::from_min_size(corner, size * zoom), whole, Color32::WHITE);
    if let Some(cross) = view.cross {
        draw_cross(&painter, at(&cross, &middle), shell::accent(ui));
    }
    if let Some(mark) = mark {
        draw_mark(&painter, at(&mark, &middle), app.control.point.as_deref().unwrap_or(""));
    }
    let place = response.hover_pos().map(|p| pixel_at(p, &middle, zoom)).filter(inside);
    caption(ui, &painter, rect, zoom * scale, place, mark.is_some());
    if let Some(pixel) = set.filter(inside) {
        ControlView::set_mark(app, Some(pixel));
    }
}

/// Where the point should be: a cross with a gap, so that the place itself stays visible.
fn draw_cross(painter: &egui::Painter, at: Pos2, colour: Color32) {
    for (width, colour) in [(3.0, Color32::from_black_alpha(150)), (1.2, colour)] {
        for d in [Vec2::X, Vec2::Y] {
            for sign in [-1.0, 1.0] {
                painter.line_segment([at + d * (5.0 * sign), at + d * (22.0 * sign)], Stroke::new(width, colour));
            }
        }
    }
}

/// Where the point was marked: ring, dot and name.
fn draw_mark(painter: &egui::Painter, at: Pos2, name: &str) {
    let colour = Color32::from_rgb(255, 200, 40);
    for (width, colour) in [(3.2, Color32::from_black_alpha(170)), (1.6, colour)] {
        painter.circle_stroke(at, 9.0, Stroke::new(width, colour));
    }
    painter.circle_filled(at, 2.2, Color32::from_black_alpha(170));
    painter.circle_filled(at, 1.2, colour);
    let galley = painter.layout_no_wrap(name.into(), egui::FontId::proportional(12.5), colour);
    let corner = at + egui::vec2(13.0, -galley.size().y - 3.0);
    painter.rect_filled(Rect::from_min_size(corner, galley.size()).expand(3.0), 3.0, Color32::from_black_alpha(150));
    painter.galley(corner, galley, colour);
}

fn caption(ui: &egui::Ui, painter: &egui::Painter, rect: Rect, zoom: f32, pointer: Option<Vector2<f64>>, marked: bool) {
    let help = if marked { "drag the ring to correct" } else { "click to mark" };
    let place = pointer.map_or_else(String::new, |p| format!("   {:.1}, {:.1}", p.x, p.y));
    let text = format!("{:.0} % - {help}; drag, scroll: move{place}", zoom * 100.0);
    let room = (rect.width() - 18.0).max(20.0);
    let galley = painter.layout(text, egui::FontId::proportional(12.0), Color32::WHITE, room);
    let at = rect.left_bottom() + egui::vec2(6.0, -galley.size().y - 5.0);
    painter.rect_filled(Rect::from_min_size(at, galley.size()).expand(3.0), 3.0, Color32::from_black_alpha(150));
    painter.galley(at, galley, ui.visuals().text_color());
}

/// Asks for the photo in the background and takes it in when it is there.
fn load(view: &mut Picture, ctx: &egui::Context, path: &Path, orientation: u8) {
    if let Some(loaded) = view.arriving.as_ref().and_then(|r| r.try_recv().ok()) {
        view.arriving = None;
        match loaded.result {
            Ok((picture, full)) => {
                let options = TextureOptions { magnification: egui::TextureFilter::Nearest, ..TextureOptions::LINEAR };
                let texture = ctx.load_texture("marked photo", picture, options);
                view.kept.retain(|k| k.0 != loaded.path);
                view.kept.push((loaded.path, texture, full as f32));
                let excess = view.kept.len().saturating_sub(KEPT);
                view.kept.drain(..excess);
            }
            Err(why) => view.failed = Some((loaded.path, why)),
        }
    }
    if view.wanted.as_deref() == Some(path) {
        return;
    }
    view.wanted = Some(path.to_path_buf());
    if let Some(i) = view.kept.iter().position(|k| k.0 == path) {
        let used = view.kept.remove(i);
        view.kept.push(used);
        return;
    }
    let (send, receive) = channel();
    view.arriving = Some(receive);
    let (path, ctx) = (path.to_path_buf(), ctx.clone());
    std::thread::spawn(move || {
        let result = read(&path, orientation);
        // The pane may show another photo by now.
        let _ = send.send(Loaded { path, result });
        ctx.request_repaint();
    });
}

fn read(path: &Path, orientation: u8) -> Result<(ColorImage, usize), String> {
    let (photo, full) = read_for_screen(path, orientation)?;
    Ok((ColorImage::from_rgb([photo.width, photo.height], photo.data.as_flattened()), full))
}
