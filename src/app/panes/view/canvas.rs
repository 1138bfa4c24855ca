//! The picture and what the pointer and the keys do to it.

use super::paint;
use super::screen::Screen;
use super::steer::{dragged, steer as orbit};
use super::{SETTLE, View3d, sight};
use crate::app::session::Session;
use crate::app::thumbs::Thumbs;
use crate::base::PhotoId;
use crate::cli::What;
use crate::render::{Drawing, Pick, Viewport};
use eframe::egui::{self, Color32, Key, PointerButton, Pos2, Rect, Response, Sense, Vec2};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use nalgebra::Vector2;
use std::time::{Duration, Instant};

/// Time after which a picture that is not finished is gone on with.
const NEXT_PASS: Duration = Duration::from_millis(4);

/// Draws the picture; gives the photo that was clicked.
pub(super) fn show(
    view: &mut View3d,
    session: &Session,
    thumbs: &mut Thumbs,
    what: What,
    device: &RenderState,
    ui: &mut egui::Ui,
) -> Option<PhotoId> {
    let (rect, response) = ui.allocate_exact_size(ui.available_size().max(Vec2::splat(60.0)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "3D view"));
    let scale = ui.ctx().pixels_per_point();
    let screen = Screen { rect, scale };
    let unit = view.loads.unit(what, session);
    prepare(view, what, &screen, ui);
    let viewport = view.viewport.as_mut()?;
    let before = (viewport.camera, viewport.options.clip);
    let handles = paint::clip_handles(viewport, &screen, ui);
    if !handles.meant {
        steer(view, ui, &response, &screen);
    }
    let viewport = view.viewport.as_mut()?;
    if before != (viewport.camera, viewport.options.clip) {
        view.moving_until = Some(Instant::now() + SETTLE);
    }
    view.photo.follow(viewport);
    let picked = click(view, session, what, &response, &screen, ui);
    draw(view, what, device, ui);
    let viewport = view.viewport.as_ref()?;
    let (texture, _) = view.texture.as_ref()?;
    let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
    ui.painter_at(rect).image(*texture, rect, whole, Color32::WHITE);
    view.photo.paint(ui, rect, &viewport.camera);
    if view.thumbnails && viewport.options.photos && what != What::Part {
        paint::thumbnails(viewport, session, thumbs, &screen, ui);
    }
    let hover = response.hover_pos().filter(|_| view.measures.tool.is_some());
    paint::over(view, session, what, unit, &screen, hover, ui);
    handles.paint(&screen, ui);
    picked
}

/// Sets size, layers and, the first time, the camera.
fn prepare(view: &mut View3d, what: What, screen: &Screen, ui: &egui::Ui) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    let size = screen.rect.size() * screen.scale;
    viewport.resize(size.x as u32, size.y as u32);
    let o = &mut viewport.options;
    (o.sparse, o.dense) = (what == What::Sparse, what == What::Dense);
    (o.city, o.part) = (what == What::City, what == What::Part);
    let loaded = view.loads.loaded[what as usize].is_some();
    let bounds = viewport.bounds().filter(|_| what == What::Part && loaded);
    let wanted = bounds.map(|(_, high)| (what, ui.visuals().dark_mode, high.into()));
    if view.bed_of != wanted {
        view.bed_of = wanted;
        let lines = bounds.map(|b| super::load::bed(b, ui.visuals().dark_mode));
        viewport.set_polylines(&lines.unwrap_or_default());
    }
    if view.framed != Some(what) && loaded {
        let other_world = view.framed.is_none_or(|f| (f == What::Part) != (what == What::Part));
        if other_world {
            // Between results in one frame the camera stays; a part is another world.
            viewport.frame_all();
            view.clip.forget(viewport);
        }
        view.framed = Some(what);
    }
}

