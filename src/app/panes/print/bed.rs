//! The made part on the printer's bed: the build volume around it, a section through it, measures of it as colours, the
//! photos behind a place of it.

use super::super::view::{Screen, Sight, bed, steer};
use super::assembly::{self, Assembly, Bounds, Choice};
use super::heat::{Background, Heat};
use super::job::{Failure, Job};
use super::legend;
use super::look::{self, Look};
use super::ready::Ready;
use super::section::Section;
use super::tray::{self, TrayView};
use super::volume::{build_volume, edges};
use super::wipe::Wipe;
use crate::app::session::Session;
use crate::base::PhotoId;
use crate::order::Made;
use crate::render::{Drawing, Polyline, PreparedMesh, Target, Viewport, prepare_city};
use eframe::egui::{self, Color32, Pos2, Rect, Sense, Stroke, TextureId, Vec2};
use eframe::egui_wgpu::RenderState;
use eframe::wgpu;
use nalgebra::{Rotation3, Vector2, Vector3};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time after the last movement before full detail is drawn.
const SETTLE: Duration = Duration::from_millis(180);
const NEXT_PASS: Duration = Duration::from_millis(4);
const MARK: Color32 = Color32::from_rgb(240, 178, 66);

/// An order's bodies and their colours, each by its number; and which parts of it, where.
pub(super) type Parts = (u64, u64, Choice);

/// What can be seen at once.
type Key = (Parts, Heat);

/// Parts and the plane through them.
type Cut = (Parts, usize, f64);

/// The bed's lines and, around a part as it is printed, those of the build volume.
fn lines(bounds: Bounds, made: &Made, choice: Choice, dark: bool) -> Vec<Polyline> {
    let volume = if matches!(choice, Choice::One(_)) { build_volume(bounds, &made.printer) } else { bounds };
    let mut lines = bed((volume.0, volume.0.sup(&Vector3::new(volume.1.x, volume.1.y, 0.0))), dark);
    if made.printer.build_mm.is_some() && volume != bounds {
        lines.extend(edges(volume, dark));
    }
    lines
}

/// A place of the part that was clicked, and what is known of it.
pub(super) struct Picked {
    /// Which part.
    part: usize,
    /// On the part, in millimetres.
    point: Vector3<f64>,
    /// The measure there.
    value: Option<(Heat, f64)>,
    /// The place of the city with its photos.
    sight: Option<Sight>,
    /// The place of the city.
    pub(super) place: Vector3<f64>,
}

/// What the view remembers.
#[derive(Default)]
pub(super) struct Bed {
    viewport: Option<Viewport>,
    texture: Option<(TextureId, wgpu::TextureView)>,
    choice: Choice,
    tray: TrayView,
    pub(super) heat: Heat,
    pub(super) section: Section,
    pub(super) wipe: Wipe,
    job: Option<(Key, Job<Look>)>,
    shown: Option<Key>,
    /// The cut face that is shown, and that which is being made.
    cap: Option<(Cut, PreparedMesh)>,
    capping: Option<(Cut, Job<Option<PreparedMesh>>)>,
    look: Look,
    framed: Option<(u64, bool, usize)>,
    /// Parts, theme and printer for which the bed's lines were made, and they.
    bed_of: Option<(Parts, bool, String)>,
    lines: Vec<Polyline>,
    /// The boxes of all parts of an order.
    boxes: Option<(Arc<Made>, Vec<Bounds>)>,
    moving_until: Option<Instant>,
    pub(super) picked: Option<Picked>,
    /// A part and the place of it to lead the camera to, once it is there.
    target: Option<(usize, Vector3<f64>)>,
    pub(super) failed: Option<Failure>,
}

/// What is shown.
pub(super) struct Scene<'a> {
    pub(super) made: &'a Arc<Made>,
    /// Number of the making, so that another one is told apart.
    pub(super) generation: u64,
    /// Number of the colouring.
    pub(super) coloured: u64,
    /// Whether its colours are those of the order.
    pub(super) settled: bool,
    /// How many of each part are wanted.
    pub(super) copies: u32,
    pub(super) ready: &'a Arc<Ready>,
    pub(super) session: &'a Session,
    pub(super) device: &'a RenderState,
}

