//! The printer's tray from above, with every copy of every part at its place.
//!
//! In: the made parts and how many copies are wanted. A thread packs them and draws each part once from above; the tray is
//! then a drawing, however many copies stand on it. A click on a part shows it alone.

use super::super::map::picture_of;
use super::super::view::tag;
use super::job::{Failure, Job};
use crate::order::pictures::from_above;
use crate::order::trays::{Trays, bed, numbers};
use crate::order::{Made, Order};
use crate::print::pack::Placement;
use crate::scene::Part;
use eframe::egui::{
    self, Align2, Color32, ColorImage, Painter, Pos2, Rect, Sense, Stroke, TextureHandle, TextureOptions,
};
use nalgebra::Vector3;
use std::ops::Range;
use std::sync::Arc;

/// Pixels of a part's picture along the tray's longer side.
const PIXELS: f64 = 1400.0;
/// Distance of the lines on the tray in millimetres.
const GRID: f64 = 50.0;

/// The making and the colouring of the parts, and how many copies.
type Key = (u64, u64, u32);

/// Packed trays with pictures of the parts.
struct Laid {
    trays: Option<Trays>,
    /// Trays on which the same parts stand in the same places.
    alike: Vec<Range<usize>>,
    pictures: Vec<Picture>,
}

/// A part from above.
struct Picture {
    image: ColorImage,
    /// Millimetres for a pixel.
    gsd: f64,
    name: String,
}

/// What the view remembers.
#[derive(Default)]
pub(super) struct TrayView {
    job: Option<(Key, Job<Laid>)>,
    laid: Option<(Key, Laid)>,
    textures: Vec<TextureHandle>,
    /// Which of the trays that differ.
    chosen: usize,
    failed: Option<(Key, Failure)>,
}

/// Whether there is something to be seen on a tray.
pub(super) fn is_possible(made: &Made, copies: u32) -> bool {
    bed(&made.printer).is_some() && (made.parts.len() > 1 || copies > 1)
}

impl TrayView {
    /// Asks for the trays of these parts, and takes in what came.
    pub(super) fn follow(&mut self, made: &Arc<Made>, key: Key, ctx: &egui::Context) {
        if let Some((key, outcome)) = self.job.as_ref().and_then(|(k, j)| Some((*k, j.ended()?))) {
            self.job = None;
            match outcome {
                Ok(mut laid) => {
                    let load = |p: &mut Picture| {
                        ctx.load_texture(&p.name, std::mem::take(&mut p.image), TextureOptions::LINEAR)
                    };
                    self.textures = laid.pictures.iter_mut().map(load).collect();
                    (self.laid, self.failed) = (Some((key, laid)), None);
                }
                Err(why) if why.cancelled => {}
                Err(why) => (self.laid, self.failed) = (None, Some((key, why))),
            }
        }
        let there = self.laid.as_ref().map(|l| l.0).or(self.failed.as_ref().map(|f| f.0));
        // A number that is still being dragged waits for the trays before.
        if there == Some(key) || self.job.is_some() {
            return;
        }
        let order = Order { copies: key.2, ..made.order.clone() };
        let made = Made { order, ..(**made).clone() };
        self.job = Some((
            key,
            Job::start("packing the tray", ctx, move |run| {
                let trays = Trays::of(run, &made)?;
                let alike = trays.as_ref().map_or_else(Vec::new, Trays::alike);
                let [x, y, _] = trays.as_ref().map_or([1.0; 3], |t| t.bed.build_mm);
                let drawn = |p: &crate::order::MadePart| picture(&p.part, &p.name, x.max(y) / PIXELS);
                Ok(Laid { trays, alike, pictures: made.parts.iter().map(drawn).collect() })
            }),
        ));
    }

    /// The list of trays, and what is said of the chosen one.
    pub(super) fn tools(&mut self, ui: &mut egui::Ui) {
        if let Some((_, Laid { trays: Some(trays), alike, .. })) = &self.laid {
            self.chosen = self.chosen.min(alike.len().saturating_sub(1));
            if alike.len() > 1 {
                let label = ui.label("Tray");
                let list = egui::ComboBox::from_id_salt("tray").selected_text(short(&alike[self.chosen])).width(80.0);
                let list = list.show_ui(ui, |ui| {
                    for (i, range) in alike.iter().enumerate() {
                        ui.selectable_value(&mut self.chosen, i, short(range)).on_hover_text(numbers(range));
                    }
                });
                list.response.labelled_by(label.id);
            }
            if let Some(tray) = alike.get(self.chosen).and_then(|r| trays.trays.get(r.start)) {
                let (parts, used) = (tray.placements.len(), 100.0 * tray.used);
                let of = if trays.trays.len() > 1 { format!("{} trays; ", trays.trays.len()) } else { String::new() };
                let parts = if parts == 1 { "one part".into() } else { format!("{parts} parts") };
                ui.weak(format!("{of}{parts}, {used:.0} % covered, {:.1} mm high", tray.height_mm));
            }
        }
        if let Some((_, job)) = &self.job {
            ui.spinner();
            ui.weak(job.what);
        }
        if let Some((_, why)) = &self.failed {
            ui.colored_label(ui.visuals().error_fg_color, &why.headline).on_hover_text(&why.hint);
        }
    }

