//! The city from above with the area on it: to move, to size, to turn, to draw.

use super::super::map::{scale_bar, tag_on};
use super::preview::Preview;
use super::ready::{Picture, Ready};
use super::shape::{self, Handle};
use crate::print::{Area, Rectangle};
use eframe::egui::{self, Align2, Color32, CursorIcon, Key, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, Vec2};
use nalgebra::Vector2;

/// Points of the screen within which a handle is meant.
const REACH: f32 = 11.0;
/// Distance of the handle for turning from the area.
const GAP: f32 = 26.0;

/// A line or a point of the other views, to be shown here too.
#[derive(Default)]
pub(super) struct Linked {
    /// Ends of the section on the ground.
    pub(super) section: Option<[Vector2<f64>; 2]>,
    /// The place that was picked on the part.
    pub(super) place: Option<Vector2<f64>>,
}

/// What the view remembers.
#[derive(Default)]
pub(super) struct Above {
    middle: Vector2<f64>,
    /// Units of the ground for a point of the screen; 0 = fit.
    scale: f64,
    /// The size of the view in which everything was fitted; none since a person moved the city.
    fitted: Option<Vec2>,
    drag: Option<(Handle, Vector2<f64>, Area)>,
    /// Corners of a polygon that is being drawn.
    pub(super) drawing: Option<Vec<Vector2<f64>>>,
}

/// Where the ground is on the screen.
#[derive(Clone, Copy)]
struct Place {
    rect: Rect,
    middle: Vector2<f64>,
    scale: f64,
}

impl Place {
    fn at(&self, p: &Vector2<f64>) -> Pos2 {
        let d = (p - self.middle) / self.scale;
        self.rect.center() + egui::vec2(d.x as f32, -d.y as f32)
    }

    fn ground(&self, p: Pos2) -> Vector2<f64> {
        let d = p - self.rect.center();
        self.middle + Vector2::new(f64::from(d.x), -f64::from(d.y)) * self.scale
    }
}

/// What is shown besides the area.
pub(super) struct Scene<'a> {
    pub(super) ready: &'a Ready,
    pub(super) picture: Option<&'a Picture>,
    pub(super) linked: Linked,
    pub(super) preview: &'a Preview,
    /// Millimetres of the part for a unit of the ground.
    pub(super) mm_per_unit: f64,
}

impl Above {
    /// Shows everything again.
    pub(super) fn fit(&mut self) {
        self.scale = 0.0;
    }

