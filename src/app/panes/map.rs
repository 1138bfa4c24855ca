//! The flight from above: footprints, positions, overlap, residuals. Works without a network.

use super::super::VedutaApp;
use super::super::session::Session;
use super::details::mark;
use crate::camera::Camera;
use crate::geometry::Rigid3;
use crate::georef::{Enu, UtmFromLocal};
use crate::scene::{Georeference, LocalFrame};
use eframe::egui::{self, Align2, Color32, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, Vec2};
use nalgebra::{Vector2, Vector3};

/// Cells across the longer side of the overlap picture.
const CELLS: usize = 160;

/// What the map shows and how it is turned.
#[derive(Clone)]
pub struct MapView {
    /// Middle of the view, local metres.
    middle: Vector2<f64>,
    /// Metres for a point of the screen; 0 = fit.
    scale: f64,
    footprints: bool,
    overlap: bool,
    residuals: bool,
    track: bool,
    /// Photos that must see a place for it to pass.
    threshold: u16,
    ruler: Option<Vec<Vector2<f64>>>,
    ready: Option<(u64, Ready)>,
}

impl Default for MapView {
    fn default() -> Self {
        Self {
            middle: Vector2::zeros(),
            scale: 0.0,
            footprints: false,
            overlap: true,
            residuals: true,
            track: true,
            threshold: 5,
            ruler: None,
            ready: None,
        }
    }
}

/// One photo on the map.
#[derive(Clone, Debug)]
struct Spot {
    row: usize,
    at: Vector2<f64>,
    gps: Option<Vector2<f64>>,
    /// Heading of the image's top, unit vector.
    heading: Vector2<f64>,
    footprint: Option<[Vector2<f64>; 4]>,
    rejected: bool,
}

/// What is drawn, made when the session changed.
#[derive(Clone, Debug)]
struct Ready {
    spots: Vec<Spot>,
    low: Vector2<f64>,
    high: Vector2<f64>,
    overlap: Overlap,
    frame: Option<LocalFrame>,
}

/// How many photos see each cell of the ground.
#[derive(Clone, Debug)]
struct Overlap {
    low: Vector2<f64>,
    cell: f64,
    width: usize,
    height: usize,
    count: Vec<u16>,
}

/// Where the corners of a photo lie on the ground at height `ground`; `None` where it looks at or above the horizon.
fn footprint(camera: &Camera, pose: &Rigid3, ground: f64) -> Option<[Vector2<f64>; 4]> {
    let (w, h) = (f64::from(camera.width), f64::from(camera.height));
    let centre = pose.centre();
    let back = pose.inverse();
    let mut corners = [Vector2::zeros(); 4];
    for (corner, pixel) in corners.iter_mut().zip([(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)]) {
        let ray = back.rotation * camera.lens.unproject(&Vector2::new(pixel.0, pixel.1))?;
        let reach = (ground - centre.z) / ray.z;
        // Beyond eight heights a footprint says nothing.
        if !(reach > 0.0) || (ray.xy() * reach).norm() > 8.0 * (centre.z - ground) {
            return None;
        }
        *corner = centre.xy() + ray.xy() * reach;
    }
    Some(corners)
}

