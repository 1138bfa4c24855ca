//! What is drawn over the picture: measurements, rays, the clipping box and its handles, photos on their pyramids,
//! legend, compass, scale bar, notes.

use super::plot::nice_step;
use super::screen::Screen;
use super::units::Unit;
use super::{View3d, control, legend};
use crate::app::session::Session;
use crate::app::thumbs::{Thumb, Thumbs};
use crate::cli::What;
use crate::render::{ViewCamera, Viewport};
use eframe::egui::{self, Align2, Color32, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, Vec2};
use nalgebra::Vector3;

pub(super) const MARK: Color32 = Color32::from_rgb(240, 178, 66);
const RAY: Color32 = Color32::from_rgb(86, 180, 233);
const BOX: Color32 = Color32::from_rgb(204, 121, 167);
/// East, north, up: told apart without red against green.
const AXES: [(Color32, &str); 3] = [
    (Color32::from_rgb(213, 94, 0), "E"),
    (Color32::from_rgb(0, 158, 115), "N"),
    (Color32::from_rgb(86, 168, 245), "Up"),
];
/// Pyramids with pictures, at most.
const PICTURES: usize = 80;

/// Draws everything that lies over the picture.
pub(super) fn over(
    view: &View3d,
    session: &Session,
    what: What,
    unit: Unit,
    screen: &Screen,
    hover: Option<Pos2>,
    ui: &egui::Ui,
) {
    let Some(viewport) = view.viewport.as_ref() else { return };
    let painter = ui.painter_at(screen.rect);
    let camera = &viewport.camera;
    let surface = viewport.surface();
    if let Some(sight) = &view.sight {
        for seen in &sight.seen {
            let ends = [seen.centre, sight.point];
            screen.line_behind(&painter, (camera, surface.as_deref()), ends, Stroke::new(1.3, RAY));
        }
        if let Some(at) = screen.of(camera, &sight.point) {
            painter.circle(at, 5.0, MARK, Stroke::new(1.5, Color32::BLACK));
        }
    }
    if let Some(clip) = viewport.options.clip {
        for edge in clip.edges() {
            screen.line(&painter, camera, edge, Stroke::new(1.4, BOX));
        }
    }
    if what != What::Part {
        control::draw(session, camera, screen, ui, &painter);
    }
    measurements(view, viewport, screen, hover, &painter);
    legend::draw(viewport, what, unit, screen, ui, &painter);
    compass(camera, screen, ui, &painter);
    if camera.orthographic {
        scale_bar(camera, unit, screen, ui, &painter);
    }
    if what == What::Part {
        sizes(viewport, unit, screen, ui, &painter);
    }
    note(view, session, unit, screen, ui, &painter);
}

fn measurements(view: &View3d, viewport: &Viewport, screen: &Screen, hover: Option<Pos2>, painter: &Painter) {
    let camera = &viewport.camera;
    let surface = viewport.surface();
    let sight = (camera, surface.as_deref());
    let draw = |points: &[Vector3<f64>], closed: bool| {
        for pair in points.windows(2) {
            screen.line_behind(painter, sight, [pair[0], pair[1]], Stroke::new(4.0, Color32::from_black_alpha(140)));
            screen.line_behind(painter, sight, [pair[0], pair[1]], Stroke::new(2.0, MARK));
        }
        if let ([first, .., last], true) = (points, closed) {
            screen.line_behind(painter, sight, [*last, *first], Stroke::new(2.0, MARK));
        }
        for at in points.iter().filter_map(|p| screen.of(camera, p)) {
            painter.circle(at, 3.5, MARK, Stroke::new(1.0, Color32::BLACK));
        }
    };
    for one in &view.measures.done {
        draw(&one.points, one.kind.is_closed());
        let middle = one.points.iter().sum::<Vector3<f64>>() / one.points.len().max(1) as f64;
        if let Some(at) = screen.of(camera, &middle) {
            tag(
                painter,
                at - Vec2::new(0.0, 10.0),
                Align2::CENTER_BOTTOM,
                &one.name,
                Color32::WHITE,
                Color32::from_black_alpha(170),
            );
        }
    }
    draw(&view.measures.points, false);
    if let (Some(to), Some(at)) = (hover, view.measures.points.last().and_then(|p| screen.of(camera, p))) {
        painter.add(Shape::dashed_line(&[at, to], Stroke::new(1.5, MARK), 6.0, 4.0));
    }
}

