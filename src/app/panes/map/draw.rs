//! Drawing of the map's layers.

use super::super::details::mark;
use super::MapView;
use super::ready::{Overlap, Ready, Spot};
use crate::georef::{Enu, UtmFromLocal};
use crate::scene::{ControlRole, LocalFrame};
use eframe::egui::{self, Align2, Color32, FontId, Painter, Pos2, Rect, Shape, Stroke};
use nalgebra::{Vector2, Vector3};

/// Blue to yellow, even to the eye and told apart by all: the more photos the brighter. Below the threshold orange.
fn overlap_colour(count: u16, threshold: u16, alpha: u8) -> Color32 {
    if count < threshold {
        return Color32::from_rgba_unmultiplied(213, 94, 0, alpha);
    }
    let t = (f32::from(count - threshold) / (2.0 * f32::from(threshold)).max(1.0)).min(1.0);
    let mix = |a: f32, b: f32| (a + (b - a) * t) as u8;
    Color32::from_rgba_unmultiplied(mix(40.0, 120.0), mix(84.0, 205.0), mix(140.0, 220.0), alpha)
}

pub(super) fn draw_overlap(
    painter: &Painter,
    o: &Overlap,
    threshold: u16,
    at: &dyn Fn(&Vector2<f64>) -> Pos2,
    strength: u8,
) {
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
                mesh.add_colored_rect(rect, overlap_colour(count, threshold, strength));
            }
        }
    }
    painter.add(Shape::mesh(mesh));
}

pub(super) fn draw_spots(
    map: &MapView,
    ready: &Ready,
    selected: &std::collections::BTreeSet<usize>,
    ui: &egui::Ui,
    painter: &Painter,
    at: &dyn Fn(&Vector2<f64>) -> Pos2,
) {
    let (text, weak, accent) = (ui.visuals().text_color(), ui.visuals().weak_text_color(), mark(ui));
    if map.track {
        for part in &ready.track {
            let line: Vec<Pos2> = part.iter().map(|&i| at(&ready.spots[i].at)).collect();
            painter.add(Shape::line(line, Stroke::new(1.0, weak)));
        }
    }
    let range = map.paint.range(&ready.spots);
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
            map.paint.of(spot).zip(range).map_or(text, |(v, r)| viridis(r.share(v)))
        };
        painter.line_segment([here, nose], Stroke::new(1.5, colour));
        painter.circle_filled(here, if is_selected { 6.0 } else { 4.0 }, colour);
        if spot.rejected {
            let d = egui::vec2(5.0, 5.0);
            painter.line_segment([here - d, here + d], Stroke::new(1.5, ui.visuals().error_fg_color));
        }
    }
}

/// Name, role and place of a control point.
pub(super) type ControlSpot = (String, ControlRole, Vector2<f64>);

/// Control points as filled triangles, check points as empty ones.
pub(super) fn draw_control(
    ui: &egui::Ui,
    painter: &Painter,
    spots: &[ControlSpot],
    at: &dyn Fn(&Vector2<f64>) -> Pos2,
) {
    let colour = ui.visuals().warn_fg_color;
    for (name, role, place) in spots.iter().filter(|s| s.1 != ControlRole::Off) {
        let here = at(place);
        let corners = vec![here + egui::vec2(0.0, -7.0), here + egui::vec2(6.5, 4.5), here + egui::vec2(-6.5, 4.5)];
        let fill = if *role == ControlRole::Control { colour } else { ui.visuals().panel_fill };
        painter.add(Shape::convex_polygon(corners, fill, Stroke::new(1.5, colour)));
        note(ui, painter, here + egui::vec2(11.0, 0.0), Align2::LEFT_CENTER, name);
    }
}