impl Bed {
    /// Forgets what was picked and measured, because another part is there.
    pub(super) fn forget(&mut self) {
        self.picked = None;
        self.choice = if matches!(self.choice, Choice::One(_)) { Choice::default() } else { self.choice };
    }

    /// Leads the camera to a place of a part.
    pub(super) fn lead_to(&mut self, part: usize, at: Vector3<f64>) {
        if !matches!(self.choice, Choice::All(_)) && self.choice != Choice::One(part) {
            (self.choice, self.picked) = (Choice::One(part), None);
        }
        self.target = Some((part, at));
    }

    /// The parts that stand on the bed.
    fn assembly(&mut self, made: &Arc<Made>) -> Assembly {
        if self.boxes.as_ref().is_none_or(|(of, _)| !Arc::ptr_eq(of, made)) {
            self.boxes = Some((made.clone(), assembly::boxes(made)));
        }
        let boxes = self.boxes.as_ref().map_or(&[][..], |(_, boxes)| boxes);
        // A split that became one part.
        let one = matches!(self.choice, Choice::All(_)) && made.parts.len() < 2;
        Assembly::of(made, boxes, if one { Choice::default() } else { self.choice })
    }

    /// The ends of an upright section on the whole's ground, in millimetres of the whole.
    pub(super) fn section_line(&mut self, made: &Arc<Made>) -> Option<[Vector2<f64>; 2]> {
        let ends = self.section.line(self.assembly(made).bounds?)?;
        match self.choice {
            Choice::One(i) => {
                Some(ends.map(|p| p + made.parts.get(i).map_or_else(Vector2::zeros, |part| part.at.xy())))
            }
            Choice::All(apart) => Some(ends).filter(|_| apart == 0.0),
            Choice::Tray => None,
        }
    }