fn prepare(session: &Session) -> Option<Ready> {
    let flight = session.flight.as_ref()?;
    let sparse = session.sparse.as_deref();
    let ground = sparse
        .and_then(|s| crate::base::stats::median(&s.points.iter().map(|p| p.position.z).collect::<Vec<_>>()))
        .unwrap_or(0.0);
    let metric = sparse.is_none_or(|s| matches!(s.georeference, Georeference::Local { .. }));
    let frame = match sparse.map(|s| &s.georeference) {
        Some(Georeference::Local { frame, .. }) => Some(*frame),
        Some(Georeference::Unscaled) => None,
        None => flight.frame,
    };
    let mut spots = Vec::new();
    for (row, photo) in session.rows.iter().enumerate().filter_map(|(i, r)| Some((i, &flight.photos[r.id?.index()]))) {
        let posed = sparse.and_then(|s| Some((s.camera(photo.id), s.poses[photo.id.index()]?)));
        let prior = photo.position.filter(|_| metric).map(|p| p.centre);
        let rough = || {
            let (centre, rotation) = (prior?, photo.rotation?.cam_from_local);
            Some((flight.camera_of(photo.id), Rigid3::from_rotation_and_centre(rotation, centre)))
        };
        let known = posed.or_else(rough);
        let Some(at) = known.as_ref().map(|(_, p)| p.centre()).or(prior) else { continue };
        let up = known.as_ref().map(|(_, p)| (p.rotation.inverse() * -Vector3::y()).xy());
        spots.push(Spot {
            row,
            at: at.xy(),
            gps: prior.map(|p| p.xy()).filter(|_| posed.is_some()),
            heading: up.and_then(|u| u.try_normalize(1e-3)).unwrap_or_else(Vector2::zeros),
            footprint: known.and_then(|(c, p)| footprint(c, &p, ground)),
            rejected: matches!(session.rows[row].verdict, Some(crate::project::Verdict::Reject(_))),
        });
    }
    let all = || spots.iter().flat_map(|s| s.footprint.iter().flatten().chain(std::iter::once(&s.at)));
    let first = *all().next()?;
    let (low, high) = all().fold((first, first), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
    let overlap = Overlap::of(&spots, low, high);
    Some(Ready { spots, low, high, overlap, frame })
}

impl Overlap {
    fn of(spots: &[Spot], low: Vector2<f64>, high: Vector2<f64>) -> Self {
        let size = high - low;
        let cell = (size.max() / CELLS as f64).max(1e-6);
        let (width, height) = ((size.x / cell).ceil() as usize + 1, (size.y / cell).ceil() as usize + 1);
        let mut count = vec![0u16; width * height];
        for quad in spots.iter().filter(|s| !s.rejected).filter_map(|s| s.footprint) {
            let q = quad.map(|p| (p - low) / cell);
            let (lo, hi) = q.iter().fold((q[0], q[0]), |(lo, hi), p| (lo.inf(p), hi.sup(p)));
            for y in lo.y.max(0.0) as usize..=(hi.y as usize).min(height - 1) {
                for x in lo.x.max(0.0) as usize..=(hi.x as usize).min(width - 1) {
                    let p = Vector2::new(x as f64 + 0.5, y as f64 + 0.5);
                    let side = |k: usize| (q[(k + 1) % 4] - q[k]).perp(&(p - q[k])) > 0.0;
                    if (0..4).all(|k| side(k) == side(0)) {
                        count[y * width + x] += 1;
                    }
                }
            }
        }
        Self { low, cell, width, height, count }
    }
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    if app.map.ready.as_ref().is_none_or(|r| r.0 != session.generation) {
        app.map.ready = prepare(session).map(|r| (session.generation, r));
    }
    let Some((generation, ready)) = app.map.ready.take() else {
        ui.centered_and_justified(|ui| ui.weak("The map needs positions: run the first stages."));
        return;
    };
    tools(&mut app.map, ui);
    let clicked = canvas(&mut app.map, &ready, &app.photos.selected, ui);
    app.map.ready = Some((generation, ready));
    if let Some(row) = clicked {
        app.photos.select(row);
    }
}

fn tools(map: &mut MapView, ui: &mut egui::Ui) {
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut map.overlap, "Overlap");
        ui.add(egui::DragValue::new(&mut map.threshold).range(1..=50).prefix("at least ").suffix(" photos"))
            .on_hover_text("Places that fewer photos see are marked");
        ui.checkbox(&mut map.footprints, "Footprints");
        ui.checkbox(&mut map.track, "Track");
        ui.checkbox(&mut map.residuals, "GPS residuals").on_hover_text("Lines from adjusted to measured positions");
        if ui.selectable_label(map.ruler.is_some(), "Ruler").on_hover_text("Click points to measure").clicked() {
            map.ruler = if map.ruler.is_some() { None } else { Some(Vec::new()) };
        }
        if ui.button("Fit").clicked() {
            map.scale = 0.0;
        }
    });
}

