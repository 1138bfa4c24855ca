//! A profile as a small plot: length to the right, height upwards; the pointer reads values out.

use super::super::super::shell::accent;
use super::units::Unit;
use crate::render::measure::Profile;
use eframe::egui::{self, Align2, FontId, Pos2, Rect, Sense, Stroke, Vec2};

/// Height of the plot in points of the screen.
const TALL: f32 = 110.0;

/// A step of 1, 2 or 5 times a power of ten that divides a range into a few parts.
pub(super) fn nice_step(range: f64, parts: f64) -> f64 {
    let rough = (range / parts).max(1e-9);
    let power = 10f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough).unwrap_or(rough)
}

/// Draws the plot.
pub(super) fn show(ui: &mut egui::Ui, profile: &Profile, unit: Unit) {
    let Some((low, high)) = profile.range() else { return };
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width().max(120.0), TALL), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, "Profile plot"));
    let painter = ui.painter_at(rect);
    painter.rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let plot = Rect::from_min_max(rect.min + Vec2::new(46.0, 8.0), rect.max - Vec2::new(10.0, 20.0));
    let (length, spread) = (profile.length().max(1e-9), (high - low).max(1e-6));
    let to_screen = |l: f64, z: f64| {
        let x = plot.min.x + (l / length) as f32 * plot.width();
        Pos2::new(x, plot.max.y - ((z - low) / spread) as f32 * plot.height())
    };
    let font = FontId::proportional(11.0);
    let (weak, grid) = (ui.visuals().weak_text_color(), ui.visuals().faint_bg_color);
    let step = nice_step(spread, 3.0);
    let mut z = (low / step).ceil() * step;
    while z <= high {
        let at = to_screen(0.0, z);
        painter.hline(plot.x_range(), at.y, Stroke::new(1.0, grid));
        let digits = if step < 0.95 { 1 } else { 0 };
        painter.text(at - Vec2::new(5.0, 0.0), Align2::RIGHT_CENTER, format!("{z:.digits$}"), font.clone(), weak);
        z += step;
    }
    let step = nice_step(length, 6.0);
    let mut l = 0.0;
    while l <= length * 1.0001 {
        let at = to_screen(l, low);
        painter.vline(at.x, plot.y_range(), Stroke::new(1.0, grid));
        let digits = if step < 0.95 { 1 } else { 0 };
        let text = format!("{l:.digits$} {}", unit.name());
        let galley = painter.layout_no_wrap(text, font.clone(), weak);
        let x = (at.x - galley.size().x / 2.0).clamp(rect.min.x, rect.max.x - galley.size().x);
        painter.galley(Pos2::new(x, plot.max.y + 4.0), galley, weak);
        l += step;
    }
    let stroke = Stroke::new(1.6, accent(ui));
    for run in profile.samples.split(|s| s.2.is_none()) {
        let line: Vec<Pos2> = run.iter().filter_map(|(_, l, z)| Some(to_screen(*l, (*z)?))).collect();
        painter.line(line, stroke);
    }
    if let Some(pointer) = response.hover_pos() {
        let l = f64::from((pointer.x - plot.min.x) / plot.width()).clamp(0.0, 1.0) * length;
        let nearest = profile.samples.iter().min_by(|a, b| (a.1 - l).abs().total_cmp(&(b.1 - l).abs()));
        if let Some((_, l, Some(z))) = nearest {
            let at = to_screen(*l, *z);
            painter.vline(at.x, plot.y_range(), Stroke::new(1.0, weak));
            painter.circle_filled(at, 3.5, accent(ui));
            response.on_hover_text(format!("{} along, {} high", unit.length(*l), unit.length(*z)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::nice_step;

    #[test]
    fn steps_are_round() {
        for (range, step) in [(100.0, 20.0), (9.0, 2.0), (0.37, 0.1), (1234.0, 500.0)] {
            assert!((nice_step(range, 5.0) - step).abs() < 1e-9, "{range}");
        }
    }
}
