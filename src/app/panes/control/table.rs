//! The control points as a table.

use super::super::super::VedutaApp;
use super::super::super::session::Session;
use super::super::super::shell;
use super::ControlView;
use crate::scene::{ControlPoint, ControlResult, ControlRole};
use eframe::egui::{self, Align2, FontId, Rect, Sense, Vec2};

/// Height of a row in points.
const LINE: f32 = 20.0;
/// Height of heading, buttons and a scroll bar.
const REST: f32 = 62.0;
/// A residual above this many of the point's standard deviations is coloured.
const OFF_SIGMAS: f64 = 6.0;
/// Marks that are off by more than this many pixels are coloured.
const OFF_PX: f64 = 5.0;

/// What a column shows; clicking its heading sorts by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Column {
    #[default]
    Name,
    Role,
    X,
    Y,
    Z,
    Sigma,
    Marks,
    East,
    North,
    Up,
    Pixels,
}

/// Column, heading, width in points, what it says.
const COLUMNS: [(Column, &str, f32, &str); 11] = [
    (Column::Name, "Point", 76.0, "Name"),
    (Column::Role, "Role", 54.0, "control: adjusted to; check: only measured; off: left out"),
    (Column::Marks, "Marks", 46.0, "Photos in which it is marked"),
    (Column::East, "dE", 62.0, "Measured minus given, east, metres"),
    (Column::North, "dN", 62.0, "Measured minus given, north, metres"),
    (Column::Up, "dU", 62.0, "Measured minus given, up, metres"),
    (Column::Pixels, "Error", 52.0, "RMS distance in pixels of the marks from where the photos show the point"),
    (Column::Sigma, "Sigma", 52.0, "Standard deviation of the horizontal coordinates in metres"),
    (Column::X, "x", 88.0, "Easting in metres, or longitude in degrees"),
    (Column::Y, "y", 94.0, "Northing in metres, or latitude in degrees"),
    (Column::Z, "z", 62.0, "Height in metres; a dash where it is not believed"),
];

/// Height in points of a table with all its rows.
pub(super) fn height(rows: usize) -> f32 {
    rows as f32 * LINE + REST
}

/// RMS of the marks of a point in pixels.
fn pixels(result: Option<&ControlResult>) -> Option<f64> {
    let errors: Vec<f64> = result?.marks.iter().filter_map(|m| m.error_px).collect();
    crate::base::stats::rms(&errors)
}

/// The names in the chosen order.
pub(super) fn order(session: &Session, (column, down): (Column, bool)) -> Vec<String> {
    let mut rows: Vec<&ControlPoint> = session.control.points.iter().collect();
    let number = |p: &ControlPoint| -> f64 {
        let result = session.control.result(&p.name);
        let horizontal = |k: usize| result.and_then(|r| r.residual_m).map_or(-1.0, |r| r[k].abs());
        match column {
            Column::Name => 0.0,
            Column::Role => f64::from(p.role as u8),
            Column::X => p.given.x,
            Column::Y => p.given.y,
            Column::Z => p.given.z,
            Column::Sigma => p.sigma_m[0],
            Column::Marks => p.marks.len() as f64,
            Column::East => horizontal(0),
            Column::North => horizontal(1),
            Column::Up => result.and_then(|r| r.residual_up_m).map_or(-1.0, f64::abs),
            Column::Pixels => pixels(result).unwrap_or(-1.0),
        }
    };
    if column != Column::Name {
        rows.sort_by(|a, b| number(a).total_cmp(&number(b)));
    } else if down {
        // The order of the list is the order of names.
        return rows.iter().rev().map(|p| p.name.clone()).collect();
    }
    let names = rows.into_iter().map(|p| p.name.clone());
    if down && column != Column::Name { names.rev().collect() } else { names.collect() }
}

pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui, names: &[String]) {
    let width: f32 = COLUMNS.iter().map(|c| c.2).sum();
    let mut clicked = None;
    egui::ScrollArea::horizontal().id_salt("points-across").auto_shrink([false, true]).show(ui, |ui| {
        ui.set_min_width(width);
        headings(app, ui);
        let Some(session) = app.session.as_ref() else { return };
        let area = egui::ScrollArea::vertical().id_salt("points").auto_shrink([false, true]);
        let room = (ui.available_height() - 34.0).max(LINE);
        area.max_height(room).show_rows(ui, LINE, names.len(), |ui, range| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for name in &names[range] {
                let Some(point) = session.control.find(name) else { continue };
                let result = session.control.result(name);
                if line(ui, point, result, app.control.point.as_ref() == Some(name), width) {
                    clicked = Some(name.clone());
                }
            }
        });
    });
    if let (Some(name), Some(session)) = (clicked, app.session.as_ref()) {
        app.control.choose(session, &name);
    }
    chosen(app, ui);
}

fn headings(app: &mut VedutaApp, ui: &mut egui::Ui) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        for (column, heading, width, tip) in COLUMNS {
            let (now, down) = app.control.order;
            let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 18.0), Sense::click());
            let label = format!("Sort points by {heading}");
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &label));
            let colour = if response.hovered() { shell::accent(ui) } else { ui.visuals().strong_text_color() };
            let (at, align) = place_in(&rect, column);
            let text = ui.painter().text(at, align, heading, FontId::proportional(12.0), colour);
            if now == column {
                // A small triangle under the heading: which way it is sorted.
                let middle = egui::pos2(text.center().x, rect.max.y);
                let (base, tip) = if down { (-2.0, 1.5) } else { (1.5, -2.0) };
                let corners = [(-3.5, base), (3.5, base), (0.0, tip)].map(|(x, y)| middle + egui::vec2(x, y));
                ui.painter().add(egui::Shape::convex_polygon(corners.to_vec(), colour, egui::Stroke::NONE));
            }
            if response.on_hover_text(tip).clicked() {
                app.control.order = (column, now == column && !down);
            }
        }
    });
}

