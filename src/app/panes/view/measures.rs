//! Measurements: points being clicked, results computed in the background, and the list of them.

use super::units::Unit;
use crate::mesh::bvh::Bvh;
use crate::render::measure::{self, Base, Profile, Volume};
use eframe::egui::{self, RichText};
use nalgebra::Vector3;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Length of a line over two or more points.
    Distance,
    /// How much higher the second point is.
    Height,
    /// Area of a polygon.
    Area,
    /// Volume over a polygon.
    Volume,
    /// Heights along a line.
    Profile,
}

impl Kind {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [Self::Distance, Self::Height, Self::Area, Self::Volume, Self::Profile];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Distance => "Distance",
            Self::Height => "Height",
            Self::Area => "Area",
            Self::Volume => "Volume",
            Self::Profile => "Profile",
        }
    }

    /// What to do to measure it.
    pub(super) fn tip(self) -> &'static str {
        match self {
            Self::Distance => "Click points; Enter or a double click ends the line, Esc gives up",
            Self::Height => "Click two points",
            Self::Area => "Click the corners; Enter or a double click closes the polygon, Esc gives up",
            Self::Volume => "Click corners around a heap or a pit; Enter or a double click closes, Esc gives up",
            Self::Profile => "Click points of a line; Enter or a double click ends it, Esc gives up",
        }
    }

    fn least(self) -> usize {
        if matches!(self, Self::Area | Self::Volume) { 3 } else { 2 }
    }

    /// Whether the last point is joined with the first.
    pub(super) fn is_closed(self) -> bool {
        matches!(self, Self::Area | Self::Volume)
    }
}

/// A result.
#[derive(Clone, Debug, PartialEq)]
enum Values {
    Distance {
        direct: f64,
        across: f64,
        up: f64,
    },
    Height {
        up: f64,
        across: f64,
    },
    Area {
        ground: f64,
        rim: f64,
        surface: Option<f64>,
    },
    Volume(Volume),
    Profile(Profile),
    /// There is no surface to measure on.
    Impossible,
}

/// One measurement.
pub(super) struct Measurement {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) points: Vec<Vector3<f64>>,
    base: Base,
    values: Option<Values>,
    coming: Option<Receiver<Values>>,
    unit: Unit,
}

/// All measurements, and the one being made.
#[derive(Default)]
pub(super) struct Measures {
    /// What clicks measure.
    pub(super) tool: Option<Kind>,
    /// The points clicked so far.
    pub(super) points: Vec<Vector3<f64>>,
    pub(super) done: Vec<Measurement>,
    made: usize,
    /// What became of the last file.
    saved: Option<Result<String, String>>,
}

fn compute(kind: Kind, points: &[Vector3<f64>], base: Base, surface: Option<&Bvh>, texel: f64) -> Values {
    match (kind, surface) {
        (Kind::Distance, _) => {
            let across = points.windows(2).map(|w| (w[1] - w[0]).xy().norm()).sum();
            let up = points.last().zip(points.first()).map_or(0.0, |(b, a)| b.z - a.z);
            Values::Distance { direct: measure::polyline_length(points, false), across, up }
        }
        (Kind::Height, _) => {
            let d = points.last().zip(points.first()).map(|(b, a)| measure::distance(a, b));
            d.map_or(Values::Impossible, |d| Values::Height { up: d.rise, across: d.horizontal })
        }
        (Kind::Area, surface) => Values::Area {
            ground: measure::ground_area(points),
            rim: measure::triangulated_area(points),
            surface: surface.map(|s| measure::surface_area(s, points)),
        },
        (Kind::Volume, Some(s)) => measure::volume(s, points, base, texel).map_or(Values::Impossible, Values::Volume),
        (Kind::Profile, Some(s)) => measure::profile(s, points, texel).map_or(Values::Impossible, Values::Profile),
        (Kind::Volume | Kind::Profile, None) => Values::Impossible,
    }
}

