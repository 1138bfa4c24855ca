//! How the print layout is arranged: the order's numbers on the left, the views beside them, what came of it below. Where the
//! pane is narrow, the numbers and the views take turns.

use super::super::super::VedutaApp;
use super::locked::Locked;
use super::ready::Ready;
use super::{PrintView, Views, above, bed, commit, controls, results};
use crate::app::session::Session;
use eframe::egui::{self, Panel};
use nalgebra::Vector2;
use std::sync::Arc;

/// Width below which the numbers and the views take turns.
const NARROW: f32 = 660.0;
/// Width of the numbers.
const CONTROLS: f32 = 312.0;
/// Least width for two views side by side.
const TWO: f32 = 620.0;

/// Draws the pane.
pub(in crate::app::panes) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(session) = app.session.as_ref() else { return };
    let view = &mut app.print;
    view.follow(session, ui.ctx());
    let narrow = ui.available_width() < NARROW;
    header(view, narrow, ui);
    if !session.current.contains_key("city") {
        ui.centered_and_justified(|ui| ui.weak("There is no city yet: run the stages up to \"city\"."));
        return;
    }
    let Some(ready) = view.loads.there.clone() else {
        waiting(view, ui);
        return;
    };
    let mut wanted = None;
    let mut asked = None;
    let (settings, device) = (&mut app.settings, app.render_state.clone());
    let order_alone = narrow && view.views == Views::Order;
    if !narrow {
        Panel::left("print controls").resizable(false).exact_size(CONTROLS).show(ui, |ui| {
            controls::show(view, &ready, settings, ui);
        });
    }
    let most = (ui.available_height() * 0.46).max(60.0);
    Panel::bottom("print results").resizable(false).max_size(most).show(ui, |ui| {
        let top = ui.cursor().min.y;
        asked = results::bar(view, ui);
        results::export(view, session, ui);
        // As much as there is to say, up to the share of the window that it may take.
        let room = (most - (ui.cursor().min.y - top) - 16.0).max(40.0);
        let list = egui::ScrollArea::vertical().id_salt("findings").auto_shrink([false, true]);
        list.max_height(room).min_scrolled_height(room).show(ui, |ui| {
            wanted = view.bed.place(session, ready.subject.metric, ui);
            results::faults(view, ui);
        });
    });
    if order_alone {
        controls::show(view, &ready, settings, ui);
    } else {
        views(view, &ready, session, device.as_ref(), ui);
    }
    if let Some(asked) = asked {
        view.start(asked, session, ui.ctx());
    }
    if let Some(photo) = wanted
        && let Some(row) = session.rows.iter().position(|r| r.id == Some(photo))
    {
        app.photos.select(row);
    }
    commit(app, ui.ctx());
}

fn header(view: &mut PrintView, narrow: bool, ui: &mut egui::Ui) {
    ui.horizontal_wrapped(|ui| {
        let all = [
            (Views::Order, "Order", "Printer, area, size and body"),
            (Views::Both, "Area and part", "Both views"),
            (Views::Above, "Area", "The city from above"),
            (Views::Part, "Part", "The part on the printer's bed"),
        ];
        let shown = if !narrow && view.views == Views::Order { Views::Both } else { view.views };
        for (views, name, tip) in all.into_iter().skip(usize::from(!narrow)) {
            if ui.selectable_label(shown == views, name).on_hover_text(tip).clicked() {
                view.views = views;
            }
        }
        if ui.button("Fit").on_hover_text("Show the whole city").clicked() {
            view.above.fit();
        }
        let text = if view.alone { "Back to the panes" } else { "Whole window" };
        if ui.button(text).on_hover_text("More room for the print layout").clicked() {
            view.alone = !view.alone;
        }
    });
}

fn waiting(view: &PrintView, ui: &mut egui::Ui) {
    ui.vertical_centered(|ui| {
        ui.add_space(40.0);
        if let Some(why) = &view.loads.failed {
            ui.colored_label(ui.visuals().error_fg_color, &why.headline);
            ui.weak(&why.hint);
        } else if view.loads.is_busy() {
            ui.spinner();
            ui.weak("Reading the city");
        } else {
            ui.weak("The city is read when the run has ended.");
        }
    });
}

fn views(
    view: &mut PrintView,
    ready: &Arc<Ready>,
    session: &Session,
    device: Option<&eframe::egui_wgpu::RenderState>,
    ui: &mut egui::Ui,
) {
    let both = matches!(view.views, Views::Both | Views::Order);
    let room = ui.available_size();
    if both && view.made.is_some() {
        // Side by side where that leaves room for both, otherwise one above the other.
        if room.x > TWO {
            Panel::left("print area").resizable(false).exact_size(room.x * 0.5).show(ui, |ui| above(view, ready, ui));
        } else {
            Panel::top("print area").resizable(false).exact_size(room.y * 0.5).show(ui, |ui| above(view, ready, ui));
        }
    }
    match (view.views, view.made.clone(), device) {
        (Views::Above, ..) | (Views::Both | Views::Order, None, _) => above(view, ready, ui),
        (_, None, _) => {
            ui.centered_and_justified(|ui| ui.weak("There is no part yet: make it."));
        }
        (_, Some(_), None) => {
            ui.centered_and_justified(|ui| ui.weak("There is no graphics adapter for the 3D view."));
        }
        (_, Some(made), Some(device)) => {
            let (generation, coloured, copies) = (view.generation, view.coloured, view.draft.copies);
            view.bed.tools(&made, copies, ui);
            let settled = made.order.colour == view.draft.colour;
            view.bed
                .show(&bed::Scene { made: &made, generation, coloured, settled, copies, ready, session, device }, ui);
        }
    }
}

fn above(view: &mut PrintView, ready: &Ready, ui: &mut egui::Ui) {
    let area = view.area(ready);
    let mm_per_unit = area.as_ref().map_or(1.0, |a| Locked::of(&view.draft, a).mm_per_unit());
    let mut linked = above::Linked::default();
    if let Some(made) = view.made.as_ref().filter(|m| m.order.makes_the_same(&view.draft)) {
        let ground = |p: Vector2<f64>| made.frame.city_from_part(&p.push(0.0)).xy();
        linked.section = view.bed.section_line(made).map(|ends| ends.map(ground));
        linked.place = view.bed.picked.as_ref().map(|p| p.place.xy());
    }
    let (picture, preview) = (view.loads.picture.as_ref(), &view.preview);
    let scene = above::Scene { ready, picture, linked, preview, mm_per_unit };
    view.above.show(&scene, area.as_ref(), &mut view.draft.area, ui);
}
