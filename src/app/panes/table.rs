//! The photos as a table with figures.

use super::super::VedutaApp;
use super::super::session::PhotoRow;
use super::super::shell;
use super::photos::{Order, colour_of, state_of};
use crate::flight::PhotoQuality;
use eframe::egui::{self, Align2, FontId, Rect, Sense, Vec2};

/// A column: heading, width in points, the order that a click on it gives, what it says.
struct Column {
    heading: &'static str,
    width: f32,
    order: Order,
    tip: &'static str,
}

const COLUMNS: [Column; 10] = [
    Column { heading: "Name", width: 118.0, order: Order::Name, tip: "File name" },
    Column { heading: "State", width: 92.0, order: Order::Name, tip: "What became of the photo" },
    Column { heading: "Time", width: 66.0, order: Order::Time, tip: "Time of exposure, camera clock" },
    Column { heading: "Height", width: 58.0, order: Order::Height, tip: "Height above the take-off in metres" },
    Column { heading: "GSD", width: 58.0, order: Order::Gsd, tip: "Size of a pixel on the ground in centimetres" },
    Column { heading: "Points", width: 54.0, order: Order::Matches, tip: "Sparse points that the photo sees" },
    Column { heading: "Error", width: 58.0, order: Order::Error, tip: "RMS reprojection error in pixels" },
    Column { heading: "Sigma", width: 58.0, order: Order::Sigma, tip: "Standard deviation of the position in metres" },
    Column { heading: "Sharp", width: 54.0, order: Order::Sharpness, tip: "Sharpness; compare within one flight" },
    Column { heading: "Clip", width: 50.0, order: Order::Clipping, tip: "Clipped pixels in percent" },
];

const LINE: f32 = 21.0;

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let rows = app.photos.rows(&app.thumbs, session);
    let width: f32 = COLUMNS.iter().map(|c| c.width).sum();
    let mut clicked = None;
    egui::ScrollArea::horizontal().id_salt("table-wide").auto_shrink(false).show(ui, |ui| {
        ui.set_min_width(width);
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.horizontal(|ui| {
            for column in &COLUMNS {
                let sorted = app.photos.order == column.order && column.heading != "State";
                let mark = if !sorted {
                    ""
                } else if app.photos.reversed {
                    " ^"
                } else {
                    " v"
                };
                let (rect, response) = ui.allocate_exact_size(Vec2::new(column.width, LINE), Sense::click());
                response.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::Button, true, format!("Sort by {}", column.heading))
                });
                let colour = if response.hovered() { shell::accent(ui) } else { ui.visuals().text_color() };
                let at = egui::pos2(rect.min.x + 4.0, rect.center().y);
                let text = format!("{}{mark}", column.heading);
                ui.painter().text(at, Align2::LEFT_CENTER, text, FontId::proportional(12.5), colour);
                if response.on_hover_text(column.tip).clicked() {
                    app.photos.sort_by(column.order);
                }
            }
        });
        let mut area = egui::ScrollArea::vertical().id_salt("table").auto_shrink(false);
        if std::mem::take(&mut app.photos.reveal[1])
            && let Some(place) = app.photos.current.and_then(|c| rows.iter().position(|&r| r == c))
        {
            area = area.vertical_scroll_offset((place as f32 * LINE - ui.available_height() / 2.0).max(0.0));
        }
        area.show_rows(ui, LINE, rows.len(), |ui, range| {
            for &i in &rows[range] {
                let Some(row) = session.rows.get(i) else { continue };
                let quality = app.thumbs.quality.get(&row.path);
                if line(ui, row, quality, app.photos.selected.contains(&i), width) {
                    clicked = Some(i);
                }
            }
        });
    });
    if let Some(i) = clicked {
        app.photos.click(i, ui.input(|input| input.modifiers));
        app.photos.reveal[0] = true;
    }
}

fn line(ui: &mut egui::Ui, row: &PhotoRow, quality: Option<&PhotoQuality>, selected: bool, width: f32) -> bool {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(width.max(ui.available_width()), LINE), Sense::click());
    let label = format!("row {} {}", row.name, state_of(row));
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, selected, &label));
    if ui.is_rect_visible(rect) {
        let visuals = ui.visuals();
        if selected {
            ui.painter().rect_filled(rect, 2.0, visuals.selection.bg_fill);
        } else if response.hovered() {
            ui.painter().rect_filled(rect, 2.0, visuals.faint_bg_color);
        }
        let mut left = rect.min.x;
        for (column, text) in COLUMNS.iter().zip(texts(row, quality)) {
            let cell = Rect::from_min_size(egui::pos2(left, rect.min.y), Vec2::new(column.width, LINE));
            let colour = if column.heading == "State" { colour_of(ui, row) } else { None };
            let at = egui::pos2(left + 4.0, cell.center().y);
            let painter = ui.painter_at(cell.shrink2(Vec2::new(2.0, 0.0)));
            let colour = colour.unwrap_or(visuals.text_color());
            painter.text(at, Align2::LEFT_CENTER, text, FontId::proportional(12.5), colour);
            left += column.width;
        }
    }
    response.on_hover_text(&row.name).clicked()
}

/// The texts of a row, by column; a dash where nothing is known yet.
fn texts(row: &PhotoRow, quality: Option<&PhotoQuality>) -> [String; 10] {
    let number = |value: Option<f64>, digits: usize| value.map_or_else(|| "-".into(), |v| format!("{v:.digits$}"));
    let time = row.time_s.map_or_else(
        || "-".into(),
        |t| {
            let s = t.rem_euclid(86_400.0) as u32;
            format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
        },
    );
    [
        row.name.clone(),
        state_of(row).into(),
        time,
        number(row.height_m, 1),
        number(row.gsd_m.map(|g| g * 100.0), 1),
        if row.registered == Some(true) { row.observations.to_string() } else { "-".into() },
        number(row.rms_px, 2),
        number(row.sigma_m, 2),
        number(quality.map(|q| q.sharpness), 2),
        number(quality.map(|q| (q.overexposed + q.underexposed) * 100.0), 1),
    ]
}
