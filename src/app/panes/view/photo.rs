//! Looking as a photo does, with the photo itself over the model.
//!
//! The photo is read and undistorted in a thread, to the pinhole that the view then is: the lens's focal length, the
//! principal point in the middle of the picture.

use crate::app::session::Session;
use crate::camera::Lens;
use crate::image::Rgb8;
use crate::image::decode::decode_photo;
use crate::render::{ViewCamera, Viewport};
use eframe::egui::{self, Color32, ColorImage, Pos2, Rect, RichText, TextureHandle, TextureOptions};
use nalgebra::Vector3;
use rayon::prelude::*;
use std::sync::mpsc::{Receiver, channel};

/// Longer side of the undistorted picture.
const LONGEST: usize = 2048;

/// The photo over the model.
#[derive(Default)]
pub(super) struct Through {
    /// Name, and the camera that it was entered with.
    entered: Option<(String, ViewCamera)>,
    /// Width over height.
    aspect: f32,
    opacity: f32,
    coming: Option<Receiver<Result<ColorImage, String>>>,
    texture: Option<TextureHandle>,
    failed: Option<String>,
}

/// The photo as a pinhole with its principal point in the middle would have seen it. Black where it saw nothing.
fn undistorted(photo: &Rgb8, lens: &Lens, size: [usize; 2]) -> Vec<[u8; 3]> {
    // Pixels of the lens for one of the result.
    let step = photo.width as f64 / size[0] as f64;
    let pixel = |i: usize| {
        let (x, y) = ((i % size[0]) as f64 + 0.5, (i / size[0]) as f64 + 0.5);
        let ray = Vector3::new(
            (x * step - photo.width as f64 / 2.0) / lens.f,
            (y * step - photo.height as f64 / 2.0) / lens.f,
            1.0,
        );
        match lens.project(&ray).filter(|p| photo.contains(p, 0.0)) {
            Some(p) => photo.bilinear(p.x as f32, p.y as f32).map(|v| v.round().clamp(0.0, 255.0) as u8),
            None => [0; 3],
        }
    };
    (0..size[0] * size[1]).into_par_iter().map(pixel).collect()
}

impl Through {
    /// Whether the view is that of a photo.
    pub(super) fn is_on(&self) -> bool {
        self.entered.is_some()
    }

    /// Looks as the selected photo does, and begins to read it.
    pub(super) fn enter(&mut self, viewport: &mut Viewport, session: &Session, ctx: &egui::Context) {
        let Some((sparse, id)) = session.sparse.as_ref().zip(viewport.options.highlight) else { return };
        let Some(row) = session.rows.iter().find(|r| r.id == Some(id)) else { return };
        let Some(pose) = sparse.poses.get(id.index()).copied().flatten() else {
            self.failed = Some(format!("{} has no pose", row.name));
            return;
        };
        let camera = sparse.camera(id).clone();
        let (width, height) = (f64::from(camera.width), f64::from(camera.height));
        // As deep as what the photo looks at.
        let ray = pose.view_direction();
        let ground = viewport.surface().and_then(|s| s.cast(&pose.centre(), &ray, 0.0, f64::INFINITY));
        let depth = ground.map_or(viewport.camera.distance, |h| h.distance);
        viewport.camera.look_through(&pose, camera.lens.f, height, depth);
        let [w, h] = viewport.size().map(f64::from);
        if w / h < width / height {
            // A narrow pane shows the whole width of the photo.
            viewport.camera.fov = 2.0 * (width / 2.0 * h / w / camera.lens.f).atan();
        }
        *self = Self { entered: Some((row.name.clone(), viewport.camera)), ..Self::default() };
        (self.aspect, self.opacity) = ((width / height) as f32, 0.6);
        let (send, receive) = channel();
        self.coming = Some(receive);
        let (path, orientation, ctx) = (row.path.clone(), row.orientation, ctx.clone());
        std::thread::spawn(move || {
            let read = || {
                let bytes = crate::project::read_photo(&path).map_err(|e| format!("{}: {e}", path.display()))?;
                let photo = decode_photo(&bytes, orientation).map_err(|e| e.to_string())?;
                let by = (LONGEST as f64 / photo.width.max(photo.height) as f64).min(1.0);
                let size = [photo.width, photo.height].map(|s| ((s as f64 * by) as usize).max(1));
                Ok(ColorImage::from_rgb(size, undistorted(&photo, &camera.lens, size).as_flattened()))
            };
            // The pane may be gone by now.
            let _ = send.send(read());
            ctx.request_repaint();
        });
    }