/// Moves the camera as the pointer and the keys say.
fn steer(view: &mut View3d, ui: &egui::Ui, response: &Response, screen: &Screen) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    let Some(fly) = view.fly.as_mut() else { return orbit(viewport, ui, response, screen) };
    let looked = if response.dragged_by(PointerButton::Primary) { dragged(response, screen) } else { Vector2::zeros() };
    if fly.step(viewport, ui, &looked, response.contains_pointer()) {
        ui.ctx().request_repaint();
    }
}

/// What a click, a double click, Enter and Esc do; gives the photo that was clicked.
fn click(
    view: &mut View3d,
    session: &Session,
    what: What,
    response: &Response,
    screen: &Screen,
    ui: &egui::Ui,
) -> Option<PhotoId> {
    let (unit, sampling) = (view.loads.unit(what, session), view.loads.sampling(what));
    let viewport = view.viewport.as_mut()?;
    let typing = ui.ctx().egui_wants_keyboard_input();
    let (enter, escape) = ui.input(|i| (i.key_pressed(Key::Enter), i.key_pressed(Key::Escape)));
    if escape && !typing {
        view.fly = None;
        let nothing = view.measures.points.is_empty();
        view.measures.choose(view.measures.tool.filter(|_| !nothing));
        view.sight = view.sight.take().filter(|_| !nothing);
    }
    let pixel = response.interact_pointer_pos().map(|p| screen.pixel(p));
    let mut ended = enter && !typing && view.measures.tool.is_some();
    let mut photo = None;
    if let Some(pixel) = pixel.filter(|_| response.double_clicked() && view.measures.tool.is_none()) {
        // What was clicked becomes the point to turn about, in the middle of the picture.
        if let Some(pick) = viewport.pick(&pixel) {
            viewport.camera.set_depth_of(&pick.point);
            viewport.camera.target = pick.point;
            view.moving_until = Some(Instant::now() + SETTLE);
        }
    } else if let Some(pixel) = pixel.filter(|_| response.clicked()) {
        let pick = viewport.pick(&pixel);
        if view.measures.tool.is_some() {
            if let Some(Pick { point, .. }) = pick.filter(|_| !response.double_clicked()) {
                ended |= view.measures.click(point);
            }
            ended |= response.double_clicked();
        } else {
            photo = viewport.photo_at(&pixel, 12.0 * f64::from(screen.scale)).filter(|_| what != What::Part);
            view.sight = match (photo, pick) {
                (None, Some(pick)) if what != What::Part => sight::Sight::of(&pick, viewport, session),
                _ => None,
            };
        }
    }
    if ended {
        view.measures.finish(viewport.surface(), sampling, unit, ui.ctx());
    }
    photo
}

/// Has the picture drawn, and gives it to the window where it is another one.
fn draw(view: &mut View3d, what: What, device: &RenderState, ui: &egui::Ui) {
    let moving = view.moving_until.is_some_and(|t| t > Instant::now());
    let Some(viewport) = view.viewport.as_mut() else { return };
    let photos = viewport.options.photos;
    // Nobody sees the pyramid of the photo that he looks through.
    viewport.options.photos = photos && what != What::Part && !view.photo.is_on();
    match viewport.render(moving) {
        Drawing::Unfinished => ui.ctx().request_repaint_after(NEXT_PASS),
        _ if moving => ui.ctx().request_repaint_after(SETTLE / 2),
        _ => {}
    }
    viewport.options.photos = photos;
    register(&mut view.texture, viewport, device);
}

/// Has the window know the view's picture.
pub(in crate::app::panes) fn register(
    texture: &mut Option<(egui::TextureId, wgpu::TextureView)>,
    viewport: &Viewport,
    device: &RenderState,
) {
    let shown = viewport.colour_view();
    if texture.as_ref().is_some_and(|(_, known)| known == shown) {
        return;
    }
    let (mut renderer, filter) = (device.renderer.write(), wgpu::FilterMode::Linear);
    let id = match texture {
        Some((id, _)) => {
            renderer.update_egui_texture_from_wgpu_texture(&device.device, shown, filter, *id);
            *id
        }
        None => renderer.register_native_texture(&device.device, shown, filter),
    };
    *texture = Some((id, shown.clone()));
}
