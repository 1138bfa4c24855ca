//! The order as numbers and lists, left of the views.

use super::locked::{self, Locked};
use super::ready::Ready;
use super::shape::{self, Kind};
use super::{PrintView, colour, finish, meters, templates};
use crate::app::settings::Settings;
use crate::order::{Field, Order};
use crate::print::{Area, Rectangle};
use eframe::egui::containers::menu::{MenuButton, MenuConfig};
use eframe::egui::{self, Align, ComboBox, DragValue, Grid, Layout, RichText, TextEdit};
use std::ops::RangeInclusive;

/// A number with its label in a grid's row.
pub(super) struct Number<'a> {
    pub(super) label: &'a str,
    pub(super) tip: &'a str,
    pub(super) suffix: &'a str,
    pub(super) range: RangeInclusive<f64>,
    pub(super) speed: f64,
    pub(super) decimals: usize,
}

impl Number<'_> {
    /// Draws it; true when it was changed.
    pub(super) fn show(&self, value: &mut f64, ui: &mut egui::Ui) -> bool {
        let label = ui.label(self.label).on_hover_text(self.tip);
        let drag = DragValue::new(value).speed(self.speed).range(self.range.clone()).max_decimals(self.decimals);
        let drag = drag.suffix(self.suffix).update_while_editing(false);
        ui.add(drag).labelled_by(label.id).on_hover_text(self.tip).changed()
    }
}

/// Two numbers with their labels in a row.
pub(super) fn grid(name: &str, ui: &mut egui::Ui, add: impl FnOnce(&mut egui::Ui)) {
    Grid::new(name).num_columns(4).spacing([8.0, 6.0]).min_col_width(44.0).show(ui, add);
}

/// A button that opens a small sheet with fields, which a click inside does not close.
pub(super) fn sheet(name: &str, ui: &mut egui::Ui, add: impl FnOnce(&mut egui::Ui)) -> egui::Response {
    let config = MenuConfig::new().close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    MenuButton::new(name).config(config).ui(ui, add).0
}

fn heading(text: &str, ui: &mut egui::Ui) {
    ui.add_space(8.0);
    ui.label(RichText::new(text).strong().size(14.0));
}

/// Draws them all.
pub(super) fn show(view: &mut PrintView, ready: &Ready, settings: &mut Settings, ui: &mut egui::Ui) {
    egui::ScrollArea::vertical().id_salt("print controls").auto_shrink(false).show(ui, |ui| {
        // Room for the bar that scrolls.
        ui.set_max_width(ui.available_width() - 8.0);
        template(view, settings, ui);
        printer(view, ready, ui);
        area(view, ready, ui);
        size(view, ready, ui);
        body(&mut view.draft, ui);
        let printer = view.printer().cloned();
        finish::show(&mut view.draft, printer.as_ref(), view.preview.wrong.as_ref(), ui);
        colour::show(view, printer.as_ref(), ui);
    });
}

/// What is wrong with a field.
pub(super) fn wrong(order: &Order, field: Field, ui: &mut egui::Ui) {
    for (_, error) in order.check().into_iter().filter(|(f, _)| *f == field) {
        ui.colored_label(ui.visuals().error_fg_color, error.to_string()).on_hover_text(error.hint());
    }
}

fn printer(view: &mut PrintView, ready: &Ready, ui: &mut egui::Ui) {
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        let label = ui.label(RichText::new("Printer").strong().size(14.0));
        let title = view.printer().map_or(view.draft.printer.as_str(), |p| p.title.as_str()).to_string();
        // From the right, so that the longest title leaves room for the button.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            own_printer(view, ui);
            let wide = ui.available_width();
            let list =
                ComboBox::from_id_salt("printer").selected_text(&title).width(wide).height(400.0).truncate().show_ui(
                    ui,
                    |ui| {
                        for p in ready.printers.as_deref().unwrap_or_default() {
                            let chosen = view.draft.printer == p.name;
                            if ui.selectable_label(chosen, &p.title).on_hover_text(&p.process).clicked() {
                                view.draft.printer.clone_from(&p.name);
                            }
                        }
                    },
                );
            list.response.labelled_by(label.id).on_hover_text(title);
        });
    });
    if let Err((headline, hint)) = &ready.printers {
        ui.colored_label(ui.visuals().error_fg_color, headline).on_hover_text(hint);
    }
    if let Some(Err((headline, hint))) = &view.printer {
        ui.colored_label(ui.visuals().error_fg_color, headline).on_hover_text(hint);
    }
    let Some(figures) = view.figures.clone() else { return };
    if let Some(printer) = view.printer().cloned() {
        meters::show(&figures, &printer, ui);
        meters::costs(&figures, &printer, view.draft.copies, ui);
    }
}

fn own_printer(view: &mut PrintView, ui: &mut egui::Ui) {
    let own = sheet("Own", ui, |ui| {
        let label = ui.label("Path of a rule pack (.toml)");
        ui.add(TextEdit::singleline(&mut view.pack).desired_width(260.0)).labelled_by(label.id);
        let given = view.pack.trim().ends_with(".toml");
        if ui.add_enabled(given, egui::Button::new("Take it")).clicked() {
            view.draft.printer = view.pack.trim().to_string();
            ui.close();
        }
    });
    own.on_hover_text("A rule pack of your own; `veduta printers --json` shows what is in one");
}