fn canvas(
    map: &mut MapView,
    ready: &Ready,
    selected: &std::collections::BTreeSet<usize>,
    ui: &mut egui::Ui,
) -> Option<usize> {
    let (rect, response) = ui.allocate_exact_size(ui.available_size().max(Vec2::splat(60.0)), Sense::click_and_drag());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Map of the flight"));
    if map.scale <= 0.0 {
        map.middle = (ready.low + ready.high) / 2.0;
        let size = ready.high - ready.low;
        map.scale = 1.08 * (size.x / f64::from(rect.width())).max(size.y / f64::from(rect.height())).max(1e-6);
    }
    if response.dragged() {
        let d = response.drag_delta();
        map.middle += Vector2::new(-f64::from(d.x), f64::from(d.y)) * map.scale;
    }
    let to_world = |map: &MapView, p: Pos2| {
        let d = p - rect.center();
        map.middle + Vector2::new(f64::from(d.x), -f64::from(d.y)) * map.scale
    };
    let pointer = response.hover_pos();
    if let Some(p) = pointer {
        let scroll = ui.input(|i| i.smooth_scroll_delta().y + 200.0 * (i.zoom_delta() - 1.0));
        if scroll != 0.0 {
            let under = to_world(map, p);
            map.scale = (map.scale * f64::from(-scroll / 250.0).exp()).clamp(1e-4, 1e4);
            map.middle += under - to_world(map, p);
        }
    }
    let (middle, scale) = (map.middle, map.scale);
    let at = |w: &Vector2<f64>| {
        let d = (w - middle) / scale;
        rect.center() + egui::vec2(d.x as f32, -d.y as f32)
    };
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    if map.overlap {
        draw_overlap(&painter, &ready.overlap, map.threshold, &at, ui.visuals().dark_mode);
    }
    draw_spots(map, ready, selected, ui, &painter, &at);
    let nearest = pointer.and_then(|p| {
        let near = |s: &Spot| at(&s.at).distance(p);
        ready.spots.iter().filter(|s| near(s) < 14.0).min_by(|a, b| near(a).total_cmp(&near(b)))
    });
    if let (Some(points), Some(p), true) = (&mut map.ruler, pointer, response.clicked()) {
        points.push(to_world_at(p, rect, middle, scale));
    }
    if let Some(points) = &map.ruler {
        draw_ruler(
            ui,
            &painter,
            points,
            pointer.map(|p| to_world_at(p, rect, middle, scale)),
            ready.frame.is_some(),
            &at,
        );
    }
    draw_scale_bar(ui, &painter, rect, scale, ready.frame.is_some());
    if let Some(p) = pointer {
        coordinates(ui, &painter, rect, &to_world_at(p, rect, middle, scale), ready.frame.as_ref());
    }
    nearest.filter(|_| response.clicked() && map.ruler.is_none()).map(|s| s.row)
}

fn to_world_at(p: Pos2, rect: Rect, middle: Vector2<f64>, scale: f64) -> Vector2<f64> {
    let d = p - rect.center();
    middle + Vector2::new(f64::from(d.x), -f64::from(d.y)) * scale
}

/// Blue to yellow, even to the eye and told apart by all: the more photos the brighter. Below the threshold orange.
fn overlap_colour(count: u16, threshold: u16, dark: bool) -> Color32 {
    let alpha = if dark { 120 } else { 150 };
    if count < threshold {
        return Color32::from_rgba_unmultiplied(213, 94, 0, alpha);
    }
    let t = (f32::from(count - threshold) / (2.0 * f32::from(threshold)).max(1.0)).min(1.0);
    let mix = |a: f32, b: f32| (a + (b - a) * t) as u8;
    Color32::from_rgba_unmultiplied(mix(40.0, 120.0), mix(84.0, 205.0), mix(140.0, 220.0), alpha)
}