    /// Draws the view; `area` is what is printed, `chosen` what the order says (none: the program chooses).
    pub(super) fn show(
        &mut self,
        scene: &Scene<'_>,
        area: Option<&Area>,
        chosen: &mut Option<Area>,
        ui: &mut egui::Ui,
    ) {
        let (rect, response) =
            ui.allocate_exact_size(ui.available_size().max(Vec2::splat(60.0)), Sense::click_and_drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "City from above"));
        let (low, high) = scene.ready.bounds;
        if self.scale <= 0.0 || self.fitted.is_some_and(|size| size != rect.size()) {
            self.fitted = Some(rect.size());
            self.middle = (low + high) / 2.0;
            let size = high - low;
            self.scale = 1.06 * (size.x / f64::from(rect.width())).max(size.y / f64::from(rect.height())).max(1e-6);
        }
        self.zoom(rect, &response, ui);
        let place = Place { rect, middle: self.middle, scale: self.scale };
        let mut shown = area.cloned();
        if self.drawing.is_some() {
            self.draw_polygon(place, &response, chosen, ui);
        } else if let Some(now) = area {
            if let Some(changed) = self.take_hold(place, &response, now, (high - low).max() * 1e-3, ui) {
                shown = Some(changed.clone());
                *chosen = Some(changed);
            }
        } else if response.dragged() {
            self.pan(&response);
        }
        let place = Place { rect, middle: self.middle, scale: self.scale };
        let painter = ui.painter_at(rect);
        painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
        if let Some(Picture { texture, corners: [north_west, south_east] }) = scene.picture {
            let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            let on = Rect::from_two_pos(place.at(north_west), place.at(south_east));
            painter.image(texture.id(), on, whole, Color32::WHITE);
        }
        if let Some(well) = scene.ready.well.filter(|w| shown.as_ref() != Some(&Area::Rectangle(*w))) {
            dashed(&painter, &place, &shape::ring(&well.into()), Stroke::new(1.2, Color32::from_white_alpha(150)));
        }
        if let Some(area) = shown.filter(|_| self.drawing.is_none()) {
            paint_area(&area, chosen.is_none(), &place, ui, &painter);
            scene.preview.paint(|p| place.at(p), &painter);
            linked(&scene.linked, &place, &painter);
            numbers(&area.frame(), scene, &place, ui, &painter);
        }
        self.paint_drawing(&place, &response, ui, &painter);
        scale_bar(ui, &painter, rect, self.scale, scene.ready.subject.metric);
    }

    fn pan(&mut self, response: &Response) {
        self.fitted = None;
        let d = response.drag_delta();
        self.middle += Vector2::new(-f64::from(d.x), f64::from(d.y)) * self.scale;
    }

    fn zoom(&mut self, rect: Rect, response: &Response, ui: &egui::Ui) {
        let Some(p) = response.hover_pos() else { return };
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            self.fitted = None;
            let ground = |a: &Self| Place { rect, middle: a.middle, scale: a.scale }.ground(p);
            let under = ground(self);
            self.scale = (self.scale * f64::from(-scroll / 250.0).exp()).clamp(1e-5, 1e5);
            self.middle += under - ground(self);
        }
    }

    /// Follows the pointer; gives the area as it is being dragged.
    fn take_hold(&mut self, place: Place, response: &Response, area: &Area, least: f64, ui: &egui::Ui) -> Option<Area> {
        let handle_at = |p: Pos2| {
            let near = |h: &(Handle, Vector2<f64>)| place.at(&h.1).distance(p);
            let all = shape::handles(area, f64::from(GAP) * place.scale);
            let nearest = all.into_iter().filter(|h| near(h) < REACH).min_by(|a, b| near(a).total_cmp(&near(b)));
            nearest.map(|h| h.0).or_else(|| shape::contains(area, &place.ground(p)).then_some(Handle::Body))
        };
        if response.drag_started_by(egui::PointerButton::Primary) {
            let start = ui.input(|i| i.pointer.press_origin());
            self.drag = start.and_then(|p| Some((handle_at(p)?, place.ground(p), area.clone())));
        }
        let over = response.hover_pos().and_then(handle_at);
        if let Some(handle) = self.drag.as_ref().map(|d| d.0).or(over) {
            ui.ctx().set_cursor_icon(match handle {
                Handle::Body => CursorIcon::Move,
                Handle::Turn => CursorIcon::Alias,
                Handle::Middle(_) => CursorIcon::Copy,
                _ => CursorIcon::Crosshair,
            });
        }
        if response.secondary_clicked()
            && let (Some(Handle::Vertex(i)), Area::Polygon(ring)) = (over, area)
            && ring.len() > 3
        {
            let mut fewer = ring.clone();
            fewer.remove(i);
            return Some(Area::Polygon(fewer));
        }
        if !response.dragged() && !response.drag_stopped() {
            self.drag = None;
            return None;
        }
        let Some((handle, from, before)) = &self.drag else {
            self.pan(response);
            return None;
        };
        let to = place.ground(response.interact_pointer_pos()?);
        let changed = shape::dragged(before, *handle, from, &to, least);
        if response.drag_stopped() {
            self.drag = None;
        }
        Some(changed)
    }

    fn draw_polygon(&mut self, place: Place, response: &Response, chosen: &mut Option<Area>, ui: &egui::Ui) {
        ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
        if response.dragged() {
            self.pan(response);
        }
        let (enter, escape) = ui.input(|i| (i.key_pressed(Key::Enter), i.key_pressed(Key::Escape)));
        let Some(points) = self.drawing.as_mut() else { return };
        if let Some(p) = response.interact_pointer_pos().filter(|_| response.clicked() && !response.double_clicked()) {
            points.push(place.ground(p));
        }
        if escape {
            self.drawing = None;
        } else if (enter || response.double_clicked()) && points.len() >= 3 {
            *chosen = self.drawing.take().map(Area::Polygon);
        }
    }

    fn paint_drawing(&self, place: &Place, response: &Response, ui: &egui::Ui, painter: &Painter) {
        let Some(points) = &self.drawing else { return };
        let mut line: Vec<Pos2> = points.iter().map(|p| place.at(p)).collect();
        for p in &line {
            painter.circle(*p, 4.0, Color32::WHITE, Stroke::new(1.5, Color32::BLACK));
        }
        line.extend(response.hover_pos());
        painter.add(Shape::line(line, Stroke::new(2.0, ui.visuals().warn_fg_color)));
        let text = "Click the corners; Enter or a double click ends, Esc gives up";
        tag_on(ui, painter, place.rect.center_top() + egui::vec2(0.0, 8.0), Align2::CENTER_TOP, text);
    }
}