fn area(view: &mut PrintView, ready: &Ready, ui: &mut egui::Ui) {
    heading("Area", ui);
    let now = view.area(ready);
    let kind = Kind::of(view.draft.area.as_ref());
    ui.horizontal(|ui| {
        // Four words in one row.
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.spacing_mut().button_padding.x = 7.0;
        for (other, name) in Kind::ALL {
            if ui.selectable_label(kind == other, name).clicked() && other != kind {
                view.draft.area = now.as_ref().and_then(|a| other.from(a));
            }
        }
    });
    let metric = ready.subject.metric;
    let unit = if metric { " m" } else { "" };
    let speed = (ready.bounds.1 - ready.bounds.0).max() * 1e-3;
    if kind == Kind::Automatic {
        ui.weak("The largest rectangle that photos cover well. Drag it, or choose a shape, to change it.");
    }
    if let Some(mut area) = view.draft.area.clone() {
        let before = area.clone();
        grid("area", ui, |ui| numbers(&mut area, unit, speed, ui));
        if area != before {
            view.draft.area = Some(area);
        }
    }
    if let Some(area) = &now {
        let ground = shape::ground(area);
        let text = if metric && ground >= 1e5 {
            format!("{:.1} ha", ground / 1e4)
        } else {
            format!("{ground:.0}{unit}\u{b2}")
        };
        let covered = view.covered.map_or_else(String::new, |c| format!(", {:.1} % with surface", c * 100.0));
        ui.weak(format!("{text}{covered}"));
        if view.covered.is_some_and(|c| c < 0.98) {
            let text = "At most 2 % may be without surface: make the area smaller, or move it.";
            ui.colored_label(ui.visuals().warn_fg_color, text);
        }
    } else {
        ui.colored_label(ui.visuals().warn_fg_color, "No photo saw enough of the city: draw an area.");
    }
    wrong(&view.draft, Field::Area, ui);
    ui.horizontal_wrapped(|ui| {
        let tip = "Into the largest rectangle that photos cover well";
        let snap = ui.add_enabled(ready.well.is_some(), egui::Button::new("Snap to coverage"));
        if snap.on_hover_text(tip).clicked()
            && let Some(well) = ready.well
        {
            let kind = if kind == Kind::Automatic { Kind::Rectangle } else { kind };
            view.draft.area = kind.from(&well.into());
        }
        let drawing = view.above.drawing.is_some();
        if ui.selectable_label(drawing, "Draw a polygon").on_hover_text("Click its corners on the city").clicked() {
            view.above.drawing = if drawing { None } else { Some(Vec::new()) };
        }
    });
}

fn numbers(area: &mut Area, unit: &str, speed: f64, ui: &mut egui::Ui) {
    let any = f64::NEG_INFINITY..=f64::INFINITY;
    let of = |label, tip, range| Number { label, tip, suffix: unit, range, speed, decimals: 2 };
    let least = 1e-3..=f64::INFINITY;
    match area {
        Area::Rectangle(Rectangle { centre, size, azimuth }) => {
            of("East", "Middle of the area, from the project's origin", any.clone()).show(&mut centre.x, ui);
            of("North", "Middle of the area, from the project's origin", any.clone()).show(&mut centre.y, ui);
            ui.end_row();
            of("Width", "Across the heading", least.clone()).show(&mut size.x, ui);
            of("Depth", "Along the heading", least).show(&mut size.y, ui);
            ui.end_row();
            // A heading runs clockwise from north.
            let mut heading = -azimuth.to_degrees() + 0.0;
            let tip = "Direction of the depth, clockwise from north";
            let number =
                Number { label: "Heading", tip, suffix: "\u{b0}", range: -360.0..=360.0, speed: 0.5, decimals: 2 };
            if number.show(&mut heading, ui) {
                *azimuth = -heading.to_radians();
            }
        }
        Area::Circle { centre, radius } => {
            of("East", "Middle of the area, from the project's origin", any.clone()).show(&mut centre.x, ui);
            of("North", "Middle of the area, from the project's origin", any).show(&mut centre.y, ui);
            ui.end_row();
            of("Radius", "", least).show(radius, ui);
        }
        Area::Polygon(ring) => {
            ui.label("Corners");
            ui.label(ring.len().to_string()).on_hover_text(
                "Drag corners; drag the middle of a side to make a new one; click a corner with the other button to delete it",
            );
            ui.end_row();
        }
    }
}

