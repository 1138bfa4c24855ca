//! Which parts stand on the bed, and where: one of them, or all as they are put together, pulled apart so that the cuts show.
//!
//! In: the made parts and a [`Choice`]. Out: the place of each in the scene's millimetres, and one mesh of all of them for the
//! 3D view, with a page for each.

use crate::order::Made;
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
}

impl Default for Choice {
    fn default() -> Self {
        Self::One(0)
    }
}

impl Choice {
    /// The list of parts, and how far they are apart; true when it was changed.
    pub(super) fn show(&mut self, made: &Made, ui: &mut egui::Ui) -> bool {
        let label = ui.label("Part");
        let name = match *self {
            Self::One(i) => made.parts.get(i).map_or("", |p| p.name.as_str()),
            Self::All(_) => "Put together",
        };
        let before = *self;
        let list = egui::ComboBox::from_id_salt("shown part").selected_text(name).width(100.0).show_ui(ui, |ui| {
            for (i, part) in made.parts.iter().enumerate() {
                ui.selectable_value(self, Self::One(i), &part.name);
            }
            let all = matches!(*self, Self::All(_));
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

/// Parts by number, and where the corner of each is.
#[derive(Clone, Debug, Default)]
pub(super) struct Assembly {
    pub(super) parts: Vec<(usize, Vector3<f64>)>,
}

impl Assembly {
    /// The places for a choice.
    pub(super) fn of(made: &Made, choice: Choice) -> Self {
        let apart = match choice {
            Choice::One(i) => {
                return Self { parts: (i < made.parts.len()).then(|| (i, Vector3::zeros())).into_iter().collect() };
            }
            Choice::All(apart) => apart,
        };
        let middle = |i: usize| {
            let part = &made.parts[i];
            part.at + part.part.mesh.bounds().map_or_else(Vector3::zeros, |(low, high)| (low + high) / 2.0)
        };
        let all = 0..made.parts.len();
        let centre = all.clone().map(middle).sum::<Vector3<f64>>() / made.parts.len().max(1) as f64;
        let place = |i: usize| {
            let away = middle(i) - centre;
            (i, made.parts[i].at + Vector3::new(away.x, away.y, 0.0) * apart)
        };
        Self { parts: all.map(place).collect() }
    }

    /// Where a part's corner is; none where it is not shown.
    pub(super) fn at(&self, part: usize) -> Option<Vector3<f64>> {
        self.parts.iter().find(|p| p.0 == part).map(|p| p.1)
    }

    /// The box around all.
    pub(super) fn bounds(&self, made: &Made) -> Option<Bounds> {
        let of = |(i, at): &(usize, Vector3<f64>)| {
            made.parts.get(*i)?.part.mesh.bounds().map(|(low, high)| (low + at, high + at))
        };
        self.parts.iter().filter_map(of).reduce(|a, b| (a.0.inf(&b.0), a.1.sup(&b.1)))
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
        let mut city = City {
            mesh: Mesh::default(),
            uvs: Vec::new(),
            page: Vec::new(),
            views: Vec::new(),
            classes: Vec::new(),
            pages: Vec::new(),
            texel_m: 1.0,
        };
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