/// Where the text of a cell goes: words to the left, figures to the right.
fn place_in(cell: &Rect, column: Column) -> (egui::Pos2, Align2) {
    if matches!(column, Column::Name | Column::Role) {
        (egui::pos2(cell.min.x + 4.0, cell.center().y), Align2::LEFT_CENTER)
    } else {
        (egui::pos2(cell.max.x - 6.0, cell.center().y), Align2::RIGHT_CENTER)
    }
}

fn line(ui: &mut egui::Ui, point: &ControlPoint, result: Option<&ControlResult>, selected: bool, width: f32) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width.max(ui.available_width()), LINE), Sense::click());
    let texts = texts(point, result);
    let label = format!("point {} {} {} marks", point.name, point.role.word(), point.marks.len());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, selected, &label));
    if ui.is_rect_visible(rect) {
        if selected {
            ui.painter().rect_filled(rect, 2.0, ui.visuals().selection.bg_fill);
        } else if response.hovered() {
            ui.painter().rect_filled(rect, 2.0, ui.visuals().faint_bg_color);
        }
        let mut left = rect.min.x;
        for ((column, _, width, _), text) in COLUMNS.iter().zip(texts) {
            let cell = Rect::from_min_size(egui::pos2(left, rect.min.y), Vec2::new(*width, LINE));
            let painter = ui.painter_at(cell.shrink2(Vec2::new(2.0, 0.0)));
            let colour = match column {
                Column::Role if point.role == ControlRole::Check => shell::accent(ui),
                _ if point.role == ControlRole::Off => ui.visuals().weak_text_color(),
                _ if is_off(*column, point, result) => ui.visuals().error_fg_color,
                _ => ui.visuals().text_color(),
            };
            let (at, align) = place_in(&cell, *column);
            painter.text(at, align, text, FontId::proportional(12.5), colour);
            left += width;
        }
    }
    response.on_hover_text(format!("{} in {}", point.name, point.crs)).clicked()
}

/// Whether a figure is more off than it should be.
fn is_off(column: Column, point: &ControlPoint, result: Option<&ControlResult>) -> bool {
    let Some(result) = result else { return false };
    let beyond = |value: Option<f64>, sigma: f64| {
        let measured = result.measured_sigma_m.map_or(0.0, |s| s.max());
        value.is_some_and(|v| v.abs() > OFF_SIGMAS * sigma.hypot(measured))
    };
    match column {
        Column::East => beyond(result.residual_m.map(|r| r[0]), point.sigma_m[0]),
        Column::North => beyond(result.residual_m.map(|r| r[1]), point.sigma_m[1]),
        Column::Up => beyond(result.residual_up_m, point.sigma_up_m.unwrap_or(f64::INFINITY)),
        Column::Pixels => result.marks.iter().any(|m| m.error_px.is_some_and(|e| e > OFF_PX)),
        _ => false,
    }
}

/// The texts of a row, by column.
fn texts(point: &ControlPoint, result: Option<&ControlResult>) -> [String; 11] {
    let metres = |v: Option<f64>| v.map_or_else(|| "-".into(), |v| format!("{v:+.3}"));
    let degrees = point.given.x.abs() <= 180.0 && point.given.y.abs() <= 90.0;
    let across = |v: f64| if degrees { format!("{v:.7}") } else { format!("{v:.2}") };
    [
        point.name.clone(),
        point.role.word().into(),
        point.marks.len().to_string(),
        metres(result.and_then(|r| r.residual_m).map(|r| r[0])),
        metres(result.and_then(|r| r.residual_m).map(|r| r[1])),
        metres(result.and_then(|r| r.residual_up_m)),
        pixels(result).map_or_else(|| "-".into(), |v| format!("{v:.2}")),
        format!("{:.3}", point.sigma_m[0]),
        across(point.given.x),
        across(point.given.y),
        point.sigma_up_m.map_or_else(|| "-".into(), |_| format!("{:.2}", point.given.z)),
    ]
}

/// What can be done to the chosen point.
fn chosen(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let Some(point) = app.control.point.as_deref().and_then(|n| session.control.find(n)).cloned() else { return };
    let editable = session.is_editable();
    let mut points = session.control.points.clone();
    let mut changed = false;
    let mut edit = false;
    ui.horizontal(|ui| {
        ui.strong(&point.name);
        ui.add_enabled_ui(editable, |ui| {
            for role in ControlRole::ALL {
                let tip = COLUMNS[1].3;
                if ui.selectable_label(point.role == role, role.word()).on_hover_text(tip).clicked() {
                    points.iter_mut().filter(|p| p.name == point.name).for_each(|p| p.role = role);
                    changed = true;
                }
            }
            edit = ui.button("Edit").on_hover_text("Coordinates and standard deviations").clicked();
            if ui.button("Delete the point").on_hover_text("With its marks; can be undone").clicked() {
                points.retain(|p| p.name != point.name);
                changed = true;
            }
        });
    });
    if edit {
        app.control.form = Some(super::Form::of(&point));
    }
    if changed {
        ControlView::set(app, points);
    }
}