fn size(view: &mut PrintView, ready: &Ready, ui: &mut egui::Ui) {
    heading("Size", ui);
    let Some(area) = view.area(ready) else { return };
    let metric = ready.subject.metric;
    let Locked { mut n, mut mm, mut ground } = Locked::of(&view.draft, &area);
    grid("size", ui, |ui| {
        if metric {
            let tip = "The N of 1:N; the area stays, the part grows or shrinks";
            let number = Number { label: "Scale 1:", tip, suffix: "", range: 1.0..=1e6, speed: n * 0.005, decimals: 1 };
            if number.show(&mut n, ui) {
                locked::set_scale(&mut view.draft, n);
            }
            ui.end_row();
        }
        let tip = "Longest side of the part; the area stays, the scale follows";
        let number = Number { label: "Longest side", tip, suffix: " mm", range: 1.0..=5000.0, speed: 0.5, decimals: 1 };
        if number.show(&mut mm, ui) {
            locked::set_mm(&mut view.draft, mm);
        }
        ui.end_row();
        let tip = "Longest side on the ground; the area grows or shrinks about its middle";
        let suffix = if metric { " m" } else { "" };
        let speed = ground * 0.003;
        let number = Number { label: "On the ground", tip, suffix, range: 1e-3..=1e6, speed, decimals: 2 };
        if number.show(&mut ground, ui) {
            locked::set_ground(&mut view.draft, &area, ground);
        }
    });
    wrong(&view.draft, Field::Size, ui);
    if let (Some(printer), true) = (view.printer(), metric) {
        let metres = |mm: f64| mm * n / 1000.0;
        if let Some(least) = printer.detail_mm.as_ref().or(printer.wall_mm.as_ref()).map(|l| l.value) {
            ui.label(format!("Smallest printable thing: {:.2} m", metres(least)))
                .on_hover_text(format!("{least} mm by the printer's profile, at 1:{n:.0}"));
        }
        if let Some(wall) = printer.wall_mm.as_ref().map(|l| l.value) {
            ui.weak(format!("Thinnest wall: {wall} mm = {:.2} m", metres(wall)));
        }
    }
    if !metric {
        ui.weak("The project has no GPS: its scale is unknown.");
    }
}

fn body(order: &mut Order, ui: &mut egui::Ui) {
    heading("Body", ui);
    grid("body", ui, |ui| {
        let tip = "How much heights are exaggerated; 1 keeps them";
        let number = Number { label: "Heights times", tip, suffix: "", range: 0.1..=20.0, speed: 0.01, decimals: 2 };
        number.show(&mut order.z_scale, ui);
        let tip = "Material below the lowest place of the surface";
        let number = Number { label: "Base", tip, suffix: " mm", range: 0.0..=100.0, speed: 0.05, decimals: 2 };
        number.show(&mut order.base_mm, ui);
    });
    wrong(order, Field::ZScale, ui);
    wrong(order, Field::Base, ui);
    ui.checkbox(&mut order.thicken, "Mend thin walls and gaps").on_hover_text(
        "What is thinner than the printer makes it is shaved where it is low and thickened where it stands out; narrow gaps are filled",
    );
}

fn template(view: &mut PrintView, settings: &mut Settings, ui: &mut egui::Ui) {
    let built_in: Vec<(String, Order)> = templates::built_in().into_iter().map(|(n, o)| (n.to_string(), o)).collect();
    let own = templates::of(&view.draft);
    let all: Vec<(String, Order)> = built_in.iter().chain(&settings.templates).cloned().collect();
    let now = all.iter().find(|(_, o)| *o == own).map_or("None", |(n, _)| n.as_str()).to_string();
    let mut chosen = None;
    ui.horizontal(|ui| {
        let label = ui.label(RichText::new("Template").strong().size(14.0));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            sheet("Keep", ui, |ui| keep(view, settings, (&built_in, &own, &now), ui))
                .on_hover_text("Keep this order as a template, or delete one");
            let wide = ui.available_width();
            let list =
                ComboBox::from_id_salt("template").selected_text(&now).width(wide).height(400.0).truncate().show_ui(
                    ui,
                    |ui| {
                        for (name, order) in &all {
                            if ui.selectable_label(now == *name, name).clicked() {
                                chosen = Some(order.clone());
                            }
                        }
                    },
                );
            list.response.labelled_by(label.id).on_hover_text("Printer, size and body of a template; the area stays");
        });
    });
    if let Some(template) = chosen {
        view.draft = templates::applied(&template, &view.draft);
    }
}

fn keep(
    view: &mut PrintView,
    settings: &mut Settings,
    (built_in, own, now): (&[(String, Order)], &Order, &str),
    ui: &mut egui::Ui,
) {
    let label = ui.label("Name of the template");
    ui.add(TextEdit::singleline(&mut view.template).desired_width(180.0)).labelled_by(label.id);
    let name = view.template.trim().to_string();
    let free = !name.is_empty() && built_in.iter().all(|(n, _)| *n != name);
    if ui.add_enabled(free, egui::Button::new("Keep it")).on_hover_text("For all projects").clicked() {
        settings.templates.retain(|(n, _)| *n != name);
        settings.templates.push((name, own.clone()));
        settings.save();
        ui.close();
    }
    if settings.templates.iter().any(|(n, _)| *n == now) && ui.button("Delete the template").clicked() {
        settings.templates.retain(|(n, _)| *n != now);
        settings.save();
        ui.close();
    }
}