    /// The bar above the picture.
    pub(super) fn tools(&mut self, made: &Arc<Made>, copies: u32, ui: &mut egui::Ui) {
        let has_tray = tray::is_possible(made, copies);
        if self.choice == Choice::Tray && !has_tray {
            self.choice = Choice::default();
        }
        ui.horizontal_wrapped(|ui| {
            ui.add_space(4.0);
            if (made.parts.len() > 1 || has_tray) && self.choice.show(made, has_tray, ui) {
                self.picked = None;
            }
            if self.choice == Choice::Tray {
                return self.tray.tools(ui);
            }
            let label = ui.label("Surface");
            let list =
                egui::ComboBox::from_id_salt("heat map").selected_text(self.heat.label()).width(116.0).height(400.0);
            let list = list.show_ui(ui, |ui| {
                for (heat, name, tip) in Heat::ALL {
                    ui.selectable_value(&mut self.heat, heat, name).on_hover_text(tip);
                }
            });
            list.response.labelled_by(label.id);
            self.wipe.tools(self.has_other_colours(made), ui);
            let bounds = self.assembly(made).bounds;
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

    /// Whether what is shown differs from the city's own colours.
    fn has_other_colours(&self, made: &Made) -> bool {
        self.heat != Heat::Texture || made.parts.iter().any(|p| p.own.is_some())
    }

    /// Draws the picture.
    pub(super) fn show(&mut self, scene: &Scene<'_>, ui: &mut egui::Ui) {
        if self.choice == Choice::Tray {
            self.tray.follow(scene.made, (scene.generation, scene.coloured, scene.copies), ui.ctx());
            if let Some(part) = self.tray.show(ui) {
                self.choice = Choice::One(part);
            }
            return;
        }
        let assembly = self.assembly(scene.made);
        self.follow(scene, &assembly, ui.ctx());
        self.follow_cut(scene, &assembly, ui.ctx());
        let (rect, response) =
            ui.allocate_exact_size(ui.available_size().max(Vec2::splat(60.0)), Sense::click_and_drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Part on the bed"));
        let screen = Screen { rect, scale: ui.ctx().pixels_per_point() };
        self.prepare(scene, &assembly, &screen, ui);
        let Some(viewport) = self.viewport.as_mut() else { return };
        let before = (viewport.camera, viewport.options.clip);
        steer(viewport, ui, &response, &screen);
        if before.0 != viewport.camera {
            self.moving_until = Some(Instant::now() + SETTLE);
        }
        if let Some(p) = response.interact_pointer_pos().filter(|_| response.clicked()) {
            self.pick(scene, &assembly, &screen.pixel(p));
        }
        self.draw(scene.device, ui);
        let wiped = self.has_other_colours(scene.made);
        if let Some(viewport) = self.viewport.as_ref().filter(|_| wiped) {
            let (made, standing, ctx, parts) = (scene.made.clone(), assembly.clone(), ui.ctx(), self.parts_of(scene));
            let prepare = || Job::start("drawing the part", ctx, move |_| Ok(look::own(&made, &standing)));
            let cap = self.cap.as_ref().filter(|_| viewport.options.city);
            let around = (self.bed_of.as_ref(), self.lines.as_slice(), cap);
            self.wipe.follow(viewport, parts, around, scene.device, ui, prepare);
        }
        let (Some(viewport), Some((texture, _))) = (self.viewport.as_ref(), self.texture.as_ref()) else { return };
        let painter = ui.painter_at(rect);
        let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
        painter.image(*texture, rect, whole, Color32::WHITE);
        if wiped {
            self.wipe.show(rect, ui);
        }
        let place = |p: &Picked| screen.of(&viewport.camera, &(p.point + assembly.at(p.part)?));
        if let Some(at) = self.picked.as_ref().and_then(place) {
            painter.circle(at, 5.0, MARK, Stroke::new(1.5, Color32::BLACK));
        }
        if self.shown.is_some_and(|s| s.1 == self.heat) && self.failed.is_none() {
            legend::show(&self.look, rect, ui, &painter);
        }
        if let Some(bounds) = assembly.bounds {
            legend::size(bounds, rect, ui, &painter);
        }
    }

    fn parts_of(&self, scene: &Scene<'_>) -> Parts {
        (scene.generation, scene.coloured, self.choice)
    }

    /// Takes in what was made ready, and asks for what is wanted.
    fn follow(&mut self, scene: &Scene<'_>, assembly: &Assembly, ctx: &egui::Context) {
        let wanted = (self.parts_of(scene), self.heat);
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
                Ok(mut look) => {
                    viewport.upload_part(std::mem::take(&mut look.mesh));
                    (self.look, self.failed) = (look, None);
                }
                Err(why) if why.cancelled => {}
                Err(why) => self.failed = Some(why),
            }
        }
        let coming = self.job.as_ref().map(|(k, _)| *k);
        // A slider that is still moving waits for the picture before.
        let other = coming.is_some_and(|c| c.1 != wanted.1 || c.0.0 != wanted.0.0);
        let early = self.heat.is_of_print() && !scene.settled;
        if self.shown == Some(wanted) || (coming.is_some() && !other) || assembly.parts.is_empty() || early {
            return;
        }
        self.failed = None;
        let (made, ready, kind, assembly) = (scene.made.clone(), scene.ready.clone(), self.heat, assembly.clone());
        let what = match kind {
            Heat::Texture => "drawing the part",
            _ if kind.is_of_print() => "proofing the part",
            _ => "measuring the part",
        };
        let job = Job::start(what, ctx, move |run| {
            let of = Background { made: &made, city: &ready.subject.city, surface: &ready.surface };
            look::look(run, kind, &assembly, &of)
        });
        self.job = Some((wanted, job));
    }

    /// Follows the section with its cut face.
    fn follow_cut(&mut self, scene: &Scene<'_>, assembly: &Assembly, ctx: &egui::Context) {
        let parts = self.parts_of(scene);
        let Some(viewport) = self.viewport.as_mut() else { return };
        if let Some((cut, outcome)) = self.capping.as_ref().and_then(|(c, j)| Some((*c, j.ended()?))) {
            self.capping = None;
            let face = outcome.ok().flatten().unwrap_or_default();
            viewport.upload_city(face.clone());
            self.cap = Some((cut, face));
        }
        let plane = assembly.bounds.and_then(|b| self.section.plane(b));
        let wanted = plane.map(|(axis, at)| (parts, axis, at));
        let there = self.cap.as_ref().map(|c| c.0);
        viewport.options.city = wanted.is_some() && there == wanted;
        let Some(cut) = wanted.filter(|w| there != Some(*w) && self.capping.is_none()) else { return };
        let (made, assembly) = (scene.made.clone(), assembly.clone());
        let job = Job::start("cutting", ctx, move |_| {
            let face = super::cap::cap(&assembly.mesh(&made), cut.1, cut.2);
            Ok(face.map(|face| prepare_city(&face)))
        });
        self.capping = Some((cut, job));
    }

    /// Size, bed, section, camera.
    fn prepare(&mut self, scene: &Scene<'_>, assembly: &Assembly, screen: &Screen, ui: &egui::Ui) {
        let (Some(bounds), parts) = (assembly.bounds, self.parts_of(scene)) else { return };
        let Some(viewport) = self.viewport.as_mut() else { return };
        let [width, height] = screen.size();
        viewport.resize(width, height);
        let dark = ui.visuals().dark_mode;
        viewport.options.background = if dark { [30, 32, 36] } else { [236, 238, 240] };
        viewport.options.clip = self.section.clip(bounds);
        let of = (parts, dark, scene.made.printer.name.clone());
        if self.bed_of.as_ref() != Some(&of) {
            self.bed_of = Some(of);
            self.lines = lines(bounds, scene.made, parts.2, dark);
            viewport.set_polylines(&self.lines);
        }
        let one = if let Choice::One(i) = self.choice { i } else { 0 };
        let frame = (scene.generation, matches!(self.choice, Choice::All(_)), one);
        if self.framed != Some(frame) {
            self.framed = Some(frame);
            viewport.camera.frame(bounds, viewport.size());
        }
        if let Some((part, at)) = self.target.take() {
            viewport.camera.target = at + assembly.at(part).unwrap_or_else(Vector3::zeros);
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
    fn pick(&mut self, scene: &Scene<'_>, assembly: &Assembly, pixel: &Vector2<f64>) {
        let pick = self.viewport.as_ref().and_then(|v| v.pick(pixel));
        self.picked = pick.and_then(|pick| {
            // The cut face is inside: no photo saw it.
            let Target::Part(t) = pick.target else { return None };
            let (number, triangle) = self.look.part_of(t)?;
            let (part, at) = *assembly.parts.get(number)?;
            let map = self.look.maps.get(number);
            let value = map.and_then(|m| Some((m.heat, f64::from(*m.values.get(triangle).filter(|v| v.is_finite())?))));
            let point = pick.point - at;
            let place = scene.made.city_from_part(part, &point);
            // The surface itself, from which the part may differ by what was thickened or smoothed.
            let reach = 3.0 / scene.made.frame.mm_per_unit;
            let on = scene.ready.surface.closest(&place, reach).map_or(place, |hit| hit.point);
            let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), scene.made.frame.rectangle.azimuth);
            let normal = pick.normal.map(|n| turn * n);
            let sight = Sight::at(on, normal, &scene.ready.surface, scene.session);
            Some(Picked { part, point, value, sight, place: on })
        });
    }

    /// The picked place: measure and photos; gives the photo that was asked for.
    pub(super) fn place(&mut self, session: &Session, metric: bool, ui: &mut egui::Ui) -> Option<PhotoId> {
        let picked = self.picked.as_ref()?;
        let p = picked.point;
        let value = picked.value.map_or_else(String::new, |(heat, v)| format!(": {}", heat.text(v)));
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