fn dashed(painter: &Painter, place: &Place, ring: &[Vector2<f64>], stroke: Stroke) {
    let closed: Vec<Pos2> = ring.iter().chain(ring.first()).map(|p| place.at(p)).collect();
    painter.extend(Shape::dashed_line(&closed, stroke, 6.0, 5.0));
}

fn paint_area(area: &Area, automatic: bool, place: &Place, ui: &egui::Ui, painter: &Painter) {
    let accent = super::super::super::shell::accent(ui);
    let ring = shape::ring(area);
    let line: Vec<Pos2> = ring.iter().map(|p| place.at(p)).collect();
    // A dark line under a bright one is seen on roofs and lawns alike.
    painter.add(Shape::closed_line(line.clone(), Stroke::new(4.0, Color32::from_black_alpha(170))));
    if automatic {
        dashed(painter, place, &ring, Stroke::new(2.0, Color32::WHITE));
    } else {
        painter.add(Shape::closed_line(line, Stroke::new(2.0, accent)));
    }
    let frame = area.frame();
    let handles = shape::handles(area, f64::from(GAP) * place.scale);
    if let Some((_, turn)) = handles.iter().find(|h| h.0 == Handle::Turn) {
        let up = nalgebra::Rotation2::new(frame.azimuth) * Vector2::new(0.0, frame.size.y / 2.0);
        painter.line_segment([place.at(&(frame.centre + up)), place.at(turn)], Stroke::new(1.5, Color32::WHITE));
    }
    for (handle, at) in &handles {
        let at = place.at(at);
        let edge = Stroke::new(1.5, Color32::from_black_alpha(200));
        match handle {
            Handle::Turn => painter.circle(at, 6.0, accent, Stroke::new(1.5, Color32::WHITE)),
            Handle::Middle(_) => painter.circle(at, 3.5, Color32::from_white_alpha(170), edge),
            _ => painter.rect(
                Rect::from_center_size(at, Vec2::splat(9.0)),
                1.0,
                Color32::WHITE,
                edge,
                egui::StrokeKind::Inside,
            ),
        };
    }
}

/// Sizes beside the sides, on the ground and on the part.
fn numbers(frame: &Rectangle, scene: &Scene<'_>, place: &Place, ui: &egui::Ui, painter: &Painter) {
    let unit = if scene.ready.subject.metric { "m" } else { "units" };
    let text = |length: f64| format!("{length:.1} {unit} = {:.1} mm", length * scene.mm_per_unit);
    let turn = nalgebra::Rotation2::new(frame.azimuth);
    let below = place.at(&(frame.centre + turn * Vector2::new(0.0, -frame.size.y / 2.0)));
    let beside = place.at(&(frame.centre + turn * Vector2::new(frame.size.x / 2.0, 0.0)));
    let middle = place.at(&frame.centre);
    for (from, length) in [(below, frame.size.x), (beside, frame.size.y)] {
        // Away from the middle, so that the text never lies on its own handle; and never over the edge of the view.
        let words = text(length);
        let half = egui::vec2(words.len() as f32 * 3.3 + 6.0, 11.0);
        let away = (from - middle).normalized();
        let at = from + away * 14.0 + away * half;
        let room = place.rect.shrink2(half);
        let at = at.clamp(room.min, room.max.max(room.min));
        tag_on(ui, painter, at, Align2::CENTER_CENTER, &words);
    }
}

fn linked(linked: &Linked, place: &Place, painter: &Painter) {
    const MARK: Color32 = Color32::from_rgb(240, 178, 66);
    if let Some([a, b]) = linked.section {
        painter.line_segment([place.at(&a), place.at(&b)], Stroke::new(3.5, Color32::from_black_alpha(150)));
        painter.line_segment([place.at(&a), place.at(&b)], Stroke::new(2.0, MARK));
    }
    if let Some(p) = linked.place {
        painter.circle(place.at(&p), 6.0, MARK, Stroke::new(1.5, Color32::BLACK));
    }
}
