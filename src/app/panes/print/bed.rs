//! The made part on the printer's bed: the build volume around it, a section through it, measures of it as colours, the
//! photos behind a place of it.

use super::super::view::{Screen, Sight, bed, tag};
use super::heat::{self, Background, Heat, HeatMap};
use super::job::{Failure, Job};
use super::ready::Ready;
use super::section::Section;
use super::volume::{build_volume, edges};
use super::wipe::Wipe;
use crate::app::session::Session;
use crate::base::PhotoId;
use crate::order::Made;
use crate::render::{Drawing, PreparedMesh, Target, Viewport, prepare_city, prepare_part};
use eframe::egui::{self, Align2, Color32, PointerButton, Pos2, Rect, Response, Sense, Stroke, TextureId, Vec2};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use nalgebra::{Rotation3, Vector2, Vector3};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time after the last movement before full detail is drawn.
const SETTLE: Duration = Duration::from_millis(180);
const NEXT_PASS: Duration = Duration::from_millis(4);
const MARK: Color32 = Color32::from_rgb(240, 178, 66);

/// What can be seen at once: an order's parts, one of them, one measure.
type Key = (u64, usize, Heat);

/// An order's parts, one of them, and the plane through it.
type Cut = (u64, usize, usize, f64);

/// A place of the part that was clicked, and what is known of it.
pub(super) struct Picked {
    /// On the part, in millimetres.
    pub(super) point: Vector3<f64>,
    /// The measure there.
    pub(super) value: Option<f64>,
    /// The place of the city with its photos.
    pub(super) sight: Option<Sight>,
    /// The place of the city.
    pub(super) place: Vector3<f64>,
}

/// What the view remembers.
#[derive(Default)]
pub(super) struct Bed {
    viewport: Option<Viewport>,
    texture: Option<(TextureId, wgpu::TextureView)>,
    pub(super) part: usize,
    pub(super) heat: Heat,
    pub(super) section: Section,
    wipe: Wipe,
    job: Option<(Key, Job<(PreparedMesh, Option<HeatMap>)>)>,
    shown: Option<Key>,
    /// The cut face that is shown, and that which is being made.
    cap: Option<Cut>,
    capping: Option<(Cut, Job<Option<PreparedMesh>>)>,
    map: Option<HeatMap>,
    framed: Option<(u64, usize)>,
    /// Part, theme and printer for which the bed's lines were made.
    bed_of: Option<(u64, usize, bool, String)>,
    moving_until: Option<Instant>,
    pub(super) picked: Option<Picked>,
    /// A place to lead the camera to, once the part is there.
    target: Option<Vector3<f64>>,
    pub(super) failed: Option<Failure>,
}

/// What is shown.
pub(super) struct Scene<'a> {
    pub(super) made: &'a Arc<Made>,
    /// Number of the making, so that another one is told apart.
    pub(super) generation: u64,
    pub(super) ready: &'a Arc<Ready>,
    pub(super) session: &'a Session,
    pub(super) device: &'a RenderState,
}

impl Bed {
    /// Forgets what was picked and measured, because another part is there.
    pub(super) fn forget(&mut self) {
        (self.picked, self.part) = (None, 0);
    }

    /// Leads the camera to a place of a part.
    pub(super) fn lead_to(&mut self, part: usize, at: Vector3<f64>) {
        if part != self.part {
            (self.part, self.picked) = (part, None);
        }
        self.target = Some(at);
    }

    /// The box around the part that is shown, in millimetres.
    pub(super) fn bounds(&self, made: &Made) -> Option<(Vector3<f64>, Vector3<f64>)> {
        made.parts.get(self.part)?.part.mesh.bounds()
    }

    /// The bar above the picture.
    pub(super) fn tools(&mut self, made: &Made, ui: &mut egui::Ui) {
        ui.horizontal_wrapped(|ui| {
            if made.parts.len() > 1 {
                let label = ui.label("Part");
                let name = made.parts.get(self.part).map_or("", |p| p.name.as_str());
                let list = egui::ComboBox::from_id_salt("shown part").selected_text(name).width(80.0);
                let list = list.show_ui(ui, |ui| {
                    for (i, part) in made.parts.iter().enumerate() {
                        if ui.selectable_value(&mut self.part, i, &part.name).clicked() {
                            self.picked = None;
                        }
                    }
                });
                list.response.labelled_by(label.id);
            }
            let label = ui.label("Surface");
            let list = egui::ComboBox::from_id_salt("heat map").selected_text(self.heat.label()).width(116.0);
            let list = list.show_ui(ui, |ui| {
                for (heat, name, tip) in Heat::ALL {
                    ui.selectable_value(&mut self.heat, heat, name).on_hover_text(tip);
                }
            });
            list.response.labelled_by(label.id);
            self.wipe.tools(self.heat, ui);
            let bounds = self.bounds(made);
            self.section.show(bounds, ui);
            if ui.button("Show all").on_hover_text("The whole part and its build volume").clicked() {
                self.framed = None;
            }
            if let Some((_, job)) = &self.job {
                ui.spinner();
                ui.weak(job.what);
            }
        });
        if let Some(why) = &self.failed {
            ui.colored_label(ui.visuals().error_fg_color, &why.headline).on_hover_text(&why.hint);
        }
    }

