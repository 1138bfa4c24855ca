//! The order's colours: what is changed before printing, with what they are proofed, filaments, colours at vertices.

use super::PrintView;
use super::controls::{Number, grid, sheet, wrong};
use super::heat::Heat;
use crate::order::{ColourOrder, Field};
use crate::print::colour::adjust::{MOST_LIFT, MOST_SATURATION};
use crate::print::colour::paint::MOST_FILAMENTS;
use crate::print::colour::profile::MODELS;
use crate::print::printer::Printer;
use eframe::egui::{self, Align, CollapsingHeader, ComboBox, DragValue, Layout, TextEdit};
use std::path::{Path, PathBuf};

/// Draws the controls.
pub(super) fn show(view: &mut PrintView, printer: Option<&Printer>, ui: &mut egui::Ui) {
    let header = CollapsingHeader::new("Colours and proof").id_salt("colours");
    header.show(ui, |ui| {
        let colour = &mut view.draft.colour;
        grid("adjustment", ui, |ui| {
            let tip = "Raises dark colours, most at black, for processes that print dark";
            let range = 0.0..=MOST_LIFT;
            Number { label: "Lift shadows", tip, suffix: "", range, speed: 0.1, decimals: 1 }
                .show(&mut colour.adjustment.lift, ui);
            let tip = "Strengthens colours, for processes that print dull; 1 keeps them";
            let range = 0.0..=MOST_SATURATION;
            Number { label: "Saturation", tip, suffix: "", range, speed: 0.01, decimals: 2 }
                .show(&mut colour.adjustment.saturation, ui);
        });
        if let Some(printer) = printer {
            filaments(colour, printer, ui);
        }
        let in_filaments = printer.is_some_and(|p| colour.filaments_for(p).is_some());
        if !in_filaments {
            let tip = "In 3MF, OBJ and PLY, for programs that read no textures";
            ui.checkbox(&mut colour.vertices, "Colours at vertices").on_hover_text(tip);
            profile(view, printer, ui);
        }
        let colour = &mut view.draft.colour;
        let generic = |p: &Printer| MODELS.iter().any(|m| m.process == p.process);
        let known = in_filaments || colour.icc.is_some() || printer.is_some_and(generic);
        ui.horizontal_wrapped(|ui| {
            let tip = "The print beside the city's own colours, with a line to move between them";
            let button = ui.add_enabled(known && view.made.is_some(), egui::Button::new("Show the proof"));
            let why = if known { "Make the part first" } else { "Choose a colour profile first" };
            if button.on_hover_text(tip).on_disabled_hover_text(why).clicked() {
                (view.bed.heat, view.bed.wipe.on) = (Heat::Proof, true);
                view.views = view.views.with_part();
            }
            if !in_filaments {
                let tip = "Pictures of the proof and figures of the gamut in the order's report";
                let boxed =
                    ui.add_enabled(known || colour.proof, egui::Checkbox::new(&mut colour.proof, "In the report"));
                boxed.on_hover_text(tip).on_disabled_hover_text(why);
            }
        });
        wrong(&view.draft, Field::Colour, ui);
    });
}

fn filaments(colour: &mut ColourOrder, printer: &Printer, ui: &mut egui::Ui) {
    let lays = printer.process == "filament";
    let mut on = colour.filaments_for(printer).is_some();
    ui.horizontal(|ui| {
        if !lays {
            let tip = "Regions of few colours instead of a texture, for printers that lay filaments side by side";
            if ui.checkbox(&mut on, "Paint with filaments").on_hover_text(tip).changed() {
                colour.filaments = on.then_some(5);
            }
        }
        if let Some(n) = colour.filaments_for(printer).filter(|_| on) {
            let most = printer.colours.as_ref().map_or(MOST_FILAMENTS as u32, |l| l.value as u32);
            let mut value = n as u32;
            let label = ui.label("Filaments").on_hover_text("How many colours; the palette comes from the city itself");
            let drag = DragValue::new(&mut value).range(1..=most.max(1)).speed(0.05).update_while_editing(false);
            if ui.add(drag).labelled_by(label.id).changed() {
                colour.filaments = Some(value);
            }
        }
    });
}

/// The words for a profile.
fn name(icc: Option<&Path>, printer: Option<&Printer>) -> String {
    let generic = |process: &str| MODELS.iter().find(|m| m.process == process).map(|m| short(m.title));
    match icc {
        None => printer.and_then(|p| generic(&p.process)).unwrap_or_else(|| "None for this printer".into()),
        Some(path) => match MODELS.iter().find(|m| Path::new(m.name) == path) {
            Some(model) => short(model.title),
            None => path.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        },
    }
}

/// A title without the program's name.
fn short(title: &str) -> String {
    title.trim_start_matches("Veduta ").replace("generic: ", "Generic ")
}

fn profile(view: &mut PrintView, printer: Option<&Printer>, ui: &mut egui::Ui) {
    let now = name(view.draft.colour.icc.as_deref(), printer);
    ui.horizontal(|ui| {
        let label =
            ui.label("Profile").on_hover_text("With what colours are proofed; it does not change what is printed");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let file = sheet("File", ui, |ui| {
                let label = ui.label("Path of a colour profile (.icc)");
                ui.add(TextEdit::singleline(&mut view.icc).desired_width(260.0)).labelled_by(label.id);
                let given = !view.icc.trim().is_empty();
                if ui.add_enabled(given, egui::Button::new("Proof with it")).clicked() {
                    view.draft.colour.icc = Some(PathBuf::from(view.icc.trim()));
                    ui.close();
                }
            });
            file.on_hover_text("The profile of your printer and material, from its maker or your service");
            let wide = ui.available_width();
            let list = ComboBox::from_id_salt("profile").selected_text(&now).width(wide).truncate().show_ui(ui, |ui| {
                let icc = &mut view.draft.colour.icc;
                ui.selectable_value(icc, None, format!("The printer's: {}", name(None, printer)));
                for model in MODELS {
                    ui.selectable_value(icc, Some(PathBuf::from(model.name)), short(model.title));
                }
            });
            list.response.labelled_by(label.id).on_hover_text(now);
        });
    });
}
