//! Drawings of the trays for the report: each part by its outline at its place, from above, the front of the printer below.

use super::trays::{Trays, numbers};
use crate::formats::html::escape;
use crate::print::pack::{Footprint, Placement};
use nalgebra::Vector3;
use std::fmt::Write;
use std::ops::Range;

/// The drawings, with a heading; trays that are alike are drawn once. `names` are those of the parts.
pub(super) fn draw(trays: &Trays, names: &[&str]) -> String {
    let [width, depth, _] = trays.bed.build_mm;
    let mut page = format!(
        "<h2>On the tray</h2><p>Seen from above, the front below: {width:.0} x {depth:.0} mm, parts at least {:.0} mm apart.</p>",
        trays.bed.spacing_mm
    );
    // The outlines once, for all that is drawn of them.
    page.push_str("<svg style=\"position:absolute;width:0;height:0\"><defs>");
    for (i, footprint) in trays.footprints.iter().enumerate() {
        let _ = write!(page, "<path id=footprint-{i} d=\"{}\" fill-rule=evenodd />", path(footprint));
    }
    page.push_str("</defs></svg><div class=grid>");
    for range in trays.alike() {
        one(trays, names, &range, &mut page);
    }
    page + "</div>"
}

fn one(trays: &Trays, names: &[&str], range: &Range<usize>, page: &mut String) {
    let [width, depth, _] = trays.bed.build_mm;
    let tray = &trays.trays[range.start];
    let label = numbers(range);
    let _ = write!(
        page,
        "<figure style=\"max-width:36rem\"><svg role=img aria-label=\"{label}\" viewBox=\"-2 -2 {:.1} {:.1}\">\
         <rect width={width:.1} height={depth:.1} rx=3 fill=currentColor fill-opacity=0.06 stroke=currentColor stroke-width=1.2 />\
         <g transform=\"matrix(1 0 0 -1 0 {depth})\" fill=currentColor fill-opacity=0.14 stroke=currentColor stroke-width=0.8>",
        width + 4.0,
        depth + 4.0
    );
    let size = |p: &Placement| Vector3::from(trays.footprints[p.part].size_mm);
    for p in &tray.placements {
        let m = p.tray_from_part((Vector3::zeros(), size(p)));
        let [x, y] = p.at_mm;
        let _ = write!(
            page,
            "<use href=#footprint-{} transform=\"matrix({} {} {} {} {:.2} {:.2})\"><title>{}, copy {}: at {x:.1}, {y:.1} mm, turned by {}\u{b0}</title></use>",
            p.part,
            m[(0, 0)],
            m[(1, 0)],
            m[(0, 1)],
            m[(1, 1)],
            m[(0, 3)],
            m[(1, 3)],
            escape(names[p.part]),
            p.copy,
            p.turn_deg()
        );
    }
    page.push_str("</g>");
    for p in &tray.placements {
        let text = caption(names, p, range.len() > 1);
        let [w, d] = trays.footprints[p.part].sides(p.quarters);
        let high = (w / (text.chars().count().max(3) as f64 * 0.75)).min(d * 0.4).min(22.0);
        let (x, y) = (p.at_mm[0] + w / 2.0, depth - p.at_mm[1] - d / 2.0 + high * 0.35);
        let _ = write!(
            page,
            "<text x={x:.1} y={y:.1} font-size={high:.1} text-anchor=middle fill=currentColor>{}</text>",
            escape(&text)
        );
    }
    let (parts, used) = (tray.placements.len(), 100.0 * tray.used);
    let parts = if parts == 1 { "one part".into() } else { format!("{parts} parts") };
    let _ = write!(
        page,
        "</svg><figcaption>{label}: {parts}, {used:.0} % covered, {:.1} mm high</figcaption></figure>",
        tray.height_mm
    );
}

/// What stands on a part: its number in the whole, and which copy; on trays that are alike any copy may stand.
fn caption(names: &[&str], p: &Placement, any: bool) -> String {
    let name = names[p.part].trim_start_matches("part-");
    match (names.len() > 1, any) {
        (true, true) => name.into(),
        (true, false) => format!("{name} / {}", p.copy),
        (false, true) => String::new(),
        (false, false) => p.copy.to_string(),
    }
}

/// The outline of a part in millimetres, y towards the back.
fn path(footprint: &Footprint) -> String {
    let mut path = String::new();
    for ring in footprint.outline() {
        for (i, [x, y]) in ring.iter().enumerate() {
            let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { "M" } else { "L" });
        }
        path.push('Z');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::print::outline::{circle, prism};
    use crate::print::pack::{Bed, pack};

    #[test]
    fn every_copy_is_drawn_and_equal_trays_once() {
        let bed = Bed { build_mm: [200.0, 100.0, 50.0], spacing_mm: 5.0 };
        let disc = Footprint::of("part-A1", &prism(&circle(45.0, 0.01), 0.0, 9.0).mesh, bed.cell_mm());
        let footprints = vec![disc];
        let trays = pack(&crate::base::Ctx::silent(), &footprints, 5, &bed).expect("trays");
        let trays = Trays { bed, footprints, trays };
        assert_eq!(trays.alike(), [0..2, 2..3]);
        let page = draw(&trays, &["part-A1"]);
        assert_eq!((page.matches("<use ").count(), page.matches("<figure ").count()), (3, 2));
        assert!(page.contains("Trays 1 to 2, all alike: 2 parts") && page.contains("Tray 3: one part"), "{page}");
    }
}