/// Text on a ground that keeps it readable; gives the place that it takes.
pub(in crate::app::panes) fn tag(
    painter: &Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    colour: Color32,
    ground: Color32,
) -> Rect {
    let galley = painter.layout_no_wrap(text.to_string(), FontId::proportional(12.0), colour);
    // Never over the edge of the picture.
    let (room, size) = (painter.clip_rect().shrink(4.0), galley.size());
    let least = align.anchor_size(at, size).min;
    let corner = least.min(room.max - size).max(room.min);
    let place = Rect::from_min_size(corner, size);
    painter.rect_filled(place.expand(3.0), 3.0, ground);
    painter.galley(place.min, galley, colour);
    place
}

pub(super) fn ground(ui: &egui::Ui) -> Color32 {
    ui.visuals().panel_fill.gamma_multiply(0.85)
}

fn compass(camera: &ViewCamera, screen: &Screen, ui: &egui::Ui, painter: &Painter) {
    let middle = screen.rect.right_bottom() - Vec2::new(44.0, 44.0);
    if screen.rect.width() < 160.0 || screen.rect.height() < 120.0 {
        return;
    }
    painter.circle_filled(middle, 36.0, ground(ui).gamma_multiply(0.7));
    let axes = camera.axes();
    let mut arms: Vec<(f64, Vec2, usize)> = (0..3)
        .map(|i| {
            let on_screen = Vec2::new(axes[0][i] as f32, -axes[1][i] as f32) * 22.0;
            (axes[2][i], on_screen, i)
        })
        .collect();
    // Arms that point away first.
    arms.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, arm, i) in arms {
        let (colour, name) = AXES[i];
        painter.line_segment([middle, middle + arm], Stroke::new(2.5, colour));
        if arm.length() > 6.0 {
            painter.text(middle + arm * 1.35, Align2::CENTER_CENTER, name, FontId::proportional(11.0), colour);
        }
    }
}

fn scale_bar(camera: &ViewCamera, unit: Unit, screen: &Screen, ui: &egui::Ui, painter: &Painter) {
    let for_a_point = camera.pixel_size(&camera.target, screen.size()) * f64::from(screen.scale);
    let length = nice_step(for_a_point * f64::from(screen.rect.width()) * 0.25, 1.3);
    let wide = (length / for_a_point) as f32;
    let right = screen.rect.right_bottom() - Vec2::new(96.0, 14.0);
    let left = right - Vec2::new(wide, 0.0);
    let stroke = Stroke::new(2.0, ui.visuals().text_color());
    painter.line_segment([left, right], stroke);
    for end in [left, right] {
        painter.line_segment([end, end - Vec2::new(0.0, 6.0)], stroke);
    }
    let text = match unit {
        Unit::Millimetre(_) => format!("{length} mm"),
        _ => unit.length(length),
    };
    tag(
        painter,
        (left + right.to_vec2()) / 2.0 - Vec2::new(0.0, 8.0),
        Align2::CENTER_BOTTOM,
        &text,
        stroke.color,
        ground(ui),
    );
}

/// The sides of the part, written along its edges.
fn sizes(viewport: &Viewport, unit: Unit, screen: &Screen, ui: &egui::Ui, painter: &Painter) {
    let Some((low, high)) = viewport.bounds() else { return };
    let size = high - low;
    let colour = ui.visuals().text_color();
    let front = if viewport.camera.axes()[2].y > 0.0 { low.y } else { high.y };
    let side = if viewport.camera.axes()[2].x > 0.0 { low.x } else { high.x };
    let other = if viewport.camera.axes()[2].x > 0.0 { high.x } else { low.x };
    let places = [
        (Vector3::new((low.x + high.x) / 2.0, front, low.z), size.x),
        (Vector3::new(side, (low.y + high.y) / 2.0, low.z), size.y),
        (Vector3::new(other, front, (low.z + high.z) / 2.0), size.z),
    ];
    for (at, length) in places {
        if let Some(at) = screen.of(&viewport.camera, &at) {
            tag(painter, at + Vec2::new(0.0, 8.0), Align2::CENTER_TOP, &format!("{length:.1} mm"), colour, ground(ui));
        }
    }
    if let Unit::Millimetre(Some(n)) = unit {
        let at = screen.rect.right_top() + Vec2::new(-10.0, 10.0);
        tag(painter, at, Align2::RIGHT_TOP, &format!("1:{n:.0}, lines every 10 mm"), colour, ground(ui));
    }
}

