//! Brings what is to be shown to the device: read and made ready in a thread, uploaded when it is there.

use super::View3d;
use super::units::Unit;
use crate::app::session::Session;
use crate::base::Fingerprint;
use crate::cli::{Prepared, What};
use crate::project::Project;
use crate::render::Polyline;
use crate::scene::Georeference;
use eframe::egui;
use nalgebra::Vector3;
use std::sync::mpsc::{Receiver, channel};

type Arrived = (What, Fingerprint, Result<Prepared, String>);

/// What is on the device, and what comes.
#[derive(Default)]
pub(super) struct Loads {
    /// The artifact that each kind was last loaded from, or tried.
    pub(super) loaded: [Option<Fingerprint>; 4],
    coming: Option<Receiver<Arrived>>,
    pub(super) failed: Option<String>,
    /// Size of the city's texels.
    pub(super) texel: f64,
    /// The N of the part's scale 1:N.
    scale: Option<f64>,
}

impl Loads {
    pub(super) fn is_busy(&self) -> bool {
        self.coming.is_some()
    }

    /// What lengths of what is shown are in.
    pub(super) fn unit(&self, what: What, session: &Session) -> Unit {
        match what {
            What::Part => Unit::Millimetre(self.scale),
            _ if session.sparse.as_ref().is_some_and(|s| s.georeference == Georeference::Unscaled) => Unit::Unknown,
            _ => Unit::Metre,
        }
    }

    /// What is worth sampling of the surface that is shown.
    pub(super) fn sampling(&self, what: What) -> f64 {
        if what == What::Part || self.texel <= 0.0 { 0.05 } else { self.texel }
    }
}

/// Starts loading what is to be shown and takes in what was loaded.
pub(super) fn load(view: &mut View3d, session: &Session, ctx: &egui::Context) {
    let Some(viewport) = view.viewport.as_mut() else { return };
    let loads = &mut view.loads;
    if let Some((what, key, prepared)) = loads.coming.as_ref().and_then(|r| r.try_recv().ok()) {
        loads.coming = None;
        loads.loaded[what as usize] = Some(key);
        loads.failed = prepared.as_ref().err().cloned();
        if let Ok(prepared) = prepared {
            match &prepared {
                Prepared::City(_, texel) => loads.texel = *texel,
                Prepared::Part(_, scale) => loads.scale = *scale,
                _ => {}
            }
            prepared.upload(viewport);
        }
        view.framed = view.framed.filter(|f| *f != what);
    }
    if loads.coming.is_some() {
        return;
    }
    // The sparse model comes along with everything in its frame, for the photos.
    let wanted = view.what.into_iter().chain(view.what.filter(|w| *w != What::Part).map(|_| What::Sparse));
    let stale = wanted
        .filter_map(|w| Some((w, session.current.get(w.stage())?)))
        .find(|(w, key)| loads.loaded[*w as usize].as_ref() != Some(*key));
    let Some((what, key)) = stale else { return };
    let (send, receive) = channel();
    loads.coming = Some(receive);
    let (root, key, ctx) = (session.root.clone(), key.clone(), ctx.clone());
    std::thread::spawn(move || {
        let project = Project::open_to_read(&root).map_err(|e| e.to_string());
        let prepared = project.and_then(|p| Prepared::read(&p, what).map_err(|e| e.text()));
        // The pane may be gone by now.
        let _ = send.send((what, key, prepared));
        ctx.request_repaint();
    });
}

/// The printer's bed under a part: lines every 10 mm, wider ones every 50 mm, a margin around the part.
pub(in crate::app::panes) fn bed((low, high): (Vector3<f64>, Vector3<f64>), dark: bool) -> Vec<Polyline> {
    let (from, to) = (low.map(|v| ((v - 10.0) / 10.0).floor()), high.map(|v| ((v + 10.0) / 10.0).ceil()));
    let z = low.z - 0.05;
    let mut lines = Vec::new();
    for axis in 0..2 {
        for i in from[axis] as i64..=to[axis] as i64 {
            let end = |other: f64| {
                let mut p = Vector3::new(0.0, 0.0, z);
                (p[axis], p[1 - axis]) = (i as f64 * 10.0, other * 10.0);
                p
            };
            let strong = i.rem_euclid(5) == 0;
            let grey = match (dark, strong) {
                (true, true) => 120,
                (true, false) => 72,
                (false, true) => 130,
                (false, false) => 195,
            };
            let colour = [grey; 3];
            let points = vec![end(from[1 - axis]), end(to[1 - axis])];
            let width_px = if strong { 1.6 } else { 1.0 };
            lines.push(Polyline { points, closed: false, width_px, colour, on_top: false });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bed_is_larger_than_the_part_by_a_margin() {
        let lines = bed((Vector3::zeros(), Vector3::new(42.0, 20.0, 9.0)), true);
        let all = lines.iter().flat_map(|l| &l.points);
        let (low, high) = all.fold((Vector3::zeros(), Vector3::zeros()), |(l, h), p| (l.inf(p), h.sup(p)));
        assert_eq!((low.x, low.y, high.x, high.y), (-10.0, -10.0, 60.0, 30.0));
        assert_eq!(lines.len(), 8 + 5);
        assert!(low.z < 0.0 && low.z > -0.2);
    }
}