pub(super) fn draw_ruler(
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
pub(in crate::app::panes) fn note(ui: &egui::Ui, painter: &Painter, at: Pos2, anchor: Align2, text: &str) {
    let galley = painter.layout_no_wrap(text.into(), FontId::proportional(12.0), ui.visuals().text_color());
    let rect = anchor.anchor_size(at, galley.size());
    painter.rect_filled(rect.expand(3.0), 3.0, ui.visuals().panel_fill.gamma_multiply(0.85));
    painter.galley(rect.min, galley, ui.visuals().text_color());
}

pub(in crate::app::panes) fn draw_scale_bar(ui: &egui::Ui, painter: &Painter, rect: Rect, scale: f64, metric: bool) {
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

pub(super) fn coordinates(ui: &egui::Ui, painter: &Painter, rect: Rect, p: &Vector2<f64>, frame: Option<&LocalFrame>) {
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

/// What colours the photos' marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Paint {
    /// Nothing.
    #[default]
    Plain,
    /// Time of exposure.
    Time,
    /// Height above the take-off.
    Height,
    /// Speed to the next photo.
    Speed,
    /// Reprojection error.
    Error,
}

/// From the least to the greatest value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// 0 at the least value, 1 at the greatest.
    fn share(&self, value: f64) -> f32 {
        if self.high > self.low { ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0) as f32 } else { 0.5 }
    }
}

impl Paint {
    pub(super) const ALL: [(Self, &'static str); 5] = [
        (Self::Plain, "Plain"),
        (Self::Time, "Time"),
        (Self::Height, "Height"),
        (Self::Speed, "Speed"),
        (Self::Error, "Error"),
    ];

    pub(super) fn label(self) -> &'static str {
        Self::ALL.iter().find(|(p, _)| *p == self).map_or("", |(_, l)| l)
    }

    fn of(self, spot: &Spot) -> Option<f64> {
        match self {
            Self::Plain => None,
            Self::Time => spot.values[0],
            Self::Height => spot.values[1],
            Self::Speed => spot.values[2],
            Self::Error => spot.values[3],
        }
    }

    /// The values that the colours stand for; `None` where none is known.
    pub(super) fn range(self, spots: &[Spot]) -> Option<Range> {
        let mut values = spots.iter().filter_map(|s| self.of(s));
        let first = values.next()?;
        let (low, high) = values.fold((first, first), |(lo, hi), v| (lo.min(v), hi.max(v)));
        Some(Range { low, high })
    }

    fn text(self, value: f64, low: f64) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Time => format!("{:+.0} s", value - low),
            Self::Height => format!("{value:.1} m"),
            Self::Speed => format!("{value:.1} m/s"),
            Self::Error => format!("{value:.2} px"),
        }
    }
}

/// Dark blue over green to yellow, of even steps for all eyes (the map "viridis" at seven places).
fn viridis(share: f32) -> Color32 {
    const STOPS: [[u8; 3]; 7] =
        [[68, 1, 84], [68, 58, 131], [49, 104, 142], [33, 145, 140], [53, 183, 121], [144, 215, 67], [253, 231, 37]];
    let x = share.clamp(0.0, 1.0) * 6.0;
    let (i, t) = ((x as usize).min(5), x - (x as usize).min(5) as f32);
    let mix = |k: usize| (f32::from(STOPS[i][k]) * (1.0 - t) + f32::from(STOPS[i + 1][k]) * t) as u8;
    Color32::from_rgb(mix(0), mix(1), mix(2))
}

/// The bar that says which colour stands for what.
pub(super) fn draw_legend(ui: &egui::Ui, painter: &Painter, rect: Rect, paint: Paint, spots: &[Spot]) {
    let Some(range) = paint.range(spots) else { return };
    let bar = Rect::from_min_size(rect.left_top() + egui::vec2(10.0, 10.0), egui::vec2(120.0, 8.0));
    for i in 0..24 {
        let x = |k: i32| bar.min.x + bar.width() * k as f32 / 24.0;
        let piece = Rect::from_min_max(egui::pos2(x(i), bar.min.y), egui::pos2(x(i + 1), bar.max.y));
        painter.rect_filled(piece, 0.0, viridis(i as f32 / 23.0));
    }
    let text =
        format!("{}  {} to {}", paint.label(), paint.text(range.low, range.low), paint.text(range.high, range.low));
    note(ui, painter, bar.left_bottom() + egui::vec2(0.0, 5.0), Align2::LEFT_TOP, &text);
}

/// Outlines of what enough photos see.
pub(super) fn draw_outlines(
    painter: &Painter,
    lines: &[Vec<Vector2<f64>>],
    colour: Color32,
    at: &dyn Fn(&Vector2<f64>) -> Pos2,
) {
    for line in lines {
        painter.add(Shape::closed_line(line.iter().map(at).collect(), Stroke::new(1.8, colour)));
    }
}
