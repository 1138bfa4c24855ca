//! The flight from above: footprints, positions, overlap, residuals. Works without a network.

mod base;
mod draw;
mod ready;

use super::super::VedutaApp;
use base::Base;
pub(super) use base::picture_of;
use draw::{
    ControlSpot, Paint, coordinates, draw_control, draw_legend, draw_outlines, draw_overlap, draw_ruler,
    draw_scale_bar, draw_spots, note,
};
pub(super) use draw::{draw_scale_bar as scale_bar, note as tag_on};
use eframe::egui::{self, Align2, Pos2, Rect, Sense, Vec2};
use nalgebra::Vector2;
use ready::{Ready, Spot, prepare};

/// What the map shows and how it is turned.
pub struct MapView {
    /// Middle of the view, local metres.
    middle: Vector2<f64>,
    /// Metres for a point of the screen; 0 = fit.
    scale: f64,
    footprints: bool,
    overlap: bool,
    residuals: bool,
    track: bool,
    orthophoto: bool,
    coverage: bool,
    paint: Paint,
    base: Base,
    /// Outlines of what enough photos see, and for which state and threshold they were made.
    outlines: (u64, u16, Vec<Vec<Vector2<f64>>>),
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
            orthophoto: true,
            coverage: true,
            paint: Paint::default(),
            base: Base::default(),
            outlines: (u64::MAX, 0, Vec::new()),
            threshold: 5,
            ruler: None,
            ready: None,
        }
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
    app.map.base.follow(session, ui.ctx());
    let threshold = app.map.threshold;
    if (app.map.outlines.0, app.map.outlines.1) != (generation, threshold) {
        app.map.outlines = (generation, threshold, ready.overlap.outlines(threshold));
    }
    tools(&mut app.map, ui);
    let control: Vec<ControlSpot> = session
        .control
        .points
        .iter()
        .zip(&session.control.places)
        .filter_map(|(p, x)| Some((p.name.clone(), p.role, (*x)?.xy())))
        .collect();
    let clicked = canvas(&mut app.map, &ready, &control, &app.photos.selected, ui);
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
        ui.checkbox(&mut map.coverage, "Coverage").on_hover_text("Outline and area of what enough photos see");
        ui.checkbox(&mut map.footprints, "Footprints");
        ui.checkbox(&mut map.track, "Track");
        ui.checkbox(&mut map.residuals, "GPS residuals").on_hover_text("Lines from adjusted to measured positions");
        let there = map.base.is_there();
        ui.add_enabled(there, egui::Checkbox::new(&mut map.orthophoto, "Orthophoto"))
            .on_disabled_hover_text("needs the stage city");
        let label = ui.weak("Colour");
        let list = egui::ComboBox::from_id_salt("paint").selected_text(map.paint.label()).width(62.0);
        let list = list.show_ui(ui, |ui| {
            for (paint, label) in Paint::ALL {
                ui.selectable_value(&mut map.paint, paint, label);
            }
        });
        list.response.labelled_by(label.id);
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
    control: &[ControlSpot],
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
    if map.orthophoto {
        map.base.draw(&painter, &at);
    }
    if map.overlap {
        let strength = match (map.orthophoto && map.base.is_there(), ui.visuals().dark_mode) {
            (true, _) => 55,
            (false, true) => 120,
            (false, false) => 150,
        };
        draw_overlap(&painter, &ready.overlap, map.threshold, &at, strength);
    }
    if map.coverage {
        draw_outlines(&painter, &map.outlines.2, ui.visuals().warn_fg_color, &at);
    }
    draw_spots(map, ready, selected, ui, &painter, &at);
    draw_control(ui, &painter, control, &at);
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
    draw_legend(ui, &painter, rect, map.paint, &ready.spots);
    if map.coverage {
        let area = ready.overlap.area(map.threshold);
        let area = match (ready.frame.is_some(), area >= 1e5) {
            (true, true) => format!("{:.2} km2", area / 1e6),
            (true, false) => format!("{:.2} ha", area / 1e4),
            (false, _) => format!("{area:.2} square units"),
        };
        let text = format!("{area} seen by at least {} photos", map.threshold);
        note(ui, &painter, rect.right_top() + egui::vec2(-8.0, 8.0), Align2::RIGHT_TOP, &text);
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
