//! The 3D view: sparse points, dense points, city or part, with the photos, drawn by the window's device.

use super::super::session::Session;
use super::super::{Theme, VedutaApp};
use crate::base::Fingerprint;
use crate::project::Project;
use crate::render::measure::distance;
use crate::render::{
    Polyline, PreparedCloud, PreparedMesh, PreparedPhotos, Shading, Viewport, prepare_city, prepare_dense,
    prepare_part, prepare_photos, prepare_sparse,
};
use crate::scene::{City, Part, PointCloud};
use eframe::egui::{self, Align2, Color32, FontId, Rect, Sense, TextureId, Vec2};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use nalgebra::{Vector2, Vector3};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What the view shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Sparse,
    Dense,
    City,
    Part,
}

impl What {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Sparse, "Sparse points", "sparse"),
        (Self::Dense, "Dense points", "fuse"),
        (Self::City, "City", "city"),
        (Self::Part, "Part", "part"),
    ];

    fn stage(self) -> &'static str {
        Self::ALL.iter().find(|(w, ..)| *w == self).map_or("", |(_, _, s)| s)
    }
}

/// Data ready for the device.
enum Prepared {
    Sparse(PreparedCloud, PreparedPhotos),
    Dense(PreparedCloud),
    City(PreparedMesh),
    Part(PreparedMesh),
}

type Arrived = (What, Fingerprint, Result<Prepared, String>);

/// What the pane remembers.
#[derive(Default)]
pub struct View3d {
    viewport: Option<Viewport>,
    texture: Option<TextureId>,
    size: [u32; 2],
    what: Option<What>,
    /// The artifact that each kind was last loaded from, or tried.
    loaded: [Option<Fingerprint>; 4],
    loading: Option<Receiver<Arrived>>,
    failed: Option<String>,
    /// Kind for which the camera was last set.
    framed: Option<What>,
    ruler: Option<Vec<Vector3<f64>>>,
    /// Until when the view counts as moving.
    moving_until: Option<Instant>,
}

/// Time after the last movement before full detail is drawn.
const SETTLE: Duration = Duration::from_millis(180);

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let Some(device) = app.render_state.clone() else {
        ui.centered_and_justified(|ui| ui.weak("There is no graphics adapter for the 3D view."));
        return;
    };
    let view = &mut app.view;
    let viewport = view.viewport.get_or_insert_with(|| Viewport::new(&device.device, &device.queue));
    viewport.options.background = if app.settings.theme == Theme::Dark { [30, 32, 36] } else { [236, 238, 240] };
    viewport.options.highlight = app.photos.current.and_then(|c| session.rows.get(c)?.id);
    let there = |w: What| session.current.contains_key(w.stage());
    if view.what.is_none_or(|w| !there(w)) {
        view.what = [What::City, What::Dense, What::Sparse].into_iter().find(|w| there(*w));
    }
    let Some(what) = view.what else {
        ui.centered_and_justified(|ui| ui.weak("There is nothing to see yet: run the stages up to \"sparse\"."));
        return;
    };
    tools(view, session, ui);
    load(view, session, ui.ctx());
    let what = view.what.unwrap_or(what);
    let picked = canvas(view, what, &device, ui);
    if let Some(photo) = picked
        && let Some(row) = session.rows.iter().position(|r| r.id == Some(photo))
    {
        app.photos.select(row);
    }
}