    /// Draws the picture.
    pub(super) fn show(&mut self, scene: &Scene<'_>, ui: &mut egui::Ui) {
        self.follow(scene, ui.ctx());
        self.follow_cut(scene, ui.ctx());
        let (rect, response) =
            ui.allocate_exact_size(ui.available_size().max(Vec2::splat(60.0)), Sense::click_and_drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Part on the bed"));
        let screen = Screen { rect, scale: ui.ctx().pixels_per_point() };
        self.prepare(scene, &screen, ui);
        let Some(viewport) = self.viewport.as_mut() else { return };
        let before = (viewport.camera, viewport.options.clip);
        steer(viewport, ui, &response, &screen);
        if before.0 != viewport.camera {
            self.moving_until = Some(Instant::now() + SETTLE);
        }
        if let Some(p) = response.interact_pointer_pos().filter(|_| response.clicked()) {
            self.pick(scene, &screen.pixel(p));
        }
        self.draw(scene.device, ui);
        if let Some(viewport) = self.viewport.as_ref() {
            let (part, ctx) = (scene.made.parts.get(self.part).map(|p| p.part.clone()), ui.ctx());
            let prepare = || {
                let draw = move |_: &crate::base::Ctx| Ok(part.map(|p| prepare_part(&p)).unwrap_or_default());
                Job::start("drawing the part", ctx, draw)
            };
            let shown = (self.heat, (scene.generation, self.part));
            self.wipe.follow(viewport, shown, scene.device, ui, prepare);
        }
        let (Some(viewport), Some((texture, _))) = (self.viewport.as_ref(), self.texture.as_ref()) else { return };
        let painter = ui.painter_at(rect);
        let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
        painter.image(*texture, rect, whole, Color32::WHITE);
        self.wipe.show(self.heat, rect, ui);
        if let Some(at) = self.picked.as_ref().and_then(|p| screen.of(&viewport.camera, &p.point)) {
            painter.circle(at, 5.0, MARK, Stroke::new(1.5, Color32::BLACK));
        }
        if let Some(map) = &self.map {
            legend(map, rect, ui, &painter);
        }
        if let Some((low, high)) = self.bounds(scene.made) {
            let s = high - low;
            let text = format!("{:.1} x {:.1} x {:.1} mm", s.x, s.y, s.z);
            let colour = ui.visuals().text_color();
            let ground = ui.visuals().panel_fill.gamma_multiply(0.85);
            let at = rect.left_bottom() + egui::vec2(8.0, -8.0);
            tag(&painter, at, Align2::LEFT_BOTTOM, &text, colour, ground);
        }
    }

    /// Takes in what was made ready, and asks for what is wanted.
    fn follow(&mut self, scene: &Scene<'_>, ctx: &egui::Context) {
        let viewport = self.viewport.get_or_insert_with(|| {
            let mut fresh = Viewport::new(&scene.device.device, &scene.device.queue);
            let o = &mut fresh.options;
            (o.sparse, o.dense, o.city, o.photos, o.part) = (false, false, false, false, true);
            fresh
        });
        if let Some((key, outcome)) = self.job.as_ref().and_then(|(k, j)| Some((*k, j.ended()?))) {
            self.job = None;
            self.shown = Some(key);
            match outcome {
                Ok((mesh, map)) => {
                    viewport.upload_part(mesh);
                    (self.map, self.failed) = (map, None);
                }
                Err(why) if why.cancelled => {}
                Err(why) => self.failed = Some(why),
            }
        }
        let wanted = (scene.generation, self.part, self.heat);
        let coming = self.job.as_ref().map(|(k, _)| *k);
        if self.shown == Some(wanted) || coming == Some(wanted) || self.part >= scene.made.parts.len() {
            return;
        }
        let (made, ready, index, kind) = (scene.made.clone(), scene.ready.clone(), self.part, self.heat);
        let what = if kind == Heat::Texture { "drawing the part" } else { "measuring the part" };
        let job = Job::start(what, ctx, move |run| {
            let part = &made.parts[index].part;
            if kind == Heat::Texture {
                return Ok((prepare_part(part), None));
            }
            let of = Background { made: &made, index, city: &ready.subject.city, surface: &ready.surface };
            let map = heat::measured(run, kind, &of)?;
            Ok((prepare_part(&heat::coloured(part, &map)), Some(map)))
        });
        self.job = Some((wanted, job));
    }

    /// Follows the section with its cut face.
    fn follow_cut(&mut self, scene: &Scene<'_>, ctx: &egui::Context) {
        let Some(viewport) = self.viewport.as_mut() else { return };
        if let Some((cut, outcome)) = self.capping.as_ref().and_then(|(c, j)| Some((*c, j.ended()?))) {
            self.capping = None;
            self.cap = Some(cut);
            viewport.upload_city(outcome.ok().flatten().unwrap_or_default());
        }
        let Some(of) = scene.made.parts.get(self.part) else { return };
        let plane = of.part.mesh.bounds().and_then(|b| self.section.plane(b));
        let wanted = plane.map(|(axis, at)| (scene.generation, self.part, axis, at));
        viewport.options.city = wanted.is_some() && self.cap == wanted;
        let Some(cut) = wanted.filter(|w| self.cap != Some(*w) && self.capping.is_none()) else { return };
        let part = of.part.clone();
        let job = Job::start("cutting", ctx, move |_| {
            Ok(super::cap::cap(&part.mesh, cut.2, cut.3).map(|face| prepare_city(&face)))
        });
        self.capping = Some((cut, job));
    }

    /// Size, bed, section, camera.
    fn prepare(&mut self, scene: &Scene<'_>, screen: &Screen, ui: &egui::Ui) {
        let Some(bounds) = self.bounds(scene.made) else { return };
        let Some(viewport) = self.viewport.as_mut() else { return };
        let [width, height] = screen.size();
        viewport.resize(width, height);
        let dark = ui.visuals().dark_mode;
        viewport.options.background = if dark { [30, 32, 36] } else { [236, 238, 240] };
        viewport.options.clip = self.section.clip(bounds);
        let volume = build_volume(bounds, &scene.made.printer);
        let of = (scene.generation, self.part, dark, scene.made.printer.name.clone());
        if self.bed_of.as_ref() != Some(&of) {
            self.bed_of = Some(of);
            let mut lines = bed((volume.0, volume.0.sup(&Vector3::new(volume.1.x, volume.1.y, 0.0))), dark);
            if scene.made.printer.build_mm.is_some() {
                lines.extend(edges(volume, dark));
            }
            viewport.set_polylines(&lines);
        }
        if self.framed != Some((scene.generation, self.part)) {
            self.framed = Some((scene.generation, self.part));
            viewport.camera.frame(bounds, viewport.size());
        }
        if let Some(at) = self.target.take() {
            viewport.camera.target = at;
            viewport.camera.distance = ((bounds.1 - bounds.0).max() * 0.18).max(5.0);
            self.moving_until = Some(Instant::now() + SETTLE);
        }
    }

    fn draw(&mut self, device: &RenderState, ui: &egui::Ui) {
        let moving = self.moving_until.is_some_and(|t| t > Instant::now());
        let Some(viewport) = self.viewport.as_mut() else { return };
        match viewport.render(moving) {
            Drawing::Unfinished => ui.ctx().request_repaint_after(NEXT_PASS),
            _ if moving => ui.ctx().request_repaint_after(SETTLE / 2),
            _ => {}
        }
        super::super::view::register(&mut self.texture, viewport, device);
    }

    /// What is under a pixel, and the photos behind it.
    fn pick(&mut self, scene: &Scene<'_>, pixel: &Vector2<f64>) {
        let pick = self.viewport.as_ref().and_then(|v| v.pick(pixel));
        // The cut face is inside: no photo saw it.
        let pick = pick.filter(|p| matches!(p.target, Target::Part(_)));
        self.picked = pick.map(|pick| {
            let value = match (pick.target, &self.map) {
                (Target::Part(t), Some(map)) => map.values.get(t as usize).copied().filter(|v| v.is_finite()),
                _ => None,
            };
            let place = scene.made.city_from_part(self.part, &pick.point);
            // The surface itself, from which the part may differ by what was thickened or smoothed.
            let reach = 3.0 / scene.made.frame.mm_per_unit;
            let on = scene.ready.surface.closest(&place, reach).map_or(place, |hit| hit.point);
            let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), scene.made.frame.rectangle.azimuth);
            let normal = pick.normal.map(|n| turn * n);
            let sight = Sight::at(on, normal, &scene.ready.surface, scene.session);
            Picked { point: pick.point, value: value.map(f64::from), sight, place: on }
        });
    }

    /// The picked place: measure and photos; gives the photo that was asked for.
    pub(super) fn place(&mut self, session: &Session, metric: bool, ui: &mut egui::Ui) -> Option<PhotoId> {
        let picked = self.picked.as_ref()?;
        let p = picked.point;
        let value = picked.value.map_or_else(String::new, |v| format!(": {}", self.heat.text(v)));
        ui.label(format!("At {:.1}, {:.1}, {:.1} mm of the part{value}", p.x, p.y, p.z));
        let unit = if metric { super::super::view::Unit::Metre } else { super::super::view::Unit::Unknown };
        let Some(sight) = &picked.sight else {
            ui.weak("The photos behind it are not known: the project has no sparse model.");
            return None;
        };
        let (photo, closed) = sight.section(ui, session, unit);
        if closed {
            self.picked = None;
        }
        photo
    }
}

