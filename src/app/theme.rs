//! Colours and spacing of both themes. Accent and status colours are told apart without red against green alone.

use super::settings::Theme;
use super::work::StageState;
use eframe::egui::{self, Color32, CornerRadius, Stroke, Visuals};

/// Applies a theme.
pub fn apply(ctx: &egui::Context, theme: Theme) {
    let dark = theme == Theme::Dark;
    let own = if dark { egui::Theme::Dark } else { egui::Theme::Light };
    ctx.set_theme(own);
    let mut visuals = if dark { Visuals::dark() } else { Visuals::light() };
    if dark {
        visuals.panel_fill = Color32::from_gray(24);
        visuals.window_fill = Color32::from_gray(30);
        visuals.extreme_bg_color = Color32::from_gray(14);
        visuals.faint_bg_color = Color32::from_gray(31);
        visuals.override_text_color = Some(Color32::from_gray(222));
        visuals.warn_fg_color = Color32::from_rgb(240, 178, 66);
        visuals.error_fg_color = Color32::from_rgb(255, 120, 98);
    } else {
        visuals.panel_fill = Color32::from_gray(246);
        visuals.extreme_bg_color = Color32::WHITE;
        visuals.faint_bg_color = Color32::from_gray(238);
        visuals.override_text_color = Some(Color32::from_gray(28));
        visuals.warn_fg_color = Color32::from_rgb(150, 92, 0);
        visuals.error_fg_color = Color32::from_rgb(178, 32, 16);
    }
    visuals.selection.bg_fill = accent(dark).gamma_multiply(if dark { 0.55 } else { 0.35 });
    visuals.selection.stroke = Stroke::new(1.0, if dark { Color32::WHITE } else { Color32::BLACK });
    visuals.hyperlink_color = accent(dark);
    let round = CornerRadius::same(4);
    for w in [
        &mut visuals.widgets.noninteractive,
        &mut visuals.widgets.inactive,
        &mut visuals.widgets.hovered,
        &mut visuals.widgets.active,
        &mut visuals.widgets.open,
    ] {
        w.corner_radius = round;
    }
    ctx.set_visuals_of(own, visuals);
    ctx.all_styles_mut(|style| {
        style.spacing.item_spacing = egui::vec2(8.0, 6.0);
        style.spacing.button_padding = egui::vec2(9.0, 4.0);
        style.spacing.interact_size.y = 24.0;
        style.interaction.tooltip_delay = 0.35;
    });
}

/// The accent colour.
pub fn accent(dark: bool) -> Color32 {
    if dark { Color32::from_rgb(86, 168, 245) } else { Color32::from_rgb(14, 98, 184) }
}

/// The colour of a stage's state.
pub fn of_state(ui: &egui::Ui, state: &StageState) -> Color32 {
    let dark = ui.visuals().dark_mode;
    match state {
        StageState::Fresh => ui.visuals().weak_text_color(),
        StageState::Running { .. } => accent(dark),
        StageState::Done if dark => Color32::from_rgb(94, 200, 160),
        StageState::Done => Color32::from_rgb(0, 120, 90),
        StageState::Stale | StageState::Cancelled => ui.visuals().warn_fg_color,
        StageState::Failed { .. } => ui.visuals().error_fg_color,
    }
}
