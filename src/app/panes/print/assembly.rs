//! Which parts stand on the bed, and where: one of them, or all as they are put together, pulled apart so that the cuts show.
//!
//! In: the made parts and a [`Choice`]. Out: the place of each in the scene's millimetres, and one mesh of all of them for the
//! 3D view, with a page for each.

use crate::order::{Made, MadePart};
use crate::render::{PreparedMesh, prepare_city, prepare_part};
use crate::scene::{City, Mesh, Part, TexturePage};
use eframe::egui;
use nalgebra::Vector3;

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Choice {
    /// One part, as it is printed.
    One(usize),
    /// All, pulled apart by this share of their size.
    All(f64),
    /// All copies on the printer's tray.
    Tray,
}

impl Default for Choice {
    fn default() -> Self {
        Self::One(0)
    }
}

impl Choice {
    /// The list of parts, and how far they are apart; true when it was changed.
    pub(super) fn show(&mut self, made: &Made, has_tray: bool, ui: &mut egui::Ui) -> bool {
        let label = ui.label("Part");
        let name = match *self {
            Self::One(i) => made.parts.get(i).map_or("", |p| p.name.as_str()),
            Self::All(_) => "Put together",
            Self::Tray => "On the tray",
        };
        let before = *self;
        let list = egui::ComboBox::from_id_salt("shown part").selected_text(name).width(100.0).show_ui(ui, |ui| {
            for (i, part) in made.parts.iter().enumerate() {
                ui.selectable_value(self, Self::One(i), &part.name);
            }
            let all = matches!(*self, Self::All(_));
            if has_tray {
                let tip = "All copies where they stand in the printer";
                ui.selectable_value(self, Self::Tray, "On the tray").on_hover_text(tip);
            }
            if made.parts.len() < 2 {
                return;
            }
            if ui.selectable_label(all, "Put together").on_hover_text("All parts as they are joined").clicked() && !all
            {
                *self = Self::All(0.3);
            }
        });
        list.response.labelled_by(label.id);
        if let Self::All(apart) = self {
            ui.spacing_mut().slider_width = 70.0;
            if ui.available_size_before_wrap().x < 140.0 {
                ui.end_row();
            }
            let label = ui.label("Explode");
            let tip = "How far the parts are pulled apart, so that cuts and pegs show";
            ui.add(egui::Slider::new(apart, 0.0..=1.5).show_value(false)).labelled_by(label.id).on_hover_text(tip);
        }
        before != *self
    }
}

/// Lower and upper corner.
pub(super) type Bounds = (Vector3<f64>, Vector3<f64>);

/// The boxes of all parts, each from its own corner; found once for each making.
pub(super) fn boxes(made: &Made) -> Vec<Bounds> {
    made.parts.iter().map(|p| p.part.mesh.bounds().unwrap_or_default()).collect()
}

/// Parts by number, and where the corner of each is.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    pub(super) parts: Vec<(usize, Vector3<f64>)>,
    /// The box around all.
    pub(super) bounds: Option<Bounds>,
}

impl Assembly {
    /// The places for a choice, of parts with these boxes.
    pub(super) fn of(made: &Made, boxes: &[Bounds], choice: Choice) -> Self {
        let middle = |(part, (low, high)): (&MadePart, &Bounds)| part.at + (low + high) / 2.0;
        let middles: Vec<Vector3<f64>> = made.parts.iter().zip(boxes).map(middle).collect();
        let centre = middles.iter().sum::<Vector3<f64>>() / middles.len().max(1) as f64;
        let parts: Vec<(usize, Vector3<f64>)> = match choice {
            Choice::One(i) => (i < middles.len()).then(|| (i, Vector3::zeros())).into_iter().collect(),
            // That is drawn from above.
            Choice::Tray => Vec::new(),
            Choice::All(apart) => {
                let away = |i: usize| Vector3::new(middles[i].x - centre.x, middles[i].y - centre.y, 0.0) * apart;
                (0..middles.len()).map(|i| (i, made.parts[i].at + away(i))).collect()
            }
        };
        let placed = parts.iter().map(|(i, at)| (boxes[*i].0 + at, boxes[*i].1 + at));
        let bounds = placed.reduce(|a, b| (a.0.inf(&b.0), a.1.sup(&b.1)));
        Self { parts, bounds }
    }