fn draw_overlap(painter: &Painter, o: &Overlap, threshold: u16, at: &dyn Fn(&Vector2<f64>) -> Pos2, dark: bool) {
    let mut mesh = egui::Mesh::default();
    for y in 0..o.height {
        let mut x = 0;
        while x < o.width {
            let count = o.count[y * o.width + x];
            let from = x;
            while x < o.width && o.count[y * o.width + x] == count {
                x += 1;
            }
            if count > 0 {
                let corner = |i: usize, j: usize| at(&(o.low + Vector2::new(i as f64, j as f64) * o.cell));
                let rect = Rect::from_two_pos(corner(from, y), corner(x, y + 1));
                mesh.add_colored_rect(rect, overlap_colour(count, threshold, dark));
            }
        }
    }
    painter.add(Shape::mesh(mesh));
}

fn draw_spots(
    map: &MapView,
    ready: &Ready,
    selected: &std::collections::BTreeSet<usize>,
    ui: &egui::Ui,
    painter: &Painter,
    at: &dyn Fn(&Vector2<f64>) -> Pos2,
) {
    let (text, weak, accent) = (ui.visuals().text_color(), ui.visuals().weak_text_color(), mark(ui));
    if map.track {
        let line: Vec<Pos2> = ready.spots.iter().map(|s| at(&s.at)).collect();
        painter.add(Shape::line(line, Stroke::new(1.0, weak)));
    }
    for spot in &ready.spots {
        let is_selected = selected.contains(&spot.row);
        if let Some(quad) = spot.footprint.filter(|_| map.footprints || is_selected) {
            let stroke = if is_selected { Stroke::new(2.0, accent) } else { Stroke::new(0.7, weak) };
            painter.add(Shape::closed_line(quad.iter().map(at).collect(), stroke));
        }
        if let (true, Some(gps)) = (map.residuals, spot.gps) {
            painter.line_segment([at(&spot.at), at(&gps)], Stroke::new(1.5, ui.visuals().error_fg_color));
        }
        let here = at(&spot.at);
        let nose = here + egui::vec2(spot.heading.x as f32, -spot.heading.y as f32) * 12.0;
        let colour = if is_selected {
            accent
        } else if spot.rejected {
            weak
        } else {
            text
        };
        painter.line_segment([here, nose], Stroke::new(1.5, colour));
        painter.circle_filled(here, if is_selected { 6.0 } else { 4.0 }, colour);
        if spot.rejected {
            let d = egui::vec2(5.0, 5.0);
            painter.line_segment([here - d, here + d], Stroke::new(1.5, ui.visuals().error_fg_color));
        }
    }
}

fn draw_ruler(
    ui: &egui::Ui,
    painter: &Painter,
    points: &[Vector2<f64>],
    next: Option<Vector2<f64>>,
    metric: bool,
    at: &dyn Fn(&Vector2<f64>) -> Pos2,
) {
    let line: Vec<Vector2<f64>> = points.iter().copied().chain(next.filter(|_| !points.is_empty())).collect();
    let length: f64 = line.windows(2).map(|w| (w[1] - w[0]).norm()).sum();
    let shape: Vec<Pos2> = line.iter().map(at).collect();
    if let Some(&end) = shape.last() {
        painter.add(Shape::line(shape, Stroke::new(2.0, ui.visuals().warn_fg_color)));
        let unit = if metric { "m" } else { "units" };
        note(ui, painter, end + egui::vec2(10.0, -10.0), Align2::LEFT_BOTTOM, &format!("{length:.2} {unit}"));
    }
}

/// Text on a ground that makes it readable over anything.
fn note(ui: &egui::Ui, painter: &Painter, at: Pos2, anchor: Align2, text: &str) {
    let galley = painter.layout_no_wrap(text.into(), FontId::proportional(12.0), ui.visuals().text_color());
    let rect = anchor.anchor_size(at, galley.size());
    painter.rect_filled(rect.expand(3.0), 3.0, ui.visuals().panel_fill.gamma_multiply(0.85));
    painter.galley(rect.min, galley, ui.visuals().text_color());
}

