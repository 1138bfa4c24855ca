//! The grid of thumbnails, with what it shows and in which order, shared with the table.

use super::super::VedutaApp;
use super::super::action::Action;
use super::super::session::{PhotoRow, Session};
use super::super::shell;
use super::super::thumbs::Thumb;
use crate::project::Verdict;
use eframe::egui::{self, Color32, Rect, Sense, Stroke, StrokeKind, Vec2};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// By what photos are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// File order.
    #[default]
    Name,
    /// Time of exposure.
    Time,
    /// Camera and lens.
    Camera,
    /// Sharpness of the photo, the least first.
    Sharpness,
    /// Share of clipped pixels, the most first.
    Clipping,
    /// Height, the greatest first.
    Height,
    /// Size of a pixel on the ground, the greatest first.
    Gsd,
    /// Reprojection error, the greatest first.
    Error,
    /// Standard deviation of the position, the greatest first.
    Sigma,
    /// Sparse points seen, the fewest first.
    Matches,
}

impl Order {
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Name, "Name"),
        (Self::Time, "Time"),
        (Self::Camera, "Camera"),
        (Self::Sharpness, "Blur"),
        (Self::Clipping, "Clipping"),
        (Self::Height, "Height"),
        (Self::Gsd, "GSD"),
        (Self::Error, "Error"),
        (Self::Sigma, "Sigma"),
        (Self::Matches, "Matches"),
    ];

    fn label(self) -> &'static str {
        Self::ALL.iter().find(|(o, _)| *o == self).map_or("", |(_, l)| l)
    }
}

/// Which photos are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// All.
    #[default]
    All,
    /// Those without a verdict against them.
    Accepted,
    /// The doubted.
    Doubted,
    /// The rejected.
    Rejected,
    /// Those that the program left out or could not register.
    Left,
}

impl Filter {
    const ALL: [(Self, &'static str); 5] = [
        (Self::All, "All"),
        (Self::Accepted, "Accepted"),
        (Self::Doubted, "Doubted"),
        (Self::Rejected, "Rejected"),
        (Self::Left, "Left out"),
    ];

    fn keeps(self, row: &PhotoRow) -> bool {
        match self {
            Self::All => true,
            Self::Accepted => row.verdict.is_none(),
            Self::Doubted => matches!(row.verdict, Some(Verdict::Doubt(_))),
            Self::Rejected => matches!(row.verdict, Some(Verdict::Reject(_))),
            Self::Left => row.left_out.is_some() || row.registered == Some(false),
        }
    }
}

/// What the grid and the table show, and what is selected in them. Selections are row numbers of the session.
#[derive(Clone, Debug)]
pub struct PhotoView {
    /// Order of the rows.
    pub order: Order,
    /// Whether the order is turned round.
    pub reversed: bool,
    /// Rows that are shown.
    pub filter: Filter,
    /// Part of the name.
    pub search: String,
    /// Selected rows.
    pub selected: BTreeSet<usize>,
    /// The row that details show and keys move.
    pub current: Option<usize>,
    /// Reason for the next doubt or rejection.
    pub reason: String,
    /// Width of a thumbnail in points.
    size: f32,
    /// Whether the current photo shall be scrolled to, in the grid and in the table.
    pub(super) reveal: [bool; 2],
    /// The shown rows, and for what they were made.
    shown: Vec<usize>,
    made_for: Option<(u64, Order, bool, Filter, String, usize)>,
}

impl Default for PhotoView {
    fn default() -> Self {
        Self {
            order: Order::default(),
            reversed: false,
            filter: Filter::default(),
            search: String::new(),
            selected: BTreeSet::new(),
            current: None,
            reason: String::new(),
            size: 132.0,
            reveal: [false; 2],
            shown: Vec::new(),
            made_for: None,
        }
    }
}

impl PhotoView {
    /// Sorts by a column; once more turns the order round.
    pub(super) fn sort_by(&mut self, order: Order) {
        self.reversed = self.order == order && !self.reversed;
        self.order = order;
    }