fn note(view: &View3d, session: &Session, unit: Unit, screen: &Screen, ui: &egui::Ui, painter: &Painter) {
    let text = if view.loads.is_busy() {
        "loading...".to_string()
    } else if let Some(why) = &view.loads.failed {
        why.clone()
    } else if let Some(fly) = &view.fly {
        fly.note(unit.name())
    } else if let Some(text) = view.measures.so_far(unit) {
        text
    } else if session.sparse.is_some() && view.sight.is_none() {
        "drag turns, right-drag moves, scroll zooms, click shows which photos see a point, double click centres".into()
    } else {
        "drag turns, right-drag moves, scroll zooms".into()
    };
    let colour = ui.visuals().text_color();
    let wide = (screen.rect.width() - 110.0).max(60.0);
    let galley = painter.layout(text, FontId::proportional(12.0), colour, wide);
    let place = Align2::LEFT_BOTTOM.anchor_size(screen.rect.left_bottom() + Vec2::new(8.0, -6.0), galley.size());
    painter.rect_filled(place.expand(3.0), 3.0, ground(ui));
    painter.galley(place.min, galley, colour);
}

/// The handles of the clipping box.
#[derive(Default)]
pub(super) struct Handles {
    /// Places and colours.
    marks: Vec<(Pos2, Color32)>,
    /// Whether one is meant by the pointer.
    pub(super) meant: bool,
}

impl Handles {
    /// Draws them.
    pub(super) fn paint(&self, screen: &Screen, ui: &egui::Ui) {
        let painter = ui.painter_at(screen.rect);
        for (at, fill) in &self.marks {
            painter.circle(*at, 6.0, *fill, Stroke::new(1.5, Color32::BLACK));
        }
    }
}

/// Lets the sides of the clipping box be dragged.
pub(super) fn clip_handles(viewport: &mut Viewport, screen: &Screen, ui: &egui::Ui) -> Handles {
    let Some(mut clip) = viewport.options.clip else { return Handles::default() };
    let camera = viewport.camera;
    let (mut marks, mut meant) = (Vec::new(), false);
    for face in 0..6 {
        let (middle, outward) = clip.face(face);
        let step = clip.size.max() * 1e-3;
        let ends = [screen.of(&camera, &middle), screen.of(&camera, &(middle + outward * step))];
        let [Some(at), Some(further)] = ends else { continue };
        let name = ["west", "east", "south", "north", "bottom", "top"][face];
        let handle = Rect::from_center_size(at, Vec2::splat(16.0)).intersect(screen.rect);
        if !handle.is_positive() {
            continue;
        }
        let response = ui.interact(handle, ui.scope_id().with(("clip handle", face)), Sense::drag());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Clip side {name}")));
        if response.dragged() {
            let along = (further - at) / step as f32;
            let by = response.drag_delta().dot(along) / along.length_sq().max(1e-6);
            clip.move_face(face, f64::from(by));
        }
        meant |= response.dragged() || response.hovered();
        let fill = if response.hovered() || response.dragged() { Color32::WHITE } else { BOX };
        marks.push((at, fill));
    }
    viewport.options.clip = Some(clip);
    Handles { marks, meant }
}

/// Draws the photos on their pyramids, the farthest first; those that would be too small are left out.
pub(super) fn thumbnails(viewport: &Viewport, session: &Session, thumbs: &mut Thumbs, screen: &Screen, ui: &egui::Ui) {
    let camera = &viewport.camera;
    let mut shown: Vec<(f64, [Pos2; 4], &crate::app::session::PhotoRow)> = Vec::new();
    for frustum in viewport.frusta() {
        let corners: Vec<Pos2> = frustum.corners.iter().filter_map(|c| screen.of(camera, c)).collect();
        let Ok(corners) = <[Pos2; 4]>::try_from(corners) else { continue };
        let bounds = Rect::from_points(&corners);
        if bounds.width().max(bounds.height()) < 14.0 || !bounds.intersects(screen.rect) {
            continue;
        }
        let Some(row) = session.rows.iter().find(|r| r.id == Some(frustum.photo)) else { continue };
        shown.push(((frustum.centre - camera.eye()).norm(), corners, row));
    }
    shown.sort_by(|a, b| a.0.total_cmp(&b.0));
    shown.truncate(PICTURES);
    let painter = ui.painter_at(screen.rect);
    for (_, corners, row) in shown.iter().rev() {
        let Thumb::Ready(texture) = thumbs.get(&row.path, row.orientation) else { continue };
        let mut mesh = egui::Mesh::with_texture(texture.id());
        for (corner, uv) in corners.iter().zip([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]) {
            let uv = Pos2::new(uv[0], uv[1]);
            mesh.vertices.push(egui::epaint::Vertex { pos: *corner, uv, color: Color32::WHITE });
        }
        mesh.add_triangle(0, 1, 2);
        mesh.add_triangle(0, 2, 3);
        painter.add(mesh);
        painter.add(Shape::closed_line(corners.to_vec(), Stroke::new(1.0, RAY)));
    }
}
