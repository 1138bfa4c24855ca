//! How near a part is to the printer's limits, and what it weighs and costs.

use super::figures::Figures;
use crate::print::printer::{Limit, Printer};
use eframe::egui::{self, Align, Layout, Rect, RichText, Sense};

/// How near the part is to the printer's limits.
pub(super) fn show(figures: &Figures, printer: &Printer, ui: &mut egui::Ui) {
    let about = |exact: bool| if exact { "" } else { "~ " };
    if let Some(build) = &printer.build_mm {
        let ([x, y, z], [a, b, c]) = (figures.size_mm, build.value);
        let text = format!("{}{x:.0} x {y:.0} x {z:.0} of {a:.0} x {b:.0} x {c:.0} mm", about(figures.exact));
        meter("Size", figures.fills(build.value), text, build, ui);
    }
    if let Some(limit) = &printer.triangles {
        let text = format!("{}{:.0} k of {:.0} k", about(figures.exact), figures.triangles / 1e3, limit.value / 1e3);
        meter("Triangles", figures.triangles / limit.value, text, limit, ui);
    }
    if let Some(limit) = &printer.texture_px {
        let text = format!("{:.0} of {:.0} px", figures.texture_px, limit.value);
        meter("Texture", figures.texture_px / limit.value, text, limit, ui);
    }
    if let Some(limit) = &printer.file_mb {
        let text = format!("{}{:.1} of {:.0} MB", about(figures.file_exact), figures.file_mb, limit.value);
        meter("File", figures.file_mb / limit.value, text, limit, ui);
    }
}

/// Name and numbers in a line, the share as a bar under them.
fn meter<T>(name: &str, share: f64, text: String, limit: &Limit<T>, ui: &mut egui::Ui) {
    let over = share > 1.0;
    let colour = if over { ui.visuals().error_fg_color } else { super::super::super::shell::accent(ui) };
    let tip = format!("limit by {} ({})", limit.source, limit.date);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.spacing_mut().interact_size.y = 16.0;
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).size(12.0));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let text = if over { format!("{text}: too much") } else { text };
                let text = RichText::new(text).size(12.0);
                ui.add(egui::Label::new(if over { text.color(colour) } else { text }).truncate()).on_hover_text(&tip);
            });
        });
        let (rect, bar) = ui.allocate_exact_size(egui::vec2(ui.available_width(), 5.0), Sense::hover());
        let whole = share.clamp(0.0, 1.0);
        bar.widget_info(|| {
            egui::WidgetInfo::labeled(egui::Role::Meter, true, format!("{name} {:.0} %", share * 100.0))
        });
        bar.on_hover_text(tip);
        let done = Rect::from_min_size(rect.min, egui::vec2(rect.width() * whole as f32, rect.height()));
        ui.painter().rect_filled(rect, 2.5, ui.visuals().widgets.inactive.bg_fill);
        ui.painter().rect_filled(done, 2.5, colour);
    });
}

pub(super) fn costs(figures: &Figures, printer: &Printer, copies: u32, ui: &mut egui::Ui) {
    let about = if figures.exact { "" } else { "about " };
    let mut text = format!("{about}{:.0} cm\u{b3}", figures.volume_cm3);
    if let Some(mass) = figures.mass_g(printer) {
        text += &format!(", {mass:.0} g");
    }
    match figures.price(printer) {
        Some(price) if copies > 1 => text += &format!(", {:.2} for {copies}", price * f64::from(copies)),
        Some(price) => text += &format!(", {price:.2}"),
        None => {}
    }
    let tip = if figures.exact {
        "Measured on the made part; price in the profile's currency"
    } else {
        "From the city's heights, before the part is made: the volume to a few percent, the surface is more"
    };
    let source = printer.price_source().map_or_else(String::new, |s| format!("\nPrice by the profile: {s}"));
    ui.label(RichText::new(text).strong()).on_hover_text(format!("{tip}{source}"));
    if figures.price(printer).is_none() {
        ui.weak("The profile knows no price.");
    }
}
