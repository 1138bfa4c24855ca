//! What comes around and through the city, drawn over it before the part is made: the slab with its text and arrow, and about
//! where a split cuts.
//!
//! In: the order, its area. Out: lines and letters on the ground; what is wrong with the text, as making it would say. The
//! slab and the letters are those of the part; cuts are found over the city's surface and those of the part over its body,
//! which is a little smoother.

use super::job::{Failure, Job};
use super::ready::Ready;
use crate::order::Order;
use crate::print::plinth::Margins;
use crate::print::printer::Printer;
use crate::print::split::{self, Cuts, Ground, Split};
use crate::print::{Area, Frame, PrintError, outline};
use eframe::egui::{self, Color32, Painter, Pos2, Shape, Stroke};
use nalgebra::{Vector2, Vector3};
use std::sync::Arc;

/// What it is made of.
type Key = (Area, Order);

/// Lines and triangles on the ground.
#[derive(Default)]
struct Drawn {
    slab: Vec<Vector2<f64>>,
    letters: Vec<[Vector2<f64>; 3]>,
    cuts: Vec<Vec<Vector2<f64>>>,
}

/// What the view remembers.
#[derive(Default)]
pub(super) struct Preview {
    key: Option<Key>,
    job: Option<Job<Drawn>>,
    drawn: Drawn,
    /// Why it cannot be made like this.
    pub(super) wrong: Option<Failure>,
}

impl Preview {
    /// Follows the order.
    pub(super) fn follow(
        &mut self,
        (order, area): (&Order, Option<&Area>),
        printer: Option<&Printer>,
        ready: &Arc<Ready>,
        ctx: &egui::Context,
    ) {
        if let Some(outcome) = self.job.as_ref().and_then(Job::ended) {
            self.job = None;
            (self.drawn, self.wrong) = match outcome {
                Ok(drawn) => (drawn, None),
                Err(why) => (Drawn::default(), Some(why)),
            };
        }
        let is_some = order.plinth.is_some() || order.split != Split::None;
        let (Some(area), Some(printer), true) = (area, printer, is_some && order.check().is_empty()) else {
            *self = Self::default();
            return;
        };
        // What is done with the part draws nothing here.
        let plain = Order {
            colour: Order::default().colour,
            formats: Vec::new(),
            copies: 1,
            plates: false,
            waived: Vec::new(),
            ..order.clone()
        };
        let key = (area.clone(), plain);
        if self.job.is_some() || self.key.as_ref() == Some(&key) {
            return;
        }
        let (ready, printer, of) = (ready.clone(), printer.clone(), key.clone());
        self.key = Some(key);
        self.job = Some(Job::start("previewing", ctx, move |_| Ok(drawn(&of.1, &of.0, &printer, &ready)?)));
    }

    /// Draws it.
    pub(super) fn paint(&self, at: impl Fn(&Vector2<f64>) -> Pos2, painter: &Painter) {
        let ring: Vec<Pos2> = self.drawn.slab.iter().map(&at).collect();
        if !ring.is_empty() {
            painter.add(Shape::closed_line(ring.clone(), Stroke::new(3.0, Color32::from_black_alpha(150))));
            painter.add(Shape::closed_line(ring, Stroke::new(1.2, Color32::from_white_alpha(220))));
            let mut mesh = egui::Mesh::default();
            for p in self.drawn.letters.iter().flatten() {
                mesh.indices.push(mesh.vertices.len() as u32);
                mesh.colored_vertex(at(p), Color32::WHITE);
            }
            if !mesh.is_empty() {
                let dark: Vec<egui::epaint::Vertex> = mesh.vertices.clone();
                let mut shade = egui::Mesh { indices: mesh.indices.clone(), vertices: dark, ..egui::Mesh::default() };
                for v in &mut shade.vertices {
                    (v.pos, v.color) = (v.pos + egui::vec2(1.2, 1.2), Color32::from_black_alpha(200));
                }
                painter.add(Shape::mesh(shade));
                painter.add(Shape::mesh(mesh));
            }
        }
        for cut in &self.drawn.cuts {
            let line: Vec<Pos2> = cut.iter().map(&at).collect();
            painter.add(Shape::line(line.clone(), Stroke::new(3.0, Color32::from_black_alpha(130))));
            painter.extend(Shape::dashed_line(&line, Stroke::new(1.6, Color32::from_rgb(240, 178, 66)), 9.0, 5.0));
        }
    }
}