fn tools(view: &mut View3d, session: &Session, ui: &mut egui::Ui) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    ui.horizontal_wrapped(|ui| {
        for (what, label, stage) in What::ALL {
            let there = session.current.contains_key(stage);
            let chosen = view.what == Some(what);
            let button = egui::Button::selectable(chosen, label);
            if ui.add_enabled(there, button).on_disabled_hover_text(format!("needs the stage {stage}")).clicked() {
                view.what = Some(what);
                view.ruler = None;
                viewport.set_polylines(&[]);
            }
        }
        ui.separator();
        let o = &mut viewport.options;
        for (shading, label) in [
            (Shading::Texture, "Texture"),
            (Shading::Clay, "Clay"),
            (Shading::Normals, "Normals"),
            (Shading::Views, "Overlap"),
        ] {
            ui.selectable_value(&mut o.shading, shading, label);
        }
        ui.checkbox(&mut o.wireframe, "Edges");
        ui.checkbox(&mut o.photos, "Photos");
        ui.separator();
        if ui.button("Fit").clicked() {
            viewport.frame_all();
        }
        if ui.button("From above").clicked() {
            viewport.camera.look_down();
        }
        if let Some((sparse, id)) = session.sparse.as_ref().zip(viewport.options.highlight)
            && ui.button("Through the photo").on_hover_text("Look as the selected photo does").clicked()
            && let Some(pose) = sparse.poses[id.index()]
        {
            let camera = sparse.camera(id);
            let depth = viewport.camera.distance;
            viewport.camera.look_through(&pose, camera.lens.f, f64::from(camera.height), depth);
        }
        ui.checkbox(&mut viewport.camera.orthographic, "Parallel");
        if ui.selectable_label(view.ruler.is_some(), "Ruler").on_hover_text("Click two points to measure").clicked() {
            view.ruler = if view.ruler.is_some() { None } else { Some(Vec::new()) };
            viewport.set_polylines(&[]);
        }
    });
}

/// Starts loading what is to be shown and takes in what was loaded.
fn load(view: &mut View3d, session: &Session, ctx: &egui::Context) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    if let Some((what, key, prepared)) = view.loading.as_ref().and_then(|r| r.try_recv().ok()) {
        view.loading = None;
        view.loaded[what as usize] = Some(key);
        view.failed = prepared.as_ref().err().cloned();
        match prepared {
            Ok(Prepared::Sparse(cloud, photos)) => {
                viewport.upload_sparse(cloud);
                viewport.upload_photos(photos);
            }
            Ok(Prepared::Dense(cloud)) => viewport.upload_dense(cloud),
            Ok(Prepared::City(mesh)) => viewport.upload_city(mesh),
            Ok(Prepared::Part(mesh)) => viewport.upload_part(mesh),
            Err(_) => {}
        }
        view.framed = view.framed.filter(|f| *f != what);
    }
    if view.loading.is_some() {
        return;
    }
    // The sparse model comes along with everything in its frame, for the photos.
    let wanted = view.what.into_iter().chain(view.what.filter(|w| *w != What::Part).map(|_| What::Sparse));
    let stale = wanted
        .filter_map(|w| Some((w, session.current.get(w.stage())?)))
        .find(|(w, key)| view.loaded[*w as usize].as_ref() != Some(*key));
    let Some((what, key)) = stale else { return };
    let (send, receive) = channel();
    view.loading = Some(receive);
    let (root, key, ctx) = (session.root.clone(), key.clone(), ctx.clone());
    std::thread::spawn(move || {
        let prepared = read(&root, what);
        // The pane may be gone by now.
        let _ = send.send((what, key, prepared));
        ctx.request_repaint();
    });
}

fn read(root: &std::path::Path, what: What) -> Result<Prepared, String> {
    let text = |e: crate::project::ProjectError| e.to_string();
    let artifact = Project::open_to_read(root).and_then(|p| p.current(what.stage())).map_err(text)?;
    Ok(match what {
        What::Sparse => {
            let model: crate::scene::Reconstruction = artifact.get("output").map_err(text)?;
            Prepared::Sparse(prepare_sparse(&model), prepare_photos(&model))
        }
        What::Dense => Prepared::Dense(prepare_dense(&artifact.get::<PointCloud>("output").map_err(text)?)),
        What::City => Prepared::City(prepare_city(&artifact.get::<City>("output").map_err(text)?)),
        What::Part => Prepared::Part(prepare_part(&artifact.get::<Part>("output").map_err(text)?)),
    })
}