    /// Draws the tray; gives the part that was clicked.
    pub(super) fn show(&self, ui: &mut egui::Ui) -> Option<usize> {
        let room = ui.available_size().max(egui::Vec2::splat(60.0));
        let (rect, response) = ui.allocate_exact_size(room, Sense::click());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Tray from above"));
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
        let Some((_, Laid { trays: Some(trays), alike, pictures })) = &self.laid else { return None };
        let tray = alike.get(self.chosen).and_then(|r| trays.trays.get(r.start))?;
        let [width, depth, _] = trays.bed.build_mm;
        let inner = rect.shrink2(egui::vec2(14.0, 22.0));
        let scale = (f64::from(inner.width()) / width).min(f64::from(inner.height()) / depth).max(1e-3);
        let corner = inner.center() + egui::vec2((-width * scale / 2.0) as f32, (depth * scale / 2.0) as f32);
        let at = |x: f64, y: f64| corner + egui::vec2((x * scale) as f32, (-y * scale) as f32);
        bare(ui, &painter, at, [width, depth]);
        let mut under = None;
        for p in &tray.placements {
            let [w, d] = trays.footprints[p.part].sides(p.quarters);
            let place = Rect::from_two_pos(at(p.at_mm[0], p.at_mm[1]), at(p.at_mm[0] + w, p.at_mm[1] + d));
            let picture = self.textures.get(p.part).zip(pictures.get(p.part));
            if let Some((texture, Picture { gsd, .. })) = picture {
                let mesh = turned(p, trays.footprints[p.part].size_mm, texture, *gsd, at);
                painter.add(egui::Shape::mesh(mesh));
            }
            if response.hover_pos().is_some_and(|m| place.contains(m)) {
                under = Some((p, place));
            }
        }
        let any = alike.get(self.chosen).is_some_and(|r| r.len() > 1);
        let (text, ground) = (ui.visuals().text_color(), ui.visuals().panel_fill.gamma_multiply(0.85));
        for p in &tray.placements {
            let [w, d] = trays.footprints[p.part].sides(p.quarters);
            let words = caption(pictures, p, any);
            let wide = (w * scale) as f32;
            if !words.is_empty() && wide > 8.0 * words.len() as f32 && d * scale > 18.0 {
                tag(
                    &painter,
                    at(p.at_mm[0] + w / 2.0, p.at_mm[1] + d / 2.0),
                    Align2::CENTER_CENTER,
                    &words,
                    text,
                    ground,
                );
            }
        }
        let words = format!("{width:.0} x {depth:.0} mm, front below");
        tag(&painter, rect.left_bottom() + egui::vec2(8.0, -6.0), Align2::LEFT_BOTTOM, &words, text, ground);
        let (p, place) = under?;
        painter.rect_stroke(
            place,
            1.0,
            Stroke::new(1.5, ui.visuals().selection.stroke.color),
            egui::StrokeKind::Outside,
        );
        let tip = format!(
            "{}, copy {}: at {:.1}, {:.1} mm, turned by {}\u{b0}. Click to see it alone",
            pictures.get(p.part).map_or("", |p| p.name.as_str()),
            p.copy,
            p.at_mm[0],
            p.at_mm[1],
            p.turn_deg()
        );
        let response = response.on_hover_text_at_pointer(tip);
        response.clicked().then_some(p.part)
    }
}

/// The tray itself, with lines.
fn bare(ui: &egui::Ui, painter: &Painter, at: impl Fn(f64, f64) -> Pos2, [width, depth]: [f64; 2]) {
    let plate = Rect::from_two_pos(at(0.0, 0.0), at(width, depth));
    let line = ui.visuals().weak_text_color();
    painter.rect_filled(plate, 3.0, ui.visuals().faint_bg_color);
    let thin = Stroke::new(1.0, line.gamma_multiply(0.25));
    for i in 1..(width / GRID).ceil() as usize {
        let x = i as f64 * GRID;
        painter.line_segment([at(x, 0.0), at(x, depth)], thin);
    }
    for i in 1..(depth / GRID).ceil() as usize {
        let y = i as f64 * GRID;
        painter.line_segment([at(0.0, y), at(width, y)], thin);
    }
    painter.rect_stroke(plate, 3.0, Stroke::new(1.5, line), egui::StrokeKind::Outside);
}

/// A part's picture at its place.
fn turned(
    p: &Placement,
    size_mm: [f64; 3],
    texture: &TextureHandle,
    gsd: f64,
    at: impl Fn(f64, f64) -> Pos2,
) -> egui::Mesh {
    let [w, d, _] = size_mm;
    let matrix = p.tray_from_part((Vector3::zeros(), Vector3::from(size_mm)));
    let [across, down] = texture.size().map(|n| n as f64 * gsd);
    let mut mesh = egui::Mesh::with_texture(texture.id());
    for [x, y] in [[0.0, 0.0], [w, 0.0], [w, d], [0.0, d]] {
        let place = matrix * nalgebra::Vector4::new(x, y, 0.0, 1.0);
        let uv = egui::pos2((x / across).min(1.0) as f32, ((d - y) / down).min(1.0) as f32);
        mesh.vertices.push(egui::epaint::Vertex { pos: at(place.x, place.y), uv, color: Color32::WHITE });
    }
    mesh.indices = vec![0, 1, 2, 0, 2, 3];
    mesh
}

fn picture(part: &Part, name: &str, gsd: f64) -> Picture {
    let gsd = gsd.max(1e-3);
    Picture { image: picture_of(&from_above(part, gsd)), gsd, name: name.to_string() }
}

fn short(range: &Range<usize>) -> String {
    if range.len() == 1 { (range.start + 1).to_string() } else { format!("{} to {}", range.start + 1, range.end) }
}

/// What is written on a part; on trays that are alike any copy may stand.
fn caption(pictures: &[Picture], p: &Placement, any: bool) -> String {
    let name = pictures.get(p.part).map_or("", |p| p.name.trim_start_matches("part-"));
    match (pictures.len() > 1, any) {
        (true, true) => name.into(),
        (true, false) => format!("{name} / {}", p.copy),
        (false, true) => String::new(),
        (false, false) => p.copy.to_string(),
    }
}
