//! What is written into the bed's picture: the scale of a measure, the figures of a proof, the sizes.

use super::super::view::tag;
use super::heat::HeatMap;
use super::look::Look;
use eframe::egui::{self, Align2, Color32, Painter, Rect, Stroke};

/// Colour of the words and of what is behind them.
fn colours(ui: &egui::Ui) -> (Color32, Color32) {
    (ui.visuals().text_color(), ui.visuals().panel_fill.gamma_multiply(0.85))
}

/// Below the picture's lower left corner.
pub(super) fn size(low_high: super::assembly::Bounds, rect: Rect, ui: &egui::Ui, painter: &Painter) {
    let s = low_high.1 - low_high.0;
    let (text, ground) = colours(ui);
    let words = format!("{:.1} x {:.1} x {:.1} mm", s.x, s.y, s.z);
    tag(painter, rect.left_bottom() + egui::vec2(8.0, -8.0), Align2::LEFT_BOTTOM, &words, text, ground);
}

/// In the upper left corner: the scale of the measure, or the filaments, and what is said of them.
pub(super) fn show(look: &Look, rect: Rect, ui: &mut egui::Ui, painter: &Painter) {
    let mut at = rect.left_top() + egui::vec2(10.0, 10.0);
    if let Some(map) = look.maps.first() {
        at = scale(map, at, rect, ui, painter);
    }
    let (text, ground) = colours(ui);
    for (i, (colour, share)) in look.filaments.iter().enumerate() {
        let swatch = Rect::from_min_size(at + egui::vec2(0.0, 1.0), egui::vec2(22.0, 14.0));
        painter.rect_filled(swatch.expand(1.0), 2.0, ground);
        painter.rect_filled(swatch, 2.0, Color32::from_rgb(colour[0], colour[1], colour[2]));
        let words = format!("{}: {:.0} %", i + 1, share * 100.0);
        tag(painter, swatch.right_top() + egui::vec2(8.0, 0.0), Align2::LEFT_TOP, &words, text, ground);
        at.y += 20.0;
    }
    // A small picture is for the part.
    let room = if rect.height() > 240.0 { 4 } else { 0 };
    for note in look.notes.iter().take(room) {
        at.y = wrapped(note, at, rect, ui, painter) + 6.0;
    }
}

/// A paragraph that can be read by a screen reader too; gives its lower edge.
fn wrapped(words: &str, at: egui::Pos2, rect: Rect, ui: &mut egui::Ui, painter: &Painter) -> f32 {
    let (text, ground) = colours(ui);
    let wide = (rect.right() - at.x - 10.0).clamp(60.0, 420.0);
    let size = painter.layout(words.to_string(), egui::FontId::proportional(12.0), text, wide).size();
    let place = Rect::from_min_size(at, size);
    painter.rect_filled(place.expand(3.0), 3.0, ground);
    // Not one to be marked by the pointer, which turns the part.
    let label = egui::Label::new(egui::RichText::new(words).size(12.0).color(text))
        .selectable(false)
        .halign(egui::Align::Min)
        .wrap();
    ui.put(Rect::from_min_size(at, egui::vec2(size.x + 1.0, size.y)), label);
    place.max.y
}

/// The scale of a measure, the worst on the left, with the printer's limit; gives where there is room again.
fn scale(map: &HeatMap, at: egui::Pos2, rect: Rect, ui: &mut egui::Ui, painter: &Painter) -> egui::Pos2 {
    let (text, ground) = colours(ui);
    let title = tag(painter, at, Align2::LEFT_TOP, map.heat.label(), text, ground);
    let bar = Rect::from_min_size(title.left_bottom() + egui::vec2(0.0, 8.0), egui::vec2(190.0, 10.0));
    painter.rect_filled(bar.expand(1.5), 2.0, ground);
    let steps = 95;
    for i in 0..steps {
        let x = |k: i32| bar.min.x + bar.width() * k as f32 / steps as f32;
        let [r, g, b] = map.colour(f64::from(i) / f64::from(steps - 1));
        let piece = Rect::from_min_max(egui::pos2(x(i), bar.min.y), egui::pos2(x(i + 1), bar.max.y));
        painter.rect_filled(piece, 0.0, Color32::from_rgb(r, g, b));
    }
    let [low, high] = map.range;
    let (worst, best) = if map.share(low) < map.share(high) { (low, high) } else { (high, low) };
    let below = bar.left_bottom() + egui::vec2(0.0, 7.0);
    let (first, last) = (map.heat.text(worst), format!("{} and more", map.heat.text(best)));
    let last = if best > worst && map.heat.is_open() { last } else { map.heat.text(best) };
    tag(painter, below, Align2::LEFT_TOP, &first, text, ground);
    let end = tag(painter, bar.right_bottom() + egui::vec2(0.0, 7.0), Align2::RIGHT_TOP, &last, text, ground);
    let mut next = egui::pos2(at.x, end.max.y + 8.0);
    if let Some(limit) = map.limit {
        let x = bar.min.x + bar.width() * map.share(limit) as f32;
        painter.line_segment([egui::pos2(x, bar.min.y - 4.0), egui::pos2(x, bar.max.y + 4.0)], Stroke::new(2.0, text));
        let words = format!("{} {}{}", map.heat.limit_word(), map.heat.text(limit), map.beyond());
        next.y = wrapped(&words, next, rect, ui, painter) + 8.0;
    }
    next
}
