//! A clicked point and the photos that see it.

use super::units::Unit;
use crate::app::session::Session;
use crate::base::PhotoId;
use crate::mesh::bvh::Bvh;
use crate::render::{Pick, Seen, Viewport, photos_that_see};
use eframe::egui::{self, RichText};
use nalgebra::Vector3;

/// Photos listed, at most; the rest is counted.
const LISTED: usize = 40;

/// The point and its photos.
pub(in crate::app::panes) struct Sight {
    pub(in crate::app::panes) point: Vector3<f64>,
    pub(super) seen: Vec<Seen>,
}

impl Sight {
    /// Finds the photos that see what was picked.
    pub(super) fn of(pick: &Pick, viewport: &Viewport, session: &Session) -> Option<Self> {
        let sparse = session.sparse.as_ref()?;
        let track = viewport.photos_of(&pick.target);
        let surface = viewport.surface();
        let seen = photos_that_see(&pick.point, pick.normal, sparse, track, surface.as_deref());
        Some(Self { point: pick.point, seen })
    }

    /// Finds the photos that see a place of the city's surface.
    pub(in crate::app::panes) fn at(
        point: Vector3<f64>,
        normal: Option<Vector3<f64>>,
        surface: &Bvh,
        session: &Session,
    ) -> Option<Self> {
        let sparse = session.sparse.as_ref()?;
        Some(Self { point, seen: photos_that_see(&point, normal, sparse, None, Some(surface)) })
    }

    /// The list; gives the photo that was clicked, and whether the list is to close.
    pub(in crate::app::panes) fn section(
        &self,
        ui: &mut egui::Ui,
        session: &Session,
        unit: Unit,
    ) -> (Option<PhotoId>, bool) {
        let (mut wanted, mut closed) = (None, false);
        let p = self.point;
        ui.horizontal_wrapped(|ui| {
            let text = format!("{} photos see this point", self.seen.len());
            ui.label(RichText::new(text).strong());
            ui.weak(format!("{:.2} east, {:.2} north, {:.2} up", p.x, p.y, p.z));
            closed = ui.small_button("Close").on_hover_text("Forget the point").clicked();
        });
        ui.horizontal_wrapped(|ui| {
            for seen in self.seen.iter().take(LISTED) {
                let row = session.rows.iter().find(|r| r.id == Some(seen.photo));
                let name = row.map_or("", |r| r.name.as_str());
                let far = unit.length(seen.distance);
                let angle = seen.angle.to_degrees();
                let tip = format!(
                    "{far} away, {angle:.0}\u{b0} from the surface's normal, pixel {:.0}, {:.0}. Click to select the photo",
                    seen.pixel.x, seen.pixel.y
                );
                if ui.button(format!("{name}  {far}  {angle:.0}\u{b0}")).on_hover_text(tip).clicked() {
                    wanted = Some(seen.photo);
                }
            }
            if self.seen.len() > LISTED {
                ui.weak(format!("and {} more", self.seen.len() - LISTED));
            }
        });
        (wanted, closed)
    }
}