fn steer(viewport: &mut Viewport, ui: &egui::Ui, response: &Response, screen: &Screen) {
    let size = viewport.size();
    let delta = response.drag_delta() * screen.scale;
    let moved = Vector2::new(f64::from(delta.x), f64::from(delta.y));
    let pan = response.dragged_by(PointerButton::Secondary)
        || response.dragged_by(PointerButton::Middle)
        || (response.dragged() && ui.input(|i| i.modifiers.shift));
    if pan {
        if let Some(p) = response.interact_pointer_pos() {
            let to = screen.pixel(p);
            let from = to - moved;
            let held = viewport.hold(&from);
            viewport.camera.pan(&from, &to, &held, size);
        }
    } else if response.dragged_by(PointerButton::Primary) && moved.norm() > 0.0 {
        viewport.camera.orbit(&moved);
    }
    if let Some(p) = response.hover_pos() {
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            let held = viewport.hold(&screen.pixel(p));
            viewport.camera.zoom(f64::from(-scroll / 300.0).exp(), &held);
        }
    }
}

/// The scale of a measure, the worst on the left, with the printer's limit.
fn legend(map: &HeatMap, rect: Rect, ui: &egui::Ui, painter: &egui::Painter) {
    let (text, ground) = (ui.visuals().text_color(), ui.visuals().panel_fill.gamma_multiply(0.85));
    let at = rect.left_top() + egui::vec2(10.0, 10.0);
    let title = tag(painter, at, Align2::LEFT_TOP, map.heat.label(), text, ground);
    let bar = Rect::from_min_size(title.left_bottom() + egui::vec2(0.0, 8.0), egui::vec2(180.0, 10.0));
    let steps = 60;
    for i in 0..steps {
        let x = |k: i32| bar.min.x + bar.width() * k as f32 / steps as f32;
        let [r, g, b] = heat::colour(f64::from(i) / f64::from(steps - 1));
        let piece = Rect::from_min_max(egui::pos2(x(i), bar.min.y), egui::pos2(x(i + 1), bar.max.y));
        painter.rect_filled(piece, 0.0, Color32::from_rgb(r, g, b));
    }
    let [low, high] = map.range;
    let (worst, best) = if map.share(low) < map.share(high) { (low, high) } else { (high, low) };
    let below = bar.left_bottom() + egui::vec2(0.0, 6.0);
    tag(painter, below, Align2::LEFT_TOP, &map.heat.text(worst), text, ground);
    tag(painter, bar.right_bottom() + egui::vec2(0.0, 6.0), Align2::RIGHT_TOP, &map.heat.text(best), text, ground);
    if let Some(limit) = map.limit {
        let x = bar.min.x + bar.width() * map.share(limit) as f32;
        painter.line_segment([egui::pos2(x, bar.min.y - 3.0), egui::pos2(x, bar.max.y + 3.0)], Stroke::new(2.0, text));
        let words = format!("limit {}", map.heat.text(limit));
        tag(painter, below + egui::vec2(0.0, 20.0), Align2::LEFT_TOP, &words, text, ground);
    }
}
