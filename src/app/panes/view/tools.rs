//! The bar above the picture, and what its entries do.

use super::measures::Kind;
use super::{View3d, ViewCommand};
use crate::app::session::Session;
use crate::cli::{Side, What};
use crate::render::Shading;
use eframe::egui;

/// Name of each kind of result.
fn name(what: What) -> &'static str {
    match what {
        What::Sparse => "Sparse points",
        What::Dense => "Dense points",
        What::City => "City",
        What::Part => "Part",
    }
}

/// Looks, with their names and what they say, and whether they mean something for faces and for points.
pub(super) const SHADINGS: [(Shading, &str, &str, [bool; 2]); 7] = [
    (Shading::Texture, "Texture", "The colours as they are", [true, true]),
    (Shading::Clay, "Clay", "One colour in the light: shows shape", [true, true]),
    (Shading::Normals, "Normals", "The direction of the surface as a colour", [true, true]),
    (Shading::Views, "Overlap", "How many photos see each place", [true, true]),
    (Shading::Height, "Height", "Height as a colour", [true, true]),
    (Shading::Classes, "Classes", "Ground, roof, facade, vegetation, car, water", [true, false]),
    (Shading::Confidence, "Confidence", "How well the depth maps agree on each point", [false, true]),
];

/// Draws the bar.
pub(super) fn show(view: &mut View3d, session: &Session, ui: &mut egui::Ui) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for what in What::ALL {
            let there = session.current.contains_key(what.stage());
            let button = egui::Button::selectable(view.what == Some(what), name(what));
            let needs = format!("needs the stage {}", what.stage());
            if ui.add_enabled(there, button).on_disabled_hover_text(needs).clicked() {
                view.what = Some(what);
                view.measures.choose(None);
                view.sight = None;
            }
        }
        ui.separator();
        shading(view, ui);
        showing(view, ui);
        looking(view, session, ui);
        ui.menu_button("Measure", |ui| {
            for kind in Kind::ALL {
                let chosen = view.measures.tool == Some(kind);
                if ui.selectable_label(chosen, kind.name()).on_hover_text(kind.tip()).clicked() {
                    view.commands.push(ViewCommand::Measure(kind));
                }
            }
            if ui.add_enabled(view.measures.tool.is_some(), egui::Button::new("Stop measuring")).clicked() {
                view.measures.choose(None);
            }
        });
        let on = view.clip.is_shown();
        let tip = "Show only what is inside a box; drag its sides";
        if ui.selectable_label(on, "Clip").on_hover_text(tip).clicked() {
            view.commands.push(ViewCommand::Clip);
        }
        ui.menu_button("Picture", |ui| {
            if ui.button("Picture as PNG...").clicked() {
                view.commands.push(ViewCommand::Picture);
            }
            if ui.button("Turntable...").on_hover_text("Pictures all around, for a video").clicked() {
                view.commands.push(ViewCommand::Turntable);
            }
        });
    });
}

fn shading(view: &mut View3d, ui: &mut egui::Ui) {
    let points = matches!(view.what, Some(What::Sparse | What::Dense));
    let Some(viewport) = view.viewport.as_mut() else { return };
    let classified = view.what == Some(What::City) && viewport.has_classes();
    let o = &mut viewport.options;
    let name = SHADINGS.iter().find(|s| s.0 == o.shading).map_or("", |s| s.1);
    let menu = ui.menu_button(name, |ui| {
        for (shading, label, tip, means) in SHADINGS {
            if means[usize::from(points)]
                && (classified || shading != Shading::Classes)
                && ui.selectable_label(o.shading == shading, label).on_hover_text(tip).clicked()
            {
                o.shading = shading;
            }
        }
        ui.separator();
        let edges = egui::Checkbox::new(&mut o.wireframe, "Edges");
        ui.add_enabled(!points, edges).on_hover_text("Draw the edges of the triangles");
        let label = ui.label("Size of points");
        ui.add(egui::Slider::new(&mut o.point_px, 1.0..=10.0).suffix(" px")).labelled_by(label.id);
    });
    menu.response.on_hover_text("How faces and points look");
}

fn showing(view: &mut View3d, ui: &mut egui::Ui) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    ui.menu_button("Layers", |ui| {
        let o = &mut viewport.options;
        ui.checkbox(&mut o.photos, "Photos").on_hover_text("Where each photo was taken from");
        ui.checkbox(&mut view.thumbnails, "Pictures of the photos").on_hover_text("Draw the photos on their pyramids");
        ui.checkbox(&mut o.residuals, "GPS residuals").on_hover_text("Lines from the measured to the adjusted places");
        ui.checkbox(&mut viewport.camera.orthographic, "Parallel")
            .on_hover_text("Without perspective, with a scale bar");
    });
}

fn looking(view: &mut View3d, session: &Session, ui: &mut egui::Ui) {
    let has_photo = session.sparse.is_some() && view.viewport.as_ref().is_some_and(|v| v.options.highlight.is_some());
    let mut push = |ui: &mut egui::Ui, enabled: bool, label: &str, key: &str, command| {
        if ui.add_enabled(enabled, egui::Button::new(label).shortcut_text(key)).clicked() {
            view.commands.push(command);
        }
    };
    ui.menu_button("Look", |ui| {
        push(ui, true, "Fit", "F", ViewCommand::Fit);
        push(ui, true, "From above", "7", ViewCommand::From(Side::Top));
        push(ui, true, "From the south", "1", ViewCommand::From(Side::South));
        push(ui, true, "From the east", "3", ViewCommand::From(Side::East));
        push(ui, true, "From the north", "", ViewCommand::From(Side::North));
        push(ui, true, "From the west", "", ViewCommand::From(Side::West));
        ui.separator();
        push(ui, has_photo, "Through the photo", "", ViewCommand::ThroughPhoto);
        push(ui, true, "Fly", "", ViewCommand::Fly);
    });
}

/// Does what was asked for.
pub(super) fn execute(view: &mut View3d, session: &Session, command: ViewCommand, ctx: &egui::Context) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    match command {
        ViewCommand::Fit => viewport.frame_all(),
        ViewCommand::From(side) => {
            side.apply(&mut viewport.camera);
            viewport.frame_all();
        }
        ViewCommand::Parallel => viewport.camera.orthographic = !viewport.camera.orthographic,
        ViewCommand::Fly => {
            viewport.camera.orthographic = false;
            view.fly = if view.fly.is_some() { None } else { Some(super::fly::Fly::new(&viewport.camera)) };
        }
        ViewCommand::Clip => view.clip.toggle(viewport),
        ViewCommand::Measure(kind) => {
            let again = view.measures.tool == Some(kind);
            view.measures.choose((!again).then_some(kind));
        }
        ViewCommand::ThroughPhoto => view.photo.enter(viewport, session, ctx),
        ViewCommand::Picture => view.pictures.open(false, &session.root),
        ViewCommand::Turntable => view.pictures.open(true, &session.root),
    }
}