    /// Where a part's corner is; none where it is not shown.
    pub(super) fn at(&self, part: usize) -> Option<Vector3<f64>> {
        self.parts.iter().find(|p| p.0 == part).map(|p| p.1)
    }

    /// One mesh of all.
    pub(super) fn mesh(&self, made: &Made) -> Mesh {
        let mut all = Mesh::default();
        for (i, at) in &self.parts {
            let Some(part) = made.parts.get(*i) else { continue };
            append(&mut all, &part.part.mesh, at);
        }
        all
    }

    /// Parts as they are to be shown, one for each place, ready for the 3D view.
    pub(super) fn prepare(&self, shown: &[&Part]) -> PreparedMesh {
        if let ([part], true) = (shown, self.parts.first().is_none_or(|p| p.1 == Vector3::zeros())) {
            return prepare_part(part);
        }
        let mut city = City { texel_m: 1.0, ..City::default() };
        for (page, (part, (_, at))) in shown.iter().zip(&self.parts).enumerate() {
            append(&mut city.mesh, &part.mesh, at);
            city.uvs.extend(&part.uvs);
            city.page.resize(city.mesh.triangles.len(), page as u16);
            city.pages.push(TexturePage { image: part.texture.clone() });
        }
        prepare_city(&city)
    }
}

fn append(all: &mut Mesh, mesh: &Mesh, at: &Vector3<f64>) {
    let first = all.vertices.len() as u32;
    all.vertices.extend(mesh.vertices.iter().map(|v| v + at));
    all.triangles.extend(mesh.triangles.iter().map(|t| t.map(|v| v + first)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Rgb8;
    use crate::order::Order;
    use crate::print::outline::prism;
    use crate::print::printer::Printer;
    use crate::print::{Area, Frame, PartOptions, Rectangle};
    use nalgebra::Vector2;
    use std::sync::Arc;

    fn made() -> Made {
        let square = [[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]].map(Vector2::from);
        let mesh = prism(&square, 0.0, 5.0).mesh;
        let city = City {
            uvs: vec![[[0.5; 2]; 3]; mesh.triangles.len()],
            page: vec![0; mesh.triangles.len()],
            mesh: mesh.clone(),
            views: Vec::new(),
            classes: Vec::new(),
            pages: Vec::new(),
            texel_m: 1.0,
        };
        let area =
            Area::Rectangle(Rectangle { centre: Vector2::new(5.0, 5.0), size: Vector2::new(20.0, 20.0), azimuth: 0.0 });
        let options = PartOptions { area: Some(area.clone()), ..PartOptions::default() };
        let part = |x: f64| {
            let (uvs, texture) = (city.uvs.clone(), Rgb8::filled(4, 4, [9; 3]));
            let part = Part { mesh: mesh.clone(), uvs, texture, scale_denominator: None, title: String::new() };
            MadePart {
                name: "part".into(),
                part: Arc::new(part),
                own: None,
                at: Vector3::new(x, 0.0, 0.0),
                likeness: Default::default(),
            }
        };
        let frame = Frame::new(&city, &area, &options).expect("a frame");
        let (order, printer) = (Order::default(), Printer::default());
        Made { order, printer, frame, parts: vec![part(0.0), part(10.0)], notes: Vec::new(), changes: Vec::new() }
    }

    #[test]
    fn parts_stand_alone_together_or_apart() {
        let made = made();
        let boxes = boxes(&made);
        let wide = |choice| {
            let (low, high) = Assembly::of(&made, &boxes, choice).bounds.expect("a box");
            high - low
        };
        assert_eq!(wide(Choice::One(1)), Vector3::new(10.0, 10.0, 5.0));
        assert_eq!(wide(Choice::All(0.0)), Vector3::new(20.0, 10.0, 5.0));
        assert_eq!(wide(Choice::All(1.0)), Vector3::new(30.0, 10.0, 5.0));
        let apart = Assembly::of(&made, &boxes, Choice::All(1.0));
        assert_eq!(apart.at(1), Some(Vector3::new(15.0, 0.0, 0.0)));
        assert_eq!(apart.mesh(&made).triangles.len(), 2 * made.parts[0].part.mesh.triangles.len());
        assert!(Assembly::of(&made, &boxes, Choice::One(7)).bounds.is_none());
    }
}
