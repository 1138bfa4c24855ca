//! One photo at full size with its histogram, what is known about it, and its neighbours.

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::session::PhotoRow;
use super::super::shell::{self, action_button};
use super::photos::state_of;
use crate::image::decode::decode_photo;
use eframe::egui::{self, Color32, ColorImage, Pos2, Rect, Sense, TextureHandle, TextureOptions, Vec2};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

/// Bins of the histogram.
const BINS: usize = 64;

struct Loaded {
    path: PathBuf,
    result: Result<(ColorImage, [[u32; BINS]; 3]), String>,
}

/// The photo that is shown, kept in the window's memory between frames.
#[derive(Clone, Default)]
struct Loupe(std::sync::Arc<std::sync::Mutex<State>>);

#[derive(Default)]
struct State {
    wanted: Option<PathBuf>,
    arriving: Option<Receiver<Loaded>>,
    texture: Option<(PathBuf, TextureHandle, [[u32; BINS]; 3])>,
    failed: Option<(PathBuf, String)>,
    /// Screen points for a pixel; 0 = fit.
    zoom: f32,
    /// Middle of the view in pixels of the photo.
    middle: Vec2,
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let row = app.session.as_ref().and_then(|s| s.rows.get(app.photos.current?)).cloned();
    let Some(row) = row else {
        ui.centered_and_justified(|ui| ui.weak("Select a photo to see it here."));
        return;
    };
    let mut chosen = None;
    ui.horizontal_wrapped(|ui| {
        for (action, label) in [(Action::PreviousPhoto, "Previous"), (Action::NextPhoto, "Next")] {
            if action_button(app, ui, action, label) {
                chosen = Some(action);
            }
        }
        if ui.button("Next overlapping").on_hover_text("The photo that shares most points with this one").clicked()
            && let Some(other) = most_shared(app, &row)
        {
            app.photos.select(other);
        }
        ui.strong(&row.name);
        ui.weak(state_of(&row));
    });
    let loupe = ui.data_mut(|d| d.get_temp_mut_or_default::<Loupe>(egui::Id::unique("loupe")).clone());
    if let Ok(mut state) = loupe.0.lock() {
        facts(app, ui, &row, state.texture.as_ref().filter(|t| t.0 == row.path).map(|t| &t.2));
        picture(&mut state, ui, &row);
    }
    if let Some(action) = chosen {
        let ctx = ui.ctx().clone();
        app.act(action, &ctx);
    }
}

/// The row of the photo that shares most sparse points with this one.
fn most_shared(app: &VedutaApp, row: &PhotoRow) -> Option<usize> {
    let session = app.session.as_ref()?;
    let (sparse, id) = (session.sparse.as_ref()?, row.id?);
    let mut shared = vec![0u32; sparse.poses.len()];
    for point in sparse.points.iter().filter(|p| p.track.iter().any(|o| o.photo == id)) {
        point.track.iter().for_each(|o| shared[o.photo.index()] += 1);
    }
    shared[id.index()] = 0;
    let best = shared.iter().enumerate().max_by_key(|(i, s)| (**s, usize::MAX - i)).filter(|(_, s)| **s > 0)?.0;
    session.rows.iter().position(|r| r.id.is_some_and(|i| i.index() == best))
}

fn facts(app: &VedutaApp, ui: &mut egui::Ui, row: &PhotoRow, histogram: Option<&[[u32; BINS]; 3]>) {
    let mut lines: Vec<(&str, String)> = Vec::new();
    if !row.camera.is_empty() {
        lines.push(("Camera", row.camera.clone()));
    }
    let flight = app.session.as_ref().and_then(|s| s.flight.clone());
    if let Some(photo) = flight.as_ref().zip(row.id).map(|(f, id)| &f.photos[id.index()]) {
        if let Some(gps) = photo.gps {
            let altitude = gps.altitude_m.map_or_else(String::new, |a| format!(", {a:.1} m"));
            lines.push(("GPS", format!("{:.6}, {:.6}{altitude}", gps.latitude_deg, gps.longitude_deg)));
        }
        if let Some(a) = photo.attitude {
            lines.push((
                "Attitude",
                format!("yaw {:.1}, pitch {:.1}, roll {:.1} deg", a.yaw_deg, a.pitch_deg, a.roll_deg),
            ));
        }
    }
    if let (Some(h), Some(g)) = (row.height_m, row.gsd_m) {
        lines.push(("Height", format!("{h:.1} m, {:.1} cm a pixel on the ground", g * 100.0)));
    }
    if let Some(rms) = row.rms_px {
        lines.push(("Fit", format!("{} points, {rms:.2} px RMS", row.observations)));
    }
    if let Some(r) = row.gps_residual {
        lines.push(("GPS residual", format!("{:+.2} m east, {:+.2} m north, {:+.2} m up", r.x, r.y, r.z)));
    }
    if let Some(q) = app.thumbs.quality.get(&row.path) {
        lines.push((
            "Exposure",
            format!(
                "sharpness {:.2}, {:.1} % too bright, {:.1} % too dark",
                q.sharpness,
                q.overexposed * 100.0,
                q.underexposed * 100.0
            ),
        ));
    }
    if let Some(why) = &row.left_out {
        lines.push(("Left out", why.clone()));
    }
    ui.horizontal_top(|ui| {
        if let Some(bins) = histogram {
            draw_histogram(ui, bins);
        }
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            for (name, text) in lines {
                ui.horizontal_wrapped(|ui| {
                    ui.label(egui::RichText::new(name).weak().size(12.0));
                    ui.label(egui::RichText::new(text).size(12.0));
                });
            }
        });
    });
}

