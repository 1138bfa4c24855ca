//! Features and matches drawn over photos, so that a person sees what the program found in them.
//!
//! In: the current results of "features", "verify" and "sparse". Out: marks on the loupe's picture: features that became
//! points of the sparse model in the accent colour, the others faint; and lines to the same features in another photo.
//! Read by a thread, once for a photo, its partner and the state of the project.

use super::super::session::Session;
use super::super::shell;
use crate::base::PhotoId;
use crate::pipeline::stages::FeatureSet;
use crate::project::{Project, ProjectError};
use crate::scene::VerifiedPair;
use eframe::egui::{self, Color32, Pos2, Rect, Stroke, Vec2};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

/// Lines drawn at most; the rest would be a carpet.
const LINES: usize = 250;

/// Where a photo is on the screen: `screen = corner + zoom * pixel`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    /// The part of the screen that it may be drawn on.
    pub rect: Rect,
    /// Screen position of the photo's upper left corner.
    pub corner: Pos2,
    /// Screen points for a pixel of the full photo.
    pub zoom: f32,
}

impl Shown {
    fn place(&self, pixel: [f32; 2]) -> Pos2 {
        self.corner + Vec2::from(pixel) * self.zoom
    }
}

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
struct Marks {
    /// Pixel, radius in pixels, whether it is a point of the sparse model.
    features: Vec<([f32; 2], f32, bool)>,
    /// Pixels in the photo and in its partner.
    matches: Vec<([f32; 2], [f32; 2])>,
}

type Key = (PhotoId, Option<PhotoId>, u64);

/// What the loupe remembers of it.
#[derive(Default)]
pub(super) struct Overlay {
    /// Whether features are drawn.
    pub features: bool,
    /// Whether matches with the partner are drawn.
    pub matches: bool,
    asked: Option<Key>,
    coming: Option<Receiver<(Key, Result<Marks, String>)>>,
    there: Option<(Key, Result<Marks, String>)>,
}

impl Overlay {
    /// Asks for the marks of a photo and its partner where they are wanted and not there yet.
    pub fn ask(&mut self, session: &Session, photo: PhotoId, partner: Option<PhotoId>, ctx: &egui::Context) {
        if let Some(news) = self.coming.as_ref().and_then(|r| r.try_recv().ok()) {
            self.coming = None;
            self.there = Some(news);
        }
        let key = (photo, partner, session.generation);
        if !(self.features || self.matches) || self.asked == Some(key) {
            return;
        }
        self.asked = Some(key);
        let (send, receive) = channel();
        self.coming = Some(receive);
        let (root, sparse, ctx) = (session.root.clone(), session.sparse.clone(), ctx.clone());
        std::thread::spawn(move || {
            let in_model = |photo: PhotoId, count: usize| {
                let mut used = vec![false; count];
                let tracks = sparse.iter().flat_map(|s| &s.points).flat_map(|p| &p.track);
                for seen in tracks.filter(|o| o.photo == photo) {
                    if let Some(u) = used.get_mut(seen.feature as usize) {
                        *u = true;
                    }
                }
                used
            };
            let marks = read(&root, photo, partner, &in_model).map_err(|e| e.to_string());
            // The pane may show another photo by now.
            let _ = send.send((key, marks));
            ctx.request_repaint();
        });
    }

    fn marks(&self, key: Key) -> Option<&Result<Marks, String>> {
        self.there.as_ref().filter(|(k, _)| *k == key).map(|(_, marks)| marks)
    }

    /// One line that says what is drawn.
    pub fn line(&self, key: Key) -> Option<String> {
        if !(self.features || self.matches) {
            return None;
        }
        Some(match self.marks(key) {
            None => "reading the features...".into(),
            Some(Err(why)) => why.clone(),
            Some(Ok(marks)) => {
                let used = marks.features.iter().filter(|f| f.2).count();
                let features = format!("{} features, {used} in the sparse model", marks.features.len());
                if self.matches { format!("{features}; {} matches", marks.matches.len()) } else { features }
            }
        })
    }

    /// Draws the marks over the photo, and the lines to its partner where that is shown too.
    pub fn draw(&self, key: Key, photo: Shown, partner: Option<Shown>, ui: &egui::Ui) {
        let Some(Ok(marks)) = self.marks(key) else { return };
        let accent = shell::accent(ui);
        let painter = ui.painter_at(photo.rect);
        if self.features {
            let faint = Color32::from_rgba_unmultiplied(255, 255, 255, 120);
            for (pixel, radius, used) in &marks.features {
                let at = photo.place(*pixel);
                if photo.rect.contains(at) {
                    let colour = if *used { accent } else { faint };
                    painter.circle_stroke(at, (radius * photo.zoom).clamp(1.5, 40.0), Stroke::new(1.0, colour));
                }
            }
        }
        let Some(other) = partner.filter(|_| self.matches) else { return };
        let both = ui.painter_at(photo.rect.union(other.rect));
        let seen: Vec<_> = marks
            .matches
            .iter()
            .map(|(a, b)| (photo.place(*a), other.place(*b)))
            .filter(|(a, b)| photo.rect.contains(*a) && other.rect.contains(*b))
            .collect();
        let step = seen.len().div_ceil(LINES).max(1);
        for (i, (a, b)) in seen.iter().enumerate() {
            for at in [a, b] {
                both.circle_filled(*at, 1.5, accent);
            }
            if i % step == 0 {
                both.line_segment([*a, *b], Stroke::new(1.0, accent.gamma_multiply(0.5)));
            }
        }
        let pointer = ui.input(|i| i.pointer.hover_pos());
        let distance = |p: Pos2, (a, b): &(Pos2, Pos2)| (*a - p).length().min((*b - p).length());
        if let Some(p) = pointer
            && let Some((a, b)) = seen.iter().min_by(|x, y| distance(p, x).total_cmp(&distance(p, y)))
            && distance(p, &(*a, *b)) < 12.0
        {
            let bright = Stroke::new(2.0, Color32::from_rgb(255, 214, 64));
            both.line_segment([*a, *b], bright);
            both.circle_stroke(*a, 5.0, bright);
            both.circle_stroke(*b, 5.0, bright);
        }
    }
}

fn read(
    root: &Path,
    photo: PhotoId,
    partner: Option<PhotoId>,
    in_model: &dyn Fn(PhotoId, usize) -> Vec<bool>,
) -> Result<Marks, ProjectError> {
    let project = Project::open_to_read(root)?;
    let set: FeatureSet = project.current("features")?.get("output")?;
    let own = set.load(&project, photo)?;
    let used = in_model(photo, own.keypoints.len());
    let pixel = |k: &crate::scene::Keypoint| [k.x, k.y];
    let features = own.keypoints.iter().zip(used).map(|(k, used)| (pixel(k), 1.5 * k.scale, used)).collect();
    let mut matches = Vec::new();
    if let Some(partner) = partner
        && let Ok(artifact) = project.current("verify")
    {
        let pairs: Vec<VerifiedPair> = artifact.get("output")?;
        let others = set.load(&project, partner)?;
        for pair in &pairs {
            let flipped = match (pair.a == photo, pair.b == photo) {
                (true, _) if pair.b == partner => false,
                (_, true) if pair.a == partner => true,
                _ => continue,
            };
            for &(a, b) in &pair.inliers {
                let (here, there) = if flipped { (b, a) } else { (a, b) };
                let found = own.keypoints.get(here as usize).zip(others.keypoints.get(there as usize));
                matches.extend(found.map(|(h, t)| (pixel(h), pixel(t))));
            }
        }
    }
    Ok(Marks { features, matches })
}
