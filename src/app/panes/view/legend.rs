//! The legend of the 3D view's shading: view counts, classes, directions, heights, confidence.
//!
//! In: the view's options and what is shown. Out: marks on the picture. Failure modes: none; a shading that means nothing
//! for what is shown has no legend.

use super::paint::{ground, tag};
use super::screen::Screen;
use super::tools;
use super::units::Unit;
use crate::cli::What;
use crate::render::{COLOUR_MAP, SURFACE_COLOURS, Shading, VIEW_CLASSES, Viewport};
use eframe::egui::{self, Align2, Color32, Painter, Pos2, Rect, Vec2};

/// Draws it in the upper left corner.
pub(super) fn draw(viewport: &Viewport, what: What, unit: Unit, screen: &Screen, ui: &egui::Ui, painter: &Painter) {
    let shading = viewport.options.shading;
    let points = matches!(what, What::Sparse | What::Dense);
    let means = tools::SHADINGS.iter().find(|s| s.0 == shading).is_some_and(|s| s.3[usize::from(points)]);
    let colour = ui.visuals().text_color();
    let opaque = |[r, g, b]: [u8; 3]| Color32::from_rgb(r, g, b);
    let mut at = screen.rect.left_top() + Vec2::new(10.0, 10.0);
    let mut rows: Vec<(Color32, String)> = Vec::new();
    match shading {
        _ if !means => return,
        Shading::Views => {
            tag(painter, at, Align2::LEFT_TOP, "Photos that see it", colour, ground(ui));
            at.y += 22.0;
            rows.extend(VIEW_CLASSES.iter().map(|(name, c)| (opaque(*c), (*name).to_string())));
        }
        Shading::Classes if !viewport.has_classes() || what != What::City => return,
        Shading::Classes => rows.extend(SURFACE_COLOURS.iter().map(|(c, rgb)| (opaque(*rgb), c.word().to_string()))),
        Shading::Normals => {
            rows = ["east", "north", "up"]
                .iter()
                .enumerate()
                .map(|(i, n)| {
                    let mut c = [128u8; 3];
                    c[i] = 255;
                    (opaque(c), (*n).to_string())
                })
                .collect();
        }
        Shading::Height | Shading::Confidence => {
            let (low, high) = match (shading, viewport.heights()) {
                (Shading::Height, Some((low, high))) => (unit.length(low), unit.length(high)),
                _ => ("0".into(), "1".into()),
            };
            let title = if shading == Shading::Height { "Height" } else { "Confidence" };
            let title = tag(painter, at, Align2::LEFT_TOP, title, colour, ground(ui));
            let bar = Rect::from_min_size(title.left_bottom() + Vec2::new(0.0, 8.0), Vec2::new(160.0, 10.0));
            let mut mesh = egui::Mesh::default();
            for (i, c) in COLOUR_MAP.iter().enumerate() {
                let x = bar.min.x + bar.width() * i as f32 / (COLOUR_MAP.len() - 1) as f32;
                mesh.colored_vertex(Pos2::new(x, bar.min.y), opaque(*c));
                mesh.colored_vertex(Pos2::new(x, bar.max.y), opaque(*c));
                if i > 0 {
                    let n = i as u32 * 2;
                    mesh.add_triangle(n - 2, n - 1, n);
                    mesh.add_triangle(n - 1, n, n + 1);
                }
            }
            painter.add(mesh);
            let below = bar.left_bottom() + Vec2::new(0.0, 6.0);
            let left = tag(painter, below, Align2::LEFT_TOP, &low, colour, ground(ui));
            let x = bar.max.x.max(left.max.x + 14.0);
            tag(painter, Pos2::new(x, below.y), Align2::LEFT_TOP, &high, colour, ground(ui));
        }
        Shading::Texture | Shading::Clay => return,
    }
    for (fill, text) in rows {
        painter.rect_filled(Rect::from_min_size(at, Vec2::new(14.0, 14.0)), 2.0, fill);
        tag(painter, at + Vec2::new(22.0, 0.0), Align2::LEFT_TOP, &text, colour, ground(ui));
        at.y += 20.0;
    }
}
