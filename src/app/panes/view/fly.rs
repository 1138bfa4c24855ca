//! Flying: keys move the eye, the pointer turns the head.

use crate::render::{ViewCamera, Viewport};
use eframe::egui::{self, Key};
use nalgebra::{Vector2, Vector3};

/// The state of a flight.
pub(super) struct Fly {
    /// Units of the world a second.
    speed: f64,
}

impl Fly {
    /// Takes off, at a speed that crosses the view in a few seconds.
    pub(super) fn new(camera: &ViewCamera) -> Self {
        Self { speed: (camera.distance * 0.25).max(1e-3) }
    }

    /// What the keys do, for the note in the picture.
    pub(super) fn note(&self, unit: &str) -> String {
        let speed = self.speed;
        format!(
            "Flying: W A S D and Q E move, drag looks, scroll sets the speed ({speed:.1} {unit}/s), Shift is faster, Esc ends"
        )
    }

    /// Moves for one frame; true while a key is held. `looked` is the drag of the pointer in pixels.
    pub(super) fn step(&mut self, viewport: &mut Viewport, ui: &egui::Ui, looked: &Vector2<f64>, over: bool) -> bool {
        if looked.norm() > 0.0 {
            viewport.camera.look_around(looked);
        }
        if ui.ctx().egui_wants_keyboard_input() {
            return false;
        }
        let (by, fast, time, scroll) = ui.input(|i| {
            let axis =
                |plus: Key, minus: Key| f64::from(u8::from(i.key_down(plus))) - f64::from(u8::from(i.key_down(minus)));
            let by = Vector3::new(axis(Key::D, Key::A), axis(Key::E, Key::Q), axis(Key::W, Key::S));
            (by, i.modifiers.shift, f64::from(i.stable_dt.min(0.1)), i.smooth_scroll_delta().y)
        });
        if over && scroll != 0.0 {
            self.speed = (self.speed * f64::from(scroll / 200.0).exp()).clamp(1e-4, 1e6);
        }
        let moves = by.norm() > 0.0;
        if moves {
            let speed = self.speed * if fast { 4.0 } else { 1.0 };
            viewport.camera.travel(&(by.normalize() * speed * time));
        }
        moves
    }
}
