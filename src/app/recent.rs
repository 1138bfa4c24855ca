//! Recent projects as cards: a picture of the flight, its name, how far it is.
//!
//! The projects are read by a thread, because folders may lie on slow disks; a card without news shows its name at once.

use super::VedutaApp;
use super::thumbs::{Thumb, Thumbs};
use crate::pipeline::StageName;
use crate::project::Project;
use eframe::egui::{self, Align2, Color32, FontId, Rect, RichText, Sense, Stroke, StrokeKind, Vec2};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a project's folder tells.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    /// Whether the folder still holds a project.
    there: bool,
    photos: usize,
    /// The photo that stands for the flight.
    picture: Option<PathBuf>,
    /// The last stage that has a result.
    reached: Option<StageName>,
}

impl Known {
    fn read(root: &Path) -> Self {
        let Ok(project) = Project::open_to_read(root) else { return Self::default() };
        let photos = project.manifest().accepted();
        let reached = StageName::ALL.into_iter().rfind(|s| project.current(s.word()).is_ok());
        Self { there: true, photos: photos.len(), picture: photos.get(photos.len() / 2).cloned(), reached }
    }

    fn line(&self) -> String {
        let count = match self.photos {
            1 => "1 photo".to_string(),
            n => format!("{n} photos"),
        };
        match self.reached {
            Some(stage) => format!("{count}, done up to {}", stage.word()),
            None => format!("{count}, nothing run yet"),
        }
    }
}

/// The cards of the start page.
#[derive(Default)]
pub struct Recent {
    asked: Vec<PathBuf>,
    known: Arc<Mutex<Vec<(PathBuf, Known)>>>,
}

impl Recent {
    /// Reads the projects again when the page is shown next.
    pub fn forget(&mut self) {
        self.asked.clear();
    }

    fn ask(&mut self, projects: &[PathBuf], ctx: &egui::Context) {
        if self.asked == projects {
            return;
        }
        self.asked = projects.to_vec();
        let (projects, known, ctx) = (projects.to_vec(), self.known.clone(), ctx.clone());
        std::thread::spawn(move || {
            let read: Vec<_> = projects.into_iter().map(|p| (p.clone(), Known::read(&p))).collect();
            *known.lock().unwrap_or_else(PoisonError::into_inner) = read;
            ctx.request_repaint();
        });
    }

    fn of(&self, project: &Path) -> Option<Known> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(p, _)| p == project).map(|(_, k)| k.clone())
    }
}

const CARD: Vec2 = Vec2::new(232.0, 196.0);

/// Draws the cards.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    if app.settings.recent.is_empty() {
        return;
    }
    let projects = app.settings.recent.clone();
    app.recent.ask(&projects, ui.ctx());
    ui.strong("Recent projects");
    let (mut open, mut forget) = (None, None);
    let gap = 10.0;
    let columns = (((ui.available_width() + gap) / (CARD.x + gap)) as usize).max(1);
    for row in projects.chunks(columns) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = gap;
            for project in row {
                let known = app.recent.of(project);
                match card(ui, &mut app.thumbs, project, known.as_ref()) {
                    Some(Choice::Open) => open = Some(project.clone()),
                    Some(Choice::Forget) => forget = Some(project.clone()),
                    None => {}
                }
            }
        });
        ui.add_space(gap - ui.spacing().item_spacing.y);
    }
    if let Some(project) = open {
        app.open(&project, None);
    }
    if let Some(project) = forget {
        app.settings.forget(&project);
    }
}

enum Choice {
    Open,
    Forget,
}

fn card(ui: &mut egui::Ui, thumbs: &mut Thumbs, project: &Path, known: Option<&Known>) -> Option<Choice> {
    let name = project.file_name().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let gone = known.is_some_and(|k| !k.there);
    let (rect, response) = ui.allocate_exact_size(CARD, if gone { Sense::hover() } else { Sense::click() });
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, !gone, format!("Open {name}")));
    let visuals = ui.visuals().clone();
    let picture = Rect::from_min_size(rect.min, Vec2::new(CARD.x, 140.0));
    let painter = ui.painter_at(rect.expand(1.0));
    painter.rect_filled(rect, 5.0, visuals.faint_bg_color);
    painter.rect_filled(picture, 5.0, visuals.extreme_bg_color);
    let thumb = known.and_then(|k| k.picture.as_deref()).map(|p| thumbs.get(p, 1));
    if let Some(Thumb::Ready(texture)) = &thumb {
        // The middle of the photo that fills the card.
        let own = texture.size_vec2();
        let part = (picture.size() / own).max_elem();
        let shown = picture.size() / (own * part);
        let uv = Rect::from_center_size(egui::pos2(0.5, 0.5), shown);
        painter.image(texture.id(), picture, uv, if gone { Color32::from_gray(110) } else { Color32::WHITE });
    }
    let line = |y: f32, text: &str, size: f32, colour: Color32| {
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_string(), FontId::proportional(size), colour);
        job.wrap = egui::text::TextWrapping::truncate_at_width(CARD.x - 16.0);
        let galley = painter.layout_job(job);
        painter.galley(egui::pos2(rect.min.x + 8.0, rect.min.y + y), galley, colour);
    };
    line(146.0, &name, 14.0, visuals.strong_text_color());
    let text = match known {
        Some(k) if k.there => k.line(),
        Some(_) => "no longer there".into(),
        None => "...".into(),
    };
    line(167.0, &text, 12.0, if gone { visuals.warn_fg_color } else { visuals.weak_text_color() });
    if !gone && response.hovered() {
        painter.rect_stroke(rect, 5.0, Stroke::new(1.0, super::shell::accent(ui)), StrokeKind::Inside);
    }
    let mut choice = response.on_hover_text(project.display().to_string()).clicked().then_some(Choice::Open);
    if gone {
        let at = Align2::CENTER_CENTER.anchor_size(picture.center(), Vec2::new(90.0, 26.0));
        let button = egui::Button::new(RichText::new("Forget it"));
        if ui.put(at, button).on_hover_text("Take it off this list").clicked() {
            choice = Some(Choice::Forget);
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_says_how_far_a_project_is() {
        let dir = tempfile::tempdir().expect("folder");
        assert!(!Known::read(&dir.path().join("none.veduta")).there);
        let root = dir.path().join("a.veduta");
        let mut project = Project::open_or_create(&root).expect("made");
        project.update(|m| m.photos = vec!["x.jpg".into(), "y.jpg".into(), "z.jpg".into()]).expect("kept");
        let known = Known::read(&root);
        assert_eq!((known.photos, known.picture.as_deref()), (3, Some(Path::new("y.jpg"))));
        assert_eq!(known.line(), "3 photos, nothing run yet");
    }
}