fn canvas(view: &mut View3d, what: What, device: &RenderState, ui: &mut egui::Ui) -> Option<crate::base::PhotoId> {
    let (rect, response) = ui.allocate_exact_size(ui.available_size().max(Vec2::splat(60.0)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "3D view"));
    let viewport = view.viewport.as_mut()?;
    let scale = ui.ctx().pixels_per_point();
    let size = [(rect.width() * scale) as u32, (rect.height() * scale) as u32];
    viewport.resize(size[0], size[1]);
    let o = &mut viewport.options;
    (o.sparse, o.dense) = (what == What::Sparse, what == What::Dense);
    (o.city, o.part) = (what == What::City, what == What::Part);
    let photos = o.photos;
    o.photos = photos && what != What::Part;
    if view.framed != Some(what) && view.loaded[what as usize].is_some() {
        viewport.frame_all();
        view.framed = Some(what);
    }
    if steer(viewport, ui, &response, rect, scale) {
        view.moving_until = Some(Instant::now() + SETTLE);
    }
    let moving = view.moving_until.is_some_and(|t| t > Instant::now());
    if moving {
        ui.ctx().request_repaint_after(SETTLE);
    }
    let mut picked = None;
    if response.clicked()
        && let Some(p) = response.interact_pointer_pos()
    {
        let pixel = to_pixel(p, rect, scale);
        match (&mut view.ruler, viewport.pick(&pixel)) {
            (Some(points), Some(hit)) => {
                if points.len() >= 2 {
                    points.clear();
                }
                points.push(hit.point);
                let line = Polyline {
                    points: points.clone(),
                    closed: false,
                    width_px: 3.0,
                    colour: [240, 178, 66],
                    on_top: true,
                };
                viewport.set_polylines(&[line]);
            }
            (Some(_), None) => {}
            (None, _) => picked = viewport.photo_at(&pixel, 14.0 * f64::from(scale)),
        }
    }
    viewport.render(moving);
    viewport.options.photos = photos;
    let mut renderer = device.renderer.write();
    let texture = match view.texture {
        Some(texture) if view.size == size => texture,
        Some(texture) => {
            let filter = wgpu::FilterMode::Linear;
            renderer.update_egui_texture_from_wgpu_texture(&device.device, viewport.colour_view(), filter, texture);
            texture
        }
        None => renderer.register_native_texture(&device.device, viewport.colour_view(), wgpu::FilterMode::Linear),
    };
    drop(renderer);
    (view.texture, view.size) = (Some(texture), size);
    let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
    let painter = ui.painter_at(rect);
    painter.image(texture, rect, whole, Color32::WHITE);
    let note = if view.loading.is_some() {
        "loading...".to_string()
    } else if let Some(why) = &view.failed {
        why.clone()
    } else if let Some([a, b]) = view.ruler.as_deref() {
        let d = distance(a, b);
        let unit = if what == What::Part { "mm" } else { "m" };
        format!("{:.2} {unit}, {:.2} across, {:+.2} up", d.direct, d.horizontal, d.rise)
    } else {
        "drag to turn, right-drag to move, scroll to zoom".to_string()
    };
    let at = rect.left_bottom() + egui::vec2(8.0, -6.0);
    let galley = painter.layout_no_wrap(note, FontId::proportional(12.0), ui.visuals().text_color());
    let place = Align2::LEFT_BOTTOM.anchor_size(at, galley.size());
    painter.rect_filled(place.expand(3.0), 3.0, ui.visuals().panel_fill.gamma_multiply(0.85));
    painter.galley(place.min, galley, ui.visuals().text_color());
    picked
}

fn to_pixel(p: egui::Pos2, rect: Rect, scale: f32) -> Vector2<f64> {
    let d = (p - rect.min) * scale;
    Vector2::new(f64::from(d.x), f64::from(d.y))
}

/// Moves the camera as the pointer says; true when it moved.
fn steer(viewport: &mut Viewport, ui: &egui::Ui, response: &egui::Response, rect: Rect, scale: f32) -> bool {
    let before = viewport.camera;
    let size = viewport.size();
    let delta = response.drag_delta() * scale;
    let moved = Vector2::new(f64::from(delta.x), f64::from(delta.y));
    let pan = response.dragged_by(egui::PointerButton::Secondary)
        || response.dragged_by(egui::PointerButton::Middle)
        || (response.dragged() && ui.input(|i| i.modifiers.shift));
    if pan {
        if let Some(p) = response.interact_pointer_pos() {
            let to = to_pixel(p, rect, scale);
            let from = to - moved;
            let held = viewport.hold(&from);
            viewport.camera.pan(&from, &to, &held, size);
        }
    } else if response.dragged_by(egui::PointerButton::Primary) && moved.norm() > 0.0 {
        viewport.camera.orbit(&moved);
    }
    if let Some(p) = response.hover_pos() {
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            let held = viewport.hold(&to_pixel(p, rect, scale));
            viewport.camera.zoom(f64::from(-scroll / 300.0).exp(), &held);
        }
    }
    viewport.camera != before
}
