//! A point's coordinates, to be typed.

use super::super::super::VedutaApp;
use super::super::super::session::Session;
use super::ControlView;
use crate::cli::CONTROL_SIGMA_M;
use crate::georef::Crs;
use crate::scene::{ControlPoint, ControlRole};
use eframe::egui;
use nalgebra::Vector3;

/// The fields as typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Form {
    /// Name of the point that is changed; `None` = a new one.
    original: Option<String>,
    name: String,
    crs: String,
    x: String,
    y: String,
    z: String,
    sigma: String,
    sigma_up: String,
    wrong: Option<String>,
}

impl Form {
    /// For a new point: the system of the others, or the zone of the flight.
    pub fn new(session: Option<&Session>) -> Self {
        let points = session.map(|s| s.control.points.as_slice()).unwrap_or_default();
        let zone = session.and_then(|s| s.flight.as_ref()?.frame).map(|f| format!("EPSG:{}", f.utm_epsg));
        let crs = points.last().map(|p| p.crs.clone()).or(zone).unwrap_or_else(|| "EPSG:4326".into());
        let free = |i: &usize| points.iter().all(|p| p.name != format!("P{i}"));
        let name = format!("P{}", (1..).find(free).unwrap_or(1));
        let [sigma, sigma_up] = CONTROL_SIGMA_M.map(|s| s.to_string());
        Self { name, crs, sigma, sigma_up, ..Self::default() }
    }

    /// For a point that is there.
    pub fn of(point: &ControlPoint) -> Self {
        Self {
            original: Some(point.name.clone()),
            name: point.name.clone(),
            crs: point.crs.clone(),
            x: point.given.x.to_string(),
            y: point.given.y.to_string(),
            z: point.sigma_up_m.map_or_else(String::new, |_| point.given.z.to_string()),
            sigma: point.sigma_m[0].to_string(),
            sigma_up: point.sigma_up_m.unwrap_or(CONTROL_SIGMA_M[1]).to_string(),
            wrong: None,
        }
    }

    /// The point, or what is wrong with a field; `others` are the names that are taken.
    fn point(&self, before: Option<&ControlPoint>, others: &[&str]) -> Result<ControlPoint, String> {
        let number = |what: &str, text: &str| {
            let value = text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            value.ok_or_else(|| format!("{what}: \"{}\" is not a number", text.trim()))
        };
        let positive = |what: &str, text: &str| match number(what, text)? {
            s if s > 0.0 => Ok(s),
            s => Err(format!("{what} is {s}, it must be above 0")),
        };
        let name = self.name.trim();
        if name.is_empty() || others.contains(&name) {
            return Err(if name.is_empty() { "The point needs a name".into() } else { format!("{name} is taken") });
        }
        let crs = Crs::parse(&self.crs).map_err(|e| format!("{e}: {}", e.hint()))?;
        let has_height = !self.z.trim().is_empty();
        let z = if has_height { number("z", &self.z)? } else { 0.0 };
        let sigma = positive("Sigma", &self.sigma)?;
        Ok(ControlPoint {
            name: name.to_string(),
            crs: crs.name().to_string(),
            given: Vector3::new(number("x", &self.x)?, number("y", &self.y)?, z),
            sigma_m: [sigma; 2],
            sigma_up_m: if has_height { Some(positive("Sigma of z", &self.sigma_up)?) } else { None },
            role: before.map_or(ControlRole::Control, |p| p.role),
            marks: before.map_or_else(Vec::new, |p| p.marks.clone()),
        })
    }
}

/// Draws the form; saves or closes it.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let Some(mut form) = app.control.form.take() else { return };
    let (mut save, mut close) = (false, false);
    egui::Frame::group(ui.style()).show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            let field = |ui: &mut egui::Ui, name: &str, text: &mut String, width: f32, tip: &str| {
                let label = ui.label(name).on_hover_text(tip);
                ui.add(egui::TextEdit::singleline(text).desired_width(width)).labelled_by(label.id).on_hover_text(tip);
            };
            field(ui, "Name", &mut form.name, 70.0, "Unique in the project");
            field(ui, "Reference system", &mut form.crs, 96.0, "For example EPSG:25832");
            field(ui, "x", &mut form.x, 96.0, "Easting in metres, or longitude in degrees");
            field(ui, "y", &mut form.y, 96.0, "Northing in metres, or latitude in degrees");
            field(ui, "z", &mut form.z, 64.0, "Height in metres; empty where it is not known");
            field(ui, "Sigma", &mut form.sigma, 48.0, "Standard deviation of x and y in metres");
            field(ui, "Sigma of z", &mut form.sigma_up, 48.0, "Standard deviation of the height in metres");
            save = ui.button("Save the point").clicked();
            close = ui.button("Close the form").clicked();
        });
        if let Some(wrong) = &form.wrong {
            ui.colored_label(ui.visuals().error_fg_color, wrong);
        }
    });
    if save && let Some(session) = app.session.as_ref() {
        let points = &session.control.points;
        let place = points.iter().position(|p| Some(&p.name) == form.original.as_ref());
        let others: Vec<&str> =
            points.iter().enumerate().filter(|(i, _)| Some(*i) != place).map(|(_, p)| p.name.as_str()).collect();
        match form.point(place.map(|i| &points[i]), &others) {
            Ok(point) => {
                let mut points = points.clone();
                let name = point.name.clone();
                match place {
                    Some(i) => points[i] = point,
                    None => points.push(point),
                }
                ControlView::set(app, points);
                if let Some(session) = app.session.as_ref() {
                    app.control.choose(session, &name);
                }
                return;
            }
            Err(wrong) => form.wrong = Some(wrong),
        }
    }
    if !close {
        app.control.form = Some(form);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_checked() {
        let good = Form {
            name: "a".into(),
            crs: "EPSG:32617".into(),
            x: "1.5".into(),
            y: "2".into(),
            sigma: "0.1".into(),
            ..Form::default()
        };
        let point = good.point(None, &[]).expect("a point");
        assert_eq!((point.given.x, point.sigma_up_m, point.sigma_m), (1.5, None, [0.1; 2]));
        assert!(good.point(None, &["a"]).is_err_and(|e| e.contains("taken")));
        let wrong = |f: Form| f.point(None, &[]).expect_err("refused");
        assert!(wrong(Form { x: "one".into(), ..good.clone() }).contains("\"one\""));
        assert!(wrong(Form { crs: "EPSG:27700".into(), ..good.clone() }).contains("EPSG:27700"));
        assert!(wrong(Form { sigma: "0".into(), ..good }).contains("above 0"));
    }
}
