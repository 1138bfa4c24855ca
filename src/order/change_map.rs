//! What was changed for the printer's sake, for the report: a table by class, and the places seen from above.

use super::{Ticket, TicketPart, pictures};
use crate::print::changes::{Act, Change};
use base64::Engine;
use std::f64::consts::PI;
use std::fmt::Write;

/// Table and map; empty where nothing was changed. `above` is the picture of a single part from above.
pub fn draw(ticket: &Ticket, above: Option<&pictures::Picture>) -> String {
    if ticket.changes.is_empty() {
        return String::new();
    }
    let mut page = String::from(
        "<h2>What was changed for the printer</h2><table><tr><th>done<th>on<th class=n>things<th class=n>mm2</tr>",
    );
    for change in &ticket.changes {
        let (done, class, count) = (change.done, change.class, change.count);
        let _ = write!(page, "<tr><td>{done}<td>{class}<td class=n>{count}<td class=n>{:.1}</tr>", change.area_mm2);
    }
    let _ = write!(page, "</table><p>The {} largest, from above: ", ticket.changed.len());
    for act in [Act::Thickened, Act::Shaved, Act::Filled] {
        let _ = write!(page, "<span style=\"color:{}\">&#9679;</span> {} ", colour(act), act.word());
    }
    page.push_str("</p>");
    page.push_str(&map(&ticket.parts, &ticket.changed, above));
    page
}

/// Colours that people with any kind of colour vision tell apart (M. Okabe, K. Ito, 2008).
fn colour(act: Act) -> &'static str {
    match act {
        Act::Thickened => "#0072b2",
        Act::Shaved => "#d55e00",
        Act::Filled => "#f0e442",
    }
}

fn map(parts: &[TicketPart], changed: &[Change], above: Option<&pictures::Picture>) -> String {
    let low = |k: usize| parts.iter().map(|p| p.at_mm[k]).fold(f64::INFINITY, f64::min);
    let high = |k: usize| parts.iter().map(|p| p.at_mm[k] + p.size_mm[k]).fold(f64::NEG_INFINITY, f64::max);
    let (x, y, width, depth) = (low(0), low(1), high(0) - low(0), high(1) - low(1));
    let mut map = format!(
        "<svg role=img aria-label=\"changed places\" viewBox=\"-2 -2 {:.1} {:.1}\" width=720>",
        width + 4.0,
        depth + 4.0
    );
    match (parts, above) {
        ([_], Some(picture)) => {
            // The picture shows the part in its middle, at its own scale.
            let (size, scale) = pictures::from_above_scale([width, depth]);
            let data = base64::engine::general_purpose::STANDARD.encode(&picture.jpeg);
            let [w, h] = size.map(|s| s / scale);
            let _ = write!(
                map,
                "<image x={:.2} y={:.2} width={w:.2} height={h:.2} href=\"data:image/jpeg;base64,{data}\" />",
                (width - w) / 2.0,
                (depth - h) / 2.0
            );
        }
        _ => {
            for part in parts {
                let points = part.outline_mm.iter().map(|p| format!("{:.1},{:.1}", p[0] - x, depth - (p[1] - y)));
                let points: Vec<String> = points.collect();
                let _ = write!(
                    map,
                    "<polygon points=\"{}\" fill=none stroke=currentColor stroke-width=0.6 />",
                    points.join(" ")
                );
            }
        }
    }
    for change in changed {
        let [cx, cy, _] = change.at;
        let radius = (change.area_mm2 / PI).sqrt().clamp(0.6, 6.0);
        let what = format!("{} {}", change.class.map_or("surface", |c| c.word()), change.act.word());
        let _ = write!(
            map,
            "<circle cx={:.2} cy={:.2} r={radius:.2} fill=\"{}\" fill-opacity=0.35 stroke=\"{}\" stroke-width=0.4>\
             <title>{what}, {:.1} mm2 at {cx:.1}, {cy:.1} mm</title></circle>",
            cx - x,
            depth - (cy - y),
            colour(change.act),
            colour(change.act),
            change.area_mm2
        );
    }
    map.push_str("</svg>");
    map
}
