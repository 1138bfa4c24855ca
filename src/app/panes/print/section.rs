//! The movable section: a plane through the part, made of the 3D view's clipping box.

use crate::render::ClipBox;
use eframe::egui;
use nalgebra::{Vector2, Vector3};

/// Which way the plane stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Off,
    /// Across the part: its normal along x.
    Across,
    /// Along the part: its normal along y.
    Along,
    /// Level.
    Level,
}

/// The plane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Section {
    way: Way,
    /// Where it is between the part's ends, 0..=1.
    share: f64,
}

impl Default for Section {
    fn default() -> Self {
        Self { way: Way::Off, share: 0.5 }
    }
}

type Bounds = (Vector3<f64>, Vector3<f64>);

impl Section {
    fn axis(self) -> Option<usize> {
        match self.way {
            Way::Off => None,
            Way::Across => Some(0),
            Way::Along => Some(1),
            Way::Level => Some(2),
        }
    }

    /// The box that leaves what is behind the plane; nothing else of the scene, however large, is cut.
    pub(super) fn clip(self, (low, high): Bounds) -> Option<ClipBox> {
        let axis = self.axis()?;
        let reach = (high - low).max() * 20.0;
        let (mut from, mut to) = (low.add_scalar(-reach), high.add_scalar(reach));
        let at = low[axis] + (high[axis] - low[axis]) * self.share;
        // The front of an upright cut is towards the south or the west, that of a level one is its top.
        if axis == 1 {
            from[axis] = at
        } else {
            to[axis] = at
        }
        Some(ClipBox::around((from, to)))
    }

    /// The axis and the place of the plane, a hair inside what is shown.
    pub(super) fn plane(self, (low, high): Bounds) -> Option<(usize, f64)> {
        let axis = self.axis()?;
        let hair = (high - low).max() * 1e-5 * if axis == 1 { 1.0 } else { -1.0 };
        Some((axis, low[axis] + (high[axis] - low[axis]) * self.share + hair))
    }

    /// The ends of an upright plane on the part's ground.
    pub(super) fn line(self, (low, high): Bounds) -> Option<[Vector2<f64>; 2]> {
        let axis = self.axis().filter(|a| *a < 2)?;
        let at = low[axis] + (high[axis] - low[axis]) * self.share;
        let end = |other: f64| {
            let mut p = Vector2::zeros();
            (p[axis], p[1 - axis]) = (at, other);
            p
        };
        Some([end(low[1 - axis]), end(high[1 - axis])])
    }

    /// The controls.
    pub(super) fn show(&mut self, bounds: Option<Bounds>, ui: &mut egui::Ui) {
        let ways = [(Way::Off, "None"), (Way::Across, "Across"), (Way::Along, "Along"), (Way::Level, "Level")];
        let label = ui.label("Section");
        let name = ways.iter().find(|w| w.0 == self.way).map_or("", |w| w.1);
        let list = egui::ComboBox::from_id_salt("section").selected_text(name).width(70.0).show_ui(ui, |ui| {
            for (way, name) in ways {
                ui.selectable_value(&mut self.way, way, name);
            }
        });
        list.response.labelled_by(label.id);
        let (Some(axis), Some((low, high))) = (self.axis(), bounds) else { return };
        let size = high[axis] - low[axis];
        let mut mm = size * self.share;
        ui.spacing_mut().slider_width = 70.0;
        // A slider does not wrap by itself.
        if ui.available_size_before_wrap().x < 190.0 {
            ui.end_row();
        }
        ui.horizontal(|ui| {
            let label = ui.label("at");
            let slider = egui::Slider::new(&mut mm, 0.0..=size).suffix(" mm").max_decimals(1);
            if ui.add(slider).labelled_by(label.id).on_hover_text("Where the section is").changed() {
                self.share = (mm / size.max(1e-9)).clamp(0.0, 1.0);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plane_cuts_where_it_says() {
        let bounds = (Vector3::zeros(), Vector3::new(100.0, 60.0, 20.0));
        let level = Section { way: Way::Level, share: 0.25 };
        let clip = level.clip(bounds).expect("a box");
        assert!(clip.contains(&Vector3::new(1.0, 1.0, 4.9)) && !clip.contains(&Vector3::new(1.0, 1.0, 5.1)));
        assert!(level.line(bounds).is_none());
        let (axis, at) = level.plane(bounds).expect("a plane");
        assert!(axis == 2 && at < 5.0 && at > 4.99, "{at}");
        let along = Section { way: Way::Along, share: 0.5 };
        let clip = along.clip(bounds).expect("a box");
        assert!(clip.contains(&Vector3::new(1.0, 31.0, 1.0)) && !clip.contains(&Vector3::new(1.0, 29.0, 1.0)));
        assert_eq!(along.line(bounds), Some([Vector2::new(0.0, 30.0), Vector2::new(100.0, 30.0)]));
        assert!(Section::default().clip(bounds).is_none());
    }
}