fn draw_scale_bar(ui: &egui::Ui, painter: &Painter, rect: Rect, scale: f64, metric: bool) {
    let about = scale * 110.0;
    let power = 10f64.powf(about.log10().floor());
    let length = [5.0, 2.0, 1.0].into_iter().map(|m| m * power).find(|l| *l <= about).unwrap_or(power);
    let width = (length / scale) as f32;
    let left = rect.left_bottom() + egui::vec2(10.0, -12.0);
    let stroke = Stroke::new(2.0, ui.visuals().text_color());
    painter.line_segment([left, left + egui::vec2(width, 0.0)], stroke);
    for x in [0.0, width] {
        painter.line_segment([left + egui::vec2(x, -4.0), left + egui::vec2(x, 4.0)], stroke);
    }
    let unit = if metric { "m" } else { "units" };
    note(ui, painter, left + egui::vec2(width + 8.0, 0.0), Align2::LEFT_CENTER, &format!("{length} {unit}"));
}

fn coordinates(ui: &egui::Ui, painter: &Painter, rect: Rect, p: &Vector2<f64>, frame: Option<&LocalFrame>) {
    let text = match frame {
        Some(frame) => {
            let local = Vector3::new(p.x, p.y, 0.0);
            let (latitude, longitude, _) = Enu::new(frame).geodetic_from_local(&local);
            let utm = UtmFromLocal::new(frame);
            let projected = utm.apply(&local);
            format!("{latitude:.6}, {longitude:.6}   EPSG:{} {:.1} {:.1}", utm.utm().epsg(), projected.x, projected.y)
        }
        None => format!("{:.2}, {:.2}", p.x, p.y),
    };
    note(ui, painter, rect.right_bottom() + egui::vec2(-8.0, -6.0), Align2::RIGHT_BOTTOM, &text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use nalgebra::UnitQuaternion;

    #[test]
    fn a_nadir_footprint_has_the_size_of_the_view() {
        let camera = Camera {
            id: crate::base::CameraId(0),
            label: String::new(),
            width: 400,
            height: 300,
            lens: crate::camera::Lens::ideal(400.0, 400, 300),
            focal_source: crate::camera::FocalSource::Exif,
        };
        let down = UnitQuaternion::from_euler_angles(std::f64::consts::PI, 0.0, 0.0);
        let pose = Rigid3::from_rotation_and_centre(down, Vector3::new(10.0, 20.0, 100.0));
        let quad = footprint(&camera, &pose, 0.0).expect("looks down");
        assert!((quad[0] - quad[1]).norm() - 100.0 < 1e-9 && ((quad[1] - quad[2]).norm() - 75.0).abs() < 1e-9);
        let level = UnitQuaternion::from_euler_angles(-std::f64::consts::FRAC_PI_2, 0.0, 0.0);
        assert!(footprint(&camera, &Rigid3::from_rotation_and_centre(level, Vector3::z() * 100.0), 0.0).is_none());
        let spot = Spot {
            row: 0,
            at: Vector2::zeros(),
            gps: None,
            heading: Vector2::zeros(),
            footprint: Some(quad),
            rejected: false,
        };
        let rejected = Spot { rejected: true, ..spot.clone() };
        let low = Vector2::new(-60.0, -60.0);
        let overlap = Overlap::of(&[spot.clone(), spot, rejected], low, Vector2::new(80.0, 80.0));
        let count = |x: f64, y: f64| {
            let c = (Vector2::new(x, y) - overlap.low) / overlap.cell;
            overlap.count[c.y as usize * overlap.width + c.x as usize]
        };
        assert_eq!((count(10.0, 20.0), count(-55.0, 20.0)), (2, 0));
    }
}