fn describe(values: &Values, unit: Unit) -> String {
    match values {
        Values::Distance { direct, across, up } => {
            format!("{}; {} across, {} up", unit.length(*direct), unit.length(*across), unit.length(*up))
        }
        Values::Height { up, across } => format!("{} up; {} across", unit.length(*up), unit.length(*across)),
        Values::Area { ground, rim, surface } => {
            let on_it = surface.map_or_else(String::new, |s| format!(", {} of surface", unit.text(s, 2)));
            format!("{} on the map; {} between the corners{on_it}", unit.text(*ground, 2), unit.text(*rim, 2))
        }
        Values::Volume(v) => {
            let gap = if v.unknown > 0.001 {
                format!("; {:.1} % of it has no surface and counts nothing", v.unknown * 100.0)
            } else {
                String::new()
            };
            let (cut, fill) = (unit.text(v.cut, 3), unit.text(v.fill, 3));
            format!("{cut} above, {fill} below the base; {} on the map{gap}", unit.text(v.area, 2))
        }
        Values::Profile(p) => {
            let (low, high) = p.range().unwrap_or((0.0, 0.0));
            format!("{} long; heights {:.2} to {}", unit.length(p.length()), low, unit.length(high))
        }
        Values::Impossible => "needs the city or the part: show it, and measure again".into(),
    }
}

impl Measurement {
    fn start(&mut self, surface: Option<Arc<Bvh>>, texel: f64, ctx: &egui::Context) {
        let (kind, points, base, ctx) = (self.kind, self.points.clone(), self.base, ctx.clone());
        if matches!(kind, Kind::Distance | Kind::Height) {
            self.values = Some(compute(kind, &points, base, None, texel));
            return;
        }
        let (send, receive) = channel();
        self.coming = Some(receive);
        std::thread::spawn(move || {
            // The pane may be gone by now.
            let _ = send.send(compute(kind, &points, base, surface.as_deref(), texel));
            ctx.request_repaint();
        });
    }

    fn text(&self) -> String {
        self.values.as_ref().map_or_else(|| "measuring...".into(), |v| describe(v, self.unit))
    }
}

impl Measures {
    /// Chooses what clicks measure; `None` = nothing.
    pub(super) fn choose(&mut self, kind: Option<Kind>) {
        self.tool = kind;
        self.points.clear();
    }

    /// Adds a clicked point; true when the measurement is complete by it.
    pub(super) fn click(&mut self, point: Vector3<f64>) -> bool {
        self.points.push(point);
        self.tool == Some(Kind::Height) && self.points.len() == 2
    }

    /// Ends the measurement being made, where it has enough points.
    pub(super) fn finish(&mut self, surface: Option<Arc<Bvh>>, texel: f64, unit: Unit, ctx: &egui::Context) {
        let Some(kind) = self.tool else { return };
        self.points.dedup_by(|a, b| (*a - *b).norm() < 1e-9);
        if self.points.len() < kind.least() {
            return;
        }
        self.made += 1;
        let name = format!("{} {}", kind.name(), self.made);
        let points = std::mem::take(&mut self.points);
        let mut one = Measurement { name, kind, points, base: Base::Plane, values: None, coming: None, unit };
        one.start(surface, texel, ctx);
        self.done.push(one);
    }

    /// What the points so far measure.
    pub(super) fn so_far(&self, unit: Unit) -> Option<String> {
        let kind = self.tool?;
        if self.points.len() < kind.least() {
            return Some(format!("{}: {}", kind.name(), kind.tip()));
        }
        let simple = if kind.is_closed() { Kind::Area } else { Kind::Distance };
        Some(format!("{}: {}", kind.name(), describe(&compute(simple, &self.points, Base::Plane, None, 1.0), unit)))
    }