    /// Whether photos are selected.
    pub fn has_selection(&self) -> bool {
        !self.selected.is_empty()
    }

    /// Files of the selected photos.
    pub fn selected_paths(&self, session: &Session) -> Vec<PathBuf> {
        self.selected.iter().filter_map(|&i| session.rows.get(i)).map(|r| r.path.clone()).collect()
    }

    /// Selects one row and shows it everywhere.
    pub fn select(&mut self, row: usize) {
        self.selected = BTreeSet::from([row]);
        self.current = Some(row);
        self.reveal = [true; 2];
    }

    /// A click on a row, with the keys that were held.
    pub(super) fn click(&mut self, row: usize, modifiers: egui::Modifiers) {
        if modifiers.command {
            if !self.selected.remove(&row) {
                self.selected.insert(row);
            }
            self.current = Some(row);
        } else if let (true, Some(from)) = (modifiers.shift, self.current) {
            let place = |r: usize| self.shown.iter().position(|&s| s == r);
            if let (Some(a), Some(b)) = (place(from), place(row)) {
                self.selected.extend(&self.shown[a.min(b)..=a.max(b)]);
            }
        } else {
            self.selected = BTreeSet::from([row]);
            self.current = Some(row);
        }
    }

    /// Goes to the next or the previous shown photo.
    pub fn step(&mut self, session: &Session, forward: bool) {
        let shown = if self.shown.is_empty() { (0..session.rows.len()).collect() } else { self.shown.clone() };
        let Some(last) = shown.len().checked_sub(1) else { return };
        let place = self.current.and_then(|c| shown.iter().position(|&s| s == c));
        let next = match (place, forward) {
            (None, _) => 0,
            (Some(p), true) => (p + 1).min(last),
            (Some(p), false) => p.saturating_sub(1),
        };
        self.select(shown[next]);
    }

    /// The rows to show, in order; made anew only when something changed.
    pub(super) fn rows(&mut self, app_quality: &super::super::thumbs::Thumbs, session: &Session) -> Vec<usize> {
        // Sharpness and clipping arrive with the thumbnails; sorting by them follows in steps.
        let by_quality = matches!(self.order, Order::Sharpness | Order::Clipping);
        let known = if by_quality { app_quality.quality.len() } else { 0 };
        let key = (session.generation, self.order, self.reversed, self.filter, self.search.clone(), known);
        if self.made_for.as_ref() != Some(&key) {
            let search = self.search.to_lowercase();
            let rows = &session.rows;
            let mut shown: Vec<usize> = (0..rows.len())
                .filter(|&i| self.filter.keeps(&rows[i]) && rows[i].name.to_lowercase().contains(&search))
                .collect();
            let quality = |i: usize| app_quality.quality.get(&rows[i].path);
            let number = |i: usize| -> f64 {
                match self.order {
                    Order::Time => rows[i].time_s.unwrap_or(f64::MAX),
                    Order::Sharpness => quality(i).map_or(f64::MAX, |q| q.sharpness),
                    Order::Clipping => quality(i).map_or(1.0, |q| -(q.overexposed + q.underexposed)),
                    Order::Height => rows[i].height_m.map_or(f64::MAX, |h| -h),
                    Order::Gsd => rows[i].gsd_m.map_or(f64::MAX, |g| -g),
                    Order::Sigma => rows[i].sigma_m.map_or(f64::MAX, |s| -s),
                    Order::Error => rows[i].rms_px.map_or(f64::MAX, |e| -e),
                    Order::Matches => rows[i].observations as f64,
                    Order::Name | Order::Camera => 0.0,
                }
            };
            shown.sort_by(|&a, &b| number(a).total_cmp(&number(b)));
            if self.order == Order::Camera {
                shown.sort_by(|&a, &b| rows[a].camera.cmp(&rows[b].camera));
            }
            if self.reversed {
                shown.reverse();
            }
            self.shown = shown;
            self.made_for = Some(key);
        }
        self.shown.clone()
    }
}

/// The colour that marks a verdict.
pub(super) fn colour_of(ui: &egui::Ui, row: &PhotoRow) -> Option<Color32> {
    match &row.verdict {
        Some(Verdict::Reject(_)) => Some(ui.visuals().error_fg_color),
        Some(Verdict::Doubt(_)) => Some(ui.visuals().warn_fg_color),
        None if row.left_out.is_some() || row.registered == Some(false) => Some(ui.visuals().weak_text_color()),
        None => None,
    }
}

/// One word for the state of a photo.
pub(super) fn state_of(row: &PhotoRow) -> &'static str {
    match (&row.verdict, &row.left_out, row.registered) {
        (Some(Verdict::Reject(_)), _, _) => "rejected",
        (_, Some(_), _) => "left out",
        (Some(Verdict::Doubt(_)), _, _) => "doubted",
        (None, None, Some(false)) => "not registered",
        (None, None, Some(true)) => "registered",
        (None, None, None) => "accepted",
    }
}

