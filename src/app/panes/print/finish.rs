//! How the body is finished: hollow, cut into pieces, a slab with text and north arrow.

use super::controls::{Number, grid, wrong};
use super::job::Failure;
use crate::order::{Field, Order};
use crate::print::printer::Printer;
use crate::print::split::Split;
use eframe::egui::{self, CollapsingHeader, ComboBox, DragValue, TextEdit};

/// Shell of a hollow part where the printer knows no wall.
const SHELL_MM: f64 = 2.5;

/// Draws the controls.
pub(super) fn show(order: &mut Order, printer: Option<&Printer>, wrong: Option<&Failure>, ui: &mut egui::Ui) {
    ui.add_space(4.0);
    let header = CollapsingHeader::new("Hollow, pieces, text").id_salt("finish");
    header.show(ui, |ui| {
        hollow(order, printer, ui);
        split(order, ui);
        slab(order, ui);
        // What making it would say, before it is made.
        if let Some(why) = wrong {
            ui.colored_label(ui.visuals().error_fg_color, &why.headline).on_hover_text(&why.hint);
        }
    });
}

fn hollow(order: &mut Order, printer: Option<&Printer>, ui: &mut egui::Ui) {
    let wall = printer.and_then(|p| p.wall_mm.as_ref()).map_or(SHELL_MM, |l| l.value.max(SHELL_MM));
    let mut on = order.hollow_mm.is_some();
    let tip = "Less material: a shell, ribs where it is wide, drain holes in the bottom";
    if ui.checkbox(&mut on, "Hollow").on_hover_text(tip).changed() {
        order.hollow_mm = on.then_some(wall);
        order.drain_mm = order.drain_mm.filter(|_| on);
    }
    let Some(mut shell) = order.hollow_mm else { return };
    let least = printer.and_then(|p| p.drain_mm.as_ref()).map_or(4.0, |l| l.value.max(4.0));
    let mut drain = order.drain_mm.unwrap_or(least);
    grid("hollow", ui, |ui| {
        let number = |label, tip| Number { label, tip, suffix: " mm", range: 0.1..=50.0, speed: 0.02, decimals: 2 };
        if number("Shell", "Thickness of walls, bottom and ribs").show(&mut shell, ui) {
            order.hollow_mm = Some(shell);
        }
        if number("Drain", "Width of the drain holes").show(&mut drain, ui) {
            order.drain_mm = Some(drain);
        }
    });
    wrong(order, Field::Hollow, ui);
}

fn split(order: &mut Order, ui: &mut egui::Ui) {
    ui.horizontal_wrapped(|ui| {
        let label = ui.label("Pieces").on_hover_text("Put together with pegs; their numbers are in the undersides");
        let name = match order.split {
            Split::None => "One",
            Split::Auto => "As few as fit",
            Split::Grid(..) => "Columns and rows",
        };
        let list = ComboBox::from_id_salt("split").selected_text(name).width(120.0).show_ui(ui, |ui| {
            ui.selectable_value(&mut order.split, Split::None, "One");
            ui.selectable_value(&mut order.split, Split::Auto, "As few as fit");
            if ui.selectable_label(matches!(order.split, Split::Grid(..)), "Columns and rows").clicked() {
                order.split = Split::Grid(2, 1);
            }
        });
        list.response.labelled_by(label.id);
        if let Split::Grid(columns, rows) = &mut order.split {
            for (name, value) in [("Columns", columns), ("Rows", rows)] {
                let label = ui.label(name);
                ui.add(DragValue::new(value).range(1..=26).update_while_editing(false)).labelled_by(label.id);
            }
        }
    });
    if order.split != Split::None {
        let mut streets = !order.split_straight;
        let tip = "Around houses, as far as there are streets near; otherwise straight, where that cuts least";
        if ui.checkbox(&mut streets, "Cuts follow streets").on_hover_text(tip).changed() {
            order.split_straight = !streets;
        }
    }
    wrong(order, Field::Split, ui);
}

fn slab(order: &mut Order, ui: &mut egui::Ui) {
    let plinth = &mut order.plinth;
    ui.horizontal(|ui| {
        let label = ui.label("Text").on_hover_text("One line on a slab in front of the city");
        let mut text = plinth.text.clone().unwrap_or_default();
        let field = TextEdit::singleline(&mut text).hint_text("none").desired_width(f32::INFINITY);
        if ui.add(field).labelled_by(label.id).changed() {
            plinth.text = Some(text).filter(|t| !t.is_empty());
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.checkbox(&mut plinth.north_arrow, "North arrow");
        let tip = "Cut in instead of standing out";
        ui.add_enabled(
            plinth.text.is_some() || plinth.north_arrow,
            egui::Checkbox::new(&mut plinth.engraved, "Engraved"),
        )
        .on_hover_text(tip);
    });
    if plinth.text.is_some() {
        let mut own = plinth.text_mm.is_some();
        ui.horizontal(|ui| {
            let tip = "Otherwise as large as the printer makes readable, and in proportion to the part";
            if ui.checkbox(&mut own, "Height of the letters").on_hover_text(tip).changed() {
                plinth.text_mm = own.then_some(6.0);
            }
            if let Some(mm) = &mut plinth.text_mm {
                let label = ui.label("Capitals");
                let drag = DragValue::new(mm).range(0.5..=100.0).speed(0.05).suffix(" mm").update_while_editing(false);
                ui.add(drag).labelled_by(label.id);
            }
        });
    }
    wrong(order, Field::Plinth, ui);
}
