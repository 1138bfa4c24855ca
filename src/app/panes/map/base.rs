//! The orthophoto under the map, drawn once from the city by a thread.

use super::super::super::session::Session;
use crate::base::Fingerprint;
use crate::project::Project;
use crate::scene::City;
use crate::texture::render::{Orthophoto, RenderOptions, dsm_and_ortho};
use eframe::egui::{self, Color32, ColorImage, Painter, Pos2, Rect, TextureHandle, TextureOptions};
use nalgebra::Vector2;
use std::sync::mpsc::{Receiver, channel};

/// Pixels of the longer side.
const SIDE: f64 = 2048.0;

/// A picture of the ground and where it lies.
struct Picture {
    image: ColorImage,
    north_west: Vector2<f64>,
    south_east: Vector2<f64>,
}

/// The map's base layer.
#[derive(Default)]
pub(super) struct Base {
    asked: Option<Fingerprint>,
    coming: Option<Receiver<Option<Picture>>>,
    there: Option<(TextureHandle, Vector2<f64>, Vector2<f64>)>,
}

impl Base {
    /// Asks for the orthophoto of the city that the project has now.
    pub fn follow(&mut self, session: &Session, ctx: &egui::Context) {
        if let Some(news) = self.coming.as_ref().and_then(|r| r.try_recv().ok()) {
            self.coming = None;
            self.there = news.map(|p| {
                let texture = ctx.load_texture("orthophoto", p.image, TextureOptions::LINEAR);
                (texture, p.north_west, p.south_east)
            });
        }
        let Some(key) = session.current.get("city").filter(|_| session.work.is_none()) else { return };
        if self.asked.as_ref() == Some(key) {
            return;
        }
        self.asked = Some(key.clone());
        let (send, receive) = channel();
        self.coming = Some(receive);
        let (root, ctx) = (session.root.clone(), ctx.clone());
        std::thread::spawn(move || {
            let city = Project::open_to_read(&root).and_then(|p| p.current("city")?.get::<City>("output"));
            // The pane may be gone by now.
            let _ = send.send(city.ok().and_then(|city| draw(&city)));
            ctx.request_repaint();
        });
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.there.is_some()
    }

    /// Draws it.
    pub fn draw(&self, painter: &Painter, at: &dyn Fn(&Vector2<f64>) -> Pos2) {
        if let Some((texture, north_west, south_east)) = &self.there {
            let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
            painter.image(texture.id(), Rect::from_two_pos(at(north_west), at(south_east)), whole, Color32::WHITE);
        }
    }
}

fn draw(city: &City) -> Option<Picture> {
    let (low, high) = city.mesh.bounds()?;
    let gsd = ((high - low).xy().max() / SIDE).max(city.texel_m);
    let ortho = dsm_and_ortho(city, [low.x, low.y, high.x, high.y], gsd, &RenderOptions::default());
    let north_west = Vector2::from(ortho.origin);
    let size = Vector2::new(ortho.image.width as f64, -(ortho.image.height as f64)) * ortho.gsd;
    Some(Picture { image: picture_of(&ortho), north_west, south_east: north_west + size })
}

/// The orthophoto for the screen; where there is no surface the ground behind it shows.
pub(in crate::app::panes) fn picture_of(ortho: &Orthophoto) -> ColorImage {
    let pixels = ortho
        .image
        .data
        .iter()
        .zip(&ortho.height.data)
        .map(|(&[r, g, b], z)| if z.is_finite() { Color32::from_rgb(r, g, b) } else { Color32::TRANSPARENT });
    ColorImage::new([ortho.image.width, ortho.image.height], pixels.collect())
}