/// Draws the pane.
pub(super) fn show(app: &mut VedutaApp, ui: &mut egui::Ui) {
    tools(app, ui);
    let Some(session) = app.session.as_ref() else { return };
    let rows = app.photos.rows(&app.thumbs, session);
    if rows.is_empty() {
        ui.centered_and_justified(|ui| ui.weak("No photo fits the filter."));
        return;
    }
    let cell = Vec2::new(app.photos.size, app.photos.size * 0.72 + 20.0);
    let room = ui.available_width() - ui.spacing().scroll.bar_width - 6.0;
    let columns = (((room + 6.0) / (cell.x + 6.0)) as usize).max(1);
    let mut area = egui::ScrollArea::vertical().auto_shrink(false).id_salt("grid");
    if std::mem::take(&mut app.photos.reveal[0])
        && let Some(place) = app.photos.current.and_then(|c| rows.iter().position(|&r| r == c))
    {
        let top = (place / columns) as f32 * (cell.y + ui.spacing().item_spacing.y);
        area = area.vertical_scroll_offset((top - ui.available_height() / 2.0 + cell.y / 2.0).max(0.0));
    }
    let mut clicked = None;
    area.show_rows(ui, cell.y, rows.len().div_ceil(columns), |ui, lines| {
        for line in lines {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                for &i in rows.iter().skip(line * columns).take(columns) {
                    let Some(row) = session.rows.get(i) else { continue };
                    let thumb = app.thumbs.get(&row.path, row.orientation);
                    if thumbnail(ui, row, &thumb, cell, app.photos.selected.contains(&i)) {
                        clicked = Some(i);
                    }
                }
            });
        }
    });
    if let Some(i) = clicked {
        app.photos.click(i, ui.input(|input| input.modifiers));
        app.photos.reveal[1] = true;
    }
}

fn tools(app: &mut VedutaApp, ui: &mut egui::Ui) {
    let mut actions = Vec::new();
    ui.horizontal_wrapped(|ui| {
        let view = &mut app.photos;
        let sort = ui.weak("Sort");
        let list = egui::ComboBox::from_id_salt("order").selected_text(view.order.label()).width(66.0);
        let list = list.show_ui(ui, |ui| {
            for (order, label) in Order::ALL {
                ui.selectable_value(&mut view.order, order, label);
            }
        });
        list.response.labelled_by(sort.id);
        let label = Filter::ALL.iter().find(|(f, _)| *f == view.filter).map_or("", |(_, l)| l);
        let show = ui.weak("Show");
        let list = egui::ComboBox::from_id_salt("filter").selected_text(label).width(66.0).show_ui(ui, |ui| {
            for (filter, label) in Filter::ALL {
                ui.selectable_value(&mut view.filter, filter, label);
            }
        });
        list.response.labelled_by(show.id);
        let find = ui.weak("Find");
        ui.add(egui::TextEdit::singleline(&mut view.search).desired_width(56.0)).labelled_by(find.id);
        let size = ui.weak("Size");
        let value = egui::DragValue::new(&mut view.size).range(80.0..=300.0).fixed_decimals(0);
        ui.add(value).labelled_by(size.id).on_hover_text("Width of the pictures in points");
    });
    ui.horizontal_wrapped(|ui| {
        for (action, label) in [(Action::Accept, "Accept"), (Action::Doubt, "Doubt"), (Action::Reject, "Reject")] {
            if shell::action_button(app, ui, action, label) {
                actions.push(action);
            }
        }
        let label = ui.label("Reason");
        let field = egui::TextEdit::singleline(&mut app.photos.reason).hint_text("blurred, clouds, ...");
        ui.add(field.desired_width(110.0)).labelled_by(label.id);
        if app.photos.selected.len() > 1 {
            ui.weak(format!("{} selected", app.photos.selected.len()));
        }
    });
    let ctx = ui.ctx().clone();
    actions.into_iter().for_each(|a| app.act(a, &ctx));
}