    /// Leaves the photo once the view has moved.
    pub(super) fn follow(&mut self, viewport: &Viewport) {
        if self.entered.as_ref().is_some_and(|(_, camera)| *camera != viewport.camera) {
            *self = Self::default();
        }
    }

    /// The slider.
    pub(super) fn section(&mut self, ui: &mut egui::Ui) {
        let Some((name, _)) = &self.entered else { return };
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("Through {name}")).strong());
            let label = ui.label("Photo over model");
            ui.add(egui::Slider::new(&mut self.opacity, 0.0..=1.0).show_value(true).max_decimals(2))
                .labelled_by(label.id);
            if self.coming.is_some() {
                ui.spinner();
                ui.weak("reading the photo");
            }
            if let Some(why) = &self.failed {
                ui.colored_label(ui.visuals().error_fg_color, why);
            }
            ui.weak("turning the view leaves the photo");
        });
    }

    /// Draws the photo over the picture.
    pub(super) fn paint(&mut self, ui: &egui::Ui, rect: Rect, camera: &ViewCamera) {
        let Some((_, entered)) = &self.entered else { return };
        if let Some(news) = self.coming.as_ref().and_then(|r| r.try_recv().ok()) {
            self.coming = None;
            match news {
                Ok(image) => {
                    self.texture = Some(ui.ctx().load_texture("photo over model", image, TextureOptions::LINEAR));
                }
                Err(why) => self.failed = Some(why),
            }
        }
        let Some(texture) = self.texture.as_ref().filter(|_| entered == camera) else { return };
        // The photo fills the height, or in a narrow pane the width.
        let size = if rect.width() / rect.height() < self.aspect {
            egui::vec2(rect.width(), rect.width() / self.aspect)
        } else {
            egui::vec2(rect.height() * self.aspect, rect.height())
        };
        let whole = Rect::from_min_max(Pos2::ZERO, Pos2::new(1.0, 1.0));
        let tint = Color32::from_white_alpha((self.opacity * 255.0) as u8);
        ui.painter_at(rect).image(texture.id(), Rect::from_center_size(rect.center(), size), whole, tint);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undistorting_moves_the_principal_point_to_the_middle() {
        let (w, h) = (200, 100);
        let data = (0..w * h).map(|i| [(i % w) as u8, (i / w) as u8, 0]).collect();
        let photo = Rgb8::from_data(w, h, data).expect("size");
        let mut lens = Lens::ideal(150.0, 200, 100);
        lens.cx += 7.0;
        lens.cy -= 4.0;
        let made = undistorted(&photo, &lens, [100, 50]);
        // The pixel (x, y) of the result shows the photo at (2 x + 1 + 7, 2 y + 1 - 4), half a pixel off its index.
        let at = |x: usize, y: usize| made[y * 100 + x];
        for (x, y) in [(10, 10), (50, 25), (80, 40)] {
            let expected = [2.0 * x as f64 + 1.0 + 7.0 - 0.5, 2.0 * y as f64 + 1.0 - 4.0 - 0.5];
            for k in 0..2 {
                assert!((f64::from(at(x, y)[k]) - expected[k]).abs() <= 1.0, "{:?} {expected:?}", at(x, y));
            }
        }
        assert_eq!(at(99, 25), [0; 3], "beyond the photo's edge");
    }
}
