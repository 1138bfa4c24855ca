//! One photo at full size with its histogram, what is known about it, and its neighbours.

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::session::PhotoRow;
use super::super::shell::{self, action_button};
use super::super::thumbs::read_for_screen;
use super::overlay::{Overlay, Shown};
use super::photos::state_of;
use eframe::egui::{self, Color32, ColorImage, Pos2, Rect, Sense, TextureHandle, TextureOptions, Vec2};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};

/// Bins of the histogram.
const BINS: usize = 64;

/// The picture, its histogram, the width of the full photo.
type Decoded = (ColorImage, [[u32; BINS]; 3], usize);

struct Loaded {
    path: PathBuf,
    result: Result<Decoded, String>,
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
    /// Width of the photo as it was before it was reduced for the screen.
    full_width: f32,
    /// Middle of the view in pixels of the photo.
    middle: Vec2,
}

/// The loupe's second picture and what is drawn over both.
#[derive(Default)]
struct Pair {
    partner: State,
    overlay: Overlay,
    /// For which photo and results the partner was found, and its row.
    found: Option<(PathBuf, u64, Option<usize>)>,
}

#[derive(Clone, Default)]
struct SharedPair(std::sync::Arc<std::sync::Mutex<Pair>>);

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
    let pair = ui.data_mut(|d| d.get_temp_mut_or_default::<SharedPair>(egui::Id::unique("loupe-pair")).clone());
    let loupe = ui.data_mut(|d| d.get_temp_mut_or_default::<Loupe>(egui::Id::unique("loupe")).clone());
    if let Ok(mut state) = loupe.0.lock() {
        facts(app, ui, &row, state.texture.as_ref().filter(|t| t.0 == row.path).map(|t| &t.2));
        if let Ok(mut pair) = pair.0.lock() {
            pictures(app, &mut state, &mut pair, ui, &row);
        }
    }
    if let Some(action) = chosen {
        let ctx = ui.ctx().clone();
        app.act(action, &ctx);
    }
}

/// The photo, beside it the one that shares most with it when matches are asked for, and what is drawn over them.
fn pictures(app: &VedutaApp, state: &mut State, pair: &mut Pair, ui: &mut egui::Ui, row: &PhotoRow) {
    let Some(session) = app.session.as_ref() else { return };
    if pair.overlay.matches
        && pair
            .found
            .as_ref()
            .is_none_or(|(path, generation, _)| (path, *generation) != (&row.path, session.generation))
    {
        pair.found = Some((row.path.clone(), session.generation, most_shared(app, row)));
    }
    let found = pair.found.as_ref().and_then(|f| f.2).filter(|_| pair.overlay.matches);
    let partner = found.and_then(|i| session.rows.get(i));
    let key = row.id.map(|id| (id, partner.and_then(|p| p.id), session.generation));
    ui.horizontal_wrapped(|ui| {
        let there = row.id.is_some() && session.current.contains_key("features");
        let tip = "Circles: coloured where the feature is a point of the sparse model";
        ui.add_enabled(there, egui::Checkbox::new(&mut pair.overlay.features, "Features")).on_hover_text(tip);
        let tip = "Beside the photo that shares most points with it; point at a feature to follow its line";
        ui.add_enabled(there, egui::Checkbox::new(&mut pair.overlay.matches, "Matches")).on_hover_text(tip);
        if let Some((id, other, _)) = key {
            pair.overlay.ask(session, id, other, ui.ctx());
        }
        if let Some(line) = key.and_then(|k| pair.overlay.line(k)) {
            ui.weak(line);
        }
        if let Some(partner) = partner {
            ui.weak(format!("with {}", partner.name));
        }
    });
    let room = ui.available_size().max(Vec2::splat(40.0));
    let Some(partner) = partner else {
        let shown = picture(state, ui, row, room, "The photo");
        if let Some((key, shown)) = key.zip(shown) {
            pair.overlay.draw(key, shown, None, ui);
        }
        return;
    };
    // Beside or below, whichever leaves the photos larger.
    let wide = room.x > 1.2 * room.y;
    let half = if wide { Vec2::new(room.x / 2.0 - 4.0, room.y) } else { Vec2::new(room.x, room.y / 2.0 - 4.0) };
    let mut both = |ui: &mut egui::Ui| {
        (
            picture(state, ui, row, half, "The photo"),
            picture(&mut pair.partner, ui, partner, half, "The overlapping photo"),
        )
    };
    let (left, right) = if wide { ui.horizontal(&mut both).inner } else { ui.vertical(&mut both).inner };
    if let Some((key, shown)) = key.zip(left) {
        pair.overlay.draw(key, shown, right, ui);
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
    if let Some(sigma) = row.sigma_m {
        lines.push(("Position", format!("good to {sigma:.2} m (one sigma)")));
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
            ui.spacing_mut().interact_size.y = 15.0;
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

/// Draws a photo into a place of the given size; where it is, once it has been read.
fn picture(state: &mut State, ui: &mut egui::Ui, row: &PhotoRow, room: Vec2, label: &str) -> Option<Shown> {
    load(state, ui.ctx(), row);
    let (rect, response) = ui.allocate_exact_size(room.max(Vec2::splat(40.0)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, label));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let say = |text: &str, colour: Color32| {
        painter.text(rect.center(), egui::Align2::CENTER_CENTER, text, egui::FontId::proportional(14.0), colour);
    };
    if let Some((path, why)) = &state.failed
        && *path == row.path
    {
        say(why, ui.visuals().error_fg_color);
        return None;
    }
    let Some((_, texture, _)) = state.texture.as_ref().filter(|t| t.0 == row.path) else {
        say("loading...", ui.visuals().weak_text_color());
        return None;
    };
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
    // Very large photos are shown reduced; features count in pixels of the full photo.
    let full = state.full_width.max(1.0);
    Some(Shown { rect, corner, zoom: zoom * size.x / full })
}

/// Asks for the photo in the background and takes it in when it is there.
fn load(state: &mut State, ctx: &egui::Context, row: &PhotoRow) {
    if let Some(loaded) = state.arriving.as_ref().and_then(|r| r.try_recv().ok()) {
        state.arriving = None;
        match loaded.result {
            Ok((picture, bins, width)) => {
                state.full_width = width as f32;
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

fn read(path: &std::path::Path, orientation: u8) -> Result<Decoded, String> {
    let (photo, full) = read_for_screen(path, orientation)?;
    let mut bins = [[0u32; BINS]; 3];
    for pixel in &photo.data {
        for (channel, &value) in pixel.iter().enumerate() {
            bins[channel][usize::from(value) * BINS / 256] += 1;
        }
    }
    Ok((ColorImage::from_rgb([photo.width, photo.height], photo.data.as_flattened()), bins, full))
}

/// Used by the map to mark the selected photo like the grid does.
pub(super) fn mark(ui: &egui::Ui) -> Color32 {
    shell::accent(ui)
}