fn drawn(order: &Order, area: &Area, printer: &Printer, ready: &Ready) -> Result<Drawn, PrintError> {
    let options = order.part_options(printer, &ready.subject);
    let frame = Frame::new(&ready.subject.city, area, &options)?;
    let inner = frame.rectangle.size * frame.mm_per_unit;
    let ground = |p: &Vector2<f64>| frame.city_from_part(&p.push(0.0)).xy();
    let (low, high) = (
        Vector2::new(-frame.margins.around, -frame.margins.front),
        inner + Vector2::new(frame.margins.around, frame.margins.around),
    );
    let mut drawn = Drawn::default();
    if order.plinth.is_some() {
        let corners = [low, Vector2::new(high.x, low.y), high, Vector2::new(low.x, high.y)];
        drawn.slab = corners.iter().map(ground).collect();
        let bodies = options.plinth.bodies(inner, &options, -frame.rectangle.azimuth)?;
        let signs = if order.plinth.engraved { &bodies.removed.mesh } else { &bodies.added.mesh };
        // Letters are what faces up above the slab, or beside it where they are cut in.
        let top = order.base_mm - crate::print::plinth::STEP + 1e-6;
        for t in &signs.triangles {
            let p = t.map(|v| signs.vertices[v as usize]);
            if (p[1] - p[0]).cross(&(p[2] - p[0])).z > 0.0 && p.iter().all(|p| p.z > top) {
                drawn.letters.push(p.map(|p| ground(&p.xy())));
            }
        }
    }
    // Heights hardly ever decide into how many pieces a city is cut.
    let whole = Vector3::new(high.x - low.x, high.y - low.y, order.base_mm);
    let (columns, rows) = split::grid(order.split, whole, options.build_mm)?;
    if (columns, rows) != (1, 1) {
        let cuts = Cuts { columns, rows, straight: order.split_straight };
        drawn.cuts = cuts_over(ready, &frame, (low, high), cuts, options.reach.map_or(1.0, |r| r.wall_mm));
        drawn.cuts.iter_mut().flatten().for_each(|p| *p = ground(&p.sup(&low).inf(&high)));
    }
    Ok(drawn)
}

/// The cuts that the city's own surface asks for, in the part's millimetres: the body, which is not made yet, is a little
/// smoother.
fn cuts_over(
    ready: &Ready,
    frame: &Frame,
    (low, high): (Vector2<f64>, Vector2<f64>),
    cuts: Cuts,
    wall_mm: f64,
) -> Vec<Vec<Vector2<f64>>> {
    let top_z = ready.subject.city.mesh.vertices.iter().map(|v| v.z).fold(f64::NEG_INFINITY, f64::max) + 1.0;
    let slab = frame.margins != Margins::default();
    let top = |p: &Vector2<f64>| {
        if !outline::contains(&frame.outline, p) {
            return slab.then_some(frame.base_mm);
        }
        let mut from = frame.city_from_part(&p.push(0.0));
        from.z = top_z;
        let hit = ready.surface.cast(&from, &-Vector3::z(), 0.0, f64::INFINITY);
        Some(hit.map_or(frame.base_mm, |hit| frame.part_from_city(&hit.point).z))
    };
    let ground = Ground { top: &top, low: low.push(0.0), high: high.push(frame.base_mm) };
    split::preview(&ground, cuts, wall_mm)
}