/// Draws one thumbnail; true when it was clicked.
fn thumbnail(ui: &mut egui::Ui, row: &PhotoRow, thumb: &Thumb, size: Vec2, selected: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let label = format!("{} {}", row.name, state_of(row));
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, selected, &label));
    if ui.is_rect_visible(rect) {
        let painter = ui.painter_at(rect.expand(2.0));
        let picture = Rect::from_min_size(rect.min, Vec2::new(size.x, size.y - 20.0));
        painter.rect_filled(picture, 3.0, ui.visuals().extreme_bg_color);
        let centre = picture.center();
        let font = egui::FontId::proportional(11.0);
        match thumb {
            Thumb::Ready(texture) => {
                let own = texture.size_vec2();
                let scale = (picture.width() / own.x).min(picture.height() / own.y);
                let tint = if matches!(row.verdict, Some(Verdict::Reject(_))) {
                    Color32::from_gray(90)
                } else {
                    Color32::WHITE
                };
                let whole = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1.0, 1.0));
                painter.image(texture.id(), Rect::from_center_size(centre, own * scale), whole, tint);
            }
            Thumb::Waiting => {
                painter.text(centre, egui::Align2::CENTER_CENTER, "...", font.clone(), ui.visuals().weak_text_color());
            }
            Thumb::Failed(_) => {
                let colour = ui.visuals().error_fg_color;
                painter.text(centre, egui::Align2::CENTER_CENTER, "cannot be read", font.clone(), colour);
            }
        }
        if let Some(colour) = colour_of(ui, row) {
            let mark = Rect::from_min_size(picture.min, Vec2::new(5.0, picture.height()));
            painter.rect_filled(mark, 2.0, colour);
        }
        let text = ui.visuals().text_color();
        let mut job = egui::text::LayoutJob::simple_singleline(row.name.clone(), font, text);
        job.wrap = egui::text::TextWrapping::truncate_at_width(size.x - 4.0);
        let galley = painter.layout_job(job);
        painter.galley(egui::pos2(rect.min.x + 2.0, picture.max.y + 3.0), galley, text);
        if selected {
            painter.rect_stroke(rect, 3.0, Stroke::new(2.0, shell::accent(ui)), StrokeKind::Outside);
        } else if response.hovered() {
            let stroke = Stroke::new(1.0, ui.visuals().weak_text_color());
            painter.rect_stroke(rect, 3.0, stroke, StrokeKind::Outside);
        }
    }
    let reason = match (&row.verdict, &row.left_out, thumb) {
        (Some(Verdict::Reject(why) | Verdict::Doubt(why)), _, _) if !why.is_empty() => format!("\n{why}"),
        (_, Some(why), _) => format!("\n{why}"),
        (_, _, Thumb::Failed(why)) => format!("\n{why}"),
        _ => String::new(),
    };
    response.on_hover_text(format!("{label}{reason}")).clicked()
}