    /// Draws the list; `surface` gives what to measure on again.
    pub(super) fn list(&mut self, ui: &mut egui::Ui, root: &Path, surface: Option<Arc<Bvh>>, texel: f64) {
        let mut removed = None;
        for (i, one) in self.done.iter_mut().enumerate() {
            if let Some(values) = one.coming.as_ref().and_then(|r| r.try_recv().ok()) {
                (one.values, one.coming) = (Some(values), None);
            }
            ui.horizontal_wrapped(|ui| {
                let label = ui.label(RichText::new(one.kind.name()).weak().size(12.0));
                let field = egui::TextEdit::singleline(&mut one.name).desired_width(100.0);
                ui.add(field).labelled_by(label.id).on_hover_text("Name of this measurement");
                let text = one.text();
                ui.label(&text);
                if one.kind == Kind::Volume && base(ui, one) {
                    one.values = None;
                    one.start(surface.clone(), texel, ui.ctx());
                }
                if ui.small_button("Copy").on_hover_text(format!("Copy {} as text", one.name)).clicked() {
                    ui.ctx().copy_text(format!("{}: {text}", one.name));
                }
                if let Some(Values::Profile(profile)) = &one.values {
                    let path = root.join(format!("{}.csv", file_name(&one.name)));
                    let tip = format!("Write the heights to {}", path.display());
                    if ui.small_button("Save CSV").on_hover_text(tip).clicked() {
                        let written = std::fs::write(&path, profile.csv());
                        let outcome = written.map(|()| format!("wrote {}", path.display()));
                        self.saved = Some(outcome.map_err(|e| format!("cannot write {}: {e}", path.display())));
                    }
                }
                if ui.small_button("Delete").on_hover_text(format!("Delete {}", one.name)).clicked() {
                    removed = Some(i);
                }
            });
            if let Some(Values::Profile(profile)) = &one.values {
                super::plot::show(ui, profile, one.unit);
            }
        }
        match &self.saved {
            Some(Ok(text)) => drop(ui.weak(text)),
            Some(Err(text)) => drop(ui.colored_label(ui.visuals().error_fg_color, text)),
            None => {}
        }
        if let Some(i) = removed {
            self.done.remove(i);
        }
    }
}

/// A name without what file systems do not take.
fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect()
}

/// The choice of the base; true when it changed.
fn base(ui: &mut egui::Ui, one: &mut Measurement) -> bool {
    let before = one.base;
    let label = ui.label(RichText::new("base").weak().size(12.0));
    let word = match one.base {
        Base::Plane => "plane of the rim",
        Base::Lowest => "lowest corner",
        Base::Height(_) => "height",
    };
    let low = one.points.iter().map(|p| p.z).fold(f64::INFINITY, f64::min);
    egui::ComboBox::from_id_salt(("base", &one.name))
        .selected_text(word)
        .width(120.0)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut one.base, Base::Plane, "plane of the rim");
            ui.selectable_value(&mut one.base, Base::Lowest, "lowest corner");
            if ui.selectable_label(matches!(one.base, Base::Height(_)), "height").clicked() {
                one.base = Base::Height(low);
            }
        })
        .response
        .labelled_by(label.id);
    if let Base::Height(z) = &mut one.base {
        ui.add(egui::DragValue::new(z).speed(0.05).suffix(" up")).labelled_by(label.id);
    }
    one.base != before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_become_a_named_measurement() {
        let ctx = egui::Context::default();
        let mut all = Measures::default();
        all.choose(Some(Kind::Distance));
        assert!(!all.click(Vector3::zeros()) && !all.click(Vector3::new(3.0, 4.0, 12.0)));
        assert!(all.so_far(Unit::Metre).expect("text").contains("13.00 m"));
        all.finish(None, 0.1, Unit::Metre, &ctx);
        assert_eq!((all.done.len(), all.points.len(), all.done[0].name.as_str()), (1, 0, "Distance 1"));
        assert_eq!(all.done[0].text(), "13.00 m; 5.00 m across, 12.00 m up");
        all.choose(Some(Kind::Area));
        all.click(Vector3::zeros());
        all.click(Vector3::x());
        all.finish(None, 0.1, Unit::Metre, &ctx);
        assert_eq!(all.done.len(), 1, "two corners are no polygon");
        assert_eq!(compute(Kind::Volume, &[], Base::Plane, None, 1.0), Values::Impossible);
    }
}