fn draw_histogram(ui: &mut egui::Ui, bins: &[[u32; BINS]; 3]) {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(128.0, 64.0), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Histogram"));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 2.0, ui.visuals().extreme_bg_color);
    let most = bins.iter().flatten().copied().max().unwrap_or(1).max(1) as f32;
    let colours = [Color32::from_rgb(230, 90, 80), Color32::from_rgb(90, 200, 120), Color32::from_rgb(90, 150, 245)];
    for (channel, colour) in bins.iter().zip(colours) {
        let points: Vec<Pos2> = channel
            .iter()
            .enumerate()
            .map(|(i, &n)| {
                let x = rect.min.x + (i as f32 + 0.5) / BINS as f32 * rect.width();
                egui::pos2(x, rect.max.y - (n as f32 / most).sqrt() * (rect.height() - 2.0))
            })
            .collect();
        painter.line(points, egui::Stroke::new(1.2, colour));
    }
}

fn picture(state: &mut State, ui: &mut egui::Ui, row: &PhotoRow) {
    load(state, ui.ctx(), row);
    let (rect, response) = ui.allocate_exact_size(ui.available_size().max(Vec2::splat(40.0)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "The photo"));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let say = |text: &str, colour: Color32| {
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, egui::FontId::proportional(14.0), colour);
    };
    if let Some((path, why)) = &state.failed
        && *path == row.path
    {
        say(why, ui.visuals().error_fg_color);
        return;
    }
    let Some((path, texture, _)) = &state.texture else {
        say("loading...", ui.visuals().weak_text_color());
        return;
    };
    if *path != row.path {
        say("loading...", ui.visuals().weak_text_color());
        return;
    }
    let size = texture.size_vec2();
    let fit = (rect.width() / size.x).min(rect.height() / size.y);
    let one = 1.0 / ui.ctx().pixels_per_point();
    if response.double_clicked() {
        state.zoom = if state.zoom > 0.0 { 0.0 } else { one };
    }
    let zoom = if state.zoom > 0.0 { state.zoom } else { fit };
    if state.zoom <= 0.0 {
        state.middle = size / 2.0;
    }
    if response.dragged() {
        state.middle -= response.drag_delta() / zoom;
    }
    if let Some(pointer) = response.hover_pos() {
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            let under = state.middle + (pointer - rect.center()) / zoom;
            state.zoom = (zoom * (scroll / 250.0).exp()).clamp(fit * 0.8, 16.0);
            state.middle = under - (pointer - rect.center()) / state.zoom;
        }
    }
    let zoom = if state.zoom > 0.0 { state.zoom } else { fit };
    let corner = rect.center() - state.middle * zoom;
    let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
    painter.image(texture.id(), Rect::from_min_size(corner, size * zoom), whole, Color32::WHITE);
    let percent = format!("{:.0} % - double-click for 1:1, drag and scroll", zoom / one * 100.0);
    let at = rect.left_bottom() + egui::vec2(6.0, -4.0);
    let font = egui::FontId::proportional(12.0);
    let galley = painter.layout_no_wrap(percent, font, Color32::WHITE);
    let back = Rect::from_min_size(at - egui::vec2(3.0, galley.size().y + 1.0), galley.size() + egui::vec2(6.0, 2.0));
    painter.rect_filled(back, 3.0, Color32::from_black_alpha(150));
    painter.galley(back.min + egui::vec2(3.0, 1.0), galley, Color32::WHITE);
}

/// Asks for the photo in the background and takes it in when it is there.
fn load(state: &mut State, ctx: &egui::Context, row: &PhotoRow) {
    if let Some(loaded) = state.arriving.as_ref().and_then(|r| r.try_recv().ok()) {
        state.arriving = None;
        match loaded.result {
            Ok((picture, bins)) => {
                let texture = ctx.load_texture("loupe", picture, TextureOptions::LINEAR);
                state.texture = Some((loaded.path, texture, bins));
                state.zoom = 0.0;
            }
            Err(why) => state.failed = Some((loaded.path, why)),
        }
    }
    if state.wanted.as_ref() == Some(&row.path) {
        return;
    }
    state.wanted = Some(row.path.clone());
    let (send, receive) = channel();
    state.arriving = Some(receive);
    let (path, orientation, ctx) = (row.path.clone(), row.orientation, ctx.clone());
    std::thread::spawn(move || {
        let result = read(&path, orientation);
        // The pane may show another photo by now.
        let _ = send.send(Loaded { path, result });
        ctx.request_repaint();
    });
}

fn read(path: &std::path::Path, orientation: u8) -> Result<(ColorImage, [[u32; BINS]; 3]), String> {
    /// Longest side of a texture that every adapter takes.
    const LIMIT: usize = 8192;
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let mut photo = decode_photo(&bytes, orientation).map_err(|e| e.to_string())?;
    let longest = photo.width.max(photo.height);
    if longest > LIMIT {
        let side = |s: usize| (s * LIMIT / longest).max(1);
        photo = photo.reduced(side(photo.width), side(photo.height));
    }
    let mut bins = [[0u32; BINS]; 3];
    for pixel in &photo.data {
        for (channel, &value) in pixel.iter().enumerate() {
            bins[channel][usize::from(value) * BINS / 256] += 1;
        }
    }
    Ok((ColorImage::from_rgb([photo.width, photo.height], photo.data.as_flattened()), bins))
}

/// Used by the map to mark the selected photo like the grid does.
pub(super) fn mark(ui: &egui::Ui) -> Color32 {
    shell::accent(ui)
}
